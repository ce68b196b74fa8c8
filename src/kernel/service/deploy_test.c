/* A service comes by vote, in versions, and goes: and packages that are refused. */
#include <stdio.h>
#include <stdlib.h>

#include "kernel/service/permit_testing.h"

static void a_service_comes_by_vote(void **state)
{
    struct qf_testing_world *world = *state;
    struct qf_slice package = qf_permit_package(world, (struct qf_permit_variant){.version = "1"});
    const char *hash = qf_permit_hash(world, package);
    qf_testing_expect(world, QF_NOT_FOUND, "ops[0].action.hash", B, PROPOSE, "p", "1", hash);
    qf_permit_put(world, package, 5000);
    qf_testing_expect(world, QF_BAD_FIELD, "ops[0].action.version", B, PROPOSE, "p", "2", hash);
    qf_testing_expect(world, QF_OK, "", B, PROPOSE, "p", "1", hash);
    assert_null(qf_testing_value(world, "service/service/permit"));
    assert_true(qf_permit_has_key(world, "service/part/"));
    qf_permit_vote(world, "p");
    assert_non_null(qf_testing_value(world, "service/service/permit"));
    assert_false(qf_permit_has_key(world, "service/part/"));
    const char *stored = qf_testing_value(world, "service/package/permit/1");
    assert_true(qf_slice_is(package, stored));
    qf_permit_put(world, package, 5000);
    qf_testing_expect(world, QF_EXISTS, "ops[0].action.version", B, PROPOSE, "q", "1", hash);
    qf_testing_expect(world, QF_NOT_ALLOWED, "ops[0]", GUEST,
                      "[{\"op\":\"service.part\",\"hash\":\"%s\",\"part\":0,\"data\":\"AAAA\"}]",
                      hash);
}

static void expect_refused(struct qf_testing_world *world, struct qf_permit_variant variant,
                           enum qf_status code, const char *words)
{
    const char *hash = qf_permit_put(world, qf_permit_package(world, variant), 30000);
    struct qf_receipt receipt = qf_testing_run(world, B, PROPOSE, "p", variant.version, hash);
    if (receipt.code != code || strstr(receipt.problem.detail, words) == NULL)
        fail_msg("%s at %s: %s", qf_status_name(receipt.code), receipt.problem.field,
                 receipt.problem.detail);
    assert_null(qf_testing_value(world, "consortium/proposal/p"));
}

static void a_bad_package_is_refused_when_proposed(void **state)
{
    struct qf_testing_world *world = *state;
    static const struct {
        struct qf_permit_variant variant;
        const char *words;
    } cases[] = {
        {{"1", "process.bpmn", "way = \"full\"", "wey = \"full\"", NULL, NULL}, "f-full"},
        {{"1", "process.bpmn", "ref=\"Route\"", "ref=\"Rout\"", NULL, NULL}, "route"},
        {{"1", "process.bpmn", "targetRef=\"granted\"", "targetRef=\"check\"", NULL, NULL},
         "granted"},
        {{"1", "process.bpmn", "role=\"expert\"", "role=\"nobody\"", NULL, NULL}, "nobody"},
        {{"1", "process.bpmn", "check.json", "chuck.json", NULL, NULL}, "line 24"},
        {{"1", "rules.dmn", "<text>area</text>", "<text>area +</text>", NULL, NULL}, "line 15"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect_refused(world, cases[i].variant, QF_BAD_FIELD, cases[i].words);
    expect_refused(world,
                   (struct qf_permit_variant){
                       "1", "process.bpmn", "<definitions",
                       "<!DOCTYPE x [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><definitions",
                       NULL, NULL},
                   QF_MALFORMED, "");
    expect_refused(
        world, (struct qf_permit_variant){"1", "process.bpmn", "</definitions>", "", NULL, NULL},
        QF_MALFORMED, "");
    assert_false(qf_permit_has_key(world, "service/service/"));
}

static void versions_and_standing(void **state)
{
    struct qf_testing_world *world = *state;
    qf_testing_expect(world, QF_OK, "", CLERK, OPEN, "old");
    qf_permit_deploy(world, "2");
    qf_testing_expect(world, QF_OK, "", CLERK, OPEN, "new");
    assert_true(qf_json_is_text(qf_json_get(qf_permit_case(world, "old"), "version"), "1"));
    assert_true(qf_json_is_text(qf_json_get(qf_permit_case(world, "new"), "version"), "2"));
    qf_testing_expect(world, QF_WRONG_STATE, "ops[0].action.service", A, ACTION, "s0", "resume");
    qf_testing_expect(world, QF_OK, "", A, ACTION, "s1", "suspend");
    qf_permit_vote(world, "s1");
    qf_testing_expect(world, QF_WRONG_STATE, "ops[0].service", CLERK, OPEN, "more");
    qf_testing_expect(world, QF_OK, "", CLERK, COMPLETE, "old",
                      qf_permit_task(world, "desk", "old"), 1);
    qf_testing_expect(world, QF_OK, "", A, ACTION, "s2", "resume");
    qf_permit_vote(world, "s2");
    qf_testing_expect(world, QF_OK, "", CLERK, OPEN, "more");
    qf_testing_expect(world, QF_OK, "", A, ACTION, "s3", "retire");
    qf_permit_vote(world, "s3");
    qf_testing_expect(world, QF_WRONG_STATE, "ops[0].service", CLERK, OPEN, "last");
    qf_testing_expect(world, QF_WRONG_STATE, "ops[0].action.service", A, ACTION, "s4", "resume");
    qf_testing_expect(world, QF_OK, "", CLERK, COMPLETE, "new",
                      qf_permit_task(world, "desk", "new"), 1);
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    qf_permit_read_from(argv[1]);
#define WITH_SERVICE(test)                                                                         \
    cmocka_unit_test_setup_teardown(test, qf_permit_setup_deployed, qf_permit_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_service_comes_by_vote, qf_permit_setup,
                                        qf_permit_teardown),
        cmocka_unit_test_setup_teardown(a_bad_package_is_refused_when_proposed, qf_permit_setup,
                                        qf_permit_teardown),
        WITH_SERVICE(versions_and_standing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
