/* Numbers, booleans, dates and times, conversions. */
#include "feel/builtin.h"
#include "feel/number.h"
#include "feel/temporal.h"

/* ---- conversion ---- */

struct qf_feel_value qf_feel_fn_string(const struct qf_feel_args *args)
{
    const struct qf_feel_value *from = &args->items[0];
    if (from->kind == QF_FEEL_NULL)
        return qf_feel_null();
    if (from->kind == QF_FEEL_STRING)
        return *from;
    struct qf_buf buf;
    qf_buf_init(&buf, QF_FEEL_MEMORY_MAX);
    qf_feel_write(&buf, from, false);
    return qf_feel_take_text(args->ev, &buf);
}

/* A separator: absent, or one of the characters that may be one. */
static bool separator(const struct qf_feel_value *value, const char *allowed, char *out)
{
    *out = '\0';
    if (value->kind == QF_FEEL_NULL)
        return true;
    if (value->kind != QF_FEEL_STRING || value->count != 1 ||
        strchr(allowed, value->text[0]) == NULL)
        return false;
    *out = value->text[0];
    return true;
}

struct qf_feel_value qf_feel_fn_number(const struct qf_feel_args *args)
{
    const struct qf_feel_value *from = qf_feel_arg(args, 0);
    struct qf_feel_value out;
    char grouping = '\0';
    char decimal = '\0';
    if (from->kind == QF_FEEL_NUMBER && args->count == 1)
        return *from;
    if (from->kind != QF_FEEL_STRING)
        return qf_feel_refuse(args, "number takes a string");
    if (args->count > 1 && (!separator(qf_feel_arg(args, 1), " ,.", &grouping) ||
                            !separator(qf_feel_arg(args, 2), ",.", &decimal)))
        return qf_feel_refuse(args, "a separator is one of space, comma and point");
    if (grouping != '\0' && grouping == decimal)
        return qf_feel_refuse(args, "the separators are the same");
    char text[160];
    size_t size = 0;
    for (uint32_t i = 0; i < from->count; i++) {
        char c = from->text[i];
        if (grouping != '\0' && c == grouping)
            continue;
        if (size == sizeof text)
            return qf_feel_refuse(args, "the string is too long for a number");
        if (c == '.' && decimal == ',')
            c = 'x';
        text[size++] = decimal != '\0' && c == decimal ? '.' : c;
    }
    if (!qf_feel_number_parse(&out, qf_slice_make(text, size)))
        return qf_feel_refuse(args, "the string is not a number");
    return out;
}

struct qf_feel_value qf_feel_fn_date(const struct qf_feel_args *args)
{
    struct qf_feel_value out;
    if (args->signature == 1) {
        int64_t year = 0;
        int64_t month = 0;
        int64_t day = 0;
        if (qf_feel_arg_int(args, 0, &year) && qf_feel_arg_int(args, 1, &month) &&
            qf_feel_arg_int(args, 2, &day) && qf_feel_date_make(&out, year, month, day))
            return out;
        return qf_feel_refuse(args, "there is no such date");
    }
    const struct qf_feel_value *from = qf_feel_arg(args, 0);
    if (from->kind == QF_FEEL_DATE)
        return *from;
    if (from->kind == QF_FEEL_DATE_TIME)
        return qf_feel_date_of(from);
    if (from->kind == QF_FEEL_STRING && qf_feel_date_parse(&out, qf_feel_slice(from)))
        return out;
    return qf_feel_refuse(args, "not a date");
}

static bool make_time(const struct qf_feel_args *args, struct qf_feel_value *out)
{
    int64_t hour = 0;
    int64_t minute = 0;
    int64_t second = 0;
    uint32_t nanos = 0;
    const struct qf_feel_value *seconds = qf_feel_arg_kind(args, 2, QF_FEEL_NUMBER);
    const struct qf_feel_value *offset = qf_feel_arg(args, 3);
    if (seconds == NULL || !qf_feel_arg_int(args, 0, &hour) || !qf_feel_arg_int(args, 1, &minute) ||
        !qf_feel_number_to_seconds(&second, &nanos, seconds) ||
        !qf_feel_time_make(out, hour, minute, second, nanos))
        return false;
    if (offset->kind == QF_FEEL_NULL)
        return true;
    if (offset->kind != QF_FEEL_SECONDS || offset->integer > 64800 || offset->integer < -64800)
        return false;
    out->zone_kind = QF_FEEL_ZONE_OFFSET;
    out->stamp.zone = (int32_t)offset->integer;
    return true;
}

struct qf_feel_value qf_feel_fn_time_of_day(const struct qf_feel_args *args)
{
    struct qf_feel_value out;
    if (args->signature == 1)
        return make_time(args, &out) ? out : qf_feel_refuse(args, "there is no such time");
    const struct qf_feel_value *from = qf_feel_arg(args, 0);
    if (from->kind == QF_FEEL_TIME)
        return *from;
    if (from->kind == QF_FEEL_DATE_TIME)
        return qf_feel_time_of(from);
    if (from->kind == QF_FEEL_DATE) {
        out = qf_feel_midnight_of(from);
        return qf_feel_time_of(&out);
    }
    if (from->kind == QF_FEEL_STRING && qf_feel_time_parse(&out, qf_feel_slice(from)))
        return out;
    return qf_feel_refuse(args, "not a time");
}

struct qf_feel_value qf_feel_fn_date_and_time(const struct qf_feel_args *args)
{
    struct qf_feel_value out;
    const struct qf_feel_value *from = qf_feel_arg(args, 0);
    if (args->signature == 1) {
        const struct qf_feel_value *time = qf_feel_arg_kind(args, 1, QF_FEEL_TIME);
        if (time == NULL || (from->kind != QF_FEEL_DATE && from->kind != QF_FEEL_DATE_TIME))
            return qf_feel_refuse(args, "date and time takes a date and a time");
        return qf_feel_date_time_join(from, time);
    }
    if (from->kind == QF_FEEL_STRING && qf_feel_date_time_parse(&out, qf_feel_slice(from)))
        return out;
    return qf_feel_refuse(args, "not a date and time");
}

struct qf_feel_value qf_feel_fn_duration(const struct qf_feel_args *args)
{
    struct qf_feel_value out;
    const struct qf_feel_value *from = qf_feel_arg(args, 0);
    if (from->kind == QF_FEEL_MONTHS || from->kind == QF_FEEL_SECONDS)
        return *from;
    if (from->kind == QF_FEEL_STRING && qf_feel_duration_parse(&out, qf_feel_slice(from)))
        return out;
    return qf_feel_refuse(args, "not a duration");
}

struct qf_feel_value qf_feel_fn_months_between(const struct qf_feel_args *args)
{
    struct qf_feel_value out;
    if (qf_feel_months_between(&out, qf_feel_arg(args, 0), qf_feel_arg(args, 1)))
        return out;
    return qf_feel_refuse(args, "years and months duration takes two dates");
}

/* ---- booleans ---- */

struct qf_feel_value qf_feel_fn_negation(const struct qf_feel_args *args)
{
    const struct qf_feel_value *negand = qf_feel_arg_kind(args, 0, QF_FEEL_BOOLEAN);
    return negand == NULL ? qf_feel_null() : qf_feel_bool(!negand->boolean);
}

/* The same value of the semantic domain: kinds and zones count. */
struct qf_feel_value qf_feel_fn_is_same(const struct qf_feel_args *args)
{
    const struct qf_feel_value *a = &args->items[0];
    const struct qf_feel_value *b = &args->items[1];
    if (a->kind != b->kind)
        return qf_feel_bool(false);
    if (a->kind == QF_FEEL_TIME || a->kind == QF_FEEL_DATE_TIME) {
        int32_t x = 0;
        int32_t y = 0;
        if (qf_feel_offset(&x, a) != qf_feel_offset(&y, b) || x != y || a->count != b->count ||
            a->zone_kind != b->zone_kind)
            return qf_feel_bool(false);
        if (a->zone_kind == QF_FEEL_ZONE_NAMED)
            return qf_feel_bool(a->stamp.zone == b->stamp.zone && qf_feel_equal(a, b) == 1);
    }
    return qf_feel_bool(qf_feel_run_same(args->ev, a, b) == 1);
}

/* ---- numbers ---- */

static struct qf_feel_value rounded(const struct qf_feel_args *args, enum qf_feel_rounding rounding)
{
    struct qf_feel_value out;
    int64_t scale = 0;
    const struct qf_feel_value *n = qf_feel_arg_kind(args, 0, QF_FEEL_NUMBER);
    if (n == NULL || (!qf_feel_arg_absent(args, 1) && !qf_feel_arg_int(args, 1, &scale)))
        return qf_feel_refuse(args, "rounding takes a number and a scale");
    if (scale < QF_FEEL_SCALE_MIN || scale > QF_FEEL_SCALE_MAX)
        return qf_feel_refuse(args, "the scale lies between -6111 and 6176");
    if (!qf_feel_number_round(&out, n, (int32_t)scale, rounding))
        return qf_feel_refuse(args, "the number cannot be rounded so");
    return out;
}

struct qf_feel_value qf_feel_fn_decimal(const struct qf_feel_args *args)
{
    return rounded(args, QF_FEEL_ROUND_HALF_EVEN);
}

struct qf_feel_value qf_feel_fn_round_floor(const struct qf_feel_args *args)
{
    return rounded(args, QF_FEEL_ROUND_FLOOR);
}

struct qf_feel_value qf_feel_fn_round_ceiling(const struct qf_feel_args *args)
{
    return rounded(args, QF_FEEL_ROUND_CEILING);
}

struct qf_feel_value qf_feel_fn_round_up(const struct qf_feel_args *args)
{
    return rounded(args, QF_FEEL_ROUND_UP);
}

struct qf_feel_value qf_feel_fn_round_down(const struct qf_feel_args *args)
{
    return rounded(args, QF_FEEL_ROUND_DOWN);
}

struct qf_feel_value qf_feel_fn_round_half_up(const struct qf_feel_args *args)
{
    return rounded(args, QF_FEEL_ROUND_HALF_UP);
}

struct qf_feel_value qf_feel_fn_round_half_down(const struct qf_feel_args *args)
{
    return rounded(args, QF_FEEL_ROUND_HALF_DOWN);
}

struct qf_feel_value qf_feel_fn_absolute(const struct qf_feel_args *args)
{
    const struct qf_feel_value *n = qf_feel_arg(args, 0);
    struct qf_feel_value out = *n;
    if (n->kind == QF_FEEL_NUMBER) {
        if (qf_feel_number_is_negative(n))
            qf_feel_number_negate(&out, n);
        return out;
    }
    if (n->kind == QF_FEEL_MONTHS || n->kind == QF_FEEL_SECONDS) {
        if (n->integer < 0)
            (void)qf_feel_duration_negate(&out, n);
        return out;
    }
    return qf_feel_refuse(args, "abs takes a number or a duration");
}

struct qf_feel_value qf_feel_fn_modulo(const struct qf_feel_args *args)
{
    const struct qf_feel_value *dividend = qf_feel_arg_kind(args, 0, QF_FEEL_NUMBER);
    const struct qf_feel_value *divisor = qf_feel_arg_kind(args, 1, QF_FEEL_NUMBER);
    struct qf_feel_value out;
    if (dividend != NULL && divisor != NULL && qf_feel_number_modulo(&out, dividend, divisor))
        return out;
    return qf_feel_refuse(args, "modulo takes two numbers, the second not 0");
}

static struct qf_feel_value computed(const struct qf_feel_args *args,
                                     bool (*compute)(struct qf_feel_value *out,
                                                     const struct qf_feel_value *n))
{
    const struct qf_feel_value *n = qf_feel_arg_kind(args, 0, QF_FEEL_NUMBER);
    struct qf_feel_value out;
    qf_feel_step(args->ev, 50);
    if (n != NULL && compute(&out, n))
        return out;
    return qf_feel_refuse(args, "the function is not defined for this value");
}

struct qf_feel_value qf_feel_fn_square_root(const struct qf_feel_args *args)
{
    return computed(args, qf_feel_number_sqrt);
}

static bool positive_ln(struct qf_feel_value *out, const struct qf_feel_value *n)
{
    return !qf_feel_number_is_zero(n) && !qf_feel_number_is_negative(n) &&
           qf_feel_number_ln(out, n);
}

struct qf_feel_value qf_feel_fn_logarithm(const struct qf_feel_args *args)
{
    return computed(args, positive_ln);
}

struct qf_feel_value qf_feel_fn_exponential(const struct qf_feel_args *args)
{
    return computed(args, qf_feel_number_exp);
}

static struct qf_feel_value parity(const struct qf_feel_args *args, bool odd)
{
    const struct qf_feel_value *n = qf_feel_arg_kind(args, 0, QF_FEEL_NUMBER);
    if (n == NULL)
        return qf_feel_refuse(args, "odd and even take a number");
    if (!qf_feel_number_is_integer(n))
        return qf_feel_refuse(args, "a number with a fraction is neither odd nor even");
    return qf_feel_bool(qf_feel_number_is_odd(n) == odd);
}

struct qf_feel_value qf_feel_fn_odd(const struct qf_feel_args *args)
{
    return parity(args, true);
}

struct qf_feel_value qf_feel_fn_even(const struct qf_feel_args *args)
{
    return parity(args, false);
}

/* ---- calendar ---- */

static const struct qf_feel_value *date_argument(const struct qf_feel_args *args)
{
    const struct qf_feel_value *date = qf_feel_arg(args, 0);
    return date->kind == QF_FEEL_DATE || date->kind == QF_FEEL_DATE_TIME ? date : NULL;
}

#define NEEDS_DATE "the function takes a date, or a date and time"

struct qf_feel_value qf_feel_fn_day_of_year(const struct qf_feel_args *args)
{
    const struct qf_feel_value *date = date_argument(args);
    return date == NULL ? qf_feel_refuse(args, NEEDS_DATE) : qf_feel_int(qf_feel_day_of_year(date));
}

struct qf_feel_value qf_feel_fn_week_of_year(const struct qf_feel_args *args)
{
    const struct qf_feel_value *date = date_argument(args);
    return date == NULL ? qf_feel_refuse(args, NEEDS_DATE)
                        : qf_feel_int(qf_feel_week_of_year(date));
}

struct qf_feel_value qf_feel_fn_day_of_week(const struct qf_feel_args *args)
{
    static const char *const names[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                        "Friday", "Saturday", "Sunday"};
    const struct qf_feel_value *date = date_argument(args);
    return date == NULL ? qf_feel_refuse(args, NEEDS_DATE)
                        : qf_feel_text(qf_slice_of(names[qf_feel_weekday(date) - 1]));
}

struct qf_feel_value qf_feel_fn_month_of_year(const struct qf_feel_args *args)
{
    static const char *const names[] = {"January",   "February", "March",    "April",
                                        "May",       "June",     "July",     "August",
                                        "September", "October",  "November", "December"};
    const struct qf_feel_value *date = date_argument(args);
    return date == NULL ? qf_feel_refuse(args, NEEDS_DATE)
                        : qf_feel_text(qf_slice_of(names[date->stamp.month - 1]));
}

struct qf_feel_value qf_feel_fn_now(const struct qf_feel_args *args)
{
    struct qf_feel_value out;
    const struct qf_feel_world *world = args->ev->world;
    if (!qf_feel_date_time_at(&out, world->now_seconds, world->now_nanos, world->zone))
        return qf_feel_refuse(args, "the zone of now is not known");
    return out;
}

struct qf_feel_value qf_feel_fn_today(const struct qf_feel_args *args)
{
    struct qf_feel_value now = qf_feel_fn_now(args);
    return now.kind == QF_FEEL_NULL ? now : qf_feel_date_of(&now);
}
