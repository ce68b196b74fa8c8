/* Health that explains itself, and counters for Prometheus. */
#include <sys/statvfs.h>

#include "api/stamp/stamping.h"
#include "api/webhook/webhook.h"
#include "api/witness/health.h"

/* Below this a node should get space; without any it halts. As `qifeng doctor` has it. */
#define FREE_SPACE_WANTED (256ULL << 20)

/* Bytes that this process may still use in the data directory; UINT64_MAX: not known. */
static uint64_t free_space(const struct qf_api *api)
{
    struct statvfs disk;
    return statvfs(api->options.dir, &disk) == 0 ? (uint64_t)disk.f_bavail * disk.f_frsize
                                                 : UINT64_MAX;
}

void qf_api_get_health(struct qf_http_exchange *exchange)
{
    struct qf_api *api = qf_api_of(exchange);
    struct qf_arena *arena = &exchange->arena;
    struct qf_ledger_head head;
    struct qf_solo_stats stats;
    struct qf_error reason = {0};
    qf_ledger_head(api->options.ledger, &head);
    qf_solo_stats(api->options.solo, &stats);
    enum qf_status halted = qf_ledger_halted(api->options.ledger, &reason);
    int64_t now_ms = api->options.clock.now_ms(api->options.clock.self);
    struct qf_json object = qf_json_make_object();
    struct qf_json problems = qf_json_make_array();
    if (halted != QF_OK)
        qf_json_append(arena, &problems, qf_http_problem_json(arena, &reason));
    if (head.time_ms > now_ms + 1000) {
        struct qf_error skew = {0};
        (void)qf_fail(&skew, QF_UNAVAILABLE, "clock",
                      "this computer's clock is %lld ms behind the last block; set it, and keep it "
                      "set with NTP",
                      (long long)(head.time_ms - now_ms));
        qf_json_append(arena, &problems, qf_http_problem_json(arena, &skew));
    }
    if (stats.queued_txs > QF_QUEUE_TXS_MAX / 2) {
        struct qf_error queue = {0};
        (void)qf_fail(&queue, QF_UNAVAILABLE, "queue",
                      "%llu transactions wait; at most %d may, then clients are told to come back",
                      (unsigned long long)stats.queued_txs, QF_QUEUE_TXS_MAX);
        qf_json_append(arena, &problems, qf_http_problem_json(arena, &queue));
    }
    uint64_t space = free_space(api);
    if (halted == QF_OK && space < FREE_SPACE_WANTED) {
        struct qf_error disk = {0};
        (void)qf_fail(&disk, QF_NO_SPACE, "disk",
                      "%llu MB are free where the data directory lies; with none the node takes no "
                      "more transactions",
                      (unsigned long long)(space >> 20));
        qf_json_append(arena, &problems, qf_http_problem_json(arena, &disk));
    }
    struct qf_json webhooks = qf_webhooks_describe(api->webhooks, arena, &problems);
    qf_api_witness_health(api, arena, &object, &problems, head.size);
    qf_api_stamp_health(api, arena, &object, &problems, head.size);
    bool ordering = halted == QF_OK;
    qf_json_put(arena, &object, "ordering", qf_json_make_bool(ordering));
    qf_json_put(arena, &object, "status",
                qf_json_make_text(problems.count == 0 ? "ok"
                                  : ordering          ? "degraded"
                                                      : "halted"));
    qf_json_put(arena, &object, "version", qf_json_make_text(api->options.version));
    qf_http_set_header(exchange, "Cache-Control", "no-store");
    if (api->options.members_only && qf_api_identify(exchange, &reason) != QF_OK) {
        qf_http_reply_json(exchange, ordering ? 200 : 503, &object); /* the short form */
        return;
    }
    qf_json_put(arena, &object, "height", qf_json_make_int((int64_t)head.height));
    qf_json_put(arena, &object, "log_size", qf_json_make_int((int64_t)head.size));
    qf_json_put(arena, &object, "problems", problems);
    qf_json_put(arena, &object, "queued", qf_json_make_int((int64_t)stats.queued_txs));
    qf_json_put(arena, &object, "up_ms", qf_json_make_int(now_ms - api->started_ms));
    qf_json_put(arena, &object, "webhooks", webhooks);
    qf_http_reply_json(exchange, ordering ? 200 : 503, &object);
}

static void metric(struct qf_buf *out, const char *name, const char *type, const char *help,
                   uint64_t value)
{
    qf_buf_printf(out, "# HELP qifeng_%s %s\n# TYPE qifeng_%s %s\nqifeng_%s %llu\n", name, help,
                  name, type, name, (unsigned long long)value);
}

void qf_api_get_metrics(struct qf_http_exchange *exchange)
{
    struct qf_api *api = qf_api_of(exchange);
    struct qf_buf *out = &exchange->response.body;
    struct qf_ledger_head head;
    struct qf_solo_stats stats;
    qf_ledger_head(api->options.ledger, &head);
    qf_solo_stats(api->options.solo, &stats);
    metric(out, "height", "gauge", "Height of the last durable block.", head.height);
    metric(out, "log_entries", "gauge", "Entries of the log.", head.size);
    metric(out, "state_records", "gauge", "Records of the state.",
           qf_state_record_count(qf_ledger_state(api->options.ledger)));
    metric(out, "blocks_total", "counter", "Blocks made since the start.", stats.blocks);
    metric(out, "transactions_total", "counter", "Transactions ordered since the start.",
           stats.txs);
    metric(out, "syncs_total", "counter", "Syncs of the journal since the start.", stats.syncs);
    metric(out, "queued_transactions", "gauge", "Transactions that wait for a block.",
           stats.queued_txs);
    metric(out, "http_requests_total", "counter", "Requests answered.",
           atomic_load(&api->requests));
    metric(out, "http_refused_total", "counter", "Requests answered with 4xx.",
           atomic_load(&api->refused));
    metric(out, "http_errors_total", "counter", "Requests answered with 5xx.",
           atomic_load(&api->errors));
    metric(out, "halted", "gauge", "1 when the node takes no transactions; see /v1/health.",
           qf_ledger_halted(api->options.ledger, NULL) != QF_OK);
    uint64_t space = free_space(api);
    if (space != UINT64_MAX)
        metric(out, "disk_free_bytes", "gauge", "Free space where the data directory lies.", space);
    qf_webhooks_measure(api->webhooks, out);
    qf_api_witness_metrics(api, out, head.size);
    qf_api_stamp_metrics(api, out);
    exchange->response.status = 200;
    qf_http_set_header(exchange, "Cache-Control", "no-store");
    exchange->response.type = "text/plain; version=0.0.4; charset=utf-8";
}
