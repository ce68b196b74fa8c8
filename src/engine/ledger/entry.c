#include "engine/ledger/ledger.h"

#include "base/bytes.h"

void qf_entry_put(struct qf_buf *buf, const struct qf_entry *entry)
{
    qf_buf_put_text(buf, "{\"code\":");
    qf_buf_put_int(buf, entry->code);
    qf_buf_put_text(buf, ",\"h\":");
    qf_buf_put_int(buf, (int64_t)entry->height);
    qf_buf_put_text(buf, ",\"i\":");
    qf_buf_put_int(buf, entry->index);
    qf_buf_put_text(buf, ",\"t\":");
    qf_buf_put_int(buf, entry->time_ms);
    qf_buf_put_text(buf, ",\"tx\":\"");
    qf_buf_put_slice(buf, entry->jws);
    qf_buf_put_text(buf, "\"}");
}

enum qf_status qf_entry_decode(struct qf_arena *arena, struct qf_entry *out, struct qf_slice bytes,
                               struct qf_error *err)
{
    struct qf_json json;
    enum qf_status status = qf_json_parse(arena, &json, bytes, QF_JSON_CANONICAL, err);
    if (status != QF_OK)
        return status;
    if (json.type != QF_JSON_OBJECT || json.count != 5)
        return qf_fail(err, QF_MALFORMED, "entry", "an entry has the members code, h, i, t and tx");
    int64_t height;
    int64_t index;
    if ((status = qf_json_get_int(&json, "code", &out->code, err)) != QF_OK ||
        (status = qf_json_get_int(&json, "h", &height, err)) != QF_OK ||
        (status = qf_json_get_int(&json, "i", &index, err)) != QF_OK ||
        (status = qf_json_get_int(&json, "t", &out->time_ms, err)) != QF_OK ||
        (status = qf_json_get_text(&json, "tx", &out->jws, err)) != QF_OK)
        return status;
    if (out->code < 0 || out->code > QF_STATUS_REFUSAL_MAX)
        return qf_fail(err, QF_MALFORMED, "code", "not the code of a receipt");
    if (height < 0 || index < 0 || index > UINT32_MAX)
        return qf_fail(err, QF_MALFORMED, "h", "not a position");
    out->height = (uint64_t)height;
    out->index = (uint32_t)index;
    return QF_OK;
}

void qf_app_hash(enum qf_suite suite, struct qf_ledger_head *head)
{
    static const char label[] = "qf-app-1";
    uint8_t size[8];
    qf_be64_store(size, head->size);
    struct qf_slice parts[5];
    size_t count = 0;
    parts[count++] = qf_slice_make(label, sizeof label - 1);
    parts[count++] = qf_slice_make(size, sizeof size);
    parts[count++] = qf_slice_make(head->root, QF_HASH_SIZE);
    if (suite == QF_SUITE_GM)
        parts[count++] = qf_slice_make(head->sm3_root, QF_HASH_SIZE);
    parts[count++] = qf_slice_make(head->state_root, QF_HASH_SIZE);
    qf_hash_parts(qf_suite_hash(suite), head->app_hash, parts, count);
}
