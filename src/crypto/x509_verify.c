#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <time.h>

#include "base/bytes.h"
#include "crypto/x509_internal.h"

/* OpenSSL's scale of 80, 112, 128 bits: nothing below 112 (SHA-1, RSA 1024). */
#define SECURITY_LEVEL 2
#define DATE_SIZE 80

static void date_text(char out[DATE_SIZE], const ASN1_TIME *time)
{
    struct tm tm;
    if (ASN1_TIME_to_tm(time, &tm) == 1)
        snprintf(out, DATE_SIZE, "%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year + 1900, tm.tm_mon + 1,
                 tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
    else
        snprintf(out, DATE_SIZE, "(no date)");
}

/* OpenSSL 3.0 has no way to say SM2's id for a CRL and checks with an empty one, so a CRL of suite
 * gm is checked here, after it has failed there. */
static bool sm2_crl_good(X509_STORE_CTX *ctx, int depth, int top)
{
    X509_CRL *crl = X509_STORE_CTX_get0_current_crl(ctx);
    X509 *issuer = X509_STORE_CTX_get0_current_issuer(ctx);
    if (crl == NULL || X509_CRL_get_signature_nid(crl) != NID_SM2_with_SM3)
        return false;
    if (issuer == NULL)
        issuer = sk_X509_value(X509_STORE_CTX_get0_chain(ctx), depth < top ? depth + 1 : top);
    EVP_PKEY *pkey = X509_get0_pubkey(issuer);
    const ASN1_BIT_STRING *signature = NULL;
    uint8_t *signed_part = NULL;
    X509_CRL_get0_signature(crl, &signature, NULL);
    int size = i2d_re_X509_CRL_tbs(crl, &signed_part);
    EVP_MD_CTX *verify = pkey != NULL ? qf_evp_verify_ctx(pkey, QF_ALG_SM2_SM3) : NULL;
    bool good =
        verify != NULL && size > 0 &&
        EVP_DigestVerify(verify, ASN1_STRING_get0_data(signature),
                         (size_t)ASN1_STRING_length(signature), signed_part, (size_t)size) == 1;
    EVP_MD_CTX_free(verify);
    OPENSSL_free(signed_part);
    return good;
}

static int on_problem(int good, X509_STORE_CTX *ctx)
{
    int depth = X509_STORE_CTX_get_error_depth(ctx);
    int top = sk_X509_num(X509_STORE_CTX_get0_chain(ctx)) - 1;
    int code = X509_STORE_CTX_get_error(ctx);
    if (good)
        return 1;
    /* A trusted certificate is trusted as it is: nobody's CRL is asked about it. */
    bool pardoned = depth == top && (code == X509_V_ERR_UNABLE_TO_GET_CRL ||
                                     code == X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER);
    if (code == X509_V_ERR_CRL_SIGNATURE_FAILURE)
        pardoned = sm2_crl_good(ctx, depth, top);
    if (pardoned)
        X509_STORE_CTX_set_error(ctx, X509_V_OK);
    return pardoned ? 1 : 0;
}

static enum qf_status explain(X509_STORE_CTX *ctx, struct qf_error *err)
{
    int code = X509_STORE_CTX_get_error(ctx);
    X509 *cert = X509_STORE_CTX_get_current_cert(ctx);
    char field[32];
    char subject[QF_X509_NAME_SIZE_MAX] = "the certificate";
    char issuer[QF_X509_NAME_SIZE_MAX] = "its issuer";
    char date[DATE_SIZE] = "";
    snprintf(field, sizeof field, "chain[%d]", X509_STORE_CTX_get_error_depth(ctx));
    if (cert != NULL) {
        qf_x509_name_text(subject, X509_get_subject_name(cert));
        qf_x509_name_text(issuer, X509_get_issuer_name(cert));
    }
    switch (code) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        date_text(date, X509_get0_notAfter(cert));
        return qf_fail(err, QF_INVALID, field, "%.120s: expired on %s", subject, date);
    case X509_V_ERR_CERT_NOT_YET_VALID:
        date_text(date, X509_get0_notBefore(cert));
        return qf_fail(err, QF_INVALID, field, "%.120s: not valid before %s", subject, date);
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        return qf_fail(err, QF_INVALID, field, "%.100s: unknown issuer %.100s", subject, issuer);
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        return qf_fail(err, QF_INVALID, field, "%.120s: a root that is not trusted here", subject);
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
        return qf_fail(err, QF_INVALID, field, "%.100s: bad signature of %.100s", subject, issuer);
    case X509_V_ERR_INVALID_CA:
        return qf_fail(err, QF_INVALID, field, "%.120s: not a CA", subject);
    case X509_V_ERR_CERT_REVOKED:
        return qf_fail(err, QF_INVALID, field, "%.120s: revoked", subject);
    case X509_V_ERR_UNABLE_TO_GET_CRL:
    case X509_V_ERR_CRL_HAS_EXPIRED:
    case X509_V_ERR_CRL_NOT_YET_VALID:
        return qf_fail(err, QF_CANNOT_TELL, field, "%.80s: no current CRL of %.100s", subject,
                       issuer);
    default:
        return qf_fail(err, QF_INVALID, field, "%.120s: %s", subject,
                       X509_verify_cert_error_string(code));
    }
}

static enum qf_status check_use(const struct qf_x509 *leaf, enum qf_x509_use use,
                                struct qf_error *err)
{
    char subject[QF_X509_NAME_SIZE_MAX];
    qf_x509_name_text(subject, X509_get_subject_name(leaf->native));
    uint32_t usage = X509_get_key_usage(leaf->native); /* all bits when it does not say */
    switch (use) {
    case QF_X509_CA:
        if ((X509_get_extension_flags(leaf->native) & EXFLAG_CA) == 0 ||
            (usage & KU_KEY_CERT_SIGN) == 0)
            return qf_fail(err, QF_INVALID, "chain[0]", "%.120s: not a CA", subject);
        return QF_OK;
    case QF_X509_SIGNING:
        if ((usage & KU_DIGITAL_SIGNATURE) == 0)
            return qf_fail(err, QF_INVALID, "chain[0]", "%.120s: not for signatures", subject);
        return QF_OK;
    case QF_X509_TLS:
        if (X509_check_purpose(leaf->native, X509_PURPOSE_SSL_SERVER, 0) != 1 ||
            X509_check_purpose(leaf->native, X509_PURPOSE_SSL_CLIENT, 0) != 1)
            return qf_fail(err, QF_INVALID, "chain[0]", "%.120s: not for TLS both ways", subject);
        return QF_OK;
    case QF_X509_TLS_CLIENT:
        if (X509_check_purpose(leaf->native, X509_PURPOSE_SSL_CLIENT, 0) != 1)
            return qf_fail(err, QF_INVALID, "chain[0]", "%.120s: not for TLS clients", subject);
        return QF_OK;
    case QF_X509_TIMESTAMP:
        break;
    }
    if (X509_check_purpose(leaf->native, X509_PURPOSE_TIMESTAMP_SIGN, 0) != 1)
        return qf_fail(err, QF_INVALID, "chain[0]", "%.120s: not for time-stamps", subject);
    return QF_OK;
}

static enum qf_status add_crl(X509_STORE *store, struct qf_slice bytes, struct qf_error *err)
{
    if (bytes.size == 0 || bytes.size > QF_X509_CRL_SIZE_MAX)
        return qf_fail(err, QF_OVER_LIMIT, "crl", "a CRL has 1 to %d bytes", QF_X509_CRL_SIZE_MAX);
    X509_CRL *crl = NULL;
    if (bytes.data[0] == (V_ASN1_SEQUENCE | V_ASN1_CONSTRUCTED)) {
        const uint8_t *at = bytes.data;
        crl = d2i_X509_CRL(NULL, &at, (long)bytes.size);
    } else {
        BIO *pem = BIO_new_mem_buf(bytes.data, (int)bytes.size);
        if (pem != NULL)
            crl = PEM_read_bio_X509_CRL(pem, NULL, NULL, NULL);
        BIO_free(pem);
    }
    if (crl == NULL)
        return qf_evp_fail(err, QF_MALFORMED, "crl", "not a CRL");
    bool good = X509_STORE_add_crl(store, crl) == 1;
    X509_CRL_free(crl);
    if (!good)
        return qf_evp_fail(err, QF_CRYPTO, "crl", "it could not be used");
    return QF_OK;
}

static enum qf_status fill_store(X509_STORE *store, const struct qf_x509_path *path,
                                 struct qf_error *err)
{
    for (size_t i = 0; i < path->root_count; i++)
        if (X509_STORE_add_cert(store, path->roots[i]->native) != 1)
            return qf_evp_fail(err, QF_CRYPTO, "roots", "a root could not be used");
    for (size_t i = 0; i < path->crl_count; i++) {
        enum qf_status status = add_crl(store, path->crls[i], err);
        if (status != QF_OK)
            return status;
    }
    return QF_OK;
}

static void set_params(X509_STORE_CTX *ctx, const struct qf_x509_path *path)
{
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
    unsigned long flags = X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_CHECK_SS_SIGNATURE;
    if (path->crl_count > 0)
        flags |= X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL;
    int64_t at = path->at_ms / 1000 - (path->at_ms % 1000 < 0);
    X509_VERIFY_PARAM_set_time(param, (time_t)at);
    X509_VERIFY_PARAM_set_depth(param, QF_CERT_CHAIN_MAX);
    X509_VERIFY_PARAM_set_auth_level(param, SECURITY_LEVEL);
    QF_ASSERT(X509_VERIFY_PARAM_set_flags(param, flags) == 1);
    X509_STORE_CTX_set_verify_cb(ctx, on_problem);
}

/* The earliest end of a certificate on the path that was found. */
static int64_t path_end_ms(X509_STORE_CTX *ctx)
{
    const STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(ctx);
    int64_t end_ms = INT64_MAX;
    for (int i = 0; i < sk_X509_num(chain); i++) {
        const struct qf_x509 cert = {.native = sk_X509_value(chain, i)};
        struct qf_x509_info info;
        qf_x509_read(&cert, &info);
        if (info.not_after_ms < end_ms)
            end_ms = info.not_after_ms;
    }
    return end_ms;
}

enum qf_status qf_x509_verify(const struct qf_x509 *leaf, const struct qf_x509_path *path,
                              struct qf_error *err)
{
    QF_ASSERT(path->intermediate_count <= QF_X509_INTERMEDIATES_MAX &&
              path->root_count <= QF_CERT_CHAIN_MAX && path->crl_count <= QF_X509_CRLS_MAX);
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    STACK_OF(X509) *untrusted = sk_X509_new_null();
    QF_ASSERT(store != NULL && ctx != NULL && untrusted != NULL);
    for (size_t i = 0; i < path->intermediate_count; i++)
        QF_ASSERT(sk_X509_push(untrusted, path->intermediates[i]->native) > 0);
    enum qf_status status = fill_store(store, path, err);
    if (status == QF_OK) {
        QF_ASSERT(X509_STORE_CTX_init(ctx, store, leaf->native, untrusted) == 1);
        set_params(ctx, path);
        if (X509_verify_cert(ctx) != 1)
            status = explain(ctx, err);
    }
    if (status == QF_OK)
        status = check_use(leaf, path->use, err);
    if (status == QF_OK && path->until_ms != NULL)
        *path->until_ms = path_end_ms(ctx);
    ERR_clear_error();
    sk_X509_free(untrusted);
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    return status;
}
