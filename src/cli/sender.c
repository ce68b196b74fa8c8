#include "cli/sender.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define TTL_S 900
#define TRIES_MAX 120
#define TRY_AGAIN_MS 500

struct pending {
    struct qf_slice line;
    uint64_t tag;
    bool answered;
    struct qf_sender_result result;
};

struct qf_sender {
    struct qf_client *client;
    struct qf_arena network; /* as long as the sender lives */
    struct qf_arena arena;   /* of the lines that wait */
    struct qf_tx_rules rules;
    struct qf_random random;
    struct qf_clock clock;
    qf_sender_fn *told;
    void *arg;
    struct pending pending[QF_SENDER_LINES_MAX];
    size_t count;
    size_t lines; /* in a request */
    size_t size;  /* bytes of the lines */
};

enum qf_status qf_client_get_json(struct qf_client *client, struct qf_arena *arena,
                                  const char *path, struct qf_json *out, bool *found,
                                  struct qf_error *err)
{
    struct qf_buf body;
    long http = 0;
    qf_buf_init(&body, QF_CLIENT_ANSWER_SIZE_MAX);
    enum qf_status status = qf_client_get(client, &body, path, &http, err);
    if (status == QF_OK && http == 404 && found != NULL) {
        *found = false;
        qf_buf_deinit(&body);
        return QF_OK;
    }
    if (status == QF_OK)
        status = qf_client_problem(qf_buf_slice(&body), http, err);
    if (status == QF_OK) {
        struct qf_slice text = qf_arena_copy(arena, qf_buf_slice(&body));
        status = qf_json_parse(arena, out, text, QF_JSON_ANY, err);
        if (status != QF_OK)
            qf_error_within(err, "%s", path);
    }
    if (found != NULL)
        *found = status == QF_OK;
    qf_buf_deinit(&body);
    return status;
}

static enum qf_status read_network(struct qf_sender *sender, struct qf_error *err)
{
    struct qf_json network;
    struct qf_slice suite;
    enum qf_status status =
        qf_client_get_json(sender->client, &sender->network, "/v1/network", &network, NULL, err);
    if (status == QF_OK)
        status = qf_json_get_text(&network, "id", &sender->rules.network, err);
    if (status == QF_OK)
        status = qf_json_get_text(&network, "suite", &suite, err);
    if (status == QF_OK && !qf_suite_parse(&sender->rules.suite, suite))
        status = qf_fail(err, QF_BAD_FIELD, "suite", "the node's suite is not known here");
    return status;
}

enum qf_status qf_sender_new(struct qf_sender **out, const char *url,
                             const struct qf_private_key *reader, qf_sender_fn *told, void *arg,
                             struct qf_error *err)
{
    struct qf_sender *sender = calloc(1, sizeof *sender);
    if (sender == NULL)
        return qf_fail(err, QF_NO_MEMORY, "", "no memory");
    sender->random = qf_random_system();
    sender->clock = qf_clock_system();
    sender->told = told;
    sender->lines = QF_SENDER_LINES;
    sender->arg = arg;
    enum qf_status status = qf_client_new_signed(&sender->client, url, reader, err);
    if (status == QF_OK)
        status = read_network(sender, err);
    if (status != QF_OK) {
        qf_sender_free(sender);
        return status;
    }
    *out = sender;
    return QF_OK;
}

void qf_sender_free(struct qf_sender *sender)
{
    if (sender == NULL)
        return;
    qf_client_free(sender->client);
    qf_arena_deinit(&sender->network);
    qf_arena_deinit(&sender->arena);
    free(sender);
}

const struct qf_tx_rules *qf_sender_rules(const struct qf_sender *sender)
{
    return &sender->rules;
}

struct qf_client *qf_sender_client(struct qf_sender *sender)
{
    return sender->client;
}

static void copy_text(char *out, size_t size, const struct qf_json *object, const char *key)
{
    const struct qf_json *value = qf_json_get(object, key);
    out[0] = '\0';
    if (value != NULL && value->type == QF_JSON_STRING)
        snprintf(out, size, "%.*s", QF_SLICE_ARGS(qf_json_text(value)));
}

static int64_t int_or(const struct qf_json *object, const char *key, int64_t fallback)
{
    const struct qf_json *value = qf_json_get(object, key);
    return value != NULL && value->type == QF_JSON_INT ? value->integer : fallback;
}

static void read_problem(struct qf_sender_result *result, const struct qf_json *problem)
{
    struct qf_error *err = &result->problem;
    err->status = result->code;
    copy_text(err->field, sizeof err->field, problem, "field");
    copy_text(err->detail, sizeof err->detail, problem, "detail");
}

/* What the node said of one transaction; false when it is to be sent again. */
static bool take_answer(struct pending *item, const struct qf_json *answer)
{
    struct qf_sender_result *result = &item->result;
    int64_t code = int_or(answer, "code", QF_UNAVAILABLE);
    *result = (struct qf_sender_result){
        .code = qf_status_known(code) ? (enum qf_status)code : QF_REFUSED,
        .accepted = qf_json_is_text(qf_json_get(answer, "status"), "accepted"),
        .leaf = int_or(answer, "leaf", -1),
        .time_ms = int_or(answer, "time", -1)};
    copy_text(result->id, sizeof result->id, answer, "id");
    const struct qf_json *problem = qf_json_get(answer, "problem");
    if (!result->accepted && problem != NULL)
        read_problem(result, problem);
    if (!result->accepted && result->code == QF_OK)
        result->code = QF_REFUSED;
    item->answered = result->code != QF_RATE_LIMITED && result->code != QF_UNAVAILABLE;
    return item->answered;
}

/* One request with everything that is not answered; *left counts what is to be sent again. */
static enum qf_status post_pending(struct qf_sender *sender, size_t *left, struct qf_error *err)
{
    struct qf_buf body = {0};
    struct qf_buf answer;
    struct qf_arena arena = {0};
    long http = 0;
    qf_buf_init(&answer, QF_CLIENT_ANSWER_SIZE_MAX);
    size_t sent = 0;
    for (size_t i = 0; i < sender->count; i++) {
        if (sender->pending[i].answered)
            continue;
        qf_buf_put_slice(&body, sender->pending[i].line);
        qf_buf_put_byte(&body, '\n');
        sent++;
    }
    enum qf_status status = qf_client_post(sender->client, &answer, "/v1/transactions",
                                           "application/jose", qf_buf_slice(&body), &http, err);
    *left = sent;
    struct qf_slice rest = qf_buf_slice(&answer);
    for (size_t i = 0; status == QF_OK && i < sender->count && rest.size > 0; i++) {
        if (sender->pending[i].answered)
            continue;
        const uint8_t *end = memchr(rest.data, '\n', rest.size);
        size_t size = end == NULL ? rest.size : (size_t)(end - rest.data);
        struct qf_json value;
        status = qf_json_parse(&arena, &value, qf_slice_make(rest.data, size), QF_JSON_ANY, err);
        if (status == QF_OK && qf_json_get(&value, "code") == NULL)
            break; /* the request as a whole was not taken */
        if (status == QF_OK && take_answer(&sender->pending[i], &value))
            (*left)--;
        size += end != NULL;
        rest = qf_slice_make(rest.data + size, rest.size - size);
    }
    if (status == QF_OK && *left == sent) {
        status = qf_client_problem(qf_buf_slice(&answer), http, err);
        if (http == 503 || http == 429)
            status = QF_OK; /* later */
    }
    qf_buf_deinit(&body);
    qf_buf_deinit(&answer);
    qf_arena_deinit(&arena);
    return status;
}

enum qf_status qf_sender_flush(struct qf_sender *sender, struct qf_error *err)
{
    size_t left = sender->count;
    enum qf_status status = QF_OK;
    for (int tries = 0; status == QF_OK && left > 0; tries++) {
        if (tries == TRIES_MAX)
            return qf_fail(err, QF_UNAVAILABLE, "--node",
                           "the node has not taken %zu transactions for a minute", left);
        if (tries > 0)
            nanosleep(&(struct timespec){.tv_nsec = TRY_AGAIN_MS * 1000000L}, NULL);
        status = post_pending(sender, &left, err);
    }
    if (status != QF_OK)
        return status;
    for (size_t i = 0; i < sender->count; i++)
        sender->told(sender->arg, sender->pending[i].tag, &sender->pending[i].result);
    sender->count = 0;
    sender->size = 0;
    qf_arena_reset(&sender->arena);
    return QF_OK;
}

void qf_sender_set_lines(struct qf_sender *sender, size_t lines)
{
    QF_ASSERT(lines >= 1 && lines <= QF_SENDER_LINES_MAX);
    sender->lines = lines;
}

enum qf_status qf_sender_add(struct qf_sender *sender, const struct qf_private_key *key,
                             const struct qf_json *ops, uint64_t tag, struct qf_error *err)
{
    uint8_t nonce[16];
    struct qf_buf line = {0};
    if (sender->random.fill(sender->random.self, nonce, sizeof nonce) != QF_OK)
        return qf_fail(err, QF_IO, "", "no random numbers");
    int64_t exp_s = sender->clock.now_ms(sender->clock.self) / 1000 + TTL_S;
    enum qf_status status = qf_tx_sign(&line, key, &sender->rules, exp_s, nonce, ops, err);
    if (status == QF_OK) {
        sender->pending[sender->count++] = (struct pending){
            .line = qf_arena_copy(&sender->arena, qf_buf_slice(&line)), .tag = tag};
        sender->size += line.size + 1;
    }
    qf_buf_deinit(&line);
    if (status == QF_OK && (sender->count >= sender->lines ||
                            sender->size > QF_HTTP_BODY_SIZE_MAX - QF_TX_SIZE_MAX - 1))
        status = qf_sender_flush(sender, err);
    return status;
}
