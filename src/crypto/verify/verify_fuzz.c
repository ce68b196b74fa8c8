/* Both implementations on the same key, message and signature: they must agree.
 * Input: algorithm (1 byte), key (64, Ed25519: the first 32), signature (64), message. */
#include <stdint.h>

#include "base/status.h"
#include "crypto/verify/verify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct qf_verifier *verifier_of(enum qf_verifier_kind kind, size_t cache_size_max)
{
    struct qf_verifier *verifier = NULL;
    const struct qf_verifier_options options = {.kind = kind, .cache_size_max = cache_size_max};
    QF_ASSERT(qf_verifier_new(&verifier, &options, NULL) == QF_OK);
    return verifier;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { FIXED = 1 + QF_PUBLIC_KEY_SIZE_MAX + QF_SIGNATURE_SIZE };
    static struct qf_verifier *openssl;
    static struct qf_verifier *hot;
    static struct qf_verifier *cold;
    if (openssl == NULL) {
        openssl = verifier_of(QF_VERIFIER_OPENSSL, 0);
        hot = verifier_of(QF_VERIFIER_AUTO, 0);
        cold = verifier_of(QF_VERIFIER_AUTO, 1);
    }
    if (size < FIXED)
        return 0;
    struct qf_public_key key = {.alg = (enum qf_sig_alg)(QF_ALG_ES256 + data[0] % 3)};
    key.size = key.alg == QF_ALG_EDDSA ? 32 : 64;
    memcpy(key.bytes, data + 1, key.size);
    const uint8_t *signature = data + 1 + QF_PUBLIC_KEY_SIZE_MAX;
    struct qf_slice message = qf_slice_make(data + FIXED, size - FIXED);
    bool good = qf_verifier_check_one(openssl, &key, message, signature);
    QF_ASSERT(qf_verifier_check_one(hot, &key, message, signature) == good);
    QF_ASSERT(qf_verifier_check_one(cold, &key, message, signature) == good);
    return 0;
}
