/* Ops that a service performs: what a service task names with qf:op, done in the step that brings a
 * token to it. The service acts for the member that brought its version onto the ledger, within
 * the capabilities that the members approved with it; whose completion, or which deadline, brought
 * the token there gives it no more and no less. */
#include "kernel/service/step.h"

static struct qf_slice process_of(const struct qf_service_step *step)
{
    const struct qf_bpmn_model *bpmn = &step->model->bpmn;
    struct qf_slice id = bpmn->processes[step->instance.process].id;
    return qf_slice_make(id.data, id.size > 60 ? 60 : id.size);
}

/* An op is dearer than a token's move, and a transaction must not bring about thousands. */
static enum qf_status charge(struct qf_service_step *step, struct qf_error *err)
{
    uint64_t *left = &step->call.steps;
    if (++step->op_count > QF_SERVICE_OPS_MAX)
        return qf_fail(err, QF_BUDGET, "",
                       "process %.*s performs more than %d operations in a step",
                       QF_SLICE_ARGS(process_of(step)), QF_SERVICE_OPS_MAX);
    if (*left < QF_SERVICE_OP_STEPS)
        return qf_fail(err, QF_BUDGET, "", "process %.*s ran over its budget of steps",
                       QF_SLICE_ARGS(process_of(step)));
    *left -= QF_SERVICE_OP_STEPS;
    return QF_OK;
}

/* The op as a transaction would have it: what a mapping gave null for is left out, and the id of
 * something new lies below that of the case, where nobody else can put anything. */
static void make_body(const struct qf_service_step *step, struct qf_json *out,
                      const struct qf_op_row *row, const struct qf_json *given)
{
    struct qf_arena *arena = step->arena;
    *out = qf_json_make_object();
    for (uint32_t i = 0; i < given->count; i++) {
        const struct qf_json_member *member = &given->members[i];
        if (member->value.type != QF_JSON_NULL)
            qf_json_put(arena, out, qf_arena_text(arena, member->key), member->value);
    }
    const struct qf_json *name = qf_json_get(out, row->service->makes);
    if (name == NULL || name->type != QF_JSON_STRING)
        return;
    char *id = qf_arena_printf(arena, QF_OP_SERVICE_PREFIX "%.*s/%.*s", QF_SLICE_ARGS(step->id),
                               QF_SLICE_ARGS(qf_json_text(name)));
    qf_json_put(arena, out, row->service->makes, qf_json_make_text(id));
}

static void tell(struct qf_service_step *step, const struct qf_op_context *ctx, uint16_t node,
                 const struct qf_json *body, size_t event)
{
    struct qf_slice type = qf_json_text(qf_json_get(body, "op"));
    struct qf_json effect = qf_service_effect(step, qf_arena_text(step->arena, type), node);
    qf_json_put(step->arena, &effect, "member", qf_json_make_slice(ctx->member));
    QF_ASSERT(event < ctx->effects->event_count); /* every op leaves one, of what it made first */
    qf_json_put(step->arena, &effect, "key", qf_json_make_slice(ctx->effects->events[event].key));
    qf_service_effect_put(step, &effect);
    struct qf_kernel_term term;
    qf_kernel_term_text(&term, QF_TERM_MEMBER, ctx->member);
    qf_context_add_term(step->ctx, &term);
    qf_kernel_term_text(&term, QF_TERM_CASE, step->id);
    qf_context_add_term(step->ctx, &term);
}

static enum qf_status perform(struct qf_service_step *step, const struct qf_op_row *row,
                              const struct qf_json *body, uint16_t node, struct qf_error *err)
{
    const struct qf_service_model *model = step->model;
    struct qf_state_key at;
    qf_state_key_make2(&at, QF_STATE_SERVICE_VERSION, model->id, model->version);
    const struct qf_json *version = qf_record_get(&step->ctx->state, step->arena, &at);
    QF_ASSERT(version != NULL);
    const struct qf_op_performer performer = {.service = model->id,
                                              .version = model->version,
                                              .case_id = step->id,
                                              .node = model->bpmn.nodes[node].id,
                                              .capabilities = qf_json_get(version, "capabilities")};
    struct qf_op_context own = *step->ctx;
    own.performer = &performer;
    own.member = qf_record_text(version, "member");
    size_t event = own.effects->event_count;
    enum qf_status status = qf_schema_check(&row->fields, body, "op", own.suite, err);
    if (status == QF_OK)
        status = qf_op_authorise_service(&own, row, body, err);
    if (status == QF_OK)
        status = row->apply(&own, body, err);
    if (status == QF_OK)
        tell(step, &own, node, body, event);
    return status;
}

enum qf_status qf_service_perform(void *self, struct qf_arena *arena, struct qf_json *out,
                                  uint16_t node, const struct qf_json *op, struct qf_error *err)
{
    struct qf_service_step *step = self;
    struct qf_op_context *ctx = step->ctx;
    const struct qf_op_row *row = qf_op_find(qf_json_text(qf_json_get(op, "op")));
    QF_ASSERT(row != NULL && row->service != NULL); /* else the package does not compile */
    enum qf_status status = charge(step, err);
    if (status != QF_OK)
        return status;
    struct qf_json body;
    make_body(step, &body, row, op);
    size_t mark = qf_overlay_mark(ctx->overlay), events = ctx->effects->event_count,
           terms = ctx->effects->term_count;
    status = perform(step, row, &body, node, err);
    if (status != QF_OK) {
        /* The model may catch it, and go on. */
        qf_overlay_rollback(ctx->overlay, mark);
        ctx->effects->event_count = events;
        ctx->effects->term_count = terms;
        return status;
    }
    const struct qf_json *made = qf_json_get(&body, row->service->makes);
    *out = qf_json_make_slice(qf_arena_copy(arena, qf_json_text(made)));
    return QF_OK;
}
