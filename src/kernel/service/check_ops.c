/* What a process says of the ops that it performs, found when the package is compiled: that a
 * service may, that its capabilities cover it, and that the op has the fields. What values come to
 * is seen when they do. */
#include "kernel/service/step.h"

#define SHOWN(slice) (int)((slice).size > 60 ? 60 : (slice).size), (const char *)(slice).data

static const struct qf_field *field_of(const struct qf_op_row *row, struct qf_slice name)
{
    for (size_t i = 0; i < row->fields.count; i++)
        if (qf_slice_is(name, row->fields.rows[i].name))
            return &row->fields.rows[i];
    return NULL;
}

/* The names of the ops, or of an op's fields, for who has written another one. */
static const char *all_ops(struct qf_arena *arena)
{
    const char *text = "";
    for (const struct qf_module *const *module = qf_modules; *module != NULL; module++)
        for (size_t i = 0; i < (*module)->op_count; i++)
            if ((*module)->ops[i].service != NULL)
                text = qf_arena_printf(arena, "%s%s%s", text, *text == '\0' ? "" : ", ",
                                       (*module)->ops[i].name);
    return text;
}

static const char *all_fields(struct qf_arena *arena, const struct qf_op_row *row)
{
    const char *text = "";
    for (size_t i = 0; i < row->fields.count; i++)
        if (!qf_op_is_signers(row->fields.rows[i].name))
            text = qf_arena_printf(arena, "%s%s%s", text, *text == '\0' ? "" : ", ",
                                   row->fields.rows[i].name);
    return text;
}

/* A fixed text can be judged now. */
static void check_literal(const struct qf_service_model *model, struct qf_bpmn_model *bpmn,
                          const struct qf_bpmn_node *node, const struct qf_field *field,
                          const struct qf_bpmn_formula *value)
{
    struct qf_json object = qf_json_make_object();
    const struct qf_fields one = {field, 1};
    struct qf_error why = {0};
    enum qf_suite suite = qf_service_hash_alg(model) == QF_HASH_SM3 ? QF_SUITE_GM : QF_SUITE_INTL;
    qf_json_put(bpmn->arena, &object, field->name, qf_json_make_slice(value->text));
    if (qf_schema_check(&one, &object, NULL, suite, &why) != QF_OK)
        qf_bpmn_report(bpmn, QF_BPMN_WRONG, node->xml,
                       "line %u: the field %s %s; a value that is not a text is an expression and "
                       "begins with =",
                       value->line, field->name, why.detail);
}

static void check_fields(const struct qf_service_model *model, struct qf_bpmn_model *bpmn,
                         const struct qf_bpmn_node *node, const struct qf_op_row *row)
{
    const struct qf_bpmn_assigns *given = &node->ext.fields;
    for (uint32_t i = 0; i < given->count; i++) {
        const struct qf_bpmn_assign *assign = &given->items[i];
        const struct qf_field *field = field_of(row, assign->name);
        if (field == NULL || qf_op_is_signers(field->name))
            qf_bpmn_report(bpmn, QF_BPMN_WRONG, node->xml,
                           "line %u: %s takes no field %.*s from a service; it has %s",
                           assign->value.line, row->name, SHOWN(assign->name),
                           all_fields(bpmn->arena, row));
        else if (assign->value.literal)
            check_literal(model, bpmn, node, field, &assign->value);
        for (uint32_t k = 0; k < i; k++)
            if (qf_slice_equal(given->items[k].name, assign->name))
                qf_bpmn_report(bpmn, QF_BPMN_WRONG, node->xml,
                               "line %u: the field %.*s is given twice", assign->value.line,
                               SHOWN(assign->name));
    }
    for (size_t i = 0; i < row->fields.count; i++) {
        const struct qf_field *field = &row->fields.rows[i];
        bool there = field->optional;
        for (uint32_t k = 0; k < given->count && !there; k++)
            there = qf_slice_is(given->items[k].name, field->name);
        if (!there)
            qf_bpmn_report(bpmn, QF_BPMN_WRONG, node->xml,
                           "%s needs the field %s: add <qf:field name=\"%s\" value=\"=...\"/> to "
                           "qf:op",
                           row->name, field->name, field->name);
    }
}

void qf_service_check_ops(struct qf_service_model *model)
{
    struct qf_bpmn_model *bpmn = &model->bpmn;
    const struct qf_json *capabilities = qf_json_get(model->manifest, "capabilities");
    for (uint16_t i = 0; i < bpmn->node_count; i++) {
        const struct qf_bpmn_node *node = &bpmn->nodes[i];
        if (node->ext.op.size == 0)
            continue;
        const struct qf_op_row *row = qf_op_find(node->ext.op);
        if (row == NULL || row->service == NULL) {
            qf_bpmn_report(bpmn, QF_BPMN_WRONG, node->xml,
                           "a service cannot perform %.*s; it can: %s", SHOWN(node->ext.op),
                           all_ops(bpmn->arena));
            continue;
        }
        if (!qf_record_has(capabilities, qf_slice_of(row->service->capability)))
            qf_bpmn_report(bpmn, QF_BPMN_WRONG, node->xml,
                           "%s needs the capability %s: add it to capabilities in service.yaml, "
                           "so that the members approve it with the service",
                           row->name, row->service->capability);
        check_fields(model, bpmn, node, row);
    }
}
