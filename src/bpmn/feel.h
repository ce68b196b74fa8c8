/* FEEL for processes: the expressions of run.h, compiled and evaluated by feel/.
 *
 * An expression sees the declared fields with their types, the variables that the model sets itself
 * (of any type), and nothing else: a name that is none of them does not compile, so the check that
 * variables exist is part of compilation. Values come as JSON: a string becomes a date, time,
 * duration or number where the declared type wants one; results go back as feel/value.h writes
 * JSON. An evaluation whose expression gives null keeps the null.
 *
 * The struct is read-only once made, and may be used by any number of threads. */
#ifndef QF_BPMN_FEEL_H
#define QF_BPMN_FEEL_H

#include "bpmn/run.h"
#include "feel/feel.h"

struct qf_bpmn_feel {
    struct qf_feel_variable *variables;
    uint32_t variable_count;
    struct qf_slice zone; /* of now() and today(), such as "Asia/Shanghai"; empty: UTC */
    bool lenient;         /* names that are not known are no mistakes */
    /* Sealed fields: an expression may hand their commitments on as they are, being their name and
     * nothing else; one that reads them does not compile. */
    const struct qf_slice *sealed;
    uint32_t sealed_count;
};

/* The sealed field that a compiled formula hands on; empty: none. */
struct qf_slice qf_bpmn_feel_sealed(const struct qf_bpmn_formula *formula);

/* What a compiled formula gives, as far as its text says; Any for a fixed text, a commitment, or
 * where it is not known. */
const struct qf_feel_type *qf_bpmn_feel_type(const struct qf_bpmn_formula *formula);

/* Declares `fields` and the model's own variables; later ones of the same name are left out, and so
 * are sealed ones, which are set before (`feel` is otherwise filled here). Texts are not copied;
 * the rest is in `arena`. */
void qf_bpmn_feel_init(struct qf_bpmn_feel *feel, struct qf_arena *arena,
                       const struct qf_bpmn_model *model, const struct qf_feel_variable *fields,
                       uint32_t field_count, struct qf_slice zone);

/* For looking at a model without its manifest: its data objects and inputs count as variables, and
 * names that are not known are no mistakes. */
void qf_bpmn_feel_init_lenient(struct qf_bpmn_feel *feel, struct qf_arena *arena,
                               const struct qf_bpmn_model *model);

/* The interface for qf_bpmn_prepare; `feel` must outlive the program. */
struct qf_bpmn_expr qf_bpmn_feel_expr(struct qf_bpmn_feel *feel);

#endif
