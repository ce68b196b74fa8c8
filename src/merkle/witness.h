/* Witnessing a log (c2sp.org/tlog-witness): the body of POST /add-checkpoint, what a witness
 * answers to it, and what the log does with the answer. Pure computation: the HTTP side reads what
 * it remembers of the log, asks here, stores the new state, and only then answers. Reading and
 * storing must be one atomic step for a log, or two requests can take its memory back.
 *
 * Limits: 63 hashes, QF_NOTE_SIZE_MAX for the checkpoint, QF_NOTE_SIGNATURES_MAX. */
#ifndef QF_MERKLE_WITNESS_H
#define QF_MERKLE_WITNESS_H

#include "merkle/log_tree.h"
#include "merkle/note.h"

/* A body is never longer than this. */
#define QF_WITNESS_REQUEST_SIZE_MAX (QF_NOTE_SIZE_MAX + 64 * 64)
/* Content type of the body of 409. */
#define QF_WITNESS_SIZE_TYPE "text/x.tlog.size"

struct qf_witness_request {
    uint64_t old_size;
    struct qf_log_proof proof;       /* from old_size to checkpoint.size */
    struct qf_slice checkpoint_note; /* the checkpoint as it was sent, with its signatures */
    struct qf_note note;
    struct qf_checkpoint checkpoint;
};

/* Appends the body. `note` is a whole checkpoint with its signatures. The proof from size 0 is
 * empty. */
void qf_witness_request_put(struct qf_buf *buf, uint64_t old_size, const struct qf_log_proof *proof,
                            struct qf_slice note);
/* Slices of `out` point into `body`, signatures are in the arena. A failure is answered with
 * QF_WITNESS_MALFORMED. */
QF_MUST_CHECK enum qf_status qf_witness_request_parse(struct qf_arena *arena,
                                                      struct qf_witness_request *out,
                                                      struct qf_slice body, struct qf_error *err);

/* What a witness remembers of a log: the newest checkpoint it cosigned; size 0 before the first. */
struct qf_witness_state {
    uint64_t size;
    uint8_t root[QF_HASH_SIZE]; /* not read when size is 0 */
};

/* A log that a witness is configured with. */
struct qf_witness_log {
    struct qf_slice origin;
    const struct qf_note_key *keys; /* trusted for this origin; Ed25519 */
    size_t key_count;
    struct qf_witness_state state;
};

/* The answers are the HTTP status codes of the protocol. */
enum qf_witness_answer {
    QF_WITNESS_COSIGN = 200,       /* body: cosignature lines over request.note.text */
    QF_WITNESS_MALFORMED = 400,    /* the body's form, or old size above the checkpoint's size */
    QF_WITNESS_UNTRUSTED = 403,    /* no good signature by a key that is trusted for the log */
    QF_WITNESS_UNKNOWN_LOG = 404,  /* no log of this origin is configured */
    QF_WITNESS_CONFLICT = 409,     /* body: state.size and a newline, type QF_WITNESS_SIZE_TYPE */
    QF_WITNESS_INCONSISTENT = 422, /* the proof does not show that the log only grew */
};

/* Decides. `log` is the one whose origin is request->checkpoint.origin, or NULL when there is none.
 * With QF_WITNESS_COSIGN, and only then, `*next` is set, the state to store before answering;
 * otherwise `err` says why. */
QF_MUST_CHECK enum qf_witness_answer qf_witness_decide(struct qf_witness_state *next,
                                                       const struct qf_witness_log *log,
                                                       const struct qf_witness_request *request,
                                                       struct qf_verifier *verifier,
                                                       struct qf_error *err);

/* The log's side of 200: from the answer's lines appends to `line` the cosignature by `key` over
 * `text` (the note text that was sent) if it is there and good; lines of other keys are ignored.
 * QF_NOT_FOUND: none by this key; QF_BAD_SIGNATURE; QF_MALFORMED: not signature lines. */
QF_MUST_CHECK enum qf_status
qf_witness_take_cosignature(struct qf_buf *line, uint64_t *time_s, struct qf_slice text,
                            struct qf_slice answer, const struct qf_note_key *key,
                            struct qf_verifier *verifier, struct qf_error *err);
/* The log's side of 409: the size from which the witness wants the proof. */
QF_MUST_CHECK bool qf_witness_size_parse(uint64_t *size, struct qf_slice body);

#endif
