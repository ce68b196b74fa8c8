/* Whether a process may be deployed: form, reachability, expressions and names, and soundness.
 *
 * Everything found goes to the model's list of problems, beside what the import found there. Each
 * container (process, subprocess) is searched on its own, with its activities as single steps: the
 * markings of its flows from each of its starts. Found are: deadlocks, tokens that come twice onto
 * one flow (missing synchronisation), markings from which no end can be reached, nodes that are
 * never executed; each with the path that leads there. The search stops at QF_BPMN_STATES_MAX
 * markings; then a reduced search (one enabled node at a time, which keeps every deadlock) follows,
 * and the verdict says that it is not complete.
 *
 * What data decides is not looked into: every condition may hold or not. */
#ifndef QF_BPMN_CHECK_H
#define QF_BPMN_CHECK_H

#include "bpmn/run.h"

/* What the service declares. A NULL function is not asked. */
struct qf_bpmn_declared {
    bool (*variable)(void *self,
                     struct qf_slice name); /* beside those that the model itself sets */
    bool (*op)(void *self, struct qf_slice name);
    bool (*decision)(void *self, struct qf_slice name);
    bool (*form)(void *self, struct qf_slice name);
    bool (*role)(void *self, struct qf_slice name);
    void *self;
};

struct qf_bpmn_soundness {
    bool sound;      /* nothing wrong was found */
    bool complete;   /* every marking was searched */
    uint32_t states; /* markings searched */
};

/* `states_max` 0: QF_BPMN_STATES_MAX. */
void qf_bpmn_check(const struct qf_bpmn_program *program, struct qf_bpmn_model *model,
                   const struct qf_bpmn_declared *declared, uint32_t states_max,
                   struct qf_bpmn_soundness *out);

/* Soundness of one container alone: a subprocess node, or (node none) a process. Used by
 * qf_bpmn_check. */
void qf_bpmn_check_sound(struct qf_bpmn_model *model, uint16_t process, uint16_t container,
                         uint32_t states_max, struct qf_bpmn_soundness *out);

/* Calls `each` with every variable that the model itself sets (results, outputs, items, counters),
 * possibly more than once. */
void qf_bpmn_names(const struct qf_bpmn_model *model, void (*each)(void *arg, struct qf_slice name),
                   void *arg);

#endif
