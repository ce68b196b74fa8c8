/* Webhooks: the events of the log, posted to whoever the operator lists in node.yaml.
 *
 * Each webhook has a thread of its own that reads the log from its position on, as a subscriber of
 * GET /v1/events does: nothing is queued, so one that is slow costs neither memory nor anybody
 * else's time. Events come in the log's order, at least once; the next one is sent when the one
 * before was taken. The header webhook-id is `<transaction id>-<op>`: the same from every node and
 * at every repeat.
 *
 * Positions stand in the folder webhooks/ of the data directory (state.h). A webhook that is new
 * begins with what comes next, or where node.yaml says.
 *
 * Threads: any; start, stop and free from one. */
#ifndef QF_API_WEBHOOK_WEBHOOK_H
#define QF_API_WEBHOOK_WEBHOOK_H

#include "api/api.h"

struct qf_webhook_options {
    const char *id; /* names its files; A-Z a-z 0-9 . _ - */
    const char *url;
    const char *secret; /* file (sign.h), or NULL */
    const char *key;    /* file of an Ed25519 key, or NULL; one of the two is there */
    const char *roots;  /* PEM of the receiver's roots; NULL: the system's */
    const char *certificate, *certificate_key; /* shown to the receiver, or NULL */
    bool allow_http;                           /* to other computers */
    unsigned timeout_s;
    const struct qf_slice *events; /* types (qf_event_type_matches); none: all */
    size_t event_count;
    const struct qf_slice *members; /* none: all */
    size_t member_count;
    bool from_set; /* a new one begins with entry `from`, else with what comes next */
    uint64_t from;
};

struct qf_webhooks;

struct qf_webhooks_options {
    struct qf_api *api; /* its ledger and feed run */
    const char *dir;    /* the data directory */
    const struct qf_webhook_options *webhooks;
    size_t count;
    struct qf_slice passphrase;     /* of keys */
    void (*tell)(const char *line); /* a webhook was disabled, or goes again; for the node's log */
};

/* Reads secrets, keys and positions, and starts the threads. What `options` points to outlives
 * them, but for the passphrase. QF_IO, QF_FORBIDDEN and others with the file in err->field. With no
 * webhooks *out is NULL, which every function here takes. */
QF_MUST_CHECK enum qf_status qf_webhooks_start(struct qf_webhooks **out,
                                               const struct qf_webhooks_options *options,
                                               struct qf_error *err);
/* Ends the threads, within QF_WEBHOOK_GRACE_MS or little more; positions are saved. After
 * qf_feed_close. What is described below stays. */
void qf_webhooks_stop(struct qf_webhooks *webhooks);
void qf_webhooks_free(struct qf_webhooks *webhooks); /* after stop */

/* For /v1/health: an array with an object for each, and a problem for each that needs somebody. */
struct qf_json qf_webhooks_describe(struct qf_webhooks *webhooks, struct qf_arena *arena,
                                    struct qf_json *problems);
/* For /metrics. */
void qf_webhooks_measure(struct qf_webhooks *webhooks, struct qf_buf *out);

/* The private key of `webhook`, NULL when it has none. Also QF_UNSUPPORTED_ALG. */
QF_MUST_CHECK enum qf_status qf_webhook_load_key(struct qf_private_key **out,
                                                 const struct qf_webhook_options *webhook,
                                                 struct qf_slice passphrase, struct qf_error *err);

/* An event made up for trying out, of type qifeng.webhook.test, sent once. *status is the HTTP
 * status, 0 with the reason when no answer came (QF_NETWORK). */
struct qf_webhook_trial {
    const struct qf_webhook_options *webhook;
    struct qf_slice passphrase;
    const char *network;
    struct qf_clock clock;
    struct qf_random random;
};
QF_MUST_CHECK enum qf_status qf_webhook_try(const struct qf_webhook_trial *trial, int *status,
                                            struct qf_error *err);

#endif
