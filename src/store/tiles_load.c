/* Reading tiles from the folder and the archives, and the right edge of the log at the start. */
#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "store/tiles_internal.h"

void qf_tiles_path(char out[256], enum qf_tiles_kind kind, const struct qf_tile *tile)
{
    char path[QF_TILE_PATH_SIZE_MAX];
    qf_tile_path(path, tile);
    snprintf(out, 256, "%s%s", kind == QF_TILES_SM3 ? "sm3/" : "", path);
}

static enum qf_status read_file(const struct qf_fs *fs, const char *path, struct qf_buf *out)
{
    struct qf_file *file;
    uint64_t size = 0;
    enum qf_status status = fs->open(fs->self, &file, path, false);
    if (status != QF_OK)
        return status;
    status = fs->size(fs->self, file, &size);
    if (status == QF_OK && size > (uint64_t)QF_TILE_WIDTH * (2 + QF_ENTRY_SIZE_MAX))
        status = QF_CORRUPT;
    if (status == QF_OK && size > 0) {
        size_t got = 0;
        uint8_t *place = qf_buf_reserve(out, (size_t)size);
        status =
            place == NULL ? QF_NO_MEMORY : fs->read(fs->self, file, place, (size_t)size, 0, &got);
        if (status == QF_OK)
            qf_buf_grow(out, got);
    }
    fs->close(fs->self, file);
    return status;
}

static enum qf_status read_tile_file(struct qf_tiles *tiles, const char *path, struct qf_buf *out)
{
    enum qf_status status = read_file(&tiles->fs, path, out);
    for (size_t i = 0; status == QF_NOT_FOUND && i < tiles->archive_count; i++)
        status = read_file(&tiles->archives[i], path, out);
    return status;
}

static enum qf_status parse_bundle(struct qf_tiles_block *block, struct qf_buf *bytes,
                                   unsigned width)
{
    size_t offset = 0;
    struct qf_slice entry;
    while (block->width < width) {
        if (qf_bundle_next(qf_buf_slice(bytes), &offset, &entry) != QF_OK)
            return QF_CORRUPT;
        block->offsets[block->width++] = (uint32_t)offset;
    }
    if (offset != bytes->size)
        return QF_CORRUPT;
    block->bytes = bytes->data;
    block->size = bytes->size;
    block->capacity = bytes->capacity;
    *bytes = (struct qf_buf){0};
    return QF_OK;
}

enum qf_status qf_tiles_load(struct qf_tiles *tiles, struct qf_tiles_block **out,
                             enum qf_tiles_kind kind, const struct qf_tile *tile)
{
    char path[256];
    struct qf_buf bytes = {0};
    unsigned level = kind == QF_TILES_ENTRIES ? 0 : (unsigned)tile->level;
    struct qf_tiles_block *block = qf_tiles_block_new(kind, level, tile->index);
    if (block == NULL)
        return QF_NO_MEMORY;
    qf_tiles_path(path, kind, tile);
    enum qf_status status = read_tile_file(tiles, path, &bytes);
    if (status != QF_OK)
        goto done;
    if (kind == QF_TILES_ENTRIES) {
        status = parse_bundle(block, &bytes, tile->width);
    } else if (bytes.size != (size_t)tile->width * QF_HASH_SIZE) {
        status = QF_CORRUPT;
    } else {
        memcpy(block->nodes, bytes.data, bytes.size);
        qf_tiles_fill(block, tile->width);
    }
done:
    qf_buf_deinit(&bytes);
    if (status != QF_OK) {
        qf_tiles_block_free(block);
        return status;
    }
    *out = block;
    return QF_OK;
}

/* ---- the right edge ---- */

struct width_search {
    unsigned least, best; /* least width wanted; best found so far, 0 for none */
};

static void see_width(void *arg, const char *name)
{
    struct width_search *search = arg;
    unsigned width = 0;
    for (const char *p = name; *p != '\0'; p++) {
        if (*p < '0' || *p > '9' || width > QF_TILE_WIDTH)
            return;
        width = width * 10 + (unsigned)(*p - '0');
    }
    if (width >= search->least && width < QF_TILE_WIDTH &&
        (search->best == 0 || width < search->best))
        search->best = width;
}

/* Loads the first `width` of a tile from the full tile or from a partial one at least as wide: of
 * several, the narrowest, since that is the one that was durable first. */
static enum qf_status load_at_least(struct qf_tiles *tiles, struct qf_tiles_block **out,
                                    enum qf_tiles_kind kind, struct qf_tile tile)
{
    char path[256];
    struct width_search search = {.least = tile.width};
    for (;;) {
        qf_tiles_path(path, kind, &tile);
        char *slash = strrchr(path, '/');
        QF_ASSERT(slash != NULL);
        *slash = '\0';
        search.best = 0;
        enum qf_status status = tiles->fs.list(tiles->fs.self, path, see_width, &search);
        if (status != QF_OK && status != QF_NOT_FOUND)
            return status;
        if (status == QF_NOT_FOUND || search.best == 0)
            break;
        tile.width = search.best;
        status = qf_tiles_load(tiles, out, kind, &tile);
        if (status == QF_OK)
            return QF_OK;
        if (status != QF_CORRUPT && status != QF_NOT_FOUND)
            return status;
        search.least = search.best + 1;
    }
    tile.width = QF_TILE_WIDTH;
    return qf_tiles_load(tiles, out, kind, &tile);
}

static enum qf_status missing(struct qf_error *err, enum qf_status status, enum qf_tiles_kind kind,
                              const struct qf_tile *tile)
{
    char path[256];
    qf_tiles_path(path, kind, tile);
    if (status == QF_NOT_FOUND || status == QF_CORRUPT)
        return qf_fail(err, QF_CORRUPT, path, "the log lacks this tile or it is damaged");
    return qf_fail(err, status, path, "the tile cannot be read: %s", qf_status_title(status));
}

/* Keeps the first `width` of what was loaded and pins it as a tail. */
static void pin(struct qf_tiles *tiles, struct qf_tiles_block *block, unsigned width)
{
    block->pinned = true;
    block->width = width;
    if (block->kind == QF_TILES_ENTRIES)
        block->size = width == 0 ? 0 : block->offsets[width - 1];
    qf_tiles_insert(tiles, block);
}

/* The hashes of a higher tile are the roots of full tiles below it. */
static enum qf_status build_from_below(struct qf_tiles *tiles, struct qf_tiles_block **out,
                                       enum qf_tiles_kind kind, const struct qf_tile *tile)
{
    struct qf_tiles_block *block = qf_tiles_block_new(kind, (unsigned)tile->level, tile->index);
    if (block == NULL)
        return QF_NO_MEMORY;
    for (unsigned i = 0; i < tile->width; i++) {
        struct qf_tile below = {tile->level - 1, tile->index * QF_TILE_WIDTH + i, QF_TILE_WIDTH};
        struct qf_tiles_block *child;
        enum qf_status status = qf_tiles_load(tiles, &child, kind, &below);
        if (status != QF_OK) {
            qf_tiles_block_free(block);
            return status;
        }
        qf_hash_node(qf_tiles_alg(kind), block->nodes[i], child->nodes[qf_tiles_node(7, 0)],
                     child->nodes[qf_tiles_node(7, 1)]);
        qf_tiles_block_free(child);
    }
    qf_tiles_fill(block, tile->width);
    *out = block;
    return QF_OK;
}

/* The last full tile of a level must be there, and its root must be what the next level says. */
static enum qf_status check_last_full(struct qf_tiles *tiles, enum qf_tiles_kind kind,
                                      unsigned level, uint64_t hashes, struct qf_error *err)
{
    if (hashes < QF_TILE_WIDTH)
        return QF_OK;
    struct qf_tile tile = {(int)level, hashes / QF_TILE_WIDTH - 1, QF_TILE_WIDTH};
    struct qf_tiles_block *block;
    enum qf_status status = qf_tiles_load(tiles, &block, kind, &tile);
    if (status != QF_OK)
        return missing(err, status, kind, &tile);
    uint8_t root[QF_HASH_SIZE];
    qf_hash_node(qf_tiles_alg(kind), root, block->nodes[qf_tiles_node(7, 0)],
                 block->nodes[qf_tiles_node(7, 1)]);
    qf_tiles_block_free(block);
    const struct qf_tiles_block *above = tiles->tail[kind][level + 1];
    /* When the level above ends in a full tile, that one's own check covers it. */
    if (above != NULL && above->width > 0 &&
        memcmp(root, above->nodes[above->width - 1], QF_HASH_SIZE) != 0)
        return missing(err, QF_CORRUPT, kind, &tile);
    return QF_OK;
}

static enum qf_status load_hash_edge(struct qf_tiles *tiles, enum qf_tiles_kind kind, uint64_t size,
                                     struct qf_error *err)
{
    for (unsigned level = 0; level < QF_TILES_LEVELS; level++) {
        uint64_t hashes = size >> (QF_TILE_HEIGHT * level);
        struct qf_tile tile = {(int)level, hashes / QF_TILE_WIDTH,
                               (unsigned)(hashes % QF_TILE_WIDTH)};
        struct qf_tiles_block *block = NULL;
        enum qf_status status = QF_OK;
        if (tile.width == 0)
            continue;
        status = load_at_least(tiles, &block, kind, tile);
        if ((status == QF_NOT_FOUND || status == QF_CORRUPT) && level > 0)
            status = build_from_below(tiles, &block, kind, &tile);
        if (status != QF_OK)
            return missing(err, status, kind, &tile);
        pin(tiles, block, tile.width);
        tiles->tail[kind][level] = block;
    }
    for (unsigned level = 0; level + 1 < QF_TILES_LEVELS; level++) {
        enum qf_status status =
            check_last_full(tiles, kind, level, size >> (QF_TILE_HEIGHT * level), err);
        if (status != QF_OK)
            return status;
    }
    struct qf_log_tree *tree = &tiles->trees[kind];
    qf_log_tree_init(tree, qf_tiles_alg(kind));
    tree->size = size;
    for (unsigned bit = 0; bit < 64; bit++) {
        if ((size >> bit & 1) == 0)
            continue;
        unsigned height = bit % QF_TILE_HEIGHT;
        const struct qf_tiles_block *block = tiles->tail[kind][bit / QF_TILE_HEIGHT];
        uint64_t position = ((size >> bit) - 1) % (QF_TILE_WIDTH >> height);
        memcpy(tree->frontier[bit], block->nodes[qf_tiles_node(height, position)], QF_HASH_SIZE);
    }
    return QF_OK;
}

enum qf_status qf_tiles_load_edge(struct qf_tiles *tiles, uint64_t size, struct qf_error *err)
{
    for (size_t kind = 0; kind < tiles->alg_count; kind++) {
        enum qf_status status = load_hash_edge(tiles, (enum qf_tiles_kind)kind, size, err);
        if (status != QF_OK)
            return status;
    }
    struct qf_tile tile = {QF_TILE_ENTRIES_LEVEL, size / QF_TILE_WIDTH,
                           (unsigned)(size % QF_TILE_WIDTH)};
    if (tile.width == 0)
        return QF_OK;
    struct qf_tiles_block *bundle;
    enum qf_status status = load_at_least(tiles, &bundle, QF_TILES_ENTRIES, tile);
    if (status != QF_OK)
        return missing(err, status, QF_TILES_ENTRIES, &tile);
    pin(tiles, bundle, tile.width);
    tiles->tail_bundle = bundle;
    for (unsigned i = 0; i < tile.width; i++) {
        uint8_t hash[QF_HASH_SIZE];
        size_t start = i == 0 ? 2 : (size_t)bundle->offsets[i - 1] + 2;
        for (size_t kind = 0; kind < tiles->alg_count; kind++) {
            qf_hash_leaf(qf_tiles_alg((enum qf_tiles_kind)kind), hash,
                         qf_slice_make(bundle->bytes + start, bundle->offsets[i] - start));
            if (memcmp(hash, tiles->tail[kind][0]->nodes[i], QF_HASH_SIZE) != 0)
                return missing(err, QF_CORRUPT, QF_TILES_ENTRIES, &tile);
        }
    }
    return QF_OK;
}
