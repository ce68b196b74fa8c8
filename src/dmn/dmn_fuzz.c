/* Any bytes as a DMN model: compiled, and every decision evaluated with its trace. */
#include "dmn/dmn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct qf_arena arena = {0};
    struct qf_dmn_model *model = NULL;
    struct qf_dmn_file file = {"fuzz.dmn", {data, size}};
    struct qf_feel_world world = {.now_seconds = 1795228200, .steps_max = 2000};
    struct qf_dmn_options options = {&world, true};
    if (size < 65536 && qf_dmn_compile(&arena, &model, &file, 1, NULL, NULL) == QF_OK) {
        struct qf_buf buf;
        qf_buf_init(&buf, 1 << 20);
        for (uint32_t i = 0; i < 20; i++) {
            const struct qf_dmn_element *element = qf_dmn_at(model, i);
            struct qf_dmn_result result;
            if (element == NULL)
                break;
            if (qf_dmn_kind(element) == QF_DMN_DECISION &&
                qf_dmn_evaluate(model, element, &arena, &options, NULL, 0, &result, NULL) == QF_OK)
                qf_dmn_trace_write(&buf, result.trace);
            qf_buf_reset(&buf);
        }
        qf_buf_deinit(&buf);
    }
    qf_arena_deinit(&arena);
    return 0;
}
