/* qifeng bench NAME: hands over to the benchmark program, which is built beside this one and
 * installed under libexec. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/cli.h"

#define ARGUMENTS_MAX 16

int qf_cmd_bench(int argc, char **argv)
{
    static const char *const places[] = {"bench/qifeng-bench", "../libexec/qifeng/qifeng-bench"};
    char self[1024];
    char path[1200];
    char *arguments[ARGUMENTS_MAX + 2];
    const char *runs = NULL;
    bool json = false;
    bool quick = false;
    const struct qf_cli_option options[] = {
        {"--json", NULL, "print JSON", NULL, &json},
        {"--quick", NULL, "short runs, for a look", NULL, &quick},
        {"--runs", "N", "how often; the median counts", &runs, NULL},
    };
    static const struct qf_cli_help help = {
        "qifeng bench NAME [--json] [--quick] [--runs N]",
        "Measures this program and prints figures as ratios to a base of the same run.",
        "  qifeng bench ledger --json\n"};
    int count;
    enum qf_exit code;
    for (int i = 0; i < argc; i++)
        if ((strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) &&
            !qf_cli_parse(&help, options, sizeof options / sizeof options[0], argc, argv, &count,
                          &code))
            return (int)code;
    ssize_t size = readlink("/proc/self/exe", self, sizeof self - 1);
    if (size <= 0 || argc > ARGUMENTS_MAX)
        return (int)qf_cli_usage("usage: %s", help.usage);
    self[size] = '\0';
    /* What it measures is this program. */
    setenv("QIFENG", self, 0); /* NOLINT(concurrency-mt-unsafe): there are no threads yet */
    char *slash = strrchr(self, '/');
    QF_ASSERT(slash != NULL);
    for (int i = 0; i < argc; i++)
        arguments[i + 1] = argv[i];
    arguments[argc + 1] = NULL;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        snprintf(path, sizeof path, "%.*s/%s", (int)(slash - self), self, places[i]);
        arguments[0] = path;
        execv(path, arguments);
    }
    struct qf_error err;
    (void)qf_fail(&err, QF_IO, "qifeng-bench", "is not here (%s); build with make bench",
                  strerrordesc_np(errno));
    return (int)qf_cli_error(&err);
}
