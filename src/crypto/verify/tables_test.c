/* The tables of keys and their cache: right sums, the bound, who gives way, and many threads. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "crypto/verify/verify_fast.h"

#define TABLE_SIZE (QF_KEY_ENTRIES * sizeof(struct qf_affine))

static void scalar_of(uint64_t out[QF_LIMBS], const struct qf_curve *curve, uint64_t seed)
{
    for (size_t i = 0; i < QF_LIMBS; i++)
        out[i] = (seed + i + 1) * 0x9e3779b97f4a7c15U;
    out[3] >>= seed % 3; /* of several lengths, and over half the order as well */
    if (!qf_number_less(out, curve->n))
        (void)qf_number_sub(out, out, curve->n);
}

static bool same_point(const struct qf_curve *curve, const struct qf_jacobian *a,
                       const struct qf_jacobian *b)
{
    uint64_t left[QF_LIMBS];
    uint64_t right[QF_LIMBS];
    if (qf_number_is_zero(a->z) || qf_number_is_zero(b->z))
        return qf_number_is_zero(a->z) && qf_number_is_zero(b->z);
    curve->sqr(left, b->z);
    curve->mul(right, left, b->z);
    curve->mul(left, left, a->x);
    curve->mul(right, right, a->y);
    uint64_t other_left[QF_LIMBS];
    uint64_t other_right[QF_LIMBS];
    curve->sqr(other_left, a->z);
    curve->mul(other_right, other_left, a->z);
    curve->mul(other_left, other_left, b->x);
    curve->mul(other_right, other_right, b->y);
    return qf_number_equal(left, other_left) && qf_number_equal(right, other_right);
}

/* A sum over a table is what the verified scalar multiplication gives. */
static void check_sums(enum qf_sig_alg alg, enum qf_arith arith)
{
    const struct qf_curve *curve = qf_curve_of(alg, arith);
    const struct qf_affine *table = qf_table_generator(alg);
    static struct qf_affine own[QF_KEY_ENTRIES];
    static struct qf_table_scratch scratch[QF_KEY_ENTRIES];
    qf_table_build(curve, &qf_key_shape, own, &curve->g, scratch);
    struct qf_jacobian g;
    memcpy(g.x, curve->g.x, sizeof g.x);
    memcpy(g.y, curve->g.y, sizeof g.y);
    memcpy(g.z, curve->p_one, sizeof g.z);
    for (uint64_t seed = 0; seed < 400; seed++) {
        uint64_t u[QF_LIMBS];
        struct qf_digits digits;
        struct qf_jacobian wanted;
        struct qf_jacobian got;
        scalar_of(u, curve, seed);
        if (seed < 4)
            memset(u, 0, sizeof u);
        u[0] += seed == 0 ? 0 : seed;
        curve->jscalarmul(&wanted, u, &g);
        qf_table_digits(curve, &qf_generator_shape, &digits, u);
        qf_table_sum(curve, &qf_generator_shape, &got, table, &digits);
        assert_true(same_point(curve, &got, &wanted));
        qf_table_digits(curve, &qf_key_shape, &digits, u);
        qf_table_prefetch(&qf_key_shape, own, &digits);
        qf_table_sum(curve, &qf_key_shape, &got, own, &digits);
        assert_true(same_point(curve, &got, &wanted));
    }
}

static void test_sums(void **state)
{
    (void)state;
    for (enum qf_arith arith = QF_ARITH_PLAIN; arith <= qf_arith_best(); arith++) {
        check_sums(QF_ALG_ES256, arith);
        check_sums(QF_ALG_SM2_SM3, arith);
    }
}

static void test_edwards_sums(void **state)
{
    (void)state;
    static struct qf_edwards_entry own[QF_EDWARDS_ENTRIES];
    static struct qf_edwards_scratch scratch[QF_EDWARDS_ENTRIES];
    const struct qf_edwards_entry *base = qf_edwards_generator();
    for (enum qf_arith arith = QF_ARITH_PLAIN; arith <= qf_arith_best(); arith++) {
        const struct qf_edwards *edwards = qf_edwards_of(arith);
        uint8_t encoded[32] = {9}; /* any y on the curve will do */
        uint64_t point[2 * QF_LIMBS];
        while (edwards->decode(point, encoded) != 0)
            encoded[0]++;
        qf_edwards_build(edwards, &qf_edwards_shape, own, point, scratch);
        for (uint64_t seed = 0; seed < 300; seed++) {
            uint64_t k[QF_LIMBS] = {seed};
            uint64_t s[QF_LIMBS] = {seed / 2};
            if (seed > 20) {
                scalar_of(k, qf_curve_of(QF_ALG_ES256, arith), seed);
                scalar_of(s, qf_curve_of(QF_ALG_ES256, arith), seed + 1000);
                k[3] >>= 4; /* below L, more or less */
                s[3] >>= 4;
            }
            uint64_t wanted[2 * QF_LIMBS];
            struct qf_edwards_scratch sum = {.point = qf_edwards_zero};
            struct qf_digits digits;
            edwards->mul_double(wanted, k, point, s);
            qf_table_digits_plain(&qf_generator_shape, &digits, s, false);
            qf_edwards_sum(edwards, &qf_generator_shape, &sum.point, base, &digits);
            qf_table_digits_plain(&qf_edwards_shape, &digits, k, false);
            qf_edwards_sum(edwards, &qf_edwards_shape, &sum.point, own, &digits);
            qf_edwards_to_affine(edwards, &sum, 1);
            assert_memory_equal(sum.point.x, wanted, sizeof sum.point.x);
            assert_memory_equal(sum.point.y, wanted + QF_LIMBS, sizeof sum.point.y);
        }
    }
}

/* The same curve constants as OpenSSL's: one good signature would do, this says which is wrong. */
static void test_curve_constants(void **state)
{
    (void)state;
    for (enum qf_arith arith = QF_ARITH_PLAIN; arith <= qf_arith_best(); arith++) {
        for (int alg = QF_ALG_ES256; alg <= QF_ALG_SM2_SM3; alg += 2) {
            const struct qf_curve *curve = qf_curve_of((enum qf_sig_alg)alg, arith);
            struct qf_jacobian g;
            struct qf_jacobian infinity;
            uint64_t n_minus_1[QF_LIMBS];
            static const uint64_t one[QF_LIMBS] = {1};
            memcpy(g.x, curve->g.x, sizeof g.x);
            memcpy(g.y, curve->g.y, sizeof g.y);
            memcpy(g.z, curve->p_one, sizeof g.z);
            assert_false(qf_number_sub(n_minus_1, curve->n, one));
            curve->jscalarmul(&infinity, n_minus_1, &g);
            assert_false(qf_number_is_zero(infinity.z));
            qf_curve_add_complete(curve, &infinity, &infinity, &g);
            assert_true(qf_number_is_zero(infinity.z));
        }
    }
}

enum { USERS = 20, PLACES = 6 };

static void users_init(struct qf_table_user *users)
{
    const struct qf_curve *curve = qf_curve_of(QF_ALG_ES256, qf_arith_best());
    memset(users, 0, USERS * sizeof *users);
    for (size_t i = 0; i < USERS; i++)
        users[i] = (struct qf_table_user){.point = curve->g, .curve = curve};
}

static bool use(struct qf_table_cache *cache, struct qf_table_user *user)
{
    const void *table = NULL;
    qf_table_cache_acquire(cache, &user, &table, 1);
    if (table != NULL) /* the first entry is the point itself */
        assert_memory_equal(table, user->point.x, sizeof user->point.x);
    qf_table_cache_release(cache, &user, &table, 1);
    return table != NULL;
}

static void test_cache_bound(void **state)
{
    (void)state;
    struct qf_table_cache *cache = NULL;
    struct qf_table_user users[USERS];
    users_init(users);
    assert_int_equal(qf_table_cache_new(&cache, PLACES * TABLE_SIZE + 1, NULL), QF_OK);
    for (int i = 0; i < QF_TABLE_USES_MIN - 1; i++)
        assert_false(use(cache, &users[0]));
    qf_table_cache_settle(cache);
    assert_int_equal(qf_table_cache_stats(cache).built, 0); /* not before the n-th use */
    for (int round = 0; round < 8; round++)
        for (size_t i = 0; i < PLACES; i++)
            (void)use(cache, &users[i]);
    qf_table_cache_settle(cache);
    for (size_t i = 0; i < PLACES; i++)
        assert_true(use(cache, &users[i]));
    struct qf_table_stats stats = qf_table_cache_stats(cache);
    assert_int_equal(stats.places, PLACES);
    assert_int_equal(stats.tables, PLACES);
    assert_int_equal(stats.replaced, 0);
    /* The seventh key, used often enough, takes the place of the one used longest ago. */
    for (int i = 0; i < QF_TABLE_REPLACE_USES + QF_TABLE_USES_MIN; i++)
        (void)use(cache, &users[PLACES]);
    qf_table_cache_settle(cache);
    assert_true(use(cache, &users[PLACES]));
    assert_false(use(cache, &users[0]));
    assert_true(use(cache, &users[1]));
    assert_int_equal(qf_table_cache_stats(cache).replaced, 1);
    assert_int_equal(qf_table_cache_stats(cache).tables, PLACES);
    /* More keys in rotation than places: tables are made now and then, not all the time. */
    uint64_t uses = 0;
    for (int round = 0; round < 200; round++) {
        for (size_t i = 0; i < USERS; i++, uses++)
            (void)use(cache, &users[i]);
        qf_table_cache_settle(cache);
    }
    stats = qf_table_cache_stats(cache);
    assert_int_equal(stats.tables, PLACES);
    assert_true(stats.replaced > 10);
    assert_true(stats.replaced <= 2 + uses / QF_TABLE_REPLACE_USES);
    for (size_t i = 0; i < USERS; i++)
        qf_table_cache_forget(cache, &users[i]);
    assert_int_equal(qf_table_cache_stats(cache).tables, 0);
    qf_table_cache_free(cache);
}

/* A table in use stays, whoever else wants its place; a key that goes while its table is being made
 * leaves nothing behind. */
static void test_cache_in_use(void **state)
{
    (void)state;
    struct qf_table_cache *cache = NULL;
    struct qf_table_user users[USERS];
    struct qf_table_user *first = &users[0];
    const void *table = NULL;
    users_init(users);
    assert_int_equal(qf_table_cache_new(&cache, TABLE_SIZE, NULL), QF_OK);
    for (int i = 0; i < QF_TABLE_USES_MIN; i++)
        (void)use(cache, first);
    qf_table_cache_settle(cache);
    qf_table_cache_acquire(cache, &first, &table, 1);
    assert_non_null(table);
    for (int i = 0; i < 3 * QF_TABLE_REPLACE_USES; i++)
        assert_false(use(cache, &users[1]));
    qf_table_cache_settle(cache);
    assert_false(use(cache, &users[1]));
    assert_memory_equal(table, first->point.x, sizeof first->point.x);
    qf_table_cache_release(cache, &first, &table, 1);
    for (int i = 0; i < 2 * QF_TABLE_REPLACE_USES; i++)
        (void)use(cache, &users[1]);
    qf_table_cache_settle(cache);
    assert_true(use(cache, &users[1]));
    qf_table_cache_forget(cache, &users[1]);
    uint64_t built = qf_table_cache_stats(cache).built;
    for (int i = 0; i < 100; i++) {
        for (int j = 0; j < QF_TABLE_REPLACE_USES; j++)
            (void)use(cache, &users[2]);
        if (i % 4 == 0) /* with its table; else in line, or while it is being made */
            qf_table_cache_settle(cache);
        qf_table_cache_forget(cache, &users[2]);
        users[2] = (struct qf_table_user){.point = first->point, .curve = first->curve};
    }
    qf_table_cache_settle(cache);
    assert_true(qf_table_cache_stats(cache).built > built);
    assert_int_equal(qf_table_cache_stats(cache).tables, 0);
    qf_table_cache_free(cache);
}

static void test_no_room(void **state)
{
    (void)state;
    struct qf_table_cache *cache = NULL;
    struct qf_table_user users[USERS];
    users_init(users);
    assert_int_equal(qf_table_cache_new(&cache, TABLE_SIZE - 1, NULL), QF_OK);
    for (int i = 0; i < 200; i++)
        assert_false(use(cache, &users[0]));
    assert_int_equal(qf_table_cache_stats(cache).places, 0);
    qf_table_cache_free(cache);
}

enum { THREADS = 4, KEYS = 30, ROUNDS = 30 };

struct shared {
    struct qf_verifier *verifier;
    struct qf_public_key keys[KEYS];
    uint8_t signatures[KEYS][QF_SIGNATURE_SIZE];
    struct qf_slice message;
};

static void *thread_main(void *arg)
{
    struct shared *shared = arg;
    for (size_t round = 0; round < ROUNDS; round++) {
        uint8_t signatures[KEYS][QF_SIGNATURE_SIZE];
        struct qf_verify_item items[KEYS];
        memcpy(signatures, shared->signatures, sizeof signatures);
        size_t bad = round % KEYS;
        signatures[bad][5] ^= 1;
        for (size_t i = 0; i < KEYS; i++)
            items[i] = (struct qf_verify_item){
                .key = &shared->keys[i], .message = shared->message, .signature = signatures[i]};
        qf_verifier_check(shared->verifier, items, KEYS);
        for (size_t i = 0; i < KEYS; i++)
            QF_ASSERT(items[i].good == (i != bad));
        QF_ASSERT(!qf_verifier_check_one(shared->verifier, &shared->keys[bad], shared->message,
                                         signatures[bad]));
    }
    return NULL;
}

/* Several threads, with fewer places for tables than keys, so that tables come and go under them.
 */
static void test_threads(void **state)
{
    (void)state;
    static struct shared shared;
    struct qf_verify_impl impl;
    shared.message = qf_slice_of("one message");
    for (size_t i = 0; i < KEYS; i++) {
        struct qf_private_key *key = NULL;
        assert_int_equal(qf_private_key_generate(&key, (enum qf_sig_alg)(1 + i % 3), NULL), QF_OK);
        qf_private_key_public(key, &shared.keys[i]);
        assert_int_equal(qf_private_key_sign(key, shared.signatures[i], shared.message, NULL),
                         QF_OK);
        qf_private_key_free(key);
    }
    assert_int_equal(qf_verify_fast_new(&impl, qf_verify_fast_beside() + PLACES * TABLE_SIZE,
                                        qf_arith_best(), NULL),
                     QF_OK);
    assert_int_equal(qf_verifier_of(&shared.verifier, &impl, NULL), QF_OK);
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, thread_main, &shared), 0);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    qf_verifier_settle(shared.verifier);
    struct qf_verifier_stats stats = qf_verifier_stats(shared.verifier);
    assert_int_equal(stats.keys, KEYS);
    assert_int_equal(stats.tables_max, PLACES);
    assert_true(stats.tables <= PLACES);
    assert_true(stats.built >= PLACES);
    qf_verifier_free(shared.verifier);
}

static size_t resident_size(void)
{
    size_t pages[2] = {0, 0};
    FILE *file = fopen("/proc/self/statm", "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%zu %zu", &pages[0], &pages[1]), 2);
    (void)fclose(file);
    return pages[1] * 4096;
}

/* Memory grows by no more than the configured size, whatever the number of keys. The first
 * verifier pays for what is made once for the process. */
static void test_memory(void **state)
{
    (void)state;
    const size_t size = (size_t)8 << 20;
    const size_t slack = (size_t)3 << 20; /* the allocator's, and OpenSSL's first uses */
    const struct qf_verifier_options options = {.kind = QF_VERIFIER_FAST, .cache_size_max = size};
    struct qf_verifier *verifier = NULL;
    size_t before = resident_size();
    assert_int_equal(qf_verifier_new(&verifier, &options, NULL), QF_OK);
    uint8_t signature[QF_SIGNATURE_SIZE];
    memset(signature, 3, sizeof signature);
    const struct qf_curve *curve = qf_curve_of(QF_ALG_SM2_SM3, qf_arith_best());
    struct qf_jacobian point;
    memcpy(point.x, curve->g.x, sizeof point.x);
    memcpy(point.y, curve->g.y, sizeof point.y);
    memcpy(point.z, curve->p_one, sizeof point.z);
    for (int i = 0; i < 1500; i++) { /* keys 2G, 4G, 8G, … */
        curve->jdouble(&point, &point);
        uint64_t inverse[QF_LIMBS];
        uint64_t power[QF_LIMBS];
        uint64_t xy[2][QF_LIMBS];
        static const uint64_t one[QF_LIMBS] = {1};
        curve->inv(inverse, point.z);
        curve->sqr(power, inverse);
        curve->mul(xy[0], point.x, power);
        curve->mul(power, power, inverse);
        curve->mul(xy[1], point.y, power);
        struct qf_public_key key = {.alg = QF_ALG_SM2_SM3, .size = 64};
        for (size_t half = 0; half < 2; half++) {
            curve->mul(xy[half], xy[half], one); /* out of Montgomery form */
            for (size_t limb = 0; limb < QF_LIMBS; limb++)
                qf_be64_store(key.bytes + 32 * half + 8 * limb, xy[half][QF_LIMBS - 1 - limb]);
        }
        for (int use = 0; use < QF_TABLE_USES_MIN; use++)
            assert_false(qf_verifier_check_one(verifier, &key, qf_slice_of("message"), signature));
        if (i % 100 == 0)
            qf_verifier_settle(verifier);
    }
    qf_verifier_settle(verifier);
    struct qf_verifier_stats stats = qf_verifier_stats(verifier);
    assert_int_equal(stats.keys, 1500);
    assert_true(stats.tables > 10 && stats.tables == stats.tables_max);
    size_t grown = resident_size() - before;
    qf_verifier_free(verifier);
#ifndef QF_SANITIZED
    if (grown > size + slack)
        fail_msg("grown by %zu bytes, configured %zu", grown, size);
#else
    (void)grown;
    (void)slack;
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory),      cmocka_unit_test(test_curve_constants),
        cmocka_unit_test(test_sums),        cmocka_unit_test(test_edwards_sums),
        cmocka_unit_test(test_cache_bound), cmocka_unit_test(test_cache_in_use),
        cmocka_unit_test(test_no_room),     cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests_name("verify-tables", tests, NULL, NULL);
}
