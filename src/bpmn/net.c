#include "bpmn/net.h"

#define SUBSET_FLOWS_MAX 6 /* of an inclusive split all subsets are tried up to here */

static void find_nodes(struct qf_bpmn_net *s, uint16_t process, uint16_t container)
{
    const struct qf_bpmn_model *model = s->model;
    uint16_t first = container == QF_BPMN_NONE ? model->processes[process].first_child
                                               : model->nodes[container].first_child;
    s->nodes = QF_ARENA_ARRAY(&s->arena, uint16_t, model->node_count);
    for (uint16_t at = first; at != QF_BPMN_NONE; at = model->nodes[at].next_child)
        if (!model->nodes[at].by_event)
            s->nodes[s->node_count++] = at;
}

static void find_places(struct qf_bpmn_net *s)
{
    const struct qf_bpmn_model *model = s->model;
    uint32_t most = (uint32_t)model->flow_count + model->node_count;
    s->places = QF_ARENA_ARRAY(&s->arena, struct qf_bpmn_place, most);
    s->place_of_flow = QF_ARENA_ARRAY(&s->arena, uint32_t, model->flow_count);
    s->entry_of_node = QF_ARENA_ARRAY(&s->arena, uint32_t, model->node_count);
    memset(s->place_of_flow, 0xFF, model->flow_count * sizeof *s->place_of_flow);
    memset(s->entry_of_node, 0xFF, model->node_count * sizeof *s->entry_of_node);
    for (uint32_t i = 0; i < s->node_count; i++) {
        uint16_t node = s->nodes[i];
        for (uint16_t f = model->nodes[node].first_out; f != QF_BPMN_NONE;
             f = model->flows[f].next_out) {
            s->place_of_flow[f] = s->place_count;
            s->places[s->place_count++] = (struct qf_bpmn_place){model->flows[f].target, f};
        }
        if (model->nodes[node].in_count == 0 && model->nodes[node].kind != QF_BPMN_BOUNDARY) {
            s->entry_of_node[node] = s->place_count;
            s->places[s->place_count++] = (struct qf_bpmn_place){node, QF_BPMN_NONE};
        }
    }
    s->words = (s->place_count + 63) / 64;
    if (s->words == 0)
        s->words = 1;
}

static struct qf_bpmn_option *add_option(struct qf_bpmn_net *s, uint16_t node, uint32_t room)
{
    struct qf_bpmn_option *option = QF_ARENA_NEW(&s->arena, struct qf_bpmn_option);
    struct qf_bpmn_option **tail = &s->options[node];
    while (*tail != NULL)
        tail = &(*tail)->next;
    *tail = option;
    option->node = node;
    option->marks = QF_ARENA_ARRAY(&s->arena, uint32_t, room + 1);
    return option;
}

static void mark_flow(const struct qf_bpmn_net *s, struct qf_bpmn_option *option, uint16_t flow)
{
    if (s->place_of_flow[flow] != QF_BPMN_NO_PLACE)
        option->marks[option->count++] = s->place_of_flow[flow];
}

static void mark_all(const struct qf_bpmn_net *s, struct qf_bpmn_option *option, uint16_t node)
{
    uint16_t flow = qf_bpmn_net_node(s, node)->first_out;
    for (; flow != QF_BPMN_NONE; flow = s->model->flows[flow].next_out)
        mark_flow(s, option, flow);
}

/* Every subset of the flows, the empty one apart, each with the flows that are always taken. */
static void subset_options(struct qf_bpmn_net *s, uint16_t node, const uint16_t *flows,
                           uint32_t count, const uint16_t *always, uint32_t always_count)
{
    for (uint32_t subset = 1; subset < (uint32_t)1 << count; subset++) {
        struct qf_bpmn_option *option = add_option(s, node, count + always_count);
        for (uint32_t i = 0; i < always_count; i++)
            mark_flow(s, option, always[i]);
        for (uint32_t i = 0; i < count; i++)
            if ((subset >> i & 1) != 0)
                mark_flow(s, option, flows[i]);
    }
}

/* A split that takes any of its flows. With many flows: each alone, and all together. */
static void inclusive_options(struct qf_bpmn_net *s, uint16_t node, bool conditional_only)
{
    const struct qf_bpmn_node *n = qf_bpmn_net_node(s, node);
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
        struct qf_bpmn_option *none = add_option(s, node, always_count);
        for (uint32_t i = 0; i < always_count; i++)
            mark_flow(s, none, always[i]);
    }
    if (count <= SUBSET_FLOWS_MAX) {
        subset_options(s, node, flows, count, always, always_count);
        return;
    }
    for (uint32_t i = 0; i < count; i++)
        subset_options(s, node, &flows[i], 1, always, always_count);
    struct qf_bpmn_option *all = add_option(s, node, n->out_count);
    mark_all(s, all, node);
}

static void boundary_options(struct qf_bpmn_net *s, uint16_t node)
{
    uint16_t event = qf_bpmn_net_node(s, node)->first_attached;
    for (; event != QF_BPMN_NONE; event = qf_bpmn_net_node(s, event)->next_attached) {
        uint32_t room =
            (uint32_t)qf_bpmn_net_node(s, node)->out_count + qf_bpmn_net_node(s, event)->out_count;
        struct qf_bpmn_option *option = add_option(s, node, room);
        option->node = event;
        if (!qf_bpmn_net_node(s, event)->interrupting)
            mark_all(s, option, node);
        mark_all(s, option, event);
    }
}

static void find_options(struct qf_bpmn_net *s, uint16_t node)
{
    const struct qf_bpmn_node *n = qf_bpmn_net_node(s, node);
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
        struct qf_bpmn_option *option = add_option(s, node, n->out_count);
        mark_all(s, option, node);
        option->clears = n->kind == QF_BPMN_END &&
                         (n->event == QF_BPMN_EVENT_TERMINATE || n->event == QF_BPMN_EVENT_ERROR);
    }
    boundary_options(s, node);
}

/* From which places a token can come to each flow into an inclusive join, without passing it. */
static void find_reach(struct qf_bpmn_net *s, uint16_t gateway)
{
    const struct qf_bpmn_model *model = s->model;
    const struct qf_bpmn_node *g = qf_bpmn_net_node(s, gateway);
    s->reaches[gateway] = QF_ARENA_ARRAY(&s->arena, uint64_t, (size_t)g->in_count * s->words);
    uint16_t *open = QF_ARENA_ARRAY(&s->arena, uint16_t, model->node_count + 1u);
    uint32_t input = 0;
    for (uint16_t in = g->first_in; in != QF_BPMN_NONE; in = model->flows[in].next_in, input++) {
        uint64_t *from = s->reaches[gateway] + (size_t)input * s->words;
        bool *seen = QF_ARENA_ARRAY(&s->arena, bool, model->node_count + 1u);
        uint32_t count = 0;
        open[count++] = model->flows[in].source;
        seen[model->flows[in].source] = true;
        while (count > 0) {
            uint16_t at = open[--count];
            if (at == gateway)
                continue;
            if (s->entry_of_node[at] != QF_BPMN_NO_PLACE)
                qf_bpmn_bit_set(from, s->entry_of_node[at]);
            for (uint16_t f = model->nodes[at].first_in; f != QF_BPMN_NONE;
                 f = model->flows[f].next_in) {
                if (s->place_of_flow[f] != QF_BPMN_NO_PLACE)
                    qf_bpmn_bit_set(from, s->place_of_flow[f]);
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

void qf_bpmn_net_init(struct qf_bpmn_net *s, const struct qf_bpmn_model *model, uint16_t process,
                      uint16_t container)
{
    *s = (struct qf_bpmn_net){.model = model};
    find_nodes(s, process, container);
    find_places(s);
    s->options = QF_ARENA_ARRAY(&s->arena, struct qf_bpmn_option *, model->node_count);
    s->reaches = QF_ARENA_ARRAY(&s->arena, uint64_t *, model->node_count);
    for (uint32_t i = 0; i < s->node_count; i++) {
        find_options(s, s->nodes[i]);
        if (qf_bpmn_joins_some(qf_bpmn_net_node(s, s->nodes[i])))
            find_reach(s, s->nodes[i]);
    }
}

void qf_bpmn_net_deinit(struct qf_bpmn_net *net)
{
    qf_arena_deinit(&net->arena);
    *net = (struct qf_bpmn_net){0};
}

bool qf_bpmn_net_or_waits(const struct qf_bpmn_net *s, uint16_t gateway, const uint64_t *marking,
                          uint64_t *work)
{
    const struct qf_bpmn_node *g = qf_bpmn_net_node(s, gateway);
    const struct qf_bpmn_flow *flows = s->model->flows;
    *work += s->place_count;
    for (uint32_t place = 0; place < s->place_count; place++) {
        bool empty = false, full = false;
        uint32_t input = 0;
        if (!qf_bpmn_bit_at(marking, place) || s->places[place].target == gateway)
            continue;
        *work += g->in_count;
        for (uint16_t in = g->first_in; in != QF_BPMN_NONE; in = flows[in].next_in, input++) {
            if (!qf_bpmn_bit_at(s->reaches[gateway] + (size_t)input * s->words, place))
                continue;
            uint32_t at = s->place_of_flow[in];
            *(at != QF_BPMN_NO_PLACE && qf_bpmn_bit_at(marking, at) ? &full : &empty) = true;
        }
        if (empty && !full)
            return true;
    }
    return false;
}
