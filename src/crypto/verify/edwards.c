#include "crypto/verify/edwards.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/status.h"
#include "crypto/verify/s2n.h"

const struct qf_table_shape qf_edwards_shape = QF_TABLE_SHAPE(QF_EDWARDS_BITS);
const struct qf_edwards_point qf_edwards_zero = {.y = {1}, .z = {1}};

_Static_assert(sizeof(struct qf_edwards_entry) == 96, "entries lie one after another");
_Static_assert(QF_EDWARDS_ENTRIES == 512, "64 rows of 8 entries");

#define FUNCTIONS(suffix)                                                                          \
    {                                                                                              \
        .mul = bignum_mul_p25519##suffix, .add = edwards25519_epadd##suffix,                       \
        .add_entry = edwards25519_pepadd##suffix, .twice = edwards25519_epdouble##suffix,          \
        .decode = edwards25519_decode##suffix, .mul_double = edwards25519_scalarmuldouble##suffix  \
    }

static const struct qf_edwards forms[] = {
#if defined(__x86_64__)
    [QF_ARITH_PLAIN] = FUNCTIONS(_alt),
    [QF_ARITH_FULL] = FUNCTIONS(),
#else
    [QF_ARITH_PLAIN] = FUNCTIONS(),
#endif
};

const struct qf_edwards *qf_edwards_of(enum qf_arith arith)
{
    QF_ASSERT(arith <= qf_arith_best());
    return &forms[arith];
}

static void to_entry(const struct qf_edwards *edwards, struct qf_edwards_entry *out,
                     const uint64_t x[QF_LIMBS], const uint64_t y[QF_LIMBS])
{
    static const uint64_t d2[QF_LIMBS] = {0xebd69b9426b2f159, 0x00e0149a8283b156,
                                          0x198e80f2eef3d130, 0x2406d9dc56dffce7};
    bignum_sub_p25519(out->y_minus_x, y, x);
    bignum_add_p25519(out->y_plus_x, y, x);
    edwards->mul(out->dxy2, x, y);
    edwards->mul(out->dxy2, out->dxy2, d2);
}

void qf_edwards_to_affine(const struct qf_edwards *edwards, struct qf_edwards_scratch *points,
                          size_t count)
{
    /* Montgomery's trick; a point's Z is never 0. */
    memcpy(points[0].product, points[0].point.z, sizeof points[0].product);
    for (size_t i = 1; i < count; i++)
        edwards->mul(points[i].product, points[i - 1].product, points[i].point.z);
    uint64_t inverse[QF_LIMBS];
    bignum_inv_p25519(inverse, points[count - 1].product);
    for (size_t i = count; i-- > 0;) {
        struct qf_edwards_point *point = &points[i].point;
        uint64_t own[QF_LIMBS];
        if (i > 0) {
            edwards->mul(own, inverse, points[i - 1].product);
            edwards->mul(inverse, inverse, point->z);
        } else {
            memcpy(own, inverse, sizeof own);
        }
        edwards->mul(point->x, point->x, own);
        edwards->mul(point->y, point->y, own);
    }
}

void qf_edwards_build(const struct qf_edwards *edwards, const struct qf_table_shape *shape,
                      struct qf_edwards_entry *table, const uint64_t xy[2 * QF_LIMBS],
                      struct qf_edwards_scratch *scratch)
{
    struct qf_edwards_point head = {.z = {1}};
    memcpy(head.x, xy, sizeof head.x);
    memcpy(head.y, xy + QF_LIMBS, sizeof head.y);
    edwards->mul(head.t, head.x, head.y);
    struct qf_edwards_scratch *at = scratch;
    for (unsigned row = 0; row < shape->rows; row++) {
        unsigned size = row + 1 < shape->rows ? shape->row_size : shape->last_size;
        at[0].point = head;
        for (unsigned k = 1; k < size; k++)
            edwards->add(&at[k].point, &at[k - 1].point, &head);
        at += size;
        for (unsigned i = 0; i < shape->bits; i++)
            edwards->twice(&head, &head);
    }
    size_t count = qf_table_entries(shape);
    qf_edwards_to_affine(edwards, scratch, count);
    for (size_t i = 0; i < count; i++)
        to_entry(edwards, &table[i], scratch[i].point.x, scratch[i].point.y);
}

static struct qf_edwards_entry *generator;

static void build_generator(void)
{
    const struct qf_edwards *edwards = qf_edwards_of(qf_arith_best());
    uint8_t base[32]; /* y = 4/5, x even */
    uint64_t xy[2 * QF_LIMBS];
    memset(base, 0x66, sizeof base);
    base[0] = 0x58;
    QF_ASSERT(edwards->decode(xy, base) == 0);
    struct qf_edwards_entry *table = NULL;
    QF_ASSERT(posix_memalign((void **)&table, 4096, QF_GENERATOR_ENTRIES * sizeof *table) == 0);
    struct qf_edwards_scratch *scratch = calloc(QF_GENERATOR_ENTRIES, sizeof *scratch);
    QF_ASSERT(scratch != NULL);
    qf_edwards_build(edwards, &qf_generator_shape, table, xy, scratch);
    free(scratch);
    generator = table;
}

const struct qf_edwards_entry *qf_edwards_generator(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    QF_ASSERT(pthread_once(&once, build_generator) == 0);
    return generator;
}

static const struct qf_edwards_entry *entry_of(const struct qf_table_shape *shape,
                                               const struct qf_edwards_entry *table, unsigned row,
                                               int digit)
{
    unsigned size = (unsigned)(digit < 0 ? -digit : digit);
    return &table[row * shape->row_size + size - 1];
}

void qf_edwards_prefetch(const struct qf_table_shape *shape, const struct qf_edwards_entry *table,
                         const struct qf_digits *digits)
{
    for (unsigned row = 0; row < shape->rows; row++) {
        if (digits->of[row] == 0)
            continue;
        const struct qf_edwards_entry *entry = entry_of(shape, table, row, digits->of[row]);
        __builtin_prefetch(entry); /* 96 bytes lie in two lines */
        __builtin_prefetch(entry->dxy2);
    }
}

void qf_edwards_sum(const struct qf_edwards *edwards, const struct qf_table_shape *shape,
                    struct qf_edwards_point *sum, const struct qf_edwards_entry *table,
                    const struct qf_digits *digits)
{
    for (unsigned row = 0; row < shape->rows; row++) {
        int digit = digits->of[row];
        if (digit == 0)
            continue;
        const struct qf_edwards_entry *entry = entry_of(shape, table, row, digit);
        if (digit > 0) {
            edwards->add_entry(sum, sum, entry);
            continue;
        }
        struct qf_edwards_entry negative;
        memcpy(negative.y_minus_x, entry->y_plus_x, sizeof negative.y_minus_x);
        memcpy(negative.y_plus_x, entry->y_minus_x, sizeof negative.y_plus_x);
        bignum_neg_p25519(negative.dxy2, entry->dxy2);
        edwards->add_entry(sum, sum, &negative);
    }
}
