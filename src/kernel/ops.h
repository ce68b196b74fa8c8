/* The table of ops: what there is, what each needs, who may, and the function that applies it. A
 * new op is one row in its module's table and one function; a new kind of thing that can be voted
 * on is one row in a table of actions. Tables are constant; any thread. */
#ifndef QF_KERNEL_OPS_H
#define QF_KERNEL_OPS_H

#include "kernel/schema.h"

struct qf_op_context;

/* How the signer must stand to what the op is about (its target). */
enum qf_relation {
    QF_TO_NOTHING,     /* no relation is asked for */
    QF_TO_OWN_MEMBER,  /* the target belongs to the member that is acted for */
    QF_TO_SELF,        /* the target is the signer himself */
    QF_TO_PARTICIPANT, /* the signer plays one of the target's roles */
    QF_TO_LEAD,        /* the signer leads those of his member who play one of them */
};

/* One way to be allowed: all of it must hold. */
struct qf_may {
    uint32_t roles; /* one of these (enum qf_role); 0: any actor */
    uint32_t kinds; /* the member is one of these (enum qf_member_kind); 0: any */
    enum qf_relation relation;
};

#define QF_MAY_MAX 3

struct qf_op_target {
    struct qf_slice member;
    struct qf_slice actor;   /* empty where the target has none */
    struct qf_slice service; /* that has made it; empty: a person did */
    /* QF_TO_PARTICIPANT, QF_TO_LEAD: who plays which role:
     * [{"actor_role","kinds":[…],"lead_role","members":[…],"role"}…]; what a row does not say is
     * not asked, but that nobody leads where no lead_role is named. */
    const struct qf_json *participants;
    struct qf_slice roles[2];        /* one of them must be played; the first one empty: any */
    const struct qf_json *any_roles; /* takes their place: an array of texts */
};

/* That a service may perform an op, not only people. The op's apply function then finds
 * `performer` in its context (kernel/context.h), and the first event that it leaves is about what
 * it has made. */
struct qf_op_by_service {
    const char *capability; /* that the members must have approved with the service */
    const char *makes;      /* field with the id of what the op makes */
};

/* Ids of what services make begin so, then come the case and a slash. Transactions cannot use
 * them, so that nobody stands in a service's way. */
#define QF_OP_SERVICE_PREFIX "service/"

struct qf_op_row {
    const char *name;
    const char *doc;
    struct qf_fields fields;
    const struct qf_op_by_service *service; /* NULL: people only */
    const struct qf_may *may;               /* alternatives: one must hold */
    size_t may_count;
    /* Finds what the op is about, for the relations; NULL when `may` uses none. */
    enum qf_status (*target)(struct qf_op_context *ctx, const struct qf_json *body,
                             struct qf_op_target *out, struct qf_error *err);
    enum qf_status (*apply)(struct qf_op_context *ctx, const struct qf_json *body,
                            struct qf_error *err);
};

#define QF_MAY(table) .may = (table), .may_count = sizeof(table) / sizeof((table)[0])

/* Something that members vote on; `apply` runs when a proposal has passed. */
struct qf_action_row {
    const char *name;
    const char *doc;
    struct qf_fields fields;
    enum qf_status (*apply)(struct qf_op_context *ctx, const struct qf_json *action,
                            struct qf_error *err);
};

struct qf_module {
    const char *name;
    const char *doc;
    const struct qf_op_row *ops;
    size_t op_count;
    const struct qf_action_row *actions;
    size_t action_count;
};

/* The modules, NULL-terminated, in the order of the documentation. */
extern const struct qf_module *const qf_modules[];

/* NULL when there is none. */
const struct qf_op_row *qf_op_find(struct qf_slice name);
const struct qf_action_row *qf_action_find(struct qf_slice name);

/* The one place that decides: QF_OK, QF_NOT_ALLOWED with who would be allowed, or what finding the
 * target came to. Takes the context's `member` (acted for) as the signer's side. */
QF_MUST_CHECK enum qf_status qf_op_authorise(struct qf_op_context *ctx, const struct qf_op_row *row,
                                             const struct qf_json *body, struct qf_error *err);

/* The same for an op that a service performs: the context's `performer`, acting for `member`. The
 * capability must be approved, the member active, and what the op is about the service's own. */
QF_MUST_CHECK enum qf_status qf_op_authorise_service(struct qf_op_context *ctx,
                                                     const struct qf_op_row *row,
                                                     const struct qf_json *body,
                                                     struct qf_error *err);
/* Whether a field says on whose account the signer acts, which a service has no say in. */
bool qf_op_is_signers(const char *field);

/* Whether another actor of the signer's member would pass for a participant. */
bool qf_op_plays(struct qf_op_context *ctx, const struct qf_op_target *target,
                 struct qf_slice actor);

/* Who may, as a sentence part ("role admin of the same member, or the actor himself"); appended. */
void qf_op_describe_may(struct qf_buf *out, const struct qf_op_row *row);

/* The tables as one canonical JSON document:
 * {"actions":[{"doc","fields":[…],"name"}…],"ops":[{"doc", "fields":[…],"may","name"}…]}; a field
 * is {"choices","doc","fields","item","max","min","name", "required","type"}, without what does not
 * apply. Appended to `out`. */
void qf_ops_describe(struct qf_buf *out);
/* The same as JSON Schema 2020-12, for the components.schemas of an OpenAPI 3.1 document: canonical
 * JSON, an object with "op" (any of them) and "op.<name>", "action" and "action.<name>", and
 * "genesis". */
void qf_ops_describe_schemas(struct qf_buf *out);
/* The same for people: the text of spec/operations.md. */
void qf_ops_describe_markdown(struct qf_buf *out);
/* One table of fields as a Markdown table. */
void qf_fields_describe_markdown(struct qf_buf *out, const struct qf_fields *fields);

#endif
