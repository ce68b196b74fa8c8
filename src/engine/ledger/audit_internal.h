/* Parts of the audit shared between its files. */
#ifndef QF_ENGINE_LEDGER_AUDIT_INTERNAL_H
#define QF_ENGINE_LEDGER_AUDIT_INTERNAL_H

#include "engine/ledger/audit.h"
#include "engine/ledger/internal.h"

#define AUDIT_LEVELS 8

/* One of the two trees over the raw entries, and the hashes of the tiles that are growing. */
struct audit_tree {
    struct qf_log_tree tree;
    const char *prefix;              /* of its tiles' paths */
    bool compare;                    /* tiles are there to be compared */
    uint64_t complete[AUDIT_LEVELS]; /* tiles that have become full */
    uint64_t compared[AUDIT_LEVELS]; /* and were held against the source */
    uint8_t hashes[AUDIT_LEVELS][QF_TILE_WIDTH][QF_HASH_SIZE];
};

/* The journal, as it was when the audit began. */
struct audit_tail {
    bool present;
    struct qf_journal_report found;
    /* Leaf hashes of the blocks that the checkpoint covers. */
    uint8_t (*hashes)[QF_HASH_SIZE];
    size_t overlap, capacity;
    uint64_t first_leaf;     /* of hashes[0] */
    struct qf_journal *copy; /* of the blocks after it, in the scratch folder */
    unsigned copies;         /* begun */
};

struct audit {
    const struct qf_audit_options *options;
    struct qf_audit_report *report;
    struct qf_error *err;
    struct qf_arena arena; /* as long as the audit */
    struct qf_json genesis;
    struct qf_checkpoint checkpoint;
    struct qf_note note;      /* that it stands in */
    struct qf_ledger *ledger; /* the scratch one: kernel and state; its journal stays empty */
    char *scratch;            /* folder */
    struct qf_fs scratch_fs;  /* self NULL: not open */
    struct audit_tail tail;
    struct audit_tree *trees; /* SHA-256, SM3 */
    size_t tree_count;
    uint64_t read;    /* entries that were read from bundles, */
    uint64_t end;     /* and how many are to be */
    uint64_t flushed; /* entries whose state is in LMDB */
    bool has_stored;
    uint64_t stored_height, stored_size;
};

/* QF_INVALID at `field`. */
enum qf_status audit_differs(struct audit *audit, const char *field, const char *fmt, ...)
    QF_PRINTF(3, 4);

/* ---- audit_log.c ---- */

/* Reads and checks the checkpoint against genesis. */
enum qf_status audit_read_checkpoint(struct audit *audit);
/* Appends the entries of the next bundle to `list`, copied into the arena. */
enum qf_status audit_read_bundle(struct audit *audit, struct qf_arena *arena, struct qf_slice *list,
                                 size_t *count);
/* Adds one raw entry to the trees and compares the tiles that it completes. */
enum qf_status audit_grow(struct audit *audit, struct qf_slice entry);
/* The partial tiles at the end of what was added. */
enum qf_status audit_compare_edge(struct audit *audit);
/* The checkpoints that were shown before, up to what was added: a block ends there. */
enum qf_status audit_compare_marks(struct audit *audit);
/* When everything was added: those that are left are newer than a copy without its journal. */
enum qf_status audit_end_marks(struct audit *audit);
/* Roots of log and state against the checkpoint, which covers just what was added. */
enum qf_status audit_check_roots(struct audit *audit);

/* ---- audit_journal.c ---- */

typedef enum qf_status audit_block_fn(void *arg, const struct qf_journal_block *block);

/* Reads the journal, if there is one, and sets apart what the checkpoint does not cover. */
enum qf_status audit_copy_journal(struct audit *audit);
/* Entries that must be read from the tiles: the checkpoint's, and those that the journal, which
 * begins after them, has forgotten. */
uint64_t audit_log_end(const struct audit *audit);
/* An entry of the log against the journal's, where it has it. */
enum qf_status audit_compare_journal(struct audit *audit, uint64_t leaf,
                                     const uint8_t hash[QF_HASH_SIZE]);
/* Hands the blocks after those of the log to `apply`. */
enum qf_status audit_play_journal(struct audit *audit, audit_block_fn *apply, void *arg);
void audit_forget_journal(struct audit *audit);

/* ---- audit_state.c ---- */

enum qf_status audit_copy_stored(struct audit *audit);
/* Writes the replay's state to LMDB. */
enum qf_status audit_flush(struct audit *audit);
/* The stored state against the replay's, both of the same height. */
enum qf_status audit_compare_stored(struct audit *audit);
/* Makes and removes the scratch folder. */
enum qf_status audit_make_scratch(struct audit *audit);
void audit_remove_scratch(struct audit *audit);

#endif
