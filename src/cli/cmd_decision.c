#include <stdio.h>

#include "cli/decision.h"
#include "kernel/service/decision.h"

/* The decision of that name that was made last; without a name, of all. */
static const struct qf_json *wanted(const struct qf_json *decisions, const char *name)
{
    const struct qf_json *found = NULL;
    for (uint32_t i = 0; decisions != NULL && i < decisions->count; i++)
        if (name == NULL || qf_json_is_text(qf_json_get(&decisions->items[i], "decision"), name))
            found = &decisions->items[i];
    return found;
}

static void print(struct qf_remote *remote, const struct qf_decision_request *request,
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

static enum qf_status replay(struct qf_remote *remote, const struct qf_decision_request *request,
                             const char *id, struct qf_error *err)
{
    struct qf_json found, revealed;
    struct qf_service_outcome outcome;
    struct qf_buf text = {0};
    enum qf_status status = qf_remote_case(remote, &found, id, err);
    if (status == QF_OK)
        status = qf_remote_revealed(remote, &revealed, request->inputs, err);
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
    /* Without a trace it is a value that is not the one that was sealed. */
    if (status == QF_OK || (status == QF_INVALID && outcome.trace.size > 0))
        print(remote, request, record, &outcome, err);
    else if (status == QF_INVALID)
        (void)qf_cli_error(err);
    return status;
}

int qf_cmd_decision(int argc, char **argv)
{
    struct qf_decision_request request = {0};
    const struct qf_cli_option options[] = {
        {"--node", "URL", "the node that has case and package (required)", &request.node, NULL},
        {"--key", "FILE", "record: key file or pkcs11: URI that signs", &request.key, NULL},
        {"--passphrase-file", "F", "of the key file (or QIFENG_PASSPHRASE_FILE)",
         &request.passphrase_file, NULL},
        {"--decision", "NAME", "replay: which of the case's (default: the last)", &request.decision,
         NULL},
        {"--inputs", "FILE...",
         "values and salts of sealed fields, as --reveal wrote them; may be repeated",
         &request.inputs, NULL},
        {"--reveal", "FILE", "record: where value and salt of a sealed outcome are kept",
         &request.reveal, NULL},
        {"--dry-run", NULL, "record: only say what would be recorded, and why", NULL, &request.dry},
        {"--on-behalf", "MANDATE", "record: act for another member, by a mandate",
         &request.on_behalf, NULL},
        {"--lang", "zh|en", "language of titles (default by LANG)", &request.lang, NULL},
        {"--json", NULL, "print JSON", NULL, &request.json},
    };
    static const struct qf_cli_help help = {
        "qifeng decision record CASE/TASK | replay CASE --node URL",
        "record: makes the decision over sealed fields that a task waits for, here, from the\n"
        "deployed rules and the values that you hold, and records outcome, hash of the trace and\n"
        "what it was made of; the values do not leave this machine. replay: makes a recorded\n"
        "decision again and compares outcome and trace; whoever is given the values may do so.\n"
        "Exit status 0: recorded, or the same; 1: refused, or different; 4: values are missing.",
        "  qifeng decision record c-17/assess --inputs means.json --key keys/hu.pem \\\n"
        "      --node http://127.0.0.1:8700\n"
        "  qifeng decision replay c-17 --node http://127.0.0.1:8700\n"
        "  qifeng decision replay c-17 --decision Eligibility --inputs means.json \\\n"
        "      --node http://127.0.0.1:8700\n"};
    int count;
    enum qf_exit code;
    if (!qf_cli_parse(&help, options, sizeof options / sizeof options[0], argc, argv, &count,
                      &code))
        return (int)code;
    bool record = count == 2 && strcmp(argv[0], "record") == 0;
    if (count != 2 || (!record && strcmp(argv[0], "replay") != 0) || request.node == NULL)
        return (int)qf_cli_usage("usage: %s", help.usage);
    if (record && !request.dry && request.key == NULL)
        return (int)qf_cli_usage("--key is missing: say who signs, or use --dry-run");
    struct qf_remote remote;
    struct qf_error err = {0};
    enum qf_status status =
        qf_remote_open(&remote, request.node, record && !request.dry ? request.key : NULL,
                       request.passphrase_file, request.lang, &err);
    remote.on_behalf = request.on_behalf;
    if (status == QF_OK)
        status = record ? qf_decision_record(&remote, &request, argv[1], &err)
                        : replay(&remote, &request, argv[1], &err);
    qf_remote_close(&remote);
    if (status == QF_INVALID && !record)
        return QF_EXIT_REFUSED;
    return status == QF_OK ? QF_EXIT_OK : (int)qf_cli_error(&err);
}
