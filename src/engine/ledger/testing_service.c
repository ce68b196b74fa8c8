/* A stream of transactions on two services of one network, whose cases interleave and send each
 * other messages: packages are deployed by vote, one of them in two versions, then cases are
 * opened, worked on, messaged and withdrawn at random, well and badly, while time lets timers fire.
 */
#include <stdio.h>

#include "codec/text.h"
#include "engine/ledger/testing.h"

/* clang-format off */
#define BPMN                                                                                       \
    "<definitions xmlns='http://www.omg.org/spec/BPMN/20100524/MODEL' "                            \
    "xmlns:qf='https://qifeng.dev/bpmn/1' targetNamespace='t'><message id='m' name='more'/>"       \
    "<process id='p' isExecutable='true'>"
#define TASK(id, role, more)                                                                       \
    "<userTask id='" id "'><extensionElements><qf:who role='" role "' " more                       \
    "</extensionElements></userTask>"
#define TELL(id)                                                                                   \
    "<sendTask id='" id "' messageRef='m'><extensionElements><qf:to case='=other'/>"               \
    "</extensionElements></sendTask>"
#define MESSAGE(id)                                                                                \
    "<intermediateCatchEvent id='" id "'><messageEventDefinition messageRef='m'/>"                 \
    "</intermediateCatchEvent>"
#define AFTER(id, duration)                                                                        \
    "<intermediateCatchEvent id='" id "'><timerEventDefinition><timeDuration>" duration            \
    "</timeDuration></timerEventDefinition></intermediateCatchEvent>"
#define END(id) "<endEvent id='" id "'/>"
#define FLOW(id, from, to) "<sequenceFlow id='" id "' sourceRef='" from "' targetRef='" to "'/>"
#define CONDITION(id, from, to, text)                                                              \
    "<sequenceFlow id='" id "' sourceRef='" from "' targetRef='" to "'><conditionExpression>" text \
    "</conditionExpression></sequenceFlow>"

/* check ─> decision ─┬─> panel (2 of 3) ─> choice ─┬─> each (parallel, some) ─┐
 *                    │                             └──> end                   │
 *                    ├─> wait (a message, or time) ───────────────────> sign ─┴─> tell a case
 *                    └─> sealed decision ─> end     sign: four eyes, deadline, reminders */
static const char sim_process[] =
    BPMN
    "<laneSet id='l'><lane id='desk'><flowNodeRef>s</flowNodeRef><flowNodeRef>secret</flowNodeRef>"
    "</lane></laneSet>"
    "<startEvent id='s'/>"
    TASK("check", "desk", "/>")
    "<businessRuleTask id='rule'><extensionElements><qf:decision ref='Way' result='way'/>"
    "</extensionElements></businessRuleTask>"
    "<exclusiveGateway id='g' default='f-wait'/>"
    TASK("panel", "panel", "approvals='2' of='3'/>")
    "<exclusiveGateway id='v'/>"
    "<userTask id='each'><extensionElements><qf:who role='panel'/>"
    "<qf:loop collection='=for i in 1..n return i' item='x'/></extensionElements>"
    "<multiInstanceLoopCharacteristics/></userTask>"
    TASK("sign", "desk",
         "separate='check'/><qf:deadline days='0' calendar='calendar' then='approved'/>")
    "<boundaryEvent id='late' attachedToRef='sign' cancelActivity='false'><timerEventDefinition>"
    "<timeCycle>R3/PT0.2S</timeCycle></timerEventDefinition></boundaryEvent>"
    "<scriptTask id='count'><extensionElements><qf:result variable='late'/></extensionElements>"
    "<script>if late = null then 1 else late + 1</script></scriptTask>"
    "<eventBasedGateway id='w'/>" MESSAGE("w1") AFTER("w2", "PT0.3S")
    "<businessRuleTask id='secret'><extensionElements><qf:decision ref='Hidden' result='hidden' "
    "sealed='true'/></extensionElements></businessRuleTask>"
    TELL("tell")
    END("e1") END("e2") END("e3") END("e4")
    FLOW("f1", "s", "check") FLOW("f2", "check", "rule") FLOW("f3", "rule", "g")
    CONDITION("f-panel", "g", "panel", "way = \\\"panel\\\"")
    CONDITION("f-secret", "g", "secret", "way = \\\"secret\\\"")
    FLOW("f-wait", "g", "w") FLOW("f4", "panel", "v") FLOW("yes", "v", "each") FLOW("no", "v", "e1")
    FLOW("f5", "each", "sign") FLOW("f6", "w", "w1") FLOW("f7", "w", "w2") FLOW("f8", "w1", "sign")
    FLOW("f9", "w2", "sign") FLOW("f10", "sign", "tell") FLOW("f14", "tell", "e2")
    FLOW("f11", "late", "count") FLOW("f12", "count", "e3") FLOW("f13", "secret", "e4")
    "</process></definitions>";

static const char sim_rules[] =
    "<definitions xmlns='https://www.omg.org/spec/DMN/20230324/MODEL/' id='r' name='r' "
    "namespace='t'>"
    "<inputData id='i1' name='n'><variable name='n' typeRef='number'/></inputData>"
    "<inputData id='i2' name='income'><variable name='income' typeRef='number'/></inputData>"
    "<decision id='d1' name='Way'><variable name='Way' typeRef='string'/>"
    "<informationRequirement id='q1'><requiredInput href='#i1'/></informationRequirement>"
    "<literalExpression id='x1'><text>if n &lt; 0 then null else if n &gt; 90 then "
    "string(sum(for i in 1..1000000 return i)) else "
    "[\\\"panel\\\", \\\"wait\\\", \\\"secret\\\"][modulo(n, 3) + 1]</text>"
    "</literalExpression></decision>"
    "<decision id='d2' name='Hidden'><variable name='Hidden' typeRef='number'/>"
    "<informationRequirement id='q2'><requiredInput href='#i2'/></informationRequirement>"
    "<literalExpression id='x2'><text>income * 2</text></literalExpression></decision>"
    "</definitions>";

/* review (not forever) ─> tell another case ─> a message, or time ─> record, or not ─> close */
static const char aid_process[] =
    BPMN
    "<startEvent id='s'/>"
    TASK("review", "desk", "/>")
    "<boundaryEvent id='over' attachedToRef='review'><timerEventDefinition><timeDuration>PT0.4S"
    "</timeDuration></timerEventDefinition></boundaryEvent>"
    TELL("tell")
    "<eventBasedGateway id='w'/>" MESSAGE("w1") AFTER("w2", "PT0.1S")
    "<serviceTask id='record'><extensionElements><qf:op name='evidence.record'>"
    "<qf:field name='attributes' value='={n: if n = null then 0 else n}'/>"
    "<qf:field name='hash' value='=digest'/><qf:field name='id' value='proof'/></qf:op>"
    "</extensionElements></serviceTask><boundaryEvent id='oops' attachedToRef='record'>"
    "<errorEventDefinition/></boundaryEvent>"
    TASK("close", "panel", "approvals='1' of='2'/>")
    END("e1") END("e2")
    FLOW("f1", "s", "review") FLOW("f2", "review", "tell") FLOW("f3", "tell", "w")
    FLOW("f4", "w", "w1") FLOW("f5", "w", "w2") FLOW("f6", "w1", "record") FLOW("f7", "w2", "record")
    FLOW("f10", "record", "close") FLOW("f11", "oops", "close") FLOW("f8", "close", "e1") FLOW("f9", "over", "e2")
    "</process></definitions>";

#define MANIFEST                                                                                   \
    "\"messages\":{\"more\":{\"services\":[\"aid\",\"sim\"]}},\"participants\":["                  \
    "{\"members\":[\"a\",\"b\"],\"role\":\"desk\"},"                                               \
    "{\"kinds\":[\"authority\",\"court\",\"enterprise\"],\"role\":\"panel\"}]}"
static const char sim_manifest[] =
    "{\"fields\":{\"hidden\":{\"type\":\"number\"},"
    "\"income\":{\"sealed\":true,\"type\":\"number\"},\"late\":{\"type\":\"number\"},"
    "\"n\":{\"type\":\"number\"},\"other\":{\"type\":\"string\"},"
    "\"way\":{\"type\":\"string\"}}," MANIFEST;
static const char aid_manifest[] =
    "{\"capabilities\":[\"evidence\"],\"fields\":{\"digest\":{\"type\":\"string\"},"
    "\"n\":{\"type\":\"number\"},\"other\":{\"type\":\"string\"}}," MANIFEST;
/* clang-format on */

/* What is deployed, in this order; three transactions each. */
static const struct deployment {
    const char *service, *proposal, *version;
    const char *process, *rules, *manifest, *capabilities;
} deployments[] = {
    {"sim", "v1", "1", sim_process, sim_rules, sim_manifest, ""},
    {"aid", "a1", "1", aid_process, NULL, aid_manifest, "\"evidence\""},
    {"sim", "v2", "2", sim_process, sim_rules, sim_manifest, ""},
};
#define DEPLOYMENTS (sizeof deployments / sizeof deployments[0])
#define DEPLOYMENT_TXS 3
#define MIGRATION_EVERY 40u /* transactions */

static unsigned pick(struct qf_ledger_testing *t, unsigned below)
{
    return (unsigned)qf_ledger_testing_pick(t, below);
}

/* Tasks of a case are numbered from 1 as they come up. */
static unsigned task_number(struct qf_ledger_testing *t)
{
    return 1 + (pick(t, 3) > 0 ? pick(t, 2) : pick(t, 6));
}

static void put_package(struct qf_buf *out, const struct deployment *what)
{
    qf_buf_printf(out, "{\"files\":{\"process.bpmn\":\"%s\"", what->process);
    if (what->rules != NULL)
        qf_buf_printf(out, ",\"rules.dmn\":\"%s\"", what->rules);
    qf_buf_printf(out, "},\"id\":\"%s\",\"manifest\":%s,\"version\":\"%s\"}", what->service,
                  what->manifest, what->version);
}

/* Parts and proposal of a version in one transaction. */
static void put_deployment(struct qf_ledger_testing *t, struct qf_buf *out,
                           const struct deployment *what)
{
    struct qf_buf package = {0}, base64 = {0};
    uint8_t hash[QF_HASH_SIZE];
    char hex[2 * QF_HASH_SIZE + 1] = {0};
    put_package(&package, what);
    qf_hash(qf_suite_hash(t->world->suite), hash, qf_buf_slice(&package));
    qf_hex_encode(hex, qf_slice_make(hash, sizeof hash));
    qf_buf_put_base64(&base64, qf_buf_slice(&package));
    const char *alg = qf_hash_alg_name(qf_suite_hash(t->world->suite));
    qf_buf_printf(out,
                  "{\"op\":\"service.part\",\"hash\":\"%s:%s\",\"part\":0,\"data\":\"%s\"},"
                  "{\"op\":\"consortium.propose\",\"proposal\":\"%s\",\"action\":{\"do\":"
                  "\"service.deploy\",\"service\":\"%s\",\"version\":\"%s\",\"member\":\"a\","
                  "\"capabilities\":[%s],\"hash\":\"%s:%s\"}}",
                  alg, hex, qf_buf_text(&base64), what->proposal, what->service, what->version,
                  what->capabilities, alg, hex);
    qf_buf_deinit(&package);
    qf_buf_deinit(&base64);
}

static void put_vote(struct qf_buf *out, const char *proposal)
{
    qf_buf_printf(out, "{\"op\":\"consortium.vote\",\"proposal\":\"%s\",\"choice\":\"yes\"}",
                  proposal);
}

#define HEX "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

/* A case by its name: c0, c1 … of service sim, d0, d1 … of service aid. */
struct target {
    char kind;
    unsigned number;
};

/* Of service sim, `income` is sealed: text is a commitment, anything else is refused. */
static void put_data(struct qf_ledger_testing *t, struct qf_buf *out)
{
    unsigned n = pick(t, 12) == 0 ? 95 : pick(t, 9);
    const char *alg = qf_hash_alg_name(qf_suite_hash(t->world->suite));
    switch (pick(t, 5)) {
    case 0:
        qf_buf_printf(out, "{\"income\":\"%s:" HEX "\",\"n\":%u}", alg, n);
        break;
    case 1:
        qf_buf_printf(out, "{\"late\":null,\"n\":\"%u\"}", n);
        break;
    case 2:
        qf_buf_printf(out, "{\"income\":5,\"n\":%u}", n);
        break;
    default:
        qf_buf_printf(out, "{\"n\":%u,\"other\":\"%c%u\"}", n, pick(t, 2) == 0 ? 'c' : 'd',
                      pick(t, (unsigned)t->made / 12 + 1));
    }
}

static void put_complete(struct qf_ledger_testing *t, struct qf_buf *out, struct target target)
{
    unsigned kind = pick(t, 8);
    qf_buf_printf(out, "{\"op\":\"service.task.complete\",\"case\":\"%c%u\",\"task\":%u",
                  target.kind, target.number, task_number(t));
    if (kind < 5) {
        qf_buf_put_text(out, ",\"data\":");
        put_data(t, out);
    } else if (kind < 7) {
        qf_buf_printf(out, ",\"flows\":[\"%s\"]", pick(t, 3) == 0 ? "no" : "yes");
    }
    qf_buf_put_text(out, "}");
}

static void put_decision(struct qf_ledger_testing *t, struct qf_buf *out, struct target target,
                         int64_t now_ms)
{
    const char *alg = qf_hash_alg_name(qf_suite_hash(t->world->suite));
    qf_buf_printf(out,
                  "{\"op\":\"service.decision.record\",\"case\":\"%c%u\",\"task\":%u,\"inputs\":{"
                  "\"income\":\"%s:" HEX "\"},\"outcome\":%s,\"time\":%lld,"
                  "\"trace\":\"sha-256:" HEX "\"}",
                  target.kind, target.number, task_number(t), alg, pick(t, 4) == 0 ? "\"x\"" : "7",
                  (long long)now_ms - 5000);
}

static void put_open(struct qf_ledger_testing *t, struct qf_buf *out, struct target target)
{
    qf_buf_printf(out,
                  "{\"op\":\"service.case.open\",\"service\":\"%s\",\"case\":\"%c%u\",\"data\":{"
                  "\"other\":\"%c%u\"",
                  target.kind == 'c' ? "sim" : "aid", target.kind, target.number,
                  target.kind == 'c' ? 'd' : 'c', target.number + pick(t, 2));
    /* What is recorded of it; some are refused. */
    if (target.kind == 'd')
        qf_buf_printf(out, ",\"digest\":\"%s:%s\"",
                      qf_hash_alg_name(qf_suite_hash(t->world->suite)),
                      pick(t, 4) == 0 ? "00" : HEX);
    qf_buf_put_text(out, "}}");
}

static void put_op(struct qf_ledger_testing *t, struct qf_buf *out, int64_t now_ms)
{
    static const char *const verbs[] = {"claim", "release"};
    unsigned newest = (unsigned)t->made / 12, back = pick(t, 8), task;
    back = back == 0 ? 0 : back < 6 ? 1 : 2; /* most are there already, and not ended yet */
    struct target target = {pick(t, 3) == 0 ? 'd' : 'c', newest - (back < newest ? back : newest)};
    switch (pick(t, 12)) {
    case 0:
    case 1:
        put_open(t, out, (struct target){target.kind, newest});
        break;
    case 3:
        qf_buf_printf(out, "{\"op\":\"service.task.%s\",\"case\":\"%c%u\",\"task\":%u}",
                      verbs[pick(t, 2)], target.kind, target.number, task_number(t));
        break;
    case 4:
        qf_buf_printf(out, "{\"op\":\"service.case.message\",\"case\":\"%c%u\",\"name\":\"more\"}",
                      target.kind, target.number);
        break;
    case 5:
        put_decision(t, out, target, now_ms);
        break;
    case 6: /* whoever claims it may hand it on */
        task = task_number(t);
        qf_buf_printf(out,
                      "{\"op\":\"service.task.claim\",\"case\":\"%c%u\",\"task\":%u},"
                      "{\"op\":\"service.task.delegate\",\"case\":\"%c%u\",\"task\":%u,\"to\":"
                      "\"root\"}",
                      target.kind, target.number, task, target.kind, target.number, task);
        break;
    case 7:
        if (pick(t, 4) == 0) {
            qf_buf_printf(out, "{\"op\":\"service.case.withdraw\",\"case\":\"%c%u\"}", target.kind,
                          target.number);
            break;
        }
        put_complete(t, out, target);
        break;
    default:
        put_complete(t, out, target);
    }
}

static void put_council(struct qf_ledger_testing *t, struct qf_buf *out)
{
    unsigned proposal = pick(t, 3);
    char id[16];
    snprintf(id, sizeof id, "s%u", proposal);
    if (pick(t, 3) == 0)
        qf_buf_printf(out,
                      "{\"op\":\"consortium.propose\",\"proposal\":\"%s\",\"action\":{\"do\":"
                      "\"service.%s\",\"service\":\"%s\"}}",
                      id, proposal % 2 == 0 ? "suspend" : "resume",
                      pick(t, 3) == 0 ? "aid" : "sim");
    else
        put_vote(out, id);
}

/* Cases go from one version to the other and back: a proposal, and the votes for it. */
static void put_migration(struct qf_ledger_testing *t, struct qf_buf *out, unsigned part)
{
    unsigned number = (unsigned)t->made / MIGRATION_EVERY;
    char id[16];
    snprintf(id, sizeof id, "m%u", number);
    if (part == 0)
        qf_buf_printf(out,
                      "{\"op\":\"consortium.propose\",\"proposal\":\"%s\",\"action\":{\"do\":"
                      "\"service.migrate\",\"service\":\"sim\",\"from\":\"%u\",\"to\":\"%u\"}}",
                      id, 1 + number % 2, 2 - number % 2);
    else
        put_vote(out, id);
}

struct qf_slice qf_ledger_testing_next_service(struct qf_ledger_testing *t, int64_t now_ms)
{
    struct qf_buf ops = {0};
    unsigned signer = pick(t, 15) == 0 ? pick(t, QF_TESTING_KEYS) : pick(t, 3);
    unsigned turn = (unsigned)t->made % 12;
    qf_buf_put_text(&ops, "[");
    if (t->made < DEPLOYMENTS * DEPLOYMENT_TXS) {
        const struct deployment *what = &deployments[t->made / DEPLOYMENT_TXS];
        signer = t->made % DEPLOYMENT_TXS == 2 ? 1 : 0;
        if (t->made % DEPLOYMENT_TXS == 0)
            put_deployment(t, &ops, what);
        else
            put_vote(&ops, what->proposal);
    } else if (turn == 6 || turn == 10) { /* a case of each is opened, sooner or later */
        signer = 0;
        put_open(t, &ops, (struct target){turn == 6 ? 'c' : 'd', (unsigned)t->made / 12});
    } else if (t->made % MIGRATION_EVERY >= MIGRATION_EVERY - 3) {
        unsigned part = (unsigned)(t->made % MIGRATION_EVERY) - (MIGRATION_EVERY - 3);
        signer = part == 2 ? 1 : 0;
        put_migration(t, &ops, part);
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
