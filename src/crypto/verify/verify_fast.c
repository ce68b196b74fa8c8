#include "crypto/verify/verify_fast.h"

#include <stdlib.h>

#include "base/limits.h"
#include "base/status.h"
#include "crypto/verify/s2n.h"

#define ED_SIZE (2 * QF_LIMBS) /* an affine point of edwards25519 */

enum key_kind {
    KEY_REFUSED,     /* no point of the curve */
    KEY_POINT,       /* P-256 or SM2 */
    KEY_EDWARDS,     /* Ed25519 */
    KEY_ASK_OPENSSL, /* an encoding that s2n-bignum refuses and OpenSSL may take */
};

/* What is kept for a key, in qf_known_key.extra. */
struct fast_key {
    enum key_kind kind;
    struct qf_table_user user; /* its point: Q, or −A */
};

struct fast {
    enum qf_arith arith;
    struct qf_table_cache *tables;
    EVP_MD *sha512;
};

/* A signature over P-256 or SM2 while it is worked on. */
struct work {
    struct qf_verify_task *task;
    struct fast_key *key;
    uint64_t c[QF_LIMBS]; /* what x(R) mod n has to be */
    uint64_t s[QF_LIMBS];
    uint64_t product[QF_LIMBS]; /* of this s and all before */
    uint64_t u1[QF_LIMBS];
    uint64_t u2[QF_LIMBS];
    struct qf_digits digits1;
    struct qf_digits digits2;
};

static struct fast_key *fast_key_of(struct qf_known_key *key)
{
    return (struct fast_key *)(void *)key->extra;
}

static void key_init(void *self, struct qf_known_key *known)
{
    struct fast *fast = self;
    struct fast_key *key = fast_key_of(known);
    if (known->key.alg != QF_ALG_EDDSA) {
        key->user.curve = qf_curve_of(known->key.alg, fast->arith);
        bool good = qf_curve_decode(key->user.curve, &key->user.point, known->key.bytes);
        key->kind = good ? KEY_POINT : KEY_REFUSED;
        return;
    }
    uint64_t a[ED_SIZE];
    key->user.edwards = qf_edwards_of(fast->arith);
    key->kind = key->user.edwards->decode(a, known->key.bytes) == 0 ? KEY_EDWARDS : KEY_ASK_OPENSSL;
    bignum_neg_p25519(key->user.point.x, a);
    memcpy(key->user.point.y, a + QF_LIMBS, sizeof key->user.point.y);
}

static void key_deinit(void *self, struct qf_known_key *known)
{
    struct fast *fast = self;
    enum key_kind kind = fast_key_of(known)->kind;
    if (kind == KEY_POINT || kind == KEY_EDWARDS)
        qf_table_cache_forget(fast->tables, &fast_key_of(known)->user);
}

static bool in_range(const struct qf_curve *curve, const uint64_t *number)
{
    return !qf_number_is_zero(number) && qf_number_less(number, curve->n);
}

/* r and s of every task of one algorithm, those in range only; the others stay not good. */
static size_t load(struct work *works, enum qf_sig_alg alg, struct qf_verify_task *tasks,
                   size_t count)
{
    size_t loaded = 0;
    for (size_t i = 0; i < count; i++) {
        struct fast_key *key = fast_key_of(tasks[i].key);
        if (tasks[i].key->key.alg != alg || key->kind != KEY_POINT)
            continue;
        struct work *work = &works[loaded];
        work->task = &tasks[i];
        work->key = key;
        qf_number_load_be(work->c, tasks[i].signature);
        qf_number_load_be(work->s, tasks[i].signature + 32);
        if (in_range(key->user.curve, work->c) && in_range(key->user.curve, work->s))
            loaded++;
    }
    return loaded;
}

/* u1 and u2 of ES256: all s inverted at once. works[i].product = s_0·…·s_i, each factor after the
 * first bringing 2^-256 along; going back, `inverse` is 2^256 over that product at every step, and
 * so each quotient is 2^256/s_i. */
static void scalars_es256(const struct qf_curve *curve, struct work *works, size_t count)
{
    memcpy(works[0].product, works[0].s, sizeof works[0].product);
    for (size_t i = 1; i < count; i++)
        qf_curve_mul_n(curve, works[i].product, works[i].s, works[i - 1].product);
    uint64_t inverse[QF_LIMBS];
    qf_curve_inv_n(curve, inverse, works[count - 1].product);
    for (size_t i = count; i-- > 0;) {
        struct work *work = &works[i];
        uint64_t w[QF_LIMBS];
        uint64_t e[QF_LIMBS];
        if (i > 0) {
            qf_curve_mul_n(curve, w, inverse, works[i - 1].product);
            qf_curve_mul_n(curve, inverse, inverse, work->s);
        } else {
            memcpy(w, inverse, sizeof w);
        }
        qf_number_load_be(e, work->task->digest);
        qf_curve_mul_n(curve, work->u1, e, w);
        qf_curve_mul_n(curve, work->u2, work->c, w);
    }
}

/* u1, u2 and c of SM2; drops those whose t is 0. */
static size_t scalars_sm2(const struct qf_curve *curve, struct work *works, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        struct work *work = &works[kept];
        if (kept != i)
            *work = works[i];
        uint64_t sum[QF_LIMBS];
        if (qf_number_add(sum, work->c, work->s) || !qf_number_less(sum, curve->n))
            (void)qf_number_sub(sum, sum, curve->n);
        if (qf_number_is_zero(sum))
            continue;
        memcpy(work->u1, work->s, sizeof work->u1);
        memcpy(work->u2, sum, sizeof work->u2);
        uint64_t e[QF_LIMBS];
        qf_number_load_be(e, work->task->digest);
        curve->mod_n(e, e);
        if (qf_number_sub(work->c, work->c, e))
            (void)qf_number_add(work->c, work->c, curve->n);
        kept++;
    }
    return kept;
}

/* Whether x of the point, modulo n, is c. */
static bool has_x(const struct qf_curve *curve, const struct qf_jacobian *point,
                  const uint64_t c[QF_LIMBS])
{
    if (qf_number_is_zero(point->z))
        return false;
    uint64_t zz[QF_LIMBS];
    uint64_t x[QF_LIMBS];
    curve->sqr(zz, point->z);
    curve->mul(zz, zz, curve->p_r2); /* twice in Montgomery form, c not at all: once together */
    curve->mul(x, c, zz);
    if (qf_number_equal(x, point->x))
        return true;
    if (!qf_number_less(c, curve->p_minus_n))
        return false;
    uint64_t wrapped[QF_LIMBS];
    (void)qf_number_add(wrapped, c, curve->n);
    curve->mul(x, wrapped, zz);
    return qf_number_equal(x, point->x);
}

static bool check_point(const struct work *work, const struct qf_affine *generator,
                        const struct qf_affine *table)
{
    const struct qf_curve *curve = work->key->user.curve;
    struct qf_jacobian first;
    struct qf_jacobian second;
    qf_table_sum(curve, &qf_generator_shape, &first, generator, &work->digits1);
    if (table != NULL) {
        qf_table_sum(curve, &qf_key_shape, &second, table, &work->digits2);
    } else {
        struct qf_jacobian q;
        memcpy(q.x, work->key->user.point.x, sizeof q.x);
        memcpy(q.y, work->key->user.point.y, sizeof q.y);
        memcpy(q.z, curve->p_one, sizeof q.z);
        curve->jscalarmul(&second, work->u2, &q);
    }
    qf_curve_add_complete(curve, &first, &first, &second);
    return has_x(curve, &first, work->c);
}

/* The tasks of one curve, hot and cold. While one is summed up, the next one's entries come from
 * memory. */
static void check_curve(struct fast *fast, enum qf_sig_alg alg, struct qf_verify_task *tasks,
                        size_t count)
{
    struct work works[QF_VERIFY_BATCH_MAX];
    struct qf_table_user *users[QF_VERIFY_BATCH_MAX];
    const void *tables[QF_VERIFY_BATCH_MAX];
    const struct qf_curve *curve = qf_curve_of(alg, fast->arith);
    count = load(works, alg, tasks, count);
    if (count > 0 && alg == QF_ALG_SM2_SM3)
        count = scalars_sm2(curve, works, count);
    else if (count > 0)
        scalars_es256(curve, works, count);
    if (count == 0)
        return;
    const struct qf_affine *generator = qf_table_generator(alg);
    for (size_t i = 0; i < count; i++)
        users[i] = &works[i].key->user;
    qf_table_cache_acquire(fast->tables, users, tables, count);
    for (size_t i = 0; i <= count; i++) {
        if (i < count) {
            qf_table_digits(curve, &qf_generator_shape, &works[i].digits1, works[i].u1);
            qf_table_prefetch(&qf_generator_shape, generator, &works[i].digits1);
            if (tables[i] != NULL) {
                qf_table_digits(curve, &qf_key_shape, &works[i].digits2, works[i].u2);
                qf_table_prefetch(&qf_key_shape, tables[i], &works[i].digits2);
            }
        }
        if (i > 0)
            works[i - 1].task->good = check_point(&works[i - 1], generator, tables[i - 1]);
    }
    qf_table_cache_release(fast->tables, users, tables, count);
}

/* k = SHA-512(R ‖ A ‖ M) mod L. */
static void challenge(struct fast *fast, uint64_t k[QF_LIMBS], const struct qf_verify_task *task)
{
    uint64_t hash[8];
    unsigned size = 0;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    QF_ASSERT(ctx != NULL && EVP_DigestInit_ex2(ctx, fast->sha512, NULL) == 1);
    QF_ASSERT(EVP_DigestUpdate(ctx, task->signature, 32) == 1);
    QF_ASSERT(EVP_DigestUpdate(ctx, task->key->key.bytes, 32) == 1);
    if (task->message.size > 0)
        QF_ASSERT(EVP_DigestUpdate(ctx, task->message.data, task->message.size) == 1);
    QF_ASSERT(EVP_DigestFinal_ex(ctx, (uint8_t *)hash, &size) == 1 && size == sizeof hash);
    EVP_MD_CTX_free(ctx);
    bignum_mod_n25519(k, 8, hash);
}

/* An Ed25519 signature while it is worked on. */
struct ed_work {
    struct qf_verify_task *task;
    uint64_t k[QF_LIMBS];
    uint64_t s[QF_LIMBS];
    struct qf_digits digits_k;
    struct qf_digits digits_s;
};

static bool is_encoding(const uint64_t xy[ED_SIZE], const uint8_t r[32])
{
    uint8_t encoded[32];
    edwards25519_encode(encoded, xy);
    return memcmp(encoded, r, sizeof encoded) == 0;
}

/* Signatures whose s is below L, with their k. */
static size_t load_edwards(struct fast *fast, struct ed_work *works, struct qf_verify_task *tasks,
                           size_t count)
{
    static const uint64_t order[QF_LIMBS] = {0x5812631a5cf5d3ed, 0x14def9dea2f79cd6, 0,
                                             0x1000000000000000};
    size_t loaded = 0;
    for (size_t i = 0; i < count; i++) {
        struct ed_work *work = &works[loaded];
        if (fast_key_of(tasks[i].key)->kind != KEY_EDWARDS)
            continue;
        work->task = &tasks[i];
        memcpy(work->s, tasks[i].signature + 32, sizeof work->s);
        if (!qf_number_less(work->s, order))
            continue;
        challenge(fast, work->k, &tasks[i]);
        loaded++;
    }
    return loaded;
}

/* s·B − k·A of those whose key has a table, all made affine together. */
static void sum_edwards(const struct qf_edwards *edwards, struct ed_work *works,
                        const void *const *tables, size_t count)
{
    struct qf_edwards_scratch sums[QF_VERIFY_BATCH_MAX];
    struct ed_work *of[QF_VERIFY_BATCH_MAX];
    const struct qf_edwards_entry *base = qf_edwards_generator();
    size_t hot = 0;
    for (size_t i = 0; i < count; i++) {
        struct ed_work *work = &works[i];
        if (tables[i] == NULL)
            continue;
        qf_table_digits_plain(&qf_generator_shape, &work->digits_s, work->s, false);
        qf_table_digits_plain(&qf_edwards_shape, &work->digits_k, work->k, false);
        qf_edwards_prefetch(&qf_generator_shape, base, &work->digits_s);
        qf_edwards_prefetch(&qf_edwards_shape, tables[i], &work->digits_k);
        sums[hot].point = qf_edwards_zero;
        qf_edwards_sum(edwards, &qf_generator_shape, &sums[hot].point, base, &work->digits_s);
        qf_edwards_sum(edwards, &qf_edwards_shape, &sums[hot].point, tables[i], &work->digits_k);
        of[hot++] = work;
    }
    if (hot > 0)
        qf_edwards_to_affine(edwards, sums, hot);
    for (size_t i = 0; i < hot; i++) {
        uint64_t xy[ED_SIZE];
        memcpy(xy, sums[i].point.x, sizeof sums[i].point.x);
        memcpy(xy + QF_LIMBS, sums[i].point.y, sizeof sums[i].point.y);
        of[i]->task->good = is_encoding(xy, of[i]->task->signature);
    }
}

static void check_edwards(struct fast *fast, struct qf_verify_task *tasks, size_t count)
{
    struct ed_work works[QF_VERIFY_BATCH_MAX];
    struct qf_table_user *users[QF_VERIFY_BATCH_MAX];
    const void *tables[QF_VERIFY_BATCH_MAX];
    const struct qf_edwards *edwards = qf_edwards_of(fast->arith);
    count = load_edwards(fast, works, tasks, count);
    if (count == 0)
        return;
    for (size_t i = 0; i < count; i++)
        users[i] = &fast_key_of(works[i].task->key)->user;
    qf_table_cache_acquire(fast->tables, users, tables, count);
    sum_edwards(edwards, works, tables, count);
    for (size_t i = 0; i < count; i++) {
        if (tables[i] != NULL)
            continue;
        uint64_t minus_a[ED_SIZE];
        uint64_t xy[ED_SIZE];
        memcpy(minus_a, users[i]->point.x, sizeof users[i]->point.x);
        memcpy(minus_a + QF_LIMBS, users[i]->point.y, sizeof users[i]->point.y);
        edwards->mul_double(xy, works[i].k, minus_a, works[i].s);
        works[i].task->good = is_encoding(xy, works[i].task->signature);
    }
    qf_table_cache_release(fast->tables, users, tables, count);
}

static void check(void *self, struct qf_verify_task *tasks, size_t count)
{
    struct fast *fast = self;
    unsigned seen = 0;
    for (size_t i = 0; i < count; i++) {
        seen |= 1U << tasks[i].key->key.alg;
        if (fast_key_of(tasks[i].key)->kind == KEY_ASK_OPENSSL)
            tasks[i].good = qf_verify_openssl(tasks[i].key, &tasks[i]);
    }
    if ((seen & 1U << QF_ALG_EDDSA) != 0)
        check_edwards(fast, tasks, count);
    if ((seen & 1U << QF_ALG_ES256) != 0)
        check_curve(fast, QF_ALG_ES256, tasks, count);
    if ((seen & 1U << QF_ALG_SM2_SM3) != 0)
        check_curve(fast, QF_ALG_SM2_SM3, tasks, count);
}

static void settle(void *self)
{
    qf_table_cache_settle(((struct fast *)self)->tables);
}

static void add_stats(void *self, struct qf_verifier_stats *stats)
{
    struct qf_table_stats tables = qf_table_cache_stats(((struct fast *)self)->tables);
    stats->tables = tables.tables;
    stats->tables_max = tables.places;
    stats->built = tables.built;
    stats->replaced = tables.replaced;
}

static void fast_free(void *self)
{
    struct fast *fast = self;
    if (fast == NULL)
        return;
    qf_table_cache_free(fast->tables);
    EVP_MD_free(fast->sha512);
    free(fast);
}

struct qf_table_cache *qf_verify_fast_tables(const struct qf_verify_impl *impl)
{
    return ((struct fast *)impl->self)->tables;
}

/* Three generators' tables, and the keys themselves. */
size_t qf_verify_fast_beside(void)
{
    return (2 * sizeof(struct qf_affine) + sizeof(struct qf_edwards_entry)) * QF_GENERATOR_ENTRIES +
           QF_VERIFY_KEYS_MAX * (sizeof(struct qf_known_key) + sizeof(struct fast_key));
}

enum qf_status qf_verify_fast_new(struct qf_verify_impl *out, size_t cache_size_max,
                                  enum qf_arith arith, struct qf_error *err)
{
    size_t beside = qf_verify_fast_beside();
    size_t tables_size = cache_size_max > beside ? cache_size_max - beside : 0;
    struct fast *fast = calloc(1, sizeof *fast);
    if (fast == NULL)
        return qf_fail(err, QF_NO_MEMORY, "verifier", "no memory");
    fast->arith = arith;
    fast->sha512 = EVP_MD_fetch(NULL, "SHA512", NULL);
    enum qf_status status = QF_OK;
    if (fast->sha512 == NULL)
        status = qf_fail(err, QF_CRYPTO, "verifier", "no SHA-512");
    if (status == QF_OK)
        status = qf_table_cache_new(&fast->tables, tables_size, err);
    if (status != QF_OK) {
        fast_free(fast);
        return status;
    }
    *out = (struct qf_verify_impl){
        .name = "fast",
        .keys = {.keys_max = QF_VERIFY_KEYS_MAX,
                 .extra_size = sizeof(struct fast_key),
                 .init = key_init,
                 .deinit = key_deinit,
                 .self = fast},
        .check = check,
        .settle = settle,
        .stats = add_stats,
        .free = fast_free,
        .self = fast,
    };
    return QF_OK;
}
