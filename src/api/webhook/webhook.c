#include "api/webhook/webhook.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "api/feed.h"
#include "api/records.h"
#include "api/webhook/delivery.h"
#include "api/webhook/state.h"

#define FOLDER "webhooks"
#define NICENESS 10
#define MOVED_SAVE_MS                                                                              \
    10000                /* a position that only passed what is not wanted is stored less often */
#define SCAN_ENTRIES 64  /* looked at before anything else is thought of */
#define FAILURES_NOTED 3 /* in a row, before health calls them a problem */
#define ID_SIZE 96       /* of webhook-id: 64 of the transaction's, dashes and numbers */

struct sender {
    struct qf_webhooks *all;
    const struct qf_webhook_options *options;
    struct qf_webhook_delivery delivery;
    struct qf_webhook_state state; /* the thread's */
    int64_t looked_ms, saved_ms;   /* monotonic: for requests; the state */
    bool dirty;                    /* the state differs from its file */
    bool delivered_since;          /* and not only by what is not wanted */
    enum qf_status save_status;
    pthread_t thread;
    bool started;
    pthread_mutex_t lock; /* of what follows: the state as others see it, and counters */
    struct qf_webhook_state shown;
    uint64_t delivered, failed;
};

struct qf_webhooks {
    struct qf_api *api;
    struct qf_feed *feed;
    struct qf_fs fs;
    void (*tell)(const char *line);
    pthread_mutex_t reading; /* held by the one who takes entries apart */
    struct sender *senders;
    size_t count;
};

static int64_t monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static int64_t wall_ms(const struct sender *s)
{
    const struct qf_clock *clock = &s->all->api->options.clock;
    return clock->now_ms(clock->self);
}

static uint64_t log_size(const struct qf_webhooks *all)
{
    struct qf_ledger_head head;
    qf_ledger_head(all->api->options.ledger, &head);
    return head.size;
}

static void tell(const struct sender *s, const char *what)
{
    char line[400];
    if (s->all->tell == NULL)
        return;
    snprintf(line, sizeof line, "webhook %s: %s", s->options->id, what);
    s->all->tell(line);
}

/* ---- the state, in memory and in its file ---- */

static void show(struct sender *s, unsigned delivered, unsigned failed)
{
    pthread_mutex_lock(&s->lock);
    s->shown = s->state;
    s->delivered += delivered;
    s->failed += failed;
    pthread_mutex_unlock(&s->lock);
    s->dirty = true;
    s->delivered_since |= delivered + failed > 0;
}

/* A position that cannot be stored stops nothing: what is lost with it is sent again. */
static void save(struct sender *s)
{
    s->state.log_size = log_size(s->all);
    enum qf_status status = qf_webhook_state_save(&s->state, &s->all->fs, s->options->id);
    if (status != QF_OK && s->save_status == QF_OK)
        tell(s, "its position cannot be stored; events may come again after a restart");
    s->save_status = status;
    s->saved_ms = monotonic_ms();
    s->dirty = status != QF_OK;
    s->delivered_since &= s->dirty;
}

/* How long the file may stay behind; 0: write it. */
static int64_t save_in_ms(const struct sender *s, int64_t now_ms)
{
    int64_t left_ms =
        s->saved_ms + (s->delivered_since ? QF_WEBHOOK_SAVE_MS : MOVED_SAVE_MS) - now_ms;
    return left_ms > 0 ? left_ms : 0;
}

static void stop_for(struct sender *s, enum qf_webhook_stop stop)
{
    char what[256];
    s->state.stop = stop;
    snprintf(what, sizeof what, "disabled: %s", qf_webhook_stop_meaning(stop));
    tell(s, what);
    show(s, 0, 0);
    save(s);
}

static void take_request(struct sender *s)
{
    struct qf_webhook_request request;
    struct qf_error err = {0};
    const struct qf_fs *fs = &s->all->fs;
    enum qf_status status = qf_webhook_request_load(&request, fs, s->options->id, &err);
    if (status == QF_NOT_FOUND)
        return;
    uint64_t size = log_size(s->all);
    enum qf_webhook_stop stop = s->state.stop;
    bool must_move = stop == QF_WEBHOOK_LOST || stop == QF_WEBHOOK_AHEAD;
    if (status != QF_OK) {
        tell(s, "an operator's request cannot be read and is dropped");
    } else if ((must_move && !request.moves) ||
               (request.moves && !request.to_end && request.leaf > size)) {
        tell(s, "an operator's request names no entry of the log and is dropped");
    } else {
        qf_webhook_state_enable(&s->state);
        if (request.moves) {
            s->state.leaf = request.to_end ? size : request.leaf;
            s->state.op = 0;
        }
        show(s, 0, 0);
        save(s);
        if (s->save_status != QF_OK)
            return; /* and try again, so that it is not forgotten */
        tell(s, "enabled by the operator");
    }
    if (qf_webhook_request_remove(fs, s->options->id) != QF_OK)
        tell(s, "an operator's request cannot be removed");
}

/* ---- delivering ---- */

static bool listed(const struct qf_slice *list, size_t count, struct qf_slice text,
                   bool (*matches)(struct qf_slice wanted, struct qf_slice text))
{
    for (size_t i = 0; i < count; i++)
        if (matches(list[i], text))
            return true;
    return count == 0;
}

static bool wanted(const struct qf_webhook_options *options, const struct qf_json *event)
{
    struct qf_slice member = {0};
    struct qf_slice type = qf_json_text(qf_json_get(event, "type"));
    if (qf_json_get_text(qf_json_get(event, "data"), "member", &member, NULL) != QF_OK)
        member = (struct qf_slice){0};
    return listed(options->events, options->event_count, type, qf_event_type_matches) &&
           listed(options->members, options->member_count, member, qf_slice_equal);
}

static uint32_t draw(const struct sender *s)
{
    uint32_t out = 0;
    const struct qf_random *random = &s->all->api->options.random;
    if (random->fill(random->self, (uint8_t *)&out, sizeof out) != QF_OK)
        out = 0; /* jitter is no secret */
    return out;
}

static void note_failure(struct sender *s, const struct qf_webhook_answer *answer)
{
    char reason[sizeof answer->reason];
    snprintf(reason, sizeof reason, "%s", answer->reason);
    if (answer->status >= 300 && answer->status < 400)
        snprintf(reason, sizeof reason, "it answered %d; redirects are not followed, correct url",
                 answer->status);
    else if (answer->status != 0)
        snprintf(reason, sizeof reason, "it answered %d", answer->status);
    const struct qf_webhook_attempt attempt = {.now_ms = wall_ms(s),
                                               .status = answer->status,
                                               .retry_after_ms = answer->retry_after_ms,
                                               .reason = reason,
                                               .random = draw(s)};
    bool first = s->state.failures == 0;
    qf_webhook_state_failed(&s->state, &attempt);
    show(s, 0, 1);
    if (s->state.stop != QF_WEBHOOK_RUNS)
        stop_for(s, s->state.stop);
    else if (first)
        tell(s, "an event was not taken; see qifeng webhook list");
}

/* The transaction, and the event's place in it: the event's own id is of this log's positions, and
 * has dots, which a webhook-id must not have. What time did has only its position. */
static void make_id(char out[ID_SIZE], const struct qf_json *event)
{
    const struct qf_json *tx = qf_json_get(qf_json_get(event, "data"), "id");
    struct qf_slice id = qf_json_text(qf_json_get(event, "id"));
    const uint8_t *dot = memchr(id.data, '.', id.size);
    QF_ASSERT(dot != NULL);
    struct qf_slice place = qf_slice_make(dot + 1, id.size - (size_t)(dot + 1 - id.data));
    if (tx != NULL)
        snprintf(out, ID_SIZE, "%.*s-%.*s", QF_SLICE_ARGS(qf_json_text(tx)), QF_SLICE_ARGS(place));
    else
        snprintf(out, ID_SIZE, "time-%.*s", QF_SLICE_ARGS(id));
    for (char *at = out; *at != '\0'; at++)
        if (*at == '.')
            *at = '-';
}

/* Sends one event. True: it was taken, and the next one may go. */
static bool attempt(struct sender *s, const struct qf_json *event, uint32_t op, bool last)
{
    struct qf_webhook_answer answer;
    char id[ID_SIZE];
    make_id(id, event);
    enum qf_status status = qf_webhook_deliver(&s->delivery, &answer, id, wall_ms(s), event);
    if (status == QF_UNAVAILABLE)
        return false; /* the node stops */
    if (status != QF_OK || answer.status >= 300) {
        note_failure(s, &answer);
        return false;
    }
    const struct qf_webhook_attempt good = {.now_ms = wall_ms(s), .status = answer.status};
    if (s->state.failures > 0)
        tell(s, "events are taken again");
    qf_webhook_state_delivered(&s->state, &good, last ? s->state.leaf + 1 : s->state.leaf,
                               last ? 0 : op + 1);
    show(s, 1, 0);
    return true;
}

/* The entry at the position. True: all that is wanted of it was taken. */
static bool deliver_entry(struct sender *s, struct qf_arena *arena)
{
    struct qf_json events;
    struct qf_error err = {0};
    struct qf_webhook_answer answer = {0};
    /* One webhook at a time: however many lag behind, they take a small part of the processors. */
    pthread_mutex_lock(&s->all->reading);
    enum qf_status status = qf_events_of_entry(s->all->api, arena, s->state.leaf, &events, &err);
    pthread_mutex_unlock(&s->all->reading);
    if (status != QF_OK) {
        snprintf(answer.reason, sizeof answer.reason, "entry %llu cannot be read: %.150s",
                 (unsigned long long)s->state.leaf, err.detail);
        note_failure(s, &answer);
        return false;
    }
    uint32_t end = events.count; /* behind the last one that is wanted */
    while (end > s->state.op && !wanted(s->options, &events.items[end - 1]))
        end--;
    for (uint32_t op = s->state.op; op < end; op++)
        if (wanted(s->options, &events.items[op]) &&
            !attempt(s, &events.items[op], op, op + 1 == end))
            return false;
    if (end <= s->state.op) { /* nothing of it is wanted, or left */
        s->state.leaf++;
        s->state.op = 0;
        show(s, 0, 0);
    }
    return true;
}

static void deliver(struct sender *s)
{
    struct qf_arena arena = {0};
    for (unsigned i = 0; i < SCAN_ENTRIES && s->state.leaf < log_size(s->all); i++) {
        bool went = deliver_entry(s, &arena);
        qf_arena_reset(&arena);
        if (!went || (s->dirty && save_in_ms(s, monotonic_ms()) == 0))
            break;
    }
    qf_arena_deinit(&arena);
}

/* How long nothing is to be sent; 0: now. A clock that was set back must not make it longer than it
 * can have been meant. */
static int64_t pause_ms(const struct sender *s)
{
    int64_t left_ms = s->state.next_ms - wall_ms(s);
    if (s->state.stop != QF_WEBHOOK_RUNS)
        return QF_WEBHOOK_POLL_MS;
    return left_ms > 0 && left_ms <= QF_WEBHOOK_RETRY_AFTER_MS_MAX ? left_ms : 0;
}

static void *run(void *arg)
{
    struct sender *s = arg;
    /* Ordering goes first: on Linux each thread has a priority of its own. */
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), NICENESS);
    for (bool open = true; open;) {
        int64_t now_ms = monotonic_ms();
        if (now_ms - s->looked_ms >= QF_WEBHOOK_POLL_MS) {
            take_request(s);
            s->looked_ms = now_ms;
        }
        int64_t wait_ms = QF_WEBHOOK_POLL_MS;
        if (s->dirty) {
            int64_t left_ms = save_in_ms(s, now_ms);
            if (left_ms == 0)
                save(s);
            else if (left_ms < wait_ms)
                wait_ms = left_ms;
        }
        int64_t left_ms = pause_ms(s);
        if (left_ms > 0) {
            open = qf_feed_sleep(s->all->feed, left_ms < wait_ms ? left_ms : wait_ms);
        } else if (s->state.leaf < log_size(s->all)) {
            deliver(s);
            open = qf_feed_sleep(s->all->feed, 0);
        } else if (s->state.leaf > log_size(s->all)) {
            stop_for(s, QF_WEBHOOK_AHEAD);
        } else {
            open = qf_feed_wait(s->all->feed, s->state.leaf, wait_ms);
        }
    }
    if (s->dirty)
        save(s);
    return NULL;
}

/* ---- what others see ---- */

struct view {
    struct qf_webhook_state state;
    uint64_t delivered, failed, lag;
};

static struct view look(struct sender *s, uint64_t size)
{
    pthread_mutex_lock(&s->lock);
    struct view view = {.state = s->shown, .delivered = s->delivered, .failed = s->failed};
    pthread_mutex_unlock(&s->lock);
    view.lag = size > view.state.leaf ? size - view.state.leaf : 0;
    return view;
}

static const char *state_word(const struct view *view)
{
    if (view->state.stop != QF_WEBHOOK_RUNS)
        return "disabled";
    if (view->state.failures > 0)
        return "waiting";
    return view->lag > 0 ? "delivering" : "idle";
}

/* Without the reason of a failure, which may name what is inside of a department's network: health
 * is public, and qifeng webhook list has it. */
static char *explain(struct qf_arena *arena, const struct sender *s, const struct view *view)
{
    unsigned long long lag = view->lag;
    const struct qf_webhook_state *state = &view->state;
    int64_t left_ms = state->next_ms - wall_ms(s);
    if (state->stop != QF_WEBHOOK_RUNS)
        return qf_arena_printf(arena,
                               "disabled: %s; %llu entries wait; `qifeng webhook enable` "
                               "has it go on",
                               qf_webhook_stop_meaning(state->stop), lag);
    if (state->failures > 0)
        return qf_arena_printf(
            arena, "%s, %u times in a row; tried again in %lld s; %llu entries wait",
            state->last_status != 0
                ? qf_arena_printf(arena, "the receiver answered %d", state->last_status)
                : "no answer came, or nothing could be sent",
            state->failures, left_ms > 0 ? (long long)(left_ms + 999) / 1000 : 0, lag);
    return lag > 0 ? qf_arena_printf(arena, "%llu entries are still to be delivered", lag)
                   : qf_arena_printf(arena, "everything was delivered");
}

struct qf_json qf_webhooks_describe(struct qf_webhooks *webhooks, struct qf_arena *arena,
                                    struct qf_json *problems)
{
    struct qf_json list = qf_json_make_array();
    uint64_t size = webhooks != NULL ? log_size(webhooks) : 0;
    for (size_t i = 0; webhooks != NULL && i < webhooks->count; i++) {
        struct sender *s = &webhooks->senders[i];
        struct view view = look(s, size);
        struct qf_json object = qf_json_make_object();
        const char *detail = explain(arena, s, &view);
        qf_json_put(arena, &object, "delivered", qf_json_make_int((int64_t)view.delivered));
        qf_json_put(arena, &object, "detail", qf_json_make_text(detail));
        qf_json_put(arena, &object, "failures", qf_json_make_int(view.state.failures));
        qf_json_put(arena, &object, "id", qf_json_make_text(s->options->id));
        qf_json_put(arena, &object, "lag", qf_json_make_int((int64_t)view.lag));
        qf_json_put(arena, &object, "last", qf_json_make_int(view.state.last_ms));
        qf_json_put(arena, &object, "last_status", qf_json_make_int(view.state.last_status));
        qf_json_put(arena, &object, "next", qf_json_make_int(view.state.next_ms));
        qf_json_put(arena, &object, "position", qf_json_make_int((int64_t)view.state.leaf));
        qf_json_put(arena, &object, "state", qf_json_make_text(state_word(&view)));
        qf_json_append(arena, &list, object);
        if (view.state.stop == QF_WEBHOOK_RUNS && view.state.failures < FAILURES_NOTED)
            continue;
        struct qf_error err = {0};
        (void)qf_fail(&err, QF_RECEIVER, qf_arena_printf(arena, "webhooks.%s", s->options->id),
                      "%s", detail);
        qf_json_append(arena, problems, qf_http_problem_json(arena, &err));
    }
    return list;
}

void qf_webhooks_measure(struct qf_webhooks *webhooks, struct qf_buf *out)
{
    static const struct {
        const char *name, *type, *help;
    } rows[] = {
        {"delivered_total", "counter", "Events that the receiver took since the start."},
        {"failed_total", "counter", "Attempts that failed since the start."},
        {"failures", "gauge", "Attempts that failed in a row."},
        {"lag_entries", "gauge", "Entries of the log that wait for delivery."},
        {"position", "gauge", "The entry of the log that is delivered next."},
        {"disabled", "gauge", "1 when it is disabled; see /v1/health."},
    };
    uint64_t size = webhooks != NULL ? log_size(webhooks) : 0;
    for (size_t row = 0; webhooks != NULL && row < sizeof rows / sizeof rows[0]; row++) {
        qf_buf_printf(out, "# HELP qifeng_webhook_%s %s\n# TYPE qifeng_webhook_%s %s\n",
                      rows[row].name, rows[row].help, rows[row].name, rows[row].type);
        for (size_t i = 0; i < webhooks->count; i++) {
            struct view view = look(&webhooks->senders[i], size);
            const uint64_t values[] = {view.delivered,      view.failed,
                                       view.state.failures, view.lag,
                                       view.state.leaf,     view.state.stop != QF_WEBHOOK_RUNS};
            qf_buf_printf(out, "qifeng_webhook_%s{webhook=\"%s\"} %llu\n", rows[row].name,
                          webhooks->senders[i].options->id, (unsigned long long)values[row]);
        }
    }
}

/* ---- start and end ---- */

static enum qf_status load_state(struct sender *s, struct qf_error *err)
{
    struct qf_error reason = {0};
    uint64_t size = log_size(s->all);
    enum qf_status status = qf_webhook_state_load(&s->state, &s->all->fs, s->options->id, &reason);
    if (status == QF_NOT_FOUND) {
        s->state =
            (struct qf_webhook_state){.leaf = s->options->from_set ? s->options->from : size};
        if (s->state.leaf > size)
            return qf_fail(err, QF_BAD_FIELD, s->options->id, "from: the log has %llu entries",
                           (unsigned long long)size);
        /* Stored before anything else, so that "what comes next" is meant from here. */
        status = qf_webhook_state_save(&s->state, &s->all->fs, s->options->id);
        if (status != QF_OK)
            return qf_fail(err, status, FOLDER, "the position of a webhook cannot be stored");
    } else if (status != QF_OK) {
        s->state = (struct qf_webhook_state){.stop = QF_WEBHOOK_LOST};
        tell(s, "disabled: its position file cannot be read");
    }
    int64_t now_ms = wall_ms(s);
    if (s->state.failures > 0 && now_ms > s->state.last_ms)
        s->state.failing_since_ms += now_ms - s->state.last_ms; /* nobody tried meanwhile */
    s->state.next_ms = 0; /* whoever starts the node wants to know at once */
    s->shown = s->state;
    return QF_OK;
}

static enum qf_status start_one(struct sender *s, struct qf_slice passphrase, struct qf_error *err)
{
    enum qf_status status = qf_webhook_delivery_init(&s->delivery, s->options, passphrase, err);
    if (status == QF_OK)
        status = load_state(s, err);
    if (status != QF_OK)
        return status;
    s->looked_ms = monotonic_ms() - QF_WEBHOOK_POLL_MS;
    s->saved_ms = monotonic_ms();
    s->started = pthread_create(&s->thread, NULL, run, s) == 0;
    return s->started ? QF_OK : qf_fail(err, QF_UNAVAILABLE, "", "no thread can be started");
}

enum qf_status qf_webhooks_start(struct qf_webhooks **out,
                                 const struct qf_webhooks_options *options, struct qf_error *err)
{
    *out = NULL;
    if (options->count == 0)
        return QF_OK;
    struct qf_webhooks *all = calloc(1, sizeof *all);
    struct sender *senders = calloc(options->count, sizeof *senders);
    if (all == NULL || senders == NULL) {
        free(all);
        free(senders);
        return qf_fail(err, QF_NO_MEMORY, "", "no memory");
    }
    struct qf_fs root = {0};
    struct qf_arena arena = {0};
    *all = (struct qf_webhooks){.api = options->api,
                                .feed = options->api->options.feed,
                                .tell = options->tell,
                                .senders = senders};
    pthread_mutex_init(&all->reading, NULL);
    enum qf_status status = qf_fs_posix_init(&root, options->dir, err);
    if (status == QF_OK) {
        if (root.make_dir(root.self, FOLDER) != QF_OK || root.sync_dir(root.self, "") != QF_OK)
            status = qf_fail(err, QF_IO, FOLDER, "the folder cannot be made");
        qf_fs_posix_deinit(&root);
    }
    if (status == QF_OK)
        status =
            qf_fs_posix_init(&all->fs, qf_arena_printf(&arena, "%s/" FOLDER, options->dir), err);
    for (size_t i = 0; i < options->count && status == QF_OK; i++) {
        struct sender *s = &senders[all->count++];
        s->all = all;
        s->options = &options->webhooks[i];
        pthread_mutex_init(&s->lock, NULL);
        status = start_one(s, options->passphrase, err);
    }
    qf_arena_deinit(&arena);
    *out = all; /* also when it failed: the caller stops and frees it */
    return status;
}

void qf_webhooks_stop(struct qf_webhooks *webhooks)
{
    for (size_t i = 0; webhooks != NULL && i < webhooks->count; i++)
        if (webhooks->senders[i].started)
            qf_webhook_post_cancel(webhooks->senders[i].delivery.post);
    for (size_t i = 0; webhooks != NULL && i < webhooks->count; i++) {
        if (webhooks->senders[i].started)
            pthread_join(webhooks->senders[i].thread, NULL);
        webhooks->senders[i].started = false;
    }
}

void qf_webhooks_free(struct qf_webhooks *webhooks)
{
    if (webhooks == NULL)
        return;
    for (size_t i = 0; i < webhooks->count; i++) {
        QF_ASSERT(!webhooks->senders[i].started);
        qf_webhook_delivery_deinit(&webhooks->senders[i].delivery);
        pthread_mutex_destroy(&webhooks->senders[i].lock);
    }
    if (webhooks->fs.self != NULL)
        qf_fs_posix_deinit(&webhooks->fs);
    pthread_mutex_destroy(&webhooks->reading);
    free(webhooks->senders);
    free(webhooks);
}
