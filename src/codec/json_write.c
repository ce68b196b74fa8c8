#include "codec/json_text.h"

static const char hex_digits[] = "0123456789abcdef";

/* Bytes of the escape of a byte that needs one (RFC 8785 3.2.2.2). */
static size_t put_escape(uint8_t out[6], uint8_t byte)
{
    out[0] = '\\';
    switch (byte) {
    case '"':
    case '\\':
        out[1] = byte;
        return 2;
    case '\b':
        out[1] = 'b';
        return 2;
    case '\t':
        out[1] = 't';
        return 2;
    case '\n':
        out[1] = 'n';
        return 2;
    case '\f':
        out[1] = 'f';
        return 2;
    case '\r':
        out[1] = 'r';
        return 2;
    default:
        out[1] = 'u';
        out[2] = out[3] = '0';
        out[4] = (uint8_t)hex_digits[byte >> 4];
        out[5] = (uint8_t)hex_digits[byte & 15];
        return 6;
    }
}

void qf_json_write_string(struct qf_buf *buf, struct qf_slice text)
{
    qf_buf_put_byte(buf, '"');
    const uint8_t *at = text.data;
    const uint8_t *end = text.size == 0 ? at : at + text.size;
    const uint8_t *from = at;
    while (at < end) {
        at = qf_json_skip_ascii(at, end);
        while (at < end && *at >= 0x80)
            at++;
        if (at == end)
            break;
        if (*at >= 0x20 && *at != '"' && *at != '\\')
            continue;
        uint8_t escape[6];
        qf_buf_put(buf, from, (size_t)(at - from));
        qf_buf_put(buf, escape, put_escape(escape, *at));
        from = ++at;
    }
    qf_buf_put(buf, from, (size_t)(end - from));
    qf_buf_put_byte(buf, '"');
}

static void write_at(struct qf_buf *buf, const struct qf_json *value, unsigned depth);

static void write_array(struct qf_buf *buf, const struct qf_json *array, unsigned depth)
{
    qf_buf_put_byte(buf, '[');
    for (uint32_t i = 0; i < array->count; i++) {
        if (i > 0)
            qf_buf_put_byte(buf, ',');
        write_at(buf, &array->items[i], depth);
    }
    qf_buf_put_byte(buf, ']');
}

static void write_object(struct qf_buf *buf, const struct qf_json *object, unsigned depth)
{
    qf_buf_put_byte(buf, '{');
    for (uint32_t i = 0; i < object->count; i++) {
        if (i > 0)
            qf_buf_put_byte(buf, ',');
        qf_json_write_string(buf, object->members[i].key);
        qf_buf_put_byte(buf, ':');
        write_at(buf, &object->members[i].value, depth);
    }
    qf_buf_put_byte(buf, '}');
}

static void write_at(struct qf_buf *buf, const struct qf_json *value, unsigned depth)
{
    char number[QF_JSON_NUMBER_SIZE_MAX];
    switch (value->type) {
    case QF_JSON_NULL:
        qf_buf_put(buf, "null", 4);
        break;
    case QF_JSON_FALSE:
        qf_buf_put(buf, "false", 5);
        break;
    case QF_JSON_TRUE:
        qf_buf_put(buf, "true", 4);
        break;
    case QF_JSON_INT:
        qf_buf_put_int(buf, value->integer);
        break;
    case QF_JSON_DECIMAL:
        qf_buf_put(buf, number, qf_json_number_format(number, qf_json_text(value)));
        break;
    case QF_JSON_STRING:
        qf_json_write_string(buf, qf_json_text(value));
        break;
    case QF_JSON_ARRAY:
    case QF_JSON_OBJECT:
        /* Over the depth nobody could read it back: a builder's mistake, told as a failed buffer.
         */
        if (depth == QF_JSON_DEPTH_MAX)
            buf->failed = true;
        else if (value->type == QF_JSON_ARRAY)
            write_array(buf, value, depth + 1);
        else
            write_object(buf, value, depth + 1);
        break;
    }
}

void qf_json_write(struct qf_buf *buf, const struct qf_json *value)
{
    write_at(buf, value, 0);
}
