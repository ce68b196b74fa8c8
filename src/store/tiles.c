/* Appending, reading and publishing; the model is in tiles_internal.h. */
#include "store/tiles.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "store/tiles_internal.h"

/* ---- opening ---- */

enum qf_status qf_tiles_open(struct qf_tiles **out, const struct qf_fs *fs,
                             const struct qf_tiles_options *options, uint64_t size,
                             struct qf_error *err)
{
    struct qf_tiles *tiles = calloc(1, sizeof *tiles);
    if (tiles == NULL)
        return qf_fail(err, QF_NO_MEMORY, "log", "no memory for the log");
    pthread_mutex_init(&tiles->mutex, NULL);
    pthread_mutex_init(&tiles->publish_mutex, NULL);
    tiles->fs = *fs;
    tiles->alg_count = options->sm3 ? 2 : 1;
    qf_log_tree_init(&tiles->trees[QF_TILES_SHA256], QF_HASH_SHA256);
    qf_log_tree_init(&tiles->trees[QF_TILES_SM3], QF_HASH_SM3);
    enum qf_status status = QF_OK;
    if (options->archive_count > 0) {
        tiles->archives = calloc(options->archive_count, sizeof *tiles->archives);
        if (tiles->archives == NULL) {
            status = qf_fail(err, QF_NO_MEMORY, "log", "no memory for the log");
        } else {
            memcpy(tiles->archives, options->archives,
                   options->archive_count * sizeof *tiles->archives);
            tiles->archive_count = options->archive_count;
        }
    }
    if (status == QF_OK)
        status = qf_tiles_load_edge(tiles, size, err);
    for (unsigned level = 0; level < QF_TILES_LEVELS; level++) {
        uint64_t full = size >> (QF_TILE_HEIGHT * level) >> QF_TILE_HEIGHT;
        tiles->written[level] = full;
        tiles->synced[level] = full;
        tiles->cleaned[level] = full - (full > 0); /* a crash may have come before the cleaning */
    }
    tiles->durable = size;
    if (status != QF_OK) {
        qf_tiles_close(tiles);
        return status;
    }
    *out = tiles;
    return QF_OK;
}

void qf_tiles_close(struct qf_tiles *tiles)
{
    if (tiles == NULL)
        return;
    qf_tiles_clear(tiles);
    free(tiles->archives);
    pthread_mutex_destroy(&tiles->mutex);
    pthread_mutex_destroy(&tiles->publish_mutex);
    free(tiles);
}

/* ---- appending ---- */

struct node_target {
    struct qf_tiles *tiles;
    enum qf_tiles_kind kind;
    bool failed;
};

static struct qf_tiles_block *tail_for(struct qf_tiles *tiles, struct qf_tiles_block **tail,
                                       enum qf_tiles_kind kind, unsigned level, uint64_t index)
{
    if (*tail != NULL && (*tail)->index == index)
        return *tail;
    struct qf_tiles_block *block = qf_tiles_block_new(kind, level, index);
    if (block == NULL)
        return NULL;
    block->pinned = true;
    qf_tiles_insert(tiles, block);
    *tail = block;
    return block;
}

/* A node became complete: it belongs inside one tile, and at every eighth level it is also a hash
 * of the tile above. */
static void take_node(void *arg, unsigned level, uint64_t index, const uint8_t hash[QF_HASH_SIZE])
{
    struct node_target *target = arg;
    unsigned tile_level = level / QF_TILE_HEIGHT;
    unsigned height = level % QF_TILE_HEIGHT;
    uint64_t width = QF_TILE_WIDTH >> height;
    if (tile_level >= QF_TILES_LEVELS)
        return;
    struct qf_tiles_block *block =
        tail_for(target->tiles, &target->tiles->tail[target->kind][tile_level], target->kind,
                 tile_level, index / width);
    if (block == NULL) {
        target->failed = true;
        return;
    }
    memcpy(block->nodes[qf_tiles_node(height, index % width)], hash, QF_HASH_SIZE);
    if (height == 0)
        block->width++;
}

static enum qf_status append_entries(struct qf_tiles *tiles, size_t count,
                                     const struct qf_slice *entries)
{
    uint64_t index = tiles->trees[0].size;
    enum qf_status status = QF_OK;
    for (size_t i = 0; status == QF_OK && i < count; i++, index++) {
        struct qf_tiles_block *bundle =
            tail_for(tiles, &tiles->tail_bundle, QF_TILES_ENTRIES, 0, index / QF_TILE_WIDTH);
        status = bundle == NULL ? QF_NO_MEMORY : qf_tiles_bundle_add(bundle, entries[i]);
    }
    return status;
}

enum qf_status qf_tiles_append(struct qf_tiles *tiles, size_t count, const struct qf_slice *entries,
                               const uint8_t (*sha256_hashes)[QF_HASH_SIZE],
                               const uint8_t (*sm3_hashes)[QF_HASH_SIZE])
{
    QF_ASSERT((sm3_hashes != NULL) == (tiles->alg_count == 2) || count == 0);
    pthread_mutex_lock(&tiles->mutex);
    enum qf_status status = tiles->broken ? QF_INVARIANT : QF_OK;
    if (status == QF_OK)
        status = append_entries(tiles, count, entries);
    for (size_t kind = 0; status == QF_OK && kind < tiles->alg_count; kind++) {
        struct node_target target = {tiles, (enum qf_tiles_kind)kind, false};
        qf_log_tree_extend(&tiles->trees[kind], kind == QF_TILES_SM3 ? sm3_hashes : sha256_hashes,
                           count, take_node, &target);
        if (target.failed)
            status = QF_NO_MEMORY;
    }
    if (status != QF_OK)
        tiles->broken = true;
    pthread_mutex_unlock(&tiles->mutex);
    return status;
}

/* ---- reading ---- */

static size_t kind_of(enum qf_hash_alg alg)
{
    return alg == QF_HASH_SM3 ? QF_TILES_SM3 : QF_TILES_SHA256;
}

uint64_t qf_tiles_size(struct qf_tiles *tiles)
{
    pthread_mutex_lock(&tiles->mutex);
    uint64_t size = tiles->trees[0].size;
    pthread_mutex_unlock(&tiles->mutex);
    return size;
}

void qf_tiles_tree(struct qf_tiles *tiles, enum qf_hash_alg alg, struct qf_log_tree *out)
{
    QF_ASSERT(kind_of(alg) < tiles->alg_count);
    pthread_mutex_lock(&tiles->mutex);
    *out = tiles->trees[kind_of(alg)];
    pthread_mutex_unlock(&tiles->mutex);
}

/* Finds a block with the mutex held on QF_OK; loads it from disk when it is full and not here. The
 * block holds at least `width`, or the answer is QF_NOT_FOUND. */
static enum qf_status acquire(struct qf_tiles *tiles, struct qf_tiles_block **out,
                              enum qf_tiles_kind kind, unsigned level, uint64_t index,
                              unsigned width)
{
    pthread_mutex_lock(&tiles->mutex);
    *out = qf_tiles_get(tiles, kind, level, index);
    uint64_t hashes = tiles->trees[0].size >> (QF_TILE_HEIGHT * level);
    if (*out != NULL && (*out)->width >= width)
        return QF_OK;
    pthread_mutex_unlock(&tiles->mutex);
    if (*out != NULL || index >= hashes / QF_TILE_WIDTH)
        return QF_NOT_FOUND;
    struct qf_tile tile = {kind == QF_TILES_ENTRIES ? QF_TILE_ENTRIES_LEVEL : (int)level, index,
                           QF_TILE_WIDTH};
    struct qf_tiles_block *loaded;
    enum qf_status status = qf_tiles_load(tiles, &loaded, kind, &tile);
    if (status != QF_OK)
        return status == QF_NOT_FOUND ? QF_CORRUPT : status;
    pthread_mutex_lock(&tiles->mutex);
    *out = qf_tiles_get(tiles, kind, level, index);
    if (*out == NULL) {
        *out = loaded;
        qf_tiles_insert(tiles, loaded);
    } else {
        qf_tiles_block_free(loaded); /* another reader was faster */
    }
    return QF_OK;
}

static enum qf_status read_hash(struct qf_tiles *tiles, enum qf_tiles_kind kind, unsigned level,
                                uint64_t index, uint8_t out[QF_HASH_SIZE])
{
    unsigned height = level % QF_TILE_HEIGHT;
    uint64_t width = QF_TILE_WIDTH >> height;
    unsigned position = (unsigned)(index % width);
    struct qf_tiles_block *block;
    if (level / QF_TILE_HEIGHT >= QF_TILES_LEVELS)
        return QF_NOT_FOUND;
    enum qf_status status = acquire(tiles, &block, kind, level / QF_TILE_HEIGHT, index / width,
                                    (position + 1) << height);
    if (status != QF_OK)
        return status;
    memcpy(out, block->nodes[qf_tiles_node(height, position)], QF_HASH_SIZE);
    pthread_mutex_unlock(&tiles->mutex);
    return QF_OK;
}

static enum qf_status read_sha256(void *self, unsigned level, uint64_t index,
                                  uint8_t out[QF_HASH_SIZE])
{
    return read_hash(self, QF_TILES_SHA256, level, index, out);
}

static enum qf_status read_sm3(void *self, unsigned level, uint64_t index,
                               uint8_t out[QF_HASH_SIZE])
{
    return read_hash(self, QF_TILES_SM3, level, index, out);
}

void qf_tiles_reader(struct qf_tiles *tiles, enum qf_hash_alg alg, struct qf_hash_reader *out)
{
    QF_ASSERT(kind_of(alg) < tiles->alg_count);
    *out =
        (struct qf_hash_reader){.read = alg == QF_HASH_SM3 ? read_sm3 : read_sha256, .self = tiles};
}

enum qf_status qf_tiles_entry(struct qf_tiles *tiles, struct qf_buf *out, uint64_t index)
{
    struct qf_tiles_block *block;
    unsigned position = (unsigned)(index % QF_TILE_WIDTH);
    enum qf_status status =
        acquire(tiles, &block, QF_TILES_ENTRIES, 0, index / QF_TILE_WIDTH, position + 1);
    if (status != QF_OK)
        return status;
    size_t start = (position == 0 ? 0 : (size_t)block->offsets[position - 1]) + 2;
    qf_buf_put(out, block->bytes + start, block->offsets[position] - start);
    pthread_mutex_unlock(&tiles->mutex);
    return qf_buf_status(out);
}

static enum qf_status read_tile(struct qf_tiles *tiles, struct qf_buf *out, enum qf_tiles_kind kind,
                                const struct qf_tile *tile)
{
    unsigned level = kind == QF_TILES_ENTRIES ? 0 : (unsigned)tile->level;
    struct qf_tiles_block *block;
    if (tile->width == 0 || tile->width > QF_TILE_WIDTH || level >= QF_TILES_LEVELS)
        return QF_NOT_FOUND;
    enum qf_status status = acquire(tiles, &block, kind, level, tile->index, tile->width);
    if (status != QF_OK)
        return status;
    if (kind == QF_TILES_ENTRIES)
        qf_buf_put(out, block->bytes, block->offsets[tile->width - 1]);
    else
        qf_buf_put(out, block->nodes, (size_t)tile->width * QF_HASH_SIZE);
    pthread_mutex_unlock(&tiles->mutex);
    return qf_buf_status(out);
}

enum qf_status qf_tiles_read(struct qf_tiles *tiles, struct qf_buf *out, const struct qf_tile *tile)
{
    bool entries = tile->level == QF_TILE_ENTRIES_LEVEL;
    return read_tile(tiles, out, entries ? QF_TILES_ENTRIES : QF_TILES_SHA256, tile);
}

enum qf_status qf_tiles_read_sm3(struct qf_tiles *tiles, struct qf_buf *out,
                                 const struct qf_tile *tile)
{
    if (tiles->alg_count < 2 || tile->level == QF_TILE_ENTRIES_LEVEL)
        return QF_NOT_FOUND;
    return read_tile(tiles, out, QF_TILES_SM3, tile);
}

/* Whether a tile stands there already: an earlier life of the node wrote it, before it ended behind
 * the state. It may be all that the state on disk has, the narrower ones being gone, so what takes
 * its place must be durable first. */
static bool exists(struct qf_tiles *tiles, const char *path)
{
    struct qf_file *file;
    if (tiles->fs.open(tiles->fs.self, &file, path, false) != QF_OK)
        return false;
    tiles->fs.close(tiles->fs.self, file);
    return true;
}

/* ---- publishing ---- */

#define TEMPORARY ".new"

static enum qf_status write_file(struct qf_tiles *tiles, const char *path, struct qf_slice bytes)
{
    struct qf_file *file;
    enum qf_status status = tiles->fs.open(tiles->fs.self, &file, TEMPORARY, true);
    if (status != QF_OK)
        return status;
    /* A temporary file that a crash left may be longer. */
    status = tiles->fs.truncate(tiles->fs.self, file, 0);
    if (status == QF_OK)
        status = tiles->fs.write(tiles->fs.self, file, bytes, 0);
    if (status == QF_OK && exists(tiles, path))
        status = tiles->fs.sync(tiles->fs.self, file);
    tiles->fs.close(tiles->fs.self, file);
    if (status != QF_OK)
        return status;
    status = tiles->fs.rename(tiles->fs.self, TEMPORARY, path);
    if (status != QF_NOT_FOUND)
        return status;
    char folder[256];
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    QF_ASSERT(slash != NULL);
    *slash = '\0';
    status = tiles->fs.make_dir(tiles->fs.self, folder);
    return status == QF_OK ? tiles->fs.rename(tiles->fs.self, TEMPORARY, path) : status;
}

static enum qf_status write_block(struct qf_tiles *tiles, const struct qf_tiles_block *block,
                                  unsigned width, struct qf_slice bytes)
{
    char path[256];
    struct qf_tile tile = {block->kind == QF_TILES_ENTRIES ? QF_TILE_ENTRIES_LEVEL
                                                           : (int)block->level,
                           block->index, width};
    qf_tiles_path(path, block->kind, &tile);
    enum qf_status status = write_file(tiles, path, bytes);
    return status == QF_NOT_FOUND ? QF_IO : status;
}

/* Writes a full block, which is pinned and therefore stays as it is. It stays pinned until a sync
 * has succeeded: after one that failed it must be written again, since the system forgets. */
static enum qf_status write_full(struct qf_tiles *tiles, enum qf_tiles_kind kind, unsigned level,
                                 uint64_t index)
{
    pthread_mutex_lock(&tiles->mutex);
    struct qf_tiles_block *block = qf_tiles_get(tiles, kind, level, index);
    pthread_mutex_unlock(&tiles->mutex);
    QF_ASSERT(block != NULL && block->pinned && block->width == QF_TILE_WIDTH);
    struct qf_slice bytes = kind == QF_TILES_ENTRIES
                                ? qf_slice_make(block->bytes, block->size)
                                : qf_slice_make(block->nodes, (size_t)QF_TILE_WIDTH * QF_HASH_SIZE);
    return write_block(tiles, block, QF_TILE_WIDTH, bytes);
}

/* A block that is on disk for good becomes one of the cache. */
static void release_full(struct qf_tiles *tiles, enum qf_tiles_kind kind, unsigned level,
                         uint64_t index)
{
    struct qf_tiles_block **tail =
        kind == QF_TILES_ENTRIES ? &tiles->tail_bundle : &tiles->tail[kind][level];
    struct qf_tiles_block *block = qf_tiles_get(tiles, kind, level, index);
    QF_ASSERT(block != NULL && block->pinned);
    if (*tail == block)
        *tail = NULL;
    qf_tiles_unpin(tiles, block);
}

static void release_synced(struct qf_tiles *tiles)
{
    pthread_mutex_lock(&tiles->mutex);
    for (unsigned level = 0; level < QF_TILES_LEVELS; level++) {
        for (; tiles->synced[level] < tiles->written[level]; tiles->synced[level]++) {
            if (level == 0)
                release_full(tiles, QF_TILES_ENTRIES, 0, tiles->synced[0]);
            for (size_t kind = 0; kind < tiles->alg_count; kind++)
                release_full(tiles, (enum qf_tiles_kind)kind, level, tiles->synced[level]);
        }
    }
    pthread_mutex_unlock(&tiles->mutex);
}

static enum qf_status write_full_level(struct qf_tiles *tiles, unsigned level, uint64_t end)
{
    for (; tiles->written[level] < end; tiles->written[level]++) {
        enum qf_status status = QF_OK;
        if (level == 0)
            status = write_full(tiles, QF_TILES_ENTRIES, 0, tiles->written[0]);
        for (size_t kind = 0; status == QF_OK && kind < tiles->alg_count; kind++)
            status = write_full(tiles, (enum qf_tiles_kind)kind, level, tiles->written[level]);
        if (status != QF_OK)
            return status;
    }
    return QF_OK;
}

/* Copies the part of a block that belongs to `width` and writes it as a partial tile. When the
 * block was completed meanwhile its beginning is still the same. */
static enum qf_status write_partial(struct qf_tiles *tiles, enum qf_tiles_kind kind,
                                    const struct qf_tile *tile)
{
    struct qf_buf bytes = {0};
    char path[256];
    enum qf_status status = read_tile(tiles, &bytes, kind, tile);
    if (status == QF_OK) {
        qf_tiles_path(path, kind, tile);
        status = write_file(tiles, path, qf_buf_slice(&bytes));
    }
    qf_buf_deinit(&bytes);
    return status == QF_NOT_FOUND ? QF_IO : status;
}

typedef enum qf_status partial_fn(struct qf_tiles *tiles, enum qf_tiles_kind kind,
                                  const struct qf_tile *tile);

/* Calls `each` for every partial tile of a log of `size` leaves. */
static enum qf_status each_partial(struct qf_tiles *tiles, uint64_t size, partial_fn *each)
{
    for (unsigned level = 0; level < QF_TILES_LEVELS; level++) {
        uint64_t hashes = size >> (QF_TILE_HEIGHT * level);
        struct qf_tile tile = {(int)level, hashes / QF_TILE_WIDTH,
                               (unsigned)(hashes % QF_TILE_WIDTH)};
        enum qf_status status = QF_OK;
        if (tile.width == 0)
            continue;
        for (size_t kind = 0; status == QF_OK && kind < tiles->alg_count; kind++)
            status = each(tiles, (enum qf_tiles_kind)kind, &tile);
        if (status == QF_OK && level == 0) {
            tile.level = QF_TILE_ENTRIES_LEVEL;
            status = each(tiles, QF_TILES_ENTRIES, &tile);
        }
        if (status != QF_OK)
            return status;
    }
    return QF_OK;
}

#define KEPT 3 /* of the partial tiles of one tile: the newest, the one before, the one held */

struct partial_names {
    struct qf_tiles *tiles;
    char folder[256];
    unsigned keep[KEPT];    /* widths that stay, 0 for none */
    unsigned removals[256]; /* removing while listing may confuse the listing */
    size_t count;
    bool others;
};

static void see_partial(void *arg, const char *name)
{
    struct partial_names *names = arg;
    unsigned width = 0;
    for (const char *p = name; *p != '\0'; p++) {
        if (*p < '0' || *p > '9' || width > QF_TILE_WIDTH)
            return;
        width = width * 10 + (unsigned)(*p - '0');
    }
    bool kept = names->count == 256;
    for (size_t i = 0; i < KEPT; i++)
        kept = kept || width == names->keep[i];
    if (kept)
        names->others = true;
    else
        names->removals[names->count++] = width;
}

/* Removes a tile's partial ones except those kept, and their folder when it is empty then. */
static enum qf_status clean_partials(struct qf_tiles *tiles, enum qf_tiles_kind kind,
                                     const struct qf_tile *tile, const unsigned keep[KEPT])
{
    struct partial_names names = {.tiles = tiles, .keep = {keep[0], keep[1], keep[2]}};
    struct qf_tile partial = {tile->level, tile->index, 1};
    char path[256];
    qf_tiles_path(names.folder, kind, &partial);
    char *slash = strrchr(names.folder, '/');
    QF_ASSERT(slash != NULL);
    *slash = '\0';
    enum qf_status status = tiles->fs.list(tiles->fs.self, names.folder, see_partial, &names);
    if (status == QF_NOT_FOUND)
        return QF_OK;
    for (size_t i = 0; status == QF_OK && i < names.count; i++) {
        partial.width = names.removals[i];
        qf_tiles_path(path, kind, &partial);
        status = tiles->fs.remove(tiles->fs.self, path);
    }
    if (status == QF_OK && !names.others)
        status = tiles->fs.remove(tiles->fs.self, names.folder);
    return status;
}

/* Cleans the tile at `index` of a level in all trees and, at the lowest, among the entries. */
static enum qf_status clean_level(struct qf_tiles *tiles, unsigned level, uint64_t index,
                                  const unsigned keep[KEPT])
{
    struct qf_tile tile = {(int)level, index, QF_TILE_WIDTH};
    enum qf_status status = QF_OK;
    for (size_t kind = 0; status == QF_OK && kind < tiles->alg_count; kind++)
        status = clean_partials(tiles, (enum qf_tiles_kind)kind, &tile, keep);
    tile.level = QF_TILE_ENTRIES_LEVEL;
    if (status == QF_OK && level == 0)
        status = clean_partials(tiles, QF_TILES_ENTRIES, &tile, keep);
    return status;
}

/* Only what is durable may take the place of what was: partial tiles go after the sync. Of a tile
 * that still grows the one before the last stays too, for whoever holds the last checkpoint. */
static enum qf_status clean(struct qf_tiles *tiles, uint64_t previous_size)
{
    static const unsigned none[KEPT] = {0};
    for (unsigned level = 0; level < QF_TILES_LEVELS; level++) {
        unsigned shift = QF_TILE_HEIGHT * level;
        uint64_t hashes = tiles->partial_size >> shift;
        uint64_t index = hashes / QF_TILE_WIDTH;
        for (; tiles->cleaned[level] < index; tiles->cleaned[level]++) {
            enum qf_status status = clean_level(tiles, level, tiles->cleaned[level], none);
            if (status != QF_OK)
                return status;
        }
        unsigned keep[KEPT] = {(unsigned)(hashes % QF_TILE_WIDTH)};
        if (previous_size >> shift >> QF_TILE_HEIGHT == index)
            keep[1] = (unsigned)((previous_size >> shift) % QF_TILE_WIDTH);
        if (tiles->held_size >> shift >> QF_TILE_HEIGHT == index)
            keep[2] = (unsigned)((tiles->held_size >> shift) % QF_TILE_WIDTH);
        enum qf_status status = keep[0] == 0 ? QF_OK : clean_level(tiles, level, index, keep);
        if (status != QF_OK)
            return status;
    }
    return QF_OK;
}

static enum qf_status publish(struct qf_tiles *tiles, bool partial, bool sync)
{
    uint64_t size = qf_tiles_size(tiles);
    for (unsigned level = 0; level < QF_TILES_LEVELS; level++) {
        enum qf_status status =
            write_full_level(tiles, level, size >> (QF_TILE_HEIGHT * level) >> QF_TILE_HEIGHT);
        if (status != QF_OK)
            return status;
    }
    if (partial && size != tiles->partial_size) {
        enum qf_status status = each_partial(tiles, size, write_partial);
        if (status != QF_OK)
            return status;
    }
    if (!sync)
        return QF_OK;
    enum qf_status status = tiles->fs.sync_all(tiles->fs.self);
    if (status != QF_OK) {
        memcpy(tiles->written, tiles->synced, sizeof tiles->written);
        return status;
    }
    release_synced(tiles);
    uint64_t whole = partial ? size : size - size % QF_TILE_WIDTH;
    if (whole > tiles->durable)
        tiles->durable = whole;
    if (!partial || size == tiles->partial_size)
        return QF_OK;
    uint64_t previous_size = tiles->partial_size;
    tiles->partial_size = size;
    return clean(tiles, previous_size);
}

enum qf_status qf_tiles_publish(struct qf_tiles *tiles, bool partial, bool sync, uint64_t *durable)
{
    pthread_mutex_lock(&tiles->publish_mutex);
    enum qf_status status = publish(tiles, partial, sync);
    *durable = tiles->durable;
    pthread_mutex_unlock(&tiles->publish_mutex);
    return status == QF_NOT_FOUND ? QF_IO : status;
}

static enum qf_status hold_partial(struct qf_tiles *tiles, enum qf_tiles_kind kind,
                                   const struct qf_tile *tile)
{
    unsigned level = tile->level < 0 ? 0 : (unsigned)tile->level;
    bool full = qf_tiles_size(tiles) >> (QF_TILE_HEIGHT * level) >> QF_TILE_HEIGHT > tile->index;
    return full ? QF_OK : write_partial(tiles, kind, tile);
}

enum qf_status qf_tiles_hold(struct qf_tiles *tiles, uint64_t size)
{
    pthread_mutex_lock(&tiles->publish_mutex);
    QF_ASSERT(size <= qf_tiles_size(tiles));
    tiles->held_size = size;
    enum qf_status status = each_partial(tiles, size, hold_partial);
    pthread_mutex_unlock(&tiles->publish_mutex);
    return status;
}
