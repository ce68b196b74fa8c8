/* Parts of the journal shared between its files: segments, records, and reading along the chain. */
#ifndef QF_STORE_JOURNAL_INTERNAL_H
#define QF_STORE_JOURNAL_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "base/limits.h"
#include "store/journal.h"

#define JOURNAL_PAGE ((size_t)4096)
#define JOURNAL_RECORD_MAGIC 0x51464a31u /* "QFJ1" */
#define JOURNAL_RECORD_FIXED_SIZE 48
#define JOURNAL_RECORD_HEADER_SIZE (JOURNAL_RECORD_FIXED_SIZE + QF_HASH_SIZE)
#define JOURNAL_SEGMENTS_MAX 4096
#define JOURNAL_PATH_SIZE 256

enum segment_state { SEGMENT_FREE, SEGMENT_LIVE, SEGMENT_CURRENT };

struct segment {
    enum segment_state state;
    uint32_t number; /* names the file */
    struct qf_file *file;
    uint64_t size;
    uint64_t sequence;
    size_t blocks;     /* that a scan found */
    uint64_t end;      /* of them */
    uint64_t end_leaf; /* leaves below this are in it or before it */
    uint8_t prev_hash[QF_HASH_SIZE];
};

struct qf_journal {
    struct qf_fs fs;
    char dir[128];
    size_t segment_size;
    pthread_mutex_t mutex;
    struct segment *segments[JOURNAL_SEGMENTS_MAX];
    size_t segment_count;
    struct segment *current;
    atomic_bool poisoned;
    uint64_t sequence; /* of the current segment */
    uint64_t position; /* where the next record goes in it */
    uint64_t durable;  /* bytes of it that were synced */
    uint8_t last_hash[QF_HASH_SIZE];
    bool has_blocks;
    uint64_t last_height;
    uint64_t found_leaf; /* of the first block, when it was opened */
    uint64_t next_leaf;
    struct qf_buf record;
};

/* Where a scan stands: the chain so far. */
struct chain {
    bool linked;  /* `hash` is known: a segment was seen */
    bool started; /* a block was seen */
    uint64_t height;
    uint64_t first_leaf, next_leaf;
    uint8_t hash[QF_HASH_SIZE];
};

typedef enum qf_status journal_block_fn(void *arg, const struct qf_journal_block *block);

static inline size_t journal_round_up(size_t size)
{
    return (size + JOURNAL_PAGE - 1) / JOURNAL_PAGE * JOURNAL_PAGE;
}

void journal_segment_path(const struct qf_journal *journal, uint32_t number,
                          char out[JOURNAL_PATH_SIZE]);
/* The first page of a segment. */
void journal_segment_header(uint8_t out[JOURNAL_PAGE], uint64_t sequence,
                            const uint8_t prev[QF_HASH_SIZE]);
void journal_record_hash(uint8_t out[QF_HASH_SIZE], const uint8_t prev[QF_HASH_SIZE],
                         const uint8_t *fixed, const uint8_t (*leaf_hashes)[QF_HASH_SIZE],
                         size_t count);

/* QF_NOT_FOUND when the file ends before. */
enum qf_status journal_read_exact(const struct qf_journal *journal, struct qf_file *file,
                                  struct qf_buf *out, size_t size, uint64_t offset);

/* Opens the folder's segments and orders them by sequence; those without a whole header are free.
 */
enum qf_status journal_load_segments(struct qf_journal *journal);

/* Reads one segment's records along the chain and notes in it how many there are and where they
 * end. `each` (may be NULL) sees those above `after_height`. */
enum qf_status journal_scan_segment(struct qf_journal *journal, struct segment *segment,
                                    struct chain *chain, uint64_t after_height,
                                    journal_block_fn *each, void *arg);

/* Follows the chain over the live segments, oldest first. QF_CORRUPT with the place and the reason
 * when something that was durable is not there whole: a segment does not continue the one before,
 * or behind the last whole record stand others that were written when the one between was durable.
 * *last: the newest segment, NULL when there is none; *torn: behind its records stands one that is
 * not whole, which nothing shows to have been durable. */
enum qf_status journal_follow(struct qf_journal *journal, struct chain *chain,
                              journal_block_fn *each, void *arg, struct segment **last, bool *torn,
                              struct qf_error *err);

#endif
