/* The ledger as an application of an ordering engine that somebody else leads: check, prepare,
 * process, finalize and commit of engine.h. `solo` does not need it, since it overlaps finalize and
 * commit of different blocks; engines that order for several replicas do.
 *
 * A block as the engine has it is a block of the ledger when at least one of its transactions is
 * ordered. With keep_refused_intake every one is, so that the numbers of leaves agree with the
 * engine's.
 *
 * Threads: check from any; prepare and process from any; finalize and commit from one at a time. */
#ifndef QF_ENGINE_LEDGER_APP_H
#define QF_ENGINE_LEDGER_APP_H

#include "engine/ledger/ledger.h"

/* Blocks finalized before a commit. */
#define QF_LEDGER_APP_BLOCKS_MAX 64

struct qf_ledger_app {
    struct qf_ledger *ledger; /* borrowed */
    struct qf_ledger_block *blocks[QF_LEDGER_APP_BLOCKS_MAX];
    size_t block_count;
    struct qf_tx_result *results; /* of the last finalize */
    struct qf_tx_result **places;
    size_t capacity;
    struct qf_ledger_head head; /* after the last finalize */
};

void qf_ledger_app_init(struct qf_ledger_app *app, struct qf_ledger *ledger);
/* Forgets what was finalized and not committed. The ledger must still be there. */
void qf_ledger_app_deinit(struct qf_ledger_app *app);
/* The table; valid as long as `app` stays where it is. */
void qf_ledger_app_table(struct qf_ledger_app *app, struct qf_app *out);

#endif
