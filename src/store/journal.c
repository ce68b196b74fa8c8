/* Segments and records of the journal; the invariants are at the head of journal.h, the bytes in
 * spec/on-disk.md.
 *
 *   free ──segment_activate──▶ current ──(full)──▶ live ──qf_journal_trim──▶ free
 *
 * `mutex` guards the list of segments and their state. Segment objects stay at their address and
 * keep their file open until the journal is closed, so the thread that syncs may use one without
 * the mutex. */
#include "store/journal.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "store/journal_internal.h"

#define SPARE_MAX 2
/* The low bits count segments of one opening; each opening moves on to the next multiple, so that a
 * sequence whose header was lost in a crash is not used again. */
#define SEQUENCE_STEP 65536u

/* ---- segment files ---- */

/* Writes a whole file of zeros, so that its blocks are allocated and a later sync is of data. */
static enum qf_status write_zeros(struct qf_journal *journal, struct qf_file *file, uint64_t size)
{
    size_t piece = 1u << 20;
    uint8_t *zeros = calloc(1, piece);
    if (zeros == NULL)
        return QF_NO_MEMORY;
    enum qf_status status = QF_OK;
    for (uint64_t at = 0; status == QF_OK && at < size; at += piece) {
        size_t n = size - at < piece ? (size_t)(size - at) : piece;
        status = journal->fs.write(journal->fs.self, file, qf_slice_make(zeros, n), at);
    }
    free(zeros);
    return status;
}

/* Creates a file under a number that is not in use. The caller holds no lock. */
static enum qf_status segment_create(struct qf_journal *journal, uint64_t size, struct segment *out)
{
    char path[JOURNAL_PATH_SIZE];
    journal_segment_path(journal, out->number, path);
    enum qf_status status = journal->fs.open(journal->fs.self, &out->file, path, true);
    if (status != QF_OK)
        return status == QF_NOT_FOUND ? QF_IO : status;
    status = write_zeros(journal, out->file, size);
    if (status == QF_OK)
        status = journal->fs.sync(journal->fs.self, out->file);
    if (status == QF_OK)
        status = journal->fs.sync_dir(journal->fs.self, journal->dir);
    if (status != QF_OK) {
        journal->fs.close(journal->fs.self, out->file);
        out->file = NULL;
        return status;
    }
    out->size = size;
    out->state = SEGMENT_FREE;
    return QF_OK;
}

static void add_segment(struct qf_journal *journal, struct segment *segment)
{
    QF_ASSERT(journal->segment_count < JOURNAL_SEGMENTS_MAX);
    journal->segments[journal->segment_count++] = segment;
}

static struct segment *free_segment(struct qf_journal *journal, uint64_t size)
{
    for (size_t i = 0; i < journal->segment_count; i++)
        if (journal->segments[i]->state == SEGMENT_FREE && journal->segments[i]->size >= size)
            return journal->segments[i];
    return NULL;
}

/* Numbers are given out once: a failed creation leaves a number unused until the next opening. */
static enum qf_status add_new_segment(struct qf_journal *journal, uint64_t size)
{
    struct segment *segment = calloc(1, sizeof *segment);
    if (segment == NULL)
        return QF_NO_MEMORY;
    pthread_mutex_lock(&journal->mutex);
    bool full = journal->segment_count == JOURNAL_SEGMENTS_MAX;
    for (size_t i = 0; i < journal->segment_count; i++)
        if (journal->segments[i]->number >= segment->number)
            segment->number = journal->segments[i]->number + 1;
    if (!full)
        add_segment(journal, segment);
    segment->state = SEGMENT_LIVE; /* not free before it is written */
    segment->end_leaf = UINT64_MAX;
    pthread_mutex_unlock(&journal->mutex);
    if (full) {
        free(segment);
        return QF_NO_SPACE;
    }
    struct segment created = {.number = segment->number};
    enum qf_status status = segment_create(journal, size, &created);
    pthread_mutex_lock(&journal->mutex);
    if (status == QF_OK) {
        *segment = created;
    } else {
        size_t i = 0;
        while (journal->segments[i] != segment)
            i++;
        journal->segment_count--;
        memmove(&journal->segments[i], &journal->segments[i + 1],
                (journal->segment_count - i) * sizeof journal->segments[0]);
        free(segment);
    }
    pthread_mutex_unlock(&journal->mutex);
    return status;
}

/* Makes a free segment of at least `size` bytes the current one. */
static enum qf_status segment_activate(struct qf_journal *journal, uint64_t size)
{
    pthread_mutex_lock(&journal->mutex);
    struct segment *next = free_segment(journal, size);
    pthread_mutex_unlock(&journal->mutex);
    if (next == NULL) {
        enum qf_status status = add_new_segment(
            journal, size > journal->segment_size ? size : (uint64_t)journal->segment_size);
        if (status != QF_OK)
            return status;
        pthread_mutex_lock(&journal->mutex);
        next = free_segment(journal, size);
        pthread_mutex_unlock(&journal->mutex);
    }
    QF_ASSERT(next != NULL);
    uint8_t header[2 * JOURNAL_PAGE]; /* and an empty first record */
    memset(header, 0, sizeof header);
    journal_segment_header(header, journal->sequence + 1, journal->last_hash);
    enum qf_status status =
        journal->fs.write(journal->fs.self, next->file, qf_slice_make(header, sizeof header), 0);
    if (status != QF_OK)
        return status;
    pthread_mutex_lock(&journal->mutex);
    if (journal->current != NULL)
        journal->current->state = SEGMENT_LIVE;
    next->state = SEGMENT_CURRENT;
    next->sequence = ++journal->sequence;
    next->end_leaf = journal->next_leaf;
    memcpy(next->prev_hash, journal->last_hash, QF_HASH_SIZE);
    journal->current = next;
    journal->position = JOURNAL_PAGE;
    journal->durable = 0;
    pthread_mutex_unlock(&journal->mutex);
    return QF_OK;
}

/* Makes a segment one that no replay will look at, for good. */
static enum qf_status segment_clear(struct qf_journal *journal, struct segment *segment)
{
    static const uint8_t zeros[JOURNAL_PAGE];
    enum qf_status status =
        journal->fs.write(journal->fs.self, segment->file, qf_slice_make(zeros, JOURNAL_PAGE), 0);
    return status == QF_OK ? journal->fs.sync(journal->fs.self, segment->file) : status;
}

/* ---- records ---- */

static void record_fixed(uint8_t out[JOURNAL_RECORD_FIXED_SIZE],
                         const struct qf_journal_block *block, uint64_t sequence, size_t body_size,
                         uint64_t durable)
{
    qf_be32_store(out, JOURNAL_RECORD_MAGIC);
    qf_be32_store(out + 4, (uint32_t)body_size);
    qf_be64_store(out + 8, sequence);
    qf_be64_store(out + 16, block->height);
    qf_be64_store(out + 24, (uint64_t)block->time_ms);
    qf_be64_store(out + 32, block->first_leaf);
    qf_be32_store(out + 40, (uint32_t)block->count);
    qf_be32_store(out + 44, (uint32_t)(durable / JOURNAL_PAGE));
}

/* ---- opening ---- */

/* Writes what was read once more and syncs it. A killed process leaves records in the page cache
 * that are not on disk yet; and after a sync that failed, pages that never got there count as
 * clean, so that a sync alone would do nothing. The bytes are the same, so tearing is harmless. */
static enum qf_status make_durable(struct qf_journal *journal, struct segment *segment)
{
    struct qf_buf piece = {0};
    enum qf_status status = QF_OK;
    for (uint64_t at = 0; status == QF_OK && at < segment->end;) {
        uint64_t size = segment->end - at < (1u << 20) ? segment->end - at : 1u << 20;
        status = journal_read_exact(journal, segment->file, &piece, (size_t)size, at);
        if (status == QF_OK)
            status = journal->fs.write(journal->fs.self, segment->file, qf_buf_slice(&piece), at);
        at += size;
    }
    qf_buf_deinit(&piece);
    return status == QF_OK ? journal->fs.sync(journal->fs.self, segment->file) : status;
}

/* Follows the chain and frees the segments that hold nothing. Where the disk lost or changed what
 * it had promised, nothing is touched. */
static enum qf_status follow_chain(struct qf_journal *journal, struct qf_error *err)
{
    struct chain chain = {0};
    struct segment *newest = NULL;
    struct segment *last = NULL; /* with records */
    bool torn = false;
    enum qf_status status = journal_follow(journal, &chain, NULL, NULL, &newest, &torn, err);
    for (size_t i = 0; i < journal->segment_count && status == QF_OK; i++) {
        struct segment *segment = journal->segments[i];
        if (segment->state != SEGMENT_LIVE)
            continue;
        if (segment->sequence > journal->sequence)
            journal->sequence = segment->sequence;
        if (segment->blocks > 0) {
            last = segment;
            continue;
        }
        segment->state = SEGMENT_FREE;
        status = segment_clear(journal, segment);
    }
    if (status != QF_OK)
        return status;
    journal->has_blocks = chain.started;
    journal->last_height = chain.height;
    journal->found_leaf = chain.first_leaf;
    journal->next_leaf = chain.next_leaf;
    memcpy(journal->last_hash, chain.hash, QF_HASH_SIZE);
    journal->sequence = (journal->sequence / SEQUENCE_STEP + 1) * SEQUENCE_STEP - 1;
    return last == NULL ? QF_OK : make_durable(journal, last);
}

/* Gives back the disk space of free segments beyond the few that are kept ready. */
static enum qf_status remove_excess(struct qf_journal *journal)
{
    size_t kept = 0;
    for (size_t i = 0; i < journal->segment_count;) {
        struct segment *segment = journal->segments[i];
        bool good = segment->size == journal->segment_size && kept < SPARE_MAX;
        if (segment->state != SEGMENT_FREE || good) {
            kept += segment->state == SEGMENT_FREE;
            i++;
            continue;
        }
        char path[JOURNAL_PATH_SIZE];
        journal_segment_path(journal, segment->number, path);
        journal->fs.close(journal->fs.self, segment->file);
        free(segment);
        journal->segment_count--;
        memmove(&journal->segments[i], &journal->segments[i + 1],
                (journal->segment_count - i) * sizeof journal->segments[0]);
        enum qf_status status = journal->fs.remove(journal->fs.self, path);
        if (status != QF_OK)
            return status;
    }
    return QF_OK;
}

/* The folder itself, and every folder that may have been made for it. */
static enum qf_status sync_folders(struct qf_journal *journal)
{
    char folder[sizeof journal->dir];
    snprintf(folder, sizeof folder, "%s", journal->dir);
    for (;;) {
        enum qf_status status = journal->fs.sync_dir(journal->fs.self, folder);
        if (status != QF_OK || folder[0] == '\0')
            return status;
        char *slash = strrchr(folder, '/');
        *(slash == NULL ? folder : slash) = '\0';
    }
}

static enum qf_status open_segments(struct qf_journal *journal, struct qf_error *err)
{
    enum qf_status status = journal->fs.make_dir(journal->fs.self, journal->dir);
    if (status == QF_OK)
        status = journal_load_segments(journal);
    if (status == QF_OK)
        status = follow_chain(journal, err);
    if (status == QF_OK)
        status = remove_excess(journal);
    if (status == QF_OK)
        status = segment_activate(journal, 2 * JOURNAL_PAGE);
    if (status == QF_OK)
        status = journal->fs.sync(journal->fs.self, journal->current->file);
    if (status == QF_OK)
        status = sync_folders(journal);
    return status;
}

enum qf_status qf_journal_open_sized(struct qf_journal **out, const struct qf_fs *fs,
                                     const char *dir, size_t segment_size, struct qf_error *err)
{
    struct qf_journal *journal = calloc(1, sizeof *journal);
    if (journal == NULL)
        return qf_fail(err, QF_NO_MEMORY, dir, "no memory for the journal");
    if (segment_size == 0)
        segment_size = QF_JOURNAL_SEGMENT_SIZE;
    QF_ASSERT(segment_size % JOURNAL_PAGE == 0 && segment_size >= 2 * JOURNAL_PAGE);
    QF_ASSERT(strlen(dir) < sizeof journal->dir);
    strcpy(journal->dir, dir); /* NOLINT: the size is asserted */
    journal->fs = *fs;
    journal->segment_size = segment_size;
    pthread_mutex_init(&journal->mutex, NULL);
    struct qf_error reason = {0};
    enum qf_status status = open_segments(journal, &reason);
    if (status != QF_OK) {
        qf_journal_close(journal);
        if (reason.status == status)
            return qf_fail(err, status, reason.field, "%s", reason.detail);
        return qf_fail(err, status == QF_NOT_FOUND ? QF_IO : status, dir,
                       "the journal cannot be opened: %s", qf_status_title(status));
    }
    *out = journal;
    return QF_OK;
}

enum qf_status qf_journal_open(struct qf_journal **out, const struct qf_fs *fs, const char *dir,
                               struct qf_error *err)
{
    return qf_journal_open_sized(out, fs, dir, 0, err);
}

void qf_journal_close(struct qf_journal *journal)
{
    if (journal == NULL)
        return;
    for (size_t i = 0; i < journal->segment_count; i++) {
        journal->fs.close(journal->fs.self, journal->segments[i]->file);
        free(journal->segments[i]);
    }
    qf_buf_deinit(&journal->record);
    pthread_mutex_destroy(&journal->mutex);
    free(journal);
}

bool qf_journal_extent(const struct qf_journal *journal, uint64_t *first_leaf, uint64_t *next_leaf)
{
    *first_leaf = journal->found_leaf;
    *next_leaf = journal->next_leaf;
    return journal->has_blocks;
}

enum qf_status qf_journal_replay(struct qf_journal *journal, uint64_t after_height,
                                 journal_block_fn *each, void *arg, struct qf_error *err)
{
    struct chain chain = {0};
    enum qf_status status = QF_OK;
    for (size_t i = 0; status == QF_OK && i < journal->segment_count; i++) {
        struct segment *segment = journal->segments[i];
        if (segment->state != SEGMENT_LIVE)
            continue;
        status = journal_scan_segment(journal, segment, &chain, after_height, each, arg);
    }
    if (status != QF_OK && err != NULL && err->status != status)
        return qf_fail(err, status, journal->dir, "the journal could not be replayed: %s",
                       qf_status_title(status));
    return status;
}

/* ---- appending ---- */

static enum qf_status build_record(struct qf_journal *journal, const struct qf_journal_block *block,
                                   uint64_t sequence, uint8_t hash[QF_HASH_SIZE])
{
    struct qf_buf *record = &journal->record;
    pthread_mutex_lock(&journal->mutex);
    uint64_t durable = journal->durable;
    pthread_mutex_unlock(&journal->mutex);
    qf_buf_reset(record);
    size_t body_size = 0;
    for (size_t i = 0; i < block->count; i++) {
        QF_ASSERT(block->entries[i].size <= QF_ENTRY_SIZE_MAX);
        body_size += 2 + block->entries[i].size;
    }
    size_t size = journal_round_up(JOURNAL_RECORD_HEADER_SIZE + body_size);
    uint8_t *bytes = qf_buf_reserve(record, size);
    if (bytes == NULL)
        return QF_NO_MEMORY;
    record_fixed(bytes, block, sequence, body_size, durable);
    journal_record_hash(hash, journal->last_hash, bytes, block->leaf_hashes, block->count);
    memcpy(bytes + JOURNAL_RECORD_FIXED_SIZE, hash, QF_HASH_SIZE);
    uint8_t *at = bytes + JOURNAL_RECORD_HEADER_SIZE;
    for (size_t i = 0; i < block->count; i++) {
        qf_be16_store(at, (uint16_t)block->entries[i].size);
        if (block->entries[i].size > 0)
            memcpy(at + 2, block->entries[i].data, block->entries[i].size);
        at += 2 + block->entries[i].size;
    }
    memset(at, 0, (size_t)(bytes + size - at));
    qf_buf_grow(record, size);
    return QF_OK;
}

static enum qf_status append(struct qf_journal *journal, const struct qf_journal_block *block)
{
    uint8_t hash[QF_HASH_SIZE];
    enum qf_status status = build_record(journal, block, journal->sequence, hash);
    if (status != QF_OK)
        return status;
    size_t size = journal->record.size;
    if (journal->position + size > journal->current->size) {
        /* What a sync covers is one file: the old one must be done before the next is begun. */
        status = journal->fs.sync(journal->fs.self, journal->current->file);
        if (status == QF_OK)
            status = segment_activate(journal, JOURNAL_PAGE + size);
        if (status == QF_OK)
            status = build_record(journal, block, journal->sequence, hash);
        if (status != QF_OK)
            return status;
    }
    status = journal->fs.write(journal->fs.self, journal->current->file,
                               qf_buf_slice(&journal->record), journal->position);
    if (status != QF_OK)
        return status;
    pthread_mutex_lock(&journal->mutex);
    journal->position += size;
    journal->has_blocks = true;
    journal->last_height = block->height;
    journal->next_leaf = block->first_leaf + block->count;
    journal->current->end_leaf = journal->next_leaf;
    memcpy(journal->last_hash, hash, QF_HASH_SIZE);
    pthread_mutex_unlock(&journal->mutex);
    return QF_OK;
}

/* Nothing is known about the disk after a failure: only a new opening can tell what it holds. */
static enum qf_status poison(struct qf_journal *journal, enum qf_status status)
{
    if (status == QF_OK)
        return QF_OK;
    atomic_store(&journal->poisoned, true);
    return status == QF_NOT_FOUND ? QF_IO : status;
}

enum qf_status qf_journal_append(struct qf_journal *journal, const struct qf_journal_block *block)
{
    if (atomic_load(&journal->poisoned))
        return QF_UNAVAILABLE;
    QF_ASSERT(block->count <= QF_BLOCK_TXS_MAX);
    QF_ASSERT(!journal->has_blocks || block->height > journal->last_height);
    QF_ASSERT(!journal->has_blocks || block->first_leaf == journal->next_leaf);
    return poison(journal, append(journal, block));
}

enum qf_status qf_journal_sync(struct qf_journal *journal)
{
    if (atomic_load(&journal->poisoned))
        return QF_UNAVAILABLE;
    pthread_mutex_lock(&journal->mutex);
    struct qf_file *file = journal->current->file;
    uint64_t sequence = journal->sequence;
    uint64_t position = journal->position;
    pthread_mutex_unlock(&journal->mutex);
    enum qf_status status = journal->fs.sync(journal->fs.self, file);
    /* An append that failed meanwhile may have failed to sync what this call answers for. */
    if (status == QF_OK && atomic_load(&journal->poisoned))
        status = QF_UNAVAILABLE;
    if (status != QF_OK)
        return poison(journal, status);
    pthread_mutex_lock(&journal->mutex);
    if (journal->sequence == sequence && position > journal->durable)
        journal->durable = position;
    pthread_mutex_unlock(&journal->mutex);
    return QF_OK;
}

enum qf_status qf_journal_trim(struct qf_journal *journal, uint64_t below_leaf)
{
    for (;;) {
        pthread_mutex_lock(&journal->mutex);
        struct segment *oldest = NULL;
        for (size_t i = 0; i < journal->segment_count; i++) {
            struct segment *segment = journal->segments[i];
            if (segment->state == SEGMENT_LIVE && segment->file != NULL &&
                (oldest == NULL || segment->sequence < oldest->sequence))
                oldest = segment;
        }
        if (oldest != NULL && oldest->end_leaf > below_leaf)
            oldest = NULL;
        pthread_mutex_unlock(&journal->mutex);
        if (oldest == NULL)
            return QF_OK;
        enum qf_status status = segment_clear(journal, oldest);
        if (status != QF_OK)
            return status == QF_NOT_FOUND ? QF_IO : status;
        pthread_mutex_lock(&journal->mutex);
        oldest->state = SEGMENT_FREE;
        pthread_mutex_unlock(&journal->mutex);
    }
}

enum qf_status qf_journal_prepare(struct qf_journal *journal)
{
    pthread_mutex_lock(&journal->mutex);
    bool ready = free_segment(journal, journal->segment_size) != NULL;
    pthread_mutex_unlock(&journal->mutex);
    return ready ? QF_OK : add_new_segment(journal, journal->segment_size);
}
