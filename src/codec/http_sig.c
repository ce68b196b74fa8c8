#include "codec/http_sig.h"

#include "codec/text.h"

static const char input_name[] = "Signature-Input";
static const char signature_name[] = "Signature";

struct cursor {
    const uint8_t *at, *end;
    const char *field;
    struct qf_error *err;
};

static enum qf_status malformed(const struct cursor *c, const char *want)
{
    return qf_fail(c->err, QF_MALFORMED, c->field, "want %s", want);
}

static bool take(struct cursor *c, char byte)
{
    bool there = c->at < c->end && *c->at == (uint8_t)byte;
    c->at += there;
    return there;
}

/* key = ( lcalpha / "*" ) *( lcalpha / DIGIT / "_" / "-" / "." / "*" ) */
static bool take_key(struct cursor *c, struct qf_slice *out)
{
    const uint8_t *start = c->at;
    while (c->at < c->end) {
        uint8_t b = *c->at;
        bool first = (b >= 'a' && b <= 'z') || b == '*';
        bool later = (b >= '0' && b <= '9') || b == '_' || b == '-' || b == '.';
        if (!first && (c->at == start || !later))
            break;
        c->at++;
    }
    *out = qf_slice_make(start, (size_t)(c->at - start));
    return out->size > 0;
}

/* A string without escapes: nothing that we read needs them. */
static bool take_string(struct cursor *c, struct qf_slice *out)
{
    if (!take(c, '"'))
        return false;
    const uint8_t *start = c->at;
    while (c->at < c->end && *c->at >= 0x20 && *c->at < 0x7f && *c->at != '"' && *c->at != '\\')
        c->at++;
    *out = qf_slice_make(start, (size_t)(c->at - start));
    return take(c, '"');
}

static bool take_integer(struct cursor *c, int64_t *out)
{
    const uint8_t *start = c->at;
    *out = 0;
    while (c->at < c->end && *c->at >= '0' && *c->at <= '9' && c->at - start < 15)
        *out = *out * 10 + (*c->at++ - '0');
    return c->at > start;
}

static enum qf_status take_components(struct cursor *c, struct qf_http_sig *out)
{
    if (!take(c, '('))
        return malformed(c, "label=(\"component\" …);created=…;keyid=\"…\"");
    out->component_count = 0;
    while (!take(c, ')')) {
        struct qf_slice name;
        if (out->component_count > 0 && !take(c, ' '))
            return malformed(c, "one space between components, which take no parameters here");
        if (!take_string(c, &name) || name.size == 0)
            return malformed(c, "components in quotation marks");
        if (out->component_count == QF_HTTP_SIG_COMPONENTS_MAX)
            return qf_fail(c->err, QF_OVER_LIMIT, c->field, "at most %d components",
                           QF_HTTP_SIG_COMPONENTS_MAX);
        for (size_t i = 0; i < out->component_count; i++)
            if (qf_slice_equal(out->components[i], name))
                return malformed(c, "each component once");
        out->components[out->component_count++] = name;
    }
    return QF_OK;
}

static enum qf_status take_parameters(struct cursor *c, struct qf_http_sig *out)
{
    struct {
        const char *name;
        struct qf_slice *text;
        int64_t *number;
        bool seen;
    } known[] = {{"created", NULL, &out->created, false}, {"expires", NULL, &out->expires, false},
                 {"keyid", &out->keyid, NULL, false},     {"alg", &out->alg, NULL, false},
                 {"nonce", &out->nonce, NULL, false},     {"tag", &out->tag, NULL, false}};
    while (take(c, ';')) {
        struct qf_slice name;
        if (!take_key(c, &name))
            return malformed(c, "a parameter after each semicolon");
        size_t i = 0;
        while (i < sizeof known / sizeof known[0] && !qf_slice_is(name, known[i].name))
            i++;
        if (i == sizeof known / sizeof known[0] || known[i].seen || !take(c, '='))
            return malformed(c, "created, expires, keyid, alg, nonce and tag, each at most once");
        known[i].seen = true;
        bool good = known[i].text != NULL ? take_string(c, known[i].text)
                                          : take_integer(c, known[i].number);
        if (!good)
            return malformed(c, "Unix seconds as created and expires, else text in quotation "
                                "marks");
    }
    return QF_OK;
}

/* OWS "," OWS between members of a dictionary; false at the end. */
static bool take_comma(struct cursor *c, bool *bad)
{
    *bad = false;
    while (take(c, ' ') || take(c, '\t'))
        ;
    if (c->at == c->end)
        return false;
    *bad = !take(c, ',');
    while (take(c, ' ') || take(c, '\t'))
        ;
    *bad = *bad || c->at == c->end;
    return !*bad;
}

/* The signature of the label: 1 found, 0 not (or of another size), -1 malformed. */
static int find_signature(struct qf_slice field, struct qf_slice label,
                          uint8_t out[QF_HTTP_SIG_BYTES])
{
    struct cursor c = {field.data, field.data + field.size, signature_name, NULL};
    bool bad = false;
    int found = 0;
    do {
        struct qf_slice name;
        if (!take_key(&c, &name) || !take(&c, '=') || !take(&c, ':'))
            return -1;
        const uint8_t *start = c.at;
        while (c.at < c.end && *c.at != ':')
            c.at++;
        struct qf_slice text = {start, (size_t)(c.at - start)};
        uint8_t bytes[QF_HTTP_SIG_SIZE_MAX];
        size_t size = 0;
        if (!take(&c, ':') || !qf_base64_decode(bytes, &size, text))
            return -1;
        if (found == 0 && size == QF_HTTP_SIG_BYTES && qf_slice_equal(name, label)) {
            memcpy(out, bytes, QF_HTTP_SIG_BYTES);
            found = 1;
        }
    } while (take_comma(&c, &bad));
    return bad ? -1 : found;
}

enum qf_status qf_http_sig_parse(struct qf_http_sig *out, struct qf_slice input,
                                 struct qf_slice signature, struct qf_error *err)
{
    struct cursor c = {input.data, input.data + input.size, input_name, err};
    bool bad = false;
    bool more;
    if (input.size > QF_HTTP_SIG_SIZE_MAX || signature.size > QF_HTTP_SIG_SIZE_MAX)
        return qf_fail(err, QF_OVER_LIMIT,
                       input.size > QF_HTTP_SIG_SIZE_MAX ? input_name : signature_name,
                       "at most %d bytes", QF_HTTP_SIG_SIZE_MAX);
    do {
        *out = (struct qf_http_sig){.created = -1, .expires = -1};
        if (!take_key(&c, &out->label) || !take(&c, '='))
            return malformed(&c, "label=(\"component\" …);created=…;keyid=\"…\"");
        const uint8_t *start = c.at;
        enum qf_status status = take_components(&c, out);
        if (status == QF_OK)
            status = take_parameters(&c, out);
        if (status != QF_OK)
            return status;
        out->params = qf_slice_make(start, (size_t)(c.at - start));
        more = take_comma(&c, &bad);
        if (bad)
            return malformed(&c, "a comma between signatures, and nothing else");
        int found = find_signature(signature, out->label, out->signature);
        if (found < 0)
            return qf_fail(err, QF_MALFORMED, signature_name, "want label=:base64:");
        if (found > 0)
            return QF_OK;
    } while (more);
    return qf_fail(err, QF_MALFORMED, signature_name, "want a signature of %d bytes for %.*s",
                   QF_HTTP_SIG_BYTES, QF_SLICE_ARGS(out->label));
}

bool qf_http_sig_covers(const struct qf_http_sig *sig, const char *component)
{
    for (size_t i = 0; i < sig->component_count; i++)
        if (qf_slice_is(sig->components[i], component))
            return true;
    return false;
}

static bool is_line(struct qf_slice value)
{
    for (size_t i = 0; i < value.size; i++)
        if ((value.data[i] < 0x20 && value.data[i] != '\t') || value.data[i] == 0x7f)
            return false;
    return true;
}

enum qf_status qf_http_sig_put_base(struct qf_buf *out, const struct qf_http_sig *sig,
                                    qf_http_sig_value_fn *value, void *arg, struct qf_error *err)
{
    for (size_t i = 0; i < sig->component_count; i++) {
        struct qf_slice text;
        struct qf_slice name = sig->components[i];
        if (!value(arg, name, &text) || !is_line(text))
            return qf_fail(err, QF_BAD_FIELD, input_name,
                           "the request has no component %.*s that can be covered",
                           (int)(name.size < 60 ? name.size : 60), (const char *)name.data);
        qf_buf_put_byte(out, '"');
        qf_buf_put_slice(out, name);
        qf_buf_put_text(out, "\": ");
        qf_buf_put_slice(out, text);
        qf_buf_put_byte(out, '\n');
    }
    qf_buf_put_text(out, "\"@signature-params\": ");
    qf_buf_put_slice(out, sig->params);
    return qf_buf_status(out);
}
