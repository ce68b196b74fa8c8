/* qifeng bundle and qifeng verify: fetching everything about one record, and checking it offline.
 */
#include <stdio.h>
#include <time.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "engine/ledger/bundle.h"

int qf_cmd_bundle(int argc, char **argv)
{
    const char *node = NULL;
    const char *output = NULL;
    const struct qf_cli_option options[] = {
        {"--node", "URL", "the node that has it", &node, NULL},
        {"--output", "FILE.qfb", "where it goes; also -o (default: standard output)", &output,
         NULL},
    };
    static const struct qf_cli_help help = {
        "qifeng bundle TXID --node URL [-o FILE.qfb]",
        "Fetches everything needed to verify one transaction offline, in one file.",
        "  qifeng bundle 3f2a… --node http://127.0.0.1:8700 -o permit.qfb\n"
        "  qifeng verify permit.qfb --trust genesis.json\n"};
    int count;
    enum qf_exit code;
    if (!qf_cli_parse(&help, options, sizeof options / sizeof options[0], argc, argv, &count,
                      &code))
        return (int)code;
    if (count != 1 || node == NULL)
        return (int)qf_cli_usage("usage: %s", help.usage);
    struct qf_error err = {0};
    struct qf_client *client = NULL;
    struct qf_buf path = {0};
    struct qf_buf body;
    long http = 0;
    qf_buf_init(&body, QF_BUNDLE_SIZE_MAX);
    qf_buf_put_text(&path, "/v1/transactions/");
    qf_client_escape(&path, qf_slice_of(argv[0]));
    qf_buf_put_text(&path, "/bundle");
    enum qf_status status = qf_client_new(&client, node, &err);
    if (status == QF_OK)
        status = qf_client_get(client, &body, qf_buf_text(&path), &http, &err);
    if (status == QF_OK)
        status = qf_client_problem(qf_buf_slice(&body), http, &err);
    if (status == QF_OK)
        status = qf_cli_write(output != NULL ? output : "-", qf_buf_slice(&body), &err);
    qf_client_free(client);
    qf_buf_deinit(&path);
    qf_buf_deinit(&body);
    return status == QF_OK ? QF_EXIT_OK : (int)qf_cli_error(&err);
}

static void time_text(char out[64], int64_t time_ms)
{
    time_t seconds = (time_t)(time_ms / 1000);
    struct tm parts;
    gmtime_r(&seconds, &parts);
    char date[32];
    strftime(date, sizeof date, "%Y-%m-%d %H:%M:%S", &parts);
    snprintf(out, 64, "%s.%03d UTC", date, (int)(time_ms % 1000));
}

static void print_report(const struct qf_bundle_report *report)
{
    char when[64];
    time_text(when, report->time_ms);
    printf("%s\n", report->code == QF_OK
                       ? "VALID: recorded, and not changed since"
                       : "VALID: this refusal is recorded, and not changed since");
    printf("  who      %.*s of %.*s, with key %s\n", QF_SLICE_ARGS(report->actor),
           QF_SLICE_ARGS(report->member), report->kid);
    printf("  when     %s, block %llu\n", when, (unsigned long long)report->height);
    printf("  where    network %.*s, log entry %llu of %llu\n", QF_SLICE_ARGS(report->network),
           (unsigned long long)report->leaf, (unsigned long long)report->log_size);
    printf("  id       %s\n", report->tx_id);
    if (report->code != QF_OK)
        printf("  refused  %s\n", qf_status_name((enum qf_status)report->code));
    for (uint32_t i = 0; i < report->ops->count; i++) {
        struct qf_buf text = {0};
        qf_json_write(&text, &report->ops->items[i]);
        printf("  what     %s\n", qf_buf_text(&text));
        qf_buf_deinit(&text);
    }
    for (size_t i = 0; i < report->signer_count; i++)
        printf("  signed   by node %.*s\n", QF_SLICE_ARGS(report->signers[i]));
    printf("  trust    genesis %s%s\n", report->genesis_hash,
           report->trusted
               ? ", given by you"
               : ", taken from the file: compare it with the network's, or use --trust");
}

static void print_report_json(struct qf_arena *arena, const struct qf_bundle_report *report)
{
    struct qf_json object = qf_json_make_object();
    struct qf_json signers = qf_json_make_array();
    for (size_t i = 0; i < report->signer_count; i++)
        qf_json_append(arena, &signers, qf_json_make_slice(report->signers[i]));
    qf_json_put(arena, &object, "valid", qf_json_make_bool(true));
    qf_json_put(arena, &object, "network", qf_json_make_slice(report->network));
    qf_json_put(arena, &object, "suite", qf_json_make_text(qf_suite_name(report->suite)));
    qf_json_put(arena, &object, "leaf", qf_json_make_int((int64_t)report->leaf));
    qf_json_put(arena, &object, "log_size", qf_json_make_int((int64_t)report->log_size));
    qf_json_put(arena, &object, "height", qf_json_make_int((int64_t)report->height));
    qf_json_put(arena, &object, "index", qf_json_make_int(report->index));
    qf_json_put(arena, &object, "time", qf_json_make_int(report->time_ms));
    qf_json_put(arena, &object, "code", qf_json_make_int(report->code));
    qf_json_put(arena, &object, "id", qf_json_make_text(report->tx_id));
    qf_json_put(arena, &object, "kid", qf_json_make_text(report->kid));
    qf_json_put(arena, &object, "actor", qf_json_make_slice(report->actor));
    qf_json_put(arena, &object, "member", qf_json_make_slice(report->member));
    qf_json_put(arena, &object, "ops", *report->ops);
    qf_json_put(arena, &object, "genesis", qf_json_make_text(report->genesis_hash));
    qf_json_put(arena, &object, "trusted", qf_json_make_bool(report->trusted));
    qf_json_put(arena, &object, "signers", signers);
    qf_cli_print_json(&object);
}

static void print_failure(const struct qf_error *err, bool json)
{
    if (!json) {
        printf("%s: %s: %s\n", err->status == QF_CANNOT_TELL ? "CANNOT TELL" : "NOT VALID",
               err->field[0] != '\0' ? err->field : "file", err->detail);
        return;
    }
    struct qf_arena arena = {0};
    struct qf_json object = qf_json_make_object();
    qf_json_put(&arena, &object, "valid",
                err->status == QF_CANNOT_TELL ? qf_json_make_null() : qf_json_make_bool(false));
    qf_json_put(&arena, &object, "field", qf_json_make_text(err->field));
    qf_json_put(&arena, &object, "detail", qf_json_make_text(err->detail));
    qf_cli_print_json(&object);
    qf_arena_deinit(&arena);
}

int qf_cmd_verify(int argc, char **argv)
{
    const char *trust = NULL;
    bool json = false;
    const struct qf_cli_option options[] = {
        {"--trust", "GENESIS", "the network's genesis document, from where you trust it", &trust,
         NULL},
        {"--json", NULL, "print JSON", NULL, &json},
    };
    static const struct qf_cli_help help = {
        "qifeng verify FILE.qfb [--trust GENESIS]",
        "Checks a bundle: who recorded what, when, and that it has not changed. Needs no network\n"
        "and no node. Exit status 0 valid, 1 not valid, 4 cannot tell.",
        "  qifeng verify permit.qfb --trust genesis.json\n"};
    int count;
    enum qf_exit code;
    if (!qf_cli_parse(&help, options, sizeof options / sizeof options[0], argc, argv, &count,
                      &code))
        return (int)code;
    if (count != 1)
        return (int)qf_cli_usage("usage: %s", help.usage);
    struct qf_arena arena = {0};
    struct qf_error err = {0};
    struct qf_slice bundle;
    struct qf_slice genesis = {0};
    struct qf_verifier *verifier = NULL;
    struct qf_bundle_report report;
    const struct qf_verifier_options verifier_options = {0};
    enum qf_status status = qf_cli_read(&arena, argv[0], QF_BUNDLE_SIZE_MAX, &bundle, &err);
    if (status == QF_OK && trust != NULL)
        status = qf_cli_read(&arena, trust, QF_STATE_VALUE_SIZE_MAX, &genesis, &err);
    if (status == QF_OK)
        status = qf_verifier_new(&verifier, &verifier_options, &err);
    if (status != QF_OK) {
        qf_arena_deinit(&arena);
        return (int)qf_cli_error(&err);
    }
    if (bundle.size > 0 && bundle.data[bundle.size - 1] == '\n')
        bundle.size--;
    status = qf_bundle_verify(&arena, bundle, genesis, verifier, &report, &err);
    if (status != QF_OK)
        print_failure(&err, json);
    else if (json)
        print_report_json(&arena, &report);
    else
        print_report(&report);
    qf_verifier_free(verifier);
    qf_arena_deinit(&arena);
    if (status == QF_OK)
        return QF_EXIT_OK;
    return status == QF_CANNOT_TELL ? QF_EXIT_CANNOT_TELL : QF_EXIT_REFUSED;
}
