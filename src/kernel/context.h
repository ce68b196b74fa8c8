/* What the apply function of an op works with. It may read the state, put records, and leave index
 * terms and events; it decides nothing about authority and nothing about undoing. */
#ifndef QF_KERNEL_CONTEXT_H
#define QF_KERNEL_CONTEXT_H

#include "kernel/events.h"
#include "kernel/ops.h"
#include "kernel/overlay.h"
#include "kernel/record.h"
#include "kernel/signer.h"

/* Terms and events of the transaction at hand; kept by the kernel and reused. */
struct qf_effects {
    struct qf_kernel_term *terms;
    size_t term_count, term_capacity;
    struct qf_kernel_event *events;
    size_t event_count, event_capacity;
    uint32_t effect_count; /* of the op at hand, or of time */
};

/* Counts what can make a parsed signer stale. */
struct qf_identity_watch {
    uint64_t version; /* differs whenever a record that a signer was read from has changed */
    bool touched;     /* an identity record was put in this block */
};

struct qf_services;

/* A service that performs an op. Whoever has brought it to do so has signed for something else. */
struct qf_op_performer {
    struct qf_slice service, version;
    struct qf_slice case_id;
    struct qf_slice node;               /* element of the process */
    const struct qf_json *capabilities; /* that the members have approved; an array of texts */
};

struct qf_op_context {
    struct qf_overlay *overlay;
    struct qf_state_reader state; /* the overlay, as a reader */
    struct qf_arena *arena;       /* the block's */
    struct qf_buf *text;          /* for encoding one record at a time */
    struct qf_effects *effects;
    struct qf_identity_watch *watch;
    struct qf_services *services;
    enum qf_suite suite;
    int64_t time_ms;
    uint64_t leaf;                  /* of the transaction; of what time does, the block's first */
    uint32_t op;                    /* index of the op in it */
    const struct qf_signer *signer; /* NULL in genesis, and where time acts */
    struct qf_slice member;         /* that is acted for: the signer's, or by mandate another */
    const struct qf_op_performer *performer; /* NULL: the signer acts, and no service */
};

static inline int64_t qf_context_time_s(const struct qf_op_context *ctx)
{
    return ctx->time_ms / 1000;
}

/* The record now, or NULL. */
const struct qf_json *qf_context_get(struct qf_op_context *ctx, const struct qf_state_key *key);
bool qf_context_has(struct qf_op_context *ctx, const struct qf_state_key *key);

/* Puts a record; returns the lasting copy of its key, for events. `insert` requires that the record
 * was absent (no signer can have been read from it), `put` replaces. */
struct qf_slice qf_context_insert(struct qf_op_context *ctx, const struct qf_state_key *key,
                                  const struct qf_json *record);
struct qf_slice qf_context_put(struct qf_op_context *ctx, const struct qf_state_key *key,
                               const struct qf_json *record);

void qf_context_add_term(struct qf_op_context *ctx, const struct qf_kernel_term *term);
void qf_context_add_event(struct qf_op_context *ctx, enum qf_event event, struct qf_slice key);

/* Leaves for subscribers what happened without an op of its own: an object with "type" and what
 * else there is to say, at most QF_EFFECT_SIZE_MAX bytes. It stands with the entry that brought it
 * about (kernel/lookup.h). */
#define QF_EFFECT_SIZE_MAX 1024
void qf_context_add_effect(struct qf_op_context *ctx, const struct qf_json *effect);

/* A record that can be changed member by member with qf_json_put. */
struct qf_json qf_context_copy(struct qf_op_context *ctx, const struct qf_json *record);

#endif
