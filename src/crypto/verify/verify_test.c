#include "crypto/verify/verify.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "crypto/verify/internal.h"

static const char *data_folder;

static struct qf_verifier *verifier_of(enum qf_verifier_kind kind)
{
    struct qf_verifier *verifier = NULL;
    const struct qf_verifier_options options = {.kind = kind};
    struct qf_error err;
    enum qf_status status = qf_verifier_new(&verifier, &options, &err);
    if (kind == QF_VERIFIER_FAST && status == QF_UNAVAILABLE)
        return NULL;
    assert_int_equal(status, QF_OK);
    return verifier;
}

static size_t from_hex(uint8_t *out, size_t size_max, const char *hex)
{
    size_t size = strlen(hex) / 2;
    assert_true(size <= size_max);
    for (size_t i = 0; i < size; i++) {
        unsigned value = 0;
        assert_int_equal(sscanf(hex + 2 * i, "%2x", &value), 1);
        out[i] = (uint8_t)value;
    }
    return size;
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    assert_non_null(text);
    return text;
}

static struct qf_public_key group_key(const json_t *group, enum qf_sig_alg alg)
{
    struct qf_public_key key = {.alg = alg};
    const json_t *source = json_object_get(group, "publicKey");
    if (alg == QF_ALG_EDDSA) {
        key.size = (uint8_t)from_hex(key.bytes, 32, text_of(source, "pk"));
        assert_int_equal(key.size, 32);
        return key;
    }
    uint8_t point[65];
    assert_int_equal(from_hex(point, sizeof point, text_of(source, "uncompressed")), 65);
    key.size = 64;
    memcpy(key.bytes, point + 1, 64);
    return key;
}

/* Every vector of a Wycheproof file, `repeats` times, so that a key becomes a hot one under way.
 * Signatures that are not 64 bytes long cannot be put to a verifier; all of them are invalid. */
static void run_wycheproof(struct qf_verifier *verifier, const char *file, enum qf_sig_alg alg,
                           int repeats)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/%s", data_folder, file);
    json_error_t error;
    json_t *root = json_load_file(path, 0, &error);
    assert_non_null(root);
    size_t group_at = 0;
    size_t tried = 0;
    json_t *group = NULL;
    json_array_foreach(json_object_get(root, "testGroups"), group_at, group)
    {
        struct qf_public_key key = group_key(group, alg);
        for (int round = 0; round < repeats; round++) {
            size_t at = 0;
            json_t *test = NULL;
            json_array_foreach(json_object_get(group, "tests"), at, test)
            {
                uint8_t message[1024];
                uint8_t signature[1024];
                size_t message_size = from_hex(message, sizeof message, text_of(test, "msg"));
                size_t size = from_hex(signature, sizeof signature, text_of(test, "sig"));
                bool valid = strcmp(text_of(test, "result"), "valid") == 0;
                if (size != QF_SIGNATURE_SIZE) {
                    assert_false(valid);
                    continue;
                }
                tried++;
                bool good = qf_verifier_check_one(verifier, &key,
                                                  qf_slice_make(message, message_size), signature);
                if (good != valid)
                    fail_msg("%s: vector %lld", file,
                             (long long)json_integer_value(json_object_get(test, "tcId")));
            }
        }
    }
    assert_true(tried >= (size_t)repeats * 100);
    json_decref(root);
}

static void wycheproof(enum qf_verifier_kind kind, int repeats)
{
    struct qf_verifier *verifier = verifier_of(kind);
    if (verifier == NULL)
        skip();
    run_wycheproof(verifier, "ecdsa_secp256r1_sha256_p1363_test.json", QF_ALG_ES256, repeats);
    run_wycheproof(verifier, "ed25519_test.json", QF_ALG_EDDSA, repeats);
    qf_verifier_free(verifier);
}

static void test_wycheproof_openssl(void **state)
{
    (void)state;
    wycheproof(QF_VERIFIER_OPENSSL, 1);
}

static void test_wycheproof_fast(void **state)
{
    (void)state;
    wycheproof(QF_VERIFIER_FAST, 20);
}

/* SM2 signatures of another implementation, npm sm-crypto; with another message they are bad. */
static void sm_crypto(enum qf_verifier_kind kind)
{
    struct qf_verifier *verifier = verifier_of(kind);
    if (verifier == NULL)
        skip();
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/sm_crypto_sm2.json", data_folder);
    json_error_t error;
    json_t *root = json_load_file(path, 0, &error);
    assert_non_null(root);
    size_t at = 0;
    json_t *test = NULL;
    json_array_foreach(json_object_get(root, "tests"), at, test)
    {
        uint8_t point[65];
        uint8_t message[1024];
        uint8_t signature[QF_SIGNATURE_SIZE];
        struct qf_public_key key = {.alg = QF_ALG_SM2_SM3, .size = 64};
        assert_int_equal(from_hex(point, sizeof point, text_of(test, "public")), sizeof point);
        memcpy(key.bytes, point + 1, 64);
        size_t size = from_hex(message, sizeof message - 1, text_of(test, "msg"));
        assert_int_equal(from_hex(signature, sizeof signature, text_of(test, "sig")), 64);
        assert_true(qf_verifier_check_one(verifier, &key, qf_slice_make(message, size), signature));
        message[size] = 'x';
        assert_false(
            qf_verifier_check_one(verifier, &key, qf_slice_make(message, size + 1), signature));
    }
    assert_true(at >= 20);
    json_decref(root);
    qf_verifier_free(verifier);
}

static void test_sm_crypto_openssl(void **state)
{
    (void)state;
    sm_crypto(QF_VERIFIER_OPENSSL);
}

static void test_sm_crypto_fast(void **state)
{
    (void)state;
    sm_crypto(QF_VERIFIER_FAST);
}

/* What the private keys of crypto/key.h sign is good; with one bit changed anywhere it is not. */
static void check_own(struct qf_verifier *verifier, enum qf_sig_alg alg)
{
    struct qf_private_key *private_key = NULL;
    struct qf_public_key key;
    assert_int_equal(qf_private_key_generate(&private_key, alg, NULL), QF_OK);
    qf_private_key_public(private_key, &key);
    uint8_t message[200];
    for (size_t i = 0; i < sizeof message; i++)
        message[i] = (uint8_t)(i * 7);
    for (size_t size = 0; size <= sizeof message; size += 25) {
        struct qf_slice bytes = qf_slice_make(message, size);
        uint8_t signature[QF_SIGNATURE_SIZE];
        assert_int_equal(qf_private_key_sign(private_key, signature, bytes, NULL), QF_OK);
        assert_true(qf_verifier_check_one(verifier, &key, bytes, signature));
        signature[size % 64] ^= (uint8_t)(1U << (size % 8));
        assert_false(qf_verifier_check_one(verifier, &key, bytes, signature));
        signature[size % 64] ^= (uint8_t)(1U << (size % 8));
        if (size > 0) {
            message[size / 2] ^= 1;
            assert_false(qf_verifier_check_one(verifier, &key, bytes, signature));
            message[size / 2] ^= 1;
        }
    }
    qf_private_key_free(private_key);
}

static void test_own_signatures(void **state)
{
    (void)state;
    struct qf_verifier *verifier = verifier_of(QF_VERIFIER_AUTO);
    for (enum qf_sig_alg alg = QF_ALG_ES256; alg <= QF_ALG_SM2_SM3; alg++)
        check_own(verifier, alg);
    qf_verifier_free(verifier);
}

/* A batch over several keys and algorithms says of each item by itself whether it is good. */
static void test_batch_names_the_bad(void **state)
{
    (void)state;
    enum { COUNT = 150, KEYS = 6 };
    static struct qf_verify_item items[COUNT];
    static uint8_t signatures[COUNT][QF_SIGNATURE_SIZE];
    struct qf_private_key *private_keys[KEYS];
    struct qf_public_key keys[KEYS];
    struct qf_slice message = qf_slice_of("the same message for all of them");
    for (size_t i = 0; i < KEYS; i++) {
        assert_int_equal(
            qf_private_key_generate(&private_keys[i], (enum qf_sig_alg)(1 + i % 3), NULL), QF_OK);
        qf_private_key_public(private_keys[i], &keys[i]);
    }
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(qf_private_key_sign(private_keys[i % KEYS], signatures[i], message, NULL),
                         QF_OK);
        items[i] = (struct qf_verify_item){
            .key = &keys[i % KEYS], .message = message, .signature = signatures[i]};
    }
    struct qf_verifier *verifier = verifier_of(QF_VERIFIER_AUTO);
    for (size_t bad = 0; bad < COUNT; bad += 7) {
        signatures[bad][40] ^= 2;
        qf_verifier_check(verifier, items, COUNT);
        for (size_t i = 0; i < COUNT; i++)
            assert_int_equal(items[i].good, i != bad);
        signatures[bad][40] ^= 2;
    }
    qf_verifier_free(verifier);
    for (size_t i = 0; i < KEYS; i++)
        qf_private_key_free(private_keys[i]);
}

/* Points off the curve and coordinates past the field are no keys. */
static void test_bad_keys(void **state)
{
    (void)state;
    struct qf_verifier *verifier = verifier_of(QF_VERIFIER_AUTO);
    uint8_t signature[QF_SIGNATURE_SIZE];
    memset(signature, 1, sizeof signature);
    for (int alg = QF_ALG_ES256; alg <= QF_ALG_SM2_SM3; alg++) {
        struct qf_public_key key = {.alg = (enum qf_sig_alg)alg,
                                    .size = alg == QF_ALG_EDDSA ? 32 : 64};
        for (int fill = 0; fill < 256; fill += 51) {
            memset(key.bytes, fill, key.size);
            for (int use = 0; use < 20; use++)
                assert_false(
                    qf_verifier_check_one(verifier, &key, qf_slice_of("message"), signature));
        }
    }
    qf_verifier_free(verifier);
}

static struct qf_known_key *numbered(struct qf_known_keys *keys, int number)
{
    struct qf_public_key key = {.alg = QF_ALG_ES256, .size = 64};
    key.bytes[0] = (uint8_t)number;
    key.bytes[1] = (uint8_t)(number >> 8);
    return qf_known_keys_get(keys, &key);
}

/* The memory of keys is bounded and forgets the key used longest ago. */
static void test_known_keys_bound(void **state)
{
    (void)state;
    enum { MAX = 64, COUNT = 1000 };
    struct qf_known_keys *keys = NULL;
    const struct qf_known_keys_options options = {.keys_max = MAX, .extra_size = sizeof(int)};
    assert_int_equal(qf_known_keys_new(&keys, &options, NULL), QF_OK);
    for (int i = 0; i < COUNT; i++) {
        struct qf_known_key *entry = numbered(keys, i);
        *(int *)(void *)entry->extra = i + 1;
        qf_known_keys_release(keys, entry);
        entry = numbered(keys, 0); /* in use all the time: never forgotten */
        assert_int_equal(*(int *)(void *)entry->extra, 1);
        qf_known_keys_release(keys, entry);
        assert_true(qf_known_keys_count(keys) <= MAX);
    }
    qf_known_keys_free(keys);
}

/* Pinned entries stay where they are; one too many is served all the same, outside the cache. */
static void test_known_keys_pinned(void **state)
{
    (void)state;
    enum { MAX = 16, COUNT = 200 };
    struct qf_known_keys *keys = NULL;
    const struct qf_known_keys_options options = {.keys_max = MAX};
    assert_int_equal(qf_known_keys_new(&keys, &options, NULL), QF_OK);
    struct qf_known_key *pinned[COUNT];
    for (int i = 0; i < COUNT; i++)
        pinned[i] = numbered(keys, i);
    assert_true(qf_known_keys_count(keys) <= MAX);
    size_t strays = 0;
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(pinned[i]->key.bytes[0], i);
        strays += pinned[i]->stray;
        qf_known_keys_release(keys, pinned[i]);
    }
    assert_true(strays >= COUNT - MAX);
    qf_known_keys_free(keys);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    data_folder = argv[1];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wycheproof_openssl), cmocka_unit_test(test_wycheproof_fast),
        cmocka_unit_test(test_sm_crypto_openssl),  cmocka_unit_test(test_sm_crypto_fast),
        cmocka_unit_test(test_own_signatures),     cmocka_unit_test(test_batch_names_the_bad),
        cmocka_unit_test(test_bad_keys),           cmocka_unit_test(test_known_keys_bound),
        cmocka_unit_test(test_known_keys_pinned),
    };
    return cmocka_run_group_tests_name("verify", tests, NULL, NULL);
}
