/* What /v1/health and /metrics say of witnesses. */
#ifndef QF_API_WITNESS_HEALTH_H
#define QF_API_WITNESS_HEALTH_H

#include "api/api.h"

/* Adds "witnesses" and "cosigned" when this log has witnesses, "witnessing" when this node is one,
 * and what is wrong to `problems`. */
void qf_api_witness_health(struct qf_api *api, struct qf_arena *arena, struct qf_json *object,
                           struct qf_json *problems, uint64_t log_size);
void qf_api_witness_metrics(struct qf_api *api, struct qf_buf *out, uint64_t log_size);

#endif
