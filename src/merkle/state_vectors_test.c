/* spec/vectors/state-tree.json: roots and proofs made by an independent program. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "codec/json.h"
#include "codec/text.h"
#include "merkle/state_tree.h"

#define LEAVES_MAX 64

static struct qf_arena arena;
static struct qf_json document;

struct leaves { /* sorted */
    struct qf_state_leaf leaf[LEAVES_MAX];
    size_t count;
};

static enum qf_status scan(void *self, const uint8_t from[QF_HASH_SIZE],
                           const uint8_t to[QF_HASH_SIZE],
                           void (*each)(void *arg, const struct qf_state_leaf *leaf), void *arg)
{
    const struct leaves *leaves = self;
    for (size_t i = 0; i < leaves->count; i++)
        if (memcmp(leaves->leaf[i].key_hash, from, QF_HASH_SIZE) >= 0 &&
            memcmp(leaves->leaf[i].key_hash, to, QF_HASH_SIZE) <= 0)
            each(arg, &leaves->leaf[i]);
    return QF_OK;
}

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, QF_HASH_SIZE);
}

static struct qf_slice text(const struct qf_json *object, const char *name)
{
    struct qf_slice out;
    assert_int_equal(qf_json_get_text(object, name, &out, NULL), QF_OK);
    return out;
}

static void hash_of(uint8_t out[QF_HASH_SIZE], struct qf_slice hex)
{
    uint8_t bytes[QF_HASH_SIZE] = {0};
    size_t size = 0;
    assert_true(hex.size == 0 || hex.size == sizeof bytes * 2);
    if (hex.size > 0)
        assert_true(qf_hex_decode(bytes, &size, hex) && size == QF_HASH_SIZE);
    memcpy(out, bytes, QF_HASH_SIZE);
}

static void read_leaf(enum qf_hash_alg alg, struct qf_state_leaf *leaf, const struct qf_json *item)
{
    uint8_t hash[QF_HASH_SIZE];
    hash_of(leaf->key_hash, text(item, "key_hash"));
    hash_of(leaf->value_hash, text(item, "value_hash"));
    if (qf_json_get(item, "key") == NULL)
        return;
    qf_hash(alg, hash, text(item, "key"));
    assert_memory_equal(hash, leaf->key_hash, QF_HASH_SIZE);
    qf_hash(alg, hash, text(item, "value"));
    assert_memory_equal(hash, leaf->value_hash, QF_HASH_SIZE);
}

static void check_proof(struct qf_state_tree *tree, enum qf_hash_alg alg,
                        const uint8_t root[QF_HASH_SIZE], const struct qf_json *want)
{
    struct qf_state_proof made;
    struct qf_state_proof proof = {0};
    uint8_t key_hash[QF_HASH_SIZE];
    const struct qf_json *siblings = qf_json_get(want, "siblings");
    const struct qf_json *leaf = qf_json_get(want, "leaf");
    bool present = qf_json_get(want, "present")->type == QF_JSON_TRUE;
    hash_of(key_hash, text(want, "key_hash"));
    for (uint32_t i = 0; i < siblings->count; i++)
        hash_of(proof.siblings[proof.depth++], qf_json_text(&siblings->items[i]));
    proof.has_leaf = leaf != NULL;
    if (leaf != NULL)
        read_leaf(alg, &proof.leaf, leaf);
    assert_int_equal(qf_state_tree_prove(tree, key_hash, &made), QF_OK);
    assert_int_equal(made.depth, proof.depth);
    assert_memory_equal(made.siblings, proof.siblings, proof.depth * QF_HASH_SIZE);
    assert_int_equal(made.has_leaf, proof.has_leaf);
    if (leaf != NULL)
        assert_memory_equal(&made.leaf, &proof.leaf, sizeof made.leaf);
    const uint8_t *value = present ? proof.leaf.value_hash : NULL;
    assert_int_equal(qf_state_verify(alg, root, key_hash, value, &proof), QF_OK);
    /* Neither the opposite nor another tree. */
    assert_int_equal(
        qf_state_verify(alg, root, key_hash, present ? NULL : proof.leaf.value_hash, &proof),
        QF_INVALID);
    uint8_t other[QF_HASH_SIZE];
    memcpy(other, root, sizeof other);
    other[0] ^= 0x80;
    assert_int_equal(qf_state_verify(alg, other, key_hash, value, &proof), QF_INVALID);
}

static void vectors(void **state)
{
    (void)state;
    const struct qf_json *cases = qf_json_get(&document, "cases");
    assert_true(cases->count >= 14);
    for (uint32_t i = 0; i < cases->count; i++) {
        static struct leaves leaves;
        static uint8_t changed[LEAVES_MAX][QF_HASH_SIZE];
        const struct qf_json *one = &cases->items[i];
        const struct qf_json *items = qf_json_get(one, "leaves");
        const struct qf_json *proofs = qf_json_get(one, "proofs");
        enum qf_hash_alg alg;
        uint8_t want[QF_HASH_SIZE];
        uint8_t root[QF_HASH_SIZE];
        assert_true(qf_hash_alg_parse(&alg, text(one, "alg")));
        hash_of(want, text(one, "root"));
        assert_true(items->count <= LEAVES_MAX);
        leaves.count = items->count;
        for (uint32_t j = 0; j < items->count; j++)
            read_leaf(alg, &leaves.leaf[j], &items->items[j]);
        qsort(leaves.leaf, leaves.count, sizeof leaves.leaf[0], compare);
        for (size_t j = 0; j < leaves.count; j++)
            memcpy(changed[j], leaves.leaf[j].key_hash, QF_HASH_SIZE);
        const struct qf_leaf_source source = {.scan = scan, .self = &leaves};
        struct qf_state_tree *tree = qf_state_tree_new(alg, &source);
        assert_int_equal(qf_state_tree_update(tree, (const uint8_t(*)[QF_HASH_SIZE])changed,
                                              leaves.count, (int64_t)leaves.count),
                         QF_OK);
        qf_state_tree_root(tree, root);
        assert_memory_equal(root, want, QF_HASH_SIZE);
        assert_true(proofs->count > 0);
        for (uint32_t j = 0; j < proofs->count; j++)
            check_proof(tree, alg, root, &proofs->items[j]);
        qf_state_tree_free(tree);
    }
}

int main(int argc, char **argv)
{
    static uint8_t bytes[1 << 20];
    char path[512];
    assert_int_equal(argc, 2);
    snprintf(path, sizeof path, "%s/state-tree.json", argv[1]);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    assert_int_equal(
        qf_json_parse(&arena, &document, qf_slice_make(bytes, size), QF_JSON_ANY, NULL), QF_OK);
    const struct CMUnitTest tests[] = {cmocka_unit_test(vectors)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    qf_arena_deinit(&arena);
    return failed;
}
