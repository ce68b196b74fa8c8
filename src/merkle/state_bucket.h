/* The root of a sorted run of state leaves, computed as they come by, in fixed memory.
 *
 * Two neighbours in the order part at the depth of their common prefix. A left subtree waits on the
 * stack under the depth at which its right sibling will join; the depths on the stack ascend, so
 * 256 places are enough for any number of leaves. Private to the state tree. */
#ifndef QF_MERKLE_STATE_BUCKET_H
#define QF_MERKLE_STATE_BUCKET_H

#include "merkle/state_tree.h"

/* What a subtree holds; it decides how it joins with its sibling. */
enum qf_subtree_kind {
    QF_SUBTREE_EMPTY = 0, /* hash is zero */
    QF_SUBTREE_LEAF = 1,  /* one leaf; the same hash at any depth */
    QF_SUBTREE_INNER = 2,
};

struct qf_subtree {
    enum qf_subtree_kind kind;
    uint8_t hash[QF_HASH_SIZE];
};

struct qf_state_run {
    enum qf_hash_alg alg;
    unsigned base; /* depth of the node whose root is wanted */
    uint64_t count;
    bool disordered; /* leaves did not ascend, or left the subtree at `base` */
    uint8_t key_hash[QF_HASH_SIZE];
    struct qf_subtree last; /* the subtree that ends in the last leaf */
    unsigned last_depth;    /* where `last` stands, when it is inner */
    size_t waiting;
    struct {
        unsigned depth; /* of the parent */
        struct qf_subtree left;
    } stack[256];
};

void qf_state_run_start(struct qf_state_run *run, enum qf_hash_alg alg, unsigned base);
/* `hash`: the leaf's hash, where it is known already; NULL: it is computed. */
void qf_state_run_add(struct qf_state_run *run, const struct qf_state_leaf *leaf,
                      const uint8_t *hash);
void qf_state_run_finish(struct qf_state_run *run, struct qf_subtree *out);

/* The subtree above two; `out` may be one of them. */
void qf_subtree_join(enum qf_hash_alg alg, struct qf_subtree *out, const struct qf_subtree *left,
                     const struct qf_subtree *right);
void qf_state_leaf_hash(enum qf_hash_alg alg, uint8_t out[QF_HASH_SIZE],
                        const struct qf_state_leaf *leaf);

/* Number of leading bits that two key hashes share; 256 when they are equal. */
unsigned qf_common_bits(const uint8_t a[QF_HASH_SIZE], const uint8_t b[QF_HASH_SIZE]);
static inline unsigned qf_key_bit(const uint8_t key_hash[QF_HASH_SIZE], unsigned depth)
{
    return (unsigned)(key_hash[depth / 8] >> (7 - depth % 8)) & 1u;
}

#endif
