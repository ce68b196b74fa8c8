/* Dates, times, zones and durations of FEEL: texts (ISO 8601 as XML Schema restricts it, with
 * `@Zone/Name` as FEEL adds), the proleptic Gregorian calendar, and arithmetic. Years run from
 * -999,999,999 to 999,999,999. Zones come from zone_table.h only. */
#ifndef QF_FEEL_TEMPORAL_H
#define QF_FEEL_TEMPORAL_H

#include "feel/value.h"

#define QF_FEEL_YEAR_MAX 999999999

/* Each takes the whole text or gives false (and null). */
bool qf_feel_date_parse(struct qf_feel_value *out, struct qf_slice text);
bool qf_feel_time_parse(struct qf_feel_value *out, struct qf_slice text);
bool qf_feel_date_time_parse(struct qf_feel_value *out, struct qf_slice text);
bool qf_feel_duration_parse(struct qf_feel_value *out, struct qf_slice text);
/* Any of the four, as `@"…"` reads it. */
bool qf_feel_at_parse(struct qf_feel_value *out, struct qf_slice text);

/* Appends a date, time, date and time, or duration in canonical form. */
void qf_feel_temporal_write(struct qf_buf *buf, const struct qf_feel_value *value);

/* Values from parts; false when a part is out of range. */
bool qf_feel_date_make(struct qf_feel_value *out, int64_t year, int64_t month, int64_t day);
bool qf_feel_time_make(struct qf_feel_value *out, int64_t hour, int64_t minute, int64_t second,
                       uint32_t nanos);
/* The date of one and the time (with its zone) of the other. */
struct qf_feel_value qf_feel_date_time_join(const struct qf_feel_value *date,
                                            const struct qf_feel_value *time);
struct qf_feel_value qf_feel_date_of(const struct qf_feel_value *date_time);
struct qf_feel_value qf_feel_time_of(const struct qf_feel_value *date_time);
/* A date as the date and time at its beginning, UTC. */
struct qf_feel_value qf_feel_midnight_of(const struct qf_feel_value *date);
/* A point on the time line in a zone; `name` such as "Asia/Shanghai", or empty for UTC (Z).
 * False when the zone is unknown. */
bool qf_feel_date_time_at(struct qf_feel_value *out, int64_t seconds, uint32_t nanos,
                          struct qf_slice name);

/* Days since 1970-01-01. */
int64_t qf_feel_day_number(const struct qf_feel_value *date);
void qf_feel_day_date(struct qf_feel_value *out, int64_t day_number);
/* Monday is 1. */
int qf_feel_weekday(const struct qf_feel_value *date);
int qf_feel_day_of_year(const struct qf_feel_value *date);
int qf_feel_week_of_year(const struct qf_feel_value *date); /* ISO 8601 */

/* Seconds east of UTC; false when the value has no zone. A time with a named zone has the zone's
 * standard offset of 1970. */
bool qf_feel_offset(int32_t *out, const struct qf_feel_value *value);
const char *qf_feel_zone_name(const struct qf_feel_value *value);

/* Seconds on the time line (times: since midnight), UTC where there is no zone. */
int64_t qf_feel_line(const struct qf_feel_value *value);
/* The same without regard to the zone. */
int64_t qf_feel_local_line(const struct qf_feel_value *value);

/* a + b and a - b where one at least is temporal; false (and null) when not defined. */
bool qf_feel_temporal_add(struct qf_feel_value *out, const struct qf_feel_value *a,
                          const struct qf_feel_value *b);
bool qf_feel_temporal_sub(struct qf_feel_value *out, const struct qf_feel_value *a,
                          const struct qf_feel_value *b);
/* Durations by numbers, and quotients of durations. */
bool qf_feel_temporal_mul(struct qf_feel_value *out, const struct qf_feel_value *a,
                          const struct qf_feel_value *b);
bool qf_feel_temporal_div(struct qf_feel_value *out, const struct qf_feel_value *a,
                          const struct qf_feel_value *b);
bool qf_feel_duration_negate(struct qf_feel_value *out, const struct qf_feel_value *a);
/* Whole months from a to b. */
bool qf_feel_months_between(struct qf_feel_value *out, const struct qf_feel_value *a,
                            const struct qf_feel_value *b);

/* A property such as `year` or `time offset`; false when the value has none of that name. */
bool qf_feel_temporal_property(struct qf_feel_value *out, const struct qf_feel_value *value,
                               struct qf_slice name);

#endif
