/* The compression function of SM3 (GB/T 32905 5.3) over any number of messages side by side: the
 * text of a function, which each sm3_lanes_*.c turns into machine code for its processor.
 *
 * Whoever includes it defines QF_SM3_LANES and QF_SM3_NAME, and may define QF_SM3_ROL, QF_SM3_XOR3,
 * QF_SM3_MAJORITY and QF_SM3_CHOOSE where the processor has better than the plain forms. */
#include <string.h>

#include "crypto/sm3_many.h"

#if QF_SM3_LANES == 1
typedef uint32_t lanes;
#else
typedef uint32_t lanes __attribute__((vector_size(4 * QF_SM3_LANES)));
#endif

#ifndef QF_SM3_ROL
#define QF_SM3_ROL(x, n) (((x) << (n)) | ((x) >> (32 - (n))))
#define QF_SM3_XOR3(a, b, c) ((a) ^ (b) ^ (c))
#define QF_SM3_MAJORITY(a, b, c) (((a) & (b)) | (((a) | (b)) & (c)))
#define QF_SM3_CHOOSE(a, b, c) ((((b) ^ (c)) & (a)) ^ (c))
#endif

/* T_j rotated left by j. */
static const uint32_t qf_sm3_t[64] = {
    0x79cc4519, 0xf3988a32, 0xe7311465, 0xce6228cb, 0x9cc45197, 0x3988a32f, 0x7311465e, 0xe6228cbc,
    0xcc451979, 0x988a32f3, 0x311465e7, 0x6228cbce, 0xc451979c, 0x88a32f39, 0x11465e73, 0x228cbce6,
    0x9d8a7a87, 0x3b14f50f, 0x7629ea1e, 0xec53d43c, 0xd8a7a879, 0xb14f50f3, 0x629ea1e7, 0xc53d43ce,
    0x8a7a879d, 0x14f50f3b, 0x29ea1e76, 0x53d43cec, 0xa7a879d8, 0x4f50f3b1, 0x9ea1e762, 0x3d43cec5,
    0x7a879d8a, 0xf50f3b14, 0xea1e7629, 0xd43cec53, 0xa879d8a7, 0x50f3b14f, 0xa1e7629e, 0x43cec53d,
    0x879d8a7a, 0x0f3b14f5, 0x1e7629ea, 0x3cec53d4, 0x79d8a7a8, 0xf3b14f50, 0xe7629ea1, 0xcec53d43,
    0x9d8a7a87, 0x3b14f50f, 0x7629ea1e, 0xec53d43c, 0xd8a7a879, 0xb14f50f3, 0x629ea1e7, 0xc53d43ce,
    0x8a7a879d, 0x14f50f3b, 0x29ea1e76, 0x53d43cec, 0xa7a879d8, 0x4f50f3b1, 0x9ea1e762, 0x3d43cec5,
};

static inline lanes qf_sm3_expand(const lanes *w)
{
    lanes x = QF_SM3_XOR3(w[-16], w[-9], QF_SM3_ROL(w[-3], 15));
    x = QF_SM3_XOR3(x, QF_SM3_ROL(x, 15), QF_SM3_ROL(x, 23));
    return QF_SM3_XOR3(x, QF_SM3_ROL(w[-13], 7), w[-6]);
}

/* One step on registers whose names rotate instead of their values. */
#define QF_SM3_STEP(a, b, c, d, e, f, g, h, j, ff, gg)                                             \
    do {                                                                                           \
        lanes a12 = QF_SM3_ROL(a, 12);                                                             \
        lanes sum = a12 + (e) + qf_sm3_t[j];                                                       \
        lanes ss1 = QF_SM3_ROL(sum, 7);                                                            \
        lanes tt1 = ff(a, b, c) + (d) + (ss1 ^ a12) + (w[j] ^ w[(j) + 4]);                         \
        lanes tt2 = gg(e, f, g) + (h) + ss1 + w[j];                                                \
        (b) = QF_SM3_ROL(b, 9);                                                                    \
        (d) = tt1;                                                                                 \
        (f) = QF_SM3_ROL(f, 19);                                                                   \
        (h) = QF_SM3_XOR3(tt2, QF_SM3_ROL(tt2, 9), QF_SM3_ROL(tt2, 17));                           \
    } while (0)

#define QF_SM3_FOUR(j, ff, gg)                                                                     \
    QF_SM3_STEP(a, b, c, d, e, f, g, h, (j), ff, gg);                                              \
    QF_SM3_STEP(d, a, b, c, h, e, f, g, (j) + 1, ff, gg);                                          \
    QF_SM3_STEP(c, d, a, b, g, h, e, f, (j) + 2, ff, gg);                                          \
    QF_SM3_STEP(b, c, d, a, f, g, h, e, (j) + 3, ff, gg)

void QF_SM3_NAME(uint32_t *state, const uint32_t *words)
{
    lanes w[68];
    lanes v[8];
    memcpy(w, words, 16 * sizeof w[0]);
    memcpy(v, state, sizeof v);
    for (size_t j = 16; j < 68; j++)
        w[j] = qf_sm3_expand(w + j);
    lanes a = v[0], b = v[1], c = v[2], d = v[3], e = v[4], f = v[5], g = v[6], h = v[7];
    for (size_t j = 0; j < 16; j += 4) {
        QF_SM3_FOUR(j, QF_SM3_XOR3, QF_SM3_XOR3);
    }
    for (size_t j = 16; j < 64; j += 4) {
        QF_SM3_FOUR(j, QF_SM3_MAJORITY, QF_SM3_CHOOSE);
    }
    v[0] ^= a;
    v[1] ^= b;
    v[2] ^= c;
    v[3] ^= d;
    v[4] ^= e;
    v[5] ^= f;
    v[6] ^= g;
    v[7] ^= h;
    memcpy(state, v, sizeof v);
}
