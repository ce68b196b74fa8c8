#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "api/http.h"
#include "codec/utf8.h"

#define PASSPHRASE_SIZE_MAX 4096

enum qf_exit qf_cli_exit(enum qf_status status)
{
    if (status == QF_OK)
        return QF_EXIT_OK;
    if (status == QF_USAGE)
        return QF_EXIT_USAGE;
    if (status == QF_CANNOT_TELL)
        return QF_EXIT_CANNOT_TELL;
    return status >= QF_UNAVAILABLE ? QF_EXIT_ENVIRONMENT : QF_EXIT_REFUSED;
}

/* One document on standard output, also when the answer is no. */
static struct {
    bool wanted, printed;
} json_output;

static void print_problem(const struct qf_error *err)
{
    struct qf_arena arena = {0};
    struct qf_json document = qf_json_make_object();
    qf_json_put(&arena, &document, "problem", qf_http_problem_json(&arena, err));
    qf_cli_print_json(&document);
    qf_arena_deinit(&arena);
}

enum qf_exit qf_cli_error(const struct qf_error *err)
{
    const char *text = err->detail[0] != '\0' ? err->detail : qf_status_title(err->status);
    fprintf(stderr, "qifeng: %s%s%s\n", err->field, err->field[0] != '\0' ? ": " : "", text);
    const char *cure = qf_status_cure(err->status);
    if (cure[0] != '\0')
        fprintf(stderr, "        %s\n", cure);
    if (json_output.wanted && !json_output.printed)
        print_problem(err);
    return qf_cli_exit(err->status);
}

enum qf_exit qf_cli_usage(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fprintf(stderr, "qifeng: ");
    vfprintf(stderr, fmt, args);
    fprintf(stderr, "\n");
    va_end(args);
    return QF_EXIT_USAGE;
}

static void print_help(const struct qf_cli_help *help, const struct qf_cli_option *options,
                       size_t count)
{
    printf("usage: %s\n\n%s\n", help->usage, help->about);
    if (count > 0)
        printf("\noptions:\n");
    for (size_t i = 0; i < count; i++) {
        char left[64];
        snprintf(left, sizeof left, "%s %s", options[i].name,
                 options[i].value != NULL ? options[i].value : "");
        printf("  %-28s %s\n", left, options[i].help);
    }
    if (help->examples != NULL)
        printf("\nexamples:\n%s", help->examples);
}

static struct {
    qf_cli_take_fn *take;
    void *arg;
} collector;

void qf_cli_collect(const struct qf_cli_command *command, qf_cli_take_fn *take, void *arg)
{
    char ask[] = "--help";
    char *argv[] = {ask, NULL};
    collector.take = take;
    collector.arg = arg;
    int code = command->run(1, argv);
    QF_ASSERT(code == QF_EXIT_OK);
    collector.take = NULL;
}

/* An option that may be given several times collects its values, a line each. Of another one a
 * second value would put the first aside unseen. */
static bool take_value(const struct qf_cli_option *option, const char *value, bool again)
{
    static char store[65536];
    static size_t used;
    size_t name = strlen(option->value);
    bool many = name > 3 && strcmp(option->value + name - 3, "...") == 0;
    if (!again) {
        *option->text = value;
        return true;
    }
    if (!many)
        return false;
    char *joined = store + used;
    int size = snprintf(joined, sizeof store - used, "%s\n%s", *option->text, value);
    if (size < 0 || (size_t)size >= sizeof store - used)
        return false;
    used += (size_t)size + 1;
    *option->text = joined;
    return true;
}

static const struct qf_cli_option *find_option(const struct qf_cli_option *options, size_t count,
                                               const char *name, size_t size)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(options[i].name) == size && memcmp(options[i].name, name, size) == 0)
            return &options[i];
    return NULL;
}

bool qf_cli_parse(const struct qf_cli_help *help, const struct qf_cli_option *options,
                  size_t option_count, int argc, char **argv, int *count, enum qf_exit *code)
{
    int kept = 0;
    bool ended = false;
    uint64_t given = 0;
    QF_ASSERT(option_count <= 64);
    for (int i = 0; i < argc; i++) {
        char *arg = argv[i];
        if (ended || arg[0] != '-' || arg[1] == '\0') {
            argv[kept++] = arg;
            continue;
        }
        if (strcmp(arg, "--") == 0) {
            ended = true;
            continue;
        }
        if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0) {
            if (collector.take != NULL)
                collector.take(collector.arg, help, options, option_count);
            else
                print_help(help, options, option_count);
            *code = QF_EXIT_OK;
            return false;
        }
        const char *equals = strchr(arg, '=');
        size_t size = equals != NULL ? (size_t)(equals - arg) : strlen(arg);
        if (strcmp(arg, "-o") == 0) {
            arg = (char *)(uintptr_t) "--output";
            size = strlen(arg);
        }
        const struct qf_cli_option *option = find_option(options, option_count, arg, size);
        if (option == NULL) {
            *code = qf_cli_usage("there is no option %s here; see --help", arg);
            return false;
        }
        if (option->value == NULL) {
            if (equals != NULL) {
                *code = qf_cli_usage("%s takes no value", option->name);
                return false;
            }
            *option->flag = true;
            json_output.wanted = json_output.wanted || strcmp(option->name, "--json") == 0;
            continue;
        }
        const char *value = equals != NULL ? equals + 1 : i + 1 < argc ? argv[++i] : NULL;
        if (value == NULL) {
            *code = qf_cli_usage("%s wants %s", option->name, option->value);
            return false;
        }
        uint64_t bit = 1ULL << (option - options);
        bool again = (given & bit) != 0;
        given |= bit;
        if (!take_value(option, value, again)) {
            *code = qf_cli_usage("%s stands there too often", option->name);
            return false;
        }
    }
    *count = kept;
    return true;
}

enum qf_status qf_cli_read(struct qf_arena *arena, const char *path, size_t size_max,
                           struct qf_slice *out, struct qf_error *err)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rbe");
    if (file == NULL)
        return qf_fail(err, QF_IO, path, "cannot be read: %s", strerrordesc_np(errno));
    struct qf_buf buf;
    qf_buf_init(&buf, size_max);
    enum qf_status status = QF_OK;
    for (;;) {
        uint8_t part[65536];
        size_t got = fread(part, 1, sizeof part, file);
        qf_buf_put(&buf, part, got);
        if (got < sizeof part || buf.failed)
            break;
    }
    if (ferror(file))
        status = qf_fail(err, QF_IO, path, "cannot be read: %s", strerrordesc_np(errno));
    else if (qf_buf_status(&buf) != QF_OK)
        status = qf_fail(err, QF_OVER_LIMIT, path, "is over %zu bytes", size_max);
    if (status == QF_OK)
        *out = qf_arena_copy(arena, qf_buf_slice(&buf));
    qf_buf_deinit(&buf);
    if (file != stdin)
        fclose(file);
    return status;
}

enum qf_status qf_cli_write(const char *path, struct qf_slice bytes, struct qf_error *err)
{
    FILE *file = strcmp(path, "-") == 0 ? stdout : fopen(path, "wbe");
    if (file == NULL)
        return qf_fail(err, QF_IO, path, "cannot be written: %s", strerrordesc_np(errno));
    bool good = bytes.size == 0 || fwrite(bytes.data, 1, bytes.size, file) == bytes.size;
    good = (file == stdout ? fflush(file) : fclose(file)) == 0 && good;
    return good ? QF_OK
                : qf_fail(err, QF_IO, path, "cannot be written: %s", strerrordesc_np(errno));
}

enum qf_status qf_cli_passphrase(struct qf_arena *arena, const char *file, struct qf_slice *out,
                                 bool *none, struct qf_error *err)
{
    /* Read once at the start of a command, before there are threads. */
    if (file == NULL)
        file = getenv("QIFENG_PASSPHRASE_FILE"); /* NOLINT(concurrency-mt-unsafe) */
    *none = file == NULL;
    *out = (struct qf_slice){0};
    if (file == NULL)
        return QF_OK;
    enum qf_status status = qf_cli_read(arena, file, PASSPHRASE_SIZE_MAX, out, err);
    while (status == QF_OK && out->size > 0 &&
           (out->data[out->size - 1] == '\n' || out->data[out->size - 1] == '\r'))
        out->size--;
    if (status == QF_OK && out->size == 0)
        status = qf_fail(err, QF_PASSPHRASE, file, "the passphrase file is empty");
    return status;
}

void qf_cli_print_json(const struct qf_json *value)
{
    struct qf_buf text = {0};
    struct qf_buf out = {0};
    qf_json_write(&text, value);
    /* Names of files are bytes; what is no character is shown as U+FFFD. */
    const uint8_t *end = text.data + text.size;
    for (const uint8_t *at = text.data; at < end;) {
        size_t size = qf_utf8_size(at, end);
        if (size == 0)
            qf_buf_put_text(&out, "\xef\xbf\xbd");
        else
            qf_buf_put(&out, at, size);
        at += size == 0 ? 1 : size;
    }
    qf_buf_put_byte(&out, '\n');
    fwrite(out.data, 1, out.size, stdout);
    fflush(stdout);
    json_output.printed = true;
    qf_buf_deinit(&out);
    qf_buf_deinit(&text);
}

enum qf_exit qf_cli_finish(int code)
{
    bool failed = fflush(stdout) != 0;
    int reason = errno;
    if (!failed && ferror(stdout) == 0)
        return (enum qf_exit)code;
    /* Who reads no more, as head does, has what he wanted. */
    struct pollfd reader = {.fd = STDOUT_FILENO, .events = POLLOUT};
    if (poll(&reader, 1, 0) == 1 && (reader.revents & POLLERR) != 0)
        return (enum qf_exit)code;
    fprintf(stderr, "qifeng: standard output: not all could be written%s%s\n", failed ? ": " : "",
            failed ? strerrordesc_np(reason) : "");
    return code == QF_EXIT_OK ? QF_EXIT_ENVIRONMENT : (enum qf_exit)code;
}

static int64_t monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void qf_cli_progress_start(struct qf_cli_progress *progress, const char *what, uint64_t total)
{
    *progress =
        (struct qf_cli_progress){.what = what, .total = total, .started_ms = monotonic_ms()};
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): as above */
    if (!isatty(STDERR_FILENO) && getenv("QIFENG_PROGRESS") == NULL)
        progress->shown_ms = INT64_MAX;
}

void qf_cli_progress_show(struct qf_cli_progress *progress, uint64_t done)
{
    if (progress->shown_ms == INT64_MAX)
        return;
    int64_t now = monotonic_ms();
    if (now - progress->started_ms < 2000 || now - progress->shown_ms < 250)
        return;
    progress->shown_ms = now;
    double seconds = (double)(now - progress->started_ms) / 1000.0;
    fprintf(stderr, "\r%s: %llu", progress->what, (unsigned long long)done);
    if (progress->total > 0)
        fprintf(stderr, " of %llu (%llu %%)", (unsigned long long)progress->total,
                (unsigned long long)(done * 100 / progress->total));
    fprintf(stderr, ", %.0f a second   ", (double)done / seconds);
}

void qf_cli_progress_end(struct qf_cli_progress *progress, uint64_t done)
{
    if (progress->shown_ms == INT64_MAX || progress->shown_ms == 0)
        return;
    progress->shown_ms = 0;
    qf_cli_progress_show(progress, done);
    fprintf(stderr, "\n");
}

bool qf_cli_node_runs(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool runs = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    if (fd >= 0)
        close(fd);
    return runs;
}
