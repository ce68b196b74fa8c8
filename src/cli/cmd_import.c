#include <stdio.h>

#include "cli/cli.h"
#include "cli/import.h"

static void print_json(const struct qf_import_report *report)
{
    struct qf_arena arena = {0};
    struct qf_json object = qf_json_make_object();
    const struct {
        const char *name;
        uint64_t value;
    } numbers[] = {
        {"actors", report->actors},
        {"cases", report->cases},
        {"events", report->events},
        {"groups", report->groups},
        {"keys_made", report->keys_made},
        {"recorded", report->recorded},
        {"refused", report->refused},
        {"there_already", report->there_already},
        {"milliseconds", (uint64_t)report->milliseconds},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        qf_json_put(&arena, &object, numbers[i].name, qf_json_make_int((int64_t)numbers[i].value));
    if (report->refused > 0) {
        struct qf_json refusal = qf_json_make_object();
        qf_json_put(&arena, &refusal, "code",
                    qf_json_make_text(qf_status_name(report->refusal.status)));
        qf_json_put(&arena, &refusal, "detail", qf_json_make_text(report->refusal.detail));
        qf_json_put(&arena, &refusal, "field", qf_json_make_text(report->refusal.field));
        qf_json_put(&arena, &object, "first_refusal", refusal);
    }
    qf_cli_print_json(&object);
    qf_arena_deinit(&arena);
}

int qf_cmd_import(int argc, char **argv)
{
    struct qf_import_options import = {0};
    const char *passphrase_file = NULL;
    bool plain = false;
    bool json = false;
    const struct qf_cli_option options[] = {
        {"--node", "URL", "where to send (required)", &import.node, NULL},
        {"--keys", "DIR", "keys of the officials, made where missing", &import.keys, NULL},
        {"--admin-key", "FILE", "key of the admin who brings them in (default DIR/admin.pem)",
         &import.admin_key, NULL},
        {"--name", "TEXT", "first part of the ids (default: the file's name)", &import.name, NULL},
        {"--passphrase-file", "F", "of the key files (or QIFENG_PASSPHRASE_FILE)", &passphrase_file,
         NULL},
        {"--no-passphrase", NULL, "make plain key files: for trying out only", NULL, &plain},
        {"--dry-run", NULL, "print what would be recorded, one JSON object a line; send nothing",
         NULL, &import.dry_run},
        {"--json", NULL, "print JSON", NULL, &json},
    };
    static const struct qf_cli_help help = {
        "qifeng import xes FILE --node URL --keys DIR [options]",
        "Records an event log (XES, also packed with gzip): every resource becomes an actor with "
        "a\n"
        "key of his own, his groups become roles, and every event becomes one evidence.record\n"
        "signed by its official, in the order of time. What is there already is not sent again.\n"
        "Exit status 1 when the node refused some.",
        "  qifeng import xes receipt.xes.gz --node http://127.0.0.1:8700 \\\n"
        "      --keys officials --admin-key keys/admin.pem --passphrase-file pass\n"};
    int count;
    enum qf_exit code;
    if (!qf_cli_parse(&help, options, sizeof options / sizeof options[0], argc, argv, &count,
                      &code))
        return (int)code;
    if (count != 2 || strcmp(argv[0], "xes") != 0 || import.node == NULL ||
        (import.keys == NULL && !import.dry_run))
        return (int)qf_cli_usage("usage: %s", help.usage);
    struct qf_arena arena = {0};
    struct qf_error err = {0};
    struct qf_import_report report = {0};
    bool none;
    import.file = argv[1];
    if (import.admin_key == NULL && import.keys != NULL)
        import.admin_key = qf_arena_printf(&arena, "%s/admin.pem", import.keys);
    enum qf_status status =
        qf_cli_passphrase(&arena, passphrase_file, &import.passphrase, &none, &err);
    if (status == QF_OK && none && !plain && !import.dry_run)
        status = qf_fail(&err, QF_USAGE, "--passphrase-file",
                         "want a passphrase file for the keys, or --no-passphrase to try out");
    if (status == QF_OK && plain) {
        fprintf(stderr, "qifeng: warning: the officials' key files are not encrypted\n");
        import.passphrase = (struct qf_slice){0};
    }
    if (status == QF_OK)
        status = qf_import_xes(&import, &report, &err);
    qf_arena_deinit(&arena);
    if (status != QF_OK)
        return (int)qf_cli_error(&err);
    if (import.dry_run)
        return QF_EXIT_OK;
    if (json)
        print_json(&report);
    else
        printf("%llu events of %llu cases by %llu officials in %llu groups: %llu recorded, %llu "
               "there already, %llu refused; %.1f s\n",
               (unsigned long long)report.events, (unsigned long long)report.cases,
               (unsigned long long)report.actors, (unsigned long long)report.groups,
               (unsigned long long)report.recorded, (unsigned long long)report.there_already,
               (unsigned long long)report.refused, (double)report.milliseconds / 1000.0);
    if (report.refused == 0)
        return QF_EXIT_OK;
    fprintf(stderr, "qifeng: the first refusal:\n");
    (void)qf_cli_error(&report.refusal);
    return QF_EXIT_REFUSED;
}
