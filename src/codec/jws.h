/* Compact JWS (RFC 7515 7.1) as text: taking it apart and putting it together. Knows the form only;
 * signatures are checked by crypto/verify, meaning by the kernel. */
#ifndef QF_CODEC_JWS_H
#define QF_CODEC_JWS_H

#include "codec/json.h"

#define QF_JWS_SIGNATURE_SIZE 64 /* every algorithm of ours: r‖s or Ed25519 */
#define QF_KID_SIZE 43           /* base64url of 32 bytes */

struct qf_jws {
    struct qf_slice signing_input; /* header.payload, points into the input */
    struct qf_slice header;        /* decoded, in the arena */
    struct qf_slice payload;       /* decoded, in the arena */
    struct qf_slice alg;           /* header members; point into `header` */
    struct qf_slice kid;
    struct qf_slice typ;
    uint8_t signature[QF_JWS_SIGNATURE_SIZE];
};

/* Splits and decodes a compact JWS whose header is canonical JSON with the three string members
 * alg, kid and typ and nothing else. QF_MALFORMED names the part: "header", "payload", "signature".
 * The payload is decoded, not parsed. */
QF_MUST_CHECK enum qf_status qf_jws_decode(struct qf_arena *arena, struct qf_jws *out,
                                           struct qf_slice compact, struct qf_error *err);

/* Appends `base64url(header).base64url(payload)`: the bytes to be signed. */
void qf_jws_put_signing_input(struct qf_buf *buf, const char *alg, struct qf_slice kid,
                              const char *typ, struct qf_slice payload);
/* Appends `.base64url(signature)`. */
void qf_jws_put_signature(struct qf_buf *buf, const uint8_t signature[QF_JWS_SIGNATURE_SIZE]);

#endif
