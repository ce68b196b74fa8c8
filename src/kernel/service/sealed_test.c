/* Sealed fields and decisions over them: what comes onto the ledger, what is refused, and that
 * anybody to whom values and salts are shown makes the same decision again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "codec/text.h"
#include "kernel/service/decision.h"
#include "kernel/service/sealed.h"
#include "kernel/service/testing.h"

#define PROCESS(condition, decision)                                                               \
    "<process id='p' isExecutable='true'><laneSet id='l'><lane id='desk'><flowNodeRef>s"           \
    "</flowNodeRef><flowNodeRef>ask</flowNodeRef><flowNodeRef>rule</flowNodeRef></lane></laneSet>" \
    "<startEvent id='s'/><userTask id='ask'><extensionElements><qf:form schema='form.json'/>"      \
    "</extensionElements></userTask><businessRuleTask id='rule'><extensionElements>"               \
    "<qf:decision ref='Aid' result='aid' " decision "</extensionElements></businessRuleTask>"      \
    "<exclusiveGateway id='g' default='no'/><endEvent id='e1'/><endEvent id='e2'/>"                \
    "<sequenceFlow id='f1' sourceRef='s' targetRef='ask'/>"                                        \
    "<sequenceFlow id='f2' sourceRef='ask' targetRef='rule'/>"                                     \
    "<sequenceFlow id='f3' sourceRef='rule' targetRef='g'/>"                                       \
    "<sequenceFlow id='yes' sourceRef='g' targetRef='e1'><conditionExpression>" condition          \
    "</conditionExpression></sequenceFlow>"                                                        \
    "<sequenceFlow id='no' sourceRef='g' targetRef='e2'/></process>"
#define SEALED "sealed='true'/>"

#define RULES                                                                                      \
    "<inputData id='i1' name='income'><variable name='income' typeRef='number'/></inputData>"      \
    "<inputData id='i2' name='size'><variable name='size' typeRef='number'/></inputData>"          \
    "<inputData id='i3' name='unused'><variable name='unused' typeRef='number'/></inputData>"      \
    "<decision id='d1' name='Share'><variable name='Share' typeRef='number'/>"                     \
    "<informationRequirement id='q1'><requiredInput href='#i1'/></informationRequirement>"         \
    "<informationRequirement id='q2'><requiredInput href='#i2'/></informationRequirement>"         \
    "<literalExpression id='x1'><text>income / size</text></literalExpression></decision>"         \
    "<decision id='d2' name='Aid'><variable name='Aid' typeRef='number'/>"                         \
    "<informationRequirement id='q3'><requiredDecision href='#d1'/></informationRequirement>"      \
    "<decisionTable id='t' hitPolicy='FIRST'><input id='c' label='share'>"                         \
    "<inputExpression typeRef='number'><text>Share</text></inputExpression></input>"               \
    "<output id='o' name='aid' typeRef='number'/><annotation name='clause'/>"                      \
    "<rule id='r1'><inputEntry id='a1'><text>&lt; 1000</text></inputEntry><outputEntry id='b1'>"   \
    "<text>500</text></outputEntry><annotationEntry><text>Art. 4</text></annotationEntry></rule>"  \
    "<rule id='r2'><inputEntry id='a2'><text>-</text></inputEntry><outputEntry id='b2'>"           \
    "<text>0</text></outputEntry><annotationEntry><text>Art. 5</text></annotationEntry></rule>"    \
    "</decisionTable></decision>"

#define MANIFEST                                                                                   \
    "{\"fields\":{\"aid\":{\"type\":\"number\"},\"income\":{\"sealed\":true,\"type\":\"number\"}," \
    "\"size\":{\"type\":\"number\"}},\"participants\":[{\"actor_role\":\"clerk\","                 \
    "\"members\":[\"a\"],\"role\":\"desk\"}]}"
#define FORM                                                                                       \
    "{\"additionalProperties\":false,\"properties\":{\"income\":{\"maximum\":1000000,\"type\":"    \
    "\"integer\"},"                                                                                \
    "\"size\":{\"type\":\"integer\"}},\"required\":[\"income\",\"size\"],\"type\":\"object\"}"

static const struct qf_service_package good = {"aid", "1",      PROCESS("aid &gt; 0", SEALED),
                                               RULES, MANIFEST, FORM};

#define SALT "AAECAwQFBgcICQoLDA0ODw"
#define OPEN "[{\"op\":\"service.case.open\",\"service\":\"aid\",\"case\":\"%s\"}]"
#define ASK                                                                                        \
    "[{\"op\":\"service.task.complete\",\"case\":\"%s\",\"task\":%u,\"data\":{\"income\":%s,"      \
    "\"size\":3}}]"
#define RECORD                                                                                     \
    "[{\"op\":\"service.decision.record\",\"case\":\"%s\",\"task\":%u,\"outcome\":%s,"             \
    "\"inputs\":{%s},\"time\":%lld,\"trace\":\"sha-256:%.64s\"}]"

/* The commitment to a value, with SALT. */
static const char *sealed(struct qf_testing_world *world, const char *name, int64_t number)
{
    uint8_t salt[16];
    for (uint8_t i = 0; i < sizeof salt; i++)
        salt[i] = i;
    struct qf_json value = qf_json_make_int(number);
    char text[QF_SEAL_TEXT_SIZE];
    assert_int_equal(qf_seal(text, QF_HASH_SHA256, qf_slice_make(salt, sizeof salt),
                             qf_slice_of(name), &value, NULL),
                     QF_OK);
    return qf_arena_printf(&world->arena, "%s", text);
}

static const char *commitment(struct qf_testing_world *world, int64_t income)
{
    return sealed(world, "income", income);
}

static struct qf_service_model *compiled_from(struct qf_testing_world *world,
                                              const struct qf_service_package *package)
{
    struct qf_service_model *model;
    struct qf_error err = {0};
    assert_int_equal(qf_service_compile(&model, qf_service_testing_package(world, package),
                                        qf_slice_of("sha-256:x"), &err),
                     QF_OK);
    return model;
}

static struct qf_service_model *compiled(struct qf_testing_world *world)
{
    return compiled_from(world, &good);
}

/* What the department's own node does with the values in hand. */
static struct qf_service_outcome decide(struct qf_testing_world *world,
                                        const struct qf_service_model *model, const char *values)
{
    struct qf_service_moment moment = {.time_ms = world->block.time_ms,
                                       .zone = qf_slice_of("Asia/Shanghai")};
    struct qf_service_outcome out;
    struct qf_buf text = {0};
    assert_int_equal(qf_service_evaluate(model, &world->arena, &text, &out, qf_slice_of("Aid"),
                                         qf_testing_json(world, "%s", values), &moment, NULL),
                     QF_OK);
    qf_buf_deinit(&text);
    return out;
}

static int setup(void **state)
{
    *state = qf_service_testing_world();
    return 0;
}

static int setup_deployed(void **state)
{
    setup(state);
    qf_service_testing_deploy(*state, &good);
    return 0;
}

static int teardown(void **state)
{
    qf_testing_free(*state);
    return 0;
}

/* ---- commitments ---- */

static void a_commitment_is_what_the_page_says(void **state)
{
    struct qf_testing_world *world = *state;
    const char *text = commitment(world, 2900);
    /* SHA-256 of ["AAECAwQFBgcICQoLDA0ODw","income",2900] */
    assert_string_equal(text,
                        "sha-256:acd46d1740c6a11a62da27e8ee9d6f085f43d389610cec96ae9a6e3d10f6c4c7");
    struct qf_slice name = qf_slice_of("income");
#define REVEALED "{\"salt\":\"" SALT "\",\"value\":%s}"
    struct qf_error err = {0};
    assert_int_equal(
        qf_seal_check(qf_slice_of(text), name, qf_testing_json(world, REVEALED, "2900"), &err),
        QF_OK);
    static const struct {
        const char *name, *revealed;
        enum qf_status status;
    } cases[] = {
        {"income", "{\"salt\":\"" SALT "\",\"value\":2901}", QF_INVALID},
        {"income", "{\"salt\":\"" SALT "\",\"value\":\"2900\"}", QF_INVALID},
        {"size", "{\"salt\":\"" SALT "\",\"value\":2900}", QF_INVALID},
        {"income", "{\"salt\":\"AQECAwQFBgcICQoLDA0ODw\",\"value\":2900}", QF_INVALID},
        {"income", "{\"salt\":\"AAECAwQFBgcICQoLDA0O\",\"value\":2900}", QF_BAD_FIELD},
        {"income", "{\"salt\":\"?\",\"value\":2900}", QF_MALFORMED},
        {"income", "{\"value\":2900}", QF_MALFORMED},
        {"income", "{\"salt\":\"" SALT "\"}", QF_MALFORMED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(qf_seal_check(qf_slice_of(text), qf_slice_of(cases[i].name),
                                       qf_testing_json(world, "%s", cases[i].revealed), &err),
                         cases[i].status);
    assert_int_equal(qf_seal_check(qf_slice_of("sha-256:00"), name,
                                   qf_testing_json(world, REVEALED, "2900"), &err),
                     QF_MALFORMED);
}

static void the_other_suite(void **state)
{
    struct qf_testing_world *world = *state;
    assert_int_equal(
        qf_seal_check(
            qf_slice_of("sm3:319f61f8787aa160a970cecc0200bdb50016d4f5e2f34eeb62e8c273af500d90"),
            qf_slice_of("收入"),
            qf_testing_json(world, "{\"salt\":\"" SALT "\",\"value\":{\"a\":1,\"b\":\"2.50\"}}"),
            NULL),
        QF_OK);
}

static void only_a_commitment_is_taken(void **state)
{
    struct qf_testing_world *world = *state;
    static const char *const bad[] = {
        "2900",
        "\"2900\"",
        "null",
        "true",
        "\"sha-256:00\"",
        "\"sm3:0000000000000000000000000000000000000000000000000000000000000000\"",
        "\"sha-256:000000000000000000000000000000000000000000000000000000000000000G\"",
    };
    qf_testing_expect(world, QF_OK, "", QF_CLERK, OPEN, "c1");
    unsigned ask = qf_service_testing_task(world, "desk", "c1");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        qf_testing_expect(world, QF_BAD_FIELD, "ops[0].data.income", QF_CLERK, ASK, "c1", ask,
                          bad[i]);
    qf_testing_expect(world, QF_OK, "", QF_CLERK, ASK, "c1", ask,
                      qf_arena_printf(&world->arena, "\"%s\"", commitment(world, 2900)));
    assert_true(qf_json_is_text(qf_service_testing_variable(world, "c1", "income"),
                                commitment(world, 2900)));
}

/* ---- what the process may do with sealed fields ---- */

static void what_reads_a_sealed_field_is_refused(void **state)
{
    struct qf_testing_world *world = *state;
#define IN(name, value) "sealed='true'/><qf:input name='" name "' value='" value "'/>"
#define BOTH IN("income", "=income") "<qf:input name='size' value='=size'/>"
    static const struct {
        const char *process, *words;
    } cases[] = {
        {PROCESS("income &gt; 0", SEALED), "income is sealed and cannot be read here"},
        {PROCESS("income", SEALED), "income is sealed and cannot be read here"},
        {PROCESS("aid &gt; 0 and string length(income) &gt; 2", SEALED), "income is sealed"},
        {PROCESS("aid &gt; 0", "/>"), "reads income, which is sealed"},
        {PROCESS("aid &gt; 0", "/><qf:input name='income' value='=income'/>"), "income is sealed"},
        {PROCESS("aid &gt; 0", "/><qf:input name='income' value='=2'/>"
                               "<qf:output name='income' value='=aid'/>"),
         "income is sealed: the process cannot set it"},
        {PROCESS("aid &gt; 0", IN("income", "=income + 1")), "income is sealed"},
        {PROCESS("aid &gt; 0", IN("size", "=4")), "reads no sealed field"},
        {PROCESS("aid &gt; 0", SEALED "<qf:output name='aid' value='=income'/>"),
         "only be kept under its own name"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct qf_service_package package = good;
        package.process = cases[i].process;
        qf_service_testing_refused(world, &package, cases[i].words);
        struct qf_receipt receipt = qf_service_testing_propose(world, &package, "");
        assert_non_null(strstr(receipt.problem.detail, "process.bpmn, "));
        assert_non_null(strstr(receipt.problem.detail, "line 1"));
    }
    struct qf_service_package package = good;
    package.process = PROCESS("aid &gt; 0", BOTH);
    qf_service_testing_deploy(world, &package);
}

/* ---- the decision ---- */

static unsigned wait_for_decision(struct qf_testing_world *world, const char *id, int64_t income)
{
    qf_testing_expect(world, QF_OK, "", QF_CLERK, OPEN, id);
    qf_testing_expect(world, QF_OK, "", QF_CLERK, ASK, id,
                      qf_service_testing_task(world, "desk", id),
                      qf_arena_printf(&world->arena, "\"%s\"", commitment(world, income)));
    qf_service_testing_status(world, id, "running");
    unsigned task = qf_service_testing_task_at(world, "desk", id, "rule");
    assert_true(task > 0);
    return task;
}

static const char *inputs(struct qf_testing_world *world, int64_t income)
{
    return qf_arena_printf(&world->arena, "\"income\":\"%s\",\"size\":3",
                           commitment(world, income));
}

static void a_sealed_decision_is_recorded_and_made_again(void **state)
{
    struct qf_testing_world *world = *state;
    struct qf_service_model *model = compiled(world);
    unsigned task = wait_for_decision(world, "c1", 2900);
    struct qf_service_outcome out = decide(world, model, "{\"income\":2900,\"size\":3}");
    assert_int_equal(out.value.integer, 500);
    assert_non_null(strstr(qf_arena_text(&world->arena, out.trace), "Art. 4"));
    struct qf_receipt receipt =
        qf_testing_run(world, QF_CLERK, RECORD, "c1", task, "500", inputs(world, 2900),
                       (long long)world->block.time_ms, out.hash);
    assert_int_equal(receipt.code, QF_OK);
    assert_string_equal(receipt.events[0].type, "service.decision-recorded");
    qf_service_testing_status(world, "c1", "done");
    assert_int_equal(qf_service_testing_variable(world, "c1", "aid")->integer, 500);
    assert_int_equal(qf_service_testing_task(world, "desk", "c1"), 0);
    const struct qf_json *record =
        &qf_json_get(qf_service_testing_case(world, "c1"), "decisions")->items[0];
    assert_true(qf_json_is_text(qf_json_get(record, "actor"), "a/li"));
    assert_true(qf_json_is_text(qf_json_get(record, "node"), "rule"));

    struct qf_buf text = {0};
    struct qf_error err = {0};
    struct qf_slice zone = qf_slice_of("Asia/Shanghai");
#define AGAIN(json)                                                                                \
    qf_service_replay(model, &world->arena, &text, &out, record,                                   \
                      qf_testing_json(world, "%s", json), zone, &err)
#define SHOWN_INCOME(value) "{\"income\":{\"salt\":\"" SALT "\",\"value\":" value "}}"
    assert_int_equal(AGAIN(SHOWN_INCOME("2900")), QF_OK);
    assert_int_equal(out.value.integer, 500);
    assert_int_equal(AGAIN("{}"), QF_CANNOT_TELL);
    assert_string_equal(err.field, "inputs.income");
    assert_int_equal(qf_service_replay(model, &world->arena, &text, &out, record, NULL, zone, &err),
                     QF_CANNOT_TELL);
    assert_int_equal(AGAIN(SHOWN_INCOME("2901")), QF_INVALID);
    assert_string_equal(err.field, "inputs.income");
    qf_buf_deinit(&text);
    qf_service_free(model);
}

/* The record of an official who did not decide as the rules say: found by whoever looks. */
static void a_false_decision_is_found(void **state)
{
    struct qf_testing_world *world = *state;
    struct qf_service_model *model = compiled(world);
    unsigned task = wait_for_decision(world, "c1", 9000);
    struct qf_service_outcome out = decide(world, model, "{\"income\":2900,\"size\":3}");
    qf_testing_expect(world, QF_OK, "", QF_CLERK, RECORD, "c1", task, "500", inputs(world, 9000),
                      (long long)world->block.time_ms, out.hash);
    const struct qf_json *record =
        &qf_json_get(qf_service_testing_case(world, "c1"), "decisions")->items[0];
    struct qf_buf text = {0};
    struct qf_error err = {0};
    struct qf_slice zone = qf_slice_of("Asia/Shanghai");
    assert_int_equal(AGAIN(SHOWN_INCOME("9000")), QF_INVALID);
    assert_string_equal(err.field, "outcome");
    assert_int_equal(out.value.integer, 0);
    qf_buf_deinit(&text);
    qf_service_free(model);
}

/* The outcome itself is sealed: whoever is shown it can compare, who is not has the trace. */
static void a_sealed_outcome_is_made_again(void **state)
{
    static const struct qf_service_package own = {
        "aid",
        "2",
        PROCESS("size &gt; 2", SEALED),
        RULES,
        "{\"fields\":{\"aid\":{\"sealed\":true,\"type\":\"number\"},\"income\":{\"sealed\":true,"
        "\"type\":\"number\"},\"size\":{\"type\":\"number\"}},\"participants\":[{\"role\":"
        "\"desk\"}]}",
        FORM};
    struct qf_testing_world *world = *state;
    struct qf_service_model *model = compiled_from(world, &own);
    struct qf_service_outcome out = decide(world, model, "{\"income\":2900,\"size\":3}");
    const struct {
        int64_t recorded;
        const char *revealed;
        enum qf_status status;
        const char *field;
    } cases[] = {
        {500, "", QF_OK, ""},
        {500, ",\"aid\":{\"salt\":\"" SALT "\",\"value\":500}", QF_OK, ""},
        {500, ",\"aid\":{\"salt\":\"" SALT "\",\"value\":501}", QF_INVALID, "outcome"},
        {501, ",\"aid\":{\"salt\":\"" SALT "\",\"value\":501}", QF_INVALID, "outcome"},
    };
    struct qf_buf text = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct qf_error err = {0};
        const struct qf_json *record = qf_testing_json(
            world,
            "{\"decision\":\"Aid\",\"inputs\":{\"size\":3},\"node\":\"rule\",\"outcome\":\"%s\","
            "\"sealed\":{\"income\":\"%s\"},\"time\":%lld,\"trace\":\"%.64s\"}",
            sealed(world, "aid", cases[i].recorded), commitment(world, 2900),
            (long long)world->block.time_ms, out.hash);
        const struct qf_json *revealed = qf_testing_json(
            world, "{\"income\":{\"salt\":\"" SALT "\",\"value\":2900}%s}", cases[i].revealed);
        struct qf_service_outcome again;
        assert_int_equal(qf_service_replay(model, &world->arena, &text, &again, record, revealed,
                                           qf_slice_of("Asia/Shanghai"), &err),
                         cases[i].status);
        assert_string_equal(err.field, cases[i].field);
    }
    qf_buf_deinit(&text);
    qf_service_free(model);
}

static void what_may_not_be_recorded(void **state)
{
    struct qf_testing_world *world = *state;
    unsigned task = wait_for_decision(world, "c1", 2900);
    const char *own = inputs(world, 2900), *other = inputs(world, 2901);
    const char *hash = "0000000000000000000000000000000000000000000000000000000000000000";
    long long now = (long long)world->block.time_ms;
    const struct {
        enum qf_status code;
        const char *field;
        unsigned person, task;
        const char *outcome, *inputs;
        long long time;
        const char *hash;
    } cases[] = {
        {QF_NOT_ALLOWED, "ops[0]", QF_GUEST, task, "500", own, now, hash},
        {QF_NOT_ALLOWED, "ops[0]", QF_EXPERT, task, "500", own, now, hash},
        {QF_NOT_FOUND, "ops[0].task", QF_CLERK, task + 1, "500", own, now, hash},
        {QF_NOT_FOUND, "ops[0].task", QF_CLERK, 1, "500", own, now, hash},
        {QF_BAD_FIELD, "ops[0].outcome", QF_CLERK, task, "\"much\"", own, now, hash},
        {QF_BAD_FIELD, "ops[0].outcome", QF_CLERK, task, "null", own, now, hash},
        {QF_BAD_FIELD, "ops[0].outcome", QF_CLERK, task, "{\"a\":1}", own, now, hash},
        {QF_BAD_FIELD, "ops[0].inputs.size", QF_CLERK, task, "500",
         qf_arena_printf(&world->arena, "\"income\":\"%s\"", commitment(world, 2900)), now, hash},
        {QF_WRONG_STATE, "ops[0].inputs.income", QF_CLERK, task, "500", other, now, hash},
        {QF_BAD_FIELD, "ops[0].inputs.unused", QF_CLERK, task, "500",
         qf_arena_printf(&world->arena, "%s,\"unused\":1", own), now, hash},
        {QF_BAD_FIELD, "ops[0].time", QF_CLERK, task, "500", own, now + 1, hash},
        {QF_BAD_FIELD, "ops[0].time", QF_CLERK, task, "500", own, now - 3600001, hash},
        {QF_BAD_FIELD, "ops[0].trace", QF_CLERK, task, "500", own, now,
         "Z000000000000000000000000000000000000000000000000000000000000000"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        qf_testing_expect(world, cases[i].code, cases[i].field, cases[i].person, RECORD, "c1",
                          cases[i].task, cases[i].outcome, cases[i].inputs, cases[i].time,
                          cases[i].hash);
        /* It is nothing to claim or to complete. */
#define TASK_OP "[{\"op\":\"service.task.%s\",\"case\":\"c1\",\"task\":%u}]"
    qf_testing_expect(world, QF_NOT_FOUND, "ops[0].task", QF_CLERK, TASK_OP, "claim", task);
    qf_testing_expect(world, QF_NOT_FOUND, "ops[0].task", QF_CLERK, TASK_OP, "complete", task);
    qf_testing_expect(world, QF_OK, "", QF_CLERK, RECORD, "c1", task, "500", own, now, hash);
    qf_testing_expect(world, QF_WRONG_STATE, "ops[0].case", QF_CLERK, RECORD, "c1", task, "500",
                      own, now, hash);
}

/* ---- open decisions ---- */

static void an_open_decision_is_made_again_from_its_record(void **state)
{
    struct qf_testing_world *world = *state;
    struct qf_service_package open = good;
    open.process = PROCESS("aid &gt; 0", "/>");
    open.manifest = "{\"fields\":{\"aid\":{\"type\":\"number\"},\"income\":{\"type\":\"number\"},"
                    "\"size\":{\"type\":\"number\"}},\"participants\":[{\"actor_role\":\"clerk\","
                    "\"members\":[\"a\"],\"role\":\"desk\"}]}";
    qf_service_testing_deploy(world, &open);
    qf_testing_expect(world, QF_OK, "", QF_CLERK, OPEN, "c1");
    qf_testing_expect(world, QF_OK, "", QF_CLERK, ASK, "c1",
                      qf_service_testing_task(world, "desk", "c1"), "9000");
    qf_service_testing_status(world, "c1", "done");
    const struct qf_json *decisions =
        qf_json_get(qf_service_testing_case(world, "c1"), "decisions");
    assert_int_equal(decisions->count, 1);
    const struct qf_json *record = &decisions->items[0];
    assert_int_equal(qf_json_get(qf_json_get(record, "inputs"), "income")->integer, 9000);
    struct qf_service_model *model;
    assert_int_equal(qf_service_compile(&model, qf_service_testing_package(world, &open),
                                        qf_slice_of("sha-256:x"), NULL),
                     QF_OK);
    struct qf_buf text = {0};
    struct qf_error err = {0};
    struct qf_service_outcome out;
    struct qf_slice zone = qf_slice_of("Asia/Shanghai");
    assert_int_equal(qf_service_replay(model, &world->arena, &text, &out, record, NULL, zone, &err),
                     QF_OK);
    assert_int_equal(out.value.integer, 0);
    assert_non_null(strstr(qf_arena_text(&world->arena, out.trace), "Art. 5"));
    /* Another input, another trace. */
    struct qf_json changed =
        *qf_testing_json(world,
                         "{\"decision\":\"Aid\",\"inputs\":{\"income\":9001,\"size\":3},\"time\":1,"
                         "\"trace\":\"%.64s\"}",
                         out.hash);
    assert_int_equal(
        qf_service_replay(model, &world->arena, &text, &out, &changed, NULL, zone, &err),
        QF_INVALID);
    assert_string_equal(err.field, "trace");
    static const char *const malformed[] = {"{}", "{\"decision\":\"Aid\"}",
                                            "{\"decision\":1,\"time\":1,\"trace\":\"x\"}",
                                            "{\"decision\":\"Aid\",\"time\":1,\"trace\":\"x\"}"};
    for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++)
        assert_int_not_equal(qf_service_replay(model, &world->arena, &text, &out,
                                               qf_testing_json(world, "%s", malformed[i]), NULL,
                                               zone, &err),
                             QF_OK);
    qf_buf_deinit(&text);
    qf_service_free(model);
}

int main(void)
{
#define FRESH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
#define WITH_SERVICE(test) cmocka_unit_test_setup_teardown(test, setup_deployed, teardown)
    const struct CMUnitTest tests[] = {
        FRESH(a_commitment_is_what_the_page_says),
        FRESH(the_other_suite),
        WITH_SERVICE(only_a_commitment_is_taken),
        FRESH(what_reads_a_sealed_field_is_refused),
        WITH_SERVICE(a_sealed_decision_is_recorded_and_made_again),
        WITH_SERVICE(a_false_decision_is_found),
        FRESH(a_sealed_outcome_is_made_again),
        WITH_SERVICE(what_may_not_be_recorded),
        FRESH(an_open_decision_is_made_again_from_its_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
