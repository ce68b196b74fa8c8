/* Checkpoints (c2sp.org/tlog-checkpoint) with our extension lines. */
#include "merkle/lines.h"
#include "merkle/note.h"

void qf_checkpoint_put(struct qf_buf *buf, const struct qf_checkpoint *checkpoint)
{
    qf_buf_put_slice(buf, checkpoint->origin);
    qf_buf_put_byte(buf, '\n');
    qf_buf_put_int(buf, (int64_t)checkpoint->size);
    qf_buf_put_byte(buf, '\n');
    qf_lines_put_hash(buf, "", checkpoint->root);
    if (checkpoint->has_state)
        qf_lines_put_hash(buf, "state ", checkpoint->state_root);
    if (checkpoint->has_sm3)
        qf_lines_put_hash(buf, "sm3 ", checkpoint->sm3_root);
}

/* An extension line of ours: 1 taken, 0 not ours, -1 of the wrong form or there twice. */
static int take_extension(struct qf_slice line, const char *label, bool *has,
                          uint8_t out[QF_HASH_SIZE])
{
    if (!qf_lines_label(&line, label))
        return 0;
    if (*has || !qf_lines_hash(out, line))
        return -1;
    *has = true;
    return 1;
}

enum qf_status qf_checkpoint_parse(struct qf_checkpoint *out, struct qf_slice text,
                                   struct qf_error *err)
{
    struct qf_slice line;
    *out = (struct qf_checkpoint){0};
    if (!qf_lines_next(&text, &out->origin) || out->origin.size == 0)
        return qf_fail(err, QF_MALFORMED, "origin", "the first line names the log");
    if (!qf_lines_next(&text, &line) || !qf_lines_number(&out->size, line))
        return qf_fail(err, QF_MALFORMED, "size", "the second line is the size in decimal");
    if (!qf_lines_next(&text, &line) || !qf_lines_hash(out->root, line))
        return qf_fail(err, QF_MALFORMED, "root", "the third line is a hash in base64");
    while (qf_lines_next(&text, &line)) {
        if (line.size == 0)
            return qf_fail(err, QF_MALFORMED, "extension", "an extension line is empty");
        int state = take_extension(line, "state ", &out->has_state, out->state_root);
        int sm3 = take_extension(line, "sm3 ", &out->has_sm3, out->sm3_root);
        if (state < 0 || sm3 < 0)
            return qf_fail(err, QF_MALFORMED, "extension", "want one hash in base64");
    }
    return text.size == 0 ? QF_OK
                          : qf_fail(err, QF_MALFORMED, "extension", "a line without its end");
}

enum qf_status qf_checkpoint_parse_note(struct qf_checkpoint *out, struct qf_slice note,
                                        struct qf_error *err)
{
    struct qf_arena arena = {0};
    struct qf_note parsed;
    enum qf_status status = qf_note_parse(&arena, &parsed, note, err);
    qf_arena_deinit(&arena);
    return status == QF_OK ? qf_checkpoint_parse(out, parsed.text, err) : status;
}
