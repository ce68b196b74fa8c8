#include "kernel/service/step.h"

/* ---- tasks ---- */

static int64_t due_of(const struct qf_bpmn_instance *instance, const struct qf_bpmn_wait *wait)
{
    for (uint32_t i = 0; i < instance->timer_count; i++)
        if (instance->timers[i].owner == wait->id && instance->timers[i].node == wait->node)
            return instance->timers[i].due_ms;
    return INT64_MAX;
}

/* What somebody in a role has to do: a task, or a sealed decision. */
static bool is_listed(const struct qf_bpmn_node *node)
{
    return qf_service_is_work(node) || node->kind == QF_BPMN_RULE;
}

static uint32_t list_tasks(struct qf_service_step *step, struct qf_service_task **out)
{
    const struct qf_bpmn_instance *instance = &step->instance;
    *out = QF_ARENA_ARRAY(step->arena, struct qf_service_task, instance->wait_count + 1);
    uint32_t count = 0;
    for (uint32_t i = 0; i < instance->wait_count; i++) {
        const struct qf_bpmn_wait *wait = &instance->waits[i];
        if (!is_listed(&step->model->bpmn.nodes[wait->node]))
            continue;
        (*out)[count++] = (struct qf_service_task){
            .id = wait->id,
            .node = wait->node,
            .escalated = wait->escalated,
            .holder = qf_arena_copy(step->arena, wait->holder),
            .due_ms = due_of(instance, wait),
        };
    }
    return count;
}

static const struct qf_service_task *find_task(const struct qf_service_task *tasks, uint32_t count,
                                               uint32_t id)
{
    for (uint32_t i = 0; i < count; i++)
        if (tasks[i].id == id)
            return &tasks[i];
    return NULL;
}

static void task_key(struct qf_service_step *step, struct qf_state_key *at, struct qf_slice role,
                     uint32_t id)
{
    char *tail = qf_arena_printf(step->arena, "%.*s/%u", QF_SLICE_ARGS(step->id), id);
    qf_state_key_make2(at, QF_STATE_TASK, role, qf_slice_of(tail));
}

static void put_task(struct qf_service_step *step, struct qf_slice role,
                     const struct qf_service_task *task)
{
    const struct qf_bpmn_node *node = &step->model->bpmn.nodes[task->node];
    struct qf_state_key at;
    task_key(step, &at, role, task->id);
    const struct qf_json *before = qf_record_get(&step->ctx->state, step->arena, &at);
    struct qf_json record = qf_json_make_object();
    if (node->kind == QF_BPMN_RULE)
        qf_json_put(step->arena, &record, "decision", qf_json_make_slice(node->ext.decision));
    if (task->due_ms != INT64_MAX)
        qf_json_put(step->arena, &record, "due", qf_json_make_int(task->due_ms));
    if (task->holder.size > 0)
        qf_json_put(step->arena, &record, "holder", qf_json_make_slice(task->holder));
    if (node->name.size > 0 && node->name.size <= 256)
        qf_json_put(step->arena, &record, "name", qf_json_make_slice(node->name));
    qf_json_put(step->arena, &record, "node", qf_json_make_slice(node->id));
    qf_json_put(step->arena, &record, "opened",
                before != NULL ? *qf_json_get(before, "opened")
                               : qf_json_make_int(step->ctx->time_ms));
    qf_json_put(step->arena, &record, "service", qf_json_make_slice(step->model->id));
    qf_context_put(step->ctx, &at, &record);
}

static void remove_task(struct qf_service_step *step, struct qf_slice role, uint32_t id)
{
    struct qf_state_key at;
    task_key(step, &at, role, id);
    if (qf_context_has(step->ctx, &at))
        qf_overlay_remove(step->ctx->overlay, qf_state_key_slice(&at), true);
}

static struct qf_slice role_of(const struct qf_service_step *step, uint16_t node)
{
    return qf_bpmn_role(&step->model->bpmn, &step->model->bpmn.nodes[node]);
}

static struct qf_slice second_role(const struct qf_service_step *step, uint16_t node)
{
    return step->model->bpmn.nodes[node].ext.deadline.to;
}

static void update_tasks(struct qf_service_step *step)
{
    struct qf_service_task *now;
    uint32_t count = list_tasks(step, &now);
    for (uint32_t i = 0; i < step->before_count; i++) {
        const struct qf_service_task *old = &step->before[i];
        if (find_task(now, count, old->id) != NULL)
            continue;
        remove_task(step, role_of(step, old->node), old->id);
        if (second_role(step, old->node).size > 0)
            remove_task(step, second_role(step, old->node), old->id);
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct qf_service_task *old = find_task(step->before, step->before_count, now[i].id);
        if (old != NULL && old->escalated == now[i].escalated && old->due_ms == now[i].due_ms &&
            qf_slice_equal(old->holder, now[i].holder))
            continue;
        put_task(step, role_of(step, now[i].node), &now[i]);
        if (now[i].escalated && second_role(step, now[i].node).size > 0)
            put_task(step, second_role(step, now[i].node), &now[i]);
    }
}

/* ---- timer ---- */

static void timer_key(struct qf_service_step *step, struct qf_state_key *at, int64_t due_ms)
{
    char *digits = qf_arena_printf(step->arena, "%016lld", (long long)(due_ms < 0 ? 0 : due_ms));
    qf_state_key_make2(at, QF_STATE_TIMER, qf_slice_of(digits), step->id);
}

static int64_t timer_of(const struct qf_json *record)
{
    const struct qf_json *timer = qf_json_get(record, "timer");
    return timer == NULL ? INT64_MAX : timer->integer;
}

/* `record` is a new one, without the timer of `step->record`. */
static void update_timer(struct qf_service_step *step, struct qf_json *record, int64_t due_ms)
{
    struct qf_state_key at;
    int64_t before = timer_of(&step->record);
    if (before != INT64_MAX && before != due_ms) {
        timer_key(step, &at, before);
        qf_overlay_remove(step->ctx->overlay, qf_state_key_slice(&at), true);
    }
    if (due_ms == INT64_MAX)
        return;
    qf_json_put(step->arena, record, "timer", qf_json_make_int(due_ms));
    if (before == due_ms)
        return;
    struct qf_json empty = qf_json_make_object();
    timer_key(step, &at, due_ms);
    qf_context_put(step->ctx, &at, &empty);
}

/* ---- the record ---- */

static const char *const states[] = {[QF_BPMN_RUNNING] = "running",
                                     [QF_BPMN_DONE] = "done",
                                     [QF_BPMN_FAILED] = "failed",
                                     [QF_BPMN_WITHDRAWN] = "withdrawn"};

/* Everything of the record that stays, in the scratch arena. */
static struct qf_json kept(struct qf_service_step *step)
{
    static const char *const names[] = {"actor",    "decisions", "deemed", "deviations",
                                        "instance", "leaf",      "member", "service",
                                        "status",   "steps",     "version"};
    struct qf_json copy = qf_json_make_object();
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct qf_json *value = qf_json_get(&step->record, names[i]);
        if (value != NULL)
            qf_json_put(step->arena, &copy, names[i], *value);
    }
    return copy;
}

static struct qf_json joined(struct qf_service_step *step, const char *name,
                             const struct qf_json *more)
{
    struct qf_json all = qf_json_make_array();
    const struct qf_json *before = qf_json_get(&step->record, name);
    for (uint32_t i = 0; before != NULL && i < before->count; i++)
        qf_json_append(step->arena, &all, before->items[i]);
    for (uint32_t i = 0; i < more->count; i++)
        qf_json_append(step->arena, &all, more->items[i]);
    return all;
}

static enum qf_status encode(struct qf_service_step *step, struct qf_json *out,
                             struct qf_error *err)
{
    qf_buf_reset(step->ctx->text);
    qf_bpmn_encode(step->ctx->text, &step->instance);
    if (step->ctx->text->size > QF_BPMN_CASE_SIZE_MAX)
        return qf_fail(err, QF_OVER_LIMIT, "case", "the case would have %zu bytes, at most %d",
                       step->ctx->text->size, QF_BPMN_CASE_SIZE_MAX);
    struct qf_slice text = qf_arena_copy(step->arena, qf_buf_slice(step->ctx->text));
    return qf_json_parse(step->arena, out, text, QF_JSON_CANONICAL, err);
}

/* What happened without anybody's answer, and what subscribers hear of. */
static struct qf_json note_actions(struct qf_service_step *step, struct qf_slice key)
{
    struct qf_json deemed = qf_json_make_array();
    for (const struct qf_bpmn_action *a = step->call.actions; a != NULL; a = a->next) {
        if (a->act == QF_BPMN_ACT_SEND && key.size > 0)
            qf_context_add_event(step->ctx, QF_EVENT_MESSAGE_SENT, key);
        if (a->act == QF_BPMN_ACT_FINISHED && key.size > 0)
            qf_context_add_event(step->ctx, QF_EVENT_CASE_DONE, key);
        if (a->act == QF_BPMN_ACT_FAILED && key.size > 0)
            qf_context_add_event(step->ctx, QF_EVENT_CASE_FAILED, key);
        if (a->act != QF_BPMN_ACT_DEEMED || key.size > 0)
            continue;
        struct qf_json item = qf_json_make_object();
        qf_json_put(step->arena, &item, "as", qf_json_make_slice(a->name));
        if (a->node != QF_BPMN_NONE)
            qf_json_put(step->arena, &item, "node",
                        qf_json_make_slice(step->model->bpmn.nodes[a->node].id));
        qf_json_put(step->arena, &item, "task", qf_json_make_int(a->wait));
        qf_json_put(step->arena, &item, "time", qf_json_make_int(step->ctx->time_ms));
        qf_json_append(step->arena, &deemed, item);
    }
    return deemed;
}

static enum qf_status save(struct qf_service_step *step, enum qf_event event, struct qf_error *err)
{
    struct qf_json record = kept(step);
    struct qf_json instance = qf_json_make_null();
    enum qf_status status = encode(step, &instance, err);
    if (status == QF_OK)
        status = qf_service_history_room(step, err);
    if (status != QF_OK)
        return status;
    struct qf_json deemed = note_actions(step, (struct qf_slice){0});
    if (deemed.count > 0)
        qf_json_put(step->arena, &record, "deemed", joined(step, "deemed", &deemed));
    if (step->decisions.count > 0)
        qf_json_put(step->arena, &record, "decisions", joined(step, "decisions", &step->decisions));
    qf_json_put(step->arena, &record, "instance", instance);
    qf_service_history_put(step, &record);
    qf_json_put(step->arena, &record, "status", qf_json_make_text(states[step->instance.state]));
    update_timer(step, &record, qf_bpmn_next_due(&step->instance));
    update_tasks(step);
    struct qf_state_key at;
    qf_state_key_make(&at, QF_STATE_CASE, step->id);
    struct qf_slice key = qf_context_put(step->ctx, &at, &record);
    qf_context_add_event(step->ctx, event, key);
    (void)note_actions(step, key);
    return QF_OK;
}

void qf_service_step_halt(struct qf_service_step *step, const struct qf_error *why)
{
    struct qf_json record = kept(step), problem = qf_json_make_object();
    qf_json_put(step->arena, &problem, "code", qf_json_make_text(qf_status_name(why->status)));
    qf_json_put(step->arena, &problem, "detail", qf_json_make_text(why->detail));
    qf_json_put(step->arena, &problem, "time", qf_json_make_int(step->ctx->time_ms));
    qf_json_put(step->arena, &record, "problem", problem);
    update_timer(step, &record, INT64_MAX);
    struct qf_state_key at;
    qf_state_key_make(&at, QF_STATE_CASE, step->id);
    qf_context_put(step->ctx, &at, &record);
}

/* ---- the step ---- */

struct qf_service_step *qf_service_step_new(struct qf_op_context *ctx,
                                            const struct qf_service_model *model,
                                            struct qf_slice case_id)
{
    struct qf_arena *arena = &ctx->services->scratch;
    struct qf_service_step *step = QF_ARENA_NEW(arena, struct qf_service_step);
    step->ctx = ctx;
    step->model = model;
    step->arena = arena;
    step->id = case_id;
    step->about = QF_BPMN_NONE;
    step->deviation = qf_json_make_null();
    step->record = qf_json_make_object();
    step->decisions = qf_json_make_array();
    if (ctx->signer != NULL) {
        char *person =
            qf_arena_printf(arena, "%.*s/%.*s", QF_SLICE_ARGS(qf_signer_member(ctx->signer)),
                            QF_SLICE_ARGS(qf_signer_actor(ctx->signer)));
        step->person = qf_slice_of(person);
    }
    return step;
}

enum qf_status qf_service_step_load(struct qf_op_context *ctx, struct qf_service_step **out,
                                    struct qf_slice case_id, struct qf_error *err)
{
    struct qf_arena *arena = &ctx->services->scratch;
    struct qf_state_key at;
    qf_state_key_make(&at, QF_STATE_CASE, case_id);
    const struct qf_json *record = qf_record_get(&ctx->state, arena, &at);
    if (record == NULL)
        return qf_fail(err, QF_NOT_FOUND, "case", "there is no such case");
    const struct qf_service_model *model;
    enum qf_status status = qf_services_model(ctx, &model, qf_record_text(record, "service"),
                                              qf_record_text(record, "version"), err);
    QF_ASSERT(status == QF_OK);
    struct qf_service_step *step = qf_service_step_new(ctx, model, case_id);
    step->record = *record;
    qf_buf_reset(ctx->text);
    qf_json_write(ctx->text, qf_json_get(record, "instance"));
    status = qf_bpmn_decode(arena, &step->instance, &model->bpmn,
                            qf_arena_copy(arena, qf_buf_slice(ctx->text)), err);
    QF_ASSERT(status == QF_OK); /* it was written from one */
    step->before_count = list_tasks(step, &step->before);
    *out = step;
    return QF_OK;
}

enum qf_status qf_service_step_begin(struct qf_service_step *step, struct qf_error *err)
{
    uint64_t left = step->ctx->services->steps;
    if (left == 0)
        return qf_fail(err, QF_BUDGET, "", "the block has used up its %d steps; try again",
                       QF_FEEL_BLOCK_STEPS_MAX);
    step->given = left < QF_BPMN_STEPS_MAX ? left : QF_BPMN_STEPS_MAX;
    step->call = (struct qf_bpmn_call){.program = &step->model->program,
                                       .arena = step->arena,
                                       .calendar = qf_services_calendar(step->ctx),
                                       .now_ms = step->ctx->time_ms,
                                       .steps = step->given,
                                       .decide = qf_service_decide,
                                       .self = step};
    return QF_OK;
}

enum qf_status qf_service_step_end(struct qf_service_step *step, enum qf_status status,
                                   enum qf_event event, struct qf_error *err)
{
    struct qf_services *services = step->ctx->services;
    uint64_t used = step->given - (step->call.steps < step->given ? step->call.steps : step->given);
    services->steps -= used < services->steps ? used : services->steps;
    if (status == QF_OK)
        return save(step, event, err);
    if (err != NULL)
        *err = step->call.err;
    return status;
}
