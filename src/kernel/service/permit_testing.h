/* The permit of test/data/service/permit, for tests of services: its package, whole or with words
 * replaced, on a small network with people. Only for programs of cmocka. */
#ifndef QF_KERNEL_SERVICE_PERMIT_TESTING_H
#define QF_KERNEL_SERVICE_PERMIT_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kernel/service/service.h"
#include "kernel/testing.h"

#define DAY 86400000LL

/* Keys: 0 admin of a, 1 of b, 2 of c; 4 and 5 clerks of a, 6 of b, 7 of a without a role. */
enum { A = 0, B = 1, C = 2, CLERK = 4, OTHER = 5, EXPERT = 6, GUEST = 7 };

struct qf_permit_variant {
    const char *version;
    const char *file; /* in which `from` is replaced by `to` */
    const char *from;
    const char *to;
    const char *from_too; /* a second replacement, or NULL */
    const char *to_too;
};

#define PROPOSE                                                                                    \
    "[{\"op\":\"consortium.propose\",\"proposal\":\"%s\",\"action\":{\"do\":\"service.deploy\","   \
    "\"service\":\"permit\",\"version\":\"%s\",\"member\":\"a\",\"hash\":\"%s\"}}]"
#define VOTE "[{\"op\":\"consortium.vote\",\"proposal\":\"%s\",\"choice\":\"yes\"}]"
#define ACTION                                                                                     \
    "[{\"op\":\"consortium.propose\",\"proposal\":\"%s\",\"action\":{\"do\":\"service.%s\","       \
    "\"service\":\"permit\"}}]"
#define OPEN "[{\"op\":\"service.case.open\",\"service\":\"permit\",\"case\":\"%s\"}]"
#define TASK_OP "[{\"op\":\"service.task.%s\",\"case\":\"%s\",\"task\":%u}]"
#define COMPLETE                                                                                   \
    "[{\"op\":\"service.task.complete\",\"case\":\"%s\",\"task\":%u,\"data\":{\"area\":%d}}]"
#define COMPLETE_WITH                                                                              \
    "[{\"op\":\"service.task.complete\",\"case\":\"%s\",\"task\":%u,\"data\":{%s}}]"
#define CHOOSE "[{\"op\":\"service.task.complete\",\"case\":\"%s\",\"task\":%u,\"flows\":[\"%s\"]}]"
#define WITHDRAW "[{\"op\":\"service.case.withdraw\",\"case\":\"%s\"}]"

/* The folder of its documents; before anything else. */
void qf_permit_read_from(const char *path);

/* Its bytes, in the world's arena; and their hash as a proposal names it. */
struct qf_slice qf_permit_package(struct qf_testing_world *world, struct qf_permit_variant variant);
const char *qf_permit_hash(struct qf_testing_world *world, struct qf_slice bytes);
/* Puts a package on the ledger in parts of `part` bytes; returns its hash. */
const char *qf_permit_put(struct qf_testing_world *world, struct qf_slice package, size_t part);
/* a and b vote yes. */
void qf_permit_vote(struct qf_testing_world *world, const char *proposal);
/* Put, proposed and voted for under its version's name. */
void qf_permit_deploy_variant(struct qf_testing_world *world, struct qf_permit_variant variant);
void qf_permit_deploy(struct qf_testing_world *world, const char *version);
/* Fixtures: the network with its people; the same with version 1 deployed. */
int qf_permit_setup(void **state);
int qf_permit_setup_deployed(void **state);
int qf_permit_teardown(void **state);
/* Of a case: its open task in a role's list (0: none), the record, and its status asserted. */
unsigned qf_permit_task(struct qf_testing_world *world, const char *role, const char *id);
const struct qf_json *qf_permit_case(struct qf_testing_world *world, const char *id);
void qf_permit_status(struct qf_testing_world *world, const char *id, const char *status);
/* Whether the state has a key with this prefix. */
bool qf_permit_has_key(struct qf_testing_world *world, const char *prefix);

#endif
