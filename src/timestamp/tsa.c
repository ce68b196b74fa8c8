#include <openssl/err.h>
#include <openssl/ts.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "crypto/evp.h"
#include "timestamp/timestamp.h"

#define ACCURACY_DEFAULT_MS 1000
#define PRECISION_DIGITS 3 /* milliseconds */

struct qf_tsa {
    EVP_PKEY *key;
    X509 *certificate;
    STACK_OF(X509) * chain; /* the certificate's issuers, without itself */
    ASN1_OBJECT *policy;
    uint32_t accuracy_ms;
};

/* What the callbacks of one answer know. */
struct answer {
    const struct qf_tsa_moment *moment;
};

static enum qf_status check_pair(const struct qf_tsa_options *options, struct qf_error *err)
{
    struct qf_public_key own;
    struct qf_public_key certified;
    qf_private_key_public(options->key, &own);
    enum qf_status status = qf_x509_public_key(options->certificate, &certified, err);
    if (status != QF_OK)
        return status;
    if (own.alg != QF_ALG_ES256)
        return qf_fail(err, QF_UNSUPPORTED_ALG, "key",
                       "time-stamps are signed with P-256 in both suites");
    if (!qf_public_key_equal(&own, &certified))
        return qf_fail(err, QF_BAD_FIELD, "certificate", "not the certificate of this key");
    if (options->chain_count > QF_CERT_CHAIN_MAX - 1)
        return qf_fail(err, QF_OVER_LIMIT, "chain", "at most %d", QF_CERT_CHAIN_MAX - 1);
    return QF_OK;
}

enum qf_status qf_tsa_new(struct qf_tsa **out, const struct qf_tsa_options *options,
                          struct qf_error *err)
{
    *out = NULL;
    enum qf_status status = check_pair(options, err);
    if (status != QF_OK)
        return status;
    struct qf_tsa *tsa = calloc(1, sizeof *tsa);
    if (tsa == NULL)
        return qf_fail(err, QF_NO_MEMORY, "tsa", "no memory");
    tsa->key = qf_private_key_evp(options->key);
    tsa->certificate = qf_x509_native(options->certificate);
    tsa->chain = sk_X509_new_null();
    tsa->policy = OBJ_txt2obj(options->policy != NULL ? options->policy : QF_TSA_POLICY, 1);
    tsa->accuracy_ms = options->accuracy_ms != 0 ? options->accuracy_ms : ACCURACY_DEFAULT_MS;
    QF_ASSERT(tsa->chain != NULL && EVP_PKEY_up_ref(tsa->key) == 1 &&
              X509_up_ref(tsa->certificate) == 1);
    for (size_t i = 0; i < options->chain_count; i++) {
        X509 *cert = qf_x509_native(options->chain[i]);
        QF_ASSERT(X509_up_ref(cert) == 1 && sk_X509_push(tsa->chain, cert) > 0);
    }
    if (tsa->policy == NULL)
        status = qf_evp_fail(err, QF_BAD_FIELD, "policy", "not a dotted OID");
    else if (X509_check_purpose(tsa->certificate, X509_PURPOSE_TIMESTAMP_SIGN, 0) != 1)
        status = qf_fail(err, QF_BAD_FIELD, "certificate",
                         "not of a time-stamp authority (critical timeStamping)");
    if (status != QF_OK) {
        qf_tsa_free(tsa);
        return status;
    }
    *out = tsa;
    return QF_OK;
}

void qf_tsa_free(struct qf_tsa *tsa)
{
    if (tsa == NULL)
        return;
    EVP_PKEY_free(tsa->key);
    X509_free(tsa->certificate);
    sk_X509_pop_free(tsa->chain, X509_free);
    ASN1_OBJECT_free(tsa->policy);
    free(tsa);
}

static ASN1_INTEGER *give_serial(TS_RESP_CTX *ctx, void *data)
{
    (void)ctx;
    const struct qf_tsa_moment *moment = ((struct answer *)data)->moment;
    BIGNUM *number = BN_bin2bn(moment->serial.data, (int)moment->serial.size, NULL);
    ASN1_INTEGER *serial = number != NULL ? BN_to_ASN1_INTEGER(number, NULL) : NULL;
    BN_free(number);
    return serial; /* OpenSSL frees it */
}

static int give_time(TS_RESP_CTX *ctx, void *data, long *seconds, long *microseconds)
{
    (void)ctx;
    int64_t time_ms = ((struct answer *)data)->moment->time_ms;
    *seconds = (long)(time_ms / 1000);
    *microseconds = (long)(time_ms % 1000) * 1000;
    return 1;
}

static TS_RESP_CTX *new_ctx(const struct qf_tsa *tsa, struct answer *answer)
{
    TS_RESP_CTX *ctx = TS_RESP_CTX_new();
    QF_ASSERT(ctx != NULL);
    uint32_t ms = tsa->accuracy_ms;
    bool good = TS_RESP_CTX_set_signer_cert(ctx, tsa->certificate) == 1 &&
                TS_RESP_CTX_set_signer_key(ctx, tsa->key) == 1 &&
                TS_RESP_CTX_set_signer_digest(ctx, EVP_sha256()) == 1 &&
                TS_RESP_CTX_set_ess_cert_id_digest(ctx, EVP_sha256()) == 1 &&
                TS_RESP_CTX_set_certs(ctx, tsa->chain) == 1 &&
                TS_RESP_CTX_set_def_policy(ctx, tsa->policy) == 1 &&
                TS_RESP_CTX_add_md(ctx, EVP_sha256()) == 1 &&
                TS_RESP_CTX_add_md(ctx, EVP_sm3()) == 1 &&
                TS_RESP_CTX_set_accuracy(ctx, (int)(ms / 1000), (int)(ms % 1000), 0) == 1 &&
                TS_RESP_CTX_set_clock_precision_digits(ctx, PRECISION_DIGITS) == 1;
    if (!good) {
        TS_RESP_CTX_free(ctx);
        return NULL;
    }
    TS_RESP_CTX_set_serial_cb(ctx, give_serial, answer);
    TS_RESP_CTX_set_time_cb(ctx, give_time, answer);
    return ctx;
}

/* OpenSSL takes a request with bytes behind it; we do not. */
static bool is_request(struct qf_slice request)
{
    const uint8_t *at = request.data;
    TS_REQ *parsed = d2i_TS_REQ(NULL, &at, (long)request.size);
    bool good = parsed != NULL && at == request.data + request.size;
    TS_REQ_free(parsed);
    ERR_clear_error();
    return good;
}

static enum qf_status outcome(TS_RESP *response, bool too_large, struct qf_error *err)
{
    TS_STATUS_INFO *info = TS_RESP_get_status_info(response);
    if (ASN1_INTEGER_get(TS_STATUS_INFO_get0_status(info)) == TS_STATUS_GRANTED)
        return QF_OK;
    const ASN1_BIT_STRING *failure = TS_STATUS_INFO_get0_failure_info(info);
    if (too_large)
        return qf_fail(err, QF_OVER_LIMIT, "request", "a time-stamp request has at most %d bytes",
                       QF_TIMESTAMP_REQUEST_SIZE_MAX);
    if (failure == NULL || ASN1_BIT_STRING_get_bit(failure, TS_INFO_SYSTEM_FAILURE))
        return qf_evp_fail(err, QF_CRYPTO, "key", "the time-stamp could not be signed");
    if (ASN1_BIT_STRING_get_bit(failure, TS_INFO_BAD_ALG))
        return qf_fail(err, QF_UNSUPPORTED_ALG, "messageImprint",
                       "the hash algorithm must be SHA-256 or SM3");
    if (ASN1_BIT_STRING_get_bit(failure, TS_INFO_UNACCEPTED_POLICY))
        return qf_fail(err, QF_REFUSED, "reqPolicy", "this authority has another policy");
    if (ASN1_BIT_STRING_get_bit(failure, TS_INFO_UNACCEPTED_EXTENSION))
        return qf_fail(err, QF_REFUSED, "extensions", "no extension is supported");
    return qf_fail(err, QF_MALFORMED, "request", "not a well-formed TimeStampReq");
}

static enum qf_status put_response(struct qf_buf *out, TS_RESP *response, struct qf_error *err)
{
    int size = i2d_TS_RESP(response, NULL);
    uint8_t *at = size > 0 ? qf_buf_reserve(out, (size_t)size) : NULL;
    if (at == NULL || i2d_TS_RESP(response, &at) != size)
        return qf_fail(err, QF_NO_MEMORY, "response", "the response does not fit");
    qf_buf_grow(out, (size_t)size);
    return QF_OK;
}

enum qf_status qf_tsa_answer(const struct qf_tsa *tsa, struct qf_buf *response,
                             struct qf_slice request, const struct qf_tsa_moment *moment,
                             struct qf_error *err)
{
    QF_ASSERT(moment->serial.size > 0 && moment->serial.size <= QF_TIMESTAMP_SERIAL_SIZE_MAX);
    QF_ASSERT(moment->time_ms >= 0);
    struct answer answer = {.moment = moment};
    bool too_large = request.size > QF_TIMESTAMP_REQUEST_SIZE_MAX;
    /* An empty request makes OpenSSL write the refusal that an unreadable one gets. */
    bool readable = !too_large && request.size > 0 && is_request(request);
    BIO *bio = BIO_new_mem_buf(readable ? request.data : (const uint8_t *)"",
                               readable ? (int)request.size : 0);
    TS_RESP_CTX *ctx = new_ctx(tsa, &answer);
    enum qf_status status = QF_OK;
    TS_RESP *made = bio != NULL && ctx != NULL ? TS_RESP_create_response(ctx, bio) : NULL;
    if (made == NULL) {
        status = qf_evp_fail(err, QF_CRYPTO, "response", "no response could be made");
    } else {
        status = outcome(made, too_large, err);
        enum qf_status put = put_response(response, made, status == QF_OK ? err : NULL);
        if (status == QF_OK)
            status = put;
    }
    ERR_clear_error();
    TS_RESP_free(made);
    TS_RESP_CTX_free(ctx);
    BIO_free(bio);
    return status;
}
