/* Opening, reading one record, installing. The model is in state_internal.h. */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/bytes.h"
#include "base/io.h"
#include "base/limits.h"
#include "store/state_internal.h"

#define MAP_SIZE_DEFAULT ((size_t)256 << 30)

enum qf_status qf_state_from_mdb(int code)
{
    if (code == MDB_SUCCESS)
        return QF_OK;
    if (code == MDB_NOTFOUND)
        return QF_NOT_FOUND;
    if (code == MDB_MAP_FULL || code == ENOSPC || code == EDQUOT)
        return QF_NO_SPACE;
    if (code == ENOMEM)
        return QF_NO_MEMORY;
    if (code == MDB_READERS_FULL)
        return QF_UNAVAILABLE;
    if (code == MDB_CORRUPTED || code == MDB_PAGE_NOTFOUND || code == MDB_INVALID ||
        code == MDB_VERSION_MISMATCH)
        return QF_CORRUPT;
    return QF_IO;
}

/* ---- read transactions ---- */

enum qf_status qf_state_begin(struct qf_state *state, MDB_txn **txn)
{
    *txn = NULL;
    pthread_mutex_lock(&state->pool_mutex);
    if (state->pool_count > 0)
        *txn = state->pool[--state->pool_count];
    pthread_mutex_unlock(&state->pool_mutex);
    if (*txn == NULL)
        return qf_state_from_mdb(mdb_txn_begin(state->env, NULL, MDB_RDONLY, txn));
    int code = mdb_txn_renew(*txn);
    if (code != 0) {
        mdb_txn_abort(*txn);
        *txn = NULL;
    }
    return qf_state_from_mdb(code);
}

void qf_state_end(struct qf_state *state, MDB_txn *txn)
{
    mdb_txn_reset(txn);
    pthread_mutex_lock(&state->pool_mutex);
    bool kept = state->pool_count < QF_STATE_READERS_MAX;
    if (kept)
        state->pool[state->pool_count++] = txn;
    pthread_mutex_unlock(&state->pool_mutex);
    if (!kept)
        mdb_txn_abort(txn);
}

/* ---- records ---- */

enum qf_status qf_state_split(const MDB_val *data, const uint8_t **value_hash, struct qf_slice *key,
                              struct qf_slice *value)
{
    const uint8_t *bytes = data->mv_data;
    if (data->mv_size < QF_RECORD_FIXED_SIZE)
        return QF_CORRUPT;
    size_t key_size = qf_be16_load(bytes + QF_HASH_SIZE);
    size_t rest = data->mv_size - QF_RECORD_FIXED_SIZE;
    if (key_size > rest)
        return QF_CORRUPT;
    *value_hash = bytes;
    *key = (struct qf_slice){bytes + QF_RECORD_FIXED_SIZE, key_size};
    *value = (struct qf_slice){bytes + QF_RECORD_FIXED_SIZE + key_size, rest - key_size};
    return QF_OK;
}

enum qf_status qf_state_lookup(MDB_cursor *cursor, const uint8_t key_hash[QF_HASH_SIZE],
                               struct qf_slice key, struct qf_slice *value)
{
    uint8_t name[QF_HASH_SIZE];
    memcpy(name, key_hash, QF_HASH_SIZE);
    MDB_val k = {QF_HASH_SIZE, name};
    MDB_val v;
    int code = mdb_cursor_get(cursor, &k, &v, MDB_SET_KEY);
    if (code != 0)
        return qf_state_from_mdb(code);
    const uint8_t *value_hash;
    struct qf_slice stored;
    enum qf_status status = qf_state_split(&v, &value_hash, &stored, value);
    if (status == QF_OK && !qf_slice_equal(stored, key))
        status = QF_CORRUPT;
    return status;
}

static const struct qf_memtable_record *in_overlays(const struct qf_state *state,
                                                    const uint8_t key_hash[QF_HASH_SIZE])
{
    const struct qf_memtable_record *record = qf_memtable_get(state->active, key_hash);
    if (record == NULL && state->frozen != NULL)
        record = qf_memtable_get(state->frozen, key_hash);
    return record;
}

/* LMDB's contents under the writer's snapshot change for the writer only with what the tables had
 * said before, so an answer stays true until the snapshot is renewed. */
static struct qf_state_peek_memo *memo_of(struct qf_state *state,
                                          const uint8_t key_hash[QF_HASH_SIZE])
{
    return &state->peeks[qf_be32_load(key_hash + 8) % QF_STATE_PEEKS];
}

enum qf_status qf_state_peek(struct qf_state *state, struct qf_slice key, struct qf_slice *value)
{
    uint8_t key_hash[QF_HASH_SIZE];
    qf_hash(state->alg, key_hash, key);
    const struct qf_memtable_record *record = in_overlays(state, key_hash);
    if (record != NULL) {
        *value = qf_memtable_value(record);
        return record->removed ? QF_NOT_FOUND : QF_OK;
    }
    enum qf_status status = qf_state_lookup(state->writer_record, key_hash, key, value);
    if (status == QF_OK || status == QF_NOT_FOUND) {
        struct qf_state_peek_memo *memo = memo_of(state, key_hash);
        memo->valid = true;
        memo->found = status == QF_OK;
        memcpy(memo->key_hash, key_hash, QF_HASH_SIZE);
    }
    return status;
}

enum qf_status qf_state_get(struct qf_state *state, struct qf_buf *out, struct qf_slice key)
{
    uint8_t key_hash[QF_HASH_SIZE];
    struct qf_slice value = {NULL, 0};
    MDB_txn *txn;
    MDB_cursor *cursor;
    qf_hash(state->alg, key_hash, key);
    pthread_rwlock_rdlock(&state->lock);
    const struct qf_memtable_record *record = in_overlays(state, key_hash);
    if (record != NULL) {
        if (!record->removed)
            qf_buf_put_slice(out, qf_memtable_value(record));
        bool removed = record->removed;
        pthread_rwlock_unlock(&state->lock);
        return removed ? QF_NOT_FOUND : qf_buf_status(out);
    }
    enum qf_status status = qf_state_begin(state, &txn);
    pthread_rwlock_unlock(&state->lock);
    if (status != QF_OK)
        return status;
    status = qf_state_from_mdb(mdb_cursor_open(txn, state->record, &cursor));
    if (status == QF_OK) {
        status = qf_state_lookup(cursor, key_hash, key, &value);
        if (status == QF_OK) {
            qf_buf_put_slice(out, value);
            status = qf_buf_status(out);
        }
        mdb_cursor_close(cursor);
    }
    qf_state_end(state, txn);
    return status;
}

enum qf_status qf_state_meta(struct qf_state *state, struct qf_buf *out, const char *name)
{
    MDB_txn *txn;
    MDB_val v;
    uint8_t bytes[256];
    struct qf_slice text = qf_slice_of(name);
    QF_ASSERT(text.size > 0 && text.size <= sizeof bytes);
    memcpy(bytes, text.data, text.size);
    MDB_val k = {text.size, bytes};
    enum qf_status status = qf_state_begin(state, &txn);
    if (status != QF_OK)
        return status;
    status = qf_state_from_mdb(mdb_get(txn, state->meta, &k, &v));
    if (status == QF_OK) {
        qf_buf_put(out, v.mv_data, v.mv_size);
        status = qf_buf_status(out);
    }
    qf_state_end(state, txn);
    return status;
}

/* ---- the tree ---- */

enum qf_status qf_state_scan(void *self, const uint8_t from[QF_HASH_SIZE],
                             const uint8_t to[QF_HASH_SIZE],
                             void (*each)(void *arg, const struct qf_state_leaf *leaf), void *arg)
{
    struct qf_state *state = self;
    struct qf_memtable_cursor active, frozen = {0};
    uint8_t start[QF_HASH_SIZE];
    memcpy(start, from, QF_HASH_SIZE);
    MDB_val k = {QF_HASH_SIZE, start}, v = {0};
    qf_memtable_seek(&active, state->active, from);
    if (state->frozen != NULL)
        qf_memtable_seek(&frozen, state->frozen, from);
    int code = mdb_cursor_get(state->scan_cursor, &k, &v, MDB_SET_RANGE);
    for (;;) {
        if (code != 0 && code != MDB_NOTFOUND)
            return qf_state_from_mdb(code);
        const uint8_t *stored = code == 0 ? k.mv_data : NULL;
        if (stored != NULL && (k.mv_size != QF_HASH_SIZE || v.mv_size < QF_RECORD_FIXED_SIZE))
            return QF_CORRUPT;
        const uint8_t *least = stored;
        const struct qf_memtable_record *a = active.record;
        const struct qf_memtable_record *f = frozen.record;
        if (f != NULL && (least == NULL || memcmp(f->key_hash, least, QF_HASH_SIZE) < 0))
            least = f->key_hash;
        if (a != NULL && (least == NULL || memcmp(a->key_hash, least, QF_HASH_SIZE) < 0))
            least = a->key_hash;
        if (least == NULL || memcmp(least, to, QF_HASH_SIZE) > 0)
            return QF_OK;
        struct qf_state_leaf leaf;
        memcpy(leaf.key_hash, least, QF_HASH_SIZE);
        bool in_active = a != NULL && memcmp(a->key_hash, leaf.key_hash, QF_HASH_SIZE) == 0;
        bool in_frozen = f != NULL && memcmp(f->key_hash, leaf.key_hash, QF_HASH_SIZE) == 0;
        bool in_store = stored != NULL && memcmp(stored, leaf.key_hash, QF_HASH_SIZE) == 0;
        const struct qf_memtable_record *top = in_active ? a : in_frozen ? f : NULL;
        memcpy(leaf.value_hash, top != NULL ? top->value_hash : v.mv_data, QF_HASH_SIZE);
        if (top == NULL || !top->removed)
            each(arg, &leaf);
        if (in_active)
            qf_memtable_next(&active);
        if (in_frozen)
            qf_memtable_next(&frozen);
        if (in_store)
            code = mdb_cursor_get(state->scan_cursor, &k, &v, MDB_NEXT);
    }
}

void qf_state_root(struct qf_state *state, uint8_t out[QF_HASH_SIZE])
{
    pthread_rwlock_rdlock(&state->lock);
    memcpy(out, state->root, QF_HASH_SIZE);
    pthread_rwlock_unlock(&state->lock);
}

uint64_t qf_state_record_count(struct qf_state *state)
{
    pthread_rwlock_rdlock(&state->lock);
    uint64_t count = state->record_count;
    pthread_rwlock_unlock(&state->lock);
    return count;
}

enum qf_status qf_state_prove_many(struct qf_state *state, struct qf_state_asked *items,
                                   size_t count, uint8_t root[QF_HASH_SIZE], uint64_t *height)
{
    MDB_txn *txn;
    pthread_rwlock_rdlock(&state->lock);
    pthread_mutex_lock(&state->prove_mutex);
    enum qf_status status = qf_state_begin(state, &txn);
    if (status == QF_OK) {
        MDB_cursor *cursor = NULL;
        status = qf_state_from_mdb(mdb_cursor_open(txn, state->record, &cursor));
        for (size_t i = 0; status == QF_OK && i < count; i++) {
            uint8_t key_hash[QF_HASH_SIZE];
            qf_hash(state->alg, key_hash, items[i].key);
            state->scan_cursor = cursor;
            status = qf_state_tree_prove(state->tree, key_hash, &items[i].proof);
            state->scan_cursor = NULL;
        }
        if (cursor != NULL)
            mdb_cursor_close(cursor);
        qf_state_end(state, txn);
    }
    memcpy(root, state->root, QF_HASH_SIZE);
    *height = state->height;
    pthread_mutex_unlock(&state->prove_mutex);
    pthread_rwlock_unlock(&state->lock);
    return status;
}

enum qf_status qf_state_prove(struct qf_state *state, struct qf_slice key,
                              struct qf_state_proof *proof, uint8_t root[QF_HASH_SIZE],
                              uint64_t *height)
{
    struct qf_state_asked one = {.key = key};
    enum qf_status status = qf_state_prove_many(state, &one, 1, root, height);
    *proof = one.proof;
    return status;
}

/* ---- installing ---- */

enum qf_status qf_state_drop_flushed(struct qf_state *state)
{
    if (state->frozen == NULL || !atomic_load(&state->flushed))
        return QF_OK;
    mdb_txn_reset(state->writer_txn);
    int code = mdb_txn_renew(state->writer_txn);
    if (code == 0)
        code = mdb_cursor_renew(state->writer_txn, state->writer_record);
    if (code == 0)
        code = mdb_cursor_renew(state->writer_txn, state->writer_index);
    if (code != 0) {
        state->broken = true;
        return qf_state_from_mdb(code);
    }
    memset(state->peeks, 0, sizeof state->peeks);
    qf_memtable_reset(state->frozen);
    state->frozen = NULL;
    return QF_OK;
}

struct hashed_change {
    uint8_t key_hash[QF_HASH_SIZE];
    uint8_t value_hash[QF_HASH_SIZE];
    const struct qf_state_change *change;
};

static int by_key_hash(const void *a, const void *b)
{
    const struct hashed_change *x = a;
    const struct hashed_change *y = b;
    return memcmp(x->key_hash, y->key_hash, QF_HASH_SIZE);
}

/* Key and value of every change, hashed side by side (which SM3 needs to be quick). */
static void hash_changes(struct qf_state *state, struct hashed_change *changes, size_t change_count)
{
    enum { JOBS = 64 };
    struct qf_hash_job jobs[JOBS];
    size_t count = 0;
    for (size_t i = 0; i < change_count; i++) {
        struct hashed_change *out = &changes[i];
        jobs[count++] = (struct qf_hash_job){.parts = {out->change->key}, .out = out->key_hash};
        if (out->change->value.data != NULL)
            jobs[count++] =
                (struct qf_hash_job){.parts = {out->change->value}, .out = out->value_hash};
        if (count > JOBS - 2 || i + 1 == change_count) {
            qf_hash_many(state->alg, jobs, count);
            count = 0;
        }
    }
}

/* A block's changes of records, hashed and sorted, and by how much their number changes. */
struct prepared {
    struct hashed_change *sorted;
    size_t count;
    int64_t count_change;
};

static void check_change(const struct qf_state_change *change)
{
    QF_ASSERT(change->key.size > 0 && change->key.size <= QF_STATE_KEY_SIZE_MAX);
    QF_ASSERT(change->value.size <=
              (change->lookup ? QF_STATE_LOOKUP_SIZE_MAX : QF_STATE_VALUE_SIZE_MAX));
    QF_ASSERT(change->value.data != NULL || change->value.size == 0);
}

/* Reads only. */
static enum qf_status prepare_changes(struct qf_state *state, const struct qf_state_block *block,
                                      struct prepared *out)
{
    struct hashed_change *sorted =
        qf_arena_alloc(&state->scratch, block->change_count * sizeof *sorted);
    *out = (struct prepared){.sorted = sorted};
    for (size_t i = 0; i < block->change_count; i++) {
        check_change(&block->changes[i]);
        if (!block->changes[i].lookup)
            sorted[out->count++].change = &block->changes[i];
    }
    hash_changes(state, sorted, out->count);
    qsort(sorted, out->count, sizeof *sorted, by_key_hash);
    for (size_t i = 0; i < out->count; i++) {
        QF_ASSERT(i == 0 || by_key_hash(&sorted[i - 1], &sorted[i]) < 0);
        const struct qf_memtable_record *record = in_overlays(state, sorted[i].key_hash);
        bool was_there = record != NULL && !record->removed;
        const struct qf_state_peek_memo *memo = memo_of(state, sorted[i].key_hash);
        if (record == NULL && memo->valid &&
            memcmp(memo->key_hash, sorted[i].key_hash, QF_HASH_SIZE) == 0) {
            was_there = memo->found;
        } else if (record == NULL) {
            struct qf_slice value;
            enum qf_status status = qf_state_lookup(state->writer_record, sorted[i].key_hash,
                                                    sorted[i].change->key, &value);
            if (status != QF_OK && status != QF_NOT_FOUND)
                return status;
            was_there = status == QF_OK;
        }
        out->count_change += (sorted[i].change->value.data != NULL) - was_there;
    }
    return QF_OK;
}

/* Under the lock for writing. */
static enum qf_status apply_changes(struct qf_state *state, const struct qf_state_block *block,
                                    const struct prepared *made)
{
    const struct hashed_change *sorted = made->sorted;
    uint8_t(*hashes)[QF_HASH_SIZE] = qf_arena_alloc(&state->scratch, made->count * QF_HASH_SIZE);
    for (size_t i = 0; i < made->count; i++) {
        bool removed = sorted[i].change->value.data == NULL;
        memcpy(hashes[i], sorted[i].key_hash, QF_HASH_SIZE);
        qf_memtable_put(state->active, sorted[i].change, sorted[i].key_hash,
                        removed ? NULL : sorted[i].value_hash);
    }
    for (size_t i = 0; i < block->change_count; i++)
        if (block->changes[i].lookup)
            qf_memtable_put_lookup(state->active, &block->changes[i]);
    for (size_t i = 0; i < block->index_count; i++) {
        qf_memtable_put_term(state->active, &block->index[i]);
        qf_state_filter_put(state, &block->index[i]);
        if (block->index[i].leaf >= state->leaf_end)
            state->leaf_end = block->index[i].leaf + 1;
    }
    state->height = block->height;
    if (made->count == 0)
        return QF_OK;
    state->scan_cursor = state->writer_record;
    enum qf_status status = qf_state_tree_update(
        state->tree, (const uint8_t(*)[QF_HASH_SIZE])hashes, made->count, made->count_change);
    state->scan_cursor = NULL;
    qf_state_tree_root(state->tree, state->root);
    state->record_count = qf_state_tree_leaf_count(state->tree);
    return status;
}

enum qf_status qf_state_install(struct qf_state *state, const struct qf_state_block *block,
                                uint8_t root[QF_HASH_SIZE])
{
    if (state->broken)
        return QF_INVARIANT;
    qf_arena_reset(&state->scratch);
    struct prepared made;
    enum qf_status status = prepare_changes(state, block, &made);
    if (status != QF_OK)
        return status;
    pthread_rwlock_wrlock(&state->lock);
    status = qf_state_drop_flushed(state);
    if (status == QF_OK)
        status = apply_changes(state, block, &made);
    if (status != QF_OK)
        state->broken = true;
    memcpy(root, state->root, QF_HASH_SIZE);
    pthread_rwlock_unlock(&state->lock);
    return status;
}
