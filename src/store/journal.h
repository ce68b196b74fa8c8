/* The journal: the node's write-ahead log of blocks. A block is durable when qf_journal_sync has
 * returned after its append; nothing is acknowledged before.
 *
 * Segments of preallocated files, reused in turn. A record is one block: header (height, time,
 * first leaf, count), the entries exactly as they stand in the log (uint16 length, bytes), and a
 * SHA-256 over header and leaf hashes, by which a torn record is known. After a crash the journal
 * ends before the first record that is not whole. Records are kept until qf_journal_trim says that
 * the tiles and the state have everything below a leaf.
 *
 * One thread appends, one (another or the same) syncs. All I/O through qf_fs. */
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

/* Opens or creates below `dir` and finds the end. */
QF_MUST_CHECK enum qf_status qf_journal_open(struct qf_journal **out, const struct qf_fs *fs,
                                             const char *dir, struct qf_error *err);
void qf_journal_close(struct qf_journal *journal);

/* Calls `each` for every whole block whose height is above `after_height`, in order. The block
 * lives in the arena until the next call. */
QF_MUST_CHECK enum qf_status
qf_journal_replay(struct qf_journal *journal, uint64_t after_height,
                  enum qf_status (*each)(void *arg, const struct qf_journal_block *block),
                  void *arg, struct qf_error *err);

/* After a failed append or sync the journal refuses everything until it is opened again: what is on
 * disk is then unknown, and only a replay can tell. */
QF_MUST_CHECK enum qf_status qf_journal_append(struct qf_journal *journal,
                                               const struct qf_journal_block *block);
QF_MUST_CHECK enum qf_status qf_journal_sync(struct qf_journal *journal);
QF_MUST_CHECK enum qf_status qf_journal_trim(struct qf_journal *journal, uint64_t below_leaf);

#endif
