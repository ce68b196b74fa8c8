/* What is read from YAML is a value that JSON can write and read back, and every place has a line
 * within the file. */
#include "codec/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct qf_arena arena = {0};
    struct qf_error err = {0};
    struct qf_yaml yaml;
    enum qf_status status = qf_yaml_parse(&arena, &yaml, qf_slice_make(data, size), &err);
    QF_ASSERT(status == QF_OK || err.field[0] != '\0');
    if (status == QF_OK) {
        struct qf_buf once = {0};
        struct qf_buf twice = {0};
        struct qf_json again;
        qf_json_write(&once, &yaml.value);
        status = qf_json_parse(&arena, &again, qf_buf_slice(&once), QF_JSON_CANONICAL, &err);
        QF_ASSERT(status == QF_OK);
        qf_json_write(&twice, &again);
        QF_ASSERT(qf_slice_equal(qf_buf_slice(&once), qf_buf_slice(&twice)));
        QF_ASSERT(qf_yaml_line(&yaml, "a[0].b") <= size + 1);
        qf_buf_deinit(&once);
        qf_buf_deinit(&twice);
    }
    qf_arena_deinit(&arena);
    return 0;
}
