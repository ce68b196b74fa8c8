/* qifeng service check DIR: ready, or everything that is wrong. */
#include <stdio.h>

#include "cli/service.h"
#include "service/inspect.h"

static void print_problem(const struct qf_folder *folder, const struct qf_folder_problem *p)
{
    printf("%s/%s:", folder->dir, p->file);
    if (p->line > 0)
        printf("%u:", p->line);
    if (p->column > 0)
        printf("%u:", p->column);
    printf(" %s: %s%s%s\n", p->error ? "error" : "warning", p->element,
           p->element[0] != '\0' ? ": " : "", p->text);
}

static struct qf_json problem_json(struct qf_arena *arena, const struct qf_folder_problem *p)
{
    struct qf_json item = qf_json_make_object();
    if (p->column > 0)
        qf_json_put(arena, &item, "column", qf_json_make_int(p->column));
    qf_json_put(arena, &item, "element", qf_json_make_text(p->element));
    qf_json_put(arena, &item, "file", qf_json_make_text(p->file));
    if (p->line > 0)
        qf_json_put(arena, &item, "line", qf_json_make_int(p->line));
    qf_json_put(arena, &item, "severity", qf_json_make_text(p->error ? "error" : "warning"));
    qf_json_put(arena, &item, "text", qf_json_make_text(p->text));
    return item;
}

static void print_json(struct qf_folder *folder)
{
    struct qf_arena *arena = &folder->arena;
    struct qf_json report = qf_json_make_object(), list = qf_json_make_array();
    char hash[80], sm3[80];
    for (const struct qf_folder_problem *p = folder->problems; p != NULL; p = p->next)
        qf_json_append(arena, &list, problem_json(arena, p));
    qf_json_put(arena, &report, "errors", qf_json_make_int(folder->errors));
    if (folder->errors == 0) {
        qf_folder_hash(folder, QF_HASH_SHA256, hash);
        qf_folder_hash(folder, QF_HASH_SM3, sm3);
        qf_json_put(arena, &report, "hash", qf_json_make_text(hash));
        qf_json_put(arena, &report, "hash_sm3", qf_json_make_text(sm3));
        qf_json_put(arena, &report, "size", qf_json_make_int((int64_t)folder->package.size));
    }
    qf_json_put(arena, &report, "problems", list);
    qf_json_put(arena, &report, "ready", qf_json_make_bool(folder->errors == 0));
    qf_json_put(arena, &report, "service", qf_json_make_text(qf_folder_text(folder, "id")));
    qf_json_put(arena, &report, "version", qf_json_make_text(qf_folder_text(folder, "version")));
    qf_json_put(arena, &report, "warnings", qf_json_make_int(folder->warnings));
    qf_cli_print_json(&report);
}

static void print_ready(const struct qf_folder *folder)
{
    const struct qf_bpmn_model *bpmn = &folder->model->bpmn;
    unsigned tasks = 0;
    for (uint16_t i = 0; i < bpmn->node_count; i++)
        tasks += qf_bpmn_is_human(&bpmn->nodes[i]);
    char hash[80], sm3[80];
    qf_folder_hash(folder, QF_HASH_SHA256, hash);
    qf_folder_hash(folder, QF_HASH_SM3, sm3);
    printf("%s: ready: %s %s, %u tasks of people, %u roles, %u fields; package of %zu bytes\n"
           "  %s\n  %s (of a network of suite gm)\n",
           folder->dir, qf_folder_text(folder, "id"), qf_folder_text(folder, "version"), tasks,
           folder->model->participants->count, folder->model->field_count, folder->package.size,
           hash, sm3);
}

enum qf_exit qf_service_cli_check(const struct qf_service_request *request, const char *dir)
{
    struct qf_folder folder;
    struct qf_error err = {0};
    enum qf_status status = qf_folder_read(&folder, dir, &err);
    if (status == QF_OK)
        qf_inspect(&folder);
    bool ready = status == QF_OK && folder.errors == 0;
    if (status == QF_OK && request->json) {
        print_json(&folder);
    } else if (status == QF_OK) {
        for (const struct qf_folder_problem *p = folder.problems; p != NULL; p = p->next)
            print_problem(&folder, p);
        if (folder.errors + folder.warnings > QF_FOLDER_PROBLEMS_MAX)
            printf("and more; only %d are listed\n", QF_FOLDER_PROBLEMS_MAX);
        if (ready)
            print_ready(&folder);
        else
            printf("%s: not ready: %u errors, %u warnings\n", dir, folder.errors, folder.warnings);
    }
    qf_folder_deinit(&folder);
    if (status != QF_OK)
        return qf_cli_error(&err);
    return ready ? QF_EXIT_OK : QF_EXIT_REFUSED;
}

enum qf_status qf_service_cli_ready(struct qf_folder *folder, const char *dir, struct qf_error *err)
{
    enum qf_status status = qf_folder_read(folder, dir, err);
    if (status != QF_OK)
        return status;
    qf_inspect(folder);
    if (folder->errors == 0)
        return QF_OK;
    const struct qf_folder_problem *p = folder->problems;
    while (p != NULL && !p->error)
        p = p->next;
    char line[24] = "";
    if (p != NULL && p->line > 0)
        snprintf(line, sizeof line, "line %u: ", p->line);
    if (p != NULL)
        return qf_fail(err, QF_REFUSED, p->file,
                       "%s%s%s%.160s (one of %u errors; see qifeng service check)", line,
                       p->element, p->element[0] != '\0' ? ": " : "", p->text, folder->errors);
    return qf_fail(err, QF_REFUSED, dir, "is not ready; see qifeng service check");
}
