/* What tests of services share: a network with people, packages made of texts, and looking at what
 * stands in the state. */
#ifndef QF_KERNEL_SERVICE_TESTING_H
#define QF_KERNEL_SERVICE_TESTING_H

#include "kernel/service/service.h"
#include "kernel/testing.h"

/* Keys. a is an authority, b a court, c an enterprise. The first three are admins. */
enum qf_service_person {
    QF_ADMIN_A,
    QF_ADMIN_B,
    QF_ADMIN_C,
    QF_CLERK = 4,   /* a/li, role clerk */
    QF_CLERK_2 = 5, /* a/wang, roles clerk and chief */
    QF_EXPERT = 6,  /* b/zhao, role clerk of the court */
    QF_GUEST = 7,   /* a/guest, no role */
    QF_CLERK_C = 8, /* c/sun, role clerk */
    QF_EXPERT_2 = 9 /* b/qian, role clerk of the court */
};

struct qf_service_package {
    const char *id;
    const char *version;
    const char *process;  /* the content of <definitions>; see QF_SERVICE_PROCESS */
    const char *rules;    /* the content of the DMN's <definitions>, or NULL */
    const char *manifest; /* JSON */
    const char *form;     /* schemas/form.json, or NULL */
};

struct qf_testing_world *qf_service_testing_world(void);
/* The package's bytes, in the world's arena. */
struct qf_slice qf_service_testing_package(struct qf_testing_world *world,
                                           const struct qf_service_package *package);
/* Puts the parts and proposes: the receipt of the proposal, whose id is "<id>-<version>". */
struct qf_receipt qf_service_testing_propose(struct qf_testing_world *world,
                                             const struct qf_service_package *package,
                                             const char *capabilities);
/* a and b vote yes. */
void qf_service_testing_vote(struct qf_testing_world *world, const char *proposal);
/* All of it; the test ends when it is refused. */
void qf_service_testing_deploy(struct qf_testing_world *world,
                               const struct qf_service_package *package);
/* The package is refused when proposed, with these words in the reason. */
void qf_service_testing_refused(struct qf_testing_world *world,
                                const struct qf_service_package *package, const char *words);

/* The only open task of the case in a role's list, or the one at a node; 0: none. */
unsigned qf_service_testing_task(struct qf_testing_world *world, const char *role, const char *id);
unsigned qf_service_testing_task_at(struct qf_testing_world *world, const char *role,
                                    const char *id, const char *node);
const struct qf_json *qf_service_testing_case(struct qf_testing_world *world, const char *id);
/* A variable of the case, or NULL. */
const struct qf_json *qf_service_testing_variable(struct qf_testing_world *world, const char *id,
                                                  const char *name);
void qf_service_testing_status(struct qf_testing_world *world, const char *id, const char *status);
/* An empty block `after_ms` later. */
void qf_service_testing_wait(struct qf_testing_world *world, int64_t after_ms);

#endif
