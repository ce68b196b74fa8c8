#include <stdio.h>

#include "cli/case_work.h"
#include "cli/case_xes.h"
#include "cli/cli.h"
#include "cli/sender.h"

#define PAGE 1000

struct export
{
    const char *node, *service, *status, *out;
    bool all;
    struct qf_client *client;
    struct qf_client_reader reader;
    struct qf_xes_file *file;
    struct qf_cli_progress progress;
    uint64_t cases, events;
};

static enum qf_status export_case(struct export *e, struct qf_slice id, struct qf_error *err)
{
    struct qf_arena arena = {0};
    struct qf_xes_trace trace;
    enum qf_status status =
        qf_case_trace(e->client, &arena, &trace, id, e->all ? QF_CASE_ALL : QF_CASE_COMPLETED, err);
    if (status == QF_OK)
        status = qf_xes_file_trace(e->file, &trace, err);
    if (status == QF_OK) {
        e->events += trace.event_count;
        qf_cli_progress_show(&e->progress, ++e->cases);
    }
    qf_arena_deinit(&arena);
    return status;
}

static void put_query(struct qf_buf *path, const char *name, const char *value)
{
    if (value == NULL)
        return;
    qf_buf_printf(path, "&%s=", name);
    qf_client_escape(path, qf_slice_of(value));
}

/* A page of cases at a time, so that any number of them takes no more memory. */
static enum qf_status export_all(struct export *e, struct qf_error *err)
{
    struct qf_buf path = {0};
    struct qf_arena arena = {0};
    char cursor[256] = "";
    enum qf_status status = QF_OK;
    do {
        struct qf_json page;
        struct qf_slice id, next = {NULL, 0};
        qf_buf_reset(&path);
        qf_arena_reset(&arena);
        qf_buf_printf(&path, "/v1/cases?limit=%d", PAGE);
        put_query(&path, "service", e->service);
        put_query(&path, "status", e->status);
        put_query(&path, "cursor", cursor[0] != '\0' ? cursor : NULL);
        status = qf_client_get_json(e->client, &arena, qf_buf_text(&path), &page, NULL, err);
        const struct qf_json *items = status == QF_OK ? qf_json_get(&page, "items") : NULL;
        for (uint32_t i = 0; items != NULL && i < items->count && status == QF_OK; i++) {
            status = qf_json_get_text(&items->items[i], "case", &id, err);
            if (status == QF_OK)
                status = export_case(e, id, err);
        }
        cursor[0] = '\0';
        if (status == QF_OK && qf_json_get_text(&page, "next", &next, NULL) == QF_OK)
            snprintf(cursor, sizeof cursor, "%.*s", QF_SLICE_ARGS(next));
    } while (status == QF_OK && cursor[0] != '\0');
    qf_buf_deinit(&path);
    qf_arena_deinit(&arena);
    return status;
}

static int export_run(struct export *e, const char *id, bool json)
{
    struct qf_error err = {0};
    qf_cli_progress_start(&e->progress, "reading cases", 0);
    enum qf_status status = qf_client_new(&e->client, e->node, &e->reader, &err);
    if (status == QF_OK)
        status = qf_xes_file_open(&e->file, e->out, &err);
    if (status == QF_OK)
        status = id != NULL ? export_case(e, qf_slice_of(id), &err) : export_all(e, &err);
    qf_cli_progress_end(&e->progress, e->cases);
    enum qf_status closed = qf_xes_file_close(e->file, status == QF_OK, &err);
    qf_client_free(e->client);
    if (status == QF_OK)
        status = closed;
    if (status != QF_OK)
        return (int)qf_cli_error(&err);
    if (json) {
        struct qf_arena arena = {0};
        struct qf_json object = qf_json_make_object();
        qf_json_put(&arena, &object, "cases", qf_json_make_int((int64_t)e->cases));
        qf_json_put(&arena, &object, "events", qf_json_make_int((int64_t)e->events));
        qf_json_put(&arena, &object, "file", qf_json_make_text(e->out));
        qf_cli_print_json(&object);
        qf_arena_deinit(&arena);
    } else if (strcmp(e->out, "-") != 0) {
        printf("%llu events of %llu cases in %s\n", (unsigned long long)e->events,
               (unsigned long long)e->cases, e->out);
    }
    return QF_EXIT_OK;
}

static int work(const struct qf_case_request *request, int count, char **argv)
{
    struct qf_remote remote;
    struct qf_error err = {0};
    enum qf_status status = qf_remote_open(&remote, request->node, request->key,
                                           request->passphrase_file, request->lang, &err);
    if (status == QF_OK)
        status = qf_case_work(&remote, request, count, argv, &err);
    qf_remote_close(&remote);
    return status == QF_OK ? QF_EXIT_OK : (int)qf_cli_error(&err);
}

static const struct qf_cli_help help = {
    "qifeng case list | show|decisions|history CASE | open SERVICE | message CASE NAME |\n"
    "       withdraw|appeal CASE | unplanned CASE ACTIVITY | export [CASE]",
    "show: where a case stands, since when, who is to act until when, and why it was decided so:\n"
    "the rules that matched, the clause that each cites, and the inputs; decisions are made again\n"
    "here for it. decisions: the same with who recorded each, by which transaction, on which\n"
    "version, and with --inputs what sealed values led to it. history: what was done, by whom.\n"
    "open: opens one; data are checked here first, with the node's code. appeal: opens the case\n"
    "that hears it, with the form that the service has for it. unplanned: records what was done\n"
    "off the process, where the service permits it; it stands as a deviation.\n"
    "export [CASE]: the histories of cases as an event log (XES): what was done, by whom, when; "
    "what\n"
    "the process did not allow is marked, and every event says at which leaf of the log it "
    "stands.\n"
    "A case at a time is held in memory.",
    "  qifeng case open urban-incident --key keys/yang.pem --node http://127.0.0.1:8700\n"
    "  qifeng case show c-17 --lang zh --node http://127.0.0.1:8700\n"
    "  qifeng case appeal c-17 --set appeal_reason='the cars are not ours' --key keys/li.pem \\\n"
    "      --node http://127.0.0.1:8700\n"
    "  qifeng case export c-2026-0017 --node http://127.0.0.1:8700\n"
    "  qifeng case export --service welfare-subsidy --status done \\\n"
    "      --node http://127.0.0.1:8700 -o done.xes.gz\n"};

int qf_cmd_case(int argc, char **argv)
{
    struct qf_case_request request = {0};
    struct export e = {.out = "-"};
    bool xes = false;
    const char *set = NULL; /* for the help; taken out before */
    const struct qf_cli_option options[] = {
        {"--node", "URL", "the node (required)", &request.node, NULL},
        {"--key", "FILE", "who opens, sends, withdraws, appeals, reads: key file or pkcs11: URI",
         &request.key, NULL},
        {"--passphrase-file", "F", "of the key file (or QIFENG_PASSPHRASE_FILE)",
         &request.passphrase_file, NULL},
        {"--id", "ID", "open, appeal: id of the new case (default: of service, day and chance)",
         &request.id, NULL},
        {"--data", "FILE", "data of the form, a JSON object", &request.file, NULL},
        {"--set", "NAME=VALUE", "one field of it, may be given several times", &set, NULL},
        {"--reveal", "FILE", "where values and salts of sealed fields are kept", &request.reveal,
         NULL},
        {"--choose", "FLOWS...", "ids of the flows chosen, with commas; may be repeated",
         &request.choose, NULL},
        {"--inputs", "FILE...", "decisions: values and salts of sealed fields; may be repeated",
         &request.inputs, NULL},
        {"--on-behalf", "MANDATE", "act for another member, by a mandate", &request.on_behalf,
         NULL},
        {"--service", "ID", "list, export: of this service", &request.service, NULL},
        {"--status", "STATUS", "list, export: running, done, failed or withdrawn ones",
         &request.status, NULL},
        {"--cursor", "C", "list: go on there", &request.cursor, NULL},
        {"--lang", "zh|en", "language of titles (default by LANG)", &request.lang, NULL},
        {"--xes", NULL, "export: for process mining (the only form there is)", NULL, &xes},
        {"--all", NULL, "export: also claims, releases, escalations and timers", NULL, &e.all},
        {"--output", "FILE", "export: where it goes (default standard output); packed if in .gz",
         &e.out, NULL},
        {"--json", NULL, "print JSON (export: with -o, what was written)", NULL, &request.json},
    };
    int count;
    enum qf_exit code;
    if (!qf_remote_take_sets(request.sets, &request.set_count, &argc, argv))
        return (int)qf_cli_usage("--set wants NAME=VALUE, at most %d times", QF_SERVICE_DATA_MAX);
    if (!qf_cli_parse(&help, options, sizeof options / sizeof options[0], argc, argv, &count,
                      &code))
        return (int)code;
    if (count < 1 || request.node == NULL)
        return (int)qf_cli_usage("usage: %s", help.usage);
    if (strcmp(argv[0], "export") != 0)
        return work(&request, count, argv);
    bool one = count == 2;
    if (count > 2 || (one && (request.service != NULL || request.status != NULL)))
        return (int)qf_cli_usage("usage: qifeng case export [CASE] --node URL [--service ID]");
    if (!one && request.service == NULL)
        return (int)qf_cli_usage("name a case, or a service with --service");
    if (request.json && strcmp(e.out, "-") == 0)
        return (int)qf_cli_usage("--json wants -o: standard output is one document");
    e.node = request.node;
    e.reader = (struct qf_client_reader){request.key, request.passphrase_file};
    e.service = request.service;
    e.status = request.status;
    return export_run(&e, one ? argv[1] : NULL, request.json);
}
