/* The node's time-stamp authority: issuing a token whose hash stands on the ledger first, for
 * POST /tsa and for the stamping of the node's own log. */
#ifndef QF_API_TSA_H
#define QF_API_TSA_H

#include "api/api.h"

/* One token under way. The owner zeroes it, and keeps it until `done` was called. */
struct qf_tsa_issue {
    struct qf_buf response;     /* the TimeStampResp */
    struct qf_tx_result result; /* of the record; code QF_OK: the response may leave */

    struct qf_arena arena; /* what follows is the issue's own */
    struct qf_submission submission;
    struct qf_tx tx;
    struct qf_tx *txs[1];
    struct qf_tx_result *results[1];
    void (*done)(void *owner);
    void *owner;
};

/* QF_OK: `done` will be called once, perhaps before this returns and from the engine's thread.
 * Otherwise it will not, and nothing is recorded; with *answered the response refuses in the form
 * of the protocol. QF_UNAVAILABLE when the node has no authority. */
QF_MUST_CHECK enum qf_status qf_tsa_issue_start(struct qf_tsa_issue *issue, struct qf_api *api,
                                                struct qf_slice request, bool *answered,
                                                struct qf_error *err);
void qf_tsa_issue_deinit(struct qf_tsa_issue *issue);

#endif
