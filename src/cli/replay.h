/* An event log played on a running node: the service is deployed where it is not yet, every
 * official of the log gets a key of his own and the roles that he needs, every event is signed by
 * its official as the completion of a task, in the order of time over all cases, and what the
 * process does not allow is recorded as an unplanned activity. Then the histories are read back
 * from the node and compared with the log, event for event.
 *
 *   log ── qf_replay_plan ──> what each event is: a task completed, with its choices, or unplanned
 *       ── qf_replay_send ──> the ledger, from where it stands: doing it again sends what is
 * missing ── qf_replay_compare ──> differences, and the exported log
 *
 * The plan holds the whole log in memory (QF_IMPORT_EVENTS_MAX events). One thread. */
#ifndef QF_CLI_REPLAY_H
#define QF_CLI_REPLAY_H

#include "cli/cli.h"
#include "cli/officials.h"
#include "kernel/service/service.h"

#define QF_REPLAY_LINES 500     /* transactions in a request */
#define QF_REPLAY_PASSES 4      /* over cases that were stopped by a refusal */
#define QF_REPLAY_EXAMPLES 1000 /* cases and differences that a report shows */

struct qf_replay_event {
    uint32_t trace, number; /* of the trace's events, from 1 */
    uint32_t actor;
    int64_t order_ms; /* never before that of the event before it in its case */
    struct qf_slice activity, time;
    struct qf_json attributes;
    struct qf_json data; /* of its form, out of the attributes; an object */
    const struct qf_slice *flows;
    uint32_t flow_count;
    uint32_t task;           /* 0: unplanned, or by message */
    struct qf_slice message; /* data not NULL: it is the message that the case waits for */
    bool unplanned;
    const char *expected; /* of an unplanned one: what the process allowed, by name */
};

struct qf_replay_trace {
    struct qf_slice name; /* as in the log */
    const char *id;       /* of the case */
    struct qf_json attributes, data;
    const struct qf_slice *flows; /* chosen when it is opened */
    uint32_t flow_count;
    uint32_t first, count; /* its events */
    uint32_t unplanned;
    bool ended;       /* by the model it is over after its last event */
    const char *left; /* tasks that are open then, by name */
    uint32_t there;   /* events that the ledger had before this run */
    uint32_t from;    /* events that need not be sent */
    uint32_t done;    /* events on the ledger */
    bool stopped;     /* something was refused */
    struct qf_error problem;
};

struct qf_replay {
    struct qf_arena arena;
    struct qf_service_model *model; /* owned */
    struct qf_slice package;
    struct qf_bpmn_replayer *replayer; /* while planning */
    struct qf_import_log officials;    /* only its table of actors */
    struct qf_replay_event *events;
    size_t event_count, event_capacity;
    struct qf_replay_trace *traces;
    size_t trace_count, trace_capacity;
    uint32_t limit;    /* traces that are taken; 0: all */
    uint64_t left_out; /* events that are no completions (other lifecycle transitions) */
    uint64_t dropped;  /* attributes that no operation can carry: nested, too many, too long */
    uint32_t *order;   /* events by time */
    struct qf_sender *sender;
    struct qf_private_key *admin;
    struct qf_officials registered;
    int64_t send_ms; /* from the first event sent to the last one acknowledged */
    uint64_t sent;   /* transactions */
    uint64_t answered;
    struct qf_cli_progress progress;
    bool fresh;        /* this run has put the service into force */
    bool events_begun; /* what the sender tells is of events, no longer of officials */
    struct qf_error problem;
    uint64_t compared, differing;
    struct qf_json differences; /* the first ones, for the report */
};

/* Reads the log and finds for each event what it is in the model. */
QF_MUST_CHECK enum qf_status qf_replay_plan(struct qf_replay *replay, const char *path,
                                            struct qf_error *err);
void qf_replay_deinit(struct qf_replay *replay);

/* Brings the officials onto the ledger: `registered` says where their keys are, and who may. */
QF_MUST_CHECK enum qf_status qf_replay_register(struct qf_replay *replay, struct qf_error *err);

/* Puts the package into force where the network does not have this version. QF_WRONG_STATE when
 * other members have to vote first, or another package has this version. */
QF_MUST_CHECK enum qf_status qf_replay_deploy(struct qf_replay *replay, struct qf_error *err);

/* Sends what the ledger does not have. QF_OK also when some was refused: see the traces. */
QF_MUST_CHECK enum qf_status qf_replay_send(struct qf_replay *replay, struct qf_error *err);

/* Reads every case back; `export_path` may be NULL. */
QF_MUST_CHECK enum qf_status qf_replay_compare(struct qf_replay *replay, const char *export_path,
                                               struct qf_error *err);

struct qf_replay_counts {
    uint64_t conforming, deviating; /* cases */
    uint64_t open;                  /* cases that are not over after their last event */
    uint64_t unplanned;             /* events */
    uint64_t there, recorded;       /* events: before this run, by it */
    uint64_t refused;               /* cases that could not be brought to their end */
};
struct qf_replay_counts qf_replay_count(const struct qf_replay *replay);

/* The report (spec/cli.md); `total_ms` is for the whole run. */
struct qf_json qf_replay_report(struct qf_replay *replay, int64_t total_ms);

/* What the sender tells. */
void qf_replay_told(void *arg, uint64_t tag, const struct qf_sender_result *result);

#endif
