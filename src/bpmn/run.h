/* Execution of a process: tokens over a model, deterministic, without I/O.
 *
 * A program is a model made ready: expressions compiled, once, read-only, any number of threads. An
 * instance is one case: plain data in an arena. Every function below takes an instance, does all
 * that can be done without waiting, and leaves it at rest, or refuses and leaves it as it was. What
 * the outside must do or know comes as actions in their order; what has happened as well.
 *
 *                open / complete / message / timer / error / ad-hoc
 *   (nothing) ---------------------> RUNNING ---------------------> DONE      every token consumed
 *                                       |---------------------------> FAILED    error that nobody
 * catches
 *                                       |---------------------------> WITHDRAWN qf_bpmn_withdraw
 *
 * Inside, a case is: scopes (the process, each subprocess, each multi-instance activity and each of
 * its instances), waits (a task, an event, an event gateway that waits), joins (tokens that have
 * come to a gateway that waits for more), timers. Scopes and waits share one series of numbers, in
 * order of creation; a task's number is what the outside knows it by.
 *
 * Order: tokens move first in, first out; inclusive joins are looked at when nothing else moves, in
 * order of scope and node (BPMN 2.0.2, 13.4.2: a join waits while a token can still reach one of
 * its empty flows without passing it, unless that token can as well reach a flow that has one).
 *
 * Limits: QF_BPMN_STEPS_MAX steps a call (each token move, each expression; QF_BUDGET names the
 * process), QF_BPMN_WAITING_MAX scopes, waits, joins or timers, QF_BPMN_INSTANCES_MAX instances or
 * turns, QF_BPMN_CASE_SIZE_MAX bytes encoded.
 *
 * Values are JSON as the codec has it (numbers with fractions are strings); how FEEL sees them is
 * the business of whoever provides the expressions. */
#ifndef QF_BPMN_RUN_H
#define QF_BPMN_RUN_H

#include "bpmn/calendar.h"
#include "bpmn/model.h"
#include "codec/json.h"

/* Expressions, by whoever knows FEEL. Deterministic; compile may allocate in `arena`, evaluate in
 * its own. `now_ms` is the time of the call, for now() and today(). `*steps` is what is left of the
 * budget and is lowered by what was used. An evaluation that fails says why in err (QF_RULE_ERROR
 * or QF_BUDGET). */
struct qf_bpmn_expr {
    QF_MUST_CHECK enum qf_status (*compile)(void *self, struct qf_arena *arena, const void **out,
                                            struct qf_slice text, struct qf_error *err);
    /* Calls `each` with every variable that the expression needs from outside. May be NULL. */
    void (*variables)(void *self, const void *compiled,
                      void (*each)(void *arg, struct qf_slice name), void *arg);
    QF_MUST_CHECK enum qf_status (*evaluate)(void *self, struct qf_arena *arena,
                                             struct qf_json *out, const void *compiled,
                                             const struct qf_json *variables, int64_t now_ms,
                                             uint64_t *steps, struct qf_error *err);
    void *self;
};

struct qf_bpmn_program {
    const struct qf_bpmn_model *model;
    struct qf_bpmn_expr expr;
};

/* Compiles every expression of the model (adding a problem for each that does not), and takes the
 * model over. `expr` and what it points to outlive the program. */
void qf_bpmn_prepare(struct qf_bpmn_program *out, struct qf_bpmn_model *model,
                     struct qf_bpmn_expr expr);

enum qf_bpmn_state {
    QF_BPMN_RUNNING,
    QF_BPMN_DONE,
    QF_BPMN_FAILED,
    QF_BPMN_WITHDRAWN,
};

enum qf_bpmn_scope_kind {
    QF_BPMN_SCOPE_PROCESS, /* the case itself, or a called process */
    QF_BPMN_SCOPE_SUB,     /* embedded, event or ad-hoc subprocess */
    QF_BPMN_SCOPE_MANY,    /* multi-instance activity or loop as a whole */
    QF_BPMN_SCOPE_ONE,     /* one instance or turn of it */
};

struct qf_bpmn_scope {
    uint32_t id;
    uint32_t parent; /* id; the case itself: its own id, 0 */
    uint16_t node;   /* activity that it is; none for the case itself */
    uint8_t kind;
    bool isolated; /* has its own variables and does not see those outside (called process) */
    uint32_t total;
    uint32_t begun;
    uint32_t done;
    struct qf_json locals; /* object, or null */
};

struct qf_bpmn_vote {
    struct qf_slice actor;
    struct qf_slice verdict; /* the flows chosen, joined by a space */
};

struct qf_bpmn_wait {
    uint32_t id;
    uint32_t scope;
    uint16_t node;
    uint16_t vote_count;
    bool escalated;
    struct qf_slice holder; /* who has claimed it, may be empty */
    struct qf_bpmn_vote *votes;
    int64_t opened_ms;
};

struct qf_bpmn_join {
    uint32_t scope;
    uint16_t flow;
    uint16_t count;
};

struct qf_bpmn_timer {
    uint32_t owner; /* wait or scope */
    uint16_t node;  /* event; or the task itself, for its deadline */
    uint16_t left;  /* repetitions still to come; QF_BPMN_NONE: without end */
    int64_t due_ms;
    int64_t interval_ms; /* of a cycle */
};

/* Who did a task that another one excludes. */
struct qf_bpmn_doer {
    uint16_t node;
    struct qf_slice actor;
};

struct qf_bpmn_instance {
    enum qf_bpmn_state state;
    uint16_t process;
    uint32_t serial; /* next number */
    struct qf_json variables;
    struct qf_bpmn_scope *scopes;
    struct qf_bpmn_wait *waits;
    struct qf_bpmn_join *joins;
    struct qf_bpmn_timer *timers;
    struct qf_bpmn_doer *doers;
    uint32_t scope_count;
    uint32_t wait_count;
    uint32_t join_count;
    uint32_t timer_count;
    uint32_t doer_count;
    struct qf_slice error; /* code, when FAILED */
};

enum qf_bpmn_act {
    QF_BPMN_ACT_TASK,      /* `wait` is open for `role`: show it in work lists; data: inputs */
    QF_BPMN_ACT_CLOSED,    /* `wait` is no longer open: done, deemed done, or interrupted */
    QF_BPMN_ACT_DECIDE,    /* run decision `name` over data; answer with qf_bpmn_complete(wait) */
    QF_BPMN_ACT_OP,        /* perform the op in data */
    QF_BPMN_ACT_SEND,      /* send message `name` with data */
    QF_BPMN_ACT_LISTEN,    /* message `name` is waited for; `wait`: the wait or scope */
    QF_BPMN_ACT_TIMER,     /* something falls due at `due_ms` */
    QF_BPMN_ACT_ESCALATE,  /* the deadline of `wait` has passed: tell `role` */
    QF_BPMN_ACT_DEEMED,    /* `wait` was deemed approved or refused (`name`) */
    QF_BPMN_ACT_VOTED,     /* a vote was counted, more are needed */
    QF_BPMN_ACT_ERROR,     /* error `name` was thrown at node and caught */
    QF_BPMN_ACT_MOVED,     /* node was entered or passed (only with trace) */
    QF_BPMN_ACT_RECEIVED,  /* `node` took the message that was delivered */
    QF_BPMN_ACT_FIRED,     /* the timer of the event `node` has fired */
    QF_BPMN_ACT_STUCK,     /* tokens are left at joins that nothing can reach any more */
    QF_BPMN_ACT_FINISHED,  /* the case is done */
    QF_BPMN_ACT_FAILED,    /* an error `name` was not caught: the case is over */
    QF_BPMN_ACT_WITHDRAWN, /* the case was withdrawn */
};

struct qf_bpmn_action {
    enum qf_bpmn_act act;
    uint16_t node; /* index, or none */
    uint32_t wait;
    int64_t due_ms;
    struct qf_slice role;
    struct qf_slice name;
    struct qf_slice to; /* SEND: the case that it goes to, as the model says; empty: it says none */
    bool addressed;     /* SEND: the model names another case */
    struct qf_json data;
    struct qf_bpmn_action *next;
};

/* What a call needs beside the instance. Everything it makes is in `arena`, which must outlive the
 * instance and the actions (or the instance is encoded before). */
struct qf_bpmn_call {
    const struct qf_bpmn_program *program;
    struct qf_arena *arena;
    const struct qf_calendar *calendar;
    int64_t now_ms; /* block time */
    uint64_t steps; /* budget; 0: QF_BPMN_STEPS_MAX. Afterwards: what is left */
    bool trace;     /* also report every node passed */

    /* Either may be NULL: then the task waits (decide) or becomes an action (op). Otherwise it is
     * asked at once. decide: QF_CANNOT_TELL when the decision must be run elsewhere. op: a refusal
     * is thrown as an error whose code is the status name, if an event of the model catches it;
     * otherwise, and always for QF_BUDGET, the whole call is refused with it. */
    QF_MUST_CHECK enum qf_status (*decide)(void *self, struct qf_arena *arena, struct qf_json *out,
                                           struct qf_slice decision, const struct qf_json *inputs,
                                           struct qf_error *err);
    QF_MUST_CHECK enum qf_status (*op)(void *self, struct qf_arena *arena, struct qf_json *out,
                                       uint16_t node, const struct qf_json *op,
                                       struct qf_error *err);
    void *self;

    struct qf_bpmn_action *actions; /* out: the first; in order */
    struct qf_error err;            /* out: why it was refused */
};

/* A person's or a system's answer to a wait. */
struct qf_bpmn_answer {
    struct qf_slice actor;        /* who signs; empty: the node itself */
    const struct qf_json *data;   /* object, or NULL */
    const struct qf_slice *flows; /* choices: ids of flows, in the order in which they come up */
    uint32_t flow_count;
};

/* Opens a case of `process` (QF_BPMN_NONE: the main one) at its start event `start` (QF_BPMN_NONE:
 * the one without a trigger). QF_BAD_FIELD when there is no such start. */
QF_MUST_CHECK enum qf_status qf_bpmn_open(struct qf_bpmn_call *call, struct qf_bpmn_instance *out,
                                          uint16_t process, uint16_t start,
                                          const struct qf_bpmn_answer *answer);

/* Claims a task for an actor, or releases it (empty actor). QF_NOT_FOUND, QF_WRONG_STATE when
 * somebody holds it, be it this actor, QF_NOT_ALLOWED when the actor did a task that excludes this
 * one. */
QF_MUST_CHECK enum qf_status qf_bpmn_claim(struct qf_bpmn_call *call,
                                           struct qf_bpmn_instance *instance, uint32_t wait,
                                           struct qf_slice actor);

/* Completes a task (or casts a vote on it, or ends an ad-hoc subprocess, or gives a decision's
 * result in data under "result"). QF_NOT_FOUND: no such open task. QF_WRONG_STATE: claimed by
 * somebody else. QF_NOT_ALLOWED: four eyes. QF_BAD_FIELD "flows": a choice is missing, not
 * possible, or left over; the detail names the gateway and its flows. */
QF_MUST_CHECK enum qf_status qf_bpmn_complete(struct qf_bpmn_call *call,
                                              struct qf_bpmn_instance *instance, uint32_t wait,
                                              const struct qf_bpmn_answer *answer);

/* What a decision that waits is to be made of, as the variables stand now: its inputs by name, or,
 * where the model names none, all variables that it sees. QF_NOT_FOUND: no decision waits as
 * `wait`. Changes nothing. */
QF_MUST_CHECK enum qf_status qf_bpmn_inputs(struct qf_bpmn_call *call,
                                            const struct qf_bpmn_instance *instance, uint32_t wait,
                                            struct qf_json *out);

/* Begins an activity of an ad-hoc subprocess that waits as `wait`. */
QF_MUST_CHECK enum qf_status qf_bpmn_begin(struct qf_bpmn_call *call,
                                           struct qf_bpmn_instance *instance, uint32_t wait,
                                           struct qf_slice node_id);

/* Delivers a message to the first that waits for it. QF_WRONG_STATE when nobody does. */
QF_MUST_CHECK enum qf_status qf_bpmn_message(struct qf_bpmn_call *call,
                                             struct qf_bpmn_instance *instance,
                                             struct qf_slice name,
                                             const struct qf_bpmn_answer *answer);

/* Lets timers fire that are due at call->now_ms, in order of due time and creation: the first, and
 * more while at least half of the steps are left. Those that remain are due still. */
QF_MUST_CHECK enum qf_status qf_bpmn_tick(struct qf_bpmn_call *call,
                                          struct qf_bpmn_instance *instance);

/* When the next timer is due; INT64_MAX when there is none. */
int64_t qf_bpmn_next_due(const struct qf_bpmn_instance *instance);

/* Throws an error at an open task: caught by its boundary events and those around it, otherwise the
 * case fails. */
QF_MUST_CHECK enum qf_status qf_bpmn_throw(struct qf_bpmn_call *call,
                                           struct qf_bpmn_instance *instance, uint32_t wait,
                                           struct qf_slice code);

/* Withdraws the case: everything is closed. */
QF_MUST_CHECK enum qf_status qf_bpmn_withdraw(struct qf_bpmn_call *call,
                                              struct qf_bpmn_instance *instance);

/* Open wait of that number, or NULL. */
const struct qf_bpmn_wait *qf_bpmn_wait_of(const struct qf_bpmn_instance *instance, uint32_t wait);

/* Whether the actor may do the task, apart from the role, which the caller knows: QF_OK, or as
 * qf_bpmn_claim. */
QF_MUST_CHECK enum qf_status qf_bpmn_may(const struct qf_bpmn_program *program,
                                         const struct qf_bpmn_instance *instance, uint32_t wait,
                                         struct qf_slice actor, struct qf_error *err);

/* Canonical JSON of an instance; reading it gives an equal instance. Nodes and flows stand as
 * numbers, so it belongs to one version of one model. Form: spec/bpmn-instance.md. */
void qf_bpmn_encode(struct qf_buf *buf, const struct qf_bpmn_instance *instance);
QF_MUST_CHECK enum qf_status qf_bpmn_decode(struct qf_arena *arena, struct qf_bpmn_instance *out,
                                            const struct qf_bpmn_model *model,
                                            struct qf_slice input, struct qf_error *err);
/* The same from JSON that was parsed already; what it holds of texts and values stays in use. */
QF_MUST_CHECK enum qf_status qf_bpmn_read(struct qf_arena *arena, struct qf_bpmn_instance *out,
                                          const struct qf_bpmn_model *model,
                                          const struct qf_json *root, struct qf_error *err);

/* Moves a case to another version of its model, by the ids of nodes, flows and processes.
 * QF_WRONG_STATE names what the new model lacks. */
QF_MUST_CHECK enum qf_status qf_bpmn_migrate(struct qf_arena *arena, struct qf_bpmn_instance *out,
                                             const struct qf_bpmn_instance *instance,
                                             const struct qf_bpmn_model *from,
                                             const struct qf_bpmn_model *to, struct qf_error *err);

#endif
