/* Inside of inspect: the parts that look at one kind of document each. */
#ifndef QF_SERVICE_INSPECT_INTERNAL_H
#define QF_SERVICE_INSPECT_INTERNAL_H

#include "service/folder.h"

struct qf_dmn_xml;

struct qf_inspection {
    struct qf_folder *folder;
    const struct qf_json *manifest;   /* of service.yaml, or NULL when that is no mapping */
    const struct qf_bpmn_model *bpmn; /* imported for itself; NULL when it cannot be */
    const struct qf_json *fields;     /* of the manifest, or NULL */
    const struct qf_dmn_xml *rules; /* rules.dmn as XML; NULL when there is none that can be read */
};

/* forms.c: schemas against the subset and the fields; their values' texts. */
void qf_inspect_forms(struct qf_inspection *in);
/* foreign.c: what other engines would read in the process, and this one does not. */
void qf_inspect_foreign(struct qf_inspection *in);
/* words.c: whether everything that people read is there, in both languages. */
void qf_inspect_words(struct qf_inspection *in);
/* rules.c: reads rules.dmn, before the others ask; clauses of rules. Calls `each` for every text
 * that a table of the decision may yield. */
void qf_inspect_read_rules(struct qf_inspection *in);
void qf_inspect_rules(struct qf_inspection *in);
void qf_inspect_outcomes(struct qf_inspection *in, struct qf_slice decision,
                         void (*each)(void *arg, struct qf_slice outcome), void *arg);
/* Whether a rule cites exactly this clause; true where there is nothing to look into. */
bool qf_inspect_cites(struct qf_inspection *in, struct qf_slice clause);
/* scenario.c: steps, and what they name. scenario.yaml is of its shape. */
void qf_inspect_scenario(struct qf_inspection *in);

/* A member of a member of the manifest, or NULL. */
const struct qf_json *qf_inspect_in(const struct qf_json *object, const char *name);
bool qf_inspect_is_role(const struct qf_inspection *in, struct qf_slice role);

#endif
