/* Hash functions of the two suites: SHA-256 (intl) and SM3 (gm), both 32 bytes. Contexts are kept
 * per thread inside, so a call costs no allocation. Hashing cannot fail; a failure of the library
 * stops the process. */
#ifndef QF_CRYPTO_HASH_H
#define QF_CRYPTO_HASH_H

#include "base/slice.h"

#define QF_HASH_SIZE 32

enum qf_hash_alg {
    QF_HASH_SHA256 = 1,
    QF_HASH_SM3 = 2,
};

/* "sha-256" and "sm3", as in evidence hashes; qf_hash_alg_parse gives false for other text. */
const char *qf_hash_alg_name(enum qf_hash_alg alg);
bool qf_hash_alg_parse(enum qf_hash_alg *out, struct qf_slice name);

void qf_hash(enum qf_hash_alg alg, uint8_t out[QF_HASH_SIZE], struct qf_slice bytes);

/* The hash of several parts one after another, without joining them in memory. */
void qf_hash_parts(enum qf_hash_alg alg, uint8_t out[QF_HASH_SIZE], const struct qf_slice *parts,
                   size_t count);

/* Many hashes in one call: each of the message that its parts make. SM3 works on up to 16 messages
 * side by side, several times as fast as one after another; SHA-256 gains nothing. No `out` may be
 * part of another job's message. */
#define QF_HASH_JOB_PARTS 3
struct qf_hash_job {
    struct qf_slice parts[QF_HASH_JOB_PARTS]; /* unused ones are empty */
    uint8_t *out;                             /* QF_HASH_SIZE bytes */
};
void qf_hash_many(enum qf_hash_alg alg, const struct qf_hash_job *jobs, size_t count);

/* RFC 9162 2.1.1: H(00 ‖ entry) and H(01 ‖ left ‖ right). `out` may be one of the inputs. */
void qf_hash_leaf(enum qf_hash_alg alg, uint8_t out[QF_HASH_SIZE], struct qf_slice entry);
void qf_hash_node(enum qf_hash_alg alg, uint8_t out[QF_HASH_SIZE], const uint8_t left[QF_HASH_SIZE],
                  const uint8_t right[QF_HASH_SIZE]);

/* The nodes of one level of a tree from those below: out[i] of children[2i] and children[2i + 1];
 * and leaves whose entries are 64 bytes each: out[i] of entries[2i] and entries[2i + 1]. Quicker
 * than one by one: SM3 on up to 16 side by side, SHA-256 on two. Neither may overlap the other. */
void qf_hash_nodes(enum qf_hash_alg alg, uint8_t (*out)[QF_HASH_SIZE],
                   const uint8_t (*children)[QF_HASH_SIZE], size_t count);
void qf_hash_leaf_pairs(enum qf_hash_alg alg, uint8_t (*out)[QF_HASH_SIZE],
                        const uint8_t (*entries)[QF_HASH_SIZE], size_t count);

/* HMAC (RFC 2104) for webhooks and the vault; 32 bytes. */
void qf_hmac(enum qf_hash_alg alg, uint8_t out[QF_HASH_SIZE], struct qf_slice key,
             struct qf_slice bytes);

/* Incremental hashing of large inputs. */
struct qf_hasher;
struct qf_hasher *qf_hasher_new(enum qf_hash_alg alg);
void qf_hasher_add(struct qf_hasher *hasher, struct qf_slice bytes);
void qf_hasher_finish(struct qf_hasher *hasher, uint8_t out[QF_HASH_SIZE]); /* and starts anew */
void qf_hasher_free(struct qf_hasher *hasher);

#endif
