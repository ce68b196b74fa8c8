/* Sealed fields: a value that stays with those who may know it, and its commitment on the ledger.
 *
 *   commitment = alg ':' lower-case hex of H( canonical JSON of [salt, name, value] )
 *
 * with H the hash of the network's suite and salt the base64url text (RFC 4648 section 5, without
 * padding) of 16 to 64 random bytes. The form of the array is that of an SD-JWT disclosure (RFC
 * 9901, 4.2.1). spec/sealed.md has the vectors. Who is shown salt and value can check them; who is
 * not learns nothing but that two commitments are the same text.
 *
 * Pure; any thread. Salts come from the caller, who draws a new one for every value. */
#ifndef QF_KERNEL_SERVICE_SEALED_H
#define QF_KERNEL_SERVICE_SEALED_H

#include "codec/json.h"
#include "crypto/hash.h"

#define QF_SEAL_SALT_SIZE_MIN 16
#define QF_SEAL_SALT_SIZE_MAX 64
#define QF_SEAL_VALUE_SIZE_MAX 65536 /* bytes of [salt, name, value] */
#define QF_SEAL_TEXT_SIZE 80         /* holds any commitment and its NUL */

/* Writes the commitment of `value` as the field `name`, NUL-terminated. `salt` are raw bytes.
 * QF_BAD_FIELD at "salt"; QF_OVER_LIMIT at "value". */
QF_MUST_CHECK enum qf_status qf_seal(char out[QF_SEAL_TEXT_SIZE], enum qf_hash_alg alg,
                                     struct qf_slice salt, struct qf_slice name,
                                     const struct qf_json *value, struct qf_error *err);

/* Whether a text has the form of a commitment made with `alg`. */
bool qf_seal_valid(enum qf_hash_alg alg, struct qf_slice text);

/* Whether a commitment is that of what was revealed: {"salt":"<base64url>","value":…}. QF_OK;
 * QF_MALFORMED where one of them has not its form; QF_INVALID when it is another's. */
QF_MUST_CHECK enum qf_status qf_seal_check(struct qf_slice commitment, struct qf_slice name,
                                           const struct qf_json *revealed, struct qf_error *err);

#endif
