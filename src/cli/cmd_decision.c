#include <stdio.h>

#include "cli/remote.h"
#include "kernel/service/decision.h"

#define FILE_SIZE_MAX (1 << 20)

struct request {
    const char *node, *inputs, *decision;
    bool json;
};

/* The decision of that name that was made last; without a name, of all. */
static const struct qf_json *wanted(const struct qf_json *decisions, const char *name)
{
    const struct qf_json *found = NULL;
    for (uint32_t i = 0; decisions != NULL && i < decisions->count; i++)
        if (name == NULL || qf_json_is_text(qf_json_get(&decisions->items[i], "decision"), name))
            found = &decisions->items[i];
    return found;
}

static void print(struct qf_remote *remote, const struct request *request,
                  const struct qf_json *record, const struct qf_service_outcome *outcome,
                  const struct qf_error *differs)
{
    bool same = differs->status == QF_OK;
    struct qf_slice hash = qf_slice_make(outcome->hash, QF_DECISION_HASH_SIZE);
    if (request->json) {
        struct qf_json out = qf_json_make_object();
        qf_json_put(&remote->arena, &out, "decision", *qf_json_get(record, "decision"));
        qf_json_put(&remote->arena, &out, "outcome", outcome->value);
        qf_json_put(&remote->arena, &out, "recorded", *qf_json_get(record, "trace"));
        qf_json_put(&remote->arena, &out, "same", qf_json_make_bool(same));
        qf_json_put(&remote->arena, &out, "trace", qf_json_make_slice(hash));
        qf_cli_print_json(&out);
        return;
    }
    printf("%s: %s, decided %s\n  outcome   %s\n  trace     %.*s\n  recorded  %s\n",
           same ? "same" : "different", qf_remote_value(remote, qf_json_get(record, "decision")),
           qf_remote_time(remote, qf_json_get(record, "time")->integer),
           qf_remote_value(remote, &outcome->value), QF_SLICE_ARGS(hash),
           qf_remote_value(remote, qf_json_get(record, "trace")));
    if (!same)
        printf("  %s\n", differs->detail);
}

static enum qf_status replay(struct qf_remote *remote, const struct request *request,
                             const char *id, struct qf_error *err)
{
    struct qf_json found, revealed = qf_json_make_object();
    struct qf_slice bytes;
    struct qf_service_outcome outcome;
    struct qf_buf text = {0};
    enum qf_status status = qf_remote_case(remote, &found, id, err);
    if (status == QF_OK && request->inputs != NULL) {
        status = qf_cli_read(&remote->arena, request->inputs, FILE_SIZE_MAX, &bytes, err);
        if (status == QF_OK)
            status = qf_json_parse(&remote->arena, &revealed, bytes, QF_JSON_ANY, err);
    }
    if (status != QF_OK)
        return status;
    const struct qf_json *record = wanted(qf_json_get(&found, "decisions"), request->decision);
    if (record == NULL)
        return qf_fail(err, QF_NOT_FOUND, "--decision", "the case has no such decision");
    status = qf_remote_decision(remote, record, err);
    if (status != QF_OK)
        return status;
    status = qf_service_replay(remote->model, &remote->arena, &text, &outcome, record,
                               request->inputs != NULL ? &revealed : NULL,
                               qf_slice_of(QF_SERVICE_ZONE), err);
    qf_buf_deinit(&text);
    if (status == QF_OK || status == QF_INVALID)
        print(remote, request, record, &outcome, err);
    return status;
}

int qf_cmd_decision(int argc, char **argv)
{
    struct request request = {0};
    const struct qf_cli_option options[] = {
        {"--node", "URL", "the node that has case and package (required)", &request.node, NULL},
        {"--decision", "NAME", "which of the case's (default: the last)", &request.decision, NULL},
        {"--inputs", "FILE",
         "values and salts of sealed inputs, or inputs that the record does not hold",
         &request.inputs, NULL},
        {"--json", NULL, "print JSON", NULL, &request.json},
    };
    static const struct qf_cli_help help = {
        "qifeng decision replay CASE --node URL [--decision NAME] [--inputs FILE]",
        "Makes a recorded decision again, here, from the deployed rules and what it was made of, "
        "and\n"
        "compares outcome and trace. Exit status 0: the same; 1: different; 4: inputs are missing.",
        "  qifeng decision replay c-17 --node http://127.0.0.1:8700\n"};
    int count;
    enum qf_exit code;
    if (!qf_cli_parse(&help, options, sizeof options / sizeof options[0], argc, argv, &count,
                      &code))
        return (int)code;
    if (count != 2 || strcmp(argv[0], "replay") != 0 || request.node == NULL)
        return (int)qf_cli_usage("usage: %s", help.usage);
    struct qf_remote remote;
    struct qf_error err = {0};
    enum qf_status status = qf_remote_open(&remote, request.node, NULL, NULL, "en", &err);
    if (status == QF_OK)
        status = replay(&remote, &request, argv[1], &err);
    qf_remote_close(&remote);
    if (status == QF_INVALID)
        return QF_EXIT_REFUSED;
    return status == QF_OK ? QF_EXIT_OK : (int)qf_cli_error(&err);
}
