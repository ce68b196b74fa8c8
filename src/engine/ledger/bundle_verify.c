/* Verifying a bundle. Every byte of the file is either hashed into the signed checkpoint, or signed
 * itself, or has one form only, so a change anywhere ends in a refusal that names the part. */
#include "codec/text.h"
#include "engine/ledger/bundle.h"

struct verification {
    struct qf_arena *arena;
    struct qf_verifier *verifier;
    struct qf_bundle_report *report;
    struct qf_error *err;
    struct qf_slice entry_text, note_text;
    struct qf_slice genesis_text; /* of the file */
    struct qf_slice trusted;      /* of the reader, or empty */
    const struct qf_json *proof, *proof_sm3, *state;
    struct qf_json genesis;
    struct qf_note note;
    struct qf_checkpoint checkpoint;
    struct qf_tx tx;
};

static enum qf_status invalid(struct verification *v, const char *field, const char *reason)
{
    return qf_fail(v->err, QF_INVALID, field, "%s", reason);
}

static enum qf_status read_hash(const struct qf_json *value, uint8_t out[QF_HASH_SIZE])
{
    uint8_t bytes[QF_HASH_SIZE + 3];
    size_t size = 0;
    if (value->type != QF_JSON_STRING || value->count != QF_BASE64_SIZE((size_t)QF_HASH_SIZE) ||
        !qf_base64_decode(bytes, &size, qf_json_text(value)) || size != QF_HASH_SIZE)
        return QF_MALFORMED;
    memcpy(out, bytes, QF_HASH_SIZE);
    return QF_OK;
}

static enum qf_status read_parts(struct verification *v, struct qf_slice bundle,
                                 struct qf_slice trusted)
{
    struct qf_json *file = QF_ARENA_NEW(v->arena, struct qf_json);
    struct qf_slice format;
    int64_t leaf;
    if (bundle.size > QF_BUNDLE_SIZE_MAX)
        return qf_fail(v->err, QF_OVER_LIMIT, "", "a bundle has at most %d bytes",
                       QF_BUNDLE_SIZE_MAX);
    enum qf_status status = qf_json_parse(v->arena, file, bundle, QF_JSON_CANONICAL, v->err);
    if (status != QF_OK)
        return status;
    if ((status = qf_json_get_text(file, "format", &format, v->err)) != QF_OK ||
        (status = qf_json_get_text(file, "checkpoint", &v->note_text, v->err)) != QF_OK ||
        (status = qf_json_get_text(file, "entry", &v->entry_text, v->err)) != QF_OK ||
        (status = qf_json_get_text(file, "genesis", &v->genesis_text, v->err)) != QF_OK ||
        (status = qf_json_get_int(file, "leaf", &leaf, v->err)) != QF_OK)
        return status;
    v->proof = qf_json_get(file, "proof");
    v->proof_sm3 = qf_json_get(file, "proof_sm3");
    v->state = qf_json_get(file, "state");
    if (!qf_slice_is(format, "qf-bundle-1"))
        return qf_fail(v->err, QF_MALFORMED, "format", "want qf-bundle-1");
    if (v->proof == NULL || v->proof->type != QF_JSON_ARRAY)
        return qf_fail(v->err, QF_MALFORMED, "proof", "want a list of hashes");
    if (v->state == NULL || v->state->type != QF_JSON_ARRAY || v->state->count != 2)
        return qf_fail(v->err, QF_MALFORMED, "state", "want two records");
    if (leaf < 0)
        return qf_fail(v->err, QF_MALFORMED, "leaf", "want a place of the log");
    if (file->count != (v->proof_sm3 != NULL ? 8u : 7u))
        return qf_fail(v->err, QF_MALFORMED, "proof_sm3",
                       "a member that no bundle has, where this or nothing may stand");
    v->report->leaf = (uint64_t)leaf;
    v->report->trusted = trusted.size > 0;
    v->trusted = trusted;
    return QF_OK;
}

static enum qf_status read_genesis(struct verification *v)
{
    struct qf_slice suite;
    struct qf_bundle_report *report = v->report;
    enum qf_status status =
        qf_json_parse(v->arena, &v->genesis, v->trusted.size > 0 ? v->trusted : v->genesis_text,
                      QF_JSON_ANY, v->err);
    if (status == QF_OK)
        status = qf_json_get_text(&v->genesis, "network", &report->network, v->err);
    if (status == QF_OK)
        status = qf_json_get_text(&v->genesis, "suite", &suite, v->err);
    if (status == QF_OK && !qf_suite_parse(&report->suite, suite))
        status = qf_fail(v->err, QF_BAD_FIELD, "suite", "intl or gm");
    if (status != QF_OK) {
        qf_error_within(v->err, "genesis");
        return status;
    }
    struct qf_buf canonical = {0};
    uint8_t hash[QF_HASH_SIZE];
    qf_json_write(&canonical, &v->genesis);
    qf_hash(qf_suite_hash(report->suite), hash, qf_buf_slice(&canonical));
    /* The document in the file must be in the one form that its hash is of, and be the reader's. */
    bool same = qf_slice_equal(qf_buf_slice(&canonical), v->genesis_text);
    qf_buf_deinit(&canonical);
    qf_hex_encode(report->genesis_hash, qf_slice_make(hash, QF_HASH_SIZE));
    if (same)
        return QF_OK;
    return invalid(v, "genesis",
                   report->trusted ? "it is not the document that you trust"
                                   : "it is not in canonical form");
}

/* Calls the note key of genesis that a signature line names, if there is one. */
static bool find_note_key(const struct verification *v, const struct qf_note_signature *line,
                          struct qf_note_key *out)
{
    const struct qf_json *members = qf_json_get(&v->genesis, "members");
    for (uint32_t i = 0; members != NULL && members->type == QF_JSON_ARRAY && i < members->count;
         i++) {
        const struct qf_json *keys = qf_json_get(&members->items[i], "note_keys");
        for (uint32_t j = 0; keys != NULL && keys->type == QF_JSON_ARRAY && j < keys->count; j++) {
            if (keys->items[j].type == QF_JSON_STRING &&
                qf_note_key_parse(out, qf_json_text(&keys->items[j]), NULL) == QF_OK &&
                qf_slice_equal(out->name, line->name) && memcmp(out->id, line->id, 4) == 0)
                return true;
        }
    }
    return false;
}

static enum qf_status check_checkpoint(struct verification *v)
{
    struct qf_bundle_report *report = v->report;
    enum qf_status status = qf_note_parse(v->arena, &v->note, v->note_text, v->err);
    if (status == QF_OK)
        status = qf_checkpoint_parse(&v->checkpoint, v->note.text, v->err);
    if (status != QF_OK) {
        qf_error_within(v->err, "checkpoint");
        return status;
    }
    if (!qf_slice_equal(v->checkpoint.origin, report->network))
        return invalid(v, "checkpoint", "its origin is another network");
    if (!v->checkpoint.has_state || v->checkpoint.has_sm3 != (report->suite == QF_SUITE_GM))
        return invalid(v, "checkpoint", "it has not the lines of this suite");
    report->log_size = v->checkpoint.size;
    report->signers = QF_ARENA_ARRAY(v->arena, struct qf_slice, v->note.signature_count);
    for (size_t i = 0; i < v->note.signature_count; i++) {
        struct qf_note_key key;
        uint64_t time_s;
        if (!find_note_key(v, &v->note.signatures[i], &key))
            return invalid(v, "checkpoint", "a signature is by no node that genesis names");
        if (qf_note_verify(&v->note, &key, v->verifier, &time_s) != QF_OK)
            return invalid(v, "checkpoint", "a node's signature does not verify");
        report->signers[report->signer_count++] = v->note.signatures[i].name;
    }
    if (report->signer_count == 0)
        return qf_fail(v->err, QF_CANNOT_TELL, "checkpoint", "no node has signed it");
    return QF_OK;
}

static enum qf_status check_inclusion(struct verification *v, const struct qf_json *list,
                                      const char *name, enum qf_hash_alg alg,
                                      const uint8_t root[QF_HASH_SIZE])
{
    struct qf_log_proof proof = {0};
    uint8_t leaf[QF_HASH_SIZE];
    if (list->type != QF_JSON_ARRAY || list->count > QF_PROOF_HASHES_MAX)
        return qf_fail(v->err, QF_MALFORMED, name, "want a list of at most %d hashes",
                       QF_PROOF_HASHES_MAX);
    for (uint32_t i = 0; i < list->count; i++)
        if (read_hash(&list->items[i], proof.hashes[proof.count++]) != QF_OK)
            return qf_fail(v->err, QF_MALFORMED, name, "item %u is not a hash in base64", i);
    qf_hash_leaf(alg, leaf, v->entry_text);
    if (v->report->leaf >= v->checkpoint.size)
        return invalid(v, "leaf", "the log of the checkpoint is shorter");
    if (qf_log_verify_inclusion(alg, v->report->leaf, v->checkpoint.size, leaf, &proof, root) !=
        QF_OK)
        return qf_fail(v->err, QF_INVALID, "entry",
                       "the entry is not at this place of the log: entry, leaf or %s was changed",
                       name);
    return QF_OK;
}

static enum qf_status check_entry(struct verification *v)
{
    struct qf_bundle_report *report = v->report;
    struct qf_entry entry;
    enum qf_status status =
        check_inclusion(v, v->proof, "proof", QF_HASH_SHA256, v->checkpoint.root);
    if (status == QF_OK && report->suite == QF_SUITE_GM) {
        if (v->proof_sm3 == NULL)
            return qf_fail(v->err, QF_MALFORMED, "proof_sm3", "is missing");
        status = check_inclusion(v, v->proof_sm3, "proof_sm3", QF_HASH_SM3, v->checkpoint.sm3_root);
    } else if (status == QF_OK && v->proof_sm3 != NULL) {
        status = qf_fail(v->err, QF_MALFORMED, "proof_sm3", "does not belong to this suite");
    }
    if (status == QF_OK)
        status = qf_entry_decode(v->arena, &entry, v->entry_text, v->err);
    if (status != QF_OK)
        return status;
    report->code = entry.code;
    report->height = entry.height;
    report->index = entry.index;
    report->time_ms = entry.time_ms;
    const struct qf_tx_rules rules = {report->network, report->suite};
    status = qf_tx_decode(v->arena, &v->tx, entry.jws, &rules, v->err);
    if (status != QF_OK)
        return status;
    qf_hex_encode(report->tx_id, qf_slice_make(v->tx.id, QF_HASH_SIZE));
    memcpy(report->kid, v->tx.kid, sizeof report->kid);
    struct qf_json *ops = QF_ARENA_NEW(v->arena, struct qf_json);
    *ops = qf_json_make_array();
    for (size_t i = 0; i < v->tx.op_count; i++)
        qf_json_append(v->arena, ops, *v->tx.ops[i].body);
    report->ops = ops;
    return QF_OK;
}

static enum qf_status check_state(struct verification *v, uint32_t which, const char *want_key,
                                  struct qf_json *value)
{
    char field[24] = "state[0]";
    field[6] = (char)('0' + which);
    const struct qf_json *item = &v->state->items[which];
    const struct qf_json *siblings = qf_json_get(item, "siblings");
    struct qf_state_proof *proof = QF_ARENA_NEW(v->arena, struct qf_state_proof);
    struct qf_slice key;
    struct qf_slice text;
    if (qf_json_get_text(item, "key", &key, NULL) != QF_OK ||
        qf_json_get_text(item, "value", &text, NULL) != QF_OK || siblings == NULL ||
        siblings->type != QF_JSON_ARRAY || siblings->count > QF_STATE_PROOF_MAX || item->count != 3)
        return qf_fail(v->err, QF_MALFORMED, field, "want key, siblings and value");
    if (!qf_slice_is(key, want_key))
        return invalid(v, field, "it proves another record");
    for (uint32_t i = 0; i < siblings->count; i++)
        if (read_hash(&siblings->items[i], proof->siblings[proof->depth++]) != QF_OK)
            return qf_fail(v->err, QF_MALFORMED, field, "sibling %u is not a hash in base64", i);
    enum qf_hash_alg alg = qf_suite_hash(v->report->suite);
    qf_hash(alg, proof->leaf.key_hash, key);
    qf_hash(alg, proof->leaf.value_hash, text);
    proof->has_leaf = true;
    if (qf_state_verify(alg, v->checkpoint.state_root, proof->leaf.key_hash, proof->leaf.value_hash,
                        proof) != QF_OK)
        return invalid(v, field, "the state of the checkpoint does not have this record");
    enum qf_status status = qf_json_parse(v->arena, value, text, QF_JSON_CANONICAL, v->err);
    if (status != QF_OK)
        qf_error_within(v->err, "%s", field);
    return status;
}

static enum qf_status check_signer(struct verification *v)
{
    struct qf_bundle_report *report = v->report;
    struct qf_json network;
    struct qf_json record;
    struct qf_slice text;
    enum qf_status status = check_state(v, 0, "consortium/network", &network);
    if (status == QF_OK)
        status =
            check_state(v, 1, qf_arena_printf(v->arena, "identity/key/%s", v->tx.kid), &record);
    if (status != QF_OK)
        return status;
    if (qf_json_get_text(&network, "genesis", &text, v->err) != QF_OK ||
        !qf_slice_is(text, report->genesis_hash))
        return invalid(v, "genesis", "the network began with another genesis document");
    struct qf_public_key key = {.alg = v->tx.alg};
    uint8_t bytes[QF_PUBLIC_KEY_SIZE_MAX + 3];
    size_t size = 0;
    if ((status = qf_json_get_text(&record, "actor", &report->actor, v->err)) != QF_OK ||
        (status = qf_json_get_text(&record, "member", &report->member, v->err)) != QF_OK ||
        (status = qf_json_get_text(&record, "pub", &text, v->err)) != QF_OK)
        return status;
    if (text.size > QF_BASE64URL_SIZE(QF_PUBLIC_KEY_SIZE_MAX) ||
        !qf_base64url_decode(bytes, &size, text))
        return invalid(v, "state[1]", "the key is not readable");
    memcpy(key.bytes, bytes, size);
    key.size = (uint8_t)size;
    char kid[QF_KID_SIZE + 1];
    qf_public_key_kid(kid, &key);
    if (memcmp(kid, v->tx.kid, QF_KID_SIZE) != 0)
        return invalid(v, "state[1]", "the key is not the one that kid names");
    if (!qf_verifier_check_one(v->verifier, &key, v->tx.signing_input, v->tx.signature_bytes) &&
        report->code != QF_BAD_SIGNATURE)
        return invalid(v, "entry", "the transaction's signature does not verify");
    return QF_OK;
}

enum qf_status qf_bundle_verify(struct qf_arena *arena, struct qf_slice bundle,
                                struct qf_slice genesis, struct qf_verifier *verifier,
                                struct qf_bundle_report *out, struct qf_error *err)
{
    *out = (struct qf_bundle_report){0};
    struct verification v = {.arena = arena, .verifier = verifier, .report = out, .err = err};
    enum qf_status status = read_parts(&v, bundle, genesis);
    if (status == QF_OK)
        status = read_genesis(&v);
    if (status == QF_OK)
        status = check_checkpoint(&v);
    if (status == QF_OK)
        status = check_entry(&v);
    if (status == QF_OK)
        status = check_signer(&v);
    return status;
}
