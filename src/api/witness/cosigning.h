/* Having our own log witnessed (c2sp.org/tlog-witness, the log's side): the newest checkpoint is
 * sent to every configured witness, and what they answer is kept for those who read the log.
 *
 * Each witness has a thread, so that a slow one delays nobody. Rounds keep them together: at most
 * once an interval the head of the log becomes the checkpoint that all are asked to cosign. A
 * witness that has fallen behind or was restored says from where it wants the proof (409), and gets
 * it. One that says that the log contradicts itself (409 for the root, 422), or that has seen more
 * of the log than there is, is not an error of transport: it is what witnesses are for, and stands
 * in /v1/health until it is over.
 *
 *   WAITING ──200──▶ GOOD ──200──▶ GOOD         any ──no answer, 429, 5xx──▶ UNREACHABLE
 *   any ──403, 404, 400, bad cosignature──▶ REFUSED
 *   any ──409 with a size above the log's──▶ AHEAD      any ──409 for the root, 422──▶ FORKED
 *   all of them ──200──▶ GOOD: it is tried again, later each time, up to a minute
 *
 * On disk `cosigned.note`: the newest checkpoint with the wanted number of cosignatures, so that a
 * start has one to show when no witness can be reached.
 *
 * Threads: all functions from any. Limits: QF_WITNESSES_MAX, an answer of 64 KiB. */
#ifndef QF_API_WITNESS_COSIGNING_H
#define QF_API_WITNESS_COSIGNING_H

#include "api/witness/ask.h"
#include "base/io.h"
#include "engine/ledger/ledger.h"

struct qf_cosigning;

struct qf_cosigning_witness {
    const char *url; /* its prefix: /add-checkpoint is appended */
    struct qf_ask_tls tls;
    struct qf_note_key key; /* QF_NOTE_COSIGNATURE */
};

struct qf_cosigning_options {
    struct qf_ledger *ledger;
    struct qf_note_signer signer; /* whose cosigner is not looked at */
    const struct qf_fs *fs;       /* folder of cosigned.note; used only here and by a qf_witness */
    const struct qf_cosigning_witness *witnesses;
    size_t witness_count;
    unsigned quorum;      /* cosignatures that a published checkpoint needs; 0: none */
    unsigned interval_ms; /* between rounds, at least */
    struct qf_verifier *verifier;
    struct qf_clock clock;
}; /* all borrowed */

QF_MUST_CHECK enum qf_status qf_cosigning_start(struct qf_cosigning **out,
                                                const struct qf_cosigning_options *options,
                                                struct qf_error *err);
/* Gives up what is under way. NULL is allowed. */
void qf_cosigning_stop(struct qf_cosigning *cosigning);

/* For qf_note_signer: valid until the stop. */
const struct qf_cosigner *qf_cosigning_cosigner(struct qf_cosigning *cosigning);

enum qf_cosigning_state {
    QF_COSIGNING_WAITING, /* nothing was asked yet */
    QF_COSIGNING_GOOD,
    QF_COSIGNING_UNREACHABLE,
    QF_COSIGNING_REFUSED,
    QF_COSIGNING_AHEAD,
    QF_COSIGNING_FORKED,
};
const char *qf_cosigning_state_name(enum qf_cosigning_state state);

struct qf_cosigning_report { /* on one witness */
    struct qf_slice name;
    const char *url;
    enum qf_cosigning_state state;
    unsigned failures;        /* since the last cosignature */
    uint64_t size;            /* of the last checkpoint that it cosigned; 0: none */
    int64_t time_s;           /* of that cosignature */
    uint64_t asked, cosigned; /* since the start */
    char detail[240];         /* for people, when the state is not good */
};
size_t qf_cosigning_count(const struct qf_cosigning *cosigning);
void qf_cosigning_report(struct qf_cosigning *cosigning, size_t which,
                         struct qf_cosigning_report *out);

struct qf_cosigning_summary {
    unsigned quorum;
    uint64_t size;  /* of the newest checkpoint with max(quorum, 1) cosignatures; 0: none */
    unsigned count; /* its cosignatures */
    int64_t time_s; /* of the newest of them */
};
void qf_cosigning_summary(struct qf_cosigning *cosigning, struct qf_cosigning_summary *out);

#endif
