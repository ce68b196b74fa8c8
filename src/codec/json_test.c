#include <dirent.h>

#include "codec/codec_test.h"
#include "codec/json.h"

static const char *data_folder;

static void assert_accepts(const char *text, enum qf_json_mode mode, const char *canonical)
{
    struct qf_arena arena = {0};
    struct qf_json value;
    struct qf_error err = {0};
    if (qf_json_parse(&arena, &value, qf_slice_of(text), mode, &err) != QF_OK)
        fail_msg("%s: %s: %s", text, err.field, err.detail);
    struct qf_buf buf = {0};
    qf_json_write(&buf, &value);
    assert_int_equal(qf_buf_status(&buf), QF_OK);
    assert_string_equal(qf_buf_text(&buf), canonical);
    qf_buf_deinit(&buf);
    qf_arena_deinit(&arena);
}

static void assert_refuses(const char *text, enum qf_json_mode mode, enum qf_status want,
                           const char *field)
{
    struct qf_arena arena = {0};
    struct qf_json value;
    struct qf_error err = {0};
    enum qf_status status = qf_json_parse(&arena, &value, qf_slice_of(text), mode, &err);
    if (status != want)
        fail_msg("%s: status %d", text, (int)status);
    assert_int_equal(err.status, want);
    assert_string_equal(err.field, field);
    assert_true(err.detail[0] != '\0');
    qf_arena_deinit(&arena);
}

static void test_canonical_form(void **state)
{
    (void)state;
    static const char *const good[] = {
        "null",
        "true",
        "false",
        "0",
        "-1",
        "9007199254740991",
        "-9007199254740991",
        "\"\"",
        "[]",
        "{}",
        "[[],{}]",
        "{\"a\":1,\"b\":[1,2,3]}",
        "{\"\":0,\"a\":0}",
        "\"\\b\\t\\n\\f\\r\\\"\\\\/\"",
        "\"\\u0000\\u001f\x7f\"",
        "\"\xe6\x94\xbf\xe5\xba\x9c\xf0\x9f\x98\x80\"",
        /* U+1F600 is D83D DE00 in UTF-16 and sorts before U+FB33. */
        "{\"\xf0\x9f\x98\x80\":1,\"\xef\xac\xb3\":2}",
        "{\"a\\n\":1,\"a!\":2}",
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_accepts(good[i], QF_JSON_CANONICAL, good[i]);
}

static void test_not_canonical(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *field;
    } bad[] = {
        {"", "byte 0"},
        {" 1", "byte 0"},
        {"1 ", "byte 1"},
        {"[1, 2]", "byte 3"},
        {"[1 ,2]", "byte 2"},
        {"{\"a\" :1}", "byte 4"},
        {"{\"a\": 1}", "byte 5"},
        {"{\"b\":1,\"a\":2}", "byte 7"},
        {"{\"a\":1,\"a\":2}", "byte 7"},
        {"{\"\":1,\"\":2}", "byte 6"},
        {"{\"\xef\xac\xb3\":1,\"\xf0\x9f\x98\x80\":2}", "byte 9"},
        {"-0", "byte 0"},
        {"01", "byte 0"},
        {"-01", "byte 1"},
        {"1.0", "byte 1"},
        {"1e2", "byte 1"},
        {"+1", "byte 0"},
        {"-", "byte 1"},
        {"\"\\/\"", "byte 2"},
        {"\"\\u0041\"", "byte 2"},
        {"\"\\u000a\"", "byte 2"},
        {"\"\\u001F\"", "byte 2"},
        {"\"\\u00e9\"", "byte 2"},
        {"\"\\ud83d\\ude00\"", "byte 2"},
        {"\"\x1f\"", "byte 1"},
        {"\"\xed\xa0\x80\"", "byte 1"},
        {"\"\xc0\x80\"", "byte 1"},
        {"\"\xf4\x90\x80\x80\"", "byte 1"},
        {"\"\xe6\x94\"", "byte 1"},
        {"\"abc", "byte 4"},
        {"\"abc\\", "byte 5"},
        {"\"abc\\\"", "byte 6"},
        {"[1", "byte 2"},
        {"[1,]", "byte 3"},
        {"{\"a\":1,}", "byte 7"},
        {"{1:1}", "byte 1"},
        {"[1]]", "byte 3"},
        {"nul", "byte 0"},
        {"\xef\xbb\xbf[]", "byte 0"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_refuses(bad[i].text, QF_JSON_CANONICAL, QF_MALFORMED, bad[i].field);
    assert_refuses("9007199254740992", QF_JSON_CANONICAL, QF_OVER_LIMIT, "byte 0");
    assert_refuses("[-9007199254740992]", QF_JSON_CANONICAL, QF_OVER_LIMIT, "byte 1");
    assert_refuses("18446744073709551617", QF_JSON_CANONICAL, QF_OVER_LIMIT, "byte 0");
}

static void test_people_write(void **state)
{
    (void)state;
    assert_accepts(" { \"b\" : -0 ,\r\n\t\"a\":[ ] } ", QF_JSON_ANY, "{\"a\":[],\"b\":0}");
    assert_accepts("\"\\u653f\\/\\u0041\\ud83d\\uDE00\"", QF_JSON_ANY,
                   "\"\xe6\x94\xbf/A\xf0\x9f\x98\x80\"");
    assert_refuses("{\"a\":1,\"b\":2,\"\\u0061\":3}", QF_JSON_ANY, QF_MALFORMED, "byte 24");
    assert_refuses("\"\\ud83d\"", QF_JSON_ANY, QF_MALFORMED, "byte 2");
    assert_refuses("\"\\ud83d\\u0041\"", QF_JSON_ANY, QF_MALFORMED, "byte 2");
    assert_refuses("\"\\ude00\"", QF_JSON_ANY, QF_MALFORMED, "byte 2");
    assert_refuses("[1.5]", QF_JSON_ANY, QF_MALFORMED, "byte 1");
    assert_refuses("9007199254740992", QF_JSON_ANY, QF_OVER_LIMIT, "byte 0");
}

static void test_depth(void **state)
{
    (void)state;
    char text[2 * (QF_JSON_DEPTH_MAX + 1) + 1];
    for (size_t depth = QF_JSON_DEPTH_MAX; depth <= QF_JSON_DEPTH_MAX + 1; depth++) {
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        text[2 * depth] = '\0';
        if (depth == QF_JSON_DEPTH_MAX)
            assert_accepts(text, QF_JSON_CANONICAL, text);
        else
            assert_refuses(text, QF_JSON_CANONICAL, QF_OVER_LIMIT, "byte 32");
    }
    /* Closed containers do not count. */
    assert_accepts("[[],[[]],[],{\"a\":[]}]", QF_JSON_CANONICAL, "[[],[[]],[],{\"a\":[]}]");
}

static void test_memory_is_bounded(void **state)
{
    (void)state;
    struct qf_arena arena;
    qf_arena_init(&arena, 100000);
    struct qf_buf text = {0};
    qf_buf_put_text(&text, "[0");
    for (int i = 0; i < 50000; i++)
        qf_buf_put_text(&text, ",0");
    qf_buf_put_text(&text, "]");
    struct qf_json value;
    assert_int_equal(qf_json_parse(&arena, &value, qf_buf_slice(&text), QF_JSON_CANONICAL, NULL),
                     QF_OVER_LIMIT);
    qf_arena_deinit(&arena);
    arena.limit = 0;
    assert_int_equal(qf_json_parse(&arena, &value, qf_buf_slice(&text), QF_JSON_CANONICAL, NULL),
                     QF_OK);
    assert_int_equal(value.count, 50001);
    qf_buf_deinit(&text);
    qf_arena_deinit(&arena);
}

/* What JSONTestSuite accepts and we refuse on purpose. */
static const char *const restricted[] = {
    "y_object_duplicated_key.json",
    "y_object_duplicated_key_and_value.json",
};
/* The same, where numbers must be integers. */
static const char *const restricted_numbers[] = {
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
    "y_object_extreme_numbers.json",
    "y_structure_lonely_negative_real.json",
};
/* What it leaves open and we accept; only as ANY_NUMBER the first group. */
static const char *const open_numbers[] = {
    "i_number_double_huge_neg_exp.json",   "i_number_real_underflow.json",
    "i_number_too_big_neg_int.json",       "i_number_too_big_pos_int.json",
    "i_number_very_big_negative_int.json",
};

static bool listed(const char *name, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i], name) == 0)
            return true;
    return false;
}
#define LISTED(name, list) listed(name, list, sizeof(list) / sizeof((list)[0]))

static void check_suite_file(const char *folder, const char *name)
{
    struct qf_buf text = testing_read_file(folder, name);
    struct qf_arena arena = {0};
    struct qf_json value;
    bool any = qf_json_parse(&arena, &value, qf_buf_slice(&text), QF_JSON_ANY, NULL) == QF_OK;
    bool number =
        qf_json_parse(&arena, &value, qf_buf_slice(&text), QF_JSON_ANY_NUMBER, NULL) == QF_OK;
    bool want_number = (name[0] == 'y' && !LISTED(name, restricted)) || LISTED(name, open_numbers);
    bool want = want_number && !LISTED(name, restricted_numbers) && !LISTED(name, open_numbers);
    if (any != want || number != want_number)
        fail_msg("%s: %d %d", name, any, number);
    qf_arena_deinit(&arena);
    qf_buf_deinit(&text);
}

static void test_suite(void **state)
{
    (void)state;
    char folder[512];
    snprintf(folder, sizeof folder, "%s/json", data_folder);
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    unsigned seen = 0;
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (entry->d_name[0] == '.')
            continue;
        check_suite_file(folder, entry->d_name);
        seen++;
    }
    closedir(dir);
    assert_int_equal(seen, 318);
}

static void check_hex(const struct qf_buf *bytes, const char *folder, const char *name)
{
    char hex_name[64];
    snprintf(hex_name, sizeof hex_name, "outhex/%s.txt", name);
    struct qf_buf hex = testing_read_file(folder, hex_name);
    const char *text = qf_buf_text(&hex);
    for (size_t i = 0; i < bytes->size; i++) {
        char *end;
        assert_int_equal(strtol(text, &end, 16), bytes->data[i]);
        assert_true(end > text);
        text = end;
    }
    assert_int_equal(strspn(text, " \r\n"), strlen(text));
    qf_buf_deinit(&hex);
}

static void test_jcs_vectors(void **state)
{
    (void)state;
    static const char *const names[] = {"arrays",  "french", "structures",
                                        "unicode", "values", "weird"};
    char folder[512];
    snprintf(folder, sizeof folder, "%s/jcs", data_folder);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char name[64];
        snprintf(name, sizeof name, "input/%s.json", names[i]);
        struct qf_buf input = testing_read_file(folder, name);
        snprintf(name, sizeof name, "output/%s.json", names[i]);
        struct qf_buf output = testing_read_file(folder, name);
        struct qf_arena arena = {0};
        struct qf_json value;
        assert_int_equal(
            qf_json_parse(&arena, &value, qf_buf_slice(&input), QF_JSON_ANY_NUMBER, NULL), QF_OK);
        struct qf_buf written = {0};
        qf_json_write(&written, &value);
        assert_string_equal(qf_buf_text(&written), qf_buf_text(&output));
        check_hex(&written, folder, names[i]);
        qf_buf_deinit(&written);
        qf_buf_deinit(&input);
        qf_buf_deinit(&output);
        qf_arena_deinit(&arena);
    }
}

static void test_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        const char *out;
    } cases[] = {
        /* RFC 8785 appendix B, written with 17 digits */
        {"4.9406564584124654e-324", "5e-324"},
        {"-4.9406564584124654e-324", "-5e-324"},
        {"1.7976931348623157e+308", "1.7976931348623157e+308"},
        {"-1.7976931348623157e+308", "-1.7976931348623157e+308"},
        {"9007199254740992", "9007199254740992"},
        {"-9007199254740992", "-9007199254740992"},
        {"2.9514790517935283e+20", "295147905179352830000"},
        {"9.9999999999999974e+22", "9.999999999999997e+22"},
        {"9.9999999999999992e+22", "1e+23"},
        {"1.0000000000000001e+23", "1.0000000000000001e+23"},
        {"9.9999999999999987e+20", "999999999999999900000"},
        {"1e21", "1e+21"},
        {"9.9999999999999975e-7", "9.999999999999997e-7"},
        {"0.000001", "0.000001"},
        {"3.3333333333333325e+8", "333333333.33333325"},
        {"3.3333333333333331e+8", "333333333.3333333"},
        {"3.3333333333333337e+8", "333333333.3333334"},
        {"1.4241697980386900e+15", "1424169798038690"},
        {"-0.0", "0"},
        {"-0e5", "0"},
        {"1E400000000000", NULL},
        {"1.7976931348623158e308", "1.7976931348623157e+308"},
        {"1.7976931348623159e308", NULL},
        {"2.4703282292062327e-324", "0"},
        {"2.4703282292062328e-324", "5e-324"},
        {"1e-400000000000", "0"},
        {"2.2250738585072011e-308", "2.225073858507201e-308"},
        {"2.2250738585072014e-308", "2.2250738585072014e-308"},
        {"123e-2", "1.23"},
        {"0.1000000000000000055511151231257827021181583404541015625", "0.1"},
        {"5e-1", "0.5"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (cases[i].out == NULL)
            assert_refuses(cases[i].in, QF_JSON_ANY_NUMBER, QF_OVER_LIMIT, "byte 0");
        else
            assert_accepts(cases[i].in, QF_JSON_ANY_NUMBER, cases[i].out);
    }
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    data_folder = argv[1];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_canonical_form),    cmocka_unit_test(test_not_canonical),
        cmocka_unit_test(test_people_write),      cmocka_unit_test(test_depth),
        cmocka_unit_test(test_memory_is_bounded), cmocka_unit_test(test_suite),
        cmocka_unit_test(test_jcs_vectors),       cmocka_unit_test(test_numbers),
    };
    return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
