/* Many cases on one node. */
#include <stdio.h>
#include <unistd.h>

#include "load.h"
#include "services.h"

#define KINDS 4
#define OPEN_CASES 100000
#define FINISHED_CASES 1000000
#define SIGNED_CASES 40000 /* of the finished ones, each op signed by itself */
#define PACKED 40          /* cases in a transaction otherwise */
#define CHUNK 40000        /* cases between looks at the progress */
#define PAGES 40           /* of each list that are asked for */
#define QUERIES 4000

static const char *const kinds[KINDS] = {"permit", "relief", "transfer", "licence"};
static const int kind_days[KINDS] = {3, 10, 20, 45};

struct scale {
    struct bench_report *report;
    const struct bench_options *options;
    const char *program;
    struct network network;
    uint64_t next[KINDS]; /* case of each service */
};

static void add(struct scale *scale, const char *id, double value, const char *unit, double bar)
{
    bench_report_add(scale->report, &(struct bench_result){.id = id,
                                                           .value = value,
                                                           .unit = unit,
                                                           .has_bar = bar > 0,
                                                           .bar = bar,
                                                           .better = BENCH_LOWER,
                                                           .runs = 1});
}

static size_t scaled(const struct scale *scale, size_t count)
{
    return scale->options->quick ? count / 50 : count;
}

static int submit(struct scale *scale, const struct requests_kind *kind, size_t count, size_t lines)
{
    struct requests requests;
    struct load_result result;
    requests_make_kind(&scale->network, &requests, kind, count, lines);
    const struct load_options options = {.port = scale->network.port,
                                         .connections = 4,
                                         .requests = requests.list,
                                         .request_count = requests.count};
    int failed = load_run(&options, &result);
    requests_free(&requests);
    if (failed == 0 && result.accepted == count)
        return 0;
    fprintf(stderr, "%llu of %zu accepted: %s\n", (unsigned long long)result.accepted, count,
            result.first_failure);
    return -1;
}

/* Cases in equal parts of all services, many in a transaction. */
static int populate(struct scale *scale, size_t cases, int tasks, const char *what)
{
    size_t done = 0;
    while (done < cases) {
        for (size_t k = 0; k < KINDS; k++) {
            size_t chunk = (cases - done < CHUNK ? cases - done : CHUNK) / KINDS;
            struct services_course course = {.service = kinds[k],
                                             .first_case = scale->next[k],
                                             .cases = PACKED,
                                             .tasks = tasks,
                                             .claim_every = tasks < SERVICES_TASKS ? 3 : 0};
            const struct requests_kind kind = {services_course_ops, &course};
            size_t count = (chunk + PACKED - 1) / PACKED;
            if (submit(scale, &kind, count, 4) != 0)
                return -1;
            scale->next[k] += count * PACKED;
        }
        done += CHUNK;
        if (done % (5L * CHUNK) == 0)
            fprintf(stderr, "services: %zu cases %s\n", done, what);
    }
    return 0;
}

/* Bytes of the state as of the node's last block; *ready_ns: the time until it answered again. */
static int settled_size(struct scale *scale, struct network_state_size *out, uint64_t *ready_ns)
{
    if (network_restart(&scale->network, scale->program, "auto", ready_ns) != 0)
        return -1;
    return network_state_size(&scale->network, out);
}

static double state_bytes(const struct network_state_size *size)
{
    return (double)size->records + (double)size->lookups + (double)size->tree;
}

/* What finished cases leave in the state, on the average of all: pages fill and split together, so
 * that a few thousand cases alone may add next to nothing or twice as much. */
static int measure_finished(struct scale *scale)
{
    struct network_state_size before, after;
    uint64_t ready;
    size_t finished = scaled(scale, FINISHED_CASES);
    if (settled_size(scale, &before, &ready) != 0)
        return -1;
    uint64_t started = bench_now_ns();
    if (populate(scale, finished, SERVICES_TASKS, "finished") != 0)
        return -1;
    fprintf(stderr, "services: %zu cases in %.0f s\n", finished,
            (double)(bench_now_ns() - started) / 1e9);
    if (settled_size(scale, &after, &ready) != 0)
        return -1;
    add(scale, "cases.finished.state",
        (state_bytes(&after) - state_bytes(&before)) / (double)finished, "bytes/case", 1500);
    return 0;
}

/* What their transactions leave in the index when each step is one of its own, as in life. */
static int measure_index(struct scale *scale)
{
    size_t cases = scaled(scale, SIGNED_CASES);
    struct network_state_size before, after;
    uint64_t ready;
    if (settled_size(scale, &before, &ready) != 0)
        return -1;
    struct services_work work = {.service = kinds[0], .first_case = scale->next[0]};
    const struct requests_kind kind = {services_ops, &work};
    if (submit(scale, &kind, cases, 100) != 0)
        return -1;
    work.step = SERVICES_COMPLETE;
    for (work.task = 0; work.task < SERVICES_TASKS; work.task++)
        if (submit(scale, &kind, cases, 100) != 0)
            return -1;
    scale->next[0] += cases;
    if (settled_size(scale, &after, &ready) != 0)
        return -1;
    add(scale, "cases.finished.index", (double)(after.index - before.index) / (double)cases,
        "bytes/case", 0);
    add(scale, "cases.state.file", (double)network_disk_of(&scale->network, "state") / 1048576.0,
        "MiB", 0);
    add(scale, "cases.restart", (double)ready / 1e9, "s", 3);
    add(scale, "cases.memory.anonymous", (double)network_memory(&scale->network) / 1048576.0, "MiB",
        0);
    return 0;
}

/* The text of a list's member "next", or empty. */
static void next_of(const struct qf_buf *body, char *out, size_t size)
{
    struct qf_arena arena = {0};
    struct qf_json json;
    struct qf_slice next = {NULL, 0};
    out[0] = '\0';
    if (qf_json_parse(&arena, &json, qf_buf_slice(body), QF_JSON_ANY, NULL) == QF_OK &&
        qf_json_get(&json, "next") != NULL)
        next = qf_json_text(qf_json_get(&json, "next"));
    if (next.size > 0 && next.size < size)
        snprintf(out, size, "%.*s", (int)next.size, (const char *)next.data);
    qf_arena_deinit(&arena);
}

/* Asks for pages of a list, the first and those that follow, over and over. */
static int measure_list(struct scale *scale, const char *id, const char *question)
{
    struct qf_buf paths = {0};
    char cursor[256] = "";
    size_t queries = scaled(scale, QUERIES) + 100;
    size_t ends[PAGES];
    size_t pages = 0;
    int failed = 0;
    while (pages < PAGES && failed == 0 && (pages == 0 || cursor[0] != '\0')) {
        char path[512];
        struct qf_buf body = {0};
        snprintf(path, sizeof path, "%s%s%s", question, cursor[0] != '\0' ? "&cursor=" : "",
                 cursor);
        failed = network_get(&scale->network, &body, path);
        qf_buf_put(&paths, path, strlen(path) + 1);
        ends[pages++] = paths.size;
        next_of(&body, cursor, sizeof cursor);
        qf_buf_deinit(&body);
    }
    struct qf_buf all = {0};
    for (size_t i = 0; i < queries && failed == 0; i++) {
        size_t at = i % pages;
        size_t start = at == 0 ? 0 : ends[at - 1];
        qf_buf_put(&all, paths.data + start, ends[at] - start);
    }
    struct requests requests;
    struct load_result result = {0};
    requests_get(&requests, &all);
    const struct load_options options = {.port = scale->network.port,
                                         .connections = 8,
                                         .requests = requests.list,
                                         .request_count = requests.count};
    if (failed == 0)
        failed = load_run(&options, &result);
    if (failed == 0 && result.answered != queries)
        failed = -1;
    if (failed == 0)
        add(scale, id, (double)bench_histogram_at(&result.latency, 99) / 1e6, "ms p99", 20);
    else
        fprintf(stderr, "%s: %s\n", question, result.first_failure);
    requests_free(&requests);
    qf_buf_deinit(&paths);
    qf_buf_deinit(&all);
    return failed;
}

static int measure_lists(struct scale *scale)
{
    static const struct {
        const char *id;
        const char *question;
    } lists[] = {
        {"worklist.role", "/v1/tasks?role=desk&limit=50"},
        {"worklist.role.unclaimed", "/v1/tasks?role=desk&holder=none&limit=50"},
        {"worklist.holder", "/v1/tasks?holder=planning/clerk-5&limit=50"},
        {"worklist.service", "/v1/tasks?service=relief&limit=50"},
        {"worklist.role.service", "/v1/tasks?role=desk&service=licence&limit=50"},
        {"cases.running", "/v1/cases?service=transfer&status=running&limit=50"},
        {"cases.done", "/v1/cases?status=done&limit=50"},
    };
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        if (measure_list(scale, lists[i].id, lists[i].question) != 0)
            return -1;
    return 0;
}

int services_scale(struct bench_report *report, const struct bench_options *options,
                   const char *program)
{
    struct scale scale = {.report = report, .options = options, .program = program};
    int failed = network_start(&scale.network, program, QF_SUITE_INTL, "auto");
    for (size_t k = 0; k < KINDS && failed == 0; k++)
        failed = services_deploy(&scale.network, kinds[k], kind_days[k]);
    if (failed == 0)
        failed = populate(&scale, scaled(&scale, OPEN_CASES), 1, "open");
    if (failed == 0)
        failed = measure_finished(&scale);
    if (failed == 0)
        failed = measure_index(&scale);
    if (failed == 0)
        failed = measure_lists(&scale);
    network_stop(&scale.network);
    return failed;
}
