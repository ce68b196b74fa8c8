/* Compact sparse Merkle tree over the hashed keys of the state: spec/state-tree.md.
 *
 * An empty subtree is 32 zero bytes; a subtree that holds one leaf is that leaf's hash, at any
 * depth; else H(01 ‖ left ‖ right), left where the next bit of the key hash is 0. A leaf's hash is
 * H(00 ‖ key_hash ‖ value_hash). So the root depends on the set of leaves alone, not on history.
 *
 * What is kept: the hashes of the top of the tree, down to buckets of about QF_STATE_BUCKET leaves.
 * Below a bucket nothing is stored: its few leaves stand next to each other in the store, sorted by
 * key hash, and the bucket's root is computed from them when one changes. The number of buckets
 * grows with the number of leaves by splitting one bucket at a time in order (as linear hashing
 * does), so that no single block pays for a doubling. Memory: about 64 bytes a bucket.
 *
 * Not thread-safe; the caller serialises. No I/O: leaves come through qf_leaf_source. */
#ifndef QF_MERKLE_STATE_TREE_H
#define QF_MERKLE_STATE_TREE_H

#include "base/buf.h"
#include "crypto/hash.h"

#define QF_STATE_BUCKET 8
#define QF_STATE_PROOF_MAX 256

struct qf_state_leaf {
    uint8_t key_hash[QF_HASH_SIZE];
    uint8_t value_hash[QF_HASH_SIZE];
};

/* Leaves present now whose key hash lies in [from, to], both included, in ascending order. */
struct qf_leaf_source {
    QF_MUST_CHECK enum qf_status (*scan)(void *self, const uint8_t from[QF_HASH_SIZE],
                                         const uint8_t to[QF_HASH_SIZE],
                                         void (*each)(void *arg, const struct qf_state_leaf *leaf),
                                         void *arg);
    void *self;
};

struct qf_state_tree;

/* An empty tree; `source` is copied and must stay usable. */
struct qf_state_tree *qf_state_tree_new(enum qf_hash_alg alg, const struct qf_leaf_source *source);
void qf_state_tree_free(struct qf_state_tree *tree);

/* After the source has changed: `key_hashes` (ascending, without repeats) are the leaves that were
 * added, replaced or removed, `leaf_count_change` those added less those removed. A failure of the
 * source, memory that ran out (QF_NO_MEMORY) or leaves out of order (QF_CORRUPT) leave the tree
 * unusable: every later call gives the same status, and the tree must be loaded anew. */
QF_MUST_CHECK enum qf_status qf_state_tree_update(struct qf_state_tree *tree,
                                                  const uint8_t (*key_hashes)[QF_HASH_SIZE],
                                                  size_t count, int64_t leaf_count_change);
void qf_state_tree_root(const struct qf_state_tree *tree, uint8_t out[QF_HASH_SIZE]);
uint64_t qf_state_tree_leaf_count(const struct qf_state_tree *tree);

/* Proof of presence or absence. Siblings from the root down; at the end either nothing (empty
 * subtree) or a leaf, which is the asked one (present) or another one in its place (absent). */
struct qf_state_proof {
    size_t depth;
    uint8_t siblings[QF_STATE_PROOF_MAX][QF_HASH_SIZE]; /* [0] is next to the root */
    bool has_leaf;
    struct qf_state_leaf leaf;
};
QF_MUST_CHECK enum qf_status qf_state_tree_prove(struct qf_state_tree *tree,
                                                 const uint8_t key_hash[QF_HASH_SIZE],
                                                 struct qf_state_proof *out);
/* QF_OK: the key has exactly `value_hash`, or with NULL is absent; else QF_INVALID. */
QF_MUST_CHECK enum qf_status qf_state_verify(enum qf_hash_alg alg, const uint8_t root[QF_HASH_SIZE],
                                             const uint8_t key_hash[QF_HASH_SIZE],
                                             const uint8_t *value_hash,
                                             const struct qf_state_proof *proof);

/* Saving the bucket roots: pages of QF_STATE_PAGE_BUCKETS roots. After qf_state_tree_update,
 * qf_state_tree_each_dirty calls `page` for the pages that changed since the last call and for the
 * header (page number UINT64_MAX); a page with no bytes is no longer needed. qf_state_tree_load
 * takes a new tree, asks for the header and then the pages in order, recomputes the top and
 * compares the root: QF_CORRUPT when it differs. `page` hands on a failure of its own.
 * A page is at most 495 bytes: small, because a block changes few buckets of many pages, and whole
 * pages are copied when state is set apart. */
#define QF_STATE_PAGE_BUCKETS 15
void qf_state_tree_each_dirty(struct qf_state_tree *tree,
                              void (*page)(void *arg, uint64_t number, struct qf_slice bytes),
                              void *arg);
QF_MUST_CHECK enum qf_status qf_state_tree_load(struct qf_state_tree *tree,
                                                enum qf_status (*page)(void *arg, uint64_t number,
                                                                       struct qf_slice *bytes),
                                                void *arg);

#endif
