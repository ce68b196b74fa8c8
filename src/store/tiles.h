/* The log folder: tiles on disk exactly as C2SP tlog-tiles names them, so that any web server can
 * serve it. Full tiles are written once (temporary name, rename); partial ones are replaced as they
 * grow, by qf_tiles_publish: the two newest stay, older ones go once the newer are durable. Reading
 * looks in the folder, then in the archive folders.
 *
 * The newest, not yet written part is kept in memory here: readers see every appended entry.
 * One thread appends; any thread reads. */
#ifndef QF_STORE_TILES_H
#define QF_STORE_TILES_H

#include "base/io.h"
#include "merkle/tile.h"

struct qf_tiles;

struct qf_tiles_options {
    bool sm3;                     /* keep the tree of SM3 hashes as well, below "sm3/" */
    const struct qf_fs *archives; /* further folders that full tiles may have been moved to */
    size_t archive_count;
};

/* `size`: number of leaves that the state says are there; tiles must hold them all (QF_CORRUPT with
 * the missing path if not). Leaves after it are forgotten. */
QF_MUST_CHECK enum qf_status qf_tiles_open(struct qf_tiles **out, const struct qf_fs *fs,
                                           const struct qf_tiles_options *options, uint64_t size,
                                           struct qf_error *err);
void qf_tiles_close(struct qf_tiles *tiles);

/* Appends entries with their leaf hashes (sm3_hashes NULL unless the option was given). */
QF_MUST_CHECK enum qf_status qf_tiles_append(struct qf_tiles *tiles, size_t count,
                                             const struct qf_slice *entries,
                                             const uint8_t (*sha256_hashes)[QF_HASH_SIZE],
                                             const uint8_t (*sm3_hashes)[QF_HASH_SIZE]);

/* Writes what is complete, and the partial tiles of `size` leaves when `partial` is set; then, when
 * `sync`, makes it durable. May run in another thread than append. *durable: leaves below this are
 * on disk for good. */
QF_MUST_CHECK enum qf_status qf_tiles_publish(struct qf_tiles *tiles, bool partial, bool sync,
                                              uint64_t *durable);

/* Writes the partial tiles of an earlier size, as far as their full tiles are not there, and keeps
 * them until another size is held: for who publishes a checkpoint that is not the newest. They are
 * durable after the next publishing that syncs. */
QF_MUST_CHECK enum qf_status qf_tiles_hold(struct qf_tiles *tiles, uint64_t size);

/* Roots and proofs read through these; alg picks the tree. */
void qf_tiles_reader(struct qf_tiles *tiles, enum qf_hash_alg alg, struct qf_hash_reader *out);
uint64_t qf_tiles_size(struct qf_tiles *tiles);
void qf_tiles_tree(struct qf_tiles *tiles, enum qf_hash_alg alg, struct qf_log_tree *out);

/* One entry, or the bytes of a tile as they are served; appended to `out`. QF_NOT_FOUND past the
 * end. */
QF_MUST_CHECK enum qf_status qf_tiles_entry(struct qf_tiles *tiles, struct qf_buf *out,
                                            uint64_t index);
QF_MUST_CHECK enum qf_status qf_tiles_read(struct qf_tiles *tiles, struct qf_buf *out,
                                           const struct qf_tile *tile);
/* The same for the tree of SM3 hashes. */
QF_MUST_CHECK enum qf_status qf_tiles_read_sm3(struct qf_tiles *tiles, struct qf_buf *out,
                                               const struct qf_tile *tile);

#endif
