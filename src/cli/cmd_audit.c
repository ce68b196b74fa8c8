#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/sender.h"
#include "cli/stamps.h"
#include "codec/text.h"
#include "engine/ledger/audit.h"
#include "node/config.h"

#define GENESIS_SIZE_MAX (4u << 20)

/* The log of a data directory, or of a node. */
struct place {
    struct qf_fs *fs; /* log/, archives of node.yaml, --archive */
    size_t fs_count;
    struct qf_fs dir;
    bool has_dir;
    struct qf_client *client;
    struct qf_client_reader reader;
    struct qf_cli_progress progress;
    const char *tsa_ca;
    struct qf_cli_stamps stamps;
    struct qf_stamps_found found;
    struct qf_checkpoint *marks; /* of the stamps */
    size_t mark_count;
};

static enum qf_status read_folder(void *self, struct qf_buf *out, const char *path,
                                  struct qf_error *err)
{
    struct place *place = self;
    enum qf_status status = QF_NOT_FOUND;
    for (size_t i = 0; status == QF_NOT_FOUND && i < place->fs_count; i++)
        status = qf_fs_read(&place->fs[i], path, QF_BUF_SIZE_MAX, out);
    return status == QF_OK || status == QF_NOT_FOUND || status == QF_OVER_LIMIT
               ? status
               : qf_fail(err, status, path, "cannot be read");
}

static enum qf_status read_node(void *self, struct qf_buf *out, const char *path,
                                struct qf_error *err)
{
    struct place *place = self;
    char full[256];
    long http = 0;
    snprintf(full, sizeof full, "/%s", path);
    enum qf_status status = qf_client_get(place->client, out, full, &http, err);
    if (status == QF_OK && http == 404)
        return QF_NOT_FOUND;
    return status == QF_OK ? qf_client_problem(qf_buf_slice(out), http, err) : status;
}

static void show_progress(void *arg, uint64_t done, uint64_t total)
{
    struct place *place = arg;
    place->progress.total = total;
    qf_cli_progress_show(&place->progress, done);
}

static struct qf_json hex_of(struct qf_arena *arena, const uint8_t hash[QF_HASH_SIZE])
{
    char *text = qf_arena_alloc(arena, 2UL * QF_HASH_SIZE);
    qf_hex_encode(text, qf_slice_make(hash, QF_HASH_SIZE));
    return qf_json_make_slice(qf_slice_make(text, 2UL * QF_HASH_SIZE));
}

static const char *torn_place(struct qf_arena *arena, const struct qf_audit_report *report)
{
    return qf_arena_printf(arena, "journal/segment-%05u at byte %llu",
                           (unsigned)report->journal_segment,
                           (unsigned long long)report->journal_offset);
}

static void print_json(const struct place *place, const struct qf_audit_report *report,
                       enum qf_status status, const struct qf_error *err)
{
    struct qf_arena arena = {0};
    struct qf_json object = qf_json_make_object();
    qf_json_put(&arena, &object, "valid",
                status == QF_OK        ? qf_json_make_bool(true)
                : status == QF_INVALID ? qf_json_make_bool(false)
                                       : qf_json_make_null());
    if (status != QF_OK) {
        qf_json_put(&arena, &object, "detail", qf_json_make_text(err->detail));
        qf_json_put(&arena, &object, "field", qf_json_make_text(err->field));
    } else {
        qf_json_put(&arena, &object, "accepted", qf_json_make_int((int64_t)report->accepted));
        qf_json_put(&arena, &object, "app_hash", hex_of(&arena, report->head.app_hash));
        qf_json_put(&arena, &object, "checkpoint_size",
                    qf_json_make_int((int64_t)report->checkpoint_size));
        qf_json_put(&arena, &object, "height", qf_json_make_int((int64_t)report->head.height));
        qf_json_put(&arena, &object, "journal_blocks",
                    report->journal ? qf_json_make_int((int64_t)report->journal_blocks)
                                    : qf_json_make_null());
        qf_json_put(&arena, &object, "journal_entries",
                    report->journal ? qf_json_make_int((int64_t)report->journal_entries)
                                    : qf_json_make_null());
        qf_json_put(&arena, &object, "journal_torn",
                    report->journal_torn ? qf_json_make_text(torn_place(&arena, report))
                                         : qf_json_make_null());
        qf_json_put(&arena, &object, "log_root", hex_of(&arena, report->head.root));
        qf_json_put(&arena, &object, "log_size", qf_json_make_int((int64_t)report->head.size));
        qf_json_put(&arena, &object, "refused", qf_json_make_int((int64_t)report->refused));
        qf_json_put(&arena, &object, "signatures", qf_json_make_int((int64_t)report->signatures));
        qf_json_put(&arena, &object, "stamps", qf_json_make_int((int64_t)report->marks));
        qf_json_put(&arena, &object, "stamps_checked",
                    qf_json_make_bool(place->stamps.roots.count > 0));
        qf_json_put(&arena, &object, "stamps_ended", qf_json_make_int((int64_t)place->found.ended));
        qf_json_put(&arena, &object, "state_compared",
                    qf_json_make_bool(report->stored == QF_AUDIT_STATE_SAME));
        qf_json_put(&arena, &object, "state_root", hex_of(&arena, report->head.state_root));
        qf_json_put(&arena, &object, "tiles", qf_json_make_int((int64_t)report->tiles));
    }
    qf_cli_print_json(&object);
    qf_arena_deinit(&arena);
}

static void print_journal(const struct qf_audit_report *report)
{
    struct qf_arena arena = {0};
    if (report->head.size > report->checkpoint_size)
        printf(
            "  journal  %llu of the entries, in %llu blocks, stand in the journal's tail: durable, "
            "and\n           not yet under the checkpoint of %llu entries\n",
            (unsigned long long)report->journal_entries, (unsigned long long)report->journal_blocks,
            (unsigned long long)report->checkpoint_size);
    if (report->journal_torn)
        printf("  torn     the last record, %s, is not whole: it was being\n           written; "
               "nothing shows that it was acknowledged, and a node comes up without it\n",
               torn_place(&arena, report));
    qf_arena_deinit(&arena);
}

static void print_report(const struct qf_audit_report *report)
{
    char app[2 * QF_HASH_SIZE];
    qf_hex_encode(app, qf_slice_make(report->head.app_hash, QF_HASH_SIZE));
    printf("VALID: the whole log was played again from genesis and gives what is signed\n"
           "  entries  %llu in %llu blocks: %llu accepted, %llu refused, every signature checked\n"
           "  tiles    %llu read, every hash computed again\n"
           "  signed   by %zu node key%s that %s\n"
           "  app hash %.*s\n",
           (unsigned long long)report->head.size, (unsigned long long)report->head.height,
           (unsigned long long)report->accepted, (unsigned long long)report->refused,
           (unsigned long long)report->tiles, report->signatures,
           report->signatures == 1 ? "" : "s",
           report->joined ? "the log itself names" : "genesis names", (int)sizeof app, app);
    if (report->stored == QF_AUDIT_STATE_SAME)
        printf("  state    stored as of block %llu: every record is the one that follows\n",
               (unsigned long long)report->stored_height);
    else if (report->stored == QF_AUDIT_STATE_AHEAD)
        printf("  state    not compared: it is of block %llu, past the published checkpoint; start "
               "the\n           node once\n",
               (unsigned long long)report->stored_height);
    print_journal(report);
}

static enum qf_status take_mark(void *arg, const struct qf_checkpoint *checkpoint,
                                const struct qf_timestamp *stamp, struct qf_error *err)
{
    struct place *place = arg;
    (void)stamp;
    (void)err;
    place->marks[place->mark_count] = *checkpoint;
    place->marks[place->mark_count++].origin = (struct qf_slice){NULL, 0};
    return QF_OK;
}

/* The time-stamps before the log, so that the log has all that they cover. */
static enum qf_status check_stamps(struct place *place, struct qf_arena *arena,
                                   struct qf_audit_options *options, const char *dir,
                                   struct qf_error *err)
{
    enum qf_status status = qf_cli_stamps_open(&place->stamps, dir, place->tsa_ca, err);
    if (status == QF_CORRUPT)
        err->status = status = QF_INVALID;
    if (status != QF_OK)
        return status;
    size_t count = qf_stamps_count(place->stamps.stamps);
    place->marks = QF_ARENA_ARRAY(arena, struct qf_checkpoint, count + 1);
    const struct qf_stamps_check check = {.trust = qf_cli_roots_trust(&place->stamps.roots),
                                          .each = take_mark,
                                          .arg = place,
                                          .progress = show_progress,
                                          .progress_arg = place};
    qf_cli_progress_start(&place->progress, "checking time-stamps", count);
    status = qf_stamps_check(place->stamps.stamps, &check, &place->found, err);
    qf_cli_progress_end(&place->progress, count);
    options->marks = place->marks;
    options->mark_count = place->mark_count;
    return status;
}

static void print_stamps(const struct place *place, const struct qf_audit_report *report)
{
    char when[64];
    const struct qf_stamps_found *found = &place->found;
    if (found->stamps == 0)
        return;
    qf_cli_time_text(when, found->last_ms);
    printf(
        "  stamps   %zu time-stamped checkpoints are of this log, with %zu renewals; the newest, "
        "of\n           %llu entries, %s\n",
        report->marks, found->renewals, (unsigned long long)found->last_size, when);
    if (report->marks < found->stamps)
        printf("           %zu more are of entries that this copy does not have\n",
               found->stamps - report->marks);
    if (place->stamps.roots.count == 0)
        printf(
            "           whose they are was not checked: give the authorities' roots, --tsa-ca\n");
    if (found->ended > 0)
        printf("           %zu have ended without a renewal and show nothing any more\n",
               found->ended);
}

static enum qf_status add_folder(struct place *place, const char *path, struct qf_error *err)
{
    enum qf_status status = qf_fs_posix_init(&place->fs[place->fs_count], path, err);
    place->fs_count += status == QF_OK;
    return status;
}

static enum qf_status open_journal(struct place *place, struct qf_arena *arena,
                                   struct qf_audit_options *options, const char *dir,
                                   struct qf_error *err)
{
    if (access(qf_arena_printf(arena, "%s/journal", dir), F_OK) != 0)
        return QF_OK; /* a copy of the log alone */
    enum qf_status status = qf_fs_posix_init(&place->dir, dir, err);
    place->has_dir = status == QF_OK;
    options->journal_fs = &place->dir;
    return status;
}

static enum qf_status open_folder(struct place *place, struct qf_arena *arena,
                                  struct qf_audit_options *options, const char *dir,
                                  const char *trust, struct qf_error *err)
{
    struct qf_config config;
    const char *state = qf_arena_printf(arena, "%s/state/data.mdb", dir);
    if (access(state, F_OK) == 0)
        options->state_dir = qf_arena_printf(arena, "%s/state", dir);
    options->source.read = read_folder;
    enum qf_status status = open_journal(place, arena, options, dir, err);
    if (status != QF_OK)
        return status;
    const char *path = trust != NULL ? trust : qf_arena_printf(arena, "%s/genesis.json", dir);
    status = qf_cli_read(arena, path, GENESIS_SIZE_MAX, &options->genesis, err);
    if (status == QF_OK)
        status = qf_config_load(arena, &config, dir, err);
    if (status != QF_OK)
        return status;
    place->fs = QF_ARENA_ARRAY(arena, struct qf_fs, config.archive_count + 2);
    status = add_folder(place, qf_arena_printf(arena, "%s/log", dir), err);
    for (size_t i = 0; i < config.archive_count && status == QF_OK; i++)
        status = add_folder(place, config.archives[i], err);
    options->has_sm3_tiles = true;
    return status;
}

static enum qf_status open_node(struct place *place, struct qf_arena *arena,
                                struct qf_audit_options *options, const char *url,
                                const char *trust, struct qf_error *err)
{
    options->source.read = read_node;
    enum qf_status status = qf_client_new(&place->client, url, &place->reader, err);
    if (status != QF_OK)
        return status;
    if (trust != NULL)
        return qf_cli_read(arena, trust, GENESIS_SIZE_MAX, &options->genesis, err);
    struct qf_buf body;
    long http = 0;
    qf_buf_init(&body, GENESIS_SIZE_MAX);
    status = qf_client_get(place->client, &body, "/v1/genesis", &http, err);
    if (status == QF_OK)
        status = qf_client_problem(qf_buf_slice(&body), http, err);
    if (status == QF_OK)
        options->genesis = qf_arena_copy(arena, qf_buf_slice(&body));
    qf_buf_deinit(&body);
    return status;
}

static enum qf_status audit(struct place *place, struct qf_arena *arena, const char *where,
                            const char *trust, const char *archive, struct qf_audit_report *report,
                            struct qf_error *err)
{
    const struct qf_verifier_options verifier = {0};
    struct qf_verifier *checker = NULL;
    const char *scratch = getenv("TMPDIR"); /* NOLINT(concurrency-mt-unsafe): before any thread */
    struct qf_audit_options options = {.source.self = place,
                                       .scratch_root = scratch != NULL ? scratch : "/tmp",
                                       .progress = show_progress,
                                       .progress_arg = place};
    bool remote = strncmp(where, "http://", 7) == 0 || strncmp(where, "https://", 8) == 0;
    enum qf_status status = remote ? open_node(place, arena, &options, where, trust, err)
                                   : open_folder(place, arena, &options, where, trust, err);
    if (status == QF_OK && archive != NULL && !remote)
        status = add_folder(place, archive, err);
    if (status == QF_OK)
        status = qf_verifier_new(&checker, &verifier, err);
    if (status == QF_OK && !remote)
        status = check_stamps(place, arena, &options, where, err);
    if (status == QF_OK) {
        options.verifier = checker;
        qf_cli_progress_start(&place->progress, "auditing entries", 0);
        status = qf_audit(&options, report, err);
        qf_cli_progress_end(&place->progress, report->accepted + report->refused);
    }
    qf_verifier_free(checker);
    return status;
}

static void print_all(const struct place *place, const struct qf_audit_report *report)
{
    print_report(report);
    print_stamps(place, report);
}

int qf_cmd_audit(int argc, char **argv)
{
    const char *trust = NULL;
    const char *archive = NULL;
    bool json = false;
    struct place place = {0};
    const struct qf_cli_option options[] = {
        {"--trust", "GENESIS", "the network's genesis document, from where you trust it", &trust,
         NULL},
        {"--archive", "FOLDER", "a folder of full tiles that node.yaml does not list", &archive,
         NULL},
        {"--tsa-ca", "FILE", "DIR: PEM of the roots of the time-stamp authorities that you trust",
         &place.tsa_ca, NULL},
        {"--key", "FILE", "URL: key file or pkcs11: URI that signs what is read", &place.reader.key,
         NULL},
        {"--passphrase-file", "F", "of the key file (or QIFENG_PASSPHRASE_FILE)",
         &place.reader.passphrase_file, NULL},
        {"--json", NULL, "print JSON", NULL, &json},
    };
    static const struct qf_cli_help help = {
        "qifeng audit DIR|URL [--trust GENESIS] [--archive FOLDER] [--tsa-ca FILE] [--key FILE] "
        "[--json]",
        "Plays the whole log again from genesis, of a data directory (the node may be running) or\n"
        "of a node over HTTP, and confirms every signature, result, hash and root, the stored\n"
        "state, and the journal, whose entries after the last checkpoint are counted; a folder\n"
        "that a killed node left is told as it is, and none of its data changes. Time-stamps in "
        "the\n"
        "folder must hold and be of this log. Names the first thing that differs. Exit status 0 it "
        "all agrees, 1 it does not, 3 it could not be read.",
        "  qifeng audit /var/lib/qifeng\n"
        "  qifeng audit http://127.0.0.1:8700 --trust genesis.json --json\n"};
    int count;
    enum qf_exit code;
    if (!qf_cli_parse(&help, options, sizeof options / sizeof options[0], argc, argv, &count,
                      &code))
        return (int)code;
    if (count != 1)
        return (int)qf_cli_usage("usage: %s", help.usage);
    struct qf_arena arena = {0};
    struct qf_error err = {0};
    struct qf_audit_report report = {0};
    enum qf_status status = audit(&place, &arena, argv[0], trust, archive, &report, &err);
    if (json)
        print_json(&place, &report, status, &err);
    else if (status == QF_OK)
        print_all(&place, &report);
    else if (status == QF_INVALID)
        printf("NOT VALID: %s: %s\n", err.field, err.detail);
    for (size_t i = 0; i < place.fs_count; i++)
        qf_fs_posix_deinit(&place.fs[i]);
    if (place.has_dir)
        qf_fs_posix_deinit(&place.dir);
    qf_client_free(place.client);
    qf_cli_stamps_close(&place.stamps);
    qf_arena_deinit(&arena);
    if (status == QF_OK || status == QF_INVALID)
        return status == QF_OK ? QF_EXIT_OK : QF_EXIT_REFUSED;
    return (int)qf_cli_error(&err);
}
