/* Any bytes as a bundle and as a receipt, and as the introduction of a node: nobody is trusted, so
 * that a file need only agree with itself to get far. */
#include "engine/ledger/bundle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct qf_verifier *verifier;
    const struct qf_verifier_options options = {0};
    const struct qf_bundle_trust nobody = {.now_ms = 1};
    struct qf_slice input = qf_slice_make(data, size);
    struct qf_introductions introductions = {0};
    struct qf_bundle_report report;
    struct qf_arena arena = {0};
    struct qf_error err = {0};
    if (verifier == NULL)
        QF_ASSERT(qf_verifier_new(&verifier, &options, NULL) == QF_OK);
    enum qf_status status = qf_receipt_is(input)
                                ? qf_receipt_verify(&arena, input, (struct qf_slice){NULL, 0},
                                                    &nobody, verifier, &report, &err)
                                : qf_bundle_verify(&arena, input, &nobody, verifier, &report, &err);
    QF_ASSERT(status == QF_OK || err.detail[0] != '\0');
    if (status == QF_OK) {
        QF_ASSERT(report.signer_count > 0 && report.leaf < report.log_size && !report.trusted);
        QF_ASSERT(!report.stamped || report.stamp.checkpoint.size > report.leaf);
    }
    err = (struct qf_error){0};
    status = qf_introductions_add(&arena, &introductions, input, (struct qf_slice){NULL, 0},
                                  verifier, &err);
    QF_ASSERT(status != QF_OK || introductions.count > 0);
    qf_arena_deinit(&arena);
    return 0;
}
