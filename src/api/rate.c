#include "api/rate.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/status.h"

#define WAYS 8u
#define SETS (QF_RATE_KEYS / WAYS)

struct bucket {
    uint64_t owner; /* hash of the key; 0: free */
    int64_t time_ms;
    int64_t txs;   /* thousandths */
    int64_t bytes; /* thousandths */
};

struct qf_rate {
    pthread_mutex_t lock;
    struct qf_rate_limits limits;
    struct bucket buckets[SETS][WAYS];
};

struct qf_rate *qf_rate_new(const struct qf_rate_limits *limits)
{
    struct qf_rate *rate = calloc(1, sizeof *rate);
    QF_ASSERT(rate != NULL);
    pthread_mutex_init(&rate->lock, NULL);
    rate->limits = *limits;
    if (limits->txs_burst == 0)
        rate->limits.txs_burst = 2 * limits->txs;
    if (limits->kib_burst == 0)
        rate->limits.kib_burst = 10 * limits->kib;
    return rate;
}

void qf_rate_free(struct qf_rate *rate)
{
    if (rate == NULL)
        return;
    pthread_mutex_destroy(&rate->lock);
    free(rate);
}

static uint64_t hash_of(const char *key)
{
    uint64_t hash = 14695981039346656037u; /* FNV-1a: keys are thumbprints, spread already */
    for (; *key != '\0'; key++)
        hash = (hash ^ (uint8_t)*key) * 1099511628211u;
    return hash | 1;
}

static int64_t full_txs(const struct qf_rate *rate)
{
    return (int64_t)rate->limits.txs_burst * 1000;
}

static int64_t full_bytes(const struct qf_rate *rate)
{
    return (int64_t)rate->limits.kib_burst * 1024 * 1000;
}

static int64_t refilled(int64_t tokens, int64_t passed_ms, int64_t per_second, int64_t full)
{
    if (passed_ms >= 3600000 || tokens + passed_ms * per_second > full)
        return full;
    return tokens + passed_ms * per_second;
}

static void refill(const struct qf_rate *rate, struct bucket *bucket, int64_t now_ms)
{
    int64_t passed = now_ms > bucket->time_ms ? now_ms - bucket->time_ms : 0;
    bucket->txs = refilled(bucket->txs, passed, rate->limits.txs, full_txs(rate));
    bucket->bytes =
        refilled(bucket->bytes, passed, (int64_t)rate->limits.kib * 1024, full_bytes(rate));
    bucket->time_ms = now_ms;
}

/* The key's bucket, refilled. */
static struct bucket *bucket_of(struct qf_rate *rate, uint64_t owner, int64_t now_ms)
{
    struct bucket *set = rate->buckets[(owner >> 20) % SETS];
    struct bucket *oldest = &set[0];
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].owner == owner) {
            refill(rate, &set[i], now_ms);
            return &set[i];
        }
        if (set[i].owner == 0 || (oldest->owner != 0 && set[i].time_ms < oldest->time_ms))
            oldest = &set[i];
    }
    *oldest = (struct bucket){
        .owner = owner, .time_ms = now_ms, .txs = full_txs(rate), .bytes = full_bytes(rate)};
    return oldest;
}

enum qf_rate_verdict qf_rate_take(struct qf_rate *rate, const char *key, size_t size,
                                  int64_t now_ms)
{
    if (rate->limits.txs == 0 && rate->limits.kib == 0)
        return QF_RATE_GOOD;
    enum qf_rate_verdict verdict = QF_RATE_GOOD;
    pthread_mutex_lock(&rate->lock);
    struct bucket *bucket = bucket_of(rate, hash_of(key), now_ms);
    if (rate->limits.txs > 0 && bucket->txs < 1000)
        verdict = QF_RATE_TXS;
    else if (rate->limits.kib > 0 && bucket->bytes < (int64_t)size * 1000)
        verdict = QF_RATE_SIZE;
    if (verdict == QF_RATE_GOOD) {
        bucket->txs -= rate->limits.txs > 0 ? 1000 : 0;
        bucket->bytes -= rate->limits.kib > 0 ? (int64_t)size * 1000 : 0;
    }
    pthread_mutex_unlock(&rate->lock);
    return verdict;
}
