/* Verifying a bundle. Every byte of the file is either hashed into the signed checkpoint, or signed
 * itself, or has one form only, so a change anywhere ends in a refusal that names the part. */
#include "codec/text.h"
#include "engine/ledger/bundle.h"
#include "engine/ledger/bundle_stamped.h"
#include "merkle/proof_file.h"
#include "merkle/proof_json.h"

struct verification {
    struct qf_arena *arena;
    struct qf_verifier *verifier;
    struct qf_bundle_report *report;
    struct qf_error *err;
    struct qf_slice entry_text, note_text;
    struct qf_slice genesis_text; /* of the file */
    const struct qf_bundle_trust *trust;
    const struct qf_json *proof, *proof_sm3, *state;
    const struct qf_json *introductions, *witnessed, *stamped; /* NULL: not there */
    struct qf_note_key *log_keys;
    size_t log_key_count;
    bool *cosigned; /* by trusted witness */
    bool is_receipt;
    struct qf_json genesis;
    struct qf_note note;
    struct qf_checkpoint checkpoint;
    struct qf_tx tx;
    bool time_alone; /* the entry has no transaction */
};

static enum qf_status invalid(struct verification *v, const char *field, const char *reason)
{
    return qf_fail(v->err, QF_INVALID, field, "%s", reason);
}

static enum qf_status read_parts(struct verification *v, struct qf_slice bundle)
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
    v->introductions = qf_json_get(file, "introductions");
    v->report->introductions = v->introductions;
    v->stamped = qf_json_get(file, "stamped");
    v->witnessed = qf_json_get(file, "witnessed");
    v->report->records = qf_json_get(file, "records");
    if (!qf_slice_is(format, "qf-bundle-1"))
        return qf_fail(v->err, QF_MALFORMED, "format", "want qf-bundle-1");
    if (v->proof == NULL || v->proof->type != QF_JSON_ARRAY)
        return qf_fail(v->err, QF_MALFORMED, "proof", "want a list of hashes");
    if (v->report->records != NULL &&
        (v->report->records->type != QF_JSON_ARRAY || v->report->records->count == 0 ||
         v->report->records->count > QF_BUNDLE_RECORDS_MAX))
        return qf_fail(v->err, QF_MALFORMED, "records", "want 1 to %d records",
                       QF_BUNDLE_RECORDS_MAX);
    if (v->state == NULL || v->state->type != QF_JSON_ARRAY || v->state->count < 1 ||
        v->state->count > 2)
        return qf_fail(v->err, QF_MALFORMED, "state", "want one or two records");
    if (leaf < 0)
        return qf_fail(v->err, QF_MALFORMED, "leaf", "want a place of the log");
    for (uint32_t i = 0; i < file->count; i++) {
        static const char names[] =
            " checkpoint entry format genesis introductions leaf proof proof_sm3 records "
            "stamped state witnessed ";
        struct qf_slice name = file->members[i].key;
        char *text = qf_arena_printf(v->arena, " %.*s ", QF_SLICE_ARGS(name));
        if (strchr(text + 1, ' ') != text + name.size + 1 || strstr(names, text) == NULL)
            return qf_fail(
                v->err, QF_MALFORMED, qf_arena_text(v->arena, name),
                "a member that no bundle has, where introductions, proof_sm3, records, stamped, "
                "witnessed or nothing may stand");
    }
    v->report->leaf = (uint64_t)leaf;
    v->report->trusted = v->trust->genesis.size > 0;
    return QF_OK;
}

static enum qf_status read_genesis(struct verification *v)
{
    struct qf_slice suite;
    struct qf_bundle_report *report = v->report;
    enum qf_status status = qf_json_parse(
        v->arena, &v->genesis, v->trust->genesis.size > 0 ? v->trust->genesis : v->genesis_text,
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
    /* The document in the file must be in the one form that its hash is of, and be the reader's. A
     * receipt has none. */
    bool same = v->is_receipt || qf_slice_equal(qf_buf_slice(&canonical), v->genesis_text);
    qf_buf_deinit(&canonical);
    qf_hex_encode(report->genesis_hash, qf_slice_make(hash, QF_HASH_SIZE));
    if (same)
        return QF_OK;
    return invalid(v, "genesis",
                   report->trusted ? "it is not the document that you trust"
                                   : "it is not in canonical form");
}

/* ---- signatures ---- */

/* Every key that speaks for a node of the network: those of genesis, and the reader's. */
static void collect_log_keys(struct verification *v)
{
    const struct qf_json *members = qf_json_get(&v->genesis, "members");
    const uint32_t member_count =
        members != NULL && members->type == QF_JSON_ARRAY ? members->count : 0;
    size_t capacity = v->trust->log_key_count;
    for (int fill = 0; fill < 2; fill++) {
        for (uint32_t i = 0; i < member_count; i++) {
            const struct qf_json *keys = qf_json_get(&members->items[i], "note_keys");
            if (keys == NULL || keys->type != QF_JSON_ARRAY)
                continue;
            capacity += fill == 0 ? keys->count : 0;
            for (uint32_t j = 0; fill == 1 && j < keys->count; j++)
                if (keys->items[j].type == QF_JSON_STRING &&
                    qf_note_key_parse(&v->log_keys[v->log_key_count], qf_json_text(&keys->items[j]),
                                      NULL) == QF_OK)
                    v->log_key_count++;
        }
        if (fill == 0)
            v->log_keys = QF_ARENA_ARRAY(v->arena, struct qf_note_key, capacity + 1);
    }
    for (size_t i = 0; i < v->trust->log_key_count; i++)
        v->log_keys[v->log_key_count++] = v->trust->log_keys[i];
}

static bool names_line(const struct qf_note_key *keys, size_t count,
                       const struct qf_note_signature *line)
{
    for (size_t i = 0; i < count; i++)
        if (qf_slice_equal(keys[i].name, line->name) && memcmp(keys[i].id, line->id, 4) == 0)
            return true;
    return false;
}

/* Lines by keys that the reader does not know say nothing, good or bad (c2sp.org/signed-note). */
static void note_unknown(struct verification *v, const struct qf_note *note)
{
    struct qf_bundle_report *report = v->report;
    for (size_t i = 0; i < note->signature_count; i++) {
        const struct qf_note_signature *line = &note->signatures[i];
        bool known = names_line(v->log_keys, v->log_key_count, line) ||
                     names_line(v->trust->witnesses, v->trust->witness_count, line);
        for (size_t j = 0; j < report->unknown_count; j++)
            known = known || qf_slice_equal(report->unknown[j], line->name);
        if (!known)
            report->unknown[report->unknown_count++] = line->name;
    }
}

/* A good signature by each node's key, a key once; a bad one by a known key spoils the note. */
static enum qf_status check_signers(struct verification *v, const struct qf_note *note,
                                    const char *field, struct qf_slice *names, size_t *count)
{
    *count = 0;
    for (size_t i = 0; i < v->log_key_count; i++) {
        uint64_t time_s;
        bool again = false;
        const struct qf_note_key *key = &v->log_keys[i];
        for (size_t j = 0; j < i; j++)
            again = again || memcmp(v->log_keys[j].public_key, key->public_key, 32) == 0;
        enum qf_status status =
            again ? QF_NOT_FOUND : qf_note_verify(note, key, v->verifier, &time_s);
        if (status == QF_BAD_SIGNATURE)
            return invalid(v, field, "a node's signature does not verify");
        if (status == QF_OK && names != NULL)
            names[*count] = key->name;
        *count += status == QF_OK;
    }
    if (*count == 0)
        return qf_fail(v->err, QF_CANNOT_TELL, field,
                       "no node has signed it that genesis or an introduction in the file names; "
                       "give the key of one with --log-key");
    return QF_OK;
}

static enum qf_status check_cosigners(struct verification *v, const struct qf_note *note,
                                      const char *field, uint64_t size)
{
    struct qf_bundle_report *report = v->report;
    for (size_t i = 0; i < v->trust->witness_count; i++) {
        uint64_t time_s = 0;
        bool again = false;
        const struct qf_note_key *key = &v->trust->witnesses[i];
        enum qf_status status = qf_note_verify(note, key, v->verifier, &time_s);
        if (status == QF_BAD_SIGNATURE)
            return invalid(v, field, "a witness's cosignature does not verify");
        /* A cosignature does not cover the witness's name, so a key under two is still one. */
        for (size_t j = 0; j < v->trust->witness_count; j++)
            again = again || (v->cosigned[j] &&
                              memcmp(v->trust->witnesses[j].public_key, key->public_key, 32) == 0);
        if (status != QF_OK || again)
            continue;
        v->cosigned[i] = true;
        report->cosigners[report->cosigner_count++] =
            (struct qf_bundle_cosigner){key->name, time_s, size};
    }
    return QF_OK;
}

static enum qf_status check_text(struct verification *v, struct qf_slice text, const char *field,
                                 struct qf_note *note, struct qf_checkpoint *checkpoint)
{
    enum qf_status status = qf_note_parse(v->arena, note, text, v->err);
    if (status == QF_OK)
        status = qf_checkpoint_parse(checkpoint, note->text, v->err);
    if (status != QF_OK) {
        qf_error_within(v->err, "%s", field);
        return status;
    }
    if (!qf_slice_equal(checkpoint->origin, v->report->network))
        return invalid(v, field, "its origin is another network");
    if (!checkpoint->has_state || checkpoint->has_sm3 != (v->report->suite == QF_SUITE_GM))
        return invalid(v, field, "it has not the lines of this suite");
    return QF_OK;
}

static enum qf_status check_record(struct verification *v, const struct qf_json *item,
                                   const uint8_t root[QF_HASH_SIZE], const char *field,
                                   const char *want_key, struct qf_json *value);

/* The two records of an introduction; the member's id from the first. */
static enum qf_status check_introduced(struct verification *v, const struct qf_json *item,
                                       const uint8_t root[QF_HASH_SIZE], const char *field,
                                       struct qf_slice *id, struct qf_json *trust)
{
    static const char prefix[] = "consortium/member/";
    const struct qf_json *record = qf_json_get(item, "member");
    struct qf_json member;
    struct qf_slice key;
    const char *place = qf_arena_printf(v->arena, "%s.member", field);
    enum qf_status status = check_record(v, record, root, place, NULL, &member);
    if (status != QF_OK)
        return status;
    if (qf_json_get_text(record, "key", &key, NULL) != QF_OK || key.size < sizeof prefix ||
        memcmp(key.data, prefix, sizeof prefix - 1) != 0)
        return invalid(v, place, "it proves another record");
    *id = qf_slice_make(key.data + sizeof prefix - 1, key.size - (sizeof prefix - 1));
    if (!qf_json_is_text(qf_json_get(&member, "status"), "active"))
        return invalid(v, place, "the member was not active then");
    return check_record(
        v, qf_json_get(item, "trust"), root, qf_arena_printf(v->arena, "%s.trust", field),
        qf_arena_printf(v->arena, "consortium/trust/%.*s", QF_SLICE_ARGS(*id)), trust);
}

static enum qf_status check_introduction(struct verification *v, const struct qf_json *item,
                                         const char *field)
{
    struct qf_bundle_report *report = v->report;
    const char *place = qf_arena_printf(v->arena, "%s.checkpoint", field);
    const char *growth = qf_arena_printf(v->arena, "%s.consistency", field);
    struct qf_note note;
    struct qf_checkpoint checkpoint;
    struct qf_slice text;
    struct qf_slice id = {NULL, 0};
    struct qf_log_proof proof;
    struct qf_json trust;
    size_t count;
    if (item->type != QF_JSON_OBJECT || item->count != 4 ||
        qf_json_get_text(item, "checkpoint", &text, NULL) != QF_OK)
        return qf_fail(v->err, QF_MALFORMED, field,
                       "want checkpoint, consistency, member and trust");
    enum qf_status status = check_text(v, text, place, &note, &checkpoint);
    if (status == QF_OK)
        status = check_signers(v, &note, place, NULL, &count);
    if (status == QF_OK)
        status = qf_proof_from_json(&proof, qf_json_get(item, "consistency"), growth, v->err);
    if (status != QF_OK)
        return status;
    if (checkpoint.size == 0 || checkpoint.size > v->checkpoint.size ||
        qf_log_verify_consistency(QF_HASH_SHA256, checkpoint.size, v->checkpoint.size,
                                  checkpoint.root, v->checkpoint.root, &proof) != QF_OK)
        return invalid(v, growth, "the checkpoint does not continue the one that introduces");
    status = check_introduced(v, item, checkpoint.state_root, field, &id, &trust);
    if (status != QF_OK)
        return status;
    qf_introduction_keys(v->arena, &trust, &v->log_keys, &v->log_key_count);
    report->introduced[report->introduced_count] = id;
    report->introduced_at[report->introduced_count++] = checkpoint.size;
    return QF_OK;
}

/* Before the checkpoint's own signatures: whose keys are known besides those of genesis. */
static enum qf_status check_introductions(struct verification *v)
{
    const struct qf_json *list = v->introductions;
    enum qf_status status = QF_OK;
    if (list == NULL)
        return QF_OK;
    if (list->type != QF_JSON_ARRAY || list->count == 0 || list->count > QF_INTRODUCTIONS_MAX)
        return qf_fail(v->err, QF_MALFORMED, "introductions", "want 1 to %d introductions",
                       QF_INTRODUCTIONS_MAX);
    for (uint32_t i = 0; i < list->count && status == QF_OK; i++)
        status = check_introduction(v, &list->items[i],
                                    qf_arena_printf(v->arena, "introductions[%u]", i));
    return status;
}

static enum qf_status check_checkpoint(struct verification *v)
{
    struct qf_bundle_report *report = v->report;
    static const char field[] = "checkpoint";
    enum qf_status status = check_text(v, v->note_text, field, &v->note, &v->checkpoint);
    if (status != QF_OK)
        return status;
    collect_log_keys(v);
    status = check_introductions(v);
    if (status != QF_OK)
        return status;
    report->checkpoint = v->note_text;
    report->log_size = v->checkpoint.size;
    report->signers = QF_ARENA_ARRAY(v->arena, struct qf_slice, v->log_key_count + 1);
    report->cosigners =
        QF_ARENA_ARRAY(v->arena, struct qf_bundle_cosigner, v->trust->witness_count + 1);
    v->cosigned = QF_ARENA_ARRAY(v->arena, bool, v->trust->witness_count + 1);
    report->unknown = QF_ARENA_ARRAY(v->arena, struct qf_slice, 2UL * QF_NOTE_SIGNATURES_MAX);
    status = check_signers(v, &v->note, field, report->signers, &report->signer_count);
    if (status == QF_OK)
        status = check_cosigners(v, &v->note, field, v->checkpoint.size);
    note_unknown(v, &v->note);
    return status;
}

/* An older checkpoint that witnesses have cosigned: it has the entry, and the bundle's own
 * checkpoint continues it. */
static enum qf_status check_witnessed(struct verification *v)
{
    static const char field[] = "witnessed.checkpoint";
    struct qf_note note;
    struct qf_checkpoint checkpoint;
    struct qf_slice text;
    struct qf_log_proof proof;
    uint8_t leaf[QF_HASH_SIZE];
    size_t count;
    const struct qf_json *part = v->witnessed;
    if (part == NULL)
        return QF_OK;
    if (part->type != QF_JSON_OBJECT || part->count != 3 ||
        qf_json_get_text(part, "checkpoint", &text, NULL) != QF_OK)
        return qf_fail(v->err, QF_MALFORMED, "witnessed", "want checkpoint, consistency and proof");
    enum qf_status status = check_text(v, text, field, &note, &checkpoint);
    if (status == QF_OK)
        status = check_signers(v, &note, field, NULL, &count);
    if (status == QF_OK)
        status = check_cosigners(v, &note, field, checkpoint.size);
    if (status == QF_OK)
        status = qf_proof_from_json(&proof, qf_json_get(part, "proof"), "witnessed.proof", v->err);
    if (status != QF_OK)
        return status;
    note_unknown(v, &note);
    qf_hash_leaf(QF_HASH_SHA256, leaf, v->entry_text);
    if (v->report->leaf >= checkpoint.size || checkpoint.size > v->checkpoint.size)
        return invalid(v, field, "its size is not between the entry's place and the checkpoint's");
    if (qf_log_verify_inclusion(QF_HASH_SHA256, v->report->leaf, checkpoint.size, leaf, &proof,
                                checkpoint.root) != QF_OK)
        return invalid(v, "witnessed.proof", "the entry is not at this place of the witnessed log");
    status = qf_proof_from_json(&proof, qf_json_get(part, "consistency"), "witnessed.consistency",
                                v->err);
    if (status == QF_OK &&
        qf_log_verify_consistency(QF_HASH_SHA256, checkpoint.size, v->checkpoint.size,
                                  checkpoint.root, v->checkpoint.root, &proof) != QF_OK)
        status = invalid(v, "witnessed.consistency",
                         "the checkpoint does not continue the witnessed one");
    return status;
}

/* The first checkpoint that has the entry and was time-stamped. Nobody need have signed it whom the
 * reader knows: the bundle's own checkpoint continues it. */
static enum qf_status check_stamped(struct verification *v)
{
    static const char field[] = "stamped.checkpoint";
    const struct qf_stamp_trust trust = {v->trust->tsa_roots, v->trust->tsa_root_count,
                                         v->trust->now_ms};
    struct qf_stamp_link *links = NULL;
    struct qf_note note;
    struct qf_checkpoint checkpoint;
    struct qf_log_proof proof;
    uint8_t leaf[QF_HASH_SIZE];
    size_t count = 0;
    if (v->stamped == NULL && trust.root_count == 0)
        return QF_OK;
    if (v->stamped == NULL)
        return qf_fail(v->err, QF_CANNOT_TELL, "stamped",
                       "no time-stamp covered it yet when the bundle was fetched; fetch it again "
                       "with qifeng bundle --stamped");
    enum qf_status status = qf_bundle_read_chain(v->arena, v->stamped, &links, &count, v->err);
    if (status == QF_OK)
        status = check_text(v, links[0].file, field, &note, &checkpoint);
    if (status == QF_OK)
        status =
            qf_proof_from_json(&proof, qf_json_get(v->stamped, "proof"), "stamped.proof", v->err);
    if (status != QF_OK)
        return status;
    qf_hash_leaf(QF_HASH_SHA256, leaf, v->entry_text);
    if (v->report->leaf >= checkpoint.size || checkpoint.size > v->checkpoint.size)
        return invalid(v, field, "its size is not between the entry's place and the checkpoint's");
    if (qf_log_verify_inclusion(QF_HASH_SHA256, v->report->leaf, checkpoint.size, leaf, &proof,
                                checkpoint.root) != QF_OK)
        return invalid(v, "stamped.proof", "the entry is not at this place of the stamped log");
    status = qf_proof_from_json(&proof, qf_json_get(v->stamped, "consistency"),
                                "stamped.consistency", v->err);
    if (status == QF_OK &&
        qf_log_verify_consistency(QF_HASH_SHA256, checkpoint.size, v->checkpoint.size,
                                  checkpoint.root, v->checkpoint.root, &proof) != QF_OK)
        status =
            invalid(v, "stamped.consistency", "the checkpoint does not continue the stamped one");
    if (status != QF_OK)
        return status;
    status = qf_stamp_verify(&v->report->stamp, v->report->network, links, count, &trust, v->err);
    v->report->stamped = status == QF_OK;
    if (status != QF_OK)
        qf_error_within(v->err, "stamped");
    return status;
}

static enum qf_status check_quorum(struct verification *v)
{
    const struct qf_bundle_report *report = v->report;
    if (report->cosigner_count >= v->trust->quorum)
        return QF_OK;
    return qf_fail(v->err, QF_CANNOT_TELL, "witnesses",
                   "%zu of the %zu witnesses that you trust have cosigned it, %zu must have; fetch "
                   "it again with qifeng bundle --cosigned %zu",
                   report->cosigner_count, v->trust->witness_count, v->trust->quorum,
                   v->trust->quorum);
}

static enum qf_status check_inclusion(struct verification *v, const struct qf_json *list,
                                      const char *name, enum qf_hash_alg alg,
                                      const uint8_t root[QF_HASH_SIZE])
{
    struct qf_log_proof proof;
    uint8_t leaf[QF_HASH_SIZE];
    enum qf_status status = qf_proof_from_json(&proof, list, name, v->err);
    if (status != QF_OK)
        return status;
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

/* What the entry says, once its place is proved. */
static enum qf_status describe_entry(struct verification *v)
{
    struct qf_bundle_report *report = v->report;
    struct qf_entry entry;
    enum qf_status status = qf_entry_decode(v->arena, &entry, v->entry_text, v->err);
    if (status != QF_OK)
        return status;
    report->code = entry.code;
    report->height = entry.height;
    report->index = entry.index;
    report->time_ms = entry.time_ms;
    struct qf_json *ops = QF_ARENA_NEW(v->arena, struct qf_json);
    *ops = qf_json_make_array();
    report->ops = ops;
    v->time_alone = entry.jws.size == 0;
    if (v->time_alone)
        return QF_OK;
    const struct qf_tx_rules rules = {report->network, report->suite};
    status = qf_tx_decode(v->arena, &v->tx, entry.jws, &rules, v->err);
    if (status != QF_OK)
        return status;
    qf_hex_encode(report->tx_id, qf_slice_make(v->tx.id, QF_HASH_SIZE));
    memcpy(report->kid, v->tx.kid, sizeof report->kid);
    for (size_t i = 0; i < v->tx.op_count; i++)
        qf_json_append(v->arena, ops, *v->tx.ops[i].body);
    return QF_OK;
}

static enum qf_status check_entry(struct verification *v)
{
    enum qf_status status =
        check_inclusion(v, v->proof, "proof", QF_HASH_SHA256, v->checkpoint.root);
    if (status == QF_OK && v->report->suite == QF_SUITE_GM) {
        if (v->proof_sm3 == NULL)
            return qf_fail(v->err, QF_MALFORMED, "proof_sm3", "is missing");
        status = check_inclusion(v, v->proof_sm3, "proof_sm3", QF_HASH_SM3, v->checkpoint.sm3_root);
    } else if (status == QF_OK && v->proof_sm3 != NULL) {
        status = qf_fail(v->err, QF_MALFORMED, "proof_sm3", "does not belong to this suite");
    }
    return status == QF_OK ? describe_entry(v) : status;
}

/* A record of the state under `root`. `item` NULL: missing; `want_key` NULL: any. */
static enum qf_status check_record(struct verification *v, const struct qf_json *item,
                                   const uint8_t root[QF_HASH_SIZE], const char *field,
                                   const char *want_key, struct qf_json *value)
{
    const struct qf_json *siblings = item != NULL ? qf_json_get(item, "siblings") : NULL;
    struct qf_state_proof *proof = QF_ARENA_NEW(v->arena, struct qf_state_proof);
    struct qf_slice key;
    struct qf_slice text;
    if (item == NULL || qf_json_get_text(item, "key", &key, NULL) != QF_OK ||
        qf_json_get_text(item, "value", &text, NULL) != QF_OK || siblings == NULL ||
        siblings->type != QF_JSON_ARRAY || siblings->count > QF_STATE_PROOF_MAX || item->count != 3)
        return qf_fail(v->err, QF_MALFORMED, field, "want key, siblings and value");
    if (want_key != NULL && !qf_slice_is(key, want_key))
        return invalid(v, field, "it proves another record");
    for (uint32_t i = 0; i < siblings->count; i++)
        if (qf_hash_from_json(proof->siblings[proof->depth++], &siblings->items[i]) != QF_OK)
            return qf_fail(v->err, QF_MALFORMED, field, "sibling %u is not a hash in base64", i);
    enum qf_hash_alg alg = qf_suite_hash(v->report->suite);
    qf_hash(alg, proof->leaf.key_hash, key);
    qf_hash(alg, proof->leaf.value_hash, text);
    proof->has_leaf = true;
    if (qf_state_verify(alg, root, proof->leaf.key_hash, proof->leaf.value_hash, proof) != QF_OK)
        return invalid(v, field, "the state of the checkpoint does not have this record");
    enum qf_status status = qf_json_parse(v->arena, value, text, QF_JSON_CANONICAL, v->err);
    if (status != QF_OK)
        qf_error_within(v->err, "%s", field);
    return status;
}

static enum qf_status check_state(struct verification *v, uint32_t which, const char *want_key,
                                  struct qf_json *value)
{
    char field[24] = "state[0]";
    field[6] = (char)('0' + which);
    return check_record(v, &v->state->items[which], v->checkpoint.state_root, field, want_key,
                        value);
}

static bool is_evidence(struct qf_slice key)
{
    static const char prefix[] = "evidence/record/";
    return key.size >= sizeof prefix && memcmp(key.data, prefix, sizeof prefix - 1) == 0;
}

/* Further records, ascending by their keys, so that there is one form. */
static enum qf_status check_records(struct verification *v)
{
    const struct qf_json *records = v->report->records;
    struct qf_slice before = {NULL, 0};
    for (uint32_t i = 0; records != NULL && i < records->count; i++) {
        struct qf_json value;
        struct qf_slice key;
        int64_t leaf = 0;
        const char *field = qf_arena_printf(v->arena, "records[%u]", i);
        enum qf_status status =
            check_record(v, &records->items[i], v->checkpoint.state_root, field, NULL, &value);
        if (status == QF_OK)
            status = qf_json_get_text(&records->items[i], "key", &key, v->err);
        if (status != QF_OK)
            return status;
        if (i > 0 && qf_slice_compare(before, key) >= 0)
            return qf_fail(v->err, QF_MALFORMED, field, "records stand in the order of their keys");
        if (is_evidence(key) && (qf_json_get_int(&value, "leaf", &leaf, NULL) != QF_OK ||
                                 (uint64_t)leaf != v->report->leaf))
            return invalid(v, field, "it came with another entry of the log");
        before = key;
    }
    return QF_OK;
}

static enum qf_status check_signer(struct verification *v)
{
    struct qf_bundle_report *report = v->report;
    struct qf_json network;
    struct qf_json record;
    struct qf_slice text;
    if (v->state->count != (v->time_alone ? 1U : 2U))
        return qf_fail(v->err, QF_MALFORMED, "state",
                       "want the network's record and, of a transaction, the key's");
    enum qf_status status = check_state(v, 0, "consortium/network", &network);
    if (status == QF_OK && !v->time_alone)
        status =
            check_state(v, 1, qf_arena_printf(v->arena, "identity/key/%s", v->tx.kid), &record);
    if (status != QF_OK)
        return status;
    if (qf_json_get_text(&network, "genesis", &text, v->err) != QF_OK ||
        !qf_slice_is(text, report->genesis_hash))
        return invalid(v, "genesis", "the network began with another genesis document");
    if (v->time_alone)
        return QF_OK;
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
                                const struct qf_bundle_trust *trust, struct qf_verifier *verifier,
                                struct qf_bundle_report *out, struct qf_error *err)
{
    *out = (struct qf_bundle_report){0};
    struct verification v = {
        .arena = arena, .verifier = verifier, .report = out, .err = err, .trust = trust};
    enum qf_status status = read_parts(&v, bundle);
    if (status == QF_OK)
        status = read_genesis(&v);
    if (status == QF_OK)
        status = check_checkpoint(&v);
    if (status == QF_OK)
        status = check_entry(&v);
    if (status == QF_OK)
        status = check_witnessed(&v);
    if (status == QF_OK)
        status = check_signer(&v);
    if (status == QF_OK)
        status = check_records(&v);
    if (status == QF_OK)
        status = check_stamped(&v);
    if (status == QF_OK)
        status = check_quorum(&v);
    return status;
}

/* ---- receipts ---- */

bool qf_receipt_is(struct qf_slice bytes)
{
    static const char start[] = "c2sp.org/tlog-proof@";
    return bytes.size >= sizeof start - 1 && memcmp(bytes.data, start, sizeof start - 1) == 0;
}

static enum qf_status check_receipt(struct verification *v, const struct qf_proof_file *file,
                                    struct qf_slice entry)
{
    struct qf_bundle_report *report = v->report;
    uint8_t leaf[QF_HASH_SIZE];
    v->note_text = file->checkpoint_note;
    enum qf_status status = check_checkpoint(v);
    if (status != QF_OK)
        return status;
    report->leaf = file->index;
    v->entry_text = entry.size > 0 ? entry : file->extra;
    if (v->entry_text.size == 0)
        return qf_fail(v->err, QF_CANNOT_TELL, "entry",
                       "the entry is not in the file; give it with --entry");
    qf_hash_leaf(QF_HASH_SHA256, leaf, v->entry_text);
    if (qf_log_verify_inclusion(QF_HASH_SHA256, file->index, v->checkpoint.size, leaf, &file->proof,
                                v->checkpoint.root) != QF_OK)
        return invalid(v, "proof",
                       "the entry is not at this place of the log: entry, index or "
                       "proof was changed");
    return describe_entry(v);
}

enum qf_status qf_receipt_verify(struct qf_arena *arena, struct qf_slice bytes,
                                 struct qf_slice entry, const struct qf_bundle_trust *trust,
                                 struct qf_verifier *verifier, struct qf_bundle_report *out,
                                 struct qf_error *err)
{
    *out = (struct qf_bundle_report){.trusted = trust->genesis.size > 0};
    struct verification v = {.arena = arena,
                             .verifier = verifier,
                             .report = out,
                             .err = err,
                             .trust = trust,
                             .is_receipt = true};
    struct qf_proof_file file;
    enum qf_status status = qf_proof_file_parse(arena, &file, bytes, err);
    if (status == QF_OK && trust->genesis.size == 0)
        status = qf_fail(err, QF_CANNOT_TELL, "trust",
                         "a receipt does not hold the network's genesis document; give it with "
                         "--trust");
    if (status == QF_OK)
        status = read_genesis(&v);
    if (status == QF_OK)
        status = check_receipt(&v, &file, entry);
    if (status == QF_OK)
        status = check_quorum(&v);
    return status;
}
