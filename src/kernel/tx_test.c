/* Decoding: what is refused before any state is looked at, with the field that is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "kernel/testing.h"

#define HEX "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define NONCE "AAAAAAAAAAAAAAAAAAAAAA"

static int setup(void **state)
{
    *state = qf_testing_new(QF_SUITE_INTL);
    return 0;
}

static int teardown(void **state)
{
    qf_testing_free(*state);
    return 0;
}

/* A JWS around any payload; the signature does not matter to decoding. */
static struct qf_slice wrap(struct qf_testing_world *world, const char *alg, const char *kid,
                            const char *typ, const char *payload)
{
    struct qf_buf out = {0};
    static const uint8_t signature[QF_SIGNATURE_SIZE];
    qf_jws_put_signing_input(&out, alg, qf_slice_of(kid), typ, qf_slice_of(payload));
    qf_jws_put_signature(&out, signature);
    struct qf_slice text = qf_arena_copy(&world->arena, qf_buf_slice(&out));
    qf_buf_deinit(&out);
    return text;
}

static void decode(struct qf_testing_world *world, struct qf_slice jws, enum qf_status want,
                   const char *field)
{
    struct qf_tx tx;
    struct qf_error err = {0};
    enum qf_status status = qf_tx_decode(&world->arena, &tx, jws, &world->rules, &err);
    if (status != want || (want != QF_OK && strcmp(err.field, field) != 0))
        fail_msg("want %s at \"%s\", got %s at \"%s\" (%s)\n%.*s", qf_status_name(want), field,
                 qf_status_name(status), err.field, err.detail, QF_SLICE_ARGS(jws));
    if (want != QF_OK) {
        assert_int_equal(err.status, want);
        assert_true(err.detail[0] != '\0');
    }
}

static void decode_ops(struct qf_testing_world *world, const char *ops, enum qf_status want,
                       const char *field)
{
    const struct qf_json *parsed = qf_testing_json(world, "%s", ops);
    decode(world, qf_testing_sign(world, 0, 1, parsed), want, field);
}

static void signed_transaction_decodes(void **state)
{
    struct qf_testing_world *world = *state;
    const struct qf_json *ops = qf_testing_json(
        world, "[{\"op\":\"evidence.record\",\"id\":\"a\",\"hash\":\"sha-256:" HEX "\"}]");
    for (unsigned i = 0; i < 2; i++) {
        struct qf_slice jws = qf_testing_sign(world, i, 1234, ops);
        struct qf_tx tx;
        struct qf_error err;
        assert_int_equal(qf_tx_decode(&world->arena, &tx, jws, &world->rules, &err), QF_OK);
        assert_int_equal(tx.exp_s, 1234);
        assert_int_equal(tx.alg, i == 0 ? QF_ALG_ES256 : QF_ALG_EDDSA);
        assert_string_equal(tx.kid, world->kid[i]);
        assert_int_equal(tx.signature, QF_TX_UNCHECKED);
        assert_int_equal(tx.op_count, 1);
        assert_string_equal(tx.ops[0].row->name, "evidence.record");
        uint8_t id[QF_HASH_SIZE];
        qf_hash(QF_HASH_SHA256, id, tx.signing_input);
        assert_memory_equal(tx.id, id, sizeof id);
    }
}

static void header_is_judged(void **state)
{
    struct qf_testing_world *world = *state;
    static const char payload[] = "{\"exp\":1,\"net\":\"test\",\"nonce\":\"" NONCE "\",\"ops\":[]}";
    const char *kid = world->kid[0];
    decode(world, wrap(world, "ES256", kid, "jwt", payload), QF_MALFORMED, "header.typ");
    decode(world, wrap(world, "none", kid, "qf-tx", payload), QF_UNSUPPORTED_ALG, "header.alg");
    decode(world, wrap(world, "SM2-SM3", kid, "qf-tx", payload), QF_UNSUPPORTED_ALG, "header.alg");
    decode(world, wrap(world, "ES256", "short", "qf-tx", payload), QF_MALFORMED, "header.kid");
}

static void payload_is_judged(void **state)
{
    struct qf_testing_world *world = *state;
    static const struct {
        const char *payload;
        enum qf_status status;
        const char *field;
    } cases[] = {
        {"[]", QF_MALFORMED, "payload"},
        {"{\"net\":\"test\",\"nonce\":\"" NONCE "\",\"ops\":[]}", QF_BAD_FIELD, "exp"},
        {"{\"exp\":1,\"nonce\":\"" NONCE "\",\"ops\":[]}", QF_BAD_FIELD, "net"},
        {"{\"exp\":1,\"net\":\"test\",\"ops\":[]}", QF_BAD_FIELD, "nonce"},
        {"{\"exp\":1,\"net\":\"test\",\"nonce\":\"" NONCE "\"}", QF_BAD_FIELD, "ops"},
        {"{\"exp\":1,\"net\":\"test\",\"nonce\":\"" NONCE "\",\"ops\":[],\"x\":1}", QF_BAD_FIELD,
         "x"},
        {"{\"a\":1,\"exp\":1,\"net\":\"test\",\"nonce\":\"" NONCE "\",\"ops\":[]}", QF_BAD_FIELD,
         "a"},
        {"{\"exp\":1,\"net\":\"test\",\"noise\":1,\"nonce\":\"" NONCE "\",\"ops\":[]}",
         QF_BAD_FIELD, "noise"},
        {"{\"exp\":-1,\"net\":\"test\",\"nonce\":\"" NONCE "\",\"ops\":[]}", QF_BAD_FIELD, "exp"},
        {"{\"exp\":\"1\",\"net\":\"test\",\"nonce\":\"" NONCE "\",\"ops\":[]}", QF_BAD_FIELD,
         "exp"},
        {"{\"exp\":1,\"net\":\"other\",\"nonce\":\"" NONCE "\",\"ops\":[]}", QF_WRONG_NETWORK,
         "net"},
        {"{\"exp\":1,\"net\":7,\"nonce\":\"" NONCE "\",\"ops\":[]}", QF_BAD_FIELD, "net"},
        {"{\"exp\":1,\"net\":\"test\",\"nonce\":\"AAAA\",\"ops\":[]}", QF_BAD_FIELD, "nonce"},
        {"{\"exp\":1,\"net\":\"test\",\"nonce\":\"AAAAAAAAAAAAAAAAAAAAAB\",\"ops\":[]}",
         QF_BAD_FIELD, "nonce"},
        {"{\"exp\":1,\"net\":\"test\",\"nonce\":\"" NONCE "\",\"ops\":[]}", QF_BAD_FIELD, "ops"},
        {"{\"exp\":1,\"net\":\"test\",\"nonce\":\"" NONCE "\",\"ops\":{}}", QF_BAD_FIELD, "ops"},
        {"{\"exp\":1,\"net\":\"test\",\"nonce\":\"" NONCE "\",\"ops\":[1]}", QF_BAD_FIELD,
         "ops[0]"},
        {"{\"exp\":1,\"net\":\"test\",\"nonce\":\"" NONCE "\",\"ops\":[{}]}", QF_BAD_FIELD,
         "ops[0].op"},
        {"{\"exp\":1,\"net\":\"test\",\"nonce\":\"" NONCE "\",\"ops\":[{\"op\":1}]}", QF_BAD_FIELD,
         "ops[0].op"},
        {"{\"exp\":1,\"net\":\"test\",\"nonce\":\"" NONCE
         "\",\"ops\":[{\"op\":\"evidence.forge\"}]}",
         QF_UNKNOWN_OP, "ops[0].op"},
        {"{\"exp\":1,\"net\":\"test\",\"nonce\":\"" NONCE "\",\"ops\":[{\"op\":\"evidence\"}]}",
         QF_UNKNOWN_OP, "ops[0].op"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        decode(world, wrap(world, "ES256", world->kid[0], "qf-tx", cases[i].payload),
               cases[i].status, cases[i].field);
    struct qf_tx tx;
    struct qf_error err;
    struct qf_slice loose = wrap(world, "ES256", world->kid[0], "qf-tx", "{ \"exp\":1}");
    assert_int_equal(qf_tx_decode(&world->arena, &tx, loose, &world->rules, &err), QF_MALFORMED);
    assert_non_null(strstr(err.field, "payload"));
}

static void fields_are_judged(void **state)
{
    struct qf_testing_world *world = *state;
    static const struct {
        const char *op;
        enum qf_status status;
        const char *field;
    } cases[] = {
        {"\"id\":\"a\",\"hash\":\"sha-256:" HEX "\"", QF_OK, ""},
        {"\"hash\":\"sha-256:" HEX "\"", QF_BAD_FIELD, "ops[0].id"},
        {"\"id\":\"a\"", QF_BAD_FIELD, "ops[0].hash"},
        {"\"id\":\"a\",\"hash\":\"sha-256:" HEX "\",\"colour\":1", QF_BAD_FIELD, "ops[0].colour"},
        {"\"id\":\"a\",\"hash\":\"sha-256:" HEX "\",\"zz\":1", QF_BAD_FIELD, "ops[0].zz"},
        {"\"id\":\"a\",\"hash\":\"sha-256:" HEX "\",\"\\u0001\":1", QF_BAD_FIELD,
         "ops[0].member 1"},
        {"\"id\":\"a b\",\"hash\":\"sha-256:" HEX "\"", QF_BAD_FIELD, "ops[0].id"},
        {"\"id\":\"\",\"hash\":\"sha-256:" HEX "\"", QF_BAD_FIELD, "ops[0].id"},
        {"\"id\":\"a\",\"hash\":\"sm3:" HEX "\"", QF_UNSUPPORTED_ALG, "ops[0].hash"},
        {"\"id\":\"a\",\"hash\":\"md5:" HEX "\"", QF_BAD_FIELD, "ops[0].hash"},
        {"\"id\":\"a\",\"hash\":\"sha-256:0011\"", QF_BAD_FIELD, "ops[0].hash"},
        {"\"id\":\"a\",\"hash\":\"sha-256:0G" HEX "\"", QF_BAD_FIELD, "ops[0].hash"},
        {"\"id\":\"a\",\"hash\":\"sha-256:A" HEX "\"", QF_BAD_FIELD, "ops[0].hash"},
        {"\"id\":\"a\",\"hash\":\"sha-256:" HEX "\",\"size\":-1", QF_BAD_FIELD, "ops[0].size"},
        {"\"id\":\"a\",\"hash\":\"sha-256:" HEX "\",\"size\":\"1\"", QF_BAD_FIELD, "ops[0].size"},
        {"\"id\":\"a\",\"hash\":\"sha-256:" HEX "\",\"media_type\":\"\"", QF_BAD_FIELD,
         "ops[0].media_type"},
        {"\"id\":\"a\",\"hash\":\"sha-256:" HEX "\",\"source\":\"a\\u0000b\"", QF_BAD_FIELD,
         "ops[0].source"},
        {"\"id\":\"a\",\"hash\":\"sha-256:" HEX "\",\"attributes\":[]", QF_BAD_FIELD,
         "ops[0].attributes"},
        {"\"id\":\"a\",\"hash\":\"sha-256:" HEX "\",\"attributes\":{\"n\":true}", QF_BAD_FIELD,
         "ops[0].attributes.n"},
        {"\"id\":\"a\",\"hash\":\"sha-256:" HEX "\",\"attributes\":{\"\":1}", QF_BAD_FIELD,
         "ops[0].attributes.member 1"},
        {"\"id\":\"a\",\"hash\":\"sha-256:" HEX "\",\"attributes\":{\"n\":\"v\",\"\\u4e2d\":-3}",
         QF_OK, ""},
        {"\"id\":\"a\",\"hash\":\"sha-256:" HEX "\",\"timestamp\":\"MAMCAQE=\"", QF_OK, ""},
        {"\"id\":\"a\",\"hash\":\"sha-256:" HEX "\",\"timestamp\":\"MAMCAQ==\"", QF_BAD_FIELD,
         "ops[0].timestamp"},
        {"\"id\":\"a\",\"hash\":\"sha-256:" HEX "\",\"timestamp\":\"AQID\"", QF_BAD_FIELD,
         "ops[0].timestamp"},
        {"\"id\":\"a\",\"hash\":\"sha-256:" HEX "\",\"timestamp\":\"*\"", QF_BAD_FIELD,
         "ops[0].timestamp"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char ops[512];
        snprintf(ops, sizeof ops, "[{\"op\":\"evidence.record\",%s}]", cases[i].op);
        decode_ops(world, ops, cases[i].status, cases[i].field);
    }
}

static void other_types_are_judged(void **state)
{
    struct qf_testing_world *world = *state;
    static const struct {
        const char *ops;
        enum qf_status status;
        const char *field;
    } cases[] = {
        {"[{\"op\":\"identity.subject.register\",\"subject\":\"110101199003078515\"}]",
         QF_BAD_FIELD, "ops[0].subject"},
        {"[{\"op\":\"identity.subject.register\",\"subject\":\"" HEX "\"}]", QF_OK, ""},
        {"[{\"op\":\"identity.subject.register\",\"subject\":\"" HEX "\",\"name\":\"Li\"}]",
         QF_BAD_FIELD, "ops[0].name"},
        {"[{\"op\":\"identity.key.revoke\",\"kid\":\"x\"}]", QF_BAD_FIELD, "ops[0].kid"},
        {"[{\"op\":\"identity.key.add\",\"actor\":\"x\",\"key\":{\"kty\":\"RSA\"}}]", QF_BAD_FIELD,
         NULL},
        {"[{\"op\":\"identity.role.grant\",\"actor\":\"x\",\"roles\":[]}]", QF_BAD_FIELD,
         "ops[0].roles"},
        {"[{\"op\":\"identity.role.grant\",\"actor\":\"x\",\"roles\":[\"r\",\"r\"]}]", QF_BAD_FIELD,
         "ops[0].roles[1]"},
        {"[{\"op\":\"identity.role.grant\",\"actor\":\"x\",\"roles\":[1]}]", QF_BAD_FIELD,
         "ops[0].roles[0]"},
        {"[{\"op\":\"identity.role.grant\",\"actor\":\"x\",\"roles\":\"r\"}]", QF_BAD_FIELD,
         "ops[0].roles"},
        {"[{\"op\":\"evidence.record_batch\",\"id\":\"b\",\"root\":\"sha-256:" HEX
         "\",\"count\":0}]",
         QF_BAD_FIELD, "ops[0].count"},
        {"[{\"op\":\"evidence.record_batch\",\"id\":\"b\",\"root\":\"sha-256:" HEX
         "\",\"count\":1000000001}]",
         QF_BAD_FIELD, "ops[0].count"},
        {"[{\"op\":\"consortium.vote\",\"proposal\":\"p\",\"choice\":\"maybe\"}]", QF_BAD_FIELD,
         "ops[0].choice"},
        {"[{\"op\":\"consortium.propose\",\"proposal\":\"p\",\"action\":{}}]", QF_BAD_FIELD,
         "ops[0].action.do"},
        {"[{\"op\":\"consortium.propose\",\"proposal\":\"p\",\"action\":7}]", QF_BAD_FIELD,
         "ops[0].action.do"},
        {"[{\"op\":\"consortium.propose\",\"proposal\":\"p\",\"action\":{\"do\":\"war\"}}]",
         QF_BAD_FIELD, "ops[0].action.do"},
        {"[{\"op\":\"consortium.propose\",\"proposal\":\"p\","
         "\"action\":{\"do\":\"member.suspend\",\"member\":\"a/b\"}}]",
         QF_BAD_FIELD, "ops[0].action.member"},
        {"[{\"op\":\"consortium.propose\",\"proposal\":\"p\",\"action\":{\"do\":\"calendar.set\","
         "\"year\":2026,\"holidays\":[\"2026-02-29\"],\"workdays\":[]}}]",
         QF_BAD_FIELD, "ops[0].action.holidays[0]"},
        {"[{\"op\":\"consortium.propose\",\"proposal\":\"p\",\"action\":{\"do\":\"validators.set\","
         "\"validators\":[{\"key\":\"AAAA\",\"member\":\"a\",\"power\":1}]}}]",
         QF_BAD_FIELD, "ops[0].action.validators[0].key"},
        {"[{\"op\":\"identity.mandate.revoke\",\"mandate\":\"m\"},{\"op\":\"x.y\"}]", QF_UNKNOWN_OP,
         "ops[1].op"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (cases[i].field != NULL) {
            decode_ops(world, cases[i].ops, cases[i].status, cases[i].field);
            continue;
        }
        struct qf_tx tx;
        struct qf_error err = {0};
        struct qf_slice jws =
            qf_testing_sign(world, 0, 1, qf_testing_json(world, "%s", cases[i].ops));
        assert_int_equal(qf_tx_decode(&world->arena, &tx, jws, &world->rules, &err),
                         cases[i].status);
        assert_int_equal(strncmp(err.field, "ops[0].key", 10), 0);
    }
}

static void keys_of_the_other_suite_are_refused(void **state)
{
    struct qf_testing_world *world = *state;
    struct qf_testing_world *gm = qf_testing_new(QF_SUITE_GM);
    char ops[512];
    snprintf(ops, sizeof ops, "[{\"op\":\"identity.key.add\",\"actor\":\"x\",\"key\":%s}]",
             gm->jwk[0]);
    decode_ops(world, ops, QF_UNSUPPORTED_ALG, "ops[0].key");
    decode_ops(gm, ops, QF_OK, "");
    decode_ops(gm, "[{\"op\":\"evidence.record\",\"id\":\"a\",\"hash\":\"sm3:" HEX "\"}]", QF_OK,
               "");
    decode_ops(gm, "[{\"op\":\"evidence.record\",\"id\":\"a\",\"hash\":\"sha-256:" HEX "\"}]",
               QF_UNSUPPORTED_ALG, "ops[0].hash");
    struct qf_buf out = {0};
    struct qf_json none = qf_json_make_array();
    uint8_t nonce[16] = {0};
    struct qf_error err;
    assert_int_equal(qf_tx_sign(&out, gm->keys[0], &world->rules, 1, nonce, &none, &err),
                     QF_UNSUPPORTED_ALG);
    qf_buf_deinit(&out);
    qf_testing_free(gm);
}

static void limits_are_named(void **state)
{
    struct qf_testing_world *world = *state;
    struct qf_buf text = {0};
    qf_buf_put_text(&text, "[");
    for (int i = 0; i <= QF_TX_OPS_MAX; i++)
        qf_buf_printf(&text, "%s{\"op\":\"identity.mandate.revoke\",\"mandate\":\"m\"}",
                      i == 0 ? "" : ",");
    qf_buf_put_text(&text, "]");
    decode_ops(world, qf_buf_text(&text), QF_OVER_LIMIT, "ops");

    struct qf_buf out = {0};
    qf_buf_put_text(&out, "kept");
    struct qf_json ops = qf_json_make_array();
    for (int i = 0; i < 20; i++)
        qf_json_append(&world->arena, &ops,
                       qf_json_make_slice(qf_slice_make(
                           qf_arena_zalloc(&world->arena, QF_TEXT_SIZE_MAX), QF_TEXT_SIZE_MAX)));
    uint8_t nonce[16] = {0};
    struct qf_error err;
    assert_int_equal(qf_tx_sign(&out, world->keys[0], &world->rules, 1, nonce, &ops, &err),
                     QF_OVER_LIMIT);
    assert_true(qf_slice_is(qf_buf_slice(&out), "kept"));
    qf_buf_deinit(&out);

    qf_buf_reset(&text);
    qf_buf_put_text(&text, "[{\"op\":\"evidence.record\",\"id\":\"a\",\"hash\":\"sha-256:" HEX
                           "\",\"attributes\":{");
    for (int i = 0; i <= QF_ATTRIBUTES_MAX; i++)
        qf_buf_printf(&text, "%s\"n%d\":1", i == 0 ? "" : ",", i);
    qf_buf_put_text(&text, "}}]");
    decode_ops(world, qf_buf_text(&text), QF_OVER_LIMIT, "ops[0].attributes");

    qf_buf_reset(&text);
    qf_buf_put_text(&text, "[{\"op\":\"evidence.record\",\"id\":\"a\",\"hash\":\"sha-256:" HEX
                           "\",\"source\":\"");
    for (int i = 0; i <= QF_TEXT_SIZE_MAX; i++)
        qf_buf_put_byte(&text, 'x');
    qf_buf_put_text(&text, "\"}]");
    decode_ops(world, qf_buf_text(&text), QF_OVER_LIMIT, "ops[0].source");

    qf_buf_reset(&text);
    for (int i = 0; i <= QF_TX_SIZE_MAX; i++)
        qf_buf_put_byte(&text, 'x');
    decode(world, qf_buf_slice(&text), QF_OVER_LIMIT, "");
    qf_buf_deinit(&text);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(signed_transaction_decodes), T(header_is_judged),
        T(payload_is_judged),          T(fields_are_judged),
        T(other_types_are_judged),     T(keys_of_the_other_suite_are_refused),
        T(limits_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
