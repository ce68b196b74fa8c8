#include "api/witness/file.h"

#include "base/limits.h"

enum qf_status qf_witness_file_read(const struct qf_fs *fs, struct qf_arena *arena,
                                    const char *path, struct qf_slice *out)
{
    struct qf_file *file;
    uint64_t size = 0;
    size_t got = 0;
    enum qf_status status = fs->open(fs->self, &file, path, false);
    if (status != QF_OK)
        return status;
    status = fs->size(fs->self, file, &size);
    if (status == QF_OK && size > QF_NOTE_SIZE_MAX)
        status = QF_OVER_LIMIT;
    if (status == QF_OK) {
        uint8_t *bytes = qf_arena_alloc(arena, size + 1);
        status = fs->read(fs->self, file, bytes, size, 0, &got);
        *out = qf_slice_make(bytes, got);
    }
    fs->close(fs->self, file);
    return status;
}
