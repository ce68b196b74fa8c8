/* A witness of other logs (c2sp.org/tlog-witness): what stands behind POST /add-checkpoint. A log
 * sends its newest checkpoint with the proof that it only grew since the last one; the witness
 * remembers the checkpoint, and only then lets its cosignature out. What merkle/witness.h decides
 * is bound here to a memory that outlives the process.
 *
 * Invariants:
 *   1. No cosignature leaves before the checkpoint that it is over is on disk for good.
 *   2. For one log, reading the memory, deciding and writing it is one step, under a lock: of two
 *      racing requests the second is held against what the first has left.
 *   3. A memory that cannot be read, or that nobody of those concerned has signed, stops the start:
 *      a witness that has forgotten would cosign a fork.
 *
 * On disk: a folder with a file `<id>.note` for each log, id being the first 16 bytes of SHA-256 of
 * the origin in hex: the last checkpoint that was cosigned, as a note, with this cosignature and
 * the log's signatures. `<id>.refused` is the newest request that was well signed and yet showed
 * another history: it is kept as evidence and never read.
 *
 * Threads: any. Limits: QF_WITNESS_LOGS_MAX keys in the settings, bodies as merkle/witness.h has
 * them. */
#ifndef QF_API_WITNESS_WITNESS_H
#define QF_API_WITNESS_WITNESS_H

#include "base/io.h"
#include "merkle/witness.h"

struct qf_witness;

/* A key that is trusted for the log of this origin. An origin may have several. */
struct qf_witness_source {
    struct qf_slice origin;
    struct qf_note_key key; /* Ed25519 */
};

struct qf_witness_options {
    const struct qf_fs *fs; /* the folder; used only here */
    struct qf_slice name;
    const struct qf_private_key *key; /* Ed25519 */
    const struct qf_witness_source *sources;
    size_t source_count;
    struct qf_verifier *verifier;
    struct qf_clock clock;
}; /* all borrowed */

/* Reads what is remembered. QF_CORRUPT names the file that cannot be trusted. */
QF_MUST_CHECK enum qf_status qf_witness_new(struct qf_witness **out,
                                            const struct qf_witness_options *options,
                                            struct qf_error *err);
void qf_witness_free(struct qf_witness *witness); /* NULL is allowed */

/* Answers a request. With QF_OK *answer is the HTTP status, and `out` got the body of 200, or that
 * of a 409 which asks for a proof from another size; for every other answer `err` says why and
 * nothing is appended. A failure means that the memory could not be written: nothing was cosigned,
 * and the log may try again. */
QF_MUST_CHECK enum qf_status qf_witness_serve(struct qf_witness *witness, struct qf_buf *out,
                                              enum qf_witness_answer *answer, struct qf_slice body,
                                              struct qf_error *err);

/* This witness's verifier key. */
void qf_witness_key(const struct qf_witness *witness, struct qf_note_key *out);

struct qf_witness_report { /* on one log */
    struct qf_slice origin;
    uint64_t size;     /* last cosigned; 0: never */
    int64_t time_s;    /* of the last cosignature since the start, or of the one remembered */
    uint64_t cosigned; /* cosignatures since the start */
    uint64_t refused;  /* well signed, yet refused with 409 for its root or 422, since the start */
    int64_t refused_s; /* when last; 0: never */
    char refusal[160]; /* why */
};
size_t qf_witness_log_count(const struct qf_witness *witness);
void qf_witness_report(struct qf_witness *witness, size_t which, struct qf_witness_report *out);

#endif
