/* A network in memory: the kernel over a state in memory, with a clock that is moved by
 * hand. For playing a service without a node; nothing of it lasts, nothing is sent.
 *
 * Every act is a block of its own at the world's time. Letting time pass makes a block at each
 * moment at which something falls due, as a running network would. */
#ifndef QF_SERVICE_WORLD_H
#define QF_SERVICE_WORLD_H

#include "kernel/query.h"

struct qf_world;

/* Founds a network from a genesis document. QF_BAD_FIELD and others with the field. */
QF_MUST_CHECK enum qf_status qf_world_new(struct qf_world **out, const struct qf_json *genesis,
                                          int64_t time_ms, struct qf_error *err);
void qf_world_free(struct qf_world *world); /* takes NULL */

struct qf_state_reader qf_world_reader(struct qf_world *world);
int64_t qf_world_time_ms(const struct qf_world *world);

/* Signs ops (an array) with a key and applies them. QF_OK, or why they were refused; a refused one
 * has changed nothing, which is checked. */
QF_MUST_CHECK enum qf_status qf_world_act(struct qf_world *world, const struct qf_private_key *key,
                                          const struct qf_json *ops, struct qf_error *err);

/* Lets time pass up to `time_ms`, which is not before now. */
void qf_world_advance(struct qf_world *world, int64_t time_ms);

#endif
