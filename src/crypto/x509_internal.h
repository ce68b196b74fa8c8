/* The certificate object, shared by x509*.c only. */
#ifndef QF_CRYPTO_X509_INTERNAL_H
#define QF_CRYPTO_X509_INTERNAL_H

#include <openssl/x509.h>

#include "crypto/evp.h"
#include "crypto/x509.h"

/* PEM text of a certificate of QF_CERT_SIZE_MAX bytes, with some room for comments. */
#define QF_X509_PEM_SIZE_MAX (QF_CERT_SIZE_MAX * 3 / 2)

struct qf_x509 {
    X509 *native;
};

/* Takes over `native`, also when it fails. */
QF_MUST_CHECK enum qf_status qf_x509_wrap(struct qf_x509 **out, X509 *native, struct qf_error *err);

/* A new copy of the id under which SM2 signatures are checked. */
ASN1_OCTET_STRING *qf_x509_sm2_id(void);

void qf_x509_name_text(char out[QF_X509_NAME_SIZE_MAX], const X509_NAME *name);

#endif
