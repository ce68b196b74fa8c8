/* Decisions and expressions a second, on one core: compiled once, evaluated with inputs that are
 * random over the rules. A table has a number range, a string and a date comparison, two outputs,
 * hit policy UNIQUE. With a trace, it is also
 * written out as canonical JSON; "recorded" stops before that. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "benches.h"
#include "dmn/dmn.h"
#include "feel/number.h"
#include "feel/temporal.h"

#define INPUTS 4096

struct table {
    struct qf_arena arena;
    struct qf_dmn_model *model;
    const struct qf_dmn_element *decision;
    struct qf_dmn_input (*inputs)[3];
};

static uint32_t random_below(uint64_t *state, uint32_t limit)
{
    *state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (uint32_t)((*state >> 33) % limit);
}

/* Rules by tens of the number, three strings in turn, before or after a day. */
static void write_model(struct qf_buf *buf, uint32_t rules)
{
    static const char *const kinds[] = {"house", "flat", "land"};
    qf_buf_put_text(buf, "<definitions xmlns=\"https://www.omg.org/spec/DMN/20230324/MODEL/\" "
                         "namespace=\"bench\" name=\"bench\">"
                         "<inputData name=\"Area\" id=\"a\"><variable name=\"Area\" "
                         "typeRef=\"number\"/></inputData>"
                         "<inputData name=\"Kind\" id=\"k\"><variable name=\"Kind\" "
                         "typeRef=\"string\"/></inputData>"
                         "<inputData name=\"Filed\" id=\"f\"><variable name=\"Filed\" "
                         "typeRef=\"date\"/></inputData>"
                         "<decision name=\"Fee\" id=\"d\"><variable name=\"Fee\"/>");
    for (const char *id = "akf"; *id != '\0'; id++)
        qf_buf_printf(buf,
                      "<informationRequirement><requiredInput href=\"#%c\"/>"
                      "</informationRequirement>",
                      *id);
    qf_buf_put_text(buf, "<decisionTable id=\"t\" hitPolicy=\"UNIQUE\">"
                         "<input><inputExpression typeRef=\"number\"><text>Area</text>"
                         "</inputExpression></input>"
                         "<input><inputExpression typeRef=\"string\"><text>Kind</text>"
                         "</inputExpression></input>"
                         "<input><inputExpression typeRef=\"date\"><text>Filed</text>"
                         "</inputExpression></input>"
                         "<output name=\"fee\" typeRef=\"number\"/>"
                         "<output name=\"office\" typeRef=\"string\"/>"
                         "<annotation name=\"clause\"/>");
    for (uint32_t i = 0; i < rules; i++)
        qf_buf_printf(buf,
                      "<rule id=\"r%u\"><inputEntry><text>[%u..%u)</text></inputEntry>"
                      "<inputEntry><text>\"%s\"</text></inputEntry>"
                      "<inputEntry><text>%s date(\"2026-01-01\")</text></inputEntry>"
                      "<outputEntry><text>%u</text></outputEntry>"
                      "<outputEntry><text>\"office %u\"</text></outputEntry>"
                      "<annotationEntry><text>§ %u (1)</text></annotationEntry></rule>",
                      i, i / 6 * 10, i / 6 * 10 + 10, kinds[i % 3],
                      i % 6 < 3 ? "&lt;" : "&gt;=", i * 5, i % 7, i + 1);
    qf_buf_put_text(buf, "</decisionTable></decision></definitions>");
}

static void make_inputs(struct table *table, uint32_t rules)
{
    static const char *const kinds[] = {"house", "flat", "land"};
    static const char *const names[] = {"Area", "Kind", "Filed"};
    uint64_t state = rules;
    table->inputs = calloc(INPUTS, sizeof *table->inputs);
    QF_ASSERT(table->inputs != NULL);
    for (uint32_t i = 0; i < INPUTS; i++) {
        uint32_t rule = random_below(&state, rules);
        struct qf_dmn_input *in = table->inputs[i];
        for (int k = 0; k < 3; k++)
            in[k].element =
                qf_dmn_find(table->model, qf_slice_of(""), QF_DMN_INPUT, qf_slice_of(names[k]));
        in[0].value = qf_feel_int(rule / 6 * 10 + random_below(&state, 10));
        in[1].value = qf_feel_text(qf_slice_of(kinds[rule % 3]));
        QF_ASSERT(qf_feel_date_make(&in[2].value, rule % 6 < 3 ? 2025 : 2026, 6,
                                    1 + random_below(&state, 30)));
    }
}

static void table_init(struct table *table, uint32_t rules)
{
    struct qf_buf xml = {0};
    struct qf_error err = {0};
    qf_arena_init(&table->arena, 0);
    write_model(&xml, rules);
    struct qf_dmn_file file = {"bench.dmn", qf_buf_slice(&xml)};
    if (qf_dmn_compile(&table->arena, &table->model, &file, 1, NULL, &err) != QF_OK ||
        qf_dmn_errors(table->model) != 0) {
        (void)fprintf(stderr, "%s %s\n", err.field, err.detail);
        exit(3);
    }
    qf_buf_deinit(&xml);
    table->decision =
        qf_dmn_find(table->model, qf_slice_of(""), QF_DMN_DECISION, qf_slice_of("Fee"));
    make_inputs(table, rules);
}

static void table_deinit(struct table *table)
{
    free(table->inputs);
    qf_arena_deinit(&table->arena);
}

enum tracing { TRACE_NONE, TRACE_RECORDED, TRACE_WRITTEN };

/* Decisions a second of processor time. */
static double decide(const struct table *table, uint32_t count, enum tracing trace)
{
    struct qf_arena arena = {0};
    struct qf_buf text = {0};
    struct qf_feel_world world = {.now_seconds = 1795000000};
    struct qf_dmn_options options = {&world, trace != TRACE_NONE};
    struct qf_dmn_result result;
    uint64_t start = bench_thread_ns();
    for (uint32_t i = 0; i < count; i++) {
        qf_arena_reset(&arena);
        QF_ASSERT(qf_dmn_evaluate(table->model, table->decision, &arena, &options,
                                  table->inputs[i % INPUTS], 3, &result, NULL) == QF_OK);
        QF_ASSERT(result.feel.value.kind == QF_FEEL_CONTEXT);
        if (trace == TRACE_WRITTEN) {
            qf_buf_reset(&text);
            qf_dmn_trace_write(&text, result.trace);
        }
    }
    double seconds = (double)(bench_thread_ns() - start) / 1e9;
    qf_arena_deinit(&arena);
    qf_buf_deinit(&text);
    return count / seconds;
}

static double evaluate(const struct qf_feel_program *program, const struct qf_feel_value *values,
                       uint32_t count)
{
    struct qf_arena arena = {0};
    struct qf_feel_world world = {.now_seconds = 1795000000};
    struct qf_feel_result result;
    uint64_t start = bench_thread_ns();
    for (uint32_t i = 0; i < count; i++) {
        qf_arena_reset(&arena);
        QF_ASSERT(qf_feel_evaluate(program, &arena, &world, values, &result, NULL) == QF_OK);
        QF_ASSERT(result.value.kind != QF_FEEL_NULL);
    }
    double seconds = (double)(bench_thread_ns() - start) / 1e9;
    qf_arena_deinit(&arena);
    return count / seconds;
}

struct expression {
    const char *id;
    const char *text;
    uint32_t count;
    double bar;
};

static const struct expression expressions[] = {
    {"feel.sum_squares", "sum(for x in 1..1000 return x*x)", 4000, 8000},
    {"feel.date_add", "date(\"2026-11-21\") + duration(\"P1Y2M\")", 1000000, 2.4e6},
    {"feel.if_in", "if a > 10 and b in [\"x\",\"y\"] then upper case(b) else null", 2000000, 6e6},
};

static void measure_expression(struct bench_report *report, const struct bench_options *options,
                               const struct expression *expression)
{
    struct qf_arena arena = {0};
    struct qf_feel_program program;
    struct bench_samples samples = {0};
    const struct qf_feel_variable variables[] = {
        {qf_slice_of("a"), qf_feel_type_of_kind(QF_FEEL_NUMBER)},
        {qf_slice_of("b"), qf_feel_type_of_kind(QF_FEEL_STRING)}};
    const struct qf_feel_value values[] = {qf_feel_int(11), qf_feel_text(qf_slice_of("y"))};
    QF_ASSERT(qf_feel_compile(&arena, &program, qf_slice_of(expression->text), variables, 2, NULL,
                              NULL) == QF_OK);
    uint32_t count = options->quick ? expression->count / 20 : expression->count;
    for (int run = 0; run < options->runs; run++)
        bench_samples_add(&samples, evaluate(&program, values, count));
    bench_report_add(report, &(struct bench_result){.id = expression->id,
                                                    .value = bench_samples_median(&samples),
                                                    .unit = "evaluations/s",
                                                    .has_bar = true,
                                                    .bar = expression->bar,
                                                    .better = BENCH_HIGHER,
                                                    .runs = options->runs});
    qf_arena_deinit(&arena);
}

/* What may be three times slower than ten rules without a trace. */
static void add_against(struct bench_report *report, const char *id,
                        const struct bench_samples *samples, double base)
{
    bench_report_add(report, &(struct bench_result){.id = id,
                                                    .value = bench_samples_median(samples),
                                                    .unit = "decisions/s",
                                                    .base = "decisions.10.notrace",
                                                    .base_value = base,
                                                    .has_bar = true,
                                                    .bar = 1.0 / 3,
                                                    .better = BENCH_HIGHER,
                                                    .runs = samples->count});
}

static void measure_tables(struct bench_report *report, const struct bench_options *options)
{
    struct table small;
    struct table large;
    struct bench_samples plain = {0};
    struct bench_samples traced = {0};
    struct bench_samples recorded = {0};
    struct bench_samples thousand = {0};
    uint32_t count = options->quick ? 20000 : 400000;
    table_init(&small, 10);
    table_init(&large, 1000);
    for (int run = 0; run < options->runs; run++) {
        bench_samples_add(&plain, decide(&small, count, TRACE_NONE));
        bench_samples_add(&recorded, decide(&small, count, TRACE_RECORDED));
        bench_samples_add(&traced, decide(&small, count, TRACE_WRITTEN));
        bench_samples_add(&thousand, decide(&large, count, TRACE_NONE));
    }
    double base = bench_samples_median(&plain);
    bench_report_add(report, &(struct bench_result){.id = "decisions.10.notrace",
                                                    .value = base,
                                                    .unit = "decisions/s",
                                                    .has_bar = true,
                                                    .bar = 1e6,
                                                    .better = BENCH_HIGHER,
                                                    .runs = options->runs});
    add_against(report, "decisions.10.trace", &traced, base);
    add_against(report, "decisions.10.trace.recorded", &recorded, base);
    add_against(report, "decisions.1000", &thousand, base);
    table_deinit(&small);
    table_deinit(&large);
}

void bench_rules_measure(struct bench_report *report, const struct bench_options *options)
{
    measure_tables(report, options);
    for (size_t i = 0; i < sizeof expressions / sizeof expressions[0]; i++)
        measure_expression(report, options, &expressions[i]);
}

int bench_rules(const struct bench_options *options)
{
    struct bench_report *report = bench_report_new("rules");
    bench_rules_measure(report, options);
    return bench_report_finish(report, options);
}
