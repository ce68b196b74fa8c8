/* Days, and the working days of a network.
 *
 * A day is a number: days since 1970-01-01 in the proleptic Gregorian calendar. Which days are
 * worked is data that comes in: the regular weekly rest days, days off, and days worked in exchange
 * (China's 调休: a weekend day that is worked because the holiday was lengthened). Nothing here
 * knows a time zone; the caller turns block time into the network's local time first.
 *
 * Plain functions over plain data; any thread. */
#ifndef QF_BPMN_CALENDAR_H
#define QF_BPMN_CALENDAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct qf_date {
    int32_t year;  /* 1 to 9999 */
    int32_t month; /* 1 to 12 */
    int32_t day;   /* 1 to 31 */
};

int32_t qf_date_month_days(int32_t year, int32_t month);
int64_t qf_date_to_day(struct qf_date date);
struct qf_date qf_date_from_day(int64_t day);

/* 0 Monday to 6 Sunday (ISO 8601 less one). */
int32_t qf_date_weekday(int64_t day);

struct qf_calendar {
    const int32_t *off;    /* days off beside the weekly rest, ascending */
    const int32_t *worked; /* rest days that are worked, ascending; wins over both */
    uint32_t off_count;
    uint32_t worked_count;
    uint8_t rest;           /* bit n: weekday n is a rest day; Saturday and Sunday: 0x60 */
    int32_t offset_minutes; /* of local time from UTC; Beijing: 480 */
};

bool qf_calendar_is_working(const struct qf_calendar *calendar, int64_t day);

/* The working day `count` (>= 0) working days after `day`, which itself does not count (GB practice
 * and Civil Code 201: the day of the event is not counted). For count 0: `day` or the next working
 * day. QF_OVER_LIMIT when none is found within 100 years. */
QF_MUST_CHECK enum qf_status qf_calendar_add(const struct qf_calendar *calendar, int64_t *out,
                                             int64_t day, int64_t count);

/* Working days after `from` up to and including `to` (0 when to <= from), for reports. */
int64_t qf_calendar_between(const struct qf_calendar *calendar, int64_t from, int64_t to);

/* A term in days from a moment: it ends at the end (24:00 local) of its last day; a term in
 * calendar days whose last day is no working day ends with the next working day when `extend`
 * (Civil Code 203). Times are milliseconds since 1970 UTC. */
struct qf_term {
    int64_t days;
    bool working; /* working days; otherwise calendar days */
    bool extend;
};
QF_MUST_CHECK enum qf_status qf_calendar_due(const struct qf_calendar *calendar, int64_t *out_ms,
                                             int64_t from_ms, struct qf_term term);

#endif
