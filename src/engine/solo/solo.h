/* The embedded engine: one node orders for itself. Whatever has arrived while the block before was
 * being written becomes the next block, so that one sync serves many and nobody waits for a timer.
 *
 *   submitters ──queue──▶ sequencer ──blocks──▶ syncer ──▶ done(submission)
 *                                                 keeper: tiles, state, checkpoint, several times a
 * second
 *
 * A submission is answered as a whole, after every block that holds a part of it is durable. The
 * queue is bounded (QF_QUEUE_TXS_MAX, QF_QUEUE_SIZE_MAX); beyond it qf_solo_submit refuses, and the
 * caller tells its client to come back. */
#ifndef QF_ENGINE_SOLO_SOLO_H
#define QF_ENGINE_SOLO_SOLO_H

#include "base/io.h"
#include "engine/ledger/ledger.h"

struct qf_solo;

/* Decoded and checked transactions that were let in, and where their results go. The memory is the
 * submitter's and must stay until `done` was called, which happens once, from the engine's thread.
 */
struct qf_submission {
    struct qf_tx **txs;
    struct qf_tx_result **results;
    size_t count;
    size_t size; /* bytes of all transactions */
    void (*done)(struct qf_submission *submission);
    void *owner;

    /* The engine's own. */
    struct qf_submission *next;
    size_t taken; /* transactions already in blocks */
};

struct qf_solo_options {
    struct qf_ledger *ledger; /* borrowed */
    struct qf_clock clock;
    struct qf_note_signer signer; /* of the published checkpoint */
};

QF_MUST_CHECK enum qf_status
qf_solo_start(struct qf_solo **out, const struct qf_solo_options *options, struct qf_error *err);
/* Lets no more in, finishes what was submitted, ends the threads. Whoever may still ask is told so;
 * NULL is allowed, once only otherwise. */
void qf_solo_stop(struct qf_solo *solo);
/* When it has stopped and nobody can ask any more. NULL is allowed. */
void qf_solo_free(struct qf_solo *solo);

/* QF_OK: `done` will be called. QF_UNAVAILABLE (queue full, halted, stopping): it will not, and
 * err says when to come back. */
QF_MUST_CHECK enum qf_status qf_solo_submit(struct qf_solo *solo, struct qf_submission *submission,
                                            struct qf_error *err);

struct qf_solo_stats {
    uint64_t blocks, txs, queued_txs, syncs;
};
void qf_solo_stats(struct qf_solo *solo, struct qf_solo_stats *out);

#endif
