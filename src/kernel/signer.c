#include "kernel/signer.h"

#include "codec/text.h"

const char *const qf_member_kind_names[] = {"authority", "court", "auditor", "enterprise", NULL};
const char *const qf_member_status_names[] = {"active", "suspended", "left", NULL};
const char *const qf_key_status_names[] = {"active", "rotated", "revoked", NULL};
const char *const qf_role_names[] = {"admin", "council", "registrar", NULL};

static unsigned index_of(const char *const *names, struct qf_slice text)
{
    unsigned i = 0;
    while (names[i] != NULL && !qf_slice_is(text, names[i]))
        i++;
    QF_ASSERT(names[i] != NULL); /* else a record has a word that spec/state.md does not have */
    return i;
}

enum qf_member_status qf_member_status_of(const struct qf_json *member)
{
    return (enum qf_member_status)index_of(qf_member_status_names,
                                           qf_record_text(member, "status"));
}

enum qf_member_kind qf_member_kind_of(const struct qf_json *member)
{
    return (enum qf_member_kind)(1u
                                 << index_of(qf_member_kind_names, qf_record_text(member, "kind")));
}

uint32_t qf_roles_of(const struct qf_json *roles)
{
    uint32_t bits = 0;
    for (unsigned i = 0; qf_role_names[i] != NULL; i++)
        if (qf_record_has(roles, qf_slice_of(qf_role_names[i])))
            bits |= 1u << i;
    return bits;
}

static void load_key(struct qf_signer *out, const struct qf_json *record)
{
    struct qf_slice actor = qf_record_text(record, "actor");
    struct qf_slice member = qf_record_text(record, "member");
    QF_ASSERT(actor.size <= sizeof out->actor && member.size <= sizeof out->member);
    memcpy(out->actor, actor.data, actor.size);
    memcpy(out->member, member.data, member.size);
    out->actor_size = (uint8_t)actor.size;
    out->member_size = (uint8_t)member.size;
    out->key_status =
        (enum qf_key_status)index_of(qf_key_status_names, qf_record_text(record, "status"));
    struct qf_slice pub = qf_record_text(record, "pub");
    uint8_t bytes[QF_PUBLIC_KEY_SIZE_MAX + 2];
    size_t size = 0;
    bool good = pub.size <= QF_BASE64URL_SIZE(QF_PUBLIC_KEY_SIZE_MAX) &&
                qf_base64url_decode(bytes, &size, pub) && size <= QF_PUBLIC_KEY_SIZE_MAX &&
                qf_sig_alg_parse(&out->key.alg, qf_record_text(record, "alg"));
    QF_ASSERT(good);
    memcpy(out->key.bytes, bytes, size);
    out->key.size = (uint8_t)size;
}

bool qf_signer_load(struct qf_signer *out, const struct qf_state_reader *reader,
                    struct qf_arena *scratch, struct qf_slice kid)
{
    QF_ASSERT(kid.size == QF_KID_SIZE);
    struct qf_arena_mark mark = qf_arena_mark(scratch);
    struct qf_state_key key;
    qf_state_key_make(&key, QF_STATE_KEY, kid);
    const struct qf_json *record = qf_record_get(reader, scratch, &key);
    if (record != NULL) {
        *out = (struct qf_signer){0};
        memcpy(out->kid, kid.data, kid.size);
        load_key(out, record);
        qf_state_key_make2(&key, QF_STATE_ACTOR, qf_signer_member(out), qf_signer_actor(out));
        const struct qf_json *actor = qf_record_get(reader, scratch, &key);
        qf_state_key_make(&key, QF_STATE_MEMBER, qf_signer_member(out));
        const struct qf_json *member = qf_record_get(reader, scratch, &key);
        QF_ASSERT(actor != NULL && member != NULL);
        out->roles = qf_roles_of(qf_json_get(actor, "roles"));
        out->member_status = qf_member_status_of(member);
        out->member_kind = qf_member_kind_of(member);
        qf_kernel_term_actor(&out->actor_term, qf_signer_member(out), qf_signer_actor(out));
        qf_kernel_term_text(&out->member_term, QF_TERM_MEMBER, qf_signer_member(out));
    }
    qf_arena_release(scratch, mark);
    return record != NULL;
}

enum qf_status qf_signer_standing(const struct qf_signer *signer, struct qf_error *err)
{
    if (signer->key_status != QF_KEY_IS_ACTIVE)
        return qf_fail(err, QF_KEY_REVOKED, "kid", "the key is %s",
                       qf_key_status_names[signer->key_status]);
    if (signer->member_status != QF_MEMBER_IS_ACTIVE)
        return qf_fail(err, QF_MEMBER_SUSPENDED, "kid", "member %.*s %s",
                       QF_SLICE_ARGS(qf_signer_member(signer)),
                       signer->member_status == QF_MEMBER_HAS_LEFT ? "has left" : "is suspended");
    return QF_OK;
}
