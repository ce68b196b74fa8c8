/* The closures behind the nodes: variables, arithmetic, comparison, logic, calls. What makes and
 * walks lists and contexts is in eval_data.c. */
#include "feel/node.h"
#include "feel/number.h"
#include "feel/temporal.h"

_Noreturn void qf_feel_stop(struct qf_feel_ev *ev, const char *reason)
{
    ev->stopped = QF_BUDGET;
    ev->stop_reason = reason;
    longjmp(ev->stop, 1);
}

void *qf_feel_alloc(struct qf_feel_ev *ev, size_t size)
{
    if (size > (size_t)QF_FEEL_MEMORY_MAX)
        qf_feel_stop(ev, "memory of one evaluation");
    ev->memory_left -= (int64_t)size;
    if (ev->memory_left < 0)
        qf_feel_stop(ev, "memory of one evaluation");
    return qf_arena_alloc(ev->arena, size);
}

struct qf_feel_value qf_feel_warn(struct qf_feel_ev *ev, const struct qf_feel_node *node,
                                  const char *message)
{
    struct qf_feel_result *result = ev->result;
    if (result->warning_count < QF_FEEL_WARNINGS_MAX)
        result->warnings[result->warning_count++] = (struct qf_feel_warning){
            node == NULL ? 0 : node->line, node == NULL ? 0 : node->column, message};
    return qf_feel_null();
}

/* ---- variables ---- */

struct qf_feel_value qf_feel_run_literal(struct qf_feel_ev *ev, const struct qf_feel_node *node,
                                         const struct qf_feel_frame *frame)
{
    (void)ev;
    (void)frame;
    return node->value;
}

struct qf_feel_value qf_feel_run_local(struct qf_feel_ev *ev, const struct qf_feel_node *node,
                                       const struct qf_feel_frame *frame)
{
    (void)ev;
    for (uint32_t up = node->a; up > 0; up--)
        frame = frame->parent;
    return frame->slots[node->b];
}

/* A name inside a filter: a member of the item if it has one, else what it means outside. */
struct qf_feel_value qf_feel_run_filter_name(struct qf_feel_ev *ev, const struct qf_feel_node *node,
                                             const struct qf_feel_frame *frame)
{
    const struct qf_feel_frame *at = frame;
    for (uint32_t up = node->a; up > 0; up--)
        at = at->parent;
    const struct qf_slice *name = node->data;
    const struct qf_feel_value *member = qf_feel_get(&at->slots[0], *name);
    if (member != NULL)
        return *member;
    return node->count > 0 ? QF_FEEL_RUN(ev, node->kids[0], frame) : qf_feel_null();
}

static bool range_property(struct qf_feel_value *out, const struct qf_feel_range *range,
                           struct qf_slice name)
{
    if (qf_slice_is(name, "start"))
        *out = range->start;
    else if (qf_slice_is(name, "end"))
        *out = range->end;
    else if (qf_slice_is(name, "start included"))
        *out = qf_feel_bool(range->start_included);
    else if (qf_slice_is(name, "end included"))
        *out = qf_feel_bool(range->end_included);
    else
        return false;
    return true;
}

struct qf_feel_value qf_feel_path(struct qf_feel_ev *ev, const struct qf_feel_node *node,
                                  const struct qf_feel_value *value, struct qf_slice name)
{
    struct qf_feel_value out = qf_feel_null();
    switch ((enum qf_feel_kind)value->kind) {
    case QF_FEEL_CONTEXT: {
        const struct qf_feel_value *member = qf_feel_get(value, name);
        return member != NULL ? *member
                              : qf_feel_warn(ev, node, "the context has no entry of this name");
    }
    case QF_FEEL_LIST: {
        struct qf_feel_items items = {0};
        qf_feel_enter(ev);
        for (uint32_t i = 0; i < value->count; i++) {
            qf_feel_step(ev, 1);
            out = qf_feel_path(ev, node, &value->items[i], name);
            qf_feel_items_put(ev, &items, &out);
        }
        qf_feel_leave(ev);
        return qf_feel_items_list(&items);
    }
    case QF_FEEL_RANGE:
        if (range_property(&out, value->range, name))
            return out;
        break;
    case QF_FEEL_DATE:
    case QF_FEEL_TIME:
    case QF_FEEL_DATE_TIME:
    case QF_FEEL_MONTHS:
    case QF_FEEL_SECONDS:
        if (qf_feel_temporal_property(&out, value, name))
            return out;
        break;
    case QF_FEEL_NULL:
    case QF_FEEL_BOOLEAN:
    case QF_FEEL_NUMBER:
    case QF_FEEL_STRING:
    case QF_FEEL_FUNCTION:
        break;
    }
    return qf_feel_warn(ev, node, "the value has no property of this name");
}

struct qf_feel_value qf_feel_run_path(struct qf_feel_ev *ev, const struct qf_feel_node *node,
                                      const struct qf_feel_frame *frame)
{
    struct qf_feel_value value = QF_FEEL_RUN(ev, node->kids[0], frame);
    const struct qf_slice *name = node->data;
    qf_feel_step(ev, 1);
    return qf_feel_path(ev, node, &value, *name);
}

/* ---- arithmetic ---- */

typedef bool arithmetic_fn(struct qf_feel_value *out, const struct qf_feel_value *a,
                           const struct qf_feel_value *b);

/* Inlined with constant functions, so that each operator is straight code. */
static inline struct qf_feel_value arithmetic(struct qf_feel_ev *ev,
                                              const struct qf_feel_node *node,
                                              const struct qf_feel_frame *frame,
                                              arithmetic_fn *numbers, arithmetic_fn *temporal)
{
    struct qf_feel_value a = QF_FEEL_RUN(ev, node->kids[0], frame);
    struct qf_feel_value b = QF_FEEL_RUN(ev, node->kids[1], frame);
    struct qf_feel_value out;
    qf_feel_step(ev, 1);
    if (a.kind == QF_FEEL_NUMBER && b.kind == QF_FEEL_NUMBER)
        return numbers(&out, &a, &b)
                   ? out
                   : qf_feel_warn(ev, node, "the result is not a number of 34 digits");
    if (temporal != NULL && temporal(&out, &a, &b))
        return out;
    return qf_feel_warn(ev, node, "the operator is not defined for these operands");
}

static struct qf_feel_value join(struct qf_feel_ev *ev, const struct qf_feel_value *a,
                                 const struct qf_feel_value *b)
{
    size_t size = (size_t)a->count + b->count;
    char *text = qf_feel_alloc(ev, size);
    if (a->count > 0)
        memcpy(text, a->text, a->count);
    if (b->count > 0)
        memcpy(text + a->count, b->text, b->count);
    qf_feel_step(ev, (int64_t)(size / 64));
    return qf_feel_text(qf_slice_make(text, size));
}

struct qf_feel_value qf_feel_run_add(struct qf_feel_ev *ev, const struct qf_feel_node *node,
                                     const struct qf_feel_frame *frame)
{
    struct qf_feel_value a = QF_FEEL_RUN(ev, node->kids[0], frame);
    struct qf_feel_value b = QF_FEEL_RUN(ev, node->kids[1], frame);
    struct qf_feel_value out;
    qf_feel_step(ev, 1);
    if (a.kind == QF_FEEL_NUMBER && b.kind == QF_FEEL_NUMBER)
        return qf_feel_number_add(&out, &a, &b)
                   ? out
                   : qf_feel_warn(ev, node, "the result is not a number of 34 digits");
    if (a.kind == QF_FEEL_STRING && b.kind == QF_FEEL_STRING)
        return join(ev, &a, &b);
    if (qf_feel_temporal_add(&out, &a, &b))
        return out;
    return qf_feel_warn(ev, node, "+ is not defined for these operands");
}

struct qf_feel_value qf_feel_run_sub(struct qf_feel_ev *ev, const struct qf_feel_node *node,
                                     const struct qf_feel_frame *frame)
{
    return arithmetic(ev, node, frame, qf_feel_number_sub, qf_feel_temporal_sub);
}

struct qf_feel_value qf_feel_run_mul(struct qf_feel_ev *ev, const struct qf_feel_node *node,
                                     const struct qf_feel_frame *frame)
{
    return arithmetic(ev, node, frame, qf_feel_number_mul, qf_feel_temporal_mul);
}

struct qf_feel_value qf_feel_run_div(struct qf_feel_ev *ev, const struct qf_feel_node *node,
                                     const struct qf_feel_frame *frame)
{
    return arithmetic(ev, node, frame, qf_feel_number_div, qf_feel_temporal_div);
}

struct qf_feel_value qf_feel_run_power(struct qf_feel_ev *ev, const struct qf_feel_node *node,
                                       const struct qf_feel_frame *frame)
{
    return arithmetic(ev, node, frame, qf_feel_number_power, NULL);
}

struct qf_feel_value qf_feel_run_negate(struct qf_feel_ev *ev, const struct qf_feel_node *node,
                                        const struct qf_feel_frame *frame)
{
    struct qf_feel_value a = QF_FEEL_RUN(ev, node->kids[0], frame);
    struct qf_feel_value out;
    if (a.kind == QF_FEEL_NUMBER) {
        qf_feel_number_negate(&out, &a);
        return out;
    }
    if (qf_feel_duration_negate(&out, &a))
        return out;
    return qf_feel_warn(ev, node, "- is not defined for this operand");
}

/* ---- comparison and logic ---- */

#define LOOKS_A_STEP 8

int qf_feel_run_same(struct qf_feel_ev *ev, const struct qf_feel_value *a,
                     const struct qf_feel_value *b)
{
    if (a->kind != b->kind || a->kind < QF_FEEL_LIST || a->kind == QF_FEEL_FUNCTION)
        return qf_feel_equal(a, b);
    const int64_t all = ev->steps_left * LOOKS_A_STEP + LOOKS_A_STEP;
    int64_t left = all;
    int same = qf_feel_equal_within(a, b, &left);
    qf_feel_step(ev, left < 0 ? ev->steps_left + 1 : (all - left) / LOOKS_A_STEP);
    return same;
}

bool qf_feel_run_is(struct qf_feel_ev *ev, const struct qf_feel_value *value,
                    const struct qf_feel_type *type)
{
    int64_t one = 1;
    if (value->kind < QF_FEEL_LIST)
        return qf_feel_value_is(value, type, &one);
    const int64_t all = ev->steps_left * LOOKS_A_STEP + LOOKS_A_STEP;
    int64_t left = all;
    bool is = qf_feel_value_is(value, type, &left);
    qf_feel_step(ev, left < 0 ? ev->steps_left + 1 : (all - left) / LOOKS_A_STEP);
    return is;
}

static struct qf_feel_value compared(struct qf_feel_ev *ev, const struct qf_feel_node *node,
                                     const struct qf_feel_value *a, const struct qf_feel_value *b,
                                     enum qf_feel_comparison op)
{
    int order = qf_feel_compare(a, b);
    if (order == QF_FEEL_NO_ORDER) {
        if (a->kind == QF_FEEL_NULL || b->kind == QF_FEEL_NULL)
            return qf_feel_null();
        return qf_feel_warn(ev, node, "the values cannot be ordered");
    }
    switch (op) {
    case QF_FEEL_LESS:
        return qf_feel_bool(order < 0);
    case QF_FEEL_LESS_EQUAL:
        return qf_feel_bool(order <= 0 || qf_feel_run_same(ev, a, b) == 1);
    case QF_FEEL_GREATER:
        return qf_feel_bool(order > 0);
    case QF_FEEL_GREATER_EQUAL:
        return qf_feel_bool(order >= 0 || qf_feel_run_same(ev, a, b) == 1);
    case QF_FEEL_EQUAL:
    case QF_FEEL_NOT_EQUAL:
        break;
    }
    return qf_feel_null();
}

static struct qf_feel_value equal_or_not(struct qf_feel_ev *ev, const struct qf_feel_node *node,
                                         const struct qf_feel_value *a,
                                         const struct qf_feel_value *b, bool wanted)
{
    int equal = qf_feel_run_same(ev, a, b);
    if (equal < 0)
        return qf_feel_warn(ev, node, "values of different types are not compared");
    return qf_feel_bool((equal == 1) == wanted);
}

/* a: enum qf_feel_comparison, an order */
struct qf_feel_value qf_feel_run_compare(struct qf_feel_ev *ev, const struct qf_feel_node *node,
                                         const struct qf_feel_frame *frame)
{
    struct qf_feel_value a = QF_FEEL_RUN(ev, node->kids[0], frame);
    struct qf_feel_value b = QF_FEEL_RUN(ev, node->kids[1], frame);
    qf_feel_step(ev, 1);
    return compared(ev, node, &a, &b, (enum qf_feel_comparison)node->a);
}

/* a: QF_FEEL_EQUAL or QF_FEEL_NOT_EQUAL */
struct qf_feel_value qf_feel_run_equal(struct qf_feel_ev *ev, const struct qf_feel_node *node,
                                       const struct qf_feel_frame *frame)
{
    struct qf_feel_value a = QF_FEEL_RUN(ev, node->kids[0], frame);
    struct qf_feel_value b = QF_FEEL_RUN(ev, node->kids[1], frame);
    qf_feel_step(ev, 1 + (a.kind == QF_FEEL_LIST ? a.count / 8 : 0));
    return equal_or_not(ev, node, &a, &b, node->a == QF_FEEL_EQUAL);
}

/* Three-valued, over both operands; anything but a boolean counts as null. */
static struct qf_feel_value logic(struct qf_feel_ev *ev, const struct qf_feel_node *node,
                                  const struct qf_feel_frame *frame, bool dominant)
{
    struct qf_feel_value a = QF_FEEL_RUN(ev, node->kids[0], frame);
    qf_feel_step(ev, 1);
    if (a.kind == QF_FEEL_BOOLEAN && a.boolean == dominant)
        return a;
    struct qf_feel_value b = QF_FEEL_RUN(ev, node->kids[1], frame);
    if (b.kind == QF_FEEL_BOOLEAN && b.boolean == dominant)
        return b;
    if (a.kind == QF_FEEL_BOOLEAN && b.kind == QF_FEEL_BOOLEAN)
        return qf_feel_bool(!dominant);
    return qf_feel_null();
}

struct qf_feel_value qf_feel_run_and(struct qf_feel_ev *ev, const struct qf_feel_node *node,
                                     const struct qf_feel_frame *frame)
{
    return logic(ev, node, frame, false);
}

struct qf_feel_value qf_feel_run_or(struct qf_feel_ev *ev, const struct qf_feel_node *node,
                                    const struct qf_feel_frame *frame)
{
    return logic(ev, node, frame, true);
}

struct qf_feel_value qf_feel_run_if(struct qf_feel_ev *ev, const struct qf_feel_node *node,
                                    const struct qf_feel_frame *frame)
{
    struct qf_feel_value condition = QF_FEEL_RUN(ev, node->kids[0], frame);
    qf_feel_step(ev, 1);
    return QF_FEEL_RUN(ev, node->kids[qf_feel_is_true(&condition) ? 1 : 2], frame);
}

struct qf_feel_value qf_feel_run_between(struct qf_feel_ev *ev, const struct qf_feel_node *node,
                                         const struct qf_feel_frame *frame)
{
    struct qf_feel_value value = QF_FEEL_RUN(ev, node->kids[0], frame);
    struct qf_feel_value low = QF_FEEL_RUN(ev, node->kids[1], frame);
    struct qf_feel_value high = QF_FEEL_RUN(ev, node->kids[2], frame);
    qf_feel_step(ev, 1);
    struct qf_feel_value a = compared(ev, node, &value, &low, QF_FEEL_GREATER_EQUAL);
    struct qf_feel_value b = compared(ev, node, &value, &high, QF_FEEL_LESS_EQUAL);
    if (a.kind == QF_FEEL_NULL || b.kind == QF_FEEL_NULL)
        return qf_feel_null();
    return qf_feel_bool(a.boolean && b.boolean);
}

/* data: the type; NULL when there is none of the name */
struct qf_feel_value qf_feel_run_instance(struct qf_feel_ev *ev, const struct qf_feel_node *node,
                                          const struct qf_feel_frame *frame)
{
    struct qf_feel_value value = QF_FEEL_RUN(ev, node->kids[0], frame);
    const struct qf_feel_type *type = node->data;
    qf_feel_step(ev, 1 + (value.kind == QF_FEEL_LIST ? value.count / 8 : 0));
    if (type == NULL)
        return qf_feel_warn(ev, node, "there is no such type");
    if (value.kind == QF_FEEL_NULL)
        return qf_feel_bool(type->kind == QF_FEEL_NULL);
    return qf_feel_bool(qf_feel_run_is(ev, &value, type));
}

/* ---- unary tests ---- */

int qf_feel_range_includes(struct qf_feel_ev *ev, const struct qf_feel_range *range,
                           const struct qf_feel_value *point)
{
    if (range->form == QF_FEEL_RANGE_EQUAL || range->form == QF_FEEL_RANGE_NOT_EQUAL) {
        int equal = qf_feel_run_same(ev, &range->start, point);
        return equal < 0 ? -1 : (equal == 1) == (range->form == QF_FEEL_RANGE_EQUAL);
    }
    bool interval = range->form == QF_FEEL_RANGE_INTERVAL;
    if (range->start.kind != QF_FEEL_NULL || interval) {
        int order = qf_feel_compare(&range->start, point);
        if (order == QF_FEEL_NO_ORDER)
            return -1;
        bool on = order == 0 || (order != 0 && qf_feel_run_same(ev, &range->start, point) == 1);
        if (on ? !range->start_included : order > 0)
            return 0;
    }
    if (range->end.kind != QF_FEEL_NULL || interval) {
        int order = qf_feel_compare(point, &range->end);
        if (order == QF_FEEL_NO_ORDER)
            return -1;
        bool on = order == 0 || (order != 0 && qf_feel_run_same(ev, &range->end, point) == 1);
        if (on ? !range->end_included : order > 0)
            return 0;
    }
    return 1;
}

/* A test whose expression gave `tested` without naming the input: equal to it, within it, or among
 * its items. 1, 0, or -1 for null. */
static int test_value(struct qf_feel_ev *ev, const struct qf_feel_value *value,
                      const struct qf_feel_value *tested)
{
    if (tested->kind == QF_FEEL_RANGE) {
        if (value->kind == QF_FEEL_RANGE && qf_feel_run_same(ev, value, tested) == 1)
            return 1;
        return qf_feel_range_includes(ev, tested->range, value);
    }
    if (tested->kind == QF_FEEL_LIST) {
        if (value->kind == QF_FEEL_LIST && qf_feel_run_same(ev, value, tested) == 1)
            return 1;
        for (uint32_t i = 0; i < tested->count; i++) {
            const struct qf_feel_value *item = &tested->items[i];
            if (item->kind == QF_FEEL_RANGE ? qf_feel_range_includes(ev, item->range, value) == 1
                                            : qf_feel_run_same(ev, value, item) == 1)
                return 1;
        }
        return 0;
    }
    if (tested->kind == QF_FEEL_BOOLEAN && value->kind != QF_FEEL_BOOLEAN)
        return tested->boolean;
    return qf_feel_run_same(ev, value, tested);
}

bool qf_feel_test_matches(struct qf_feel_ev *ev, const struct qf_feel_value *value,
                          const struct qf_feel_value *tested)
{
    return test_value(ev, value, tested) == 1;
}

/* The input of tests is slot 0 of the frame. kids[0]: the other side; a: the comparison. */
struct qf_feel_value qf_feel_run_test_compare(struct qf_feel_ev *ev,
                                              const struct qf_feel_node *node,
                                              const struct qf_feel_frame *frame)
{
    struct qf_feel_value other = QF_FEEL_RUN(ev, node->kids[0], frame);
    qf_feel_step(ev, 1);
    if (node->a == QF_FEEL_EQUAL || node->a == QF_FEEL_NOT_EQUAL)
        return equal_or_not(ev, node, &frame->slots[0], &other, node->a == QF_FEEL_EQUAL);
    return compared(ev, node, &frame->slots[0], &other, (enum qf_feel_comparison)node->a);
}

/* An interval as a test is two comparisons (table 55), and need not be a value of its own. */
static struct qf_feel_value test_interval(struct qf_feel_ev *ev, const struct qf_feel_node *node,
                                          const struct qf_feel_frame *frame)
{
    struct qf_feel_range range = {.form = QF_FEEL_RANGE_INTERVAL,
                                  .start_included = node->a != 0,
                                  .end_included = node->b != 0};
    range.start = QF_FEEL_RUN(ev, node->kids[0], frame);
    range.end = QF_FEEL_RUN(ev, node->kids[1], frame);
    qf_feel_step(ev, 1);
    int within = qf_feel_range_includes(ev, &range, &frame->slots[0]);
    return within < 0 ? qf_feel_null() : qf_feel_bool(within == 1);
}

struct qf_feel_value qf_feel_run_test_value(struct qf_feel_ev *ev, const struct qf_feel_node *node,
                                            const struct qf_feel_frame *frame)
{
    const struct qf_feel_node *kid = node->kids[0];
    if (kid->run == qf_feel_run_range && frame->slots[0].kind != QF_FEEL_RANGE)
        return test_interval(ev, kid, frame);
    struct qf_feel_value tested = QF_FEEL_RUN(ev, kid, frame);
    qf_feel_step(ev, 1 + (tested.kind == QF_FEEL_LIST ? tested.count / 8 : 0));
    if (node->uses_input && tested.kind == QF_FEEL_BOOLEAN)
        return tested;
    if (node->uses_input && tested.kind == QF_FEEL_NULL)
        return tested;
    int matches = test_value(ev, &frame->slots[0], &tested);
    return matches < 0 ? qf_feel_null() : qf_feel_bool(matches == 1);
}

/* One of the kids; a: negated. No kids: "-", anything. */
struct qf_feel_value qf_feel_run_tests(struct qf_feel_ev *ev, const struct qf_feel_node *node,
                                       const struct qf_feel_frame *frame)
{
    bool unknown = false;
    bool found = node->count == 0;
    for (uint32_t i = 0; i < node->count && !found; i++) {
        struct qf_feel_value passed = QF_FEEL_RUN(ev, node->kids[i], frame);
        found = qf_feel_is_true(&passed);
        unknown = unknown || passed.kind == QF_FEEL_NULL;
    }
    if (!found && unknown)
        return qf_feel_null();
    return qf_feel_bool(found != (node->a != 0));
}

/* kids[0]: the value; kids[1]: the tests, in a frame of their own; b: in the arena */
struct qf_feel_value qf_feel_run_in(struct qf_feel_ev *ev, const struct qf_feel_node *node,
                                    const struct qf_feel_frame *frame)
{
    struct qf_feel_value value = QF_FEEL_RUN(ev, node->kids[0], frame);
    struct qf_feel_frame inner = {.parent = frame, .run = frame->run, .slots = &value};
    if (node->b == 0) {
        /* cppcheck-suppress returnDanglingLifetime ; no function is made that could keep it */
        return QF_FEEL_RUN(ev, node->kids[1], &inner);
    }
    struct qf_feel_frame *kept = qf_feel_alloc(ev, sizeof *kept);
    *kept = inner;
    kept->slots = qf_feel_alloc(ev, sizeof value);
    kept->slots[0] = value;
    return QF_FEEL_RUN(ev, node->kids[1], kept);
}

/* ---- functions ---- */

static struct qf_feel_value call_lambda(struct qf_feel_ev *ev,
                                        const struct qf_feel_function *function,
                                        struct qf_feel_value *args, uint32_t count,
                                        const struct qf_feel_node *site)
{
    (void)count;
    (void)site;
    struct qf_feel_frame *frame = qf_feel_alloc(ev, sizeof *frame);
    *frame = (struct qf_feel_frame){function->closure, function->closure->run, args};
    return QF_FEEL_RUN(ev, function->body, frame);
}

static struct qf_feel_value call_external(struct qf_feel_ev *ev,
                                          const struct qf_feel_function *function,
                                          struct qf_feel_value *args, uint32_t count,
                                          const struct qf_feel_node *site)
{
    struct qf_feel_value out = qf_feel_null();
    if (ev->world->external == NULL)
        return qf_feel_warn(ev, site, "external functions are refused");
    struct qf_feel_value definition = QF_FEEL_RUN(ev, function->body, function->closure);
    if (!ev->world->external(ev->world->self, &out, ev->arena, &definition, args, count))
        return qf_feel_warn(ev, site, "the external function failed");
    return out;
}

struct qf_feel_value qf_feel_run_lambda(struct qf_feel_ev *ev, const struct qf_feel_node *node,
                                        const struct qf_feel_frame *frame)
{
    const struct qf_feel_lambda *lambda = node->data;
    struct qf_feel_function *function = qf_feel_alloc(ev, sizeof *function);
    *function = (struct qf_feel_function){
        .call = lambda->external ? call_external : call_lambda,
        .params = lambda->params,
        .param_count = lambda->count,
        .result = lambda->result,
        .body = node->kids[0],
        .closure = frame,
    };
    return (struct qf_feel_value){.kind = QF_FEEL_FUNCTION, .function = function};
}

struct qf_feel_value qf_feel_call(struct qf_feel_ev *ev, const struct qf_feel_function *function,
                                  struct qf_feel_value *args, uint32_t count,
                                  const struct qf_feel_node *site)
{
    qf_feel_step(ev, 1);
    if (function->builtin == NULL) {
        if (count != function->param_count)
            return qf_feel_warn(ev, site, "the function takes another number of arguments");
        for (uint32_t i = 0; i < count; i++)
            if (!qf_feel_coerce(ev, &args[i], function->params[i].type))
                return qf_feel_warn(ev, site, "an argument is not of the parameter's type");
    }
    qf_feel_enter(ev);
    struct qf_feel_value out = function->call(ev, function, args, count, site);
    qf_feel_leave(ev);
    return out;
}

/* Puts named arguments into the order of the parameters; false when names do not fit. */
static bool order_arguments(struct qf_feel_ev *ev, const struct qf_feel_function *function,
                            const struct qf_slice *names, struct qf_feel_value **args,
                            uint32_t *count)
{
    struct qf_feel_value *ordered = NULL;
    if (function->builtin != NULL) {
        int32_t places[QF_FEEL_BUILTIN_ARGS_MAX];
        uint32_t signature = 0;
        int found = qf_feel_builtin_arrange(function->builtin, names, *count, &signature, places);
        if (found < 0)
            return false;
        ordered = qf_feel_alloc(ev, sizeof *ordered * (size_t)(found + 1));
        uint32_t given = 0;
        for (int i = 0; i < found; i++) {
            ordered[i] = places[i] >= 0 ? (*args)[places[i]]
                                        : (struct qf_feel_value){.kind = QF_FEEL_NULL,
                                                                 .small = places[i] == -1};
            if (places[i] != -1)
                given = (uint32_t)i + 1;
        }
        *count = given;
        *args = ordered;
        return true;
    }
    uint32_t used = 0;
    ordered = qf_feel_alloc(ev, sizeof *ordered * (function->param_count + 1));
    for (uint32_t i = 0; i < function->param_count; i++) {
        uint32_t at = 0;
        while (at < *count && !qf_slice_equal(names[at], function->params[i].name))
            at++;
        ordered[i] = at < *count ? (*args)[at] : qf_feel_null(); /* not given: null */
        used += at < *count;
    }
    bool all_used = used == *count;
    *count = function->param_count;
    *args = ordered;
    return all_used;
}

/* kids: the function, then the arguments; data: their names, or NULL */
struct qf_feel_value qf_feel_run_call(struct qf_feel_ev *ev, const struct qf_feel_node *node,
                                      const struct qf_feel_frame *frame)
{
    struct qf_feel_value callee = QF_FEEL_RUN(ev, node->kids[0], frame);
    uint32_t count = node->count - 1;
    struct qf_feel_value *args = qf_feel_alloc(ev, sizeof *args * (count + 1));
    for (uint32_t i = 0; i < count; i++)
        args[i] = QF_FEEL_RUN(ev, node->kids[i + 1], frame);
    if (callee.kind != QF_FEEL_FUNCTION)
        return qf_feel_warn(ev, node, "what is called is not a function");
    const struct qf_slice *names = node->data;
    if (names != NULL && !order_arguments(ev, callee.function, names, &args, &count))
        return qf_feel_warn(ev, node, "the names do not fit the function's parameters");
    return qf_feel_call(ev, callee.function, args, count, node);
}

/* data: the built-in; a: the signature; kids: arguments in its order, NULL where none is given */
struct qf_feel_value qf_feel_run_builtin(struct qf_feel_ev *ev, const struct qf_feel_node *node,
                                         const struct qf_feel_frame *frame)
{
    const struct qf_feel_builtin *builtin = node->data;
    struct qf_feel_value few[QF_FEEL_BUILTIN_ARGS_MAX];
    struct qf_feel_value *args = few;
    if (node->count > QF_FEEL_BUILTIN_ARGS_MAX)
        args = qf_feel_alloc(ev, sizeof *args * node->count);
    for (uint32_t i = 0; i < node->count; i++) {
        if (node->kids[i] == NULL)
            args[i] = (struct qf_feel_value){.kind = QF_FEEL_NULL, .small = 1};
        else
            args[i] = QF_FEEL_RUN(ev, node->kids[i], frame);
    }
    qf_feel_step(ev, 1);
    struct qf_feel_args call = {ev, node, args, node->count, node->a};
    /* cppcheck-suppress returnDanglingLifetime ; the value does not keep the arguments */
    return builtin->call(&call);
}
