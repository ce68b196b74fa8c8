#include "node/init.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "codec/text.h"
#include "crypto/x509.h"
#include "merkle/note.h"

#define YEAR_MS (365LL * 24 * 3600 * 1000)

struct making {
    const struct qf_init_options *options;
    struct qf_arena arena;
    struct qf_fs fs;
    int64_t now_ms;
    struct qf_error *err;
    struct qf_private_key *admin, *ca, *clock, *note, *tsa;
    struct qf_x509 *ca_cert, *tsa_cert;
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
    struct qf_public_key tsa;
    qf_private_key_public(m->tsa, &tsa);
    spec.use = QF_X509_TIMESTAMP;
    spec.common_name = qf_arena_printf(&m->arena, "%.40s time-stamps", m->options->member);
    spec.not_after_ms = m->now_ms + 10 * YEAR_MS;
    if (status == QF_OK)
        status = serial(number, m->err);
    if (status == QF_OK)
        status = qf_x509_issue(&m->tsa_cert, m->ca_cert, m->ca, &tsa, &spec, m->err);
    if (status != QF_OK)
        return status;
    struct qf_buf pem = {0};
    qf_x509_put_pem(&pem, m->ca_cert);
    status = write_file(m, "keys/ca.crt", qf_buf_slice(&pem));
    qf_buf_reset(&pem);
    qf_x509_put_pem(&pem, m->tsa_cert);
    if (status == QF_OK)
        status = write_file(m, "keys/tsa.crt", qf_buf_slice(&pem));
    qf_buf_deinit(&pem);
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
    enum qf_status status = write_file(m, "genesis.json", qf_buf_slice(&text));
    qf_buf_deinit(&text);
    qf_buf_deinit(&der);
    return status;
}

static const char settings[] =
    "# Settings of this node; docs/OPERATIONS.md explains each. Changes act at the next start.\n"
    "listen: 127.0.0.1:8700\n"
    "note_key: keys/note.pem\n"
    "tsa:\n"
    "  key: keys/tsa.pem\n"
    "  certificate: keys/tsa.crt\n"
    "  chain: keys/ca.crt\n"
    "  actor_key: keys/clock.pem   # of the actor clock, who has no role: each time-stamp is\n"
    "                              # recorded as evidence, and without it none is issued\n"
    "# stamps:              # the log's checkpoints are time-stamped; docs/OPERATIONS.md\n"
    "#   tsa: https://tsa.example/tsr   # or own\n"
    "#   ca: keys/tsa-roots.pem\n"
    "#   every: 1h\n"
    "limits:\n"
    "  key_rate: 2000       # transactions a second that one key may send; 0: any number\n"
    "  key_burst: 20000     # and how many at once\n"
    "  key_kib: 4096        # KiB a second, ten times that at once; 0: any number\n"
    "  verifier_cache: 64   # MiB for tables of the keys that sign often, 52 KiB each\n"
    "# witnesses:           # who cosigns this log's checkpoints; docs/OPERATIONS.md\n"
    "#   - {url: https://witness.court.example, key: court.example/w+1c5e0a9b+BAb…}\n"
    "# webhooks:            # events posted to others; qifeng webhook --help\n"
    "#   - id: archive\n"
    "#     url: https://archive.example.gov/ledger\n"
    "#     secret: keys/archive.secret   # made by: qifeng webhook secret FILE\n"
    "#     events: [evidence, transaction.refused]\n";

static enum qf_status make_all(struct making *m)
{
    const struct qf_init_options *options = m->options;
    enum qf_sig_alg alg = options->suite == QF_SUITE_GM ? QF_ALG_SM2_SM3 : QF_ALG_ES256;
    struct qf_file *file;
    enum qf_status status = qf_fs_posix_init(&m->fs, options->dir, m->err);
    if (status != QF_OK)
        return status;
    if (m->fs.open(m->fs.self, &file, "genesis.json", false) == QF_OK) {
        m->fs.close(m->fs.self, file);
        return qf_fail(m->err, QF_EXISTS, options->dir, "holds a network already (genesis.json)");
    }
    status = m->fs.make_dir(m->fs.self, "keys");
    if (status != QF_OK)
        return qf_fail(m->err, status, options->dir, "cannot make the folder keys");
    if ((status = make_key(m, &m->admin, alg, "admin")) != QF_OK ||
        (status = make_key(m, &m->ca, alg, "ca")) != QF_OK ||
        (status = make_key(m, &m->clock, alg, "clock")) != QF_OK ||
        (status = make_key(m, &m->note, QF_ALG_EDDSA, "note")) != QF_OK ||
        (status = make_key(m, &m->tsa, QF_ALG_ES256, "tsa")) != QF_OK ||
        (status = make_certificates(m)) != QF_OK ||
        (status = write_file(m, "node.yaml", qf_slice_of(settings))) != QF_OK)
        return status;
    /* Last, since its presence says that the folder is a network's. */
    status = write_genesis(m);
    if (status == QF_OK && m->fs.sync_dir(m->fs.self, "") != QF_OK)
        status = qf_fail(m->err, QF_IO, options->dir, "cannot be synced");
    return status;
}

enum qf_status qf_node_init(const struct qf_init_options *options, struct qf_error *err)
{
    struct making m = {.options = options, .err = err};
    if (!qf_id_valid(qf_slice_of(options->network)) || !qf_id_valid(qf_slice_of(options->member)) ||
        strchr(options->member, '/') != NULL)
        return qf_fail(err, QF_USAGE, "--network",
                       "network and member ids are of A-Z a-z 0-9 . _ : - (the network's also /)");
    if (mkdir(options->dir, 0750) != 0 && errno != EEXIST)
        return qf_fail(err, QF_IO, options->dir, "cannot be made: %s", strerrordesc_np(errno));
    m.now_ms = options->clock.now_ms(options->clock.self);
    enum qf_status status = make_all(&m);
    qf_private_key_free(m.admin);
    qf_private_key_free(m.ca);
    qf_private_key_free(m.clock);
    qf_private_key_free(m.note);
    qf_private_key_free(m.tsa);
    qf_x509_free(m.ca_cert);
    qf_x509_free(m.tsa_cert);
    if (m.fs.self != NULL)
        qf_fs_posix_deinit(&m.fs);
    qf_arena_deinit(&m.arena);
    return status;
}
