/* Inside of services: one step of one case. A step is made when the target of an op is looked for,
 * or when a timer falls due, and lives in the scratch arena until the op has been applied. */
#ifndef QF_KERNEL_SERVICE_STEP_H
#define QF_KERNEL_SERVICE_STEP_H

#include "kernel/service/service.h"

/* A task as the work lists show it. */
struct qf_service_task {
    uint32_t id;
    uint16_t node;
    bool escalated;
    struct qf_slice holder;
    int64_t due_ms; /* INT64_MAX: none */
    int64_t opened_ms;
};

struct qf_service_step {
    struct qf_op_context *ctx;
    const struct qf_service_model *model;
    struct qf_arena *arena; /* scratch */
    struct qf_slice id;     /* of the case */
    struct qf_json record;
    struct qf_bpmn_instance instance;
    struct qf_service_task *before; /* tasks when the step began */
    uint32_t before_count;
    struct qf_bpmn_call call;
    uint64_t given; /* steps that the call was given */
    struct qf_json decisions;
    uint32_t op_count;      /* that it has performed */
    struct qf_slice person; /* who signs: member '/' actor; empty: time itself */
    uint32_t task;          /* that the op is about; 0: none */
    const struct qf_bpmn_node *node;
    uint16_t about;           /* node that stands in the history; or none */
    bool idle;                /* moves no token: bounded more narrowly */
    struct qf_json deviation; /* object, or null */
};

/* lists.c: what is kept so that a case and its tasks are found */

/* The tasks open now, by ascending numbers; in the step's arena. */
uint32_t qf_service_lists_tasks(struct qf_service_step *step, struct qf_service_task **out);
/* Brings all look-ups from what was when the step began to the instance and the new record. */
void qf_service_lists_update(struct qf_service_step *step, const struct qf_json *record);
/* The same when only the timer was taken off. */
/* Takes every task out, as before the case goes on with another model. */
void qf_service_lists_close(struct qf_service_step *step);
void qf_service_lists_halt(struct qf_service_step *step, const struct qf_json *record);

/* history.c: what is kept of every step */

/* Whether the case has room for one step more. QF_OVER_LIMIT at "case". */
QF_MUST_CHECK enum qf_status qf_service_history_room(const struct qf_service_step *step,
                                                     struct qf_error *err);
/* Puts `steps` and `deviations`, those of before and what the step adds. */
void qf_service_history_put(struct qf_service_step *step, struct qf_json *record);
/* What the case did in another system, of an op that may say so. QF_NOT_ALLOWED, QF_BAD_FIELD. */
QF_MUST_CHECK enum qf_status qf_service_check_imported(const struct qf_service_step *step,
                                                       const struct qf_json *body,
                                                       struct qf_error *err);

/* Whether somebody does it or ends it: the tasks of people, and ad-hoc subprocesses. */
static inline bool qf_service_is_work(const struct qf_bpmn_node *node)
{
    return qf_bpmn_is_human(node) || node->kind == QF_BPMN_ADHOC;
}

/* A step on a case that is on the ledger. QF_NOT_FOUND at "case"; QF_WRONG_STATE at "service" when
 * its package does not compile any more: the step can then only be halted. */
QF_MUST_CHECK enum qf_status qf_service_step_load(struct qf_op_context *ctx,
                                                  struct qf_service_step **out,
                                                  struct qf_slice case_id, struct qf_error *err);
/* A step that opens a case. */
struct qf_service_step *qf_service_step_new(struct qf_op_context *ctx,
                                            const struct qf_service_model *model,
                                            struct qf_slice case_id);
/* The step that the target function of the op has made. */
struct qf_service_step *qf_service_step_take(struct qf_op_context *ctx);
/* What the body of an op answers; its data must meet the form (may be empty). */
QF_MUST_CHECK enum qf_status qf_service_read_answer(struct qf_service_step *step,
                                                    struct qf_bpmn_answer *out,
                                                    const struct qf_json *body,
                                                    struct qf_slice form, struct qf_error *err);
/* Before the call into bpmn: its budget. QF_BUDGET when the block has none left. */
QF_MUST_CHECK enum qf_status qf_service_step_begin(struct qf_service_step *step,
                                                   struct qf_error *err);
/* After it: accounts for the steps; refuses with the call's reason, or puts the case, its tasks and
 * its timer into the state. */
QF_MUST_CHECK enum qf_status qf_service_step_end(struct qf_service_step *step,
                                                 enum qf_status status, enum qf_event event,
                                                 struct qf_error *err);
/* perform.c: for qf_bpmn_call; `self` is the step. What the op made is `out`. */
enum qf_status qf_service_perform(void *self, struct qf_arena *arena, struct qf_json *out,
                                  uint16_t node, const struct qf_json *op, struct qf_error *err);

/* effects.c: what subscribers hear of that no op names */

/* An effect of the case; `type` is the event's, `node` what it is about, or none. */
struct qf_json qf_service_effect(struct qf_service_step *step, const char *type, uint16_t node);
/* Adds a text, if it is there and of a bearable length. */
void qf_service_effect_text(struct qf_service_step *step, struct qf_json *effect, const char *name,
                            struct qf_slice text);
void qf_service_effect_put(struct qf_service_step *step, const struct qf_json *effect);
/* Those of what the call into bpmn did. */
void qf_service_effects(struct qf_service_step *step);

/* Puts the record alone, with the timer taken off: for a case whose timers cannot fire. */
void qf_service_step_halt(struct qf_service_step *step, const struct qf_error *why);

#endif
