/* Sealed fields in a scenario: it says the values; what goes onto the ledger are commitments, and
 * the decisions over them are made here, as the responsible participant would. */
#include <stdio.h>

#include "codec/text.h"
#include "kernel/service/decision.h"
#include "kernel/service/sealed.h"
#include "service/play_internal.h"

/* The revealed values of a case, to which one is added. */
static void keep(struct qf_play *play, struct qf_slice case_id, struct qf_slice name,
                 const char *salt, const struct qf_json *value)
{
    struct qf_json one = qf_json_make_object(), all = qf_json_make_object();
    const struct qf_json *before = qf_json_get_slice(&play->revealed, case_id);
    if (before != NULL)
        for (uint32_t i = 0; i < before->count; i++)
            qf_json_put(&play->arena, &all, qf_arena_text(&play->arena, before->members[i].key),
                        before->members[i].value);
    qf_json_put(&play->arena, &one, "salt", qf_json_make_text(salt));
    qf_json_put(&play->arena, &one, "value", *value);
    qf_json_put(&play->arena, &all, qf_arena_text(&play->arena, name), one);
    qf_json_put(&play->arena, &play->revealed, qf_arena_text(&play->arena, case_id), all);
}

/* A commitment with a salt of its own; salts count up, so that a scenario always gives the same. */
static enum qf_status commit(struct qf_play *play, struct qf_json *out, struct qf_slice case_id,
                             struct qf_slice name, const struct qf_json *value,
                             struct qf_error *err)
{
    char *text = qf_arena_alloc(&play->arena, QF_SEAL_TEXT_SIZE);
    size_t size = QF_BASE64URL_SIZE(sizeof play->salt);
    char *salt = qf_arena_alloc(&play->arena, size + 1);
    for (size_t i = 0; i < sizeof play->salt && ++play->salt[i] == 0; i++)
        continue;
    struct qf_slice bytes = qf_slice_make(play->salt, sizeof play->salt);
    qf_base64url_encode(salt, bytes);
    salt[size] = '\0';
    enum qf_status status = qf_seal(text, QF_HASH_SHA256, bytes, name, value, err);
    if (status != QF_OK)
        return status;
    keep(play, case_id, name, salt, value);
    *out = qf_json_make_text(text);
    return QF_OK;
}

enum qf_status qf_play_seal(struct qf_play *play, struct qf_json *data, struct qf_slice case_id,
                            struct qf_error *err)
{
    struct qf_json out = qf_json_make_object();
    for (uint32_t i = 0; i < data->count; i++) {
        const struct qf_json_member *member = &data->members[i];
        const struct qf_service_field *field =
            qf_service_field_of(play->folder->model, member->key);
        struct qf_json value = member->value;
        if (field != NULL && field->sealed && value.type != QF_JSON_NULL) {
            enum qf_status status = commit(play, &value, case_id, member->key, &member->value, err);
            if (status != QF_OK)
                return status;
        }
        qf_json_put(&play->arena, &out, qf_arena_text(&play->arena, member->key), value);
    }
    *data = out;
    return QF_OK;
}

/* What stands in the case for a task: read from its record, as any participant can. */
static enum qf_status inputs_of(struct qf_play *play, struct qf_json *out, uint16_t *node,
                                struct qf_slice case_id, int64_t task, struct qf_error *err)
{
    const struct qf_service_model *model = play->folder->model;
    struct qf_bpmn_instance instance;
    struct qf_state_reader reader = qf_world_reader(play->world);
    struct qf_state_key at;
    struct qf_buf text = {0};
    qf_state_key_make(&at, QF_STATE_CASE, case_id);
    const struct qf_json *record = qf_record_get(&reader, &play->arena, &at);
    if (record == NULL)
        return qf_fail(err, QF_NOT_FOUND, "case", "there is no such case");
    qf_json_write(&text, qf_json_get(record, "instance"));
    enum qf_status status = qf_bpmn_decode(&play->arena, &instance, &model->bpmn,
                                           qf_arena_copy(&play->arena, qf_buf_slice(&text)), err);
    qf_buf_deinit(&text);
    const struct qf_bpmn_wait *wait =
        status == QF_OK ? qf_bpmn_wait_of(&instance, (uint32_t)task) : NULL;
    if (status != QF_OK || wait == NULL)
        return qf_fail(err, QF_NOT_FOUND, "task", "the case has no such task");
    const struct qf_calendar calendar = {.rest = 0x60, .offset_minutes = QF_SERVICE_ZONE_MINUTES};
    struct qf_bpmn_call call = {.program = &model->program,
                                .arena = &play->arena,
                                .calendar = &calendar,
                                .now_ms = qf_world_time_ms(play->world),
                                .steps = QF_BPMN_STEPS_MAX};
    *node = wait->node;
    status = qf_bpmn_inputs(&call, &instance, (uint32_t)task, out);
    if (status != QF_OK)
        *err = call.err;
    return status;
}

/* The value behind a commitment, whichever field it was given for. */
static const struct qf_json_member *revealed_by(const struct qf_play *play, struct qf_slice case_id,
                                                const struct qf_json *commitment)
{
    const struct qf_json *all = qf_json_get_slice(&play->revealed, case_id);
    for (uint32_t i = 0; all != NULL && commitment->type == QF_JSON_STRING && i < all->count; i++)
        if (qf_seal_check(qf_json_text(commitment), all->members[i].key, &all->members[i].value,
                          NULL) == QF_OK)
            return &all->members[i];
    return NULL;
}

static enum qf_status open_inputs(struct qf_play *play, const struct qf_bpmn_node *node,
                                  struct qf_slice case_id, const struct qf_json *values,
                                  struct qf_json *given, struct qf_json *open, struct qf_error *err)
{
    const struct qf_service_model *model = play->folder->model;
    const struct qf_service_ruling *ruling = qf_service_ruling_of(model, node->ext.decision);
    *given = qf_json_make_object();
    *open = qf_json_make_object();
    for (uint32_t i = 0; ruling != NULL && i < ruling->input_count; i++) {
        struct qf_slice name = qf_dmn_name(ruling->inputs[i]);
        const struct qf_json *value = qf_json_get_slice(values, name);
        if (value == NULL || value->type == QF_JSON_NULL)
            continue;
        const char *key = qf_arena_text(&play->arena, name);
        qf_json_put(&play->arena, given, key, *value);
        if (qf_service_input_sealed(model, node, name)) {
            const struct qf_json_member *behind = revealed_by(play, case_id, value);
            if (behind == NULL)
                return qf_fail(err, QF_CANNOT_TELL, key, "its value was never given in clear");
            value = qf_json_get(&behind->value, "value");
            keep(play, case_id, name,
                 qf_arena_text(&play->arena, qf_json_text(qf_json_get(&behind->value, "salt"))),
                 value);
        }
        qf_json_put(&play->arena, open, key, *value);
    }
    return QF_OK;
}

enum qf_status qf_play_decide(struct qf_play *play, struct qf_json *op, struct qf_slice case_id,
                              int64_t task, struct qf_error *err)
{
    const struct qf_service_model *model = play->folder->model;
    struct qf_json values, given, open;
    struct qf_service_outcome outcome;
    struct qf_buf text = {0};
    uint16_t at = 0;
    const struct qf_service_moment moment = {.time_ms = qf_world_time_ms(play->world),
                                             .zone = qf_slice_of(QF_SERVICE_ZONE)};
    enum qf_status status = inputs_of(play, &values, &at, case_id, task, err);
    const struct qf_bpmn_node *node = &model->bpmn.nodes[at];
    if (status == QF_OK)
        status = open_inputs(play, node, case_id, &values, &given, &open, err);
    if (status == QF_OK)
        status = qf_service_evaluate(model, &play->arena, &text, &outcome, node->ext.decision,
                                     &open, &moment, err);
    qf_buf_deinit(&text);
    if (status != QF_OK)
        return status;
    const struct qf_service_field *field = qf_service_field_of(model, node->ext.result);
    struct qf_json value = outcome.value;
    if (field != NULL && field->sealed)
        status = commit(play, &value, case_id, field->name, &outcome.value, err);
    qf_json_put(&play->arena, op, "inputs", given);
    qf_json_put(&play->arena, op, "outcome", value);
    qf_json_put(&play->arena, op, "time", qf_json_make_int(moment.time_ms));
    qf_json_put(&play->arena, op, "trace",
                qf_json_make_text(qf_arena_printf(&play->arena, "sha-256:%.*s",
                                                  QF_DECISION_HASH_SIZE, outcome.hash)));
    return status;
}
