/* Keys of the two suites: P-256 (ES256) and Ed25519 (EdDSA) in `intl`, SM2 (SM2-SM3) in `gm`.
 *
 * A public key is plain data. A private key is opaque and lives in this process (key file) or in a
 * PKCS#11 token; signing is the same call. Private key objects may sign from several threads. */
#ifndef QF_CRYPTO_KEY_H
#define QF_CRYPTO_KEY_H

#include "codec/jws.h"
#include "crypto/hash.h"

enum qf_suite {
    QF_SUITE_INTL = 1,
    QF_SUITE_GM = 2,
};

enum qf_sig_alg {
    QF_ALG_ES256 = 1,   /* ECDSA P-256 with SHA-256, raw r‖s (RFC 7518 3.4) */
    QF_ALG_EDDSA = 2,   /* Ed25519 (RFC 8037) */
    QF_ALG_SM2_SM3 = 3, /* SM2 with SM3, raw r‖s, id "1234567812345678" (GB/T 32918.2, 35276) */
};

const char *qf_suite_name(enum qf_suite suite); /* "intl", "gm" */
QF_MUST_CHECK bool qf_suite_parse(enum qf_suite *out, struct qf_slice name);
enum qf_hash_alg qf_suite_hash(enum qf_suite suite);
bool qf_suite_allows(enum qf_suite suite, enum qf_sig_alg alg);

const char *qf_sig_alg_name(enum qf_sig_alg alg); /* as in a JWS header */
QF_MUST_CHECK bool qf_sig_alg_parse(enum qf_sig_alg *out, struct qf_slice name);

#define QF_SIGNATURE_SIZE QF_JWS_SIGNATURE_SIZE
#define QF_PUBLIC_KEY_SIZE_MAX 64

struct qf_public_key {
    enum qf_sig_alg alg;
    uint8_t size;                          /* 64 (x‖y) or 32 (Ed25519) */
    uint8_t bytes[QF_PUBLIC_KEY_SIZE_MAX]; /* unused bytes are zero */
};

static inline bool qf_public_key_equal(const struct qf_public_key *a, const struct qf_public_key *b)
{
    return a->alg == b->alg && a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0;
}

/* Whether the bytes of a key are a good point: on the curve, encoded in the one way, and for
 * Ed25519 not of small order. QF_BAD_FIELD at "x". The functions below have done it already. */
QF_MUST_CHECK enum qf_status qf_public_key_check(const struct qf_public_key *key,
                                                 struct qf_error *err);

/* From a public JWK (RFC 7517; OKP by RFC 8037; SM2 as {"crv":"SM2","kty":"EC","x","y"}). Refuses
 * points that are not on the curve, private members and unknown members. */
QF_MUST_CHECK enum qf_status
qf_public_key_from_jwk(struct qf_public_key *out, const struct qf_json *jwk, struct qf_error *err);
/* The JWK's required members only, so that its canonical form is the thumbprint's input. Text lives
 * in the arena. */
struct qf_json qf_public_key_to_jwk(struct qf_arena *arena, const struct qf_public_key *key);

/* RFC 7638 thumbprint with SHA-256, base64url; NUL-terminated. */
void qf_public_key_kid(char out[QF_KID_SIZE + 1], const struct qf_public_key *key);

struct qf_private_key;

QF_MUST_CHECK enum qf_status qf_private_key_generate(struct qf_private_key **out,
                                                     enum qf_sig_alg alg, struct qf_error *err);
/* PKCS#8 PEM. With a passphrase (size > 0) encrypted with PBES2: scrypt and AES-256-CBC for keys of
 * intl, PBKDF2 with HMAC-SHA-256 and SM4-CBC for gm (OpenSSL 3.0 has no PBES2 with HMAC-SM3).
 * Loading: QF_PASSPHRASE when it is missing or wrong, QF_MALFORMED or QF_UNSUPPORTED_ALG when the
 * file holds no key of ours. Saving makes a new file with mode 0600, whole or not at all
 * (through PATH.new), and syncs it; a file that is there is never overwritten (QF_EXISTS). At most
 * 1,024 bytes of passphrase, 16 KiB of file. */
QF_MUST_CHECK enum qf_status qf_private_key_load(struct qf_private_key **out, const char *path,
                                                 struct qf_slice passphrase, struct qf_error *err);
QF_MUST_CHECK enum qf_status qf_private_key_save(const struct qf_private_key *key, const char *path,
                                                 struct qf_slice passphrase, struct qf_error *err);
/* A P-256 key in a token, by RFC 7512 URI with object= or id=; the PIN comes from the URI's
 * pin-source file, from `pin`, or from pin-value. module-path names the PKCS#11 module; without it
 * p11-kit's configuration (or PKCS11_MODULE_PATH) does. One module a process. QF_PASSPHRASE: PIN
 * missing or refused (a PIN is tried once); QF_NOT_FOUND: no such key. Tokens are used for P-256
 * only: the engine knows no Ed25519, and SM2 in tokens is outside PKCS#11 (SoftHSM2 does not have
 * it). */
QF_MUST_CHECK enum qf_status qf_private_key_open_pkcs11(struct qf_private_key **out,
                                                        const char *uri, struct qf_slice pin,
                                                        struct qf_error *err);
void qf_private_key_free(struct qf_private_key *key); /* clears it; NULL is allowed */

void qf_private_key_public(const struct qf_private_key *key, struct qf_public_key *out);
QF_MUST_CHECK enum qf_status qf_private_key_sign(const struct qf_private_key *key,
                                                 uint8_t out[QF_SIGNATURE_SIZE],
                                                 struct qf_slice message, struct qf_error *err);
/* The underlying EVP_PKEY (borrowed), for the layers that make X.509, CMS and TLS. */
void *qf_private_key_evp(const struct qf_private_key *key);

#endif
