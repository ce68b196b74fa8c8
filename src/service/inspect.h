/* Whether a service folder is ready to be deployed: everything that is wrong with it, not only the
 * first thing. What a node would refuse is found by the node's own code (kernel/service); beside it
 * stand the lines of YAML and JSON, texts in both languages, clauses of rules, and what is declared
 * but never used. */
#ifndef QF_SERVICE_INSPECT_H
#define QF_SERVICE_INSPECT_H

#include "service/folder.h"

/* Adds all problems; makes folder->package, and folder->model when there are no errors. */
void qf_inspect(struct qf_folder *folder);

#endif
