#include "bpmn/check.h"
#include "bpmn/feel.h"
#include "bpmn/test_case.h"

static struct qf_bpmn_feel feel;

/* As case_load, with FEEL and two declared fields beside those of the model. */
static void feel_load(struct test_case *c, const char *xml)
{
    struct qf_error err = {0};
    *c = (struct test_case){.calendar = {.rest = 0x60}};
    if (qf_bpmn_import(&c->arena, &c->model, qf_slice_of(xml), &err) != QF_OK)
        fail_msg("%s: %s", err.field, err.detail);
    struct qf_feel_variable fields[] = {
        {qf_slice_of("income"), qf_feel_type_of_kind(QF_FEEL_NUMBER)},
        {qf_slice_of("date of birth"), qf_feel_type_of_kind(QF_FEEL_DATE)},
        {qf_slice_of("children"), qf_feel_type_of_kind(QF_FEEL_LIST)},
    };
    qf_bpmn_feel_init(&feel, &c->arena, &c->model, fields, 3, qf_slice_of("Asia/Shanghai"));
    qf_bpmn_prepare(&c->program, &c->model, qf_bpmn_feel_expr(&feel));
}

#define SCRIPT(expression)                                                                         \
    PROCESS("<startEvent id='s'/><scriptTask id='c'>" EXT(                                         \
        "<qf:result variable='r'/>") "<script>" expression                                         \
                                     "</script></scriptTask><endEvent id='e'/>" FLOW("s", "c")     \
                                         FLOW("c", "e"))

static void gives(const char *xml, const char *data, const char *want)
{
    struct test_case c;
    struct qf_buf buf = {0};
    feel_load(&c, xml);
    assert_null(c.model.problems);
    c.now_ms = 1795219200000 - 3600000; /* an hour before 2026-11-21 in UTC */
    case_open(&c, data);
    case_is(&c, QF_BPMN_DONE);
    qf_json_write(&buf, qf_json_get(&c.instance.variables, "r"));
    assert_string_equal(qf_buf_text(&buf), want);
    qf_buf_deinit(&buf);
    case_end(&c);
}

static void values_go_there_and_back(void **state)
{
    (void)state;
    gives(SCRIPT("income * 12"), "- {\"income\":1000}", "12000");
    gives(SCRIPT("income / 4"), "- {\"income\":\"1.5\"}", "\"0.375\"");
    gives(SCRIPT("date of birth + duration(\"P18Y\")"),
          "- {\"date\\u0020of\\u0020birth\":\"2001-02-28\"}", "\"2019-02-28\"");
    gives(SCRIPT("count(children[age &lt; 18])"), "- {\"children\":[{\"age\":3},{\"age\":20}]}",
          "1");
    gives(SCRIPT("{a: income, b: [true, null]}"), "- {\"income\":7}",
          "{\"a\":7,\"b\":[true,null]}");
    gives(SCRIPT("income &gt; 5"), "-", "null");
    gives(SCRIPT("string(today())"), "-", "\"2026-11-21\"");
}

static void conditions_decide(void **state)
{
    (void)state;
    struct test_case c;
    feel_load(&c, PROCESS("<startEvent id='s'/><exclusiveGateway id='g' default='g-b'/><task "
                          "id='a'/><task id='b'/>" FLOW("s", "g")
                              FLOW_IF("g", "a", "=income in [1000..2000)") FLOW("g", "b")));
    case_open(&c, "- {\"income\":1999}");
    case_waits(&c, "a");
    case_open(&c, "- {\"income\":2000}");
    case_waits(&c, "b");
    case_end(&c);
}

static void mistakes_are_found_at_compilation(void **state)
{
    (void)state;
    struct test_case c;
    feel_load(&c, SCRIPT("salary * 12"));
    assert_non_null(c.model.problems);
    assert_non_null(strstr(c.model.problems->text, "salary"));
    case_end(&c);
    feel_load(&c, SCRIPT("income *"));
    assert_non_null(c.model.problems);
    case_end(&c);
}

static void a_run_away_expression_is_stopped(void **state)
{
    (void)state;
    struct test_case c;
    feel_load(&c, SCRIPT("sum(for x in 1..1000 return sum(for y in 1..1000 return y))"));
    assert_null(c.model.problems);
    assert_int_equal(qf_bpmn_open(case_call(&c), &c.instance, QF_BPMN_NONE, QF_BPMN_NONE, NULL),
                     QF_BUDGET);
    assert_string_equal(c.call.err.field, "p");
    case_end(&c);
}

static void values_of_the_wrong_type_are_refused(void **state)
{
    (void)state;
    struct test_case c;
    feel_load(&c, SCRIPT("date of birth"));
    assert_int_equal(
        qf_bpmn_open(case_call(&c), &c.instance, QF_BPMN_NONE, QF_BPMN_NONE,
                     case_answer(&c, "- {\"date\\u0020of\\u0020birth\":\"yesterday\"}")),
        QF_RULE_ERROR);
    case_end(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_go_there_and_back),
        cmocka_unit_test(conditions_decide),
        cmocka_unit_test(mistakes_are_found_at_compilation),
        cmocka_unit_test(a_run_away_expression_is_stopped),
        cmocka_unit_test(values_of_the_wrong_type_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
