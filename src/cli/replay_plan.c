/* What each event of a log is in a process, and how the case stands after it. */
#include <stdio.h>
#include <stdlib.h>

#include "bpmn/replay.h"
#include "cli/replay.h"
#include "kernel/service/decision.h"

static const struct qf_calendar no_holidays = {.rest = 0x60,
                                               .offset_minutes = QF_SERVICE_ZONE_MINUTES};

/* ---- growing ---- */

static void *grown(void *items, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity)
        return items;
    *capacity = *capacity == 0 ? 1024 : 2 * *capacity;
    void *more = realloc(items, *capacity * size);
    QF_ASSERT(more != NULL);
    return more;
}

/* ---- attributes ---- */

static bool is_text(struct qf_slice text)
{
    for (size_t i = 0; i < text.size; i++)
        if ((text.data[i] < 0x20 && text.data[i] != '\t' && text.data[i] != '\n' &&
             text.data[i] != '\r') ||
            text.data[i] == 0x7F)
            return false;
    return true;
}

/* As an operation may carry it: a text, or an integer. */
static bool take_attribute(struct qf_replay *r, struct qf_json *out, const struct qf_xes_attr *attr)
{
    struct qf_json number;
    if (attr->child != NULL || attr->type == QF_XES_LIST || attr->type == QF_XES_CONTAINER ||
        attr->key.size == 0 || attr->key.size > QF_ATTRIBUTE_NAME_SIZE_MAX ||
        attr->value.size > QF_TEXT_SIZE_MAX || !is_text(attr->key) || !is_text(attr->value) ||
        out->count == QF_ATTRIBUTES_MAX)
        return false;
    struct qf_slice value = qf_arena_copy(&r->arena, attr->value);
    bool whole = attr->type == QF_XES_INT &&
                 qf_json_parse(&r->arena, &number, value, QF_JSON_CANONICAL, NULL) == QF_OK &&
                 number.type == QF_JSON_INT;
    qf_json_put(&r->arena, out, qf_arena_text(&r->arena, attr->key),
                whole ? number : qf_json_make_slice(value));
    return true;
}

static void take_attributes(struct qf_replay *r, struct qf_json *out,
                            const struct qf_xes_attr *attrs, const char *const *without)
{
    *out = qf_json_make_object();
    for (; attrs != NULL; attrs = attrs->next) {
        bool skip = false;
        for (size_t i = 0; without[i] != NULL; i++)
            skip = skip || qf_slice_is(attrs->key, without[i]);
        if (!skip && !take_attribute(r, out, attrs))
            r->dropped++;
    }
}

/* ---- roles ---- */

static void need_role(struct qf_replay *r, uint32_t actor, struct qf_slice role)
{
    const struct qf_json *rows = r->model->participants;
    for (uint32_t i = 0; i < rows->count; i++) {
        const struct qf_json *row = qf_json_get(&rows->items[i], "role");
        const struct qf_json *wanted = qf_json_get(&rows->items[i], "actor_role");
        if (!qf_slice_equal(qf_json_text(row), role))
            continue;
        if (wanted != NULL)
            qf_import_note_group(&r->officials, &r->officials.actors[actor], qf_json_text(wanted));
        return;
    }
}

static struct qf_slice opening_role(const struct qf_bpmn_model *bpmn)
{
    struct qf_slice role = {NULL, 0};
    for (uint16_t at = bpmn->processes[bpmn->main].first_child; at != QF_BPMN_NONE;
         at = bpmn->nodes[at].next_child)
        if (bpmn->nodes[at].kind == QF_BPMN_START && bpmn->nodes[at].lane != QF_BPMN_NONE)
            role = bpmn->lanes[bpmn->nodes[at].lane].role;
    return role;
}

/* ---- the case, played beside ---- */

struct play {
    struct qf_replay *replay;
    struct qf_arena arena;
    struct qf_bpmn_instance instance;
    struct qf_bpmn_call call;
};

/* Decisions are made as the node will make them. now() is not what it was when the case was worked
 * on: neither will it be on the node. */
static enum qf_status decide(void *self, struct qf_arena *arena, struct qf_json *out,
                             struct qf_slice decision, const struct qf_json *inputs,
                             struct qf_error *err)
{
    struct play *play = self;
    const struct qf_clock clock = qf_clock_system();
    const struct qf_service_moment moment = {.time_ms = clock.now_ms(clock.self),
                                             .zone = qf_slice_of(QF_SERVICE_ZONE)};
    struct qf_service_outcome outcome;
    struct qf_buf text = {0};
    enum qf_status status = qf_service_evaluate(play->replay->model, arena, &text, &outcome,
                                                decision, inputs, &moment, err);
    qf_buf_deinit(&text);
    *out = outcome.value;
    return status;
}

static struct qf_bpmn_call *fresh_call(struct play *play)
{
    play->call = (struct qf_bpmn_call){.program = &play->replay->model->program,
                                       .arena = &play->arena,
                                       .calendar = &no_holidays,
                                       .now_ms = 0,
                                       .decide = decide,
                                       .self = play};
    return &play->call;
}

static const struct qf_bpmn_wait *find_wait(const struct play *play, uint16_t node)
{
    for (uint32_t i = 0; i < play->instance.wait_count; i++)
        if (play->instance.waits[i].node == node)
            return &play->instance.waits[i];
    return NULL;
}

static const struct qf_bpmn_wait *find_named(const struct play *play, struct qf_slice activity)
{
    const struct qf_bpmn_node *nodes = play->replay->model->bpmn.nodes;
    for (uint32_t i = 0; i < play->instance.wait_count; i++) {
        const struct qf_bpmn_node *node = &nodes[play->instance.waits[i].node];
        if (qf_bpmn_is_human(node) && qf_slice_equal(node->name, activity))
            return &play->instance.waits[i];
    }
    return NULL;
}

/* Names of what can be done now, for who asks why an event was not expected. */
static const char *open_names(const struct play *play)
{
    struct qf_buf names = {0};
    const struct qf_bpmn_node *nodes = play->replay->model->bpmn.nodes;
    for (uint32_t i = 0; i < play->instance.wait_count; i++) {
        const struct qf_bpmn_node *node = &nodes[play->instance.waits[i].node];
        qf_buf_put_text(&names, names.size > 0 ? "\n" : "");
        qf_buf_put_slice(&names, node->name.size > 0 ? node->name : node->id);
    }
    const char *text = qf_arena_text(&play->replay->arena, qf_buf_slice(&names));
    qf_buf_deinit(&names);
    return text;
}

/* An attribute as a value of the field; false when it is none. */
static bool field_value(struct qf_replay *r, struct qf_json *out,
                        const struct qf_service_field *field, const struct qf_json *value)
{
    struct qf_feel_value read;
    if (field == NULL || field->sealed ||
        (value->type == QF_JSON_STRING && value->count > field->size_max))
        return false;
    *out = *value;
    if (field->type->kind == QF_FEEL_BOOLEAN && value->type == QF_JSON_STRING)
        *out = qf_json_is_text(value, "true")    ? qf_json_make_bool(true)
               : qf_json_is_text(value, "false") ? qf_json_make_bool(false)
                                                 : *value;
    return qf_dmn_value_from_json(&r->arena, &read, out, field->type, NULL);
}

/* What the log says of the fields of the form, where the form takes it. */
static void take_form(struct qf_replay *r, struct qf_replay_event *event, struct qf_slice form)
{
    const struct qf_json *schema = qf_service_form_of(r->model, form);
    const struct qf_json *wanted = schema != NULL ? qf_json_get(schema, "properties") : NULL;
    struct qf_json data = qf_json_make_object(), value;
    event->data = qf_json_make_object();
    for (uint32_t i = 0; i < event->attributes.count; i++) {
        const struct qf_json_member *attribute = &event->attributes.members[i];
        if ((wanted == NULL || qf_json_get_slice(wanted, attribute->key) != NULL) &&
            field_value(r, &value, qf_service_field_of(r->model, attribute->key),
                        &attribute->value))
            qf_json_put(&r->arena, &data, qf_arena_text(&r->arena, attribute->key), value);
    }
    if (data.count > 0 && qf_service_check_data(r->model, &r->arena, &data, form, NULL) == QF_OK)
        event->data = data;
}

static bool complete(struct play *play, const struct qf_bpmn_wait *wait,
                     struct qf_replay_event *event)
{
    const struct qf_bpmn_node *node = &play->replay->model->bpmn.nodes[wait->node];
    take_form(play->replay, event,
              node->kind == QF_BPMN_RECEIVE
                  ? qf_service_message_form(play->replay->model, node->message)
                  : node->ext.form);
    const struct qf_bpmn_answer answer = {.actor =
                                              play->replay->officials.actors[event->actor].name,
                                          .data = &event->data,
                                          .flows = event->flows,
                                          .flow_count = event->flow_count};
    uint32_t task = wait->id;
    if (node->kind == QF_BPMN_RECEIVE) {
        if (qf_bpmn_message(fresh_call(play), &play->instance, node->message, &answer) != QF_OK)
            return false;
        event->message = node->message;
        return true;
    }
    if (qf_bpmn_complete(fresh_call(play), &play->instance, task, &answer) != QF_OK)
        return false;
    event->task = task;
    need_role(play->replay, event->actor, qf_bpmn_role(&play->replay->model->bpmn, node));
    return true;
}

/* What the replay found is tried first; then the open task of that name, without a choice. */
static void play_event(struct play *play, struct qf_replay_event *event,
                       const struct qf_bpmn_replayed *found)
{
    event->flows = found->flows;
    event->flow_count = found->flow_count;
    const struct qf_bpmn_wait *wait =
        found->node == QF_BPMN_NONE ? NULL : find_wait(play, found->node);
    if (wait != NULL && complete(play, wait, event))
        return;
    event->flows = NULL;
    event->flow_count = 0;
    wait = find_named(play, event->activity);
    if (wait != NULL && complete(play, wait, event))
        return;
    event->unplanned = true;
    event->expected = open_names(play);
    need_role(play->replay, event->actor, opening_role(&play->replay->model->bpmn));
}

static enum qf_status play_trace(struct qf_replay *r, struct qf_replay_trace *trace,
                                 const struct qf_bpmn_replay *found, struct qf_error *err)
{
    struct play play = {.replay = r};
    const struct qf_bpmn_answer opening = {
        .data = &trace->data, .flows = found->open.flows, .flow_count = found->open.flow_count};
    enum qf_status status =
        qf_bpmn_open(fresh_call(&play), &play.instance, QF_BPMN_NONE, QF_BPMN_NONE, &opening);
    if (status != QF_OK) {
        *err = play.call.err;
        qf_error_within(err, "%s", trace->id);
    }
    for (uint32_t i = 0; i < trace->count && status == QF_OK; i++) {
        struct qf_replay_event *event = &r->events[trace->first + i];
        play_event(&play, event, &found->events[i]);
        trace->unplanned += event->unplanned;
    }
    if (status == QF_OK) {
        trace->flows = found->open.flows;
        trace->flow_count = found->open.flow_count;
        trace->ended = play.instance.state == QF_BPMN_DONE;
        trace->left = open_names(&play);
        if (trace->count > 0)
            need_role(r, r->events[trace->first].actor, opening_role(&r->model->bpmn));
    }
    qf_arena_deinit(&play.arena);
    return status;
}

/* ---- reading ---- */

static const char *case_id(struct qf_replay *r, struct qf_slice name)
{
    struct qf_buf id = {0};
    if (qf_member_id_valid(name))
        return qf_arena_text(&r->arena, name);
    qf_buf_put_text(&id, "c-");
    qf_import_put_name(&id, name, true, 40);
    const char *text = qf_arena_text(&r->arena, qf_buf_slice(&id));
    qf_buf_deinit(&id);
    return text;
}

static bool is_completion(struct qf_slice lifecycle)
{
    return lifecycle.size == 0 || qf_slice_is(lifecycle, "complete") ||
           qf_slice_is(lifecycle, "COMPLETE") || qf_slice_is(lifecycle, "Complete");
}

static enum qf_status add_event(struct qf_replay *r, const struct qf_xes_event *source,
                                uint32_t number, int64_t *order_ms, struct qf_error *err)
{
    static const char *const without[] = {"concept:name", "org:resource", "time:timestamp", NULL};
    int64_t time_ms = 0;
    uint32_t actor = 0;
    if (r->event_count == QF_IMPORT_EVENTS_MAX)
        return qf_fail(err, QF_OVER_LIMIT, "event", "at most %d events are replayed at once",
                       QF_IMPORT_EVENTS_MAX);
    if (!qf_xes_time(&time_ms, source->timestamp))
        return qf_fail(err, QF_MALFORMED, "time:timestamp",
                       "event %u of the case has no time by which it could be ordered", number);
    if (source->activity.size == 0 || source->activity.size > QF_SERVICE_ACTIVITY_SIZE_MAX ||
        !is_text(source->activity))
        return qf_fail(err, QF_MALFORMED, "concept:name",
                       "event %u of the case has no activity of 1 to %d bytes", number,
                       QF_SERVICE_ACTIVITY_SIZE_MAX);
    enum qf_status status = qf_import_find_actor(&r->officials, source->resource, &actor, err);
    if (status != QF_OK)
        return status;
    r->events = grown(r->events, r->event_count, &r->event_capacity, sizeof *r->events);
    struct qf_replay_event *event = &r->events[r->event_count++];
    *order_ms = time_ms > *order_ms ? time_ms : *order_ms;
    *event = (struct qf_replay_event){.trace = (uint32_t)r->trace_count,
                                      .number = number,
                                      .actor = actor,
                                      .order_ms = *order_ms,
                                      .activity = qf_arena_copy(&r->arena, source->activity),
                                      .time = qf_arena_copy(&r->arena, source->timestamp)};
    take_attributes(r, &event->attributes, source->attrs, without);
    if (!qf_slice_is(source->resource, r->officials.actors[actor].id) && source->resource.size > 0)
        qf_json_put(&r->arena, &event->attributes, "org:resource",
                    qf_json_make_slice(qf_arena_copy(&r->arena, source->resource)));
    return QF_OK;
}

/* Open fields of the service that the log knows of a case, by name. */
static void take_data(struct qf_replay *r, struct qf_replay_trace *trace)
{
    trace->data = qf_json_make_object();
    for (uint32_t i = 0; i < r->model->field_count; i++) {
        const struct qf_service_field *field = &r->model->fields[i];
        const struct qf_json *given = qf_json_get_slice(&trace->attributes, field->name);
        struct qf_json value;
        if (given != NULL && trace->data.count < QF_SERVICE_DATA_MAX &&
            field_value(r, &value, field, given))
            qf_json_put(&r->arena, &trace->data, qf_arena_text(&r->arena, field->name), value);
    }
}

static enum qf_status add_trace(struct qf_replay *r, const struct qf_xes_trace *source,
                                struct qf_error *err)
{
    static const char *const none[] = {NULL}, *const name_only[] = {"concept:name", NULL};
    struct qf_slice name = source->name;
    if (name.size == 0)
        name = qf_slice_of(qf_arena_printf(&r->arena, "%zu", r->trace_count + 1));
    r->traces = grown(r->traces, r->trace_count, &r->trace_capacity, sizeof *r->traces);
    struct qf_replay_trace *trace = &r->traces[r->trace_count];
    *trace = (struct qf_replay_trace){.name = qf_arena_copy(&r->arena, name),
                                      .first = (uint32_t)r->event_count};
    trace->id = case_id(r, name);
    take_attributes(r, &trace->attributes, source->attrs,
                    qf_slice_is(name, trace->id) ? name_only : none);
    take_data(r, trace);
    int64_t order_ms = INT64_MIN;
    for (const struct qf_xes_event *event = source->events; event != NULL; event = event->next) {
        if (!is_completion(event->lifecycle)) {
            r->left_out++;
            continue;
        }
        enum qf_status status = add_event(r, event, trace->count + 1, &order_ms, err);
        if (status != QF_OK)
            return status;
        trace->count++;
    }
    return QF_OK;
}

static enum qf_status take_trace(void *self, const struct qf_xes_trace *source,
                                 struct qf_error *err)
{
    struct qf_replay *r = self;
    struct qf_bpmn_replay found;
    if (r->limit > 0 && r->trace_count >= r->limit)
        return QF_OK;
    enum qf_status status = add_trace(r, source, err);
    struct qf_replay_trace *trace = &r->traces[r->trace_count];
    if (status == QF_OK) {
        struct qf_slice *names = QF_ARENA_ARRAY(&r->arena, struct qf_slice, trace->count + 1);
        for (uint32_t i = 0; i < trace->count; i++)
            names[i] = r->events[trace->first + i].activity;
        status = qf_bpmn_replay(r->replayer, &r->arena, &found, names, trace->count, err);
    }
    if (status == QF_OK)
        status = play_trace(r, trace, &found, err);
    if (status != QF_OK && err != NULL) {
        qf_error_within(err, "case %.*s", (int)(source->name.size < 64 ? source->name.size : 64),
                        (const char *)source->name.data);
        return status;
    }
    r->trace_count++;
    return status;
}

/* ---- the plan ---- */

static int by_time(const void *a, const void *b, void *arg)
{
    const struct qf_replay *replay = arg;
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    int64_t x_ms = replay->events[x].order_ms, y_ms = replay->events[y].order_ms;
    if (x_ms != y_ms)
        return x_ms < y_ms ? -1 : 1;
    return (x > y) - (x < y);
}

static enum qf_status check_service(const struct qf_replay *r, struct qf_error *err)
{
    if (!r->model->imported)
        return qf_fail(err, QF_USAGE, "imported",
                       "service.yaml must say imported: true, so that the events keep the time "
                       "that the log says");
    for (uint16_t i = 0; i < r->model->bpmn.node_count; i++)
        if (r->model->bpmn.nodes[i].kind == QF_BPMN_RULE && r->model->bpmn.nodes[i].ext.sealed)
            return qf_fail(err, QF_USAGE, "process.bpmn",
                           "task %.*s decides over sealed fields: their values are in no log, so "
                           "that a process with such a decision cannot be replayed",
                           QF_SLICE_ARGS(r->model->bpmn.nodes[i].id));
    return QF_OK;
}

/* Two traces of one name would be one case. */
static enum qf_status check_ids(const struct qf_replay *r, struct qf_error *err)
{
    size_t slots = 16;
    while (slots < 2 * r->trace_count)
        slots *= 2;
    uint32_t *table = calloc(slots, sizeof *table);
    QF_ASSERT(table != NULL);
    enum qf_status status = QF_OK;
    for (uint32_t i = 0; i < r->trace_count && status == QF_OK; i++) {
        uint64_t hash = 14695981039346656037u;
        for (const char *c = r->traces[i].id; *c != '\0'; c++)
            hash = (hash ^ (uint8_t)*c) * 1099511628211u;
        size_t at = hash & (slots - 1);
        for (; table[at] != 0; at = (at + 1) & (slots - 1))
            if (strcmp(r->traces[table[at] - 1].id, r->traces[i].id) == 0)
                status = qf_fail(err, QF_MALFORMED, "concept:name",
                                 "two cases of the log have the name %s", r->traces[i].id);
        table[at] = i + 1;
    }
    free(table);
    return status;
}

enum qf_status qf_replay_plan(struct qf_replay *replay, const char *path, struct qf_error *err)
{
    const struct qf_xes_handler handler = {.trace = take_trace, .self = replay};
    enum qf_status status = check_service(replay, err);
    if (status == QF_OK)
        status = qf_import_log_init(&replay->officials, err);
    if (status != QF_OK)
        return status;
    replay->replayer = qf_bpmn_replayer_new(&replay->model->bpmn);
    status = qf_import_feed(&handler, path, err);
    qf_bpmn_replayer_free(replay->replayer);
    replay->replayer = NULL;
    if (status == QF_OK)
        status = check_ids(replay, err);
    if (status != QF_OK)
        return status;
    replay->order = calloc(replay->event_count + 1, sizeof *replay->order);
    QF_ASSERT(replay->order != NULL);
    for (uint32_t i = 0; i < replay->event_count; i++)
        replay->order[i] = i;
    qsort_r(replay->order, replay->event_count, sizeof *replay->order, by_time, replay);
    return QF_OK;
}

void qf_replay_deinit(struct qf_replay *replay)
{
    qf_sender_free(replay->sender);
    qf_service_free(replay->model);
    qf_private_key_free(replay->admin);
    qf_import_log_deinit(&replay->officials);
    free(replay->events);
    free(replay->traces);
    free(replay->order);
    qf_arena_deinit(&replay->arena);
    *replay = (struct qf_replay){0};
}
