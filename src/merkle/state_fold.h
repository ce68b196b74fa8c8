/* Roots of sorted runs of state leaves: of the buckets that a block changed, or of the siblings in
 * a proof.
 *
 * Two neighbours of a run part at the depth of their common prefix. A left subtree waits on the
 * stack under the depth at which its right sibling will join; the depths on the stack ascend, so
 * 256 places are enough for any number of leaves. How subtrees join is known from the keys alone,
 * so nothing is hashed while leaves come by: the joins of all runs are written down, and hashed
 * side by side, all that wait for nothing first (qf_hash_nodes gains several times from that).
 * Private to the state tree. */
#ifndef QF_MERKLE_STATE_FOLD_H
#define QF_MERKLE_STATE_FOLD_H

#include "merkle/state_subtree.h"

/* A subtree whose hash is not computed yet: a leaf or a join of the fold by its number. */
struct qf_fold_part {
    enum qf_subtree_kind kind;
    uint32_t number;
};

struct qf_fold_join {
    struct qf_fold_part left, right;
    uint32_t round; /* 1: of leaves only; else one more than its parts' */
};

struct qf_state_fold {
    enum qf_hash_alg alg;
    bool no_memory;
    struct qf_state_leaf *leaves;
    uint8_t (*leaf_hashes)[QF_HASH_SIZE];
    size_t leaf_count, leaf_capacity;
    struct qf_fold_join *joins;
    uint8_t (*join_hashes)[QF_HASH_SIZE];
    uint32_t *order; /* of joins by round */
    size_t join_count, join_capacity;

    /* The run that leaves are added to. */
    unsigned base;            /* depth of the node whose root is wanted */
    size_t run_start;         /* its first leaf */
    bool disordered;          /* leaves did not ascend, or left the subtree at `base` */
    struct qf_fold_part last; /* the subtree that ends in the last leaf */
    unsigned last_depth;      /* where `last` stands, when it is inner */
    size_t waiting;
    struct {
        unsigned depth; /* of the parent */
        struct qf_fold_part left;
    } stack[256];
};

/* A fold is all zero before the first reset, and keeps its memory until it is freed. */
void qf_state_fold_reset(struct qf_state_fold *fold, enum qf_hash_alg alg);
void qf_state_fold_deinit(struct qf_state_fold *fold);

/* Runs come one after another: begin, add, end. The part that end gives has its hash after
 * qf_state_fold_hash. */
void qf_state_fold_begin(struct qf_state_fold *fold, unsigned base);
void qf_state_fold_add(struct qf_state_fold *fold, const struct qf_state_leaf *leaf);
struct qf_fold_part qf_state_fold_end(struct qf_state_fold *fold);
static inline size_t qf_state_fold_run_count(const struct qf_state_fold *fold)
{
    return fold->leaf_count - fold->run_start;
}

/* Computes all hashes. QF_NO_MEMORY: here or while adding. */
QF_MUST_CHECK enum qf_status qf_state_fold_hash(struct qf_state_fold *fold);
void qf_state_fold_subtree(const struct qf_state_fold *fold, struct qf_subtree *out,
                           struct qf_fold_part part);

#endif
