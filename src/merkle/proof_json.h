/* Proofs of the log as JSON: lists of hashes in base64, as bundles and the API have them. */
#ifndef QF_MERKLE_PROOF_JSON_H
#define QF_MERKLE_PROOF_JSON_H

#include "codec/json.h"
#include "merkle/log_tree.h"

struct qf_json qf_proof_to_json(struct qf_arena *arena, const struct qf_log_proof *proof);
/* QF_MALFORMED at `name`. */
QF_MUST_CHECK enum qf_status qf_proof_from_json(struct qf_log_proof *out,
                                                const struct qf_json *list, const char *name,
                                                struct qf_error *err);
/* QF_MALFORMED when the value is not a hash in base64. */
QF_MUST_CHECK enum qf_status qf_hash_from_json(uint8_t out[QF_HASH_SIZE],
                                               const struct qf_json *value);

#endif
