/* SSE2 and NEON, which every x86-64 and aarch64 processor has. */
#define QF_SM3_LANES 4
#define QF_SM3_NAME qf_sm3_lanes_4
#include "crypto/sm3_rounds.h"
