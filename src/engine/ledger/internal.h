/* Parts of the ledger shared between its files; see ledger.h for the course of a block. */
#ifndef QF_ENGINE_LEDGER_INTERNAL_H
#define QF_ENGINE_LEDGER_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "engine/ledger/ledger.h"
#include "store/journal.h"

#define HEADS_KEPT 4096   /* heads of recent blocks, for proofs of one moment */
#define KEYS_CACHED 16384 /* keys of signers known to be good in the present epoch */
#define TIMES_KEPT 128    /* samples of (time, log size), one a minute */

/* A signer's key as the check before ordering found it; good while `epoch` is the ledger's. */
struct cached_key {
    char kid[QF_KID_SIZE + 1];
    uint64_t epoch;
    struct qf_public_key key;
};

struct time_sample {
    int64_t time_ms;
    uint64_t size;
};

/* Flat storage of one block, filled by finalize, freed by commit. */
struct qf_ledger_block {
    struct qf_ledger_head head;
    uint64_t first_leaf;
    size_t count;
    struct qf_buf bytes; /* entries one after another */
    struct qf_slice *entries;
    uint8_t (*leaf_hashes)[QF_HASH_SIZE];
    uint8_t (*sm3_hashes)[QF_HASH_SIZE]; /* NULL in suite intl */
};

struct qf_ledger {
    struct qf_ledger_options options;
    struct qf_arena arena; /* what lives as long as the ledger */
    struct qf_slice genesis;
    struct qf_tx_rules rules;
    bool sm3;

    struct qf_fs root_fs; /* posix, when none was given */
    struct qf_fs log_fs;
    struct qf_state *state;
    struct qf_tiles *tiles;
    struct qf_journal *journal;

    /* Sequencer, under apply_lock (the keeper takes it to set state apart between blocks). */
    pthread_mutex_t apply_lock;
    struct qf_kernel *kernel;
    struct qf_log_tree tree;
    struct qf_log_tree sm3_tree;
    struct qf_ledger_head applied;
    struct qf_index_entry *index; /* of the block at hand; grows, reused */
    size_t index_count, index_capacity;
    struct qf_state_change *changes;
    size_t change_capacity;
    struct time_sample times[TIMES_KEPT];
    size_t time_count;

    /* What is durable. */
    pthread_mutex_t head_lock;
    struct qf_ledger_head durable;
    struct qf_ledger_head heads[HEADS_KEPT]; /* [height % HEADS_KEPT] */
    void (*on_commit)(void *arg, const struct qf_ledger_head *head);
    void *on_commit_arg;

    /* Keeper. */
    bool frozen;
    struct qf_ledger_head frozen_head;
    struct qf_ledger_head kept; /* what LMDB holds */
    uint64_t published_size;    /* of the checkpoint in the folder; UINT64_MAX: none yet */
    unsigned published_lines;   /* its cosignatures */
    _Atomic uint64_t kept_size; /* kept.size, for qf_ledger_behind */
    int64_t rounds_since_flush;
    int64_t rounds_since_publish; /* that found the log longer than what is published */

    _Atomic int64_t due_ms; /* qf_kernel_due after the last block */
    atomic_int halted;      /* an enum qf_status */
    struct qf_error halt_reason;

    pthread_rwlock_t key_lock;
    struct cached_key *keys;
    _Atomic uint64_t epoch; /* changes whenever keys or standings change */
    uint64_t replayed;
};

/* Remembers a head as durable. */
void qf_ledger_remember(struct qf_ledger *ledger, const struct qf_ledger_head *head);

/* Stops the ledger; the first reason stays. Returns `status`. */
enum qf_status qf_ledger_halt(struct qf_ledger *ledger, enum qf_status status, const char *doing);

/* Sequencer's parts: one block through kernel, state and tree. When `codes` is given (a replay)
 * each result must equal it. */
enum qf_status qf_ledger_apply(struct qf_ledger *ledger, int64_t time_ms, struct qf_tx *const *txs,
                               size_t count, const int64_t *codes,
                               struct qf_tx_result *const *results, struct qf_ledger_block **out);
void qf_ledger_block_free(struct qf_ledger_block *block);

/* Reader of the sequencer (not copied, valid until the next install). */
void qf_ledger_reader(struct qf_ledger *ledger, struct qf_state_reader *out);

/* One block that was written before, from the journal or the tiles; `arg` is a qf_ledger_replay. */
struct qf_ledger_replay {
    struct qf_ledger *ledger;
    struct qf_error *err;
    const char *from; /* "journal" or "log" */
    bool in_tiles;    /* its entries stand in the tiles already */
};
enum qf_status qf_ledger_replay_block(void *arg, const struct qf_journal_block *record);

/* Applies what the tiles have and neither LMDB nor the journal does, and leaves ledger->tiles open
 * at the size that was reached. QF_CORRUPT when something that was promised is nowhere. */
enum qf_status qf_ledger_catch_up(struct qf_ledger *ledger, const struct qf_tiles_options *options,
                                  struct qf_error *err);

/* Writes the state as it is to LMDB; every entry of it must stand in durable tiles. */
enum qf_status qf_ledger_flush_state(struct qf_ledger *ledger);

#endif
