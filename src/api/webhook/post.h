/* HTTP for webhooks: one POST at a time over a connection that is kept, with libcurl.
 *
 * Redirects are not followed; an answer's body is read and thrown away, up to
 * QF_WEBHOOK_ANSWER_SIZE_MAX bytes; an attempt ends after the timeout whatever the other side does.
 *
 * Threads: one at a time, but qf_webhook_post_cancel comes from any. */
#ifndef QF_API_WEBHOOK_POST_H
#define QF_API_WEBHOOK_POST_H

#include "base/buf.h"
#include "base/limits.h"

struct qf_webhook_post;

struct qf_webhook_post_options {
    const char *url;
    const char *roots;       /* PEM file; NULL: the system's */
    const char *certificate; /* PEM files: what is shown to the receiver; NULL: nothing */
    const char *certificate_key;
    struct qf_slice passphrase; /* of certificate_key */
    unsigned timeout_s;
    const char *agent; /* "qifeng/1.2.3" */
};

struct qf_webhook_answer {
    int status;             /* HTTP; 0: none came */
    int64_t retry_after_ms; /* what Retry-After asks for; 0: nothing */
    char reason[256];       /* when none came: why; never the path of the address */
};

/* Whether events may be sent there: https, or http to this computer, or to anywhere when
 * `allow_http`; no user and password, no fragment. QF_BAD_FIELD at "url". */
QF_MUST_CHECK enum qf_status qf_webhook_url_check(const char *url, bool allow_http,
                                                  struct qf_error *err);

QF_MUST_CHECK enum qf_status qf_webhook_post_new(struct qf_webhook_post **out,
                                                 const struct qf_webhook_post_options *options,
                                                 struct qf_error *err);
void qf_webhook_post_free(struct qf_webhook_post *post); /* NULL is allowed */

/* Sends `body` with the three headers of Standard Webhooks. QF_OK: an answer came; QF_NETWORK: none
 * did; QF_UNAVAILABLE: cancelled, and nobody knows whether it arrived. */
QF_MUST_CHECK enum qf_status qf_webhook_post_send(struct qf_webhook_post *post,
                                                  struct qf_webhook_answer *answer, const char *id,
                                                  int64_t timestamp_s, const char *signature,
                                                  struct qf_slice body);

/* For good: what is under way may take QF_WEBHOOK_GRACE_MS more, and no more begins. */
void qf_webhook_post_cancel(struct qf_webhook_post *post);

#endif
