/* What tests of keys share. Only for programs of cmocka. */
#ifndef QF_CRYPTO_EVP_TESTING_H
#define QF_CRYPTO_EVP_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/evp.h"

/* By OpenSSL, not by the verifier that the node uses. */
static inline bool verify_with_evp(const struct qf_public_key *key, struct qf_slice message,
                                   const uint8_t signature[QF_SIGNATURE_SIZE])
{
    EVP_PKEY *pkey = NULL;
    uint8_t der[QF_DER_SIGNATURE_SIZE_MAX];
    size_t size = 0;
    assert_int_equal(qf_evp_from_public(&pkey, key, NULL), QF_OK);
    assert_true(qf_evp_signature_to_der(der, &size, key->alg, signature));
    EVP_MD_CTX *ctx = qf_evp_verify_ctx(pkey, key->alg);
    assert_non_null(ctx);
    bool good = EVP_DigestVerify(ctx, der, size, message.data, message.size) == 1;
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(pkey);
    return good;
}

#endif
