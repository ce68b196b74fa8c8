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

struct audit {
    const struct qf_audit_options *options;
    struct qf_audit_report *report;
    struct qf_error *err;
    struct qf_arena arena; /* as long as the audit */
    struct qf_json genesis;
    struct qf_checkpoint checkpoint;
    struct qf_ledger *ledger; /* the scratch one: kernel and state; its journal stays empty */
    char *scratch;            /* folder */
    struct audit_tree *trees; /* SHA-256, SM3 */
    size_t tree_count;
    uint64_t next_bundle; /* to be read */
    uint64_t flushed;     /* entries whose state is in LMDB */
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
/* The partial tiles at the end, and the roots. */
enum qf_status audit_finish_log(struct audit *audit);

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
