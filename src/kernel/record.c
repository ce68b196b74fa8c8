#include "kernel/record.h"

static const struct {
    const char *prefix;
    uint8_t size;
    bool listed;
} kinds[] = {
#define KIND_ROW(sym, prefix, listed) {(prefix), sizeof(prefix) - 1, (listed)},
    QF_STATE_KIND_LIST(KIND_ROW)
#undef KIND_ROW
};

struct qf_slice qf_state_kind_prefix(enum qf_state_kind kind)
{
    return qf_slice_make(kinds[kind].prefix, kinds[kind].size);
}

bool qf_state_kind_listed(enum qf_state_kind kind)
{
    return kinds[kind].listed;
}

static void append(struct qf_state_key *key, struct qf_slice part)
{
    QF_ASSERT(part.size <= sizeof key->text - key->size);
    if (part.size > 0)
        memcpy(key->text + key->size, part.data, part.size);
    key->size += part.size;
}

void qf_state_key_make(struct qf_state_key *out, enum qf_state_kind kind, struct qf_slice id)
{
    out->kind = kind;
    out->size = 0;
    append(out, qf_state_kind_prefix(kind));
    append(out, id);
}

void qf_state_key_make2(struct qf_state_key *out, enum qf_state_kind kind, struct qf_slice a,
                        struct qf_slice b)
{
    qf_state_key_make(out, kind, a);
    append(out, qf_slice_of("/"));
    append(out, b);
}

const struct qf_json *qf_record_get(const struct qf_state_reader *reader, struct qf_arena *arena,
                                    const struct qf_state_key *key)
{
    struct qf_slice value;
    if (!reader->get(reader->self, qf_state_key_slice(key), &value))
        return NULL;
    struct qf_json *record = qf_arena_alloc(arena, sizeof *record);
    enum qf_status status = qf_json_parse(arena, record, value, QF_JSON_CANONICAL, NULL);
    QF_ASSERT(status == QF_OK);
    return record;
}

struct qf_slice qf_record_text(const struct qf_json *record, const char *name)
{
    const struct qf_json *value = qf_json_get(record, name);
    QF_ASSERT(value != NULL && value->type == QF_JSON_STRING);
    return qf_json_text(value);
}

int64_t qf_record_int(const struct qf_json *record, const char *name)
{
    const struct qf_json *value = qf_json_get(record, name);
    QF_ASSERT(value != NULL && value->type == QF_JSON_INT);
    return value->integer;
}

bool qf_record_has(const struct qf_json *array, struct qf_slice text)
{
    if (array == NULL)
        return false;
    QF_ASSERT(array->type == QF_JSON_ARRAY);
    for (uint32_t i = 0; i < array->count; i++)
        if (array->items[i].type == QF_JSON_STRING &&
            qf_slice_equal(qf_json_text(&array->items[i]), text))
            return true;
    return false;
}
