/* Histories of cases as event logs: a case is a trace, what was done in it are events.
 *
 * An event has concept:name (the activity), org:resource (the actor), org:group (his member),
 * org:role, time:timestamp (the block's time, UTC), lifecycle:transition, and qifeng:leaf (where it
 * stands in the log). What was brought in from another system keeps the time and the attributes
 * that it had there. What the process did not allow has qifeng:deviation, what a deadline decided
 * qifeng:deemed. Of a vote the last one is the event. */
#ifndef QF_CLI_CASE_XES_H
#define QF_CLI_CASE_XES_H

#include "bpmn/xes.h"
#include "cli/client.h"

enum qf_case_events {
    QF_CASE_PEOPLE,    /* what somebody completed, or did unplanned */
    QF_CASE_COMPLETED, /* and what the ledger did by itself, and deadlines decided */
    QF_CASE_ALL,       /* and claims, releases, escalations, timers, …, as XES names such steps */
};

/* Asks the node for the history of a case. QF_NO_SUCH_RESOURCE. */
QF_MUST_CHECK enum qf_status qf_case_trace(struct qf_client *client, struct qf_arena *arena,
                                           struct qf_xes_trace *out, struct qf_slice case_id,
                                           enum qf_case_events which, struct qf_error *err);

/* A log that is being written: packed where the name ends in .gz; "-" is standard output. The file
 * appears under its name when it is whole. */
struct qf_xes_file;
QF_MUST_CHECK enum qf_status qf_xes_file_open(struct qf_xes_file **out, const char *path,
                                              struct qf_error *err);
QF_MUST_CHECK enum qf_status
qf_xes_file_trace(struct qf_xes_file *file, const struct qf_xes_trace *trace, struct qf_error *err);
/* Ends it; with `keep` false, or after a failure, nothing is left. Takes NULL. */
QF_MUST_CHECK enum qf_status qf_xes_file_close(struct qf_xes_file *file, bool keep,
                                               struct qf_error *err);

#endif
