/* qifeng witness: how a log's witnesses stand, and the logs that a node witnesses. */
#include <stdio.h>
#include <time.h>

#include "cli/cli.h"
#include "cli/client.h"

#define HEALTH_SIZE_MAX (1u << 20)

static int64_t number(const struct qf_json *object, const char *name)
{
    int64_t value = 0;
    return qf_json_get_int(object, name, &value, NULL) == QF_OK ? value : 0;
}

static struct qf_slice text(const struct qf_json *object, const char *name)
{
    struct qf_slice value = {0};
    return qf_json_get_text(object, name, &value, NULL) == QF_OK ? value : (struct qf_slice){0};
}

static void print_time(int64_t time_ms)
{
    struct tm parts;
    char date[32];
    time_t seconds = (time_t)(time_ms / 1000);
    gmtime_r(&seconds, &parts);
    strftime(date, sizeof date, "%Y-%m-%d %H:%M:%S", &parts);
    printf("%s UTC", date);
}

static void print_size(const struct qf_json *item)
{
    if (number(item, "size") == 0) {
        printf("nothing cosigned yet");
        return;
    }
    printf("%lld entries, ", (long long)number(item, "size"));
    print_time(number(item, "time"));
}

static void print_witnesses(const struct qf_json *health)
{
    const struct qf_json *list = qf_json_get(health, "witnesses");
    const struct qf_json *cosigned = qf_json_get(health, "cosigned");
    if (list == NULL || cosigned == NULL) {
        printf("this log has no witnesses; witnesses in node.yaml names them\n");
        return;
    }
    printf("the log has %lld entries; ", (long long)number(health, "log_size"));
    if (number(cosigned, "quorum") > 0)
        printf("with the cosignatures of %lld, as is wanted: ",
               (long long)number(cosigned, "quorum"));
    else
        printf("with a cosignature: ");
    print_size(cosigned);
    printf("\n");
    for (uint32_t i = 0; i < list->count; i++) {
        const struct qf_json *item = &list->items[i];
        struct qf_slice state = text(item, "state");
        struct qf_slice detail = text(item, "detail");
        printf("  %-12.*s %.*s, %.*s: ", QF_SLICE_ARGS(state), QF_SLICE_ARGS(text(item, "name")),
               QF_SLICE_ARGS(text(item, "url")));
        print_size(item);
        if (number(item, "lag") > 0)
            printf(", %lld behind", (long long)number(item, "lag"));
        printf("\n");
        if (detail.size > 0)
            printf("               %.*s\n", QF_SLICE_ARGS(detail));
    }
}

static void print_witnessing(const struct qf_json *health)
{
    const struct qf_json *witnessing = qf_json_get(health, "witnessing");
    const struct qf_json *list = witnessing != NULL ? qf_json_get(witnessing, "logs") : NULL;
    if (list == NULL)
        return;
    printf("this node witnesses as %.*s\n", QF_SLICE_ARGS(text(witnessing, "key")));
    for (uint32_t i = 0; i < list->count; i++) {
        const struct qf_json *item = &list->items[i];
        struct qf_slice refusal = text(item, "refusal");
        printf("  %.*s: ", QF_SLICE_ARGS(text(item, "origin")));
        print_size(item);
        printf("\n");
        if (refusal.size > 0) {
            printf("    refused ");
            print_time(number(item, "refusal_time"));
            printf(": %.*s\n", QF_SLICE_ARGS(refusal));
        }
    }
}

static void print_json(struct qf_arena *arena, const struct qf_json *health)
{
    static const char *const names[] = {"cosigned", "log_size", "witnesses", "witnessing"};
    struct qf_json object = qf_json_make_object();
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct qf_json *member = qf_json_get(health, names[i]);
        if (member != NULL)
            qf_json_put(arena, &object, names[i], *member);
    }
    qf_cli_print_json(&object);
}

static bool all_good(const struct qf_json *health)
{
    const struct qf_json *list = qf_json_get(health, "witnesses");
    for (uint32_t i = 0; list != NULL && i < list->count; i++) {
        struct qf_slice state = text(&list->items[i], "state");
        if (!qf_slice_is(state, "good") && !qf_slice_is(state, "waiting"))
            return false;
    }
    return true;
}

/* A halted node answers 503, and says the same. */
static enum qf_status read_health(struct qf_arena *arena, const char *url,
                                  const struct qf_client_reader *reader, struct qf_json *health,
                                  struct qf_error *err)
{
    struct qf_client *client = NULL;
    struct qf_buf body;
    long http = 0;
    qf_buf_init(&body, HEALTH_SIZE_MAX);
    enum qf_status status = qf_client_new(&client, url, reader, err);
    if (status == QF_OK)
        status = qf_client_get(client, &body, "/v1/health", &http, err);
    if (status == QF_OK && http != 503)
        status = qf_client_problem(qf_buf_slice(&body), http, err);
    if (status == QF_OK)
        status = qf_json_parse(arena, health, qf_arena_copy(arena, qf_buf_slice(&body)),
                               QF_JSON_ANY, err);
    qf_client_free(client);
    qf_buf_deinit(&body);
    return status;
}

int qf_cmd_witness(int argc, char **argv)
{
    bool json = false;
    struct qf_client_reader reader = {0};
    const struct qf_cli_option options[] = {
        {"--key", "FILE", "key file or pkcs11: URI that signs what is read", &reader.key, NULL},
        {"--passphrase-file", "F", "of the key file (or QIFENG_PASSPHRASE_FILE)",
         &reader.passphrase_file, NULL},
        {"--json", NULL, "print JSON", NULL, &json},
    };
    static const struct qf_cli_help help = {
        "qifeng witness status URL [--key FILE] [--json]",
        "Says of a node's log which witnesses have cosigned it, how far and when, and what is "
        "wrong\n"
        "with those that have not; and of a node that is a witness which logs it has cosigned, "
        "and\n"
        "what it refused. Exit status 1 when a witness does not cosign. A witness's key is made "
        "by\n"
        "qifeng key create FILE --witness NAME; docs/OPERATIONS.md has the settings.",
        "  qifeng witness status http://127.0.0.1:8700\n"};
    int count;
    enum qf_exit code;
    if (!qf_cli_parse(&help, options, sizeof options / sizeof options[0], argc, argv, &count,
                      &code))
        return (int)code;
    if (count != 2 || strcmp(argv[0], "status") != 0)
        return (int)qf_cli_usage("usage: %s", help.usage);
    struct qf_arena arena = {0};
    struct qf_error err = {0};
    struct qf_json health;
    enum qf_status status = read_health(&arena, argv[1], &reader, &health, &err);
    bool good = status == QF_OK && all_good(&health);
    if (status == QF_OK && json) {
        print_json(&arena, &health);
    } else if (status == QF_OK) {
        print_witnesses(&health);
        print_witnessing(&health);
    }
    qf_arena_deinit(&arena);
    if (status != QF_OK)
        return (int)qf_cli_error(&err);
    return good ? QF_EXIT_OK : QF_EXIT_REFUSED;
}
