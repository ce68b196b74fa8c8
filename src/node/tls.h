/* What the HTTP server needs to speak TLS, read from the files that node.yaml names. */
#ifndef QF_NODE_TLS_H
#define QF_NODE_TLS_H

#include "crypto/x509.h"
#include "node/config.h"

struct qf_node_tls {
    const char *certificate; /* PEM; NULL: plain HTTP */
    char *key;               /* PEM, in the clear: never leaves this process */
    const char *ca_names;    /* PEM, or NULL: client certificates are not asked for */
    struct qf_x509 *roots[QF_CERT_CHAIN_MAX];
    size_t root_count;
};

/* Files as `config` says; the key's passphrase may be empty. Certificate and key must be a pair of
 * P-256 keys. `genesis`, parsed, names the members' certification authorities. */
QF_MUST_CHECK enum qf_status qf_node_tls_load(struct qf_node_tls *out, struct qf_arena *arena,
                                              const struct qf_config_tls *config,
                                              const struct qf_json *genesis,
                                              struct qf_slice passphrase, struct qf_error *err);
void qf_node_tls_deinit(struct qf_node_tls *tls); /* clears the key */

#endif
