#include "store/stamps.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "merkle/lines.h"

#define PATH_SIZE_MAX (QF_STAMPS_NAME_SIZE_MAX + 16)
#define RENEWAL "renewal-"

struct qf_stamps {
    const struct qf_fs *fs;
    char network[QF_ID_SIZE_MAX + 1];
    pthread_mutex_t lock; /* over what follows */
    uint64_t *sizes;      /* ascending */
    size_t count, capacity;
    size_t renewals;
    uint64_t covered;
};

/* ---- names ---- */

struct name {
    bool is_renewal;
    uint64_t number;
    const char *suffix; /* "note", "tsr", "txt", "list" */
};

/* Strict, so that a name taken from a request is one of these files and no path elsewhere. */
static bool parse_name(struct name *out, const char *name)
{
    out->is_renewal = strncmp(name, RENEWAL, sizeof RENEWAL - 1) == 0;
    if (out->is_renewal)
        name += sizeof RENEWAL - 1;
    size_t digits = strspn(name, "0123456789");
    if (!qf_lines_number(&out->number, qf_slice_make(name, digits)) || out->number == 0 ||
        name[digits] != '.')
        return false;
    out->suffix = name + digits + 1;
    return strcmp(out->suffix, "tsr") == 0 ||
           (out->is_renewal ? strcmp(out->suffix, "txt") == 0 || strcmp(out->suffix, "list") == 0
                            : strcmp(out->suffix, "note") == 0);
}

static void path_of(char out[PATH_SIZE_MAX], bool is_renewal, uint64_t number, const char *suffix)
{
    snprintf(out, PATH_SIZE_MAX, QF_STAMPS_FOLDER "/%s%llu.%s", is_renewal ? RENEWAL : "",
             (unsigned long long)number, suffix);
}

/* ---- opening ---- */

struct listing {
    struct qf_stamps *stamps;
    uint64_t last_renewal;
    bool over;
};

static bool make_room(struct qf_stamps *stamps)
{
    if (stamps->count < stamps->capacity)
        return true;
    size_t capacity = stamps->capacity == 0 ? 64 : 2 * stamps->capacity;
    uint64_t *sizes = realloc(stamps->sizes, capacity * sizeof *sizes);
    QF_ASSERT(sizes != NULL);
    stamps->sizes = sizes;
    stamps->capacity = capacity;
    return true;
}

static void take_name(void *arg, const char *text)
{
    struct listing *listing = arg;
    struct qf_stamps *stamps = listing->stamps;
    struct name name;
    if (!parse_name(&name, text) || strcmp(name.suffix, "tsr") != 0)
        return;
    if (name.is_renewal) {
        stamps->renewals++;
        if (name.number > listing->last_renewal)
            listing->last_renewal = name.number;
    } else if (stamps->count < QF_STAMPS_MAX && make_room(stamps)) {
        stamps->sizes[stamps->count++] = name.number;
    } else {
        listing->over = true;
    }
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static enum qf_status read_file(struct qf_stamps *stamps, struct qf_arena *arena, bool is_renewal,
                                uint64_t number, const char *suffix, size_t size_max,
                                struct qf_slice *out, struct qf_error *err)
{
    char path[PATH_SIZE_MAX];
    struct qf_buf bytes = {0};
    path_of(path, is_renewal, number, suffix);
    enum qf_status status = qf_fs_read(stamps->fs, path, size_max, &bytes);
    if (status == QF_OK)
        *out = qf_arena_copy(arena, qf_buf_slice(&bytes));
    else
        status = qf_fail(err, status, path,
                         status == QF_NOT_FOUND    ? "it is missing"
                         : status == QF_OVER_LIMIT ? "it is larger than it may be"
                                                   : "cannot be read");
    qf_buf_deinit(&bytes);
    return status;
}

static enum qf_status read_list(struct qf_stamps *stamps, struct qf_arena *arena, uint64_t number,
                                struct qf_slice *out, struct qf_error *err)
{
    return read_file(stamps, arena, true, number, "list", QF_STAMPS_LIST_SIZE_MAX, out, err);
}

/* The last stamp that the newest renewals cover: one may cover nothing but the one before. */
static enum qf_status find_covered(struct qf_stamps *stamps, struct qf_error *err)
{
    struct qf_arena arena = {0};
    enum qf_status status = QF_OK;
    for (uint64_t n = stamps->renewals; n > 0 && stamps->covered == 0 && status == QF_OK; n--) {
        struct qf_slice list = {NULL, 0};
        status = read_list(stamps, &arena, n, &list, err);
        while (status == QF_OK && list.size > 0) {
            struct qf_stamp_item item;
            status = qf_stamp_item_next(&item, &list, err);
            if (status == QF_OK && !item.is_renewal)
                stamps->covered = item.number;
        }
    }
    qf_arena_deinit(&arena);
    if (status == QF_NOT_FOUND || status == QF_MALFORMED || status == QF_OVER_LIMIT)
        err->status = status = QF_CORRUPT;
    return status;
}

enum qf_status qf_stamps_open(struct qf_stamps **out, const struct qf_fs *fs,
                              struct qf_slice network, struct qf_error *err)
{
    struct qf_error local = {0};
    QF_ASSERT(network.size <= QF_ID_SIZE_MAX);
    struct qf_stamps *stamps = calloc(1, sizeof *stamps);
    QF_ASSERT(stamps != NULL);
    stamps->fs = fs;
    memcpy(stamps->network, network.data, network.size);
    pthread_mutex_init(&stamps->lock, NULL);
    struct listing listing = {.stamps = stamps};
    enum qf_status status = fs->list(fs->self, QF_STAMPS_FOLDER, take_name, &listing);
    if (status == QF_NOT_FOUND)
        status = QF_OK;
    else if (status != QF_OK)
        status = qf_fail(&local, status, QF_STAMPS_FOLDER, "the folder cannot be read");
    else if (listing.over)
        status =
            qf_fail(&local, QF_OVER_LIMIT, QF_STAMPS_FOLDER, "at most %d stamps", QF_STAMPS_MAX);
    else if (listing.last_renewal != stamps->renewals)
        status = qf_fail(&local, QF_CORRUPT, QF_STAMPS_FOLDER,
                         "there is a renewal %llu, and only %zu in all: restore the missing ones "
                         "from a copy of the folder",
                         (unsigned long long)listing.last_renewal, stamps->renewals);
    if (stamps->count > 1)
        qsort(stamps->sizes, stamps->count, sizeof *stamps->sizes, by_number);
    if (status == QF_OK)
        status = find_covered(stamps, &local);
    if (status != QF_OK) {
        qf_stamps_close(stamps);
        return qf_fail(err, status, local.field, "%s", local.detail);
    }
    *out = stamps;
    return QF_OK;
}

void qf_stamps_close(struct qf_stamps *stamps)
{
    if (stamps == NULL)
        return;
    pthread_mutex_destroy(&stamps->lock);
    free(stamps->sizes);
    free(stamps);
}

/* ---- looking ---- */

const char *qf_stamps_network(const struct qf_stamps *stamps)
{
    return stamps->network;
}

size_t qf_stamps_count(struct qf_stamps *stamps)
{
    pthread_mutex_lock(&stamps->lock);
    size_t count = stamps->count;
    pthread_mutex_unlock(&stamps->lock);
    return count;
}

size_t qf_stamps_renewals(struct qf_stamps *stamps)
{
    pthread_mutex_lock(&stamps->lock);
    size_t count = stamps->renewals;
    pthread_mutex_unlock(&stamps->lock);
    return count;
}

uint64_t qf_stamps_last(struct qf_stamps *stamps)
{
    pthread_mutex_lock(&stamps->lock);
    uint64_t size = stamps->count > 0 ? stamps->sizes[stamps->count - 1] : 0;
    pthread_mutex_unlock(&stamps->lock);
    return size;
}

uint64_t qf_stamps_covered(struct qf_stamps *stamps)
{
    pthread_mutex_lock(&stamps->lock);
    uint64_t size = stamps->covered;
    pthread_mutex_unlock(&stamps->lock);
    return size;
}

bool qf_stamps_after(struct qf_stamps *stamps, uint64_t size, uint64_t *found)
{
    pthread_mutex_lock(&stamps->lock);
    size_t from = 0;
    size_t to = stamps->count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (stamps->sizes[middle] > size)
            to = middle;
        else
            from = middle + 1;
    }
    bool there = from < stamps->count;
    if (there)
        *found = stamps->sizes[from];
    pthread_mutex_unlock(&stamps->lock);
    return there;
}

static bool has(struct qf_stamps *stamps, const struct name *name)
{
    uint64_t found = 0;
    if (name->is_renewal)
        return name->number <= qf_stamps_renewals(stamps);
    return qf_stamps_after(stamps, name->number - 1, &found) && found == name->number;
}

static enum qf_status load(struct qf_stamps *stamps, struct qf_arena *arena,
                           const struct name *name, struct qf_stamp_link *out, struct qf_error *err)
{
    struct qf_slice response = {NULL, 0};
    struct qf_buf token = {0};
    *out = (struct qf_stamp_link){0};
    if (!has(stamps, name))
        return qf_fail(err, QF_NOT_FOUND, "size", "there is no such stamp");
    enum qf_status status =
        read_file(stamps, arena, name->is_renewal, name->number, name->is_renewal ? "txt" : "note",
                  QF_NOTE_SIZE_MAX, &out->file, err);
    if (status == QF_OK)
        status = read_file(stamps, arena, name->is_renewal, name->number, "tsr",
                           QF_TIMESTAMP_TOKEN_SIZE_MAX, &response, err);
    if (status == QF_OK) {
        status = qf_timestamp_token(&token, response, err);
        if (status != QF_OK && err != NULL)
            path_of(err->field, name->is_renewal, name->number, "tsr");
    }
    if (status == QF_OK)
        out->token = qf_arena_copy(arena, qf_buf_slice(&token));
    qf_buf_deinit(&token);
    return status;
}

enum qf_status qf_stamps_load(struct qf_stamps *stamps, struct qf_arena *arena, uint64_t size,
                              struct qf_stamp_link *out, struct qf_error *err)
{
    const struct name name = {.number = size};
    return size == 0 ? qf_fail(err, QF_NOT_FOUND, "size", "there is no such stamp")
                     : load(stamps, arena, &name, out, err);
}

enum qf_status qf_stamps_load_renewal(struct qf_stamps *stamps, struct qf_arena *arena,
                                      uint64_t number, struct qf_stamp_link *out,
                                      struct qf_error *err)
{
    const struct name name = {.is_renewal = true, .number = number};
    return load(stamps, arena, &name, out, err);
}

enum qf_status qf_stamps_file(struct qf_stamps *stamps, struct qf_buf *out, const char *text)
{
    char path[PATH_SIZE_MAX];
    struct name name;
    if (strlen(text) >= QF_STAMPS_NAME_SIZE_MAX || !parse_name(&name, text) || !has(stamps, &name))
        return QF_NOT_FOUND;
    path_of(path, name.is_renewal, name.number, name.suffix);
    return qf_fs_read(stamps->fs, path, QF_STAMPS_LIST_SIZE_MAX, out);
}

/* ---- chains ---- */

/* The complete nodes of a list's tree are not kept: a proof is rare, and a list is short. */
struct list_reader {
    uint8_t (*hashes)[QF_HASH_SIZE];
};

static enum qf_status read_node(void *self, unsigned level, uint64_t index,
                                uint8_t out[QF_HASH_SIZE])
{
    const struct list_reader *list = self;
    struct qf_log_tree tree;
    uint64_t first = index << level;
    qf_log_tree_init(&tree, QF_HASH_SHA256);
    for (uint64_t i = 0; i < (uint64_t)1 << level; i++)
        qf_log_tree_append(&tree, list->hashes[first + i], NULL, NULL);
    qf_log_tree_root(&tree, out);
    return QF_OK;
}

/* The items of a list; `wanted` is where one stands, or the list's length. */
static enum qf_status read_items(struct qf_arena *arena, struct qf_slice list,
                                 const struct qf_stamp_item *wanted,
                                 uint8_t (**hashes)[QF_HASH_SIZE], uint64_t *count, uint64_t *at,
                                 struct qf_error *err)
{
    /* A line has at least a digit, a space, the hash and its end. */
    *hashes = qf_arena_alloc(arena, (list.size / 47 + 1) * QF_HASH_SIZE);
    *count = 0;
    *at = UINT64_MAX;
    while (list.size > 0) {
        struct qf_stamp_item item;
        enum qf_status status = qf_stamp_item_next(&item, &list, err);
        if (status != QF_OK)
            return status;
        if (item.is_renewal == wanted->is_renewal && item.number == wanted->number)
            *at = *count;
        memcpy((*hashes)[(*count)++], item.hash, QF_HASH_SIZE);
    }
    return QF_OK;
}

/* Whether renewal `number` has the item, and if so the proof of it. */
static enum qf_status prove(struct qf_stamps *stamps, struct qf_arena *arena, uint64_t number,
                            const struct qf_stamp_item *wanted, struct qf_stamp_link *link,
                            bool *there, struct qf_error *err)
{
    struct qf_slice list = {NULL, 0};
    struct list_reader hashes;
    uint64_t count = 0;
    *there = false;
    enum qf_status status = read_list(stamps, arena, number, &list, err);
    if (status == QF_OK)
        status = read_items(arena, list, wanted, &hashes.hashes, &count, &link->index, err);
    if (status != QF_OK || link->index == UINT64_MAX)
        return status;
    *there = true;
    const struct qf_hash_reader reader = {read_node, &hashes};
    return qf_log_prove_inclusion(QF_HASH_SHA256, &link->proof, link->index, count, &reader);
}

enum qf_status qf_stamps_chain(struct qf_stamps *stamps, struct qf_arena *arena, uint64_t size,
                               struct qf_stamp_link **links, size_t *count, struct qf_error *err)
{
    struct qf_stamp_link *chain = QF_ARENA_ARRAY(arena, struct qf_stamp_link, QF_STAMP_LINKS_MAX);
    struct qf_stamp_item item = {.number = size};
    size_t renewals = qf_stamps_renewals(stamps);
    *links = chain;
    *count = 1;
    enum qf_status status = qf_stamps_load(stamps, arena, size, &chain[0], err);
    for (uint64_t n = 1; n <= renewals && status == QF_OK; n++) {
        struct qf_stamp_link link = {0};
        struct qf_stamp_link proved = {0};
        bool there = false;
        status = prove(stamps, arena, n, &item, &proved, &there, err);
        if (status != QF_OK || !there)
            continue;
        if (*count == QF_STAMP_LINKS_MAX)
            return qf_fail(err, QF_OVER_LIMIT, "links", "at most %d", QF_STAMP_LINKS_MAX);
        status = qf_stamps_load_renewal(stamps, arena, n, &link, err);
        link.index = proved.index;
        link.proof = proved.proof;
        chain[(*count)++] = link;
        item = (struct qf_stamp_item){.is_renewal = true, .number = n};
    }
    return status;
}

/* ---- adding ---- */

static enum qf_status write_file(struct qf_stamps *stamps, bool is_renewal, uint64_t number,
                                 const char *suffix, struct qf_slice bytes, struct qf_error *err)
{
    char path[PATH_SIZE_MAX];
    path_of(path, is_renewal, number, suffix);
    enum qf_status status = qf_fs_replace(stamps->fs, path, bytes, true);
    return status == QF_OK ? QF_OK : qf_fail(err, status, path, "cannot be written");
}

static enum qf_status write_token(struct qf_stamps *stamps, bool is_renewal, uint64_t number,
                                  struct qf_slice token, struct qf_error *err)
{
    struct qf_buf response = {0};
    qf_timestamp_put_response(&response, token);
    enum qf_status status = qf_buf_status(&response);
    if (status == QF_OK)
        status = write_file(stamps, is_renewal, number, "tsr", qf_buf_slice(&response), err);
    qf_buf_deinit(&response);
    return status;
}

static enum qf_status make_folder(struct qf_stamps *stamps, struct qf_error *err)
{
    enum qf_status status = stamps->fs->make_dir(stamps->fs->self, QF_STAMPS_FOLDER);
    if (status == QF_OK)
        status = stamps->fs->sync_dir(stamps->fs->self, "");
    return status == QF_OK ? QF_OK : qf_fail(err, status, QF_STAMPS_FOLDER, "cannot be made");
}

enum qf_status qf_stamps_keep(struct qf_stamps *stamps, uint64_t size, struct qf_slice note,
                              struct qf_slice token, struct qf_error *err)
{
    QF_ASSERT(size > qf_stamps_last(stamps) && size < QF_LOG_SIZE_MAX);
    if (qf_stamps_count(stamps) >= QF_STAMPS_MAX)
        return qf_fail(err, QF_OVER_LIMIT, QF_STAMPS_FOLDER, "at most %d stamps", QF_STAMPS_MAX);
    enum qf_status status = make_folder(stamps, err);
    if (status == QF_OK)
        status = write_file(stamps, false, size, "note", note, err);
    if (status == QF_OK)
        status = write_token(stamps, false, size, token, err);
    if (status != QF_OK)
        return status;
    pthread_mutex_lock(&stamps->lock);
    if (make_room(stamps))
        stamps->sizes[stamps->count++] = size;
    pthread_mutex_unlock(&stamps->lock);
    return QF_OK;
}

static enum qf_status add_item(struct qf_stamps *stamps, struct qf_arena *arena,
                               struct qf_stamp_item item, struct qf_log_tree *tree,
                               struct qf_buf *list, struct qf_error *err)
{
    struct qf_stamp_link link = {0};
    enum qf_status status = item.is_renewal
                                ? qf_stamps_load_renewal(stamps, arena, item.number, &link, err)
                                : qf_stamps_load(stamps, arena, item.number, &link, err);
    if (status != QF_OK)
        return status;
    qf_stamp_item_hash(item.hash, link.file, link.token);
    qf_log_tree_append(tree, item.hash, NULL, NULL);
    qf_stamp_item_put(list, &item);
    qf_arena_reset(arena);
    return QF_OK;
}

enum qf_status qf_stamps_prepare(struct qf_stamps *stamps, struct qf_buf *text, struct qf_buf *list,
                                 struct qf_error *err)
{
    struct qf_arena arena = {0};
    struct qf_log_tree tree;
    uint64_t renewals = qf_stamps_renewals(stamps);
    uint64_t size = qf_stamps_covered(stamps);
    enum qf_status status = QF_OK;
    qf_log_tree_init(&tree, QF_HASH_SHA256);
    if (renewals > 0) {
        const struct qf_stamp_item item = {.is_renewal = true, .number = renewals};
        status = add_item(stamps, &arena, item, &tree, list, err);
    }
    while (status == QF_OK && qf_stamps_after(stamps, size, &size)) {
        const struct qf_stamp_item item = {.number = size};
        status = add_item(stamps, &arena, item, &tree, list, err);
    }
    qf_arena_deinit(&arena);
    if (status == QF_OK && tree.size == 0)
        status = qf_fail(err, QF_NOT_FOUND, QF_STAMPS_FOLDER, "there is nothing to renew");
    if (status != QF_OK)
        return status;
    struct qf_stamp_renewal renewal = {
        .network = qf_slice_of(stamps->network), .number = renewals + 1, .items = tree.size};
    qf_log_tree_root(&tree, renewal.root);
    qf_stamp_renewal_put(text, &renewal);
    return qf_buf_status(text) == QF_OK ? qf_buf_status(list) : QF_NO_MEMORY;
}

enum qf_status qf_stamps_renew(struct qf_stamps *stamps, struct qf_slice text, struct qf_slice list,
                               struct qf_slice token, struct qf_error *err)
{
    struct qf_slice rest = list;
    uint64_t covered = qf_stamps_covered(stamps);
    uint64_t number = qf_stamps_renewals(stamps) + 1;
    enum qf_status status = make_folder(stamps, err);
    while (status == QF_OK && rest.size > 0) {
        struct qf_stamp_item item;
        status = qf_stamp_item_next(&item, &rest, err);
        if (status == QF_OK && !item.is_renewal)
            covered = item.number;
    }
    if (status == QF_OK)
        status = write_file(stamps, true, number, "list", list, err);
    if (status == QF_OK)
        status = write_file(stamps, true, number, "txt", text, err);
    if (status == QF_OK)
        status = write_token(stamps, true, number, token, err);
    if (status != QF_OK)
        return status;
    pthread_mutex_lock(&stamps->lock);
    stamps->renewals++;
    stamps->covered = covered;
    pthread_mutex_unlock(&stamps->lock);
    return QF_OK;
}
