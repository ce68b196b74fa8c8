#include "kernel/ops.h"

#include "kernel/consortium/consortium.h"
#include "kernel/context.h"
#include "kernel/evidence/evidence.h"
#include "kernel/identity/identity.h"
#include "kernel/service/service.h"

#define ROLES_SHOWN_MAX 16 /* a longer list says less */

const struct qf_module *const qf_modules[] = {&qf_module_consortium, &qf_module_identity,
                                              &qf_module_evidence, &qf_module_service, NULL};

const struct qf_op_row *qf_op_find(struct qf_slice name)
{
    for (const struct qf_module *const *module = qf_modules; *module != NULL; module++) {
        size_t prefix = strlen((*module)->name);
        if (name.size <= prefix || name.data[prefix] != '.' ||
            memcmp(name.data, (*module)->name, prefix) != 0)
            continue;
        for (size_t i = 0; i < (*module)->op_count; i++)
            if (qf_slice_is(name, (*module)->ops[i].name))
                return &(*module)->ops[i];
    }
    return NULL;
}

const struct qf_action_row *qf_action_find(struct qf_slice name)
{
    for (const struct qf_module *const *module = qf_modules; *module != NULL; module++)
        for (size_t i = 0; i < (*module)->action_count; i++)
            if (qf_slice_is(name, (*module)->actions[i].name))
                return &(*module)->actions[i];
    return NULL;
}

/* Of the signer's member, for the member that is acted for. */
struct player {
    struct qf_slice actor;
    bool lead;
};

static bool row_holds(const struct qf_json *row, struct qf_op_context *ctx, struct player player)
{
    const struct qf_json *kinds = qf_json_get(row, "kinds");
    const struct qf_json *members = qf_json_get(row, "members");
    const struct qf_json *actor_role = qf_json_get(row, player.lead ? "lead_role" : "actor_role");
    struct qf_state_key at;
    if (members != NULL && !qf_record_has(members, ctx->member))
        return false;
    if (kinds != NULL) {
        qf_state_key_make(&at, QF_STATE_MEMBER, ctx->member);
        const struct qf_json *member = qf_context_get(ctx, &at);
        if (member == NULL || !qf_record_has(kinds, qf_record_text(member, "kind")))
            return false;
    }
    if (actor_role == NULL)
        return !player.lead;
    qf_state_key_make2(&at, QF_STATE_ACTOR, qf_signer_member(ctx->signer), player.actor);
    const struct qf_json *actor = qf_context_get(ctx, &at);
    return actor != NULL && qf_record_has(qf_json_get(actor, "roles"), qf_json_text(actor_role));
}

static bool is_asked(const struct qf_op_target *target, struct qf_slice role)
{
    if (target->any_roles != NULL)
        return qf_record_has(target->any_roles, role);
    return target->roles[0].size == 0 || qf_slice_equal(role, target->roles[0]) ||
           qf_slice_equal(role, target->roles[1]);
}

static bool participates(struct qf_op_context *ctx, const struct qf_op_target *target,
                         struct player player)
{
    QF_ASSERT(target->participants != NULL);
    for (uint32_t i = 0; i < target->participants->count; i++) {
        const struct qf_json *row = &target->participants->items[i];
        if (is_asked(target, qf_record_text(row, "role")) && row_holds(row, ctx, player))
            return true;
    }
    return false;
}

bool qf_op_plays(struct qf_op_context *ctx, const struct qf_op_target *target,
                 struct qf_slice actor)
{
    return participates(ctx, target, (struct player){actor, false});
}

static bool may_holds(const struct qf_may *may, struct qf_op_context *ctx,
                      const struct qf_op_target *target)
{
    if (may->roles != 0 && (may->roles & ctx->signer->roles) == 0)
        return false;
    if (may->kinds != 0 && (may->kinds & (uint32_t)ctx->signer->member_kind) == 0)
        return false;
    switch (may->relation) {
    case QF_TO_NOTHING:
        return true;
    case QF_TO_OWN_MEMBER:
        return qf_slice_equal(target->member, ctx->member);
    case QF_TO_SELF:
        return qf_slice_equal(target->member, qf_signer_member(ctx->signer)) &&
               qf_slice_equal(target->actor, qf_signer_actor(ctx->signer));
    case QF_TO_PARTICIPANT:
    case QF_TO_LEAD:
        return participates(
            ctx, target,
            (struct player){qf_signer_actor(ctx->signer), may->relation == QF_TO_LEAD});
    }
    return false;
}

/* A place that is kept for services. */
static enum qf_status check_place(const struct qf_op_row *row, const struct qf_json *body,
                                  struct qf_error *err)
{
    static const char prefix[] = QF_OP_SERVICE_PREFIX;
    const struct qf_json *id = row->service == NULL ? NULL : qf_json_get(body, row->service->makes);
    if (id == NULL || id->count < sizeof prefix - 1 ||
        memcmp(id->text, prefix, sizeof prefix - 1) != 0)
        return QF_OK;
    return qf_fail(err, QF_NOT_ALLOWED, row->service->makes,
                   "ids that begin with %s are those of what services make", prefix);
}

bool qf_op_is_signers(const char *field)
{
    return strcmp(field, "on_behalf") == 0;
}

enum qf_status qf_op_authorise_service(struct qf_op_context *ctx, const struct qf_op_row *row,
                                       const struct qf_json *body, struct qf_error *err)
{
    const struct qf_op_performer *performer = ctx->performer;
    struct qf_op_target target = {0};
    struct qf_state_key at;
    QF_ASSERT(performer != NULL && row->service != NULL);
    if (!qf_record_has(performer->capabilities, qf_slice_of(row->service->capability)))
        return qf_fail(err, QF_NOT_ALLOWED, "", "%s needs the capability %s of the service",
                       row->name, row->service->capability);
    qf_state_key_make(&at, QF_STATE_MEMBER, ctx->member);
    const struct qf_json *member = qf_context_get(ctx, &at);
    if (member == NULL || qf_member_status_of(member) != QF_MEMBER_IS_ACTIVE)
        return qf_fail(err, QF_MEMBER_SUSPENDED, "",
                       "member %.*s, which answers for the service, is not active",
                       QF_SLICE_ARGS(ctx->member));
    enum qf_status status = row->target == NULL ? QF_OK : row->target(ctx, body, &target, err);
    if (status == QF_OK && row->target != NULL &&
        !qf_slice_equal(target.service, performer->service))
        status = qf_fail(err, QF_NOT_ALLOWED, "", "%s: it was not made by service %.*s", row->name,
                         QF_SLICE_ARGS(performer->service));
    return status;
}

/* Which roles are asked for, what each wants of who plays it, and who does not. */
static void put_roles(struct qf_op_context *ctx, const struct qf_op_target *target)
{
    struct qf_buf *out = ctx->text;
    const char *between = "; asked for is ";
    for (uint32_t i = 0; i < target->participants->count; i++) {
        const struct qf_json *row = &target->participants->items[i];
        const struct qf_json *actor_role = qf_json_get(row, "actor_role");
        const struct qf_json *kinds = qf_json_get(row, "kinds");
        if (!is_asked(target, qf_record_text(row, "role")))
            continue;
        qf_buf_put_text(out, between);
        qf_buf_put_slice(out, qf_record_text(row, "role"));
        between = " or ";
        if (actor_role != NULL) {
            qf_buf_put_text(out, " (actors with the role ");
            qf_buf_put_slice(out, qf_json_text(actor_role));
            qf_buf_put_text(out, ")");
        }
        for (uint32_t k = 0; kinds != NULL && k < kinds->count; k++) {
            qf_buf_put_text(out, k == 0 ? " of an " : " or ");
            qf_buf_put_slice(out, qf_json_text(&kinds->items[k]));
        }
        if (qf_json_get(row, "members") != NULL)
            qf_buf_put_text(out, " of certain members");
    }
    qf_buf_printf(out, "; %.*s/%.*s is not", QF_SLICE_ARGS(qf_signer_member(ctx->signer)),
                  QF_SLICE_ARGS(qf_signer_actor(ctx->signer)));
}

enum qf_status qf_op_authorise(struct qf_op_context *ctx, const struct qf_op_row *row,
                               const struct qf_json *body, struct qf_error *err)
{
    struct qf_op_target target = {0};
    enum qf_status place = check_place(row, body, err);
    if (place != QF_OK)
        return place;
    if (row->target != NULL) {
        enum qf_status status = row->target(ctx, body, &target, err);
        if (status != QF_OK)
            return status;
    }
    for (size_t i = 0; i < row->may_count; i++)
        if (may_holds(&row->may[i], ctx, &target))
            return QF_OK;
    qf_buf_reset(ctx->text);
    qf_op_describe_may(ctx->text, row);
    if (target.participants != NULL && target.participants->count <= ROLES_SHOWN_MAX)
        put_roles(ctx, &target);
    return qf_fail(err, QF_NOT_ALLOWED, "", "%s needs %s", row->name, qf_buf_text(ctx->text));
}
