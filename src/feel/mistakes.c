/* What an expression can never give, found by its types: FEEL itself makes null of it and goes on,
 * so that a condition would silently never hold. Said only where it is certain: a variable without
 * a type may hold anything, and a list of one item stands for its item. */
#include "feel/builtin.h"
#include "feel/parse.h"

static const char *kind_text(uint32_t kind)
{
    return kind == QF_FEEL_ANY ? "Any" : qf_feel_kind_name((enum qf_feel_kind)kind);
}

static bool is_open(uint32_t kind)
{
    return kind == QF_FEEL_ANY || kind == QF_FEEL_NULL || kind == QF_FEEL_LIST;
}

bool qf_feel_type_never(const struct qf_feel_type *type, const struct qf_feel_type *wanted)
{
    if (is_open(type->kind) || is_open(wanted->kind) || type->kind == wanted->kind)
        return false;
    if (type->kind == QF_FEEL_FUNCTION || wanted->kind == QF_FEEL_FUNCTION)
        return false; /* older models declare what the function gives */
    return !(type->kind == QF_FEEL_DATE && wanted->kind == QF_FEEL_DATE_TIME);
}

/* ---- properties ---- */

struct property {
    const char *name;
    uint32_t of; /* bits of kinds */
    enum qf_feel_kind gives;
};

#define BIT(kind) (1U << (unsigned)(kind))
#define DATES (BIT(QF_FEEL_DATE) | BIT(QF_FEEL_DATE_TIME))
#define TIMES (BIT(QF_FEEL_TIME) | BIT(QF_FEEL_DATE_TIME))

static const struct property properties[] = {
    {"year", DATES, QF_FEEL_NUMBER},
    {"month", DATES, QF_FEEL_NUMBER},
    {"day", DATES, QF_FEEL_NUMBER},
    {"weekday", DATES, QF_FEEL_NUMBER},
    {"hour", TIMES, QF_FEEL_NUMBER},
    {"minute", TIMES, QF_FEEL_NUMBER},
    {"second", TIMES, QF_FEEL_NUMBER},
    {"time offset", TIMES, QF_FEEL_SECONDS},
    {"timezone", TIMES, QF_FEEL_STRING},
    {"years", BIT(QF_FEEL_MONTHS), QF_FEEL_NUMBER},
    {"months", BIT(QF_FEEL_MONTHS), QF_FEEL_NUMBER},
    {"days", BIT(QF_FEEL_SECONDS), QF_FEEL_NUMBER},
    {"hours", BIT(QF_FEEL_SECONDS), QF_FEEL_NUMBER},
    {"minutes", BIT(QF_FEEL_SECONDS), QF_FEEL_NUMBER},
    {"seconds", BIT(QF_FEEL_SECONDS), QF_FEEL_NUMBER},
};

const struct qf_feel_type *qf_feel_property_type(const struct qf_feel_type *type,
                                                 struct qf_slice name)
{
    if (type->kind >= 32)
        return NULL;
    for (size_t i = 0; i < sizeof properties / sizeof properties[0]; i++)
        if ((properties[i].of & BIT(type->kind)) != 0 && qf_slice_is(name, properties[i].name))
            return qf_feel_type_of_kind(properties[i].gives);
    return NULL;
}

static void list_properties(struct qf_buf *out, uint32_t kind)
{
    for (size_t i = 0; i < sizeof properties / sizeof properties[0]; i++)
        if ((properties[i].of & BIT(kind)) != 0)
            qf_buf_printf(out, "%s%s", out->size > 0 ? ", " : "", properties[i].name);
}

void qf_feel_parse_check_path(struct qf_feel_parser *p, size_t at, const struct qf_feel_type *type,
                              struct qf_slice name)
{
    const bool listed = type->kind == QF_FEEL_LIST; /* of things that may differ */
    while (type->kind == QF_FEEL_LIST)
        type = type->element;
    const uint32_t kind = type->kind;
    if (kind == QF_FEEL_CONTEXT && !listed && !type->open &&
        qf_feel_type_member(type, name) == NULL)
        qf_feel_parse_report(p, at, true, "the context has no entry \"%.*s\"", QF_SLICE_ARGS(name));
    if (kind == QF_FEEL_STRING)
        qf_feel_parse_report(p, at, true,
                             "a string has no \"%.*s\", nor any other member; its length is "
                             "string length(…), a part of it substring(…)",
                             QF_SLICE_ARGS(name));
    else if (kind == QF_FEEL_NUMBER || kind == QF_FEEL_BOOLEAN || kind == QF_FEEL_FUNCTION)
        qf_feel_parse_report(p, at, true, "a %s has no \"%.*s\", nor any other member",
                             kind_text(kind), QF_SLICE_ARGS(name));
    bool temporal = kind >= QF_FEEL_DATE && kind <= QF_FEEL_SECONDS;
    if (!temporal || qf_feel_property_type(type, name) != NULL)
        return;
    struct qf_buf names = {0};
    list_properties(&names, kind);
    qf_feel_parse_report(p, at, true, "a %s has no \"%.*s\"; it has %s", kind_text(kind),
                         QF_SLICE_ARGS(name), qf_buf_text(&names));
    qf_buf_deinit(&names);
}

/* ---- operands ---- */

void qf_feel_parse_check_boolean(struct qf_feel_parser *p, size_t at, const char *what,
                                 const struct qf_feel_node *node)
{
    if (!is_open(node->type->kind) && node->type->kind != QF_FEEL_BOOLEAN)
        qf_feel_parse_report(p, at, true, "%s takes a boolean, this is a %s", what,
                             kind_text(node->type->kind));
}

void qf_feel_parse_check_compared(struct qf_feel_parser *p, size_t at, const struct qf_feel_type *a,
                                  const struct qf_feel_type *b)
{
    const bool open = a->kind == QF_FEEL_ANY || b->kind == QF_FEEL_ANY || a->kind == QF_FEEL_NULL ||
                      b->kind == QF_FEEL_NULL;
    if (!open && a->kind != b->kind)
        qf_feel_parse_report(p, at, true, "%s and %s are not compared", kind_text(a->kind),
                             kind_text(b->kind));
}

/* A test may also be a list, a range of the values that are tested, or say true itself. */
void qf_feel_parse_check_test(struct qf_feel_parser *p, size_t at, const struct qf_feel_type *input,
                              const struct qf_feel_type *test)
{
    if (input == NULL || input->kind == QF_FEEL_LIST || test->kind == QF_FEEL_LIST ||
        test->kind == QF_FEEL_BOOLEAN || test->kind == QF_FEEL_FUNCTION ||
        (test->kind == QF_FEEL_RANGE && test->element == NULL))
        return;
    if (input->kind != QF_FEEL_RANGE && test->kind == QF_FEEL_RANGE)
        test = test->element;
    qf_feel_parse_check_compared(p, at, input, test);
}

/* ---- arguments ---- */

#define TEMPORAL (DATES | TIMES)
#define DURATIONS (BIT(QF_FEEL_MONTHS) | BIT(QF_FEEL_SECONDS))

/* What a parameter of this name takes; 0: anything. */
static const struct parameter {
    const char *name;
    uint32_t takes;
    const char *function; /* in it alone; NULL: in all that are not named */
} parameters[] = {
    {"from", BIT(QF_FEEL_STRING) | DATES, "date"},
    {"from", BIT(QF_FEEL_STRING) | TEMPORAL, "time"},
    {"from", BIT(QF_FEEL_STRING), "date and time"},
    {"from", BIT(QF_FEEL_STRING) | BIT(QF_FEEL_NUMBER), "number"},
    {"from", BIT(QF_FEEL_STRING) | DURATIONS, "duration"},
    {"from", DATES, "years and months duration"},
    {"to", DATES, "years and months duration"},
    {"from", 0, NULL},
    {"match", 0, "list replace"},
    {"match", 0, "index of"},
    {"match", BIT(QF_FEEL_STRING), NULL},
    {"position", 0, "list replace"},
    {"position", BIT(QF_FEEL_NUMBER), NULL},
    {"n", BIT(QF_FEEL_NUMBER) | DURATIONS, "abs"},
    {"n", BIT(QF_FEEL_NUMBER), NULL},
    {"list", BIT(QF_FEEL_NUMBER), "sum"},
    {"list", BIT(QF_FEEL_NUMBER), "mean"},
    {"list", BIT(QF_FEEL_NUMBER), "median"},
    {"list", BIT(QF_FEEL_NUMBER), "stddev"},
    {"list", BIT(QF_FEEL_NUMBER), "product"},
    {"list", BIT(QF_FEEL_BOOLEAN), "all"},
    {"list", BIT(QF_FEEL_BOOLEAN), "any"},
    {"string", BIT(QF_FEEL_STRING), NULL},
    {"input", BIT(QF_FEEL_STRING), NULL},
    {"pattern", BIT(QF_FEEL_STRING), NULL},
    {"flags", BIT(QF_FEEL_STRING), NULL},
    {"replacement", BIT(QF_FEEL_STRING), NULL},
    {"delimiter", BIT(QF_FEEL_STRING), NULL},
    {"grouping separator", BIT(QF_FEEL_STRING), NULL},
    {"decimal separator", BIT(QF_FEEL_STRING), NULL},
    {"negand", BIT(QF_FEEL_BOOLEAN), NULL},
    {"start position", BIT(QF_FEEL_NUMBER), NULL},
    {"length", BIT(QF_FEEL_NUMBER), NULL},
    {"scale", BIT(QF_FEEL_NUMBER), NULL},
    {"dividend", BIT(QF_FEEL_NUMBER), NULL},
    {"divisor", BIT(QF_FEEL_NUMBER), NULL},
    {"number", BIT(QF_FEEL_NUMBER), NULL},
    {"year", BIT(QF_FEEL_NUMBER), NULL},
    {"month", BIT(QF_FEEL_NUMBER), NULL},
    {"day", BIT(QF_FEEL_NUMBER), NULL},
    {"hour", BIT(QF_FEEL_NUMBER), NULL},
    {"minute", BIT(QF_FEEL_NUMBER), NULL},
    {"second", BIT(QF_FEEL_NUMBER), NULL},
    {"offset", BIT(QF_FEEL_SECONDS), NULL},
    {"date", DATES, NULL},
    {"time", BIT(QF_FEEL_TIME), NULL},
};

static uint32_t takes(const struct qf_feel_builtin *builtin, struct qf_slice name)
{
    for (size_t i = 0; i < sizeof parameters / sizeof parameters[0]; i++)
        if (qf_slice_is(name, parameters[i].name) &&
            (parameters[i].function == NULL || strcmp(parameters[i].function, builtin->name) == 0))
            return parameters[i].takes;
    return 0;
}

/* The name of the parameter at `place` of the signature; of one that repeats for all that follow.
 */
static struct qf_slice parameter_name(const char *signatures, uint32_t signature, uint32_t place)
{
    const char *at = signatures;
    while (signature-- > 0 && strchr(at, '|') != NULL)
        at = strchr(at, '|') + 1;
    for (;; place--) {
        size_t size = strcspn(at, ",|*?");
        bool repeats = at[size] == '*';
        const char *next = at + size + strspn(at + size, "*?");
        if (place == 0 || (repeats && *next != ','))
            return qf_slice_make(at, size);
        if (*next != ',')
            return qf_slice_make(at, 0);
        at = next + 1;
    }
}

void qf_feel_parse_check_arguments(struct qf_feel_parser *p, size_t at,
                                   const struct qf_feel_builtin *builtin,
                                   const struct qf_feel_node *call)
{
    for (uint32_t i = 0; i < call->count; i++) {
        const struct qf_feel_node *arg = call->kids[i];
        struct qf_slice name = parameter_name(builtin->signatures, call->a, i);
        if (arg == NULL && name.size > 0 && name.data[name.size] != '?' &&
            name.data[name.size] != '*')
            qf_feel_parse_report(p, at, false, "%s is not given its %.*s, which is null then",
                                 builtin->name, QF_SLICE_ARGS(name));
        if (arg == NULL || is_open(arg->type->kind) || arg->type->kind >= 32)
            continue;
        uint32_t wanted = name.size == 0 ? 0 : takes(builtin, name);
        if (wanted == 0 || (wanted & BIT(arg->type->kind)) != 0)
            continue;
        struct qf_buf kinds = {0};
        for (uint32_t kind = 0; kind < 32; kind++)
            if ((wanted & BIT(kind)) != 0)
                qf_buf_printf(&kinds, "%s%s", kinds.size > 0 ? " or " : "", kind_text(kind));
        qf_feel_parse_report(p, at, true, "%s takes a %s as %.*s, this is a %s", builtin->name,
                             qf_buf_text(&kinds), QF_SLICE_ARGS(name), kind_text(arg->type->kind));
        qf_buf_deinit(&kinds);
    }
}

/* date("2026-13-01"): what is made of a fixed text is known now. */
void qf_feel_parse_check_constant(struct qf_feel_parser *p, size_t at,
                                  const struct qf_feel_builtin *builtin,
                                  const struct qf_feel_node *call)
{
    bool texts = builtin->foldable && call->count > 0;
    for (uint32_t i = 0; texts && i < call->count; i++)
        texts = call->kids[i] != NULL && call->kids[i]->is_literal &&
                call->kids[i]->value.kind == QF_FEEL_STRING;
    const char *form = qf_feel_parse_form(builtin->name);
    if (texts && !qf_feel_parse_fold(p, call)->is_literal)
        qf_feel_parse_report(p, at, true, "%s makes nothing of \"%.*s\"%s%s", builtin->name,
                             QF_SLICE_ARGS(qf_feel_slice(&call->kids[0]->value)),
                             form == NULL ? "" : "; its form is ", form == NULL ? "" : form);
    bool has_pattern = strcmp(builtin->name, "matches") == 0 ||
                       strcmp(builtin->name, "replace") == 0 || strcmp(builtin->name, "split") == 0;
    const struct qf_feel_node *pattern = has_pattern && call->count > 1 ? call->kids[1] : NULL;
    bool has_flags = has_pattern && call->count > 2 && call->kids[call->count - 1] != NULL &&
                     strcmp(builtin->name, "split") != 0 &&
                     call->count == (strcmp(builtin->name, "matches") == 0 ? 3 : 4);
    if (pattern != NULL && pattern->is_literal && pattern->value.kind == QF_FEEL_STRING &&
        !has_flags &&
        qf_feel_pattern_match(qf_feel_slice(&pattern->value), qf_slice_of(""),
                              QF_FEEL_REGEX_STEPS_MAX) < 0)
        qf_feel_parse_report(p, at, true,
                             "\"%.*s\" is not a pattern of XPath: look at its brackets "
                             "and backslashes",
                             QF_SLICE_ARGS(qf_feel_slice(&pattern->value)));
}
