/* Closures that make and walk lists, contexts and ranges; conversions; and the entry points. */
#include "feel/node.h"
#include "feel/number.h"
#include "feel/temporal.h"
#include "feel/zone_table.h"

void qf_feel_items_put(struct qf_feel_ev *ev, struct qf_feel_items *list,
                       const struct qf_feel_value *value)
{
    if (list->count == list->capacity) {
        uint32_t capacity = list->capacity == 0 ? 8 : list->capacity * 2;
        struct qf_feel_value *items = qf_feel_alloc(ev, sizeof *items * capacity);
        if (list->count > 0)
            memcpy(items, list->items, sizeof *items * list->count);
        list->items = items;
        list->capacity = capacity;
    }
    list->nesting = qf_feel_around(ev, list->nesting, value);
    list->items[list->count++] = *value;
}

void qf_feel_entries_put(struct qf_feel_ev *ev, struct qf_feel_entries *context,
                         struct qf_slice key, const struct qf_feel_value *value)
{
    qf_feel_step(ev, context->count / 16);
    context->nesting = qf_feel_around(ev, context->nesting, value);
    for (uint32_t i = 0; i < context->count; i++) {
        if (qf_slice_equal(context->entries[i].key, key)) {
            context->entries[i].value = *value;
            return;
        }
    }
    if (context->count == context->capacity) {
        uint32_t capacity = context->capacity == 0 ? 8 : context->capacity * 2;
        struct qf_feel_entry *entries = qf_feel_alloc(ev, sizeof *entries * capacity);
        if (context->count > 0)
            memcpy(entries, context->entries, sizeof *entries * context->count);
        context->entries = entries;
        context->capacity = capacity;
    }
    context->entries[context->count++] = (struct qf_feel_entry){key, *value};
}

struct qf_feel_value qf_feel_entries_context(struct qf_feel_ev *ev,
                                             const struct qf_feel_entries *context)
{
    struct qf_feel_context *out = qf_feel_alloc(ev, sizeof *out);
    *out = (struct qf_feel_context){context->count, context->entries};
    return (struct qf_feel_value){
        .kind = QF_FEEL_CONTEXT, .nesting = context->nesting, .context = out};
}

struct qf_feel_value qf_feel_take_text(struct qf_feel_ev *ev, struct qf_buf *buf)
{
    size_t size = buf->size;
    QF_ASSERT(!buf->starved); /* elsewhere it would have gone on */
    if (buf->failed || size > (size_t)ev->memory_left) {
        qf_buf_deinit(buf);
        qf_feel_stop(ev, "memory of one evaluation");
    }
    char *text = qf_feel_alloc(ev, size);
    if (size > 0)
        memcpy(text, buf->data, size);
    qf_buf_deinit(buf);
    qf_feel_step(ev, (int64_t)(size / 64));
    return qf_feel_text(qf_slice_make(text, size));
}

/* ---- lists, contexts, ranges ---- */

struct qf_feel_value qf_feel_run_list(struct qf_feel_ev *ev, const struct qf_feel_node *node,
                                      const struct qf_feel_frame *frame)
{
    struct qf_feel_value *items = qf_feel_alloc(ev, sizeof *items * node->count);
    qf_feel_step(ev, 1 + node->count / 4);
    for (uint32_t i = 0; i < node->count; i++)
        items[i] = QF_FEEL_RUN(ev, node->kids[i], frame);
    uint8_t nesting = 0;
    for (uint32_t i = 0; i < node->count; i++)
        nesting = qf_feel_around(ev, nesting, &items[i]);
    return (struct qf_feel_value){
        .kind = QF_FEEL_LIST, .nesting = nesting, .count = node->count, .items = items};
}

/* Entries see those before them, as slots of a frame. data: the shape */
struct qf_feel_value qf_feel_run_context(struct qf_feel_ev *ev, const struct qf_feel_node *node,
                                         const struct qf_feel_frame *frame)
{
    const struct qf_feel_shape *shape = node->data;
    uint32_t count = node->count - (shape->has_result ? 1 : 0);
    struct qf_feel_frame *inner = qf_feel_alloc(ev, sizeof *inner);
    struct qf_feel_value *slots = qf_feel_alloc(ev, sizeof *slots * count);
    *inner = (struct qf_feel_frame){frame, frame->run, slots};
    for (uint32_t i = 0; i < count; i++)
        slots[i] = qf_feel_null();
    qf_feel_step(ev, 1 + count / 4);
    for (uint32_t i = 0; i < count; i++) {
        slots[i] = QF_FEEL_RUN(ev, node->kids[i], inner);
        if (shape->types != NULL && !qf_feel_coerce(ev, &slots[i], shape->types[i]))
            slots[i] = qf_feel_warn(ev, node->kids[i], "the entry is not of its declared type");
    }
    if (shape->has_result)
        return QF_FEEL_RUN(ev, node->kids[count], inner);
    struct qf_feel_entry *entries = qf_feel_alloc(ev, sizeof *entries * count);
    uint8_t nesting = 0;
    for (uint32_t i = 0; i < count; i++) {
        entries[i] = (struct qf_feel_entry){shape->keys[i], slots[i]};
        nesting = qf_feel_around(ev, nesting, &slots[i]);
    }
    struct qf_feel_context *context = qf_feel_alloc(ev, sizeof *context);
    *context = (struct qf_feel_context){count, entries};
    return (struct qf_feel_value){.kind = QF_FEEL_CONTEXT, .nesting = nesting, .context = context};
}

/* a, b: start and end included */
struct qf_feel_value qf_feel_run_range(struct qf_feel_ev *ev, const struct qf_feel_node *node,
                                       const struct qf_feel_frame *frame)
{
    struct qf_feel_range *range = qf_feel_alloc(ev, sizeof *range);
    range->form = QF_FEEL_RANGE_INTERVAL;
    range->start_included = node->a != 0;
    range->end_included = node->b != 0;
    range->start = QF_FEEL_RUN(ev, node->kids[0], frame);
    range->end = QF_FEEL_RUN(ev, node->kids[1], frame);
    qf_feel_step(ev, 1);
    if (range->start.kind == QF_FEEL_NULL || range->end.kind == QF_FEEL_NULL)
        return qf_feel_warn(ev, node, "an end of the range is null");
    int order = qf_feel_compare(&range->start, &range->end);
    if (order == QF_FEEL_NO_ORDER)
        return qf_feel_warn(ev, node, "the ends of the range cannot be ordered");
    if (order > 0)
        return qf_feel_warn(ev, node, "the range starts after its end");
    return (struct qf_feel_value){.kind = QF_FEEL_RANGE, .range = range};
}

/* a: the comparison */
struct qf_feel_value qf_feel_run_comparison_range(struct qf_feel_ev *ev,
                                                  const struct qf_feel_node *node,
                                                  const struct qf_feel_frame *frame)
{
    struct qf_feel_range *range = qf_feel_alloc(ev, sizeof *range);
    struct qf_feel_value point = QF_FEEL_RUN(ev, node->kids[0], frame);
    *range = (struct qf_feel_range){.form = QF_FEEL_RANGE_COMPARE};
    switch ((enum qf_feel_comparison)node->a) {
    case QF_FEEL_LESS:
    case QF_FEEL_LESS_EQUAL:
        range->end = point;
        range->end_included = node->a == QF_FEEL_LESS_EQUAL;
        break;
    case QF_FEEL_GREATER:
    case QF_FEEL_GREATER_EQUAL:
        range->start = point;
        range->start_included = node->a == QF_FEEL_GREATER_EQUAL;
        break;
    case QF_FEEL_EQUAL:
    case QF_FEEL_NOT_EQUAL:
        range->form = node->a == QF_FEEL_EQUAL ? QF_FEEL_RANGE_EQUAL : QF_FEEL_RANGE_NOT_EQUAL;
        range->start = point;
        range->end = point;
        range->start_included = node->a == QF_FEEL_EQUAL;
        range->end_included = node->a == QF_FEEL_EQUAL;
        break;
    }
    return (struct qf_feel_value){.kind = QF_FEEL_RANGE, .range = range};
}

/* ---- loops ---- */

/* What an iterator runs over: a list, or numbers or days from start to end. */
struct domain {
    const struct qf_feel_value *items; /* NULL: a range */
    int64_t start;
    int64_t count;
    int64_t step;
    uint8_t kind; /* of a range's elements */
};

static bool range_domain(struct domain *out, const struct qf_feel_value *start,
                         const struct qf_feel_value *end, bool both_ways)
{
    int64_t from = 0;
    int64_t to = 0;
    if (start->kind != end->kind)
        return false;
    if (start->kind == QF_FEEL_NUMBER) {
        if (!qf_feel_number_is_integer(start) || !qf_feel_number_is_integer(end) ||
            !qf_feel_number_to_int(&from, start) || !qf_feel_number_to_int(&to, end))
            return false;
    } else if (start->kind == QF_FEEL_DATE) {
        from = qf_feel_day_number(start);
        to = qf_feel_day_number(end);
    } else {
        return false;
    }
    if ((from > to && !both_ways) || from < INT64_MIN / 4 || to > INT64_MAX / 4 ||
        from > INT64_MAX / 4 || to < INT64_MIN / 4)
        return false;
    *out = (struct domain){NULL, from, from > to ? from - to + 1 : to - from + 1,
                           from > to ? -1 : 1, start->kind};
    return true;
}

static bool open_domain(struct domain *out, const struct qf_feel_value *value,
                        struct qf_feel_value *single)
{
    if (value->kind == QF_FEEL_NULL)
        return false;
    if (value->kind == QF_FEEL_RANGE) {
        const struct qf_feel_range *range = value->range;
        if (range->form != QF_FEEL_RANGE_INTERVAL ||
            !range_domain(out, &range->start, &range->end, false))
            return false;
        if (!range->start_included) {
            out->start++;
            out->count--;
        }
        if (!range->end_included)
            out->count--;
        return true;
    }
    if (value->kind == QF_FEEL_LIST) {
        *out = (struct domain){.items = value->items, .count = value->count};
        return true;
    }
    *single = *value;
    *out = (struct domain){.items = single, .count = 1};
    return true;
}

static struct qf_feel_value domain_item(const struct domain *domain, int64_t i)
{
    if (domain->items != NULL)
        return domain->items[i];
    int64_t at = domain->start + i * domain->step;
    if (domain->kind == QF_FEEL_NUMBER)
        return qf_feel_int(at);
    struct qf_feel_value day;
    qf_feel_day_date(&day, at);
    return day;
}

struct looping {
    struct qf_feel_ev *ev;
    const struct qf_feel_node *node;
    const struct qf_feel_loop *loop;
    const struct qf_feel_frame *outer;
    struct qf_feel_frame frame;
    struct qf_feel_items results; /* for */
    bool decided;                 /* quantifiers: one settles it, if all are booleans */
    bool unknown;                 /* one was null */
    bool broken;                  /* one was neither a boolean nor null */
    bool failed;                  /* nothing to run over */
};

static void loop_body(struct looping *l)
{
    const struct qf_feel_node *body = l->node->kids[(size_t)l->loop->count * 2];
    const struct qf_feel_frame *frame = &l->frame;
    uint32_t slots = l->loop->count + 1;
    qf_feel_step(l->ev, 1);
    if (l->loop->in_arena) {
        struct qf_feel_frame *kept = qf_feel_alloc(l->ev, sizeof *kept);
        *kept = l->frame;
        kept->slots = qf_feel_alloc(l->ev, sizeof *kept->slots * slots);
        memcpy(kept->slots, l->frame.slots, sizeof *kept->slots * slots);
        frame = kept;
    }
    struct qf_feel_value value = QF_FEEL_RUN(l->ev, body, frame);
    if (l->node->run == qf_feel_run_quantified) {
        if (value.kind != QF_FEEL_BOOLEAN && value.kind != QF_FEEL_NULL)
            l->broken = true;
        else if (value.kind == QF_FEEL_NULL)
            l->unknown = true;
        else if (value.boolean != l->loop->every)
            l->decided = true;
        return;
    }
    qf_feel_items_put(l->ev, &l->results, &value);
    l->frame.slots[l->loop->count] = qf_feel_items_list(&l->results);
}

/* Iterators are few; each nests one call here. */
static void loop_over(struct looping *l, uint32_t iterator)
{
    const struct qf_feel_node *start = l->node->kids[(size_t)iterator * 2];
    const struct qf_feel_node *end = l->node->kids[(size_t)iterator * 2 + 1];
    struct qf_feel_value value = QF_FEEL_RUN(l->ev, start, &l->frame);
    struct qf_feel_value single;
    struct domain domain = {0};
    bool opened = false;
    if (end != NULL) {
        struct qf_feel_value last = QF_FEEL_RUN(l->ev, end, &l->frame);
        opened = range_domain(&domain, &value, &last, true);
    } else {
        opened = open_domain(&domain, &value, &single);
    }
    if (!opened) {
        l->failed = true;
        return;
    }
    for (int64_t i = 0; i < domain.count && !l->broken && !l->failed; i++) {
        l->frame.slots[iterator] = domain_item(&domain, i);
        if (iterator + 1 < l->loop->count)
            loop_over(l, iterator + 1);
        else
            loop_body(l);
    }
}

static void loop_begin(struct looping *l, struct qf_feel_ev *ev, const struct qf_feel_node *node,
                       const struct qf_feel_frame *frame)
{
    *l = (struct looping){.ev = ev, .node = node, .loop = node->data, .outer = frame};
    uint32_t slots = l->loop->count + 1;
    l->frame = (struct qf_feel_frame){frame, frame->run, NULL};
    l->frame.slots = qf_feel_alloc(ev, sizeof *l->frame.slots * slots);
    for (uint32_t i = 0; i < slots; i++)
        l->frame.slots[i] = qf_feel_null();
    l->frame.slots[l->loop->count] = (struct qf_feel_value){.kind = QF_FEEL_LIST};
    qf_feel_enter(ev);
    loop_over(l, 0);
    qf_feel_leave(ev);
}

/* kids: (start, end or NULL) of each iterator, then the body; slots: iterators, then partial */
struct qf_feel_value qf_feel_run_for(struct qf_feel_ev *ev, const struct qf_feel_node *node,
                                     const struct qf_feel_frame *frame)
{
    struct looping l;
    loop_begin(&l, ev, node, frame);
    if (l.failed)
        return qf_feel_warn(ev, node, "there is nothing to iterate over");
    return qf_feel_items_list(&l.results);
}

struct qf_feel_value qf_feel_run_quantified(struct qf_feel_ev *ev, const struct qf_feel_node *node,
                                            const struct qf_feel_frame *frame)
{
    struct looping l;
    loop_begin(&l, ev, node, frame);
    if (l.failed)
        return qf_feel_warn(ev, node, "there is nothing to iterate over");
    if (l.broken)
        return qf_feel_warn(ev, node, "what is to be satisfied is not a boolean");
    if (l.decided)
        return qf_feel_bool(!l.loop->every);
    return l.unknown ? qf_feel_null() : qf_feel_bool(l.loop->every);
}

/* ---- filters ---- */

static struct qf_feel_value at_index(struct qf_feel_ev *ev, const struct qf_feel_node *node,
                                     const struct qf_feel_value *items, uint32_t count,
                                     const struct qf_feel_value *index)
{
    int64_t at = 0;
    if (!qf_feel_number_to_int(&at, index) || at == 0 || at > (int64_t)count ||
        at < -(int64_t)count)
        return qf_feel_warn(ev, node, "the index is outside the list");
    return items[at > 0 ? at - 1 : (int64_t)count + at];
}

/* kids: the list, the condition; a: the condition names the item; b: frames in the arena.
 * A condition that gives a number for the first item is an index. */
struct qf_feel_value qf_feel_run_filter(struct qf_feel_ev *ev, const struct qf_feel_node *node,
                                        const struct qf_feel_frame *frame)
{
    struct qf_feel_value list = QF_FEEL_RUN(ev, node->kids[0], frame);
    const struct qf_feel_value *items = list.kind == QF_FEEL_LIST ? list.items : &list;
    uint32_t count = list.kind == QF_FEEL_LIST ? list.count : 1;
    struct qf_feel_items out = {0};
    struct qf_feel_value item = qf_feel_null();
    struct qf_feel_frame inner = {frame, frame->run, &item};
    qf_feel_step(ev, 1);
    qf_feel_enter(ev);
    for (uint32_t i = 0; i == 0 || i < count; i++) {
        const struct qf_feel_frame *use = &inner;
        item = i < count ? items[i] : qf_feel_null();
        if (node->b != 0) {
            struct qf_feel_frame *kept = qf_feel_alloc(ev, sizeof *kept);
            kept->slots = qf_feel_alloc(ev, sizeof item);
            kept->slots[0] = item;
            kept->parent = frame;
            kept->run = frame->run;
            use = kept;
        }
        qf_feel_step(ev, 1);
        struct qf_feel_value keep = QF_FEEL_RUN(ev, node->kids[1], use);
        if (i == 0 && keep.kind == QF_FEEL_NUMBER) {
            qf_feel_leave(ev);
            return at_index(ev, node, items, count, &keep);
        }
        if (keep.kind != QF_FEEL_BOOLEAN && keep.kind != QF_FEEL_NULL) {
            qf_feel_leave(ev);
            return qf_feel_warn(ev, node, "the filter's condition is not a boolean");
        }
        if (qf_feel_is_true(&keep) && i < count)
            qf_feel_items_put(ev, &out, &items[i]);
    }
    qf_feel_leave(ev);
    return qf_feel_items_list(&out);
}

/* ---- conversions ---- */

/* Types refer to one another without circles; the chain of what is narrowed is as short. */
static bool satisfies(struct qf_feel_ev *ev, const struct qf_feel_value *value,
                      const struct qf_feel_type *type)
{
    if (!type->constrained || value->kind == QF_FEEL_NULL)
        return true;
    if (type->base != NULL && !satisfies(ev, value, type->base))
        return false;
    if (type->constraint != NULL) {
        struct qf_feel_value slot = *value;
        struct qf_feel_frame frame = {NULL, NULL, &slot};
        struct qf_feel_value passed = QF_FEEL_RUN(ev, type->constraint, &frame);
        if (!qf_feel_is_true(&passed))
            return false;
    }
    if (value->kind == QF_FEEL_LIST && type->kind == QF_FEEL_LIST) {
        for (uint32_t i = 0; i < value->count; i++)
            if (!satisfies(ev, &value->items[i], type->element))
                return false;
    } else if (value->kind == QF_FEEL_CONTEXT && type->kind == QF_FEEL_CONTEXT) {
        for (uint32_t i = 0; i < type->count; i++) {
            const struct qf_feel_value *member = qf_feel_get(value, type->members[i].name);
            if (member != NULL && !satisfies(ev, member, type->members[i].type))
                return false;
        }
    }
    return true;
}

/* From a list of one, to a list of one, from a date: whichever makes it a value of the type. */
static bool convert(struct qf_feel_ev *ev, struct qf_feel_value *given,
                    const struct qf_feel_type *type)
{
    if (given->kind == QF_FEEL_DATE && type->kind == QF_FEEL_DATE_TIME)
        *given = qf_feel_midnight_of(given);
    if (qf_feel_run_is(ev, given, type))
        return true;
    if (type->kind == QF_FEEL_LIST && qf_feel_run_is(ev, given, type->element)) {
        struct qf_feel_value *item = qf_feel_alloc(ev, sizeof *item);
        *item = *given;
        *given = (struct qf_feel_value){.kind = QF_FEEL_LIST,
                                        .nesting = qf_feel_around(ev, 0, item),
                                        .count = 1,
                                        .items = item};
        return true;
    }
    if (given->kind != QF_FEEL_LIST || given->count != 1)
        return false;
    *given = given->items[0];
    if (given->kind == QF_FEEL_DATE && type->kind == QF_FEEL_DATE_TIME)
        *given = qf_feel_midnight_of(given);
    return qf_feel_run_is(ev, given, type);
}

bool qf_feel_coerce(struct qf_feel_ev *ev, struct qf_feel_value *value,
                    const struct qf_feel_type *type)
{
    if (value->kind == QF_FEEL_NULL || (type->kind == QF_FEEL_ANY && !type->constrained))
        return true;
    struct qf_feel_value given = *value;
    bool good = qf_feel_run_is(ev, &given, type) || convert(ev, &given, type);
    if (!good || !satisfies(ev, &given, type)) {
        *value = qf_feel_null();
        return false;
    }
    *value = given;
    return true;
}

/* ---- entry points ---- */

/* setjmp alone in a function of its own, whose locals are not used after it returns twice. */
static void run_guarded(struct qf_feel_ev *ev, const struct qf_feel_node *node,
                        const struct qf_feel_frame *frame)
{
    if (setjmp(ev->stop) != 0)
        return;
    ev->result->value = QF_FEEL_RUN(ev, node, frame);
}

enum qf_status qf_feel_evaluate_node(const struct qf_feel_node *root,
                                     const struct qf_feel_frame *frame, struct qf_arena *arena,
                                     const struct qf_feel_world *world,
                                     struct qf_feel_result *result, struct qf_error *err)
{
    struct qf_feel_ev ev;
    uint64_t steps = world->steps_max == 0 ? QF_FEEL_STEPS_MAX : world->steps_max;
    ev.arena = arena;
    ev.world = world;
    ev.steps_left = (int64_t)steps;
    ev.memory_left = QF_FEEL_MEMORY_MAX;
    ev.depth = 0;
    ev.stopped = QF_OK;
    ev.result = result;
    result->value = qf_feel_null();
    result->warning_count = 0;
    run_guarded(&ev, root, frame);
    result->steps = ev.steps_left < 0 ? steps : steps - (uint64_t)ev.steps_left;
    if (ev.stopped != QF_OK)
        return qf_fail(err, ev.stopped, "", "the evaluation went over the limit: %s",
                       ev.stop_reason);
    return QF_OK;
}

enum qf_status qf_feel_evaluate(const struct qf_feel_program *program, struct qf_arena *arena,
                                const struct qf_feel_world *world,
                                const struct qf_feel_value *values, struct qf_feel_result *result,
                                struct qf_error *err)
{
    struct qf_feel_value *slots =
        QF_ARENA_ARRAY(arena, struct qf_feel_value, program->variable_count);
    if (program->variable_count > 0)
        memcpy(slots, values, sizeof *slots * program->variable_count);
    struct qf_feel_frame frame = {NULL, NULL, slots};
    return qf_feel_evaluate_node(program->root, &frame, arena, world, result, err);
}

enum qf_status qf_feel_test(const struct qf_feel_program *program, struct qf_arena *arena,
                            const struct qf_feel_world *world, const struct qf_feel_value *input,
                            const struct qf_feel_value *values, struct qf_feel_result *result,
                            struct qf_error *err)
{
    struct qf_feel_value *slots =
        QF_ARENA_ARRAY(arena, struct qf_feel_value, program->variable_count + 1);
    if (program->variable_count > 0)
        memcpy(slots, values, sizeof *slots * program->variable_count);
    slots[program->variable_count] = *input;
    struct qf_feel_frame outer = {NULL, NULL, slots};
    struct qf_feel_frame frame = {&outer, NULL, slots + program->variable_count};
    return qf_feel_evaluate_node(program->root, &frame, arena, world, result, err);
}

const char *qf_feel_zone_version(void)
{
    return qf_zone_version;
}
