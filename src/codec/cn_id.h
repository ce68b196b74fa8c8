/* Identifiers of Chinese public administration, each with its check character. These functions see
 * the form only: that a code is well formed does not say that it was ever given. Any thread. */
#ifndef QF_CODEC_CN_ID_H
#define QF_CODEC_CN_ID_H

#include "base/slice.h"
#include "base/status.h"

#define QF_CREDIT_CODE_SIZE 18
#define QF_CITIZEN_ID_SIZE 18
#define QF_LICENCE_TYPE_SIZE 21
#define QF_LICENCE_PART_SIZE_MAX 64 /* of issuer code and serial */

/* Check character of ISO/IEC 7064 MOD 37,36 over 0-9 A-Z; '\0' when `text` is empty or has anything
 * else. */
char qf_mod37_36_check(struct qf_slice text);

/* Unified social credit code, GB 32100: registering department, kind, six digits of the place, nine
 * characters of the organisation code (GB 11714, with a check of its own), check. Upper case,
 * without I, O, S, V, Z. */
bool qf_credit_code_valid(struct qf_slice text);

/* Citizen identity number, GB 11643: six digits of the place, birth date, three digits, check by
 * ISO 7064 MOD 11-2 (0 to 9 or X). */
bool qf_citizen_id_valid(struct qf_slice text);

/* Identifier of an electronic licence, GB/T 36904: the fields of
 *   1.2.156.3005.2.<type>.<issuer code>.<serial>.<version>.<check>
 * All of upper case letters and digits; the check is ISO 7064 MOD 37,36 over the four fields before
 * it, joined without dots and without the root. */
struct qf_licence_id {
    struct qf_slice type;   /* 21 characters */
    struct qf_slice issuer; /* usually a unified social credit code */
    struct qf_slice serial;
    struct qf_slice version; /* three digits */
    char check;
};

/* Reads the identifier with its root or without. The fields point into `text`. False when the form
 * or the check is wrong. */
QF_MUST_CHECK bool qf_licence_id_parse(struct qf_licence_id *out, struct qf_slice text);

#endif
