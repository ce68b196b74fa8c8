#include <stdarg.h>
#include <stdio.h>

#include "bpmn/run_internal.h"
#include "bpmn/term.h"

enum qf_status qf_run_fail(struct run *run, enum qf_status status, uint16_t node, const char *fmt,
                           ...)
{
    char text[200];
    char field[96];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    struct qf_slice id =
        node == QF_BPMN_NONE ? run->model->processes[run->now.process].id : run_node(run, node)->id;
    snprintf(field, sizeof field, "%.*s", (int)(id.size > 90 ? 90 : id.size),
             (const char *)id.data);
    return qf_fail(&run->call->err, status, field, "%s", text);
}

/* As much of it as fits a sentence. */
static struct qf_slice process_id(const struct run *run)
{
    struct qf_slice id = run->model->processes[run->now.process].id;
    return qf_slice_make(id.data, id.size > 60 ? 60 : id.size);
}

enum qf_status qf_run_step(struct run *run)
{
    if (run->call->steps > 0) {
        run->call->steps--;
        return QF_OK;
    }
    struct qf_slice id = process_id(run);
    return qf_run_fail(run, QF_BUDGET, QF_BPMN_NONE,
                       "the process %.*s ran over its budget of steps without waiting",
                       QF_SLICE_ARGS(id));
}

void qf_run_charge(struct run *run, uint64_t things)
{
    uint64_t units = things / 64;
    run->call->steps -= units < run->call->steps ? units : run->call->steps;
}

struct qf_bpmn_action *qf_run_act(struct run *run, enum qf_bpmn_act act, uint16_t node,
                                  uint32_t wait)
{
    struct qf_bpmn_action *action = QF_ARENA_NEW(run->arena, struct qf_bpmn_action);
    action->act = act;
    action->node = node;
    action->wait = wait;
    *run->action_tail = action;
    run->action_tail = &action->next;
    return action;
}

/* Order of RFC 8785: by UTF-16 code units. That is the order of the bytes, but for U+E000 to
 * U+FFFF, which come after the characters that UTF-16 writes as surrogates. */
static int compare_keys(struct qf_slice a, struct qf_slice b)
{
    size_t size = a.size < b.size ? a.size : b.size;
    for (size_t i = 0; i < size; i++) {
        uint8_t x = a.data[i], y = b.data[i];
        if (x == y)
            continue;
        bool high_x = x == 0xEE || x == 0xEF, high_y = y == 0xEE || y == 0xEF;
        if (high_x && y >= 0xF0)
            return 1;
        if (high_y && x >= 0xF0)
            return -1;
        return x < y ? -1 : 1;
    }
    return (a.size > b.size) - (a.size < b.size);
}

/* Members are never changed in place: the old object may belong to an instance that must stay as it
 * was. */
void qf_run_set(struct qf_arena *arena, struct qf_json *object, struct qf_slice name,
                struct qf_json value)
{
    uint32_t count = object->type == QF_JSON_OBJECT ? object->count : 0;
    struct qf_json_member *old = count > 0 ? object->members : NULL;
    struct qf_json_member *members = QF_ARENA_ARRAY(arena, struct qf_json_member, count + 1);
    uint32_t used = 0, at = 0;
    while (at < count && compare_keys(old[at].key, name) < 0)
        members[used++] = old[at++];
    if (at < count && qf_slice_equal(old[at].key, name))
        at++;
    members[used].key = name;
    members[used++].value = value;
    while (at < count)
        members[used++] = old[at++];
    *object = (struct qf_json){.type = QF_JSON_OBJECT, .count = used, .members = members};
}

void qf_run_assign(struct run *run, uint32_t scope, struct qf_slice name, struct qf_json value)
{
    for (uint32_t at = scope; at != 0;) {
        struct qf_bpmn_scope *s = qf_run_scope(run, at);
        bool own = s->kind != QF_BPMN_SCOPE_MANY; /* its locals are the list of items */
        if (s->isolated || (own && qf_json_get_slice(&s->locals, name) != NULL)) {
            qf_run_charge(run, s->locals.type == QF_JSON_OBJECT ? s->locals.count : 0);
            qf_run_set(run->arena, &s->locals, name, value);
            return;
        }
        at = s->parent;
    }
    qf_run_charge(run, run->now.variables.count);
    qf_run_set(run->arena, &run->now.variables, name, value);
}

/* Puts all members of `over` into `base`, in one pass over both. */
void qf_run_merge(struct run *run, struct qf_json *base, const struct qf_json *over)
{
    if (over == NULL || over->type != QF_JSON_OBJECT || over->count == 0)
        return;
    uint32_t count = base->type == QF_JSON_OBJECT ? base->count : 0;
    struct qf_json_member *old = count > 0 ? base->members : NULL;
    struct qf_json_member *members =
        QF_ARENA_ARRAY(run->arena, struct qf_json_member, (size_t)count + over->count);
    uint32_t used = 0, at = 0;
    qf_run_charge(run, (uint64_t)count + over->count);
    for (uint32_t i = 0; i < over->count; i++) {
        while (at < count && compare_keys(old[at].key, over->members[i].key) < 0)
            members[used++] = old[at++];
        if (at < count && qf_slice_equal(old[at].key, over->members[i].key))
            at++;
        members[used++] = over->members[i];
    }
    while (at < count)
        members[used++] = old[at++];
    *base = (struct qf_json){.type = QF_JSON_OBJECT, .count = used, .members = members};
}

/* Whether an inner scope keeps variables of its own that an assignment might mean. */
static bool has_locals(struct run *run, uint32_t scope)
{
    while (scope != 0) {
        const struct qf_bpmn_scope *s = qf_run_scope(run, scope);
        if (s->isolated || s->locals.type == QF_JSON_OBJECT)
            return true;
        scope = s->parent;
    }
    return false;
}

void qf_run_assign_all(struct run *run, uint32_t scope, const struct qf_json *values)
{
    if (!has_locals(run, scope)) {
        qf_run_merge(run, &run->now.variables, values);
        return;
    }
    for (uint32_t i = 0; values != NULL && i < values->count; i++)
        qf_run_assign(run, scope, values->members[i].key, values->members[i].value);
}

/* What expressions in a scope see: the case's variables, hidden by those of inner scopes, hidden by
 * `over`. */
struct qf_json qf_run_context(struct run *run, uint32_t scope, const struct qf_json *over)
{
    uint32_t chain[QF_BPMN_XML_DEPTH_MAX * 4];
    size_t depth = 0;
    struct qf_json context = run->now.variables;
    for (uint32_t at = scope; at != 0 && depth < sizeof chain / sizeof chain[0];) {
        const struct qf_bpmn_scope *s = qf_run_scope(run, at);
        if (s->kind != QF_BPMN_SCOPE_MANY && (s->locals.type == QF_JSON_OBJECT || s->isolated))
            chain[depth++] = at;
        if (s->isolated) {
            context = (struct qf_json){.type = QF_JSON_OBJECT};
            break;
        }
        at = s->parent;
    }
    while (depth > 0)
        qf_run_merge(run, &context, &qf_run_scope(run, chain[--depth])->locals);
    qf_run_merge(run, &context, over);
    return context;
}

enum qf_status qf_run_evaluate(struct run *run, uint16_t node,
                               const struct qf_bpmn_formula *formula, const struct qf_json *context,
                               struct qf_json *out)
{
    RUN_TRY(qf_run_step(run));
    if (formula->literal) {
        *out = qf_json_make_slice(formula->text);
        return QF_OK;
    }
    const struct qf_bpmn_expr *expr = &run->call->program->expr;
    if (formula->handle == NULL || expr->evaluate == NULL)
        return qf_run_fail(run, QF_RULE_ERROR, node, "the expression on line %u is not compiled",
                           formula->line);
    struct qf_error err = {0};
    enum qf_status status = expr->evaluate(expr->self, run->arena, out, formula->handle, context,
                                           run->call->now_ms, &run->call->steps, &err);
    struct qf_slice id = process_id(run);
    if (status == QF_BUDGET)
        return qf_run_fail(run, status, QF_BPMN_NONE,
                           "the process %.*s ran over its budget in the expression on line %u",
                           QF_SLICE_ARGS(id), formula->line);
    if (status != QF_OK)
        return qf_run_fail(run, status, node, "line %u: %.150s", formula->line, err.detail);
    return QF_OK;
}

enum qf_status qf_run_condition(struct run *run, uint16_t node,
                                const struct qf_bpmn_formula *formula,
                                const struct qf_json *context, bool *out)
{
    struct qf_json value;
    RUN_TRY(qf_run_evaluate(run, node, formula, context, &value));
    *out = value.type == QF_JSON_TRUE; /* null is no, as in DMN */
    if (value.type != QF_JSON_TRUE && value.type != QF_JSON_FALSE && value.type != QF_JSON_NULL)
        return qf_run_fail(run, QF_RULE_ERROR, node,
                           "the condition on line %u is neither true nor false", formula->line);
    return QF_OK;
}

enum qf_status qf_run_object(struct run *run, uint16_t node, const struct qf_bpmn_assigns *assigns,
                             const struct qf_json *context, struct qf_json *out)
{
    *out = (struct qf_json){.type = QF_JSON_OBJECT};
    for (uint32_t i = 0; i < assigns->count; i++) {
        struct qf_json value;
        RUN_TRY(qf_run_evaluate(run, node, &assigns->items[i].value, context, &value));
        qf_run_set(run->arena, out, assigns->items[i].name, value);
    }
    return QF_OK;
}

enum qf_status qf_run_outputs(struct run *run, uint16_t node, uint32_t scope, uint32_t target,
                              const struct qf_json *data)
{
    const struct qf_bpmn_assigns *outputs = &run_node(run, node)->ext.outputs;
    if (data != NULL && data->type != QF_JSON_OBJECT)
        return qf_run_fail(run, QF_BAD_FIELD, node, "data must be an object");
    if (outputs->count == 0) {
        qf_run_assign_all(run, target, data);
        return QF_OK;
    }
    struct qf_json context = qf_run_context(run, scope, data);
    struct qf_json values;
    RUN_TRY(qf_run_object(run, node, outputs, &context, &values));
    for (uint32_t i = 0; i < outputs->count; i++)
        qf_run_assign(run, target, outputs->items[i].name,
                      *qf_json_get_slice(&values, outputs->items[i].name));
    return QF_OK;
}

/* --- times --- */

static enum qf_status cycle_due(struct run *run, uint16_t node, struct qf_slice text,
                                int64_t *due_ms, int64_t *interval_ms, uint16_t *left)
{
    struct qf_duration duration;
    int64_t count = 0;
    int64_t now_ms = run->call->now_ms;
    if (!qf_cycle_parse(&count, &duration, text) || count == 0)
        return qf_run_fail(run, QF_RULE_ERROR, node, "not a cycle, such as R3/PT10H");
    RUN_TRY(qf_duration_after(run->call->calendar, due_ms, now_ms, duration,
                              run_node(run, node)->timer_working));
    *interval_ms = *due_ms - now_ms;
    *left = count < 0 || count > QF_BPMN_INSTANCES_MAX ? QF_BPMN_NONE : (uint16_t)(count - 1);
    return QF_OK;
}

enum qf_status qf_run_timer_due(struct run *run, uint16_t node, uint32_t scope, int64_t *due_ms,
                                int64_t *interval_ms, uint16_t *left)
{
    const struct qf_bpmn_node *n = run_node(run, node);
    struct qf_json context = qf_run_context(run, scope, NULL);
    struct qf_json value = {.type = QF_JSON_NULL};
    struct qf_duration duration;
    *interval_ms = 0;
    *left = 0;
    RUN_TRY(qf_run_evaluate(run, node, &n->timer, &context, &value));
    if (value.type != QF_JSON_STRING)
        return qf_run_fail(run, QF_RULE_ERROR, node, "the timer's value is not a text");
    struct qf_slice text = qf_json_text(&value);
    if (n->timer_kind == QF_BPMN_TIMER_CYCLE)
        return cycle_due(run, node, text, due_ms, interval_ms, left);
    if (n->timer_kind == QF_BPMN_TIMER_DATE) {
        if (!qf_moment_parse(due_ms, run->call->calendar, text))
            return qf_run_fail(run, QF_RULE_ERROR, node, "not a date or a date with time");
        return QF_OK;
    }
    if (!qf_duration_parse(&duration, text))
        return qf_run_fail(run, QF_RULE_ERROR, node, "not a duration, such as P20D");
    enum qf_status status = qf_duration_after(run->call->calendar, due_ms, run->call->now_ms,
                                              duration, n->timer_working);
    if (status != QF_OK)
        return qf_run_fail(run, status, node, "the calendar has no such day");
    return QF_OK;
}
