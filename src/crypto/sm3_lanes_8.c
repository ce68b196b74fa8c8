/* Compiled for AVX2. */
#define QF_SM3_LANES 8
#define QF_SM3_NAME qf_sm3_lanes_8
#include "crypto/sm3_rounds.h"
