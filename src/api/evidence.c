/* Evidence: by id, and by hash, source, attributes, member and actor. A search walks the index of
 * one condition and holds every entry that it names against all of them, so a false candidate costs
 * time only. */
#include "api/records.h"
#include "kernel/query.h"
#include "kernel/schema.h"

#define CONDITIONS_MAX 8
/* Looked at in one request; then a page ends with a cursor. Threads are few, and a search must not
 * keep one from who sends transactions. */
#define CANDIDATES_MAX 2000
#define CANDIDATES_SIZE_MAX (4 << 20) /* bytes of their transactions */

static struct qf_json evidence_json(struct qf_api *api, struct qf_arena *arena,
                                    const struct qf_api_record *record, size_t op,
                                    const struct qf_json *state)
{
    struct qf_json object = qf_api_record_json(api, arena, record);
    const struct qf_json *body = record->tx.ops[op].body;
    qf_json_put(arena, &object, "content", *body);
    qf_json_put(arena, &object, "op", qf_json_make_int((int64_t)op));
    qf_json_put(arena, &object, "tx", *qf_json_get(&object, "id"));
    qf_json_put(arena, &object, "id", *qf_json_get(body, "id"));
    const struct qf_json *status = state != NULL ? qf_json_get(state, "status") : NULL;
    const struct qf_json *successor = state != NULL ? qf_json_get(state, "superseded_by") : NULL;
    if (status != NULL)
        qf_json_put(arena, &object, "status", *status);
    if (successor != NULL)
        qf_json_put(arena, &object, "superseded_by", *successor);
    return object;
}

/* What a service recorded: its record has the content, and no transaction does. The entry is the
 * one that brought it about; of time alone, it has no transaction at all. */
static struct qf_json performed_json(struct qf_api *api, struct qf_arena *arena,
                                     const struct qf_api_record *record,
                                     const struct qf_json *state)
{
    static const char *const names[] = {"by",     "content", "id",     "leaf",
                                        "member", "op",      "status", "superseded_by"};
    struct qf_json object = qf_json_make_object();
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct qf_json *value = qf_json_get(state, names[i]);
        if (value != NULL)
            qf_json_put(arena, &object, names[i], *value);
    }
    qf_json_put(arena, &object, "height", qf_json_make_int((int64_t)record->entry.height));
    qf_json_put(arena, &object, "time", qf_json_make_int(record->entry.time_ms));
    /* What time did in a block with transactions is not of the first one's making. */
    const struct qf_json *of = qf_json_get(state, "op");
    if (!record->time_alone && of != NULL) {
        struct qf_json shown = qf_api_record_json(api, arena, record);
        qf_json_put(arena, &object, "tx", *qf_json_get(&shown, "id"));
    }
    return object;
}

void qf_api_get_evidence(struct qf_http_exchange *exchange)
{
    struct qf_api *api = qf_api_of(exchange);
    struct qf_arena *arena = &exchange->arena;
    struct qf_error err = {0};
    struct qf_json state;
    struct qf_ledger_view view;
    qf_ledger_view_init(&view, api->options.ledger, arena);
    bool found = qf_query_evidence(&view.reader, arena, &state, qf_slice_of(exchange->segments[0]));
    qf_ledger_view_deinit(&view);
    struct qf_api_record record = {0};
    enum qf_status status = QF_OK;
    if (!found)
        status = qf_fail(&err, QF_NO_SUCH_RESOURCE, "id", "no evidence has this id");
    int64_t leaf = 0;
    int64_t op = 0;
    if (status == QF_OK)
        status = qf_json_get_int(&state, "leaf", &leaf, &err);
    const struct qf_json *op_value = found ? qf_json_get(&state, "op") : NULL;
    if (op_value != NULL)
        op = op_value->integer;
    bool performed = found && qf_json_get(&state, "by") != NULL;
    if (status == QF_OK)
        status = qf_api_read_record(api, arena, (uint64_t)leaf, &record, &err);
    if (status != QF_OK && performed && record.time_alone)
        status = QF_OK;
    if (status != QF_OK || (!performed && (size_t)op >= record.tx.op_count)) {
        qf_http_reply_problem(exchange, &err);
        return;
    }
    struct qf_json object = performed ? performed_json(api, arena, &record, &state)
                                      : evidence_json(api, arena, &record, (size_t)op, &state);
    qf_http_reply_json(exchange, 200, &object);
}

void qf_api_get_evidence_bundle(struct qf_http_exchange *exchange)
{
    struct qf_api *api = qf_api_of(exchange);
    struct qf_arena *arena = &exchange->arena;
    const char *id = exchange->segments[0];
    struct qf_error err = {0};
    struct qf_json state;
    struct qf_ledger_view view;
    unsigned cosigned = 0;
    qf_ledger_view_init(&view, api->options.ledger, arena);
    bool found = qf_query_evidence(&view.reader, arena, &state, qf_slice_of(id));
    qf_ledger_view_deinit(&view);
    enum qf_status status = qf_api_query_cosigned(exchange, &cosigned, &err);
    if (status == QF_OK && !found)
        status = qf_fail(&err, QF_NO_SUCH_RESOURCE, "id", "no evidence has this id");
    if (status == QF_OK) {
        const char *key = qf_arena_printf(arena, "evidence/record/%s", id);
        const struct qf_bundle_request request = {
            .leaf = (uint64_t)qf_json_get(&state, "leaf")->integer,
            .cosigned = cosigned,
            .keys = &key,
            .key_count = 1};
        status = qf_bundle_make_with(api->options.ledger, &exchange->response.body, &request,
                                     &api->options.signer, &err);
    }
    qf_api_reply_bundle(exchange, status, &err, "evidence");
}

struct condition {
    struct qf_slice name; /* hash, source, member, actor, or the attribute's name */
    struct qf_slice value;
    bool attribute;
};

struct search {
    struct qf_api *api;
    struct qf_arena *arena;
    struct condition conditions[CONDITIONS_MAX];
    size_t count;
    struct qf_error err;
    struct qf_json items;
    size_t limit, looked_at, bytes;
    uint64_t size; /* of the durable log */
    uint64_t next;
    bool more;
};

static const char attribute_prefix[] = "attributes.";

static void add_condition(void *arg, const char *name, const char *value)
{
    struct search *search = arg;
    if (strcmp(name, "cursor") == 0 || strcmp(name, "limit") == 0 || search->err.status != QF_OK)
        return;
    bool attribute = strncmp(name, attribute_prefix, sizeof attribute_prefix - 1) == 0;
    bool known = attribute || strcmp(name, "hash") == 0 || strcmp(name, "source") == 0 ||
                 strcmp(name, "member") == 0 || strcmp(name, "actor") == 0 ||
                 strcmp(name, "case") == 0;
    if (!known) {
        (void)qf_fail(&search->err, QF_BAD_FIELD, name,
                      "want hash, source, member, actor (MEMBER/ACTOR), case or attributes.NAME");
        return;
    }
    if (strcmp(name, "member") == 0 && !qf_member_id_valid(qf_slice_of(value))) {
        (void)qf_fail(&search->err, QF_BAD_FIELD, name, "want the id of a member");
        return;
    }
    if (search->count == CONDITIONS_MAX) {
        (void)qf_fail(&search->err, QF_OVER_LIMIT, name, "at most %d conditions", CONDITIONS_MAX);
        return;
    }
    struct condition *condition = &search->conditions[search->count++];
    const char *bare = attribute ? name + sizeof attribute_prefix - 1 : name;
    condition->name = qf_arena_copy(search->arena, qf_slice_of(bare));
    condition->value = qf_arena_copy(search->arena, qf_slice_of(value));
    condition->attribute = attribute;
}

static bool term_of(const struct condition *condition, struct qf_kernel_term *out)
{
    if (condition->attribute) {
        qf_kernel_term_attribute(out, condition->name, condition->value);
        return true;
    }
    if (qf_slice_is(condition->name, "hash"))
        return qf_kernel_term_hash(out, condition->value);
    if (qf_slice_is(condition->name, "source")) {
        qf_kernel_term_text(out, QF_TERM_EVIDENCE_SOURCE, condition->value);
    } else if (qf_slice_is(condition->name, "member")) {
        qf_kernel_term_text(out, QF_TERM_MEMBER, condition->value);
    } else if (qf_slice_is(condition->name, "case")) {
        qf_kernel_term_text(out, QF_TERM_CASE, condition->value);
    } else {
        const uint8_t *slash = condition->value.size == 0
                                   ? NULL
                                   : memchr(condition->value.data, '/', condition->value.size);
        if (slash == NULL)
            return false;
        size_t size = (size_t)(slash - condition->value.data);
        qf_kernel_term_actor(out, qf_slice_make(condition->value.data, size),
                             qf_slice_make(slash + 1, condition->value.size - size - 1));
    }
    return true;
}

static bool text_is(const struct qf_json *value, struct qf_slice text)
{
    if (value == NULL)
        return false;
    if (value->type == QF_JSON_STRING)
        return qf_slice_equal(qf_json_text(value), text);
    struct qf_buf buf = {0};
    qf_json_write(&buf, value);
    bool same = qf_slice_equal(qf_buf_slice(&buf), text);
    qf_buf_deinit(&buf);
    return same;
}

static bool holds(const struct condition *condition, const struct qf_json *body,
                  const struct qf_json *record)
{
    if (condition->attribute) {
        const struct qf_json *attributes = qf_json_get(body, "attributes");
        return attributes != NULL &&
               text_is(qf_json_get_slice(attributes, condition->name), condition->value);
    }
    if (qf_slice_is(condition->name, "hash"))
        return text_is(qf_json_get(body, "hash"), condition->value) ||
               text_is(qf_json_get(body, "root"), condition->value);
    if (qf_slice_is(condition->name, "source"))
        return text_is(qf_json_get(body, "source"), condition->value);
    const struct qf_json *by = qf_json_get(record, "by");
    if (qf_slice_is(condition->name, "case"))
        return by != NULL && text_is(qf_json_get(by, "case"), condition->value);
    const struct qf_json *member = qf_json_get(record, "member");
    if (qf_slice_is(condition->name, "member"))
        return text_is(member, condition->value);
    const struct qf_json *actor = qf_json_get(record, "actor");
    struct qf_slice value = condition->value;
    return member != NULL && actor != NULL && value.size == member->count + 1 + actor->count &&
           memcmp(value.data, member->text, member->count) == 0 &&
           memcmp(value.data + member->count + 1, actor->text, actor->count) == 0;
}

static bool is_evidence(const struct qf_json *body)
{
    const struct qf_json *op = qf_json_get(body, "op");
    return op != NULL && op->count > 9 && memcmp(op->text, "evidence.", 9) == 0;
}

static bool holds_all(const struct search *search, const struct qf_json *body,
                      const struct qf_json *record)
{
    bool all = true;
    for (size_t i = 0; i < search->count && all; i++)
        all = holds(&search->conditions[i], body, record);
    return all;
}

static void add_matches(struct search *search, const struct qf_api_record *record)
{
    struct qf_json json = qf_api_record_json(search->api, search->arena, record);
    struct qf_ledger_view view;
    qf_ledger_view_init(&view, search->api->options.ledger, search->arena);
    for (size_t op = 0; op < record->tx.op_count; op++) {
        const struct qf_json *body = record->tx.ops[op].body;
        if (!is_evidence(body) || !holds_all(search, body, &json))
            continue;
        struct qf_json state;
        bool found = qf_query_evidence(&view.reader, search->arena, &state,
                                       qf_json_text(qf_json_get(body, "id")));
        qf_json_append(
            search->arena, &search->items,
            evidence_json(search->api, search->arena, record, op, found ? &state : NULL));
    }
    qf_ledger_view_deinit(&view);
}

/* What services recorded with the entry. */
static void add_performed(struct search *search, const struct qf_api_record *record)
{
    static const char prefix[] = "evidence/record/";
    struct qf_ledger_view view;
    qf_ledger_view_init(&view, search->api->options.ledger, search->arena);
    struct qf_json effects = qf_query_effects(&view.reader, search->arena, record->leaf);
    for (uint32_t i = 0; i < effects.count; i++) {
        const struct qf_json *key = qf_json_get(&effects.items[i], "key");
        struct qf_json state;
        if (key == NULL || key->count < sizeof prefix ||
            memcmp(key->text, prefix, sizeof prefix - 1) != 0)
            continue;
        struct qf_slice id =
            qf_slice_make(key->text + sizeof prefix - 1, key->count - (sizeof prefix - 1));
        if (qf_query_evidence(&view.reader, search->arena, &state, id) &&
            holds_all(search, qf_json_get(&state, "content"), &state))
            qf_json_append(search->arena, &search->items,
                           performed_json(search->api, search->arena, record, &state));
    }
    qf_ledger_view_deinit(&view);
}

static bool look_at(void *arg, uint64_t leaf)
{
    struct search *search = arg;
    if (leaf >= search->size)
        return false;
    if (search->items.count >= search->limit || search->looked_at++ == CANDIDATES_MAX ||
        search->bytes > CANDIDATES_SIZE_MAX) {
        search->more = true;
        search->next = leaf;
        return false;
    }
    struct qf_api_record record;
    struct qf_arena_mark before = qf_arena_mark(search->arena);
    uint32_t matches = search->items.count;
    struct qf_error err = {0};
    if (qf_api_read_record(search->api, search->arena, leaf, &record, &err) != QF_OK &&
        !record.time_alone) {
        search->err = err;
        return false;
    }
    search->bytes += record.entry.jws.size;
    add_performed(search, &record);
    if (!record.time_alone && record.entry.code == QF_OK)
        add_matches(search, &record);
    if (search->items.count == matches)
        qf_arena_release(search->arena, before); /* a search that finds nothing costs no memory */
    return true;
}

void qf_api_find_evidence(struct qf_http_exchange *exchange)
{
    struct search search = {
        .api = qf_api_of(exchange), .arena = &exchange->arena, .items = qf_json_make_array()};
    int64_t from = 0;
    int64_t limit = 0;
    struct qf_kernel_term term;
    qf_http_each_query(exchange, add_condition, &search);
    enum qf_status status = search.err.status;
    if (status == QF_OK)
        status = qf_api_query_page(exchange, INT64_MAX, &from, &limit, &search.err);
    if (status == QF_OK && search.count == 0)
        status = qf_fail(&search.err, QF_BAD_FIELD, "hash",
                         "want at least one of hash, source, member, actor, case, attributes.NAME");
    if (status == QF_OK && !term_of(&search.conditions[0], &term))
        status = qf_fail(&search.err, QF_BAD_FIELD,
                         qf_arena_text(search.arena, search.conditions[0].name),
                         "want ALGORITHM:HEX for a hash, MEMBER/ACTOR for an actor");
    if (status == QF_OK) {
        struct qf_ledger_head head;
        qf_ledger_head(search.api->options.ledger, &head);
        search.size = head.size;
        search.limit = (size_t)limit;
        struct qf_index_term index = {.kind = term.kind};
        memcpy(index.term, term.term, sizeof index.term);
        status = qf_state_find(qf_ledger_state(search.api->options.ledger), &index, (uint64_t)from,
                               look_at, &search);
        if (status == QF_OK)
            status = search.err.status;
    }
    if (status != QF_OK) {
        search.err.status = status;
        qf_http_reply_problem(exchange, &search.err);
        return;
    }
    qf_api_reply_list(exchange, &search.items,
                      search.more
                          ? qf_arena_printf(search.arena, "%llu", (unsigned long long)search.next)
                          : NULL);
}
