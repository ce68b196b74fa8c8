/* Names and contents of tiles (C2SP tlog-tiles): pure text and bytes, no files. */
#ifndef QF_MERKLE_TILE_H
#define QF_MERKLE_TILE_H

#include "base/buf.h"
#include "merkle/log_tree.h"

#define QF_TILE_WIDTH 256   /* hashes of a full tile, entries of a full bundle */
#define QF_TILE_HEIGHT 8    /* levels of the tree in one tile level */
#define QF_TILE_LEVEL_MAX 7 /* a log of 2^62 entries needs no higher one */
#define QF_TILE_PATH_SIZE_MAX 64
#define QF_TILE_ENTRIES_LEVEL (-1)

struct qf_tile {
    int level;      /* 0 to 7, or QF_TILE_ENTRIES_LEVEL */
    uint64_t index; /* N */
    unsigned width; /* 1 to 256; 256 is full */
};

/* "tile/0/x001/234", "tile/entries/017.p/12"; NUL-terminated. */
void qf_tile_path(char out[QF_TILE_PATH_SIZE_MAX], const struct qf_tile *tile);
/* The reverse, strict (a path has one form). */
QF_MUST_CHECK bool qf_tile_parse(struct qf_tile *out, struct qf_slice path);

/* Entry bundles: uint16 big-endian length, bytes. Iterate with *offset from 0; QF_NOT_FOUND at the
 * end, QF_MALFORMED when cut. */
void qf_bundle_put(struct qf_buf *buf, struct qf_slice entry);
QF_MUST_CHECK enum qf_status qf_bundle_next(struct qf_slice bundle, size_t *offset,
                                            struct qf_slice *entry);
#endif
