/* Replaying a log on a model: which events the model allows, and what was chosen at its gateways.
 *
 * A trace is a list of activities in their order; each is matched by name with a task of the
 * process. Between two tasks tokens pass gateways, throwing events and automatic tasks unseen. An
 * event that the model does not allow at its point is unplanned: it moves no token. Found is the
 * replay with the fewest unplanned events (and, among those, one in which the case ends), by a
 * search over the markings that may hold after each event, of which the best QF_REPLAY_BEAM are
 * kept. What data decides is taken as free; an activity within a subprocess is not matched: a
 * subprocess, like an automatic task, is passed unseen.
 *
 * The choices are given per event as the ids of flows that the completion of its task must name
 * (struct qf_bpmn_answer), so that the case can be executed by the interpreter. A replayer is
 * read-only once made; each call uses its own memory. */
#ifndef QF_BPMN_REPLAY_H
#define QF_BPMN_REPLAY_H

#include "bpmn/model.h"

struct qf_bpmn_replayer;

/* For the main process of a model, which must outlive it. Never NULL. */
struct qf_bpmn_replayer *qf_bpmn_replayer_new(const struct qf_bpmn_model *model);
void qf_bpmn_replayer_free(struct qf_bpmn_replayer *replayer); /* takes NULL */

struct qf_bpmn_replayed {
    uint16_t node;                /* task that the event completes, or none: unplanned */
    const struct qf_slice *flows; /* what its completion chooses, in order */
    uint32_t flow_count;
};

struct qf_bpmn_replay {
    struct qf_bpmn_replayed open;    /* choices when the case is opened; node is none */
    struct qf_bpmn_replayed *events; /* one for each activity given */
    uint32_t event_count;
    uint32_t unplanned;
    bool ended; /* after the last event the case can be over; otherwise tasks stay open */
};

/* QF_OVER_LIMIT for a longer trace. The result is in `arena`; it conforms when unplanned is 0 and
 * ended holds. */
QF_MUST_CHECK enum qf_status qf_bpmn_replay(const struct qf_bpmn_replayer *replayer,
                                            struct qf_arena *arena, struct qf_bpmn_replay *out,
                                            const struct qf_slice *activities, uint32_t count,
                                            struct qf_error *err);

#endif
