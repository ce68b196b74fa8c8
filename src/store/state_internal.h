/* The state's parts: what its files share. Private to the store.
 *
 *   install ─▶ active ──freeze──▶ frozen ──flush──▶ LMDB; the next install or freeze drops frozen
 *
 * `lock` guards the overlays, the tree and the numbers beside them. The writer alone takes it for
 * writing; its own reads need no lock. Whatever LMDB snapshot a reader takes under the lock has at
 * least what overlays were dropped before; what it has beyond that stands in the frozen overlay
 * with the same contents. The flusher reads the frozen overlay without the lock: nobody changes it
 * until `flushed` is set. */
#ifndef QF_STORE_STATE_INTERNAL_H
#define QF_STORE_STATE_INTERNAL_H

#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>

#include "store/memtable.h"

#define QF_STATE_READERS_MAX 1024
#define QF_STATE_PEEKS 8192 /* of the writer's answers remembered, a power of two */
/* Filters of the newest generations, of 64 side by side: a term sets its generation's bit in three
 * words, so that three reads tell which of the 64 may hold it. */
#define QF_STATE_FILTERS 32
#define QF_STATE_FILTER_SIDE 64u
#define QF_STATE_FILTER_WORDS (1u << 19)
#define QF_INDEX_KEY_SIZE (4 + 1 + QF_INDEX_TERM_SIZE + 6)
#define QF_RECORD_FIXED_SIZE (QF_HASH_SIZE + 2) /* value hash, key size */
#define QF_STATE_META_HEIGHT "state.height"
#define QF_STATE_META_FORMAT "state.format"

/* What the writer last learnt about a key that is in no table in memory. A block's keys were looked
 * up when its transactions were applied; installing need not search LMDB for them again. */
struct qf_state_peek_memo {
    bool valid, found;
    uint8_t key_hash[QF_HASH_SIZE];
};

struct qf_state {
    enum qf_hash_alg alg;
    MDB_env *env;
    MDB_dbi record, name, index, tree_pages, meta;

    pthread_rwlock_t lock;
    struct qf_memtable overlays[2];
    struct qf_memtable *active;
    struct qf_memtable *frozen; /* NULL when there is none */
    atomic_bool flushed;        /* frozen is in LMDB */
    struct qf_state_tree *tree;
    uint8_t root[QF_HASH_SIZE];
    uint64_t height, record_count;
    uint64_t leaf_end; /* above every leaf of the index */
    bool broken;       /* an install stopped half-way */
    MDB_txn *scan_txn; /* that the tree reads through now */
    MDB_cursor *scan_cursor;
    pthread_mutex_t prove_mutex; /* readers that use the tree, one at a time */

    MDB_txn *writer_txn;
    MDB_cursor *writer_record, *writer_index;
    struct qf_state_peek_memo peeks[QF_STATE_PEEKS]; /* by key hash */
    uint8_t filtered_kind;
    uint64_t filtered_from; /* generations from here on were seen whole */
    struct {
        uint64_t group;          /* generation / QF_STATE_FILTER_SIDE */
        uint64_t *words;         /* NULL: none */
    } filters[QF_STATE_FILTERS]; /* by group */
    struct qf_arena scratch;     /* of one install */

    pthread_mutex_t pool_mutex;
    MDB_txn *pool[QF_STATE_READERS_MAX]; /* reset read transactions */
    size_t pool_count;
};

/* Status of an LMDB return code. */
enum qf_status qf_state_from_mdb(int code);

/* A read transaction; given back with qf_state_end. The caller holds the lock for reading. */
QF_MUST_CHECK enum qf_status qf_state_begin(struct qf_state *state, MDB_txn **txn);
void qf_state_end(struct qf_state *state, MDB_txn *txn);

/* Looks a key up in LMDB. The value points into the map. QF_NOT_FOUND. */
QF_MUST_CHECK enum qf_status qf_state_lookup(MDB_cursor *cursor,
                                             const uint8_t key_hash[QF_HASH_SIZE],
                                             struct qf_slice key, struct qf_slice *value);
/* Splits a stored record: QF_CORRUPT when its sizes do not add up. */
QF_MUST_CHECK enum qf_status qf_state_split(const MDB_val *data, const uint8_t **value_hash,
                                            struct qf_slice *key, struct qf_slice *value);

/* The key of an index entry. */
void qf_state_index_key(uint8_t out[QF_INDEX_KEY_SIZE], const struct qf_index_term *term,
                        uint64_t leaf);
/* Up to `max` leaves of a term from LMDB, ascending from `from`; *count, and whether there may be
 * more. */
QF_MUST_CHECK enum qf_status qf_state_index_scan(MDB_cursor *cursor, uint64_t leaf_end,
                                                 const struct qf_index_term *term, uint64_t from,
                                                 uint64_t *out, size_t max, size_t *count);

/* The writer's filters: to be told of every entry; false only when the term cannot be there. */
void qf_state_filter_put(struct qf_state *state, const struct qf_index_entry *entry);

/* Leaves of the state for the tree. */
QF_MUST_CHECK enum qf_status
qf_state_scan(void *self, const uint8_t from[QF_HASH_SIZE], const uint8_t to[QF_HASH_SIZE],
              void (*each)(void *arg, const struct qf_state_leaf *leaf), void *arg);

/* Brings the writer's read transaction up to date and forgets the frozen overlay if it is in LMDB.
 * Under the lock for writing. */
QF_MUST_CHECK enum qf_status qf_state_drop_flushed(struct qf_state *state);

#endif
