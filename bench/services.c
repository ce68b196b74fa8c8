#include "services.h"

#include <stdio.h>

#include "codec/text.h"

/* Numbers of the three tasks within a case: scopes and waits share one series, 0 is the case. */
static const int task_numbers[SERVICES_TASKS] = {1, 2, 3};

static const char process_head[] =
    "<definitions xmlns=\"http://www.omg.org/spec/BPMN/20100524/MODEL\" "
    "xmlns:qf=\"https://qifeng.dev/bpmn/1\" targetNamespace=\"https://qifeng.dev/bench\">"
    "<process id=\"course\" name=\"Course\" isExecutable=\"true\"><laneSet id=\"lanes\">"
    "<lane id=\"desk\" name=\"Desk\"><extensionElements><qf:lane role=\"desk\"/>"
    "</extensionElements>";
static const char process_tail[] =
    "<exclusiveGateway id=\"size\" default=\"f-small\"/><endEvent id=\"end\"/>"
    "<sequenceFlow id=\"f1\" sourceRef=\"start\" targetRef=\"apply\"/>"
    "<sequenceFlow id=\"f2\" sourceRef=\"apply\" targetRef=\"size\"/>"
    "<sequenceFlow id=\"f-large\" sourceRef=\"size\" targetRef=\"review\">"
    "<conditionExpression>amount &gt; 1000</conditionExpression></sequenceFlow>"
    "<sequenceFlow id=\"f-small\" sourceRef=\"size\" targetRef=\"sign\"/>"
    "<sequenceFlow id=\"f3\" sourceRef=\"review\" targetRef=\"sign\"/>"
    "<sequenceFlow id=\"f4\" sourceRef=\"sign\" targetRef=\"end\"/></process></definitions>";

static void put_process(struct qf_buf *out, int days)
{
    static const char *const nodes[] = {"start", "apply", "size", "review", "sign", "end"};
    static const char *const tasks[] = {"apply", "review", "sign"};
    qf_buf_put_text(out, process_head);
    for (size_t i = 0; i < sizeof nodes / sizeof nodes[0]; i++)
        qf_buf_printf(out, "<flowNodeRef>%s</flowNodeRef>", nodes[i]);
    qf_buf_put_text(out, "</lane></laneSet><startEvent id=\"start\"/>");
    for (size_t i = 0; i < SERVICES_TASKS; i++) {
        qf_buf_printf(out, "<userTask id=\"%s\" name=\"Task %s\">", tasks[i], tasks[i]);
        if (days > 0)
            qf_buf_printf(out,
                          "<extensionElements><qf:deadline days=\"%d\" calendar=\"working\" "
                          "then=\"escalate\" to=\"head\"/></extensionElements>",
                          days);
        qf_buf_put_text(out, "</userTask>");
    }
    qf_buf_put_text(out, process_tail);
}

static void put_package(struct qf_buf *out, const char *id, int days)
{
    struct qf_buf process = {0};
    put_process(&process, days);
    qf_buf_put_text(out, "{\"files\":{\"process.bpmn\":");
    qf_json_write_string(out, qf_buf_slice(&process));
    qf_buf_printf(out,
                  "},\"id\":\"%s\",\"manifest\":{\"fields\":{\"amount\":{\"type\":\"number\"},"
                  "\"clerk\":{\"type\":\"string\"},\"granted\":{\"type\":\"boolean\"}},"
                  "\"participants\":[{\"members\":[\"planning\"],\"role\":\"desk\"},"
                  "{\"members\":[\"planning\"],\"role\":\"head\"}]},\"version\":\"1\"}",
                  id);
    qf_buf_deinit(&process);
}

int services_deploy(struct network *network, const char *id, int days)
{
    struct qf_buf package = {0};
    struct qf_buf ops = {0};
    uint8_t hash[QF_HASH_SIZE];
    char hex[2 * QF_HASH_SIZE + 1] = "";
    put_package(&package, id, days);
    qf_hash(qf_suite_hash(network->suite), hash, qf_buf_slice(&package));
    qf_hex_encode(hex, qf_slice_make(hash, sizeof hash));
    const char *alg = qf_hash_alg_name(qf_suite_hash(network->suite));
    qf_buf_printf(&ops, "[{\"op\":\"service.part\",\"hash\":\"%s:%s\",\"part\":0,\"data\":\"", alg,
                  hex);
    qf_buf_put_base64(&ops, qf_buf_slice(&package));
    qf_buf_printf(
        &ops,
        "\"},{\"op\":\"consortium.propose\",\"proposal\":\"deploy-%s\",\"action\":{\"do\":"
        "\"service.deploy\",\"hash\":\"%s:%s\",\"member\":\"planning\",\"service\":"
        "\"%s\",\"version\":\"1\"}},"
        "{\"op\":\"consortium.vote\",\"proposal\":\"deploy-%s\",\"choice\":\"yes\"}]",
        id, alg, hex, id, id);
    int failed = network_submit(network, qf_buf_text(&ops));
    qf_buf_deinit(&package);
    qf_buf_deinit(&ops);
    return failed;
}

static struct qf_json case_id(struct qf_arena *arena, const char *service, uint64_t number)
{
    return qf_json_make_text(
        qf_arena_printf(arena, "%s-2026-%08llu", service, (unsigned long long)number));
}

static struct qf_json data_of(struct qf_arena *arena, uint64_t number, int task)
{
    static const char *const names[] = {"Li Wei", "Wang Fang", "Zhang Min", "Liu Yang"};
    struct qf_json data = qf_json_make_object();
    qf_json_put(arena, &data, "amount", qf_json_make_int(1001 + (int64_t)(number % 9000)));
    qf_json_put(arena, &data, "clerk", qf_json_make_text(names[(number + (uint64_t)task) % 4]));
    qf_json_put(arena, &data, "granted", (struct qf_json){.type = QF_JSON_TRUE});
    return data;
}

static void add_op(struct qf_arena *arena, struct qf_json *ops, const struct services_work *work,
                   uint64_t number)
{
    static const char *const names[] = {"service.case.open", "service.task.claim",
                                        "service.task.complete"};
    struct qf_json op = qf_json_make_object();
    qf_json_put(arena, &op, "case", case_id(arena, work->service, number));
    if (work->step == SERVICES_COMPLETE)
        qf_json_put(arena, &op, "data", data_of(arena, number, work->task));
    qf_json_put(arena, &op, "op", qf_json_make_text(names[work->step]));
    if (work->step == SERVICES_OPEN)
        qf_json_put(arena, &op, "service", qf_json_make_text(work->service));
    else
        qf_json_put(arena, &op, "task", qf_json_make_int(task_numbers[work->task]));
    qf_json_append(arena, ops, op);
}

void services_ops(void *arg, struct qf_arena *arena, struct qf_json *ops, uint64_t number)
{
    const struct services_work *work = arg;
    add_op(arena, ops, work, work->first_case + number);
}

void services_course_ops(void *arg, struct qf_arena *arena, struct qf_json *ops, uint64_t number)
{
    const struct services_course *course = arg;
    struct services_work work = {.service = course->service};
    for (uint64_t i = 0; i < course->cases; i++) {
        uint64_t at = course->first_case + number * course->cases + i;
        work.step = SERVICES_OPEN;
        add_op(arena, ops, &work, at);
        work.step = SERVICES_COMPLETE;
        for (work.task = 0; work.task < course->tasks; work.task++)
            add_op(arena, ops, &work, at);
        work.step = SERVICES_CLAIM;
        if (course->claim_every > 0 && at % course->claim_every == 0)
            add_op(arena, ops, &work, at);
    }
}
