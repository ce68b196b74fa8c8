/* Cases that have to do with each other: messages from one to another, appeals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "codec/text.h"
#include "kernel/service/testing.h"

#define DAY 86400000LL

#define TASK(id)                                                                                   \
    "<userTask id='" id "'><extensionElements><qf:who "                                            \
    "role='desk'/></extensionElements></userTask>"
#define FLOW(id, from, to) "<sequenceFlow id='" id "' sourceRef='" from "' targetRef='" to "'/>"
#define SEND(id, message, to)                                                                      \
    "<sendTask id='" id "' messageRef='" message "'><extensionElements><qf:to case='" to "'/>"     \
    "<qf:input name='note' value='=note'/></extensionElements></sendTask>"
#define CATCH(id, message)                                                                         \
    "<intermediateCatchEvent id='" id "'><messageEventDefinition messageRef='" message "'/>"       \
    "</intermediateCatchEvent>"
#define DESK "\"participants\":[{\"actor_role\":\"clerk\",\"members\":[\"a\"],\"role\":\"desk\"}]"
#define FIELDS                                                                                     \
    "\"fields\":{\"note\":{\"max\":20,\"type\":\"string\"},\"other\":{\"type\":\"string\"}}"

/* asks another case, and waits for its answer */
static const struct qf_service_package asking = {
    .id = "asking",
    .version = "1",
    .process =
        "<message id='q' name='question'/><message id='r' name='reply'/>"
        "<process id='p' isExecutable='true'><startEvent id='s'/>" TASK("t")
            SEND("ask", "q", "=other") CATCH("wait", "r") "<endEvent id='e'/>" FLOW("f1", "s", "t")
                FLOW("f2", "t", "ask") FLOW("f3", "ask", "wait")
                    FLOW("f4", "wait", "e") "</process>",
    .manifest = "{" FIELDS ",\"messages\":{\"reply\":{\"services\":[\"answering\"]}}," DESK "}"};

/* waits for a question, and answers */
#define ANSWERING(services)                                                                        \
    {                                                                                              \
        .id = "answering", .version = "1",                                                         \
        .process = "<message id='q' name='question'/><message id='r' name='reply'/>"               \
                   "<process id='p' isExecutable='true'><startEvent id='s'/>" CATCH("wait", "q")   \
                       SEND("answer", "r", "=other")                                               \
                           TASK("t") "<endEvent id='e'/>" FLOW("f1", "s", "wait")                  \
                               FLOW("f2", "wait", "answer") FLOW("f3", "answer", "t")              \
                                   FLOW("f4", "t", "e") "</process>",                              \
        .manifest =                                                                                \
            "{" FIELDS ",\"messages\":{\"question\":{\"services\":[" services "]}}," DESK "}"      \
    }

#define OPEN                                                                                       \
    "[{\"op\":\"service.case.open\",\"service\":\"%s\",\"case\":\"%s\",\"data\":{\"other\":\"%"    \
    "s\"}}]"
#define COMPLETE                                                                                   \
    "[{\"op\":\"service.task.complete\",\"case\":\"%s\",\"task\":%u,\"data\":{\"note\":\"%s\"}}]"

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

static struct qf_receipt complete(struct qf_testing_world *world, const char *id, const char *note)
{
    unsigned task = qf_service_testing_task(world, "desk", id);
    assert_true(task > 0);
    return qf_testing_run(world, QF_CLERK, COMPLETE, id, task, note);
}

static void open_pair(struct qf_testing_world *world, const char *to)
{
    qf_testing_expect(world, QF_OK, "", QF_CLERK, OPEN, "answering", "b", "a");
    qf_testing_expect(world, QF_OK, "", QF_CLERK, OPEN, "asking", "a", to);
}

static const struct qf_json *undelivered(struct qf_testing_world *world, const char *id)
{
    return qf_json_get(qf_service_testing_case(world, id), "undelivered");
}

static void a_question_and_its_answer(void **state)
{
    struct qf_testing_world *world = *state;
    const struct qf_service_package answering = ANSWERING("\"asking\"");
    qf_service_testing_deploy(world, &asking);
    qf_service_testing_deploy(world, &answering);
    open_pair(world, "b");
    assert_int_equal(complete(world, "a", "how much").code, QF_OK);
    /* The answer is sent before the asking case waits for it: at once, in the same step. */
    assert_true(qf_json_is_text(qf_service_testing_variable(world, "b", "note"), "how much"));
    assert_null(undelivered(world, "a"));
    assert_null(undelivered(world, "b"));
    qf_service_testing_status(world, "a", "done");
    assert_true(qf_service_testing_task(world, "desk", "b") > 0);
}

static void what_nobody_takes_is_not_lost(void **state)
{
    struct qf_testing_world *world = *state;
    const struct qf_service_package strict = ANSWERING("\"others\"");
    static const struct {
        const char *to, *code;
    } cases[] = {
        {"b", "not-allowed"}, {"x", "not-found"}, {"a", "wrong-state"}, {"?", "bad-field"}};
    qf_service_testing_deploy(world, &asking);
    qf_service_testing_deploy(world, &strict);
    qf_testing_expect(world, QF_OK, "", QF_CLERK, OPEN, "answering", "b", "a");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char id[8];
        snprintf(id, sizeof id, "q%zu", i);
        const char *to = cases[i].to[0] == 'a' ? id : cases[i].to;
        qf_testing_expect(world, QF_OK, "", QF_CLERK, OPEN, "asking", id, to);
        struct qf_receipt receipt = complete(world, id, "so");
        assert_int_equal(receipt.code, QF_OK);
        assert_string_equal(receipt.events[receipt.event_count - 1].type,
                            "service.message-undelivered");
        const struct qf_json *list = undelivered(world, id);
        assert_non_null(list);
        assert_true(qf_json_is_text(qf_json_get(&list->items[0], "code"), cases[i].code));
        assert_true(qf_json_is_text(qf_json_get(&list->items[0], "message"), "question"));
        qf_service_testing_status(world, id, "running");
    }
    assert_null(qf_service_testing_variable(world, "b", "note"));
}

/* Two cases that answer each other without end. */
static void it_comes_to_an_end(void **state)
{
    struct qf_testing_world *world = *state;
    const struct qf_service_package ping = {
        .id = "ping",
        .version = "1",
        .process =
            "<message id='m' name='ping'/><process id='p' isExecutable='true'><startEvent "
            "id='s'/>" TASK("t") "<endEvent id='e'/>" FLOW("f1", "s", "t")
                FLOW("f2", "t", "e") "<subProcess id='q' triggeredByEvent='true'><startEvent "
                                     "id='qs' isInterrupting='false'>"
                                     "<messageEventDefinition messageRef='m'/></startEvent>" SEND(
                                         "again", "m",
                                         "=other") "<endEvent id='qe'/>" FLOW("f3", "qs", "again")
                                         FLOW("f4", "again", "qe") "</subProcess></process>",
        .manifest = "{" FIELDS "," DESK ",\"open\":[\"desk\"]}"};
    qf_service_testing_deploy(world, &ping);
    qf_testing_expect(world, QF_OK, "", QF_CLERK, OPEN, "ping", "a", "b");
    qf_testing_expect(world, QF_OK, "", QF_CLERK, OPEN, "ping", "b", "a");
    qf_testing_expect(world, QF_OK, "", QF_CLERK,
                      "[{\"op\":\"service.case.message\",\"case\":\"a\",\"name\":\"ping\"}]");
    const struct qf_json *list = undelivered(world, "a");
    if (list == NULL)
        list = undelivered(world, "b");
    assert_non_null(list);
    assert_int_equal(list->count, 1);
    assert_true(qf_json_is_text(qf_json_get(&list->items[0], "code"), "over-limit"));
}

/* ---- appeals ---- */

#define DECIDING                                                                                   \
    "<message id='m' name='objection'/><process id='p' isExecutable='true'><startEvent "           \
    "id='s'/>" TASK("t") "<endEvent id='e'/>" FLOW("f1", "s", "t") FLOW(                           \
        "f2", "t",                                                                                 \
        "e") "</process>"                                                                          \
             "<process id='h' isExecutable='true'><startEvent id='hs'><messageEventDefinition "    \
             "messageRef='m'/></startEvent><userTask id='ht'><extensionElements><qf:who "          \
             "role='court'/>"                                                                      \
             "</extensionElements></userTask><endEvent id='he'/>" FLOW("f3", "hs", "ht")           \
                 FLOW("f4", "ht", "he") "</process>"
#define APPEAL_MANIFEST(appeal)                                                                    \
    "{\"appeal\":" appeal "," FIELDS ",\"participants\":[{\"actor_role\":\"clerk\",\"members\":"   \
    "[\"a\"],\"role\":\"desk\"},{\"kinds\":[\"court\"],\"role\":\"court\"},"                       \
    "{\"kinds\":[\"enterprise\"],\"role\":\"applicant\"}]}"

static const struct qf_service_package deciding = {
    .id = "deciding",
    .version = "1",
    .process = DECIDING,
    .manifest = APPEAL_MANIFEST("{\"by\":[\"applicant\"],\"calendar\":\"calendar\",\"days\":10,"
                                "\"start\":\"objection\"}")};

#define APPEAL "[{\"op\":\"service.case.appeal\",\"case\":\"%s\",\"appeal\":\"%s\",\"data\":{%s}}]"

static void an_appeal_is_heard(void **state)
{
    struct qf_testing_world *world = *state;
    qf_service_testing_deploy(world, &deciding);
    qf_testing_expect(world, QF_OK, "", QF_CLERK,
                      "[{\"op\":\"service.case.open\",\"service\":\"deciding\",\"case\":\"c\"}]");
    qf_testing_expect(world, QF_WRONG_STATE, "ops[0].case", QF_CLERK_C, APPEAL, "c", "h", "");
    assert_int_equal(complete(world, "c", "no").code, QF_OK);
    qf_testing_expect(world, QF_NOT_FOUND, "ops[0].case", QF_CLERK_C, APPEAL, "x", "h", "");
    qf_testing_expect(world, QF_NOT_ALLOWED, "ops[0]", QF_EXPERT, APPEAL, "c", "h", "");
    qf_testing_expect(world, QF_EXISTS, "ops[0].appeal", QF_CLERK_C, APPEAL, "c", "c", "");
    qf_testing_expect(world, QF_BAD_FIELD, "ops[0].data.x", QF_CLERK_C, APPEAL, "c", "h",
                      "\"x\":1");
    struct qf_receipt receipt =
        qf_testing_run(world, QF_CLERK_C, APPEAL, "c", "h", "\"note\":\"too strict\"");
    assert_int_equal(receipt.code, QF_OK);
    assert_string_equal(receipt.events[0].type, "service.case-appealed");
    assert_true(qf_json_is_text(qf_json_get(qf_service_testing_case(world, "c"), "appeal"), "h"));
    const struct qf_json *heard = qf_service_testing_case(world, "h");
    assert_true(qf_json_is_text(qf_json_get(heard, "appeal_of"), "c"));
    assert_true(qf_json_is_text(qf_json_get(heard, "member"), "c"));
    assert_true(qf_json_is_text(qf_service_testing_variable(world, "h", "note"), "too strict"));
    qf_testing_expect(world, QF_EXISTS, "ops[0].case", QF_CLERK_C, APPEAL, "c", "h2", "");
    unsigned task = qf_service_testing_task(world, "court", "h");
    qf_testing_expect(world, QF_OK, "", QF_EXPERT,
                      "[{\"op\":\"service.task.complete\",\"case\":\"h\",\"task\":%u}]", task);
    qf_service_testing_status(world, "h", "done");
    qf_testing_expect(world, QF_WRONG_STATE, "ops[0].case", QF_CLERK_C, APPEAL, "h", "h3", "");
}

static void an_appeal_comes_too_late(void **state)
{
    struct qf_testing_world *world = *state;
    qf_service_testing_deploy(world, &deciding);
    for (char id = 'c'; id <= 'd'; id++) {
        char text[2] = {id, '\0'};
        qf_testing_expect(
            world, QF_OK, "", QF_CLERK,
            "[{\"op\":\"service.case.open\",\"service\":\"deciding\",\"case\":\"%s\"}]", text);
        assert_int_equal(complete(world, text, "no").code, QF_OK);
    }
    /* Thursday 2026-01-01: the tenth day is Sunday the 11th, so the term ends with Monday. */
    world->block.time_ms += 11 * DAY;
    qf_testing_expect(world, QF_OK, "", QF_CLERK, APPEAL, "c", "h", ""); /* who opened it */
    world->block.time_ms += DAY;
    qf_testing_expect(world, QF_WRONG_STATE, "ops[0].case", QF_CLERK_C, APPEAL, "d", "h2", "");
}

static void appeals_that_a_manifest_cannot_have(void **state)
{
    struct qf_testing_world *world = *state;
    static const struct {
        const char *manifest, *words;
    } cases[] = {
        {APPEAL_MANIFEST("[]"), "manifest.appeal: must be an object"},
        {APPEAL_MANIFEST("{}"), "days"},
        {APPEAL_MANIFEST("{\"days\":-1,\"start\":\"objection\"}"), "days"},
        {APPEAL_MANIFEST("{\"days\":1,\"start\":\"else\"}"), "start"},
        {APPEAL_MANIFEST("{\"days\":1}"), "start"},
        {APPEAL_MANIFEST("{\"calendar\":\"moon\",\"days\":1,\"start\":\"objection\"}"), "calendar"},
        {APPEAL_MANIFEST("{\"by\":[\"x\"],\"days\":1,\"start\":\"objection\"}"), "appeal.by"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct qf_service_package package = deciding;
        package.manifest = cases[i].manifest;
        qf_service_testing_refused(world, &package, cases[i].words);
    }
    qf_service_testing_deploy(world, &asking);
    qf_testing_expect(world, QF_OK, "", QF_CLERK, OPEN, "asking", "a", "b");
    qf_testing_expect(world, QF_NOT_ALLOWED, "ops[0].case", QF_CLERK, APPEAL, "a", "h", "");
}

/* ---- other versions ---- */

#define VERSION(number, nodes)                                                                     \
    {                                                                                              \
        .id = "moving", .version = number,                                                         \
        .process = "<process id='p' isExecutable='true'><startEvent id='s'/>" nodes                \
                   "<endEvent id='e'/></process>",                                                 \
        .manifest = "{" FIELDS ",\"open\":[\"desk\"],\"participants\":[{\"actor_role\":"           \
                    "\"clerk\",\"members\":[\"a\"],\"role\":\"desk\"},{\"kinds\":[\"court\"],"     \
                    "\"role\":\"court\"}]}"                                                        \
    }
#define COURT(id)                                                                                  \
    "<userTask id='" id "'><extensionElements><qf:who "                                            \
    "role='court'/></extensionElements></userTask>"
#define MIGRATE                                                                                    \
    "[{\"op\":\"consortium.propose\",\"proposal\":\"%s\",\"action\":{\"do\":\"service.migrate\","  \
    "\"service\":\"%s\",\"from\":\"%s\",\"to\":\"%s\"}}]"
#define OPEN_MOVING "[{\"op\":\"service.case.open\",\"service\":\"moving\",\"case\":\"%s\"}]"

static void cases_are_moved(void **state)
{
    struct qf_testing_world *world = *state;
    const struct qf_service_package one =
        VERSION("1", TASK("t") FLOW("f1", "s", "t") FLOW("f2", "t", "e"));
    const struct qf_service_package two =
        VERSION("2", TASK("new") COURT("t") TASK("u") FLOW("f0", "s", "new") FLOW("f1", "new", "t")
                         FLOW("f2", "t", "u") FLOW("f3", "u", "e"));
    const struct qf_service_package three =
        VERSION("3", TASK("other") FLOW("f1", "s", "other") FLOW("f2", "other", "e"));
    const int count = QF_SERVICE_MIGRATED_BLOCK_MAX + 6;
    char id[8];
    qf_service_testing_deploy(world, &one);
    for (int i = 0; i < count; i++) {
        snprintf(id, sizeof id, "c%d", i);
        qf_testing_expect(world, QF_OK, "", QF_CLERK, OPEN_MOVING, id);
    }
    qf_testing_expect(world, QF_OK, "", QF_CLERK,
                      "[{\"op\":\"service.task.claim\",\"case\":\"c1\",\"task\":1}]");
    qf_service_testing_deploy(world, &two);
    qf_service_testing_deploy(world, &three);
    qf_testing_expect(world, QF_NOT_FOUND, "ops[0].action.service", QF_ADMIN_A, MIGRATE, "m", "x",
                      "1", "2");
    qf_testing_expect(world, QF_NOT_FOUND, "ops[0].action.from", QF_ADMIN_A, MIGRATE, "m", "moving",
                      "0", "2");
    qf_testing_expect(world, QF_NOT_FOUND, "ops[0].action.to", QF_ADMIN_A, MIGRATE, "m", "moving",
                      "1", "9");
    qf_testing_expect(world, QF_BAD_FIELD, "ops[0].action.to", QF_ADMIN_A, MIGRATE, "m", "moving",
                      "1", "1");
    qf_testing_expect(world, QF_OK, "", QF_ADMIN_A, MIGRATE, "m", "moving", "1", "2");
    qf_service_testing_vote(world, "m");
    /* A portion in each block, of time alone where nobody sends anything. */
    assert_int_equal(qf_kernel_due(world->kernel), 0);
    qf_service_testing_wait(world, 1);
    assert_int_equal(qf_kernel_fell_due(world->kernel), 1);
    assert_int_equal(qf_kernel_due(world->kernel), 0);
    assert_non_null(qf_testing_value(world, "service/migration/moving"));
    snprintf(id, sizeof id, "c%d", count - 1);
    assert_true(qf_json_is_text(qf_json_get(qf_service_testing_case(world, id), "version"), "1"));
    qf_service_testing_wait(world, 1);
    assert_null(qf_testing_value(world, "service/migration/moving"));
    for (int i = 0; i < count; i++) {
        snprintf(id, sizeof id, "c%d", i);
        assert_true(
            qf_json_is_text(qf_json_get(qf_service_testing_case(world, id), "version"), "2"));
        assert_int_equal(qf_service_testing_task(world, "desk", id), 0);
        assert_int_equal(qf_service_testing_task(world, "court", id), 1);
    }
    const struct qf_json *service =
        qf_testing_json(world, "%s", qf_testing_value(world, "service/service/moving"));
    const struct qf_json *migrated = qf_json_get(service, "migrated");
    assert_int_equal(qf_json_get(migrated, "moved")->integer, count);
    assert_int_equal(qf_json_get(migrated, "stayed")->integer, 0);
    qf_testing_expect(world, QF_NOT_ALLOWED, "ops[0]", QF_CLERK,
                      "[{\"op\":\"service.task.complete\",\"case\":\"c0\",\"task\":1}]");
    qf_testing_expect(world, QF_OK, "", QF_EXPERT,
                      "[{\"op\":\"service.task.complete\",\"case\":\"c0\",\"task\":1}]");
    assert_int_equal(complete(world, "c0", "so").code, QF_OK);
    qf_service_testing_status(world, "c0", "done");
    /* Version 3 has no place for them. */
    qf_testing_expect(world, QF_OK, "", QF_ADMIN_A, MIGRATE, "n", "moving", "2", "3");
    qf_service_testing_vote(world, "n");
    qf_service_testing_wait(world, 1);
    qf_service_testing_wait(world, 1);
    const struct qf_json *stays = qf_json_get(qf_service_testing_case(world, "c2"), "stays");
    assert_non_null(stays);
    assert_non_null(
        strstr(qf_arena_text(&world->arena, qf_json_text(qf_json_get(stays, "detail"))), "t"));
    assert_true(qf_json_is_text(qf_json_get(qf_service_testing_case(world, "c2"), "version"), "2"));
    qf_testing_expect(world, QF_OK, "", QF_EXPERT,
                      "[{\"op\":\"service.task.complete\",\"case\":\"c2\",\"task\":1}]");
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_question_and_its_answer),
        TEST(what_nobody_takes_is_not_lost),
        TEST(it_comes_to_an_end),
        TEST(an_appeal_is_heard),
        TEST(an_appeal_comes_too_late),
        TEST(cases_are_moved),
        TEST(appeals_that_a_manifest_cannot_have),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
