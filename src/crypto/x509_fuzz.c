/* Any bytes as a certificate: what is taken can be read, written again, and checked. */
#include <stdlib.h>

#include "crypto/x509.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use_one(const struct qf_x509 *cert)
{
    struct qf_x509_info info;
    struct qf_public_key key;
    struct qf_error err = {0};
    uint8_t before[QF_HASH_SIZE];
    uint8_t after[QF_HASH_SIZE];
    qf_x509_read(cert, &info);
    if (qf_x509_public_key(cert, &key, &err) == QF_OK)
        QF_ASSERT(key.size == 32 || key.size == 64);

    struct qf_buf der = {0};
    struct qf_x509 *again = NULL;
    qf_x509_put_der(&der, cert);
    QF_ASSERT(qf_x509_import(&again, qf_buf_slice(&der), &err) == QF_OK);
    qf_x509_fingerprint(cert, before);
    qf_x509_fingerprint(again, after);
    QF_ASSERT(memcmp(before, after, sizeof before) == 0);
    qf_buf_deinit(&der);
    qf_x509_free(again);

    const struct qf_x509 *const roots[] = {cert};
    for (enum qf_x509_use use = QF_X509_CA; use <= QF_X509_TIMESTAMP; use++) {
        struct qf_x509_path path = {
            .roots = roots, .root_count = 1, .at_ms = info.not_before_ms, .use = use};
        if (qf_x509_verify(cert, &path, &err) != QF_OK)
            QF_ASSERT(err.detail[0] != '\0');
        path.root_count = 0;
        QF_ASSERT(qf_x509_verify(cert, &path, &err) != QF_OK);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct qf_slice input = qf_slice_make(data, size);
    struct qf_x509 *cert = NULL;
    struct qf_x509 *chain[QF_CERT_CHAIN_MAX];
    size_t count = 0;
    struct qf_error err = {0};
    if (qf_x509_import(&cert, input, &err) == QF_OK)
        use_one(cert);
    qf_x509_free(cert);
    if (qf_x509_import_chain(chain, &count, input, &err) == QF_OK) {
        QF_ASSERT(count > 0);
        while (count > 0)
            qf_x509_free(chain[--count]);
    }
    return 0;
}
