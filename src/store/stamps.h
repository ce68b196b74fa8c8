/* The folder of time-stamped checkpoints (spec/stamps.md, Files): which there are, reading them,
 * adding to them, chains for proofs, and whether the whole of it holds.
 *
 * Invariants:
 *   1. A token's file is written last and synced: what is there is whole, after any crash.
 *   2. Nothing that has a token is written again.
 *   3. Every stamp is an item of at most one renewal, and renewal n is item 0 of renewal n + 1.
 *
 * Only names are read at the opening. Threads: any; one at a time adds. Limits: QF_STAMPS_MAX,
 * QF_STAMP_LINKS_MAX. */
#ifndef QF_STORE_STAMPS_H
#define QF_STORE_STAMPS_H

#include "base/io.h"
#include "timestamp/stamp.h"

#define QF_STAMPS_FOLDER "stamp"
#define QF_STAMPS_NAME_SIZE_MAX 40
#define QF_STAMPS_LIST_SIZE_MAX (96 << 20) /* bytes of a list of QF_STAMPS_MAX items */

struct qf_stamps;

/* `fs` is the folder of the log, borrowed; stamp/ need not be there. QF_CORRUPT when renewals are
 * missing between others. */
QF_MUST_CHECK enum qf_status qf_stamps_open(struct qf_stamps **out, const struct qf_fs *fs,
                                            struct qf_slice network, struct qf_error *err);
void qf_stamps_close(struct qf_stamps *stamps); /* NULL is allowed */

const char *qf_stamps_network(const struct qf_stamps *stamps);
size_t qf_stamps_count(struct qf_stamps *stamps);
size_t qf_stamps_renewals(struct qf_stamps *stamps);
uint64_t qf_stamps_last(struct qf_stamps *stamps); /* largest stamped size; 0: none */
uint64_t
qf_stamps_covered(struct qf_stamps *stamps); /* renewals cover the stamps up to this size */
/* The first stamped size above `size`; false when there is none. */
bool qf_stamps_after(struct qf_stamps *stamps, uint64_t size, uint64_t *found);

/* Note and token of a stamp, text and token of a renewal (into the arena). QF_NOT_FOUND. */
QF_MUST_CHECK enum qf_status qf_stamps_load(struct qf_stamps *stamps, struct qf_arena *arena,
                                            uint64_t size, struct qf_stamp_link *out,
                                            struct qf_error *err);
QF_MUST_CHECK enum qf_status qf_stamps_load_renewal(struct qf_stamps *stamps,
                                                    struct qf_arena *arena, uint64_t number,
                                                    struct qf_stamp_link *out,
                                                    struct qf_error *err);
/* The stamp of this size and its renewals up to the newest. Not verified. */
QF_MUST_CHECK enum qf_status qf_stamps_chain(struct qf_stamps *stamps, struct qf_arena *arena,
                                             uint64_t size, struct qf_stamp_link **links,
                                             size_t *count, struct qf_error *err);

/* A file of the folder by its name, appended: QF_NOT_FOUND for any but those of finished stamps. */
QF_MUST_CHECK enum qf_status qf_stamps_file(struct qf_stamps *stamps, struct qf_buf *out,
                                            const char *name);

/* Adds a stamp, larger than the last; or the next renewal. Durable on return. */
QF_MUST_CHECK enum qf_status qf_stamps_keep(struct qf_stamps *stamps, uint64_t size,
                                            struct qf_slice note, struct qf_slice token,
                                            struct qf_error *err);
/* What the next renewal is to be over: its text, and its list. QF_NOT_FOUND before the first stamp.
 */
QF_MUST_CHECK enum qf_status qf_stamps_prepare(struct qf_stamps *stamps, struct qf_buf *text,
                                               struct qf_buf *list, struct qf_error *err);
QF_MUST_CHECK enum qf_status qf_stamps_renew(struct qf_stamps *stamps, struct qf_slice text,
                                             struct qf_slice list, struct qf_slice token,
                                             struct qf_error *err);

/* ---- stamps_check.c ---- */

struct qf_stamps_check {
    struct qf_stamp_trust trust; /* without roots tokens are held against their files only */
    /* Called for each stamp in the order of sizes; what it refuses with ends the check. NULL. */
    enum qf_status (*each)(void *arg, const struct qf_checkpoint *checkpoint,
                           const struct qf_timestamp *stamp, struct qf_error *err);
    void *arg;
    void (*progress)(void *arg, uint64_t done, uint64_t total); /* may be NULL */
    void *progress_arg;
};

struct qf_stamps_found {
    size_t stamps, renewals;
    uint64_t last_size;
    int64_t first_ms, last_ms; /* times of the first and the last stamp; 0: none */
    int64_t until_ms;          /* the earliest end of what no renewal covers; INT64_MAX: nothing */
    size_t late;  /* tokens that had ended when they were renewed: they show the renewal's time */
    size_t ended; /* tokens that have ended and are not renewed */
};

/* Every file of every stamp and renewal. QF_INVALID names the file that differs. */
QF_MUST_CHECK enum qf_status qf_stamps_check(struct qf_stamps *stamps,
                                             const struct qf_stamps_check *check,
                                             struct qf_stamps_found *out, struct qf_error *err);

#endif
