#include "node/init.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "codec/text.h"
#include "codec/utf8.h"
#include "crypto/x509.h"
#include "kernel/schema.h"
#include "merkle/note.h"

#define YEAR_MS (365LL * 24 * 3600 * 1000)
/* What X.509 leaves for common name and organization (RFC 5280, ub-common-name). */
#define CERT_NAME_MAX 64
_Static_assert(QF_MEMBER_ID_SIZE_MAX <= CERT_NAME_MAX, "a member's CA is named after it");

/* All that is made before genesis.json. Of a run that was cut short the draft of genesis.json
 * stands beside them: it is the first file to be made and becomes genesis.json at the end. */
static const char *const made_files[] = {
    "keys/admin.pem",  "keys/ca.pem",     "keys/clock.pem",     "keys/note.pem",
    "keys/tsa.pem",    "keys/ca.crt",     "keys/tsa.crt",       "node.yaml",
    "keys/tsa-ca.pem", "keys/tsa-ca.crt", "keys/tsa-chain.crt",
};
#define MADE_COUNT (sizeof made_files / sizeof made_files[0])
#define GENESIS "genesis.json"
#define DRAFT GENESIS ".tmp" /* as qf_fs_replace names it */

struct making {
    const struct qf_init_options *options;
    struct qf_arena arena;
    struct qf_fs fs;
    int64_t now_ms;
    struct qf_error *err;
    struct qf_private_key *admin, *ca, *clock, *note, *tsa, *tsa_ca;
    struct qf_x509 *ca_cert, *tsa_cert, *tsa_ca_cert;
};

static enum qf_status make_key(struct making *m, struct qf_private_key **out, enum qf_sig_alg alg,
                               const char *name)
{
    char *path = qf_arena_printf(&m->arena, "%s/keys/%s.pem", m->options->dir, name);
    enum qf_status status = qf_private_key_generate(out, alg, m->err);
    return status == QF_OK ? qf_private_key_save(*out, path, m->options->passphrase, m->err)
                           : status;
}

static enum qf_status write_file(struct making *m, const char *path, struct qf_slice bytes)
{
    struct qf_file *file;
    enum qf_status status = m->fs.open(m->fs.self, &file, path, true);
    if (status == QF_OK) {
        status = m->fs.write(m->fs.self, file, bytes, 0);
        if (status == QF_OK)
            status = m->fs.sync(m->fs.self, file);
        m->fs.close(m->fs.self, file);
    }
    return status == QF_OK ? QF_OK : qf_fail(m->err, status, path, "cannot be written");
}

static enum qf_status serial(uint8_t out[16], struct qf_error *err)
{
    struct qf_random random = qf_random_system();
    enum qf_status status = random.fill(random.self, out, 16);
    return status == QF_OK ? QF_OK : qf_fail(err, status, "", "no random numbers");
}

static enum qf_status write_pem(struct making *m, const char *path,
                                const struct qf_x509 *const *certs, size_t count)
{
    struct qf_buf pem = {0};
    for (size_t i = 0; i < count; i++)
        qf_x509_put_pem(&pem, certs[i]);
    enum qf_status status = write_file(m, path, qf_buf_slice(&pem));
    qf_buf_deinit(&pem);
    return status;
}

/* The openssl program cannot check SM2's signatures on a time-stamp authority's certificate. In
 * suite gm that comes from a P-256 root of its own, keys/tsa-ca.crt, for who verifies with it; the
 * member's CA certifies the same key, so that tokens lead there as well. */
static enum qf_status make_tsa_root(struct making *m, struct qf_x509_spec *spec)
{
    struct qf_x509 *cross = NULL;
    struct qf_public_key key;
    qf_private_key_public(m->tsa_ca, &key);
    spec->common_name = qf_arena_printf(&m->arena, "%.40s time-stamp root", m->options->member);
    enum qf_status status = qf_x509_make_root(&m->tsa_ca_cert, m->tsa_ca, spec, m->err);
    if (status == QF_OK)
        status = qf_x509_issue(&cross, m->ca_cert, m->ca, &key, spec, m->err);
    if (status == QF_OK)
        status = write_pem(m, "keys/tsa-ca.crt", (const struct qf_x509 *[]){m->tsa_ca_cert}, 1);
    if (status == QF_OK)
        status =
            write_pem(m, "keys/tsa-chain.crt", (const struct qf_x509 *[]){cross, m->ca_cert}, 2);
    qf_x509_free(cross);
    return status;
}

static enum qf_status make_certificates(struct making *m)
{
    uint8_t number[16];
    struct qf_x509_spec spec = {.use = QF_X509_CA,
                                .common_name = m->options->member,
                                .organization = m->options->member_name,
                                .serial = number,
                                .serial_size = sizeof number,
                                .not_before_ms = m->now_ms - 3600000,
                                .not_after_ms = m->now_ms + 20 * YEAR_MS};
    enum qf_status status = serial(number, m->err);
    if (status == QF_OK)
        status = qf_x509_make_root(&m->ca_cert, m->ca, &spec, m->err);
    if (status == QF_OK)
        status = serial(number, m->err);
    if (status == QF_OK && m->tsa_ca != NULL)
        status = make_tsa_root(m, &spec);
    struct qf_public_key tsa;
    qf_private_key_public(m->tsa, &tsa);
    spec.use = QF_X509_TIMESTAMP;
    spec.common_name = qf_arena_printf(&m->arena, "%.40s time-stamps", m->options->member);
    spec.not_after_ms = m->now_ms + 10 * YEAR_MS;
    if (status == QF_OK)
        status = serial(number, m->err);
    if (status == QF_OK)
        status = m->tsa_ca != NULL
                     ? qf_x509_issue(&m->tsa_cert, m->tsa_ca_cert, m->tsa_ca, &tsa, &spec, m->err)
                     : qf_x509_issue(&m->tsa_cert, m->ca_cert, m->ca, &tsa, &spec, m->err);
    if (status == QF_OK)
        status = write_pem(m, "keys/ca.crt", (const struct qf_x509 *[]){m->ca_cert}, 1);
    if (status == QF_OK)
        status = write_pem(m, "keys/tsa.crt", (const struct qf_x509 *[]){m->tsa_cert}, 1);
    return status;
}

static struct qf_json note_key(struct making *m)
{
    struct qf_public_key public;
    struct qf_note_key key;
    struct qf_buf text = {0};
    qf_private_key_public(m->note, &public);
    /* Named after the log, as others' tools expect; nodes of one network differ in the key id. */
    qf_note_key_make(&key, qf_slice_of(m->options->network), QF_NOTE_ED25519, public.bytes);
    qf_note_key_put(&text, &key);
    struct qf_slice copy = qf_arena_copy(&m->arena, qf_buf_slice(&text));
    qf_buf_deinit(&text);
    return qf_json_make_slice(copy);
}

static struct qf_json make_actor(struct making *m, const char *id, const struct qf_private_key *key)
{
    struct qf_json actor = qf_json_make_object();
    struct qf_public_key public;
    qf_private_key_public(key, &public);
    qf_json_put(&m->arena, &actor, "actor", qf_json_make_text(id));
    qf_json_put(&m->arena, &actor, "key", qf_public_key_to_jwk(&m->arena, &public));
    return actor;
}

static enum qf_status write_genesis(struct making *m)
{
    struct qf_arena *arena = &m->arena;
    struct qf_json member = qf_json_make_object();
    struct qf_json members = qf_json_make_array();
    struct qf_json genesis = qf_json_make_object();
    struct qf_json keys = qf_json_make_array();
    struct qf_buf der = {0};
    struct qf_buf text = {0};
    const char *name = m->options->member_name;
    struct qf_json actors = qf_json_make_array();
    qf_json_append(arena, &actors, make_actor(m, "clock", m->clock));
    qf_x509_put_der(&der, m->ca_cert);
    qf_buf_put_base64(&text, qf_buf_slice(&der));
    qf_json_append(arena, &keys, note_key(m));
    qf_json_put(arena, &member, "actors", actors);
    qf_json_put(arena, &member, "admin", make_actor(m, "admin", m->admin));
    qf_json_put(arena, &member, "ca",
                qf_json_make_slice(qf_arena_copy(arena, qf_buf_slice(&text))));
    qf_json_put(arena, &member, "id", qf_json_make_text(m->options->member));
    qf_json_put(arena, &member, "kind", qf_json_make_text("authority"));
    qf_json_put(arena, &member, "name",
                qf_json_make_text(name != NULL ? name : m->options->member));
    qf_json_put(arena, &member, "note_keys", keys);
    qf_json_put(arena, &member, "weight", qf_json_make_int(1));
    qf_json_append(arena, &members, member);
    qf_json_put(arena, &genesis, "format", qf_json_make_text("qf-genesis-1"));
    qf_json_put(arena, &genesis, "members", members);
    qf_json_put(arena, &genesis, "network", qf_json_make_text(m->options->network));
    qf_json_put(arena, &genesis, "suite", qf_json_make_text(qf_suite_name(m->options->suite)));
    qf_json_put(arena, &genesis, "time", qf_json_make_int(m->now_ms));
    qf_buf_reset(&text);
    qf_json_write(&text, &genesis);
    enum qf_status status = qf_fs_replace(&m->fs, GENESIS, qf_buf_slice(&text), true);
    if (status != QF_OK)
        status = qf_fail(m->err, status, GENESIS, "cannot be written");
    qf_buf_deinit(&text);
    qf_buf_deinit(&der);
    return status;
}

/* With the path of the authority's chain. */
#define SETTINGS                                                                                   \
    "# Settings of this node; docs/OPERATIONS.md explains each. Changes act at the next start.\n"  \
    "listen: 127.0.0.1:8700\n"                                                                     \
    "note_key: keys/note.pem\n"                                                                    \
    "tsa:\n"                                                                                       \
    "  key: keys/tsa.pem\n"                                                                        \
    "  certificate: keys/tsa.crt\n"                                                                \
    "  chain: %s\n"                                                                                \
    "  actor_key: keys/clock.pem   # of the actor clock, who has no role: each time-stamp is\n"    \
    "                              # recorded as evidence, and without it none is issued\n"        \
    "# stamps:              # the log's checkpoints are time-stamped; docs/OPERATIONS.md\n"        \
    "#   tsa: https://tsa.example/tsr   # or own\n"                                                \
    "#   ca: keys/tsa-roots.pem\n"                                                                 \
    "#   every: 1h\n"                                                                              \
    "limits:\n"                                                                                    \
    "  key_rate: 2000       # transactions a second that one key may send; 0: any number\n"        \
    "  key_burst: 20000     # and how many at once\n"                                              \
    "  key_kib: 4096        # KiB a second, ten times that at once; 0: any number\n"               \
    "  verifier_cache: 64   # MiB for tables of the keys that sign often, 52 KiB each\n"           \
    "# witnesses:           # who cosigns this log's checkpoints; docs/OPERATIONS.md\n"            \
    "#   - {url: https://witness.court.example, key: court.example/w+1c5e0a9b+BAb…}\n"           \
    "# webhooks:            # events posted to others; qifeng webhook --help\n"                    \
    "#   - id: archive\n"                                                                          \
    "#     url: https://archive.example.gov/ledger\n"                                              \
    "#     secret: keys/archive.secret   # made by: qifeng webhook secret FILE\n"                  \
    "#     events: [evidence, transaction.refused]\n"

static bool is_there(struct making *m, const char *path)
{
    struct qf_file *file;
    if (m->fs.open(m->fs.self, &file, path, false) != QF_OK)
        return false;
    m->fs.close(m->fs.self, file);
    return true;
}

static enum qf_status remove_file(struct making *m, const char *path)
{
    enum qf_status status = is_there(m, path) ? m->fs.remove(m->fs.self, path) : QF_OK;
    return status == QF_OK ? QF_OK
                           : qf_fail(m->err, status, path,
                                     "was left by an init that was cut short, and cannot be "
                                     "removed");
}

/* Nothing of somebody else's is in the way, and nothing is left of a run that was cut short: its
 * keys were never used, since there is no genesis. */
static enum qf_status clear_place(struct making *m)
{
    enum qf_status status = QF_OK;
    if (is_there(m, GENESIS))
        return qf_fail(m->err, QF_EXISTS, m->options->dir,
                       "holds a network already (genesis.json); want another folder");
    bool cut_short = is_there(m, DRAFT);
    for (size_t i = 0; i < MADE_COUNT && status == QF_OK; i++) {
        if (!cut_short && is_there(m, made_files[i]))
            return qf_fail(m->err, QF_EXISTS,
                           qf_arena_printf(&m->arena, "%s/%s", m->options->dir, made_files[i]),
                           "is there already, and nothing is overwritten; move it away");
        if (cut_short)
            status = remove_file(m, made_files[i]);
        if (cut_short && status == QF_OK) /* the draft of a key file */
            status = remove_file(m, qf_arena_printf(&m->arena, "%s.new", made_files[i]));
    }
    if (status == QF_OK)
        status = write_file(m, DRAFT, (struct qf_slice){0});
    if (status == QF_OK && m->fs.sync_dir(m->fs.self, "") != QF_OK)
        status = qf_fail(m->err, QF_IO, m->options->dir, "cannot be synced");
    return status;
}

static enum qf_status make_all(struct making *m)
{
    const struct qf_init_options *options = m->options;
    enum qf_sig_alg alg = options->suite == QF_SUITE_GM ? QF_ALG_SM2_SM3 : QF_ALG_ES256;
    enum qf_status status = qf_fs_posix_init(&m->fs, options->dir, m->err);
    if (status == QF_OK)
        status = clear_place(m);
    if (status != QF_OK)
        return status;
    status = m->fs.make_dir(m->fs.self, "keys");
    if (status != QF_OK)
        return qf_fail(m->err, status, options->dir, "cannot make the folder keys");
    if ((status = make_key(m, &m->admin, alg, "admin")) != QF_OK ||
        (status = make_key(m, &m->ca, alg, "ca")) != QF_OK ||
        (status = make_key(m, &m->clock, alg, "clock")) != QF_OK ||
        (status = make_key(m, &m->note, QF_ALG_EDDSA, "note")) != QF_OK ||
        (status = make_key(m, &m->tsa, QF_ALG_ES256, "tsa")) != QF_OK ||
        (options->suite == QF_SUITE_GM &&
         (status = make_key(m, &m->tsa_ca, QF_ALG_ES256, "tsa-ca")) != QF_OK) ||
        (status = make_certificates(m)) != QF_OK)
        return status;
    const char *chain = m->tsa_ca != NULL ? "keys/tsa-chain.crt" : "keys/ca.crt";
    status = write_file(m, "node.yaml", qf_slice_of(qf_arena_printf(&m->arena, SETTINGS, chain)));
    if (status != QF_OK)
        return status;
    if (m->fs.sync_dir(m->fs.self, "keys") != QF_OK)
        return qf_fail(m->err, QF_IO, options->dir, "cannot be synced");
    /* Last, since its presence says that the folder is a network's. */
    return write_genesis(m);
}

static enum qf_status check_options(const struct qf_init_options *options, struct qf_error *err)
{
    struct qf_slice name = qf_slice_of(options->member_name != NULL ? options->member_name : "-");
    size_t characters = 0;
    if (!qf_id_valid(qf_slice_of(options->network)))
        return qf_fail(err, QF_USAGE, "--network", "want 1 to %d of A-Z a-z 0-9 . _ : / -",
                       QF_ID_SIZE_MAX);
    if (!qf_member_id_valid(qf_slice_of(options->member)))
        return qf_fail(err, QF_USAGE, "--member",
                       "want 1 to %d of A-Z a-z 0-9 . _ - that begin with a letter or digit",
                       QF_MEMBER_ID_SIZE_MAX);
    for (const uint8_t *at = name.data; at < name.data + name.size; characters++) {
        size_t size = qf_utf8_size(at, name.data + name.size);
        if (size == 0)
            return qf_fail(err, QF_USAGE, "--name", "want UTF-8");
        at += size;
    }
    if (characters == 0 || characters > CERT_NAME_MAX)
        return qf_fail(err, QF_USAGE, "--name", "want 1 to %d characters", CERT_NAME_MAX);
    return QF_OK;
}

enum qf_status qf_node_init(const struct qf_init_options *options, struct qf_error *err)
{
    struct making m = {.options = options, .err = err};
    enum qf_status status = check_options(options, err);
    if (status != QF_OK)
        return status;
    if (mkdir(options->dir, 0750) != 0 && errno != EEXIST)
        return qf_fail(err, QF_IO, options->dir, "cannot be made: %s", strerrordesc_np(errno));
    m.now_ms = options->clock.now_ms(options->clock.self);
    /* A second init, or a node that is served already, must not meet what is half made. */
    int folder = open(options->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder >= 0 && flock(folder, LOCK_EX | LOCK_NB) != 0)
        status = qf_fail(err, QF_UNAVAILABLE, options->dir, "another program is at work in it");
    if (status == QF_OK)
        status = make_all(&m);
    if (folder >= 0)
        close(folder);
    qf_private_key_free(m.admin);
    qf_private_key_free(m.ca);
    qf_private_key_free(m.clock);
    qf_private_key_free(m.note);
    qf_private_key_free(m.tsa);
    qf_private_key_free(m.tsa_ca);
    qf_x509_free(m.ca_cert);
    qf_x509_free(m.tsa_cert);
    qf_x509_free(m.tsa_ca_cert);
    if (m.fs.self != NULL)
        qf_fs_posix_deinit(&m.fs);
    qf_arena_deinit(&m.arena);
    return status;
}
