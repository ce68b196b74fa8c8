/* What verify.c and its two implementations share. */
#ifndef QF_CRYPTO_VERIFY_INTERNAL_H
#define QF_CRYPTO_VERIFY_INTERNAL_H

#include "crypto/verify/known_keys.h"
#include "crypto/verify/verify.h"

/* Signatures of one call that are worked on together; bounds how many keys a call pins. */
#define QF_VERIFY_BATCH_MAX 64

/* One signature with its message hashed: for ES256 SHA-256, for SM2 SM3(ZA ‖ message). Ed25519
 * hashes the message together with the signature, so it goes along whole. */
struct qf_verify_task {
    struct qf_known_key *key;
    struct qf_slice message;
    uint8_t digest[QF_HASH_SIZE];
    const uint8_t *signature;
    bool good; /* out */
};

/* Whether OpenSSL takes the signature. */
bool qf_verify_openssl(struct qf_known_key *key, const struct qf_verify_task *task);

/* An implementation: how many bytes it keeps for a key, and its check. `self` is its own. */
struct qf_verify_impl {
    const char *name;
    struct qf_known_keys_options keys;
    void (*check)(void *self, struct qf_verify_task *tasks, size_t count);
    void (*settle)(void *self);                                 /* may be NULL */
    void (*stats)(void *self, struct qf_verifier_stats *stats); /* may be NULL */
    void (*free)(void *self);                                   /* may be NULL */
    void *self;
};

/* A verifier over `impl`, which it takes over, also when it fails. */
QF_MUST_CHECK enum qf_status
qf_verifier_of(struct qf_verifier **out, const struct qf_verify_impl *impl, struct qf_error *err);
const struct qf_verify_impl *qf_verifier_impl(const struct qf_verifier *verifier);

#endif
