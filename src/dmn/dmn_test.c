/* Models: what is refused and where, traces, and decision tables against a plain reading of their
 * cells. The conformance kit (test/data/dmn-tck) covers what decisions give. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "dmn/dmn.h"
#include "feel/number.h"
#include "feel/temporal.h"

#define HEAD                                                                                       \
    "<definitions xmlns=\"https://www.omg.org/spec/DMN/20230324/MODEL/\" namespace=\"t\" "         \
    "name=\"t\">"
#define LITERAL(name, text)                                                                        \
    "<decision name=\"" name "\" id=\"" name "\"><variable name=\"" name "\"/>"                    \
    "<literalExpression><text>" text "</text></literalExpression></decision>"

struct found {
    uint32_t errors;
    uint32_t warnings;
    uint32_t line;
    char message[400];
    char element[64];
};

static void on_problem(void *self, const struct qf_dmn_problem *problem)
{
    struct found *found = self;
    if (!problem->error) {
        found->warnings++;
        return;
    }
    if (found->errors++ > 0)
        return;
    found->line = problem->line;
    snprintf(found->message, sizeof found->message, "%s", problem->message);
    snprintf(found->element, sizeof found->element, "%s", problem->element);
}

static enum qf_status compile(struct qf_arena *arena, struct qf_dmn_model **model, const char *xml,
                              struct found *found, struct qf_error *err)
{
    struct qf_dmn_file file = {"t.dmn", qf_slice_of(xml)};
    struct qf_dmn_reporter reporter = {on_problem, found};
    *found = (struct found){0};
    return qf_dmn_compile(arena, model, &file, 1, &reporter, err);
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "<definitions",
        "<x/>",
        "<!DOCTYPE a [<!ENTITY b \"bb\">]>" HEAD "</definitions>",
        "<!DOCTYPE a SYSTEM \"file:///etc/passwd\">" HEAD "</definitions>",
        HEAD "<a>&undefined;</a></definitions>",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct qf_arena arena = {0};
        struct qf_dmn_model *model = NULL;
        struct found found = {0};
        struct qf_error err = {0};
        assert_int_equal(compile(&arena, &model, wrong[i], &found, &err), QF_MALFORMED);
        assert_null(model);
        assert_true(strlen(err.detail) > 0);
        qf_arena_deinit(&arena);
    }
    struct qf_arena arena = {0};
    struct qf_dmn_model *model = NULL;
    struct found found = {0};
    struct qf_buf deep = {0};
    qf_buf_put_text(&deep, HEAD);
    for (int i = 0; i < 1000; i++)
        qf_buf_put_text(&deep, "<a>");
    assert_int_equal(compile(&arena, &model, qf_buf_text(&deep), &found, NULL), QF_OVER_LIMIT);
    qf_buf_deinit(&deep);
    qf_arena_deinit(&arena);
}

static void test_problems(void **state)
{
    (void)state;
    static const struct {
        const char *xml;
        const char *message;
        uint32_t line;
    } cases[] = {
        {HEAD "\n" LITERAL("d", "1 +") "</definitions>", "expected an expression, found the end",
         2},
        {HEAD "\n\n" LITERAL("d", "x + 1") "</definitions>", "there is nothing named \"x\"", 3},
        {HEAD LITERAL("d", "1 + \"a\"") "</definitions>", "not defined for number and string", 1},
        {HEAD "<decision name=\"d\"><informationRequirement><requiredInput href=\"#no\"/>"
              "</informationRequirement><literalExpression><text>1</text></literalExpression>"
              "</decision></definitions>",
         "nothing has the id \"#no\"", 1},
        {HEAD
         "<decision name=\"d\"><variable name=\"d\" typeRef=\"tNo\"/></decision></definitions>",
         "there is no type \"tNo\"", 1},
        {HEAD "<itemDefinition name=\"t\"><typeRef>t</typeRef></itemDefinition></definitions>",
         "refers to itself", 1},
        {HEAD "<decision name=\"a\" id=\"a\"><informationRequirement><requiredDecision "
              "href=\"#b\"/></informationRequirement></decision><decision name=\"b\" id=\"b\">"
              "<informationRequirement><requiredDecision href=\"#a\"/></informationRequirement>"
              "</decision></definitions>",
         "requires itself", 1},
        {HEAD "<import namespace=\"u\" name=\"u\" importType=\"https://www.omg.org/spec/DMN/\"/>"
              "</definitions>",
         "no file has the imported namespace u", 1},
        {HEAD LITERAL("a", "1") LITERAL("d", "a + 1") "</definitions>",
         "\"a\" is in the model and not in reach: draw a requirement", 1},
        {HEAD LITERAL("a", "1") LITERAL("a", "2") "</definitions>", "two elements have the name",
         1},
        {HEAD LITERAL("d", "Upper case(\"x\")") "</definitions>", "is \"upper case\" meant?", 1},
        {HEAD LITERAL("d", "1 &lt;&gt; 2") "</definitions>", "; write !=", 1},
        {HEAD LITERAL("d", "1,5") "</definitions>", "; decimals have a point: 1.5", 1},
        {HEAD LITERAL("d", "duration(\"1 day\")") "</definitions>", "; its form is P1Y2M", 1},
        {HEAD LITERAL("d", "matches(\"a\", \"(\")") "</definitions>", "not a pattern of XPath", 1},
        {HEAD LITERAL("d", "[5..1]") "</definitions>", "the range starts after its end", 1},
        {HEAD "<decision name=\"d\"><decisionTable hitPolicy=\"PRIORITY\"><output/></decisionTable>"
              "</decision></definitions>",
         "in the order of their output values, and none are given", 1},
        {HEAD "<decision name=\"d\"><decisionTable hitPolicy=\"COLLECT\" aggregation=\"AVG\">"
              "<output/></decisionTable></decision></definitions>",
         "it is SUM, COUNT, MIN or MAX", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct qf_arena arena = {0};
        struct qf_dmn_model *model = NULL;
        struct found found = {0};
        assert_int_equal(compile(&arena, &model, cases[i].xml, &found, NULL), QF_OK);
        assert_true(qf_dmn_errors(model) > 0);
        if (strstr(found.message, cases[i].message) == NULL)
            fail_msg("%zu: %s", i, found.message);
        assert_int_equal(found.line, cases[i].line);
        qf_arena_deinit(&arena);
    }
}

static struct qf_feel_value decide(struct qf_arena *arena, const struct qf_dmn_model *model,
                                   const char *name, const struct qf_dmn_input *inputs,
                                   uint32_t count, struct qf_dmn_result *result)
{
    static const struct qf_feel_world world = {.now_seconds = 1795228200};
    struct qf_dmn_options options = {&world, true};
    const struct qf_dmn_element *decision =
        qf_dmn_find(model, qf_slice_of(""), QF_DMN_DECISION, qf_slice_of(name));
    assert_non_null(decision);
    assert_int_equal(qf_dmn_evaluate(model, decision, arena, &options, inputs, count, result, NULL),
                     QF_OK);
    return result->feel.value;
}

#define TABLE_HEAD                                                                                 \
    HEAD "<inputData name=\"Income\" id=\"i\"><variable name=\"Income\" typeRef=\"number\"/>"      \
         "</inputData><decision name=\"Grade\" id=\"g\"><variable name=\"Grade\"/>"                \
         "<informationRequirement><requiredInput href=\"#i\"/></informationRequirement>"           \
         "<decisionTable id=\"dt\" hitPolicy=\"UNIQUE\"><input><inputExpression>"                  \
         "<text>Income</text></inputExpression></input><output/><annotation name=\"clause\"/>"

static void test_trace(void **state)
{
    (void)state;
    struct qf_arena arena = {0};
    struct qf_dmn_model *model = NULL;
    struct found found = {0};
    struct qf_dmn_result result;
    struct qf_buf text = {0};
    assert_int_equal(
        compile(&arena, &model,
                TABLE_HEAD
                "<rule id=\"r1\"><inputEntry><text>&lt; 100.5</text></inputEntry><outputEntry>"
                "<text>\"full\"</text></outputEntry><annotationEntry><text>第3条</text>"
                "</annotationEntry></rule><rule id=\"r2\"><inputEntry><text>[100.5..200]</text>"
                "</inputEntry><outputEntry><text>\"half\"</text></outputEntry></rule>"
                "</decisionTable></decision></definitions>",
                &found, NULL),
        QF_OK);
    assert_int_equal(found.errors, 0);
    struct qf_dmn_input input = {
        qf_dmn_find(model, qf_slice_of(""), QF_DMN_INPUT, qf_slice_of("Income")), qf_feel_int(50)};
    (void)decide(&arena, model, "Grade", &input, 1, &result);
    qf_dmn_trace_write(&text, result.trace);
    static const char expected[] =
        "{\"decision\":\"Grade\",\"inputs\":{\"Income\":50},\"model\":\"t\",\"outcome\":"
        "\"full\",\"tables\":[{\"in\":\"Grade\",\"inputs\":[{\"name\":\"Income\",\"value\":50}"
        "],\"matched\":[{\"annotations\":[\"第3条\"],\"id\":\"r1\",\"rule\":1}],\"output\":"
        "\"full\",\"table\":\"dt\"}],\"warnings\":[]}";
    assert_string_equal(qf_buf_text(&text), expected);
    qf_buf_reset(&text);
    input.value = qf_feel_int(1000);
    assert_int_equal(decide(&arena, model, "Grade", &input, 1, &result).kind, QF_FEEL_NULL);
    qf_dmn_trace_write(&text, result.trace);
    assert_non_null(strstr(qf_buf_text(&text), "\"matched\":[],\"output\":null"));
    qf_buf_deinit(&text);
    qf_arena_deinit(&arena);
}

/* ---- tables against their cells ---- */

static uint64_t seed;

static uint32_t below(uint32_t limit)
{
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    return (uint32_t)(seed >> 33) % limit;
}

static void random_cell(struct qf_buf *buf, uint32_t column)
{
    static const char *const names[] = {"a", "b", "c", "d"};
    static const char *const signs[] = {"&lt;", "&lt;=", "&gt;", "&gt;=", "", "!="};
    if (below(6) == 0) {
        qf_buf_put_text(buf, "-");
        return;
    }
    bool negated = below(6) == 0;
    if (negated)
        qf_buf_put_text(buf, "not(");
    uint32_t tests = 1 + below(2);
    for (uint32_t i = 0; i < tests; i++) {
        if (i > 0)
            qf_buf_put_text(buf, ", ");
        if (column == 1) {
            qf_buf_printf(buf, "\"%s\"", names[below(4)]);
        } else if (column == 2) {
            qf_buf_printf(buf, "%s @\"2026-01-%02u\"", signs[below(5)], 1 + below(9));
        } else if (below(3) == 0) {
            uint32_t low = below(10);
            qf_buf_printf(buf, "%c%u..%u%c", "[("[below(2)], low, low + below(5), "])"[below(2)]);
        } else if (below(5) == 0) {
            qf_buf_printf(buf, "? * 2 &gt; %u", below(20));
        } else {
            qf_buf_printf(buf, "%s %u.%u", signs[below(6)], below(10), below(2) * 5);
        }
    }
    if (negated)
        qf_buf_put_text(buf, ")");
}

#define COLUMNS 3
#define RULES_MAX 90

/* The rules of a COLLECT table that match must be those whose cells, each compiled on its own, all
 * pass. */
static void test_index_agrees_with_cells(void **state)
{
    (void)state;
    static const char *const names[] = {"n", "s", "d"};
    static const char *const letters[] = {"a", "b", "c", "d", "e"};
    for (seed = 1; seed < 40;) {
        uint64_t start = seed;
        struct qf_arena arena = {0};
        struct qf_buf xml = {0};
        struct qf_feel_program cells[RULES_MAX][COLUMNS];
        uint32_t rules = 1 + below(RULES_MAX);
        qf_buf_put_text(&xml, HEAD);
        for (int i = 0; i < COLUMNS; i++)
            qf_buf_printf(&xml, "<inputData name=\"%s\" id=\"%s\"/>", names[i], names[i]);
        qf_buf_put_text(&xml, "<decision name=\"x\"><variable name=\"x\"/>");
        for (int i = 0; i < COLUMNS; i++)
            qf_buf_printf(&xml,
                          "<informationRequirement><requiredInput href=\"#%s\"/>"
                          "</informationRequirement>",
                          names[i]);
        qf_buf_put_text(&xml, "<decisionTable hitPolicy=\"COLLECT\">");
        for (int i = 0; i < COLUMNS; i++)
            qf_buf_printf(&xml, "<input><inputExpression><text>%s</text></inputExpression></input>",
                          names[i]);
        qf_buf_put_text(&xml, "<output/>");
        for (uint32_t r = 0; r < rules; r++) {
            qf_buf_put_text(&xml, "<rule>");
            for (uint32_t i = 0; i < COLUMNS; i++) {
                struct qf_buf cell = {0};
                struct qf_buf plain = {0};
                random_cell(&cell, i);
                for (const char *c = qf_buf_text(&cell); *c != '\0'; c++) {
                    bool less = strncmp(c, "&lt;", 4) == 0;
                    bool more = strncmp(c, "&gt;", 4) == 0;
                    qf_buf_put_byte(&plain, less ? '<' : more ? '>' : (uint8_t)*c);
                    c += less || more ? 3 : 0;
                }
                qf_buf_printf(&xml, "<inputEntry><text>%s</text></inputEntry>", qf_buf_text(&cell));
                assert_int_equal(qf_feel_compile_tests(&arena, &cells[r][i], qf_buf_slice(&plain),
                                                       &qf_feel_type_any, NULL, 0, NULL, NULL),
                                 QF_OK);
                qf_buf_deinit(&cell);
                qf_buf_deinit(&plain);
            }
            qf_buf_printf(&xml, "<outputEntry><text>%u</text></outputEntry></rule>", r);
        }
        qf_buf_put_text(&xml, "</decisionTable></decision></definitions>");
        struct qf_dmn_model *model = NULL;
        struct found found = {0};
        assert_int_equal(compile(&arena, &model, qf_buf_text(&xml), &found, NULL), QF_OK);
        assert_int_equal(found.errors, 0);
        for (int trial = 0; trial < 60; trial++) {
            struct qf_dmn_input inputs[COLUMNS];
            for (int i = 0; i < COLUMNS; i++)
                inputs[i].element =
                    qf_dmn_find(model, qf_slice_of(""), QF_DMN_INPUT, qf_slice_of(names[i]));
            inputs[0].value = qf_feel_int((int64_t)below(14) - 2);
            if (below(2) == 0) {
                char text[16];
                snprintf(text, sizeof text, "%u.%u", below(12), below(10));
                assert_true(qf_feel_number_parse(&inputs[0].value, qf_slice_of(text)));
            }
            inputs[1].value = qf_feel_text(qf_slice_of(letters[below(5)]));
            assert_true(qf_feel_date_make(&inputs[2].value, 2026, 1, 1 + below(11)));
            if (below(10) == 0)
                inputs[below(COLUMNS)].value = qf_feel_null();
            struct qf_dmn_result result;
            struct qf_feel_value list = decide(&arena, model, "x", inputs, COLUMNS, &result);
            uint32_t at = 0;
            for (uint32_t r = 0; r < rules; r++) {
                bool passes = true;
                for (int i = 0; i < COLUMNS && passes; i++) {
                    static const struct qf_feel_world world = {0};
                    struct qf_feel_result one;
                    assert_int_equal(qf_feel_test(&cells[r][i], &arena, &world, &inputs[i].value,
                                                  NULL, &one, NULL),
                                     QF_OK);
                    passes = qf_feel_is_true(&one.value);
                }
                bool given = at < list.count && list.items[at].integer == (int64_t)r;
                if (given != passes)
                    fail_msg("seed %llu: rule %u of %s", (unsigned long long)start, r,
                             qf_buf_text(&xml));
                at += given;
            }
            assert_int_equal(at, list.count);
        }
        qf_buf_deinit(&xml);
        qf_arena_deinit(&arena);
        seed = start + 1;
    }
}

static void test_json_inputs(void **state)
{
    (void)state;
    struct qf_arena arena = {0};
    struct qf_json json;
    struct qf_feel_value value;
    struct qf_error err = {0};
    struct qf_feel_member members[] = {{qf_slice_of("born"), qf_feel_type_of_kind(QF_FEEL_DATE)},
                                       {qf_slice_of("rate"), qf_feel_type_of_kind(QF_FEEL_NUMBER)}};
    struct qf_feel_type type = {.kind = QF_FEEL_CONTEXT, .count = 2, .members = members};
    assert_int_equal(qf_json_parse(&arena, &json,
                                   qf_slice_of("{\"born\":\"2001-02-03\",\"rate\":\"0.35\"}"),
                                   QF_JSON_ANY, NULL),
                     QF_OK);
    assert_true(qf_dmn_value_from_json(&arena, &value, &json, &type, &err));
    assert_int_equal(qf_feel_get(&value, qf_slice_of("born"))->kind, QF_FEEL_DATE);
    assert_int_equal(qf_feel_get(&value, qf_slice_of("rate"))->kind, QF_FEEL_NUMBER);
    assert_int_equal(
        qf_json_parse(&arena, &json, qf_slice_of("{\"born\":\"yesterday\"}"), QF_JSON_ANY, NULL),
        QF_OK);
    assert_false(qf_dmn_value_from_json(&arena, &value, &json, &type, &err));
    assert_string_equal(err.field, "born");
    qf_arena_deinit(&arena);
}

/* ---- readings of the specification ---- */

/* What the decision "r" of a model gives, as FEEL writes it. */
static void check_decides(const char *xml, const char *expected)
{
    struct qf_arena arena = {0};
    struct qf_dmn_model *model = NULL;
    struct found found = {0};
    struct qf_dmn_result result;
    struct qf_buf text = {0};
    assert_int_equal(compile(&arena, &model, xml, &found, NULL), QF_OK);
    struct qf_feel_value value = decide(&arena, model, "r", NULL, 0, &result);
    qf_feel_write(&text, &value, true);
    if (strcmp(qf_buf_text(&text), expected) != 0)
        fail_msg("%s gives %s, not %s", xml, qf_buf_text(&text), expected);
    qf_buf_deinit(&text);
    qf_arena_deinit(&arena);
}

#define ITEM(name, ref, more)                                                                      \
    "<itemDefinition name=\"" name "\"><typeRef>" ref "</typeRef>" more "</itemDefinition>"
#define ITEMS(name, ref, more)                                                                     \
    "<itemDefinition name=\"" name "\" isCollection=\"true\"><typeRef>" ref "</typeRef>" more      \
    "</itemDefinition>"
#define ALLOWED(text) "<allowedValues><text>" text "</text></allowedValues>"
#define CONSTRAINT(text) "<typeConstraint><text>" text "</text></typeConstraint>"
#define TYPED(type, text)                                                                          \
    HEAD TYPES "<decision name=\"r\"><variable name=\"r\" typeRef=\"" type                         \
               "\"/><literalExpression><text>" text                                                \
               "</text></literalExpression></decision></definitions>"
#define TYPES                                                                                      \
    ITEM("positive", "number", ALLOWED("&gt; 0"))                                                  \
    ITEM("digit", "positive", ALLOWED("&lt; 10"))                                                  \
    ITEM("even digit", "digit", CONSTRAINT("even(?)"))                                             \
    ITEMS("numbers", "number", "")                                                                 \
    ITEMS("rows", "numbers", "")                                                                   \
    ITEMS("few", "positive", CONSTRAINT("count(?) &lt; 3"))                                        \
    "<itemDefinition name=\"span\"><itemComponent name=\"low\"><typeRef>digit</typeRef>"           \
    "</itemComponent><itemComponent "                                                              \
    "name=\"high\"><typeRef>number</typeRef></itemComponent>" CONSTRAINT(                          \
        "?.low &lt; ?.high") "</itemDefinition>"

/* 10.3.2.9.4 and 7.3.3: conversions, and every constraint on the way to the base type. */
static void test_types(void **state)
{
    (void)state;
    static const struct {
        const char *xml;
        const char *value;
    } cases[] = {
        {TYPED("digit", "5"), "5"},
        {TYPED("digit", "50"), "null"},
        {TYPED("digit", "-5"), "null"},
        {TYPED("digit", "[5]"), "5"},
        {TYPED("even digit", "4"), "4"},
        {TYPED("even digit", "5"), "null"},
        {TYPED("even digit", "12"), "null"},
        {TYPED("even digit", "-2"), "null"},
        {TYPED("numbers", "1"), "[1]"},
        {TYPED("numbers", "[[1, 2]]"), "[1, 2]"},
        {TYPED("numbers", "[1, null]"), "[1, null]"},
        {TYPED("numbers", "[\"a\"]"), "null"},
        {TYPED("rows", "[1, 2]"), "[[1, 2]]"},
        {TYPED("rows", "1"), "null"},
        {TYPED("few", "[1, 2]"), "[1, 2]"},
        {TYPED("few", "[1, 2, 3]"), "null"},
        {TYPED("few", "[1, -2]"), "null"},
        {TYPED("span", "{low: 1, high: 20, name: \"x\"}"), "{low: 1, high: 20, name: \"x\"}"},
        {TYPED("span", "{low: 3, high: 2}"), "null"},
        {TYPED("span", "{low: 11, high: 20}"), "null"},
        {TYPED("span", "{low: 1}"), "null"},
        {TYPED("date and time", "[date(\"2026-01-01\")]"), "2026-01-01T00:00:00Z"},
        {TYPED("number", "[[5]]"), "null"},
        {TYPED("string", "5"), "null"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check_decides(cases[i].xml, cases[i].value);
}

#define CELL(text) "<inputEntry><text>" text "</text></inputEntry>"
#define RESULT(text) "<outputEntry><text>" text "</text></outputEntry>"
#define DECISION(logic)                                                                            \
    HEAD "<decision name=\"r\"><variable name=\"r\"/>" logic "</decision></definitions>"
#define ONE_INPUT(policy, text, output, rules)                                                     \
    DECISION("<decisionTable " policy "><input><inputExpression><text>" text                       \
             "</text></inputExpression></input>" output rules "</decisionTable>")
#define ALL "<rule>" CELL("-")

/* 10.3.2.10. */
static void test_tables(void **state)
{
    (void)state;
#define NONE(policy) ONE_INPUT(policy, "1", "<output/>", "<rule>" CELL("2") RESULT("3") "</rule>")
#define ELSE(policy, otherwise)                                                                    \
    ONE_INPUT(policy, "1",                                                                         \
              "<output typeRef=\"number\"><defaultOutputEntry><text>" otherwise                    \
              "</text></defaultOutputEntry></output>",                                             \
              "<rule>" CELL("2") RESULT("3") "</rule>")
#define THREE(policy)                                                                              \
    ONE_INPUT(                                                                                     \
        policy, "1",                                                                               \
        "<output><outputValues><text>\"c\",\"b\",\"a\"</text></outputValues></output>",            \
        ALL RESULT("\"a\"") "</rule>" ALL RESULT("\"c\"") "</rule>" ALL RESULT("\"b\"") "</rule>")
#define CELL_OF(text, cell)                                                                        \
    ONE_INPUT("", text, "<output/>", "<rule>" CELL(cell) RESULT("1") "</rule>")
    static const struct {
        const char *xml;
        const char *value;
    } cases[] = {
        {NONE("hitPolicy=\"UNIQUE\""), "null"},
        {NONE("hitPolicy=\"COLLECT\""), "null"},
        {NONE("hitPolicy=\"COLLECT\" aggregation=\"COUNT\""), "null"},
        {NONE("hitPolicy=\"COLLECT\" aggregation=\"SUM\""), "null"},
        {NONE("hitPolicy=\"RULE ORDER\""), "null"},
        {ELSE("hitPolicy=\"UNIQUE\"", "7"), "7"},
        {ELSE("hitPolicy=\"UNIQUE\"", "\"x\""), "null"},
        {ELSE("hitPolicy=\"COLLECT\"", "[]"), "[]"},
        {ELSE("hitPolicy=\"COLLECT\" aggregation=\"COUNT\"", "0"), "0"},
        {THREE("hitPolicy=\"PRIORITY\""), "\"c\""},
        {THREE("hitPolicy=\"FIRST\""), "\"a\""},
        {THREE("hitPolicy=\"OUTPUT ORDER\""), "[\"c\", \"b\", \"a\"]"},
        {THREE("hitPolicy=\"RULE ORDER\""), "[\"a\", \"c\", \"b\"]"},
        {THREE("hitPolicy=\"UNIQUE\""), "null"},
        {THREE("hitPolicy=\"ANY\""), "null"},
        {THREE("hitPolicy=\"COLLECT\" aggregation=\"MIN\""), "\"a\""},
        {THREE("hitPolicy=\"COLLECT\" aggregation=\"SUM\""), "null"},
        {THREE("hitPolicy=\"COLLECT\" aggregation=\"COUNT\""), "3"},
        {CELL_OF("null", "null"), "1"},
        {CELL_OF("null", "not(null)"), "null"},
        {CELL_OF("5", "not(null)"), "1"},
        {CELL_OF("null", "not(&lt; 5)"), "null"},
        {CELL_OF("5", "not(5), 6"), "null"},
        {CELL_OF("[1, 2]", "list contains(?, 1)"), "1"},
        {CELL_OF("1", "[1, 2]"), "1"},
        {CELL_OF("[1, 2]", "[1, 2]"), "1"},
        {CELL_OF("5", "[10..1]"), "null"},
        {CELL_OF("7", "&lt; 5, [6..8], 10"), "1"},
        {CELL_OF("\"b\"", "[\"a\"..\"c\"]"), "1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check_decides(cases[i].xml, cases[i].value);
}

#define FACTORIAL                                                                                  \
    "<businessKnowledgeModel name=\"factorial\" id=\"f\"><variable name=\"factorial\"/>"           \
    "<encapsulatedLogic><formalParameter name=\"n\" typeRef=\"number\"/><literalExpression><text>" \
    "if n &lt; 2 then 1 else n * factorial(n - 1)</text></literalExpression></encapsulatedLogic>"  \
    "</businessKnowledgeModel>"
#define CALLS(text)                                                                                \
    HEAD FACTORIAL "<decision name=\"r\"><variable name=\"r\"/><knowledgeRequirement>"             \
                   "<requiredKnowledge href=\"#f\"/></knowledgeRequirement><literalExpression>"    \
                   "<text>" text "</text></literalExpression></decision></definitions>"

static void test_knowledge(void **state)
{
    (void)state;
    check_decides(CALLS("factorial(10)"), "3628800");
    check_decides(CALLS("factorial(n: [3])"), "6");
    check_decides(CALLS("factorial(\"3\")"), "null");
    check_decides(CALLS("factorial(1, 2)"), "null");
}

static void test_budget(void **state)
{
    (void)state;
    struct qf_arena arena = {0};
    struct qf_dmn_model *model = NULL;
    struct found found = {0};
    struct qf_error err = {0};
    struct qf_dmn_result result;
    struct qf_feel_world world = {0};
    struct qf_dmn_options options = {&world, true};
    assert_int_equal(
        compile(&arena, &model,
                HEAD LITERAL("Long", "count(for i in 1..1000000 return i)") "</definitions>",
                &found, NULL),
        QF_OK);
    assert_int_equal(
        qf_dmn_evaluate(model, qf_dmn_at(model, 0), &arena, &options, NULL, 0, &result, &err),
        QF_BUDGET);
    assert_string_equal(err.field, "Long");
    qf_arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused),     cmocka_unit_test(test_problems),
        cmocka_unit_test(test_trace),       cmocka_unit_test(test_index_agrees_with_cells),
        cmocka_unit_test(test_json_inputs), cmocka_unit_test(test_budget),
        cmocka_unit_test(test_types),       cmocka_unit_test(test_tables),
        cmocka_unit_test(test_knowledge),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
