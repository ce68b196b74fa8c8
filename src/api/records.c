#include "api/records.h"

#include "codec/text.h"
#include "kernel/query.h"

enum qf_status qf_api_read_record(struct qf_api *api, struct qf_arena *arena, uint64_t leaf,
                                  struct qf_api_record *out, struct qf_error *err)
{
    struct qf_buf bytes = {0};
    out->leaf = leaf;
    out->time_alone = false;
    enum qf_status status = qf_tiles_entry(qf_ledger_tiles(api->options.ledger), &bytes, leaf);
    if (status != QF_OK)
        status = qf_fail(err, status == QF_NOT_FOUND ? QF_NO_SUCH_RESOURCE : status, "leaf",
                         "the log has no entry %llu", (unsigned long long)leaf);
    if (status == QF_OK)
        status =
            qf_entry_decode(arena, &out->entry, qf_arena_copy(arena, qf_buf_slice(&bytes)), err);
    out->time_alone = status == QF_OK && out->entry.jws.size == 0;
    if (out->time_alone)
        status = qf_fail(err, QF_NO_SUCH_RESOURCE, "leaf", "entry %llu holds no transaction",
                         (unsigned long long)leaf);
    if (status == QF_OK)
        status = qf_tx_decode(arena, &out->tx, out->entry.jws,
                              qf_ledger_tx_rules(api->options.ledger), err);
    qf_buf_deinit(&bytes);
    return status;
}

struct qf_json qf_api_record_json(struct qf_api *api, struct qf_arena *arena,
                                  const struct qf_api_record *record)
{
    struct qf_json object = qf_json_make_object();
    struct qf_json key;
    char *id = qf_arena_alloc(arena, 2UL * QF_HASH_SIZE);
    qf_hex_encode(id, qf_slice_make(record->tx.id, QF_HASH_SIZE));
    struct qf_ledger_view view;
    qf_ledger_view_init(&view, api->options.ledger, arena);
    if (qf_query_key(&view.reader, arena, &key, qf_slice_of(record->tx.kid))) {
        qf_json_put(arena, &object, "actor", *qf_json_get(&key, "actor"));
        qf_json_put(arena, &object, "member", *qf_json_get(&key, "member"));
    }
    qf_ledger_view_deinit(&view);
    const struct qf_entry *entry = &record->entry;
    qf_json_put(arena, &object, "code", qf_json_make_int(entry->code));
    qf_json_put(arena, &object, "height", qf_json_make_int((int64_t)entry->height));
    qf_json_put(arena, &object, "id", qf_json_make_slice(qf_slice_make(id, 2UL * QF_HASH_SIZE)));
    qf_json_put(arena, &object, "index", qf_json_make_int(entry->index));
    qf_json_put(arena, &object, "kid",
                qf_json_make_text(qf_arena_text(arena, qf_slice_of(record->tx.kid))));
    qf_json_put(arena, &object, "leaf", qf_json_make_int((int64_t)record->leaf));
    qf_json_put(arena, &object, "status",
                qf_json_make_text(entry->code == QF_OK ? "accepted" : "refused"));
    if (entry->code != QF_OK)
        qf_json_put(
            arena, &object, "problem",
            qf_json_make_text(qf_arena_printf(arena, "urn:qifeng:problem:%s",
                                              qf_status_name((enum qf_status)entry->code))));
    qf_json_put(arena, &object, "time", qf_json_make_int(entry->time_ms));
    return object;
}

struct first_leaf {
    bool found;
    uint64_t leaf;
};

static bool take_first(void *arg, uint64_t leaf)
{
    struct first_leaf *first = arg;
    first->found = true;
    first->leaf = leaf;
    return false;
}

enum qf_status qf_api_find_tx(struct qf_api *api, const char *id_hex, uint64_t *leaf,
                              struct qf_error *err)
{
    uint8_t id[QF_HASH_SIZE];
    size_t size = 0;
    if (strlen(id_hex) != 2UL * QF_HASH_SIZE || !qf_hex_decode(id, &size, qf_slice_of(id_hex)))
        return qf_fail(err, QF_BAD_FIELD, "id", "want 64 lower-case hexadecimal digits");
    struct qf_index_term term = {.kind = QF_TERM_TX};
    struct first_leaf first = {0};
    memcpy(term.term, id, sizeof term.term);
    enum qf_status status =
        qf_state_find(qf_ledger_state(api->options.ledger), &term, 0, take_first, &first);
    struct qf_ledger_head head;
    qf_ledger_head(api->options.ledger, &head);
    if (status != QF_OK)
        return qf_fail(err, status, "id", "the index cannot be read");
    if (!first.found || first.leaf >= head.size)
        return qf_fail(err, QF_NO_SUCH_RESOURCE, "id", "no transaction has this id");
    *leaf = first.leaf;
    return QF_OK;
}

static bool read_requested(struct qf_http_exchange *exchange, struct qf_api_record *record)
{
    struct qf_api *api = qf_api_of(exchange);
    struct qf_error err = {0};
    uint64_t leaf = 0;
    enum qf_status status = qf_api_find_tx(api, exchange->segments[0], &leaf, &err);
    if (status == QF_OK)
        status = qf_api_read_record(api, &exchange->arena, leaf, record, &err);
    if (status != QF_OK)
        qf_http_reply_problem(exchange, &err);
    return status == QF_OK;
}

void qf_api_get_transaction(struct qf_http_exchange *exchange)
{
    struct qf_api_record record;
    if (!read_requested(exchange, &record))
        return;
    struct qf_arena *arena = &exchange->arena;
    struct qf_json object = qf_api_record_json(qf_api_of(exchange), arena, &record);
    struct qf_json ops = qf_json_make_array();
    for (size_t i = 0; i < record.tx.op_count; i++)
        qf_json_append(arena, &ops, *record.tx.ops[i].body);
    qf_json_put(arena, &object, "jws", qf_json_make_slice(record.entry.jws));
    qf_json_put(arena, &object, "ops", ops);
    qf_http_reply_json(exchange, 200, &object);
}

typedef enum qf_status make_fn(struct qf_ledger *ledger, struct qf_buf *out, uint64_t leaf,
                               unsigned cosigned, const struct qf_note_signer *signer,
                               struct qf_error *err);

static void reply_file(struct qf_http_exchange *exchange, make_fn *make, const char *type,
                       const char *suffix)
{
    struct qf_api *api = qf_api_of(exchange);
    struct qf_error err = {0};
    uint64_t leaf = 0;
    unsigned cosigned = 0;
    enum qf_status status = qf_api_find_tx(api, exchange->segments[0], &leaf, &err);
    if (status == QF_OK)
        status = qf_api_query_cosigned(exchange, &cosigned, &err);
    if (status == QF_OK)
        status = make(api->options.ledger, &exchange->response.body, leaf, cosigned,
                      &api->options.signer, &err);
    if (status != QF_OK) {
        qf_http_reply_problem(exchange, &err);
        return;
    }
    exchange->response.status = 200;
    exchange->response.type = type;
    qf_http_set_header(exchange, "Content-Disposition",
                       qf_arena_printf(&exchange->arena, "attachment; filename=\"%.16s.%s\"",
                                       exchange->segments[0], suffix));
}

void qf_api_get_bundle(struct qf_http_exchange *exchange)
{
    reply_file(exchange, qf_bundle_make, "application/json", "qfb");
}

void qf_api_get_receipt(struct qf_http_exchange *exchange)
{
    reply_file(exchange, qf_receipt_make, "text/plain; charset=utf-8", "tlog-proof");
}

/* GET /v1/transactions?from=LEAF&limit=N: the log in order, a page at a time. */
void qf_api_get_transactions(struct qf_http_exchange *exchange)
{
    struct qf_api *api = qf_api_of(exchange);
    struct qf_arena *arena = &exchange->arena;
    struct qf_ledger_head head;
    struct qf_error err = {0};
    int64_t from;
    int64_t limit;
    qf_ledger_head(api->options.ledger, &head);
    if (qf_api_query_page(exchange, INT64_MAX, &from, &limit, &err) != QF_OK) {
        qf_http_reply_problem(exchange, &err);
        return;
    }
    struct qf_json items = qf_json_make_array();
    uint64_t leaf = (uint64_t)from;
    for (; leaf < head.size && leaf < (uint64_t)(from + limit); leaf++) {
        struct qf_api_record record;
        enum qf_status status = qf_api_read_record(api, arena, leaf, &record, &err);
        if (status != QF_OK && record.time_alone)
            continue;
        if (status != QF_OK) {
            qf_http_reply_problem(exchange, &err);
            return;
        }
        qf_json_append(arena, &items, qf_api_record_json(api, arena, &record));
    }
    qf_api_reply_list(exchange, &items,
                      leaf < head.size ? qf_arena_printf(arena, "%llu", (unsigned long long)leaf)
                                       : NULL);
}
