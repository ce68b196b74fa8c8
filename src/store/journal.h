/* The journal: the node's write-ahead log of blocks. A block is durable when qf_journal_sync has
 * returned after its append; nothing is acknowledged before.
 *
 * Segments are preallocated files, reused in turn, so that a sync in steady state writes data only.
 * A record is one block: header (height, time, first leaf, count), the entries exactly as they
 * stand in the log (uint16 length, bytes), and a SHA-256 over the previous record's hash, the
 * header and the leaf hashes, by which a torn record, and one left over from an earlier use of the
 * segment, is known. After a crash the journal ends before the first record that is not whole.
 * Each record also says how much of its segment was durable when it was written: by that a record
 * that was promised and is damaged is told from one that nobody was promised.
 * Records are kept until qf_journal_trim says that the tiles and the state have everything below a
 * leaf. Bytes: spec/on-disk.md.
 *
 *   1. A page that holds a part of a synced record is never written again (records are padded to
 *      pages), so a torn write can only hurt what nobody was promised.
 *   2. Segments form one chain: each names the hash of the record before its first. Opening starts
 *      a new segment with a sequence above every one seen and clears those that fell out of the
 *      chain, so what a crash left behind can never become part of the journal later.
 *   3. The oldest segment is cleared, durably, before the next oldest: the chain has no gaps.
 *
 * Threads: one appends, one (another or the same) syncs, one (another or the same) trims and
 * prepares. Limits: QF_BLOCK_TXS_MAX entries of QF_ENTRY_SIZE_MAX bytes a block. All I/O through
 * qf_fs. */
#ifndef QF_STORE_JOURNAL_H
#define QF_STORE_JOURNAL_H

#include "base/arena.h"
#include "base/io.h"
#include "crypto/hash.h"

struct qf_journal;

struct qf_journal_block {
    uint64_t height;
    int64_t time_ms;
    uint64_t first_leaf;
    size_t count;
    const struct qf_slice *entries;
    const uint8_t (*leaf_hashes)[QF_HASH_SIZE]; /* SHA-256 leaf hashes */
};

/* Bytes of a segment unless a single block needs more. */
#define QF_JOURNAL_SEGMENT_SIZE (32u << 20)

/* Opens or creates below `dir` and finds the end. `segment_size`: 0 for the default; a multiple of
 * 4096, at least 8192. `fs` is copied; what it points to must outlive the journal. */
QF_MUST_CHECK enum qf_status qf_journal_open(struct qf_journal **out, const struct qf_fs *fs,
                                             const char *dir, struct qf_error *err);
QF_MUST_CHECK enum qf_status qf_journal_open_sized(struct qf_journal **out, const struct qf_fs *fs,
                                                   const char *dir, size_t segment_size,
                                                   struct qf_error *err);
void qf_journal_close(struct qf_journal *journal);

/* What it held when it was opened: its first block's first leaf, and the leaf after its last.
 * False: no block. */
bool qf_journal_extent(const struct qf_journal *journal, uint64_t *first_leaf, uint64_t *next_leaf);

/* Calls `each` for every whole block whose height is above `after_height`, in order; its first
 * refusal ends the replay and is returned. The block lives until the next call. Before the first
 * append only. */
QF_MUST_CHECK enum qf_status
qf_journal_replay(struct qf_journal *journal, uint64_t after_height,
                  enum qf_status (*each)(void *arg, const struct qf_journal_block *block),
                  void *arg, struct qf_error *err);

/* What a journal holds, read without changing a byte, so that it can be asked of a folder that a
 * node is serving (whose last record may then be seen as it is written). `each` (may be NULL) sees
 * every whole block, in order, and its first refusal is returned; since reading begins again where
 * a node moved the journal meanwhile, `restart` (may be NULL) is called before each beginning.
 * QF_CORRUPT with the segment's path in err->field and the place: what was durable is not there
 * whole; QF_NOT_FOUND: there is no such folder. */
struct qf_journal_report {
    size_t files;    /* segments of any kind: a node always leaves one */
    size_t segments; /* with records */
    uint64_t blocks;
    uint64_t first_leaf, next_leaf, last_height; /* with blocks */
    /* Behind the last block stands a record that is not whole, and nothing that was written later
     * shows that it was durable: a node that comes up does not have it. */
    bool torn;
    uint32_t torn_segment;
    uint64_t torn_offset;
};
QF_MUST_CHECK enum qf_status
qf_journal_inspect(struct qf_journal_report *out, const struct qf_fs *fs, const char *dir,
                   void (*restart)(void *arg),
                   enum qf_status (*each)(void *arg, const struct qf_journal_block *block),
                   void *arg, struct qf_error *err);

/* Appends a block: heights rise, first_leaf follows the last block's leaves (both asserted).
 * After a failed append or sync the journal refuses everything until it is opened again: what is on
 * disk is then unknown, and only a replay can tell. */
QF_MUST_CHECK enum qf_status qf_journal_append(struct qf_journal *journal,
                                               const struct qf_journal_block *block);
QF_MUST_CHECK enum qf_status qf_journal_sync(struct qf_journal *journal);
QF_MUST_CHECK enum qf_status qf_journal_trim(struct qf_journal *journal, uint64_t below_leaf);

/* Makes sure that a preallocated segment stands ready, so that an append need not wait for one.
 * For a background thread, every second or so. A failure harms nothing; append will try itself. */
QF_MUST_CHECK enum qf_status qf_journal_prepare(struct qf_journal *journal);

#endif
