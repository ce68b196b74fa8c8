/* What the strict parser accepts is exactly what encodes to itself; the lenient one must agree with
 * it on everything that the strict one takes. */
#include "codec/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool encodes_to(const struct qf_json *value, struct qf_slice bytes)
{
    struct qf_buf buf = {0};
    qf_json_write(&buf, value);
    bool same = qf_slice_equal(qf_buf_slice(&buf), bytes);
    qf_buf_deinit(&buf);
    return same;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct qf_arena arena = {0};
    struct qf_error err;
    struct qf_json strict;
    struct qf_json any;
    struct qf_slice input = qf_slice_make(data, size);
    bool strict_ok = qf_json_parse(&arena, &strict, input, QF_JSON_CANONICAL, &err) == QF_OK;
    bool any_ok = qf_json_parse(&arena, &any, input, QF_JSON_ANY, &err) == QF_OK;
    QF_ASSERT(!strict_ok || any_ok);
    QF_ASSERT(strict_ok == (any_ok && encodes_to(&any, input)));
    QF_ASSERT(!strict_ok || encodes_to(&strict, input));
    if (qf_json_parse(&arena, &any, input, QF_JSON_ANY_NUMBER, &err) == QF_OK) {
        struct qf_buf once = {0};
        struct qf_json again;
        qf_json_write(&once, &any);
        enum qf_status status =
            qf_json_parse(&arena, &again, qf_buf_slice(&once), QF_JSON_ANY_NUMBER, &err);
        QF_ASSERT(status == QF_OK && encodes_to(&again, qf_buf_slice(&once)));
        qf_buf_deinit(&once);
    }
    qf_arena_deinit(&arena);
    return 0;
}
