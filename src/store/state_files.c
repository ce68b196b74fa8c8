#include "store/state_files.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/limits.h"
#include "crypto/hash.h"
#include "store/state.h"

static enum qf_status fail_mdb(struct qf_error *err, int code, const char *path)
{
    if (code == ENOENT)
        return qf_fail(err, QF_NOT_FOUND, path, "there is no state here");
    if (code == MDB_INVALID || code == MDB_CORRUPTED || code == MDB_PAGE_NOTFOUND ||
        code == MDB_VERSION_MISMATCH || code == MDB_NOTFOUND || code == MDB_BAD_TXN)
        return qf_fail(err, QF_CORRUPT, path, "the file is damaged: %s", mdb_strerror(code));
    return qf_fail(err, code == ENOSPC ? QF_NO_SPACE : QF_IO, path, "cannot be read: %s",
                   mdb_strerror(code));
}

static int try_open(MDB_env **env, const char *path, unsigned flags)
{
    int code = mdb_env_create(env);
    if (code == 0)
        code = mdb_env_set_maxdbs(*env, 8);
    if (code == 0)
        code = mdb_env_open(*env, path, MDB_RDONLY | MDB_NOTLS | flags, 0640);
    return code;
}

/* Whether a node serves the data directory of this state: it locks the directory while it does. */
static bool is_served(const char *path)
{
    char parent[4096];
    int size = snprintf(parent, sizeof parent, "%s/..", path);
    int dir = size > 0 && (size_t)size < sizeof parent
                  ? open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
                  : -1;
    bool served = dir < 0 || flock(dir, LOCK_SH | LOCK_NB) != 0;
    if (dir >= 0)
        close(dir);
    return served;
}

/* Somebody else's copy may be for reading only. LMDB then cannot write down who reads; that is for
 * a writer to know, and there is none. */
static int open_env(MDB_env **env, const char *path)
{
    int code = try_open(env, path, 0);
    if (code != EACCES || is_served(path))
        return code;
    mdb_env_close(*env);
    *env = NULL;
    return try_open(env, path, MDB_NOLOCK);
}

enum qf_status qf_state_files_copy(const char *from, const char *to, struct qf_error *err)
{
    MDB_env *env = NULL;
    int code = open_env(&env, from);
    if (code == 0)
        code = mdb_env_copy(env, to);
    if (env != NULL)
        mdb_env_close(env);
    return code == 0 ? QF_OK : fail_mdb(err, code, from);
}

enum qf_status qf_state_files_meta(const char *path, struct qf_buf *out, const char *name,
                                   struct qf_error *err)
{
    MDB_env *env = NULL;
    MDB_txn *txn = NULL;
    MDB_dbi dbi = 0;
    MDB_val value = {0};
    char key[64];
    int size = snprintf(key, sizeof key, "%s", name);
    QF_ASSERT(size > 0 && (size_t)size < sizeof key);
    MDB_val k = {(size_t)size, key};
    int code = open_env(&env, path);
    if (code == 0)
        code = mdb_txn_begin(env, NULL, MDB_RDONLY, &txn);
    if (code == 0)
        code = mdb_dbi_open(txn, "meta", 0, &dbi);
    enum qf_status status = code == 0 ? QF_OK : fail_mdb(err, code, path);
    if (status == QF_OK) {
        code = mdb_get(txn, dbi, &k, &value);
        if (code == MDB_NOTFOUND)
            status = qf_fail(err, QF_NOT_FOUND, path, "it has no value %s", name);
        else if (code != 0)
            status = fail_mdb(err, code, path);
        else
            qf_buf_put(out, value.mv_data, value.mv_size);
    }
    if (txn != NULL)
        mdb_txn_abort(txn);
    if (env != NULL)
        mdb_env_close(env);
    return status;
}

struct side {
    MDB_env *env;
    MDB_txn *txn;
    MDB_cursor *cursor;
    MDB_val key, value;
    int code; /* of the last step */
};

static int open_side(struct side *side, const char *path)
{
    int code = open_env(&side->env, path);
    return code == 0 ? mdb_txn_begin(side->env, NULL, MDB_RDONLY, &side->txn) : code;
}

static void close_side(struct side *side)
{
    if (side->txn != NULL)
        mdb_txn_abort(side->txn);
    if (side->env != NULL)
        mdb_env_close(side->env);
}

static int begin(struct side *side, const char *name)
{
    MDB_dbi dbi;
    int code = mdb_dbi_open(side->txn, name, 0, &dbi);
    if (code == 0)
        code = mdb_cursor_open(side->txn, dbi, &side->cursor);
    return code;
}

static void step(struct side *side, MDB_cursor_op op)
{
    side->code = mdb_cursor_get(side->cursor, &side->key, &side->value, op);
}

static struct qf_slice slice_of(const MDB_val *value)
{
    return qf_slice_make(value->mv_data, value->mv_size);
}

/* A record's name stands in its value: value hash, size of the key, key. Other keys are shown in
 * hex. */
static enum qf_status differs(struct qf_error *err, const char *db, const struct side *shown,
                              const char *how)
{
    char text[QF_STATE_KEY_SIZE_MAX + 1] = "";
    struct qf_slice value = slice_of(&shown->value);
    size_t fixed = QF_HASH_SIZE + 2;
    size_t size = value.size > fixed
                      ? (size_t)value.data[QF_HASH_SIZE] << 8 | value.data[QF_HASH_SIZE + 1]
                      : 0;
    if (strcmp(db, "record") == 0 && size > 0 && size < sizeof text && size <= value.size - fixed) {
        snprintf(text, sizeof text, "%.*s", (int)size, (const char *)value.data + fixed);
    } else {
        size_t used = 0;
        for (size_t i = 0; i < shown->key.mv_size && used + 3 < sizeof text; i++)
            used += (size_t)snprintf(text + used, sizeof text - used, "%02x",
                                     ((const uint8_t *)shown->key.mv_data)[i]);
    }
    for (char *c = text; *c != '\0'; c++)
        if (*c < 0x20 || *c > 0x7E)
            *c = '?';
    return qf_fail(err, QF_INVALID, "state", "%s %s %s", db, text, how);
}

static enum qf_status compare(struct side *a, struct side *b, const char *db, struct qf_error *err)
{
    step(a, MDB_FIRST);
    step(b, MDB_FIRST);
    while (a->code == 0 && b->code == 0) {
        int order = qf_slice_compare(slice_of(&a->key), slice_of(&b->key));
        if (order < 0)
            return differs(err, db, a, "is stored, but does not follow from the log");
        if (order > 0)
            return differs(err, db, b, "follows from the log, but is not stored");
        if (!qf_slice_equal(slice_of(&a->value), slice_of(&b->value)))
            return differs(err, db, b, "is stored with another value than follows from the log");
        step(a, MDB_NEXT);
        step(b, MDB_NEXT);
    }
    if (a->code == 0)
        return differs(err, db, a, "is stored, but does not follow from the log");
    if (a->code != MDB_NOTFOUND)
        return fail_mdb(err, a->code, db);
    if (b->code == 0)
        return differs(err, db, b, "follows from the log, but is not stored");
    return b->code == MDB_NOTFOUND ? QF_OK : fail_mdb(err, b->code, db);
}

enum qf_status qf_state_files_compare(const char *a, const char *b, struct qf_error *err)
{
    static const char *const dbs[] = {"record", "name", "index"};
    struct side sides[2] = {0};
    int code = open_side(&sides[0], a);
    enum qf_status status = code == 0 ? QF_OK : fail_mdb(err, code, a);
    if (status == QF_OK && (code = open_side(&sides[1], b)) != 0)
        status = fail_mdb(err, code, b);
    for (size_t i = 0; status == QF_OK && i < sizeof dbs / sizeof dbs[0]; i++) {
        for (size_t j = 0; status == QF_OK && j < 2; j++)
            if ((code = begin(&sides[j], dbs[i])) != 0)
                status = fail_mdb(err, code, j == 0 ? a : b);
        if (status == QF_OK)
            status = compare(&sides[0], &sides[1], dbs[i], err);
        for (size_t j = 0; j < 2; j++) {
            if (sides[j].cursor != NULL)
                mdb_cursor_close(sides[j].cursor);
            sides[j].cursor = NULL;
        }
    }
    close_side(&sides[0]);
    close_side(&sides[1]);
    return status;
}
