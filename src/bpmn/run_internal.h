/* Within the interpreter only: what the run_*.c files share.
 *
 *   run.c          calls from outside; the loop
 *   run_gateway.c  flows, gateways, joins
 *   run_node.c     what happens when a token enters a node; loops and multi-instance
 *   run_scope.c    scopes, waits, timers: made, ended, interrupted; errors; event subprocesses
 *   run_event.c    messages, time, errors, withdrawal
 *   run_value.c    variables, expressions, times, actions */
#ifndef QF_BPMN_RUN_INTERNAL_H
#define QF_BPMN_RUN_INTERNAL_H

#include "bpmn/run.h"

/* A token on its way: along a flow, or (flow none) to be set on a node. */
struct run_move {
    uint32_t scope;
    uint16_t flow;
    uint16_t node;
};

struct run {
    struct qf_bpmn_call *call;
    const struct qf_bpmn_model *model;
    struct qf_arena *arena;
    struct qf_bpmn_instance now; /* worked on; becomes the caller's at the end */
    uint32_t scope_room, wait_room, join_room, timer_room, doer_room;
    struct run_move *moves;
    uint32_t move_first, move_count, move_room;
    struct qf_bpmn_action **action_tail;
    const struct qf_bpmn_answer *answer;
    bool *flow_used; /* one per chosen flow of the answer */
    bool over;       /* the case has ended */
};

#define RUN_TRY(expr)                                                                              \
    do {                                                                                           \
        enum qf_status run_status = (expr);                                                        \
        if (run_status != QF_OK)                                                                   \
            return run_status;                                                                     \
    } while (0)

static inline const struct qf_bpmn_node *run_node(const struct run *run, uint16_t index)
{
    return &run->model->nodes[index];
}

/* run_value.c */
enum qf_status qf_run_fail(struct run *run, enum qf_status status, uint16_t node, const char *fmt,
                           ...) QF_PRINTF(4, 5);
enum qf_status qf_run_step(struct run *run);
/* Work that is not a step by itself, in units of 64 things looked at or copied; the next step is
 * refused when nothing is left. */
void qf_run_charge(struct run *run, uint64_t things);
struct qf_bpmn_action *qf_run_act(struct run *run, enum qf_bpmn_act act, uint16_t node,
                                  uint32_t wait);
void qf_run_set(struct qf_arena *arena, struct qf_json *object, struct qf_slice name,
                struct qf_json value);
void qf_run_merge(struct run *run, struct qf_json *base, const struct qf_json *over);
void qf_run_assign_all(struct run *run, uint32_t scope, const struct qf_json *values);
void qf_run_assign(struct run *run, uint32_t scope, struct qf_slice name, struct qf_json value);
struct qf_json qf_run_context(struct run *run, uint32_t scope, const struct qf_json *over);
enum qf_status qf_run_evaluate(struct run *run, uint16_t node,
                               const struct qf_bpmn_formula *formula, const struct qf_json *context,
                               struct qf_json *out);
enum qf_status qf_run_condition(struct run *run, uint16_t node,
                                const struct qf_bpmn_formula *formula,
                                const struct qf_json *context, bool *out);
enum qf_status qf_run_object(struct run *run, uint16_t node, const struct qf_bpmn_assigns *assigns,
                             const struct qf_json *context, struct qf_json *out);
/* Takes data of an answer into variables: through the node's outputs, or each member by name. */
enum qf_status qf_run_outputs(struct run *run, uint16_t node, uint32_t scope, uint32_t target,
                              const struct qf_json *data);
enum qf_status qf_run_timer_due(struct run *run, uint16_t node, uint32_t scope, int64_t *due_ms,
                                int64_t *interval_ms, uint16_t *left);

/* run_scope.c */
struct qf_bpmn_scope *qf_run_scope(struct run *run, uint32_t id);
struct qf_bpmn_wait *qf_run_wait(struct run *run, uint32_t id);
enum qf_status qf_run_add_scope(struct run *run, enum qf_bpmn_scope_kind kind, uint16_t node,
                                uint32_t parent, uint32_t *id);
enum qf_status qf_run_add_wait(struct run *run, uint16_t node, uint32_t scope, uint32_t *id);
enum qf_status qf_run_add_join(struct run *run, uint16_t flow, uint32_t scope);
enum qf_status qf_run_add_timer(struct run *run, uint32_t owner, uint16_t node, uint32_t scope);
enum qf_status qf_run_add_deadline(struct run *run, uint32_t wait, uint16_t node, uint32_t scope);
void qf_run_drop_timers(struct run *run, uint32_t owner);
void qf_run_drop_wait(struct run *run, uint32_t id);
/* Ends everything within a scope; with `self` the scope, too. */
void qf_run_cancel(struct run *run, uint32_t scope, bool self);
/* Boundary timers and messages of an activity that has begun as `owner`. */
enum qf_status qf_run_attach(struct run *run, uint32_t owner, uint16_t node, uint32_t scope);
/* The same for the event subprocesses of a scope that has begun. */
enum qf_status qf_run_arm(struct run *run, uint32_t scope);
uint16_t qf_run_container(const struct run *run, const struct qf_bpmn_scope *scope,
                          uint16_t *first_child);
/* Ends the activity that `owner` (wait or scope) is, and says where its token was. */
void qf_run_interrupt(struct run *run, uint32_t owner, uint32_t *scope);
enum qf_status qf_run_trigger(struct run *run, uint16_t start, uint32_t scope);
enum qf_status qf_run_throw(struct run *run, struct qf_slice code, uint16_t node, uint32_t scope,
                            uint32_t owner, bool *caught);
bool qf_run_is_inside(struct run *run, uint32_t scope, uint32_t outer);

/* run_node.c */
enum qf_status qf_run_enter(struct run *run, uint16_t node, uint32_t scope);
enum qf_status qf_run_finish(struct run *run, uint16_t node, uint32_t scope);
enum qf_status qf_run_begin(struct run *run, uint16_t node, uint32_t scope);
enum qf_status qf_run_starts(struct run *run, uint16_t first_child, uint32_t scope);
void qf_run_consume_note(struct run *run, uint32_t scope);

/* run_gateway.c */
/* A token leaves a node by all its flows whose conditions hold. */
enum qf_status qf_run_leave(struct run *run, uint16_t node, uint32_t scope);
enum qf_status qf_run_split(struct run *run, uint16_t node, uint32_t scope);
enum qf_status qf_run_check_choice(struct run *run, uint16_t task);
/* A token has come to the end of its move: it enters a node or waits at a join. */
enum qf_status qf_run_arrive(struct run *run, struct run_move move);
/* Lets the first inclusive join go on for which nothing more can come. */
enum qf_status qf_run_or_join(struct run *run, bool *fired);

/* run.c */
enum qf_status qf_run_push(struct run *run, uint16_t flow, uint16_t node, uint32_t scope);
/* A call from outside: whether the case still runs; a copy to work on; rest, and taking over. */
enum qf_status qf_run_check(struct qf_bpmn_call *call, const struct qf_bpmn_instance *instance);
void qf_run_call(struct run *run, struct qf_bpmn_call *call,
                 const struct qf_bpmn_instance *instance, const struct qf_bpmn_answer *answer);
enum qf_status qf_run_settle(struct run *run);
enum qf_status qf_run_return(struct run *run, struct qf_bpmn_instance *instance,
                             enum qf_status status);
void qf_run_end(struct run *run, enum qf_bpmn_state state, enum qf_bpmn_act act);

#endif
