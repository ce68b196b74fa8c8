/* Messages from case to case. What a case sends (qf:to names the other one) is delivered in the
 * same step, in the order in which it was sent; what that brings about may send more, up to
 * QF_SERVICE_MESSAGES_MAX. A message that cannot be delivered stands in the record of the case that
 * sent it, with the reason, and the step counts all the same: whether another case listens is not
 * the sender's fault. */
#include "kernel/service/messages.h"

struct letter {
    struct letter *next;
    struct qf_slice from; /* case */
    struct qf_slice service;
    struct qf_slice to; /* case; empty: the model's expression gave none */
    struct qf_slice name;
    struct qf_json data;
};

struct qf_service_outbox {
    struct letter *first;
    struct letter **tail;
    uint32_t count; /* that were ever put in */
};

void qf_service_post(struct qf_service_step *step)
{
    struct qf_services *services = step->ctx->services;
    for (const struct qf_bpmn_action *a = step->call.actions; a != NULL; a = a->next) {
        if (a->act != QF_BPMN_ACT_SEND || !a->addressed)
            continue;
        if (services->outbox == NULL) {
            services->outbox = QF_ARENA_NEW(step->arena, struct qf_service_outbox);
            services->outbox->tail = &services->outbox->first;
        }
        struct letter *letter = QF_ARENA_NEW(step->arena, struct letter);
        *letter = (struct letter){.from = step->id,
                                  .service = step->model->id,
                                  .to = a->to,
                                  .name = a->name,
                                  .data = a->data};
        *services->outbox->tail = letter;
        services->outbox->tail = &letter->next;
    }
}

/* Cases of the same service hear what their process listens for; others what the manifest says. */
static enum qf_status check_accepted(const struct qf_service_step *to, const struct letter *letter,
                                     struct qf_error *err)
{
    if (qf_slice_equal(to->model->id, letter->service))
        return QF_OK;
    const struct qf_json *message = qf_service_message_of(to->model, letter->name);
    const struct qf_json *services = message == NULL ? NULL : qf_json_get(message, "services");
    if (services != NULL && qf_record_has(services, letter->service))
        return QF_OK;
    return qf_fail(err, QF_NOT_ALLOWED, "services",
                   "service %.*s does not take this message from cases of %.*s",
                   QF_SLICE_ARGS(to->model->id), QF_SLICE_ARGS(letter->service));
}

static enum qf_status deliver(struct qf_op_context *ctx, const struct letter *letter,
                              struct qf_error *err)
{
    struct qf_service_step *step;
    if (letter->to.size == 0 || !qf_member_id_valid(letter->to))
        return qf_fail(err, QF_BAD_FIELD, "to", "it names no case");
    enum qf_status status = qf_service_step_load(ctx, &step, letter->to, err);
    if (status != QF_OK)
        return status;
    struct qf_slice now = qf_record_text(&step->record, "status");
    if (!qf_slice_is(now, "running"))
        return qf_fail(err, QF_WRONG_STATE, "case", "the case is %.*s", QF_SLICE_ARGS(now));
    status = check_accepted(step, letter, err);
    if (status == QF_OK)
        status = qf_service_check_data(step->model, step->arena, &letter->data,
                                       qf_service_message_form(step->model, letter->name), err);
    if (status == QF_OK)
        status = qf_service_step_begin(step, err);
    if (status != QF_OK)
        return status;
    const char *type = qf_event_name(QF_EVENT_CASE_MESSAGE);
    struct qf_json effect = qf_service_effect(step, type, QF_BPMN_NONE);
    qf_json_put(step->arena, &effect, "from", qf_json_make_slice(letter->from));
    qf_service_effect_text(step, &effect, "message", letter->name);
    qf_service_effect_put(step, &effect);
    struct qf_bpmn_answer answer = {.data = &letter->data};
    status = qf_bpmn_message(&step->call, &step->instance, letter->name, &answer);
    for (const struct qf_bpmn_action *a = step->call.actions; a != NULL; a = a->next)
        if (a->act == QF_BPMN_ACT_RECEIVED)
            step->about = a->node;
    return qf_service_step_end(step, status, QF_EVENT_CASE_MESSAGE, err);
}

static void tell_undelivered(struct qf_op_context *ctx, const struct letter *letter,
                             const struct qf_json *record, const struct qf_error *why)
{
    const char *type = qf_event_name(QF_EVENT_MESSAGE_UNDELIVERED);
    struct qf_service_step *step = qf_service_step_new(ctx, NULL, letter->from);
    step->record = *record;
    struct qf_json effect = qf_service_effect(step, type, QF_BPMN_NONE);
    qf_json_put(step->arena, &effect, "code", qf_json_make_text(qf_status_name(why->status)));
    qf_service_effect_text(step, &effect, "message", letter->name);
    if (qf_member_id_valid(letter->to))
        qf_json_put(step->arena, &effect, "to", qf_json_make_slice(letter->to));
    qf_service_effect_put(step, &effect);
}

/* The last ones are kept. */
static void note_undelivered(struct qf_op_context *ctx, const struct letter *letter,
                             const struct qf_error *why)
{
    struct qf_arena *arena = &ctx->services->scratch;
    struct qf_state_key at;
    qf_state_key_make(&at, QF_STATE_CASE, letter->from);
    const struct qf_json *record = qf_record_get(&ctx->state, arena, &at);
    QF_ASSERT(record != NULL);
    struct qf_json copy = qf_context_copy(ctx, record), list = qf_json_make_array(),
                   item = qf_json_make_object();
    const struct qf_json *before = qf_json_get(record, "undelivered");
    uint32_t count = before == NULL ? 0 : before->count;
    for (uint32_t i = count < QF_SERVICE_UNDELIVERED_MAX ? 0 : 1; i < count; i++)
        qf_json_append(arena, &list, before->items[i]);
    qf_json_put(arena, &item, "code", qf_json_make_text(qf_status_name(why->status)));
    qf_json_put(arena, &item, "detail",
                qf_json_make_slice(qf_arena_copy(arena, qf_slice_of(why->detail))));
    if (letter->name.size <= QF_SERVICE_NAME_SIZE_MAX)
        qf_json_put(arena, &item, "message", qf_json_make_slice(letter->name));
    qf_json_put(arena, &item, "time", qf_json_make_int(ctx->time_ms));
    if (qf_member_id_valid(letter->to))
        qf_json_put(arena, &item, "to", qf_json_make_slice(letter->to));
    qf_json_append(arena, &list, item);
    qf_json_put(ctx->arena, &copy, "undelivered", list);
    qf_context_add_event(ctx, QF_EVENT_MESSAGE_UNDELIVERED, qf_context_put(ctx, &at, &copy));
    tell_undelivered(ctx, letter, record, why);
}

void qf_service_deliver(struct qf_op_context *ctx)
{
    struct qf_services *services = ctx->services;
    struct qf_service_outbox *outbox = services->outbox;
    if (outbox == NULL || services->delivering)
        return;
    services->delivering = true;
    while (outbox->first != NULL) {
        const struct letter *letter = outbox->first;
        outbox->first = letter->next;
        if (outbox->first == NULL)
            outbox->tail = &outbox->first;
        struct qf_error why = {0};
        enum qf_status status;
        size_t mark = qf_overlay_mark(ctx->overlay), events = ctx->effects->event_count,
               terms = ctx->effects->term_count;
        struct letter **tail = outbox->tail;
        if (++outbox->count > QF_SERVICE_MESSAGES_MAX)
            status = qf_fail(&why, QF_OVER_LIMIT, "", "one step may bring about %d messages",
                             QF_SERVICE_MESSAGES_MAX);
        else
            status = deliver(ctx, letter, &why);
        if (status == QF_OK)
            continue;
        /* What it would have done, and sent, is taken back. */
        qf_overlay_rollback(ctx->overlay, mark);
        ctx->effects->event_count = events;
        ctx->effects->term_count = terms;
        outbox->tail = tail;
        *tail = NULL;
        why.status = status;
        note_undelivered(ctx, letter, &why);
    }
    services->delivering = false;
    services->outbox = NULL;
}
