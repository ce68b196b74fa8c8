#include "api/witness/file.h"

#include "base/limits.h"

enum qf_status qf_witness_file_read(const struct qf_fs *fs, struct qf_arena *arena,
                                    const char *path, struct qf_slice *out)
{
    struct qf_buf bytes = {0};
    enum qf_status status = qf_fs_read(fs, path, QF_NOTE_SIZE_MAX, &bytes);
    if (status == QF_OK)
        *out = qf_arena_copy(arena, qf_buf_slice(&bytes));
    qf_buf_deinit(&bytes);
    return status;
}
