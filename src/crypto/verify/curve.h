/* P-256 and SM2 over s2n-bignum: constants and arithmetic of both curves behind one table, so that
 * what is built on them is written once.
 *
 * Every operation on numbers and points is a function of s2n-bignum with a machine-checked proof of
 * the machine code; what is written here is data, loads, comparisons and the order of calls.
 * Nothing is secret. Plain data after the first qf_curve_of; any thread may use it.
 *
 * Numbers are four little-endian 64-bit limbs. Coordinates are reduced, in Montgomery form
 * (2^256·x mod p). A Jacobian point (x, y, z) is (x/z², y/z³), and the point at infinity when z is
 * 0. The groups have prime order n, so that every point on the curve but infinity has order n, and
 * none has y = 0. */
#ifndef QF_CRYPTO_VERIFY_CURVE_H
#define QF_CRYPTO_VERIFY_CURVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/bytes.h"
#include "crypto/key.h"

#define QF_LIMBS 4

/* One line of the processor's cache, if it begins at one. */
struct qf_affine {
    _Alignas(64) uint64_t x[QF_LIMBS];
    uint64_t y[QF_LIMBS];
};
_Static_assert(sizeof(struct qf_affine) == 64, "a table entry is one cache line");

struct qf_jacobian {
    uint64_t x[QF_LIMBS];
    uint64_t y[QF_LIMBS];
    uint64_t z[QF_LIMBS];
};

typedef void qf_number_fn1(uint64_t *z, const uint64_t *x);
typedef void qf_number_fn2(uint64_t *z, const uint64_t *x, const uint64_t *y);

struct qf_curve {
    uint64_t p[QF_LIMBS];
    uint64_t n[QF_LIMBS];
    uint64_t n_half[QF_LIMBS];    /* (n − 1)/2 */
    uint64_t p_minus_n[QF_LIMBS]; /* both curves have n < p */
    uint64_t p_one[QF_LIMBS];     /* 2^256 mod p: one in Montgomery form */
    uint64_t p_r2[QF_LIMBS];      /* 2^512 mod p: multiplying by it goes to Montgomery form */
    uint64_t n_r2[QF_LIMBS];      /* 2^512 mod n */
    uint64_t b[QF_LIMBS];         /* y² = x³ − 3x + b */
    struct qf_affine g;

    /* Modulo p. */
    qf_number_fn2 *mul; /* x·y/2^256; one factor may be any 256-bit number */
    qf_number_fn1 *sqr;
    qf_number_fn2 *add;
    qf_number_fn2 *sub;
    qf_number_fn1 *inv; /* 2^512/x: the inverse in Montgomery form */
    void (*optneg)(uint64_t *z, uint64_t negate, const uint64_t *x);
    qf_number_fn1 *mod_n; /* of any 256-bit number */

    /* Points. The sum of equal points comes out as infinity, which is wrong; every other sum,
     * opposite points and a first (add: or second) operand at infinity included, comes out right.
     * The result may overwrite an operand. */
    void (*jdouble)(struct qf_jacobian *out, const struct qf_jacobian *a);
    void (*jadd)(struct qf_jacobian *out, const struct qf_jacobian *a, const struct qf_jacobian *b);
    void (*jmixadd)(struct qf_jacobian *out, const struct qf_jacobian *a,
                    const struct qf_affine *b);
    void (*jscalarmul)(struct qf_jacobian *out, const uint64_t *scalar,
                       const struct qf_jacobian *point);
};

enum qf_arith {
    QF_ARITH_PLAIN, /* on x86-64 without BMI2 and ADX */
    QF_ARITH_FULL,
};

/* The best form that this processor runs. */
enum qf_arith qf_arith_best(void);

/* The curve of QF_ALG_ES256 or QF_ALG_SM2_SM3. */
const struct qf_curve *qf_curve_of(enum qf_sig_alg alg, enum qf_arith arith);

/* Whether x‖y (64 bytes, big-endian) are coordinates below p of a point on the curve; fills `out`
 * if so. */
bool qf_curve_decode(const struct qf_curve *curve, struct qf_affine *out, const uint8_t bytes[64]);

/* out = a + b for any two points, equal, opposite and infinite ones included. */
void qf_curve_add_complete(const struct qf_curve *curve, struct qf_jacobian *out,
                           const struct qf_jacobian *a, const struct qf_jacobian *b);

/* out = a·b/2^256 mod n of a < 2^256 and b < n. */
void qf_curve_mul_n(const struct qf_curve *curve, uint64_t *out, const uint64_t *a,
                    const uint64_t *b);
/* out = 2^256/a mod n of 0 < a < n. */
void qf_curve_inv_n(const struct qf_curve *curve, uint64_t *out, const uint64_t *a);

static inline bool qf_number_is_zero(const uint64_t a[QF_LIMBS])
{
    return (a[0] | a[1] | a[2] | a[3]) == 0;
}

static inline bool qf_number_equal(const uint64_t a[QF_LIMBS], const uint64_t b[QF_LIMBS])
{
    return ((a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) | (a[3] ^ b[3])) == 0;
}

static inline bool qf_number_less(const uint64_t a[QF_LIMBS], const uint64_t b[QF_LIMBS])
{
    for (int i = QF_LIMBS - 1; i >= 0; i--)
        if (a[i] != b[i])
            return a[i] < b[i];
    return false;
}

/* z = x − y or x + y modulo 2^256; gives the borrow or carry. */
static inline bool qf_number_sub(uint64_t z[QF_LIMBS], const uint64_t x[QF_LIMBS],
                                 const uint64_t y[QF_LIMBS])
{
    bool borrow = false;
    for (int i = 0; i < QF_LIMBS; i++) {
        uint64_t first = 0;
        bool under = __builtin_sub_overflow(x[i], y[i], &first);
        borrow = __builtin_sub_overflow(first, (uint64_t)borrow, &z[i]) | under;
    }
    return borrow;
}

static inline bool qf_number_add(uint64_t z[QF_LIMBS], const uint64_t x[QF_LIMBS],
                                 const uint64_t y[QF_LIMBS])
{
    bool carry = false;
    for (int i = 0; i < QF_LIMBS; i++) {
        uint64_t first = 0;
        bool over = __builtin_add_overflow(x[i], y[i], &first);
        carry = __builtin_add_overflow(first, (uint64_t)carry, &z[i]) | over;
    }
    return carry;
}

static inline void qf_number_load_be(uint64_t out[QF_LIMBS], const uint8_t bytes[32])
{
    for (size_t i = 0; i < QF_LIMBS; i++)
        out[i] = qf_be64_load(bytes + 8 * (QF_LIMBS - 1 - i));
}

#endif
