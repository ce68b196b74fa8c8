/* A transaction as DESIGN section 4 has it: a compact JWS whose payload is
 *   {"exp":…,"net":"…","nonce":"…","ops":[{"op":"…",…},…]}
 * Decoding checks everything that can be checked without the state: form, limits, canonical JSON,
 * network, suite, and each op against the schema of its row in the op table. Pure; any thread. */
#ifndef QF_KERNEL_TX_H
#define QF_KERNEL_TX_H

#include "crypto/key.h"

struct qf_op_row; /* kernel/ops.h */

enum qf_tx_signature {
    QF_TX_UNCHECKED, /* the key was not known when the transaction came in */
    QF_TX_GOOD,
    QF_TX_BAD,
};

struct qf_tx_op {
    const struct qf_op_row *row;
    const struct qf_json *body; /* the whole op object */
};

struct qf_tx {
    struct qf_slice jws;           /* as given; the caller keeps it */
    struct qf_slice signing_input; /* part of jws */
    uint8_t id[QF_HASH_SIZE];      /* suite hash of the signing input */
    enum qf_sig_alg alg;
    char kid[QF_KID_SIZE + 1];
    uint8_t signature_bytes[QF_SIGNATURE_SIZE];
    enum qf_tx_signature signature;
    int64_t exp_s;
    struct qf_tx_op *ops;
    size_t op_count;
};

struct qf_tx_rules {
    struct qf_slice network;
    enum qf_suite suite;
};

/* QF_OK, or one of MALFORMED, UNSUPPORTED_ALG, WRONG_NETWORK, UNKNOWN_OP, BAD_FIELD, OVER_LIMIT
 * with the field ("payload", "ops[3].hash") and the reason. `out` and what it points to live in the
 * arena and in `jws`. */
QF_MUST_CHECK enum qf_status qf_tx_decode(struct qf_arena *arena, struct qf_tx *out,
                                          struct qf_slice jws, const struct qf_tx_rules *rules,
                                          struct qf_error *err);

/* The two halves of it, for many at once: all but the ids, then the ids side by side. Whatever
 * failed to parse has an empty signing input, and is passed over. */
QF_MUST_CHECK enum qf_status qf_tx_parse(struct qf_arena *arena, struct qf_tx *out,
                                         struct qf_slice jws, const struct qf_tx_rules *rules,
                                         struct qf_error *err);
void qf_tx_identify(struct qf_tx *txs, size_t count, enum qf_suite suite);

/* Makes and signs one: `ops` is the canonical array. Appends the compact JWS to `out`;
 * what does not succeed leaves there what was. */
QF_MUST_CHECK enum qf_status qf_tx_sign(struct qf_buf *out, const struct qf_private_key *key,
                                        const struct qf_tx_rules *rules, int64_t exp_s,
                                        const uint8_t nonce[16], const struct qf_json *ops,
                                        struct qf_error *err);

#endif
