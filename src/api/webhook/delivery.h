/* How one event goes to one receiver: signing and posting, shared by the threads of webhook.c and
 * by the operator's trial. A delivery belongs to one thread; cancel comes from any. */
#ifndef QF_API_WEBHOOK_DELIVERY_H
#define QF_API_WEBHOOK_DELIVERY_H

#include <sys/stat.h>

#include "api/webhook/post.h"
#include "api/webhook/sign.h"
#include "api/webhook/webhook.h"

struct qf_webhook_delivery {
    const struct qf_webhook_options *options;
    struct qf_webhook_secrets secrets;
    struct stat secret_file; /* when `secrets` were read: a change has them read again */
    struct qf_private_key *key;
    struct qf_webhook_post *post;
    struct qf_buf message; /* id.timestamp.body */
    struct qf_buf signature;
};

QF_MUST_CHECK enum qf_status qf_webhook_delivery_init(struct qf_webhook_delivery *delivery,
                                                      const struct qf_webhook_options *options,
                                                      struct qf_slice passphrase,
                                                      struct qf_error *err);
void qf_webhook_delivery_deinit(struct qf_webhook_delivery *delivery);

/* As qf_webhook_post_send; also what reading the secret or signing refuses, with the reason in
 * answer->reason. */
QF_MUST_CHECK enum qf_status qf_webhook_deliver(struct qf_webhook_delivery *delivery,
                                                struct qf_webhook_answer *answer, const char *id,
                                                int64_t now_ms, const struct qf_json *event);

#endif
