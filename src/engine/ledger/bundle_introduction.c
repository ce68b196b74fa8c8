/* Introductions: taken out of the bundle of a member, after it has verified. */
#include "codec/text.h"
#include "engine/ledger/bundle.h"

void qf_introduction_keys(struct qf_arena *arena, const struct qf_json *trust,
                          struct qf_note_key **keys, size_t *count)
{
    const struct qf_json *list = qf_json_get(trust, "note_keys");
    if (list == NULL || list->type != QF_JSON_ARRAY || list->count == 0)
        return;
    struct qf_note_key *grown = QF_ARENA_ARRAY(arena, struct qf_note_key, *count + list->count);
    if (*count > 0)
        memcpy(grown, *keys, *count * sizeof *grown);
    *keys = grown;
    for (uint32_t i = 0; i < list->count; i++)
        if (list->items[i].type == QF_JSON_STRING &&
            qf_note_key_parse(&grown[*count], qf_json_text(&list->items[i]), NULL) == QF_OK &&
            grown[*count].alg == QF_NOTE_ED25519)
            (*count)++;
}

/* The record of `records` whose key begins so. */
static const struct qf_json *find_record(const struct qf_json *records, const char *prefix,
                                         struct qf_slice *rest)
{
    size_t size = strlen(prefix);
    for (uint32_t i = 0; records != NULL && i < records->count; i++) {
        struct qf_slice key;
        if (qf_json_get_text(&records->items[i], "key", &key, NULL) == QF_OK && key.size > size &&
            memcmp(key.data, prefix, size) == 0) {
            *rest = qf_slice_make(key.data + size, key.size - size);
            return &records->items[i];
        }
    }
    return NULL;
}

static enum qf_status read_value(struct qf_arena *arena, const struct qf_json *record,
                                 struct qf_json *out, struct qf_error *err)
{
    struct qf_slice text;
    enum qf_status status = qf_json_get_text(record, "value", &text, err);
    return status == QF_OK ? qf_json_parse(arena, out, text, QF_JSON_CANONICAL, err) : status;
}

/* One that has been verified, unless it is there already. */
static enum qf_status add(struct qf_arena *arena, struct qf_introductions *introductions,
                          const struct qf_introduction *item, struct qf_error *err)
{
    struct qf_json trust;
    for (size_t i = 0; i < introductions->count; i++)
        if (qf_slice_equal(introductions->items[i].checkpoint, item->checkpoint) &&
            qf_slice_equal(introductions->items[i].member, item->member))
            return QF_OK;
    if (introductions->count == QF_INTRODUCTIONS_MAX)
        return qf_fail(err, QF_OVER_LIMIT, "introductions", "at most %d", QF_INTRODUCTIONS_MAX);
    enum qf_status status = read_value(arena, &item->trust_record, &trust, err);
    if (status != QF_OK)
        return status;
    introductions->items[introductions->count++] = *item;
    qf_introduction_keys(arena, &trust, &introductions->keys, &introductions->key_count);
    return QF_OK;
}

/* Those that the bundle itself needs come before it. */
static enum qf_status add_own(struct qf_arena *arena, struct qf_introductions *introductions,
                              const struct qf_bundle_report *report, struct qf_error *err)
{
    enum qf_status status = QF_OK;
    for (size_t i = 0; i < report->introduced_count && status == QF_OK; i++) {
        const struct qf_json *one = &report->introductions->items[i];
        struct qf_introduction item = {.member = report->introduced[i],
                                       .size = report->introduced_at[i],
                                       .member_record = *qf_json_get(one, "member"),
                                       .trust_record = *qf_json_get(one, "trust")};
        status = qf_json_get_text(one, "checkpoint", &item.checkpoint, err);
        if (status == QF_OK)
            status = add(arena, introductions, &item, err);
    }
    return status;
}

enum qf_status qf_introductions_add(struct qf_arena *arena, struct qf_introductions *introductions,
                                    struct qf_slice bundle, struct qf_slice genesis,
                                    struct qf_verifier *verifier, struct qf_error *err)
{
    struct qf_bundle_report report;
    struct qf_slice id = {NULL, 0};
    struct qf_slice same = {NULL, 0};
    struct qf_json member;
    const struct qf_bundle_trust known = {.genesis = genesis,
                                          .log_keys = introductions->keys,
                                          .log_key_count = introductions->key_count};
    enum qf_status status = qf_bundle_verify(arena, bundle, &known, verifier, &report, err);
    if (status != QF_OK)
        return status;
    const struct qf_json *first = find_record(report.records, "consortium/member/", &id);
    const struct qf_json *second = find_record(report.records, "consortium/trust/", &same);
    if (first == NULL || second == NULL || !qf_slice_equal(id, same))
        return qf_fail(err, QF_BAD_FIELD, "records",
                       "it is not the bundle of a member: fetch it with qifeng bundle --member");
    status = read_value(arena, first, &member, err);
    if (status == QF_OK && !qf_json_is_text(qf_json_get(&member, "status"), "active"))
        status = qf_fail(err, QF_WRONG_STATE, "records", "the member was not active then");
    if (status == QF_OK)
        status = add_own(arena, introductions, &report, err);
    const struct qf_introduction item = {.member = id,
                                         .checkpoint = report.checkpoint,
                                         .size = report.log_size,
                                         .member_record = *first,
                                         .trust_record = *second};
    return status == QF_OK ? add(arena, introductions, &item, err) : status;
}
