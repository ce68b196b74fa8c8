/* Date and time as text, RFC 3339 (a profile of ISO 8601), and as milliseconds since
 * 1970-01-01T00:00:00Z without leap seconds, in the proleptic Gregorian calendar. Integer
 * arithmetic only; knows no clock and no time zone beyond the offset in the text. Any thread. */
#ifndef QF_CODEC_TIME_H
#define QF_CODEC_TIME_H

#include "base/slice.h"
#include "base/status.h"

/* Bytes of what qf_time_format writes. */
#define QF_TIME_TEXT_SIZE 24
/* 0000-01-01T00:00:00.000Z to 9999-12-31T23:59:59.999Z */
#define QF_TIME_MS_MIN (-62167219200000LL)
#define QF_TIME_MS_MAX 253402300799999LL

/* Years 0000 to 9999; month and day from 1. */
struct qf_time_fields {
    int32_t year;
    int32_t month;
    int32_t day;
    int32_t hour;
    int32_t minute;
    int32_t second;
    int32_t millisecond;
};

/* Reads `2010-10-05T02:00:00.000+02:00`: T or t, a fraction of 1 to 9 digits or none (cut to
 * milliseconds), Z, z or an offset up to 23:59. A second 60 is taken as RFC 3339 allows it, at the
 * end of a UTC day in June or December, and means the same as the second that follows. False for
 * anything else, and for times outside the range above. */
QF_MUST_CHECK bool qf_time_parse(int64_t *ms, int32_t *offset_minutes, struct qf_slice text);

/* Writes `2010-10-05T00:00:00.000Z`, without a NUL. Requires ms within the range above. */
void qf_time_format(char out[QF_TIME_TEXT_SIZE], int64_t ms);

/* Reads `2010-10-05` as the day's first millisecond in UTC. */
QF_MUST_CHECK bool qf_time_parse_date(int64_t *ms, struct qf_slice text);

/* Taking apart and putting together. Both require the range above; qf_time_of wants fields as
 * qf_time_fields_valid has them. */
struct qf_time_fields qf_time_fields_of(int64_t ms);
bool qf_time_fields_valid(const struct qf_time_fields *fields);
int64_t qf_time_of(const struct qf_time_fields *fields);

#endif
