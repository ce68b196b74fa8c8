#include "merkle/witness.h"

#include "codec/text.h"
#include "merkle/lines.h"

void qf_witness_request_put(struct qf_buf *buf, uint64_t old_size, const struct qf_log_proof *proof,
                            struct qf_slice note)
{
    QF_ASSERT(old_size <= QF_LOG_SIZE_MAX && proof->count <= QF_PROOF_HASHES_MAX);
    qf_buf_put_text(buf, "old ");
    qf_buf_put_int(buf, (int64_t)old_size);
    qf_buf_put_byte(buf, '\n');
    qf_lines_put_proof(buf, proof);
    qf_buf_put_slice(buf, note);
}

enum qf_status qf_witness_request_parse(struct qf_arena *arena, struct qf_witness_request *out,
                                        struct qf_slice body, struct qf_error *err)
{
    struct qf_slice line;
    *out = (struct qf_witness_request){0};
    if (body.size > QF_WITNESS_REQUEST_SIZE_MAX)
        return qf_fail(err, QF_OVER_LIMIT, "body", "at most %d bytes", QF_WITNESS_REQUEST_SIZE_MAX);
    if (!qf_lines_next(&body, &line) || !qf_lines_label(&line, "old ") ||
        !qf_lines_number(&out->old_size, line))
        return qf_fail(err, QF_MALFORMED, "old", "the first line is old and a size in decimal");
    enum qf_status status = qf_lines_proof(&out->proof, &body, err);
    if (status != QF_OK)
        return status;
    out->checkpoint_note = body;
    status = qf_note_parse(arena, &out->note, body, err);
    if (status == QF_OK)
        status = qf_checkpoint_parse(&out->checkpoint, out->note.text, err);
    if (status != QF_OK)
        qf_error_within(err, "checkpoint");
    return status;
}

static enum qf_witness_answer refuse(enum qf_witness_answer code, struct qf_error *err,
                                     enum qf_status status, const char *field, const char *detail)
{
    (void)qf_fail(err, status, field, "%s", detail);
    return code;
}

/* A cosigner's key speaks for a witness, never for the log. */
static bool log_signed(const struct qf_witness_log *log, const struct qf_note *note,
                       struct qf_verifier *verifier)
{
    uint64_t time_s;
    for (size_t i = 0; i < log->key_count; i++)
        if (log->keys[i].alg == QF_NOTE_ED25519 &&
            qf_note_verify(note, &log->keys[i], verifier, &time_s) == QF_OK)
            return true;
    return false;
}

/* Every tree grows from the empty one, so there the proof is empty and there is nothing to compare;
 * qf_log_verify_consistency leaves this case to its caller. */
static bool grew(const struct qf_witness_state *from, const struct qf_witness_request *request)
{
    uint8_t root[QF_HASH_SIZE];
    const struct qf_checkpoint *to = &request->checkpoint;
    if (from->size == 0 && to->size > 0)
        return request->proof.count == 0;
    memcpy(root, from->root, sizeof root);
    if (from->size == 0)
        qf_hash(QF_HASH_SHA256, root, qf_slice_make(NULL, 0));
    return qf_log_verify_consistency(QF_HASH_SHA256, from->size, to->size, root, to->root,
                                     &request->proof) == QF_OK;
}

enum qf_witness_answer qf_witness_decide(struct qf_witness_state *next,
                                         const struct qf_witness_log *log,
                                         const struct qf_witness_request *request,
                                         struct qf_verifier *verifier, struct qf_error *err)
{
    const struct qf_checkpoint *checkpoint = &request->checkpoint;
    if (log == NULL)
        return refuse(QF_WITNESS_UNKNOWN_LOG, err, QF_NO_SUCH_RESOURCE, "origin",
                      "this witness does not know the log");
    QF_ASSERT(qf_slice_equal(log->origin, checkpoint->origin));
    if (!log_signed(log, &request->note, verifier))
        return refuse(QF_WITNESS_UNTRUSTED, err, QF_BAD_SIGNATURE, "signature",
                      "no good signature by a trusted key of the log");
    if (request->old_size > checkpoint->size)
        return refuse(QF_WITNESS_MALFORMED, err, QF_MALFORMED, "old",
                      "the old size is above the checkpoint's");
    if (request->old_size != log->state.size)
        return refuse(QF_WITNESS_CONFLICT, err, QF_CONFLICT, "old",
                      "the newest cosigned checkpoint has another size");
    if (log->state.size > 0 && checkpoint->size == log->state.size &&
        memcmp(checkpoint->root, log->state.root, QF_HASH_SIZE) != 0)
        return refuse(QF_WITNESS_CONFLICT, err, QF_CONFLICT, "root",
                      "another checkpoint of this size was cosigned");
    if (!grew(&log->state, request))
        return refuse(QF_WITNESS_INCONSISTENT, err, QF_INVALID, "proof",
                      "it does not show that the log only grew");
    next->size = checkpoint->size;
    memcpy(next->root, checkpoint->root, QF_HASH_SIZE);
    return QF_WITNESS_COSIGN;
}

/* As the protocol suggests: the answer behind the text is a note, which one key verifies. */
enum qf_status qf_witness_take_cosignature(struct qf_buf *line, uint64_t *time_s,
                                           struct qf_slice text, struct qf_slice answer,
                                           const struct qf_note_key *key,
                                           struct qf_verifier *verifier, struct qf_error *err)
{
    struct qf_arena arena = {0};
    struct qf_buf whole = {.limit = QF_NOTE_SIZE_MAX};
    struct qf_note note;
    qf_buf_put_slice(&whole, text);
    qf_buf_put_byte(&whole, '\n');
    qf_buf_put_slice(&whole, answer);
    enum qf_status status = qf_buf_status(&whole);
    if (status != QF_OK)
        (void)qf_fail(err, status, "answer", "at most %d bytes with the note", QF_NOTE_SIZE_MAX);
    else
        status = qf_note_parse(&arena, &note, qf_buf_slice(&whole), err);
    /* An empty line in the answer would end the text there, and another text be verified. */
    if (status == QF_OK && note.text.size != text.size)
        status = qf_fail(err, QF_MALFORMED, "answer", "want signature lines only");
    if (status == QF_OK) {
        status = key->alg == QF_NOTE_COSIGNATURE ? qf_note_verify(&note, key, verifier, time_s)
                                                 : QF_NOT_FOUND;
        if (status != QF_OK)
            (void)qf_fail(err, status, "answer", "no good cosignature by %.*s",
                          QF_SLICE_ARGS(key->name));
    }
    if (status == QF_OK)
        status = qf_note_put_line(line, &note, key);
    qf_buf_deinit(&whole);
    qf_arena_deinit(&arena);
    return status;
}

bool qf_witness_size_parse(uint64_t *size, struct qf_slice body)
{
    struct qf_slice line;
    return qf_lines_next(&body, &line) && body.size == 0 && qf_lines_number(size, line);
}
