#include "crypto/verify/curve.h"

#include <pthread.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "base/status.h"
#include "crypto/verify/s2n.h"

#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "s2n-bignum's machines are little-endian"
#endif

/* SEC 2 2.4.2; b and G are brought to Montgomery form by finish(). */
#define P256_NUMBERS                                                                               \
    .p = {0xffffffffffffffff, 0x00000000ffffffff, 0, 0xffffffff00000001},                          \
    .n = {0xf3b9cac2fc632551, 0xbce6faada7179e84, 0xffffffffffffffff, 0xffffffff00000000},         \
    .b = {0x3bce3c3e27d2604b, 0x651d06b0cc53b0f6, 0xb3ebbd55769886bc, 0x5ac635d8aa3a93e7},         \
    .g = {{0xf4a13945d898c296, 0x77037d812deb33a0, 0xf8bce6e563a440f2, 0x6b17d1f2e12c4247},        \
          {0xcbb6406837bf51f5, 0x2bce33576b315ece, 0x8ee7eb4a7c0f9e16, 0x4fe342e2fe1a7f9b}}

/* GB/T 32918.5. */
#define SM2_NUMBERS                                                                                \
    .p = {0xffffffffffffffff, 0xffffffff00000000, 0xffffffffffffffff, 0xfffffffeffffffff},         \
    .n = {0x53bbf40939d54123, 0x7203df6b21c6052b, 0xffffffffffffffff, 0xfffffffeffffffff},         \
    .b = {0xddbcbd414d940e93, 0xf39789f515ab8f92, 0x4d5a9e4bcf6509a7, 0x28e9fa9e9d9f5e34},         \
    .g = {{0x715a4589334c74c7, 0x8fe30bbff2660be1, 0x5f9904466a39c994, 0x32c4ae2c1f198119},        \
          {0x02df32e52139f0a0, 0xd0a9877cc62a4740, 0x59bdcee36b692153, 0xbc3736a2f4f6779c}}

#define P256_FUNCTIONS(suffix)                                                                     \
    .mul = bignum_montmul_p256##suffix, .sqr = bignum_montsqr_p256##suffix,                        \
    .add = bignum_add_p256, .sub = bignum_sub_p256, .inv = bignum_montinv_p256,                    \
    .optneg = bignum_optneg_p256, .mod_n = bignum_mod_n256_4, .jdouble = p256_montjdouble##suffix, \
    .jadd = p256_montjadd##suffix, .jmixadd = p256_montjmixadd##suffix,                            \
    .jscalarmul = p256_montjscalarmul##suffix

#define SM2_FUNCTIONS(suffix)                                                                      \
    .mul = bignum_montmul_sm2##suffix, .sqr = bignum_montsqr_sm2##suffix, .add = bignum_add_sm2,   \
    .sub = bignum_sub_sm2, .inv = bignum_montinv_sm2, .optneg = bignum_optneg_sm2,                 \
    .mod_n = bignum_mod_nsm2_4, .jdouble = sm2_montjdouble##suffix, .jadd = sm2_montjadd##suffix,  \
    .jmixadd = sm2_montjmixadd##suffix, .jscalarmul = sm2_montjscalarmul##suffix

/* Filled in once by finish(); read-only afterwards. */
#if defined(__x86_64__)
static struct qf_curve p256[] = {
    [QF_ARITH_PLAIN] = {P256_NUMBERS, P256_FUNCTIONS(_alt)},
    [QF_ARITH_FULL] = {P256_NUMBERS, P256_FUNCTIONS()},
};
static struct qf_curve sm2[] = {
    [QF_ARITH_PLAIN] = {SM2_NUMBERS, SM2_FUNCTIONS(_alt)},
    [QF_ARITH_FULL] = {SM2_NUMBERS, SM2_FUNCTIONS()},
};
#else
static struct qf_curve p256[] = {[QF_ARITH_PLAIN] = {P256_NUMBERS, P256_FUNCTIONS()}};
static struct qf_curve sm2[] = {[QF_ARITH_PLAIN] = {SM2_NUMBERS, SM2_FUNCTIONS()}};
#endif
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void finish(struct qf_curve *curve)
{
    uint64_t scratch[QF_LIMBS];
    static const uint64_t one[QF_LIMBS] = {1};
    bignum_montifier(QF_LIMBS, curve->p_r2, curve->p, scratch);
    bignum_montifier(QF_LIMBS, curve->n_r2, curve->n, scratch);
    curve->mul(curve->p_one, one, curve->p_r2);
    curve->mul(curve->b, curve->b, curve->p_r2);
    curve->mul(curve->g.x, curve->g.x, curve->p_r2);
    curve->mul(curve->g.y, curve->g.y, curve->p_r2);
    QF_ASSERT(!qf_number_sub(curve->p_minus_n, curve->p, curve->n));
    for (int i = 0; i < QF_LIMBS; i++)
        curve->n_half[i] = curve->n[i] >> 1 | (i < QF_LIMBS - 1 ? curve->n[i + 1] << 63 : 0);
}

/* Asking the processor is slow under a hypervisor, so it is asked once. */
static enum qf_arith best;

static enum qf_arith detect(void)
{
#if defined(__x86_64__)
    unsigned a = 0;
    unsigned b = 0;
    unsigned c = 0;
    unsigned d = 0;
    const unsigned need = 1U << 8 | 1U << 19; /* leaf 7, EBX: BMI2, ADX */
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 1 && (b & need) == need)
        return QF_ARITH_FULL;
#endif
    return QF_ARITH_PLAIN;
}

static void start(void)
{
    best = detect();
    for (enum qf_arith arith = QF_ARITH_PLAIN; arith <= best; arith++) {
        finish(&p256[arith]);
        finish(&sm2[arith]);
    }
}

enum qf_arith qf_arith_best(void)
{
    QF_ASSERT(pthread_once(&once, start) == 0);
    return best;
}

const struct qf_curve *qf_curve_of(enum qf_sig_alg alg, enum qf_arith arith)
{
    QF_ASSERT(alg == QF_ALG_ES256 || alg == QF_ALG_SM2_SM3);
    QF_ASSERT(arith <= qf_arith_best());
    return alg == QF_ALG_ES256 ? &p256[arith] : &sm2[arith];
}

bool qf_curve_decode(const struct qf_curve *curve, struct qf_affine *out, const uint8_t bytes[64])
{
    uint64_t x[QF_LIMBS];
    uint64_t y[QF_LIMBS];
    qf_number_load_be(x, bytes);
    qf_number_load_be(y, bytes + 32);
    if (!qf_number_less(x, curve->p) || !qf_number_less(y, curve->p))
        return false;
    curve->mul(out->x, x, curve->p_r2);
    curve->mul(out->y, y, curve->p_r2);
    uint64_t left[QF_LIMBS];
    uint64_t right[QF_LIMBS];
    curve->sqr(left, out->y);
    curve->sqr(right, out->x); /* x·(x² − 1 − 1 − 1) + b */
    for (int i = 0; i < 3; i++)
        curve->sub(right, right, curve->p_one);
    curve->mul(right, right, out->x);
    curve->add(right, right, curve->b);
    return qf_number_equal(left, right);
}

/* For points with the same x and neither at infinity: whether y is the same as well. */
static bool same_y(const struct qf_curve *curve, const struct qf_jacobian *a,
                   const struct qf_jacobian *b)
{
    uint64_t left[QF_LIMBS]; /* y_a·z_b³ */
    uint64_t right[QF_LIMBS];
    curve->sqr(left, b->z);
    curve->mul(left, left, b->z);
    curve->mul(left, left, a->y);
    curve->sqr(right, a->z);
    curve->mul(right, right, a->z);
    curve->mul(right, right, b->y);
    return qf_number_equal(left, right);
}

void qf_curve_add_complete(const struct qf_curve *curve, struct qf_jacobian *out,
                           const struct qf_jacobian *a, const struct qf_jacobian *b)
{
    struct qf_jacobian sum;
    if (qf_number_is_zero(a->z)) {
        *out = *b;
        return;
    }
    if (qf_number_is_zero(b->z)) {
        *out = *a;
        return;
    }
    /* z of the sum is z_a·z_b·(x_b·z_a² − x_a·z_b²): zero just when the x are the same. */
    curve->jadd(&sum, a, b);
    if (qf_number_is_zero(sum.z) && same_y(curve, a, b))
        curve->jdouble(&sum, a);
    *out = sum;
}

void qf_curve_mul_n(const struct qf_curve *curve, uint64_t *out, const uint64_t *a,
                    const uint64_t *b)
{
    uint64_t product[QF_LIMBS]; /* it works in its result, which therefore must not be a factor */
    bignum_montmul(QF_LIMBS, product, a, b, curve->n);
    memcpy(out, product, sizeof product);
}

void qf_curve_inv_n(const struct qf_curve *curve, uint64_t *out, const uint64_t *a)
{
    uint64_t scratch[3 * QF_LIMBS];
    uint64_t inverse[QF_LIMBS];
    bignum_modinv(QF_LIMBS, inverse, a, curve->n, scratch);
    bignum_montmul(QF_LIMBS, out, inverse, curve->n_r2, curve->n);
}
