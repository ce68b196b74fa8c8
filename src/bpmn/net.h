/* The flow of tokens within one container of a model (a process or a subprocess), without data: for
 * the search for what is wrong (check.h) and for replaying logs (replay.h).
 *
 * A place is a flow of the container, or the entry of a node that nothing leads to; a marking is a
 * set of places. A node fires from one of its marked places (a parallel join from all of them, an
 * inclusive join from all that are marked, once no other token can come) and marks one of the sets
 * of places that its kind allows, its options. Activities are single steps; their boundary events
 * are options of theirs. Every place has one node that its token can go to, so nodes never compete
 * for tokens. */
#ifndef QF_BPMN_NET_H
#define QF_BPMN_NET_H

#include "bpmn/model.h"

#define QF_BPMN_NO_PLACE UINT32_MAX
#define QF_BPMN_MARKING_WORDS_MAX ((QF_BPMN_ELEMENTS_MAX * 2 + 63) / 64)

struct qf_bpmn_option {
    uint16_t node;   /* the node itself, or a boundary event of it */
    bool clears;     /* terminate or error end: the container is over */
    uint32_t *marks; /* places, `count` of them */
    uint32_t count;
    struct qf_bpmn_option *next;
};

struct qf_bpmn_place {
    uint16_t target;
    uint16_t flow; /* none: entry of the target */
};

struct qf_bpmn_net {
    const struct qf_bpmn_model *model;
    struct qf_arena arena;
    uint16_t *nodes; /* of the container, event subprocesses apart */
    struct qf_bpmn_place *places;
    uint32_t node_count;
    uint32_t place_count;
    uint32_t words; /* of a marking */
    uint32_t *place_of_flow;
    uint32_t *entry_of_node;
    struct qf_bpmn_option **options; /* by node index of the model */
    uint64_t **reaches; /* by node index; of an inclusive join: for each of its flows in, the places
                           from which a token can come there without passing the join */
};

void qf_bpmn_net_init(struct qf_bpmn_net *net, const struct qf_bpmn_model *model, uint16_t process,
                      uint16_t container);
void qf_bpmn_net_deinit(struct qf_bpmn_net *net);

/* Whether a token elsewhere keeps an inclusive join waiting. Adds to *work what was looked at. */
bool qf_bpmn_net_or_waits(const struct qf_bpmn_net *net, uint16_t gateway, const uint64_t *marking,
                          uint64_t *work);

static inline const struct qf_bpmn_node *qf_bpmn_net_node(const struct qf_bpmn_net *net,
                                                          uint16_t index)
{
    return &net->model->nodes[index];
}

static inline bool qf_bpmn_bit_at(const uint64_t *bits, uint32_t at)
{
    return (bits[at / 64] >> (at % 64) & 1) != 0;
}

static inline void qf_bpmn_bit_set(uint64_t *bits, uint32_t at)
{
    bits[at / 64] |= (uint64_t)1 << (at % 64);
}

static inline void qf_bpmn_bit_clear(uint64_t *bits, uint32_t at)
{
    bits[at / 64] &= ~((uint64_t)1 << (at % 64));
}

static inline bool qf_bpmn_joins_all(const struct qf_bpmn_node *node)
{
    return node->kind == QF_BPMN_AND && node->in_count > 1;
}

static inline bool qf_bpmn_joins_some(const struct qf_bpmn_node *node)
{
    return node->kind == QF_BPMN_OR && node->in_count > 1;
}

#endif
