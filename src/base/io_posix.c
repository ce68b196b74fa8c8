/* The real clock, random source and file system. Paths are resolved against a directory handle, so
 * that a renamed or moved data directory keeps working. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"

struct qf_file {
    int fd;
};

struct posix_fs {
    int root;
};

static int64_t now_ms(void *self)
{
    (void)self;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct qf_clock qf_clock_system(void)
{
    return (struct qf_clock){.now_ms = now_ms};
}

static enum qf_status random_fill(void *self, uint8_t *out, size_t size)
{
    (void)self;
    while (size > 0) {
        ssize_t got = getrandom(out, size, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return QF_IO;
        out += got;
        size -= (size_t)got;
    }
    return QF_OK;
}

struct qf_random qf_random_system(void)
{
    return (struct qf_random){.fill = random_fill};
}

static enum qf_status from_errno(void)
{
    if (errno == ENOSPC || errno == EDQUOT)
        return QF_NO_SPACE;
    if (errno == ENOENT)
        return QF_NOT_FOUND;
    return QF_IO;
}

static int root_of(void *self)
{
    return ((struct posix_fs *)self)->root;
}

static enum qf_status fs_open(void *self, struct qf_file **out, const char *path, bool create)
{
    int flags = O_RDWR | O_CLOEXEC | (create ? O_CREAT : 0);
    int fd = openat(root_of(self), path, flags, 0640);
    if (fd < 0 && !create && (errno == EACCES || errno == EROFS))
        fd = openat(root_of(self), path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return from_errno();
    struct qf_file *file = malloc(sizeof *file);
    if (file == NULL) {
        close(fd);
        return QF_NO_MEMORY;
    }
    file->fd = fd;
    *out = file;
    return QF_OK;
}

static void fs_close(void *self, struct qf_file *file)
{
    (void)self;
    close(file->fd);
    free(file);
}

static enum qf_status fs_read(void *self, struct qf_file *file, uint8_t *out, size_t size,
                              uint64_t offset, size_t *got)
{
    (void)self;
    *got = 0;
    while (*got < size) {
        ssize_t n = pread(file->fd, out + *got, size - *got, (off_t)(offset + *got));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return from_errno();
        if (n == 0)
            break;
        *got += (size_t)n;
    }
    return QF_OK;
}

static enum qf_status fs_write(void *self, struct qf_file *file, struct qf_slice bytes,
                               uint64_t offset)
{
    (void)self;
    size_t done = 0;
    while (done < bytes.size) {
        ssize_t n = pwrite(file->fd, bytes.data + done, bytes.size - done, (off_t)(offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return from_errno();
        done += (size_t)n;
    }
    return QF_OK;
}

static enum qf_status fs_sync(void *self, struct qf_file *file)
{
    (void)self;
    return fdatasync(file->fd) == 0 ? QF_OK : from_errno();
}

static enum qf_status fs_size(void *self, struct qf_file *file, uint64_t *out)
{
    (void)self;
    struct stat info;
    if (fstat(file->fd, &info) != 0)
        return from_errno();
    *out = (uint64_t)info.st_size;
    return QF_OK;
}

static enum qf_status fs_truncate(void *self, struct qf_file *file, uint64_t size)
{
    (void)self;
    return ftruncate(file->fd, (off_t)size) == 0 ? QF_OK : from_errno();
}

static enum qf_status fs_rename(void *self, const char *from, const char *to)
{
    return renameat(root_of(self), from, root_of(self), to) == 0 ? QF_OK : from_errno();
}

static enum qf_status fs_remove(void *self, const char *path)
{
    if (unlinkat(root_of(self), path, 0) == 0)
        return QF_OK;
    if (errno == EISDIR && unlinkat(root_of(self), path, AT_REMOVEDIR) == 0)
        return QF_OK;
    return from_errno();
}

static enum qf_status fs_make_dir(void *self, const char *path)
{
    char part[256];
    size_t size = strlen(path);
    QF_ASSERT(size > 0 && size < sizeof part);
    for (size_t i = 1; i <= size; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdirat(root_of(self), part, 0750) != 0 && errno != EEXIST)
            return from_errno();
    }
    return QF_OK;
}

static enum qf_status fs_sync_dir(void *self, const char *path)
{
    int fd =
        openat(root_of(self), path[0] == '\0' ? "." : path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return from_errno();
    enum qf_status status = fsync(fd) == 0 ? QF_OK : from_errno();
    close(fd);
    return status;
}

static enum qf_status fs_sync_all(void *self)
{
    return syncfs(root_of(self)) == 0 ? QF_OK : from_errno();
}

static enum qf_status fs_list(void *self, const char *path,
                              void (*each)(void *arg, const char *name), void *arg)
{
    int fd =
        openat(root_of(self), path[0] == '\0' ? "." : path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return from_errno();
    DIR *dir = fdopendir(fd);
    if (dir == NULL) {
        close(fd);
        return QF_NO_MEMORY;
    }
    /* Each stream is used by one thread only. */
    /* NOLINTNEXTLINE(concurrency-mt-unsafe) */
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            each(arg, entry->d_name);
    closedir(dir);
    return QF_OK;
}

enum qf_status qf_fs_posix_init(struct qf_fs *out, const char *root, struct qf_error *err)
{
    struct posix_fs *self = malloc(sizeof *self);
    int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (self == NULL || fd < 0) {
        enum qf_status status =
            qf_fail(err, QF_IO, "", "cannot open folder %s: %s", root, strerrordesc_np(errno));
        if (fd >= 0)
            close(fd);
        free(self);
        return status;
    }
    self->root = fd;
    *out = (struct qf_fs){
        .open = fs_open,
        .close = fs_close,
        .read = fs_read,
        .write = fs_write,
        .sync = fs_sync,
        .size = fs_size,
        .truncate = fs_truncate,
        .rename = fs_rename,
        .remove = fs_remove,
        .make_dir = fs_make_dir,
        .sync_dir = fs_sync_dir,
        .sync_all = fs_sync_all,
        .list = fs_list,
        .self = self,
    };
    return QF_OK;
}

void qf_fs_posix_deinit(struct qf_fs *fs)
{
    struct posix_fs *self = fs->self;
    if (self != NULL) {
        close(self->root);
        free(self);
    }
    *fs = (struct qf_fs){0};
}
