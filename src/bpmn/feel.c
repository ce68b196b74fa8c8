#include "bpmn/feel.h"

#include <stdio.h>

#include "bpmn/check.h"
#include "feel/number.h"
#include "feel/temporal.h"

/* A compiled expression, and which of the variables it may name: the others need not be converted.
 */
struct compiled {
    struct qf_feel_program program;
    uint32_t *used;
    uint32_t used_count;
    struct qf_slice sealed; /* the field whose commitment is handed on; empty: none */
};

struct complaint {
    bool found;
    char text[200];
};

static void keep_first(void *self, const struct qf_feel_problem *problem)
{
    struct complaint *complaint = self;
    if (!problem->error || complaint->found)
        return;
    complaint->found = true;
    snprintf(complaint->text, sizeof complaint->text, "line %u, column %u: %s", problem->line,
             problem->column, problem->message);
}

static bool contains(struct qf_slice text, struct qf_slice part)
{
    for (size_t i = 0; part.size > 0 && i + part.size <= text.size; i++)
        if (memcmp(text.data + i, part.data, part.size) == 0)
            return true;
    return false;
}

/* Names may be written with other white space than they were declared with: their first word must
 * stand in the text. */
static struct qf_slice first_word(struct qf_slice name)
{
    for (size_t i = 0; i < name.size; i++)
        if (name.data[i] == ' ' || name.data[i] == '\t' || name.data[i] == '\n')
            return qf_slice_make(name.data, i);
    return name;
}

/* The sealed field that a text names, being nothing else; empty: none. */
static struct qf_slice sealed_name(const struct qf_bpmn_feel *feel, struct qf_arena *arena,
                                   struct qf_slice text)
{
    struct qf_slice name = {NULL, 0};
    if (feel->sealed_count == 0 || text.size > QF_ID_SIZE_MAX)
        return name;
    struct qf_slice normal = qf_feel_name_normal(arena, text);
    for (uint32_t i = 0; i < feel->sealed_count && name.size == 0; i++)
        if (qf_slice_equal(feel->sealed[i], normal))
            name = feel->sealed[i];
    return name;
}

/* Why it does not compile: perhaps because of one sealed field. */
static const struct qf_slice *sealed_culprit(const struct qf_bpmn_feel *feel,
                                             struct qf_arena *arena, struct qf_slice text)
{
    struct qf_feel_variable *variables =
        QF_ARENA_ARRAY(arena, struct qf_feel_variable, feel->variable_count + feel->sealed_count);
    uint32_t count = feel->variable_count;
    for (uint32_t i = 0; i < count; i++)
        variables[i] = feel->variables[i];
    for (uint32_t i = 0; i < feel->sealed_count; i++) {
        struct qf_feel_program program;
        struct complaint complaint = {0};
        struct qf_feel_reporter reporter = {keep_first, &complaint};
        if (!contains(text, first_word(feel->sealed[i])))
            continue;
        variables[count++] = (struct qf_feel_variable){feel->sealed[i], &qf_feel_type_any};
        if (qf_feel_compile(arena, &program, text, variables, count, &reporter, NULL) == QF_OK &&
            !complaint.found)
            return &feel->sealed[i];
    }
    return NULL;
}

static enum qf_status refuse_sealed(const struct qf_bpmn_feel *feel, struct qf_arena *arena,
                                    struct qf_slice text, struct qf_error *err)
{
    const struct qf_slice *name = sealed_culprit(feel, arena, text);
    if (name == NULL)
        return QF_OK;
    return qf_fail(err, QF_MALFORMED, "",
                   "the field %.*s is sealed and cannot be read here: decide over it in a business "
                   "rule task with qf:decision sealed=\"true\"",
                   (int)(name->size > 60 ? 60 : name->size), (const char *)name->data);
}

static enum qf_status compile(void *self, struct qf_arena *arena, const void **out,
                              struct qf_slice text, struct qf_error *err)
{
    const struct qf_bpmn_feel *feel = self;
    struct complaint complaint = {0};
    struct qf_feel_reporter reporter = {keep_first, &complaint};
    struct compiled *compiled = QF_ARENA_NEW(arena, struct compiled);
    *out = compiled;
    compiled->sealed = sealed_name(feel, arena, text);
    if (compiled->sealed.size > 0)
        return QF_OK;
    enum qf_status status = qf_feel_compile(arena, &compiled->program, text, feel->variables,
                                            feel->variable_count, &reporter, err);
    if (status != QF_OK || (complaint.found && !feel->lenient)) {
        enum qf_status sealed = refuse_sealed(feel, arena, text, err);
        if (sealed != QF_OK || status != QF_OK)
            return sealed != QF_OK ? sealed : status;
        return qf_fail(err, QF_MALFORMED, "", "%s", complaint.text);
    }
    compiled->used = QF_ARENA_ARRAY(arena, uint32_t, feel->variable_count);
    for (uint32_t i = 0; i < feel->variable_count; i++)
        if (contains(text, first_word(feel->variables[i].name)))
            compiled->used[compiled->used_count++] = i;
    return QF_OK;
}

struct qf_slice qf_bpmn_feel_sealed(const struct qf_bpmn_formula *formula)
{
    const struct compiled *compiled = formula->handle;
    struct qf_slice none = {NULL, 0};
    return compiled == NULL || formula->literal ? none : compiled->sealed;
}

const struct qf_feel_type *qf_bpmn_feel_type(const struct qf_bpmn_formula *formula)
{
    const struct compiled *compiled = formula->handle;
    if (compiled == NULL || formula->literal || compiled->sealed.size > 0 ||
        compiled->program.root == NULL)
        return &qf_feel_type_any;
    return qf_feel_program_type(&compiled->program);
}

/* A string where the declared type wants something else; false when it is not one. */
static bool from_text(struct qf_feel_value *out, struct qf_slice text, uint32_t kind)
{
    switch (kind) {
    case QF_FEEL_NUMBER:
        return qf_feel_number_parse(out, text);
    case QF_FEEL_DATE:
        return qf_feel_date_parse(out, text);
    case QF_FEEL_TIME:
        return qf_feel_time_parse(out, text);
    case QF_FEEL_DATE_TIME:
        return qf_feel_date_time_parse(out, text);
    case QF_FEEL_MONTHS:
    case QF_FEEL_SECONDS:
        return qf_feel_duration_parse(out, text);
    default:
        *out = qf_feel_text(text);
        return true;
    }
}

static enum qf_status to_feel(struct qf_arena *arena, struct qf_feel_value *out,
                              const struct qf_json *json, const struct qf_feel_variable *variable,
                              struct qf_error *err)
{
    *out = qf_feel_null();
    if (json == NULL)
        return QF_OK;
    if (json->type != QF_JSON_STRING) {
        *out = qf_feel_from_json(arena, json);
        return QF_OK;
    }
    if (from_text(out, qf_json_text(json), variable->type->kind))
        return QF_OK;
    return qf_fail(err, QF_RULE_ERROR, "", "%.*s does not hold a value of its type",
                   (int)(variable->name.size > 80 ? 80 : variable->name.size),
                   (const char *)variable->name.data);
}

#define LOOKS_A_STEP 8   /* values that are brought to an expression */
#define BYTES_A_STEP 128 /* that what it gives is written with */

static void spend(uint64_t *steps, uint64_t count)
{
    *steps -= count < *steps ? count : *steps;
}

/* Values in a value, itself among them. */
static uint64_t count_values(const struct qf_json *json)
{
    uint64_t count = 1;
    for (uint32_t i = 0; json->type == QF_JSON_ARRAY && i < json->count; i++)
        count += count_values(&json->items[i]);
    for (uint32_t i = 0; json->type == QF_JSON_OBJECT && i < json->count; i++)
        count += count_values(&json->members[i].value);
    return count;
}

static enum qf_status from_feel(struct qf_arena *arena, struct qf_json *out,
                                const struct qf_feel_value *value, uint64_t *steps,
                                struct qf_error *err)
{
    if (value->kind == QF_FEEL_NULL) {
        *out = qf_json_make_null();
        return QF_OK;
    }
    if (value->kind == QF_FEEL_BOOLEAN) {
        *out = qf_json_make_bool(value->boolean);
        return QF_OK;
    }
    if (value->kind == QF_FEEL_STRING) {
        *out = qf_json_make_slice(qf_arena_copy(arena, qf_feel_slice(value)));
        return QF_OK;
    }
    struct qf_buf buf;
    qf_buf_init(&buf, QF_BPMN_CASE_SIZE_MAX);
    qf_feel_write_json(&buf, value);
    spend(steps, buf.size / BYTES_A_STEP);
    QF_ASSERT(!buf.starved);
    enum qf_status status = qf_buf_status(&buf);
    if (status == QF_OK)
        status =
            qf_json_parse(arena, out, qf_arena_copy(arena, qf_buf_slice(&buf)), QF_JSON_ANY, err);
    else
        (void)qf_fail(err, QF_OVER_LIMIT, "", "the value is too large (limit %d bytes)",
                      QF_BPMN_CASE_SIZE_MAX);
    qf_buf_deinit(&buf);
    return status;
}

static enum qf_status evaluate(void *self, struct qf_arena *arena, struct qf_json *out,
                               const void *handle, const struct qf_json *variables, int64_t now_ms,
                               uint64_t *steps, struct qf_error *err)
{
    const struct qf_bpmn_feel *feel = self;
    const struct compiled *compiled = handle;
    if (compiled->sealed.size > 0) {
        const struct qf_json *json = qf_json_get_slice(variables, compiled->sealed);
        *out = json != NULL ? *json : qf_json_make_null();
        return QF_OK;
    }
    int64_t second = now_ms / 1000 - (now_ms % 1000 < 0);
    struct qf_feel_world world = {.now_seconds = second,
                                  .now_nanos = (uint32_t)(now_ms - second * 1000) * 1000000,
                                  .zone = feel->zone,
                                  .steps_max =
                                      *steps < QF_FEEL_STEPS_MAX ? *steps : QF_FEEL_STEPS_MAX};
    struct qf_feel_value *values =
        QF_ARENA_ARRAY(arena, struct qf_feel_value, feel->variable_count + 1);
    if (*steps == 0)
        return qf_fail(err, QF_BUDGET, "", "no steps are left");
    for (uint32_t i = 0; i < compiled->used_count; i++) {
        uint32_t at = compiled->used[i];
        const struct qf_json *json = qf_json_get_slice(variables, feel->variables[at].name);
        enum qf_status status = to_feel(arena, &values[at], json, &feel->variables[at], err);
        if (status != QF_OK)
            return status;
        if (json != NULL)
            spend(steps, count_values(json) / LOOKS_A_STEP);
    }
    struct qf_feel_result result;
    enum qf_status status =
        qf_feel_evaluate(&compiled->program, arena, &world, values, &result, err);
    /* One that ran over its bound has used it up. */
    spend(steps, status == QF_OK ? result.steps : world.steps_max);
    return status == QF_OK ? from_feel(arena, out, &result.value, steps, err) : status;
}

/* --- variables --- */

struct declare {
    struct qf_bpmn_feel *feel;
    struct qf_arena *arena;
    uint32_t room;
};

static void declare(struct declare *d, struct qf_slice name, const struct qf_feel_type *type)
{
    struct qf_bpmn_feel *feel = d->feel;
    if (name.size == 0)
        return;
    for (uint32_t i = 0; i < feel->variable_count; i++)
        if (qf_slice_equal(feel->variables[i].name, name))
            return;
    for (uint32_t i = 0; i < feel->sealed_count; i++)
        if (qf_slice_equal(feel->sealed[i], name))
            return;
    if (feel->variable_count == d->room) {
        uint32_t room = d->room == 0 ? 16 : d->room * 2;
        struct qf_feel_variable *more = QF_ARENA_ARRAY(d->arena, struct qf_feel_variable, room);
        for (uint32_t i = 0; i < feel->variable_count; i++)
            more[i] = feel->variables[i];
        feel->variables = more;
        d->room = room;
    }
    feel->variables[feel->variable_count++] = (struct qf_feel_variable){name, type};
}

static void declare_any(void *arg, struct qf_slice name)
{
    declare(arg, name, &qf_feel_type_any);
}

void qf_bpmn_feel_init(struct qf_bpmn_feel *feel, struct qf_arena *arena,
                       const struct qf_bpmn_model *model, const struct qf_feel_variable *fields,
                       uint32_t field_count, struct qf_slice zone)
{
    struct declare d = {feel, arena, 0};
    *feel = (struct qf_bpmn_feel){
        .zone = zone, .sealed = feel->sealed, .sealed_count = feel->sealed_count};
    for (uint32_t i = 0; i < field_count; i++)
        declare(&d, fields[i].name, fields[i].type);
    qf_bpmn_names(model, declare_any, &d);
    declare_any(&d, qf_slice_of("result")); /* of a script, for its outputs */
}

void qf_bpmn_feel_init_lenient(struct qf_bpmn_feel *feel, struct qf_arena *arena,
                               const struct qf_bpmn_model *model)
{
    static const char *const carriers[] = {"dataObject", "dataObjectReference", "dataInput",
                                           "dataOutput", "property"};
    struct declare d = {feel, arena, 0};
    *feel = (struct qf_bpmn_feel){.lenient = true};
    qf_bpmn_names(model, declare_any, &d);
    declare_any(&d, qf_slice_of("result"));
    const struct qf_xml_node *at = model->root;
    while (at != NULL) {
        for (size_t i = 0; i < sizeof carriers / sizeof carriers[0]; i++)
            if (qf_xml_is(at, QF_BPMN_NS, carriers[i]))
                declare_any(&d, qf_xml_attr(at, "name"));
        if (at->child != NULL) {
            at = at->child;
            continue;
        }
        while (at != model->root && at->next == NULL)
            at = at->parent;
        at = at == model->root ? NULL : at->next;
    }
}

struct qf_bpmn_expr qf_bpmn_feel_expr(struct qf_bpmn_feel *feel)
{
    return (struct qf_bpmn_expr){compile, NULL, evaluate, feel};
}
