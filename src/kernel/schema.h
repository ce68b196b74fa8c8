/* Declarative form of a JSON object: a table of fields, checked in one pass. Ops, proposed actions
 * and the genesis document are described by such tables; the same tables print the documentation
 * and the OpenAPI schemas, so that what is written down and what is checked cannot differ.
 *
 * Fields of a table stand in ascending order of their names: the members of a canonical object do
 * too, so that the check is a merge of two sorted lists. A member that no field names is refused by
 * name. Pure; any thread. */
#ifndef QF_KERNEL_SCHEMA_H
#define QF_KERNEL_SCHEMA_H

#include "crypto/key.h"

/* X(symbol, name in the documentation, what the value must be). */
#define QF_FIELD_TYPE_LIST(X)                                                                      \
    X(ID, "id", "1 to 128 of A-Z a-z 0-9 . _ : / -")                                               \
    X(MEMBER, "member id", "1 to 48 of A-Z a-z 0-9 . _ -, first a letter or digit")                \
    X(TEXT, "text", "text without control characters other than tab and line ends")                \
    X(INT, "integer", "an integer within the bounds")                                              \
    X(CHOICE, "choice", "one of the listed words")                                                 \
    X(HASH, "hash", "a hash of the network's suite: sha-256: or sm3: and 64 lower-case hex")       \
    X(KID, "key id", "an RFC 7638 thumbprint, 43 characters of base64url")                         \
    X(PSEUDONYM, "pseudonym", "32 to 64 lower-case hex digits, from a keyed or salted hash")       \
    X(DATE, "date", "a calendar date YYYY-MM-DD")                                                  \
    X(DER, "DER", "base64 of one DER SEQUENCE")                                                    \
    X(JWK, "public JWK", "a public key of the network's suite")                                    \
    X(NODE_KEY, "node key", "base64 of the 32 bytes of an Ed25519 public key")                     \
    X(ATTRIBUTES, "attributes", "an object of names (1 to 64 bytes) with texts or integers")       \
    X(DATA, "data", "an object of names (1 to 64 bytes) with JSON values")                         \
    X(VALUE, "value", "any JSON value")                                                            \
    X(LIST, "list", "an array without repeats")                                                    \
    X(OBJECT, "object", "an object of the listed fields")                                          \
    X(ACTION, "action", "an object whose \"do\" names an action that can be voted on")

enum qf_field_type {
#define QF_FIELD_ENUM(sym, name, text) QF_FIELD_##sym,
    QF_FIELD_TYPE_LIST(QF_FIELD_ENUM)
#undef QF_FIELD_ENUM
};

const char *qf_field_type_name(enum qf_field_type type);
const char *qf_field_type_text(enum qf_field_type type);

struct qf_field;

struct qf_fields {
    const struct qf_field *rows;
    size_t count;
};

struct qf_field {
    const char *name;
    const char *doc;
    enum qf_field_type type;
    bool optional;
    int64_t min; /* INT: value; TEXT, DER (decoded): bytes; LIST, ATTRIBUTES: items */
    int64_t max;
    const char *const *choices;  /* CHOICE: NULL-terminated */
    const struct qf_field *item; /* LIST: what each item is; its name is not used */
    struct qf_fields fields;     /* OBJECT */
};

#define QF_FIELDS(table)                                                                           \
    {                                                                                              \
        (table), sizeof(table) / sizeof((table)[0])                                                \
    }

#define QF_MEMBER_ID_SIZE_MAX 48
#define QF_WORD_SIZE_MAX 64   /* bytes of a role */
#define QF_DER_SIZE_MAX 16384 /* bytes of a certificate or time-stamp token in a transaction */

/* Checks `object` against the table. `tag` (may be NULL) is a member that the caller has read
 * already ("op", "do"). QF_OK; QF_BAD_FIELD, QF_OVER_LIMIT or QF_UNSUPPORTED_ALG with the path of
 * the field. */
QF_MUST_CHECK enum qf_status qf_schema_check(const struct qf_fields *fields,
                                             const struct qf_json *object, const char *tag,
                                             enum qf_suite suite, struct qf_error *err);

/* A refused member's own name, or its number where the name is not plain, as part of the path. */
void qf_schema_within(struct qf_error *err, struct qf_slice name, uint32_t position);

/* The forms by themselves, for who checks a value outside of a transaction. */
bool qf_member_id_valid(struct qf_slice text);
bool qf_date_valid(struct qf_slice text);

#endif
