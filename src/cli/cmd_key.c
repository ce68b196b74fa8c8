#include <stdio.h>

#include "cli/cli.h"
#include "merkle/note.h"

/* How a key is shown. */
struct showing {
    const char *witness; /* name under which it cosigns; NULL: it does not */
    const char *log;     /* name under which it signs checkpoints */
    bool json, jwk_only;
};

/* The C2SP verifier key, as others configure it; NULL when it was not asked for. */
static char *verifier_key(struct qf_arena *arena, const struct qf_public_key *public,
                          const struct showing *how)
{
    const char *name = how->witness != NULL ? how->witness : how->log;
    struct qf_note_key key;
    struct qf_buf text = {0};
    if (name == NULL)
        return NULL;
    qf_note_key_make(&key, qf_slice_of(name),
                     how->witness != NULL ? QF_NOTE_COSIGNATURE : QF_NOTE_ED25519, public->bytes);
    qf_note_key_put(&text, &key);
    char *copy = qf_arena_text(arena, qf_buf_slice(&text));
    qf_buf_deinit(&text);
    return copy;
}

/* A name that others' tools take: the verifier key must be readable again. */
static enum qf_status check_name(const struct showing *how, const struct qf_private_key *key,
                                 struct qf_error *err)
{
    struct qf_arena arena = {0};
    struct qf_public_key public;
    struct qf_note_key parsed;
    enum qf_status status = QF_OK;
    const char *option = how->witness != NULL ? "--witness" : "--log";
    qf_private_key_public(key, &public);
    if (public.alg != QF_ALG_EDDSA)
        status = qf_fail(err, QF_UNSUPPORTED_ALG, option,
                         "notes are signed with Ed25519; make a key with --alg EdDSA");
    else if (qf_note_key_parse(&parsed, qf_slice_of(verifier_key(&arena, &public, how)), NULL) !=
             QF_OK)
        status = qf_fail(err, QF_USAGE, option,
                         "a name has 1 to 256 bytes, no spaces and no plus; such as "
                         "court.example/witness");
    qf_arena_deinit(&arena);
    return status;
}

static enum qf_status show(const struct qf_private_key *key, const struct showing *how,
                           struct qf_error *err)
{
    if (how->witness != NULL || how->log != NULL) {
        enum qf_status status = check_name(how, key, err);
        if (status != QF_OK)
            return status;
    }
    struct qf_arena arena = {0};
    struct qf_public_key public;
    char kid[QF_KID_SIZE + 1];
    qf_private_key_public(key, &public);
    qf_public_key_kid(kid, &public);
    struct qf_json jwk = qf_public_key_to_jwk(&arena, &public);
    char *vkey = verifier_key(&arena, &public, how);
    if (how->jwk_only) {
        qf_cli_print_json(&jwk);
    } else if (how->json) {
        struct qf_json object = qf_json_make_object();
        qf_json_put(&arena, &object, "alg", qf_json_make_text(qf_sig_alg_name(public.alg)));
        qf_json_put(&arena, &object, "jwk", jwk);
        qf_json_put(&arena, &object, "kid", qf_json_make_text(kid));
        if (vkey != NULL)
            qf_json_put(&arena, &object, "vkey", qf_json_make_text(vkey));
        qf_cli_print_json(&object);
    } else {
        printf("kid  %s\nalg  %s\njwk  ", kid, qf_sig_alg_name(public.alg));
        fflush(stdout);
        qf_cli_print_json(&jwk);
        if (vkey != NULL)
            printf("vkey %s\n", vkey);
    }
    qf_arena_deinit(&arena);
    return QF_OK;
}

static enum qf_status load(struct qf_private_key **out, struct qf_arena *arena, const char *path,
                           const char *passphrase_file, struct qf_error *err)
{
    struct qf_slice passphrase;
    bool none;
    enum qf_status status = qf_cli_passphrase(arena, passphrase_file, &passphrase, &none, err);
    if (status != QF_OK)
        return status;
    return strncmp(path, "pkcs11:", 7) == 0 ? qf_private_key_open_pkcs11(out, path, passphrase, err)
                                            : qf_private_key_load(out, path, passphrase, err);
}

enum qf_status qf_cli_load_key(struct qf_private_key **out, const char *path,
                               const char *passphrase_file, struct qf_error *err)
{
    struct qf_arena arena = {0};
    enum qf_status status = load(out, &arena, path, passphrase_file, err);
    qf_arena_deinit(&arena);
    return status;
}

static enum qf_status create(const char *path, const char *alg_name, const char *passphrase_file,
                             bool plain, const struct showing *how, struct qf_error *err)
{
    struct qf_arena arena = {0};
    struct qf_private_key *key = NULL;
    struct qf_slice passphrase;
    enum qf_sig_alg alg;
    bool none;
    enum qf_status status = QF_OK;
    if (strncmp(path, "pkcs11:", 7) == 0)
        return qf_fail(err, QF_USAGE, "FILE",
                       "in a token a key is made by the token's own tools, such as pkcs11-tool "
                       "--keypairgen; show and export take its URI");
    if (!qf_sig_alg_parse(&alg, qf_slice_of(alg_name)))
        status = qf_fail(err, QF_USAGE, "--alg", "want ES256, EdDSA or SM2-SM3");
    if (status == QF_OK)
        status = qf_cli_passphrase(&arena, passphrase_file, &passphrase, &none, err);
    if (status == QF_OK && none && !plain)
        status = qf_fail(err, QF_USAGE, "--passphrase-file",
                         "want a passphrase file, or --no-passphrase to try things out");
    if (status == QF_OK && plain) {
        fprintf(stderr, "qifeng: warning: the key file is not encrypted\n");
        passphrase = (struct qf_slice){0};
    }
    FILE *there = status == QF_OK ? fopen(path, "rbe") : NULL;
    if (there != NULL) {
        fclose(there);
        status = qf_fail(err, QF_EXISTS, path, "is there already");
    }
    if (status == QF_OK)
        status = qf_private_key_generate(&key, alg, err);
    if (status == QF_OK && (how->witness != NULL || how->log != NULL))
        status = check_name(how, key, err); /* before anything is written */
    if (status == QF_OK)
        status = qf_private_key_save(key, path, passphrase, err);
    if (status == QF_OK)
        status = show(key, how, err);
    qf_private_key_free(key);
    qf_arena_deinit(&arena);
    return status;
}

int qf_cmd_key(int argc, char **argv)
{
    const char *alg = NULL;
    const char *passphrase_file = NULL;
    bool plain = false;
    struct showing how = {0};
    const struct qf_cli_option options[] = {
        {"--alg", "ES256|EdDSA|SM2-SM3", "algorithm of a new key (default ES256)", &alg, NULL},
        {"--passphrase-file", "F", "of the key file (or QIFENG_PASSPHRASE_FILE)", &passphrase_file,
         NULL},
        {"--no-passphrase", NULL, "write a plain key file: for trying out only", NULL, &plain},
        {"--witness", "NAME", "a key that cosigns others' logs under this name (Ed25519)",
         &how.witness, NULL},
        {"--log", "NAME", "a key that signs checkpoints under this name (Ed25519)", &how.log, NULL},
        {"--json", NULL, "print JSON", NULL, &how.json},
    };
    static const struct qf_cli_help help = {
        "qifeng key create|show|export FILE [options]",
        "Keys that sign transactions. create makes one and shows it; show prints kid (RFC 7638\n"
        "thumbprint), algorithm and public JWK; export prints the public JWK alone. FILE may be a\n"
        "pkcs11: URI for show and export. With --witness or --log the C2SP verifier key is printed "
        "too,\n"
        "which those configure who verify its signatures.",
        "  qifeng key create li.pem --passphrase-file pass\n"
        "  qifeng key create keys/witness.pem --witness court.example/w --passphrase-file pass\n"
        "  qifeng key show li.pem --json\n"
        "  qifeng key export 'pkcs11:token=planning;object=li;type=private' > li.jwk\n"};
    int count;
    enum qf_exit code;
    if (!qf_cli_parse(&help, options, sizeof options / sizeof options[0], argc, argv, &count,
                      &code))
        return (int)code;
    if (count != 2)
        return (int)qf_cli_usage("usage: %s", help.usage);
    struct qf_error err = {0};
    struct qf_private_key *key = NULL;
    enum qf_status status;
    if (how.witness != NULL && how.log != NULL)
        return (int)qf_cli_usage("--witness or --log, not both: a key must not do both");
    how.jwk_only = strcmp(argv[0], "export") == 0;
    if (alg == NULL)
        alg = how.witness != NULL || how.log != NULL ? "EdDSA" : "ES256";
    if (strcmp(argv[0], "create") == 0) {
        status = create(argv[1], alg, passphrase_file, plain, &how, &err);
    } else if (strcmp(argv[0], "show") == 0 || strcmp(argv[0], "export") == 0) {
        status = qf_cli_load_key(&key, argv[1], passphrase_file, &err);
        if (status == QF_OK)
            status = show(key, &how, &err);
        qf_private_key_free(key);
    } else {
        return (int)qf_cli_usage("usage: %s", help.usage);
    }
    return status == QF_OK ? QF_EXIT_OK : (int)qf_cli_error(&err);
}
