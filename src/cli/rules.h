/* `qifeng rules check|eval|tck`: decisions from the command line (spec/cli.md). Exit status: 0
 * done, 1 refused or failed, 2 wrong usage, 3 the environment failed. */
#ifndef QF_CLI_RULES_H
#define QF_CLI_RULES_H

#include "dmn/dmn.h"

int qf_cmd_rules(int argc, char **argv);

/* Runs the tests of the public kit's form below `folder`; prints one line for each folder with
 * failures, and at the end "N passed, N failed". Gives the exit status. `results` may name a file
 * for all results as XML. */
int qf_rules_tck(const char *folder, const char *results, bool verbose);

/* Stands in for the few Java methods that the public kit calls (qf_feel_world.external), computed
 * in decimals. For that kit only: nothing on the ledger may call outside. */
bool qf_rules_java(void *self, struct qf_feel_value *out, struct qf_arena *arena,
                   const struct qf_feel_value *definition, const struct qf_feel_value *args,
                   uint32_t count);

#endif
