/* What the participant who is responsible for a sealed decision does, before the operation
 * service.decision.record: takes what stands in the case, opens it with the values that it holds,
 * and decides with the code that others will decide with again (spec/sealed.md).
 *
 * Pure: the case's record and the package go in, the members of the operation come out. */
#ifndef QF_SERVICE_SEALED_H
#define QF_SERVICE_SEALED_H

#include "kernel/service/decision.h"

struct qf_sealed_question {
    const struct qf_service_model *model;
    const struct qf_json *record;   /* of the case, as the state has it */
    uint32_t task;                  /* its number within the case */
    const struct qf_json *revealed; /* names to {"salt","value"}; by fields, or by inputs */
    int64_t time_ms;                /* what now() gives */
    struct qf_slice zone;
};

struct qf_sealed_answer {
    const struct qf_bpmn_node *node;
    struct qf_json inputs;                  /* as they stand in the case */
    struct qf_json values;                  /* of the inputs, in clear */
    struct qf_service_outcome outcome;      /* in clear */
    const struct qf_service_field *sealing; /* that takes the outcome sealed; NULL: it is open */
};

/* QF_NOT_FOUND at "task"; QF_CANNOT_TELL at "inputs.NAME" where a value is missing; QF_RULE_ERROR
 * and others as evaluation has them. */
QF_MUST_CHECK enum qf_status qf_sealed_decide(struct qf_sealed_answer *out, struct qf_arena *arena,
                                              const struct qf_sealed_question *question,
                                              struct qf_error *err);

/* The member of `revealed` that a commitment was made of, or NULL. */
const struct qf_json_member *qf_sealed_behind(const struct qf_json *revealed,
                                              const struct qf_json *commitment);

/* Puts `inputs`, `outcome`, `time` and `trace` into the operation. `commitment`: of the outcome,
 * where that is sealed, else NULL. */
void qf_sealed_put(struct qf_json *op, struct qf_arena *arena,
                   const struct qf_sealed_question *question, const struct qf_sealed_answer *answer,
                   const struct qf_json *commitment);

#endif
