/* HTTP client of the commands: libcurl with bounded answers. One client belongs to one thread and
 * keeps its connection. */
#ifndef QF_CLI_CLIENT_H
#define QF_CLI_CLIENT_H

#include "base/buf.h"
#include "crypto/key.h"

#define QF_CLIENT_ANSWER_SIZE_MAX (64u << 20)

struct qf_client;

/* Whose key signs what is read (RFC 9421, spec/http.md), for nodes that answer members only: a key
 * file or pkcs11: URI. NULL: that of QIFENG_READ_KEY, or none. */
struct qf_client_reader {
    const char *key, *passphrase_file;
};

/* `url`: http://HOST:PORT or https://…, without a path; `reader` may be NULL. With TLS the
 * environment names PEM files: QIFENG_CACERT (roots to trust instead of the system's), QIFENG_CERT
 * and QIFENG_CERT_KEY (client certificate and its key). */
QF_MUST_CHECK enum qf_status qf_client_new(struct qf_client **out, const char *url,
                                           const struct qf_client_reader *reader,
                                           struct qf_error *err);
/* The same with a key that was loaded; it must outlive the client. */
QF_MUST_CHECK enum qf_status qf_client_new_signed(struct qf_client **out, const char *url,
                                                  const struct qf_private_key *key,
                                                  struct qf_error *err);
void qf_client_free(struct qf_client *client);

/* QF_OK whenever an answer came, whatever its HTTP status, which goes to *http_status. The body is
 * appended to `out`. QF_NETWORK with the reason otherwise. */
QF_MUST_CHECK enum qf_status qf_client_get(struct qf_client *client, struct qf_buf *out,
                                           const char *path, long *http_status,
                                           struct qf_error *err);
QF_MUST_CHECK enum qf_status qf_client_post(struct qf_client *client, struct qf_buf *out,
                                            const char *path, const char *type,
                                            struct qf_slice body, long *http_status,
                                            struct qf_error *err);

/* Turns an answer that is not 2xx into an error from its problem document. */
QF_MUST_CHECK enum qf_status qf_client_problem(struct qf_slice body, long http_status,
                                               struct qf_error *err);

/* Appends `text` percent-encoded for a query or a path segment. */
void qf_client_escape(struct qf_buf *out, struct qf_slice text);

#endif
