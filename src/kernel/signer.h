/* Who signs: a key with its actor and its member, read from three records of the state into plain
 * data, so that authority is decided without reading again. */
#ifndef QF_KERNEL_SIGNER_H
#define QF_KERNEL_SIGNER_H

#include "kernel/record.h"

enum qf_key_status {
    QF_KEY_IS_ACTIVE,
    QF_KEY_IS_ROTATED,
    QF_KEY_IS_REVOKED,
};

enum qf_member_status {
    QF_MEMBER_IS_ACTIVE,
    QF_MEMBER_IS_SUSPENDED,
    QF_MEMBER_HAS_LEFT,
};

/* Kinds of member; bits, so that a row of the op table can name several. */
enum qf_member_kind {
    QF_KIND_AUTHORITY = 1,
    QF_KIND_COURT = 2,
    QF_KIND_AUDITOR = 4,
    QF_KIND_ENTERPRISE = 8,
};

/* Roles that the kernel itself knows; all others are words for services. */
enum qf_role {
    QF_ROLE_ADMIN = 1,     /* "admin": actors and keys of the own member */
    QF_ROLE_COUNCIL = 2,   /* "council": proposes and votes for the member */
    QF_ROLE_REGISTRAR = 4, /* "registrar": subjects */
};

extern const char *const qf_member_kind_names[];   /* NULL-terminated, in the order of the bits */
extern const char *const qf_member_status_names[]; /* in the order of the enum */
extern const char *const qf_key_status_names[];
extern const char *const qf_role_names[]; /* NULL-terminated, in the order of the bits */

struct qf_signer {
    char kid[QF_KID_SIZE];
    struct qf_public_key key;
    enum qf_key_status key_status;
    enum qf_member_status member_status;
    enum qf_member_kind member_kind;
    uint32_t roles; /* bits of enum qf_role */
    uint8_t actor_size;
    uint8_t member_size;
    char actor[QF_ID_SIZE_MAX];
    char member[QF_MEMBER_ID_SIZE_MAX];
    struct qf_kernel_term actor_term;
    struct qf_kernel_term member_term;
};

static inline struct qf_slice qf_signer_actor(const struct qf_signer *signer)
{
    return qf_slice_make(signer->actor, signer->actor_size);
}

static inline struct qf_slice qf_signer_member(const struct qf_signer *signer)
{
    return qf_slice_make(signer->member, signer->member_size);
}

/* False when no such key is in the state. `scratch` is used and given back. */
bool qf_signer_load(struct qf_signer *out, const struct qf_state_reader *reader,
                    struct qf_arena *scratch, struct qf_slice kid);

/* QF_OK, or QF_KEY_REVOKED or QF_MEMBER_SUSPENDED with the reason. */
QF_MUST_CHECK enum qf_status qf_signer_standing(const struct qf_signer *signer,
                                                struct qf_error *err);

enum qf_member_status qf_member_status_of(const struct qf_json *member);
enum qf_member_kind qf_member_kind_of(const struct qf_json *member);
/* Bits of the roles in an array of texts. */
uint32_t qf_roles_of(const struct qf_json *roles);

#endif
