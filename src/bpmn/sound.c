/* The search for what can go wrong in the flow of tokens: see check.h and net.h. */
#include <stdlib.h>

#include "bpmn/check.h"
#include "bpmn/net.h"

#define WORK_MAX 200000000u /* places looked at in one search */
#define EDGES_PER_STATE_MAX 16

struct search {
    struct qf_bpmn_model *model;
    struct qf_bpmn_net net;
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

#define NO_STATE UINT32_MAX

static const struct qf_bpmn_node *node_at(const struct search *s, uint16_t index)
{
    return &s->model->nodes[index];
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
    uint32_t slot = (uint32_t)(hash_marking(marking, s->net.words) % s->table_size);
    while (s->table[slot] != 0) {
        uint32_t at = s->table[slot] - 1;
        if (memcmp(s->markings + (size_t)at * s->net.words, marking,
                   s->net.words * sizeof *marking) == 0)
            return at;
        slot = (slot + 1) % s->table_size;
    }
    if (s->state_count == s->states_max) {
        s->overflow = true;
        return NO_STATE;
    }
    if (s->state_count == s->state_room) {
        uint32_t room = s->state_room == 0 ? 64 : s->state_room * 2;
        uint64_t *markings = realloc(s->markings, (size_t)room * s->net.words * sizeof *markings);
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
    memcpy(s->markings + (size_t)index * s->net.words, marking, s->net.words * sizeof *marking);
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
    const char *text = qf_arena_text(&s->net.arena, qf_buf_slice(&buf));
    qf_buf_deinit(&buf);
    return text;
}

static void tell_sync(struct search *s, uint32_t state, uint16_t node, uint32_t place)
{
    s->out->sound = false;
    if (s->told_sync)
        return;
    s->told_sync = true;
    struct qf_slice to = node_at(s, s->net.places[place].target)->id;
    qf_bpmn_report(s->model, QF_BPMN_WRONG, node_at(s, s->net.places[place].target)->xml,
                   "missing synchronisation: a second token comes to %.*s from %.*s; path: %s",
                   (int)(to.size > 60 ? 60 : to.size), (const char *)to.data,
                   (int)(node_at(s, node)->id.size > 60 ? 60 : node_at(s, node)->id.size),
                   (const char *)node_at(s, node)->id.data, path_to(s, state));
}

/* Fires one option of a node from a state whose marking without the consumed tokens is `base`. */
static void apply(struct search *s, uint32_t state, const uint64_t *base,
                  const struct qf_bpmn_option *option)
{
    uint64_t marking[QF_BPMN_MARKING_WORDS_MAX] = {0};
    memcpy(marking, base, s->net.words * sizeof *marking);
    if (option->clears)
        memset(marking, 0, s->net.words * sizeof *marking);
    for (uint32_t i = 0; i < option->count; i++) {
        if (qf_bpmn_bit_at(marking, option->marks[i])) {
            tell_sync(s, state, option->node, option->marks[i]);
            return;
        }
        qf_bpmn_bit_set(marking, option->marks[i]);
    }
    bool fresh = false;
    uint32_t to = add_state(s, marking, state, option->node, &fresh);
    if (to != NO_STATE)
        add_edge(s, state, to);
}

/* Fires a join from all its marked places; false when it is not enabled. */
static bool fire_join(struct search *s, uint32_t state, uint16_t node)
{
    const struct qf_bpmn_node *n = node_at(s, node);
    uint64_t base[QF_BPMN_MARKING_WORDS_MAX] = {0};
    memcpy(base, s->markings + (size_t)state * s->net.words, s->net.words * sizeof *base);
    uint32_t marked = 0;
    for (uint16_t in = n->first_in; in != QF_BPMN_NONE; in = s->model->flows[in].next_in) {
        uint32_t place = s->net.place_of_flow[in];
        if (place != QF_BPMN_NO_PLACE && qf_bpmn_bit_at(base, place)) {
            marked++;
            qf_bpmn_bit_clear(base, place);
        }
    }
    if (marked == 0 || (qf_bpmn_joins_all(n) && marked < n->in_count))
        return false;
    if (qf_bpmn_joins_some(n) &&
        qf_bpmn_net_or_waits(&s->net, node, s->markings + (size_t)state * s->net.words, &s->work))
        return false;
    s->executed[node] = true;
    for (const struct qf_bpmn_option *option = s->net.options[node]; option != NULL;
         option = option->next)
        apply(s, state, base, option);
    return true;
}

static bool fire_simple(struct search *s, uint32_t state, uint32_t place)
{
    uint64_t base[QF_BPMN_MARKING_WORDS_MAX] = {0};
    uint16_t node = s->net.places[place].target;
    memcpy(base, s->markings + (size_t)state * s->net.words, s->net.words * sizeof *base);
    qf_bpmn_bit_clear(base, place);
    s->executed[node] = true;
    for (const struct qf_bpmn_option *option = s->net.options[node]; option != NULL;
         option = option->next) {
        s->executed[option->node] = true;
        apply(s, state, base, option);
    }
    return true;
}

static void tell_deadlock(struct search *s, uint32_t state)
{
    const uint64_t *marking = s->markings + (size_t)state * s->net.words;
    s->out->sound = false;
    if (s->told_deadlock)
        return;
    s->told_deadlock = true;
    for (uint32_t place = 0; place < s->net.place_count; place++)
        if (qf_bpmn_bit_at(marking, place)) {
            const struct qf_bpmn_node *node = node_at(s, s->net.places[place].target);
            qf_bpmn_report(s->model, QF_BPMN_WRONG, node->xml,
                           "deadlock: a token waits at %.*s for ever; path: %s",
                           (int)(node->id.size > 60 ? 60 : node->id.size),
                           (const char *)node->id.data, path_to(s, state));
            return;
        }
}

static bool is_empty(const struct search *s, uint32_t state)
{
    for (uint32_t i = 0; i < s->net.words; i++)
        if (s->markings[(size_t)state * s->net.words + i] != 0)
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
        for (uint32_t place = 0; place < s->net.place_count; place++) {
            uint16_t node = s->net.places[place].target;
            const struct qf_bpmn_node *n = node_at(s, node);
            if (!qf_bpmn_bit_at(s->markings + (size_t)state * s->net.words, place) ||
                qf_bpmn_joins_some(n) != (late == 1))
                continue;
            bool join = qf_bpmn_joins_all(n) || qf_bpmn_joins_some(n);
            if (join && s->looked_at[node] == state + 1)
                continue;
            s->looked_at[node] = state + 1;
            bool can = join ? fire_join(s, state, node) : fire_simple(s, state, place);
            fired = fired || can;
            if (can && s->reduced)
                return;
        }
    }
    s->work += s->net.place_count;
    if (s->work > WORK_MAX)
        s->overflow = true;
    if (!fired)
        tell_deadlock(s, state);
}

/* --- the whole --- */

static void add_starts(struct search *s, bool adhoc)
{
    uint64_t marking[QF_BPMN_MARKING_WORDS_MAX];
    bool fresh = false, started = false;
    for (uint32_t i = 0; i < s->net.node_count; i++) {
        uint32_t entry = s->net.entry_of_node[s->net.nodes[i]];
        if (entry == QF_BPMN_NO_PLACE ||
            (node_at(s, s->net.nodes[i])->kind != QF_BPMN_START && !adhoc))
            continue;
        memset(marking, 0, sizeof marking);
        qf_bpmn_bit_set(marking, entry);
        started = true;
        (void)add_state(s, marking, NO_STATE, QF_BPMN_NONE, &fresh);
    }
    if (started)
        return;
    memset(marking, 0, sizeof marking);
    for (uint32_t i = 0; i < s->net.node_count; i++)
        if (s->net.entry_of_node[s->net.nodes[i]] != QF_BPMN_NO_PLACE)
            qf_bpmn_bit_set(marking, s->net.entry_of_node[s->net.nodes[i]]);
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
    for (uint32_t i = 0; i < s->net.node_count; i++) {
        const struct qf_bpmn_node *n = node_at(s, s->net.nodes[i]);
        if (s->executed[s->net.nodes[i]])
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
    qf_bpmn_net_init(&s.net, model, process, container);
    if (s.net.place_count < 16 && s.states_max > (uint32_t)1 << s.net.place_count)
        s.states_max = (uint32_t)1 << s.net.place_count;
    s.table_size = s.states_max * 2 + 1;
    s.executed = QF_ARENA_ARRAY(&s.net.arena, bool, model->node_count);
    s.looked_at = QF_ARENA_ARRAY(&s.net.arena, uint32_t, model->node_count);
    s.table = calloc(s.table_size, sizeof *s.table);
    QF_ASSERT(s.table != NULL);
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
    qf_bpmn_net_deinit(&s.net);
}
