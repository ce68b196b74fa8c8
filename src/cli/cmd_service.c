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
    return qf_cli_usage("usage: %s", help->usage);
}

int qf_cmd_service(int argc, char **argv)
{
    struct qf_service_request request = {0};
    const struct qf_cli_option options[] = {
        {"--only", "NAME", "test: this scenario alone", &request.only, NULL},
        {"--json", NULL, "print JSON", NULL, &request.json},
    };
    static const struct qf_cli_help help = {
        "qifeng service check DIR | test DIR [--only NAME]",
        "check: whether a service folder can be deployed, as a node would see it: \"ready\", or "
        "everything\n"
        "that is wrong, with file, line, element and cure. test: plays the scenarios of the folder "
        "on\n"
        "the kernel in memory, with votes, timers and the calendar, and says at which step "
        "something\n"
        "went otherwise than told. Exit status 1 when it is not ready, or a scenario failed.",
        "  qifeng service check services/welfare-subsidy\n"
        "  qifeng service test services/urban-incident --only manhole\n"};
    int count;
    enum qf_exit code;
    if (!qf_cli_parse(&help, options, sizeof options / sizeof options[0], argc, argv, &count,
                      &code))
        return (int)code;
    return (int)run(&request, count, argv, &help);
}
