/* POST /v1/transactions, and what became of a transaction.
 *
 * A request is one submission: its lines are decoded and checked together in the server's thread
 * (the signatures of all lines at once), what is let in goes to the engine, and the answer waits
 * until it is durable. With `Prefer: respond-async` the answer is 202 and the client asks later by
 * id. */
#include <stdlib.h>
#include <strings.h>

#include "api/api.h"
#include "codec/text.h"

struct line {
    struct qf_tx tx;
    struct qf_tx_result result;
    bool decoded; /* so far that the id is known */
};

struct batch {
    struct qf_submission submission;
    struct qf_http_exchange *exchange; /* NULL once answered with 202 */
    struct qf_arena arena;
    struct qf_tx *txs;
    struct qf_tx_result *results;
    struct qf_error *problems;
    bool *decoded;
    size_t count;
    bool single;
};

static void batch_free(struct batch *batch)
{
    qf_arena_deinit(&batch->arena);
    free(batch);
}

static size_t count_lines(struct qf_slice body)
{
    size_t count = 0;
    for (size_t i = 0; i < body.size; i++)
        count += body.data[i] == '\n';
    return count + (body.size > 0 && body.data[body.size - 1] != '\n');
}

/* Empty lines at the end are no lines; one in between is, and is answered in its place. */
static struct qf_slice without_last_newlines(struct qf_slice body)
{
    while (body.size > 0 && (body.data[body.size - 1] == '\n' || body.data[body.size - 1] == '\r'))
        body.size--;
    return body;
}

static struct batch *batch_new(struct qf_slice body, struct qf_error *err)
{
    size_t count = count_lines(body);
    if (count == 0) {
        (void)qf_fail(err, QF_MALFORMED, "body", "want one compact JWS, or several, one a line");
        return NULL;
    }
    if (count > QF_HTTP_LINES_MAX) {
        (void)qf_fail(err, QF_OVER_LIMIT, "body", "%zu lines; at most %d transactions a request",
                      count, QF_HTTP_LINES_MAX);
        return NULL;
    }
    struct batch *batch = calloc(1, sizeof *batch);
    QF_ASSERT(batch != NULL);
    batch->count = count;
    batch->single = count == 1;
    batch->txs = qf_arena_alloc(&batch->arena, count * sizeof *batch->txs);
    batch->results = qf_arena_alloc(&batch->arena, count * sizeof *batch->results);
    batch->problems = qf_arena_alloc(&batch->arena, count * sizeof *batch->problems);
    batch->decoded = qf_arena_alloc(&batch->arena, count * sizeof *batch->decoded);
    batch->submission.txs = qf_arena_alloc(&batch->arena, count * sizeof(struct qf_tx *));
    batch->submission.results =
        qf_arena_alloc(&batch->arena, count * sizeof(struct qf_tx_result *));
    return batch;
}

static void decode_lines(struct qf_api *api, struct batch *batch, struct qf_slice body)
{
    const struct qf_tx_rules *rules = qf_ledger_tx_rules(api->options.ledger);
    const uint8_t *at = body.data;
    const uint8_t *end = body.data + body.size;
    for (size_t i = 0; i < batch->count; i++) {
        const uint8_t *stop = memchr(at, '\n', (size_t)(end - at));
        if (stop == NULL)
            stop = end;
        struct qf_slice jws = qf_slice_make(at, (size_t)(stop - at));
        if (jws.size > 0 && jws.data[jws.size - 1] == '\r')
            jws.size--;
        at = stop + 1;
        batch->problems[i].status = QF_OK;
        enum qf_status status =
            qf_tx_parse(&batch->arena, &batch->txs[i], jws, rules, &batch->problems[i]);
        batch->decoded[i] = status == QF_OK;
        if (status != QF_OK)
            batch->problems[i].status = status;
        batch->results[i].code = status;
        batch->results[i].ordered = false;
    }
    qf_tx_identify(batch->txs, batch->count, rules->suite);
}

/* Charges the keys for what they signed. */
static void limit_rates(struct qf_api *api, struct batch *batch, int64_t now_ms)
{
    const struct qf_rate_limits *limits = &api->options.limits;
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->problems[i].status != QF_OK)
            continue;
        enum qf_rate_verdict verdict =
            qf_rate_take(api->rate, batch->txs[i].kid, batch->txs[i].jws.size, now_ms);
        if (verdict == QF_RATE_TXS)
            (void)qf_fail(&batch->problems[i], QF_RATE_LIMITED, "kid",
                          "this key may send %u transactions a second", limits->txs);
        if (verdict == QF_RATE_SIZE)
            (void)qf_fail(&batch->problems[i], QF_RATE_LIMITED, "kid",
                          "this key may send %u KiB a second", limits->kib);
    }
}

/* Collects what was let in. */
static void select_good(struct batch *batch)
{
    struct qf_submission *submission = &batch->submission;
    submission->count = 0;
    submission->size = 0;
    for (size_t i = 0; i < batch->count; i++) {
        struct qf_tx_result *result = &batch->results[i];
        if (batch->problems[i].status != QF_OK) {
            result->code = batch->problems[i].status;
            result->problem = batch->problems[i];
            result->ordered = false;
            if (batch->decoded[i])
                memcpy(result->id, batch->txs[i].id, QF_HASH_SIZE);
            continue;
        }
        submission->txs[submission->count] = &batch->txs[i];
        submission->results[submission->count++] = result;
        submission->size += batch->txs[i].jws.size;
    }
}

static void put_problem(struct qf_buf *out, struct qf_arena *arena, const struct qf_error *err)
{
    struct qf_json problem = qf_http_problem_json(arena, err);
    qf_json_write(out, &problem);
}

static void put_hash(struct qf_buf *out, const uint8_t hash[QF_HASH_SIZE])
{
    qf_buf_put_byte(out, '"');
    qf_buf_put_hex(out, qf_slice_make(hash, QF_HASH_SIZE));
    qf_buf_put_byte(out, '"');
}

/* The result object in canonical form. */
static void put_result(struct qf_buf *out, struct qf_arena *arena,
                       const struct qf_tx_result *result, bool has_id)
{
    qf_buf_put_text(out, "{\"code\":");
    qf_buf_put_int(out, (int64_t)result->code);
    if (result->ordered) {
        qf_buf_put_text(out, ",\"height\":");
        qf_buf_put_int(out, (int64_t)result->height);
    }
    if (has_id) {
        qf_buf_put_text(out, ",\"id\":");
        put_hash(out, result->id);
    }
    if (result->ordered) {
        qf_buf_put_text(out, ",\"index\":");
        qf_buf_put_int(out, result->index);
        qf_buf_put_text(out, ",\"leaf\":");
        qf_buf_put_int(out, (int64_t)result->leaf);
    }
    if (result->problem.status != QF_OK) {
        qf_buf_put_text(out, ",\"problem\":");
        put_problem(out, arena, &result->problem);
    }
    qf_buf_put_text(out,
                    result->code == QF_OK ? ",\"status\":\"accepted\"" : ",\"status\":\"refused\"");
    if (result->ordered) {
        qf_buf_put_text(out, ",\"time\":");
        qf_buf_put_int(out, result->time_ms);
    }
    qf_buf_put_byte(out, '}');
}

/* A repeat is answered with the first result; the problem says that it is one. */
static void recall_first(struct qf_api *api, struct qf_arena *arena, struct qf_tx_result *result)
{
    struct qf_buf bytes = {0};
    struct qf_entry entry;
    if (qf_tiles_entry(qf_ledger_tiles(api->options.ledger), &bytes, result->leaf) == QF_OK &&
        qf_entry_decode(arena, &entry, qf_arena_copy(arena, qf_buf_slice(&bytes)), NULL) == QF_OK) {
        result->code = (enum qf_status)entry.code;
        result->height = entry.height;
        result->index = entry.index;
        result->time_ms = entry.time_ms;
        result->ordered = true;
    }
    qf_buf_deinit(&bytes);
}

static int http_status(const struct qf_tx_result *result)
{
    if (result->problem.status == QF_OK)
        return 200;
    int status = qf_status_http(result->problem.status);
    /* What a rule refused after ordering has a place in the log: 422, but for what has its own. */
    return result->ordered && status == 400 ? 422 : status;
}

static void finish(struct qf_http_exchange *exchange)
{
    struct batch *batch = exchange->handler_data;
    struct qf_api *api = qf_api_of(exchange);
    struct qf_buf *out = &exchange->response.body;
    for (size_t i = 0; i < batch->count; i++) {
        struct qf_tx_result *result = &batch->results[i];
        if (result->code == QF_OK)
            result->problem.status = QF_OK;
        else if (result->problem.status == QF_DUPLICATE && !result->ordered)
            recall_first(api, &batch->arena, result);
        put_result(out, &batch->arena, result, batch->decoded[i]);
        if (!batch->single)
            qf_buf_put_byte(out, '\n');
    }
    exchange->response.status = batch->single ? http_status(&batch->results[0]) : 200;
    exchange->response.type = batch->single ? "application/json" : "application/x-ndjson";
    if (exchange->response.status == 503 || exchange->response.status == 429)
        qf_http_set_header(exchange, "Retry-After", "1");
    batch_free(batch);
}

static void done(struct qf_submission *submission)
{
    struct batch *batch = submission->owner;
    if (batch->exchange != NULL)
        qf_http_ready(batch->exchange);
    else
        batch_free(batch);
}

static void answer_pending(struct qf_http_exchange *exchange, const struct batch *batch)
{
    struct qf_buf *out = &exchange->response.body;
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->problems[i].status != QF_OK) {
            put_result(out, &exchange->arena, &batch->results[i], batch->decoded[i]);
        } else {
            qf_buf_put_text(out, "{\"id\":");
            put_hash(out, batch->txs[i].id);
            qf_buf_put_text(out, ",\"status\":\"pending\"}");
        }
        if (!batch->single)
            qf_buf_put_byte(out, '\n');
    }
    exchange->response.status = 202;
    exchange->response.type = batch->single ? "application/json" : "application/x-ndjson";
}

static bool is_jose(const char *type)
{
    return type != NULL && strncasecmp(type, "application/jose", 16) == 0 &&
           (type[16] == '\0' || type[16] == ';' || type[16] == ' ');
}

static void refuse_all(struct batch *batch, const struct qf_error *err)
{
    for (size_t i = 0; i < batch->submission.count; i++) {
        struct qf_tx_result *result = batch->submission.results[i];
        memcpy(result->id, batch->submission.txs[i]->id, QF_HASH_SIZE);
        result->code = err->status;
        result->problem = *err;
    }
}

void qf_api_post_transactions(struct qf_http_exchange *exchange)
{
    struct qf_api *api = qf_api_of(exchange);
    struct qf_error err = {0};
    if (!is_jose(qf_http_header(exchange, "Content-Type"))) {
        (void)qf_fail(&err, QF_MEDIA_TYPE, "Content-Type", "want application/jose");
        qf_http_reply_problem(exchange, &err);
        return;
    }
    struct qf_slice body = without_last_newlines(exchange->body);
    struct batch *batch = batch_new(body, &err);
    if (batch == NULL) {
        qf_http_reply_problem(exchange, &err);
        return;
    }
    const char *prefer = qf_http_header(exchange, "Prefer");
    bool async = prefer != NULL && strstr(prefer, "respond-async") != NULL;
    if (async)
        body = qf_arena_copy(&batch->arena, body);
    int64_t now_ms = api->options.clock.now_ms(api->options.clock.self);
    decode_lines(api, batch, body);
    qf_ledger_check(api->options.ledger, batch->txs, batch->count, now_ms, batch->problems);
    limit_rates(api, batch, now_ms);
    select_good(batch);
    batch->submission.done = done;
    batch->submission.owner = batch;
    exchange->handler_data = batch;
    if (batch->submission.count == 0) {
        finish(exchange);
        return;
    }
    if (async)
        answer_pending(exchange, batch);
    else
        batch->exchange = exchange;
    if (!async)
        qf_http_wait(exchange, finish); /* before the engine can be done */
    if (qf_solo_submit(api->options.solo, &batch->submission, &err) == QF_OK)
        return;
    refuse_all(batch, &err);
    if (async) {
        qf_buf_reset(&exchange->response.body);
        finish(exchange);
    } else {
        qf_http_ready(exchange);
    }
}
