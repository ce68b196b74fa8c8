#include "kernel/memory_state.h"

#include <stdlib.h>

#define RECORDS_MIN 256

static struct qf_slice copy(struct qf_slice bytes)
{
    uint8_t *data = malloc(bytes.size + 1);
    QF_ASSERT(data != NULL);
    if (bytes.size > 0)
        memcpy(data, bytes.data, bytes.size);
    return qf_slice_make(data, bytes.size);
}

static void release(struct qf_slice bytes)
{
    free((void *)(uintptr_t)bytes.data);
}

/* Position of the key, or where it would go. */
static size_t position(const struct qf_memory_state *state, struct qf_slice key)
{
    size_t low = 0, high = state->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (qf_slice_compare(state->records[middle].key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool holds(const struct qf_memory_state *state, size_t at, struct qf_slice key)
{
    return at < state->count && qf_slice_equal(state->records[at].key, key);
}

void qf_memory_state_deinit(struct qf_memory_state *state)
{
    for (size_t i = 0; i < state->count; i++) {
        release(state->records[i].key);
        release(state->records[i].value);
    }
    free(state->records);
    *state = (struct qf_memory_state){0};
}

bool qf_memory_state_get(const struct qf_memory_state *state, struct qf_slice key,
                         struct qf_slice *value)
{
    size_t at = position(state, key);
    if (!holds(state, at, key) || state->records[at].lookup)
        return false;
    *value = state->records[at].value;
    return true;
}

void qf_memory_state_list(const struct qf_memory_state *state, struct qf_slice prefix,
                          struct qf_slice after, qf_state_each *each, void *arg)
{
    static const struct qf_slice none = {NULL, 0};
    for (size_t i = position(state, prefix); i < state->count; i++) {
        const struct qf_memory_record *record = &state->records[i];
        if (record->key.size < prefix.size ||
            memcmp(record->key.data, prefix.data, prefix.size) != 0)
            return;
        if (record->listed && (after.size == 0 || qf_slice_compare(record->key, after) > 0) &&
            !each(arg, record->key, record->lookup ? record->value : none))
            return;
    }
}

static void remove_at(struct qf_memory_state *state, size_t at)
{
    release(state->records[at].key);
    release(state->records[at].value);
    state->count--;
    memmove(&state->records[at], &state->records[at + 1],
            (state->count - at) * sizeof state->records[0]);
}

static void insert_at(struct qf_memory_state *state, size_t at,
                      const struct qf_kernel_change *change)
{
    if (state->count == state->capacity) {
        state->capacity = state->capacity == 0 ? RECORDS_MIN : state->capacity * 2;
        state->records = realloc(state->records, state->capacity * sizeof state->records[0]);
        QF_ASSERT(state->records != NULL);
    }
    memmove(&state->records[at + 1], &state->records[at],
            (state->count - at) * sizeof state->records[0]);
    state->records[at] = (struct qf_memory_record){copy(change->key), copy(change->value),
                                                   change->listed, change->lookup};
    state->count++;
}

static void install(struct qf_memory_state *state, const struct qf_kernel_change *change)
{
    size_t at = position(state, change->key);
    bool present = holds(state, at, change->key);
    if (change->value.data == NULL) {
        QF_ASSERT(present || change->lookup);
        if (present)
            remove_at(state, at);
        return;
    }
    if (!present) {
        insert_at(state, at, change);
        return;
    }
    struct qf_memory_record *record = &state->records[at];
    QF_ASSERT(record->listed == change->listed && record->lookup == change->lookup);
    release(record->value);
    record->value = copy(change->value);
}

void qf_memory_state_install(struct qf_memory_state *state, const struct qf_kernel_change *changes,
                             size_t count)
{
    for (size_t i = 1; i < count; i++)
        QF_ASSERT(qf_slice_compare(changes[i - 1].key, changes[i].key) < 0);
    for (size_t i = 0; i < count; i++)
        install(state, &changes[i]);
}
