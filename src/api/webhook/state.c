#include "api/webhook/state.h"

#include <stdio.h>

#include "codec/json.h"

#define FILE_SIZE_MAX 4096
#define NAME_SIZE 128 /* id of at most 64 and an ending */

static const char *const stop_names[QF_WEBHOOK_STOPS] = {"", "gone", "failing", "ahead", "lost"};

const char *qf_webhook_stop_name(enum qf_webhook_stop stop)
{
    return stop_names[stop];
}

const char *qf_webhook_stop_meaning(enum qf_webhook_stop stop)
{
    static const char *const texts[QF_WEBHOOK_STOPS] = {
        "",
        "the receiver answered 410: it wants no more",
        "nothing was taken for three days",
        "more was delivered than the log has, as after an older backup; say where to go on",
        "its position file cannot be read; say where to go on",
    };
    return texts[stop];
}

void qf_webhook_state_delivered(struct qf_webhook_state *state,
                                const struct qf_webhook_attempt *attempt, uint64_t leaf,
                                uint32_t op)
{
    state->leaf = leaf;
    state->op = op;
    state->failures = 0;
    state->failing_since_ms = 0;
    state->last_ms = attempt->now_ms;
    state->last_status = attempt->status;
    state->next_ms = 0;
    state->reason[0] = '\0';
}

int64_t qf_webhook_backoff_ms(uint32_t failures, uint32_t random)
{
    int64_t delay_ms = QF_WEBHOOK_RETRY_MS_MIN;
    for (uint32_t i = 1; i < failures && delay_ms < QF_WEBHOOK_RETRY_MS_MAX; i++)
        delay_ms *= 2;
    if (delay_ms > QF_WEBHOOK_RETRY_MS_MAX)
        delay_ms = QF_WEBHOOK_RETRY_MS_MAX;
    return delay_ms / 2 + (int64_t)(random % (uint32_t)(delay_ms / 2 + 1));
}

/* Reasons come from libraries and may quote what the other side sent: only plain characters stay.
 */
static void put_reason(struct qf_webhook_state *state, const char *reason)
{
    size_t size = 0;
    for (; size < sizeof state->reason - 1 && reason[size] != '\0'; size++)
        state->reason[size] = reason[size] >= ' ' && reason[size] <= '~' ? reason[size] : '?';
    state->reason[size] = '\0';
}

void qf_webhook_state_failed(struct qf_webhook_state *state,
                             const struct qf_webhook_attempt *attempt)
{
    if (state->failures == 0 || state->failing_since_ms > attempt->now_ms)
        state->failing_since_ms = attempt->now_ms;
    if (state->failures < UINT32_MAX)
        state->failures++;
    state->last_ms = attempt->now_ms;
    state->last_status = attempt->status;
    put_reason(state, attempt->reason);
    int64_t delay_ms = qf_webhook_backoff_ms(state->failures, attempt->random);
    int64_t asked_ms = attempt->retry_after_ms < QF_WEBHOOK_RETRY_AFTER_MS_MAX
                           ? attempt->retry_after_ms
                           : QF_WEBHOOK_RETRY_AFTER_MS_MAX;
    state->next_ms = attempt->now_ms + (asked_ms > delay_ms ? asked_ms : delay_ms);
    if (attempt->status == 410)
        state->stop = QF_WEBHOOK_GONE;
    else if (attempt->now_ms - state->failing_since_ms >= QF_WEBHOOK_GIVE_UP_MS)
        state->stop = QF_WEBHOOK_FAILING;
}

void qf_webhook_state_enable(struct qf_webhook_state *state)
{
    state->stop = QF_WEBHOOK_RUNS;
    state->failures = 0;
    state->failing_since_ms = 0;
    state->next_ms = 0;
}

/* ---- files ---- */

void qf_webhook_state_encode(struct qf_buf *out, const struct qf_webhook_state *state)
{
    struct qf_arena arena = {0};
    struct qf_json object = qf_json_make_object();
    qf_json_put(&arena, &object, "disabled", qf_json_make_text(qf_webhook_stop_name(state->stop)));
    qf_json_put(&arena, &object, "failing_since", qf_json_make_int(state->failing_since_ms));
    qf_json_put(&arena, &object, "failures", qf_json_make_int(state->failures));
    qf_json_put(&arena, &object, "last", qf_json_make_int(state->last_ms));
    qf_json_put(&arena, &object, "last_status", qf_json_make_int(state->last_status));
    qf_json_put(&arena, &object, "leaf", qf_json_make_int((int64_t)state->leaf));
    qf_json_put(&arena, &object, "log_size", qf_json_make_int((int64_t)state->log_size));
    qf_json_put(&arena, &object, "next", qf_json_make_int(state->next_ms));
    qf_json_put(&arena, &object, "op", qf_json_make_int(state->op));
    qf_json_put(&arena, &object, "reason", qf_json_make_text(state->reason));
    qf_json_write(out, &object);
    qf_arena_deinit(&arena);
}

static enum qf_status get(const struct qf_json *object, const char *name, int64_t max, int64_t *out,
                          struct qf_error *err)
{
    enum qf_status status = qf_json_get_int(object, name, out, err);
    if (status == QF_OK && (*out < 0 || *out > max))
        status = qf_fail(err, QF_BAD_FIELD, name, "is out of range");
    return status;
}

static enum qf_status decode(struct qf_webhook_state *out, const struct qf_json *object,
                             struct qf_error *err)
{
    int64_t leaf = 0;
    int64_t op = 0;
    int64_t size = 0;
    int64_t failures = 0;
    int64_t last_status = 0;
    struct qf_slice stop = {0};
    struct qf_slice reason = {0};
    enum qf_status status = QF_OK;
    if ((status = get(object, "leaf", QF_JSON_INT_MAX, &leaf, err)) != QF_OK ||
        (status = get(object, "op", QF_WEBHOOK_EVENTS_MAX, &op, err)) != QF_OK ||
        (status = get(object, "log_size", QF_JSON_INT_MAX, &size, err)) != QF_OK ||
        (status = get(object, "failures", UINT32_MAX, &failures, err)) != QF_OK ||
        (status = get(object, "failing_since", QF_JSON_INT_MAX, &out->failing_since_ms, err)) !=
            QF_OK ||
        (status = get(object, "last", QF_JSON_INT_MAX, &out->last_ms, err)) != QF_OK ||
        (status = get(object, "last_status", 999, &last_status, err)) != QF_OK ||
        (status = get(object, "next", QF_JSON_INT_MAX, &out->next_ms, err)) != QF_OK ||
        (status = qf_json_get_text(object, "disabled", &stop, err)) != QF_OK ||
        (status = qf_json_get_text(object, "reason", &reason, err)) != QF_OK)
        return status;
    if (reason.size >= sizeof out->reason || memchr(reason.data, 0, reason.size) != NULL)
        return qf_fail(err, QF_BAD_FIELD, "reason", "is no text of this file");
    memcpy(out->reason, reason.data, reason.size);
    out->leaf = (uint64_t)leaf;
    out->op = (uint32_t)op;
    out->log_size = (uint64_t)size;
    out->failures = (uint32_t)failures;
    out->last_status = (int32_t)last_status;
    for (int i = 0; i < QF_WEBHOOK_STOPS; i++) {
        out->stop = (enum qf_webhook_stop)i;
        if (qf_slice_is(stop, stop_names[i]))
            return QF_OK;
    }
    return qf_fail(err, QF_BAD_FIELD, "disabled", "is unknown");
}

enum qf_status qf_webhook_state_decode(struct qf_webhook_state *out, struct qf_slice text,
                                       struct qf_error *err)
{
    struct qf_arena arena = {0};
    struct qf_json object;
    *out = (struct qf_webhook_state){0};
    enum qf_status status = qf_json_parse(&arena, &object, text, QF_JSON_CANONICAL, err);
    if (status == QF_OK)
        status = decode(out, &object, err);
    qf_arena_deinit(&arena);
    return status;
}

static enum qf_status load_file(const struct qf_fs *fs, const char *name, uint8_t *out,
                                size_t *size)
{
    struct qf_file *file;
    enum qf_status status = fs->open(fs->self, &file, name, false);
    if (status != QF_OK)
        return status;
    status = fs->read(fs->self, file, out, FILE_SIZE_MAX, 0, size);
    fs->close(fs->self, file);
    return status;
}

static void state_name(char out[NAME_SIZE], const char *id)
{
    snprintf(out, NAME_SIZE, "%s.json", id);
}

enum qf_status qf_webhook_state_load(struct qf_webhook_state *out, const struct qf_fs *fs,
                                     const char *id, struct qf_error *err)
{
    uint8_t text[FILE_SIZE_MAX];
    char name[NAME_SIZE];
    size_t size = 0;
    *out = (struct qf_webhook_state){0};
    state_name(name, id);
    enum qf_status status = load_file(fs, name, text, &size);
    if (status != QF_OK)
        return qf_fail(err, status, name, "cannot be read");
    return qf_webhook_state_decode(out, qf_slice_make(text, size), err);
}

enum qf_status qf_webhook_state_save(const struct qf_webhook_state *state, const struct qf_fs *fs,
                                     const char *id)
{
    char name[NAME_SIZE];
    struct qf_buf text = {0};
    state_name(name, id);
    qf_webhook_state_encode(&text, state);
    enum qf_status status = qf_buf_status(&text);
    if (status == QF_OK)
        status = qf_fs_replace(fs, name, qf_buf_slice(&text), true);
    qf_buf_deinit(&text);
    return status;
}

/* ---- requests ---- */

static void request_name(char out[NAME_SIZE], const char *id)
{
    snprintf(out, NAME_SIZE, "%s.request", id);
}

void qf_webhook_request_encode(struct qf_buf *out, const struct qf_webhook_request *request)
{
    struct qf_arena arena = {0};
    struct qf_json object = qf_json_make_object();
    if (request->moves)
        qf_json_put(&arena, &object, "from",
                    request->to_end ? qf_json_make_text("now")
                                    : qf_json_make_int((int64_t)request->leaf));
    qf_json_write(out, &object);
    qf_arena_deinit(&arena);
}

enum qf_status qf_webhook_request_decode(struct qf_webhook_request *out, struct qf_slice text,
                                         struct qf_error *err)
{
    struct qf_arena arena = {0};
    struct qf_json object;
    int64_t leaf = 0;
    *out = (struct qf_webhook_request){0};
    enum qf_status status = qf_json_parse(&arena, &object, text, QF_JSON_CANONICAL, err);
    if (status == QF_OK && object.type != QF_JSON_OBJECT)
        status = qf_fail(err, QF_MALFORMED, "", "want an object");
    const struct qf_json *from = status == QF_OK ? qf_json_get(&object, "from") : NULL;
    out->moves = from != NULL;
    out->to_end = qf_json_is_text(from, "now");
    if (out->moves && !out->to_end) {
        status = get(&object, "from", QF_JSON_INT_MAX, &leaf, err);
        out->leaf = (uint64_t)leaf;
    }
    qf_arena_deinit(&arena);
    return status;
}

enum qf_status qf_webhook_request_load(struct qf_webhook_request *out, const struct qf_fs *fs,
                                       const char *id, struct qf_error *err)
{
    uint8_t text[FILE_SIZE_MAX];
    char name[NAME_SIZE];
    size_t size = 0;
    request_name(name, id);
    enum qf_status status = load_file(fs, name, text, &size);
    if (status != QF_OK)
        return qf_fail(err, status, name, "cannot be read");
    return qf_webhook_request_decode(out, qf_slice_make(text, size), err);
}

enum qf_status qf_webhook_request_save(const struct qf_webhook_request *request,
                                       const struct qf_fs *fs, const char *id)
{
    char name[NAME_SIZE];
    struct qf_buf text = {0};
    request_name(name, id);
    qf_webhook_request_encode(&text, request);
    enum qf_status status = qf_buf_status(&text);
    if (status == QF_OK)
        status = qf_fs_replace(fs, name, qf_buf_slice(&text), true);
    qf_buf_deinit(&text);
    return status;
}

enum qf_status qf_webhook_request_remove(const struct qf_fs *fs, const char *id)
{
    char name[NAME_SIZE];
    request_name(name, id);
    enum qf_status status = fs->remove(fs->self, name);
    if (status == QF_NOT_FOUND)
        return QF_OK;
    return status == QF_OK ? fs->sync_dir(fs->self, "") : status;
}

bool qf_webhook_request_waits(const struct qf_fs *fs, const char *id)
{
    char name[NAME_SIZE];
    struct qf_file *file;
    request_name(name, id);
    if (fs->open(fs->self, &file, name, false) != QF_OK)
        return false;
    fs->close(fs->self, file);
    return true;
}
