/* The benchmarks, one file each; a new one is a line here and a row in main.c. */
#ifndef QF_BENCH_BENCHES_H
#define QF_BENCH_BENCHES_H

#include "report.h"

bench_fn bench_growth, bench_ingest, bench_kernel, bench_ledger, bench_merkle, bench_rules,
    bench_services, bench_store, bench_verify;

/* Adds the figures of decisions and expressions to a report, those of services' too. */
void bench_rules_measure(struct bench_report *report, const struct bench_options *options);

#endif
