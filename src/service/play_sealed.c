/* Sealed fields in a scenario: it says the values; what goes onto the ledger are commitments, and
 * the decisions over them are made here, as the responsible participant would. */
#include <stdio.h>

#include "codec/text.h"
#include "kernel/service/sealed.h"
#include "service/play_internal.h"
#include "service/sealed.h"

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
            enum qf_status status = qf_service_check_clear(play->folder->model, &play->arena,
                                                           member, (struct qf_slice){0}, err);
            if (status == QF_OK)
                status = commit(play, &value, case_id, member->key, &member->value, err);
            if (status != QF_OK)
                return status;
        }
        qf_json_put(&play->arena, &out, qf_arena_text(&play->arena, member->key), value);
    }
    *data = out;
    return QF_OK;
}

enum qf_status qf_play_decide(struct qf_play *play, struct qf_json *op, struct qf_slice case_id,
                              int64_t task, struct qf_error *err)
{
    struct qf_state_reader reader = qf_world_reader(play->world);
    struct qf_state_key at;
    qf_state_key_make(&at, QF_STATE_CASE, case_id);
    const struct qf_sealed_question question = {.model = play->folder->model,
                                                .record = qf_record_get(&reader, &play->arena, &at),
                                                .task = (uint32_t)task,
                                                .revealed =
                                                    qf_json_get_slice(&play->revealed, case_id),
                                                .time_ms = qf_world_time_ms(play->world),
                                                .zone = qf_slice_of(QF_SERVICE_ZONE)};
    struct qf_sealed_answer answer;
    struct qf_json commitment;
    if (question.record == NULL)
        return qf_fail(err, QF_NOT_FOUND, "case", "there is no such case");
    enum qf_status status = qf_sealed_decide(&answer, &play->arena, &question, err);
    if (status != QF_OK)
        return status;
    if (answer.sealing != NULL)
        status =
            commit(play, &commitment, case_id, answer.sealing->name, &answer.outcome.value, err);
    if (status == QF_OK)
        qf_sealed_put(op, &play->arena, &question, &answer,
                      answer.sealing != NULL ? &commitment : NULL);
    return status;
}
