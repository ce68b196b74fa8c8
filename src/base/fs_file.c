/* Whole files: read, and put in the place of another. */
#include <stdio.h>
#include <string.h>

#include "base/io.h"

#define PATH_SIZE_MAX 400

enum qf_status qf_fs_read(const struct qf_fs *fs, const char *path, size_t size_max,
                          struct qf_buf *out)
{
    struct qf_file *file;
    uint64_t size = 0;
    size_t got = 0;
    enum qf_status status = fs->open(fs->self, &file, path, false);
    if (status != QF_OK)
        return status;
    status = fs->size(fs->self, file, &size);
    if (status == QF_OK && size > size_max)
        status = QF_OVER_LIMIT;
    uint8_t *space = status == QF_OK && size > 0 ? qf_buf_reserve(out, (size_t)size) : NULL;
    if (status == QF_OK && size > 0 && space == NULL)
        status = QF_OVER_LIMIT;
    if (space != NULL) {
        status = fs->read(fs->self, file, space, (size_t)size, 0, &got);
        qf_buf_grow(out, got);
    }
    fs->close(fs->self, file);
    return status;
}

enum qf_status qf_fs_replace(const struct qf_fs *fs, const char *path, struct qf_slice bytes,
                             bool sync)
{
    char draft[PATH_SIZE_MAX];
    struct qf_file *file;
    int size = snprintf(draft, sizeof draft, "%s.tmp", path);
    QF_ASSERT(size > 0 && (size_t)size < sizeof draft);
    enum qf_status status = fs->open(fs->self, &file, draft, true);
    if (status != QF_OK)
        return status;
    status = fs->truncate(fs->self, file, 0);
    if (status == QF_OK)
        status = fs->write(fs->self, file, bytes, 0);
    if (status == QF_OK && sync)
        status = fs->sync(fs->self, file);
    fs->close(fs->self, file);
    if (status == QF_OK)
        status = fs->rename(fs->self, draft, path);
    if (status != QF_OK || !sync)
        return status;
    const char *slash = strrchr(path, '/');
    snprintf(draft, sizeof draft, "%.*s", slash != NULL ? (int)(slash - path) : 0, path);
    return fs->sync_dir(fs->self, draft);
}
