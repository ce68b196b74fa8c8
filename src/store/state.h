/* The state on disk: records under their hashed keys, indexes apart from them, and a few named
 * values, in one LMDB environment. Blocks are installed in memory first (visible at once) and go to
 * LMDB in larger batches, sorted, behind the journal: qf_state_freeze, then qf_state_flush.
 *
 * Databases:
 *   record  key_hash(32) → value_hash(32) ‖ u16 key size ‖ key ‖ value      authenticated, random
 *   name    key → nothing, for kinds that are listed by key; look-ups: key → value
 *   index   u32 generation ‖ u8 kind ‖ term(16) ‖ u48 leaf → nothing          rebuilt from the log
 *   tree    u64 page → hashes                                                 see
 * merkle/state_tree.h meta    text → bytes height, log frontier, …
 *
 * A generation is QF_INDEX_GENERATION leaves: inserts stay in a part of the tree that fits in
 * cache, a search looks into each. The transaction id index is one of the kinds.
 *
 * Threads: one writer installs blocks; one thread flushes; any number read. Readers see whole
 * blocks. */
#ifndef QF_STORE_STATE_H
#define QF_STORE_STATE_H

#include "base/arena.h"
#include "base/buf.h"
#include "merkle/state_tree.h"

#define QF_INDEX_GENERATION (1u << 15)
#define QF_INDEX_TERM_SIZE 16

struct qf_state;

struct qf_state_options {
    enum qf_hash_alg alg;
    size_t map_size;       /* bytes of address space for LMDB; 0: 256 GiB */
    bool no_sync;          /* for simulations and tests */
    uint8_t filtered_kind; /* kind of term that qf_state_find_first mostly asks for in vain (a new
                              transaction's id): kept in a filter for each generation; 0: none */
};

QF_MUST_CHECK enum qf_status qf_state_open(struct qf_state **out, const char *path,
                                           const struct qf_state_options *options,
                                           struct qf_error *err);
void qf_state_close(struct qf_state *state);

/* ---- reading: any thread ---- */

/* The value of a key, appended to `out`: QF_OK or QF_NOT_FOUND. */
QF_MUST_CHECK enum qf_status qf_state_get(struct qf_state *state, struct qf_buf *out,
                                          struct qf_slice key);
/* Keys of a listed kind with this prefix, ascending, from `after` (exclusive; may be empty), until
 * `each` returns false. */
QF_MUST_CHECK enum qf_status qf_state_list(struct qf_state *state, struct qf_slice prefix,
                                           struct qf_slice after,
                                           bool (*each)(void *arg, struct qf_slice key), void *arg);
/* The same with values: those of look-ups, empty for names of records. */
QF_MUST_CHECK enum qf_status
qf_state_list_values(struct qf_state *state, struct qf_slice prefix, struct qf_slice after,
                     bool (*each)(void *arg, struct qf_slice key, struct qf_slice value),
                     void *arg);
/* Leaves of the log under (kind, term), ascending from `from_leaf`, until `each` returns false. */
struct qf_index_term {
    uint8_t kind;
    uint8_t term[QF_INDEX_TERM_SIZE];
};
QF_MUST_CHECK enum qf_status qf_state_find(struct qf_state *state, const struct qf_index_term *term,
                                           uint64_t from_leaf,
                                           bool (*each)(void *arg, uint64_t leaf), void *arg);
/* A named value of the last flushed batch (not of the blocks since). */
QF_MUST_CHECK enum qf_status qf_state_meta(struct qf_state *state, struct qf_buf *out,
                                           const char *name);
void qf_state_root(struct qf_state *state, uint8_t out[QF_HASH_SIZE]);
/* A proof against the root returned with it, both of the same moment. */
QF_MUST_CHECK enum qf_status qf_state_prove(struct qf_state *state, struct qf_slice key,
                                            struct qf_state_proof *proof,
                                            uint8_t root[QF_HASH_SIZE], uint64_t *height);
/* Proofs of several keys against one root: all of the same moment, however many blocks come in. The
 * writer waits meanwhile. */
struct qf_state_asked {
    struct qf_slice key;
    struct qf_state_proof proof; /* out */
};
QF_MUST_CHECK enum qf_status qf_state_prove_many(struct qf_state *state,
                                                 struct qf_state_asked *items, size_t count,
                                                 uint8_t root[QF_HASH_SIZE], uint64_t *height);
uint64_t qf_state_record_count(struct qf_state *state);

/* ---- the writer ---- */

/* As qf_state_get, but without copying: valid until the next install or freeze. */
QF_MUST_CHECK enum qf_status qf_state_peek(struct qf_state *state, struct qf_slice key,
                                           struct qf_slice *value);
/* The smallest leaf under the term at or after `from_leaf`, for the writer's duplicate check. */
QF_MUST_CHECK bool qf_state_find_first(struct qf_state *state, const struct qf_index_term *term,
                                       uint64_t from_leaf, uint64_t *leaf);

/* A look-up follows from records, and so from the log: it may be made anew, and proves nothing. Its
 * value has at most QF_STATE_LOOKUP_SIZE_MAX bytes, and may be empty but not NULL. */
#define QF_STATE_LOOKUP_SIZE_MAX 1024
struct qf_state_change {
    struct qf_slice key;
    struct qf_slice value; /* data NULL: removed */
    bool listed;           /* the key's kind is listed by qf_state_list */
    bool lookup;           /* not a record: only listed, with its value; not in the tree */
};
struct qf_index_entry {
    struct qf_index_term term;
    uint64_t leaf;
};
struct qf_state_block {
    uint64_t height;
    struct qf_state_change *changes; /* each key once; sorted in place by the callee */
    size_t change_count;
    const struct qf_index_entry *index; /* of one term: ascending leaves */
    size_t index_count;
};
/* Installs a block in memory and brings the tree up to date; copies everything. */
QF_MUST_CHECK enum qf_status qf_state_install(struct qf_state *state,
                                              const struct qf_state_block *block,
                                              uint8_t root[QF_HASH_SIZE]);

/* Sets apart what was installed so far, with the named values that belong to it, for the next
 * flush. QF_CONFLICT while an earlier one has not been flushed. */
struct qf_state_meta_value {
    const char *name;
    struct qf_slice value;
};
QF_MUST_CHECK enum qf_status
qf_state_freeze(struct qf_state *state, const struct qf_state_meta_value *values, size_t count);
/* Writes the frozen part to LMDB, durably, in one transaction. In any one thread. */
QF_MUST_CHECK enum qf_status qf_state_flush(struct qf_state *state);

#endif
