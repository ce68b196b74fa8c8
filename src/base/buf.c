#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"

void qf_buf_init(struct qf_buf *buf, size_t limit)
{
    *buf = (struct qf_buf){.limit = limit};
}

void qf_buf_deinit(struct qf_buf *buf)
{
    free(buf->data);
    *buf = (struct qf_buf){.limit = buf->limit};
}

void qf_buf_reset(struct qf_buf *buf)
{
    buf->size = 0;
    buf->failed = buf->starved = false;
}

uint8_t *qf_buf_reserve(struct qf_buf *buf, size_t size)
{
    size_t limit = buf->limit == 0 ? QF_BUF_SIZE_MAX : buf->limit;
    if (buf->failed || size > limit || buf->size > limit - size) {
        buf->failed = true;
        return NULL;
    }
    size_t needed = buf->size + size;
    if (needed > buf->capacity) {
        size_t capacity = buf->capacity < 128 ? 256 : buf->capacity * 2;
        if (capacity < needed)
            capacity = needed;
        if (capacity > limit)
            capacity = limit;
        uint8_t *data = realloc(buf->data, capacity);
        if (data == NULL) {
            buf->failed = buf->starved = true;
            return NULL;
        }
        buf->data = data;
        buf->capacity = capacity;
    }
    return buf->data + buf->size;
}

void qf_buf_grow(struct qf_buf *buf, size_t size)
{
    QF_ASSERT(size <= buf->capacity - buf->size);
    buf->size += size;
}

void qf_buf_put_growing(struct qf_buf *buf, const void *data, size_t size)
{
    uint8_t *place = qf_buf_reserve(buf, size);
    if (place == NULL)
        return;
    memcpy(place, data, size);
    buf->size += size;
}

void qf_buf_put_int(struct qf_buf *buf, int64_t value)
{
    char digits[20];
    size_t at = sizeof digits;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do {
        digits[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (value < 0)
        digits[--at] = '-';
    qf_buf_put(buf, digits + at, sizeof digits - at);
}

void qf_buf_put_be16(struct qf_buf *buf, uint16_t value)
{
    uint8_t bytes[2];
    qf_be16_store(bytes, value);
    qf_buf_put(buf, bytes, sizeof bytes);
}

void qf_buf_put_be32(struct qf_buf *buf, uint32_t value)
{
    uint8_t bytes[4];
    qf_be32_store(bytes, value);
    qf_buf_put(buf, bytes, sizeof bytes);
}

void qf_buf_put_be64(struct qf_buf *buf, uint64_t value)
{
    uint8_t bytes[8];
    qf_be64_store(bytes, value);
    qf_buf_put(buf, bytes, sizeof bytes);
}

void qf_buf_printf(struct qf_buf *buf, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int size = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    QF_ASSERT(size >= 0);
    uint8_t *place = qf_buf_reserve(buf, (size_t)size + 1);
    if (place == NULL)
        return;
    va_start(args, fmt);
    vsnprintf((char *)place, (size_t)size + 1, fmt, args);
    va_end(args);
    buf->size += (size_t)size;
}

const char *qf_buf_text(struct qf_buf *buf)
{
    uint8_t *end = qf_buf_reserve(buf, 1);
    if (end == NULL)
        return "";
    *end = '\0';
    return (const char *)buf->data;
}

enum qf_status qf_buf_status(const struct qf_buf *buf)
{
    return buf->starved ? QF_NO_MEMORY : buf->failed ? QF_OVER_LIMIT : QF_OK;
}
