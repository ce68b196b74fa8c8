#include <pthread.h>
#include <stdlib.h>

#include "api/api.h"

#define BUCKETS 4096

struct bucket {
    uint64_t owner; /* hash of the key; 0: free */
    int64_t time_ms;
    int64_t tokens; /* thousandths */
};

struct qf_rate {
    pthread_mutex_t lock;
    unsigned per_second, burst;
    struct bucket buckets[BUCKETS];
};

struct qf_rate *qf_rate_new(unsigned per_second, unsigned burst)
{
    struct qf_rate *rate = calloc(1, sizeof *rate);
    QF_ASSERT(rate != NULL);
    pthread_mutex_init(&rate->lock, NULL);
    rate->per_second = per_second;
    rate->burst = burst > 0 ? burst : 2 * per_second;
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

bool qf_rate_take(struct qf_rate *rate, const char *key, unsigned count, int64_t now_ms)
{
    if (rate->per_second == 0)
        return true;
    uint64_t owner = hash_of(key);
    pthread_mutex_lock(&rate->lock);
    struct bucket *bucket = &rate->buckets[(owner >> 20) % BUCKETS];
    int64_t full = (int64_t)rate->burst * 1000;
    if (bucket->owner != owner)
        *bucket = (struct bucket){.owner = owner, .time_ms = now_ms, .tokens = full};
    int64_t passed = now_ms > bucket->time_ms ? now_ms - bucket->time_ms : 0;
    bucket->tokens += passed < 3600000 ? passed * (int64_t)rate->per_second : full;
    if (bucket->tokens > full)
        bucket->tokens = full;
    bucket->time_ms = now_ms;
    bool allowed = bucket->tokens >= (int64_t)count * 1000;
    if (allowed)
        bucket->tokens -= (int64_t)count * 1000;
    pthread_mutex_unlock(&rate->lock);
    return allowed;
}
