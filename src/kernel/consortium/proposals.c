#include "kernel/consortium/consortium.h"

enum qf_status qf_consortium_do(struct qf_op_context *ctx, const struct qf_json *action,
                                struct qf_error *err)
{
    const struct qf_action_row *row = qf_action_find(qf_record_text(action, "do"));
    QF_ASSERT(row != NULL);
    enum qf_status status = row->apply(ctx, action, err);
    if (status == QF_OK)
        status = qf_consortium_check_quorum(ctx, err);
    if (status != QF_OK)
        qf_error_within(err, "action");
    return status;
}

/* What cannot be done now is not put to the vote: the action is tried and taken back. */
static enum qf_status try_action(struct qf_op_context *ctx, const struct qf_json *action,
                                 struct qf_error *err)
{
    size_t mark = qf_overlay_mark(ctx->overlay);
    size_t terms = ctx->effects->term_count;
    size_t events = ctx->effects->event_count;
    enum qf_status status = qf_consortium_do(ctx, action, err);
    qf_overlay_rollback(ctx->overlay, mark);
    ctx->watch->version++;
    ctx->effects->term_count = terms;
    ctx->effects->event_count = events;
    return status;
}

enum qf_status qf_consortium_propose(struct qf_op_context *ctx, const struct qf_json *body,
                                     struct qf_error *err)
{
    struct qf_state_key at;
    qf_state_key_make(&at, QF_STATE_PROPOSAL, qf_json_text(qf_json_get(body, "proposal")));
    if (qf_context_has(ctx, &at))
        return qf_fail(err, QF_EXISTS, "proposal", "this id is taken by an earlier proposal");
    int64_t latest =
        qf_context_time_s(ctx) + qf_record_int(qf_consortium_parameters(ctx), "proposal_ttl_s");
    const struct qf_json *given = qf_json_get(body, "expires");
    if (given != NULL && (given->integer <= qf_context_time_s(ctx) || given->integer > latest))
        return qf_fail(err, QF_BAD_FIELD, "expires",
                       "must lie after the block's time and at most proposal_ttl_s ahead");
    const struct qf_json *action = qf_json_get(body, "action");
    enum qf_status status = try_action(ctx, action, err);
    if (status != QF_OK)
        return status;
    struct qf_json record = qf_json_make_object();
    qf_json_put(ctx->arena, &record, "action", *action);
    qf_json_put(ctx->arena, &record, "actor", qf_json_make_slice(qf_signer_actor(ctx->signer)));
    qf_json_put(ctx->arena, &record, "expires",
                qf_json_make_int(given != NULL ? given->integer : latest));
    qf_json_put(ctx->arena, &record, "leaf", qf_json_make_int((int64_t)ctx->leaf));
    qf_json_put(ctx->arena, &record, "member", qf_json_make_slice(ctx->member));
    qf_json_put(ctx->arena, &record, "no", qf_json_make_array());
    qf_json_put(ctx->arena, &record, "status", qf_json_make_text("open"));
    qf_json_put(ctx->arena, &record, "yes", qf_json_make_array());
    qf_context_add_event(ctx, QF_EVENT_PROPOSED, qf_context_insert(ctx, &at, &record));
    return QF_OK;
}

/* The open, unexpired proposal that is named, or a refusal. */
static enum qf_status open_proposal(struct qf_op_context *ctx, const struct qf_json *body,
                                    struct qf_state_key *at, const struct qf_json **out,
                                    struct qf_error *err)
{
    qf_state_key_make(at, QF_STATE_PROPOSAL, qf_json_text(qf_json_get(body, "proposal")));
    *out = qf_context_get(ctx, at);
    if (*out == NULL)
        return qf_fail(err, QF_NOT_FOUND, "proposal", "there is no such proposal");
    struct qf_slice now = qf_record_text(*out, "status");
    if (!qf_slice_is(now, "open"))
        return qf_fail(err, QF_WRONG_STATE, "proposal", "the proposal is %.*s", QF_SLICE_ARGS(now));
    if (qf_record_int(*out, "expires") <= qf_context_time_s(ctx))
        return qf_fail(err, QF_WRONG_STATE, "proposal", "the proposal has expired");
    return QF_OK;
}

enum qf_status qf_consortium_target_proposal(struct qf_op_context *ctx, const struct qf_json *body,
                                             struct qf_op_target *out, struct qf_error *err)
{
    struct qf_state_key at;
    qf_state_key_make(&at, QF_STATE_PROPOSAL, qf_json_text(qf_json_get(body, "proposal")));
    const struct qf_json *proposal = qf_context_get(ctx, &at);
    if (proposal == NULL)
        return qf_fail(err, QF_NOT_FOUND, "proposal", "there is no such proposal");
    out->member = qf_record_text(proposal, "member");
    return QF_OK;
}

enum qf_status qf_consortium_withdraw(struct qf_op_context *ctx, const struct qf_json *body,
                                      struct qf_error *err)
{
    struct qf_state_key at;
    const struct qf_json *proposal;
    enum qf_status status = open_proposal(ctx, body, &at, &proposal, err);
    if (status != QF_OK)
        return status;
    struct qf_json changed = qf_context_copy(ctx, proposal);
    qf_json_put(ctx->arena, &changed, "status", qf_json_make_text("withdrawn"));
    qf_context_add_event(ctx, QF_EVENT_WITHDRAWN, qf_context_put(ctx, &at, &changed));
    return QF_OK;
}

/* Weights of the members in `votes` that are active. Sums stay far below 2^63: at most
 * QF_MEMBERS_MAX members of QF_MEMBER_WEIGHT_MAX. */
static int64_t weight_of(struct qf_op_context *ctx, const struct qf_json *votes)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < votes->count; i++) {
        const struct qf_json *member = qf_consortium_member(ctx, qf_json_text(&votes->items[i]));
        QF_ASSERT(member != NULL);
        if (qf_member_status_of(member) == QF_MEMBER_IS_ACTIVE)
            sum += qf_record_int(member, "weight");
    }
    return sum;
}

static const char *outcome(struct qf_op_context *ctx, const struct qf_json *proposal)
{
    const struct qf_json *parameters = qf_consortium_parameters(ctx);
    int64_t num = qf_record_int(parameters, "vote_yes_num");
    int64_t den = qf_record_int(parameters, "vote_yes_den");
    struct qf_slice *ids;
    size_t count = qf_consortium_members(ctx, &ids);
    struct qf_json all = qf_json_make_array();
    for (size_t i = 0; i < count; i++)
        qf_json_append(ctx->arena, &all, qf_json_make_slice(ids[i]));
    int64_t total = weight_of(ctx, &all);
    if (weight_of(ctx, qf_json_get(proposal, "yes")) * den > num * total)
        return "passed";
    if ((total - weight_of(ctx, qf_json_get(proposal, "no"))) * den <= num * total)
        return "rejected";
    return "open";
}

static enum qf_status add_vote(struct qf_op_context *ctx, struct qf_json *proposal, bool yes,
                               struct qf_error *err)
{
    static const char *const names[] = {"no", "yes"};
    for (size_t i = 0; i < 2; i++)
        if (qf_record_has(qf_json_get(proposal, names[i]), ctx->member))
            return qf_fail(err, QF_WRONG_STATE, "proposal", "member %.*s has voted %s already",
                           QF_SLICE_ARGS(ctx->member), names[i]);
    struct qf_json votes = qf_json_make_array();
    const struct qf_json *before = qf_json_get(proposal, names[yes]);
    for (uint32_t i = 0; i < before->count; i++)
        qf_json_append(ctx->arena, &votes, before->items[i]);
    qf_json_append(ctx->arena, &votes, qf_json_make_slice(ctx->member));
    qf_json_put(ctx->arena, proposal, names[yes], votes);
    return QF_OK;
}

enum qf_status qf_consortium_vote(struct qf_op_context *ctx, const struct qf_json *body,
                                  struct qf_error *err)
{
    struct qf_state_key at;
    const struct qf_json *proposal;
    enum qf_status status = open_proposal(ctx, body, &at, &proposal, err);
    if (status != QF_OK)
        return status;
    if (qf_record_int(qf_consortium_member(ctx, ctx->member), "weight") == 0)
        return qf_fail(err, QF_WRONG_STATE, "proposal", "member %.*s has no weight in votes",
                       QF_SLICE_ARGS(ctx->member));
    struct qf_json changed = qf_context_copy(ctx, proposal);
    status = add_vote(ctx, &changed, qf_json_is_text(qf_json_get(body, "choice"), "yes"), err);
    if (status != QF_OK)
        return status;
    const char *result = outcome(ctx, &changed);
    qf_json_put(ctx->arena, &changed, "status", qf_json_make_text(result));
    bool passed = strcmp(result, "passed") == 0;
    if (passed)
        qf_json_put(ctx->arena, &changed, "passed", qf_json_make_int((int64_t)ctx->leaf));
    struct qf_slice stored = qf_context_put(ctx, &at, &changed);
    qf_context_add_event(ctx, QF_EVENT_VOTED, stored);
    if (strcmp(result, "rejected") == 0)
        qf_context_add_event(ctx, QF_EVENT_REJECTED, stored);
    if (!passed)
        return QF_OK;
    qf_context_add_event(ctx, QF_EVENT_PASSED, stored);
    return qf_consortium_do(ctx, qf_json_get(&changed, "action"), err);
}
