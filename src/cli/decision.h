/* qifeng decision: recording a sealed decision, and making recorded ones again. */
#ifndef QF_CLI_DECISION_H
#define QF_CLI_DECISION_H

#include "cli/case_work.h"

struct qf_decision_request {
    const char *node, *key, *passphrase_file, *inputs, *decision, *reveal, *lang, *on_behalf;
    const char *bundle, *trust, *log_keys;
    bool json, dry, all;
};

/* Decides what the task CASE/TASK waits for with the values in the files of `inputs`, and records
 * it; `dry`: only shows what would be. QF_CANNOT_TELL where values are missing. */
QF_MUST_CHECK enum qf_status qf_decision_record(struct qf_remote *remote,
                                                const struct qf_decision_request *request,
                                                const char *ref, struct qf_error *err);

/* Makes a decision of the case again and prints what came out. QF_INVALID, told already: it is
 * different. */
QF_MUST_CHECK enum qf_status qf_decision_replay(struct qf_remote *remote,
                                                const struct qf_decision_request *request,
                                                const char *id, struct qf_error *err);
/* The same from request->bundle; `id` may be NULL. */
enum qf_exit qf_decision_replay_file(const struct qf_decision_request *request, const char *id);

#endif
