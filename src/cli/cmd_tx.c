#include <stdio.h>
#include <stdlib.h>

#include "base/io.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "kernel/tx.h"

#define SEND_LINES 100 /* transactions in one request */

static enum qf_status sign(const char *key_path, const char *network, const char *passphrase_file,
                           int64_t ttl_s, const char *ops_path, struct qf_error *err)
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
        qf_error_within(err, "%s", ops_path);
    if (status == QF_OK && ops.type == QF_JSON_OBJECT) { /* one op alone */
        struct qf_json list = qf_json_make_array();
        qf_json_append(&arena, &list, ops);
        ops = list;
    }
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
    if (status == QF_OK)
        printf("%s\n", qf_buf_text(&out));
    qf_private_key_free(key);
    qf_buf_deinit(&out);
    qf_arena_deinit(&arena);
    return status;
}

/* Shows one answer line; *refused when it was no. */
static void show_result(struct qf_slice line, bool json, bool *refused)
{
    struct qf_arena arena = {0};
    struct qf_json result;
    struct qf_slice status = {0};
    if (qf_json_parse(&arena, &result, line, QF_JSON_ANY, NULL) == QF_OK &&
        qf_json_get_text(&result, "status", &status, NULL) == QF_OK &&
        qf_slice_is(status, "accepted")) {
        /* fine */
    } else {
        *refused = true;
    }
    (void)json; /* the node's answer is JSON already, one object a line */
    printf("%.*s\n", QF_SLICE_ARGS(line));
    qf_arena_deinit(&arena);
}

static enum qf_status send_some(struct qf_client *client, struct qf_slice lines, bool json,
                                bool *refused, struct qf_error *err)
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
        show_result(qf_slice_make(rest.data, size), json, refused);
        size += end != NULL;
        rest.data += size;
        rest.size -= size;
    }
    qf_buf_deinit(&answer);
    return status;
}

static enum qf_status send_all(const char *url, const char *path, bool json, bool *refused,
                               struct qf_error *err)
{
    struct qf_arena arena = {0};
    struct qf_client *client = NULL;
    struct qf_slice text;
    enum qf_status status = qf_client_new(&client, url, err);
    if (status == QF_OK)
        status = qf_cli_read(&arena, path, QF_CLIENT_ANSWER_SIZE_MAX, &text, err);
    while (status == QF_OK && text.size > 0) {
        size_t size = 0;
        for (int lines = 0; lines < SEND_LINES && size < text.size; lines++) {
            const uint8_t *end = memchr(text.data + size, '\n', text.size - size);
            size = end == NULL ? text.size : (size_t)(end - text.data) + 1;
        }
        status = send_some(client, qf_slice_make(text.data, size), json, refused, err);
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
        {"--json", NULL, "print JSON (it is JSON always, one object a line)", NULL, &json},
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
    bool refused = false;
    enum qf_status status;
    long ttl_s = strtol(ttl, NULL, 10);
    if (strcmp(argv[0], "sign") == 0 && key != NULL && network != NULL && ttl_s > 0 &&
        ttl_s <= QF_TX_EXPIRY_MAX_S)
        status = sign(key, network, passphrase_file, ttl_s, path, &err);
    else if (strcmp(argv[0], "send") == 0 && node != NULL)
        status = send_all(node, path, json, &refused, &err);
    else
        return (int)qf_cli_usage("usage: %s", help.usage);
    if (status != QF_OK)
        return (int)qf_cli_error(&err);
    return refused ? QF_EXIT_REFUSED : QF_EXIT_OK;
}
