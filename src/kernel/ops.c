#include "kernel/ops.h"

#include "kernel/consortium/consortium.h"
#include "kernel/context.h"
#include "kernel/evidence/evidence.h"
#include "kernel/identity/identity.h"

const struct qf_module *const qf_modules[] = {&qf_module_consortium, &qf_module_identity,
                                              &qf_module_evidence, NULL};

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

static bool may_holds(const struct qf_may *may, const struct qf_op_context *ctx,
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
    }
    return false;
}

enum qf_status qf_op_authorise(struct qf_op_context *ctx, const struct qf_op_row *row,
                               const struct qf_json *body, struct qf_error *err)
{
    struct qf_op_target target = {0};
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
    return qf_fail(err, QF_NOT_ALLOWED, "", "%s needs %s", row->name, qf_buf_text(ctx->text));
}
