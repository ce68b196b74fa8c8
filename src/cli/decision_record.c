/* qifeng decision record: a sealed decision, made by the participant who holds the values. */
#include <stdio.h>

#include "cli/decision.h"
#include "service/sealed.h"

/* Nobody's clock is quite right: what the ledger wants is a time that is over for it. */
#define CLOCK_SLACK_MS 5000

static enum qf_status state_of(struct qf_remote *remote, struct qf_json *out, bool *there,
                               const char *key, struct qf_error *err)
{
    struct qf_json proof;
    struct qf_slice value;
    enum qf_status status = qf_remote_get(remote, &proof, err, "/v1/state/%s", key);
    *there = status == QF_OK && qf_json_get_text(&proof, "value", &value, NULL) == QF_OK;
    return *there ? qf_json_parse(&remote->arena, out, value, QF_JSON_ANY, err) : status;
}

/* What now() and today() are to give. */
static enum qf_status moment(struct qf_remote *remote, int64_t *time_ms, struct qf_slice *zone,
                             struct qf_error *err)
{
    struct qf_json network, parameters;
    int64_t head_ms = 0;
    bool there;
    const struct qf_clock clock = qf_clock_system();
    *time_ms = clock.now_ms(clock.self) - CLOCK_SLACK_MS;
    *zone = qf_slice_of(QF_SERVICE_ZONE);
    enum qf_status status = qf_remote_get(remote, &network, err, "/v1/network");
    if (status == QF_OK)
        status = qf_json_get_int(&network, "time", &head_ms, err);
    if (status == QF_OK)
        status = state_of(remote, &parameters, &there, "consortium/parameters", err);
    if (status != QF_OK)
        return status;
    if (*time_ms < head_ms)
        *time_ms = head_ms;
    if (there && qf_json_get(&parameters, "zone") != NULL)
        status = qf_json_get_text(&parameters, "zone", zone, err);
    return status;
}

/* The item that will stand in the case, for showing what was decided and why. */
static struct qf_json make_item(struct qf_remote *remote, const struct qf_sealed_question *question,
                                const struct qf_sealed_answer *answer, const struct qf_json *op)
{
    struct qf_arena *arena = &remote->arena;
    struct qf_json item = qf_json_make_object();
    struct qf_json open = qf_json_make_object(), sealed = qf_json_make_object();
    for (uint32_t i = 0; i < answer->inputs.count; i++) {
        const struct qf_json_member *input = &answer->inputs.members[i];
        bool closed = qf_service_input_sealed(question->model, answer->node, input->key);
        qf_json_put(arena, closed ? &sealed : &open, qf_arena_text(arena, input->key),
                    input->value);
    }
    qf_json_put(arena, &item, "decision", qf_json_make_slice(answer->node->ext.decision));
    if (open.count > 0)
        qf_json_put(arena, &item, "inputs", open);
    qf_json_put(arena, &item, "node", qf_json_make_slice(answer->node->id));
    qf_json_put(arena, &item, "outcome", *qf_json_get(op, "outcome"));
    if (sealed.count > 0)
        qf_json_put(arena, &item, "sealed", sealed);
    qf_json_put(arena, &item, "task", qf_json_make_int(question->task));
    qf_json_put(arena, &item, "time", qf_json_make_int(question->time_ms));
    qf_json_put(arena, &item, "trace",
                qf_json_make_slice(qf_slice_make(answer->outcome.hash, QF_DECISION_HASH_SIZE)));
    qf_json_put(arena, &item, "zone", qf_json_make_slice(question->zone));
    return item;
}

static enum qf_status make_op(struct qf_remote *remote, struct qf_json *op,
                              const struct qf_decision_request *request,
                              const struct qf_sealed_question *question,
                              const struct qf_sealed_answer *answer, struct qf_error *err)
{
    struct qf_json commitment = answer->outcome.value;
    if (answer->sealing != NULL && request->reveal == NULL && !request->dry)
        return qf_fail(err, QF_USAGE, "--reveal",
                       "the outcome becomes the sealed field %.*s: name the file that keeps its "
                       "value and salt",
                       QF_SLICE_ARGS(answer->sealing->name));
    if (answer->sealing != NULL) {
        enum qf_status status = qf_remote_seal(remote, &commitment, answer->sealing->name,
                                               request->dry ? NULL : request->reveal, err);
        if (status != QF_OK)
            return status;
    }
    qf_json_put(&remote->arena, op, "op", qf_json_make_text("service.decision.record"));
    qf_json_put(&remote->arena, op, "task", qf_json_make_int(question->task));
    qf_sealed_put(op, &remote->arena, question, answer,
                  answer->sealing != NULL ? &commitment : NULL);
    return QF_OK;
}

static void tell(struct qf_remote *remote, const struct qf_decision_request *request,
                 const struct qf_json *item, const struct qf_sealed_answer *answer,
                 struct qf_json revealed, const char *id)
{
    struct qf_error why = {0};
    /* The outcome is known here, though it is sealed for others. */
    if (!request->json) {
        printf("%s %s\n", request->dry ? "would be recorded in" : "recorded in", id);
        qf_case_print_decision(remote, item, &revealed);
        if (answer->sealing != NULL)
            printf("      %s = %s\n", qf_remote_field(remote, answer->sealing->name),
                   qf_remote_value(remote, &answer->outcome.value));
        if (!request->dry)
            printf("  tx    %s\n  leaf  %lld\n", remote->answer.id, (long long)remote->answer.leaf);
        return;
    }
    struct qf_json out = qf_case_explain(remote, item, &revealed, &why);
    qf_json_put(&remote->arena, &out, "case", qf_json_make_text(id));
    qf_json_put(&remote->arena, &out, "outcome", answer->outcome.value);
    qf_json_put(&remote->arena, &out, "recorded", qf_json_make_bool(!request->dry));
    if (!request->dry) {
        qf_json_put(&remote->arena, &out, "leaf", qf_json_make_int(remote->answer.leaf));
        qf_json_put(&remote->arena, &out, "tx", qf_json_make_text(remote->answer.id));
    }
    qf_cli_print_json(&out);
}

enum qf_status qf_decision_record(struct qf_remote *remote,
                                  const struct qf_decision_request *request, const char *ref,
                                  struct qf_error *err)
{
    struct qf_json task, record, revealed, op = qf_json_make_object();
    struct qf_sealed_question question = {0};
    struct qf_sealed_answer answer;
    bool there = false;
    enum qf_status status = qf_case_find_task(remote, &task, ref, err);
    if (status == QF_OK && qf_json_get(&task, "decision") == NULL)
        status = qf_fail(err, QF_WRONG_STATE, "TASK",
                         "is not a sealed decision; qifeng task complete %s does it", ref);
    if (status == QF_OK)
        status = qf_remote_revealed(remote, &revealed, request->inputs, err);
    if (status == QF_OK)
        status = moment(remote, &question.time_ms, &question.zone, err);
    if (status != QF_OK)
        return status;
    const char *id = qf_remote_value(remote, qf_json_get(&task, "case"));
    status = state_of(remote, &record, &there,
                      qf_arena_printf(&remote->arena, "service/case/%s", id), err);
    if (status == QF_OK && !there)
        status = qf_fail(err, QF_NOT_FOUND, "CASE", "there is no such case");
    if (status != QF_OK)
        return status;
    question.model = remote->model;
    question.record = &record;
    question.revealed = &revealed;
    question.task = (uint32_t)qf_json_get(&task, "task")->integer;
    status = qf_sealed_decide(&answer, &remote->arena, &question, err);
    if (status == QF_CANNOT_TELL)
        qf_error_within(err, "--inputs");
    qf_json_put(&remote->arena, &op, "case", qf_json_make_text(id));
    if (status == QF_OK)
        status = make_op(remote, &op, request, &question, &answer, err);
    if (status == QF_OK && !request->dry)
        status = qf_remote_send(remote, op, err);
    if (status != QF_OK)
        return status;
    struct qf_json item = make_item(remote, &question, &answer, &op);
    tell(remote, request, &item, &answer, revealed, id);
    return QF_OK;
}
