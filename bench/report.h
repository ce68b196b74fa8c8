/* What every benchmark needs: a clock, medians, a histogram of latencies, and the report: a table
 * for people and build/bench/<name>.json for programs (spec: name, commit, cpu, cores, results).
 *
 * A result is the median of its runs. Where it is compared with something else, both were measured
 * in the same run of the program, alternating, so that a machine that slows down slows both. */
#ifndef QF_BENCH_REPORT_H
#define QF_BENCH_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BENCH_RUNS_MAX 101

struct bench_options {
    const char *folder; /* where <name>.json goes; made when missing */
    bool json;          /* the JSON document on standard output instead of the table */
    bool quick;         /* a fraction of the work: shows that it runs, not how fast */
    int runs;           /* measurements of which the median counts; 1 to BENCH_RUNS_MAX */
};

/* One benchmark: measures, reports, and returns an exit status (0 measured, 3 could not). */
typedef int bench_fn(const struct bench_options *options);

/* Monotonic time in nanoseconds, and the processor time of this thread. */
uint64_t bench_now_ns(void);
uint64_t bench_thread_ns(void);

/* The measurements of one quantity. */
struct bench_samples {
    double values[BENCH_RUNS_MAX];
    int count;
};
void bench_samples_add(struct bench_samples *samples, double value); /* past the maximum: ignored */
double bench_samples_median(const struct bench_samples *samples);    /* 0 when there are none */

/* Counts of latencies, log-linear: at most 1/64 off, from 1 ns to over an hour, in constant
 * memory. A zeroed histogram is valid and empty. One thread at a time; merge those of several. */
#define BENCH_HISTOGRAM_SUB 64
#define BENCH_HISTOGRAM_ROWS 38
struct bench_histogram {
    uint64_t counts[BENCH_HISTOGRAM_ROWS][BENCH_HISTOGRAM_SUB];
    uint64_t total;
    uint64_t max_ns;
};
void bench_histogram_add(struct bench_histogram *histogram, uint64_t ns);
void bench_histogram_merge(struct bench_histogram *histogram, const struct bench_histogram *other);
/* The latency that `percent` of 100 do not exceed (50, 99, 99.9); 0 when empty. */
uint64_t bench_histogram_at(const struct bench_histogram *histogram, double percent);

enum bench_better { BENCH_HIGHER, BENCH_LOWER };

/* Texts are copied. */
struct bench_result {
    const char *id;   /* "verify.es256.hot" */
    double value;     /* median */
    const char *unit; /* "tx/s" */
    const char *base; /* what it is compared with; NULL: nothing */
    double base_value;
    bool has_bar; /* the ratio, or the value when there is no base, has to reach `bar` */
    double bar;
    enum bench_better better;
    int runs;
    /* The ratio measured run by run, when it was (its median, not the ratio of medians); 0: value
     * over base_value. */
    double ratio;
};

struct bench_report;
struct bench_report *bench_report_new(const char *name);
void bench_report_add(struct bench_report *report, const struct bench_result *result);
/* Prints and writes the report, and releases it. Returns an exit status: 0, or 3 when the file
 * could not be written. A bar that is missed is reported, not an error. */
int bench_report_finish(struct bench_report *report, const struct bench_options *options);

#endif
