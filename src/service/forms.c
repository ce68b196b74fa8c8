/* Forms of a folder: within the subset, and about declared fields. */
#include <stdio.h>

#include "kernel/form.h"
#include "service/inspect_internal.h"

struct form {
    struct qf_inspection *in;
    const struct qf_folder_file *file;
};

/* The next place of "name" followed by a colon, or the size of the text. */
static size_t find_key(struct qf_slice text, size_t from, const char *name, size_t size)
{
    for (size_t i = from; i + size + 2 < text.size; i++) {
        if (text.data[i] != '"' || memcmp(text.data + i + 1, name, size) != 0 ||
            text.data[i + 1 + size] != '"')
            continue;
        size_t k = i + size + 2;
        while (k < text.size && strchr(" \t\r\n", text.data[k]) != NULL && text.data[k] != '\0')
            k++;
        if (k < text.size && text.data[k] == ':')
            return i;
    }
    return text.size;
}

/* Where a pointer leads in the text, as near as its keys can be found one after another. */
static void place_of(struct qf_slice text, const char *pointer, struct qf_folder_problem *place)
{
    size_t at = 0;
    while (*pointer == '/') {
        pointer++;
        size_t size = strcspn(pointer, "/");
        size_t next = find_key(text, at, pointer, size);
        if (next < text.size)
            at = next;
        pointer += size;
    }
    place->line = place->column = 1;
    for (size_t i = 0; i < at; i++) {
        place->column = text.data[i] == '\n' ? 1 : place->column + ((text.data[i] & 0xc0) != 0x80);
        place->line += text.data[i] == '\n';
    }
}

static void tell(const struct form *form, bool error, const char *pointer, const char *text)
{
    struct qf_folder_problem place = {.error = error, .file = form->file->name, .element = pointer};
    if (!qf_folder_full(form->in->folder))
        place_of(form->file->bytes, pointer, &place);
    qf_folder_report(form->in->folder, &place, "%s", text);
}

static void take(void *self, const char *pointer, const char *message)
{
    tell(self, true, pointer, message);
}

/* NULL when values of the schema can be of the field's type; else what to write. */
static const char *what_fits(struct qf_slice type, const struct qf_json *schema)
{
    static const struct {
        const char *field;
        const char *schema, *format;
        const char *cure;
    } table[] = {
        {"string", "string", NULL, "use type string"},
        {"boolean", "boolean", NULL, "use type boolean"},
        {"list", "array", NULL, "use type array"},
        {"context", "object", NULL, "use type object"},
        {"date", "string", "date", "use type string with format date"},
        {"time", "string", "time", "use type string with format time"},
        {"date and time", "string", "date-time", "use type string with format date-time"},
        {"dateTime", "string", "date-time", "use type string with format date-time"},
    };
    const struct qf_json *is = qf_json_get(schema, "type"), *format = qf_json_get(schema, "format");
    if (qf_slice_is(type, "Any") || qf_feel_type_named(type) == NULL)
        return NULL;
    if (qf_slice_is(type, "number"))
        return qf_json_is_text(is, "integer") ||
                       (qf_json_is_text(is, "string") && qf_json_is_text(format, "decimal"))
                   ? NULL
                   : "use type integer, or type string with format decimal";
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (!qf_slice_is(type, table[i].field))
            continue;
        bool good = qf_json_is_text(is, table[i].schema) &&
                    (table[i].format == NULL || qf_json_is_text(format, table[i].format));
        return good ? NULL : table[i].cure;
    }
    return qf_json_is_text(is, "string") ? NULL : "use type string";
}

static void check_property(const struct form *form, const struct qf_json_member *property)
{
    char pointer[200], text[256];
    const struct qf_json *field =
        form->in->fields != NULL ? qf_json_get_slice(form->in->fields, property->key) : NULL;
    int size = (int)(property->key.size > 120 ? 120 : property->key.size);
    snprintf(pointer, sizeof pointer, "/properties/%.*s", size, (const char *)property->key.data);
    if (form->in->manifest == NULL)
        return; /* nobody knows which there are */
    if (field == NULL) {
        tell(form, true, pointer, "is no field of service.yaml; declare it there under fields");
        return;
    }
    const struct qf_json *type = qf_json_get(field, "type");
    if (type == NULL || type->type != QF_JSON_STRING)
        return;
    const char *cure = what_fits(qf_json_text(type), &property->value);
    if (cure == NULL)
        return;
    snprintf(text, sizeof text, "the field is of type %.*s in service.yaml: %s", (int)type->count,
             type->text, cure);
    tell(form, true, pointer, text);
}

static bool is_used(const struct qf_inspection *in, struct qf_slice name)
{
    const struct qf_json *messages = qf_inspect_in(in->manifest, "messages");
    for (uint16_t i = 0; i < in->bpmn->node_count; i++)
        if (qf_slice_equal(in->bpmn->nodes[i].ext.form, name))
            return true;
    for (uint32_t i = 0; messages != NULL && i < messages->count; i++) {
        const struct qf_json *form = qf_json_get(&messages->members[i].value, "form");
        if (form != NULL && form->type == QF_JSON_STRING &&
            qf_slice_equal(qf_json_text(form), name))
            return true;
    }
    return false;
}

void qf_inspect_forms(struct qf_inspection *in)
{
    const struct qf_json *schemas = &in->folder->schemas;
    for (uint32_t i = 0; i < schemas->count; i++) {
        const struct qf_json_member *schema = &schemas->members[i];
        struct form form = {
            in, qf_folder_find(in->folder, qf_arena_text(&in->folder->arena, schema->key))};
        (void)qf_form_check(&schema->value, take, &form);
        const struct qf_json *properties = qf_inspect_in(&schema->value, "properties");
        for (uint32_t k = 0; properties != NULL && k < properties->count; k++)
            if (properties->members[k].value.type == QF_JSON_OBJECT)
                check_property(&form, &properties->members[k]);
        struct qf_slice name = qf_slice_make(schema->key.data + 8, schema->key.size - 8);
        if (in->bpmn != NULL && !is_used(in, name))
            tell(&form, false, "", "no task and no message uses this form");
    }
}
