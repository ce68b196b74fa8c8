#include "crypto/x509.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "crypto/x509_internal.h"

/* RFC 4514 text in UTF-8: what is not printable stays escaped. */
#define NAME_FLAGS (XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB)

ASN1_OCTET_STRING *qf_x509_sm2_id(void)
{
    ASN1_OCTET_STRING *id = ASN1_OCTET_STRING_new();
    QF_ASSERT(id != NULL &&
              ASN1_OCTET_STRING_set(id, (const uint8_t *)QF_SM2_ID, QF_SM2_ID_SIZE) == 1);
    return id;
}

enum qf_status qf_x509_wrap(struct qf_x509 **out, X509 *native, struct qf_error *err)
{
    /* Reads the extensions into the object now, once, so that later use from several threads finds
     * them ready. A critical extension that is not known is no error before the path is checked. */
    (void)X509_check_purpose(native, -1, 0);
    if ((X509_get_extension_flags(native) & EXFLAG_INVALID) != 0) {
        X509_free(native);
        return qf_evp_fail(err, QF_MALFORMED, "certificate", "an extension is not well-formed");
    }
    const ASN1_INTEGER *serial = X509_get0_serialNumber(native);
    if (ASN1_STRING_length(serial) > QF_X509_SERIAL_SIZE_MAX) {
        X509_free(native);
        return qf_fail(err, QF_OVER_LIMIT, "certificate", "its serial number is over %d bytes",
                       QF_X509_SERIAL_SIZE_MAX);
    }
    if (X509_get_signature_nid(native) == NID_SM2_with_SM3)
        X509_set0_distinguishing_id(native, qf_x509_sm2_id());
    struct qf_x509 *cert = malloc(sizeof *cert);
    if (cert == NULL) {
        X509_free(native);
        return qf_fail(err, QF_NO_MEMORY, "certificate", "no memory");
    }
    cert->native = native;
    *out = cert;
    return QF_OK;
}

static enum qf_status import_der(struct qf_x509 **out, struct qf_slice der, struct qf_error *err)
{
    if (der.size > QF_CERT_SIZE_MAX)
        return qf_fail(err, QF_OVER_LIMIT, "certificate", "a certificate has at most %d bytes",
                       QF_CERT_SIZE_MAX);
    const uint8_t *at = der.data;
    X509 *native = d2i_X509(NULL, &at, (long)der.size);
    if (native == NULL)
        return qf_evp_fail(err, QF_MALFORMED, "certificate", "not a DER certificate");
    if (at != der.data + der.size) {
        X509_free(native);
        return qf_fail(err, QF_MALFORMED, "certificate", "bytes after its end");
    }
    return qf_x509_wrap(out, native, err);
}

/* The next block of a PEM text. QF_NOT_FOUND at its end. */
static enum qf_status next_pem(struct qf_x509 **out, BIO *pem, struct qf_error *err)
{
    char *name = NULL;
    char *header = NULL;
    uint8_t *der = NULL;
    long size = 0;
    if (PEM_read_bio(pem, &name, &header, &der, &size) != 1) {
        bool end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
        return qf_evp_fail(err, end ? QF_NOT_FOUND : QF_MALFORMED, "certificate",
                           "no PEM block of a certificate");
    }
    enum qf_status status = QF_OK;
    if (strcmp(name, PEM_STRING_X509) != 0)
        status = qf_fail(err, QF_MALFORMED, "certificate",
                         "a PEM block \"%.40s\" where a CERTIFICATE must be", name);
    else
        status = import_der(out, qf_slice_make(der, (size_t)size), err);
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(der);
    return status;
}

enum qf_status qf_x509_import(struct qf_x509 **out, struct qf_slice bytes, struct qf_error *err)
{
    *out = NULL;
    if (bytes.size > 0 && bytes.data[0] == (V_ASN1_SEQUENCE | V_ASN1_CONSTRUCTED))
        return import_der(out, bytes, err);
    if (bytes.size > QF_X509_PEM_SIZE_MAX)
        return qf_fail(err, QF_OVER_LIMIT, "certificate", "a certificate has at most %d bytes",
                       QF_CERT_SIZE_MAX);
    if (bytes.size == 0)
        return qf_fail(err, QF_MALFORMED, "certificate", "it is empty");
    BIO *pem = BIO_new_mem_buf(bytes.data, (int)bytes.size);
    if (pem == NULL)
        return qf_fail(err, QF_NO_MEMORY, "certificate", "no memory");
    enum qf_status status = next_pem(out, pem, err);
    BIO_free(pem);
    if (status == QF_NOT_FOUND)
        return qf_fail(err, QF_MALFORMED, "certificate", "neither DER nor PEM");
    return status;
}

enum qf_status qf_x509_import_chain(struct qf_x509 *out[QF_CERT_CHAIN_MAX], size_t *count,
                                    struct qf_slice pem, struct qf_error *err)
{
    *count = 0;
    if (pem.size > (size_t)QF_CERT_CHAIN_MAX * QF_X509_PEM_SIZE_MAX)
        return qf_fail(err, QF_OVER_LIMIT, "chain", "a chain has at most %d certificates",
                       QF_CERT_CHAIN_MAX);
    if (pem.size == 0)
        return qf_fail(err, QF_MALFORMED, "chain", "it is empty");
    BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.size);
    if (bio == NULL)
        return qf_fail(err, QF_NO_MEMORY, "chain", "no memory");
    enum qf_status status = QF_OK;
    while (status == QF_OK) {
        struct qf_x509 *cert = NULL;
        status = next_pem(&cert, bio, err);
        if (status == QF_OK && *count == QF_CERT_CHAIN_MAX) {
            status = qf_fail(err, QF_OVER_LIMIT, "chain", "a chain has at most %d certificates",
                             QF_CERT_CHAIN_MAX);
            qf_x509_free(cert);
        } else if (status == QF_OK) {
            out[(*count)++] = cert;
        }
    }
    BIO_free(bio);
    if (status == QF_NOT_FOUND && *count > 0)
        return QF_OK;
    qf_error_within(err, "chain[%zu]", *count);
    while (*count > 0)
        qf_x509_free(out[--*count]);
    if (status == QF_NOT_FOUND)
        return qf_fail(err, QF_MALFORMED, "chain", "no PEM block of a certificate");
    return status;
}

void qf_x509_free(struct qf_x509 *cert)
{
    if (cert == NULL)
        return;
    X509_free(cert->native);
    free(cert);
}

void qf_x509_name_text(char out[QF_X509_NAME_SIZE_MAX], const X509_NAME *name)
{
    BIO *bio = BIO_new(BIO_s_mem());
    QF_ASSERT(bio != NULL);
    char *text = NULL;
    long size =
        X509_NAME_print_ex(bio, name, 0, NAME_FLAGS) >= 0 ? BIO_get_mem_data(bio, &text) : 0;
    size_t used = size > 0 ? (size_t)size : 0;
    if (used >= QF_X509_NAME_SIZE_MAX) {
        used = QF_X509_NAME_SIZE_MAX - 1;
        while (used > 0 && ((uint8_t)text[used] & 0xc0) == 0x80)
            used--; /* not within a character */
    }
    if (used > 0)
        memcpy(out, text, used);
    out[used] = '\0';
    BIO_free(bio);
    ERR_clear_error();
}

/* Clamped to the years that GeneralizedTime can say; a time that is none counts as 0. */
static int64_t time_ms(const ASN1_TIME *time)
{
    int days = 0;
    int seconds = 0;
    ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
    QF_ASSERT(epoch != NULL);
    bool good = ASN1_TIME_diff(&days, &seconds, epoch, time) == 1;
    ASN1_TIME_free(epoch);
    ERR_clear_error();
    return good ? ((int64_t)days * 86400 + seconds) * 1000 : 0;
}

static void serial_text(char out[2 * QF_X509_SERIAL_SIZE_MAX + 1], const ASN1_INTEGER *serial)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *bytes = ASN1_STRING_get0_data(serial);
    size_t size = (size_t)ASN1_STRING_length(serial);
    QF_ASSERT(size <= QF_X509_SERIAL_SIZE_MAX);
    for (size_t i = 0; i < size; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * size] = '\0';
}

void qf_x509_read(const struct qf_x509 *cert, struct qf_x509_info *out)
{
    X509 *native = cert->native;
    *out = (struct qf_x509_info){0};
    qf_x509_name_text(out->subject, X509_get_subject_name(native));
    qf_x509_name_text(out->issuer, X509_get_issuer_name(native));
    serial_text(out->serial, X509_get0_serialNumber(native));
    out->not_before_ms = time_ms(X509_get0_notBefore(native));
    out->not_after_ms = time_ms(X509_get0_notAfter(native));
    uint32_t flags = X509_get_extension_flags(native);
    out->is_ca = (flags & EXFLAG_CA) != 0;
    out->is_self_issued = (flags & EXFLAG_SI) != 0;
}

enum qf_status qf_x509_public_key(const struct qf_x509 *cert, struct qf_public_key *out,
                                  struct qf_error *err)
{
    EVP_PKEY *pkey = X509_get0_pubkey(cert->native);
    if (pkey == NULL)
        return qf_evp_fail(err, QF_UNSUPPORTED_ALG, "key", "the certificate's key cannot be read");
    enum qf_status status = qf_evp_public(out, pkey, err);
    return status == QF_OK ? qf_public_key_check(out, err) : status;
}

void qf_x509_put_der(struct qf_buf *buf, const struct qf_x509 *cert)
{
    int size = i2d_X509(cert->native, NULL);
    QF_ASSERT(size > 0);
    uint8_t *at = qf_buf_reserve(buf, (size_t)size);
    if (at == NULL)
        return;
    QF_ASSERT(i2d_X509(cert->native, &at) == size);
    qf_buf_grow(buf, (size_t)size);
}

void qf_x509_put_pem(struct qf_buf *buf, const struct qf_x509 *cert)
{
    BIO *bio = BIO_new(BIO_s_mem());
    QF_ASSERT(bio != NULL && PEM_write_bio_X509(bio, cert->native) == 1);
    char *text = NULL;
    long size = BIO_get_mem_data(bio, &text);
    qf_buf_put(buf, text, (size_t)size);
    BIO_free(bio);
}

void qf_x509_fingerprint(const struct qf_x509 *cert, uint8_t out[QF_HASH_SIZE])
{
    struct qf_buf der = {0};
    qf_x509_put_der(&der, cert);
    QF_ASSERT(qf_buf_status(&der) == QF_OK);
    qf_hash(QF_HASH_SHA256, out, qf_buf_slice(&der));
    qf_buf_deinit(&der);
}

void *qf_x509_native(const struct qf_x509 *cert)
{
    return cert->native;
}
