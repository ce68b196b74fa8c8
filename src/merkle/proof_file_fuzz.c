/* A receipt file that parses goes together again to the same bytes. */
#include "merkle/proof_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct qf_arena arena = {0};
    struct qf_error err;
    struct qf_proof_file file;
    if (qf_proof_file_parse(&arena, &file, qf_slice_make(data, size), &err) == QF_OK) {
        struct qf_buf buf = {0};
        QF_ASSERT(qf_proof_file_put(&buf, &file) == QF_OK);
        QF_ASSERT(qf_slice_equal(qf_buf_slice(&buf), qf_slice_make(data, size)));
        QF_ASSERT(file.index < file.checkpoint.size);
        qf_buf_deinit(&buf);
    }
    qf_arena_deinit(&arena);
    return 0;
}
