/* For tests of the interpreter and the checks: expressions of one operator over JSON, so that they
 * depend on nothing but the interface. Literals are JSON; `a`, `a = 1`, `a > 1`, `a < 1`, `a + 1`.
 */
#ifndef QF_BPMN_TEST_EXPR_H
#define QF_BPMN_TEST_EXPR_H

#include "bpmn/run.h"

struct test_expr {
    struct qf_slice left, right;
    uint8_t op; /* 0: none */
};

static inline struct qf_slice test_trim(struct qf_slice text)
{
    return qf_xml_trim(text);
}

static inline bool test_is_name(struct qf_slice text)
{
    bool word = text.size > 0;
    for (size_t i = 0; i < text.size; i++)
        word = word && ((text.data[i] >= 'a' && text.data[i] <= 'z') ||
                        (text.data[i] >= 'A' && text.data[i] <= 'Z') || text.data[i] == '_');
    return word && !qf_slice_is(text, "true") && !qf_slice_is(text, "false") &&
           !qf_slice_is(text, "null");
}

static inline enum qf_status test_compile(void *self, struct qf_arena *arena, const void **out,
                                          struct qf_slice text, struct qf_error *err)
{
    (void)self;
    struct test_expr *expr = QF_ARENA_NEW(arena, struct test_expr);
    expr->left = test_trim(text);
    for (size_t i = 0; i < text.size && text.data[0] != '[' && text.data[0] != '"'; i++)
        if (text.data[i] == '=' || text.data[i] == '>' || text.data[i] == '<' ||
            text.data[i] == '+') {
            expr->op = text.data[i];
            expr->left = test_trim(qf_slice_make(text.data, i));
            expr->right = test_trim(qf_slice_make(text.data + i + 1, text.size - i - 1));
            break;
        }
    *out = expr;
    if (expr->left.size == 0 || (expr->op != 0 && expr->right.size == 0))
        return qf_fail(err, QF_MALFORMED, "", "unexpected end of the expression");
    return QF_OK;
}

static inline void test_variables(void *self, const void *compiled,
                                  void (*each)(void *arg, struct qf_slice name), void *arg)
{
    (void)self;
    const struct test_expr *expr = compiled;
    if (test_is_name(expr->left))
        each(arg, expr->left);
    if (expr->op != 0 && test_is_name(expr->right))
        each(arg, expr->right);
}

static inline enum qf_status test_value(struct qf_arena *arena, struct qf_json *out,
                                        struct qf_slice text, const struct qf_json *variables,
                                        struct qf_error *err)
{
    if (test_is_name(text)) {
        const struct qf_json *value = qf_json_get_slice(variables, text);
        *out = qf_json_make_null();
        if (value != NULL)
            *out = *value;
        return QF_OK;
    }
    if (qf_json_parse(arena, out, text, QF_JSON_ANY, err) != QF_OK)
        return qf_fail(err, QF_RULE_ERROR, "", "no literal");
    return QF_OK;
}

static inline enum qf_status test_evaluate(void *self, struct qf_arena *arena, struct qf_json *out,
                                           const void *compiled, const struct qf_json *variables,
                                           int64_t now_ms, uint64_t *steps, struct qf_error *err)
{
    (void)self, (void)now_ms;
    const struct test_expr *expr = compiled;
    struct qf_json left, right;
    if (*steps == 0)
        return qf_fail(err, QF_BUDGET, "", "no steps left");
    --*steps;
    enum qf_status status = test_value(arena, &left, expr->left, variables, err);
    if (status != QF_OK || expr->op == 0) {
        *out = left;
        return status;
    }
    status = test_value(arena, &right, expr->right, variables, err);
    if (status != QF_OK)
        return status;
    bool ints = left.type == QF_JSON_INT && right.type == QF_JSON_INT;
    bool texts = left.type == QF_JSON_STRING && right.type == QF_JSON_STRING;
    if (expr->op == '+')
        *out = ints ? qf_json_make_int(left.integer + right.integer) : qf_json_make_null();
    else if (expr->op == '=')
        *out = qf_json_make_bool(
            (ints && left.integer == right.integer) ||
            (texts && qf_slice_equal(qf_json_text(&left), qf_json_text(&right))) ||
            (!ints && !texts && left.type == right.type && left.type < QF_JSON_INT));
    else
        *out = !ints ? qf_json_make_null()
                     : qf_json_make_bool(expr->op == '>' ? left.integer > right.integer
                                                         : left.integer < right.integer);
    return QF_OK;
}

static const struct qf_bpmn_expr test_expr = {test_compile, test_variables, test_evaluate, NULL};

#endif
