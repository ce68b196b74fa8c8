#include "kernel/identity/identity.h"

static const struct qf_json *find_mandate(struct qf_op_context *ctx, struct qf_slice id,
                                          const char *name, struct qf_state_key *at,
                                          struct qf_error *err)
{
    qf_state_key_make(at, QF_STATE_MANDATE, id);
    const struct qf_json *record = qf_context_get(ctx, at);
    if (record == NULL)
        (void)qf_fail(err, QF_NOT_FOUND, name, "there is no mandate of this id");
    return record;
}

/* Who gave it and who holds it: the giver's admin and the holder himself may end it. */
enum qf_status qf_identity_target_mandate(struct qf_op_context *ctx, const struct qf_json *body,
                                          struct qf_op_target *out, struct qf_error *err)
{
    struct qf_state_key at;
    const struct qf_json *record =
        find_mandate(ctx, qf_json_text(qf_json_get(body, "mandate")), "mandate", &at, err);
    if (record == NULL)
        return QF_NOT_FOUND;
    struct qf_slice holder_member = qf_record_text(record, "to_member");
    struct qf_slice holder = qf_record_text(record, "to_actor");
    bool is_holder = qf_slice_equal(holder_member, qf_signer_member(ctx->signer)) &&
                     qf_slice_equal(holder, qf_signer_actor(ctx->signer));
    out->member = is_holder ? holder_member : qf_record_text(record, "member");
    /* The giver may have an actor of the same name, who has no say in it. */
    if (is_holder)
        out->actor = holder;
    return QF_OK;
}

static bool is_op_or_module(struct qf_slice scope)
{
    for (const struct qf_module *const *module = qf_modules; *module != NULL; module++)
        if (qf_slice_is(scope, (*module)->name))
            return true;
    return qf_op_find(scope) != NULL;
}

enum qf_status qf_identity_mandate_grant(struct qf_op_context *ctx, const struct qf_json *body,
                                         struct qf_error *err)
{
    struct qf_state_key at;
    qf_state_key_make(&at, QF_STATE_MANDATE, qf_json_text(qf_json_get(body, "mandate")));
    if (qf_context_has(ctx, &at))
        return qf_fail(err, QF_EXISTS, "mandate", "this id is taken by an earlier mandate");
    const struct qf_json *until = qf_json_get(body, "until");
    if (until->integer <= qf_context_time_s(ctx))
        return qf_fail(err, QF_BAD_FIELD, "until", "lies before the block's time");
    const struct qf_json *scope = qf_json_get(body, "scope");
    for (uint32_t i = 0; i < scope->count; i++)
        if (!is_op_or_module(qf_json_text(&scope->items[i])))
            return qf_fail(err, QF_BAD_FIELD, "scope", "item %u names no operation and no module",
                           i + 1);
    struct qf_state_key actor_at;
    qf_state_key_make2(&actor_at, QF_STATE_ACTOR, qf_json_text(qf_json_get(body, "to_member")),
                       qf_json_text(qf_json_get(body, "to_actor")));
    if (!qf_context_has(ctx, &actor_at))
        return qf_fail(err, QF_NOT_FOUND, "to_actor", "the member has no such actor");
    struct qf_json record = qf_json_make_object();
    qf_json_put(ctx->arena, &record, "leaf", qf_json_make_int((int64_t)ctx->leaf));
    qf_json_put(ctx->arena, &record, "member", qf_json_make_slice(ctx->member));
    qf_json_put(ctx->arena, &record, "scope", *scope);
    qf_json_put(ctx->arena, &record, "status", qf_json_make_text("active"));
    qf_json_put(ctx->arena, &record, "to_actor", *qf_json_get(body, "to_actor"));
    qf_json_put(ctx->arena, &record, "to_member", *qf_json_get(body, "to_member"));
    qf_json_put(ctx->arena, &record, "until", *until);
    qf_context_add_event(ctx, QF_EVENT_MANDATE_GRANTED, qf_context_insert(ctx, &at, &record));
    return QF_OK;
}

enum qf_status qf_identity_mandate_revoke(struct qf_op_context *ctx, const struct qf_json *body,
                                          struct qf_error *err)
{
    struct qf_state_key at;
    const struct qf_json *record =
        find_mandate(ctx, qf_json_text(qf_json_get(body, "mandate")), "mandate", &at, err);
    QF_ASSERT(record != NULL);
    if (!qf_slice_is(qf_record_text(record, "status"), "active"))
        return qf_fail(err, QF_WRONG_STATE, "mandate", "the mandate is revoked already");
    struct qf_json changed = qf_context_copy(ctx, record);
    qf_json_put(ctx->arena, &changed, "status", qf_json_make_text("revoked"));
    qf_context_add_event(ctx, QF_EVENT_MANDATE_REVOKED, qf_context_put(ctx, &at, &changed));
    return QF_OK;
}

/* "evidence.record" is covered by itself and by "evidence". */
static bool covers(const struct qf_json *scope, const char *op_name)
{
    const char *dot = strchr(op_name, '.');
    QF_ASSERT(dot != NULL);
    return qf_record_has(scope, qf_slice_of(op_name)) ||
           qf_record_has(scope, qf_slice_make(op_name, (size_t)(dot - op_name)));
}

enum qf_status qf_identity_use_mandate(struct qf_op_context *ctx, struct qf_slice mandate,
                                       const char *op_name, struct qf_error *err)
{
    static const char field[] = "on_behalf";
    struct qf_state_key at;
    const struct qf_json *record = find_mandate(ctx, mandate, field, &at, err);
    if (record == NULL)
        return QF_NOT_FOUND;
    if (!qf_slice_equal(qf_record_text(record, "to_member"), qf_signer_member(ctx->signer)) ||
        !qf_slice_equal(qf_record_text(record, "to_actor"), qf_signer_actor(ctx->signer)))
        return qf_fail(err, QF_NOT_ALLOWED, field, "the mandate was given to somebody else");
    if (!qf_slice_is(qf_record_text(record, "status"), "active"))
        return qf_fail(err, QF_WRONG_STATE, field, "the mandate was revoked");
    if (qf_record_int(record, "until") <= qf_context_time_s(ctx))
        return qf_fail(err, QF_WRONG_STATE, field, "the mandate has ended");
    if (!covers(qf_json_get(record, "scope"), op_name))
        return qf_fail(err, QF_NOT_ALLOWED, field, "the mandate does not cover %s", op_name);
    struct qf_state_key member_at;
    struct qf_slice giver = qf_record_text(record, "member");
    qf_state_key_make(&member_at, QF_STATE_MEMBER, giver);
    const struct qf_json *member = qf_context_get(ctx, &member_at);
    QF_ASSERT(member != NULL);
    if (qf_member_status_of(member) != QF_MEMBER_IS_ACTIVE)
        return qf_fail(err, QF_MEMBER_SUSPENDED, field, "member %.*s, which gave it, is %.*s",
                       QF_SLICE_ARGS(giver), QF_SLICE_ARGS(qf_record_text(member, "status")));
    ctx->member = giver;
    return QF_OK;
}
