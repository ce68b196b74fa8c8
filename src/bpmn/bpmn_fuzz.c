/* Any bytes as a model: import refuses or reads; what is written reads back as the same document;
 * the checks end; and a model that they let pass is executed for some steps, chosen by the input,
 * with every state encoded and read again. */
#include <stdio.h>
#include <stdlib.h>

#include "bpmn/check.h"
#include "bpmn/replay.h"
#include "bpmn/test_expr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct bytes {
    const uint8_t *data;
    size_t size;
    uint8_t state;
};

static uint8_t next_byte(struct bytes *bytes)
{
    bytes->state = (uint8_t)(bytes->state * 5 + 1);
    if (bytes->size == 0)
        return bytes->state;
    bytes->size--;
    return (uint8_t)(*bytes->data++ ^ bytes->state);
}

static void reload(struct qf_arena *arena, struct qf_bpmn_instance *instance,
                   const struct qf_bpmn_model *model)
{
    struct qf_buf first = {0}, second = {0};
    struct qf_bpmn_instance again;
    struct qf_error err = {0};
    qf_bpmn_encode(&first, instance);
    if (first.size <= QF_BPMN_CASE_SIZE_MAX) {
        struct qf_slice text = qf_arena_copy(arena, qf_buf_slice(&first));
        QF_ASSERT(qf_bpmn_decode(arena, &again, model, text, &err) == QF_OK);
        qf_bpmn_encode(&second, &again);
        QF_ASSERT(qf_slice_equal(qf_buf_slice(&first), qf_buf_slice(&second)));
        *instance = again;
    }
    qf_buf_deinit(&first);
    qf_buf_deinit(&second);
}

static enum qf_status act(struct qf_bpmn_call *call, struct qf_bpmn_instance *instance,
                          const struct qf_bpmn_answer *answer, struct bytes *bytes)
{
    const struct qf_bpmn_model *model = call->program->model;
    uint32_t wait = 0;
    if (instance->wait_count > 0)
        wait = instance->waits[next_byte(bytes) % instance->wait_count].id;
    const struct qf_slice name = model->nodes[next_byte(bytes) % model->node_count].id;
    switch (next_byte(bytes) % 8) {
    case 0:
        call->now_ms += 86400000LL * next_byte(bytes);
        return qf_bpmn_tick(call, instance);
    case 1:
        return qf_bpmn_throw(call, instance, wait, name);
    case 2:
        return qf_bpmn_message(call, instance,
                               model->nodes[next_byte(bytes) % model->node_count].message, answer);
    case 3:
        return qf_bpmn_begin(call, instance, wait, name);
    case 4:
        return qf_bpmn_claim(call, instance, wait, answer->actor);
    default:
        return qf_bpmn_complete(call, instance, wait, answer);
    }
}

static void execute(struct qf_arena *arena, const struct qf_bpmn_program *program,
                    struct bytes *bytes)
{
    static const char *const actors[] = {"a", "b", "c", ""};
    const struct qf_bpmn_model *model = program->model;
    struct qf_calendar calendar = {.rest = 0x60, .offset_minutes = 480};
    struct qf_bpmn_instance instance;
    struct qf_bpmn_call call = {.program = program, .arena = arena, .calendar = &calendar};
    call.steps = 300;
    if (qf_bpmn_open(&call, &instance, QF_BPMN_NONE, QF_BPMN_NONE, NULL) != QF_OK)
        return;
    for (int turn = 0; turn < 20 && instance.state == QF_BPMN_RUNNING; turn++) {
        struct qf_slice flows[3];
        struct qf_json data = qf_json_make_object();
        qf_json_put(arena, &data, "x", qf_json_make_int(next_byte(bytes)));
        struct qf_bpmn_answer answer = {
            .actor = qf_slice_of(actors[next_byte(bytes) % 4]), .data = &data, .flows = flows};
        answer.flow_count = next_byte(bytes) % 4;
        for (uint32_t i = 0; i < answer.flow_count; i++)
            flows[i] = model->flow_count == 0
                           ? qf_slice_of("f")
                           : model->flows[next_byte(bytes) % model->flow_count].id;
        call.steps = 300;
        call.trace = (next_byte(bytes) & 1) != 0;
        enum qf_status status = act(&call, &instance, &answer, bytes);
        QF_ASSERT(status < QF_IO);
        reload(arena, &instance, model);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct qf_arena arena = {0};
    struct qf_bpmn_model model, again;
    struct qf_error err = {0};
    if (size > 1 << 16)
        return 0;
    if (qf_bpmn_import(&arena, &model, qf_slice_make(data, size), &err) == QF_OK) {
        struct qf_buf out = {0};
        qf_bpmn_write(&out, &model);
        if (qf_bpmn_import(&arena, &again, qf_buf_slice(&out), &err) != QF_OK ||
            !qf_xml_equal(model.root, again.root, &err) ||
            again.problem_count != model.problem_count) {
            fprintf(stderr, "what was written reads differently: %s: %s\n", err.field, err.detail);
            abort();
        }
        struct qf_bpmn_program program;
        struct qf_bpmn_soundness soundness;
        qf_bpmn_prepare(&program, &model, test_expr);
        qf_bpmn_check(&program, &model, NULL, 200, &soundness);
        struct bytes bytes = {data, size, (uint8_t)size};
        if (model.main != QF_BPMN_NONE && model.node_count > 0) {
            execute(&arena, &program, &bytes);
            struct qf_slice names[4];
            struct qf_bpmn_replay replay;
            struct qf_bpmn_replayer *replayer = qf_bpmn_replayer_new(&model);
            for (int i = 0; i < 4; i++)
                names[i] = model.nodes[next_byte(&bytes) % model.node_count].name;
            QF_ASSERT(qf_bpmn_replay(replayer, &arena, &replay, names, 4, &err) <= QF_OVER_LIMIT);
            qf_bpmn_replayer_free(replayer);
        }
        qf_buf_deinit(&out);
    }
    qf_arena_deinit(&arena);
    return 0;
}
