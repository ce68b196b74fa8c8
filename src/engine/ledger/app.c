#include "engine/ledger/app.h"

#include <stdlib.h>

#include "engine/ledger/internal.h"
#include "kernel/query.h"

static enum qf_status check(void *self, struct qf_tx *tx, int64_t now_ms, struct qf_error *err)
{
    struct qf_ledger_app *app = self;
    struct qf_error problem = {0};
    qf_ledger_check(app->ledger, tx, 1, now_ms, &problem);
    if (err != NULL)
        *err = problem;
    return problem.status;
}

static size_t prepare(void *self, struct qf_tx *const *txs, size_t count)
{
    (void)self;
    size_t size = 0;
    size_t fit = 0;
    while (fit < count && fit < QF_BLOCK_TXS_MAX) {
        size += txs[fit]->jws.size;
        if (size > QF_BLOCK_SIZE_MAX)
            break;
        fit++;
    }
    return fit;
}

/* What a transaction comes to is decided when it is applied, the same on every replica; a block is
 * unacceptable only when it could not be applied. */
static bool process(void *self, struct qf_tx *const *txs, size_t count)
{
    return prepare(self, txs, count) == count;
}

static bool grow(struct qf_ledger_app *app, size_t count)
{
    if (count <= app->capacity)
        return true;
    struct qf_tx_result *results = realloc(app->results, count * sizeof *results);
    if (results != NULL)
        app->results = results;
    struct qf_tx_result **places = realloc(app->places, count * sizeof *places);
    if (places != NULL)
        app->places = places;
    if (results == NULL || places == NULL)
        return false;
    app->capacity = count;
    return true;
}

static enum qf_status finalize(void *self, int64_t time_ms, struct qf_tx *const *txs, size_t count,
                               struct qf_finalized *out)
{
    struct qf_ledger_app *app = self;
    QF_ASSERT(app->block_count < QF_LEDGER_APP_BLOCKS_MAX);
    if (!grow(app, count))
        return QF_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        app->results[i] = (struct qf_tx_result){0};
        app->places[i] = &app->results[i];
    }
    struct qf_ledger_block *block = NULL;
    enum qf_status status =
        qf_ledger_finalize(app->ledger, time_ms, txs, count, app->places, &block);
    if (status != QF_OK)
        return status;
    if (block != NULL) {
        app->head = block->head;
        app->blocks[app->block_count++] = block;
    }
    *out =
        (struct qf_finalized){.height = app->head.height, .count = count, .results = app->results};
    memcpy(out->app_hash, app->head.app_hash, QF_HASH_SIZE);
    return QF_OK;
}

static int64_t due(void *self)
{
    struct qf_ledger_app *app = self;
    struct qf_state_reader reader;
    qf_ledger_reader(app->ledger, &reader);
    return qf_query_next_due(&reader);
}

static enum qf_status commit(void *self)
{
    struct qf_ledger_app *app = self;
    size_t count = app->block_count;
    app->block_count = 0;
    return count == 0 ? QF_OK : qf_ledger_commit(app->ledger, app->blocks, count);
}

void qf_ledger_app_init(struct qf_ledger_app *app, struct qf_ledger *ledger)
{
    *app = (struct qf_ledger_app){.ledger = ledger};
    qf_ledger_head(ledger, &app->head);
}

void qf_ledger_app_deinit(struct qf_ledger_app *app)
{
    for (size_t i = 0; i < app->block_count; i++)
        qf_ledger_block_free(app->blocks[i]);
    free(app->results);
    free(app->places);
    *app = (struct qf_ledger_app){0};
}

void qf_ledger_app_table(struct qf_ledger_app *app, struct qf_app *out)
{
    *out = (struct qf_app){.check = check,
                           .prepare = prepare,
                           .process = process,
                           .finalize = finalize,
                           .due = due,
                           .commit = commit,
                           .self = app};
}
