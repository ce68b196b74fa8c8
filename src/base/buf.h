/* Growable byte buffer for building output. Appending past `limit` (or out of memory) sets a sticky
 * failure that is checked once at the end, so that builders read as plain sequences.
 * A zeroed buffer is valid, empty, and limited only by QF_BUF_SIZE_MAX. */
#ifndef QF_BASE_BUF_H
#define QF_BASE_BUF_H

#include "base/slice.h"
#include "base/status.h"

#define QF_BUF_SIZE_MAX ((size_t)1 << 31)

struct qf_buf {
    uint8_t *data;
    size_t size;
    size_t capacity; /* at most the limit */
    size_t limit;    /* 0: QF_BUF_SIZE_MAX */
    bool failed;
    bool starved; /* for want of memory: what must be the same everywhere cannot go on */
};

void qf_buf_init(struct qf_buf *buf, size_t limit);
void qf_buf_deinit(struct qf_buf *buf);

/* Empties it and clears the failure; keeps the memory. */
void qf_buf_reset(struct qf_buf *buf);

/* As qf_buf_put, where there may be no room yet. */
void qf_buf_put_growing(struct qf_buf *buf, const void *data, size_t size);

/* Short texts mostly go where there is room: inline, that is a compare and a copy. */
static inline void qf_buf_put(struct qf_buf *buf, const void *data, size_t size)
{
    if (size == 0)
        return;
    if (buf->data == NULL || size > buf->capacity - buf->size || buf->failed) {
        qf_buf_put_growing(buf, data, size);
        return;
    }
    memcpy(buf->data + buf->size, data, size);
    buf->size += size;
}

static inline void qf_buf_put_slice(struct qf_buf *buf, struct qf_slice bytes)
{
    qf_buf_put(buf, bytes.data, bytes.size);
}

static inline void qf_buf_put_text(struct qf_buf *buf, const char *text)
{
    qf_buf_put(buf, text, strlen(text));
}

static inline void qf_buf_put_byte(struct qf_buf *buf, uint8_t byte)
{
    qf_buf_put(buf, &byte, 1);
}

void qf_buf_put_int(struct qf_buf *buf, int64_t value); /* decimal */
void qf_buf_put_be16(struct qf_buf *buf, uint16_t value);
void qf_buf_put_be32(struct qf_buf *buf, uint32_t value);
void qf_buf_put_be64(struct qf_buf *buf, uint64_t value);
void qf_buf_printf(struct qf_buf *buf, const char *fmt, ...) QF_PRINTF(2, 3);

/* Room for `size` more bytes at the end, or NULL (and failed). Commit with qf_buf_grow. */
uint8_t *qf_buf_reserve(struct qf_buf *buf, size_t size);
void qf_buf_grow(struct qf_buf *buf, size_t size);

/* What has been built so far; valid until the next append. */
static inline struct qf_slice qf_buf_slice(const struct qf_buf *buf)
{
    return (struct qf_slice){buf->data, buf->size};
}

/* NUL-terminated view (the NUL is not counted); "" when failed. */
const char *qf_buf_text(struct qf_buf *buf);

/* QF_OK, or QF_OVER_LIMIT when something did not fit. */
QF_MUST_CHECK enum qf_status qf_buf_status(const struct qf_buf *buf);

#endif
