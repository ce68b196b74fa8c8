/* The tables of the keys in use: a bounded area of memory cut into places of 52 KiB each.
 *
 * A key asks each time it is used. From its n-th use on (QF_TABLE_USES_MIN) it is put in line for a
 * table, which a thread of the cache makes beside the work (0.2 ms); until then the caller goes
 * without. When all places are taken, the table used longest ago gives way, unless it is in use. A
 * place is filled again not more often than once in QF_TABLE_REPLACE_USES uses: with more keys in
 * rotation than places, making tables costs no more than a fraction of the work itself.
 *
 * Any thread may call. One lock guards everything but the tables' contents, which do not change
 * while anybody has them acquired. */
#ifndef QF_CRYPTO_VERIFY_TABLE_CACHE_H
#define QF_CRYPTO_VERIFY_TABLE_CACHE_H

#include "crypto/verify/edwards.h"

#define QF_TABLE_USES_MIN 4
#define QF_TABLE_REPLACE_USES 64

struct qf_table_cache;
struct qf_table_place;

/* A key's side of it, zeroed but for its point and one of `curve` and `edwards`, which decides what
 * its table is: qf_affine entries of qf_key_shape, or qf_edwards_entry ones of qf_edwards_shape.
 * Owned by the key, guarded by the cache's lock. */
struct qf_table_user {
    struct qf_affine point;
    const struct qf_curve *curve;
    const struct qf_edwards *edwards;
    struct qf_table_place *place;
    struct qf_table_user *next; /* in line */
    struct qf_table_user *previous;
    uint32_t uses;
    bool queued;
};

/* `size_max` bytes for tables; fewer than one table needs: no key ever gets one. */
QF_MUST_CHECK enum qf_status qf_table_cache_new(struct qf_table_cache **out, size_t size_max,
                                                struct qf_error *err);
void qf_table_cache_free(struct qf_table_cache *cache); /* nothing may be acquired */

/* Counts a use of each user, and gives each its table or NULL. Users may repeat. */
void qf_table_cache_acquire(struct qf_table_cache *cache, struct qf_table_user *const *users,
                            const void **tables, size_t count);
/* Gives back what qf_table_cache_acquire gave. */
void qf_table_cache_release(struct qf_table_cache *cache, struct qf_table_user *const *users,
                            const void *const *tables, size_t count);

/* The key goes; it has nothing acquired. */
void qf_table_cache_forget(struct qf_table_cache *cache, struct qf_table_user *user);

/* Waits until nobody is in line. For tests and benchmarks. */
void qf_table_cache_settle(struct qf_table_cache *cache);

struct qf_table_stats {
    size_t places;
    size_t tables; /* places with a table */
    uint64_t built;
    uint64_t replaced;
};
struct qf_table_stats qf_table_cache_stats(struct qf_table_cache *cache);

#endif
