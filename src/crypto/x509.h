/* X.509 certificates (RFC 5280) of members, their actors, servers and time-stamp authorities: read,
 * made, and checked up to roots that the caller trusts.
 *
 * Certificates are signed with P-256, Ed25519 or SM2 (id "1234567812345678", GB/T 35276; shown to
 * OpenSSL's program as -vfyopt distid:1234567812345678). Chains may also hold what others use, such
 * as RSA; only a certificate's own public key must be one of ours to be read by
 * qf_x509_public_key. Nothing here knows the time: it is passed in, in milliseconds since 1970.
 *
 * A certificate is immutable after it was made and may be used from several threads.
 * Limits: QF_CERT_SIZE_MAX, QF_CERT_CHAIN_MAX, the sizes below. */
#ifndef QF_CRYPTO_X509_H
#define QF_CRYPTO_X509_H

#include "base/buf.h"
#include "base/limits.h"
#include "crypto/key.h"

#define QF_X509_NAME_SIZE_MAX 256  /* bytes of a name as text; longer ones are cut */
#define QF_X509_SERIAL_SIZE_MAX 20 /* RFC 5280 4.1.2.2 */
#define QF_X509_HOSTS_MAX 16
#define QF_X509_CRLS_MAX 16
#define QF_X509_INTERMEDIATES_MAX 16
#define QF_X509_CRL_SIZE_MAX (4 << 20)

struct qf_x509;

/* What a certificate says about itself. Nothing here is checked yet. */
struct qf_x509_info {
    char subject[QF_X509_NAME_SIZE_MAX]; /* RFC 4514, UTF-8, control characters escaped */
    char issuer[QF_X509_NAME_SIZE_MAX];
    char serial[2 * QF_X509_SERIAL_SIZE_MAX + 1]; /* lower-case hex */
    int64_t not_before_ms;
    int64_t not_after_ms;
    bool is_ca;
    bool is_self_issued; /* subject and issuer are the same name */
};

/* One certificate, as PEM (the first CERTIFICATE block) or as DER (all of `bytes`). QF_MALFORMED
 * with the reason; QF_OVER_LIMIT. Free it with qf_x509_free. */
QF_MUST_CHECK enum qf_status qf_x509_import(struct qf_x509 **out, struct qf_slice bytes,
                                            struct qf_error *err);
/* Every CERTIFICATE block of a PEM text, at least one, in order; other blocks are refused. On
 * failure nothing is left to free. */
QF_MUST_CHECK enum qf_status qf_x509_import_chain(struct qf_x509 *out[QF_CERT_CHAIN_MAX],
                                                  size_t *count, struct qf_slice pem,
                                                  struct qf_error *err);
void qf_x509_free(struct qf_x509 *cert); /* NULL is allowed */

void qf_x509_read(const struct qf_x509 *cert, struct qf_x509_info *out);
/* QF_UNSUPPORTED_ALG when the key is not P-256, Ed25519 or SM2; QF_BAD_FIELD when it is no good
 * point (qf_public_key_check). */
QF_MUST_CHECK enum qf_status qf_x509_public_key(const struct qf_x509 *cert,
                                                struct qf_public_key *out, struct qf_error *err);
/* SHA-256 of the DER form. */
void qf_x509_fingerprint(const struct qf_x509 *cert, uint8_t out[QF_HASH_SIZE]);
void qf_x509_put_der(struct qf_buf *buf, const struct qf_x509 *cert);
void qf_x509_put_pem(struct qf_buf *buf, const struct qf_x509 *cert);
/* The underlying X509 (borrowed), for the layers that make CMS and TLS. */
void *qf_x509_native(const struct qf_x509 *cert);

/* What a certificate is made for, and how it is checked. */
enum qf_x509_use {
    QF_X509_CA = 1,    /* signs certificates and CRLs */
    QF_X509_SIGNING,   /* an actor: critical digitalSignature and nonRepudiation */
    QF_X509_TLS,       /* a node, as server and as client: serverAuth, clientAuth */
    QF_X509_TIMESTAMP, /* RFC 3161 2.3: critical timeStamping, critical digitalSignature */
    /* Only checked, not made: shown to a node by its client; clientAuth, or no extended usage. */
    QF_X509_TLS_CLIENT,
};

struct qf_x509_spec {
    enum qf_x509_use use;
    const char *common_name;  /* 1 to 64 characters of UTF-8 */
    const char *organization; /* or NULL */
    const char *country;      /* two capital letters, or NULL */
    const char *const *hosts; /* DNS names and IP addresses, for QF_X509_TLS */
    size_t host_count;
    const uint8_t *serial; /* 1 to QF_X509_SERIAL_SIZE_MAX bytes, unguessable; the caller's */
    size_t serial_size;    /* random source makes them. The top bit is cleared. */
    int64_t not_before_ms;
    int64_t not_after_ms;
};

/* A self-signed root: spec->use must be QF_X509_CA. QF_BAD_FIELD names a wrong member of `spec`. */
QF_MUST_CHECK enum qf_status qf_x509_make_root(struct qf_x509 **out,
                                               const struct qf_private_key *key,
                                               const struct qf_x509_spec *spec,
                                               struct qf_error *err);
/* A certificate of `subject_key`, signed by the CA whose certificate and key are given. A CA below
 * a CA may issue no further CA. It must not outlive its issuer. */
QF_MUST_CHECK enum qf_status qf_x509_issue(struct qf_x509 **out, const struct qf_x509 *issuer,
                                           const struct qf_private_key *issuer_key,
                                           const struct qf_public_key *subject_key,
                                           const struct qf_x509_spec *spec, struct qf_error *err);

struct qf_x509_path {
    const struct qf_x509 *const *intermediates; /* untrusted, in any order */
    size_t intermediate_count;                  /* at most QF_X509_INTERMEDIATES_MAX */
    const struct qf_x509 *const *roots;         /* trusted as they are, self-signed or not */
    size_t root_count;                          /* at most QF_CERT_CHAIN_MAX */
    const struct qf_slice *crls; /* PEM or DER; when any is given, each certificate of the path */
    size_t crl_count;            /* must be covered by one that is current; QF_X509_CRLS_MAX */
    int64_t at_ms;               /* the time for which the answer holds */
    enum qf_x509_use use;
    int64_t *until_ms; /* may be NULL; gets the earliest end of the path found, its root's too */
};

/* Whether `leaf` leads to one of the roots and may be used as `path->use` says. QF_OK; QF_INVALID
 * with the certificate at fault in err->field ("chain[0]" is the leaf) and its name and the reason
 * in err->detail; QF_CANNOT_TELL when an issuer's CRL is missing or out of date. */
QF_MUST_CHECK enum qf_status qf_x509_verify(const struct qf_x509 *leaf,
                                            const struct qf_x509_path *path, struct qf_error *err);

#endif
