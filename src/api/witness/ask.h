/* One exchange over HTTP with a witness, or with a time-stamp authority. A handle belongs to one
 * thread and keeps its connection. */
#ifndef QF_API_WITNESS_ASK_H
#define QF_API_WITNESS_ASK_H

#include <stdatomic.h>

#include "base/buf.h"

#define QF_ASK_ANSWER_SIZE_MAX 65536

struct qf_ask;

/* PEM files for https; each may be NULL. */
struct qf_ask_tls {
    const char *roots;                         /* instead of the system's */
    const char *certificate, *certificate_key; /* shown to the witness */
};

struct qf_ask_options {
    const char *url;  /* with `path`: a prefix, whose last slashes are not looked at */
    const char *path; /* appended; NULL: nothing */
    const char *type; /* content type of what is posted */
    const char *whom; /* err->field when nobody answers; static */
    size_t answer_size_max;
    struct qf_ask_tls tls;
};

/* A transfer under way is given up when *stop becomes true. */
QF_MUST_CHECK enum qf_status qf_ask_new(struct qf_ask **out, const struct qf_ask_options *options,
                                        const atomic_bool *stop, struct qf_error *err);
void qf_ask_free(struct qf_ask *ask);

/* POSTs. QF_OK whatever the answer's status; QF_NETWORK with the reason. */
QF_MUST_CHECK enum qf_status qf_ask_post(struct qf_ask *ask, struct qf_buf *answer,
                                         long *http_status, struct qf_slice body,
                                         struct qf_error *err);
/* Content type of the last answer, "" when it had none. Valid until the next exchange. */
const char *qf_ask_type(const struct qf_ask *ask);

#endif
