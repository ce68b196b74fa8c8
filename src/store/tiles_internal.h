/* The log folder's parts: what its files share. Private to the store.
 *
 * Everything in memory is a block: a hash tile with all its inner nodes, or an entry bundle. The
 * newest blocks are pinned until they are full, written and synced; such stay as a cache and
 * are dropped by age. `mutex` guards the table, the blocks and the numbers; readers copy out under
 * it. A full block never changes, so the publisher may write a pinned one without the mutex. */
#ifndef QF_STORE_TILES_INTERNAL_H
#define QF_STORE_TILES_INTERNAL_H

#include <pthread.h>

#include "store/tiles.h"

#define QF_TILES_LEVELS 8 /* tile levels: 2^64 leaves */
#define QF_TILES_SLOTS 4096u
#define QF_TILES_HASH_BLOCKS_MAX 1024 /* cached, 16 KiB each */
#define QF_TILES_BUNDLES_MAX 64       /* cached, up to 16 MiB each, mostly 150 KiB */
#define QF_TILES_BUNDLES_SIZE_MAX ((size_t)32 << 20)
#define QF_TILES_NODES (2 * QF_TILE_WIDTH - 2) /* levels 0 to 7 inside a tile */

enum qf_tiles_kind { QF_TILES_SHA256, QF_TILES_SM3, QF_TILES_ENTRIES };

struct qf_tiles_block {
    struct qf_tiles_block *next;          /* of the slot */
    struct qf_tiles_block *older, *newer; /* of the cache's list; pinned ones are not in it */
    enum qf_tiles_kind kind;
    unsigned level; /* tile level; 0 for bundles */
    uint64_t index;
    bool pinned;
    unsigned width;                 /* hashes or entries present */
    uint8_t (*nodes)[QF_HASH_SIZE]; /* hash tiles: level 0 first, then 1, … */
    uint8_t *bytes;                 /* bundles */
    size_t size, capacity;
    uint32_t *offsets; /* bundles: [i] is where entry i ends */
};

struct qf_tiles_list { /* least recently used first */
    struct qf_tiles_block *oldest, *newest;
    size_t count, size;
};

struct qf_tiles {
    struct qf_fs fs;
    struct qf_fs *archives;
    size_t archive_count;
    size_t alg_count; /* 1, or 2 with SM3 */

    pthread_mutex_t mutex;
    struct qf_tiles_block *slots[QF_TILES_SLOTS];
    struct qf_tiles_list hash_cache, bundle_cache;
    struct qf_log_tree trees[2];
    struct qf_tiles_block *tail[2][QF_TILES_LEVELS]; /* tiles that grow; NULL when none was begun */
    struct qf_tiles_block *tail_bundle;
    bool broken; /* memory ran out half-way through an append */

    /* The publisher's own. */
    pthread_mutex_t publish_mutex;
    uint64_t written[QF_TILES_LEVELS]; /* full tiles written, by level; [0] bundles too */
    uint64_t synced[QF_TILES_LEVELS];  /* of those, on disk for good */
    uint64_t partial_size;             /* leaves of the newest partial tiles on disk, or 0 */
    uint64_t held_size;                /* leaves whose partial tiles stay too, or 0 */
    uint64_t cleaned[QF_TILES_LEVELS]; /* tiles below have no partial ones left */
    uint64_t durable;
};

/* The first node of a level inside a tile. */
static inline size_t qf_tiles_node(unsigned height, uint64_t position)
{
    size_t base = (size_t)2 * QF_TILE_WIDTH - ((size_t)2 * QF_TILE_WIDTH >> height);
    return base + (size_t)position;
}

static inline enum qf_hash_alg qf_tiles_alg(enum qf_tiles_kind kind)
{
    return kind == QF_TILES_SM3 ? QF_HASH_SM3 : QF_HASH_SHA256;
}

/* ---- tiles_cache.c: blocks and their table; under the mutex unless said ---- */

struct qf_tiles_block *qf_tiles_block_new(enum qf_tiles_kind kind, unsigned level, uint64_t index);
void qf_tiles_block_free(struct qf_tiles_block *block);
struct qf_tiles_block *qf_tiles_get(struct qf_tiles *tiles, enum qf_tiles_kind kind, unsigned level,
                                    uint64_t index);
void qf_tiles_insert(struct qf_tiles *tiles, struct qf_tiles_block *block);
/* A pinned block becomes one of the cache, which may drop others. */
void qf_tiles_unpin(struct qf_tiles *tiles, struct qf_tiles_block *block);
void qf_tiles_clear(struct qf_tiles *tiles);
/* Appends an entry to a bundle. */
QF_MUST_CHECK enum qf_status qf_tiles_bundle_add(struct qf_tiles_block *block,
                                                 struct qf_slice entry);
/* Computes the inner nodes of a tile from its first `width` hashes. */
void qf_tiles_fill(struct qf_tiles_block *block, unsigned width);

/* ---- tiles_load.c: reading the folder; without the mutex ---- */

/* Reads a tile of exactly this width from the folder or an archive into a new block. */
QF_MUST_CHECK enum qf_status qf_tiles_load(struct qf_tiles *tiles, struct qf_tiles_block **out,
                                           enum qf_tiles_kind kind, const struct qf_tile *tile);
void qf_tiles_path(char out[256], enum qf_tiles_kind kind, const struct qf_tile *tile);
/* Brings the right edge of a log of `size` leaves into memory. */
QF_MUST_CHECK enum qf_status qf_tiles_load_edge(struct qf_tiles *tiles, uint64_t size,
                                                struct qf_error *err);

#endif
