/* Two header fields, a newline between them: a signature with its base, or a refusal. */
#include "codec/http_sig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool value_of(void *arg, struct qf_slice component, struct qf_slice *value)
{
    (void)arg;
    *value = component;
    return component.data[0] != '@' || component.size > 2;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *line = size > 0 ? memchr(data, '\n', size) : NULL;
    size_t first = line != NULL ? (size_t)(line - data) : size;
    struct qf_slice input = {data, first};
    struct qf_slice signature = {line != NULL ? line + 1 : data,
                                 line != NULL ? size - first - 1 : 0};
    struct qf_http_sig sig;
    struct qf_error err = {0};
    enum qf_status status = qf_http_sig_parse(&sig, input, signature, &err);
    if (status != QF_OK) {
        QF_ASSERT(err.status == status && err.field[0] != '\0');
        return 0;
    }
    QF_ASSERT(sig.params.data > input.data && sig.params.data[0] == '(');
    struct qf_buf base = {0};
    if (qf_http_sig_put_base(&base, &sig, value_of, NULL, &err) == QF_OK)
        for (size_t i = 0, lines = 0; i < base.size; i++) {
            lines += base.data[i] == '\n';
            QF_ASSERT(lines <= sig.component_count); /* no component brings a line of its own */
        }
    qf_buf_deinit(&base);
    return 0;
}
