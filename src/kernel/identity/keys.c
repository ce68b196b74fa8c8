#include "codec/text.h"
#include "kernel/identity/identity.h"

/* The union of two arrays of texts in ascending order, so that the record does not depend on the
 * order in which roles were given. */
static struct qf_json merge_roles(struct qf_op_context *ctx, const struct qf_json *have,
                                  const struct qf_json *more)
{
    const struct qf_json *lists[2] = {have, more};
    struct qf_slice sorted[2 * QF_ROLES_MAX];
    size_t count = 0;
    for (size_t l = 0; l < 2; l++) {
        for (uint32_t i = 0; lists[l] != NULL && i < lists[l]->count; i++) {
            struct qf_slice role = qf_json_text(&lists[l]->items[i]);
            size_t at = 0;
            while (at < count && qf_slice_compare(sorted[at], role) < 0)
                at++;
            if (at < count && qf_slice_equal(sorted[at], role))
                continue;
            QF_ASSERT(count < sizeof sorted / sizeof sorted[0]);
            memmove(&sorted[at + 1], &sorted[at], (count - at) * sizeof sorted[0]);
            sorted[at] = role;
            count++;
        }
    }
    struct qf_json out = qf_json_make_array();
    for (size_t i = 0; i < count; i++)
        qf_json_append(ctx->arena, &out, qf_json_make_slice(sorted[i]));
    return out;
}

/* `array` without the texts of `less`. */
static struct qf_json without(struct qf_op_context *ctx, const struct qf_json *array,
                              const struct qf_json *less)
{
    struct qf_json out = qf_json_make_array();
    for (uint32_t i = 0; i < array->count; i++)
        if (!qf_record_has(less, qf_json_text(&array->items[i])))
            qf_json_append(ctx->arena, &out, array->items[i]);
    return out;
}

static struct qf_json array_of(struct qf_op_context *ctx, struct qf_slice text)
{
    struct qf_json out = qf_json_make_array();
    qf_json_append(ctx->arena, &out, qf_json_make_slice(text));
    return out;
}

static enum qf_status insert_key(struct qf_op_context *ctx, struct qf_slice member,
                                 struct qf_slice actor, const struct qf_json *jwk,
                                 struct qf_slice *kid_out, struct qf_error *err)
{
    struct qf_public_key key;
    enum qf_status status = qf_public_key_from_jwk(&key, jwk, err);
    QF_ASSERT(status == QF_OK);
    char *kid = qf_arena_alloc(ctx->arena, QF_KID_SIZE + 1);
    qf_public_key_kid(kid, &key);
    *kid_out = qf_slice_make(kid, QF_KID_SIZE);
    struct qf_state_key at;
    qf_state_key_make(&at, QF_STATE_KEY, *kid_out);
    if (qf_context_has(ctx, &at))
        return qf_fail(err, QF_EXISTS, "key", "this key is on the ledger already");
    char pub[QF_BASE64URL_SIZE(QF_PUBLIC_KEY_SIZE_MAX)];
    struct qf_slice bytes = {key.bytes, key.size};
    qf_base64url_encode(pub, bytes);
    struct qf_json record = qf_json_make_object();
    qf_json_put(ctx->arena, &record, "actor", qf_json_make_slice(actor));
    qf_json_put(ctx->arena, &record, "alg", qf_json_make_text(qf_sig_alg_name(key.alg)));
    qf_json_put(ctx->arena, &record, "leaf", qf_json_make_int((int64_t)ctx->leaf));
    qf_json_put(ctx->arena, &record, "member", qf_json_make_slice(member));
    qf_json_put(ctx->arena, &record, "pub",
                qf_json_make_slice(qf_slice_make(pub, QF_BASE64URL_SIZE(bytes.size))));
    qf_json_put(ctx->arena, &record, "status",
                qf_json_make_text(qf_key_status_names[QF_KEY_IS_ACTIVE]));
    qf_context_add_event(ctx, QF_EVENT_KEY_ADDED, qf_context_insert(ctx, &at, &record));
    return QF_OK;
}

static enum qf_status put_actor(struct qf_op_context *ctx, const struct qf_state_key *at,
                                const struct qf_json *old, struct qf_json keys,
                                struct qf_json roles, struct qf_error *err)
{
    if (keys.count > QF_ACTOR_KEYS_MAX)
        return qf_fail(err, QF_OVER_LIMIT, "key", "an actor has at most %d active keys",
                       QF_ACTOR_KEYS_MAX);
    if (roles.count > QF_ROLES_MAX)
        return qf_fail(err, QF_OVER_LIMIT, "roles", "an actor has at most %d roles", QF_ROLES_MAX);
    struct qf_json record = qf_json_make_object();
    qf_json_put(ctx->arena, &record, "keys", keys);
    qf_json_put(ctx->arena, &record, "leaf",
                old != NULL ? *qf_json_get(old, "leaf") : qf_json_make_int((int64_t)ctx->leaf));
    qf_json_put(ctx->arena, &record, "roles", roles);
    if (old == NULL)
        qf_context_add_event(ctx, QF_EVENT_ACTOR_ADDED, qf_context_insert(ctx, at, &record));
    else
        (void)qf_context_put(ctx, at, &record);
    return QF_OK;
}

enum qf_status qf_identity_add_key(struct qf_op_context *ctx, struct qf_slice member,
                                   struct qf_slice actor, const struct qf_json *key,
                                   const struct qf_json *roles, struct qf_error *err)
{
    struct qf_slice kid;
    enum qf_status status = insert_key(ctx, member, actor, key, &kid, err);
    if (status != QF_OK)
        return status;
    struct qf_state_key at;
    qf_state_key_make2(&at, QF_STATE_ACTOR, member, actor);
    const struct qf_json *old = qf_context_get(ctx, &at);
    struct qf_json keys = qf_json_make_array();
    if (old != NULL)
        keys = without(ctx, qf_json_get(old, "keys"), NULL);
    qf_json_append(ctx->arena, &keys, qf_json_make_slice(kid));
    const struct qf_json *have = old == NULL ? NULL : qf_json_get(old, "roles");
    return put_actor(ctx, &at, old, keys, merge_roles(ctx, have, roles), err);
}

enum qf_status qf_identity_target_actor(struct qf_op_context *ctx, const struct qf_json *body,
                                        struct qf_op_target *out, struct qf_error *err)
{
    (void)err;
    out->member = ctx->member;
    out->actor = qf_json_text(qf_json_get(body, "actor"));
    return QF_OK;
}

/* The key that is named, or without "kid" the one that signs. */
static struct qf_slice named_key(struct qf_op_context *ctx, const struct qf_json *body)
{
    const struct qf_json *kid = qf_json_get(body, "kid");
    return kid != NULL ? qf_json_text(kid) : qf_slice_make(ctx->signer->kid, QF_KID_SIZE);
}

enum qf_status qf_identity_target_key(struct qf_op_context *ctx, const struct qf_json *body,
                                      struct qf_op_target *out, struct qf_error *err)
{
    struct qf_state_key at;
    qf_state_key_make(&at, QF_STATE_KEY, named_key(ctx, body));
    const struct qf_json *record = qf_context_get(ctx, &at);
    if (record == NULL)
        return qf_fail(err, QF_NOT_FOUND, "kid", "no such key is on the ledger");
    out->member = qf_record_text(record, "member");
    out->actor = qf_record_text(record, "actor");
    return QF_OK;
}

enum qf_status qf_identity_key_add(struct qf_op_context *ctx, const struct qf_json *body,
                                   struct qf_error *err)
{
    struct qf_slice actor = qf_json_text(qf_json_get(body, "actor"));
    const struct qf_json *roles = qf_json_get(body, "roles");
    if (roles != NULL && roles->count > 0 && (ctx->signer->roles & QF_ROLE_ADMIN) == 0) {
        /* A further key of one's own must not bring roles along. */
        struct qf_state_key at;
        qf_state_key_make2(&at, QF_STATE_ACTOR, ctx->member, actor);
        const struct qf_json *own = qf_context_get(ctx, &at);
        for (uint32_t i = 0; i < roles->count; i++)
            if (own == NULL ||
                !qf_record_has(qf_json_get(own, "roles"), qf_json_text(&roles->items[i])))
                return qf_fail(err, QF_NOT_ALLOWED, "roles",
                               "only an admin of the member gives roles");
    }
    return qf_identity_add_key(ctx, ctx->member, actor, qf_json_get(body, "key"), roles, err);
}

/* Ends a key: its record says how, the actor's list loses it. `successor` may be empty. */
static enum qf_status end_key(struct qf_op_context *ctx, struct qf_slice kid,
                              enum qf_key_status how, struct qf_slice successor,
                              struct qf_error *err)
{
    struct qf_state_key at;
    qf_state_key_make(&at, QF_STATE_KEY, kid);
    const struct qf_json *record = qf_context_get(ctx, &at);
    QF_ASSERT(record != NULL);
    if (!qf_slice_is(qf_record_text(record, "status"), qf_key_status_names[QF_KEY_IS_ACTIVE]))
        return qf_fail(err, QF_WRONG_STATE, "kid", "the key is %.*s",
                       QF_SLICE_ARGS(qf_record_text(record, "status")));
    struct qf_json changed = qf_context_copy(ctx, record);
    qf_json_put(ctx->arena, &changed, "ended", qf_json_make_int((int64_t)ctx->leaf));
    qf_json_put(ctx->arena, &changed, "status", qf_json_make_text(qf_key_status_names[how]));
    if (successor.size > 0)
        qf_json_put(ctx->arena, &changed, "successor", qf_json_make_slice(successor));
    struct qf_slice stored = qf_context_put(ctx, &at, &changed);
    qf_context_add_event(
        ctx, how == QF_KEY_IS_ROTATED ? QF_EVENT_KEY_ROTATED : QF_EVENT_KEY_REVOKED, stored);

    qf_state_key_make2(&at, QF_STATE_ACTOR, qf_record_text(record, "member"),
                       qf_record_text(record, "actor"));
    const struct qf_json *actor = qf_context_get(ctx, &at);
    QF_ASSERT(actor != NULL);
    struct qf_json ended = array_of(ctx, kid);
    struct qf_json keys = without(ctx, qf_json_get(actor, "keys"), &ended);
    return put_actor(ctx, &at, actor, keys, *qf_json_get(actor, "roles"), err);
}

enum qf_status qf_identity_key_rotate(struct qf_op_context *ctx, const struct qf_json *body,
                                      struct qf_error *err)
{
    struct qf_slice old_kid = named_key(ctx, body);
    struct qf_state_key at;
    qf_state_key_make(&at, QF_STATE_KEY, old_kid);
    const struct qf_json *record = qf_context_get(ctx, &at);
    QF_ASSERT(record != NULL);
    struct qf_slice member = qf_record_text(record, "member");
    struct qf_slice actor = qf_record_text(record, "actor");
    struct qf_slice new_kid;
    enum qf_status status = insert_key(ctx, member, actor, qf_json_get(body, "key"), &new_kid, err);
    if (status == QF_OK)
        status = end_key(ctx, old_kid, QF_KEY_IS_ROTATED, new_kid, err);
    if (status != QF_OK)
        return status;
    qf_state_key_make2(&at, QF_STATE_ACTOR, member, actor);
    const struct qf_json *old = qf_context_get(ctx, &at);
    struct qf_json keys = without(ctx, qf_json_get(old, "keys"), NULL);
    qf_json_append(ctx->arena, &keys, qf_json_make_slice(new_kid));
    return put_actor(ctx, &at, old, keys, *qf_json_get(old, "roles"), err);
}

enum qf_status qf_identity_key_revoke(struct qf_op_context *ctx, const struct qf_json *body,
                                      struct qf_error *err)
{
    struct qf_slice kid = qf_json_text(qf_json_get(body, "kid"));
    struct qf_op_target owner = {0};
    enum qf_status status = qf_identity_target_key(ctx, body, &owner, err);
    if (status != QF_OK)
        return status;
    status = end_key(ctx, kid, QF_KEY_IS_REVOKED, (struct qf_slice){NULL, 0}, err);
    if (status != QF_OK || (ctx->signer->roles & QF_ROLE_ADMIN) == 0 ||
        !qf_slice_equal(owner.actor, qf_signer_actor(ctx->signer)))
        return status;
    struct qf_state_key at;
    qf_state_key_make2(&at, QF_STATE_ACTOR, owner.member, owner.actor);
    const struct qf_json *left = qf_json_get(qf_context_get(ctx, &at), "keys");
    if (left->count == 0)
        return qf_fail(err, QF_WRONG_STATE, "kid",
                       "an admin does not revoke his own last key; rotate it, or let another "
                       "admin revoke it");
    return QF_OK;
}

static const struct qf_json *named_actor(struct qf_op_context *ctx, const struct qf_json *body,
                                         struct qf_state_key *at, struct qf_error *err)
{
    qf_state_key_make2(at, QF_STATE_ACTOR, ctx->member, qf_json_text(qf_json_get(body, "actor")));
    const struct qf_json *actor = qf_context_get(ctx, at);
    if (actor == NULL)
        (void)qf_fail(err, QF_NOT_FOUND, "actor", "the member has no such actor");
    return actor;
}

enum qf_status qf_identity_role_grant(struct qf_op_context *ctx, const struct qf_json *body,
                                      struct qf_error *err)
{
    struct qf_state_key at;
    const struct qf_json *actor = named_actor(ctx, body, &at, err);
    if (actor == NULL)
        return QF_NOT_FOUND;
    struct qf_json roles =
        merge_roles(ctx, qf_json_get(actor, "roles"), qf_json_get(body, "roles"));
    enum qf_status status = put_actor(ctx, &at, actor, *qf_json_get(actor, "keys"), roles, err);
    if (status == QF_OK)
        qf_context_add_event(ctx, QF_EVENT_ROLES_GRANTED,
                             qf_arena_copy(ctx->arena, qf_state_key_slice(&at)));
    return status;
}

enum qf_status qf_identity_role_revoke(struct qf_op_context *ctx, const struct qf_json *body,
                                       struct qf_error *err)
{
    struct qf_state_key at;
    const struct qf_json *actor = named_actor(ctx, body, &at, err);
    if (actor == NULL)
        return QF_NOT_FOUND;
    const struct qf_json *less = qf_json_get(body, "roles");
    if (qf_record_has(less, qf_slice_of("admin")) &&
        qf_slice_equal(qf_json_text(qf_json_get(body, "actor")), qf_signer_actor(ctx->signer)))
        return qf_fail(err, QF_WRONG_STATE, "roles",
                       "an admin does not take this role from himself; let another admin do it");
    for (uint32_t i = 0; i < less->count; i++)
        if (!qf_record_has(qf_json_get(actor, "roles"), qf_json_text(&less->items[i])))
            return qf_fail(err, QF_NOT_FOUND, "roles", "the actor does not have role %.*s",
                           QF_SLICE_ARGS(qf_json_text(&less->items[i])));
    struct qf_json roles = without(ctx, qf_json_get(actor, "roles"), less);
    enum qf_status status = put_actor(ctx, &at, actor, *qf_json_get(actor, "keys"), roles, err);
    if (status == QF_OK)
        qf_context_add_event(ctx, QF_EVENT_ROLES_REVOKED,
                             qf_arena_copy(ctx->arena, qf_state_key_slice(&at)));
    return status;
}
