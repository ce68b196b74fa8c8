/* Checking signatures: the floor of what a network costs, since every node checks every one.
 *
 * One verifier serves the whole process and may be used from any thread. Two implementations give
 * the same answer to the bit: OpenSSL, always there, and `fast` (tables of known keys over
 * s2n-bignum's verified arithmetic), chosen at build and start-up. A verifier sees public data
 * only, so nothing here needs constant time.
 *
 * What a signature costs, on one core of a Xeon at 2.7 GHz, in µs:
 *
 *                     OpenSSL   fast, unknown key   fast, known key   one by one
 *     ES256              62            40                  11.5            13
 *     EdDSA              95            30                  10
 *     SM2-SM3           245            40                  11.5            13.5
 *
 * A key is known from its fourth use on, once a thread of the verifier has made its table (0.2 ms,
 * 52 KiB). The verifier remembers QF_VERIFY_KEYS_MAX keys, and tables for as many of them as the
 * configured memory holds (some 1,100 in 64 MiB); the ones used longest ago give way. Items of one
 * call share an inversion, and SM2's hashes are made side by side, so callers with many signatures
 * pass them together, 64 or more at a time. */
#ifndef QF_CRYPTO_VERIFY_VERIFY_H
#define QF_CRYPTO_VERIFY_VERIFY_H

#include "crypto/key.h"

struct qf_verifier;

enum qf_verifier_kind {
    QF_VERIFIER_AUTO, /* fast where it was built and the processor has it, else OpenSSL */
    QF_VERIFIER_OPENSSL,
    QF_VERIFIER_FAST,
};

struct qf_verifier_options {
    enum qf_verifier_kind kind;
    /* Bytes for keys and tables, some 5 MiB of them for what is not a key's table; below that no
     * key gets one. 0: QF_VERIFY_CACHE_SIZE_DEFAULT. OpenSSL's implementation has no tables. */
    size_t cache_size_max;
};

QF_MUST_CHECK enum qf_status qf_verifier_new(struct qf_verifier **out,
                                             const struct qf_verifier_options *options,
                                             struct qf_error *err);
void qf_verifier_free(struct qf_verifier *verifier);
const char *qf_verifier_name(const struct qf_verifier *verifier); /* "openssl", "fast" */

struct qf_verify_item {
    const struct qf_public_key *key;
    struct qf_slice message;
    const uint8_t *signature; /* QF_SIGNATURE_SIZE bytes */
    bool good;                /* out */
};

/* Checks each item for itself; items of one call may share work. */
void qf_verifier_check(struct qf_verifier *verifier, struct qf_verify_item *items, size_t count);

/* One signature. */
bool qf_verifier_check_one(struct qf_verifier *verifier, const struct qf_public_key *key,
                           struct qf_slice message, const uint8_t signature[QF_SIGNATURE_SIZE]);

/* Waits until every key that was to get a table has it: for measurements of a steady state. */
void qf_verifier_settle(struct qf_verifier *verifier);

struct qf_verifier_stats {
    size_t keys;       /* remembered */
    size_t tables;     /* of keys, in the cache */
    size_t tables_max; /* for which it has room; 0: this implementation keeps none */
    uint64_t built;    /* tables made so far */
    uint64_t replaced; /* of these, in the place of another's */
};
struct qf_verifier_stats qf_verifier_stats(struct qf_verifier *verifier);

#endif
