/* POST /tsa: time-stamps by RFC 3161 (3.4, over HTTP). A token leaves the node only after its hash
 * stands on the ledger as evidence `timestamp/<serial>`, recorded by the node's own actor, so that
 * whoever holds a token can show that it was issued then and not later. */
#include "api/tsa.h"

#include <stdlib.h>

#include "codec/text.h"
#include "timestamp/timestamp.h"

#define SERIAL_SIZE 16
#define EXPIRY_S 600

void qf_tsa_issue_deinit(struct qf_tsa_issue *issue)
{
    qf_buf_deinit(&issue->response);
    qf_arena_deinit(&issue->arena);
}

static void recorded(struct qf_submission *submission)
{
    struct qf_tsa_issue *issue = submission->owner;
    issue->done(issue->owner);
}

/* The node's transaction that records the token's hash. */
static enum qf_status make_tx(struct qf_api *api, struct qf_tsa_issue *issue, const char *serial,
                              int64_t now_ms, struct qf_error *err)
{
    struct qf_arena *arena = &issue->arena;
    enum qf_hash_alg alg = qf_suite_hash(qf_ledger_suite(api->options.ledger));
    struct qf_buf token = {0};
    struct qf_buf jws = {0};
    uint8_t hash[QF_HASH_SIZE];
    uint8_t nonce[16];
    char hex[2 * QF_HASH_SIZE + 1] = {0};
    enum qf_status status = qf_timestamp_token(&token, qf_buf_slice(&issue->response), err);
    if (status == QF_OK)
        status = api->options.random.fill(api->options.random.self, nonce, sizeof nonce);
    qf_hash(alg, hash, qf_buf_slice(&token));
    qf_hex_encode(hex, qf_slice_make(hash, sizeof hash));
    struct qf_json op = qf_json_make_object();
    struct qf_json ops = qf_json_make_array();
    qf_json_put(arena, &op, "hash",
                qf_json_make_text(qf_arena_printf(arena, "%s:%s", qf_hash_alg_name(alg), hex)));
    qf_json_put(arena, &op, "id",
                qf_json_make_text(qf_arena_printf(arena, "timestamp/%s", serial)));
    qf_json_put(arena, &op, "media_type", qf_json_make_text("application/timestamp-reply"));
    qf_json_put(arena, &op, "op", qf_json_make_text("evidence.record"));
    qf_json_put(arena, &op, "size", qf_json_make_int((int64_t)token.size));
    qf_json_append(arena, &ops, op);
    const struct qf_tx_rules *rules = qf_ledger_tx_rules(api->options.ledger);
    if (status == QF_OK)
        status = qf_tx_sign(&jws, api->options.tsa_actor, rules, now_ms / 1000 + EXPIRY_S, nonce,
                            &ops, err);
    if (status == QF_OK)
        status =
            qf_tx_decode(arena, &issue->tx, qf_arena_copy(arena, qf_buf_slice(&jws)), rules, err);
    qf_buf_deinit(&token);
    qf_buf_deinit(&jws);
    return status;
}

static enum qf_status stamp(struct qf_api *api, struct qf_tsa_issue *issue, struct qf_slice request,
                            bool *answered, struct qf_error *err)
{
    uint8_t serial[SERIAL_SIZE];
    char serial_hex[2 * SERIAL_SIZE + 1] = {0};
    struct qf_ledger_head head;
    int64_t now_ms = api->options.clock.now_ms(api->options.clock.self);
    qf_ledger_head(api->options.ledger, &head);
    if (head.time_ms > now_ms)
        now_ms = head.time_ms; /* the ledger's time never goes back, nor do its time-stamps */
    enum qf_status status =
        api->options.random.fill(api->options.random.self, serial, sizeof serial);
    if (status != QF_OK)
        return qf_fail(err, status, "", "no random numbers");
    serial[0] = (uint8_t)((serial[0] & 0x3f) | 0x40); /* positive, and always of one length */
    qf_hex_encode(serial_hex, qf_slice_make(serial, sizeof serial));
    const struct qf_tsa_moment moment = {now_ms, qf_slice_make(serial, sizeof serial)};
    status = qf_tsa_answer(api->options.tsa, &issue->response, request, &moment, err);
    if (status != QF_OK) { /* the protocol says it in its own form */
        *answered = true;
        return status;
    }
    status = make_tx(api, issue, serial_hex, now_ms, err);
    if (status != QF_OK)
        return status;
    struct qf_error problem = {0};
    qf_ledger_check(api->options.ledger, &issue->tx, 1, now_ms, &problem);
    if (problem.status != QF_OK)
        return qf_fail(err, QF_UNAVAILABLE, "tsa.actor_key",
                       "the node may not record its time-stamps: %.150s", problem.detail);
    return QF_OK;
}

enum qf_status qf_tsa_issue_start(struct qf_tsa_issue *issue, struct qf_api *api,
                                  struct qf_slice request, bool *answered, struct qf_error *err)
{
    *answered = false;
    if (api->options.tsa == NULL || api->options.tsa_actor == NULL)
        return qf_fail(err, QF_UNAVAILABLE, "tsa",
                       "this node issues no time-stamps; node.yaml needs tsa with key, certificate "
                       "and actor_key");
    enum qf_status status = stamp(api, issue, request, answered, err);
    if (status != QF_OK)
        return status;
    issue->txs[0] = &issue->tx;
    issue->results[0] = &issue->result;
    issue->submission = (struct qf_submission){.txs = issue->txs,
                                               .results = issue->results,
                                               .count = 1,
                                               .size = issue->tx.jws.size,
                                               .done = recorded,
                                               .owner = issue};
    return qf_solo_submit(api->options.solo, &issue->submission, err);
}

/* ---- over HTTP ---- */

struct posted {
    struct qf_tsa_issue issue;
    struct qf_http_exchange *exchange;
};

static void posted_free(struct posted *posted)
{
    qf_tsa_issue_deinit(&posted->issue);
    free(posted);
}

static void reply_response(struct qf_http_exchange *exchange, struct qf_slice response)
{
    qf_http_reply_bytes(exchange, "application/timestamp-reply", response);
    qf_http_set_header(exchange, "Cache-Control", "no-store");
}

static void finish(struct qf_http_exchange *exchange)
{
    struct posted *posted = exchange->handler_data;
    if (posted->issue.result.code == QF_OK)
        reply_response(exchange, qf_buf_slice(&posted->issue.response));
    else
        qf_http_reply_problem(exchange, &posted->issue.result.problem);
    posted_free(posted);
}

static void done(void *owner)
{
    struct posted *posted = owner;
    qf_http_ready(posted->exchange);
}

void qf_api_post_tsa(struct qf_http_exchange *exchange)
{
    struct qf_api *api = qf_api_of(exchange);
    struct qf_error err = {0};
    bool answered = false;
    const char *type = qf_http_header(exchange, "Content-Type");
    if (type == NULL || strcmp(type, "application/timestamp-query") != 0) {
        (void)qf_fail(&err, QF_MEDIA_TYPE, "Content-Type", "want application/timestamp-query");
        qf_http_reply_problem(exchange, &err);
        return;
    }
    struct posted *posted = calloc(1, sizeof *posted);
    QF_ASSERT(posted != NULL);
    posted->exchange = exchange;
    posted->issue.done = done;
    posted->issue.owner = posted;
    exchange->handler_data = posted;
    qf_http_wait(exchange, finish); /* before the engine can be done */
    if (qf_tsa_issue_start(&posted->issue, api, exchange->body, &answered, &err) == QF_OK)
        return;
    /* The protocol says what it can in its own form. */
    posted->issue.result.code = answered ? QF_OK : err.status;
    posted->issue.result.problem = err;
    qf_http_ready(exchange);
}
