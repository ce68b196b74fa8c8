#include "api/witness/witness.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/witness/file.h"
#include "codec/text.h"

#define ID_BYTES 16UL
#define REFUSED_EVERY_S 1 /* evidence is not written more often */

struct log {
    pthread_mutex_t lock; /* over everything below, and over the log's files */
    struct qf_witness_log trusted;
    struct qf_note_key *keys;
    char note_path[2 * ID_BYTES + sizeof ".note"];
    char refused_path[2 * ID_BYTES + sizeof ".refused"];
    struct qf_witness_report report;
};

struct qf_witness {
    struct qf_witness_options options;
    struct qf_note_key key;
    struct log *logs;
    size_t log_count;
};

static struct log *find_log(struct qf_witness *witness, struct qf_slice origin)
{
    for (size_t i = 0; i < witness->log_count; i++)
        if (qf_slice_equal(witness->logs[i].trusted.origin, origin))
            return &witness->logs[i];
    return NULL;
}

/* ---- memory ---- */

/* Whether the note was written by this witness, or at least by the log: after its key was changed a
 * witness goes on from what it remembers. */
static bool is_trusted(const struct qf_witness *witness, const struct log *log,
                       const struct qf_note *note, uint64_t *time_s)
{
    struct qf_verifier *verifier = witness->options.verifier;
    if (qf_note_verify(note, &witness->key, verifier, time_s) == QF_OK)
        return true;
    for (size_t i = 0; i < log->trusted.key_count; i++)
        if (qf_note_verify(note, &log->keys[i], verifier, time_s) == QF_OK)
            return true;
    return false;
}

static enum qf_status remember(struct qf_witness *witness, struct log *log, struct qf_error *err)
{
    struct qf_arena arena = {0};
    struct qf_slice bytes = {0};
    struct qf_note note;
    struct qf_checkpoint checkpoint = {0};
    uint64_t time_s = 0;
    enum qf_status status =
        qf_witness_file_read(witness->options.fs, &arena, log->note_path, &bytes);
    if (status == QF_NOT_FOUND) {
        qf_arena_deinit(&arena);
        return QF_OK;
    }
    if (status != QF_OK && status != QF_OVER_LIMIT) {
        status = qf_fail(err, status, log->note_path, "what is remembered of %.*s cannot be read",
                         QF_SLICE_ARGS(log->trusted.origin));
    } else if (status == QF_OVER_LIMIT || qf_note_parse(&arena, &note, bytes, NULL) != QF_OK ||
               qf_checkpoint_parse(&checkpoint, note.text, NULL) != QF_OK ||
               !qf_slice_equal(checkpoint.origin, log->trusted.origin) ||
               !is_trusted(witness, log, &note, &time_s)) {
        status = qf_fail(err, QF_CORRUPT, log->note_path,
                         "the witness's memory of %.*s is signed neither by it nor by the log; "
                         "restore the file: without it a fork would not be noticed",
                         QF_SLICE_ARGS(log->trusted.origin));
    } else {
        log->trusted.state.size = checkpoint.size;
        memcpy(log->trusted.state.root, checkpoint.root, QF_HASH_SIZE);
        log->report.size = checkpoint.size;
        log->report.time_s = (int64_t)time_s;
    }
    qf_arena_deinit(&arena);
    return status;
}

/* Invariant 1. */
static enum qf_status store(struct qf_witness *witness, struct log *log, const struct qf_note *note,
                            struct qf_slice cosignature, struct qf_error *err)
{
    struct qf_buf bytes = {0};
    qf_buf_put_slice(&bytes, note->text);
    qf_buf_put_byte(&bytes, '\n');
    for (size_t i = 0; i < log->trusted.key_count; i++) {
        enum qf_status there = qf_note_put_line(&bytes, note, &log->keys[i]);
        (void)there; /* one of them has signed, not all */
    }
    qf_buf_put_slice(&bytes, cosignature);
    enum qf_status status = qf_buf_status(&bytes);
    if (status == QF_OK)
        status = qf_fs_replace(witness->options.fs, log->note_path, qf_buf_slice(&bytes), true);
    qf_buf_deinit(&bytes);
    return status == QF_OK ? QF_OK
                           : qf_fail(err, status == QF_NO_SPACE ? QF_NO_SPACE : QF_IO, "witness",
                                     "the checkpoint cannot be remembered, so it is not cosigned");
}

/* ---- answering ---- */

/* A log that shows two histories has signed them both: what is kept here proves it. */
static void keep_evidence(struct qf_witness *witness, struct log *log, struct qf_slice body,
                          const struct qf_error *why, int64_t now_s)
{
    struct qf_witness_report *report = &log->report;
    if (now_s - report->refused_s >= REFUSED_EVERY_S) {
        enum qf_status status = qf_fs_replace(witness->options.fs, log->refused_path, body, true);
        (void)status; /* the answer does not depend on it */
    }
    report->refused++;
    report->refused_s = now_s;
    snprintf(report->refusal, sizeof report->refusal, "%.30s: %.120s", why->field, why->detail);
}

static enum qf_status cosign(struct qf_witness *witness, struct log *log, struct qf_buf *out,
                             const struct qf_witness_request *request,
                             const struct qf_witness_state *next, int64_t now_s,
                             struct qf_error *err)
{
    struct qf_buf line = {0};
    struct qf_witness_state *state = &log->trusted.state;
    enum qf_status status =
        qf_note_put_signature(&line, request->note.text, witness->key.name, QF_NOTE_COSIGNATURE,
                              witness->options.key, (uint64_t)now_s, err);
    /* The same checkpoint again is a newer word on what is remembered already. */
    bool known = state->size > 0 && state->size == next->size;
    if (status == QF_OK && !known)
        status = store(witness, log, &request->note, qf_buf_slice(&line), err);
    if (status == QF_OK) {
        *state = *next;
        log->report.size = next->size;
        log->report.time_s = now_s;
        log->report.cosigned++;
        qf_buf_put_slice(out, qf_buf_slice(&line));
        status = qf_buf_status(out);
    }
    qf_buf_deinit(&line);
    return status;
}

static enum qf_status answer_log(struct qf_witness *witness, struct log *log, struct qf_buf *out,
                                 enum qf_witness_answer *answer,
                                 const struct qf_witness_request *request, struct qf_slice body,
                                 struct qf_error *err)
{
    struct qf_witness_state next;
    int64_t now_s = witness->options.clock.now_ms(witness->options.clock.self) / 1000;
    const struct qf_witness_state *state = &log->trusted.state;
    *answer = qf_witness_decide(&next, &log->trusted, request, witness->options.verifier, err);
    if (*answer == QF_WITNESS_COSIGN)
        return cosign(witness, log, out, request, &next, now_s, err);
    if (*answer == QF_WITNESS_CONFLICT && request->old_size != state->size) {
        qf_buf_put_int(out, (int64_t)state->size);
        qf_buf_put_byte(out, '\n');
    } else if (*answer == QF_WITNESS_CONFLICT || *answer == QF_WITNESS_INCONSISTENT) {
        keep_evidence(witness, log, body, err, now_s);
    }
    return qf_buf_status(out);
}

enum qf_status qf_witness_serve(struct qf_witness *witness, struct qf_buf *out,
                                enum qf_witness_answer *answer, struct qf_slice body,
                                struct qf_error *err)
{
    struct qf_arena arena = {0};
    struct qf_witness_request request;
    struct qf_witness_state next;
    enum qf_status status = QF_OK;
    *answer = QF_WITNESS_MALFORMED;
    if (qf_witness_request_parse(&arena, &request, body, err) == QF_OK) {
        struct log *log = find_log(witness, request.checkpoint.origin);
        if (log == NULL) {
            *answer = qf_witness_decide(&next, NULL, &request, witness->options.verifier, err);
        } else {
            pthread_mutex_lock(&log->lock); /* invariant 2 */
            status = answer_log(witness, log, out, answer, &request, body, err);
            pthread_mutex_unlock(&log->lock);
        }
    }
    qf_arena_deinit(&arena);
    return status;
}

/* ---- beginning and end ---- */

static void add_source(struct qf_witness *witness, const struct qf_witness_source *source)
{
    struct log *log = find_log(witness, source->origin);
    if (log == NULL) {
        char id[2 * ID_BYTES + 1] = {0};
        uint8_t hash[QF_HASH_SIZE];
        log = &witness->logs[witness->log_count++];
        qf_hash(QF_HASH_SHA256, hash, source->origin);
        qf_hex_encode(id, qf_slice_make(hash, ID_BYTES));
        snprintf(log->note_path, sizeof log->note_path, "%s.note", id);
        snprintf(log->refused_path, sizeof log->refused_path, "%s.refused", id);
        pthread_mutex_init(&log->lock, NULL);
        log->keys = calloc(witness->options.source_count, sizeof log->keys[0]);
        log->trusted.origin = source->origin;
        log->trusted.keys = log->keys;
        log->report.origin = source->origin;
    }
    QF_ASSERT(log->keys != NULL);
    log->keys[log->trusted.key_count++] = source->key;
}

enum qf_status qf_witness_new(struct qf_witness **out, const struct qf_witness_options *options,
                              struct qf_error *err)
{
    struct qf_public_key public;
    qf_private_key_public(options->key, &public);
    if (public.alg != QF_ALG_EDDSA)
        return qf_fail(
            err, QF_UNSUPPORTED_ALG, "witness.key",
            "a witness signs with Ed25519; qifeng key create FILE --alg EdDSA makes one");
    struct qf_witness *witness = calloc(1, sizeof *witness);
    QF_ASSERT(witness != NULL);
    witness->options = *options;
    qf_note_key_make(&witness->key, options->name, QF_NOTE_COSIGNATURE, public.bytes);
    witness->logs = calloc(options->source_count + 1, sizeof witness->logs[0]);
    QF_ASSERT(witness->logs != NULL);
    for (size_t i = 0; i < options->source_count; i++)
        add_source(witness, &options->sources[i]);
    enum qf_status status = QF_OK;
    for (size_t i = 0; i < witness->log_count && status == QF_OK; i++)
        status = remember(witness, &witness->logs[i], err);
    if (status != QF_OK) {
        qf_witness_free(witness);
        return status;
    }
    *out = witness;
    return QF_OK;
}

void qf_witness_free(struct qf_witness *witness)
{
    if (witness == NULL)
        return;
    for (size_t i = 0; i < witness->log_count; i++) {
        pthread_mutex_destroy(&witness->logs[i].lock);
        free(witness->logs[i].keys);
    }
    free(witness->logs);
    free(witness);
}

void qf_witness_key(const struct qf_witness *witness, struct qf_note_key *out)
{
    *out = witness->key;
}

size_t qf_witness_log_count(const struct qf_witness *witness)
{
    return witness->log_count;
}

void qf_witness_report(struct qf_witness *witness, size_t which, struct qf_witness_report *out)
{
    struct log *log = &witness->logs[which];
    pthread_mutex_lock(&log->lock);
    *out = log->report;
    pthread_mutex_unlock(&log->lock);
}
