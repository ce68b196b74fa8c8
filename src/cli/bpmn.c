/* qifeng bpmn check|roundtrip: what a model is, and whether it can be executed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bpmn/check.h"
#include "cli/bpmn.h"

#define EXIT_USAGE 2
#define EXIT_ENVIRONMENT 3

static const char usage[] =
    "usage: qifeng bpmn check [--json] FILE      is the model executable and sound?\n"
    "       qifeng bpmn roundtrip [--json] FILE  import, write to standard output, compare\n"
    "\n"
    "check exits with 0 when the model can be executed, 1 when it was imported but has elements\n"
    "that cannot be executed, or mistakes (each is named with line and id), or is no BPMN model.\n"
    "\n"
    "example: qifeng bpmn check process.bpmn\n";

static int read_file(struct qf_buf *buf, const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fputs("qifeng bpmn: ", stderr);
        perror(path);
        return EXIT_ENVIRONMENT;
    }
    qf_buf_init(buf, QF_BPMN_SIZE_MAX + 1);
    for (;;) {
        uint8_t *place = qf_buf_reserve(buf, 1);
        if (place == NULL)
            break;
        size_t got = fread(place, 1, buf->capacity - buf->size, file);
        if (got == 0)
            break;
        qf_buf_grow(buf, got);
    }
    int failed = ferror(file);
    fclose(file);
    if (failed) {
        fprintf(stderr, "qifeng bpmn: %s: cannot be read\n", path);
        return EXIT_ENVIRONMENT;
    }
    return 0;
}

static const char *severity_name(enum qf_bpmn_severity severity)
{
    static const char *const names[] = {
        [QF_BPMN_UNSUPPORTED] = "unsupported", [QF_BPMN_WRONG] = "wrong", [QF_BPMN_NOTE] = "note"};
    return names[severity];
}

static void put_problem_json(struct qf_arena *arena, struct qf_json *list,
                             const struct qf_bpmn_problem *problem)
{
    struct qf_json item = qf_json_make_object();
    qf_json_put(arena, &item, "severity", qf_json_make_text(severity_name(problem->severity)));
    qf_json_put(arena, &item, "element", qf_json_make_slice(problem->element));
    qf_json_put(arena, &item, "id", qf_json_make_slice(problem->id));
    qf_json_put(arena, &item, "line", qf_json_make_int(problem->line));
    qf_json_put(arena, &item, "text", qf_json_make_text(problem->text));
    qf_json_append(arena, list, item);
}

static void print_json(const struct qf_json *value)
{
    struct qf_buf buf = {0};
    qf_json_write(&buf, value);
    printf("%s\n", qf_buf_text(&buf));
    qf_buf_deinit(&buf);
}

static void print_report(struct qf_bpmn_model *model, const struct qf_bpmn_soundness *soundness,
                         const char *path, bool json)
{
    uint32_t obstacles = qf_bpmn_obstacles(model);
    if (json) {
        struct qf_json report = qf_json_make_object(), list = qf_json_make_array();
        for (const struct qf_bpmn_problem *p = model->problems; p != NULL; p = p->next)
            put_problem_json(model->arena, &list, p);
        qf_json_put(model->arena, &report, "executable", qf_json_make_bool(obstacles == 0));
        qf_json_put(model->arena, &report, "sound", qf_json_make_bool(soundness->sound));
        qf_json_put(model->arena, &report, "complete", qf_json_make_bool(soundness->complete));
        qf_json_put(model->arena, &report, "states", qf_json_make_int(soundness->states));
        qf_json_put(model->arena, &report, "elements", qf_json_make_int(model->element_count));
        qf_json_put(model->arena, &report, "nodes", qf_json_make_int(model->node_count));
        qf_json_put(model->arena, &report, "flows", qf_json_make_int(model->flow_count));
        qf_json_put(model->arena, &report, "lanes", qf_json_make_int(model->lane_count));
        qf_json_put(model->arena, &report, "problems", list);
        print_json(&report);
        return;
    }
    for (const struct qf_bpmn_problem *p = model->problems; p != NULL; p = p->next)
        printf("%s:%u: %s: <%.*s> %.*s: %s\n", path, p->line, severity_name(p->severity),
               (int)p->element.size, (const char *)p->element.data, (int)p->id.size,
               (const char *)p->id.data, p->text);
    printf("%s: %u elements, %u nodes, %u flows, %u lanes; %u states searched; ", path,
           model->element_count, model->node_count, model->flow_count, model->lane_count,
           soundness->states);
    if (obstacles == 0)
        printf("executable\n");
    else
        printf("%u of its parts stand against executing it\n", obstacles);
}

static int refuse(const char *path, const struct qf_error *err, bool json)
{
    if (json)
        printf("{\"executable\":false,\"imported\":false}\n");
    fprintf(stderr, "%s: %s: %s\n", path, err->field, err->detail);
    return 1;
}

static int check(struct qf_arena *arena, struct qf_slice input, const char *path, bool json)
{
    struct qf_bpmn_model model;
    struct qf_bpmn_program program;
    struct qf_bpmn_soundness soundness;
    struct qf_error err = {0};
    if (qf_bpmn_import(arena, &model, input, &err) != QF_OK)
        return refuse(path, &err, json);
    qf_bpmn_prepare(&program, &model, (struct qf_bpmn_expr){0});
    qf_bpmn_check(&program, &model, NULL, 0, &soundness);
    print_report(&model, &soundness, path, json);
    return qf_bpmn_obstacles(&model) == 0 ? 0 : 1;
}

static int roundtrip(struct qf_arena *arena, struct qf_slice input, const char *path, bool json)
{
    struct qf_bpmn_model first, second;
    struct qf_error err = {0};
    struct qf_buf out = {0};
    if (qf_bpmn_import(arena, &first, input, &err) != QF_OK)
        return refuse(path, &err, json);
    qf_bpmn_write(&out, &first);
    struct qf_slice written = qf_arena_copy(arena, qf_buf_slice(&out));
    qf_buf_deinit(&out);
    if (qf_bpmn_import(arena, &second, written, &err) != QF_OK)
        return refuse(path, &err, json);
    bool equal = qf_xml_equal(first.root, second.root, &err);
    if (json) {
        struct qf_json report = qf_json_make_object();
        qf_json_put(arena, &report, "equal", qf_json_make_bool(equal));
        qf_json_put(arena, &report, "elements", qf_json_make_int(second.element_count));
        qf_json_put(arena, &report, "lanes", qf_json_make_int(second.lane_count));
        print_json(&report);
    } else {
        fwrite(written.data, 1, written.size, stdout);
    }
    if (!equal)
        fprintf(stderr, "%s: %s: %s\n", path, err.field, err.detail);
    return equal ? 0 : 1;
}

int qf_cmd_bpmn(int argc, char **argv)
{
    const char *verb = argc > 1 ? argv[1] : "";
    const char *path = NULL;
    bool json = false;
    if (strcmp(verb, "--help") == 0 || strcmp(verb, "-h") == 0) {
        fputs(usage, stdout);
        return 0;
    }
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0)
            json = true;
        else if (path == NULL && argv[i][0] != '-')
            path = argv[i];
        else
            path = "";
    }
    bool is_check = strcmp(verb, "check") == 0;
    if ((!is_check && strcmp(verb, "roundtrip") != 0) || path == NULL || path[0] == '\0') {
        fputs(usage, stderr);
        return EXIT_USAGE;
    }
    struct qf_buf file = {0};
    int result = read_file(&file, path);
    if (result == 0) {
        struct qf_arena arena = {0};
        result = is_check ? check(&arena, qf_buf_slice(&file), path, json)
                          : roundtrip(&arena, qf_buf_slice(&file), path, json);
        qf_arena_deinit(&arena);
    }
    qf_buf_deinit(&file);
    return result;
}
