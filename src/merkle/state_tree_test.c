#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "merkle/state_tree.h"

#define LEAVES_MAX 6000

/* Sorted leaves in memory. */
struct model {
    struct qf_state_leaf leaves[LEAVES_MAX];
    size_t count;
    bool fail;
};

static enum qf_status scan(void *self, const uint8_t from[QF_HASH_SIZE],
                           const uint8_t to[QF_HASH_SIZE],
                           void (*each)(void *arg, const struct qf_state_leaf *leaf), void *arg)
{
    struct model *m = self;
    size_t low = 0, high = m->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (memcmp(m->leaves[middle].key_hash, from, QF_HASH_SIZE) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < m->count && memcmp(m->leaves[low].key_hash, to, QF_HASH_SIZE) <= 0; low++)
        each(arg, &m->leaves[low]);
    return m->fail ? QF_IO : QF_OK;
}

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, QF_HASH_SIZE);
}

static struct qf_state_leaf *find(struct model *m, const uint8_t key[QF_HASH_SIZE])
{
    return bsearch(key, m->leaves, m->count, sizeof m->leaves[0], compare);
}

/* -1, 0 or 1: how the number of leaves changed. */
static int put(struct model *m, const uint8_t key[QF_HASH_SIZE], const uint8_t *value)
{
    struct qf_state_leaf *leaf = find(m, key);
    if (leaf != NULL && value == NULL) {
        size_t at = (size_t)(leaf - m->leaves);
        memmove(leaf, leaf + 1, (m->count - at - 1) * sizeof *leaf);
        m->count--;
        return -1;
    }
    if (value == NULL)
        return 0;
    int change = 0;
    if (leaf == NULL) {
        assert_true(m->count < LEAVES_MAX);
        size_t at = m->count++;
        while (at > 0 && memcmp(m->leaves[at - 1].key_hash, key, QF_HASH_SIZE) > 0) {
            m->leaves[at] = m->leaves[at - 1];
            at--;
        }
        leaf = &m->leaves[at];
        memcpy(leaf->key_hash, key, QF_HASH_SIZE);
        change = 1;
    }
    memcpy(leaf->value_hash, value, QF_HASH_SIZE);
    return change;
}

/* The definition of the header, word for word. */
static void naive(enum qf_hash_alg alg, const struct qf_state_leaf *leaves, size_t count,
                  unsigned depth, uint8_t out[QF_HASH_SIZE])
{
    memset(out, 0, QF_HASH_SIZE);
    if (count == 0)
        return;
    if (count == 1) {
        uint8_t bytes[1 + 2 * QF_HASH_SIZE] = {0};
        memcpy(bytes + 1, leaves->key_hash, QF_HASH_SIZE);
        memcpy(bytes + 1 + QF_HASH_SIZE, leaves->value_hash, QF_HASH_SIZE);
        qf_hash(alg, out, qf_slice_make(bytes, sizeof bytes));
        return;
    }
    size_t left = 0;
    while (left < count && (leaves[left].key_hash[depth / 8] >> (7 - depth % 8) & 1) == 0)
        left++;
    uint8_t bytes[1 + 2 * QF_HASH_SIZE] = {1};
    naive(alg, leaves, left, depth + 1, bytes + 1);
    naive(alg, leaves + left, count - left, depth + 1, bytes + 1 + QF_HASH_SIZE);
    qf_hash(alg, out, qf_slice_make(bytes, sizeof bytes));
}

static uint64_t seed = 1;
static uint64_t next_random(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

/* Keys of a small space, some with long common prefixes; `spread` chooses the shape. */
static void make_key(uint8_t key[QF_HASH_SIZE], uint64_t n, int spread)
{
    uint8_t in[8];
    qf_be64_store(in, n);
    qf_hash(QF_HASH_SHA256, key, qf_slice_make(in, 8));
    if (spread == 1)
        memset(key, 0, 20);
    if (spread == 2 && n % 3 == 0)
        memset(key + 1, 0xff, 28);
    if (spread == 3) {
        memset(key, 0xa5, QF_HASH_SIZE);
        qf_be16_store(key + 30, (uint16_t)n);
    }
}

static void check_key(struct qf_state_tree *tree, enum qf_hash_alg alg, struct model *m,
                      const uint8_t key[QF_HASH_SIZE])
{
    uint8_t root[QF_HASH_SIZE], other[QF_HASH_SIZE] = {7};
    struct qf_state_proof proof;
    qf_state_tree_root(tree, root);
    const struct qf_state_leaf *leaf = find(m, key);
    const uint8_t *value = leaf == NULL ? NULL : leaf->value_hash;
    assert_int_equal(qf_state_tree_prove(tree, key, &proof), QF_OK);
    assert_int_equal(qf_state_verify(alg, root, key, value, &proof), QF_OK);
    assert_int_equal(qf_state_verify(alg, root, key, other, &proof), QF_INVALID);
    if (leaf != NULL)
        assert_int_equal(qf_state_verify(alg, root, key, NULL, &proof), QF_INVALID);
    if (proof.depth > 0) {
        proof.siblings[next_random() % proof.depth][5] ^= 1;
        assert_int_equal(qf_state_verify(alg, root, key, value, &proof), QF_INVALID);
    }
    if (proof.has_leaf) {
        assert_int_equal(qf_state_tree_prove(tree, key, &proof), QF_OK);
        proof.leaf.value_hash[0] ^= 1;
        const uint8_t *claimed = value == NULL ? NULL : proof.leaf.value_hash;
        assert_int_equal(qf_state_verify(alg, root, key, claimed, &proof), QF_INVALID);
    }
    assert_int_equal(qf_state_tree_prove(tree, key, &proof), QF_OK);
    proof.depth++;
    assert_true(proof.depth > 256 || qf_state_verify(alg, root, key, value, &proof) == QF_INVALID);
}

/* ---- pages ---- */

struct saved {
    uint8_t header[64];
    size_t header_size;
    struct {
        uint8_t bytes[QF_STATE_PAGE_BUCKETS * 33];
        size_t size;
    } pages[32];
};

static void save_page(void *arg, uint64_t number, struct qf_slice bytes)
{
    struct saved *s = arg;
    if (number == UINT64_MAX) {
        assert_true(bytes.size <= sizeof s->header);
        memcpy(s->header, bytes.data, bytes.size);
        s->header_size = bytes.size;
        return;
    }
    assert_true(number < 32 && bytes.size <= sizeof s->pages[0].bytes);
    if (bytes.size > 0)
        memcpy(s->pages[number].bytes, bytes.data, bytes.size);
    s->pages[number].size = bytes.size;
}

static enum qf_status give_page(void *arg, uint64_t number, struct qf_slice *bytes)
{
    struct saved *s = arg;
    if (number == UINT64_MAX)
        *bytes = qf_slice_make(s->header, s->header_size);
    else
        *bytes = qf_slice_make(s->pages[number].bytes, s->pages[number].size);
    return QF_OK;
}

static void check_saved(struct qf_state_tree *tree, enum qf_hash_alg alg, struct saved *saved,
                        const struct qf_leaf_source *source)
{
    uint8_t root[QF_HASH_SIZE], again[QF_HASH_SIZE];
    qf_state_tree_root(tree, root);
    qf_state_tree_each_dirty(tree, save_page, saved);
    struct qf_state_tree *copy = qf_state_tree_new(alg, source);
    assert_int_equal(qf_state_tree_load(copy, give_page, saved), QF_OK);
    qf_state_tree_root(copy, again);
    assert_memory_equal(root, again, QF_HASH_SIZE);
    assert_int_equal(qf_state_tree_leaf_count(copy), qf_state_tree_leaf_count(tree));
    qf_state_tree_free(copy);
    size_t size = saved->pages[0].size;
    saved->pages[0].bytes[next_random() % size] ^= 0x40;
    copy = qf_state_tree_new(alg, source);
    assert_int_equal(qf_state_tree_load(copy, give_page, saved), QF_CORRUPT);
    assert_int_equal(qf_state_tree_update(copy, NULL, 0, 0), QF_CORRUPT);
    qf_state_tree_free(copy);
    /* The damaged page is written again with the next change to it, or here. */
    saved->pages[0].size = 0;
}

static void random_blocks(enum qf_hash_alg alg, int spread, unsigned blocks)
{
    static struct model m;
    m = (struct model){.count = 0};
    struct qf_leaf_source source = {.scan = scan, .self = &m};
    struct qf_state_tree *tree = qf_state_tree_new(alg, &source);
    static struct saved saved;
    memset(&saved, 0, sizeof saved);
    static uint8_t keys[400][QF_HASH_SIZE];
    for (unsigned block = 0; block < blocks; block++) {
        bool growing = block % 20 < 12;
        size_t count = 1 + next_random() % 300, kept = 0;
        for (size_t i = 0; i < count; i++)
            make_key(keys[i], next_random() % 4000, spread);
        qsort(keys, count, QF_HASH_SIZE, compare);
        int64_t change = 0;
        for (size_t i = 0; i < count; i++) {
            if (kept > 0 && memcmp(keys[kept - 1], keys[i], QF_HASH_SIZE) == 0)
                continue;
            memmove(keys[kept++], keys[i], QF_HASH_SIZE);
            uint8_t value[QF_HASH_SIZE] = {0};
            qf_be64_store(value + 8, next_random());
            bool removed = next_random() % 10 < (growing ? 1 : 9);
            change += put(&m, keys[kept - 1], removed ? NULL : value);
        }
        assert_int_equal(
            qf_state_tree_update(tree, (const uint8_t(*)[QF_HASH_SIZE])keys, kept, change), QF_OK);
        uint8_t root[QF_HASH_SIZE], want[QF_HASH_SIZE];
        naive(alg, m.leaves, m.count, 0, want);
        qf_state_tree_root(tree, root);
        assert_memory_equal(root, want, QF_HASH_SIZE);
        assert_int_equal(qf_state_tree_leaf_count(tree), m.count);
        for (size_t i = 0; i < 10; i++) {
            uint8_t key[QF_HASH_SIZE];
            make_key(key, next_random() % 8000, spread);
            check_key(tree, alg, &m, key);
        }
        qf_state_tree_each_dirty(tree, save_page, &saved);
        struct qf_state_tree *copy = qf_state_tree_new(alg, &source);
        assert_int_equal(qf_state_tree_load(copy, give_page, &saved), QF_OK);
        qf_state_tree_free(copy);
    }
    check_saved(tree, alg, &saved, &source);
    qf_state_tree_free(tree);
}

static void history_does_not_matter(void **state)
{
    (void)state;
    random_blocks(QF_HASH_SHA256, 0, 60);
    random_blocks(QF_HASH_SM3, 0, 25);
}

static void long_common_prefixes(void **state)
{
    (void)state;
    random_blocks(QF_HASH_SHA256, 1, 12);
    random_blocks(QF_HASH_SHA256, 2, 12);
    random_blocks(QF_HASH_SHA256, 3, 12);
}

static void emptied_tree_is_the_empty_tree(void **state)
{
    (void)state;
    static struct model m;
    m = (struct model){.count = 0};
    struct qf_leaf_source source = {.scan = scan, .self = &m};
    struct qf_state_tree *tree = qf_state_tree_new(QF_HASH_SHA256, &source);
    uint8_t root[QF_HASH_SIZE], zero[QF_HASH_SIZE] = {0}, key[1][QF_HASH_SIZE];
    static struct saved saved;
    memset(&saved, 0, sizeof saved);
    check_saved(tree, QF_HASH_SHA256, &saved, &source);
    for (unsigned i = 0; i < 200; i++) {
        make_key(key[0], i, 0);
        put(&m, key[0], key[0]);
        assert_int_equal(qf_state_tree_update(tree, (const uint8_t(*)[QF_HASH_SIZE])key, 1, 1),
                         QF_OK);
    }
    for (unsigned i = 0; i < 200; i++) {
        make_key(key[0], i, 0);
        check_key(tree, QF_HASH_SHA256, &m, key[0]);
        put(&m, key[0], NULL);
        assert_int_equal(qf_state_tree_update(tree, (const uint8_t(*)[QF_HASH_SIZE])key, 1, -1),
                         QF_OK);
        check_key(tree, QF_HASH_SHA256, &m, key[0]);
    }
    qf_state_tree_root(tree, root);
    assert_memory_equal(root, zero, QF_HASH_SIZE);
    qf_state_tree_free(tree);
}

static void failed_source_stops_the_tree(void **state)
{
    (void)state;
    static struct model m;
    m = (struct model){.fail = true};
    struct qf_leaf_source source = {.scan = scan, .self = &m};
    struct qf_state_tree *tree = qf_state_tree_new(QF_HASH_SHA256, &source);
    uint8_t key[1][QF_HASH_SIZE] = {{1}};
    put(&m, key[0], key[0]);
    assert_int_equal(qf_state_tree_update(tree, (const uint8_t(*)[QF_HASH_SIZE])key, 1, 1), QF_IO);
    m.fail = false;
    struct qf_state_proof proof;
    assert_int_equal(qf_state_tree_prove(tree, key[0], &proof), QF_IO);
    assert_int_equal(qf_state_tree_update(tree, (const uint8_t(*)[QF_HASH_SIZE])key, 1, 1), QF_IO);
    qf_state_tree_free(tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(history_does_not_matter),
        cmocka_unit_test(long_common_prefixes),
        cmocka_unit_test(emptied_tree_is_the_empty_tree),
        cmocka_unit_test(failed_source_stops_the_tree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
