/* Ops that a service performs: what is recorded, by which authority, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "kernel/service/testing.h"

#define DAY 86400000LL
#define HEX "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define HASH "sha-256:" HEX

#define TASK(id)                                                                                   \
    "<userTask id='" id "'><extensionElements><qf:who "                                            \
    "role='desk'/></extensionElements></userTask>"
#define FLOW(id, from, to) "<sequenceFlow id='" id "' sourceRef='" from "' targetRef='" to "'/>"
#define OP(id, name, inner, more)                                                                  \
    "<serviceTask id='" id "'><extensionElements><qf:op name='" name "' result='proof'>" inner     \
    "</qf:op></extensionElements>" more "</serviceTask>"
#define FIELD(name, value) "<qf:field name='" name "' value='" value "'/>"
#define FIELDS                                                                                     \
    FIELD("attributes", "={number: number, year: 2026}")                                           \
    FIELD("hash", "=doc")                                                                          \
    FIELD("id", "=name")                                                                           \
    FIELD("media_type", "application/pdf") FIELD("size", "=size") FIELD("source", "permit office")
#define MANIFEST_WITH(capabilities)                                                                \
    "{" capabilities                                                                               \
    "\"fields\":{\"doc\":{\"type\":\"string\"},\"items\":{\"type\":\"list\"},\"name\":{\"type\":"  \
    "\"string\"},\"number\":{\"type\":\"string\"},\"proof\":{\"type\":\"string\"},\"size\":"       \
    "{\"type\":\"number\"}},\"participants\":[{\"actor_role\":\"clerk\",\"kinds\":[\"authority\"," \
    "\"court\",\"enterprise\"],\"role\":\"desk\"}]}"
#define MANIFEST MANIFEST_WITH("\"capabilities\":[\"evidence\"],")
#define PROCESS(inner)                                                                             \
    "<error id='x' errorCode='exists'/><process id='granting' isExecutable='true'><startEvent "    \
    "id='s'/>" inner "<endEvent id='e'/></process>"

/* sign, then record; what exists already leads back to another task */
static const struct qf_service_package granting = {
    .id = "granting",
    .version = "1",
    .process = PROCESS(TASK("sign") OP("record", "evidence.record", FIELDS, "") TASK(
        "rename") "<boundaryEvent id='b' attachedToRef='record'>"
                  "<errorEventDefinition errorRef='x'/></boundaryEvent>"
                  "<exclusiveGateway id='g'/>" FLOW("f1", "s", "g") FLOW("f2", "g", "sign")
                           FLOW("f3", "sign", "record") FLOW("f4", "record", "e")
                               FLOW("f5", "b", "rename") FLOW("f6", "rename", "g")),
    .manifest = MANIFEST};

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

static void deploy(struct qf_testing_world *world, const struct qf_service_package *package)
{
    struct qf_receipt receipt = qf_service_testing_propose(world, package, "\"evidence\"");
    if (receipt.code != QF_OK)
        fail_msg("%s", receipt.problem.detail);
    qf_service_testing_vote(world,
                            qf_arena_printf(&world->arena, "%s-%s", package->id, package->version));
}

static void open_case(struct qf_testing_world *world, unsigned who, const char *service,
                      const char *id, const char *data)
{
    qf_testing_expect(world, QF_OK, "", who,
                      "[{\"op\":\"service.case.open\",\"service\":\"%s\",\"case\":\"%s\","
                      "\"data\":{%s}}]",
                      service, id, data);
}

static struct qf_receipt complete(struct qf_testing_world *world, unsigned who, const char *id,
                                  const char *data)
{
    unsigned task = qf_service_testing_task(world, "desk", id);
    assert_true(task > 0);
    return qf_testing_run(
        world, who,
        "[{\"op\":\"service.task.complete\",\"case\":\"%s\",\"task\":%u,\"data\":{%s}}]", id, task,
        data);
}

static const struct qf_json *record_of(struct qf_testing_world *world, const char *id)
{
    const char *text =
        qf_testing_value(world, qf_arena_printf(&world->arena, "evidence/record/%s", id));
    return text == NULL ? NULL : qf_testing_json(world, "%s", text);
}

static bool has_term(const struct qf_kernel_term *terms, size_t count,
                     const struct qf_kernel_term *term)
{
    for (size_t i = 0; i < count; i++)
        if (memcmp(&terms[i], term, sizeof *term) == 0)
            return true;
    return false;
}

static struct qf_json effects_of(struct qf_testing_world *world, uint64_t leaf)
{
    struct qf_state_reader reader = qf_testing_reader(world);
    return qf_query_effects(&reader, &world->arena, leaf);
}

#define DATA(name) "\"doc\":\"" HASH "\",\"name\":\"" name "\",\"number\":\"7\",\"size\":17"

/* ---- what is recorded ---- */

static void a_service_records(void **state)
{
    struct qf_testing_world *world = *state;
    deploy(world, &granting);
    open_case(world, QF_CLERK_C, "granting", "c1", "");
    uint64_t leaf = world->block.first_leaf;
    /* The officer is of a court; the service acts for the member that brought it. */
    struct qf_receipt receipt = complete(world, QF_EXPERT, "c1", DATA("permit"));
    assert_int_equal(receipt.code, QF_OK);
    qf_service_testing_status(world, "c1", "done");
    assert_true(
        qf_json_is_text(qf_service_testing_variable(world, "c1", "proof"), "service/c1/permit"));
    char *expected = qf_arena_printf(
        &world->arena,
        "{\"by\":{\"case\":\"c1\",\"node\":\"record\",\"service\":\"granting\",\"version\":\"1\"},"
        "\"content\":{\"attributes\":{\"number\":\"7\",\"year\":2026},\"hash\":\"" HASH "\","
        "\"id\":\"service/c1/permit\",\"media_type\":\"application/pdf\",\"op\":"
        "\"evidence.record\",\"size\":17,\"source\":\"permit office\"},\"leaf\":%llu,\"member\":"
        "\"a\",\"op\":0}",
        (unsigned long long)leaf);
    assert_string_equal(qf_testing_value(world, "evidence/record/service/c1/permit"), expected);
    struct qf_kernel_term term;
    assert_true(qf_kernel_term_hash(&term, qf_slice_of(HASH)));
    assert_true(has_term(receipt.terms, receipt.term_count, &term));
    qf_kernel_term_attribute(&term, qf_slice_of("number"), qf_slice_of("7"));
    assert_true(has_term(receipt.terms, receipt.term_count, &term));
    qf_kernel_term_text(&term, QF_TERM_MEMBER, qf_slice_of("a"));
    assert_true(has_term(receipt.terms, receipt.term_count, &term));
    qf_kernel_term_text(&term, QF_TERM_CASE, qf_slice_of("c1"));
    assert_true(has_term(receipt.terms, receipt.term_count, &term));
    struct qf_json effects = effects_of(world, leaf);
    assert_int_equal(effects.count, 1);
    assert_true(qf_json_is_text(qf_json_get(&effects.items[0], "type"), "evidence.record"));
    assert_true(qf_json_is_text(qf_json_get(&effects.items[0], "key"),
                                "evidence/record/service/c1/permit"));
    assert_true(qf_json_is_text(qf_json_get(&effects.items[0], "member"), "a"));
    assert_int_equal(qf_json_get(&effects.items[0], "of")->integer, 0);
}

static void fields_without_a_value_are_left_out(void **state)
{
    struct qf_testing_world *world = *state;
    deploy(world, &granting);
    open_case(world, QF_CLERK, "granting", "c1", "");
    assert_int_equal(complete(world, QF_CLERK, "c1",
                              "\"doc\":\"" HASH
                              "\",\"name\":\"permit\",\"number\":\"7\",\"size\":null")
                         .code,
                     QF_OK);
    const struct qf_json *content = qf_json_get(record_of(world, "service/c1/permit"), "content");
    assert_null(qf_json_get(content, "size"));
    assert_non_null(qf_json_get(content, "hash"));
}

static const struct qf_service_package timed = {
    .id = "timed",
    .version = "1",
    .process = PROCESS("<intermediateCatchEvent id='t'><timerEventDefinition><timeDuration>P1D"
                       "</timeDuration></timerEventDefinition></intermediateCatchEvent>" OP(
                           "record", "evidence.record", FIELDS, "") FLOW("f1", "s", "t")
                           FLOW("f2", "t", "record") FLOW("f3", "record", "e")),
    .manifest = MANIFEST};

static void time_records_too(void **state)
{
    struct qf_testing_world *world = *state;
    deploy(world, &timed);
    open_case(world, QF_CLERK, "timed", "c1", DATA("late"));
    open_case(world, QF_CLERK, "timed", "c2",
              "\"doc\":\"no hash\",\"name\":\"late\",\"number\":\"7\",\"size\":17");
    world->block.time_ms += DAY;
    uint64_t leaf = world->block.first_leaf;
    struct qf_kernel_term term;
    const struct qf_kernel_term *terms;
    assert_true(qf_kernel_term_hash(&term, qf_slice_of(HASH)));
    qf_testing_begin(world);
    size_t count = qf_kernel_time_terms(world->kernel, &terms);
    assert_true(has_term(terms, count, &term));
    /* Nothing of what was refused: hash, source, two names, member, case. */
    assert_int_equal(count, 6);
    qf_testing_end(world, false);
    const struct qf_json *record = record_of(world, "service/c1/late");
    assert_non_null(record);
    assert_int_equal(qf_json_get(record, "leaf")->integer, leaf);
    assert_null(qf_json_get(record, "op")); /* of a transaction: there is none */
    qf_service_testing_status(world, "c1", "done");
    /* A refusal that nobody catches rests the case, and says why; nothing was recorded. */
    assert_null(record_of(world, "service/c2/late"));
    qf_service_testing_status(world, "c2", "running");
    const struct qf_json *problem = qf_json_get(qf_service_testing_case(world, "c2"), "problem");
    assert_true(qf_json_is_text(qf_json_get(problem, "code"), "bad-field"));
    assert_true(qf_json_is_text(qf_json_get(problem, "field"), "record.hash"));
    static const char *const types[] = {"evidence.record", "service.case-timer",
                                        "service.case-done", "service.case-halted"};
    struct qf_json effects = effects_of(world, leaf);
    assert_int_equal(effects.count, 4);
    for (uint32_t i = 0; i < effects.count; i++) {
        assert_true(qf_json_is_text(qf_json_get(&effects.items[i], "type"), types[i]));
        assert_null(qf_json_get(&effects.items[i], "of"));
    }
}

/* ---- what is refused when it happens ---- */

static void hostile_values(void **state)
{
    struct qf_testing_world *world = *state;
    static const struct {
        const char *data;
        enum qf_status code;
        const char *field;
    } cases[] = {
        {"\"doc\":\"sha-256:00\",\"name\":\"n\",\"number\":\"7\",\"size\":1", QF_BAD_FIELD, "hash"},
        {"\"doc\":\"sm3:" HEX "\",\"name\":\"n\",\"number\":\"7\",\"size\":1", QF_UNSUPPORTED_ALG,
         "hash"},
        {"\"name\":\"n\",\"number\":\"7\",\"size\":1", QF_BAD_FIELD, "hash"},
        {"\"doc\":\"" HASH "\",\"number\":\"7\",\"size\":1", QF_BAD_FIELD, "id"},
        {"\"doc\":\"" HASH "\",\"name\":\"a b\",\"number\":\"7\",\"size\":1", QF_BAD_FIELD, "id"},
        {"\"doc\":\"" HASH "\",\"name\":\"\",\"number\":\"7\",\"size\":-1", QF_BAD_FIELD, "size"},
        {"\"doc\":\"" HASH "\",\"name\":\"n\",\"number\":\"7\",\"size\":\"1.5\"", QF_BAD_FIELD,
         "size"},
        {"\"doc\":\"" HASH "\",\"name\":\"n\",\"size\":1", QF_BAD_FIELD, "attributes.number"},
    };
    deploy(world, &granting);
    open_case(world, QF_CLERK, "granting", "c1", "");
    unsigned task = qf_service_testing_task(world, "desk", "c1");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        qf_testing_expect(
            world, cases[i].code,
            qf_arena_printf(&world->arena, "ops[0].record.%s", cases[i].field), QF_CLERK,
            "[{\"op\":\"service.task.complete\",\"case\":\"c1\",\"task\":%u,\"data\":{%s}}]", task,
            cases[i].data);
    char name[200] = {0};
    memset(name, 'x', QF_ID_SIZE_MAX);
    qf_testing_expect(world, QF_BAD_FIELD, "ops[0].record.id", QF_CLERK,
                      "[{\"op\":\"service.task.complete\",\"case\":\"c1\",\"task\":%u,\"data\":"
                      "{\"doc\":\"" HASH "\",\"name\":\"%s\",\"number\":\"7\",\"size\":1}}]",
                      task, name);
    assert_int_equal(complete(world, QF_CLERK, "c1", DATA("permit")).code, QF_OK);
}

static void a_refusal_can_be_caught(void **state)
{
    struct qf_testing_world *world = *state;
    const struct qf_service_package twice = {
        .id = "twice",
        .version = "1",
        .process = PROCESS(TASK("sign") OP("one", "evidence.record", FIELDS, "") OP(
            "two", "evidence.record", FIELDS,
            "") TASK("rename") "<boundaryEvent id='b' attachedToRef='two'><errorEventDefinition "
                               "errorRef='x'/></boundaryEvent>" FLOW("f1", "s", "sign")
                                   FLOW("f2", "sign", "one") FLOW("f3", "one", "two")
                                       FLOW("f4", "two", "e") FLOW("f5", "b", "rename")
                                           FLOW("f6", "rename", "two")),
        .manifest = MANIFEST};
    deploy(world, &twice);
    open_case(world, QF_CLERK, "twice", "c1", "");
    uint64_t leaf = world->block.first_leaf;
    assert_int_equal(complete(world, QF_CLERK, "c1", DATA("permit")).code, QF_OK);
    assert_true(qf_service_testing_task_at(world, "desk", "c1", "rename") > 0);
    const struct qf_json *record = record_of(world, "service/c1/permit");
    assert_true(qf_json_is_text(qf_json_get(qf_json_get(record, "by"), "node"), "one"));
    assert_int_equal(effects_of(world, leaf).count, 1);
    assert_int_equal(complete(world, QF_CLERK, "c1", "\"name\":\"again\"").code, QF_OK);
    assert_non_null(record_of(world, "service/c1/again"));
    /* Another refusal than the one that is caught. */
    open_case(world, QF_CLERK, "twice", "c2", "");
    struct qf_receipt receipt = complete(world, QF_CLERK, "c2", "\"name\":\"x\"");
    assert_int_equal(receipt.code, QF_BAD_FIELD);
    assert_string_equal(receipt.problem.field, "ops[0].one.attributes.number");
}

static void nobody_takes_a_service_s_place(void **state)
{
    struct qf_testing_world *world = *state;
    deploy(world, &granting);
    open_case(world, QF_CLERK, "granting", "c1", "");
    qf_testing_expect(world, QF_NOT_ALLOWED, "ops[0].id", QF_GUEST,
                      "[{\"op\":\"evidence.record\",\"id\":\"service/c1/permit\",\"hash\":\"" HASH
                      "\"}]");
    qf_testing_expect(world, QF_NOT_ALLOWED, "ops[0].id", QF_GUEST,
                      "[{\"op\":\"evidence.record_batch\",\"id\":\"service/x\",\"count\":1,"
                      "\"root\":\"" HASH "\"}]");
    qf_testing_expect(world, QF_OK, "", QF_GUEST,
                      "[{\"op\":\"evidence.record\",\"id\":\"services/c1\",\"hash\":\"" HASH
                      "\"}]");
    assert_int_equal(complete(world, QF_CLERK, "c1", DATA("permit")).code, QF_OK);
}

static void whole_or_not_at_all(void **state)
{
    struct qf_testing_world *world = *state;
    deploy(world, &granting);
    open_case(world, QF_CLERK, "granting", "c1", "");
    open_case(world, QF_CLERK, "granting", "c2", "");
    qf_testing_expect(world, QF_NOT_FOUND, "ops[1].case", QF_CLERK,
                      "[{\"op\":\"service.task.complete\",\"case\":\"c1\",\"task\":1,\"data\":{"
                      "%s}},{\"op\":\"service.task.claim\",\"case\":\"nil\",\"task\":1}]",
                      DATA("permit"));
    assert_null(record_of(world, "service/c1/permit"));
    /* The second op of a transaction: the record and the event say which one brought it about. */
    uint64_t leaf = world->block.first_leaf;
    qf_testing_expect(
        world, QF_OK, "", QF_CLERK,
        "[{\"op\":\"service.task.claim\",\"case\":\"c1\",\"task\":1},"
        "{\"op\":\"service.task.complete\",\"case\":\"c1\",\"task\":1,\"data\":{%s}}]",
        DATA("permit"));
    struct qf_json effects = effects_of(world, leaf);
    assert_int_equal(effects.count, 1);
    assert_int_equal(qf_json_get(&effects.items[0], "of")->integer, 1);
}

static void who_answers_for_it_must_be_active(void **state)
{
    struct qf_testing_world *world = *state;
    deploy(world, &granting);
    open_case(world, QF_CLERK_C, "granting", "c1", "");
    qf_testing_expect(world, QF_OK, "", QF_ADMIN_B,
                      "[{\"op\":\"consortium.propose\",\"proposal\":\"s\",\"action\":{\"do\":"
                      "\"member.suspend\",\"member\":\"a\"}}]");
    qf_service_testing_vote(world, "s");
    struct qf_receipt receipt = complete(world, QF_EXPERT, "c1", DATA("permit"));
    assert_int_equal(receipt.code, QF_MEMBER_SUSPENDED);
    assert_string_equal(receipt.problem.field, "ops[0].record");
    assert_null(record_of(world, "service/c1/permit"));
}

/* What time brought about rests while the member is suspended, and is done when it is back. */
static void who_answers_for_it_may_come_back(void **state)
{
    struct qf_testing_world *world = *state;
    deploy(world, &timed);
    open_case(world, QF_CLERK, "timed", "c1",
              "\"doc\":\"" HASH "\",\"name\":\"late\",\"number\":\"7\",\"size\":17");
#define STANDING                                                                                   \
    "[{\"op\":\"consortium.propose\",\"proposal\":\"%s\",\"action\":{\"do\":\"member.%s\","        \
    "\"member\":\"a\"}}]"
    qf_testing_expect(world, QF_OK, "", QF_ADMIN_B, STANDING, "s", "suspend");
    qf_service_testing_vote(world, "s");
    qf_service_testing_wait(world, DAY);
    const struct qf_json *problem = qf_json_get(qf_service_testing_case(world, "c1"), "problem");
    assert_non_null(problem);
    assert_true(qf_json_is_text(qf_json_get(problem, "code"), "member-suspended"));
    assert_null(record_of(world, "service/c1/late"));
    qf_testing_expect(world, QF_OK, "", QF_ADMIN_B, STANDING, "r", "resume");
    static const unsigned others[] = {QF_ADMIN_B, QF_ADMIN_C};
    for (size_t i = 0; i < 2; i++)
        qf_testing_expect(world, QF_OK, "", others[i],
                          "[{\"op\":\"consortium.vote\",\"proposal\":\"r\",\"choice\":\"yes\"}]");
    qf_service_testing_status(world, "c1", "running");
    qf_service_testing_wait(world, DAY);
    assert_non_null(record_of(world, "service/c1/late"));
    qf_service_testing_status(world, "c1", "done");
    assert_null(qf_json_get(qf_service_testing_case(world, "c1"), "problem"));
}

static void only_its_own_is_superseded(void **state)
{
    struct qf_testing_world *world = *state;
    const struct qf_service_package replacing = {
        .id = "replacing",
        .version = "1",
        .process = PROCESS(TASK("sign") OP(
            "record", "evidence.supersede",
            FIELD("hash", "=doc") FIELD("id", "=name") FIELD("replaces", "=number"),
            "") FLOW("f1", "s", "sign") FLOW("f2", "sign", "record") FLOW("f3", "record", "e")),
        .manifest = MANIFEST};
    const struct qf_service_package first = {
        .id = "replacing",
        .version = "0",
        .process = PROCESS(TASK("sign") OP("record", "evidence.record", FIELDS, "") FLOW(
            "f1", "s", "sign") FLOW("f2", "sign", "record") FLOW("f3", "record", "e")),
        .manifest = MANIFEST};
    deploy(world, &granting);
    deploy(world, &first);
    open_case(world, QF_CLERK, "granting", "c1", "");
    assert_int_equal(complete(world, QF_CLERK, "c1", DATA("permit")).code, QF_OK);
    open_case(world, QF_CLERK, "replacing", "c2", "");
    assert_int_equal(complete(world, QF_CLERK, "c2", DATA("permit")).code, QF_OK);
    qf_testing_expect(world, QF_OK, "", QF_CLERK,
                      "[{\"op\":\"evidence.record\",\"id\":\"mine\",\"hash\":\"" HASH "\"}]");
    deploy(world, &replacing);
    open_case(world, QF_CLERK, "replacing", "c3", "");
#define REPLACE(id) "\"doc\":\"" HASH "\",\"name\":\"new\",\"number\":\"" id "\""
    assert_int_equal(complete(world, QF_CLERK, "c3", REPLACE("nil")).code, QF_NOT_FOUND);
    assert_int_equal(complete(world, QF_CLERK, "c3", REPLACE("mine")).code, QF_NOT_ALLOWED);
    assert_int_equal(complete(world, QF_CLERK, "c3", REPLACE("service/c1/permit")).code,
                     QF_NOT_ALLOWED);
    /* Of an earlier version of the same service. */
    assert_int_equal(complete(world, QF_CLERK, "c3", REPLACE("service/c2/permit")).code, QF_OK);
    const struct qf_json *old = record_of(world, "service/c2/permit");
    assert_true(qf_json_is_text(qf_json_get(old, "superseded_by"), "service/c3/new"));
    assert_non_null(qf_json_get(old, "content"));
}

/* ---- budgets ---- */

static void a_process_that_performs_too_much(void **state)
{
    struct qf_testing_world *world = *state;
    const struct qf_service_package many = {
        .id = "many",
        .version = "1",
        .process = PROCESS(
            TASK("sign") "<serviceTask id='record'><extensionElements><qf:op "
                         "name='evidence.record'>" FIELD("hash", "=doc") FIELD(
                             "id", "=item") "</qf:op><qf:loop collection='=items' "
                                            "item='item'/></extensionElements>"
                                            "<multiInstanceLoopCharacteristics/>"
                                            "</serviceTask><boundaryEvent id='b' "
                                            "attachedToRef='record'><errorEventDefinition/>"
                                            "</boundaryEvent>" FLOW("f1", "s", "sign")
                                                FLOW("f2", "sign", "record")
                                                    FLOW("f3", "record", "e") FLOW("f4", "b", "e")),
        .manifest = MANIFEST};
    deploy(world, &many);
    struct qf_buf items = {0};
    for (int i = 0; i < QF_SERVICE_OPS_MAX; i++)
        qf_buf_printf(&items, "%s\"n%d\"", i == 0 ? "" : ",", i);
    char *fit =
        qf_arena_printf(&world->arena, "\"doc\":\"" HASH "\",\"items\":[%s]", qf_buf_text(&items));
    char *over = qf_arena_printf(&world->arena, "\"doc\":\"" HASH "\",\"items\":[%s,\"more\"]",
                                 qf_buf_text(&items));
    qf_buf_deinit(&items);
    open_case(world, QF_CLERK, "many", "c1", "");
    struct qf_receipt receipt = complete(world, QF_CLERK, "c1", over);
    assert_int_equal(receipt.code, QF_BUDGET); /* which no event of the model catches */
    assert_non_null(strstr(receipt.problem.detail, "process granting performs more than 64"));
    assert_string_equal(receipt.problem.field, "ops[0].record");
    assert_null(record_of(world, "service/c1/n0"));
    assert_int_equal(complete(world, QF_CLERK, "c1", fit).code, QF_OK);
    assert_non_null(record_of(world, "service/c1/n63"));
    /* The block's budget bounds what all cases perform, and the block goes on. */
    const int64_t exp = world->block.time_ms / 1000 + 600;
    size_t good = 0;
    for (int i = 0; i < 400; i++) {
        char id[8];
        snprintf(id, sizeof id, "m%d", i);
        open_case(world, QF_CLERK, "many", id, "");
    }
    qf_testing_begin(world);
    for (int i = 0; i < 400; i++) {
        qf_testing_apply(
            world,
            qf_testing_sign(world, QF_CLERK, exp,
                            qf_testing_json(world,
                                            "[{\"op\":\"service.task.complete\",\"case\":\"m%d\","
                                            "\"task\":1,\"data\":{%s}}]",
                                            i, fit)),
            QF_TX_GOOD, &receipt);
        assert_true(receipt.code == QF_OK || receipt.code == QF_BUDGET);
        good += receipt.code == QF_OK;
    }
    qf_testing_end(world, false);
    assert_in_range(good, 50, 300);
}

/* ---- what is refused when it is proposed ---- */

#define WITH(inner)                                                                                \
    {                                                                                              \
        .id = "bad", .version = "1", .manifest = MANIFEST,                                         \
        .process = PROCESS(TASK("t") inner FLOW("f1", "s", "t") FLOW("f2", "t", "record")          \
                               FLOW("f3", "record", "e"))                                          \
    }

static void refused_words(struct qf_testing_world *world, const struct qf_service_package *package,
                          const char *capabilities, const char *words)
{
    struct qf_receipt receipt = qf_service_testing_propose(world, package, capabilities);
    if (receipt.code != QF_BAD_FIELD || strstr(receipt.problem.detail, words) == NULL)
        fail_msg("%s: %s: %s", words, qf_status_name(receipt.code), receipt.problem.detail);
}

static void refused_when_proposed(void **state)
{
    struct qf_testing_world *world = *state;
#define GOOD FIELD("hash", "=doc") FIELD("id", "=name")
    static const struct {
        struct qf_service_package package;
        const char *words;
    } cases[] = {
        {WITH(OP("record", "evidence.recrod", GOOD, "")),
         "serviceTask record, line 1: a service cannot perform evidence.recrod; it can: "
         "evidence.record, evidence.record_batch, evidence.supersede"},
        {WITH(OP("record", "identity.key.add", GOOD, "")), "cannot perform identity.key.add"},
        {WITH(OP("record", "consortium.vote", GOOD, "")), "cannot perform consortium.vote"},
        {WITH(OP("record", "evidence.record", GOOD FIELD("colour", "=name"), "")),
         "takes no field colour from a service; it has attributes, hash, id"},
        {WITH(OP("record", "evidence.record", GOOD FIELD("on_behalf", "=name"), "")),
         "takes no field on_behalf"},
        {WITH(OP("record", "evidence.record", GOOD FIELD("op", "=name"), "")), "takes no field op"},
        {WITH(OP("record", "evidence.record", FIELD("id", "=name"), "")),
         "evidence.record needs the field hash: add"},
        {WITH(OP("record", "evidence.record", GOOD FIELD("id", "=name"), "")),
         "the field id is given twice"},
        {WITH(OP("record", "evidence.record", GOOD FIELD("size", "12"), "")),
         "a value that is not a text is an expression and begins with ="},
        {WITH(OP("record", "evidence.record", GOOD FIELD("media_type", ""), "")),
         "needs a name and a value"},
        {WITH(OP("record", "evidence.record", GOOD FIELD("source", "=unknown"), "")),
         "there is nothing named \"unknown\""},
        {WITH(OP("record", "evidence.record", GOOD FIELD("source", "=1 +"), "")), "record"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        refused_words(world, &cases[i].package, "\"evidence\"", cases[i].words);
}

static void capabilities(void **state)
{
    struct qf_testing_world *world = *state;
    static const struct {
        const char *manifest;
        const char *words;
    } cases[] = {
        {MANIFEST_WITH(""),
         "evidence.record needs the capability evidence: add it to capabilities in service.yaml"},
        {MANIFEST_WITH("\"capabilities\":[\"certificate:x\"],"), "needs the capability evidence"},
        {MANIFEST_WITH("\"capabilities\":[],"), "needs the capability evidence"},
        {MANIFEST_WITH("\"capabilities\":\"evidence\","), "manifest.capabilities: must be a list"},
        {MANIFEST_WITH("\"capabilities\":[1],"), "manifest.capabilities: must be a list"},
        {MANIFEST_WITH("\"capabilities\":[\"\"],"), "manifest.capabilities: must be a list"},
    };
    struct qf_service_package package = granting;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        package.manifest = cases[i].manifest;
        refused_words(world, &package, "\"evidence\"", cases[i].words);
    }
    /* What is voted on is what the manifest says, no more and no less. */
    struct qf_receipt receipt = qf_service_testing_propose(world, &granting, "");
    assert_int_equal(receipt.code, QF_BAD_FIELD);
    assert_string_equal(receipt.problem.field, "ops[0].action.capabilities");
    receipt = qf_service_testing_propose(world, &granting, "\"evidence\",\"register:x\"");
    assert_int_equal(receipt.code, QF_BAD_FIELD);
    assert_non_null(strstr(receipt.problem.detail, "does not ask for register:x"));
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_service_records),
        TEST(fields_without_a_value_are_left_out),
        TEST(time_records_too),
        TEST(hostile_values),
        TEST(a_refusal_can_be_caught),
        TEST(nobody_takes_a_service_s_place),
        TEST(whole_or_not_at_all),
        TEST(who_answers_for_it_must_be_active),
        TEST(who_answers_for_it_may_come_back),
        TEST(who_answers_for_it_may_come_back),
        TEST(only_its_own_is_superseded),
        TEST(a_process_that_performs_too_much),
        TEST(refused_when_proposed),
        TEST(capabilities),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
