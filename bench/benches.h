/* The benchmarks, one file each; a new one is a line here and a row in main.c. */
#ifndef QF_BENCH_BENCHES_H
#define QF_BENCH_BENCHES_H

#include "report.h"

bench_fn bench_growth, bench_ingest, bench_kernel, bench_ledger, bench_merkle, bench_rules,
    bench_store, bench_verify;

#endif
