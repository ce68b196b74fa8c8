/* Identity: actors of a member and their keys and roles; subjects, known by pseudonym only;
 * mandates by which somebody acts for another member.
 *
 *      key:  (absent) ── key.add, member.admit, member.appoint ──> active ── key.rotate ──> rotated
 *                                                       └── key.revoke ──> revoked
 * A key never comes back. A member always keeps an admin with an active key: nobody takes the last
 * key or the admin role from himself, and only admins take them from others. */
#ifndef QF_KERNEL_IDENTITY_IDENTITY_H
#define QF_KERNEL_IDENTITY_IDENTITY_H

#include "kernel/context.h"

extern const struct qf_module qf_module_identity;

#define QF_ACTOR_KEYS_MAX 16 /* active keys of an actor */

/* Gives an actor of `member` a key and further roles, and creates him when he is new. `key` is a
 * JWK that has passed the schema. QF_EXISTS (field "key"), QF_OVER_LIMIT. */
QF_MUST_CHECK enum qf_status qf_identity_add_key(struct qf_op_context *ctx, struct qf_slice member,
                                                 struct qf_slice actor, const struct qf_json *key,
                                                 const struct qf_json *roles, struct qf_error *err);

/* An op with "on_behalf": sets the context's member to the one that gave the mandate. QF_NOT_FOUND,
 * QF_WRONG_STATE, QF_NOT_ALLOWED with field "on_behalf"; QF_MEMBER_SUSPENDED. */
QF_MUST_CHECK enum qf_status qf_identity_use_mandate(struct qf_op_context *ctx,
                                                     struct qf_slice mandate, const char *op_name,
                                                     struct qf_error *err);

/* Ops and targets of the files of this folder; the table is in identity.c. */
typedef enum qf_status qf_identity_apply(struct qf_op_context *ctx, const struct qf_json *body,
                                         struct qf_error *err);
typedef enum qf_status qf_identity_target(struct qf_op_context *ctx, const struct qf_json *body,
                                          struct qf_op_target *out, struct qf_error *err);
qf_identity_apply qf_identity_key_add, qf_identity_key_rotate, qf_identity_key_revoke,
    qf_identity_role_grant, qf_identity_role_revoke, qf_identity_subject_register,
    qf_identity_subject_merge, qf_identity_mandate_grant, qf_identity_mandate_revoke;
qf_identity_target qf_identity_target_actor, qf_identity_target_key, qf_identity_target_subject,
    qf_identity_target_mandate;

#endif
