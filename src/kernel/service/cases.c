/* The ops on cases. A target function finds the case, what the signer wants to do in it and who
 * may; it leaves the step behind for the apply function that follows. */
#include "kernel/service/step.h"

static struct qf_slice text_of(const struct qf_json *body, const char *name)
{
    const struct qf_json *value = qf_json_get(body, name);
    struct qf_slice text = {NULL, 0};
    if (value != NULL)
        text = qf_json_text(value);
    return text;
}

struct qf_service_step *qf_service_step_take(struct qf_op_context *ctx)
{
    struct qf_service_step *step = ctx->services->step;
    QF_ASSERT(step != NULL && step->ctx == ctx);
    ctx->services->step = NULL;
    return step;
}

/* ---- targets ---- */

/* The role that opens cases: that of the lane in which the start event stands; else any. */
static struct qf_slice opening_role(const struct qf_service_model *model, uint16_t start)
{
    uint16_t lane = start == QF_BPMN_NONE ? QF_BPMN_NONE : model->bpmn.nodes[start].lane;
    struct qf_slice role = {NULL, 0};
    if (lane != QF_BPMN_NONE)
        role = model->bpmn.lanes[lane].role;
    return role;
}

static uint16_t plain_start(const struct qf_bpmn_model *bpmn)
{
    uint16_t at = bpmn->processes[bpmn->main].first_child;
    while (at != QF_BPMN_NONE &&
           (bpmn->nodes[at].kind != QF_BPMN_START || bpmn->nodes[at].event != QF_BPMN_EVENT_NONE))
        at = bpmn->nodes[at].next_child;
    return at;
}

enum qf_status qf_service_target_open(struct qf_op_context *ctx, const struct qf_json *body,
                                      struct qf_op_target *out, struct qf_error *err)
{
    struct qf_slice id = text_of(body, "service");
    struct qf_state_key at;
    qf_arena_reset(&ctx->services->scratch);
    qf_state_key_make(&at, QF_STATE_SERVICE, id);
    const struct qf_json *service = qf_record_get(&ctx->state, &ctx->services->scratch, &at);
    if (service == NULL)
        return qf_fail(err, QF_NOT_FOUND, "service", "there is no such service");
    struct qf_slice now = qf_record_text(service, "status");
    if (!qf_slice_is(now, "active"))
        return qf_fail(err, QF_WRONG_STATE, "service", "the service is %.*s", QF_SLICE_ARGS(now));
    qf_state_key_make(&at, QF_STATE_CASE, text_of(body, "case"));
    if (qf_context_has(ctx, &at))
        return qf_fail(err, QF_EXISTS, "case", "this id is taken by an earlier case");
    const struct qf_service_model *model;
    enum qf_status status =
        qf_services_model(ctx, &model, id, qf_record_text(service, "version"), err);
    if (status != QF_OK)
        return status;
    ctx->services->step = qf_service_step_new(ctx, model, text_of(body, "case"));
    out->participants = model->participants;
    out->any_roles = qf_json_get(model->manifest, "open");
    out->roles[0] = opening_role(model, plain_start(&model->bpmn));
    return QF_OK;
}

static enum qf_status load(struct qf_op_context *ctx, const struct qf_json *body,
                           struct qf_service_step **step, struct qf_error *err)
{
    qf_arena_reset(&ctx->services->scratch);
    enum qf_status status = qf_service_step_load(ctx, step, text_of(body, "case"), err);
    if (status != QF_OK)
        return status;
    struct qf_slice now = qf_record_text(&(*step)->record, "status");
    if (!qf_slice_is(now, "running"))
        return qf_fail(err, QF_WRONG_STATE, "case", "the case is %.*s", QF_SLICE_ARGS(now));
    ctx->services->step = *step;
    return QF_OK;
}

/* Besides the member that opened it, the roles that the manifest names: without any, nobody. */
enum qf_status qf_service_target_withdraw(struct qf_op_context *ctx, const struct qf_json *body,
                                          struct qf_op_target *out, struct qf_error *err)
{
    static const struct qf_json nobody = {.type = QF_JSON_ARRAY};
    struct qf_service_step *step;
    enum qf_status status = load(ctx, body, &step, err);
    if (status != QF_OK)
        return status;
    out->member = qf_record_text(&step->record, "member");
    out->participants = step->model->participants;
    out->any_roles = qf_json_get(step->model->manifest, "withdraw");
    if (out->any_roles == NULL)
        out->any_roles = &nobody;
    return QF_OK;
}

enum qf_status qf_service_target_message(struct qf_op_context *ctx, const struct qf_json *body,
                                         struct qf_op_target *out, struct qf_error *err)
{
    struct qf_service_step *step;
    enum qf_status status = load(ctx, body, &step, err);
    if (status != QF_OK)
        return status;
    out->participants = step->model->participants;
    const struct qf_json *message = qf_service_message_of(step->model, text_of(body, "name"));
    out->any_roles = message == NULL ? NULL : qf_json_get(message, "from");
    return QF_OK;
}

/* What was done off the way can be told while the case runs, and after it has come to its end. */
enum qf_status qf_service_target_unplanned(struct qf_op_context *ctx, const struct qf_json *body,
                                           struct qf_op_target *out, struct qf_error *err)
{
    struct qf_service_step *step;
    qf_arena_reset(&ctx->services->scratch);
    enum qf_status status = qf_service_step_load(ctx, &step, text_of(body, "case"), err);
    if (status != QF_OK)
        return status;
    struct qf_slice now = qf_record_text(&step->record, "status");
    if (!qf_slice_is(now, "running") && !qf_slice_is(now, "done"))
        return qf_fail(err, QF_WRONG_STATE, "case", "the case is %.*s", QF_SLICE_ARGS(now));
    ctx->services->step = step;
    out->participants = step->model->participants;
    return QF_OK;
}

/* The case's wait of the number that an op names, or NULL. */
static const struct qf_bpmn_wait *named_wait(const struct qf_service_step *step,
                                             const struct qf_json *body)
{
    int64_t task = qf_json_get(body, "task")->integer;
    return qf_bpmn_wait_of(&step->instance, (uint32_t)task);
}

/* Why there is no such task: a number counts up with what the case waited for. */
static enum qf_status no_task(const struct qf_service_step *step, const struct qf_json *body,
                              struct qf_error *err)
{
    int64_t task = qf_json_get(body, "task")->integer;
    const struct qf_json *deemed = qf_json_get(&step->record, "deemed");
    for (uint32_t i = 0; deemed != NULL && i < deemed->count; i++)
        if (qf_record_int(&deemed->items[i], "task") == task)
            return qf_fail(err, QF_NOT_FOUND, "task",
                           "task %lld is closed: its deadline has passed, and it was deemed %.*s",
                           (long long)task, QF_SLICE_ARGS(qf_record_text(&deemed->items[i], "as")));
    if (task < (int64_t)step->instance.serial)
        return qf_fail(err, QF_NOT_FOUND, "task",
                       "task %lld is not open any more: it was done, or the case has gone past it",
                       (long long)task);
    return qf_fail(err, QF_NOT_FOUND, "task", "the case has no task %lld", (long long)task);
}

/* The op is about this wait, which is one of `model`: for the participants, and a role. */
static void aim(struct qf_service_step *step, const struct qf_bpmn_wait *wait,
                struct qf_op_target *out)
{
    const struct qf_bpmn_model *bpmn = &step->model->bpmn;
    step->task = wait->id;
    step->node = &bpmn->nodes[wait->node];
    step->about = wait->node;
    out->participants = step->model->participants;
    out->roles[0] = qf_bpmn_role(bpmn, step->node);
}

enum qf_status qf_service_target_task(struct qf_op_context *ctx, const struct qf_json *body,
                                      struct qf_op_target *out, struct qf_error *err)
{
    struct qf_service_step *step;
    enum qf_status status = load(ctx, body, &step, err);
    if (status != QF_OK)
        return status;
    const struct qf_bpmn_wait *wait = named_wait(step, body);
    if (wait == NULL || !qf_service_is_work(&step->model->bpmn.nodes[wait->node]))
        return no_task(step, body, err);
    aim(step, wait, out);
    if (wait->escalated)
        out->roles[1] = step->node->ext.deadline.to;
    return QF_OK;
}

enum qf_status qf_service_target_decision(struct qf_op_context *ctx, const struct qf_json *body,
                                          struct qf_op_target *out, struct qf_error *err)
{
    struct qf_service_step *step;
    enum qf_status status = load(ctx, body, &step, err);
    if (status != QF_OK)
        return status;
    const struct qf_bpmn_wait *wait = named_wait(step, body);
    if (wait == NULL)
        return no_task(step, body, err);
    if (step->model->bpmn.nodes[wait->node].kind != QF_BPMN_RULE)
        return qf_fail(err, QF_NOT_FOUND, "task", "no decision of the case waits as this task");
    aim(step, wait, out);
    return QF_OK;
}

/* ---- answers ---- */

enum qf_status qf_service_read_answer(struct qf_service_step *step, struct qf_bpmn_answer *out,
                                      const struct qf_json *body, struct qf_slice form,
                                      struct qf_error *err)
{
    const struct qf_json *data = qf_json_get(body, "data");
    const struct qf_json *flows = qf_json_get(body, "flows");
    uint32_t count = flows == NULL ? 0 : flows->count;
    struct qf_slice *ids = QF_ARENA_ARRAY(step->arena, struct qf_slice, count + 1);
    for (uint32_t i = 0; i < count; i++)
        ids[i] = qf_json_text(&flows->items[i]);
    *out = (struct qf_bpmn_answer){
        .actor = step->person, .data = data, .flows = ids, .flow_count = count};
    enum qf_status status = qf_service_check_imported(step, body, err);
    if (status != QF_OK)
        return status;
    return qf_service_check_data(step->model, step->arena, data, form, err);
}

enum qf_status qf_service_case_open(struct qf_op_context *ctx, const struct qf_json *body,
                                    struct qf_error *err)
{
    struct qf_service_step *step = qf_service_step_take(ctx);
    struct qf_arena *arena = step->arena;
    struct qf_bpmn_answer answer;
    enum qf_status status = qf_service_read_answer(step, &answer, body, (struct qf_slice){0}, err);
    if (status == QF_OK)
        status = qf_service_step_begin(step, err);
    if (status != QF_OK)
        return status;
    qf_json_put(arena, &step->record, "actor", qf_json_make_slice(qf_signer_actor(ctx->signer)));
    qf_json_put(arena, &step->record, "leaf", qf_json_make_int((int64_t)ctx->leaf));
    qf_json_put(arena, &step->record, "member", qf_json_make_slice(ctx->member));
    qf_json_put(arena, &step->record, "service", qf_json_make_slice(step->model->id));
    qf_json_put(arena, &step->record, "version", qf_json_make_slice(step->model->version));
    status = qf_bpmn_open(&step->call, &step->instance, QF_BPMN_NONE, QF_BPMN_NONE, &answer);
    return qf_service_step_end(step, status, QF_EVENT_CASE_OPENED, err);
}

enum qf_status qf_service_case_message(struct qf_op_context *ctx, const struct qf_json *body,
                                       struct qf_error *err)
{
    struct qf_service_step *step = qf_service_step_take(ctx);
    struct qf_bpmn_answer answer;
    enum qf_status status = qf_service_read_answer(
        step, &answer, body, qf_service_message_form(step->model, text_of(body, "name")), err);
    if (status == QF_OK)
        status = qf_service_step_begin(step, err);
    if (status != QF_OK)
        return status;
    status = qf_bpmn_message(&step->call, &step->instance, text_of(body, "name"), &answer);
    for (const struct qf_bpmn_action *a = step->call.actions; a != NULL; a = a->next)
        if (a->act == QF_BPMN_ACT_RECEIVED)
            step->about = a->node;
    return qf_service_step_end(step, status, QF_EVENT_CASE_MESSAGE, err);
}

enum qf_status qf_service_case_withdraw(struct qf_op_context *ctx, const struct qf_json *body,
                                        struct qf_error *err)
{
    (void)body;
    struct qf_service_step *step = qf_service_step_take(ctx);
    enum qf_status status = qf_service_step_begin(step, err);
    if (status != QF_OK)
        return status;
    status = qf_bpmn_withdraw(&step->call, &step->instance);
    return qf_service_step_end(step, status, QF_EVENT_CASE_WITHDRAWN, err);
}

enum qf_status qf_service_task_claim(struct qf_op_context *ctx, const struct qf_json *body,
                                     struct qf_error *err)
{
    (void)body;
    struct qf_service_step *step = qf_service_step_take(ctx);
    enum qf_status status = qf_service_step_begin(step, err);
    if (status != QF_OK)
        return status;
    step->idle = true;
    status = qf_bpmn_claim(&step->call, &step->instance, step->task, step->person);
    return qf_service_step_end(step, status, QF_EVENT_TASK_CLAIMED, err);
}

enum qf_status qf_service_task_release(struct qf_op_context *ctx, const struct qf_json *body,
                                       struct qf_error *err)
{
    (void)body;
    struct qf_service_step *step = qf_service_step_take(ctx);
    const struct qf_bpmn_wait *wait = qf_bpmn_wait_of(&step->instance, step->task);
    if (!qf_slice_equal(wait->holder, step->person))
        return qf_fail(err, QF_WRONG_STATE, "task", "the signer does not hold the task");
    enum qf_status status = qf_service_step_begin(step, err);
    if (status != QF_OK)
        return status;
    step->idle = true;
    status = qf_bpmn_claim(&step->call, &step->instance, step->task, (struct qf_slice){0});
    return qf_service_step_end(step, status, QF_EVENT_TASK_RELEASED, err);
}

enum qf_status qf_service_task_complete(struct qf_op_context *ctx, const struct qf_json *body,
                                        struct qf_error *err)
{
    struct qf_service_step *step = qf_service_step_take(ctx);
    struct qf_bpmn_answer answer;
    enum qf_status status = qf_service_read_answer(step, &answer, body, step->node->ext.form, err);
    if (status == QF_OK)
        status = qf_service_step_begin(step, err);
    if (status != QF_OK)
        return status;
    status = qf_bpmn_complete(&step->call, &step->instance, step->task, &answer);
    return qf_service_step_end(step, status, QF_EVENT_TASK_COMPLETED, err);
}

enum qf_status qf_service_task_begin(struct qf_op_context *ctx, const struct qf_json *body,
                                     struct qf_error *err)
{
    struct qf_service_step *step = qf_service_step_take(ctx);
    struct qf_slice activity = text_of(body, "activity");
    enum qf_status status = qf_service_step_begin(step, err);
    if (status != QF_OK)
        return status;
    step->about = qf_bpmn_find_node(&step->model->bpmn, activity);
    status = qf_bpmn_begin(&step->call, &step->instance, step->task, activity);
    return qf_service_step_end(step, status, QF_EVENT_ACTIVITY_BEGUN, err);
}

/* An open task of this name or id: what is done in it is no deviation. */
static const struct qf_bpmn_wait *open_task(const struct qf_service_step *step,
                                            struct qf_slice activity)
{
    for (uint32_t i = 0; i < step->instance.wait_count; i++) {
        const struct qf_bpmn_wait *wait = &step->instance.waits[i];
        const struct qf_bpmn_node *node = &step->model->bpmn.nodes[wait->node];
        if (qf_service_is_work(node) &&
            (qf_slice_equal(node->name, activity) || qf_slice_equal(node->id, activity)))
            return wait;
    }
    return NULL;
}

enum qf_status qf_service_case_unplanned(struct qf_op_context *ctx, const struct qf_json *body,
                                         struct qf_error *err)
{
    struct qf_service_step *step = qf_service_step_take(ctx);
    struct qf_slice activity = text_of(body, "activity");
    if (!step->model->unplanned)
        return qf_fail(err, QF_NOT_ALLOWED, "activity",
                       "the service's manifest permits no unplanned activities");
    const struct qf_bpmn_wait *task = open_task(step, activity);
    if (task != NULL)
        return qf_fail(err, QF_WRONG_STATE, "activity",
                       "the process allows it now: complete task %u instead", task->id);
    const struct qf_json *before = qf_json_get(&step->record, "deviations");
    if (before != NULL && before->count >= QF_SERVICE_DEVIATIONS_MAX)
        return qf_fail(err, QF_OVER_LIMIT, "case", "the case has %d unplanned activities",
                       QF_SERVICE_DEVIATIONS_MAX);
    struct qf_bpmn_answer answer;
    enum qf_status status = qf_service_read_answer(step, &answer, body, (struct qf_slice){0}, err);
    if (status == QF_OK)
        status = qf_service_step_begin(step, err);
    if (status != QF_OK)
        return status;
    step->idle = true;
    step->deviation = qf_json_make_object();
    qf_json_put(step->arena, &step->deviation, "activity", qf_json_make_slice(activity));
    qf_json_put(step->arena, &step->deviation, "actor", qf_json_make_slice(step->person));
    qf_json_put(step->arena, &step->deviation, "leaf", qf_json_make_int((int64_t)ctx->leaf));
    qf_json_put(step->arena, &step->deviation, "time", qf_json_make_int(ctx->time_ms));
    return qf_service_step_end(step, QF_OK, QF_EVENT_CASE_UNPLANNED, err);
}
