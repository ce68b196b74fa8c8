/* Events from entries of the log: what each op says by itself, and beside it what followed without
 * an op of its own, which the kernel left under the entry (kernel/lookup.h). */
#include "api/feed.h"
#include "api/records.h"
#include "codec/time.h"
#include "kernel/lookup.h"
#include "kernel/query.h"

bool qf_event_type_matches(struct qf_slice wanted, struct qf_slice type)
{
    if (wanted.size == 0 || qf_slice_equal(wanted, type))
        return true;
    return type.size > wanted.size && type.data[wanted.size] == '.' &&
           memcmp(type.data, wanted.data, wanted.size) == 0;
}

struct entry_events {
    struct qf_api *api;
    struct qf_arena *arena;
    struct qf_api_record record;
    struct qf_json effects; /* of qf_query_effects */
    uint32_t effect;        /* the next one */
    struct qf_json *out;
};

static void add_event(struct entry_events *e, struct qf_slice type, const char *id,
                      struct qf_json data)
{
    struct qf_arena *arena = e->arena;
    struct qf_json event = qf_json_make_object();
    char *time = qf_arena_alloc(arena, QF_TIME_TEXT_SIZE);
    qf_time_format(time, e->record.entry.time_ms);
    qf_json_put(arena, &event, "data", data);
    qf_json_put(arena, &event, "datacontenttype", qf_json_make_text("application/json"));
    qf_json_put(arena, &event, "id", qf_json_make_text(id));
    struct qf_slice network = qf_ledger_network(e->api->options.ledger);
    qf_json_put(arena, &event, "source",
                qf_json_make_text(
                    qf_arena_printf(arena, "urn:qifeng:network:%.*s", QF_SLICE_ARGS(network))));
    qf_json_put(arena, &event, "specversion", qf_json_make_text("1.0"));
    qf_json_put(arena, &event, "time", qf_json_make_slice(qf_slice_make(time, QF_TIME_TEXT_SIZE)));
    qf_json_put(arena, &event, "type", qf_json_make_slice(type));
    qf_json_append(arena, e->out, event);
}

/* An op that a service performed stands in the record of what it has made. */
static void put_op(struct entry_events *e, struct qf_json *data, const struct qf_json *key)
{
    struct qf_ledger_view view;
    struct qf_slice text;
    struct qf_json made;
    if (key == NULL)
        return;
    qf_ledger_view_init(&view, e->api->options.ledger, e->arena);
    if (view.reader.get(view.reader.self, qf_json_text(key), &text) &&
        qf_json_parse(e->arena, &made, qf_arena_copy(e->arena, text), QF_JSON_CANONICAL, NULL) ==
            QF_OK &&
        qf_json_get(&made, "content") != NULL)
        qf_json_put(e->arena, data, "op", *qf_json_get(&made, "content"));
    qf_ledger_view_deinit(&view);
}

/* What the kernel left, and where it stands: beside it the entry's height, position, time and,
 * where a transaction brought it about, its id. */
static void add_effect(struct entry_events *e, const struct qf_json *effect)
{
    static const char *const own[] = {"key", "number", "of", "type"};
    struct qf_json data = qf_json_make_object();
    for (uint32_t i = 0; i < effect->count; i++) {
        struct qf_slice key = effect->members[i].key;
        bool kept = true;
        for (size_t k = 0; k < sizeof own / sizeof own[0]; k++)
            kept = kept && !qf_slice_is(key, own[k]);
        if (kept)
            qf_json_put(e->arena, &data, qf_arena_text(e->arena, key), effect->members[i].value);
    }
    put_op(e, &data, qf_json_get(effect, "key"));
    unsigned long long leaf = e->record.leaf;
    unsigned number = (unsigned)qf_json_get(effect, "number")->integer;
    const struct qf_json *of = qf_json_get(effect, "of");
    const char *id = qf_arena_printf(e->arena, "%llu.t.%u", leaf, number);
    if (of != NULL) {
        struct qf_json shown = qf_api_record_json(e->api, e->arena, &e->record);
        id = qf_arena_printf(e->arena, "%llu.%u.%u", leaf, (unsigned)of->integer, number);
        qf_json_put(e->arena, &data, "id", *qf_json_get(&shown, "id"));
    }
    qf_json_put(e->arena, &data, "height", qf_json_make_int((int64_t)e->record.entry.height));
    qf_json_put(e->arena, &data, "leaf", qf_json_make_int((int64_t)e->record.leaf));
    qf_json_put(e->arena, &data, "time", qf_json_make_int(e->record.entry.time_ms));
    add_event(e, qf_json_text(qf_json_get(effect, "type")), id, data);
}

/* Those of one op; of < 0: those of time, which come before everything else. */
static void add_effects(struct entry_events *e, int64_t of)
{
    for (; e->effect < e->effects.count; e->effect++) {
        const struct qf_json *effect = &e->effects.items[e->effect];
        const struct qf_json *own = qf_json_get(effect, "of");
        if ((own == NULL ? -1 : own->integer) != of)
            return;
        add_effect(e, effect);
    }
}

static void read_effects(struct entry_events *e)
{
    struct qf_ledger_view view;
    qf_ledger_view_init(&view, e->api->options.ledger, e->arena);
    e->effects = qf_query_effects(&view.reader, e->arena, e->record.leaf);
    qf_ledger_view_deinit(&view);
}

enum qf_status qf_events_of_entry(struct qf_api *api, struct qf_arena *arena, uint64_t leaf,
                                  struct qf_json *out, struct qf_error *err)
{
    struct entry_events e = {.api = api, .arena = arena, .out = out};
    const struct qf_api_record *record = &e.record;
    *out = qf_json_make_array();
    enum qf_status status = qf_api_read_record(api, arena, leaf, &e.record, err);
    if (status != QF_OK && !record->time_alone)
        return status;
    read_effects(&e);
    add_effects(&e, -1);
    if (record->time_alone)
        return QF_OK;
    bool refused = record->entry.code != QF_OK;
    uint32_t count = refused ? 1 : (uint32_t)record->tx.op_count;
    for (uint32_t i = 0; i < count; i++) {
        struct qf_json data = qf_api_record_json(api, arena, record);
        struct qf_slice type = qf_slice_of("transaction.refused");
        if (!refused) {
            type = qf_json_text(qf_json_get(record->tx.ops[i].body, "op"));
            qf_json_put(arena, &data, "op", *record->tx.ops[i].body);
        }
        add_event(&e, type, qf_arena_printf(arena, "%llu.%u", (unsigned long long)leaf, i), data);
        add_effects(&e, i);
    }
    return QF_OK;
}
