#include "merkle/state_subtree.h"

#include "base/bytes.h"

_Static_assert(sizeof(struct qf_state_leaf) == sizeof(uint8_t[2][QF_HASH_SIZE]),
               "a leaf is hashed as it stands");

void qf_state_leaf_hash(enum qf_hash_alg alg, uint8_t out[QF_HASH_SIZE],
                        const struct qf_state_leaf *leaf)
{
    qf_hash_leaf(alg, out, qf_slice_make(leaf, sizeof *leaf));
}

void qf_subtree_join(enum qf_hash_alg alg, struct qf_subtree *out, const struct qf_subtree *left,
                     const struct qf_subtree *right)
{
    switch (qf_subtree_lone(left->kind, right->kind)) {
    case QF_SUBTREE_LEFT:
        *out = *left;
        break;
    case QF_SUBTREE_RIGHT:
        *out = *right;
        break;
    case QF_SUBTREE_BOTH:
        qf_hash_node(alg, out->hash, left->hash, right->hash);
        out->kind = QF_SUBTREE_INNER;
        break;
    }
}

unsigned qf_common_bits(const uint8_t a[QF_HASH_SIZE], const uint8_t b[QF_HASH_SIZE])
{
    for (unsigned i = 0; i < QF_HASH_SIZE; i += 8) {
        uint64_t differ = qf_be64_load(a + i) ^ qf_be64_load(b + i);
        if (differ != 0)
            return i * 8 + (unsigned)__builtin_clzll(differ);
    }
    return 256;
}
