/* A JWS that is taken apart goes together again to the same bytes. */
#include "codec/jws.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct qf_arena arena = {0};
    struct qf_error err;
    struct qf_jws jws;
    if (qf_jws_decode(&arena, &jws, qf_slice_make(data, size), &err) == QF_OK) {
        struct qf_buf buf = {0};
        qf_jws_put_signing_input(&buf, qf_arena_text(&arena, jws.alg), jws.kid,
                                 qf_arena_text(&arena, jws.typ), jws.payload);
        qf_jws_put_signature(&buf, jws.signature);
        QF_ASSERT(qf_slice_equal(qf_buf_slice(&buf), qf_slice_make(data, size)));
        qf_buf_deinit(&buf);
    }
    qf_arena_deinit(&arena);
    return 0;
}
