#include "kernel/service/testing.h"

#include <stdio.h>
#include <stdlib.h>

#include "codec/text.h"

static _Noreturn void stop(const char *what, const char *detail)
{
    fprintf(stderr, "%s: %s\n", what, detail);
    abort();
}

struct qf_testing_world *qf_service_testing_world(void)
{
    struct qf_testing_world *world = qf_testing_new(QF_SUITE_INTL);
    qf_testing_found(world);
    static const struct {
        unsigned admin, key;
        const char *actor;
        const char *roles;
    } people[] = {
        {QF_ADMIN_A, QF_CLERK, "li", "\"clerk\""},
        {QF_ADMIN_A, QF_CLERK_2, "wang", "\"chief\",\"clerk\""},
        {QF_ADMIN_A, QF_GUEST, "guest", ""},
        {QF_ADMIN_B, QF_EXPERT, "zhao", "\"clerk\""},
        {QF_ADMIN_B, QF_EXPERT_2, "qian", "\"clerk\""},
        {QF_ADMIN_C, QF_CLERK_C, "sun", "\"clerk\""},
    };
    for (size_t i = 0; i < sizeof people / sizeof people[0]; i++)
        qf_testing_expect(world, QF_OK, "", people[i].admin,
                          "[{\"op\":\"identity.key.add\",\"actor\":\"%s\",\"key\":%s,"
                          "\"roles\":[%s]}]",
                          people[i].actor, world->jwk[people[i].key], people[i].roles);
    return world;
}

struct qf_slice qf_service_testing_package(struct qf_testing_world *world,
                                           const struct qf_service_package *package)
{
    struct qf_arena *arena = &world->arena;
    struct qf_json json = qf_json_make_object(), files = qf_json_make_object();
    const char *process =
        qf_arena_printf(arena,
                        "<definitions xmlns='http://www.omg.org/spec/BPMN/20100524/MODEL' "
                        "xmlns:qf='https://qifeng.dev/bpmn/1' targetNamespace='t'>%s"
                        "</definitions>",
                        package->process);
    qf_json_put(arena, &files, "process.bpmn", qf_json_make_text(process));
    if (package->rules != NULL) {
        const char *rules = qf_arena_printf(
            arena,
            "<definitions xmlns='https://www.omg.org/spec/DMN/20230324/MODEL/' id='r' name='r' "
            "namespace='https://qifeng.dev/test'>%s</definitions>",
            package->rules);
        qf_json_put(arena, &files, "rules.dmn", qf_json_make_text(rules));
    }
    if (package->form != NULL)
        qf_json_put(arena, &files, "schemas/form.json",
                    *qf_testing_json(world, "%s", package->form));
    qf_json_put(arena, &json, "files", files);
    qf_json_put(arena, &json, "id", qf_json_make_text(package->id));
    qf_json_put(arena, &json, "manifest", *qf_testing_json(world, "%s", package->manifest));
    qf_json_put(arena, &json, "version", qf_json_make_text(package->version));
    struct qf_buf text = {0};
    qf_json_write(&text, &json);
    struct qf_slice bytes = qf_arena_copy(arena, qf_buf_slice(&text));
    qf_buf_deinit(&text);
    return bytes;
}

struct qf_receipt qf_service_testing_propose(struct qf_testing_world *world,
                                             const struct qf_service_package *package,
                                             const char *capabilities)
{
    struct qf_slice bytes = qf_service_testing_package(world, package);
    uint8_t hash[QF_HASH_SIZE];
    char hex[2 * QF_HASH_SIZE + 1] = {0};
    qf_hash(qf_suite_hash(world->suite), hash, bytes);
    qf_hex_encode(hex, qf_slice_make(hash, sizeof hash));
    for (size_t at = 0, part = 0; at < bytes.size; at += QF_SERVICE_PART_SIZE_MAX, part++) {
        size_t left = bytes.size - at;
        struct qf_buf text = {0};
        qf_buf_put_base64(&text, qf_slice_make(bytes.data + at, left < QF_SERVICE_PART_SIZE_MAX
                                                                    ? left
                                                                    : QF_SERVICE_PART_SIZE_MAX));
        qf_testing_expect(world, QF_OK, "", QF_ADMIN_A,
                          "[{\"op\":\"service.part\",\"hash\":\"sha-256:%s\",\"part\":%zu,"
                          "\"data\":\"%s\"}]",
                          hex, part, qf_buf_text(&text));
        qf_buf_deinit(&text);
    }
    return qf_testing_run(world, QF_ADMIN_A,
                          "[{\"op\":\"consortium.propose\",\"proposal\":\"%s-%s\",\"action\":"
                          "{\"do\":\"service.deploy\",\"capabilities\":[%s],\"service\":\"%s\","
                          "\"version\":\"%s\",\"member\":\"a\",\"hash\":\"sha-256:%s\"}}]",
                          package->id, package->version, capabilities, package->id,
                          package->version, hex);
}

void qf_service_testing_vote(struct qf_testing_world *world, const char *proposal)
{
    for (unsigned admin = QF_ADMIN_A; admin <= QF_ADMIN_B; admin++)
        qf_testing_expect(world, QF_OK, "", admin,
                          "[{\"op\":\"consortium.vote\",\"proposal\":\"%s\",\"choice\":\"yes\"}]",
                          proposal);
}

void qf_service_testing_deploy(struct qf_testing_world *world,
                               const struct qf_service_package *package)
{
    struct qf_receipt receipt = qf_service_testing_propose(world, package, "");
    if (receipt.code != QF_OK)
        stop(package->id, receipt.problem.detail);
    qf_service_testing_vote(world,
                            qf_arena_printf(&world->arena, "%s-%s", package->id, package->version));
}

void qf_service_testing_refused(struct qf_testing_world *world,
                                const struct qf_service_package *package, const char *words)
{
    struct qf_receipt receipt = qf_service_testing_propose(world, package, "");
    if (receipt.code == QF_OK || strstr(receipt.problem.detail, words) == NULL)
        stop(words, receipt.code == QF_OK ? "was taken" : receipt.problem.detail);
}

unsigned qf_service_testing_task_at(struct qf_testing_world *world, const char *role,
                                    const char *id, const char *node)
{
    return qf_testing_task_at(world, role, id, node);
}

unsigned qf_service_testing_task(struct qf_testing_world *world, const char *role, const char *id)
{
    return qf_service_testing_task_at(world, role, id, NULL);
}

const struct qf_json *qf_service_testing_case(struct qf_testing_world *world, const char *id)
{
    const char *text =
        qf_testing_value(world, qf_arena_printf(&world->arena, "service/case/%s", id));
    if (text == NULL)
        stop(id, "there is no such case");
    return qf_testing_json(world, "%s", text);
}

const struct qf_json *qf_service_testing_variable(struct qf_testing_world *world, const char *id,
                                                  const char *name)
{
    struct qf_state_reader reader = qf_testing_reader(world);
    struct qf_json *out = QF_ARENA_NEW(&world->arena, struct qf_json);
    if (!qf_query_case(&reader, &world->arena, out, qf_slice_of(id)))
        stop(id, "there is no such case");
    return qf_json_get(qf_json_get(out, "data"), name);
}

void qf_service_testing_status(struct qf_testing_world *world, const char *id, const char *status)
{
    if (!qf_json_is_text(qf_json_get(qf_service_testing_case(world, id), "status"), status))
        stop(id, status);
}

void qf_service_testing_wait(struct qf_testing_world *world, int64_t after_ms)
{
    world->block.time_ms += after_ms;
    qf_testing_begin(world);
    qf_testing_end(world, false);
}
