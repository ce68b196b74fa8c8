/* What was installed in the state and is not yet in LMDB: records by key hash, listed names in
 * order, index terms with their leaves. One overlay takes blocks (active), one may be on its way to
 * disk (frozen). Private to the store.
 *
 * Memory comes from one arena and is given back all at once. The writer alone changes an overlay
 * and holds the state's lock for writing while it does; readers hold it for reading. */
#ifndef QF_STORE_MEMTABLE_H
#define QF_STORE_MEMTABLE_H

#include "base/arena.h"
#include "store/state.h"

#define QF_MEMTABLE_SLOTS 65536u /* by the first 16 bits of the key hash */
#define QF_MEMTABLE_NAME_LEVELS 12

struct qf_memtable_record {
    struct qf_memtable_record *next; /* of the slot, by key hash */
    uint8_t key_hash[QF_HASH_SIZE];
    uint8_t value_hash[QF_HASH_SIZE];
    bool removed;
    uint16_t key_size;
    uint32_t value_size;
    uint32_t value_capacity;
    uint8_t data[]; /* key, value */
};

struct qf_memtable_name {
    struct qf_slice key;
    struct qf_slice value; /* of a look-up; empty for a record's name */
    bool removed;
    unsigned levels;
    struct qf_memtable_name *next[]; /* a skip list */
};

/* Leaves of one term: the first here, more in blocks that double. */
struct qf_memtable_leaves {
    struct qf_memtable_leaves *next;
    uint32_t count, capacity;
    uint64_t leaves[];
};
struct qf_memtable_term {
    struct qf_memtable_term *next;
    struct qf_index_term term;
    uint64_t first, last;
    struct qf_memtable_leaves *more, *more_last;
};

/* A tree page or a named value that goes to disk with the records. */
struct qf_memtable_page {
    struct qf_memtable_page *next;
    uint64_t number;
    struct qf_slice bytes;
};
struct qf_memtable_meta {
    struct qf_memtable_meta *next;
    const char *name;
    struct qf_slice value;
};

struct qf_memtable {
    struct qf_arena arena;
    struct qf_memtable_record **slots; /* QF_MEMTABLE_SLOTS */
    uint64_t used[QF_MEMTABLE_SLOTS / 64];
    size_t record_count;
    struct qf_memtable_term **terms; /* term_slots, a power of two */
    size_t term_slots, term_count, index_count;
    uint64_t term_seed[2];
    struct qf_memtable_name *names[QF_MEMTABLE_NAME_LEVELS]; /* heads of the skip list */
    uint32_t name_draw; /* for the levels of look-ups; who reads the state cannot know it */
    struct qf_memtable_page *pages; /* in the order given */
    struct qf_memtable_page **pages_end;
    struct qf_memtable_meta *metas;
};

/* `seed` keeps chosen terms from falling into one slot. */
QF_MUST_CHECK enum qf_status qf_memtable_init(struct qf_memtable *overlay, const uint64_t seed[2]);
void qf_memtable_deinit(struct qf_memtable *overlay);
void qf_memtable_reset(struct qf_memtable *overlay);

/* NULL when the overlay says nothing about the key; a removed record says that it is not there. */
const struct qf_memtable_record *qf_memtable_get(const struct qf_memtable *overlay,
                                                 const uint8_t key_hash[QF_HASH_SIZE]);
static inline struct qf_slice qf_memtable_value(const struct qf_memtable_record *record)
{
    return (struct qf_slice){record->data + record->key_size, record->value_size};
}

/* `value_hash` NULL: removed. Copies everything. */
void qf_memtable_put(struct qf_memtable *overlay, const struct qf_state_change *change,
                     const uint8_t key_hash[QF_HASH_SIZE], const uint8_t *value_hash);
/* A look-up: its key among the names, with its value. Copies both. */
void qf_memtable_put_lookup(struct qf_memtable *overlay, const struct qf_state_change *change);
/* Requires leaves of one term to come in ascending order; a repeat is ignored. */
void qf_memtable_put_term(struct qf_memtable *overlay, const struct qf_index_entry *entry);

/* Records in order of their key hashes, from `from` (included). */
struct qf_memtable_cursor {
    const struct qf_memtable *overlay;
    size_t slot;
    const struct qf_memtable_record *record; /* NULL at the end */
};
void qf_memtable_seek(struct qf_memtable_cursor *cursor, const struct qf_memtable *overlay,
                      const uint8_t from[QF_HASH_SIZE]);
void qf_memtable_next(struct qf_memtable_cursor *cursor);

const struct qf_memtable_term *qf_memtable_find(const struct qf_memtable *overlay,
                                                const struct qf_index_term *term);
/* Up to `max` leaves from `from` on, ascending; returns how many. */
size_t qf_memtable_leaves_from(const struct qf_memtable_term *term, uint64_t from, uint64_t *out,
                               size_t max);
/* The first name at or after `key` (after it, when `exclusive`), or NULL. */
const struct qf_memtable_name *qf_memtable_name_from(const struct qf_memtable *overlay,
                                                     struct qf_slice key, bool exclusive);

#endif
