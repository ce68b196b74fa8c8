/* Where tokens part and meet: flows that leave a node, choices, joins. */
#include <stdio.h>

#include "bpmn/run_internal.h"

enum qf_status qf_run_leave(struct run *run, uint16_t node, uint32_t scope)
{
    const struct qf_bpmn_node *n = run_node(run, node);
    const struct qf_bpmn_flow *flows = run->model->flows;
    if (n->out_count == 0)
        qf_run_consume_note(run, scope);
    bool taken = false, conditional = false;
    for (uint16_t i = n->first_out; i != QF_BPMN_NONE; i = flows[i].next_out) {
        bool holds = i != n->default_flow;
        if (n->kind != QF_BPMN_AND && flows[i].condition.text.data != NULL && holds) {
            struct qf_json context = qf_run_context(run, scope, NULL);
            conditional = true;
            RUN_TRY(qf_run_condition(run, node, &flows[i].condition, &context, &holds));
        }
        if (!holds)
            continue;
        taken = true;
        RUN_TRY(qf_run_push(run, i, QF_BPMN_NONE, scope));
    }
    if (taken || n->out_count == 0)
        return QF_OK;
    if (n->default_flow != QF_BPMN_NONE)
        return qf_run_push(run, n->default_flow, QF_BPMN_NONE, scope);
    QF_ASSERT(conditional);
    return qf_run_fail(run, QF_RULE_ERROR, node,
                       "no condition of the flows that leave it holds, and there is no default");
}

/* The next flow of the answer that leaves this gateway: it is used up, so that a gateway that is
 * passed again takes the next one. */
static uint16_t chosen_flow(struct run *run, uint16_t node)
{
    for (uint32_t i = 0; run->answer != NULL && i < run->answer->flow_count; i++) {
        if (run->flow_used[i])
            continue;
        uint16_t flow = run_node(run, node)->first_out;
        for (; flow != QF_BPMN_NONE; flow = run->model->flows[flow].next_out)
            if (qf_slice_equal(run->model->flows[flow].id, run->answer->flows[i])) {
                run->flow_used[i] = true;
                return flow;
            }
    }
    return QF_BPMN_NONE;
}

static enum qf_status refuse_choice(struct run *run, uint16_t node)
{
    const struct qf_bpmn_node *n = run_node(run, node);
    char list[160];
    size_t used = 0;
    uint16_t flow = n->first_out;
    list[0] = '\0';
    for (; flow != QF_BPMN_NONE && used < sizeof list - 1;
         flow = run->model->flows[flow].next_out) {
        struct qf_slice id = run->model->flows[flow].id;
        int put = snprintf(list + used, sizeof list - used, "%s%.*s", used == 0 ? "" : ", ",
                           (int)(id.size > 60 ? 60 : id.size), (const char *)id.data);
        used += put < 0 ? 0 : (size_t)put;
    }
    return qf_fail(&run->call->err, QF_BAD_FIELD, "flows",
                   "choose at gateway %.*s one of the flows %s",
                   (int)(n->id.size > 60 ? 60 : n->id.size), (const char *)n->id.data, list);
}

/* A vote that does not decide leads no token to the gateway behind its task, which would refuse a
 * wrong choice: it is looked at here, where that gateway follows at once. */
enum qf_status qf_run_check_choice(struct run *run, uint16_t task)
{
    const struct qf_bpmn_flow *flows = run->model->flows;
    const struct qf_bpmn_node *n = run_node(run, task);
    if (n->out_count != 1)
        return QF_OK;
    uint16_t gateway = flows[n->first_out].target;
    const struct qf_bpmn_node *choice = run_node(run, gateway);
    if (!choice->choice)
        return QF_OK;
    if (run->answer->flow_count == 0)
        return choice->default_flow != QF_BPMN_NONE ? QF_OK : refuse_choice(run, gateway);
    for (uint16_t at = choice->first_out; at != QF_BPMN_NONE; at = flows[at].next_out)
        if (qf_slice_equal(flows[at].id, run->answer->flows[0]))
            return QF_OK;
    return refuse_choice(run, gateway);
}

static enum qf_status choose(struct run *run, uint16_t node, uint32_t scope)
{
    const struct qf_bpmn_node *n = run_node(run, node);
    uint16_t flow = chosen_flow(run, node);
    if (flow == QF_BPMN_NONE)
        flow = n->default_flow;
    if (flow == QF_BPMN_NONE)
        return refuse_choice(run, node);
    RUN_TRY(qf_run_push(run, flow, QF_BPMN_NONE, scope));
    if (n->kind == QF_BPMN_XOR || flow == n->default_flow)
        return QF_OK;
    /* An inclusive gateway takes every flow of the answer that leaves it, each once. */
    bool *taken = QF_ARENA_ARRAY(run->arena, bool, run->model->flow_count);
    taken[flow] = true;
    while ((flow = chosen_flow(run, node)) != QF_BPMN_NONE) {
        if (taken[flow])
            return qf_fail(&run->call->err, QF_BAD_FIELD, "flows", "a flow is chosen twice");
        taken[flow] = true;
        RUN_TRY(qf_run_push(run, flow, QF_BPMN_NONE, scope));
    }
    return QF_OK;
}

enum qf_status qf_run_split(struct run *run, uint16_t node, uint32_t scope)
{
    const struct qf_bpmn_node *n = run_node(run, node);
    const struct qf_bpmn_flow *flows = run->model->flows;
    if (n->choice)
        return choose(run, node, scope);
    if (n->kind == QF_BPMN_OR || n->out_count < 2)
        return qf_run_leave(run, node, scope);
    struct qf_json context = qf_run_context(run, scope, NULL);
    for (uint16_t i = n->first_out; i != QF_BPMN_NONE; i = flows[i].next_out) {
        bool holds = true;
        if (i == n->default_flow)
            continue;
        if (flows[i].condition.text.data != NULL)
            RUN_TRY(qf_run_condition(run, node, &flows[i].condition, &context, &holds));
        if (holds)
            return qf_run_push(run, i, QF_BPMN_NONE, scope);
    }
    if (n->default_flow != QF_BPMN_NONE)
        return qf_run_push(run, n->default_flow, QF_BPMN_NONE, scope);
    return qf_run_fail(run, QF_RULE_ERROR, node,
                       "no condition of the flows that leave it holds, and there is no default");
}

/* --- joins --- */

static struct qf_bpmn_join *find_join(struct run *run, uint16_t flow, uint32_t scope)
{
    for (uint32_t i = 0; i < run->now.join_count; i++)
        if (run->now.joins[i].flow == flow && run->now.joins[i].scope == scope)
            return &run->now.joins[i];
    return NULL;
}

/* One token from each flow into the node that has one. */
static void take_joins(struct run *run, uint16_t node, uint32_t scope)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < run->now.join_count; i++) {
        struct qf_bpmn_join join = run->now.joins[i];
        if (join.scope == scope && run->model->flows[join.flow].target == node)
            join.count--;
        if (join.count > 0)
            run->now.joins[kept++] = join;
    }
    run->now.join_count = kept;
}

enum qf_status qf_run_arrive(struct run *run, struct run_move move)
{
    if (move.flow == QF_BPMN_NONE)
        return qf_run_enter(run, move.node, move.scope);
    uint16_t node = run->model->flows[move.flow].target;
    const struct qf_bpmn_node *n = run_node(run, node);
    if (n->in_count < 2 || (n->kind != QF_BPMN_AND && n->kind != QF_BPMN_OR))
        return qf_run_enter(run, node, move.scope);
    RUN_TRY(qf_run_step(run));
    RUN_TRY(qf_run_add_join(run, move.flow, move.scope));
    if (n->kind == QF_BPMN_OR)
        return QF_OK; /* looked at when nothing moves */
    for (uint16_t i = n->first_in; i != QF_BPMN_NONE; i = run->model->flows[i].next_in)
        if (find_join(run, i, move.scope) == NULL)
            return QF_OK;
    take_joins(run, node, move.scope);
    return qf_run_enter(run, node, move.scope);
}

/* Which flows into the gateway a token at `from` can reach without passing the gateway. */
static void reach(struct run *run, uint16_t from, uint16_t gateway, uint32_t scope, bool *empty,
                  bool *full)
{
    const struct qf_bpmn_model *model = run->model;
    struct qf_arena_mark mark = qf_arena_mark(run->arena);
    bool *seen = QF_ARENA_ARRAY(run->arena, bool, model->node_count);
    uint16_t *open = QF_ARENA_ARRAY(run->arena, uint16_t, model->node_count);
    uint32_t count = 0, looked = model->node_count / 8u;
    seen[from] = true;
    open[count++] = from;
    while (count > 0) {
        uint16_t at = open[--count];
        for (uint16_t i = model->nodes[at].first_out; i != QF_BPMN_NONE;
             i = model->flows[i].next_out) {
            uint16_t target = model->flows[i].target;
            if (target == gateway)
                *(find_join(run, i, scope) == NULL ? empty : full) = true;
            else if (!seen[target]) {
                seen[target] = true;
                open[count++] = target;
            }
            looked++;
        }
        for (uint16_t i = model->nodes[at].first_attached; i != QF_BPMN_NONE;
             i = model->nodes[i].next_attached)
            if (!seen[i]) {
                seen[i] = true;
                open[count++] = i;
            }
    }
    qf_arena_release(run->arena, mark);
    qf_run_charge(run, looked);
}

static bool holds_back(struct run *run, uint16_t at, uint16_t gateway, uint32_t scope)
{
    bool empty = false, full = false;
    reach(run, at, gateway, scope, &empty, &full);
    return empty && !full;
}

static bool or_join_waits(struct run *run, uint16_t gateway, uint32_t scope)
{
    for (uint32_t i = 0; i < run->now.wait_count; i++)
        if (run->now.waits[i].scope == scope &&
            holds_back(run, run->now.waits[i].node, gateway, scope))
            return true;
    for (uint32_t i = 1; i < run->now.scope_count; i++)
        if (run->now.scopes[i].parent == scope &&
            holds_back(run, run->now.scopes[i].node, gateway, scope))
            return true;
    for (uint32_t i = 0; i < run->now.join_count; i++) {
        uint16_t target = run->model->flows[run->now.joins[i].flow].target;
        if (run->now.joins[i].scope == scope && target != gateway &&
            holds_back(run, target, gateway, scope))
            return true;
    }
    return false;
}

/* The first inclusive join, by scope and node, that nothing can reach any more. */
enum qf_status qf_run_or_join(struct run *run, bool *fired)
{
    uint32_t scope = 0;
    uint16_t node = QF_BPMN_NONE;
    for (uint32_t i = 0; i < run->now.join_count; i++) {
        const struct qf_bpmn_join *join = &run->now.joins[i];
        uint16_t target = run->model->flows[join->flow].target;
        if (run_node(run, target)->kind != QF_BPMN_OR)
            continue;
        if (node != QF_BPMN_NONE &&
            (join->scope > scope || (join->scope == scope && target >= node)))
            continue;
        RUN_TRY(qf_run_step(run));
        if (or_join_waits(run, target, join->scope))
            continue;
        scope = join->scope;
        node = target;
    }
    *fired = node != QF_BPMN_NONE;
    if (!*fired)
        return QF_OK;
    take_joins(run, node, scope);
    return qf_run_enter(run, node, scope);
}
