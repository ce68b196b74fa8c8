/* The sequencer's part: a block through kernel, state, log tree and journal. */
#include <stdlib.h>

#include "engine/ledger/internal.h"

static bool reader_get(void *self, struct qf_slice key, struct qf_slice *value)
{
    struct qf_ledger *ledger = self;
    return qf_state_peek(ledger->state, key, value) == QF_OK;
}

static void reader_list(void *self, struct qf_slice prefix, struct qf_slice after,
                        qf_state_each *each, void *arg)
{
    struct qf_ledger *ledger = self;
    enum qf_status status = qf_state_list_values(ledger->state, prefix, after, each, arg);
    if (status != QF_OK)
        qf_ledger_halt(ledger, status, "listing state");
}

/* A transaction that has not expired was recorded within the last hour: where the log stood then.
 */
static uint64_t duplicates_from(const struct qf_ledger *ledger)
{
    int64_t oldest = ledger->applied.time_ms - (QF_TX_EXPIRY_MAX_S + 60) * 1000LL;
    uint64_t from = 0;
    size_t first = ledger->time_count > TIMES_KEPT ? ledger->time_count - TIMES_KEPT : 0;
    for (size_t i = first; i < ledger->time_count; i++)
        if (ledger->times[i % TIMES_KEPT].time_ms < oldest)
            from = ledger->times[i % TIMES_KEPT].size;
    return from;
}

static void sample_time(struct qf_ledger *ledger)
{
    const struct time_sample *last = &ledger->times[(ledger->time_count - 1) % TIMES_KEPT];
    if (ledger->time_count > 0 && ledger->applied.time_ms - last->time_ms < 60000)
        return;
    ledger->times[ledger->time_count++ % TIMES_KEPT] =
        (struct time_sample){ledger->applied.time_ms, ledger->applied.size};
}

static struct qf_index_term tx_term(const uint8_t id[QF_HASH_SIZE])
{
    struct qf_index_term term = {.kind = QF_TERM_TX};
    memcpy(term.term, id, sizeof term.term);
    return term;
}

static bool reader_find_tx(void *self, const uint8_t id[QF_HASH_SIZE], uint64_t *leaf)
{
    struct qf_ledger *ledger = self;
    struct qf_index_term term = tx_term(id);
    return qf_state_find_first(ledger->state, &term, duplicates_from(ledger), leaf);
}

void qf_ledger_reader(struct qf_ledger *ledger, struct qf_state_reader *out)
{
    *out = (struct qf_state_reader){
        .get = reader_get, .list = reader_list, .find_tx = reader_find_tx, .self = ledger};
}

void qf_ledger_block_free(struct qf_ledger_block *block)
{
    if (block == NULL)
        return;
    qf_buf_deinit(&block->bytes);
    free(block->entries);
    free(block->leaf_hashes);
    free(block->sm3_hashes);
    free(block);
}

static struct qf_ledger_block *block_new(size_t count, bool sm3)
{
    struct qf_ledger_block *block = calloc(1, sizeof *block);
    if (block == NULL)
        return NULL;
    block->entries = malloc(count * sizeof *block->entries);
    block->leaf_hashes = malloc(count * sizeof *block->leaf_hashes);
    block->sm3_hashes = sm3 ? malloc(count * sizeof *block->sm3_hashes) : NULL;
    if (block->entries == NULL || block->leaf_hashes == NULL ||
        (sm3 && block->sm3_hashes == NULL)) {
        qf_ledger_block_free(block);
        return NULL;
    }
    return block;
}

static void add_index(struct qf_ledger *ledger, struct qf_index_term term, uint64_t leaf)
{
    if (ledger->index_count == ledger->index_capacity) {
        size_t capacity = ledger->index_capacity == 0 ? 4096 : ledger->index_capacity * 2;
        struct qf_index_entry *grown = realloc(ledger->index, capacity * sizeof *grown);
        QF_ASSERT(grown != NULL);
        ledger->index = grown;
        ledger->index_capacity = capacity;
    }
    ledger->index[ledger->index_count++] = (struct qf_index_entry){term, leaf};
}

static void index_transaction(struct qf_ledger *ledger, const struct qf_tx *tx,
                              const struct qf_receipt *receipt, uint64_t leaf)
{
    if (receipt->id_taken)
        add_index(ledger, tx_term(tx->id), leaf);
    for (size_t i = 0; i < receipt->term_count; i++) {
        struct qf_index_term term = {.kind = receipt->terms[i].kind};
        memcpy(term.term, receipt->terms[i].term, sizeof term.term);
        add_index(ledger, term, leaf);
    }
}

/* Before those of the transactions: leaves under a term ascend. */
static void index_time(struct qf_ledger *ledger, uint64_t leaf)
{
    const struct qf_kernel_term *terms;
    size_t count = qf_kernel_time_terms(ledger->kernel, &terms);
    for (size_t i = 0; i < count; i++) {
        struct qf_index_term term = {.kind = terms[i].kind};
        memcpy(term.term, terms[i].term, sizeof term.term);
        add_index(ledger, term, leaf);
    }
}

/* Refusals that a gateway gives before ordering: nobody can be held to them, or the log has the
 * transaction already. A transaction that ends its own signer's standing half-way is none: it has
 * had its work done, and would cost nothing. */
static bool turned_away(const struct qf_receipt *receipt)
{
    const enum qf_status code = receipt->code;
    if (receipt->admitted)
        return false;
    return code == QF_BAD_SIGNATURE || code == QF_UNKNOWN_KEY || code == QF_KEY_REVOKED ||
           code == QF_MEMBER_SUSPENDED || code == QF_EXPIRED || code == QF_EXPIRY_TOO_FAR ||
           code == QF_DUPLICATE;
}

/* Something fell due and nobody sent anything: the entry of time alone. */
static enum qf_status put_time(struct qf_ledger_block *block)
{
    const struct qf_entry entry = {.height = block->head.height, .time_ms = block->head.time_ms};
    qf_entry_put(&block->bytes, &entry);
    block->entries[block->count++] = (struct qf_slice){NULL, block->bytes.size};
    return qf_buf_status(&block->bytes) == QF_OK ? QF_OK : QF_NO_MEMORY;
}

/* Applies the transactions one by one and builds their entries in `block`. */
static enum qf_status run_transactions(struct qf_ledger *ledger, struct qf_ledger_block *block,
                                       struct qf_tx *const *txs, size_t count, const int64_t *codes,
                                       struct qf_tx_result *const *results)
{
    for (size_t i = 0; i < count; i++) {
        struct qf_receipt receipt;
        qf_kernel_apply(ledger->kernel, txs[i], &receipt);
        struct qf_tx_result *result = results != NULL ? results[i] : NULL;
        bool ordered =
            codes != NULL || ledger->options.keep_refused_intake || !turned_away(&receipt);
        if (codes != NULL && codes[i] != (int64_t)receipt.code)
            return QF_CORRUPT;
        uint64_t leaf = block->first_leaf + block->count;
        if (result != NULL) {
            memcpy(result->id, txs[i]->id, QF_HASH_SIZE);
            result->code = receipt.code;
            result->ordered = ordered;
            result->leaf = ordered ? leaf : receipt.duplicate_of;
            result->height = block->head.height;
            result->index = (uint32_t)block->count;
            result->time_ms = block->head.time_ms;
            if (receipt.code != QF_OK)
                result->problem = receipt.problem;
        }
        if (!ordered) {
            qf_kernel_retract(ledger->kernel);
            continue;
        }
        const struct qf_entry entry = {.code = receipt.code,
                                       .height = block->head.height,
                                       .index = (uint32_t)block->count,
                                       .time_ms = block->head.time_ms,
                                       .jws = txs[i]->jws};
        size_t start = block->bytes.size;
        qf_entry_put(&block->bytes, &entry);
        /* Where it lies is said when the buffer no longer moves. */
        block->entries[block->count++] = (struct qf_slice){NULL, block->bytes.size - start};
        index_transaction(ledger, txs[i], &receipt, leaf);
    }
    return qf_buf_status(&block->bytes) == QF_OK ? QF_OK : QF_NO_MEMORY;
}

/* The SM3 tree's leaves, many at a time: SM3 one after another would cost as much as all the rest.
 */
static void hash_sm3_leaves(struct qf_ledger_block *block)
{
    enum { GROUP = 64 };
    static const uint8_t prefix[1] = {0};
    struct qf_hash_job jobs[GROUP];
    for (size_t at = 0; at < block->count; at += GROUP) {
        size_t count = block->count - at < GROUP ? block->count - at : GROUP;
        for (size_t i = 0; i < count; i++)
            jobs[i] = (struct qf_hash_job){
                .parts = {qf_slice_make(prefix, sizeof prefix), block->entries[at + i]},
                .out = block->sm3_hashes[at + i]};
        qf_hash_many(QF_HASH_SM3, jobs, count);
    }
}

static void grow_trees(struct qf_ledger *ledger, struct qf_ledger_block *block)
{
    const uint8_t *at = block->bytes.data;
    for (size_t i = 0; i < block->count; i++) {
        block->entries[i].data = at;
        at += block->entries[i].size;
        qf_hash_leaf(QF_HASH_SHA256, block->leaf_hashes[i], block->entries[i]);
    }
    qf_log_tree_extend(&ledger->tree, (const uint8_t(*)[QF_HASH_SIZE])block->leaf_hashes,
                       block->count, NULL, NULL);
    if (ledger->sm3) {
        hash_sm3_leaves(block);
        qf_log_tree_extend(&ledger->sm3_tree, (const uint8_t(*)[QF_HASH_SIZE])block->sm3_hashes,
                           block->count, NULL, NULL);
        qf_log_tree_root(&ledger->sm3_tree, block->head.sm3_root);
    }
    block->head.size = ledger->tree.size;
    qf_log_tree_root(&ledger->tree, block->head.root);
}

static bool concerns_identity(struct qf_slice key)
{
    return (key.size >= 9 && memcmp(key.data, "identity/", 9) == 0) ||
           (key.size >= 11 && memcmp(key.data, "consortium/", 11) == 0);
}

static enum qf_status install(struct qf_ledger *ledger, struct qf_ledger_head *head)
{
    const struct qf_kernel_change *changes;
    size_t count;
    qf_kernel_end(ledger->kernel, &changes, &count);
    if (count > ledger->change_capacity) {
        struct qf_state_change *grown = realloc(ledger->changes, 2 * count * sizeof *grown);
        if (grown == NULL)
            return QF_NO_MEMORY;
        ledger->changes = grown;
        ledger->change_capacity = 2 * count;
    }
    bool identity = false;
    for (size_t i = 0; i < count; i++) {
        ledger->changes[i] = (struct qf_state_change){.key = changes[i].key,
                                                      .value = changes[i].value,
                                                      .listed = changes[i].listed,
                                                      .lookup = changes[i].lookup};
        identity = identity || concerns_identity(changes[i].key);
    }
    const struct qf_state_block block = {.height = head->height,
                                         .changes = ledger->changes,
                                         .change_count = count,
                                         .index = ledger->index,
                                         .index_count = ledger->index_count};
    enum qf_status status = qf_state_install(ledger->state, &block, head->state_root);
    if (identity)
        atomic_fetch_add(&ledger->epoch, 1);
    return status;
}

enum qf_status qf_ledger_apply(struct qf_ledger *ledger, int64_t time_ms, struct qf_tx *const *txs,
                               size_t count, const int64_t *codes,
                               struct qf_tx_result *const *results, struct qf_ledger_block **out)
{
    *out = NULL;
    struct qf_ledger_block *block = block_new(count > 0 ? count : 1, ledger->sm3);
    if (block == NULL)
        return QF_NO_MEMORY;
    block->first_leaf = ledger->applied.size;
    block->head.height = ledger->applied.height + 1;
    block->head.time_ms = time_ms > ledger->applied.time_ms ? time_ms : ledger->applied.time_ms;
    ledger->index_count = 0;
    const struct qf_block_info info = {.height = block->head.height,
                                       .time_ms = block->head.time_ms,
                                       .first_leaf = block->first_leaf};
    qf_kernel_begin(ledger->kernel, &info);
    index_time(ledger, block->first_leaf);
    enum qf_status status = run_transactions(ledger, block, txs, count, codes, results);
    if (status == QF_OK && block->count == 0 && qf_kernel_fell_due(ledger->kernel) > 0)
        status = put_time(block);
    atomic_store(&ledger->due_ms, qf_kernel_due(ledger->kernel));
    if (status != QF_OK || block->count == 0) {
        qf_ledger_block_free(block);
        return status;
    }
    grow_trees(ledger, block);
    status = install(ledger, &block->head);
    if (status != QF_OK) {
        qf_ledger_block_free(block);
        return status;
    }
    qf_app_hash(ledger->rules.suite, &block->head);
    ledger->applied = block->head;
    sample_time(ledger);
    *out = block;
    return QF_OK;
}

int64_t qf_ledger_due(struct qf_ledger *ledger)
{
    return atomic_load(&ledger->due_ms);
}

enum qf_status qf_ledger_finalize(struct qf_ledger *ledger, int64_t time_ms,
                                  struct qf_tx *const *txs, size_t count,
                                  struct qf_tx_result *const *results, struct qf_ledger_block **out)
{
    *out = NULL;
    if (atomic_load(&ledger->halted) != QF_OK)
        return QF_UNAVAILABLE;
    pthread_mutex_lock(&ledger->apply_lock);
    enum qf_status status = qf_ledger_apply(ledger, time_ms, txs, count, NULL, results, out);
    pthread_mutex_unlock(&ledger->apply_lock);
    if (status != QF_OK)
        return qf_ledger_halt(ledger, status, "applying a block");
    if (*out == NULL)
        return QF_OK;
    const struct qf_journal_block record = {
        .height = (*out)->head.height,
        .time_ms = (*out)->head.time_ms,
        .first_leaf = (*out)->first_leaf,
        .count = (*out)->count,
        .entries = (*out)->entries,
        .leaf_hashes = (const uint8_t(*)[QF_HASH_SIZE])(*out)->leaf_hashes,
    };
    status = qf_journal_append(ledger->journal, &record);
    if (status != QF_OK) {
        qf_ledger_block_free(*out);
        *out = NULL;
        return qf_ledger_halt(ledger, status, "writing the journal");
    }
    return QF_OK;
}
