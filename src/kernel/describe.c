#include <stdio.h>

#include "kernel/events.h"
#include "kernel/ops.h"
#include "kernel/signer.h"

static void put_names(struct qf_buf *out, const char *const *names, uint32_t bits)
{
    const char *between = "";
    for (unsigned i = 0; names[i] != NULL; i++) {
        if ((bits & (1u << i)) == 0)
            continue;
        qf_buf_put_text(out, between);
        qf_buf_put_text(out, names[i]);
        between = " or ";
    }
}

void qf_op_describe_may(struct qf_buf *out, const struct qf_op_row *row)
{
    static const char *const relations[] = {[QF_TO_NOTHING] = "",
                                            [QF_TO_OWN_MEMBER] = " of the member concerned",
                                            [QF_TO_SELF] = " himself",
                                            [QF_TO_PARTICIPANT] = " in the role of the service",
                                            [QF_TO_LEAD] = " who leads those in the role"};
    for (size_t i = 0; i < row->may_count; i++) {
        const struct qf_may *may = &row->may[i];
        if (i > 0)
            qf_buf_put_text(out, "; or ");
        if (may->relation == QF_TO_SELF) {
            qf_buf_put_text(out, "the actor concerned");
        } else {
            qf_buf_put_text(out, may->roles != 0 ? "role " : "any active actor");
            put_names(out, qf_role_names, may->roles);
        }
        qf_buf_put_text(out, relations[may->relation]);
        if (may->kinds != 0) {
            qf_buf_put_text(out, ", the member being of kind ");
            put_names(out, qf_member_kind_names, may->kinds);
        }
    }
}

static bool has_bounds(enum qf_field_type type)
{
    return type == QF_FIELD_INT || type == QF_FIELD_TEXT || type == QF_FIELD_DER ||
           type == QF_FIELD_LIST || type == QF_FIELD_ATTRIBUTES || type == QF_FIELD_DATA;
}

/* ---- JSON: members of each object in ascending order ---- */

static void put_member(struct qf_buf *out, const char *name, const char *text)
{
    qf_json_write_string(out, qf_slice_of(name));
    qf_buf_put_byte(out, ':');
    qf_json_write_string(out, qf_slice_of(text));
}

static void put_fields_json(struct qf_buf *out, const struct qf_fields *fields);

static void put_field_json(struct qf_buf *out, const struct qf_field *field)
{
    qf_buf_put_byte(out, '{');
    if (field->choices != NULL) {
        qf_buf_put_text(out, "\"choices\":[");
        for (size_t i = 0; field->choices[i] != NULL; i++) {
            if (i > 0)
                qf_buf_put_byte(out, ',');
            qf_json_write_string(out, qf_slice_of(field->choices[i]));
        }
        qf_buf_put_text(out, "],");
    }
    put_member(out, "doc", field->doc == NULL ? "" : field->doc);
    if (field->type == QF_FIELD_OBJECT) {
        qf_buf_put_text(out, ",\"fields\":");
        put_fields_json(out, &field->fields);
    }
    if (field->item != NULL) {
        qf_buf_put_text(out, ",\"item\":");
        put_field_json(out, field->item);
    }
    if (has_bounds(field->type)) {
        qf_buf_put_text(out, ",\"max\":");
        qf_buf_put_int(out, field->max);
        qf_buf_put_text(out, ",\"min\":");
        qf_buf_put_int(out, field->min);
    }
    if (field->name != NULL) {
        qf_buf_put_byte(out, ',');
        put_member(out, "name", field->name);
        qf_buf_put_text(out, field->optional ? ",\"required\":false" : ",\"required\":true");
    }
    qf_buf_put_byte(out, ',');
    put_member(out, "type", qf_field_type_name(field->type));
    qf_buf_put_byte(out, '}');
}

static void put_fields_json(struct qf_buf *out, const struct qf_fields *fields)
{
    qf_buf_put_byte(out, '[');
    for (size_t i = 0; i < fields->count; i++) {
        if (i > 0)
            qf_buf_put_byte(out, ',');
        put_field_json(out, &fields->rows[i]);
    }
    qf_buf_put_byte(out, ']');
}

static void put_row_json(struct qf_buf *out, const char *doc, const struct qf_fields *fields,
                         const struct qf_op_row *op, const char *name)
{
    qf_buf_put_byte(out, '{');
    put_member(out, "doc", doc);
    qf_buf_put_text(out, ",\"fields\":");
    put_fields_json(out, fields);
    if (op != NULL) {
        qf_buf_put_text(out, ",\"may\":\"");
        qf_op_describe_may(out, op);
        qf_buf_put_byte(out, '"');
    }
    qf_buf_put_byte(out, ',');
    put_member(out, "name", name);
    qf_buf_put_byte(out, '}');
}

void qf_ops_describe(struct qf_buf *out)
{
    const char *between = "";
    qf_buf_put_text(out, "{\"actions\":[");
    for (const struct qf_module *const *module = qf_modules; *module != NULL; module++)
        for (size_t i = 0; i < (*module)->action_count; i++) {
            const struct qf_action_row *row = &(*module)->actions[i];
            qf_buf_put_text(out, between);
            put_row_json(out, row->doc, &row->fields, NULL, row->name);
            between = ",";
        }
    between = "";
    qf_buf_put_text(out, "],\"ops\":[");
    for (const struct qf_module *const *module = qf_modules; *module != NULL; module++)
        for (size_t i = 0; i < (*module)->op_count; i++) {
            const struct qf_op_row *row = &(*module)->ops[i];
            qf_buf_put_text(out, between);
            put_row_json(out, row->doc, &row->fields, row, row->name);
            between = ",";
        }
    qf_buf_put_text(out, "]}");
}

/* ---- Markdown ---- */

static void put_choices(struct qf_buf *out, const char *const *choices)
{
    for (size_t i = 0; choices[i] != NULL; i++)
        qf_buf_printf(out, "%s`%s`", i == 0 ? "" : ", ", choices[i]);
}

static void put_bounds(struct qf_buf *out, const struct qf_field *field)
{
    switch (field->type) {
    case QF_FIELD_INT:
        qf_buf_printf(out, ", %lld to %lld", (long long)field->min, (long long)field->max);
        break;
    case QF_FIELD_TEXT:
    case QF_FIELD_DER:
        qf_buf_printf(out, ", %lld to %lld bytes", (long long)field->min, (long long)field->max);
        break;
    case QF_FIELD_LIST:
        qf_buf_printf(out, ", %lld to %lld items, each: %s", (long long)field->min,
                      (long long)field->max, qf_field_type_name(field->item->type));
        if (field->item->type == QF_FIELD_TEXT)
            put_bounds(out, field->item);
        break;
    case QF_FIELD_ATTRIBUTES:
    case QF_FIELD_DATA:
        qf_buf_printf(out, ", at most %lld", (long long)field->max);
        break;
    case QF_FIELD_CHOICE:
        qf_buf_put_text(out, ": ");
        put_choices(out, field->choices);
        break;
    case QF_FIELD_ID:
    case QF_FIELD_MEMBER:
    case QF_FIELD_HASH:
    case QF_FIELD_KID:
    case QF_FIELD_PSEUDONYM:
    case QF_FIELD_DATE:
    case QF_FIELD_NODE_KEY:
    case QF_FIELD_JWK:
    case QF_FIELD_VALUE:
    case QF_FIELD_OBJECT:
    case QF_FIELD_ACTION:
        break;
    }
}

static void put_field_rows(struct qf_buf *out, const struct qf_fields *fields, const char *prefix)
{
    for (size_t i = 0; i < fields->count; i++) {
        const struct qf_field *field = &fields->rows[i];
        qf_buf_printf(out, "| `%s%s` | %s | %s", prefix, field->name, field->optional ? "" : "yes",
                      qf_field_type_name(field->type));
        put_bounds(out, field);
        qf_buf_printf(out, " | %s |\n", field->doc);
        const struct qf_field *object = field->type == QF_FIELD_LIST ? field->item : field;
        if (object->type != QF_FIELD_OBJECT)
            continue;
        char inner[64];
        snprintf(inner, sizeof inner, "%s%s%s.", prefix, field->name,
                 field->type == QF_FIELD_LIST ? "[]" : "");
        put_field_rows(out, &object->fields, inner);
    }
}

void qf_fields_describe_markdown(struct qf_buf *out, const struct qf_fields *fields)
{
    qf_buf_put_text(out, "| field | required | form | meaning |\n|---|---|---|---|\n");
    put_field_rows(out, fields, "");
}

static void put_events(struct qf_buf *out)
{
    qf_buf_put_text(
        out, "\n## Events\n\nWhat the kernel tells of what has happened, with the state key "
             "(`spec/state.md`) of what it is about.\nStreams and webhooks show an operation "
             "as an event of the operation's own name, and of these what no operation\nnames "
             "(`spec/http.md`, \"Events\").\n\n"
             "| event | when |\n|---|---|\n");
#define EVENT_ROW(sym, name, doc) qf_buf_printf(out, "| `%s` | %s |\n", name, doc);
    QF_EVENT_LIST(EVENT_ROW)
#undef EVENT_ROW
}

static void put_forms(struct qf_buf *out)
{
    qf_buf_put_text(out, "\n## Forms of fields\n\n| form | what it must be |\n|---|---|\n");
#define FORM_ROW(sym, name, text) qf_buf_printf(out, "| %s | %s |\n", name, text);
    QF_FIELD_TYPE_LIST(FORM_ROW)
#undef FORM_ROW
}

void qf_ops_describe_markdown(struct qf_buf *out)
{
    qf_buf_put_text(
        out, "# Operations\n\n"
             "Written from the tables that the kernel checks by (`src/kernel/*/`); a test compares "
             "the two. Fields stand\nbeside `\"op\"` in the operation's object, those of an action "
             "beside `\"do\"`. A field that is not listed is refused\nby name.\n");
    for (const struct qf_module *const *module = qf_modules; *module != NULL; module++) {
        qf_buf_printf(out, "\n## %s\n\n%s\n", (*module)->name, (*module)->doc);
        for (size_t i = 0; i < (*module)->op_count; i++) {
            const struct qf_op_row *row = &(*module)->ops[i];
            qf_buf_printf(out, "\n### `%s`\n\n%s\n\nWho may: ", row->name, row->doc);
            qf_op_describe_may(out, row);
            if (row->service != NULL)
                qf_buf_printf(out, "; and a service with the capability `%s`",
                              row->service->capability);
            qf_buf_put_text(out, ".\n\n");
            qf_fields_describe_markdown(out, &row->fields);
        }
    }
    qf_buf_put_text(out, "\n## Actions\n\nWhat `consortium.propose` puts to the vote.\n");
    for (const struct qf_module *const *module = qf_modules; *module != NULL; module++)
        for (size_t i = 0; i < (*module)->action_count; i++) {
            const struct qf_action_row *row = &(*module)->actions[i];
            qf_buf_printf(out, "\n### `%s`\n\n%s\n\n", row->name, row->doc);
            qf_fields_describe_markdown(out, &row->fields);
        }
    put_events(out);
    put_forms(out);
}
