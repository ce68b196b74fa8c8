/* Ranges: the relations of Allen's algebra between points and ranges (DMN 1.5, table 78), and
 * range() from text. The table's formulas are evaluated as FEEL would: with three values, an
 * undefined end being null. */
#include "feel/builtin.h"
#include "feel/number.h"
#include "feel/temporal.h"

struct end {
    const struct qf_feel_value *value;
    bool included;
};

/* Points are ranges of one value; `point` tells them apart. */
struct span {
    struct end start;
    struct end end;
    bool point;
};

static bool span_of(const struct qf_feel_args *args, uint32_t i, struct span *out)
{
    const struct qf_feel_value *value = qf_feel_arg(args, i);
    if (value->kind == QF_FEEL_NULL || value->kind == QF_FEEL_LIST)
        return false;
    out->point = value->kind != QF_FEEL_RANGE;
    if (out->point) {
        out->start = (struct end){value, true};
        out->end = (struct end){value, true};
        return qf_feel_compare(value, value) == 0;
    }
    const struct qf_feel_range *range = value->range;
    if (range->form == QF_FEEL_RANGE_NOT_EQUAL)
        return false;
    out->start = (struct end){&range->start, range->start_included};
    out->end = (struct end){&range->end, range->end_included};
    return true;
}

/* Three-valued: 1, 0, or -1 for null. */
typedef int ternary;

static ternary both(ternary a, ternary b)
{
    return a == 0 || b == 0 ? 0 : a < 0 || b < 0 ? -1 : 1;
}

static ternary either(ternary a, ternary b)
{
    return a == 1 || b == 1 ? 1 : a < 0 || b < 0 ? -1 : 0;
}

static ternary less(const struct end *a, const struct end *b)
{
    int order = qf_feel_compare(a->value, b->value);
    return order == QF_FEEL_NO_ORDER ? -1 : order < 0;
}

static ternary same(const struct end *a, const struct end *b)
{
    return qf_feel_equal(a->value, b->value);
}

/* The kind of a span's values; QF_FEEL_NULL when neither end is defined. */
static uint8_t kind_of(const struct span *span)
{
    return span->start.value->kind != QF_FEEL_NULL ? span->start.value->kind
                                                   : span->end.value->kind;
}

typedef ternary relation_fn(const struct span *a, const struct span *b);

enum shape {
    SHAPE_ANY,
    SHAPE_RANGES,       /* both are ranges */
    SHAPE_SECOND_RANGE, /* a point or range, and a range */
    SHAPE_FIRST_RANGE,
    SHAPE_ALIKE, /* both points or both ranges */
};

static struct qf_feel_value relate(const struct qf_feel_args *args, enum shape shape,
                                   relation_fn *relation)
{
    struct span a;
    struct span b;
    if (!span_of(args, 0, &a) || !span_of(args, 1, &b))
        return qf_feel_refuse(args, "the function takes points and ranges");
    bool fits = shape == SHAPE_ANY || (shape == SHAPE_RANGES && !a.point && !b.point) ||
                (shape == SHAPE_SECOND_RANGE && !b.point) ||
                (shape == SHAPE_FIRST_RANGE && !a.point) ||
                (shape == SHAPE_ALIKE && a.point == b.point);
    if (!fits)
        return qf_feel_refuse(args, "the function takes other points and ranges");
    if (kind_of(&a) != kind_of(&b))
        return qf_feel_refuse(args, "the function takes points and ranges of one type");
    ternary holds = relation(&a, &b);
    return holds < 0 ? qf_feel_refuse(args, "the ends cannot be compared")
                     : qf_feel_bool(holds == 1);
}

static ternary is_before(const struct span *a, const struct span *b)
{
    return either(less(&a->end, &b->start),
                  both(!a->end.included || !b->start.included, same(&a->end, &b->start)));
}

static ternary is_after(const struct span *a, const struct span *b)
{
    return is_before(b, a);
}

static ternary is_meeting(const struct span *a, const struct span *b)
{
    return both(a->end.included && b->start.included, same(&a->end, &b->start));
}

static ternary is_met(const struct span *a, const struct span *b)
{
    return is_meeting(b, a);
}

/* Whether `a` ends after `b` starts, or where it starts. */
static ternary reaches(const struct span *a, const struct span *b)
{
    return either(less(&b->start, &a->end),
                  both(a->end.included && b->start.included, same(&a->end, &b->start)));
}

static ternary is_overlapping(const struct span *a, const struct span *b)
{
    return both(reaches(a, b), reaches(b, a));
}

/* Whether the end of `a` is not beyond that of `b`. */
static ternary ends_within(const struct span *a, const struct span *b)
{
    return either(less(&a->end, &b->end),
                  both(!a->end.included || b->end.included, same(&a->end, &b->end)));
}

/* Whether the start of `a` is not beyond that of `b`. */
static ternary starts_within(const struct span *a, const struct span *b)
{
    return either(less(&b->start, &a->start),
                  both(!a->start.included || b->start.included, same(&a->start, &b->start)));
}

static ternary is_overlapping_before(const struct span *a, const struct span *b)
{
    ternary earlier =
        either(less(&a->start, &b->start),
               both(a->start.included && !b->start.included, same(&a->start, &b->start)));
    return both(both(earlier, reaches(a, b)), ends_within(a, b));
}

static ternary is_overlapping_after(const struct span *a, const struct span *b)
{
    return is_overlapping_before(b, a);
}

static ternary is_finishing(const struct span *a, const struct span *b)
{
    ternary ends = both(a->end.included == b->end.included, same(&a->end, &b->end));
    return a->point ? ends : both(ends, starts_within(a, b));
}

static ternary is_finished(const struct span *a, const struct span *b)
{
    return is_finishing(b, a);
}

static ternary is_during(const struct span *a, const struct span *b)
{
    return both(starts_within(a, b), ends_within(a, b));
}

static ternary is_including(const struct span *a, const struct span *b)
{
    return is_during(b, a);
}

static ternary is_starting(const struct span *a, const struct span *b)
{
    ternary starts = both(a->start.included == b->start.included, same(&a->start, &b->start));
    return a->point ? starts : both(starts, ends_within(a, b));
}

static ternary is_started(const struct span *a, const struct span *b)
{
    return is_starting(b, a);
}

static ternary is_coinciding(const struct span *a, const struct span *b)
{
    ternary starts = both(a->start.included == b->start.included, same(&a->start, &b->start));
    return both(starts, both(a->end.included == b->end.included, same(&a->end, &b->end)));
}

struct qf_feel_value qf_feel_fn_before(const struct qf_feel_args *args)
{
    return relate(args, SHAPE_ANY, is_before);
}

struct qf_feel_value qf_feel_fn_after(const struct qf_feel_args *args)
{
    return relate(args, SHAPE_ANY, is_after);
}

struct qf_feel_value qf_feel_fn_meets(const struct qf_feel_args *args)
{
    return relate(args, SHAPE_RANGES, is_meeting);
}

struct qf_feel_value qf_feel_fn_met_by(const struct qf_feel_args *args)
{
    return relate(args, SHAPE_RANGES, is_met);
}

struct qf_feel_value qf_feel_fn_overlaps(const struct qf_feel_args *args)
{
    return relate(args, SHAPE_RANGES, is_overlapping);
}

struct qf_feel_value qf_feel_fn_overlaps_before(const struct qf_feel_args *args)
{
    return relate(args, SHAPE_RANGES, is_overlapping_before);
}

struct qf_feel_value qf_feel_fn_overlaps_after(const struct qf_feel_args *args)
{
    return relate(args, SHAPE_RANGES, is_overlapping_after);
}

struct qf_feel_value qf_feel_fn_finishes(const struct qf_feel_args *args)
{
    return relate(args, SHAPE_SECOND_RANGE, is_finishing);
}

struct qf_feel_value qf_feel_fn_finished_by(const struct qf_feel_args *args)
{
    return relate(args, SHAPE_FIRST_RANGE, is_finished);
}

struct qf_feel_value qf_feel_fn_includes(const struct qf_feel_args *args)
{
    return relate(args, SHAPE_FIRST_RANGE, is_including);
}

struct qf_feel_value qf_feel_fn_during(const struct qf_feel_args *args)
{
    return relate(args, SHAPE_SECOND_RANGE, is_during);
}

struct qf_feel_value qf_feel_fn_starts(const struct qf_feel_args *args)
{
    return relate(args, SHAPE_SECOND_RANGE, is_starting);
}

struct qf_feel_value qf_feel_fn_started_by(const struct qf_feel_args *args)
{
    return relate(args, SHAPE_FIRST_RANGE, is_started);
}

struct qf_feel_value qf_feel_fn_coincides(const struct qf_feel_args *args)
{
    return relate(args, SHAPE_ALIKE, is_coinciding);
}

/* ---- range("[1..3]") ---- */

/* A literal: number, string, @"…", or a call of date, time, date and time, duration with a
 * string. Nothing is an open end. */
static bool read_end(struct qf_slice text, struct qf_feel_value *out)
{
    static const struct {
        const char *prefix;
        bool (*parse)(struct qf_feel_value *out, struct qf_slice text);
    } calls[] = {{"@", qf_feel_at_parse},
                 {"date and time(", qf_feel_date_time_parse},
                 {"date(", qf_feel_date_parse},
                 {"time(", qf_feel_time_parse},
                 {"duration(", qf_feel_duration_parse}};
    while (text.size > 0 && text.data[0] == ' ') {
        text.data++;
        text.size--;
    }
    while (text.size > 0 && text.data[text.size - 1] == ' ')
        text.size--;
    *out = qf_feel_null();
    if (text.size == 0)
        return true;
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        size_t size = strlen(calls[i].prefix);
        bool closed = size == 1 || text.data[text.size - 1] == ')';
        size_t tail = size == 1 ? 0 : 1;
        if (text.size < size + tail + 2 || memcmp(text.data, calls[i].prefix, size) != 0 || !closed)
            continue;
        struct qf_slice inner = {text.data + size, text.size - size - tail};
        if (inner.data[0] != '"' || inner.data[inner.size - 1] != '"')
            return false;
        return calls[i].parse(out, qf_slice_make(inner.data + 1, inner.size - 2));
    }
    if (text.data[0] == '"') {
        if (text.size < 2 || text.data[text.size - 1] != '"')
            return false;
        *out = qf_feel_text(qf_slice_make(text.data + 1, text.size - 2));
        return true;
    }
    return text.data[0] != '+' && qf_feel_number_parse(out, text);
}

struct qf_feel_value qf_feel_fn_range_of(const struct qf_feel_args *args)
{
    const struct qf_feel_value *from = qf_feel_arg_kind(args, 0, QF_FEEL_STRING);
    if (from == NULL || from->count < 4)
        return qf_feel_refuse(args, "range takes a string such as \"[1..3]\"");
    char open = from->text[0];
    char close = from->text[from->count - 1];
    const char *inner = from->text + 1;
    size_t size = from->count - 2;
    const char *dots = memmem(inner, size, "..", 2);
    if (dots == NULL || strchr("[(]", open) == NULL || strchr("])[", close) == NULL)
        return qf_feel_refuse(args, "range takes a string such as \"[1..3]\"");
    struct qf_feel_range *range = qf_feel_alloc(args->ev, sizeof *range);
    *range = (struct qf_feel_range){.form = QF_FEEL_RANGE_INTERVAL,
                                    .start_included = open == '[',
                                    .end_included = close == ']'};
    struct qf_slice left = qf_slice_make(inner, (size_t)(dots - inner));
    struct qf_slice right = qf_slice_make(dots + 2, size - left.size - 2);
    if (!read_end(left, &range->start) || !read_end(right, &range->end))
        return qf_feel_refuse(args, "an end of the range is not a literal");
    bool open_start = range->start.kind == QF_FEEL_NULL;
    bool open_end = range->end.kind == QF_FEEL_NULL;
    if ((open_start && (open_end || range->start_included)) || (open_end && range->end_included))
        return qf_feel_refuse(args, "an open end is not included");
    int ordered = open_start || open_end ? 0 : qf_feel_compare(&range->start, &range->end);
    if (ordered == QF_FEEL_NO_ORDER || ordered > 0)
        return qf_feel_refuse(args, "the ends of the range cannot be ordered so");
    if (open_start || open_end)
        range->form = QF_FEEL_RANGE_COMPARE;
    return (struct qf_feel_value){.kind = QF_FEEL_RANGE, .range = range};
}
