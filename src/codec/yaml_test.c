#include "codec/yaml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void reads(const char *yaml, const char *json)
{
    struct qf_arena arena = {0};
    struct qf_error err = {0};
    struct qf_yaml out;
    struct qf_buf text = {0};
    if (qf_yaml_parse(&arena, &out, qf_slice_of(yaml), &err) != QF_OK)
        fail_msg("%s: %s: %s", yaml, err.field, err.detail);
    qf_json_write(&text, &out.value);
    assert_string_equal(qf_buf_text(&text), json);
    qf_buf_deinit(&text);
    qf_arena_deinit(&arena);
}

static void refuses(const char *yaml, enum qf_status status, const char *place)
{
    struct qf_arena arena = {0};
    struct qf_error err = {0};
    struct qf_yaml out;
    assert_int_equal(qf_yaml_parse(&arena, &out, qf_slice_of(yaml), &err), status);
    assert_string_equal(err.field, place);
    assert_true(err.detail[0] != '\0');
    qf_arena_deinit(&arena);
}

static void values(void **state)
{
    (void)state;
    reads("", "null");
    reads("# only a comment\n", "null");
    reads("a: 1\nb: -7\nc: true\nd: ~\ne:\nf: yes\ng: \"1\"\nh: 1.2.3\n",
          "{\"a\":1,\"b\":-7,\"c\":true,\"d\":null,\"e\":null,\"f\":\"yes\",\"g\":\"1\",\"h\":"
          "\"1.2.3\"}");
    reads("- {b: [1, 2], a: '骑缝'}\n- |\n  two\n  lines\n",
          "[{\"a\":\"骑缝\",\"b\":[1,2]},\"two\\nlines\\n\"]");
    reads("n: 9007199254740991\n", "{\"n\":9007199254740991}");
    reads("t: 12:30\nu: 2026-01-01\n", "{\"t\":\"12:30\",\"u\":\"2026-01-01\"}");
}

static void refusals(void **state)
{
    (void)state;
    refuses("a: &x 1\n", QF_MALFORMED, "line 1");
    refuses("a: 1\nb: *x\n", QF_MALFORMED, "line 2");
    refuses("a: !!str 1\n", QF_MALFORMED, "line 1");
    refuses("a: 1\n\na: 2\n", QF_MALFORMED, "line 3");
    refuses("<<: {a: 1}\n", QF_MALFORMED, "line 1");
    refuses("? [1]\n: 2\n", QF_MALFORMED, "line 1");
    refuses("a: 1\n---\nb: 2\n", QF_MALFORMED, "line 2");
    refuses("a: 1.5\n", QF_MALFORMED, "line 1");
    refuses("a: 0x10\n", QF_MALFORMED, "line 1");
    refuses("a: 007\n", QF_MALFORMED, "line 1");
    refuses("a: 1e3\n", QF_MALFORMED, "line 1");
    refuses("a: 9007199254740992\n", QF_OVER_LIMIT, "line 1");
    refuses("a: [1, 2\nb: 3\n", QF_MALFORMED, "line 2");
    refuses("a:\n\tb: 1\n", QF_MALFORMED, "line 2");
}

static void limits(void **state)
{
    (void)state;
    char deep[80];
    memset(deep, '[', 33);
    memset(deep + 33, ']', 33);
    deep[66] = '\0';
    refuses(deep, QF_OVER_LIMIT, "line 1");
    deep[65] = '\0';
    reads(deep + 1, "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]");
    struct qf_buf many = {0};
    for (int i = 0; i < QF_YAML_NODES_MAX; i++)
        qf_buf_put_text(&many, "- 1\n");
    refuses(qf_buf_text(&many), QF_OVER_LIMIT, "line 50000");
    qf_buf_reset(&many);
    for (int i = 0; i < QF_YAML_SIZE_MAX / 8; i++)
        qf_buf_put_text(&many, "# filler\n");
    refuses(qf_buf_text(&many), QF_OVER_LIMIT, "line 1");
    qf_buf_deinit(&many);
}

static void lines(void **state)
{
    (void)state;
    struct qf_arena arena = {0};
    struct qf_yaml out;
    assert_int_equal(qf_yaml_parse(&arena, &out,
                                   qf_slice_of("a: 1\nb:\n  c: 2\n  d:\n    - x: 1\n    - y: 2\n"
                                               "      z: 3\n"),
                                   NULL),
                     QF_OK);
    assert_int_equal(qf_yaml_line(&out, "a"), 1);
    assert_int_equal(qf_yaml_line(&out, "b.c"), 3);
    assert_int_equal(qf_yaml_line(&out, "b.d[0].x"), 5);
    assert_int_equal(qf_yaml_line(&out, "b.d[1].z"), 7);
    assert_int_equal(qf_yaml_line(&out, "b.nothing"), 2);
    assert_int_equal(qf_yaml_line(&out, "b.d[9]"), 4);
    qf_arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(values), cmocka_unit_test(refusals),
                                       cmocka_unit_test(limits), cmocka_unit_test(lines)};
    return cmocka_run_group_tests_name("yaml", tests, NULL, NULL);
}
