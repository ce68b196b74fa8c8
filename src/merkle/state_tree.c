#include "merkle/state_tree.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "merkle/state_fold.h"

/* Invariants, between calls:
 *
 * 1. A node at depth l is named by q, the first l bits of its keys read backwards: bit i of q is
 *    bit i of the key hash. Its children are q and q + 2^l at depth l + 1.
 * 2. With n buckets and 2^d <= n < 2^(d+1), buckets have the numbers 0 to n - 1. A bucket's number
 *    is its q; it stands at depth d + 1 when its low d bits are below n - 2^d, else at depth d.
 *    Splitting bucket b makes b and b + 2^d of it, so numbers stay and only the last one goes.
 * 3. The inner node q at depth l is pair 2^l + q: the subtrees of its two children side by side, so
 *    that a step towards the root touches one cache line. Pairs 1 to n - 1 are in use, each made by
 *    the split that made the bucket of its number. The root's subtree stands alone.
 * 4. page_dirty has a bit for every page whose buckets changed since qf_state_tree_each_dirty. */

#define CHUNK_PAIRS 1024u
#define BUCKETS_MAX ((uint64_t)1 << 40)
#define BUCKET_SIZE (1 + QF_HASH_SIZE) /* in a page: kind, hash */
#define HEADER_SIZE (1 + 1 + 8 + 8 + 1 + QF_HASH_SIZE)
#define HEADER_VERSION 1

struct pair {
    uint8_t hash[2][QF_HASH_SIZE];
};
_Static_assert(sizeof(struct pair) == 64, "a pair is one cache line");

struct chunk {
    struct pair pairs[CHUNK_PAIRS];
    uint8_t kinds[CHUNK_PAIRS][2];
};

struct node {
    uint64_t prefix; /* first bits of the keys, from the top; the rest zero */
    unsigned depth;
};

/* Buckets are computed in groups, so that their hashes are computed side by side. */
#define GROUP_LEAVES 256 /* a group of buckets is closed once it has so many */
#define GROUP_BUCKETS 64
#define GROUP_JOINS 64

struct qf_state_tree {
    enum qf_hash_alg alg;
    struct qf_leaf_source source;
    enum qf_status broken; /* of an update that failed half-way */
    uint64_t leaf_count;
    uint64_t bucket_count;
    uint64_t saved_buckets; /* at the last qf_state_tree_each_dirty */
    bool header_dirty;
    struct qf_subtree root;
    struct chunk **chunks;
    size_t chunk_count, chunk_capacity;
    uint64_t *page_dirty;
    size_t page_words;
    struct node *work;
    size_t work_capacity;
    struct qf_state_fold fold;
};

static uint64_t reversed(uint64_t v)
{
    v = (v >> 1 & 0x5555555555555555u) | (v & 0x5555555555555555u) << 1;
    v = (v >> 2 & 0x3333333333333333u) | (v & 0x3333333333333333u) << 2;
    v = (v >> 4 & 0x0f0f0f0f0f0f0f0fu) | (v & 0x0f0f0f0f0f0f0f0fu) << 4;
    return __builtin_bswap64(v);
}

static unsigned top_bit(uint64_t v)
{
    return 63u - (unsigned)__builtin_clzll(v);
}

static uint64_t low_mask(unsigned bits)
{
    return ((uint64_t)1 << bits) - 1;
}

/* Depth of the bucket that the keys beginning with `q` fall into. */
static unsigned bucket_depth(const struct qf_state_tree *tree, uint64_t q)
{
    unsigned d = top_bit(tree->bucket_count);
    uint64_t split = tree->bucket_count - ((uint64_t)1 << d);
    return (q & low_mask(d)) < split ? d + 1 : d;
}

static struct node bucket_node(const struct qf_state_tree *tree, uint64_t q)
{
    unsigned depth = bucket_depth(tree, q);
    return (struct node){.prefix = reversed(q & low_mask(depth)), .depth = depth};
}

static void load_subtree(const struct qf_state_tree *tree, struct qf_subtree *out, uint64_t q,
                         unsigned depth)
{
    if (depth == 0) {
        *out = tree->root;
        return;
    }
    uint64_t pair = ((uint64_t)1 << (depth - 1)) + (q & low_mask(depth - 1));
    unsigned side = (unsigned)(q >> (depth - 1)) & 1u;
    const struct chunk *chunk = tree->chunks[pair / CHUNK_PAIRS];
    out->kind = (enum qf_subtree_kind)chunk->kinds[pair % CHUNK_PAIRS][side];
    memcpy(out->hash, chunk->pairs[pair % CHUNK_PAIRS].hash[side], QF_HASH_SIZE);
}

static void store_subtree(struct qf_state_tree *tree, const struct qf_subtree *in, uint64_t q,
                          unsigned depth)
{
    if (depth == 0) {
        tree->root = *in;
        return;
    }
    uint64_t pair = ((uint64_t)1 << (depth - 1)) + (q & low_mask(depth - 1));
    unsigned side = (unsigned)(q >> (depth - 1)) & 1u;
    struct chunk *chunk = tree->chunks[pair / CHUNK_PAIRS];
    chunk->kinds[pair % CHUNK_PAIRS][side] = (uint8_t)in->kind;
    memcpy(chunk->pairs[pair % CHUNK_PAIRS].hash[side], in->hash, QF_HASH_SIZE);
}

static void join_children(struct qf_state_tree *tree, uint64_t q, unsigned depth)
{
    QF_ASSERT(depth < 63);
    struct qf_subtree left, right;
    load_subtree(tree, &left, q, depth + 1);
    load_subtree(tree, &right, q | (uint64_t)1 << depth, depth + 1);
    qf_subtree_join(tree->alg, &left, &left, &right);
    store_subtree(tree, &left, q, depth);
}

/* Joins of one depth that wait to be hashed side by side. */
struct joins {
    size_t count;
    uint64_t q[GROUP_JOINS];
    uint8_t children[2 * GROUP_JOINS][QF_HASH_SIZE];
};

static void flush_joins(struct qf_state_tree *tree, struct joins *joins, unsigned depth)
{
    uint8_t hashes[GROUP_JOINS][QF_HASH_SIZE];
    qf_hash_nodes(tree->alg, hashes, (const uint8_t(*)[QF_HASH_SIZE])joins->children, joins->count);
    for (size_t i = 0; i < joins->count; i++) {
        struct qf_subtree made = {.kind = QF_SUBTREE_INNER};
        memcpy(made.hash, hashes[i], QF_HASH_SIZE);
        store_subtree(tree, &made, joins->q[i], depth);
    }
    joins->count = 0;
}

/* As join_children, but two inner subtrees wait for others. */
static void queue_join(struct qf_state_tree *tree, struct joins *joins, uint64_t q, unsigned depth)
{
    QF_ASSERT(depth < 63);
    struct qf_subtree left, right;
    load_subtree(tree, &left, q, depth + 1);
    load_subtree(tree, &right, q | (uint64_t)1 << depth, depth + 1);
    if (left.kind != QF_SUBTREE_INNER || right.kind != QF_SUBTREE_INNER) {
        join_children(tree, q, depth);
        return;
    }
    size_t at = joins->count;
    memcpy(joins->children[2 * at], left.hash, QF_HASH_SIZE);
    memcpy(joins->children[2 * at + 1], right.hash, QF_HASH_SIZE);
    joins->q[at] = q;
    if (++joins->count == GROUP_JOINS)
        flush_joins(tree, joins, depth);
}

struct qf_state_tree *qf_state_tree_new(enum qf_hash_alg alg, const struct qf_leaf_source *source)
{
    struct qf_state_tree *tree = calloc(1, sizeof *tree);
    if (tree == NULL)
        return NULL;
    tree->alg = alg;
    tree->source = *source;
    tree->bucket_count = 1;
    tree->header_dirty = true;
    return tree;
}

void qf_state_tree_free(struct qf_state_tree *tree)
{
    if (tree == NULL)
        return;
    for (size_t i = 0; i < tree->chunk_count; i++)
        free(tree->chunks[i]);
    free(tree->chunks);
    free(tree->page_dirty);
    free(tree->work);
    qf_state_fold_deinit(&tree->fold);
    free(tree);
}

static void mark_page(struct qf_state_tree *tree, uint64_t bucket)
{
    uint64_t page = bucket / QF_STATE_PAGE_BUCKETS;
    tree->page_dirty[page / 64] |= (uint64_t)1 << (page % 64);
}

/* Memory for `buckets`; what is allocated already never moves. */
static enum qf_status reserve(struct qf_state_tree *tree, uint64_t buckets)
{
    size_t chunks = (size_t)((buckets + CHUNK_PAIRS - 1) / CHUNK_PAIRS);
    size_t words = (size_t)(buckets / QF_STATE_PAGE_BUCKETS / 64 + 1);
    if (chunks > tree->chunk_capacity) {
        size_t capacity = chunks + chunks / 2;
        struct chunk **grown = realloc(tree->chunks, capacity * sizeof *grown);
        if (grown == NULL)
            return QF_NO_MEMORY;
        tree->chunks = grown;
        tree->chunk_capacity = capacity;
    }
    for (; tree->chunk_count < chunks; tree->chunk_count++) {
        struct chunk *chunk = aligned_alloc(64, (sizeof(struct chunk) + 63) / 64 * 64);
        if (chunk == NULL)
            return QF_NO_MEMORY;
        memset(chunk, 0, sizeof *chunk);
        tree->chunks[tree->chunk_count] = chunk;
    }
    if (words > tree->page_words) {
        size_t capacity = words + words / 2;
        uint64_t *grown = realloc(tree->page_dirty, capacity * sizeof *grown);
        if (grown == NULL)
            return QF_NO_MEMORY;
        memset(grown + tree->page_words, 0, (capacity - tree->page_words) * sizeof *grown);
        tree->page_dirty = grown;
        tree->page_words = capacity;
    }
    return QF_OK;
}

static enum qf_status reserve_work(struct qf_state_tree *tree, size_t count)
{
    if (count <= tree->work_capacity)
        return QF_OK;
    struct node *grown = realloc(tree->work, count * sizeof *grown);
    if (grown == NULL)
        return QF_NO_MEMORY;
    tree->work = grown;
    tree->work_capacity = count;
    return QF_OK;
}

static void add_leaf(void *arg, const struct qf_state_leaf *leaf)
{
    qf_state_fold_add(arg, leaf);
}

/* The first and last key hash below a node. */
static void node_range(const struct node *node, uint8_t from[QF_HASH_SIZE],
                       uint8_t to[QF_HASH_SIZE])
{
    memset(from, 0, QF_HASH_SIZE);
    memset(to, 0xff, QF_HASH_SIZE);
    qf_be64_store(from, node->prefix);
    qf_be64_store(to, node->prefix | (node->depth == 0 ? UINT64_MAX : UINT64_MAX >> node->depth));
}

static bool in_node(const struct node *node, const uint8_t key_hash[QF_HASH_SIZE])
{
    return node->depth == 0 || ((qf_be64_load(key_hash) ^ node->prefix) >> (64 - node->depth)) == 0;
}

static enum qf_status scan_bucket(struct qf_state_tree *tree, const struct node *bucket,
                                  struct qf_fold_part *root)
{
    struct qf_state_fold *fold = &tree->fold;
    uint8_t from[QF_HASH_SIZE], to[QF_HASH_SIZE];
    node_range(bucket, from, to);
    qf_state_fold_begin(fold, bucket->depth);
    enum qf_status status = tree->source.scan(tree->source.self, from, to, add_leaf, fold);
    if (status != QF_OK)
        return status;
    if (fold->no_memory)
        return QF_NO_MEMORY;
    if (fold->disordered || (qf_state_fold_run_count(fold) > 0 &&
                             !in_node(bucket, fold->leaves[fold->leaf_count - 1].key_hash)))
        return QF_CORRUPT;
    *root = qf_state_fold_end(fold);
    return QF_OK;
}

/* Computes buckets from `*at` on, as many as make a group. */
static enum qf_status compute_group(struct qf_state_tree *tree, const struct node *buckets,
                                    size_t count, size_t *at)
{
    struct qf_fold_part roots[GROUP_BUCKETS];
    const struct node *first = buckets + *at;
    size_t used = 0;
    enum qf_status status = QF_OK;
    qf_state_fold_reset(&tree->fold, tree->alg);
    while (status == QF_OK && *at + used < count && used < GROUP_BUCKETS &&
           tree->fold.leaf_count < GROUP_LEAVES) {
        status = scan_bucket(tree, &first[used], &roots[used]);
        used++;
    }
    if (status == QF_OK)
        status = qf_state_fold_hash(&tree->fold);
    for (size_t i = 0; i < used && status == QF_OK; i++) {
        struct qf_subtree subtree;
        qf_state_fold_subtree(&tree->fold, &subtree, roots[i]);
        uint64_t q = reversed(first[i].prefix);
        store_subtree(tree, &subtree, q, first[i].depth);
        mark_page(tree, q);
    }
    *at += used;
    return status;
}

static int by_prefix(const void *a, const void *b)
{
    uint64_t x = ((const struct node *)a)->prefix, y = ((const struct node *)b)->prefix;
    return (x > y) - (x < y);
}

/* Drops repeats: two nodes of the list never lie inside each other. */
static size_t unique(struct node *nodes, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || nodes[kept - 1].prefix != nodes[i].prefix)
            nodes[kept++] = nodes[i];
    return kept;
}

/* Goes from the buckets up, all of one depth before the next, so that a parent of several is
 * computed once. Buckets stand at two depths; the first round brings the deeper ones level. */
static void join_upwards(struct qf_state_tree *tree, struct node *nodes, size_t count)
{
    struct joins joins;
    joins.count = 0;
    unsigned depth = top_bit(tree->bucket_count) + 1;
    for (; depth > 0; depth--) {
        for (size_t i = 0; i < count; i++)
            if (nodes[i].depth == depth)
                nodes[i].prefix &= ~((uint64_t)1 << (64 - depth));
        /* Clearing the last bit keeps the order. */
        size_t kept = 0;
        for (size_t i = 0; i < count; i++) {
            if (kept > 0 && nodes[kept - 1].prefix == nodes[i].prefix)
                continue;
            if (nodes[i].depth == depth) {
                nodes[i].depth--;
                queue_join(tree, &joins, reversed(nodes[i].prefix), depth - 1);
            }
            nodes[kept++] = nodes[i];
        }
        flush_joins(tree, &joins, depth - 1);
        count = kept;
    }
}

/* Sets the number of buckets to what the number of leaves asks for, and lists the buckets that came
 * of it. Merged buckets need no work: their parent's subtree is there already. */
static size_t resize(struct qf_state_tree *tree, uint64_t wanted, struct node *list)
{
    uint64_t old = tree->bucket_count;
    size_t count = 0;
    tree->bucket_count = wanted;
    for (uint64_t b = old; b < wanted; b++) {
        list[count++] = bucket_node(tree, b);
        list[count++] = bucket_node(tree, b ^ (uint64_t)1 << top_bit(b));
    }
    for (uint64_t b = wanted; b < old; b++) {
        uint64_t into = b;
        while (into >= wanted)
            into ^= (uint64_t)1 << top_bit(into);
        mark_page(tree, into);
        mark_page(tree, b); /* its page ends earlier, or is no longer needed */
    }
    return count;
}

static enum qf_status update(struct qf_state_tree *tree, const uint8_t (*key_hashes)[QF_HASH_SIZE],
                             size_t count, uint64_t leaf_count)
{
    uint64_t wanted = (leaf_count + QF_STATE_BUCKET - 1) / QF_STATE_BUCKET;
    if (wanted == 0)
        wanted = 1;
    if (wanted > BUCKETS_MAX)
        return QF_OVER_LIMIT;
    uint64_t largest = wanted > tree->bucket_count ? wanted : tree->bucket_count;
    enum qf_status status = reserve(tree, largest);
    if (status == QF_OK)
        status = reserve_work(tree, (size_t)(largest - tree->bucket_count) * 2 + count);
    if (status != QF_OK)
        return status;
    size_t listed = resize(tree, wanted, tree->work);
    for (size_t i = 0; i < count; i++) {
        QF_ASSERT(i == 0 || memcmp(key_hashes[i - 1], key_hashes[i], QF_HASH_SIZE) < 0);
        tree->work[listed++] = bucket_node(tree, reversed(qf_be64_load(key_hashes[i])));
    }
    qsort(tree->work, listed, sizeof *tree->work, by_prefix);
    listed = unique(tree->work, listed);
    for (size_t i = 0; i < listed && status == QF_OK;)
        status = compute_group(tree, tree->work, listed, &i);
    if (status != QF_OK)
        return status;
    join_upwards(tree, tree->work, listed);
    tree->leaf_count = leaf_count;
    tree->header_dirty = true;
    return QF_OK;
}

enum qf_status qf_state_tree_update(struct qf_state_tree *tree,
                                    const uint8_t (*key_hashes)[QF_HASH_SIZE], size_t count,
                                    int64_t leaf_count_change)
{
    if (tree->broken != QF_OK)
        return tree->broken;
    QF_ASSERT(leaf_count_change >= 0 || tree->leaf_count >= 0 - (uint64_t)leaf_count_change);
    if (count > 0)
        tree->broken =
            update(tree, key_hashes, count, tree->leaf_count + (uint64_t)leaf_count_change);
    return tree->broken;
}

void qf_state_tree_root(const struct qf_state_tree *tree, uint8_t out[QF_HASH_SIZE])
{
    memcpy(out, tree->root.hash, QF_HASH_SIZE);
}

uint64_t qf_state_tree_leaf_count(const struct qf_state_tree *tree)
{
    return tree->leaf_count;
}

/* ---- saving ---- */

static void put_page(const struct qf_state_tree *tree, struct qf_buf *buf, uint64_t page)
{
    uint64_t begin = page * QF_STATE_PAGE_BUCKETS;
    uint64_t end = begin + QF_STATE_PAGE_BUCKETS;
    for (uint64_t b = begin; b < end && b < tree->bucket_count; b++) {
        struct qf_subtree subtree;
        load_subtree(tree, &subtree, b, bucket_depth(tree, b));
        qf_buf_put_byte(buf, (uint8_t)subtree.kind);
        qf_buf_put(buf, subtree.hash, QF_HASH_SIZE);
    }
}

void qf_state_tree_each_dirty(struct qf_state_tree *tree,
                              void (*page)(void *arg, uint64_t number, struct qf_slice bytes),
                              void *arg)
{
    QF_ASSERT(tree->broken == QF_OK);
    struct qf_buf buf = {0};
    if (tree->saved_buckets == 0 && tree->page_words == 0) {
        put_page(tree, &buf, 0);
        page(arg, 0, qf_buf_slice(&buf));
    }
    for (size_t word = 0; word < tree->page_words; word++) {
        for (uint64_t bits = tree->page_dirty[word]; bits != 0; bits &= bits - 1) {
            uint64_t number = word * 64 + (uint64_t)__builtin_ctzll(bits);
            if (number * QF_STATE_PAGE_BUCKETS >= tree->bucket_count)
                continue;
            qf_buf_reset(&buf);
            put_page(tree, &buf, number);
            page(arg, number, qf_buf_slice(&buf));
        }
        tree->page_dirty[word] = 0;
    }
    /* Pages past the end, after the tree has become smaller. */
    uint64_t used = (tree->bucket_count + QF_STATE_PAGE_BUCKETS - 1) / QF_STATE_PAGE_BUCKETS;
    for (uint64_t number = used; number * QF_STATE_PAGE_BUCKETS < tree->saved_buckets; number++)
        page(arg, number, (struct qf_slice){NULL, 0});
    tree->saved_buckets = tree->bucket_count;
    if (tree->header_dirty) {
        qf_buf_reset(&buf);
        qf_buf_put_byte(&buf, HEADER_VERSION);
        qf_buf_put_byte(&buf, (uint8_t)tree->alg);
        qf_buf_put_be64(&buf, tree->bucket_count);
        qf_buf_put_be64(&buf, tree->leaf_count);
        qf_buf_put_byte(&buf, (uint8_t)tree->root.kind);
        qf_buf_put(&buf, tree->root.hash, QF_HASH_SIZE);
        page(arg, UINT64_MAX, qf_buf_slice(&buf));
        tree->header_dirty = false;
    }
    QF_ASSERT(qf_buf_status(&buf) == QF_OK);
    qf_buf_deinit(&buf);
}

static bool take_subtree(struct qf_subtree *out, const uint8_t *in)
{
    static const uint8_t zero[QF_HASH_SIZE];
    if (in[0] > QF_SUBTREE_INNER)
        return false;
    out->kind = (enum qf_subtree_kind)in[0];
    memcpy(out->hash, in + 1, QF_HASH_SIZE);
    return out->kind != QF_SUBTREE_EMPTY || memcmp(out->hash, zero, sizeof zero) == 0;
}

static enum qf_status load_page(struct qf_state_tree *tree, uint64_t number, struct qf_slice bytes)
{
    uint64_t begin = number * QF_STATE_PAGE_BUCKETS;
    uint64_t rest = tree->bucket_count - begin;
    size_t count = rest < QF_STATE_PAGE_BUCKETS ? (size_t)rest : QF_STATE_PAGE_BUCKETS;
    if (bytes.size != count * BUCKET_SIZE)
        return QF_CORRUPT;
    for (size_t i = 0; i < count; i++) {
        struct qf_subtree subtree;
        if (!take_subtree(&subtree, bytes.data + i * BUCKET_SIZE))
            return QF_CORRUPT;
        store_subtree(tree, &subtree, begin + i, bucket_depth(tree, begin + i));
    }
    return QF_OK;
}

static enum qf_status
load(struct qf_state_tree *tree,
     enum qf_status (*page)(void *arg, uint64_t number, struct qf_slice *bytes), void *arg)
{
    struct qf_slice bytes = {NULL, 0};
    enum qf_status status = page(arg, UINT64_MAX, &bytes);
    if (status != QF_OK)
        return status;
    struct qf_subtree root;
    if (bytes.size != HEADER_SIZE || bytes.data[0] != HEADER_VERSION ||
        bytes.data[1] != (uint8_t)tree->alg || !take_subtree(&root, bytes.data + 18))
        return QF_CORRUPT;
    uint64_t buckets = qf_be64_load(bytes.data + 2), leaves = qf_be64_load(bytes.data + 10);
    if (buckets == 0 || buckets > BUCKETS_MAX)
        return QF_CORRUPT;
    status = reserve(tree, buckets);
    tree->bucket_count = buckets;
    for (uint64_t i = 0; i * QF_STATE_PAGE_BUCKETS < buckets && status == QF_OK; i++) {
        status = page(arg, i, &bytes);
        if (status == QF_OK)
            status = load_page(tree, i, bytes);
    }
    if (status != QF_OK)
        return status;
    for (uint64_t pair = buckets - 1; pair > 0; pair--)
        join_children(tree, pair ^ (uint64_t)1 << top_bit(pair), top_bit(pair));
    if (root.kind != tree->root.kind || memcmp(root.hash, tree->root.hash, QF_HASH_SIZE) != 0)
        return QF_CORRUPT;
    tree->leaf_count = leaves;
    tree->saved_buckets = buckets;
    tree->header_dirty = false;
    return QF_OK;
}

enum qf_status qf_state_tree_load(struct qf_state_tree *tree,
                                  enum qf_status (*page)(void *arg, uint64_t number,
                                                         struct qf_slice *bytes),
                                  void *arg)
{
    QF_ASSERT(tree->broken == QF_OK && tree->bucket_count == 1 && tree->leaf_count == 0);
    tree->broken = load(tree, page, arg);
    return tree->broken;
}

/* ---- proofs ---- */

/* Sorts the leaves of a bucket by the depth at which they part from the wanted key. Those of one
 * depth come one after another, and their root is the sibling there. */
struct prover {
    struct qf_state_proof *proof;
    const uint8_t *key_hash;
    struct node bucket;
    struct qf_state_fold fold;
    struct qf_fold_part siblings[QF_STATE_PROOF_MAX]; /* inside the bucket; by depth, from 1 */
    unsigned deepest;       /* depth of the sibling just below the deepest parting; 0: none */
    unsigned before;        /* the second deepest, or the bucket's depth */
    uint64_t deepest_count; /* leaves of the deepest sibling */
    struct qf_state_leaf deepest_leaf;
    bool present, bad;
    struct qf_state_leaf leaf;
};

static void close_run(struct prover *p)
{
    uint64_t count = qf_state_fold_run_count(&p->fold);
    if (count == 0)
        return;
    unsigned depth = p->fold.base;
    p->siblings[depth - 1] = qf_state_fold_end(&p->fold);
    p->bad |= p->fold.disordered;
    if (depth > p->deepest) {
        if (p->deepest != 0)
            p->before = p->deepest;
        p->deepest = depth;
        p->deepest_count = count;
    } else if (depth > p->before) {
        p->before = depth;
    }
    qf_state_fold_begin(&p->fold, 0);
}

static void prove_leaf(void *arg, const struct qf_state_leaf *leaf)
{
    struct prover *p = arg;
    if (p->bad || !in_node(&p->bucket, leaf->key_hash)) {
        p->bad = true;
        return;
    }
    unsigned common = qf_common_bits(p->key_hash, leaf->key_hash);
    if (common == 256) {
        close_run(p);
        p->present = true;
        p->leaf = *leaf;
        return;
    }
    if (qf_state_fold_run_count(&p->fold) == 0 || p->fold.base != common + 1) {
        close_run(p);
        qf_state_fold_begin(&p->fold, common + 1);
    }
    qf_state_fold_add(&p->fold, leaf);
    if (common + 1 > p->deepest)
        p->deepest_leaf = *leaf;
}

/* Below a bucket with several leaves. */
static void end_proof(struct prover *p)
{
    struct qf_state_proof *proof = p->proof;
    if (p->present) {
        proof->depth = p->deepest > 0 ? p->deepest : p->bucket.depth;
        proof->has_leaf = true;
        proof->leaf = p->leaf;
    } else if (p->deepest_count == 1) {
        proof->depth = p->before;
        proof->has_leaf = true;
        proof->leaf = p->deepest_leaf;
    } else {
        proof->depth = p->deepest > 0 ? p->deepest : p->bucket.depth;
    }
}

enum qf_status qf_state_tree_prove(struct qf_state_tree *tree, const uint8_t key_hash[QF_HASH_SIZE],
                                   struct qf_state_proof *out)
{
    if (tree->broken != QF_OK)
        return tree->broken;
    memset(out, 0, sizeof *out);
    uint64_t first = qf_be64_load(key_hash), q = reversed(first);
    unsigned bottom = bucket_depth(tree, q), depth = 0;
    struct qf_subtree here = tree->root;
    while (here.kind == QF_SUBTREE_INNER && depth < bottom) {
        uint64_t bit = (uint64_t)1 << depth;
        struct qf_subtree sibling;
        load_subtree(tree, &sibling, (q ^ bit) & low_mask(depth + 1), depth + 1);
        memcpy(out->siblings[depth], sibling.hash, QF_HASH_SIZE);
        depth++;
        load_subtree(tree, &here, q & low_mask(depth), depth);
    }
    out->depth = depth;
    struct prover *p = calloc(1, sizeof *p);
    if (p == NULL)
        return QF_NO_MEMORY;
    p->proof = out;
    p->key_hash = key_hash;
    p->bucket = (struct node){.prefix = reversed(q & low_mask(depth)), .depth = depth};
    qf_state_fold_reset(&p->fold, tree->alg);
    p->before = depth;
    enum qf_status status = QF_OK;
    if (here.kind != QF_SUBTREE_EMPTY) {
        uint8_t from[QF_HASH_SIZE], to[QF_HASH_SIZE];
        node_range(&p->bucket, from, to);
        status = tree->source.scan(tree->source.self, from, to, prove_leaf, p);
        close_run(p);
        end_proof(p);
        if (status == QF_OK)
            status = qf_state_fold_hash(&p->fold);
        for (unsigned i = p->bucket.depth; i < out->depth && status == QF_OK; i++) {
            struct qf_subtree sibling;
            qf_state_fold_subtree(&p->fold, &sibling, p->siblings[i]);
            memcpy(out->siblings[i], sibling.hash, QF_HASH_SIZE);
        }
    }
    bool bad = p->bad;
    const uint8_t *value_hash = p->present ? out->leaf.value_hash : NULL;
    qf_state_fold_deinit(&p->fold);
    free(p);
    if (status != QF_OK)
        return status;
    return !bad && qf_state_verify(tree->alg, tree->root.hash, key_hash, value_hash, out) == QF_OK
               ? QF_OK
               : QF_CORRUPT;
}

enum qf_status qf_state_verify(enum qf_hash_alg alg, const uint8_t root[QF_HASH_SIZE],
                               const uint8_t key_hash[QF_HASH_SIZE], const uint8_t *value_hash,
                               const struct qf_state_proof *proof)
{
    if (proof->depth > QF_STATE_PROOF_MAX)
        return QF_INVALID;
    bool same = proof->has_leaf && memcmp(proof->leaf.key_hash, key_hash, QF_HASH_SIZE) == 0;
    if (value_hash != NULL) {
        if (!same || memcmp(proof->leaf.value_hash, value_hash, QF_HASH_SIZE) != 0)
            return QF_INVALID;
    } else if (same ||
               (proof->has_leaf && qf_common_bits(proof->leaf.key_hash, key_hash) < proof->depth)) {
        return QF_INVALID;
    }
    uint8_t hash[QF_HASH_SIZE] = {0};
    if (proof->has_leaf)
        qf_state_leaf_hash(alg, hash, &proof->leaf);
    for (size_t depth = proof->depth; depth > 0; depth--) {
        const uint8_t *sibling = proof->siblings[depth - 1];
        if (qf_key_bit(key_hash, (unsigned)depth - 1) == 0)
            qf_hash_node(alg, hash, hash, sibling);
        else
            qf_hash_node(alg, hash, sibling, hash);
    }
    return memcmp(hash, root, QF_HASH_SIZE) == 0 ? QF_OK : QF_INVALID;
}
