/* SHA-256 of nodes and leaves of trees, two side by side: the instructions of SHA-NI wait for each
 * other within one message, so two messages take hardly longer than one. x86-64 only; not bound to
 * a thread. */
#ifndef QF_CRYPTO_SHA256_NODES_H
#define QF_CRYPTO_SHA256_NODES_H

#include "crypto/hash.h"

/* Whether this processor and build have it; if not, the other function must not be called. */
bool qf_sha256_has_nodes(void);

/* out[i] = H(prefix ‖ pairs[2i] ‖ pairs[2i + 1]) for i below 2. */
void qf_sha256_two_pairs(uint8_t prefix, uint8_t out[2][QF_HASH_SIZE],
                         const uint8_t pairs[4][QF_HASH_SIZE]);

#endif
