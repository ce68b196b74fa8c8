#include "kernel/service/decision.h"

#include "codec/text.h"
#include "kernel/service/sealed.h"

#define SHOWN(slice) (int)((slice).size > 60 ? 60 : (slice).size), (const char *)(slice).data

/* ---- which inputs ---- */

void qf_service_rulings_init(struct qf_service_model *model)
{
    uint32_t count = model->dmn == NULL ? 0 : qf_dmn_count(model->dmn);
    model->rulings = QF_ARENA_ARRAY(&model->arena, struct qf_service_ruling, count + 1);
    for (uint32_t i = 0; i < count; i++) {
        const struct qf_dmn_element *decision = qf_dmn_at(model->dmn, i);
        if (qf_dmn_kind(decision) != QF_DMN_DECISION)
            continue;
        struct qf_service_ruling *ruling = &model->rulings[model->ruling_count++];
        bool *needed = QF_ARENA_ARRAY(&model->arena, bool, count);
        qf_dmn_needs(model->dmn, &model->arena, decision, needed);
        ruling->element = decision;
        ruling->inputs = QF_ARENA_ARRAY(&model->arena, const struct qf_dmn_element *, count);
        for (uint32_t k = 0; k < count; k++)
            if (needed[k] && qf_dmn_kind(qf_dmn_at(model->dmn, k)) == QF_DMN_INPUT)
                ruling->inputs[ruling->input_count++] = qf_dmn_at(model->dmn, k);
    }
}

const struct qf_service_ruling *qf_service_ruling_of(const struct qf_service_model *model,
                                                     struct qf_slice decision)
{
    for (uint32_t i = 0; i < model->ruling_count; i++)
        if (qf_slice_equal(qf_dmn_name(model->rulings[i].element), decision))
            return &model->rulings[i];
    return NULL;
}

bool qf_service_ruling_reads(const struct qf_service_ruling *ruling, struct qf_slice name)
{
    for (uint32_t i = 0; i < ruling->input_count; i++)
        if (qf_slice_equal(qf_dmn_name(ruling->inputs[i]), name))
            return true;
    return false;
}

/* ---- evaluation ---- */

static enum qf_status gather(const struct qf_service_ruling *ruling, struct qf_arena *arena,
                             struct qf_dmn_input **out, uint32_t *count, struct qf_json *used,
                             const struct qf_json *values, struct qf_error *err)
{
    *out = QF_ARENA_ARRAY(arena, struct qf_dmn_input, ruling->input_count + 1);
    *count = 0;
    *used = qf_json_make_object();
    for (uint32_t i = 0; i < ruling->input_count; i++) {
        const struct qf_dmn_element *element = ruling->inputs[i];
        struct qf_slice name = qf_dmn_name(element);
        const struct qf_json *value = qf_json_get_slice(values, name);
        if (value == NULL || value->type == QF_JSON_NULL)
            continue;
        struct qf_dmn_input *input = &(*out)[(*count)++];
        struct qf_error why = {0};
        input->element = element;
        if (!qf_dmn_value_from_json(arena, &input->value, value, qf_dmn_type(element), &why))
            return qf_fail(err, QF_RULE_ERROR, "", "input %.*s is not of its type: %s", SHOWN(name),
                           why.detail);
        qf_json_put(arena, used, qf_arena_text(arena, name), *value);
    }
    return QF_OK;
}

/* Writing is paid for, too: values share their parts, so that a few steps can make what would be
 * written for hours. `text` gets room for what is left of the steps. */
#define BYTES_A_STEP 128

static enum qf_status written(struct qf_buf *text, struct qf_service_outcome *out,
                              struct qf_slice decision, struct qf_error *err)
{
    enum qf_status status = qf_buf_status(text);
    out->steps += text->size / BYTES_A_STEP;
    if (status == QF_OVER_LIMIT)
        return qf_fail(err, QF_BUDGET, "", "decision %.*s: its outcome and trace go over the limit",
                       SHOWN(decision));
    QF_ASSERT(status == QF_OK);
    return QF_OK;
}

static enum qf_status give(struct qf_arena *arena, struct qf_buf *text,
                           struct qf_service_outcome *out, const struct qf_dmn_result *result,
                           struct qf_slice decision, struct qf_error *err)
{
    if (result->feel.value.kind == QF_FEEL_NULL)
        return qf_fail(err, QF_RULE_ERROR, "", "decision %.*s has no outcome: %s", SHOWN(decision),
                       result->feel.warning_count > 0 ? result->feel.warnings[0].message
                                                      : "no rule applies");
    uint8_t hash[QF_HASH_SIZE];
    qf_buf_reset(text);
    qf_dmn_trace_write(text, result->trace);
    enum qf_status status = written(text, out, decision, err);
    if (status != QF_OK)
        return status;
    out->trace = qf_arena_copy(arena, qf_buf_slice(text));
    qf_hash(QF_HASH_SHA256, hash, out->trace);
    qf_hex_encode(out->hash, qf_slice_make(hash, sizeof hash));
    qf_buf_reset(text);
    qf_feel_write_json(text, &result->feel.value);
    status = written(text, out, decision, err);
    if (status != QF_OK)
        return status;
    return qf_json_parse(arena, &out->value, qf_arena_copy(arena, qf_buf_slice(text)),
                         QF_JSON_CANONICAL, err);
}

enum qf_status qf_service_evaluate(const struct qf_service_model *model, struct qf_arena *arena,
                                   struct qf_buf *text, struct qf_service_outcome *out,
                                   struct qf_slice decision, const struct qf_json *values,
                                   const struct qf_service_moment *moment, struct qf_error *err)
{
    const struct qf_service_ruling *ruling = qf_service_ruling_of(model, decision);
    *out = (struct qf_service_outcome){0};
    if (ruling == NULL)
        return qf_fail(err, QF_NOT_FOUND, "decision", "the package has no decision %.*s",
                       SHOWN(decision));
    int64_t second = moment->time_ms / 1000 - (moment->time_ms % 1000 < 0);
    struct qf_feel_world world = {.now_seconds = second,
                                  .now_nanos =
                                      (uint32_t)(moment->time_ms - second * 1000) * 1000000,
                                  .zone = moment->zone,
                                  .steps_max = moment->steps_max};
    struct qf_dmn_options options = {.world = &world, .trace = true};
    struct qf_dmn_input *inputs;
    uint32_t count;
    enum qf_status status = gather(ruling, arena, &inputs, &count, &out->inputs, values, err);
    if (status != QF_OK)
        return status;
    struct qf_dmn_result *result = QF_ARENA_NEW(arena, struct qf_dmn_result);
    struct qf_error why = {0};
    status =
        qf_dmn_evaluate(model->dmn, ruling->element, arena, &options, inputs, count, result, &why);
    out->steps = status == QF_OK          ? result->feel.steps
                 : moment->steps_max == 0 ? QF_FEEL_STEPS_MAX
                                          : moment->steps_max;
    if (status != QF_OK)
        return qf_fail(err, status, "", "decision %.*s: %s", SHOWN(decision), why.detail);
    const size_t limit = text->limit;
    const size_t room = ((size_t)(QF_FEEL_STEPS_MAX - out->steps) + 1) * BYTES_A_STEP;
    QF_ASSERT(out->steps <= QF_FEEL_STEPS_MAX);
    qf_buf_reset(text);
    if (text->capacity > room) /* a limit counts from where there is no more room */
        qf_buf_deinit(text);
    text->limit = room;
    status = give(arena, text, out, result, decision, err);
    qf_buf_reset(text);
    text->limit = limit;
    return status;
}

/* A decision whose result is given takes it over when it is of its type, and warns when not. */
enum qf_status qf_service_check_outcome(const struct qf_service_model *model,
                                        struct qf_arena *arena, struct qf_slice decision,
                                        const struct qf_json *value, struct qf_error *err)
{
    const struct qf_service_ruling *ruling = qf_service_ruling_of(model, decision);
    QF_ASSERT(ruling != NULL);
    struct qf_feel_world world = {0};
    struct qf_dmn_options options = {.world = &world};
    struct qf_dmn_input given = {.element = ruling->element};
    struct qf_dmn_result *result = QF_ARENA_NEW(arena, struct qf_dmn_result);
    struct qf_error why = {0};
    if (value->type == QF_JSON_NULL)
        return qf_fail(err, QF_BAD_FIELD, "outcome", "a decision without an outcome is none");
    if (!qf_dmn_value_from_json(arena, &given.value, value, qf_dmn_type(ruling->element), &why))
        return qf_fail(err, QF_BAD_FIELD, "outcome", "is not of the type that %.*s gives: %s",
                       SHOWN(decision), why.detail);
    enum qf_status status =
        qf_dmn_evaluate(model->dmn, ruling->element, arena, &options, &given, 1, result, &why);
    if (status != QF_OK || result->feel.value.kind == QF_FEEL_NULL ||
        result->feel.warning_count > 0)
        return qf_fail(err, QF_BAD_FIELD, "outcome", "is not of the type that %.*s gives",
                       SHOWN(decision));
    return QF_OK;
}

/* ---- sealed inputs ---- */

/* The sealed field that an input of the task takes its commitment from; empty: it is open. */
static struct qf_slice sealed_source(const struct qf_service_model *model,
                                     const struct qf_bpmn_node *node, struct qf_slice input)
{
    const struct qf_bpmn_assigns *inputs = &node->ext.inputs;
    struct qf_slice none = {NULL, 0};
    if (inputs->count == 0) {
        const struct qf_service_field *field = qf_service_field_of(model, input);
        return field != NULL && field->sealed ? field->name : none;
    }
    for (uint32_t i = 0; i < inputs->count; i++)
        if (qf_slice_equal(inputs->items[i].name, input))
            return qf_bpmn_feel_sealed(&inputs->items[i].value);
    return none;
}

bool qf_service_input_sealed(const struct qf_service_model *model, const struct qf_bpmn_node *node,
                             struct qf_slice input)
{
    return sealed_source(model, node, input).size > 0;
}

/* ---- again ---- */

/* What is given for an input, by its own name or by that of the field that it comes from: so does
 * the participant have it who filled in the form. */
static const struct qf_json *revealed_of(const struct qf_json *revealed,
                                         const struct qf_json_member *sealed, struct qf_slice field)
{
    const struct qf_json *own = revealed == NULL ? NULL : qf_json_get_slice(revealed, sealed->key);
    const struct qf_json *other = revealed == NULL ? NULL : qf_json_get_slice(revealed, field);
    bool fits = other != NULL && sealed->value.type == QF_JSON_STRING &&
                qf_seal_check(qf_json_text(&sealed->value), field, other, NULL) == QF_OK;
    return fits || own == NULL ? other : own;
}

static enum qf_status unseal(const struct qf_service_model *model, struct qf_arena *arena,
                             struct qf_json *values, const struct qf_bpmn_node *node,
                             const struct qf_json_member *sealed, const struct qf_json *revealed,
                             struct qf_error *err)
{
    struct qf_slice field = sealed_source(model, node, sealed->key);
    const struct qf_json *own = revealed_of(revealed, sealed, field);
    enum qf_status status = QF_OK;
    if (sealed->value.type != QF_JSON_STRING || field.size == 0)
        status = qf_fail(err, QF_MALFORMED, "", "is no commitment of a sealed field");
    else if (own == NULL)
        status = qf_fail(err, QF_CANNOT_TELL, "", "is sealed: its salt and value are needed");
    else
        status = qf_seal_check(qf_json_text(&sealed->value), field, own, err);
    if (status != QF_OK) {
        qf_error_within(err, "inputs.%.*s", SHOWN(sealed->key));
        return status;
    }
    qf_json_put(arena, values, qf_arena_text(arena, sealed->key), *qf_json_get(own, "value"));
    return QF_OK;
}

static enum qf_status all_values(const struct qf_service_model *model, struct qf_arena *arena,
                                 struct qf_json *values, const struct qf_json *record,
                                 const struct qf_json *revealed, struct qf_error *err)
{
    const struct qf_json *open = qf_json_get(record, "inputs");
    const struct qf_json *sealed = qf_json_get(record, "sealed");
    *values = qf_json_make_object();
    for (uint32_t i = 0; open != NULL && i < open->count; i++)
        qf_json_put(arena, values, qf_arena_text(arena, open->members[i].key),
                    open->members[i].value);
    for (uint32_t i = 0; open == NULL && revealed != NULL && i < revealed->count; i++) {
        const struct qf_json *value = qf_json_get(&revealed->members[i].value, "value");
        bool is_sealed =
            sealed != NULL && qf_json_get_slice(sealed, revealed->members[i].key) != NULL;
        if (value != NULL && !is_sealed)
            qf_json_put(arena, values, qf_arena_text(arena, revealed->members[i].key), *value);
    }
    if (sealed == NULL)
        return QF_OK;
    struct qf_slice id;
    enum qf_status status = qf_json_get_text(record, "node", &id, err);
    if (status != QF_OK)
        return status;
    uint16_t node = qf_bpmn_find_node(&model->bpmn, id);
    if (node == QF_BPMN_NONE || sealed->type != QF_JSON_OBJECT)
        return qf_fail(err, QF_MALFORMED, "node", "the package has no such task");
    for (uint32_t i = 0; i < sealed->count && status == QF_OK; i++)
        status = unseal(model, arena, values, &model->bpmn.nodes[node], &sealed->members[i],
                        revealed, err);
    return status;
}

/* The sealed field that takes the outcome; NULL: it is open. */
static const struct qf_service_field *sealed_result(const struct qf_service_model *model,
                                                    const struct qf_json *record)
{
    const struct qf_json *id = qf_json_get(record, "node");
    uint16_t node = id == NULL || id->type != QF_JSON_STRING
                        ? QF_BPMN_NONE
                        : qf_bpmn_find_node(&model->bpmn, qf_json_text(id));
    const struct qf_service_field *field =
        node == QF_BPMN_NONE ? NULL
                             : qf_service_field_of(model, model->bpmn.nodes[node].ext.result);
    return field != NULL && field->sealed ? field : NULL;
}

/* What stands for the outcome in the record, in clear. `*out` NULL: it is sealed and was not
 * revealed; the trace, of which the outcome is part, says whether it is right. */
static enum qf_status recorded_outcome(const struct qf_service_model *model,
                                       const struct qf_json *record, const struct qf_json *revealed,
                                       const struct qf_json **out, struct qf_error *err)
{
    const struct qf_service_field *field = sealed_result(model, record);
    *out = qf_json_get(record, "outcome");
    if (*out == NULL || field == NULL)
        return QF_OK;
    const struct qf_json *own = revealed == NULL ? NULL : qf_json_get_slice(revealed, field->name);
    enum qf_status status = QF_OK;
    if ((*out)->type != QF_JSON_STRING)
        status = qf_fail(err, QF_MALFORMED, "", "is no commitment of a sealed field");
    else if (own != NULL)
        status = qf_seal_check(qf_json_text(*out), field->name, own, err);
    if (status != QF_OK)
        qf_error_within(err, "outcome");
    *out = own == NULL ? NULL : qf_json_get(own, "value");
    return status;
}

static enum qf_status compare(struct qf_arena *arena, struct qf_buf *text,
                              const struct qf_service_outcome *out, const struct qf_json *recorded,
                              struct qf_slice trace, struct qf_error *err)
{
    if (recorded != NULL) {
        qf_buf_reset(text);
        qf_json_write(text, recorded);
        struct qf_slice was = qf_arena_copy(arena, qf_buf_slice(text));
        qf_buf_reset(text);
        qf_json_write(text, &out->value);
        if (!qf_slice_equal(was, qf_buf_slice(text)))
            return qf_fail(err, QF_INVALID, "outcome", "was recorded as %.*s, it is %.*s",
                           SHOWN(was), SHOWN(qf_buf_slice(text)));
    }
    if (!qf_slice_equal(trace, qf_slice_make(out->hash, sizeof out->hash)))
        return qf_fail(err, QF_INVALID, "trace", "was recorded as %.*s, it is %.*s",
                       QF_SLICE_ARGS(trace), (int)sizeof out->hash, out->hash);
    return QF_OK;
}

enum qf_status qf_service_replay(const struct qf_service_model *model, struct qf_arena *arena,
                                 struct qf_buf *text, struct qf_service_outcome *out,
                                 const struct qf_json *record, const struct qf_json *revealed,
                                 struct qf_slice zone, struct qf_error *err)
{
    struct qf_slice decision, trace = {NULL, 0}, own_zone;
    struct qf_service_moment moment = {.zone = zone};
    struct qf_json values;
    *out = (struct qf_service_outcome){0};
    enum qf_status status = qf_json_get_text(record, "decision", &decision, err);
    if (status == QF_OK)
        status = qf_json_get_text(record, "trace", &trace, err);
    if (status == QF_OK)
        status = qf_json_get_int(record, "time", &moment.time_ms, err);
    if (status == QF_OK && qf_json_get(record, "zone") != NULL) {
        status = qf_json_get_text(record, "zone", &own_zone, err);
        if (status == QF_OK)
            moment.zone = own_zone;
    }
    if (status == QF_OK && trace.size != sizeof out->hash)
        status = qf_fail(err, QF_MALFORMED, "trace", "is no SHA-256 in hex");
    if (status == QF_OK)
        status = all_values(model, arena, &values, record, revealed, err);
    if (status == QF_OK)
        status = qf_service_evaluate(model, arena, text, out, decision, &values, &moment, err);
    const struct qf_json *recorded;
    if (status == QF_OK)
        status = recorded_outcome(model, record, revealed, &recorded, err);
    return status == QF_OK ? compare(arena, text, out, recorded, trace, err) : status;
}
