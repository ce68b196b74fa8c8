/* Boxed expressions: each kind of XML element becomes the node that FEEL has for it. */
#include <stdlib.h>

#include "dmn/model.h"

/* From "line L, column C", as the parser names a place. */
static void read_place(const char *text, uint32_t *line, uint32_t *column)
{
    char *end = NULL;
    if (strncmp(text, "line ", 5) != 0)
        return;
    *line = (uint32_t)strtoul(text + 5, &end, 10);
    if (strncmp(end, ", column ", 9) == 0)
        *column = (uint32_t)strtoul(end + 9, NULL, 10);
}

const struct qf_feel_node *qf_dmn_feel(struct qf_dmn_unit *unit, const struct qf_feel_scope *scope,
                                       const struct qf_dmn_xml *xml, struct qf_slice text,
                                       bool tests)
{
    struct qf_error err = {0};
    struct qf_feel_compiler *compiler = &unit->compiler;
    compiler->line = xml->text_line == 0 ? xml->line : xml->text_line;
    compiler->column = xml->text_line == 0 ? xml->column : xml->text_column;
    compiler->folds = tests;
    unit->model->unit = unit;
    const struct qf_feel_node *node = tests ? qf_feel_parse_tests(compiler, scope, text, &err)
                                            : qf_feel_parse(compiler, scope, text, &err);
    if (node == NULL) {
        struct qf_dmn_xml at = {.line = compiler->line, .column = compiler->column};
        read_place(err.field, &at.line, &at.column);
        qf_dmn_report(unit, &at, true, "%s", err.detail);
    }
    return node;
}

static const struct qf_feel_node *null_node(struct qf_dmn_unit *unit, const struct qf_dmn_xml *at)
{
    struct qf_feel_node *node = qf_feel_node_literal(unit->model->arena, qf_feel_null());
    if (at != NULL) {
        node->line = at->line;
        node->column = at->column;
    }
    return node;
}

static struct qf_feel_node *new_node(struct qf_dmn_unit *unit, const struct qf_dmn_xml *at,
                                     qf_feel_run_fn *run, const struct qf_feel_type *type,
                                     uint32_t kids)
{
    struct qf_feel_node *node = qf_feel_node_new(unit->model->arena, run, type, kids);
    node->line = at->line;
    node->column = at->column;
    return node;
}

static struct qf_feel_value run_typed(struct qf_feel_ev *ev, const struct qf_feel_node *node,
                                      const struct qf_feel_frame *frame)
{
    struct qf_feel_value value = QF_FEEL_RUN(ev, node->kids[0], frame);
    if (!qf_feel_coerce(ev, &value, node->type))
        return qf_feel_warn(ev, node, "the value is not of its declared type");
    return value;
}

void qf_dmn_check_type(struct qf_dmn_unit *unit, const struct qf_dmn_xml *at, const char *what,
                       const struct qf_feel_type *given, const struct qf_feel_type *wanted)
{
    if (qf_feel_type_never(given, wanted))
        qf_dmn_report(unit, at, true, "%s is a %s, and is declared as %s", what,
                      qf_feel_kind_name((enum qf_feel_kind)given->kind),
                      qf_feel_kind_name((enum qf_feel_kind)wanted->kind));
}

const struct qf_feel_node *qf_dmn_typed(struct qf_dmn_unit *unit, const struct qf_feel_node *node,
                                        const struct qf_feel_type *type)
{
    if (type->kind == QF_FEEL_ANY && !type->constrained)
        return node;
    struct qf_feel_node *typed = qf_feel_node_new(unit->model->arena, run_typed, type, 1);
    typed->kids[0] = node;
    typed->line = node->line;
    typed->column = node->column;
    return typed;
}

static const char *const boxed_names[] = {
    "literalExpression",  "decisionTable", "context", "list", "relation", "invocation",
    "functionDefinition", "conditional",   "filter",  "for",  "every",    "some",
};

const struct qf_dmn_xml *qf_dmn_boxed_child(const struct qf_dmn_xml *parent)
{
    for (const struct qf_dmn_xml *e = parent->first; e != NULL; e = e->next)
        for (size_t i = 0; i < sizeof boxed_names / sizeof boxed_names[0]; i++)
            if (qf_slice_is(e->name, boxed_names[i]) &&
                !qf_slice_is(parent->name, "extensionElements"))
                return e;
    return NULL;
}

/* The boxed expression inside a wrapper such as <in> or <return>. */
static const struct qf_feel_node *wrapped(struct qf_dmn_unit *unit,
                                          const struct qf_feel_scope *scope,
                                          const struct qf_dmn_xml *parent, const char *name)
{
    const struct qf_dmn_xml *wrapper = qf_dmn_xml_child(parent, name);
    const struct qf_dmn_xml *inner = wrapper == NULL ? NULL : qf_dmn_boxed_child(wrapper);
    if (inner == NULL) {
        qf_dmn_report(unit, parent, true, "<%s> with an expression is missing", name);
        return null_node(unit, parent);
    }
    return qf_dmn_boxed(unit, scope, inner);
}

static const struct qf_feel_node *boxed_literal(struct qf_dmn_unit *unit,
                                                const struct qf_feel_scope *scope,
                                                const struct qf_dmn_xml *xml)
{
    const struct qf_dmn_xml *text = qf_dmn_xml_child(xml, "text");
    struct qf_slice language = qf_dmn_xml_attr(xml, "expressionLanguage");
    if (language.size > 0 && memmem(language.data, language.size, "FEEL", 4) == NULL &&
        memmem(language.data, language.size, "feel", 4) == NULL) {
        qf_dmn_report(unit, xml, true, "only FEEL is executed, not %.*s", QF_SLICE_ARGS(language));
        return null_node(unit, xml);
    }
    if (text == NULL || qf_dmn_trim(text->text).size == 0) {
        qf_dmn_report(unit, xml, false, "the expression is empty and gives null");
        return null_node(unit, xml);
    }
    const struct qf_feel_node *node = qf_dmn_feel(unit, scope, text, text->text, false);
    return node == NULL ? null_node(unit, xml) : node;
}

/* ---- contexts ---- */

static const struct qf_feel_type *
context_type(struct qf_dmn_unit *unit, const struct qf_feel_binding *bindings, uint32_t count)
{
    struct qf_feel_type *type = QF_ARENA_NEW(unit->model->arena, struct qf_feel_type);
    struct qf_feel_member *members =
        QF_ARENA_ARRAY(unit->model->arena, struct qf_feel_member, count);
    for (uint32_t i = 0; i < count; i++)
        members[i] = (struct qf_feel_member){bindings[i].name, bindings[i].type};
    type->kind = QF_FEEL_CONTEXT;
    type->members = members;
    type->count = count;
    return type;
}

static const struct qf_feel_node *boxed_context(struct qf_dmn_unit *unit,
                                                const struct qf_feel_scope *scope,
                                                const struct qf_dmn_xml *xml)
{
    struct qf_arena *arena = unit->model->arena;
    uint32_t total = 0;
    for (const struct qf_dmn_xml *e = qf_dmn_xml_child(xml, "contextEntry"); e != NULL;
         e = qf_dmn_xml_next(e))
        total++;
    struct qf_feel_binding *bindings = QF_ARENA_ARRAY(arena, struct qf_feel_binding, total);
    struct qf_slice *keys = QF_ARENA_ARRAY(arena, struct qf_slice, total);
    const struct qf_feel_node **kids =
        qf_arena_zalloc(arena, sizeof(struct qf_feel_node *) * (total + 1));
    struct qf_feel_shape *shape = QF_ARENA_NEW(arena, struct qf_feel_shape);
    struct qf_feel_scope inner = {scope, QF_FEEL_SCOPE_FRAME, bindings, 0};
    uint32_t count = 0;
    for (const struct qf_dmn_xml *e = qf_dmn_xml_child(xml, "contextEntry"); e != NULL;
         e = qf_dmn_xml_next(e)) {
        const struct qf_dmn_xml *variable = qf_dmn_xml_child(e, "variable");
        const struct qf_dmn_xml *expression = qf_dmn_boxed_child(e);
        bool calls_itself = variable != NULL && expression != NULL &&
                            qf_slice_is(expression->name, "functionDefinition");
        if (calls_itself) {
            bindings[count] = (struct qf_feel_binding){
                .name = qf_feel_name_normal(arena, qf_dmn_xml_attr(variable, "name")),
                .type = qf_feel_type_of_kind(QF_FEEL_FUNCTION),
                .slot = count};
            inner.count = count + 1;
        }
        const struct qf_feel_node *node =
            expression == NULL ? null_node(unit, e) : qf_dmn_boxed(unit, &inner, expression);
        if (variable == NULL) {
            if (qf_dmn_xml_next(e) != NULL)
                qf_dmn_report(unit, e, true, "only the last entry may have no name");
            kids[count] = node;
            shape->has_result = true;
            break;
        }
        keys[count] = qf_feel_name_normal(arena, qf_dmn_xml_attr(variable, "name"));
        const struct qf_feel_type *type =
            qf_dmn_type_ref(unit, variable, qf_dmn_xml_attr(variable, "typeRef"));
        for (uint32_t i = 0; i < count; i++)
            if (qf_slice_equal(keys[i], keys[count]))
                qf_dmn_report(unit, e, true, "the entry \"%.*s\" stands twice",
                              QF_SLICE_ARGS(keys[count]));
        qf_dmn_check_type(unit, e, "the entry", node->type, type);
        kids[count] = qf_dmn_typed(unit, node, type);
        bindings[count] =
            (struct qf_feel_binding){.name = keys[count], .type = kids[count]->type, .slot = count};
        inner.count = ++count;
    }
    struct qf_feel_node *node = new_node(unit, xml, qf_feel_run_context, NULL, 0);
    node->type = shape->has_result ? kids[count]->type : context_type(unit, bindings, count);
    node->kids = kids;
    node->count = count + (shape->has_result ? 1 : 0);
    shape->keys = keys;
    node->data = shape;
    return node;
}

/* ---- lists and relations ---- */

static uint32_t count_boxed(const struct qf_dmn_xml *xml)
{
    uint32_t count = 0;
    for (const struct qf_dmn_xml *e = xml->first; e != NULL; e = e->next)
        for (size_t i = 0; i < sizeof boxed_names / sizeof boxed_names[0]; i++)
            count += qf_slice_is(e->name, boxed_names[i]);
    return count;
}

static bool is_boxed(const struct qf_dmn_xml *xml)
{
    for (size_t i = 0; i < sizeof boxed_names / sizeof boxed_names[0]; i++)
        if (qf_slice_is(xml->name, boxed_names[i]))
            return true;
    return false;
}

static const struct qf_feel_node *boxed_list(struct qf_dmn_unit *unit,
                                             const struct qf_feel_scope *scope,
                                             const struct qf_dmn_xml *xml)
{
    uint32_t count = count_boxed(xml);
    struct qf_feel_node *node =
        new_node(unit, xml, qf_feel_run_list, qf_feel_type_of_kind(QF_FEEL_LIST), count);
    uint32_t at = 0;
    for (const struct qf_dmn_xml *e = xml->first; e != NULL; e = e->next)
        if (is_boxed(e))
            node->kids[at++] = qf_dmn_boxed(unit, scope, e);
    return node;
}

static const struct qf_feel_node *
relation_row(struct qf_dmn_unit *unit, const struct qf_feel_scope *scope,
             const struct qf_dmn_xml *row, const struct qf_slice *keys,
             const struct qf_feel_type *const *types, uint32_t count)
{
    /* The cells do not see one another: each stands one frame down with nothing to name. */
    struct qf_feel_scope inner = {scope, QF_FEEL_SCOPE_FRAME, NULL, 0};
    struct qf_feel_shape *shape = QF_ARENA_NEW(unit->model->arena, struct qf_feel_shape);
    shape->keys = keys;
    shape->types = types;
    struct qf_feel_binding *bindings =
        QF_ARENA_ARRAY(unit->model->arena, struct qf_feel_binding, count);
    struct qf_feel_node *node = new_node(unit, row, qf_feel_run_context, NULL, count);
    uint32_t at = 0;
    for (const struct qf_dmn_xml *e = row->first; e != NULL && at < count; e = e->next) {
        if (!is_boxed(e))
            continue;
        node->kids[at] = qf_dmn_boxed(unit, &inner, e);
        bindings[at] = (struct qf_feel_binding){
            .name = keys[at],
            .type = types[at]->kind == QF_FEEL_ANY ? node->kids[at]->type : types[at]};
        at++;
    }
    for (; at < count; at++) {
        node->kids[at] = null_node(unit, row);
        bindings[at] = (struct qf_feel_binding){.name = keys[at], .type = types[at]};
    }
    node->type = context_type(unit, bindings, count);
    node->data = shape;
    return node;
}

static const struct qf_feel_node *boxed_relation(struct qf_dmn_unit *unit,
                                                 const struct qf_feel_scope *scope,
                                                 const struct qf_dmn_xml *xml)
{
    struct qf_arena *arena = unit->model->arena;
    uint32_t columns = 0;
    uint32_t rows = 0;
    for (const struct qf_dmn_xml *e = xml->first; e != NULL; e = e->next) {
        columns += qf_slice_is(e->name, "column");
        rows += qf_slice_is(e->name, "row");
    }
    struct qf_slice *keys = QF_ARENA_ARRAY(arena, struct qf_slice, columns);
    const struct qf_feel_type **types =
        qf_arena_zalloc(arena, sizeof(struct qf_feel_type *) * (columns + 1));
    uint32_t at = 0;
    for (const struct qf_dmn_xml *e = qf_dmn_xml_child(xml, "column"); e != NULL;
         e = qf_dmn_xml_next(e)) {
        keys[at] = qf_feel_name_normal(arena, qf_dmn_xml_attr(e, "name"));
        types[at++] = qf_dmn_type_ref(unit, e, qf_dmn_xml_attr(e, "typeRef"));
    }
    struct qf_feel_node *node =
        new_node(unit, xml, qf_feel_run_list, qf_feel_type_of_kind(QF_FEEL_LIST), rows);
    at = 0;
    for (const struct qf_dmn_xml *e = qf_dmn_xml_child(xml, "row"); e != NULL;
         e = qf_dmn_xml_next(e))
        node->kids[at++] = relation_row(unit, scope, e, keys, types, columns);
    if (rows > 0)
        node->type = qf_feel_type_list(arena, node->kids[0]->type);
    return node;
}

/* ---- functions ---- */

static const struct qf_feel_node *boxed_invocation(struct qf_dmn_unit *unit,
                                                   const struct qf_feel_scope *scope,
                                                   const struct qf_dmn_xml *xml)
{
    const struct qf_dmn_xml *callee = qf_dmn_boxed_child(xml);
    uint32_t count = 0;
    for (const struct qf_dmn_xml *e = qf_dmn_xml_child(xml, "binding"); e != NULL;
         e = qf_dmn_xml_next(e))
        count++;
    if (callee == NULL) {
        qf_dmn_report(unit, xml, true, "the invocation names no function");
        return null_node(unit, xml);
    }
    struct qf_feel_node *node = new_node(unit, xml, qf_feel_run_call, &qf_feel_type_any, count + 1);
    struct qf_slice *names = QF_ARENA_ARRAY(unit->model->arena, struct qf_slice, count);
    node->kids[0] = qf_dmn_boxed(unit, scope, callee);
    uint32_t at = 0;
    for (const struct qf_dmn_xml *e = qf_dmn_xml_child(xml, "binding"); e != NULL;
         e = qf_dmn_xml_next(e)) {
        const struct qf_dmn_xml *parameter = qf_dmn_xml_child(e, "parameter");
        const struct qf_dmn_xml *expression = qf_dmn_boxed_child(e);
        if (parameter != NULL)
            names[at] = qf_feel_name_normal(unit->model->arena, qf_dmn_xml_attr(parameter, "name"));
        node->kids[++at] =
            expression == NULL ? null_node(unit, e) : qf_dmn_boxed(unit, scope, expression);
    }
    const struct qf_feel_type *type = node->kids[0]->type;
    if (type->kind == QF_FEEL_FUNCTION)
        node->type = type->element;
    else if (!qf_feel_type_may_be(type, QF_FEEL_FUNCTION))
        qf_dmn_report(unit, xml, true, "what is invoked is not a function");
    node->data = names;
    return node;
}

static const struct qf_feel_node *boxed_function(struct qf_dmn_unit *unit,
                                                 const struct qf_feel_scope *scope,
                                                 const struct qf_dmn_xml *xml)
{
    struct qf_arena *arena = unit->model->arena;
    struct qf_slice kind = qf_dmn_xml_attr(xml, "kind");
    struct qf_feel_lambda *lambda = QF_ARENA_NEW(arena, struct qf_feel_lambda);
    uint32_t count = 0;
    for (const struct qf_dmn_xml *e = qf_dmn_xml_child(xml, "formalParameter"); e != NULL;
         e = qf_dmn_xml_next(e))
        count++;
    struct qf_feel_member *params = QF_ARENA_ARRAY(arena, struct qf_feel_member, count);
    struct qf_feel_binding *bindings = QF_ARENA_ARRAY(arena, struct qf_feel_binding, count);
    uint32_t at = 0;
    for (const struct qf_dmn_xml *e = qf_dmn_xml_child(xml, "formalParameter"); e != NULL;
         e = qf_dmn_xml_next(e)) {
        params[at].name = qf_feel_name_normal(arena, qf_dmn_xml_attr(e, "name"));
        params[at].type = qf_dmn_type_ref(unit, e, qf_dmn_xml_attr(e, "typeRef"));
        bindings[at] =
            (struct qf_feel_binding){.name = params[at].name, .type = params[at].type, .slot = at};
        at++;
    }
    struct qf_feel_scope inner = {scope, QF_FEEL_SCOPE_FRAME, bindings, count};
    const struct qf_dmn_xml *body = qf_dmn_boxed_child(xml);
    lambda->params = params;
    lambda->count = count;
    lambda->external = kind.size > 0 && !qf_slice_is(kind, "FEEL");
    if (lambda->external)
        qf_dmn_report(unit, xml, false, "external functions (%.*s) are refused on the ledger",
                      QF_SLICE_ARGS(kind));
    struct qf_feel_type *type = QF_ARENA_NEW(arena, struct qf_feel_type);
    struct qf_feel_node *node = new_node(unit, xml, qf_feel_run_lambda, type, 1);
    node->kids[0] = body == NULL ? null_node(unit, xml)
                                 : qf_dmn_boxed(unit, lambda->external ? scope : &inner, body);
    lambda->result = lambda->external ? &qf_feel_type_any : node->kids[0]->type;
    type->kind = QF_FEEL_FUNCTION;
    type->members = params;
    type->count = count;
    type->element = lambda->result;
    node->data = lambda;
    return node;
}

/* ---- conditional, filter, iterators ---- */

static const struct qf_feel_node *boxed_conditional(struct qf_dmn_unit *unit,
                                                    const struct qf_feel_scope *scope,
                                                    const struct qf_dmn_xml *xml)
{
    struct qf_feel_node *node = new_node(unit, xml, qf_feel_run_if, &qf_feel_type_any, 3);
    node->kids[0] = wrapped(unit, scope, xml, "if");
    node->kids[1] = wrapped(unit, scope, xml, "then");
    node->kids[2] = wrapped(unit, scope, xml, "else");
    return node;
}

static const struct qf_feel_type *item_type(const struct qf_feel_type *type)
{
    return type->kind == QF_FEEL_LIST || type->kind == QF_FEEL_RANGE ? type->element : type;
}

static const struct qf_feel_node *boxed_filter(struct qf_dmn_unit *unit,
                                               const struct qf_feel_scope *scope,
                                               const struct qf_dmn_xml *xml)
{
    struct qf_feel_node *node = new_node(unit, xml, qf_feel_run_filter, &qf_feel_type_any, 2);
    node->kids[0] = wrapped(unit, scope, xml, "in");
    struct qf_feel_binding *binding = QF_ARENA_NEW(unit->model->arena, struct qf_feel_binding);
    struct qf_feel_scope inner = {scope, QF_FEEL_SCOPE_FILTER, binding, 1};
    *binding = (struct qf_feel_binding){.name = qf_slice_of("item"),
                                        .type = item_type(node->kids[0]->type)};
    node->kids[1] = wrapped(unit, &inner, xml, "match");
    node->b = 1; /* frames last: whether the match makes functions is not looked at */
    return node;
}

static const struct qf_feel_node *boxed_iterator(struct qf_dmn_unit *unit,
                                                 const struct qf_feel_scope *scope,
                                                 const struct qf_dmn_xml *xml)
{
    struct qf_arena *arena = unit->model->arena;
    bool is_for = qf_slice_is(xml->name, "for");
    struct qf_feel_loop *loop = QF_ARENA_NEW(arena, struct qf_feel_loop);
    struct qf_feel_binding *bindings = QF_ARENA_ARRAY(arena, struct qf_feel_binding, 2);
    struct qf_feel_scope inner = {scope, QF_FEEL_SCOPE_FRAME, bindings, 0};
    struct qf_feel_node *node =
        new_node(unit, xml, is_for ? qf_feel_run_for : qf_feel_run_quantified, NULL, 3);
    node->kids[0] = wrapped(unit, &inner, xml, "in");
    bindings[0] = (struct qf_feel_binding){
        .name = qf_feel_name_normal(arena, qf_dmn_xml_attr(xml, "iteratorVariable")),
        .type = item_type(node->kids[0]->type)};
    bindings[1] = (struct qf_feel_binding){
        .name = qf_slice_of("partial"), .type = qf_feel_type_of_kind(QF_FEEL_LIST), .slot = 1};
    inner.count = is_for ? 2 : 1;
    node->kids[2] = wrapped(unit, &inner, xml, is_for ? "return" : "satisfies");
    node->type = is_for ? qf_feel_type_list(arena, node->kids[2]->type)
                        : qf_feel_type_of_kind(QF_FEEL_BOOLEAN);
    loop->count = 1;
    loop->in_arena = true;
    loop->every = qf_slice_is(xml->name, "every");
    node->data = loop;
    return node;
}

const struct qf_feel_node *qf_dmn_boxed(struct qf_dmn_unit *unit, const struct qf_feel_scope *scope,
                                        const struct qf_dmn_xml *xml)
{
    static const struct {
        const char *name;
        const struct qf_feel_node *(*compile)(struct qf_dmn_unit *unit,
                                              const struct qf_feel_scope *scope,
                                              const struct qf_dmn_xml *xml);
    } kinds[] = {
        {"literalExpression", boxed_literal},
        {"decisionTable", qf_dmn_table_compile},
        {"context", boxed_context},
        {"list", boxed_list},
        {"relation", boxed_relation},
        {"invocation", boxed_invocation},
        {"functionDefinition", boxed_function},
        {"conditional", boxed_conditional},
        {"filter", boxed_filter},
        {"for", boxed_iterator},
        {"every", boxed_iterator},
        {"some", boxed_iterator},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (!qf_slice_is(xml->name, kinds[i].name))
            continue;
        const struct qf_feel_node *node = kinds[i].compile(unit, scope, xml);
        const struct qf_feel_type *type =
            qf_dmn_type_ref(unit, xml, qf_dmn_xml_attr(xml, "typeRef"));
        qf_dmn_check_type(unit, xml, "what it gives", node->type, type);
        return qf_dmn_typed(unit, node, type);
    }
    return null_node(unit, xml);
}
