/* Ranges: the relations of Allen's algebra between points and ranges (DMN 1.5, table 78), and
 * range() from text. An end that is open to infinity is null and lies beyond every value. */
#include "feel/builtin.h"
#include "feel/number.h"
#include "feel/temporal.h"

struct end {
    const struct qf_feel_value *value;
    bool included;
    bool is_start;
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
        out->start = (struct end){value, true, true};
        out->end = (struct end){value, true, false};
        return qf_feel_compare(value, value) == 0;
    }
    const struct qf_feel_range *range = value->range;
    if (range->form == QF_FEEL_RANGE_NOT_EQUAL)
        return false;
    out->start = (struct end){&range->start, range->start_included, true};
    out->end = (struct end){&range->end, range->end_included, false};
    return true;
}

/* Order of two ends by value: an open start is before everything, an open end after. */
static int order(const struct end *a, const struct end *b, bool *failed)
{
    bool open_a = a->value->kind == QF_FEEL_NULL;
    bool open_b = b->value->kind == QF_FEEL_NULL;
    if (open_a || open_b) {
        int side_a = !open_a ? 0 : a->is_start ? -1 : 1;
        int side_b = !open_b ? 0 : b->is_start ? -1 : 1;
        return (side_a > side_b) - (side_a < side_b);
    }
    int result = qf_feel_compare(a->value, b->value);
    if (result == QF_FEEL_NO_ORDER) {
        *failed = true;
        return 0;
    }
    if (result != 0 && qf_feel_equal(a->value, b->value) == 1)
        return 0;
    return result;
}

typedef bool relation_fn(const struct span *a, const struct span *b, bool *failed);

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
    bool failed = false;
    if (!span_of(args, 0, &a) || !span_of(args, 1, &b))
        return qf_feel_refuse(args, "the function takes points and ranges");
    bool fits = shape == SHAPE_ANY || (shape == SHAPE_RANGES && !a.point && !b.point) ||
                (shape == SHAPE_SECOND_RANGE && !b.point) ||
                (shape == SHAPE_FIRST_RANGE && !a.point) ||
                (shape == SHAPE_ALIKE && a.point == b.point);
    if (!fits)
        return qf_feel_refuse(args, "the function takes other points and ranges");
    bool holds = relation(&a, &b, &failed);
    return failed ? qf_feel_refuse(args, "the values cannot be ordered") : qf_feel_bool(holds);
}

static bool is_before(const struct span *a, const struct span *b, bool *failed)
{
    int gap = order(&a->end, &b->start, failed);
    if (a->point && b->point)
        return gap < 0;
    return gap < 0 || (gap == 0 && (!a->end.included || !b->start.included));
}

static bool is_after(const struct span *a, const struct span *b, bool *failed)
{
    return is_before(b, a, failed);
}

static bool is_meeting(const struct span *a, const struct span *b, bool *failed)
{
    return order(&a->end, &b->start, failed) == 0 && a->end.included && b->start.included;
}

static bool is_met(const struct span *a, const struct span *b, bool *failed)
{
    return is_meeting(b, a, failed);
}

static bool is_overlapping(const struct span *a, const struct span *b, bool *failed)
{
    return !is_before(a, b, failed) && !is_before(b, a, failed);
}

static bool starts_earlier(const struct span *a, const struct span *b, bool *failed)
{
    int starts = order(&a->start, &b->start, failed);
    return starts < 0 || (starts == 0 && a->start.included && !b->start.included);
}

static bool is_overlapping_before(const struct span *a, const struct span *b, bool *failed)
{
    int ends = order(&a->end, &b->end, failed);
    return starts_earlier(a, b, failed) && is_overlapping(a, b, failed) &&
           (ends < 0 || (ends == 0 && (!a->end.included || b->end.included)));
}

static bool is_overlapping_after(const struct span *a, const struct span *b, bool *failed)
{
    return is_overlapping_before(b, a, failed);
}

static bool is_finishing(const struct span *a, const struct span *b, bool *failed)
{
    int ends = order(&a->end, &b->end, failed);
    if (a->point)
        return ends == 0 && b->end.included;
    int starts = order(&a->start, &b->start, failed);
    return ends == 0 && a->end.included == b->end.included &&
           (starts > 0 || (starts == 0 && (!a->start.included || b->start.included)));
}

static bool is_finished(const struct span *a, const struct span *b, bool *failed)
{
    return is_finishing(b, a, failed);
}

static bool is_including(const struct span *a, const struct span *b, bool *failed)
{
    int starts = order(&a->start, &b->start, failed);
    int ends = order(&a->end, &b->end, failed);
    return (starts < 0 || (starts == 0 && (a->start.included || !b->start.included))) &&
           (ends > 0 || (ends == 0 && (a->end.included || !b->end.included)));
}

static bool is_during(const struct span *a, const struct span *b, bool *failed)
{
    return is_including(b, a, failed);
}

static bool is_starting(const struct span *a, const struct span *b, bool *failed)
{
    int starts = order(&a->start, &b->start, failed);
    if (a->point)
        return starts == 0 && b->start.included;
    int ends = order(&a->end, &b->end, failed);
    return starts == 0 && a->start.included == b->start.included &&
           (ends < 0 || (ends == 0 && (!a->end.included || b->end.included)));
}

static bool is_started(const struct span *a, const struct span *b, bool *failed)
{
    return is_starting(b, a, failed);
}

static bool is_coinciding(const struct span *a, const struct span *b, bool *failed)
{
    return order(&a->start, &b->start, failed) == 0 && order(&a->end, &b->end, failed) == 0 &&
           a->start.included == b->start.included && a->end.included == b->end.included;
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
