/* Form data: what an answer may bring onto the ledger. */
#include "kernel/form.h"
#include "kernel/service/sealed.h"
#include "kernel/service/service.h"

static enum qf_status wrong(struct qf_error *err, struct qf_slice name, const char *text)
{
    enum qf_status status = qf_fail(err, QF_BAD_FIELD, "", "%s", text);
    qf_schema_within(err, name, 0);
    qf_error_within(err, "data");
    return status;
}

const struct qf_service_field *qf_service_field_of(const struct qf_service_model *model,
                                                   struct qf_slice name)
{
    for (uint32_t i = 0; i < model->field_count; i++)
        if (qf_slice_equal(model->fields[i].name, name))
            return &model->fields[i];
    return NULL;
}

enum qf_hash_alg qf_service_hash_alg(const struct qf_service_model *model)
{
    return strncmp(model->hash, "sm3:", 4) == 0 ? QF_HASH_SM3 : QF_HASH_SHA256;
}

/* A value of an open field, or what a sealed one is before it is sealed. */
static enum qf_status check_value(struct qf_arena *arena, const struct qf_service_field *field,
                                  const struct qf_json *value, struct qf_error *err)
{
    static const struct {
        enum qf_feel_kind kind;
        const char *text;
    } wanted[] = {
        {QF_FEEL_STRING, "must be a text"},
        {QF_FEEL_NUMBER, "must be a number"},
        {QF_FEEL_BOOLEAN, "must be true or false"},
        {QF_FEEL_DATE, "must be a date of the calendar, such as 2026-03-02"},
        {QF_FEEL_TIME, "must be a time, such as 09:30:00"},
        {QF_FEEL_DATE_TIME, "must be a date and time, such as 2026-03-02T09:30:00+08:00"},
        {QF_FEEL_SECONDS, "must be a duration, such as P3D or PT2H"},
        {QF_FEEL_MONTHS, "must be a duration of months and years, such as P1Y6M"},
        {QF_FEEL_LIST, "must be a list"},
        {QF_FEEL_CONTEXT, "must be an object of names and values"},
    };
    struct qf_feel_value out;
    struct qf_error why = {0};
    if (value->type == QF_JSON_STRING && value->count > field->size_max)
        return wrong(err, field->name, "is longer than the field allows");
    if (value->type == QF_JSON_NULL ||
        qf_dmn_value_from_json(arena, &out, value, field->type, &why))
        return QF_OK;
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
        if (field->type->kind == wanted[i].kind)
            return wrong(err, field->name, wanted[i].text);
    return wrong(err, field->name, "is not of the field's type");
}

static enum qf_status check_field(const struct qf_service_model *model, struct qf_arena *arena,
                                  const struct qf_json_member *member, struct qf_error *err)
{
    const struct qf_service_field *field = qf_service_field_of(model, member->key);
    if (field == NULL)
        return wrong(err, member->key, "is no field of the service");
    if (field->sealed) {
        if (member->value.type == QF_JSON_STRING &&
            qf_seal_valid(qf_service_hash_alg(model), qf_json_text(&member->value)))
            return QF_OK;
        return wrong(err, member->key,
                     "is sealed: its value must not come onto the ledger; give its commitment");
    }
    return check_value(arena, field, &member->value, err);
}

/* ---- schemas ---- */

struct first {
    struct qf_slice name;
    struct qf_error *err;
    bool found;
};

static void take_first(void *self, const char *pointer, const char *message)
{
    struct first *first = self;
    if (!first->found)
        (void)qf_fail(first->err, QF_BAD_FIELD, "package", "%.*s, %s: %s",
                      (int)(first->name.size > 60 ? 60 : first->name.size),
                      (const char *)first->name.data, pointer, message);
    first->found = true;
}

enum qf_status qf_service_check_form(const struct qf_service_model *model,
                                     const struct qf_json *schema, struct qf_slice name,
                                     struct qf_error *err)
{
    struct first first = {.name = name, .err = err};
    if (qf_form_check(schema, take_first, &first) > 0)
        return QF_BAD_FIELD;
    const struct qf_json *properties = qf_json_get(schema, "properties");
    for (uint32_t i = 0; i < properties->count; i++) {
        struct qf_slice key = properties->members[i].key;
        if (qf_service_field_of(model, key) == NULL)
            return qf_fail(err, QF_BAD_FIELD, "package", "%.*s, /properties/%.*s: %s",
                           (int)(name.size > 60 ? 60 : name.size), (const char *)name.data,
                           (int)(key.size > 60 ? 60 : key.size), (const char *)key.data,
                           "is no field of the manifest");
    }
    return QF_OK;
}

static const struct qf_json *schema_of(const struct qf_service_model *model, struct qf_slice form)
{
    const struct qf_json *schema = qf_service_form_of(model, form);
    QF_ASSERT(schema != NULL); /* checked when the package was compiled */
    return schema;
}

/* What a form asks of a sealed field is for those who see the value: the ledger has a text. */
static const struct qf_json *with_commitments(const struct qf_service_model *model,
                                              struct qf_arena *arena, const struct qf_json *schema)
{
    const struct qf_json *properties = qf_json_get(schema, "properties");
    struct qf_json changed = qf_json_make_object(), text = qf_json_make_object();
    bool any = false;
    qf_json_put(arena, &text, "type", qf_json_make_text("string"));
    for (uint32_t i = 0; properties != NULL && i < properties->count; i++) {
        const struct qf_json_member *member = &properties->members[i];
        const struct qf_service_field *field = qf_service_field_of(model, member->key);
        bool sealed = field != NULL && field->sealed;
        any = any || sealed;
        qf_json_put(arena, &changed, qf_arena_text(arena, member->key),
                    sealed ? text : member->value);
    }
    if (!any)
        return schema;
    struct qf_json *copy = QF_ARENA_NEW(arena, struct qf_json);
    *copy = qf_json_make_object();
    for (uint32_t i = 0; i < schema->count; i++)
        qf_json_put(arena, copy, qf_arena_text(arena, schema->members[i].key),
                    schema->members[i].value);
    qf_json_put(arena, copy, "properties", changed);
    return copy;
}

enum qf_status qf_service_check_data(const struct qf_service_model *model, struct qf_arena *arena,
                                     const struct qf_json *data, struct qf_slice form,
                                     struct qf_error *err)
{
    static const struct qf_json nothing = {.type = QF_JSON_OBJECT};
    for (uint32_t i = 0; data != NULL && i < data->count; i++) {
        enum qf_status status = check_field(model, arena, &data->members[i], err);
        if (status != QF_OK)
            return status;
    }
    if (form.size == 0)
        return QF_OK;
    enum qf_status status = qf_form_validate(with_commitments(model, arena, schema_of(model, form)),
                                             data != NULL ? data : &nothing, err);
    if (status != QF_OK)
        qf_error_within(err, "data");
    return status;
}

enum qf_status qf_service_check_clear(const struct qf_service_model *model, struct qf_arena *arena,
                                      const struct qf_json_member *member, struct qf_slice form,
                                      struct qf_error *err)
{
    const struct qf_service_field *field = qf_service_field_of(model, member->key);
    if (field == NULL)
        return wrong(err, member->key, "is no field of the service");
    enum qf_status status = check_value(arena, field, &member->value, err);
    if (status != QF_OK || form.size == 0)
        return status;
    const struct qf_json *schema = schema_of(model, form);
    const struct qf_json *property =
        qf_json_get_slice(qf_json_get(schema, "properties"), member->key);
    if (property == NULL)
        return wrong(err, member->key, "is not in the form");
    status = qf_form_validate(property, &member->value, err);
    if (status != QF_OK) {
        qf_schema_within(err, member->key, 0);
        qf_error_within(err, "data");
    }
    return status;
}
