#include "merkle/log_tree.h"

#define WINDOW 256 /* leaves; so many are a tile */

/* Largest power of two below `size`; requires size > 1. */
static uint64_t split_of(uint64_t size)
{
    return (uint64_t)1 << (63 - __builtin_clzll(size - 1));
}

static unsigned low_bit(uint64_t value)
{
    return (unsigned)__builtin_ctzll(value);
}

void qf_log_tree_init(struct qf_log_tree *tree, enum qf_hash_alg alg)
{
    memset(tree, 0, sizeof *tree);
    tree->alg = alg;
}

void qf_log_tree_append(struct qf_log_tree *tree, const uint8_t leaf[QF_HASH_SIZE],
                        qf_log_node_fn *node, void *arg)
{
    QF_ASSERT(tree->size < QF_LOG_SIZE_MAX);
    uint8_t hash[QF_HASH_SIZE];
    memcpy(hash, leaf, sizeof hash);
    uint64_t index = tree->size;
    unsigned level = 0;
    if (node != NULL)
        node(arg, 0, index, hash);
    /* Adding one carries through the set bits of size, and so do the complete subtrees. */
    for (; (index & 1) != 0; level++) {
        qf_hash_node(tree->alg, hash, tree->frontier[level], hash);
        index >>= 1;
        if (node != NULL)
            node(arg, level + 1, index, hash);
    }
    memcpy(tree->frontier[level], hash, sizeof hash);
    tree->size++;
}

/* Leaves that end no later than the next multiple of WINDOW. */
static void extend_window(struct qf_log_tree *tree, const uint8_t (*leaves)[QF_HASH_SIZE],
                          size_t count, qf_log_node_fn *node, void *arg)
{
    /* The nodes of a level that are new, after a place for their sibling to the left. */
    uint8_t here[1 + WINDOW][QF_HASH_SIZE];
    uint8_t above[1 + WINDOW / 2][QF_HASH_SIZE];
    uint64_t index = tree->size;
    memcpy(here[1], leaves, count * QF_HASH_SIZE);
    tree->size += count;
    for (unsigned level = 0; count > 0; level++) {
        if (node != NULL)
            for (size_t i = 0; i < count; i++)
                node(arg, level, index + i, here[1 + i]);
        size_t left = index & 1; /* 1: the first new node completes a pair */
        size_t pairs = (left + count) / 2;
        if (left == 1)
            memcpy(here[0], tree->frontier[level], QF_HASH_SIZE);
        if (((left + count) & 1) != 0)
            memcpy(tree->frontier[level], here[count], QF_HASH_SIZE);
        qf_hash_nodes(tree->alg, above + 1, (const uint8_t(*)[QF_HASH_SIZE])here + 1 - left, pairs);
        memcpy(here[1], above[1], pairs * QF_HASH_SIZE);
        index >>= 1;
        count = pairs;
    }
}

void qf_log_tree_extend(struct qf_log_tree *tree, const uint8_t (*leaves)[QF_HASH_SIZE],
                        size_t count, qf_log_node_fn *node, void *arg)
{
    QF_ASSERT(count <= QF_LOG_SIZE_MAX - tree->size);
    while (count > 0) {
        size_t some = WINDOW - (size_t)(tree->size % WINDOW);
        if (some > count)
            some = count;
        extend_window(tree, leaves, some, node, arg);
        leaves += some;
        count -= some;
    }
}

void qf_log_tree_root(const struct qf_log_tree *tree, uint8_t out[QF_HASH_SIZE])
{
    if (tree->size == 0) {
        qf_hash(tree->alg, out, (struct qf_slice){NULL, 0});
        return;
    }
    uint64_t rest = tree->size;
    memcpy(out, tree->frontier[low_bit(rest)], QF_HASH_SIZE);
    for (rest &= rest - 1; rest != 0; rest &= rest - 1)
        qf_hash_node(tree->alg, out, tree->frontier[low_bit(rest)], out);
}

struct range {
    uint64_t begin, end;
};

/* The hash of a range that begins at a multiple of every complete subtree in it, as all ranges of
 * the proofs do: those subtrees, largest first, folded from the right. */
static enum qf_status range_hash(enum qf_hash_alg alg, uint8_t out[QF_HASH_SIZE],
                                 struct range range, const struct qf_hash_reader *reader)
{
    uint64_t size = range.end - range.begin;
    uint64_t end = range.end;
    bool first = true;
    for (uint64_t rest = size; rest != 0; rest &= rest - 1) {
        unsigned level = low_bit(rest);
        uint8_t hash[QF_HASH_SIZE];
        end -= (uint64_t)1 << level;
        enum qf_status status = reader->read(reader->self, level, end >> level, hash);
        if (status != QF_OK)
            return status;
        if (first)
            memcpy(out, hash, QF_HASH_SIZE);
        else
            qf_hash_node(alg, out, hash, out);
        first = false;
    }
    return QF_OK;
}

/* The proofs list their ranges from the root down; on the wire the deepest comes first. */
static enum qf_status fill_proof(enum qf_hash_alg alg, struct qf_log_proof *out,
                                 const struct range *ranges, size_t count,
                                 const struct qf_hash_reader *reader)
{
    out->count = count;
    for (size_t i = 0; i < count; i++) {
        enum qf_status status = range_hash(alg, out->hashes[i], ranges[count - 1 - i], reader);
        if (status != QF_OK)
            return status;
    }
    return QF_OK;
}

enum qf_status qf_log_prove_inclusion(enum qf_hash_alg alg, struct qf_log_proof *out,
                                      uint64_t index, uint64_t size,
                                      const struct qf_hash_reader *reader)
{
    QF_ASSERT(index < size && size <= QF_LOG_SIZE_MAX);
    struct range siblings[QF_PROOF_HASHES_MAX];
    size_t count = 0;
    struct range here = {0, size};
    while (here.end - here.begin > 1) {
        uint64_t middle = here.begin + split_of(here.end - here.begin);
        QF_ASSERT(count < QF_PROOF_HASHES_MAX);
        if (index < middle) {
            siblings[count++] = (struct range){middle, here.end};
            here.end = middle;
        } else {
            siblings[count++] = (struct range){here.begin, middle};
            here.begin = middle;
        }
    }
    return fill_proof(alg, out, siblings, count, reader);
}

enum qf_status qf_log_prove_consistency(enum qf_hash_alg alg, struct qf_log_proof *out,
                                        uint64_t old_size, uint64_t size,
                                        const struct qf_hash_reader *reader)
{
    QF_ASSERT(old_size <= size && size <= QF_LOG_SIZE_MAX);
    struct range parts[QF_PROOF_HASHES_MAX];
    size_t count = 0;
    struct range here = {0, size};
    out->count = 0;
    if (old_size == 0 || old_size == size)
        return QF_OK;
    while (here.end != old_size) {
        uint64_t middle = here.begin + split_of(here.end - here.begin);
        QF_ASSERT(count < QF_PROOF_HASHES_MAX);
        if (old_size <= middle) {
            parts[count++] = (struct range){middle, here.end};
            here.end = middle;
        } else {
            parts[count++] = (struct range){here.begin, middle};
            here.begin = middle;
        }
    }
    /* A complete subtree on the left edge is the old root, which the verifier has. */
    if (here.begin != 0) {
        QF_ASSERT(count < QF_PROOF_HASHES_MAX);
        parts[count++] = here;
    }
    return fill_proof(alg, out, parts, count, reader);
}

enum qf_status qf_log_verify_inclusion(enum qf_hash_alg alg, uint64_t index, uint64_t size,
                                       const uint8_t leaf[QF_HASH_SIZE],
                                       const struct qf_log_proof *proof,
                                       const uint8_t root[QF_HASH_SIZE])
{
    if (index >= size || proof->count > QF_PROOF_HASHES_MAX)
        return QF_INVALID;
    uint64_t fn = index, sn = size - 1;
    uint8_t hash[QF_HASH_SIZE];
    memcpy(hash, leaf, sizeof hash);
    for (size_t i = 0; i < proof->count; i++) {
        if (sn == 0)
            return QF_INVALID;
        if ((fn & 1) != 0 || fn == sn) {
            qf_hash_node(alg, hash, proof->hashes[i], hash);
            while ((fn & 1) == 0 && fn != 0) {
                fn >>= 1;
                sn >>= 1;
            }
        } else {
            qf_hash_node(alg, hash, hash, proof->hashes[i]);
        }
        fn >>= 1;
        sn >>= 1;
    }
    return sn == 0 && memcmp(hash, root, sizeof hash) == 0 ? QF_OK : QF_INVALID;
}

/* RFC 9162 2.1.4.2 with the leaves before `start` left out, as in the draft's section 4.4.3; with
 * start 0 it is the RFC's own. `fr` grows to the subtree's root, `sr` to the log's. Requires a
 * subtree that is not empty and a log that reaches to its end. */
static bool check_subtree(enum qf_hash_alg alg, struct qf_log_subtree subtree, uint64_t size,
                          const uint8_t subtree_root[QF_HASH_SIZE],
                          const uint8_t root[QF_HASH_SIZE], const struct qf_log_proof *proof)
{
    uint64_t fn = subtree.start, sn = subtree.end - 1, tn = size - 1;
    size_t next = 0;
    unsigned up = 0;
    while (fn >> up != sn >> up && (sn == tn || (sn >> up & 1) != 0))
        up++;
    fn >>= up;
    sn >>= up;
    tn >>= up;
    uint8_t fr[QF_HASH_SIZE], sr[QF_HASH_SIZE];
    /* A subtree that is complete, or reaches the log's end, is its own first hash. */
    if (fn != sn && proof->count == 0)
        return false;
    memcpy(fr, fn == sn ? subtree_root : proof->hashes[next++], sizeof fr);
    memcpy(sr, fr, sizeof sr);
    for (; next < proof->count; next++) {
        const uint8_t *c = proof->hashes[next];
        if (tn == 0)
            return false;
        up = 1;
        if ((sn & 1) != 0 || sn == tn) {
            if (fn < sn)
                qf_hash_node(alg, fr, c, fr);
            qf_hash_node(alg, sr, c, sr);
            up += (unsigned)__builtin_ctzll(sn);
        } else {
            qf_hash_node(alg, sr, sr, c);
        }
        fn >>= up;
        sn >>= up;
        tn >>= up;
    }
    return tn == 0 && memcmp(fr, subtree_root, sizeof fr) == 0 && memcmp(sr, root, sizeof sr) == 0;
}

enum qf_status qf_log_verify_consistency(enum qf_hash_alg alg, uint64_t old_size, uint64_t size,
                                         const uint8_t old_root[QF_HASH_SIZE],
                                         const uint8_t root[QF_HASH_SIZE],
                                         const struct qf_log_proof *proof)
{
    if (old_size > size || proof->count > QF_PROOF_HASHES_MAX)
        return QF_INVALID;
    if (size == 0) { /* only one root is that of nothing */
        uint8_t empty[QF_HASH_SIZE];
        qf_hash(alg, empty, (struct qf_slice){NULL, 0});
        if (memcmp(root, empty, sizeof empty) != 0)
            return QF_INVALID;
    }
    if (old_size == size)
        return proof->count == 0 && memcmp(old_root, root, QF_HASH_SIZE) == 0 ? QF_OK : QF_INVALID;
    if (old_size == 0 || proof->count == 0)
        return QF_INVALID;
    const struct qf_log_subtree prefix = {0, old_size};
    return check_subtree(alg, prefix, size, old_root, root, proof) ? QF_OK : QF_INVALID;
}

/* A subtree that is not empty. */
static bool is_subtree(struct qf_log_subtree subtree)
{
    if (subtree.start >= subtree.end || subtree.end > QF_LOG_SIZE_MAX)
        return false;
    uint64_t width = 1;
    while (width < subtree.end - subtree.start)
        width *= 2;
    return subtree.start % width == 0;
}

enum qf_status qf_log_verify_subtree_inclusion(enum qf_hash_alg alg, uint64_t index,
                                               struct qf_log_subtree subtree,
                                               const uint8_t leaf[QF_HASH_SIZE],
                                               const struct qf_log_proof *proof,
                                               const uint8_t subtree_root[QF_HASH_SIZE])
{
    if (!is_subtree(subtree) || index < subtree.start)
        return QF_INVALID;
    return qf_log_verify_inclusion(alg, index - subtree.start, subtree.end - subtree.start, leaf,
                                   proof, subtree_root);
}

enum qf_status qf_log_verify_subtree_consistency(enum qf_hash_alg alg,
                                                 struct qf_log_subtree subtree, uint64_t size,
                                                 const uint8_t subtree_root[QF_HASH_SIZE],
                                                 const uint8_t root[QF_HASH_SIZE],
                                                 const struct qf_log_proof *proof)
{
    if (subtree.end > size || size > QF_LOG_SIZE_MAX || proof->count > QF_PROOF_HASHES_MAX)
        return QF_INVALID;
    if (subtree.start == subtree.end) {
        uint8_t empty[QF_HASH_SIZE];
        qf_hash(alg, empty, (struct qf_slice){NULL, 0});
        return proof->count == 0 && memcmp(subtree_root, empty, sizeof empty) == 0 ? QF_OK
                                                                                   : QF_INVALID;
    }
    return is_subtree(subtree) && check_subtree(alg, subtree, size, subtree_root, root, proof)
               ? QF_OK
               : QF_INVALID;
}
