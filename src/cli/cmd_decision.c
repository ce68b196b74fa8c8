#include <stdio.h>

#include "cli/decision.h"

int qf_cmd_decision(int argc, char **argv)
{
    struct qf_decision_request request = {0};
    const struct qf_cli_option options[] = {
        {"--node", "URL", "the node that has case and package", &request.node, NULL},
        {"--bundle", "FILE.qfb", "replay: case and package from there, without a node",
         &request.bundle, NULL},
        {"--trust", "GENESIS", "replay: the network's genesis document, from where you trust it",
         &request.trust, NULL},
        {"--log-key", "VKEY...",
         "replay: key of a node that genesis does not name; may be repeated", &request.log_keys,
         NULL},
        {"--key", "FILE", "key file or pkcs11: URI that signs (replay: what is read)", &request.key,
         NULL},
        {"--passphrase-file", "F", "of the key file (or QIFENG_PASSPHRASE_FILE)",
         &request.passphrase_file, NULL},
        {"--decision", "NAME", "replay: which of the case's (default: the last)", &request.decision,
         NULL},
        {"--all", NULL, "replay: every decision of the case", NULL, &request.all},
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
        "qifeng decision record CASE/TASK --node URL | replay CASE --node URL | replay --bundle "
        "FILE",
        "record: makes the decision over sealed fields that a task waits for, here, from the\n"
        "deployed rules and the values that you hold, and records outcome, hash of the trace and\n"
        "what it was made of; the values do not leave this machine. replay: makes a recorded\n"
        "decision again and compares outcome and trace; whoever is given the values may do so.\n"
        "With a bundle of the case (qifeng bundle --case) it needs neither node nor network, "
        "years\n"
        "later too: the bundle is verified first, then decided on.\n"
        "Exit status 0: recorded, or the same; 1: refused, or different; 4: values are missing.",
        "  qifeng decision record c-17/assess --inputs means.json --key keys/hu.pem \\\n"
        "      --node http://127.0.0.1:8700\n"
        "  qifeng decision replay c-17 --node http://127.0.0.1:8700\n"
        "  qifeng decision replay c-17 --decision Eligibility --inputs means.json \\\n"
        "      --node http://127.0.0.1:8700\n"
        "  qifeng decision replay --bundle c-17.qfb --trust genesis.json --all\n"};
    int count;
    enum qf_exit code;
    if (!qf_cli_parse(&help, options, sizeof options / sizeof options[0], argc, argv, &count,
                      &code))
        return (int)code;
    if (request.all && request.decision != NULL)
        return (int)qf_cli_usage("--all and --decision do not go together");
    bool record = count == 2 && strcmp(argv[0], "record") == 0;
    bool replay = count >= 1 && count <= 2 && strcmp(argv[0], "replay") == 0;
    if (replay && request.bundle != NULL && request.node == NULL)
        return (int)qf_decision_replay_file(&request, count == 2 ? argv[1] : NULL);
    if ((!record && !replay) || count != 2 || request.node == NULL || request.bundle != NULL)
        return (int)qf_cli_usage("usage: %s", help.usage);
    if (record && !request.dry && request.key == NULL)
        return (int)qf_cli_usage("--key is missing: say who signs, or use --dry-run");
    struct qf_remote remote;
    struct qf_error err = {0};
    enum qf_status status = qf_remote_open(&remote, request.node, request.key,
                                           request.passphrase_file, request.lang, &err);
    remote.on_behalf = request.on_behalf;
    if (status == QF_OK)
        status = record ? qf_decision_record(&remote, &request, argv[1], &err)
                        : qf_decision_replay(&remote, &request, argv[1], &err);
    qf_remote_close(&remote);
    if (status == QF_INVALID && !record)
        return QF_EXIT_REFUSED;
    return status == QF_OK ? QF_EXIT_OK : (int)qf_cli_error(&err);
}
