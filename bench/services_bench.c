/* Services end to end: signed completions over HTTP, durable before the answer, against evidence in
 * the same run on the same node. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "benches.h"
#include "load.h"
#include "services.h"

#define CASES 10000

struct way { /* in which transactions come in */
    const char *name;
    size_t lines;
    unsigned connections;
    struct bench_samples evidence, complete, claim_complete, course, ratio;
    struct bench_samples evidence_cost, complete_cost; /* processor time of the node, µs each */
};

static const char *program_path(void)
{
    /* NOLINTNEXTLINE(concurrency-mt-unsafe) */
    const char *given = getenv("QIFENG");
    return given != NULL ? given : "build/qifeng";
}

/* Seconds until all were accepted, or 0. */
static double submit(struct network *network, struct requests *requests, size_t count,
                     const struct way *way)
{
    struct load_result result;
    const struct load_options options = {.port = network->port,
                                         .connections = way->connections,
                                         .requests = requests->list,
                                         .request_count = requests->count};
    int failed = load_run(&options, &result);
    requests_free(requests);
    if (failed == 0 && result.accepted == count)
        return result.seconds;
    fprintf(stderr, "%llu of %zu accepted: %s\n", (unsigned long long)result.accepted, count,
            result.first_failure);
    return 0;
}

/* One step of all cases. */
static double step(struct network *network, struct services_work *work, size_t cases,
                   const struct way *way)
{
    struct requests requests;
    const struct requests_kind kind = {services_ops, work};
    requests_make_kind(network, &requests, &kind, cases, way->lines);
    return submit(network, &requests, cases, way);
}

static int measure(struct network *network, struct way *way, size_t cases, uint64_t *first)
{
    struct requests requests;
    size_t count = cases * SERVICES_TASKS;
    requests_make(network, &requests, count, way->lines);
    uint64_t cpu_ns = network_cpu_ns(network);
    double evidence = submit(network, &requests, count, way);
    bench_samples_add(&way->evidence_cost,
                      (double)(network_cpu_ns(network) - cpu_ns) / 1000.0 / (double)count);
    uint64_t complete_ns = 0;
    struct services_work work = {.service = "reference", .first_case = *first};
    double opening = step(network, &work, cases, way);
    double completing = 0;
    double claiming = 0;
    *first += cases;
    if (evidence <= 0 || opening <= 0)
        return -1;
    for (work.task = 0; work.task < SERVICES_TASKS; work.task++) {
        work.step = SERVICES_CLAIM;
        double claimed = step(network, &work, cases, way);
        work.step = SERVICES_COMPLETE;
        cpu_ns = network_cpu_ns(network);
        double completed = step(network, &work, cases, way);
        complete_ns += network_cpu_ns(network) - cpu_ns;
        if (claimed <= 0 || completed <= 0)
            return -1;
        claiming += claimed;
        completing += completed;
    }
    double done = (double)count;
    bench_samples_add(&way->complete_cost, (double)complete_ns / 1000.0 / done);
    bench_samples_add(&way->evidence, done / evidence);
    bench_samples_add(&way->complete, done / completing);
    bench_samples_add(&way->claim_complete, done / (completing + claiming));
    bench_samples_add(&way->course, done / (completing + claiming + opening));
    bench_samples_add(&way->ratio, evidence / completing);
    return 0;
}

static void report_way(struct bench_report *report, const struct way *way)
{
    char id[64];
    char base[64];
    snprintf(id, sizeof id, "completions.%s", way->name);
    snprintf(base, sizeof base, "evidence.%s of the same run", way->name);
    bench_report_add(report,
                     &(struct bench_result){.id = id,
                                            .value = bench_samples_median(&way->complete),
                                            .unit = "completions/s",
                                            .base = base,
                                            .base_value = bench_samples_median(&way->evidence),
                                            .ratio = bench_samples_median(&way->ratio),
                                            .has_bar = true,
                                            .bar = 0.5,
                                            .better = BENCH_HIGHER,
                                            .runs = way->complete.count});
    snprintf(id, sizeof id, "completions.%s.cost", way->name);
    bench_report_add(report,
                     &(struct bench_result){.id = id,
                                            .value = bench_samples_median(&way->complete_cost),
                                            .unit = "µs CPU each",
                                            .base = "evidence, likewise",
                                            .base_value = bench_samples_median(&way->evidence_cost),
                                            .better = BENCH_LOWER,
                                            .runs = way->complete_cost.count});
    const struct {
        const char *name;
        const struct bench_samples *samples;
        const char *base;
        double base_value;
    } rows[] = {{"claimed", &way->claim_complete, "Operaton on PostgreSQL, unsigned", 740},
                {"course", &way->course, "the best other in memory, unsigned", 1700}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        snprintf(id, sizeof id, "completions.%s.%s", way->name, rows[i].name);
        bench_report_add(report,
                         &(struct bench_result){.id = id,
                                                .value = bench_samples_median(rows[i].samples),
                                                .unit = "completions/s",
                                                .base = rows[i].base,
                                                .base_value = rows[i].base_value,
                                                .has_bar = true,
                                                .bar = 1,
                                                .better = BENCH_HIGHER,
                                                .runs = rows[i].samples->count});
    }
}

static int completions(struct bench_report *report, const struct bench_options *options,
                       const char *program)
{
    struct way ways[] = {{.name = "lines100", .lines = 100, .connections = 8},
                         {.name = "single64", .lines = 1, .connections = 64}};
    struct network network;
    uint64_t first = 0;
    size_t cases = options->quick ? CASES / 20 : CASES;
    int failed = network_start(&network, program, QF_SUITE_INTL, "auto");
    if (failed == 0)
        failed = services_deploy(&network, "reference", 0);
    /* Once unmeasured: the keys' tables are made then. */
    struct way warm = ways[0];
    if (failed == 0)
        failed = measure(&network, &warm, cases / 4, &first);
    for (int run = 0; run < options->runs && failed == 0; run++)
        for (size_t i = 0; i < 2 && failed == 0; i++)
            failed = measure(&network, &ways[i], cases, &first);
    network_stop(&network);
    for (size_t i = 0; i < 2; i++)
        report_way(report, &ways[i]);
    return failed;
}

/* The permit log of a municipality, 1,434 cases and 8,577 events, played by its officials with keys
 * of their own: deployed, every event signed and durable, read back and compared. */
static int replay(struct bench_report *report, const struct bench_options *options,
                  const char *program)
{
    static const char log[] = "test/data/xes/receipt.xes.gz";
    static const char service[] = "services/environmental-permit-receipt";
    char url[64];
    char key[128];
    int status = 0;
    struct network network;
    if (access(log, R_OK) != 0 || access(service, R_OK) != 0) {
        fprintf(stderr, "services: %s and %s are not here; replay is left out\n", log, service);
        return 0;
    }
    if (network_start(&network, program, QF_SUITE_INTL, "auto") != 0)
        return -1;
    snprintf(url, sizeof url, "http://127.0.0.1:%u", network.port);
    snprintf(key, sizeof key, "%s/keys/admin.pem", network.dir);
    uint64_t started = bench_now_ns();
    pid_t pid = fork();
    if (pid == 0) {
        if (freopen("/dev/null", "w", stdout) != NULL)
            execl(program, program, "xes", "replay", log, "--service", service, "--node", url,
                  "--admin-key", key, options->quick ? "--cases" : "--json",
                  options->quick ? "20" : NULL, (char *)NULL);
        _exit(127);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status) ||
        WEXITSTATUS(status) != 0) {
        fprintf(stderr, "services: the replay ended with status %d\n", WEXITSTATUS(status));
        network_stop(&network);
        return -1;
    }
    bench_report_add(report,
                     &(struct bench_result){.id = "replay.receipt",
                                            .value = (double)(bench_now_ns() - started) / 1e9,
                                            .unit = "s",
                                            .has_bar = true,
                                            .bar = 30,
                                            .better = BENCH_LOWER,
                                            .runs = 1});
    network_stop(&network);
    return 0;
}

int bench_services(const struct bench_options *options)
{
    struct bench_report *report = bench_report_new("services");
    int failed = completions(report, options, program_path());
    bench_rules_measure(report, options);
    if (failed == 0)
        failed = replay(report, options, program_path());
    if (failed == 0)
        failed = services_scale(report, options, program_path());
    int status = bench_report_finish(report, options);
    return failed != 0 ? 3 : status;
}
