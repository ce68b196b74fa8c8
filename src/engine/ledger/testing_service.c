/* A stream of transactions on services: a package is deployed by vote, then cases are opened,
 * worked on, messaged and withdrawn at random, well and badly, while time lets timers fire. */
#include <stdio.h>

#include "codec/text.h"
#include "engine/ledger/testing.h"

#define TASK(id, role, more)                                                                       \
    "<userTask id='" id "'><extensionElements><qf:who role='" role "' " more                       \
    "</extensionElements></userTask>"
#define FLOW(id, from, to) "<sequenceFlow id='" id "' sourceRef='" from "' targetRef='" to "'/>"
#define CONDITION(id, from, to, text)                                                              \
    "<sequenceFlow id='" id "' sourceRef='" from "' targetRef='" to "'><conditionExpression>" text \
    "</conditionExpression></sequenceFlow>"

/* check ─> decision ─┬─> panel (2 of 3) ─> choice ─┬─> each (parallel, one for each of some) ─┐
 *                    │                             └──────────────> end                       │
 *                    ├─> wait (a message, or time) ──────────────────────────────────────> sign
 *                    └─> sealed decision ─> end          (sign: four eyes, deadline, reminders) */
static const char process[] =
    "<definitions xmlns='http://www.omg.org/spec/BPMN/20100524/MODEL' "
    "xmlns:qf='https://qifeng.dev/bpmn/1' targetNamespace='t'><message id='m' name='more'/>"
    "<process id='p' isExecutable='true'><laneSet id='l'><lane id='desk'><flowNodeRef>s"
    "</flowNodeRef><flowNodeRef>secret</flowNodeRef></lane></laneSet><startEvent id='s'/>" TASK(
        "check", "desk",
        "/>") "<businessRuleTask id='rule'><extensionElements>"
              "<qf:decision ref='Way' "
              "result='way'/></extensionElements></businessRuleTask>"
              "<exclusiveGateway id='g' default='f-wait'/>" TASK(
                  "panel", "panel",
                  "approvals='2' of='3'/>") "<exclusiveGateway id='v'/><userTask "
                                            "id='each'><extensionElements><qf:who "
                                            "role='panel'/>"
                                            "<qf:loop collection='=for i in 1..n "
                                            "return i' item='x'/></extensionElements>"
                                            "<multiInstanceLoopCharacteristics/></"
                                            "userTask>" TASK(
                                                "sign", "desk",
                                                "separate='check'/><qf:deadline "
                                                "days='0' calendar='calendar' "
                                                "then='approved'/>") "<boundaryEvent "
                                                                     "id='late' "
                                                                     "attachedToRef='"
                                                                     "sign' "
                                                                     "cancelActivity='"
                                                                     "false'><"
                                                                     "timerEventDefinit"
                                                                     "ion>"
                                                                     "<timeCycle>R3/"
                                                                     "PT0.2S</"
                                                                     "timeCycle></"
                                                                     "timerEventDefinit"
                                                                     "ion></"
                                                                     "boundaryEvent>"
                                                                     "<scriptTask "
                                                                     "id='count'><"
                                                                     "extensionElements"
                                                                     "><qf:result "
                                                                     "variable='late'/"
                                                                     "></"
                                                                     "extensionElements"
                                                                     ">"
                                                                     "<script>if late "
                                                                     "= null then 1 "
                                                                     "else late + "
                                                                     "1</script></"
                                                                     "scriptTask>"
                                                                     "<eventBasedGatewa"
                                                                     "y "
                                                                     "id='w'/"
                                                                     "><"
                                                                     "intermediateCatch"
                                                                     "Event "
                                                                     "id='w1'><"
                                                                     "messageEventDefin"
                                                                     "ition "
                                                                     "messageRef='m'/"
                                                                     "></"
                                                                     "intermediateCatch"
                                                                     "Event><"
                                                                     "intermediateCatch"
                                                                     "Event id='w2'>"
                                                                     "<timerEventDefini"
                                                                     "tion><"
                                                                     "timeDuration>PT0."
                                                                     "3S</"
                                                                     "timeDuration></"
                                                                     "timerEventDefinit"
                                                                     "ion>"
                                                                     "</"
                                                                     "intermediateCatch"
                                                                     "Event><"
                                                                     "businessRuleTask "
                                                                     "id='secret'><"
                                                                     "extensionElements"
                                                                     ">"
                                                                     "<qf:decision "
                                                                     "ref='Hidden' "
                                                                     "result='hidden' "
                                                                     "sealed='true'/></"
                                                                     "extensionElements"
                                                                     ">"
                                                                     "</"
                                                                     "businessRuleTask>"
                                                                     "<endEvent "
                                                                     "id='e1'/"
                                                                     "><endEvent "
                                                                     "id='e2'/"
                                                                     "><endEvent "
                                                                     "id='e3'/>"
                                                                     "<endEvent "
                                                                     "id='e4'/>" FLOW("f1", "s", "check") FLOW(
                                                                         "f2", "check",
                                                                         "rule") FLOW("f3", "rule",
                                                                                      "g") CONDITION("f-panel",
                                                                                                     "g",
                                                                                                     "panel",
                                                                                                     "way = "
                                                                                                     "\\\"panel"
                                                                                                     "\\\"")
                                                                         CONDITION(
                                                                             "f-"
                                                                             "sec"
                                                                             "re"
                                                                             "t",
                                                                             "g",
                                                                             "sec"
                                                                             "re"
                                                                             "t",
                                                                             "way"
                                                                             " = "
                                                                             "\\"
                                                                             "\"s"
                                                                             "ecr"
                                                                             "et"
                                                                             "\\"
                                                                             "\"") FLOW("f-"
                                                                                        "wait",
                                                                                        "g",
                                                                                        "w") FLOW("f4",
                                                                                                  "panel",
                                                                                                  "v")
                                                                             FLOW("yes", "v", "each") FLOW(
                                                                                 "n"
                                                                                 "o",
                                                                                 "v",
                                                                                 "e"
                                                                                 "1") FLOW("f5",
                                                                                           "eac"
                                                                                           "h",
                                                                                           "sig"
                                                                                           "n")
                                                                                 FLOW("f6", "w", "w1") FLOW(
                                                                                     "f7", "w",
                                                                                     "w2") FLOW("f"
                                                                                                "8",
                                                                                                "w"
                                                                                                "1",
                                                                                                "si"
                                                                                                "g"
                                                                                                "n")
                                                                                     FLOW("f9", "w2", "sign") FLOW(
                                                                                         "f10",
                                                                                         "sign",
                                                                                         "e2") FLOW("f11", "late",
                                                                                                    "count")
                                                                                         FLOW("f"
                                                                                              "1"
                                                                                              "2",
                                                                                              "c"
                                                                                              "o"
                                                                                              "u"
                                                                                              "n"
                                                                                              "t",
                                                                                              "e"
                                                                                              "3")
                                                                                             FLOW(
                                                                                                 "f"
                                                                                                 "1"
                                                                                                 "3",
                                                                                                 "s"
                                                                                                 "e"
                                                                                                 "c"
                                                                                                 "r"
                                                                                                 "e"
                                                                                                 "t",
                                                                                                 "e"
                                                                                                 "4") "</process></definitions>";

#define INPUT(id, name)                                                                            \
    "<inputData id='" id "' name='" name "'><variable name='" name                                 \
    "' typeRef='number'/></inputData>"
static const char rules[] =
    "<definitions xmlns='https://www.omg.org/spec/DMN/20230324/MODEL/' id='r' name='r' "
    "namespace='t'>" INPUT("i1", "n") INPUT(
        "i2",
        "income") "<decision id='d1' name='Way'><variable name='Way' "
                  "typeRef='string'/><informationRequirement "
                  "id='q1'><requiredInput href='#i1'/></informationRequirement><literalExpression "
                  "id='x1'><text>"
                  "if n &lt; 0 then null else if n &gt; 90 then string(sum(for i in 1..1000000 "
                  "return i)) "
                  "else [\\\"panel\\\", \\\"wait\\\", \\\"secret\\\"][modulo(n, 3) + 1]</text>"
                  "</literalExpression></decision>"
                  "<decision id='d2' name='Hidden'><variable name='Hidden' typeRef='number'/>"
                  "<informationRequirement id='q2'><requiredInput "
                  "href='#i2'/></informationRequirement>"
                  "<literalExpression id='x2'><text>income * "
                  "2</text></literalExpression></decision>"
                  "</definitions>";

static unsigned pick(struct qf_ledger_testing *t, unsigned below)
{
    return (unsigned)qf_ledger_testing_pick(t, below);
}

/* Tasks of a case are numbered from 1 as they come up. */
static unsigned task_number(struct qf_ledger_testing *t)
{
    return 1 + (pick(t, 2) == 0 ? pick(t, 2) : pick(t, 8));
}

static void put_package(struct qf_buf *out, unsigned version)
{
    qf_buf_printf(out,
                  "{\"files\":{\"process.bpmn\":\"%s\",\"rules.dmn\":\"%s\"},\"id\":\"sim\","
                  "\"manifest\":{\"fields\":{\"hidden\":{\"type\":\"number\"},"
                  "\"income\":{\"sealed\":true,\"type\":\"number\"},\"late\":{\"type\":\"number\"},"
                  "\"n\":{\"type\":\"number\"},\"way\":{\"type\":\"string\"}},\"participants\":["
                  "{\"members\":[\"a\",\"b\"],\"role\":\"desk\"},"
                  "{\"kinds\":[\"authority\",\"court\",\"enterprise\"],\"role\":\"panel\"}]},"
                  "\"version\":\"%u\"}",
                  process, rules, version);
}

/* Parts and proposal of a version in one transaction. */
static void put_deployment(struct qf_ledger_testing *t, struct qf_buf *out, unsigned version)
{
    struct qf_buf package = {0}, base64 = {0};
    uint8_t hash[QF_HASH_SIZE];
    char hex[2 * QF_HASH_SIZE + 1] = {0};
    put_package(&package, version);
    qf_hash(qf_suite_hash(t->world->suite), hash, qf_buf_slice(&package));
    qf_hex_encode(hex, qf_slice_make(hash, sizeof hash));
    qf_buf_put_base64(&base64, qf_buf_slice(&package));
    const char *alg = qf_hash_alg_name(qf_suite_hash(t->world->suite));
    qf_buf_printf(out,
                  "{\"op\":\"service.part\",\"hash\":\"%s:%s\",\"part\":0,\"data\":\"%s\"},"
                  "{\"op\":\"consortium.propose\",\"proposal\":\"v%u\",\"action\":{\"do\":"
                  "\"service.deploy\",\"service\":\"sim\",\"version\":\"%u\",\"member\":\"a\","
                  "\"hash\":\"%s:%s\"}}",
                  alg, hex, qf_buf_text(&base64), version, version, alg, hex);
    qf_buf_deinit(&package);
    qf_buf_deinit(&base64);
}

static void put_vote(struct qf_buf *out, const char *proposal)
{
    qf_buf_printf(out, "{\"op\":\"consortium.vote\",\"proposal\":\"%s\",\"choice\":\"yes\"}",
                  proposal);
}

static void put_complete(struct qf_ledger_testing *t, struct qf_buf *out, unsigned id)
{
    static const char *const data[] = {
        "\"n\":%u",
        ("\"n\":%u,\"income\":\"sha-256:"
         "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\""),
        "\"n\":\"%u\",\"late\":null", "\"n\":%u,\"income\":5"};
    unsigned kind = pick(t, 8), n = pick(t, 12) == 0 ? 95 : pick(t, 9);
    qf_buf_printf(out, "{\"op\":\"service.task.complete\",\"case\":\"c%u\",\"task\":%u", id,
                  task_number(t));
    if (kind < 4) {
        qf_buf_put_text(out, ",\"data\":{");
        /* NOLINTNEXTLINE(clang-diagnostic-format-nonliteral): one of the texts above */
        char text[160];
        snprintf(text, sizeof text, "%.*s%u%s", (int)(strchr(data[kind], '%') - data[kind]),
                 data[kind], n, strchr(data[kind], '%') + 2);
        qf_buf_put_text(out, text);
        qf_buf_put_text(out, "}");
    } else if (kind < 7) {
        qf_buf_printf(out, ",\"flows\":[\"%s\"]", pick(t, 3) == 0 ? "no" : "yes");
    }
    qf_buf_put_text(out, "}");
}

static void put_decision(struct qf_ledger_testing *t, struct qf_buf *out, unsigned id,
                         int64_t now_ms)
{
    qf_buf_printf(out,
                  "{\"op\":\"service.decision.record\",\"case\":\"c%u\",\"task\":%u,\"inputs\":{"
                  "\"income\":\"sha-256:"
                  "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\"},"
                  "\"outcome\":%s,\"time\":%lld,\"trace\":\"sha-256:"
                  "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\"}",
                  id, task_number(t), pick(t, 4) == 0 ? "\"x\"" : "7", (long long)now_ms - 5000);
}

static void put_op(struct qf_ledger_testing *t, struct qf_buf *out, int64_t now_ms)
{
    static const char *const verbs[] = {"claim", "release"};
    unsigned newest = (unsigned)t->made / 12;
    unsigned id = newest - pick(t, newest < 3 ? newest + 1 : 3);
    switch (pick(t, 12)) {
    case 0:
    case 1:
        qf_buf_printf(out, "{\"op\":\"service.case.open\",\"service\":\"sim\",\"case\":\"c%u\"}",
                      newest);
        break;
    case 3:
        qf_buf_printf(out, "{\"op\":\"service.task.%s\",\"case\":\"c%u\",\"task\":%u}",
                      verbs[pick(t, 2)], id, task_number(t));
        break;
    case 4:
        qf_buf_printf(out, "{\"op\":\"service.case.message\",\"case\":\"c%u\",\"name\":\"more\"}",
                      id);
        break;
    case 5:
        put_decision(t, out, id, now_ms);
        break;
    case 6:
        qf_buf_printf(out,
                      "{\"op\":\"service.task.delegate\",\"case\":\"c%u\",\"task\":%u,\"to\":"
                      "\"root\"}",
                      id, task_number(t));
        break;
    case 7:
        if (pick(t, 4) == 0) {
            qf_buf_printf(out, "{\"op\":\"service.case.withdraw\",\"case\":\"c%u\"}", id);
            break;
        }
        put_complete(t, out, id);
        break;
    default:
        put_complete(t, out, id);
    }
}

static void put_council(struct qf_ledger_testing *t, struct qf_buf *out)
{
    unsigned proposal = pick(t, 5);
    char id[16];
    snprintf(id, sizeof id, "s%u", proposal);
    if (proposal > 2)
        snprintf(id, sizeof id, "m%u", (unsigned)t->made / 60);
    if (proposal > 2 && pick(t, 3) == 0)
        qf_buf_printf(out,
                      "{\"op\":\"consortium.propose\",\"proposal\":\"%s\",\"action\":{\"do\":"
                      "\"service.migrate\",\"service\":\"sim\",\"from\":\"%u\",\"to\":\"%u\"}}",
                      id, 1 + proposal % 2, 2 - proposal % 2);
    else if (pick(t, 3) == 0)
        qf_buf_printf(out,
                      "{\"op\":\"consortium.propose\",\"proposal\":\"%s\",\"action\":{\"do\":"
                      "\"service.%s\",\"service\":\"sim\"}}",
                      id, proposal % 2 == 0 ? "suspend" : "resume");
    else
        put_vote(out, id);
}

struct qf_slice qf_ledger_testing_next_service(struct qf_ledger_testing *t, int64_t now_ms)
{
    struct qf_buf ops = {0};
    unsigned signer = pick(t, 15) == 0 ? pick(t, QF_TESTING_KEYS) : pick(t, 3);
    qf_buf_put_text(&ops, "[");
    if (t->made < 6) { /* two versions, one after the other */
        unsigned version = 1 + (unsigned)t->made / 3;
        char id[16];
        snprintf(id, sizeof id, "v%u", version);
        signer = t->made % 3 == 2 ? 1 : 0;
        if (t->made % 3 == 0)
            put_deployment(t, &ops, version);
        else
            put_vote(&ops, id);
    } else if (t->made % 12 == 6) { /* every case is opened, sooner or later */
        signer = 0;
        qf_buf_printf(&ops, "{\"op\":\"service.case.open\",\"service\":\"sim\",\"case\":\"c%u\"}",
                      (unsigned)t->made / 12);
    } else if (pick(t, 12) == 0) {
        put_council(t, &ops);
    } else {
        unsigned count = pick(t, 6) == 0 ? 3 : 1;
        for (unsigned i = 0; i < count; i++) {
            if (i > 0)
                qf_buf_put_text(&ops, ",");
            put_op(t, &ops, now_ms);
        }
    }
    qf_buf_put_text(&ops, "]");
    struct qf_slice jws = qf_testing_sign(t->world, signer, now_ms / 1000 + 600,
                                          qf_testing_json(t->world, "%s", qf_buf_text(&ops)));
    qf_buf_deinit(&ops);
    t->made++;
    return jws;
}
