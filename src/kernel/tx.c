#include "kernel/tx.h"

#include "codec/text.h"
#include "kernel/ops.h"

#define NONCE_SIZE 16

static enum qf_status decode_header(struct qf_tx *out, const struct qf_jws *jws,
                                    const struct qf_tx_rules *rules, struct qf_error *err)
{
    if (!qf_slice_is(jws->typ, "qf-tx"))
        return qf_fail(err, QF_MALFORMED, "header.typ", "must be qf-tx");
    if (!qf_sig_alg_parse(&out->alg, jws->alg))
        return qf_fail(err, QF_UNSUPPORTED_ALG, "header.alg", "is not an algorithm of any suite");
    if (!qf_suite_allows(rules->suite, out->alg))
        return qf_fail(err, QF_UNSUPPORTED_ALG, "header.alg", "%s is not in suite %s",
                       qf_sig_alg_name(out->alg), qf_suite_name(rules->suite));
    uint8_t thumbprint[QF_KID_SIZE];
    size_t size = 0;
    if (jws->kid.size != QF_KID_SIZE || !qf_base64url_decode(thumbprint, &size, jws->kid))
        return qf_fail(err, QF_MALFORMED, "header.kid",
                       "must be an RFC 7638 thumbprint of 43 characters");
    memcpy(out->kid, jws->kid.data, QF_KID_SIZE);
    out->kid[QF_KID_SIZE] = '\0';
    return QF_OK;
}

static enum qf_status decode_op(struct qf_tx_op *out, const struct qf_json *body,
                                enum qf_suite suite, struct qf_error *err)
{
    if (body->type != QF_JSON_OBJECT)
        return qf_fail(err, QF_BAD_FIELD, "", "must be an object");
    const struct qf_json *name = qf_json_get(body, "op");
    if (name == NULL || name->type != QF_JSON_STRING)
        return qf_fail(err, QF_BAD_FIELD, "op", "must name the operation");
    out->body = body;
    out->row = qf_op_find(qf_json_text(name));
    if (out->row == NULL)
        return qf_fail(err, QF_UNKNOWN_OP, "op", "there is no such operation");
    return qf_schema_check(&out->row->fields, body, "op", suite, err);
}

static enum qf_status decode_ops(struct qf_arena *arena, struct qf_tx *out,
                                 const struct qf_json *ops, enum qf_suite suite,
                                 struct qf_error *err)
{
    if (ops->type != QF_JSON_ARRAY || ops->count == 0)
        return qf_fail(err, QF_BAD_FIELD, "ops", "must be an array of at least one operation");
    if (ops->count > QF_TX_OPS_MAX)
        return qf_fail(err, QF_OVER_LIMIT, "ops", "has %u operations, at most %d are allowed",
                       ops->count, QF_TX_OPS_MAX);
    out->op_count = ops->count;
    out->ops = qf_arena_alloc(arena, ops->count * sizeof *out->ops);
    for (uint32_t i = 0; i < ops->count; i++) {
        enum qf_status status = decode_op(&out->ops[i], &ops->items[i], suite, err);
        if (status != QF_OK) {
            qf_error_within(err, "ops[%u]", i);
            return status;
        }
    }
    return QF_OK;
}

enum payload_member { MEMBER_EXP, MEMBER_NET, MEMBER_NONCE, MEMBER_OPS, MEMBER_COUNT };

/* The four members, in the order of a canonical object. */
static enum qf_status split_payload(const struct qf_json *payload,
                                    const struct qf_json *members[MEMBER_COUNT],
                                    struct qf_error *err)
{
    static const char *const names[MEMBER_COUNT] = {"exp", "net", "nonce", "ops"};
    if (payload->type != QF_JSON_OBJECT) {
        (void)qf_fail(err, QF_MALFORMED, "payload", "must be an object");
        return QF_MALFORMED;
    }
    for (uint32_t i = 0; i < MEMBER_COUNT; i++) {
        members[i] = qf_json_get(payload, names[i]);
        if (members[i] == NULL) {
            (void)qf_fail(err, QF_BAD_FIELD, names[i], "is missing");
            return QF_BAD_FIELD;
        }
    }
    for (uint32_t i = 0; payload->count > MEMBER_COUNT && i < payload->count; i++) {
        const struct qf_json_member *member = &payload->members[i];
        if (i < MEMBER_COUNT && &member->value == members[i])
            continue;
        (void)qf_fail(err, QF_BAD_FIELD, "", "a payload is exp, net, nonce and ops");
        qf_schema_within(err, member->key, i);
        return QF_BAD_FIELD;
    }
    return QF_OK;
}

static enum qf_status decode_payload(struct qf_arena *arena, struct qf_tx *out,
                                     const struct qf_json *payload, const struct qf_tx_rules *rules,
                                     struct qf_error *err)
{
    const struct qf_json *members[MEMBER_COUNT] = {NULL};
    enum qf_status status = split_payload(payload, members, err);
    if (status != QF_OK)
        return status;
    const struct qf_json *exp = members[MEMBER_EXP];
    if (exp->type != QF_JSON_INT || exp->integer < 0)
        return qf_fail(err, QF_BAD_FIELD, "exp", "must be Unix seconds");
    out->exp_s = exp->integer;
    const struct qf_json *net = members[MEMBER_NET];
    if (net->type != QF_JSON_STRING)
        return qf_fail(err, QF_BAD_FIELD, "net", "must be a text");
    if (!qf_slice_equal(qf_json_text(net), rules->network))
        return qf_fail(err, QF_WRONG_NETWORK, "net", "this network is %.*s",
                       QF_SLICE_ARGS(rules->network));
    const struct qf_json *nonce = members[MEMBER_NONCE];
    uint8_t bytes[QF_BASE64URL_SIZE(NONCE_SIZE)];
    size_t size = 0;
    if (nonce->type != QF_JSON_STRING || nonce->count != QF_BASE64URL_SIZE(NONCE_SIZE) ||
        !qf_base64url_decode(bytes, &size, qf_json_text(nonce)))
        return qf_fail(err, QF_BAD_FIELD, "nonce", "must be base64url of %d bytes", NONCE_SIZE);
    return decode_ops(arena, out, members[MEMBER_OPS], rules->suite, err);
}

static enum qf_status parse(struct qf_arena *arena, struct qf_tx *out, struct qf_slice jws,
                            const struct qf_tx_rules *rules, struct qf_error *err)
{
    if (jws.size > QF_TX_SIZE_MAX)
        return qf_fail(err, QF_OVER_LIMIT, "", "has %zu bytes, a transaction at most %d", jws.size,
                       QF_TX_SIZE_MAX);
    struct qf_jws parts;
    enum qf_status status = qf_jws_decode(arena, &parts, jws, err);
    if (status != QF_OK)
        return status;
    *out = (struct qf_tx){
        .jws = jws, .signing_input = parts.signing_input, .signature = QF_TX_UNCHECKED};
    memcpy(out->signature_bytes, parts.signature, sizeof out->signature_bytes);
    status = decode_header(out, &parts, rules, err);
    if (status != QF_OK)
        return status;
    struct qf_json payload;
    status = qf_json_parse(arena, &payload, parts.payload, QF_JSON_CANONICAL, err);
    if (status != QF_OK) {
        qf_error_within(err, "payload");
        return status;
    }
    return decode_payload(arena, out, &payload, rules, err);
}

enum qf_status qf_tx_parse(struct qf_arena *arena, struct qf_tx *out, struct qf_slice jws,
                           const struct qf_tx_rules *rules, struct qf_error *err)
{
    enum qf_status status = parse(arena, out, jws, rules, err);
    if (status != QF_OK)
        out->signing_input = (struct qf_slice){NULL, 0};
    return status;
}

void qf_tx_identify(struct qf_tx *txs, size_t count, enum qf_suite suite)
{
    enum { GROUP = 64 };
    struct qf_hash_job jobs[GROUP];
    size_t waiting = 0;
    for (size_t i = 0; i < count; i++) {
        if (txs[i].signing_input.size > 0)
            jobs[waiting++] =
                (struct qf_hash_job){.parts = {txs[i].signing_input}, .out = txs[i].id};
        if (waiting == GROUP || i + 1 == count) {
            qf_hash_many(qf_suite_hash(suite), jobs, waiting);
            waiting = 0;
        }
    }
}

enum qf_status qf_tx_decode(struct qf_arena *arena, struct qf_tx *out, struct qf_slice jws,
                            const struct qf_tx_rules *rules, struct qf_error *err)
{
    enum qf_status status = qf_tx_parse(arena, out, jws, rules, err);
    if (status == QF_OK)
        qf_tx_identify(out, 1, rules->suite);
    return status;
}

enum qf_status qf_tx_sign(struct qf_buf *out, const struct qf_private_key *key,
                          const struct qf_tx_rules *rules, int64_t exp_s, const uint8_t nonce[16],
                          const struct qf_json *ops, struct qf_error *err)
{
    struct qf_public_key public_key;
    qf_private_key_public(key, &public_key);
    if (!qf_suite_allows(rules->suite, public_key.alg))
        return qf_fail(err, QF_UNSUPPORTED_ALG, "key", "%s is not in suite %s",
                       qf_sig_alg_name(public_key.alg), qf_suite_name(rules->suite));
    char kid[QF_KID_SIZE + 1];
    qf_public_key_kid(kid, &public_key);

    struct qf_buf payload;
    qf_buf_init(&payload, QF_TX_SIZE_MAX);
    qf_buf_put_text(&payload, "{\"exp\":");
    qf_buf_put_int(&payload, exp_s);
    qf_buf_put_text(&payload, ",\"net\":");
    qf_json_write_string(&payload, rules->network);
    qf_buf_put_text(&payload, ",\"nonce\":\"");
    qf_buf_put_base64url(&payload, qf_slice_make(nonce, NONCE_SIZE));
    qf_buf_put_text(&payload, "\",\"ops\":");
    qf_json_write(&payload, ops);
    qf_buf_put_text(&payload, "}");
    enum qf_status status = qf_buf_status(&payload);
    size_t start = out->size;
    if (status == QF_OK) {
        qf_jws_put_signing_input(out, qf_sig_alg_name(public_key.alg), qf_slice_of(kid), "qf-tx",
                                 qf_buf_slice(&payload));
        status = qf_buf_status(out);
    }
    qf_buf_deinit(&payload);
    if (status != QF_OK ||
        out->size - start + 1 + QF_BASE64URL_SIZE(QF_SIGNATURE_SIZE) > QF_TX_SIZE_MAX)
        status =
            qf_fail(err, QF_OVER_LIMIT, "", "a transaction has at most %d bytes", QF_TX_SIZE_MAX);
    uint8_t signature[QF_SIGNATURE_SIZE];
    if (status == QF_OK)
        status = qf_private_key_sign(key, signature,
                                     qf_slice_make(out->data + start, out->size - start), err);
    if (status != QF_OK) {
        out->size = start;
        return status;
    }
    qf_jws_put_signature(out, signature);
    return qf_buf_status(out);
}
