/* From XML to a model: units and imports, item definitions, elements, then their logic. */
#include <stdarg.h>
#include <stdio.h>

#include "dmn/model.h"

#define ITEM_NESTING_MAX 32

void qf_dmn_report(struct qf_dmn_unit *unit, const struct qf_dmn_xml *at, bool error,
                   const char *fmt, ...)
{
    struct qf_dmn_model *model = unit->model;
    char text[QF_DMN_MESSAGE_SIZE] = {0};
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (error)
        model->errors++;
    /* One mistake may be met twice, as a type that two places ask for. */
    const uint32_t line = at == NULL ? unit->compiler.line : at->line;
    const uint32_t column = at == NULL ? unit->compiler.column : at->column;
    bool repeated = model->last_unit == unit && model->last_line == line &&
                    model->last_column == column && strcmp(model->last_text, text) == 0;
    model->last_unit = unit;
    model->last_line = line;
    model->last_column = column;
    memcpy(model->last_text, text, sizeof text);
    if (model->reporter == NULL || repeated)
        return;
    struct qf_dmn_problem problem = {
        .error = error,
        .file = unit->file,
        .element = model->element_id == NULL ? "" : model->element_id,
        .line = line,
        .column = column,
        .message = text,
    };
    model->reporter->report(model->reporter->self, &problem);
}

static void report_feel(void *self, const struct qf_feel_problem *problem)
{
    struct qf_dmn_unit *unit = self;
    struct qf_dmn_xml at = {.line = problem->line, .column = problem->column};
    qf_dmn_report(unit, &at, problem->error, "%s", problem->message);
}

/* ---- types ---- */

static const struct qf_feel_type *item_type(struct qf_dmn_unit *unit, struct qf_dmn_item *item,
                                            uint32_t depth);
static const struct qf_feel_type *build_type(struct qf_dmn_unit *unit, const struct qf_dmn_xml *xml,
                                             uint32_t depth);

static const struct qf_feel_type *find_type(struct qf_dmn_unit *unit, struct qf_slice name,
                                            uint32_t depth)
{
    for (uint32_t i = 0; i < unit->item_count; i++)
        if (qf_slice_equal(unit->items[i].name, name))
            return item_type(unit, &unit->items[i], depth + 1);
    for (uint32_t i = 0; i < unit->import_count; i++) {
        struct qf_slice prefix = unit->imports[i].name;
        struct qf_slice rest = name;
        if (prefix.size > 0) {
            if (name.size <= prefix.size + 1 || name.data[prefix.size] != '.' ||
                memcmp(name.data, prefix.data, prefix.size) != 0)
                continue;
            rest = qf_slice_make(name.data + prefix.size + 1, name.size - prefix.size - 1);
        }
        if (depth >= ITEM_NESTING_MAX)
            return NULL;
        const struct qf_feel_type *type = find_type(unit->imports[i].unit, rest, depth + 1);
        if (type != NULL)
            return type;
    }
    return NULL;
}

static const struct qf_feel_type *find_type_for_feel(const void *self, struct qf_slice name)
{
    const struct qf_dmn_unit *unit = self;
    /* Item definitions are built on demand; the unit itself is the model's own. */
    return find_type(&unit->model->units[unit - unit->model->units], name, 0);
}

static const struct qf_feel_type *type_ref(struct qf_dmn_unit *unit, const struct qf_dmn_xml *at,
                                           struct qf_slice ref, uint32_t depth)
{
    struct qf_slice name = qf_feel_name_normal(unit->model->arena, ref);
    if (name.size == 0)
        return &qf_feel_type_any;
    const struct qf_feel_type *type = find_type(unit, name, depth);
    if (type == NULL)
        type = qf_feel_type_named(name);
    const uint8_t *colon = memchr(name.data, ':', name.size);
    if (type == NULL && colon != NULL) { /* a qualified name, as DMN 1.1 wrote them */
        struct qf_slice local =
            qf_slice_make(colon + 1, name.size - (size_t)(colon - name.data) - 1);
        type = find_type(unit, local, depth);
        if (type == NULL)
            type = qf_feel_type_named(local);
        for (uint32_t i = 0; i < unit->import_count && type == NULL; i++)
            type = find_type(unit->imports[i].unit, local, depth + 1);
    }
    if (type == NULL && depth < ITEM_NESTING_MAX) {
        bool is_number = qf_slice_is(name, "integer") || qf_slice_is(name, "int") ||
                         qf_slice_is(name, "long") || qf_slice_is(name, "double");
        qf_dmn_report(unit, at, true, "there is no type \"%.*s\": %s", QF_SLICE_ARGS(name),
                      is_number ? "in DMN it is number"
                                : "neither an item definition nor one of FEEL's (number, string, "
                                  "boolean, date, time, date and time, …)");
        return &qf_feel_type_any;
    }
    return type == NULL ? &qf_feel_type_any : type;
}

const struct qf_feel_type *qf_dmn_type_ref(struct qf_dmn_unit *unit, const struct qf_dmn_xml *at,
                                           struct qf_slice ref)
{
    return type_ref(unit, at, ref, 0);
}

static void add_constraint(struct qf_dmn_unit *unit, struct qf_feel_type *type,
                           const struct qf_dmn_xml *holder)
{
    const struct qf_dmn_xml *text = holder == NULL ? NULL : qf_dmn_xml_child(holder, "text");
    if (text == NULL || qf_dmn_trim(text->text).size == 0)
        return;
    struct qf_feel_binding *binding = QF_ARENA_NEW(unit->model->arena, struct qf_feel_binding);
    struct qf_feel_scope scope = {NULL, QF_FEEL_SCOPE_FRAME, binding, 1};
    struct qf_feel_type *plain = QF_ARENA_NEW(unit->model->arena, struct qf_feel_type);
    *plain = *type;
    *binding = (struct qf_feel_binding){.name = qf_slice_of("?"), .type = plain};
    const struct qf_feel_node *tests = qf_dmn_feel(unit, &scope, text, text->text, true);
    if (tests == NULL || tests->count == 0)
        return;
    if (type->constraint != NULL) /* both: what it is already, and this */
        type->base = plain;
    type->allowed = text->text;
    type->constraint = tests;
    type->constrained = true;
}

static void add_member_name(struct qf_dmn_model *model, struct qf_slice name)
{
    model->member_names[model->member_name_count++] = name;
}

static void build_context(struct qf_dmn_unit *unit, struct qf_feel_type *type,
                          const struct qf_dmn_xml *xml, uint32_t depth)
{
    uint32_t count = 0;
    for (const struct qf_dmn_xml *e = qf_dmn_xml_child(xml, "itemComponent"); e != NULL;
         e = qf_dmn_xml_next(e))
        count++;
    struct qf_feel_member *members =
        QF_ARENA_ARRAY(unit->model->arena, struct qf_feel_member, count);
    type->kind = QF_FEEL_CONTEXT;
    for (const struct qf_dmn_xml *e = qf_dmn_xml_child(xml, "itemComponent"); e != NULL;
         e = qf_dmn_xml_next(e)) {
        members[type->count].name =
            qf_feel_name_normal(unit->model->arena, qf_dmn_xml_attr(e, "name"));
        members[type->count].type = build_type(unit, e, depth + 1);
        type->constrained = type->constrained || members[type->count].type->constrained;
        type->count++;
    }
    type->members = members;
}

static void build_function(struct qf_dmn_unit *unit, struct qf_feel_type *type,
                           const struct qf_dmn_xml *xml, uint32_t depth)
{
    uint32_t count = 0;
    for (const struct qf_dmn_xml *e = qf_dmn_xml_child(xml, "parameters"); e != NULL;
         e = qf_dmn_xml_next(e))
        count++;
    struct qf_feel_member *members =
        QF_ARENA_ARRAY(unit->model->arena, struct qf_feel_member, count);
    type->kind = QF_FEEL_FUNCTION;
    for (const struct qf_dmn_xml *e = qf_dmn_xml_child(xml, "parameters"); e != NULL;
         e = qf_dmn_xml_next(e)) {
        members[type->count].name =
            qf_feel_name_normal(unit->model->arena, qf_dmn_xml_attr(e, "name"));
        members[type->count++].type = type_ref(unit, e, qf_dmn_xml_attr(e, "typeRef"), depth + 1);
    }
    type->members = members;
    type->element = type_ref(unit, xml, qf_dmn_xml_attr(xml, "outputTypeRef"), depth + 1);
}

/* An item definition or component, with all that it says. */
static const struct qf_feel_type *build_type(struct qf_dmn_unit *unit, const struct qf_dmn_xml *xml,
                                             uint32_t depth)
{
    if (depth > ITEM_NESTING_MAX) {
        qf_dmn_report(unit, xml, true, "item definitions are nested too deeply, or in a circle");
        return &qf_feel_type_any;
    }
    struct qf_feel_type *type = QF_ARENA_NEW(unit->model->arena, struct qf_feel_type);
    const struct qf_dmn_xml *ref = qf_dmn_xml_child(xml, "typeRef");
    const struct qf_dmn_xml *function = qf_dmn_xml_child(xml, "functionItem");
    const struct qf_dmn_xml *allowed = qf_dmn_xml_child(xml, "allowedValues");
    struct qf_slice collection = qf_dmn_xml_attr(xml, "isCollection");
    bool is_list = qf_slice_is(collection, "true") || qf_slice_is(collection, "1");
    if (qf_dmn_xml_child(xml, "itemComponent") != NULL) {
        build_context(unit, type, xml, depth);
    } else if (function != NULL) {
        build_function(unit, type, function, depth);
    } else {
        *type = *type_ref(unit, xml,
                          ref != NULL ? qf_dmn_trim(ref->text) : qf_dmn_xml_attr(xml, "typeRef"),
                          depth);
    }
    struct qf_slice name =
        qf_slice_is(xml->name, "itemDefinition")
            ? qf_feel_name_normal(unit->model->arena, qf_dmn_xml_attr(xml, "name"))
            : (struct qf_slice){NULL, 0};
    add_constraint(unit, type, allowed);
    if (is_list) {
        struct qf_feel_type *list = QF_ARENA_NEW(unit->model->arena, struct qf_feel_type);
        list->kind = QF_FEEL_LIST;
        list->element = type;
        list->constrained = type->constrained;
        list->allowed = type->allowed;
        type = list;
    }
    add_constraint(unit, type, qf_dmn_xml_child(xml, "typeConstraint"));
    type->name = name;
    return type;
}

static const struct qf_feel_type *item_type(struct qf_dmn_unit *unit, struct qf_dmn_item *item,
                                            uint32_t depth)
{
    if (item->type != NULL)
        return item->type;
    if (item->building || depth > ITEM_NESTING_MAX) {
        qf_dmn_report(unit, item->xml, true, "the item definition refers to itself");
        return &qf_feel_type_any;
    }
    item->building = true;
    item->type = build_type(unit, item->xml, depth);
    item->building = false;
    return item->type;
}

/* ---- elements ---- */

static uint32_t count_named(const struct qf_dmn_xml *xml, const char *name, bool deep)
{
    uint32_t count = 0;
    for (const struct qf_dmn_xml *e = xml->first; e != NULL; e = e->next) {
        count += qf_slice_is(e->name, name);
        if (deep)
            count += count_named(e, name, true);
    }
    return count;
}

static void learn_names(struct qf_dmn_model *model, const struct qf_dmn_xml *xml)
{
    for (const struct qf_dmn_xml *e = xml->first; e != NULL; e = e->next) {
        if (qf_slice_is(e->name, "itemComponent") || qf_slice_is(e->name, "output") ||
            qf_slice_is(e->name, "column"))
            add_member_name(model, qf_feel_name_normal(model->arena, qf_dmn_xml_attr(e, "name")));
        if (qf_slice_is(e->name, "contextEntry") && qf_dmn_xml_child(e, "variable") != NULL)
            add_member_name(
                model, qf_feel_name_normal(
                           model->arena, qf_dmn_xml_attr(qf_dmn_xml_child(e, "variable"), "name")));
        learn_names(model, e);
    }
}

static const struct {
    const char *name;
    enum qf_dmn_kind kind;
} element_kinds[] = {{"inputData", QF_DMN_INPUT},
                     {"decision", QF_DMN_DECISION},
                     {"businessKnowledgeModel", QF_DMN_KNOWLEDGE},
                     {"decisionService", QF_DMN_SERVICE}};

static void add_elements(struct qf_dmn_unit *unit)
{
    struct qf_dmn_model *model = unit->model;
    for (const struct qf_dmn_xml *e = unit->xml->first; e != NULL; e = e->next) {
        for (size_t i = 0; i < sizeof element_kinds / sizeof element_kinds[0]; i++) {
            if (!qf_slice_is(e->name, element_kinds[i].name))
                continue;
            struct qf_dmn_element *element = QF_ARENA_NEW(model->arena, struct qf_dmn_element);
            element->kind = element_kinds[i].kind;
            element->name = qf_feel_name_normal(model->arena, qf_dmn_xml_attr(e, "name"));
            element->id = qf_dmn_xml_attr(e, "id");
            element->unit = unit;
            element->xml = e;
            element->slot = model->element_count;
            element->type = &qf_feel_type_any;
            model->elements[model->element_count++] = element;
        }
    }
}

/* Whether a unit was made for an import of `outer`, at any remove. */
static bool is_within(const struct qf_dmn_unit *unit, const struct qf_dmn_unit *outer)
{
    while (unit != NULL && unit != outer)
        unit = unit->importer;
    return unit != NULL;
}

/* By reference; NULL, and reported unless `at` is NULL, when there is nothing. */
static struct qf_dmn_element *find_href(struct qf_dmn_unit *unit, const struct qf_dmn_xml *at,
                                        struct qf_slice href)
{
    struct qf_dmn_model *model = unit->model;
    const uint8_t *hash = href.size == 0 ? NULL : memrchr(href.data, '#', href.size);
    struct qf_slice ns = {NULL, 0};
    struct qf_slice id = href;
    if (hash != NULL) {
        ns = qf_slice_make(href.data, (size_t)(hash - href.data));
        id = qf_slice_make(hash + 1, href.size - ns.size - 1);
    }
    bool own = ns.size == 0 || qf_slice_equal(unit->ns, ns);
    for (uint32_t i = 0; i < model->element_count; i++) {
        struct qf_dmn_element *e = model->elements[i];
        bool here =
            own ? e->unit == unit : qf_slice_equal(e->unit->ns, ns) && is_within(e->unit, unit);
        if (here && qf_slice_equal(e->id, id))
            return e;
    }
    if (at == NULL)
        return NULL;
    qf_dmn_report(unit, at, true, "nothing has the id \"%.*s\"", QF_SLICE_ARGS(href));
    return NULL;
}

static const struct qf_dmn_xml *variable_of(const struct qf_dmn_element *element)
{
    return qf_dmn_xml_child(element->xml, "variable");
}

static const struct qf_feel_type *variable_type(struct qf_dmn_element *element)
{
    const struct qf_dmn_xml *variable = variable_of(element);
    return variable == NULL
               ? &qf_feel_type_any
               : qf_dmn_type_ref(element->unit, variable, qf_dmn_xml_attr(variable, "typeRef"));
}

static const struct qf_feel_type *function_type(struct qf_arena *arena,
                                                const struct qf_dmn_element *element,
                                                const struct qf_feel_type *result)
{
    struct qf_feel_type *type = QF_ARENA_NEW(arena, struct qf_feel_type);
    type->kind = QF_FEEL_FUNCTION;
    type->members = element->params;
    type->count = element->param_count;
    type->element = result;
    return type;
}

static void declare_knowledge(struct qf_dmn_element *element)
{
    struct qf_dmn_unit *unit = element->unit;
    struct qf_arena *arena = unit->model->arena;
    const struct qf_dmn_xml *logic = qf_dmn_xml_child(element->xml, "encapsulatedLogic");
    uint32_t count = logic == NULL ? 0 : count_named(logic, "formalParameter", false);
    struct qf_feel_member *params = QF_ARENA_ARRAY(arena, struct qf_feel_member, count);
    uint32_t at = 0;
    for (const struct qf_dmn_xml *e = logic == NULL ? NULL
                                                    : qf_dmn_xml_child(logic, "formalParameter");
         e != NULL; e = qf_dmn_xml_next(e)) {
        params[at].name = qf_feel_name_normal(arena, qf_dmn_xml_attr(e, "name"));
        params[at++].type = qf_dmn_type_ref(unit, e, qf_dmn_xml_attr(e, "typeRef"));
    }
    const struct qf_feel_type *declared = variable_type(element);
    element->params = params;
    element->param_count = count;
    /* A variable's type may be that of the function, or (as many tools write) of its result. */
    element->type = declared->kind == QF_FEEL_FUNCTION ? declared->element : declared;
    element->function_type = function_type(arena, element, element->type);
    if (logic != NULL) {
        struct qf_slice kind = qf_dmn_xml_attr(logic, "kind");
        element->external = kind.size > 0 && !qf_slice_is(kind, "FEEL");
        if (element->external)
            qf_dmn_report(unit, logic, false, "external functions are refused on the ledger");
    }
}

static void declare_service(struct qf_dmn_element *element)
{
    struct qf_dmn_unit *unit = element->unit;
    struct qf_arena *arena = unit->model->arena;
    uint32_t most = count_named(element->xml, "inputData", false) +
                    count_named(element->xml, "inputDecision", false);
    uint32_t outputs = count_named(element->xml, "outputDecision", false);
    struct qf_feel_member *params = QF_ARENA_ARRAY(arena, struct qf_feel_member, most);
    element->inputs = qf_arena_zalloc(arena, sizeof(struct qf_dmn_element *) * (most + 1));
    element->outputs = qf_arena_zalloc(arena, sizeof(struct qf_dmn_element *) * (outputs + 1));
    static const char *const parts[] = {"inputData", "inputDecision", "outputDecision"};
    for (size_t i = 0; i < 3; i++) {
        for (const struct qf_dmn_xml *e = qf_dmn_xml_child(element->xml, parts[i]); e != NULL;
             e = qf_dmn_xml_next(e)) {
            struct qf_dmn_element *found = find_href(unit, e, qf_dmn_xml_attr(e, "href"));
            if (found == NULL)
                continue;
            if (i == 2) {
                element->outputs[element->output_count++] = found;
            } else {
                params[element->param_count] = (struct qf_feel_member){found->name, found->type};
                element->inputs[element->param_count++] = found;
            }
        }
    }
    const struct qf_feel_type *declared = variable_type(element);
    element->params = params;
    element->type = declared->kind == QF_FEEL_FUNCTION ? declared->element : declared;
    if (declared->kind == QF_FEEL_ANY && element->output_count == 1)
        element->type = element->outputs[0]->type;
    element->function_type = function_type(arena, element, element->type);
    if (element->output_count == 0)
        qf_dmn_report(unit, element->xml, true, "the decision service has no output decision");
}

/* ---- logic ---- */

static void bind(struct qf_feel_scope *scope, struct qf_feel_binding *bindings,
                 const struct qf_dmn_unit *unit, const struct qf_dmn_element *required)
{
    struct qf_arena *arena = unit->model->arena;
    struct qf_slice name = required->name;
    if (required->unit != unit) {
        for (uint32_t i = 0; i < unit->import_count; i++) {
            if (unit->imports[i].unit == required->unit && unit->imports[i].name.size > 0)
                name = qf_slice_of(qf_arena_printf(arena, "%.*s.%.*s",
                                                   QF_SLICE_ARGS(unit->imports[i].name),
                                                   QF_SLICE_ARGS(required->name)));
        }
    }
    bool callable = required->kind == QF_DMN_KNOWLEDGE || required->kind == QF_DMN_SERVICE;
    bindings[scope->count++] = (struct qf_feel_binding){
        .name = name,
        .type = callable ? required->function_type : required->type,
        .get = qf_dmn_run_element,
        .slot = required->slot,
    };
}

/* What an element's requirements put in scope. */
static struct qf_feel_scope *requirement_scope(struct qf_dmn_element *element)
{
    struct qf_arena *arena = element->unit->model->arena;
    struct qf_feel_scope *scope = QF_ARENA_NEW(arena, struct qf_feel_scope);
    uint32_t most = 1;
    for (const struct qf_dmn_xml *e = element->xml->first; e != NULL; e = e->next)
        most++;
    struct qf_feel_binding *bindings = QF_ARENA_ARRAY(arena, struct qf_feel_binding, most);
    element->needs = QF_ARENA_ARRAY(arena, const struct qf_dmn_element *, most);
    element->need_count = 0;
    scope->kind = QF_FEEL_SCOPE_GLOBAL;
    scope->bindings = bindings;
    for (const struct qf_dmn_xml *e = element->xml->first; e != NULL; e = e->next) {
        if (!qf_slice_is(e->name, "informationRequirement") &&
            !qf_slice_is(e->name, "knowledgeRequirement"))
            continue;
        for (const struct qf_dmn_xml *r = e->first; r != NULL; r = r->next) {
            if (!qf_slice_is(r->name, "requiredInput") &&
                !qf_slice_is(r->name, "requiredDecision") &&
                !qf_slice_is(r->name, "requiredKnowledge"))
                continue;
            struct qf_dmn_element *required =
                find_href(element->unit, r, qf_dmn_xml_attr(r, "href"));
            if (required != NULL) {
                bind(scope, bindings, element->unit, required);
                element->needs[element->need_count++] = required;
            }
            break;
        }
    }
    if (element->kind == QF_DMN_KNOWLEDGE) /* a function may call itself */
        bind(scope, bindings, element->unit, element);
    return scope;
}

static void compile_element(struct qf_dmn_element *element)
{
    struct qf_dmn_unit *unit = element->unit;
    struct qf_dmn_model *model = unit->model;
    model->element_id = qf_arena_text(model->arena, element->name);
    if (element->kind == QF_DMN_DECISION) {
        const struct qf_dmn_xml *boxed = qf_dmn_boxed_child(element->xml);
        if (boxed != NULL) {
            element->body = qf_dmn_boxed(unit, requirement_scope(element), boxed);
            qf_dmn_check_type(unit, boxed, "what the decision gives", element->body->type,
                              variable_type(element));
        }
    } else if (element->kind == QF_DMN_KNOWLEDGE) {
        const struct qf_dmn_xml *logic = qf_dmn_xml_child(element->xml, "encapsulatedLogic");
        const struct qf_dmn_xml *boxed = logic == NULL ? NULL : qf_dmn_boxed_child(logic);
        struct qf_feel_binding *bindings =
            QF_ARENA_ARRAY(model->arena, struct qf_feel_binding, element->param_count);
        for (uint32_t i = 0; i < element->param_count; i++)
            bindings[i] = (struct qf_feel_binding){
                .name = element->params[i].name, .type = element->params[i].type, .slot = i};
        const struct qf_feel_scope *outer = requirement_scope(element);
        struct qf_feel_scope scope = {outer, QF_FEEL_SCOPE_FRAME, bindings, element->param_count};
        if (boxed != NULL) {
            element->body = qf_dmn_boxed(unit, element->external ? outer : &scope, boxed);
            if (!element->external)
                element->body =
                    qf_dmn_typed(unit, element->body,
                                 qf_dmn_type_ref(unit, logic, qf_dmn_xml_attr(logic, "typeRef")));
        }
    }
    model->element_id = NULL;
}

/* Depth-first over the requirements: an element met again on the way requires itself. */
static void find_cycles(struct qf_dmn_element *element, uint32_t depth)
{
    if (element->mark != 0)
        return;
    element->mark = 1;
    for (const struct qf_dmn_xml *e = element->xml->first; e != NULL && depth < 1000; e = e->next) {
        bool requirement = qf_slice_is(e->name, "informationRequirement");
        const struct qf_dmn_xml *r = !requirement ? NULL : qf_dmn_xml_child(e, "requiredDecision");
        if (r == NULL)
            continue;
        struct qf_slice href = qf_dmn_xml_attr(r, "href");
        struct qf_dmn_element *next = find_href(element->unit, NULL, href);
        if (next != NULL && next->mark == 1)
            qf_dmn_report(element->unit, r, true, "the decision requires itself, by way of this");
        else if (next != NULL)
            find_cycles(next, depth + 1);
    }
    element->mark = 2;
}

/* ---- the whole ---- */

/* Each import makes a unit of its own, so that two ways to one model have inputs of their own (they
 * are told apart by the names on the way: "Model B.Model A.Person"). */
static struct qf_dmn_unit *add_unit(struct qf_dmn_model *model, uint32_t source,
                                    const struct qf_dmn_unit *importer)
{
    if (model->unit_count == QF_DMN_UNITS_MAX)
        return NULL;
    struct qf_dmn_unit *unit = &model->units[model->unit_count++];
    const struct qf_dmn_xml *xml = model->sources[source].xml;
    struct qf_feel_reporter *reporter = QF_ARENA_NEW(model->arena, struct qf_feel_reporter);
    *reporter = (struct qf_feel_reporter){report_feel, unit};
    *unit = (struct qf_dmn_unit){.model = model, .xml = xml, .importer = importer};
    unit->file = model->sources[source].file;
    unit->ns = qf_dmn_xml_attr(xml, "namespace");
    unit->types = (struct qf_feel_types){find_type_for_feel, unit};
    unit->compiler = (struct qf_feel_compiler){
        .arena = model->arena, .types = &unit->types, .reporter = reporter};
    unit->item_count = count_named(xml, "itemDefinition", false);
    unit->items = QF_ARENA_ARRAY(model->arena, struct qf_dmn_item, unit->item_count);
    uint32_t at = 0;
    for (const struct qf_dmn_xml *e = qf_dmn_xml_child(xml, "itemDefinition"); e != NULL;
         e = qf_dmn_xml_next(e)) {
        unit->items[at].xml = e;
        unit->items[at++].name = qf_feel_name_normal(model->arena, qf_dmn_xml_attr(e, "name"));
    }
    return unit;
}

static bool imports_itself(const struct qf_dmn_unit *unit, struct qf_slice ns)
{
    for (; unit != NULL; unit = unit->importer)
        if (qf_slice_equal(unit->ns, ns))
            return true;
    return false;
}

static void add_imports(struct qf_dmn_unit *unit)
{
    struct qf_dmn_model *model = unit->model;
    unit->imports =
        QF_ARENA_ARRAY(model->arena, struct qf_dmn_import, count_named(unit->xml, "import", false));
    for (const struct qf_dmn_xml *e = qf_dmn_xml_child(unit->xml, "import"); e != NULL;
         e = qf_dmn_xml_next(e)) {
        struct qf_slice ns = qf_dmn_xml_attr(e, "namespace");
        struct qf_slice type = qf_dmn_xml_attr(e, "importType");
        uint32_t source = 0;
        while (source < model->source_count &&
               !qf_slice_equal(qf_dmn_xml_attr(model->sources[source].xml, "namespace"), ns))
            source++;
        bool is_model = type.size > 0 && memmem(type.data, type.size, "DMN", 3) != NULL;
        struct qf_dmn_unit *found = NULL;
        if (source < model->source_count && imports_itself(unit, ns))
            qf_dmn_report(unit, e, true, "the model imports itself");
        else if (source < model->source_count)
            found = add_unit(model, source, unit);
        else if (is_model)
            qf_dmn_report(unit, e, true, "no file has the imported namespace %.*s",
                          QF_SLICE_ARGS(ns));
        if (found != NULL)
            unit->imports[unit->import_count++] = (struct qf_dmn_import){
                qf_feel_name_normal(model->arena, qf_dmn_xml_attr(e, "name")), found};
    }
}

static enum qf_status open_source(struct qf_dmn_model *model, const struct qf_dmn_file *file,
                                  struct qf_error *err)
{
    struct qf_dmn_xml *xml = NULL;
    enum qf_status status = qf_dmn_xml_parse(model->arena, &xml, file->bytes, err);
    if (status != QF_OK) {
        qf_error_within(err, "%s ", file->name);
        return status;
    }
    if (!qf_slice_is(xml->name, "definitions") ||
        memmem(xml->ns.data, xml->ns.size, "/spec/DMN/", 10) == NULL)
        return qf_fail(err, QF_MALFORMED, file->name,
                       "the file is not a DMN model: its root is not <definitions>");
    model->sources[model->source_count++] =
        (struct qf_dmn_source){qf_arena_text(model->arena, qf_slice_of(file->name)), xml};
    return QF_OK;
}

/* Units first (imports are followed as the list grows), then room for what they hold. */
static void open_units(struct qf_dmn_model *model)
{
    uint32_t names = 0;
    uint32_t elements = 0;
    (void)add_unit(model, 0, NULL);
    for (uint32_t i = 0; i < model->unit_count; i++) {
        const struct qf_dmn_xml *xml = model->units[i].xml;
        add_imports(&model->units[i]);
        names += count_named(xml, "itemComponent", true) + count_named(xml, "contextEntry", true) +
                 count_named(xml, "output", true) + count_named(xml, "column", true);
        for (size_t k = 0; k < sizeof element_kinds / sizeof element_kinds[0]; k++)
            elements += count_named(xml, element_kinds[k].name, false);
    }
    model->member_names = QF_ARENA_ARRAY(model->arena, struct qf_slice, names);
    model->elements =
        qf_arena_zalloc(model->arena, sizeof(struct qf_dmn_element *) * ((size_t)elements + 1));
    for (uint32_t i = 0; i < model->unit_count; i++)
        learn_names(model, model->units[i].xml);
}

/* Names are how expressions, inputs and callers find things. */
static void check_names(struct qf_dmn_model *model)
{
    for (uint32_t i = 0; i < model->element_count; i++) {
        const struct qf_dmn_element *e = model->elements[i];
        if (e->name.size == 0)
            qf_dmn_report(e->unit, e->xml, true, "the %.*s has no name",
                          QF_SLICE_ARGS(e->xml->name));
        for (uint32_t j = i; j > 0 && model->elements[j - 1]->unit == e->unit; j--) {
            const struct qf_dmn_element *other = model->elements[j - 1];
            if (e->name.size == 0 || !qf_slice_equal(other->name, e->name))
                continue;
            qf_dmn_report(e->unit, e->xml, true,
                          "two elements have the name \"%.*s\": the other is in line %u",
                          QF_SLICE_ARGS(e->name), other->xml->line);
            break;
        }
    }
}

static void compile_model(struct qf_dmn_model *model)
{
    for (uint32_t i = 0; i < model->unit_count; i++) {
        struct qf_dmn_unit *unit = &model->units[i];
        unit->compiler.member_names = model->member_names;
        unit->compiler.member_name_count = model->member_name_count;
        add_elements(unit);
    }
    struct qf_slice *names = QF_ARENA_ARRAY(model->arena, struct qf_slice, model->element_count);
    for (uint32_t i = 0; i < model->element_count; i++)
        names[i] = model->elements[i]->name;
    for (uint32_t i = 0; i < model->unit_count; i++) {
        model->units[i].compiler.other_names = names;
        model->units[i].compiler.other_name_count = model->element_count;
    }
    check_names(model);
    for (uint32_t i = 0; i < model->unit_count; i++)
        for (uint32_t j = 0; j < model->units[i].item_count; j++)
            (void)item_type(&model->units[i], &model->units[i].items[j], 0);
    for (uint32_t i = 0; i < model->element_count; i++)
        if (model->elements[i]->kind == QF_DMN_INPUT || model->elements[i]->kind == QF_DMN_DECISION)
            model->elements[i]->type = variable_type(model->elements[i]);
    for (uint32_t i = 0; i < model->element_count; i++) {
        if (model->elements[i]->kind == QF_DMN_KNOWLEDGE)
            declare_knowledge(model->elements[i]);
        else if (model->elements[i]->kind == QF_DMN_SERVICE)
            declare_service(model->elements[i]);
    }
    for (uint32_t i = 0; i < model->element_count; i++)
        compile_element(model->elements[i]);
    for (uint32_t i = 0; i < model->element_count; i++)
        find_cycles(model->elements[i], 0);
    qf_dmn_trace_prepare(model);
}

enum qf_status qf_dmn_compile(struct qf_arena *arena, struct qf_dmn_model **out,
                              const struct qf_dmn_file *files, uint32_t count,
                              const struct qf_dmn_reporter *reporter, struct qf_error *err)
{
    *out = NULL;
    struct qf_dmn_model *model = QF_ARENA_NEW(arena, struct qf_dmn_model);
    model->arena = arena;
    model->reporter = reporter;
    model->units = QF_ARENA_ARRAY(arena, struct qf_dmn_unit, QF_DMN_UNITS_MAX);
    model->sources = QF_ARENA_ARRAY(arena, struct qf_dmn_source, count);
    for (uint32_t i = 0; i < count; i++) {
        enum qf_status status = open_source(model, &files[i], err);
        if (status != QF_OK)
            return status;
    }
    QF_ASSERT(count > 0);
    open_units(model);
    compile_model(model);
    model->reporter = NULL;
    *out = model;
    return QF_OK;
}

/* ---- looking things up ---- */

uint32_t qf_dmn_errors(const struct qf_dmn_model *model)
{
    return model->errors;
}

const struct qf_dmn_element *qf_dmn_at(const struct qf_dmn_model *model, uint32_t index)
{
    return index < model->element_count ? model->elements[index] : NULL;
}

static const struct qf_dmn_element *find_in_unit(const struct qf_dmn_unit *unit,
                                                 enum qf_dmn_kind kind, struct qf_slice name)
{
    const struct qf_dmn_model *model = unit->model;
    for (uint32_t i = 0; i < model->element_count; i++) {
        const struct qf_dmn_element *e = model->elements[i];
        if (e->unit == unit && e->kind == kind && qf_slice_equal(e->name, name))
            return e;
    }
    for (uint32_t i = 0; i < unit->import_count; i++) {
        struct qf_slice prefix = unit->imports[i].name;
        if (prefix.size == 0 || name.size <= prefix.size || name.data[prefix.size] != '.' ||
            memcmp(name.data, prefix.data, prefix.size) != 0)
            continue;
        struct qf_slice rest = {name.data + prefix.size + 1, name.size - prefix.size - 1};
        const struct qf_dmn_element *e = find_in_unit(unit->imports[i].unit, kind, rest);
        if (e != NULL)
            return e;
    }
    return NULL;
}

const struct qf_dmn_element *qf_dmn_find(const struct qf_dmn_model *model, struct qf_slice ns,
                                         enum qf_dmn_kind kind, struct qf_slice name)
{
    if (ns.size == 0)
        return find_in_unit(&model->units[0], kind, name);
    for (uint32_t i = 0; i < model->unit_count; i++) {
        if (!qf_slice_equal(model->units[i].ns, ns))
            continue;
        const struct qf_dmn_element *e = find_in_unit(&model->units[i], kind, name);
        if (e != NULL)
            return e;
    }
    return NULL;
}

enum qf_dmn_kind qf_dmn_kind(const struct qf_dmn_element *element)
{
    return element->kind;
}

struct qf_slice qf_dmn_name(const struct qf_dmn_element *element)
{
    return element->name;
}

const struct qf_feel_type *qf_dmn_type(const struct qf_dmn_element *element)
{
    return element->type;
}
