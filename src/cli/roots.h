/* Roots of time-stamp authorities that a reader gives. */
#ifndef QF_CLI_ROOTS_H
#define QF_CLI_ROOTS_H

#include "crypto/x509.h"
#include "timestamp/stamp.h"

struct qf_cli_roots {
    struct qf_x509 *certificates[QF_CERT_CHAIN_MAX];
    size_t count;
};

/* Every certificate of a PEM file; `path` NULL: none. */
QF_MUST_CHECK enum qf_status qf_cli_roots_load(struct qf_cli_roots *out, const char *path,
                                               struct qf_error *err);
void qf_cli_roots_free(struct qf_cli_roots *roots);
/* With them, now. */
struct qf_stamp_trust qf_cli_roots_trust(const struct qf_cli_roots *roots);

/* "2026-11-21 21:40:25.640 UTC" */
void qf_cli_time_text(char out[64], int64_t time_ms);

#endif
