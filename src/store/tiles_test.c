#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "store/sim_fs.h"
#include "store/tiles.h"

static struct qf_slice entry_of(uint64_t index, uint8_t bytes[200])
{
    size_t size = 8 + (size_t)(index * 37 % 150);
    memset(bytes, (int)(index % 251), 200);
    qf_be64_store(bytes, index);
    return qf_slice_make(bytes, size);
}

static void append(struct qf_tiles *tiles, uint64_t count, bool sm3)
{
    uint64_t first = qf_tiles_size(tiles);
    for (uint64_t i = first; i < first + count; i++) {
        uint8_t bytes[200];
        uint8_t hashes[2][1][QF_HASH_SIZE];
        struct qf_slice entry = entry_of(i, bytes);
        qf_hash_leaf(QF_HASH_SHA256, hashes[0][0], entry);
        qf_hash_leaf(QF_HASH_SM3, hashes[1][0], entry);
        assert_int_equal(qf_tiles_append(tiles, 1, &entry,
                                         (const uint8_t(*)[QF_HASH_SIZE])hashes[0],
                                         sm3 ? (const uint8_t(*)[QF_HASH_SIZE])hashes[1] : NULL),
                         QF_OK);
    }
}

static void reference_tree(struct qf_log_tree *tree, enum qf_hash_alg alg, uint64_t size)
{
    qf_log_tree_init(tree, alg);
    for (uint64_t i = 0; i < size; i++) {
        uint8_t bytes[200], leaf[QF_HASH_SIZE];
        qf_hash_leaf(alg, leaf, entry_of(i, bytes));
        qf_log_tree_append(tree, leaf, NULL, NULL);
    }
}

/* Root, entries and proofs agree with a tree computed apart. */
static void check(struct qf_tiles *tiles, enum qf_hash_alg alg, uint64_t size)
{
    struct qf_log_tree want, have;
    uint8_t root[QF_HASH_SIZE], want_root[QF_HASH_SIZE];
    struct qf_hash_reader reader;
    reference_tree(&want, alg, size);
    qf_tiles_tree(tiles, alg, &have);
    qf_log_tree_root(&want, want_root);
    qf_log_tree_root(&have, root);
    assert_int_equal(have.size, size);
    assert_memory_equal(root, want_root, QF_HASH_SIZE);
    qf_tiles_reader(tiles, alg, &reader);
    for (uint64_t i = 0; i < size; i += 1 + size / 60) {
        struct qf_log_proof proof;
        struct qf_buf entry = {0};
        uint8_t bytes[200], leaf[QF_HASH_SIZE];
        assert_int_equal(qf_tiles_entry(tiles, &entry, i), QF_OK);
        assert_true(qf_slice_equal(qf_buf_slice(&entry), entry_of(i, bytes)));
        qf_hash_leaf(alg, leaf, qf_buf_slice(&entry));
        assert_int_equal(qf_log_prove_inclusion(alg, &proof, i, size, &reader), QF_OK);
        assert_int_equal(qf_log_verify_inclusion(alg, i, size, leaf, &proof, root), QF_OK);
        qf_buf_deinit(&entry);
    }
    struct qf_buf none = {0};
    assert_int_equal(qf_tiles_entry(tiles, &none, size), QF_NOT_FOUND);
    qf_buf_deinit(&none);
}

static struct qf_tiles *must_open(const struct qf_fs *fs, uint64_t size, bool sm3)
{
    struct qf_tiles *tiles = NULL;
    struct qf_error err = {0};
    const struct qf_tiles_options options = {.sm3 = sm3};
    assert_int_equal(qf_tiles_open(&tiles, fs, &options, size, &err), QF_OK);
    return tiles;
}

static bool has_file(const struct qf_fs *fs, const char *path)
{
    struct qf_file *file;
    if (fs->open(fs->self, &file, path, false) != QF_OK)
        return false;
    fs->close(fs->self, file);
    return true;
}

static void published_tiles_come_back(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {0, 1, 255, 256, 257, 511, 700, 65536, 66000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct qf_sim_fs *sim = qf_sim_fs_new(i);
        struct qf_fs fs = qf_sim_fs_io(sim);
        bool sm3 = i % 2 == 1 && sizes[i] < 1000;
        struct qf_tiles *tiles = must_open(&fs, 0, sm3);
        uint64_t durable = 99;
        append(tiles, sizes[i], sm3);
        check(tiles, QF_HASH_SHA256, sizes[i]);
        assert_int_equal(qf_tiles_publish(tiles, true, true, &durable), QF_OK);
        assert_int_equal(durable, sizes[i]);
        check(tiles, QF_HASH_SHA256, sizes[i]);
        qf_tiles_close(tiles);
        qf_sim_fs_crash(sim);
        /* The state may be behind the tiles by any number of leaves. */
        uint64_t back = sizes[i] / 3;
        tiles = must_open(&fs, sizes[i] - back, sm3);
        append(tiles, back + 10, sm3);
        check(tiles, QF_HASH_SHA256, sizes[i] + 10);
        if (sm3)
            check(tiles, QF_HASH_SM3, sizes[i] + 10);
        qf_tiles_close(tiles);
        qf_sim_fs_free(sim);
    }
}

static void partial_tiles_are_replaced(void **state)
{
    (void)state;
    struct qf_sim_fs *sim = qf_sim_fs_new(1);
    struct qf_fs fs = qf_sim_fs_io(sim);
    struct qf_tiles *tiles = must_open(&fs, 0, true);
    uint64_t durable;
    for (unsigned i = 0; i < 3; i++) {
        append(tiles, 100, true);
        assert_int_equal(qf_tiles_publish(tiles, true, true, &durable), QF_OK);
        assert_int_equal(durable, 100 * (i + 1));
        if (i == 1) {
            assert_true(has_file(&fs, "tile/0/000.p/100"));
            assert_true(has_file(&fs, "sm3/tile/0/000.p/200"));
        }
    }
    assert_true(has_file(&fs, "tile/0/000"));
    assert_true(has_file(&fs, "tile/entries/000"));
    assert_true(has_file(&fs, "sm3/tile/0/000"));
    assert_true(has_file(&fs, "tile/0/001.p/44"));
    assert_true(has_file(&fs, "tile/entries/001.p/44"));
    assert_true(has_file(&fs, "tile/1/000.p/1"));
    assert_false(has_file(&fs, "tile/0/000.p/100"));
    assert_false(has_file(&fs, "tile/0/000.p/200"));
    append(tiles, 10, true);
    assert_int_equal(qf_tiles_publish(tiles, true, true, &durable), QF_OK);
    append(tiles, 10, true);
    assert_int_equal(qf_tiles_publish(tiles, true, true, &durable), QF_OK);
    assert_false(has_file(&fs, "tile/0/001.p/44"));
    assert_true(has_file(&fs, "tile/0/001.p/54"));
    assert_true(has_file(&fs, "tile/0/001.p/64"));
    assert_true(has_file(&fs, "tile/1/000.p/1"));

    struct qf_buf bytes = {0};
    struct qf_tile tile = {0, 1, 64};
    assert_int_equal(qf_tiles_read(tiles, &bytes, &tile), QF_OK);
    assert_int_equal(bytes.size, 64 * QF_HASH_SIZE);
    tile.width = 65;
    assert_int_equal(qf_tiles_read(tiles, &bytes, &tile), QF_NOT_FOUND);
    tile = (struct qf_tile){1, 0, 1};
    assert_int_equal(qf_tiles_read_sm3(tiles, &bytes, &tile), QF_OK);
    tile = (struct qf_tile){7, 3, 1};
    assert_int_equal(qf_tiles_read(tiles, &bytes, &tile), QF_NOT_FOUND);
    qf_buf_deinit(&bytes);
    qf_tiles_close(tiles);
    qf_sim_fs_free(sim);
}

static void what_is_missing_is_named(void **state)
{
    (void)state;
    struct qf_sim_fs *sim = qf_sim_fs_new(1);
    struct qf_fs fs = qf_sim_fs_io(sim);
    struct qf_tiles *tiles = must_open(&fs, 0, false);
    const struct qf_tiles_options options = {0};
    struct qf_error err = {0};
    uint64_t durable;
    append(tiles, 600, false);
    assert_int_equal(qf_tiles_publish(tiles, true, true, &durable), QF_OK);
    qf_tiles_close(tiles);
    assert_int_equal(qf_tiles_open(&tiles, &fs, &options, 601, &err), QF_CORRUPT);
    assert_string_equal(err.field, "tile/0/002.p/89");
    assert_int_equal(fs.remove(fs.self, "tile/0/001"), QF_OK);
    assert_int_equal(qf_tiles_open(&tiles, &fs, &options, 600, &err), QF_CORRUPT);
    assert_string_equal(err.field, "tile/0/001");
    /* An entry that is not what its hash says. */
    struct qf_file *file;
    assert_int_equal(fs.open(fs.self, &file, "tile/entries/002.p/88", false), QF_OK);
    assert_int_equal(fs.write(fs.self, file, qf_slice_of("x"), 5), QF_OK);
    fs.close(fs.self, file);
    assert_int_equal(qf_tiles_open(&tiles, &fs, &options, 550, &err), QF_CORRUPT);
    qf_sim_fs_free(sim);
}

static void full_tiles_are_read_from_an_archive(void **state)
{
    (void)state;
    struct qf_sim_fs *old = qf_sim_fs_new(1), *now = qf_sim_fs_new(2);
    struct qf_fs old_fs = qf_sim_fs_io(old), fs = qf_sim_fs_io(now);
    struct qf_tiles *tiles = must_open(&old_fs, 0, false);
    uint64_t durable;
    append(tiles, 512, false);
    assert_int_equal(qf_tiles_publish(tiles, true, true, &durable), QF_OK);
    qf_tiles_close(tiles);
    const struct qf_tiles_options options = {.archives = &old_fs, .archive_count = 1};
    struct qf_error err;
    assert_int_equal(qf_tiles_open(&tiles, &fs, &options, 512, &err), QF_OK);
    append(tiles, 100, false);
    check(tiles, QF_HASH_SHA256, 612);
    qf_tiles_close(tiles);
    qf_sim_fs_free(old);
    qf_sim_fs_free(now);
}

/* Every changing call × every fault × crash: what was called durable can be opened and is right. */
static void faults_at_every_call(void **state)
{
    (void)state;
    for (int fault = 0; fault < QF_SIM_FAULT_COUNT; fault++) {
        bool came = true;
        for (uint64_t at = 1; came; at++) {
            struct qf_sim_fs *sim = qf_sim_fs_new(at * 16 + (uint64_t)fault);
            struct qf_fs fs = qf_sim_fs_io(sim);
            struct qf_tiles *tiles = must_open(&fs, 0, false);
            uint64_t durable = 0, promised = 0;
            qf_sim_fs_fail_at(sim, at, (enum qf_sim_fault)fault);
            for (unsigned step = 0; step < 7; step++) {
                append(tiles, 90, false);
                /* A failure may be retried; nothing is promised by it. */
                (void)!qf_tiles_publish(tiles, true, step % 3 != 0, &durable);
                assert_true(durable >= promised);
                promised = durable;
            }
            came = qf_sim_fs_failed(sim);
            check(tiles, QF_HASH_SHA256, 630);
            qf_tiles_close(tiles);
            qf_sim_fs_crash(sim);
            tiles = must_open(&fs, promised, false);
            append(tiles, 700 - promised, false);
            assert_int_equal(qf_tiles_publish(tiles, true, true, &durable), QF_OK);
            qf_tiles_close(tiles);
            qf_sim_fs_crash(sim);
            tiles = must_open(&fs, 700, false);
            check(tiles, QF_HASH_SHA256, 700);
            qf_tiles_close(tiles);
            qf_sim_fs_free(sim);
        }
    }
}

struct crowd {
    struct qf_tiles *tiles;
    atomic_bool done;
    atomic_int wrong;
};

static void *publish_all(void *arg)
{
    struct crowd *crowd = arg;
    uint64_t durable;
    while (!atomic_load(&crowd->done))
        if (qf_tiles_publish(crowd->tiles, true, true, &durable) != QF_OK)
            atomic_fetch_add(&crowd->wrong, 1);
    return NULL;
}

static void *prove_all(void *arg)
{
    struct crowd *crowd = arg;
    struct qf_hash_reader reader;
    qf_tiles_reader(crowd->tiles, QF_HASH_SHA256, &reader);
    for (uint64_t n = 0; !atomic_load(&crowd->done); n++) {
        struct qf_log_tree tree;
        struct qf_log_proof proof;
        struct qf_buf entry = {0};
        uint8_t root[QF_HASH_SIZE], leaf[QF_HASH_SIZE];
        qf_tiles_tree(crowd->tiles, QF_HASH_SHA256, &tree);
        if (tree.size == 0)
            continue;
        uint64_t index = n * 7919 % tree.size;
        qf_log_tree_root(&tree, root);
        if (qf_tiles_entry(crowd->tiles, &entry, index) != QF_OK ||
            qf_log_prove_inclusion(QF_HASH_SHA256, &proof, index, tree.size, &reader) != QF_OK)
            atomic_fetch_add(&crowd->wrong, 1);
        qf_hash_leaf(QF_HASH_SHA256, leaf, qf_buf_slice(&entry));
        if (qf_log_verify_inclusion(QF_HASH_SHA256, index, tree.size, leaf, &proof, root) != QF_OK)
            atomic_fetch_add(&crowd->wrong, 1);
        qf_buf_deinit(&entry);
    }
    return NULL;
}

static void readers_and_a_publisher_beside_the_writer(void **state)
{
    (void)state;
    struct qf_sim_fs *sim = qf_sim_fs_new(1);
    struct qf_fs fs = qf_sim_fs_io(sim);
    struct crowd crowd = {.tiles = must_open(&fs, 0, false)};
    pthread_t threads[3];
    assert_int_equal(pthread_create(&threads[0], NULL, publish_all, &crowd), 0);
    assert_int_equal(pthread_create(&threads[1], NULL, prove_all, &crowd), 0);
    assert_int_equal(pthread_create(&threads[2], NULL, prove_all, &crowd), 0);
    for (unsigned i = 0; i < 60; i++)
        append(crowd.tiles, 101, false);
    atomic_store(&crowd.done, true);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(atomic_load(&crowd.wrong), 0);
    check(crowd.tiles, QF_HASH_SHA256, 6060);
    qf_tiles_close(crowd.tiles);
    qf_sim_fs_free(sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_tiles_come_back),
        cmocka_unit_test(partial_tiles_are_replaced),
        cmocka_unit_test(what_is_missing_is_named),
        cmocka_unit_test(full_tiles_are_read_from_an_archive),
        cmocka_unit_test(faults_at_every_call),
        cmocka_unit_test(readers_and_a_publisher_beside_the_writer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
