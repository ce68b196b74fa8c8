#include "codec/text.h"
#include "kernel/consortium/consortium.h"

enum qf_status qf_genesis_rules(struct qf_tx_rules *out, const struct qf_json *genesis,
                                struct qf_error *err)
{
    struct qf_slice suite;
    enum qf_status status = qf_json_get_text(genesis, "network", &out->network, err);
    if (status == QF_OK)
        status = qf_json_get_text(genesis, "suite", &suite, err);
    if (status != QF_OK)
        return status;
    if (!qf_id_valid(out->network))
        return qf_fail(err, QF_BAD_FIELD, "network", "must be %s", qf_field_type_text(QF_FIELD_ID));
    if (!qf_suite_parse(&out->suite, suite))
        return qf_fail(err, QF_BAD_FIELD, "suite", "must be intl or gm");
    return QF_OK;
}

static void put_network(struct qf_op_context *ctx, const struct qf_json *genesis)
{
    qf_buf_reset(ctx->text);
    qf_json_write(ctx->text, genesis);
    QF_ASSERT(qf_buf_status(ctx->text) == QF_OK);
    uint8_t hash[QF_HASH_SIZE];
    qf_hash(qf_suite_hash(ctx->suite), hash, qf_buf_slice(ctx->text));
    char hex[2 * QF_HASH_SIZE];
    qf_hex_encode(hex, qf_slice_make(hash, sizeof hash));
    struct qf_json record = qf_json_make_object();
    qf_json_put(ctx->arena, &record, "genesis", qf_json_make_slice(qf_slice_make(hex, sizeof hex)));
    qf_json_put(ctx->arena, &record, "id", *qf_json_get(genesis, "network"));
    qf_json_put(ctx->arena, &record, "suite", *qf_json_get(genesis, "suite"));
    struct qf_state_key at;
    qf_state_key_make(&at, QF_STATE_NETWORK, (struct qf_slice){NULL, 0});
    (void)qf_context_insert(ctx, &at, &record);
}

static void put_first_parameters(struct qf_op_context *ctx)
{
    struct qf_json record = qf_json_make_object();
    qf_json_put(ctx->arena, &record, "proposal_ttl_s", qf_json_make_int(30LL * 86400));
    qf_json_put(ctx->arena, &record, "quorum_members", qf_json_make_int(1));
    qf_json_put(ctx->arena, &record, "vote_yes_den", qf_json_make_int(3));
    qf_json_put(ctx->arena, &record, "vote_yes_num", qf_json_make_int(2));
    qf_json_put(ctx->arena, &record, "zone", qf_json_make_text("Asia/Shanghai"));
    struct qf_state_key at;
    qf_state_key_make(&at, QF_STATE_PARAMETERS, (struct qf_slice){NULL, 0});
    (void)qf_context_insert(ctx, &at, &record);
}

static enum qf_status apply_list(struct qf_op_context *ctx, const struct qf_json *genesis,
                                 const char *name, qf_consortium_apply *apply, struct qf_error *err)
{
    const struct qf_json *list = qf_json_get(genesis, name);
    for (uint32_t i = 0; list != NULL && i < list->count; i++) {
        enum qf_status status = apply(ctx, &list->items[i], err);
        if (status != QF_OK) {
            qf_error_within(err, "%s[%u]", name, i);
            return status;
        }
    }
    return QF_OK;
}

enum qf_status qf_consortium_found(struct qf_op_context *ctx, const struct qf_json *genesis,
                                   struct qf_error *err)
{
    enum qf_status status = qf_schema_check(&qf_genesis_fields, genesis, NULL, ctx->suite, err);
    if (status != QF_OK)
        return status;
    put_network(ctx, genesis);
    put_first_parameters(ctx);
    const struct qf_json *parameters = qf_json_get(genesis, "parameters");
    if (parameters != NULL)
        status = qf_parameters_set(ctx, parameters, err);
    if (status == QF_OK)
        status = apply_list(ctx, genesis, "members", qf_member_admit, err);
    if (status == QF_OK)
        status = apply_list(ctx, genesis, "calendars", qf_calendar_set, err);
    if (status == QF_OK && qf_json_get(genesis, "validators") != NULL)
        status = qf_validators_set(ctx, genesis, err);
    return status == QF_OK ? qf_consortium_check_quorum(ctx, err) : status;
}
