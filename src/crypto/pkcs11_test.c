/* A key in SoftHSM2: the test makes a token of its own in a temporary folder. Skipped (77) where
 * SoftHSM2, its tool or the engine is not installed. */
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "crypto/evp.h"
#include "crypto/x509.h"

#define SKIPPED 77

static char folder[] = "/tmp/qf-pkcs11-test-XXXXXX";
static const char *module;
extern char **environ;

static char *in_folder(const char *name)
{
    static char paths[4][256];
    static size_t next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static int run(const char *const *args)
{
    pid_t child = 0;
    int code = 0;
    posix_spawn_file_actions_t actions;
    char *argv[24] = {0};
    for (size_t i = 0; args[i] != NULL; i++)
        argv[i] = (char *)(uintptr_t)args[i];
    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    assert_int_equal(posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0), 0);
    int status = posix_spawnp(&child, argv[0], &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (status != 0 || waitpid(child, &code, 0) != child)
        return -1;
    return WIFEXITED(code) ? WEXITSTATUS(code) : -1;
}

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static int make_token(void **state)
{
    (void)state;
    char conf[512];
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(conf, sizeof conf, "directories.tokendir = %s\nlog.level = ERROR\n", folder);
    write_text(in_folder("softhsm2.conf"), conf);
    setenv("SOFTHSM2_CONF", in_folder("softhsm2.conf"), 1);
    write_text(in_folder("pin"), "4321\n");
    const char *const init[] = {"softhsm2-util", "--init-token", "--free", "--label",
                                "qifeng",        "--so-pin",     "9876",   "--pin",
                                "4321",          "--module",     module,   NULL};
    const char *const generate[] = {"pkcs11-tool",
                                    "--module",
                                    module,
                                    "--token-label",
                                    "qifeng",
                                    "--login",
                                    "--pin",
                                    "4321",
                                    "--keypairgen",
                                    "--key-type",
                                    "EC:prime256v1",
                                    "--label",
                                    "made here",
                                    "--id",
                                    "02",
                                    NULL};
    return run(init) == 0 && run(generate) == 0 ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *where)
{
    (void)info;
    (void)kind;
    (void)where;
    return remove(path);
}

static int remove_folder(void **state)
{
    (void)state;
    return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static struct qf_private_key *open_key(const char *attributes, const char *pin,
                                       enum qf_status expected)
{
    char uri[1024];
    struct qf_private_key *key = NULL;
    struct qf_error err = {0};
    snprintf(uri, sizeof uri, "pkcs11:token=qifeng;%s%smodule-path=%s", attributes,
             strchr(attributes, '?') == NULL ? "?" : "&", module);
    struct qf_slice given = pin == NULL ? (struct qf_slice){NULL, 0} : qf_slice_of(pin);
    enum qf_status status = qf_private_key_open_pkcs11(&key, uri, given, &err);
    if (status != expected)
        print_error("%s: %s: %s\n", qf_status_name(status), err.field, err.detail);
    assert_int_equal(status, expected);
    return key;
}

static void check_signatures(const struct qf_private_key *key)
{
    struct qf_public_key public_key;
    struct qf_error err = {0};
    EVP_PKEY *pkey = NULL;
    qf_private_key_public(key, &public_key);
    assert_int_equal(public_key.alg, QF_ALG_ES256);
    assert_int_equal(qf_evp_from_public(&pkey, &public_key, &err), QF_OK);
    for (int i = 0; i < 20; i++) {
        uint8_t message[1] = {(uint8_t)i};
        uint8_t signature[QF_SIGNATURE_SIZE];
        uint8_t der[QF_DER_SIGNATURE_SIZE_MAX];
        size_t size = 0;
        assert_int_equal(qf_private_key_sign(key, signature, qf_slice_make(message, 1), &err),
                         QF_OK);
        assert_true(qf_evp_signature_to_der(der, &size, QF_ALG_ES256, signature));
        for (int tampered = 0; tampered < 2; tampered++) {
            EVP_MD_CTX *ctx = qf_evp_verify_ctx(pkey, QF_ALG_ES256);
            message[0] ^= (uint8_t)tampered;
            assert_int_equal(EVP_DigestVerify(ctx, der, size, message, 1) == 1, !tampered);
            EVP_MD_CTX_free(ctx);
        }
    }
    EVP_PKEY_free(pkey);
}

static void test_generated(void **state)
{
    (void)state;
    struct qf_error err = {0};
    struct qf_private_key *key = open_key("object=made%20here", "4321", QF_OK);
    check_signatures(key);
    assert_int_equal(qf_private_key_save(key, in_folder("out"), qf_slice_of("p"), &err),
                     QF_WRONG_STATE);
    assert_int_equal(access(in_folder("out"), F_OK), -1);

    /* A CA whose key never leaves the token. */
    struct qf_x509 *root = NULL;
    const struct qf_x509_spec spec = {.use = QF_X509_CA,
                                      .common_name = "root",
                                      .serial = (const uint8_t *)"\1",
                                      .serial_size = 1,
                                      .not_after_ms = 1000000};
    assert_int_equal(qf_x509_make_root(&root, key, &spec, &err), QF_OK);
    const struct qf_x509 *const roots[] = {root};
    const struct qf_x509_path path = {.roots = roots, .root_count = 1, .use = QF_X509_CA};
    assert_int_equal(qf_x509_verify(root, &path, &err), QF_OK);
    qf_x509_free(root);
    qf_private_key_free(key);
}

static void test_imported(void **state)
{
    (void)state;
    struct qf_error err = {0};
    struct qf_private_key *made = NULL;
    struct qf_public_key expected, got;
    char *path = in_folder("key.pem");
    assert_int_equal(qf_private_key_generate(&made, QF_ALG_ES256, &err), QF_OK);
    assert_int_equal(qf_private_key_save(made, path, (struct qf_slice){NULL, 0}, &err), QF_OK);
    const char *const import[] = {"softhsm2-util", "--import", path,   "--token", "qifeng",
                                  "--label",       "imported", "--id", "0a0b",    "--pin",
                                  "4321",          "--module", module, NULL};
    assert_int_equal(run(import), 0);
    char attributes[300];
    snprintf(attributes, sizeof attributes, "id=%%0a%%0b?pin-source=file:%s", in_folder("pin"));
    struct qf_private_key *key = open_key(attributes, NULL, QF_OK);
    qf_private_key_public(made, &expected);
    qf_private_key_public(key, &got);
    assert_memory_equal(&expected, &got, sizeof got);
    check_signatures(key);
    qf_private_key_free(key);
    qf_private_key_free(made);
}

static void test_refused(void **state)
{
    (void)state;
    struct qf_private_key *key = NULL;
    struct qf_error err = {0};
    const struct qf_slice pin = qf_slice_of("4321");
    assert_null(open_key("object=nothing", "4321", QF_NOT_FOUND));
    assert_null(open_key("type=private", "4321", QF_MALFORMED));
    assert_null(open_key("object=x?pin-source=relative", "4321", QF_MALFORMED));
    assert_null(open_key("object=x?pin-source=/absent/pin", "4321", QF_IO));
    assert_null(open_key("object=x?pin-value=%4", NULL, QF_MALFORMED));
    assert_int_equal(qf_private_key_open_pkcs11(&key, "file:key.pem", pin, &err), QF_MALFORMED);
    assert_int_equal(
        qf_private_key_open_pkcs11(&key, "pkcs11:object=a?module-path=/other.so", pin, &err),
        QF_WRONG_STATE);
    char large[2000];
    memset(large, 'a', sizeof large - 1);
    large[sizeof large - 1] = '\0';
    memcpy(large, "pkcs11:object=", 14);
    assert_int_equal(qf_private_key_open_pkcs11(&key, large, pin, &err), QF_OVER_LIMIT);
}

/* Run before any login: the token stays open to the process after the first. */
static void test_pin(void **state)
{
    (void)state;
    assert_null(open_key("object=made%20here", NULL, QF_PASSPHRASE));
    assert_null(open_key("object=made%20here", "0000", QF_PASSPHRASE));
}

static const char *find_module(void)
{
    static const char *const places[] = {"/usr/lib/softhsm/libsofthsm2.so",
                                         "/usr/lib64/pkcs11/libsofthsm2.so",
                                         "/usr/local/lib/softhsm/libsofthsm2.so"};
    const char *given = getenv("SOFTHSM2_MODULE");
    if (given != NULL)
        return given;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        if (access(places[i], R_OK) == 0)
            return places[i];
    return NULL;
}

/* The engine is there when what fails is the module that does not exist, or the key. */
static bool has_engine(void)
{
    struct qf_private_key *key = NULL;
    struct qf_error err = {0};
    enum qf_status status = qf_private_key_open_pkcs11(
        &key, "pkcs11:object=x?module-path=/absent.so", (struct qf_slice){NULL, 0}, &err);
    return status != QF_CRYPTO || strstr(err.detail, "engine is missing") == NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pin),
        cmocka_unit_test(test_generated),
        cmocka_unit_test(test_imported),
        cmocka_unit_test(test_refused),
    };
    const char *const util[] = {"softhsm2-util", "--version", NULL};
    module = find_module();
    const char *const tool[] = {"pkcs11-tool", "--module", module, "--show-info", NULL};
    const char *reason = module == NULL   ? "SoftHSM2 is not installed"
                         : run(util) != 0 ? "softhsm2-util is not installed"
                         : run(tool) < 0  ? "pkcs11-tool is not installed"
                         : !has_engine()  ? "libengine-pkcs11-openssl is not installed"
                                          : NULL;
    if (reason != NULL) {
        printf("skipped: %s\n", reason);
        return SKIPPED;
    }
    return cmocka_run_group_tests(tests, make_token, remove_folder);
}
