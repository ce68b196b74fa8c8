#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "cli/cli.h"
#include "node/node.h"

static bool parse_verifier(const char *text, enum qf_verifier_kind *out)
{
    static const char *const names[] = {"auto", "openssl", "fast"};
    for (int i = 0; i < 3; i++)
        if (strcmp(text, names[i]) == 0) {
            *out = (enum qf_verifier_kind)i;
            return true;
        }
    return false;
}

int qf_cli_serve(struct qf_node *node)
{
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGINT);
    struct qf_error reason = {0};
    for (;;) {
        const struct timespec wait = {.tv_sec = 1};
        if (sigtimedwait(&stop, NULL, &wait) > 0)
            return QF_EXIT_OK;
        if (qf_node_halted(node, &reason))
            return (int)qf_cli_error(&reason);
    }
}

void qf_cli_block_signals(void)
{
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGINT);
    pthread_sigmask(SIG_BLOCK, &stop, NULL);
}

/* A node lives long and hands buffers from thread to thread: few arenas, and large buffers given
 * back when they are freed, keep what it holds near what it uses. */
static void set_up_memory(void)
{
    /* Before the first thread starts. */
    mallopt(M_ARENA_MAX, 2);              /* NOLINT(concurrency-mt-unsafe) */
    mallopt(M_MMAP_THRESHOLD, 512 << 10); /* NOLINT(concurrency-mt-unsafe) */
    mallopt(M_TRIM_THRESHOLD, 8 << 20);   /* NOLINT(concurrency-mt-unsafe) */
}

static void print_ready(const char *url, bool json)
{
    if (!json) {
        printf("ready %s\n", url);
        fflush(stdout);
        return;
    }
    struct qf_arena arena = {0};
    struct qf_json object = qf_json_make_object();
    qf_json_put(&arena, &object, "ready", qf_json_make_text(url));
    qf_cli_print_json(&object);
    qf_arena_deinit(&arena);
}

int qf_cmd_node(int argc, char **argv)
{
    const char *listen = NULL;
    const char *passphrase_file = NULL;
    const char *verifier = "auto";
    const char *archive = NULL;
    bool no_rate_limit = false;
    bool json = false;
    const struct qf_cli_option options[] = {
        {"--listen", "HOST:PORT", "where to serve (default: as node.yaml says)", &listen, NULL},
        {"--passphrase-file", "F", "of the key files (or QIFENG_PASSPHRASE_FILE)", &passphrase_file,
         NULL},
        {"--verifier", "auto|openssl|fast", "how signatures are checked (default auto)", &verifier,
         NULL},
        {"--archive", "FOLDER", "where qifeng archive moved full tiles to", &archive, NULL},
        {"--no-rate-limit", NULL, "any number of transactions from one key", NULL, &no_rate_limit},
        {"--json", NULL, "print the ready line as JSON", NULL, &json},
    };
    static const struct qf_cli_help help = {
        "qifeng node DIR [options]",
        "Serves a data directory until SIGTERM. Prints `ready URL` once it answers.",
        "  qifeng node /var/lib/qifeng --listen 0.0.0.0:8700 --passphrase-file /etc/qifeng/pass\n"};
    int count;
    enum qf_exit code;
    if (!qf_cli_parse(&help, options, sizeof options / sizeof options[0], argc, argv, &count,
                      &code))
        return (int)code;
    struct qf_node_options node_options = {.listen = listen, .no_rate_limit = no_rate_limit};
    if (count != 1)
        return (int)qf_cli_usage("usage: %s", help.usage);
    if (!parse_verifier(verifier, &node_options.verifier))
        return (int)qf_cli_usage("--verifier is auto, openssl or fast, not %s", verifier);
    node_options.dir = argv[0];
    node_options.archive = archive;
    struct qf_arena arena = {0};
    struct qf_error err = {0};
    struct qf_node *node = NULL;
    bool none;
    qf_cli_block_signals();
    set_up_memory();
    enum qf_status status =
        qf_cli_passphrase(&arena, passphrase_file, &node_options.passphrase, &none, &err);
    if (status == QF_OK)
        status = qf_node_start(&node, &node_options, &err);
    qf_arena_deinit(&arena);
    if (status != QF_OK)
        return (int)qf_cli_error(&err);
    uint64_t replayed = qf_ledger_replayed(qf_node_ledger(node));
    if (replayed > 0)
        fprintf(stderr, "qifeng: %llu transactions applied again\n", (unsigned long long)replayed);
    print_ready(qf_node_url(node), json);
    int result = qf_cli_serve(node);
    qf_node_stop(node);
    return result;
}
