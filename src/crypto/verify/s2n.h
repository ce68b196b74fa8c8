/* The functions of s2n-bignum that are used here, with our types for points. What each does and
 * requires stands at the head of its file in vendor/s2n-bignum, its proof in that project.
 *
 * On x86-64 most come in two forms: plain ones with BMI2 and ADX, and `_alt` ones for every
 * processor. On aarch64 both run everywhere and differ in speed only; the plain ones are used. */
#ifndef QF_CRYPTO_VERIFY_S2N_H
#define QF_CRYPTO_VERIFY_S2N_H

#include "crypto/verify/edwards.h"

#define QF_S2N_FIELD(name)                                                                         \
    void bignum_montmul_##name(uint64_t *z, const uint64_t *x, const uint64_t *y);                 \
    void bignum_montsqr_##name(uint64_t *z, const uint64_t *x);

#define QF_S2N_POINTS(name)                                                                        \
    void name##_montjdouble QF_S2N_JDOUBLE;                                                        \
    void name##_montjdouble_alt QF_S2N_JDOUBLE;                                                    \
    void name##_montjadd QF_S2N_JADD;                                                              \
    void name##_montjadd_alt QF_S2N_JADD;                                                          \
    void name##_montjmixadd QF_S2N_JMIXADD;                                                        \
    void name##_montjmixadd_alt QF_S2N_JMIXADD;                                                    \
    void name##_montjscalarmul QF_S2N_JSCALARMUL;                                                  \
    void name##_montjscalarmul_alt QF_S2N_JSCALARMUL;

#define QF_S2N_JDOUBLE (struct qf_jacobian * out, const struct qf_jacobian *a)
#define QF_S2N_JADD                                                                                \
    (struct qf_jacobian * out, const struct qf_jacobian *a, const struct qf_jacobian *b)
#define QF_S2N_JMIXADD                                                                             \
    (struct qf_jacobian * out, const struct qf_jacobian *a, const struct qf_affine *b)
#define QF_S2N_JSCALARMUL                                                                          \
    (struct qf_jacobian * out, const uint64_t *scalar, const struct qf_jacobian *point)

QF_S2N_FIELD(p256)
QF_S2N_FIELD(p256_alt)
QF_S2N_FIELD(sm2)
QF_S2N_FIELD(sm2_alt)
QF_S2N_POINTS(p256)
QF_S2N_POINTS(sm2)

void bignum_add_p256(uint64_t *z, const uint64_t *x, const uint64_t *y);
void bignum_sub_p256(uint64_t *z, const uint64_t *x, const uint64_t *y);
void bignum_optneg_p256(uint64_t *z, uint64_t negate, const uint64_t *x);
void bignum_montinv_p256(uint64_t *z, const uint64_t *x);
void bignum_mod_n256_4(uint64_t *z, const uint64_t *x);
void bignum_add_sm2(uint64_t *z, const uint64_t *x, const uint64_t *y);
void bignum_sub_sm2(uint64_t *z, const uint64_t *x, const uint64_t *y);
void bignum_optneg_sm2(uint64_t *z, uint64_t negate, const uint64_t *x);
void bignum_montinv_sm2(uint64_t *z, const uint64_t *x);
void bignum_mod_nsm2_4(uint64_t *z, const uint64_t *x);

void bignum_montifier(uint64_t k, uint64_t *z, const uint64_t *m, uint64_t *scratch);
void bignum_montmul(uint64_t k, uint64_t *z, const uint64_t *x, const uint64_t *y,
                    const uint64_t *m);
void bignum_modinv(uint64_t k, uint64_t *z, const uint64_t *a, const uint64_t *b,
                   uint64_t *scratch);

#define QF_S2N_EDWARDS(suffix)                                                                     \
    void bignum_mul_p25519##suffix(uint64_t *z, const uint64_t *x, const uint64_t *y);             \
    uint64_t edwards25519_decode##suffix(uint64_t *xy, const uint8_t *bytes);                      \
    void edwards25519_epadd##suffix(struct qf_edwards_point *out,                                  \
                                    const struct qf_edwards_point *a,                              \
                                    const struct qf_edwards_point *b);                             \
    void edwards25519_pepadd##suffix(struct qf_edwards_point *out,                                 \
                                     const struct qf_edwards_point *a,                             \
                                     const struct qf_edwards_entry *b);                            \
    void edwards25519_epdouble##suffix(struct qf_edwards_point *out,                               \
                                       const struct qf_edwards_point *a);                          \
    void edwards25519_scalarmuldouble##suffix(uint64_t *xy, const uint64_t *k,                     \
                                              const uint64_t *point, const uint64_t *s);

QF_S2N_EDWARDS()
QF_S2N_EDWARDS(_alt)

void edwards25519_encode(uint8_t *out, const uint64_t *xy);
void bignum_mod_n25519(uint64_t *z, uint64_t k, const uint64_t *x);
void bignum_add_p25519(uint64_t *z, const uint64_t *x, const uint64_t *y);
void bignum_sub_p25519(uint64_t *z, const uint64_t *x, const uint64_t *y);
void bignum_neg_p25519(uint64_t *z, const uint64_t *x);
void bignum_inv_p25519(uint64_t *z, const uint64_t *x);

#endif
