/* The keys that were seen lately, each with what was worked out from it: OpenSSL's object, SM2's ZA
 * and, in the fast implementation, points and tables. Bounded; the key used longest ago goes first.
 *
 * Any thread may call. An entry is pinned from qf_known_keys_get to qf_known_keys_release and stays
 * where it is in between. Keys are chosen by strangers, so the hash that spreads them is seeded. */
#ifndef QF_CRYPTO_VERIFY_KNOWN_KEYS_H
#define QF_CRYPTO_VERIFY_KNOWN_KEYS_H

#include <openssl/evp.h>
#include <stdatomic.h>

#include "crypto/key.h"

struct qf_known_keys;

struct qf_known_key {
    struct qf_public_key key;
    uint8_t za[QF_HASH_SIZE]; /* SM2: hash of the signer's id, the curve and the key */

    /* OpenSSL's, made at first need by verify_openssl.c. A context is used by one thread at a time:
     * it is taken out of its place and put back. */
    _Atomic(EVP_PKEY *) pkey;
    atomic_bool pkey_refused; /* not a key to OpenSSL, such as a point off the curve */
    _Atomic(void *) idle_ctx; /* EVP_PKEY_CTX, or EVP_MD_CTX for Ed25519 */

    /* Owned by known_keys.c. */
    struct qf_known_key *next_hash;
    struct qf_known_key *newer;
    struct qf_known_key *older;
    size_t pins; /* guarded by the shard's lock */
    uint64_t hash;
    bool stray; /* not in the cache: every place was pinned */

    /* The implementation's own part follows, `extra_size` bytes, zeroed. */
    _Alignas(64) uint8_t extra[];
};

struct qf_known_keys_options {
    size_t keys_max;
    size_t extra_size;
    void (*init)(void *self, struct qf_known_key *key);   /* may be NULL; under the shard's lock */
    void (*deinit)(void *self, struct qf_known_key *key); /* may be NULL; under the shard's lock */
    void *self;
};

QF_MUST_CHECK enum qf_status qf_known_keys_new(struct qf_known_keys **out,
                                               const struct qf_known_keys_options *options,
                                               struct qf_error *err);
void qf_known_keys_free(struct qf_known_keys *keys); /* nothing may be pinned */

/* The entry of `key`, made when it is new; pinned. Aborts when the system has no memory. */
struct qf_known_key *qf_known_keys_get(struct qf_known_keys *keys, const struct qf_public_key *key);
void qf_known_keys_release(struct qf_known_keys *keys, struct qf_known_key *entry);

size_t qf_known_keys_count(struct qf_known_keys *keys);

#endif
