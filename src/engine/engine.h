/* Ordering engines and the application they drive. The interface mirrors ABCI 2.0, so that `solo`
 * (one node orders for itself), `sim` (many nodes in one process, under a seed) and CometBFT drive
 * the same code: check → (prepare, process) → finalize → commit. */
#ifndef QF_ENGINE_ENGINE_H
#define QF_ENGINE_ENGINE_H

#include "kernel/kernel.h"

/* A transaction on its way: decoded once, checked once, handed along by pointer. */
struct qf_pending {
    struct qf_tx tx;
    void *owner; /* whoever submitted it */
};

struct qf_tx_result {
    uint8_t id[QF_HASH_SIZE];
    enum qf_status code;
    struct qf_error problem; /* when refused */
    bool ordered;            /* has a place in the log */
    uint64_t leaf, height;
    uint32_t index;
    int64_t time_ms;
};

struct qf_finalized {
    uint64_t height;
    size_t count;
    const struct qf_tx_result *results; /* until the next finalize */
    uint8_t app_hash[QF_HASH_SIZE];
};

/* What an engine drives. */
struct qf_app {
    /* Before ordering, any thread: QF_OK lets it in. */
    enum qf_status (*check)(void *self, struct qf_tx *tx, int64_t now_ms, struct qf_error *err);
    /* Chooses and orders what a proposer puts into a block: returns how many of `txs` fit. */
    size_t (*prepare)(void *self, struct qf_tx *const *txs, size_t count);
    /* Whether a proposed block is acceptable. */
    bool (*process)(void *self, struct qf_tx *const *txs, size_t count);
    /* Applies a block; persists nothing. */
    enum qf_status (*finalize)(void *self, int64_t time_ms, struct qf_tx *const *txs, size_t count,
                               struct qf_finalized *out);
    /* When, after the blocks finalized so far, a block is wanted though nobody sends anything;
     * INT64_MAX: never. A block without transactions before that time is none: its height is that
     * of the block before. */
    int64_t (*due)(void *self);
    /* Makes the finalized blocks durable in one step. */
    enum qf_status (*commit)(void *self);
    void *self;
};

#endif
