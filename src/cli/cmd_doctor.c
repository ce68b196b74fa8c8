#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include "api/webhook/sign.h"
#include "api/webhook/state.h"
#include "cli/cli.h"
#include "cli/sender.h"
#include "cli/stamps.h"
#include "crypto/x509.h"
#include "engine/ledger/bundle.h"
#include "merkle/note.h"
#include "merkle/tile.h"
#include "node/config.h"
#include "store/journal.h"
#include "store/state_files.h"

#define GENESIS_SIZE_MAX (4u << 20)
#define DAY_MS (24LL * 3600 * 1000)
#define CERT_WARN_DAYS 30
#define DISK_BAD_MB 256
#define DISK_WARN_MB 2048
#define STAMP_SLACK_MS 600000 /* of an authority that cannot be reached for a while */
#define FILES_WANTED (QF_HTTP_CONNECTIONS_MAX + 256)

enum finding { GOOD, WARNING, BAD };

struct doctor {
    struct qf_arena arena;
    const char *dir;
    const char *passphrase_file;
    const char *key;
    const char *listen;
    struct qf_json genesis;
    struct qf_config config;
    struct qf_introductions introductions;
    struct qf_json findings;
    bool json, bad;
    int64_t now_ms;
    uint64_t log_size; /* as published */
};

static void tell(struct doctor *d, enum finding kind, const char *check, const char *cure,
                 const char *fmt, ...) QF_PRINTF(5, 6);

static void tell(struct doctor *d, enum finding kind, const char *check, const char *cure,
                 const char *fmt, ...)
{
    static const char *const words[] = {"ok", "warning", "bad"};
    char text[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    d->bad = d->bad || kind == BAD;
    if (d->json) {
        struct qf_json finding = qf_json_make_object();
        qf_json_put(&d->arena, &finding, "check", qf_json_make_text(check));
        qf_json_put(&d->arena, &finding, "detail",
                    qf_json_make_text(qf_arena_text(&d->arena, qf_slice_of(text))));
        qf_json_put(&d->arena, &finding, "status", qf_json_make_text(words[kind]));
        if (cure != NULL)
            qf_json_put(&d->arena, &finding, "cure", qf_json_make_text(cure));
        qf_json_append(&d->arena, &d->findings, finding);
        return;
    }
    printf("%-8s %-12s %s\n", words[kind], check, text);
    if (kind != GOOD && cure != NULL)
        printf("%-8s %-12s -> %s\n", "", "", cure);
}

static char *path_of(struct doctor *d, const char *name)
{
    return qf_arena_printf(&d->arena, "%s/%s", d->dir, name);
}

/* ---- files of the data directory ---- */

static bool note_key_known(struct doctor *d, const struct qf_note_key *wanted)
{
    for (size_t i = 0; i < d->introductions.key_count; i++)
        if (memcmp(d->introductions.keys[i].public_key, wanted->public_key, 32) == 0)
            return true;
    const struct qf_json *members = qf_json_get(&d->genesis, "members");
    for (uint32_t i = 0; members != NULL && members->type == QF_JSON_ARRAY && i < members->count;
         i++) {
        const struct qf_json *keys = qf_json_get(&members->items[i], "note_keys");
        for (uint32_t j = 0; keys != NULL && keys->type == QF_JSON_ARRAY && j < keys->count; j++) {
            struct qf_note_key key;
            if (keys->items[j].type == QF_JSON_STRING &&
                qf_note_key_parse(&key, qf_json_text(&keys->items[j]), NULL) == QF_OK &&
                memcmp(key.public_key, wanted->public_key, sizeof key.public_key) == 0)
                return true;
        }
    }
    return false;
}

static void check_genesis(struct doctor *d)
{
    struct qf_error err = {0};
    struct qf_slice text;
    enum qf_status status =
        qf_cli_read(&d->arena, path_of(d, "genesis.json"), GENESIS_SIZE_MAX, &text, &err);
    if (status == QF_OK)
        status = qf_json_parse(&d->arena, &d->genesis, text, QF_JSON_ANY, &err);
    if (status != QF_OK) {
        tell(d, BAD, "genesis",
             "copy the network's genesis.json here, or make one with qifeng init",
             "genesis.json: %s", err.detail);
        return;
    }
    struct qf_slice network;
    if (qf_json_get_text(&d->genesis, "network", &network, NULL) != QF_OK)
        network = qf_slice_of("?");
    tell(d, GOOD, "genesis", NULL, "network %.*s", QF_SLICE_ARGS(network));
}

static void check_certificate(struct doctor *d, const char *name, const char *path)
{
    struct qf_error err = {0};
    struct qf_slice text;
    struct qf_x509 *cert = NULL;
    enum qf_status status = qf_cli_read(&d->arena, path, 8UL * QF_CERT_SIZE_MAX, &text, &err);
    if (status == QF_OK)
        status = qf_x509_import(&cert, text, &err);
    if (status != QF_OK) {
        tell(d, BAD, "certificate", "put a PEM certificate there", "%s: %s", name, err.detail);
        return;
    }
    struct qf_x509_info info;
    qf_x509_read(cert, &info);
    qf_x509_free(cert);
    int64_t days = (info.not_after_ms - d->now_ms) / DAY_MS;
    if (info.not_after_ms < d->now_ms)
        tell(d, BAD, "certificate", "have it renewed by its CA", "%s (%s) ended %lld days ago",
             name, info.subject, (long long)-days);
    else
        tell(d, days < CERT_WARN_DAYS ? WARNING : GOOD, "certificate", "have it renewed in time",
             "%s (%s) ends in %lld days", name, info.subject, (long long)days);
}

static void check_keys(struct doctor *d)
{
    DIR *folder = opendir(path_of(d, "keys"));
    struct stat info;
    size_t good = 0;
    if (folder == NULL) {
        tell(d, BAD, "keys", "restore the folder keys from its backup", "keys: %s",
             strerrordesc_np(errno));
        return;
    }
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) { /* NOLINT: one thread */
        size_t size = strlen(entry->d_name);
        if (size > 4 && strcmp(entry->d_name + size - 4, ".crt") == 0)
            check_certificate(d, entry->d_name,
                              qf_arena_printf(&d->arena, "%s/keys/%s", d->dir, entry->d_name));
        if (size <= 4 || strcmp(entry->d_name + size - 4, ".pem") != 0)
            continue;
        char *path = qf_arena_printf(&d->arena, "%s/keys/%s", d->dir, entry->d_name);
        if (stat(path, &info) != 0)
            tell(d, BAD, "keys", "restore it from its backup", "%s: %s", path,
                 strerrordesc_np(errno));
        else if ((info.st_mode & 077) != 0)
            tell(d, BAD, "keys", qf_arena_printf(&d->arena, "chmod 600 %s", path),
                 "%s can be read by others (mode %03o)", path, info.st_mode & 0777u);
        else
            good++;
    }
    closedir(folder);
    if (good > 0)
        tell(d, GOOD, "keys", NULL, "%zu key files, readable by their owner only", good);
}

static void check_note_key(struct doctor *d)
{
    const char *path =
        d->config.note_key != NULL ? d->config.note_key : path_of(d, "keys/note.pem");
    struct qf_error err = {0};
    struct qf_private_key *key = NULL;
    enum qf_status status = qf_cli_load_key(&key, path, d->passphrase_file, &err);
    if (status == QF_PASSPHRASE) {
        tell(d, WARNING, "note key", "give --passphrase-file, so that it can be looked at",
             "keys/note.pem is encrypted");
        return;
    }
    if (status != QF_OK) {
        tell(d, BAD, "note key", "restore keys/note.pem from its backup", "keys/note.pem: %s",
             err.detail);
        return;
    }
    struct qf_public_key public;
    struct qf_note_key note;
    qf_private_key_public(key, &public);
    qf_private_key_free(key);
    qf_note_key_make(&note, qf_slice_of("x"), QF_NOTE_ED25519, public.bytes);
    if (public.alg != QF_ALG_EDDSA || !note_key_known(d, &note))
        tell(d, BAD, "note key",
             "use the key that genesis names, or have this one added (consortium.propose, "
             "member.change) and introduced (introductions in node.yaml)",
             "keys/note.pem is no note key that genesis or an introduction names: nobody can check "
             "its checkpoints");
    else
        tell(d, GOOD, "note key", NULL, "signs checkpoints under a key that %s",
             d->introductions.count > 0 ? "is introduced" : "genesis names");
}

/* A node that witnesses others signs with a key of its own, which is no log's. */
static void check_witness(struct doctor *d)
{
    struct qf_error err = {0};
    struct qf_private_key *key = NULL;
    struct qf_public_key public;
    struct qf_note_key note;
    if (d->config.witness_key == NULL)
        return;
    enum qf_status status = qf_cli_load_key(&key, d->config.witness_key, d->passphrase_file, &err);
    if (status == QF_PASSPHRASE) {
        tell(d, WARNING, "witness", "give --passphrase-file, so that it can be looked at",
             "%s is encrypted", d->config.witness_key);
        return;
    }
    if (status != QF_OK) {
        tell(d, BAD, "witness", "restore it from its backup; a new one is a new witness", "%s: %s",
             d->config.witness_key, err.detail);
        return;
    }
    qf_private_key_public(key, &public);
    qf_private_key_free(key);
    qf_note_key_make(&note, qf_slice_of("x"), QF_NOTE_ED25519, public.bytes);
    if (public.alg != QF_ALG_EDDSA)
        tell(d, BAD, "witness", "make one with qifeng key create FILE --witness NAME",
             "%s is no Ed25519 key", d->config.witness_key);
    else if (note_key_known(d, &note))
        tell(d, BAD, "witness", "make another with qifeng key create FILE --witness NAME",
             "%s signs this network's checkpoints, too", d->config.witness_key);
    else
        tell(d, GOOD, "witness", NULL, "cosigns as %s: logs of %zu keys", d->config.witness_name,
             d->config.log_count);
}

/* ---- machine ---- */

static void check_disk(struct doctor *d)
{
    struct statvfs disk;
    if (statvfs(d->dir, &disk) != 0) {
        tell(d, BAD, "disk", "make the folder readable", "%s: %s", d->dir, strerrordesc_np(errno));
        return;
    }
    uint64_t free_mb = (uint64_t)disk.f_bavail * disk.f_frsize >> 20;
    tell(d,
         free_mb < DISK_BAD_MB    ? BAD
         : free_mb < DISK_WARN_MB ? WARNING
                                  : GOOD,
         "disk", "free space, enlarge the disk, or move full tiles away with qifeng archive",
         "%llu MB free", (unsigned long long)free_mb);
    if (disk.f_files > 0 && disk.f_favail < 1000)
        tell(d, BAD, "disk", "remove files that are not needed", "only %llu files can be made",
             (unsigned long long)disk.f_favail);
    if (access(d->dir, W_OK) != 0)
        tell(d, WARNING, "disk", "run the node as the user who owns the folder",
             "this user cannot write in %s", d->dir);
}

static void check_machine(struct doctor *d)
{
    struct timex state = {0};
    struct rlimit files;
    int ntp = adjtimex(&state);
    if (ntp >= 0 && (ntp == TIME_ERROR || (state.status & STA_UNSYNC) != 0))
        tell(d, WARNING, "clock", "turn on time synchronisation (systemd-timesyncd, chrony)",
             "the clock is not synchronised with NTP");
    else if (ntp >= 0)
        tell(d, GOOD, "clock", NULL, "synchronised, off by at most %ld ms", state.maxerror / 1000);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < FILES_WANTED)
        tell(d, WARNING, "open files", "raise it with LimitNOFILE= or ulimit -n",
             "at most %llu may be open; %d are wanted for all connections",
             (unsigned long long)files.rlim_cur, FILES_WANTED);
}

/* ---- log and state ---- */

static bool tile_there(struct doctor *d, int level, uint64_t size)
{
    struct qf_tile tile = {.level = level,
                           .index = (size - 1) / QF_TILE_WIDTH,
                           .width = (unsigned)((size - 1) % QF_TILE_WIDTH) + 1};
    for (; tile.width <= QF_TILE_WIDTH; tile.width++) {
        char path[QF_TILE_PATH_SIZE_MAX];
        qf_tile_path(path, &tile);
        if (access(qf_arena_printf(&d->arena, "%s/log/%s", d->dir, path), R_OK) == 0)
            return true;
        for (size_t i = 0; i < d->config.archive_count; i++)
            if (access(qf_arena_printf(&d->arena, "%s/%s", d->config.archives[i], path), R_OK) == 0)
                return true;
    }
    return false;
}

static void check_tiles(struct doctor *d, const char *who, uint64_t size)
{
    const char *cure =
        "if they were archived, list the folder in node.yaml; else restore the log from "
        "a backup and run qifeng audit";
    if (size == 0)
        return;
    if (!tile_there(d, 0, size) || !tile_there(d, QF_TILE_ENTRIES_LEVEL, size))
        tell(d, BAD, "log", cure, "the last tiles of the %llu entries that %s names are missing",
             (unsigned long long)size, who);
}

static bool read_checkpoint(struct doctor *d, uint64_t *size)
{
    struct qf_error err = {0};
    struct qf_slice text;
    struct qf_note note;
    struct qf_checkpoint checkpoint;
    struct qf_verifier *verifier = NULL;
    const struct qf_verifier_options options = {0};
    if (access(path_of(d, "log/checkpoint"), F_OK) != 0) {
        tell(d, WARNING, "checkpoint", "start the node once", "none has been published yet");
        return false;
    }
    enum qf_status status =
        qf_cli_read(&d->arena, path_of(d, "log/checkpoint"), QF_NOTE_SIZE_MAX, &text, &err);
    if (status == QF_OK)
        status = qf_note_parse(&d->arena, &note, text, &err);
    if (status == QF_OK)
        status = qf_checkpoint_parse(&checkpoint, note.text, &err);
    if (status == QF_OK)
        status = qf_verifier_new(&verifier, &options, &err);
    bool good = false;
    for (size_t i = 0; status == QF_OK && i < d->introductions.key_count; i++) {
        uint64_t time_s;
        good = good || qf_note_verify(&note, &d->introductions.keys[i], verifier, &time_s) == QF_OK;
    }
    const struct qf_json *members = qf_json_get(&d->genesis, "members");
    for (uint32_t i = 0; status == QF_OK && members != NULL && i < members->count; i++) {
        const struct qf_json *keys = qf_json_get(&members->items[i], "note_keys");
        for (uint32_t j = 0; keys != NULL && j < keys->count; j++) {
            struct qf_note_key key;
            uint64_t time_s;
            good = good || (keys->items[j].type == QF_JSON_STRING &&
                            qf_note_key_parse(&key, qf_json_text(&keys->items[j]), NULL) == QF_OK &&
                            qf_note_verify(&note, &key, verifier, &time_s) == QF_OK);
        }
    }
    qf_verifier_free(verifier);
    if (!good) {
        tell(d, BAD, "checkpoint", "start the node, which writes a new one; then run qifeng audit",
             "log/checkpoint is not signed by a key that genesis or an introduction names");
        return false;
    }
    *size = checkpoint.size;
    tell(d, GOOD, "checkpoint", NULL, "%llu entries, signed", (unsigned long long)checkpoint.size);
    return true;
}

/* The blocks that are durable and not in the stored state yet: they must follow it without a gap.
 */
static void check_journal(struct doctor *d, uint64_t state_size)
{
    struct qf_fs fs;
    struct qf_journal_report report;
    struct qf_error err = {0};
    static const char restore[] = "restore the data directory from a backup and run qifeng audit";
    if (access(path_of(d, "journal"), R_OK | X_OK) != 0) {
        if (state_size > 0)
            tell(d, BAD, "journal", "restore the data directory from a backup",
                 "the folder journal is missing: acknowledged transactions may be lost");
        return;
    }
    enum qf_status status = qf_fs_posix_init(&fs, d->dir, &err);
    if (status == QF_OK) {
        status = qf_journal_inspect(&report, &fs, "journal", NULL, NULL, NULL, &err);
        qf_fs_posix_deinit(&fs);
    }
    if (status != QF_OK)
        tell(d, BAD, "journal", restore, "%s", err.detail);
    else if (report.blocks == 0)
        tell(d, GOOD, "journal", NULL, "no blocks: the state has them all");
    else if (report.first_leaf > state_size)
        tell(d, BAD, "journal", restore,
             "it begins with entry %llu, and the state ends with %llu: entries between are lost",
             (unsigned long long)report.first_leaf, (unsigned long long)state_size);
    else
        tell(d, GOOD, "journal", NULL,
             "%llu blocks up to height %llu in %zu segments, %llu entries after the state's",
             (unsigned long long)report.blocks, (unsigned long long)report.last_height,
             report.segments,
             (unsigned long long)(report.next_leaf > state_size ? report.next_leaf - state_size
                                                                : 0));
}

/* Whether the log's time-stamps keep up with it, and with the end of certificates. */
static void check_stamps(struct doctor *d)
{
    struct qf_cli_stamps s;
    struct qf_error err = {0};
    struct qf_stamp_link link;
    struct qf_timestamp stamp = {0};
    const struct qf_config_stamps *config = &d->config.stamps;
    const char *see = "see stamps in /v1/health and docs/OPERATIONS.md; qifeng stamp now tries it";
    if (config->tsa == NULL) {
        tell(d, GOOD, "time-stamps", NULL, "none are made: stamps in node.yaml would say by whom");
        return;
    }
    enum qf_status status = qf_cli_stamps_open(&s, d->dir, NULL, &err);
    uint64_t last = status == QF_OK ? qf_stamps_last(s.stamps) : 0;
    if (last > 0)
        status = qf_stamps_load(s.stamps, &d->arena, last, &link, &err);
    if (last > 0 && status == QF_OK)
        status = qf_timestamp_read_claims(&stamp, link.token, &err);
    if (status != QF_OK) {
        tell(d, BAD, "time-stamps", "restore log/stamp from a copy; qifeng stamp verify names it",
             "%s: %s", err.field, err.detail);
    } else if (s.roots.count == 0) {
        tell(d, BAD, "time-stamps", "put the PEM of the authority's roots there",
             "the roots that stamps.ca names cannot be read");
    } else if (last == 0) {
        tell(d, d->log_size > 0 ? WARNING : GOOD, "time-stamps", see, "none was made yet, by %s",
             config->tsa);
    } else {
        int64_t age_ms = d->now_ms - stamp.time_ms;
        bool late = d->log_size > last + 1 && age_ms > 2 * config->every_ms + STAMP_SLACK_MS;
        tell(d, late ? WARNING : GOOD, "time-stamps", see,
             "the newest is of %llu entries, %lld minutes old, by %s", (unsigned long long)last,
             (long long)age_ms / 60000, stamp.authority);
        if (stamp.until_ms - d->now_ms < config->renew_ms)
            tell(d, WARNING, "time-stamps",
                 "the authority must renew its certificate, or stamps.tsa name another",
                 "the certificate of %s ends in %lld days", stamp.authority,
                 (long long)(stamp.until_ms - d->now_ms) / DAY_MS);
    }
    qf_cli_stamps_close(&s);
}

static void check_log(struct doctor *d)
{
    struct qf_error err = {0};
    struct qf_buf text = {0};
    struct qf_json head;
    uint64_t published = 0;
    int64_t size = 0;
    int64_t time_ms = 0;
    if (read_checkpoint(d, &published))
        check_tiles(d, "the checkpoint", published);
    d->log_size = published;
    if (access(path_of(d, "state/data.mdb"), F_OK) != 0) {
        tell(d, GOOD, "state", NULL, "none yet; the node makes it");
        return;
    }
    enum qf_status status = qf_state_files_meta(path_of(d, "state"), &text, "head", &err);
    if (status == QF_OK)
        status = qf_json_parse(&d->arena, &head, qf_buf_slice(&text), QF_JSON_CANONICAL, &err);
    if (status == QF_OK)
        status = qf_json_get_int(&head, "size", &size, &err);
    if (status == QF_OK)
        status = qf_json_get_int(&head, "time", &time_ms, &err);
    if (status == QF_NOT_FOUND) { /* the node has made its databases and not written any block */
        tell(d, GOOD, "state", NULL, "nothing yet; what there is stands in the journal");
        check_journal(d, 0);
        qf_buf_deinit(&text);
        return;
    }
    if (status == QF_IO) { /* nothing is known of the journal then, either */
        tell(d, BAD, "state", "run this as the user who owns the folder", "state: %s", err.detail);
        qf_buf_deinit(&text);
        return;
    }
    if (status != QF_OK) {
        tell(d, BAD, "state", "restore the data directory from a backup and run qifeng audit",
             "state: %s", err.detail);
    } else {
        check_tiles(d, "the state", (uint64_t)size);
        tell(d, GOOD, "state", NULL, "%lld entries; what came after them stands in the journal",
             (long long)size);
        if (time_ms > d->now_ms + 1000)
            tell(d, BAD, "clock", "set the clock and keep it set with NTP",
                 "this computer's clock is %lld s behind the last block",
                 (long long)(time_ms - d->now_ms) / 1000);
    }
    check_journal(d, (uint64_t)size);
    qf_buf_deinit(&text);
}

/* ---- address ---- */

static void check_config(struct doctor *d)
{
    struct qf_error err = {0};
    if (qf_config_load(&d->arena, &d->config, d->dir, &err) == QF_OK) {
        tell(d, GOOD, "settings", NULL, "node.yaml is understood");
        if (d->config.tls.certificate != NULL)
            check_certificate(d, "TLS", d->config.tls.certificate);
        return;
    }
    tell(d, BAD, "settings", "correct it, or remove the line for the default", "%s: %s", err.field,
         err.detail);
    d->config = (struct qf_config){0};
}

/* What the settings bring for the keys of nodes that genesis does not name. */
static void check_introductions(struct doctor *d)
{
    struct qf_error err = {0};
    struct qf_slice genesis;
    struct qf_verifier *verifier = NULL;
    const struct qf_verifier_options options = {0};
    if (d->config.introduction_count == 0)
        return;
    enum qf_status status =
        qf_cli_read(&d->arena, path_of(d, "genesis.json"), GENESIS_SIZE_MAX, &genesis, &err);
    if (status == QF_OK)
        status = qf_verifier_new(&verifier, &options, &err);
    for (size_t i = 0; i < d->config.introduction_count && status == QF_OK; i++) {
        struct qf_slice bundle;
        status =
            qf_cli_read(&d->arena, d->config.introductions[i], QF_BUNDLE_SIZE_MAX, &bundle, &err);
        if (status == QF_OK && bundle.size > 0 && bundle.data[bundle.size - 1] == '\n')
            bundle.size--;
        if (status == QF_OK)
            status =
                qf_introductions_add(&d->arena, &d->introductions, bundle, genesis, verifier, &err);
        if (status != QF_OK)
            tell(d, BAD, "note key",
                 "fetch it from a node that readers know: qifeng bundle --member",
                 "introductions[%zu]: %s: %s", i, err.field, err.detail);
    }
    qf_verifier_free(verifier);
}

static void check_webhook(struct doctor *d, const struct qf_fs *fs,
                          const struct qf_webhook_options *hook)
{
    struct qf_webhook_secrets secrets;
    struct qf_webhook_state state;
    struct qf_error err = {0};
    const char *enable = qf_arena_printf(
        &d->arena, "see qifeng webhook list; then qifeng webhook enable %s %s", d->dir, hook->id);
    if (hook->secret != NULL && qf_webhook_secrets_load(&secrets, hook->secret, &err) != QF_OK)
        tell(d, BAD, "webhooks", "make one with qifeng webhook secret; chmod 600 it", "%s: %s: %s",
             hook->id, err.field, err.detail);
    else if (hook->secret != NULL)
        qf_webhook_secrets_wipe(&secrets);
    if (hook->certificate != NULL)
        check_certificate(d, hook->id, hook->certificate);
    enum qf_status status = qf_webhook_state_load(&state, fs, hook->id, &err);
    if (status == QF_NOT_FOUND)
        tell(d, GOOD, "webhooks", NULL, "%s begins when the node starts", hook->id);
    else if (status != QF_OK)
        tell(d, BAD, "webhooks", enable, "%s: its position file cannot be read", hook->id);
    else if (state.stop != QF_WEBHOOK_RUNS)
        tell(d, BAD, "webhooks", enable, "%s is disabled: %s", hook->id,
             qf_webhook_stop_meaning(state.stop));
    else if (state.failures > 0)
        tell(d, WARNING, "webhooks",
             "mend the receiver or its settings; qifeng webhook test tries it",
             "%s: %u attempts in a row failed: %s", hook->id, state.failures, state.reason);
    else
        tell(d, GOOD, "webhooks", NULL, "%s has delivered up to entry %llu", hook->id,
             (unsigned long long)state.leaf);
}

static void check_webhooks(struct doctor *d)
{
    struct qf_fs fs = {0};
    if (d->config.webhook_count == 0)
        return;
    if (access(path_of(d, "webhooks"), F_OK) != 0) {
        tell(d, GOOD, "webhooks", NULL, "they begin when the node starts");
        return;
    }
    if (qf_fs_posix_init(&fs, path_of(d, "webhooks"), NULL) != QF_OK) {
        tell(d, BAD, "webhooks", "make the folder readable", "webhooks: cannot be read");
        return;
    }
    for (size_t i = 0; i < d->config.webhook_count; i++)
        check_webhook(d, &fs, &d->config.webhooks[i]);
    qf_fs_posix_deinit(&fs);
}

static void check_port(struct doctor *d)
{
    const char *address = d->listen != NULL ? d->listen : d->config.listen;
    if (address == NULL)
        return; /* the settings could not be read */
    const char *colon = strrchr(address, ':');
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *found = NULL;
    if (colon == NULL) {
        tell(d, BAD, "address", "write HOST:PORT", "%s is not HOST:PORT", address);
        return;
    }
    char *host = qf_arena_text(&d->arena, qf_slice_make(address, (size_t)(colon - address)));
    if (getaddrinfo(host, colon + 1, &hints, &found) != 0 || found == NULL) {
        tell(d, BAD, "address", "correct listen in node.yaml", "%s is no address here", address);
        return;
    }
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int one = 1;
    if (fd >= 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    bool bound = fd >= 0 && bind(fd, found->ai_addr, found->ai_addrlen) == 0;
    int reason = errno;
    if (fd >= 0)
        close(fd);
    freeaddrinfo(found);
    if (bound) {
        tell(d, GOOD, "address", NULL, "%s is free", address);
        return;
    }
    if (reason == EADDRINUSE && d->config.tls.certificate != NULL) {
        tell(d, WARNING, "address", "ask it with qifeng doctor https://…",
             "something answers at %s already, perhaps this node", address);
        return;
    }
    struct qf_client *client = NULL;
    struct qf_json network;
    struct qf_slice ours = {0};
    struct qf_slice theirs = {0};
    bool same =
        reason == EADDRINUSE &&
        qf_client_new(&client, qf_arena_printf(&d->arena, "http://%s", address), NULL, NULL) ==
            QF_OK &&
        qf_client_get_json(client, &d->arena, "/v1/network", &network, NULL, NULL) == QF_OK &&
        qf_json_get_text(&network, "id", &theirs, NULL) == QF_OK &&
        qf_json_get_text(&d->genesis, "network", &ours, NULL) == QF_OK &&
        qf_slice_equal(ours, theirs);
    qf_client_free(client);
    if (same)
        tell(d, GOOD, "address", NULL, "a node of this network answers at %s", address);
    else
        tell(d, BAD, "address", "stop what uses it, or give another with --listen or in node.yaml",
             "%s cannot be used: %s", address, strerrordesc_np(reason));
}

/* ---- a node over HTTP ---- */

static enum qf_status examine_node(struct doctor *d, const char *url, struct qf_error *err)
{
    struct qf_client *client = NULL;
    struct qf_json health;
    struct qf_json network;
    const struct qf_client_reader reader = {d->key, d->passphrase_file};
    enum qf_status status = qf_client_new(&client, url, &reader, err);
    if (status == QF_OK)
        status = qf_client_get_json(client, &d->arena, "/v1/network", &network, NULL, err);
    if (status == QF_OK)
        status = qf_client_get_json(client, &d->arena, "/v1/genesis", &d->genesis, NULL, err);
    if (status == QF_OK)
        status = qf_client_get_json(client, &d->arena, "/v1/health", &health, NULL, err);
    qf_client_free(client);
    if (status != QF_OK)
        return status;
    const struct qf_json *problems = qf_json_get(&health, "problems");
    for (uint32_t i = 0; problems != NULL && problems->type == QF_JSON_ARRAY && i < problems->count;
         i++) {
        struct qf_slice detail;
        if (qf_json_get_text(&problems->items[i], "detail", &detail, NULL) == QF_OK)
            tell(d, BAD, "health", "see the node's log", "%.*s", QF_SLICE_ARGS(detail));
    }
    if (qf_json_is_text(qf_json_get(&health, "status"), "ok"))
        tell(d, GOOD, "health", NULL, "the node takes transactions");
    const struct qf_json *keys = qf_json_get(&network, "note_keys");
    struct qf_note_key key;
    bool known = keys != NULL && keys->type == QF_JSON_ARRAY && keys->count > 0 &&
                 keys->items[0].type == QF_JSON_STRING &&
                 qf_note_key_parse(&key, qf_json_text(&keys->items[0]), NULL) == QF_OK &&
                 note_key_known(d, &key);
    tell(d, known ? GOOD : BAD, "note key", "have it added (consortium.propose, member.change)",
         known ? "the node signs checkpoints under a key that genesis names"
               : "the node signs checkpoints under a key that genesis does not name");
    int64_t time_ms;
    if (qf_json_get_int(&network, "time", &time_ms, NULL) == QF_OK && time_ms > d->now_ms + 1000)
        tell(d, BAD, "clock", "set both clocks and keep them set with NTP",
             "the last block is %lld s ahead of this computer's clock",
             (long long)(time_ms - d->now_ms) / 1000);
    return QF_OK;
}

static enum qf_status examine_folder(struct doctor *d, struct qf_error *err)
{
    struct stat info;
    if (stat(d->dir, &info) != 0 || !S_ISDIR(info.st_mode))
        return qf_fail(err, QF_IO, d->dir, "is no folder that can be read");
    check_genesis(d);
    check_config(d);
    check_introductions(d);
    check_keys(d);
    check_note_key(d);
    check_witness(d);
    check_disk(d);
    check_machine(d);
    check_log(d);
    check_stamps(d);
    check_webhooks(d);
    check_port(d);
    return QF_OK;
}

int qf_cmd_doctor(int argc, char **argv)
{
    struct doctor d = {.findings = qf_json_make_array()};
    const struct qf_cli_option options[] = {
        {"--passphrase-file", "F", "of the key files (or QIFENG_PASSPHRASE_FILE)",
         &d.passphrase_file, NULL},
        {"--key", "FILE", "URL: key file or pkcs11: URI that signs what is read", &d.key, NULL},
        {"--listen", "HOST:PORT", "address to try (default: as node.yaml says)", &d.listen, NULL},
        {"--json", NULL, "print JSON", NULL, &d.json},
    };
    static const struct qf_cli_help help = {
        "qifeng doctor DIR|URL [options]",
        "Looks for what stops a node or will: permissions, keys, certificates, clock, disk, log\n"
        "and state, webhooks, address. Says for each what cures it. Exit status 1 when something "
        "is bad.",
        "  qifeng doctor /var/lib/qifeng\n"
        "  qifeng doctor http://127.0.0.1:8700\n"};
    int count;
    enum qf_exit code;
    if (!qf_cli_parse(&help, options, sizeof options / sizeof options[0], argc, argv, &count,
                      &code))
        return (int)code;
    if (count != 1)
        return (int)qf_cli_usage("usage: %s", help.usage);
    struct qf_error err = {0};
    struct qf_clock clock = qf_clock_system();
    d.now_ms = clock.now_ms(clock.self);
    d.dir = argv[0];
    bool remote = strncmp(d.dir, "http://", 7) == 0 || strncmp(d.dir, "https://", 8) == 0;
    enum qf_status status = remote ? examine_node(&d, d.dir, &err) : examine_folder(&d, &err);
    if (status == QF_OK && d.json) {
        struct qf_json object = qf_json_make_object();
        qf_json_put(&d.arena, &object, "findings", d.findings);
        qf_json_put(&d.arena, &object, "ok", qf_json_make_bool(!d.bad));
        qf_cli_print_json(&object);
    }
    qf_arena_deinit(&d.arena);
    if (status != QF_OK)
        return (int)qf_cli_error(&err);
    return d.bad ? QF_EXIT_REFUSED : QF_EXIT_OK;
}
