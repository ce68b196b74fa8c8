#include "report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "commit.h"

#define RESULTS_MAX 128

struct bench_report {
    char name[64];
    struct bench_result results[RESULTS_MAX];
    size_t count;
};

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec now;
    QF_ASSERT(clock_gettime(clock, &now) == 0);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

uint64_t bench_now_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

uint64_t bench_thread_ns(void)
{
    return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

void bench_samples_add(struct bench_samples *samples, double value)
{
    if (samples->count < BENCH_RUNS_MAX)
        samples->values[samples->count++] = value;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_samples_median(const struct bench_samples *samples)
{
    if (samples->count == 0)
        return 0;
    struct bench_samples sorted = *samples;
    size_t count = (size_t)sorted.count;
    qsort(sorted.values, count, sizeof sorted.values[0], by_value);
    if (count % 2 == 1)
        return sorted.values[count / 2];
    return (sorted.values[count / 2 - 1] + sorted.values[count / 2]) / 2;
}

/* Row 0 counts 0 to 63 ns one by one; row n the 64 equal parts of [64·2^(n-1), 64·2^n). */
void bench_histogram_add(struct bench_histogram *histogram, uint64_t ns)
{
    size_t row = 0;
    if (ns >= BENCH_HISTOGRAM_SUB)
        row = (size_t)(63 - __builtin_clzll(ns)) - 5;
    size_t part = row == 0 ? (size_t)ns : (size_t)(ns >> (row - 1)) - BENCH_HISTOGRAM_SUB;
    if (row >= BENCH_HISTOGRAM_ROWS) {
        row = BENCH_HISTOGRAM_ROWS - 1;
        part = BENCH_HISTOGRAM_SUB - 1;
    }
    histogram->counts[row][part]++;
    histogram->total++;
    if (ns > histogram->max_ns)
        histogram->max_ns = ns;
}

void bench_histogram_merge(struct bench_histogram *histogram, const struct bench_histogram *other)
{
    for (size_t row = 0; row < BENCH_HISTOGRAM_ROWS; row++)
        for (size_t part = 0; part < BENCH_HISTOGRAM_SUB; part++)
            histogram->counts[row][part] += other->counts[row][part];
    histogram->total += other->total;
    if (other->max_ns > histogram->max_ns)
        histogram->max_ns = other->max_ns;
}

uint64_t bench_histogram_at(const struct bench_histogram *histogram, double percent)
{
    double rank = (double)histogram->total * percent / 100;
    uint64_t seen = 0;
    for (size_t row = 0; row < BENCH_HISTOGRAM_ROWS; row++) {
        for (size_t part = 0; part < BENCH_HISTOGRAM_SUB; part++) {
            seen += histogram->counts[row][part];
            if (seen == 0 || (double)seen < rank)
                continue;
            if (row == 0)
                return part;
            /* The upper end of the part, since that many did not exceed it. */
            uint64_t ns = ((uint64_t)(BENCH_HISTOGRAM_SUB + part + 1) << (row - 1)) - 1;
            return ns < histogram->max_ns ? ns : histogram->max_ns;
        }
    }
    return histogram->max_ns;
}

static char *copy(const char *text)
{
    char *copied = strdup(text);
    QF_ASSERT(copied != NULL);
    return copied;
}

struct bench_report *bench_report_new(const char *name)
{
    struct bench_report *report = calloc(1, sizeof *report);
    QF_ASSERT(report != NULL);
    (void)snprintf(report->name, sizeof report->name, "%s", name);
    return report;
}

void bench_report_add(struct bench_report *report, const struct bench_result *result)
{
    QF_ASSERT(report->count < RESULTS_MAX);
    struct bench_result *added = &report->results[report->count++];
    *added = *result;
    added->id = copy(result->id);
    added->unit = copy(result->unit);
    if (result->base != NULL) {
        added->base = copy(result->base);
        if (added->ratio == 0)
            added->ratio = result->base_value > 0 ? result->value / result->base_value : 0;
    }
}

static void read_cpu(char *out, size_t size)
{
    (void)snprintf(out, size, "unknown");
    FILE *file = fopen("/proc/cpuinfo", "r");
    if (file == NULL)
        return;
    char line[512];
    while (fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, "model name", 10) != 0 || strchr(line, ':') == NULL)
            continue;
        line[strcspn(line, "\n")] = 0;
        (void)snprintf(out, size, "%s", strchr(line, ':') + 2);
        break;
    }
    (void)fclose(file);
}

static void put_text(struct qf_buf *out, const char *text)
{
    qf_buf_put_byte(out, '"');
    for (; *text != 0; text++) {
        if (*text == '"' || *text == '\\')
            qf_buf_put_byte(out, '\\');
        if ((unsigned char)*text >= 0x20)
            qf_buf_put_byte(out, (uint8_t)*text);
    }
    qf_buf_put_byte(out, '"');
}

static void put_member(struct qf_buf *out, const char *name, const char *text)
{
    qf_buf_printf(out, "\"%s\":", name);
    put_text(out, text);
}

static void put_result(struct qf_buf *out, const struct bench_result *result)
{
    qf_buf_put_text(out, "\n  {");
    put_member(out, "id", result->id);
    qf_buf_printf(out, ",\"value\":%.6g,", result->value);
    put_member(out, "unit", result->unit);
    if (result->base != NULL) {
        qf_buf_put_byte(out, ',');
        put_member(out, "base", result->base);
        qf_buf_printf(out, ",\"base_value\":%.6g,\"ratio\":%.4g", result->base_value,
                      result->ratio);
    }
    if (result->has_bar)
        qf_buf_printf(out, ",\"bar\":%.6g", result->bar);
    qf_buf_printf(out, ",\"better\":\"%s\",\"runs\":%d}",
                  result->better == BENCH_LOWER ? "lower" : "higher", result->runs);
}

static void put_document(struct qf_buf *out, const struct bench_report *report)
{
    char cpu[128];
    read_cpu(cpu, sizeof cpu);
    qf_buf_put_byte(out, '{');
    put_member(out, "name", report->name);
    qf_buf_put_byte(out, ',');
    put_member(out, "commit", BENCH_COMMIT);
    qf_buf_put_byte(out, ',');
    put_member(out, "cpu", cpu);
    qf_buf_printf(out, ",\"cores\":%ld,\"results\":[", sysconf(_SC_NPROCESSORS_ONLN));
    for (size_t i = 0; i < report->count; i++) {
        if (i > 0)
            qf_buf_put_byte(out, ',');
        put_result(out, &report->results[i]);
    }
    qf_buf_put_text(out, "\n]}\n");
}

static const char *verdict(const struct bench_result *result)
{
    if (!result->has_bar)
        return "";
    double measured = result->base != NULL ? result->ratio : result->value;
    bool holds = result->better == BENCH_LOWER ? measured <= result->bar : measured >= result->bar;
    return holds ? "holds" : "FALLS SHORT";
}

static void print_table(const struct bench_report *report)
{
    printf("%-30s %12s %-8s %12s %8s %8s\n", report->name, "value", "unit", "base", "ratio", "bar");
    for (size_t i = 0; i < report->count; i++) {
        const struct bench_result *result = &report->results[i];
        printf("%-30s %12.6g %-8s ", result->id, result->value, result->unit);
        if (result->base != NULL)
            printf("%12.6g %8.3g ", result->base_value, result->ratio);
        else
            printf("%12s %8s ", "", "");
        if (result->has_bar)
            printf("%s%7g %s", result->better == BENCH_LOWER ? "≤" : "≥", result->bar,
                   verdict(result));
        printf("\n");
        if (result->base != NULL)
            printf("%30s   against %s\n", "", result->base);
    }
}

static bool write_file(const char *folder, const char *name, const struct qf_buf *document)
{
    char path[4096];
    if (mkdir(folder, 0777) != 0 && errno != EEXIST)
        return false;
    (void)snprintf(path, sizeof path, "%s/%s.json", folder, name);
    FILE *file = fopen(path, "w");
    if (file == NULL)
        return false;
    bool good = fwrite(document->data, 1, document->size, file) == document->size;
    return fclose(file) == 0 && good;
}

int bench_report_finish(struct bench_report *report, const struct bench_options *options)
{
    struct qf_buf document;
    qf_buf_init(&document, 0);
    put_document(&document, report);
    QF_ASSERT(qf_buf_status(&document) == QF_OK);
    if (options->json)
        (void)fwrite(document.data, 1, document.size, stdout);
    else
        print_table(report);
    int status = 0;
    if (!write_file(options->folder, report->name, &document)) {
        (void)fprintf(stderr, "%s/%s.json could not be written\n", options->folder, report->name);
        status = 3;
    }
    for (size_t i = 0; i < report->count; i++) {
        free((void *)(uintptr_t)report->results[i].id);
        free((void *)(uintptr_t)report->results[i].unit);
        free((void *)(uintptr_t)report->results[i].base);
    }
    free(report);
    qf_buf_deinit(&document);
    return status;
}
