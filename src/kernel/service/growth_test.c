/* What a case's record may come to: nobody who takes part in a case, and no process, makes a record
 * of it that cannot be stored or read again, for then no node could go on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "kernel/service/testing.h"

/* A clerk's answer, a sealed decision over it, and back to the clerk. */
#define PROCESS                                                                                    \
    "<process id='p' isExecutable='true'><laneSet id='l'><lane id='desk'><flowNodeRef>s"           \
    "</flowNodeRef><flowNodeRef>ask</flowNodeRef><flowNodeRef>rule</flowNodeRef></lane></laneSet>" \
    "<startEvent id='s'/><exclusiveGateway id='again'/><userTask id='ask'><extensionElements>"     \
    "<qf:form schema='form.json'/></extensionElements></userTask>"                                 \
    "<businessRuleTask id='rule'><extensionElements>"                                              \
    "<qf:decision ref='Note' result='note' sealed='true'/></extensionElements></businessRuleTask>" \
    "<exclusiveGateway id='g' default='no'/><endEvent id='e'/>"                                    \
    "<sequenceFlow id='f1' sourceRef='s' targetRef='again'/>"                                      \
    "<sequenceFlow id='f2' sourceRef='again' targetRef='ask'/>"                                    \
    "<sequenceFlow id='f3' sourceRef='ask' targetRef='rule'/>"                                     \
    "<sequenceFlow id='f4' sourceRef='rule' targetRef='g'/>"                                       \
    "<sequenceFlow id='yes' sourceRef='g' targetRef='e'><conditionExpression>note = \"end\""       \
    "</conditionExpression></sequenceFlow>"                                                        \
    "<sequenceFlow id='no' sourceRef='g' targetRef='again'/></process>"

#define RULES                                                                                      \
    "<inputData id='i1' name='income'><variable name='income' typeRef='number'/></inputData>"      \
    "<decision id='d1' name='Note'><variable name='Note' typeRef='string'/>"                       \
    "<informationRequirement id='q1'><requiredInput href='#i1'/></informationRequirement>"         \
    "<literalExpression id='x1'><text>if income = 0 then \"end\" else \"more\"</text>"             \
    "</literalExpression></decision>"

#define MANIFEST                                                                                   \
    "{\"fields\":{\"income\":{\"sealed\":true,\"type\":\"number\"},\"note\":{\"type\":"            \
    "\"string\"}},\"participants\":[{\"actor_role\":\"clerk\",\"members\":[\"a\"],\"role\":"       \
    "\"desk\"}]}"
#define FORM                                                                                       \
    "{\"additionalProperties\":false,\"properties\":{\"income\":{\"type\":\"integer\"}},"          \
    "\"required\":[\"income\"],\"type\":\"object\"}"
#define HASH "0000000000000000000000000000000000000000000000000000000000000000"

static const struct qf_service_package looping = {"loop", "1", PROCESS, RULES, MANIFEST, FORM};

/* One turn; the outcome is `size` letters. */
static struct qf_receipt turn(struct qf_testing_world *world, size_t size)
{
    static char letters[60000];
    memset(letters, 'x', sizeof letters);
    qf_testing_expect(world, QF_OK, "", QF_CLERK,
                      "[{\"op\":\"service.task.complete\",\"case\":\"c1\",\"task\":%u,\"data\":"
                      "{\"income\":\"sha-256:" HASH "\"}}]",
                      qf_service_testing_task_at(world, "desk", "c1", "ask"));
    return qf_testing_run(world, QF_CLERK,
                          "[{\"op\":\"service.decision.record\",\"case\":\"c1\",\"task\":%u,"
                          "\"outcome\":\"%.*s\",\"inputs\":{\"income\":\"sha-256:" HASH "\"},"
                          "\"time\":%lld,\"trace\":\"sha-256:" HASH "\"}]",
                          qf_service_testing_task_at(world, "desk", "c1", "rule"), (int)size,
                          letters, (long long)world->block.time_ms);
}

static void a_case_with_much_in_it_takes_no_more(void **state)
{
    struct qf_testing_world *world = *state;
    qf_service_testing_deploy(world, &looping);
    qf_testing_expect(world, QF_OK, "", QF_CLERK,
                      "[{\"op\":\"service.case.open\",\"service\":\"loop\",\"case\":\"c1\"}]");
    struct qf_receipt receipt = {.code = QF_OK};
    for (unsigned turns = 0; turns < 100 && receipt.code == QF_OK; turns++)
        receipt = turn(world, 40000);
    assert_int_equal(receipt.code, QF_OVER_LIMIT);
    assert_string_equal(receipt.problem.field, "ops[0].case");
    qf_service_testing_status(world, "c1", "running");
    qf_testing_expect(world, QF_OK, "", QF_CLERK,
                      "[{\"op\":\"service.case.withdraw\",\"case\":\"c1\"}]");
    qf_service_testing_status(world, "c1", "withdrawn");
}

/* ---- what a decision was made on ---- */

#define ANY_RULES                                                                                  \
    "<inputData id='i1' name='given'><variable name='given' typeRef='Any'/></inputData>"           \
    "<decision id='d1' name='Count'><variable name='Count' typeRef='number'/>"                     \
    "<informationRequirement id='q1'><requiredInput href='#i1'/></informationRequirement>"         \
    "<literalExpression id='x1'><text>count(given)</text></literalExpression></decision>"
#define ANY_MANIFEST                                                                               \
    "{\"fields\":{\"x\":{\"type\":\"Any\"}},\"participants\":[{\"actor_role\":\"clerk\","          \
    "\"members\":[\"a\"],\"role\":\"desk\"}]}"

/* A decision over a list of this many levels, then a clerk's task. */
static const char *deciding(struct qf_testing_world *world, unsigned levels)
{
    static const char open[] = "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[";
    static const char close[] = "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]";
    return qf_arena_printf(
        &world->arena,
        "<process id='p' isExecutable='true'><laneSet id='l'><lane id='desk'>"
        "<flowNodeRef>s</flowNodeRef><flowNodeRef>ask</flowNodeRef></lane></laneSet>"
        "<startEvent id='s'/><businessRuleTask id='c'><extensionElements>"
        "<qf:decision ref='Count' result='x'/><qf:input name='given' value='=%.*s1%.*s'/>"
        "</extensionElements></businessRuleTask><userTask id='ask'/>"
        "<endEvent id='e'/><sequenceFlow id='f1' sourceRef='s' targetRef='c'/>"
        "<sequenceFlow id='f2' sourceRef='c' targetRef='ask'/>"
        "<sequenceFlow id='f3' sourceRef='ask' targetRef='e'/></process>",
        (int)levels, open, (int)levels, close);
}

static void what_a_decision_was_made_on_can_be_read_again(void **state)
{
    struct qf_testing_world *world = *state;
    for (unsigned levels = 26; levels < 33; levels++) {
        const char *id = qf_arena_printf(&world->arena, "s%u", levels);
        const struct qf_service_package package = {id,        "1",          deciding(world, levels),
                                                   ANY_RULES, ANY_MANIFEST, NULL};
        qf_service_testing_deploy(world, &package);
        qf_testing_expect(world, QF_OK, "", QF_CLERK,
                          "[{\"op\":\"service.case.open\",\"service\":\"%s\",\"case\":\"%s\"}]", id,
                          id);
        const struct qf_json *decisions =
            qf_json_get(qf_service_testing_case(world, id), "decisions");
        assert_int_equal(decisions->count, 1);
        assert_int_equal(qf_json_get(&decisions->items[0], "inputs") != NULL, levels <= 28);
        qf_testing_expect(world, QF_OK, "", QF_CLERK,
                          "[{\"op\":\"service.task.complete\",\"case\":\"%s\",\"task\":%u}]", id,
                          qf_service_testing_task_at(world, "desk", id, "ask"));
    }
}

/* ---- what is small and would be written for hours ---- */

#define TEN(name)                                                                                  \
    "[" name "," name "," name "," name "," name "," name "," name "," name "," name "," name "]"
#define LARGE_RULES                                                                                \
    "<decision id='d1' name='Count'><variable name='Count'/><literalExpression "                   \
    "id='x1'><text>{a: " TEN("1") ", b: " TEN("a") ", c: " TEN("b") ", d: " TEN("c") ", e: " TEN(  \
        "d") ", f: " TEN("e") ", g: " TEN("f") ", h: " TEN("g") ", i: " TEN("h") "}.i</text></"    \
                                                                                 "literalExpressi" \
                                                                                 "on></decision>"

static void an_outcome_that_would_be_written_for_hours_is_refused(void **state)
{
    struct qf_testing_world *world = *state;
    const struct qf_service_package package = {
        "large",
        "1",
        "<process id='p' isExecutable='true'><laneSet id='l'><lane id='desk'><flowNodeRef>s"
        "</flowNodeRef></lane></laneSet><startEvent id='s'/><businessRuleTask id='c'>"
        "<extensionElements><qf:decision ref='Count' result='x'/></extensionElements>"
        "</businessRuleTask><endEvent id='e'/><sequenceFlow id='f1' sourceRef='s' targetRef='c'/>"
        "<sequenceFlow id='f2' sourceRef='c' targetRef='e'/></process>",
        LARGE_RULES,
        ANY_MANIFEST,
        NULL};
    qf_service_testing_deploy(world, &package);
    qf_testing_expect(world, QF_BUDGET, "ops[0]", QF_CLERK,
                      "[{\"op\":\"service.case.open\",\"service\":\"large\",\"case\":\"c1\"}]");
}

/* ---- packages that are only tried ---- */

static void a_block_checks_few_packages(void **state)
{
    struct qf_testing_world *world = *state;
    const unsigned few = QF_FEEL_BLOCK_STEPS_MAX / QF_SERVICE_DEPLOY_STEPS;
    qf_testing_begin(world);
    for (unsigned i = 0; i <= few; i++) {
        struct qf_receipt receipt;
        const struct qf_json *ops = qf_testing_json(
            world,
            "[{\"op\":\"consortium.propose\",\"proposal\":\"p%u\",\"action\":{\"do\":\"service."
            "deploy\","
            "\"service\":\"s\",\"version\":\"1\",\"member\":\"a\",\"hash\":\"sha-256:" HASH "\"}}]",
            i);
        qf_testing_apply(world,
                         qf_testing_sign(world, QF_ADMIN_A, world->block.time_ms / 1000 + 600, ops),
                         QF_TX_GOOD, &receipt);
        assert_int_equal(receipt.code, i < few ? QF_NOT_FOUND : QF_BUDGET);
    }
    qf_testing_end(world, false);
}

/* ---- why time could do nothing ---- */

/* Its id is cut within a character where it is quoted. */
#define GATE "n\xE4\xB8\x80\xE4\xB8\x80\xE4\xB8\x80\xE4\xB8\x80\xE4\xB8\x80\xE4\xB8\x80"
#define LONG_GATE GATE GATE GATE GATE GATE GATE

static const struct qf_service_package failing = {
    "fail",
    "1",
    "<process id='p' isExecutable='true'><laneSet id='l'><lane id='desk'><flowNodeRef>s"
    "</flowNodeRef><flowNodeRef>ask</flowNodeRef></lane></laneSet><startEvent id='s'/>"
    "<userTask id='ask'><extensionElements><qf:deadline days='1' calendar='working' "
    "then='approved'/>"
    "</extensionElements></userTask><exclusiveGateway id='" LONG_GATE "' default='no'/>"
    "<endEvent id='e1'/><endEvent id='e2'/><sequenceFlow id='f1' sourceRef='s' targetRef='ask'/>"
    "<sequenceFlow id='f2' sourceRef='ask' targetRef='" LONG_GATE "'/>"
    "<sequenceFlow id='yes' sourceRef='" LONG_GATE "' targetRef='e1'><conditionExpression>x"
    "</conditionExpression></sequenceFlow>"
    "<sequenceFlow id='no' sourceRef='" LONG_GATE "' targetRef='e2'/></process>",
    NULL,
    ANY_MANIFEST,
    NULL};

static void why_time_could_do_nothing_can_be_read_again(void **state)
{
    struct qf_testing_world *world = *state;
    qf_service_testing_deploy(world, &failing);
    qf_testing_expect(world, QF_OK, "", QF_CLERK,
                      "[{\"op\":\"service.case.open\",\"service\":\"fail\",\"case\":\"c1\","
                      "\"data\":{\"x\":5}}]");
    qf_service_testing_wait(world, 5 * 86400000LL);
    assert_non_null(qf_json_get(qf_service_testing_case(world, "c1"), "problem"));
    qf_testing_expect(world, QF_OK, "", QF_CLERK,
                      "[{\"op\":\"service.case.withdraw\",\"case\":\"c1\"}]");
}

/* ---- names that C would end early ---- */

static void a_form_may_have_any_name(void **state)
{
    struct qf_testing_world *world = *state;
    struct qf_service_package package = failing;
    package.manifest =
        "{\"fields\":{\"x\":{\"type\":\"Any\"}},\"messages\":{\"more\":{\"form\":\"form.json\"}},"
        "\"participants\":[{\"role\":\"desk\"}]}";
    package.form = "{\"additionalProperties\":false,\"properties\":{\"x\":{\"type\":\"integer\"}},"
                   "\"type\":\"object\"}";
    struct qf_buf text = {0};
    struct qf_slice rest = qf_service_testing_package(world, &package);
    /* "form.json" becomes "fo\u0000.json" wherever it stands. */
    for (size_t i = 0; i < rest.size; i++) {
        bool there = rest.size - i > 9 && memcmp(rest.data + i, "form.json", 9) == 0;
        qf_buf_put_text(&text, there ? "fo\\u0000.json" : "");
        if (there)
            i += 8;
        else
            qf_buf_put(&text, rest.data + i, 1);
    }
    struct qf_service_model *model;
    struct qf_error err = {0};
    assert_int_equal(
        qf_service_compile(&model, qf_buf_slice(&text), qf_slice_of("sha-256:x"), &err), QF_OK);
    struct qf_slice form = qf_service_message_form(model, qf_slice_of("more"));
    assert_int_equal(form.size, 8);
    assert_int_equal(qf_service_check_data(model, &world->arena,
                                           qf_testing_json(world, "{\"x\":1}"), form, &err),
                     QF_OK);
    assert_int_equal(qf_service_check_data(model, &world->arena,
                                           qf_testing_json(world, "{\"x\":\"1\"}"), form, &err),
                     QF_BAD_FIELD);
    qf_service_free(model);
    qf_buf_deinit(&text);
}

static int setup(void **state)
{
    *state = qf_service_testing_world();
    return 0;
}

static int teardown(void **state)
{
    qf_testing_free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_a_decision_was_made_on_can_be_read_again, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(why_time_could_do_nothing_can_be_read_again, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_form_may_have_any_name, setup, teardown),
        cmocka_unit_test_setup_teardown(an_outcome_that_would_be_written_for_hours_is_refused,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_block_checks_few_packages, setup, teardown),
        cmocka_unit_test_setup_teardown(a_case_with_much_in_it_takes_no_more, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
