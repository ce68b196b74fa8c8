/* Values of FEEL (DMN 1.5, 10.3.2): plain data, immutable once built, in somebody's arena.
 *
 * A number is IEEE 754-2008 decimal128. One whose exponent is 0 and that fits 64 bits is kept as an
 * integer (`small`), which is the same number and prints the same; every operation gives what
 * decimal128 gives. Nothing here is a binary float. Strings are UTF-8, indexed by code points.
 * Times hold whole seconds and nanoseconds; equality and order look at whole seconds only, as
 * the conformance kit has it. No function here is bound to a thread. */
#ifndef QF_FEEL_VALUE_H
#define QF_FEEL_VALUE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/limits.h"
#include "codec/json.h"

enum qf_feel_kind {
    QF_FEEL_NULL,
    QF_FEEL_BOOLEAN,
    QF_FEEL_NUMBER,
    QF_FEEL_STRING,
    QF_FEEL_DATE,
    QF_FEEL_TIME,
    QF_FEEL_DATE_TIME,
    QF_FEEL_MONTHS,  /* years and months duration */
    QF_FEEL_SECONDS, /* days and time duration */
    QF_FEEL_LIST,
    QF_FEEL_CONTEXT,
    QF_FEEL_RANGE,
    QF_FEEL_FUNCTION,
};

enum qf_feel_zone_kind {
    QF_FEEL_ZONE_NONE,
    QF_FEEL_ZONE_OFFSET, /* `zone` is seconds east of UTC */
    QF_FEEL_ZONE_NAMED,  /* `zone` is an index of the zone table's names */
};

struct qf_feel_context;
struct qf_feel_range;
struct qf_feel_function;

struct qf_feel_stamp {
    int32_t year;
    uint8_t month;
    uint8_t day;
    uint8_t hour;
    uint8_t minute;
    int32_t zone;
};

struct qf_feel_value {
    uint8_t kind;
    uint8_t small;     /* a number: `integer` holds it */
    uint8_t zone_kind; /* times */
    union {
        uint8_t second;  /* times */
        uint8_t nesting; /* lists and contexts: how many more are inside one another; evaluation
                          * stops past QF_FEEL_DEPTH_MAX, so that walking a value is bounded */
    };
    uint32_t count; /* bytes of text, items, or nanoseconds (times, days and time duration) */
    union {
        bool boolean;
        int64_t integer; /* small number, months, or seconds (floor; count adds to it) */
        uint64_t quad[2];
        const char *text;
        const struct qf_feel_value *items;
        const struct qf_feel_context *context;
        const struct qf_feel_range *range;
        const struct qf_feel_function *function;
        struct qf_feel_stamp stamp;
    };
};

struct qf_feel_entry {
    struct qf_slice key;
    struct qf_feel_value value;
};

/* Entries in the order in which they were written; keys are unique. */
struct qf_feel_context {
    uint32_t count;
    const struct qf_feel_entry *entries;
};

/* How a range was written: `(=10)` and `[10..10]` hold the same but are not equal. */
enum qf_feel_range_form {
    QF_FEEL_RANGE_INTERVAL,
    QF_FEEL_RANGE_COMPARE, /* < <= > >=; the open side is null */
    QF_FEEL_RANGE_EQUAL,
    QF_FEEL_RANGE_NOT_EQUAL,
};

struct qf_feel_range {
    enum qf_feel_range_form form;
    bool start_included;
    bool end_included;
    struct qf_feel_value start;
    struct qf_feel_value end;
};

static inline struct qf_feel_value qf_feel_null(void)
{
    return (struct qf_feel_value){.kind = QF_FEEL_NULL};
}

static inline struct qf_feel_value qf_feel_bool(bool value)
{
    return (struct qf_feel_value){.kind = QF_FEEL_BOOLEAN, .boolean = value};
}

static inline struct qf_feel_value qf_feel_int(int64_t value)
{
    return (struct qf_feel_value){.kind = QF_FEEL_NUMBER, .small = 1, .integer = value};
}

/* The text is not copied; at most UINT32_MAX bytes. */
static inline struct qf_feel_value qf_feel_text(struct qf_slice text)
{
    return (struct qf_feel_value){
        .kind = QF_FEEL_STRING, .count = (uint32_t)text.size, .text = (const char *)text.data};
}

static inline struct qf_slice qf_feel_slice(const struct qf_feel_value *text)
{
    return qf_slice_make(text->text, text->count);
}

static inline bool qf_feel_is_true(const struct qf_feel_value *value)
{
    return value->kind == QF_FEEL_BOOLEAN && value->boolean;
}

/* The name of a kind as FEEL writes its type. */
const char *qf_feel_kind_name(enum qf_feel_kind kind);

/* Member of a context, or NULL. */
const struct qf_feel_value *qf_feel_get(const struct qf_feel_value *context, struct qf_slice key);

/* Equality (DMN 1.5 table 53): 1 equal, 0 not, -1 not comparable (the result is null). */
int qf_feel_equal(const struct qf_feel_value *a, const struct qf_feel_value *b);
/* The same, counting the values that are looked at down from *left; below zero it stops, and what
 * it gives means nothing. Values share their parts, so that few may stand for very many. */
int qf_feel_equal_within(const struct qf_feel_value *a, const struct qf_feel_value *b,
                         int64_t *left);

/* Order of numbers, strings, times, durations (DMN 1.5 table 54): -1, 0, 1, or QF_FEEL_NO_ORDER. Of
 * times, as with equality, whole seconds count; one without an offset takes that of the other. */
#define QF_FEEL_NO_ORDER 2
int qf_feel_compare(const struct qf_feel_value *a, const struct qf_feel_value *b);

/* A copy that shares nothing with the source's arena; functions are not copied but become null. */
struct qf_feel_value qf_feel_copy(struct qf_arena *arena, const struct qf_feel_value *value);

/* Appends the value as string() gives it; `quoted` puts strings in quotation marks, as they stand
 * inside lists and contexts. */
void qf_feel_write(struct qf_buf *buf, const struct qf_feel_value *value, bool quoted);

/* Appends the value as canonical JSON: numbers without decimals within ±(2^53-1) as numbers, other
 * numbers (also 5.00) and times as strings, functions as null. Keys are sorted (RFC 8785). */
void qf_feel_write_json(struct qf_buf *buf, const struct qf_feel_value *value);

/* A value of the same shape; text is shared with `json`. Numbers of any form become numbers, and
 * strings stay strings (a declared type turns them into dates and the like, see type.h). */
struct qf_feel_value qf_feel_from_json(struct qf_arena *arena, const struct qf_json *json);

#endif
