#include "kernel/context.h"

#include <stdlib.h>

#include "kernel/lookup.h"

static const char *const event_names[] = {
#define EVENT_NAME(sym, name, doc) [QF_EVENT_##sym] = (name),
    QF_EVENT_LIST(EVENT_NAME)
#undef EVENT_NAME
};

const char *qf_event_name(enum qf_event event)
{
    QF_ASSERT((unsigned)event < QF_EVENT_COUNT);
    return event_names[event];
}

const struct qf_json *qf_context_get(struct qf_op_context *ctx, const struct qf_state_key *key)
{
    return qf_record_get(&ctx->state, ctx->arena, key);
}

bool qf_context_has(struct qf_op_context *ctx, const struct qf_state_key *key)
{
    struct qf_slice value;
    return qf_overlay_get(ctx->overlay, qf_state_key_slice(key), &value);
}

static struct qf_slice put(struct qf_op_context *ctx, const struct qf_state_key *key,
                           const struct qf_json *record)
{
    qf_buf_reset(ctx->text);
    qf_json_write(ctx->text, record);
    QF_ASSERT(qf_buf_status(ctx->text) == QF_OK);
    if (key->kind == QF_STATE_KEY || key->kind == QF_STATE_ACTOR || key->kind == QF_STATE_MEMBER)
        ctx->watch->touched = true;
    return qf_overlay_put(ctx->overlay, qf_state_key_slice(key), qf_buf_slice(ctx->text),
                          qf_state_kind_listed(key->kind));
}

struct qf_slice qf_context_insert(struct qf_op_context *ctx, const struct qf_state_key *key,
                                  const struct qf_json *record)
{
    return put(ctx, key, record);
}

struct qf_slice qf_context_put(struct qf_op_context *ctx, const struct qf_state_key *key,
                               const struct qf_json *record)
{
    if (key->kind == QF_STATE_KEY || key->kind == QF_STATE_ACTOR || key->kind == QF_STATE_MEMBER)
        ctx->watch->version++;
    return put(ctx, key, record);
}

void qf_context_add_term(struct qf_op_context *ctx, const struct qf_kernel_term *term)
{
    struct qf_effects *effects = ctx->effects;
    if (effects->term_count == effects->term_capacity) {
        effects->term_capacity *= 2;
        effects->terms = realloc(effects->terms, effects->term_capacity * sizeof *effects->terms);
        QF_ASSERT(effects->terms != NULL);
    }
    effects->terms[effects->term_count++] = *term;
}

void qf_context_add_event(struct qf_op_context *ctx, enum qf_event event, struct qf_slice key)
{
    struct qf_effects *effects = ctx->effects;
    if (effects->event_count == effects->event_capacity) {
        effects->event_capacity *= 2;
        effects->events =
            realloc(effects->events, effects->event_capacity * sizeof *effects->events);
        QF_ASSERT(effects->events != NULL);
    }
    effects->events[effects->event_count++] =
        (struct qf_kernel_event){qf_event_name(event), key, ctx->op};
}

void qf_context_add_effect(struct qf_op_context *ctx, const struct qf_json *effect)
{
    struct qf_state_key at;
    qf_lookup_effect_key(&at, ctx->leaf, ctx->signer == NULL ? QF_LOOKUP_OF_TIME : ctx->op,
                         ctx->effects->effect_count++);
    qf_buf_reset(ctx->text);
    qf_json_write(ctx->text, effect);
    QF_ASSERT(qf_buf_status(ctx->text) == QF_OK && ctx->text->size <= QF_EFFECT_SIZE_MAX);
    qf_overlay_put_lookup(ctx->overlay, qf_state_key_slice(&at), qf_buf_slice(ctx->text));
}

struct qf_json qf_context_copy(struct qf_op_context *ctx, const struct qf_json *record)
{
    struct qf_json copy = qf_json_make_object();
    QF_ASSERT(record->type == QF_JSON_OBJECT);
    for (uint32_t i = 0; i < record->count; i++) {
        char *name = qf_arena_text(ctx->arena, record->members[i].key);
        qf_json_put(ctx->arena, &copy, name, record->members[i].value);
    }
    return copy;
}
