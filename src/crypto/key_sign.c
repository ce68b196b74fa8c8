#include <openssl/ecdsa.h>
#include <openssl/err.h>

#include "base/bytes.h"
#include "crypto/key_internal.h"

#define SCALAR_SIZE (QF_SIGNATURE_SIZE / 2)

static EVP_MD_CTX *new_ctx(EVP_PKEY *pkey, enum qf_sig_alg alg,
                           int (*init)(EVP_MD_CTX *, EVP_PKEY_CTX **, const char *, OSSL_LIB_CTX *,
                                       const char *, EVP_PKEY *, const OSSL_PARAM *))
{
    static const char *const digests[] = {
        [QF_ALG_ES256] = "SHA256", [QF_ALG_EDDSA] = NULL, [QF_ALG_SM2_SM3] = "SM3"};
    QF_ASSERT(alg >= QF_ALG_ES256 && alg <= QF_ALG_SM2_SM3);
    EVP_PKEY_CTX *key_ctx = NULL; /* belongs to ctx */
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    if (ctx == NULL || init(ctx, &key_ctx, digests[alg], NULL, NULL, pkey, NULL) != 1 ||
        (alg == QF_ALG_SM2_SM3 && EVP_PKEY_CTX_set1_id(key_ctx, QF_SM2_ID, QF_SM2_ID_SIZE) != 1)) {
        EVP_MD_CTX_free(ctx);
        return NULL;
    }
    return ctx;
}

EVP_MD_CTX *qf_evp_sign_ctx(EVP_PKEY *pkey, enum qf_sig_alg alg)
{
    return new_ctx(pkey, alg, EVP_DigestSignInit_ex);
}

EVP_MD_CTX *qf_evp_verify_ctx(EVP_PKEY *pkey, enum qf_sig_alg alg)
{
    return new_ctx(pkey, alg, EVP_DigestVerifyInit_ex);
}

bool qf_evp_signature_to_der(uint8_t out[QF_DER_SIGNATURE_SIZE_MAX], size_t *size,
                             enum qf_sig_alg alg, const uint8_t signature[QF_SIGNATURE_SIZE])
{
    if (alg == QF_ALG_EDDSA) {
        memcpy(out, signature, QF_SIGNATURE_SIZE);
        *size = QF_SIGNATURE_SIZE;
        return true;
    }
    ECDSA_SIG *pair = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(signature, SCALAR_SIZE, NULL);
    BIGNUM *s = BN_bin2bn(signature + SCALAR_SIZE, SCALAR_SIZE, NULL);
    if (pair == NULL || r == NULL || s == NULL || ECDSA_SIG_set0(pair, r, s) != 1) {
        BN_free(r);
        BN_free(s);
        ECDSA_SIG_free(pair);
        return false;
    }
    uint8_t *end = out;
    int encoded = i2d_ECDSA_SIG(pair, NULL);
    bool good =
        encoded > 0 && encoded <= QF_DER_SIGNATURE_SIZE_MAX && i2d_ECDSA_SIG(pair, &end) == encoded;
    ECDSA_SIG_free(pair);
    *size = good ? (size_t)encoded : 0;
    return good;
}

bool qf_evp_signature_from_der(uint8_t out[QF_SIGNATURE_SIZE], enum qf_sig_alg alg,
                               struct qf_slice der)
{
    if (alg == QF_ALG_EDDSA) {
        if (der.size != QF_SIGNATURE_SIZE)
            return false;
        memcpy(out, der.data, QF_SIGNATURE_SIZE);
        return true;
    }
    if (der.size > QF_DER_SIGNATURE_SIZE_MAX)
        return false;
    const uint8_t *at = der.data;
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &at, (long)der.size);
    bool good = pair != NULL && at == der.data + der.size &&
                BN_bn2binpad(ECDSA_SIG_get0_r(pair), out, SCALAR_SIZE) == SCALAR_SIZE &&
                BN_bn2binpad(ECDSA_SIG_get0_s(pair), out + SCALAR_SIZE, SCALAR_SIZE) == SCALAR_SIZE;
    ECDSA_SIG_free(pair);
    ERR_clear_error();
    return good;
}

enum qf_status qf_private_key_sign(const struct qf_private_key *key, uint8_t out[QF_SIGNATURE_SIZE],
                                   struct qf_slice message, struct qf_error *err)
{
    enum qf_sig_alg alg = key->public_key.alg;
    static const uint8_t nothing[1] = {0};
    const uint8_t *data = message.size > 0 ? message.data : nothing;
    uint8_t der[QF_DER_SIGNATURE_SIZE_MAX];
    size_t size = sizeof der;
    pthread_mutex_t *lock = key->token ? (pthread_mutex_t *)(uintptr_t)&key->lock : NULL;
    if (lock != NULL)
        QF_ASSERT(pthread_mutex_lock(lock) == 0);
    EVP_MD_CTX *ctx = qf_evp_sign_ctx(key->pkey, alg);
    bool good = ctx != NULL && EVP_DigestSign(ctx, der, &size, data, message.size) == 1;
    EVP_MD_CTX_free(ctx);
    if (lock != NULL)
        QF_ASSERT(pthread_mutex_unlock(lock) == 0);
    if (!good || !qf_evp_signature_from_der(out, alg, qf_slice_make(der, size)))
        return qf_evp_fail(err, QF_CRYPTO, "key",
                           key->token ? "the token did not sign" : "signing failed");
    return QF_OK;
}
