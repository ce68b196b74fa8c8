/* Members, actors, keys and proposals as the state has them, and proofs of its records. */
#include "api/records.h"
#include "codec/text.h"
#include "kernel/query.h"

static void reply_missing(struct qf_http_exchange *exchange, const char *what)
{
    struct qf_error err = {0};
    (void)qf_fail(&err, QF_NO_SUCH_RESOURCE, "id", "there is no such %s", what);
    qf_http_reply_problem(exchange, &err);
}

static void reply_found(struct qf_http_exchange *exchange, bool found, const struct qf_json *value,
                        const char *what)
{
    if (found)
        qf_http_reply_json(exchange, 200, value);
    else
        reply_missing(exchange, what);
}

static int64_t head_time_s(struct qf_api *api)
{
    struct qf_ledger_head head;
    qf_ledger_head(api->options.ledger, &head);
    return head.time_ms / 1000;
}

static bool show(const struct qf_state_reader *reader, struct qf_arena *arena,
                 enum qf_query_list_kind kind, struct qf_slice within, struct qf_slice id,
                 int64_t time_s, struct qf_json *out)
{
    switch (kind) {
    case QF_LIST_MEMBERS:
        return qf_query_member(reader, arena, out, id);
    case QF_LIST_ACTORS:
        return qf_query_actor(reader, arena, out, within, id);
    case QF_LIST_PROPOSALS:
        return qf_query_proposal(reader, arena, out, id, time_s);
    case QF_LIST_MANDATES:
        return qf_query_mandate(reader, arena, out, id);
    case QF_LIST_SERVICES:
        return qf_query_service(reader, arena, out, id);
    case QF_LIST_CALENDARS:
        return false;
    }
    return false;
}

void qf_api_reply_state_list(struct qf_http_exchange *exchange, enum qf_query_list_kind kind,
                             struct qf_slice within)
{
    struct qf_api *api = qf_api_of(exchange);
    struct qf_arena *arena = &exchange->arena;
    struct qf_error err = {0};
    int64_t limit;
    if (qf_api_query_int(exchange, "limit", QF_PAGE_ITEMS_DEFAULT, QF_PAGE_ITEMS_MAX, &limit,
                         &err) != QF_OK) {
        qf_http_reply_problem(exchange, &err);
        return;
    }
    const char *cursor = qf_http_query(exchange, "cursor");
    const struct qf_query_page page = {.within = within,
                                       .after = qf_slice_of(cursor != NULL ? cursor : ""),
                                       .limit = (size_t)limit + 1};
    struct qf_ledger_view view;
    qf_ledger_view_init(&view, api->options.ledger, arena);
    struct qf_json ids = qf_query_list(&view.reader, arena, kind, &page);
    struct qf_json items = qf_json_make_array();
    const char *next = NULL;
    for (uint32_t i = 0; i < ids.count; i++) {
        if (i == (uint32_t)limit) {
            next = i == 0 ? NULL : qf_arena_text(arena, qf_json_text(&ids.items[i - 1]));
            break;
        }
        struct qf_json item;
        if (show(&view.reader, arena, kind, within, qf_json_text(&ids.items[i]), head_time_s(api),
                 &item))
            qf_json_append(arena, &items, item);
    }
    qf_ledger_view_deinit(&view);
    qf_api_reply_list(exchange, &items, next);
}

void qf_api_reply_state_one(struct qf_http_exchange *exchange, enum qf_query_list_kind kind,
                            struct qf_slice within, const char *id, const char *what)
{
    struct qf_api *api = qf_api_of(exchange);
    struct qf_ledger_view view;
    struct qf_json value;
    qf_ledger_view_init(&view, api->options.ledger, &exchange->arena);
    bool found = show(&view.reader, &exchange->arena, kind, within, qf_slice_of(id),
                      head_time_s(api), &value);
    qf_ledger_view_deinit(&view);
    reply_found(exchange, found, &value, what);
}

void qf_api_get_members(struct qf_http_exchange *exchange)
{
    qf_api_reply_state_list(exchange, QF_LIST_MEMBERS, (struct qf_slice){0});
}

void qf_api_get_member(struct qf_http_exchange *exchange)
{
    qf_api_reply_state_one(exchange, QF_LIST_MEMBERS, (struct qf_slice){0}, exchange->segments[0],
                           "member");
}

/* The bundle of the entry that admitted him; of one of genesis, whom no entry admitted, of the
 * log's first. */
void qf_api_get_member_bundle(struct qf_http_exchange *exchange)
{
    struct qf_api *api = qf_api_of(exchange);
    struct qf_arena *arena = &exchange->arena;
    const char *id = exchange->segments[0];
    struct qf_ledger_view view;
    struct qf_json member;
    struct qf_error err = {0};
    unsigned cosigned = 0;
    int64_t leaf = 0;
    qf_ledger_view_init(&view, api->options.ledger, arena);
    bool found = qf_query_member(&view.reader, arena, &member, qf_slice_of(id));
    qf_ledger_view_deinit(&view);
    enum qf_status status = qf_api_query_cosigned(exchange, &cosigned, &err);
    if (status == QF_OK && !found)
        status = qf_fail(&err, QF_NO_SUCH_RESOURCE, "id", "there is no such member");
    if (status == QF_OK)
        status = qf_json_get_int(&member, "leaf", &leaf, &err);
    if (status == QF_OK) {
        const char *const keys[] = {qf_arena_printf(arena, "consortium/member/%s", id),
                                    qf_arena_printf(arena, "consortium/trust/%s", id)};
        const struct qf_bundle_request request = {
            .leaf = (uint64_t)leaf, .cosigned = cosigned, .keys = keys, .key_count = 2};
        status = qf_bundle_make_with(api->options.ledger, &exchange->response.body, &request,
                                     &api->options.signer, &err);
    }
    qf_api_reply_bundle(exchange, status, &err, id);
}

void qf_api_get_actors(struct qf_http_exchange *exchange)
{
    struct qf_ledger_view view;
    struct qf_json member;
    const struct qf_slice id = qf_slice_of(exchange->segments[0]);
    qf_ledger_view_init(&view, qf_api_of(exchange)->options.ledger, &exchange->arena);
    bool found = qf_query_member(&view.reader, &exchange->arena, &member, id);
    qf_ledger_view_deinit(&view);
    if (found)
        qf_api_reply_state_list(exchange, QF_LIST_ACTORS, id);
    else
        reply_missing(exchange, "member");
}

void qf_api_get_actor(struct qf_http_exchange *exchange)
{
    qf_api_reply_state_one(exchange, QF_LIST_ACTORS, qf_slice_of(exchange->segments[0]),
                           exchange->segments[1], "actor");
}

void qf_api_get_proposals(struct qf_http_exchange *exchange)
{
    qf_api_reply_state_list(exchange, QF_LIST_PROPOSALS, (struct qf_slice){0});
}

void qf_api_get_proposal(struct qf_http_exchange *exchange)
{
    qf_api_reply_state_one(exchange, QF_LIST_PROPOSALS, (struct qf_slice){0}, exchange->segments[0],
                           "proposal");
}

void qf_api_get_key(struct qf_http_exchange *exchange)
{
    struct qf_ledger_view view;
    struct qf_json value;
    qf_ledger_view_init(&view, qf_api_of(exchange)->options.ledger, &exchange->arena);
    bool found =
        qf_query_key(&view.reader, &exchange->arena, &value, qf_slice_of(exchange->segments[0]));
    qf_ledger_view_deinit(&view);
    reply_found(exchange, found, &value, "key");
}

/* GET /v1/state/KEY: the record (absent: value null) with its proof and the height it holds at. */
void qf_api_get_state_proof(struct qf_http_exchange *exchange)
{
    struct qf_api *api = qf_api_of(exchange);
    struct qf_arena *arena = &exchange->arena;
    struct qf_state *state = qf_ledger_state(api->options.ledger);
    struct qf_slice key = qf_slice_of(exchange->segments[0]);
    struct qf_error err = {0};
    struct qf_buf value = {0};
    struct qf_state_proof proof;
    uint8_t root[QF_HASH_SIZE];
    uint64_t height = 0;
    enum qf_status status = QF_OK;
    if (key.size > QF_STATE_KEY_SIZE_MAX)
        status = qf_fail(&err, QF_OVER_LIMIT, "key", "a key has at most %d bytes",
                         QF_STATE_KEY_SIZE_MAX);
    bool present = false;
    if (status == QF_OK) {
        present = qf_state_get(state, &value, key) == QF_OK;
        status = qf_state_prove(state, key, &proof, root, &height);
    }
    if (status != QF_OK) {
        err.status = status;
        qf_buf_deinit(&value);
        qf_http_reply_problem(exchange, &err);
        return;
    }
    struct qf_json object = qf_json_make_object();
    struct qf_json siblings = qf_json_make_array();
    for (size_t i = 0; i < proof.depth; i++)
        qf_json_append(arena, &siblings,
                       qf_json_make_base64(arena, qf_slice_make(proof.siblings[i], QF_HASH_SIZE)));
    qf_json_put(arena, &object, "height", qf_json_make_int((int64_t)height));
    qf_json_put(arena, &object, "key", qf_json_make_slice(key));
    if (proof.has_leaf) {
        struct qf_json leaf = qf_json_make_object();
        qf_json_put(arena, &leaf, "key_hash",
                    qf_json_make_base64(arena, qf_slice_make(proof.leaf.key_hash, QF_HASH_SIZE)));
        qf_json_put(arena, &leaf, "value_hash",
                    qf_json_make_base64(arena, qf_slice_make(proof.leaf.value_hash, QF_HASH_SIZE)));
        qf_json_put(arena, &object, "leaf", leaf);
    }
    qf_json_put(arena, &object, "root",
                qf_json_make_base64(arena, qf_slice_make(root, QF_HASH_SIZE)));
    qf_json_put(arena, &object, "siblings", siblings);
    qf_json_put(arena, &object, "value",
                present ? qf_json_make_slice(qf_arena_copy(arena, qf_buf_slice(&value)))
                        : qf_json_make_null());
    qf_buf_deinit(&value);
    qf_http_reply_json(exchange, 200, &object);
}
