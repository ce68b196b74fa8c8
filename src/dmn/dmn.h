/* DMN 1.5 (and models written for 1.1 to 1.4): decisions, business knowledge models, decision
 * services, item definitions, imports, all boxed expressions, all hit policies.
 *
 * Compile once, evaluate often. A compiled model is immutable and may be evaluated by any number of
 * threads at once. What FEEL says of bounds, time, warnings and external functions (feel/feel.h)
 * holds for whole decisions: one budget for one evaluation with everything that it requires.
 *
 * Decision tables are indexed at compilation: for each column a sorted list of the numbers, dates
 * or durations that its cells name, or a table of their strings, gives the set of rules that the
 * input satisfies; the sets of all columns are intersected. Cells that are more than comparisons
 * with literals are evaluated for the rules that are left.
 *
 * A trace says what was decided and why, as canonical JSON (RFC 8785) whose hash goes on the
 * ledger: the inputs, for each table the rules that matched and their annotations (the clause of
 * law), the outcome, the warnings. */
#ifndef QF_DMN_DMN_H
#define QF_DMN_DMN_H

#include "feel/feel.h"

struct qf_dmn_model;
struct qf_dmn_element;

/* One model file: the first is the model, others are those that it imports, by namespace. */
struct qf_dmn_file {
    const char *name; /* for messages */
    struct qf_slice bytes;
};

struct qf_dmn_problem {
    bool error; /* else a warning */
    const char *file;
    const char *element; /* its id, or name */
    uint32_t line;
    uint32_t column;
    const char *message; /* valid during the call */
};

struct qf_dmn_reporter {
    void (*report)(void *self, const struct qf_dmn_problem *problem);
    void *self;
};

/* Compiles into the arena, which outlives the model; `files` need not. QF_OK also when problems
 * were reported: an expression that cannot be read gives null, and qf_dmn_errors counts them; a
 * deployment asks for zero. QF_MALFORMED or QF_OVER_LIMIT when a file is not a DMN model. */
QF_MUST_CHECK enum qf_status qf_dmn_compile(struct qf_arena *arena, struct qf_dmn_model **out,
                                            const struct qf_dmn_file *files, uint32_t count,
                                            const struct qf_dmn_reporter *reporter,
                                            struct qf_error *err);
uint32_t qf_dmn_errors(const struct qf_dmn_model *model);

enum qf_dmn_kind {
    QF_DMN_INPUT,
    QF_DMN_DECISION,
    QF_DMN_KNOWLEDGE, /* business knowledge model */
    QF_DMN_SERVICE,
};

/* By name, in the model with that namespace; an empty namespace means the first file, where
 * imported elements have the names of the imports before theirs ("Base.Rates.Standard rate"). NULL
 * when there is none. */
const struct qf_dmn_element *qf_dmn_find(const struct qf_dmn_model *model, struct qf_slice ns,
                                         enum qf_dmn_kind kind, struct qf_slice name);
/* The elements of all files in their order; NULL past the end. */
const struct qf_dmn_element *qf_dmn_at(const struct qf_dmn_model *model, uint32_t index);
enum qf_dmn_kind qf_dmn_kind(const struct qf_dmn_element *element);
struct qf_slice qf_dmn_name(const struct qf_dmn_element *element);
const struct qf_feel_type *qf_dmn_type(const struct qf_dmn_element *element);

/* Which elements a decision can come to read, directly or by what it requires: `out[i]` is set for
 * the element at index i (and for the decision itself). `out` has qf_dmn_count places. */
uint32_t qf_dmn_count(const struct qf_dmn_model *model);
void qf_dmn_needs(const struct qf_dmn_model *model, struct qf_arena *arena,
                  const struct qf_dmn_element *decision, bool *out);

/* Parameters of a knowledge model or decision service, in their order. */
uint32_t qf_dmn_params(const struct qf_dmn_element *element, const struct qf_feel_member **params);
/* Output decisions of a service: with more than one its result is a context of their names. */
uint32_t qf_dmn_outputs(const struct qf_dmn_element *element);

/* One input of an evaluation. */
struct qf_dmn_input {
    const struct qf_dmn_element *element; /* an input; or a decision whose result is given */
    struct qf_feel_value value;
};

/* The trace, written after an evaluation that asked for it; empty otherwise. */
struct qf_dmn_trace;

struct qf_dmn_options {
    const struct qf_feel_world *world;
    bool trace;
};

struct qf_dmn_result {
    struct qf_feel_result feel; /* value, steps, warnings */
    const struct qf_dmn_trace *trace;
};

/* Evaluates a decision. QF_OK, or QF_BUDGET naming the bound. Values live in `arena`. */
QF_MUST_CHECK enum qf_status qf_dmn_evaluate(const struct qf_dmn_model *model,
                                             const struct qf_dmn_element *decision,
                                             struct qf_arena *arena,
                                             const struct qf_dmn_options *options,
                                             const struct qf_dmn_input *inputs, uint32_t count,
                                             struct qf_dmn_result *result, struct qf_error *err);

/* Calls a decision service or business knowledge model; arguments are named by its parameters, and
 * those not given are null. */
QF_MUST_CHECK enum qf_status qf_dmn_invoke(const struct qf_dmn_model *model,
                                           const struct qf_dmn_element *element,
                                           struct qf_arena *arena,
                                           const struct qf_dmn_options *options,
                                           const struct qf_feel_value *arguments,
                                           struct qf_dmn_result *result, struct qf_error *err);

/* Appends the trace as canonical JSON. */
void qf_dmn_trace_write(struct qf_buf *buf, const struct qf_dmn_trace *trace);

/* A JSON value for an input of a declared type: strings become dates, times, durations and
 * numbers where the type wants them. False names what does not fit in err. */
QF_MUST_CHECK bool qf_dmn_value_from_json(struct qf_arena *arena, struct qf_feel_value *out,
                                          const struct qf_json *json,
                                          const struct qf_feel_type *type, struct qf_error *err);

#endif
