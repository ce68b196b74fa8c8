/* The op tables as JSON Schema 2020-12, for the OpenAPI document. Members of every object stand in
 * ascending order, so that the result is canonical JSON. */
#include "kernel/consortium/consortium.h"
#include "kernel/ops.h"

/* What a form of text looks like to JSON Schema; the rest is computed from the field. */
static const char *const text_schemas[] = {
    [QF_FIELD_ID] = "{\"pattern\":\"^[A-Za-z0-9._:/-]{1,128}$\",\"type\":\"string\"}",
    [QF_FIELD_MEMBER] = "{\"pattern\":\"^[A-Za-z0-9][A-Za-z0-9._-]{0,47}$\",\"type\":\"string\"}",
    [QF_FIELD_HASH] = "{\"pattern\":\"^(sha-256|sm3):[0-9a-f]{64}$\",\"type\":\"string\"}",
    [QF_FIELD_KID] = "{\"pattern\":\"^[A-Za-z0-9_-]{43}$\",\"type\":\"string\"}",
    [QF_FIELD_PSEUDONYM] = "{\"pattern\":\"^[0-9a-f]{32,64}$\",\"type\":\"string\"}",
    [QF_FIELD_DATE] = "{\"format\":\"date\",\"type\":\"string\"}",
    [QF_FIELD_NODE_KEY] = ("{\"contentEncoding\":\"base64\",\"pattern\":\"^[A-Za-z0-9+/]{43}=$\","
                           "\"type\":\"string\"}"),
    [QF_FIELD_JWK] = ("{\"additionalProperties\":false,\"properties\":{"
                      "\"crv\":{\"enum\":[\"P-256\",\"Ed25519\",\"SM2\"]},"
                      "\"kty\":{\"enum\":[\"EC\",\"OKP\"]},"
                      "\"x\":{\"pattern\":\"^[A-Za-z0-9_-]{43}$\",\"type\":\"string\"},"
                      "\"y\":{\"pattern\":\"^[A-Za-z0-9_-]{43}$\",\"type\":\"string\"}},"
                      "\"required\":[\"crv\",\"kty\",\"x\"],\"type\":\"object\"}"),
    [QF_FIELD_ACTION] = "{\"$ref\":\"#/components/schemas/action\"}",
};

static void put_number(struct qf_buf *out, const char *name, int64_t value)
{
    qf_buf_printf(out, "\"%s\":%lld,", name, (long long)value);
}

static void put_fields(struct qf_buf *out, const struct qf_fields *fields, const char *tag,
                       const char *tag_value, const char *doc);

static void put_choices(struct qf_buf *out, const char *const *choices)
{
    qf_buf_put_text(out, "{\"enum\":[");
    for (size_t i = 0; choices[i] != NULL; i++) {
        if (i > 0)
            qf_buf_put_byte(out, ',');
        qf_json_write_string(out, qf_slice_of(choices[i]));
    }
    qf_buf_put_text(out, "]}");
}

static void put_value(struct qf_buf *out, const struct qf_field *field)
{
    switch (field->type) {
    case QF_FIELD_TEXT: /* limits are in bytes; no text of more characters fits */
        qf_buf_put_byte(out, '{');
        put_number(out, "maxLength", field->max);
        if (field->min > 0)
            put_number(out, "minLength", 1);
        qf_buf_put_text(out, "\"type\":\"string\"}");
        break;
    case QF_FIELD_INT:
        qf_buf_put_byte(out, '{');
        put_number(out, "maximum", field->max);
        put_number(out, "minimum", field->min);
        qf_buf_put_text(out, "\"type\":\"integer\"}");
        break;
    case QF_FIELD_CHOICE:
        put_choices(out, field->choices);
        break;
    case QF_FIELD_DER:
        qf_buf_put_text(out, "{\"contentEncoding\":\"base64\",");
        put_number(out, "maxLength", (field->max + 2) / 3 * 4);
        qf_buf_put_text(out, "\"type\":\"string\"}");
        break;
    case QF_FIELD_ATTRIBUTES:
        qf_buf_put_text(out, "{\"additionalProperties\":{");
        put_number(out, "maxLength", QF_TEXT_SIZE_MAX);
        qf_buf_put_text(out, "\"type\":[\"integer\",\"string\"]},");
        put_number(out, "maxProperties", field->max);
        qf_buf_printf(out, "\"propertyNames\":{\"maxLength\":%d,\"minLength\":1},",
                      QF_ATTRIBUTE_NAME_SIZE_MAX);
        qf_buf_put_text(out, "\"type\":\"object\"}");
        break;
    case QF_FIELD_DATA:
        qf_buf_put_text(out, "{\"additionalProperties\":true,");
        put_number(out, "maxProperties", field->max);
        qf_buf_printf(out, "\"propertyNames\":{\"maxLength\":%d,\"minLength\":1},",
                      QF_ATTRIBUTE_NAME_SIZE_MAX);
        qf_buf_put_text(out, "\"type\":\"object\"}");
        break;
    case QF_FIELD_VALUE:
        qf_buf_put_text(
            out, "{\"type\":[\"array\",\"boolean\",\"integer\",\"null\",\"object\",\"string\"]}");
        break;
    case QF_FIELD_LIST:
        qf_buf_put_text(out, "{\"items\":");
        put_value(out, field->item);
        qf_buf_put_byte(out, ',');
        put_number(out, "maxItems", field->max);
        if (field->min > 0)
            put_number(out, "minItems", field->min);
        qf_buf_put_text(out, "\"type\":\"array\",\"uniqueItems\":true}");
        break;
    case QF_FIELD_OBJECT:
        put_fields(out, &field->fields, NULL, NULL, NULL);
        break;
    case QF_FIELD_ID:
    case QF_FIELD_MEMBER:
    case QF_FIELD_HASH:
    case QF_FIELD_KID:
    case QF_FIELD_PSEUDONYM:
    case QF_FIELD_DATE:
    case QF_FIELD_NODE_KEY:
    case QF_FIELD_JWK:
    case QF_FIELD_ACTION:
        qf_buf_put_text(out, text_schemas[field->type]);
        break;
    }
}

/* Calls `put` for the fields and the tag ("op" or "do"; NULL: none) in the order of their names;
 * field NULL stands for the tag. */
static void each_member(struct qf_buf *out, const struct qf_fields *fields, const char *tag,
                        void (*put)(struct qf_buf *out, const struct qf_field *field,
                                    const char *name, const char *tag_value),
                        const char *tag_value)
{
    bool tag_due = tag != NULL;
    for (size_t i = 0; i < fields->count; i++) {
        const struct qf_field *field = &fields->rows[i];
        if (tag_due && strcmp(tag, field->name) < 0) {
            put(out, NULL, tag, tag_value);
            tag_due = false;
        }
        put(out, field, field->name, NULL);
    }
    if (tag_due)
        put(out, NULL, tag, tag_value);
}

static void put_comma(struct qf_buf *out, uint8_t opening)
{
    if (!out->failed && out->data[out->size - 1] != opening)
        qf_buf_put_byte(out, ',');
}

static void put_property(struct qf_buf *out, const struct qf_field *field, const char *name,
                         const char *tag_value)
{
    put_comma(out, '{');
    qf_json_write_string(out, qf_slice_of(name));
    qf_buf_put_byte(out, ':');
    if (field != NULL) {
        put_value(out, field);
        return;
    }
    qf_buf_put_text(out, "{\"const\":");
    qf_json_write_string(out, qf_slice_of(tag_value));
    qf_buf_put_byte(out, '}');
}

static void put_required(struct qf_buf *out, const struct qf_field *field, const char *name,
                         const char *tag_value)
{
    (void)tag_value;
    if (field != NULL && field->optional)
        return;
    put_comma(out, '[');
    qf_json_write_string(out, qf_slice_of(name));
}

static void put_fields(struct qf_buf *out, const struct qf_fields *fields, const char *tag,
                       const char *tag_value, const char *doc)
{
    qf_buf_put_text(out, "{\"additionalProperties\":false,");
    if (doc != NULL) {
        qf_buf_put_text(out, "\"description\":");
        qf_json_write_string(out, qf_slice_of(doc));
        qf_buf_put_byte(out, ',');
    }
    qf_buf_put_text(out, "\"properties\":{");
    each_member(out, fields, tag, put_property, tag_value);
    qf_buf_put_text(out, "},\"required\":[");
    each_member(out, fields, tag, put_required, tag_value);
    qf_buf_put_text(out, "],\"type\":\"object\"}");
}

/* "<kind>":{"oneOf":[…]}, "<kind>.<name>":{…} for all rows; rows are found by their number, and
 * their names must come out in ascending order. */
struct row {
    const char *name;
    const char *doc;
    const struct qf_fields *fields;
};

#define ROWS_MAX 256

static size_t sorted_rows(struct row rows[ROWS_MAX], bool actions)
{
    size_t count = 0;
    for (const struct qf_module *const *module = qf_modules; *module != NULL; module++) {
        size_t of_module = actions ? (*module)->action_count : (*module)->op_count;
        for (size_t i = 0; i < of_module; i++) {
            struct row row =
                actions ? (struct row){(*module)->actions[i].name, (*module)->actions[i].doc,
                                       &(*module)->actions[i].fields}
                        : (struct row){(*module)->ops[i].name, (*module)->ops[i].doc,
                                       &(*module)->ops[i].fields};
            QF_ASSERT(count < ROWS_MAX);
            size_t at = count++;
            for (; at > 0 && strcmp(rows[at - 1].name, row.name) > 0; at--)
                rows[at] = rows[at - 1];
            rows[at] = row;
        }
    }
    return count;
}

static void put_kind(struct qf_buf *out, const char *kind, const char *tag, bool actions)
{
    struct row rows[ROWS_MAX];
    size_t count = sorted_rows(rows, actions);
    qf_buf_printf(out, "\"%s\":{\"oneOf\":[", kind);
    for (size_t i = 0; i < count; i++)
        qf_buf_printf(out, "%s{\"$ref\":\"#/components/schemas/%s.%s\"}", i == 0 ? "" : ",", kind,
                      rows[i].name);
    qf_buf_put_text(out, "]}");
    for (size_t i = 0; i < count; i++) {
        qf_buf_printf(out, ",\"%s.%s\":", kind, rows[i].name);
        put_fields(out, rows[i].fields, tag, rows[i].name, rows[i].doc);
    }
}

void qf_ops_describe_schemas(struct qf_buf *out)
{
    qf_buf_put_byte(out, '{');
    put_kind(out, "action", "do", true);
    qf_buf_put_text(out, ",\"genesis\":");
    put_fields(out, &qf_genesis_fields, NULL, NULL, "spec/genesis.md");
    qf_buf_put_byte(out, ',');
    put_kind(out, "op", "op", false);
    qf_buf_put_byte(out, '}');
}
