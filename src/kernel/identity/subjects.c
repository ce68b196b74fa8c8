#include "kernel/identity/identity.h"

static const struct qf_json *find_subject(struct qf_op_context *ctx, const struct qf_json *body,
                                          const char *name, struct qf_state_key *at,
                                          struct qf_error *err)
{
    qf_state_key_make(at, QF_STATE_SUBJECT, qf_json_text(qf_json_get(body, name)));
    const struct qf_json *record = qf_context_get(ctx, at);
    if (record == NULL)
        (void)qf_fail(err, QF_NOT_FOUND, name, "no subject is registered under this pseudonym");
    return record;
}

enum qf_status qf_identity_target_subject(struct qf_op_context *ctx, const struct qf_json *body,
                                          struct qf_op_target *out, struct qf_error *err)
{
    struct qf_state_key at;
    const struct qf_json *record = find_subject(ctx, body, "subject", &at, err);
    if (record == NULL)
        return QF_NOT_FOUND;
    out->member = qf_record_text(record, "member");
    return QF_OK;
}

enum qf_status qf_identity_subject_register(struct qf_op_context *ctx, const struct qf_json *body,
                                            struct qf_error *err)
{
    struct qf_state_key at;
    qf_state_key_make(&at, QF_STATE_SUBJECT, qf_json_text(qf_json_get(body, "subject")));
    if (qf_context_has(ctx, &at))
        return qf_fail(err, QF_EXISTS, "subject", "this pseudonym is registered already");
    struct qf_json record = qf_json_make_object();
    const struct qf_json *commitment = qf_json_get(body, "commitment");
    if (commitment != NULL)
        qf_json_put(ctx->arena, &record, "commitment", *commitment);
    qf_json_put(ctx->arena, &record, "leaf", qf_json_make_int((int64_t)ctx->leaf));
    qf_json_put(ctx->arena, &record, "member", qf_json_make_slice(ctx->member));
    qf_json_put(ctx->arena, &record, "status", qf_json_make_text("active"));
    qf_context_add_event(ctx, QF_EVENT_SUBJECT_REGISTERED, qf_context_insert(ctx, &at, &record));
    return QF_OK;
}

static enum qf_status check_active(const struct qf_json *record, const char *name,
                                   struct qf_error *err)
{
    if (qf_slice_is(qf_record_text(record, "status"), "active"))
        return QF_OK;
    return qf_fail(err, QF_WRONG_STATE, name, "the subject was merged into another");
}

enum qf_status qf_identity_subject_merge(struct qf_op_context *ctx, const struct qf_json *body,
                                         struct qf_error *err)
{
    struct qf_state_key at, into_at;
    const struct qf_json *from = find_subject(ctx, body, "subject", &at, err);
    QF_ASSERT(from != NULL);
    const struct qf_json *into = find_subject(ctx, body, "into", &into_at, err);
    if (into == NULL)
        return QF_NOT_FOUND;
    if (qf_slice_equal(qf_state_key_slice(&at), qf_state_key_slice(&into_at)))
        return qf_fail(err, QF_BAD_FIELD, "into", "is the same subject");
    enum qf_status status = check_active(from, "subject", err);
    /* Merging only into what is not merged keeps chains free of circles. */
    if (status == QF_OK)
        status = check_active(into, "into", err);
    if (status != QF_OK)
        return status;
    struct qf_json changed = qf_context_copy(ctx, from);
    qf_json_put(ctx->arena, &changed, "into", *qf_json_get(body, "into"));
    qf_json_put(ctx->arena, &changed, "status", qf_json_make_text("merged"));
    qf_context_add_event(ctx, QF_EVENT_SUBJECT_MERGED, qf_context_put(ctx, &at, &changed));
    return QF_OK;
}
