/* The simulation engine: several replicas in one process, under a seed and a virtual clock.
 *
 *   source ──proposes──▶ order ──messages: delayed, reordered, doubled, lost──▶ replica
 *                          ▲                                                       │
 *                          └──────────── asks again for what it misses ────────────┘
 *
 * The source makes blocks through prepare and process of some replica that is up; their order is
 * never lost. A replica takes the next block it misses: process, finalize, and commit at once or
 * with later ones. Replicas end at random moments, also in the middle of a call when the world
 * makes one fail, and start again from what they made durable. All must agree on every result and
 * every app hash, must never forget a committed block, and must all reach the last one.
 *
 * Everything is decided by the seed. One thread. Limits: QF_SIM_REPLICAS_MAX, QF_SIM_BLOCKS_MAX. */
#ifndef QF_ENGINE_SIM_SIM_H
#define QF_ENGINE_SIM_SIM_H

#include "engine/engine.h"

#define QF_SIM_REPLICAS_MAX 7
#define QF_SIM_BLOCKS_MAX 1000
#define QF_SIM_BLOCK_TXS_MAX 64

/* What is simulated. */
struct qf_sim_world {
    /* Starts a replica from what it has: its app, and the height and app hash it stands at.
     * QF_UNAVAILABLE: it failed as the world wanted it to; anything else not QF_OK is a bug. */
    enum qf_status (*start)(void *self, unsigned replica, struct qf_app *app, uint64_t *height,
                            uint8_t app_hash[QF_HASH_SIZE]);
    /* Ends it without a word. */
    void (*crash)(void *self, unsigned replica);
    /* Housekeeping between blocks; a failure is a crash. */
    enum qf_status (*idle)(void *self, unsigned replica);
    /* The next transaction that somebody sends; the text lives as long as the simulation. */
    struct qf_slice (*next)(void *self, int64_t now_ms);
    const struct qf_tx_rules *rules;
    void *self;
};

struct qf_sim_options {
    uint64_t seed;
    unsigned replicas, blocks;
    int64_t start_ms; /* of the virtual clock */
};

struct qf_sim_report {
    uint64_t txs, accepted, crashes, lost, doubled, late; /* late: out of order */
    uint64_t time_blocks;                                 /* without transactions */
    uint64_t codes[QF_STATUS_REFUSAL_MAX + 1];
    uint8_t app_hash[QF_HASH_SIZE];
};

/* QF_OK; QF_INVARIANT with what went wrong, where and when. */
QF_MUST_CHECK enum qf_status qf_sim_run(const struct qf_sim_world *world,
                                        const struct qf_sim_options *options,
                                        struct qf_sim_report *out, struct qf_error *err);

#endif
