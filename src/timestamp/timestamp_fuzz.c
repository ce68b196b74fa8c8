/* Any bytes as a request, as a response and as a token. */
#include "timestamp/timestamp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define DAY_MS 86400000LL

struct authority {
    struct qf_private_key *root_key, *key;
    struct qf_x509 *root, *certificate;
    struct qf_tsa *tsa;
};

static const struct authority *authority(void)
{
    static struct authority made;
    if (made.tsa != NULL)
        return &made;
    struct qf_x509_spec spec = {.use = QF_X509_CA,
                                .common_name = "root",
                                .serial = (const uint8_t *)"\1",
                                .serial_size = 1,
                                .not_after_ms = 30000 * DAY_MS};
    struct qf_public_key key;
    QF_ASSERT(qf_private_key_generate(&made.root_key, QF_ALG_ES256, NULL) == QF_OK &&
              qf_private_key_generate(&made.key, QF_ALG_ES256, NULL) == QF_OK &&
              qf_x509_make_root(&made.root, made.root_key, &spec, NULL) == QF_OK);
    qf_private_key_public(made.key, &key);
    spec.use = QF_X509_TIMESTAMP;
    QF_ASSERT(qf_x509_issue(&made.certificate, made.root, made.root_key, &key, &spec, NULL) ==
              QF_OK);
    const struct qf_tsa_options options = {.key = made.key, .certificate = made.certificate};
    QF_ASSERT(qf_tsa_new(&made.tsa, &options, NULL) == QF_OK);
    return &made;
}

static void answer_request(const struct authority *a, struct qf_slice request)
{
    static const uint8_t serial[1] = {1};
    const struct qf_tsa_moment moment = {.time_ms = 20000 * DAY_MS,
                                         .serial = qf_slice_make(serial, sizeof serial)};
    struct qf_buf response = {0}, token = {0};
    struct qf_timestamp stamp;
    struct qf_error err = {0};
    enum qf_status status = qf_tsa_answer(a->tsa, &response, request, &moment, &err);
    QF_ASSERT(response.size > 0);
    enum qf_status taken = qf_timestamp_token(&token, qf_buf_slice(&response), &err);
    QF_ASSERT(taken == (status == QF_OK ? QF_OK : QF_REFUSED));
    if (status == QF_OK) {
        const struct qf_x509 *const roots[] = {a->root}, *const known[] = {a->certificate};
        const struct qf_timestamp_trust trust = {
            .roots = roots, .root_count = 1, .known = known, .known_count = 1};
        status = qf_timestamp_verify(&stamp, qf_buf_slice(&token), &trust, &err);
        /* A nonce may be longer than we read. */
        QF_ASSERT(status == QF_OK || status == QF_OVER_LIMIT);
    }
    qf_buf_deinit(&response);
    qf_buf_deinit(&token);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct qf_slice input = qf_slice_make(data, size);
    struct qf_timestamp stamp;
    struct qf_error err = {0};
    const struct authority *a = authority();
    answer_request(a, input);

    struct qf_buf token = {0};
    if (qf_timestamp_token(&token, input, &err) == QF_OK) {
        enum qf_status status = qf_timestamp_read(&stamp, qf_buf_slice(&token), &err);
        QF_ASSERT(status == QF_OK || err.detail[0] != '\0');
    }
    qf_buf_deinit(&token);

    const struct qf_x509 *const roots[] = {a->root};
    const struct qf_timestamp_trust trust = {.roots = roots, .root_count = 1};
    bool read = qf_timestamp_read(&stamp, input, &err) == QF_OK;
    bool verified = qf_timestamp_verify(&stamp, input, &trust, &err) == QF_OK;
    QF_ASSERT(!verified || read);
    return 0;
}
