/* Why a case was decided so, for whom it concerns: a recorded decision, made again, with the rules
 * that matched, the clause that each cites and the inputs, in the words of the service.
 *
 *   record + package (+ revealed values) ──> which rule, which clause, which inputs, and whether
 *                                            the same came out again
 *
 * Pure. */
#ifndef QF_SERVICE_EXPLAIN_H
#define QF_SERVICE_EXPLAIN_H

#include "kernel/service/decision.h"

struct qf_explain_question {
    const struct qf_service_model *model; /* of the version that it was made on; NULL: not there */
    const struct qf_json *package;        /* the same, parsed: for words */
    const struct qf_json *record;         /* item of the case's "decisions" */
    const struct qf_json *revealed;       /* names to {"salt","value"}, or NULL */
    struct qf_slice version;              /* of the case, where the item has none */
};

/* The object that spec/http.md describes; points into what the question has, and into the arena.
 * `outcome` (may be NULL) is what came out, and *err why not the same; err->status is QF_OK when it
 * is the same, QF_CANNOT_TELL when values are missing, QF_INVALID when it differs. */
struct qf_json qf_explain(struct qf_arena *arena, struct qf_service_outcome *outcome,
                          const struct qf_explain_question *question, struct qf_error *err);

/* {"en","zh"} of a word of the package's texts, `null` where it has none: `group` and, within it,
 * `within` (may be empty), such as "values", "household_class", "fixed". */
struct qf_json qf_explain_words(struct qf_arena *arena, const struct qf_json *package,
                                const char *group, struct qf_slice within, struct qf_slice key);

#endif
