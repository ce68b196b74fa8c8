#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "crypto/evp.h"
#include "crypto/x509.h"

#define DAY_MS 86400000LL
#define NOW_MS 1767225600000LL /* 2026-01-01T00:00:00Z */

static const enum qf_sig_alg all[] = {QF_ALG_ES256, QF_ALG_EDDSA, QF_ALG_SM2_SM3};
static const uint8_t serial[16] = {0xff, 1, 2, 3};

/* A root, a CA below it, and a leaf of that. */
struct family {
    struct qf_private_key *root_key, *ca_key, *leaf_key;
    struct qf_x509 *root, *ca, *leaf;
};

static struct qf_x509_spec spec_of(enum qf_x509_use use, const char *name)
{
    return (struct qf_x509_spec){.use = use,
                                 .common_name = name,
                                 .organization = "市场监督管理局",
                                 .country = "CN",
                                 .serial = serial,
                                 .serial_size = sizeof serial,
                                 .not_before_ms = NOW_MS,
                                 .not_after_ms = NOW_MS + 300 * DAY_MS};
}

static struct qf_private_key *generate(enum qf_sig_alg alg)
{
    struct qf_private_key *key = NULL;
    assert_int_equal(qf_private_key_generate(&key, alg, NULL), QF_OK);
    return key;
}

static struct qf_x509 *issue(const struct qf_x509 *issuer, const struct qf_private_key *issuer_key,
                             const struct qf_private_key *subject, struct qf_x509_spec spec)
{
    struct qf_public_key key;
    struct qf_x509 *cert = NULL;
    struct qf_error err = {0};
    qf_private_key_public(subject, &key);
    enum qf_status status = qf_x509_issue(&cert, issuer, issuer_key, &key, &spec, &err);
    if (status != QF_OK)
        print_error("%s: %s\n", err.field, err.detail);
    assert_int_equal(status, QF_OK);
    return cert;
}

static void make_family(struct family *f, enum qf_sig_alg alg, enum qf_x509_use use)
{
    struct qf_error err = {0};
    f->root_key = generate(alg);
    f->ca_key = generate(alg);
    f->leaf_key = generate(alg);
    struct qf_x509_spec spec = spec_of(QF_X509_CA, "root");
    spec.not_after_ms += 10 * DAY_MS;
    assert_int_equal(qf_x509_make_root(&f->root, f->root_key, &spec, &err), QF_OK);
    f->ca = issue(f->root, f->root_key, f->ca_key, spec_of(QF_X509_CA, "ca"));
    spec = spec_of(use, "leaf");
    spec.not_after_ms -= DAY_MS;
    f->leaf = issue(f->ca, f->ca_key, f->leaf_key, spec);
}

static void free_family(struct family *f)
{
    qf_private_key_free(f->root_key);
    qf_private_key_free(f->ca_key);
    qf_private_key_free(f->leaf_key);
    qf_x509_free(f->root);
    qf_x509_free(f->ca);
    qf_x509_free(f->leaf);
}

static enum qf_status verify(const struct family *f, const struct qf_x509_path *base,
                             struct qf_error *err)
{
    const struct qf_x509 *const cas[] = {f->ca};
    const struct qf_x509 *const roots[] = {f->root};
    struct qf_x509_path path = *base;
    path.intermediates = cas;
    path.intermediate_count = 1;
    path.roots = roots;
    path.root_count = 1;
    return qf_x509_verify(f->leaf, &path, err);
}

static void expect(const struct family *f, const struct qf_x509_path *path, enum qf_status status,
                   const char *field, const char *detail)
{
    struct qf_error err = {0};
    assert_int_equal(verify(f, path, &err), status);
    assert_string_equal(err.field, field);
    if (strstr(err.detail, detail) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", detail, err.detail);
}

static void test_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct family f = {0};
        make_family(&f, all[i], QF_X509_SIGNING);
        struct qf_x509_info info;
        qf_x509_read(f.leaf, &info);
        assert_string_equal(info.subject, "CN=leaf,O=市场监督管理局,C=CN");
        assert_string_equal(info.issuer, "CN=ca,O=市场监督管理局,C=CN");
        assert_string_equal(info.serial, "7f010203000000000000000000000000");
        assert_int_equal(info.not_before_ms, NOW_MS);
        assert_int_equal(info.not_after_ms, NOW_MS + 299 * DAY_MS);
        assert_false(info.is_ca);
        assert_false(info.is_self_issued);
        qf_x509_read(f.root, &info);
        assert_true(info.is_ca);
        assert_true(info.is_self_issued);

        struct qf_public_key expected, key;
        qf_private_key_public(f.leaf_key, &expected);
        assert_int_equal(qf_x509_public_key(f.leaf, &key, NULL), QF_OK);
        assert_memory_equal(&key, &expected, sizeof key);

        struct qf_buf der = {0}, pem = {0};
        struct qf_x509 *again = NULL;
        uint8_t one[QF_HASH_SIZE], two[QF_HASH_SIZE];
        qf_x509_put_der(&der, f.leaf);
        qf_x509_put_pem(&pem, f.leaf);
        qf_x509_fingerprint(f.leaf, one);
        assert_int_equal(qf_x509_import(&again, qf_buf_slice(&der), NULL), QF_OK);
        qf_x509_fingerprint(again, two);
        assert_memory_equal(one, two, sizeof one);
        qf_x509_free(again);
        assert_int_equal(qf_x509_import(&again, qf_buf_slice(&pem), NULL), QF_OK);
        qf_x509_fingerprint(again, two);
        assert_memory_equal(one, two, sizeof one);
        qf_x509_free(again);
        qf_buf_deinit(&der);
        qf_buf_deinit(&pem);
        free_family(&f);
    }
}

static void test_path(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct family f = {0};
        struct qf_error err = {0};
        make_family(&f, all[i], QF_X509_SIGNING);
        struct qf_x509_path path = {.at_ms = NOW_MS + DAY_MS, .use = QF_X509_SIGNING};
        assert_int_equal(verify(&f, &path, &err), QF_OK);

        path.at_ms = NOW_MS - 1000;
        expect(&f, &path, QF_INVALID, "chain[2]",
               "CN=root,O=市场监督管理局,C=CN: not valid before 2026-01-01T00:00:00Z");
        path.at_ms = NOW_MS + 299 * DAY_MS + 1000;
        expect(&f, &path, QF_INVALID, "chain[0]",
               "CN=leaf,O=市场监督管理局,C=CN: expired on 2026-");
        path.at_ms = NOW_MS + DAY_MS;

        path.use = QF_X509_CA;
        expect(&f, &path, QF_INVALID, "chain[0]", "not a CA");
        path.use = QF_X509_TIMESTAMP;
        expect(&f, &path, QF_INVALID, "chain[0]", "not for time-stamps");
        path.use = QF_X509_SIGNING;

        /* The CA is trusted itself, without the root. */
        const struct qf_x509 *const anchor[] = {f.ca};
        const struct qf_x509_path pinned = {
            .roots = anchor, .root_count = 1, .at_ms = path.at_ms, .use = QF_X509_SIGNING};
        assert_int_equal(qf_x509_verify(f.leaf, &pinned, &err), QF_OK);
        const struct qf_x509_path nobody = {.at_ms = path.at_ms, .use = QF_X509_SIGNING};
        assert_int_equal(qf_x509_verify(f.leaf, &nobody, &err), QF_INVALID);
        assert_non_null(strstr(err.detail, "unknown issuer CN=ca,"));
        assert_int_equal(qf_x509_verify(f.root, &nobody, &err), QF_INVALID);
        assert_non_null(strstr(err.detail, "a root that is not trusted here"));

        /* Another root of the same name. */
        struct family other = {0};
        make_family(&other, all[i], QF_X509_SIGNING);
        struct qf_x509 *good = f.root;
        f.root = other.root;
        assert_int_equal(verify(&f, &path, &err), QF_INVALID);
        f.root = good;
        free_family(&other);
        free_family(&f);
    }
}

static void test_tampered(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct family f = {0};
        make_family(&f, all[i], QF_X509_SIGNING);
        struct qf_x509_path path = {.at_ms = NOW_MS + DAY_MS, .use = QF_X509_SIGNING};
        struct qf_buf der = {0};
        qf_x509_put_der(&der, f.leaf);
        uint8_t *name = memmem(der.data, der.size, "leaf", 4);
        assert_non_null(name);
        name[0] = 'L';
        struct qf_x509 *good = f.leaf;
        assert_int_equal(qf_x509_import(&f.leaf, qf_buf_slice(&der), NULL), QF_OK);
        expect(&f, &path, QF_INVALID, "chain[0]",
               "CN=Leaf,O=市场监督管理局,C=CN: bad signature of CN=ca");
        qf_x509_free(f.leaf);
        f.leaf = good;
        qf_buf_deinit(&der);
        free_family(&f);
    }
}

static void test_uses(void **state)
{
    (void)state;
    static const char *const hosts[] = {"node.example.org", "192.0.2.7", "2001:db8::1"};
    struct family f = {0};
    struct qf_error err = {0};
    make_family(&f, QF_ALG_ES256, QF_X509_TIMESTAMP);
    struct qf_x509_path path = {.at_ms = NOW_MS + DAY_MS, .use = QF_X509_TIMESTAMP};
    assert_int_equal(verify(&f, &path, &err), QF_OK);
    qf_x509_free(f.leaf);

    struct qf_x509_spec spec = spec_of(QF_X509_TLS, "node");
    spec.hosts = hosts;
    spec.host_count = 3;
    f.leaf = issue(f.ca, f.ca_key, f.leaf_key, spec);
    path.use = QF_X509_TLS;
    assert_int_equal(verify(&f, &path, &err), QF_OK);
    X509 *native = qf_x509_native(f.leaf);
    assert_int_equal(X509_check_host(native, "node.example.org", 0, 0, NULL), 1);
    assert_int_equal(X509_check_ip_asc(native, "2001:db8::1", 0), 1);
    assert_int_equal(X509_check_ip_asc(native, "192.0.2.8", 0), 0);
    path.use = QF_X509_TIMESTAMP;
    assert_int_equal(verify(&f, &path, &err), QF_INVALID);

    path.use = QF_X509_SIGNING;
    qf_x509_free(f.leaf);
    f.leaf = issue(f.ca, f.ca_key, f.leaf_key, spec_of(QF_X509_SIGNING, "actor"));
    assert_int_equal(verify(&f, &path, &err), QF_OK);
    path.use = QF_X509_TLS;
    assert_int_equal(verify(&f, &path, &err), QF_OK); /* it names no purpose that excludes TLS */
    free_family(&f);
}

static void refuse_spec(const struct family *f, struct qf_x509_spec spec, enum qf_status status,
                        const char *field)
{
    struct qf_public_key key;
    struct qf_x509 *cert = NULL;
    struct qf_error err = {0};
    qf_private_key_public(f->leaf_key, &key);
    assert_int_equal(qf_x509_issue(&cert, f->ca, f->ca_key, &key, &spec, &err), status);
    assert_string_equal(err.field, field);
    assert_null(cert);
}

static void test_refused_specs(void **state)
{
    (void)state;
    static const char *const bad_host[] = {"a b"};
    struct family f = {0};
    make_family(&f, QF_ALG_EDDSA, QF_X509_SIGNING);
    const struct qf_x509_spec good = spec_of(QF_X509_SIGNING, "actor");
    struct qf_x509_spec spec = good;
    spec.common_name = "";
    refuse_spec(&f, spec, QF_BAD_FIELD, "common_name");
    spec.common_name = NULL;
    refuse_spec(&f, spec, QF_BAD_FIELD, "common_name");
    spec.common_name = "\xff\xfe";
    refuse_spec(&f, spec, QF_BAD_FIELD, "common_name");
    spec = good;
    spec.country = "CHN";
    refuse_spec(&f, spec, QF_BAD_FIELD, "country");
    spec = good;
    spec.serial_size = 21;
    refuse_spec(&f, spec, QF_BAD_FIELD, "serial");
    spec = good;
    spec.serial = (const uint8_t *)"\x80";
    spec.serial_size = 1;
    refuse_spec(&f, spec, QF_BAD_FIELD, "serial");
    spec = good;
    spec.not_after_ms = spec.not_before_ms - 1000;
    refuse_spec(&f, spec, QF_BAD_FIELD, "not_after_ms");
    spec = good;
    spec.not_after_ms += 20 * DAY_MS;
    refuse_spec(&f, spec, QF_BAD_FIELD, "not_after_ms");
    spec = good;
    spec.use = QF_X509_CA;
    refuse_spec(&f, spec, QF_NOT_ALLOWED, "issuer");
    spec = good;
    spec.use = QF_X509_TLS;
    spec.hosts = bad_host;
    spec.host_count = 1;
    refuse_spec(&f, spec, QF_BAD_FIELD, "hosts");

    struct qf_x509 *cert = NULL;
    struct qf_public_key key;
    struct qf_error err = {0};
    qf_private_key_public(f.leaf_key, &key);
    assert_int_equal(qf_x509_issue(&cert, f.leaf, f.leaf_key, &key, &good, &err), QF_NOT_ALLOWED);
    assert_int_equal(qf_x509_issue(&cert, f.ca, f.root_key, &key, &good, &err), QF_BAD_FIELD);
    free_family(&f);
}

/* A CRL of the CA that revokes `revoked` (may be NULL), good for ten days. */
static struct qf_buf make_crl(const struct qf_x509 *issuer, const struct qf_private_key *key,
                              const struct qf_x509 *revoked)
{
    X509 *native = qf_x509_native(issuer);
    X509_CRL *crl = X509_CRL_new();
    ASN1_TIME *from = ASN1_TIME_set(NULL, NOW_MS / 1000);
    ASN1_TIME *until = ASN1_TIME_set(NULL, (NOW_MS + 10 * DAY_MS) / 1000);
    assert_int_equal(X509_CRL_set_version(crl, X509_CRL_VERSION_2), 1);
    assert_int_equal(X509_CRL_set_issuer_name(crl, X509_get_subject_name(native)), 1);
    assert_int_equal(X509_CRL_set1_lastUpdate(crl, from), 1);
    assert_int_equal(X509_CRL_set1_nextUpdate(crl, until), 1);
    if (revoked != NULL) {
        X509_REVOKED *entry = X509_REVOKED_new();
        X509 *gone = qf_x509_native(revoked);
        assert_int_equal(X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(gone)), 1);
        assert_int_equal(X509_REVOKED_set_revocationDate(entry, from), 1);
        assert_int_equal(X509_CRL_add0_revoked(crl, entry), 1);
    }
    struct qf_public_key signer;
    qf_private_key_public(key, &signer);
    EVP_MD_CTX *ctx = qf_evp_sign_ctx(qf_private_key_evp(key), signer.alg);
    assert_true(X509_CRL_sign_ctx(crl, ctx) > 0);
    EVP_MD_CTX_free(ctx);
    struct qf_buf out = {0};
    uint8_t *der = NULL;
    int size = i2d_X509_CRL(crl, &der);
    assert_true(size > 0);
    qf_buf_put(&out, der, (size_t)size);
    OPENSSL_free(der);
    ASN1_TIME_free(from);
    ASN1_TIME_free(until);
    X509_CRL_free(crl);
    return out;
}

static void test_crl(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct family f = {0};
        struct qf_error err = {0};
        make_family(&f, all[i], QF_X509_SIGNING);
        struct qf_buf root_crl = make_crl(f.root, f.root_key, NULL);
        struct qf_buf empty = make_crl(f.ca, f.ca_key, NULL);
        struct qf_buf full = make_crl(f.ca, f.ca_key, f.leaf);
        struct qf_buf forged = make_crl(f.ca, f.leaf_key, NULL);
        struct qf_slice crls[2] = {qf_buf_slice(&root_crl), qf_buf_slice(&empty)};
        struct qf_x509_path path = {
            .crls = crls, .crl_count = 2, .at_ms = NOW_MS + DAY_MS, .use = QF_X509_SIGNING};
        assert_int_equal(verify(&f, &path, &err), QF_OK);
        crls[1] = qf_buf_slice(&full);
        expect(&f, &path, QF_INVALID, "chain[0]", "revoked");
        crls[1] = qf_buf_slice(&forged);
        expect(&f, &path, QF_INVALID, "chain[0]", "CRL signature failure");
        path.crl_count = 1;
        expect(&f, &path, QF_CANNOT_TELL, "chain[0]", "no current CRL of CN=ca");
        crls[1] = qf_buf_slice(&empty);
        path.crl_count = 2;
        path.at_ms = NOW_MS + 20 * DAY_MS;
        expect(&f, &path, QF_CANNOT_TELL, "chain[0]", "no current CRL of CN=ca");
        crls[1] = qf_slice_of("-----BEGIN X509 CRL-----\nAAAA\n");
        expect(&f, &path, QF_MALFORMED, "crl", "not a CRL");

        /* A trusted CA below a root that is not there: nobody's CRL is needed about itself. */
        const struct qf_x509 *const anchor[] = {f.ca};
        struct qf_slice one = qf_buf_slice(&empty);
        const struct qf_x509_path pinned = {.roots = anchor,
                                            .root_count = 1,
                                            .crls = &one,
                                            .crl_count = 1,
                                            .at_ms = NOW_MS + DAY_MS,
                                            .use = QF_X509_SIGNING};
        assert_int_equal(qf_x509_verify(f.leaf, &pinned, &err), QF_OK);
        qf_buf_deinit(&root_crl);
        qf_buf_deinit(&empty);
        qf_buf_deinit(&full);
        qf_buf_deinit(&forged);
        free_family(&f);
    }
}

static void test_import(void **state)
{
    (void)state;
    struct family f = {0};
    make_family(&f, QF_ALG_ES256, QF_X509_SIGNING);
    struct qf_x509 *cert = NULL;
    struct qf_error err = {0};
    struct qf_buf der = {0}, chain = {0};
    qf_x509_put_der(&der, f.leaf);
    for (size_t size = 0; size < der.size; size++)
        assert_int_equal(qf_x509_import(&cert, qf_slice_make(der.data, size), &err), QF_MALFORMED);
    qf_buf_put_byte(&der, 0);
    assert_int_equal(qf_x509_import(&cert, qf_buf_slice(&der), &err), QF_MALFORMED);
    assert_string_equal(err.detail, "bytes after its end");
    while (der.size <= QF_CERT_SIZE_MAX)
        qf_buf_put_byte(&der, 0);
    assert_int_equal(qf_x509_import(&cert, qf_buf_slice(&der), &err), QF_OVER_LIMIT);
    assert_int_equal(qf_x509_import(&cert, qf_slice_of("no certificate"), &err), QF_MALFORMED);

    struct qf_x509 *certs[QF_CERT_CHAIN_MAX];
    size_t count = 0;
    qf_x509_put_pem(&chain, f.leaf);
    qf_x509_put_pem(&chain, f.ca);
    assert_int_equal(qf_x509_import_chain(certs, &count, qf_buf_slice(&chain), &err), QF_OK);
    assert_int_equal(count, 2);
    struct qf_x509_info info;
    qf_x509_read(certs[1], &info);
    assert_non_null(strstr(info.subject, "CN=ca"));
    qf_x509_free(certs[0]);
    qf_x509_free(certs[1]);
    qf_buf_put_text(&chain, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
    assert_int_equal(qf_x509_import_chain(certs, &count, qf_buf_slice(&chain), &err), QF_MALFORMED);
    assert_string_equal(err.field, "chain[2].certificate");
    assert_int_equal(count, 0);
    qf_buf_reset(&chain);
    for (size_t i = 0; i <= QF_CERT_CHAIN_MAX; i++)
        qf_x509_put_pem(&chain, f.leaf);
    assert_int_equal(qf_x509_import_chain(certs, &count, qf_buf_slice(&chain), &err),
                     QF_OVER_LIMIT);
    assert_int_equal(qf_x509_import_chain(certs, &count, qf_slice_of("x"), &err), QF_MALFORMED);
    qf_buf_deinit(&der);
    qf_buf_deinit(&chain);
    free_family(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),          cmocka_unit_test(test_path),
        cmocka_unit_test(test_tampered),      cmocka_unit_test(test_uses),
        cmocka_unit_test(test_refused_specs), cmocka_unit_test(test_crl),
        cmocka_unit_test(test_import),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
