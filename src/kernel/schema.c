#include "kernel/schema.h"

#include "codec/text.h"
#include "kernel/ops.h"

static const struct {
    const char *name;
    const char *text;
} types[] = {
#define TYPE_ROW(sym, name, text) {(name), (text)},
    QF_FIELD_TYPE_LIST(TYPE_ROW)
#undef TYPE_ROW
};

const char *qf_field_type_name(enum qf_field_type type)
{
    return types[type].name;
}

const char *qf_field_type_text(enum qf_field_type type)
{
    return types[type].text;
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_alphanumeric(uint8_t c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_lower_hex(uint8_t c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f');
}

bool qf_member_id_valid(struct qf_slice text)
{
    if (text.size == 0 || text.size > QF_MEMBER_ID_SIZE_MAX || !is_alphanumeric(text.data[0]))
        return false;
    for (size_t i = 1; i < text.size; i++) {
        uint8_t c = text.data[i];
        if (!is_alphanumeric(c) && c != '.' && c != '_' && c != '-')
            return false;
    }
    return true;
}

bool qf_date_valid(struct qf_slice text)
{
    static const unsigned days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (text.size != 10 || text.data[4] != '-' || text.data[7] != '-')
        return false;
    unsigned parts[3] = {0, 0, 0};
    for (size_t i = 0, part = 0; i < 10; i++) {
        if (i == 4 || i == 7) {
            part++;
            continue;
        }
        if (!is_digit(text.data[i]))
            return false;
        parts[part] = parts[part] * 10 + (unsigned)(text.data[i] - '0');
    }
    unsigned year = parts[0], month = parts[1], day = parts[2];
    if (year == 0 || month == 0 || month > 12)
        return false;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    unsigned last = month == 2 && leap ? 29 : days[month - 1];
    return day >= 1 && day <= last;
}

void qf_schema_within(struct qf_error *err, struct qf_slice name, uint32_t position)
{
    bool plain = name.size > 0 && name.size <= QF_ATTRIBUTE_NAME_SIZE_MAX;
    for (size_t i = 0; plain && i < name.size; i++)
        plain = name.data[i] > 0x20 && name.data[i] < 0x7f;
    if (plain)
        qf_error_within(err, "%.*s", QF_SLICE_ARGS(name));
    else
        qf_error_within(err, "member %u", position + 1);
}

static enum qf_status wrong_form(enum qf_field_type type, struct qf_error *err)
{
    return qf_fail(err, QF_BAD_FIELD, "", "must be %s", types[type].text);
}

static enum qf_status check_text_value(struct qf_slice text, int64_t min, int64_t max,
                                       struct qf_error *err)
{
    if ((int64_t)text.size > max)
        return qf_fail(err, QF_OVER_LIMIT, "", "has %zu bytes, at most %lld are allowed", text.size,
                       (long long)max);
    if ((int64_t)text.size < min)
        return qf_fail(err, QF_BAD_FIELD, "", "has %zu bytes, at least %lld are required",
                       text.size, (long long)min);
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f)
            return wrong_form(QF_FIELD_TEXT, err);
    }
    return QF_OK;
}

static enum qf_status check_hash(struct qf_slice text, enum qf_suite suite, struct qf_error *err)
{
    enum qf_hash_alg alg = qf_suite_hash(suite);
    const char *name = qf_hash_alg_name(alg);
    size_t name_size = strlen(name);
    if (text.size <= name_size || memcmp(text.data, name, name_size) != 0 ||
        text.data[name_size] != ':') {
        const uint8_t *colon = text.size == 0 ? NULL : memchr(text.data, ':', text.size);
        enum qf_hash_alg other;
        if (colon != NULL &&
            qf_hash_alg_parse(&other, qf_slice_make(text.data, (size_t)(colon - text.data))))
            return qf_fail(err, QF_UNSUPPORTED_ALG, "", "hashes of this network are %s:<hex>",
                           name);
        return qf_fail(err, QF_BAD_FIELD, "", "must be %s: and 64 lower-case hex digits", name);
    }
    bool good = text.size == name_size + 1 + 2 * (size_t)QF_HASH_SIZE;
    for (size_t i = name_size + 1; good && i < text.size; i++)
        good = is_lower_hex(text.data[i]);
    if (!good)
        return qf_fail(err, QF_BAD_FIELD, "", "must be %s: and 64 lower-case hex digits", name);
    return QF_OK;
}

static bool is_kid(struct qf_slice text)
{
    uint8_t bytes[QF_KID_SIZE];
    size_t size = 0;
    return text.size == QF_KID_SIZE && qf_base64url_decode(bytes, &size, text) && size == 32;
}

static bool is_node_key(struct qf_slice text)
{
    uint8_t bytes[33];
    size_t size = 0;
    return text.size == QF_BASE64_SIZE((size_t)32) && qf_base64_decode(bytes, &size, text) &&
           size == 32;
}

static bool is_pseudonym(struct qf_slice text)
{
    if (text.size < 32 || text.size > 64)
        return false;
    for (size_t i = 0; i < text.size; i++)
        if (!is_lower_hex(text.data[i]))
            return false;
    return true;
}

/* One SEQUENCE that fills the value: enough to keep other things out of the log; who uses the
 * token or certificate reads it in full. */
static enum qf_status check_der(struct qf_slice text, const struct qf_field *field,
                                struct qf_error *err)
{
    uint8_t der[QF_DER_SIZE_MAX];
    _Static_assert(QF_DER_SIZE_MAX < 65536, "two length bytes are enough below");
    size_t size = 0;
    if (text.size > QF_BASE64_SIZE((size_t)field->max))
        return qf_fail(err, QF_OVER_LIMIT, "", "holds more than %lld bytes", (long long)field->max);
    if (!qf_base64_decode(der, &size, text) || size < 4 || der[0] != 0x30)
        return wrong_form(QF_FIELD_DER, err);
    size_t length = der[1], header = 2;
    if (der[1] == 0x81) {
        length = der[2];
        header = 3;
    } else if (der[1] == 0x82) {
        length = ((size_t)der[2] << 8) | der[3];
        header = 4;
    } else if (der[1] > 0x7f) {
        return wrong_form(QF_FIELD_DER, err);
    }
    if (header + length != size)
        return wrong_form(QF_FIELD_DER, err);
    return QF_OK;
}

static enum qf_status check_jwk(const struct qf_json *value, enum qf_suite suite,
                                struct qf_error *err)
{
    struct qf_public_key key;
    enum qf_status status = qf_public_key_from_jwk(&key, value, err);
    if (status != QF_OK) {
        /* Whatever the key is refused for, in a transaction it is a field or an algorithm. */
        if (status != QF_UNSUPPORTED_ALG && err != NULL)
            err->status = QF_BAD_FIELD;
        return status == QF_UNSUPPORTED_ALG ? status : QF_BAD_FIELD;
    }
    if (!qf_suite_allows(suite, key.alg))
        return qf_fail(err, QF_UNSUPPORTED_ALG, "", "%s is not in suite %s",
                       qf_sig_alg_name(key.alg), qf_suite_name(suite));
    return QF_OK;
}

static enum qf_status check_attributes(const struct qf_field *field, const struct qf_json *value,
                                       struct qf_error *err)
{
    if (value->type != QF_JSON_OBJECT)
        return wrong_form(field->type, err);
    if (value->count > (uint64_t)field->max)
        return qf_fail(err, QF_OVER_LIMIT, "", "has %u attributes, at most %lld are allowed",
                       value->count, (long long)field->max);
    for (uint32_t i = 0; i < value->count; i++) {
        const struct qf_json_member *member = &value->members[i];
        enum qf_status status = check_text_value(member->key, 1, QF_ATTRIBUTE_NAME_SIZE_MAX, err);
        if (status != QF_OK) {
            qf_schema_within(err, qf_slice_make(NULL, 0), i);
            return status;
        }
        if (member->value.type == QF_JSON_INT)
            continue;
        status = member->value.type == QF_JSON_STRING
                     ? check_text_value(qf_json_text(&member->value), 0, QF_TEXT_SIZE_MAX, err)
                     : qf_fail(err, QF_BAD_FIELD, "", "must be a text or an integer");
        if (status != QF_OK) {
            qf_schema_within(err, member->key, i);
            return status;
        }
    }
    return QF_OK;
}

/* What the values may be is for whoever declared the names. */
static enum qf_status check_data(const struct qf_field *field, const struct qf_json *value,
                                 struct qf_error *err)
{
    if (value->type != QF_JSON_OBJECT)
        return wrong_form(field->type, err);
    if (value->count > (uint64_t)field->max)
        return qf_fail(err, QF_OVER_LIMIT, "", "has %u members, at most %lld are allowed",
                       value->count, (long long)field->max);
    for (uint32_t i = 0; i < value->count; i++) {
        enum qf_status status =
            check_text_value(value->members[i].key, 1, QF_ATTRIBUTE_NAME_SIZE_MAX, err);
        if (status != QF_OK) {
            qf_schema_within(err, qf_slice_make(NULL, 0), i);
            return status;
        }
    }
    return QF_OK;
}

static enum qf_status check_value(const struct qf_field *field, const struct qf_json *value,
                                  enum qf_suite suite, struct qf_error *err);

static enum qf_status check_list(const struct qf_field *field, const struct qf_json *value,
                                 enum qf_suite suite, struct qf_error *err)
{
    if (value->type != QF_JSON_ARRAY)
        return wrong_form(field->type, err);
    if (value->count > (uint64_t)field->max)
        return qf_fail(err, QF_OVER_LIMIT, "", "has %u items, at most %lld are allowed",
                       value->count, (long long)field->max);
    if (value->count < (uint64_t)field->min)
        return qf_fail(err, QF_BAD_FIELD, "", "has %u items, at least %lld are required",
                       value->count, (long long)field->min);
    for (uint32_t i = 0; i < value->count; i++) {
        const struct qf_json *item = &value->items[i];
        enum qf_status status = check_value(field->item, item, suite, err);
        /* Lists are short (their max), so comparing all pairs of texts is cheap. */
        for (uint32_t k = 0; status == QF_OK && item->type == QF_JSON_STRING && k < i; k++)
            if (qf_slice_equal(qf_json_text(item), qf_json_text(&value->items[k])))
                status = qf_fail(err, QF_BAD_FIELD, "", "stands in the list twice");
        if (status != QF_OK) {
            qf_error_within(err, "[%u]", i);
            return status;
        }
    }
    return QF_OK;
}

static enum qf_status check_choice(const struct qf_field *field, const struct qf_json *value,
                                   struct qf_error *err)
{
    for (const char *const *choice = field->choices; *choice != NULL; choice++)
        if (qf_json_is_text(value, *choice))
            return QF_OK;
    char list[160] = "";
    size_t used = 0;
    for (const char *const *choice = field->choices; *choice != NULL; choice++) {
        size_t size = strlen(*choice);
        if (used + size + 3 > sizeof list)
            break;
        if (used > 0)
            list[used++] = ',', list[used++] = ' ';
        memcpy(list + used, *choice, size + 1);
        used += size;
    }
    return qf_fail(err, QF_BAD_FIELD, "", "must be one of %s", list);
}

static enum qf_status check_action(const struct qf_json *value, enum qf_suite suite,
                                   struct qf_error *err)
{
    const struct qf_json *name = qf_json_get(value, "do");
    if (name == NULL || name->type != QF_JSON_STRING)
        return qf_fail(err, QF_BAD_FIELD, "do", "must name the action");
    const struct qf_action_row *row = qf_action_find(qf_json_text(name));
    if (row == NULL)
        return qf_fail(err, QF_BAD_FIELD, "do", "there is no such action");
    return qf_schema_check(&row->fields, value, "do", suite, err);
}

static enum qf_status check_string(const struct qf_field *field, struct qf_slice text,
                                   enum qf_suite suite, struct qf_error *err)
{
    bool good = false;
    switch (field->type) {
    case QF_FIELD_ID:
        good = qf_id_valid(text);
        break;
    case QF_FIELD_MEMBER:
        good = qf_member_id_valid(text);
        break;
    case QF_FIELD_TEXT:
        return check_text_value(text, field->min, field->max, err);
    case QF_FIELD_HASH:
        return check_hash(text, suite, err);
    case QF_FIELD_KID:
        good = is_kid(text);
        break;
    case QF_FIELD_PSEUDONYM:
        good = is_pseudonym(text);
        break;
    case QF_FIELD_NODE_KEY:
        good = is_node_key(text);
        break;
    case QF_FIELD_DATE:
        good = qf_date_valid(text);
        break;
    case QF_FIELD_DER:
        return check_der(text, field, err);
    case QF_FIELD_INT:
    case QF_FIELD_CHOICE:
    case QF_FIELD_JWK:
    case QF_FIELD_ATTRIBUTES:
    case QF_FIELD_DATA:
    case QF_FIELD_VALUE:
    case QF_FIELD_LIST:
    case QF_FIELD_OBJECT:
    case QF_FIELD_ACTION:
        break;
    }
    return good ? QF_OK : wrong_form(field->type, err);
}

static enum qf_status check_value(const struct qf_field *field, const struct qf_json *value,
                                  enum qf_suite suite, struct qf_error *err)
{
    switch (field->type) {
    case QF_FIELD_INT:
        if (value->type != QF_JSON_INT || value->integer < field->min ||
            value->integer > field->max)
            return qf_fail(err, QF_BAD_FIELD, "", "must be an integer from %lld to %lld",
                           (long long)field->min, (long long)field->max);
        return QF_OK;
    case QF_FIELD_CHOICE:
        return check_choice(field, value, err);
    case QF_FIELD_JWK:
        return check_jwk(value, suite, err);
    case QF_FIELD_ATTRIBUTES:
        return check_attributes(field, value, err);
    case QF_FIELD_DATA:
        return check_data(field, value, err);
    case QF_FIELD_VALUE:
        return QF_OK;
    case QF_FIELD_LIST:
        return check_list(field, value, suite, err);
    case QF_FIELD_OBJECT:
        return qf_schema_check(&field->fields, value, NULL, suite, err);
    case QF_FIELD_ACTION:
        return check_action(value, suite, err);
    case QF_FIELD_ID:
    case QF_FIELD_MEMBER:
    case QF_FIELD_TEXT:
    case QF_FIELD_HASH:
    case QF_FIELD_KID:
    case QF_FIELD_PSEUDONYM:
    case QF_FIELD_DATE:
    case QF_FIELD_DER:
    case QF_FIELD_NODE_KEY:
        if (value->type != QF_JSON_STRING)
            return wrong_form(field->type, err);
        return check_string(field, qf_json_text(value), suite, err);
    }
    return QF_INVARIANT;
}

static enum qf_status missing(const struct qf_field *field, struct qf_error *err)
{
    return qf_fail(err, QF_BAD_FIELD, field->name, "is missing");
}

static enum qf_status unknown(struct qf_slice key, uint32_t position, struct qf_error *err)
{
    enum qf_status status = qf_fail(err, QF_BAD_FIELD, "", "is not a field of this");
    qf_schema_within(err, key, position);
    return status;
}

enum qf_status qf_schema_check(const struct qf_fields *fields, const struct qf_json *object,
                               const char *tag, enum qf_suite suite, struct qf_error *err)
{
    if (object->type != QF_JSON_OBJECT)
        return wrong_form(QF_FIELD_OBJECT, err);
    size_t at = 0;
    for (uint32_t i = 0; i < object->count; i++) {
        const struct qf_json_member *member = &object->members[i];
        if (tag != NULL && qf_slice_is(member->key, tag))
            continue;
        int order = 1;
        while (at < fields->count) {
            order = qf_slice_compare(qf_slice_of(fields->rows[at].name), member->key);
            if (order >= 0)
                break;
            if (!fields->rows[at].optional)
                return missing(&fields->rows[at], err);
            at++;
        }
        if (at == fields->count || order != 0)
            return unknown(member->key, i, err);
        enum qf_status status = check_value(&fields->rows[at], &member->value, suite, err);
        if (status != QF_OK) {
            qf_error_within(err, "%s", fields->rows[at].name);
            return status;
        }
        at++;
    }
    for (; at < fields->count; at++)
        if (!fields->rows[at].optional)
            return missing(&fields->rows[at], err);
    return QF_OK;
}
