/* Signatures by OpenSSL: the implementation that is always there, and the judge of what a good
 * signature is. Works on digests (EVP_PKEY_verify), so that SM2's ZA is hashed once for a key and
 * not once for a signature; r‖s goes to DER by hand, since OpenSSL takes no other form. */
#include <openssl/err.h>

#include "crypto/evp.h"
#include "crypto/verify/internal.h"

#define SCALAR_SIZE 32

/* The key's object, made at most once for each that asks at the same moment; NULL when OpenSSL
 * refuses the key. */
static EVP_PKEY *pkey_of(struct qf_known_key *key)
{
    EVP_PKEY *pkey = atomic_load_explicit(&key->pkey, memory_order_acquire);
    if (pkey != NULL || atomic_load_explicit(&key->pkey_refused, memory_order_relaxed))
        return pkey;
    EVP_PKEY *made = NULL;
    if (qf_evp_from_public(&made, &key->key, NULL) != QF_OK) {
        atomic_store_explicit(&key->pkey_refused, true, memory_order_relaxed);
        return NULL;
    }
    if (atomic_compare_exchange_strong(&key->pkey, &pkey, made))
        return made;
    EVP_PKEY_free(made);
    return pkey;
}

/* DER INTEGER of a big-endian number: no leading zeros, but one before a high bit. */
static uint8_t *put_integer(uint8_t *out, const uint8_t number[SCALAR_SIZE])
{
    size_t skip = 0;
    while (skip < SCALAR_SIZE - 1 && number[skip] == 0)
        skip++;
    size_t pad = number[skip] >> 7;
    *out++ = 0x02;
    *out++ = (uint8_t)(SCALAR_SIZE - skip + pad);
    if (pad != 0)
        *out++ = 0;
    memcpy(out, number + skip, SCALAR_SIZE - skip);
    return out + (SCALAR_SIZE - skip);
}

static size_t put_der(uint8_t out[QF_DER_SIGNATURE_SIZE_MAX],
                      const uint8_t signature[QF_SIGNATURE_SIZE])
{
    uint8_t *end = put_integer(out + 2, signature);
    end = put_integer(end, signature + SCALAR_SIZE);
    out[0] = 0x30;
    out[1] = (uint8_t)(end - out - 2);
    return (size_t)(end - out);
}

static bool check_digest(struct qf_known_key *key, EVP_PKEY *pkey, const uint8_t *digest,
                         const uint8_t *signature)
{
    EVP_PKEY_CTX *ctx = atomic_exchange(&key->idle_ctx, NULL);
    if (ctx == NULL) {
        ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
        QF_ASSERT(ctx != NULL && EVP_PKEY_verify_init(ctx) == 1);
    }
    uint8_t der[QF_DER_SIGNATURE_SIZE_MAX];
    size_t size = put_der(der, signature);
    bool good = EVP_PKEY_verify(ctx, der, size, digest, QF_HASH_SIZE) == 1;
    EVP_PKEY_CTX_free(atomic_exchange(&key->idle_ctx, ctx));
    return good;
}

static bool check_message(struct qf_known_key *key, EVP_PKEY *pkey, struct qf_slice message,
                          const uint8_t *signature)
{
    static const uint8_t nothing[1] = {0};
    EVP_MD_CTX *ctx = atomic_exchange(&key->idle_ctx, NULL);
    if (ctx == NULL) {
        ctx = EVP_MD_CTX_new();
        QF_ASSERT(ctx != NULL &&
                  EVP_DigestVerifyInit_ex(ctx, NULL, NULL, NULL, NULL, pkey, NULL) == 1);
    }
    const uint8_t *data = message.size > 0 ? message.data : nothing;
    bool good = EVP_DigestVerify(ctx, signature, QF_SIGNATURE_SIZE, data, message.size) == 1;
    EVP_MD_CTX_free(atomic_exchange(&key->idle_ctx, ctx));
    return good;
}

bool qf_verify_openssl(struct qf_known_key *key, const struct qf_verify_task *task)
{
    EVP_PKEY *pkey = pkey_of(key);
    bool good = pkey != NULL && (key->key.alg == QF_ALG_EDDSA
                                     ? check_message(key, pkey, task->message, task->signature)
                                     : check_digest(key, pkey, task->digest, task->signature));
    if (!good)
        ERR_clear_error(); /* a bad signature leaves its reasons in the thread's queue */
    return good;
}
