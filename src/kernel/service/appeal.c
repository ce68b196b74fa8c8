/* An appeal: a case of the same version that hears another one which is over. Both name the other.
 *
 * Who may, how long, and the start event that hears it stand in the manifest (spec/service.md). The
 * term begins when the case ended. Each case is appealed against once at most, and what an appeal
 * came to not at all: where a law has a further instance it is a process of its own. */
#include "kernel/service/step.h"

static struct qf_slice text_of(const struct qf_json *body, const char *name)
{
    return qf_json_text(qf_json_get(body, name));
}

static uint16_t hearing_start(const struct qf_bpmn_model *bpmn, struct qf_slice message)
{
    uint16_t start = QF_BPMN_NONE;
    for (uint16_t i = 0; i < bpmn->process_count && start == QF_BPMN_NONE; i++)
        start = qf_bpmn_find_start(bpmn, i, message);
    return start;
}

enum qf_status qf_service_check_appeal(const struct qf_service_model *model, struct qf_error *err)
{
    const struct qf_json *appeal = qf_json_get(model->manifest, "appeal");
    if (appeal == NULL)
        return QF_OK;
    const struct qf_json *days = qf_json_get(appeal, "days");
    const struct qf_json *start = qf_json_get(appeal, "start");
    const struct qf_json *calendar = qf_json_get(appeal, "calendar");
    const char *wrong = NULL;
    if (days == NULL || days->type != QF_JSON_INT || days->integer < 0 || days->integer > 10000)
        wrong = "days must be 0 to 10000";
    else if (calendar != NULL && !qf_json_is_text(calendar, "working") &&
             !qf_json_is_text(calendar, "calendar"))
        wrong = "calendar must be working or calendar";
    else if (start == NULL || start->type != QF_JSON_STRING ||
             hearing_start(&model->bpmn, qf_json_text(start)) == QF_BPMN_NONE)
        wrong = "start must name the message of a start event";
    return wrong == NULL ? QF_OK
                         : qf_fail(err, QF_BAD_FIELD, "package", "manifest.appeal: %s", wrong);
}

enum qf_status qf_service_target_appeal(struct qf_op_context *ctx, const struct qf_json *body,
                                        struct qf_op_target *out, struct qf_error *err)
{
    static const struct qf_json nobody = {.type = QF_JSON_ARRAY};
    struct qf_service_step *step;
    qf_arena_reset(&ctx->services->scratch);
    enum qf_status status = qf_service_step_load(ctx, &step, text_of(body, "case"), err);
    if (status != QF_OK)
        return status;
    const struct qf_json *appeal = qf_json_get(step->model->manifest, "appeal");
    if (appeal == NULL)
        return qf_fail(err, QF_NOT_ALLOWED, "case", "its service hears no appeals");
    out->member = qf_record_text(&step->record, "member");
    out->participants = step->model->participants;
    out->any_roles = qf_json_get(appeal, "by");
    if (out->any_roles == NULL)
        out->any_roles = &nobody;
    ctx->services->step = step;
    return QF_OK;
}

static enum qf_status check_term(struct qf_service_step *step, struct qf_error *err)
{
    const struct qf_json *appeal = qf_json_get(step->model->manifest, "appeal");
    const struct qf_json *ended = qf_json_get(&step->record, "ended");
    struct qf_slice now = qf_record_text(&step->record, "status");
    const struct qf_json *earlier = qf_json_get(&step->record, "appeal");
    int64_t due_ms = 0;
    if (ended == NULL || !qf_slice_is(now, "done"))
        return qf_fail(err, QF_WRONG_STATE, "case",
                       "the case is %.*s; only what it came to can be "
                       "appealed against",
                       QF_SLICE_ARGS(now));
    if (earlier != NULL)
        return qf_fail(err, QF_EXISTS, "case", "the appeal %.*s was made already",
                       QF_SLICE_ARGS(qf_json_text(earlier)));
    if (qf_json_get(&step->record, "appeal_of") != NULL)
        return qf_fail(err, QF_WRONG_STATE, "case", "the case is itself an appeal");
    struct qf_term term = {.days = qf_json_get(appeal, "days")->integer,
                           .working = qf_json_is_text(qf_json_get(appeal, "calendar"), "working"),
                           .extend = true};
    if (qf_calendar_due(qf_services_calendar(step->ctx), &due_ms, ended->integer, term) != QF_OK)
        return qf_fail(err, QF_OVER_LIMIT, "case", "the calendar has no such day");
    if (step->ctx->time_ms >= due_ms)
        return qf_fail(err, QF_WRONG_STATE, "case", "the term of %lld %sdays has passed",
                       (long long)term.days, term.working ? "working " : "");
    return QF_OK;
}

static enum qf_status hear(struct qf_service_step *heard, const struct qf_json *body,
                           struct qf_error *err)
{
    struct qf_op_context *ctx = heard->ctx;
    const struct qf_service_model *model = heard->model;
    struct qf_slice message =
        qf_json_text(qf_json_get(qf_json_get(model->manifest, "appeal"), "start"));
    struct qf_service_step *step = qf_service_step_new(ctx, model, text_of(body, "appeal"));
    struct qf_arena *arena = step->arena;
    struct qf_bpmn_answer answer;
    enum qf_status status =
        qf_service_read_answer(step, &answer, body, qf_service_message_form(model, message), err);
    if (status == QF_OK)
        status = qf_service_step_begin(step, err);
    if (status != QF_OK)
        return status;
    uint16_t start = hearing_start(&model->bpmn, message);
    qf_json_put(arena, &step->record, "actor", qf_json_make_slice(qf_signer_actor(ctx->signer)));
    qf_json_put(arena, &step->record, "appeal_of", qf_json_make_slice(heard->id));
    qf_json_put(arena, &step->record, "leaf", qf_json_make_int((int64_t)ctx->leaf));
    qf_json_put(arena, &step->record, "member", qf_json_make_slice(ctx->member));
    qf_json_put(arena, &step->record, "service", qf_json_make_slice(model->id));
    qf_json_put(arena, &step->record, "version", qf_json_make_slice(model->version));
    step->about = start;
    status = qf_bpmn_open(&step->call, &step->instance, model->bpmn.nodes[start].process, start,
                          &answer);
    return qf_service_step_end(step, status, QF_EVENT_CASE_APPEALED, err);
}

enum qf_status qf_service_case_appeal(struct qf_op_context *ctx, const struct qf_json *body,
                                      struct qf_error *err)
{
    struct qf_service_step *step = qf_service_step_take(ctx);
    struct qf_state_key at;
    enum qf_status status = check_term(step, err);
    if (status != QF_OK)
        return status;
    qf_state_key_make(&at, QF_STATE_CASE, text_of(body, "appeal"));
    if (qf_context_has(ctx, &at))
        return qf_fail(err, QF_EXISTS, "appeal", "this id is taken by an earlier case");
    qf_state_key_make(&at, QF_STATE_CASE, step->id);
    struct qf_json record = qf_context_copy(ctx, &step->record);
    qf_json_put(ctx->arena, &record, "appeal", *qf_json_get(body, "appeal"));
    qf_context_put(ctx, &at, &record);
    return hear(step, body, err);
}
