/* Waiting on a condition for some time. The condition is made with CLOCK_MONOTONIC. */
#ifndef QF_BASE_WAIT_H
#define QF_BASE_WAIT_H

#include <pthread.h>
#include <stdint.h>
#include <time.h>

/* With `lock` held, which is let go meanwhile; returns after `ms`, when woken, or for no reason. */
static inline void qf_wait_ms(pthread_cond_t *condition, pthread_mutex_t *lock, int64_t ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    (void)pthread_cond_timedwait(condition, lock, &until);
}

#endif
