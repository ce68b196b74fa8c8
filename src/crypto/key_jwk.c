/* Public keys as JWKs, and the check of what comes in: a key on the ledger stands for years, so a
 * point that is off its curve, or of small order (for which anybody can make signatures), must not
 * get there. */
#include <openssl/bn.h>
#include <openssl/err.h>

#include "base/bytes.h"
#include "codec/text.h"
#include "crypto/key_internal.h"

#define COORDINATE_SIZE 32
#define COORDINATE_TEXT_SIZE QF_BASE64URL_SIZE(COORDINATE_SIZE)

struct jwk_row {
    const char *kty;
    const char *crv;
    bool has_y;
};

static const struct jwk_row forms[] = {
    [QF_ALG_ES256] = {"EC", "P-256", true},
    [QF_ALG_EDDSA] = {"OKP", "Ed25519", false},
    [QF_ALG_SM2_SM3] = {"EC", "SM2", true},
};

/* v' of the doubled point (u, v) on -u² + v² = 1 + d u² v² (RFC 8032 5.1), in which u stands only
 * squared: u² = (v² - 1)/(d v² + 1) and v' = (v² + u²)/(2 + u² - v²). False when no such u. */
static bool ed25519_double(BIGNUM *v, const BIGNUM *d, const BIGNUM *p, BN_CTX *ctx)
{
    BN_CTX_start(ctx);
    BIGNUM *vv = BN_CTX_get(ctx);
    BIGNUM *uu = BN_CTX_get(ctx);
    BIGNUM *t = BN_CTX_get(ctx);
    bool good = t != NULL && BN_mod_sqr(vv, v, p, ctx) && BN_mod_mul(t, d, vv, p, ctx) &&
                BN_add_word(t, 1) && BN_mod_inverse(t, t, p, ctx) != NULL && BN_copy(uu, vv) &&
                BN_sub_word(uu, 1) && BN_mod_mul(uu, uu, t, p, ctx) &&
                BN_kronecker(uu, p, ctx) >= 0;
    good = good && BN_mod_sub(t, uu, vv, p, ctx) && BN_add_word(t, 2) &&
           BN_mod_inverse(t, t, p, ctx) != NULL && BN_mod_add(v, vv, uu, p, ctx) &&
           BN_mod_mul(v, v, t, p, ctx);
    BN_CTX_end(ctx);
    return good;
}

/* The canonical encoding of a point of the curve whose order is not 1, 2, 4 or 8: doubled three
 * times it is not the neutral element, whose v is 1. */
static bool ed25519_point_good(const uint8_t bytes[COORDINATE_SIZE])
{
    uint8_t v_bytes[COORDINATE_SIZE];
    memcpy(v_bytes, bytes, sizeof v_bytes);
    v_bytes[COORDINATE_SIZE - 1] &= 0x7f;
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *v = BN_lebin2bn(v_bytes, sizeof v_bytes, NULL);
    BIGNUM *p = NULL;
    BIGNUM *d = NULL;
    bool good =
        ctx != NULL && v != NULL &&
        BN_hex2bn(&p, "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffed") > 0 &&
        BN_hex2bn(&d, "52036cee2b6ffe738cc740797779e89800700a4d4141d8ab75eb4dca135978a3") > 0;
    QF_ASSERT(good);
    good = BN_cmp(v, p) < 0 && !BN_is_one(v);
    for (int i = 0; i < 3 && good; i++)
        good = ed25519_double(v, d, p, ctx);
    good = good && !BN_is_one(v);
    BN_free(d);
    BN_free(p);
    BN_free(v);
    BN_CTX_free(ctx);
    ERR_clear_error();
    return good;
}

enum qf_status qf_public_key_check(const struct qf_public_key *key, struct qf_error *err)
{
    if (key->alg == QF_ALG_EDDSA) {
        if (!ed25519_point_good(key->bytes))
            return qf_fail(err, QF_BAD_FIELD, "x", "not the encoding of a good Ed25519 point");
        return QF_OK;
    }
    EVP_PKEY *pkey = NULL;
    if (qf_evp_from_public(&pkey, key, NULL) != QF_OK)
        return qf_fail(err, QF_BAD_FIELD, "x", "x and y are not a point of the curve %s",
                       forms[key->alg].crv);
    EVP_PKEY_free(pkey);
    return QF_OK;
}

static enum qf_status read_form(enum qf_sig_alg *alg, const struct qf_json *jwk,
                                struct qf_error *err)
{
    struct qf_slice kty = {0};
    struct qf_slice crv = {0};
    enum qf_status status = qf_json_get_text(jwk, "kty", &kty, err);
    if (status == QF_OK)
        status = qf_json_get_text(jwk, "crv", &crv, err);
    if (status != QF_OK)
        return status;
    for (*alg = QF_ALG_ES256; *alg <= QF_ALG_SM2_SM3; (*alg)++)
        if (qf_slice_is(kty, forms[*alg].kty) && qf_slice_is(crv, forms[*alg].crv))
            return QF_OK;
    return qf_fail(err, QF_BAD_FIELD, "crv",
                   "kty and crv must be EC with P-256 or SM2, or OKP with Ed25519");
}

static enum qf_status read_coordinate(uint8_t out[COORDINATE_SIZE], const struct qf_json *jwk,
                                      const char *name, struct qf_error *err)
{
    struct qf_slice text = {0};
    size_t size = 0;
    enum qf_status status = qf_json_get_text(jwk, name, &text, err);
    if (status != QF_OK)
        return status;
    if (text.size != COORDINATE_TEXT_SIZE || !qf_base64url_decode(out, &size, text))
        return qf_fail(err, QF_BAD_FIELD, name, "must be base64url of exactly 32 bytes");
    return QF_OK;
}

/* A ledger has one form of each key: optional members would make two. */
static enum qf_status check_members(const struct qf_json *jwk, const struct jwk_row *form,
                                    struct qf_error *err)
{
    for (uint32_t i = 0; i < jwk->count; i++) {
        struct qf_slice name = jwk->members[i].key;
        if (qf_slice_is(name, "kty") || qf_slice_is(name, "crv") || qf_slice_is(name, "x") ||
            (form->has_y && qf_slice_is(name, "y")))
            continue;
        if (qf_slice_is(name, "d"))
            return qf_fail(err, QF_BAD_FIELD, "d",
                           "this is a private key: it is no longer a secret, make a new one");
        char text[48];
        size_t size = name.size < sizeof text ? name.size : sizeof text - 1;
        if (size > 0)
            memcpy(text, name.data, size);
        text[size] = '\0';
        return qf_fail(err, QF_BAD_FIELD, text, "the public JWK has only kty, crv, x%s here",
                       form->has_y ? " and y" : "");
    }
    return QF_OK;
}

enum qf_status qf_public_key_from_jwk(struct qf_public_key *out, const struct qf_json *jwk,
                                      struct qf_error *err)
{
    *out = (struct qf_public_key){0};
    if (jwk == NULL || jwk->type != QF_JSON_OBJECT)
        return qf_fail(err, QF_BAD_FIELD, "", "a public JWK is an object");
    enum qf_status status = read_form(&out->alg, jwk, err);
    if (status != QF_OK)
        return status;
    const struct jwk_row *form = &forms[out->alg];
    status = check_members(jwk, form, err);
    if (status == QF_OK)
        status = read_coordinate(out->bytes, jwk, "x", err);
    if (status == QF_OK && form->has_y)
        status = read_coordinate(out->bytes + COORDINATE_SIZE, jwk, "y", err);
    if (status != QF_OK)
        return status;
    out->size = form->has_y ? 2 * COORDINATE_SIZE : COORDINATE_SIZE;
    return qf_public_key_check(out, err);
}

static const struct jwk_row *form_of(const struct qf_public_key *key)
{
    QF_ASSERT(key->alg >= QF_ALG_ES256 && key->alg <= QF_ALG_SM2_SM3);
    const struct jwk_row *form = &forms[key->alg];
    QF_ASSERT(key->size == (form->has_y ? 2 * COORDINATE_SIZE : COORDINATE_SIZE));
    return form;
}

static struct qf_json coordinate_text(struct qf_arena *arena, const uint8_t *bytes)
{
    char *text = qf_arena_alloc(arena, COORDINATE_TEXT_SIZE);
    qf_base64url_encode(text, qf_slice_make(bytes, COORDINATE_SIZE));
    return qf_json_make_slice(qf_slice_make(text, COORDINATE_TEXT_SIZE));
}

struct qf_json qf_public_key_to_jwk(struct qf_arena *arena, const struct qf_public_key *key)
{
    const struct jwk_row *form = form_of(key);
    struct qf_json jwk = qf_json_make_object();
    qf_json_put(arena, &jwk, "kty", qf_json_make_text(form->kty));
    qf_json_put(arena, &jwk, "crv", qf_json_make_text(form->crv));
    qf_json_put(arena, &jwk, "x", coordinate_text(arena, key->bytes));
    if (form->has_y)
        qf_json_put(arena, &jwk, "y", coordinate_text(arena, key->bytes + COORDINATE_SIZE));
    return jwk;
}

void qf_public_key_kid(char out[QF_KID_SIZE + 1], const struct qf_public_key *key)
{
    /* The canonical JWK, written as parts: its members are few and their order is known. */
    const struct jwk_row *form = form_of(key);
    char x[COORDINATE_TEXT_SIZE];
    char y[COORDINATE_TEXT_SIZE];
    qf_base64url_encode(x, qf_slice_make(key->bytes, COORDINATE_SIZE));
    qf_base64url_encode(y, qf_slice_make(key->bytes + COORDINATE_SIZE, COORDINATE_SIZE));
    struct qf_slice parts[] = {
        qf_slice_of("{\"crv\":\""), qf_slice_of(form->crv),     qf_slice_of("\",\"kty\":\""),
        qf_slice_of(form->kty),     qf_slice_of("\",\"x\":\""), qf_slice_make(x, sizeof x),
        qf_slice_of("\",\"y\":\""), qf_slice_make(y, sizeof y), qf_slice_of("\"}"),
    };
    size_t count = sizeof parts / sizeof parts[0];
    if (!form->has_y) {
        parts[6] = parts[8];
        count = 7;
    }
    uint8_t hash[QF_HASH_SIZE];
    qf_hash_parts(QF_HASH_SHA256, hash, parts, count);
    qf_base64url_encode(out, qf_slice_make(hash, sizeof hash));
    out[QF_KID_SIZE] = '\0';
}
