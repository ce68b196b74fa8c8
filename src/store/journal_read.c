/* Reading segments and records, and following the chain. */
#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "store/journal_internal.h"

#define SEGMENT_HEADER_SIZE 88 /* magic(16) seq(8) prev_hash(32) sha256(32) */
#define SEQUENCE_MAX ((uint64_t)1 << 62)
#define BODY_SIZE_MAX ((size_t)QF_BLOCK_TXS_MAX * (2 + QF_ENTRY_SIZE_MAX))
#define PIECE ((size_t)1 << 20) /* read at once when looking for records */

/* A record read back; buffers grow and are reused. */
struct record_reader {
    struct qf_buf bytes;
    struct qf_slice *entries;
    uint8_t (*leaf_hashes)[QF_HASH_SIZE];
    size_t capacity;
};

void journal_segment_path(const struct qf_journal *journal, uint32_t number,
                          char out[JOURNAL_PATH_SIZE])
{
    snprintf(out, JOURNAL_PATH_SIZE, "%s/segment-%05u", journal->dir, (unsigned)number);
}

void journal_segment_header(uint8_t out[JOURNAL_PAGE], uint64_t sequence,
                            const uint8_t prev[QF_HASH_SIZE])
{
    const struct qf_slice magic = qf_slice_of("qf-journal-seg1\n");
    memset(out, 0, JOURNAL_PAGE);
    memcpy(out, magic.data, magic.size);
    qf_be64_store(out + 16, sequence);
    memcpy(out + 24, prev, QF_HASH_SIZE);
    qf_hash(QF_HASH_SHA256, out + 56, qf_slice_make(out, 56));
}

void journal_record_hash(uint8_t out[QF_HASH_SIZE], const uint8_t prev[QF_HASH_SIZE],
                         const uint8_t *fixed, const uint8_t (*leaf_hashes)[QF_HASH_SIZE],
                         size_t count)
{
    const struct qf_slice parts[3] = {{prev, QF_HASH_SIZE},
                                      {fixed, JOURNAL_RECORD_FIXED_SIZE},
                                      {(const uint8_t *)leaf_hashes, count * QF_HASH_SIZE}};
    qf_hash_parts(QF_HASH_SHA256, out, parts, count > 0 ? 3 : 2);
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

enum qf_status journal_read_exact(const struct qf_journal *journal, struct qf_file *file,
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
    if (position + JOURNAL_PAGE > segment->size)
        return QF_NOT_FOUND;
    enum qf_status status =
        journal_read_exact(journal, segment->file, &reader->bytes, JOURNAL_PAGE, position);
    if (status != QF_OK)
        return status;
    const uint8_t *fixed = reader->bytes.data;
    size_t body_size = qf_be32_load(fixed + 4);
    size_t count = qf_be32_load(fixed + 40);
    if (qf_be32_load(fixed) != JOURNAL_RECORD_MAGIC ||
        qf_be64_load(fixed + 8) != segment->sequence ||
        qf_be32_load(fixed + 44) > position / JOURNAL_PAGE || count > QF_BLOCK_TXS_MAX ||
        body_size > BODY_SIZE_MAX || body_size < count * 2)
        return QF_NOT_FOUND;
    *size = journal_round_up(JOURNAL_RECORD_HEADER_SIZE + body_size);
    if (*size > segment->size - position)
        return QF_NOT_FOUND;
    if (*size > JOURNAL_PAGE)
        status = journal_read_exact(journal, segment->file, &reader->bytes, *size, position);
    if (status != QF_OK)
        return status;
    fixed = reader->bytes.data;
    status =
        split_body(reader, count, (struct qf_slice){fixed + JOURNAL_RECORD_HEADER_SIZE, body_size});
    if (status != QF_OK)
        return status;
    uint8_t hash[QF_HASH_SIZE];
    journal_record_hash(hash, chain->hash, fixed,
                        (const uint8_t(*)[QF_HASH_SIZE])reader->leaf_hashes, count);
    *block = (struct qf_journal_block){
        .height = qf_be64_load(fixed + 16),
        .time_ms = (int64_t)qf_be64_load(fixed + 24),
        .first_leaf = qf_be64_load(fixed + 32),
        .count = count,
        .entries = reader->entries,
        .leaf_hashes = (const uint8_t(*)[QF_HASH_SIZE])reader->leaf_hashes,
    };
    if (memcmp(hash, fixed + JOURNAL_RECORD_FIXED_SIZE, QF_HASH_SIZE) != 0 ||
        (chain->started &&
         (block->height <= chain->height || block->first_leaf != chain->next_leaf)))
        return QF_NOT_FOUND;
    if (!chain->started)
        chain->first_leaf = block->first_leaf;
    chain->started = true;
    chain->height = block->height;
    chain->next_leaf = block->first_leaf + count;
    memcpy(chain->hash, hash, QF_HASH_SIZE);
    return QF_OK;
}

enum qf_status journal_scan_segment(struct qf_journal *journal, struct segment *segment,
                                    struct chain *chain, uint64_t after_height,
                                    journal_block_fn *each, void *arg)
{
    struct record_reader reader = {0};
    enum qf_status status = QF_OK;
    segment->end = JOURNAL_PAGE;
    segment->blocks = 0;
    memcpy(chain->hash, segment->prev_hash, QF_HASH_SIZE);
    chain->linked = true;
    while (status == QF_OK) {
        struct qf_journal_block block;
        size_t size = 0;
        status = read_record(journal, segment, segment->end, chain, &reader, &block, &size);
        if (status == QF_NOT_FOUND) {
            status = QF_OK;
            break;
        }
        if (status == QF_OK) {
            segment->end += size;
            segment->blocks++;
            if (each != NULL && block.height > after_height)
                status = each(arg, &block);
        }
    }
    reader_deinit(&reader);
    return status;
}

struct name_list {
    uint32_t numbers[JOURNAL_SEGMENTS_MAX];
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
    if (names->count == JOURNAL_SEGMENTS_MAX)
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
    char path[JOURNAL_PATH_SIZE];
    journal_segment_path(journal, number, path);
    enum qf_status status = journal->fs.open(journal->fs.self, &segment->file, path, false);
    if (status != QF_OK) {
        free(segment);
        return status;
    }
    QF_ASSERT(journal->segment_count < JOURNAL_SEGMENTS_MAX);
    journal->segments[journal->segment_count++] = segment;
    status = journal->fs.size(journal->fs.self, segment->file, &segment->size);
    segment->size -= segment->size % JOURNAL_PAGE;
    if (status == QF_OK)
        status = journal_read_exact(journal, segment->file, &page, JOURNAL_PAGE, 0);
    if (status == QF_OK) {
        uint8_t wanted[JOURNAL_PAGE];
        uint64_t sequence = qf_be64_load(page.data + 16);
        journal_segment_header(wanted, sequence, page.data + 24);
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

enum qf_status journal_load_segments(struct qf_journal *journal)
{
    struct name_list *names = calloc(1, sizeof *names);
    if (names == NULL)
        return QF_NO_MEMORY;
    enum qf_status status = journal->fs.list(journal->fs.self, journal->dir, take_name, names);
    if (status == QF_OK && names->overflow)
        status = QF_OVER_LIMIT;
    for (size_t i = 0; status == QF_OK && i < names->count; i++)
        status = load_segment(journal, names->numbers[i]);
    free(names);
    if (journal->segment_count > 0)
        qsort(journal->segments, journal->segment_count, sizeof journal->segments[0], by_sequence);
    return status;
}

/* ---- the chain ---- */

static enum qf_status damaged(const struct qf_journal *journal, const struct segment *segment,
                              const struct chain *chain, struct qf_error *err)
{
    char path[JOURNAL_PATH_SIZE];
    journal_segment_path(journal, segment->number, path);
    if (!chain->started)
        return qf_fail(err, QF_CORRUPT, path,
                       "its first record, at byte %llu, is damaged, though it was durable",
                       (unsigned long long)segment->end);
    return qf_fail(err, QF_CORRUPT, path,
                   "the record at byte %llu, behind block %llu, which begins with entry %llu, is "
                   "damaged or missing, though it was durable",
                   (unsigned long long)segment->end, (unsigned long long)chain->height,
                   (unsigned long long)chain->next_leaf);
}

/* Looks for records of this use of the segment behind the last whole one. Each says how much of the
 * segment was durable when it was written. */
static enum qf_status look_behind(const struct qf_journal *journal, const struct segment *segment,
                                  bool *torn, bool *lost)
{
    struct qf_buf piece = {0};
    enum qf_status status = QF_OK;
    *torn = *lost = false;
    for (uint64_t at = segment->end; status == QF_OK && at < segment->size && !*lost; at += PIECE) {
        size_t size = segment->size - at < PIECE ? (size_t)(segment->size - at) : PIECE;
        status = journal_read_exact(journal, segment->file, &piece, size, at);
        for (size_t page = 0; status == QF_OK && page < size; page += JOURNAL_PAGE) {
            const uint8_t *fixed = piece.data + page;
            uint64_t durable = (uint64_t)qf_be32_load(fixed + 44) * JOURNAL_PAGE;
            if (qf_be32_load(fixed) != JOURNAL_RECORD_MAGIC ||
                qf_be64_load(fixed + 8) != segment->sequence)
                continue;
            *torn = true;
            *lost = *lost || (durable > segment->end && durable <= at + page);
        }
    }
    qf_buf_deinit(&piece);
    return status == QF_NOT_FOUND ? QF_OK : status; /* it shrank: nothing stands there */
}

enum qf_status journal_follow(struct qf_journal *journal, struct chain *chain,
                              journal_block_fn *each, void *arg, struct segment **last, bool *torn,
                              struct qf_error *err)
{
    bool lost = false;
    enum qf_status status = QF_OK;
    *last = NULL;
    *torn = false;
    for (size_t i = 0; i < journal->segment_count && status == QF_OK; i++) {
        struct segment *segment = journal->segments[i];
        if (segment->state != SEGMENT_LIVE)
            continue;
        QF_ASSERT(!chain->linked || *last != NULL);
        if (chain->linked && memcmp(segment->prev_hash, chain->hash, QF_HASH_SIZE) != 0)
            return damaged(journal, *last, chain, err);
        status = journal_scan_segment(journal, segment, chain, 0, each, arg);
        segment->end_leaf = chain->next_leaf;
        *last = segment;
    }
    if (status == QF_OK && *last != NULL)
        status = look_behind(journal, *last, torn, &lost);
    return status == QF_OK && lost ? damaged(journal, *last, chain, err) : status;
}
