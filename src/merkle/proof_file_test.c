#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "merkle/nodes_testing.h"
#include "merkle/proof_file.h"
#include "merkle/tile.h"

#define ENTRIES 15

static const char *data_dir, *vector_dir;
static struct qf_verifier *verifier;
static struct qf_note_key key;
static struct qf_arena arena;
static struct qf_slice checkpoint, entries[ENTRIES];

static struct qf_slice load(const char *dir, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    uint8_t *bytes = qf_arena_alloc(&arena, 1 << 16);
    size_t size = fread(bytes, 1, 1 << 16, file);
    fclose(file);
    return qf_slice_make(bytes, size);
}

/* The log that Tessera made. */
static int setup(void **state)
{
    (void)state;
    const struct qf_verifier_options options = {0};
    struct qf_log_tree tree;
    size_t offset = 0;
    assert_int_equal(qf_verifier_new(&verifier, &options, NULL), QF_OK);
    assert_int_equal(qf_note_key_parse(&key,
                                       qf_slice_of("example.com/log/testdata+33d7b496+"
                                                   "AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx"),
                                       NULL),
                     QF_OK);
    checkpoint = load(data_dir, "tlog/checkpoint");
    struct qf_slice bundle = load(data_dir, "tlog/tile/entries/000.p/15");
    qf_log_tree_init(&tree, QF_HASH_SHA256);
    for (size_t i = 0; i < ENTRIES; i++) {
        uint8_t leaf[QF_HASH_SIZE];
        assert_int_equal(qf_bundle_next(bundle, &offset, &entries[i]), QF_OK);
        qf_hash_leaf(QF_HASH_SHA256, leaf, entries[i]);
        qf_log_tree_append(&tree, leaf, qf_test_keep_node, NULL);
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    qf_verifier_free(verifier);
    qf_arena_deinit(&arena);
    return 0;
}

static void make(struct qf_buf *buf, uint64_t index, struct qf_slice extra, bool has_extra)
{
    struct qf_proof_file file = {
        .has_extra = has_extra, .extra = extra, .index = index, .checkpoint_note = checkpoint};
    assert_int_equal(
        qf_log_prove_inclusion(QF_HASH_SHA256, &file.proof, index, ENTRIES, &qf_test_nodes), QF_OK);
    assert_int_equal(qf_proof_file_put(buf, &file), QF_OK);
}

static void every_entry(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < ENTRIES; i++) {
        struct qf_buf buf = {0};
        struct qf_proof_file file;
        uint64_t time_s = 1;
        make(&buf, i, qf_slice_make(&i, i % 4), i % 4 > 0);
        assert_int_equal(qf_proof_file_parse(&arena, &file, qf_buf_slice(&buf), NULL), QF_OK);
        assert_int_equal(file.index, i);
        assert_int_equal(file.has_extra, i % 4 > 0);
        assert_true(qf_slice_equal(file.extra, qf_slice_make(&i, i % 4)));
        assert_int_equal(qf_proof_file_verify(&file, entries[i], &key, verifier, &time_s, NULL),
                         QF_OK);
        assert_int_equal(time_s, 0);
        assert_int_equal(
            qf_proof_file_verify(&file, entries[(i + 1) % ENTRIES], &key, verifier, &time_s, NULL),
            QF_INVALID);
        qf_buf_deinit(&buf);
    }
}

/* Written by an independent program from the specification alone. */
static void known_file(void **state)
{
    (void)state;
    struct qf_buf buf = {0};
    make(&buf, 11, qf_slice_of("permit 11"), true);
    struct qf_slice want = load(vector_dir, "entry-11.tlog-proof");
    assert_true(qf_slice_equal(qf_buf_slice(&buf), want));
    qf_buf_deinit(&buf);
}

/* But for the extra data, which nothing covers, no byte can change. */
static void every_byte_counts(void **state)
{
    (void)state;
    struct qf_buf buf = {0};
    make(&buf, 11, qf_slice_make(NULL, 0), false);
    for (size_t i = 0; i < buf.size; i++) {
        struct qf_arena own = {0};
        struct qf_proof_file file;
        uint64_t time_s;
        buf.data[i] ^= 1;
        if (qf_proof_file_parse(&own, &file, qf_buf_slice(&buf), NULL) == QF_OK)
            assert_int_not_equal(
                qf_proof_file_verify(&file, entries[11], &key, verifier, &time_s, NULL), QF_OK);
        buf.data[i] ^= 1;
        qf_arena_deinit(&own);
    }
    qf_buf_deinit(&buf);
}

static void whose_signature(void **state)
{
    (void)state;
    struct qf_buf buf = {0};
    struct qf_proof_file file;
    struct qf_note_key other = key;
    uint64_t time_s;
    make(&buf, 3, qf_slice_make(NULL, 0), false);
    assert_int_equal(qf_proof_file_parse(&arena, &file, qf_buf_slice(&buf), NULL), QF_OK);
    other.public_key[7] ^= 1;
    assert_int_equal(qf_proof_file_verify(&file, entries[3], &other, verifier, &time_s, NULL),
                     QF_BAD_SIGNATURE);
    other.id[0] ^= 1;
    assert_int_equal(qf_proof_file_verify(&file, entries[3], &other, verifier, &time_s, NULL),
                     QF_NOT_FOUND);
    /* A log's key is worth nothing under the origin of another log. */
    file.checkpoint.origin = qf_slice_of("another log");
    assert_int_equal(qf_proof_file_verify(&file, entries[3], &key, verifier, &time_s, NULL),
                     QF_INVALID);
    qf_buf_deinit(&buf);
}

#define HASH "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define NOTE "log\n7\n" HASH "\n\n\xE2\x80\x94 log AAAAAAAA\n"
#define FIRST "c2sp.org/tlog-proof@v1\n"

static void wrong_forms(void **state)
{
    (void)state;
    static const struct {
        const char *text, *field; /* NULL: right */
    } files[] = {
        {FIRST "index 6\n" HASH "\n\n" NOTE, NULL},
        {FIRST "extra \nindex 0\n\n" NOTE, NULL},
        {"", "version"},
        {"c2sp.org/tlog-proof@v1", "version"},
        {"c2sp.org/tlog-proof@v2\nindex 1\n\n" NOTE, "version"},
        {FIRST, "index"},
        {FIRST "extra AAAA\n", "index"},
        {FIRST "extra A\nindex 1\n\n" NOTE, "extra"},
        {FIRST "extra AAAA\nextra AAAA\nindex 1\n\n" NOTE, "index"},
        {FIRST "index 1\nextra AAAA\n\n" NOTE, "proof"},
        {FIRST "index\n\n" NOTE, "index"},
        {FIRST "index 01\n\n" NOTE, "index"},
        {FIRST "index 7\n\n" NOTE, "index"},
        {FIRST "index 1\n" NOTE, "proof"},
        {FIRST "index 1\nAAAA\n\n" NOTE, "proof"},
        {FIRST "index 1\n\n", "checkpoint.note"},
        {FIRST "index 1\n\nlog\n7\nAAAA\n\n\xE2\x80\x94 log AAAAAAAA\n", "checkpoint.root"},
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct qf_proof_file file;
        struct qf_error err;
        enum qf_status status =
            qf_proof_file_parse(&arena, &file, qf_slice_of(files[i].text), &err);
        assert_int_equal(status, files[i].field == NULL ? QF_OK : QF_MALFORMED);
        if (files[i].field != NULL)
            assert_string_equal(err.field, files[i].field);
    }
}

static void limits(void **state)
{
    (void)state;
    static uint8_t bytes[QF_PROOF_FILE_EXTRA_SIZE_MAX + 3];
    struct qf_buf buf = {0};
    struct qf_proof_file file;
    struct qf_error err;
    make(&buf, 3, qf_slice_make(bytes, QF_PROOF_FILE_EXTRA_SIZE_MAX), true);
    assert_int_equal(qf_proof_file_parse(&arena, &file, qf_buf_slice(&buf), &err), QF_OK);
    file.extra.size++;
    qf_buf_reset(&buf);
    assert_int_equal(qf_proof_file_put(&buf, &file), QF_OVER_LIMIT);
    for (int hashes = 63; hashes <= 64; hashes++) {
        qf_buf_reset(&buf);
        qf_buf_put_text(&buf, FIRST "index 1\n");
        for (int i = 0; i < hashes; i++)
            qf_buf_put_text(&buf, HASH "\n");
        qf_buf_put_text(&buf, "\n" NOTE);
        assert_int_equal(qf_proof_file_parse(&arena, &file, qf_buf_slice(&buf), &err),
                         hashes == 63 ? QF_OK : QF_OVER_LIMIT);
    }
    qf_buf_deinit(&buf);
}

int main(int argc, char **argv)
{
    assert_int_equal(argc, 3);
    data_dir = argv[1];
    vector_dir = argv[2];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_entry),       cmocka_unit_test(known_file),
        cmocka_unit_test(every_byte_counts), cmocka_unit_test(whose_signature),
        cmocka_unit_test(wrong_forms),       cmocka_unit_test(limits),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
