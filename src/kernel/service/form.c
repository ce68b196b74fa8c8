/* Form data: what an answer may bring onto the ledger. */
#include "kernel/service/service.h"

static enum qf_status wrong(struct qf_error *err, struct qf_slice name, const char *text)
{
    enum qf_status status = qf_fail(err, QF_BAD_FIELD, "", "%s", text);
    qf_schema_within(err, name, 0);
    qf_error_within(err, "data");
    return status;
}

static const struct qf_service_field *find(const struct qf_service_model *model,
                                           struct qf_slice name)
{
    for (uint32_t i = 0; i < model->field_count; i++)
        if (qf_slice_equal(model->fields[i].name, name))
            return &model->fields[i];
    return NULL;
}

static enum qf_status check_field(const struct qf_service_model *model, struct qf_arena *arena,
                                  const struct qf_json_member *member, struct qf_error *err)
{
    const struct qf_service_field *field = find(model, member->key);
    struct qf_feel_value value;
    struct qf_error why = {0};
    if (field == NULL)
        return wrong(err, member->key, "is no field of the service");
    if (field->sealed)
        return wrong(err, member->key, "is sealed: its value must not come onto the ledger");
    if (member->value.type == QF_JSON_STRING && member->value.count > field->size_max)
        return wrong(err, member->key, "is longer than the field allows");
    if (member->value.type == QF_JSON_NULL)
        return QF_OK;
    if (!qf_dmn_value_from_json(arena, &value, &member->value, field->type, &why))
        return wrong(err, member->key, "is not of the field's type");
    return QF_OK;
}

/* ---- schemas ---- */

static bool is_one_of(struct qf_slice word, const char *const *words)
{
    for (; *words != NULL; words++)
        if (qf_slice_is(word, *words))
            return true;
    return false;
}

static bool only(const struct qf_json *object, const char *const *words, struct qf_slice *other)
{
    for (uint32_t i = 0; i < object->count; i++)
        if (!is_one_of(object->members[i].key, words)) {
            *other = object->members[i].key;
            return false;
        }
    return true;
}

static enum qf_status refuse(struct qf_error *err, struct qf_slice name, struct qf_slice word,
                             const char *text)
{
    return qf_fail(err, QF_BAD_FIELD, "package", "%.*s, %.*s: %s",
                   (int)(name.size > 60 ? 60 : name.size), (const char *)name.data,
                   (int)(word.size > 60 ? 60 : word.size), (const char *)word.data, text);
}

static bool bound_is_well_formed(const struct qf_json *schema, const char *name, int64_t least)
{
    const struct qf_json *bound = qf_json_get(schema, name);
    return bound == NULL || (bound->type == QF_JSON_INT && bound->integer >= least);
}

static enum qf_status check_property(const struct qf_service_model *model, struct qf_slice name,
                                     const struct qf_json_member *property, struct qf_error *err)
{
    static const char *const words[] = {"description", "enum",  "maxLength", "maximum", "minLength",
                                        "minimum",     "title", "type",      NULL};
    static const char *const types[] = {"string", "integer", "boolean", NULL};
    const struct qf_json *schema = &property->value;
    struct qf_slice other;
    if (schema->type != QF_JSON_OBJECT)
        return refuse(err, name, property->key, "must be an object");
    if (!only(schema, words, &other))
        return refuse(err, name, other, "this keyword is not supported in a property");
    const struct qf_json *type = qf_json_get(schema, "type");
    const struct qf_json *choices = qf_json_get(schema, "enum");
    if (type == NULL || type->type != QF_JSON_STRING || !is_one_of(qf_json_text(type), types))
        return refuse(err, name, property->key, "type must be string, integer or boolean");
    if (choices != NULL && choices->type != QF_JSON_ARRAY)
        return refuse(err, name, property->key, "enum must be a list");
    if (!bound_is_well_formed(schema, "minLength", 0) ||
        !bound_is_well_formed(schema, "maxLength", 0) ||
        !bound_is_well_formed(schema, "minimum", INT64_MIN) ||
        !bound_is_well_formed(schema, "maximum", INT64_MIN))
        return refuse(err, name, property->key, "bounds are integers");
    if (find(model, property->key) == NULL)
        return refuse(err, name, property->key, "is no field of the manifest");
    return QF_OK;
}

enum qf_status qf_service_check_form(const struct qf_service_model *model,
                                     const struct qf_json *schema, struct qf_slice name,
                                     struct qf_error *err)
{
    static const char *const words[] = {"$id",         "$schema",    "additionalProperties",
                                        "description", "properties", "required",
                                        "title",       "type",       NULL};
    struct qf_slice other = qf_slice_of("");
    if (schema->type != QF_JSON_OBJECT || !qf_json_is_text(qf_json_get(schema, "type"), "object"))
        return refuse(err, name, other, "must be a schema of type object");
    if (!only(schema, words, &other))
        return refuse(err, name, other, "this keyword is not supported");
    const struct qf_json *extra = qf_json_get(schema, "additionalProperties");
    if (extra != NULL && extra->type != QF_JSON_FALSE)
        return refuse(err, name, qf_slice_of("additionalProperties"), "must be false");
    const struct qf_json *properties = qf_json_get(schema, "properties");
    const struct qf_json *required = qf_json_get(schema, "required");
    if (properties == NULL || properties->type != QF_JSON_OBJECT)
        return refuse(err, name, qf_slice_of("properties"), "must be an object");
    if (required != NULL && required->type != QF_JSON_ARRAY)
        return refuse(err, name, qf_slice_of("required"), "must be a list");
    for (uint32_t i = 0; required != NULL && i < required->count; i++)
        if (required->items[i].type != QF_JSON_STRING ||
            qf_json_get_slice(properties, qf_json_text(&required->items[i])) == NULL)
            return refuse(err, name, qf_slice_of("required"), "must name properties");
    for (uint32_t i = 0; i < properties->count; i++) {
        enum qf_status status = check_property(model, name, &properties->members[i], err);
        if (status != QF_OK)
            return status;
    }
    return QF_OK;
}

static int64_t characters(struct qf_slice text)
{
    int64_t count = 0;
    for (size_t i = 0; i < text.size; i++)
        count += (text.data[i] & 0xc0) != 0x80;
    return count;
}

static bool in_bounds(const struct qf_json *schema, int64_t value, const char *min, const char *max)
{
    const struct qf_json *low = qf_json_get(schema, min);
    const struct qf_json *high = qf_json_get(schema, max);
    return (low == NULL || value >= low->integer) && (high == NULL || value <= high->integer);
}

static bool is_choice(const struct qf_json *choices, const struct qf_json *value)
{
    for (uint32_t i = 0; i < choices->count; i++) {
        const struct qf_json *choice = &choices->items[i];
        if (choice->type != value->type)
            continue;
        if (choice->type == QF_JSON_STRING
                ? qf_slice_equal(qf_json_text(choice), qf_json_text(value))
                : choice->type != QF_JSON_INT || choice->integer == value->integer)
            return true;
    }
    return false;
}

static enum qf_status check_against(const struct qf_json *schema,
                                    const struct qf_json_member *member, struct qf_error *err)
{
    const struct qf_json *value = &member->value;
    const struct qf_json *type = qf_json_get(schema, "type");
    const struct qf_json *choices = qf_json_get(schema, "enum");
    bool typed = qf_json_is_text(type, "string") ? value->type == QF_JSON_STRING
                 : qf_json_is_text(type, "integer")
                     ? value->type == QF_JSON_INT
                     : value->type == QF_JSON_TRUE || value->type == QF_JSON_FALSE;
    if (!typed)
        return wrong(err, member->key, "is not of the type that the form asks");
    if (choices != NULL && !is_choice(choices, value))
        return wrong(err, member->key, "is none of the values that the form allows");
    if (value->type == QF_JSON_STRING &&
        !in_bounds(schema, characters(qf_json_text(value)), "minLength", "maxLength"))
        return wrong(err, member->key, "is shorter or longer than the form allows");
    if (value->type == QF_JSON_INT && !in_bounds(schema, value->integer, "minimum", "maximum"))
        return wrong(err, member->key, "is not within the bounds of the form");
    return QF_OK;
}

static const struct qf_json *schema_of(const struct qf_service_model *model, struct qf_arena *arena,
                                       struct qf_slice form)
{
    char *path = qf_arena_printf(arena, "schemas/%.*s", QF_SLICE_ARGS(form));
    const struct qf_json *schema = qf_json_get(model->files, path);
    QF_ASSERT(schema != NULL); /* checked when the package was compiled */
    return schema;
}

enum qf_status qf_service_check_data(const struct qf_service_model *model, struct qf_arena *arena,
                                     const struct qf_json *data, struct qf_slice form,
                                     struct qf_error *err)
{
    const struct qf_json *schema = form.size > 0 ? schema_of(model, arena, form) : NULL;
    const struct qf_json *properties = schema != NULL ? qf_json_get(schema, "properties") : NULL;
    const struct qf_json *required = schema != NULL ? qf_json_get(schema, "required") : NULL;
    for (uint32_t i = 0; data != NULL && i < data->count; i++) {
        const struct qf_json_member *member = &data->members[i];
        enum qf_status status = check_field(model, arena, member, err);
        if (status == QF_OK && properties != NULL) {
            const struct qf_json *property = qf_json_get_slice(properties, member->key);
            status = property == NULL ? wrong(err, member->key, "is not asked by the form")
                                      : check_against(property, member, err);
        }
        if (status != QF_OK)
            return status;
    }
    for (uint32_t i = 0; required != NULL && i < required->count; i++) {
        struct qf_slice name = qf_json_text(&required->items[i]);
        if (data == NULL || qf_json_get_slice(data, name) == NULL)
            return wrong(err, name, "is missing: the form asks for it");
    }
    return QF_OK;
}
