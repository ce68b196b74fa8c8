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

/* Courses of many cases in one transaction, completed up to a task. */
struct services_course {
    const char *service;
    uint64_t first_case;
    uint64_t cases;       /* in a transaction; 1 + tasks ops each */
    int tasks;            /* completed of each; SERVICES_TASKS: the case is over */
    uint64_t claim_every; /* of so many cases one has its open task claimed; 0: none */
};
void services_course_ops(void *arg, struct qf_arena *arena, struct qf_json *ops, uint64_t number);

/* A million finished cases and 100,000 open ones on a node: what they take, how quick work lists
 * are, how long a start takes. Adds the results. 0 or -1. */
struct bench_options;
struct bench_report;
int services_scale(struct bench_report *report, const struct bench_options *options,
                   const char *program);

#endif
