/* The syncer's and the keeper's parts: from written to durable, from durable to its place. */
#include <stdio.h>

#include "codec/text.h"
#include "engine/ledger/internal.h"

/* The keeper sets the state apart after so many transactions or rounds, whichever is first: what a
 * start has to apply again stays within a second or two of work. In a large ledger nearly every
 * transaction costs a flush a page of LMDB, in memory until it is written: more transactions make a
 * transaction cheaper and take 10 KiB each. */
#define FLUSH_TXS 8000
#define FLUSH_ROUNDS 20
#define BEHIND_TXS 32000
/* The folder's checkpoint follows a growing log after so many rounds at most, without a flush. */
#define PUBLISH_ROUNDS 4

enum qf_status qf_ledger_halt(struct qf_ledger *ledger, enum qf_status status, const char *doing)
{
    int running = QF_OK;
    pthread_mutex_lock(&ledger->head_lock);
    if (atomic_compare_exchange_strong(&ledger->halted, &running, (int)status))
        qf_fail(&ledger->halt_reason, status, "", "%s failed: %s", doing, qf_status_title(status));
    pthread_mutex_unlock(&ledger->head_lock);
    return status;
}

enum qf_status qf_ledger_halted(struct qf_ledger *ledger, struct qf_error *err)
{
    enum qf_status status = (enum qf_status)atomic_load(&ledger->halted);
    if (status != QF_OK && err != NULL) {
        pthread_mutex_lock(&ledger->head_lock);
        *err = ledger->halt_reason;
        pthread_mutex_unlock(&ledger->head_lock);
    }
    return status;
}

void qf_ledger_remember(struct qf_ledger *ledger, const struct qf_ledger_head *head)
{
    pthread_mutex_lock(&ledger->head_lock);
    ledger->durable = *head;
    ledger->heads[head->height % HEADS_KEPT] = *head;
    pthread_mutex_unlock(&ledger->head_lock);
}

enum qf_status qf_ledger_commit(struct qf_ledger *ledger, struct qf_ledger_block **blocks,
                                size_t count)
{
    QF_ASSERT(count > 0);
    enum qf_status status = (enum qf_status)atomic_load(&ledger->halted);
    const char *doing = "syncing the journal";
    if (status == QF_OK)
        status = qf_journal_sync(ledger->journal);
    for (size_t i = 0; i < count && status == QF_OK; i++) {
        const struct qf_ledger_block *block = blocks[i];
        doing = "adding to the log";
        status = qf_tiles_append(ledger->tiles, block->count, block->entries,
                                 (const uint8_t(*)[QF_HASH_SIZE])block->leaf_hashes,
                                 (const uint8_t(*)[QF_HASH_SIZE])block->sm3_hashes);
        if (status == QF_OK)
            qf_ledger_remember(ledger, &block->head);
    }
    if (status == QF_OK && ledger->on_commit != NULL)
        ledger->on_commit(ledger->on_commit_arg, &blocks[count - 1]->head);
    for (size_t i = 0; i < count; i++)
        qf_ledger_block_free(blocks[i]);
    return status == QF_OK ? QF_OK : qf_ledger_halt(ledger, status, doing);
}

bool qf_ledger_behind(struct qf_ledger *ledger)
{
    return ledger->applied.size - atomic_load(&ledger->kept_size) > BEHIND_TXS;
}

/* Head of the block after which the log had `size` entries. */
static bool head_of_size(struct qf_ledger *ledger, uint64_t size, struct qf_ledger_head *out)
{
    bool found = false;
    pthread_mutex_lock(&ledger->head_lock);
    uint64_t height = ledger->durable.height;
    for (uint64_t back = 0; back < HEADS_KEPT && back <= height && !found; back++) {
        const struct qf_ledger_head *head = &ledger->heads[(height - back) % HEADS_KEPT];
        if (head->height == height - back && head->size == size) {
            *out = *head;
            found = true;
        }
    }
    pthread_mutex_unlock(&ledger->head_lock);
    return found;
}

void qf_ledger_checkpoint(const struct qf_ledger *ledger, const struct qf_ledger_head *head,
                          struct qf_checkpoint *out)
{
    *out = (struct qf_checkpoint){.origin = ledger->rules.network,
                                  .size = head->size,
                                  .has_state = true,
                                  .has_sm3 = ledger->sm3};
    memcpy(out->root, head->root, QF_HASH_SIZE);
    memcpy(out->state_root, head->state_root, QF_HASH_SIZE);
    memcpy(out->sm3_root, head->sm3_root, QF_HASH_SIZE);
}

/* ---- the folder's checkpoint ---- */

/* The checkpoint of a head, with the cosignatures that there are for it by now. */
static enum qf_status publish_head(struct qf_ledger *ledger, const struct qf_ledger_head *head,
                                   const struct qf_note_signer *signer)
{
    struct qf_checkpoint checkpoint;
    qf_ledger_checkpoint(ledger, head, &checkpoint);
    struct qf_buf text = {0};
    struct qf_buf lines = {0};
    struct qf_buf note = {0};
    enum qf_status status = QF_OK;
    unsigned count = 0;
    qf_checkpoint_put(&text, &checkpoint);
    if (signer->cosigner != NULL)
        count = signer->cosigner->lines(signer->cosigner->self, &lines, qf_buf_slice(&text));
    if (head->size != ledger->published_size || count > ledger->published_lines) {
        qf_buf_put_slice(&note, qf_buf_slice(&text));
        qf_buf_put_byte(&note, '\n');
        status = qf_note_put_signature(&note, qf_buf_slice(&text), signer->name, QF_NOTE_ED25519,
                                       signer->key, 0, NULL);
        qf_buf_put_slice(&note, qf_buf_slice(&lines));
        if (status == QF_OK)
            status = qf_buf_status(&note);
        if (status == QF_OK)
            status = qf_fs_replace(&ledger->log_fs, "checkpoint", qf_buf_slice(&note), false);
        if (status == QF_OK) {
            ledger->published_size = head->size;
            ledger->published_lines = count;
        }
    }
    qf_buf_deinit(&text);
    qf_buf_deinit(&lines);
    qf_buf_deinit(&note);
    return status;
}

/* The newest checkpoint with enough cosignatures, where a quorum is wanted; *size 0: none. */
static enum qf_status take_cosigned(const struct qf_note_signer *signer, struct qf_buf *note,
                                    uint64_t *size)
{
    const struct qf_cosigner *cosigner = signer->cosigner;
    struct qf_checkpoint checkpoint;
    *size = 0;
    enum qf_status status = cosigner->note(cosigner->self, note, cosigner->quorum);
    if (status == QF_OK)
        status = qf_checkpoint_parse_note(&checkpoint, qf_buf_slice(note), NULL);
    if (status == QF_OK)
        *size = checkpoint.size;
    return status == QF_NOT_FOUND ? QF_OK : status;
}

static enum qf_status freeze(struct qf_ledger *ledger)
{
    pthread_mutex_lock(&ledger->apply_lock);
    const struct qf_ledger_head head = ledger->applied;
    struct qf_arena arena = {0};
    struct qf_json json = qf_json_make_object();
    char root[2 * QF_HASH_SIZE];
    qf_hex_encode(root, qf_slice_make(head.root, QF_HASH_SIZE));
    qf_json_put(&arena, &json, "height", qf_json_make_int((int64_t)head.height));
    qf_json_put(&arena, &json, "root", qf_json_make_slice(qf_slice_make(root, sizeof root)));
    qf_json_put(&arena, &json, "size", qf_json_make_int((int64_t)head.size));
    qf_json_put(&arena, &json, "time", qf_json_make_int(head.time_ms));
    struct qf_buf text = {0};
    qf_json_write(&text, &json);
    const struct qf_state_meta_value value = {"head", qf_buf_slice(&text)};
    enum qf_status status = qf_buf_status(&text);
    if (status == QF_OK)
        status = qf_state_freeze(ledger->state, &value, 1);
    pthread_mutex_unlock(&ledger->apply_lock);
    qf_buf_deinit(&text);
    qf_arena_deinit(&arena);
    if (status == QF_OK) {
        ledger->frozen = true;
        ledger->frozen_head = head;
    }
    return status;
}

/* Invariant 2: first the tiles, then the state, only then the journal may forget. */
static enum qf_status flush(struct qf_ledger *ledger)
{
    enum qf_status status = qf_state_flush(ledger->state);
    if (status != QF_OK)
        return status;
    ledger->frozen = false;
    ledger->kept = ledger->frozen_head;
    atomic_store(&ledger->kept_size, ledger->kept.size);
    ledger->rounds_since_flush = 0;
    return qf_journal_trim(ledger->journal, ledger->kept.size);
}

enum qf_status qf_ledger_flush_state(struct qf_ledger *ledger)
{
    enum qf_status status = freeze(ledger);
    return status == QF_OK ? flush(ledger) : status;
}

static bool flush_is_due(struct qf_ledger *ledger)
{
    pthread_mutex_lock(&ledger->apply_lock);
    uint64_t size = ledger->applied.size;
    uint64_t height = ledger->applied.height;
    pthread_mutex_unlock(&ledger->apply_lock);
    if (height == ledger->kept.height)
        return false;
    return size - ledger->kept.size >= FLUSH_TXS || ++ledger->rounds_since_flush >= FLUSH_ROUNDS;
}

static bool has_quorum(const struct qf_note_signer *signer)
{
    return signer != NULL && signer->cosigner != NULL && signer->cosigner->quorum > 0;
}

/* Tiles, then the checkpoint over them. *durable: entries that are on disk for good. */
static enum qf_status publish_newest(struct qf_ledger *ledger, const struct qf_ledger_head *newest,
                                     const struct qf_note_signer *signer, bool flush_now,
                                     uint64_t *durable)
{
    struct qf_ledger_head head;
    *durable = ledger->published_size;
    /* What the state will name must be on disk, the last partial tiles included. */
    if (flush_now || newest->size != ledger->published_size) {
        bool sync = flush_now || ++ledger->rounds_since_publish >= PUBLISH_ROUNDS;
        enum qf_status status =
            qf_tiles_publish(ledger->tiles, signer != NULL || flush_now, sync, durable);
        if (status != QF_OK)
            return qf_ledger_halt(ledger, status, "writing tiles");
        if (sync)
            ledger->rounds_since_publish = 0;
    }
    if (signer == NULL || !head_of_size(ledger, *durable, &head))
        return QF_OK;
    enum qf_status status = publish_head(ledger, &head, signer);
    return status == QF_OK ? QF_OK : qf_ledger_halt(ledger, status, "writing the checkpoint");
}

/* The same where only cosigned checkpoints are published: these are of the past, so the partial
 * tiles that they cover are written for them and stay. */
static enum qf_status publish_cosigned(struct qf_ledger *ledger,
                                       const struct qf_note_signer *signer, bool flush_now,
                                       uint64_t *durable)
{
    struct qf_buf note = {0};
    uint64_t size = 0;
    const char *doing = "reading the cosigned checkpoint";
    enum qf_status status = take_cosigned(signer, &note, &size);
    /* Under load the next flush syncs for it, too. */
    bool due = size > 0 && size != ledger->published_size && (flush_now || !ledger->frozen);
    if (status == QF_OK && due)
        status = qf_tiles_hold(ledger->tiles, size);
    if (status == QF_OK && (due || flush_now)) {
        doing = "writing tiles";
        status = qf_tiles_publish(ledger->tiles, true, true, durable);
    }
    if (status == QF_OK && due && size <= *durable) {
        doing = "writing the checkpoint";
        status = qf_fs_replace(&ledger->log_fs, "checkpoint", qf_buf_slice(&note), false);
        ledger->published_size = size;
    }
    qf_buf_deinit(&note);
    return status == QF_OK ? QF_OK : qf_ledger_halt(ledger, status, doing);
}

enum qf_status qf_ledger_keep(struct qf_ledger *ledger, const struct qf_note_signer *signer)
{
    enum qf_status status = qf_ledger_halted(ledger, NULL);
    if (status != QF_OK)
        return QF_UNAVAILABLE;
    if (!ledger->frozen && flush_is_due(ledger)) {
        status = freeze(ledger);
        if (status != QF_OK)
            return qf_ledger_halt(ledger, status, "setting the state apart");
    }
    struct qf_ledger_head head;
    uint64_t durable = 0;
    qf_ledger_head(ledger, &head);
    bool flush_now = ledger->frozen && head.height >= ledger->frozen_head.height;
    status = has_quorum(signer) ? publish_cosigned(ledger, signer, flush_now, &durable)
                                : publish_newest(ledger, &head, signer, flush_now, &durable);
    if (status == QF_OK && flush_now && durable >= ledger->frozen_head.size) {
        status = flush(ledger);
        if (status != QF_OK)
            return qf_ledger_halt(ledger, status, "writing the state");
    }
    return status;
}

void qf_ledger_head(struct qf_ledger *ledger, struct qf_ledger_head *out)
{
    pthread_mutex_lock(&ledger->head_lock);
    *out = ledger->durable;
    pthread_mutex_unlock(&ledger->head_lock);
}

enum qf_status qf_ledger_head_at(struct qf_ledger *ledger, uint64_t height,
                                 struct qf_ledger_head *out)
{
    pthread_mutex_lock(&ledger->head_lock);
    *out = ledger->heads[height % HEADS_KEPT];
    bool found = height <= ledger->durable.height && out->height == height &&
                 (height > 0 || ledger->durable.height < HEADS_KEPT);
    pthread_mutex_unlock(&ledger->head_lock);
    return found ? QF_OK : QF_NOT_FOUND;
}

void qf_ledger_settle(struct qf_ledger *ledger, const struct qf_note_signer *signer)
{
    /* At most: finish a flush under way, set the rest apart, flush that. */
    for (int round = 0; round < 3; round++) {
        ledger->rounds_since_flush = FLUSH_ROUNDS;
        if (qf_ledger_halted(ledger, NULL) != QF_OK || qf_ledger_keep(ledger, signer) != QF_OK)
            return;
    }
}
