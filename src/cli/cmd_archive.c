#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "engine/ledger/ledger.h"
#include "node/config.h"

/* Full tiles are copied, the copies read again and held against the signed root, and only then the
 * originals removed: at every moment each tile is in the folder or in the archive. */

#define GENESIS_SIZE_MAX (4u << 20)
#define KEEP_DEFAULT 64 /* newest bundles that stay, about 10 MB: those that are asked for most */
#define LEVELS 8
#define BUNDLE_SIZE_MAX ((size_t)QF_TILE_WIDTH * (2 + QF_ENTRY_SIZE_MAX))

/* The tree over one kind of leaf hashes, and the tiles of higher levels that follow from it. */
struct tree {
    struct qf_log_tree log;
    const char *prefix;
    uint8_t hashes[LEVELS][QF_TILE_WIDTH][QF_HASH_SIZE];
    uint64_t complete[LEVELS], handled[LEVELS];
};

struct moving {
    struct qf_fs from, to;
    const char *from_path, *to_path;
    struct qf_fs *others; /* further archives that node.yaml lists */
    size_t other_count;
    bool listed; /* the archive, in node.yaml */
    struct qf_arena arena;
    struct qf_checkpoint checkpoint;
    struct tree *trees; /* SHA-256, SM3 */
    size_t tree_count;
    uint64_t keep;
    bool hashes;
    const char **moved; /* paths whose copies are there */
    size_t moved_count, moved_capacity;
    uint64_t bytes, there_already;
    struct qf_cli_progress progress;
    struct qf_error *err;
};

static enum qf_status read_file(const struct qf_fs *fs, struct qf_buf *out, const char *path)
{
    struct qf_file *file;
    uint64_t size = 0;
    size_t got = 0;
    qf_buf_reset(out);
    enum qf_status status = fs->open(fs->self, &file, path, false);
    if (status != QF_OK)
        return status;
    status = fs->size(fs->self, file, &size);
    if (status == QF_OK && size > BUNDLE_SIZE_MAX)
        status = QF_OVER_LIMIT;
    uint8_t *space = status == QF_OK && size > 0 ? qf_buf_reserve(out, (size_t)size) : NULL;
    if (space != NULL) {
        status = fs->read(fs->self, file, space, (size_t)size, 0, &got);
        qf_buf_grow(out, got);
    }
    fs->close(fs->self, file);
    return status;
}

/* Durable once all of the folder is synced, before anything is removed. */
static enum qf_status write_file(const struct qf_fs *fs, const char *path, struct qf_slice bytes)
{
    char folder[256];
    const char *slash = strrchr(path, '/');
    snprintf(folder, sizeof folder, "%.*s", slash != NULL ? (int)(slash - path) : 0, path);
    enum qf_status status = fs->make_dir(fs->self, folder);
    return status == QF_OK ? qf_fs_replace(fs, path, bytes, false) : status;
}

static enum qf_status invalid(struct moving *m, const char *path, const char *reason)
{
    return qf_fail(m->err, QF_INVALID, path, "%s; nothing was removed", reason);
}

/* In the folder or in an archive. */
static enum qf_status read_either(struct moving *m, struct qf_buf *out, const char *path,
                                  bool *archived)
{
    enum qf_status status = read_file(&m->from, out, path);
    *archived = status == QF_NOT_FOUND;
    if (status == QF_NOT_FOUND)
        status = read_file(&m->to, out, path);
    for (size_t i = 0; i < m->other_count && status == QF_NOT_FOUND; i++)
        status = read_file(&m->others[i], out, path);
    if (status == QF_NOT_FOUND)
        return invalid(m, path, "it is neither in the folder nor in an archive");
    return status == QF_OK ? QF_OK : qf_fail(m->err, status, path, "cannot be read");
}

/* Whether the "copy" would be the original itself: the archive is the log, or linked to it. */
static bool same_file(struct moving *m, const char *path)
{
    struct stat from;
    struct stat to;
    struct qf_arena arena = {0};
    bool same = stat(qf_arena_printf(&arena, "%s/%s", m->from_path, path), &from) == 0 &&
                stat(qf_arena_printf(&arena, "%s/%s", m->to_path, path), &to) == 0 &&
                from.st_dev == to.st_dev && from.st_ino == to.st_ino;
    qf_arena_deinit(&arena);
    return same;
}

/* Copies bytes that were checked, reads them again, and notes that the original may go. */
static enum qf_status copy(struct moving *m, const char *path, struct qf_slice bytes)
{
    if (same_file(m, path))
        return qf_fail(m->err, QF_USAGE, "--to",
                       "%s is the log's own folder, or leads to it; nothing was moved", m->to_path);
    struct qf_buf again;
    qf_buf_init(&again, BUNDLE_SIZE_MAX + 1);
    enum qf_status status = read_file(&m->to, &again, path);
    if (status == QF_NOT_FOUND) {
        status = write_file(&m->to, path, bytes);
        if (status == QF_OK)
            status = read_file(&m->to, &again, path);
    }
    bool same = status == QF_OK && qf_slice_equal(qf_buf_slice(&again), bytes);
    qf_buf_deinit(&again);
    if (status != QF_OK)
        return qf_fail(m->err, status, path, "the copy cannot be written or read");
    if (!same)
        return invalid(m, path, "the archive holds it with other bytes");
    if (m->moved_count == m->moved_capacity) {
        size_t capacity = m->moved_capacity == 0 ? 1024 : 2 * m->moved_capacity;
        const char **grown = realloc(m->moved, capacity * sizeof *grown);
        if (grown == NULL)
            return qf_fail(m->err, QF_NO_MEMORY, "", "no memory");
        m->moved = grown;
        m->moved_capacity = capacity;
    }
    m->moved[m->moved_count++] = qf_arena_text(&m->arena, qf_slice_of(path));
    m->bytes += bytes.size;
    return QF_OK;
}

static void tile_path(char out[96], const char *prefix, int level, uint64_t index, unsigned width)
{
    char bare[QF_TILE_PATH_SIZE_MAX];
    const struct qf_tile tile = {.level = level, .index = index, .width = width};
    qf_tile_path(bare, &tile);
    snprintf(out, 96, "%s%s", prefix, bare);
}

static void take_node(void *arg, unsigned level, uint64_t index, const uint8_t hash[QF_HASH_SIZE])
{
    struct tree *tree = arg;
    unsigned tile_level = level / QF_TILE_HEIGHT;
    if (level % QF_TILE_HEIGHT != 0 || tile_level >= LEVELS)
        return;
    memcpy(tree->hashes[tile_level][index % QF_TILE_WIDTH], hash, QF_HASH_SIZE);
    tree->complete[tile_level] += index % QF_TILE_WIDTH == QF_TILE_WIDTH - 1;
}

/* Reads a tile of leaf hashes into the tree, and moves it and what it completes above. */
static enum qf_status take_hashes(struct moving *m, struct tree *tree, uint64_t index,
                                  unsigned width, bool move)
{
    struct qf_buf bytes;
    char path[96];
    bool archived;
    qf_buf_init(&bytes, BUNDLE_SIZE_MAX + 1);
    tile_path(path, tree->prefix, 0, index, width);
    enum qf_status status = read_either(m, &bytes, path, &archived);
    if (status == QF_OK && bytes.size != (size_t)width * QF_HASH_SIZE)
        status = invalid(m, path, "it has not the size of a tile");
    for (unsigned i = 0; status == QF_OK && i < width; i++)
        qf_log_tree_append(&tree->log, bytes.data + (size_t)i * QF_HASH_SIZE, take_node, tree);
    if (status == QF_OK && width == QF_TILE_WIDTH && m->hashes && move && !archived)
        status = copy(m, path, qf_buf_slice(&bytes));
    tree->handled[0] = tree->complete[0];
    for (int level = 1; level < LEVELS && status == QF_OK; level++) {
        if (tree->handled[level] == tree->complete[level])
            break;
        tile_path(path, tree->prefix, level, tree->handled[level]++, QF_TILE_WIDTH);
        status = read_either(m, &bytes, path, &archived);
        if (status == QF_OK &&
            (bytes.size != sizeof tree->hashes[level] ||
             memcmp(bytes.data, tree->hashes[level], sizeof tree->hashes[level]) != 0))
            status = invalid(m, path, "it does not follow from the tiles below it");
        if (status == QF_OK && m->hashes && move && !archived)
            status = copy(m, path, qf_buf_slice(&bytes));
    }
    qf_buf_deinit(&bytes);
    return status;
}

/* A bundle moves once its entries have the hashes of the tile beside it. */
static enum qf_status take_bundle(struct moving *m, uint64_t index)
{
    struct qf_buf bytes;
    char path[96];
    bool archived;
    size_t offset = 0;
    qf_buf_init(&bytes, BUNDLE_SIZE_MAX + 1);
    tile_path(path, "", QF_TILE_ENTRIES_LEVEL, index, QF_TILE_WIDTH);
    enum qf_status status = read_either(m, &bytes, path, &archived);
    m->there_already += archived && status == QF_OK;
    for (unsigned i = 0; status == QF_OK && !archived && i < QF_TILE_WIDTH; i++) {
        struct qf_slice entry;
        if (qf_bundle_next(qf_buf_slice(&bytes), &offset, &entry) != QF_OK)
            status = invalid(m, path, "it is cut");
        for (size_t k = 0; status == QF_OK && k < m->tree_count; k++) {
            uint8_t hash[QF_HASH_SIZE];
            qf_hash_leaf(m->trees[k].log.alg, hash, entry);
            if (memcmp(hash, m->trees[k].hashes[0][i], QF_HASH_SIZE) != 0)
                status = invalid(m, path, "an entry has not the hash that stands in its tile");
        }
    }
    if (status == QF_OK && !archived && offset != bytes.size)
        status = invalid(m, path, "it has bytes after its last entry");
    if (status == QF_OK && !archived)
        status = copy(m, path, qf_buf_slice(&bytes));
    qf_buf_deinit(&bytes);
    return status;
}

static enum qf_status copy_all(struct moving *m)
{
    uint64_t full = m->checkpoint.size / QF_TILE_WIDTH;
    unsigned rest = (unsigned)(m->checkpoint.size % QF_TILE_WIDTH);
    uint64_t until = full > m->keep ? full - m->keep : 0;
    enum qf_status status = QF_OK;
    qf_cli_progress_start(&m->progress, "archiving tiles", full);
    for (uint64_t index = 0; index < full && status == QF_OK; index++) {
        for (size_t k = 0; k < m->tree_count && status == QF_OK; k++)
            status = take_hashes(m, &m->trees[k], index, QF_TILE_WIDTH, index < until);
        if (status == QF_OK && index < until)
            status = take_bundle(m, index);
        qf_cli_progress_show(&m->progress, index);
    }
    for (size_t k = 0; k < m->tree_count && status == QF_OK && rest > 0; k++)
        status = take_hashes(m, &m->trees[k], full, rest, false);
    qf_cli_progress_end(&m->progress, full);
    for (size_t k = 0; k < m->tree_count && status == QF_OK; k++) {
        uint8_t root[QF_HASH_SIZE];
        qf_log_tree_root(&m->trees[k].log, root);
        if (memcmp(root, k == 0 ? m->checkpoint.root : m->checkpoint.sm3_root, QF_HASH_SIZE) != 0)
            status = invalid(m, "checkpoint", "the tiles do not have the root that is signed");
    }
    if (status == QF_OK && m->to.sync_all(m->to.self) != QF_OK)
        status = qf_fail(m->err, QF_IO, "--to", "cannot be synced; nothing was removed");
    return status;
}

static enum qf_status remove_moved(struct moving *m)
{
    for (size_t i = 0; i < m->moved_count; i++) {
        enum qf_status status = m->from.remove(m->from.self, m->moved[i]);
        if (status != QF_OK)
            return qf_fail(m->err, status, m->moved[i],
                           "cannot be removed; its copy is in the archive");
    }
    return QF_OK;
}

static enum qf_status read_checkpoint(struct moving *m, const char *dir)
{
    struct qf_arena *arena = &m->arena;
    struct qf_slice text;
    struct qf_note note;
    enum qf_status status = qf_cli_read(arena, qf_arena_printf(arena, "%s/log/checkpoint", dir),
                                        QF_NOTE_SIZE_MAX, &text, m->err);
    if (status == QF_OK)
        status = qf_note_parse(arena, &note, text, m->err);
    if (status == QF_OK)
        status = qf_checkpoint_parse(&m->checkpoint, note.text, m->err);
    if (status != QF_OK)
        return status;
    m->tree_count = m->checkpoint.has_sm3 ? 2 : 1;
    m->trees = calloc(m->tree_count, sizeof *m->trees);
    if (m->trees == NULL)
        return qf_fail(m->err, QF_NO_MEMORY, "", "no memory");
    for (size_t k = 0; k < m->tree_count; k++) {
        m->trees[k].prefix = k == 0 ? "" : "sm3/";
        qf_log_tree_init(&m->trees[k].log, k == 0 ? QF_HASH_SHA256 : QF_HASH_SM3);
    }
    return QF_OK;
}

/* The archives that node.yaml lists already. */
static enum qf_status open_others(struct moving *m, const char *dir, const char *to)
{
    struct qf_config config;
    struct stat wanted;
    struct stat other;
    enum qf_status status = qf_config_load(&m->arena, &config, dir, m->err);
    if (status != QF_OK)
        return status;
    m->others = QF_ARENA_ARRAY(&m->arena, struct qf_fs, config.archive_count + 1);
    for (size_t i = 0; i < config.archive_count && status == QF_OK; i++) {
        if (stat(to, &wanted) == 0 && stat(config.archives[i], &other) == 0 &&
            wanted.st_dev == other.st_dev && wanted.st_ino == other.st_ino) {
            m->listed = true;
            continue;
        }
        status = qf_fs_posix_init(&m->others[m->other_count], config.archives[i], m->err);
        m->other_count += status == QF_OK;
    }
    return status;
}

/* A node that serves the folder looks for its tiles where node.yaml said when it started. */
static enum qf_status check_unserved(const struct moving *m, const char *dir)
{
    if (m->listed || !qf_cli_node_runs(dir))
        return QF_OK;
    return qf_fail(m->err, QF_WRONG_STATE, "archives",
                   "a node serves this folder and would not find its tiles any more: list %s under "
                   "archives in node.yaml and start the node again, or stop it before",
                   m->to_path);
}

static enum qf_status archive(struct moving *m, const char *dir, const char *to)
{
    m->from_path = qf_arena_printf(&m->arena, "%s/log", dir);
    m->to_path = to;
    enum qf_status status = read_checkpoint(m, dir);
    if (status == QF_OK)
        status = qf_fs_posix_init(&m->from, m->from_path, m->err);
    if (status == QF_OK) {
        (void)mkdir(to, 0750); /* opening it tells what is wrong */
        status = qf_fs_posix_init(&m->to, to, m->err);
    }
    if (status == QF_OK)
        status = open_others(m, dir, to);
    if (status == QF_OK)
        status = check_unserved(m, dir);
    if (status == QF_OK)
        status = copy_all(m);
    if (status == QF_OK)
        status = remove_moved(m);
    return status;
}

static void print_result(const struct moving *m, const char *to, bool json)
{
    if (!json) {
        printf("%zu files (%.1f MB) moved to %s, each checked there against the signed root; "
               "%llu\nbundles were archived already.\n",
               m->moved_count, (double)m->bytes / 1e6, to, (unsigned long long)m->there_already);
        /* Relative ones would be taken from the data directory. */
        char whole[PATH_MAX];
        if (!m->listed)
            printf("Write it into node.yaml, so that the node finds them at its next start:\n"
                   "  archives: ['%s']\n",
                   realpath(to, whole) != NULL ? whole : to);
        return;
    }
    struct qf_arena arena = {0};
    struct qf_json object = qf_json_make_object();
    qf_json_put(&arena, &object, "bytes", qf_json_make_int((int64_t)m->bytes));
    qf_json_put(&arena, &object, "files", qf_json_make_int((int64_t)m->moved_count));
    qf_json_put(&arena, &object, "there_already", qf_json_make_int((int64_t)m->there_already));
    qf_cli_print_json(&object);
    qf_arena_deinit(&arena);
}

int qf_cmd_archive(int argc, char **argv)
{
    const char *to = NULL;
    const char *keep = NULL;
    bool json = false;
    struct qf_error err = {0};
    struct moving m = {.keep = KEEP_DEFAULT, .err = &err};
    const struct qf_cli_option options[] = {
        {"--to", "FOLDER", "where the tiles go (required)", &to, NULL},
        {"--keep", "N", "newest full tiles of 256 entries that stay (default 64)", &keep, NULL},
        {"--hashes", NULL, "move tiles of hashes, too, not only those of entries", NULL, &m.hashes},
        {"--json", NULL, "print JSON", NULL, &json},
    };
    static const struct qf_cli_help help = {
        "qifeng archive DIR --to FOLDER [--keep N] [--hashes]",
        "Moves full tiles of the log elsewhere. Each copy is checked against the signed root "
        "before\n"
        "the original goes. A node that runs meanwhile must know the folder: list it in node.yaml\n"
        "(archives) and start the node again before.",
        "  qifeng archive /var/lib/qifeng --to /mnt/archive/beijing --keep 1000\n"};
    int count;
    enum qf_exit code;
    if (!qf_cli_parse(&help, options, sizeof options / sizeof options[0], argc, argv, &count,
                      &code))
        return (int)code;
    char *end = NULL;
    if (keep != NULL)
        m.keep = strtoull(keep, &end, 10);
    if (count != 1 || to == NULL || (keep != NULL && (*end != '\0' || keep[0] == '-')))
        return (int)qf_cli_usage("usage: %s", help.usage);
    enum qf_status status = archive(&m, argv[0], to);
    if (status == QF_OK)
        print_result(&m, to, json);
    if (m.from.self != NULL)
        qf_fs_posix_deinit(&m.from);
    for (size_t i = 0; i < m.other_count; i++)
        qf_fs_posix_deinit(&m.others[i]);
    if (m.to.self != NULL)
        qf_fs_posix_deinit(&m.to);
    free(m.trees);
    free(m.moved);
    qf_arena_deinit(&m.arena);
    return status == QF_OK ? QF_EXIT_OK : (int)qf_cli_error(&err);
}
