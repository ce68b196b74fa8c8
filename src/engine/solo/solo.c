#include "engine/solo/solo.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "base/wait.h"

/* Blocks that may be written but not synced; the sequencer waits beyond it. */
#define UNSYNCED_MAX 64
/* While a sync is under way, less than this waits for its end and becomes one block: a block of its
 * own for every transaction would cost more than the transaction. With nothing to sync nobody
 * waits. */
#define EAGER_TXS 128
#define KEEP_INTERVAL_MS 250
/* Between looks at the clock for what falls due, which may be set; and between blocks of time
 * alone, so that a process that waits for nothing does not keep the node busy. */
#define LOOK_INTERVAL_MS 1000
#define NEVER_INTERVAL_MS 3600000
#define TIME_INTERVAL_MS 20

struct finished { /* a submission whose last part is in a block */
    struct qf_submission *head;
    struct qf_submission **tail;
};

struct qf_solo {
    struct qf_solo_options options;
    pthread_t sequencer, syncer, keeper;

    pthread_mutex_t lock;   /* guards everything below */
    pthread_cond_t arrived; /* for the sequencer: work, room, or stopping */
    pthread_cond_t written; /* for the syncer */
    pthread_cond_t woken;   /* for the keeper */
    struct qf_submission *queue;
    struct qf_submission **queue_tail;
    size_t queued_txs, queued_size;
    struct qf_ledger_block *blocks[UNSYNCED_MAX];
    size_t block_count;
    struct finished finished;
    bool idle;    /* the sequencer waits for work */
    bool syncing; /* blocks are written and not yet durable */
    bool stopping, sequencer_done, syncer_done;
    struct qf_solo_stats stats;

    /* Sequencer only. */
    int64_t time_block_ms; /* of the last block of time alone */
    struct qf_tx *txs[QF_BLOCK_TXS_MAX];
    struct qf_tx_result *results[QF_BLOCK_TXS_MAX];
};

static void finished_init(struct finished *list)
{
    list->head = NULL;
    list->tail = &list->head;
}

static void finished_add(struct finished *list, struct qf_submission *submission)
{
    submission->next = NULL;
    *list->tail = submission;
    list->tail = &submission->next;
}

static void finished_move(struct finished *to, struct finished *from)
{
    if (from->head == NULL)
        return;
    *to->tail = from->head;
    to->tail = from->tail;
    finished_init(from);
}

static void answer_all(struct finished *list)
{
    struct qf_submission *submission = list->head;
    while (submission != NULL) {
        struct qf_submission *next = submission->next; /* done may free it */
        submission->done(submission);
        submission = next;
    }
}

/* Takes from the queue what fits into a block; submissions that are through go to `through`. Called
 * with the lock. */
static size_t fill_block(struct qf_solo *solo, struct finished *through)
{
    size_t count = 0;
    size_t size = 0;
    while (solo->queue != NULL && count < QF_BLOCK_TXS_MAX) {
        struct qf_submission *submission = solo->queue;
        while (submission->taken < submission->count && count < QF_BLOCK_TXS_MAX) {
            struct qf_tx *tx = submission->txs[submission->taken];
            if (count > 0 && size + tx->jws.size > QF_BLOCK_SIZE_MAX)
                break;
            size += tx->jws.size;
            solo->txs[count] = tx;
            solo->results[count++] = submission->results[submission->taken++];
        }
        if (submission->taken < submission->count)
            break;
        solo->queue = submission->next;
        if (solo->queue == NULL)
            solo->queue_tail = &solo->queue;
        solo->queued_size -= submission->size;
        finished_add(through, submission);
    }
    solo->queued_txs -= count;
    return count;
}

static void refuse_block(struct qf_solo *solo, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct qf_tx_result *result = solo->results[i];
        *result = (struct qf_tx_result){0};
        memcpy(result->id, solo->txs[i]->id, QF_HASH_SIZE);
        result->code = qf_fail(&result->problem, QF_UNAVAILABLE, "",
                               "the node stopped while it wrote this transaction; ask for it by "
                               "its id, and send it again if it is not there");
    }
}

/* Whether the sequencer should go on now. Called with the lock. */
static bool has_work(const struct qf_solo *solo)
{
    if (solo->block_count == UNSYNCED_MAX)
        return false;
    if (solo->stopping)
        return true;
    if (solo->queue == NULL)
        return false;
    return !solo->syncing || solo->queued_txs >= EAGER_TXS;
}

/* Milliseconds until a block of time alone is to be made; 0: now. */
static int64_t until_due(const struct qf_solo *solo)
{
    int64_t now_ms = solo->options.clock.now_ms(solo->options.clock.self);
    int64_t due_ms = qf_ledger_due(solo->options.ledger);
    if (qf_ledger_halted(solo->options.ledger, NULL) != QF_OK)
        return LOOK_INTERVAL_MS;
    if (due_ms == INT64_MAX)
        return NEVER_INTERVAL_MS;
    if (due_ms < solo->time_block_ms + TIME_INTERVAL_MS)
        due_ms = solo->time_block_ms + TIME_INTERVAL_MS;
    if (due_ms <= now_ms)
        return 0;
    return due_ms - now_ms < LOOK_INTERVAL_MS ? due_ms - now_ms : LOOK_INTERVAL_MS;
}

/* Waits for work, or until something falls due: true. Called with the lock. */
static bool wait_for_work(struct qf_solo *solo)
{
    bool due = false;
    solo->idle = true;
    while (!due && !has_work(solo)) {
        bool settled = solo->queue == NULL && solo->block_count < UNSYNCED_MAX;
        int64_t wait_ms = settled ? until_due(solo) : LOOK_INTERVAL_MS;
        due = wait_ms == 0;
        if (due)
            break;
        qf_wait_ms(&solo->arrived, &solo->lock, wait_ms);
    }
    solo->idle = false;
    return due;
}

static void *sequence(void *arg)
{
    struct qf_solo *solo = arg;
    struct finished through;
    finished_init(&through);
    pthread_mutex_lock(&solo->lock);
    for (;;) {
        bool due = wait_for_work(solo);
        if (solo->queue == NULL && !due)
            break;
        size_t count = fill_block(solo, &through);
        pthread_mutex_unlock(&solo->lock);
        while (qf_ledger_behind(solo->options.ledger) &&
               qf_ledger_halted(solo->options.ledger, NULL) == QF_OK)
            nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
        struct qf_ledger_block *block = NULL;
        int64_t now_ms = solo->options.clock.now_ms(solo->options.clock.self);
        if (due)
            solo->time_block_ms = now_ms;
        enum qf_status status = qf_ledger_finalize(solo->options.ledger, now_ms, solo->txs, count,
                                                   solo->results, &block);
        if (status != QF_OK)
            refuse_block(solo, count);
        pthread_mutex_lock(&solo->lock);
        if (block != NULL) {
            solo->blocks[solo->block_count++] = block;
            solo->syncing = true;
            solo->stats.blocks++;
            solo->stats.txs += count;
        }
        finished_move(&solo->finished, &through);
        pthread_cond_signal(&solo->written);
    }
    solo->sequencer_done = true;
    pthread_cond_signal(&solo->written);
    pthread_mutex_unlock(&solo->lock);
    return NULL;
}

/* What was answered "accepted" in memory did not become durable: say so instead. */
static void take_back(struct finished *list)
{
    for (struct qf_submission *s = list->head; s != NULL; s = s->next)
        for (size_t i = 0; i < s->count; i++) {
            struct qf_tx_result *result = s->results[i];
            if (!result->ordered)
                continue;
            result->ordered = false;
            result->code = qf_fail(&result->problem, QF_UNAVAILABLE, "",
                                   "the node could not make this transaction durable; ask for it "
                                   "by its id, and send it again if it is not there");
        }
}

static void *sync_blocks(void *arg)
{
    struct qf_solo *solo = arg;
    struct qf_ledger_block *blocks[UNSYNCED_MAX];
    pthread_mutex_lock(&solo->lock);
    for (;;) {
        while (solo->block_count == 0 && solo->finished.head == NULL && !solo->sequencer_done)
            pthread_cond_wait(&solo->written, &solo->lock);
        if (solo->block_count == 0 && solo->finished.head == NULL)
            break;
        size_t count = solo->block_count;
        memcpy(blocks, solo->blocks, count * sizeof *blocks);
        struct finished answered;
        finished_init(&answered);
        finished_move(&answered, &solo->finished);
        solo->block_count = 0;
        solo->stats.syncs += count > 0;
        if (solo->idle && has_work(solo))
            pthread_cond_signal(&solo->arrived);
        pthread_mutex_unlock(&solo->lock);
        if (count > 0 && qf_ledger_commit(solo->options.ledger, blocks, count) != QF_OK)
            take_back(&answered);
        pthread_mutex_lock(&solo->lock);
        solo->syncing = solo->block_count > 0;
        if (solo->idle && has_work(solo))
            pthread_cond_signal(&solo->arrived);
        pthread_mutex_unlock(&solo->lock);
        answer_all(&answered);
        pthread_mutex_lock(&solo->lock);
    }
    solo->syncer_done = true;
    pthread_cond_signal(&solo->woken);
    pthread_mutex_unlock(&solo->lock);
    return NULL;
}

static void *keep(void *arg)
{
    struct qf_solo *solo = arg;
    const struct qf_note_signer *signer =
        solo->options.signer.key != NULL ? &solo->options.signer : NULL;
    pthread_mutex_lock(&solo->lock);
    while (!solo->syncer_done) {
        qf_wait_ms(&solo->woken, &solo->lock, KEEP_INTERVAL_MS);
        pthread_mutex_unlock(&solo->lock);
        enum qf_status status = qf_ledger_keep(solo->options.ledger, signer);
        (void)status; /* a failure halts the ledger, which everybody asks */
        pthread_mutex_lock(&solo->lock);
    }
    pthread_mutex_unlock(&solo->lock);
    return NULL;
}

enum qf_status qf_solo_start(struct qf_solo **out, const struct qf_solo_options *options,
                             struct qf_error *err)
{
    struct qf_solo *solo = calloc(1, sizeof *solo);
    if (solo == NULL)
        return qf_fail(err, QF_NO_MEMORY, "", "no memory");
    solo->options = *options;
    solo->queue_tail = &solo->queue;
    finished_init(&solo->finished);
    pthread_mutex_init(&solo->lock, NULL);
    /* A wall clock that is set back must not make a wait longer. */
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&solo->arrived, &monotonic);
    pthread_cond_init(&solo->written, &monotonic);
    pthread_cond_init(&solo->woken, &monotonic);
    pthread_condattr_destroy(&monotonic);
    /* A folder whose node was killed in its first moments has a checkpoint all the same. */
    enum qf_status status =
        qf_ledger_keep(options->ledger, options->signer.key != NULL ? &solo->options.signer : NULL);
    (void)status; /* a failure halts the ledger, which everybody asks */
    int failed = pthread_create(&solo->sequencer, NULL, sequence, solo);
    QF_ASSERT(failed == 0);
    failed = pthread_create(&solo->syncer, NULL, sync_blocks, solo);
    QF_ASSERT(failed == 0);
    failed = pthread_create(&solo->keeper, NULL, keep, solo);
    QF_ASSERT(failed == 0);
    *out = solo;
    return QF_OK;
}

void qf_solo_stop(struct qf_solo *solo)
{
    if (solo == NULL)
        return;
    pthread_mutex_lock(&solo->lock);
    solo->stopping = true;
    pthread_cond_broadcast(&solo->arrived);
    pthread_mutex_unlock(&solo->lock);
    pthread_join(solo->sequencer, NULL);
    pthread_join(solo->syncer, NULL);
    pthread_join(solo->keeper, NULL);
    qf_ledger_settle(solo->options.ledger,
                     solo->options.signer.key != NULL ? &solo->options.signer : NULL);
}

void qf_solo_free(struct qf_solo *solo)
{
    if (solo == NULL)
        return;
    pthread_mutex_destroy(&solo->lock);
    pthread_cond_destroy(&solo->arrived);
    pthread_cond_destroy(&solo->written);
    pthread_cond_destroy(&solo->woken);
    free(solo);
}

enum qf_status qf_solo_submit(struct qf_solo *solo, struct qf_submission *submission,
                              struct qf_error *err)
{
    QF_ASSERT(submission->count > 0);
    if (qf_ledger_halted(solo->options.ledger, err) != QF_OK)
        return qf_fail(err, QF_UNAVAILABLE, "", "the node takes no transactions; see /v1/health");
    submission->taken = 0;
    submission->next = NULL;
    enum qf_status status = QF_OK;
    pthread_mutex_lock(&solo->lock);
    if (solo->stopping)
        status = qf_fail(err, QF_UNAVAILABLE, "", "the node is stopping");
    else if (solo->queued_txs + submission->count > QF_QUEUE_TXS_MAX ||
             solo->queued_size + submission->size > QF_QUEUE_SIZE_MAX)
        status = qf_fail(err, QF_UNAVAILABLE, "", "%zu transactions wait already; at most %d may",
                         solo->queued_txs, QF_QUEUE_TXS_MAX);
    if (status == QF_OK) {
        *solo->queue_tail = submission;
        solo->queue_tail = &submission->next;
        solo->queued_txs += submission->count;
        solo->queued_size += submission->size;
        if (solo->idle && has_work(solo))
            pthread_cond_signal(&solo->arrived);
    }
    pthread_mutex_unlock(&solo->lock);
    return status;
}

void qf_solo_stats(struct qf_solo *solo, struct qf_solo_stats *out)
{
    pthread_mutex_lock(&solo->lock);
    *out = solo->stats;
    out->queued_txs = solo->queued_txs;
    pthread_mutex_unlock(&solo->lock);
}
