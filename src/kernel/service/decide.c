/* Decisions of business rule tasks, evaluated over open fields on every node. */
#include "codec/text.h"
#include "kernel/service/step.h"

static enum qf_status gather(struct qf_service_step *step, struct qf_arena *arena,
                             struct qf_dmn_input **out, uint32_t *count,
                             const struct qf_json *values, struct qf_error *err)
{
    const struct qf_dmn_model *dmn = step->model->dmn;
    const struct qf_dmn_element *element;
    uint32_t elements = 0;
    while (qf_dmn_at(dmn, elements) != NULL)
        elements++;
    *out = QF_ARENA_ARRAY(arena, struct qf_dmn_input, elements + 1);
    *count = 0;
    for (uint32_t i = 0; i < elements; i++) {
        element = qf_dmn_at(dmn, i);
        const struct qf_json *value = qf_dmn_kind(element) == QF_DMN_INPUT
                                          ? qf_json_get_slice(values, qf_dmn_name(element))
                                          : NULL;
        if (value == NULL || value->type == QF_JSON_NULL)
            continue;
        struct qf_dmn_input *input = &(*out)[(*count)++];
        struct qf_error why = {0};
        input->element = element;
        if (!qf_dmn_value_from_json(arena, &input->value, value, qf_dmn_type(element), &why))
            return qf_fail(err, QF_RULE_ERROR, "", "input %.*s is not of its type: %s",
                           QF_SLICE_ARGS(qf_dmn_name(element)), why.detail);
    }
    return QF_OK;
}

/* What was given of the inputs that the model has; false when it is more than a record takes. */
static bool given_inputs(struct qf_service_step *step, struct qf_json *out,
                         const struct qf_json *values)
{
    const struct qf_dmn_model *dmn = step->model->dmn;
    const struct qf_dmn_element *element;
    *out = qf_json_make_object();
    for (uint32_t i = 0; (element = qf_dmn_at(dmn, i)) != NULL; i++) {
        const struct qf_json *value = qf_dmn_kind(element) == QF_DMN_INPUT
                                          ? qf_json_get_slice(values, qf_dmn_name(element))
                                          : NULL;
        if (value != NULL && value->type != QF_JSON_NULL)
            qf_json_put(step->arena, out, qf_arena_text(step->arena, qf_dmn_name(element)), *value);
    }
    qf_buf_reset(step->ctx->text);
    qf_json_write(step->ctx->text, out);
    bool fits = step->ctx->text->size <= QF_SERVICE_INPUTS_SIZE_MAX;
    /* The values are the caller's and may not live as long as the step. */
    struct qf_slice text = qf_arena_copy(step->arena, qf_buf_slice(step->ctx->text));
    return fits && qf_json_parse(step->arena, out, text, QF_JSON_CANONICAL, NULL) == QF_OK;
}

/* {"decision","inputs","leaf","time","trace"}: who wants the trace itself evaluates again. */
static void note(struct qf_service_step *step, struct qf_slice decision,
                 const struct qf_json *values, const struct qf_dmn_trace *trace)
{
    uint8_t hash[QF_HASH_SIZE];
    char *hex = qf_arena_alloc(step->arena, 2UL * QF_HASH_SIZE);
    qf_buf_reset(step->ctx->text);
    qf_dmn_trace_write(step->ctx->text, trace);
    qf_hash(QF_HASH_SHA256, hash, qf_buf_slice(step->ctx->text));
    qf_hex_encode(hex, qf_slice_make(hash, sizeof hash));
    struct qf_json item = qf_json_make_object();
    qf_json_put(step->arena, &item, "decision", qf_json_make_slice(decision));
    struct qf_json inputs;
    if (given_inputs(step, &inputs, values))
        qf_json_put(step->arena, &item, "inputs", inputs);
    if (step->person.size > 0)
        qf_json_put(step->arena, &item, "leaf", qf_json_make_int((int64_t)step->ctx->leaf));
    qf_json_put(step->arena, &item, "time", qf_json_make_int(step->ctx->time_ms));
    qf_json_put(step->arena, &item, "trace",
                qf_json_make_slice(qf_slice_make(hex, 2UL * QF_HASH_SIZE)));
    qf_json_append(step->arena, &step->decisions, item);
}

static enum qf_status give(struct qf_service_step *step, struct qf_arena *arena,
                           struct qf_json *out, struct qf_slice decision,
                           const struct qf_json *values, const struct qf_dmn_result *result,
                           struct qf_error *err)
{
    if (result->feel.value.kind == QF_FEEL_NULL)
        return qf_fail(
            err, QF_RULE_ERROR, "", "decision %.*s has no outcome: %s", QF_SLICE_ARGS(decision),
            result->feel.warning_count > 0 ? result->feel.warnings[0].message : "no rule applies");
    note(step, decision, values, result->trace);
    qf_buf_reset(step->ctx->text);
    qf_feel_write_json(step->ctx->text, &result->feel.value);
    return qf_json_parse(arena, out, qf_arena_copy(arena, qf_buf_slice(step->ctx->text)),
                         QF_JSON_CANONICAL, err);
}

enum qf_status qf_service_decide(void *self, struct qf_arena *arena, struct qf_json *out,
                                 struct qf_slice decision, const struct qf_json *inputs,
                                 struct qf_error *err)
{
    struct qf_service_step *step = self;
    struct qf_services *services = step->ctx->services;
    const struct qf_dmn_element *element =
        qf_dmn_find(step->model->dmn, (struct qf_slice){0}, QF_DMN_DECISION, decision);
    QF_ASSERT(element != NULL); /* checked when the package was compiled */
    int64_t second = qf_context_time_s(step->ctx);
    struct qf_feel_world world = {
        .now_seconds = second,
        .now_nanos = (uint32_t)(step->ctx->time_ms - second * 1000) * 1000000,
        .zone = qf_slice_of(QF_SERVICE_ZONE),
        .steps_max = services->steps < QF_FEEL_STEPS_MAX ? services->steps : QF_FEEL_STEPS_MAX};
    struct qf_dmn_options options = {.world = &world, .trace = true};
    struct qf_dmn_input *given;
    uint32_t count;
    if (services->steps == 0)
        return qf_fail(err, QF_BUDGET, "", "the block has used up its %d steps; try again",
                       QF_FEEL_BLOCK_STEPS_MAX);
    enum qf_status status = gather(step, arena, &given, &count, inputs, err);
    if (status != QF_OK)
        return status;
    struct qf_dmn_result *result = QF_ARENA_NEW(arena, struct qf_dmn_result);
    struct qf_error why = {0};
    status =
        qf_dmn_evaluate(step->model->dmn, element, arena, &options, given, count, result, &why);
    uint64_t used = status == QF_OK ? result->feel.steps : world.steps_max;
    services->steps -= used < services->steps ? used : services->steps;
    if (status != QF_OK)
        return qf_fail(err, status, "", "decision %.*s: %s", QF_SLICE_ARGS(decision), why.detail);
    return give(step, arena, out, decision, inputs, result, err);
}
