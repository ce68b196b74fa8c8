/* Decisions of a service, as pure calls: what a node does when a case comes to one, what the
 * responsible participant does with the values of sealed fields, and what anybody does years later
 * to see that the same comes out.
 *
 *   package + inputs + time + zone ──> outcome, trace (canonical JSON), its SHA-256
 *
 * The case's record keeps of each decision its inputs (of sealed ones the commitments), the time
 * that now() gave, and the hash of the trace; so the record and the package are all that is needed,
 * with the salts and values of sealed inputs. spec/sealed.md, spec/state.md.
 *
 * Pure; a compiled package is read-only, any thread. */
#ifndef QF_KERNEL_SERVICE_DECISION_H
#define QF_KERNEL_SERVICE_DECISION_H

#include "kernel/service/service.h"

#define QF_DECISION_HASH_SIZE 64 /* hex digits */

/* A decision of the package with the input data that it can come to read. */
struct qf_service_ruling {
    const struct qf_dmn_element *element;
    const struct qf_dmn_element **inputs;
    uint32_t input_count;
};

/* Finds them all, once, when a package is compiled. */
void qf_service_rulings_init(struct qf_service_model *model);
/* NULL when the package has no decision of that name. */
const struct qf_service_ruling *qf_service_ruling_of(const struct qf_service_model *model,
                                                     struct qf_slice decision);
/* Whether it can come to read input data of that name. */
bool qf_service_ruling_reads(const struct qf_service_ruling *ruling, struct qf_slice name);

struct qf_service_moment {
    int64_t time_ms;      /* what now() gives */
    struct qf_slice zone; /* of now() and today() */
    uint64_t steps_max;   /* 0: QF_FEEL_STEPS_MAX */
};

struct qf_service_outcome {
    struct qf_json value;
    struct qf_json inputs; /* object: those of what was given that the decision can read */
    struct qf_slice trace; /* canonical JSON */
    char hash[QF_DECISION_HASH_SIZE];
    uint64_t steps; /* used; set also on failure */
};

/* Evaluates a decision over `values` (an object; names that are no inputs of it are not looked at).
 * QF_OK; QF_NOT_FOUND at "decision"; QF_RULE_ERROR when an input is not of its type or no rule
 * gives an outcome; QF_BUDGET. Texts of the outcome are in `arena`; `text` is scratch. */
QF_MUST_CHECK enum qf_status
qf_service_evaluate(const struct qf_service_model *model, struct qf_arena *arena,
                    struct qf_buf *text, struct qf_service_outcome *out, struct qf_slice decision,
                    const struct qf_json *values, const struct qf_service_moment *moment,
                    struct qf_error *err);

/* Whether `value` may be the outcome of a decision: of its type, within its constraints.
 * QF_BAD_FIELD at "outcome". */
QF_MUST_CHECK enum qf_status qf_service_check_outcome(const struct qf_service_model *model,
                                                      struct qf_arena *arena,
                                                      struct qf_slice decision,
                                                      const struct qf_json *value,
                                                      struct qf_error *err);

/* Adds to the process's problems wherever it reads what is sealed; part of compilation. */
void qf_service_check_sealed(struct qf_service_model *model);
/* Reports what of the process can never be of the type that is wanted there (check_types.c). */
void qf_service_check_types(struct qf_service_model *model);

/* Whether an input of a sealed decision stands on the ledger as a commitment; `node` is the
 * business rule task. */
bool qf_service_input_sealed(const struct qf_service_model *model, const struct qf_bpmn_node *node,
                             struct qf_slice input);

/* Makes a recorded decision again. `record` is an item of "decisions" of the case (spec/state.md),
 * `model` its version's package, `zone` the network's where the record names none. `revealed`
 * (NULL: none) has for each sealed input, by its name, {"salt":"<base64url>","value":…}; the
 * commitment is over the name of the field, which is what the model puts into the input. An outcome
 * that went into a sealed field is compared when it is revealed under that field's name. Where the
 * record has no inputs (they were too large), it has {"value":…} for each of them. QF_OK: the same
 * outcome and trace. QF_INVALID: something differs; the detail says what, and *out is what came
 * out. QF_CANNOT_TELL at "inputs.NAME": not revealed. Else why it cannot be evaluated, or that the
 * record does not have its form. */
QF_MUST_CHECK enum qf_status
qf_service_replay(const struct qf_service_model *model, struct qf_arena *arena, struct qf_buf *text,
                  struct qf_service_outcome *out, const struct qf_json *record,
                  const struct qf_json *revealed, struct qf_slice zone, struct qf_error *err);

#endif
