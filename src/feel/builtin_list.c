/* Lists and contexts. */
#include "feel/builtin.h"
#include "feel/number.h"

/* Some of the items of `from`, which bounds their nesting. */
static struct qf_feel_value list_of(const struct qf_feel_value *from,
                                    const struct qf_feel_value *items, uint32_t count)
{
    return (struct qf_feel_value){
        .kind = QF_FEEL_LIST, .nesting = from->nesting, .count = count, .items = items};
}

/* ---- aggregation ---- */

struct qf_feel_value qf_feel_fn_count(const struct qf_feel_args *args)
{
    struct qf_feel_value list;
    return qf_feel_arg_list(args, 0, &list) ? qf_feel_int(list.count)
                                            : qf_feel_refuse(args, "count takes a list");
}

static struct qf_feel_value extreme(const struct qf_feel_args *args, int wanted)
{
    struct qf_feel_value list;
    if (!qf_feel_arg_items(args, &list) || list.count == 0)
        return qf_feel_refuse(args, "min and max take values of one ordered type");
    const struct qf_feel_value *best = &list.items[0];
    if (qf_feel_compare(best, best) == QF_FEEL_NO_ORDER)
        return qf_feel_refuse(args, "min and max take values of one ordered type");
    for (uint32_t i = 1; i < list.count; i++) {
        int order = qf_feel_compare(&list.items[i], best);
        if (order == QF_FEEL_NO_ORDER)
            return qf_feel_refuse(args, "min and max take values of one ordered type");
        if (order == wanted)
            best = &list.items[i];
    }
    return *best;
}

struct qf_feel_value qf_feel_fn_least(const struct qf_feel_args *args)
{
    return extreme(args, -1);
}

struct qf_feel_value qf_feel_fn_greatest(const struct qf_feel_args *args)
{
    return extreme(args, 1);
}

static bool add_up(const struct qf_feel_value *list, struct qf_feel_value *out)
{
    for (uint32_t i = 0; i < list->count; i++) {
        const struct qf_feel_value *item = &list->items[i];
        if (item->kind != QF_FEEL_NUMBER || (i > 0 && !qf_feel_number_add(out, out, item)))
            return false;
        if (i == 0)
            *out = *item;
    }
    return list->count > 0;
}

#define NEEDS_NUMBERS "the function takes numbers, and at least one"

struct qf_feel_value qf_feel_fn_sum(const struct qf_feel_args *args)
{
    struct qf_feel_value list;
    struct qf_feel_value out;
    if (qf_feel_arg_items(args, &list) && add_up(&list, &out))
        return out;
    return qf_feel_refuse(args, NEEDS_NUMBERS);
}

struct qf_feel_value qf_feel_fn_mean(const struct qf_feel_args *args)
{
    struct qf_feel_value list;
    struct qf_feel_value out;
    if (!qf_feel_arg_items(args, &list) || !add_up(&list, &out))
        return qf_feel_refuse(args, NEEDS_NUMBERS);
    struct qf_feel_value count = qf_feel_int(list.count);
    return qf_feel_number_div(&out, &out, &count) ? out : qf_feel_refuse(args, NEEDS_NUMBERS);
}

static bool all_numbers(const struct qf_feel_value *list)
{
    for (uint32_t i = 0; i < list->count; i++)
        if (list->items[i].kind != QF_FEEL_NUMBER)
            return false;
    return true;
}

struct qf_feel_value qf_feel_fn_product(const struct qf_feel_args *args)
{
    struct qf_feel_value list;
    if (!qf_feel_arg_items(args, &list) || list.count == 0 || !all_numbers(&list))
        return qf_feel_refuse(args, NEEDS_NUMBERS);
    struct qf_feel_value out = list.items[0];
    for (uint32_t i = 1; i < list.count; i++)
        if (!qf_feel_number_mul(&out, &out, &list.items[i]))
            return qf_feel_refuse(args, "the product is too large");
    return out;
}

/* Sample standard deviation. */
struct qf_feel_value qf_feel_fn_stddev(const struct qf_feel_args *args)
{
    struct qf_feel_value list;
    struct qf_feel_value mean;
    struct qf_feel_value total = qf_feel_int(0);
    if (!qf_feel_arg_items(args, &list) || list.count < 2 || !all_numbers(&list) ||
        !add_up(&list, &mean))
        return qf_feel_refuse(args, "stddev takes two numbers or more");
    struct qf_feel_value count = qf_feel_int(list.count);
    struct qf_feel_value less = qf_feel_int((int64_t)list.count - 1);
    bool good = qf_feel_number_div(&mean, &mean, &count);
    for (uint32_t i = 0; good && i < list.count; i++) {
        struct qf_feel_value part;
        good = qf_feel_number_sub(&part, &list.items[i], &mean) &&
               qf_feel_number_mul(&part, &part, &part) && qf_feel_number_add(&total, &total, &part);
    }
    if (good && qf_feel_number_div(&total, &total, &less) && qf_feel_number_sqrt(&total, &total))
        return total;
    return qf_feel_refuse(args, "stddev takes two numbers or more");
}

/* ---- sorting ---- */

/* Whether a stands before b; equal items keep their order. */
typedef bool before_fn(const struct qf_feel_args *args, const struct qf_feel_value *a,
                       const struct qf_feel_value *b, bool *failed);

/* Merges runs of doubling width between two areas of `count` items. */
static struct qf_feel_value *merge_sort(const struct qf_feel_args *args,
                                        const struct qf_feel_value *list, before_fn *before,
                                        bool *failed)
{
    uint32_t count = list->count;
    struct qf_feel_value *from = qf_feel_alloc(args->ev, sizeof *from * ((size_t)count + 1));
    struct qf_feel_value *to = qf_feel_alloc(args->ev, sizeof *to * ((size_t)count + 1));
    if (count > 0)
        memcpy(from, list->items, sizeof *from * count);
    for (uint64_t width = 1; width < count && !*failed; width *= 2) {
        for (uint64_t start = 0; start < count; start += 2 * width) {
            uint64_t middle = start + width < count ? start + width : count;
            uint64_t end = start + 2 * width < count ? start + 2 * width : count;
            uint64_t a = start;
            uint64_t b = middle;
            for (uint64_t i = start; i < end; i++) {
                qf_feel_step(args->ev, 1);
                bool right = b < end && (a >= middle || before(args, &from[b], &from[a], failed));
                to[i] = right ? from[b++] : from[a++];
            }
        }
        struct qf_feel_value *swap = from;
        from = to;
        to = swap;
    }
    return from;
}

static bool before_in_order(const struct qf_feel_args *args, const struct qf_feel_value *a,
                            const struct qf_feel_value *b, bool *failed)
{
    (void)args;
    int order = qf_feel_compare(a, b);
    *failed = *failed || order == QF_FEEL_NO_ORDER;
    return order == -1;
}

static bool before_by_function(const struct qf_feel_args *args, const struct qf_feel_value *a,
                               const struct qf_feel_value *b, bool *failed)
{
    struct qf_feel_value *pair = qf_feel_alloc(args->ev, sizeof *pair * 2);
    pair[0] = *a;
    pair[1] = *b;
    struct qf_feel_value out = qf_feel_call(args->ev, args->items[1].function, pair, 2, args->site);
    *failed = *failed || out.kind != QF_FEEL_BOOLEAN;
    return qf_feel_is_true(&out);
}

struct qf_feel_value qf_feel_fn_sort(const struct qf_feel_args *args)
{
    struct qf_feel_value list;
    bool failed = false;
    bool natural = qf_feel_arg_absent(args, 1);
    if (!qf_feel_arg_list(args, 0, &list) || (!natural && args->items[1].kind != QF_FEEL_FUNCTION))
        return qf_feel_refuse(args, "sort takes a list and a function of two arguments");
    struct qf_feel_value *sorted =
        merge_sort(args, &list, natural ? before_in_order : before_by_function, &failed);
    return failed ? qf_feel_refuse(args, "the items cannot be ordered so")
                  : list_of(&list, sorted, list.count);
}

struct qf_feel_value qf_feel_fn_median(const struct qf_feel_args *args)
{
    struct qf_feel_value list;
    bool failed = false;
    if (!qf_feel_arg_items(args, &list) || list.count == 0)
        return qf_feel_refuse(args, NEEDS_NUMBERS);
    struct qf_feel_value *sorted = merge_sort(args, &list, before_in_order, &failed);
    if (failed || sorted[0].kind != QF_FEEL_NUMBER)
        return qf_feel_refuse(args, NEEDS_NUMBERS);
    if (list.count % 2 == 1)
        return sorted[list.count / 2];
    struct qf_feel_value middle = list_of(&list, &sorted[list.count / 2 - 1], 2);
    struct qf_feel_args two = {args->ev, args->site, &middle, 1, 0};
    return qf_feel_fn_mean(&two);
}

/* The numbers that come most often, in ascending order. */
struct qf_feel_value qf_feel_fn_mode(const struct qf_feel_args *args)
{
    struct qf_feel_value list;
    bool failed = false;
    if (!qf_feel_arg_items(args, &list) || !all_numbers(&list))
        return qf_feel_refuse(args, "mode takes numbers");
    struct qf_feel_value *sorted = merge_sort(args, &list, before_in_order, &failed);
    uint32_t most = 0;
    struct qf_feel_items out = {0};
    for (uint32_t i = 0; i < list.count;) {
        uint32_t end = i + 1;
        while (end < list.count && qf_feel_run_same(args->ev, &sorted[i], &sorted[end]) == 1)
            end++;
        if (end - i > most) {
            most = end - i;
            out.count = 0;
        }
        if (end - i == most)
            qf_feel_items_put(args->ev, &out, &sorted[i]);
        i = end;
    }
    return qf_feel_items_list(&out);
}

/* ---- logic ---- */

static struct qf_feel_value fold_logic(const struct qf_feel_args *args, bool dominant)
{
    struct qf_feel_value list;
    if (!qf_feel_arg_items(args, &list))
        return qf_feel_refuse(args, "all and any take booleans");
    bool unknown = false;
    bool found = false;
    for (uint32_t i = 0; i < list.count; i++) {
        const struct qf_feel_value *item = &list.items[i];
        if (item->kind != QF_FEEL_BOOLEAN && item->kind != QF_FEEL_NULL)
            return qf_feel_refuse(args, "all and any take booleans");
        found = found || (item->kind == QF_FEEL_BOOLEAN && item->boolean == dominant);
        unknown = unknown || item->kind == QF_FEEL_NULL;
    }
    if (found)
        return qf_feel_bool(dominant);
    return unknown ? qf_feel_null() : qf_feel_bool(!dominant);
}

struct qf_feel_value qf_feel_fn_all(const struct qf_feel_args *args)
{
    return fold_logic(args, false);
}

struct qf_feel_value qf_feel_fn_any(const struct qf_feel_args *args)
{
    return fold_logic(args, true);
}

/* ---- membership ---- */

static bool holds(struct qf_feel_ev *ev, const struct qf_feel_value *items, uint32_t count,
                  const struct qf_feel_value *element)
{
    qf_feel_step(ev, 1 + count / 8);
    for (uint32_t i = 0; i < count; i++)
        if (qf_feel_run_same(ev, &items[i], element) == 1)
            return true;
    return false;
}

struct qf_feel_value qf_feel_fn_list_contains(const struct qf_feel_args *args)
{
    struct qf_feel_value list;
    if (!qf_feel_arg_list(args, 0, &list))
        return qf_feel_refuse(args, "list contains takes a list");
    return qf_feel_bool(holds(args->ev, list.items, list.count, &args->items[1]));
}

struct qf_feel_value qf_feel_fn_index_of(const struct qf_feel_args *args)
{
    struct qf_feel_value list;
    struct qf_feel_items out = {0};
    if (!qf_feel_arg_list(args, 0, &list))
        return qf_feel_refuse(args, "index of takes a list");
    for (uint32_t i = 0; i < list.count; i++) {
        if (qf_feel_run_same(args->ev, &list.items[i], &args->items[1]) == 1) {
            struct qf_feel_value index = qf_feel_int((int64_t)i + 1);
            qf_feel_items_put(args->ev, &out, &index);
        }
    }
    return qf_feel_items_list(&out);
}

static struct qf_feel_value distinct(struct qf_feel_ev *ev, const struct qf_feel_value *items,
                                     uint32_t count)
{
    struct qf_feel_items out = {0};
    for (uint32_t i = 0; i < count; i++)
        if (!holds(ev, out.items, out.count, &items[i]))
            qf_feel_items_put(ev, &out, &items[i]);
    return qf_feel_items_list(&out);
}

struct qf_feel_value qf_feel_fn_distinct_values(const struct qf_feel_args *args)
{
    struct qf_feel_value list;
    if (!qf_feel_arg_list(args, 0, &list))
        return qf_feel_refuse(args, "distinct values takes a list");
    return distinct(args->ev, list.items, list.count);
}

/* ---- building ---- */

static bool join_lists(const struct qf_feel_args *args, struct qf_feel_items *out)
{
    for (uint32_t i = 0; i < args->count; i++) {
        struct qf_feel_value list;
        if (!qf_feel_arg_list(args, i, &list))
            return false;
        for (uint32_t j = 0; j < list.count; j++)
            qf_feel_items_put(args->ev, out, &list.items[j]);
    }
    return true;
}

struct qf_feel_value qf_feel_fn_concatenate(const struct qf_feel_args *args)
{
    struct qf_feel_items out = {0};
    return join_lists(args, &out) ? qf_feel_items_list(&out)
                                  : qf_feel_refuse(args, "concatenate takes lists");
}

struct qf_feel_value qf_feel_fn_set_union(const struct qf_feel_args *args)
{
    struct qf_feel_items out = {0};
    return join_lists(args, &out) ? distinct(args->ev, out.items, out.count)
                                  : qf_feel_refuse(args, "union takes lists");
}

struct qf_feel_value qf_feel_fn_append(const struct qf_feel_args *args)
{
    struct qf_feel_value list;
    struct qf_feel_items out = {0};
    if (!qf_feel_arg_list(args, 0, &list))
        return qf_feel_refuse(args, "append takes a list");
    for (uint32_t i = 0; i < list.count; i++)
        qf_feel_items_put(args->ev, &out, &list.items[i]);
    for (uint32_t i = 1; i < args->count; i++)
        qf_feel_items_put(args->ev, &out, &args->items[i]);
    return qf_feel_items_list(&out);
}

/* A position from 1, or from -1 at the end, as an index from 0. */
static bool position(const struct qf_feel_args *args, uint32_t i, uint32_t count, uint32_t *out)
{
    int64_t at = 0;
    if (!qf_feel_arg_int(args, i, &at) || at == 0 || at > count || at < -(int64_t)count)
        return false;
    *out = (uint32_t)(at > 0 ? at - 1 : (int64_t)count + at);
    return true;
}

#define BAD_POSITION "the position is outside the list"

struct qf_feel_value qf_feel_fn_sublist(const struct qf_feel_args *args)
{
    struct qf_feel_value list;
    uint32_t start = 0;
    int64_t length = 0;
    if (!qf_feel_arg_list(args, 0, &list) || !position(args, 1, list.count, &start))
        return qf_feel_refuse(args, BAD_POSITION);
    if (qf_feel_arg_absent(args, 2))
        length = list.count - start;
    else if (!qf_feel_arg_int(args, 2, &length) || length < 1 || length > list.count - start)
        return qf_feel_refuse(args, "the sublist goes past the end of the list");
    return list_of(&list, list.items + start, (uint32_t)length);
}

struct qf_feel_value qf_feel_fn_insert_before(const struct qf_feel_args *args)
{
    struct qf_feel_value list;
    uint32_t at = 0;
    struct qf_feel_items out = {0};
    if (!qf_feel_arg_list(args, 0, &list) || !position(args, 1, list.count, &at))
        return qf_feel_refuse(args, BAD_POSITION);
    for (uint32_t i = 0; i < list.count; i++) {
        if (i == at)
            qf_feel_items_put(args->ev, &out, &args->items[2]);
        qf_feel_items_put(args->ev, &out, &list.items[i]);
    }
    return qf_feel_items_list(&out);
}

struct qf_feel_value qf_feel_fn_remove_at(const struct qf_feel_args *args)
{
    struct qf_feel_value list;
    uint32_t at = 0;
    struct qf_feel_items out = {0};
    if (!qf_feel_arg_list(args, 0, &list) || !position(args, 1, list.count, &at))
        return qf_feel_refuse(args, BAD_POSITION);
    for (uint32_t i = 0; i < list.count; i++)
        if (i != at)
            qf_feel_items_put(args->ev, &out, &list.items[i]);
    return qf_feel_items_list(&out);
}

/* By position, or wherever match(item, newItem) is true. */
struct qf_feel_value qf_feel_fn_list_replace(const struct qf_feel_args *args)
{
    struct qf_feel_value list;
    uint32_t at = 0;
    struct qf_feel_items out = {0};
    const struct qf_feel_value *which = &args->items[1];
    if (!qf_feel_arg_list(args, 0, &list))
        return qf_feel_refuse(args, "list replace takes a list");
    if (which->kind != QF_FEEL_FUNCTION && !position(args, 1, list.count, &at))
        return qf_feel_refuse(args, BAD_POSITION);
    for (uint32_t i = 0; i < list.count; i++) {
        bool replaces = i == at;
        if (which->kind == QF_FEEL_FUNCTION) {
            struct qf_feel_value *pair = qf_feel_alloc(args->ev, sizeof *pair * 2);
            pair[0] = list.items[i];
            pair[1] = args->items[2];
            struct qf_feel_value match =
                qf_feel_call(args->ev, which->function, pair, 2, args->site);
            if (match.kind != QF_FEEL_BOOLEAN)
                return qf_feel_refuse(args, "match gives something else than a boolean");
            replaces = match.boolean;
        }
        qf_feel_items_put(args->ev, &out, replaces ? &args->items[2] : &list.items[i]);
    }
    return qf_feel_items_list(&out);
}

struct qf_feel_value qf_feel_fn_reverse(const struct qf_feel_args *args)
{
    struct qf_feel_value list;
    struct qf_feel_items out = {0};
    if (!qf_feel_arg_list(args, 0, &list))
        return qf_feel_refuse(args, "reverse takes a list");
    for (uint32_t i = list.count; i > 0; i--)
        qf_feel_items_put(args->ev, &out, &list.items[i - 1]);
    return qf_feel_items_list(&out);
}

static void flatten_into(struct qf_feel_ev *ev, struct qf_feel_items *out,
                         const struct qf_feel_value *value)
{
    qf_feel_step(ev, 1);
    if (value->kind != QF_FEEL_LIST) {
        qf_feel_items_put(ev, out, value);
        return;
    }
    qf_feel_enter(ev);
    for (uint32_t i = 0; i < value->count; i++)
        flatten_into(ev, out, &value->items[i]);
    qf_feel_leave(ev);
}

struct qf_feel_value qf_feel_fn_flatten(const struct qf_feel_args *args)
{
    struct qf_feel_items out = {0};
    if (args->items[0].kind == QF_FEEL_NULL)
        return qf_feel_refuse(args, "flatten takes a list");
    flatten_into(args->ev, &out, &args->items[0]);
    return qf_feel_items_list(&out);
}

/* ---- contexts ---- */

struct qf_feel_value qf_feel_fn_get_value(const struct qf_feel_args *args)
{
    const struct qf_feel_value *context = qf_feel_arg_kind(args, 0, QF_FEEL_CONTEXT);
    const struct qf_feel_value *key = qf_feel_arg_kind(args, 1, QF_FEEL_STRING);
    if (context == NULL || key == NULL)
        return qf_feel_refuse(args, "get value takes a context and a key");
    const struct qf_feel_value *found = qf_feel_get(context, qf_feel_slice(key));
    return found == NULL ? qf_feel_null() : *found;
}

struct qf_feel_value qf_feel_fn_get_entries(const struct qf_feel_args *args)
{
    const struct qf_feel_value *context = qf_feel_arg_kind(args, 0, QF_FEEL_CONTEXT);
    struct qf_feel_items out = {0};
    if (context == NULL)
        return qf_feel_refuse(args, "get entries takes a context");
    for (uint32_t i = 0; i < context->context->count; i++) {
        const struct qf_feel_entry *entry = &context->context->entries[i];
        struct qf_feel_entries pair = {0};
        struct qf_feel_value key = qf_feel_text(entry->key);
        qf_feel_entries_put(args->ev, &pair, qf_slice_of("key"), &key);
        qf_feel_entries_put(args->ev, &pair, qf_slice_of("value"), &entry->value);
        struct qf_feel_value item = qf_feel_entries_context(args->ev, &pair);
        qf_feel_items_put(args->ev, &out, &item);
    }
    return qf_feel_items_list(&out);
}

struct qf_feel_value qf_feel_fn_context_of(const struct qf_feel_args *args)
{
    struct qf_feel_value list;
    struct qf_feel_entries out = {0};
    if (!qf_feel_arg_list(args, 0, &list))
        return qf_feel_refuse(args, "context takes entries");
    for (uint32_t i = 0; i < list.count; i++) {
        const struct qf_feel_value *key = qf_feel_get(&list.items[i], qf_slice_of("key"));
        const struct qf_feel_value *value = qf_feel_get(&list.items[i], qf_slice_of("value"));
        if (key == NULL || key->kind != QF_FEEL_STRING || value == NULL)
            return qf_feel_refuse(args, "an entry has a key (a string) and a value");
        uint32_t before = out.count;
        qf_feel_entries_put(args->ev, &out, qf_feel_slice(key), value);
        if (out.count == before)
            return qf_feel_refuse(args, "a key stands twice");
    }
    return qf_feel_entries_context(args->ev, &out);
}

static void copy_entries(struct qf_feel_ev *ev, struct qf_feel_entries *out,
                         const struct qf_feel_value *context)
{
    for (uint32_t i = 0; i < context->context->count; i++)
        qf_feel_entries_put(ev, out, context->context->entries[i].key,
                            &context->context->entries[i].value);
}

struct qf_feel_value qf_feel_fn_context_merge(const struct qf_feel_args *args)
{
    struct qf_feel_value list;
    struct qf_feel_entries out = {0};
    if (!qf_feel_arg_list(args, 0, &list))
        return qf_feel_refuse(args, "context merge takes contexts");
    for (uint32_t i = 0; i < list.count; i++) {
        if (list.items[i].kind != QF_FEEL_CONTEXT)
            return qf_feel_refuse(args, "context merge takes contexts");
        copy_entries(args->ev, &out, &list.items[i]);
    }
    return qf_feel_entries_context(args->ev, &out);
}

/* Puts under a path of keys; contexts on the way must exist. */
static bool put_path(struct qf_feel_ev *ev, const struct qf_feel_value *context,
                     const struct qf_feel_value *keys, uint32_t count,
                     const struct qf_feel_value *value, struct qf_feel_value *out)
{
    if (context->kind != QF_FEEL_CONTEXT || count == 0 || keys[0].kind != QF_FEEL_STRING)
        return false;
    struct qf_feel_entries entries = {0};
    struct qf_feel_value inner = *value;
    if (count > 1) {
        const struct qf_feel_value *next = qf_feel_get(context, qf_feel_slice(&keys[0]));
        qf_feel_enter(ev);
        bool good = next != NULL && put_path(ev, next, keys + 1, count - 1, value, &inner);
        qf_feel_leave(ev);
        if (!good)
            return false;
    }
    copy_entries(ev, &entries, context);
    qf_feel_entries_put(ev, &entries, qf_feel_slice(&keys[0]), &inner);
    *out = qf_feel_entries_context(ev, &entries);
    return true;
}

struct qf_feel_value qf_feel_fn_context_put(const struct qf_feel_args *args)
{
    const struct qf_feel_value *context = qf_feel_arg_kind(args, 0, QF_FEEL_CONTEXT);
    struct qf_feel_value keys;
    struct qf_feel_value out;
    if (context != NULL && qf_feel_arg_list(args, 1, &keys) &&
        put_path(args->ev, context, keys.items, keys.count, &args->items[2], &out))
        return out;
    return qf_feel_refuse(args, "context put takes a context, a key or keys, and a value");
}
