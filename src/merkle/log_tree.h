/* The log's Merkle tree (RFC 9162 2.1): appending, roots, inclusion and consistency proofs.
 *
 * The tree itself is the frontier: the roots of the complete subtrees of a prefix, at most 63
 * hashes. Everything older is read through a qf_hash_reader, which the store implements over tiles.
 * Pure computation; no I/O, no allocation. */
#ifndef QF_MERKLE_LOG_TREE_H
#define QF_MERKLE_LOG_TREE_H

#include "base/limits.h"
#include "base/status.h"
#include "crypto/hash.h"

/* A proof of 63 hashes is enough up to this size. */
#define QF_LOG_SIZE_MAX ((uint64_t)1 << 62)

struct qf_log_tree {
    enum qf_hash_alg alg;
    uint64_t size;
    uint8_t frontier[64][QF_HASH_SIZE]; /* [i]: root of the complete subtree of 2^i leaves, where
                                           bit i of size is set */
};

void qf_log_tree_init(struct qf_log_tree *tree, enum qf_hash_alg alg);

/* Appends a leaf hash. Calls `node` (may be NULL) for every node that became complete, leaf first:
 * its level, its index in the level, its hash. */
typedef void qf_log_node_fn(void *arg, unsigned level, uint64_t index,
                            const uint8_t hash[QF_HASH_SIZE]);
void qf_log_tree_append(struct qf_log_tree *tree, const uint8_t leaf[QF_HASH_SIZE],
                        qf_log_node_fn *node, void *arg);

/* The same as appending one after another, but the nodes of a level are hashed side by side. Calls
 * `node` level by level; what a call is about stands in one tile of 256 leaves, or above it. */
void qf_log_tree_extend(struct qf_log_tree *tree, const uint8_t (*leaves)[QF_HASH_SIZE],
                        size_t count, qf_log_node_fn *node, void *arg);

/* Root of the whole tree; of the empty tree H(""). */
void qf_log_tree_root(const struct qf_log_tree *tree, uint8_t out[QF_HASH_SIZE]);

/* Gives the hash of a complete node (level 0: leaf hashes). Any level may be asked; a tile store
 * has levels 0, 8, 16, … on disk and computes the ones between from them. */
struct qf_hash_reader {
    QF_MUST_CHECK enum qf_status (*read)(void *self, unsigned level, uint64_t index,
                                         uint8_t out[QF_HASH_SIZE]);
    void *self;
};

struct qf_log_proof {
    size_t count;
    uint8_t hashes[QF_PROOF_HASHES_MAX][QF_HASH_SIZE];
};

/* Requires index < size <= QF_LOG_SIZE_MAX, and old_size <= size. A reader's failure is handed on.
 * The consistency proof from size 0, or from the same size, is empty. */
QF_MUST_CHECK enum qf_status qf_log_prove_inclusion(enum qf_hash_alg alg, struct qf_log_proof *out,
                                                    uint64_t index, uint64_t size,
                                                    const struct qf_hash_reader *reader);
QF_MUST_CHECK enum qf_status qf_log_prove_consistency(enum qf_hash_alg alg,
                                                      struct qf_log_proof *out, uint64_t old_size,
                                                      uint64_t size,
                                                      const struct qf_hash_reader *reader);

/* RFC 9162 2.1.3.2 and 2.1.4.2: QF_OK or QF_INVALID. Growth from size 0 to another is QF_INVALID:
 * every tree grows from the empty one, so it proves nothing, and a caller who means it must say so
 * itself. */
QF_MUST_CHECK enum qf_status qf_log_verify_inclusion(enum qf_hash_alg alg, uint64_t index,
                                                     uint64_t size,
                                                     const uint8_t leaf[QF_HASH_SIZE],
                                                     const struct qf_log_proof *proof,
                                                     const uint8_t root[QF_HASH_SIZE]);
QF_MUST_CHECK enum qf_status qf_log_verify_consistency(enum qf_hash_alg alg, uint64_t old_size,
                                                       uint64_t size,
                                                       const uint8_t old_root[QF_HASH_SIZE],
                                                       const uint8_t root[QF_HASH_SIZE],
                                                       const struct qf_log_proof *proof);

/* A subtree of a log, leaves [start, end) with start a multiple of the power of two that is not
 * below their number (draft-ietf-plants-merkle-tree-certs, section 4): every prefix is one. Its
 * root is that of the log of these leaves alone. */
struct qf_log_subtree {
    uint64_t start, end;
};

/* QF_OK or QF_INVALID, which is also the answer to what is no subtree of the log. The consistency
 * proof is that the log of `size` has this subtree; of an empty one nothing but its root can be
 * right or wrong. */
QF_MUST_CHECK enum qf_status
qf_log_verify_subtree_inclusion(enum qf_hash_alg alg, uint64_t index, struct qf_log_subtree subtree,
                                const uint8_t leaf[QF_HASH_SIZE], const struct qf_log_proof *proof,
                                const uint8_t subtree_root[QF_HASH_SIZE]);
QF_MUST_CHECK enum qf_status
qf_log_verify_subtree_consistency(enum qf_hash_alg alg, struct qf_log_subtree subtree,
                                  uint64_t size, const uint8_t subtree_root[QF_HASH_SIZE],
                                  const uint8_t root[QF_HASH_SIZE],
                                  const struct qf_log_proof *proof);

#endif
