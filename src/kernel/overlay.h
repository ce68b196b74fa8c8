/* What a block has changed so far, over the committed state below it.
 *
 * Invariants:
 *  1. A key stands in the table once; its newest value is the entry's.
 *  2. Rolling back to a mark restores table and entries to the byte: new entries are taken out in
 *     the reverse order of their coming, so open addressing needs no tombstones.
 *  3. Nothing that leaves here depends on the order of the table: changes and lists are sorted.
 * Keys and values are copied into the block's arena. Tables are allocated once and kept; they grow
 * only past the sizes that a block within its limits can need. One thread. */
#ifndef QF_KERNEL_OVERLAY_H
#define QF_KERNEL_OVERLAY_H

#include "base/arena.h"
#include "kernel/kernel.h"

struct qf_overlay_entry {
    struct qf_slice key;
    struct qf_slice value; /* data NULL: removed */
    uint64_t hash;
    uint32_t slot;
    bool listed, lookup;
};

struct qf_overlay_undo {
    uint32_t entry;
    bool created;
    struct qf_slice value; /* before, when not created */
};

struct qf_overlay {
    const struct qf_state_reader *reader;
    struct qf_arena *arena;
    uint64_t seed[2];
    struct qf_overlay_entry *entries;
    size_t count, capacity;
    uint32_t *slots; /* entry number + 1, 0: free */
    size_t slot_count;
    struct qf_overlay_undo *undo;
    size_t undo_count, undo_capacity;
};

void qf_overlay_init(struct qf_overlay *overlay, const struct qf_state_reader *reader,
                     struct qf_arena *arena);
void qf_overlay_deinit(struct qf_overlay *overlay);

/* Empties it for a new block. The seed keeps whoever chooses keys from choosing their places. */
void qf_overlay_begin(struct qf_overlay *overlay, uint64_t seed_a, uint64_t seed_b);

/* The newest value, of the block or committed; false when absent. */
bool qf_overlay_get(struct qf_overlay *overlay, struct qf_slice key, struct qf_slice *value);

/* Sets a value; returns the overlay's copy of the key. A key's `listed` never changes. */
struct qf_slice qf_overlay_put(struct qf_overlay *overlay, struct qf_slice key,
                               struct qf_slice value, bool listed);
void qf_overlay_remove(struct qf_overlay *overlay, struct qf_slice key, bool listed);

/* The same for a look-up: it is listed, with its value, and cannot be got. */
void qf_overlay_put_lookup(struct qf_overlay *overlay, struct qf_slice key, struct qf_slice value);
void qf_overlay_remove_lookup(struct qf_overlay *overlay, struct qf_slice key);

/* A place to go back to. Marks nest; accepting forgets all of them. */
size_t qf_overlay_mark(const struct qf_overlay *overlay);
void qf_overlay_rollback(struct qf_overlay *overlay, size_t mark);
void qf_overlay_accept(struct qf_overlay *overlay);

/* Keys of a listed kind that have the prefix and are present now, ascending; in the arena given. */
size_t qf_overlay_list(struct qf_overlay *overlay, struct qf_arena *arena, struct qf_slice prefix,
                       const struct qf_slice **keys);

/* The changes against the committed state, sorted by key; in the block's arena. */
size_t qf_overlay_changes(struct qf_overlay *overlay, const struct qf_kernel_change **changes);

/* The overlay seen as a state, for the queries. */
void qf_overlay_reader(struct qf_overlay *overlay, struct qf_state_reader *out);

#endif
