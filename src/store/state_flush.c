/* Opening the environment, and what goes to LMDB: freeze, flush. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/bytes.h"
#include "base/io.h"
#include "store/state_internal.h"

#define MAP_SIZE_DEFAULT ((size_t)256 << 30)
#define TREE_HEADER UINT64_MAX

/* ---- freezing ---- */

static void take_page(void *arg, uint64_t number, struct qf_slice bytes)
{
    struct qf_memtable *overlay = arg;
    struct qf_memtable_page *page = qf_arena_alloc(&overlay->arena, sizeof *page);
    *page =
        (struct qf_memtable_page){.number = number, .bytes = qf_arena_copy(&overlay->arena, bytes)};
    *overlay->pages_end = page;
    overlay->pages_end = &page->next;
}

static void take_meta(struct qf_memtable *overlay, const char *name, struct qf_slice value)
{
    struct qf_memtable_meta *meta = qf_arena_alloc(&overlay->arena, sizeof *meta);
    *meta = (struct qf_memtable_meta){.next = overlay->metas,
                                      .name = qf_arena_text(&overlay->arena, qf_slice_of(name)),
                                      .value = qf_arena_copy(&overlay->arena, value)};
    overlay->metas = meta;
}

enum qf_status qf_state_freeze(struct qf_state *state, const struct qf_state_meta_value *values,
                               size_t count)
{
    if (state->broken)
        return QF_INVARIANT;
    pthread_rwlock_wrlock(&state->lock);
    enum qf_status status = qf_state_drop_flushed(state);
    if (status == QF_OK && state->frozen != NULL)
        status = QF_CONFLICT;
    if (status == QF_OK) {
        uint8_t height[8];
        qf_be64_store(height, state->height);
        state->frozen = state->active;
        state->active =
            state->active == &state->overlays[0] ? &state->overlays[1] : &state->overlays[0];
        atomic_store(&state->flushed, false);
        for (size_t i = 0; i < count; i++)
            take_meta(state->frozen, values[i].name, values[i].value);
        take_meta(state->frozen, QF_STATE_META_HEIGHT, qf_slice_make(height, sizeof height));
        qf_state_tree_each_dirty(state->tree, take_page, state->frozen);
    }
    pthread_rwlock_unlock(&state->lock);
    return status;
}

/* ---- flushing ---- */

static int flush_records(const struct qf_memtable *overlay, MDB_cursor *cursor)
{
    static const uint8_t lowest[QF_HASH_SIZE];
    struct qf_memtable_cursor at;
    for (qf_memtable_seek(&at, overlay, lowest); at.record != NULL; qf_memtable_next(&at)) {
        const struct qf_memtable_record *record = at.record;
        uint8_t key[QF_HASH_SIZE];
        memcpy(key, record->key_hash, QF_HASH_SIZE);
        MDB_val k = {QF_HASH_SIZE, key}, v = {0};
        int code;
        if (record->removed) {
            code = mdb_cursor_get(cursor, &k, &v, MDB_SET);
            if (code == 0)
                code = mdb_cursor_del(cursor, 0);
            if (code != 0 && code != MDB_NOTFOUND)
                return code;
            continue;
        }
        v.mv_size = QF_RECORD_FIXED_SIZE + (size_t)record->key_size + record->value_size;
        code = mdb_cursor_put(cursor, &k, &v, MDB_RESERVE);
        if (code != 0)
            return code;
        uint8_t *out = v.mv_data;
        memcpy(out, record->value_hash, QF_HASH_SIZE);
        qf_be16_store(out + QF_HASH_SIZE, record->key_size);
        memcpy(out + QF_RECORD_FIXED_SIZE, record->data,
               (size_t)record->key_size + record->value_size);
    }
    return 0;
}

static int flush_names(const struct qf_memtable *overlay, MDB_cursor *cursor)
{
    for (const struct qf_memtable_name *name = overlay->names[0]; name != NULL;
         name = name->next[0]) {
        uint8_t key[256];
        QF_ASSERT(name->key.size <= sizeof key);
        memcpy(key, name->key.data, name->key.size);
        MDB_val k = {name->key.size, key}, v = {0};
        int code = mdb_cursor_get(cursor, &k, &v, MDB_SET_KEY);
        bool there = code == 0;
        bool same = there && qf_slice_equal(qf_slice_make(v.mv_data, v.mv_size), name->value);
        if (code != 0 && code != MDB_NOTFOUND)
            return code;
        code = 0;
        if (there && name->removed) {
            code = mdb_cursor_del(cursor, 0);
        } else if (!same && !name->removed) {
            k = (MDB_val){name->key.size, key};
            v = (MDB_val){name->value.size, NULL};
            code = mdb_cursor_put(cursor, &k, &v, MDB_RESERVE);
            if (code == 0 && name->value.size > 0)
                memcpy(v.mv_data, name->value.data, name->value.size);
        }
        if (code != 0)
            return code;
    }
    return 0;
}

typedef uint8_t index_key[QF_INDEX_KEY_SIZE];

static int by_bytes(const void *a, const void *b)
{
    return memcmp(a, b, QF_INDEX_KEY_SIZE);
}

static int flush_index(const struct qf_memtable *overlay, MDB_cursor *cursor)
{
    size_t count = 0;
    if (overlay->index_count == 0)
        return 0;
    index_key *keys = malloc(overlay->index_count * sizeof *keys);
    if (keys == NULL)
        return ENOMEM;
    for (size_t slot = 0; slot < overlay->term_slots; slot++) {
        const struct qf_memtable_term *term = overlay->terms[slot];
        for (; term != NULL; term = term->next) {
            qf_state_index_key(keys[count++], &term->term, term->first);
            for (const struct qf_memtable_leaves *more = term->more; more != NULL;
                 more = more->next)
                for (uint32_t i = 0; i < more->count; i++)
                    qf_state_index_key(keys[count++], &term->term, more->leaves[i]);
        }
    }
    QF_ASSERT(count == overlay->index_count);
    qsort(keys, count, sizeof *keys, by_bytes);
    int code = 0;
    for (size_t i = 0; code == 0 && i < count; i++) {
        MDB_val k = {sizeof keys[i], keys[i]}, v = {0};
        code = mdb_cursor_put(cursor, &k, &v, MDB_NOOVERWRITE);
        if (code == MDB_KEYEXIST)
            code = 0; /* a block applied again after a crash */
    }
    free(keys);
    return code;
}

static int flush_pages(const struct qf_memtable *overlay, MDB_cursor *cursor)
{
    for (const struct qf_memtable_page *page = overlay->pages; page != NULL; page = page->next) {
        uint8_t number[8];
        qf_be64_store(number, page->number);
        MDB_val k = {sizeof number, number}, v = {page->bytes.size, NULL};
        int code = mdb_cursor_put(cursor, &k, &v, MDB_RESERVE);
        if (code != 0)
            return code;
        memcpy(v.mv_data, page->bytes.data, page->bytes.size);
    }
    return 0;
}

static int put_meta(MDB_cursor *cursor, const char *name, struct qf_slice value)
{
    uint8_t key[256];
    struct qf_slice text = qf_slice_of(name);
    QF_ASSERT(text.size > 0 && text.size <= sizeof key);
    memcpy(key, text.data, text.size);
    MDB_val k = {text.size, key}, v = {value.size, NULL};
    int code = mdb_cursor_put(cursor, &k, &v, MDB_RESERVE);
    if (code == 0 && value.size > 0)
        memcpy(v.mv_data, value.data, value.size);
    return code;
}

static int flush_meta(const struct qf_memtable *overlay, MDB_cursor *cursor)
{
    int code = 0;
    for (const struct qf_memtable_meta *meta = overlay->metas; code == 0 && meta != NULL;
         meta = meta->next)
        code = put_meta(cursor, meta->name, meta->value);
    return code;
}

enum qf_status qf_state_flush(struct qf_state *state)
{
    pthread_rwlock_rdlock(&state->lock);
    const struct qf_memtable *frozen = atomic_load(&state->flushed) ? NULL : state->frozen;
    pthread_rwlock_unlock(&state->lock);
    if (frozen == NULL)
        return QF_OK;
    const struct {
        MDB_dbi dbi;
        int (*flush)(const struct qf_memtable *overlay, MDB_cursor *cursor);
    } parts[] = {{state->record, flush_records},
                 {state->name, flush_names},
                 {state->index, flush_index},
                 {state->tree_pages, flush_pages},
                 {state->meta, flush_meta}};
    MDB_txn *txn = NULL;
    int code = mdb_txn_begin(state->env, NULL, 0, &txn);
    for (size_t i = 0; code == 0 && i < sizeof parts / sizeof parts[0]; i++) {
        MDB_cursor *cursor;
        code = mdb_cursor_open(txn, parts[i].dbi, &cursor);
        if (code == 0)
            code = parts[i].flush(frozen, cursor);
    }
    if (code == 0)
        code = mdb_txn_commit(txn);
    else if (txn != NULL)
        mdb_txn_abort(txn);
    if (code == 0)
        atomic_store(&state->flushed, true);
    return code == MDB_NOTFOUND ? QF_CORRUPT : qf_state_from_mdb(code);
}

/* ---- opening ---- */

static enum qf_status open_env(struct qf_state *state, const char *path,
                               const struct qf_state_options *options)
{
    if (mkdir(path, 0750) != 0 && errno != EEXIST)
        return errno == ENOSPC ? QF_NO_SPACE : QF_IO;
    int code = mdb_env_create(&state->env);
    if (code == 0)
        code = mdb_env_set_maxdbs(state->env, 8);
    if (code == 0)
        code = mdb_env_set_maxreaders(state->env, QF_STATE_READERS_MAX);
    if (code == 0)
        code = mdb_env_set_mapsize(state->env,
                                   options->map_size != 0 ? options->map_size : MAP_SIZE_DEFAULT);
    if (code == 0)
        code = mdb_env_open(state->env, path,
                            MDB_NOTLS | MDB_NORDAHEAD | (options->no_sync ? MDB_NOSYNC : 0), 0640);
    return code == MDB_NOTFOUND || code == ENOENT ? QF_IO : qf_state_from_mdb(code);
}

/* Creates the databases and checks that what is there is of this form and suite. */
static enum qf_status open_databases(struct qf_state *state, struct qf_error *err)
{
    char format[32];
    snprintf(format, sizeof format, "3 %s", qf_hash_alg_name(state->alg));
    const struct {
        const char *name;
        MDB_dbi *dbi;
    } names[] = {{"record", &state->record},
                 {"name", &state->name},
                 {"index", &state->index},
                 {"tree", &state->tree_pages},
                 {"meta", &state->meta}};
    MDB_txn *txn = NULL;
    MDB_cursor *cursor;
    int code = mdb_txn_begin(state->env, NULL, 0, &txn);
    for (size_t i = 0; code == 0 && i < sizeof names / sizeof names[0]; i++)
        code = mdb_dbi_open(txn, names[i].name, MDB_CREATE, names[i].dbi);
    if (code == 0)
        code = mdb_cursor_open(txn, state->meta, &cursor);
    if (code == 0) {
        char key[] = QF_STATE_META_FORMAT;
        MDB_val k = {sizeof key - 1, key}, v;
        code = mdb_cursor_get(cursor, &k, &v, MDB_SET_KEY);
        if (code == MDB_NOTFOUND) {
            code = put_meta(cursor, QF_STATE_META_FORMAT, qf_slice_of(format));
        } else if (code == 0 && !qf_slice_is(qf_slice_make(v.mv_data, v.mv_size), format)) {
            mdb_txn_abort(txn);
            return qf_fail(err, QF_CORRUPT, QF_STATE_META_FORMAT,
                           "the state has another form or suite than %s", format);
        }
    }
    if (code == 0)
        code = mdb_txn_commit(txn);
    else if (txn != NULL)
        mdb_txn_abort(txn);
    return qf_state_from_mdb(code);
}

static enum qf_status load_page(void *arg, uint64_t number, struct qf_slice *bytes)
{
    struct qf_state *state = arg;
    uint8_t name[8];
    qf_be64_store(name, number);
    MDB_val k = {sizeof name, name}, v;
    int code = mdb_get(state->writer_txn, state->tree_pages, &k, &v);
    if (code == 0)
        *bytes = qf_slice_make(v.mv_data, v.mv_size);
    return qf_state_from_mdb(code);
}

static enum qf_status load_height(struct qf_state *state)
{
    char key[] = QF_STATE_META_HEIGHT;
    MDB_val k = {sizeof key - 1, key}, v;
    int code = mdb_get(state->writer_txn, state->meta, &k, &v);
    if (code == 0 && v.mv_size == 8)
        state->height = qf_be64_load(v.mv_data);
    else if (code != MDB_NOTFOUND)
        return code == 0 ? QF_CORRUPT : qf_state_from_mdb(code);
    code = mdb_cursor_get(state->writer_index, &k, &v, MDB_LAST);
    if (code == 0) {
        if (k.mv_size != QF_INDEX_KEY_SIZE)
            return QF_CORRUPT;
        state->filtered_from = (uint64_t)qf_be32_load(k.mv_data) + 1;
        state->leaf_end = state->filtered_from * QF_INDEX_GENERATION;
    }
    return code == MDB_NOTFOUND ? QF_OK : qf_state_from_mdb(code);
}

static enum qf_status open_tree(struct qf_state *state, struct qf_error *err)
{
    const struct qf_leaf_source source = {.scan = qf_state_scan, .self = state};
    state->tree = qf_state_tree_new(state->alg, &source);
    if (state->tree == NULL)
        return QF_NO_MEMORY;
    struct qf_slice header;
    MDB_stat stat;
    enum qf_status status = load_page(state, TREE_HEADER, &header);
    if (status == QF_OK)
        status = qf_state_tree_load(state->tree, load_page, state);
    else if (status == QF_NOT_FOUND)
        status = QF_OK;
    if (status == QF_OK)
        status = qf_state_from_mdb(mdb_stat(state->writer_txn, state->record, &stat));
    if (status != QF_OK)
        return status == QF_NOT_FOUND ? QF_CORRUPT : status;
    qf_state_tree_root(state->tree, state->root);
    state->record_count = qf_state_tree_leaf_count(state->tree);
    if (state->record_count != stat.ms_entries)
        return qf_fail(err, QF_CORRUPT, "tree", "the tree has %llu leaves, the store %llu records",
                       (unsigned long long)state->record_count,
                       (unsigned long long)stat.ms_entries);
    return QF_OK;
}

static enum qf_status open_writer(struct qf_state *state)
{
    int code = mdb_txn_begin(state->env, NULL, MDB_RDONLY, &state->writer_txn);
    if (code == 0)
        code = mdb_cursor_open(state->writer_txn, state->record, &state->writer_record);
    if (code == 0)
        code = mdb_cursor_open(state->writer_txn, state->index, &state->writer_index);
    return code == 0 ? load_height(state) : qf_state_from_mdb(code);
}

static enum qf_status open_all(struct qf_state *state, const char *path,
                               const struct qf_state_options *options, struct qf_error *err)
{
    uint64_t seed[2];
    struct qf_random random = qf_random_system();
    enum qf_status status = random.fill(random.self, (uint8_t *)seed, sizeof seed);
    for (size_t i = 0; status == QF_OK && i < 2; i++)
        status = qf_memtable_init(&state->overlays[i], seed);
    if (status == QF_OK)
        status = open_env(state, path, options);
    if (status == QF_OK)
        status = open_databases(state, err);
    if (status == QF_OK)
        status = open_writer(state);
    if (status == QF_OK)
        status = open_tree(state, err);
    return status;
}

enum qf_status qf_state_open(struct qf_state **out, const char *path,
                             const struct qf_state_options *options, struct qf_error *err)
{
    struct qf_state *state = calloc(1, sizeof *state);
    pthread_rwlockattr_t attr;
    if (state == NULL)
        return qf_fail(err, QF_NO_MEMORY, path, "no memory for the state");
    if (err != NULL)
        err->status = QF_OK;
    state->alg = options->alg;
    state->filtered_kind = options->filtered_kind;
    state->active = &state->overlays[0];
    pthread_rwlockattr_init(&attr);
    /* Readers come and go without end; the writer must get its turn. */
    pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&state->lock, &attr);
    pthread_rwlockattr_destroy(&attr);
    pthread_mutex_init(&state->prove_mutex, NULL);
    pthread_mutex_init(&state->pool_mutex, NULL);
    enum qf_status status = open_all(state, path, options, err);
    if (status != QF_OK) {
        qf_state_close(state);
        if (err != NULL && err->status != status)
            return qf_fail(err, status, path, "the state cannot be opened: %s",
                           qf_status_title(status));
        return status;
    }
    *out = state;
    return QF_OK;
}

void qf_state_close(struct qf_state *state)
{
    if (state == NULL)
        return;
    if (state->writer_record != NULL)
        mdb_cursor_close(state->writer_record);
    if (state->writer_index != NULL)
        mdb_cursor_close(state->writer_index);
    if (state->writer_txn != NULL)
        mdb_txn_abort(state->writer_txn);
    for (size_t i = 0; i < state->pool_count; i++)
        mdb_txn_abort(state->pool[i]);
    if (state->env != NULL)
        mdb_env_close(state->env);
    if (state->tree != NULL)
        qf_state_tree_free(state->tree);
    qf_memtable_deinit(&state->overlays[0]);
    qf_memtable_deinit(&state->overlays[1]);
    qf_arena_deinit(&state->scratch);
    for (size_t i = 0; i < QF_STATE_FILTERS; i++)
        free(state->filters[i].words);
    pthread_rwlock_destroy(&state->lock);
    pthread_mutex_destroy(&state->prove_mutex);
    pthread_mutex_destroy(&state->pool_mutex);
    free(state);
}
