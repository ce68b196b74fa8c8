#include "engine/ledger/bundle_stamped.h"

#include "codec/text.h"
#include "merkle/proof_json.h"

void qf_bundle_put_chain(struct qf_arena *arena, struct qf_json *stamped,
                         const struct qf_stamp_link *links, size_t count)
{
    struct qf_json renewals = qf_json_make_array();
    for (size_t i = 1; i < count; i++) {
        struct qf_json one = qf_json_make_object();
        qf_json_put(arena, &one, "index", qf_json_make_int((int64_t)links[i].index));
        qf_json_put(arena, &one, "proof", qf_proof_to_json(arena, &links[i].proof));
        qf_json_put(arena, &one, "text", qf_json_make_slice(links[i].file));
        qf_json_put(arena, &one, "token", qf_json_make_base64(arena, links[i].token));
        qf_json_append(arena, &renewals, one);
    }
    qf_json_put(arena, stamped, "checkpoint", qf_json_make_slice(links[0].file));
    qf_json_put(arena, stamped, "renewals", renewals);
    qf_json_put(arena, stamped, "token", qf_json_make_base64(arena, links[0].token));
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
        status = qf_proof_from_json(&out->proof, qf_json_get(object, "proof"), "proof", err);
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
