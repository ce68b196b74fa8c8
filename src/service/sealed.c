#include "service/sealed.h"

#include "kernel/service/sealed.h"

/* What stands in the case for the task: read from its record, as any participant can. */
static enum qf_status inputs_of(struct qf_json *out, const struct qf_bpmn_node **node,
                                struct qf_arena *arena, const struct qf_sealed_question *question,
                                struct qf_error *err)
{
    const struct qf_service_model *model = question->model;
    const struct qf_json *own = qf_json_get(question->record, "instance");
    struct qf_bpmn_instance instance;
    struct qf_buf text = {0};
    if (own == NULL)
        return qf_fail(err, QF_NOT_FOUND, "task", "the case is over: it has no such task");
    qf_json_write(&text, own);
    enum qf_status status = qf_bpmn_decode(arena, &instance, &model->bpmn,
                                           qf_arena_copy(arena, qf_buf_slice(&text)), err);
    qf_buf_deinit(&text);
    const struct qf_bpmn_wait *wait =
        status == QF_OK ? qf_bpmn_wait_of(&instance, question->task) : NULL;
    if (status != QF_OK)
        return status;
    if (wait == NULL)
        return qf_fail(err, QF_NOT_FOUND, "task", "the case has no such task");
    *node = &model->bpmn.nodes[wait->node];
    if ((*node)->kind != QF_BPMN_RULE)
        return qf_fail(err, QF_WRONG_STATE, "task",
                       "is not a decision to be recorded; complete it instead");
    const struct qf_calendar calendar = {.rest = 0x60, .offset_minutes = QF_SERVICE_ZONE_MINUTES};
    struct qf_bpmn_call call = {.program = &model->program,
                                .arena = arena,
                                .calendar = &calendar,
                                .now_ms = question->time_ms,
                                .steps = QF_BPMN_STEPS_MAX};
    status = qf_bpmn_inputs(&call, &instance, question->task, out);
    if (status != QF_OK)
        *err = call.err;
    return status;
}

const struct qf_json_member *qf_sealed_behind(const struct qf_json *revealed,
                                              const struct qf_json *commitment)
{
    if (revealed == NULL || revealed->type != QF_JSON_OBJECT || commitment->type != QF_JSON_STRING)
        return NULL;
    for (uint32_t i = 0; i < revealed->count; i++)
        if (revealed->members[i].value.type == QF_JSON_OBJECT &&
            qf_seal_check(qf_json_text(commitment), revealed->members[i].key,
                          &revealed->members[i].value, NULL) == QF_OK)
            return &revealed->members[i];
    return NULL;
}

/* Some value is given for the name, but it is another one than was sealed. */
static enum qf_status missing(const struct qf_json *revealed, struct qf_slice name,
                              struct qf_error *err)
{
    bool given = revealed != NULL && qf_json_get_slice(revealed, name) != NULL;
    enum qf_status status =
        given ? qf_fail(err, QF_INVALID, "", "value and salt are not those that were sealed")
              : qf_fail(err, QF_CANNOT_TELL, "",
                        "is sealed: its value and salt are needed, from who gave it");
    qf_error_within(err, "inputs.%.*s", QF_SLICE_ARGS(name));
    return status;
}

static enum qf_status open_inputs(struct qf_sealed_answer *out, struct qf_arena *arena,
                                  const struct qf_sealed_question *question,
                                  const struct qf_json *stand, struct qf_error *err)
{
    const struct qf_service_ruling *ruling =
        qf_service_ruling_of(question->model, out->node->ext.decision);
    out->inputs = out->values = qf_json_make_object();
    for (uint32_t i = 0; ruling != NULL && i < ruling->input_count; i++) {
        struct qf_slice name = qf_dmn_name(ruling->inputs[i]);
        const struct qf_json *value = qf_json_get_slice(stand, name);
        if (value == NULL || value->type == QF_JSON_NULL)
            continue;
        const char *key = qf_arena_text(arena, name);
        qf_json_put(arena, &out->inputs, key, *value);
        if (qf_service_input_sealed(question->model, out->node, name)) {
            const struct qf_json_member *behind = qf_sealed_behind(question->revealed, value);
            if (behind == NULL)
                return missing(question->revealed, name, err);
            value = qf_json_get(&behind->value, "value");
        }
        qf_json_put(arena, &out->values, key, *value);
    }
    return QF_OK;
}

enum qf_status qf_sealed_decide(struct qf_sealed_answer *out, struct qf_arena *arena,
                                const struct qf_sealed_question *question, struct qf_error *err)
{
    struct qf_json stand;
    struct qf_buf text = {0};
    const struct qf_service_moment moment = {.time_ms = question->time_ms, .zone = question->zone};
    *out = (struct qf_sealed_answer){0};
    enum qf_status status = inputs_of(&stand, &out->node, arena, question, err);
    if (status == QF_OK)
        status = open_inputs(out, arena, question, &stand, err);
    if (status == QF_OK)
        status = qf_service_evaluate(question->model, arena, &text, &out->outcome,
                                     out->node->ext.decision, &out->values, &moment, err);
    qf_buf_deinit(&text);
    if (status != QF_OK)
        return status;
    const struct qf_service_field *field =
        qf_service_field_of(question->model, out->node->ext.result);
    out->sealing = field != NULL && field->sealed ? field : NULL;
    return QF_OK;
}

void qf_sealed_put(struct qf_json *op, struct qf_arena *arena,
                   const struct qf_sealed_question *question, const struct qf_sealed_answer *answer,
                   const struct qf_json *commitment)
{
    QF_ASSERT((commitment != NULL) == (answer->sealing != NULL));
    qf_json_put(arena, op, "inputs", answer->inputs);
    qf_json_put(arena, op, "outcome", commitment != NULL ? *commitment : answer->outcome.value);
    qf_json_put(arena, op, "time", qf_json_make_int(question->time_ms));
    qf_json_put(arena, op, "trace",
                qf_json_make_text(qf_arena_printf(arena, "sha-256:%.*s", QF_DECISION_HASH_SIZE,
                                                  answer->outcome.hash)));
}
