#define QF_SM3_LANES 1
#define QF_SM3_NAME qf_sm3_lanes_1
#include "crypto/sm3_rounds.h"
