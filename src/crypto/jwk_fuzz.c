/* Any JSON as a public key: what is taken comes out again as the same key. */
#include "crypto/key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct qf_arena arena = {0};
    struct qf_json jwk;
    struct qf_public_key key, again;
    struct qf_error err = {0};
    char kid[QF_KID_SIZE + 1];
    if (qf_json_parse(&arena, &jwk, qf_slice_make(data, size), QF_JSON_ANY, &err) == QF_OK) {
        if (qf_public_key_from_jwk(&key, &jwk, &err) == QF_OK) {
            struct qf_json made = qf_public_key_to_jwk(&arena, &key);
            QF_ASSERT(qf_public_key_from_jwk(&again, &made, &err) == QF_OK);
            QF_ASSERT(qf_public_key_equal(&key, &again));
            qf_public_key_kid(kid, &key);
            QF_ASSERT(kid[QF_KID_SIZE] == '\0' && strlen(kid) == QF_KID_SIZE);
        } else {
            QF_ASSERT(err.status == QF_BAD_FIELD && err.detail[0] != '\0');
        }
    }
    qf_arena_deinit(&arena);
    return 0;
}
