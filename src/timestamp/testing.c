#include "timestamp/testing.h"

#define ROOT_DAYS 20000

static const uint8_t serial[] = {0x4a, 1, 2, 3};

void qf_test_authority_init(struct qf_test_authority *out, const char *name, int64_t until_ms)
{
    struct qf_public_key key;
    struct qf_x509_spec spec = {.use = QF_X509_CA,
                                .common_name = "root",
                                .serial = serial,
                                .serial_size = sizeof serial,
                                .not_before_ms = QF_TEST_NOW_MS - QF_TEST_DAY_MS,
                                .not_after_ms = QF_TEST_NOW_MS + ROOT_DAYS * QF_TEST_DAY_MS};
    *out = (struct qf_test_authority){0};
    QF_ASSERT(qf_private_key_generate(&out->root_key, QF_ALG_ES256, NULL) == QF_OK &&
              qf_private_key_generate(&out->key, QF_ALG_ES256, NULL) == QF_OK &&
              qf_x509_make_root(&out->root, out->root_key, &spec, NULL) == QF_OK);
    qf_private_key_public(out->key, &key);
    spec.use = QF_X509_TIMESTAMP;
    spec.common_name = name;
    spec.not_after_ms = until_ms;
    QF_ASSERT(qf_x509_issue(&out->certificate, out->root, out->root_key, &key, &spec, NULL) ==
              QF_OK);
    const struct qf_tsa_options options = {.key = out->key, .certificate = out->certificate};
    QF_ASSERT(qf_tsa_new(&out->tsa, &options, NULL) == QF_OK);
    out->roots[0] = out->root;
}

void qf_test_authority_deinit(struct qf_test_authority *authority)
{
    qf_tsa_free(authority->tsa);
    qf_x509_free(authority->certificate);
    qf_x509_free(authority->root);
    qf_private_key_free(authority->key);
    qf_private_key_free(authority->root_key);
}

void qf_test_authority_answer(const struct qf_test_authority *authority, struct qf_buf *response,
                              struct qf_slice request, int64_t time_ms)
{
    const struct qf_tsa_moment moment = {time_ms, qf_slice_make(serial, sizeof serial)};
    QF_ASSERT(qf_tsa_answer(authority->tsa, response, request, &moment, NULL) == QF_OK);
}

void qf_test_authority_stamp(const struct qf_test_authority *authority, struct qf_buf *token,
                             struct qf_slice file, int64_t time_ms)
{
    struct qf_buf request = {0};
    struct qf_buf response = {0};
    struct qf_stamp_wanted wanted = {.file = file, .nonce = {1, 2, 3}};
    QF_ASSERT(qf_stamp_request(&request, &wanted, NULL) == QF_OK);
    qf_test_authority_answer(authority, &response, qf_buf_slice(&request), time_ms);
    QF_ASSERT(qf_timestamp_token(token, qf_buf_slice(&response), NULL) == QF_OK);
    qf_buf_deinit(&request);
    qf_buf_deinit(&response);
}

void qf_test_note(struct qf_buf *note, uint64_t size, uint8_t seed)
{
    struct qf_checkpoint checkpoint = {
        .origin = qf_slice_of("test"), .size = size, .has_state = true};
    static const char zeros[] = /* a key id and a signature that nobody has made */
        "\n\xE2\x80\x94 test "
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
        "AAAAAAAAAAAAAAAAAAAAAAA=\n";
    memset(checkpoint.root, seed, sizeof checkpoint.root);
    qf_checkpoint_put(note, &checkpoint);
    qf_buf_put_text(note, zeros);
}
