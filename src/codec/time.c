#include "codec/time.h"

#define MS_PER_DAY 86400000LL
#define DAYS_PER_400_YEARS 146097

static bool is_leap(int32_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int32_t days_of_month(int32_t year, int32_t month)
{
    static const uint8_t days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && is_leap(year) ? 1 : 0);
}

bool qf_time_fields_valid(const struct qf_time_fields *f)
{
    return f->year >= 0 && f->year <= 9999 && f->month >= 1 && f->month <= 12 && f->day >= 1 &&
           f->day <= days_of_month(f->year, f->month) && f->hour >= 0 && f->hour <= 23 &&
           f->minute >= 0 && f->minute <= 59 && f->second >= 0 && f->second <= 59 &&
           f->millisecond >= 0 && f->millisecond <= 999;
}

/* Both ways, years begin on 1 March, so that the leap day is a year's last: a month's first day
 * then follows from the lengths 31 30 31 30 31 that repeat. Shifted by 400 years, nothing is
 * negative. */
static int64_t days_since_1970(int32_t year, int32_t month, int32_t day)
{
    int64_t y = (int64_t)year + 400 - (month <= 2 ? 1 : 0);
    int64_t m = month <= 2 ? month + 9 : month - 3;
    int64_t day_of_year = (153 * m + 2) / 5 + day - 1;
    return y * 365 + y / 4 - y / 100 + y / 400 + day_of_year - 719468 - DAYS_PER_400_YEARS;
}

int64_t qf_time_of(const struct qf_time_fields *f)
{
    QF_ASSERT(qf_time_fields_valid(f));
    int64_t seconds = ((int64_t)f->hour * 60 + f->minute) * 60 + f->second;
    return days_since_1970(f->year, f->month, f->day) * MS_PER_DAY + seconds * 1000 +
           f->millisecond;
}

struct qf_time_fields qf_time_fields_of(int64_t ms)
{
    QF_ASSERT(ms >= QF_TIME_MS_MIN && ms <= QF_TIME_MS_MAX);
    int64_t days = ms / MS_PER_DAY - (ms % MS_PER_DAY < 0 ? 1 : 0);
    int64_t rest = ms - days * MS_PER_DAY;
    int64_t since = days + 719468 + DAYS_PER_400_YEARS; /* since 1 March of the year -400 */
    int64_t era = since / DAYS_PER_400_YEARS;
    int64_t d = since % DAYS_PER_400_YEARS;
    int64_t y = (d - d / 1460 + d / 36524 - d / 146096) / 365;
    int64_t day_of_year = d - (365 * y + y / 4 - y / 100);
    int64_t m = (5 * day_of_year + 2) / 153;
    return (struct qf_time_fields){
        .year = (int32_t)(era * 400 + y - 400 + (m >= 10 ? 1 : 0)),
        .month = (int32_t)(m >= 10 ? m - 9 : m + 3),
        .day = (int32_t)(day_of_year - (153 * m + 2) / 5 + 1),
        .hour = (int32_t)(rest / 3600000),
        .minute = (int32_t)(rest / 60000 % 60),
        .second = (int32_t)(rest / 1000 % 60),
        .millisecond = (int32_t)(rest % 1000),
    };
}

static void put_digits(char *out, int32_t value, size_t count)
{
    while (count-- > 0) {
        out[count] = (char)('0' + value % 10);
        value /= 10;
    }
}

void qf_time_format(char out[QF_TIME_TEXT_SIZE], int64_t ms)
{
    struct qf_time_fields f = qf_time_fields_of(ms);
    out[4] = out[7] = '-';
    out[10] = 'T';
    out[13] = out[16] = ':';
    out[19] = '.';
    out[23] = 'Z';
    put_digits(out, f.year, 4);
    put_digits(out + 5, f.month, 2);
    put_digits(out + 8, f.day, 2);
    put_digits(out + 11, f.hour, 2);
    put_digits(out + 14, f.minute, 2);
    put_digits(out + 17, f.second, 2);
    put_digits(out + 20, f.millisecond, 3);
}

/* What is left to read; each step takes something from its front or says no. */
static bool take_digits(struct qf_slice *rest, int32_t *out, size_t count)
{
    if (rest->size < count)
        return false;
    *out = 0;
    for (size_t i = 0; i < count; i++) {
        if (rest->data[i] < '0' || rest->data[i] > '9')
            return false;
        *out = *out * 10 + (rest->data[i] - '0');
    }
    *rest = qf_slice_make(rest->data + count, rest->size - count);
    return true;
}

static bool take(struct qf_slice *rest, uint8_t a, uint8_t b)
{
    if (rest->size == 0 || (rest->data[0] != a && rest->data[0] != b))
        return false;
    *rest = qf_slice_make(rest->data + 1, rest->size - 1);
    return true;
}

static bool take_date(struct qf_slice *rest, struct qf_time_fields *f)
{
    return take_digits(rest, &f->year, 4) && take(rest, '-', '-') &&
           take_digits(rest, &f->month, 2) && take(rest, '-', '-') && take_digits(rest, &f->day, 2);
}

static bool take_fraction(struct qf_slice *rest, int32_t *millisecond)
{
    static const int32_t weights[3] = {100, 10, 1};
    if (!take(rest, '.', '.'))
        return true;
    size_t count = 0;
    for (int32_t digit; count < 9 && take_digits(rest, &digit, 1); count++)
        if (count < 3)
            *millisecond += digit * weights[count];
    return count > 0;
}

static bool take_offset(struct qf_slice *rest, int32_t *offset_minutes)
{
    *offset_minutes = 0;
    if (take(rest, 'Z', 'z'))
        return true;
    bool west = rest->size > 0 && rest->data[0] == '-';
    int32_t hours;
    int32_t minutes;
    if (!take(rest, '+', '-') || !take_digits(rest, &hours, 2) || !take(rest, ':', ':') ||
        !take_digits(rest, &minutes, 2) || hours > 23 || minutes > 59)
        return false;
    *offset_minutes = (hours * 60 + minutes) * (west ? -1 : 1);
    return true;
}

/* RFC 3339 5.7 and appendix D: leap seconds end June or December, in UTC. `ms` is what follows. */
static bool follows_leap_second(int64_t ms)
{
    if (ms < QF_TIME_MS_MIN || ms > QF_TIME_MS_MAX)
        return false;
    struct qf_time_fields f = qf_time_fields_of(ms);
    return (f.month == 1 || f.month == 7) && f.day == 1 && f.hour == 0 && f.minute == 0 &&
           f.second == 0;
}

bool qf_time_parse(int64_t *ms, int32_t *offset_minutes, struct qf_slice text)
{
    struct qf_time_fields f = {0};
    if (!take_date(&text, &f) || !take(&text, 'T', 't') || !take_digits(&text, &f.hour, 2) ||
        !take(&text, ':', ':') || !take_digits(&text, &f.minute, 2) || !take(&text, ':', ':') ||
        !take_digits(&text, &f.second, 2) || !take_fraction(&text, &f.millisecond) ||
        !take_offset(&text, offset_minutes) || text.size != 0)
        return false;
    bool leap_second = f.second == 60;
    f.second -= leap_second ? 1 : 0;
    if (!qf_time_fields_valid(&f))
        return false;
    *ms = qf_time_of(&f) - (int64_t)*offset_minutes * 60000 + (leap_second ? 1000 : 0);
    if (leap_second && !follows_leap_second(*ms))
        return false;
    return *ms >= QF_TIME_MS_MIN && *ms <= QF_TIME_MS_MAX;
}

bool qf_time_parse_date(int64_t *ms, struct qf_slice text)
{
    struct qf_time_fields f = {0};
    if (!take_date(&text, &f) || text.size != 0 || !qf_time_fields_valid(&f))
        return false;
    *ms = qf_time_of(&f);
    return true;
}
