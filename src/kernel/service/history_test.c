/* Steps of a case as its record keeps them: what people do, what time does, what was unplanned, and
 * what another system said of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "codec/text.h"
#include "kernel/service/service.h"
#include "kernel/testing.h"

#define DAY 86400000LL

enum { A = 0, B = 1, CLERK = 4, OTHER = 5 };

#define LANE                                                                                       \
    "<laneSet id='l'><lane id='desk'><flowNodeRef>check</flowNodeRef><flowNodeRef>h</flowNodeRef>" \
    "<flowNodeRef>x</flowNodeRef><flowNodeRef>y</flowNodeRef><flowNodeRef>wait</flowNodeRef>"      \
    "<flowNodeRef>sign</flowNodeRef></lane></laneSet>"

#define SCRIPT(id)                                                                                 \
    "<scriptTask id='" id "' scriptFormat='feel'><extensionElements><qf:result variable='total'/>" \
    "</extensionElements><script>1 + 1</script></scriptTask>"

static const char process[] =
    "<definitions xmlns='http://www.omg.org/spec/BPMN/20100524/MODEL' "
    "xmlns:qf='https://qifeng.dev/bpmn/1' targetNamespace='t'><message id='m' name='more'/>"
    "<process id='p' isExecutable='true'>" LANE "<startEvent id='s'/>"
    "<userTask id='check' name='Check it'/><adHocSubProcess id='h' name='Enquiries'>"
    "<userTask id='x' name='Ask by phone'/><userTask id='y' name='Visit'><extensionElements>"
    "<qf:deadline days='5' calendar='working' "
    "then='approved'/></extensionElements></userTask></adHocSubProcess>"
    "<intermediateCatchEvent id='wait' name='More came'><messageEventDefinition messageRef='m'/>"
    "</intermediateCatchEvent><userTask id='sign' name='Sign it'/>"
    "<boundaryEvent id='late' name='Too late' attachedToRef='sign'><timerEventDefinition>"
    "<timeDuration>P3D</timeDuration></timerEventDefinition></boundaryEvent><endEvent id='e'/>"
    "<endEvent id='n'/>" SCRIPT("count") SCRIPT(
        "begun") "<sequenceFlow id='f1' sourceRef='s' targetRef='check'/>"
                 "<sequenceFlow id='f2' sourceRef='check' targetRef='begun'/>"
                 "<sequenceFlow id='f8' sourceRef='begun' targetRef='h'/>"
                 "<sequenceFlow id='f3' sourceRef='h' targetRef='wait'/>"
                 "<sequenceFlow id='f4' sourceRef='wait' targetRef='sign'/>"
                 "<sequenceFlow id='f5' sourceRef='sign' targetRef='e'/>"
                 "<sequenceFlow id='f6' sourceRef='late' targetRef='count'/>"
                 "<sequenceFlow id='f7' sourceRef='count' targetRef='n'/></process></definitions>";

/* Deploys `process` as service `id` with more members of the manifest. */
static void deploy(struct qf_testing_world *world, const char *id, const char *manifest)
{
    struct qf_buf text = {0}, base64 = {0};
    uint8_t hash[QF_HASH_SIZE];
    qf_buf_printf(&text,
                  "{\"files\":{\"process.bpmn\":\"%s\"},\"id\":\"%s\",\"manifest\":{%s"
                  "\"participants\":[{\"members\":[\"a\"],\"role\":\"desk\"}]%s},"
                  "\"version\":\"1\"}",
                  process, id, strstr(manifest, "imported") != NULL ? "\"imported\":true," : "",
                  strstr(manifest, "unplanned") != NULL ? ",\"unplanned\":true" : "");
    qf_hash(qf_suite_hash(world->suite), hash, qf_buf_slice(&text));
    qf_buf_put_base64(&base64, qf_buf_slice(&text));
    char hex[2 * QF_HASH_SIZE + 1] = {0};
    qf_hex_encode(hex, qf_slice_make(hash, sizeof hash));
    qf_testing_expect(world, QF_OK, "", A,
                      "[{\"op\":\"service.part\",\"hash\":\"sha-256:%s\",\"part\":0,"
                      "\"data\":\"%s\"},{\"op\":\"consortium.propose\",\"proposal\":\"p-%s\","
                      "\"action\":{\"do\":\"service.deploy\",\"service\":\"%s\",\"version\":\"1\","
                      "\"member\":\"a\",\"hash\":\"sha-256:%s\"}}]",
                      hex, qf_buf_text(&base64), id, id, hex);
    for (unsigned member = A; member <= B; member++)
        qf_testing_expect(world, QF_OK, "", member,
                          "[{\"op\":\"consortium.vote\",\"proposal\":\"p-%s\",\"choice\":\"yes\"}]",
                          id);
    qf_buf_deinit(&text);
    qf_buf_deinit(&base64);
}

static int setup(void **state)
{
    struct qf_testing_world *world = qf_testing_new(QF_SUITE_INTL);
    qf_testing_found(world);
#define ADD "[{\"op\":\"identity.key.add\",\"actor\":\"%s\",\"key\":%s,\"roles\":[]}]"
    qf_testing_expect(world, QF_OK, "", A, ADD, "li", world->jwk[CLERK]);
    qf_testing_expect(world, QF_OK, "", B, ADD, "zhao", world->jwk[OTHER]);
    deploy(world, "strict", "");
    deploy(world, "loose", "imported unplanned");
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    qf_testing_free(*state);
    return 0;
}

static const struct qf_json *case_of(struct qf_testing_world *world, const char *id)
{
    const char *text =
        qf_testing_value(world, qf_arena_printf(&world->arena, "service/case/%s", id));
    assert_non_null(text);
    return qf_testing_json(world, "%s", text);
}

static const char *member_text(struct qf_testing_world *world, const char *id, const char *name)
{
    struct qf_buf text = {0};
    const struct qf_json *value = qf_json_get(case_of(world, id), name);
    if (value != NULL)
        qf_json_write(&text, value);
    const char *copy = qf_arena_text(&world->arena, qf_buf_slice(&text));
    qf_buf_deinit(&text);
    return copy;
}

/* Leaves differ from run to run of the setup; they are counted from the case's own. */
static void expect_steps(struct qf_testing_world *world, const char *id, const char *wanted)
{
    const struct qf_json *record = case_of(world, id), *steps = qf_json_get(record, "steps");
    int64_t first = qf_json_get(record, "leaf")->integer;
    struct qf_buf text = {0};
    for (uint32_t i = 0; i < steps->count; i++) {
        const struct qf_json *item = &steps->items[i];
        bool time = item->count == 3 && item->items[2].type == QF_JSON_STRING;
        qf_buf_printf(&text, "%s%lld:%lld", i == 0 ? "" : " ",
                      time ? (long long)(item->items[0].integer - world->block.time_ms)
                           : (long long)(item->items[0].integer - first),
                      (long long)item->items[1].integer);
        if (time)
            qf_buf_printf(&text, ":%.*s", QF_SLICE_ARGS(qf_json_text(&item->items[2])));
        else if (item->count == 3)
            qf_buf_printf(&text, ":%lld", (long long)item->items[2].integer);
    }
    assert_string_equal(qf_buf_text(&text), wanted);
    qf_buf_deinit(&text);
}

#define OPEN "[{\"op\":\"service.case.open\",\"service\":\"%s\",\"case\":\"%s\"}]"
#define TASK "[{\"op\":\"service.task.%s\",\"case\":\"%s\",\"task\":%u}]"
#define BEGIN "[{\"op\":\"service.task.begin\",\"case\":\"%s\",\"task\":%u,\"activity\":\"%s\"}]"
#define UNPLANNED "[{\"op\":\"service.case.unplanned\",\"case\":\"%s\",\"activity\":\"%s\"}]"

/* Nodes in document order: s 0, check 1, h 2, x 3, y 4, wait 5, sign 6, late 7, count 10,
 * begun 11. */
static void people_and_time_stand_in_the_record(void **state)
{
    struct qf_testing_world *world = *state;
    qf_testing_expect(world, QF_OK, "", CLERK, OPEN, "strict", "c");
    qf_testing_expect(world, QF_OK, "", CLERK, TASK, "claim", "c", 1u);
    qf_testing_expect(world, QF_OK, "", CLERK, TASK, "complete", "c", 1u);
    /* the subprocess is a task, and its activities are begun by hand */
    assert_int_equal(qf_testing_task(world, "desk", "c"), 3);
    qf_testing_expect(world, QF_NOT_ALLOWED, "ops[0]", OTHER, BEGIN, "c", 3u, "x");
    qf_testing_expect(world, QF_BAD_FIELD, "ops[0].node", CLERK, BEGIN, "c", 3u, "sign");
    qf_testing_expect(world, QF_BAD_FIELD, "ops[0].node", CLERK, BEGIN, "c", 3u, "nothing");
    qf_testing_expect(world, QF_NOT_FOUND, "ops[0].task", CLERK, BEGIN, "c", 1u, "x");
    qf_testing_expect(world, QF_OK, "", CLERK, BEGIN, "c", 3u, "x");
    qf_testing_expect(world, QF_NOT_FOUND, "ops[0].task", CLERK, BEGIN, "c", 4u, "x");
    qf_testing_expect(world, QF_OK, "", CLERK, BEGIN, "c", 3u, "y");
    qf_testing_expect(world, QF_OK, "", CLERK, TASK, "complete", "c", 4u);
    expect_steps(world, "c", "0:-1 1:1 2:1 2:11:-1 7:3 9:4 10:3");
    world->block.time_ms += 20 * DAY;
    qf_testing_begin(world);
    qf_testing_end(world, false);
    int64_t deemed = qf_json_get(case_of(world, "c"), "steps")->items[7].items[0].integer;
    assert_true(deemed <= world->block.time_ms && deemed > world->block.time_ms - DAY);
    world->block.time_ms = deemed;
    expect_steps(world, "c", "0:-1 1:1 2:1 2:11:-1 7:3 9:4 10:3 0:4:approved");
    /* ending it: what is still open in it is closed */
    qf_testing_expect(world, QF_OK, "", CLERK, BEGIN, "c", 3u, "x");
    qf_testing_expect(world, QF_OK, "", CLERK, TASK, "complete", "c", 3u);
    assert_int_not_equal(qf_testing_task(world, "desk", "c"), 3);
    qf_testing_expect(
        world, QF_OK, "", CLERK,
        "[{\"op\":\"evidence.record_batch\",\"id\":\"b\",\"count\":1,\"root\":\"sha-256:%064d\"},"
        "{\"op\":\"service.case.message\",\"case\":\"c\",\"name\":\"more\"}]",
        0);
    world->block.time_ms += 4 * DAY;
    qf_testing_begin(world);
    qf_testing_end(world, false);
    const struct qf_json *steps = qf_json_get(case_of(world, "c"), "steps");
    assert_int_equal(steps->count, 13);
    assert_int_equal(steps->items[10].items[1].integer, 5);
    assert_int_equal(steps->items[10].items[2].integer, 1); /* the second op of its transaction */
    assert_int_equal(steps->items[11].items[1].integer, 7);
    assert_true(qf_json_is_text(&steps->items[11].items[2], "timer"));
    assert_int_equal(steps->items[12].items[1].integer, 10);
    assert_true(qf_json_is_text(&steps->items[12].items[2], "automatic"));
    assert_true(qf_json_is_text(qf_json_get(case_of(world, "c"), "status"), "done"));
}

static void the_unplanned_stands_as_a_deviation(void **state)
{
    struct qf_testing_world *world = *state;
    qf_testing_expect(world, QF_OK, "", CLERK, OPEN, "strict", "s");
    qf_testing_expect(world, QF_NOT_ALLOWED, "ops[0].activity", CLERK, UNPLANNED, "s", "Coffee");
    qf_testing_expect(world, QF_OK, "", CLERK, OPEN, "loose", "c");
    qf_testing_expect(world, QF_NOT_FOUND, "ops[0].case", CLERK, UNPLANNED, "d", "Coffee");
    qf_testing_expect(world, QF_NOT_ALLOWED, "ops[0]", OTHER, UNPLANNED, "c", "Coffee");
    /* what an open task is for is done in it, by name or by id */
    qf_testing_expect(world, QF_WRONG_STATE, "ops[0].activity", CLERK, UNPLANNED, "c", "Check it");
    qf_testing_expect(world, QF_WRONG_STATE, "ops[0].activity", CLERK, UNPLANNED, "c", "check");
    struct qf_receipt receipt = qf_testing_run(world, CLERK, UNPLANNED, "c", "Sign it");
    assert_int_equal(receipt.code, QF_OK);
    assert_string_equal(receipt.events[0].type, "service.case-unplanned");
    const struct qf_json *deviations = qf_json_get(case_of(world, "c"), "deviations");
    assert_int_equal(deviations->count, 1);
    assert_true(qf_json_is_text(qf_json_get(&deviations->items[0], "activity"), "Sign it"));
    assert_true(qf_json_is_text(qf_json_get(&deviations->items[0], "actor"), "a/li"));
    /* it has moved nothing */
    assert_int_equal(qf_testing_task(world, "desk", "c"), 1);
    qf_testing_expect(world, QF_OK, "", CLERK, TASK, "complete", "c", 1u);
    qf_testing_expect(world, QF_OK, "", CLERK, TASK, "complete", "c", 3u);
    qf_testing_expect(world, QF_OK, "", CLERK,
                      "[{\"op\":\"service.case.message\",\"case\":\"c\",\"name\":\"more\"}]");
    qf_testing_expect(world, QF_WRONG_STATE, "ops[0].activity", CLERK, UNPLANNED, "c", "Sign it");
    qf_testing_expect(world, QF_OK, "", CLERK, TASK, "complete", "c", 5u);
    assert_true(qf_json_is_text(qf_json_get(case_of(world, "c"), "status"), "done"));
    /* also after the end, and it stays */
    qf_testing_expect(world, QF_OK, "", CLERK, UNPLANNED, "c", "Sign it");
    assert_true(qf_json_is_text(qf_json_get(case_of(world, "c"), "status"), "done"));
    assert_int_equal(qf_json_get(case_of(world, "c"), "deviations")->count, 2);
    qf_testing_expect(world, QF_OK, "", CLERK, OPEN, "loose", "w");
    qf_testing_expect(world, QF_OK, "", CLERK,
                      "[{\"op\":\"service.case.withdraw\",\"case\":\"w\"}]");
    qf_testing_expect(world, QF_WRONG_STATE, "ops[0].case", CLERK, UNPLANNED, "w", "Coffee");
}

static void they_are_bounded(void **state)
{
    struct qf_testing_world *world = *state;
    qf_testing_expect(world, QF_OK, "", CLERK, OPEN, "loose", "c");
    for (int i = 0; i < QF_SERVICE_DEVIATIONS_MAX; i++)
        qf_testing_expect(world, QF_OK, "", CLERK, UNPLANNED, "c", "Coffee");
    qf_testing_expect(world, QF_OVER_LIMIT, "ops[0].case", CLERK, UNPLANNED, "c", "Coffee");
    const int64_t exp = world->block.time_ms / 1000 + 600;
    struct qf_receipt receipt;
    int accepted = 0;
    qf_testing_begin(world);
    for (int i = 0; i < QF_SERVICE_STEPS_MAX / 2; i++) {
        const struct qf_json *ops =
            qf_testing_json(world, TASK, i % 2 == 0 ? "claim" : "release", "c", 1u);
        qf_testing_apply(world, qf_testing_sign(world, CLERK, exp, ops), QF_TX_GOOD, &receipt);
        accepted += receipt.code == QF_OK;
    }
    qf_testing_end(world, false);
    assert_int_equal(receipt.code, QF_OVER_LIMIT);
    assert_int_equal(accepted, QF_SERVICE_STEPS_MAX / 2 - QF_SERVICE_DEVIATIONS_MAX - 1);
    qf_testing_expect(world, QF_OK, "", CLERK, TASK, "complete", "c", 1u);
}

#define IMPORTED "[{\"op\":\"service.task.complete\",\"case\":\"%s\",\"task\":1,\"imported\":{%s}}]"

static void what_another_system_said(void **state)
{
    struct qf_testing_world *world = *state;
    static const char past[] = "\"time\":\"2011-10-11T13:45:40.276+02:00\"";
    qf_testing_expect(world, QF_OK, "", CLERK, OPEN, "strict", "s");
    qf_testing_expect(world, QF_NOT_ALLOWED, "ops[0].imported", CLERK, IMPORTED, "s", past);
    qf_testing_expect(world, QF_OK, "", CLERK, OPEN, "loose", "c");
    static const char *const bad[] = {
        "\"time\":\"2011-10-11 13:45:40.276\"", "\"time\":\"2011-13-11T13:45:40.276Z\"",
        "\"time\":\"2099-01-01T00:00:00.000Z\"", "\"time\":\"2011-10-11T13:45:40+25:00\""};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        qf_testing_expect(world, QF_BAD_FIELD, "ops[0].imported.time", CLERK, IMPORTED, "c",
                          bad[i]);
    const char *before = member_text(world, "c", "steps");
    qf_testing_expect(world, QF_OK, "", CLERK, IMPORTED, "c",
                      "\"attributes\":{\"org:group\":\"Group 1\"},"
                      "\"time\":\"2011-10-11T13:45:40.276+02:00\"");
    assert_string_not_equal(member_text(world, "c", "steps"), before);
    expect_steps(world, "c", "0:-1 5:1 5:11:-1");
}

int main(void)
{
#define IN_A_WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        IN_A_WORLD(people_and_time_stand_in_the_record),
        IN_A_WORLD(the_unplanned_stands_as_a_deviation),
        IN_A_WORLD(they_are_bounded),
        IN_A_WORLD(what_another_system_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
