/* qifeng rules check, eval and tck. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cli/cli.h"
#include "cli/rules.h"
#include "crypto/hash.h"

#define MODELS_MAX 64
#define INPUT_SIZE_MAX ((size_t)16 << 20)

struct options {
    const char *models[MODELS_MAX];
    uint32_t model_count;
    const char *decision;
    const char *input;
    const char *results;
    const char *zone;
    const char *now;
    bool trace;
    bool json;
    bool verbose;
};

/* ---- problems ---- */

struct problems {
    struct qf_buf json;
    uint32_t errors;
    uint32_t warnings;
    bool as_json;
    bool quiet; /* warnings are not said */
};

static void on_problem(void *self, const struct qf_dmn_problem *problem)
{
    struct problems *p = self;
    if (problem->error)
        p->errors++;
    else
        p->warnings++;
    if (p->as_json) {
        qf_buf_put_text(&p->json, p->json.size == 0 ? "" : ",");
        qf_buf_printf(&p->json, "{\"column\":%u,\"element\":", problem->column);
        qf_json_write_string(&p->json, qf_slice_of(problem->element));
        qf_buf_put_text(&p->json, ",\"file\":");
        qf_json_write_string(&p->json, qf_slice_of(problem->file));
        qf_buf_printf(&p->json, ",\"line\":%u,\"message\":", problem->line);
        qf_json_write_string(&p->json, qf_slice_of(problem->message));
        qf_buf_printf(&p->json, ",\"severity\":\"%s\"}", problem->error ? "error" : "warning");
    } else if (problem->error || !p->quiet) {
        fprintf(stderr, "%s:%u:%u: %s: %s%s%s\n", problem->file, problem->line, problem->column,
                problem->error ? "error" : "warning", problem->element,
                problem->element[0] == '\0' ? "" : ": ", problem->message);
    }
}

static enum qf_status load(struct qf_arena *arena, const struct options *options,
                           struct problems *problems, struct qf_dmn_model **model,
                           struct qf_error *err)
{
    struct qf_dmn_file files[MODELS_MAX];
    struct qf_dmn_reporter reporter = {on_problem, problems};
    for (uint32_t i = 0; i < options->model_count; i++) {
        files[i].name = options->models[i];
        enum qf_status status =
            qf_cli_read(arena, options->models[i], QF_DMN_SIZE_MAX, &files[i].bytes, err);
        if (status != QF_OK)
            return status;
    }
    return qf_dmn_compile(arena, model, files, options->model_count, &reporter, err);
}

static int check(const struct options *options)
{
    struct qf_arena arena;
    struct qf_error err = {0};
    struct qf_dmn_model *model = NULL;
    struct problems problems = {.as_json = options->json};
    qf_arena_init(&arena, 0);
    int code = 0;
    if (load(&arena, options, &problems, &model, &err) != QF_OK) {
        code = (int)qf_cli_error(&err);
        if (options->json)
            printf("{\"ready\":false}\n");
    } else {
        code = problems.errors == 0 ? 0 : 1;
        if (options->json)
            printf("{\"problems\":[%s],\"ready\":%s}\n", qf_buf_text(&problems.json),
                   code == 0 ? "true" : "false");
        else
            printf("%s: %u errors, %u warnings\n", code == 0 ? "ready" : "not ready",
                   problems.errors, problems.warnings);
    }
    qf_buf_deinit(&problems.json);
    qf_arena_deinit(&arena);
    return code;
}

/* ---- eval ---- */

/* "; it has "A", "B"" for a refusal: the model's own elements of a kind. */
static const char *names_of(struct qf_arena *arena, const struct qf_dmn_model *model,
                            enum qf_dmn_kind kind)
{
    struct qf_buf names = {0};
    const struct qf_dmn_element *e = NULL;
    for (uint32_t i = 0; (e = qf_dmn_at(model, i)) != NULL && names.size < 120; i++)
        if (qf_dmn_kind(e) == kind)
            qf_buf_printf(&names, "%s\"%.*s\"", names.size == 0 ? "; it has " : ", ",
                          QF_SLICE_ARGS(qf_dmn_name(e)));
    const char *kept = qf_arena_text(arena, qf_buf_slice(&names));
    qf_buf_deinit(&names);
    return kept;
}

static enum qf_status read_inputs(struct qf_arena *arena, const struct options *options,
                                  const struct qf_dmn_model *model, struct qf_dmn_input **out,
                                  uint32_t *count, struct qf_error *err)
{
    struct qf_slice bytes = qf_slice_of("{}");
    struct qf_json json;
    enum qf_status status = QF_OK;
    *count = 0;
    if (options->input != NULL)
        status = qf_cli_read(arena, options->input, INPUT_SIZE_MAX, &bytes, err);
    if (status == QF_OK)
        status = qf_json_parse(arena, &json, bytes, QF_JSON_ANY_NUMBER, err);
    if (status != QF_OK)
        return status;
    if (json.type != QF_JSON_OBJECT)
        return qf_fail(err, QF_MALFORMED, "", "the input is a JSON object of the model's inputs");
    *out = QF_ARENA_ARRAY(arena, struct qf_dmn_input, json.count);
    for (uint32_t i = 0; i < json.count; i++) {
        struct qf_slice name = json.members[i].key;
        const struct qf_dmn_element *element =
            qf_dmn_find(model, qf_slice_make(NULL, 0), QF_DMN_INPUT, name);
        if (element == NULL)
            element = qf_dmn_find(model, qf_slice_make(NULL, 0), QF_DMN_DECISION, name);
        if (element == NULL)
            return qf_fail(err, QF_BAD_FIELD, "", "the model has no input \"%.*s\"%s",
                           QF_SLICE_ARGS(name), names_of(arena, model, QF_DMN_INPUT));
        struct qf_dmn_input *input = &(*out)[(*count)++];
        input->element = element;
        if (!qf_dmn_value_from_json(arena, &input->value, &json.members[i].value,
                                    qf_dmn_type(element), err)) {
            qf_error_within(err, "%.*s", QF_SLICE_ARGS(name));
            return QF_BAD_FIELD;
        }
    }
    return QF_OK;
}

static void put_warnings(struct qf_buf *buf, const struct qf_feel_result *result)
{
    qf_buf_put_text(buf, ",\"warnings\":[");
    for (uint32_t i = 0; i < result->warning_count; i++) {
        const struct qf_feel_warning *w = &result->warnings[i];
        qf_buf_printf(buf, "%s{\"column\":%u,\"line\":%u,\"message\":", i > 0 ? "," : "", w->column,
                      w->line);
        qf_json_write_string(buf, qf_slice_of(w->message));
        qf_buf_put_byte(buf, '}');
    }
    qf_buf_put_text(buf, "]");
}

static void print_result(const struct options *options, const struct qf_dmn_result *result)
{
    struct qf_buf out = {0};
    struct qf_buf trace = {0};
    if (result->trace != NULL)
        qf_dmn_trace_write(&trace, result->trace);
    if (options->json) {
        qf_buf_printf(&out, "{\"steps\":%llu", (unsigned long long)result->feel.steps);
        if (result->trace != NULL) {
            uint8_t hash[QF_HASH_SIZE];
            qf_hash(QF_HASH_SHA256, hash, qf_buf_slice(&trace));
            qf_buf_put_text(&out, ",\"trace\":");
            qf_buf_put_slice(&out, qf_buf_slice(&trace));
            qf_buf_put_text(&out, ",\"trace_hash\":\"sha-256:");
            for (size_t i = 0; i < sizeof hash; i++)
                qf_buf_printf(&out, "%02x", hash[i]);
            qf_buf_put_byte(&out, '"');
        }
        qf_buf_put_text(&out, ",\"value\":");
        qf_feel_write_json(&out, &result->feel.value);
        put_warnings(&out, &result->feel);
        qf_buf_put_byte(&out, '}');
    } else {
        qf_feel_write(&out, &result->feel.value, true);
        for (uint32_t i = 0; i < result->feel.warning_count; i++)
            fprintf(stderr, "line %u, column %u: %s\n", result->feel.warnings[i].line,
                    result->feel.warnings[i].column, result->feel.warnings[i].message);
        if (result->trace != NULL) {
            qf_buf_put_byte(&out, '\n');
            qf_buf_put_slice(&out, qf_buf_slice(&trace));
        }
    }
    puts(qf_buf_text(&out));
    qf_buf_deinit(&out);
    qf_buf_deinit(&trace);
}

static enum qf_status run_eval(struct qf_arena *arena, const struct options *options,
                               struct qf_error *err)
{
    struct qf_dmn_model *model = NULL;
    struct problems problems = {.quiet = true};
    struct qf_dmn_input *inputs = NULL;
    struct qf_dmn_result result;
    uint32_t count = 0;
    enum qf_status status = load(arena, options, &problems, &model, err);
    if (status != QF_OK)
        return status;
    const struct qf_dmn_element *decision =
        qf_dmn_find(model, qf_slice_make(NULL, 0), QF_DMN_DECISION, qf_slice_of(options->decision));
    if (decision == NULL)
        return qf_fail(err, QF_NOT_FOUND, "", "the model has no decision \"%s\"%s",
                       options->decision, names_of(arena, model, QF_DMN_DECISION));
    status = read_inputs(arena, options, model, &inputs, &count, err);
    if (status != QF_OK)
        return status;
    struct qf_feel_world world = {
        .now_seconds = options->now == NULL ? (int64_t)time(NULL) : strtoll(options->now, NULL, 10),
        .zone = options->zone == NULL ? (struct qf_slice){NULL, 0} : qf_slice_of(options->zone),
    };
    struct qf_dmn_options how = {&world, options->trace};
    status = qf_dmn_evaluate(model, decision, arena, &how, inputs, count, &result, err);
    if (status == QF_OK)
        print_result(options, &result);
    return status;
}

static int eval(const struct options *options)
{
    struct qf_arena arena;
    struct qf_error err = {0};
    qf_arena_init(&arena, 0);
    enum qf_status status = run_eval(&arena, options, &err);
    qf_arena_deinit(&arena);
    return status == QF_OK ? QF_EXIT_OK : (int)qf_cli_error(&err);
}

/* ---- the command ---- */

static const struct qf_cli_help help = {
    "qifeng rules check|eval|tck …",
    "check MODEL.dmn [IMPORTED.dmn …]   what is wrong, with file, line and column\n"
    "  eval MODEL.dmn --decision NAME    what it decides for the inputs, and why\n"
    "  tck DIR                           runs tests of the public conformance kit's form",
    "  qifeng rules check eligibility.dmn\n"
    "  qifeng rules eval eligibility.dmn --decision Eligibility --input case.json --trace\n"
    "  qifeng rules tck test/data/dmn-tck\n"};

int qf_cmd_rules(int argc, char **argv)
{
    struct options o = {0};
    const struct qf_cli_option options[] = {
        {"--decision", "NAME", "eval: the decision's name", &o.decision, NULL},
        {"--input", "FILE.json", "eval: an object with a member for each input", &o.input, NULL},
        {"--trace", NULL, "eval: also the rules that matched, as canonical JSON", NULL, &o.trace},
        {"--zone", "NAME", "eval: zone of now() and today() (default: UTC)", &o.zone, NULL},
        {"--now", "SECONDS", "eval: the time it is, in Unix seconds (default: the clock's)", &o.now,
         NULL},
        {"--results", "OUT.xml", "tck: all results as XML", &o.results, NULL},
        {"--verbose", NULL, "tck: every failure, every file", NULL, &o.verbose},
        {"--json", NULL, "one JSON document on standard output", NULL, &o.json},
    };
    int count = 0;
    enum qf_exit code = QF_EXIT_OK;
    if (!qf_cli_parse(&help, options, sizeof options / sizeof options[0], argc, argv, &count,
                      &code))
        return (int)code;
    if (count < 2 || count > MODELS_MAX)
        return (int)qf_cli_usage("usage: %s; --help says more", help.usage);
    for (int i = 1; i < count; i++)
        o.models[o.model_count++] = argv[i];
    if (strcmp(argv[0], "check") == 0)
        return check(&o);
    if (strcmp(argv[0], "eval") == 0 && o.decision != NULL)
        return eval(&o);
    if (strcmp(argv[0], "tck") == 0 && count == 2)
        return qf_rules_tck(o.models[0], o.results, o.verbose);
    if (strcmp(argv[0], "eval") == 0)
        return (int)qf_cli_usage("qifeng rules eval needs --decision NAME; --help says more");
    return (int)qf_cli_usage("usage: %s; --help says more", help.usage);
}
