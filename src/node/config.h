/* node.yaml: the settings of a node (docs/OPERATIONS.md). Read strictly: an unknown field, a value
 * of the wrong form or an impossible combination is refused with its line and what to write
 * instead. Relative paths are from the data directory and come out with it in front. */
#ifndef QF_NODE_CONFIG_H
#define QF_NODE_CONFIG_H

#include "api/webhook/webhook.h"
#include "base/arena.h"
#include "base/limits.h"
#include "merkle/note.h"

enum qf_config_clients {
    QF_CLIENTS_ANY,      /* no client certificate is asked for */
    QF_CLIENTS_OPTIONAL, /* asked for; one that is shown must be good */
    QF_CLIENTS_REQUIRED,
};

struct qf_config_tls {
    const char *certificate; /* PEM file, leaf first; NULL: plain HTTP */
    const char *key;
    enum qf_config_clients clients;
    const char *client_roots; /* PEM file; NULL: the members' certification authorities */
};

struct qf_config_api {
    bool members_only; /* read: members */
    const char *url;   /* without a slash at its end; NULL: as clients say */
};

struct qf_config_tsa { /* key NULL: no time-stamps are issued */
    const char *key;
    const char *certificate;
    const char *chain;
    const char *actor_key; /* of an actor on the ledger who records what is issued */
};

struct qf_config_stamps { /* tsa NULL: the log is not time-stamped */
    const char *tsa;      /* URL of an authority, or "own" */
    const char *ca;       /* PEM file of its roots; NULL with own: tsa.chain */
    const char *policy;   /* dotted OID that tokens must have; NULL: any */
    const char *roots, *certificate, *certificate_key; /* TLS, as for a witness */
    int64_t every_ms;                                  /* between stamps */
    int64_t renew_ms;                                  /* before their end */
};

struct qf_config_witness {                     /* somebody who witnesses our log */
    const char *url;                           /* its prefix: /add-checkpoint is appended */
    const char *roots;                         /* PEM, for https; NULL: the system's */
    const char *certificate, *certificate_key; /* PEM, shown to it; NULL: none */
    struct qf_note_key key;
};

struct qf_config_log { /* a log that we witness */
    struct qf_slice origin;
    struct qf_note_key key;
};

struct qf_config {
    const char *listen;
    const char *note_key;
    struct qf_config_tls tls;
    struct qf_config_api api;
    struct qf_config_tsa tsa;
    struct qf_config_stamps stamps;
    unsigned key_rate, key_burst; /* transactions */
    unsigned key_kib;             /* a second */
    unsigned verifier_cache_mib;  /* for the tables of known keys */
    const char **introductions;   /* bundles of members, oldest first */
    size_t introduction_count;
    const char **archives;
    size_t archive_count;
    struct qf_config_witness *witnesses;
    size_t witness_count;
    unsigned witness_quorum;      /* cosignatures that a published checkpoint needs */
    unsigned witness_interval_ms; /* between the checkpoints that they are asked to cosign */
    const char *witness_key;      /* key with which this node witnesses others; NULL: it does not */
    const char *witness_name;
    struct qf_config_log *logs;
    size_t log_count;
    struct qf_webhook_options *webhooks;
    size_t webhook_count;
};

/* Reads `dir`/node.yaml; everything lives in the arena. A missing file gives the defaults. QF_IO;
 * QF_MALFORMED, QF_BAD_FIELD, QF_OVER_LIMIT with err->field "node.yaml line N". */
QF_MUST_CHECK enum qf_status qf_config_load(struct qf_arena *arena, struct qf_config *out,
                                            const char *dir, struct qf_error *err);
/* The same from text. */
QF_MUST_CHECK enum qf_status qf_config_parse(struct qf_arena *arena, struct qf_config *out,
                                             const char *dir, struct qf_slice text,
                                             struct qf_error *err);

/* A whole file into the arena, with a NUL behind it. QF_IO, QF_OVER_LIMIT. */
QF_MUST_CHECK enum qf_status qf_config_read_file(struct qf_arena *arena, struct qf_slice *out,
                                                 const char *path, size_t size_max,
                                                 struct qf_error *err);

#endif
