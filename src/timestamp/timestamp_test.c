#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "timestamp/timestamp.h"

#define DAY_MS 86400000LL
#define NOW_MS 1767225600123LL /* 2026-01-01T00:00:00.123Z */

static const uint8_t serial[] = {0x8a, 1, 2, 3};
static const uint8_t nonce[] = {0x81, 7, 7, 7, 7, 7, 7, 7};
static const enum qf_sig_alg ca_algs[] = {QF_ALG_ES256, QF_ALG_SM2_SM3, QF_ALG_EDDSA};

/* A member's CA, a CA below it, and the authority. */
struct family {
    struct qf_private_key *root_key, *ca_key, *key;
    struct qf_x509 *root, *ca, *certificate;
    struct qf_tsa *tsa;
};

static struct qf_x509 *issue(const struct qf_x509 *issuer, const struct qf_private_key *issuer_key,
                             const struct qf_private_key *subject, enum qf_x509_use use)
{
    const struct qf_x509_spec spec = {.use = use,
                                      .common_name = use == QF_X509_CA ? "ca" : "time-stamps",
                                      .serial = serial,
                                      .serial_size = sizeof serial,
                                      .not_before_ms = NOW_MS - DAY_MS,
                                      .not_after_ms = NOW_MS + 300 * DAY_MS};
    struct qf_public_key key;
    struct qf_x509 *cert = NULL;
    qf_private_key_public(subject, &key);
    if (issuer == NULL)
        assert_int_equal(qf_x509_make_root(&cert, subject, &spec, NULL), QF_OK);
    else
        assert_int_equal(qf_x509_issue(&cert, issuer, issuer_key, &key, &spec, NULL), QF_OK);
    return cert;
}

static void make_family(struct family *f, enum qf_sig_alg ca_alg)
{
    struct qf_error err = {0};
    assert_int_equal(qf_private_key_generate(&f->root_key, ca_alg, &err), QF_OK);
    assert_int_equal(qf_private_key_generate(&f->ca_key, ca_alg, &err), QF_OK);
    assert_int_equal(qf_private_key_generate(&f->key, QF_ALG_ES256, &err), QF_OK);
    f->root = issue(NULL, NULL, f->root_key, QF_X509_CA);
    f->ca = issue(f->root, f->root_key, f->ca_key, QF_X509_CA);
    f->certificate = issue(f->ca, f->ca_key, f->key, QF_X509_TIMESTAMP);
    const struct qf_x509 *const chain[] = {f->ca};
    const struct qf_tsa_options options = {
        .key = f->key, .certificate = f->certificate, .chain = chain, .chain_count = 1};
    assert_int_equal(qf_tsa_new(&f->tsa, &options, &err), QF_OK);
}

static void free_family(struct family *f)
{
    qf_tsa_free(f->tsa);
    qf_private_key_free(f->root_key);
    qf_private_key_free(f->ca_key);
    qf_private_key_free(f->key);
    qf_x509_free(f->root);
    qf_x509_free(f->ca);
    qf_x509_free(f->certificate);
}

static struct qf_tsa_moment moment_now(void)
{
    return (struct qf_tsa_moment){.time_ms = NOW_MS,
                                  .serial = qf_slice_make(serial, sizeof serial)};
}

static struct qf_buf stamp(const struct family *f, enum qf_hash_alg hash,
                           uint8_t imprint[QF_HASH_SIZE])
{
    struct qf_buf request = {0}, response = {0}, token = {0};
    struct qf_error err = {0};
    const struct qf_tsa_moment moment = moment_now();
    qf_hash(hash, imprint, qf_slice_of("document"));
    assert_int_equal(qf_timestamp_put_request(&request, hash, imprint,
                                              qf_slice_make(nonce, sizeof nonce), NULL, &err),
                     QF_OK);
    assert_int_equal(qf_tsa_answer(f->tsa, &response, qf_buf_slice(&request), &moment, &err),
                     QF_OK);
    assert_int_equal(qf_timestamp_token(&token, qf_buf_slice(&response), &err), QF_OK);
    qf_buf_deinit(&request);
    qf_buf_deinit(&response);
    return token;
}

static enum qf_status verify(struct qf_timestamp *out, const struct qf_buf *token,
                             const struct qf_x509 *root, int64_t at_ms, struct qf_error *err)
{
    const struct qf_x509 *const roots[] = {root};
    const struct qf_timestamp_trust trust = {.roots = roots, .root_count = 1, .at_ms = at_ms};
    return qf_timestamp_verify(out, qf_buf_slice(token), &trust, err);
}

static void test_stamp(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct family f = {0};
        make_family(&f, ca_algs[i]);
        for (enum qf_hash_alg hash = QF_HASH_SHA256; hash <= QF_HASH_SM3; hash++) {
            uint8_t imprint[QF_HASH_SIZE];
            struct qf_timestamp got = {0};
            struct qf_error err = {0};
            struct qf_buf token = stamp(&f, hash, imprint);
            enum qf_status status = verify(&got, &token, f.root, 0, &err);
            if (status != QF_OK)
                print_error("%s: %s\n", err.field, err.detail);
            assert_int_equal(status, QF_OK);
            assert_int_equal(got.time_ms, NOW_MS);
            assert_int_equal(got.accuracy_ms, 1000);
            assert_int_equal(got.hash, hash);
            assert_memory_equal(got.imprint, imprint, sizeof imprint);
            assert_int_equal(got.nonce_size, sizeof nonce);
            assert_memory_equal(got.nonce, nonce, sizeof nonce);
            assert_string_equal(got.serial, "8a010203");
            assert_string_equal(got.policy, QF_TSA_POLICY);
            assert_string_equal(got.authority, "CN=time-stamps");

            assert_int_equal(verify(&got, &token, f.root, NOW_MS + 299 * DAY_MS, &err), QF_OK);
            assert_int_equal(verify(&got, &token, f.root, NOW_MS + 301 * DAY_MS, &err), QF_INVALID);
            assert_non_null(strstr(err.detail, "expired on"));
            qf_buf_deinit(&token);
        }
        free_family(&f);
    }
}

static void test_untrusted(void **state)
{
    (void)state;
    struct family f = {0}, other = {0};
    struct qf_timestamp got = {0};
    struct qf_error err = {0};
    uint8_t imprint[QF_HASH_SIZE];
    make_family(&f, QF_ALG_ES256);
    make_family(&other, QF_ALG_ES256);
    struct qf_buf token = stamp(&f, QF_HASH_SHA256, imprint);
    assert_int_equal(verify(&got, &token, other.root, 0, &err), QF_INVALID);
    assert_int_equal(verify(&got, &token, f.ca, 0, &err), QF_OK); /* trusted as it is */
    const struct qf_timestamp_trust nobody = {0};
    assert_int_equal(qf_timestamp_verify(&got, qf_buf_slice(&token), &nobody, &err), QF_INVALID);
    qf_buf_deinit(&token);
    free_family(&f);
    free_family(&other);
}

/* Every byte of a token matters, or is outside of what is signed and then changes nothing. */
static void test_tampered(void **state)
{
    (void)state;
    struct family f = {0};
    uint8_t imprint[QF_HASH_SIZE];
    make_family(&f, QF_ALG_ES256);
    struct qf_buf token = stamp(&f, QF_HASH_SHA256, imprint);
    struct qf_timestamp good = {0}, got = {0};
    struct qf_error err = {0};
    assert_int_equal(verify(&good, &token, f.root, 0, &err), QF_OK);
    size_t refused = 0;
    for (size_t i = 0; i < token.size; i++) {
        token.data[i] ^= 1;
        if (verify(&got, &token, f.root, 0, &err) != QF_OK) {
            refused++;
        } else {
            assert_int_equal(got.time_ms, good.time_ms);
            assert_memory_equal(got.imprint, good.imprint, QF_HASH_SIZE);
            assert_string_equal(got.serial, good.serial);
            assert_string_equal(got.authority, good.authority);
        }
        token.data[i] ^= 1;
    }
    assert_true(refused > token.size * 9 / 10);
    uint8_t *place = memmem(token.data, token.size, imprint, sizeof imprint);
    assert_non_null(place);
    place[0] ^= 1;
    assert_int_equal(verify(&got, &token, f.root, 0, &err), QF_INVALID);
    assert_string_equal(err.field, "token");
    place[0] ^= 1;
    place = memmem(token.data, token.size, "20260101000000.123Z", 19);
    assert_non_null(place);
    place[3] = '5';
    assert_int_equal(verify(&got, &token, f.root, 0, &err), QF_INVALID);
    place[3] = '6';
    for (size_t size = 0; size < token.size; size += 7)
        assert_int_equal(qf_timestamp_read(&got, qf_slice_make(token.data, size), &err),
                         QF_MALFORMED);
    qf_buf_put_byte(&token, 0);
    assert_int_equal(qf_timestamp_read(&got, qf_buf_slice(&token), &err), QF_MALFORMED);
    while (token.size <= QF_TIMESTAMP_TOKEN_SIZE_MAX)
        qf_buf_put_byte(&token, 0);
    assert_int_equal(qf_timestamp_read(&got, qf_buf_slice(&token), &err), QF_OVER_LIMIT);
    qf_buf_deinit(&token);
    free_family(&f);
}

static void refuse(const struct family *f, struct qf_slice request, enum qf_status expected,
                   const char *field)
{
    const struct qf_tsa_moment moment = moment_now();
    struct qf_buf response = {0}, token = {0};
    struct qf_error err = {0};
    assert_int_equal(qf_tsa_answer(f->tsa, &response, request, &moment, &err), expected);
    assert_string_equal(err.field, field);
    assert_true(response.size > 0);
    assert_int_equal(qf_timestamp_token(&token, qf_buf_slice(&response), &err), QF_REFUSED);
    assert_non_null(strstr(err.detail, "refused with status 2: "));
    qf_buf_deinit(&response);
    qf_buf_deinit(&token);
}

static void test_refused_requests(void **state)
{
    (void)state;
    struct family f = {0};
    struct qf_buf request = {0};
    uint8_t imprint[QF_HASH_SIZE] = {0};
    make_family(&f, QF_ALG_ES256);
    assert_int_equal(qf_timestamp_put_request(&request, QF_HASH_SHA256, imprint,
                                              (struct qf_slice){NULL, 0}, NULL, NULL),
                     QF_OK);
    refuse(&f, (struct qf_slice){NULL, 0}, QF_MALFORMED, "request");
    refuse(&f, qf_slice_of("hello"), QF_MALFORMED, "request");
    refuse(&f, qf_slice_make(request.data, request.size - 1), QF_MALFORMED, "request");
    qf_buf_put_byte(&request, 0);
    refuse(&f, qf_buf_slice(&request), QF_MALFORMED, "request");
    while (request.size <= QF_TIMESTAMP_REQUEST_SIZE_MAX)
        qf_buf_put_byte(&request, 0);
    refuse(&f, qf_buf_slice(&request), QF_OVER_LIMIT, "request");

    /* SHA-1; then a policy of somebody else; then a digest too short for its hash. */
    static const uint8_t sha1[] = {0x30, 0x26, 2,    1,  1,  0x30, 0x21, 0x30, 9,  6,
                                   5,    0x2b, 0x0e, 3,  2,  0x1a, 5,    0,    4,  0x14,
                                   1,    2,    3,    4,  5,  6,    7,    8,    9,  10,
                                   11,   12,   13,   14, 15, 16,   17,   18,   19, 20};
    refuse(&f, qf_slice_make(sha1, sizeof sha1), QF_UNSUPPORTED_ALG, "messageImprint");
    uint8_t policy[] = {0x30, 0x3b, 2,    1, 1, 0x30, 0x31, 0x30, 0x0d, 6, 9,    0x60, 0x86,
                        0x48, 1,    0x65, 3, 4, 2,    1,    5,    0,    4, 0x20, 1,    1,
                        1,    1,    1,    1, 1, 1,    1,    1,    1,    1, 1,    1,    1,
                        1,    1,    1,    1, 1, 1,    1,    1,    1,    1, 1,    1,    1,
                        1,    1,    1,    1, 6, 3,    0x2a, 3,    4};
    refuse(&f, qf_slice_make(policy, sizeof policy), QF_REFUSED, "reqPolicy");
    static const uint8_t brief[] = {0x30, 0x17, 2,    1,    1,    0x30, 0x12, 0x30, 0x0d,
                                    6,    9,    0x60, 0x86, 0x48, 1,    0x65, 3,    4,
                                    2,    1,    5,    0,    4,    1,    1};
    refuse(&f, qf_slice_make(brief, sizeof brief), QF_MALFORMED, "request");
    qf_buf_deinit(&request);
    free_family(&f);
}

static void test_refused_authorities(void **state)
{
    (void)state;
    struct family f = {0};
    struct qf_error err = {0};
    struct qf_tsa *tsa = NULL;
    make_family(&f, QF_ALG_SM2_SM3);
    struct qf_tsa_options options = {.key = f.root_key, .certificate = f.root};
    assert_int_equal(qf_tsa_new(&tsa, &options, &err), QF_UNSUPPORTED_ALG);
    struct qf_private_key *key = NULL;
    assert_int_equal(qf_private_key_generate(&key, QF_ALG_ES256, &err), QF_OK);
    options = (struct qf_tsa_options){.key = key, .certificate = f.certificate};
    assert_int_equal(qf_tsa_new(&tsa, &options, &err), QF_BAD_FIELD);
    assert_string_equal(err.field, "certificate");
    struct qf_x509 *other = issue(f.ca, f.ca_key, f.key, QF_X509_SIGNING);
    options = (struct qf_tsa_options){.key = f.key, .certificate = other};
    assert_int_equal(qf_tsa_new(&tsa, &options, &err), QF_BAD_FIELD);
    options = (struct qf_tsa_options){.key = f.key, .certificate = f.certificate, .policy = "x y"};
    assert_int_equal(qf_tsa_new(&tsa, &options, &err), QF_BAD_FIELD);
    assert_string_equal(err.field, "policy");
    assert_null(tsa);
    qf_x509_free(other);
    qf_private_key_free(key);
    free_family(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stamp),
        cmocka_unit_test(test_untrusted),
        cmocka_unit_test(test_tampered),
        cmocka_unit_test(test_refused_requests),
        cmocka_unit_test(test_refused_authorities),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
