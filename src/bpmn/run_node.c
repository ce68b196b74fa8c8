#include "bpmn/run_internal.h"

#include <stdio.h>

static bool is_turn_of(struct run *run, uint32_t scope, uint16_t node)
{
    const struct qf_bpmn_scope *at = qf_run_scope(run, scope);
    return at->kind == QF_BPMN_SCOPE_ONE && at->node == node;
}

/* --- waiting for the outside --- */

/* Boundary events belong to the activity as a whole, not to each of its instances. */
static enum qf_status attach_unless_turn(struct run *run, uint32_t owner, uint16_t node,
                                         uint32_t scope)
{
    return is_turn_of(run, scope, node) ? QF_OK : qf_run_attach(run, owner, node, scope);
}

static enum qf_status wait_for_person(struct run *run, uint16_t node, uint32_t scope)
{
    const struct qf_bpmn_node *n = run_node(run, node);
    uint32_t wait = 0;
    RUN_TRY(qf_run_add_wait(run, node, scope, &wait));
    struct qf_bpmn_action *action = qf_run_act(run, QF_BPMN_ACT_TASK, node, wait);
    action->role = qf_bpmn_role(run->model, n);
    action->name = n->ext.form;
    if (n->ext.inputs.count > 0) {
        struct qf_json context = qf_run_context(run, scope, NULL);
        RUN_TRY(qf_run_object(run, node, &n->ext.inputs, &context, &action->data));
    }
    if (n->ext.deadline.present)
        RUN_TRY(qf_run_add_deadline(run, wait, node, scope));
    return attach_unless_turn(run, wait, node, scope);
}

static enum qf_status wait_for_message(struct run *run, uint16_t node, uint32_t scope)
{
    uint32_t wait = 0;
    RUN_TRY(qf_run_add_wait(run, node, scope, &wait));
    qf_run_act(run, QF_BPMN_ACT_LISTEN, node, wait)->name = run_node(run, node)->message;
    return attach_unless_turn(run, wait, node, scope);
}

static enum qf_status wait_for_time(struct run *run, uint16_t node, uint32_t scope)
{
    uint32_t wait = 0;
    RUN_TRY(qf_run_add_wait(run, node, scope, &wait));
    return qf_run_add_timer(run, wait, node, scope);
}

static enum qf_status wait_for_first(struct run *run, uint16_t node, uint32_t scope)
{
    uint32_t wait = 0;
    RUN_TRY(qf_run_add_wait(run, node, scope, &wait));
    uint16_t flow = run_node(run, node)->first_out;
    for (; flow != QF_BPMN_NONE; flow = run->model->flows[flow].next_out) {
        uint16_t target = run->model->flows[flow].target;
        const struct qf_bpmn_node *event = run_node(run, target);
        if (event->event == QF_BPMN_EVENT_TIMER)
            RUN_TRY(qf_run_add_timer(run, wait, target, scope));
        else
            qf_run_act(run, QF_BPMN_ACT_LISTEN, target, wait)->name = event->message;
    }
    return QF_OK;
}

static enum qf_status send_message(struct run *run, uint16_t node, uint32_t scope)
{
    const struct qf_bpmn_node *n = run_node(run, node);
    struct qf_bpmn_action *action = qf_run_act(run, QF_BPMN_ACT_SEND, node, 0);
    struct qf_json context = qf_run_context(run, scope, NULL);
    action->name = n->message;
    if (n->ext.to.text.data != NULL) {
        struct qf_json to;
        RUN_TRY(qf_run_evaluate(run, node, &n->ext.to, &context, &to));
        action->addressed = true;
        if (to.type == QF_JSON_STRING)
            action->to = qf_json_text(&to);
    }
    return qf_run_object(run, node, &n->ext.inputs, &context, &action->data);
}

/* --- what is done at once --- */

static void keep_result(struct run *run, uint16_t node, uint32_t scope, struct qf_json value)
{
    struct qf_slice name = run_node(run, node)->ext.result;
    if (name.size > 0)
        qf_run_assign(run, scope, name, value);
}

static enum qf_status perform_op(struct run *run, uint16_t node, uint32_t scope)
{
    const struct qf_bpmn_node *n = run_node(run, node);
    struct qf_json context = qf_run_context(run, scope, NULL);
    struct qf_json op, result = {.type = QF_JSON_NULL};
    RUN_TRY(qf_run_object(run, node, &n->ext.fields, &context, &op));
    qf_run_set(run->arena, &op, qf_slice_of("op"), qf_json_make_slice(n->ext.op));
    if (run->call->op == NULL) {
        struct qf_bpmn_action *action = qf_run_act(run, QF_BPMN_ACT_OP, node, 0);
        action->name = n->ext.op;
        action->data = op;
        return qf_run_finish(run, node, scope);
    }
    struct qf_error err = {0};
    enum qf_status status = run->call->op(run->call->self, run->arena, &result, node, &op, &err);
    if (status == QF_OK) {
        keep_result(run, node, scope, result);
        return qf_run_finish(run, node, scope);
    }
    bool caught = false;
    if (status <= QF_STATUS_REFUSAL_MAX && status != QF_BUDGET)
        RUN_TRY(qf_run_throw(run, qf_slice_of(qf_status_name(status)), node, scope, 0, &caught));
    if (caught)
        return QF_OK;
    run->call->err = err;
    qf_error_within(&run->call->err, "%.*s", (int)(n->id.size > 60 ? 60 : n->id.size),
                    (const char *)n->id.data);
    return status;
}

static enum qf_status run_decision(struct run *run, uint16_t node, uint32_t scope)
{
    const struct qf_bpmn_node *n = run_node(run, node);
    struct qf_json context = qf_run_context(run, scope, NULL);
    struct qf_json inputs = context, result = {.type = QF_JSON_NULL};
    if (n->ext.inputs.count > 0)
        RUN_TRY(qf_run_object(run, node, &n->ext.inputs, &context, &inputs));
    enum qf_status status = QF_CANNOT_TELL;
    if (run->call->decide != NULL && !n->ext.sealed)
        status = run->call->decide(run->call->self, run->arena, &result, n->ext.decision, &inputs,
                                   &run->call->err);
    if (status == QF_OK) {
        keep_result(run, node, scope, result);
        return qf_run_finish(run, node, scope);
    }
    if (status != QF_CANNOT_TELL)
        return status;
    uint32_t wait = 0;
    RUN_TRY(qf_run_add_wait(run, node, scope, &wait));
    struct qf_bpmn_action *action = qf_run_act(run, QF_BPMN_ACT_DECIDE, node, wait);
    action->name = n->ext.decision;
    action->role = qf_bpmn_role(run->model, n);
    action->data = inputs;
    return attach_unless_turn(run, wait, node, scope);
}

static enum qf_status run_script(struct run *run, uint16_t node, uint32_t scope)
{
    const struct qf_bpmn_node *n = run_node(run, node);
    struct qf_json context = qf_run_context(run, scope, NULL);
    struct qf_json value;
    RUN_TRY(qf_run_evaluate(run, node, &n->script, &context, &value));
    keep_result(run, node, scope, value);
    if (n->ext.outputs.count > 0) {
        struct qf_json over = {.type = QF_JSON_OBJECT};
        qf_run_set(run->arena, &over, qf_slice_of("result"), value);
        RUN_TRY(qf_run_outputs(run, node, scope, scope, &over));
    }
    return qf_run_finish(run, node, scope);
}

/* --- subprocesses --- */

/* Tokens for a container that begins without a particular start event: at its plain start event,
 * or, where it has none, at every node that nothing leads to. */
enum qf_status qf_run_starts(struct run *run, uint16_t first_child, uint32_t scope)
{
    for (uint16_t at = first_child; at != QF_BPMN_NONE; at = run_node(run, at)->next_child) {
        const struct qf_bpmn_node *node = run_node(run, at);
        if (node->kind == QF_BPMN_START && node->event == QF_BPMN_EVENT_NONE) {
            return qf_run_push(run, QF_BPMN_NONE, at, scope);
        }
    }
    for (uint16_t at = first_child; at != QF_BPMN_NONE; at = run_node(run, at)->next_child) {
        const struct qf_bpmn_node *node = run_node(run, at);
        if (node->in_count == 0 && node->kind != QF_BPMN_BOUNDARY && node->kind != QF_BPMN_START &&
            !node->by_event)
            RUN_TRY(qf_run_push(run, QF_BPMN_NONE, at, scope));
    }
    return QF_OK;
}

static enum qf_status scope_depth(struct run *run, uint16_t node, uint32_t scope)
{
    uint32_t depth = 0;
    for (; scope != 0; scope = qf_run_scope(run, scope)->parent)
        if (++depth > QF_BPMN_XML_DEPTH_MAX)
            return qf_run_fail(run, QF_OVER_LIMIT, node, "subprocesses nested too deep (limit %d)",
                               QF_BPMN_XML_DEPTH_MAX);
    return QF_OK;
}

static enum qf_status enter_sub(struct run *run, uint16_t node, uint32_t scope)
{
    const struct qf_bpmn_node *n = run_node(run, node);
    uint32_t inner = 0, wait = 0;
    RUN_TRY(scope_depth(run, node, scope));
    RUN_TRY(qf_run_add_scope(run, QF_BPMN_SCOPE_SUB, node, scope, &inner));
    RUN_TRY(attach_unless_turn(run, inner, node, scope));
    RUN_TRY(qf_run_arm(run, inner));
    if (n->kind == QF_BPMN_SUB)
        return qf_run_starts(run, n->first_child, inner);
    RUN_TRY(qf_run_add_wait(run, node, inner, &wait));
    qf_run_act(run, QF_BPMN_ACT_TASK, node, wait)->role = qf_bpmn_role(run->model, n);
    return QF_OK;
}

static enum qf_status enter_call(struct run *run, uint16_t node, uint32_t scope)
{
    const struct qf_bpmn_node *n = run_node(run, node);
    if (n->callee == QF_BPMN_NONE)
        return qf_run_fail(run, QF_NOT_FOUND, node, "the process that it calls does not exist");
    uint32_t inner = 0;
    RUN_TRY(scope_depth(run, node, scope));
    struct qf_json context = qf_run_context(run, scope, NULL);
    struct qf_json inputs = {.type = QF_JSON_NULL};
    if (n->ext.inputs.count > 0)
        RUN_TRY(qf_run_object(run, node, &n->ext.inputs, &context, &inputs));
    RUN_TRY(qf_run_add_scope(run, QF_BPMN_SCOPE_PROCESS, node, scope, &inner));
    struct qf_bpmn_scope *made = qf_run_scope(run, inner);
    made->locals = inputs;
    made->isolated = n->ext.inputs.count > 0;
    RUN_TRY(attach_unless_turn(run, inner, node, scope));
    RUN_TRY(qf_run_arm(run, inner));
    return qf_run_starts(run, run->model->processes[n->callee].first_child, inner);
}

/* --- loops and multi-instance --- */

static void put_count(struct run *run, struct qf_json *object, const char *name, uint32_t value)
{
    qf_run_set(run->arena, object, qf_slice_of(name), qf_json_make_int(value));
}

/* One instance more; they are begun one by one from the queue, so that one which is over at once
 * may end the whole. */
static enum qf_status next_turn(struct run *run, uint16_t node, uint32_t many)
{
    uint32_t one = 0;
    RUN_TRY(qf_run_add_scope(run, QF_BPMN_SCOPE_ONE, node, many, &one));
    struct qf_bpmn_scope *at = qf_run_scope(run, many);
    const struct qf_json *items = qf_json_get(&at->locals, "items");
    struct qf_json locals = {.type = QF_JSON_OBJECT};
    if (items != NULL)
        qf_run_set(run->arena, &locals, run_node(run, node)->ext.item, items->items[at->begun]);
    put_count(run, &locals, "loopCounter", ++at->begun);
    if (at->begun == at->total)
        at->locals = (struct qf_json){.type = QF_JSON_NULL};
    qf_run_scope(run, one)->locals = locals;
    return qf_run_begin(run, node, one);
}

static enum qf_status count_turns(struct run *run, uint16_t node, uint32_t scope, uint32_t *total,
                                  struct qf_json *items)
{
    const struct qf_bpmn_node *n = run_node(run, node);
    struct qf_json context = qf_run_context(run, scope, NULL);
    struct qf_json value;
    *items = (struct qf_json){.type = QF_JSON_NULL};
    int64_t count = -1;
    if (n->ext.collection.text.data != NULL) {
        RUN_TRY(qf_run_evaluate(run, node, &n->ext.collection, &context, items));
        if (items->type != QF_JSON_ARRAY)
            return qf_run_fail(run, QF_RULE_ERROR, node, "the collection is not a list");
        count = items->count;
    } else {
        RUN_TRY(qf_run_evaluate(run, node, &n->cardinality, &context, &value));
        if (value.type == QF_JSON_INT)
            count = value.integer;
    }
    if (count < 0 || count > QF_BPMN_INSTANCES_MAX)
        return qf_run_fail(run, QF_OVER_LIMIT, node, "the number of instances is not 0 to %d",
                           QF_BPMN_INSTANCES_MAX);
    *total = (uint32_t)count;
    return QF_OK;
}

static enum qf_status begin_many(struct run *run, uint16_t node, uint32_t scope)
{
    const struct qf_bpmn_node *n = run_node(run, node);
    struct qf_json items;
    uint32_t many = 0, total = 0;
    RUN_TRY(count_turns(run, node, scope, &total, &items));
    if (total == 0)
        return qf_run_leave(run, node, scope);
    RUN_TRY(qf_run_add_scope(run, QF_BPMN_SCOPE_MANY, node, scope, &many));
    qf_run_scope(run, many)->total = total;
    RUN_TRY(qf_run_attach(run, many, node, scope));
    if (items.type == QF_JSON_ARRAY)
        qf_run_set(run->arena, &qf_run_scope(run, many)->locals, qf_slice_of("items"), items);
    uint32_t first = n->loop == QF_BPMN_LOOP_SEQUENTIAL ? 1 : total;
    for (uint32_t i = 0; i < first; i++)
        RUN_TRY(qf_run_push(run, QF_BPMN_NONE, node, many));
    return QF_OK;
}

static enum qf_status begin_loop(struct run *run, uint16_t node, uint32_t scope)
{
    const struct qf_bpmn_node *n = run_node(run, node);
    if (n->test_before && n->condition.text.data != NULL) {
        struct qf_json context = qf_run_context(run, scope, NULL);
        bool again = false;
        RUN_TRY(qf_run_condition(run, node, &n->condition, &context, &again));
        if (!again)
            return qf_run_leave(run, node, scope);
    }
    uint32_t many = 0;
    RUN_TRY(qf_run_add_scope(run, QF_BPMN_SCOPE_MANY, node, scope, &many));
    qf_run_scope(run, many)->total = n->loop_max;
    RUN_TRY(qf_run_attach(run, many, node, scope));
    return qf_run_push(run, QF_BPMN_NONE, node, many);
}

/* Whether the activity goes on after a turn. */
static enum qf_status is_complete(struct run *run, uint16_t node, uint32_t many, bool *complete)
{
    const struct qf_bpmn_node *n = run_node(run, node);
    const struct qf_bpmn_scope *at = qf_run_scope(run, many);
    bool standard = n->loop == QF_BPMN_LOOP_STANDARD;
    uint32_t done = at->done, total = at->total, begun = at->begun, parent = at->parent;
    *complete = total > 0 && done >= total;
    if (*complete || n->condition.text.data == NULL)
        return QF_OK;
    if (standard && done >= QF_BPMN_INSTANCES_MAX)
        return qf_run_fail(run, QF_BUDGET, node, "the loop has made %d turns",
                           QF_BPMN_INSTANCES_MAX);
    struct qf_json over = {.type = QF_JSON_OBJECT};
    put_count(run, &over, "loopCounter", done);
    put_count(run, &over, "numberOfInstances", total);
    put_count(run, &over, "numberOfActiveInstances", begun - done);
    put_count(run, &over, "numberOfCompletedInstances", done);
    struct qf_json context = qf_run_context(run, parent, &over);
    bool holds = false;
    RUN_TRY(qf_run_condition(run, node, &n->condition, &context, &holds));
    *complete = standard ? !holds : holds;
    return QF_OK;
}

static enum qf_status end_turn(struct run *run, uint16_t node, uint32_t one)
{
    uint32_t many = qf_run_scope(run, one)->parent;
    qf_run_cancel(run, one, true);
    struct qf_bpmn_scope *at = qf_run_scope(run, many);
    at->done++;
    bool complete = false;
    RUN_TRY(is_complete(run, node, many, &complete));
    at = qf_run_scope(run, many);
    if (complete) {
        uint32_t scope = at->parent;
        qf_run_cancel(run, many, true);
        return qf_run_leave(run, node, scope);
    }
    bool one_by_one = run_node(run, node)->loop != QF_BPMN_LOOP_PARALLEL;
    if (one_by_one && at->begun == at->done)
        return qf_run_push(run, QF_BPMN_NONE, node, many);
    return QF_OK;
}

/* --- entering and finishing --- */

/* An activity has ended as it should; its wait or scope is gone. */
enum qf_status qf_run_finish(struct run *run, uint16_t node, uint32_t scope)
{
    if (is_turn_of(run, scope, node))
        return end_turn(run, node, scope);
    return qf_run_leave(run, node, scope);
}

enum qf_status qf_run_begin(struct run *run, uint16_t node, uint32_t scope)
{
    switch (run_node(run, node)->kind) {
    case QF_BPMN_TASK:
    case QF_BPMN_USER:
    case QF_BPMN_MANUAL:
        return wait_for_person(run, node, scope);
    case QF_BPMN_SERVICE:
        return perform_op(run, node, scope);
    case QF_BPMN_RULE:
        return run_decision(run, node, scope);
    case QF_BPMN_SEND:
        RUN_TRY(send_message(run, node, scope));
        return qf_run_finish(run, node, scope);
    case QF_BPMN_RECEIVE:
        return wait_for_message(run, node, scope);
    case QF_BPMN_SCRIPT:
        return run_script(run, node, scope);
    case QF_BPMN_CALL:
        return enter_call(run, node, scope);
    case QF_BPMN_SUB:
    case QF_BPMN_ADHOC:
        return enter_sub(run, node, scope);
    case QF_BPMN_START:
    case QF_BPMN_END:
    case QF_BPMN_CATCH:
    case QF_BPMN_THROW:
    case QF_BPMN_BOUNDARY:
    case QF_BPMN_XOR:
    case QF_BPMN_AND:
    case QF_BPMN_OR:
    case QF_BPMN_EVENT_GATEWAY:
    case QF_BPMN_OTHER:
        break;
    }
    return qf_run_fail(run, QF_REFUSED, node, "this element cannot be executed");
}

static enum qf_status enter_end(struct run *run, uint16_t node, uint32_t scope)
{
    const struct qf_bpmn_node *n = run_node(run, node);
    bool caught = false;
    switch (n->event) {
    case QF_BPMN_EVENT_NONE:
        break;
    case QF_BPMN_EVENT_MESSAGE:
        RUN_TRY(send_message(run, node, scope));
        break;
    case QF_BPMN_EVENT_ERROR:
        RUN_TRY(qf_run_throw(run, n->error, QF_BPMN_NONE, scope, 0, &caught));
        if (!caught) {
            run->now.error = n->error;
            qf_run_end(run, QF_BPMN_FAILED, QF_BPMN_ACT_FAILED);
        }
        return QF_OK;
    case QF_BPMN_EVENT_TERMINATE:
        qf_run_cancel(run, scope, false);
        return QF_OK;
    case QF_BPMN_EVENT_TIMER:
    case QF_BPMN_EVENT_OTHER:
        return qf_run_fail(run, QF_REFUSED, node, "this element cannot be executed");
    }
    qf_run_consume_note(run, scope);
    return QF_OK;
}

/* A token was consumed in an ad-hoc subprocess: its condition is looked at when tokens rest. */
void qf_run_consume_note(struct run *run, uint32_t scope)
{
    struct qf_bpmn_scope *at = qf_run_scope(run, scope);
    if (at->kind == QF_BPMN_SCOPE_SUB && run_node(run, at->node)->kind == QF_BPMN_ADHOC)
        at->done++;
}

static enum qf_status enter_catch(struct run *run, uint16_t node, uint32_t scope)
{
    enum qf_bpmn_event event = run_node(run, node)->event;
    if (event == QF_BPMN_EVENT_TIMER)
        return wait_for_time(run, node, scope);
    if (event == QF_BPMN_EVENT_MESSAGE)
        return wait_for_message(run, node, scope);
    return qf_run_fail(run, QF_REFUSED, node, "this element cannot be executed");
}

static enum qf_status enter_throw(struct run *run, uint16_t node, uint32_t scope)
{
    enum qf_bpmn_event event = run_node(run, node)->event;
    if (event == QF_BPMN_EVENT_MESSAGE)
        RUN_TRY(send_message(run, node, scope));
    else if (event != QF_BPMN_EVENT_NONE)
        return qf_run_fail(run, QF_REFUSED, node, "this element cannot be executed");
    return qf_run_leave(run, node, scope);
}

enum qf_status qf_run_enter(struct run *run, uint16_t node, uint32_t scope)
{
    const struct qf_bpmn_node *n = run_node(run, node);
    const struct qf_bpmn_scope *at = qf_run_scope(run, scope);
    RUN_TRY(qf_run_step(run));
    if (at->kind == QF_BPMN_SCOPE_MANY && at->node == node)
        return next_turn(run, node, scope);
    if (run->call->trace)
        qf_run_act(run, QF_BPMN_ACT_MOVED, node, scope);
    switch (n->kind) {
    case QF_BPMN_START:
        return qf_run_leave(run, node, scope);
    case QF_BPMN_END:
        return enter_end(run, node, scope);
    case QF_BPMN_CATCH:
        return enter_catch(run, node, scope);
    case QF_BPMN_THROW:
        return enter_throw(run, node, scope);
    case QF_BPMN_XOR:
    case QF_BPMN_OR:
        return qf_run_split(run, node, scope);
    case QF_BPMN_AND:
        return qf_run_leave(run, node, scope);
    case QF_BPMN_EVENT_GATEWAY:
        return wait_for_first(run, node, scope);
    case QF_BPMN_TASK:
    case QF_BPMN_USER:
    case QF_BPMN_MANUAL:
    case QF_BPMN_SERVICE:
    case QF_BPMN_RULE:
    case QF_BPMN_SEND:
    case QF_BPMN_RECEIVE:
    case QF_BPMN_SCRIPT:
    case QF_BPMN_CALL:
    case QF_BPMN_SUB:
    case QF_BPMN_ADHOC:
        if (n->loop == QF_BPMN_LOOP_NONE)
            return qf_run_begin(run, node, scope);
        return n->loop == QF_BPMN_LOOP_STANDARD ? begin_loop(run, node, scope)
                                                : begin_many(run, node, scope);
    case QF_BPMN_BOUNDARY:
    case QF_BPMN_OTHER:
        break;
    }
    return qf_run_fail(run, QF_REFUSED, node, "this element cannot be executed");
}
