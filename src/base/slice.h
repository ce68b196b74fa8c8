/* A view of bytes that somebody else owns. Never NUL-terminated; data may be NULL when size is 0.
 */
#ifndef QF_BASE_SLICE_H
#define QF_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct qf_slice {
    const uint8_t *data;
    size_t size;
};

/* A slice of a string literal or of a NUL-terminated string. */
static inline struct qf_slice qf_slice_of(const char *text)
{
    return (struct qf_slice){(const uint8_t *)text, strlen(text)};
}

static inline struct qf_slice qf_slice_make(const void *data, size_t size)
{
    return (struct qf_slice){(const uint8_t *)data, size};
}

static inline bool qf_slice_equal(struct qf_slice a, struct qf_slice b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static inline bool qf_slice_is(struct qf_slice a, const char *text)
{
    return qf_slice_equal(a, qf_slice_of(text));
}

/* Order by bytes, a prefix first: -1, 0 or 1. */
static inline int qf_slice_compare(struct qf_slice a, struct qf_slice b)
{
    size_t common = a.size < b.size ? a.size : b.size;
    int order = common == 0 ? 0 : memcmp(a.data, b.data, common);
    if (order == 0)
        order = (a.size > b.size) - (a.size < b.size);
    return (order > 0) - (order < 0);
}

/* For printf: printf("%.*s", QF_SLICE_ARGS(s)). */
#define QF_SLICE_ARGS(s) (int)(s).size, (const char *)(s).data

#endif
