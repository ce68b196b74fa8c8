/* Whether a schema is one that form.c can judge by. */
#include "codec/text.h"
#include "feel/feel.h"
#include "kernel/form.h"

#include <stdarg.h>
#include <stdio.h>

#define DRAFT "https://json-schema.org/draft/2020-12/schema"
#define POINTER_SIZE 512

struct check {
    qf_form_report_fn *report;
    void *self;
    uint32_t found;
    char pointer[POINTER_SIZE];
    size_t size;
};

/* Which keywords each type may have besides those of every schema. */
enum {
    FOR_ANY = 1,
    FOR_ROOT = 2,
    FOR_STRING = 4,
    FOR_INTEGER = 8,
    FOR_BOOLEAN = 16,
    FOR_ARRAY = 32,
    FOR_OBJECT = 64,
};

enum value_kind { WORD, TEXT, COUNT, INTEGER, POSITIVE, FLAG, LIST, SCHEMA, OTHER };

static const struct keyword {
    const char *name;
    unsigned types;
    enum value_kind kind;
} keywords[] = {
    {"$comment", FOR_ANY, TEXT},
    {"$id", FOR_ROOT, TEXT},
    {"$schema", FOR_ROOT, TEXT},
    {"additionalProperties", FOR_OBJECT, OTHER},
    {"const", FOR_ANY, OTHER},
    {"default", FOR_ANY, OTHER},
    {"description", FOR_ANY, TEXT},
    {"enum", FOR_ANY, LIST},
    {"examples", FOR_ANY, LIST},
    {"exclusiveMaximum", FOR_INTEGER, INTEGER},
    {"exclusiveMinimum", FOR_INTEGER, INTEGER},
    {"format", FOR_STRING, TEXT},
    {"items", FOR_ARRAY, SCHEMA},
    {"maxItems", FOR_ARRAY, COUNT},
    {"maxLength", FOR_STRING, COUNT},
    {"maximum", FOR_INTEGER, INTEGER},
    {"minItems", FOR_ARRAY, COUNT},
    {"minLength", FOR_STRING, COUNT},
    {"minimum", FOR_INTEGER, INTEGER},
    {"multipleOf", FOR_INTEGER, POSITIVE},
    {"pattern", FOR_STRING, TEXT},
    {"properties", FOR_OBJECT, OTHER},
    {"required", FOR_OBJECT, LIST},
    {"title", FOR_ANY, TEXT},
    {"type", FOR_ANY, WORD},
    {"uniqueItems", FOR_ARRAY, FLAG},
    {"x-titles", FOR_ANY, OTHER},
};

static const struct {
    const char *name;
    unsigned bit;
    enum qf_json_type json;
} types[] = {
    {"string", FOR_STRING, QF_JSON_STRING}, {"integer", FOR_INTEGER, QF_JSON_INT},
    {"boolean", FOR_BOOLEAN, QF_JSON_TRUE}, {"array", FOR_ARRAY, QF_JSON_ARRAY},
    {"object", FOR_OBJECT, QF_JSON_OBJECT},
};

QF_PRINTF(3, 4)
static void wrong(struct check *c, const char *keyword, const char *fmt, ...)
{
    char message[240], pointer[POINTER_SIZE + 64];
    va_list args;
    va_start(args, fmt);
    vsnprintf(message, sizeof message, fmt, args);
    va_end(args);
    snprintf(pointer, sizeof pointer, "%s%s%s", c->pointer, keyword[0] != '\0' ? "/" : "", keyword);
    c->found++;
    c->report(c->self, pointer, message);
}

/* Goes one step down; the place to come back to. */
static size_t enter(struct check *c, struct qf_slice name)
{
    size_t before = c->size;
    if (c->size + 2 < POINTER_SIZE)
        c->pointer[c->size++] = '/';
    for (size_t i = 0; i < name.size && c->size + 3 < POINTER_SIZE; i++) {
        uint8_t byte = name.data[i];
        if (byte == '~' || byte == '/') {
            c->pointer[c->size++] = '~';
            c->pointer[c->size++] = byte == '~' ? '0' : '1';
        } else {
            c->pointer[c->size++] = (char)byte;
        }
    }
    c->pointer[c->size] = '\0';
    return before;
}

static void leave(struct check *c, size_t before)
{
    c->size = before;
    c->pointer[before] = '\0';
}

static void check_value(struct check *c, const struct keyword *keyword, const struct qf_json *value)
{
    bool integer = value->type == QF_JSON_INT;
    if ((keyword->kind == TEXT || keyword->kind == WORD) && value->type != QF_JSON_STRING)
        wrong(c, keyword->name, "must be a text%s",
              keyword->kind == WORD ? "; lists of types are not supported" : "");
    else if (keyword->kind == COUNT && (!integer || value->integer < 0))
        wrong(c, keyword->name, "must be an integer from 0");
    else if (keyword->kind == INTEGER && !integer)
        wrong(c, keyword->name, "must be an integer: forms know no fractions");
    else if (keyword->kind == POSITIVE && (!integer || value->integer < 1))
        wrong(c, keyword->name, "must be an integer from 1");
    else if (keyword->kind == FLAG && value->type != QF_JSON_TRUE && value->type != QF_JSON_FALSE)
        wrong(c, keyword->name, "must be true or false");
    else if (keyword->kind == LIST && value->type != QF_JSON_ARRAY)
        wrong(c, keyword->name, "must be a list");
}

static void check_keywords(struct check *c, const struct qf_json *schema, unsigned allowed,
                           const char *type)
{
    for (uint32_t i = 0; i < schema->count; i++) {
        struct qf_slice key = schema->members[i].key;
        const struct keyword *keyword = NULL;
        for (size_t k = 0; k < sizeof keywords / sizeof keywords[0]; k++)
            if (qf_slice_is(key, keywords[k].name))
                keyword = &keywords[k];
        char name[64];
        snprintf(name, sizeof name, "%.*s", (int)(key.size > 40 ? 40 : key.size),
                 (const char *)key.data);
        if (keyword == NULL)
            wrong(c, name, "this keyword is not supported; see Forms in spec/service.md");
        else if ((keyword->types & allowed) == 0)
            wrong(c, name, "this keyword does not belong here: the type is %s", type);
        else
            check_value(c, keyword, &schema->members[i].value);
    }
}

static const struct qf_json *integer_of(const struct qf_json *schema, const char *name)
{
    const struct qf_json *value = qf_json_get(schema, name);
    return value != NULL && value->type == QF_JSON_INT ? value : NULL;
}

static void check_order(struct check *c, const struct qf_json *schema, const char *low,
                        const char *high)
{
    const struct qf_json *least = integer_of(schema, low), *most = integer_of(schema, high);
    if (least != NULL && most != NULL && least->integer > most->integer)
        wrong(c, low, "is above %s: no value can meet both", high);
}

static bool is_of(const struct qf_json *value, enum qf_json_type type)
{
    return value->type == type || (type == QF_JSON_TRUE && value->type == QF_JSON_FALSE);
}

static void check_choices(struct check *c, const struct qf_json *schema, enum qf_json_type type)
{
    const struct qf_json *choices = qf_json_get(schema, "enum");
    const struct qf_json *only = qf_json_get(schema, "const");
    bool scalar = type != QF_JSON_ARRAY && type != QF_JSON_OBJECT;
    if (only != NULL && (!scalar || !is_of(only, type)))
        wrong(c, "const", "must be a text, an integer or a boolean, as the type says");
    if (choices == NULL || choices->type != QF_JSON_ARRAY)
        return;
    if (choices->count == 0 || choices->count > QF_FORM_CHOICES_MAX)
        wrong(c, "enum", "has %u values; 1 to %d are supported", choices->count,
              QF_FORM_CHOICES_MAX);
    for (uint32_t i = 0; i < choices->count; i++) {
        char name[32];
        snprintf(name, sizeof name, "enum/%u", i);
        if (!scalar || !is_of(&choices->items[i], type))
            wrong(c, name, "must be a text, an integer or a boolean, as the type says");
    }
}

static void check_string(struct check *c, const struct qf_json *schema)
{
    static const char *const formats[] = {"date", "date-time", "decimal", "time"};
    const struct qf_json *format = qf_json_get(schema, "format");
    const struct qf_json *pattern = qf_json_get(schema, "pattern");
    check_order(c, schema, "minLength", "maxLength");
    bool known = format == NULL || format->type != QF_JSON_STRING;
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++)
        known = known || qf_json_is_text(format, formats[i]);
    if (!known)
        wrong(c, "format", "this format is not supported; date, date-time, time and decimal are");
    if (pattern != NULL && pattern->type == QF_JSON_STRING &&
        qf_feel_pattern_match(qf_json_text(pattern), qf_slice_of(""), QF_FORM_MATCH_STEPS_MAX) < 0)
        wrong(c, "pattern", "is no pattern, or uses what is not supported (look-around, \\b, …)");
}

static void check_integer(struct check *c, const struct qf_json *schema)
{
    check_order(c, schema, "minimum", "maximum");
    check_order(c, schema, "exclusiveMinimum", "exclusiveMaximum");
}

static void check_schema(struct check *c, const struct qf_json *schema, unsigned depth);

static void check_array(struct check *c, const struct qf_json *schema, unsigned depth)
{
    const struct qf_json *items = qf_json_get(schema, "items");
    const struct qf_json *most = qf_json_get(schema, "maxItems");
    if (most == NULL || (most->type == QF_JSON_INT && most->integer > QF_FORM_ITEMS_MAX))
        wrong(c, "maxItems", "say how many items there may be, at most %d", QF_FORM_ITEMS_MAX);
    check_order(c, schema, "minItems", "maxItems");
    if (items == NULL) {
        wrong(c, "items", "is missing: say what the items are");
        return;
    }
    size_t before = enter(c, qf_slice_of("items"));
    check_schema(c, items, depth + 1);
    leave(c, before);
}

static void check_required(struct check *c, const struct qf_json *schema)
{
    const struct qf_json *properties = qf_json_get(schema, "properties");
    const struct qf_json *required = qf_json_get(schema, "required");
    for (uint32_t i = 0; required != NULL && required->type == QF_JSON_ARRAY && i < required->count;
         i++) {
        const struct qf_json *item = &required->items[i];
        char name[32];
        snprintf(name, sizeof name, "required/%u", i);
        bool twice = false;
        for (uint32_t k = 0; k < i && item->type == QF_JSON_STRING; k++)
            twice =
                twice || (required->items[k].type == QF_JSON_STRING &&
                          qf_slice_equal(qf_json_text(&required->items[k]), qf_json_text(item)));
        if (item->type != QF_JSON_STRING ||
            qf_json_get_slice(properties, qf_json_text(item)) == NULL)
            wrong(c, name, "must name one of the properties");
        else if (twice)
            wrong(c, name, "stands here twice");
    }
}

static void check_object(struct check *c, const struct qf_json *schema, unsigned depth)
{
    const struct qf_json *extra = qf_json_get(schema, "additionalProperties");
    const struct qf_json *properties = qf_json_get(schema, "properties");
    if (extra == NULL || extra->type != QF_JSON_FALSE)
        wrong(c, "additionalProperties", "must be there, and false: nothing else comes in");
    if (properties == NULL || properties->type != QF_JSON_OBJECT) {
        wrong(c, "properties", "must be there, an object of schemas");
        return;
    }
    if (properties->count > QF_FORM_PROPERTIES_MAX)
        wrong(c, "properties", "has %u properties; at most %d are supported", properties->count,
              QF_FORM_PROPERTIES_MAX);
    check_required(c, schema);
    for (uint32_t i = 0; i < properties->count && i < QF_FORM_PROPERTIES_MAX; i++) {
        size_t before = enter(c, qf_slice_of("properties"));
        (void)enter(c, properties->members[i].key);
        check_schema(c, &properties->members[i].value, depth + 1);
        leave(c, before);
    }
}

/* Recursion: at most QF_FORM_DEPTH_MAX + 1 deep. */
static void check_schema(struct check *c, const struct qf_json *schema, unsigned depth)
{
    if (schema->type != QF_JSON_OBJECT) {
        wrong(c, "", "must be an object");
        return;
    }
    if (depth > QF_FORM_DEPTH_MAX) {
        wrong(c, "", "nests more than %d deep", QF_FORM_DEPTH_MAX);
        return;
    }
    const struct qf_json *type = qf_json_get(schema, "type");
    size_t t = 0, type_count = sizeof types / sizeof types[0];
    while (t < type_count && !qf_json_is_text(type, types[t].name))
        t++;
    if (t == type_count) {
        wrong(c, "type", "must be one of string, integer, boolean, array, object%s",
              qf_json_is_text(type, "number") ? "; for a number with a fraction say string with "
                                                "format decimal"
                                              : "");
        return;
    }
    check_keywords(c, schema, FOR_ANY | types[t].bit | (depth == 0 ? FOR_ROOT : 0), types[t].name);
    check_choices(c, schema, types[t].json);
    if (types[t].bit == FOR_STRING)
        check_string(c, schema);
    else if (types[t].bit == FOR_INTEGER)
        check_integer(c, schema);
    else if (types[t].bit == FOR_ARRAY)
        check_array(c, schema, depth);
    else if (types[t].bit == FOR_OBJECT)
        check_object(c, schema, depth);
}

uint32_t qf_form_check(const struct qf_json *schema, qf_form_report_fn *report, void *self)
{
    struct check c = {.report = report, .self = self};
    const struct qf_json *draft = qf_json_get(schema, "$schema");
    if (schema->type != QF_JSON_OBJECT || !qf_json_is_text(qf_json_get(schema, "type"), "object"))
        wrong(&c, "", "a form is a schema of type object");
    else
        check_schema(&c, schema, 0);
    if (draft != NULL && draft->type == QF_JSON_STRING && !qf_json_is_text(draft, DRAFT))
        wrong(&c, "$schema", "must be " DRAFT);
    return c.found;
}
