/* Texts and lists of renewals, and chains. The first byte says which: a renewal's text, a list, or
 * a chain, whose files, tokens and proofs are cut from the rest at lengths that stand in it. */
#include "timestamp/stamp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_text(struct qf_slice text)
{
    struct qf_stamp_renewal renewal;
    struct qf_buf again = {0};
    if (qf_stamp_renewal_parse(&renewal, text, NULL) == QF_OK) {
        qf_stamp_renewal_put(&again, &renewal);
        QF_ASSERT(qf_slice_equal(qf_buf_slice(&again), text));
    }
    qf_buf_deinit(&again);
}

static void try_list(struct qf_slice list)
{
    struct qf_buf again = {0};
    struct qf_slice rest = list;
    struct qf_stamp_item item;
    enum qf_status status = QF_OK;
    while (status == QF_OK && rest.size > 0) {
        status = qf_stamp_item_next(&item, &rest, NULL);
        if (status == QF_OK)
            qf_stamp_item_put(&again, &item);
    }
    QF_ASSERT(status != QF_OK || qf_slice_equal(qf_buf_slice(&again), list));
    qf_buf_deinit(&again);
}

static struct qf_slice cut(struct qf_slice *rest)
{
    size_t size = 0;
    for (int i = 0; i < 2 && rest->size > 0; i++) {
        size = size << 8 | rest->data[0];
        *rest = qf_slice_make(rest->data + 1, rest->size - 1);
    }
    if (size > rest->size)
        size = rest->size;
    struct qf_slice part = qf_slice_make(rest->data, size);
    *rest = qf_slice_make(rest->data + size, rest->size - size);
    return part;
}

static void try_chain(struct qf_slice rest)
{
    struct qf_stamp_link links[3] = {0};
    struct qf_stamp_report report;
    struct qf_error err = {0};
    size_t count = 0;
    while (rest.size > 0 && count < 3) {
        struct qf_stamp_link *link = &links[count++];
        link->file = cut(&rest);
        link->token = cut(&rest);
        struct qf_slice proof = cut(&rest);
        link->index = proof.size;
        link->proof.count = proof.size / QF_HASH_SIZE;
        if (link->proof.count > QF_PROOF_HASHES_MAX)
            link->proof.count = QF_PROOF_HASHES_MAX;
        if (link->proof.count > 0)
            memcpy(link->proof.hashes, proof.data, link->proof.count * QF_HASH_SIZE);
    }
    const struct qf_stamp_trust trust = {.now_ms = 0};
    enum qf_status status =
        qf_stamp_verify(&report, qf_slice_of("test"), links, count, &trust, &err);
    QF_ASSERT(status == QF_OK || (err.field[0] != '\0' && err.detail[0] != '\0'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct qf_slice rest = qf_slice_make(data + 1, size - 1);
    if (data[0] % 3 == 0)
        try_text(rest);
    else if (data[0] % 3 == 1)
        try_list(rest);
    else
        try_chain(rest);
    return 0;
}
