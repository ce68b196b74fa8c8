/* Giving a task to somebody else of the same member. */
#include "kernel/service/step.h"

/* Holders are member '/' actor. */
static bool is_of(struct qf_slice holder, struct qf_slice member)
{
    return holder.size > member.size && holder.data[member.size] == '/' &&
           memcmp(holder.data, member.data, member.size) == 0;
}

enum qf_status qf_service_target_delegate(struct qf_op_context *ctx, const struct qf_json *body,
                                          struct qf_op_target *out, struct qf_error *err)
{
    enum qf_status status = qf_service_target_task(ctx, body, out, err);
    if (status != QF_OK)
        return status;
    const struct qf_service_step *step = ctx->services->step;
    struct qf_slice holder = qf_bpmn_wait_of(&step->instance, step->task)->holder;
    const uint8_t *slash = holder.size > 0 ? memchr(holder.data, '/', holder.size) : NULL;
    if (slash == NULL)
        return QF_OK;
    out->member = qf_slice_make(holder.data, (size_t)(slash - holder.data));
    out->actor = qf_slice_make(slash + 1, holder.size - out->member.size - 1);
    return QF_OK;
}

static enum qf_status check_receiver(struct qf_op_context *ctx, const struct qf_service_step *step,
                                     struct qf_slice to, struct qf_error *err)
{
    const struct qf_bpmn_wait *wait = qf_bpmn_wait_of(&step->instance, step->task);
    struct qf_slice own = qf_signer_member(ctx->signer);
    struct qf_op_target target = {.participants = step->model->participants};
    struct qf_state_key at;
    if (wait->holder.size > 0 && !is_of(wait->holder, own))
        return qf_fail(err, QF_NOT_ALLOWED, "task", "it is held by %.*s, of another member",
                       QF_SLICE_ARGS(wait->holder));
    qf_state_key_make2(&at, QF_STATE_ACTOR, own, to);
    const struct qf_json *actor = qf_context_get(ctx, &at);
    if (actor == NULL)
        return qf_fail(err, QF_NOT_FOUND, "to", "member %.*s has no such actor",
                       QF_SLICE_ARGS(own));
    if (qf_json_get(actor, "keys")->count == 0)
        return qf_fail(err, QF_WRONG_STATE, "to", "the actor has no active key");
    target.roles[0] = qf_bpmn_role(&step->model->bpmn, step->node);
    if (wait->escalated)
        target.roles[1] = step->node->ext.deadline.to;
    if (!qf_op_plays(ctx, &target, to))
        return qf_fail(err, QF_NOT_ALLOWED, "to", "the actor does not play the role %.*s",
                       QF_SLICE_ARGS(target.roles[0]));
    return QF_OK;
}

enum qf_status qf_service_task_delegate(struct qf_op_context *ctx, const struct qf_json *body,
                                        struct qf_error *err)
{
    struct qf_service_step *step = qf_service_step_take(ctx);
    struct qf_slice to = qf_json_text(qf_json_get(body, "to"));
    enum qf_status status = check_receiver(ctx, step, to, err);
    if (status == QF_OK)
        status = qf_service_step_begin(step, err);
    if (status != QF_OK)
        return status;
    char *person = qf_arena_printf(step->arena, "%.*s/%.*s",
                                   QF_SLICE_ARGS(qf_signer_member(ctx->signer)), QF_SLICE_ARGS(to));
    if (qf_slice_is(qf_bpmn_wait_of(&step->instance, step->task)->holder, person))
        return qf_fail(err, QF_WRONG_STATE, "to", "%s holds the task already", person);
    step->idle = true;
    status = qf_bpmn_claim(&step->call, &step->instance, step->task, (struct qf_slice){0});
    if (status == QF_OK)
        status = qf_bpmn_claim(&step->call, &step->instance, step->task, qf_slice_of(person));
    if (status != QF_OK) /* four eyes: what stands against it is the receiver */
        (void)qf_fail(&step->call.err, status, "to", "%s", step->call.err.detail);
    return qf_service_step_end(step, status, QF_EVENT_TASK_DELEGATED, err);
}
