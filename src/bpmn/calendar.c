#include "bpmn/calendar.h"

#define DAY_MS 86400000LL
#define SEARCH_DAYS_MAX 36525 /* 100 years */

static bool is_leap(int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

int32_t qf_date_month_days(int32_t year, int32_t month)
{
    static const int32_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    QF_ASSERT(month >= 1 && month <= 12);
    return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

/* Years are counted from March, so that the leap day is the last of its year; 719468 days lie
 * between 0000-03-01 and 1970-01-01. */
int64_t qf_date_to_day(struct qf_date date)
{
    int64_t year = date.year - (date.month <= 2);
    int64_t era = floor_div(year, 400);
    int64_t of_era = year - era * 400;
    int64_t month = (date.month + 9) % 12;
    int64_t of_year = (153 * month + 2) / 5 + date.day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

struct qf_date qf_date_from_day(int64_t day)
{
    day += 719468;
    int64_t era = floor_div(day, 146097);
    int64_t of_era = day - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * of_year + 2) / 153;
    struct qf_date date;
    date.day = (int32_t)(of_year - (153 * month + 2) / 5 + 1);
    date.month = (int32_t)(month < 10 ? month + 3 : month - 9);
    date.year = (int32_t)(year + era * 400 + (date.month <= 2));
    return date;
}

int32_t qf_date_weekday(int64_t day)
{
    return (int32_t)(day + 3 - floor_div(day + 3, 7) * 7); /* 1970-01-01 was a Thursday */
}

static bool contains(const int32_t *days, uint32_t count, int64_t day)
{
    uint32_t low = 0, high = count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (days[middle] < day)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && days[low] == day;
}

bool qf_calendar_is_working(const struct qf_calendar *calendar, int64_t day)
{
    if (contains(calendar->worked, calendar->worked_count, day))
        return true;
    return (calendar->rest >> qf_date_weekday(day) & 1) == 0 &&
           !contains(calendar->off, calendar->off_count, day);
}

enum qf_status qf_calendar_add(const struct qf_calendar *calendar, int64_t *out, int64_t day,
                               int64_t count)
{
    QF_ASSERT(count >= 0);
    int64_t last = day + SEARCH_DAYS_MAX;
    if (count > SEARCH_DAYS_MAX)
        return QF_OVER_LIMIT;
    if (count == 0)
        while (day <= last && !qf_calendar_is_working(calendar, day))
            day++;
    for (; count > 0 && day < last; count--)
        do
            day++;
        while (day <= last && !qf_calendar_is_working(calendar, day));
    if (count > 0 || day > last)
        return QF_OVER_LIMIT;
    *out = day;
    return QF_OK;
}

int64_t qf_calendar_between(const struct qf_calendar *calendar, int64_t from, int64_t to)
{
    int64_t count = 0;
    if (to - from > SEARCH_DAYS_MAX)
        to = from + SEARCH_DAYS_MAX;
    for (int64_t day = from + 1; day <= to; day++)
        count += qf_calendar_is_working(calendar, day);
    return count;
}

enum qf_status qf_calendar_due(const struct qf_calendar *calendar, int64_t *out_ms, int64_t from_ms,
                               struct qf_term term)
{
    int64_t offset_ms = calendar->offset_minutes * 60000LL;
    int64_t day = floor_div(from_ms + offset_ms, DAY_MS);
    if (term.days < 0 || term.days > SEARCH_DAYS_MAX)
        return QF_OVER_LIMIT;
    enum qf_status status = QF_OK;
    if (term.working)
        status = qf_calendar_add(calendar, &day, day, term.days);
    else {
        day += term.days;
        if (term.extend)
            status = qf_calendar_add(calendar, &day, day, 0);
    }
    if (status == QF_OK)
        *out_ms = (day + 1) * DAY_MS - offset_ms;
    return status;
}
