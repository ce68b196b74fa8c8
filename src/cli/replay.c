#include "cli/replay.h"

#include <stdio.h>

#include "cli/case_xes.h"
#include "cli/cli.h"
#include "codec/text.h"

/* ---- deploying ---- */

static void put_ops(struct qf_arena *arena, struct qf_json *ops, struct qf_json *op)
{
    *ops = qf_json_make_array();
    qf_json_append(arena, ops, *op);
}

static enum qf_status send_op(struct qf_replay *r, struct qf_json op, struct qf_error *err)
{
    struct qf_json ops;
    put_ops(&r->arena, &ops, &op);
    return qf_sender_add(r->sender, r->admin, &ops, 0, err);
}

static enum qf_status send_parts(struct qf_replay *r, const char *hash, struct qf_error *err)
{
    enum qf_status status = QF_OK;
    for (size_t at = 0, part = 0; at < r->package.size && status == QF_OK; part++) {
        size_t size = r->package.size - at;
        size = size < QF_SERVICE_PART_SIZE_MAX ? size : QF_SERVICE_PART_SIZE_MAX;
        struct qf_buf base64 = {0};
        struct qf_json op = qf_json_make_object();
        qf_buf_put_base64(&base64, qf_slice_make(r->package.data + at, size));
        qf_json_put(&r->arena, &op, "data", qf_json_make_slice(qf_buf_slice(&base64)));
        qf_json_put(&r->arena, &op, "hash", qf_json_make_text(hash));
        qf_json_put(&r->arena, &op, "op", qf_json_make_text("service.part"));
        qf_json_put(&r->arena, &op, "part", qf_json_make_int((int64_t)part));
        status = send_op(r, op, err);
        qf_buf_deinit(&base64);
        at += size;
    }
    return status == QF_OK ? qf_sender_flush(r->sender, err) : status;
}

static enum qf_status propose(struct qf_replay *r, const char *hash, const char *proposal,
                              struct qf_error *err)
{
    struct qf_json action = qf_json_make_object(), op = qf_json_make_object();
    qf_json_put(&r->arena, &action, "do", qf_json_make_text("service.deploy"));
    qf_json_put(&r->arena, &action, "hash", qf_json_make_text(hash));
    qf_json_put(&r->arena, &action, "member", qf_json_make_slice(r->registered.member));
    qf_json_put(&r->arena, &action, "service", qf_json_make_slice(r->model->id));
    qf_json_put(&r->arena, &action, "version", qf_json_make_slice(r->model->version));
    qf_json_put(&r->arena, &op, "action", action);
    qf_json_put(&r->arena, &op, "op", qf_json_make_text("consortium.propose"));
    qf_json_put(&r->arena, &op, "proposal", qf_json_make_text(proposal));
    enum qf_status status = send_op(r, op, err);
    op = qf_json_make_object();
    qf_json_put(&r->arena, &op, "choice", qf_json_make_text("yes"));
    qf_json_put(&r->arena, &op, "op", qf_json_make_text("consortium.vote"));
    qf_json_put(&r->arena, &op, "proposal", qf_json_make_text(proposal));
    if (status == QF_OK)
        status = qf_sender_flush(r->sender, err); /* the vote needs the proposal */
    if (status == QF_OK && r->problem.status == QF_OK)
        status = send_op(r, op, err);
    return status == QF_OK ? qf_sender_flush(r->sender, err) : status;
}

/* *there: this version is in force; QF_WRONG_STATE when the ledger has another one. */
static enum qf_status look(struct qf_replay *r, const char *hash, bool *there, struct qf_error *err)
{
    struct qf_json service, proof, record;
    struct qf_client *client = qf_sender_client(r->sender);
    char *path = qf_arena_printf(&r->arena, "/v1/services/%.*s", QF_SLICE_ARGS(r->model->id));
    bool found = false;
    *there = false;
    enum qf_status status = qf_client_get_json(client, &r->arena, path, &service, &found, err);
    r->fresh = r->fresh || (status == QF_OK && !found);
    if (status != QF_OK || !found)
        return status;
    const struct qf_json *now = qf_json_get(&service, "version");
    const struct qf_json *state = qf_json_get(&service, "status");
    const struct qf_json *versions = qf_json_get(&service, "versions");
    if (state == NULL || !qf_json_is_text(state, "active"))
        return qf_fail(err, QF_WRONG_STATE, "service", "the service is not active on the network");
    bool known = false;
    for (uint32_t i = 0; versions != NULL && versions->type == QF_JSON_ARRAY && i < versions->count;
         i++)
        known = known || (versions->items[i].type == QF_JSON_STRING &&
                          qf_slice_equal(qf_json_text(&versions->items[i]), r->model->version));
    if (!known)
        return QF_OK;
    if (now == NULL || now->type != QF_JSON_STRING ||
        !qf_slice_equal(qf_json_text(now), r->model->version))
        return qf_fail(err, QF_WRONG_STATE, "version",
                       "new cases of the service open on another version than %.*s",
                       QF_SLICE_ARGS(r->model->version));
    path = qf_arena_printf(&r->arena, "/v1/state/service/version/%.*s/%.*s",
                           QF_SLICE_ARGS(r->model->id), QF_SLICE_ARGS(r->model->version));
    status = qf_client_get_json(client, &r->arena, path, &proof, NULL, err);
    const struct qf_json *value = status == QF_OK ? qf_json_get(&proof, "value") : NULL;
    if (value == NULL || value->type != QF_JSON_STRING)
        return status;
    status = qf_json_parse(&r->arena, &record, qf_json_text(value), QF_JSON_CANONICAL, err);
    const struct qf_json *deployed = status == QF_OK ? qf_json_get(&record, "hash") : NULL;
    if (status == QF_OK && (deployed == NULL || !qf_json_is_text(deployed, hash)))
        status = qf_fail(err, QF_WRONG_STATE, "version",
                         "another package has this version on the network; give the folder's "
                         "service.yaml a new one");
    *there = status == QF_OK;
    return status;
}

enum qf_status qf_replay_deploy(struct qf_replay *r, struct qf_error *err)
{
    enum qf_hash_alg alg = qf_suite_hash(qf_sender_rules(r->sender)->suite);
    uint8_t digest[QF_HASH_SIZE];
    char hex[2 * QF_HASH_SIZE];
    bool there = false;
    qf_hash(alg, digest, r->package);
    qf_hex_encode(hex, qf_slice_make(digest, sizeof digest));
    const char *hash =
        qf_arena_printf(&r->arena, "%s:%.*s", qf_hash_alg_name(alg), (int)sizeof hex, hex);
    const char *proposal =
        qf_arena_printf(&r->arena, "deploy/%.*s/%.*s/%.8s", QF_SLICE_ARGS(r->model->id),
                        QF_SLICE_ARGS(r->model->version), hex);
    enum qf_status status = look(r, hash, &there, err);
    if (status != QF_OK || there)
        return status;
    status = send_parts(r, hash, err);
    if (status == QF_OK)
        status = propose(r, hash, proposal, err);
    if (status == QF_OK && r->problem.status == QF_EXISTS)
        return qf_fail(
            err, QF_WRONG_STATE, "service",
            "it is proposed already: the other members have to vote on proposal %s; if it "
            "came to nothing, qifeng service deploy proposes the folder again",
            proposal);
    if (status == QF_OK && r->problem.status != QF_OK) {
        *err = r->problem;
        return err->status;
    }
    if (status == QF_OK)
        status = look(r, hash, &there, err);
    if (status == QF_OK && !there)
        status = qf_fail(err, QF_WRONG_STATE, "service",
                         "the other members have to vote on proposal %s first; then run this "
                         "again",
                         proposal);
    return status;
}

/* ---- officials ---- */

static struct qf_json roles_of(void *self, const struct qf_import_actor *actor)
{
    struct qf_replay *r = self;
    struct qf_json list = qf_json_make_array();
    for (size_t i = 0; i < actor->group_count; i++)
        qf_json_append(&r->arena, &list, qf_json_make_slice(actor->groups[i]));
    return list;
}

/* ---- events ---- */

static struct qf_json flows_json(struct qf_arena *arena, const struct qf_slice *flows,
                                 uint32_t count)
{
    struct qf_json list = qf_json_make_array();
    for (uint32_t i = 0; i < count; i++)
        qf_json_append(arena, &list, qf_json_make_slice(flows[i]));
    return list;
}

static struct qf_json imported_json(struct qf_arena *arena, const struct qf_json *attributes,
                                    struct qf_slice time)
{
    struct qf_json imported = qf_json_make_object();
    if (attributes->count > 0)
        qf_json_put(arena, &imported, "attributes", *attributes);
    if (time.size > 0)
        qf_json_put(arena, &imported, "time", qf_json_make_slice(time));
    return imported;
}

static struct qf_json opening(struct qf_replay *r, struct qf_arena *arena,
                              const struct qf_replay_trace *trace)
{
    struct qf_json op = qf_json_make_object();
    struct qf_slice none = {NULL, 0};
    qf_json_put(arena, &op, "case", qf_json_make_text(trace->id));
    if (trace->data.count > 0)
        qf_json_put(arena, &op, "data", trace->data);
    if (trace->flow_count > 0)
        qf_json_put(arena, &op, "flows", flows_json(arena, trace->flows, trace->flow_count));
    if (trace->attributes.count > 0)
        qf_json_put(arena, &op, "imported", imported_json(arena, &trace->attributes, none));
    qf_json_put(arena, &op, "op", qf_json_make_text("service.case.open"));
    qf_json_put(arena, &op, "service", qf_json_make_slice(r->model->id));
    return op;
}

static struct qf_json step(struct qf_arena *arena, const struct qf_replay_trace *trace,
                           const struct qf_replay_event *event)
{
    struct qf_json op = qf_json_make_object();
    qf_json_put(arena, &op, "case", qf_json_make_text(trace->id));
    if (event->data.count > 0 && !event->unplanned)
        qf_json_put(arena, &op, "data", event->data);
    qf_json_put(arena, &op, "imported", imported_json(arena, &event->attributes, event->time));
    if (event->flow_count > 0)
        qf_json_put(arena, &op, "flows", flows_json(arena, event->flows, event->flow_count));
    if (event->unplanned) {
        qf_json_put(arena, &op, "activity", qf_json_make_slice(event->activity));
        qf_json_put(arena, &op, "op", qf_json_make_text("service.case.unplanned"));
    } else if (event->message.data != NULL) {
        qf_json_put(arena, &op, "name", qf_json_make_slice(event->message));
        qf_json_put(arena, &op, "op", qf_json_make_text("service.case.message"));
    } else {
        qf_json_put(arena, &op, "op", qf_json_make_text("service.task.complete"));
        qf_json_put(arena, &op, "task", qf_json_make_int(event->task));
    }
    return op;
}

/* The case is opened by who does the first thing in it, in the same transaction. */
static enum qf_status send_event(struct qf_replay *r, uint32_t at, struct qf_error *err)
{
    const struct qf_replay_event *event = &r->events[at];
    const struct qf_replay_trace *trace = &r->traces[event->trace];
    struct qf_arena arena = {0};
    struct qf_json ops = qf_json_make_array();
    if (event->number == 1)
        qf_json_append(&arena, &ops, opening(r, &arena, trace));
    qf_json_append(&arena, &ops, step(&arena, trace, event));
    enum qf_status status =
        qf_sender_add(r->sender, r->officials.actors[event->actor].key, &ops, at, err);
    r->sent += status == QF_OK;
    qf_arena_deinit(&arena);
    return status;
}

void qf_replay_told(void *arg, uint64_t tag, const struct qf_sender_result *result)
{
    struct qf_replay *r = arg;
    struct qf_error problem = result->problem;
    problem.status = result->code;
    if (!r->events_begun) {
        if (!result->accepted && r->problem.status == QF_OK)
            r->problem = problem;
        return;
    }
    struct qf_replay_event *event = &r->events[tag];
    struct qf_replay_trace *trace = &r->traces[event->trace];
    qf_cli_progress_show(&r->progress, ++r->answered);
    if (result->accepted)
        trace->done++;
    else if (!trace->stopped) {
        qf_error_within(&problem, "event %u", event->number);
        trace->stopped = true;
        trace->problem = problem;
    }
}

static void stop(struct qf_replay_trace *trace, enum qf_status status, uint32_t number,
                 const char *why)
{
    trace->stopped = true;
    (void)qf_fail(&trace->problem, status, "", "%s", why);
    qf_error_within(&trace->problem, "event %u", number);
}

/* How far the ledger has a case: the first events of the log, and nothing else. */
static void match_there(struct qf_replay *r, struct qf_replay_trace *trace,
                        const struct qf_xes_trace *there)
{
    const struct qf_xes_event *at = there->events;
    trace->done = 0;
    while (at != NULL && trace->done < trace->count) {
        const struct qf_replay_event *event = &r->events[trace->first + trace->done];
        if (!qf_slice_equal(at->activity, event->activity) ||
            !qf_slice_equal(at->timestamp, event->time))
            break;
        trace->done++;
        at = at->next;
    }
    if (at != NULL && !trace->stopped)
        stop(trace, QF_EXISTS, trace->done + 1, "the case on the ledger went another way");
}

static enum qf_status count_done(struct qf_replay *r, struct qf_replay_trace *trace,
                                 struct qf_error *err)
{
    struct qf_arena arena = {0};
    struct qf_xes_trace there = {0};
    enum qf_status status = qf_case_trace(qf_sender_client(r->sender), &arena, &there,
                                          qf_slice_of(trace->id), QF_CASE_PEOPLE, err);
    trace->done = 0;
    if (status == QF_OK)
        match_there(r, trace, &there);
    if (status == QF_OK && trace->done == 0 && !trace->stopped)
        stop(trace, QF_EXISTS, 1, "the case is open already, without an event of the log");
    qf_arena_deinit(&arena);
    return status == QF_NO_SUCH_RESOURCE ? QF_OK : status;
}

/* What the manifest does not permit is not sent: the case stops there. */
static bool may_go(const struct qf_replay *r, const struct qf_replay_event *event,
                   struct qf_replay_trace *trace)
{
    if (!trace->stopped && event->unplanned && !r->model->unplanned)
        stop(trace, QF_NOT_ALLOWED, event->number,
             "the process does not allow it here, and service.yaml permits no unplanned "
             "activities");
    return !trace->stopped;
}

/* Sends what follows after what the ledger has; a case that is stopped waits for the next pass. */
static enum qf_status pass(struct qf_replay *r, struct qf_error *err)
{
    enum qf_status status = QF_OK;
    for (size_t i = 0; i < r->event_count && status == QF_OK; i++) {
        const struct qf_replay_event *event = &r->events[r->order[i]];
        if (event->number > r->traces[event->trace].from &&
            may_go(r, event, &r->traces[event->trace]))
            status = send_event(r, r->order[i], err);
    }
    return status == QF_OK ? qf_sender_flush(r->sender, err) : status;
}

/* Stopped cases that got further than before are taken up again from where they stand. */
static enum qf_status again(struct qf_replay *r, uint64_t *cases, struct qf_error *err)
{
    enum qf_status status = QF_OK;
    *cases = 0;
    for (size_t i = 0; i < r->trace_count && status == QF_OK; i++) {
        struct qf_replay_trace *trace = &r->traces[i];
        uint32_t before = trace->from;
        if (trace->stopped) {
            struct qf_error problem = trace->problem;
            trace->stopped = false;
            status = count_done(r, trace, err);
            if (!trace->stopped && trace->done > before) {
                ++*cases;
            } else if (!trace->stopped) {
                trace->stopped = true;
                trace->problem = problem;
            }
        }
        trace->from = trace->done;
    }
    return status;
}

static enum qf_status find_there(struct qf_replay *r, uint64_t *missing, struct qf_error *err)
{
    enum qf_status status = QF_OK;
    *missing = r->event_count;
    if (r->fresh)
        return QF_OK; /* there can be no cases yet */
    for (size_t i = 0; i < r->trace_count && status == QF_OK; i++) {
        struct qf_replay_trace *trace = &r->traces[i];
        status = count_done(r, trace, err);
        trace->there = trace->from = trace->done;
        *missing -= trace->done;
    }
    return status;
}

enum qf_status qf_replay_register(struct qf_replay *r, struct qf_error *err)
{
    r->registered.roles = roles_of;
    r->registered.self = r;
    enum qf_status status =
        qf_officials_register(&r->registered, r->officials.actors, r->officials.actor_count, err);
    if (status == QF_OK && r->problem.status != QF_OK) {
        *err = r->problem;
        return err->status;
    }
    return status;
}

enum qf_status qf_replay_send(struct qf_replay *r, struct qf_error *err)
{
    struct qf_clock clock = qf_clock_system();
    uint64_t missing = 0, cases = 1;
    enum qf_status status = find_there(r, &missing, err);
    if (status != QF_OK)
        return status;
    r->events_begun = true;
    qf_cli_progress_start(&r->progress, "replaying events", missing);
    qf_sender_set_lines(r->sender, QF_REPLAY_LINES);
    int64_t start = clock.now_ms(clock.self);
    for (int i = 0; i < QF_REPLAY_PASSES && cases > 0 && status == QF_OK; i++) {
        status = pass(r, err);
        r->send_ms = clock.now_ms(clock.self) - start;
        if (status == QF_OK)
            status = again(r, &cases, err);
    }
    qf_cli_progress_end(&r->progress, r->answered);
    return status;
}
