/* Subtrees of the state tree: what one holds, and how two siblings join. Private to the state tree.
 */
#ifndef QF_MERKLE_STATE_SUBTREE_H
#define QF_MERKLE_STATE_SUBTREE_H

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

/* Whether the subtree above two is one of them as it stands, a leaf or nothing: which. */
enum qf_subtree_lone { QF_SUBTREE_BOTH, QF_SUBTREE_LEFT, QF_SUBTREE_RIGHT };
static inline enum qf_subtree_lone qf_subtree_lone(enum qf_subtree_kind left,
                                                   enum qf_subtree_kind right)
{
    if (left != QF_SUBTREE_INNER && right == QF_SUBTREE_EMPTY)
        return QF_SUBTREE_LEFT;
    if (left == QF_SUBTREE_EMPTY && right == QF_SUBTREE_LEAF)
        return QF_SUBTREE_RIGHT;
    return QF_SUBTREE_BOTH;
}

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
