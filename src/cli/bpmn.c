/* qifeng bpmn check|roundtrip: what a model is, and whether it can be executed. */
#include <stdio.h>
#include <string.h>

#include "bpmn/check.h"
#include "bpmn/feel.h"
#include "cli/bpmn.h"
#include "cli/cli.h"

static const struct qf_cli_help help = {
    "qifeng bpmn check|roundtrip [--json] FILE",
    "check says whether a model can be executed and is sound. It exits with 0 when it can, 1 when "
    "it\n"
    "was imported but has elements that cannot be executed, or mistakes (each is named with line "
    "and\n"
    "id), or when it is no BPMN model. roundtrip imports the model, writes it to standard output "
    "and\n"
    "compares the two.",
    "  qifeng bpmn check process.bpmn\n"
    "  qifeng bpmn roundtrip process.bpmn > again.bpmn\n",
};

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
        qf_cli_print_json(&report);
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
    return QF_EXIT_REFUSED;
}

static int check(struct qf_arena *arena, struct qf_slice input, const char *path, bool json)
{
    struct qf_bpmn_model model;
    struct qf_bpmn_program program;
    struct qf_bpmn_feel feel = {0};
    struct qf_bpmn_soundness soundness;
    struct qf_error err = {0};
    if (qf_bpmn_import(arena, &model, input, &err) != QF_OK)
        return refuse(path, &err, json);
    qf_bpmn_feel_init_lenient(&feel, arena, &model);
    qf_bpmn_prepare(&program, &model, qf_bpmn_feel_expr(&feel));
    qf_bpmn_check(&program, &model, NULL, 0, &soundness);
    print_report(&model, &soundness, path, json);
    return qf_bpmn_obstacles(&model) == 0 ? QF_EXIT_OK : QF_EXIT_REFUSED;
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
        qf_cli_print_json(&report);
    } else {
        fwrite(written.data, 1, written.size, stdout);
    }
    if (!equal)
        fprintf(stderr, "%s: %s: %s\n", path, err.field, err.detail);
    return equal ? QF_EXIT_OK : QF_EXIT_REFUSED;
}

int qf_cmd_bpmn(int argc, char **argv)
{
    bool json = false;
    int count = 0;
    enum qf_exit code = QF_EXIT_OK;
    const struct qf_cli_option options[] = {
        {"--json", NULL, "one JSON document instead of lines", NULL, &json},
    };
    if (!qf_cli_parse(&help, options, sizeof options / sizeof options[0], argc, argv, &count,
                      &code))
        return (int)code;
    bool is_check = count == 2 && strcmp(argv[0], "check") == 0;
    if (!is_check && (count != 2 || strcmp(argv[0], "roundtrip") != 0))
        return (int)qf_cli_usage("%s", help.usage);
    struct qf_arena arena = {0};
    struct qf_slice file;
    struct qf_error err = {0};
    int result;
    if (qf_cli_read(&arena, argv[1], QF_BPMN_SIZE_MAX, &file, &err) != QF_OK)
        result = (int)qf_cli_error(&err);
    else
        result =
            is_check ? check(&arena, file, argv[1], json) : roundtrip(&arena, file, argv[1], json);
    qf_arena_deinit(&arena);
    return result;
}
