#include "bpmn/run.h"

#include <stdio.h>

#include "bpmn/run_internal.h"

/* --- making ready --- */

static void compile(struct qf_bpmn_program *program, struct qf_bpmn_model *model,
                    struct qf_bpmn_formula *formula, const struct qf_xml_node *where)
{
    struct qf_error err = {0};
    if (formula->text.data == NULL || formula->literal || program->expr.compile == NULL)
        return;
    if (program->expr.compile(program->expr.self, model->arena, &formula->handle, formula->text,
                              &err) == QF_OK)
        return;
    formula->handle = NULL;
    qf_bpmn_report(model, QF_BPMN_WRONG, where,
                   "the expression on line %u does not compile: %s%s%s", formula->line, err.field,
                   err.field[0] == '\0' ? "" : ": ", err.detail);
}

static void compile_all(struct qf_bpmn_program *program, struct qf_bpmn_model *model,
                        struct qf_bpmn_assigns *assigns, const struct qf_xml_node *where)
{
    for (uint32_t i = 0; i < assigns->count; i++)
        compile(program, model, &assigns->items[i].value, where);
}

void qf_bpmn_prepare(struct qf_bpmn_program *out, struct qf_bpmn_model *model,
                     struct qf_bpmn_expr expr)
{
    *out = (struct qf_bpmn_program){model, expr};
    for (uint16_t i = 0; i < model->flow_count; i++)
        compile(out, model, &model->flows[i].condition, model->flows[i].xml);
    for (uint16_t i = 0; i < model->node_count; i++) {
        struct qf_bpmn_node *node = &model->nodes[i];
        compile(out, model, &node->timer, node->xml);
        compile(out, model, &node->script, node->xml);
        compile(out, model, &node->condition, node->xml);
        compile(out, model, &node->cardinality, node->xml);
        compile(out, model, &node->ext.collection, node->xml);
        compile(out, model, &node->ext.deadline.days, node->xml);
        compile_all(out, model, &node->ext.deadline.set, node->xml);
        compile_all(out, model, &node->ext.fields, node->xml);
        compile_all(out, model, &node->ext.inputs, node->xml);
        compile_all(out, model, &node->ext.outputs, node->xml);
    }
}

/* --- tokens on their way --- */

enum qf_status qf_run_push(struct run *run, uint16_t flow, uint16_t node, uint32_t scope)
{
    if (run->move_count == run->move_room) {
        uint32_t room = run->move_room == 0 ? 16 : run->move_room * 2;
        if (room > QF_BPMN_WAITING_MAX * 4)
            return qf_run_fail(run, QF_OVER_LIMIT, QF_BPMN_NONE, "too many tokens at once");
        struct run_move *moves = qf_arena_alloc(run->arena, room * sizeof *moves);
        for (uint32_t i = 0; i < run->move_count; i++)
            moves[i] = run->moves[(run->move_first + i) % run->move_room];
        run->moves = moves;
        run->move_first = 0;
        run->move_room = room;
    }
    run->moves[(run->move_first + run->move_count++) % run->move_room] =
        (struct run_move){scope, flow, node};
    return QF_OK;
}

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

static enum qf_status arrive(struct run *run, struct run_move move)
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
    uint32_t count = 0;
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
        }
        for (uint16_t i = model->nodes[at].first_attached; i != QF_BPMN_NONE;
             i = model->nodes[i].next_attached)
            if (!seen[i]) {
                seen[i] = true;
                open[count++] = i;
            }
    }
    qf_arena_release(run->arena, mark);
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
static enum qf_status fire_or_join(struct run *run, bool *fired)
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

/* --- at rest --- */

static bool is_idle(struct run *run, uint32_t scope)
{
    for (uint32_t i = 0; i < run->now.wait_count; i++)
        if (run->now.waits[i].scope == scope)
            return false;
    for (uint32_t i = 0; i < run->now.join_count; i++)
        if (run->now.joins[i].scope == scope)
            return false;
    for (uint32_t i = 1; i < run->now.scope_count; i++)
        if (run->now.scopes[i].parent == scope)
            return false;
    return true;
}

void qf_run_end(struct run *run, enum qf_bpmn_state state, enum qf_bpmn_act act)
{
    qf_run_cancel(run, 0, true);
    run->now.doer_count = 0;
    run->now.state = state;
    run->over = true;
    qf_run_act(run, act, QF_BPMN_NONE, 0)->name = run->now.error;
}

static enum qf_status end_scope(struct run *run, uint32_t id)
{
    const struct qf_bpmn_scope *at = qf_run_scope(run, id);
    uint16_t node = at->node;
    uint32_t parent = at->parent;
    if (id == 0) {
        qf_run_end(run, QF_BPMN_DONE, QF_BPMN_ACT_FINISHED);
        return QF_OK;
    }
    if (run_node(run, node)->ext.outputs.count > 0)
        RUN_TRY(qf_run_outputs(run, node, id, parent, NULL));
    qf_run_cancel(run, id, true);
    return run_node(run, node)->by_event ? QF_OK : qf_run_finish(run, node, parent);
}

static enum qf_status end_idle_scope(struct run *run, bool *ended)
{
    for (uint32_t i = run->now.scope_count; i-- > 0;) {
        uint32_t id = run->now.scopes[i].id;
        if (run->now.scopes[i].kind >= QF_BPMN_SCOPE_MANY || !is_idle(run, id))
            continue;
        *ended = true;
        return end_scope(run, id);
    }
    return QF_OK;
}

/* Ad-hoc subprocesses in which something was done: is that enough? */
static enum qf_status end_adhoc(struct run *run, bool *ended)
{
    for (uint32_t i = 0; i < run->now.wait_count; i++) {
        struct qf_bpmn_wait wait = run->now.waits[i];
        const struct qf_bpmn_node *n = run_node(run, wait.node);
        if (n->kind != QF_BPMN_ADHOC || n->condition.text.data == NULL)
            continue;
        struct qf_bpmn_scope *at = qf_run_scope(run, wait.scope);
        if (at->done == 0)
            continue;
        at->done = 0;
        struct qf_json context = qf_run_context(run, wait.scope, NULL);
        RUN_TRY(qf_run_condition(run, wait.node, &n->condition, &context, ended));
        if (!*ended)
            continue;
        if (n->adhoc_keep)
            qf_run_drop_wait(run, wait.id);
        else
            qf_run_cancel(run, wait.scope, false);
        return QF_OK;
    }
    return QF_OK;
}

enum qf_status qf_run_settle(struct run *run)
{
    while (!run->over) {
        bool moved = false;
        if (run->move_count > 0) {
            struct run_move move = run->moves[run->move_first++ % run->move_room];
            run->move_count--;
            RUN_TRY(arrive(run, move));
            continue;
        }
        RUN_TRY(fire_or_join(run, &moved));
        if (!moved)
            RUN_TRY(end_adhoc(run, &moved));
        if (!moved)
            RUN_TRY(end_idle_scope(run, &moved));
        if (!moved)
            break;
    }
    if (!run->over && run->now.wait_count == 0)
        qf_run_act(run, QF_BPMN_ACT_STUCK, QF_BPMN_NONE, 0);
    return QF_OK;
}

/* --- from outside --- */

static void *copy_items(struct run *run, const void *items, uint32_t count, size_t size,
                        uint32_t *room)
{
    *room = count + 4;
    void *copy = qf_arena_alloc(run->arena, *room * size);
    if (count > 0)
        memcpy(copy, items, count * size);
    return copy;
}

void qf_run_call(struct run *run, struct qf_bpmn_call *call,
                 const struct qf_bpmn_instance *instance, const struct qf_bpmn_answer *answer)
{
    *run = (struct run){.call = call,
                        .model = call->program->model,
                        .arena = call->arena,
                        .now = *instance,
                        .answer = answer,
                        .action_tail = &call->actions};
    struct qf_bpmn_instance *now = &run->now;
    now->scopes =
        copy_items(run, now->scopes, now->scope_count, sizeof *now->scopes, &run->scope_room);
    now->waits = copy_items(run, now->waits, now->wait_count, sizeof *now->waits, &run->wait_room);
    now->joins = copy_items(run, now->joins, now->join_count, sizeof *now->joins, &run->join_room);
    now->timers =
        copy_items(run, now->timers, now->timer_count, sizeof *now->timers, &run->timer_room);
    now->doers = copy_items(run, now->doers, now->doer_count, sizeof *now->doers, &run->doer_room);
    call->actions = NULL;
    call->err = (struct qf_error){0};
    if (call->steps == 0)
        call->steps = QF_BPMN_STEPS_MAX;
    if (answer != NULL)
        run->flow_used = QF_ARENA_ARRAY(run->arena, bool, answer->flow_count);
}

/* Tokens come to rest; what was asked for must have been used. Then the caller's instance changes.
 */
static enum qf_status commit(struct run *run, struct qf_bpmn_instance *instance)
{
    RUN_TRY(qf_run_settle(run));
    for (uint32_t i = 0; run->answer != NULL && i < run->answer->flow_count; i++)
        if (!run->flow_used[i]) {
            struct qf_slice id = run->answer->flows[i];
            return qf_fail(&run->call->err, QF_BAD_FIELD, "flows",
                           "there is nothing to choose at which %.*s could be taken",
                           (int)(id.size > 80 ? 80 : id.size), (const char *)id.data);
        }
    *instance = run->now;
    return QF_OK;
}

enum qf_status qf_run_return(struct run *run, struct qf_bpmn_instance *instance,
                             enum qf_status status)
{
    if (status == QF_OK)
        status = commit(run, instance);
    if (status != QF_OK)
        run->call->actions = NULL;
    return status;
}

enum qf_status qf_run_check(struct qf_bpmn_call *call, const struct qf_bpmn_instance *instance)
{
    static const char *const words[] = {"is running", "is finished", "has failed", "was withdrawn"};
    call->actions = NULL;
    if (instance->state == QF_BPMN_RUNNING)
        return QF_OK;
    return qf_fail(&call->err, QF_WRONG_STATE, "case", "the case %s", words[instance->state]);
}

enum qf_status qf_bpmn_open(struct qf_bpmn_call *call, struct qf_bpmn_instance *out,
                            uint16_t process, uint16_t start, const struct qf_bpmn_answer *answer)
{
    const struct qf_bpmn_model *model = call->program->model;
    struct qf_bpmn_instance fresh = {.variables = {.type = QF_JSON_OBJECT}};
    struct run run;
    uint32_t root = 0;
    call->actions = NULL;
    fresh.process = process == QF_BPMN_NONE ? model->main : process;
    if (fresh.process >= model->process_count)
        return qf_fail(&call->err, QF_BAD_FIELD, "process", "the model has no such process");
    if (start != QF_BPMN_NONE &&
        (start >= model->node_count || model->nodes[start].kind != QF_BPMN_START ||
         model->nodes[start].parent != QF_BPMN_NONE ||
         model->nodes[start].process != fresh.process))
        return qf_fail(&call->err, QF_BAD_FIELD, "start", "not a start event of the process");
    qf_run_call(&run, call, &fresh, answer);
    enum qf_status status = qf_run_add_scope(&run, QF_BPMN_SCOPE_PROCESS, QF_BPMN_NONE, 0, &root);
    if (status == QF_OK && answer != NULL && answer->data != NULL)
        for (uint32_t i = 0; i < answer->data->count; i++)
            qf_run_assign(&run, 0, answer->data->members[i].key, answer->data->members[i].value);
    if (status == QF_OK)
        status = qf_run_arm(&run, 0);
    if (status == QF_OK)
        status = start != QF_BPMN_NONE
                     ? qf_run_push(&run, QF_BPMN_NONE, start, 0)
                     : qf_run_starts(&run, model->processes[fresh.process].first_child, 0);
    if (status == QF_OK && run.move_count == 0)
        status = qf_fail(&call->err, QF_BAD_FIELD, "start",
                         "the process has no start event without a trigger: name one");
    return qf_run_return(&run, out, status);
}

const struct qf_bpmn_wait *qf_bpmn_wait_of(const struct qf_bpmn_instance *instance, uint32_t wait)
{
    for (uint32_t i = 0; i < instance->wait_count; i++)
        if (instance->waits[i].id == wait)
            return &instance->waits[i];
    return NULL;
}

enum qf_status qf_bpmn_may(const struct qf_bpmn_program *program,
                           const struct qf_bpmn_instance *instance, uint32_t wait,
                           struct qf_slice actor, struct qf_error *err)
{
    const struct qf_bpmn_wait *at = qf_bpmn_wait_of(instance, wait);
    if (at == NULL)
        return qf_fail(err, QF_NOT_FOUND, "task", "the case has no open task %u", wait);
    if (at->holder.size > 0 && !qf_slice_equal(at->holder, actor))
        return qf_fail(err, QF_WRONG_STATE, "task", "the task is claimed by %.*s",
                       (int)(at->holder.size > 100 ? 100 : at->holder.size),
                       (const char *)at->holder.data);
    const struct qf_bpmn_ext *ext = &program->model->nodes[at->node].ext;
    for (uint32_t i = 0; i < ext->separate_count; i++)
        for (uint32_t k = 0; k < instance->doer_count; k++)
            if (instance->doers[k].node == ext->separate[i] &&
                qf_slice_equal(instance->doers[k].actor, actor)) {
                struct qf_slice id = program->model->nodes[ext->separate[i]].id;
                return qf_fail(err, QF_NOT_ALLOWED, "actor",
                               "who did %.*s may not do this task (four eyes)",
                               (int)(id.size > 100 ? 100 : id.size), (const char *)id.data);
            }
    for (uint32_t i = 0; i < at->vote_count; i++)
        if (qf_slice_equal(at->votes[i].actor, actor))
            return qf_fail(err, QF_NOT_ALLOWED, "actor", "the actor has already voted");
    return QF_OK;
}

enum qf_status qf_bpmn_claim(struct qf_bpmn_call *call, struct qf_bpmn_instance *instance,
                             uint32_t wait, struct qf_slice actor)
{
    struct run run;
    enum qf_status status = qf_run_check(call, instance);
    if (status == QF_OK && actor.size > 0)
        status = qf_bpmn_may(call->program, instance, wait, actor, &call->err);
    if (status != QF_OK)
        return status;
    const struct qf_bpmn_wait *at = qf_bpmn_wait_of(instance, wait);
    if (at == NULL || !qf_bpmn_is_human(&call->program->model->nodes[at->node]))
        return qf_fail(&call->err, QF_NOT_FOUND, "task", "the case has no open task %u", wait);
    qf_run_call(&run, call, instance, NULL);
    qf_run_wait(&run, wait)->holder = qf_arena_copy(call->arena, actor);
    *instance = run.now;
    return QF_OK;
}

static enum qf_status remember(struct run *run, uint16_t node, struct qf_slice actor)
{
    if (!run_node(run, node)->remembered || actor.size == 0)
        return QF_OK;
    for (uint32_t i = 0; i < run->now.doer_count; i++)
        if (run->now.doers[i].node == node && qf_slice_equal(run->now.doers[i].actor, actor))
            return QF_OK;
    if (run->now.doer_count == QF_BPMN_WAITING_MAX)
        return qf_run_fail(run, QF_OVER_LIMIT, node, "too many people did this task");
    if (run->now.doer_count == run->doer_room)
        run->now.doers = copy_items(run, run->now.doers, run->now.doer_count,
                                    sizeof *run->now.doers, &run->doer_room);
    run->now.doers[run->now.doer_count++] =
        (struct qf_bpmn_doer){node, qf_arena_copy(run->arena, actor)};
    return QF_OK;
}

static struct qf_slice verdict_of(struct qf_arena *arena, const struct qf_bpmn_answer *answer)
{
    size_t size = 0, used = 0;
    for (uint32_t i = 0; i < answer->flow_count; i++)
        size += answer->flows[i].size + 1;
    uint8_t *text = qf_arena_alloc(arena, size + 1);
    for (uint32_t i = 0; i < answer->flow_count; i++) {
        if (i > 0)
            text[used++] = ' ';
        if (answer->flows[i].size > 0)
            memcpy(text + used, answer->flows[i].data, answer->flows[i].size);
        used += answer->flows[i].size;
    }
    return qf_slice_make(text, used);
}

/* Counts a vote. *decided: enough agree, the task is done as this answer says. When all have voted
 * and no verdict has enough votes, an error "no-majority" is thrown, or, where nobody catches it,
 * the vote begins again and the task is escalated. */
static enum qf_status vote(struct run *run, uint32_t wait_id, bool *decided)
{
    struct qf_bpmn_wait *wait = qf_run_wait(run, wait_id);
    const struct qf_bpmn_node *n = run_node(run, wait->node);
    uint16_t node = wait->node;
    uint32_t scope = wait->scope, agree = 0;
    uint16_t count = wait->vote_count;
    if (count >= QF_BPMN_VOTERS_MAX)
        return qf_run_fail(run, QF_OVER_LIMIT, node, "too many votes");
    struct qf_bpmn_vote *votes = QF_ARENA_ARRAY(run->arena, struct qf_bpmn_vote, count + 1);
    for (uint16_t i = 0; i < count; i++)
        votes[i] = wait->votes[i];
    votes[count++] = (struct qf_bpmn_vote){qf_arena_copy(run->arena, run->answer->actor),
                                           verdict_of(run->arena, run->answer)};
    wait->votes = votes;
    wait->vote_count = count;
    wait->holder = (struct qf_slice){0};
    for (uint16_t i = 0; i < count; i++)
        agree += qf_slice_equal(votes[i].verdict, votes[count - 1].verdict);
    *decided = agree >= n->ext.approvals;
    if (*decided) {
        for (uint16_t i = 0; i < count; i++)
            RUN_TRY(remember(run, node, votes[i].actor));
        return QF_OK;
    }
    for (uint32_t i = 0; i < run->answer->flow_count; i++)
        run->flow_used[i] = true;
    qf_run_act(run, QF_BPMN_ACT_VOTED, node, wait_id);
    if (n->ext.voters == 0 || count < n->ext.voters)
        return QF_OK;
    bool caught = false;
    RUN_TRY(qf_run_throw(run, qf_slice_of("no-majority"), node, scope, wait_id, &caught));
    if (caught)
        return QF_OK;
    wait = qf_run_wait(run, wait_id);
    wait->votes = NULL;
    wait->vote_count = 0;
    qf_run_act(run, QF_BPMN_ACT_ESCALATE, node, wait_id)->role = qf_bpmn_role(run->model, n);
    return QF_OK;
}

static enum qf_status complete_task(struct run *run, uint32_t wait_id)
{
    struct qf_bpmn_wait wait = *qf_run_wait(run, wait_id);
    bool decided = true;
    if (run_node(run, wait.node)->ext.approvals > 1)
        RUN_TRY(vote(run, wait_id, &decided));
    else
        RUN_TRY(remember(run, wait.node, run->answer->actor));
    if (!decided)
        return QF_OK;
    RUN_TRY(qf_run_outputs(run, wait.node, wait.scope, wait.scope, run->answer->data));
    qf_run_drop_wait(run, wait_id);
    return qf_run_finish(run, wait.node, wait.scope);
}

static enum qf_status complete_decision(struct run *run, uint32_t wait_id)
{
    struct qf_bpmn_wait wait = *qf_run_wait(run, wait_id);
    struct qf_slice name = run_node(run, wait.node)->ext.result;
    const struct qf_json *result =
        run->answer->data == NULL ? NULL : qf_json_get(run->answer->data, "result");
    if (result == NULL)
        return qf_fail(&run->call->err, QF_BAD_FIELD, "data",
                       "a decision is answered with its result");
    if (name.size > 0)
        qf_run_assign(run, wait.scope, name, *result);
    qf_run_drop_wait(run, wait_id);
    return qf_run_finish(run, wait.node, wait.scope);
}

static enum qf_status complete_adhoc(struct run *run, uint32_t wait_id)
{
    struct qf_bpmn_wait wait = *qf_run_wait(run, wait_id);
    RUN_TRY(qf_run_outputs(run, wait.node, wait.scope, wait.scope, run->answer->data));
    if (run_node(run, wait.node)->adhoc_keep)
        qf_run_drop_wait(run, wait_id);
    else
        qf_run_cancel(run, wait.scope, false);
    return QF_OK;
}

enum qf_status qf_bpmn_complete(struct qf_bpmn_call *call, struct qf_bpmn_instance *instance,
                                uint32_t wait, const struct qf_bpmn_answer *answer)
{
    struct run run;
    enum qf_status status = qf_run_check(call, instance);
    if (status == QF_OK)
        status = qf_bpmn_may(call->program, instance, wait, answer->actor, &call->err);
    if (status != QF_OK)
        return status;
    const struct qf_bpmn_node *node =
        &call->program->model->nodes[qf_bpmn_wait_of(instance, wait)->node];
    qf_run_call(&run, call, instance, answer);
    if (qf_bpmn_is_human(node))
        status = complete_task(&run, wait);
    else if (node->kind == QF_BPMN_RULE)
        status = complete_decision(&run, wait);
    else if (node->kind == QF_BPMN_ADHOC)
        status = complete_adhoc(&run, wait);
    else
        status = qf_run_fail(&run, QF_WRONG_STATE, qf_bpmn_wait_of(instance, wait)->node,
                             "this waits for an event, nobody completes it");
    return qf_run_return(&run, instance, status);
}

enum qf_status qf_bpmn_begin(struct qf_bpmn_call *call, struct qf_bpmn_instance *instance,
                             uint32_t wait, struct qf_slice node_id)
{
    const struct qf_bpmn_model *model = call->program->model;
    struct run run;
    enum qf_status status = qf_run_check(call, instance);
    if (status != QF_OK)
        return status;
    const struct qf_bpmn_wait *at = qf_bpmn_wait_of(instance, wait);
    if (at == NULL || model->nodes[at->node].kind != QF_BPMN_ADHOC)
        return qf_fail(&call->err, QF_NOT_FOUND, "task", "no ad-hoc subprocess waits as %u", wait);
    uint16_t node = qf_bpmn_find_node(model, node_id);
    if (node == QF_BPMN_NONE || model->nodes[node].parent != at->node ||
        model->nodes[node].in_count > 0 || !qf_bpmn_is_activity(&model->nodes[node]))
        return qf_fail(&call->err, QF_BAD_FIELD, "node",
                       "not an activity with which one may begin in this subprocess");
    qf_run_call(&run, call, instance, NULL);
    uint32_t busy = 0;
    for (uint32_t i = 0; i < run.now.wait_count; i++)
        busy += run.now.waits[i].scope == at->scope;
    for (uint32_t i = 1; i < run.now.scope_count; i++)
        busy += run.now.scopes[i].parent == at->scope;
    if (model->nodes[at->node].adhoc_sequential && busy > 1)
        return qf_fail(&call->err, QF_WRONG_STATE, "node",
                       "the activities of this subprocess are done one after the other");
    status = qf_run_push(&run, QF_BPMN_NONE, node, at->scope);
    return qf_run_return(&run, instance, status);
}
