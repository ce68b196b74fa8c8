/* spec/vectors/transaction-decode.json: transactions that any JOSE library can make and check. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "codec/text.h"
#include "crypto/verify/verify.h"
#include "kernel/tx.h"

static struct qf_arena arena;
static const struct qf_json *transactions;
static const struct qf_json *keys;

static const struct qf_json *load(const char *folder, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/vectors/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return NULL;
    uint8_t *text = qf_arena_alloc(&arena, 1 << 20);
    size_t size = fread(text, 1, 1 << 20, file);
    fclose(file);
    struct qf_json *json = qf_arena_alloc(&arena, sizeof *json);
    struct qf_error err = {0};
    if (qf_json_parse(&arena, json, qf_slice_make(text, size), QF_JSON_ANY, &err) != QF_OK) {
        fprintf(stderr, "%s: %s: %s\n", path, err.field, err.detail);
        return NULL;
    }
    return json;
}

static struct qf_slice text_of(const struct qf_json *vector, const char *name)
{
    const struct qf_json *value = qf_json_get(vector, name);
    assert_non_null(value);
    assert_int_equal(value->type, QF_JSON_STRING);
    return qf_json_text(value);
}

static enum qf_status decode(const struct qf_json *vector, struct qf_tx *tx, struct qf_error *err)
{
    struct qf_tx_rules rules = {.network = qf_slice_of("test")};
    assert_true(qf_suite_parse(&rules.suite, text_of(vector, "suite")));
    return qf_tx_decode(&arena, tx, text_of(vector, "jws"), &rules, err);
}

static void find_key(struct qf_public_key *out, struct qf_slice kid)
{
    const struct qf_json *list = qf_json_get(keys, "keys");
    for (uint32_t i = 0; i < list->count; i++)
        if (qf_slice_equal(text_of(&list->items[i], "kid"), kid)) {
            assert_int_equal(qf_public_key_from_jwk(out, qf_json_get(&list->items[i], "jwk"), NULL),
                             QF_OK);
            return;
        }
    fail_msg("no key %.*s in keys.json", QF_SLICE_ARGS(kid));
}

static void good_ones_decode_and_verify(void **state)
{
    (void)state;
    struct qf_verifier *verifier;
    const struct qf_verifier_options options = {.kind = QF_VERIFIER_OPENSSL};
    assert_int_equal(qf_verifier_new(&verifier, &options, NULL), QF_OK);
    const struct qf_json *good = qf_json_get(transactions, "good");
    assert_int_equal(good->count, 3);
    for (uint32_t i = 0; i < good->count; i++) {
        const struct qf_json *vector = &good->items[i];
        struct qf_tx tx;
        struct qf_error err = {0};
        if (decode(vector, &tx, &err) != QF_OK)
            fail_msg("good[%u]: %s: %s", i, err.field, err.detail);
        char id[2 * QF_HASH_SIZE];
        qf_hex_encode(id, qf_slice_make(tx.id, sizeof tx.id));
        assert_true(qf_slice_equal(qf_slice_make(id, sizeof id), text_of(vector, "id")));
        assert_true(qf_slice_is(text_of(vector, "kid"), tx.kid));
        assert_true(qf_slice_is(text_of(vector, "alg"), qf_sig_alg_name(tx.alg)));
        assert_int_equal(tx.exp_s, qf_json_get(vector, "exp")->integer);
        struct qf_jws parts;
        assert_int_equal(qf_jws_decode(&arena, &parts, tx.jws, NULL), QF_OK);
        assert_true(qf_slice_equal(parts.payload, text_of(vector, "payload")));
        struct qf_public_key key;
        find_key(&key, text_of(vector, "kid"));
        assert_true(qf_verifier_check_one(verifier, &key, tx.signing_input, tx.signature_bytes));
        tx.signature_bytes[5] ^= 1;
        assert_false(qf_verifier_check_one(verifier, &key, tx.signing_input, tx.signature_bytes));
    }
    qf_verifier_free(verifier);
}

static void bad_ones_are_refused_as_named(void **state)
{
    (void)state;
    const struct qf_json *refused = qf_json_get(transactions, "refused");
    assert_true(refused->count >= 15);
    for (uint32_t i = 0; i < refused->count; i++) {
        const struct qf_json *vector = &refused->items[i];
        struct qf_tx tx;
        struct qf_error err = {0};
        enum qf_status status = decode(vector, &tx, &err);
        if (!qf_slice_is(text_of(vector, "problem"), qf_status_name(status)) ||
            !qf_slice_is(text_of(vector, "field"), err.field))
            fail_msg("%.*s: %s at \"%s\"", QF_SLICE_ARGS(text_of(vector, "why")),
                     qf_status_name(status), err.field);
    }
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    transactions = load(argv[1], "transaction-decode.json");
    keys = load(argv[1], "keys.json");
    if (transactions == NULL || keys == NULL)
        return 3;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_ones_decode_and_verify),
        cmocka_unit_test(bad_ones_are_refused_as_named),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    qf_arena_deinit(&arena);
    return failed;
}
