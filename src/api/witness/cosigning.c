#include "api/witness/cosigning.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "api/witness/ask.h"
#include "api/witness/file.h"
#include "api/witness/rounds.h"
#include "base/wait.h"
#include "merkle/witness.h"

#define NOTE_FILE "cosigned.note"
#define LOOK_MS 100          /* how often a thread looks whether the log grew */
#define BACKOFF_MS 1000      /* after a first failure, then twice as long each time */
#define BACKOFF_MS_MAX 60000 /* but no longer */
#define REFRESH_S 3600       /* a cosignature of a log at rest is renewed, for its time */
#define TRIES_MAX 4          /* exchanges in a row in which a witness names another size */

struct witness {
    struct qf_cosigning *owner;
    size_t index;
    const struct qf_cosigning_witness *config;
    struct qf_ask *ask;
    pthread_t thread;
    bool started;
    uint64_t known;                    /* the size from which it wants a proof; its thread's */
    int64_t next_ms;                   /* not asked before; its thread's */
    struct qf_cosigning_report report; /* under the lock */
};

struct qf_cosigning {
    struct qf_cosigning_options options;
    struct qf_cosigner cosigner;
    struct witness *witnesses;
    atomic_bool stopping;
    pthread_mutex_t lock; /* over what follows and the reports */
    pthread_cond_t woken;
    struct qf_rounds rounds;
    bool has_round;
    uint64_t round_height; /* of the ledger's head in the newest round */
    int64_t round_ms;      /* when it began */
    pthread_mutex_t save_lock;
    uint64_t saved_size; /* of what cosigned.note holds, under save_lock */
    unsigned saved_count;
};

/* What one exchange works on. */
struct work {
    struct qf_buf note;
    size_t text_size;
    uint64_t size;
};

static int64_t monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t now_s(const struct qf_cosigning *c)
{
    return c->options.clock.now_ms(c->options.clock.self) / 1000;
}

static unsigned wanted(const struct qf_cosigning *c)
{
    return c->options.quorum > 0 ? c->options.quorum : 1;
}

/* ---- rounds ---- */

/* Makes the log's head the checkpoint that everybody is asked to cosign. */
static void begin_round(struct qf_cosigning *c, const struct qf_ledger_head *head)
{
    struct qf_checkpoint checkpoint;
    struct qf_buf text = {0};
    struct qf_buf note = {0};
    const struct qf_note_signer *signer = &c->options.signer;
    qf_ledger_checkpoint(c->options.ledger, head, &checkpoint);
    qf_checkpoint_put(&text, &checkpoint);
    const struct qf_round *newest = qf_rounds_newest(&c->rounds);
    bool same =
        newest != NULL &&
        qf_slice_equal(qf_slice_make(newest->note.data, newest->text_size), qf_buf_slice(&text));
    qf_buf_put_slice(&note, qf_buf_slice(&text));
    qf_buf_put_byte(&note, '\n');
    if (same || qf_note_put_signature(&note, qf_buf_slice(&text), signer->name, QF_NOTE_ED25519,
                                      signer->key, 0, NULL) == QF_OK) {
        if (!same)
            (void)qf_rounds_begin(&c->rounds, head->size, qf_buf_slice(&note), text.size);
        c->round_height = head->height;
        c->round_ms = monotonic_ms();
        c->has_round = true;
    }
    qf_buf_deinit(&text);
    qf_buf_deinit(&note);
}

/* Whether this witness has something to cosign, which is then copied. */
static bool take_work(struct qf_cosigning *c, const struct witness *w, struct work *out)
{
    struct qf_ledger_head head;
    qf_ledger_head(c->options.ledger, &head);
    bool due = !c->has_round || monotonic_ms() - c->round_ms >= (int64_t)c->options.interval_ms;
    if (head.size > 0 && due && (!c->has_round || head.height != c->round_height))
        begin_round(c, &head);
    const struct qf_round *round = qf_rounds_newest(&c->rounds);
    /* After a start everybody is asked, whatever was cosigned before: a log that was restored from
     * an old copy has old cosignatures, too. */
    bool fresh = round != NULL && w->report.state == QF_COSIGNING_GOOD &&
                 round->lines[w->index][0] != '\0' &&
                 now_s(c) - round->time_s[w->index] < REFRESH_S;
    if (round == NULL || fresh)
        return false;
    out->note = (struct qf_buf){0};
    qf_buf_put_slice(&out->note, qf_buf_slice(&round->note));
    out->text_size = round->text_size;
    out->size = round->size;
    return true;
}

/* ---- what is kept ---- */

static void save(struct qf_cosigning *c)
{
    struct qf_buf note = {0};
    pthread_mutex_lock(&c->lock);
    const struct qf_round *round = qf_rounds_cosigned(&c->rounds, wanted(c));
    uint64_t size = round != NULL ? round->size : 0;
    unsigned count = round != NULL ? round->count : 0;
    if (round != NULL)
        qf_round_put(round, &note);
    pthread_mutex_unlock(&c->lock);
    pthread_mutex_lock(&c->save_lock);
    bool newer = size > c->saved_size || (size == c->saved_size && count > c->saved_count);
    if (newer && qf_fs_replace(c->options.fs, NOTE_FILE, qf_buf_slice(&note), true) == QF_OK) {
        c->saved_size = size;
        c->saved_count = count;
    }
    pthread_mutex_unlock(&c->save_lock);
    qf_buf_deinit(&note);
}

/* Whether our log continues the checkpoint: a folder that was restored may not. */
static bool continues(const struct qf_cosigning *c, const struct qf_checkpoint *checkpoint)
{
    struct qf_ledger_head head;
    struct qf_hash_reader reader;
    struct qf_log_proof proof = {0};
    qf_ledger_head(c->options.ledger, &head);
    if (checkpoint->size == 0 || checkpoint->size > head.size)
        return false;
    qf_tiles_reader(qf_ledger_tiles(c->options.ledger), QF_HASH_SHA256, &reader);
    return qf_log_prove_consistency(QF_HASH_SHA256, &proof, checkpoint->size, head.size, &reader) ==
               QF_OK &&
           qf_log_verify_consistency(QF_HASH_SHA256, checkpoint->size, head.size, checkpoint->root,
                                     head.root, &proof) == QF_OK;
}

/* The checkpoint of the last time, if it is still one of ours. It is not needed: without it the
 * witnesses are asked again. */
static void load(struct qf_cosigning *c)
{
    struct qf_arena arena = {0};
    struct qf_buf line = {0};
    struct qf_slice bytes;
    struct qf_note note;
    struct qf_checkpoint checkpoint;
    struct qf_public_key public;
    struct qf_note_key own;
    uint64_t time_s = 0;
    qf_private_key_public(c->options.signer.key, &public);
    qf_note_key_make(&own, c->options.signer.name, QF_NOTE_ED25519, public.bytes);
    if (qf_witness_file_read(c->options.fs, &arena, NOTE_FILE, &bytes) == QF_OK &&
        qf_note_parse(&arena, &note, bytes, NULL) == QF_OK &&
        qf_checkpoint_parse(&checkpoint, note.text, NULL) == QF_OK &&
        qf_slice_equal(checkpoint.origin, qf_ledger_network(c->options.ledger)) &&
        qf_note_verify(&note, &own, c->options.verifier, &time_s) == QF_OK &&
        continues(c, &checkpoint)) {
        struct qf_buf signed_note = {0};
        qf_buf_put_slice(&signed_note, note.text);
        qf_buf_put_byte(&signed_note, '\n');
        enum qf_status there = qf_note_put_line(&signed_note, &note, &own);
        QF_ASSERT(there == QF_OK);
        struct qf_round *round = qf_rounds_begin(&c->rounds, checkpoint.size,
                                                 qf_buf_slice(&signed_note), note.text.size);
        for (size_t i = 0; i < c->options.witness_count; i++) {
            const struct qf_note_key *key = &c->witnesses[i].config->key;
            qf_buf_reset(&line);
            if (qf_note_verify(&note, key, c->options.verifier, &time_s) != QF_OK ||
                qf_note_put_line(&line, &note, key) != QF_OK || line.size >= QF_ROUND_LINE_SIZE_MAX)
                continue;
            qf_round_add(round, i, qf_buf_slice(&line), (int64_t)time_s);
            c->witnesses[i].known = checkpoint.size;
            c->witnesses[i].report.size = checkpoint.size;
            c->witnesses[i].report.time_s = (int64_t)time_s;
        }
        qf_buf_deinit(&signed_note);
    }
    qf_buf_deinit(&line);
    qf_arena_deinit(&arena);
}

/* ---- asking ---- */

static void succeeded(struct witness *w, const struct work *work, struct qf_slice line,
                      uint64_t time_s)
{
    struct qf_cosigning *c = w->owner;
    w->known = work->size;
    w->next_ms = 0;
    pthread_mutex_lock(&c->lock);
    struct qf_round *round =
        qf_rounds_find(&c->rounds, qf_slice_make(work->note.data, work->text_size));
    if (round != NULL)
        qf_round_add(round, w->index, line, (int64_t)time_s);
    w->report.state = QF_COSIGNING_GOOD;
    w->report.failures = 0;
    w->report.size = work->size;
    w->report.time_s = (int64_t)time_s;
    w->report.cosigned++;
    w->report.detail[0] = '\0';
    pthread_mutex_unlock(&c->lock);
    save(c);
}

QF_PRINTF(3, 4)
static void failed(struct witness *w, enum qf_cosigning_state state, const char *fmt, ...)
{
    struct qf_cosigning *c = w->owner;
    va_list args;
    va_start(args, fmt);
    pthread_mutex_lock(&c->lock);
    unsigned failures = w->report.failures++;
    w->report.state = state;
    vsnprintf(w->report.detail, sizeof w->report.detail, fmt, args);
    pthread_mutex_unlock(&c->lock);
    va_end(args);
    int64_t wait = failures < 6 ? (int64_t)BACKOFF_MS << failures : BACKOFF_MS_MAX;
    w->next_ms = monotonic_ms() + (wait < BACKOFF_MS_MAX ? wait : BACKOFF_MS_MAX);
}

static enum qf_status put_body(const struct witness *w, const struct work *work,
                               struct qf_buf *body)
{
    struct qf_hash_reader reader;
    struct qf_log_proof proof = {0};
    enum qf_status status = QF_OK;
    qf_tiles_reader(qf_ledger_tiles(w->owner->options.ledger), QF_HASH_SHA256, &reader);
    if (w->known > 0)
        status = qf_log_prove_consistency(QF_HASH_SHA256, &proof, w->known, work->size, &reader);
    qf_buf_reset(body);
    if (status == QF_OK)
        qf_witness_request_put(body, w->known, &proof, qf_buf_slice(&work->note));
    return status == QF_OK ? qf_buf_status(body) : status;
}

/* 200. */
static void take_answer(struct witness *w, const struct work *work, struct qf_slice answer)
{
    struct qf_buf line = {0};
    uint64_t time_s = 0;
    struct qf_error err = {0};
    enum qf_status status =
        qf_witness_take_cosignature(&line, &time_s, qf_slice_make(work->note.data, work->text_size),
                                    answer, &w->config->key, w->owner->options.verifier, &err);
    if (status == QF_OK && line.size < QF_ROUND_LINE_SIZE_MAX && time_s <= INT64_MAX)
        succeeded(w, work, qf_buf_slice(&line), time_s);
    else
        failed(w, QF_COSIGNING_REFUSED,
               "it answers without a good cosignature by the key that node.yaml has: %.120s; ask "
               "its operator for the verifier key",
               err.detail);
    qf_buf_deinit(&line);
}

/* 409: whether to ask again at once, from the size that the witness names. */
static bool take_conflict(struct witness *w, const struct work *work, struct qf_slice answer)
{
    struct qf_ledger_head head;
    uint64_t size = 0;
    if (!qf_witness_size_parse(&size, answer) || size == w->known) {
        failed(w, QF_COSIGNING_FORKED,
               "it has cosigned another checkpoint of %llu entries: this log shows two histories",
               (unsigned long long)work->size);
        return false;
    }
    qf_ledger_head(w->owner->options.ledger, &head);
    if (size > head.size) {
        failed(w, QF_COSIGNING_AHEAD,
               "it has cosigned %llu entries of this log, which has only %llu: entries were lost; "
               "restore the newest copy of the log",
               (unsigned long long)size, (unsigned long long)head.size);
        return false;
    }
    w->known = size;
    return true;
}

static void explain_refusal(struct witness *w, long http, const struct work *work)
{
    if (http == QF_WITNESS_INCONSISTENT && w->known > 0)
        failed(w, QF_COSIGNING_FORKED,
               "it has cosigned a checkpoint of %llu entries that this log of %llu does not "
               "continue: this log shows two histories",
               (unsigned long long)w->known, (unsigned long long)work->size);
    else if (http == QF_WITNESS_UNKNOWN_LOG)
        failed(w, QF_COSIGNING_REFUSED,
               "it does not know this log (404): give its operator this network's id and note_keys "
               "of /v1/network, and check the address");
    else if (http == QF_WITNESS_UNTRUSTED)
        failed(w, QF_COSIGNING_REFUSED,
               "it does not trust this node's key for this log (403): give its operator note_keys "
               "of /v1/network");
    else if (http == 429 || http >= 500)
        failed(w, QF_COSIGNING_UNREACHABLE, "it answers %ld", http);
    else
        failed(w, QF_COSIGNING_REFUSED, "it answers %ld, which is no answer of the protocol here",
               http);
}

static void exchange(struct witness *w, const struct work *work)
{
    struct qf_buf body = {0};
    struct qf_buf answer = {0};
    for (int tries = 0; tries < TRIES_MAX; tries++) {
        struct qf_error err = {0};
        long http = 0;
        if (w->known > work->size)
            break; /* the next round is newer than what it named */
        if (put_body(w, work, &body) != QF_OK) {
            failed(w, QF_COSIGNING_UNREACHABLE, "the log cannot be read here");
            break;
        }
        qf_buf_reset(&answer);
        if (qf_ask_post(w->ask, &answer, &http, qf_buf_slice(&body), &err) != QF_OK) {
            failed(w, QF_COSIGNING_UNREACHABLE, "%.200s", err.detail);
            break;
        }
        if (http == QF_WITNESS_COSIGN) {
            take_answer(w, work, qf_buf_slice(&answer));
            break;
        }
        if (http != QF_WITNESS_CONFLICT) {
            explain_refusal(w, http, work);
            break;
        }
        if (!take_conflict(w, work, qf_buf_slice(&answer)))
            break;
        if (tries == TRIES_MAX - 1)
            failed(w, QF_COSIGNING_REFUSED, "it names another size each time");
    }
    qf_buf_deinit(&body);
    qf_buf_deinit(&answer);
}

static void *work_on(void *arg)
{
    struct witness *w = arg;
    struct qf_cosigning *c = w->owner;
    pthread_mutex_lock(&c->lock);
    while (!atomic_load(&c->stopping)) {
        struct work work;
        bool ready = monotonic_ms() >= w->next_ms && take_work(c, w, &work);
        if (ready) {
            w->report.asked++;
            pthread_mutex_unlock(&c->lock);
            exchange(w, &work);
            qf_buf_deinit(&work.note);
            pthread_mutex_lock(&c->lock);
        }
        if (!atomic_load(&c->stopping))
            qf_wait_ms(&c->woken, &c->lock, LOOK_MS);
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

/* ---- beginning and end ---- */

static unsigned cosigner_lines(void *self, struct qf_buf *out, struct qf_slice text)
{
    struct qf_cosigning *c = self;
    unsigned count = 0;
    pthread_mutex_lock(&c->lock);
    const struct qf_round *round = qf_rounds_find(&c->rounds, text);
    if (round != NULL) {
        qf_round_put_lines(round, out);
        count = round->count;
    }
    pthread_mutex_unlock(&c->lock);
    return count;
}

static enum qf_status cosigner_note(void *self, struct qf_buf *out, unsigned count)
{
    struct qf_cosigning *c = self;
    pthread_mutex_lock(&c->lock);
    const struct qf_round *round = qf_rounds_cosigned(&c->rounds, count);
    if (round != NULL)
        qf_round_put(round, out);
    pthread_mutex_unlock(&c->lock);
    return round == NULL ? QF_NOT_FOUND : qf_buf_status(out);
}

static enum qf_status start_witness(struct qf_cosigning *c, size_t index, struct qf_error *err)
{
    struct witness *w = &c->witnesses[index];
    const struct qf_ask_options options = {.url = w->config->url,
                                           .path = "/add-checkpoint",
                                           .type = "text/plain; charset=utf-8",
                                           .whom = "witness",
                                           .answer_size_max = QF_ASK_ANSWER_SIZE_MAX,
                                           .tls = w->config->tls};
    enum qf_status status = qf_ask_new(&w->ask, &options, &c->stopping, err);
    if (status != QF_OK)
        return status;
    int error = pthread_create(&w->thread, NULL, work_on, w);
    QF_ASSERT(error == 0);
    w->started = true;
    return QF_OK;
}

enum qf_status qf_cosigning_start(struct qf_cosigning **out,
                                  const struct qf_cosigning_options *options, struct qf_error *err)
{
    QF_ASSERT(options->witness_count <= QF_WITNESSES_MAX);
    struct qf_cosigning *c = calloc(1, sizeof *c);
    QF_ASSERT(c != NULL);
    pthread_condattr_t attributes;
    c->options = *options;
    c->witnesses = calloc(options->witness_count + 1, sizeof c->witnesses[0]);
    QF_ASSERT(c->witnesses != NULL);
    pthread_mutex_init(&c->lock, NULL);
    pthread_mutex_init(&c->save_lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&c->woken, &attributes);
    pthread_condattr_destroy(&attributes);
    c->cosigner = (struct qf_cosigner){options->quorum, cosigner_lines, cosigner_note, c};
    for (size_t i = 0; i < options->witness_count; i++) {
        struct witness *w = &c->witnesses[i];
        w->owner = c;
        w->index = i;
        w->config = &options->witnesses[i];
        w->report.name = w->config->key.name;
        w->report.url = w->config->url;
    }
    load(c);
    enum qf_status status = QF_OK;
    for (size_t i = 0; i < options->witness_count && status == QF_OK; i++)
        status = start_witness(c, i, err);
    if (status != QF_OK) {
        qf_cosigning_stop(c);
        return status;
    }
    *out = c;
    return QF_OK;
}

void qf_cosigning_stop(struct qf_cosigning *c)
{
    if (c == NULL)
        return;
    atomic_store(&c->stopping, true);
    pthread_mutex_lock(&c->lock);
    pthread_cond_broadcast(&c->woken);
    pthread_mutex_unlock(&c->lock);
    for (size_t i = 0; i < c->options.witness_count; i++) {
        if (c->witnesses[i].started)
            pthread_join(c->witnesses[i].thread, NULL);
        qf_ask_free(c->witnesses[i].ask);
    }
    qf_rounds_deinit(&c->rounds);
    pthread_cond_destroy(&c->woken);
    pthread_mutex_destroy(&c->lock);
    pthread_mutex_destroy(&c->save_lock);
    free(c->witnesses);
    free(c);
}

const struct qf_cosigner *qf_cosigning_cosigner(struct qf_cosigning *cosigning)
{
    return &cosigning->cosigner;
}

/* ---- telling ---- */

const char *qf_cosigning_state_name(enum qf_cosigning_state state)
{
    static const char *const names[] = {"waiting", "good",  "unreachable",
                                        "refused", "ahead", "forked"};
    return names[state];
}

size_t qf_cosigning_count(const struct qf_cosigning *cosigning)
{
    return cosigning->options.witness_count;
}

void qf_cosigning_report(struct qf_cosigning *cosigning, size_t which,
                         struct qf_cosigning_report *out)
{
    pthread_mutex_lock(&cosigning->lock);
    *out = cosigning->witnesses[which].report;
    pthread_mutex_unlock(&cosigning->lock);
}

void qf_cosigning_summary(struct qf_cosigning *cosigning, struct qf_cosigning_summary *out)
{
    *out = (struct qf_cosigning_summary){.quorum = cosigning->options.quorum};
    pthread_mutex_lock(&cosigning->lock);
    const struct qf_round *round = qf_rounds_cosigned(&cosigning->rounds, wanted(cosigning));
    if (round != NULL) {
        out->size = round->size;
        out->count = round->count;
        for (size_t i = 0; i < QF_WITNESSES_MAX; i++)
            if (round->lines[i][0] != '\0' && round->time_s[i] > out->time_s)
                out->time_s = round->time_s[i];
    }
    pthread_mutex_unlock(&cosigning->lock);
}
