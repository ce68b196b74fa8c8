/* Any bytes as node.yaml: settings, or a refusal that names the file's line. */
#include "node/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct qf_arena arena = {0};
    struct qf_config config;
    struct qf_error err = {0};
    enum qf_status status =
        qf_config_parse(&arena, &config, "/folder", qf_slice_make(data, size), &err);
    if (status == QF_OK)
        QF_ASSERT(config.listen != NULL && config.note_key != NULL);
    else
        QF_ASSERT(err.status == status && strncmp(err.field, "node.yaml", 9) == 0);
    qf_arena_deinit(&arena);
    return 0;
}
