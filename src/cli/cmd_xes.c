#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "cli/replay.h"
#include "cli/service.h"

struct options {
    const char *file, *service, *node, *keys, *admin_key, *passphrase_file, *report, *export,
        *cases;
    bool plain, json;
};

static enum qf_status load_service(struct qf_replay *r, const char *dir, struct qf_error *err)
{
    struct qf_folder folder;
    enum qf_status status = qf_service_cli_ready(&folder, dir, err);
    if (status == QF_OK) {
        r->package = qf_arena_copy(&r->arena, folder.package);
        r->model = folder.model;
        folder.model = NULL; /* it is the replay's now */
    }
    qf_folder_deinit(&folder);
    return status;
}

/* ---- replay ---- */

static enum qf_status open_keys(struct qf_replay *r, const struct options *o, struct qf_error *err)
{
    bool none = true;
    struct qf_slice passphrase = {NULL, 0};
    enum qf_status status =
        qf_cli_passphrase(&r->arena, o->passphrase_file, &passphrase, &none, err);
    if (status == QF_OK && none && !o->plain && o->keys != NULL)
        status = qf_fail(err, QF_USAGE, "--passphrase-file",
                         "want a passphrase file for the keys, or --no-passphrase to try out");
    if (status == QF_OK && o->plain && o->keys != NULL)
        fprintf(stderr, "qifeng: warning: the officials' key files are not encrypted\n");
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): before any thread */
    const char *admin = o->admin_key != NULL ? o->admin_key : getenv("QIFENG_ADMIN_KEY");
    bool guessed = admin == NULL;
    if (guessed)
        admin = qf_arena_printf(&r->arena, "%s/admin.pem", o->keys != NULL ? o->keys : "keys");
    if (status == QF_OK)
        status = qf_cli_load_key(&r->admin, admin, o->passphrase_file, err);
    if (status == QF_IO && guessed)
        status = qf_fail(err, QF_USAGE, "--admin-key",
                         "want the key file of an admin, who brings the officials in (there is "
                         "none at %s)",
                         admin);
    r->registered = (struct qf_officials){
        .arena = &r->arena, .folder = o->keys, .passphrase = passphrase, .admin = r->admin};
    return status;
}

static enum qf_status replay(struct qf_replay *r, const struct options *o, struct qf_error *err)
{
    enum qf_status status = load_service(r, o->service, err);
    if (status == QF_OK)
        status = qf_replay_plan(r, o->file, err);
    if (status == QF_OK)
        status = open_keys(r, o, err);
    if (status == QF_OK)
        status = qf_sender_new(&r->sender, o->node, r->admin, qf_replay_told, r, err);
    r->registered.sender = r->sender;
    if (status == QF_OK)
        status = qf_replay_register(r, err);
    if (status == QF_OK)
        status = qf_replay_deploy(r, err);
    if (status == QF_OK)
        status = qf_replay_send(r, err);
    return status == QF_OK ? qf_replay_compare(r, o->export, err) : status;
}

static enum qf_status write_report(const struct qf_json *report, const char *path,
                                   struct qf_error *err)
{
    struct qf_buf text = {0};
    qf_json_write(&text, report);
    qf_buf_put_byte(&text, '\n');
    enum qf_status status = qf_cli_write(path, qf_buf_slice(&text), err);
    qf_buf_deinit(&text);
    return status;
}

static void print(const struct qf_replay *r, int64_t total_ms)
{
    struct qf_replay_counts counts = qf_replay_count(r);
    printf("%zu cases with %zu events by %zu officials: %llu conform, %llu deviate "
           "(%llu events unplanned, %llu cases not ended)\n",
           r->trace_count, r->event_count, r->officials.actor_count,
           (unsigned long long)counts.conforming, (unsigned long long)counts.deviating,
           (unsigned long long)counts.unplanned, (unsigned long long)counts.open);
    printf("%llu events recorded, %llu there already, %llu cases refused; %.1f s, %.1f s of it "
           "sending\n",
           (unsigned long long)counts.recorded, (unsigned long long)counts.there,
           (unsigned long long)counts.refused, (double)total_ms / 1000.0,
           (double)r->send_ms / 1000.0);
    if (r->differing == 0)
        printf("the histories on the ledger equal the log in all %llu events\n",
               (unsigned long long)r->compared);
    else
        printf("the histories on the ledger differ from the log in %llu places\n",
               (unsigned long long)r->differing);
}

static int finish(struct qf_replay *r, const struct options *o, int64_t total_ms)
{
    struct qf_error err = {0};
    struct qf_json report = qf_replay_report(r, total_ms);
    if (o->report != NULL && write_report(&report, o->report, &err) != QF_OK)
        return (int)qf_cli_error(&err);
    if (o->json)
        qf_cli_print_json(&report);
    else
        print(r, total_ms);
    for (size_t i = 0; i < r->trace_count; i++)
        if (r->traces[i].stopped) {
            err = r->traces[i].problem;
            qf_error_within(&err, "%s", r->traces[i].id);
            fprintf(stderr, "qifeng: the first refusal:\n");
            (void)qf_cli_error(&err);
            return QF_EXIT_REFUSED;
        }
    return r->differing == 0 ? QF_EXIT_OK : QF_EXIT_REFUSED;
}

static int run(const struct options *o)
{
    struct qf_clock clock = qf_clock_system();
    struct qf_replay r = {0};
    struct qf_error err = {0};
    int64_t start = clock.now_ms(clock.self);
    if (o->cases != NULL)
        r.limit = (uint32_t)strtoul(o->cases, NULL, 10);
    enum qf_status status = replay(&r, o, &err);
    int code =
        status == QF_OK ? finish(&r, o, clock.now_ms(clock.self) - start) : (int)qf_cli_error(&err);
    qf_replay_deinit(&r);
    return code;
}

int qf_cmd_xes(int argc, char **argv)
{
    struct options o = {0};
    const struct qf_cli_option options[] = {
        {"--service", "DIR", "folder of the service (required)", &o.service, NULL},
        {"--node", "URL", "where to send (required)", &o.node, NULL},
        {"--report", "FILE", "where the report goes, as JSON", &o.report, NULL},
        {"--export", "FILE", "where the log goes that is read back; packed if it ends in .gz",
         &o.export, NULL},
        {"--keys", "DIR", "keys of the officials, made where missing (without: for this run only)",
         &o.keys, NULL},
        {"--admin-key", "FILE",
         "key of the admin (or QIFENG_ADMIN_KEY; default admin.pem in --keys, or in keys)",
         &o.admin_key, NULL},
        {"--passphrase-file", "F", "of the key files (or QIFENG_PASSPHRASE_FILE)",
         &o.passphrase_file, NULL},
        {"--no-passphrase", NULL, "make plain key files: for trying out only", NULL, &o.plain},
        {"--cases", "N", "only the first N cases of the log", &o.cases, NULL},
        {"--json", NULL, "print the report as JSON", NULL, &o.json},
    };
    static const struct qf_cli_help help = {
        "qifeng xes replay FILE --service DIR --node URL [options]",
        "Plays an event log (XES, also packed with gzip) on a running node: deploys the service "
        "if\n"
        "it is not there, gives every official a key of his own, and signs every event as the\n"
        "completion of a task by its official, in the order of time. What the process does not\n"
        "allow is recorded as an unplanned activity, where service.yaml permits it. Attributes of\n"
        "cases and events that are named like open fields are the data of cases and forms, and\n"
        "decisions are made anew on them, by the rules and the time of now; a decision over\n"
        "sealed fields cannot be replayed, since no log has their values. Then the\n"
        "histories are read back and compared with the log, event for event. Doing it again sends\n"
        "only what is missing. Exit status 1 when something was refused or differs.",
        "  qifeng xes replay receipt.xes.gz --service services/environmental-permit-receipt \\\n"
        "      --node http://127.0.0.1:8700 --admin-key keys/admin.pem \\\n"
        "      --report report.json --export again.xes.gz\n"};
    int count;
    enum qf_exit code;
    if (!qf_cli_parse(&help, options, sizeof options / sizeof options[0], argc, argv, &count,
                      &code))
        return (int)code;
    if (count != 2 || strcmp(argv[0], "replay") != 0 || o.service == NULL || o.node == NULL)
        return (int)qf_cli_usage("usage: %s", help.usage);
    if (o.cases != NULL && (strspn(o.cases, "0123456789") != strlen(o.cases) ||
                            strlen(o.cases) > 9 || strtoul(o.cases, NULL, 10) == 0))
        return (int)qf_cli_usage("--cases wants a number from 1 on");
    o.file = argv[1];
    return run(&o);
}
