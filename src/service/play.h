/* Plays the scenarios of a service folder (spec/service.md) on a network in memory: the kernel that
 * nodes run, with its signatures, votes, timers and calendar, and a clock that moves when a step
 * says so. The same folder always gives the same report. */
#ifndef QF_SERVICE_PLAY_H
#define QF_SERVICE_PLAY_H

#include "service/folder.h"

struct qf_play_step {
    const char *scenario;
    uint32_t number; /* from 1, within the scenario */
    uint32_t line;   /* of scenario.yaml */
    const char *what;
    bool good;
    const char *detail; /* what went otherwise than told; "" when good */
};
/* Told of every step in its order; a scenario ends at the first that goes otherwise than told. */
typedef void qf_play_fn(void *arg, const struct qf_play_step *step);

struct qf_play_count {
    uint32_t scenarios, steps, failed;
};

/* Plays them all, or the one of the name `only` (may be NULL). The folder was inspected and has no
 * errors. QF_OK also when steps went otherwise: *count says; QF_NOT_FOUND, QF_BAD_FIELD with a line
 * when there is nothing to play or the common part is wrong. */
QF_MUST_CHECK enum qf_status qf_play(struct qf_folder *folder, const char *only,
                                     struct qf_play_count *count, qf_play_fn *told, void *arg,
                                     struct qf_error *err);

#endif
