#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "crypto/evp_testing.h"

static const enum qf_sig_alg all[] = {QF_ALG_ES256, QF_ALG_EDDSA, QF_ALG_SM2_SM3};
static const struct qf_slice none = {NULL, 0};
static char folder[] = "/tmp/qf-key-test-XXXXXX";

static struct qf_private_key *generate(enum qf_sig_alg alg)
{
    struct qf_private_key *key = NULL;
    struct qf_error err = {0};
    assert_int_equal(qf_private_key_generate(&key, alg, &err), QF_OK);
    assert_non_null(qf_private_key_evp(key));
    return key;
}

static const char *in_folder(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void test_sign(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct qf_private_key *key = generate(all[i]);
        struct qf_public_key public_key;
        uint8_t signature[QF_SIGNATURE_SIZE];
        struct qf_error err = {0};
        qf_private_key_public(key, &public_key);
        assert_int_equal(public_key.alg, all[i]);
        assert_int_equal(public_key.size, all[i] == QF_ALG_EDDSA ? 32 : 64);
        /* Often enough that some r or s starts with a zero byte. */
        for (int round = 0; round < 300; round++) {
            uint8_t message[2] = {(uint8_t)round, (uint8_t)(round >> 8)};
            struct qf_slice bytes = qf_slice_make(message, sizeof message);
            assert_int_equal(qf_private_key_sign(key, signature, bytes, &err), QF_OK);
            assert_true(verify_with_evp(&public_key, bytes, signature));
            message[0] ^= 1;
            assert_false(verify_with_evp(&public_key, bytes, signature));
        }
        assert_int_equal(qf_private_key_sign(key, signature, none, &err), QF_OK);
        assert_true(verify_with_evp(&public_key, qf_slice_make("", 0), signature));
        qf_private_key_free(key);
    }
}

struct signer {
    const struct qf_private_key *key;
    bool good;
};

static void *sign_in_thread(void *arg)
{
    struct signer *signer = arg;
    struct qf_public_key public_key;
    uint8_t signature[QF_SIGNATURE_SIZE];
    qf_private_key_public(signer->key, &public_key);
    signer->good = true;
    for (int i = 0; i < 50 && signer->good; i++) {
        struct qf_slice message = qf_slice_make(&i, sizeof i);
        signer->good = qf_private_key_sign(signer->key, signature, message, NULL) == QF_OK &&
                       verify_with_evp(&public_key, message, signature);
    }
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    enum { THREADS = 4 };
    for (size_t i = 0; i < 3; i++) {
        struct qf_private_key *key = generate(all[i]);
        struct signer signers[THREADS];
        pthread_t threads[THREADS];
        for (size_t t = 0; t < THREADS; t++) {
            signers[t] = (struct signer){.key = key};
            assert_int_equal(pthread_create(&threads[t], NULL, sign_in_thread, &signers[t]), 0);
        }
        for (size_t t = 0; t < THREADS; t++) {
            assert_int_equal(pthread_join(threads[t], NULL), 0);
            assert_true(signers[t].good);
        }
        qf_private_key_free(key);
    }
}

static void test_files(void **state)
{
    (void)state;
    const struct qf_slice good = qf_slice_of("correct horse"), bad = qf_slice_of("wrong");
    for (size_t i = 0; i < 3; i++) {
        for (int sealed = 0; sealed < 2; sealed++) {
            struct qf_error err = {0};
            struct qf_private_key *key = generate(all[i]), *read = NULL;
            struct qf_public_key before, after;
            const char *path = in_folder("key.pem");
            struct qf_slice passphrase = sealed ? good : none;
            assert_int_equal(qf_private_key_save(key, path, passphrase, &err), QF_OK);
            struct stat info;
            assert_int_equal(stat(path, &info), 0);
            assert_int_equal(info.st_mode & 0777, 0600);
            assert_int_equal(qf_private_key_save(key, path, passphrase, &err), QF_EXISTS);

            if (sealed) {
                assert_int_equal(qf_private_key_load(&read, path, bad, &err), QF_PASSPHRASE);
                assert_int_equal(qf_private_key_load(&read, path, none, &err), QF_PASSPHRASE);
            }
            assert_int_equal(qf_private_key_load(&read, path, passphrase, &err), QF_OK);
            qf_private_key_public(key, &before);
            qf_private_key_public(read, &after);
            assert_memory_equal(&before, &after, sizeof before);
            uint8_t signature[QF_SIGNATURE_SIZE];
            assert_int_equal(qf_private_key_sign(read, signature, good, &err), QF_OK);
            assert_true(verify_with_evp(&before, good, signature));
            qf_private_key_free(key);
            qf_private_key_free(read);
            assert_int_equal(unlink(path), 0);
        }
    }
}

static void write_file(const char *path, const char *text, size_t size)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static void refuse_file(const char *text, size_t size, enum qf_status expected)
{
    struct qf_private_key *key = NULL;
    struct qf_error err = {0};
    const char *path = in_folder("bad.pem");
    write_file(path, text, size);
    assert_int_equal(qf_private_key_load(&key, path, qf_slice_of("p"), &err), expected);
    assert_int_equal(err.status, expected);
    assert_null(key);
    assert_true(err.detail[0] != '\0');
    assert_int_equal(unlink(path), 0);
}

static void test_bad_files(void **state)
{
    (void)state;
    static char large[16384];
    static const char sec1[] =
        "-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n";
    static const char junk[] = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    static const char sealed[] =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    /* A good P-384 key, of no algorithm of ours. */
    static const char p384[] = "-----BEGIN PRIVATE KEY-----\n"
                               "MIG2AgEAMBAGByqGSM49AgEGBSuBBAAiBIGeMIGbAgEBBDAWFVktZSphnQopad4b\n"
                               "VNSCmZ50rsTCRbf+HkPzQ9jgtG3hhk/FrGSgyz2pAWQkMPihZANiAATP4B/LdDXv\n"
                               "W/69h+8/MXfcGiGmZguR9qQJaXszikRnNEpNjBHQ/gEl7E+B7Gnmef1da0sGC0QS\n"
                               "3s08tEdqZ7IfwhCpoMY1sWyb9okDQ+QJt+6K7qtDZdyA3yi5xwC+LME=\n"
                               "-----END PRIVATE KEY-----\n";
    /* A good P-256 private number beside the public point of another key. */
    static const char mixed[] = "-----BEGIN PRIVATE KEY-----\n"
                                "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgfm5KVqIhius79R4p\n"
                                "9MyQBsmmeu6EVfgZKZJiqZAY4LehRANCAAT4+P4avqSImtA8mKdDcd+KTjh3wzns\n"
                                "UvAfoN3Bzuj9Bh87FwI+vYEZwxZtSI1iYXrytzR605sTjQS1WkHVJvpJ\n"
                                "-----END PRIVATE KEY-----\n";
    refuse_file("", 0, QF_MALFORMED);
    refuse_file("hello", 5, QF_MALFORMED);
    refuse_file(sec1, sizeof sec1 - 1, QF_MALFORMED);
    refuse_file(junk, sizeof junk - 1, QF_MALFORMED);
    refuse_file(sealed, sizeof sealed - 1, QF_MALFORMED);
    refuse_file(p384, sizeof p384 - 1, QF_UNSUPPORTED_ALG);
    refuse_file(mixed, sizeof mixed - 1, QF_MALFORMED);
    refuse_file(large, sizeof large, QF_OVER_LIMIT);
    struct qf_private_key *key = NULL;
    struct qf_error err = {0};
    assert_int_equal(qf_private_key_load(&key, in_folder("absent"), none, &err), QF_IO);
}

/* Where a file cannot be made, and after a crash between writing a key and naming it. */
static void test_bad_places(void **state)
{
    (void)state;
    struct qf_private_key *key = generate(QF_ALG_EDDSA), *read = NULL;
    struct qf_error err = {0};
    char path[sizeof folder + 16], draft[sizeof path + 4];
    static char large[PATH_MAX + 1];
    assert_int_equal(qf_private_key_save(key, in_folder("absent/key"), none, &err), QF_IO);
    assert_int_equal(qf_private_key_save(key, folder, none, &err), QF_EXISTS);
    assert_int_equal(qf_private_key_load(&read, folder, none, &err), QF_IO);
    memset(large, 'a', sizeof large - 1);
    assert_int_equal(qf_private_key_save(key, large, none, &err), QF_OVER_LIMIT);

    snprintf(path, sizeof path, "%s/key.pem", folder);
    snprintf(draft, sizeof draft, "%s.new", path);
    write_file(draft, "-----BEGIN", 10);
    assert_int_equal(qf_private_key_save(key, path, none, &err), QF_OK);
    assert_int_equal(access(draft, F_OK), -1);
    assert_int_equal(qf_private_key_load(&read, path, none, &err), QF_OK);
    qf_private_key_free(read);
    assert_int_equal(unlink(path), 0);

    /* A name that leads nowhere is taken, too. */
    assert_int_equal(symlink("/absent/elsewhere", path), 0);
    assert_int_equal(qf_private_key_save(key, path, none, &err), QF_EXISTS);
    assert_int_equal(access(draft, F_OK), -1);
    assert_int_equal(unlink(path), 0);

    /* Files end at a size: what is written of the key is taken away again. */
    struct rlimit before, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 20;
    assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    enum qf_status status = qf_private_key_save(key, path, none, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(status, QF_IO);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(access(draft, F_OK), -1);
    qf_private_key_free(key);
}

static void test_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        enum qf_sig_alg alg = QF_ALG_ES256;
        assert_true(qf_sig_alg_parse(&alg, qf_slice_of(qf_sig_alg_name(all[i]))));
        assert_int_equal(alg, all[i]);
        assert_int_equal(qf_suite_allows(QF_SUITE_GM, all[i]), all[i] == QF_ALG_SM2_SM3);
        assert_int_equal(qf_suite_allows(QF_SUITE_INTL, all[i]), all[i] != QF_ALG_SM2_SM3);
    }
    enum qf_sig_alg alg = QF_ALG_ES256;
    assert_false(qf_sig_alg_parse(&alg, qf_slice_of("none")));
    assert_false(qf_sig_alg_parse(&alg, qf_slice_of("")));
    enum qf_suite suite = QF_SUITE_INTL;
    assert_true(qf_suite_parse(&suite, qf_slice_of("gm")));
    assert_int_equal(qf_suite_hash(suite), QF_HASH_SM3);
    assert_true(qf_suite_parse(&suite, qf_slice_of(qf_suite_name(QF_SUITE_INTL))));
    assert_int_equal(qf_suite_hash(suite), QF_HASH_SHA256);
    assert_false(qf_suite_parse(&suite, qf_slice_of("GM")));
}

static void test_der(void **state)
{
    (void)state;
    uint8_t out[QF_SIGNATURE_SIZE];
    uint8_t der[QF_DER_SIGNATURE_SIZE_MAX];
    size_t size = 0;
    uint8_t raw[QF_SIGNATURE_SIZE] = {0};
    raw[31] = 1;
    memset(raw + 32, 0xff, 32);
    assert_true(qf_evp_signature_to_der(der, &size, QF_ALG_ES256, raw));
    assert_true(qf_evp_signature_from_der(out, QF_ALG_ES256, qf_slice_make(der, size)));
    assert_memory_equal(out, raw, sizeof raw);
    assert_false(qf_evp_signature_from_der(out, QF_ALG_ES256, qf_slice_make(der, size - 1)));
    assert_false(qf_evp_signature_from_der(out, QF_ALG_ES256, none));
    /* A negative r, and an r of 33 bytes. */
    static const uint8_t negative[] = {0x30, 6, 2, 1, 0x80, 2, 1, 1};
    assert_false(
        qf_evp_signature_from_der(out, QF_ALG_SM2_SM3, qf_slice_make(negative, sizeof negative)));
    uint8_t wide[41] = {0x30, 38 + 1, 2, 34, 1};
    wide[38] = 2;
    wide[39] = 1;
    wide[40] = 1;
    assert_false(qf_evp_signature_from_der(out, QF_ALG_SM2_SM3, qf_slice_make(wide, sizeof wide)));
    assert_false(qf_evp_signature_from_der(out, QF_ALG_EDDSA, qf_slice_make(raw, 63)));
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) != NULL ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sign),       cmocka_unit_test(test_threads),
        cmocka_unit_test(test_files),      cmocka_unit_test(test_bad_files),
        cmocka_unit_test(test_bad_places), cmocka_unit_test(test_names),
        cmocka_unit_test(test_der),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
