/* HTTP Message Signatures (RFC 9421) as text: what the fields Signature-Input and Signature say,
 * and the signature base that was signed. Knows the form only; whose key it is and whether the
 * signature is good is found out by who asked.
 *
 * The form is RFC 8941's, as its serialisation writes it (2: one space between items, none
 * elsewhere but after a comma), without parameters of components: what is covered are whole
 * fields and derived components. A message may bear several signatures; the first one of our size
 * is taken.
 *
 * Limits: QF_HTTP_SIG_SIZE_MAX bytes a field, QF_HTTP_SIG_COMPONENTS_MAX components. */
#ifndef QF_CODEC_HTTP_SIG_H
#define QF_CODEC_HTTP_SIG_H

#include "base/buf.h"

#define QF_HTTP_SIG_SIZE_MAX 4096
#define QF_HTTP_SIG_COMPONENTS_MAX 16
#define QF_HTTP_SIG_BYTES 64 /* ES256 and SM2-SM3: r‖s; EdDSA: R‖S */

struct qf_http_sig {
    struct qf_slice label;  /* slices point into the fields */
    struct qf_slice params; /* from the parenthesis on: the value of @signature-params */
    struct qf_slice components[QF_HTTP_SIG_COMPONENTS_MAX];
    size_t component_count;
    int64_t created, expires;               /* Unix seconds; -1: not given */
    struct qf_slice keyid, alg, nonce, tag; /* data NULL: not given */
    uint8_t signature[QF_HTTP_SIG_BYTES];
};

/* Takes both fields apart. QF_MALFORMED or QF_OVER_LIMIT names the field. */
QF_MUST_CHECK enum qf_status qf_http_sig_parse(struct qf_http_sig *out, struct qf_slice input,
                                               struct qf_slice signature, struct qf_error *err);

bool qf_http_sig_covers(const struct qf_http_sig *sig, const char *component);

/* Finds the value of a component; false: the message has none. */
typedef bool qf_http_sig_value_fn(void *arg, struct qf_slice component, struct qf_slice *value);

/* Appends the signature base (2.5). QF_BAD_FIELD names a component that the message does not have,
 * or whose value is no line of text. */
QF_MUST_CHECK enum qf_status qf_http_sig_put_base(struct qf_buf *out, const struct qf_http_sig *sig,
                                                  qf_http_sig_value_fn *value, void *arg,
                                                  struct qf_error *err);

#endif
