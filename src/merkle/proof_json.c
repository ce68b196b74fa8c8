#include "merkle/proof_json.h"

#include "codec/text.h"

struct qf_json qf_proof_to_json(struct qf_arena *arena, const struct qf_log_proof *proof)
{
    struct qf_json list = qf_json_make_array();
    for (size_t i = 0; i < proof->count; i++)
        qf_json_append(arena, &list,
                       qf_json_make_base64(arena, qf_slice_make(proof->hashes[i], QF_HASH_SIZE)));
    return list;
}

enum qf_status qf_hash_from_json(uint8_t out[QF_HASH_SIZE], const struct qf_json *value)
{
    uint8_t bytes[QF_HASH_SIZE + 3];
    size_t size = 0;
    if (value->type != QF_JSON_STRING || value->count != QF_BASE64_SIZE((size_t)QF_HASH_SIZE) ||
        !qf_base64_decode(bytes, &size, qf_json_text(value)) || size != QF_HASH_SIZE)
        return QF_MALFORMED;
    memcpy(out, bytes, QF_HASH_SIZE);
    return QF_OK;
}

enum qf_status qf_proof_from_json(struct qf_log_proof *out, const struct qf_json *list,
                                  const char *name, struct qf_error *err)
{
    out->count = 0;
    if (list == NULL || list->type != QF_JSON_ARRAY || list->count > QF_PROOF_HASHES_MAX)
        return qf_fail(err, QF_MALFORMED, name, "want a list of at most %d hashes",
                       QF_PROOF_HASHES_MAX);
    for (uint32_t i = 0; i < list->count; i++)
        if (qf_hash_from_json(out->hashes[out->count++], &list->items[i]) != QF_OK)
            return qf_fail(err, QF_MALFORMED, name, "item %u is not a hash in base64", i);
    return QF_OK;
}
