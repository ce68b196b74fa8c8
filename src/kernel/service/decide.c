/* Decisions of business rule tasks: over open fields evaluated on every node as the case comes to
 * them; over sealed fields recorded by the participant who is responsible and holds the values. */
#include "kernel/service/decision.h"
#include "kernel/service/sealed.h"
#include "kernel/service/step.h"

/* An item of the case's "decisions": spec/state.md. */
static struct qf_json make_item(struct qf_service_step *step, struct qf_slice decision,
                                const char *hash, int64_t time_ms)
{
    struct qf_slice hex = qf_arena_copy(step->arena, qf_slice_make(hash, QF_DECISION_HASH_SIZE));
    struct qf_json item = qf_json_make_object();
    qf_json_put(step->arena, &item, "decision", qf_json_make_slice(decision));
    if (step->person.size > 0)
        qf_json_put(step->arena, &item, "leaf", qf_json_make_int((int64_t)step->ctx->leaf));
    qf_json_put(step->arena, &item, "time", qf_json_make_int(time_ms));
    qf_json_put(step->arena, &item, "trace", qf_json_make_slice(hex));
    if (strcmp(step->ctx->services->zone, QF_SERVICE_ZONE) != 0)
        qf_json_put(
            step->arena, &item, "zone",
            qf_json_make_slice(qf_arena_copy(step->arena, qf_slice_of(step->ctx->services->zone))));
    return item;
}

/* What does not fit has to be supplied by who makes the decision again. The values are the caller's
 * and may not live as long as the step: they are copied. */
static void put_inputs(struct qf_service_step *step, struct qf_json *item,
                       const struct qf_json *inputs)
{
    struct qf_json copy;
    struct qf_buf *text = step->ctx->text;
    qf_buf_reset(text);
    qf_json_write(text, inputs);
    if (inputs->count == 0 || text->size > QF_SERVICE_INPUTS_SIZE_MAX)
        return;
    /* As deep as they will stand: within an item of a list of the record. */
    qf_buf_reset(text);
    qf_buf_put_text(text, "[[[");
    qf_json_write(text, inputs);
    qf_buf_put_text(text, "]]]");
    if (qf_json_parse(step->arena, &copy, qf_arena_copy(step->arena, qf_buf_slice(text)),
                      QF_JSON_CANONICAL, NULL) == QF_OK)
        qf_json_put(step->arena, item, "inputs", copy.items[0].items[0].items[0]);
}

static enum qf_status room(const struct qf_service_step *step, struct qf_slice decision,
                           struct qf_error *err)
{
    const struct qf_json *before = qf_json_get(&step->record, "decisions");
    uint32_t count = step->decisions.count + (before == NULL ? 0 : before->count);
    if (count < QF_SERVICE_DECISIONS_MAX)
        return QF_OK;
    return qf_fail(err, QF_OVER_LIMIT, "", "decision %.*s: the case has made %d decisions",
                   (int)(decision.size > 60 ? 60 : decision.size), (const char *)decision.data,
                   QF_SERVICE_DECISIONS_MAX);
}

enum qf_status qf_service_decide(void *self, struct qf_arena *arena, struct qf_json *out,
                                 struct qf_slice decision, const struct qf_json *inputs,
                                 struct qf_error *err)
{
    struct qf_service_step *step = self;
    struct qf_services *services = step->ctx->services;
    struct qf_service_moment moment = {
        .time_ms = step->ctx->time_ms,
        .zone = qf_slice_of(services->zone),
        .steps_max = services->steps < QF_FEEL_STEPS_MAX ? services->steps : QF_FEEL_STEPS_MAX};
    struct qf_service_outcome outcome;
    if (services->steps == 0)
        return qf_fail(err, QF_BUDGET, "", "the block has used up its %d steps; try again",
                       QF_FEEL_BLOCK_STEPS_MAX);
    enum qf_status status = room(step, decision, err);
    if (status != QF_OK)
        return status;
    status = qf_service_evaluate(step->model, arena, step->ctx->text, &outcome, decision, inputs,
                                 &moment, err);
    services->steps -= outcome.steps < services->steps ? outcome.steps : services->steps;
    if (status != QF_OK)
        return status;
    struct qf_json item = make_item(step, decision, outcome.hash, step->ctx->time_ms);
    put_inputs(step, &item, &outcome.inputs);
    qf_json_append(step->arena, &step->decisions, item);
    *out = outcome.value;
    return QF_OK;
}

/* ---- sealed decisions ---- */

static bool same(struct qf_service_step *step, const struct qf_json *a, const struct qf_json *b)
{
    qf_buf_reset(step->ctx->text);
    qf_json_write(step->ctx->text, a);
    struct qf_slice first = qf_arena_copy(step->arena, qf_buf_slice(step->ctx->text));
    qf_buf_reset(step->ctx->text);
    qf_json_write(step->ctx->text, b);
    return qf_slice_equal(first, qf_buf_slice(step->ctx->text));
}

/* What the signer decided on must be what stands in the case, input by input; sorts the open ones
 * from the sealed ones into the item. */
static enum qf_status compare_inputs(struct qf_service_step *step, struct qf_json *item,
                                     const struct qf_json *given, const struct qf_json *values,
                                     struct qf_error *err)
{
    const struct qf_service_ruling *ruling =
        qf_service_ruling_of(step->model, step->node->ext.decision);
    struct qf_json open = qf_json_make_object(), sealed = qf_json_make_object();
    uint32_t used = 0;
    for (uint32_t i = 0; i < ruling->input_count; i++) {
        struct qf_slice name = qf_dmn_name(ruling->inputs[i]);
        const struct qf_json *own = qf_json_get_slice(given, name);
        const struct qf_json *value = qf_json_get_slice(values, name);
        bool is_sealed = qf_service_input_sealed(step->model, step->node, name);
        if (value != NULL && value->type == QF_JSON_NULL)
            value = NULL;
        used += own != NULL;
        enum qf_status status = QF_OK;
        if (value == NULL && own != NULL)
            status = qf_fail(err, QF_WRONG_STATE, "", "the case has no such input");
        else if (value != NULL && own == NULL)
            status = qf_fail(err, QF_BAD_FIELD, "", "is missing: the decision reads it");
        else if (value != NULL && !same(step, own, value))
            status = qf_fail(err, QF_WRONG_STATE, "",
                             "is not what stands in the case now; decide again on that");
        if (status != QF_OK) {
            qf_schema_within(err, name, i);
            qf_error_within(err, "inputs");
            return status;
        }
        if (value != NULL)
            qf_json_put(step->arena, is_sealed ? &sealed : &open, qf_arena_text(step->arena, name),
                        *value);
    }
    for (uint32_t i = 0; used < given->count && i < given->count; i++)
        if (!qf_service_ruling_reads(ruling, given->members[i].key)) {
            enum qf_status status = qf_fail(err, QF_BAD_FIELD, "", "is no input of the decision");
            qf_schema_within(err, given->members[i].key, i);
            qf_error_within(err, "inputs");
            return status;
        }
    put_inputs(step, item, &open);
    if (sealed.count > 0)
        qf_json_put(step->arena, item, "sealed", sealed);
    return QF_OK;
}

static enum qf_status check_recorded(struct qf_service_step *step, const struct qf_json *body,
                                     struct qf_error *err)
{
    int64_t time_ms = qf_json_get(body, "time")->integer;
    const struct qf_json *outcome = qf_json_get(body, "outcome");
    struct qf_slice trace = qf_json_text(qf_json_get(body, "trace"));
    const struct qf_service_field *field = qf_service_field_of(step->model, step->node->ext.result);
    if (time_ms > step->ctx->time_ms ||
        time_ms < step->ctx->time_ms - (int64_t)QF_TX_EXPIRY_MAX_S * 1000)
        return qf_fail(err, QF_BAD_FIELD, "time",
                       "must lie within the hour before the block's time");
    if (!qf_seal_valid(QF_HASH_SHA256, trace))
        return qf_fail(err, QF_BAD_FIELD, "trace",
                       "must be sha-256: and 64 lower-case hex digits of the trace's hash");
    if (field == NULL || !field->sealed)
        return qf_service_check_outcome(step->model, step->arena, step->node->ext.decision, outcome,
                                        err);
    if (outcome->type != QF_JSON_STRING ||
        !qf_seal_valid(qf_service_hash_alg(step->model), qf_json_text(outcome)))
        return qf_fail(err, QF_BAD_FIELD, "outcome", "%.*s is sealed: must be a commitment",
                       QF_SLICE_ARGS(field->name));
    return QF_OK;
}

enum qf_status qf_service_decision_record(struct qf_op_context *ctx, const struct qf_json *body,
                                          struct qf_error *err)
{
    struct qf_service_step *step = qf_service_step_take(ctx);
    struct qf_slice decision = step->node->ext.decision;
    struct qf_json values;
    enum qf_status status = check_recorded(step, body, err);
    if (status == QF_OK)
        status = room(step, decision, err);
    if (status == QF_OK)
        status = qf_service_step_begin(step, err);
    if (status != QF_OK)
        return status;
    struct qf_slice trace = qf_json_text(qf_json_get(body, "trace"));
    struct qf_json item =
        make_item(step, decision, (const char *)trace.data + (trace.size - QF_DECISION_HASH_SIZE),
                  qf_json_get(body, "time")->integer);
    status = qf_bpmn_inputs(&step->call, &step->instance, step->task, &values);
    if (status != QF_OK)
        return qf_service_step_end(step, status, QF_EVENT_DECISION_RECORDED, err);
    status = compare_inputs(step, &item, qf_json_get(body, "inputs"), &values, err);
    if (status != QF_OK)
        return status;
    qf_json_put(step->arena, &item, "actor", qf_json_make_slice(step->person));
    qf_json_put(step->arena, &item, "node", qf_json_make_slice(step->node->id));
    qf_json_put(step->arena, &item, "outcome", *qf_json_get(body, "outcome"));
    qf_json_put(step->arena, &item, "task", qf_json_make_int(step->task));
    qf_json_append(step->arena, &step->decisions, item);
    struct qf_json data = qf_json_make_object();
    qf_json_put(step->arena, &data, "result", *qf_json_get(body, "outcome"));
    struct qf_bpmn_answer answer = {.actor = step->person, .data = &data};
    status = qf_bpmn_complete(&step->call, &step->instance, step->task, &answer);
    return qf_service_step_end(step, status, QF_EVENT_DECISION_RECORDED, err);
}
