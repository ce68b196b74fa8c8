/* The lower half of the grammar (DMN 1.5, 10.3.1.2): literals, ranges, lists, contexts, loops, and
 * what may stand behind them, up to the sign before. */
#include <stdlib.h>

#include "feel/number.h"
#include "feel/parse.h"
#include "feel/temporal.h"

/* ---- scopes that grow while they are read ---- */

void qf_feel_scope_begin(struct qf_feel_parser *p, struct qf_feel_growing *g,
                         enum qf_feel_scope_kind kind)
{
    *g = (struct qf_feel_growing){.scope = {p->scope, kind, NULL, 0}};
    p->scope = &g->scope;
}

void qf_feel_scope_add(struct qf_feel_parser *p, struct qf_feel_growing *g, struct qf_slice name,
                       const struct qf_feel_type *type)
{
    if (g->scope.count == g->capacity) {
        uint32_t capacity = g->capacity == 0 ? 4 : g->capacity * 2;
        struct qf_feel_binding *bindings =
            QF_ARENA_ARRAY(p->compiler->arena, struct qf_feel_binding, capacity);
        if (g->scope.count > 0)
            memcpy(bindings, g->bindings, sizeof *bindings * g->scope.count);
        g->bindings = bindings;
        g->capacity = capacity;
        g->scope.bindings = bindings;
    }
    g->bindings[g->scope.count] =
        (struct qf_feel_binding){.name = name, .type = type, .slot = g->scope.count};
    g->scope.count++;
}

void qf_feel_scope_end(struct qf_feel_parser *p, const struct qf_feel_growing *g)
{
    p->scope = g->scope.parent;
}

/* ---- literals ---- */

static const struct qf_feel_node *parse_number(struct qf_feel_parser *p)
{
    size_t from = p->at;
    const char *t = p->text;
    while (p->at < p->size && t[p->at] >= '0' && t[p->at] <= '9')
        p->at++;
    if (p->at + 1 < p->size && t[p->at] == '.' && t[p->at + 1] >= '0' && t[p->at + 1] <= '9') {
        p->at++;
        while (p->at < p->size && t[p->at] >= '0' && t[p->at] <= '9')
            p->at++;
    }
    if (p->at < p->size && (t[p->at] == 'e' || t[p->at] == 'E')) {
        size_t at = p->at + 1;
        if (at < p->size && (t[at] == '+' || t[at] == '-'))
            at++;
        if (at < p->size && t[at] >= '0' && t[at] <= '9') {
            while (at < p->size && t[at] >= '0' && t[at] <= '9')
                at++;
            p->at = at;
        }
    }
    struct qf_feel_value value;
    if (!qf_feel_number_parse(&value, qf_slice_make(t + from, p->at - from)))
        qf_feel_parse_report(p, from, true, "the number has no decimal128 value");
    return qf_feel_parse_literal(p, from, value);
}

static size_t put_utf8(char *out, uint32_t c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    size_t count = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = count - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (c & 0x3f));
        c >>= 6;
    }
    out[0] = (char)((0xf00U >> count) | c);
    return count;
}

/* Hexadecimal digits after \u or \U; UINT32_MAX when they are not. */
static uint32_t read_hex(const struct qf_feel_parser *p, size_t at, size_t count)
{
    uint32_t value = 0;
    for (size_t i = 0; i < count; i++) {
        char c = at + i < p->size ? p->text[at + i] : 0;
        uint32_t digit = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
                         : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a') + 10
                         : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A') + 10
                                                : 16;
        if (digit == 16)
            return UINT32_MAX;
        value = value * 16 + digit;
    }
    return value;
}

/* After the backslash. What is not an escape of FEEL keeps its backslash: "\d" is for patterns. */
static size_t parse_escape(struct qf_feel_parser *p, char *out)
{
    static const char plain[] = "n\nr\rt\t\"\"''\\\\";
    char c = p->at < p->size ? p->text[p->at] : 0;
    for (size_t i = 0; i + 1 < sizeof plain; i += 2) {
        if (plain[i] == c) {
            p->at++;
            out[0] = plain[i + 1];
            return 1;
        }
    }
    if (c == 'u' || c == 'U') {
        size_t digits = c == 'u' ? 4 : 6;
        uint32_t value = read_hex(p, p->at + 1, digits);
        size_t used = 1 + digits;
        if (value >= 0xd800 && value < 0xdc00 && p->at + used + 1 < p->size &&
            p->text[p->at + used] == '\\' && p->text[p->at + used + 1] == 'u') {
            uint32_t low = read_hex(p, p->at + used + 2, 4);
            if (low >= 0xdc00 && low < 0xe000) {
                value = 0x10000 + ((value - 0xd800) << 10) + (low - 0xdc00);
                used += 6;
            }
        }
        if (value > 0x10ffff || (value >= 0xd800 && value < 0xe000))
            qf_feel_parse_fail(p, "a code point after \\u or \\U");
        p->at += used;
        return put_utf8(out, value);
    }
    out[0] = '\\';
    return 1;
}

static struct qf_slice parse_string(struct qf_feel_parser *p)
{
    size_t from = ++p->at;
    size_t end = from; /* escapes only ever make it shorter */
    while (end < p->size && p->text[end] != '"')
        end += p->text[end] == '\\' ? 2 : 1;
    char *out = qf_arena_alloc(p->compiler->arena, end - from + 8);
    size_t size = 0;
    for (;;) {
        if (p->at >= p->size)
            qf_feel_parse_fail(p, "\" at the end of the string");
        char c = p->text[p->at++];
        if (c == '"')
            break;
        if (c == '\\')
            size += parse_escape(p, out + size);
        else
            out[size++] = c;
    }
    return qf_slice_make(out, size);
}

static const struct qf_feel_node *parse_at_literal(struct qf_feel_parser *p)
{
    size_t from = p->at++;
    qf_feel_parse_skip(p);
    if (!qf_feel_parse_is(p, "\""))
        qf_feel_parse_fail(p, "a string after @");
    struct qf_feel_value value;
    if (!qf_feel_at_parse(&value, parse_string(p)))
        qf_feel_parse_report(p, from, true, "not a date, a time, a date and time, or a duration");
    return qf_feel_parse_literal(p, from, value);
}

/* ---- ranges, lists, contexts ---- */

bool qf_feel_parse_comparator(struct qf_feel_parser *p, enum qf_feel_comparison *out)
{
    static const struct {
        const char *text;
        enum qf_feel_comparison op;
    } operators[] = {
        {"<=", QF_FEEL_LESS_EQUAL}, {">=", QF_FEEL_GREATER_EQUAL}, {"!=", QF_FEEL_NOT_EQUAL},
        {"<", QF_FEEL_LESS},        {">", QF_FEEL_GREATER},        {"=", QF_FEEL_EQUAL},
    };
    for (size_t i = 0; i < sizeof operators / sizeof operators[0]; i++) {
        if (qf_feel_parse_take(p, operators[i].text)) {
            *out = operators[i].op;
            return true;
        }
    }
    return false;
}

const struct qf_feel_node *qf_feel_parse_interval(struct qf_feel_parser *p, size_t at,
                                                  const struct qf_feel_node *start, bool included)
{
    bool outer = p->no_filter;
    p->no_filter = true;
    const struct qf_feel_node *end = qf_feel_parse_additive(p);
    p->no_filter = outer;
    struct qf_feel_type *type = QF_ARENA_NEW(p->compiler->arena, struct qf_feel_type);
    type->kind = QF_FEEL_RANGE;
    type->element = start->type;
    struct qf_feel_node *node = qf_feel_parse_node(p, at, qf_feel_run_range, type, 2);
    node->kids[0] = start;
    node->kids[1] = end;
    node->a = included;
    if (qf_feel_parse_take(p, "]"))
        node->b = 1;
    else if (!qf_feel_parse_take(p, ")") && !qf_feel_parse_take(p, "["))
        qf_feel_parse_fail(p, "\"]\", \")\" or \"[\" at the end of the range");
    if (start->type->kind != QF_FEEL_ANY && end->type->kind != QF_FEEL_ANY &&
        start->type->kind != QF_FEEL_NULL && end->type->kind != QF_FEEL_NULL &&
        start->type->kind != end->type->kind)
        qf_feel_parse_report(p, at, true, "the ends of the range are of different types");
    if (start->is_literal && end->is_literal && qf_feel_compare(&start->value, &end->value) == 1)
        qf_feel_parse_report(p, at, true,
                             "the range starts after its end, so that nothing is in it");
    return qf_feel_parse_fold(p, node);
}

static const struct qf_feel_node *parse_parentheses(struct qf_feel_parser *p)
{
    size_t at = p->at++;
    enum qf_feel_comparison op = QF_FEEL_LESS;
    bool outer = p->no_filter;
    p->no_filter = false;
    if (qf_feel_parse_comparator(p, &op)) {
        const struct qf_feel_node *point = qf_feel_parse_additive(p);
        struct qf_feel_node *node = qf_feel_parse_node(p, at, qf_feel_run_comparison_range,
                                                       qf_feel_type_of_kind(QF_FEEL_RANGE), 1);
        node->kids[0] = point;
        node->a = op;
        qf_feel_parse_expect(p, ")");
        p->no_filter = outer;
        return qf_feel_parse_fold(p, node);
    }
    const struct qf_feel_node *node = qf_feel_parse_expression(p);
    if (qf_feel_parse_take(p, ".."))
        node = qf_feel_parse_interval(p, at, node, false);
    else
        qf_feel_parse_expect(p, ")");
    p->no_filter = outer;
    return node;
}

void qf_feel_kids_add(struct qf_feel_parser *p, struct qf_feel_kids *kids,
                      const struct qf_feel_node *node)
{
    if (kids->count == kids->capacity) {
        uint32_t capacity = kids->capacity == 0 ? 8 : kids->capacity * 2;
        const struct qf_feel_node **items =
            qf_arena_zalloc(p->compiler->arena, sizeof(struct qf_feel_node *) * capacity);
        for (uint32_t i = 0; i < kids->count; i++)
            items[i] = kids->items[i];
        kids->items = items;
        kids->capacity = capacity;
    }
    kids->items[kids->count++] = node;
}

static const struct qf_feel_type *common_type(const struct qf_feel_type *a,
                                              const struct qf_feel_type *b)
{
    if (a == NULL || a->kind == QF_FEEL_NULL)
        return b;
    if (qf_feel_type_conforms(b, a))
        return a;
    if (qf_feel_type_conforms(a, b))
        return b;
    return &qf_feel_type_any;
}

static const struct qf_feel_node *parse_list(struct qf_feel_parser *p)
{
    size_t at = p->at++;
    struct qf_feel_kids kids = {0};
    const struct qf_feel_type *element = NULL;
    bool outer = p->no_filter;
    p->no_filter = false;
    if (!qf_feel_parse_take(p, "]")) {
        do {
            qf_feel_kids_add(p, &kids, qf_feel_parse_expression(p));
            element = common_type(element, kids.items[kids.count - 1]->type);
            if (kids.count == 1 && qf_feel_parse_take(p, "..")) {
                const struct qf_feel_node *range =
                    qf_feel_parse_interval(p, at, kids.items[0], true);
                p->no_filter = outer;
                return range;
            }
        } while (qf_feel_parse_take(p, ","));
        qf_feel_parse_expect(p, "]");
    }
    p->no_filter = outer;
    struct qf_feel_node *node = qf_feel_parse_node(
        p, at, qf_feel_run_list,
        qf_feel_type_list(p->compiler->arena, element == NULL ? &qf_feel_type_any : element), 0);
    node->kids = kids.items;
    node->count = kids.count;
    return qf_feel_parse_fold(p, node);
}

static struct qf_slice parse_key(struct qf_feel_parser *p)
{
    qf_feel_parse_skip(p);
    if (qf_feel_parse_is(p, "\""))
        return parse_string(p);
    return qf_feel_parse_declared(p, ":,{}[]\"", NULL);
}

static const struct qf_feel_node *parse_context(struct qf_feel_parser *p)
{
    size_t at = p->at++;
    struct qf_feel_kids kids = {0};
    struct qf_feel_growing scope;
    bool duplicate = false;
    bool outer = p->no_filter;
    p->no_filter = false;
    qf_feel_scope_begin(p, &scope, QF_FEEL_SCOPE_FRAME);
    if (!qf_feel_parse_take(p, "}")) {
        do {
            size_t key_at = p->at;
            struct qf_slice key = parse_key(p);
            qf_feel_parse_expect(p, ":");
            for (uint32_t i = 0; i < scope.scope.count; i++) {
                if (qf_slice_equal(scope.bindings[i].name, key)) {
                    qf_feel_parse_report(p, key_at, true, "the entry \"%.*s\" stands twice",
                                         QF_SLICE_ARGS(key));
                    duplicate = true;
                }
            }
            /* A function may call itself; what else an entry names are those before it. */
            qf_feel_parse_skip(p);
            bool is_function = qf_feel_parse_word_at(p, p->at, "function");
            if (is_function)
                qf_feel_scope_add(p, &scope, key, qf_feel_type_of_kind(QF_FEEL_FUNCTION));
            const struct qf_feel_node *value = qf_feel_parse_expression(p);
            qf_feel_kids_add(p, &kids, value);
            if (!is_function)
                qf_feel_scope_add(p, &scope, key, value->type);
            else
                scope.bindings[scope.scope.count - 1].type = value->type;
            qf_feel_parse_learn(p, key);
        } while (qf_feel_parse_take(p, ","));
        qf_feel_parse_expect(p, "}");
    }
    qf_feel_scope_end(p, &scope);
    p->no_filter = outer;
    if (duplicate)
        return qf_feel_parse_literal(p, at, qf_feel_null());
    struct qf_arena *arena = p->compiler->arena;
    struct qf_slice *keys = QF_ARENA_ARRAY(arena, struct qf_slice, kids.count);
    struct qf_feel_member *members = QF_ARENA_ARRAY(arena, struct qf_feel_member, kids.count);
    for (uint32_t i = 0; i < kids.count; i++) {
        keys[i] = scope.bindings[i].name;
        members[i] = (struct qf_feel_member){keys[i], kids.items[i]->type};
    }
    struct qf_feel_type *type = QF_ARENA_NEW(arena, struct qf_feel_type);
    type->kind = QF_FEEL_CONTEXT;
    type->members = members;
    type->count = kids.count;
    struct qf_feel_shape *shape = QF_ARENA_NEW(arena, struct qf_feel_shape);
    shape->keys = keys;
    struct qf_feel_node *node = qf_feel_parse_node(p, at, qf_feel_run_context, type, 0);
    node->kids = kids.items;
    node->count = kids.count;
    node->data = shape;
    return node;
}

/* ---- for, some, every, if ---- */

static const struct qf_feel_type *domain_type(const struct qf_feel_node *start,
                                              const struct qf_feel_node *end)
{
    if (end != NULL)
        return start->type;
    if (start->type->kind == QF_FEEL_LIST || start->type->kind == QF_FEEL_RANGE)
        return start->type->element;
    return start->type;
}

static const struct qf_feel_node *parse_loop(struct qf_feel_parser *p, size_t at,
                                             qf_feel_run_fn *run, bool every)
{
    struct qf_feel_kids kids = {0};
    struct qf_feel_growing scope;
    struct qf_feel_loop *loop = QF_ARENA_NEW(p->compiler->arena, struct qf_feel_loop);
    bool outer_lambda = p->saw_lambda;
    p->saw_lambda = false;
    qf_feel_scope_begin(p, &scope, QF_FEEL_SCOPE_FRAME);
    do {
        struct qf_slice name = qf_feel_parse_declared(p, ",:(){}[]\"", "in");
        if (!qf_feel_parse_word(p, "in"))
            qf_feel_parse_fail(p, "\"in\" after the variable");
        const struct qf_feel_node *start = qf_feel_parse_expression(p);
        const struct qf_feel_node *end = NULL;
        if (qf_feel_parse_take(p, ".."))
            end = qf_feel_parse_expression(p);
        qf_feel_kids_add(p, &kids, start);
        qf_feel_kids_add(p, &kids, end);
        qf_feel_scope_add(p, &scope, name, domain_type(start, end));
        if (++loop->count > QF_FEEL_NESTING_MAX)
            qf_feel_parse_fail(p, "fewer iterators");
    } while (qf_feel_parse_take(p, ","));
    const char *word = run == qf_feel_run_for ? "return" : "satisfies";
    if (!qf_feel_parse_word(p, word))
        qf_feel_parse_fail(p, run == qf_feel_run_for ? "\"return\"" : "\"satisfies\"");
    if (run == qf_feel_run_for)
        qf_feel_scope_add(p, &scope, qf_slice_of("partial"), qf_feel_type_of_kind(QF_FEEL_LIST));
    const struct qf_feel_node *body = qf_feel_parse_expression(p);
    if (run != qf_feel_run_for)
        qf_feel_parse_check_boolean(p, at, "satisfies", body);
    qf_feel_kids_add(p, &kids, body);
    qf_feel_scope_end(p, &scope);
    loop->in_arena = p->saw_lambda;
    loop->every = every;
    p->saw_lambda = p->saw_lambda || outer_lambda;
    const struct qf_feel_type *type = run == qf_feel_run_for
                                          ? qf_feel_type_list(p->compiler->arena, body->type)
                                          : qf_feel_type_of_kind(QF_FEEL_BOOLEAN);
    struct qf_feel_node *node = qf_feel_parse_node(p, at, run, type, 0);
    node->kids = kids.items;
    node->count = kids.count;
    node->data = loop;
    return node;
}

static const struct qf_feel_node *parse_if(struct qf_feel_parser *p, size_t at)
{
    const struct qf_feel_node *condition = qf_feel_parse_expression(p);
    if (!qf_feel_parse_word(p, "then"))
        qf_feel_parse_fail(p, "\"then\"");
    const struct qf_feel_node *yes = qf_feel_parse_expression(p);
    if (!qf_feel_parse_word(p, "else"))
        qf_feel_parse_fail(p, "\"else\"");
    const struct qf_feel_node *no = qf_feel_parse_expression(p);
    if (!qf_feel_type_may_be(condition->type, QF_FEEL_BOOLEAN))
        qf_feel_parse_report(p, at, true, "the condition is never a boolean");
    struct qf_feel_node *node =
        qf_feel_parse_node(p, at, qf_feel_run_if, common_type(yes->type, no->type), 3);
    node->kids[0] = condition;
    node->kids[1] = yes;
    node->kids[2] = no;
    return node;
}

/* ---- primary, postfix, unary ---- */

static const struct qf_feel_node *parse_keyword(struct qf_feel_parser *p)
{
    size_t at = p->at;
    if (qf_feel_parse_word(p, "if"))
        return parse_if(p, at);
    if (qf_feel_parse_word(p, "for"))
        return parse_loop(p, at, qf_feel_run_for, false);
    if (qf_feel_parse_word(p, "some"))
        return parse_loop(p, at, qf_feel_run_quantified, false);
    if (qf_feel_parse_word(p, "every"))
        return parse_loop(p, at, qf_feel_run_quantified, true);
    if (qf_feel_parse_word(p, "function"))
        return qf_feel_parse_lambda(p, at);
    if (qf_feel_parse_word(p, "true"))
        return qf_feel_parse_literal(p, at, qf_feel_bool(true));
    if (qf_feel_parse_word(p, "false"))
        return qf_feel_parse_literal(p, at, qf_feel_bool(false));
    if (qf_feel_parse_word(p, "null"))
        return qf_feel_parse_literal(p, at, qf_feel_null());
    return NULL;
}

static const struct qf_feel_node *parse_primary(struct qf_feel_parser *p)
{
    qf_feel_parse_skip(p);
    size_t at = p->at;
    if (at >= p->size)
        qf_feel_parse_fail(p, "an expression");
    char c = p->text[at];
    char next = at + 1 < p->size ? p->text[at + 1] : 0;
    if ((c >= '0' && c <= '9') || (c == '.' && next >= '0' && next <= '9'))
        return parse_number(p);
    switch (c) {
    case '"':
        return qf_feel_parse_literal(p, at, qf_feel_text(parse_string(p)));
    case '@':
        return parse_at_literal(p);
    case '(':
        return parse_parentheses(p);
    case '[':
        return parse_list(p);
    case '{':
        return parse_context(p);
    case ']': {
        p->at++;
        bool outer = p->no_filter;
        p->no_filter = false;
        const struct qf_feel_node *start = qf_feel_parse_expression(p);
        qf_feel_parse_expect(p, "..");
        const struct qf_feel_node *range = qf_feel_parse_interval(p, at, start, false);
        p->no_filter = outer;
        return range;
    }
    default:
        break;
    }
    /* A name in scope may begin with a keyword ("if needed"); the longer one is meant. */
    size_t in_scope = qf_feel_parse_in_scope(p);
    if (in_scope == 0 || in_scope == qf_feel_parse_simple_name(p, at)) {
        const struct qf_feel_node *keyword = parse_keyword(p);
        if (keyword != NULL)
            return keyword;
    }
    return qf_feel_parse_name(p);
}

static const struct qf_feel_node *parse_filter(struct qf_feel_parser *p, size_t at,
                                               const struct qf_feel_node *list)
{
    struct qf_feel_growing scope;
    bool outer = p->no_filter;
    bool outer_lambda = p->saw_lambda;
    p->no_filter = false;
    p->saw_lambda = false;
    qf_feel_scope_begin(p, &scope, QF_FEEL_SCOPE_FILTER);
    qf_feel_scope_add(p, &scope, qf_slice_of("item"), domain_type(list, NULL));
    const struct qf_feel_node *condition = qf_feel_parse_expression(p);
    qf_feel_scope_end(p, &scope);
    qf_feel_parse_expect(p, "]");
    p->no_filter = outer;
    struct qf_feel_node *node = qf_feel_parse_node(p, at, qf_feel_run_filter, &qf_feel_type_any, 2);
    node->kids[0] = list;
    node->kids[1] = condition;
    node->b = p->saw_lambda;
    p->saw_lambda = p->saw_lambda || outer_lambda;
    if (condition->type->kind == QF_FEEL_NUMBER)
        node->type = domain_type(list, NULL);
    else if (condition->type->kind == QF_FEEL_BOOLEAN)
        node->type = qf_feel_type_list(p->compiler->arena, domain_type(list, NULL));
    return node;
}

static const struct qf_feel_type *path_type(const struct qf_feel_parser *p,
                                            const struct qf_feel_type *type, struct qf_slice name)
{
    if (type->kind == QF_FEEL_LIST)
        return qf_feel_type_list(p->compiler->arena, path_type(p, type->element, name));
    const struct qf_feel_type *member = qf_feel_type_member(type, name);
    if (member == NULL)
        member = qf_feel_property_type(type, name);
    return member == NULL ? &qf_feel_type_any : member;
}

static const struct qf_feel_node *parse_path(struct qf_feel_parser *p, size_t at,
                                             const struct qf_feel_node *value)
{
    struct qf_slice *name = QF_ARENA_NEW(p->compiler->arena, struct qf_slice);
    size_t name_at = p->at;
    *name = qf_feel_parse_member_name(p, value->type);
    struct qf_feel_node *node =
        qf_feel_parse_node(p, at, qf_feel_run_path, path_type(p, value->type, *name), 1);
    node->kids[0] = value;
    node->data = name;
    qf_feel_parse_check_path(p, name_at, value->type, *name);
    return node;
}

static const struct qf_feel_node *parse_postfix(struct qf_feel_parser *p)
{
    qf_feel_parse_skip(p);
    size_t at = p->at;
    const struct qf_feel_node *node = parse_primary(p);
    for (uint32_t links = 0;; links++) {
        qf_feel_parse_skip(p);
        if (links > QF_FEEL_NESTING_MAX)
            qf_feel_parse_fail(p, "fewer steps in a row");
        if (qf_feel_parse_is(p, ".") && !qf_feel_parse_is(p, "..")) {
            p->at++;
            node = parse_path(p, at, node);
        } else if (!p->no_filter && qf_feel_parse_is(p, "[")) {
            p->at++;
            node = parse_filter(p, at, node);
        } else if (qf_feel_parse_is(p, "(")) {
            p->at++;
            node = qf_feel_parse_call(p, at, node);
        } else {
            return node;
        }
    }
}

static const struct qf_feel_node *parse_instance(struct qf_feel_parser *p)
{
    const struct qf_feel_node *value = parse_postfix(p);
    size_t at = p->at;
    if (!qf_feel_parse_word(p, "instance of"))
        return value;
    struct qf_feel_node *node =
        qf_feel_parse_node(p, at, qf_feel_run_instance, qf_feel_type_of_kind(QF_FEEL_BOOLEAN), 1);
    node->kids[0] = value;
    p->saw_no_type = false;
    qf_feel_parse_skip(p);
    size_t type_at = p->at;
    const struct qf_feel_type *type = qf_feel_parse_type(p);
    if (qf_feel_type_bare(type)) {
        qf_feel_parse_report(p, type_at, true, "%s needs its parameters here, such as %s<%s",
                             qf_feel_kind_name((enum qf_feel_kind)type->kind),
                             qf_feel_kind_name((enum qf_feel_kind)type->kind),
                             type->kind == QF_FEEL_FUNCTION  ? "number>->number"
                             : type->kind == QF_FEEL_CONTEXT ? "name: string>"
                                                             : "number>");
        type = NULL;
    }
    node->data = p->saw_no_type ? NULL : type;
    return node;
}

const struct qf_feel_node *qf_feel_parse_unary(struct qf_feel_parser *p)
{
    qf_feel_parse_skip(p);
    size_t at = p->at;
    if (!qf_feel_parse_take(p, "-"))
        return parse_instance(p);
    qf_feel_parse_nest(p);
    const struct qf_feel_node *operand = qf_feel_parse_unary(p);
    p->depth--;
    if (operand->type->kind == QF_FEEL_STRING || operand->type->kind == QF_FEEL_BOOLEAN ||
        operand->type->kind == QF_FEEL_LIST || operand->type->kind == QF_FEEL_CONTEXT)
        qf_feel_parse_report(p, at, true, "- takes a number or a duration");
    struct qf_feel_node *node = qf_feel_parse_node(p, at, qf_feel_run_negate, operand->type, 1);
    node->kids[0] = operand;
    return qf_feel_parse_fold(p, node);
}
