#include "feel/temporal.h"

#include "feel/feel.h"
#include "feel/number.h"
#include "feel/temporal_internal.h"

/* Durations stay within what separates the first date from the last. */
#define DURATION_SECONDS_MAX 64000000000000000LL
#define DURATION_MONTHS_MAX 24000000000LL

/* ---- making ---- */

static bool leap_year(int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int month_days(int64_t year, int64_t month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && leap_year(year) ? 29 : days[month - 1];
}

bool qf_feel_date_make(struct qf_feel_value *out, int64_t year, int64_t month, int64_t day)
{
    *out = qf_feel_null();
    if (year < -QF_FEEL_YEAR_MAX || year > QF_FEEL_YEAR_MAX || month < 1 || month > 12 || day < 1 ||
        day > month_days(year, month))
        return false;
    out->kind = QF_FEEL_DATE;
    out->stamp =
        (struct qf_feel_stamp){.year = (int32_t)year, .month = (uint8_t)month, .day = (uint8_t)day};
    return true;
}

bool qf_feel_time_make(struct qf_feel_value *out, int64_t hour, int64_t minute, int64_t second,
                       uint32_t nanos)
{
    *out = qf_feel_null();
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59 ||
        nanos >= NANOS_PER_SECOND)
        return false;
    out->kind = QF_FEEL_TIME;
    out->second = (uint8_t)second;
    out->count = nanos;
    out->stamp = (struct qf_feel_stamp){.hour = (uint8_t)hour, .minute = (uint8_t)minute};
    return true;
}

bool qf_feel_make_seconds(struct qf_feel_value *out, qf_feel_wide nanos_total)
{
    qf_feel_wide seconds = nanos_total / NANOS_PER_SECOND;
    qf_feel_wide nanos = nanos_total % NANOS_PER_SECOND;
    if (nanos < 0) {
        nanos += NANOS_PER_SECOND;
        seconds--;
    }
    if (seconds > DURATION_SECONDS_MAX || seconds < -DURATION_SECONDS_MAX)
        return qf_feel_refuse(out);
    *out = (struct qf_feel_value){
        .kind = QF_FEEL_SECONDS, .count = (uint32_t)nanos, .integer = (int64_t)seconds};
    return true;
}

bool qf_feel_make_months(struct qf_feel_value *out, qf_feel_wide months)
{
    if (months > DURATION_MONTHS_MAX || months < -DURATION_MONTHS_MAX)
        return qf_feel_refuse(out);
    *out = (struct qf_feel_value){.kind = QF_FEEL_MONTHS, .integer = (int64_t)months};
    return true;
}

/* ---- calendar ---- */

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

/* Days since 1970-01-01; years counted from March so that the leap day comes last. */
static int64_t day_number(int64_t year, int64_t month, int64_t day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = floor_div(y, 400);
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

int64_t qf_feel_day_number(const struct qf_feel_value *date)
{
    return day_number(date->stamp.year, date->stamp.month, date->stamp.day);
}

static void from_day_number(int64_t number, int64_t *year, int64_t *month, int64_t *day)
{
    int64_t z = number + 719468;
    int64_t era = floor_div(z, 146097);
    int64_t day_of_era = z - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted = (5 * day_of_year + 2) / 153;
    *day = day_of_year - (153 * shifted + 2) / 5 + 1;
    *month = shifted + (shifted < 10 ? 3 : -9);
    *year = year_of_era + era * 400 + (*month <= 2);
}

void qf_feel_day_date(struct qf_feel_value *out, int64_t number)
{
    int64_t year = 0;
    int64_t month = 0;
    int64_t day = 0;
    from_day_number(number, &year, &month, &day);
    (void)qf_feel_date_make(out, year, month, day);
}

int qf_feel_weekday(const struct qf_feel_value *date)
{
    int64_t number = qf_feel_day_number(date) + 3; /* 1970-01-01 was a Thursday */
    return (int)(number - floor_div(number, 7) * 7) + 1;
}

int qf_feel_day_of_year(const struct qf_feel_value *date)
{
    return (int)(qf_feel_day_number(date) - day_number(date->stamp.year, 1, 1)) + 1;
}

/* Week 1 is the one with the year's first Thursday. */
int qf_feel_week_of_year(const struct qf_feel_value *date)
{
    int64_t thursday = qf_feel_day_number(date) - qf_feel_weekday(date) + 4;
    int64_t year = 0;
    int64_t month = 0;
    int64_t day = 0;
    from_day_number(thursday, &year, &month, &day);
    return (int)((thursday - day_number(year, 1, 1)) / 7) + 1;
}

/* ---- zones ---- */

static uint8_t small_letter(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

static bool same_letters(struct qf_slice a, struct qf_slice b)
{
    for (size_t i = 0; a.size == b.size && i < a.size; i++)
        if (small_letter(a.data[i]) != small_letter(b.data[i]))
            return false;
    return a.size == b.size;
}

/* Identifiers are unique whatever the case of their letters (RFC 6557). */
bool qf_feel_zone_find(int32_t *out, struct qf_slice name)
{
    uint32_t low = 0;
    uint32_t high = qf_zone_name_count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        int order = qf_slice_compare(qf_slice_of(qf_zone_names[middle].name), name);
        if (order == 0) {
            *out = (int32_t)middle;
            return true;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (uint32_t i = 0; i < qf_zone_name_count; i++) {
        if (same_letters(qf_slice_of(qf_zone_names[i].name), name)) {
            *out = (int32_t)i;
            return true;
        }
    }
    return false;
}

/* When a rule's day falls in a year, in local seconds since 1970. */
static int64_t rule_moment(const struct qf_zone_day *rule, int64_t year)
{
    int64_t first = day_number(year, rule->month, 1);
    int64_t weekday = (first + 4) % 7;
    if (weekday < 0)
        weekday += 7;
    int64_t day = first + (rule->weekday - weekday + 7) % 7 + ((int64_t)rule->week - 1) * 7;
    if (day >= first + month_days(year, rule->month))
        day -= 7;
    return day * DAY_SECONDS + rule->seconds;
}

/* The offset that holds at `at` (UTC). */
static int32_t offset_at(const struct qf_zone *zone, int64_t at)
{
    const struct qf_zone_change *changes = qf_zone_changes + zone->first;
    const struct qf_zone_rule *rule = qf_zone_rules + zone->rule;
    if (zone->count > 0 && at < changes[zone->count - 1].at) {
        uint32_t low = 0;
        uint32_t high = zone->count;
        while (low < high) {
            uint32_t middle = (low + high) / 2;
            if (changes[middle].at <= at)
                low = middle + 1;
            else
                high = middle;
        }
        return low == 0 ? zone->offset : changes[low - 1].offset;
    }
    if (!rule->has_daylight)
        return zone->count > 0 ? changes[zone->count - 1].offset : rule->standard;
    int64_t year = 0;
    int64_t month = 0;
    int64_t day = 0;
    from_day_number(floor_div(at + rule->standard, DAY_SECONDS), &year, &month, &day);
    int64_t start = rule_moment(&rule->start, year) - rule->standard;
    int64_t end = rule_moment(&rule->end, year) - rule->daylight;
    bool daylight = start < end ? at >= start && at < end : at >= start || at < end;
    return daylight ? rule->daylight : rule->standard;
}

bool qf_feel_zone_fixed(struct qf_slice name, int32_t *seconds)
{
    const int64_t year_2000 = 946684800;
    int32_t number = 0;
    /* A network's parameter is compared as a text: one spelling each. */
    if (!qf_feel_zone_find(&number, name) || !qf_slice_is(name, qf_zone_names[number].name))
        return false;
    const struct qf_zone *zone = &qf_zones[qf_zone_names[number].zone];
    if (qf_zone_rules[zone->rule].has_daylight)
        return false;
    for (uint32_t i = 0; i < zone->count; i++)
        if (qf_zone_changes[zone->first + i].at >= year_2000)
            return false;
    *seconds = offset_at(zone, year_2000);
    return true;
}

/* The offset for a local time: the earlier one where clocks went back, and where they went forward
 * the one before. */
static int32_t offset_for_local(const struct qf_zone *zone, int64_t local)
{
    int32_t before = offset_at(zone, local - offset_at(zone, local - DAY_SECONDS));
    int32_t earlier = offset_at(zone, local - DAY_SECONDS - before);
    if (offset_at(zone, local - earlier) == earlier)
        return earlier;
    int32_t later = offset_at(zone, local - before);
    if (offset_at(zone, local - later) == later)
        return later;
    return earlier;
}

static int64_t day_seconds(const struct qf_feel_value *value)
{
    return value->stamp.hour * 3600 + value->stamp.minute * 60 + value->second;
}

static int64_t local_seconds(const struct qf_feel_value *value)
{
    int64_t seconds = day_seconds(value);
    if (value->kind == QF_FEEL_TIME)
        return seconds;
    return qf_feel_day_number(value) * DAY_SECONDS + seconds;
}

bool qf_feel_offset(int32_t *out, const struct qf_feel_value *value)
{
    *out = 0;
    if (value->zone_kind == QF_FEEL_ZONE_NONE)
        return false;
    if (value->zone_kind == QF_FEEL_ZONE_OFFSET) {
        *out = value->stamp.zone;
        return true;
    }
    const struct qf_zone *zone = qf_zones + qf_zone_names[value->stamp.zone].zone;
    *out = value->kind == QF_FEEL_TIME ? qf_zone_rules[zone->rule].standard
                                       : offset_for_local(zone, local_seconds(value));
    return true;
}

const char *qf_feel_zone_name(const struct qf_feel_value *value)
{
    return value->zone_kind == QF_FEEL_ZONE_NAMED ? qf_zone_names[value->stamp.zone].name : NULL;
}

int64_t qf_feel_line(const struct qf_feel_value *value)
{
    int32_t offset = 0;
    (void)qf_feel_offset(&offset, value);
    return local_seconds(value) - offset;
}

int64_t qf_feel_local_line(const struct qf_feel_value *value)
{
    return local_seconds(value);
}

struct qf_feel_value qf_feel_date_time_join(const struct qf_feel_value *date,
                                            const struct qf_feel_value *time)
{
    struct qf_feel_value out = *time;
    out.kind = QF_FEEL_DATE_TIME;
    out.stamp.year = date->stamp.year;
    out.stamp.month = date->stamp.month;
    out.stamp.day = date->stamp.day;
    return out;
}

struct qf_feel_value qf_feel_date_of(const struct qf_feel_value *value)
{
    struct qf_feel_value out;
    (void)qf_feel_date_make(&out, value->stamp.year, value->stamp.month, value->stamp.day);
    return out;
}

struct qf_feel_value qf_feel_time_of(const struct qf_feel_value *value)
{
    struct qf_feel_value out = *value;
    out.kind = QF_FEEL_TIME;
    out.stamp.year = 0;
    out.stamp.month = 0;
    out.stamp.day = 0;
    return out;
}

struct qf_feel_value qf_feel_midnight_of(const struct qf_feel_value *date)
{
    struct qf_feel_value time;
    (void)qf_feel_time_make(&time, 0, 0, 0, 0);
    time.zone_kind = QF_FEEL_ZONE_OFFSET;
    return date->kind == QF_FEEL_DATE ? qf_feel_date_time_join(date, &time) : *date;
}

/* A date and time from local seconds, with zone and nanoseconds as in `like`. */
static bool from_local(struct qf_feel_value *out, int64_t local, const struct qf_feel_value *like)
{
    struct qf_feel_value date;
    struct qf_feel_value time;
    int64_t day = floor_div(local, DAY_SECONDS);
    int64_t rest = local - day * DAY_SECONDS;
    qf_feel_day_date(&date, day);
    if (date.kind == QF_FEEL_NULL)
        return qf_feel_refuse(out);
    (void)qf_feel_time_make(&time, rest / 3600, rest / 60 % 60, rest % 60, like->count);
    time.zone_kind = like->zone_kind;
    time.stamp.zone = like->stamp.zone;
    *out = qf_feel_date_time_join(&date, &time);
    return true;
}

bool qf_feel_date_time_at(struct qf_feel_value *out, int64_t seconds, uint32_t nanos,
                          struct qf_slice name)
{
    struct qf_feel_value like = {.kind = QF_FEEL_DATE_TIME, .count = nanos};
    int32_t offset = 0;
    if (name.size == 0) {
        like.zone_kind = QF_FEEL_ZONE_OFFSET;
    } else {
        like.zone_kind = QF_FEEL_ZONE_NAMED;
        if (!qf_feel_zone_find(&like.stamp.zone, name))
            return qf_feel_refuse(out);
        offset = offset_at(qf_zones + qf_zone_names[like.stamp.zone].zone, seconds);
    }
    return from_local(out, seconds + offset, &like);
}

/* ---- arithmetic ---- */

static qf_feel_wide total_nanos(const struct qf_feel_value *duration)
{
    return (qf_feel_wide)duration->integer * NANOS_PER_SECOND + duration->count;
}

static bool add_months(struct qf_feel_value *out, const struct qf_feel_value *value, int64_t months)
{
    int64_t total = (int64_t)value->stamp.year * 12 + value->stamp.month - 1 + months;
    int64_t year = floor_div(total, 12);
    int64_t month = total - year * 12 + 1;
    if (year < -QF_FEEL_YEAR_MAX || year > QF_FEEL_YEAR_MAX)
        return qf_feel_refuse(out);
    int64_t last = month_days(year, month);
    *out = *value;
    out->stamp.year = (int32_t)year;
    out->stamp.month = (uint8_t)month;
    if (out->stamp.day > last)
        out->stamp.day = (uint8_t)last;
    return true;
}

/* Point plus duration. A zoned date and time moves on the time line. */
static bool add_seconds(struct qf_feel_value *out, const struct qf_feel_value *value,
                        qf_feel_wide nanos_total)
{
    struct qf_feel_value shift;
    if (!qf_feel_make_seconds(&shift, nanos_total))
        return qf_feel_refuse(out);
    if (value->kind == QF_FEEL_DATE) {
        qf_feel_day_date(out, qf_feel_day_number(value) + floor_div(shift.integer, DAY_SECONDS));
        return out->kind != QF_FEEL_NULL;
    }
    struct qf_feel_value like = *value;
    int64_t seconds = shift.integer;
    like.count = value->count + shift.count;
    if (like.count >= NANOS_PER_SECOND) {
        like.count -= NANOS_PER_SECOND;
        seconds++;
    }
    if (value->kind == QF_FEEL_TIME) {
        int64_t local = local_seconds(value) + seconds;
        local -= floor_div(local, DAY_SECONDS) * DAY_SECONDS;
        (void)qf_feel_time_make(out, local / 3600, local / 60 % 60, local % 60, like.count);
        out->zone_kind = like.zone_kind;
        out->stamp.zone = like.stamp.zone;
        return true;
    }
    if (value->zone_kind == QF_FEEL_ZONE_NAMED) {
        int64_t line = qf_feel_line(value) + seconds;
        const struct qf_zone *zone = qf_zones + qf_zone_names[value->stamp.zone].zone;
        return from_local(out, line + offset_at(zone, line), &like);
    }
    return from_local(out, local_seconds(value) + seconds, &like);
}

static bool is_point(const struct qf_feel_value *value)
{
    return value->kind == QF_FEEL_DATE || value->kind == QF_FEEL_TIME ||
           value->kind == QF_FEEL_DATE_TIME;
}

bool qf_feel_temporal_add(struct qf_feel_value *out, const struct qf_feel_value *a,
                          const struct qf_feel_value *b)
{
    if (a->kind == QF_FEEL_MONTHS && b->kind == QF_FEEL_MONTHS)
        return qf_feel_make_months(out, (qf_feel_wide)a->integer + b->integer);
    if (a->kind == QF_FEEL_SECONDS && b->kind == QF_FEEL_SECONDS)
        return qf_feel_make_seconds(out, total_nanos(a) + total_nanos(b));
    if (is_point(b)) {
        const struct qf_feel_value *swap = a;
        a = b;
        b = swap;
    }
    if (!is_point(a))
        return qf_feel_refuse(out);
    if (b->kind == QF_FEEL_SECONDS)
        return add_seconds(out, a, total_nanos(b));
    if (b->kind == QF_FEEL_MONTHS && a->kind != QF_FEEL_TIME)
        return add_months(out, a, b->integer);
    return qf_feel_refuse(out);
}

bool qf_feel_temporal_sub(struct qf_feel_value *out, const struct qf_feel_value *a,
                          const struct qf_feel_value *b)
{
    if (a->kind == QF_FEEL_MONTHS && b->kind == QF_FEEL_MONTHS)
        return qf_feel_make_months(out, (qf_feel_wide)a->integer - b->integer);
    if (a->kind == QF_FEEL_SECONDS && b->kind == QF_FEEL_SECONDS)
        return qf_feel_make_seconds(out, total_nanos(a) - total_nanos(b));
    if (!is_point(a))
        return qf_feel_refuse(out);
    if (b->kind == QF_FEEL_SECONDS)
        return add_seconds(out, a, -total_nanos(b));
    if (b->kind == QF_FEEL_MONTHS && a->kind != QF_FEEL_TIME)
        return add_months(out, a, -b->integer);
    if (!is_point(b) || (a->kind == QF_FEEL_TIME) != (b->kind == QF_FEEL_TIME))
        return qf_feel_refuse(out);
    struct qf_feel_value from = *b;
    struct qf_feel_value to = *a;
    if (from.kind != to.kind) { /* of a date its midnight in UTC counts */
        struct qf_feel_value *date = from.kind == QF_FEEL_DATE ? &from : &to;
        *date = qf_feel_midnight_of(date);
    }
    if ((from.zone_kind == QF_FEEL_ZONE_NONE) != (to.zone_kind == QF_FEEL_ZONE_NONE))
        return qf_feel_refuse(out);
    qf_feel_wide difference =
        (qf_feel_wide)(qf_feel_line(&to) - qf_feel_line(&from)) * NANOS_PER_SECOND;
    return qf_feel_make_seconds(out, difference + (int64_t)to.count - (int64_t)from.count);
}

static bool is_duration(const struct qf_feel_value *value)
{
    return value->kind == QF_FEEL_MONTHS || value->kind == QF_FEEL_SECONDS;
}

/* A duration as a number of months or seconds, and back. */
static struct qf_feel_value duration_number(const struct qf_feel_value *value)
{
    return value->kind == QF_FEEL_MONTHS
               ? qf_feel_int(value->integer)
               : qf_feel_number_from_seconds(value->integer, value->count);
}

static bool number_duration(struct qf_feel_value *out, const struct qf_feel_value *number,
                            uint8_t kind)
{
    if (kind == QF_FEEL_MONTHS) {
        int64_t months = 0;
        return (qf_feel_number_to_int(&months, number) && qf_feel_make_months(out, months)) ||
               qf_feel_refuse(out);
    }
    int64_t seconds = 0;
    uint32_t nanos = 0;
    return (qf_feel_number_to_seconds(&seconds, &nanos, number) &&
            qf_feel_make_seconds(out, (qf_feel_wide)seconds * NANOS_PER_SECOND + nanos)) ||
           qf_feel_refuse(out);
}

bool qf_feel_temporal_mul(struct qf_feel_value *out, const struct qf_feel_value *a,
                          const struct qf_feel_value *b)
{
    if (is_duration(b)) {
        const struct qf_feel_value *swap = a;
        a = b;
        b = swap;
    }
    if (!is_duration(a) || b->kind != QF_FEEL_NUMBER)
        return qf_feel_refuse(out);
    struct qf_feel_value number = duration_number(a);
    uint8_t kind = a->kind;
    return qf_feel_number_mul(&number, &number, b) ? number_duration(out, &number, kind)
                                                   : qf_feel_refuse(out);
}

bool qf_feel_temporal_div(struct qf_feel_value *out, const struct qf_feel_value *a,
                          const struct qf_feel_value *b)
{
    if (!is_duration(a))
        return qf_feel_refuse(out);
    struct qf_feel_value number = duration_number(a);
    if (b->kind == a->kind) {
        struct qf_feel_value divisor = duration_number(b);
        return qf_feel_number_div(out, &number, &divisor);
    }
    if (b->kind != QF_FEEL_NUMBER)
        return qf_feel_refuse(out);
    uint8_t kind = a->kind;
    return qf_feel_number_div(&number, &number, b) ? number_duration(out, &number, kind)
                                                   : qf_feel_refuse(out);
}

bool qf_feel_duration_negate(struct qf_feel_value *out, const struct qf_feel_value *a)
{
    if (a->kind == QF_FEEL_MONTHS)
        return qf_feel_make_months(out, -(qf_feel_wide)a->integer);
    if (a->kind == QF_FEEL_SECONDS)
        return qf_feel_make_seconds(out, -total_nanos(a));
    return qf_feel_refuse(out);
}

bool qf_feel_months_between(struct qf_feel_value *out, const struct qf_feel_value *a,
                            const struct qf_feel_value *b)
{
    if (a->kind == QF_FEEL_TIME || b->kind == QF_FEEL_TIME || !is_point(a) || !is_point(b))
        return qf_feel_refuse(out);
    int64_t months =
        ((int64_t)b->stamp.year - a->stamp.year) * 12 + b->stamp.month - a->stamp.month;
    int64_t rest = (int64_t)b->stamp.day - a->stamp.day;
    if (months > 0 && rest < 0)
        months--;
    if (months < 0 && rest > 0)
        months++;
    return qf_feel_make_months(out, months);
}

static bool duration_property(struct qf_feel_value *out, const struct qf_feel_value *value,
                              struct qf_slice name)
{
    int64_t whole = value->integer;
    if (value->kind == QF_FEEL_SECONDS && whole < 0 && value->count > 0)
        whole++; /* towards zero */
    static const struct {
        const char *name;
        uint8_t kind;
        int32_t unit;
        int32_t modulus;
    } properties[] = {
        {"years", QF_FEEL_MONTHS, 12, 0},     {"months", QF_FEEL_MONTHS, 1, 12},
        {"days", QF_FEEL_SECONDS, 86400, 0},  {"hours", QF_FEEL_SECONDS, 3600, 24},
        {"minutes", QF_FEEL_SECONDS, 60, 60}, {"seconds", QF_FEEL_SECONDS, 1, 60},
    };
    for (size_t i = 0; i < sizeof properties / sizeof properties[0]; i++) {
        if (value->kind != properties[i].kind || !qf_slice_is(name, properties[i].name))
            continue;
        int64_t count = whole / properties[i].unit;
        *out = qf_feel_int(properties[i].modulus == 0 ? count : count % properties[i].modulus);
        if (value->kind == QF_FEEL_SECONDS && properties[i].unit == 1 && value->count > 0)
            *out = qf_feel_number_from_seconds(out->integer - (value->integer < 0), value->count);
        return true;
    }
    return qf_feel_refuse(out);
}

bool qf_feel_temporal_property(struct qf_feel_value *out, const struct qf_feel_value *value,
                               struct qf_slice name)
{
    if (is_duration(value))
        return duration_property(out, value, name);
    bool has_date = value->kind != QF_FEEL_TIME;
    bool has_time = value->kind != QF_FEEL_DATE;
    if (has_date && qf_slice_is(name, "year"))
        *out = qf_feel_int(value->stamp.year);
    else if (has_date && qf_slice_is(name, "month"))
        *out = qf_feel_int(value->stamp.month);
    else if (has_date && qf_slice_is(name, "day"))
        *out = qf_feel_int(value->stamp.day);
    else if (has_date && qf_slice_is(name, "weekday"))
        *out = qf_feel_int(qf_feel_weekday(value));
    else if (has_time && qf_slice_is(name, "hour"))
        *out = qf_feel_int(value->stamp.hour);
    else if (has_time && qf_slice_is(name, "minute"))
        *out = qf_feel_int(value->stamp.minute);
    else if (has_time && qf_slice_is(name, "second"))
        *out = qf_feel_number_from_seconds(value->second, value->count);
    else if (has_time && qf_slice_is(name, "time offset")) {
        int32_t offset = 0;
        if (qf_feel_offset(&offset, value))
            (void)qf_feel_make_seconds(out, (qf_feel_wide)offset * NANOS_PER_SECOND);
        else
            *out = qf_feel_null();
    } else if (has_time && qf_slice_is(name, "timezone")) {
        const char *zone = qf_feel_zone_name(value);
        *out = zone == NULL ? qf_feel_null() : qf_feel_text(qf_slice_of(zone));
    } else {
        return qf_feel_refuse(out);
    }
    return true;
}
