/* What comes from outside without a person: messages, time, errors, withdrawal. */
#include "bpmn/run_internal.h"

/* --- messages --- */

static bool listens(const struct run *run, uint16_t node, struct qf_slice name)
{
    const struct qf_bpmn_node *n = run_node(run, node);
    bool message = n->event == QF_BPMN_EVENT_MESSAGE || n->kind == QF_BPMN_RECEIVE;
    return message && qf_slice_equal(n->message, name);
}

/* Data goes through the outputs of the event that takes the message. */
static enum qf_status take_data(struct run *run, uint16_t node, uint32_t scope)
{
    qf_run_act(run, QF_BPMN_ACT_RECEIVED, node, 0);
    return qf_run_outputs(run, node, scope, scope, run->answer == NULL ? NULL : run->answer->data);
}

static enum qf_status pass_boundary(struct run *run, uint16_t event, uint32_t owner, uint32_t scope)
{
    if (run_node(run, event)->interrupting)
        qf_run_interrupt(run, owner, &scope);
    return qf_run_leave(run, event, scope);
}

static enum qf_status message_to_boundary(struct run *run, struct qf_slice name, uint16_t node,
                                          uint32_t owner, uint32_t scope, bool *taken)
{
    uint16_t at = run_node(run, node)->first_attached;
    while (at != QF_BPMN_NONE && !listens(run, at, name))
        at = run_node(run, at)->next_attached;
    *taken = at != QF_BPMN_NONE;
    if (!*taken)
        return QF_OK;
    RUN_TRY(take_data(run, at, scope));
    return pass_boundary(run, at, owner, scope);
}

static bool is_turn(struct run *run, uint32_t scope, uint16_t node)
{
    const struct qf_bpmn_scope *at = qf_run_scope(run, scope);
    return at->kind == QF_BPMN_SCOPE_ONE && at->node == node;
}

static enum qf_status message_to_wait(struct run *run, struct qf_slice name,
                                      struct qf_bpmn_wait wait, bool *taken)
{
    const struct qf_bpmn_node *n = run_node(run, wait.node);
    *taken = true;
    if ((n->kind == QF_BPMN_RECEIVE || n->kind == QF_BPMN_CATCH) && listens(run, wait.node, name)) {
        RUN_TRY(take_data(run, wait.node, wait.scope));
        qf_run_drop_wait(run, wait.id);
        return n->kind == QF_BPMN_RECEIVE ? qf_run_finish(run, wait.node, wait.scope)
                                          : qf_run_leave(run, wait.node, wait.scope);
    }
    if (n->kind == QF_BPMN_EVENT_GATEWAY) {
        uint16_t flow = n->first_out;
        for (; flow != QF_BPMN_NONE; flow = run->model->flows[flow].next_out) {
            uint16_t target = run->model->flows[flow].target;
            if (!listens(run, target, name))
                continue;
            RUN_TRY(take_data(run, target, wait.scope));
            qf_run_drop_wait(run, wait.id);
            return qf_run_leave(run, target, wait.scope);
        }
    }
    /* An ad-hoc subprocess waits within itself: its boundary is that of its scope. */
    if (n->kind != QF_BPMN_ADHOC && !is_turn(run, wait.scope, wait.node))
        return message_to_boundary(run, name, wait.node, wait.id, wait.scope, taken);
    *taken = false;
    return QF_OK;
}

static enum qf_status message_to_scope(struct run *run, struct qf_slice name,
                                       struct qf_bpmn_scope scope, bool *taken)
{
    *taken = false;
    if (scope.node != QF_BPMN_NONE && scope.kind != QF_BPMN_SCOPE_ONE &&
        !is_turn(run, scope.parent, scope.node))
        RUN_TRY(message_to_boundary(run, name, scope.node, scope.id, scope.parent, taken));
    if (*taken || scope.kind >= QF_BPMN_SCOPE_MANY)
        return QF_OK;
    uint16_t child = QF_BPMN_NONE;
    (void)qf_run_container(run, &scope, &child);
    for (; child != QF_BPMN_NONE; child = run_node(run, child)->next_child) {
        if (!run_node(run, child)->by_event)
            continue;
        uint16_t at = run_node(run, child)->first_child;
        for (; at != QF_BPMN_NONE; at = run_node(run, at)->next_child) {
            if (run_node(run, at)->kind != QF_BPMN_START || !listens(run, at, name))
                continue;
            *taken = true;
            RUN_TRY(take_data(run, at, scope.id));
            return qf_run_trigger(run, at, scope.id);
        }
    }
    return QF_OK;
}

static enum qf_status deliver(struct run *run, struct qf_slice name)
{
    bool taken = false;
    for (uint32_t i = 0; i < run->now.wait_count && !taken; i++)
        RUN_TRY(message_to_wait(run, name, run->now.waits[i], &taken));
    for (uint32_t i = 0; i < run->now.scope_count && !taken; i++)
        RUN_TRY(message_to_scope(run, name, run->now.scopes[i], &taken));
    if (taken)
        return QF_OK;
    return qf_fail(&run->call->err, QF_WRONG_STATE, "message",
                   "nothing in the case waits for the message %.*s",
                   (int)(name.size > 100 ? 100 : name.size), (const char *)name.data);
}

enum qf_status qf_bpmn_message(struct qf_bpmn_call *call, struct qf_bpmn_instance *instance,
                               struct qf_slice name, const struct qf_bpmn_answer *answer)
{
    struct run run;
    RUN_TRY(qf_run_check(call, instance));
    qf_run_call(&run, call, instance, answer);
    return qf_run_return(&run, instance, deliver(&run, name));
}

/* --- time --- */

int64_t qf_bpmn_next_due(const struct qf_bpmn_instance *instance)
{
    int64_t next = INT64_MAX;
    for (uint32_t i = 0; i < instance->timer_count; i++)
        if (instance->timers[i].due_ms < next)
            next = instance->timers[i].due_ms;
    return next;
}

/* The choice that is deemed made stands in the model; it must come up as an official's would. */
static enum qf_status deem(struct run *run, uint32_t wait_id)
{
    struct qf_bpmn_wait *found = qf_run_wait(run, wait_id);
    QF_ASSERT(found != NULL);
    struct qf_bpmn_wait wait = *found;
    const struct qf_bpmn_node *n = run_node(run, wait.node);
    const struct qf_bpmn_deadline *deadline = &n->ext.deadline;
    if (deadline->then == QF_BPMN_THEN_ESCALATE) {
        found->escalated = true;
        qf_run_act(run, QF_BPMN_ACT_ESCALATE, wait.node, wait_id)->role = deadline->to;
        return QF_OK;
    }
    const char *as = deadline->then == QF_BPMN_THEN_APPROVED ? "approved" : "refused";
    qf_run_act(run, QF_BPMN_ACT_DEEMED, wait.node, wait_id)->name = qf_slice_of(as);
    struct qf_json context = qf_run_context(run, wait.scope, NULL);
    struct qf_json values;
    RUN_TRY(qf_run_object(run, wait.node, &deadline->set, &context, &values));
    qf_run_assign_all(run, wait.scope, &values);
    qf_run_drop_wait(run, wait_id);
    struct qf_bpmn_answer *answer = QF_ARENA_NEW(run->arena, struct qf_bpmn_answer);
    answer->flows = &deadline->flow;
    answer->flow_count = deadline->flow.size > 0;
    run->answer = answer;
    run->flow_used = QF_ARENA_ARRAY(run->arena, bool, 1);
    return qf_run_finish(run, wait.node, wait.scope);
}

static enum qf_status fire(struct run *run, struct qf_bpmn_timer timer)
{
    const struct qf_bpmn_node *n = run_node(run, timer.node);
    const struct qf_bpmn_wait *wait = qf_run_wait(run, timer.owner);
    if (qf_bpmn_is_human(n))
        return deem(run, timer.owner);
    qf_run_act(run, QF_BPMN_ACT_FIRED, timer.node, 0);
    if (n->kind == QF_BPMN_BOUNDARY) {
        uint32_t scope = wait != NULL ? wait->scope : qf_run_scope(run, timer.owner)->parent;
        return pass_boundary(run, timer.node, timer.owner, scope);
    }
    if (n->kind == QF_BPMN_START)
        return qf_run_trigger(run, timer.node, timer.owner);
    QF_ASSERT(wait != NULL);
    uint32_t scope = wait->scope;
    qf_run_drop_wait(run, timer.owner);
    return qf_run_leave(run, timer.node, scope);
}

/* Takes the earliest due timer out of the list, or sets it for its next turn. */
static bool next_timer(struct run *run, struct qf_bpmn_timer *out)
{
    uint32_t best = UINT32_MAX;
    struct qf_bpmn_timer *timers = run->now.timers;
    for (uint32_t i = 0; i < run->now.timer_count; i++)
        if (timers[i].due_ms <= run->call->now_ms &&
            (best == UINT32_MAX || timers[i].due_ms < timers[best].due_ms))
            best = i;
    if (best == UINT32_MAX)
        return false;
    *out = timers[best];
    if (out->interval_ms > 0 && out->left > 0) {
        timers[best].due_ms += out->interval_ms;
        if (out->left != QF_BPMN_NONE)
            timers[best].left--;
        return true;
    }
    memmove(&timers[best], &timers[best + 1], (run->now.timer_count - best - 1) * sizeof *timers);
    run->now.timer_count--;
    return true;
}

enum qf_status qf_bpmn_tick(struct qf_bpmn_call *call, struct qf_bpmn_instance *instance)
{
    struct run run;
    struct qf_bpmn_timer timer;
    RUN_TRY(qf_run_check(call, instance));
    qf_run_call(&run, call, instance, NULL);
    enum qf_status status = QF_OK;
    const uint64_t enough = call->steps / 2;
    for (bool first = true; status == QF_OK && !run.over; first = false) {
        if ((!first && call->steps < enough) || !next_timer(&run, &timer))
            break;
        status = qf_run_step(&run);
        if (status == QF_OK)
            status = fire(&run, timer);
        if (status == QF_OK)
            status = qf_run_settle(&run);
        for (uint32_t i = 0; status == QF_OK && run.answer != NULL && i < run.answer->flow_count;
             i++)
            if (!run.flow_used[i])
                status = qf_run_fail(&run, QF_RULE_ERROR, timer.node,
                                     "the flow that its deadline names does not come up");
        run.answer = NULL;
    }
    return qf_run_return(&run, instance, status);
}

/* --- errors and withdrawal --- */

enum qf_status qf_bpmn_throw(struct qf_bpmn_call *call, struct qf_bpmn_instance *instance,
                             uint32_t wait, struct qf_slice code)
{
    struct run run;
    bool caught = false;
    RUN_TRY(qf_run_check(call, instance));
    const struct qf_bpmn_wait *at = qf_bpmn_wait_of(instance, wait);
    if (at == NULL)
        return qf_fail(&call->err, QF_NOT_FOUND, "task", "the case has no open task %u", wait);
    qf_run_call(&run, call, instance, NULL);
    struct qf_slice copy = qf_arena_copy(call->arena, code);
    uint32_t scope = at->scope, owner = wait;
    if (run_node(&run, at->node)->kind == QF_BPMN_ADHOC) { /* it waits within itself */
        owner = scope;
        scope = qf_run_scope(&run, owner)->parent;
    }
    enum qf_status status = qf_run_throw(&run, copy, at->node, scope, owner, &caught);
    if (status == QF_OK && !caught) {
        run.now.error = copy;
        qf_run_end(&run, QF_BPMN_FAILED, QF_BPMN_ACT_FAILED);
    }
    return qf_run_return(&run, instance, status);
}

enum qf_status qf_bpmn_withdraw(struct qf_bpmn_call *call, struct qf_bpmn_instance *instance)
{
    struct run run;
    RUN_TRY(qf_run_check(call, instance));
    qf_run_call(&run, call, instance, NULL);
    qf_run_end(&run, QF_BPMN_WITHDRAWN, QF_BPMN_ACT_WITHDRAWN);
    return qf_run_return(&run, instance, QF_OK);
}
