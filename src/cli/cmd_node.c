#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "node/node.h"

#define ARGUMENTS_MAX 32
/* Two segments of the journal, and what is written besides until somebody has looked. */
#define SPACE_TO_GO_ON (96ULL << 20)
#define FILES_TO_GO_ON 100

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

/* Whether there is space again for journal, tiles and state to go on with. */
static bool has_space(const char *dir)
{
    struct statvfs disk;
    return statvfs(dir, &disk) == 0 && (uint64_t)disk.f_bavail * disk.f_frsize >= SPACE_TO_GO_ON &&
           (disk.f_files == 0 || disk.f_favail >= FILES_TO_GO_ON);
}

int qf_cli_serve(struct qf_node *node, const char *dir)
{
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGINT);
    struct qf_error reason = {0};
    int code = QF_EXIT_OK;
    for (;;) {
        const struct timespec wait = {.tv_sec = 1};
        if (sigtimedwait(&stop, NULL, &wait) > 0)
            return code;
        if (!qf_node_halted(node, &reason))
            continue;
        bool first = code == QF_EXIT_OK;
        if (first)
            code = (int)qf_cli_error(&reason);
        /* Only space comes back by itself; and where there is some, it was not that. */
        if (dir == NULL || reason.status != QF_NO_SPACE || (first && has_space(dir)))
            return code;
        if (first)
            fprintf(stderr,
                    "qifeng: reads are answered; goes on by itself with %llu MB free in %s\n",
                    SPACE_TO_GO_ON >> 20, dir);
        else if (has_space(dir))
            return QF_CLI_AGAIN;
    }
}

/* The program once more, in the same process: after a failed write only a start can tell what is on
 * disk. Under the same address, also where the system chose the port. Returns when that fails. */
static void start_again(const char *url, int argc, char **argv)
{
    char *again[ARGUMENTS_MAX + 6];
    char command[] = "node";
    char name[] = "qifeng";
    char option[] = "--listen";
    char listen[300];
    int count = 0;
    snprintf(listen, sizeof listen, "%s", strstr(url, "://") + 3);
    again[count++] = name;
    again[count++] = command;
    again[count++] = option;
    again[count++] = listen;
    for (int i = 0; i < argc; i++)
        if (strcmp(argv[i], option) == 0)
            i++;
        else if (strncmp(argv[i], "--listen=", 9) != 0)
            again[count++] = argv[i];
    again[count] = NULL;
    fprintf(stderr, "qifeng: there is space again, starting\n");
    execv("/proc/self/exe", again);
    fprintf(stderr, "qifeng: cannot start again: %s\n", strerrordesc_np(errno));
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
    char *given[ARGUMENTS_MAX]; /* parsing reorders argv */
    int given_count = argc;
    if (argc > ARGUMENTS_MAX)
        return (int)qf_cli_usage("usage: %s", help.usage);
    memcpy(given, argv, (size_t)argc * sizeof *given);
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
    int result = qf_cli_serve(node, node_options.dir);
    char *url = NULL; /* outlives the node */
    if (result == QF_CLI_AGAIN)
        url = qf_arena_text(&arena, qf_slice_of(qf_node_url(node)));
    qf_node_stop(node);
    if (url != NULL) {
        start_again(url, given_count, given);
        result = QF_EXIT_ENVIRONMENT;
    }
    qf_arena_deinit(&arena);
    return result;
}
