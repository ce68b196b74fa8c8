/* All of sim_fs.h. Folders are inodes without data; an entry is a path with an inode. */
#include "store/sim_fs.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define SECTOR 512u
#define PATH_SIZE_MAX 256

struct change { /* of a file's contents */
    struct change *next;
    bool truncate;
    uint64_t offset; /* or the new size */
    size_t size;
    uint8_t bytes[];
};

struct contents {
    uint8_t *data;
    uint64_t size, capacity;
};

struct inode {
    struct inode *next; /* of all */
    bool folder;
    struct contents now, durable;
    struct change *changes, **changes_end; /* since the last sync */
};

struct entry {
    struct entry *next;
    char path[PATH_SIZE_MAX];
    struct inode *inode;
};

struct entry_change { /* since the last sync of the folder */
    struct entry_change *next;
    char gone[PATH_SIZE_MAX]; /* "" for none */
    char come[PATH_SIZE_MAX];
    struct inode *inode; /* at `come` */
};

struct qf_sim_fs {
    pthread_mutex_t mutex;
    uint64_t random;
    struct inode *inodes;
    struct entry *now, *durable;
    struct entry_change *changes, **changes_end;
    uint64_t calls, fail_at;
    enum qf_sim_fault fault;
    bool failed, dead;
    size_t open_count;
};

struct qf_file {
    struct inode *inode;
};

static void *must(void *memory)
{
    QF_ASSERT(memory != NULL); /* a simulation ends when memory does */
    return memory;
}

/* splitmix64 */
static uint64_t next_random(struct qf_sim_fs *fs)
{
    uint64_t z = fs->random += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static bool coin(struct qf_sim_fs *fs)
{
    return (next_random(fs) & 1) != 0;
}

/* ---- contents ---- */

static void contents_resize(struct contents *contents, uint64_t size)
{
    if (size > contents->capacity) {
        uint64_t capacity = contents->capacity * 2 > size ? contents->capacity * 2 : size;
        contents->data = must(realloc(contents->data, (size_t)capacity));
        contents->capacity = capacity;
    }
    if (size > contents->size)
        memset(contents->data + contents->size, 0, (size_t)(size - contents->size));
    contents->size = size;
}

static void contents_write(struct contents *contents, uint64_t offset, const uint8_t *bytes,
                           size_t size)
{
    if (size == 0)
        return;
    if (offset + size > contents->size)
        contents_resize(contents, offset + size);
    memcpy(contents->data + offset, bytes, size);
}

/* Applies a write by halves: each sector of the file that it touches at random. */
static void contents_tear(struct qf_sim_fs *fs, struct contents *contents,
                          const struct change *change)
{
    size_t done = 0;
    while (done < change->size) {
        uint64_t at = change->offset + done;
        size_t piece = (size_t)(SECTOR - at % SECTOR);
        if (piece > change->size - done)
            piece = change->size - done;
        if (coin(fs))
            contents_write(contents, at, change->bytes + done, piece);
        done += piece;
    }
}

static void change_apply(struct contents *contents, const struct change *change)
{
    if (change->truncate)
        contents_resize(contents, change->offset);
    else
        contents_write(contents, change->offset, change->bytes, change->size);
}

/* Makes of the changes not synced some durable (`keep_all`: all), and forgets them. */
static void inode_settle(struct qf_sim_fs *fs, struct inode *inode, bool keep_all)
{
    struct change *change = inode->changes;
    while (change != NULL) {
        struct change *next = change->next;
        uint64_t choice = keep_all ? 0 : next_random(fs) % 3;
        if (choice == 0)
            change_apply(&inode->durable, change);
        else if (choice == 1 && !change->truncate)
            contents_tear(fs, &inode->durable, change);
        free(change);
        change = next;
    }
    inode->changes = NULL;
    inode->changes_end = &inode->changes;
}

static struct inode *inode_new(struct qf_sim_fs *fs, bool folder)
{
    struct inode *inode = must(calloc(1, sizeof *inode));
    inode->folder = folder;
    inode->changes_end = &inode->changes;
    inode->next = fs->inodes;
    fs->inodes = inode;
    return inode;
}

/* ---- entries ---- */

static struct entry *entry_find(struct entry *list, const char *path)
{
    while (list != NULL && strcmp(list->path, path) != 0)
        list = list->next;
    return list;
}

static void entry_remove(struct entry **list, const char *path)
{
    while (*list != NULL && strcmp((*list)->path, path) != 0)
        list = &(*list)->next;
    if (*list != NULL) {
        struct entry *gone = *list;
        *list = gone->next;
        free(gone);
    }
}

static void entry_set(struct entry **list, const char *path, struct inode *inode)
{
    struct entry *entry = entry_find(*list, path);
    if (entry == NULL) {
        entry = must(calloc(1, sizeof *entry));
        snprintf(entry->path, sizeof entry->path, "%s", path);
        entry->next = *list;
        *list = entry;
    }
    entry->inode = inode;
}

static void entries_free(struct entry **list)
{
    while (*list != NULL)
        entry_remove(list, (*list)->path);
}

static void entry_apply(struct entry **list, const struct entry_change *change)
{
    if (change->gone[0] != '\0')
        entry_remove(list, change->gone);
    if (change->inode != NULL)
        entry_set(list, change->come, change->inode);
}

static void entries_change(struct qf_sim_fs *fs, const char *gone, const char *come,
                           struct inode *inode)
{
    struct entry_change *change = must(calloc(1, sizeof *change));
    snprintf(change->gone, sizeof change->gone, "%s", gone);
    snprintf(change->come, sizeof change->come, "%s", come);
    change->inode = inode;
    entry_apply(&fs->now, change);
    *fs->changes_end = change;
    fs->changes_end = &change->next;
}

static bool is_in(const char *path, const char *folder)
{
    const char *slash = strrchr(path, '/');
    size_t size = slash == NULL ? 0 : (size_t)(slash - path);
    return path[0] != '\0' && strlen(folder) == size && memcmp(path, folder, size) == 0;
}

static bool parent_exists(struct entry *list, const char *path)
{
    char parent[PATH_SIZE_MAX];
    snprintf(parent, sizeof parent, "%s", path);
    char *slash = strrchr(parent, '/');
    if (slash == NULL)
        return true;
    *slash = '\0';
    struct entry *entry = entry_find(list, parent);
    return entry != NULL && entry->inode->folder;
}

/* Makes changes of entries durable: all of them, or those of a folder. */
static void entries_settle(struct qf_sim_fs *fs, const char *folder)
{
    struct entry_change **at = &fs->changes;
    while (*at != NULL) {
        struct entry_change *change = *at;
        if (folder != NULL && !is_in(change->gone, folder) && !is_in(change->come, folder)) {
            at = &change->next;
            continue;
        }
        entry_apply(&fs->durable, change);
        *at = change->next;
        free(change);
    }
    fs->changes_end = at;
}

/* ---- faults ---- */

/* Counts a changing call. Gives whether it is to happen, and what to report. */
static enum qf_status begin_change(struct qf_sim_fs *fs, bool *happens, bool *faulty)
{
    *happens = !fs->dead;
    *faulty = false;
    if (fs->dead)
        return QF_IO;
    fs->calls++;
    if (fs->fail_at == 0 || --fs->fail_at > 0)
        return QF_OK;
    fs->failed = true;
    *faulty = true;
    *happens = fs->fault == QF_SIM_DONE;
    fs->dead = fs->fault == QF_SIM_DEAD;
    return fs->fault == QF_SIM_NO_SPACE ? QF_NO_SPACE : QF_IO;
}

/* ---- the interface ---- */

static enum qf_status sim_open(void *self, struct qf_file **out, const char *path, bool create)
{
    struct qf_sim_fs *fs = self;
    QF_ASSERT(strlen(path) < PATH_SIZE_MAX);
    pthread_mutex_lock(&fs->mutex);
    struct entry *entry = entry_find(fs->now, path);
    enum qf_status status = fs->dead ? QF_IO : QF_OK;
    if (status == QF_OK && entry == NULL) {
        bool happens, faulty;
        status = create ? begin_change(fs, &happens, &faulty) : QF_NOT_FOUND;
        if (status == QF_OK && !parent_exists(fs->now, path))
            status = QF_NOT_FOUND;
        if (create && status != QF_NOT_FOUND && happens)
            entries_change(fs, "", path, inode_new(fs, false));
        entry = entry_find(fs->now, path);
    }
    if (status == QF_OK && entry->inode->folder)
        status = QF_IO;
    if (status == QF_OK) {
        struct qf_file *file = must(calloc(1, sizeof *file));
        file->inode = entry->inode;
        fs->open_count++;
        *out = file;
    }
    pthread_mutex_unlock(&fs->mutex);
    return status;
}

static void sim_close(void *self, struct qf_file *file)
{
    struct qf_sim_fs *fs = self;
    pthread_mutex_lock(&fs->mutex);
    fs->open_count--;
    pthread_mutex_unlock(&fs->mutex);
    free(file);
}

static enum qf_status sim_read(void *self, struct qf_file *file, uint8_t *out, size_t size,
                               uint64_t offset, size_t *got)
{
    struct qf_sim_fs *fs = self;
    pthread_mutex_lock(&fs->mutex);
    const struct contents *now = &file->inode->now;
    *got = 0;
    if (!fs->dead && offset < now->size) {
        *got = size < now->size - offset ? size : (size_t)(now->size - offset);
        memcpy(out, now->data + offset, *got);
    }
    enum qf_status status = fs->dead ? QF_IO : QF_OK;
    pthread_mutex_unlock(&fs->mutex);
    return status;
}

static void add_change(struct inode *inode, struct change *change)
{
    change_apply(&inode->now, change);
    *inode->changes_end = change;
    inode->changes_end = &change->next;
}

static struct change *change_new(uint64_t offset, const uint8_t *bytes, size_t size)
{
    struct change *change = must(calloc(1, sizeof *change + size));
    change->offset = offset;
    change->size = size;
    if (size > 0)
        memcpy(change->bytes, bytes, size);
    return change;
}

static enum qf_status sim_write(void *self, struct qf_file *file, struct qf_slice bytes,
                                uint64_t offset)
{
    struct qf_sim_fs *fs = self;
    bool happens, faulty;
    pthread_mutex_lock(&fs->mutex);
    enum qf_status status = begin_change(fs, &happens, &faulty);
    if (happens) {
        add_change(file->inode, change_new(offset, bytes.data, bytes.size));
    } else if (faulty && fs->fault == QF_SIM_NO_SPACE) {
        add_change(file->inode, change_new(offset, bytes.data, bytes.size / 2));
    } else if (faulty && fs->fault == QF_SIM_TORN) {
        for (size_t at = 0; at < bytes.size; at += SECTOR) {
            size_t piece = bytes.size - at < SECTOR ? bytes.size - at : SECTOR;
            if (coin(fs))
                add_change(file->inode, change_new(offset + at, bytes.data + at, piece));
        }
    }
    pthread_mutex_unlock(&fs->mutex);
    return status;
}

static enum qf_status sim_sync(void *self, struct qf_file *file)
{
    struct qf_sim_fs *fs = self;
    bool happens, faulty;
    pthread_mutex_lock(&fs->mutex);
    enum qf_status status = begin_change(fs, &happens, &faulty);
    if (happens)
        inode_settle(fs, file->inode, true);
    else if (faulty && fs->fault != QF_SIM_DEAD)
        /* As Linux does: the pages count as clean, whether they got to disk or not. */
        inode_settle(fs, file->inode, false);
    pthread_mutex_unlock(&fs->mutex);
    return status;
}

static enum qf_status sim_size(void *self, struct qf_file *file, uint64_t *out)
{
    struct qf_sim_fs *fs = self;
    pthread_mutex_lock(&fs->mutex);
    *out = file->inode->now.size;
    enum qf_status status = fs->dead ? QF_IO : QF_OK;
    pthread_mutex_unlock(&fs->mutex);
    return status;
}

static enum qf_status sim_truncate(void *self, struct qf_file *file, uint64_t size)
{
    struct qf_sim_fs *fs = self;
    bool happens, faulty;
    pthread_mutex_lock(&fs->mutex);
    enum qf_status status = begin_change(fs, &happens, &faulty);
    if (happens) {
        struct change *change = change_new(size, NULL, 0);
        change->truncate = true;
        add_change(file->inode, change);
    }
    pthread_mutex_unlock(&fs->mutex);
    return status;
}

static enum qf_status sim_rename(void *self, const char *from, const char *to)
{
    struct qf_sim_fs *fs = self;
    bool happens, faulty;
    pthread_mutex_lock(&fs->mutex);
    enum qf_status status = begin_change(fs, &happens, &faulty);
    struct entry *entry = entry_find(fs->now, from);
    if (status == QF_OK && (entry == NULL || !parent_exists(fs->now, to)))
        status = QF_NOT_FOUND;
    if (happens && status != QF_NOT_FOUND && entry != NULL)
        entries_change(fs, from, to, entry->inode);
    pthread_mutex_unlock(&fs->mutex);
    return status;
}

static bool has_children(const struct qf_sim_fs *fs, const char *path)
{
    for (const struct entry *entry = fs->now; entry != NULL; entry = entry->next)
        if (is_in(entry->path, path))
            return true;
    return false;
}

static enum qf_status sim_remove(void *self, const char *path)
{
    struct qf_sim_fs *fs = self;
    bool happens, faulty;
    pthread_mutex_lock(&fs->mutex);
    enum qf_status status = begin_change(fs, &happens, &faulty);
    const struct entry *entry = entry_find(fs->now, path);
    if (status == QF_OK && entry == NULL)
        status = QF_NOT_FOUND;
    if (status == QF_OK && entry->inode->folder && has_children(fs, path))
        status = QF_IO;
    if (happens && entry != NULL && (status == QF_OK || faulty))
        entries_change(fs, path, "", NULL);
    pthread_mutex_unlock(&fs->mutex);
    return status;
}

static enum qf_status sim_make_dir(void *self, const char *path)
{
    struct qf_sim_fs *fs = self;
    char part[PATH_SIZE_MAX];
    bool happens = true, faulty;
    size_t size = strlen(path);
    QF_ASSERT(size > 0 && size < sizeof part);
    pthread_mutex_lock(&fs->mutex);
    enum qf_status status = fs->dead ? QF_IO : QF_OK;
    for (size_t i = 1; status == QF_OK && i <= size; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (entry_find(fs->now, part) != NULL)
            continue;
        status = begin_change(fs, &happens, &faulty);
        if (happens)
            entries_change(fs, "", part, inode_new(fs, true));
    }
    pthread_mutex_unlock(&fs->mutex);
    return status;
}

static enum qf_status sim_sync_dir(void *self, const char *path)
{
    struct qf_sim_fs *fs = self;
    bool happens, faulty;
    pthread_mutex_lock(&fs->mutex);
    enum qf_status status = begin_change(fs, &happens, &faulty);
    if (status == QF_OK && path[0] != '\0' && entry_find(fs->now, path) == NULL)
        status = QF_NOT_FOUND;
    else if (happens)
        entries_settle(fs, path);
    pthread_mutex_unlock(&fs->mutex);
    return status;
}

static enum qf_status sim_sync_all(void *self)
{
    struct qf_sim_fs *fs = self;
    bool happens, faulty;
    pthread_mutex_lock(&fs->mutex);
    enum qf_status status = begin_change(fs, &happens, &faulty);
    bool lossy = faulty && !happens && fs->fault != QF_SIM_DEAD;
    if (happens || lossy) {
        for (struct inode *inode = fs->inodes; inode != NULL; inode = inode->next)
            inode_settle(fs, inode, happens);
        if (happens)
            entries_settle(fs, NULL);
    }
    pthread_mutex_unlock(&fs->mutex);
    return status;
}

static enum qf_status sim_list(void *self, const char *path,
                               void (*each)(void *arg, const char *name), void *arg)
{
    struct qf_sim_fs *fs = self;
    pthread_mutex_lock(&fs->mutex);
    enum qf_status status = fs->dead ? QF_IO : QF_OK;
    const struct entry *folder = path[0] == '\0' ? NULL : entry_find(fs->now, path);
    if (status == QF_OK && path[0] != '\0' && (folder == NULL || !folder->inode->folder))
        status = QF_NOT_FOUND;
    for (const struct entry *entry = fs->now; status == QF_OK && entry != NULL; entry = entry->next)
        if (is_in(entry->path, path))
            each(arg, path[0] == '\0' ? entry->path : entry->path + strlen(path) + 1);
    pthread_mutex_unlock(&fs->mutex);
    return status;
}

/* ---- life and death ---- */

struct qf_sim_fs *qf_sim_fs_new(uint64_t seed)
{
    struct qf_sim_fs *fs = calloc(1, sizeof *fs);
    if (fs == NULL)
        return NULL;
    pthread_mutex_init(&fs->mutex, NULL);
    fs->random = seed;
    fs->changes_end = &fs->changes;
    return fs;
}

struct qf_fs qf_sim_fs_io(struct qf_sim_fs *fs)
{
    return (struct qf_fs){
        .open = sim_open,
        .close = sim_close,
        .read = sim_read,
        .write = sim_write,
        .sync = sim_sync,
        .size = sim_size,
        .truncate = sim_truncate,
        .rename = sim_rename,
        .remove = sim_remove,
        .make_dir = sim_make_dir,
        .sync_dir = sim_sync_dir,
        .sync_all = sim_sync_all,
        .list = sim_list,
        .self = fs,
    };
}

void qf_sim_fs_fail_at(struct qf_sim_fs *fs, uint64_t n, enum qf_sim_fault fault)
{
    pthread_mutex_lock(&fs->mutex);
    fs->fail_at = n;
    fs->fault = fault;
    fs->failed = false;
    pthread_mutex_unlock(&fs->mutex);
}

void qf_sim_fs_heal(struct qf_sim_fs *fs)
{
    pthread_mutex_lock(&fs->mutex);
    fs->fail_at = 0;
    pthread_mutex_unlock(&fs->mutex);
}

void qf_sim_fs_revive(struct qf_sim_fs *fs)
{
    pthread_mutex_lock(&fs->mutex);
    fs->dead = false;
    fs->fail_at = 0;
    pthread_mutex_unlock(&fs->mutex);
}

uint64_t qf_sim_fs_calls(struct qf_sim_fs *fs)
{
    pthread_mutex_lock(&fs->mutex);
    uint64_t calls = fs->calls;
    pthread_mutex_unlock(&fs->mutex);
    return calls;
}

bool qf_sim_fs_failed(struct qf_sim_fs *fs)
{
    pthread_mutex_lock(&fs->mutex);
    bool failed = fs->failed;
    pthread_mutex_unlock(&fs->mutex);
    return failed;
}

/* Of the entries not synced keeps some: either all up to some point, or each by a coin. */
static void crash_entries(struct qf_sim_fs *fs)
{
    size_t count = 0;
    for (const struct entry_change *c = fs->changes; c != NULL; c = c->next)
        count++;
    bool in_order = coin(fs);
    size_t end = (size_t)(next_random(fs) % (count + 1));
    for (size_t i = 0; fs->changes != NULL; i++) {
        struct entry_change *change = fs->changes;
        if (in_order ? i < end : coin(fs))
            entry_apply(&fs->durable, change);
        fs->changes = change->next;
        free(change);
    }
    fs->changes_end = &fs->changes;
    /* What stood in a folder that was lost is lost. */
    for (struct entry *entry = fs->durable; entry != NULL;) {
        if (parent_exists(fs->durable, entry->path)) {
            entry = entry->next;
            continue;
        }
        entry_remove(&fs->durable, entry->path);
        entry = fs->durable;
    }
    entries_free(&fs->now);
    for (const struct entry *entry = fs->durable; entry != NULL; entry = entry->next)
        entry_set(&fs->now, entry->path, entry->inode);
}

static bool is_linked(const struct qf_sim_fs *fs, const struct inode *inode)
{
    for (const struct entry *entry = fs->now; entry != NULL; entry = entry->next)
        if (entry->inode == inode)
            return true;
    return false;
}

void qf_sim_fs_crash(struct qf_sim_fs *fs)
{
    pthread_mutex_lock(&fs->mutex);
    QF_ASSERT(fs->open_count == 0);
    fs->dead = false;
    fs->fail_at = 0;
    crash_entries(fs);
    struct inode **at = &fs->inodes;
    while (*at != NULL) {
        struct inode *inode = *at;
        inode_settle(fs, inode, false);
        if (!is_linked(fs, inode)) {
            *at = inode->next;
            free(inode->now.data);
            free(inode->durable.data);
            free(inode);
            continue;
        }
        contents_resize(&inode->now, inode->durable.size);
        contents_write(&inode->now, 0, inode->durable.data, (size_t)inode->durable.size);
        at = &inode->next;
    }
    pthread_mutex_unlock(&fs->mutex);
}

void qf_sim_fs_free(struct qf_sim_fs *fs)
{
    if (fs == NULL)
        return;
    QF_ASSERT(fs->open_count == 0);
    entries_settle(fs, NULL);
    entries_free(&fs->now);
    entries_free(&fs->durable);
    while (fs->inodes != NULL) {
        struct inode *inode = fs->inodes;
        fs->inodes = inode->next;
        inode_settle(fs, inode, true);
        free(inode->now.data);
        free(inode->durable.data);
        free(inode);
    }
    pthread_mutex_destroy(&fs->mutex);
    free(fs);
}
