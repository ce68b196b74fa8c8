#include "timestamp/timestamp.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/ts.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "crypto/evp.h"

_Static_assert(QF_X509_INTERMEDIATES_MAX >= 2 * QF_CERT_CHAIN_MAX,
               "certificates of a token and those known beside it fit into one path");

/* A SignedData token taken apart; all pointers belong to `token` but `info`. */
struct parsed {
    PKCS7 *token;
    TS_TST_INFO *info;
};

static void free_parsed(struct parsed *parsed)
{
    PKCS7_free(parsed->token);
    TS_TST_INFO_free(parsed->info);
}

static const EVP_MD *digest_of(enum qf_hash_alg hash)
{
    QF_ASSERT(hash == QF_HASH_SHA256 || hash == QF_HASH_SM3);
    return hash == QF_HASH_SHA256 ? EVP_sha256() : EVP_sm3();
}

static TS_REQ *build_request(enum qf_hash_alg hash, const uint8_t imprint[QF_HASH_SIZE],
                             struct qf_slice nonce, ASN1_OBJECT *policy)
{
    TS_REQ *request = TS_REQ_new();
    TS_MSG_IMPRINT *digest = TS_MSG_IMPRINT_new();
    X509_ALGOR *alg = X509_ALGOR_new();
    QF_ASSERT(request != NULL && digest != NULL && alg != NULL);
    uint8_t copy[QF_HASH_SIZE];
    memcpy(copy, imprint, sizeof copy);
    bool good = X509_ALGOR_set0(alg, OBJ_nid2obj(EVP_MD_get_type(digest_of(hash))), V_ASN1_NULL,
                                NULL) == 1 &&
                TS_MSG_IMPRINT_set_algo(digest, alg) == 1 &&
                TS_MSG_IMPRINT_set_msg(digest, copy, sizeof copy) == 1 &&
                TS_REQ_set_version(request, 1) == 1 &&
                TS_REQ_set_msg_imprint(request, digest) == 1 &&
                TS_REQ_set_cert_req(request, 1) == 1 &&
                (policy == NULL || TS_REQ_set_policy_id(request, policy) == 1);
    if (good && nonce.size > 0) {
        BIGNUM *number = BN_bin2bn(nonce.data, (int)nonce.size, NULL);
        ASN1_INTEGER *integer = number != NULL ? BN_to_ASN1_INTEGER(number, NULL) : NULL;
        good = integer != NULL && TS_REQ_set_nonce(request, integer) == 1;
        ASN1_INTEGER_free(integer);
        BN_free(number);
    }
    X509_ALGOR_free(alg);
    TS_MSG_IMPRINT_free(digest);
    if (!good) {
        TS_REQ_free(request);
        return NULL;
    }
    return request;
}

enum qf_status qf_timestamp_put_request(struct qf_buf *request, enum qf_hash_alg hash,
                                        const uint8_t imprint[QF_HASH_SIZE], struct qf_slice nonce,
                                        const char *policy, struct qf_error *err)
{
    QF_ASSERT(nonce.size <= QF_TIMESTAMP_NONCE_SIZE_MAX);
    ASN1_OBJECT *oid = policy != NULL ? OBJ_txt2obj(policy, 1) : NULL;
    if (policy != NULL && oid == NULL)
        return qf_evp_fail(err, QF_BAD_FIELD, "policy", "not a dotted OID");
    TS_REQ *built = build_request(hash, imprint, nonce, oid);
    ASN1_OBJECT_free(oid);
    int size = built != NULL ? i2d_TS_REQ(built, NULL) : 0;
    uint8_t *at = size > 0 ? qf_buf_reserve(request, (size_t)size) : NULL;
    bool good = at != NULL && i2d_TS_REQ(built, &at) == size;
    if (good)
        qf_buf_grow(request, (size_t)size);
    TS_REQ_free(built);
    if (!good)
        return qf_evp_fail(err, QF_CRYPTO, "request", "the request could not be made");
    return QF_OK;
}

static enum qf_status refusal(TS_RESP *response, struct qf_error *err)
{
    TS_STATUS_INFO *info = TS_RESP_get_status_info(response);
    const STACK_OF(ASN1_UTF8STRING) *texts = TS_STATUS_INFO_get0_text(info);
    long status = ASN1_INTEGER_get(TS_STATUS_INFO_get0_status(info));
    if (texts == NULL || sk_ASN1_UTF8STRING_num(texts) < 1)
        return qf_fail(err, QF_REFUSED, "response", "the authority refused with status %ld",
                       status);
    const ASN1_UTF8STRING *text = sk_ASN1_UTF8STRING_value(texts, 0);
    int size = ASN1_STRING_length(text) < 160 ? ASN1_STRING_length(text) : 160;
    return qf_fail(err, QF_REFUSED, "response", "the authority refused with status %ld: %.*s",
                   status, size, (const char *)ASN1_STRING_get0_data(text));
}

enum qf_status qf_timestamp_token(struct qf_buf *token, struct qf_slice response,
                                  struct qf_error *err)
{
    if (response.size > QF_TIMESTAMP_TOKEN_SIZE_MAX)
        return qf_fail(err, QF_OVER_LIMIT, "response", "at most %d bytes",
                       QF_TIMESTAMP_TOKEN_SIZE_MAX);
    const uint8_t *at = response.data;
    TS_RESP *parsed = d2i_TS_RESP(NULL, &at, (long)response.size);
    enum qf_status status = QF_OK;
    if (parsed == NULL || at != response.data + response.size) {
        status = qf_evp_fail(err, QF_MALFORMED, "response", "not a DER TimeStampResp");
    } else if (TS_RESP_get_token(parsed) == NULL) {
        status = refusal(parsed, err);
    } else {
        int size = i2d_PKCS7(TS_RESP_get_token(parsed), NULL);
        uint8_t *place = size > 0 ? qf_buf_reserve(token, (size_t)size) : NULL;
        if (place == NULL || i2d_PKCS7(TS_RESP_get_token(parsed), &place) != size)
            status = qf_evp_fail(err, QF_MALFORMED, "response", "its token cannot be encoded");
        else
            qf_buf_grow(token, (size_t)size);
    }
    TS_RESP_free(parsed);
    return status;
}

static void put_der_head(struct qf_buf *out, uint8_t tag, size_t size)
{
    qf_buf_put_byte(out, tag);
    unsigned bytes = size < 0x80 ? 0 : size < 0x100 ? 1 : size < 0x10000 ? 2 : 3;
    QF_ASSERT(size < 0x1000000);
    if (bytes > 0)
        qf_buf_put_byte(out, (uint8_t)(0x80 | bytes));
    for (unsigned i = bytes > 0 ? bytes : 1; i-- > 0;)
        qf_buf_put_byte(out, (uint8_t)(size >> 8 * i));
}

void qf_timestamp_put_response(struct qf_buf *response, struct qf_slice token)
{
    static const uint8_t granted[] = {V_ASN1_SEQUENCE | V_ASN1_CONSTRUCTED, 3, V_ASN1_INTEGER, 1,
                                      TS_STATUS_GRANTED};
    put_der_head(response, V_ASN1_SEQUENCE | V_ASN1_CONSTRUCTED, sizeof granted + token.size);
    qf_buf_put(response, granted, sizeof granted);
    qf_buf_put_slice(response, token);
}

static enum qf_status parse(struct parsed *out, struct qf_slice token, struct qf_error *err)
{
    *out = (struct parsed){0};
    if (token.size > QF_TIMESTAMP_TOKEN_SIZE_MAX)
        return qf_fail(err, QF_OVER_LIMIT, "token", "a time-stamp token has at most %d bytes",
                       QF_TIMESTAMP_TOKEN_SIZE_MAX);
    const uint8_t *at = token.data;
    out->token = d2i_PKCS7(NULL, &at, (long)token.size);
    if (out->token == NULL || at != token.data + token.size)
        return qf_evp_fail(err, QF_MALFORMED, "token", "not a DER ContentInfo");
    if (!PKCS7_type_is_signed(out->token))
        return qf_fail(err, QF_MALFORMED, "token", "not SignedData");
    out->info = PKCS7_to_TS_TST_INFO(out->token);
    if (out->info == NULL)
        return qf_evp_fail(err, QF_MALFORMED, "token", "its content is not a TSTInfo");
    if (TS_TST_INFO_get_version(out->info) != 1)
        return qf_fail(err, QF_MALFORMED, "token", "TSTInfo is not of version 1");
    return QF_OK;
}

/* genTime (RFC 3161 2.4.2): YYYYMMDDhhmmss[.s…]Z, in milliseconds; finer digits are cut. */
static bool read_time(int64_t *out, const ASN1_GENERALIZEDTIME *time)
{
    const char *text = (const char *)ASN1_STRING_get0_data(time);
    int size = ASN1_STRING_length(time);
    if (size < 15 || text[size - 1] != 'Z' || (size > 15 && (text[14] != '.' || size == 16)))
        return false;
    int64_t fraction = 0;
    for (int i = 15; i < 18; i++)
        fraction = fraction * 10 + (i < size - 1 ? text[i] - '0' : 0);
    for (int i = 15; i < size - 1; i++)
        if (text[i] < '0' || text[i] > '9')
            return false;
    int days = 0;
    int seconds = 0;
    ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
    QF_ASSERT(epoch != NULL);
    bool good = ASN1_TIME_diff(&days, &seconds, epoch, time) == 1;
    ASN1_TIME_free(epoch);
    if (!good)
        return false;
    *out = ((int64_t)days * 86400 + seconds) * 1000 + fraction;
    return *out >= 0;
}

static bool small_part(int64_t *out, const ASN1_INTEGER *value, int64_t max)
{
    *out = 0;
    return value == NULL || (ASN1_INTEGER_get_int64(out, value) == 1 && *out >= 0 && *out <= max);
}

static bool read_accuracy(int64_t *out, const TS_ACCURACY *accuracy)
{
    int64_t seconds = 0;
    int64_t millis = 0;
    int64_t micros = 0;
    *out = -1;
    if (accuracy == NULL)
        return true;
    if (!small_part(&seconds, TS_ACCURACY_get_seconds(accuracy), INT32_MAX) ||
        !small_part(&millis, TS_ACCURACY_get_millis(accuracy), 999) ||
        !small_part(&micros, TS_ACCURACY_get_micros(accuracy), 999))
        return false;
    *out = seconds * 1000 + millis + (micros > 0 ? 1 : 0);
    return true;
}

static bool read_imprint(struct qf_timestamp *out, TS_TST_INFO *info, bool *known)
{
    TS_MSG_IMPRINT *imprint = TS_TST_INFO_get_msg_imprint(info);
    const ASN1_OBJECT *oid = NULL;
    X509_ALGOR_get0(&oid, NULL, NULL, TS_MSG_IMPRINT_get_algo(imprint));
    int nid = OBJ_obj2nid(oid);
    *known = nid == NID_sha256 || nid == NID_sm3;
    if (!*known)
        return true;
    out->hash = nid == NID_sha256 ? QF_HASH_SHA256 : QF_HASH_SM3;
    const ASN1_OCTET_STRING *digest = TS_MSG_IMPRINT_get_msg(imprint);
    if (ASN1_STRING_length(digest) != QF_HASH_SIZE)
        return false;
    memcpy(out->imprint, ASN1_STRING_get0_data(digest), QF_HASH_SIZE);
    return true;
}

/* A non-negative INTEGER's bytes: ASN1_INTEGER keeps the magnitude without leading zeros. */
static bool read_integer(uint8_t *out, size_t *size, size_t size_max, const ASN1_INTEGER *value)
{
    *size = 0;
    if (value == NULL)
        return true;
    int length = ASN1_STRING_length(value);
    if (ASN1_STRING_type(value) == V_ASN1_NEG_INTEGER || (size_t)length > size_max)
        return false;
    memcpy(out, ASN1_STRING_get0_data(value), (size_t)length);
    *size = (size_t)length;
    return true;
}

static enum qf_status describe(struct qf_timestamp *out, TS_TST_INFO *info, struct qf_error *err)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t serial[QF_TIMESTAMP_SERIAL_SIZE_MAX];
    size_t serial_size = 0;
    bool known = false;
    *out = (struct qf_timestamp){0};
    if (!read_time(&out->time_ms, TS_TST_INFO_get_time(info)))
        return qf_fail(err, QF_MALFORMED, "genTime", "not a time of the form YYYYMMDDhhmmss[.s]Z");
    if (!read_accuracy(&out->accuracy_ms, TS_TST_INFO_get_accuracy(info)))
        return qf_fail(err, QF_MALFORMED, "accuracy", "out of range");
    if (!read_imprint(out, info, &known))
        return qf_fail(err, QF_MALFORMED, "messageImprint", "not as long as its hash");
    if (!known)
        return qf_fail(err, QF_UNSUPPORTED_ALG, "messageImprint", "neither SHA-256 nor SM3");
    if (!read_integer(serial, &serial_size, sizeof serial, TS_TST_INFO_get_serial(info)))
        return qf_fail(err, QF_MALFORMED, "serialNumber", "negative or over 160 bits");
    if (!read_integer(out->nonce, &out->nonce_size, sizeof out->nonce, TS_TST_INFO_get_nonce(info)))
        return qf_fail(err, QF_OVER_LIMIT, "nonce", "negative or over %d bytes",
                       QF_TIMESTAMP_NONCE_SIZE_MAX);
    for (size_t i = 0; i < serial_size; i++) {
        out->serial[2 * i] = digits[serial[i] >> 4];
        out->serial[2 * i + 1] = digits[serial[i] & 15];
    }
    int size = OBJ_obj2txt(out->policy, sizeof out->policy, TS_TST_INFO_get_policy_id(info), 1);
    if (size <= 0 || (size_t)size >= sizeof out->policy)
        return qf_fail(err, QF_OVER_LIMIT, "policy", "its OID is too long");
    return QF_OK;
}

enum qf_status qf_timestamp_read(struct qf_timestamp *out, struct qf_slice token,
                                 struct qf_error *err)
{
    struct parsed parsed;
    enum qf_status status = parse(&parsed, token, err);
    if (status == QF_OK)
        status = describe(out, parsed.info, err);
    free_parsed(&parsed);
    ERR_clear_error();
    return status;
}

/* Copies as our own objects, which carry SM2's id. */
static enum qf_status import_native(struct qf_x509 **out, X509 *native, struct qf_error *err)
{
    uint8_t *der = NULL;
    int size = i2d_X509(native, &der);
    if (size <= 0)
        return qf_evp_fail(err, QF_MALFORMED, "certificate", "it cannot be encoded");
    enum qf_status status = qf_x509_import(out, qf_slice_make(der, (size_t)size), err);
    OPENSSL_free(der);
    return status;
}

enum qf_status qf_timestamp_read_claims(struct qf_timestamp *out, struct qf_slice token,
                                        struct qf_error *err)
{
    struct parsed parsed;
    enum qf_status status = parse(&parsed, token, err);
    if (status == QF_OK)
        status = describe(out, parsed.info, err);
    STACK_OF(X509) *signers = status == QF_OK ? PKCS7_get0_signers(parsed.token, NULL, 0) : NULL;
    struct qf_x509 *cert = NULL;
    if (signers != NULL && sk_X509_num(signers) > 0 &&
        import_native(&cert, sk_X509_value(signers, 0), NULL) == QF_OK) {
        struct qf_x509_info info;
        qf_x509_read(cert, &info);
        memcpy(out->authority, info.subject, sizeof out->authority);
        out->until_ms = info.not_after_ms;
    }
    qf_x509_free(cert);
    sk_X509_free(signers);
    free_parsed(&parsed);
    ERR_clear_error();
    return status;
}

/* OpenSSL's check of the path knows neither SM2's id nor the time that matters here, so it is
 * pardoned everything and the path is checked by qf_x509_verify. It still builds the path, against
 * which the token's ESSCertIDs are checked. */
static int pardon(int good, X509_STORE_CTX *ctx)
{
    (void)good;
    (void)ctx;
    return 1;
}

/* OpenSSL would take a signature over SHA-1 or MD5 as well. */
static bool digest_strong(PKCS7 *token)
{
    STACK_OF(PKCS7_SIGNER_INFO) *signers = PKCS7_get_signer_info(token);
    if (signers == NULL || sk_PKCS7_SIGNER_INFO_num(signers) != 1)
        return false;
    X509_ALGOR *digest = NULL;
    const ASN1_OBJECT *oid = NULL;
    PKCS7_SIGNER_INFO_get0_algs(sk_PKCS7_SIGNER_INFO_value(signers, 0), NULL, &digest, NULL);
    X509_ALGOR_get0(&oid, NULL, NULL, digest);
    int nid = OBJ_obj2nid(oid);
    return nid == NID_sha256 || nid == NID_sha384 || nid == NID_sha512 || nid == NID_sm3;
}

static enum qf_status check_signature(X509 **signer, PKCS7 *token,
                                      const struct qf_timestamp_trust *trust, struct qf_error *err)
{
    if (!digest_strong(token))
        return qf_fail(err, QF_INVALID, "token",
                       "it needs one signer, over SHA-256, SHA-384, SHA-512 or SM3");
    X509_STORE *store = X509_STORE_new();
    STACK_OF(X509) *known = sk_X509_new_null();
    QF_ASSERT(store != NULL && known != NULL);
    X509_STORE_set_verify_cb(store, pardon);
    bool good = X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN) == 1;
    for (size_t i = 0; i < trust->root_count && good; i++)
        good = X509_STORE_add_cert(store, qf_x509_native(trust->roots[i])) == 1;
    for (size_t i = 0; i < trust->known_count && good; i++)
        good = sk_X509_push(known, qf_x509_native(trust->known[i])) > 0;
    enum qf_status status = QF_OK;
    if (!good)
        status = qf_evp_fail(err, QF_CRYPTO, "roots", "they could not be used");
    else if (TS_RESP_verify_signature(token, known, store, signer) != 1)
        status = qf_evp_fail(err, QF_INVALID, "token", "the signature does not hold");
    sk_X509_free(known);
    X509_STORE_free(store);
    ERR_clear_error();
    return status;
}

static enum qf_status check_path(struct qf_timestamp *out, X509 *signer, PKCS7 *token,
                                 const struct qf_timestamp_trust *trust, struct qf_error *err)
{
    const STACK_OF(X509) *sent = token->d.sign->cert;
    const struct qf_x509 *between[QF_X509_INTERMEDIATES_MAX];
    struct qf_x509 *imported[QF_CERT_CHAIN_MAX] = {0};
    struct qf_x509 *leaf = NULL;
    size_t count = 0;
    int sent_count = sent != NULL ? sk_X509_num(sent) : 0;
    if (sent_count > QF_CERT_CHAIN_MAX)
        return qf_fail(err, QF_OVER_LIMIT, "token", "it carries more than %d certificates",
                       QF_CERT_CHAIN_MAX);
    enum qf_status status = import_native(&leaf, signer, err);
    for (int i = 0; i < sent_count && status == QF_OK; i++) {
        status = import_native(&imported[count], sk_X509_value(sent, i), err);
        if (status == QF_OK) {
            between[count] = imported[count];
            count++;
        }
    }
    if (status == QF_OK) {
        for (size_t i = 0; i < trust->known_count; i++)
            between[count + i] = trust->known[i];
        struct qf_x509_info info;
        qf_x509_read(leaf, &info);
        memcpy(out->authority, info.subject, sizeof out->authority);
        const struct qf_x509_path path = {.intermediates = between,
                                          .intermediate_count = count + trust->known_count,
                                          .roots = trust->roots,
                                          .root_count = trust->root_count,
                                          .at_ms = trust->at_ms != 0 ? trust->at_ms : out->time_ms,
                                          .use = QF_X509_TIMESTAMP,
                                          .until_ms = &out->until_ms};
        status = qf_x509_verify(leaf, &path, err);
    }
    while (count > 0)
        qf_x509_free(imported[--count]);
    qf_x509_free(leaf);
    return status;
}

enum qf_status qf_timestamp_verify(struct qf_timestamp *out, struct qf_slice token,
                                   const struct qf_timestamp_trust *trust, struct qf_error *err)
{
    QF_ASSERT(trust->root_count <= QF_CERT_CHAIN_MAX && trust->known_count <= QF_CERT_CHAIN_MAX);
    struct parsed parsed;
    X509 *signer = NULL;
    enum qf_status status = parse(&parsed, token, err);
    if (status == QF_OK)
        status = describe(out, parsed.info, err);
    if (status == QF_OK)
        status = check_signature(&signer, parsed.token, trust, err);
    if (status == QF_OK)
        status = check_path(out, signer, parsed.token, trust, err);
    X509_free(signer);
    free_parsed(&parsed);
    ERR_clear_error();
    return status;
}
