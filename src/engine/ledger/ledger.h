/* The ledger: the application that an ordering engine drives. It joins kernel, log, state and
 * store, and knows nothing of who orders or who asks.
 *
 * A block's way, and the threads that walk it:
 *
 *   sequencer   qf_ledger_finalize   kernel → state in memory → log tree → journal (written)
 *   syncer      qf_ledger_commit     journal (synced) → tiles in memory → now it is acknowledged
 *   keeper      qf_ledger_keep       tiles on disk → state on disk → published checkpoint → trim
 *
 * Invariants:
 *   1. Nothing is acknowledged, published or proved before its block is synced in the journal.
 *   2. What LMDB holds is the state after a block that is synced, and the tiles on disk hold every
 *      entry of it: a start reads both and applies the blocks after it from the journal again.
 *   3. Log, state and checkpoint of one height come from one finalize and are never mixed.
 *
 * finalize and commit may overlap (one block is written while the one before is synced). Readers
 * may run in any thread. After a failure to write or sync the ledger is halted: it answers reads of
 * what is durable and takes no more blocks until it is opened again. */
#ifndef QF_ENGINE_LEDGER_LEDGER_H
#define QF_ENGINE_LEDGER_LEDGER_H

#include "engine/engine.h"
#include "merkle/note.h"
#include "store/state.h"
#include "store/tiles.h"

struct qf_ledger;
struct qf_stamps;
struct qf_introductions;

struct qf_ledger_options {
    const char *dir;              /* data directory; holds genesis.json, log/, journal/, state/ */
    struct qf_verifier *verifier; /* borrowed */
    const struct qf_fs *fs; /* file system of `dir` for journal and log; NULL: the machine's */
    const struct qf_fs *archives; /* folders that full tiles may have been moved to */
    size_t archive_count;
    bool no_sync;             /* state without sync; for simulations and tests */
    size_t segment_size;      /* of the journal, as qf_journal_open_sized takes it; 0: default */
    bool keep_refused_intake; /* log transactions that a gateway would have turned away; true where
                                 somebody else proposes blocks */
};

QF_MUST_CHECK enum qf_status qf_ledger_open(struct qf_ledger **out,
                                            const struct qf_ledger_options *options,
                                            struct qf_error *err);
/* Writes what is durable to its place, so that the next start has nothing to apply again. */
void qf_ledger_close(struct qf_ledger *ledger);
/* Lets go without writing, as a crash would. */
void qf_ledger_abandon(struct qf_ledger *ledger);

/* Constant after open. */
struct qf_slice qf_ledger_network(const struct qf_ledger *ledger);
enum qf_suite qf_ledger_suite(const struct qf_ledger *ledger);
struct qf_slice qf_ledger_genesis(const struct qf_ledger *ledger); /* bytes of genesis.json */
const struct qf_tx_rules *qf_ledger_tx_rules(const struct qf_ledger *ledger);
uint64_t
qf_ledger_replayed(const struct qf_ledger *ledger); /* transactions applied again at open */

/* ---- before ordering: any thread ---- */

/* Decides for each decoded transaction whether it is let in: network time, key, member, signature
 * (all of a call are checked together). codes[i] is QF_OK or the refusal, problems[i] says why.
 * Sets tx->signature. */
void qf_ledger_check(struct qf_ledger *ledger, struct qf_tx *txs, size_t count, int64_t now_ms,
                     struct qf_error *problems);

/* ---- the sequencer ---- */

struct qf_ledger_block; /* finalized, not yet durable */

/* When a block should be made though nobody sends anything, since something falls due; it may turn
 * out to be too early, but then it is later the next time. INT64_MAX: never. */
int64_t qf_ledger_due(struct qf_ledger *ledger);

/* Applies transactions, if any, as the next block. results[i] answers txs[i]. *out is NULL when
 * none of them was fit to be ordered and nothing fell due. A failure (not a refusal) halts the
 * ledger. */
QF_MUST_CHECK enum qf_status qf_ledger_finalize(struct qf_ledger *ledger, int64_t time_ms,
                                                struct qf_tx *const *txs, size_t count,
                                                struct qf_tx_result *const *results,
                                                struct qf_ledger_block **out);

/* Whether the keeper is so far behind that the sequencer should wait. */
bool qf_ledger_behind(struct qf_ledger *ledger);

/* ---- the syncer ---- */

/* Makes the blocks durable, in order and in one sync, then visible; frees them. */
QF_MUST_CHECK enum qf_status qf_ledger_commit(struct qf_ledger *ledger,
                                              struct qf_ledger_block **blocks, size_t count);

/* ---- the keeper ---- */

/* Witnesses of the log, as far as publishing needs them (api/witness/cosigning.h). Any thread. */
struct qf_cosigner {
    unsigned quorum; /* cosignatures that a published checkpoint needs; 0: none */
    /* Appends the cosignature lines there are for exactly this text; how many. */
    unsigned (*lines)(void *self, struct qf_buf *out, struct qf_slice text);
    /* Appends the largest checkpoint that at least `count` have cosigned, a whole note.
     * QF_NOT_FOUND when there is none. */
    QF_MUST_CHECK enum qf_status (*note)(void *self, struct qf_buf *out, unsigned count);
    void *self;
};

/* One round of housekeeping; call about every quarter of a second. `signer` (may be NULL) signs the
 * published checkpoint. */
struct qf_note_signer {
    struct qf_slice name;
    const struct qf_private_key *key;   /* Ed25519 */
    const struct qf_cosigner *cosigner; /* NULL: nobody witnesses the log */
    struct qf_stamps *stamps;           /* for proofs; NULL: the log is not time-stamped */
    const struct qf_introductions *introductions; /* of the key; NULL: genesis names it */
};
QF_MUST_CHECK enum qf_status qf_ledger_keep(struct qf_ledger *ledger,
                                            const struct qf_note_signer *signer);
/* Once sequencer, syncer and keeper have ended: brings tiles, state and published checkpoint up to
 * the last block, so that a folder at rest is whole by itself. */
void qf_ledger_settle(struct qf_ledger *ledger, const struct qf_note_signer *signer);

/* ---- readers ---- */

struct qf_ledger_head {
    uint64_t height;
    int64_t time_ms;
    uint64_t size; /* of the log */
    uint8_t root[QF_HASH_SIZE];
    uint8_t sm3_root[QF_HASH_SIZE]; /* suite gm */
    uint8_t state_root[QF_HASH_SIZE];
    uint8_t app_hash[QF_HASH_SIZE];
};
void qf_ledger_head(struct qf_ledger *ledger, struct qf_ledger_head *out); /* durable */
/* The head as of a height among the last few thousand blocks; QF_NOT_FOUND for others. */
QF_MUST_CHECK enum qf_status qf_ledger_head_at(struct qf_ledger *ledger, uint64_t height,
                                               struct qf_ledger_head *out);

struct qf_state *qf_ledger_state(struct qf_ledger *ledger);
struct qf_tiles *qf_ledger_tiles(struct qf_ledger *ledger);

/* A view of the state for the kernel's pure functions, for one thread: values are copied into the
 * arena. */
struct qf_ledger_view {
    struct qf_ledger *ledger;
    struct qf_arena *arena;
    struct qf_buf buf;
    struct qf_state_reader reader;
};
void qf_ledger_view_init(struct qf_ledger_view *view, struct qf_ledger *ledger,
                         struct qf_arena *arena);
void qf_ledger_view_deinit(struct qf_ledger_view *view);

/* Fills a checkpoint from a head. */
void qf_ledger_checkpoint(const struct qf_ledger *ledger, const struct qf_ledger_head *head,
                          struct qf_checkpoint *out);

/* Why the ledger takes no blocks: QF_OK while it does. */
enum qf_status qf_ledger_halted(struct qf_ledger *ledger, struct qf_error *err);

/* Called by the syncer after each commit with the durable head; set before the threads start. */
void qf_ledger_on_commit(struct qf_ledger *ledger,
                         void (*fn)(void *arg, const struct qf_ledger_head *head), void *arg);

/* ---- log entries ---- */

/* A log entry taken apart. */
struct qf_entry {
    int64_t code;
    uint64_t height;
    uint32_t index;
    int64_t time_ms;
    struct qf_slice jws; /* empty: of time alone */
};
/* Strict: the bytes must be the canonical encoding. Points into `bytes`. */
QF_MUST_CHECK enum qf_status qf_entry_decode(struct qf_arena *arena, struct qf_entry *out,
                                             struct qf_slice bytes, struct qf_error *err);
void qf_entry_put(struct qf_buf *buf, const struct qf_entry *entry);

/* H("qf-app-1" ‖ u64 size ‖ log root [‖ SM3 log root] ‖ state root). */
void qf_app_hash(enum qf_suite suite, struct qf_ledger_head *head);

#endif
