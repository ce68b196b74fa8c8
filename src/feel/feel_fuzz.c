/* Any text as an expression and as unary tests: compiled, evaluated, written. */
#include "feel/feel.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct qf_arena arena = {0};
    struct qf_buf buf;
    struct qf_feel_program program;
    struct qf_feel_result result;
    struct qf_feel_world world = {.now_seconds = 1795228200, .steps_max = 5000};
    const struct qf_feel_variable variables[] = {
        {qf_slice_of("a"), qf_feel_type_of_kind(QF_FEEL_NUMBER)}, {qf_slice_of("long name"), NULL}};
    const struct qf_feel_value values[] = {qf_feel_int(7), qf_feel_text(qf_slice_of("text"))};
    struct qf_slice text = {data, size};
    qf_buf_init(&buf, 1 << 20);
    if (size < 4096) {
        if (qf_feel_compile(&arena, &program, text, variables, 2, NULL, NULL) == QF_OK &&
            qf_feel_evaluate(&program, &arena, &world, values, &result, NULL) == QF_OK) {
            qf_feel_write(&buf, &result.value, true);
            qf_buf_reset(&buf);
            qf_feel_write_json(&buf, &result.value);
            (void)qf_feel_copy(&arena, &result.value);
        }
        if (qf_feel_compile_tests(&arena, &program, text, &qf_feel_type_any, variables, 2, NULL,
                                  NULL) == QF_OK) {
            (void)!qf_feel_test(&program, &arena, &world, &values[0], values, &result, NULL);
            (void)!qf_feel_test(&program, &arena, &world, &values[1], values, &result, NULL);
        }
    }
    qf_buf_deinit(&buf);
    qf_arena_deinit(&arena);
    return 0;
}
