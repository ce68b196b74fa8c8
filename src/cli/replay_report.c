/* What came of a replay: histories compared with the log, and the report. */
#include <stdio.h>

#include "cli/case_xes.h"
#include "cli/cli.h"
#include "cli/replay.h"

/* ---- comparing ---- */

static struct qf_json text_json(struct qf_slice text)
{
    return text.data == NULL ? qf_json_make_null() : qf_json_make_slice(text);
}

static void differ(struct qf_replay *r, const struct qf_replay_trace *trace, uint32_t number,
                   const char *what, struct qf_slice log, struct qf_slice ledger)
{
    struct qf_json item = qf_json_make_object();
    if (r->differing++ >= QF_REPLAY_EXAMPLES)
        return;
    qf_json_put(&r->arena, &item, "case", qf_json_make_slice(trace->name));
    qf_json_put(&r->arena, &item, "event", qf_json_make_int(number));
    qf_json_put(&r->arena, &item, "ledger", text_json(qf_arena_copy(&r->arena, ledger)));
    qf_json_put(&r->arena, &item, "log", text_json(log));
    qf_json_put(&r->arena, &item, "what", qf_json_make_text(what));
    qf_json_append(&r->arena, &r->differences, item);
}

static bool same_value(const struct qf_json *value, const struct qf_xes_attr *attr)
{
    char number[32];
    if (attr == NULL)
        return false;
    if (value->type == QF_JSON_STRING)
        return qf_slice_equal(qf_json_text(value), attr->value);
    snprintf(number, sizeof number, "%lld", (long long)value->integer);
    return qf_slice_is(attr->value, number);
}

static void compare_event(struct qf_replay *r, const struct qf_replay_trace *trace,
                          const struct qf_replay_event *event, const struct qf_xes_event *there)
{
    static const struct qf_slice nothing = {NULL, 0};
    const struct qf_import_actor *actor = &r->officials.actors[event->actor];
    r->compared++;
    if (there == NULL) {
        differ(r, trace, event->number, "event", event->activity, nothing);
        return;
    }
    if (!qf_slice_equal(there->activity, event->activity))
        differ(r, trace, event->number, "activity", event->activity, there->activity);
    if (!qf_slice_equal(there->resource, actor->name))
        differ(r, trace, event->number, "resource", actor->name, there->resource);
    if (!qf_slice_equal(there->timestamp, event->time))
        differ(r, trace, event->number, "time", event->time, there->timestamp);
    for (uint32_t i = 0; i < event->attributes.count; i++) {
        const struct qf_json_member *member = &event->attributes.members[i];
        char *key = qf_arena_text(&r->arena, member->key);
        const struct qf_xes_attr *attr = qf_xes_find(there->attrs, key);
        if (!same_value(&member->value, attr))
            differ(r, trace, event->number, key,
                   member->value.type == QF_JSON_STRING ? qf_json_text(&member->value) : nothing,
                   attr != NULL ? attr->value : nothing);
    }
}

static enum qf_status compare_trace(struct qf_replay *r, const struct qf_replay_trace *trace,
                                    struct qf_xes_file *file, struct qf_error *err)
{
    static const struct qf_slice nothing = {NULL, 0};
    struct qf_arena arena = {0};
    struct qf_xes_trace there = {0};
    enum qf_status status = qf_case_trace(qf_sender_client(r->sender), &arena, &there,
                                          qf_slice_of(trace->id), QF_CASE_PEOPLE, err);
    if (status == QF_NO_SUCH_RESOURCE)
        status = QF_OK; /* the differences say so */
    if (status == QF_OK && !qf_slice_equal(there.name, trace->name) && there.events != NULL)
        differ(r, trace, 0, "name", trace->name, there.name);
    const struct qf_xes_event *at = there.events;
    for (uint32_t i = 0; i < trace->count && status == QF_OK; i++) {
        compare_event(r, trace, &r->events[trace->first + i], at);
        at = at != NULL ? at->next : NULL;
    }
    for (uint32_t i = trace->count; at != NULL; at = at->next)
        differ(r, trace, ++i, "event", nothing, at->activity);
    if (status == QF_OK && file != NULL && there.events != NULL)
        status = qf_xes_file_trace(file, &there, err);
    qf_arena_deinit(&arena);
    return status;
}

enum qf_status qf_replay_compare(struct qf_replay *r, const char *export_path, struct qf_error *err)
{
    struct qf_xes_file *file = NULL;
    struct qf_cli_progress progress;
    enum qf_status status = QF_OK;
    r->differences = qf_json_make_array();
    if (export_path != NULL)
        status = qf_xes_file_open(&file, export_path, err);
    qf_cli_progress_start(&progress, "reading the cases back", r->trace_count);
    for (size_t i = 0; i < r->trace_count && status == QF_OK; i++) {
        status = compare_trace(r, &r->traces[i], file, err);
        qf_cli_progress_show(&progress, i + 1);
    }
    qf_cli_progress_end(&progress, r->trace_count);
    enum qf_status closed = qf_xes_file_close(file, status == QF_OK, err);
    return status == QF_OK ? closed : status;
}

/* ---- the report ---- */

static void put_int(struct qf_replay *r, struct qf_json *object, const char *name, uint64_t value)
{
    qf_json_put(&r->arena, object, name, qf_json_make_int((int64_t)value));
}

static struct qf_json names_json(struct qf_replay *r, const char *names)
{
    struct qf_json list = qf_json_make_array();
    while (names != NULL && *names != '\0') {
        size_t size = strcspn(names, "\n");
        qf_json_append(&r->arena, &list, qf_json_make_slice(qf_slice_make(names, size)));
        names += size + (names[size] == '\n');
    }
    return list;
}

static struct qf_json deviating_case(struct qf_replay *r, const struct qf_replay_trace *trace)
{
    struct qf_json item = qf_json_make_object(), events = qf_json_make_array();
    for (uint32_t i = 0; i < trace->count; i++) {
        const struct qf_replay_event *event = &r->events[trace->first + i];
        if (!event->unplanned)
            continue;
        struct qf_json one = qf_json_make_object();
        qf_json_put(&r->arena, &one, "activity", qf_json_make_slice(event->activity));
        qf_json_put(&r->arena, &one, "actor",
                    qf_json_make_slice(r->officials.actors[event->actor].name));
        put_int(r, &one, "event", event->number);
        qf_json_put(&r->arena, &one, "expected", names_json(r, event->expected));
        qf_json_put(&r->arena, &one, "time", qf_json_make_slice(event->time));
        qf_json_append(&r->arena, &events, one);
    }
    qf_json_put(&r->arena, &item, "case", qf_json_make_slice(trace->name));
    qf_json_put(&r->arena, &item, "ended", qf_json_make_bool(trace->ended));
    if (!trace->ended)
        qf_json_put(&r->arena, &item, "open", names_json(r, trace->left));
    qf_json_put(&r->arena, &item, "unplanned", events);
    return item;
}

static struct qf_json refused_case(struct qf_replay *r, const struct qf_replay_trace *trace)
{
    struct qf_json item = qf_json_make_object();
    qf_json_put(&r->arena, &item, "case", qf_json_make_slice(trace->name));
    qf_json_put(&r->arena, &item, "code", qf_json_make_text(qf_status_name(trace->problem.status)));
    qf_json_put(&r->arena, &item, "detail", qf_json_make_text(trace->problem.detail));
    put_int(r, &item, "events_recorded", trace->done);
    qf_json_put(&r->arena, &item, "field", qf_json_make_text(trace->problem.field));
    return item;
}

struct qf_replay_counts qf_replay_count(const struct qf_replay *r)
{
    struct qf_replay_counts counts = {0};
    for (size_t i = 0; i < r->trace_count; i++) {
        const struct qf_replay_trace *trace = &r->traces[i];
        counts.conforming += trace->unplanned == 0 && trace->ended;
        counts.unplanned += trace->unplanned;
        counts.open += !trace->ended;
        counts.there += trace->there;
        counts.recorded += trace->done - trace->there;
        counts.refused += trace->stopped;
    }
    counts.deviating = r->trace_count - counts.conforming;
    return counts;
}

static struct qf_json compared_json(struct qf_replay *r)
{
    struct qf_json object = qf_json_make_object();
    put_int(r, &object, "differences", r->differing);
    qf_json_put(&r->arena, &object, "equal", qf_json_make_bool(r->differing == 0));
    put_int(r, &object, "events", r->compared);
    qf_json_put(&r->arena, &object, "first", r->differences);
    return object;
}

struct qf_json qf_replay_report(struct qf_replay *r, int64_t total_ms)
{
    struct qf_replay_counts counts = qf_replay_count(r);
    struct qf_json report = qf_json_make_object();
    struct qf_json deviations = qf_json_make_array(), refusals = qf_json_make_array();
    for (size_t i = 0; i < r->trace_count; i++) {
        const struct qf_replay_trace *trace = &r->traces[i];
        if ((trace->unplanned > 0 || !trace->ended) && deviations.count < QF_REPLAY_EXAMPLES)
            qf_json_append(&r->arena, &deviations, deviating_case(r, trace));
        if (trace->stopped && refusals.count < QF_REPLAY_EXAMPLES)
            qf_json_append(&r->arena, &refusals, refused_case(r, trace));
    }
    put_int(r, &report, "attributes_left_out", r->dropped);
    put_int(r, &report, "cases", r->trace_count);
    qf_json_put(&r->arena, &report, "compared", compared_json(r));
    put_int(r, &report, "conforming", counts.conforming);
    put_int(r, &report, "deviating", counts.deviating);
    qf_json_put(&r->arena, &report, "deviations", deviations);
    put_int(r, &report, "events", r->event_count);
    put_int(r, &report, "events_left_out", r->left_out);
    put_int(r, &report, "keys_made", r->registered.keys_made);
    put_int(r, &report, "milliseconds", (uint64_t)total_ms);
    put_int(r, &report, "milliseconds_sending", (uint64_t)r->send_ms);
    put_int(r, &report, "officials", r->officials.actor_count);
    put_int(r, &report, "open", counts.open);
    put_int(r, &report, "recorded", counts.recorded);
    qf_json_put(&r->arena, &report, "refusals", refusals);
    put_int(r, &report, "refused_cases", counts.refused);
    qf_json_put(&r->arena, &report, "service", qf_json_make_slice(r->model->id));
    put_int(r, &report, "there_already", counts.there);
    put_int(r, &report, "transactions", r->sent);
    put_int(r, &report, "unplanned", counts.unplanned);
    qf_json_put(&r->arena, &report, "version", qf_json_make_slice(r->model->version));
    return report;
}
