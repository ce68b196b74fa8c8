/* What a process does with values that can never be of the type that is wanted there, found when
 * the package is compiled: FEEL makes null of them, so that a condition would silently never hold,
 * and a decision never find its rule. */
#include "bpmn/term.h"
#include "kernel/service/decision.h"

#define SHOWN(slice) (int)((slice).size > 60 ? 60 : (slice).size), (const char *)(slice).data

static const char *kind_of(const struct qf_feel_type *type)
{
    return qf_feel_kind_name((enum qf_feel_kind)type->kind);
}

static void want(struct qf_bpmn_model *bpmn, const struct qf_bpmn_formula *formula,
                 const struct qf_xml_node *where, enum qf_feel_kind kind, const char *what,
                 const char *cure)
{
    const struct qf_feel_type *type = qf_bpmn_feel_type(formula);
    if (formula->text.data != NULL && qf_feel_type_never(type, qf_feel_type_of_kind(kind)))
        qf_bpmn_report(bpmn, QF_BPMN_WRONG, where, "line %u: %s is a %s, want a %s%s",
                       formula->line, what, kind_of(type), qf_feel_kind_name(kind), cure);
}

/* Dates, times and durations are texts on the ledger, and may come as texts. */
static bool never(const struct qf_feel_type *given, const struct qf_feel_type *wanted)
{
    bool text = given->kind == QF_FEEL_STRING && wanted->kind >= QF_FEEL_DATE &&
                wanted->kind <= QF_FEEL_SECONDS;
    return !text && qf_feel_type_never(given, wanted);
}

/* Whether a fixed text cannot be read as a value of the type. */
static bool unreadable(const struct qf_bpmn_formula *formula, const struct qf_feel_type *wanted)
{
    struct qf_feel_value value;
    struct qf_json json = qf_json_make_slice(formula->text);
    struct qf_arena scratch = {0};
    if (!formula->literal || wanted->kind == QF_FEEL_ANY || wanted->kind == QF_FEEL_STRING)
        return false;
    bool good = qf_dmn_value_from_json(&scratch, &value, &json, wanted, NULL);
    qf_arena_deinit(&scratch);
    return !good;
}

static void check_assign(const struct qf_service_model *model, struct qf_bpmn_model *bpmn,
                         const struct qf_bpmn_assign *assign, const struct qf_xml_node *where)
{
    const struct qf_service_field *field = qf_service_field_of(model, assign->name);
    const struct qf_feel_type *type = qf_bpmn_feel_type(&assign->value);
    if (field == NULL || field->sealed)
        return;
    if (unreadable(&assign->value, field->type))
        qf_bpmn_report(bpmn, QF_BPMN_WRONG, where,
                       "line %u: %.*s is a %s, and \"%.*s\" is none; an expression begins with =",
                       assign->value.line, SHOWN(assign->name), kind_of(field->type),
                       SHOWN(assign->value.text));
    else if (never(type, field->type))
        qf_bpmn_report(bpmn, QF_BPMN_WRONG, where, "line %u: %.*s is a %s and is given a %s",
                       assign->value.line, SHOWN(assign->name), kind_of(field->type),
                       kind_of(type));
}

static void check_assigns(const struct qf_service_model *model, struct qf_bpmn_model *bpmn,
                          const struct qf_bpmn_assigns *assigns, const struct qf_xml_node *where)
{
    for (uint32_t i = 0; i < assigns->count; i++)
        check_assign(model, bpmn, &assigns->items[i], where);
}

/* ---- timers ---- */

static void check_timer(struct qf_bpmn_model *bpmn, const struct qf_bpmn_node *node)
{
    static const char *const forms[] = {
        [QF_BPMN_TIMER_DATE] = "a date and time, such as 2026-03-02T09:00:00+08:00",
        [QF_BPMN_TIMER_DURATION] = "a duration, such as P5D or PT2H",
        [QF_BPMN_TIMER_CYCLE] = "a cycle, such as R/P10D or R3/PT1H",
    };
    const struct qf_bpmn_formula *timer = &node->timer;
    struct qf_duration duration;
    const struct qf_calendar calendar = {.rest = 0x60, .offset_minutes = QF_SERVICE_ZONE_MINUTES};
    int64_t number;
    bool good = true;
    if (timer->text.data == NULL)
        return;
    if (timer->literal && node->timer_kind == QF_BPMN_TIMER_DURATION)
        good = qf_duration_parse(&duration, timer->text);
    else if (timer->literal && node->timer_kind == QF_BPMN_TIMER_CYCLE)
        good = qf_cycle_parse(&number, &duration, timer->text);
    else if (timer->literal)
        good = qf_moment_parse(&number, &calendar, timer->text);
    uint32_t kind = qf_bpmn_feel_type(timer)->kind;
    bool date = kind == QF_FEEL_DATE || kind == QF_FEEL_DATE_TIME;
    bool span = kind == QF_FEEL_MONTHS || kind == QF_FEEL_SECONDS;
    if (kind != QF_FEEL_ANY && kind != QF_FEEL_NULL && kind != QF_FEEL_STRING)
        good = good && (node->timer_kind == QF_BPMN_TIMER_DATE ? date : span);
    if (!good)
        qf_bpmn_report(bpmn, QF_BPMN_WRONG, node->xml, "line %u: the timer wants %s", timer->line,
                       forms[node->timer_kind]);
}

/* ---- decisions ---- */

static bool is_variable(const struct qf_service_model *model, struct qf_slice name)
{
    for (uint32_t i = 0; i < model->feel.variable_count; i++)
        if (qf_slice_equal(model->feel.variables[i].name, name))
            return true;
    return qf_service_field_of(model, name) != NULL;
}

/* Without a mapping an input of the decision is the variable of its name. */
static void check_unmapped(const struct qf_service_model *model, struct qf_bpmn_model *bpmn,
                           const struct qf_bpmn_node *node, const struct qf_service_ruling *ruling)
{
    for (uint32_t i = 0; i < ruling->input_count; i++) {
        struct qf_slice name = qf_dmn_name(ruling->inputs[i]);
        const struct qf_feel_type *wanted = qf_dmn_type(ruling->inputs[i]);
        const struct qf_service_field *field = qf_service_field_of(model, name);
        if (!is_variable(model, name))
            qf_bpmn_report(
                bpmn, QF_BPMN_WRONG, node->xml,
                "the decision %.*s reads %.*s, which is no field: declare it, or give it "
                "with qf:input",
                SHOWN(node->ext.decision), SHOWN(name));
        else if (field != NULL && never(field->type, wanted))
            qf_bpmn_report(bpmn, QF_BPMN_WRONG, node->xml,
                           "the decision %.*s reads %.*s as a %s, and the field is a %s",
                           SHOWN(node->ext.decision), SHOWN(name), kind_of(wanted),
                           kind_of(field->type));
    }
}

static void check_mapped(struct qf_bpmn_model *bpmn, const struct qf_bpmn_node *node,
                         const struct qf_service_ruling *ruling)
{
    const struct qf_bpmn_assigns *inputs = &node->ext.inputs;
    for (uint32_t i = 0; i < inputs->count; i++) {
        const struct qf_bpmn_assign *input = &inputs->items[i];
        const struct qf_feel_type *given = qf_bpmn_feel_type(&input->value);
        if (!qf_service_ruling_reads(ruling, input->name)) {
            qf_bpmn_report(bpmn, QF_BPMN_WRONG, node->xml,
                           "line %u: the decision %.*s has no input %.*s", input->value.line,
                           SHOWN(node->ext.decision), SHOWN(input->name));
            continue;
        }
        for (uint32_t k = 0; k < ruling->input_count; k++) {
            const struct qf_feel_type *wanted = qf_dmn_type(ruling->inputs[k]);
            if (!qf_slice_equal(qf_dmn_name(ruling->inputs[k]), input->name))
                continue;
            if (unreadable(&input->value, wanted))
                qf_bpmn_report(bpmn, QF_BPMN_WRONG, node->xml,
                               "line %u: the decision %.*s reads %.*s as a %s, and \"%.*s\" is "
                               "none; an expression begins with =",
                               input->value.line, SHOWN(node->ext.decision), SHOWN(input->name),
                               kind_of(wanted), SHOWN(input->value.text));
            else if (never(given, wanted))
                qf_bpmn_report(bpmn, QF_BPMN_WRONG, node->xml,
                               "line %u: the decision %.*s reads %.*s as a %s, and is given a %s",
                               input->value.line, SHOWN(node->ext.decision), SHOWN(input->name),
                               kind_of(wanted), kind_of(given));
        }
    }
}

static void check_decision(const struct qf_service_model *model, struct qf_bpmn_model *bpmn,
                           const struct qf_bpmn_node *node)
{
    const struct qf_service_ruling *ruling = qf_service_ruling_of(model, node->ext.decision);
    const struct qf_service_field *field = qf_service_field_of(model, node->ext.result);
    if (ruling == NULL)
        return; /* said elsewhere */
    const struct qf_feel_type *gives = qf_dmn_type(ruling->element);
    if (node->ext.inputs.count == 0)
        check_unmapped(model, bpmn, node, ruling);
    else
        check_mapped(bpmn, node, ruling);
    if (field != NULL && !field->sealed && qf_feel_type_never(gives, field->type))
        qf_bpmn_report(bpmn, QF_BPMN_WRONG, node->xml,
                       "the decision %.*s gives a %s, and the field %.*s is a %s",
                       SHOWN(node->ext.decision), kind_of(gives), SHOWN(field->name),
                       kind_of(field->type));
}

static void check_node(const struct qf_service_model *model, struct qf_bpmn_model *bpmn,
                       const struct qf_bpmn_node *node)
{
    const struct qf_bpmn_ext *ext = &node->ext;
    want(bpmn, &node->condition, node->xml, QF_FEEL_BOOLEAN, "the condition",
         "; compare it with something");
    want(bpmn, &node->cardinality, node->xml, QF_FEEL_NUMBER, "the number of instances", "");
    want(bpmn, &ext->deadline.days, node->xml, QF_FEEL_NUMBER, "the number of days", "");
    want(bpmn, &ext->to, node->xml, QF_FEEL_STRING, "the case that it goes to", ": its id");
    uint32_t collection = qf_bpmn_feel_type(&ext->collection)->kind;
    if (ext->collection.text.data != NULL && collection != QF_FEEL_ANY &&
        collection != QF_FEEL_NULL && collection != QF_FEEL_LIST)
        qf_bpmn_report(bpmn, QF_BPMN_WRONG, node->xml,
                       "line %u: the collection is a %s, want a list", ext->collection.line,
                       kind_of(qf_bpmn_feel_type(&ext->collection)));
    check_timer(bpmn, node);
    check_assigns(model, bpmn, &ext->deadline.set, node->xml);
    check_assigns(model, bpmn, &ext->outputs, node->xml);
    if (node->kind == QF_BPMN_CALL)
        check_assigns(model, bpmn, &ext->inputs, node->xml);
    if (node->kind == QF_BPMN_RULE)
        check_decision(model, bpmn, node);
}

void qf_service_check_types(struct qf_service_model *model)
{
    struct qf_bpmn_model *bpmn = &model->bpmn;
    for (uint16_t i = 0; i < bpmn->flow_count; i++)
        want(bpmn, &bpmn->flows[i].condition, bpmn->flows[i].xml, QF_FEEL_BOOLEAN, "the condition",
             "; compare it with something");
    for (uint16_t i = 0; i < bpmn->node_count; i++)
        check_node(model, bpmn, &bpmn->nodes[i]);
}
