/* Signatures of webhooks as Standard Webhooks 1.0.0 has them: over `id.timestamp.body`, `v1` with
 * HMAC-SHA-256 under a secret that sender and receiver share, `v1a` with the sender's Ed25519 key.
 *
 * Secrets stand in a file, one a line, `whsec_` and base64 of 24 to 64 bytes; empty lines and lines
 * that begin with # are skipped. While a secret is changed the file holds the old one and the new
 * one, and every request is signed with both. No function here is bound to a thread. */
#ifndef QF_API_WEBHOOK_SIGN_H
#define QF_API_WEBHOOK_SIGN_H

#include "base/buf.h"
#include "base/limits.h"
#include "crypto/key.h"

#define QF_WEBHOOK_SECRET_SIZE_MIN ((size_t)24)
#define QF_WEBHOOK_SECRET_SIZE_MAX ((size_t)64)
#define QF_WEBHOOK_SECRETS_SIZE_MAX 4096 /* bytes of the file */

struct qf_webhook_secret {
    size_t size;
    uint8_t bytes[QF_WEBHOOK_SECRET_SIZE_MAX];
};

struct qf_webhook_secrets {
    size_t count;
    struct qf_webhook_secret items[QF_WEBHOOK_SECRETS_MAX];
};

/* QF_MALFORMED with err->field "line N", QF_OVER_LIMIT; the reason never quotes the text, and *out
 * is empty then. */
QF_MUST_CHECK enum qf_status qf_webhook_secrets_parse(struct qf_webhook_secrets *out,
                                                      struct qf_slice text, struct qf_error *err);
/* From a file that its owner alone can read: QF_IO, QF_FORBIDDEN, and the above with the path
 * before the field. */
QF_MUST_CHECK enum qf_status qf_webhook_secrets_load(struct qf_webhook_secrets *out,
                                                     const char *path, struct qf_error *err);
void qf_webhook_secrets_wipe(struct qf_webhook_secrets *secrets);

/* Appends the value of the header webhook-signature for `message`, which is id.timestamp.body: one
 * signature for each secret and one of `key` (Ed25519, or NULL), spaces between. */
QF_MUST_CHECK enum qf_status qf_webhook_sign(struct qf_buf *out,
                                             const struct qf_webhook_secrets *secrets,
                                             const struct qf_private_key *key,
                                             struct qf_slice message, struct qf_error *err);

/* "whpk_<base64>" of an Ed25519 key, for receivers; appended. */
void qf_webhook_put_public_key(struct qf_buf *out, const struct qf_public_key *key);

#endif
