/* qifeng-bench NAME [--json] [--quick] [--runs N] [--folder DIR] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "benches.h"

static const struct {
    const char *name;
    bench_fn *run;
    const char *what;
} benches[] = {
    {"growth", bench_growth, "the ledger as it grows to five million transactions"},
    {"ingest", bench_ingest, "signed transactions over HTTP, for comparisons"},
    {"kernel", bench_kernel, "decoding, letting in and applying a transaction, one core"},
    {"ledger", bench_ledger, "signed transactions end to end over HTTP"},
    {"merkle", bench_merkle, "the state tree as it grows, one core"},
    {"rules", bench_rules, "decisions and expressions, compiled, one core"},
    {"services", bench_services, "cases and tasks end to end over HTTP"},
    {"store", bench_store, "the store alone: journal, state as it grows, tiles and proofs"},
    {"verify", bench_verify, "signatures by known and unknown keys against OpenSSL, one core"},
};
#define BENCH_COUNT (sizeof benches / sizeof benches[0])

static int usage(FILE *out, int status)
{
    (void)fprintf(out, "usage: qifeng-bench NAME [--json] [--quick] [--runs N] [--folder DIR]\n");
    for (size_t i = 0; i < BENCH_COUNT; i++)
        (void)fprintf(out, "  %-10s %s\n", benches[i].name, benches[i].what);
    return status;
}

int main(int argc, char **argv)
{
    struct bench_options options = {.folder = "build/bench", .runs = 5};
    const char *name = NULL;
    for (int i = 1; i < argc; i++) {
        const char *arg = argv[i];
        if (strcmp(arg, "--help") == 0)
            return usage(stdout, 0);
        if (strcmp(arg, "--json") == 0)
            options.json = true;
        else if (strcmp(arg, "--quick") == 0)
            options.quick = true;
        else if (strcmp(arg, "--runs") == 0 && i + 1 < argc)
            options.runs = atoi(argv[++i]);
        else if (strcmp(arg, "--folder") == 0 && i + 1 < argc)
            options.folder = argv[++i];
        else if (arg[0] != '-' && name == NULL)
            name = arg;
        else
            return usage(stderr, 2);
    }
    if (name == NULL || options.runs < 1 || options.runs > BENCH_RUNS_MAX)
        return usage(stderr, 2);
    for (size_t i = 0; i < BENCH_COUNT; i++)
        if (strcmp(benches[i].name, name) == 0)
            return benches[i].run(&options);
    return usage(stderr, 2);
}
