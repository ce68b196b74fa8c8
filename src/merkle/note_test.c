#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "merkle/note.h"

static struct qf_verifier *verifier;
static const char *data_dir;

static struct qf_slice load(struct qf_arena *arena, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", data_dir, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    uint8_t *bytes = qf_arena_alloc(arena, 1 << 16);
    size_t size = fread(bytes, 1, 1 << 16, file);
    fclose(file);
    return qf_slice_make(bytes, size);
}

/* The example of golang.org/x/mod/sumdb/note. */
static void known_note(void **state)
{
    (void)state;
    static const char vkey[] = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    static const char text[] =
        "If you think cryptography is the answer to your problem,\n"
        "then you don't know what your problem is.\n"
        "\n"
        "\xE2\x80\x94 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXg"
        "KvqfqdngotpRZb6KE6RyyBwJnAM=\n";
    struct qf_arena arena = {0};
    struct qf_note note;
    struct qf_note_key key;
    uint64_t time_s;
    assert_int_equal(qf_note_key_parse(&key, qf_slice_of(vkey), NULL), QF_OK);
    assert_int_equal(qf_note_parse(&arena, &note, qf_slice_of(text), NULL), QF_OK);
    assert_int_equal(qf_note_verify(&note, &key, verifier, &time_s), QF_OK);
    struct qf_buf buf = {0};
    qf_note_key_put(&buf, &key);
    assert_string_equal(qf_buf_text(&buf), vkey);
    qf_buf_deinit(&buf);
    char changed[sizeof text];
    memcpy(changed, text, sizeof text);
    changed[3] ^= 1;
    assert_int_equal(qf_note_parse(&arena, &note, qf_slice_of(changed), NULL), QF_OK);
    assert_int_equal(qf_note_verify(&note, &key, verifier, &time_s), QF_BAD_SIGNATURE);
    qf_arena_deinit(&arena);
}

/* Checkpoints that Tessera signed. */
static void tessera_checkpoints(void **state)
{
    (void)state;
    static const char vkey[] =
        "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx";
    struct qf_note_key key;
    assert_int_equal(qf_note_key_parse(&key, qf_slice_of(vkey), NULL), QF_OK);
    for (int i = 0; i < 17; i++) {
        struct qf_arena arena = {0};
        struct qf_note note;
        struct qf_checkpoint checkpoint;
        struct qf_buf again = {0};
        uint64_t time_s;
        char name[64] = "tlog/checkpoint";
        if (i < 16)
            snprintf(name, sizeof name, "tlog/checkpoint.%d", i);
        assert_int_equal(qf_note_parse(&arena, &note, load(&arena, name), NULL), QF_OK);
        assert_int_equal(qf_note_verify(&note, &key, verifier, &time_s), QF_OK);
        assert_int_equal(qf_checkpoint_parse(&checkpoint, note.text, NULL), QF_OK);
        assert_true(qf_slice_is(checkpoint.origin, "example.com/log/testdata"));
        qf_checkpoint_put(&again, &checkpoint);
        assert_true(qf_slice_equal(qf_buf_slice(&again), note.text));
        qf_buf_deinit(&again);
        qf_arena_deinit(&arena);
    }
}

static void signed_and_cosigned(void **state)
{
    (void)state;
    struct qf_arena arena = {0};
    struct qf_private_key *key = NULL;
    struct qf_public_key public;
    struct qf_note_key log_key;
    struct qf_note_key witness_key;
    struct qf_note note;
    struct qf_buf text = {0};
    struct qf_buf whole = {0};
    uint64_t time_s;
    struct qf_checkpoint checkpoint = {
        .origin = qf_slice_of("beijing"), .size = 7, .has_state = true, .has_sm3 = true};
    memset(checkpoint.state_root, 5, QF_HASH_SIZE);
    assert_int_equal(qf_private_key_generate(&key, QF_ALG_EDDSA, NULL), QF_OK);
    qf_private_key_public(key, &public);
    qf_note_key_make(&log_key, qf_slice_of("beijing"), QF_NOTE_ED25519, public.bytes);
    qf_note_key_make(&witness_key, qf_slice_of("court"), QF_NOTE_COSIGNATURE, public.bytes);
    qf_checkpoint_put(&text, &checkpoint);
    qf_buf_put_slice(&whole, qf_buf_slice(&text));
    qf_buf_put_byte(&whole, '\n');
    struct qf_slice covered = qf_buf_slice(&text);
    assert_int_equal(
        qf_note_put_signature(&whole, covered, log_key.name, QF_NOTE_ED25519, key, 0, NULL), QF_OK);
    assert_int_equal(qf_note_put_signature(&whole, covered, witness_key.name, QF_NOTE_COSIGNATURE,
                                           key, 1767225600, NULL),
                     QF_OK);
    assert_int_equal(qf_note_parse(&arena, &note, qf_buf_slice(&whole), NULL), QF_OK);
    assert_int_equal(qf_note_verify(&note, &log_key, verifier, &time_s), QF_OK);
    assert_int_equal(qf_note_verify(&note, &witness_key, verifier, &time_s), QF_OK);
    assert_int_equal(time_s, 1767225600);
    struct qf_checkpoint read;
    assert_int_equal(qf_checkpoint_parse(&read, note.text, NULL), QF_OK);
    assert_true(read.has_state && read.has_sm3 && read.size == 7 && read.state_root[0] == 5);
    qf_note_key_make(&log_key, qf_slice_of("other"), QF_NOTE_ED25519, public.bytes);
    assert_int_equal(qf_note_verify(&note, &log_key, verifier, &time_s), QF_NOT_FOUND);
    /* Every changed byte is noticed by one of the two, or the note no longer parses. */
    qf_note_key_make(&log_key, qf_slice_of("beijing"), QF_NOTE_ED25519, public.bytes);
    for (size_t i = 0; i < whole.size; i++) {
        whole.data[i] ^= 1;
        if (qf_note_parse(&arena, &note, qf_buf_slice(&whole), NULL) == QF_OK)
            assert_false(qf_note_verify(&note, &log_key, verifier, &time_s) == QF_OK &&
                         qf_note_verify(&note, &witness_key, verifier, &time_s) == QF_OK);
        whole.data[i] ^= 1;
        qf_arena_reset(&arena);
    }
    qf_private_key_free(key);
    qf_buf_deinit(&text);
    qf_buf_deinit(&whole);
    qf_arena_deinit(&arena);
}

static void wrong_forms(void **state)
{
    (void)state;
    static const char *const notes[] = {
        "",
        "text\n",
        "text\n\n",
        "text\n\nno dash\n",
        "text\n\n\xE2\x80\x94 name\n",
        "text\n\n\xE2\x80\x94 name AAAA\n",
        "text\n\n\xE2\x80\x94 na+me AAAAAAAA\n",
        "text\n\n\xE2\x80\x94 name AAAAAAAA",
        "te\x01xt\n\n\xE2\x80\x94 name AAAAAAAA\n",
        "te\xFFxt\n\n\xE2\x80\x94 name AAAAAAAA\n",
    };
    static const char *const checkpoints[] = {
        "",
        "origin\n",
        "origin\n01\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
        "origin\n1\nAAAA\n",
        "origin\n-1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
        "origin\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\nstate x\n",
        "origin\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\nrest",
        "\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
    };
    struct qf_arena arena = {0};
    for (size_t i = 0; i < sizeof notes / sizeof notes[0]; i++) {
        struct qf_note note;
        assert_int_not_equal(qf_note_parse(&arena, &note, qf_slice_of(notes[i]), NULL), QF_OK);
    }
    for (size_t i = 0; i < sizeof checkpoints / sizeof checkpoints[0]; i++) {
        struct qf_checkpoint checkpoint;
        assert_int_not_equal(qf_checkpoint_parse(&checkpoint, qf_slice_of(checkpoints[i]), NULL),
                             QF_OK);
    }
    qf_arena_deinit(&arena);
}

int main(int argc, char **argv)
{
    assert_int_equal(argc, 2);
    data_dir = argv[1];
    const struct qf_verifier_options options = {0};
    assert_int_equal(qf_verifier_new(&verifier, &options, NULL), QF_OK);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_note),
        cmocka_unit_test(tessera_checkpoints),
        cmocka_unit_test(signed_and_cosigned),
        cmocka_unit_test(wrong_forms),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    qf_verifier_free(verifier);
    return failed;
}
