#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "api/webhook/sign.h"
#include "api/webhook/state.h"
#include "base/bytes.h"
#include "cli/cli.h"
#include "codec/text.h"
#include "codec/time.h"
#include "node/config.h"

#define GENESIS_SIZE_MAX (4u << 20)
#define SECRET_SIZE 32
#define TAKE_UP_MS 5000 /* for a running node to do what is asked */

struct webhooks {
    struct qf_arena arena;
    const char *dir;
    const char *from;
    const char *passphrase_file;
    struct qf_slice passphrase;
    struct qf_config config;
    struct qf_fs fs; /* the folder of positions */
    bool running;    /* a node serves the folder */
    bool json, add;
    struct qf_error err;
};

static enum qf_status load(struct webhooks *w)
{
    char *folder = qf_arena_printf(&w->arena, "%s/webhooks", w->dir);
    bool none;
    struct stat info;
    if (stat(w->dir, &info) != 0 || !S_ISDIR(info.st_mode))
        return qf_fail(&w->err, QF_IO, w->dir, "is no folder that can be read");
    enum qf_status status = qf_config_load(&w->arena, &w->config, w->dir, &w->err);
    if (status == QF_OK)
        status = qf_cli_passphrase(&w->arena, w->passphrase_file, &w->passphrase, &none, &w->err);
    if (status != QF_OK)
        return status;
    w->running = qf_cli_node_runs(w->dir);
    if (mkdir(folder, 0750) != 0 && errno != EEXIST)
        return qf_fail(&w->err, QF_IO, folder, "%s", strerrordesc_np(errno));
    return qf_fs_posix_init(&w->fs, folder, &w->err);
}

static const struct qf_webhook_options *find(struct webhooks *w, const char *id)
{
    for (size_t i = 0; i < w->config.webhook_count; i++)
        if (strcmp(w->config.webhooks[i].id, id) == 0)
            return &w->config.webhooks[i];
    (void)qf_fail(&w->err, QF_REFUSED, id, "node.yaml has no webhook of this id");
    return NULL;
}

/* ---- list ---- */

static const char *format_time(struct webhooks *w, int64_t ms)
{
    char *text = qf_arena_zalloc(&w->arena, QF_TIME_TEXT_SIZE + 1);
    qf_time_format(text, ms);
    return text;
}

static const char *list_text(struct webhooks *w, const struct qf_slice *texts, size_t count)
{
    const char *out = "";
    for (size_t i = 0; i < count; i++)
        out =
            qf_arena_printf(&w->arena, "%s%s%.*s", out, i > 0 ? ", " : "", QF_SLICE_ARGS(texts[i]));
    return out;
}

/* Without the query, where addresses like to carry tokens. */
static const char *plain_url(struct webhooks *w, const char *url)
{
    return qf_arena_text(&w->arena, qf_slice_make(url, strcspn(url, "?")));
}

static const char *explain(struct webhooks *w, const struct qf_webhook_state *state,
                           enum qf_status status)
{
    if (status == QF_NOT_FOUND)
        return "new: it begins when the node starts";
    if (status != QF_OK)
        return "disabled: its position file cannot be read; say where to go on (enable --from)";
    if (state->stop != QF_WEBHOOK_RUNS)
        return qf_arena_printf(&w->arena, "disabled: %s%s%s", qf_webhook_stop_meaning(state->stop),
                               state->reason[0] != '\0' ? "; last: " : "", state->reason);
    if (state->failures > 0)
        return qf_arena_printf(&w->arena,
                               "waiting: %u attempts in a row failed, since %s; last: %s; next "
                               "attempt %s",
                               state->failures, format_time(w, state->failing_since_ms),
                               state->reason, format_time(w, state->next_ms));
    return state->leaf < state->log_size ? "delivering" : "idle: everything was delivered";
}

static const char *signs_with(struct webhooks *w, const struct qf_webhook_options *hook)
{
    struct qf_webhook_secrets secrets = {0};
    struct qf_private_key *key = NULL;
    struct qf_public_key public;
    struct qf_error err = {0};
    struct qf_buf text = {0};
    if (hook->secret != NULL && qf_webhook_secrets_load(&secrets, hook->secret, &err) != QF_OK)
        qf_buf_printf(&text, "nothing: %s: %s", err.field, err.detail);
    else if (secrets.count > 0)
        qf_buf_printf(&text, "v1 (%zu secret%s)", secrets.count, secrets.count == 1 ? "" : "s");
    qf_webhook_secrets_wipe(&secrets);
    if (hook->key != NULL && qf_webhook_load_key(&key, hook, w->passphrase, &err) == QF_OK) {
        qf_private_key_public(key, &public);
        qf_buf_printf(&text, "%sv1a (", text.size > 0 ? ", " : "");
        qf_webhook_put_public_key(&text, &public);
        qf_buf_put_byte(&text, ')');
        qf_private_key_free(key);
    } else if (hook->key != NULL) {
        qf_buf_printf(&text, "%sno v1a: %s: %s", text.size > 0 ? ", " : "", err.field, err.detail);
    }
    const char *out = qf_arena_text(&w->arena, qf_buf_slice(&text));
    qf_buf_deinit(&text);
    return out;
}

static struct qf_json describe(struct webhooks *w, const struct qf_webhook_options *hook)
{
    struct qf_arena *arena = &w->arena;
    struct qf_webhook_state state;
    struct qf_error err = {0};
    struct qf_json object = qf_json_make_object();
    enum qf_status status = qf_webhook_state_load(&state, &w->fs, hook->id, &err);
    uint64_t lag = state.log_size > state.leaf ? state.log_size - state.leaf : 0;
    qf_json_put(arena, &object, "disabled",
                qf_json_make_bool(status != QF_NOT_FOUND &&
                                  (status != QF_OK || state.stop != QF_WEBHOOK_RUNS)));
    qf_json_put(arena, &object, "events",
                qf_json_make_text(list_text(w, hook->events, hook->event_count)));
    qf_json_put(arena, &object, "failures", qf_json_make_int(state.failures));
    qf_json_put(arena, &object, "id", qf_json_make_text(hook->id));
    qf_json_put(arena, &object, "lag", qf_json_make_int((int64_t)lag));
    qf_json_put(arena, &object, "last", qf_json_make_int(state.last_ms));
    qf_json_put(arena, &object, "last_status", qf_json_make_int(state.last_status));
    qf_json_put(arena, &object, "members",
                qf_json_make_text(list_text(w, hook->members, hook->member_count)));
    qf_json_put(arena, &object, "position", qf_json_make_int((int64_t)state.leaf));
    qf_json_put(arena, &object, "signs", qf_json_make_text(signs_with(w, hook)));
    qf_json_put(arena, &object, "state", qf_json_make_text(explain(w, &state, status)));
    qf_json_put(arena, &object, "url", qf_json_make_text(plain_url(w, hook->url)));
    return object;
}

static void print_line(const char *name, const struct qf_json *object, const char *key,
                       const char *none)
{
    struct qf_slice text = qf_json_text(qf_json_get(object, key));
    printf("  %-9s %.*s\n", name, QF_SLICE_ARGS(text.size > 0 ? text : qf_slice_of(none)));
}

static enum qf_status list(struct webhooks *w)
{
    struct qf_json items = qf_json_make_array();
    for (size_t i = 0; i < w->config.webhook_count; i++)
        qf_json_append(&w->arena, &items, describe(w, &w->config.webhooks[i]));
    if (w->json) {
        struct qf_json object = qf_json_make_object();
        qf_json_put(&w->arena, &object, "items", items);
        qf_json_put(&w->arena, &object, "running", qf_json_make_bool(w->running));
        qf_cli_print_json(&object);
        return QF_OK;
    }
    if (items.count == 0)
        printf("node.yaml lists no webhooks; docs/OPERATIONS.md has an example.\n");
    for (uint32_t i = 0; i < items.count; i++) {
        const struct qf_json *item = &items.items[i];
        printf("%s\n", w->config.webhooks[i].id);
        print_line("to", item, "url", "");
        print_line("events", item, "events", "all");
        print_line("members", item, "members", "all");
        print_line("signs", item, "signs", "nothing");
        print_line("state", item, "state", "");
        printf("  %-9s entry %lld, %lld more wait\n", "position",
               (long long)qf_json_get(item, "position")->integer,
               (long long)qf_json_get(item, "lag")->integer);
    }
    if (items.count > 0 && !w->running)
        printf("The node does not run: nothing is delivered.\n");
    return QF_OK;
}

/* ---- test ---- */

static enum qf_status try_it(struct webhooks *w, const char *id)
{
    const struct qf_webhook_options *hook = find(w, id);
    struct qf_slice text;
    struct qf_slice network;
    struct qf_json genesis;
    int http = 0;
    if (hook == NULL)
        return w->err.status;
    enum qf_status status =
        qf_cli_read(&w->arena, qf_arena_printf(&w->arena, "%s/genesis.json", w->dir),
                    GENESIS_SIZE_MAX, &text, &w->err);
    if (status == QF_OK)
        status = qf_json_parse(&w->arena, &genesis, text, QF_JSON_ANY, &w->err);
    if (status == QF_OK)
        status = qf_json_get_text(&genesis, "network", &network, &w->err);
    if (status != QF_OK)
        return status;
    struct qf_clock clock = qf_clock_system();
    const struct qf_webhook_trial trial = {.webhook = hook,
                                           .passphrase = w->passphrase,
                                           .network = qf_arena_text(&w->arena, network),
                                           .clock = clock,
                                           .random = qf_random_system()};
    int64_t started_ms = clock.now_ms(clock.self);
    status = qf_webhook_try(&trial, &http, &w->err);
    if (status != QF_OK)
        return status;
    int64_t took_ms = clock.now_ms(clock.self) - started_ms;
    bool taken = http >= 200 && http < 300;
    if (w->json) {
        struct qf_json object = qf_json_make_object();
        qf_json_put(&w->arena, &object, "id", qf_json_make_text(id));
        qf_json_put(&w->arena, &object, "ms", qf_json_make_int(took_ms));
        qf_json_put(&w->arena, &object, "status", qf_json_make_int(http));
        qf_json_put(&w->arena, &object, "taken", qf_json_make_bool(taken));
        qf_cli_print_json(&object);
    } else if (taken) {
        printf("%s took an event of type qifeng.webhook.test: it answered %d after %lld ms.\n", id,
               http, (long long)took_ms);
    }
    return taken ? QF_OK
                 : qf_fail(&w->err, QF_REFUSED, id, "the receiver answered %d%s", http,
                           http >= 300 && http < 400 ? "; redirects are not followed, correct url"
                           : http == 401             ? "; does it have the same secret?"
                                                     : "");
}

/* ---- enable ---- */

static enum qf_status parse_from(struct webhooks *w, struct qf_webhook_request *request)
{
    *request = (struct qf_webhook_request){.moves = w->from != NULL};
    if (w->from == NULL)
        return QF_OK;
    request->to_end = strcmp(w->from, "now") == 0;
    size_t size = strlen(w->from);
    if (!request->to_end && (size == 0 || size > 15 || strspn(w->from, "0123456789") != size))
        return qf_fail(&w->err, QF_USAGE, "--from", "want now, or the number of an entry");
    for (const char *c = w->from; !request->to_end && *c != '\0'; c++)
        request->leaf = request->leaf * 10 + (uint64_t)(*c - '0');
    return QF_OK;
}

/* Whether a running node did what was asked. */
static bool taken_up(struct webhooks *w, const char *id)
{
    const struct timespec pause = {.tv_nsec = 50000000};
    for (int i = 0; i < TAKE_UP_MS / 50 && qf_webhook_request_waits(&w->fs, id); i++)
        nanosleep(&pause, NULL);
    return !qf_webhook_request_waits(&w->fs, id);
}

static enum qf_status enable(struct webhooks *w, const char *id)
{
    struct qf_webhook_state state;
    struct qf_webhook_request request;
    if (find(w, id) == NULL)
        return w->err.status;
    enum qf_status status = parse_from(w, &request);
    if (status != QF_OK)
        return status;
    status = qf_webhook_state_load(&state, &w->fs, id, NULL);
    bool lost = (status != QF_OK && status != QF_NOT_FOUND) || state.stop == QF_WEBHOOK_LOST ||
                state.stop == QF_WEBHOOK_AHEAD;
    if (lost && !request.moves)
        return qf_fail(&w->err, QF_USAGE, "--from",
                       "its position is not known: say where it goes on, an entry or now");
    status = qf_webhook_request_save(&request, &w->fs, id);
    if (status != QF_OK)
        return qf_fail(&w->err, status, w->dir, "the request cannot be written into webhooks/");
    bool done = w->running && taken_up(w, id);
    if (done) {
        status = qf_webhook_state_load(&state, &w->fs, id, &w->err);
        if (status != QF_OK)
            return status;
        if (state.stop == QF_WEBHOOK_AHEAD || state.stop == QF_WEBHOOK_LOST ||
            (request.moves && !request.to_end && request.leaf > state.log_size))
            return qf_fail(&w->err, QF_REFUSED, "--from", "the log has only %llu entries",
                           (unsigned long long)state.log_size);
    }
    if (w->json) {
        struct qf_json object = qf_json_make_object();
        qf_json_put(&w->arena, &object, "done", qf_json_make_bool(done));
        qf_json_put(&w->arena, &object, "id", qf_json_make_text(id));
        if (done)
            qf_json_put(&w->arena, &object, "position", qf_json_make_int((int64_t)state.leaf));
        qf_cli_print_json(&object);
    } else if (done) {
        printf("%s goes on with entry %llu.\n", id, (unsigned long long)state.leaf);
    } else {
        printf("%s goes on when the node starts%s.\n", id,
               w->running ? " again: the one that runs does not have it" : "");
    }
    return QF_OK;
}

/* ---- secret ---- */

static enum qf_status write_secret(struct webhooks *w, const char *path, struct qf_slice bytes)
{
    const char *draft = w->add ? qf_arena_printf(&w->arena, "%s.new", path) : path;
    int fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && errno == EEXIST)
        return qf_fail(&w->err, QF_EXISTS, draft, "is there already%s",
                       w->add ? "" : "; --add puts a further secret into it");
    if (fd < 0)
        return qf_fail(&w->err, QF_IO, draft, "%s", strerrordesc_np(errno));
    bool good = write(fd, bytes.data, bytes.size) == (ssize_t)bytes.size && fsync(fd) == 0;
    int reason = errno;
    good = close(fd) == 0 && good;
    if (good && w->add)
        good = rename(draft, path) == 0;
    if (good)
        return QF_OK;
    unlink(draft);
    return qf_fail(&w->err, QF_IO, draft, "cannot be written: %s", strerrordesc_np(reason));
}

static enum qf_status make_secret(struct webhooks *w, const char *path)
{
    struct qf_webhook_secrets secrets = {0};
    uint8_t bytes[SECRET_SIZE];
    char text[QF_BASE64_SIZE(QF_WEBHOOK_SECRET_SIZE_MAX)];
    struct qf_buf out = {0};
    struct qf_random random = qf_random_system();
    enum qf_status status = QF_OK;
    if (w->add)
        status = qf_webhook_secrets_load(&secrets, path, &w->err);
    if (status == QF_OK && secrets.count == QF_WEBHOOK_SECRETS_MAX)
        status = qf_fail(&w->err, QF_OVER_LIMIT, path, "at most %d secrets; take an old one out",
                         QF_WEBHOOK_SECRETS_MAX);
    if (status == QF_OK && random.fill(random.self, bytes, sizeof bytes) != QF_OK)
        status = qf_fail(&w->err, QF_CRYPTO, "", "no random numbers");
    if (status == QF_OK) {
        struct qf_webhook_secret *added = &secrets.items[secrets.count++];
        added->size = sizeof bytes;
        memcpy(added->bytes, bytes, sizeof bytes);
    }
    (void)qf_buf_reserve(&out, QF_WEBHOOK_SECRETS_SIZE_MAX); /* never moved: it is wiped below */
    for (size_t i = 0; i < secrets.count; i++) {
        struct qf_slice secret = {secrets.items[i].bytes, secrets.items[i].size};
        qf_base64_encode(text, secret);
        qf_buf_put_text(&out, "whsec_");
        qf_buf_put(&out, text, QF_BASE64_SIZE(secret.size));
        qf_buf_put_byte(&out, '\n');
    }
    if (status == QF_OK)
        status = write_secret(w, path, qf_buf_slice(&out));
    if (out.data != NULL)
        qf_wipe(out.data, out.size);
    qf_buf_deinit(&out);
    qf_wipe(text, sizeof text);
    qf_wipe(bytes, sizeof bytes);
    size_t count = secrets.count;
    qf_webhook_secrets_wipe(&secrets);
    if (status != QF_OK)
        return status;
    if (w->json) {
        struct qf_json object = qf_json_make_object();
        qf_json_put(&w->arena, &object, "file", qf_json_make_text(path));
        qf_json_put(&w->arena, &object, "secrets", qf_json_make_int((int64_t)count));
        qf_cli_print_json(&object);
    } else {
        printf("%s holds %zu secret%s. Give its last line to the receiver, over a way that nobody "
               "else reads.\n",
               path, count, count == 1 ? "" : "s");
    }
    return QF_OK;
}

int qf_cmd_webhook(int argc, char **argv)
{
    struct webhooks w = {0};
    const struct qf_cli_option options[] = {
        {"--from", "ENTRY",
         "enable: go on with this entry of the log, or (now) with what comes next", &w.from, NULL},
        {"--add", NULL, "secret: a further secret in a file that is there", NULL, &w.add},
        {"--passphrase-file", "F", "of the key files (or QIFENG_PASSPHRASE_FILE)",
         &w.passphrase_file, NULL},
        {"--json", NULL, "print JSON", NULL, &w.json},
    };
    static const struct qf_cli_help help = {
        "qifeng webhook list DIR | qifeng webhook test|enable DIR ID | qifeng webhook secret FILE",
        "Webhooks of a node (node.yaml lists them). list shows where each stands and why it "
        "waits;\n"
        "test sends one event of type qifeng.webhook.test and says what the receiver answered;\n"
        "enable has one go on that was disabled, or tried again at once; with --from elsewhere in\n"
        "the log, back or ahead. secret makes a file with a secret to sign with. While the secret "
        "is\n"
        "changed, --add puts the new one beside the old one, and both sign.",
        "  qifeng webhook secret /var/lib/qifeng/keys/archive.secret\n"
        "  qifeng webhook list /var/lib/qifeng\n"
        "  qifeng webhook test /var/lib/qifeng archive\n"
        "  qifeng webhook enable /var/lib/qifeng archive --from 1200\n"};
    int count;
    enum qf_exit code;
    if (!qf_cli_parse(&help, options, sizeof options / sizeof options[0], argc, argv, &count,
                      &code))
        return (int)code;
    const char *verb = count > 0 ? argv[0] : "";
    bool lists = strcmp(verb, "list") == 0 && count == 2;
    bool tries = strcmp(verb, "test") == 0 && count == 3;
    bool enables = strcmp(verb, "enable") == 0 && count == 3;
    bool makes = strcmp(verb, "secret") == 0 && count == 2;
    if ((!lists && !tries && !enables && !makes) || (w.from != NULL && !enables) ||
        (w.add && !makes))
        return (int)qf_cli_usage("usage: %s", help.usage);
    w.dir = argv[1];
    enum qf_status status = makes ? make_secret(&w, argv[1]) : load(&w);
    if (status == QF_OK && lists)
        status = list(&w);
    if (status == QF_OK && tries)
        status = try_it(&w, argv[2]);
    if (status == QF_OK && enables)
        status = enable(&w, argv[2]);
    qf_wipe((void *)(uintptr_t)w.passphrase.data, w.passphrase.size);
    if (w.fs.self != NULL)
        qf_fs_posix_deinit(&w.fs);
    qf_arena_deinit(&w.arena);
    return status == QF_OK ? QF_EXIT_OK : (int)qf_cli_error(&w.err);
}
