/* How much one key may send: token buckets, two a key, one of transactions and one of bytes.
 *
 * A key is charged for what it signed, after the signature was checked: what others send in its
 * name costs it nothing. A request over the limit takes nothing from the buckets.
 *
 * Thread-safe. Memory is fixed: QF_RATE_KEYS keys; when more are in use the one that is fullest
 * of its set, so nearest to a key never seen, makes room. */
#ifndef QF_API_RATE_H
#define QF_API_RATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QF_RATE_KEYS 8192

struct qf_rate;

struct qf_rate_limits {
    unsigned txs;       /* a second; 0: any number */
    unsigned txs_burst; /* at once; 0: two seconds' worth */
    unsigned kib;       /* KiB a second; 0: any number */
    unsigned kib_burst; /* KiB at once; 0: ten seconds' worth */
};

enum qf_rate_verdict { QF_RATE_GOOD, QF_RATE_TXS, QF_RATE_SIZE };

struct qf_rate *qf_rate_new(const struct qf_rate_limits *limits);
void qf_rate_free(struct qf_rate *rate); /* takes NULL */

/* Takes one transaction of `size` bytes from the key's buckets; or says which limit forbids it. */
enum qf_rate_verdict qf_rate_take(struct qf_rate *rate, const char *key, size_t size,
                                  int64_t now_ms);

#endif
