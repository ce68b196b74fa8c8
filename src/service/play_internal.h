/* Inside of playing: one scenario at a time. */
#ifndef QF_SERVICE_PLAY_INTERNAL_H
#define QF_SERVICE_PLAY_INTERNAL_H

#include "service/play.h"
#include "service/world.h"

#define QF_PLAY_ACTORS_MAX 320

struct qf_play_actor {
    struct qf_slice name, member; /* name empty: the member's admin */
    struct qf_private_key *key;
};

struct qf_play {
    struct qf_folder *folder;
    struct qf_arena arena; /* of one scenario */
    struct qf_world *world;
    struct qf_play_actor actors[QF_PLAY_ACTORS_MAX];
    size_t actor_count;
    struct qf_json revealed; /* case → field or decision input → {"salt","value"} */
    uint8_t salt[16];
    struct qf_json given; /* data of the case before the last act, and of that act, in clear */
    struct qf_slice last_case;
    uint32_t cases;
    uint32_t line; /* of the step */
};

/* play_found.c: the world of a scenario, with the service deployed. */
QF_MUST_CHECK enum qf_status qf_play_found(struct qf_play *play, const struct qf_json *course,
                                           struct qf_error *err);
void qf_play_end(struct qf_play *play);

/* play_step.c: does one step. QF_OK: as it was told to go; else what is different. */
QF_MUST_CHECK enum qf_status qf_play_step(struct qf_play *play, const struct qf_json *step,
                                          struct qf_error *err);
/* play_expect.c */
QF_MUST_CHECK enum qf_status qf_play_expect(struct qf_play *play, const struct qf_json *expect,
                                            struct qf_error *err);
QF_MUST_CHECK enum qf_status qf_play_decided(struct qf_play *play, const struct qf_json *step,
                                             struct qf_error *err);
/* play_sealed.c: data with sealed values as commitments; and the record of a sealed decision. */
QF_MUST_CHECK enum qf_status qf_play_seal(struct qf_play *play, struct qf_json *data,
                                          struct qf_slice case_id, struct qf_error *err);
QF_MUST_CHECK enum qf_status qf_play_decide(struct qf_play *play, struct qf_json *op,
                                            struct qf_slice case_id, int64_t task,
                                            struct qf_error *err);

/* The case that a step names, or the only one. QF_BAD_FIELD. */
QF_MUST_CHECK enum qf_status qf_play_case(const struct qf_play *play, struct qf_slice *out,
                                          const struct qf_json *step, struct qf_error *err);
const struct qf_json *qf_play_record(struct qf_play *play, struct qf_slice case_id);
char *qf_play_text(struct qf_play *play, const struct qf_json *value);

#endif
