#include "kernel/form.h"

#include "codec/time.h"
#include "codec/utf8.h"
#include "feel/feel.h"
#include "kernel/schema.h"

#define DECIMAL_DIGITS_MAX 34

struct judge {
    struct qf_error *err;
    uint32_t matches; /* patterns tried so far */
};

static enum qf_status judge_value(struct judge *j, const struct qf_json *schema,
                                  const struct qf_json *value, unsigned depth);

#define REFUSE(...) qf_fail(j->err, QF_BAD_FIELD, "", __VA_ARGS__)

static bool is_type(const struct qf_json *type, const char *name)
{
    return qf_json_is_text(type, name);
}

static int64_t bound(const struct qf_json *schema, const char *name, int64_t otherwise)
{
    const struct qf_json *value = qf_json_get(schema, name);
    return value != NULL ? value->integer : otherwise;
}

/* Depth is that of the codec's values. */
static bool equal(const struct qf_json *a, const struct qf_json *b)
{
    if (a->type != b->type || (a->type != QF_JSON_INT && a->count != b->count))
        return false;
    if (a->type == QF_JSON_INT)
        return a->integer == b->integer;
    if (a->type == QF_JSON_STRING)
        return qf_slice_equal(qf_json_text(a), qf_json_text(b));
    bool same = true;
    for (uint32_t i = 0; a->type == QF_JSON_ARRAY && same && i < a->count; i++)
        same = equal(&a->items[i], &b->items[i]);
    for (uint32_t i = 0; a->type == QF_JSON_OBJECT && same && i < a->count; i++)
        same = qf_slice_equal(a->members[i].key, b->members[i].key) &&
               equal(&a->members[i].value, &b->members[i].value);
    return same;
}

static int64_t characters(struct qf_slice text)
{
    int64_t count = 0;
    for (size_t i = 0; i < text.size; i++)
        count += (text.data[i] & 0xc0) != 0x80;
    return count;
}

/* ---- texts ---- */

static size_t digits(struct qf_slice text, size_t at)
{
    size_t from = at;
    while (at < text.size && text.data[at] >= '0' && text.data[at] <= '9')
        at++;
    return at - from;
}

static bool is_decimal(struct qf_slice text)
{
    size_t at = text.size > 0 && text.data[0] == '-' ? 1 : 0;
    size_t whole = digits(text, at);
    if (whole == 0 || (whole > 1 && text.data[at] == '0'))
        return false;
    at += whole;
    size_t fraction = 0;
    if (at < text.size && text.data[at] == '.') {
        fraction = digits(text, at + 1);
        if (fraction == 0)
            return false;
        at += 1 + fraction;
    }
    return at == text.size && whole + fraction <= DECIMAL_DIGITS_MAX;
}

/* No leap seconds: FEEL has none. */
static bool is_date_time(struct qf_slice text)
{
    int64_t ms;
    int32_t offset;
    return qf_time_parse(&ms, &offset, text) && text.data[17] != '6';
}

static bool is_time(struct qf_slice text)
{
    static const char day[] = "2000-01-02T";
    uint8_t whole[sizeof day - 1 + 40];
    if (text.size > 40)
        return false;
    memcpy(whole, day, sizeof day - 1);
    if (text.size > 0)
        memcpy(whole + sizeof day - 1, text.data, text.size);
    return is_date_time(qf_slice_make(whole, sizeof day - 1 + text.size));
}

static bool is_of_format(struct qf_slice text, const struct qf_json *format)
{
    int64_t ms;
    if (is_type(format, "date"))
        return qf_time_parse_date(&ms, text);
    if (is_type(format, "date-time"))
        return is_date_time(text);
    return is_type(format, "time") ? is_time(text) : is_decimal(text);
}

static const char *example_of(const struct qf_json *format)
{
    if (is_type(format, "date"))
        return "a date such as 2026-03-02";
    if (is_type(format, "date-time"))
        return "a date and time such as 2026-03-02T09:00:00+08:00";
    return is_type(format, "time") ? "a time such as 09:00:00+08:00"
                                   : "a number written as a text, such as \"12.50\"";
}

static enum qf_status judge_text(struct judge *j, const struct qf_json *schema,
                                 struct qf_slice text)
{
    const struct qf_json *format = qf_json_get(schema, "format");
    const struct qf_json *pattern = qf_json_get(schema, "pattern");
    int64_t length = characters(text);
    int64_t least = bound(schema, "minLength", 0), most = bound(schema, "maxLength", INT64_MAX);
    if (length < least)
        return REFUSE("has %lld characters; the form asks for at least %lld", (long long)length,
                      (long long)least);
    if (length > most)
        return REFUSE("has %lld characters; the form allows at most %lld", (long long)length,
                      (long long)most);
    if (format != NULL && !is_of_format(text, format))
        return REFUSE("must be %s", example_of(format));
    if (pattern == NULL)
        return QF_OK;
    if (++j->matches > QF_FORM_MATCHES_MAX)
        return qf_fail(j->err, QF_OVER_LIMIT, "", "more than %d texts have to be matched",
                       QF_FORM_MATCHES_MAX);
    int found = qf_feel_pattern_match(qf_json_text(pattern), text, QF_FORM_MATCH_STEPS_MAX);
    if (found < 0)
        return qf_fail(j->err, QF_OVER_LIMIT, "", "takes more than %d steps to match",
                       QF_FORM_MATCH_STEPS_MAX);
    if (found == 0)
        return REFUSE("does not have the form asked for, %.*s",
                      (int)(pattern->count > 120 ? 120 : pattern->count), pattern->text);
    return QF_OK;
}

/* ---- others ---- */

static enum qf_status judge_integer(struct judge *j, const struct qf_json *schema, int64_t value)
{
    const struct qf_json *step = qf_json_get(schema, "multipleOf");
    int64_t least = bound(schema, "minimum", INT64_MIN), most = bound(schema, "maximum", INT64_MAX);
    int64_t above = bound(schema, "exclusiveMinimum", INT64_MIN),
            below = bound(schema, "exclusiveMaximum", INT64_MAX);
    if (value < least)
        return REFUSE("must be at least %lld", (long long)least);
    if (value > most)
        return REFUSE("must be at most %lld", (long long)most);
    if (value <= above)
        return REFUSE("must be more than %lld", (long long)above);
    if (value >= below)
        return REFUSE("must be less than %lld", (long long)below);
    if (step != NULL && value % step->integer != 0)
        return REFUSE("must be a multiple of %lld", (long long)step->integer);
    return QF_OK;
}

static enum qf_status judge_array(struct judge *j, const struct qf_json *schema,
                                  const struct qf_json *value, unsigned depth)
{
    const struct qf_json *unique = qf_json_get(schema, "uniqueItems");
    int64_t least = bound(schema, "minItems", 0), most = bound(schema, "maxItems", 0);
    if (value->count < least || value->count > most)
        return REFUSE("has %u items; the form asks for %lld to %lld", value->count,
                      (long long)least, (long long)most);
    for (uint32_t i = 0; i < value->count; i++) {
        enum qf_status status =
            judge_value(j, qf_json_get(schema, "items"), &value->items[i], depth + 1);
        for (uint32_t k = 0;
             status == QF_OK && k < i && unique != NULL && unique->type == QF_JSON_TRUE; k++)
            if (equal(&value->items[i], &value->items[k]))
                status = REFUSE("stands here a second time");
        if (status != QF_OK) {
            qf_error_within(j->err, "[%u]", i);
            return status;
        }
    }
    return QF_OK;
}

static enum qf_status judge_object(struct judge *j, const struct qf_json *schema,
                                   const struct qf_json *value, unsigned depth)
{
    const struct qf_json *properties = qf_json_get(schema, "properties");
    const struct qf_json *required = qf_json_get(schema, "required");
    for (uint32_t i = 0; i < value->count; i++) {
        const struct qf_json *property = qf_json_get_slice(properties, value->members[i].key);
        enum qf_status status = property == NULL
                                    ? REFUSE("is not asked by the form")
                                    : judge_value(j, property, &value->members[i].value, depth + 1);
        if (status != QF_OK) {
            qf_schema_within(j->err, value->members[i].key, i);
            return status;
        }
    }
    for (uint32_t i = 0; required != NULL && i < required->count; i++) {
        struct qf_slice name = qf_json_text(&required->items[i]);
        if (qf_json_get_slice(value, name) != NULL)
            continue;
        enum qf_status status = REFUSE("is missing: the form asks for it");
        qf_schema_within(j->err, name, i);
        return status;
    }
    return QF_OK;
}

static enum qf_status judge_choice(struct judge *j, const struct qf_json *schema,
                                   const struct qf_json *value)
{
    const struct qf_json *choices = qf_json_get(schema, "enum");
    const struct qf_json *only = qf_json_get(schema, "const");
    bool found = choices == NULL;
    for (uint32_t i = 0; choices != NULL && i < choices->count; i++)
        found = found || equal(&choices->items[i], value);
    if (found && (only == NULL || equal(only, value)))
        return QF_OK;
    struct qf_buf list = {0};
    qf_buf_init(&list, 160);
    qf_json_write(&list, found ? only : choices);
    enum qf_status status =
        list.failed ? REFUSE("is none of the values that the form allows")
                    : REFUSE("is none of the values that the form allows: %s", qf_buf_text(&list));
    qf_buf_deinit(&list);
    return status;
}

/* Recursion: the schema's depth, which is bounded. */
static enum qf_status judge_value(struct judge *j, const struct qf_json *schema,
                                  const struct qf_json *value, unsigned depth)
{
    static const struct {
        const char *type;
        const char *text;
    } names[] = {[QF_JSON_FALSE] = {"boolean", "true or false"},
                 [QF_JSON_TRUE] = {"boolean", "true or false"},
                 [QF_JSON_INT] = {"integer", "an integer"},
                 [QF_JSON_STRING] = {"string", "a text"},
                 [QF_JSON_ARRAY] = {"array", "a list"},
                 [QF_JSON_OBJECT] = {"object", "an object"}};
    QF_ASSERT(depth <= QF_FORM_DEPTH_MAX);
    const struct qf_json *type = qf_json_get(schema, "type");
    if (names[value->type].type == NULL || !is_type(type, names[value->type].type)) {
        const char *text = "";
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
            if (names[i].type != NULL && is_type(type, names[i].type))
                text = names[i].text;
        return REFUSE("must be %s: this is the type that the form asks", text);
    }
    enum qf_status status = judge_choice(j, schema, value);
    if (status != QF_OK)
        return status;
    if (value->type == QF_JSON_STRING)
        return judge_text(j, schema, qf_json_text(value));
    if (value->type == QF_JSON_INT)
        return judge_integer(j, schema, value->integer);
    if (value->type == QF_JSON_ARRAY)
        return judge_array(j, schema, value, depth);
    return value->type == QF_JSON_OBJECT ? judge_object(j, schema, value, depth) : QF_OK;
}

enum qf_status qf_form_validate(const struct qf_json *schema, const struct qf_json *value,
                                struct qf_error *err)
{
    struct qf_error own = {0};
    struct judge j = {.err = &own};
    enum qf_status status = judge_value(&j, schema, value, 0);
    if (status != QF_OK && err != NULL)
        *err = own;
    return status;
}
