/* A folder of a file system as a file system of its own: every path gets the prefix, nothing else.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/io.h"

#define PATH_SIZE_MAX 400

struct sub_fs {
    const struct qf_fs *parent;
    char prefix[100];
};

static void full_path(void *self, char out[PATH_SIZE_MAX], const char *path)
{
    struct sub_fs *sub = self;
    int size = snprintf(out, PATH_SIZE_MAX, path[0] == '\0' ? "%s%s" : "%s/%s", sub->prefix, path);
    QF_ASSERT(size > 0 && size < PATH_SIZE_MAX);
}

static const struct qf_fs *parent_of(void *self)
{
    return ((struct sub_fs *)self)->parent;
}

static enum qf_status sub_open(void *self, struct qf_file **out, const char *path, bool create)
{
    char full[PATH_SIZE_MAX];
    full_path(self, full, path);
    return parent_of(self)->open(parent_of(self)->self, out, full, create);
}

static void sub_close(void *self, struct qf_file *file)
{
    parent_of(self)->close(parent_of(self)->self, file);
}

static enum qf_status sub_read(void *self, struct qf_file *file, uint8_t *out, size_t size,
                               uint64_t offset, size_t *got)
{
    return parent_of(self)->read(parent_of(self)->self, file, out, size, offset, got);
}

static enum qf_status sub_write(void *self, struct qf_file *file, struct qf_slice bytes,
                                uint64_t offset)
{
    return parent_of(self)->write(parent_of(self)->self, file, bytes, offset);
}

static enum qf_status sub_sync(void *self, struct qf_file *file)
{
    return parent_of(self)->sync(parent_of(self)->self, file);
}

static enum qf_status sub_size(void *self, struct qf_file *file, uint64_t *out)
{
    return parent_of(self)->size(parent_of(self)->self, file, out);
}

static enum qf_status sub_truncate(void *self, struct qf_file *file, uint64_t size)
{
    return parent_of(self)->truncate(parent_of(self)->self, file, size);
}

static enum qf_status sub_rename(void *self, const char *from, const char *to)
{
    char full_from[PATH_SIZE_MAX];
    char full_to[PATH_SIZE_MAX];
    full_path(self, full_from, from);
    full_path(self, full_to, to);
    return parent_of(self)->rename(parent_of(self)->self, full_from, full_to);
}

static enum qf_status sub_remove(void *self, const char *path)
{
    char full[PATH_SIZE_MAX];
    full_path(self, full, path);
    return parent_of(self)->remove(parent_of(self)->self, full);
}

static enum qf_status sub_make_dir(void *self, const char *path)
{
    char full[PATH_SIZE_MAX];
    full_path(self, full, path);
    return parent_of(self)->make_dir(parent_of(self)->self, full);
}

static enum qf_status sub_sync_dir(void *self, const char *path)
{
    char full[PATH_SIZE_MAX];
    full_path(self, full, path);
    return parent_of(self)->sync_dir(parent_of(self)->self, full);
}

static enum qf_status sub_sync_all(void *self)
{
    return parent_of(self)->sync_all(parent_of(self)->self);
}

static enum qf_status sub_list(void *self, const char *path,
                               void (*each)(void *arg, const char *name), void *arg)
{
    char full[PATH_SIZE_MAX];
    full_path(self, full, path);
    return parent_of(self)->list(parent_of(self)->self, full, each, arg);
}

void qf_fs_sub(struct qf_fs *out, const struct qf_fs *parent, const char *prefix)
{
    struct sub_fs *self = malloc(sizeof *self);
    QF_ASSERT(self != NULL && strlen(prefix) < sizeof self->prefix);
    self->parent = parent;
    memcpy(self->prefix, prefix, strlen(prefix) + 1);
    *out = (struct qf_fs){
        .open = sub_open,
        .close = sub_close,
        .read = sub_read,
        .write = sub_write,
        .sync = sub_sync,
        .size = sub_size,
        .truncate = sub_truncate,
        .rename = sub_rename,
        .remove = sub_remove,
        .make_dir = sub_make_dir,
        .sync_dir = sub_sync_dir,
        .sync_all = sub_sync_all,
        .list = sub_list,
        .self = self,
    };
}

void qf_fs_sub_deinit(struct qf_fs *fs)
{
    free(fs->self);
    *fs = (struct qf_fs){0};
}
