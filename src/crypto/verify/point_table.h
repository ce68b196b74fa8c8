/* Tables of the multiples of one point, and sums over them.
 *
 * A scalar u below n is written as ±v with v = min(u, n − u) ≤ (n − 1)/2 < 2^255, and v in signed
 * digits of w bits: v = Σ d_j·2^(w·j), |d_j| ≤ 2^(w−1), the last digit not negative. Row j of the
 * table holds k·2^(w·j)·P for k = 1 … 2^(w−1) (in the last row as far as its digit goes), affine
 * and in Montgomery form. So u·P is a sum of one entry or its negative from each row: no doubling.
 *
 * No exceptional case. The sum runs from row 0 upwards. Before row j it is S = s·P with
 *     |s| ≤ Σ_{i<j} 2^(w−1)·2^(w·i) < 2^(w·j)·2^(w−1)/(2^w − 1) < 2^(w·j),
 * and the entry to be added is e·P with |e| = |d_j|·2^(w·j) ≥ 2^(w·j) > |s|. So e ± s is not zero,
 * and |e| + |s| < n: at most 2^255 + 2^(w·j)·0.52 with w·j ≤ 250, against n > 2^255·1.99. Hence
 * neither e ≡ s nor e ≡ −s modulo n, the order of P: the two points are never equal nor opposite,
 * whatever P and u are. S is at infinity just before the first entry, which is therefore copied,
 * not added (for the same reason it never returns there). This is all that the mixed addition asks.
 *
 * Building. Row heads 2^(w·j)·P by doublings; the entries k·H = (k − 1)·H + H of a row, where
 * k = 2 is a doubling and for k ≥ 3 the points (k − 1)·H and H are neither equal nor opposite since
 * 2 ≤ k − 1 < 2^w and H has the prime order n. All are made affine with one inversion. */
#ifndef QF_CRYPTO_VERIFY_POINT_TABLE_H
#define QF_CRYPTO_VERIFY_POINT_TABLE_H

#include "crypto/verify/curve.h"

struct qf_table_shape {
    unsigned bits; /* w */
    unsigned rows;
    unsigned row_size; /* entries of a row but the last: 2^(w−1) */
    unsigned last_size;
};

#define QF_TABLE_SHAPE(w)                                                                          \
    {                                                                                              \
        .bits = (w), .rows = QF_TABLE_ROWS(w), .row_size = 1U << ((w)-1),                          \
        .last_size = QF_TABLE_LAST(w)                                                              \
    }
/* 255 bits in rows of w; the last digit takes the carry too, so it needs no sign. */
#define QF_TABLE_ROWS(w) (255U / (w) + (255U % (w) != 0))
#define QF_TABLE_LAST(w) (1U << (255U - (w) * (QF_TABLE_ROWS(w) - 1)))
#define QF_TABLE_ENTRIES(w) ((QF_TABLE_ROWS(w) - 1) * (1U << ((w)-1)) + QF_TABLE_LAST(w))

/* A key's table: 51 additions from 52 KiB. The generator's: 32 from 256 KiB, which stays in the
 * second-level cache. */
#define QF_KEY_BITS 5
#define QF_KEY_ROWS QF_TABLE_ROWS(QF_KEY_BITS)
#define QF_KEY_ENTRIES QF_TABLE_ENTRIES(QF_KEY_BITS)
#define QF_GENERATOR_BITS 8
#define QF_GENERATOR_ROWS QF_TABLE_ROWS(QF_GENERATOR_BITS)
#define QF_GENERATOR_ENTRIES QF_TABLE_ENTRIES(QF_GENERATOR_BITS)
#define QF_ROWS_MAX 64

extern const struct qf_table_shape qf_key_shape;
extern const struct qf_table_shape qf_generator_shape;

static inline size_t qf_table_entries(const struct qf_table_shape *shape)
{
    return (size_t)(shape->rows - 1) * shape->row_size + shape->last_size;
}

/* Fills `table` (qf_table_entries of them) with the multiples of `point`, which must be on the
 * curve. `scratch` holds as many Jacobian points and as many numbers. */
struct qf_table_scratch {
    struct qf_jacobian point;
    uint64_t product[QF_LIMBS];
};
void qf_table_build(const struct qf_curve *curve, const struct qf_table_shape *shape,
                    struct qf_affine *table, const struct qf_affine *point,
                    struct qf_table_scratch *scratch);

/* The generator's table, made when it is first asked for, and kept. */
const struct qf_affine *qf_table_generator(enum qf_sig_alg alg);

/* The signed digits of ±min(u, n − u), the sign put into them; u < n. */
struct qf_digits {
    int16_t of[QF_ROWS_MAX];
};
void qf_table_digits(const struct qf_curve *curve, const struct qf_table_shape *shape,
                     struct qf_digits *out, const uint64_t u[QF_LIMBS]);
/* The signed digits of v < 2^255, or of −v. */
void qf_table_digits_plain(const struct qf_table_shape *shape, struct qf_digits *out,
                           const uint64_t v[QF_LIMBS], bool negative);

/* Asks for the entries that a sum will need: they come while something else is worked out. */
void qf_table_prefetch(const struct qf_table_shape *shape, const struct qf_affine *table,
                       const struct qf_digits *digits);

/* out = u·P. */
void qf_table_sum(const struct qf_curve *curve, const struct qf_table_shape *shape,
                  struct qf_jacobian *out, const struct qf_affine *table,
                  const struct qf_digits *digits);

#endif
