/* State folders as files, for who holds one against another: nothing here changes them or needs
 * the node that writes them to stop. A folder must not be open in the calling process (LMDB's rule
 * of one environment a process); audit calls these from a child. A damaged file can make LMDB read
 * outside its map, another reason for a process of their own. */
#ifndef QF_STORE_STATE_FILES_H
#define QF_STORE_STATE_FILES_H

#include "base/buf.h"

/* Copies the state at `from`, as of its last commit, into the existing empty folder `to`.
 * QF_NOT_FOUND when there is none. */
QF_MUST_CHECK enum qf_status qf_state_files_copy(const char *from, const char *to,
                                                 struct qf_error *err);

/* A named value, appended to `out`; QF_NOT_FOUND. */
QF_MUST_CHECK enum qf_status qf_state_files_meta(const char *path, struct qf_buf *out,
                                                 const char *name, struct qf_error *err);

/* Whether two hold the same records, listed names and index entries (pages of the tree depend on
 * how it grew; opening a state holds them against its root): QF_OK, or QF_INVALID
 * naming the database and the first key that differs, as `a` (stored) differs from `b` (expected).
 */
QF_MUST_CHECK enum qf_status qf_state_files_compare(const char *a, const char *b,
                                                    struct qf_error *err);

#endif
