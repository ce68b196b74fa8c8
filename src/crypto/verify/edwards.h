/* edwards25519 over s2n-bignum, and tables of the multiples of a point of it: what point_table.h is
 * to P-256 and SM2. The addition here is complete (−1 is a square and d is none, RFC 7748 4.1), so
 * any two points may be added, points of small order included, and sums need no argument about
 * their order. Scalars are below L < 2^253 and used as they are.
 *
 * Numbers are four little-endian limbs modulo 2^255 − 19, not in Montgomery form. Plain data; any
 * thread may use it. */
#ifndef QF_CRYPTO_VERIFY_EDWARDS_H
#define QF_CRYPTO_VERIFY_EDWARDS_H

#include "crypto/verify/point_table.h"

struct qf_edwards_point { /* extended: x = X/Z, y = Y/Z, T = x·y·Z */
    uint64_t x[QF_LIMBS];
    uint64_t y[QF_LIMBS];
    uint64_t z[QF_LIMBS];
    uint64_t t[QF_LIMBS];
};

struct qf_edwards_entry {
    _Alignas(32) uint64_t y_minus_x[QF_LIMBS];
    uint64_t y_plus_x[QF_LIMBS];
    uint64_t dxy2[QF_LIMBS]; /* 2·d·x·y */
};

struct qf_edwards {
    qf_number_fn2 *mul;
    void (*add)(struct qf_edwards_point *out, const struct qf_edwards_point *a,
                const struct qf_edwards_point *b);
    void (*add_entry)(struct qf_edwards_point *out, const struct qf_edwards_point *a,
                      const struct qf_edwards_entry *b);
    void (*twice)(struct qf_edwards_point *out, const struct qf_edwards_point *a);
    uint64_t (*decode)(uint64_t *xy, const uint8_t *bytes); /* 0: done */
    /* k·P + s·B, affine. */
    void (*mul_double)(uint64_t *xy, const uint64_t *k, const uint64_t *point, const uint64_t *s);
};

const struct qf_edwards *qf_edwards_of(enum qf_arith arith);

/* 64 additions from 48 KiB for a key, 32 from 384 KiB for the base point. */
#define QF_EDWARDS_BITS 4
#define QF_EDWARDS_ENTRIES QF_TABLE_ENTRIES(QF_EDWARDS_BITS)
extern const struct qf_table_shape qf_edwards_shape;

struct qf_edwards_scratch {
    struct qf_edwards_point point;
    uint64_t product[QF_LIMBS];
};

/* The multiples of the affine point `xy` (x, then y). */
void qf_edwards_build(const struct qf_edwards *edwards, const struct qf_table_shape *shape,
                      struct qf_edwards_entry *table, const uint64_t xy[2 * QF_LIMBS],
                      struct qf_edwards_scratch *scratch);

/* The base point's table (qf_generator_shape), made when it is first asked for, and kept. */
const struct qf_edwards_entry *qf_edwards_generator(void);

void qf_edwards_prefetch(const struct qf_table_shape *shape, const struct qf_edwards_entry *table,
                         const struct qf_digits *digits);

extern const struct qf_edwards_point qf_edwards_zero;

/* sum += the point of the digits. */
void qf_edwards_sum(const struct qf_edwards *edwards, const struct qf_table_shape *shape,
                    struct qf_edwards_point *sum, const struct qf_edwards_entry *table,
                    const struct qf_digits *digits);

/* Replaces (X, Y, Z) by (x, y, unspecified) in each of `count` points, with one inversion. */
void qf_edwards_to_affine(const struct qf_edwards *edwards, struct qf_edwards_scratch *points,
                          size_t count);

#endif
