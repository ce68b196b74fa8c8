/* Packages come onto the ledger in parts, and into force by vote. */
#include "codec/text.h"
#include "kernel/service/service.h"

/* The digits after "alg:". */
static struct qf_slice digits(struct qf_slice hash)
{
    const uint8_t *colon = memchr(hash.data, ':', hash.size);
    QF_ASSERT(colon != NULL);
    size_t skip = (size_t)(colon - hash.data) + 1;
    return qf_slice_make(hash.data + skip, hash.size - skip);
}

static void part_key(struct qf_op_context *ctx, struct qf_state_key *out, struct qf_slice member,
                     struct qf_slice hash, int64_t part)
{
    struct qf_slice hex = digits(hash);
    char *tail = qf_arena_printf(ctx->arena, "%.*s/%lld", QF_SLICE_ARGS(hex), (long long)part);
    qf_state_key_make2(out, QF_STATE_SERVICE_PART, member, qf_slice_of(tail));
}

enum qf_status qf_service_part(struct qf_op_context *ctx, const struct qf_json *body,
                               struct qf_error *err)
{
    struct qf_slice text = qf_json_text(qf_json_get(body, "data"));
    uint8_t *bytes = qf_arena_alloc(ctx->arena, text.size);
    size_t size = 0;
    if (!qf_base64_decode(bytes, &size, text) || size == 0 || size > QF_SERVICE_PART_SIZE_MAX)
        return qf_fail(err, QF_BAD_FIELD, "data", "must be base64 of 1 to %d bytes",
                       QF_SERVICE_PART_SIZE_MAX);
    struct qf_json record = qf_json_make_object();
    qf_json_put(ctx->arena, &record, "data", qf_json_make_slice(text));
    qf_json_put(ctx->arena, &record, "leaf", qf_json_make_int((int64_t)ctx->leaf));
    struct qf_state_key at;
    part_key(ctx, &at, ctx->member, qf_json_text(qf_json_get(body, "hash")),
             qf_json_get(body, "part")->integer);
    qf_context_put(ctx, &at, &record);
    return QF_OK;
}

/* All parts that are there, from 0 on, put together. */
static enum qf_status assemble(struct qf_op_context *ctx, const struct qf_json *action,
                               struct qf_slice *out, int64_t *parts, struct qf_error *err)
{
    struct qf_slice hash = qf_json_text(qf_json_get(action, "hash"));
    struct qf_slice member = qf_json_text(qf_json_get(action, "member"));
    const size_t room = (size_t)QF_SERVICE_PART_SIZE_MAX * QF_SERVICE_PARTS_MAX;
    uint8_t *bytes = qf_arena_alloc(&ctx->services->scratch, room);
    size_t size = 0;
    for (*parts = 0; *parts < QF_SERVICE_PARTS_MAX; ++*parts) {
        struct qf_state_key at;
        part_key(ctx, &at, member, hash, *parts);
        const struct qf_json *part = qf_record_get(&ctx->state, &ctx->services->scratch, &at);
        size_t more = 0;
        if (part == NULL)
            break;
        bool good = qf_base64_decode(bytes + size, &more, qf_record_text(part, "data"));
        QF_ASSERT(good && more <= QF_SERVICE_PART_SIZE_MAX);
        size += more;
    }
    if (*parts == 0)
        return qf_fail(err, QF_NOT_FOUND, "hash", "member %.*s has put no part of it on the ledger",
                       QF_SLICE_ARGS(member));
    if (size > QF_SERVICE_PACKAGE_SIZE_MAX)
        return qf_fail(err, QF_OVER_LIMIT, "hash", "the package has more than %d bytes",
                       QF_SERVICE_PACKAGE_SIZE_MAX);
    *out = qf_slice_make(bytes, size);
    uint8_t digest[QF_HASH_SIZE];
    char hex[2 * QF_HASH_SIZE];
    qf_hash(qf_suite_hash(ctx->suite), digest, *out);
    qf_hex_encode(hex, qf_slice_make(digest, sizeof digest));
    if (!qf_slice_equal(digits(hash), qf_slice_make(hex, sizeof hex)))
        return qf_fail(err, QF_BAD_FIELD, "hash",
                       "the %lld parts from 0 on have another hash; one is missing or wrong",
                       (long long)*parts);
    return QF_OK;
}

/* What the members vote on is what the package says. */
static enum qf_status check_capabilities(const struct qf_json *action,
                                         const struct qf_service_model *model, struct qf_error *err)
{
    const struct qf_json *voted = qf_json_get(action, "capabilities");
    const struct qf_json *own = qf_json_get(model->manifest, "capabilities");
    for (uint32_t i = 0; voted != NULL && i < voted->count; i++)
        if (!qf_record_has(own, qf_json_text(&voted->items[i])))
            return qf_fail(err, QF_BAD_FIELD, "capabilities",
                           "the package's manifest does not ask for %.*s",
                           QF_SLICE_ARGS(qf_json_text(&voted->items[i])));
    for (uint32_t i = 0; own != NULL && i < own->count; i++)
        if (!qf_record_has(voted, qf_json_text(&own->items[i])))
            return qf_fail(err, QF_BAD_FIELD, "capabilities",
                           "the package's manifest asks for %.*s, too",
                           QF_SLICE_ARGS(qf_json_text(&own->items[i])));
    return QF_OK;
}

static enum qf_status check_new(struct qf_op_context *ctx, const struct qf_json *action,
                                const struct qf_service_model *model, struct qf_error *err)
{
    struct qf_slice id = qf_json_text(qf_json_get(action, "service"));
    struct qf_slice version = qf_json_text(qf_json_get(action, "version"));
    if (!qf_slice_equal(model->id, id))
        return qf_fail(err, QF_BAD_FIELD, "service", "the package has another id");
    if (!qf_slice_equal(model->version, version))
        return qf_fail(err, QF_BAD_FIELD, "version", "the package has another version");
    struct qf_state_key at;
    qf_state_key_make(&at, QF_STATE_SERVICE, id);
    const struct qf_json *service = qf_context_get(ctx, &at);
    if (service == NULL)
        return QF_OK;
    if (qf_json_is_text(qf_json_get(service, "status"), "retired"))
        return qf_fail(err, QF_WRONG_STATE, "service", "the service is retired");
    if (qf_record_has(qf_json_get(service, "versions"), version))
        return qf_fail(err, QF_EXISTS, "version", "this version is deployed already");
    if (qf_json_get(service, "versions")->count >= QF_SERVICE_VERSIONS_MAX)
        return qf_fail(err, QF_OVER_LIMIT, "version", "the service has %d versions",
                       QF_SERVICE_VERSIONS_MAX);
    return QF_OK;
}

static void put_version(struct qf_op_context *ctx, const struct qf_json *action,
                        struct qf_slice package)
{
    struct qf_slice id = qf_json_text(qf_json_get(action, "service"));
    struct qf_slice version = qf_json_text(qf_json_get(action, "version"));
    struct qf_state_key at;
    qf_state_key_make2(&at, QF_STATE_SERVICE_PACKAGE, id, version);
    qf_overlay_put(ctx->overlay, qf_state_key_slice(&at), package, false);
    struct qf_json record = qf_json_make_object();
    const struct qf_json *capabilities = qf_json_get(action, "capabilities");
    qf_json_put(ctx->arena, &record, "capabilities",
                capabilities != NULL ? *capabilities : qf_json_make_array());
    qf_json_put(ctx->arena, &record, "hash", *qf_json_get(action, "hash"));
    qf_json_put(ctx->arena, &record, "leaf", qf_json_make_int((int64_t)ctx->leaf));
    qf_json_put(ctx->arena, &record, "member", *qf_json_get(action, "member"));
    qf_state_key_make2(&at, QF_STATE_SERVICE_VERSION, id, version);
    qf_context_insert(ctx, &at, &record);
}

static void put_service(struct qf_op_context *ctx, const struct qf_json *action)
{
    const struct qf_json *version = qf_json_get(action, "version");
    struct qf_state_key at;
    qf_state_key_make(&at, QF_STATE_SERVICE, qf_json_text(qf_json_get(action, "service")));
    const struct qf_json *before = qf_context_get(ctx, &at);
    struct qf_json record = qf_json_make_object(), versions = qf_json_make_array();
    if (before != NULL) {
        record = qf_context_copy(ctx, before);
        const struct qf_json *old = qf_json_get(before, "versions");
        for (uint32_t i = 0; i < old->count; i++)
            qf_json_append(ctx->arena, &versions, old->items[i]);
    } else {
        qf_json_put(ctx->arena, &record, "leaf", qf_json_make_int((int64_t)ctx->leaf));
        qf_json_put(ctx->arena, &record, "status", qf_json_make_text("active"));
    }
    qf_json_append(ctx->arena, &versions, *version);
    qf_json_put(ctx->arena, &record, "version", *version);
    qf_json_put(ctx->arena, &record, "versions", versions);
    qf_context_add_event(ctx, QF_EVENT_SERVICE_DEPLOYED, qf_context_put(ctx, &at, &record));
}

enum qf_status qf_service_deploy(struct qf_op_context *ctx, const struct qf_json *action,
                                 struct qf_error *err)
{
    /* Whether it is compiled already does not count: that differs from node to node. */
    if (ctx->services->steps < QF_SERVICE_DEPLOY_STEPS)
        return qf_fail(err, QF_BUDGET, "",
                       "the block has checked as many packages as it may (%d); try again",
                       QF_FEEL_BLOCK_STEPS_MAX / QF_SERVICE_DEPLOY_STEPS);
    qf_services_spend(ctx->services, QF_SERVICE_DEPLOY_STEPS);
    qf_arena_reset(&ctx->services->scratch);
    qf_services_zone(ctx);
    struct qf_slice package = {NULL, 0};
    int64_t parts = 0;
    const struct qf_service_model *model = NULL;
    enum qf_status status = assemble(ctx, action, &package, &parts, err);
    if (status == QF_OK)
        status = qf_services_compile(ctx->services, &model, package,
                                     qf_json_text(qf_json_get(action, "hash")), err);
    if (status == QF_OK)
        status = check_capabilities(action, model, err);
    if (status == QF_OK)
        status = check_new(ctx, action, model, err);
    if (status != QF_OK)
        return status;
    put_version(ctx, action, package);
    put_service(ctx, action);
    for (int64_t i = 0; i < parts; i++) {
        struct qf_state_key at;
        part_key(ctx, &at, qf_json_text(qf_json_get(action, "member")),
                 qf_json_text(qf_json_get(action, "hash")), i);
        qf_overlay_remove(ctx->overlay, qf_state_key_slice(&at), false);
    }
    return QF_OK;
}

static enum qf_status change_status(struct qf_op_context *ctx, const struct qf_json *action,
                                    const char *from, const char *to, enum qf_event event,
                                    struct qf_error *err)
{
    struct qf_state_key at;
    qf_state_key_make(&at, QF_STATE_SERVICE, qf_json_text(qf_json_get(action, "service")));
    const struct qf_json *service = qf_context_get(ctx, &at);
    if (service == NULL)
        return qf_fail(err, QF_NOT_FOUND, "service", "there is no such service");
    struct qf_slice now = qf_record_text(service, "status");
    if (qf_slice_is(now, "retired") || (from != NULL && !qf_slice_is(now, from)))
        return qf_fail(err, QF_WRONG_STATE, "service", "the service is %.*s", QF_SLICE_ARGS(now));
    struct qf_json record = qf_context_copy(ctx, service);
    qf_json_put(ctx->arena, &record, "status", qf_json_make_text(to));
    qf_context_add_event(ctx, event, qf_context_put(ctx, &at, &record));
    return QF_OK;
}

enum qf_status qf_service_suspend(struct qf_op_context *ctx, const struct qf_json *action,
                                  struct qf_error *err)
{
    return change_status(ctx, action, "active", "suspended", QF_EVENT_SERVICE_SUSPENDED, err);
}

enum qf_status qf_service_resume(struct qf_op_context *ctx, const struct qf_json *action,
                                 struct qf_error *err)
{
    return change_status(ctx, action, "suspended", "active", QF_EVENT_SERVICE_RESUMED, err);
}

enum qf_status qf_service_retire(struct qf_op_context *ctx, const struct qf_json *action,
                                 struct qf_error *err)
{
    return change_status(ctx, action, NULL, "retired", QF_EVENT_SERVICE_RETIRED, err);
}
