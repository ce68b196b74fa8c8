/* Looking into values, and making them. An array or object has room for the next power of two of
 * its count, here and from the parser, so that its count alone says when it must grow. */
#include "codec/json_text.h"

const struct qf_json *qf_json_get_slice(const struct qf_json *object, struct qf_slice key)
{
    if (object == NULL || object->type != QF_JSON_OBJECT)
        return NULL;
    uint32_t low = 0;
    uint32_t high = object->count;
    while (high - low > 8) {
        uint32_t middle = low + (high - low) / 2;
        if (qf_json_key_compare(object->members[middle].key, key) <= 0)
            low = middle;
        else
            high = middle;
    }
    for (uint32_t i = low; i < high; i++)
        if (qf_slice_equal(object->members[i].key, key))
            return &object->members[i].value;
    return NULL;
}

const struct qf_json *qf_json_get(const struct qf_json *object, const char *key)
{
    return qf_json_get_slice(object, qf_slice_of(key));
}

static enum qf_status get_typed(const struct qf_json *object, const char *key,
                                enum qf_json_type type, const char *type_name,
                                const struct qf_json **out, struct qf_error *err)
{
    *out = qf_json_get(object, key);
    if (*out == NULL)
        return qf_fail(err, QF_BAD_FIELD, key, "missing");
    if ((*out)->type != type)
        return qf_fail(err, QF_BAD_FIELD, key, "must be %s", type_name);
    return QF_OK;
}

enum qf_status qf_json_get_text(const struct qf_json *object, const char *key, struct qf_slice *out,
                                struct qf_error *err)
{
    const struct qf_json *value;
    enum qf_status status = get_typed(object, key, QF_JSON_STRING, "a text", &value, err);
    if (status == QF_OK)
        *out = qf_json_text(value);
    return status;
}

enum qf_status qf_json_get_int(const struct qf_json *object, const char *key, int64_t *out,
                               struct qf_error *err)
{
    const struct qf_json *value;
    enum qf_status status = get_typed(object, key, QF_JSON_INT, "an integer", &value, err);
    if (status == QF_OK)
        *out = value->integer;
    return status;
}

struct qf_json qf_json_make_slice(struct qf_slice text)
{
    QF_ASSERT(text.size <= UINT32_MAX);
    return (struct qf_json){.type = QF_JSON_STRING,
                            .count = (uint32_t)text.size,
                            .text = text.size == 0 ? "" : (const char *)text.data};
}

struct qf_json qf_json_make_text(const char *text)
{
    return qf_json_make_slice(qf_slice_of(text));
}

struct qf_json qf_json_make_int(int64_t value)
{
    QF_ASSERT(value >= -QF_JSON_INT_MAX && value <= QF_JSON_INT_MAX);
    return (struct qf_json){.type = QF_JSON_INT, .integer = value};
}

struct qf_json qf_json_make_bool(bool value)
{
    return (struct qf_json){.type = value ? QF_JSON_TRUE : QF_JSON_FALSE};
}

struct qf_json qf_json_make_null(void)
{
    return (struct qf_json){.type = QF_JSON_NULL};
}

struct qf_json qf_json_make_object(void)
{
    return (struct qf_json){.type = QF_JSON_OBJECT};
}

struct qf_json qf_json_make_array(void)
{
    return (struct qf_json){.type = QF_JSON_ARRAY};
}

/* Where one more element may be put: the same place, or a copy with twice the room. */
static void *room_for_one(struct qf_arena *arena, void *elements, uint32_t count, size_t size)
{
    QF_ASSERT(count < UINT32_MAX / 2);
    if ((count & (count - 1)) != 0)
        return elements;
    void *place = qf_arena_alloc(arena, (count == 0 ? 1 : (size_t)count * 2) * size);
    if (count > 0)
        memcpy(place, elements, count * size);
    return place;
}

void qf_json_put(struct qf_arena *arena, struct qf_json *object, const char *key,
                 struct qf_json value)
{
    QF_ASSERT(object->type == QF_JSON_OBJECT);
    struct qf_slice name = qf_slice_of(key);
    uint32_t at = object->count;
    int order = -1;
    while (at > 0 && (order = qf_json_key_compare(object->members[at - 1].key, name)) > 0)
        at--;
    if (at > 0 && order == 0) {
        object->members[at - 1].value = value;
        return;
    }
    object->members = room_for_one(arena, object->members, object->count, sizeof *object->members);
    struct qf_json_member *place = object->members + at;
    memmove(place + 1, place, (object->count - at) * sizeof *place);
    *place = (struct qf_json_member){name, value};
    object->count++;
}

void qf_json_append(struct qf_arena *arena, struct qf_json *array, struct qf_json value)
{
    QF_ASSERT(array->type == QF_JSON_ARRAY);
    array->items = room_for_one(arena, array->items, array->count, sizeof *array->items);
    array->items[array->count++] = value;
}
