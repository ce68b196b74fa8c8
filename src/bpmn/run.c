#include "bpmn/run.h"

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
        compile(out, model, &node->ext.to, node->xml);
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

/* --- at rest --- */

static uint32_t index_of_scope(struct run *run, uint32_t id)
{
    return (uint32_t)(qf_run_scope(run, id) - run->now.scopes);
}

/* The innermost scope in which nothing waits or moves any more: its index, or UINT32_MAX. */
static uint32_t find_idle(struct run *run)
{
    const struct qf_bpmn_instance *now = &run->now;
    struct qf_arena_mark mark = qf_arena_mark(run->arena);
    bool *busy = QF_ARENA_ARRAY(run->arena, bool, now->scope_count);
    uint32_t found = UINT32_MAX;
    for (uint32_t i = 0; i < now->wait_count; i++)
        busy[index_of_scope(run, now->waits[i].scope)] = true;
    for (uint32_t i = 0; i < now->join_count; i++)
        busy[index_of_scope(run, now->joins[i].scope)] = true;
    for (uint32_t i = 1; i < now->scope_count; i++)
        busy[index_of_scope(run, now->scopes[i].parent)] = true;
    for (uint32_t i = now->scope_count; i-- > 0 && found == UINT32_MAX;)
        if (now->scopes[i].kind < QF_BPMN_SCOPE_MANY && !busy[i])
            found = i;
    qf_arena_release(run->arena, mark);
    qf_run_charge(run, (uint64_t)now->wait_count + now->join_count + now->scope_count);
    return found;
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
    uint32_t idle = find_idle(run);
    *ended = idle != UINT32_MAX;
    if (!*ended)
        return QF_OK;
    RUN_TRY(qf_run_step(run));
    return end_scope(run, run->now.scopes[idle].id);
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
            RUN_TRY(qf_run_arrive(run, move));
            continue;
        }
        RUN_TRY(qf_run_or_join(run, &moved));
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

/* Levels of nesting of a value, up to one more than the limit. */
static uint32_t depth_of(const struct qf_json *value, uint32_t limit)
{
    uint32_t deepest = 0;
    if ((value->type != QF_JSON_ARRAY && value->type != QF_JSON_OBJECT) || limit == 0)
        return 1;
    for (uint32_t i = 0; i < value->count; i++) {
        const struct qf_json *inner =
            value->type == QF_JSON_ARRAY ? &value->items[i] : &value->members[i].value;
        uint32_t depth = depth_of(inner, limit - 1);
        deepest = depth > deepest ? depth : deepest;
    }
    return deepest + 1;
}

/* The state must be one that can be read again: neither too large nor nested too deep (it puts
 * three levels around a value). */
static enum qf_status check_size(struct run *run)
{
    struct qf_buf buf;
    uint32_t limit = QF_JSON_DEPTH_MAX - 4;
    bool deep = depth_of(&run->now.variables, limit) > limit;
    for (uint32_t i = 0; i < run->now.scope_count && !deep; i++)
        deep = depth_of(&run->now.scopes[i].locals, limit) > limit;
    if (deep)
        return qf_run_fail(run, QF_OVER_LIMIT, QF_BPMN_NONE,
                           "a variable is nested too deep (limit %u)", limit);
    qf_buf_init(&buf, QF_BPMN_CASE_SIZE_MAX);
    qf_bpmn_encode(&buf, &run->now);
    enum qf_status status = qf_buf_status(&buf);
    QF_ASSERT(!buf.starved);
    qf_buf_deinit(&buf);
    if (status != QF_OK)
        return qf_run_fail(run, status, QF_BPMN_NONE,
                           "the case's state is too large (limit %d bytes)", QF_BPMN_CASE_SIZE_MAX);
    return QF_OK;
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
    RUN_TRY(check_size(run));
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
    if (status == QF_OK && answer != NULL && answer->data != NULL) {
        if (answer->data->type != QF_JSON_OBJECT)
            status = qf_fail(&call->err, QF_BAD_FIELD, "data", "data must be an object");
        else
            qf_run_assign_all(&run, 0, answer->data);
    }
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
    if (at != NULL && call->program->model->nodes[at->node].kind == QF_BPMN_ADHOC)
        return qf_fail(&call->err, QF_WRONG_STATE, "task",
                       "nobody holds what is open for activities; begin one of them");
    if (at == NULL || !qf_bpmn_is_human(&call->program->model->nodes[at->node]))
        return qf_fail(&call->err, QF_NOT_FOUND, "task", "the case has no open task %u", wait);
    if (actor.size > 0 && qf_slice_equal(at->holder, actor))
        return qf_fail(&call->err, QF_WRONG_STATE, "task", "%.*s holds the task already",
                       (int)(actor.size > 100 ? 100 : actor.size), (const char *)actor.data);
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
    RUN_TRY(qf_run_check_choice(run, node));
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
    const struct qf_json *data = run->answer->data;
    if (data != NULL && data->type != QF_JSON_OBJECT)
        return qf_run_fail(run, QF_BAD_FIELD, wait.node, "data must be an object");
    /* Outputs are taken when the subprocess ends; until then they see the data as its own. */
    if (run_node(run, wait.node)->ext.outputs.count == 0)
        qf_run_assign_all(run, wait.scope, data);
    else
        qf_run_merge(run, &qf_run_scope(run, wait.scope)->locals, data);
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

enum qf_status qf_bpmn_inputs(struct qf_bpmn_call *call, const struct qf_bpmn_instance *instance,
                              uint32_t wait, struct qf_json *out)
{
    const struct qf_bpmn_wait *at = qf_bpmn_wait_of(instance, wait);
    if (at == NULL || call->program->model->nodes[at->node].kind != QF_BPMN_RULE)
        return qf_fail(&call->err, QF_NOT_FOUND, "task", "no decision waits as %u", wait);
    const struct qf_bpmn_ext *ext = &call->program->model->nodes[at->node].ext;
    struct run run;
    qf_run_call(&run, call, instance, NULL);
    struct qf_json context = qf_run_context(&run, at->scope, NULL);
    *out = context;
    if (ext->inputs.count > 0)
        RUN_TRY(qf_run_object(&run, at->node, &ext->inputs, &context, out));
    return QF_OK;
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
