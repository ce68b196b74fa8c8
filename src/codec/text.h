/* Text encodings of bytes: base64url without padding (RFC 4648 5), base64 with padding (RFC 4648
 * 4), lower-case hex. Decoders are strict: no white space, no stray bits, no padding where none
 * belongs, so that every value has one text. */
#ifndef QF_CODEC_TEXT_H
#define QF_CODEC_TEXT_H

#include "base/arena.h"
#include "base/buf.h"

#define QF_BASE64URL_SIZE(n) (((n)*4 + 2) / 3)
#define QF_BASE64_SIZE(n) (((n) + 2) / 3 * 4)

/* Encoders write exactly the size above (hex: 2n) and no NUL. */
void qf_base64url_encode(char *out, struct qf_slice bytes);
void qf_base64_encode(char *out, struct qf_slice bytes);
void qf_hex_encode(char *out, struct qf_slice bytes);

/* Decode into `out` of at least 3/4 (hex: 1/2) of the text's size; false when the text is not the
 * encoding of anything. `*size` is what was written. */
QF_MUST_CHECK bool qf_base64url_decode(uint8_t *out, size_t *size, struct qf_slice text);
QF_MUST_CHECK bool qf_base64_decode(uint8_t *out, size_t *size, struct qf_slice text);
QF_MUST_CHECK bool qf_hex_decode(uint8_t *out, size_t *size, struct qf_slice text);

void qf_buf_put_base64url(struct qf_buf *buf, struct qf_slice bytes);
void qf_buf_put_base64(struct qf_buf *buf, struct qf_slice bytes);
void qf_buf_put_hex(struct qf_buf *buf, struct qf_slice bytes);

/* Whether the text is an id: 1 to QF_ID_SIZE_MAX of A-Z a-z 0-9 . _ : / - */
bool qf_id_valid(struct qf_slice text);

#endif
