/* Forms: a subset of JSON Schema 2020-12, written down in spec/service.md. The same code judges a
 * form's data on every node, in the client, and when a scenario is played.
 *
 * A schema is checked once (qf_form_check); only a checked one may judge values. What the subset
 * accepts, every validator of the standard accepts; the other way round holds once `format` is
 * asserted. No state, no allocation, any thread; matching a pattern takes memory of PCRE2's.
 *
 * Limits: QF_FORM_DEPTH_MAX, QF_FORM_PROPERTIES_MAX, QF_FORM_ITEMS_MAX, QF_FORM_CHOICES_MAX; for
 * one value QF_FORM_MATCHES_MAX patterns of QF_FORM_MATCH_STEPS_MAX steps. */
#ifndef QF_KERNEL_FORM_H
#define QF_KERNEL_FORM_H

#include "codec/json.h"

/* Told of everything that is wrong with a schema: where, as a JSON pointer (RFC 6901), and what
 * with its cure. Both are valid during the call. */
typedef void qf_form_report_fn(void *self, const char *pointer, const char *message);

/* Whether a schema stays within the subset; the number of things that are wrong. */
uint32_t qf_form_check(const struct qf_json *schema, qf_form_report_fn *report, void *self);

/* Whether `value` meets a checked schema. QF_BAD_FIELD or QF_OVER_LIMIT with the path
 * ("rooms[2].area"; empty for the value itself) and what is asked. */
QF_MUST_CHECK enum qf_status qf_form_validate(const struct qf_json *schema,
                                              const struct qf_json *value, struct qf_error *err);

#endif
