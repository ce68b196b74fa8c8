#include "merkle/proof_file.h"

#include "codec/text.h"
#include "merkle/lines.h"

static const char version[] = "c2sp.org/tlog-proof@v1";

enum qf_status qf_proof_file_put(struct qf_buf *buf, const struct qf_proof_file *file)
{
    QF_ASSERT(file->index < QF_LOG_SIZE_MAX && file->proof.count <= QF_PROOF_HASHES_MAX);
    if (file->has_extra && file->extra.size > QF_PROOF_FILE_EXTRA_SIZE_MAX)
        return QF_OVER_LIMIT;
    qf_buf_put_text(buf, version);
    qf_buf_put_byte(buf, '\n');
    if (file->has_extra) {
        qf_buf_put_text(buf, "extra ");
        qf_buf_put_base64(buf, file->extra);
        qf_buf_put_byte(buf, '\n');
    }
    qf_buf_put_text(buf, "index ");
    qf_buf_put_int(buf, (int64_t)file->index);
    qf_buf_put_byte(buf, '\n');
    qf_lines_put_proof(buf, &file->proof);
    qf_buf_put_slice(buf, file->checkpoint_note);
    return qf_buf_status(buf);
}

static enum qf_status parse_extra(struct qf_arena *arena, struct qf_proof_file *out,
                                  struct qf_slice text, struct qf_error *err)
{
    size_t size = 0;
    if (text.size > QF_BASE64_SIZE((size_t)QF_PROOF_FILE_EXTRA_SIZE_MAX))
        return qf_fail(err, QF_OVER_LIMIT, "extra", "at most %d bytes",
                       QF_PROOF_FILE_EXTRA_SIZE_MAX);
    uint8_t *bytes = qf_arena_alloc(arena, text.size / 4 * 3 + 3);
    if (!qf_base64_decode(bytes, &size, text))
        return qf_fail(err, QF_MALFORMED, "extra", "want base64");
    out->has_extra = true;
    out->extra = qf_slice_make(bytes, size);
    return QF_OK;
}

enum qf_status qf_proof_file_parse(struct qf_arena *arena, struct qf_proof_file *out,
                                   struct qf_slice bytes, struct qf_error *err)
{
    struct qf_slice line;
    enum qf_status status;
    *out = (struct qf_proof_file){0};
    if (bytes.size > QF_PROOF_FILE_SIZE_MAX)
        return qf_fail(err, QF_OVER_LIMIT, "file", "at most %d bytes", QF_PROOF_FILE_SIZE_MAX);
    if (!qf_lines_next(&bytes, &line) || !qf_slice_is(line, version))
        return qf_fail(err, QF_MALFORMED, "version", "the first line is %s", version);
    bool more = qf_lines_next(&bytes, &line);
    if (more && qf_lines_label(&line, "extra ")) {
        status = parse_extra(arena, out, line, err);
        if (status != QF_OK)
            return status;
        more = qf_lines_next(&bytes, &line);
    }
    if (!more || !qf_lines_label(&line, "index ") || !qf_lines_number(&out->index, line))
        return qf_fail(err, QF_MALFORMED, "index", "want index and a place in decimal");
    status = qf_lines_proof(&out->proof, &bytes, err);
    if (status != QF_OK)
        return status;
    out->checkpoint_note = bytes;
    status = qf_note_parse(arena, &out->note, bytes, err);
    if (status == QF_OK)
        status = qf_checkpoint_parse(&out->checkpoint, out->note.text, err);
    if (status != QF_OK) {
        qf_error_within(err, "checkpoint");
        return status;
    }
    if (out->index >= out->checkpoint.size)
        return qf_fail(err, QF_MALFORMED, "index", "the log has no such entry yet");
    return QF_OK;
}

enum qf_status qf_proof_file_verify(const struct qf_proof_file *file, struct qf_slice entry,
                                    const struct qf_note_key *key, struct qf_verifier *verifier,
                                    uint64_t *time_s, struct qf_error *err)
{
    uint8_t leaf[QF_HASH_SIZE];
    const struct qf_checkpoint *checkpoint = &file->checkpoint;
    enum qf_status status = qf_note_verify(&file->note, key, verifier, time_s);
    if (status != QF_OK)
        return qf_fail(err, status, "checkpoint.signature", "no good signature by %.*s",
                       QF_SLICE_ARGS(key->name));
    if (key->alg == QF_NOTE_ED25519 && !qf_slice_equal(key->name, checkpoint->origin))
        return qf_fail(err, QF_INVALID, "checkpoint.origin", "it is the checkpoint of another log");
    qf_hash_leaf(QF_HASH_SHA256, leaf, entry);
    if (qf_log_verify_inclusion(QF_HASH_SHA256, file->index, checkpoint->size, leaf, &file->proof,
                                checkpoint->root) != QF_OK)
        return qf_fail(err, QF_INVALID, "proof", "the entry is not at this place of the log");
    return QF_OK;
}
