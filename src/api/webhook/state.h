/* Where a webhook stands: the next event to deliver, how the last attempt went, whether it is
 * disabled; and the file that keeps it over restarts and crashes.
 *
 * The file is written whole beside the old one, synced, and renamed. A crash leaves the old or the
 * new one, so events since the older one are delivered again: at least once, in order.
 *
 *            delivered                       failed
 *          ┌───────────┐                 ┌────────────┐
 *          ▼           │     failed      ▼            │
 *        delivering ───┴──────────────► waiting ──────┤
 *          ▲   ▲          delivered       │           │ the receiver said 410; every attempt of
 *          │   └──────────────────────────┘           │ QF_WEBHOOK_GIVE_UP_MS failed
 *          └──────────────────────────────────── disabled
 *               qf_webhook_state_enable
 *
 * Threads: a state belongs to one at a time. */
#ifndef QF_API_WEBHOOK_STATE_H
#define QF_API_WEBHOOK_STATE_H

#include "base/buf.h"
#include "base/io.h"
#include "base/limits.h"

enum qf_webhook_stop {
    QF_WEBHOOK_RUNS,
    QF_WEBHOOK_GONE,    /* the receiver answered 410 */
    QF_WEBHOOK_FAILING, /* nothing was taken for QF_WEBHOOK_GIVE_UP_MS */
    QF_WEBHOOK_AHEAD,   /* the log is shorter than what was delivered: an older backup */
    QF_WEBHOOK_LOST,    /* the file cannot be read */
};
#define QF_WEBHOOK_STOPS 5

/* "gone"; and what it means, as a sentence part. QF_WEBHOOK_RUNS: "". */
const char *qf_webhook_stop_name(enum qf_webhook_stop stop);
const char *qf_webhook_stop_meaning(enum qf_webhook_stop stop);

#define QF_WEBHOOK_REASON_SIZE 160

struct qf_webhook_state {
    uint64_t leaf; /* the next event: entry of the log, and op of it */
    uint32_t op;
    uint64_t log_size; /* when it was saved */
    enum qf_webhook_stop stop;
    uint32_t failures;        /* in a row */
    int64_t failing_since_ms; /* of the first of them; times are those of the wall clock */
    int64_t last_ms;          /* of the last attempt; 0: there was none */
    int32_t last_status;      /* HTTP; 0: no answer came */
    int64_t next_ms;          /* not before then */
    char reason[QF_WEBHOOK_REASON_SIZE]; /* why the last attempt failed; empty: it did not */
};

/* An attempt and what came of it. */
struct qf_webhook_attempt {
    int64_t now_ms;
    int32_t status; /* HTTP; 0: no answer came */
    int64_t retry_after_ms;
    const char *reason;
    uint32_t random; /* for the jitter */
};

/* The event was taken; the next one is at `leaf` and `op`. */
void qf_webhook_state_delivered(struct qf_webhook_state *state,
                                const struct qf_webhook_attempt *attempt, uint64_t leaf,
                                uint32_t op);
/* It was not: it is tried again later, or the webhook is disabled. */
void qf_webhook_state_failed(struct qf_webhook_state *state,
                             const struct qf_webhook_attempt *attempt);
/* How long to wait after so many failures in a row: doubling from QF_WEBHOOK_RETRY_MS_MIN to
 * QF_WEBHOOK_RETRY_MS_MAX, of which the second half is left to chance. */
int64_t qf_webhook_backoff_ms(uint32_t failures, uint32_t random);

void qf_webhook_state_enable(struct qf_webhook_state *state);

/* Canonical JSON, as in the file. Decoding: QF_MALFORMED, QF_BAD_FIELD. */
void qf_webhook_state_encode(struct qf_buf *out, const struct qf_webhook_state *state);
QF_MUST_CHECK enum qf_status qf_webhook_state_decode(struct qf_webhook_state *out,
                                                     struct qf_slice text, struct qf_error *err);

/* In the folder of `fs`. Reading: QF_NOT_FOUND when there is no file. */
QF_MUST_CHECK enum qf_status qf_webhook_state_load(struct qf_webhook_state *out,
                                                   const struct qf_fs *fs, const char *id,
                                                   struct qf_error *err);
QF_MUST_CHECK enum qf_status qf_webhook_state_save(const struct qf_webhook_state *state,
                                                   const struct qf_fs *fs, const char *id);

/* What an operator asks of the webhook: a file beside the state, which the node takes up within
 * QF_WEBHOOK_POLL_MS, or when it starts. */
struct qf_webhook_request {
    bool moves;    /* go on from another position: */
    bool to_end;   /* the log's end, or */
    uint64_t leaf; /* this entry */
};
void qf_webhook_request_encode(struct qf_buf *out, const struct qf_webhook_request *request);
QF_MUST_CHECK enum qf_status qf_webhook_request_decode(struct qf_webhook_request *out,
                                                       struct qf_slice text, struct qf_error *err);
QF_MUST_CHECK enum qf_status qf_webhook_request_load(struct qf_webhook_request *out,
                                                     const struct qf_fs *fs, const char *id,
                                                     struct qf_error *err);
QF_MUST_CHECK enum qf_status qf_webhook_request_save(const struct qf_webhook_request *request,
                                                     const struct qf_fs *fs, const char *id);
QF_MUST_CHECK enum qf_status qf_webhook_request_remove(const struct qf_fs *fs, const char *id);
/* Whether one is waiting. */
QF_MUST_CHECK bool qf_webhook_request_waits(const struct qf_fs *fs, const char *id);

#endif
