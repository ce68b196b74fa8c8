#include "kernel/consortium/consortium.h"
#include "kernel/identity/identity.h"

size_t qf_consortium_members(struct qf_op_context *ctx, struct qf_slice **ids)
{
    const struct qf_slice *keys;
    struct qf_slice prefix = qf_state_kind_prefix(QF_STATE_MEMBER);
    size_t count = qf_overlay_list(ctx->overlay, ctx->arena, prefix, &keys);
    *ids = qf_arena_alloc(ctx->arena, count * sizeof **ids);
    for (size_t i = 0; i < count; i++)
        (*ids)[i] = qf_slice_make(keys[i].data + prefix.size, keys[i].size - prefix.size);
    return count;
}

const struct qf_json *qf_consortium_member(struct qf_op_context *ctx, struct qf_slice id)
{
    struct qf_state_key at;
    qf_state_key_make(&at, QF_STATE_MEMBER, id);
    return qf_context_get(ctx, &at);
}

static void copy_field(struct qf_op_context *ctx, struct qf_json *to, const struct qf_json *from,
                       const char *name)
{
    const struct qf_json *value = qf_json_get(from, name);
    if (value != NULL)
        qf_json_put(ctx->arena, to, name, *value);
}

/* Certificates and keys of a member stand apart from its record, which is read for every signer. */
static void put_trust(struct qf_op_context *ctx, struct qf_slice id, const struct qf_json *from)
{
    struct qf_state_key at;
    qf_state_key_make(&at, QF_STATE_TRUST, id);
    const struct qf_json *old = qf_context_get(ctx, &at);
    struct qf_json record = old != NULL ? qf_context_copy(ctx, old) : qf_json_make_object();
    copy_field(ctx, &record, from, "ca");
    copy_field(ctx, &record, from, "note_keys");
    copy_field(ctx, &record, from, "root_key");
    (void)qf_context_put(ctx, &at, &record);
}

static enum qf_status add_actor(struct qf_op_context *ctx, struct qf_slice member,
                                const struct qf_json *actor, const struct qf_json *roles,
                                struct qf_error *err)
{
    return qf_identity_add_key(ctx, member, qf_json_text(qf_json_get(actor, "actor")),
                               qf_json_get(actor, "key"), roles, err);
}

/* The first actor administers and votes, unless roles say otherwise; he is an admin always. */
static struct qf_json admin_roles(struct qf_op_context *ctx, const struct qf_json *given)
{
    struct qf_json roles = qf_json_make_array();
    qf_json_append(ctx->arena, &roles, qf_json_make_text("admin"));
    if (given == NULL)
        qf_json_append(ctx->arena, &roles, qf_json_make_text("council"));
    for (uint32_t i = 0; given != NULL && i < given->count; i++)
        qf_json_append(ctx->arena, &roles, given->items[i]);
    return roles;
}

static enum qf_status add_actors(struct qf_op_context *ctx, struct qf_slice member,
                                 const struct qf_json *actors, struct qf_error *err)
{
    const struct qf_json none = qf_json_make_array();
    for (uint32_t i = 0; actors != NULL && i < actors->count; i++) {
        const struct qf_json *roles = qf_json_get(&actors->items[i], "roles");
        enum qf_status status =
            add_actor(ctx, member, &actors->items[i], roles != NULL ? roles : &none, err);
        if (status != QF_OK) {
            qf_error_within(err, "actors[%u]", i);
            return status;
        }
    }
    return QF_OK;
}

enum qf_status qf_member_admit(struct qf_op_context *ctx, const struct qf_json *body,
                               struct qf_error *err)
{
    struct qf_slice id = qf_json_text(qf_json_get(body, "id"));
    if (qf_consortium_member(ctx, id) != NULL)
        return qf_fail(err, QF_EXISTS, "id", "there is or was a member of this id");
    struct qf_slice *ids;
    if (qf_consortium_members(ctx, &ids) >= QF_MEMBERS_MAX)
        return qf_fail(err, QF_OVER_LIMIT, "id", "a network has at most %d members",
                       QF_MEMBERS_MAX);
    struct qf_json record = qf_json_make_object();
    copy_field(ctx, &record, body, "kind");
    qf_json_put(ctx->arena, &record, "leaf", qf_json_make_int((int64_t)ctx->leaf));
    copy_field(ctx, &record, body, "name");
    qf_json_put(ctx->arena, &record, "status",
                qf_json_make_text(qf_member_status_names[QF_MEMBER_IS_ACTIVE]));
    copy_field(ctx, &record, body, "weight");
    struct qf_state_key at;
    qf_state_key_make(&at, QF_STATE_MEMBER, id);
    qf_context_add_event(ctx, QF_EVENT_MEMBER_ADMITTED, qf_context_insert(ctx, &at, &record));
    put_trust(ctx, id, body);
    const struct qf_json *admin = qf_json_get(body, "admin");
    struct qf_json roles = admin_roles(ctx, qf_json_get(admin, "roles"));
    enum qf_status status = add_actor(ctx, id, admin, &roles, err);
    if (status != QF_OK) {
        qf_error_within(err, "admin");
        return status;
    }
    return add_actors(ctx, id, qf_json_get(body, "actors"), err);
}

/* The member named by "member" and its key; NULL with QF_NOT_FOUND in err. */
static const struct qf_json *named_member(struct qf_op_context *ctx, const struct qf_json *body,
                                          struct qf_state_key *at, struct qf_error *err)
{
    qf_state_key_make(at, QF_STATE_MEMBER, qf_json_text(qf_json_get(body, "member")));
    const struct qf_json *member = qf_context_get(ctx, at);
    if (member == NULL)
        (void)qf_fail(err, QF_NOT_FOUND, "member", "there is no such member");
    return member;
}

static enum qf_status change_standing(struct qf_op_context *ctx, const struct qf_json *body,
                                      unsigned from, enum qf_member_status to, enum qf_event event,
                                      struct qf_error *err)
{
    struct qf_state_key at;
    const struct qf_json *member = named_member(ctx, body, &at, err);
    if (member == NULL)
        return QF_NOT_FOUND;
    enum qf_member_status now = qf_member_status_of(member);
    if ((from & (1u << now)) == 0)
        return qf_fail(err, QF_WRONG_STATE, "member", "the member %s%s",
                       now == QF_MEMBER_HAS_LEFT ? "has " : "is ", qf_member_status_names[now]);
    struct qf_json changed = qf_context_copy(ctx, member);
    qf_json_put(ctx->arena, &changed, "status", qf_json_make_text(qf_member_status_names[to]));
    qf_context_add_event(ctx, event, qf_context_put(ctx, &at, &changed));
    return QF_OK;
}

enum qf_status qf_member_suspend(struct qf_op_context *ctx, const struct qf_json *body,
                                 struct qf_error *err)
{
    return change_standing(ctx, body, 1u << QF_MEMBER_IS_ACTIVE, QF_MEMBER_IS_SUSPENDED,
                           QF_EVENT_MEMBER_SUSPENDED, err);
}

enum qf_status qf_member_resume(struct qf_op_context *ctx, const struct qf_json *body,
                                struct qf_error *err)
{
    return change_standing(ctx, body, 1u << QF_MEMBER_IS_SUSPENDED, QF_MEMBER_IS_ACTIVE,
                           QF_EVENT_MEMBER_RESUMED, err);
}

enum qf_status qf_member_remove(struct qf_op_context *ctx, const struct qf_json *body,
                                struct qf_error *err)
{
    return change_standing(ctx, body, 1u << QF_MEMBER_IS_ACTIVE | 1u << QF_MEMBER_IS_SUSPENDED,
                           QF_MEMBER_HAS_LEFT, QF_EVENT_MEMBER_REMOVED, err);
}

static const struct qf_json *standing_member(struct qf_op_context *ctx, const struct qf_json *body,
                                             struct qf_state_key *at, enum qf_status *status,
                                             struct qf_error *err)
{
    const struct qf_json *member = named_member(ctx, body, at, err);
    *status = member == NULL ? QF_NOT_FOUND : QF_OK;
    if (member != NULL && qf_member_status_of(member) == QF_MEMBER_HAS_LEFT)
        *status = qf_fail(err, QF_WRONG_STATE, "member", "the member has left");
    return member;
}

enum qf_status qf_member_change(struct qf_op_context *ctx, const struct qf_json *body,
                                struct qf_error *err)
{
    struct qf_state_key at;
    enum qf_status status;
    const struct qf_json *member = standing_member(ctx, body, &at, &status, err);
    if (status != QF_OK)
        return status;
    struct qf_json changed = qf_context_copy(ctx, member);
    copy_field(ctx, &changed, body, "name");
    copy_field(ctx, &changed, body, "weight");
    qf_context_add_event(ctx, QF_EVENT_MEMBER_CHANGED, qf_context_put(ctx, &at, &changed));
    put_trust(ctx, qf_json_text(qf_json_get(body, "member")), body);
    return QF_OK;
}

enum qf_status qf_member_appoint(struct qf_op_context *ctx, const struct qf_json *body,
                                 struct qf_error *err)
{
    struct qf_state_key at;
    enum qf_status status;
    (void)standing_member(ctx, body, &at, &status, err);
    if (status != QF_OK)
        return status;
    struct qf_json roles = admin_roles(ctx, qf_json_get(body, "roles"));
    return add_actor(ctx, qf_json_text(qf_json_get(body, "member")), body, &roles, err);
}
