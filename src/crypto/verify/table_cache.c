#include "crypto/verify/table_cache.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/status.h"

#define TABLE_SIZE (QF_KEY_ENTRIES * sizeof(struct qf_affine))
_Static_assert(sizeof(struct qf_edwards_entry) * QF_EDWARDS_ENTRIES <= TABLE_SIZE, "fits");
#define HUGE_PAGE_SIZE ((size_t)2 << 20)

/* A place is free, being filled by the builder (owner set, not ready), or holds a table. */
struct qf_table_place {
    struct qf_table_user *owner;
    size_t acquired;
    struct qf_table_place *newer;
    struct qf_table_place *older;
};

struct qf_table_cache {
    pthread_mutex_t lock;
    pthread_cond_t work;    /* somebody is in line, or stop */
    pthread_cond_t settled; /* nobody is in line and the builder is idle */
    pthread_t builder;
    bool started;
    bool stop;

    struct qf_table_user *first; /* in line */
    struct qf_table_user *last;
    size_t waiting;
    struct qf_table_user *building; /* NULL as well when its key went away meanwhile */
    bool busy;

    struct qf_affine *area;
    size_t area_size;
    size_t place_count;
    size_t place_used; /* places handed out so far; memory past them was never touched */
    struct qf_table_place *places;
    struct qf_table_place *free_places; /* by `older` */
    size_t free_count;
    struct qf_table_place *newest; /* places with a table, by last use */
    struct qf_table_place *oldest;
    uint64_t uses_since_replacement;
    struct qf_table_stats stats;
    union { /* the builder's */
        struct qf_table_scratch curve[QF_KEY_ENTRIES];
        struct qf_edwards_scratch edwards[QF_EDWARDS_ENTRIES];
    } scratch;
};

static void lock(struct qf_table_cache *cache)
{
    QF_ASSERT(pthread_mutex_lock(&cache->lock) == 0);
}

static void unlock(struct qf_table_cache *cache)
{
    QF_ASSERT(pthread_mutex_unlock(&cache->lock) == 0);
}

static void *table_of(const struct qf_table_cache *cache, const struct qf_table_place *place)
{
    return cache->area + (size_t)(place - cache->places) * QF_KEY_ENTRIES;
}

static void list_remove(struct qf_table_cache *cache, struct qf_table_place *place)
{
    *(place->newer != NULL ? &place->newer->older : &cache->newest) = place->older;
    *(place->older != NULL ? &place->older->newer : &cache->oldest) = place->newer;
}

static void list_push(struct qf_table_cache *cache, struct qf_table_place *place)
{
    place->newer = NULL;
    place->older = cache->newest;
    *(cache->newest != NULL ? &cache->newest->newer : &cache->oldest) = place;
    cache->newest = place;
}

static void line_remove(struct qf_table_cache *cache, struct qf_table_user *user)
{
    *(user->previous != NULL ? &user->previous->next : &cache->first) = user->next;
    *(user->next != NULL ? &user->next->previous : &cache->last) = user->previous;
    user->next = NULL;
    user->previous = NULL;
    user->queued = false;
    cache->waiting--;
}

static void line_append(struct qf_table_cache *cache, struct qf_table_user *user)
{
    user->next = NULL;
    user->previous = cache->last;
    *(cache->last != NULL ? &cache->last->next : &cache->first) = user;
    cache->last = user;
    user->queued = true;
    cache->waiting++;
}

static void place_free(struct qf_table_cache *cache, struct qf_table_place *place)
{
    place->owner = NULL;
    place->older = cache->free_places;
    cache->free_places = place;
    cache->free_count++;
}

/* A place to fill: a free one, or the one used longest ago; NULL when all are in use. */
static struct qf_table_place *place_take(struct qf_table_cache *cache)
{
    struct qf_table_place *place = cache->free_places;
    if (place != NULL) {
        cache->free_places = place->older;
        cache->free_count--;
        return place;
    }
    if (cache->place_used < cache->place_count)
        return &cache->places[cache->place_used++];
    for (place = cache->oldest; place != NULL && place->acquired > 0;)
        place = place->newer;
    if (place == NULL)
        return NULL;
    list_remove(cache, place);
    place->owner->place = NULL;
    place->owner->uses = 0;
    cache->stats.tables--;
    cache->stats.replaced++;
    return place;
}

static void build(struct qf_table_cache *cache, void *table, const struct qf_table_user *user)
{
    if (user->curve != NULL) {
        qf_table_build(user->curve, &qf_key_shape, table, &user->point, cache->scratch.curve);
        return;
    }
    uint64_t xy[2 * QF_LIMBS];
    memcpy(xy, user->point.x, sizeof user->point.x);
    memcpy(xy + QF_LIMBS, user->point.y, sizeof user->point.y);
    qf_edwards_build(user->edwards, &qf_edwards_shape, table, xy, cache->scratch.edwards);
}

/* One turn of the builder; called and left with the lock held, which it gives up in between. */
static void build_next(struct qf_table_cache *cache)
{
    struct qf_table_user *user = cache->first;
    line_remove(cache, user);
    struct qf_table_place *place = place_take(cache);
    if (place == NULL) {
        user->uses = 0; /* asks again later */
        return;
    }
    struct qf_table_user copy = *user; /* which may go away meanwhile */
    cache->building = user;
    user->queued = true;
    unlock(cache);
    build(cache, table_of(cache, place), &copy);
    lock(cache);
    cache->stats.built++;
    user = cache->building;
    cache->building = NULL;
    if (user == NULL) {
        place_free(cache, place);
        return;
    }
    user->queued = false;
    user->place = place;
    place->owner = user;
    place->acquired = 0;
    list_push(cache, place);
    cache->stats.tables++;
}

static void *builder_main(void *arg)
{
    struct qf_table_cache *cache = arg;
    lock(cache);
    while (!cache->stop) {
        if (cache->first == NULL) {
            cache->busy = false;
            QF_ASSERT(pthread_cond_broadcast(&cache->settled) == 0);
            QF_ASSERT(pthread_cond_wait(&cache->work, &cache->lock) == 0);
            continue;
        }
        cache->busy = true;
        build_next(cache);
    }
    unlock(cache);
    return NULL;
}

/* The builder is started when a table is first wanted: who checks one signature has no thread. */
static bool builder_start(struct qf_table_cache *cache)
{
    if (cache->started)
        return true;
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all); /* signals are for the program's own threads */
    QF_ASSERT(pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
    cache->started = pthread_create(&cache->builder, NULL, builder_main, cache) == 0;
    QF_ASSERT(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    return cache->started;
}

/* Places never used are for whoever asks. Those that have to be taken from another key, or were
 * left by a key that is remembered no more, only now and then. */
static bool may_queue(const struct qf_table_cache *cache)
{
    if (cache->waiting < cache->place_count - cache->place_used)
        return true; /* the one being built has its place already */
    return cache->waiting == 0 && cache->uses_since_replacement >= QF_TABLE_REPLACE_USES;
}

static void count_use(struct qf_table_cache *cache, struct qf_table_user *user)
{
    cache->uses_since_replacement++;
    if (user->uses < QF_TABLE_USES_MIN)
        user->uses++;
    if (user->uses < QF_TABLE_USES_MIN || user->queued || cache->place_count == 0 ||
        !may_queue(cache) || !builder_start(cache))
        return;
    cache->uses_since_replacement = 0;
    line_append(cache, user);
    cache->busy = true;
    QF_ASSERT(pthread_cond_signal(&cache->work) == 0);
}

void qf_table_cache_acquire(struct qf_table_cache *cache, struct qf_table_user *const *users,
                            const void **tables, size_t count)
{
    lock(cache);
    for (size_t i = 0; i < count; i++) {
        struct qf_table_place *place = users[i]->place;
        if (place == NULL) {
            count_use(cache, users[i]);
            tables[i] = NULL;
            continue;
        }
        cache->uses_since_replacement++;
        place->acquired++;
        if (cache->newest != place) {
            list_remove(cache, place);
            list_push(cache, place);
        }
        tables[i] = table_of(cache, place);
    }
    unlock(cache);
}

void qf_table_cache_release(struct qf_table_cache *cache, struct qf_table_user *const *users,
                            const void *const *tables, size_t count)
{
    lock(cache);
    for (size_t i = 0; i < count; i++) {
        if (tables[i] == NULL)
            continue;
        QF_ASSERT(users[i]->place != NULL && users[i]->place->acquired > 0);
        users[i]->place->acquired--;
    }
    unlock(cache);
}

void qf_table_cache_forget(struct qf_table_cache *cache, struct qf_table_user *user)
{
    lock(cache);
    if (cache->building == user)
        cache->building = NULL;
    else if (user->queued)
        line_remove(cache, user);
    if (user->place != NULL) {
        QF_ASSERT(user->place->acquired == 0);
        list_remove(cache, user->place);
        place_free(cache, user->place);
        user->place = NULL;
        cache->stats.tables--;
    }
    unlock(cache);
}

void qf_table_cache_settle(struct qf_table_cache *cache)
{
    lock(cache);
    while (cache->busy)
        QF_ASSERT(pthread_cond_wait(&cache->settled, &cache->lock) == 0);
    unlock(cache);
}

struct qf_table_stats qf_table_cache_stats(struct qf_table_cache *cache)
{
    lock(cache);
    struct qf_table_stats stats = cache->stats;
    stats.places = cache->place_count;
    unlock(cache);
    return stats;
}

/* Address space for the tables; memory comes with the first use of each part. Large pages, where
 * the system has them, since a sum touches 51 pages otherwise. */
static bool area_map(struct qf_table_cache *cache)
{
    cache->area_size = cache->place_count * TABLE_SIZE;
    size_t mapped = cache->area_size + HUGE_PAGE_SIZE;
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    /* cppcheck-suppress invalidFunctionArg */
    uint8_t *memory = mmap(NULL, mapped, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (memory == MAP_FAILED)
        return false;
    size_t skip = (HUGE_PAGE_SIZE - (uintptr_t)memory % HUGE_PAGE_SIZE) % HUGE_PAGE_SIZE;
    if (skip > 0)
        (void)munmap(memory, skip);
    if (skip < HUGE_PAGE_SIZE)
        (void)munmap(memory + skip + cache->area_size, HUGE_PAGE_SIZE - skip);
    cache->area = (struct qf_affine *)(void *)(memory + skip);
    (void)madvise(cache->area, cache->area_size, MADV_HUGEPAGE);
    return true;
}

enum qf_status qf_table_cache_new(struct qf_table_cache **out, size_t size_max,
                                  struct qf_error *err)
{
    struct qf_table_cache *cache = calloc(1, sizeof *cache);
    if (cache == NULL)
        return qf_fail(err, QF_NO_MEMORY, "verifier", "no memory");
    cache->place_count = size_max / TABLE_SIZE;
    QF_ASSERT(pthread_mutex_init(&cache->lock, NULL) == 0);
    QF_ASSERT(pthread_cond_init(&cache->work, NULL) == 0);
    QF_ASSERT(pthread_cond_init(&cache->settled, NULL) == 0);
    if (cache->place_count > 0) {
        cache->places = calloc(cache->place_count, sizeof *cache->places);
        if (cache->places == NULL || !area_map(cache)) {
            qf_table_cache_free(cache);
            return qf_fail(err, QF_NO_MEMORY, "verifier", "no memory for the tables of keys");
        }
    }
    *out = cache;
    return QF_OK;
}

void qf_table_cache_free(struct qf_table_cache *cache)
{
    if (cache == NULL)
        return;
    if (cache->started) {
        lock(cache);
        cache->stop = true;
        QF_ASSERT(pthread_cond_signal(&cache->work) == 0);
        unlock(cache);
        QF_ASSERT(pthread_join(cache->builder, NULL) == 0);
    }
    if (cache->area != NULL)
        (void)munmap(cache->area, cache->area_size);
    free(cache->places);
    pthread_cond_destroy(&cache->settled);
    pthread_cond_destroy(&cache->work);
    pthread_mutex_destroy(&cache->lock);
    free(cache);
}
