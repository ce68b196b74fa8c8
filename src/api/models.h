/* The packages of deployed services, as the API needs them to name what stands as a number in the
 * state, and to make decisions again. A version never changes, so what was read once is kept: at
 * most QF_API_MODELS_MAX, the one that was not asked for the longest goes. Any thread. */
#ifndef QF_API_MODELS_H
#define QF_API_MODELS_H

#include "bpmn/model.h"
#include "kernel/kernel.h"
#include "kernel/service/service.h"

#define QF_API_MODELS_MAX 32

struct qf_api_models;

struct qf_api_model {
    struct qf_bpmn_model bpmn;        /* read-only, as the next two are */
    struct qf_service_model *service; /* NULL: this software does not compile the package */
    struct qf_json package;
    struct qf_arena arena; /* what follows is the cache's own */
    struct qf_slice name;  /* service '/' version */
    uint64_t used;
    unsigned holders;
    bool listed;
};

struct qf_api_models *qf_api_models_new(void);
void qf_api_models_free(struct qf_api_models *models); /* takes NULL; nobody holds one */

/* The process of a version, or NULL when there is no such version; to be put back. */
struct qf_api_model *qf_api_models_take(struct qf_api_models *models,
                                        const struct qf_state_reader *reader,
                                        struct qf_slice service, struct qf_slice version);
void qf_api_models_put(struct qf_api_models *models, struct qf_api_model *model); /* takes NULL */

#endif
