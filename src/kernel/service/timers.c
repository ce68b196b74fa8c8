/* What falls due at block time, and the working days by which it does. */
#include "kernel/lookup.h"
#include "kernel/service/step.h"

/* ---- calendar ---- */

struct days {
    struct qf_op_context *ctx;
    struct qf_arena *arena; /* the block's */
    int32_t *off, *worked;
    uint32_t off_count, worked_count, off_room, worked_room;
};

static int32_t digits(const uint8_t *text, size_t count)
{
    int32_t value = 0;
    for (size_t i = 0; i < count; i++)
        value = value * 10 + (text[i] - '0');
    return value;
}

static void add_days(struct qf_arena *arena, int32_t **days, uint32_t *count, uint32_t *room,
                     const struct qf_json *dates)
{
    for (uint32_t i = 0; i < dates->count; i++) {
        struct qf_slice text = qf_json_text(&dates->items[i]);
        struct qf_date date = {digits(text.data, 4), digits(text.data + 5, 2),
                               digits(text.data + 8, 2)};
        if (*count == *room) {
            *room = *room == 0 ? 64 : *room * 2;
            int32_t *more = QF_ARENA_ARRAY(arena, int32_t, *room);
            if (*count > 0)
                memcpy(more, *days, *count * sizeof *more);
            *days = more;
        }
        int32_t day = (int32_t)qf_date_to_day(date);
        uint32_t at = (*count)++;
        for (; at > 0 && (*days)[at - 1] > day; at--)
            (*days)[at] = (*days)[at - 1];
        (*days)[at] = day;
    }
}

static bool add_year(void *arg, struct qf_slice key, struct qf_slice value)
{
    struct days *days = arg;
    (void)value;
    struct qf_slice prefix = qf_state_kind_prefix(QF_STATE_CALENDAR);
    struct qf_state_key at;
    qf_state_key_make(&at, QF_STATE_CALENDAR,
                      qf_slice_make(key.data + prefix.size, key.size - prefix.size));
    const struct qf_state_reader *committed = days->ctx->overlay->reader;
    const struct qf_json *year = qf_record_get(committed, days->arena, &at);
    QF_ASSERT(year != NULL);
    add_days(days->arena, &days->off, &days->off_count, &days->off_room,
             qf_json_get(year, "holidays"));
    add_days(days->arena, &days->worked, &days->worked_count, &days->worked_room,
             qf_json_get(year, "workdays"));
    return true;
}

const struct qf_calendar *qf_services_calendar(struct qf_op_context *ctx)
{
    struct qf_services *services = ctx->services;
    if (services->calendar != NULL)
        return services->calendar;
    struct days days = {.ctx = ctx, .arena = ctx->arena};
    const struct qf_state_reader *committed = ctx->overlay->reader;
    committed->list(committed->self, qf_state_kind_prefix(QF_STATE_CALENDAR),
                    (struct qf_slice){NULL, 0}, add_year, &days);
    struct qf_calendar *calendar = QF_ARENA_NEW(ctx->arena, struct qf_calendar);
    *calendar = (struct qf_calendar){.off = days.off,
                                     .worked = days.worked,
                                     .off_count = days.off_count,
                                     .worked_count = days.worked_count,
                                     .rest = 0x60,
                                     .offset_minutes = services->zone_s / 60};
    services->calendar = calendar;
    return calendar;
}

/* ---- what is due ---- */

struct due {
    struct qf_arena *arena;
    int64_t now_ms;
    struct qf_slice ids[QF_SERVICE_TIMERS_BLOCK_MAX]; /* of cases */
    size_t count;
    int64_t next_ms; /* of the last one looked at */
};

static bool add_due(void *arg, struct qf_slice key, struct qf_slice value)
{
    struct due *due = arg;
    struct qf_slice id;
    (void)value;
    due->next_ms = qf_lookup_due_read(key, &id);
    if (due->next_ms > due->now_ms || due->count == QF_SERVICE_TIMERS_BLOCK_MAX)
        return false;
    due->ids[due->count++] = qf_arena_copy(due->arena, id);
    return true;
}

static void fire(struct qf_op_context *ctx, struct qf_slice id)
{
    struct qf_error err = {0};
    struct qf_service_step *step;
    qf_arena_reset(&ctx->services->scratch);
    ctx->services->outbox = NULL;
    enum qf_status status = qf_service_step_load(ctx, &step, id, &err);
    QF_ASSERT(status != QF_NOT_FOUND);
    size_t mark = qf_overlay_mark(ctx->overlay), terms = ctx->effects->term_count;
    if (status == QF_OK)
        status = qf_service_step_begin(step, &err);
    if (status == QF_OK)
        status = qf_service_step_end(step, qf_bpmn_tick(&step->call, &step->instance),
                                     QF_EVENT_CASE_TIMER, &err);
    if (status != QF_OK) {
        qf_overlay_rollback(ctx->overlay, mark);
        ctx->effects->term_count = terms;
        qf_service_step_halt(step, &err);
    }
    qf_overlay_accept(ctx->overlay);
}

void qf_services_spend(struct qf_services *services, uint64_t steps)
{
    services->steps -= steps < services->steps ? steps : services->steps;
}

void qf_services_zone(struct qf_op_context *ctx)
{
    struct qf_services *services = ctx->services;
    if (services->zone_known)
        return;
    services->zone_known = true;
    struct qf_slice zone = qf_slice_of(QF_SERVICE_ZONE);
    struct qf_state_key at;
    qf_state_key_make(&at, QF_STATE_PARAMETERS, (struct qf_slice){NULL, 0});
    const struct qf_json *parameters = qf_record_get(ctx->overlay->reader, ctx->arena, &at);
    const struct qf_json *own = parameters == NULL ? NULL : qf_json_get(parameters, "zone");
    if (own != NULL)
        zone = qf_json_text(own);
    if (qf_slice_is(zone, services->zone))
        return;
    QF_ASSERT(zone.size < sizeof services->zone);
    qf_services_forget(services);
    memcpy(services->zone, zone.data, zone.size);
    services->zone[zone.size] = '\0';
    /* One that a later table has dropped or changed is taken for UTC: days still end. */
    if (!qf_feel_zone_fixed(zone, &services->zone_s))
        services->zone_s = 0;
}

/* What is known of the next thing due only rises when nothing was due: a block in which something
 * was may be dropped, and it would fall due again. */
static void fire_due(struct qf_op_context *ctx)
{
    struct qf_services *services = ctx->services;
    services->zone_known = false;
    services->steps = QF_FEEL_BLOCK_STEPS_MAX;
    services->calendar = NULL;
    services->step = NULL;
    services->outbox = NULL;
    services->delivering = false;
    services->fell_due = 0;
    if (services->due_ms > ctx->time_ms)
        return;
    const struct qf_state_reader *committed = ctx->overlay->reader;
    struct due *due = QF_ARENA_NEW(ctx->arena, struct due);
    due->arena = ctx->arena;
    due->now_ms = ctx->time_ms;
    due->next_ms = INT64_MAX;
    committed->list(committed->self, qf_slice_of(QF_LOOKUP_DUE), (struct qf_slice){NULL, 0},
                    add_due, due);
    if (due->count == 0)
        services->due_ms = due->next_ms;
    for (size_t i = 0; i < due->count && services->steps > QF_FEEL_BLOCK_STEPS_MAX / 2; i++) {
        fire(ctx, due->ids[i]);
        services->fell_due++;
    }
}

void qf_services_begin(struct qf_op_context *ctx)
{
    fire_due(ctx);
    qf_services_migrate(ctx);
}
