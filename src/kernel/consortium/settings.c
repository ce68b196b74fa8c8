#include "feel/feel.h"
#include "kernel/consortium/consortium.h"

const struct qf_json *qf_consortium_parameters(struct qf_op_context *ctx)
{
    struct qf_state_key at;
    qf_state_key_make(&at, QF_STATE_PARAMETERS, (struct qf_slice){NULL, 0});
    const struct qf_json *parameters = qf_context_get(ctx, &at);
    QF_ASSERT(parameters != NULL);
    return parameters;
}

static enum qf_status check_validators(struct qf_op_context *ctx, struct qf_error *err)
{
    struct qf_state_key at;
    qf_state_key_make(&at, QF_STATE_VALIDATORS, (struct qf_slice){NULL, 0});
    const struct qf_json *record = qf_context_get(ctx, &at);
    const struct qf_json *list = record == NULL ? NULL : qf_json_get(record, "validators");
    if (list == NULL || list->count == 0)
        return QF_OK;
    for (uint32_t i = 0; i < list->count; i++) {
        const struct qf_json *member =
            qf_consortium_member(ctx, qf_record_text(&list->items[i], "member"));
        if (member != NULL && qf_member_status_of(member) == QF_MEMBER_IS_ACTIVE)
            return QF_OK;
    }
    return qf_fail(err, QF_NO_QUORUM, "", "no validator of an active member would be left");
}

enum qf_status qf_consortium_check_quorum(struct qf_op_context *ctx, struct qf_error *err)
{
    const struct qf_json *parameters = qf_consortium_parameters(ctx);
    if (qf_record_int(parameters, "vote_yes_num") >= qf_record_int(parameters, "vote_yes_den"))
        return qf_fail(err, QF_NO_QUORUM, "vote_yes_num",
                       "no vote could pass: it must be below vote_yes_den");
    struct qf_slice *ids;
    size_t count = qf_consortium_members(ctx, &ids);
    int64_t voters = 0;
    for (size_t i = 0; i < count; i++) {
        const struct qf_json *member = qf_consortium_member(ctx, ids[i]);
        if (qf_member_status_of(member) == QF_MEMBER_IS_ACTIVE &&
            qf_record_int(member, "weight") > 0)
            voters++;
    }
    int64_t wanted = qf_record_int(parameters, "quorum_members");
    if (voters < wanted)
        return qf_fail(err, QF_NO_QUORUM, "",
                       "%lld active members with weight would be left, quorum_members is %lld",
                       (long long)voters, (long long)wanted);
    return check_validators(ctx, err);
}

enum qf_status qf_validators_set(struct qf_op_context *ctx, const struct qf_json *body,
                                 struct qf_error *err)
{
    const struct qf_json *list = qf_json_get(body, "validators");
    for (uint32_t i = 0; i < list->count; i++) {
        const struct qf_json *item = &list->items[i];
        const struct qf_json *member = qf_consortium_member(ctx, qf_record_text(item, "member"));
        enum qf_status status = QF_OK;
        if (member == NULL)
            status = qf_fail(err, QF_NOT_FOUND, "member", "there is no such member");
        else if (qf_member_status_of(member) != QF_MEMBER_IS_ACTIVE)
            status = qf_fail(err, QF_WRONG_STATE, "member", "the member is not active");
        for (uint32_t k = 0; status == QF_OK && k < i; k++)
            if (qf_slice_equal(qf_record_text(item, "key"), qf_record_text(&list->items[k], "key")))
                status = qf_fail(err, QF_BAD_FIELD, "key", "stands in the list twice");
        if (status != QF_OK) {
            qf_error_within(err, "validators[%u]", i);
            return status;
        }
    }
    struct qf_json record = qf_json_make_object();
    qf_json_put(ctx->arena, &record, "validators", *list);
    struct qf_state_key at;
    qf_state_key_make(&at, QF_STATE_VALIDATORS, (struct qf_slice){NULL, 0});
    qf_context_add_event(ctx, QF_EVENT_VALIDATORS_SET, qf_context_put(ctx, &at, &record));
    return QF_OK;
}

enum qf_status qf_parameters_set(struct qf_op_context *ctx, const struct qf_json *body,
                                 struct qf_error *err)
{
    const struct qf_json *zone = qf_json_get(body, "zone");
    int32_t seconds;
    if (zone != NULL && !qf_feel_zone_fixed(qf_json_text(zone), &seconds))
        return qf_fail(err, QF_BAD_FIELD, "zone",
                       "must be a known zone without daylight saving time, such as Asia/Shanghai");
    struct qf_json changed = qf_context_copy(ctx, qf_consortium_parameters(ctx));
    for (size_t i = 0; i < qf_parameter_fields.count; i++) {
        const char *name = qf_parameter_fields.rows[i].name;
        const struct qf_json *value = qf_json_get(body, name);
        if (value != NULL)
            qf_json_put(ctx->arena, &changed, name, *value);
    }
    struct qf_state_key at;
    qf_state_key_make(&at, QF_STATE_PARAMETERS, (struct qf_slice){NULL, 0});
    qf_context_add_event(ctx, QF_EVENT_PARAMETERS_SET, qf_context_put(ctx, &at, &changed));
    return QF_OK;
}

static enum qf_status check_dates(const struct qf_json *body, const char *name,
                                  struct qf_slice year, const struct qf_json *others,
                                  struct qf_error *err)
{
    const struct qf_json *dates = qf_json_get(body, name);
    for (uint32_t i = 0; i < dates->count; i++) {
        struct qf_slice date = qf_json_text(&dates->items[i]);
        enum qf_status status = QF_OK;
        if (!qf_slice_equal(qf_slice_make(date.data, 4), year))
            status = qf_fail(err, QF_BAD_FIELD, "", "is not a day of the year");
        else if (qf_record_has(others, date))
            status = qf_fail(err, QF_BAD_FIELD, "", "is a holiday and a working day at once");
        if (status != QF_OK) {
            qf_error_within(err, "%s[%u]", name, i);
            return status;
        }
    }
    return QF_OK;
}

enum qf_status qf_calendar_set(struct qf_op_context *ctx, const struct qf_json *body,
                               struct qf_error *err)
{
    char *digits =
        qf_arena_printf(ctx->arena, "%lld", (long long)qf_json_get(body, "year")->integer);
    struct qf_slice year = qf_slice_of(digits);
    enum qf_status status = check_dates(body, "holidays", year, NULL, err);
    if (status == QF_OK)
        status = check_dates(body, "workdays", year, qf_json_get(body, "holidays"), err);
    if (status != QF_OK)
        return status;
    struct qf_json record = qf_json_make_object();
    qf_json_put(ctx->arena, &record, "holidays", *qf_json_get(body, "holidays"));
    qf_json_put(ctx->arena, &record, "workdays", *qf_json_get(body, "workdays"));
    struct qf_state_key at;
    qf_state_key_make(&at, QF_STATE_CALENDAR, year);
    qf_context_add_event(ctx, QF_EVENT_CALENDAR_SET, qf_context_put(ctx, &at, &record));
    return QF_OK;
}
