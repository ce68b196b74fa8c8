#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#include "codec/text.h"
#include "merkle/tile.h"

#define SIZE_MAX_TRIED 600
static const char *data_folder;
static uint8_t leaves[SIZE_MAX_TRIED][QF_HASH_SIZE];

static void naive(size_t begin, size_t end, uint8_t out[QF_HASH_SIZE])
{
    if (end == begin) {
        qf_hash(QF_HASH_SHA256, out, (struct qf_slice){NULL, 0});
        return;
    }
    if (end - begin == 1) {
        memcpy(out, leaves[begin], QF_HASH_SIZE);
        return;
    }
    size_t k = 1;
    while (k * 2 < end - begin)
        k *= 2;
    uint8_t left[QF_HASH_SIZE], right[QF_HASH_SIZE];
    naive(begin, begin + k, left);
    naive(begin + k, end, right);
    qf_hash_node(QF_HASH_SHA256, out, left, right);
}

static uint8_t nodes[11][SIZE_MAX_TRIED][QF_HASH_SIZE];
static uint8_t roots[SIZE_MAX_TRIED + 1][QF_HASH_SIZE];
static size_t present;

static void keep_node(void *arg, unsigned level, uint64_t index, const uint8_t hash[QF_HASH_SIZE])
{
    (void)arg;
    assert_true(level < 11 && index < SIZE_MAX_TRIED);
    memcpy(nodes[level][index], hash, QF_HASH_SIZE);
}

static enum qf_status read_node(void *self, unsigned level, uint64_t index,
                                uint8_t out[QF_HASH_SIZE])
{
    (void)self;
    if (((index + 1) << level) > present)
        return QF_IO;
    memcpy(out, nodes[level][index], QF_HASH_SIZE);
    return QF_OK;
}
static const struct qf_hash_reader reader = {.read = read_node};

static int build(void **state)
{
    (void)state;
    struct qf_log_tree tree;
    qf_log_tree_init(&tree, QF_HASH_SHA256);
    qf_log_tree_root(&tree, roots[0]);
    for (size_t i = 0; i < SIZE_MAX_TRIED; i++) {
        qf_hash_leaf(QF_HASH_SHA256, leaves[i], qf_slice_make(&i, sizeof i));
        qf_log_tree_append(&tree, leaves[i], keep_node, NULL);
        qf_log_tree_root(&tree, roots[i + 1]);
    }
    present = SIZE_MAX_TRIED;
    return 0;
}

static void roots_are_those_of_the_definition(void **state)
{
    (void)state;
    uint8_t want[QF_HASH_SIZE];
    for (size_t size = 0; size <= SIZE_MAX_TRIED; size++) {
        naive(0, size, want);
        assert_memory_equal(roots[size], want, QF_HASH_SIZE);
    }
}

struct told {
    size_t count[11];
};

static void compare_node(void *arg, unsigned level, uint64_t index,
                         const uint8_t hash[QF_HASH_SIZE])
{
    struct told *told = arg;
    assert_true(level < 11);
    assert_int_equal(index, told->count[level]++);
    assert_memory_equal(nodes[level][index], hash, QF_HASH_SIZE);
}

/* From every size, by any number of leaves: the same nodes, each told once, and the same root. */
static void extending_is_appending(void **state)
{
    (void)state;
    for (size_t step = 1; step <= SIZE_MAX_TRIED; step += step < 20 ? 1 : 37) {
        struct qf_log_tree tree;
        struct told told = {0};
        qf_log_tree_init(&tree, QF_HASH_SHA256);
        for (size_t size = 0; size < SIZE_MAX_TRIED;) {
            size_t some = SIZE_MAX_TRIED - size < step ? SIZE_MAX_TRIED - size : step;
            qf_log_tree_extend(&tree, (const uint8_t(*)[QF_HASH_SIZE])leaves + size, some,
                               compare_node, &told);
            size += some;
            uint8_t root[QF_HASH_SIZE];
            qf_log_tree_root(&tree, root);
            assert_int_equal(tree.size, size);
            assert_memory_equal(root, roots[size], QF_HASH_SIZE);
        }
        for (unsigned level = 0; level < 11; level++)
            assert_int_equal(told.count[level], SIZE_MAX_TRIED >> level);
    }
}

static void inclusion_of_every_leaf(void **state)
{
    (void)state;
    struct qf_log_proof proof;
    for (size_t size = 1; size <= SIZE_MAX_TRIED; size += size < 140 ? 1 : 23) {
        present = size; /* a proof reads nothing past its size */
        for (size_t i = 0; i < size; i++) {
            assert_int_equal(qf_log_prove_inclusion(QF_HASH_SHA256, &proof, i, size, &reader),
                             QF_OK);
            assert_int_equal(
                qf_log_verify_inclusion(QF_HASH_SHA256, i, size, leaves[i], &proof, roots[size]),
                QF_OK);
            assert_int_equal(qf_log_verify_inclusion(QF_HASH_SHA256, i ^ 1, size, leaves[i], &proof,
                                                     roots[size]),
                             QF_INVALID);
            if (proof.count > 0) {
                proof.hashes[i % proof.count][i % QF_HASH_SIZE] ^= 1;
                assert_int_equal(qf_log_verify_inclusion(QF_HASH_SHA256, i, size, leaves[i], &proof,
                                                         roots[size]),
                                 QF_INVALID);
            }
        }
    }
    present = 10;
    assert_int_equal(qf_log_prove_inclusion(QF_HASH_SHA256, &proof, 3, 11, &reader), QF_IO);
    present = SIZE_MAX_TRIED;
}

static void consistency_of_every_growth(void **state)
{
    (void)state;
    struct qf_log_proof proof;
    for (size_t size = 1; size <= SIZE_MAX_TRIED; size += size < 140 ? 1 : 23) {
        present = size;
        for (size_t old = 1; old <= size; old++) {
            assert_int_equal(qf_log_prove_consistency(QF_HASH_SHA256, &proof, old, size, &reader),
                             QF_OK);
            assert_int_equal(qf_log_verify_consistency(QF_HASH_SHA256, old, size, roots[old],
                                                       roots[size], &proof),
                             QF_OK);
            assert_int_equal(qf_log_verify_consistency(QF_HASH_SHA256, old, size, roots[old - 1],
                                                       roots[size], &proof),
                             QF_INVALID);
            if (proof.count > 0) {
                proof.hashes[old % proof.count][old % QF_HASH_SIZE] ^= 1;
                assert_int_equal(qf_log_verify_consistency(QF_HASH_SHA256, old, size, roots[old],
                                                           roots[size], &proof),
                                 QF_INVALID);
            }
        }
    }
    present = SIZE_MAX_TRIED;
}

/* ---- public vectors ---- */

/* Some vectors have short texts for roots that are not looked into; padding keeps equal ones equal.
 * Empty and overlong hashes cannot be said in our types and are refused here. */
static bool get_hash(json_t *text, uint8_t out[QF_HASH_SIZE])
{
    uint8_t bytes[256] = {0};
    size_t size = 0;
    const char *value = json_string_value(text);
    if (value == NULL || strlen(value) > 256 ||
        !qf_base64_decode(bytes, &size, qf_slice_of(value)) || size == 0 || size > QF_HASH_SIZE)
        return false;
    memcpy(out, bytes, QF_HASH_SIZE);
    return true;
}

static uint64_t get_number(json_t *vector, const char *name)
{
    return (uint64_t)json_integer_value(json_object_get(vector, name));
}

static bool accepted_subtree(json_t *vector, const struct qf_log_proof *proof)
{
    const struct qf_log_subtree subtree = {get_number(vector, "start"), get_number(vector, "end")};
    uint8_t a[QF_HASH_SIZE], b[QF_HASH_SIZE];
    if (json_object_get(vector, "size") != NULL)
        return get_hash(json_object_get(vector, "root1"), a) &&
               get_hash(json_object_get(vector, "root2"), b) &&
               qf_log_verify_subtree_consistency(QF_HASH_SHA256, subtree,
                                                 get_number(vector, "size"), a, b, proof) == QF_OK;
    return get_hash(json_object_get(vector, "leafHash"), a) &&
           get_hash(json_object_get(vector, "root"), b) &&
           qf_log_verify_subtree_inclusion(QF_HASH_SHA256, get_number(vector, "leafIdx"), subtree,
                                           a, proof, b) == QF_OK;
}

/* Whether a vector is accepted. */
static bool accepted(json_t *vector)
{
    struct qf_log_proof proof = {0};
    json_t *list = json_object_get(vector, "proof"), *item;
    size_t i;
    if (json_array_size(list) > QF_PROOF_HASHES_MAX)
        return false;
    json_array_foreach(list, i, item) if (!get_hash(item, proof.hashes[i])) return false;
    proof.count = json_array_size(list);
    uint8_t a[QF_HASH_SIZE], b[QF_HASH_SIZE];
    json_t *size1 = json_object_get(vector, "size1");
    if (json_object_get(vector, "end") != NULL)
        return accepted_subtree(vector, &proof);
    if (size1 != NULL)
        return get_hash(json_object_get(vector, "root1"), a) &&
               get_hash(json_object_get(vector, "root2"), b) &&
               qf_log_verify_consistency(
                   QF_HASH_SHA256, (uint64_t)json_integer_value(size1),
                   (uint64_t)json_integer_value(json_object_get(vector, "size2")), a, b,
                   &proof) == QF_OK;
    return get_hash(json_object_get(vector, "leafHash"), a) &&
           get_hash(json_object_get(vector, "root"), b) &&
           qf_log_verify_inclusion(
               QF_HASH_SHA256, (uint64_t)json_integer_value(json_object_get(vector, "leafIdx")),
               (uint64_t)json_integer_value(json_object_get(vector, "treeSize")), a, &proof,
               b) == QF_OK;
}

/* Jansson has no integers past 2^63 - 1; those of the vectors are handed on as the negative number
 * of the same bits, which is what they are again after json_integer_value. */
static json_t *load_vector(const char *path)
{
    static char text[65536], out[65536 + 64];
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        fail_msg("no file %s", path);
    size_t size = fread(text, 1, sizeof text - 1, file), used = 0;
    fclose(file);
    text[size] = '\0';
    for (const char *at = text; *at != '\0';) {
        size_t digits = strspn(at, "0123456789");
        if (digits >= 19) {
            used += (size_t)sprintf(out + used, "%lld", (long long)strtoull(at, NULL, 10));
            at += digits;
        } else {
            out[used++] = *at++;
        }
        assert_true(used < sizeof out - 32);
    }
    out[used] = '\0';
    return json_loads(out, 0, NULL);
}

static unsigned run_folder(const char *path)
{
    unsigned tried = 0;
    DIR *dir = opendir(path);
    if (dir == NULL)
        fail_msg("no folder %s", path);
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        char name[1024];
        if (entry->d_name[0] == '.')
            continue;
        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        if (strstr(entry->d_name, ".json") == NULL) {
            tried += run_folder(name);
            continue;
        }
        json_t *vector = load_vector(name);
        assert_non_null(vector);
        if (accepted(vector) == json_is_true(json_object_get(vector, "wantErr")))
            fail_msg("%s", name);
        json_decref(vector);
        tried++;
    }
    closedir(dir);
    return tried;
}

static void public_vectors(void **state)
{
    (void)state;
    char path[1024];
    snprintf(path, sizeof path, "%s/merkle/inclusion", data_folder);
    assert_int_equal(run_folder(path), 98);
    snprintf(path, sizeof path, "%s/merkle/consistency", data_folder);
    assert_int_equal(run_folder(path), 98);
    unsigned subtrees = 0;
    snprintf(path, sizeof path, "%s/merkle/subtreeinclusion", data_folder);
    subtrees += run_folder(path);
    snprintf(path, sizeof path, "%s/merkle/subtreeconsistency", data_folder);
    subtrees += run_folder(path);
    assert_int_equal(subtrees, 322);
}

/* ---- tiles ---- */

static void tile_paths_have_one_form(void **state)
{
    (void)state;
    static const struct {
        struct qf_tile tile;
        const char *path;
    } good[] = {
        {{0, 0, 256}, "tile/0/000"},
        {{0, 1234067, 256}, "tile/0/x001/x234/067"},
        {{7, 999, 1}, "tile/7/999.p/1"},
        {{QF_TILE_ENTRIES_LEVEL, 1000, 255}, "tile/entries/x001/000.p/255"},
        {{1, UINT64_MAX, 9}, "tile/1/x018/x446/x744/x073/x709/x551/615.p/9"},
    };
    char path[QF_TILE_PATH_SIZE_MAX];
    struct qf_tile tile;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        qf_tile_path(path, &good[i].tile);
        assert_string_equal(path, good[i].path);
        assert_true(qf_tile_parse(&tile, qf_slice_of(path)));
        assert_true(tile.level == good[i].tile.level && tile.index == good[i].tile.index &&
                    tile.width == good[i].tile.width);
    }
    static const char *const bad[] = {
        "",
        "tile/0/00",
        "tile/0/0000",
        "tile/0/x000/000",
        "tile/0/x001",
        "tile/0/x001/",
        "tile/0/001/000",
        "tile/8/000",
        "tile/00/000",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/000.p/",
        "tile/0/000.p/1 ",
        "tile/0/000/",
        "/tile/0/000",
        "tile/entries/",
        "tile/-1/000",
        "tile/0/x018/x446/x744/x073/x709/x551/616",
        "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (qf_tile_parse(&tile, qf_slice_of(bad[i])))
            fail_msg("accepted %s", bad[i]);
}

static struct qf_slice read_data(const char *name, uint8_t *out, size_t capacity)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/tlog/%s", data_folder, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        fail_msg("no file %s", path);
    size_t size = fread(out, 1, capacity, file);
    fclose(file);
    return (struct qf_slice){out, size};
}

/* Every published size of a log that another program wrote: entries hash to the tiles' hashes, and
 * those to the checkpoint's root. */
static void published_log_is_recomputed(void **state)
{
    (void)state;
    for (unsigned size = 0; size <= 15; size++) {
        static uint8_t tile_bytes[8192], bundle_bytes[8192], text[1024];
        char path[QF_TILE_PATH_SIZE_MAX];
        struct qf_slice hashes = {NULL, 0}, bundle = {NULL, 0}, entry;
        if (size > 0) {
            qf_tile_path(path, &(struct qf_tile){0, 0, size});
            hashes = read_data(path, tile_bytes, sizeof tile_bytes);
            qf_tile_path(path, &(struct qf_tile){QF_TILE_ENTRIES_LEVEL, 0, size});
            bundle = read_data(path, bundle_bytes, sizeof bundle_bytes);
        }
        struct qf_log_tree tree;
        qf_log_tree_init(&tree, QF_HASH_SHA256);
        struct qf_buf again = {0};
        size_t offset = 0;
        while (qf_bundle_next(bundle, &offset, &entry) == QF_OK) {
            uint8_t leaf[QF_HASH_SIZE];
            qf_hash_leaf(QF_HASH_SHA256, leaf, entry);
            assert_true((tree.size + 1) * QF_HASH_SIZE <= hashes.size);
            assert_memory_equal(leaf, hashes.data + tree.size * QF_HASH_SIZE, QF_HASH_SIZE);
            qf_log_tree_append(&tree, leaf, NULL, NULL);
            qf_bundle_put(&again, entry);
        }
        assert_int_equal(tree.size, size);
        assert_int_equal(hashes.size, size * QF_HASH_SIZE);
        assert_true(qf_slice_equal(qf_buf_slice(&again), bundle));
        qf_buf_deinit(&again);
        uint8_t root[QF_HASH_SIZE];
        char want[QF_BASE64_SIZE(QF_HASH_SIZE) + 3] = "\n", name[32];
        qf_log_tree_root(&tree, root);
        qf_base64_encode(want + 1, qf_slice_make(root, sizeof root));
        memcpy(want + 1 + QF_BASE64_SIZE(QF_HASH_SIZE), "\n", 2);
        snprintf(name, sizeof name, "checkpoint.%u", size);
        struct qf_slice checkpoint = read_data(name, text, sizeof text - 1);
        text[checkpoint.size] = '\0';
        assert_non_null(strstr((const char *)text, want));
    }
}

static void cut_bundles_are_refused(void **state)
{
    (void)state;
    struct qf_slice entry;
    size_t offset = 0;
    assert_int_equal(qf_bundle_next(qf_slice_make("\0\2ab\0", 5), &offset, &entry), QF_OK);
    assert_true(qf_slice_is(entry, "ab"));
    assert_int_equal(qf_bundle_next(qf_slice_make("\0\2ab\0", 5), &offset, &entry), QF_MALFORMED);
    offset = 0;
    assert_int_equal(qf_bundle_next(qf_slice_make("\0\3ab", 4), &offset, &entry), QF_MALFORMED);
    assert_int_equal(offset, 0);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    data_folder = argv[1];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(roots_are_those_of_the_definition),
        cmocka_unit_test(extending_is_appending),
        cmocka_unit_test(inclusion_of_every_leaf),
        cmocka_unit_test(consistency_of_every_growth),
        cmocka_unit_test(public_vectors),
        cmocka_unit_test(tile_paths_have_one_form),
        cmocka_unit_test(published_log_is_recomputed),
        cmocka_unit_test(cut_bundles_are_refused),
    };
    return cmocka_run_group_tests(tests, build, NULL);
}
