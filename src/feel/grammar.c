/* The upper half of the grammar (DMN 1.5, 10.3.1.2): operators, tests, and the whole expression.
 * Each function reads one rule; those further down bind less. */
#include <stdlib.h>

#include "feel/number.h"
#include "feel/parse.h"
#include "feel/temporal.h"

void qf_feel_parse_nest(struct qf_feel_parser *p)
{
    if (++p->depth > QF_FEEL_NESTING_MAX)
        qf_feel_parse_fail(p, "an expression that is nested less deeply");
}

const struct qf_feel_node *qf_feel_parse_fold(struct qf_feel_parser *p,
                                              const struct qf_feel_node *node)
{
    for (uint32_t i = 0; i < node->count; i++)
        if (node->kids[i] != NULL && !node->kids[i]->is_literal)
            return node;
    struct qf_feel_world world = {0};
    struct qf_feel_frame frame = {0};
    struct qf_feel_result result;
    if (qf_feel_evaluate_node(node, &frame, p->compiler->arena, &world, &result, NULL) != QF_OK ||
        result.warning_count > 0)
        return node;
    struct qf_feel_node *literal = qf_feel_node_literal(p->compiler->arena, result.value);
    literal->line = node->line;
    literal->column = node->column;
    return literal;
}

/* ---- binary operators ---- */

static const struct qf_feel_type *arithmetic_type(qf_feel_run_fn *run, const struct qf_feel_type *a,
                                                  const struct qf_feel_type *b)
{
    uint32_t x = a->kind;
    uint32_t y = b->kind;
    if (x == QF_FEEL_ANY || y == QF_FEEL_ANY || x == QF_FEEL_NULL || y == QF_FEEL_NULL)
        return &qf_feel_type_any;
    bool point_x = x == QF_FEEL_DATE || x == QF_FEEL_TIME || x == QF_FEEL_DATE_TIME;
    bool point_y = y == QF_FEEL_DATE || y == QF_FEEL_TIME || y == QF_FEEL_DATE_TIME;
    bool duration_x = x == QF_FEEL_MONTHS || x == QF_FEEL_SECONDS;
    bool duration_y = y == QF_FEEL_MONTHS || y == QF_FEEL_SECONDS;
    if (x == QF_FEEL_NUMBER && y == QF_FEEL_NUMBER)
        return a;
    if (run == qf_feel_run_add) {
        if ((x == QF_FEEL_STRING && y == QF_FEEL_STRING) || (duration_x && x == y) ||
            (point_x && duration_y))
            return a;
        return point_y && duration_x ? b : NULL;
    }
    if (run == qf_feel_run_sub) {
        if ((duration_x && x == y) || (point_x && duration_y))
            return a;
        return point_x && point_y ? qf_feel_type_of_kind(QF_FEEL_SECONDS) : NULL;
    }
    if (run == qf_feel_run_mul) {
        if (duration_x && y == QF_FEEL_NUMBER)
            return a;
        return x == QF_FEEL_NUMBER && duration_y ? b : NULL;
    }
    if (run == qf_feel_run_div && duration_x)
        return y == QF_FEEL_NUMBER ? a : x == y ? qf_feel_type_of_kind(QF_FEEL_NUMBER) : NULL;
    return NULL;
}

static const struct qf_feel_node *binary(struct qf_feel_parser *p, size_t at, qf_feel_run_fn *run,
                                         const struct qf_feel_type *type,
                                         const struct qf_feel_node *a, const struct qf_feel_node *b)
{
    struct qf_feel_node *node = qf_feel_parse_node(p, at, run, type, 2);
    node->kids[0] = a;
    node->kids[1] = b;
    return node;
}

static const struct qf_feel_node *arithmetic(struct qf_feel_parser *p, size_t at,
                                             qf_feel_run_fn *run, const struct qf_feel_node *a,
                                             const struct qf_feel_node *b)
{
    const struct qf_feel_type *type = arithmetic_type(run, a->type, b->type);
    if (type == NULL) {
        qf_feel_parse_report(p, at, true, "the operator is not defined for %s and %s",
                             qf_feel_kind_name((enum qf_feel_kind)a->type->kind),
                             qf_feel_kind_name((enum qf_feel_kind)b->type->kind));
        type = &qf_feel_type_any;
    }
    return binary(p, at, run, type, a, b);
}

static const struct qf_feel_node *parse_power(struct qf_feel_parser *p)
{
    const struct qf_feel_node *node = qf_feel_parse_unary(p);
    size_t at = p->at;
    while (qf_feel_parse_take(p, "**")) {
        node = arithmetic(p, at, qf_feel_run_power, node, qf_feel_parse_unary(p));
        at = p->at;
    }
    return node;
}

static const struct qf_feel_node *parse_product(struct qf_feel_parser *p)
{
    const struct qf_feel_node *node = parse_power(p);
    for (;;) {
        qf_feel_parse_skip(p);
        size_t at = p->at;
        if (qf_feel_parse_take(p, "*"))
            node = arithmetic(p, at, qf_feel_run_mul, node, parse_power(p));
        else if (qf_feel_parse_take(p, "/"))
            node = arithmetic(p, at, qf_feel_run_div, node, parse_power(p));
        else
            return node;
    }
}

const struct qf_feel_node *qf_feel_parse_additive(struct qf_feel_parser *p)
{
    const struct qf_feel_node *node = parse_product(p);
    for (;;) {
        qf_feel_parse_skip(p);
        size_t at = p->at;
        if (qf_feel_parse_take(p, "+"))
            node = arithmetic(p, at, qf_feel_run_add, node, parse_product(p));
        else if (qf_feel_parse_take(p, "-"))
            node = arithmetic(p, at, qf_feel_run_sub, node, parse_product(p));
        else
            return node;
    }
}

/* ---- tests ---- */

static const struct qf_feel_node *value_test(struct qf_feel_parser *p, size_t at,
                                             const struct qf_feel_node *value, bool uses_input)
{
    struct qf_feel_node *node =
        qf_feel_parse_node(p, at, qf_feel_run_test_value, qf_feel_type_of_kind(QF_FEEL_BOOLEAN), 1);
    node->kids[0] = value;
    node->uses_input = uses_input;
    return node;
}

static const struct qf_feel_node *parse_test(struct qf_feel_parser *p, bool whole_expression)
{
    qf_feel_parse_skip(p);
    size_t at = p->at;
    enum qf_feel_comparison op = QF_FEEL_LESS;
    if (qf_feel_parse_comparator(p, &op)) {
        const struct qf_feel_node *other = qf_feel_parse_additive(p);
        struct qf_feel_node *node = qf_feel_parse_node(p, at, qf_feel_run_test_compare,
                                                       qf_feel_type_of_kind(QF_FEEL_BOOLEAN), 1);
        node->kids[0] = other;
        node->a = op;
        if (p->input != NULL)
            qf_feel_parse_check_compared(p, at, p->input, other->type);
        return node;
    }
    bool outer = p->saw_input;
    p->saw_input = false;
    const struct qf_feel_node *value =
        whole_expression ? qf_feel_parse_expression(p) : qf_feel_parse_additive(p);
    const struct qf_feel_node *node = value_test(p, at, value, p->saw_input);
    qf_feel_parse_check_test(p, at, p->input, value->type);
    p->saw_input = outer;
    return node;
}

static const struct qf_feel_node *tests_node(struct qf_feel_parser *p, size_t at,
                                             const struct qf_feel_kids *kids, bool negated)
{
    struct qf_feel_node *node =
        qf_feel_parse_node(p, at, qf_feel_run_tests, qf_feel_type_of_kind(QF_FEEL_BOOLEAN), 0);
    node->kids = kids->items;
    node->count = kids->count;
    node->a = negated;
    return node;
}

/* What may stand after `in`: one test, an interval, or tests in parentheses. */
static const struct qf_feel_node *parse_in_tests(struct qf_feel_parser *p)
{
    struct qf_feel_kids kids = {0};
    qf_feel_parse_skip(p);
    size_t at = p->at;
    if (!qf_feel_parse_is(p, "(")) {
        qf_feel_kids_add(p, &kids, parse_test(p, false));
        return tests_node(p, at, &kids, false);
    }
    p->at++;
    bool outer = p->no_filter;
    p->no_filter = false;
    qf_feel_kids_add(p, &kids, parse_test(p, true));
    const struct qf_feel_node *first = kids.items[0];
    if (first->run == qf_feel_run_test_value && qf_feel_parse_take(p, "..")) {
        const struct qf_feel_node *range = qf_feel_parse_interval(p, at, first->kids[0], false);
        kids.items[0] = value_test(p, at, range, false);
    } else {
        while (qf_feel_parse_take(p, ","))
            qf_feel_kids_add(p, &kids, parse_test(p, true));
        qf_feel_parse_expect(p, ")");
    }
    p->no_filter = outer;
    return tests_node(p, at, &kids, false);
}

static const struct qf_feel_node *parse_in(struct qf_feel_parser *p, size_t at,
                                           const struct qf_feel_node *value)
{
    struct qf_feel_growing scope;
    bool outer_input = p->saw_input;
    bool outer_lambda = p->saw_lambda;
    p->saw_lambda = false;
    qf_feel_scope_begin(p, &scope, QF_FEEL_SCOPE_FRAME);
    qf_feel_scope_add(p, &scope, qf_slice_of("?"), value->type);
    const struct qf_feel_type *outer_type = p->input;
    p->input = value->type;
    const struct qf_feel_node *tests = parse_in_tests(p);
    p->input = outer_type;
    qf_feel_scope_end(p, &scope);
    struct qf_feel_node *node =
        qf_feel_parse_node(p, at, qf_feel_run_in, qf_feel_type_of_kind(QF_FEEL_BOOLEAN), 2);
    node->kids[0] = value;
    node->kids[1] = tests;
    node->b = p->saw_lambda;
    p->saw_lambda = p->saw_lambda || outer_lambda;
    p->saw_input = outer_input;
    return node;
}

const struct qf_feel_node *qf_feel_parse_unary_tests(struct qf_feel_parser *p)
{
    struct qf_feel_kids kids = {0};
    if (p->scope != NULL && p->scope->count == 1 && qf_slice_is(p->scope->bindings[0].name, "?"))
        p->input = p->scope->bindings[0].type;
    qf_feel_parse_skip(p);
    size_t at = p->at;
    if (p->at >= p->size)
        return tests_node(p, at, &kids, false);
    if (qf_feel_parse_take(p, "-")) {
        qf_feel_parse_skip(p);
        if (p->at >= p->size)
            return tests_node(p, at, &kids, false);
        p->at = at;
    }
    if (qf_feel_parse_word(p, "not") && qf_feel_parse_take(p, "(")) {
        do
            qf_feel_kids_add(p, &kids, parse_test(p, true));
        while (qf_feel_parse_take(p, ","));
        qf_feel_parse_expect(p, ")");
        qf_feel_parse_skip(p);
        if (p->at >= p->size)
            return tests_node(p, at, &kids, true);
        kids = (struct qf_feel_kids){0};
    }
    p->at = at;
    do
        qf_feel_kids_add(p, &kids, parse_test(p, true));
    while (qf_feel_parse_take(p, ","));
    return tests_node(p, at, &kids, false);
}

/* ---- comparison, logic, the whole ---- */

static const struct qf_feel_node *compare_node(struct qf_feel_parser *p, size_t at,
                                               enum qf_feel_comparison op,
                                               const struct qf_feel_node *a,
                                               const struct qf_feel_node *b)
{
    bool equality = op == QF_FEEL_EQUAL || op == QF_FEEL_NOT_EQUAL;
    struct qf_feel_node *node =
        qf_feel_parse_node(p, at, equality ? qf_feel_run_equal : qf_feel_run_compare,
                           qf_feel_type_of_kind(QF_FEEL_BOOLEAN), 2);
    node->kids[0] = a;
    node->kids[1] = b;
    node->a = op;
    qf_feel_parse_check_compared(p, at, a->type, b->type);
    return node;
}

static const struct qf_feel_node *parse_between(struct qf_feel_parser *p, size_t at,
                                                const struct qf_feel_node *value)
{
    struct qf_feel_node *node =
        qf_feel_parse_node(p, at, qf_feel_run_between, qf_feel_type_of_kind(QF_FEEL_BOOLEAN), 3);
    node->kids[0] = value;
    node->kids[1] = qf_feel_parse_additive(p);
    if (!qf_feel_parse_word(p, "and"))
        qf_feel_parse_fail(p, "\"and\" of between");
    node->kids[2] = qf_feel_parse_additive(p);
    qf_feel_parse_check_compared(p, at, value->type, node->kids[1]->type);
    qf_feel_parse_check_compared(p, at, value->type, node->kids[2]->type);
    return node;
}

static const struct qf_feel_node *parse_comparison(struct qf_feel_parser *p)
{
    const struct qf_feel_node *node = qf_feel_parse_additive(p);
    for (;;) {
        qf_feel_parse_skip(p);
        size_t at = p->at;
        enum qf_feel_comparison op = QF_FEEL_LESS;
        if (qf_feel_parse_word(p, "between"))
            node = parse_between(p, at, node);
        else if (qf_feel_parse_word(p, "in"))
            node = parse_in(p, at, node);
        else if (qf_feel_parse_comparator(p, &op))
            node = compare_node(p, at, op, node, qf_feel_parse_additive(p));
        else
            return node;
    }
}

static const struct qf_feel_node *parse_logic(struct qf_feel_parser *p, bool conjunction)
{
    const struct qf_feel_node *node = conjunction ? parse_comparison(p) : parse_logic(p, true);
    for (;;) {
        qf_feel_parse_skip(p);
        size_t at = p->at;
        if (!qf_feel_parse_word(p, conjunction ? "and" : "or"))
            return node;
        const struct qf_feel_node *other = conjunction ? parse_comparison(p) : parse_logic(p, true);
        qf_feel_parse_check_boolean(p, at, conjunction ? "and" : "or", node);
        qf_feel_parse_check_boolean(p, at, conjunction ? "and" : "or", other);
        node = binary(p, at, conjunction ? qf_feel_run_and : qf_feel_run_or,
                      qf_feel_type_of_kind(QF_FEEL_BOOLEAN), node, other);
    }
}

const struct qf_feel_node *qf_feel_parse_expression(struct qf_feel_parser *p)
{
    qf_feel_parse_nest(p);
    const struct qf_feel_node *node = parse_logic(p, false);
    p->depth--;
    return node;
}
