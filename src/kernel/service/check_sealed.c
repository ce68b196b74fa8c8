/* Where a process may name sealed fields, found when the package is compiled: their commitments may
 * be handed on as they are (to a sealed decision, in a message, to an operation, to a called
 * process under the same name), and nothing else may be made of them. */
#include "kernel/service/decision.h"

#define SHOWN(slice) (int)((slice).size > 60 ? 60 : (slice).size), (const char *)(slice).data

static bool is_sealed(const struct qf_service_model *model, struct qf_slice name)
{
    const struct qf_service_field *field = name.size == 0 ? NULL : qf_service_field_of(model, name);
    return field != NULL && field->sealed;
}

static void refuse_formula(struct qf_bpmn_model *bpmn, const struct qf_bpmn_formula *formula,
                           const struct qf_xml_node *where)
{
    struct qf_slice name = qf_bpmn_feel_sealed(formula);
    if (name.size > 0)
        qf_bpmn_report(bpmn, QF_BPMN_WRONG, where,
                       "line %u: the field %.*s is sealed and cannot be read here: decide over it "
                       "in a business rule task with qf:decision sealed=\"true\"",
                       formula->line, SHOWN(name));
}

static void refuse_formulas(struct qf_bpmn_model *bpmn, const struct qf_bpmn_assigns *assigns,
                            const struct qf_xml_node *where)
{
    for (uint32_t i = 0; i < assigns->count; i++)
        refuse_formula(bpmn, &assigns->items[i].value, where);
}

/* A commitment keeps its field's name, and nothing that is not one gets such a name. */
static void check_assigns(const struct qf_service_model *model, struct qf_bpmn_model *bpmn,
                          const struct qf_bpmn_assigns *assigns, const struct qf_xml_node *where)
{
    for (uint32_t i = 0; i < assigns->count; i++) {
        const struct qf_bpmn_assign *assign = &assigns->items[i];
        struct qf_slice from = qf_bpmn_feel_sealed(&assign->value);
        if (from.size > 0 && !qf_slice_equal(from, assign->name))
            qf_bpmn_report(bpmn, QF_BPMN_WRONG, where,
                           "the sealed field %.*s can only be kept under its own name",
                           SHOWN(from));
        if (from.size == 0 && is_sealed(model, assign->name))
            qf_bpmn_report(bpmn, QF_BPMN_WRONG, where, "%.*s is sealed: the process cannot set it",
                           SHOWN(assign->name));
    }
}

static bool is_send(const struct qf_bpmn_node *node)
{
    return node->kind == QF_BPMN_SEND ||
           ((node->kind == QF_BPMN_THROW || node->kind == QF_BPMN_END) &&
            node->event == QF_BPMN_EVENT_MESSAGE);
}

static void check_inputs(const struct qf_service_model *model, struct qf_bpmn_model *bpmn,
                         const struct qf_bpmn_node *node)
{
    const struct qf_bpmn_ext *ext = &node->ext;
    if (node->kind == QF_BPMN_CALL)
        check_assigns(model, bpmn, &ext->inputs, node->xml);
    else if (!ext->sealed && !is_send(node) && !qf_bpmn_is_human(node))
        refuse_formulas(bpmn, &ext->inputs, node->xml);
}

static void check_decision(const struct qf_service_model *model, struct qf_bpmn_model *bpmn,
                           const struct qf_bpmn_node *node)
{
    const struct qf_service_ruling *ruling = qf_service_ruling_of(model, node->ext.decision);
    if (ruling == NULL)
        return; /* said elsewhere */
    bool any = false;
    for (uint32_t i = 0; i < ruling->input_count; i++) {
        struct qf_slice name = qf_dmn_name(ruling->inputs[i]);
        bool sealed = qf_service_input_sealed(model, node, name);
        any = any || sealed;
        if (sealed && !node->ext.sealed && node->ext.inputs.count == 0)
            qf_bpmn_report(bpmn, QF_BPMN_WRONG, node->xml,
                           "the decision reads %.*s, which is sealed: say qf:decision "
                           "sealed=\"true\", and who holds the values records it",
                           SHOWN(name));
    }
    if (node->ext.sealed && !any)
        qf_bpmn_report(bpmn, QF_BPMN_WRONG, node->xml,
                       "the decision reads no sealed field: leave out sealed=\"true\", so that "
                       "every node makes it");
    if (node->ext.sealed && qf_bpmn_role(bpmn, node).size == 0)
        qf_bpmn_report(bpmn, QF_BPMN_WRONG, node->xml,
                       "nobody may record this decision: put it into a lane");
}

static void check_node(const struct qf_service_model *model, struct qf_bpmn_model *bpmn,
                       const struct qf_bpmn_node *node)
{
    const struct qf_bpmn_ext *ext = &node->ext;
    refuse_formula(bpmn, &node->timer, node->xml);
    refuse_formula(bpmn, &node->script, node->xml);
    refuse_formula(bpmn, &node->condition, node->xml);
    refuse_formula(bpmn, &node->cardinality, node->xml);
    refuse_formula(bpmn, &ext->collection, node->xml);
    refuse_formula(bpmn, &ext->to, node->xml);
    refuse_formula(bpmn, &ext->deadline.days, node->xml);
    check_assigns(model, bpmn, &ext->deadline.set, node->xml);
    check_assigns(model, bpmn, &ext->outputs, node->xml);
    check_inputs(model, bpmn, node);
    if (node->kind == QF_BPMN_RULE)
        check_decision(model, bpmn, node);
    bool may_seal = node->kind == QF_BPMN_RULE && ext->sealed;
    if ((is_sealed(model, ext->result) && !may_seal) || is_sealed(model, ext->item))
        qf_bpmn_report(bpmn, QF_BPMN_WRONG, node->xml, "%.*s is sealed: the process cannot set it",
                       SHOWN(is_sealed(model, ext->item) ? ext->item : ext->result));
}

void qf_service_check_sealed(struct qf_service_model *model)
{
    struct qf_bpmn_model *bpmn = &model->bpmn;
    for (uint16_t i = 0; i < bpmn->flow_count; i++)
        refuse_formula(bpmn, &bpmn->flows[i].condition, bpmn->flows[i].xml);
    for (uint16_t i = 0; i < bpmn->node_count; i++)
        check_node(model, bpmn, &bpmn->nodes[i]);
}
