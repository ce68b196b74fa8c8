/* The search for what can go wrong in the flow of tokens: see check.h.
 *
 * A marking is a set of places; a place is a flow of the container, or the entry of a node that
 * nothing leads to. A node fires from one of its marked places (a parallel join from all of them,
 * an inclusive join from all that are marked, once no other token can come) and marks one of the
 * sets of places that its kind allows. */
#include <stdlib.h>

#include "bpmn/check.h"

#define WORK_MAX 200000000u /* places looked at in one search */
#define EDGES_PER_STATE_MAX 16
#define SUBSET_FLOWS_MAX 6 /* of an inclusive split all subsets are tried up to here */

struct option {
    uint16_t node;
    bool clears;     /* terminate or error end: the container is over */
    uint32_t *marks; /* places, `count` of them */
    uint32_t count;
    struct option *next;
};

struct place {
    uint16_t target;
    uint16_t flow; /* none: entry of the target */
};

struct join_reach {
    uint64_t *from; /* per place into the gateway: places from which a token can come there */
};

struct search {
    struct qf_bpmn_model *model;
    struct qf_arena arena;
    uint16_t *nodes; /* of the container */
    uint32_t node_count;
    struct place *places;
    uint32_t place_count;
    uint32_t words;
    uint32_t *place_of_flow;
    uint32_t *entry_of_node;
    struct option **options;    /* by node index of the model */
    struct join_reach *reaches; /* by node index */
    /* states */
    uint64_t *markings;
    uint32_t *parents;
    uint16_t *fired; /* node that led to the state */
    uint32_t state_count, state_room, states_max;
    uint32_t *table;
    uint32_t table_size;
    uint32_t *edges; /* pairs from, to */
    uint32_t edge_count, edge_room;
    bool *executed;      /* by node index */
    uint32_t *looked_at; /* by node index: last state, plus one, in which it was looked at */
    uint64_t work;
    bool overflow;
    bool reduced;
    bool told_sync;
    bool told_deadlock;
    struct qf_bpmn_soundness *out;
};

#define NO_PLACE UINT32_MAX
#define NO_STATE UINT32_MAX

static bool bit_at(const uint64_t *bits, uint32_t at)
{
    return (bits[at / 64] >> (at % 64) & 1) != 0;
}

static void bit_set(uint64_t *bits, uint32_t at)
{
    bits[at / 64] |= (uint64_t)1 << (at % 64);
}

static void bit_clear(uint64_t *bits, uint32_t at)
{
    bits[at / 64] &= ~((uint64_t)1 << (at % 64));
}

static const struct qf_bpmn_node *node_at(const struct search *s, uint16_t index)
{
    return &s->model->nodes[index];
}

static bool joins_all(const struct qf_bpmn_node *node)
{
    return node->kind == QF_BPMN_AND && node->in_count > 1;
}

static bool joins_some(const struct qf_bpmn_node *node)
{
    return node->kind == QF_BPMN_OR && node->in_count > 1;
}

/* --- places and options --- */

static void find_nodes(struct search *s, uint16_t process, uint16_t container)
{
    struct qf_bpmn_model *model = s->model;
    uint16_t first = container == QF_BPMN_NONE ? model->processes[process].first_child
                                               : model->nodes[container].first_child;
    s->nodes = QF_ARENA_ARRAY(&s->arena, uint16_t, model->node_count);
    for (uint16_t at = first; at != QF_BPMN_NONE; at = model->nodes[at].next_child)
        if (!model->nodes[at].by_event)
            s->nodes[s->node_count++] = at;
}

static void find_places(struct search *s)
{
    struct qf_bpmn_model *model = s->model;
    uint32_t most = (uint32_t)model->flow_count + model->node_count;
    s->places = QF_ARENA_ARRAY(&s->arena, struct place, most);
    s->place_of_flow = QF_ARENA_ARRAY(&s->arena, uint32_t, model->flow_count);
    s->entry_of_node = QF_ARENA_ARRAY(&s->arena, uint32_t, model->node_count);
    memset(s->place_of_flow, 0xFF, model->flow_count * sizeof *s->place_of_flow);
    memset(s->entry_of_node, 0xFF, model->node_count * sizeof *s->entry_of_node);
    for (uint32_t i = 0; i < s->node_count; i++) {
        uint16_t node = s->nodes[i];
        for (uint16_t f = model->nodes[node].first_out; f != QF_BPMN_NONE;
             f = model->flows[f].next_out) {
            s->place_of_flow[f] = s->place_count;
            s->places[s->place_count++] = (struct place){model->flows[f].target, f};
        }
        if (model->nodes[node].in_count == 0 && model->nodes[node].kind != QF_BPMN_BOUNDARY) {
            s->entry_of_node[node] = s->place_count;
            s->places[s->place_count++] = (struct place){node, QF_BPMN_NONE};
        }
    }
    s->words = (s->place_count + 63) / 64;
    if (s->words == 0)
        s->words = 1;
}

static struct option *add_option(struct search *s, uint16_t node, uint32_t room)
{
    struct option *option = QF_ARENA_NEW(&s->arena, struct option);
    struct option **tail = &s->options[node];
    while (*tail != NULL)
        tail = &(*tail)->next;
    *tail = option;
    option->node = node;
    option->marks = QF_ARENA_ARRAY(&s->arena, uint32_t, room + 1);
    return option;
}

static void mark_flow(const struct search *s, struct option *option, uint16_t flow)
{
    if (s->place_of_flow[flow] != NO_PLACE)
        option->marks[option->count++] = s->place_of_flow[flow];
}

static void mark_all(const struct search *s, struct option *option, uint16_t node)
{
    uint16_t flow = node_at(s, node)->first_out;
    for (; flow != QF_BPMN_NONE; flow = s->model->flows[flow].next_out)
        mark_flow(s, option, flow);
}

/* Every subset of the flows, the empty one apart, each with the flows that are always taken. */
static void subset_options(struct search *s, uint16_t node, const uint16_t *flows, uint32_t count,
                           const uint16_t *always, uint32_t always_count)
{
    for (uint32_t subset = 1; subset < (uint32_t)1 << count; subset++) {
        struct option *option = add_option(s, node, count + always_count);
        for (uint32_t i = 0; i < always_count; i++)
            mark_flow(s, option, always[i]);
        for (uint32_t i = 0; i < count; i++)
            if ((subset >> i & 1) != 0)
                mark_flow(s, option, flows[i]);
    }
}

/* A split that takes any of its flows. With many flows: each alone, and all together. */
static void inclusive_options(struct search *s, uint16_t node, bool conditional_only)
{
    const struct qf_bpmn_node *n = node_at(s, node);
    uint16_t *flows = QF_ARENA_ARRAY(&s->arena, uint16_t, n->out_count + 1u);
    uint16_t *always = QF_ARENA_ARRAY(&s->arena, uint16_t, n->out_count + 1u);
    uint32_t count = 0, always_count = 0;
    for (uint16_t f = n->first_out; f != QF_BPMN_NONE; f = s->model->flows[f].next_out) {
        bool open = s->model->flows[f].condition.text.data != NULL || f == n->default_flow;
        if (open || !conditional_only)
            flows[count++] = f;
        else
            always[always_count++] = f;
    }
    if (conditional_only && (always_count > 0 || count == 0)) {
        struct option *none = add_option(s, node, always_count);
        for (uint32_t i = 0; i < always_count; i++)
            mark_flow(s, none, always[i]);
    }
    if (count <= SUBSET_FLOWS_MAX) {
        subset_options(s, node, flows, count, always, always_count);
        return;
    }
    for (uint32_t i = 0; i < count; i++)
        subset_options(s, node, &flows[i], 1, always, always_count);
    struct option *all = add_option(s, node, n->out_count);
    mark_all(s, all, node);
}

static void boundary_options(struct search *s, uint16_t node)
{
    uint16_t event = node_at(s, node)->first_attached;
    for (; event != QF_BPMN_NONE; event = node_at(s, event)->next_attached) {
        uint32_t room = (uint32_t)node_at(s, node)->out_count + node_at(s, event)->out_count;
        struct option *option = add_option(s, node, room);
        option->node = event;
        if (!node_at(s, event)->interrupting)
            mark_all(s, option, node);
        mark_all(s, option, event);
    }
}

static void find_options(struct search *s, uint16_t node)
{
    const struct qf_bpmn_node *n = node_at(s, node);
    if (n->kind == QF_BPMN_BOUNDARY)
        return;
    if (n->kind == QF_BPMN_XOR || n->kind == QF_BPMN_EVENT_GATEWAY) {
        for (uint16_t f = n->first_out; f != QF_BPMN_NONE; f = s->model->flows[f].next_out)
            mark_flow(s, add_option(s, node, 1), f);
        if (n->out_count == 0)
            (void)add_option(s, node, 0);
    } else if (n->kind == QF_BPMN_OR && n->out_count > 1) {
        inclusive_options(s, node, false);
    } else if (qf_bpmn_is_activity(n) && n->out_count > 0) {
        inclusive_options(s, node, true);
    } else {
        struct option *option = add_option(s, node, n->out_count);
        mark_all(s, option, node);
        option->clears = n->kind == QF_BPMN_END &&
                         (n->event == QF_BPMN_EVENT_TERMINATE || n->event == QF_BPMN_EVENT_ERROR);
    }
    boundary_options(s, node);
}

/* From which places a token can come to each flow into an inclusive join, without passing it. */
static void find_reach(struct search *s, uint16_t gateway)
{
    const struct qf_bpmn_model *model = s->model;
    const struct qf_bpmn_node *g = node_at(s, gateway);
    struct join_reach *reach = &s->reaches[gateway];
    reach->from = QF_ARENA_ARRAY(&s->arena, uint64_t, (size_t)g->in_count * s->words);
    uint16_t *open = QF_ARENA_ARRAY(&s->arena, uint16_t, model->node_count + 1u);
    uint32_t input = 0;
    for (uint16_t in = g->first_in; in != QF_BPMN_NONE; in = model->flows[in].next_in, input++) {
        uint64_t *from = reach->from + (size_t)input * s->words;
        bool *seen = QF_ARENA_ARRAY(&s->arena, bool, model->node_count + 1u);
        uint32_t count = 0;
        open[count++] = model->flows[in].source;
        seen[model->flows[in].source] = true;
        while (count > 0) {
            uint16_t at = open[--count];
            if (at == gateway)
                continue;
            if (s->entry_of_node[at] != NO_PLACE)
                bit_set(from, s->entry_of_node[at]);
            for (uint16_t f = model->nodes[at].first_in; f != QF_BPMN_NONE;
                 f = model->flows[f].next_in) {
                if (s->place_of_flow[f] != NO_PLACE)
                    bit_set(from, s->place_of_flow[f]);
                if (!seen[model->flows[f].source]) {
                    seen[model->flows[f].source] = true;
                    open[count++] = model->flows[f].source;
                }
            }
            uint16_t host = model->nodes[at].attached_to;
            if (host != QF_BPMN_NONE && !seen[host]) {
                seen[host] = true;
                open[count++] = host;
            }
        }
    }
}

/* --- states --- */

static uint64_t hash_marking(const uint64_t *marking, uint32_t words)
{
    uint64_t hash = 0x9E3779B97F4A7C15u;
    for (uint32_t i = 0; i < words; i++) {
        hash ^= marking[i];
        hash *= 0xBF58476D1CE4E5B9u;
        hash ^= hash >> 29;
    }
    return hash;
}

/* Index of a state, which is added if it is new; NO_STATE past the limit. */
static uint32_t add_state(struct search *s, const uint64_t *marking, uint32_t parent,
                          uint16_t fired, bool *fresh)
{
    *fresh = false;
    uint32_t slot = (uint32_t)(hash_marking(marking, s->words) % s->table_size);
    while (s->table[slot] != 0) {
        uint32_t at = s->table[slot] - 1;
        if (memcmp(s->markings + (size_t)at * s->words, marking, s->words * sizeof *marking) == 0)
            return at;
        slot = (slot + 1) % s->table_size;
    }
    if (s->state_count == s->states_max) {
        s->overflow = true;
        return NO_STATE;
    }
    if (s->state_count == s->state_room) {
        uint32_t room = s->state_room == 0 ? 64 : s->state_room * 2;
        uint64_t *markings = realloc(s->markings, (size_t)room * s->words * sizeof *markings);
        QF_ASSERT(markings != NULL);
        s->markings = markings;
        uint32_t *parents = realloc(s->parents, room * sizeof *parents);
        QF_ASSERT(parents != NULL);
        s->parents = parents;
        uint16_t *by = realloc(s->fired, room * sizeof *by);
        QF_ASSERT(by != NULL);
        s->fired = by;
        s->state_room = room;
    }
    uint32_t index = s->state_count++;
    memcpy(s->markings + (size_t)index * s->words, marking, s->words * sizeof *marking);
    s->parents[index] = parent;
    s->fired[index] = fired;
    s->table[slot] = index + 1;
    *fresh = true;
    return index;
}

static void add_edge(struct search *s, uint32_t from, uint32_t to)
{
    if (s->reduced)
        return;
    if (s->edge_count / EDGES_PER_STATE_MAX >= s->states_max) {
        s->overflow = true;
        return;
    }
    if (s->edge_count == s->edge_room) {
        uint32_t room = s->edge_room == 0 ? 256 : s->edge_room * 2;
        uint32_t *edges = realloc(s->edges, (size_t)room * 2 * sizeof *edges);
        QF_ASSERT(edges != NULL);
        s->edges = edges;
        s->edge_room = room;
    }
    s->edges[(size_t)s->edge_count * 2] = from;
    s->edges[(size_t)s->edge_count * 2 + 1] = to;
    s->edge_count++;
}

/* "start → a → g": the nodes that fired on the way to a state, the last ones when there are many.
 */
static const char *path_to(struct search *s, uint32_t state)
{
    struct qf_slice names[24];
    uint32_t count = 0, total = 0;
    for (uint32_t at = state; at != NO_STATE && s->fired[at] != QF_BPMN_NONE; at = s->parents[at]) {
        if (count < sizeof names / sizeof names[0])
            names[count++] = node_at(s, s->fired[at])->id;
        total++;
    }
    struct qf_buf buf;
    qf_buf_init(&buf, 1024);
    if (total > count)
        qf_buf_put_text(&buf, "… → ");
    while (count > 0) {
        qf_buf_put_slice(&buf, names[--count]);
        if (count > 0)
            qf_buf_put_text(&buf, " → ");
    }
    const char *text = qf_arena_text(&s->arena, qf_buf_slice(&buf));
    qf_buf_deinit(&buf);
    return text;
}

static void tell_sync(struct search *s, uint32_t state, uint16_t node, uint32_t place)
{
    s->out->sound = false;
    if (s->told_sync)
        return;
    s->told_sync = true;
    struct qf_slice to = node_at(s, s->places[place].target)->id;
    qf_bpmn_report(s->model, QF_BPMN_WRONG, node_at(s, s->places[place].target)->xml,
                   "missing synchronisation: a second token comes to %.*s from %.*s; path: %s",
                   (int)(to.size > 60 ? 60 : to.size), (const char *)to.data,
                   (int)(node_at(s, node)->id.size > 60 ? 60 : node_at(s, node)->id.size),
                   (const char *)node_at(s, node)->id.data, path_to(s, state));
}

/* Fires one option of a node from a state whose marking without the consumed tokens is `base`. */
static void apply(struct search *s, uint32_t state, const uint64_t *base,
                  const struct option *option)
{
    uint64_t marking[(QF_BPMN_ELEMENTS_MAX * 2 + 63) / 64] = {0};
    memcpy(marking, base, s->words * sizeof *marking);
    if (option->clears)
        memset(marking, 0, s->words * sizeof *marking);
    for (uint32_t i = 0; i < option->count; i++) {
        if (bit_at(marking, option->marks[i])) {
            tell_sync(s, state, option->node, option->marks[i]);
            return;
        }
        bit_set(marking, option->marks[i]);
    }
    bool fresh = false;
    uint32_t to = add_state(s, marking, state, option->node, &fresh);
    if (to != NO_STATE)
        add_edge(s, state, to);
}

static bool or_join_waits(struct search *s, uint16_t gateway, const uint64_t *marking)
{
    const struct qf_bpmn_node *g = node_at(s, gateway);
    const struct qf_bpmn_flow *flows = s->model->flows;
    s->work += s->place_count;
    for (uint32_t place = 0; place < s->place_count; place++) {
        bool empty = false, full = false;
        uint32_t input = 0;
        if (!bit_at(marking, place) || s->places[place].target == gateway)
            continue;
        s->work += g->in_count;
        for (uint16_t in = g->first_in; in != QF_BPMN_NONE; in = flows[in].next_in, input++) {
            if (!bit_at(s->reaches[gateway].from + (size_t)input * s->words, place))
                continue;
            uint32_t at = s->place_of_flow[in];
            *(at != NO_PLACE && bit_at(marking, at) ? &full : &empty) = true;
        }
        if (empty && !full)
            return true;
    }
    return false;
}

/* Fires a join from all its marked places; false when it is not enabled. */
static bool fire_join(struct search *s, uint32_t state, uint16_t node)
{
    const struct qf_bpmn_node *n = node_at(s, node);
    uint64_t base[(QF_BPMN_ELEMENTS_MAX * 2 + 63) / 64] = {0};
    memcpy(base, s->markings + (size_t)state * s->words, s->words * sizeof *base);
    uint32_t marked = 0;
    for (uint16_t in = n->first_in; in != QF_BPMN_NONE; in = s->model->flows[in].next_in) {
        uint32_t place = s->place_of_flow[in];
        if (place != NO_PLACE && bit_at(base, place)) {
            marked++;
            bit_clear(base, place);
        }
    }
    if (marked == 0 || (joins_all(n) && marked < n->in_count))
        return false;
    if (joins_some(n) && or_join_waits(s, node, s->markings + (size_t)state * s->words))
        return false;
    s->executed[node] = true;
    for (const struct option *option = s->options[node]; option != NULL; option = option->next)
        apply(s, state, base, option);
    return true;
}

static bool fire_simple(struct search *s, uint32_t state, uint32_t place)
{
    uint64_t base[(QF_BPMN_ELEMENTS_MAX * 2 + 63) / 64] = {0};
    uint16_t node = s->places[place].target;
    memcpy(base, s->markings + (size_t)state * s->words, s->words * sizeof *base);
    bit_clear(base, place);
    s->executed[node] = true;
    for (const struct option *option = s->options[node]; option != NULL; option = option->next) {
        s->executed[option->node] = true;
        apply(s, state, base, option);
    }
    return true;
}

static void tell_deadlock(struct search *s, uint32_t state)
{
    const uint64_t *marking = s->markings + (size_t)state * s->words;
    s->out->sound = false;
    if (s->told_deadlock)
        return;
    s->told_deadlock = true;
    for (uint32_t place = 0; place < s->place_count; place++)
        if (bit_at(marking, place)) {
            const struct qf_bpmn_node *node = node_at(s, s->places[place].target);
            qf_bpmn_report(s->model, QF_BPMN_WRONG, node->xml,
                           "deadlock: a token waits at %.*s for ever; path: %s",
                           (int)(node->id.size > 60 ? 60 : node->id.size),
                           (const char *)node->id.data, path_to(s, state));
            return;
        }
}

static bool is_empty(const struct search *s, uint32_t state)
{
    for (uint32_t i = 0; i < s->words; i++)
        if (s->markings[(size_t)state * s->words + i] != 0)
            return false;
    return true;
}

/* With `reduced`, the first node that can fire goes alone: no token has two nodes to go to, so what
 * it does takes nothing from the others. Inclusive joins, whose being enabled depends on others,
 * come last. */
static void expand(struct search *s, uint32_t state)
{
    bool fired = false;
    if (is_empty(s, state))
        return;
    for (int late = 0; late < 2; late++) {
        for (uint32_t place = 0; place < s->place_count; place++) {
            uint16_t node = s->places[place].target;
            const struct qf_bpmn_node *n = node_at(s, node);
            if (!bit_at(s->markings + (size_t)state * s->words, place) ||
                joins_some(n) != (late == 1))
                continue;
            bool join = joins_all(n) || joins_some(n);
            if (join && s->looked_at[node] == state + 1)
                continue;
            s->looked_at[node] = state + 1;
            bool can = join ? fire_join(s, state, node) : fire_simple(s, state, place);
            fired = fired || can;
            if (can && s->reduced)
                return;
        }
    }
    s->work += s->place_count;
    if (s->work > WORK_MAX)
        s->overflow = true;
    if (!fired)
        tell_deadlock(s, state);
}

/* --- the whole --- */

static void add_starts(struct search *s, bool adhoc)
{
    uint64_t marking[(QF_BPMN_ELEMENTS_MAX * 2 + 63) / 64];
    bool fresh = false, started = false;
    for (uint32_t i = 0; i < s->node_count; i++) {
        uint32_t entry = s->entry_of_node[s->nodes[i]];
        if (entry == NO_PLACE || (node_at(s, s->nodes[i])->kind != QF_BPMN_START && !adhoc))
            continue;
        memset(marking, 0, sizeof marking);
        bit_set(marking, entry);
        started = true;
        (void)add_state(s, marking, NO_STATE, QF_BPMN_NONE, &fresh);
    }
    if (started)
        return;
    memset(marking, 0, sizeof marking);
    for (uint32_t i = 0; i < s->node_count; i++)
        if (s->entry_of_node[s->nodes[i]] != NO_PLACE)
            bit_set(marking, s->entry_of_node[s->nodes[i]]);
    (void)add_state(s, marking, NO_STATE, QF_BPMN_NONE, &fresh);
}

static void search_all(struct search *s, bool reduced, bool adhoc)
{
    s->reduced = reduced;
    s->state_count = 0;
    s->edge_count = 0;
    memset(s->table, 0, s->table_size * sizeof *s->table);
    memset(s->looked_at, 0, s->model->node_count * sizeof *s->looked_at);
    s->overflow = false;
    s->work = 0;
    add_starts(s, adhoc);
    for (uint32_t at = 0; at < s->state_count && !s->overflow; at++)
        expand(s, at);
}

/* Whether each state can still come to the empty marking: backwards over the edges, which are
 * sorted by where they lead. */
static void check_ends(struct search *s)
{
    uint32_t *first = calloc((size_t)s->state_count + 2, sizeof *first);
    uint32_t *sources = calloc((size_t)s->edge_count + 1, sizeof *sources);
    uint32_t *open = calloc((size_t)s->state_count + 1, sizeof *open);
    bool *ends = calloc((size_t)s->state_count + 1, sizeof *ends);
    QF_ASSERT(first != NULL && sources != NULL && open != NULL && ends != NULL);
    uint32_t count = 0;
    for (uint32_t i = 0; i < s->edge_count; i++)
        first[s->edges[(size_t)i * 2 + 1] + 2]++;
    for (uint32_t i = 2; i < s->state_count + 2; i++)
        first[i] += first[i - 1];
    for (uint32_t i = 0; i < s->edge_count; i++)
        sources[first[s->edges[(size_t)i * 2 + 1] + 1]++] = s->edges[(size_t)i * 2];
    for (uint32_t i = 0; i < s->state_count; i++)
        if (is_empty(s, i)) {
            ends[i] = true;
            open[count++] = i;
        }
    while (count > 0) {
        uint32_t at = open[--count];
        for (uint32_t i = first[at]; i < first[at + 1]; i++)
            if (!ends[sources[i]]) {
                ends[sources[i]] = true;
                open[count++] = sources[i];
            }
    }
    for (uint32_t i = 0; i < s->state_count; i++)
        if (!ends[i]) {
            s->out->sound = false;
            qf_bpmn_report(s->model, QF_BPMN_WRONG,
                           s->fired[i] == QF_BPMN_NONE ? NULL : node_at(s, s->fired[i])->xml,
                           "from here no end can be reached any more; path: %s", path_to(s, i));
            break;
        }
    free(first);
    free(sources);
    free(open);
    free(ends);
}

static void check_executed(struct search *s)
{
    for (uint32_t i = 0; i < s->node_count; i++) {
        const struct qf_bpmn_node *n = node_at(s, s->nodes[i]);
        if (s->executed[s->nodes[i]])
            continue;
        s->out->sound = false;
        qf_bpmn_report(s->model, QF_BPMN_WRONG, n->xml, "can never be executed");
    }
}

void qf_bpmn_check_sound(struct qf_bpmn_model *model, uint16_t process, uint16_t container,
                         uint32_t states_max, struct qf_bpmn_soundness *out)
{
    struct search s = {.model = model, .out = out};
    *out = (struct qf_bpmn_soundness){true, true, 0};
    s.states_max = states_max == 0 ? QF_BPMN_STATES_MAX : states_max;
    find_nodes(&s, process, container);
    find_places(&s);
    if (s.place_count < 16 && s.states_max > (uint32_t)1 << s.place_count)
        s.states_max = (uint32_t)1 << s.place_count;
    s.table_size = s.states_max * 2 + 1;
    s.options = QF_ARENA_ARRAY(&s.arena, struct option *, model->node_count);
    s.reaches = QF_ARENA_ARRAY(&s.arena, struct join_reach, model->node_count);
    s.executed = QF_ARENA_ARRAY(&s.arena, bool, model->node_count);
    s.looked_at = QF_ARENA_ARRAY(&s.arena, uint32_t, model->node_count);
    s.table = calloc(s.table_size, sizeof *s.table);
    QF_ASSERT(s.table != NULL);
    for (uint32_t i = 0; i < s.node_count; i++) {
        find_options(&s, s.nodes[i]);
        if (joins_some(node_at(&s, s.nodes[i])))
            find_reach(&s, s.nodes[i]);
    }
    bool adhoc = container != QF_BPMN_NONE && model->nodes[container].kind == QF_BPMN_ADHOC;
    search_all(&s, false, adhoc);
    out->states = s.state_count;
    if (s.overflow) {
        search_all(&s, true, adhoc);
        out->complete = false;
        out->states += s.state_count;
    } else if (out->sound) {
        check_executed(&s);
        if (out->sound)
            check_ends(&s);
    }
    free(s.table);
    free(s.markings);
    free(s.parents);
    free(s.fired);
    free(s.edges);
    qf_arena_deinit(&s.arena);
}
