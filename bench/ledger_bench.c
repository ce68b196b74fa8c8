/* The ledger end to end: signed transactions over HTTP into the real program, durable before the
 * answer, client and server on the same machine; against what OpenSSL alone could verify on all its
 * cores. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "benches.h"
#include "codec/text.h"
#include "load.h"
#include "merkle/log_tree.h"
#include "network.h"

#define LINES_TXS 40000
#define SINGLE_TXS 20000
#define BATCH_HASHES 10000

struct bench {
    const struct bench_options *options;
    struct bench_report *report;
    const char *program;
    long cores;
    struct bench_samples limit, lines, single, sm2, eddsa_free;
};

static const char *program_path(void)
{
    /* NOLINTNEXTLINE(concurrency-mt-unsafe) */
    const char *given = getenv("QIFENG");
    return given != NULL ? given : "build/qifeng";
}

/* Verifications a second of P-256 on one core, as the openssl program measures them. */
static double openssl_speed(void)
{
    char line[512];
    double rate = 0;
    /* NOLINTNEXTLINE(cert-env33-c): a constant command */
    FILE *out = popen("openssl speed -mr -seconds 1 ecdsap256 2>/dev/null", "re");
    while (out != NULL && fgets(line, sizeof line, out) != NULL) {
        /* +F4:<index>:<bits>:<sign/s or s>:<verify/s or s> */
        char *field = line;
        if (strncmp(line, "+F4:", 4) != 0)
            continue;
        for (int i = 0; i < 4 && field != NULL; i++)
            field = strchr(field + 1, ':');
        double value = field != NULL ? strtod(field + 1, NULL) : 0;
        rate = value > 0 && value < 1 ? 1 / value : value;
    }
    if (out != NULL)
        pclose(out);
    return rate;
}

static size_t scaled(const struct bench *bench, size_t count)
{
    return bench->options->quick ? count / 20 : count;
}

/* Transactions a second in closed loop; 0 when something went wrong. */
static double ingest(struct network *network, size_t count, size_t lines, unsigned connections)
{
    struct requests requests;
    struct load_result result;
    requests_make(network, &requests, count, lines);
    const struct load_options options = {.port = network->port,
                                         .connections = connections,
                                         .requests = requests.list,
                                         .request_count = requests.count};
    int failed = load_run(&options, &result);
    requests_free(&requests);
    if (failed != 0 || result.accepted != count) {
        fprintf(stderr, "%llu of %zu accepted: %s\n", (unsigned long long)result.accepted, count,
                result.first_failure);
        return 0;
    }
    return (double)count / result.seconds;
}

static void add(struct bench *bench, const char *id, const struct bench_samples *samples,
                const char *unit, const char *base, double base_value, double bar)
{
    const struct bench_result result = {.id = id,
                                        .value = bench_samples_median(samples),
                                        .unit = unit,
                                        .base = base,
                                        .base_value = base_value,
                                        .has_bar = bar > 0,
                                        .bar = bar,
                                        .better = BENCH_HIGHER,
                                        .runs = samples->count};
    bench_report_add(bench->report, &result);
}

static void add_value(struct bench *bench, const char *id, double value, const char *unit,
                      double bar, enum bench_better better)
{
    const struct bench_result result = {.id = id,
                                        .value = value,
                                        .unit = unit,
                                        .has_bar = bar > 0,
                                        .bar = bar,
                                        .better = better,
                                        .runs = 1};
    bench_report_add(bench->report, &result);
}

/* Latency of single transactions at a rate that the node can hold, counted from when each was due.
 */
static void latency(struct bench *bench, struct network *network, double rate, const char *name)
{
    struct requests requests;
    struct load_result result;
    char id[64];
    requests_make(network, &requests, scaled(bench, (size_t)(rate * 10)), 1);
    const struct load_options options = {.port = network->port,
                                         .connections = 64,
                                         .requests = requests.list,
                                         .request_count = requests.count,
                                         .rate = rate};
    if (load_run(&options, &result) == 0) {
        static const double percents[] = {50, 99, 99.9};
        static const char *const names[] = {"p50", "p99", "p999"};
        for (int i = 0; i < 3; i++) {
            snprintf(id, sizeof id, "latency.%s.%s", name, names[i]);
            add_value(bench, id, (double)bench_histogram_at(&result.latency, percents[i]) / 1e6,
                      "ms", 0, BENCH_LOWER);
        }
        snprintf(id, sizeof id, "latency.%s.rate", name);
        add_value(bench, id, (double)result.answered / result.seconds, "tx/s", 0, BENCH_HIGHER);
    }
    requests_free(&requests);
}

static void proofs(struct bench *bench, struct network *network)
{
    size_t count = scaled(bench, 40000);
    struct qf_buf bytes = {0};
    struct qf_slice *list = calloc(count, sizeof *list);
    size_t *ends = calloc(count, sizeof *ends);
    QF_ASSERT(list != NULL && ends != NULL);
    for (size_t i = 0; i < count; i++) {
        qf_buf_printf(&bytes, "GET /v1/proof?leaf=%llu HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
                      (unsigned long long)(i * 2654435761u % network->made));
        ends[i] = bytes.size;
    }
    for (size_t i = 0; i < count; i++) {
        size_t start = i == 0 ? 0 : ends[i - 1];
        list[i] = qf_slice_make(bytes.data + start, ends[i] - start);
    }
    const struct load_options options = {
        .port = network->port, .connections = 64, .requests = list, .request_count = count};
    struct load_result result;
    if (load_run(&options, &result) == 0)
        add_value(bench, "proofs.inclusion", (double)result.answered / result.seconds, "proofs/s",
                  0, BENCH_HIGHER);
    qf_buf_deinit(&bytes);
    free(list);
    free(ends);
}

/* What a department does for a batch: a tree over its hashes, then one signed transaction. */
static void batch_op(void *arg, struct qf_arena *arena, struct qf_json *ops, uint64_t number)
{
    const uint64_t *started = arg; /* a part of the ids, so that a second round has others */
    struct qf_log_tree tree;
    struct qf_json op = qf_json_make_object();
    uint8_t hash[QF_HASH_SIZE] = {0};
    char hex[2 * QF_HASH_SIZE + 1] = "";
    qf_log_tree_init(&tree, QF_HASH_SHA256);
    memcpy(hash + 8, &number, sizeof number);
    for (uint32_t i = 0; i < BATCH_HASHES; i++) {
        uint8_t leaf[QF_HASH_SIZE];
        memcpy(hash, &i, sizeof i);
        qf_hash_leaf(QF_HASH_SHA256, leaf, qf_slice_make(hash, sizeof hash));
        qf_log_tree_append(&tree, leaf, NULL, NULL);
    }
    qf_log_tree_root(&tree, hash);
    qf_hex_encode(hex, qf_slice_make(hash, sizeof hash));
    qf_json_put(arena, &op, "count", qf_json_make_int(BATCH_HASHES));
    qf_json_put(
        arena, &op, "id",
        qf_json_make_text(qf_arena_printf(arena, "batch/%llu/%llu", (unsigned long long)*started,
                                          (unsigned long long)number)));
    qf_json_put(arena, &op, "op", qf_json_make_text("evidence.record_batch"));
    qf_json_put(arena, &op, "root", qf_json_make_text(qf_arena_printf(arena, "sha-256:%s", hex)));
    qf_json_append(arena, ops, op);
}

/* From hashes in hand to durable answers: trees, signatures and submission, all in the time. */
static int batch_evidence(struct bench *bench, struct network *network)
{
    struct requests requests;
    struct load_result result;
    uint64_t started = bench_now_ns();
    size_t count = scaled(bench, 400);
    const struct requests_kind kind = {batch_op, &started};
    requests_make_kind(network, &requests, &kind, count, 1);
    const struct load_options options = {.port = network->port,
                                         .connections = 8,
                                         .requests = requests.list,
                                         .request_count = requests.count};
    int failed = load_run(&options, &result);
    double seconds = (double)(bench_now_ns() - started) / 1e9;
    requests_free(&requests);
    if (failed != 0 || result.accepted != count) {
        fprintf(stderr, "%llu of %zu batches accepted: %s\n", (unsigned long long)result.accepted,
                count, result.first_failure);
        return -1;
    }
    add_value(bench, "evidence.batch", (double)count * BATCH_HASHES / seconds, "hashes/s", 0,
              BENCH_HIGHER);
    return 0;
}

static int measure_suites(struct bench *bench, struct network *intl, struct network *gm)
{
    /* Once unmeasured: the keys' tables are made then. */
    if (ingest(intl, scaled(bench, LINES_TXS), 100, 8) <= 0 ||
        ingest(gm, scaled(bench, LINES_TXS / 4), 100, 8) <= 0)
        return -1;
    for (int run = 0; run < bench->options->runs; run++) {
        bench_samples_add(&bench->limit, openssl_speed() * (double)bench->cores);
        double lines = ingest(intl, scaled(bench, LINES_TXS), 100, 8);
        double single = ingest(intl, scaled(bench, SINGLE_TXS), 1, 64);
        double sm2 = ingest(gm, scaled(bench, LINES_TXS), 100, 8);
        if (lines <= 0 || single <= 0 || sm2 <= 0)
            return -1;
        bench_samples_add(&bench->lines, lines);
        bench_samples_add(&bench->single, single);
        bench_samples_add(&bench->sm2, sm2);
    }
    return 0;
}

static int report_suites(struct bench *bench, struct network *intl)
{
    static const char base[] = "openssl.verify.es256 × cores";
    double limit = bench_samples_median(&bench->limit);
    add(bench, "ingest.lines100.es256", &bench->lines, "tx/s", base, limit, 1.0);
    add(bench, "ingest.single64.es256", &bench->single, "tx/s", base, limit, 0.5);
    add(bench, "ingest.lines100.sm2", &bench->sm2, "tx/s", "ingest.lines100.es256",
        bench_samples_median(&bench->lines), 0.85);
    double single = bench_samples_median(&bench->single);
    latency(bench, intl, single * 0.5, "single64");
    proofs(bench, intl);
    return batch_evidence(bench, intl);
}

/* Windows of the same number of transactions in a large ledger and in a small one. They hold a
 * whole number of the keeper's flushes (of 8,000), and they alternate, since the host's speed may
 * change by the minute. */
#define SMALL_SIZE 10000
#define WINDOW_TXS 24000
#define WINDOWS 5

/* Processor time of the node for one window, microseconds per transaction; 0 on failure. */
static double window_cost(struct network *network)
{
    uint64_t before = network_cpu_ns(network);
    if (ingest(network, WINDOW_TXS, 100, 8) <= 0)
        return 0;
    return (double)(network_cpu_ns(network) - before) / WINDOW_TXS / 1000.0;
}

/* The same in a ledger that has just reached its first 10^4. */
static double small_cost(const struct bench *bench)
{
    struct network small;
    double cost = 0;
    if (network_start(&small, bench->program, QF_SUITE_INTL, "auto") == 0 &&
        ingest(&small, SMALL_SIZE, 100, 8) > 0)
        cost = window_cost(&small);
    network_stop(&small);
    return cost;
}

/* `bar`: the logarithm of the size over that of the small ledger's. */
static int measure_size(struct bench *bench, struct network *large, const char *id, double bar)
{
    struct bench_samples small_costs = {0};
    struct bench_samples costs = {0};
    for (int i = 0; i < WINDOWS; i++) {
        double small = small_cost(bench);
        double cost = small > 0 ? window_cost(large) : 0;
        if (cost <= 0)
            return -1;
        bench_samples_add(&small_costs, small);
        bench_samples_add(&costs, cost);
    }
    const struct bench_result result = {.id = id,
                                        .value = bench_samples_median(&costs),
                                        .unit = "µs CPU/tx",
                                        .base = "a ledger of 10^4, in turn",
                                        .base_value = bench_samples_median(&small_costs),
                                        .has_bar = true,
                                        .bar = bar,
                                        .better = BENCH_LOWER,
                                        .runs = costs.count};
    bench_report_add(bench->report, &result);
    return 0;
}

/* Grows a ledger and looks at what a transaction costs the node at each size. */
static int scale(struct bench *bench)
{
    static const struct {
        size_t size;
        const char *id;
        double bar;
    } steps[] = {{100000, "cost.1e5", 5.0 / 4},
                 {1000000, "cost.1e6", 6.0 / 4},
                 {5000000, "cost.5e6", 6.699 / 4}};
    enum { CHUNK = 20000 };
    size_t step_count = bench->options->quick ? 1 : sizeof steps / sizeof steps[0];
    struct network network;
    if (network_start(&network, bench->program, QF_SUITE_INTL, "auto") != 0)
        return -1;
    int failed = 0;
    for (size_t step = 0; step < step_count && failed == 0; step++) {
        while (network.made < steps[step].size && failed == 0) {
            uint64_t made = network.made;
            failed = ingest(&network, CHUNK, 100, 8) > 0 ? 0 : -1;
            if (made / 500000 != network.made / 500000)
                fprintf(stderr, "ledger: %llu transactions\n", (unsigned long long)network.made);
        }
        if (failed == 0)
            failed = measure_size(bench, &network, steps[step].id, steps[step].bar);
    }
    if (failed == 0) {
        uint64_t ready = 0;
        sleep(3); /* the keeper catches up */
        add_value(bench, "memory.anonymous", (double)network_memory(&network) / 1048576.0, "MiB",
                  300, BENCH_LOWER);
        add_value(bench, "disk.bytes", (double)network_disk(&network) / (double)network.made,
                  "bytes/tx", 0, BENCH_LOWER);
        failed = network_restart(&network, bench->program, "auto", &ready);
        add_value(bench, "restart", (double)ready / 1e9, "s", 3, BENCH_LOWER);
    }
    network_stop(&network);
    return failed;
}

/* Only the two ways in, for comparisons with other programs. */
int bench_ingest(const struct bench_options *options)
{
    struct bench bench = {.options = options,
                          .report = bench_report_new("ingest"),
                          .program = program_path(),
                          .cores = sysconf(_SC_NPROCESSORS_ONLN)};
    struct network network;
    int failed = network_start(&network, bench.program, QF_SUITE_INTL, "auto");
    /* Once unmeasured: the keys' tables are made then. */
    if (failed == 0 && ingest(&network, scaled(&bench, LINES_TXS), 100, 8) <= 0)
        failed = -1;
    for (int run = 0; run < options->runs && failed == 0; run++) {
        double lines = ingest(&network, scaled(&bench, LINES_TXS), 100, 8);
        double single = ingest(&network, scaled(&bench, LINES_TXS), 1, 64);
        bench_samples_add(&bench.lines, lines);
        bench_samples_add(&bench.single, single);
        failed = lines > 0 && single > 0 ? 0 : -1;
    }
    network_stop(&network);
    add(&bench, "ingest.lines100.es256", &bench.lines, "tx/s", NULL, 0, 0);
    add(&bench, "ingest.single64.es256", &bench.single, "tx/s", NULL, 0, 0);
    int status = bench_report_finish(bench.report, options);
    return failed != 0 ? 3 : status;
}

int bench_ledger(const struct bench_options *options)
{
    struct bench bench = {.options = options,
                          .report = bench_report_new("ledger"),
                          .program = program_path(),
                          .cores = sysconf(_SC_NPROCESSORS_ONLN)};
    struct network intl;
    struct network gm;
    int failed = network_start(&intl, bench.program, QF_SUITE_INTL, "auto");
    if (failed == 0)
        failed = network_start(&gm, bench.program, QF_SUITE_GM, "auto");
    if (failed == 0)
        failed = measure_suites(&bench, &intl, &gm);
    if (failed == 0)
        failed = report_suites(&bench, &intl);
    network_stop(&intl);
    network_stop(&gm);
    int status = bench_report_finish(bench.report, options);
    return failed != 0 ? 3 : status;
}

int bench_growth(const struct bench_options *options)
{
    struct bench bench = {.options = options,
                          .report = bench_report_new("growth"),
                          .program = program_path(),
                          .cores = sysconf(_SC_NPROCESSORS_ONLN)};
    int failed = scale(&bench);
    int status = bench_report_finish(bench.report, options);
    return failed != 0 ? 3 : status;
}
