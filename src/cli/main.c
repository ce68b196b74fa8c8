#include <signal.h>
#include <stdio.h>

#include "cli/bpmn.h"
#include "cli/cli.h"
#include "cli/rules.h"
#include "cli/terminal.h"
#include "feel/feel.h"

const struct qf_cli_command qf_cli_commands[] = {
    {"init", "make a data directory: genesis, first member, keys", qf_cmd_init},
    {"demo", "a network for trying out, with real data", qf_cmd_demo},
    {"node", "serve a data directory until stopped", qf_cmd_node},
    {"key", "make and show keys", qf_cmd_key},
    {"tx", "sign and send transactions", qf_cmd_tx},
    {"import", "bring an event log onto a ledger", qf_cmd_import},
    {"evidence", "record hashes of files, show and find them", qf_cmd_evidence},
    {"bundle", "fetch everything needed to verify one transaction offline", qf_cmd_bundle},
    {"service", "check, test and deploy services", qf_cmd_service},
    {"case", "open cases, see where they stand and why, export them", qf_cmd_case},
    {"task", "work lists, and what is done with a task", qf_cmd_task},
    {"decision", "record sealed decisions, make recorded ones again", qf_cmd_decision},
    {"bpmn", "check process models", qf_cmd_bpmn},
    {"xes", "play an event log on a running node", qf_cmd_xes},
    {"rules", "check, evaluate and test decisions (DMN, FEEL)", qf_cmd_rules},
    {"archive", "move full tiles of the log elsewhere", qf_cmd_archive},
    {"audit", "play a whole log again and confirm everything in it", qf_cmd_audit},
    {"doctor", "look for what stops a node, or will", qf_cmd_doctor},
    {"webhook", "see, try and enable webhooks", qf_cmd_webhook},
    {"witness", "how the witnesses of a log stand", qf_cmd_witness},
    {"stamp", "time-stamps of a log: see, check, make", qf_cmd_stamp},
    {"verify", "check a bundle, without network and node", qf_cmd_verify},
    {"completion", "completion for shells, and manual pages", qf_cmd_completion},
    {"bench", "measure this program", qf_cmd_bench},
};
const size_t qf_cli_command_count = sizeof qf_cli_commands / sizeof qf_cli_commands[0];

static void help(FILE *out)
{
    fprintf(out,
            "qifeng %s: a consortium ledger for public services\n\n"
            "usage: qifeng COMMAND [arguments]; qifeng COMMAND --help explains one\n\n",
            QF_VERSION);
    for (size_t i = 0; i < qf_cli_command_count; i++)
        fprintf(out, "  %-10s %s\n", qf_cli_commands[i].name, qf_cli_commands[i].summary);
    fprintf(out, "\nexit status: 0 done or valid; 1 refused or not valid; 2 wrong usage;\n"
                 "             3 the environment failed; 4 cannot tell\n");
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    qf_cli_guard_terminal();
    if (argc < 2) {
        help(stderr);
        return QF_EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        help(stdout);
        return (int)qf_cli_finish(QF_EXIT_OK);
    }
    if (strcmp(argv[1], "--version") == 0) {
        char patterns[QF_FEEL_PATTERNS_VERSION_SIZE];
        qf_feel_patterns_version(patterns);
        printf("qifeng %s\nrules: %s, time zones %s (all nodes of a network need the same)\n",
               QF_VERSION, patterns, qf_feel_zone_version());
        return (int)qf_cli_finish(QF_EXIT_OK);
    }
    for (size_t i = 0; i < qf_cli_command_count; i++)
        if (strcmp(argv[1], qf_cli_commands[i].name) == 0)
            return (int)qf_cli_finish(qf_cli_commands[i].run(argc - 2, argv + 2));
    return (int)qf_cli_usage("there is no command %s; see qifeng --help", argv[1]);
}
