/* Services: processes and decisions that members have put on the ledger by vote, and the cases that
 * run on them, every step signed by the person who did it.
 *
 *   package:  service.part (once for each part) ──> proposal of service.deploy ── votes ──> version
 *
 *   service:  service.deploy ──> active <── service.resume ──┐
 *                                  ├────── service.suspend ──> suspended    (no new cases)
 *                                  └────── service.retire ──> retired       (for good)
 *             A case stays on the version that it was opened on.
 *
 *   case:     service.case.open ──> running ──> done | failed
 *                                      └── service.case.withdraw ──> withdrawn
 *             and in between service.task.claim, .release, .complete, service.case.message, and
 * what falls due at the beginning of a block.
 *
 * A package is compiled when it is proposed and when it is first used; what was compiled is kept
 * with the kernel, outside of the state, under the hash of the package. It is a pure cache: with it
 * or without, the same comes out. This is the one place where applying a block may allocate beyond
 * the block's arena.
 *
 * All evaluations of a block together have QF_FEEL_BLOCK_STEPS_MAX steps; timers may use half of
 * them. Reading and writing a case and what is kept beside it cost steps as well
 * (QF_SERVICE_STEP_BYTES, QF_SERVICE_LIST_STEPS), so that large cases cannot stall a block. Whoever
 * comes when they are used up is refused with QF_BUDGET and may come again. */
#ifndef QF_KERNEL_SERVICE_SERVICE_H
#define QF_KERNEL_SERVICE_SERVICE_H

#include "base/limits.h"
#include "bpmn/check.h"
#include "bpmn/feel.h"
#include "dmn/dmn.h"
#include "kernel/context.h"

#define QF_SERVICE_MODELS_MAX 256       /* compiled packages that a kernel keeps */
#define QF_SERVICE_ZONE "Asia/Shanghai" /* a network's, unless it has set another */
#define QF_SERVICE_ZONE_MINUTES 480

_Static_assert((long long)QF_SERVICE_PART_SIZE_MAX *QF_SERVICE_PARTS_MAX >=
                   QF_SERVICE_PACKAGE_SIZE_MAX,
               "the largest package fits into the parts");

extern const struct qf_module qf_module_service;

/* A declared field of a service. */
struct qf_service_field {
    struct qf_slice name;
    const struct qf_feel_type *type;
    int64_t size_max; /* bytes of a text */
    bool sealed;
};

struct qf_service_ruling;

/* A package made ready. Read-only once made. */
struct qf_service_model {
    struct qf_arena arena;
    char hash[80];
    struct qf_slice id;
    struct qf_slice version;
    const struct qf_json *files;
    const struct qf_json *manifest;
    const struct qf_json *participants;
    bool unplanned; /* activities that the process does not allow may be recorded */
    bool imported;  /* steps may carry what another system said of them */
    struct qf_service_field *fields;
    uint32_t field_count;
    struct qf_bpmn_model bpmn;
    struct qf_bpmn_feel feel;
    struct qf_bpmn_program program;
    struct qf_dmn_model *dmn;          /* NULL: the package has no decisions */
    struct qf_service_ruling *rulings; /* one for each decision (decision.h) */
    uint32_t ruling_count;
    /* Not QF_OK: a deployed package that this software does not compile; nothing else is filled. */
    struct qf_error problem;
    const struct qf_service_reporter *reporter; /* while it is compiled, or NULL */
};

/* Something found in a package. */
struct qf_service_problem {
    bool error;       /* else a warning */
    const char *file; /* "process.bpmn"; "package" where it is none of the files */
    struct qf_slice element, id;
    uint32_t line, column; /* 0: not known */
    const char *text;      /* valid during the call */
};
struct qf_dmn_problem;
/* As found in the rules; valid as long as that is. */
struct qf_service_problem qf_service_rule_problem(const struct qf_dmn_problem *problem);
struct qf_service_reporter {
    void (*report)(void *self, const struct qf_service_problem *problem);
    void *self;
};

/* What of the manifest bears on the ledger, but roles and fields; part of compilation. */
QF_MUST_CHECK enum qf_status qf_service_check_manifest(const struct qf_service_model *model,
                                                       struct qf_error *err);
QF_MUST_CHECK enum qf_status qf_service_check_capabilities(const struct qf_service_model *model,
                                                           struct qf_error *err);
void qf_service_check_ops(struct qf_service_model *model); /* problems to the process model */
QF_MUST_CHECK enum qf_status qf_service_check_appeal(const struct qf_service_model *model,
                                                     struct qf_error *err);
/* A declared message, or NULL; and the form that it must meet, or empty. */
const struct qf_json *qf_service_message_of(const struct qf_service_model *model,
                                            struct qf_slice name);
struct qf_slice qf_service_message_form(const struct qf_service_model *model, struct qf_slice name);
/* schemas/NAME of the package, or NULL. */
const struct qf_json *qf_service_form_of(const struct qf_service_model *model,
                                         struct qf_slice name);
/* A declared field, or NULL. */
const struct qf_service_field *qf_service_field_of(const struct qf_service_model *model,
                                                   struct qf_slice name);
/* The hash of the network that the package was deployed on: commitments are made with it. */
enum qf_hash_alg qf_service_hash_alg(const struct qf_service_model *model);

/* Reads, compiles and checks a package. QF_MALFORMED, QF_BAD_FIELD or QF_OVER_LIMIT with file,
 * element and line in the detail. The caller frees. */
QF_MUST_CHECK enum qf_status qf_service_compile(struct qf_service_model **out,
                                                struct qf_slice package, struct qf_slice hash,
                                                struct qf_error *err);
/* The same, and tells everything that is wrong, not only the first thing. */
QF_MUST_CHECK enum qf_status qf_service_inspect(struct qf_service_model **out,
                                                struct qf_slice package, struct qf_slice hash,
                                                const struct qf_service_reporter *reporter,
                                                struct qf_error *err);
void qf_service_free(struct qf_service_model *model);

/* Whether form data may go onto the ledger: fields are declared; open ones of their types, sealed
 * ones commitments; and, with a form (the file's name, may be empty), what its schema asks of what
 * is open. QF_BAD_FIELD with "data.x". */
QF_MUST_CHECK enum qf_status qf_service_check_data(const struct qf_service_model *model,
                                                   struct qf_arena *arena,
                                                   const struct qf_json *data, struct qf_slice form,
                                                   struct qf_error *err);
/* The same of one field alone, and of a sealed one before it is sealed, by who has its value: no
 * node sees it. QF_BAD_FIELD with "data.x". */
QF_MUST_CHECK enum qf_status qf_service_check_clear(const struct qf_service_model *model,
                                                    struct qf_arena *arena,
                                                    const struct qf_json_member *member,
                                                    struct qf_slice form, struct qf_error *err);
/* Whether a form's schema stays within what is checked (kernel/form.h), its properties being fields
 * of the manifest. */
QF_MUST_CHECK enum qf_status qf_service_check_form(const struct qf_service_model *model,
                                                   const struct qf_json *schema,
                                                   struct qf_slice name, struct qf_error *err);

struct qf_service_step;
struct qf_service_outbox;

/* What a kernel keeps for services between blocks (models), within one (budget, calendar), and
 * between finding the target of an op and applying it (step). */
struct qf_services {
    struct qf_service_model *models[QF_SERVICE_MODELS_MAX]; /* the last used first */
    size_t count;
    uint64_t steps;  /* left for the block */
    size_t fell_due; /* cases in which something fell due when the block began, and migrations */
    int64_t due_ms;  /* nothing falls due before it; may be earlier than the next thing */
    char zone[65];   /* the network's when the block began; compiled models have it */
    bool zone_known; /* it was read in this block */
    int32_t zone_s;  /* east of UTC */
    const struct qf_calendar *calendar;
    struct qf_arena scratch; /* one op's */
    struct qf_service_step *step;
    struct qf_service_outbox *outbox; /* what cases send each other (messages.h); scratch */
    bool delivering;
};

void qf_services_deinit(struct qf_services *services);
/* Drops every compiled model. */
void qf_services_forget(struct qf_services *services);

/* Begins a block: renews the budget and lets fall due what is due, oldest first. What does not fit
 * the bounds of a block is left to the next one. */
void qf_services_begin(struct qf_op_context *ctx);

/* Reads the zone of the network as the state had it before the block, once: what is compiled with
 * another one is dropped. */
void qf_services_zone(struct qf_op_context *ctx);
/* Goes on with bringing cases to another version (migrate.c); part of beginning a block. */
void qf_services_migrate(struct qf_op_context *ctx);

/* Takes steps off what the block has left, as far as there are. */
void qf_services_spend(struct qf_services *services, uint64_t steps);

/* The compiled model of a version on the ledger. QF_NOT_FOUND at "version". */
QF_MUST_CHECK enum qf_status qf_services_model(struct qf_op_context *ctx,
                                               const struct qf_service_model **out,
                                               struct qf_slice service, struct qf_slice version,
                                               struct qf_error *err);
/* The same from a package in hand; keeps it. */
QF_MUST_CHECK enum qf_status qf_services_compile(struct qf_services *services,
                                                 const struct qf_service_model **out,
                                                 struct qf_slice package, struct qf_slice hash,
                                                 struct qf_error *err);

/* The working days of the network as the state had them when the block began. */
const struct qf_calendar *qf_services_calendar(struct qf_op_context *ctx);

/* The decision of a business rule task, for qf_bpmn_call; `self` is the step. */
enum qf_status qf_service_decide(void *self, struct qf_arena *arena, struct qf_json *out,
                                 struct qf_slice decision, const struct qf_json *inputs,
                                 struct qf_error *err);

typedef enum qf_status qf_service_apply(struct qf_op_context *ctx, const struct qf_json *body,
                                        struct qf_error *err);
typedef enum qf_status qf_service_target(struct qf_op_context *ctx, const struct qf_json *body,
                                         struct qf_op_target *out, struct qf_error *err);
/* ops */
qf_service_apply qf_service_part, qf_service_case_open, qf_service_case_message,
    qf_service_case_withdraw, qf_service_task_claim, qf_service_task_release,
    qf_service_task_delegate, qf_service_task_complete, qf_service_task_begin,
    qf_service_case_unplanned, qf_service_decision_record, qf_service_case_appeal;
qf_service_target qf_service_target_unplanned, qf_service_target_open, qf_service_target_withdraw,
    qf_service_target_message, qf_service_target_delegate, qf_service_target_appeal,
    qf_service_target_task, qf_service_target_decision;
/* actions */
qf_service_apply qf_service_deploy, qf_service_suspend, qf_service_resume, qf_service_retire,
    qf_service_migrate;

#endif
