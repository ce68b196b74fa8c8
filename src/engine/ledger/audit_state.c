/* The audit's scratch folder, and the stored state held against the replay's. LMDB follows the
 * offsets that it finds in a file, so a damaged one can kill its reader: it is read in children. */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "codec/text.h"
#include "engine/ledger/audit_internal.h"
#include "store/state_files.h"

struct outcome {
    struct qf_error err;
    int64_t height, size;
};

/* Runs `work` in a child process and takes over what it found. */
static enum qf_status in_child(struct audit *audit,
                               enum qf_status (*work)(struct audit *audit, struct outcome *out),
                               struct outcome *out)
{
    int pipe_ends[2];
    if (pipe(pipe_ends) != 0)
        return qf_fail(audit->err, QF_IO, "", "cannot make a pipe");
    fflush(NULL);
    pid_t child = fork();
    if (child < 0) {
        close(pipe_ends[0]);
        close(pipe_ends[1]);
        return qf_fail(audit->err, QF_IO, "", "cannot start a process");
    }
    if (child == 0) {
        struct outcome found = {0};
        found.err.status = work(audit, &found);
        bool told = write(pipe_ends[1], &found, sizeof found) == (ssize_t)sizeof found;
        _exit(told ? 0 : 1);
    }
    close(pipe_ends[1]);
    ssize_t got = read(pipe_ends[0], out, sizeof *out);
    close(pipe_ends[0]);
    int end = 0;
    while (waitpid(child, &end, 0) < 0) {
    }
    if (got != (ssize_t)sizeof *out || !WIFEXITED(end) || WEXITSTATUS(end) != 0)
        return audit_differs(audit, "state", "state/data.mdb is damaged: reading it failed");
    if (out->err.status == QF_CORRUPT)
        return audit_differs(audit, "state", "%s", out->err.detail);
    if (out->err.status != QF_OK)
        *audit->err = out->err;
    return out->err.status;
}

static enum qf_status copy_work(struct audit *audit, struct outcome *out)
{
    struct qf_arena arena = {0};
    struct qf_buf text = {0};
    struct qf_json head;
    char *copy = qf_arena_printf(&arena, "%s/stored", audit->scratch);
    if (mkdir(copy, 0700) != 0)
        return qf_fail(&out->err, QF_IO, copy, "cannot be made");
    enum qf_status status = qf_state_files_copy(audit->options->state_dir, copy, &out->err);
    if (status == QF_OK)
        status = qf_state_files_meta(copy, &text, "head", &out->err);
    if (status == QF_OK &&
        (qf_json_parse(&arena, &head, qf_buf_slice(&text), QF_JSON_CANONICAL, NULL) != QF_OK ||
         qf_json_get_int(&head, "height", &out->height, NULL) != QF_OK ||
         qf_json_get_int(&head, "size", &out->size, NULL) != QF_OK || out->height < 0 ||
         out->size < 0))
        status = qf_fail(&out->err, QF_CORRUPT, copy, "its head cannot be read");
    return status;
}

enum qf_status audit_copy_stored(struct audit *audit)
{
    struct outcome out;
    if (audit->options->state_dir == NULL)
        return QF_OK;
    enum qf_status status = in_child(audit, copy_work, &out);
    if (status == QF_NOT_FOUND) { /* nothing has been stored yet, or only the log was kept */
        *audit->err = (struct qf_error){0};
        return QF_OK;
    }
    audit->has_stored = status == QF_OK;
    audit->stored_height = (uint64_t)out.height;
    audit->stored_size = (uint64_t)out.size;
    audit->report->stored_height = audit->stored_height;
    return status;
}

enum qf_status audit_flush(struct audit *audit)
{
    struct qf_ledger *ledger = audit->ledger;
    enum qf_status status = qf_state_freeze(ledger->state, NULL, 0);
    if (status == QF_OK)
        status = qf_state_flush(ledger->state);
    audit->flushed = ledger->applied.size;
    return status == QF_OK ? QF_OK
                           : qf_fail(audit->err, status, audit->scratch, "cannot be written");
}

static enum qf_status compare_work(struct audit *audit, struct outcome *out)
{
    struct qf_arena arena = {0};
    char *stored = qf_arena_printf(&arena, "%s/stored", audit->scratch);
    char *replayed = qf_arena_printf(&arena, "%s/replay/state", audit->scratch);
    enum qf_status status = qf_state_files_compare(stored, replayed, &out->err);
    if (status != QF_OK)
        return status;
    /* Opening computes the root again from every page of the tree. */
    struct qf_state *state = NULL;
    uint8_t root[QF_HASH_SIZE];
    const struct qf_state_options options = {.alg = qf_suite_hash(qf_ledger_suite(audit->ledger)),
                                             .no_sync = true};
    status = qf_state_open(&state, stored, &options, &out->err);
    if (status != QF_OK)
        return status;
    qf_state_root(state, root);
    if (memcmp(root, audit->ledger->applied.state_root, QF_HASH_SIZE) != 0)
        return qf_fail(&out->err, QF_INVALID, "state", "the stored tree has another root");
    return QF_OK;
}

enum qf_status audit_compare_stored(struct audit *audit)
{
    struct outcome out;
    if (audit->stored_size != audit->ledger->applied.size)
        return audit_differs(
            audit, "state", "the head says %llu entries at block %llu, the log %llu",
            (unsigned long long)audit->stored_size, (unsigned long long)audit->stored_height,
            (unsigned long long)audit->ledger->applied.size);
    enum qf_status status = audit_flush(audit);
    if (status == QF_OK)
        status = in_child(audit, compare_work, &out);
    if (status == QF_OK)
        audit->report->stored = QF_AUDIT_STATE_SAME;
    return status;
}

static enum qf_status write_genesis(struct audit *audit, const char *path)
{
    FILE *file = fopen(path, "wbe");
    struct qf_slice text = audit->options->genesis;
    bool good = file != NULL && fwrite(text.data, 1, text.size, file) == text.size;
    if (file != NULL)
        good = fclose(file) == 0 && good;
    return good ? QF_OK : qf_fail(audit->err, QF_IO, path, "cannot be written");
}

enum qf_status audit_make_scratch(struct audit *audit)
{
    struct qf_arena *arena = &audit->arena;
    char *path = qf_arena_printf(arena, "%s/qifeng-audit-XXXXXX", audit->options->scratch_root);
    if (mkdtemp(path) == NULL)
        return qf_fail(audit->err, QF_IO, audit->options->scratch_root,
                       "no scratch folder can be made here; set TMPDIR");
    audit->scratch = path;
    char *replay = qf_arena_printf(arena, "%s/replay", path);
    if (mkdir(replay, 0700) != 0)
        return qf_fail(audit->err, QF_IO, replay, "cannot be made");
    enum qf_status status = qf_fs_posix_init(&audit->scratch_fs, path, audit->err);
    return status == QF_OK ? write_genesis(audit, qf_arena_printf(arena, "%s/genesis.json", replay))
                           : status;
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *walk)
{
    (void)info;
    (void)type;
    (void)walk;
    return remove(path);
}

void audit_remove_scratch(struct audit *audit)
{
    if (audit->scratch_fs.self != NULL)
        qf_fs_posix_deinit(&audit->scratch_fs);
    if (audit->scratch != NULL)
        (void)nftw(audit->scratch, remove_one, 16, /* NOLINT(concurrency-mt-unsafe): no chdir */
                   FTW_DEPTH | FTW_PHYS);
}
