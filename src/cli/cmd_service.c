#include <string.h>

#include "cli/service.h"

static enum qf_exit run(struct qf_service_request *request, int count, char **argv,
                        const struct qf_cli_help *help)
{
    const char *verb = count > 0 ? argv[0] : "";
    if (count == 2 && strcmp(verb, "check") == 0)
        return qf_service_cli_check(request, argv[1]);
    if (count == 2 && strcmp(verb, "test") == 0)
        return qf_service_cli_test(request, argv[1]);
    bool node = request->node != NULL, key = node && request->key != NULL;
    if (count == 2 && strcmp(verb, "deploy") == 0 && key)
        return qf_service_cli_deploy(request, argv[1]);
    bool change =
        strcmp(verb, "suspend") == 0 || strcmp(verb, "resume") == 0 || strcmp(verb, "retire") == 0;
    bool migrate = strcmp(verb, "migrate") == 0;
    if (migrate && (request->from == NULL || request->to == NULL))
        return qf_cli_usage("migrate wants --from VERSION and --to VERSION");
    if (count == 2 && (change || migrate) && key)
        return qf_service_cli_change(request, verb, argv[1]);
    if (count == 2 && strcmp(verb, "vote") == 0 && key && request->yes != request->no)
        return qf_service_cli_vote(request, argv[1]);
    if (count == 1 && strcmp(verb, "list") == 0 && node)
        return qf_service_cli_list(request);
    if (count == 2 && strcmp(verb, "show") == 0 && node)
        return qf_service_cli_show(request, argv[1]);
    if (count == 3 && strcmp(verb, "fetch") == 0 && node)
        return qf_service_cli_fetch(request, argv[1], argv[2]);
    static const char *const signed_by[] = {"deploy", "vote",   "suspend",
                                            "resume", "retire", "migrate"};
    bool known =
             strcmp(verb, "list") == 0 || strcmp(verb, "show") == 0 || strcmp(verb, "fetch") == 0,
         signs = false;
    for (size_t i = 0; i < sizeof signed_by / sizeof signed_by[0]; i++)
        signs = signs || strcmp(verb, signed_by[i]) == 0;
    if ((known || signs) && !node)
        return qf_cli_usage("%s wants --node URL", verb);
    if (signs && request->key == NULL)
        return qf_cli_usage("%s wants --key: say who signs", verb);
    if (strcmp(verb, "vote") == 0 && request->yes == request->no)
        return qf_cli_usage("vote wants either --yes or --no");
    return qf_cli_usage("usage: %s", help->usage);
}

int qf_cmd_service(int argc, char **argv)
{
    struct qf_service_request request = {0};
    const struct qf_cli_option options[] = {
        {"--only", "NAME", "test: this scenario alone", &request.only, NULL},
        {"--node", "URL", "deploy, vote, list, show, fetch: the node", &request.node, NULL},
        {"--key", "FILE",
         "proposals, vote: key file or pkcs11: URI of a council; list, show: who reads",
         &request.key, NULL},
        {"--passphrase-file", "F", "of the key file (or QIFENG_PASSPHRASE_FILE)",
         &request.passphrase_file, NULL},
        {"--yes", NULL, "vote: for it; proposals: vote for it at once", NULL, &request.yes},
        {"--no", NULL, "vote: against it", NULL, &request.no},
        {"--wait", NULL, "deploy: until it is in force, ten minutes at most", NULL, &request.wait},
        {"--from", "VERSION", "migrate: the version that the cases are on", &request.from, NULL},
        {"--to", "VERSION", "migrate: the version that they go on with", &request.to, NULL},
        {"--version", "VERSION", "fetch: which one (default: the one new cases open on)",
         &request.version, NULL},
        {"--lang", "zh|en", "list, show: language of titles (default by LANG)", &request.lang,
         NULL},
        {"--json", NULL, "print JSON", NULL, &request.json},
    };
    static const struct qf_cli_help help = {
        "qifeng service check|test|deploy DIR | vote PROPOSAL --yes|--no | list | show ID |\n"
        "       fetch PROPOSAL|ID DIR | suspend|resume|retire|migrate ID",
        "check: whether a service folder can be deployed, as a node would see it: \"ready\", or "
        "everything\n"
        "that is wrong, with file, line, element and cure. test: plays the scenarios of the folder "
        "on\n"
        "the kernel in memory, with votes, timers and the calendar, and says at which step "
        "something\n"
        "went otherwise than told. Exit status 1 when it is not ready, or a scenario failed.\n"
        "deploy: puts the package onto the ledger and proposes it to the members, who vote.\n"
        "suspend, resume, retire: proposes that no new cases open, that they do again, or that it\n"
        "ends for good; running cases go on. migrate: proposes to bring the running cases of one\n"
        "version to another. list and show: what is deployed, and what is to be voted on. fetch: "
        "the\n"
        "folder of what is proposed or deployed, held against the hash that is voted on; check, "
        "test\n"
        "and the editors work on it.",
        "  qifeng service check services/welfare-subsidy\n"
        "  qifeng service test services/urban-incident --only manhole\n"
        "  qifeng service deploy services/urban-incident --key keys/admin.pem \\\n"
        "      --node http://127.0.0.1:8700\n"
        "  qifeng service fetch deploy-urban-incident-1.0-858de856 review \\\n"
        "      --node http://127.0.0.1:8700\n"
        "  qifeng service vote deploy-urban-incident-1.0-858de856 --yes --key keys/admin.pem \\\n"
        "      --node http://127.0.0.1:8700\n"
        "  qifeng service migrate urban-incident --from 1.0 --to 1.1 --key keys/admin.pem \\\n"
        "      --node http://127.0.0.1:8700\n"};
    int count;
    enum qf_exit code;
    if (!qf_cli_parse(&help, options, sizeof options / sizeof options[0], argc, argv, &count,
                      &code))
        return (int)code;
    return (int)run(&request, count, argv, &help);
}
