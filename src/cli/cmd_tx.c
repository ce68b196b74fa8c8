#include <stdio.h>
#include <stdlib.h>

#include "base/io.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "kernel/ops.h"
#include "kernel/tx.h"

#define SEND_LINES 100 /* transactions in one request */
#define OP_NAME_SIZE_MAX 64

/* Letters that differ, at most; for names that were mistyped (Levenshtein, one row). */
static size_t distance(struct qf_slice a, const char *b)
{
    size_t row[OP_NAME_SIZE_MAX + 1];
    size_t size = strlen(b);
    QF_ASSERT(size <= OP_NAME_SIZE_MAX);
    for (size_t j = 0; j <= size; j++)
        row[j] = j;
    for (size_t i = 0; i < a.size; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 1; j <= size; j++) {
            size_t cost = diagonal + (a.data[i] != (uint8_t)b[j - 1]);
            diagonal = row[j];
            size_t least = row[j] < row[j - 1] ? row[j] : row[j - 1];
            row[j] = cost < least + 1 ? cost : least + 1;
        }
    }
    return row[size];
}

/* "evidence.recrd" is near "evidence.record" and "evidence.record_batch"; so is "record". */
static enum qf_status refuse_op(uint32_t index, struct qf_slice name, struct qf_error *err)
{
    char near[160] = "";
    char field[32];
    size_t used = 0;
    for (const struct qf_module *const *module = qf_modules; *module != NULL; module++)
        for (size_t i = 0; i < (*module)->op_count; i++) {
            const char *known = (*module)->ops[i].name;
            bool part =
                name.size >= 3 && memmem(known, strlen(known), name.data, name.size) != NULL;
            bool mistyped = name.size <= OP_NAME_SIZE_MAX && distance(name, known) <= 4;
            if ((part || mistyped) && used + strlen(known) + 3 < sizeof near)
                used += (size_t)snprintf(near + used, sizeof near - used, "%s%s",
                                         used > 0 ? ", " : "", known);
        }
    snprintf(field, sizeof field, "[%u].op", index);
    return qf_fail(err, QF_UNKNOWN_OP, field, "there is no %.*s%s%s",
                   (int)(name.size < 60 ? name.size : 60), (const char *)name.data,
                   used > 0 ? "; near it are " : "", near);
}

/* A transaction that no node would take is not signed. */
static enum qf_status check_ops(const struct qf_json *ops, struct qf_error *err)
{
    if (ops->type != QF_JSON_ARRAY || ops->count == 0)
        return qf_fail(err, QF_BAD_FIELD, "", "want an array of operations, or one alone");
    for (uint32_t i = 0; i < ops->count; i++) {
        const struct qf_json *name = qf_json_get(&ops->items[i], "op");
        if (name == NULL || name->type != QF_JSON_STRING) {
            char field[32];
            snprintf(field, sizeof field, "[%u].op", i);
            return qf_fail(err, QF_BAD_FIELD, field, "must name the operation");
        }
        if (qf_op_find(qf_json_text(name)) == NULL)
            return refuse_op(i, qf_json_text(name), err);
    }
    return QF_OK;
}

static enum qf_status sign(const char *key_path, const char *network, const char *passphrase_file,
                           int64_t ttl_s, const char *ops_path, bool json, struct qf_error *err)
{
    struct qf_arena arena = {0};
    struct qf_buf out = {0};
    struct qf_private_key *key = NULL;
    struct qf_public_key public;
    struct qf_slice text;
    struct qf_json ops;
    uint8_t nonce[16];
    struct qf_random random = qf_random_system();
    struct qf_clock clock = qf_clock_system();
    enum qf_status status = qf_cli_load_key(&key, key_path, passphrase_file, err);
    if (status == QF_OK)
        status = qf_cli_read(&arena, ops_path, QF_TX_SIZE_MAX * 2UL, &text, err);
    if (status == QF_OK && (status = qf_json_parse(&arena, &ops, text, QF_JSON_ANY, err)) != QF_OK)
        qf_error_within(err, "%s", strcmp(ops_path, "-") == 0 ? "standard input" : ops_path);
    if (status == QF_OK && ops.type == QF_JSON_OBJECT) { /* one op alone */
        struct qf_json list = qf_json_make_array();
        qf_json_append(&arena, &list, ops);
        ops = list;
    }
    if (status == QF_OK && (status = check_ops(&ops, err)) != QF_OK)
        qf_error_within(err, "%s", strcmp(ops_path, "-") == 0 ? "ops" : ops_path);
    if (status == QF_OK && random.fill(random.self, nonce, sizeof nonce) != QF_OK)
        status = qf_fail(err, QF_IO, "", "no random numbers");
    if (status == QF_OK) {
        qf_private_key_public(key, &public);
        const struct qf_tx_rules rules = {.network = qf_slice_of(network),
                                          .suite = public.alg == QF_ALG_SM2_SM3 ? QF_SUITE_GM
                                                                                : QF_SUITE_INTL};
        int64_t exp_s = clock.now_ms(clock.self) / 1000 + ttl_s;
        status = qf_tx_sign(&out, key, &rules, exp_s, nonce, &ops, err);
    }
    if (status == QF_OK && json) {
        struct qf_json document = qf_json_make_object();
        qf_json_put(&arena, &document, "jws", qf_json_make_slice(qf_buf_slice(&out)));
        qf_cli_print_json(&document);
    } else if (status == QF_OK) {
        printf("%s\n", qf_buf_text(&out));
    }
    qf_private_key_free(key);
    qf_buf_deinit(&out);
    qf_arena_deinit(&arena);
    return status;
}

/* What `send` has heard so far: printed line by line, or collected for one document. */
struct answers {
    struct qf_arena arena;
    struct qf_json results; /* with `json` */
    bool json, refused;
};

static void take_answer(struct answers *answers, struct qf_slice line)
{
    struct qf_json result;
    struct qf_slice copy = qf_arena_copy(&answers->arena, line);
    bool good = qf_json_parse(&answers->arena, &result, copy, QF_JSON_ANY, NULL) == QF_OK;
    if (!good)
        result = qf_json_make_slice(copy);
    if (!good || qf_json_is_text(qf_json_get(&result, "status"), "refused") ||
        qf_json_get(&result, "code") == NULL)
        answers->refused = true;
    if (answers->json)
        qf_json_append(&answers->arena, &answers->results, result);
    else
        printf("%.*s\n", QF_SLICE_ARGS(line));
    if (!answers->json)
        qf_arena_reset(&answers->arena);
}

static enum qf_status send_some(struct qf_client *client, struct qf_slice lines,
                                struct answers *answers, struct qf_error *err)
{
    struct qf_buf answer;
    qf_buf_init(&answer, QF_CLIENT_ANSWER_SIZE_MAX);
    long http;
    enum qf_status status =
        qf_client_post(client, &answer, "/v1/transactions", "application/jose", lines, &http, err);
    struct qf_slice rest = qf_buf_slice(&answer);
    while (rest.size > 0) {
        const uint8_t *end = memchr(rest.data, '\n', rest.size);
        size_t size = end == NULL ? rest.size : (size_t)(end - rest.data);
        take_answer(answers, qf_slice_make(rest.data, size));
        size += end != NULL;
        rest.data += size;
        rest.size -= size;
    }
    qf_buf_deinit(&answer);
    return status;
}

static enum qf_status send_all(const char *url, const char *path, struct answers *answers,
                               struct qf_error *err)
{
    struct qf_arena arena = {0};
    struct qf_client *client = NULL;
    struct qf_slice text;
    enum qf_status status = qf_client_new(&client, url, NULL, err);
    if (status == QF_OK)
        status = qf_cli_read(&arena, path, QF_CLIENT_ANSWER_SIZE_MAX, &text, err);
    while (status == QF_OK && text.size > 0) {
        size_t size = 0;
        for (int lines = 0; lines < SEND_LINES && size < text.size; lines++) {
            const uint8_t *end = memchr(text.data + size, '\n', text.size - size);
            size = end == NULL ? text.size : (size_t)(end - text.data) + 1;
        }
        status = send_some(client, qf_slice_make(text.data, size), answers, err);
        text.data += size;
        text.size -= size;
    }
    qf_client_free(client);
    qf_arena_deinit(&arena);
    return status;
}

int qf_cmd_tx(int argc, char **argv)
{
    const char *key = NULL;
    const char *network = NULL;
    const char *node = NULL;
    const char *passphrase_file = NULL;
    const char *ttl = "600";
    bool json = false;
    const struct qf_cli_option options[] = {
        {"--key", "FILE", "key file or pkcs11: URI that signs", &key, NULL},
        {"--network", "ID", "the network that it is for", &network, NULL},
        {"--ttl", "SECONDS", "until it expires, at most 3600 (default 600)", &ttl, NULL},
        {"--passphrase-file", "F", "of the key file (or QIFENG_PASSPHRASE_FILE)", &passphrase_file,
         NULL},
        {"--node", "URL", "where to send", &node, NULL},
        {"--json", NULL, "send: print one document, {\"results\":[…]}; sign: {\"jws\"}", NULL,
         &json},
    };
    static const struct qf_cli_help help = {
        "qifeng tx sign --key FILE --network ID [OPS.json] | tx send --node URL [FILE]",
        "sign: ops (a JSON array, or one op) in, one compact JWS out. send: lines of JWS in,\n"
        "results out, one object a line; exit status 1 when any was refused. Without a file:\n"
        "standard input.",
        "  echo '[{\"op\":\"evidence.record\",\"id\":\"e-1\",\"hash\":\"sha-256:…\",…}]' |\n"
        "      qifeng tx sign --key keys/admin.pem --network beijing |\n"
        "      qifeng tx send --node http://127.0.0.1:8700\n"};
    int count;
    enum qf_exit code;
    if (!qf_cli_parse(&help, options, sizeof options / sizeof options[0], argc, argv, &count,
                      &code))
        return (int)code;
    if (count < 1 || count > 2)
        return (int)qf_cli_usage("usage: %s", help.usage);
    const char *path = count == 2 ? argv[1] : "-";
    struct qf_error err = {0};
    struct answers answers = {.json = json, .results = qf_json_make_array()};
    enum qf_status status;
    char *end = NULL;
    long ttl_s = strtol(ttl, &end, 10);
    if (*ttl < '0' || *ttl > '9' || *end != '\0' || ttl_s < 1 || ttl_s > QF_TX_EXPIRY_MAX_S)
        return (int)qf_cli_usage("--ttl wants seconds, 1 to %d, not %s", QF_TX_EXPIRY_MAX_S, ttl);
    if (strcmp(argv[0], "sign") == 0 && key != NULL && network != NULL)
        status = sign(key, network, passphrase_file, ttl_s, path, json, &err);
    else if (strcmp(argv[0], "send") == 0 && node != NULL)
        status = send_all(node, path, &answers, &err);
    else
        return (int)qf_cli_usage("usage: %s", help.usage);
    if (json && strcmp(argv[0], "send") == 0 && (status == QF_OK || answers.results.count > 0)) {
        struct qf_json document = qf_json_make_object();
        qf_json_put(&answers.arena, &document, "results", answers.results);
        qf_cli_print_json(&document);
    }
    qf_arena_deinit(&answers.arena);
    if (status != QF_OK)
        return (int)qf_cli_error(&err);
    return answers.refused ? QF_EXIT_REFUSED : QF_EXIT_OK;
}
