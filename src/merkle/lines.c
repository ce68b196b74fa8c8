#include "merkle/lines.h"

#include "codec/text.h"

#define NUMBER_DIGITS_MAX 18
_Static_assert(QF_LOG_SIZE_MAX > 1000000000000000000U, "every number of 18 digits is a log size");

bool qf_lines_next(struct qf_slice *rest, struct qf_slice *line)
{
    const uint8_t *end = rest->size == 0 ? NULL : memchr(rest->data, '\n', rest->size);
    if (end == NULL)
        return false;
    *line = qf_slice_make(rest->data, (size_t)(end - rest->data));
    rest->data += line->size + 1;
    rest->size -= line->size + 1;
    return true;
}

bool qf_lines_label(struct qf_slice *line, const char *label)
{
    size_t size = strlen(label);
    if (line->size < size || memcmp(line->data, label, size) != 0)
        return false;
    line->data += size;
    line->size -= size;
    return true;
}

bool qf_lines_number(uint64_t *out, struct qf_slice text)
{
    uint64_t value = 0;
    if (text.size == 0 || text.size > NUMBER_DIGITS_MAX || (text.size > 1 && text.data[0] == '0'))
        return false;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        value = value * 10 + (uint64_t)(text.data[i] - '0');
    }
    *out = value;
    return true;
}

bool qf_lines_hash(uint8_t out[QF_HASH_SIZE], struct qf_slice text)
{
    uint8_t bytes[QF_HASH_SIZE + 3];
    size_t size = 0;
    if (text.size != QF_BASE64_SIZE((size_t)QF_HASH_SIZE) ||
        !qf_base64_decode(bytes, &size, text) || size != QF_HASH_SIZE)
        return false;
    memcpy(out, bytes, QF_HASH_SIZE);
    return true;
}

enum qf_status qf_lines_proof(struct qf_log_proof *out, struct qf_slice *rest, struct qf_error *err)
{
    struct qf_slice line;
    out->count = 0;
    while (qf_lines_next(rest, &line)) {
        if (line.size == 0)
            return QF_OK;
        if (out->count == QF_PROOF_HASHES_MAX)
            return qf_fail(err, QF_OVER_LIMIT, "proof", "at most %d hashes", QF_PROOF_HASHES_MAX);
        if (!qf_lines_hash(out->hashes[out->count], line))
            return qf_fail(err, QF_MALFORMED, "proof", "line %zu is not a hash in base64",
                           out->count + 1);
        out->count++;
    }
    return qf_fail(err, QF_MALFORMED, "proof", "want an empty line after the proof");
}

void qf_lines_put_hash(struct qf_buf *buf, const char *label, const uint8_t hash[QF_HASH_SIZE])
{
    qf_buf_put_text(buf, label);
    qf_buf_put_base64(buf, qf_slice_make(hash, QF_HASH_SIZE));
    qf_buf_put_byte(buf, '\n');
}

void qf_lines_put_proof(struct qf_buf *buf, const struct qf_log_proof *proof)
{
    for (size_t i = 0; i < proof->count; i++)
        qf_lines_put_hash(buf, "", proof->hashes[i]);
    qf_buf_put_byte(buf, '\n');
}
