#include "api/witness/file.h"

#include <stdio.h>

#include "base/limits.h"

enum qf_status qf_witness_file_write(const struct qf_fs *fs, const char *path,
                                     struct qf_slice bytes)
{
    char temporary[256];
    struct qf_file *file;
    snprintf(temporary, sizeof temporary, "%.200s.new", path);
    enum qf_status status = fs->open(fs->self, &file, temporary, true);
    if (status != QF_OK)
        return status;
    status = fs->truncate(fs->self, file, 0);
    if (status == QF_OK)
        status = fs->write(fs->self, file, bytes, 0);
    if (status == QF_OK)
        status = fs->sync(fs->self, file);
    fs->close(fs->self, file);
    if (status == QF_OK)
        status = fs->rename(fs->self, temporary, path);
    return status == QF_OK ? fs->sync_dir(fs->self, "") : status;
}

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
