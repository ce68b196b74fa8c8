/* One exchange with a witness over HTTP. A handle belongs to one
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

/* `url` is the witness's prefix. A transfer under way is given up when
 * *stop becomes true. */
QF_MUST_CHECK enum qf_status qf_ask_new(struct qf_ask **out, const char *url,
                                        const struct qf_ask_tls *tls, const atomic_bool *stop,
                                        struct qf_error *err);
void qf_ask_free(struct qf_ask *ask);

/* POSTs to <url>/add-checkpoint. QF_OK whatever the answer's status; QF_NETWORK with the reason. */
QF_MUST_CHECK enum qf_status qf_ask_add_checkpoint(struct qf_ask *ask, struct qf_buf *answer,
                                                   long *http_status, struct qf_slice body,
                                                   struct qf_error *err);

#endif
