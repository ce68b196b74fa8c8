/* Within the import of a model only: what model.c and model_parts.c share. */
#ifndef QF_BPMN_MODEL_INTERNAL_H
#define QF_BPMN_MODEL_INTERNAL_H

#include "bpmn/model.h"

/* What an id names; sorted by id for look-up. */
struct bpmn_ref {
    struct qf_slice id;
    uint16_t index;
};

struct bpmn_import {
    struct qf_bpmn_model *model;
    struct qf_arena *arena;
    struct bpmn_ref *node_refs;
    struct bpmn_ref *flow_refs;
    uint16_t flow_ref_count;
    struct qf_error *err;
};

uint16_t qf_bpmn_ref_find(const struct bpmn_ref *refs, uint16_t count, struct qf_slice id);

/* The part of a QName after its prefix. */
struct qf_slice qf_bpmn_local(struct qf_slice name);

/* Event definitions, loops, scripts and the like of one node, and its extension elements. */
void qf_bpmn_read_parts(struct bpmn_import *in, struct qf_bpmn_node *node);
/* Once all nodes are known: references from extension elements to other nodes. */
void qf_bpmn_resolve_parts(struct bpmn_import *in, struct qf_bpmn_node *node);

/* Content of an expression element; false when its language is none of ours (reported). */
bool qf_bpmn_read_formula(struct bpmn_import *in, struct qf_bpmn_formula *out,
                          const struct qf_xml_node *xml);

#endif
