#include "kernel/evidence/evidence.h"

#include "kernel/context.h"
#include "kernel/identity/identity.h"

#define MEDIA_TYPE_SIZE_MAX 127

/* What a service records stands in no transaction: its record has the content, too, and whose it
 * is. */
static struct qf_slice put_performed(struct qf_op_context *ctx, const struct qf_state_key *key,
                                     const struct qf_json *body)
{
    const struct qf_op_performer *performer = ctx->performer;
    struct qf_json record = qf_json_make_object(), by = qf_json_make_object();
    qf_json_put(ctx->arena, &by, "case", qf_json_make_slice(performer->case_id));
    qf_json_put(ctx->arena, &by, "node", qf_json_make_slice(performer->node));
    qf_json_put(ctx->arena, &by, "service", qf_json_make_slice(performer->service));
    qf_json_put(ctx->arena, &by, "version", qf_json_make_slice(performer->version));
    qf_json_put(ctx->arena, &record, "by", by);
    qf_json_put(ctx->arena, &record, "content", *body);
    qf_json_put(ctx->arena, &record, "leaf", qf_json_make_int((int64_t)ctx->leaf));
    qf_json_put(ctx->arena, &record, "member", qf_json_make_slice(ctx->member));
    if (ctx->signer != NULL)
        qf_json_put(ctx->arena, &record, "op", qf_json_make_int(ctx->op));
    return qf_context_insert(ctx, key, &record);
}

/* The state's record is built as text: it is the most frequent write of all, and its members are
 * ids and integers, which need no escaping. */
static struct qf_slice put_record(struct qf_op_context *ctx, const struct qf_state_key *key)
{
    struct qf_buf *text = ctx->text;
    qf_buf_reset(text);
    qf_buf_put_text(text, "{\"leaf\":");
    qf_buf_put_int(text, (int64_t)ctx->leaf);
    qf_buf_put_text(text, ",\"member\":\"");
    qf_buf_put_slice(text, ctx->member);
    qf_buf_put_text(text, "\"");
    if (ctx->op > 0) {
        qf_buf_put_text(text, ",\"op\":");
        qf_buf_put_int(text, ctx->op);
    }
    qf_buf_put_text(text, "}");
    QF_ASSERT(qf_buf_status(text) == QF_OK);
    return qf_overlay_put(ctx->overlay, qf_state_key_slice(key), qf_buf_slice(text),
                          qf_state_kind_listed(key->kind));
}

static void add_attribute_terms(struct qf_op_context *ctx, const struct qf_json *attributes)
{
    for (uint32_t i = 0; i < attributes->count; i++) {
        const struct qf_json_member *member = &attributes->members[i];
        struct qf_kernel_term term;
        if (member->value.type == QF_JSON_INT) {
            qf_buf_reset(ctx->text);
            qf_buf_put_int(ctx->text, member->value.integer);
            qf_kernel_term_attribute(&term, member->key, qf_buf_slice(ctx->text));
        } else {
            qf_kernel_term_attribute(&term, member->key, qf_json_text(&member->value));
        }
        qf_context_add_term(ctx, &term);
    }
}

static void add_terms(struct qf_op_context *ctx, const struct qf_json *body, const char *hash_name)
{
    struct qf_kernel_term term;
    bool good = qf_kernel_term_hash(&term, qf_json_text(qf_json_get(body, hash_name)));
    QF_ASSERT(good);
    qf_context_add_term(ctx, &term);
    const struct qf_json *source = qf_json_get(body, "source");
    if (source != NULL) {
        qf_kernel_term_text(&term, QF_TERM_EVIDENCE_SOURCE, qf_json_text(source));
        qf_context_add_term(ctx, &term);
    }
    const struct qf_json *attributes = qf_json_get(body, "attributes");
    if (attributes != NULL)
        add_attribute_terms(ctx, attributes);
}

static enum qf_status add_record(struct qf_op_context *ctx, const struct qf_json *body,
                                 const char *hash_name, enum qf_event event, struct qf_error *err)
{
    struct qf_state_key key;
    qf_state_key_make(&key, QF_STATE_EVIDENCE, qf_json_text(qf_json_get(body, "id")));
    if (qf_context_has(ctx, &key))
        return qf_fail(err, QF_EXISTS, "id", "this id is taken by an earlier record");
    struct qf_slice stored =
        ctx->performer == NULL ? put_record(ctx, &key) : put_performed(ctx, &key, body);
    add_terms(ctx, body, hash_name);
    qf_context_add_event(ctx, event, stored);
    return QF_OK;
}

static enum qf_status apply_record(struct qf_op_context *ctx, const struct qf_json *body,
                                   struct qf_error *err)
{
    return add_record(ctx, body, "hash", QF_EVENT_EVIDENCE_RECORDED, err);
}

static enum qf_status apply_batch(struct qf_op_context *ctx, const struct qf_json *body,
                                  struct qf_error *err)
{
    return add_record(ctx, body, "root", QF_EVENT_EVIDENCE_BATCH_RECORDED, err);
}

static enum qf_status target_replaced(struct qf_op_context *ctx, const struct qf_json *body,
                                      struct qf_op_target *out, struct qf_error *err)
{
    struct qf_state_key key;
    qf_state_key_make(&key, QF_STATE_EVIDENCE, qf_json_text(qf_json_get(body, "replaces")));
    const struct qf_json *record = qf_context_get(ctx, &key);
    if (record == NULL)
        return qf_fail(err, QF_NOT_FOUND, "replaces", "there is no evidence record of this id");
    out->member = qf_record_text(record, "member");
    const struct qf_json *by = qf_json_get(record, "by");
    if (by != NULL)
        out->service = qf_record_text(by, "service");
    return QF_OK;
}

static enum qf_status apply_supersede(struct qf_op_context *ctx, const struct qf_json *body,
                                      struct qf_error *err)
{
    struct qf_state_key key;
    qf_state_key_make(&key, QF_STATE_EVIDENCE, qf_json_text(qf_json_get(body, "replaces")));
    const struct qf_json *old = qf_context_get(ctx, &key);
    QF_ASSERT(old != NULL);
    const struct qf_json *successor = qf_json_get(old, "superseded_by");
    if (successor != NULL)
        return qf_fail(err, QF_WRONG_STATE, "replaces", "it was superseded by %.*s",
                       QF_SLICE_ARGS(qf_json_text(successor)));
    enum qf_status status = add_record(ctx, body, "hash", QF_EVENT_EVIDENCE_RECORDED, err);
    if (status != QF_OK)
        return status;
    struct qf_json changed = qf_context_copy(ctx, old);
    qf_json_put(ctx->arena, &changed, "superseded_by", *qf_json_get(body, "id"));
    struct qf_slice stored = qf_context_put(ctx, &key, &changed);
    qf_context_add_event(ctx, QF_EVENT_EVIDENCE_SUPERSEDED, stored);
    return QF_OK;
}

#define FIELD_ATTRIBUTES                                                                           \
    {                                                                                              \
        .name = "attributes", .doc = "Names and values by which the record can be found.",         \
        .type = QF_FIELD_ATTRIBUTES, .optional = true, .max = QF_ATTRIBUTES_MAX                    \
    }
#define FIELD_HASH                                                                                 \
    {                                                                                              \
        .name = "hash", .doc = "Hash of the thing that is recorded.", .type = QF_FIELD_HASH        \
    }
#define FIELD_ID                                                                                   \
    {                                                                                              \
        .name = "id", .doc = "Id of the new record; never used again.", .type = QF_FIELD_ID        \
    }
#define FIELD_MEDIA_TYPE                                                                           \
    {                                                                                              \
        .name = "media_type", .doc = "Media type of the thing, such as application/pdf.",          \
        .type = QF_FIELD_TEXT, .optional = true, .min = 1, .max = MEDIA_TYPE_SIZE_MAX              \
    }
#define FIELD_ON_BEHALF                                                                            \
    {                                                                                              \
        .name = "on_behalf",                                                                       \
        .doc = "Id of the mandate by which the signer acts for another member.",                   \
        .type = QF_FIELD_ID, .optional = true                                                      \
    }
#define FIELD_SIZE                                                                                 \
    {                                                                                              \
        .name = "size", .doc = "Size of the thing in bytes.", .type = QF_FIELD_INT,                \
        .optional = true, .max = QF_JSON_INT_MAX                                                   \
    }
#define FIELD_SOURCE                                                                               \
    {                                                                                              \
        .name = "source", .doc = "Where the thing comes from: a system, an office, a device.",     \
        .type = QF_FIELD_TEXT, .optional = true, .max = QF_TEXT_SIZE_MAX                           \
    }
#define FIELD_TIMESTAMP                                                                            \
    {                                                                                              \
        .name = "timestamp",                                                                       \
        .doc = "RFC 3161 time-stamp token over the hash; kept in the log and not judged here.",    \
        .type = QF_FIELD_DER, .optional = true, .min = 1, .max = QF_DER_SIZE_MAX                   \
    }

static const struct qf_field record_fields[] = {
    FIELD_ATTRIBUTES, FIELD_HASH, FIELD_ID,     FIELD_MEDIA_TYPE,
    FIELD_ON_BEHALF,  FIELD_SIZE, FIELD_SOURCE, FIELD_TIMESTAMP,
};

static const struct qf_field batch_fields[] = {
    FIELD_ATTRIBUTES,
    {.name = "count",
     .doc = "Number of hashes under the root.",
     .type = QF_FIELD_INT,
     .min = 1,
     .max = QF_BATCH_COUNT_MAX},
    FIELD_ID,
    FIELD_MEDIA_TYPE,
    FIELD_ON_BEHALF,
    {.name = "root",
     .doc = "Root of the RFC 9162 tree (its hash function that of the suite) whose leaf entries "
            "are the hashes, 32 bytes each, in order.",
     .type = QF_FIELD_HASH},
    FIELD_SOURCE,
    FIELD_TIMESTAMP,
};

static const struct qf_field supersede_fields[] = {
    FIELD_ATTRIBUTES,
    FIELD_HASH,
    FIELD_ID,
    FIELD_MEDIA_TYPE,
    FIELD_ON_BEHALF,
    {.name = "reason",
     .doc = "Why the earlier record is replaced.",
     .type = QF_FIELD_TEXT,
     .optional = true,
     .max = 1024},
    {.name = "replaces", .doc = "Id of the record that is replaced.", .type = QF_FIELD_ID},
    FIELD_SIZE,
    FIELD_SOURCE,
    FIELD_TIMESTAMP,
};

static const struct qf_may any_actor[] = {{.relation = QF_TO_NOTHING}};
static const struct qf_may recording_member[] = {{.relation = QF_TO_OWN_MEMBER}};

static const struct qf_op_by_service recording = {.capability = "evidence", .makes = "id"};

static const struct qf_op_row ops[] = {
    {.name = "evidence.record",
     .doc = "Records the hash of one thing under an id.",
     .fields = QF_FIELDS(record_fields),
     .service = &recording,
     QF_MAY(any_actor),
     .apply = apply_record},
    {.name = "evidence.record_batch",
     .doc = "Records many hashes at once by the root of their Merkle tree; each is proved later by "
            "its path to the root.",
     .fields = QF_FIELDS(batch_fields),
     .service = &recording,
     QF_MAY(any_actor),
     .apply = apply_batch},
    {.name = "evidence.supersede",
     .doc = "Records a new thing that takes the place of an earlier one. Both stay; the earlier "
            "one names its successor.",
     .fields = QF_FIELDS(supersede_fields),
     .service = &recording,
     QF_MAY(recording_member),
     .target = target_replaced,
     .apply = apply_supersede},
};

const struct qf_module qf_module_evidence = {
    .name = "evidence",
    .doc = "Hashes of things that are kept elsewhere.",
    .ops = ops,
    .op_count = sizeof ops / sizeof ops[0],
};
