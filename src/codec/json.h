/* JSON as Qifeng uses it: RFC 8785 (JCS) restricted to objects, arrays, strings, booleans, null and
 * integers within ±(2^53−1). Duplicate keys, invalid UTF-8, lone surrogates and nesting over
 * QF_JSON_DEPTH_MAX are refused in every mode.
 *
 * A parsed value is plain data in the caller's arena. Strings without escapes point into the input,
 * which must outlive the value; others are decoded into the arena. Members of an object are sorted
 * by key as RFC 8785 sorts (UTF-16 code units). No function here is bound to a thread. */
#ifndef QF_CODEC_JSON_H
#define QF_CODEC_JSON_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/limits.h"

enum qf_json_type {
    QF_JSON_NULL,
    QF_JSON_FALSE,
    QF_JSON_TRUE,
    QF_JSON_INT,
    QF_JSON_DECIMAL, /* only with QF_JSON_ANY_NUMBER: the number's text */
    QF_JSON_STRING,
    QF_JSON_ARRAY,
    QF_JSON_OBJECT,
};

struct qf_json_member;

struct qf_json {
    enum qf_json_type type;
    uint32_t count; /* bytes of text, items, or members */
    union {
        int64_t integer;
        const char *text; /* UTF-8, not NUL-terminated */
        struct qf_json *items;
        struct qf_json_member *members;
    };
};

struct qf_json_member {
    struct qf_slice key;
    struct qf_json value;
};

enum qf_json_mode {
    QF_JSON_CANONICAL,  /* the input must be canonical to the byte: one pass, no second encoding */
    QF_JSON_ANY,        /* any RFC 8259 text within the restrictions above */
    QF_JSON_ANY_NUMBER, /* the same, and numbers of any form are kept as QF_JSON_DECIMAL */
};

/* Parses the whole of `input`. QF_OK, or QF_MALFORMED / QF_OVER_LIMIT with err->field "byte N" and
 * the reason; *out is then unspecified. Memory is at most about 80 times the input's (an array of
 * one-digit numbers); an arena with a limit refuses earlier. */
QF_MUST_CHECK enum qf_status qf_json_parse(struct qf_arena *arena, struct qf_json *out,
                                           struct qf_slice input, enum qf_json_mode mode,
                                           struct qf_error *err);

/* Appends the canonical encoding. QF_JSON_DECIMAL is written as RFC 8785 3.2.2.3 writes numbers. */
void qf_json_write(struct qf_buf *buf, const struct qf_json *value);
/* Appends one string in canonical form, with its quotes. */
void qf_json_write_string(struct qf_buf *buf, struct qf_slice text);

/* Member of an object, or NULL (also when `object` is not an object). */
const struct qf_json *qf_json_get(const struct qf_json *object, const char *key);
const struct qf_json *qf_json_get_slice(const struct qf_json *object, struct qf_slice key);

/* A member of the wanted type: QF_OK, or QF_BAD_FIELD naming `key`. */
QF_MUST_CHECK enum qf_status qf_json_get_text(const struct qf_json *object, const char *key,
                                              struct qf_slice *out, struct qf_error *err);
QF_MUST_CHECK enum qf_status qf_json_get_int(const struct qf_json *object, const char *key,
                                             int64_t *out, struct qf_error *err);

static inline struct qf_slice qf_json_text(const struct qf_json *value)
{
    return qf_slice_make(value->text, value->count);
}

static inline bool qf_json_is_text(const struct qf_json *value, const char *text)
{
    return value != NULL && value->type == QF_JSON_STRING && qf_slice_is(qf_json_text(value), text);
}

/* Building: values that are put into objects and arrays are copied (shallow); text is not copied.
 * An object keeps its members sorted; putting a key again replaces it. */
struct qf_json qf_json_make_text(const char *text);
struct qf_json qf_json_make_slice(struct qf_slice text);
struct qf_json qf_json_make_int(int64_t value);
/* Bytes as a string of base64, in the arena. */
struct qf_json qf_json_make_base64(struct qf_arena *arena, struct qf_slice bytes);
struct qf_json qf_json_make_bool(bool value);
struct qf_json qf_json_make_null(void);
struct qf_json qf_json_make_object(void);
struct qf_json qf_json_make_array(void);
void qf_json_put(struct qf_arena *arena, struct qf_json *object, const char *key,
                 struct qf_json value); /* `key` must outlive the object */
void qf_json_append(struct qf_arena *arena, struct qf_json *array, struct qf_json value);

#endif
