#include "kernel/identity/identity.h"

static const struct qf_field role_item = {.type = QF_FIELD_TEXT, .min = 1, .max = QF_WORD_SIZE_MAX};
static const struct qf_field scope_item = {
    .type = QF_FIELD_TEXT, .min = 1, .max = QF_WORD_SIZE_MAX};

#define ROLES(optional_, doc_)                                                                     \
    {                                                                                              \
        .name = "roles", .doc = (doc_), .type = QF_FIELD_LIST, .optional = (optional_),            \
        .min = (optional_) ? 0 : 1, .max = QF_ROLES_MAX, .item = &role_item                        \
    }
#define ACTOR(doc_)                                                                                \
    {                                                                                              \
        .name = "actor", .doc = (doc_), .type = QF_FIELD_ID                                        \
    }
#define REASON                                                                                     \
    {                                                                                              \
        .name = "reason", .doc = "Why, for people.", .type = QF_FIELD_TEXT, .optional = true,      \
        .max = 1024                                                                                \
    }
#define SUBJECT(name_, doc_)                                                                       \
    {                                                                                              \
        .name = (name_), .doc = (doc_), .type = QF_FIELD_PSEUDONYM                                 \
    }
#define MANDATE(doc_)                                                                              \
    {                                                                                              \
        .name = "mandate", .doc = (doc_), .type = QF_FIELD_ID                                      \
    }

static const struct qf_field key_add_fields[] = {
    ACTOR("The actor of the signer's member; created when new."),
    {.name = "key", .doc = "The public key.", .type = QF_FIELD_JWK},
    ROLES(true, "Roles that the actor gets, besides those that he has. admin, council and "
                "registrar mean something to the ledger, others to services."),
};

static const struct qf_field key_rotate_fields[] = {
    {.name = "key", .doc = "The new public key.", .type = QF_FIELD_JWK},
    {.name = "kid",
     .doc = "The key that is replaced; without it the one that signs.",
     .type = QF_FIELD_KID,
     .optional = true},
    REASON,
};

static const struct qf_field key_revoke_fields[] = {
    {.name = "kid", .doc = "The key that is revoked.", .type = QF_FIELD_KID},
    REASON,
};

static const struct qf_field role_grant_fields[] = {
    ACTOR("The actor of the signer's member."),
    ROLES(false, "Roles that he gets."),
};

static const struct qf_field role_revoke_fields[] = {
    ACTOR("The actor of the signer's member."),
    REASON,
    ROLES(false, "Roles that he loses; he must have them."),
};

static const struct qf_field subject_register_fields[] = {
    {.name = "commitment",
     .doc = "Salted hash over the identifying data, which stay with the member.",
     .type = QF_FIELD_HASH,
     .optional = true},
    SUBJECT("subject", "The pseudonym. Names and numbers of persons are never on the ledger; the "
                       "form leaves no room for them."),
};

static const struct qf_field subject_merge_fields[] = {
    SUBJECT("into", "The pseudonym that remains."),
    REASON,
    SUBJECT("subject", "The pseudonym that is given up; it stays as a reference to the other."),
};

static const struct qf_field mandate_grant_fields[] = {
    MANDATE("Id of the new mandate."),
    {.name = "scope",
     .doc = "Names of operations, or of modules with all of theirs, that the mandate covers.",
     .type = QF_FIELD_LIST,
     .min = 1,
     .max = 32,
     .item = &scope_item},
    {.name = "to_actor", .doc = "The actor who may act.", .type = QF_FIELD_ID},
    {.name = "to_member", .doc = "His member.", .type = QF_FIELD_MEMBER},
    {.name = "until",
     .doc = "The end, in Unix seconds.",
     .type = QF_FIELD_INT,
     .min = 1,
     .max = 253402300799},
};

static const struct qf_field mandate_revoke_fields[] = {
    MANDATE("The mandate that ends."),
    REASON,
};

static const struct qf_may admin[] = {{.roles = QF_ROLE_ADMIN}};
static const struct qf_may admin_or_self[] = {
    {.roles = QF_ROLE_ADMIN, .relation = QF_TO_OWN_MEMBER},
    {.relation = QF_TO_SELF},
};
static const struct qf_may registrar[] = {
    {.roles = QF_ROLE_ADMIN | QF_ROLE_REGISTRAR, .kinds = QF_KIND_AUTHORITY}};
static const struct qf_may registrar_of_subject[] = {{.roles = QF_ROLE_ADMIN | QF_ROLE_REGISTRAR,
                                                      .kinds = QF_KIND_AUTHORITY,
                                                      .relation = QF_TO_OWN_MEMBER}};

static const struct qf_op_row ops[] = {
    {.name = "identity.key.add",
     .doc = "Registers a public key for an actor of the signer's member.",
     .fields = QF_FIELDS(key_add_fields),
     QF_MAY(admin_or_self),
     .target = qf_identity_target_actor,
     .apply = qf_identity_key_add},
    {.name = "identity.key.rotate",
     .doc = "Replaces a key by a new one of the same actor; the old one is worth nothing from here "
            "on.",
     .fields = QF_FIELDS(key_rotate_fields),
     QF_MAY(admin_or_self),
     .target = qf_identity_target_key,
     .apply = qf_identity_key_rotate},
    {.name = "identity.key.revoke",
     .doc = "Ends a key for good. What it signed before stays.",
     .fields = QF_FIELDS(key_revoke_fields),
     QF_MAY(admin_or_self),
     .target = qf_identity_target_key,
     .apply = qf_identity_key_revoke},
    {.name = "identity.role.grant",
     .doc = "Gives an actor roles.",
     .fields = QF_FIELDS(role_grant_fields),
     QF_MAY(admin),
     .apply = qf_identity_role_grant},
    {.name = "identity.role.revoke",
     .doc = "Takes roles from an actor.",
     .fields = QF_FIELDS(role_revoke_fields),
     QF_MAY(admin),
     .apply = qf_identity_role_revoke},
    {.name = "identity.subject.register",
     .doc = "Registers a citizen or an enterprise under a pseudonym.",
     .fields = QF_FIELDS(subject_register_fields),
     QF_MAY(registrar),
     .apply = qf_identity_subject_register},
    {.name = "identity.subject.merge",
     .doc = "Declares that two pseudonyms are of the same subject.",
     .fields = QF_FIELDS(subject_merge_fields),
     QF_MAY(registrar_of_subject),
     .target = qf_identity_target_subject,
     .apply = qf_identity_subject_merge},
    {.name = "identity.mandate.grant",
     .doc = "Lets an actor, also of another member, act for the signer's member.",
     .fields = QF_FIELDS(mandate_grant_fields),
     QF_MAY(admin),
     .apply = qf_identity_mandate_grant},
    {.name = "identity.mandate.revoke",
     .doc = "Ends a mandate before its time; by an admin of the member that gave it, or by its "
            "holder.",
     .fields = QF_FIELDS(mandate_revoke_fields),
     QF_MAY(admin_or_self),
     .target = qf_identity_target_mandate,
     .apply = qf_identity_mandate_revoke},
};

const struct qf_module qf_module_identity = {
    .name = "identity",
    .doc = "Actors and their keys and roles, subjects, mandates.",
    .ops = ops,
    .op_count = sizeof ops / sizeof ops[0],
};
