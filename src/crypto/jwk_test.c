/* Reads spec/vectors/keys.json: argument 1 is the folder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "codec/text.h"
#include "crypto/evp_testing.h"

#define FILE_SIZE_MAX (1 << 20)

static const char *vectors;
static struct qf_arena arena;
static uint8_t file_bytes[FILE_SIZE_MAX];
static struct qf_json document;

static int load(void **state)
{
    (void)state;
    char path[512];
    struct qf_error err = {0};
    snprintf(path, sizeof path, "%s/keys.json", vectors);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return -1;
    size_t size = fread(file_bytes, 1, sizeof file_bytes, file);
    fclose(file);
    return qf_json_parse(&arena, &document, qf_slice_make(file_bytes, size), QF_JSON_ANY, &err) ==
                   QF_OK
               ? 0
               : -1;
}

static int unload(void **state)
{
    (void)state;
    qf_arena_deinit(&arena);
    return 0;
}

static struct qf_slice text(const struct qf_json *object, const char *name)
{
    struct qf_slice out = {0};
    struct qf_error err = {0};
    assert_int_equal(qf_json_get_text(object, name, &out, &err), QF_OK);
    return out;
}

static struct qf_slice hex(const struct qf_json *object, const char *name)
{
    struct qf_slice digits = text(object, name);
    uint8_t *bytes = qf_arena_alloc(&arena, digits.size / 2 + 1);
    size_t size = 0;
    assert_true(qf_hex_decode(bytes, &size, digits));
    return qf_slice_make(bytes, size);
}

static struct qf_private_key *load_pem(struct qf_slice pem)
{
    char path[] = "/tmp/qf-jwk-test-XXXXXX";
    struct qf_private_key *key = NULL;
    struct qf_error err = {0};
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, pem.data, pem.size), pem.size);
    close(fd);
    assert_int_equal(qf_private_key_load(&key, path, (struct qf_slice){NULL, 0}, &err), QF_OK);
    assert_int_equal(unlink(path), 0);
    return key;
}

static void check_json(const struct qf_json *jwk, const struct qf_public_key *key)
{
    struct qf_buf expected = {0}, got = {0};
    struct qf_json made = qf_public_key_to_jwk(&arena, key);
    qf_json_write(&expected, jwk);
    qf_json_write(&got, &made);
    assert_string_equal(qf_buf_text(&expected), qf_buf_text(&got));
    qf_buf_deinit(&expected);
    qf_buf_deinit(&got);
}

static void test_vectors(void **state)
{
    (void)state;
    const struct qf_json *keys = qf_json_get(&document, "keys");
    assert_non_null(keys);
    assert_int_equal(keys->count, 3);
    for (uint32_t i = 0; i < keys->count; i++) {
        const struct qf_json *vector = &keys->items[i], *jwk = qf_json_get(vector, "jwk");
        struct qf_public_key key, of_private;
        struct qf_error err = {0};
        char kid[QF_KID_SIZE + 1];
        assert_int_equal(qf_public_key_from_jwk(&key, jwk, &err), QF_OK);
        assert_true(qf_slice_is(text(vector, "alg"), qf_sig_alg_name(key.alg)));
        check_json(jwk, &key);
        qf_public_key_kid(kid, &key);
        assert_true(qf_slice_is(text(vector, "kid"), kid));

        struct qf_slice signature = hex(vector, "signature"), message = hex(vector, "message");
        assert_int_equal(signature.size, QF_SIGNATURE_SIZE);
        assert_true(verify_with_evp(&key, message, signature.data));
        struct qf_private_key *private_key = load_pem(text(vector, "private_key"));
        qf_private_key_public(private_key, &of_private);
        assert_true(qf_public_key_equal(&key, &of_private));
        uint8_t own[QF_SIGNATURE_SIZE];
        assert_int_equal(qf_private_key_sign(private_key, own, message, &err), QF_OK);
        assert_true(verify_with_evp(&key, message, own));
        if (key.alg == QF_ALG_EDDSA) /* deterministic */
            assert_memory_equal(own, signature.data, sizeof own);
        qf_private_key_free(private_key);
    }
}

static void test_bad_keys(void **state)
{
    (void)state;
    const struct qf_json *bad = qf_json_get(&document, "bad_keys");
    assert_non_null(bad);
    assert_true(bad->count > 30);
    for (uint32_t i = 0; i < bad->count; i++) {
        const struct qf_json *vector = &bad->items[i];
        struct qf_public_key key;
        struct qf_error err = {0};
        enum qf_status status = qf_public_key_from_jwk(&key, qf_json_get(vector, "jwk"), &err);
        if (status != QF_BAD_FIELD || !qf_slice_is(text(vector, "field"), err.field))
            fail_msg("%.*s: %s at \"%s\": %s", QF_SLICE_ARGS(text(vector, "reason")),
                     qf_status_name(status), err.field, err.detail);
        assert_true(err.detail[0] != '\0');
    }
    struct qf_public_key key;
    struct qf_error err = {0};
    struct qf_json not_object = qf_json_make_text("key");
    assert_int_equal(qf_public_key_from_jwk(&key, &not_object, &err), QF_BAD_FIELD);
    assert_int_equal(qf_public_key_from_jwk(&key, NULL, &err), QF_BAD_FIELD);
}

static void test_round_trips(void **state)
{
    (void)state;
    for (enum qf_sig_alg alg = QF_ALG_ES256; alg <= QF_ALG_SM2_SM3; alg++) {
        for (int i = 0; i < 20; i++) {
            struct qf_private_key *key = NULL;
            struct qf_public_key before, after;
            struct qf_error err = {0};
            assert_int_equal(qf_private_key_generate(&key, alg, &err), QF_OK);
            qf_private_key_public(key, &before);
            struct qf_json jwk = qf_public_key_to_jwk(&arena, &before);
            assert_int_equal(qf_public_key_from_jwk(&after, &jwk, &err), QF_OK);
            assert_memory_equal(&before, &after, sizeof before);
            qf_private_key_free(key);
        }
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_bad_keys),
        cmocka_unit_test(test_round_trips),
    };
    if (argc != 2)
        return 2;
    vectors = argv[1];
    return cmocka_run_group_tests(tests, load, unload);
}
