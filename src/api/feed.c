#include "api/feed.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "api/records.h"

#define HEARTBEAT_MS 15000
#define STALL_MS_MAX 30000 /* a client that takes longer to accept one piece is dropped */
#define SCAN_ENTRIES 64    /* looked at before the client hears how far it is */

struct stream {
    struct stream *next, *previous;
    struct qf_feed *feed;
    struct qf_api *api;
    void *connection;
    uint64_t leaf; /* the next entry to look at */
    char *type;    /* filters, or NULL */
    char *member;
    struct qf_buf out; /* what the connection has not taken yet begins at `sent` */
    size_t sent;
    int64_t asked_ms; /* when the connection last asked for more; 0: it slept since */
    bool suspended;   /* under streams_lock */
    bool heartbeat;   /* under streams_lock */
    bool ending;
};

struct qf_feed {
    pthread_mutex_t lock; /* of size and closed */
    pthread_cond_t grown;
    uint64_t size;
    bool closed;
    pthread_mutex_t streams_lock; /* of the list and the flags of its members */
    struct stream *streams;
    unsigned stream_count;
    bool ended; /* closed, as the streams see it */
    pthread_t thread;
    bool started;
};

static int64_t monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static void wake_streams(struct qf_feed *feed, bool heartbeat, bool end)
{
    pthread_mutex_lock(&feed->streams_lock);
    feed->ended |= end;
    for (struct stream *stream = feed->streams; stream != NULL; stream = stream->next) {
        stream->heartbeat |= heartbeat;
        if (!stream->suspended)
            continue;
        stream->suspended = false;
        qf_http_stream_wake(stream->connection);
    }
    pthread_mutex_unlock(&feed->streams_lock);
}

static uint64_t feed_size(struct qf_feed *feed)
{
    pthread_mutex_lock(&feed->lock);
    uint64_t size = feed->size;
    pthread_mutex_unlock(&feed->lock);
    return size;
}

static void *run(void *arg)
{
    struct qf_feed *feed = arg;
    int64_t beat_ms = monotonic_ms() + HEARTBEAT_MS;
    uint64_t size = feed_size(feed);
    for (;;) {
        int64_t left_ms = beat_ms - monotonic_ms();
        bool open = qf_feed_wait(feed, size, left_ms > 0 ? left_ms : 0);
        size = feed_size(feed);
        bool beat = monotonic_ms() >= beat_ms;
        if (beat)
            beat_ms += HEARTBEAT_MS;
        wake_streams(feed, beat, !open);
        if (!open)
            return NULL;
    }
}

enum qf_status qf_feed_start(struct qf_feed **out, struct qf_error *err)
{
    struct qf_feed *feed = calloc(1, sizeof *feed);
    pthread_condattr_t clock;
    if (feed == NULL)
        return qf_fail(err, QF_NO_MEMORY, "", "no memory");
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_mutex_init(&feed->lock, NULL);
    pthread_mutex_init(&feed->streams_lock, NULL);
    pthread_cond_init(&feed->grown, &clock);
    pthread_condattr_destroy(&clock);
    feed->started = pthread_create(&feed->thread, NULL, run, feed) == 0;
    if (!feed->started) {
        qf_feed_free(feed);
        return qf_fail(err, QF_UNAVAILABLE, "", "no thread can be started");
    }
    *out = feed;
    return QF_OK;
}

void qf_feed_close(struct qf_feed *feed)
{
    if (feed == NULL)
        return;
    pthread_mutex_lock(&feed->lock);
    feed->closed = true;
    pthread_cond_broadcast(&feed->grown);
    pthread_mutex_unlock(&feed->lock);
    if (feed->started)
        pthread_join(feed->thread, NULL);
    feed->started = false;
    /* Time to say so to who listens; whoever does not is cut off. */
    const struct timespec pause = {.tv_nsec = 10000000};
    for (int i = 0; i < 100 && qf_feed_streams(feed) > 0; i++)
        nanosleep(&pause, NULL);
}

void qf_feed_free(struct qf_feed *feed)
{
    if (feed == NULL)
        return;
    qf_feed_close(feed);
    QF_ASSERT(feed->streams == NULL);
    pthread_cond_destroy(&feed->grown);
    pthread_mutex_destroy(&feed->streams_lock);
    pthread_mutex_destroy(&feed->lock);
    free(feed);
}

void qf_feed_grown(void *arg, const struct qf_ledger_head *head)
{
    struct qf_feed *feed = arg;
    pthread_mutex_lock(&feed->lock);
    feed->size = head->size;
    pthread_cond_broadcast(&feed->grown);
    pthread_mutex_unlock(&feed->lock);
}

bool qf_feed_wait(struct qf_feed *feed, uint64_t size, int64_t timeout_ms)
{
    int64_t end_ms = monotonic_ms() + timeout_ms;
    const struct timespec end = {.tv_sec = end_ms / 1000, .tv_nsec = end_ms % 1000 * 1000000};
    pthread_mutex_lock(&feed->lock);
    while (!feed->closed && feed->size <= size)
        if (pthread_cond_timedwait(&feed->grown, &feed->lock, &end) == ETIMEDOUT)
            break;
    bool open = !feed->closed;
    pthread_mutex_unlock(&feed->lock);
    return open;
}

bool qf_feed_sleep(struct qf_feed *feed, int64_t timeout_ms)
{
    return qf_feed_wait(feed, UINT64_MAX, timeout_ms);
}

unsigned qf_feed_streams(struct qf_feed *feed)
{
    pthread_mutex_lock(&feed->streams_lock);
    unsigned count = feed->stream_count;
    pthread_mutex_unlock(&feed->streams_lock);
    return count;
}

/* ---- GET /v1/events ---- */

static bool wanted(const struct stream *stream, const struct qf_json *event)
{
    struct qf_slice type = qf_json_text(qf_json_get(event, "type"));
    if (stream->type != NULL && !qf_event_type_matches(qf_slice_of(stream->type), type))
        return false;
    return stream->member == NULL ||
           qf_json_is_text(qf_json_get(qf_json_get(event, "data"), "member"), stream->member);
}

/* The id goes with the last event of an entry only: who breaks off in the middle of an entry gets
 * all of it again. */
static void put_entry(struct stream *stream, const struct qf_json *events, uint64_t leaf)
{
    uint32_t last = events->count;
    for (uint32_t i = 0; i < events->count; i++)
        if (wanted(stream, &events->items[i]))
            last = i;
    for (uint32_t i = 0; i < events->count; i++) {
        if (!wanted(stream, &events->items[i]))
            continue;
        struct qf_slice type = qf_json_text(qf_json_get(&events->items[i], "type"));
        if (i == last)
            qf_buf_printf(&stream->out, "id: %llu\n", (unsigned long long)leaf);
        qf_buf_printf(&stream->out, "event: %.*s\ndata: ", QF_SLICE_ARGS(type));
        qf_json_write(&stream->out, &events->items[i]);
        qf_buf_put_text(&stream->out, "\n\n");
    }
}

static void put_end(struct stream *stream, const struct qf_error *reason)
{
    struct qf_arena arena = {0};
    struct qf_json problem = qf_http_problem_json(&arena, reason);
    qf_buf_put_text(&stream->out, "event: end\ndata: ");
    qf_json_write(&stream->out, &problem);
    qf_buf_put_text(&stream->out, "\n\n");
    qf_arena_deinit(&arena);
    stream->ending = true;
}

/* Fills `out` from the log; false: there is nothing new. */
static bool read_log(struct stream *stream)
{
    struct qf_ledger_head head;
    struct qf_arena arena = {0};
    struct qf_error err = {0};
    qf_ledger_head(stream->api->options.ledger, &head);
    if (stream->leaf >= head.size)
        return false;
    for (unsigned i = 0; i < SCAN_ENTRIES && stream->out.size == 0 && stream->leaf < head.size;
         i++) {
        struct qf_json events;
        if (qf_events_of_entry(stream->api, &arena, stream->leaf, &events, &err) != QF_OK) {
            put_end(stream, &err);
            break;
        }
        put_entry(stream, &events, stream->leaf++);
        qf_arena_reset(&arena);
    }
    if (stream->out.size == 0)
        qf_buf_printf(&stream->out, ": nothing before %llu\n\n", (unsigned long long)stream->leaf);
    qf_arena_deinit(&arena);
    return true;
}

/* Nothing to send: the connection sleeps until the feed wakes it. True: there is something. */
static bool refill(struct stream *stream)
{
    qf_buf_reset(&stream->out);
    stream->sent = 0;
    if (read_log(stream))
        return true;
    struct qf_feed *feed = stream->feed;
    pthread_mutex_lock(&feed->streams_lock);
    if (feed->ended) {
        struct qf_error reason = {0};
        (void)qf_fail(&reason, QF_UNAVAILABLE, "", "the node is stopping; come back later");
        put_end(stream, &reason);
    } else if (stream->heartbeat) {
        qf_buf_put_text(&stream->out, ": heartbeat\n\n");
        stream->heartbeat = false;
    } else if (!read_log(stream)) { /* asked again, since the feed wakes only who sleeps */
        stream->suspended = true;
        stream->asked_ms = 0;
        qf_http_stream_sleep(stream->connection);
    }
    pthread_mutex_unlock(&feed->streams_lock);
    return stream->out.size > 0;
}

static ssize_t give(void *arg, char *out, size_t size)
{
    struct stream *stream = arg;
    int64_t now_ms = monotonic_ms();
    bool slow = stream->asked_ms != 0 && now_ms - stream->asked_ms > STALL_MS_MAX;
    stream->asked_ms = now_ms;
    if (stream->sent == stream->out.size) {
        if (stream->ending)
            return -1;
        if (slow) {
            struct qf_error reason = {0};
            (void)qf_fail(&reason, QF_UNAVAILABLE, "", "you read too slowly; resume with the id");
            qf_buf_reset(&stream->out);
            stream->sent = 0;
            put_end(stream, &reason);
        } else if (!refill(stream)) {
            return 0;
        }
    }
    size_t left = stream->out.size - stream->sent;
    size_t count = left < size ? left : size;
    memcpy(out, stream->out.data + stream->sent, count);
    stream->sent += count;
    return (ssize_t)count;
}

static void release(void *arg)
{
    struct stream *stream = arg;
    struct qf_feed *feed = stream->feed;
    pthread_mutex_lock(&feed->streams_lock);
    if (stream->previous != NULL)
        stream->previous->next = stream->next;
    else
        feed->streams = stream->next;
    if (stream->next != NULL)
        stream->next->previous = stream->previous;
    feed->stream_count--;
    pthread_mutex_unlock(&feed->streams_lock);
    qf_buf_deinit(&stream->out);
    free(stream->type);
    free(stream->member);
    free(stream);
}

static char *copy_query(const struct qf_http_exchange *exchange, const char *name)
{
    const char *text = qf_http_query(exchange, name);
    return text != NULL && *text != '\0' ? strdup(text) : NULL;
}

/* Where to begin: after Last-Event-ID, at ?from=, or with what comes next. */
static enum qf_status find_start(struct qf_http_exchange *exchange, uint64_t *leaf,
                                 struct qf_error *err)
{
    struct qf_ledger_head head;
    int64_t from;
    qf_ledger_head(qf_api_of(exchange)->options.ledger, &head);
    enum qf_status status =
        qf_api_query_int(exchange, "from", (int64_t)head.size, QF_JSON_INT_MAX, &from, err);
    if (status != QF_OK)
        return status;
    *leaf = (uint64_t)from;
    const char *last = qf_http_header(exchange, "Last-Event-ID");
    if (last != NULL) {
        size_t size = strlen(last);
        if (size == 0 || size > 15 || strspn(last, "0123456789") != size)
            return qf_fail(err, QF_BAD_FIELD, "Last-Event-ID", "want a position of the log");
        *leaf = strtoull(last, NULL, 10) + 1;
    }
    return *leaf <= head.size ? QF_OK
                              : qf_fail(err, QF_BAD_FIELD, last != NULL ? "Last-Event-ID" : "from",
                                        "the log has %llu entries", (unsigned long long)head.size);
}

void qf_api_get_events(struct qf_http_exchange *exchange)
{
    struct qf_api *api = qf_api_of(exchange);
    struct qf_feed *feed = api->options.feed;
    struct qf_error err = {0};
    uint64_t leaf = 0;
    if (find_start(exchange, &leaf, &err) != QF_OK) {
        qf_http_reply_problem(exchange, &err);
        return;
    }
    struct stream *stream = calloc(1, sizeof *stream);
    QF_ASSERT(stream != NULL);
    *stream = (struct stream){.feed = feed,
                              .api = api,
                              .connection = exchange->connection,
                              .leaf = leaf,
                              .type = copy_query(exchange, "type"),
                              .member = copy_query(exchange, "member")};
    qf_buf_put_text(&stream->out, "retry: 2000\n\n");
    pthread_mutex_lock(&feed->streams_lock);
    bool full = feed->stream_count >= QF_SSE_CLIENTS_MAX;
    stream->next = feed->streams;
    if (feed->streams != NULL)
        feed->streams->previous = stream;
    feed->streams = stream;
    feed->stream_count++;
    pthread_mutex_unlock(&feed->streams_lock);
    if (full || strcmp(exchange->method, "HEAD") == 0) {
        release(stream);
        if (full) {
            (void)qf_fail(&err, QF_UNAVAILABLE, "", "%d clients follow events already",
                          QF_SSE_CLIENTS_MAX);
            qf_http_reply_problem(exchange, &err);
            return;
        }
    } else {
        exchange->response.stream = give;
        exchange->response.stream_free = release;
        exchange->response.stream_arg = stream;
    }
    exchange->response.status = 200;
    exchange->response.type = "text/event-stream";
    qf_http_set_header(exchange, "Cache-Control", "no-store");
}
