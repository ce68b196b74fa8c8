#include "codec/jws.h"

#include "codec/text.h"

static enum qf_status decode_part(struct qf_arena *arena, struct qf_slice *out,
                                  struct qf_slice text, const char *name, struct qf_error *err)
{
    uint8_t *bytes = qf_arena_alloc(arena, text.size / 4 * 3 + 3);
    size_t size = 0;
    if (!qf_base64url_decode(bytes, &size, text))
        return qf_fail(err, QF_MALFORMED, name, "not base64url without padding");
    *out = qf_slice_make(bytes, size);
    return QF_OK;
}

static bool take(struct qf_slice *rest, const char *text)
{
    size_t size = strlen(text);
    if (rest->size < size || memcmp(rest->data, text, size) != 0)
        return false;
    rest->data += size;
    rest->size -= size;
    return true;
}

static bool take_plain(struct qf_slice *rest, struct qf_slice *out)
{
    size_t size = 0;
    while (size < rest->size && rest->data[size] >= 0x20 && rest->data[size] < 0x7f &&
           rest->data[size] != '"' && rest->data[size] != '\\')
        size++;
    *out = qf_slice_make(rest->data, size);
    rest->data += size;
    rest->size -= size;
    return size > 0;
}

/* The header has one form only, so it is matched rather than parsed. */
static bool decode_header(struct qf_jws *jws)
{
    struct qf_slice rest = jws->header;
    return take(&rest, "{\"alg\":\"") && take_plain(&rest, &jws->alg) &&
           take(&rest, "\",\"kid\":\"") && take_plain(&rest, &jws->kid) &&
           take(&rest, "\",\"typ\":\"") && take_plain(&rest, &jws->typ) && take(&rest, "\"}") &&
           rest.size == 0;
}

enum qf_status qf_jws_decode(struct qf_arena *arena, struct qf_jws *out, struct qf_slice compact,
                             struct qf_error *err)
{
    const uint8_t *first = compact.size > 0 ? memchr(compact.data, '.', compact.size) : NULL;
    if (first == NULL)
        return qf_fail(err, QF_MALFORMED, "header", "want header.payload.signature");
    size_t header_size = (size_t)(first - compact.data);
    const uint8_t *second = memchr(first + 1, '.', compact.size - header_size - 1);
    if (second == NULL)
        return qf_fail(err, QF_MALFORMED, "signature", "want header.payload.signature");
    size_t signed_size = (size_t)(second - compact.data);
    struct qf_slice signature = {second + 1, compact.size - signed_size - 1};
    enum qf_status status =
        decode_part(arena, &out->header, qf_slice_make(compact.data, header_size), "header", err);
    if (status == QF_OK && !decode_header(out))
        status = qf_fail(err, QF_MALFORMED, "header",
                         "want {\"alg\":\"…\",\"kid\":\"…\",\"typ\":\"…\"} and nothing else");
    if (status == QF_OK)
        status =
            decode_part(arena, &out->payload,
                        qf_slice_make(first + 1, (size_t)(second - first) - 1), "payload", err);
    if (status != QF_OK)
        return status;
    size_t size = 0;
    uint8_t bytes[QF_JWS_SIGNATURE_SIZE + 3];
    if (signature.size != QF_BASE64URL_SIZE(QF_JWS_SIGNATURE_SIZE) ||
        !qf_base64url_decode(bytes, &size, signature))
        return qf_fail(err, QF_MALFORMED, "signature", "want %d bytes in base64url",
                       QF_JWS_SIGNATURE_SIZE);
    memcpy(out->signature, bytes, QF_JWS_SIGNATURE_SIZE);
    out->signing_input = qf_slice_make(compact.data, signed_size);
    return QF_OK;
}

void qf_jws_put_signing_input(struct qf_buf *buf, const char *alg, struct qf_slice kid,
                              const char *typ, struct qf_slice payload)
{
    struct qf_buf header = {0};
    qf_buf_put_text(&header, "{\"alg\":");
    qf_json_write_string(&header, qf_slice_of(alg));
    qf_buf_put_text(&header, ",\"kid\":");
    qf_json_write_string(&header, kid);
    qf_buf_put_text(&header, ",\"typ\":");
    qf_json_write_string(&header, qf_slice_of(typ));
    qf_buf_put_byte(&header, '}');
    buf->failed = buf->failed || header.failed;
    qf_buf_put_base64url(buf, qf_buf_slice(&header));
    qf_buf_put_byte(buf, '.');
    qf_buf_put_base64url(buf, payload);
    qf_buf_deinit(&header);
}

void qf_jws_put_signature(struct qf_buf *buf, const uint8_t signature[QF_JWS_SIGNATURE_SIZE])
{
    qf_buf_put_byte(buf, '.');
    qf_buf_put_base64url(buf, qf_slice_make(signature, QF_JWS_SIGNATURE_SIZE));
}
