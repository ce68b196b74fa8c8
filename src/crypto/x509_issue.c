#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/bytes.h"
#include "crypto/x509_internal.h"

#define LAST_SECOND 253402300799LL /* 9999-12-31T23:59:59Z */

struct extension {
    int nid;
    const char *value;
};

#define EXTENSIONS_MAX 3

/* By enum qf_x509_use. */
static const struct extension extensions[][EXTENSIONS_MAX] = {
    [QF_X509_CA] = {{NID_basic_constraints, "critical,CA:TRUE"},
                    {NID_key_usage, "critical,keyCertSign,cRLSign"}},
    [QF_X509_SIGNING] = {{NID_basic_constraints, "critical,CA:FALSE"},
                         {NID_key_usage, "critical,digitalSignature,nonRepudiation"}},
    [QF_X509_TLS] = {{NID_basic_constraints, "critical,CA:FALSE"},
                     {NID_key_usage, "critical,digitalSignature"},
                     {NID_ext_key_usage, "serverAuth,clientAuth"}},
    [QF_X509_TIMESTAMP] = {{NID_basic_constraints, "critical,CA:FALSE"},
                           {NID_key_usage, "critical,digitalSignature"},
                           {NID_ext_key_usage, "critical,timeStamping"}},
};

static bool add_extension(X509 *native, X509V3_CTX *ctx, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, ctx, nid, value);
    bool good = extension != NULL && X509_add_ext(native, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return good;
}

static bool add_extensions(X509 *native, X509 *issuer, enum qf_x509_use use)
{
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, issuer, native, NULL, NULL, 0);
    for (size_t i = 0; i < EXTENSIONS_MAX && extensions[use][i].value != NULL; i++) {
        const char *value = extensions[use][i].value;
        if (use == QF_X509_CA && i == 0 && issuer != native)
            value = "critical,CA:TRUE,pathlen:0";
        if (!add_extension(native, &ctx, extensions[use][i].nid, value))
            return false;
    }
    return add_extension(native, &ctx, NID_subject_key_identifier, "hash") &&
           (issuer == native ||
            add_extension(native, &ctx, NID_authority_key_identifier, "keyid,issuer"));
}

static bool is_host(const char *text)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.";
    size_t size = strlen(text);
    return size > 0 && size <= 253 && strspn(text, allowed) == size;
}

static GENERAL_NAME *host_name(const char *host)
{
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_OCTET_STRING *address = a2i_IPADDRESS(host);
    ASN1_IA5STRING *text = address == NULL ? ASN1_IA5STRING_new() : NULL;
    QF_ASSERT(name != NULL && (address != NULL || text != NULL));
    if (address != NULL) {
        GENERAL_NAME_set0_value(name, GEN_IPADD, address);
    } else {
        QF_ASSERT(ASN1_STRING_set(text, host, -1) == 1);
        GENERAL_NAME_set0_value(name, GEN_DNS, text);
    }
    ERR_clear_error();
    return name;
}

static enum qf_status add_hosts(X509 *native, const struct qf_x509_spec *spec, struct qf_error *err)
{
    if (spec->host_count > QF_X509_HOSTS_MAX)
        return qf_fail(err, QF_OVER_LIMIT, "hosts", "at most %d", QF_X509_HOSTS_MAX);
    if (spec->host_count == 0)
        return QF_OK;
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    QF_ASSERT(names != NULL);
    enum qf_status status = QF_OK;
    for (size_t i = 0; i < spec->host_count && status == QF_OK; i++) {
        ASN1_OCTET_STRING *address = a2i_IPADDRESS(spec->hosts[i]);
        if (address == NULL && !is_host(spec->hosts[i]))
            status = qf_fail(err, QF_BAD_FIELD, "hosts", "neither a DNS name nor an IP address");
        else
            QF_ASSERT(sk_GENERAL_NAME_push(names, host_name(spec->hosts[i])) > 0);
        ASN1_OCTET_STRING_free(address);
    }
    if (status == QF_OK && X509_add1_ext_i2d(native, NID_subject_alt_name, names, 0, 0) != 1)
        status = qf_evp_fail(err, QF_CRYPTO, "hosts", "subjectAltName could not be added");
    GENERAL_NAMES_free(names);
    return status;
}

static enum qf_status add_name(X509_NAME *name, const char *field, const char *type,
                               const char *value, struct qf_error *err)
{
    if (value == NULL)
        return QF_OK;
    if (value[0] == '\0' || X509_NAME_add_entry_by_txt(name, type, MBSTRING_UTF8,
                                                       (const uint8_t *)value, -1, -1, 0) != 1)
        return qf_evp_fail(err, QF_BAD_FIELD, field, "empty, too long or not UTF-8");
    return QF_OK;
}

static enum qf_status set_subject(X509 *native, const struct qf_x509_spec *spec,
                                  struct qf_error *err)
{
    X509_NAME *name = X509_get_subject_name(native);
    if (spec->common_name == NULL)
        return qf_fail(err, QF_BAD_FIELD, "common_name", "is required");
    enum qf_status status = add_name(name, "country", "C", spec->country, err);
    if (status == QF_OK)
        status = add_name(name, "organization", "O", spec->organization, err);
    if (status == QF_OK)
        status = add_name(name, "common_name", "CN", spec->common_name, err);
    return status;
}

static enum qf_status set_serial(X509 *native, const struct qf_x509_spec *spec,
                                 struct qf_error *err)
{
    if (spec->serial_size == 0 || spec->serial_size > QF_X509_SERIAL_SIZE_MAX)
        return qf_fail(err, QF_BAD_FIELD, "serial", "has 1 to %d bytes", QF_X509_SERIAL_SIZE_MAX);
    uint8_t bytes[QF_X509_SERIAL_SIZE_MAX];
    memcpy(bytes, spec->serial, spec->serial_size);
    bytes[0] &= 0x7f;
    BIGNUM *number = BN_bin2bn(bytes, (int)spec->serial_size, NULL);
    bool good = number != NULL && !BN_is_zero(number) &&
                BN_to_ASN1_INTEGER(number, X509_get_serialNumber(native)) != NULL;
    BN_free(number);
    if (!good)
        return qf_fail(err, QF_BAD_FIELD, "serial", "must not be zero");
    return QF_OK;
}

static enum qf_status set_validity(X509 *native, const struct qf_x509_spec *spec,
                                   struct qf_error *err)
{
    int64_t from = spec->not_before_ms / 1000;
    int64_t until = spec->not_after_ms / 1000;
    if (from < 0 || until < from || until > LAST_SECOND)
        return qf_fail(err, QF_BAD_FIELD, "not_after_ms", "validity must be a span of time");
    if (ASN1_TIME_set(X509_getm_notBefore(native), (time_t)from) == NULL ||
        ASN1_TIME_set(X509_getm_notAfter(native), (time_t)until) == NULL)
        return qf_evp_fail(err, QF_CRYPTO, "not_after_ms", "the time could not be encoded");
    return QF_OK;
}

/* Everything but the signature. `issuer` is NULL for a root. */
static enum qf_status build(X509 *native, X509 *issuer, EVP_PKEY *subject_key,
                            const struct qf_x509_spec *spec, struct qf_error *err)
{
    enum qf_status status = set_subject(native, spec, err);
    if (status == QF_OK)
        status = set_serial(native, spec, err);
    if (status == QF_OK)
        status = set_validity(native, spec, err);
    if (status != QF_OK)
        return status;
    X509_NAME *issuer_name = X509_get_subject_name(issuer != NULL ? issuer : native);
    if (X509_set_version(native, X509_VERSION_3) != 1 ||
        X509_set_issuer_name(native, issuer_name) != 1 ||
        X509_set_pubkey(native, subject_key) != 1 ||
        !add_extensions(native, issuer != NULL ? issuer : native, spec->use))
        return qf_evp_fail(err, QF_CRYPTO, "certificate", "the certificate could not be built");
    return spec->use == QF_X509_TLS ? add_hosts(native, spec, err) : QF_OK;
}

static enum qf_status make(struct qf_x509 **out, X509 *issuer, const struct qf_private_key *key,
                           EVP_PKEY *subject_key, const struct qf_x509_spec *spec,
                           struct qf_error *err)
{
    QF_ASSERT(spec->use >= QF_X509_CA && spec->use <= QF_X509_TIMESTAMP);
    X509 *native = X509_new();
    if (native == NULL)
        return qf_fail(err, QF_NO_MEMORY, "certificate", "no memory");
    enum qf_status status = build(native, issuer, subject_key, spec, err);
    if (status == QF_OK) {
        struct qf_public_key signer;
        qf_private_key_public(key, &signer);
        EVP_MD_CTX *ctx = qf_evp_sign_ctx(qf_private_key_evp(key), signer.alg);
        if (ctx == NULL || X509_sign_ctx(native, ctx) <= 0)
            status = qf_evp_fail(err, QF_CRYPTO, "certificate", "signing failed");
        EVP_MD_CTX_free(ctx);
    }
    if (status != QF_OK) {
        X509_free(native);
        return status;
    }
    return qf_x509_wrap(out, native, err);
}

enum qf_status qf_x509_make_root(struct qf_x509 **out, const struct qf_private_key *key,
                                 const struct qf_x509_spec *spec, struct qf_error *err)
{
    *out = NULL;
    QF_ASSERT(spec->use == QF_X509_CA);
    struct qf_public_key own;
    qf_private_key_public(key, &own);
    EVP_PKEY *subject_key = NULL;
    enum qf_status status = qf_evp_from_public(&subject_key, &own, err);
    if (status == QF_OK)
        status = make(out, NULL, key, subject_key, spec, err);
    EVP_PKEY_free(subject_key);
    return status;
}

static enum qf_status check_issuer(const struct qf_x509 *issuer, const struct qf_private_key *key,
                                   const struct qf_x509_spec *spec, struct qf_error *err)
{
    struct qf_x509_info info;
    qf_x509_read(issuer, &info);
    if (!info.is_ca || (X509_get_key_usage(issuer->native) & KU_KEY_CERT_SIGN) == 0)
        return qf_fail(err, QF_NOT_ALLOWED, "issuer", "%s is not a CA", info.subject);
    if (spec->use == QF_X509_CA && X509_get_pathlen(issuer->native) == 0)
        return qf_fail(err, QF_NOT_ALLOWED, "issuer", "%s may not issue for a CA", info.subject);
    struct qf_public_key in_cert;
    struct qf_public_key signer;
    enum qf_status status = qf_x509_public_key(issuer, &in_cert, err);
    if (status != QF_OK)
        return status;
    qf_private_key_public(key, &signer);
    if (!qf_public_key_equal(&in_cert, &signer))
        return qf_fail(err, QF_BAD_FIELD, "issuer_key", "not the key of %s", info.subject);
    if (spec->not_before_ms / 1000 < info.not_before_ms / 1000 ||
        spec->not_after_ms / 1000 > info.not_after_ms / 1000)
        return qf_fail(err, QF_BAD_FIELD, "not_after_ms", "not within the validity of %s",
                       info.subject);
    return QF_OK;
}

enum qf_status qf_x509_issue(struct qf_x509 **out, const struct qf_x509 *issuer,
                             const struct qf_private_key *issuer_key,
                             const struct qf_public_key *subject_key,
                             const struct qf_x509_spec *spec, struct qf_error *err)
{
    *out = NULL;
    enum qf_status status = check_issuer(issuer, issuer_key, spec, err);
    if (status != QF_OK)
        return status;
    EVP_PKEY *pkey = NULL;
    status = qf_evp_from_public(&pkey, subject_key, err);
    if (status == QF_OK)
        status = make(out, issuer->native, issuer_key, pkey, spec, err);
    EVP_PKEY_free(pkey);
    return status;
}
