/* Any JSON as a schema: refused with places, or judging other JSON without trouble. The input is
 * the schema, a newline, and a value. */
#include "kernel/form.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take(void *self, const char *pointer, const char *message)
{
    QF_ASSERT((pointer[0] == '\0' || pointer[0] == '/') && message[0] != '\0');
    ++*(uint32_t *)self;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *line = size > 0 ? memchr(data, '\n', size) : NULL;
    struct qf_slice first = qf_slice_make(data, line != NULL ? (size_t)(line - data) : size);
    struct qf_slice second = qf_slice_make("{}", 2);
    if (line != NULL)
        second = qf_slice_make(line + 1, size - first.size - 1);
    struct qf_arena arena = {0};
    struct qf_json schema, value;
    uint32_t told = 0;
    if (qf_json_parse(&arena, &schema, first, QF_JSON_ANY, NULL) == QF_OK &&
        qf_json_parse(&arena, &value, second, QF_JSON_ANY, NULL) == QF_OK) {
        struct qf_error err = {0};
        uint32_t found = qf_form_check(&schema, take, &told);
        QF_ASSERT(found == told);
        if (found == 0) {
            enum qf_status status = qf_form_validate(&schema, &value, &err);
            QF_ASSERT(status == QF_OK || status == QF_BAD_FIELD || status == QF_OVER_LIMIT);
            QF_ASSERT(status == QF_OK || err.detail[0] != '\0');
        }
    }
    qf_arena_deinit(&arena);
    return 0;
}
