#include "engine/ledger/bundle_stamped.h"

#include "codec/text.h"

struct qf_json qf_bundle_put_proof(struct qf_arena *arena, const struct qf_log_proof *proof)
{
    const size_t size = QF_BASE64_SIZE((size_t)QF_HASH_SIZE);
    struct qf_json list = qf_json_make_array();
    for (size_t i = 0; i < proof->count; i++) {
        char *text = qf_arena_alloc(arena, size);
        qf_base64_encode(text, qf_slice_make(proof->hashes[i], QF_HASH_SIZE));
        qf_json_append(arena, &list, qf_json_make_slice(qf_slice_make(text, size)));
    }
    return list;
}

enum qf_status qf_bundle_read_hash(uint8_t out[QF_HASH_SIZE], const struct qf_json *value)
{
    uint8_t bytes[QF_HASH_SIZE + 3];
    size_t size = 0;
    if (value->type != QF_JSON_STRING || value->count != QF_BASE64_SIZE((size_t)QF_HASH_SIZE) ||
        !qf_base64_decode(bytes, &size, qf_json_text(value)) || size != QF_HASH_SIZE)
        return QF_MALFORMED;
    memcpy(out, bytes, QF_HASH_SIZE);
    return QF_OK;
}

enum qf_status qf_bundle_read_proof(struct qf_log_proof *out, const struct qf_json *list,
                                    const char *name, struct qf_error *err)
{
    out->count = 0;
    if (list == NULL || list->type != QF_JSON_ARRAY || list->count > QF_PROOF_HASHES_MAX)
        return qf_fail(err, QF_MALFORMED, name, "want a list of at most %d hashes",
                       QF_PROOF_HASHES_MAX);
    for (uint32_t i = 0; i < list->count; i++)
        if (qf_bundle_read_hash(out->hashes[out->count++], &list->items[i]) != QF_OK)
            return qf_fail(err, QF_MALFORMED, name, "item %u is not a hash in base64", i);
    return QF_OK;
}

static struct qf_json token_json(struct qf_arena *arena, struct qf_slice token)
{
    const size_t size = QF_BASE64_SIZE(token.size);
    char *text = qf_arena_alloc(arena, size + 1);
    qf_base64_encode(text, token);
    return qf_json_make_slice(qf_slice_make(text, size));
}

void qf_bundle_put_chain(struct qf_arena *arena, struct qf_json *stamped,
                         const struct qf_stamp_link *links, size_t count)
{
    struct qf_json renewals = qf_json_make_array();
    for (size_t i = 1; i < count; i++) {
        struct qf_json one = qf_json_make_object();
        qf_json_put(arena, &one, "index", qf_json_make_int((int64_t)links[i].index));
        qf_json_put(arena, &one, "proof", qf_bundle_put_proof(arena, &links[i].proof));
        qf_json_put(arena, &one, "text", qf_json_make_slice(links[i].file));
        qf_json_put(arena, &one, "token", token_json(arena, links[i].token));
        qf_json_append(arena, &renewals, one);
    }
    qf_json_put(arena, stamped, "checkpoint", qf_json_make_slice(links[0].file));
    qf_json_put(arena, stamped, "renewals", renewals);
    qf_json_put(arena, stamped, "token", token_json(arena, links[0].token));
}

static enum qf_status read_token(struct qf_arena *arena, const struct qf_json *object,
                                 struct qf_slice *out, struct qf_error *err)
{
    struct qf_slice text;
    size_t size = 0;
    enum qf_status status = qf_json_get_text(object, "token", &text, err);
    if (status != QF_OK)
        return status;
    if (text.size > QF_BASE64_SIZE((size_t)QF_TIMESTAMP_TOKEN_SIZE_MAX))
        return qf_fail(err, QF_OVER_LIMIT, "token", "at most %d bytes",
                       QF_TIMESTAMP_TOKEN_SIZE_MAX);
    uint8_t *bytes = qf_arena_alloc(arena, text.size / 4 * 3 + 3);
    if (!qf_base64_decode(bytes, &size, text))
        return qf_fail(err, QF_MALFORMED, "token", "want base64");
    *out = qf_slice_make(bytes, size);
    return QF_OK;
}

static enum qf_status read_renewal(struct qf_arena *arena, const struct qf_json *object,
                                   struct qf_stamp_link *out, struct qf_error *err)
{
    int64_t index = 0;
    if (object->type != QF_JSON_OBJECT || object->count != 4)
        return qf_fail(err, QF_MALFORMED, "", "want index, proof, text and token");
    enum qf_status status = qf_json_get_int(object, "index", &index, err);
    if (status == QF_OK && index < 0)
        status = qf_fail(err, QF_MALFORMED, "index", "want a place of the list");
    if (status == QF_OK)
        status = qf_json_get_text(object, "text", &out->file, err);
    if (status == QF_OK)
        status = read_token(arena, object, &out->token, err);
    if (status == QF_OK)
        status = qf_bundle_read_proof(&out->proof, qf_json_get(object, "proof"), "proof", err);
    out->index = (uint64_t)index;
    return status;
}

enum qf_status qf_bundle_read_chain(struct qf_arena *arena, const struct qf_json *stamped,
                                    struct qf_stamp_link **links, size_t *count,
                                    struct qf_error *err)
{
    const struct qf_json *renewals = qf_json_get(stamped, "renewals");
    if (stamped->type != QF_JSON_OBJECT || stamped->count != 5 || renewals == NULL ||
        renewals->type != QF_JSON_ARRAY || renewals->count > QF_STAMP_LINKS_MAX - 1)
        return qf_fail(err, QF_MALFORMED, "stamped",
                       "want checkpoint, consistency, proof, token and at most %d renewals",
                       QF_STAMP_LINKS_MAX - 1);
    *count = 1 + renewals->count;
    *links = QF_ARENA_ARRAY(arena, struct qf_stamp_link, *count);
    enum qf_status status = qf_json_get_text(stamped, "checkpoint", &(*links)[0].file, err);
    if (status == QF_OK)
        status = read_token(arena, stamped, &(*links)[0].token, err);
    if (status != QF_OK)
        qf_error_within(err, "stamped");
    for (uint32_t i = 0; i < renewals->count && status == QF_OK; i++) {
        status = read_renewal(arena, &renewals->items[i], &(*links)[1 + i], err);
        if (status != QF_OK)
            qf_error_within(err, "stamped.renewals[%u]", i);
    }
    return status;
}
