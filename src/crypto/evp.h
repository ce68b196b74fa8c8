/* Between our plain-data keys and OpenSSL's objects: for the files of this folder and for layers
 * that build X.509, CMS and TLS. Not bound to a thread. */
#ifndef QF_CRYPTO_EVP_H
#define QF_CRYPTO_EVP_H

#include <openssl/evp.h>

#include "crypto/key.h"

/* The signer's id that GB/T 35276 fixes; it goes into the hash of every SM2 signature. */
#define QF_SM2_ID "1234567812345678"
#define QF_SM2_ID_SIZE 16

/* Fills `err` with `what` and the reason of OpenSSL's last error, and empties its queue. */
enum qf_status qf_evp_fail(struct qf_error *err, enum qf_status status, const char *field,
                           const char *what);

/* The public half of a P-256, SM2 or Ed25519 key of any origin; QF_UNSUPPORTED_ALG for others. */
QF_MUST_CHECK enum qf_status qf_evp_public(struct qf_public_key *out, EVP_PKEY *pkey,
                                           struct qf_error *err);

/* A new EVP_PKEY of type EC, SM2 or ED25519; the caller frees it. */
QF_MUST_CHECK enum qf_status qf_evp_from_public(EVP_PKEY **out, const struct qf_public_key *key,
                                                struct qf_error *err);

/* A context ready for EVP_DigestSign (or EVP_DigestVerify) with `pkey` of algorithm `alg`, SM2's id
 * set; NULL when OpenSSL refuses. The caller frees it. */
EVP_MD_CTX *qf_evp_sign_ctx(EVP_PKEY *pkey, enum qf_sig_alg alg);
EVP_MD_CTX *qf_evp_verify_ctx(EVP_PKEY *pkey, enum qf_sig_alg alg);

/* r‖s to the DER form of ECDSA and SM2 (Ed25519: a copy) and back; false when it is not one. */
#define QF_DER_SIGNATURE_SIZE_MAX 72
QF_MUST_CHECK bool qf_evp_signature_to_der(uint8_t out[QF_DER_SIGNATURE_SIZE_MAX], size_t *size,
                                           enum qf_sig_alg alg,
                                           const uint8_t signature[QF_SIGNATURE_SIZE]);
QF_MUST_CHECK bool qf_evp_signature_from_der(uint8_t out[QF_SIGNATURE_SIZE], enum qf_sig_alg alg,
                                             struct qf_slice der);

#endif
