/* Times and identifiers, and what the parser owes to memory, depth and others' parsers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <jansson.h>
#include <openssl/evp.h>

#include "codec/cn_id.h"
#include "codec/json.h"
#include "codec/jws.h"
#include "codec/text.h"
#include "codec/time.h"

static void times_as_text(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
        int32_t offset;
        const char *utc;
    } good[] = {
        {"1970-01-01T00:00:00Z", 0, 0, "1970-01-01T00:00:00.000Z"},
        {"2010-10-05T02:00:00.000+02:00", 1286236800000, 120, "2010-10-05T00:00:00.000Z"},
        {"1969-12-31t23:59:59.9z", -100, 0, "1969-12-31T23:59:59.900Z"},
        {"2000-02-29T12:00:00.123456789-23:59", 951911940123, -1439, "2000-03-01T11:59:00.123Z"},
        {"0000-01-01T00:00:00Z", QF_TIME_MS_MIN, 0, "0000-01-01T00:00:00.000Z"},
        {"9999-12-31T23:59:59.999Z", QF_TIME_MS_MAX, 0, "9999-12-31T23:59:59.999Z"},
        {"2016-12-31T23:59:60Z", 1483228800000, 0, "2017-01-01T00:00:00.000Z"},
        {"1990-12-31T15:59:60-08:00", 662688000000, -480, "1991-01-01T00:00:00.000Z"},
        {"1900-03-01T00:00:00+00:00", -2203891200000, 0, "1900-03-01T00:00:00.000Z"},
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        int64_t ms = 1;
        int32_t offset = 1;
        char text[QF_TIME_TEXT_SIZE];
        assert_true(qf_time_parse(&ms, &offset, qf_slice_of(good[i].text)));
        assert_int_equal(ms, good[i].ms);
        assert_int_equal(offset, good[i].offset);
        qf_time_format(text, ms);
        assert_memory_equal(text, good[i].utc, sizeof text);
    }
    static const char *const bad[] = {
        "",
        "2010-10-05",
        "2010-10-05T02:00:00",
        "2010-10-05 02:00:00Z",
        "2010-13-05T02:00:00Z",
        "2010-00-05T02:00:00Z",
        "1900-02-29T00:00:00Z",
        "2010-04-31T00:00:00Z",
        "2010-10-05T24:00:00Z",
        "2010-10-05T02:60:00Z",
        "2010-10-05T02:00:61Z",
        "2010-10-05T02:00:60Z",
        "2016-12-31T23:59:60+01:00",
        "2010-10-05T02:00:00.Z",
        "2010-10-05T02:00:00.1234567890Z",
        "2010-10-05T02:00:00+24:00",
        "2010-10-05T02:00:00+0200",
        "2010-10-05T02:00:00Z ",
        "+2010-10-05T02:00:00Z",
        "0000-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "9999-12-31T23:59:60Z",
        "2010-10-5T02:00:00Z",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int64_t ms;
        int32_t offset;
        if (qf_time_parse(&ms, &offset, qf_slice_of(bad[i])))
            fail_msg("%s", bad[i]);
    }
    int64_t ms;
    assert_true(qf_time_parse_date(&ms, qf_slice_of("2010-10-05")));
    assert_int_equal(ms, 1286236800000);
    assert_false(qf_time_parse_date(&ms, qf_slice_of("2010-10-05T")));
    assert_false(qf_time_parse_date(&ms, qf_slice_of("2010-02-29")));
}

/* Every day of the range follows the one before it, and both ways agree. */
static void every_day(void **state)
{
    (void)state;
    struct qf_time_fields before = {.year = -1, .month = 12, .day = 31};
    for (int64_t ms = QF_TIME_MS_MIN; ms <= QF_TIME_MS_MAX; ms += 86400000) {
        struct qf_time_fields f = qf_time_fields_of(ms + 86399999);
        assert_true(qf_time_fields_valid(&f));
        assert_int_equal(qf_time_of(&f), ms + 86399999);
        bool next_day = f.year == before.year && f.month == before.month && f.day == before.day + 1;
        bool next_month =
            f.year == before.year && f.month == before.month + 1 && f.day == 1 && before.day >= 28;
        bool next_year = f.year == before.year + 1 && f.month == 1 && f.day == 1 &&
                         before.month == 12 && before.day == 31;
        assert_true(next_day || next_month || next_year);
        before = f;
    }
}

static bool in(const char *text, bool (*valid)(struct qf_slice))
{
    return valid(qf_slice_of(text));
}

static void credit_codes_and_citizen_ids(void **state)
{
    (void)state;
    static const char *const codes[] = {"91110000600037341L", "11430000006122244L",
                                        "91350100M000100Y43", "91440300708461136T",
                                        "914403001922038216"};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        assert_true(in(codes[i], qf_credit_code_valid));
    assert_false(in("91110000600037341M", qf_credit_code_valid));  /* check */
    assert_false(in("91110000600037342L", qf_credit_code_valid));  /* check inside */
    assert_false(in("91110000600037341l", qf_credit_code_valid));  /* lower case */
    assert_false(in("9111000060003734L", qf_credit_code_valid));   /* short */
    assert_false(in("91110000600037341L0", qf_credit_code_valid)); /* long */
    assert_false(in("911A0000600037341L", qf_credit_code_valid));  /* place */
    assert_false(in("9111000060003734IL", qf_credit_code_valid));  /* I is not used */
    assert_false(in("", qf_credit_code_valid));
    assert_true(in("11010519491231002X", qf_citizen_id_valid)); /* the example of GB 11643 */
    assert_true(in("440524188001010014", qf_citizen_id_valid)); /* the same */
    assert_false(in("11010519491231002x", qf_citizen_id_valid));
    assert_false(in("110105194912310021", qf_citizen_id_valid));
    assert_false(in("11010519491331002X", qf_citizen_id_valid));
    assert_false(in("11010519490229002X", qf_citizen_id_valid));
    assert_false(in("1101051949123100", qf_citizen_id_valid));
}

static void licence_ids(void **state)
{
    (void)state;
    const char *sample =
        "1.2.156.3005.2.11100000000013338W011.11430000006122244L.20230000403.001.U";
    struct qf_licence_id id;
    assert_true(qf_licence_id_parse(&id, qf_slice_of(sample)));
    assert_true(qf_slice_is(id.type, "11100000000013338W011"));
    assert_true(qf_slice_is(id.issuer, "11430000006122244L"));
    assert_true(qf_slice_is(id.serial, "20230000403"));
    assert_true(qf_slice_is(id.version, "001"));
    assert_int_equal(id.check, 'U');
    assert_true(qf_licence_id_parse(&id, qf_slice_of(sample + 15)));
    assert_int_equal(
        qf_mod37_36_check(qf_slice_of("11100000000013338W01111430000006122244L20230000403001")),
        'U');
    assert_int_equal(qf_mod37_36_check(qf_slice_of("")), '\0');
    assert_int_equal(qf_mod37_36_check(qf_slice_of("a")), '\0');
    /* Every change of one character is found. */
    size_t size = strlen(sample + 15);
    for (size_t at = 0; at < size; at++) {
        for (char c = '0'; c <= 'Z'; c++) {
            char copy[80];
            memcpy(copy, sample + 15, size);
            copy[at] = c;
            bool same = c == sample[15 + at];
            if (qf_licence_id_parse(&id, qf_slice_make(copy, size)) != same)
                fail_msg("%.*s", (int)size, copy);
        }
    }
    assert_false(qf_licence_id_parse(&id, qf_slice_of("")));
    assert_false(qf_licence_id_parse(&id, qf_slice_of("1.2.156.3005.2.")));
}

/* The parser's own limits. */
static void depth_and_memory(void **state)
{
    (void)state;
    struct qf_arena arena = {0};
    struct qf_json value;
    struct qf_error err;
    char nested[2 * QF_JSON_DEPTH_MAX + 2];
    memset(nested, '[', QF_JSON_DEPTH_MAX + 1);
    memset(nested + QF_JSON_DEPTH_MAX + 1, ']', QF_JSON_DEPTH_MAX + 1);
    struct qf_slice most = qf_slice_make(nested + 1, (size_t)2 * QF_JSON_DEPTH_MAX);
    struct qf_slice over = qf_slice_make(nested, sizeof nested);
    assert_int_equal(qf_json_parse(&arena, &value, most, QF_JSON_CANONICAL, &err), QF_OK);
    assert_int_equal(qf_json_parse(&arena, &value, over, QF_JSON_CANONICAL, &err), QF_OVER_LIMIT);
    assert_string_equal(err.field, "byte 32");
    struct qf_buf text = {0};
    qf_buf_put_text(&text, "[0");
    for (int i = 0; i < 50000; i++)
        qf_buf_put_text(&text, ",0");
    qf_buf_put_text(&text, "]");
    assert_int_equal(qf_json_parse(&arena, &value, qf_buf_slice(&text), QF_JSON_CANONICAL, &err),
                     QF_OK);
    assert_int_equal(value.count, 50001);
    assert_true(arena.used < 80 * text.size);
    qf_arena_deinit(&arena);
    qf_arena_init(&arena, 100000);
    assert_int_equal(qf_json_parse(&arena, &value, qf_buf_slice(&text), QF_JSON_CANONICAL, &err),
                     QF_OVER_LIMIT);
    assert_non_null(strstr(err.detail, "memory"));
    qf_buf_deinit(&text);
    qf_arena_deinit(&arena);
}

/* The longest decimals that matter, and ties, which only exact arithmetic rounds rightly. */
static void numbers_at_the_edge(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"1.7976931348623158e308", "1.7976931348623157e+308"},
        {"2.4703282292062327e-324", "0"},
        {"2.4703282292062328e-324", "5e-324"},
        {"1e-400000000000", "0"},
        {"2.2250738585072011e-308", "2.225073858507201e-308"},
        {"0.1000000000000000055511151231257827021181583404541015625", "0.1"},
        {"9007199254740993", "9007199254740992"},                         /* tie, to even */
        {"9007199254740993.00000000000000000000001", "9007199254740994"}, /* just above it */
        {"9.9999999999999974e+22", "9.999999999999997e+22"},
        {"9.9999999999999990e+22", "1e+23"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        struct qf_arena arena = {0};
        struct qf_buf buf = {0};
        struct qf_json value;
        assert_int_equal(
            qf_json_parse(&arena, &value, qf_slice_of(pairs[i][0]), QF_JSON_ANY_NUMBER, NULL),
            QF_OK);
        qf_json_write(&buf, &value);
        assert_string_equal(qf_buf_text(&buf), pairs[i][1]);
        qf_buf_deinit(&buf);
        qf_arena_deinit(&arena);
    }
    struct qf_arena arena = {0};
    struct qf_json value;
    assert_int_equal(qf_json_parse(&arena, &value, qf_slice_of("1.7976931348623159e308"),
                                   QF_JSON_ANY_NUMBER, NULL),
                     QF_OVER_LIMIT);
    qf_arena_deinit(&arena);
}

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Where Jansson refuses a text we must as well; where it accepts one, ours differ only by what the
 * restrictions name. The texts are JSON with a few bytes changed. */
static void agrees_with_jansson(void **state)
{
    (void)state;
    static const char seed_text[] = "{\"a\":[1,-2,{\"b\":\"\\u00e9\\n\xe6\x94\xbf\"},true,false,"
                                    "null,\"\"],\"z\":{\"y\":12345}}";
    uint64_t random = 88172645463325252ULL;
    unsigned both = 0;
    for (int round = 0; round < 60000; round++) {
        char text[sizeof seed_text];
        size_t size = sizeof seed_text - 1;
        memcpy(text, seed_text, sizeof text);
        for (uint64_t changes = next_random(&random) % 3; changes > 0; changes--)
            text[next_random(&random) % size] =
                "{}[]\",:\\u0019-.e \n\xe6\x80\x01"[next_random(&random) % 19];
        struct qf_arena arena = {0};
        struct qf_json value;
        struct qf_error err = {0};
        bool ours = qf_json_parse(&arena, &value, qf_slice_make(text, size), QF_JSON_ANY_NUMBER,
                                  &err) == QF_OK;
        json_t *theirs =
            json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        both += ours && theirs != NULL;
        if (ours != (theirs != NULL))
            fail_msg("%s: ours %d: %s %s", text, ours, err.field, err.detail);
        json_decref(theirs);
        qf_arena_deinit(&arena);
    }
    assert_true(both > 10000);
}

/* One text for one value: each length up to 200, with every byte of the text changed. */
static void base64url_has_one_text(void **state)
{
    (void)state;
    uint64_t random = 88172645463325252ULL;
    for (size_t size = 0; size <= 200; size++) {
        uint8_t bytes[200];
        uint8_t back[204];
        char text[268];
        char again[268];
        for (size_t i = 0; i < size; i++)
            bytes[i] = (uint8_t)next_random(&random);
        size_t text_size = QF_BASE64URL_SIZE(size);
        size_t got;
        qf_base64url_encode(text, qf_slice_make(bytes, size));
        assert_true(qf_base64url_decode(back, &got, qf_slice_make(text, text_size)));
        assert_int_equal(got, size);
        assert_true(size == 0 || memcmp(bytes, back, size) == 0);
        for (size_t i = 0; i < text_size; i++) {
            char before = text[i];
            text[i] = (char)next_random(&random);
            if (qf_base64url_decode(back, &got, qf_slice_make(text, text_size))) {
                qf_base64url_encode(again, qf_slice_make(back, got));
                assert_memory_equal(again, text, text_size);
            }
            text[i] = before;
        }
    }
}

static const char *vectors_folder;

static json_t *load_vectors(const char *name)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", vectors_folder, name);
    json_t *vectors = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(vectors);
    return vectors;
}

/* The bytes of a hex text, in the arena. */
static struct qf_slice unhex(struct qf_arena *arena, const json_t *hex)
{
    struct qf_slice text = qf_slice_of(json_string_value(hex));
    uint8_t *bytes = qf_arena_alloc(arena, text.size / 2);
    size_t size;
    assert_true(qf_hex_decode(bytes, &size, text));
    return qf_slice_make(bytes, size);
}

static void check_written(struct qf_arena *arena, struct qf_slice text, enum qf_json_mode mode,
                          struct qf_slice canonical)
{
    struct qf_json value;
    struct qf_buf buf = {0};
    assert_int_equal(qf_json_parse(arena, &value, text, mode, NULL), QF_OK);
    qf_json_write(&buf, &value);
    assert_true(qf_slice_equal(qf_buf_slice(&buf), canonical));
    qf_buf_deinit(&buf);
}

static void canonical_vectors(void **state)
{
    (void)state;
    struct qf_arena arena = {0};
    struct qf_json value;
    json_t *vectors = load_vectors("canonical-json.json");
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(vectors, "canonical"), i, item)
    {
        struct qf_slice text = unhex(&arena, item);
        check_written(&arena, text, QF_JSON_CANONICAL, text);
    }
    json_array_foreach(json_object_get(vectors, "not_canonical"), i, item)
    {
        struct qf_slice text = unhex(&arena, json_object_get(item, "text"));
        if (qf_json_parse(&arena, &value, text, QF_JSON_CANONICAL, NULL) == QF_OK)
            fail_msg("accepted: %s", json_string_value(json_object_get(item, "why")));
    }
    json_array_foreach(json_object_get(vectors, "rewritten"), i, item)
    {
        struct qf_slice canonical = unhex(&arena, json_object_get(item, "canonical"));
        check_written(&arena, unhex(&arena, json_object_get(item, "text")), QF_JSON_ANY_NUMBER,
                      canonical);
    }
    json_decref(vectors);
    qf_arena_deinit(&arena);
}

static const char *member(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    assert_non_null(text);
    return text;
}

/* OpenSSL's word on signature and id, so that the vector is right and not only ours. */
static void check_signature(const json_t *vectors, const struct qf_jws *jws)
{
    uint8_t public_key[33];
    uint8_t digest[32];
    char hex[64];
    size_t size;
    const char *x = member(json_object_get(vectors, "jwk"), "x");
    assert_true(qf_base64url_decode(public_key, &size, qf_slice_of(x)));
    EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, public_key, size);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestVerifyInit(context, NULL, NULL, NULL, key), 1);
    assert_int_equal(EVP_DigestVerify(context, jws->signature, sizeof jws->signature,
                                      jws->signing_input.data, jws->signing_input.size),
                     1);
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    assert_int_equal(EVP_Digest(jws->signing_input.data, jws->signing_input.size, digest, NULL,
                                EVP_sha256(), NULL),
                     1);
    qf_hex_encode(hex, qf_slice_make(digest, sizeof digest));
    assert_true(qf_slice_is(qf_slice_make(hex, sizeof hex), member(vectors, "id")));
}

static void transaction_vectors(void **state)
{
    (void)state;
    struct qf_arena arena = {0};
    struct qf_jws jws;
    struct qf_json payload;
    struct qf_error err = {0};
    json_t *vectors = load_vectors("transaction.json");
    const char *text = member(vectors, "jws");
    assert_int_equal(qf_jws_decode(&arena, &jws, qf_slice_of(text), &err), QF_OK);
    assert_true(qf_slice_is(jws.header, member(vectors, "header")));
    assert_true(qf_slice_is(jws.payload, member(vectors, "payload")));
    assert_true(qf_slice_is(jws.typ, "qf-tx"));
    assert_int_equal(qf_json_parse(&arena, &payload, jws.payload, QF_JSON_CANONICAL, &err), QF_OK);
    check_signature(vectors, &jws);
    struct qf_buf again = {0};
    qf_jws_put_signing_input(&again, "EdDSA", jws.kid, "qf-tx", jws.payload);
    qf_jws_put_signature(&again, jws.signature);
    assert_string_equal(qf_buf_text(&again), text);
    qf_buf_deinit(&again);
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(vectors, "bad"), i, item)
    {
        if (qf_jws_decode(&arena, &jws, qf_slice_of(member(item, "jws")), &err) != QF_MALFORMED)
            fail_msg("accepted: %s", member(item, "why"));
        assert_string_equal(err.field, member(item, "part"));
    }
    json_decref(vectors);
    qf_arena_deinit(&arena);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    vectors_folder = argv[1];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_as_text),
        cmocka_unit_test(every_day),
        cmocka_unit_test(credit_codes_and_citizen_ids),
        cmocka_unit_test(licence_ids),
        cmocka_unit_test(depth_and_memory),
        cmocka_unit_test(numbers_at_the_edge),
        cmocka_unit_test(agrees_with_jansson),
        cmocka_unit_test(base64url_has_one_text),
        cmocka_unit_test(canonical_vectors),
        cmocka_unit_test(transaction_vectors),
    };
    return cmocka_run_group_tests_name("forms", tests, NULL, NULL);
}
