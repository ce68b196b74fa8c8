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

static struct qf_service_step *take(struct qf_op_context *ctx)
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
    QF_ASSERT(status == QF_OK);
    ctx->services->step = qf_service_step_new(ctx, model, text_of(body, "case"));
    out->participants = model->participants;
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

enum qf_status qf_service_target_case(struct qf_op_context *ctx, const struct qf_json *body,
                                      struct qf_op_target *out, struct qf_error *err)
{
    struct qf_service_step *step;
    enum qf_status status = load(ctx, body, &step, err);
    if (status != QF_OK)
        return status;
    out->member = qf_record_text(&step->record, "member");
    out->participants = step->model->participants;
    return QF_OK;
}

enum qf_status qf_service_target_task(struct qf_op_context *ctx, const struct qf_json *body,
                                      struct qf_op_target *out, struct qf_error *err)
{
    struct qf_service_step *step;
    enum qf_status status = load(ctx, body, &step, err);
    if (status != QF_OK)
        return status;
    int64_t task = qf_json_get(body, "task")->integer;
    const struct qf_bpmn_wait *wait = qf_bpmn_wait_of(&step->instance, (uint32_t)task);
    const struct qf_bpmn_model *bpmn = &step->model->bpmn;
    if (wait == NULL || !qf_bpmn_is_human(&bpmn->nodes[wait->node]))
        return qf_fail(err, QF_NOT_FOUND, "task", "the case has no such open task");
    step->task = wait->id;
    step->node = &bpmn->nodes[wait->node];
    out->participants = step->model->participants;
    out->roles[0] = qf_bpmn_role(bpmn, step->node);
    if (wait->escalated)
        out->roles[1] = step->node->ext.deadline.to;
    return QF_OK;
}

/* ---- answers ---- */

static enum qf_status read_answer(struct qf_service_step *step, struct qf_bpmn_answer *out,
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
    return qf_service_check_data(step->model, step->arena, data, form, err);
}

enum qf_status qf_service_case_open(struct qf_op_context *ctx, const struct qf_json *body,
                                    struct qf_error *err)
{
    struct qf_service_step *step = take(ctx);
    struct qf_arena *arena = step->arena;
    struct qf_bpmn_answer answer;
    enum qf_status status = read_answer(step, &answer, body, (struct qf_slice){0}, err);
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
    struct qf_service_step *step = take(ctx);
    struct qf_bpmn_answer answer;
    enum qf_status status = read_answer(step, &answer, body, (struct qf_slice){0}, err);
    if (status == QF_OK)
        status = qf_service_step_begin(step, err);
    if (status != QF_OK)
        return status;
    status = qf_bpmn_message(&step->call, &step->instance, text_of(body, "name"), &answer);
    return qf_service_step_end(step, status, QF_EVENT_CASE_MESSAGE, err);
}

enum qf_status qf_service_case_withdraw(struct qf_op_context *ctx, const struct qf_json *body,
                                        struct qf_error *err)
{
    (void)body;
    struct qf_service_step *step = take(ctx);
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
    struct qf_service_step *step = take(ctx);
    enum qf_status status = qf_service_step_begin(step, err);
    if (status != QF_OK)
        return status;
    status = qf_bpmn_claim(&step->call, &step->instance, step->task, step->person);
    return qf_service_step_end(step, status, QF_EVENT_TASK_CLAIMED, err);
}

enum qf_status qf_service_task_release(struct qf_op_context *ctx, const struct qf_json *body,
                                       struct qf_error *err)
{
    (void)body;
    struct qf_service_step *step = take(ctx);
    const struct qf_bpmn_wait *wait = qf_bpmn_wait_of(&step->instance, step->task);
    if (!qf_slice_equal(wait->holder, step->person))
        return qf_fail(err, QF_WRONG_STATE, "task", "the signer does not hold the task");
    enum qf_status status = qf_service_step_begin(step, err);
    if (status != QF_OK)
        return status;
    status = qf_bpmn_claim(&step->call, &step->instance, step->task, (struct qf_slice){0});
    return qf_service_step_end(step, status, QF_EVENT_TASK_RELEASED, err);
}

enum qf_status qf_service_task_complete(struct qf_op_context *ctx, const struct qf_json *body,
                                        struct qf_error *err)
{
    struct qf_service_step *step = take(ctx);
    struct qf_bpmn_answer answer;
    enum qf_status status = read_answer(step, &answer, body, step->node->ext.form, err);
    if (status == QF_OK)
        status = qf_service_step_begin(step, err);
    if (status != QF_OK)
        return status;
    status = qf_bpmn_complete(&step->call, &step->instance, step->task, &answer);
    return qf_service_step_end(step, status, QF_EVENT_TASK_COMPLETED, err);
}
