/* Look-ups: what a node keeps beside the state so that it need not search for it. They follow from
 * the records of cases, change in the same block, and are not authenticated; spec/state.md
 * lists them. Their keys begin with '~', which no record's does.
 *
 *   ~due/<ms>/<case>                                    the next thing that falls due
 *   ~task/role/<role>/<due><opened>/<case>/<task>       work lists; <due> and <opened> in ms of 16
 *   ~task/service/<service>/…                           digits, <due> all nines when there is none
 *   ~task/holder/<hash of the holder>/…
 *   ~case/<service>/<status>/<leaf>/<case>              cases by service and status, the oldest
 * first
 *   ~effect/<leaf>/<op><number>                         what an entry brought about that none of
 * its ops names; these follow from applying the log, not from records
 *
 * Pure; any thread. */
#ifndef QF_KERNEL_LOOKUP_H
#define QF_KERNEL_LOOKUP_H

#include "kernel/record.h"

#define QF_LOOKUP_DUE "~due/"
#define QF_LOOKUP_CASE "~case/"
#define QF_LOOKUP_EFFECT "~effect/"
#define QF_LOOKUP_OF_TIME UINT32_MAX /* in the place of an op: time brought it about */

enum qf_task_list {
    QF_TASKS_BY_ROLE,
    QF_TASKS_BY_SERVICE,
    QF_TASKS_BY_HOLDER,
};
#define QF_TASK_LIST_COUNT 3

/* An open task. Texts that were read point into key and value. */
struct qf_task_lookup {
    struct qf_slice role; /* in whose list it stands */
    struct qf_slice service;
    struct qf_slice case_id;
    struct qf_slice holder; /* member '/' actor; empty: nobody's */
    struct qf_slice node;
    struct qf_slice name;
    struct qf_slice decision; /* that is to be recorded; empty: none */
    uint32_t task;
    bool escalated;
    int64_t due_ms; /* INT64_MAX: none */
    int64_t opened_ms;
};

/* The beginning of all keys of a list; `of` is the role, the service or the holder. */
void qf_lookup_task_prefix(struct qf_state_key *out, enum qf_task_list list, struct qf_slice of);
void qf_lookup_task_key(struct qf_state_key *out, enum qf_task_list list,
                        const struct qf_task_lookup *task);
/* Replaces `out` with the value. */
void qf_lookup_task_value(struct qf_buf *out, const struct qf_task_lookup *task);
/* Reads an entry of a list back. What was stored is of this form (asserted). */
void qf_lookup_task_read(struct qf_task_lookup *out, struct qf_slice key, struct qf_slice value);

void qf_lookup_due_key(struct qf_state_key *out, int64_t due_ms, struct qf_slice case_id);
int64_t qf_lookup_due_read(struct qf_slice key, struct qf_slice *case_id);

void qf_lookup_case_key(struct qf_state_key *out, struct qf_slice service, struct qf_slice status,
                        uint64_t leaf, struct qf_slice case_id);
/* The id of the case that a key is about. */
struct qf_slice qf_lookup_case_read(struct qf_slice key);

/* What the entry at `leaf` brought about: first what time did, then what followed from each op. */
void qf_lookup_effect_prefix(struct qf_state_key *out, uint64_t leaf);
void qf_lookup_effect_key(struct qf_state_key *out, uint64_t leaf, uint32_t op, uint32_t number);
/* The op (or QF_LOOKUP_OF_TIME) that a key is about. */
uint32_t qf_lookup_effect_read(struct qf_slice key, uint32_t *number);

#endif
