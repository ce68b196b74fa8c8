/* What the benchmarks of services share: the reference service on a network, and its cases.
 *
 *   start ─▶ apply ─▶ (amount > 1000?) ─▶ review ─▶ sign ─▶ end
 *                            └────────────────────▶ sign
 *
 * Every completion brings three variables. Cases are numbered; the same number is the same case. */
#ifndef QF_BENCH_SERVICES_H
#define QF_BENCH_SERVICES_H

#include "network.h"

#define SERVICES_TASKS 3 /* completions of a case */

/* Puts a service onto the network by vote; with `days` above 0 its tasks have a deadline. 0 or -1.
 */
int services_deploy(struct network *network, const char *id, int days);

enum services_step { SERVICES_OPEN, SERVICES_CLAIM, SERVICES_COMPLETE };

/* Transactions of one op each over consecutive cases, for requests_make_kind. */
struct services_work {
    const char *service;
    uint64_t first_case;
    enum services_step step;
    int task; /* 0, 1, 2: of the course */
};
void services_ops(void *arg, struct qf_arena *arena, struct qf_json *ops, uint64_t number);

#endif
