/* A state in memory: the committed records of a kernel as one sorted array. For playing a service
 * without a node, and for tests; a node's state is in store/.
 *
 * It is what a qf_state_reader needs behind `get` and `list`; remembering transaction ids is its
 * owner's. The zero value is an empty state. Not thread-safe. Records are as many as memory holds:
 * a change costs as much as moving the array, which is right for some ten thousand of them. */
#ifndef QF_KERNEL_MEMORY_STATE_H
#define QF_KERNEL_MEMORY_STATE_H

#include "kernel/kernel.h"

struct qf_memory_record {
    struct qf_slice key; /* malloc'd copies */
    struct qf_slice value;
    bool listed, lookup;
};

struct qf_memory_state {
    struct qf_memory_record *records; /* ascending by key */
    size_t count, capacity;
};

void qf_memory_state_deinit(struct qf_memory_state *state);

/* As in struct qf_state_reader. A look-up is listed, not got. `value` lives until the key's next
 * change. */
bool qf_memory_state_get(const struct qf_memory_state *state, struct qf_slice key,
                         struct qf_slice *value);
void qf_memory_state_list(const struct qf_memory_state *state, struct qf_slice prefix,
                          struct qf_slice after, qf_state_each *each, void *arg);

/* Takes the changes of a block, copying them. Asserts what a kernel promises of them: keys ascend
 * and are named once, a record that is removed was there, a key never changes its kind. */
void qf_memory_state_install(struct qf_memory_state *state, const struct qf_kernel_change *changes,
                             size_t count);

#endif
