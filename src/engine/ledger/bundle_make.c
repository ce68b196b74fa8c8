#include <time.h>

#include "codec/text.h"
#include "engine/ledger/bundle.h"
#include "engine/ledger/internal.h"
#include "merkle/proof_file.h"

#define DURABLE_WAIT_MS 2000

static struct qf_json base64_of(struct qf_arena *arena, const uint8_t hash[QF_HASH_SIZE])
{
    const size_t size = QF_BASE64_SIZE((size_t)QF_HASH_SIZE);
    char *text = qf_arena_alloc(arena, size);
    qf_base64_encode(text, qf_slice_make(hash, QF_HASH_SIZE));
    return qf_json_make_slice(qf_slice_make(text, size));
}

static enum qf_status add_log_proof(struct qf_ledger *ledger, struct qf_arena *arena,
                                    struct qf_json *bundle, const char *name, enum qf_hash_alg alg,
                                    uint64_t leaf, uint64_t size)
{
    struct qf_hash_reader reader;
    struct qf_log_proof proof;
    qf_tiles_reader(ledger->tiles, alg, &reader);
    enum qf_status status = qf_log_prove_inclusion(alg, &proof, leaf, size, &reader);
    struct qf_json list = qf_json_make_array();
    for (size_t i = 0; status == QF_OK && i < proof.count; i++)
        qf_json_append(arena, &list, base64_of(arena, proof.hashes[i]));
    qf_json_put(arena, bundle, name, list);
    return status;
}

struct state_item {
    struct qf_slice key, value;
    struct qf_state_proof proof;
    uint8_t root[QF_HASH_SIZE];
    uint64_t height;
};

static enum qf_status prove_state(struct qf_ledger *ledger, struct qf_arena *arena,
                                  struct state_item *item, const char *key)
{
    struct qf_buf value = {0};
    item->key = qf_slice_of(key);
    enum qf_status status = qf_state_get(ledger->state, &value, item->key);
    if (status == QF_OK)
        status = qf_state_prove(ledger->state, item->key, &item->proof, item->root, &item->height);
    item->value = qf_arena_copy(arena, qf_buf_slice(&value));
    qf_buf_deinit(&value);
    return status;
}

static struct qf_json state_json(struct qf_arena *arena, const struct state_item *item)
{
    struct qf_json object = qf_json_make_object();
    struct qf_json siblings = qf_json_make_array();
    for (size_t i = 0; i < item->proof.depth; i++)
        qf_json_append(arena, &siblings, base64_of(arena, item->proof.siblings[i]));
    qf_json_put(arena, &object, "key", qf_json_make_slice(item->key));
    qf_json_put(arena, &object, "siblings", siblings);
    qf_json_put(arena, &object, "value", qf_json_make_slice(item->value));
    return object;
}

/* Both records of one moment, and the durable head of that moment. Blocks go on meanwhile, so this
 * is tried again when they fall on different ones. */
static enum qf_status prove_both(struct qf_ledger *ledger, struct qf_arena *arena,
                                 struct state_item items[2], const char *signer_key,
                                 struct qf_ledger_head *head)
{
    for (int round = 0; round < DURABLE_WAIT_MS; round++) {
        enum qf_status status = prove_state(ledger, arena, &items[0], "consortium/network");
        if (status == QF_OK)
            status = prove_state(ledger, arena, &items[1], signer_key);
        if (status != QF_OK)
            return status;
        if (items[0].height == items[1].height &&
            qf_ledger_head_at(ledger, items[0].height, head) == QF_OK &&
            memcmp(head->state_root, items[0].root, QF_HASH_SIZE) == 0 &&
            memcmp(head->state_root, items[1].root, QF_HASH_SIZE) == 0)
            return QF_OK;
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    return QF_UNAVAILABLE;
}

static enum qf_status sign_checkpoint(struct qf_ledger *ledger, struct qf_buf *note,
                                      const struct qf_ledger_head *head,
                                      const struct qf_note_signer *signer, unsigned *cosigned,
                                      struct qf_error *err)
{
    struct qf_checkpoint checkpoint;
    struct qf_buf text = {0};
    qf_ledger_checkpoint(ledger, head, &checkpoint);
    qf_checkpoint_put(&text, &checkpoint);
    qf_buf_put_slice(note, qf_buf_slice(&text));
    qf_buf_put_byte(note, '\n');
    enum qf_status status = qf_note_put_signature(note, qf_buf_slice(&text), signer->name,
                                                  QF_NOTE_ED25519, signer->key, 0, err);
    *cosigned = 0;
    if (status == QF_OK && signer->cosigner != NULL)
        *cosigned = signer->cosigner->lines(signer->cosigner->self, note, qf_buf_slice(&text));
    qf_buf_deinit(&text);
    return status == QF_OK ? qf_buf_status(note) : status;
}

static enum qf_status too_few(unsigned cosigned, struct qf_error *err)
{
    return qf_fail(err, QF_UNAVAILABLE, "cosigned",
                   "no checkpoint that has this entry and the signer's key is cosigned by %u yet; "
                   "see witnesses in /v1/health",
                   cosigned);
}

/* The newest checkpoint with so many cosignatures, if it has the entry. */
static enum qf_status find_witnessed(const struct qf_note_signer *signer, struct qf_buf *note,
                                     struct qf_checkpoint *checkpoint, uint64_t leaf,
                                     unsigned cosigned)
{
    const struct qf_cosigner *cosigner = signer->cosigner;
    unsigned count = cosigned > 0 ? cosigned : 1;
    if (cosigner == NULL)
        return QF_NOT_FOUND;
    if (cosigned == 0 && cosigner->quorum > 0)
        count = cosigner->quorum;
    enum qf_status status = cosigner->note(cosigner->self, note, count);
    if (status == QF_OK)
        status = qf_checkpoint_parse_note(checkpoint, qf_buf_slice(note), NULL);
    return status == QF_OK && checkpoint->size <= leaf ? QF_NOT_FOUND : status;
}

/* While the log grows its head is not cosigned yet. An older checkpoint that is shows that the
 * entry is in the log that everybody sees, and the head continues it. */
static enum qf_status add_witnessed(struct qf_ledger *ledger, struct qf_arena *arena,
                                    struct qf_json *bundle, uint64_t leaf, unsigned cosigned,
                                    const struct qf_note_signer *signer, uint64_t head_size,
                                    struct qf_error *err)
{
    struct qf_buf note = {0};
    struct qf_checkpoint checkpoint;
    struct qf_hash_reader reader;
    struct qf_log_proof proof;
    struct qf_json witnessed = qf_json_make_object();
    struct qf_json list = qf_json_make_array();
    enum qf_status status = find_witnessed(signer, &note, &checkpoint, leaf, cosigned);
    if (status == QF_OK && checkpoint.size > head_size)
        status = QF_NOT_FOUND;
    if (status != QF_OK) {
        qf_buf_deinit(&note);
        return status == QF_NOT_FOUND && cosigned == 0 ? QF_OK : too_few(cosigned, err);
    }
    qf_tiles_reader(ledger->tiles, QF_HASH_SHA256, &reader);
    qf_json_put(arena, &witnessed, "checkpoint",
                qf_json_make_slice(qf_arena_copy(arena, qf_buf_slice(&note))));
    status = qf_log_prove_consistency(QF_HASH_SHA256, &proof, checkpoint.size, head_size, &reader);
    for (size_t i = 0; status == QF_OK && i < proof.count; i++)
        qf_json_append(arena, &list, base64_of(arena, proof.hashes[i]));
    qf_json_put(arena, &witnessed, "consistency", list);
    if (status == QF_OK)
        status = add_log_proof(ledger, arena, &witnessed, "proof", QF_HASH_SHA256, leaf,
                               checkpoint.size);
    qf_json_put(arena, bundle, "witnessed", witnessed);
    qf_buf_deinit(&note);
    return status == QF_OK ? QF_OK : qf_fail(err, status, "witnessed", "the log cannot be read");
}

static enum qf_status make(struct qf_ledger *ledger, struct qf_arena *arena, struct qf_buf *out,
                           struct qf_buf *scratch, uint64_t leaf, unsigned cosigned,
                           const struct qf_note_signer *signer, struct qf_error *err)
{
    unsigned count = 0;
    struct qf_entry entry;
    struct qf_tx tx;
    enum qf_status status = qf_tiles_entry(ledger->tiles, scratch, leaf);
    if (status != QF_OK)
        return qf_fail(err, status, "leaf", "the log has no entry %llu", (unsigned long long)leaf);
    struct qf_slice bytes = qf_arena_copy(arena, qf_buf_slice(scratch));
    if ((status = qf_entry_decode(arena, &entry, bytes, err)) != QF_OK ||
        (status = qf_tx_decode(arena, &tx, entry.jws, &ledger->rules, err)) != QF_OK)
        return status;
    struct state_item items[2];
    struct qf_ledger_head head;
    status =
        prove_both(ledger, arena, items, qf_arena_printf(arena, "identity/key/%s", tx.kid), &head);
    if (status != QF_OK)
        return qf_fail(err, status, "state", "the signer's key cannot be proved now");
    qf_buf_reset(scratch);
    status = sign_checkpoint(ledger, scratch, &head, signer, &count, err);
    if (status != QF_OK)
        return status;
    struct qf_json bundle = qf_json_make_object();
    struct qf_json state = qf_json_make_array();
    qf_json_append(arena, &state, state_json(arena, &items[0]));
    qf_json_append(arena, &state, state_json(arena, &items[1]));
    qf_json_put(arena, &bundle, "checkpoint", qf_json_make_slice(qf_buf_slice(scratch)));
    qf_json_put(arena, &bundle, "entry", qf_json_make_slice(bytes));
    qf_json_put(arena, &bundle, "format", qf_json_make_text("qf-bundle-1"));
    qf_json_put(arena, &bundle, "genesis", qf_json_make_slice(ledger->genesis));
    qf_json_put(arena, &bundle, "leaf", qf_json_make_int((int64_t)leaf));
    qf_json_put(arena, &bundle, "state", state);
    status = add_log_proof(ledger, arena, &bundle, "proof", QF_HASH_SHA256, leaf, head.size);
    if (status == QF_OK && ledger->sm3)
        status = add_log_proof(ledger, arena, &bundle, "proof_sm3", QF_HASH_SM3, leaf, head.size);
    if (status != QF_OK)
        return qf_fail(err, status, "proof", "the log cannot be read");
    if (count == 0 || count < cosigned)
        status = add_witnessed(ledger, arena, &bundle, leaf, cosigned, signer, head.size, err);
    if (status != QF_OK)
        return status;
    qf_json_write(out, &bundle);
    return qf_buf_status(out);
}

enum qf_status qf_bundle_make(struct qf_ledger *ledger, struct qf_buf *out, uint64_t leaf,
                              unsigned cosigned, const struct qf_note_signer *signer,
                              struct qf_error *err)
{
    struct qf_arena arena = {0};
    struct qf_buf scratch = {0};
    enum qf_status status = make(ledger, &arena, out, &scratch, leaf, cosigned, signer, err);
    qf_buf_deinit(&scratch);
    qf_arena_deinit(&arena);
    return status;
}

static enum qf_status put_receipt(struct qf_ledger *ledger, struct qf_buf *out,
                                  struct qf_proof_file *file, struct qf_error *err)
{
    struct qf_checkpoint checkpoint;
    struct qf_hash_reader reader;
    enum qf_status status = qf_checkpoint_parse_note(&checkpoint, file->checkpoint_note, err);
    qf_tiles_reader(ledger->tiles, QF_HASH_SHA256, &reader);
    if (status == QF_OK)
        status = qf_log_prove_inclusion(QF_HASH_SHA256, &file->proof, file->index, checkpoint.size,
                                        &reader);
    if (status == QF_OK)
        status = qf_proof_file_put(out, file);
    return status == QF_OK ? QF_OK : qf_fail(err, status, "proof", "the log cannot be read");
}

enum qf_status qf_receipt_make(struct qf_ledger *ledger, struct qf_buf *out, uint64_t leaf,
                               unsigned cosigned, const struct qf_note_signer *signer,
                               struct qf_error *err)
{
    struct qf_buf entry = {0};
    struct qf_buf note = {0};
    struct qf_checkpoint checkpoint;
    struct qf_ledger_head head;
    unsigned count = 0;
    qf_ledger_head(ledger, &head);
    enum qf_status status = qf_tiles_entry(ledger->tiles, &entry, leaf);
    if (status != QF_OK || leaf >= head.size) {
        qf_buf_deinit(&entry);
        return qf_fail(err, status != QF_OK ? status : QF_NOT_FOUND, "leaf",
                       "the log has no entry %llu", (unsigned long long)leaf);
    }
    status = find_witnessed(signer, &note, &checkpoint, leaf, cosigned);
    if (status == QF_NOT_FOUND && cosigned > 0)
        status = too_few(cosigned, err);
    else if (status == QF_NOT_FOUND) {
        qf_buf_reset(&note);
        status = sign_checkpoint(ledger, &note, &head, signer, &count, err);
    }
    struct qf_proof_file file = {.has_extra = true,
                                 .extra = qf_buf_slice(&entry),
                                 .index = leaf,
                                 .checkpoint_note = qf_buf_slice(&note)};
    if (status == QF_OK)
        status = put_receipt(ledger, out, &file, err);
    qf_buf_deinit(&entry);
    qf_buf_deinit(&note);
    return status;
}
