#include "crypto/key.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "crypto/key_internal.h"

#define COORDINATE_SIZE 32

/* What OpenSSL calls each algorithm; indexed by enum qf_sig_alg. */
struct alg_row {
    const char *name; /* JOSE */
    const char *type; /* EVP_PKEY */
    const char *group;
    uint8_t public_size;
};

static const struct alg_row algs[] = {
    [QF_ALG_ES256] = {"ES256", "EC", "prime256v1", 64},
    [QF_ALG_EDDSA] = {"EdDSA", "ED25519", NULL, 32},
    [QF_ALG_SM2_SM3] = {"SM2-SM3", "SM2", "SM2", 64},
};

static const struct alg_row *row_of(enum qf_sig_alg alg)
{
    QF_ASSERT(alg >= QF_ALG_ES256 && alg <= QF_ALG_SM2_SM3);
    return &algs[alg];
}

const char *qf_suite_name(enum qf_suite suite)
{
    QF_ASSERT(suite == QF_SUITE_INTL || suite == QF_SUITE_GM);
    return suite == QF_SUITE_INTL ? "intl" : "gm";
}

bool qf_suite_parse(enum qf_suite *out, struct qf_slice name)
{
    if (qf_slice_is(name, "intl"))
        *out = QF_SUITE_INTL;
    else if (qf_slice_is(name, "gm"))
        *out = QF_SUITE_GM;
    else
        return false;
    return true;
}

enum qf_hash_alg qf_suite_hash(enum qf_suite suite)
{
    QF_ASSERT(suite == QF_SUITE_INTL || suite == QF_SUITE_GM);
    return suite == QF_SUITE_INTL ? QF_HASH_SHA256 : QF_HASH_SM3;
}

bool qf_suite_allows(enum qf_suite suite, enum qf_sig_alg alg)
{
    QF_ASSERT(suite == QF_SUITE_INTL || suite == QF_SUITE_GM);
    return (suite == QF_SUITE_GM) == (row_of(alg) == &algs[QF_ALG_SM2_SM3]);
}

const char *qf_sig_alg_name(enum qf_sig_alg alg)
{
    return row_of(alg)->name;
}

bool qf_sig_alg_parse(enum qf_sig_alg *out, struct qf_slice name)
{
    for (enum qf_sig_alg alg = QF_ALG_ES256; alg <= QF_ALG_SM2_SM3; alg++) {
        if (qf_slice_is(name, algs[alg].name)) {
            *out = alg;
            return true;
        }
    }
    return false;
}

enum qf_status qf_evp_fail(struct qf_error *err, enum qf_status status, const char *field,
                           const char *what)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = code != 0 ? ERR_reason_error_string(code) : NULL;
    (void)qf_fail(err, status, field, "%s%s%s", what, reason != NULL ? ": " : "",
                  reason != NULL ? reason : "");
    ERR_clear_error();
    return status;
}

static bool coordinate(EVP_PKEY *pkey, const char *name, uint8_t out[COORDINATE_SIZE])
{
    BIGNUM *number = NULL;
    bool good = EVP_PKEY_get_bn_param(pkey, name, &number) == 1 &&
                BN_bn2binpad(number, out, COORDINATE_SIZE) == COORDINATE_SIZE;
    BN_free(number);
    return good;
}

static bool ec_alg(EVP_PKEY *pkey, enum qf_sig_alg *alg)
{
    char group[64];
    size_t size = 0;
    if (EVP_PKEY_get_utf8_string_param(pkey, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof group,
                                       &size) != 1)
        return false;
    if (strcmp(group, algs[QF_ALG_ES256].group) == 0)
        *alg = QF_ALG_ES256;
    else if (strcmp(group, algs[QF_ALG_SM2_SM3].group) == 0)
        *alg = QF_ALG_SM2_SM3;
    else
        return false;
    return true;
}

/* `pkey` is a provider's own object here: an engine's would not answer for its parameters. */
static bool native_public(struct qf_public_key *out, EVP_PKEY *pkey)
{
    *out = (struct qf_public_key){.alg = QF_ALG_EDDSA};
    if (EVP_PKEY_is_a(pkey, "ED25519")) {
        size_t size = sizeof out->bytes;
        out->size = algs[QF_ALG_EDDSA].public_size;
        return EVP_PKEY_get_raw_public_key(pkey, out->bytes, &size) == 1 && size == out->size;
    }
    if (!EVP_PKEY_is_a(pkey, "EC") && !EVP_PKEY_is_a(pkey, "SM2"))
        return false;
    if (!ec_alg(pkey, &out->alg))
        return false;
    out->size = algs[out->alg].public_size;
    return coordinate(pkey, OSSL_PKEY_PARAM_EC_PUB_X, out->bytes) &&
           coordinate(pkey, OSSL_PKEY_PARAM_EC_PUB_Y, out->bytes + COORDINATE_SIZE);
}

enum qf_status qf_evp_public(struct qf_public_key *out, EVP_PKEY *pkey, struct qf_error *err)
{
    unsigned char *der = NULL;
    int size = i2d_PUBKEY(pkey, &der);
    const unsigned char *at = der;
    EVP_PKEY *native = size > 0 ? d2i_PUBKEY(NULL, &at, size) : NULL;
    bool good = native != NULL && native_public(out, native);
    EVP_PKEY_free(native);
    OPENSSL_free(der);
    ERR_clear_error();
    if (!good)
        return qf_fail(err, QF_UNSUPPORTED_ALG, "key",
                       "the key is not a P-256, Ed25519 or SM2 key");
    return QF_OK;
}

static OSSL_PARAM *ec_params(const struct qf_public_key *key)
{
    uint8_t point[1 + 2 * COORDINATE_SIZE] = {POINT_CONVERSION_UNCOMPRESSED};
    memcpy(point + 1, key->bytes, sizeof point - 1);
    OSSL_PARAM *params = NULL;
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    if (builder != NULL &&
        OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME,
                                        row_of(key->alg)->group, 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point) ==
            1)
        params = OSSL_PARAM_BLD_to_param(builder); /* copies the point */
    OSSL_PARAM_BLD_free(builder);
    return params;
}

enum qf_status qf_evp_from_public(EVP_PKEY **out, const struct qf_public_key *key,
                                  struct qf_error *err)
{
    const struct alg_row *row = row_of(key->alg);
    QF_ASSERT(key->size == row->public_size);
    *out = NULL;
    if (row->group == NULL) {
        *out = EVP_PKEY_new_raw_public_key_ex(NULL, row->type, NULL, key->bytes, key->size);
    } else {
        OSSL_PARAM *params = ec_params(key);
        EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, row->type, NULL);
        if (params == NULL || ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
            EVP_PKEY_fromdata(ctx, out, EVP_PKEY_PUBLIC_KEY, params) != 1)
            *out = NULL;
        EVP_PKEY_CTX_free(ctx);
        OSSL_PARAM_free(params);
    }
    if (*out == NULL)
        return qf_evp_fail(err, QF_BAD_FIELD, "key", "not a public key of its algorithm");
    return QF_OK;
}

enum qf_status qf_key_wrap(struct qf_private_key **out, EVP_PKEY *pkey, bool token,
                           struct qf_error *err)
{
    struct qf_private_key *key = calloc(1, sizeof *key);
    if (key == NULL) {
        EVP_PKEY_free(pkey);
        return qf_fail(err, QF_NO_MEMORY, "key", "no memory");
    }
    enum qf_status status = qf_evp_public(&key->public_key, pkey, err);
    if (status != QF_OK) {
        EVP_PKEY_free(pkey);
        free(key);
        return status;
    }
    key->pkey = pkey;
    key->token = token;
    QF_ASSERT(pthread_mutex_init(&key->lock, NULL) == 0);
    *out = key;
    return QF_OK;
}

enum qf_status qf_private_key_generate(struct qf_private_key **out, enum qf_sig_alg alg,
                                       struct qf_error *err)
{
    const struct alg_row *row = row_of(alg);
    EVP_PKEY *pkey = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, row->type, NULL);
    bool good = ctx != NULL && EVP_PKEY_keygen_init(ctx) == 1 &&
                (row->group == NULL || EVP_PKEY_CTX_set_group_name(ctx, row->group) == 1) &&
                EVP_PKEY_generate(ctx, &pkey) == 1;
    EVP_PKEY_CTX_free(ctx);
    if (!good)
        return qf_evp_fail(err, QF_CRYPTO, "key", "the key could not be made");
    return qf_key_wrap(out, pkey, false, err);
}

void qf_private_key_free(struct qf_private_key *key)
{
    if (key == NULL)
        return;
    EVP_PKEY_free(key->pkey); /* clears the private number */
    pthread_mutex_destroy(&key->lock);
    free(key);
}

void qf_private_key_public(const struct qf_private_key *key, struct qf_public_key *out)
{
    *out = key->public_key;
}

void *qf_private_key_evp(const struct qf_private_key *key)
{
    return key->pkey;
}
