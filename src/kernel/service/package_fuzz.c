/* Any bytes as a service package: read, compiled and checked, or refused with the reason. */
#include "kernel/service/service.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct qf_service_model *model = NULL;
    struct qf_error err = {0};
    enum qf_status status =
        qf_service_compile(&model, qf_slice_make(data, size), qf_slice_of("sha-256:00"), &err);
    if (status == QF_OK)
        QF_ASSERT(model != NULL && model->bpmn.main != QF_BPMN_NONE);
    else
        QF_ASSERT(err.status == status && (int)status <= QF_STATUS_REFUSAL_MAX);
    qf_service_free(model);
    return 0;
}
