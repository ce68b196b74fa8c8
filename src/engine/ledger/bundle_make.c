#include <time.h>

#include "codec/text.h"
#include "engine/ledger/bundle.h"
#include "engine/ledger/internal.h"

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
                                      const struct qf_note_signer *signer, struct qf_error *err)
{
    struct qf_checkpoint checkpoint;
    struct qf_buf text = {0};
    qf_ledger_checkpoint(ledger, head, &checkpoint);
    qf_checkpoint_put(&text, &checkpoint);
    qf_buf_put_slice(note, qf_buf_slice(&text));
    qf_buf_put_byte(note, '\n');
    enum qf_status status = qf_note_put_signature(note, qf_buf_slice(&text), signer->name,
                                                  QF_NOTE_ED25519, signer->key, 0, err);
    qf_buf_deinit(&text);
    return status == QF_OK ? qf_buf_status(note) : status;
}

static enum qf_status make(struct qf_ledger *ledger, struct qf_arena *arena, struct qf_buf *out,
                           struct qf_buf *scratch, uint64_t leaf,
                           const struct qf_note_signer *signer, struct qf_error *err)
{
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
    status = sign_checkpoint(ledger, scratch, &head, signer, err);
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
    qf_json_write(out, &bundle);
    return qf_buf_status(out);
}

enum qf_status qf_bundle_make(struct qf_ledger *ledger, struct qf_buf *out, uint64_t leaf,
                              const struct qf_note_signer *signer, struct qf_error *err)
{
    struct qf_arena arena = {0};
    struct qf_buf scratch = {0};
    enum qf_status status = make(ledger, &arena, out, &scratch, leaf, signer, err);
    qf_buf_deinit(&scratch);
    qf_arena_deinit(&arena);
    return status;
}
