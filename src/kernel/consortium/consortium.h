/* The consortium: its members and their standing, the validators, parameters and calendar of the
 * network, and the proposals by which members change all of these.
 *
 *   member:    admit ──> active <── resume ──┐
 *                          ├──── suspend ──> suspended
 *                          └── remove ──> left <── remove ──┘
 *
 *   proposal:  consortium.propose ──> open ── vote ──> passed (its action is done in the same step)
 *                                      ├───── vote ──> rejected (it can no longer pass)
 *                                      ├─ withdraw ──> withdrawn
 *                                      └─ (block time reaches "expires": votes are refused)
 *
 * A proposal has passed when yes·den > num·total, over the weights of the members that are active
 * now, by the parameters vote_yes_num and vote_yes_den. No action may leave the network without a
 * quorum: see qf_consortium_check_quorum. */
#ifndef QF_KERNEL_CONSORTIUM_CONSORTIUM_H
#define QF_KERNEL_CONSORTIUM_CONSORTIUM_H

#include "kernel/context.h"

#define QF_MEMBERS_MAX 256
#define QF_MEMBER_WEIGHT_MAX 1000000
#define QF_VALIDATORS_MAX 256

extern const struct qf_module qf_module_consortium;

extern const struct qf_fields qf_parameter_fields; /* all optional */
extern const struct qf_fields qf_genesis_fields;

/* The whole of a genesis document; the context has no signer. The caller undoes on failure. */
QF_MUST_CHECK enum qf_status
qf_consortium_found(struct qf_op_context *ctx, const struct qf_json *genesis, struct qf_error *err);

/* QF_OK, or QF_NO_QUORUM with the reason: fewer active members with weight than quorum_members, a
 * share of yes that nothing reaches, or validators none of whose members is active. */
QF_MUST_CHECK enum qf_status qf_consortium_check_quorum(struct qf_op_context *ctx,
                                                        struct qf_error *err);

/* Does the action of a proposal, then checks the quorum. */
QF_MUST_CHECK enum qf_status qf_consortium_do(struct qf_op_context *ctx,
                                              const struct qf_json *action, struct qf_error *err);

/* All members' ids, ascending. */
size_t qf_consortium_members(struct qf_op_context *ctx, struct qf_slice **ids);
const struct qf_json *qf_consortium_member(struct qf_op_context *ctx, struct qf_slice id);
const struct qf_json *qf_consortium_parameters(struct qf_op_context *ctx);

typedef enum qf_status qf_consortium_apply(struct qf_op_context *ctx, const struct qf_json *body,
                                           struct qf_error *err);
/* ops */
qf_consortium_apply qf_consortium_propose, qf_consortium_vote, qf_consortium_withdraw;
enum qf_status qf_consortium_target_proposal(struct qf_op_context *ctx, const struct qf_json *body,
                                             struct qf_op_target *out, struct qf_error *err);
/* actions */
qf_consortium_apply qf_member_admit, qf_member_suspend, qf_member_resume, qf_member_remove,
    qf_member_change, qf_member_appoint, qf_validators_set, qf_parameters_set, qf_calendar_set;

#endif
