/* Inside of services: what cases send to each other. */
#ifndef QF_KERNEL_SERVICE_MESSAGES_H
#define QF_KERNEL_SERVICE_MESSAGES_H

#include "kernel/service/step.h"

/* Takes what a step has sent into the outbox; after it was saved. */
void qf_service_post(struct qf_service_step *step);
/* Delivers everything in the outbox; within a delivery it does nothing, for the outermost goes on
 * with what was added. */
void qf_service_deliver(struct qf_op_context *ctx);

#endif
