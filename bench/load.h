/* A load generator for one server on loopback: prepared HTTP requests over kept-alive connections,
 * one thread, epoll. It does as little as a client can, since it shares the machine with the
 * server.
 *
 * Closed loop: every connection sends its next request when the answer is there; gives throughput.
 * Open loop: requests are due at a fixed rate, and a latency counts from when its request was due,
 * so that a server that stalls cannot hide the requests that waited (no coordinated omission). */
#ifndef QF_BENCH_LOAD_H
#define QF_BENCH_LOAD_H

#include "base/slice.h"
#include "report.h"

struct load_options {
    unsigned port;
    unsigned connections;
    const struct qf_slice *requests; /* complete HTTP requests; each is sent once */
    size_t request_count;
    double rate; /* requests a second; 0: closed loop */
};

struct load_result {
    double seconds;
    uint64_t answered; /* with status 200 */
    uint64_t failed;   /* other answers */
    uint64_t accepted; /* occurrences of "status":"accepted" */
    struct bench_histogram latency;
    char first_failure[256];
};

/* 0, or -1 when the server could not be reached or hung up (first_failure says). */
int load_run(const struct load_options *options, struct load_result *out);

#endif
