/* Expressions and what they give, most of them from the specification's own tables; then what
 * compilation refuses and what evaluation stops. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "feel/feel.h"
#include "feel/number.h"

struct example {
    const char *text;
    const char *value; /* as string() would write it inside a list */
};

static void check(const char *text, const char *expected)
{
    struct qf_arena arena = {0};
    struct qf_buf buf = {0};
    struct qf_error err = {0};
    struct qf_feel_program program;
    struct qf_feel_result result;
    struct qf_feel_world world = {.now_seconds = 1795228200, .zone = qf_slice_of("Asia/Shanghai")};
    if (qf_feel_compile(&arena, &program, qf_slice_of(text), NULL, 0, NULL, &err) != QF_OK)
        fail_msg("%s: %s: %s", text, err.field, err.detail);
    assert_int_equal(qf_feel_evaluate(&program, &arena, &world, NULL, &result, &err), QF_OK);
    qf_feel_write(&buf, &result.value, true);
    if (strcmp(qf_buf_text(&buf), expected) != 0)
        print_error("%s\n  gives    %s\n  expected %s\n", text, qf_buf_text(&buf), expected);
    assert_string_equal(qf_buf_text(&buf), expected);
    qf_buf_deinit(&buf);
    qf_arena_deinit(&arena);
}

static const struct example numbers[] = {
    {"1 + 2", "3"},
    {"0.1 + 0.2", "0.3"},
    {"1 / 3", "0.3333333333333333333333333333333333"},
    {"10 ** 30", "1000000000000000000000000000000"},
    {"2 ** -2", "0.25"},
    {"9223372036854775807 + 1", "9223372036854775808"},
    {"-9223372036854775807 - 2", "-9223372036854775809"},
    {"99999999999 * 99999999999", "9999999999800000000001"},
    {"1.10 = 1.1", "true"},
    {"-3 ** 2", "9"},
    {"modulo(12, 5)", "2"},
    {"modulo(-12, 5)", "3"},
    {"modulo(12, -5)", "-3"},
    {"modulo(-12, -5)", "-2"},
    {"modulo(10.1, 4.5)", "1.1"},
    {"modulo(-10.1, 4.5)", "3.4"},
    {"modulo(10.1, -4.5)", "-3.4"},
    {"modulo(5, 0)", "null"},
    {"sqrt(16)", "4"},
    {"sqrt(-1)", "null"},
    {"exp(0)", "1"},
    {"log(0)", "null"},
    {"round half up(5.5, 0)", "6"},
    {"round half down(5.5, 0)", "5"},
    {"round half up(-5.5, 0)", "-6"},
    {"round down(1.126, 2)", "1.12"},
    {"round up(1.121, 2)", "1.13"},
    {"round up(1234, -2)", "1300"},
    {"decimal(2.5, 0)", "2"},
    {"floor(-1.5)", "-2"},
    {"ceiling(-1.5)", "-1"},
    {"abs(-10)", "10"},
    {"abs(@\"-PT5H\")", "PT5H"},
    {"number(\"1 000.5\", \" \", \".\")", "1000.5"},
    {"odd(5)", "true"},
    {"even(2.5)", "null"},
    {"1e3 + 1", "1001"},
};

static const struct example strings[] = {
    {"substring(\"foobar\", 3)", "\"obar\""},
    {"substring(\"foobar\", 3, 3)", "\"oba\""},
    {"substring(\"foobar\", -2, 1)", "\"a\""},
    {"substring(\"foobar\", 0)", "null"},
    {"substring(\"\\U01F40Eab\", 2)", "\"ab\""},
    {"string length(\"tes\")", "3"},
    {"upper case(\"aBc4\")", "\"ABC4\""},
    {"lower case(\"ÀÉ\")", "\"àé\""},
    {"substring before(\"foobar\", \"bar\")", "\"foo\""},
    {"substring before(\"foobar\", \"xyz\")", "\"\""},
    {"substring after(\"foobar\", \"ob\")", "\"ar\""},
    {"replace(\"abcd\", \"(ab)|(a)\", \"[1=$1][2=$2]\")", "\"[1=ab][2=]cd\""},
    {"replace(\"abc\", \"x*\", \"-\")", "null"},
    {"contains(\"foobar\", \"of\")", "false"},
    {"starts with(\"foobar\", \"fo\")", "true"},
    {"ends with(\"foobar\", \"r\")", "true"},
    {"matches(\"foobar\", \"^fo*b\")", "true"},
    {"matches(\"a\", \"(\")", "null"},
    {"matches(\"ab\", \"a++b\")", "null"},
    {"split(\"John Doe\", \"\\s\")", "[\"John\", \"Doe\"]"},
    {"split(\"a;b;c;;\", \";\")", "[\"a\", \"b\", \"c\", \"\", \"\"]"},
    {"string join([\"a\",\"b\",\"c\"], \"_and_\")", "\"a_and_b_and_c\""},
    {"string join([\"a\",null,\"c\"])", "\"ac\""},
    {"string join([\"a\",1])", "null"},
    {"string join([])", "\"\""},
    {"string(1.1)", "\"1.1\""},
    {"string(null)", "null"},
    {"string([1,\"a\",[true]])", "\"[1, \\\"a\\\", [true]]\""},
    {"string({a: \"x\", \"b c\": 1})", "\"{a: \\\"x\\\", b c: 1}\""},
    {"\"a\" + \"b\"", "\"ab\""},
    {"\"a\" + 1", "null"},
    {"\"a\" < \"b\"", "true"},
};

static const struct example times[] = {
    {"@\"2026-01-31\" + @\"P1M\"", "2026-02-28"},
    {"@\"2024-02-29\" - @\"P1Y\"", "2023-02-28"},
    {"@\"2026-11-21\" - @\"2026-11-01\"", "P20D"},
    {"@\"2026-11-21T10:00:00Z\" - @\"2026-11-21T12:00:00+04:00\"", "PT2H"},
    {"@\"2026-11-21T10:00:00\" - @\"2026-11-21T12:00:00Z\"", "null"},
    {"@\"10:00:00\" + @\"PT15H\"", "01:00:00"},
    {"@\"10:00:00\" - @\"09:30:00\"", "PT30M"},
    {"@\"2026-03-28T12:00:00@Europe/Paris\" + @\"P1D\"", "2026-03-29T13:00:00@Europe/Paris"},
    {"@\"2026-11-21\" + @\"PT36H\"", "2026-11-22"},
    {"@\"P1Y2M\" * 2", "P2Y4M"},
    {"@\"P1D\" / 2", "PT12H"},
    {"@\"P1Y\" / @\"P1M\"", "12"},
    {"@\"P1D\" / @\"PT1H\"", "24"},
    {"@\"P1Y\" + @\"P1D\"", "null"},
    {"-@\"P1Y\"", "-P1Y"},
    {"@\"P1Y1D\"", "null"},
    {"duration(\"-PT1H30M\").hours", "-1"},
    {"years and months duration(date(\"2011-12-22\"), date(\"2013-08-24\"))", "P1Y8M"},
    {"years and months duration(date(\"2013-08-24\"), date(\"2011-12-22\"))", "-P1Y8M"},
    {"years and months duration(date(\"2015-01-31\"), date(\"2015-02-28\"))", "P0M"},
    {"day of year(date(2019, 9, 17))", "260"},
    {"day of week(date(2019, 9, 17))", "\"Tuesday\""},
    {"month of year(date(2019, 9, 17))", "\"September\""},
    {"week of year(date(2019, 9, 17))", "38"},
    {"week of year(date(2003, 12, 29))", "1"},
    {"week of year(date(2005, 1, 1))", "53"},
    {"date(\"2017-02-29\")", "null"},
    {"date(\"-0001-01-01\").year", "-1"},
    {"time(\"23:59:00.123Z\")", "23:59:00.123Z"},
    {"@\"2026-07-01T12:00:00@Asia/Shanghai\" = @\"2026-07-01T04:00:00Z\"", "true"},
    {"@\"2026-07-01T12:00:00@America/New_York\" = @\"2026-07-01T16:00:00Z\"", "true"},
    {"@\"2026-01-01T12:00:00@America/New_York\" = @\"2026-01-01T17:00:00Z\"", "true"},
    {"@\"2150-07-01T12:00:00@America/New_York\" = @\"2150-07-01T16:00:00Z\"", "true"},
    {"@\"1900-01-01T00:00:00@Asia/Shanghai\".time offset", "PT8H5M43S"},
    {"@\"2026-01-15T12:00:00@Australia/Sydney\".time offset", "PT11H"},
    {"date and time(\"2026-11-21T10:30:00@Nowhere/Land\")", "null"},
    {"now()", "2026-11-21T10:30:00@Asia/Shanghai"},
    {"today()", "2026-11-21"},
    {"is(@\"10:00:00Z\", @\"10:00:00+00:00\")", "true"},
    {"is(@\"10:00:00Z\", @\"10:00:00\")", "false"},
    {"is(date(\"2012-12-25\"), time(\"23:00:50\"))", "false"},
    {"@\"2026-11-21\" < @\"2026-11-21T00:00:00\"", "null"},
};

static const struct example lists[] = {
    {"list contains([1,2,3], 2)", "true"},
    {"list contains([1,null], null)", "true"},
    {"count([1,2,3])", "3"},
    {"min(1,2,3)", "1"},
    {"max([\"a\",\"c\",\"b\"])", "\"c\""},
    {"min([])", "null"},
    {"sum([1,2,3])", "6"},
    {"sum([])", "null"},
    {"sum([1,null])", "null"},
    {"mean([1,2,3])", "2"},
    {"all([false,null,true])", "false"},
    {"all([])", "true"},
    {"all([true, null])", "null"},
    {"any([false,null,true])", "true"},
    {"any([])", "false"},
    {"any(false)", "false"},
    {"sublist([4,5,6], 1, 2)", "[4, 5]"},
    {"sublist([4,5,6], -2)", "[5, 6]"},
    {"append([1], 2, 3)", "[1, 2, 3]"},
    {"concatenate([1,2],[3])", "[1, 2, 3]"},
    {"insert before([1,3],1,2)", "[2, 1, 3]"},
    {"remove([1,2,3], 2)", "[1, 3]"},
    {"reverse([1,2,3])", "[3, 2, 1]"},
    {"index of([1,2,3,2],2)", "[2, 4]"},
    {"union([1,2],[2,3])", "[1, 2, 3]"},
    {"distinct values([1,2,3,2,1])", "[1, 2, 3]"},
    {"flatten([[1,2],[[3]], 4])", "[1, 2, 3, 4]"},
    {"product(2,3,4)", "24"},
    {"median(8, 2, 5, 3, 4)", "4"},
    {"median([6, 1, 2, 3])", "2.5"},
    {"median([])", "null"},
    {"mode(6, 3, 9, 6, 6)", "[6]"},
    {"mode([6, 1, 9, 6, 1])", "[1, 6]"},
    {"mode([])", "[]"},
    {"stddev(47)", "null"},
    {"list replace([2, 4, 7, 8], 3, 6)", "[2, 4, 6, 8]"},
    {"list replace([2, 4, 7, 8], -3, 6)", "[2, 6, 7, 8]"},
    {"list replace([2, 4, 7, 8], function(item, newItem) item < newItem, 5)", "[5, 5, 7, 8]"},
    {"list replace([1], 2, 5)", "null"},
    {"sort([3,1,4,5,2], function(x,y) x < y)", "[1, 2, 3, 4, 5]"},
    {"sort(list: [2,1], precedes: function(x,y) x < y)", "[1, 2]"},
    {"[1,2,3][item > 1]", "[2, 3]"},
    {"[{a:1,b:2},{a:2,b:3}][a = 2].b", "[3]"},
    {"[[1,2],[3]][item[1] = 3]", "[[3]]"},
    {"for x in [1,2], y in [3,4] return x * y", "[3, 4, 6, 8]"},
    {"for i in 0..4 return if i = 0 then 1 else i * partial[-1]", "[1, 1, 2, 6, 24]"},
    {"for i in [1..3] return i", "[1, 2, 3]"},
    {"for i in (1..4) return i", "[2, 3]"},
    {"some x in [1,2,3] satisfies x > 2", "true"},
    {"every x in [] satisfies false", "true"},
    {"some x in [null, 1] satisfies x > 5", "null"},
    {"(for i in 1..3 return function() i)[2]()", "2"},
};

static const struct example contexts[] = {
    {"{a: 1, b: a + 1}.b", "2"},
    {"{\"a b\": 1}.a b", "1"},
    {"get value({a: {b: 5}}, \"a\").b", "5"},
    {"get entries({a: 1})", "[{key: \"a\", value: 1}]"},
    {"context([{key: \"a\", value: 1}])", "{a: 1}"},
    {"context put({x: 1}, \"y\", 2)", "{x: 1, y: 2}"},
    {"context put({x: 1, y: {a: 0}}, [\"y\", \"a\"], 2)", "{x: 1, y: {a: 2}}"},
    {"context put({x: 1}, [], 2)", "null"},
    {"context merge([{x: 1, y: 0}, {y: 2}])", "{x: 1, y: 2}"},
    {"{f: function(n: number) if n < 2 then 1 else n * 2, r: f(4)}.r", "8"},
    {"(function(a, b) a - b)(b: 1, a: 3)", "2"},
    {"{a: 1} = {a: 1.0}", "true"},
    {"{s: string length, r: s(\"four\")}.r", "4"},
    {"{f: function(n) if n < 2 then 1 else n * f(n - 1), r: f(20)}.r", "2432902008176640000"},
};

static const struct example ranges[] = {
    {"5 in [1..10]", "true"},
    {"5 in (5..10]", "false"},
    {"5 in ]5..10[", "false"},
    {"5 in (< 6)", "true"},
    {"5 in > 6", "false"},
    {"5 in (1, 5)", "true"},
    {"5 between 1 and 5", "true"},
    {"5 between 6 and null", "null"},
    {"before(1, 10)", "true"},
    {"before(1, [1..10])", "false"},
    {"before(1, (1..10])", "true"},
    {"before([1..10), 10)", "true"},
    {"before([1..10), [10..20])", "true"},
    {"after([11..20], 10)", "true"},
    {"meets([1..5], [5..10])", "true"},
    {"meets([1..5), [5..10])", "false"},
    {"met by([5..10], [1..5])", "true"},
    {"overlaps([1..5], [3..8])", "true"},
    {"overlaps([1..5], (5..8])", "false"},
    {"overlaps before([1..5], [3..8])", "true"},
    {"overlaps before([1..5], [1..5])", "false"},
    {"overlaps before([1..5), [1..5])", "false"},
    {"overlaps before([1..5], (1..5])", "true"},
    {"overlaps after([3..8], [1..5])", "true"},
    {"finishes(10, [1..10])", "true"},
    {"finishes([5..10], [1..10])", "true"},
    {"finished by([1..10], 10)", "true"},
    {"includes([1..10], 5)", "true"},
    {"includes((1..10), 1)", "false"},
    {"includes([1..10], [4..6])", "true"},
    {"during(5, [1..10])", "true"},
    {"during([4..6], [1..10])", "true"},
    {"starts(1, [1..10])", "true"},
    {"starts([1..5], [1..10])", "true"},
    {"started by([1..10], [1..5))", "true"},
    {"coincides(5, 5)", "true"},
    {"coincides([1..5], [1..6])", "false"},
    {"range(\"[18..21)\")", "[18..21)"},
    {"range(\"[\\\"a\\\"..\\\"c\\\"]\")", "[\"a\"..\"c\"]"},
    {"5 in range(\"[2..)\")", "true"},
    {"range(\"[..]\")", "null"},
    {"range(\"[@\\\"2026-01-01\\\"..@\\\"2026-02-01\\\"]\").end", "2026-02-01"},
    {"[1..3].start included", "true"},
};

static const struct example types[] = {
    {"[1,2] instance of list<number>", "true"},
    {"[1..3] instance of range<number>", "true"},
    {"[1..3] instance of range<string>", "false"},
    {"{a: 1} instance of context<a: number>", "true"},
    {"(function(a: number) a) instance of function<number>->number", "true"},
    {"(function(a: number) a) instance of function<string>->number", "false"},
    {"null instance of Null", "true"},
    {"@\"P1D\" instance of days and time duration", "true"},
    {"not(true)", "false"},
    {"not(null)", "null"},
    {"true and null", "null"},
    {"false and null", "false"},
    {"if null then 1 else 2", "2"},
    {"1 = null", "false"},
    {"null = null", "true"},
    {"1 = \"1\"", "null"},
    {"{x: 1}.y", "null"},
    {"// comment\n1 /* and another */ + 1", "2"},
};

#define CHECK_ALL(table)                                                                           \
    static void test_##table(void **state)                                                         \
    {                                                                                              \
        (void)state;                                                                               \
        for (size_t i = 0; i < sizeof(table) / sizeof((table)[0]); i++)                            \
            check((table)[i].text, (table)[i].value);                                              \
    }
CHECK_ALL(numbers)
CHECK_ALL(strings)
CHECK_ALL(times)
CHECK_ALL(lists)
CHECK_ALL(contexts)
CHECK_ALL(ranges)
CHECK_ALL(types)

static void test_syntax_errors(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *field;
    } wrong[] = {
        {"1 +", "line 1, column 4"},          {"[1, 2", "line 1, column 6"},
        {"if a then b", "line 1, column 12"}, {"1\n+ )", "line 2, column 3"},
        {"\"abc", "line 1, column 5"},        {"for x on [1] return x", "line 1, column 21"},
        {"1 2", "line 1, column 3"},          {"", "line 1, column 1"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct qf_arena arena = {0};
        struct qf_error err = {0};
        struct qf_feel_program program;
        assert_int_equal(
            qf_feel_compile(&arena, &program, qf_slice_of(wrong[i].text), NULL, 0, NULL, &err),
            QF_MALFORMED);
        if (i != 5)
            assert_string_equal(err.field, wrong[i].field);
        assert_non_null(strstr(err.detail, "expected"));
        qf_arena_deinit(&arena);
    }
}

static void count_errors(void *self, const struct qf_feel_problem *problem)
{
    int *count = self;
    *count += problem->error;
}

static void test_type_errors(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int errors;
    } cases[] = {
        {"1 + \"a\"", 1},
        {"a + 1", 0},
        {"nothing here", 1},
        {"b.missing", 1},
        {"b.x + \"t\"", 1},
        {"if 1 then 2 else 3", 1},
        {"abs(1, 2)", 1},
        {"date(\"x\")", 1},
        {"@\"x\"", 1},
        {"1 instance of t", 1},
        {"\"a\" < 1", 1},
        {"sum([1,2]) + 1", 0},
        {"\"a\".length", 1},
        {"a.x", 1},
        {"[1,2].x", 1},
        {"[{x: 1}, {y: 2}].y", 0},
        {"date(\"2026-02-28\").year + 1", 0},
        {"date(\"2026-02-28\").hour", 1},
        {"a and true", 1},
        {"null or a > 1", 0},
        {"not(a)", 1},
        {"not(null)", 0},
        {"a in (\"x\")", 1},
        {"a in (1, [2..3], > 4, null)", 0},
        {"a in [\"x\"..\"y\"]", 1},
        {"a between \"x\" and 2", 1},
        {"upper case(a)", 1},
        {"upper case([\"a\"])", 0},
        {"substring(string: \"abc\", start position: \"1\")", 1},
        {"sum(1, \"a\")", 1},
        {"some x in [1] satisfies x", 1},
        {"every x in [a] satisfies x > 1", 0},
    };
    struct qf_feel_member member = {qf_slice_of("x"), qf_feel_type_of_kind(QF_FEEL_NUMBER)};
    struct qf_feel_type context = {.kind = QF_FEEL_CONTEXT, .count = 1, .members = &member};
    const struct qf_feel_variable variables[] = {
        {qf_slice_of("a"), qf_feel_type_of_kind(QF_FEEL_NUMBER)}, {qf_slice_of("b"), &context}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct qf_arena arena = {0};
        struct qf_feel_program program;
        int errors = 0;
        struct qf_feel_reporter reporter = {count_errors, &errors};
        enum qf_status status = qf_feel_compile(&arena, &program, qf_slice_of(cases[i].text),
                                                variables, 2, &reporter, NULL);
        errors += status != QF_OK;
        if ((errors > 0) != (cases[i].errors > 0))
            fail_msg("%s: %d errors", cases[i].text, errors);
        qf_arena_deinit(&arena);
    }
}

static void test_names_with_spaces(void **state)
{
    (void)state;
    struct qf_arena arena = {0};
    struct qf_feel_program program;
    struct qf_feel_result result;
    struct qf_feel_world world = {0};
    const struct qf_feel_variable variables[] = {{qf_slice_of("days in weekend"), NULL},
                                                 {qf_slice_of("a-b"), NULL},
                                                 {qf_slice_of("a"), NULL},
                                                 {qf_slice_of("Applicant's age"), NULL}};
    const struct qf_feel_value values[] = {qf_feel_int(1), qf_feel_int(20), qf_feel_int(300),
                                           qf_feel_int(4000)};
    assert_int_equal(qf_feel_compile(&arena, &program,
                                     qf_slice_of("days  in weekend + a-b + a - a + "
                                                 "Applicant's age"),
                                     variables, 4, NULL, NULL),
                     QF_OK);
    assert_int_equal(qf_feel_evaluate(&program, &arena, &world, values, &result, NULL), QF_OK);
    assert_int_equal(result.value.integer, 4021);
    qf_arena_deinit(&arena);
}

/* Two lists of a thousand million numbers each, made in some hundred steps. */
#define TEN(name)                                                                                  \
    "[" name "," name "," name "," name "," name "," name "," name "," name "," name "," name "]"
#define LISTS(a, b, c, d, e, f, g, h, i)                                                           \
    a ": " TEN("1") ", " b ": " TEN(a) ", " c ": " TEN(b) ", " d ": " TEN(c) ", " e ": " TEN(      \
        d) ", " f ": " TEN(e) ", " g ": " TEN(f) ", " h ": " TEN(g) ", " i ": " TEN(h)
#define SHARED(expression)                                                                         \
    "{" LISTS("a1", "a2", "a3", "a4", "a5", "a6", "a7", "a8", "g") ", " LISTS(                     \
        "b1", "b2", "b3", "b4", "b5", "b6", "b7", "b8", "h") ", r: " expression "}.r"

static void test_bounds(void **state)
{
    (void)state;
    static const char *const runaway[] = {
        "count(for x in 1..1000000000 return x)",
        "{f: function(n) n, r: for a in 1..2000, b in 1..2000 return f(a)}",
        "for i in 1..40 return if i = 1 then \"xxxxxxxxxx\" else partial[-1] + partial[-1]",
        "every x in 1..1000000 satisfies every y in 1..1000000 satisfies true",
        "for i in 1..30000 return if i = 1 then [1] else [partial[-1]]",
        "{f: function(n) f(n + 1), r: f(1)}.r",
        "flatten(for i in 1..80 return if i = 1 then [1] else [partial[-1]])",
        "count(for i in 1..5000 return matches(\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac\", "
        "\"^(a+)+$\"))",
        "count(for i in 1..5000 return replace(\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac\", "
        "\"a*a*a*b\", \"x\"))",
        "count(for i in 1..5000 return split(\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac\", "
        "\"a*a*a*b\"))",
        SHARED("h = g"),
        SHARED("h != g"),
        SHARED("h in [g]"),
        SHARED("list contains([1, g], h)"),
        SHARED("count(distinct values([g, h]))"),
        SHARED("index of([g, h], h)"),
        SHARED("is(g, h)"),
        SHARED("string(h)"),
        SHARED("{c: g} = {c: h}"),
        SHARED("h instance of list<list<list<list<list<list<list<list<list<number>>>>>>>>>"),
    };
    for (size_t i = 0; i < sizeof runaway / sizeof runaway[0]; i++) {
        struct qf_arena arena = {0};
        struct qf_error err = {0};
        struct qf_feel_program program;
        struct qf_feel_result result;
        struct qf_feel_world world = {0};
        assert_int_equal(
            qf_feel_compile(&arena, &program, qf_slice_of(runaway[i]), NULL, 0, NULL, NULL), QF_OK);
        assert_int_equal(qf_feel_evaluate(&program, &arena, &world, NULL, &result, &err),
                         QF_BUDGET);
        assert_non_null(strstr(err.detail, "of one evaluation"));
        qf_arena_deinit(&arena);
    }
}

static void test_nesting(void **state)
{
    (void)state;
    char text[4096] = {0};
    memset(text, '(', 2000);
    struct qf_arena arena = {0};
    struct qf_feel_program program;
    assert_int_equal(qf_feel_compile(&arena, &program, qf_slice_of(text), NULL, 0, NULL, NULL),
                     QF_MALFORMED);
    memset(text, '-', 4000);
    assert_int_equal(qf_feel_compile(&arena, &program, qf_slice_of(text), NULL, 0, NULL, NULL),
                     QF_MALFORMED);
    qf_arena_deinit(&arena);
}

static void test_unary_tests(void **state)
{
    (void)state;
    static const struct {
        const char *tests;
        int64_t input;
        bool passes;
    } cases[] = {
        {"-", 5, true},
        {"5", 5, true},
        {"< 5", 5, false},
        {"[1..5]", 5, true},
        {"not(5, 6)", 5, false},
        {"not(< 5)", 5, true},
        {"1, 2, > 4", 5, true},
        {"? > 4 and ? < 6", 5, true},
        {"!= 5", 5, false},
        {"[1, 5]", 5, true},
        {"(1..5)", 5, false},
        {"odd(?)", 5, true},
        {"not(odd(?))", 5, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct qf_arena arena = {0};
        struct qf_feel_program program;
        struct qf_feel_result result;
        struct qf_feel_world world = {0};
        struct qf_feel_value input = qf_feel_int(cases[i].input);
        assert_int_equal(qf_feel_compile_tests(&arena, &program, qf_slice_of(cases[i].tests),
                                               qf_feel_type_of_kind(QF_FEEL_NUMBER), NULL, 0, NULL,
                                               NULL),
                         QF_OK);
        assert_int_equal(qf_feel_test(&program, &arena, &world, &input, NULL, &result, NULL),
                         QF_OK);
        if (qf_feel_is_true(&result.value) != cases[i].passes)
            fail_msg("%s", cases[i].tests);
        qf_arena_deinit(&arena);
    }
}

/* Small integers are decimal128 numbers: both forms give the same sums and products. */
static void test_small_and_large_agree(void **state)
{
    (void)state;
    uint64_t seed = 7;
    for (int i = 0; i < 2000; i++) {
        seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
        int64_t a = (int64_t)(seed >> 8) % 1000000007;
        seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
        int64_t b = (int64_t)(seed >> 8) % 998244353 - 499122176;
        struct qf_feel_value x = qf_feel_int(a);
        struct qf_feel_value y = qf_feel_int(b);
        struct qf_feel_value one;
        struct qf_feel_value zero;
        struct qf_feel_value p;
        struct qf_feel_value q;
        assert_true(qf_feel_number_parse(&one, qf_slice_of("1.0")));
        assert_true(qf_feel_number_parse(&zero, qf_slice_of("0.0")));
        struct qf_feel_value long_x;
        assert_true(qf_feel_number_add(&long_x, &x, &zero));
        assert_false(long_x.small);
        assert_true(qf_feel_number_mul(&p, &x, &y) && qf_feel_number_mul(&q, &long_x, &y));
        assert_int_equal(qf_feel_number_compare(&p, &q), 0);
        assert_true(qf_feel_number_sub(&p, &x, &y) && qf_feel_number_sub(&q, &long_x, &y));
        assert_int_equal(qf_feel_number_compare(&p, &q), 0);
        if (b != 0) {
            assert_true(qf_feel_number_div(&p, &x, &y) && qf_feel_number_div(&q, &long_x, &y));
            assert_int_equal(qf_feel_number_compare(&p, &q), 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),     cmocka_unit_test(test_strings),
        cmocka_unit_test(test_times),       cmocka_unit_test(test_lists),
        cmocka_unit_test(test_contexts),    cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_types),       cmocka_unit_test(test_syntax_errors),
        cmocka_unit_test(test_type_errors), cmocka_unit_test(test_names_with_spaces),
        cmocka_unit_test(test_bounds),      cmocka_unit_test(test_nesting),
        cmocka_unit_test(test_unary_tests), cmocka_unit_test(test_small_and_large_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
