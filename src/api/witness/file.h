/* Notes in files (written with qf_fs_replace). Used inside this folder only. */
#ifndef QF_API_WITNESS_FILE_H
#define QF_API_WITNESS_FILE_H

#include "base/arena.h"
#include "base/io.h"

/* A whole file of at most QF_NOTE_SIZE_MAX bytes, into the arena. QF_NOT_FOUND, QF_OVER_LIMIT. */
QF_MUST_CHECK enum qf_status qf_witness_file_read(const struct qf_fs *fs, struct qf_arena *arena,
                                                  const char *path, struct qf_slice *out);

#endif
