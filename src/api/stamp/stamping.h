/* Having the log time-stamped (spec/stamps.md): the published checkpoint is sent to a time-stamp
 * authority while the log grows, and what is kept is stamped again before it ends.
 *
 * One thread, which looks twice a second whether something is due:
 *
 *   WAITING ──stamped──▶ GOOD ──stamped, or nothing new──▶ GOOD
 *   any ──no answer, refused, not to be believed──▶ FAILING: tried again, later each time
 *   FAILING ──stamped──▶ GOOD
 *   GOOD ──a renewal is due, but the authority has no later certificate──▶ ENDING
 *
 * Transactions never wait for it. With the node's own authority a token's hash stands on the ledger
 * before the token is kept, and the entry that holds it does not make another stamp due.
 *
 * Operators ask for one now by the file stamp/request of the log's folder, whose answer is
 * stamp/answer (qifeng stamp now).
 *
 * Threads: all functions from any. Limits: an answer of QF_TIMESTAMP_TOKEN_SIZE_MAX. */
#ifndef QF_API_STAMP_STAMPING_H
#define QF_API_STAMP_STAMPING_H

#include "api/api.h"
#include "api/witness/ask.h"
#include "store/stamps.h"

struct qf_stamping;

#define QF_STAMPING_REQUEST QF_STAMPS_FOLDER "/request"
#define QF_STAMPING_ANSWER QF_STAMPS_FOLDER "/answer"
#define QF_STAMPING_ANSWER_SIZE_MAX 1024

struct qf_stamping_options {
    struct qf_api *api;     /* set up; its engine runs */
    const struct qf_fs *fs; /* the log's folder */
    struct qf_stamps *stamps;
    const char *url; /* of the authority; NULL: the node's own */
    struct qf_ask_tls tls;
    const char *policy; /* that tokens must have; NULL: any */
    const struct qf_x509 *const *roots;
    size_t root_count;
    int64_t own_until_ms;           /* end of the node's own certificate, where url is NULL */
    int64_t every_ms;               /* between stamps */
    int64_t renew_ms;               /* before their end */
    void (*tell)(const char *line); /* it begins to fail, or works again; for the node's log */
};                                  /* all borrowed */

QF_MUST_CHECK enum qf_status qf_stamping_start(struct qf_stamping **out,
                                               const struct qf_stamping_options *options,
                                               struct qf_error *err);
/* Gives up what is under way; before the engine stops. NULL is allowed. */
void qf_stamping_stop(struct qf_stamping *stamping);
void qf_stamping_free(struct qf_stamping *stamping); /* when nobody can ask any more */

enum qf_stamping_state {
    QF_STAMPING_WAITING, /* nothing was stamped yet */
    QF_STAMPING_GOOD,
    QF_STAMPING_FAILING,
    QF_STAMPING_ENDING,
};
const char *qf_stamping_state_name(enum qf_stamping_state state);

struct qf_stamping_report {
    enum qf_stamping_state state;
    unsigned failures; /* in a row */
    uint64_t size;     /* of the newest stamp; 0: none */
    int64_t time_ms;   /* its time */
    int64_t until_ms;  /* the earliest end of what no renewal covers; INT64_MAX: nothing */
    int64_t next_ms;   /* no stamp before then, by the wall clock; 0: as soon as the log grows */
    size_t count, renewals;
    char authority[QF_X509_NAME_SIZE_MAX]; /* of the newest stamp */
    char detail[240];                      /* for people, when the state is not good */
};
void qf_stamping_report(struct qf_stamping *stamping, struct qf_stamping_report *out);

/* ---- health.c ---- */

/* Adds "stamps" when the node has its log stamped, and what is wrong to `problems`. */
void qf_api_stamp_health(struct qf_api *api, struct qf_arena *arena, struct qf_json *object,
                         struct qf_json *problems, uint64_t log_size);
void qf_api_stamp_metrics(struct qf_api *api, struct qf_buf *out);

#endif
