#include "api/stamp/stamping.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "api/tsa.h"
#include "base/wait.h"

#define LOOK_MS 500
#define HOUR_MS 3600000LL

struct qf_stamping {
    struct qf_stamping_options options;
    struct qf_ask *ask; /* NULL: the node's own authority */
    pthread_t thread;
    bool started;
    atomic_bool stopping;
    pthread_mutex_t lock; /* over the report and `stopping`'s wake */
    pthread_cond_t woken;
    struct qf_stamping_report report;
    /* The thread's own. */
    int64_t next_ms;       /* monotonic: nothing is asked before */
    int64_t renew_next_ms; /* the same for renewals */
    int64_t last_until_ms; /* end of the newest token */
};

static int64_t monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t now_ms(const struct qf_stamping *s)
{
    const struct qf_clock *clock = &s->options.api->options.clock;
    return clock->now_ms(clock->self);
}

QF_PRINTF(2, 3)
static void tell(const struct qf_stamping *s, const char *fmt, ...)
{
    char line[400];
    va_list args;
    va_start(args, fmt);
    vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    if (s->options.tell != NULL)
        s->options.tell(line);
}

/* ---- asking ---- */

/* Waits for the engine, which always answers what it has taken. */
struct waiting {
    pthread_mutex_t lock;
    pthread_cond_t woken;
    bool done;
};

static void wake(void *owner)
{
    struct waiting *waiting = owner;
    pthread_mutex_lock(&waiting->lock);
    waiting->done = true;
    pthread_cond_signal(&waiting->woken);
    pthread_mutex_unlock(&waiting->lock);
}

static enum qf_status ask_own(struct qf_stamping *s, struct qf_buf *response,
                              struct qf_slice request, struct qf_error *err)
{
    struct waiting waiting = {.lock = PTHREAD_MUTEX_INITIALIZER, .woken = PTHREAD_COND_INITIALIZER};
    struct qf_tsa_issue *issue = calloc(1, sizeof *issue);
    QF_ASSERT(issue != NULL);
    bool answered = false;
    issue->done = wake;
    issue->owner = &waiting;
    enum qf_status status = qf_tsa_issue_start(issue, s->options.api, request, &answered, err);
    if (status == QF_OK) {
        pthread_mutex_lock(&waiting.lock);
        while (!waiting.done)
            pthread_cond_wait(&waiting.woken, &waiting.lock);
        pthread_mutex_unlock(&waiting.lock);
        status = (enum qf_status)issue->result.code;
        if (status != QF_OK)
            *err = issue->result.problem;
        else
            qf_buf_put_slice(response, qf_buf_slice(&issue->response));
    }
    qf_tsa_issue_deinit(issue);
    free(issue);
    pthread_cond_destroy(&waiting.woken);
    pthread_mutex_destroy(&waiting.lock);
    return status;
}

static enum qf_status ask_other(struct qf_stamping *s, struct qf_buf *response,
                                struct qf_slice request, struct qf_error *err)
{
    long http = 0;
    enum qf_status status = qf_ask_post(s->ask, response, &http, request, err);
    if (status != QF_OK)
        return status;
    if (http != 200)
        return qf_fail(err, QF_NETWORK, "stamps.tsa", "the authority answers %ld", http);
    static const char wanted[] = "application/timestamp-reply";
    const char *type = qf_ask_type(s->ask);
    if (strncmp(type, wanted, sizeof wanted - 1) != 0)
        return qf_fail(err, QF_NETWORK, "stamps.tsa",
                       "what answers there is no time-stamp authority: content type %.60s", type);
    return QF_OK;
}

/* A token over the file, checked. */
static enum qf_status get_token(struct qf_stamping *s, struct qf_buf *token,
                                struct qf_timestamp *stamp, struct qf_slice file,
                                struct qf_error *err)
{
    struct qf_buf request = {0};
    struct qf_buf response = {0};
    struct qf_stamp_wanted wanted = {.file = file, .policy = s->options.policy};
    const struct qf_random *random = &s->options.api->options.random;
    const struct qf_timestamp_trust trust = {.roots = s->options.roots,
                                             .root_count = s->options.root_count};
    enum qf_status status = random->fill(random->self, wanted.nonce, sizeof wanted.nonce);
    if (status != QF_OK)
        status = qf_fail(err, status, "", "no random numbers");
    if (status == QF_OK)
        status = qf_stamp_request(&request, &wanted, err);
    if (status == QF_OK)
        status = s->ask != NULL ? ask_other(s, &response, qf_buf_slice(&request), err)
                                : ask_own(s, &response, qf_buf_slice(&request), err);
    if (status == QF_OK)
        status =
            qf_stamp_take(token, stamp, qf_buf_slice(&response), &wanted, &trust, now_ms(s), err);
    qf_buf_deinit(&request);
    qf_buf_deinit(&response);
    return status;
}

/* ---- stamps ---- */

/* The report follows the folder. */
static void take_stamp(struct qf_stamping *s, uint64_t size, const struct qf_timestamp *stamp)
{
    pthread_mutex_lock(&s->lock);
    s->last_until_ms = stamp->until_ms;
    s->report.size = size;
    s->report.time_ms = stamp->time_ms;
    s->report.next_ms = stamp->time_ms + s->options.every_ms;
    s->report.count = qf_stamps_count(s->options.stamps);
    if (stamp->until_ms < s->report.until_ms)
        s->report.until_ms = stamp->until_ms;
    memcpy(s->report.authority, stamp->authority, sizeof s->report.authority);
    pthread_mutex_unlock(&s->lock);
}

/* Whether the published checkpoint has anything that the last stamp had not. The entry that the
 * node's own authority made for that stamp does not count. */
static bool has_grown(const struct qf_stamping *s, uint64_t size)
{
    uint64_t own = s->ask == NULL && s->report.size > 0 ? 1 : 0;
    return size > s->report.size + own;
}

static bool stamp_due(const struct qf_stamping *s)
{
    int64_t since_ms = now_ms(s) - s->report.time_ms;
    struct qf_ledger_head head;
    qf_ledger_head(s->options.api->options.ledger, &head);
    return has_grown(s, head.size) &&
           (s->report.size == 0 || since_ms >= s->options.every_ms ||
            since_ms < -QF_STAMP_SKEW_MS_MAX); /* the clock was set back */
}

/* QF_OK also when there is nothing new. */
static enum qf_status make_stamp(struct qf_stamping *s, struct qf_error *err)
{
    struct qf_buf note = {0};
    struct qf_buf token = {0};
    struct qf_checkpoint checkpoint = {0};
    struct qf_timestamp stamp = {0};
    enum qf_status status = qf_api_checkpoint(s->options.api, &note);
    if (status == QF_OK)
        status = qf_checkpoint_parse_note(&checkpoint, qf_buf_slice(&note), err);
    else
        status = qf_fail(err, status, "checkpoint",
                         "none is published: witness_quorum wants more cosignatures than there "
                         "are; see the witnesses in /v1/health");
    bool grown = status == QF_OK && has_grown(s, checkpoint.size);
    if (grown)
        status = get_token(s, &token, &stamp, qf_buf_slice(&note), err);
    if (grown && status == QF_OK)
        status = qf_stamps_keep(s->options.stamps, checkpoint.size, qf_buf_slice(&note),
                                qf_buf_slice(&token), err);
    if (grown && status == QF_OK)
        take_stamp(s, checkpoint.size, &stamp);
    qf_buf_deinit(&note);
    qf_buf_deinit(&token);
    return status;
}

/* ---- renewals ---- */

static bool renewal_due(const struct qf_stamping *s)
{
    return s->report.until_ms != INT64_MAX && now_ms(s) >= s->report.until_ms - s->options.renew_ms;
}

static void date_text(char out[16], int64_t time_ms)
{
    struct tm parts;
    time_t seconds = (time_t)(time_ms / 1000);
    gmtime_r(&seconds, &parts);
    strftime(out, 16, "%Y-%m-%d", &parts);
}

static enum qf_status no_later(const struct qf_stamping *s, int64_t until_ms, struct qf_error *err)
{
    char end[16];
    date_text(end, until_ms < s->report.until_ms ? until_ms : s->report.until_ms);
    return qf_fail(err, QF_CANNOT_TELL, "renewal",
                   "stamps end on %s, and the authority still signs with a certificate that ends "
                   "no later: its operator must renew it before, or stamps.tsa name another",
                   end);
}

static enum qf_status make_renewal(struct qf_stamping *s, struct qf_error *err)
{
    struct qf_buf text = {0};
    struct qf_buf list = {0};
    struct qf_buf token = {0};
    struct qf_timestamp stamp = {0};
    if (s->ask == NULL && s->options.own_until_ms <= s->report.until_ms)
        return no_later(s, s->options.own_until_ms, err);
    enum qf_status status = qf_stamps_prepare(s->options.stamps, &text, &list, err);
    if (status == QF_OK)
        status = get_token(s, &token, &stamp, qf_buf_slice(&text), err);
    if (status == QF_OK && stamp.until_ms <= s->report.until_ms)
        status = no_later(s, stamp.until_ms, err);
    if (status == QF_OK)
        status = qf_stamps_renew(s->options.stamps, qf_buf_slice(&text), qf_buf_slice(&list),
                                 qf_buf_slice(&token), err);
    if (status == QF_OK) {
        pthread_mutex_lock(&s->lock);
        s->report.renewals = qf_stamps_renewals(s->options.stamps);
        s->report.until_ms = stamp.until_ms;
        pthread_mutex_unlock(&s->lock);
        tell(s, "time-stamps: renewal %zu covers everything up to %llu entries", s->report.renewals,
             (unsigned long long)s->report.size);
    }
    qf_buf_deinit(&text);
    qf_buf_deinit(&list);
    qf_buf_deinit(&token);
    return status;
}

/* ---- the thread ---- */

static void failed(struct qf_stamping *s, const struct qf_error *err)
{
    pthread_mutex_lock(&s->lock);
    unsigned failures = s->report.failures++;
    bool first = s->report.state != QF_STAMPING_FAILING;
    s->report.state = QF_STAMPING_FAILING;
    snprintf(s->report.detail, sizeof s->report.detail, "%.60s%s%.170s", err->field,
             err->field[0] != '\0' ? ": " : "", err->detail);
    pthread_mutex_unlock(&s->lock);
    int64_t wait_ms = failures < 20 ? (int64_t)QF_STAMP_RETRY_MS_MIN << failures : INT64_MAX;
    s->next_ms =
        monotonic_ms() + (wait_ms < QF_STAMP_RETRY_MS_MAX ? wait_ms : QF_STAMP_RETRY_MS_MAX);
    if (first)
        tell(s, "the log is not time-stamped: %s", s->report.detail);
}

static void succeeded(struct qf_stamping *s)
{
    pthread_mutex_lock(&s->lock);
    bool again = s->report.state == QF_STAMPING_FAILING;
    s->report.failures = 0;
    if (s->report.state != QF_STAMPING_ENDING) {
        s->report.state = s->report.size > 0 ? QF_STAMPING_GOOD : QF_STAMPING_WAITING;
        s->report.detail[0] = '\0';
    }
    pthread_mutex_unlock(&s->lock);
    if (again)
        tell(s, "the log is time-stamped again");
}

/* That the authority has no later certificate yet is no failure of the stamps. */
static enum qf_status try_renewal(struct qf_stamping *s, struct qf_error *err)
{
    enum qf_status status = make_renewal(s, err);
    int64_t wait_ms = s->options.every_ms < HOUR_MS ? s->options.every_ms : HOUR_MS;
    s->renew_next_ms = monotonic_ms() + (wait_ms > 1000 ? wait_ms : 1000);
    if (status != QF_OK && status != QF_CANNOT_TELL)
        return status;
    pthread_mutex_lock(&s->lock);
    bool first = status != QF_OK && s->report.state != QF_STAMPING_ENDING;
    s->report.state = status == QF_OK ? QF_STAMPING_GOOD : QF_STAMPING_ENDING;
    snprintf(s->report.detail, sizeof s->report.detail, "%s", status == QF_OK ? "" : err->detail);
    pthread_mutex_unlock(&s->lock);
    if (first)
        tell(s, "time-stamps: %s", s->report.detail);
    return QF_OK;
}

static bool was_asked(struct qf_stamping *s)
{
    const struct qf_fs *fs = s->options.fs;
    struct qf_file *file = NULL;
    if (fs->open(fs->self, &file, QF_STAMPING_REQUEST, false) != QF_OK)
        return false;
    fs->close(fs->self, file);
    return true;
}

/* The answer first, so that whoever sees the request gone finds it. */
static void answer(struct qf_stamping *s, enum qf_status status, const struct qf_error *err)
{
    const struct qf_fs *fs = s->options.fs;
    struct qf_buf text = {0};
    if (status == QF_OK)
        qf_buf_printf(&text, "ok\n%llu\n", (unsigned long long)s->report.size);
    else
        qf_buf_printf(&text, "%s\n%s: %s\n", qf_status_name(status), err->field, err->detail);
    if (qf_fs_replace(fs, QF_STAMPING_ANSWER, qf_buf_slice(&text), false) != QF_OK ||
        fs->remove(fs->self, QF_STAMPING_REQUEST) != QF_OK)
        tell(s, "an operator's request in log/" QF_STAMPING_REQUEST " cannot be answered");
    qf_buf_deinit(&text);
}

/* Entries that were stamped cannot have gone by themselves. */
static enum qf_status check_lost(const struct qf_stamping *s, struct qf_error *err)
{
    struct qf_ledger_head head;
    qf_ledger_head(s->options.api->options.ledger, &head);
    if (head.size >= s->report.size)
        return QF_OK;
    return qf_fail(err, QF_INCONSISTENT, "stamps",
                   "%llu entries of this log were time-stamped, and it has only %llu: entries were "
                   "lost; stop the node and restore the newest copy",
                   (unsigned long long)s->report.size, (unsigned long long)head.size);
}

static void look(struct qf_stamping *s)
{
    struct qf_error err = {0};
    bool asked = was_asked(s);
    enum qf_status status = asked || monotonic_ms() >= s->next_ms ? check_lost(s, &err) : QF_OK;
    bool due = status == QF_OK && (asked || (monotonic_ms() >= s->next_ms && stamp_due(s)));
    if (due)
        status = make_stamp(s, &err);
    bool renew = status == QF_OK && renewal_due(s) && monotonic_ms() >= s->next_ms &&
                 (asked || monotonic_ms() >= s->renew_next_ms);
    if (renew)
        status = try_renewal(s, &err);
    if (status != QF_OK)
        failed(s, &err);
    else if (due || renew)
        succeeded(s);
    if (asked)
        answer(s, status, &err);
}

/* What is in the folder already: the newest stamp, and when what no renewal covers ends. */
static void load(struct qf_stamping *s)
{
    struct qf_stamps *stamps = s->options.stamps;
    const struct qf_timestamp_trust trust = {.roots = s->options.roots,
                                             .root_count = s->options.root_count};
    struct qf_arena arena = {0};
    struct qf_stamp_link link;
    struct qf_timestamp stamp = {0};
    uint64_t size = qf_stamps_covered(stamps);
    uint64_t last = qf_stamps_last(stamps);
    if (last > 0 && size >= last)
        size = last - 1; /* the newest in any case */
    while (!atomic_load(&s->stopping) && qf_stamps_after(stamps, size, &size)) {
        qf_arena_reset(&arena);
        if (qf_stamps_load(stamps, &arena, size, &link, NULL) != QF_OK)
            continue; /* qifeng audit names it */
        if (qf_timestamp_verify(&stamp, link.token, &trust, NULL) == QF_OK ||
            qf_timestamp_read_claims(&stamp, link.token, NULL) == QF_OK)
            take_stamp(s, size, &stamp);
    }
    size_t renewals = qf_stamps_renewals(stamps);
    bool covered = qf_stamps_covered(stamps) == last;
    if (renewals > 0 && qf_stamps_load_renewal(stamps, &arena, renewals, &link, NULL) == QF_OK &&
        (qf_timestamp_verify(&stamp, link.token, &trust, NULL) == QF_OK ||
         qf_timestamp_read_claims(&stamp, link.token, NULL) == QF_OK)) {
        pthread_mutex_lock(&s->lock);
        if (covered || stamp.until_ms < s->report.until_ms)
            s->report.until_ms = stamp.until_ms;
        pthread_mutex_unlock(&s->lock);
    }
    pthread_mutex_lock(&s->lock);
    s->report.renewals = renewals;
    s->report.count = qf_stamps_count(stamps);
    if (s->report.size > 0)
        s->report.state = QF_STAMPING_GOOD;
    pthread_mutex_unlock(&s->lock);
    qf_arena_deinit(&arena);
}

static void *work_on(void *arg)
{
    struct qf_stamping *s = arg;
    load(s);
    while (!atomic_load(&s->stopping)) {
        look(s);
        pthread_mutex_lock(&s->lock);
        if (!atomic_load(&s->stopping))
            qf_wait_ms(&s->woken, &s->lock, LOOK_MS);
        pthread_mutex_unlock(&s->lock);
    }
    return NULL;
}

enum qf_status qf_stamping_start(struct qf_stamping **out,
                                 const struct qf_stamping_options *options, struct qf_error *err)
{
    struct qf_stamping *s = calloc(1, sizeof *s);
    QF_ASSERT(s != NULL && options->root_count > 0);
    pthread_condattr_t attributes;
    s->options = *options;
    s->report.until_ms = INT64_MAX;
    pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&s->woken, &attributes);
    pthread_condattr_destroy(&attributes);
    const struct qf_ask_options ask = {.url = options->url,
                                       .type = "application/timestamp-query",
                                       .whom = "stamps.tsa",
                                       .answer_size_max = QF_TIMESTAMP_TOKEN_SIZE_MAX,
                                       .tls = options->tls};
    enum qf_status status =
        options->url != NULL ? qf_ask_new(&s->ask, &ask, &s->stopping, err) : QF_OK;
    if (status == QF_OK) {
        int error = pthread_create(&s->thread, NULL, work_on, s);
        QF_ASSERT(error == 0);
        s->started = true;
        *out = s;
    } else {
        qf_stamping_free(s);
    }
    return status;
}

void qf_stamping_stop(struct qf_stamping *s)
{
    if (s == NULL || !s->started)
        return;
    atomic_store(&s->stopping, true);
    pthread_mutex_lock(&s->lock);
    pthread_cond_broadcast(&s->woken);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->thread, NULL);
    s->started = false;
}

void qf_stamping_free(struct qf_stamping *s)
{
    if (s == NULL)
        return;
    qf_ask_free(s->ask);
    pthread_cond_destroy(&s->woken);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

const char *qf_stamping_state_name(enum qf_stamping_state state)
{
    static const char *const names[] = {"waiting", "good", "failing", "ending"};
    return names[state];
}

void qf_stamping_report(struct qf_stamping *s, struct qf_stamping_report *out)
{
    pthread_mutex_lock(&s->lock);
    *out = s->report;
    pthread_mutex_unlock(&s->lock);
}
