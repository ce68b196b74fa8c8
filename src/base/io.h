/* The world behind small tables of functions, so that the same code runs on a disk, in a
 * simulation, and under injected faults. Each interface is a struct of pointers with a `self` that
 * is handed back; the table outlives its users. */
#ifndef QF_BASE_IO_H
#define QF_BASE_IO_H

#include "base/buf.h"
#include "base/slice.h"
#include "base/status.h"

/* Wall-clock time in milliseconds since 1970-01-01T00:00:00Z; may step backwards. */
struct qf_clock {
    int64_t (*now_ms)(void *self);
    void *self;
};

/* Random bytes fit for keys and nonces. */
struct qf_random {
    QF_MUST_CHECK enum qf_status (*fill)(void *self, uint8_t *out, size_t size);
    void *self;
};

/* Files of one directory tree. Paths are relative, '/'-separated, without "..", and below 256
 * bytes. Every call may fail with QF_IO, QF_NO_SPACE or QF_NOT_FOUND; a failed write may have
 * written nothing, a part, or all. Nothing is durable before sync (of the file) and sync_dir (of
 * the folder in which it was created or renamed). */
struct qf_file; /* an open file; each implementation has its own */

struct qf_fs {
    QF_MUST_CHECK enum qf_status (*open)(void *self, struct qf_file **out, const char *path,
                                         bool create);
    void (*close)(void *self, struct qf_file *file);
    /* Reads up to `size` bytes at `offset`; *got is less only at the end of the file. */
    QF_MUST_CHECK enum qf_status (*read)(void *self, struct qf_file *file, uint8_t *out,
                                         size_t size, uint64_t offset, size_t *got);
    QF_MUST_CHECK enum qf_status (*write)(void *self, struct qf_file *file, struct qf_slice bytes,
                                          uint64_t offset);
    QF_MUST_CHECK enum qf_status (*sync)(void *self, struct qf_file *file);
    QF_MUST_CHECK enum qf_status (*size)(void *self, struct qf_file *file, uint64_t *out);
    QF_MUST_CHECK enum qf_status (*truncate)(void *self, struct qf_file *file, uint64_t size);
    QF_MUST_CHECK enum qf_status (*rename)(void *self, const char *from, const char *to);
    QF_MUST_CHECK enum qf_status (*remove)(void *self, const char *path);   /* or an empty folder */
    QF_MUST_CHECK enum qf_status (*make_dir)(void *self, const char *path); /* with parents */
    QF_MUST_CHECK enum qf_status (*sync_dir)(void *self, const char *path);
    /* Everything that was written, created, renamed or removed before the call is durable after it:
     * one call instead of a sync per file when hundreds of files are new. */
    QF_MUST_CHECK enum qf_status (*sync_all)(void *self);
    /* Calls `each` for every name in the folder, in no order. */
    QF_MUST_CHECK enum qf_status (*list)(void *self, const char *path,
                                         void (*each)(void *arg, const char *name), void *arg);
    void *self;
};

/* The machine's clock and random source. */
struct qf_clock qf_clock_system(void);
struct qf_random qf_random_system(void);

/* The file system below `root` (which must exist). Release with qf_fs_posix_deinit. */
QF_MUST_CHECK enum qf_status qf_fs_posix_init(struct qf_fs *out, const char *root,
                                              struct qf_error *err);
void qf_fs_posix_deinit(struct qf_fs *fs);

/* The folder `prefix` of another file system (below 100 bytes) as one of its own. `parent` must
 * stay usable; release with qf_fs_sub_deinit. */
void qf_fs_sub(struct qf_fs *out, const struct qf_fs *parent, const char *prefix);
void qf_fs_sub_deinit(struct qf_fs *fs);

/* Appends a whole file of at most `size_max` bytes to `out`. QF_OVER_LIMIT when it is larger, and
 * what opening and reading refuse it with. */
QF_MUST_CHECK enum qf_status qf_fs_read(const struct qf_fs *fs, const char *path, size_t size_max,
                                        struct qf_buf *out);

/* Puts `bytes` in the place of the file `path` (below 390 bytes): whoever reads or crashes finds
 * the whole old file or the whole new one. With `sync` it is durable when this returns QF_OK. A
 * draft, `path`.tmp, may be left behind by a failure; the next call takes it over. */
QF_MUST_CHECK enum qf_status qf_fs_replace(const struct qf_fs *fs, const char *path,
                                           struct qf_slice bytes, bool sync);

#endif
