/* Indexes and listed names: LMDB and the overlays merged. Callers' functions are called without the
 * lock, a batch at a time, so that a slow reader never holds up the writer. */
#include <stdlib.h>

#include "base/bytes.h"
#include "base/limits.h"
#include "store/state_internal.h"

#define BATCH 256

void qf_state_index_key(uint8_t out[QF_INDEX_KEY_SIZE], const struct qf_index_term *term,
                        uint64_t leaf)
{
    uint8_t number[8];
    QF_ASSERT(leaf >> 48 == 0);
    qf_be32_store(out, (uint32_t)(leaf / QF_INDEX_GENERATION));
    out[4] = term->kind;
    memcpy(out + 5, term->term, QF_INDEX_TERM_SIZE);
    qf_be64_store(number, leaf);
    memcpy(out + 5 + QF_INDEX_TERM_SIZE, number + 2, 6);
}

static uint64_t leaf_of(const uint8_t *key)
{
    uint8_t number[8] = {0};
    memcpy(number + 2, key + QF_INDEX_KEY_SIZE - 6, 6);
    return qf_be64_load(number);
}

enum qf_status qf_state_index_scan(MDB_cursor *cursor, uint64_t leaf_end,
                                   const struct qf_index_term *term, uint64_t from, uint64_t *out,
                                   size_t max, size_t *count)
{
    *count = 0;
    while (from < leaf_end && *count < max) {
        uint8_t key[QF_INDEX_KEY_SIZE];
        qf_state_index_key(key, term, from);
        MDB_val k = {sizeof key, key}, v;
        int code = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);
        while (code == 0 && *count < max) {
            if (k.mv_size != QF_INDEX_KEY_SIZE)
                return QF_CORRUPT;
            if (memcmp(k.mv_data, key, QF_INDEX_KEY_SIZE - 6) != 0)
                break;
            out[(*count)++] = leaf_of(k.mv_data);
            code = mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
        }
        if (code != 0 && code != MDB_NOTFOUND)
            return qf_state_from_mdb(code);
        from = (from / QF_INDEX_GENERATION + 1) * QF_INDEX_GENERATION;
    }
    return QF_OK;
}

/* ---- filters: the writer's alone ---- */

/* The words of a term; terms are hashes or parts of them, so their bytes serve. */
static void filter_words(const struct qf_index_term *term, uint32_t words[3])
{
    for (size_t i = 0; i < 3; i++)
        words[i] = qf_be32_load(term->term + 4 * i) % QF_STATE_FILTER_WORDS;
}

void qf_state_filter_put(struct qf_state *state, const struct qf_index_entry *entry)
{
    uint64_t generation = entry->leaf / QF_INDEX_GENERATION;
    uint64_t group = generation / QF_STATE_FILTER_SIDE;
    size_t slot = (size_t)(group % QF_STATE_FILTERS);
    if (state->filtered_kind == 0 || entry->term.kind != state->filtered_kind ||
        generation < state->filtered_from)
        return;
    if (state->filters[slot].words == NULL || state->filters[slot].group != group) {
        free(state->filters[slot].words);
        state->filters[slot].words = calloc(QF_STATE_FILTER_WORDS, sizeof(uint64_t));
        state->filters[slot].group = group;
        if (state->filters[slot].words == NULL) {
            /* What this one would have missed must not count as absent. */
            state->filtered_from = generation + 1;
            return;
        }
    }
    uint32_t words[3];
    filter_words(&entry->term, words);
    for (size_t i = 0; i < 3; i++)
        state->filters[slot].words[words[i]] |= (uint64_t)1 << (generation % QF_STATE_FILTER_SIDE);
}

/* Bit i: generation i of the group may hold the term. */
static uint64_t may_hold(const struct qf_state *state, uint64_t group,
                         const struct qf_index_term *term)
{
    size_t slot = (size_t)(group % QF_STATE_FILTERS);
    const uint64_t *filter = state->filters[slot].words;
    uint64_t first = group * QF_STATE_FILTER_SIDE;
    uint64_t unseen = state->filtered_from <= first ? 0 : state->filtered_from - first;
    if (term->kind != state->filtered_kind || filter == NULL ||
        state->filters[slot].group != group || unseen >= QF_STATE_FILTER_SIDE)
        return UINT64_MAX;
    uint32_t words[3];
    filter_words(term, words);
    return (filter[words[0]] & filter[words[1]] & filter[words[2]]) | (((uint64_t)1 << unseen) - 1);
}

/* The smallest leaf under the term in LMDB, from `from` on. */
static bool find_stored(struct qf_state *state, const struct qf_index_term *term, uint64_t from,
                        uint64_t *leaf)
{
    const uint64_t group_leaves = (uint64_t)QF_INDEX_GENERATION * QF_STATE_FILTER_SIDE;
    size_t count = 0;
    while (from < state->leaf_end) {
        uint64_t group = from / group_leaves;
        uint64_t holds = may_hold(state, group, term);
        uint64_t group_end = (group + 1) * group_leaves;
        while (from < group_end && from < state->leaf_end) {
            uint64_t generation = from / QF_INDEX_GENERATION;
            uint64_t rest = holds >> (generation % QF_STATE_FILTER_SIDE);
            if (rest == 0)
                break;
            if ((rest & 1) == 0) {
                from = (generation + (uint64_t)__builtin_ctzll(rest)) * QF_INDEX_GENERATION;
                continue;
            }
            uint64_t end = (generation + 1) * QF_INDEX_GENERATION;
            enum qf_status status =
                qf_state_index_scan(state->writer_index, end, term, from, leaf, 1, &count);
            /* This decides what is a duplicate; a disk that cannot answer must not. */
            QF_ASSERT(status == QF_OK);
            if (count > 0)
                return true;
            from = end;
        }
        from = group_end;
    }
    return false;
}

bool qf_state_find_first(struct qf_state *state, const struct qf_index_term *term,
                         uint64_t from_leaf, uint64_t *leaf)
{
    if (find_stored(state, term, from_leaf, leaf))
        return true;
    size_t count = 0;
    if (state->frozen != NULL)
        count = qf_memtable_leaves_from(qf_memtable_find(state->frozen, term), from_leaf, leaf, 1);
    if (count == 0)
        count = qf_memtable_leaves_from(qf_memtable_find(state->active, term), from_leaf, leaf, 1);
    return count > 0;
}

/* One batch of leaves from `from` on, of one moment. The lock is held for the look into memory
 * only: LMDB's snapshot is taken with it and stays. */
static enum qf_status find_batch(struct qf_state *state, const struct qf_index_term *term,
                                 uint64_t from, uint64_t out[BATCH], size_t *count)
{
    uint64_t recent[2][BATCH];
    size_t recent_count[2] = {0, 0};
    MDB_txn *txn;
    MDB_cursor *cursor;
    *count = 0;
    pthread_rwlock_rdlock(&state->lock);
    uint64_t leaf_end = state->leaf_end;
    enum qf_status status = qf_state_begin(state, &txn);
    if (state->frozen != NULL)
        recent_count[0] =
            qf_memtable_leaves_from(qf_memtable_find(state->frozen, term), from, recent[0], BATCH);
    recent_count[1] =
        qf_memtable_leaves_from(qf_memtable_find(state->active, term), from, recent[1], BATCH);
    pthread_rwlock_unlock(&state->lock);
    if (status != QF_OK)
        return status;
    status = qf_state_from_mdb(mdb_cursor_open(txn, state->index, &cursor));
    if (status == QF_OK) {
        status = qf_state_index_scan(cursor, leaf_end, term, from, out, BATCH, count);
        mdb_cursor_close(cursor);
    }
    qf_state_end(state, txn);
    /* What is frozen may be in LMDB by now; leaves only ascend, so repeats are the lower ones. */
    for (size_t part = 0; part < 2; part++)
        for (size_t i = 0; i < recent_count[part] && *count < BATCH; i++)
            if (*count == 0 || recent[part][i] > out[*count - 1])
                out[(*count)++] = recent[part][i];
    return status;
}

enum qf_status qf_state_find(struct qf_state *state, const struct qf_index_term *term,
                             uint64_t from_leaf, bool (*each)(void *arg, uint64_t leaf), void *arg)
{
    for (;;) {
        uint64_t leaves[BATCH];
        size_t count = 0;
        enum qf_status status = find_batch(state, term, from_leaf, leaves, &count);
        if (status != QF_OK)
            return status;
        for (size_t i = 0; i < count; i++)
            if (!each(arg, leaves[i]))
                return QF_OK;
        if (count < BATCH)
            return QF_OK;
        from_leaf = leaves[count - 1] + 1;
    }
}

/* ---- names ---- */

static bool has_prefix(struct qf_slice key, struct qf_slice prefix)
{
    return key.size >= prefix.size && memcmp(key.data, prefix.data, prefix.size) == 0;
}

struct name_batch {
    uint8_t keys[BATCH][QF_STATE_KEY_SIZE_MAX];
    size_t sizes[BATCH];
    size_t value_ends[BATCH]; /* in values, one after another */
    size_t count;
    struct qf_buf values;
};

/* Where a merge of the three stands. */
struct name_merge {
    MDB_cursor *cursor;
    int code;
    MDB_val key, value;
    const struct qf_memtable_name *frozen, *active;
};

static struct qf_slice least_name(const struct name_merge *merge)
{
    struct qf_slice least = {NULL, 0};
    if (merge->code == 0)
        least = qf_slice_make(merge->key.mv_data, merge->key.mv_size);
    if (merge->frozen != NULL &&
        (least.data == NULL || qf_slice_compare(merge->frozen->key, least) < 0))
        least = merge->frozen->key;
    if (merge->active != NULL &&
        (least.data == NULL || qf_slice_compare(merge->active->key, least) < 0))
        least = merge->active->key;
    return least;
}

static bool is_name(struct qf_slice name, struct qf_slice key)
{
    return name.data != NULL && qf_slice_equal(name, key);
}

static enum qf_status merge_names(struct name_merge *merge, struct qf_slice prefix,
                                  struct name_batch *batch)
{
    while (batch->count < BATCH) {
        if (merge->code != 0 && merge->code != MDB_NOTFOUND)
            return qf_state_from_mdb(merge->code);
        struct qf_slice least = least_name(merge);
        if (least.data == NULL || !has_prefix(least, prefix))
            return QF_OK;
        if (least.size > QF_STATE_KEY_SIZE_MAX)
            return QF_CORRUPT;
        bool removed = false;
        struct qf_slice value = {NULL, 0};
        uint8_t *copy = batch->keys[batch->count];
        memcpy(copy, least.data, least.size);
        struct qf_slice key = {copy, least.size};
        bool stored =
            merge->code == 0 && is_name(qf_slice_make(merge->key.mv_data, merge->key.mv_size), key);
        if (stored)
            value = qf_slice_make(merge->value.mv_data, merge->value.mv_size);
        if (merge->frozen != NULL && is_name(merge->frozen->key, key)) {
            removed = merge->frozen->removed;
            value = merge->frozen->value;
            merge->frozen = merge->frozen->next[0];
        }
        if (merge->active != NULL && is_name(merge->active->key, key)) {
            removed = merge->active->removed;
            value = merge->active->value;
            merge->active = merge->active->next[0];
        }
        if (!removed) {
            qf_buf_put_slice(&batch->values, value);
            batch->value_ends[batch->count] = batch->values.size;
            batch->sizes[batch->count++] = key.size;
        }
        if (stored)
            merge->code = mdb_cursor_get(merge->cursor, &merge->key, &merge->value, MDB_NEXT);
    }
    return QF_OK;
}

static enum qf_status name_batch(struct qf_state *state, struct qf_slice prefix,
                                 struct qf_slice start, bool exclusive, struct name_batch *batch)
{
    struct name_merge merge = {0};
    MDB_txn *txn;
    batch->count = 0;
    qf_buf_reset(&batch->values);
    pthread_rwlock_rdlock(&state->lock);
    enum qf_status status = qf_state_begin(state, &txn);
    if (status == QF_OK)
        status = qf_state_from_mdb(mdb_cursor_open(txn, state->name, &merge.cursor));
    if (status == QF_OK) {
        uint8_t key[QF_STATE_KEY_SIZE_MAX + 1] = {0};
        memcpy(key, start.data, start.size);
        /* The least key after a key is the key with a zero byte. */
        merge.key = (MDB_val){start.size + exclusive, key};
        merge.code = mdb_cursor_get(merge.cursor, &merge.key, &merge.value,
                                    merge.key.mv_size == 0 ? MDB_FIRST : MDB_SET_RANGE);
        if (state->frozen != NULL)
            merge.frozen = qf_memtable_name_from(state->frozen, start, exclusive);
        merge.active = qf_memtable_name_from(state->active, start, exclusive);
        status = merge_names(&merge, prefix, batch);
        if (status == QF_OK)
            status = qf_buf_status(&batch->values);
        mdb_cursor_close(merge.cursor);
    }
    if (txn != NULL)
        qf_state_end(state, txn);
    pthread_rwlock_unlock(&state->lock);
    return status;
}

enum qf_status
qf_state_list_values(struct qf_state *state, struct qf_slice prefix, struct qf_slice after,
                     bool (*each)(void *arg, struct qf_slice key, struct qf_slice value), void *arg)
{
    uint8_t last[QF_STATE_KEY_SIZE_MAX];
    struct name_batch *batch = malloc(sizeof *batch);
    QF_ASSERT(prefix.size <= sizeof last && after.size <= sizeof last);
    if (batch == NULL)
        return QF_NO_MEMORY;
    batch->values = (struct qf_buf){0};
    bool exclusive = after.size > 0 && qf_slice_compare(after, prefix) >= 0;
    struct qf_slice start = exclusive ? after : prefix;
    enum qf_status status;
    do {
        status = name_batch(state, prefix, start, exclusive, batch);
        for (size_t i = 0; status == QF_OK && i < batch->count; i++) {
            size_t from = i == 0 ? 0 : batch->value_ends[i - 1];
            struct qf_slice value = {0}; /* there may be no values at all */
            if (batch->value_ends[i] > from)
                value = qf_slice_make(batch->values.data + from, batch->value_ends[i] - from);
            if (!each(arg, (struct qf_slice){batch->keys[i], batch->sizes[i]}, value))
                goto done;
        }
        if (batch->count > 0) {
            start = (struct qf_slice){last, batch->sizes[batch->count - 1]};
            memcpy(last, batch->keys[batch->count - 1], start.size);
            exclusive = true;
        }
    } while (status == QF_OK && batch->count == BATCH);
done:
    qf_buf_deinit(&batch->values);
    free(batch);
    return status;
}

struct keys_only {
    bool (*each)(void *arg, struct qf_slice key);
    void *arg;
};

static bool pass_key(void *arg, struct qf_slice key, struct qf_slice value)
{
    const struct keys_only *only = arg;
    (void)value;
    return only->each(only->arg, key);
}

enum qf_status qf_state_list(struct qf_state *state, struct qf_slice prefix, struct qf_slice after,
                             bool (*each)(void *arg, struct qf_slice key), void *arg)
{
    struct keys_only only = {each, arg};
    return qf_state_list_values(state, prefix, after, pass_key, &only);
}
