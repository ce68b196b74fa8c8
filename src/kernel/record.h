/* Records of the state: their keys, and reading them. spec/state.md describes each kind; the list
 * here and that page are compared by a test. */
#ifndef QF_KERNEL_RECORD_H
#define QF_KERNEL_RECORD_H

#include "kernel/kernel.h"
#include "kernel/schema.h"

/* X(symbol, key or prefix of keys, listed: can be enumerated by prefix). A prefix ends in '/'. */
#define QF_STATE_KIND_LIST(X)                                                                      \
    X(NETWORK, "consortium/network", false)                                                        \
    X(PARAMETERS, "consortium/parameters", false)                                                  \
    X(VALIDATORS, "consortium/validators", false)                                                  \
    X(MEMBER, "consortium/member/", true)                                                          \
    X(TRUST, "consortium/trust/", false)                                                           \
    X(PROPOSAL, "consortium/proposal/", true)                                                      \
    X(CALENDAR, "consortium/calendar/", true)                                                      \
    X(KEY, "identity/key/", false)                                                                 \
    X(ACTOR, "identity/actor/", true)                                                              \
    X(SUBJECT, "identity/subject/", false)                                                         \
    X(MANDATE, "identity/mandate/", true)                                                          \
    X(EVIDENCE, "evidence/record/", false)                                                         \
    X(SERVICE, "service/service/", true)                                                           \
    X(SERVICE_VERSION, "service/version/", false)                                                  \
    X(SERVICE_PACKAGE, "service/package/", false)                                                  \
    X(SERVICE_PART, "service/part/", false)                                                        \
    X(MIGRATION, "service/migration/", true)                                                       \
    X(CASE, "service/case/", false)

enum qf_state_kind {
#define QF_STATE_KIND_ENUM(sym, prefix, listed) QF_STATE_##sym,
    QF_STATE_KIND_LIST(QF_STATE_KIND_ENUM)
#undef QF_STATE_KIND_ENUM
        QF_STATE_KIND_COUNT
};

struct qf_slice qf_state_kind_prefix(enum qf_state_kind kind);
bool qf_state_kind_listed(enum qf_state_kind kind);

struct qf_state_key {
    enum qf_state_kind kind;
    size_t size;
    uint8_t text[QF_STATE_KEY_SIZE_MAX];
};

_Static_assert(sizeof "evidence/record/" + QF_ID_SIZE_MAX <= QF_STATE_KEY_SIZE_MAX &&
                   sizeof "consortium/proposal/" + QF_ID_SIZE_MAX <= QF_STATE_KEY_SIZE_MAX,
               "an id fits behind every prefix");
_Static_assert(sizeof "identity/actor/" + QF_MEMBER_ID_SIZE_MAX + 1 + QF_ID_SIZE_MAX <=
                   QF_STATE_KEY_SIZE_MAX,
               "member and actor fit");

/* prefix ‖ id; with qf_state_key_make2 prefix ‖ a ‖ '/' ‖ b. The ids have been checked for form. */
void qf_state_key_make(struct qf_state_key *out, enum qf_state_kind kind, struct qf_slice id);
void qf_state_key_make2(struct qf_state_key *out, enum qf_state_kind kind, struct qf_slice a,
                        struct qf_slice b);

static inline struct qf_slice qf_state_key_slice(const struct qf_state_key *key)
{
    return qf_slice_make(key->text, key->size);
}

/* The record as JSON in the arena (texts point into the reader's value); NULL when absent. A stored
 * record that is not canonical JSON is a broken invariant. */
const struct qf_json *qf_record_get(const struct qf_state_reader *reader, struct qf_arena *arena,
                                    const struct qf_state_key *key);

/* Members of a record that must be there by spec/state.md. */
struct qf_slice qf_record_text(const struct qf_json *record, const char *name);
int64_t qf_record_int(const struct qf_json *record, const char *name);
/* Whether an array of texts (NULL: empty) holds `text`. */
bool qf_record_has(const struct qf_json *array, struct qf_slice text);

#endif
