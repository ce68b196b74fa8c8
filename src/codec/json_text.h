/* What parsing and writing JSON share; private to the codec. */
#ifndef QF_CODEC_JSON_TEXT_H
#define QF_CODEC_JSON_TEXT_H

#include "codec/json.h"

/* Room for the longest ES6 number: sign, 21 digits or "0.00000", point, 17 digits, "e-324". */
#define QF_JSON_NUMBER_SIZE_MAX 40

/* First byte in [at, end) that is a quote, a backslash, a control, or not ASCII; or `end`. */
const uint8_t *qf_json_skip_ascii(const uint8_t *at, const uint8_t *end);

/* Bytes of the UTF-8 sequence (RFC 3629) at `at`, whose first byte is not ASCII; 0 when it is not
 * valid: overlong, a surrogate, past U+10FFFF or cut off. */
size_t qf_json_utf8_size(const uint8_t *at, const uint8_t *end);

/* Order of RFC 8785 3.2.3, by UTF-16 code units, of two UTF-8 texts: below, at or above 0. */
int qf_json_key_compare(struct qf_slice a, struct qf_slice b);

/* Whether binary64 can hold the number (RFC 8259 grammar) once rounded: it does not overflow. */
bool qf_json_number_fits(struct qf_slice number);

/* Writes the number (RFC 8259 grammar, and it fits) as ECMAScript writes the binary64 nearest to
 * it. Returns the size. */
size_t qf_json_number_format(char out[QF_JSON_NUMBER_SIZE_MAX], struct qf_slice number);

#endif
