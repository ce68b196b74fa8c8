#include "feel/type.h"

#include "feel/node.h"

const struct qf_feel_type qf_feel_type_any = {.kind = QF_FEEL_ANY};

static const struct qf_feel_type kinds[] = {
    [QF_FEEL_NULL] = {.kind = QF_FEEL_NULL},
    [QF_FEEL_BOOLEAN] = {.kind = QF_FEEL_BOOLEAN},
    [QF_FEEL_NUMBER] = {.kind = QF_FEEL_NUMBER},
    [QF_FEEL_STRING] = {.kind = QF_FEEL_STRING},
    [QF_FEEL_DATE] = {.kind = QF_FEEL_DATE},
    [QF_FEEL_TIME] = {.kind = QF_FEEL_TIME},
    [QF_FEEL_DATE_TIME] = {.kind = QF_FEEL_DATE_TIME},
    [QF_FEEL_MONTHS] = {.kind = QF_FEEL_MONTHS},
    [QF_FEEL_SECONDS] = {.kind = QF_FEEL_SECONDS},
    [QF_FEEL_LIST] = {.kind = QF_FEEL_LIST, .element = &qf_feel_type_any},
    [QF_FEEL_CONTEXT] = {.kind = QF_FEEL_CONTEXT, .open = true},
    [QF_FEEL_RANGE] = {.kind = QF_FEEL_RANGE, .element = &qf_feel_type_any},
    [QF_FEEL_FUNCTION] = {.kind = QF_FEEL_FUNCTION, .open = true, .element = &qf_feel_type_any},
};

const struct qf_feel_type *qf_feel_type_of_kind(enum qf_feel_kind kind)
{
    return &kinds[kind];
}

bool qf_feel_type_bare(const struct qf_feel_type *type)
{
    return type == &kinds[QF_FEEL_LIST] || type == &kinds[QF_FEEL_CONTEXT] ||
           type == &kinds[QF_FEEL_RANGE] || type == &kinds[QF_FEEL_FUNCTION];
}

const struct qf_feel_type *qf_feel_type_named(struct qf_slice name)
{
    static const struct {
        const char *name;
        uint32_t kind;
    } names[] = {
        {"Any", QF_FEEL_ANY},
        {"Null", QF_FEEL_NULL},
        {"number", QF_FEEL_NUMBER},
        {"string", QF_FEEL_STRING},
        {"boolean", QF_FEEL_BOOLEAN},
        {"date", QF_FEEL_DATE},
        {"time", QF_FEEL_TIME},
        {"date and time", QF_FEEL_DATE_TIME},
        {"dateTime", QF_FEEL_DATE_TIME},
        {"years and months duration", QF_FEEL_MONTHS},
        {"yearMonthDuration", QF_FEEL_MONTHS},
        {"days and time duration", QF_FEEL_SECONDS},
        {"day and time duration", QF_FEEL_SECONDS},
        {"dayTimeDuration", QF_FEEL_SECONDS},
        {"list", QF_FEEL_LIST},
        {"context", QF_FEEL_CONTEXT},
        {"range", QF_FEEL_RANGE},
        {"function", QF_FEEL_FUNCTION},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (qf_slice_is(name, names[i].name))
            return names[i].kind == QF_FEEL_ANY ? &qf_feel_type_any : &kinds[names[i].kind];
    return NULL;
}

const struct qf_feel_type *qf_feel_type_list(struct qf_arena *arena,
                                             const struct qf_feel_type *element)
{
    struct qf_feel_type *type = QF_ARENA_NEW(arena, struct qf_feel_type);
    type->kind = QF_FEEL_LIST;
    type->element = element;
    return type;
}

const struct qf_feel_type *qf_feel_type_member(const struct qf_feel_type *context,
                                               struct qf_slice name)
{
    if (context->kind != QF_FEEL_CONTEXT)
        return NULL;
    for (uint32_t i = 0; i < context->count; i++)
        if (qf_slice_equal(context->members[i].name, name))
            return context->members[i].type;
    return NULL;
}

static bool function_conforms(const struct qf_feel_type *type, const struct qf_feel_type *target)
{
    if (target->open)
        return true;
    if (type->open || type->count != target->count)
        return false;
    for (uint32_t i = 0; i < type->count; i++)
        if (!qf_feel_type_conforms(target->members[i].type, type->members[i].type))
            return false;
    return qf_feel_type_conforms(type->element, target->element);
}

/* Depth is that of the types, which item definitions bound. */
bool qf_feel_type_conforms(const struct qf_feel_type *type, const struct qf_feel_type *target)
{
    if (type == target || target->kind == QF_FEEL_ANY || type->kind == QF_FEEL_NULL)
        return true;
    if (type->kind != target->kind)
        return false;
    if (type->kind == QF_FEEL_LIST || type->kind == QF_FEEL_RANGE)
        return qf_feel_type_conforms(type->element, target->element);
    if (type->kind == QF_FEEL_FUNCTION)
        return function_conforms(type, target);
    if (type->kind == QF_FEEL_CONTEXT) {
        for (uint32_t i = 0; i < target->count; i++) {
            const struct qf_feel_type *member = qf_feel_type_member(type, target->members[i].name);
            if (member == NULL || !qf_feel_type_conforms(member, target->members[i].type))
                return false;
        }
    }
    return true;
}

bool qf_feel_type_may_be(const struct qf_feel_type *type, enum qf_feel_kind kind)
{
    return type->kind == QF_FEEL_ANY || type->kind == kind || type->kind == QF_FEEL_NULL;
}

static bool function_is(const struct qf_feel_function *function, const struct qf_feel_type *type)
{
    if (type->open)
        return true;
    if (function->param_count != type->count)
        return false;
    for (uint32_t i = 0; i < type->count; i++)
        if (!qf_feel_type_conforms(type->members[i].type, function->params[i].type))
            return false;
    return qf_feel_type_conforms(function->result, type->element);
}

bool qf_feel_value_is(const struct qf_feel_value *value, const struct qf_feel_type *type,
                      int64_t *left)
{
    if (--*left < 0)
        return false;
    if (value->kind == QF_FEEL_NULL || type->kind == QF_FEEL_ANY)
        return true;
    if (value->kind != type->kind)
        return false;
    if (value->kind == QF_FEEL_LIST) {
        if (type->element->kind == QF_FEEL_ANY)
            return true;
        for (uint32_t i = 0; i < value->count; i++)
            if (!qf_feel_value_is(&value->items[i], type->element, left))
                return false;
    } else if (value->kind == QF_FEEL_CONTEXT) {
        for (uint32_t i = 0; i < type->count; i++) {
            const struct qf_feel_value *member = qf_feel_get(value, type->members[i].name);
            if (member == NULL || !qf_feel_value_is(member, type->members[i].type, left))
                return false;
        }
    } else if (value->kind == QF_FEEL_RANGE) {
        return qf_feel_value_is(&value->range->start, type->element, left) &&
               qf_feel_value_is(&value->range->end, type->element, left);
    } else if (value->kind == QF_FEEL_FUNCTION) {
        return function_is(value->function, type);
    }
    return true;
}

void qf_feel_type_write(struct qf_buf *buf, const struct qf_feel_type *type)
{
    if (type->name.size > 0) {
        qf_buf_put_slice(buf, type->name);
        return;
    }
    if (type->kind == QF_FEEL_ANY) {
        qf_buf_put_text(buf, "Any");
        return;
    }
    qf_buf_put_text(buf, qf_feel_kind_name((enum qf_feel_kind)type->kind));
    if (type->kind == QF_FEEL_LIST || type->kind == QF_FEEL_RANGE) {
        qf_buf_put_byte(buf, '<');
        qf_feel_type_write(buf, type->element);
        qf_buf_put_byte(buf, '>');
    } else if ((type->kind == QF_FEEL_CONTEXT || type->kind == QF_FEEL_FUNCTION) && !type->open) {
        qf_buf_put_byte(buf, '<');
        for (uint32_t i = 0; i < type->count; i++) {
            if (i > 0)
                qf_buf_put_text(buf, ", ");
            if (type->kind == QF_FEEL_CONTEXT) {
                qf_buf_put_slice(buf, type->members[i].name);
                qf_buf_put_text(buf, ": ");
            }
            qf_feel_type_write(buf, type->members[i].type);
        }
        qf_buf_put_byte(buf, '>');
        if (type->kind == QF_FEEL_FUNCTION) {
            qf_buf_put_text(buf, "->");
            qf_feel_type_write(buf, type->element);
        }
    }
}
