/* The demonstration's service: deployed on the demonstration's network, with cases in the work
 * lists. */
#ifndef QF_CLI_DEMO_SERVICE_H
#define QF_CLI_DEMO_SERVICE_H

#include "cli/cli.h"

/* Deploys the service folder `services`, brings in the actors of its scenarios with keys in
 * DIR/clerks, and plays the beginning of each scenario, each a step further than the one before, so
 * that there is something to do. Does nothing where the service is there already. */
QF_MUST_CHECK enum qf_status qf_demo_service(const char *dir, const char *url, const char *services,
                                             uint32_t *cases, struct qf_error *err);

#endif
