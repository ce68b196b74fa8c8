/* Compiled for AVX-512F, which rotates in one instruction and has any function of three inputs in
 * one: the number after the inputs is its table of truth. */
#include <immintrin.h>

#define QF_SM3_LANES 16
#define QF_SM3_NAME qf_sm3_lanes_16
#define QF_SM3_ROL(x, n) ((lanes)_mm512_rol_epi32((__m512i)(x), (n)))
#define QF_SM3_TERNARY(a, b, c, truth)                                                             \
    ((lanes)_mm512_ternarylogic_epi32((__m512i)(a), (__m512i)(b), (__m512i)(c), (truth)))
#define QF_SM3_XOR3(a, b, c) QF_SM3_TERNARY(a, b, c, 0x96)
#define QF_SM3_MAJORITY(a, b, c) QF_SM3_TERNARY(a, b, c, 0xe8)
#define QF_SM3_CHOOSE(a, b, c) QF_SM3_TERNARY(a, b, c, 0xca)
#include "crypto/sm3_rounds.h"
