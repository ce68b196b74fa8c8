#include <time.h>

#include "codec/text.h"
#include "engine/ledger/bundle.h"
#include "engine/ledger/bundle_stamped.h"
#include "engine/ledger/internal.h"
#include "merkle/proof_file.h"
#include "merkle/proof_json.h"

#define DURABLE_WAIT_MS 2000

static enum qf_status add_log_proof(struct qf_ledger *ledger, struct qf_arena *arena,
                                    struct qf_json *bundle, const char *name, enum qf_hash_alg alg,
                                    uint64_t leaf, uint64_t size)
{
    struct qf_hash_reader reader;
    struct qf_log_proof proof;
    qf_tiles_reader(ledger->tiles, alg, &reader);
    enum qf_status status = qf_log_prove_inclusion(alg, &proof, leaf, size, &reader);
    if (status == QF_OK)
        qf_json_put(arena, bundle, name, qf_proof_to_json(arena, &proof));
    return status;
}

static enum qf_status add_consistency(struct qf_ledger *ledger, struct qf_arena *arena,
                                      struct qf_json *part, uint64_t old, uint64_t size)
{
    struct qf_hash_reader reader;
    struct qf_log_proof proof;
    qf_tiles_reader(ledger->tiles, QF_HASH_SHA256, &reader);
    enum qf_status status = qf_log_prove_consistency(QF_HASH_SHA256, &proof, old, size, &reader);
    if (status == QF_OK)
        qf_json_put(arena, part, "consistency", qf_proof_to_json(arena, &proof));
    return status;
}

/* Records with their proofs; a value is read once, however often the proofs have to be made. */
struct records {
    struct qf_state_asked *items;
    struct qf_slice *values;
    uint8_t (*hashes)[QF_HASH_SIZE]; /* of the values */
    size_t count, size;
};

static enum qf_status read_value(struct qf_ledger *ledger, struct qf_arena *arena,
                                 struct records *all, size_t i, struct qf_error *err)
{
    struct qf_buf value = {0};
    enum qf_status status = qf_state_get(ledger->state, &value, all->items[i].key);
    all->size += value.size - all->values[i].size;
    if (status == QF_OK && all->size > QF_BUNDLE_SIZE_MAX)
        status = qf_fail(err, QF_OVER_LIMIT, "records",
                         "they are together larger than a bundle: %d bytes", QF_BUNDLE_SIZE_MAX);
    if (status == QF_OK) {
        all->values[i] = qf_arena_copy(arena, qf_buf_slice(&value));
        qf_hash(qf_suite_hash(ledger->rules.suite), all->hashes[i], all->values[i]);
    }
    qf_buf_deinit(&value);
    return status;
}

static bool is_of(const struct records *all, size_t i)
{
    const struct qf_state_proof *proof = &all->items[i].proof;
    return all->values[i].data != NULL && proof->has_leaf &&
           memcmp(all->hashes[i], proof->leaf.value_hash, QF_HASH_SIZE) == 0;
}

static struct qf_json record_json(struct qf_arena *arena, const struct records *all, size_t i)
{
    const struct qf_state_proof *proof = &all->items[i].proof;
    struct qf_json object = qf_json_make_object();
    struct qf_json siblings = qf_json_make_array();
    for (size_t k = 0; k < proof->depth; k++)
        qf_json_append(arena, &siblings,
                       qf_json_make_base64(arena, qf_slice_make(proof->siblings[k], QF_HASH_SIZE)));
    qf_json_put(arena, &object, "key", qf_json_make_slice(all->items[i].key));
    qf_json_put(arena, &object, "siblings", siblings);
    qf_json_put(arena, &object, "value", qf_json_make_slice(all->values[i]));
    return object;
}

/* All of one moment, and the durable head of that moment. QF_UNAVAILABLE: a block came in between,
 * or is not durable yet. */
static enum qf_status prove_at_once(struct qf_ledger *ledger, struct qf_arena *arena,
                                    struct records *all, struct qf_ledger_head *head,
                                    struct qf_error *err)
{
    uint8_t root[QF_HASH_SIZE];
    uint64_t height;
    enum qf_status status =
        qf_state_prove_many(ledger->state, all->items, all->count, root, &height);
    for (size_t i = 0; status == QF_OK && i < all->count; i++) {
        if (!is_of(all, i))
            status = read_value(ledger, arena, all, i, err);
        if (status == QF_OK && !is_of(all, i))
            status = QF_UNAVAILABLE;
    }
    if (status != QF_OK)
        return status;
    if (qf_ledger_head_at(ledger, height, head) != QF_OK ||
        memcmp(head->state_root, root, QF_HASH_SIZE) != 0)
        return QF_UNAVAILABLE;
    return QF_OK;
}

/* Blocks go on meanwhile, so this is tried again while records change under it. */
static enum qf_status prove_all(struct qf_ledger *ledger, struct qf_arena *arena,
                                struct records *all, struct qf_ledger_head *head,
                                struct qf_error *err)
{
    enum qf_status status = QF_UNAVAILABLE;
    for (int round = 0; round < DURABLE_WAIT_MS && status == QF_UNAVAILABLE; round++) {
        if (round > 0)
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        status = prove_at_once(ledger, arena, all, head, err);
    }
    return status;
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
    struct qf_json witnessed = qf_json_make_object();
    enum qf_status status = find_witnessed(signer, &note, &checkpoint, leaf, cosigned);
    if (status == QF_OK && checkpoint.size > head_size)
        status = QF_NOT_FOUND;
    if (status != QF_OK) {
        qf_buf_deinit(&note);
        return status == QF_NOT_FOUND && cosigned == 0 ? QF_OK : too_few(cosigned, err);
    }
    qf_json_put(arena, &witnessed, "checkpoint",
                qf_json_make_slice(qf_arena_copy(arena, qf_buf_slice(&note))));
    status = add_consistency(ledger, arena, &witnessed, checkpoint.size, head_size);
    if (status == QF_OK)
        status = add_log_proof(ledger, arena, &witnessed, "proof", QF_HASH_SHA256, leaf,
                               checkpoint.size);
    qf_json_put(arena, bundle, "witnessed", witnessed);
    qf_buf_deinit(&note);
    return status == QF_OK ? QF_OK : qf_fail(err, status, "witnessed", "the log cannot be read");
}

/* Whether the log continues a checkpoint: one that was stamped of entries which were lost since, as
 * by restoring an old copy, shows nothing of this log. */
static bool continues(struct qf_ledger *ledger, struct qf_slice note,
                      const struct qf_ledger_head *head)
{
    struct qf_checkpoint checkpoint;
    struct qf_hash_reader reader;
    struct qf_log_proof proof;
    qf_tiles_reader(ledger->tiles, QF_HASH_SHA256, &reader);
    return qf_checkpoint_parse_note(&checkpoint, note, NULL) == QF_OK && checkpoint.size > 0 &&
           checkpoint.size <= head->size &&
           qf_log_prove_consistency(QF_HASH_SHA256, &proof, checkpoint.size, head->size, &reader) ==
               QF_OK &&
           qf_log_verify_consistency(QF_HASH_SHA256, checkpoint.size, head->size, checkpoint.root,
                                     head->root, &proof) == QF_OK;
}

/* The first time-stamp of a checkpoint that has the entry, if there is one. A chain that cannot be
 * read, or is of another history, is left out: qifeng audit names it, and the record is proved
 * without it. */
static void add_stamped(struct qf_ledger *ledger, struct qf_arena *arena, struct qf_json *bundle,
                        uint64_t leaf, const struct qf_note_signer *signer,
                        const struct qf_ledger_head *head)
{
    struct qf_json stamped = qf_json_make_object();
    struct qf_stamp_link *links = NULL;
    size_t count = 0;
    uint64_t size = 0;
    if (signer->stamps == NULL || !qf_stamps_after(signer->stamps, leaf, &size) ||
        size > head->size ||
        qf_stamps_chain(signer->stamps, arena, size, &links, &count, NULL) != QF_OK ||
        !continues(ledger, links[0].file, head) ||
        add_consistency(ledger, arena, &stamped, size, head->size) != QF_OK ||
        add_log_proof(ledger, arena, &stamped, "proof", QF_HASH_SHA256, leaf, size) != QF_OK)
        return;
    qf_bundle_put_chain(arena, &stamped, links, count);
    qf_json_put(arena, bundle, "stamped", stamped);
}

/* Why the key that signs the checkpoint is to be believed, where genesis does not name it. */
static enum qf_status add_introductions(struct qf_ledger *ledger, struct qf_arena *arena,
                                        struct qf_json *bundle,
                                        const struct qf_introductions *introductions,
                                        const struct qf_ledger_head *head)
{
    struct qf_json list = qf_json_make_array();
    enum qf_status status = QF_OK;
    for (size_t i = 0; introductions != NULL && i < introductions->count && status == QF_OK; i++) {
        const struct qf_introduction *item = &introductions->items[i];
        struct qf_json one = qf_json_make_object();
        if (!continues(ledger, item->checkpoint, head))
            return QF_INCONSISTENT;
        qf_json_put(arena, &one, "checkpoint", qf_json_make_slice(item->checkpoint));
        status = add_consistency(ledger, arena, &one, item->size, head->size);
        qf_json_put(arena, &one, "member", item->member_record);
        qf_json_put(arena, &one, "trust", item->trust_record);
        qf_json_append(arena, &list, one);
    }
    if (status == QF_OK && list.count > 0)
        qf_json_put(arena, bundle, "introductions", list);
    return status;
}

/* The network and the signer's key (NULL: time alone has none), and what was asked for. */
static enum qf_status add_states(struct qf_ledger *ledger, struct qf_arena *arena,
                                 struct qf_json *bundle, const struct qf_bundle_request *request,
                                 const char *kid, struct qf_ledger_head *head, struct qf_error *err)
{
    struct qf_json state = qf_json_make_array(), records = qf_json_make_array();
    const size_t own = kid == NULL ? 1 : 2, count = own + request->key_count;
    QF_ASSERT(request->key_count <= QF_BUNDLE_RECORDS_MAX);
    struct records all = {.items = QF_ARENA_ARRAY(arena, struct qf_state_asked, count),
                          .values = QF_ARENA_ARRAY(arena, struct qf_slice, count),
                          .hashes = qf_arena_alloc(arena, count * QF_HASH_SIZE),
                          .count = count};
    all.items[0].key = qf_slice_of("consortium/network");
    if (kid != NULL)
        all.items[1].key = qf_slice_of(qf_arena_printf(arena, "identity/key/%s", kid));
    for (size_t i = 0; i < request->key_count; i++)
        all.items[own + i].key = qf_slice_of(request->keys[i]);
    enum qf_status status = prove_all(ledger, arena, &all, head, err);
    if (status == QF_OVER_LIMIT)
        return status;
    if (status != QF_OK)
        return qf_fail(err, status, "state", "%s cannot be proved now",
                       request->key_count > 0 ? "the records" : "the signer's key");
    for (size_t i = 0; i < count; i++)
        qf_json_append(arena, i < own ? &state : &records, record_json(arena, &all, i));
    if (request->key_count > 0)
        qf_json_put(arena, bundle, "records", records);
    qf_json_put(arena, bundle, "state", state);
    return QF_OK;
}

static enum qf_status make(struct qf_ledger *ledger, struct qf_arena *arena, struct qf_buf *out,
                           struct qf_buf *scratch, const struct qf_bundle_request *request,
                           const struct qf_note_signer *signer, struct qf_error *err)
{
    const uint64_t leaf = request->leaf;
    const unsigned cosigned = request->cosigned;
    unsigned count = 0;
    struct qf_entry entry;
    struct qf_tx tx;
    enum qf_status status = qf_tiles_entry(ledger->tiles, scratch, leaf);
    if (status != QF_OK)
        return qf_fail(err, status, "leaf", "the log has no entry %llu", (unsigned long long)leaf);
    struct qf_slice bytes = qf_arena_copy(arena, qf_buf_slice(scratch));
    status = qf_entry_decode(arena, &entry, bytes, err);
    bool time_alone = status == QF_OK && entry.jws.size == 0;
    if (status == QF_OK && !time_alone)
        status = qf_tx_decode(arena, &tx, entry.jws, &ledger->rules, err);
    if (status != QF_OK)
        return status;
    struct qf_json bundle = qf_json_make_object();
    struct qf_ledger_head head;
    status = add_states(ledger, arena, &bundle, request, time_alone ? NULL : tx.kid, &head, err);
    if (status != QF_OK)
        return status;
    qf_buf_reset(scratch);
    status = sign_checkpoint(ledger, scratch, &head, signer, &count, err);
    if (status != QF_OK)
        return status;
    qf_json_put(arena, &bundle, "checkpoint", qf_json_make_slice(qf_buf_slice(scratch)));
    qf_json_put(arena, &bundle, "entry", qf_json_make_slice(bytes));
    qf_json_put(arena, &bundle, "format", qf_json_make_text("qf-bundle-1"));
    qf_json_put(arena, &bundle, "genesis", qf_json_make_slice(ledger->genesis));
    qf_json_put(arena, &bundle, "leaf", qf_json_make_int((int64_t)leaf));
    status = add_log_proof(ledger, arena, &bundle, "proof", QF_HASH_SHA256, leaf, head.size);
    if (status == QF_OK && ledger->sm3)
        status = add_log_proof(ledger, arena, &bundle, "proof_sm3", QF_HASH_SM3, leaf, head.size);
    if (status != QF_OK)
        return qf_fail(err, status, "proof", "the log cannot be read");
    if (count == 0 || count < cosigned)
        status = add_witnessed(ledger, arena, &bundle, leaf, cosigned, signer, head.size, err);
    if (status != QF_OK)
        return status;
    add_stamped(ledger, arena, &bundle, leaf, signer, &head);
    status = add_introductions(ledger, arena, &bundle, signer->introductions, &head);
    if (status != QF_OK)
        return qf_fail(err, status, "introductions", "the log does not continue them");
    qf_json_write(out, &bundle);
    return qf_buf_status(out);
}

enum qf_status qf_bundle_make_with(struct qf_ledger *ledger, struct qf_buf *out,
                                   const struct qf_bundle_request *request,
                                   const struct qf_note_signer *signer, struct qf_error *err)
{
    struct qf_arena arena = {0};
    struct qf_buf scratch = {0};
    enum qf_status status = make(ledger, &arena, out, &scratch, request, signer, err);
    if (status == QF_OK && out->size > QF_BUNDLE_SIZE_MAX)
        status = qf_fail(err, QF_OVER_LIMIT, "records", "the bundle is larger than %d bytes",
                         QF_BUNDLE_SIZE_MAX);
    qf_buf_deinit(&scratch);
    qf_arena_deinit(&arena);
    return status;
}

enum qf_status qf_bundle_make(struct qf_ledger *ledger, struct qf_buf *out, uint64_t leaf,
                              unsigned cosigned, const struct qf_note_signer *signer,
                              struct qf_error *err)
{
    const struct qf_bundle_request request = {.leaf = leaf, .cosigned = cosigned};
    return qf_bundle_make_with(ledger, out, &request, signer, err);
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
