/* qifeng stamp: the time-stamps of a node's log. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "api/stamp/stamping.h"
#include "cli/cli.h"
#include "cli/sender.h"
#include "cli/stamps.h"

#define NOW_SECONDS 60

struct command {
    struct qf_client_reader reader;
    const char *where, *tsa_ca;
    bool json;
    struct qf_error err;
};

/* ---- list ---- */

static int64_t number(const struct qf_json *object, const char *name)
{
    int64_t value = 0;
    return qf_json_get_int(object, name, &value, NULL) == QF_OK ? value : 0;
}

static void print_item(const struct qf_json *item)
{
    char when[64];
    char until[64];
    struct qf_slice authority = {NULL, 0};
    qf_cli_time_text(when, number(item, "time"));
    qf_cli_time_text(until, number(item, "until"));
    if (qf_json_get_text(item, "authority", &authority, NULL) != QF_OK)
        authority = qf_slice_of("");
    printf("%12lld  %s  %.*s, until %.10s\n", (long long)number(item, "size"), when,
           QF_SLICE_ARGS(authority), until);
}

/* One after the other, so that a long list need not fit into memory. */
static void show(const struct command *c, const struct qf_json *item, size_t index)
{
    struct qf_buf text = {0};
    if (!c->json) {
        print_item(item);
        return;
    }
    qf_json_write(&text, item);
    printf("%s%s", index > 0 ? "," : "", qf_buf_text(&text));
    qf_buf_deinit(&text);
}

static enum qf_status list_node(struct command *c, size_t *count)
{
    struct qf_client *client = NULL;
    struct qf_slice next = {NULL, 0};
    struct qf_arena arena = {0};
    char path[64] = "/v1/stamps";
    enum qf_status status = qf_client_new(&client, c->where, &c->reader, &c->err);
    for (bool more = true; status == QF_OK && more;) {
        struct qf_json page;
        qf_arena_reset(&arena);
        status = qf_client_get_json(client, &arena, path, &page, NULL, &c->err);
        const struct qf_json *items = status == QF_OK ? qf_json_get(&page, "items") : NULL;
        for (uint32_t i = 0; items != NULL && items->type == QF_JSON_ARRAY && i < items->count; i++)
            show(c, &items->items[i], (*count)++);
        more = status == QF_OK && qf_json_get_text(&page, "next", &next, NULL) == QF_OK &&
               next.size < 20;
        if (more)
            snprintf(path, sizeof path, "/v1/stamps?cursor=%.*s", QF_SLICE_ARGS(next));
    }
    qf_client_free(client);
    qf_arena_deinit(&arena);
    return status;
}

static enum qf_status list_folder(struct command *c, size_t *count)
{
    struct qf_cli_stamps s;
    struct qf_arena arena = {0};
    uint64_t size = 0;
    enum qf_status status = qf_cli_stamps_open(&s, c->where, c->tsa_ca, &c->err);
    while (status == QF_OK && qf_stamps_after(s.stamps, size, &size)) {
        struct qf_stamp_link link;
        struct qf_timestamp stamp;
        struct qf_json item = qf_json_make_object();
        qf_arena_reset(&arena);
        status = qf_stamps_load(s.stamps, &arena, size, &link, &c->err);
        if (status == QF_OK)
            status = qf_timestamp_read_claims(&stamp, link.token, &c->err);
        if (status != QF_OK)
            break;
        qf_json_put(&arena, &item, "authority", qf_json_make_text(stamp.authority));
        qf_json_put(&arena, &item, "size", qf_json_make_int((int64_t)size));
        qf_json_put(&arena, &item, "time", qf_json_make_int(stamp.time_ms));
        qf_json_put(&arena, &item, "until", qf_json_make_int(stamp.until_ms));
        show(c, &item, (*count)++);
    }
    qf_arena_deinit(&arena);
    qf_cli_stamps_close(&s);
    return status;
}

static enum qf_status list(struct command *c)
{
    size_t count = 0;
    bool remote = strncmp(c->where, "http://", 7) == 0 || strncmp(c->where, "https://", 8) == 0;
    if (c->json)
        printf("{\"items\":[");
    enum qf_status status = remote ? list_node(c, &count) : list_folder(c, &count);
    if (c->json)
        printf("]}\n");
    else if (status == QF_OK && count == 0)
        printf("this log has no time-stamps; stamps in node.yaml says who makes them\n");
    return status;
}

/* ---- verify ---- */

static void show_progress(void *arg, uint64_t done, uint64_t total)
{
    struct qf_cli_progress *progress = arg;
    (void)total;
    qf_cli_progress_show(progress, done);
}

static void print_found(const struct command *c, const struct qf_stamps_found *found, bool checked)
{
    char text[64];
    if (c->json) {
        struct qf_arena arena = {0};
        struct qf_json object = qf_json_make_object();
        qf_json_put(&arena, &object, "checked", qf_json_make_bool(checked));
        qf_json_put(&arena, &object, "ended", qf_json_make_int((int64_t)found->ended));
        qf_json_put(&arena, &object, "late", qf_json_make_int((int64_t)found->late));
        qf_json_put(&arena, &object, "renewals", qf_json_make_int((int64_t)found->renewals));
        qf_json_put(&arena, &object, "size", qf_json_make_int((int64_t)found->last_size));
        qf_json_put(&arena, &object, "stamps", qf_json_make_int((int64_t)found->stamps));
        if (found->until_ms != INT64_MAX)
            qf_json_put(&arena, &object, "until", qf_json_make_int(found->until_ms));
        qf_json_put(&arena, &object, "valid",
                    !checked ? qf_json_make_null() : qf_json_make_bool(found->ended == 0));
        qf_cli_print_json(&object);
        qf_arena_deinit(&arena);
        return;
    }
    printf("%s: %zu time-stamps, %zu renewals; every token is over its file\n",
           !checked           ? "CANNOT TELL"
           : found->ended > 0 ? "ENDED"
                              : "VALID",
           found->stamps, found->renewals);
    if (!checked)
        printf("  authorities  not checked: give their roots with --tsa-ca\n");
    if (found->stamps > 0) {
        qf_cli_time_text(text, found->first_ms);
        printf("  first        %s\n", text);
        qf_cli_time_text(text, found->last_ms);
        printf("  newest       %s, log of %llu\n", text, (unsigned long long)found->last_size);
    }
    if (found->until_ms != INT64_MAX) {
        qf_cli_time_text(text, found->until_ms);
        printf("  until        %s; before that they must be renewed\n", text);
    }
    if (found->late > 0)
        printf(
            "  late         %zu had ended when they were renewed: they show the renewal's time\n",
            found->late);
    if (found->ended > 0)
        printf("  ended        %zu are not renewed and show nothing any more\n", found->ended);
}

/* QF_CANNOT_TELL when nothing was given to check authorities with, or tokens have ended. */
static enum qf_status verify(struct command *c)
{
    struct qf_cli_stamps s;
    struct qf_stamps_found found;
    struct qf_cli_progress progress;
    enum qf_status status = qf_cli_stamps_open(&s, c->where, c->tsa_ca, &c->err);
    if (status != QF_OK) {
        qf_cli_stamps_close(&s);
        return status;
    }
    const struct qf_stamps_check check = {.trust = qf_cli_roots_trust(&s.roots),
                                          .progress = show_progress,
                                          .progress_arg = &progress};
    qf_cli_progress_start(&progress, "checking time-stamps", qf_stamps_count(s.stamps));
    status = qf_stamps_check(s.stamps, &check, &found, &c->err);
    qf_cli_progress_end(&progress, qf_stamps_count(s.stamps));
    bool checked = s.roots.count > 0;
    qf_cli_stamps_close(&s);
    if (status != QF_OK)
        return status;
    print_found(c, &found, checked);
    return found.stamps > 0 && (!checked || found.ended > 0) ? QF_CANNOT_TELL : QF_OK;
}

/* ---- now ---- */

static bool waits(const struct qf_fs *fs)
{
    struct qf_file *file = NULL;
    if (fs->open(fs->self, &file, QF_STAMPING_REQUEST, false) != QF_OK)
        return false;
    fs->close(fs->self, file);
    return true;
}

/* The node's answer: ok and a size, or a status and a reason. */
static enum qf_status take_answer(struct command *c, const struct qf_fs *fs)
{
    struct qf_buf text = {0};
    struct qf_arena arena = {0};
    enum qf_status status = qf_fs_read(fs, QF_STAMPING_ANSWER, QF_STAMPING_ANSWER_SIZE_MAX, &text);
    const char *first = qf_buf_text(&text);
    size_t size = strcspn(first, "\n");
    const char *second = first + size + (first[size] == '\n');
    int rest = (int)strcspn(second, "\n");
    if (status != QF_OK) {
        status = qf_fail(&c->err, status, "log/" QF_STAMPING_ANSWER, "cannot be read");
    } else if (size != 2 || strncmp(first, "ok", 2) != 0) {
        status = qf_fail(&c->err, QF_REFUSED, "stamps", "%.*s", rest < 200 ? rest : 200, second);
    } else if (c->json) {
        struct qf_json object = qf_json_make_object();
        qf_json_put(&arena, &object, "size", qf_json_make_int(strtoll(second, NULL, 10)));
        qf_cli_print_json(&object);
    } else {
        printf("time-stamped: the newest covers %.*s entries\n", rest, second);
    }
    qf_buf_deinit(&text);
    qf_arena_deinit(&arena);
    return status;
}

static enum qf_status now(struct command *c)
{
    struct qf_cli_stamps s;
    struct qf_cli_progress progress;
    const struct timespec pause = {.tv_nsec = 100000000};
    enum qf_status status = qf_cli_stamps_open(&s, c->where, c->tsa_ca, &c->err);
    if (status == QF_OK && s.config.stamps.tsa == NULL)
        status = qf_fail(&c->err, QF_REFUSED, "stamps", "node.yaml names no authority: set stamps");
    if (status == QF_OK && !qf_cli_node_runs(c->where))
        status = qf_fail(&c->err, QF_UNAVAILABLE, c->where,
                         "the node does not run; when it starts it stamps what has grown");
    if (status == QF_OK)
        status = s.log.make_dir(s.log.self, QF_STAMPS_FOLDER);
    if (status == QF_OK)
        status = qf_fs_replace(&s.log, QF_STAMPING_REQUEST, qf_slice_of("now\n"), false);
    if (status != QF_OK && c->err.status == QF_OK)
        (void)qf_fail(&c->err, status, "log/" QF_STAMPING_REQUEST, "cannot be written");
    if (status == QF_OK) {
        qf_cli_progress_start(&progress, "seconds waited for the authority", NOW_SECONDS);
        for (int i = 0; i < 10 * NOW_SECONDS && waits(&s.log); i++) {
            nanosleep(&pause, NULL);
            qf_cli_progress_show(&progress, (uint64_t)i / 10);
        }
        status = waits(&s.log) ? qf_fail(&c->err, QF_NETWORK, "stamps",
                                         "the node has not answered yet; see stamps in /v1/health")
                               : take_answer(c, &s.log);
    }
    qf_cli_stamps_close(&s);
    return status;
}

int qf_cmd_stamp(int argc, char **argv)
{
    struct command c = {0};
    const struct qf_cli_option options[] = {
        {"--tsa-ca", "FILE",
         "PEM of the roots of time-stamp authorities that you trust (default: those of node.yaml)",
         &c.tsa_ca, NULL},
        {"--key", "FILE", "URL: key file or pkcs11: URI that signs what is read", &c.reader.key,
         NULL},
        {"--passphrase-file", "F", "of the key file (or QIFENG_PASSPHRASE_FILE)",
         &c.reader.passphrase_file, NULL},
        {"--json", NULL, "print JSON", NULL, &c.json},
    };
    static const struct qf_cli_help help = {
        "qifeng stamp list DIR|URL | qifeng stamp verify DIR [--tsa-ca FILE] | qifeng stamp now "
        "DIR",
        "Time-stamps of a log's checkpoints (stamps in node.yaml; docs/OPERATIONS.md). list shows\n"
        "them as their tokens say; verify checks every file of the folder: tokens, authorities,\n"
        "renewals, and names the first that differs; now has the running node stamp what has "
        "grown\n"
        "and renew what is due without waiting for its time. That a stamped checkpoint is one of\n"
        "this log is what qifeng audit confirms. Exit status of verify: 0 valid, 1 not valid, 4\n"
        "cannot tell (no roots, or time-stamps have ended).",
        "  qifeng stamp list http://127.0.0.1:8700\n"
        "  qifeng stamp verify /var/lib/qifeng --tsa-ca tsa-roots.pem\n"
        "  qifeng stamp now /var/lib/qifeng\n"};
    int count;
    enum qf_exit code;
    if (!qf_cli_parse(&help, options, sizeof options / sizeof options[0], argc, argv, &count,
                      &code))
        return (int)code;
    const char *verb = count == 2 ? argv[0] : "";
    bool lists = strcmp(verb, "list") == 0;
    bool verifies = strcmp(verb, "verify") == 0;
    bool asks = strcmp(verb, "now") == 0;
    if (!lists && !verifies && !asks)
        return (int)qf_cli_usage("usage: %s", help.usage);
    c.where = argv[1];
    enum qf_status status = lists ? list(&c) : verifies ? verify(&c) : now(&c);
    if (status == QF_OK)
        return QF_EXIT_OK;
    if (verifies && status == QF_CANNOT_TELL && c.err.status == QF_OK)
        return QF_EXIT_CANNOT_TELL;
    if (verifies && status == QF_INVALID && c.json) {
        struct qf_arena arena = {0};
        struct qf_json object = qf_json_make_object();
        qf_json_put(&arena, &object, "detail", qf_json_make_text(c.err.detail));
        qf_json_put(&arena, &object, "field", qf_json_make_text(c.err.field));
        qf_json_put(&arena, &object, "valid", qf_json_make_bool(false));
        qf_cli_print_json(&object);
        qf_arena_deinit(&arena);
        return QF_EXIT_REFUSED;
    }
    if (verifies && status == QF_INVALID) {
        printf("NOT VALID: %s: %s\n", c.err.field, c.err.detail);
        return QF_EXIT_REFUSED;
    }
    return (int)qf_cli_error(&c.err);
}
