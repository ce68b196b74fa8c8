/* What the two halves of feel/temporal.h (temporal.c: calendar, zones, arithmetic; temporal_text.c:
 * reading and writing) share. */
#ifndef QF_FEEL_TEMPORAL_INTERNAL_H
#define QF_FEEL_TEMPORAL_INTERNAL_H

#include "feel/temporal.h"
#include "feel/zone_table.h"

#define DAY_SECONDS 86400
#define NANOS_PER_SECOND 1000000000U

/* Nanoseconds over all of time take more than 64 bits. */
__extension__ typedef __int128 qf_feel_wide;

static inline bool qf_feel_refuse(struct qf_feel_value *out)
{
    *out = qf_feel_null();
    return false;
}

/* Number of a named zone in qf_zone_names; false: no zone has this name. */
bool qf_feel_zone_find(int32_t *out, struct qf_slice name);
/* Durations; null and false beyond what separates the first date from the last. */
bool qf_feel_make_seconds(struct qf_feel_value *out, qf_feel_wide nanos_total);
bool qf_feel_make_months(struct qf_feel_value *out, qf_feel_wide months);

#endif
