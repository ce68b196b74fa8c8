/* Bringing an event log (XES) onto a ledger: every resource becomes an actor with a key of his own,
 * every event one evidence.record signed by its official, in the order of time (spec/cli.md says
 * which bytes are hashed). Doing it again sends only what is not there yet. */
#ifndef QF_CLI_IMPORT_H
#define QF_CLI_IMPORT_H

#include "codec/json.h"
#include "crypto/key.h"

struct qf_import_options {
    const char *file;      /* XES, or XES packed with gzip */
    const char *name;      /* first part of the ids; NULL: the file's name up to its first dot */
    const char *node;      /* URL */
    const char *keys;      /* folder of the officials' keys; made when absent */
    const char *admin_key; /* key file or pkcs11: URI of an actor with the role admin */
    struct qf_slice passphrase; /* of the key files read and made; empty: plain */
    bool dry_run;               /* print what would be recorded, one JSON object a line */
};

struct qf_import_report {
    uint64_t cases, events, groups, actors, keys_made;
    uint64_t recorded, there_already, refused;
    int64_t milliseconds;
    char first_tx[2 * QF_HASH_SIZE + 1]; /* id of one transaction that was recorded, or "" */
    struct qf_error refusal;             /* the first one */
};

/* QF_OK also when the node refused some: report->refused counts them. */
QF_MUST_CHECK enum qf_status qf_import_xes(const struct qf_import_options *options,
                                           struct qf_import_report *report, struct qf_error *err);

#endif
