/* What people try that must not happen: the wrong member, the wrong role, twice, late, on a case
 * that is over; and every time nothing has changed (qf_testing_expect compares the whole state). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "codec/text.h"
#include "kernel/service/testing.h"

#define DAY 86400000LL

#define TASK(id, who)                                                                              \
    "<userTask id='" id "'><extensionElements>" who "</extensionElements></userTask>"
#define FLOW(id, from, to) "<sequenceFlow id='" id "' sourceRef='" from "' targetRef='" to "'/>"

/* check ─> panel (2 of 3, across members) ─> one task for each of three ─> sign (not by who
 * checked)
 */
#define PROCESS                                                                                                       \
    "<message id='m' name='more'/><process id='p' isExecutable='true'><laneSet id='l'>"                               \
    "<lane id='desk'><flowNodeRef>s</flowNodeRef></lane></laneSet><startEvent id='s'/>" TASK(                         \
        "check", "<qf:who role='desk'/>")                                                                             \
        TASK(                                                                                                         \
            "panel",                                                                                                  \
            "<qf:who role='panel' approvals='2' of='3'/>") "<exclusiveGateway id='v'/>"                               \
                                                           "<userTask "                                               \
                                                           "id='each'><extensionElements><qf:who "                    \
                                                           "role='panel'/><qf:loop "                                  \
                                                           "collection='=list' "                                      \
                                                           "item='x'/></"                                             \
                                                           "extensionElements><"                                      \
                                                           "multiInstanceLoopCharacteristics/></"                     \
                                                           "userTask>" TASK(                                          \
                                                               "sign",                                                \
                                                               "<qf:who role='desk' "                                 \
                                                               "separate='check'/><qf:deadline "                      \
                                                               "days='5' calendar='working' "                         \
                                                               "then='refused'/>") "<boundaryEven"                    \
                                                                                   "t id='b' "                        \
                                                                                   "attachedToRef"                    \
                                                                                   "='sign' "                         \
                                                                                   "cancelActivit"                    \
                                                                                   "y='false'><"                      \
                                                                                   "messageEventD"                    \
                                                                                   "efinition "                       \
                                                                                   "messageRef='"                     \
                                                                                   "m'/></"                           \
                                                                                   "boundaryEvent"                    \
                                                                                   "><endEvent "                      \
                                                                                   "id='e'/"                          \
                                                                                   "><endEvent "                      \
                                                                                   "id='n'/"                          \
                                                                                   "><endEvent "                      \
                                                                                   "id='k'/"                          \
                                                                                   ">" FLOW("f1", "s", "check") FLOW( \
                                                                                       "f2",                          \
                                                                                       "check",                       \
                                                                                       "panel") FLOW("f3",            \
                                                                                                     "panel",         \
                                                                                                     "v")             \
                                                                                       FLOW(                          \
                                                                                           "yes",                     \
                                                                                           "v",                       \
                                                                                           "eac"                      \
                                                                                           "h") FLOW("no",            \
                                                                                                     "v",             \
                                                                                                     "n")             \
                                                                                           FLOW(                      \
                                                                                               "f"                    \
                                                                                               "4",                   \
                                                                                               "e"                    \
                                                                                               "a"                    \
                                                                                               "c"                    \
                                                                                               "h",                   \
                                                                                               "s"                    \
                                                                                               "i"                    \
                                                                                               "g"                    \
                                                                                               "n")                   \
                                                                                               FLOW(                  \
                                                                                                   "f5",              \
                                                                                                   "sign",            \
                                                                                                   "e")               \
                                                                                                   FLOW(              \
                                                                                                       "f6",          \
                                                                                                       "b",           \
                                                                                                       "k") "</process>"

#define MANIFEST                                                                                   \
    "{\"fields\":{\"area\":{\"type\":\"number\"},\"list\":{\"type\":\"list\"},"                    \
    "\"note\":{\"type\":\"string\"}},"                                                             \
    "\"messages\":{\"more\":{\"form\":\"form.json\",\"from\":[\"panel\"]}},"                       \
    "\"open\":[\"desk\",\"applicant\"],\"withdraw\":[\"applicant\"],\"participants\":["            \
    "{\"actor_role\":\"clerk\",\"lead_role\":\"chief\",\"members\":[\"a\"],\"role\":\"desk\"},"    \
    "{\"actor_role\":\"clerk\",\"members\":[\"a\",\"b\",\"c\"],\"role\":\"panel\"},"               \
    "{\"kinds\":[\"enterprise\"],\"role\":\"applicant\"}]}"

#define MANIFEST_WITHOUT_MESSAGES                                                                  \
    "{\"fields\":{\"area\":{\"type\":\"number\"}},\"open\":[\"desk\"],\"participants\":["          \
    "{\"actor_role\":\"clerk\",\"members\":[\"a\"],\"role\":\"desk\"}]}"

static const struct qf_service_package permit = {
    .id = "permit",
    .version = "1",
    .process = PROCESS,
    .manifest = MANIFEST,
    .form = "{\"additionalProperties\":false,\"properties\":{\"note\":{\"minLength\":3,"
            "\"type\":\"string\"}},\"required\":[\"note\"],\"type\":\"object\"}"};

#define OPEN "[{\"op\":\"service.case.open\",\"service\":\"permit\",\"case\":\"%s\"}]"
#define TASK_OP "[{\"op\":\"service.task.%s\",\"case\":\"c\",\"task\":%u}]"
#define CHOOSE "[{\"op\":\"service.task.complete\",\"case\":\"c\",\"task\":%u,\"flows\":[\"%s\"]}]"
#define WITH "[{\"op\":\"service.task.complete\",\"case\":\"c\",\"task\":%u,\"data\":{%s}}]"
#define GIVE "[{\"op\":\"service.task.delegate\",\"case\":\"c\",\"task\":%u,\"to\":\"%s\"}]"
#define WITHDRAW "[{\"op\":\"service.case.withdraw\",\"case\":\"c\"}]"
#define MESSAGE "[{\"op\":\"service.case.message\",\"case\":\"c\",\"name\":\"%s\",\"data\":{%s}}]"

static int setup(void **state)
{
    struct qf_testing_world *world = qf_service_testing_world();
    qf_service_testing_deploy(world, &permit);
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    qf_testing_free(*state);
    return 0;
}

static unsigned at(struct qf_testing_world *world, const char *role, const char *node)
{
    unsigned task = qf_service_testing_task_at(world, role, "c", node);
    assert_true(task > 0);
    return task;
}

static unsigned open_check(struct qf_testing_world *world)
{
    qf_testing_expect(world, QF_OK, "", QF_CLERK, OPEN, "c");
    return at(world, "desk", "check");
}

static unsigned come_to_panel(struct qf_testing_world *world)
{
    qf_testing_expect(world, QF_OK, "", QF_CLERK, WITH, open_check(world), "\"list\":[1,2,3]");
    return at(world, "panel", "panel");
}

static void come_to_each(struct qf_testing_world *world)
{
    unsigned panel = come_to_panel(world);
    qf_testing_expect(world, QF_OK, "", QF_CLERK, CHOOSE, panel, "yes");
    qf_testing_expect(world, QF_OK, "", QF_EXPERT, CHOOSE, panel, "yes");
}

static unsigned come_to_sign(struct qf_testing_world *world)
{
    come_to_each(world);
    for (int i = 0; i < 3; i++)
        qf_testing_expect(world, QF_OK, "", QF_EXPERT, TASK_OP, "complete",
                          at(world, "panel", "each"));
    return at(world, "desk", "sign");
}

static void who_may_open(void **state)
{
    struct qf_testing_world *world = *state;
    qf_testing_expect(world, QF_NOT_ALLOWED, "ops[0]", QF_GUEST, OPEN, "c");
    qf_testing_expect(world, QF_NOT_ALLOWED, "ops[0]", QF_EXPERT, OPEN, "c");
    qf_testing_expect(world, QF_OK, "", QF_CLERK_C, OPEN, "c");
    qf_testing_expect(world, QF_EXISTS, "ops[0].case", QF_CLERK, OPEN, "c");
}

static void claiming(void **state)
{
    struct qf_testing_world *world = *state;
    unsigned check = open_check(world);
    static const unsigned wrong[] = {QF_GUEST, QF_EXPERT, QF_CLERK_C, QF_ADMIN_A};
    static const char *const verbs[] = {"claim", "release", "complete"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        for (size_t k = 0; k < 3; k++)
            qf_testing_expect(world, QF_NOT_ALLOWED, "ops[0]", wrong[i], TASK_OP, verbs[k], check);
    for (size_t k = 0; k < 3; k++) {
        qf_testing_expect(world, QF_NOT_FOUND, "ops[0].task", QF_CLERK, TASK_OP, verbs[k], 77);
        qf_testing_expect(world, QF_NOT_FOUND, "ops[0].case", QF_CLERK,
                          "[{\"op\":\"service.task.%s\",\"case\":\"x\",\"task\":1}]", verbs[k]);
    }
    qf_testing_expect(world, QF_WRONG_STATE, "ops[0].task", QF_CLERK, TASK_OP, "release", check);
    qf_testing_expect(world, QF_OK, "", QF_CLERK, TASK_OP, "claim", check);
    qf_testing_expect(world, QF_WRONG_STATE, "ops[0].task", QF_CLERK, TASK_OP, "claim", check);
    qf_testing_expect(world, QF_WRONG_STATE, "ops[0].task", QF_CLERK_2, TASK_OP, "claim", check);
    qf_testing_expect(world, QF_WRONG_STATE, "ops[0].task", QF_CLERK_2, TASK_OP, "complete", check);
    qf_testing_expect(world, QF_WRONG_STATE, "ops[0].task", QF_CLERK_2, TASK_OP, "release", check);
    qf_testing_expect(world, QF_OK, "", QF_CLERK, WITH, check, "\"list\":[1]");
    for (size_t k = 0; k < 3; k++)
        qf_testing_expect(world, QF_NOT_FOUND, "ops[0].task", QF_CLERK, TASK_OP, verbs[k], check);
}

static void giving(void **state)
{
    struct qf_testing_world *world = *state;
    unsigned check = open_check(world);
    /* Nobody holds it: only who leads may give it. */
    qf_testing_expect(world, QF_NOT_ALLOWED, "ops[0]", QF_CLERK, GIVE, check, "wang");
    qf_testing_expect(world, QF_NOT_ALLOWED, "ops[0]", QF_EXPERT, GIVE, check, "qian");
    qf_testing_expect(world, QF_OK, "", QF_CLERK_2, GIVE, check, "li");
    qf_testing_expect(world, QF_WRONG_STATE, "ops[0].task", QF_CLERK_2, TASK_OP, "complete", check);
    qf_testing_expect(world, QF_NOT_FOUND, "ops[0].to", QF_CLERK, GIVE, check, "zhao");
    qf_testing_expect(world, QF_NOT_ALLOWED, "ops[0].to", QF_CLERK, GIVE, check, "guest");
    qf_testing_expect(world, QF_WRONG_STATE, "ops[0].to", QF_CLERK, GIVE, check, "li");
    qf_testing_expect(world, QF_WRONG_STATE, "ops[0].to", QF_CLERK_2, GIVE, check, "li");
    qf_testing_expect(world, QF_NOT_FOUND, "ops[0].task", QF_CLERK, GIVE, check + 1, "wang");
    struct qf_receipt receipt = qf_testing_run(world, QF_CLERK, GIVE, check, "wang");
    assert_int_equal(receipt.code, QF_OK);
    assert_string_equal(receipt.events[0].type, "service.task-delegated");
    qf_testing_expect(world, QF_NOT_ALLOWED, "ops[0]", QF_CLERK, GIVE, check, "li");
    qf_testing_expect(world, QF_WRONG_STATE, "ops[0].task", QF_CLERK, TASK_OP, "complete", check);
    qf_testing_expect(world, QF_OK, "", QF_CLERK_2, GIVE, check, "li");
    qf_testing_expect(world, QF_OK, "", QF_CLERK, WITH, check, "\"list\":[1]");
    qf_testing_expect(world, QF_NOT_FOUND, "ops[0].task", QF_CLERK_2, GIVE, check, "li");
    /* A task that two members may do is not taken from one by the other, nor led where the role
     * has nobody who leads. */
    unsigned panel = at(world, "panel", "panel");
    qf_testing_expect(world, QF_OK, "", QF_EXPERT, TASK_OP, "claim", panel);
    qf_testing_expect(world, QF_NOT_ALLOWED, "ops[0]", QF_CLERK_2, GIVE, panel, "li");
    qf_testing_expect(world, QF_NOT_FOUND, "ops[0].to", QF_EXPERT, GIVE, panel, "li");
    qf_testing_expect(world, QF_OK, "", QF_EXPERT, GIVE, panel, "qian");
    qf_testing_expect(world, QF_OK, "", QF_EXPERT_2, CHOOSE, panel, "yes");
}

static void four_eyes(void **state)
{
    struct qf_testing_world *world = *state;
    unsigned sign = come_to_sign(world);
    qf_testing_expect(world, QF_NOT_ALLOWED, "ops[0].actor", QF_CLERK, TASK_OP, "claim", sign);
    qf_testing_expect(world, QF_NOT_ALLOWED, "ops[0].actor", QF_CLERK, TASK_OP, "complete", sign);
    /* nor by being given it */
    qf_testing_expect(world, QF_OK, "", QF_CLERK_2, TASK_OP, "claim", sign);
    qf_testing_expect(world, QF_NOT_ALLOWED, "ops[0].to", QF_CLERK_2, GIVE, sign, "li");
    qf_testing_expect(world, QF_OK, "", QF_CLERK_2, TASK_OP, "complete", sign);
    qf_service_testing_status(world, "c", "done");
}

static void n_of_m_across_members(void **state)
{
    struct qf_testing_world *world = *state;
    unsigned panel = come_to_panel(world);
    qf_testing_expect(world, QF_BAD_FIELD, "ops[0].flows", QF_EXPERT, TASK_OP, "complete", panel);
    qf_testing_expect(world, QF_BAD_FIELD, "ops[0].flows", QF_EXPERT, CHOOSE, panel, "f2");
    qf_testing_expect(world, QF_OK, "", QF_EXPERT, CHOOSE, panel, "yes");
    qf_testing_expect(world, QF_NOT_ALLOWED, "ops[0].actor", QF_EXPERT, CHOOSE, panel, "yes");
    qf_testing_expect(world, QF_NOT_ALLOWED, "ops[0].actor", QF_EXPERT, TASK_OP, "claim", panel);
    qf_testing_expect(world, QF_NOT_ALLOWED, "ops[0]", QF_GUEST, CHOOSE, panel, "yes");
    qf_testing_expect(world, QF_OK, "", QF_CLERK_C, CHOOSE, panel, "no");
    assert_int_equal(at(world, "panel", "panel"), panel);
    qf_testing_expect(world, QF_OK, "", QF_CLERK, CHOOSE, panel, "no");
    qf_service_testing_status(world, "c", "done");
}

static void many_instances(void **state)
{
    struct qf_testing_world *world = *state;
    come_to_each(world);
    unsigned first = at(world, "panel", "each");
    qf_testing_expect(world, QF_OK, "", QF_EXPERT, TASK_OP, "complete", first);
    qf_testing_expect(world, QF_NOT_FOUND, "ops[0].task", QF_EXPERT, TASK_OP, "complete", first);
    unsigned second = at(world, "panel", "each");
    qf_testing_expect(world, QF_OK, "", QF_CLERK_C, TASK_OP, "claim", second);
    qf_testing_expect(world, QF_WRONG_STATE, "ops[0].task", QF_EXPERT, TASK_OP, "complete", second);
    qf_testing_expect(world, QF_OK, "", QF_CLERK_C, TASK_OP, "complete", second);
    qf_testing_expect(world, QF_OK, "", QF_EXPERT, TASK_OP, "complete", at(world, "panel", "each"));
    assert_int_equal(qf_service_testing_task(world, "panel", "c"), 0);
}

static void messages(void **state)
{
    struct qf_testing_world *world = *state;
    come_to_sign(world);
    qf_testing_expect(world, QF_NOT_ALLOWED, "ops[0]", QF_GUEST, MESSAGE, "more", "");
    qf_testing_expect(world, QF_BAD_FIELD, "ops[0].data.note", QF_EXPERT, MESSAGE, "more", "");
    qf_testing_expect(world, QF_BAD_FIELD, "ops[0].data.note", QF_EXPERT, MESSAGE, "more",
                      "\"note\":\"x\"");
    qf_testing_expect(world, QF_WRONG_STATE, "ops[0].message", QF_EXPERT, MESSAGE, "other", "");
    qf_testing_expect(world, QF_OK, "", QF_EXPERT, MESSAGE, "more", "\"note\":\"papers\"");
}

static void too_late(void **state)
{
    struct qf_testing_world *world = *state;
    unsigned sign = come_to_sign(world);
    world->block.time_ms += 12 * DAY;
    /* What is due falls due before anything of the block: nothing but that changes. */
    qf_testing_begin(world);
    qf_testing_end(world, false);
    qf_service_testing_status(world, "c", "done");
    qf_testing_expect(world, QF_WRONG_STATE, "ops[0].case", QF_CLERK_2, TASK_OP, "complete", sign);
    qf_testing_expect(world, QF_WRONG_STATE, "ops[0].case", QF_CLERK_2, GIVE, sign, "li");
    qf_testing_expect(world, QF_WRONG_STATE, "ops[0].case", QF_CLERK, WITHDRAW);
    qf_testing_expect(world, QF_WRONG_STATE, "ops[0].case", QF_EXPERT, MESSAGE, "more", "");
}

static void withdrawing(void **state)
{
    struct qf_testing_world *world = *state;
    unsigned check = open_check(world);
    qf_testing_expect(world, QF_NOT_ALLOWED, "ops[0]", QF_EXPERT, WITHDRAW);
    qf_testing_expect(world, QF_OK, "", QF_CLERK_C, WITHDRAW); /* by the manifest */
    qf_testing_expect(world, QF_WRONG_STATE, "ops[0].case", QF_CLERK, TASK_OP, "claim", check);
    qf_testing_expect(world, QF_WRONG_STATE, "ops[0].case", QF_CLERK, TASK_OP, "complete", check);
    qf_testing_expect(world, QF_WRONG_STATE, "ops[0].case", QF_CLERK_2, GIVE, check, "li");
    qf_testing_expect(world, QF_WRONG_STATE, "ops[0].case", QF_CLERK, WITHDRAW);
}

#define ACTION                                                                                     \
    "[{\"op\":\"consortium.propose\",\"proposal\":\"%s\",\"action\":{\"do\":\"service.%s\","       \
    "\"service\":\"permit\"}}]"

#define AT_SERVICE "ops[0].action.service"

/* Suspended: no new cases, running ones go on. */
static void a_suspended_service(void **state)
{
    struct qf_testing_world *world = *state;
    unsigned check = open_check(world);
    qf_testing_expect(world, QF_OK, "", QF_ADMIN_A, ACTION, "s", "suspend");
    qf_service_testing_vote(world, "s");
    qf_testing_expect(world, QF_WRONG_STATE, "ops[0].service", QF_CLERK, OPEN, "d");
    qf_testing_expect(world, QF_OK, "", QF_CLERK, WITH, check, "\"list\":[1]");
    qf_testing_expect(world, QF_WRONG_STATE, AT_SERVICE, QF_ADMIN_A, ACTION, "t", "suspend");
    qf_testing_expect(world, QF_OK, "", QF_ADMIN_A, ACTION, "r", "resume");
    qf_service_testing_vote(world, "r");
    qf_testing_expect(world, QF_WRONG_STATE, AT_SERVICE, QF_ADMIN_A, ACTION, "t", "resume");
    qf_testing_expect(world, QF_OK, "", QF_ADMIN_A, ACTION, "e", "retire");
    qf_service_testing_vote(world, "e");
    static const char *const verbs[] = {"retire", "suspend", "resume"};
    for (size_t i = 0; i < 3; i++)
        qf_testing_expect(world, QF_WRONG_STATE, AT_SERVICE, QF_ADMIN_A, ACTION, "t", verbs[i]);
}

/* A member that is suspended can do nothing, whatever it holds. */
static void a_suspended_member(void **state)
{
    struct qf_testing_world *world = *state;
    unsigned panel = come_to_panel(world);
    qf_testing_expect(world, QF_OK, "", QF_CLERK_C, TASK_OP, "claim", panel);
    qf_testing_expect(world, QF_OK, "", QF_ADMIN_A,
                      "[{\"op\":\"consortium.propose\",\"proposal\":\"m\",\"action\":{\"do\":"
                      "\"member.suspend\",\"member\":\"c\"}}]");
    qf_service_testing_vote(world, "m");
    qf_testing_expect(world, QF_MEMBER_SUSPENDED, "header.kid", QF_CLERK_C, CHOOSE, panel, "yes");
}

/* The state holds a package that this software does not compile, as later software might. */
static void a_package_that_no_longer_compiles(void **state)
{
    struct qf_testing_world *world = *state;
    unsigned sign = come_to_sign(world);
    for (size_t i = 0; i < world->state.count; i++) {
        struct qf_memory_record *record = &world->state.records[i];
        if (!qf_slice_is(record->key, "service/package/permit/1"))
            continue;
        const char *text = qf_arena_text(&world->arena, record->value);
        const char *gateway = strstr(text, "exclusiveGateway");
        assert_non_null(gateway);
        ((char *)(uintptr_t)record->value.data)[gateway - text] = 'X';
    }
    /* Another node that has just begun on that state. */
    struct qf_testing_world *twin = qf_testing_twin(world);
    struct qf_state_reader reader = qf_testing_reader(world);
    const struct qf_signature_checker checker = {0};
    struct qf_kernel *kernel = world->kernel;
    world->kernel = qf_kernel_new(&reader, &checker);
    assert_non_null(world->kernel);
    qf_testing_expect(world, QF_WRONG_STATE, "ops[0].service", QF_CLERK, OPEN, "d");
    qf_testing_expect(world, QF_WRONG_STATE, "ops[0].service", QF_CLERK_2, TASK_OP, "complete",
                      sign);
    qf_service_testing_wait(world, 12 * DAY);
    const struct qf_json *problem = qf_json_get(qf_service_testing_case(world, "c"), "problem");
    assert_non_null(problem);
    assert_true(qf_json_is_text(qf_json_get(problem, "code"), "wrong-state"));
    /* Everything else goes on. */
    qf_testing_expect(world, QF_OK, "", QF_CLERK,
                      "[{\"op\":\"evidence.record\",\"id\":\"e\",\"hash\":\"sha-256:"
                      "0000000000000000000000000000000000000000000000000000000000000000\"}]");
    qf_kernel_free(world->kernel);
    world->kernel = kernel;
    qf_testing_free(twin);
}

static void bad_manifests(void **state)
{
    struct qf_testing_world *world = *state;
    static const struct {
        const char *members, *words;
    } cases[] = {
        {"\"open\":[\"nobody\"]", "manifest.open: names a role"},
        {"\"open\":[]", "manifest.open: must be a list"},
        {"\"open\":\"desk\"", "manifest.open: must be a list"},
        {"\"withdraw\":[1]", "manifest.withdraw: names a role"},
        {"\"messages\":[]", "manifest.messages: must be"},
        {"\"messages\":{\"m\":{\"from\":[\"x\"]}}", "manifest.messages.m: names a role"},
        {"\"messages\":{\"m\":{\"form\":\"x.json\"}}", "manifest.messages.m: names a form"},
        {"\"messages\":{\"m\":{\"services\":\"x\"}}", "manifest.messages.m: services"},
        {"\"messages\":{\"m\":{\"services\":[\"a b\"]}}", "manifest.messages.m: services"},
        {"\"participants\":[{\"lead_role\":1,\"role\":\"desk\"}]", "lead_role"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct qf_service_package package = {
            .id = "bad",
            .version = "1",
            .process = "<process id='p' isExecutable='true'><startEvent id='s'/><userTask id='t'>"
                       "<extensionElements><qf:who role='desk'/></extensionElements></userTask>"
                       "<endEvent id='e'/>" FLOW("f1", "s", "t") FLOW("f2", "t", "e") "</process>"};
        bool own = strstr(cases[i].members, "participants") != NULL;
        package.manifest = qf_arena_printf(&world->arena, "{%s%s}", cases[i].members,
                                           own ? "" : ",\"participants\":[{\"role\":\"desk\"}]");
        qf_service_testing_refused(world, &package, cases[i].words);
    }
}

/* Days end where the network is. */
static void the_zone_of_the_network(void **state)
{
    struct qf_testing_world *world = *state;
#define ZONE                                                                                       \
    "[{\"op\":\"consortium.propose\",\"proposal\":\"z%u\",\"action\":{\"do\":"                     \
    "\"parameters.set\",\"zone\":\"%s\"}}]"
    static const char *const bad[] = {"Europe/Berlin", "Beijing", "UTC+8", "asia/shanghai"};
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++)
        qf_testing_expect(world, QF_BAD_FIELD, "ops[0].action.zone", QF_ADMIN_A, ZONE, i, bad[i]);
    qf_testing_expect(world, QF_OK, "", QF_ADMIN_A, ZONE, 9, "Asia/Tokyo");
    qf_service_testing_vote(world, "z9");
    come_to_sign(world);
    const struct qf_json *due = qf_json_get(qf_service_testing_case(world, "c"), "timer");
    assert_int_equal(due->integer % DAY, 15 * 3600000); /* 24:00 in Tokyo */
}

/* A process that goes round without waiting, for somebody's answer and for time. */
static void a_process_that_runs_away(void **state)
{
    struct qf_testing_world *world = *state;
    const struct qf_service_package round = {
        .id = "round",
        .version = "1",
        .process = "<process id='merry-go' isExecutable='true'><startEvent id='s'/>" TASK(
            "t", "<qf:who role='desk'/>") "<boundaryEvent id='b' attachedToRef='t'>"
                                          "<timerEventDefinition><timeDuration>P1D</timeDuration></"
                                          "timerEventDefinition>"
                                          "</boundaryEvent><exclusiveGateway id='g'/><scriptTask "
                                          "id='x'><extensionElements>"
                                          "<qf:result "
                                          "variable='area'/></extensionElements><script>1</"
                                          "script></scriptTask>"
                                          "<exclusiveGateway id='h' default='again'/><endEvent "
                                          "id='e'/>" FLOW("f1", "s", "t") FLOW("f2", "t", "g")
                                              FLOW("f3", "b", "g") FLOW("f4", "g", "x")
                                                  FLOW("f5", "x", "h")
                                                      FLOW("again", "h",
                                                           "g") "<sequenceFlow id='out' "
                                                                "sourceRef='h' targetRef='e'>"
                                                                "<conditionExpression>area &gt; "
                                                                "1</conditionExpression></"
                                                                "sequenceFlow></process>",
        .manifest = MANIFEST_WITHOUT_MESSAGES};
    qf_service_testing_deploy(world, &round);
    for (char id = 'c'; id <= 'd'; id++)
        qf_testing_expect(world, QF_OK, "", QF_CLERK,
                          "[{\"op\":\"service.case.open\",\"service\":\"round\",\"case\":\"%c\"}]",
                          id);
    struct qf_receipt receipt =
        qf_testing_run(world, QF_CLERK, TASK_OP, "complete", at(world, "desk", "t"));
    assert_int_equal(receipt.code, QF_BUDGET);
    assert_non_null(strstr(receipt.problem.detail, "the process merry-go ran over its budget"));
    qf_service_testing_status(world, "c", "running");
    /* The same block takes what comes after it. */
    const int64_t exp = world->block.time_ms / 1000 + 600;
    const struct qf_json *ops[] = {
        qf_testing_json(world, TASK_OP, "complete", at(world, "desk", "t")),
        qf_testing_json(world, OPEN, "same")};
    qf_testing_begin(world);
    for (size_t i = 0; i < 2; i++) {
        qf_testing_apply(world, qf_testing_sign(world, QF_CLERK, exp, ops[i]), QF_TX_GOOD,
                         &receipt);
        assert_int_equal(receipt.code, i == 0 ? QF_BUDGET : QF_OK);
    }
    qf_testing_end(world, false);
    /* In time's place both stand still with the reason; the block goes on. */
    world->block.time_ms += 2 * DAY;
    qf_testing_expect(world, QF_OK, "", QF_CLERK, OPEN, "after");
    for (char id = 'c'; id <= 'd'; id++) {
        char text[2] = {id, '\0'};
        const struct qf_json *problem =
            qf_json_get(qf_service_testing_case(world, text), "problem");
        assert_non_null(problem);
        assert_true(qf_json_is_text(qf_json_get(problem, "code"), "budget-exceeded"));
        struct qf_slice detail = qf_json_text(qf_json_get(problem, "detail"));
        assert_non_null(strstr(qf_arena_text(&world->arena, detail), "process merry-go ran over"));
    }
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(who_may_open),
        TEST(claiming),
        TEST(giving),
        TEST(four_eyes),
        TEST(many_instances),
        TEST(n_of_m_across_members),
        TEST(messages),
        TEST(too_late),
        TEST(withdrawing),
        TEST(a_suspended_service),
        TEST(bad_manifests),
        TEST(the_zone_of_the_network),
        TEST(a_process_that_runs_away),
        TEST(a_suspended_member),
        TEST(a_package_that_no_longer_compiles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
