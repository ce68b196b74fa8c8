/* Signs transactions for one network and sends them in lines of QF_SENDER_LINES, for the commands
 * that make many. What a node cannot take just now (rate, full queue, restart) is sent again for up
 * to a minute; what it refuses is reported. One thread. */
#ifndef QF_CLI_SENDER_H
#define QF_CLI_SENDER_H

#include "base/io.h"
#include "cli/client.h"
#include "kernel/tx.h"

#define QF_SENDER_LINES 100
#define QF_SENDER_LINES_MAX 1000

struct qf_sender;

struct qf_sender_result {
    bool accepted;
    enum qf_status code;
    char id[2 * QF_HASH_SIZE + 1]; /* of the transaction */
    int64_t leaf, time_ms;         /* -1: has no place in the log */
    struct qf_error problem;       /* when refused */
};
/* Told once for every transaction, in the order in which they were added; `tag` is the adder's. */
typedef void qf_sender_fn(void *arg, uint64_t tag, const struct qf_sender_result *result);

/* Asks the node which network it serves. `reader` signs what is read (cli/client.h) and must
 * outlive the sender; NULL: as the environment says. */
QF_MUST_CHECK enum qf_status qf_sender_new(struct qf_sender **out, const char *url,
                                           const struct qf_private_key *reader, qf_sender_fn *told,
                                           void *arg, struct qf_error *err);
void qf_sender_free(struct qf_sender *sender);

const struct qf_tx_rules *qf_sender_rules(const struct qf_sender *sender);
/* For reading from the same node. */
struct qf_client *qf_sender_client(struct qf_sender *sender);

/* How many lines a request has from now on: 1 to QF_SENDER_LINES_MAX, instead of QF_SENDER_LINES.
 */
void qf_sender_set_lines(struct qf_sender *sender, size_t lines);

/* Signs `ops` (a canonical array) and sends when enough have come together. */
QF_MUST_CHECK enum qf_status qf_sender_add(struct qf_sender *sender,
                                           const struct qf_private_key *key,
                                           const struct qf_json *ops, uint64_t tag,
                                           struct qf_error *err);
QF_MUST_CHECK enum qf_status qf_sender_flush(struct qf_sender *sender, struct qf_error *err);

/* Reads the JSON at `path` of the node into the arena. *found is false on 404 (the result is then
 * QF_OK); with `found` NULL that is an error as every other. */
QF_MUST_CHECK enum qf_status qf_client_get_json(struct qf_client *client, struct qf_arena *arena,
                                                const char *path, struct qf_json *out, bool *found,
                                                struct qf_error *err);

#endif
