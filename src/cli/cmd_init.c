#include <stdio.h>

#include "cli/cli.h"
#include "node/init.h"

static void print_made(const struct qf_init_options *init, bool json)
{
    const char *suite = qf_suite_name(init->suite);
    if (!json) {
        printf("network %s, suite %s, first member %s\n"
               "  %s/genesis.json    give it to everybody who is to verify\n"
               "  %s/keys/admin.pem  the first actor; keep it safe\n"
               "start the node:  qifeng node %s\n",
               init->network, suite, init->member, init->dir, init->dir, init->dir);
        return;
    }
    struct qf_arena arena = {0};
    struct qf_json object = qf_json_make_object();
    qf_json_put(&arena, &object, "dir", qf_json_make_text(init->dir));
    qf_json_put(&arena, &object, "genesis",
                qf_json_make_text(qf_arena_printf(&arena, "%s/genesis.json", init->dir)));
    qf_json_put(&arena, &object, "key",
                qf_json_make_text(qf_arena_printf(&arena, "%s/keys/admin.pem", init->dir)));
    qf_json_put(&arena, &object, "member", qf_json_make_text(init->member));
    qf_json_put(&arena, &object, "network", qf_json_make_text(init->network));
    qf_json_put(&arena, &object, "suite", qf_json_make_text(suite));
    qf_cli_print_json(&object);
    qf_arena_deinit(&arena);
}

int qf_cmd_init(int argc, char **argv)
{
    const char *network = NULL;
    const char *suite_name = "intl";
    const char *member = "first";
    const char *name = NULL;
    const char *passphrase_file = NULL;
    bool plain = false;
    bool json = false;
    const struct qf_cli_option options[] = {
        {"--network", "ID", "id of the network (required)", &network, NULL},
        {"--suite", "intl|gm", "P-256 and SHA-256, or SM2 and SM3 (default intl)", &suite_name,
         NULL},
        {"--member", "ID", "id of the first member (default first)", &member, NULL},
        {"--name", "TEXT", "its name, for people", &name, NULL},
        {"--passphrase-file", "F", "encrypts the key files (or QIFENG_PASSPHRASE_FILE)",
         &passphrase_file, NULL},
        {"--no-passphrase", NULL, "plain key files: for trying out only", NULL, &plain},
        {"--json", NULL, "print JSON", NULL, &json},
    };
    static const struct qf_cli_help help = {
        "qifeng init DIR --network ID [options]",
        "Makes a data directory: genesis document, keys of the first member and its node.",
        "  qifeng init /var/lib/qifeng --network beijing --member planning \\\n"
        "      --name 'Planning and Natural Resources' --passphrase-file /etc/qifeng/pass\n"
        "  qifeng init try --network try --no-passphrase\n"};
    int count;
    enum qf_exit code;
    if (!qf_cli_parse(&help, options, sizeof options / sizeof options[0], argc, argv, &count,
                      &code))
        return (int)code;
    if (count != 1 || network == NULL)
        return (int)qf_cli_usage("usage: %s", help.usage);
    struct qf_init_options init = {.dir = argv[0],
                                   .network = network,
                                   .member = member,
                                   .member_name = name,
                                   .clock = qf_clock_system()};
    if (!qf_suite_parse(&init.suite, qf_slice_of(suite_name)))
        return (int)qf_cli_usage("--suite is intl or gm, not %s", suite_name);
    struct qf_arena arena = {0};
    struct qf_error err = {0};
    bool none;
    enum qf_status status =
        qf_cli_passphrase(&arena, passphrase_file, &init.passphrase, &none, &err);
    if (status == QF_OK && none && !plain)
        status =
            qf_fail(&err, QF_USAGE, "--passphrase-file",
                    "want a passphrase file for the keys, or --no-passphrase to try things out");
    if (status == QF_OK && plain) {
        fprintf(stderr, "qifeng: warning: the key files are not encrypted\n");
        init.passphrase = (struct qf_slice){0};
    }
    if (status == QF_OK)
        status = qf_node_init(&init, &err);
    qf_arena_deinit(&arena);
    if (status != QF_OK)
        return (int)qf_cli_error(&err);
    print_made(&init, json);
    return QF_EXIT_OK;
}
