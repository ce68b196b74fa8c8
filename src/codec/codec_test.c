#include <dirent.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "codec/jws.h"
#include "codec/text.h"

static const char *data_dir;

static struct qf_slice load(struct qf_arena *arena, const char *folder, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s/%s", data_dir, folder, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    uint8_t *bytes = qf_arena_alloc(arena, 1 << 20);
    size_t size = fread(bytes, 1, 1 << 20, file);
    fclose(file);
    return qf_slice_make(bytes, size);
}

/* Files that RFC 8259 lets in and our restrictions keep out: decimals, numbers beyond 2^53 - 1,
 * duplicate keys; and nothing else. */
static const char *const restricted[] = {
    "y_number.json",
    "y_number_0e+1.json",
    "y_number_0e1.json",
    "y_number_double_close_to_zero.json",
    "y_number_int_with_exp.json",
    "y_number_real_capital_e.json",
    "y_number_real_capital_e_neg_exp.json",
    "y_number_real_capital_e_pos_exp.json",
    "y_number_real_exponent.json",
    "y_number_real_fraction_exponent.json",
    "y_number_real_neg_exp.json",
    "y_number_real_pos_exponent.json",
    "y_number_simple_real.json",
    "y_object_duplicated_key.json",
    "y_object_duplicated_key_and_value.json",
    "y_object_extreme_numbers.json",
    "y_structure_lonely_negative_real.json",
};

static bool is_restricted(const char *name)
{
    for (size_t i = 0; i < sizeof restricted / sizeof restricted[0]; i++)
        if (strcmp(restricted[i], name) == 0)
            return true;
    return false;
}

static void json_test_suite(void **state)
{
    (void)state;
    char path[512];
    snprintf(path, sizeof path, "%s/json", data_dir);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    int seen = 0;
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        const char *name = entry->d_name;
        if (strstr(name, ".json") == NULL)
            continue;
        struct qf_arena arena = {0};
        struct qf_json value;
        struct qf_error err = {0};
        struct qf_slice input = load(&arena, "json", name);
        enum qf_status any = qf_json_parse(&arena, &value, input, QF_JSON_ANY, &err);
        enum qf_status number = qf_json_parse(&arena, &value, input, QF_JSON_ANY_NUMBER, &err);
        enum qf_status strict = qf_json_parse(&arena, &value, input, QF_JSON_CANONICAL, &err);
        bool none = any != QF_OK && number != QF_OK && strict != QF_OK;
        bool duplicate = strstr(name, "duplicated") != NULL;
        if (name[0] == 'n' && !none)
            fail_msg("%s: any %d, number %d, strict %d", name, any, number, strict);
        if (name[0] == 'y' && (any == QF_OK) == is_restricted(name))
            fail_msg("%s: %d %s %s", name, any, err.field, err.detail);
        if (name[0] == 'y' && (number == QF_OK) == duplicate)
            fail_msg("%s with numbers of any form: %d %s", name, number, err.detail);
        if (any != QF_OK && strict == QF_OK)
            fail_msg("%s: the strict parser takes more than the lenient one", name);
        seen++;
        qf_arena_deinit(&arena);
    }
    closedir(dir);
    assert_true(seen > 300);
}

static void jcs_vectors(void **state)
{
    (void)state;
    static const char *const names[] = {"arrays.json",  "french.json", "structures.json",
                                        "unicode.json", "values.json", "weird.json"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct qf_arena arena = {0};
        struct qf_json value;
        struct qf_error err = {0};
        struct qf_buf out = {0};
        struct qf_slice input = load(&arena, "jcs/input", names[i]);
        struct qf_slice want = load(&arena, "jcs/output", names[i]);
        if (qf_json_parse(&arena, &value, input, QF_JSON_ANY_NUMBER, &err) != QF_OK)
            fail_msg("%s: %s %s", names[i], err.field, err.detail);
        qf_json_write(&out, &value);
        assert_int_equal(out.size, want.size);
        assert_memory_equal(out.data, want.data, want.size);
        qf_buf_deinit(&out);
        qf_arena_deinit(&arena);
    }
}

static void numbers_as_ecmascript_writes_them(void **state)
{
    (void)state;
    /* RFC 8785 appendix B, and edges of the format. */
    static const char *const pairs[][2] = {
        {"5e-324", "5e-324"},
        {"1.7976931348623157e308", "1.7976931348623157e+308"},
        {"9007199254740992", "9007199254740992"},
        {"295147905179352830000", "295147905179352830000"},
        {"999999999999999900000", "999999999999999900000"},
        {"1e21", "1e+21"},
        {"9.999999999999997e22", "9.999999999999997e+22"},
        {"1e23", "1e+23"},
        {"1.0000000000000001e23", "1.0000000000000001e+23"},
        {"0.000001", "0.000001"},
        {"9.999999999999997e-7", "9.999999999999997e-7"},
        {"333333333.33333325", "333333333.33333325"},
        {"333333333.3333334", "333333333.3333334"},
        {"-0.0000033333333333333333", "-0.0000033333333333333333"},
        {"1424953923781206.25", "1424953923781206.2"},
        {"-0.0", "0"},
        {"1e-400", "0"},
        {"4.35", "4.35"},
        {"2.2250738585072014e-308", "2.2250738585072014e-308"},
        {"2.2250738585072011e-308", "2.225073858507201e-308"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        struct qf_arena arena = {0};
        struct qf_json value;
        struct qf_buf out = {0};
        assert_int_equal(
            qf_json_parse(&arena, &value, qf_slice_of(pairs[i][0]), QF_JSON_ANY_NUMBER, NULL),
            QF_OK);
        qf_json_write(&out, &value);
        assert_string_equal(qf_buf_text(&out), pairs[i][1]);
        qf_buf_deinit(&out);
        qf_arena_deinit(&arena);
    }
    struct qf_arena arena = {0};
    struct qf_json value;
    assert_int_not_equal(
        qf_json_parse(&arena, &value, qf_slice_of("1e309"), QF_JSON_ANY_NUMBER, NULL), QF_OK);
    qf_arena_deinit(&arena);
}

static void strict_form(void **state)
{
    (void)state;
    static const char *const good[] = {
        "{}",
        "[]",
        "0",
        "-1",
        "9007199254740991",
        "\"\\u0000\\b\\t\\n\\f\\r\\u001f\\\"\\\\/\"",
        "{\"a\":1,\"b\":[true,false,null],\"é\":\"\x7f\"}",
        "{\"\xF0\x9F\x98\x80\":1,\"\xEF\xAC\xB3\":2}" /* U+1F600 sorts before U+FB33 */,
    };
    static const char *const bad[] = {
        "",
        " {}",
        "{} ",
        "{\"b\":1,\"a\":2}",
        "{\"a\":1,\"a\":1}",
        "01",
        "-0",
        "1.0",
        "1e3",
        "9007199254740992",
        "\"\\/\"",
        "\"\\u0041\"",
        "\"\\u000a\"",
        "\"\\u001F\"",
        "[1, 2]",
        "\"\xC0\x80\"",
        "\"\xED\xA0\x80\"",
        "tru",
        "[1,]",
        "{\"a\":}",
        "\"\\ud83d\\ude00\"",
        "{\"\xEF\xAC\xB3\":2,\"\xF0\x9F\x98\x80\":1}",
    };
    struct qf_arena arena = {0};
    struct qf_json value;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        if (qf_json_parse(&arena, &value, qf_slice_of(good[i]), QF_JSON_CANONICAL, NULL) != QF_OK)
            fail_msg("refused: %s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (qf_json_parse(&arena, &value, qf_slice_of(bad[i]), QF_JSON_CANONICAL, NULL) == QF_OK)
            fail_msg("accepted: %s", bad[i]);
    char deep[80];
    memset(deep, '[', 33);
    memset(deep + 33, ']', 33);
    struct qf_error err;
    assert_int_equal(qf_json_parse(&arena, &value, qf_slice_make(deep, 66), QF_JSON_ANY, &err),
                     QF_OVER_LIMIT);
    assert_string_equal(err.field, "byte 32");
    assert_int_equal(qf_json_parse(&arena, &value, qf_slice_make(deep + 1, 64), QF_JSON_ANY, &err),
                     QF_OK);
    qf_arena_deinit(&arena);
}

static struct qf_json random_value(struct qf_arena *arena, unsigned depth)
{
    switch (rand() % (depth > 4 ? 4 : 6)) {
    case 0:
        return qf_json_make_int((int64_t)rand() * (rand() % 3 - 1));
    case 1:
        return qf_json_make_bool(rand() % 2 == 0);
    case 2:
        return qf_json_make_null();
    case 3: {
        static const char *const texts[] = {
            "", "a", "é", "\"", "\n\x01", "汉字", "\xF0\x9F\x98\x80"};
        return qf_json_make_text(texts[rand() % 7]);
    }
    case 4: {
        struct qf_json array = qf_json_make_array();
        for (int i = rand() % 5; i > 0; i--)
            qf_json_append(arena, &array, random_value(arena, depth + 1));
        return array;
    }
    default: {
        struct qf_json object = qf_json_make_object();
        for (int i = rand() % 9; i > 0; i--)
            qf_json_put(arena, &object,
                        qf_arena_printf(arena, "k%d%s", rand() % 12, rand() % 3 == 0 ? "é" : ""),
                        random_value(arena, depth + 1));
        return object;
    }
    }
}

/* One form for one value: what is written parses, and no changed byte parses as the same form. */
static void written_values_are_canonical(void **state)
{
    (void)state;
    srand(1);
    for (int round = 0; round < 2000; round++) {
        struct qf_arena arena = {0};
        struct qf_buf text = {0};
        struct qf_buf again = {0};
        struct qf_json value = random_value(&arena, 0);
        struct qf_json parsed;
        qf_json_write(&text, &value);
        assert_int_equal(
            qf_json_parse(&arena, &parsed, qf_buf_slice(&text), QF_JSON_CANONICAL, NULL), QF_OK);
        qf_json_write(&again, &parsed);
        assert_true(qf_slice_equal(qf_buf_slice(&text), qf_buf_slice(&again)));
        if (text.size > 0) {
            text.data[(size_t)rand() % text.size] ^= (uint8_t)(1 << rand() % 8);
            if (qf_json_parse(&arena, &parsed, qf_buf_slice(&text), QF_JSON_CANONICAL, NULL) ==
                QF_OK) {
                qf_buf_reset(&again);
                qf_json_write(&again, &parsed);
                assert_true(qf_slice_equal(qf_buf_slice(&text), qf_buf_slice(&again)));
            }
        }
        qf_buf_deinit(&text);
        qf_buf_deinit(&again);
        qf_arena_deinit(&arena);
    }
}

static void building_on_a_parsed_object(void **state)
{
    (void)state;
    struct qf_arena arena = {0};
    struct qf_json value;
    struct qf_buf out = {0};
    assert_int_equal(
        qf_json_parse(&arena, &value, qf_slice_of("{\"c\":1,\"a\":2,\"b\":3}"), QF_JSON_ANY, NULL),
        QF_OK);
    qf_json_put(&arena, &value, "d", qf_json_make_int(4));
    qf_json_put(&arena, &value, "0", qf_json_make_int(5));
    qf_json_put(&arena, &value, "a", qf_json_make_int(6));
    qf_json_write(&out, &value);
    assert_string_equal(qf_buf_text(&out), "{\"0\":5,\"a\":6,\"b\":3,\"c\":1,\"d\":4}");
    struct qf_slice text;
    struct qf_error err;
    assert_int_equal(qf_json_get_text(&value, "z", &text, &err), QF_BAD_FIELD);
    assert_string_equal(err.field, "z");
    qf_buf_deinit(&out);
    qf_arena_deinit(&arena);
}

static void text_encodings(void **state)
{
    (void)state;
    /* RFC 4648 section 10. */
    static const char *const pairs[][2] = {
        {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},         {"foo", "Zm9v"},
        {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}};
    for (size_t i = 0; i < 7; i++) {
        char text[16];
        uint8_t bytes[16];
        size_t size = 0;
        struct qf_slice in = qf_slice_of(pairs[i][0]);
        qf_base64url_encode(text, in);
        assert_memory_equal(text, pairs[i][1], QF_BASE64URL_SIZE(in.size));
        assert_true(qf_base64url_decode(bytes, &size, qf_slice_of(pairs[i][1])));
        assert_true(qf_slice_equal(qf_slice_make(bytes, size), in));
        qf_base64_encode(text, in);
        assert_true(qf_base64_decode(bytes, &size, qf_slice_make(text, QF_BASE64_SIZE(in.size))));
        assert_true(qf_slice_equal(qf_slice_make(bytes, size), in));
    }
    static const char *const bad[] = {"Zh", "Zg==", "Z", "Zm9=", "Zm 9v", "+A", "/A", "Zm9v\n"};
    uint8_t bytes[16];
    size_t size;
    for (size_t i = 0; i < 8; i++)
        assert_false(qf_base64url_decode(bytes, &size, qf_slice_of(bad[i])));
    static const char *const bad_padded[] = {
        "Zg", "Zg=", "Zh==", "Zg===", "====", "-A==", "Zm9v\n"};
    for (size_t i = 0; i < 7; i++)
        assert_false(qf_base64_decode(bytes, &size, qf_slice_of(bad_padded[i])));
    assert_true(qf_hex_decode(bytes, &size, qf_slice_of("00ff7e")));
    assert_int_equal(size, 3);
    assert_int_equal(bytes[1], 255);
    assert_false(qf_hex_decode(bytes, &size, qf_slice_of("0F")));
    assert_false(qf_hex_decode(bytes, &size, qf_slice_of("0")));
}

static void ids(void **state)
{
    (void)state;
    char longest[QF_ID_SIZE_MAX + 1];
    memset(longest, 'a', sizeof longest);
    assert_true(qf_id_valid(qf_slice_of("Az09._:/-")));
    assert_true(qf_id_valid(qf_slice_make(longest, QF_ID_SIZE_MAX)));
    assert_false(qf_id_valid(qf_slice_make(longest, QF_ID_SIZE_MAX + 1)));
    assert_false(qf_id_valid(qf_slice_of("")));
    assert_false(qf_id_valid(qf_slice_of("a b")));
    assert_false(qf_id_valid(qf_slice_of("é")));
    assert_false(qf_id_valid(qf_slice_of("a+b")));
}

static void jws_round_trip(void **state)
{
    (void)state;
    struct qf_arena arena = {0};
    struct qf_buf buf = {0};
    struct qf_jws jws;
    struct qf_error err;
    uint8_t signature[64];
    memset(signature, 7, sizeof signature);
    qf_jws_put_signing_input(&buf, "ES256", qf_slice_of("kid-1"), "qf-tx", qf_slice_of("{}"));
    size_t signed_size = buf.size;
    qf_jws_put_signature(&buf, signature);
    assert_int_equal(qf_jws_decode(&arena, &jws, qf_buf_slice(&buf), &err), QF_OK);
    assert_true(qf_slice_is(jws.alg, "ES256") && qf_slice_is(jws.kid, "kid-1"));
    assert_true(qf_slice_is(jws.typ, "qf-tx") && qf_slice_is(jws.payload, "{}"));
    assert_int_equal(jws.signing_input.size, signed_size);
    assert_memory_equal(jws.signature, signature, 64);
    for (size_t cut = 0; cut < buf.size; cut++)
        assert_int_not_equal(qf_jws_decode(&arena, &jws, qf_slice_make(buf.data, cut), &err),
                             QF_OK);
    /* A header in another order, or with another member, is another form. */
    static const char *const headers[] = {
        "{\"kid\":\"k\",\"alg\":\"ES256\",\"typ\":\"qf-tx\"}",
        "{\"alg\":\"ES256\",\"kid\":\"k\",\"typ\":\"qf-tx\",\"x\":1}",
        "{\"alg\":\"ES256\",\"kid\":\"k\"}",
        "{\"alg\":\"ES256\", \"kid\":\"k\",\"typ\":\"qf-tx\"}"};
    for (size_t i = 0; i < 4; i++) {
        qf_buf_reset(&buf);
        qf_buf_put_base64url(&buf, qf_slice_of(headers[i]));
        qf_buf_put_text(&buf, ".e30");
        qf_jws_put_signature(&buf, signature);
        assert_int_equal(qf_jws_decode(&arena, &jws, qf_buf_slice(&buf), &err), QF_MALFORMED);
        assert_string_equal(err.field, "header");
    }
    qf_buf_deinit(&buf);
    qf_arena_deinit(&arena);
}

int main(int argc, char **argv)
{
    assert_int_equal(argc, 2);
    data_dir = argv[1];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_test_suite),
        cmocka_unit_test(jcs_vectors),
        cmocka_unit_test(numbers_as_ecmascript_writes_them),
        cmocka_unit_test(strict_form),
        cmocka_unit_test(written_values_are_canonical),
        cmocka_unit_test(building_on_a_parsed_object),
        cmocka_unit_test(text_encodings),
        cmocka_unit_test(ids),
        cmocka_unit_test(jws_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
