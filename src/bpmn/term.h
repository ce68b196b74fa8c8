/* Durations and points in time as BPMN timers write them (ISO 8601): dates, durations, cycles. */
#ifndef QF_BPMN_TERM_H
#define QF_BPMN_TERM_H

#include "base/slice.h"
#include "bpmn/calendar.h"

struct qf_duration {
    int64_t months; /* years and months */
    int64_t days;   /* weeks and days */
    int64_t ms;     /* hours, minutes, seconds */
};

/* "P1Y2M3DT4H5M6.7S", "P2W". Every component below 10^6; not negative. */
QF_MUST_CHECK bool qf_duration_parse(struct qf_duration *out, struct qf_slice text);

/* "R3/PT10H", "R/P1D" (`*count` is then -1). A starting point is not accepted. */
QF_MUST_CHECK bool qf_cycle_parse(int64_t *count, struct qf_duration *out, struct qf_slice text);

/* Date with time (as XES), or a date alone: its beginning in the calendar's local time. */
QF_MUST_CHECK bool qf_moment_parse(int64_t *out_ms, const struct qf_calendar *calendar,
                                   struct qf_slice text);

/* A moment that much later. Months move the local date (the 31st becomes the last day of a shorter
 * month). With `working`, days are working days and the term ends with the end of its last day;
 * QF_OVER_LIMIT when the calendar has no such day. */
QF_MUST_CHECK enum qf_status qf_duration_after(const struct qf_calendar *calendar, int64_t *out_ms,
                                               int64_t from_ms, struct qf_duration duration,
                                               bool working);

#endif
