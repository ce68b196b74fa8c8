#include "merkle/state_fold.h"

#include <stdlib.h>

#define ROUNDS_MAX 257 /* every join stands above its parts, and there are 256 depths */
#define SIDE_BY_SIDE 64

static const uint8_t no_hash[QF_HASH_SIZE];

void qf_state_fold_reset(struct qf_state_fold *fold, enum qf_hash_alg alg)
{
    fold->alg = alg;
    fold->no_memory = false;
    fold->leaf_count = 0;
    fold->join_count = 0;
    qf_state_fold_begin(fold, 0);
}

void qf_state_fold_deinit(struct qf_state_fold *fold)
{
    free(fold->leaves);
    free(fold->leaf_hashes);
    free(fold->joins);
    free(fold->join_hashes);
    free(fold->order);
    memset(fold, 0, sizeof *fold);
}

static bool grow(void **array, size_t capacity, size_t size)
{
    void *grown = realloc(*array, capacity * size);
    if (grown == NULL)
        return false;
    *array = grown;
    return true;
}

static bool has_leaf_place(struct qf_state_fold *fold)
{
    if (fold->leaf_count < fold->leaf_capacity)
        return true;
    size_t capacity = fold->leaf_capacity == 0 ? 64 : 2 * fold->leaf_capacity;
    if (capacity > UINT32_MAX || !grow((void **)&fold->leaves, capacity, sizeof *fold->leaves) ||
        !grow((void **)&fold->leaf_hashes, capacity, sizeof *fold->leaf_hashes)) {
        fold->no_memory = true;
        return false;
    }
    fold->leaf_capacity = capacity;
    return true;
}

static bool has_join_place(struct qf_state_fold *fold)
{
    if (fold->join_count < fold->join_capacity)
        return true;
    size_t capacity = fold->join_capacity == 0 ? 64 : 2 * fold->join_capacity;
    if (capacity > UINT32_MAX || !grow((void **)&fold->joins, capacity, sizeof *fold->joins) ||
        !grow((void **)&fold->join_hashes, capacity, sizeof *fold->join_hashes) ||
        !grow((void **)&fold->order, capacity, sizeof *fold->order)) {
        fold->no_memory = true;
        return false;
    }
    fold->join_capacity = capacity;
    return true;
}

static uint32_t round_of(const struct qf_state_fold *fold, struct qf_fold_part part)
{
    return part.kind == QF_SUBTREE_INNER ? fold->joins[part.number].round : 0;
}

static struct qf_fold_part join(struct qf_state_fold *fold, struct qf_fold_part left,
                                struct qf_fold_part right)
{
    enum qf_subtree_lone lone = qf_subtree_lone(left.kind, right.kind);
    if (lone != QF_SUBTREE_BOTH)
        return lone == QF_SUBTREE_LEFT ? left : right;
    if (!has_join_place(fold))
        return left;
    uint32_t a = round_of(fold, left), b = round_of(fold, right);
    fold->joins[fold->join_count] = (struct qf_fold_join){left, right, (a > b ? a : b) + 1};
    return (struct qf_fold_part){QF_SUBTREE_INNER, (uint32_t)fold->join_count++};
}

void qf_state_fold_begin(struct qf_state_fold *fold, unsigned base)
{
    fold->base = base;
    fold->run_start = fold->leaf_count;
    fold->disordered = false;
    fold->last = (struct qf_fold_part){.kind = QF_SUBTREE_EMPTY};
    fold->waiting = 0;
}

/* Brings the last subtree up to `depth`, past levels where its sibling is empty. */
static void lift(struct qf_state_fold *fold, unsigned depth)
{
    const struct qf_fold_part empty = {.kind = QF_SUBTREE_EMPTY};
    if (fold->last.kind != QF_SUBTREE_INNER)
        return;
    const uint8_t *key_hash = fold->leaves[fold->leaf_count - 1].key_hash;
    while (fold->last_depth > depth) {
        fold->last_depth--;
        if (qf_key_bit(key_hash, fold->last_depth) == 0)
            fold->last = join(fold, fold->last, empty);
        else
            fold->last = join(fold, empty, fold->last);
    }
}

/* Joins the last subtree with all that wait for it below `depth`, and brings it up to there. */
static void rise(struct qf_state_fold *fold, unsigned depth)
{
    while (fold->waiting > 0 && fold->stack[fold->waiting - 1].depth >= depth) {
        fold->waiting--;
        lift(fold, fold->stack[fold->waiting].depth + 1);
        fold->last = join(fold, fold->stack[fold->waiting].left, fold->last);
        fold->last_depth = fold->stack[fold->waiting].depth;
    }
    lift(fold, depth);
}

void qf_state_fold_add(struct qf_state_fold *fold, const struct qf_state_leaf *leaf)
{
    if (fold->no_memory || fold->disordered || !has_leaf_place(fold))
        return;
    if (qf_state_fold_run_count(fold) > 0) {
        unsigned common =
            qf_common_bits(fold->leaves[fold->leaf_count - 1].key_hash, leaf->key_hash);
        if (common == 256 || common < fold->base || qf_key_bit(leaf->key_hash, common) == 0) {
            fold->disordered = true;
            return;
        }
        rise(fold, common + 1);
        QF_ASSERT(fold->waiting < 256);
        fold->stack[fold->waiting].depth = common;
        fold->stack[fold->waiting].left = fold->last;
        fold->waiting++;
    }
    fold->leaves[fold->leaf_count] = *leaf;
    fold->last = (struct qf_fold_part){QF_SUBTREE_LEAF, (uint32_t)fold->leaf_count++};
    fold->last_depth = 256;
}

struct qf_fold_part qf_state_fold_end(struct qf_state_fold *fold)
{
    if (qf_state_fold_run_count(fold) > 0)
        rise(fold, fold->base);
    return fold->last;
}

static const uint8_t *hash_of(const struct qf_state_fold *fold, struct qf_fold_part part)
{
    switch (part.kind) {
    case QF_SUBTREE_LEAF:
        return fold->leaf_hashes[part.number];
    case QF_SUBTREE_INNER:
        return fold->join_hashes[part.number];
    case QF_SUBTREE_EMPTY:
        break;
    }
    return no_hash;
}

/* Joins of one round, at most SIDE_BY_SIDE. */
static void hash_joins(struct qf_state_fold *fold, const uint32_t *order, size_t count)
{
    uint8_t children[2 * SIDE_BY_SIDE][QF_HASH_SIZE];
    uint8_t out[SIDE_BY_SIDE][QF_HASH_SIZE];
    for (size_t i = 0; i < count; i++) {
        const struct qf_fold_join *one = &fold->joins[order[i]];
        memcpy(children[2 * i], hash_of(fold, one->left), QF_HASH_SIZE);
        memcpy(children[2 * i + 1], hash_of(fold, one->right), QF_HASH_SIZE);
    }
    qf_hash_nodes(fold->alg, out, (const uint8_t(*)[QF_HASH_SIZE])children, count);
    for (size_t i = 0; i < count; i++)
        memcpy(fold->join_hashes[order[i]], out[i], QF_HASH_SIZE);
}

enum qf_status qf_state_fold_hash(struct qf_state_fold *fold)
{
    if (fold->no_memory)
        return QF_NO_MEMORY;
    if (fold->leaf_count > 0)
        qf_hash_leaf_pairs(fold->alg, fold->leaf_hashes,
                           (const uint8_t(*)[QF_HASH_SIZE])(void *)fold->leaves, fold->leaf_count);
    size_t ends[ROUNDS_MAX + 1] = {0}; /* [r]: where round r ends in `order` */
    for (size_t i = 0; i < fold->join_count; i++)
        ends[fold->joins[i].round]++;
    size_t rounds = 0;
    size_t total = 0;
    for (; rounds < ROUNDS_MAX && (rounds == 0 || ends[rounds] > 0); rounds++) {
        size_t here = ends[rounds];
        ends[rounds] = total;
        total += here;
    }
    for (size_t i = 0; i < fold->join_count; i++)
        fold->order[ends[fold->joins[i].round]++] = (uint32_t)i;
    for (size_t round = 1; round < rounds; round++)
        for (size_t at = ends[round - 1]; at < ends[round]; at += SIDE_BY_SIDE) {
            size_t rest = ends[round] - at;
            hash_joins(fold, fold->order + at, rest < SIDE_BY_SIDE ? rest : SIDE_BY_SIDE);
        }
    return QF_OK;
}

void qf_state_fold_subtree(const struct qf_state_fold *fold, struct qf_subtree *out,
                           struct qf_fold_part part)
{
    out->kind = part.kind;
    memcpy(out->hash, hash_of(fold, part), QF_HASH_SIZE);
}
