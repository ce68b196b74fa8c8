/* Text encodings, times and identifiers: what is read and written again is the same text. */
#include "codec/cn_id.h"
#include "codec/text.h"
#include "codec/time.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_encoding(struct qf_slice text, struct qf_arena *arena,
                           bool (*decode)(uint8_t *, size_t *, struct qf_slice),
                           void (*put)(struct qf_buf *, struct qf_slice))
{
    /* Exactly what the header asks for, so that a byte too many is found. */
    uint8_t *bytes = qf_arena_alloc(arena, text.size / 4 * 3 + text.size % 4);
    size_t size;
    struct qf_buf again = {0};
    if (decode(bytes, &size, text)) {
        put(&again, qf_slice_make(bytes, size));
        QF_ASSERT(qf_slice_equal(qf_buf_slice(&again), text));
    }
    qf_buf_deinit(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct qf_arena arena = {0};
    struct qf_slice text = qf_slice_make(data, size);
    check_encoding(text, &arena, qf_base64url_decode, qf_buf_put_base64url);
    check_encoding(text, &arena, qf_base64_decode, qf_buf_put_base64);
    check_encoding(text, &arena, qf_hex_decode, qf_buf_put_hex);
    int64_t ms;
    int32_t offset;
    if (qf_time_parse(&ms, &offset, text)) {
        char utc[QF_TIME_TEXT_SIZE];
        int64_t again;
        qf_time_format(utc, ms);
        QF_ASSERT(qf_time_parse(&again, &offset, qf_slice_make(utc, sizeof utc)));
        QF_ASSERT(again == ms && offset == 0);
    }
    struct qf_licence_id id;
    if (qf_licence_id_parse(&id, text))
        QF_ASSERT(id.type.size == QF_LICENCE_TYPE_SIZE && id.version.size == 3);
    QF_ASSERT(!qf_citizen_id_valid(text) || qf_id_valid(text));
    QF_ASSERT(!qf_credit_code_valid(text) || qf_id_valid(text));
    qf_arena_deinit(&arena);
    return 0;
}
