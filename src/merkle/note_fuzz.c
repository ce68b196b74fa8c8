/* Notes, verifier keys and checkpoints: what parses goes together again to the same bytes or, for
 * checkpoints, which may have lines that are not ours, to the same values. */
#include "merkle/note.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_key(struct qf_slice bytes)
{
    struct qf_note_key key;
    struct qf_buf buf = {0};
    if (qf_note_key_parse(&key, bytes, NULL) == QF_OK) {
        qf_note_key_put(&buf, &key);
        QF_ASSERT(qf_slice_equal(qf_buf_slice(&buf), bytes));
    }
    qf_buf_deinit(&buf);
}

static void try_checkpoint(struct qf_slice text)
{
    struct qf_checkpoint read;
    struct qf_checkpoint again;
    struct qf_buf buf = {0};
    if (qf_checkpoint_parse(&read, text, NULL) == QF_OK) {
        qf_checkpoint_put(&buf, &read);
        QF_ASSERT(qf_checkpoint_parse(&again, qf_buf_slice(&buf), NULL) == QF_OK);
        QF_ASSERT(qf_slice_equal(read.origin, again.origin) && read.size == again.size &&
                  read.has_state == again.has_state && read.has_sm3 == again.has_sm3);
        QF_ASSERT(memcmp(read.root, again.root, QF_HASH_SIZE) == 0 &&
                  memcmp(read.state_root, again.state_root, QF_HASH_SIZE) == 0 &&
                  memcmp(read.sm3_root, again.sm3_root, QF_HASH_SIZE) == 0);
    }
    qf_buf_deinit(&buf);
}

/* The lines that a key finds are, with one line a key, all there are. */
static void put_again(const struct qf_note *note, struct qf_slice bytes)
{
    struct qf_buf buf = {0};
    qf_buf_put_slice(&buf, note->text);
    qf_buf_put_byte(&buf, '\n');
    for (size_t i = 0; i < note->signature_count; i++) {
        struct qf_note_key key = {.name = note->signatures[i].name};
        memcpy(key.id, note->signatures[i].id, sizeof key.id);
        QF_ASSERT(qf_note_put_line(&buf, note, &key) == QF_OK);
    }
    if (note->signature_count == 1)
        QF_ASSERT(qf_slice_equal(qf_buf_slice(&buf), bytes));
    qf_buf_deinit(&buf);
}

static void verify(const struct qf_note *note)
{
    static struct qf_verifier *verifier;
    static const uint8_t public_key[32] = {1};
    const struct qf_verifier_options options = {0};
    if (verifier == NULL)
        QF_ASSERT(qf_verifier_new(&verifier, &options, NULL) == QF_OK);
    for (size_t i = 0; i < note->signature_count && i < 4; i++)
        for (int cosigner = 0; cosigner < 2; cosigner++) {
            struct qf_note_key key;
            uint64_t time_s = 1;
            qf_note_key_make(&key, note->signatures[i].name,
                             cosigner ? QF_NOTE_COSIGNATURE : QF_NOTE_ED25519, public_key);
            memcpy(key.id, note->signatures[i].id, sizeof key.id);
            if (qf_note_verify(note, &key, verifier, &time_s) != QF_OK || !cosigner)
                QF_ASSERT(time_s == 0);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct qf_arena arena = {0};
    struct qf_error err;
    struct qf_note note;
    const struct qf_slice bytes = {data, size};
    try_key(bytes);
    try_checkpoint(bytes);
    if (qf_note_parse(&arena, &note, bytes, &err) == QF_OK) {
        QF_ASSERT(note.signature_count >= 1 && note.signature_count <= QF_NOTE_SIGNATURES_MAX);
        put_again(&note, bytes);
        try_checkpoint(note.text);
        verify(&note);
    }
    qf_arena_deinit(&arena);
    return 0;
}
