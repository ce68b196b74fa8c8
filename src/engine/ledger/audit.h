/* Audit: a whole log played again from genesis, holding every byte against what follows from it.
 *
 * Confirmed are: the checkpoint's signatures by note keys of genesis, or where nobody of genesis
 * has signed, of members as the replayed state has them; every entry's form, signature and result
 * (a fresh kernel must give each transaction the recorded code, and the entry must be the one
 * encoding of it); every tile against the trees over the entries; log roots and state root against
 * the checkpoint; and, where a state folder is given, the stored records, indexes and tree against
 * those that the replay made. Where the journal is given, its blocks that the checkpoint does not
 * cover yet are played after it, with the same checks but those of tiles and signed roots; those
 * that it covers must be the log's; and what was durable must be there whole. The first thing that
 * differs is named.
 *
 * The replay's state is kept in a scratch folder that is removed at the end, so memory stays
 * bounded. Signatures are checked on all processors. One audit at a time in a thread of its own;
 * it starts child processes for reading the stored state. */
#ifndef QF_ENGINE_LEDGER_AUDIT_H
#define QF_ENGINE_LEDGER_AUDIT_H

#include "engine/ledger/ledger.h"

/* Where the log is read from: a folder, its archives, or a node over HTTP. Appends the bytes of
 * "checkpoint", "tile/…" or "sm3/tile/…"; QF_NOT_FOUND when there is no such file. */
struct qf_audit_source {
    QF_MUST_CHECK enum qf_status (*read)(void *self, struct qf_buf *out, const char *path,
                                         struct qf_error *err);
    void *self;
};

struct qf_audit_options {
    struct qf_audit_source source;
    struct qf_slice genesis;        /* the document */
    bool has_sm3_tiles;             /* whether the source serves the tiles of the SM3 tree */
    const char *state_dir;          /* stored state to compare; NULL: none */
    const struct qf_fs *journal_fs; /* of the folder that has "journal"; NULL: none. Only read */
    /* Checkpoints that were shown before, ascending by size, such as those that were time-stamped:
     * each must be one of this log, with its roots. */
    const struct qf_checkpoint *marks;
    size_t mark_count;
    const char *scratch_root; /* folder in which the scratch folder is made */
    struct qf_verifier *verifier;
    unsigned threads;                                           /* 0: one a processor */
    void (*progress)(void *arg, uint64_t done, uint64_t total); /* may be NULL */
    void *progress_arg;
};

enum qf_audit_stored { QF_AUDIT_NO_STATE, QF_AUDIT_STATE_AHEAD, QF_AUDIT_STATE_SAME };

struct qf_audit_report {
    struct qf_ledger_head head; /* after the last entry, of the journal where it has more */
    uint64_t checkpoint_size;
    uint64_t accepted, refused, tiles;
    bool journal;                             /* there was one to be read */
    uint64_t journal_entries, journal_blocks; /* after the checkpoint's */
    /* The journal's last record is not whole, and nothing shows that it was ever acknowledged. */
    bool journal_torn;
    uint32_t journal_segment;    /* of that record, */
    uint64_t journal_offset;     /* and where in it */
    size_t marks;                /* of options->marks that are of this log; the others are newer */
    size_t signatures;           /* of the checkpoint, by keys of genesis */
    bool joined;                 /* or none of those, and by keys that the state names */
    enum qf_audit_stored stored; /* ahead: the stored state is past the published checkpoint */
    uint64_t stored_height;
};

/* QF_OK; QF_INVALID with what differs ("entry 17", "tile/0/003", "checkpoint",
 * "state", "journal", "journal/segment-00001") in
 * err->field; a status of the environment when it could not be told. */
QF_MUST_CHECK enum qf_status qf_audit(const struct qf_audit_options *options,
                                      struct qf_audit_report *report, struct qf_error *err);

#endif
