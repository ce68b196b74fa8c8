/* A network for benchmarks: a data directory in a temporary folder, signers that are on the ledger,
 * the real program as a child process, and signed transactions prepared as HTTP requests. */
#ifndef QF_BENCH_NETWORK_H
#define QF_BENCH_NETWORK_H

#include <sys/types.h>

#include "base/arena.h"
#include "base/buf.h"
#include "codec/json.h"
#include "crypto/key.h"

#define NETWORK_SIGNERS 200

struct network {
    char dir[64];
    enum qf_suite suite;
    pid_t pid;
    unsigned port;
    struct qf_private_key *admin;
    struct qf_private_key *signers[NETWORK_SIGNERS];
    uint64_t made; /* transactions signed so far; makes ids */
};

/* Makes the directory, starts the node, registers the signers. `verifier` as qifeng node takes it.
 * 0, or -1 with the reason on standard error. */
int network_start(struct network *network, const char *program, enum qf_suite suite,
                  const char *verifier);
/* Stops the node (SIGTERM, waits) and starts it again; *ready_ns is the time until it answered. */
int network_restart(struct network *network, const char *program, const char *verifier,
                    uint64_t *ready_ns);
void network_stop(struct network *network); /* and removes the folder */

/* CPU time of the node so far, all threads, nanoseconds; anonymous memory in bytes; bytes on disk.
 */
uint64_t network_cpu_ns(const struct network *network);
uint64_t network_memory(const struct network *network);
uint64_t network_disk(const struct network *network);
uint64_t network_disk_of(const struct network *network, const char *folder); /* a part of it */

/* Prepared requests: `count` transactions of about 600 bytes, `lines` in a request. Freed with
 * requests_free. Signing runs on all processors. */
struct requests {
    struct qf_buf bytes;
    struct qf_slice *list;
    size_t count;
};
void requests_make(struct network *network, struct requests *out, size_t count, size_t lines);

/* The same with ops of one's own: `make` appends the ops of transaction `number` (0, 1, … count -
 * 1) to an empty array; called from several threads. */
struct requests_kind {
    void (*make)(void *arg, struct qf_arena *arena, struct qf_json *ops, uint64_t number);
    void *arg;
};
void requests_make_kind(struct network *network, struct requests *out,
                        const struct requests_kind *kind, size_t count, size_t lines);
/* Ready-made GET requests, one for each text after the other's zero byte. */
void requests_get(struct requests *out, const struct qf_buf *paths);

/* Bytes of the pages in use as of the state's last commit. The file is larger, by pages that are
 * free and used again, so that it alone does not tell what a record takes. */
struct network_state_size {
    uint64_t records, lookups, tree; /* what stands for the state */
    uint64_t index;                  /* by which transactions are found in the log */
};
int network_state_size(const struct network *network, struct network_state_size *out);

/* The body of a GET, appended to `out`. 0, or -1 when the answer is not 200. */
int network_get(const struct network *network, struct qf_buf *out, const char *path);

/* One transaction by the administrator, ops as JSON text. 0 when it was accepted, else -1 with the
 * reason on standard error. */
int network_submit(struct network *network, const char *ops);
void requests_free(struct requests *requests);

#endif
