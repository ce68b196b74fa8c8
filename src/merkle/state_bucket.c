#include "merkle/state_bucket.h"

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
    if (left->kind != QF_SUBTREE_INNER && right->kind == QF_SUBTREE_EMPTY) {
        *out = *left;
    } else if (left->kind == QF_SUBTREE_EMPTY && right->kind == QF_SUBTREE_LEAF) {
        *out = *right;
    } else {
        qf_hash_node(alg, out->hash, left->hash, right->hash);
        out->kind = QF_SUBTREE_INNER;
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

void qf_state_run_start(struct qf_state_run *run, enum qf_hash_alg alg, unsigned base)
{
    run->alg = alg;
    run->base = base;
    run->count = 0;
    run->disordered = false;
    run->waiting = 0;
}

/* Brings the last subtree up to `depth`, past levels where its sibling is empty. */
static void lift(struct qf_state_run *run, unsigned depth)
{
    static const struct qf_subtree empty = {.kind = QF_SUBTREE_EMPTY};
    if (run->last.kind != QF_SUBTREE_INNER)
        return;
    while (run->last_depth > depth) {
        run->last_depth--;
        if (qf_key_bit(run->key_hash, run->last_depth) == 0)
            qf_subtree_join(run->alg, &run->last, &run->last, &empty);
        else
            qf_subtree_join(run->alg, &run->last, &empty, &run->last);
    }
}

/* Joins the last subtree with all that wait for it below `depth`, and brings it up to there. */
static void fold(struct qf_state_run *run, unsigned depth)
{
    while (run->waiting > 0 && run->stack[run->waiting - 1].depth >= depth) {
        run->waiting--;
        lift(run, run->stack[run->waiting].depth + 1);
        qf_subtree_join(run->alg, &run->last, &run->stack[run->waiting].left, &run->last);
        run->last_depth = run->stack[run->waiting].depth;
    }
    lift(run, depth);
}

void qf_state_run_add(struct qf_state_run *run, const struct qf_state_leaf *leaf,
                      const uint8_t *hash)
{
    if (run->count > 0) {
        unsigned common = qf_common_bits(run->key_hash, leaf->key_hash);
        if (run->disordered || common == 256 || common < run->base ||
            qf_key_bit(leaf->key_hash, common) == 0) {
            run->disordered = true;
            return;
        }
        fold(run, common + 1);
        QF_ASSERT(run->waiting < 256);
        run->stack[run->waiting].depth = common;
        run->stack[run->waiting].left = run->last;
        run->waiting++;
    }
    run->count++;
    memcpy(run->key_hash, leaf->key_hash, QF_HASH_SIZE);
    if (hash != NULL)
        memcpy(run->last.hash, hash, QF_HASH_SIZE);
    else
        qf_state_leaf_hash(run->alg, run->last.hash, leaf);
    run->last.kind = QF_SUBTREE_LEAF;
    run->last_depth = 256;
}

void qf_state_run_finish(struct qf_state_run *run, struct qf_subtree *out)
{
    if (run->count == 0) {
        memset(out, 0, sizeof *out);
        return;
    }
    fold(run, run->base);
    *out = run->last;
}
