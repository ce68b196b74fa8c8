#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/demo_service.h"
#include "cli/import.h"
#include "cli/sender.h"
#include "node/init.h"
#include "node/node.h"

#define NETWORK "demo"
#define MEMBER "municipality"
#define LOG_NAME "receipt.xes.gz"
#define SERVICE "urban-incident"

/* Beside the installed program, where it was to be installed, or in the sources it was built of. */
static enum qf_status find_log(struct qf_arena *arena, const char **out, struct qf_error *err)
{
    char self[PATH_MAX];
    ssize_t size = readlink("/proc/self/exe", self, sizeof self - 1);
    self[size > 0 ? size : 0] = '\0';
    char *slash = strrchr(self, '/');
    if (slash != NULL)
        *slash = '\0';
    const char *places[] = {
        qf_arena_printf(arena, "%s/../share/qifeng/demo/" LOG_NAME, self),
        QF_DEMO_DATA_INSTALLED "/" LOG_NAME,
        QF_DEMO_DATA_SOURCE "/" LOG_NAME,
    };
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        if (access(places[i], R_OK) == 0) {
            *out = places[i];
            return QF_OK;
        }
    }
    return qf_fail(err, QF_IO, LOG_NAME, "the demonstration's data are not at %s", places[1]);
}

static enum qf_status make_network(struct qf_arena *arena, const char *dir, struct qf_error *err)
{
    struct stat info;
    if (stat(qf_arena_printf(arena, "%s/genesis.json", dir), &info) == 0)
        return QF_OK;
    const struct qf_init_options init = {.dir = dir,
                                         .network = NETWORK,
                                         .suite = QF_SUITE_INTL,
                                         .member = MEMBER,
                                         .member_name = "Municipality",
                                         .clock = qf_clock_system()};
    fprintf(stderr,
            "qifeng: making the network " NETWORK " in %s\n"
            "qifeng: warning: its key files are not encrypted, so that it can be tried without\n"
            "        typing a passphrase. A network that matters is made with qifeng init.\n",
            dir);
    return qf_node_init(&init, err);
}

static enum qf_status load_data(struct qf_arena *arena, const char *dir, const char *url,
                                struct qf_error *err)
{
    struct qf_import_report report;
    struct qf_import_options import = {.node = url};
    enum qf_status status = find_log(arena, &import.file, err);
    if (status != QF_OK)
        return status;
    import.keys = qf_arena_printf(arena, "%s/officials", dir);
    import.admin_key = qf_arena_printf(arena, "%s/keys/admin.pem", dir);
    fprintf(stderr, "qifeng: recording the permit log of a municipality, event by event\n");
    status = qf_import_xes(&import, &report, err);
    if (status != QF_OK)
        return status;
    printf("%llu events of %llu permit cases stand on the ledger, each signed by one of %llu "
           "officials\nof %llu groups (%llu recorded now, in %.1f s)\n",
           (unsigned long long)(report.events - report.refused), (unsigned long long)report.cases,
           (unsigned long long)report.actors, (unsigned long long)report.groups,
           (unsigned long long)report.recorded, (double)report.milliseconds / 1000.0);
    if (report.refused > 0) {
        *err = report.refusal;
        return err->status;
    }
    return QF_OK;
}

/* A service with cases to be worked on; without its folder the demonstration goes on. */
static enum qf_status add_service(struct qf_arena *arena, const char *dir, const char *url,
                                  struct qf_error *err)
{
    char self[PATH_MAX];
    ssize_t size = readlink("/proc/self/exe", self, sizeof self - 1);
    self[size > 0 ? size : 0] = '\0';
    char *slash = strrchr(self, '/');
    if (slash != NULL)
        *slash = '\0';
    const char *places[] = {qf_arena_printf(arena, "%s/../share/qifeng/services/" SERVICE, self),
                            QF_SERVICES_INSTALLED "/" SERVICE, QF_SERVICES_SOURCE "/" SERVICE};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        uint32_t cases;
        if (access(places[i], R_OK) != 0)
            continue;
        enum qf_status status = qf_demo_service(dir, url, places[i], &cases, err);
        if (status != QF_OK)
            return status;
        if (cases > 0)
            printf("the service " SERVICE " is deployed by vote, with %u cases in its work lists\n",
                   cases);
        printf("\n  %s task list --service " SERVICE " --lang zh \\\n      --node %s\n",
               program_invocation_name, url);
        return QF_OK;
    }
    fprintf(stderr, "qifeng: the folder of the service " SERVICE " is not at %s\n", places[1]);
    return QF_OK;
}

static enum qf_status explain(struct qf_arena *arena, const char *dir, const char *url,
                              struct qf_error *err)
{
    struct qf_client *client = NULL;
    struct qf_json list;
    enum qf_status status = qf_client_new(&client, url, NULL, err);
    if (status == QF_OK)
        status = qf_client_get_json(client, arena, "/v1/evidence?source=xes:receipt&limit=1", &list,
                                    NULL, err);
    qf_client_free(client);
    const struct qf_json *items = status == QF_OK ? qf_json_get(&list, "items") : NULL;
    struct qf_slice tx = {0};
    if (status != QF_OK)
        return status;
    if (items == NULL || items->type != QF_JSON_ARRAY || items->count == 0)
        status = qf_fail(err, QF_INVARIANT, "evidence", "the data just recorded are not found");
    else
        status = qf_json_get_text(&items->items[0], "tx", &tx, err);
    if (status != QF_OK)
        return status;
    printf("\n  API         %s/v1/network\n"
           "  checkpoint  %s/checkpoint\n"
           "  log         %s/log, tiles that any web server can serve\n\n"
           "fetch one record with all that proves it, and verify it, here or on any machine:\n\n"
           "  %s bundle %.*s \\\n      --node %s -o permit.qfb\n"
           "  %s verify permit.qfb --trust %s/genesis.json\n\n"
           "have any file time-stamped (RFC 3161), recorded here, and verify the token:\n\n"
           "  openssl ts -query -data README.md -sha256 -cert -out q.tsq\n"
           "  curl -sS -H 'Content-Type: application/timestamp-query' \\\n"
           "      --data-binary @q.tsq %s/tsa -o r.tsr\n"
           "  openssl ts -verify -in r.tsr -queryfile q.tsq -CAfile %s/keys/ca.crt\n\n",
           url, url, dir, program_invocation_name, QF_SLICE_ARGS(tx), url, program_invocation_name,
           dir, url, dir);
    return QF_OK;
}

static enum qf_status prepare(struct qf_node **node, struct qf_arena *arena, const char *dir,
                              const char *listen, struct qf_error *err)
{
    const struct qf_node_options options = {.dir = dir, .listen = listen, .no_rate_limit = true};
    enum qf_status status = make_network(arena, dir, err);
    if (status == QF_OK)
        status = qf_node_start(node, &options, err);
    if (status == QF_OK && !qf_slice_is(qf_ledger_network(qf_node_ledger(*node)), NETWORK))
        status = qf_fail(err, QF_USAGE, dir,
                         "holds another network than the demonstration's; serve it with qifeng "
                         "node");
    if (status == QF_OK)
        status = load_data(arena, dir, qf_node_url(*node), err);
    if (status == QF_OK)
        status = add_service(arena, dir, qf_node_url(*node), err);
    if (status == QF_OK)
        status = explain(arena, dir, qf_node_url(*node), err);
    return status;
}

int qf_cmd_demo(int argc, char **argv)
{
    const char *listen = NULL;
    bool leave = false;
    const struct qf_cli_option options[] = {
        {"--listen", "HOST:PORT", "where to serve (default 127.0.0.1:8700)", &listen, NULL},
        {"--exit", NULL, "stop when the data is in", NULL, &leave},
    };
    static const struct qf_cli_help help = {
        "qifeng demo DIR [--listen HOST:PORT] [--exit]",
        "Makes a network for trying out, serves it, and records a municipality's real log of "
        "8,577\n"
        "events in 1,434 permit cases, each signed by its official; deploys the service of city\n"
        "incidents, with some cases. Prints `ready URL` when the data is in. A second start serves "
        "what is there.",
        "  qifeng demo try\n"};
    int count;
    enum qf_exit code;
    if (!qf_cli_parse(&help, options, sizeof options / sizeof options[0], argc, argv, &count,
                      &code))
        return (int)code;
    if (count != 1)
        return (int)qf_cli_usage("usage: %s", help.usage);
    struct qf_arena arena = {0};
    struct qf_error err = {0};
    struct qf_node *node = NULL;
    qf_cli_block_signals();
    enum qf_status status = prepare(&node, &arena, argv[0], listen, &err);
    int result;
    if (status != QF_OK) {
        result = (int)qf_cli_error(&err);
    } else {
        printf("ready %s\n", qf_node_url(node));
        fflush(stdout);
        result = leave ? QF_EXIT_OK : qf_cli_serve(node, NULL);
    }
    qf_node_stop(node);
    qf_arena_deinit(&arena);
    return result;
}
