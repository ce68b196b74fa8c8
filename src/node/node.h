/* A node: ledger, engine and HTTP server wired together over one data directory. */
#ifndef QF_NODE_NODE_H
#define QF_NODE_NODE_H

#include "api/api.h"

struct qf_node;

struct qf_node_options {
    const char *dir;
    const char *listen;         /* HOST:PORT; NULL: as node.yaml says */
    const char *archive;        /* folder that full tiles were moved to; NULL: none */
    struct qf_slice passphrase; /* of the key files */
    enum qf_verifier_kind verifier;
    unsigned http_threads; /* 0: one a processor */
    bool no_rate_limit;    /* for benchmarks and the demonstration's import */
};

/* Opens the data directory, starts the engine's threads and the server. On return it answers. */
QF_MUST_CHECK enum qf_status
qf_node_start(struct qf_node **out, const struct qf_node_options *options, struct qf_error *err);
/* Finishes what was submitted, writes everything to its place. NULL is allowed. */
void qf_node_stop(struct qf_node *node);

/* "http://127.0.0.1:8700" */
const char *qf_node_url(const struct qf_node *node);
struct qf_ledger *qf_node_ledger(struct qf_node *node);
struct qf_api *qf_node_api(struct qf_node *node);
struct qf_http_server *qf_node_http(struct qf_node *node);

/* Whether the ledger has stopped taking blocks; the process should then end and be started again.
 */
bool qf_node_halted(struct qf_node *node, struct qf_error *err);

#endif
