/* SM3 over many messages side by side, one in each lane of a vector register. A single SM3 is a
 * chain of 64 steps that each wait for the one before, so one message alone leaves most of the
 * processor idle; eight or sixteen together take hardly longer than one. Not bound to a thread. */
#ifndef QF_CRYPTO_SM3_MANY_H
#define QF_CRYPTO_SM3_MANY_H

#include "crypto/hash.h"

#define QF_SM3_LANES_MAX 16

/* One block of each lane: state[8][lanes], words[16][lanes] (big-endian words already turned). */
typedef void qf_sm3_fn(uint32_t *state, const uint32_t *words);
qf_sm3_fn qf_sm3_lanes_1;
qf_sm3_fn qf_sm3_lanes_4;
qf_sm3_fn qf_sm3_lanes_8;  /* AVX2 */
qf_sm3_fn qf_sm3_lanes_16; /* AVX-512F */

/* The widest of 1, 4, 8 and 16 lanes that this processor runs and the build has. */
size_t qf_sm3_lanes_best(void);

/* All jobs, `lanes` at a time (1, 4, 8 or 16; at most qf_sm3_lanes_best()). */
void qf_sm3_many(const struct qf_hash_job *jobs, size_t count, size_t lanes);

/* out[i] = SM3(prefix ‖ pairs[2i] ‖ pairs[2i + 1]) for i below `count`, which is at most `lanes`.
 */
void qf_sm3_pairs(uint8_t prefix, uint8_t (*out)[QF_HASH_SIZE],
                  const uint8_t (*pairs)[QF_HASH_SIZE], size_t count, size_t lanes);

#endif
