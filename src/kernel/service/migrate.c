/* Running cases of one version of a service are brought to another one, by vote.
 *
 *   service.migrate ──> service/migration/<service> ── each block, a portion ──> removed;
 *                                                       "migrated" of the service has the count
 *
 * Cases are taken in the order in which they were opened, those that were open when the vote
 * passed. A case keeps tasks, holders, votes, terms and variables; nodes and flows are found by
 * their ids. One that the new version has no place for stays as it is and says why. What was done
 * before keeps the node's id where the new version has it. */
#include "kernel/lookup.h"
#include "kernel/service/decision.h"
#include "kernel/service/step.h"

/* ---- one case ---- */

/* The node numbers of a history are those of the version that the case is on; what that has not is
 * kept by its id. */
static struct qf_json renumber(const struct qf_json *node, const struct qf_bpmn_model *from,
                               const struct qf_bpmn_model *to)
{
    struct qf_slice id = {NULL, 0};
    if (node->type == QF_JSON_STRING)
        id = qf_json_text(node);
    else if (node->integer >= 0 && node->integer < from->node_count)
        id = from->nodes[node->integer].id;
    else
        return *node;
    uint16_t found = qf_bpmn_find_node(to, id);
    return found != QF_BPMN_NONE ? qf_json_make_int(found) : qf_json_make_slice(id);
}

static struct qf_json renumbered(struct qf_arena *arena, const struct qf_json *steps,
                                 const struct qf_bpmn_model *from, const struct qf_bpmn_model *to)
{
    struct qf_json out = qf_json_make_array();
    for (uint32_t i = 0; i < steps->count; i++) {
        const struct qf_json *step = &steps->items[i];
        struct qf_json copy = qf_json_make_array();
        for (uint32_t k = 0; k < step->count; k++) {
            qf_json_append(arena, &copy,
                           k == 1 ? renumber(&step->items[k], from, to) : step->items[k]);
        }
        qf_json_append(arena, &out, copy);
    }
    return out;
}

/* A decision was made on the version that the case was on. */
static struct qf_json stamped(struct qf_arena *arena, const struct qf_json *decisions,
                              struct qf_slice version)
{
    struct qf_json out = qf_json_make_array();
    for (uint32_t i = 0; i < decisions->count; i++) {
        struct qf_json item = qf_json_make_object();
        for (uint32_t k = 0; k < decisions->items[i].count; k++)
            qf_json_put(arena, &item, qf_arena_text(arena, decisions->items[i].members[k].key),
                        decisions->items[i].members[k].value);
        if (qf_json_get(&item, "version") == NULL)
            qf_json_put(arena, &item, "version", qf_json_make_slice(version));
        qf_json_append(arena, &out, item);
    }
    return out;
}

static void tell(struct qf_service_step *step, enum qf_event event, struct qf_slice from,
                 struct qf_slice to, const struct qf_error *why)
{
    struct qf_json effect = qf_service_effect(step, qf_event_name(event), QF_BPMN_NONE);
    if (why != NULL)
        qf_json_put(step->arena, &effect, "code", qf_json_make_text(qf_status_name(why->status)));
    qf_json_put(step->arena, &effect, "from", qf_json_make_slice(from));
    qf_json_put(step->arena, &effect, "to", qf_json_make_slice(to));
    qf_service_effect_put(step, &effect);
}

static enum qf_status move(struct qf_service_step *step, const struct qf_service_model *to,
                           struct qf_error *err)
{
    const struct qf_service_model *from = step->model;
    struct qf_bpmn_instance moved;
    enum qf_status status =
        qf_bpmn_migrate(step->arena, &moved, &step->instance, &from->bpmn, &to->bpmn, err);
    if (status != QF_OK)
        return status;
    struct qf_json record = qf_json_make_object();
    for (uint32_t i = 0; i < step->record.count; i++)
        if (!qf_slice_is(step->record.members[i].key, "stays"))
            qf_json_put(step->arena, &record,
                        qf_arena_text(step->arena, step->record.members[i].key),
                        step->record.members[i].value);
    const struct qf_json *steps = qf_json_get(&step->record, "steps");
    const struct qf_json *decisions = qf_json_get(&step->record, "decisions");
    qf_service_lists_close(step);
    step->record = record;
    if (steps != NULL)
        qf_json_put(step->arena, &step->record, "steps",
                    renumbered(step->arena, steps, &from->bpmn, &to->bpmn));
    if (decisions != NULL)
        qf_json_put(step->arena, &step->record, "decisions",
                    stamped(step->arena, decisions, from->version));
    qf_json_put(step->arena, &step->record, "version", qf_json_make_slice(to->version));
    step->instance = moved;
    step->model = to;
    status = qf_service_step_begin(step, err);
    if (status == QF_OK)
        status = qf_service_step_end(step, QF_OK, QF_EVENT_CASE_MIGRATED, err);
    if (status == QF_OK)
        tell(step, QF_EVENT_CASE_MIGRATED, from->version, to->version, NULL);
    return status;
}

static void stay(struct qf_op_context *ctx, struct qf_slice id, const struct qf_json *migration,
                 const struct qf_error *why)
{
    struct qf_state_key at;
    qf_state_key_make(&at, QF_STATE_CASE, id);
    const struct qf_json *record = qf_context_get(ctx, &at);
    QF_ASSERT(record != NULL);
    struct qf_json copy = qf_context_copy(ctx, record), stays = qf_json_make_object();
    qf_json_put(ctx->arena, &stays, "code", qf_json_make_text(qf_status_name(why->status)));
    qf_json_put(ctx->arena, &stays, "detail",
                qf_json_make_slice(qf_arena_copy(ctx->arena, qf_slice_of(why->detail))));
    qf_json_put(ctx->arena, &stays, "time", qf_json_make_int(ctx->time_ms));
    qf_json_put(ctx->arena, &copy, "stays", stays);
    qf_context_add_event(ctx, QF_EVENT_CASE_STAYS, qf_context_put(ctx, &at, &copy));
    struct qf_service_step *step = qf_service_step_new(ctx, NULL, id);
    step->record = *record;
    tell(step, QF_EVENT_CASE_STAYS, qf_record_text(migration, "from"),
         qf_record_text(migration, "to"), why);
}

/* ---- a portion ---- */

struct portion {
    struct qf_op_context *ctx;
    const struct qf_json *record; /* of the migration */
    struct qf_slice last;         /* key looked at last */
    struct qf_slice ids[QF_SERVICE_MIGRATED_BLOCK_MAX];
    size_t count;
    bool more;
};

static bool add_case(void *arg, struct qf_slice key, struct qf_slice value)
{
    struct portion *portion = arg;
    (void)value;
    if (portion->count == QF_SERVICE_MIGRATED_BLOCK_MAX) {
        portion->more = true;
        return false;
    }
    portion->last = qf_arena_copy(portion->ctx->arena, key);
    portion->ids[portion->count++] = qf_lookup_case_read(portion->last);
    return true;
}

/* Whether the case was moved; *stayed: it is meant, and cannot. */
static bool take(struct qf_op_context *ctx, const struct qf_json *migration, struct qf_slice id,
                 bool *stayed)
{
    struct qf_error err = {0};
    struct qf_service_step *step;
    const struct qf_service_model *to = NULL;
    *stayed = false;
    qf_arena_reset(&ctx->services->scratch);
    enum qf_status status = qf_service_step_load(ctx, &step, id, &err);
    QF_ASSERT(status != QF_NOT_FOUND);
    if (!qf_slice_equal(qf_record_text(&step->record, "version"),
                        qf_record_text(migration, "from")) ||
        qf_record_int(&step->record, "leaf") > qf_record_int(migration, "leaf") ||
        !qf_json_is_text(qf_json_get(&step->record, "status"), "running"))
        return false;
    size_t mark = qf_overlay_mark(ctx->overlay);
    if (status == QF_OK)
        status = qf_services_model(ctx, &to, qf_record_text(&step->record, "service"),
                                   qf_record_text(migration, "to"), &err);
    if (status == QF_OK)
        status = move(step, to, &err);
    if (status == QF_OK)
        return true;
    qf_overlay_rollback(ctx->overlay, mark);
    *stayed = true;
    stay(ctx, id, migration, &err);
    return false;
}

static void finish(struct qf_op_context *ctx, struct qf_slice service,
                   const struct qf_json *migration)
{
    struct qf_state_key at;
    qf_state_key_make(&at, QF_STATE_MIGRATION, service);
    qf_overlay_remove(ctx->overlay, qf_state_key_slice(&at), true);
    qf_state_key_make(&at, QF_STATE_SERVICE, service);
    const struct qf_json *record = qf_context_get(ctx, &at);
    struct qf_json copy = qf_context_copy(ctx, record), done = qf_context_copy(ctx, migration);
    qf_json_put(ctx->arena, &done, "time", qf_json_make_int(ctx->time_ms));
    qf_json_put(ctx->arena, &copy, "migrated", done);
    qf_context_add_event(ctx, QF_EVENT_SERVICE_MIGRATED, qf_context_put(ctx, &at, &copy));
    struct qf_json effect = qf_context_copy(ctx, &done);
    qf_json_put(ctx->arena, &effect, "service", qf_json_make_slice(service));
    qf_json_put(ctx->arena, &effect, "type",
                qf_json_make_text(qf_event_name(QF_EVENT_SERVICE_MIGRATED)));
    qf_context_add_effect(ctx, &effect);
}

static void go_on(struct qf_op_context *ctx, struct qf_slice service)
{
    struct qf_state_key at;
    qf_state_key_make(&at, QF_STATE_MIGRATION, service);
    const struct qf_json *migration = qf_context_get(ctx, &at);
    const struct qf_json *after = qf_json_get(migration, "after");
    struct portion *portion = QF_ARENA_NEW(ctx->arena, struct portion);
    portion->ctx = ctx;
    portion->record = migration;
    char *prefix =
        qf_arena_printf(ctx->arena, QF_LOOKUP_CASE "%.*s/running/", QF_SLICE_ARGS(service));
    const struct qf_state_reader *committed = ctx->overlay->reader;
    struct qf_slice from = {NULL, 0};
    if (after != NULL)
        from = qf_json_text(after);
    committed->list(committed->self, qf_slice_of(prefix), from, add_case, portion);
    int64_t moved = qf_record_int(migration, "moved"), stayed = qf_record_int(migration, "stayed");
    for (size_t i = 0; i < portion->count; i++) {
        bool stays;
        moved += take(ctx, migration, portion->ids[i], &stays);
        stayed += stays;
    }
    struct qf_json changed = qf_json_make_object();
    static const char *const kept[] = {"from", "leaf", "to"};
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
        qf_json_put(ctx->arena, &changed, kept[i], *qf_json_get(migration, kept[i]));
    qf_json_put(ctx->arena, &changed, "moved", qf_json_make_int(moved));
    qf_json_put(ctx->arena, &changed, "stayed", qf_json_make_int(stayed));
    if (portion->more) {
        qf_json_put(ctx->arena, &changed, "after", qf_json_make_slice(portion->last));
        qf_context_put(ctx, &at, &changed);
    } else {
        finish(ctx, service, &changed);
    }
}

static bool add_service(void *arg, struct qf_slice key, struct qf_slice value)
{
    struct portion *portion = arg;
    size_t prefix = qf_state_kind_prefix(QF_STATE_MIGRATION).size;
    (void)value;
    portion->ids[portion->count++] =
        qf_arena_copy(portion->ctx->arena, qf_slice_make(key.data + prefix, key.size - prefix));
    return false; /* one service a block */
}

void qf_services_migrate(struct qf_op_context *ctx)
{
    const struct qf_state_reader *committed = ctx->overlay->reader;
    struct portion first = {.ctx = ctx};
    committed->list(committed->self, qf_state_kind_prefix(QF_STATE_MIGRATION),
                    (struct qf_slice){NULL, 0}, add_service, &first);
    if (first.count > 0) {
        go_on(ctx, first.ids[0]);
        qf_overlay_accept(ctx->overlay);
        /* So that a network where nobody sends anything makes blocks until it is done. */
        ctx->services->fell_due++;
        ctx->services->due_ms = 0;
    }
}

/* ---- the action ---- */

enum qf_status qf_service_migrate(struct qf_op_context *ctx, const struct qf_json *action,
                                  struct qf_error *err)
{
    struct qf_slice service = qf_json_text(qf_json_get(action, "service"));
    struct qf_slice from = qf_json_text(qf_json_get(action, "from"));
    struct qf_slice to = qf_json_text(qf_json_get(action, "to"));
    struct qf_state_key at;
    qf_state_key_make(&at, QF_STATE_SERVICE, service);
    const struct qf_json *record = qf_context_get(ctx, &at);
    if (record == NULL)
        return qf_fail(err, QF_NOT_FOUND, "service", "there is no such service");
    const struct qf_json *versions = qf_json_get(record, "versions");
    if (!qf_record_has(versions, from))
        return qf_fail(err, QF_NOT_FOUND, "from", "the service has no such version");
    if (!qf_record_has(versions, to))
        return qf_fail(err, QF_NOT_FOUND, "to", "the service has no such version");
    if (qf_slice_equal(from, to))
        return qf_fail(err, QF_BAD_FIELD, "to", "is the version that the cases are on");
    qf_state_key_make(&at, QF_STATE_MIGRATION, service);
    if (qf_context_has(ctx, &at))
        return qf_fail(err, QF_WRONG_STATE, "service", "an earlier migration is still going on");
    struct qf_json migration = qf_json_make_object();
    qf_json_put(ctx->arena, &migration, "from", qf_json_make_slice(from));
    qf_json_put(ctx->arena, &migration, "leaf", qf_json_make_int((int64_t)ctx->leaf));
    qf_json_put(ctx->arena, &migration, "moved", qf_json_make_int(0));
    qf_json_put(ctx->arena, &migration, "stayed", qf_json_make_int(0));
    qf_json_put(ctx->arena, &migration, "to", qf_json_make_slice(to));
    qf_context_put(ctx, &at, &migration);
    ctx->services->due_ms = 0;
    return QF_OK;
}
