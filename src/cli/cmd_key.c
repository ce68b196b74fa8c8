#include <stdio.h>

#include "cli/cli.h"

static enum qf_status show(const struct qf_private_key *key, bool json, bool jwk_only)
{
    struct qf_arena arena = {0};
    struct qf_public_key public;
    char kid[QF_KID_SIZE + 1];
    qf_private_key_public(key, &public);
    qf_public_key_kid(kid, &public);
    struct qf_json jwk = qf_public_key_to_jwk(&arena, &public);
    if (jwk_only) {
        qf_cli_print_json(&jwk);
    } else if (json) {
        struct qf_json object = qf_json_make_object();
        qf_json_put(&arena, &object, "alg", qf_json_make_text(qf_sig_alg_name(public.alg)));
        qf_json_put(&arena, &object, "jwk", jwk);
        qf_json_put(&arena, &object, "kid", qf_json_make_text(kid));
        qf_cli_print_json(&object);
    } else {
        printf("kid  %s\nalg  %s\njwk  ", kid, qf_sig_alg_name(public.alg));
        fflush(stdout);
        qf_cli_print_json(&jwk);
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
                             bool plain, bool json, struct qf_error *err)
{
    struct qf_arena arena = {0};
    struct qf_private_key *key = NULL;
    struct qf_slice passphrase;
    enum qf_sig_alg alg;
    bool none;
    enum qf_status status = QF_OK;
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
    if (status == QF_OK)
        status = qf_private_key_save(key, path, passphrase, err);
    if (status == QF_OK)
        status = show(key, json, false);
    qf_private_key_free(key);
    qf_arena_deinit(&arena);
    return status;
}

int qf_cmd_key(int argc, char **argv)
{
    const char *alg = "ES256";
    const char *passphrase_file = NULL;
    bool plain = false;
    bool json = false;
    const struct qf_cli_option options[] = {
        {"--alg", "ES256|EdDSA|SM2-SM3", "algorithm of a new key (default ES256)", &alg, NULL},
        {"--passphrase-file", "F", "of the key file (or QIFENG_PASSPHRASE_FILE)", &passphrase_file,
         NULL},
        {"--no-passphrase", NULL, "write a plain key file: for trying out only", NULL, &plain},
        {"--json", NULL, "print JSON", NULL, &json},
    };
    static const struct qf_cli_help help = {
        "qifeng key create|show|export FILE [options]",
        "Keys that sign transactions. create makes one and shows it; show prints kid (RFC 7638\n"
        "thumbprint), algorithm and public JWK; export prints the public JWK alone. FILE may be a\n"
        "pkcs11: URI for show and export.",
        "  qifeng key create li.pem --passphrase-file pass\n"
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
    if (strcmp(argv[0], "create") == 0) {
        status = create(argv[1], alg, passphrase_file, plain, json, &err);
    } else if (strcmp(argv[0], "show") == 0 || strcmp(argv[0], "export") == 0) {
        status = qf_cli_load_key(&key, argv[1], passphrase_file, &err);
        if (status == QF_OK)
            status = show(key, json, strcmp(argv[0], "export") == 0);
        qf_private_key_free(key);
    } else {
        return (int)qf_cli_usage("usage: %s", help.usage);
    }
    return status == QF_OK ? QF_EXIT_OK : (int)qf_cli_error(&err);
}
