/* Time-stamps (RFC 3161, RFC 5816): an authority as a library, and the checking of anybody's
 * tokens.
 *
 * The authority answers a DER TimeStampReq (application/timestamp-query) with a DER TimeStampResp
 * (application/timestamp-reply). What it cannot stamp it refuses in the form of the protocol. It
 * knows no clock and counts no serial numbers: both come with the call, since both are kept on the
 * ledger. Imprints are SHA-256 or SM3. It signs with P-256 (OpenSSL 3.0 makes no time-stamps with
 * SM2 or Ed25519); its certificate may come from a CA of either suite. Make that certificate with
 * qf_x509_issue and QF_X509_TIMESTAMP.
 *
 * An authority is immutable once made and may answer from several threads. Nothing else here is
 * bound to a thread. Limits: QF_TIMESTAMP_REQUEST_SIZE_MAX, QF_TIMESTAMP_TOKEN_SIZE_MAX,
 * QF_CERT_CHAIN_MAX certificates in a token. */
#ifndef QF_TIMESTAMP_TIMESTAMP_H
#define QF_TIMESTAMP_TIMESTAMP_H

#include "crypto/x509.h"

/* The policy of Qifeng's authorities (spec/keys.md): time of the ledger, accuracy one second. */
#define QF_TSA_POLICY "2.25.241931719616316844100370431894220431174"
#define QF_TIMESTAMP_SERIAL_SIZE_MAX 20 /* RFC 3161 2.4.2: 160 bits */
#define QF_TIMESTAMP_NONCE_SIZE_MAX 32
#define QF_TIMESTAMP_POLICY_SIZE_MAX 128

struct qf_tsa;

struct qf_tsa_options {
    const struct qf_private_key *key; /* of the certificate; outlives the authority */
    const struct qf_x509 *certificate;
    const struct qf_x509 *const *chain; /* put into tokens when the request asks for certificates */
    size_t chain_count;                 /* at most QF_CERT_CHAIN_MAX - 1 */
    const char *policy;                 /* dotted OID; NULL: QF_TSA_POLICY */
    uint32_t accuracy_ms;               /* 0: 1000 */
};

/* QF_UNSUPPORTED_ALG for a key that is not P-256, QF_BAD_FIELD when key and certificate are not a
 * pair or the certificate is not one of a time-stamp authority. */
QF_MUST_CHECK enum qf_status qf_tsa_new(struct qf_tsa **out, const struct qf_tsa_options *options,
                                        struct qf_error *err);
void qf_tsa_free(struct qf_tsa *tsa);

struct qf_tsa_moment {
    int64_t time_ms;
    struct qf_slice serial; /* 1 to QF_TIMESTAMP_SERIAL_SIZE_MAX bytes, not used before */
};

/* Appends a TimeStampResp to `response` whatever the request is. QF_OK: it holds a token. Otherwise
 * it says that and why the request was refused, and so does `err`: QF_MALFORMED, QF_OVER_LIMIT,
 * QF_UNSUPPORTED_ALG (badAlg), QF_REFUSED (policy or extension), QF_CRYPTO (the key failed). */
QF_MUST_CHECK enum qf_status qf_tsa_answer(const struct qf_tsa *tsa, struct qf_buf *response,
                                           struct qf_slice request,
                                           const struct qf_tsa_moment *moment,
                                           struct qf_error *err);

/* What a token says. */
struct qf_timestamp {
    int64_t time_ms;
    int64_t accuracy_ms; /* rounded up; -1 when it does not say */
    enum qf_hash_alg hash;
    uint8_t imprint[QF_HASH_SIZE];
    uint8_t nonce[QF_TIMESTAMP_NONCE_SIZE_MAX]; /* big-endian, without leading zeros */
    size_t nonce_size;                          /* 0: none */
    char serial[2 * QF_TIMESTAMP_SERIAL_SIZE_MAX + 1];
    char policy[QF_TIMESTAMP_POLICY_SIZE_MAX];
    /* "" and 0 until it is checked: */
    char authority[QF_X509_NAME_SIZE_MAX]; /* subject of the signer's certificate */
    int64_t until_ms;                      /* the earliest end of a certificate on its path */
};

/* Appends a TimeStampReq that asks for certificates; the nonce has 0 (none) to
 * QF_TIMESTAMP_NONCE_SIZE_MAX bytes and comes from the caller's random source. `policy` is a dotted
 * OID, or NULL for the authority's own choice; QF_BAD_FIELD when it is none. */
QF_MUST_CHECK enum qf_status qf_timestamp_put_request(struct qf_buf *request, enum qf_hash_alg hash,
                                                      const uint8_t imprint[QF_HASH_SIZE],
                                                      struct qf_slice nonce, const char *policy,
                                                      struct qf_error *err);

/* Appends the token of a TimeStampResp. QF_REFUSED with the authority's words when there is none.
 */
QF_MUST_CHECK enum qf_status qf_timestamp_token(struct qf_buf *token, struct qf_slice response,
                                                struct qf_error *err);

/* Appends a TimeStampResp that grants this token and says no more: the one form in which tokens are
 * kept. */
void qf_timestamp_put_response(struct qf_buf *response, struct qf_slice token);

/* Reads a token (DER ContentInfo) without believing it. QF_MALFORMED, QF_OVER_LIMIT;
 * QF_UNSUPPORTED_ALG when its imprint is neither SHA-256 nor SM3. */
QF_MUST_CHECK enum qf_status qf_timestamp_read(struct qf_timestamp *out, struct qf_slice token,
                                               struct qf_error *err);

/* The same, and names the authority by the certificate that the token carries and nobody has
 * checked; until_ms is that certificate's end. They stay empty when it carries none. */
QF_MUST_CHECK enum qf_status qf_timestamp_read_claims(struct qf_timestamp *out,
                                                      struct qf_slice token, struct qf_error *err);

struct qf_timestamp_trust {
    const struct qf_x509 *const *roots;
    size_t root_count;
    const struct qf_x509 *const
        *known;         /* certificates that the token may lack: the authority's own */
    size_t known_count; /* and those between; at most QF_CERT_CHAIN_MAX */
    int64_t at_ms;      /* time at which the certificates must be valid; 0: the token's own time */
};

/* As qf_timestamp_read, and checks the signature, the binding to the signer's certificate
 * (ESSCertID or ESSCertIDv2), and that certificate up to the roots for use as a time-stamp
 * authority. Whether the imprint is the expected one is for the caller to compare. QF_INVALID with
 * the reason. */
QF_MUST_CHECK enum qf_status qf_timestamp_verify(struct qf_timestamp *out, struct qf_slice token,
                                                 const struct qf_timestamp_trust *trust,
                                                 struct qf_error *err);

#endif
