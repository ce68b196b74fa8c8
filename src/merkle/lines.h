/* Lines of checkpoints, witness requests, proof files and renewals of time-stamps: cutting them
 * off, the two values they hold. Strict: a value has one text. */
#ifndef QF_MERKLE_LINES_H
#define QF_MERKLE_LINES_H

#include "base/buf.h"
#include "crypto/hash.h"
#include "merkle/log_tree.h"

/* Cuts the next line off `rest`, without its newline; false when there is no newline. */
QF_MUST_CHECK bool qf_lines_next(struct qf_slice *rest, struct qf_slice *line);
/* Takes `label` off the front of `line`; false when it begins otherwise. */
QF_MUST_CHECK bool qf_lines_label(struct qf_slice *line, const char *label);
/* A size or an index: decimal without leading zeroes, below 10^18, which is under QF_LOG_SIZE_MAX.
 */
QF_MUST_CHECK bool qf_lines_number(uint64_t *out, struct qf_slice text);
QF_MUST_CHECK bool qf_lines_hash(uint8_t out[QF_HASH_SIZE], struct qf_slice text);
/* Hash lines up to and including an empty line; at most QF_PROOF_HASHES_MAX (QF_OVER_LIMIT). */
QF_MUST_CHECK enum qf_status qf_lines_proof(struct qf_log_proof *out, struct qf_slice *rest,
                                            struct qf_error *err);

void qf_lines_put_hash(struct qf_buf *buf, const char *label, const uint8_t hash[QF_HASH_SIZE]);
void qf_lines_put_proof(struct qf_buf *buf, const struct qf_log_proof *proof);

#endif
