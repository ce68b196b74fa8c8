#include "kernel/service/messages.h"

/* ---- the record ---- */

static const char *const states[] = {[QF_BPMN_RUNNING] = "running",
                                     [QF_BPMN_DONE] = "done",
                                     [QF_BPMN_FAILED] = "failed",
                                     [QF_BPMN_WITHDRAWN] = "withdrawn"};

/* Everything of the record that stays, in the scratch arena. */
static struct qf_json kept(struct qf_service_step *step)
{
    static const char *const names[] = {
        "actor",      "appeal", "appeal_of", "data_omitted", "decisions",   "deemed",
        "deviations", "ended",  "ends",      "instance",     "leaf",        "member",
        "service",    "status", "stays",     "steps",        "undelivered", "version"};
    struct qf_json copy = qf_json_make_object();
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct qf_json *value = qf_json_get(&step->record, names[i]);
        if (value != NULL)
            qf_json_put(step->arena, &copy, names[i], *value);
    }
    return copy;
}

static struct qf_json joined(struct qf_service_step *step, const char *name,
                             const struct qf_json *more)
{
    struct qf_json all = qf_json_make_array();
    const struct qf_json *before = qf_json_get(&step->record, name);
    for (uint32_t i = 0; before != NULL && i < before->count; i++)
        qf_json_append(step->arena, &all, before->items[i]);
    for (uint32_t i = 0; i < more->count; i++)
        qf_json_append(step->arena, &all, more->items[i]);
    return all;
}

static size_t size_of(struct qf_buf *text, const struct qf_json *value)
{
    qf_buf_reset(text);
    qf_json_write(text, value);
    return text->size;
}

static enum qf_status encode(struct qf_service_step *step, struct qf_slice *out,
                             struct qf_error *err)
{
    qf_buf_reset(step->ctx->text);
    qf_bpmn_encode(step->ctx->text, &step->instance);
    if (step->ctx->text->size > QF_BPMN_CASE_SIZE_MAX)
        return qf_fail(err, QF_OVER_LIMIT, "case", "the case would have %zu bytes, at most %d",
                       step->ctx->text->size, QF_BPMN_CASE_SIZE_MAX);
    *out = qf_arena_copy(step->arena, qf_buf_slice(step->ctx->text));
    return QF_OK;
}

/* A case that is over keeps of its variables what is small: the largest go first, the log has them
 * in any case. */
static void omit_data(struct qf_service_step *step, struct qf_json *record)
{
    struct qf_json *variables = &step->instance.variables;
    struct qf_buf *text = step->ctx->text;
    size_t size = step->instance.state == QF_BPMN_RUNNING ? 0 : size_of(text, variables);
    if (size <= QF_SERVICE_KEPT_SIZE_MAX)
        return;
    size_t *sizes = QF_ARENA_ARRAY(step->arena, size_t, variables->count + 1);
    for (uint32_t i = 0; i < variables->count; i++)
        sizes[i] = variables->members[i].key.size + 4 + size_of(text, &variables->members[i].value);
    while (size > QF_SERVICE_KEPT_SIZE_MAX) {
        uint32_t largest = 0;
        for (uint32_t i = 1; i < variables->count; i++)
            if (sizes[i] > sizes[largest])
                largest = i;
        if (sizes[largest] == 0)
            break;
        size -= sizes[largest] < size ? sizes[largest] : size;
        sizes[largest] = 0;
    }
    struct qf_json kept_ones = qf_json_make_object();
    for (uint32_t i = 0; i < variables->count; i++)
        if (sizes[i] > 0)
            qf_json_put(step->arena, &kept_ones,
                        qf_arena_text(step->arena, variables->members[i].key),
                        variables->members[i].value);
    *variables = kept_ones;
    qf_json_put(step->arena, record, "data_omitted", (struct qf_json){.type = QF_JSON_TRUE});
}

/* Withdrawing and what time does have room beyond what the others fill, and the notes that are put
 * into a record as it stands (why it stands still, or stays; what was not delivered; its appeal)
 * beyond that. */
static enum qf_status check_size(const struct qf_service_step *step, size_t size,
                                 struct qf_error *err)
{
    const size_t ending_max = QF_SERVICE_CASE_SIZE_MAX + (256 << 10);
    bool ending = step->ctx->signer == NULL || step->instance.state == QF_BPMN_WITHDRAWN;
    size_t size_max = ending ? ending_max : QF_SERVICE_CASE_SIZE_MAX;
    _Static_assert(QF_SERVICE_CASE_SIZE_MAX + (256 << 10) + QF_SERVICE_UNDELIVERED_MAX * 3072 <
                       QF_STATE_VALUE_SIZE_MAX,
                   "the notes find room");
    if (size <= size_max)
        return QF_OK;
    return qf_fail(err, QF_OVER_LIMIT, "case",
                   "the case's record would have %zu bytes, at most %zu", size, size_max);
}

/* Puts the record with the text of the instance in its place; `key` lasts. */
static enum qf_status put_record(struct qf_service_step *step, struct qf_slice *key,
                                 const struct qf_json *record, struct qf_slice instance,
                                 struct qf_error *err)
{
    struct qf_buf *text = step->ctx->text;
    struct qf_state_key at;
    qf_buf_reset(text);
    qf_buf_put_byte(text, '{');
    for (uint32_t i = 0; i < record->count; i++) {
        const struct qf_json_member *member = &record->members[i];
        if (i > 0)
            qf_buf_put_byte(text, ',');
        qf_json_write_string(text, member->key);
        qf_buf_put_byte(text, ':');
        if (qf_slice_is(member->key, "instance"))
            qf_buf_put_slice(text, instance);
        else
            qf_json_write(text, &member->value);
    }
    qf_buf_put_byte(text, '}');
    QF_ASSERT(qf_buf_status(text) == QF_OK);
    enum qf_status status = check_size(step, text->size, err);
    if (status != QF_OK)
        return status;
    qf_state_key_make(&at, QF_STATE_CASE, step->id);
    *key = qf_overlay_put(step->ctx->overlay, qf_state_key_slice(&at), qf_buf_slice(text),
                          qf_state_kind_listed(QF_STATE_CASE));
    return QF_OK;
}

/* What happened without anybody's answer, and what subscribers hear of. */
static struct qf_json note_actions(struct qf_service_step *step, struct qf_slice key)
{
    struct qf_json deemed = qf_json_make_array();
    for (const struct qf_bpmn_action *a = step->call.actions; a != NULL; a = a->next) {
        if (a->act == QF_BPMN_ACT_SEND && key.size > 0)
            qf_context_add_event(step->ctx, QF_EVENT_MESSAGE_SENT, key);
        if (a->act == QF_BPMN_ACT_FINISHED && key.size > 0)
            qf_context_add_event(step->ctx, QF_EVENT_CASE_DONE, key);
        if (a->act == QF_BPMN_ACT_FAILED && key.size > 0)
            qf_context_add_event(step->ctx, QF_EVENT_CASE_FAILED, key);
        if (a->act != QF_BPMN_ACT_DEEMED || key.size > 0)
            continue;
        struct qf_json item = qf_json_make_object();
        qf_json_put(step->arena, &item, "as", qf_json_make_slice(a->name));
        if (a->node != QF_BPMN_NONE)
            qf_json_put(step->arena, &item, "node",
                        qf_json_make_slice(step->model->bpmn.nodes[a->node].id));
        qf_json_put(step->arena, &item, "task", qf_json_make_int(a->wait));
        qf_json_put(step->arena, &item, "time", qf_json_make_int(step->ctx->time_ms));
        qf_json_append(step->arena, &deemed, item);
    }
    return deemed;
}

static enum qf_status save(struct qf_service_step *step, enum qf_event event, struct qf_error *err)
{
    struct qf_json record = kept(step);
    struct qf_slice instance;
    omit_data(step, &record);
    enum qf_status status = encode(step, &instance, err);
    if (status == QF_OK)
        status = qf_service_history_room(step, err);
    if (status != QF_OK)
        return status;
    struct qf_json deemed = note_actions(step, (struct qf_slice){0});
    if (deemed.count > 0)
        qf_json_put(step->arena, &record, "deemed", joined(step, "deemed", &deemed));
    if (step->decisions.count > 0)
        qf_json_put(step->arena, &record, "decisions", joined(step, "decisions", &step->decisions));
    qf_json_put(step->arena, &record, "instance", qf_json_make_null()); /* see put_record */
    qf_service_history_put(step, &record);
    qf_json_put(step->arena, &record, "status", qf_json_make_text(states[step->instance.state]));
    if (step->instance.state != QF_BPMN_RUNNING && qf_json_get(&record, "ended") == NULL)
        qf_json_put(step->arena, &record, "ended", qf_json_make_int(step->ctx->time_ms));
    int64_t due_ms = qf_bpmn_next_due(&step->instance);
    if (due_ms != INT64_MAX)
        qf_json_put(step->arena, &record, "timer", qf_json_make_int(due_ms));
    qf_service_lists_update(step, &record);
    struct qf_slice key;
    status = put_record(step, &key, &record, instance, err);
    if (status != QF_OK)
        return status;
    qf_context_add_event(step->ctx, event, key);
    (void)note_actions(step, key);
    qf_service_effects(step);
    return QF_OK;
}

/* What stood in the way may have gone: a member is active again, newer software compiles a package.
 * It is tried again after a day, and then after as long as it has rested, up to a month. */
static int64_t try_again(const struct qf_service_step *step, int64_t since_ms)
{
    int64_t rested_ms = step->ctx->time_ms - since_ms;
    rested_ms = rested_ms < QF_SERVICE_RETRY_MS_MIN ? QF_SERVICE_RETRY_MS_MIN : rested_ms;
    return step->ctx->time_ms +
           (rested_ms > QF_SERVICE_RETRY_MS_MAX ? QF_SERVICE_RETRY_MS_MAX : rested_ms);
}

void qf_service_step_halt(struct qf_service_step *step, const struct qf_error *why)
{
    struct qf_json record = kept(step), problem = qf_json_make_object();
    const struct qf_json *before = qf_json_get(&step->record, "problem");
    int64_t since_ms = before == NULL ? step->ctx->time_ms : qf_record_int(before, "since");
    int64_t again_ms = try_again(step, since_ms);
    qf_json_put(step->arena, &problem, "again", qf_json_make_int(again_ms));
    qf_json_put(step->arena, &problem, "code", qf_json_make_text(qf_status_name(why->status)));
    qf_json_put(step->arena, &problem, "detail", qf_json_make_text(why->detail));
    if (why->field[0] != '\0')
        qf_json_put(step->arena, &problem, "field", qf_json_make_text(why->field));
    qf_json_put(step->arena, &problem, "since", qf_json_make_int(since_ms));
    qf_json_put(step->arena, &problem, "time", qf_json_make_int(step->ctx->time_ms));
    qf_json_put(step->arena, &record, "problem", problem);
    qf_json_put(step->arena, &record, "timer", qf_json_make_int(again_ms));
    qf_service_lists_halt(step, &record);
    struct qf_state_key at;
    qf_state_key_make(&at, QF_STATE_CASE, step->id);
    qf_context_put(step->ctx, &at, &record);
    const char *type = qf_event_name(QF_EVENT_CASE_HALTED);
    struct qf_json effect = qf_service_effect(step, type, QF_BPMN_NONE);
    qf_json_put(step->arena, &effect, "code", qf_json_make_text(qf_status_name(why->status)));
    qf_service_effect_put(step, &effect);
}

/* ---- the step ---- */

struct qf_service_step *qf_service_step_new(struct qf_op_context *ctx,
                                            const struct qf_service_model *model,
                                            struct qf_slice case_id)
{
    struct qf_arena *arena = &ctx->services->scratch;
    struct qf_service_step *step = QF_ARENA_NEW(arena, struct qf_service_step);
    step->ctx = ctx;
    step->model = model;
    step->arena = arena;
    step->id = case_id;
    step->about = QF_BPMN_NONE;
    step->deviation = qf_json_make_null();
    step->record = qf_json_make_object();
    step->decisions = qf_json_make_array();
    if (ctx->signer != NULL) {
        char *person =
            qf_arena_printf(arena, "%.*s/%.*s", QF_SLICE_ARGS(qf_signer_member(ctx->signer)),
                            QF_SLICE_ARGS(qf_signer_actor(ctx->signer)));
        step->person = qf_slice_of(person);
    }
    return step;
}

enum qf_status qf_service_step_load(struct qf_op_context *ctx, struct qf_service_step **out,
                                    struct qf_slice case_id, struct qf_error *err)
{
    struct qf_arena *arena = &ctx->services->scratch;
    struct qf_state_key at;
    qf_state_key_make(&at, QF_STATE_CASE, case_id);
    struct qf_slice text;
    const struct qf_json *record = qf_record_get(&ctx->state, arena, &at);
    if (record == NULL || !qf_overlay_get(ctx->overlay, qf_state_key_slice(&at), &text))
        return qf_fail(err, QF_NOT_FOUND, "case", "there is no such case");
    qf_services_spend(ctx->services, text.size / QF_SERVICE_STEP_BYTES);
    const struct qf_service_model *model = NULL;
    enum qf_status status = qf_services_model(ctx, &model, qf_record_text(record, "service"),
                                              qf_record_text(record, "version"), err);
    struct qf_service_step *step = qf_service_step_new(ctx, model, case_id);
    step->record = *record;
    *out = step;
    if (status != QF_OK)
        return status;
    status =
        qf_bpmn_read(arena, &step->instance, &model->bpmn, qf_json_get(record, "instance"), err);
    QF_ASSERT(status == QF_OK); /* it was written from one */
    step->before_count = qf_service_lists_tasks(step, &step->before);
    *out = step;
    return QF_OK;
}

enum qf_status qf_service_step_begin(struct qf_service_step *step, struct qf_error *err)
{
    uint64_t left = step->ctx->services->steps;
    if (left == 0)
        return qf_fail(err, QF_BUDGET, "", "the block has used up its %d steps; try again",
                       QF_FEEL_BLOCK_STEPS_MAX);
    step->given = left < QF_BPMN_STEPS_MAX ? left : QF_BPMN_STEPS_MAX;
    step->call = (struct qf_bpmn_call){.program = &step->model->program,
                                       .arena = step->arena,
                                       .calendar = qf_services_calendar(step->ctx),
                                       .now_ms = step->ctx->time_ms,
                                       .steps = step->given,
                                       .trace = true,
                                       .decide = qf_service_decide,
                                       .op = qf_service_perform,
                                       .self = step};
    return QF_OK;
}

enum qf_status qf_service_step_end(struct qf_service_step *step, enum qf_status status,
                                   enum qf_event event, struct qf_error *err)
{
    struct qf_services *services = step->ctx->services;
    uint64_t used = step->given - (step->call.steps < step->given ? step->call.steps : step->given);
    qf_services_spend(services, used);
    if (status == QF_OK)
        status = save(step, event, err);
    else if (err != NULL)
        *err = step->call.err;
    if (status == QF_OK) {
        qf_service_post(step);
        qf_service_deliver(step->ctx);
    }
    return status;
}
