/* Writing, looking up and building values; json_parse.c reads them. */
#include "codec/json.h"

#include "codec/json_internal.h"
#include "codec/json_number.h"
#include "codec/text.h"
#include "codec/utf8.h"

void qf_json_write_string(struct qf_buf *buf, struct qf_slice text)
{
    static const char hex[] = "0123456789abcdef";
    qf_buf_put_byte(buf, '"');
    size_t from = 0;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        qf_buf_put(buf, text.data + from, i - from);
        from = i + 1;
        char escape[6] = {'\\', (char)c, '0', '0', 0, 0};
        size_t size = 2;
        switch (c) {
        case '\b':
            escape[1] = 'b';
            break;
        case '\t':
            escape[1] = 't';
            break;
        case '\n':
            escape[1] = 'n';
            break;
        case '\f':
            escape[1] = 'f';
            break;
        case '\r':
            escape[1] = 'r';
            break;
        case '"':
        case '\\':
            break;
        default:
            escape[1] = 'u';
            escape[4] = hex[c >> 4];
            escape[5] = hex[c & 15];
            size = 6;
        }
        qf_buf_put(buf, escape, size);
    }
    qf_buf_put(buf, text.size > 0 ? text.data + from : NULL, text.size - from);
    qf_buf_put_byte(buf, '"');
}

static void write_value(struct qf_buf *buf, const struct qf_json *value, unsigned depth)
{
    QF_ASSERT(depth <= 2 * QF_JSON_DEPTH_MAX);
    switch (value->type) {
    case QF_JSON_NULL:
        qf_buf_put_text(buf, "null");
        return;
    case QF_JSON_FALSE:
        qf_buf_put_text(buf, "false");
        return;
    case QF_JSON_TRUE:
        qf_buf_put_text(buf, "true");
        return;
    case QF_JSON_INT:
        qf_buf_put_int(buf, value->integer);
        return;
    case QF_JSON_DECIMAL:
        qf_json_number_write(buf, qf_json_text(value));
        return;
    case QF_JSON_STRING:
        qf_json_write_string(buf, qf_json_text(value));
        return;
    case QF_JSON_ARRAY:
        qf_buf_put_byte(buf, '[');
        for (uint32_t i = 0; i < value->count; i++) {
            if (i > 0)
                qf_buf_put_byte(buf, ',');
            write_value(buf, &value->items[i], depth + 1);
        }
        qf_buf_put_byte(buf, ']');
        return;
    case QF_JSON_OBJECT:
        qf_buf_put_byte(buf, '{');
        for (uint32_t i = 0; i < value->count; i++) {
            if (i > 0)
                qf_buf_put_byte(buf, ',');
            qf_json_write_string(buf, value->members[i].key);
            qf_buf_put_byte(buf, ':');
            write_value(buf, &value->members[i].value, depth + 1);
        }
        qf_buf_put_byte(buf, '}');
        return;
    }
}

void qf_json_write(struct qf_buf *buf, const struct qf_json *value)
{
    write_value(buf, value, 0);
}

const struct qf_json *qf_json_get_slice(const struct qf_json *object, struct qf_slice key)
{
    if (object->type != QF_JSON_OBJECT)
        return NULL;
    size_t low = 0;
    size_t high = object->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = qf_utf16_compare(object->members[middle].key, key);
        if (order == 0)
            return &object->members[middle].value;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const struct qf_json *qf_json_get(const struct qf_json *object, const char *key)
{
    return qf_json_get_slice(object, qf_slice_of(key));
}

enum qf_status qf_json_get_text(const struct qf_json *object, const char *key, struct qf_slice *out,
                                struct qf_error *err)
{
    const struct qf_json *value = qf_json_get(object, key);
    if (value == NULL)
        return qf_fail(err, QF_BAD_FIELD, key, "is missing; want text");
    if (value->type != QF_JSON_STRING)
        return qf_fail(err, QF_BAD_FIELD, key, "want text");
    *out = qf_json_text(value);
    return QF_OK;
}

enum qf_status qf_json_get_int(const struct qf_json *object, const char *key, int64_t *out,
                               struct qf_error *err)
{
    const struct qf_json *value = qf_json_get(object, key);
    if (value == NULL)
        return qf_fail(err, QF_BAD_FIELD, key, "is missing; want an integer");
    if (value->type != QF_JSON_INT)
        return qf_fail(err, QF_BAD_FIELD, key, "want an integer");
    *out = value->integer;
    return QF_OK;
}

struct qf_json qf_json_make_slice(struct qf_slice text)
{
    QF_ASSERT(text.size <= UINT32_MAX);
    return (struct qf_json){
        .type = QF_JSON_STRING, .count = (uint32_t)text.size, .text = (const char *)text.data};
}

struct qf_json qf_json_make_text(const char *text)
{
    return qf_json_make_slice(qf_slice_of(text));
}

struct qf_json qf_json_make_int(int64_t value)
{
    return (struct qf_json){.type = QF_JSON_INT, .integer = value};
}

struct qf_json qf_json_make_base64(struct qf_arena *arena, struct qf_slice bytes)
{
    const size_t size = QF_BASE64_SIZE(bytes.size);
    char *text = qf_arena_alloc(arena, size + 1);
    qf_base64_encode(text, bytes);
    return qf_json_make_slice(qf_slice_make(text, size));
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

/* Containers always have room for qf_json_room(count) elements: only a full one moves. */
static void *grow(struct qf_arena *arena, void *old, size_t count, size_t element)
{
    if (count < qf_json_room(count))
        return old;
    void *grown = qf_arena_alloc(arena, qf_json_room(count + 1) * element);
    if (count > 0)
        memcpy(grown, old, count * element);
    return grown;
}

void qf_json_put(struct qf_arena *arena, struct qf_json *object, const char *key,
                 struct qf_json value)
{
    QF_ASSERT(object->type == QF_JSON_OBJECT);
    struct qf_slice name = qf_slice_of(key);
    size_t at = object->count;
    while (at > 0) {
        int order = qf_utf16_compare(object->members[at - 1].key, name);
        if (order == 0) {
            object->members[at - 1].value = value;
            return;
        }
        if (order < 0)
            break;
        at--;
    }
    object->members = grow(arena, object->members, object->count, sizeof *object->members);
    memmove(object->members + at + 1, object->members + at,
            (object->count - at) * sizeof *object->members);
    object->members[at] = (struct qf_json_member){name, value};
    object->count++;
}

void qf_json_append(struct qf_arena *arena, struct qf_json *array, struct qf_json value)
{
    QF_ASSERT(array->type == QF_JSON_ARRAY);
    array->items = grow(arena, array->items, array->count, sizeof *array->items);
    array->items[array->count++] = value;
}
