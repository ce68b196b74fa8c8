#include "bpmn/replay.h"

#include <stdlib.h>

#include "bpmn/net.h"

struct qf_bpmn_replayer {
    struct qf_bpmn_net net;
};

/* A choice that was made; a chain back to the beginning of the case. */
struct choice {
    uint32_t event; /* whose completion made the token move: 0 the opening, i the i-th event */
    uint16_t flow;
    const struct choice *before;
};

/* A marking that may hold. Each token knows the event that set it off. */
struct marked {
    uint64_t *places;
    uint32_t *origins; /* by place */
    const struct choice *choices;
    const struct marked *before; /* after the event before */
    uint32_t cost;               /* unplanned events so far */
    uint16_t node;               /* that the event completed */
};

struct layer {
    struct marked **items;
    uint32_t count;
    uint32_t room;
};

struct replay {
    const struct qf_bpmn_net *net;
    struct qf_arena *arena;
    uint64_t work;
};

static struct marked *copy_marked(struct replay *r, const struct marked *from)
{
    struct marked *copy = qf_arena_alloc(r->arena, sizeof *copy);
    *copy = *from;
    copy->places = qf_arena_alloc(r->arena, r->net->words * sizeof *copy->places);
    copy->origins = qf_arena_alloc(r->arena, r->net->place_count * sizeof *copy->origins + 1);
    memcpy(copy->places, from->places, r->net->words * sizeof *copy->places);
    memcpy(copy->origins, from->origins, r->net->place_count * sizeof *copy->origins);
    return copy;
}

static struct marked *find(const struct replay *r, const struct layer *layer,
                           const struct marked *marked)
{
    for (uint32_t i = 0; i < layer->count; i++)
        if (memcmp(layer->items[i]->places, marked->places,
                   r->net->words * sizeof *marked->places) == 0)
            return layer->items[i];
    return NULL;
}

static void append(struct replay *r, struct layer *layer, struct marked *marked)
{
    if (layer->count == layer->room) {
        uint32_t room = layer->room == 0 ? 16 : layer->room * 2;
        struct marked **items = QF_ARENA_ARRAY(r->arena, struct marked *, room);
        for (uint32_t i = 0; i < layer->count; i++)
            items[i] = layer->items[i];
        layer->items = items;
        layer->room = room;
    }
    layer->items[layer->count++] = marked;
}

/* Keeps the cheaper of two ways to the same marking. */
static void offer(struct replay *r, struct layer *layer, struct marked *marked)
{
    struct marked *known = find(r, layer, marked);
    if (known == NULL)
        append(r, layer, marked);
    else if (marked->cost < known->cost)
        *known = *marked;
}

static bool is_seen(const struct qf_bpmn_node *node)
{
    return qf_bpmn_is_human(node) || node->kind == QF_BPMN_RECEIVE;
}

/* --- firing --- */

/* Takes the tokens of a node out of a copy of the marking: from `place`, or for a join from all its
 * places. *origin is the latest event among them. NULL when the node is not enabled. */
static struct marked *consume(struct replay *r, const struct marked *from, uint32_t place,
                              uint32_t *origin)
{
    const struct qf_bpmn_net *net = r->net;
    uint16_t node = net->places[place].target;
    const struct qf_bpmn_node *n = qf_bpmn_net_node(net, node);
    *origin = from->origins[place];
    if (!qf_bpmn_joins_all(n) && !qf_bpmn_joins_some(n)) {
        struct marked *copy = copy_marked(r, from);
        qf_bpmn_bit_clear(copy->places, place);
        return copy;
    }
    if (qf_bpmn_joins_some(n) && qf_bpmn_net_or_waits(net, node, from->places, &r->work))
        return NULL;
    struct marked *copy = copy_marked(r, from);
    uint32_t taken = 0;
    for (uint16_t in = n->first_in; in != QF_BPMN_NONE; in = net->model->flows[in].next_in) {
        uint32_t at = net->place_of_flow[in];
        if (at == QF_BPMN_NO_PLACE || !qf_bpmn_bit_at(from->places, at))
            continue;
        taken++;
        qf_bpmn_bit_clear(copy->places, at);
        if (from->origins[at] > *origin)
            *origin = from->origins[at];
    }
    return qf_bpmn_joins_all(n) && taken < n->in_count ? NULL : copy;
}

/* Marks an option's places; false when one of them has a token. */
static bool produce(struct replay *r, struct marked *into, const struct qf_bpmn_option *option,
                    uint16_t node, uint32_t origin)
{
    const struct qf_bpmn_net *net = r->net;
    bool choice = qf_bpmn_net_node(net, node)->choice;
    if (option->clears)
        memset(into->places, 0, net->words * sizeof *into->places);
    for (uint32_t i = 0; i < option->count; i++) {
        uint32_t place = option->marks[i];
        if (qf_bpmn_bit_at(into->places, place))
            return false;
        qf_bpmn_bit_set(into->places, place);
        into->origins[place] = origin;
        if (choice) {
            struct choice *made = qf_arena_alloc(r->arena, sizeof *made);
            *made = (struct choice){origin, net->places[place].flow, into->choices};
            into->choices = made;
        }
    }
    return true;
}

/* Every marking to which the tokens can go without any task that a log would show, from `start` on,
 * nearest first. */
static void closure(struct replay *r, struct layer *out, const struct marked *start)
{
    const struct qf_bpmn_net *net = r->net;
    *out = (struct layer){0};
    append(r, out, copy_marked(r, start));
    for (uint32_t i = 0; i < out->count; i++) {
        const struct marked *at = out->items[i];
        for (uint32_t place = 0; place < net->place_count; place++) {
            if (!qf_bpmn_bit_at(at->places, place))
                continue;
            uint16_t node = net->places[place].target;
            if (is_seen(qf_bpmn_net_node(net, node)))
                continue;
            const struct qf_bpmn_option *option = net->options[node];
            for (; option != NULL && option->node == node; option = option->next) {
                uint32_t origin = 0;
                struct qf_arena_mark mark = qf_arena_mark(r->arena);
                struct marked *next = consume(r, at, place, &origin);
                if (next == NULL)
                    break;
                if (!produce(r, next, option, node, origin) || find(r, out, next) != NULL) {
                    qf_arena_release(r->arena, mark);
                    continue;
                }
                if (out->count == QF_REPLAY_CLOSURE)
                    return;
                append(r, out, next);
            }
        }
    }
}

/* --- one event --- */

static void match(struct replay *r, struct layer *out, const struct marked *from,
                  struct qf_slice activity, uint32_t event)
{
    const struct qf_bpmn_net *net = r->net;
    struct layer reachable;
    closure(r, &reachable, from);
    for (uint32_t i = 0; i < reachable.count; i++) {
        const struct marked *at = reachable.items[i];
        for (uint32_t place = 0; place < net->place_count; place++) {
            uint16_t node = net->places[place].target;
            const struct qf_bpmn_node *n = qf_bpmn_net_node(net, node);
            if (!qf_bpmn_bit_at(at->places, place) || !is_seen(n) ||
                !qf_slice_equal(n->name, activity))
                continue;
            const struct qf_bpmn_option *option = net->options[node];
            for (; option != NULL && option->node == node; option = option->next) {
                uint32_t origin = 0;
                struct marked *next = consume(r, at, place, &origin);
                if (next == NULL || !produce(r, next, option, node, event))
                    continue;
                next->node = node;
                next->before = from;
                offer(r, out, next);
            }
        }
    }
    struct marked *unplanned = copy_marked(r, from);
    unplanned->node = QF_BPMN_NONE;
    unplanned->before = from;
    unplanned->cost++;
    offer(r, out, unplanned);
}

static int compare_cost(const void *a, const void *b)
{
    const struct marked *x = *(struct marked *const *)a, *y = *(struct marked *const *)b;
    return (x->cost > y->cost) - (x->cost < y->cost);
}

/* The cheapest ones first; equal ones keep the order in which they were found. */
static void prune(struct replay *r, struct layer *layer)
{
    struct layer sorted = {0};
    uint32_t cost = 0;
    for (uint32_t i = 1; i < layer->count; i++)
        if (compare_cost(&layer->items[i], &layer->items[cost]) < 0)
            cost = i;
    cost = layer->items[cost]->cost;
    for (; sorted.count < layer->count && sorted.count < QF_REPLAY_BEAM; cost++)
        for (uint32_t i = 0; i < layer->count && sorted.count < QF_REPLAY_BEAM; i++)
            if (layer->items[i]->cost == cost)
                append(r, &sorted, layer->items[i]);
    *layer = sorted;
}

/* --- the end --- */

static bool is_over(const struct replay *r, const struct marked *at)
{
    for (uint32_t i = 0; i < r->net->words; i++)
        if (at->places[i] != 0)
            return false;
    return true;
}

/* Whether the token at a place stays there by itself: for a task, an event, or others of its join.
 */
static bool stays(struct replay *r, const struct marked *at, uint32_t place)
{
    const struct qf_bpmn_node *n = qf_bpmn_net_node(r->net, r->net->places[place].target);
    if (is_seen(n) || n->kind == QF_BPMN_CATCH || n->kind == QF_BPMN_EVENT_GATEWAY)
        return true;
    if (!qf_bpmn_joins_all(n) && !qf_bpmn_joins_some(n))
        return false;
    uint32_t origin = 0;
    struct qf_arena_mark mark = qf_arena_mark(r->arena);
    bool complete = consume(r, at, place, &origin) != NULL;
    qf_arena_release(r->arena, mark);
    return !complete;
}

static bool rests(struct replay *r, const struct marked *at)
{
    for (uint32_t place = 0; place < r->net->place_count; place++)
        if (qf_bpmn_bit_at(at->places, place) && !stays(r, at, place))
            return false;
    return true;
}

/* Lets the tokens of the cheapest states come to an end, or else to rest. */
static const struct marked *settle(struct replay *r, const struct layer *last, bool *ended)
{
    const struct marked *best = NULL;
    uint32_t cost = last->items[0]->cost;
    *ended = false;
    for (uint32_t i = 0; i < last->count && last->items[i]->cost == cost; i++) {
        struct layer reachable;
        closure(r, &reachable, last->items[i]);
        for (uint32_t k = 0; k < reachable.count; k++) {
            if (is_over(r, reachable.items[k])) {
                *ended = true;
                return reachable.items[k];
            }
            if (best == NULL && rests(r, reachable.items[k]))
                best = reachable.items[k];
        }
    }
    return best == NULL ? last->items[0] : best;
}

static void give_choices(struct replay *r, struct qf_arena *arena, struct qf_bpmn_replay *out,
                         const struct choice *choices)
{
    uint32_t *counts = QF_ARENA_ARRAY(r->arena, uint32_t, out->event_count + 1);
    struct qf_slice **flows = QF_ARENA_ARRAY(r->arena, struct qf_slice *, out->event_count + 1);
    for (const struct choice *at = choices; at != NULL; at = at->before)
        counts[at->event]++;
    for (uint32_t i = 0; i <= out->event_count; i++) {
        struct qf_bpmn_replayed *event = i == 0 ? &out->open : &out->events[i - 1];
        flows[i] = QF_ARENA_ARRAY(arena, struct qf_slice, counts[i]);
        event->flows = flows[i];
        event->flow_count = counts[i];
    }
    for (const struct choice *at = choices; at != NULL; at = at->before)
        flows[at->event][--counts[at->event]] = r->net->model->flows[at->flow].id;
}

static struct marked *beginning(struct replay *r)
{
    const struct qf_bpmn_net *net = r->net;
    struct marked *first = QF_ARENA_NEW(r->arena, struct marked);
    first->places = QF_ARENA_ARRAY(r->arena, uint64_t, net->words);
    first->origins = QF_ARENA_ARRAY(r->arena, uint32_t, net->place_count);
    first->node = QF_BPMN_NONE;
    bool started = false;
    for (int plain = 1; plain >= 0 && !started; plain--)
        for (uint32_t i = 0; i < net->node_count && !started; i++) {
            const struct qf_bpmn_node *n = qf_bpmn_net_node(net, net->nodes[i]);
            uint32_t entry = net->entry_of_node[net->nodes[i]];
            if (n->kind != QF_BPMN_START || entry == QF_BPMN_NO_PLACE ||
                (plain == 1 && n->event != QF_BPMN_EVENT_NONE))
                continue;
            qf_bpmn_bit_set(first->places, entry);
            started = true;
        }
    return first;
}

struct qf_bpmn_replayer *qf_bpmn_replayer_new(const struct qf_bpmn_model *model)
{
    struct qf_bpmn_replayer *replayer = calloc(1, sizeof *replayer);
    QF_ASSERT(replayer != NULL);
    QF_ASSERT(model->main != QF_BPMN_NONE);
    qf_bpmn_net_init(&replayer->net, model, model->main, QF_BPMN_NONE);
    return replayer;
}

void qf_bpmn_replayer_free(struct qf_bpmn_replayer *replayer)
{
    if (replayer == NULL)
        return;
    qf_bpmn_net_deinit(&replayer->net);
    free(replayer);
}

enum qf_status qf_bpmn_replay(const struct qf_bpmn_replayer *replayer, struct qf_arena *arena,
                              struct qf_bpmn_replay *out, const struct qf_slice *activities,
                              uint32_t count, struct qf_error *err)
{
    if (count > QF_REPLAY_EVENTS_MAX)
        return qf_fail(err, QF_OVER_LIMIT, "trace", "too many events in a trace (limit %d)",
                       QF_REPLAY_EVENTS_MAX);
    struct qf_arena scratch = {0};
    struct replay r = {&replayer->net, &scratch, 0};
    struct layer layer = {0};
    *out = (struct qf_bpmn_replay){.event_count = count, .open = {.node = QF_BPMN_NONE}};
    out->events = QF_ARENA_ARRAY(arena, struct qf_bpmn_replayed, count);
    append(&r, &layer, beginning(&r));
    for (uint32_t i = 0; i < count; i++) {
        struct layer next = {0};
        for (uint32_t k = 0; k < layer.count && scratch.used < QF_REPLAY_SIZE_MAX; k++)
            match(&r, &next, layer.items[k], activities[i], i + 1);
        if (scratch.used >= QF_REPLAY_SIZE_MAX) {
            qf_arena_deinit(&scratch);
            return qf_fail(err, QF_OVER_LIMIT, "trace",
                           "the replay needs too much memory (limit "
                           "%d bytes)",
                           QF_REPLAY_SIZE_MAX);
        }
        prune(&r, &next);
        layer = next;
    }
    const struct marked *last = settle(&r, &layer, &out->ended);
    out->unplanned = last->cost;
    give_choices(&r, arena, out, last->choices);
    /* The settled state is a copy of the one after the last event. */
    for (uint32_t i = count; i-- > 0; last = last->before)
        out->events[i].node = last->node;
    qf_arena_deinit(&scratch);
    return QF_OK;
}
