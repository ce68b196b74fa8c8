/* The time-stamps of a data directory, as commands see them. */
#ifndef QF_CLI_STAMPS_H
#define QF_CLI_STAMPS_H

#include "cli/roots.h"
#include "node/config.h"
#include "store/stamps.h"

struct qf_cli_stamps {
    struct qf_arena arena;
    struct qf_config config;
    struct qf_fs log; /* self NULL: not open */
    struct qf_stamps *stamps;
    struct qf_cli_roots roots; /* --tsa-ca, else those of node.yaml; perhaps none */
};

/* Of the data directory; `tsa_ca` may be NULL. Close it also after a failure. */
QF_MUST_CHECK enum qf_status qf_cli_stamps_open(struct qf_cli_stamps *out, const char *dir,
                                                const char *tsa_ca, struct qf_error *err);
void qf_cli_stamps_close(struct qf_cli_stamps *stamps);

#endif
