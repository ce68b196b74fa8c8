/* Numbers beyond the integers of QF_JSON_ANY: their canonical text by RFC 8785 3.2.2.3, which is
 * the shortest decimal that reads back as the same IEEE 754 binary64 value (ECMA-262
 * Number::toString). Computed with big integers, so that every machine agrees. */
#ifndef QF_CODEC_JSON_NUMBER_H
#define QF_CODEC_JSON_NUMBER_H

#include "base/buf.h"

/* Whether a number in RFC 8259 form has a finite binary64 value once rounded. Compares digits only:
 * a body full of numbers costs no more to check than to read. */
bool qf_json_number_valid(struct qf_slice text);

/* Appends the canonical text of a valid number. */
void qf_json_number_write(struct qf_buf *buf, struct qf_slice text);

#endif
