/* What the commands that work with cases share: a node, a key, the packages of services, and the
 * words that people read. One thread. */
#ifndef QF_CLI_REMOTE_H
#define QF_CLI_REMOTE_H

#include "cli/cli.h"
#include "cli/sender.h"
#include "kernel/service/service.h"

struct qf_remote {
    struct qf_arena arena;
    struct qf_sender *sender;
    struct qf_client *client;
    struct qf_private_key *key; /* signs, also what is read; NULL: only reads */
    struct qf_sender_result answer;
    struct qf_json package; /* of the service that was asked for last */
    struct qf_service_model *model;
    struct qf_slice version;       /* of the case that was asked for */
    const char *lang;              /* "zh" or "en" */
    const struct qf_json *records; /* of a bundle, instead of a node; or NULL */
    const char *revealed;          /* file that was made with what is sent now; or NULL */
    const char *on_behalf; /* mandate by which the key's actor acts for another member; or NULL */
};

/* `key` NULL: only reads. `lang` NULL: by LANG. Release with qf_remote_close in any case. */
QF_MUST_CHECK enum qf_status qf_remote_open(struct qf_remote *out, const char *node,
                                            const char *key, const char *passphrase_file,
                                            const char *lang, struct qf_error *err);
void qf_remote_close(struct qf_remote *remote);
/* Without a node: reads the records of a verified bundle (an array of {"key","value",…}, which must
 * outlive it) instead of asking. Nothing can be sent. */
QF_MUST_CHECK enum qf_status qf_remote_offline(struct qf_remote *out, const struct qf_json *records,
                                               const char *lang, struct qf_error *err);

QF_MUST_CHECK enum qf_status qf_remote_get(struct qf_remote *remote, struct qf_json *out,
                                           struct qf_error *err, const char *fmt, ...)
    QF_PRINTF(4, 5);
/* Signs one op, sends it, and waits for what came of it: remote->answer. */
QF_MUST_CHECK enum qf_status qf_remote_send(struct qf_remote *remote, struct qf_json op,
                                            struct qf_error *err);
/* The same, and prints {"leaf","time","tx",…} or one line that begins with `done`. */
QF_MUST_CHECK enum qf_status qf_remote_act(struct qf_remote *remote, struct qf_json op, bool json,
                                           const char *done, struct qf_error *err);
/* {"actor","member",…} of the key. */
QF_MUST_CHECK enum qf_status qf_remote_whoami(struct qf_remote *remote, struct qf_json *out,
                                              struct qf_error *err);

/* Makes remote->model that of the version on which a decision of the case was made. */
QF_MUST_CHECK enum qf_status qf_remote_decision(struct qf_remote *remote,
                                                const struct qf_json *record, struct qf_error *err);
/* Fetches and compiles the package of a version: remote->package, remote->model. */
QF_MUST_CHECK enum qf_status qf_remote_service(struct qf_remote *remote, struct qf_slice service,
                                               struct qf_slice version, struct qf_error *err);
QF_MUST_CHECK enum qf_status qf_remote_case(struct qf_remote *remote, struct qf_json *out,
                                            const char *id, struct qf_error *err);

/* Words of the service that was fetched last; `key` itself where it has none. */
const char *qf_remote_titles(struct qf_remote *remote, const struct qf_json *titled,
                             struct qf_slice key);
const char *qf_remote_word(struct qf_remote *remote, const char *group, const char *within,
                           struct qf_slice key);
/* What people call a node: its text, else its name in the drawing, else its id; and a decision, by
 * the task that calls it. */
const char *qf_remote_node(struct qf_remote *remote, struct qf_slice node);
const char *qf_remote_decision_name(struct qf_remote *remote, struct qf_slice decision);
const char *qf_remote_role(struct qf_remote *remote, struct qf_slice role);
const char *qf_remote_field(struct qf_remote *remote, struct qf_slice field);
/* "2026-03-02 09:00" in the time of the network. */
const char *qf_remote_time(struct qf_remote *remote, int64_t ms);
/* A time by which something is due: the end of a day is 24:00 of it. */
const char *qf_remote_due(struct qf_remote *remote, int64_t ms);
/* A value for people: yes and no in their language. */
const char *qf_remote_plain(struct qf_remote *remote, const struct qf_json *value);
const char *qf_remote_value(struct qf_remote *remote, const struct qf_json *value);

/* Data of an answer: from a file (NULL: none) and NAME=VALUE texts, of the types of the fields.
 * Sealed fields become commitments; what reveals them is written to `reveal`. Checked as the node
 * will check it, with a form (may be empty). */
struct qf_remote_data {
    const char *file, *reveal;
    const struct qf_json *values; /* an object, or NULL */
    const char *const *sets;
    size_t set_count;
    struct qf_slice form;
};
QF_MUST_CHECK enum qf_status qf_remote_data(struct qf_remote *remote, struct qf_json *out,
                                            const struct qf_remote_data *from,
                                            struct qf_error *err);
/* Values and salts of sealed fields, from files as `reveal` has them: their names, a line each; a
 * later file goes before an earlier one. An empty object when NULL. */
QF_MUST_CHECK enum qf_status qf_remote_revealed(struct qf_remote *remote, struct qf_json *out,
                                                const char *files, struct qf_error *err);
/* Seals a value: it becomes its commitment, and what reveals it is written to the file (NULL: it
 * is only tried, and thrown away). */
QF_MUST_CHECK enum qf_status qf_remote_seal(struct qf_remote *remote, struct qf_json *value,
                                            struct qf_slice name, const char *reveal,
                                            struct qf_error *err);
/* Takes every `--set NAME=VALUE` out of argv. False when one has no "=", or there are too many. */
QF_MUST_CHECK bool qf_remote_take_sets(const char *sets[QF_SERVICE_DATA_MAX], size_t *count,
                                       int *argc, char **argv);

#endif
