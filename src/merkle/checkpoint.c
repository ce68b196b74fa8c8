/* Checkpoints (c2sp.org/tlog-checkpoint) with our extension lines. */
#include "codec/text.h"
#include "merkle/note.h"

static void put_hash(struct qf_buf *buf, const char *label, const uint8_t hash[QF_HASH_SIZE])
{
    qf_buf_put_text(buf, label);
    qf_buf_put_base64(buf, qf_slice_make(hash, QF_HASH_SIZE));
    qf_buf_put_byte(buf, '\n');
}

void qf_checkpoint_put(struct qf_buf *buf, const struct qf_checkpoint *checkpoint)
{
    qf_buf_put_slice(buf, checkpoint->origin);
    qf_buf_put_byte(buf, '\n');
    qf_buf_put_int(buf, (int64_t)checkpoint->size);
    qf_buf_put_byte(buf, '\n');
    put_hash(buf, "", checkpoint->root);
    if (checkpoint->has_state)
        put_hash(buf, "state ", checkpoint->state_root);
    if (checkpoint->has_sm3)
        put_hash(buf, "sm3 ", checkpoint->sm3_root);
}

static bool next_line(struct qf_slice *rest, struct qf_slice *line)
{
    const uint8_t *end = rest->size == 0 ? NULL : memchr(rest->data, '\n', rest->size);
    if (end == NULL)
        return false;
    *line = qf_slice_make(rest->data, (size_t)(end - rest->data));
    rest->data += line->size + 1;
    rest->size -= line->size + 1;
    return true;
}

static bool parse_size(uint64_t *out, struct qf_slice text)
{
    uint64_t value = 0;
    if (text.size == 0 || text.size > 18 || (text.size > 1 && text.data[0] == '0'))
        return false;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        value = value * 10 + (uint64_t)(text.data[i] - '0');
    }
    *out = value;
    return true;
}

static bool parse_hash(uint8_t out[QF_HASH_SIZE], struct qf_slice text)
{
    uint8_t bytes[QF_HASH_SIZE + 3];
    size_t size = 0;
    if (text.size != QF_BASE64_SIZE((size_t)QF_HASH_SIZE) ||
        !qf_base64_decode(bytes, &size, text) || size != QF_HASH_SIZE)
        return false;
    memcpy(out, bytes, QF_HASH_SIZE);
    return true;
}

/* An extension line of ours: 1 taken, 0 not ours, -1 of the wrong form or there twice. */
static int take_extension(struct qf_slice line, const char *label, bool *has,
                          uint8_t out[QF_HASH_SIZE])
{
    size_t size = strlen(label);
    if (line.size < size || memcmp(line.data, label, size) != 0)
        return 0;
    if (*has || !parse_hash(out, qf_slice_make(line.data + size, line.size - size)))
        return -1;
    *has = true;
    return 1;
}

enum qf_status qf_checkpoint_parse(struct qf_checkpoint *out, struct qf_slice text,
                                   struct qf_error *err)
{
    struct qf_slice line;
    *out = (struct qf_checkpoint){0};
    if (!next_line(&text, &out->origin) || out->origin.size == 0)
        return qf_fail(err, QF_MALFORMED, "origin", "the first line names the log");
    if (!next_line(&text, &line) || !parse_size(&out->size, line))
        return qf_fail(err, QF_MALFORMED, "size", "the second line is the size in decimal");
    if (!next_line(&text, &line) || !parse_hash(out->root, line))
        return qf_fail(err, QF_MALFORMED, "root", "the third line is a hash in base64");
    while (next_line(&text, &line)) {
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
