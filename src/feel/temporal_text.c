/* Dates, times and durations as text (ISO 8601 as DMN 1.5 10.3.2.3 takes it): read and written. */
#include <stdio.h>

#include "feel/feel.h"
#include "feel/temporal_internal.h"

#define ZONE_OFFSET_MAX 64800 /* 18 hours */

/* ---- reading ---- */

struct reader {
    const char *at;
    const char *end;
};

static bool read_char(struct reader *r, char c)
{
    if (r->at == r->end || *r->at != c)
        return false;
    r->at++;
    return true;
}

/* Between `least` and `most` digits. */
static bool read_digits(struct reader *r, int64_t *out, int least, int most)
{
    int count = 0;
    *out = 0;
    while (count < most && r->at < r->end && *r->at >= '0' && *r->at <= '9') {
        *out = *out * 10 + (*r->at++ - '0');
        count++;
    }
    return count >= least;
}

static bool read_date(struct reader *r, struct qf_feel_value *out)
{
    bool negative = read_char(r, '-');
    const char *start = r->at;
    int64_t year = 0;
    int64_t month = 0;
    int64_t day = 0;
    if (!read_digits(r, &year, 4, 9) || (r->at - start > 4 && *start == '0') ||
        !read_char(r, '-') || !read_digits(r, &month, 2, 2) || !read_char(r, '-') ||
        !read_digits(r, &day, 2, 2))
        return false;
    return qf_feel_date_make(out, negative ? -year : year, month, day);
}

/* A fraction's digits after the point; those past the ninth are dropped. */
static bool read_nanos(struct reader *r, uint32_t *nanos)
{
    uint32_t value = 0;
    int count = 0;
    while (r->at < r->end && *r->at >= '0' && *r->at <= '9') {
        if (count < 9)
            value = value * 10 + (uint32_t)(*r->at - '0');
        count++;
        r->at++;
    }
    for (int i = count; i < 9; i++)
        value *= 10;
    *nanos = value;
    return count > 0;
}

static bool read_zone(struct reader *r, struct qf_feel_value *out)
{
    if (r->at == r->end)
        return true;
    if (*r->at == 'Z' || *r->at == 'z') {
        r->at++;
        out->zone_kind = QF_FEEL_ZONE_OFFSET;
        return true;
    }
    if (*r->at == '@') {
        struct qf_slice name = qf_slice_make(r->at + 1, (size_t)(r->end - r->at - 1));
        r->at = r->end;
        out->zone_kind = QF_FEEL_ZONE_NAMED;
        return qf_feel_zone_find(&out->stamp.zone, name);
    }
    bool negative = *r->at == '-';
    int64_t hour = 0;
    int64_t minute = 0;
    int64_t second = 0;
    if (!negative && *r->at != '+')
        return false;
    r->at++;
    if (!read_digits(r, &hour, 2, 2) || !read_char(r, ':') || !read_digits(r, &minute, 2, 2) ||
        (read_char(r, ':') && !read_digits(r, &second, 2, 2)))
        return false;
    int64_t offset = hour * 3600 + minute * 60 + second;
    if (minute > 59 || second > 59 || offset > ZONE_OFFSET_MAX)
        return false;
    out->zone_kind = QF_FEEL_ZONE_OFFSET;
    out->stamp.zone = (int32_t)(negative ? -offset : offset);
    return true;
}

static bool read_time(struct reader *r, struct qf_feel_value *out, bool *next_day)
{
    int64_t hour = 0;
    int64_t minute = 0;
    int64_t second = 0;
    uint32_t nanos = 0;
    if (!read_digits(r, &hour, 2, 2) || !read_char(r, ':') || !read_digits(r, &minute, 2, 2) ||
        !read_char(r, ':') || !read_digits(r, &second, 2, 2) ||
        (read_char(r, '.') && !read_nanos(r, &nanos)))
        return false;
    *next_day = hour == 24 && minute == 0 && second == 0 && nanos == 0;
    if (*next_day) /* XML Schema's end of a day */
        hour = 0;
    return qf_feel_time_make(out, hour, minute, second, nanos) && read_zone(r, out) &&
           r->at == r->end;
}

static struct reader reader_of(struct qf_slice text)
{
    const char *at = (const char *)text.data;
    return (struct reader){at, at + text.size};
}

bool qf_feel_date_parse(struct qf_feel_value *out, struct qf_slice text)
{
    struct reader r = reader_of(text);
    return (read_date(&r, out) && r.at == r.end) || qf_feel_refuse(out);
}

bool qf_feel_time_parse(struct qf_feel_value *out, struct qf_slice text)
{
    struct reader r = reader_of(text);
    bool next_day = false;
    return read_time(&r, out, &next_day) || qf_feel_refuse(out);
}

bool qf_feel_date_time_parse(struct qf_feel_value *out, struct qf_slice text)
{
    struct reader r = reader_of(text);
    struct qf_feel_value date;
    struct qf_feel_value time;
    bool next_day = false;
    if (!read_date(&r, &date))
        return qf_feel_refuse(out);
    if (r.at == r.end)
        (void)qf_feel_time_make(&time, 0, 0, 0, 0);
    else if (!read_char(&r, 'T') || !read_time(&r, &time, &next_day))
        return qf_feel_refuse(out);
    if (next_day)
        qf_feel_day_date(&date, qf_feel_day_number(&date) + 1);
    if (date.kind == QF_FEEL_NULL)
        return qf_feel_refuse(out);
    *out = qf_feel_date_time_join(&date, &time);
    return true;
}

/* One number of a duration with its letter; a fraction only before S. */
static bool read_part(struct reader *r, int64_t *value, uint32_t *nanos, char *letter)
{
    bool fraction = false;
    if (!read_digits(r, value, 1, 17))
        return false;
    if (read_char(r, '.')) {
        fraction = true;
        (void)read_nanos(r, nanos); /* "0.S" has none, and is allowed */
    }
    if (r->at == r->end)
        return false;
    *letter = *r->at++;
    return !fraction || *letter == 'S';
}

/* The letters that may still come, in order; each stands for its unit. */
bool qf_feel_duration_parse(struct qf_feel_value *out, struct qf_slice text)
{
    struct reader r = reader_of(text);
    bool negative = read_char(&r, '-');
    static const char date_letters[] = "YMD";
    static const char time_letters[] = "HMS";
    static const int64_t date_units[] = {12, 1, DAY_SECONDS};
    static const int64_t time_units[] = {3600, 60, 1};
    qf_feel_wide months = 0;
    qf_feel_wide seconds = 0;
    uint32_t nanos = 0;
    int at = 0;
    bool in_time = false;
    bool has_months = false;
    bool has_seconds = false;
    if (!read_char(&r, 'P') || r.at == r.end)
        return qf_feel_refuse(out);
    while (r.at < r.end) {
        if (!in_time && read_char(&r, 'T')) {
            in_time = true;
            at = 0;
            if (r.at == r.end)
                return qf_feel_refuse(out);
            continue;
        }
        const char *letters = in_time ? time_letters : date_letters;
        int64_t value = 0;
        char letter = 0;
        if (!read_part(&r, &value, &nanos, &letter))
            return qf_feel_refuse(out);
        while (at < 3 && letters[at] != letter)
            at++;
        if (at == 3 || (letter == 'S' && !in_time))
            return qf_feel_refuse(out);
        if (!in_time && at < 2) {
            months += (qf_feel_wide)value * date_units[at];
            has_months = true;
        } else {
            seconds += (qf_feel_wide)value * (in_time ? time_units[at] : date_units[at]);
            has_seconds = true;
        }
        at++;
    }
    if (has_months == has_seconds) /* mixed durations are not of either type */
        return qf_feel_refuse(out);
    if (has_months)
        return qf_feel_make_months(out, negative ? -months : months);
    qf_feel_wide total = seconds * NANOS_PER_SECOND + nanos;
    return qf_feel_make_seconds(out, negative ? -total : total);
}

bool qf_feel_at_parse(struct qf_feel_value *out, struct qf_slice text)
{
    if (text.size > 0 && (text.data[0] == 'P' || (text.size > 1 && text.data[1] == 'P')))
        return qf_feel_duration_parse(out, text);
    if (text.size > 2 && text.data[2] == ':')
        return qf_feel_time_parse(out, text);
    if (memchr(text.data == NULL ? (const uint8_t *)"" : text.data, 'T', text.size) != NULL &&
        qf_feel_date_time_parse(out, text))
        return true;
    return qf_feel_date_parse(out, text);
}

/* ---- writing ---- */

static void write_nanos(struct qf_buf *buf, uint32_t nanos)
{
    if (nanos == 0)
        return;
    char digits[16];
    int size = snprintf(digits, sizeof digits, ".%09u", nanos);
    while (size > 0 && digits[size - 1] == '0')
        size--;
    qf_buf_put(buf, digits, (size_t)size);
}

static void write_two(struct qf_buf *buf, unsigned value)
{
    uint8_t digits[2] = {(uint8_t)('0' + value / 10), (uint8_t)('0' + value % 10)};
    qf_buf_put(buf, digits, 2);
}

static void write_date(struct qf_buf *buf, const struct qf_feel_value *value)
{
    int32_t year = value->stamp.year;
    if (year < 0)
        qf_buf_put_byte(buf, '-');
    uint32_t positive = (uint32_t)(year < 0 ? -year : year);
    for (uint32_t limit = 1000; limit > positive && limit > 1; limit /= 10)
        qf_buf_put_byte(buf, '0');
    qf_buf_put_int(buf, positive);
    qf_buf_put_byte(buf, '-');
    write_two(buf, value->stamp.month);
    qf_buf_put_byte(buf, '-');
    write_two(buf, value->stamp.day);
}

static void write_time(struct qf_buf *buf, const struct qf_feel_value *value)
{
    write_two(buf, value->stamp.hour);
    qf_buf_put_byte(buf, ':');
    write_two(buf, value->stamp.minute);
    qf_buf_put_byte(buf, ':');
    write_two(buf, value->second);
    write_nanos(buf, value->count);
    if (value->zone_kind == QF_FEEL_ZONE_NAMED) {
        qf_buf_put_byte(buf, '@');
        qf_buf_put_text(buf, qf_zone_names[value->stamp.zone].name);
    } else if (value->zone_kind == QF_FEEL_ZONE_OFFSET && value->stamp.zone == 0) {
        qf_buf_put_byte(buf, 'Z');
    } else if (value->zone_kind == QF_FEEL_ZONE_OFFSET) {
        int32_t zone = value->stamp.zone;
        qf_buf_put_byte(buf, zone < 0 ? '-' : '+');
        unsigned offset = (unsigned)(zone < 0 ? -zone : zone);
        write_two(buf, offset / 3600);
        qf_buf_put_byte(buf, ':');
        write_two(buf, offset / 60 % 60);
        if (offset % 60 != 0) {
            qf_buf_put_byte(buf, ':');
            write_two(buf, offset % 60);
        }
    }
}

static void write_unit(struct qf_buf *buf, int64_t value, char letter)
{
    if (value == 0)
        return;
    qf_buf_put_int(buf, value);
    qf_buf_put_byte(buf, (uint8_t)letter);
}

static void write_seconds(struct qf_buf *buf, const struct qf_feel_value *value)
{
    int64_t seconds = value->integer;
    uint32_t nanos = value->count;
    if (seconds == 0 && nanos == 0) {
        qf_buf_put_text(buf, "PT0S");
        return;
    }
    if (seconds < 0) {
        qf_buf_put_byte(buf, '-');
        seconds = -seconds;
        if (nanos > 0) {
            nanos = NANOS_PER_SECOND - nanos;
            seconds--;
        }
    }
    qf_buf_put_byte(buf, 'P');
    write_unit(buf, seconds / DAY_SECONDS, 'D');
    if (seconds % DAY_SECONDS == 0 && nanos == 0)
        return;
    qf_buf_put_byte(buf, 'T');
    write_unit(buf, seconds % DAY_SECONDS / 3600, 'H');
    write_unit(buf, seconds % 3600 / 60, 'M');
    if (seconds % 60 != 0 || nanos != 0) {
        qf_buf_put_int(buf, seconds % 60);
        write_nanos(buf, nanos);
        qf_buf_put_byte(buf, 'S');
    }
}

static void write_months(struct qf_buf *buf, int64_t months)
{
    if (months == 0) {
        qf_buf_put_text(buf, "P0M");
        return;
    }
    if (months < 0)
        qf_buf_put_byte(buf, '-');
    int64_t positive = months < 0 ? -months : months;
    qf_buf_put_byte(buf, 'P');
    write_unit(buf, positive / 12, 'Y');
    write_unit(buf, positive % 12, 'M');
}

void qf_feel_temporal_write(struct qf_buf *buf, const struct qf_feel_value *value)
{
    if (value->kind == QF_FEEL_DATE || value->kind == QF_FEEL_DATE_TIME)
        write_date(buf, value);
    if (value->kind == QF_FEEL_DATE_TIME)
        qf_buf_put_byte(buf, 'T');
    if (value->kind == QF_FEEL_TIME || value->kind == QF_FEEL_DATE_TIME)
        write_time(buf, value);
    if (value->kind == QF_FEEL_SECONDS)
        write_seconds(buf, value);
    if (value->kind == QF_FEEL_MONTHS)
        write_months(buf, value->integer);
}
