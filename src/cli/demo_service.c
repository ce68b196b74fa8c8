#include "cli/demo_service.h"

#include <stdio.h>
#include <sys/stat.h>

#include "cli/remote.h"
#include "cli/service.h"

#define ACTORS_MAX 64
#define STEPS_MIN 2

struct demo {
    struct qf_remote remote;
    struct qf_folder folder;
    const char *dir;
    const struct qf_json *scenario;
    struct qf_private_key *keys[ACTORS_MAX];
    struct qf_private_key *admin;
    uint32_t cases;
};

static enum qf_status act(struct demo *demo, struct qf_private_key *key, struct qf_json op,
                          struct qf_error *err)
{
    demo->remote.key = key;
    enum qf_status status = qf_remote_send(&demo->remote, op, err);
    demo->remote.key = NULL;
    return status;
}

static enum qf_status make_key(struct demo *demo, uint32_t i, struct qf_error *err)
{
    const struct qf_json *actors = qf_json_get(demo->scenario, "actors");
    const struct qf_json_member *actor = &actors->members[i];
    const struct qf_json *roles = qf_json_get(&actor->value, "roles");
    char *path = qf_arena_printf(&demo->remote.arena, "%s/clerks/%.*s.pem", demo->dir,
                                 QF_SLICE_ARGS(actor->key));
    enum qf_status status = qf_private_key_generate(&demo->keys[i], QF_ALG_ES256, err);
    if (status == QF_OK)
        status = qf_private_key_save(demo->keys[i], path, (struct qf_slice){0}, err);
    if (status != QF_OK)
        return status;
    struct qf_public_key public;
    struct qf_json op = qf_json_make_object();
    struct qf_arena *arena = &demo->remote.arena;
    qf_private_key_public(demo->keys[i], &public);
    qf_json_put(arena, &op, "actor", qf_json_make_slice(actor->key));
    qf_json_put(arena, &op, "key", qf_public_key_to_jwk(arena, &public));
    qf_json_put(arena, &op, "op", qf_json_make_text("identity.key.add"));
    qf_json_put(arena, &op, "roles", roles != NULL ? *roles : qf_json_make_array());
    return act(demo, demo->admin, op, err);
}

static struct qf_private_key *key_of(const struct demo *demo, const struct qf_json *step)
{
    const struct qf_json *actors = qf_json_get(demo->scenario, "actors");
    const struct qf_json *by = qf_json_get(step, "by");
    for (uint32_t i = 0; by != NULL && i < actors->count && i < ACTORS_MAX; i++)
        if (qf_slice_equal(actors->members[i].key, qf_json_text(by)))
            return demo->keys[i];
    return NULL;
}

static enum qf_status put_data(struct demo *demo, struct qf_json *op, const struct qf_json *step,
                               const char *id, uint32_t number, struct qf_error *err)
{
    const struct qf_json *data = qf_json_get(step, "data"), *flows = qf_json_get(step, "choose");
    struct qf_arena *arena = &demo->remote.arena;
    struct qf_json out;
    const struct qf_remote_data from = {
        .values = data,
        .reveal = qf_arena_printf(arena, "%s/clerks/%s-%u.json", demo->dir, id, number)};
    if (flows != NULL)
        qf_json_put(arena, op, "flows", *flows);
    if (data == NULL)
        return QF_OK;
    enum qf_status status = qf_remote_data(&demo->remote, &out, &from, err);
    if (status == QF_OK)
        qf_json_put(arena, op, "data", out);
    return status;
}

static bool find_task(struct demo *demo, const char *id, const struct qf_json *node, int64_t *task)
{
    struct qf_json found;
    if (qf_remote_get(&demo->remote, &found, NULL, "/v1/cases/%s", id) != QF_OK)
        return false;
    const struct qf_json *tasks = qf_json_get(&found, "tasks");
    for (uint32_t i = 0; tasks != NULL && i < tasks->count; i++)
        if (qf_slice_equal(qf_json_text(qf_json_get(&tasks->items[i], "node")),
                           qf_json_text(node))) {
            *task = qf_json_get(&tasks->items[i], "task")->integer;
            return true;
        }
    return false;
}

/* Opening, claiming and completing; false for any other step, which ends what is played. */
static bool make_op(struct demo *demo, struct qf_json *op, const struct qf_json *step,
                    const char *id)
{
    struct qf_arena *arena = &demo->remote.arena;
    const struct qf_json *open = qf_json_get(step, "open"), *claim = qf_json_get(step, "claim"),
                         *complete = qf_json_get(step, "complete");
    int64_t task;
    if (open == NULL && claim == NULL && complete == NULL)
        return false;
    qf_json_put(arena, op, "case", qf_json_make_text(id));
    if (open != NULL) {
        qf_json_put(arena, op, "op", qf_json_make_text("service.case.open"));
        qf_json_put(arena, op, "service", qf_json_make_text(qf_folder_text(&demo->folder, "id")));
        return true;
    }
    if (!find_task(demo, id, claim != NULL ? claim : complete, &task))
        return false;
    qf_json_put(arena, op, "op",
                qf_json_make_text(claim != NULL ? "service.task.claim" : "service.task.complete"));
    qf_json_put(arena, op, "task", qf_json_make_int(task));
    return true;
}

static bool is_looking(const struct qf_json *step)
{
    return qf_json_get(step, "expect") != NULL || qf_json_get(step, "decided") != NULL ||
           qf_json_get(step, "refused") != NULL;
}

static enum qf_status play(struct demo *demo, const struct qf_json *course, uint32_t most,
                           struct qf_error *err)
{
    const struct qf_json *steps = qf_json_get(course, "steps");
    struct qf_arena *arena = &demo->remote.arena;
    char *id = qf_arena_printf(arena, "demo-%.*s", (int)qf_json_get(course, "name")->count,
                               qf_json_get(course, "name")->text);
    enum qf_status status = QF_OK;
    uint32_t done = 0;
    for (uint32_t i = 0; status == QF_OK && done < most && i < steps->count; i++) {
        const struct qf_json *step = &steps->items[i];
        struct qf_private_key *key = key_of(demo, step);
        struct qf_json op = qf_json_make_object();
        if (is_looking(step))
            continue;
        if (key == NULL || (done > 0 && qf_json_get(step, "open") != NULL) ||
            !make_op(demo, &op, step, id))
            break;
        status = put_data(demo, &op, step, id, i, err);
        if (status == QF_OK)
            status = act(demo, key, op, err);
        done++;
    }
    demo->cases += done > 0;
    return status;
}

static enum qf_status fill(struct demo *demo, struct qf_error *err)
{
    struct qf_slice id = qf_slice_of(qf_folder_text(&demo->folder, "id"));
    struct qf_slice version = qf_slice_of(qf_folder_text(&demo->folder, "version"));
    const struct qf_json *actors = qf_json_get(demo->scenario, "actors");
    const struct qf_json *courses = qf_json_get(demo->scenario, "scenarios");
    enum qf_status status = QF_OK;
    mkdir(qf_arena_printf(&demo->remote.arena, "%s/clerks", demo->dir), 0700);
    for (uint32_t i = 0; status == QF_OK && i < actors->count && i < ACTORS_MAX; i++)
        status = make_key(demo, i, err);
    if (status == QF_OK)
        status = qf_remote_service(&demo->remote, id, version, err);
    for (uint32_t i = 0; status == QF_OK && i < courses->count; i++)
        status = play(demo, &courses->items[i], STEPS_MIN + i % 4, err);
    return status;
}

enum qf_status qf_demo_service(const char *dir, const char *url, const char *services,
                               uint32_t *cases, struct qf_error *err)
{
    struct demo demo = {.dir = dir};
    struct qf_json there;
    *cases = 0;
    enum qf_status status = qf_service_cli_ready(&demo.folder, services, err);
    enum qf_status opened = qf_remote_open(&demo.remote, url, NULL, NULL, "en", err);
    if (status == QF_OK)
        status = opened;
    bool new_one = status == QF_OK && qf_remote_get(&demo.remote, &there, NULL, "/v1/services/%s",
                                                    qf_folder_text(&demo.folder, "id")) != QF_OK;
    if (new_one) {
        char *path = qf_arena_printf(&demo.remote.arena, "%s/keys/admin.pem", dir);
        demo.scenario = &demo.folder.scenario.yaml.value;
        status = qf_cli_load_key(&demo.admin, path, NULL, err);
        demo.remote.key = demo.admin;
        if (status == QF_OK)
            status = qf_service_cli_put(&demo.remote, &demo.folder, err);
        demo.remote.key = NULL;
        if (status == QF_OK)
            status = fill(&demo, err);
    }
    *cases = demo.cases;
    for (size_t i = 0; i < ACTORS_MAX; i++)
        qf_private_key_free(demo.keys[i]);
    qf_private_key_free(demo.admin);
    qf_remote_close(&demo.remote);
    qf_folder_deinit(&demo.folder);
    return status;
}
