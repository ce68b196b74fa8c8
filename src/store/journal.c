/* Segments and records of the journal; the invariants are at the head of journal.h, the bytes in
 * spec/on-disk.md.
 *
 *   free ──segment_activate──▶ current ──(full)──▶ live ──qf_journal_trim──▶ free
 *
 * `mutex` guards the list of segments and their state. Segment objects stay at their address and
 * keep their file open until the journal is closed, so the thread that syncs may use one without
 * the mutex. */
#include "store/journal.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/limits.h"

#define PAGE ((size_t)4096)
#define RECORD_MAGIC 0x51464a31u /* "QFJ1" */
#define SEGMENT_HEADER_SIZE 88   /* magic(16) seq(8) prev_hash(32) sha256(32) */
#define RECORD_FIXED_SIZE 48
#define RECORD_HEADER_SIZE (RECORD_FIXED_SIZE + QF_HASH_SIZE)
#define SEGMENTS_MAX 4096
#define SPARE_MAX 2
/* The low bits count segments of one opening; each opening moves on to the next multiple, so that a
 * sequence whose header was lost in a crash is not used again. */
#define SEQUENCE_STEP 65536u
#define SEQUENCE_MAX ((uint64_t)1 << 62)
#define BODY_SIZE_MAX ((size_t)QF_BLOCK_TXS_MAX * (2 + QF_ENTRY_SIZE_MAX))

enum segment_state { SEGMENT_FREE, SEGMENT_LIVE, SEGMENT_CURRENT };

struct segment {
    enum segment_state state;
    uint32_t number; /* names the file */
    struct qf_file *file;
    uint64_t size;
    uint64_t sequence;
    uint64_t end;      /* of its records, where a scan found it */
    uint64_t end_leaf; /* leaves below this are in it or before it */
    uint8_t prev_hash[QF_HASH_SIZE];
};

struct qf_journal {
    struct qf_fs fs;
    char dir[128];
    size_t segment_size;
    pthread_mutex_t mutex;
    struct segment *segments[SEGMENTS_MAX];
    size_t segment_count;
    struct segment *current;
    atomic_bool poisoned;
    uint64_t sequence; /* of the current segment */
    uint64_t position; /* where the next record goes in it */
    uint8_t last_hash[QF_HASH_SIZE];
    bool has_blocks;
    uint64_t last_height;
    uint64_t next_leaf;
    struct qf_buf record;
};

/* Where a scan stands: the chain so far. */
struct chain {
    bool started;
    uint64_t height;
    uint64_t next_leaf;
    uint8_t hash[QF_HASH_SIZE];
};

/* A record read back; buffers grow and are reused. */
struct record_reader {
    struct qf_buf bytes;
    struct qf_slice *entries;
    uint8_t (*leaf_hashes)[QF_HASH_SIZE];
    size_t capacity;
};

static size_t round_up(size_t size)
{
    return (size + PAGE - 1) / PAGE * PAGE;
}

static void segment_path(const struct qf_journal *journal, uint32_t number, char out[256])
{
    snprintf(out, 256, "%s/segment-%05u", journal->dir, (unsigned)number);
}

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
    char path[256];
    segment_path(journal, out->number, path);
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
    QF_ASSERT(journal->segment_count < SEGMENTS_MAX);
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
    bool full = journal->segment_count == SEGMENTS_MAX;
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

static void segment_header(uint8_t out[PAGE], uint64_t sequence, const uint8_t prev[QF_HASH_SIZE])
{
    const struct qf_slice magic = qf_slice_of("qf-journal-seg1\n");
    memset(out, 0, PAGE);
    memcpy(out, magic.data, magic.size);
    qf_be64_store(out + 16, sequence);
    memcpy(out + 24, prev, QF_HASH_SIZE);
    qf_hash(QF_HASH_SHA256, out + 56, qf_slice_make(out, 56));
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
    uint8_t header[2 * PAGE]; /* and an empty first record */
    memset(header, 0, sizeof header);
    segment_header(header, journal->sequence + 1, journal->last_hash);
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
    journal->position = PAGE;
    pthread_mutex_unlock(&journal->mutex);
    return QF_OK;
}

/* Makes a segment one that no replay will look at, for good. */
static enum qf_status segment_clear(struct qf_journal *journal, struct segment *segment)
{
    static const uint8_t zeros[PAGE];
    enum qf_status status =
        journal->fs.write(journal->fs.self, segment->file, qf_slice_make(zeros, PAGE), 0);
    return status == QF_OK ? journal->fs.sync(journal->fs.self, segment->file) : status;
}

/* ---- records ---- */

static void record_hash(uint8_t out[QF_HASH_SIZE], const uint8_t prev[QF_HASH_SIZE],
                        const uint8_t *fixed, const uint8_t (*leaf_hashes)[QF_HASH_SIZE],
                        size_t count)
{
    const struct qf_slice parts[3] = {
        {prev, QF_HASH_SIZE}, {fixed, RECORD_FIXED_SIZE}, {leaf_hashes[0], count * QF_HASH_SIZE}};
    qf_hash_parts(QF_HASH_SHA256, out, parts, count > 0 ? 3 : 2);
}

static void record_fixed(uint8_t out[RECORD_FIXED_SIZE], const struct qf_journal_block *block,
                         uint64_t sequence, size_t body_size)
{
    qf_be32_store(out, RECORD_MAGIC);
    qf_be32_store(out + 4, (uint32_t)body_size);
    qf_be64_store(out + 8, sequence);
    qf_be64_store(out + 16, block->height);
    qf_be64_store(out + 24, (uint64_t)block->time_ms);
    qf_be64_store(out + 32, block->first_leaf);
    qf_be32_store(out + 40, (uint32_t)block->count);
    qf_be32_store(out + 44, 0);
}

static enum qf_status reader_reserve(struct record_reader *reader, size_t count)
{
    if (count <= reader->capacity)
        return QF_OK;
    free(reader->entries);
    free(reader->leaf_hashes);
    reader->entries = calloc(count, sizeof *reader->entries);
    reader->leaf_hashes = calloc(count, sizeof *reader->leaf_hashes);
    reader->capacity = reader->entries != NULL && reader->leaf_hashes != NULL ? count : 0;
    return reader->capacity == count ? QF_OK : QF_NO_MEMORY;
}

static void reader_deinit(struct record_reader *reader)
{
    qf_buf_deinit(&reader->bytes);
    free(reader->entries);
    free(reader->leaf_hashes);
    *reader = (struct record_reader){0};
}

static enum qf_status read_exact(const struct qf_journal *journal, struct qf_file *file,
                                 struct qf_buf *out, size_t size, uint64_t offset)
{
    qf_buf_reset(out);
    uint8_t *place = qf_buf_reserve(out, size);
    if (place == NULL)
        return QF_NO_MEMORY;
    size_t got = 0;
    enum qf_status status = journal->fs.read(journal->fs.self, file, place, size, offset, &got);
    if (status != QF_OK)
        return status;
    qf_buf_grow(out, got);
    return got == size ? QF_OK : QF_NOT_FOUND;
}

/* Splits the body into entries and hashes them; QF_NOT_FOUND when it does not add up. */
static enum qf_status split_body(struct record_reader *reader, size_t count, struct qf_slice body)
{
    enum qf_status status = reader_reserve(reader, count);
    if (status != QF_OK)
        return status;
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        if (body.size - at < 2)
            return QF_NOT_FOUND;
        size_t size = qf_be16_load(body.data + at);
        at += 2;
        if (body.size - at < size)
            return QF_NOT_FOUND;
        reader->entries[i] = (struct qf_slice){body.data + at, size};
        qf_hash_leaf(QF_HASH_SHA256, reader->leaf_hashes[i], reader->entries[i]);
        at += size;
    }
    return at == body.size ? QF_OK : QF_NOT_FOUND;
}

/* Reads the record at `position`; QF_NOT_FOUND when there is no whole one that continues the
 * chain, which is moved on otherwise. *size: bytes of it with padding. */
static enum qf_status read_record(struct qf_journal *journal, const struct segment *segment,
                                  uint64_t position, struct chain *chain,
                                  struct record_reader *reader, struct qf_journal_block *block,
                                  size_t *size)
{
    if (position + PAGE > segment->size)
        return QF_NOT_FOUND;
    enum qf_status status = read_exact(journal, segment->file, &reader->bytes, PAGE, position);
    if (status != QF_OK)
        return status;
    const uint8_t *fixed = reader->bytes.data;
    size_t body_size = qf_be32_load(fixed + 4);
    size_t count = qf_be32_load(fixed + 40);
    if (qf_be32_load(fixed) != RECORD_MAGIC || qf_be64_load(fixed + 8) != segment->sequence ||
        qf_be32_load(fixed + 44) != 0 || count > QF_BLOCK_TXS_MAX || body_size > BODY_SIZE_MAX ||
        body_size < count * 2)
        return QF_NOT_FOUND;
    *size = round_up(RECORD_HEADER_SIZE + body_size);
    if (*size > segment->size - position)
        return QF_NOT_FOUND;
    if (*size > PAGE)
        status = read_exact(journal, segment->file, &reader->bytes, *size, position);
    if (status != QF_OK)
        return status;
    fixed = reader->bytes.data;
    status = split_body(reader, count, (struct qf_slice){fixed + RECORD_HEADER_SIZE, body_size});
    if (status != QF_OK)
        return status;
    uint8_t hash[QF_HASH_SIZE];
    record_hash(hash, chain->hash, fixed, (const uint8_t(*)[QF_HASH_SIZE])reader->leaf_hashes,
                count);
    *block = (struct qf_journal_block){
        .height = qf_be64_load(fixed + 16),
        .time_ms = (int64_t)qf_be64_load(fixed + 24),
        .first_leaf = qf_be64_load(fixed + 32),
        .count = count,
        .entries = reader->entries,
        .leaf_hashes = (const uint8_t(*)[QF_HASH_SIZE])reader->leaf_hashes,
    };
    if (memcmp(hash, fixed + RECORD_FIXED_SIZE, QF_HASH_SIZE) != 0 ||
        (chain->started &&
         (block->height <= chain->height || block->first_leaf != chain->next_leaf)))
        return QF_NOT_FOUND;
    chain->started = true;
    chain->height = block->height;
    chain->next_leaf = block->first_leaf + count;
    memcpy(chain->hash, hash, QF_HASH_SIZE);
    return QF_OK;
}

typedef enum qf_status block_fn(void *arg, const struct qf_journal_block *block);

/* Reads one segment's records along the chain; *blocks counts them. */
static enum qf_status scan_segment(struct qf_journal *journal, struct segment *segment,
                                   struct chain *chain, uint64_t after_height, block_fn *each,
                                   void *arg, size_t *blocks)
{
    segment->end = PAGE;
    struct record_reader reader = {0};
    uint64_t position = PAGE;
    *blocks = 0;
    enum qf_status status;
    for (;;) {
        struct qf_journal_block block;
        size_t size = 0;
        status = read_record(journal, segment, position, chain, &reader, &block, &size);
        if (status != QF_OK)
            break;
        position += size;
        segment->end = position;
        (*blocks)++;
        if (each != NULL && block.height > after_height)
            status = each(arg, &block);
        if (status != QF_OK)
            goto done;
    }
    if (status == QF_NOT_FOUND)
        status = QF_OK;
done:
    reader_deinit(&reader);
    return status;
}

/* ---- opening ---- */

struct name_list {
    uint32_t numbers[SEGMENTS_MAX];
    size_t count;
    bool overflow;
};

static void take_name(void *arg, const char *name)
{
    struct name_list *names = arg;
    static const char prefix[] = "segment-";
    if (strncmp(name, prefix, sizeof prefix - 1) != 0)
        return;
    uint32_t number = 0;
    size_t digits = 0;
    for (const char *p = name + sizeof prefix - 1; *p != '\0'; p++, digits++) {
        if (*p < '0' || *p > '9' || digits == 9)
            return;
        number = number * 10 + (uint32_t)(*p - '0');
    }
    if (digits < 5)
        return;
    if (names->count == SEGMENTS_MAX)
        names->overflow = true;
    else
        names->numbers[names->count++] = number;
}

/* Opens a segment's file and reads its header; one that is not whole makes it free. */
static enum qf_status load_segment(struct qf_journal *journal, uint32_t number)
{
    struct segment *segment = calloc(1, sizeof *segment);
    struct qf_buf page = {0};
    if (segment == NULL)
        return QF_NO_MEMORY;
    segment->number = number;
    char path[256];
    segment_path(journal, number, path);
    enum qf_status status = journal->fs.open(journal->fs.self, &segment->file, path, false);
    if (status != QF_OK) {
        free(segment);
        return status;
    }
    add_segment(journal, segment);
    status = journal->fs.size(journal->fs.self, segment->file, &segment->size);
    segment->size -= segment->size % PAGE;
    if (status == QF_OK)
        status = read_exact(journal, segment->file, &page, PAGE, 0);
    if (status == QF_OK) {
        uint8_t wanted[PAGE];
        uint64_t sequence = qf_be64_load(page.data + 16);
        segment_header(wanted, sequence, page.data + 24);
        if (memcmp(wanted, page.data, SEGMENT_HEADER_SIZE) == 0 && sequence <= SEQUENCE_MAX) {
            segment->state = SEGMENT_LIVE;
            segment->sequence = sequence;
            memcpy(segment->prev_hash, page.data + 24, QF_HASH_SIZE);
        }
    } else if (status == QF_NOT_FOUND) {
        status = QF_OK; /* shorter than a page: creation was cut short */
    }
    qf_buf_deinit(&page);
    return status;
}

static int by_sequence(const void *a, const void *b)
{
    const struct segment *x = *(struct segment *const *)a;
    const struct segment *y = *(struct segment *const *)b;
    return (x->sequence > y->sequence) - (x->sequence < y->sequence);
}

/* Writes what was read once more and syncs it. A killed process leaves records in the page cache
 * that are not on disk yet; and after a sync that failed, pages that never got there count as
 * clean, so that a sync alone would do nothing. The bytes are the same, so tearing is harmless. */
static enum qf_status make_durable(struct qf_journal *journal, struct segment *segment)
{
    struct qf_buf piece = {0};
    enum qf_status status = QF_OK;
    for (uint64_t at = 0; status == QF_OK && at < segment->end;) {
        uint64_t size = segment->end - at < (1u << 20) ? segment->end - at : 1u << 20;
        status = read_exact(journal, segment->file, &piece, (size_t)size, at);
        if (status == QF_OK)
            status = journal->fs.write(journal->fs.self, segment->file, qf_buf_slice(&piece), at);
        at += size;
    }
    qf_buf_deinit(&piece);
    return status == QF_OK ? journal->fs.sync(journal->fs.self, segment->file) : status;
}

/* Follows the chain over the live segments, oldest first, and frees those that hold nothing. A
 * segment is begun only after the one before it was synced, so one that does not continue the chain
 * means that the disk lost or changed what it had promised: nothing is touched then. */
static enum qf_status follow_chain(struct qf_journal *journal)
{
    struct chain chain = {0};
    bool first = true;
    struct segment *last = NULL;
    qsort(journal->segments, journal->segment_count, sizeof journal->segments[0], by_sequence);
    for (size_t i = 0; i < journal->segment_count; i++) {
        struct segment *segment = journal->segments[i];
        if (segment->state != SEGMENT_LIVE)
            continue;
        if (segment->sequence > journal->sequence)
            journal->sequence = segment->sequence;
        size_t blocks = 0;
        if (!first && memcmp(segment->prev_hash, chain.hash, QF_HASH_SIZE) != 0)
            return QF_CORRUPT;
        memcpy(chain.hash, segment->prev_hash, QF_HASH_SIZE);
        first = false;
        enum qf_status status = scan_segment(journal, segment, &chain, 0, NULL, NULL, &blocks);
        if (status == QF_OK && blocks == 0) {
            segment->state = SEGMENT_FREE;
            status = segment_clear(journal, segment);
        } else if (status == QF_OK) {
            last = segment;
        }
        if (status != QF_OK)
            return status;
        segment->end_leaf = chain.next_leaf;
    }
    journal->has_blocks = chain.started;
    journal->last_height = chain.height;
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
        char path[256];
        segment_path(journal, segment->number, path);
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

static enum qf_status open_segments(struct qf_journal *journal)
{
    enum qf_status status = journal->fs.make_dir(journal->fs.self, journal->dir);
    struct name_list *names = calloc(1, sizeof *names);
    if (names == NULL)
        return QF_NO_MEMORY;
    if (status == QF_OK)
        status = journal->fs.list(journal->fs.self, journal->dir, take_name, names);
    if (status == QF_OK && names->overflow)
        status = QF_OVER_LIMIT;
    for (size_t i = 0; status == QF_OK && i < names->count; i++)
        status = load_segment(journal, names->numbers[i]);
    free(names);
    if (status == QF_OK)
        status = follow_chain(journal);
    if (status == QF_OK)
        status = remove_excess(journal);
    if (status == QF_OK)
        status = segment_activate(journal, 2 * PAGE);
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
    QF_ASSERT(segment_size % PAGE == 0 && segment_size >= 2 * PAGE);
    QF_ASSERT(strlen(dir) < sizeof journal->dir);
    strcpy(journal->dir, dir); /* NOLINT: the size is asserted */
    journal->fs = *fs;
    journal->segment_size = segment_size;
    pthread_mutex_init(&journal->mutex, NULL);
    enum qf_status status = open_segments(journal);
    if (status != QF_OK) {
        qf_journal_close(journal);
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

enum qf_status qf_journal_replay(struct qf_journal *journal, uint64_t after_height, block_fn *each,
                                 void *arg, struct qf_error *err)
{
    struct chain chain = {0};
    enum qf_status status = QF_OK;
    for (size_t i = 0; status == QF_OK && i < journal->segment_count; i++) {
        struct segment *segment = journal->segments[i];
        if (segment->state != SEGMENT_LIVE)
            continue;
        size_t blocks = 0;
        memcpy(chain.hash, segment->prev_hash, QF_HASH_SIZE);
        status = scan_segment(journal, segment, &chain, after_height, each, arg, &blocks);
    }
    if (status != QF_OK && err != NULL && err->status != status)
        return qf_fail(err, status, journal->dir, "the journal could not be replayed: %s",
                       qf_status_title(status));
    return status;
}

static enum qf_status note_block(void *arg, const struct qf_journal_block *block)
{
    struct qf_journal_report *report = arg;
    if (report->blocks++ == 0)
        report->first_leaf = block->first_leaf;
    report->next_leaf = block->first_leaf + block->count;
    report->last_height = block->height;
    return QF_OK;
}

static enum qf_status inspect_segments(struct qf_journal *journal, struct qf_journal_report *out)
{
    struct name_list *names = calloc(1, sizeof *names);
    struct chain chain = {0};
    bool first = true;
    if (names == NULL)
        return QF_NO_MEMORY;
    enum qf_status status = journal->fs.list(journal->fs.self, journal->dir, take_name, names);
    if (status == QF_OK && names->overflow)
        status = QF_OVER_LIMIT;
    for (size_t i = 0; status == QF_OK && i < names->count; i++)
        status = load_segment(journal, names->numbers[i]);
    free(names);
    qsort(journal->segments, journal->segment_count, sizeof journal->segments[0], by_sequence);
    for (size_t i = 0; status == QF_OK && i < journal->segment_count; i++) {
        struct segment *segment = journal->segments[i];
        size_t blocks = 0;
        if (segment->state != SEGMENT_LIVE)
            continue;
        if (!first && memcmp(segment->prev_hash, chain.hash, QF_HASH_SIZE) != 0)
            return QF_CORRUPT;
        memcpy(chain.hash, segment->prev_hash, QF_HASH_SIZE);
        first = false;
        status = scan_segment(journal, segment, &chain, 0, note_block, out, &blocks);
        out->segments += blocks > 0;
    }
    return status;
}

enum qf_status qf_journal_inspect(struct qf_journal_report *out, const struct qf_fs *fs,
                                  const char *dir, struct qf_error *err)
{
    *out = (struct qf_journal_report){0};
    struct qf_journal *journal = calloc(1, sizeof *journal);
    if (journal == NULL)
        return qf_fail(err, QF_NO_MEMORY, dir, "no memory for the journal");
    QF_ASSERT(strlen(dir) < sizeof journal->dir);
    strcpy(journal->dir, dir); /* NOLINT: the size is asserted */
    journal->fs = *fs;
    pthread_mutex_init(&journal->mutex, NULL);
    enum qf_status status = inspect_segments(journal, out);
    qf_journal_close(journal);
    return status == QF_OK ? QF_OK
                           : qf_fail(err, status, dir, "the journal cannot be read: %s",
                                     qf_status_title(status));
}

/* ---- appending ---- */

static enum qf_status build_record(struct qf_journal *journal, const struct qf_journal_block *block,
                                   uint64_t sequence, uint8_t hash[QF_HASH_SIZE])
{
    struct qf_buf *record = &journal->record;
    qf_buf_reset(record);
    size_t body_size = 0;
    for (size_t i = 0; i < block->count; i++) {
        QF_ASSERT(block->entries[i].size <= QF_ENTRY_SIZE_MAX);
        body_size += 2 + block->entries[i].size;
    }
    size_t size = round_up(RECORD_HEADER_SIZE + body_size);
    uint8_t *bytes = qf_buf_reserve(record, size);
    if (bytes == NULL)
        return QF_NO_MEMORY;
    record_fixed(bytes, block, sequence, body_size);
    record_hash(hash, journal->last_hash, bytes, block->leaf_hashes, block->count);
    memcpy(bytes + RECORD_FIXED_SIZE, hash, QF_HASH_SIZE);
    uint8_t *at = bytes + RECORD_HEADER_SIZE;
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
            status = segment_activate(journal, PAGE + size);
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
    pthread_mutex_unlock(&journal->mutex);
    enum qf_status status = journal->fs.sync(journal->fs.self, file);
    /* An append that failed meanwhile may have failed to sync what this call answers for. */
    if (status == QF_OK && atomic_load(&journal->poisoned))
        status = QF_UNAVAILABLE;
    return poison(journal, status);
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
