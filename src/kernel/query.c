#include "kernel/query.h"

#include "codec/text.h"
#include "kernel/record.h"
#include "kernel/signer.h"

static struct qf_json editable(struct qf_arena *arena, const struct qf_json *record)
{
    struct qf_json copy = qf_json_make_object();
    for (uint32_t i = 0; i < record->count; i++)
        qf_json_put(arena, &copy, qf_arena_text(arena, record->members[i].key),
                    record->members[i].value);
    return copy;
}

/* The record of kind and id, ready for additions. */
static bool get(const struct qf_state_reader *reader, struct qf_arena *arena, struct qf_json *out,
                enum qf_state_kind kind, struct qf_slice id)
{
    struct qf_slice prefix = qf_state_kind_prefix(kind);
    if (id.size > QF_STATE_KEY_SIZE_MAX - prefix.size)
        return false;
    struct qf_state_key at;
    qf_state_key_make(&at, kind, id);
    const struct qf_json *record = qf_record_get(reader, arena, &at);
    if (record != NULL)
        *out = editable(arena, record);
    return record != NULL;
}

static bool get_named(const struct qf_state_reader *reader, struct qf_arena *arena,
                      struct qf_json *out, enum qf_state_kind kind, struct qf_slice id,
                      const char *name)
{
    if (id.size == 0 || !get(reader, arena, out, kind, id))
        return false;
    qf_json_put(arena, out, name, qf_json_make_slice(qf_arena_copy(arena, id)));
    return true;
}

static const struct qf_slice no_id = {NULL, 0};

bool qf_query_network(const struct qf_state_reader *reader, struct qf_arena *arena,
                      struct qf_json *out)
{
    return get(reader, arena, out, QF_STATE_NETWORK, no_id);
}

bool qf_query_rules(const struct qf_state_reader *reader, struct qf_arena *arena,
                    struct qf_tx_rules *out)
{
    struct qf_json network;
    if (!qf_query_network(reader, arena, &network))
        return false;
    out->network = qf_record_text(&network, "id");
    bool known = qf_suite_parse(&out->suite, qf_record_text(&network, "suite"));
    QF_ASSERT(known);
    return true;
}

bool qf_query_parameters(const struct qf_state_reader *reader, struct qf_arena *arena,
                         struct qf_json *out)
{
    return get(reader, arena, out, QF_STATE_PARAMETERS, no_id);
}

bool qf_query_calendar(const struct qf_state_reader *reader, struct qf_arena *arena,
                       struct qf_json *out, int64_t year)
{
    struct qf_slice id = qf_slice_of(qf_arena_printf(arena, "%lld", (long long)year));
    if (!get(reader, arena, out, QF_STATE_CALENDAR, id))
        return false;
    qf_json_put(arena, out, "year", qf_json_make_int(year));
    return true;
}

bool qf_query_validators(const struct qf_state_reader *reader, struct qf_arena *arena,
                         struct qf_json *out)
{
    struct qf_json record, active = qf_json_make_array();
    if (get(reader, arena, &record, QF_STATE_VALIDATORS, no_id)) {
        const struct qf_json *all = qf_json_get(&record, "validators");
        for (uint32_t i = 0; i < all->count; i++) {
            struct qf_json member;
            struct qf_slice id = qf_record_text(&all->items[i], "member");
            if (get(reader, arena, &member, QF_STATE_MEMBER, id) &&
                qf_member_status_of(&member) == QF_MEMBER_IS_ACTIVE)
                qf_json_append(arena, &active, all->items[i]);
        }
    }
    *out = qf_json_make_object();
    qf_json_put(arena, out, "validators", active);
    return true;
}

bool qf_query_member(const struct qf_state_reader *reader, struct qf_arena *arena,
                     struct qf_json *out, struct qf_slice id)
{
    static const char *const trust_names[] = {"ca", "note_keys", "root_key"};
    struct qf_json trust;
    if (!get_named(reader, arena, out, QF_STATE_MEMBER, id, "id"))
        return false;
    if (!get(reader, arena, &trust, QF_STATE_TRUST, id))
        return true;
    for (size_t i = 0; i < sizeof trust_names / sizeof trust_names[0]; i++) {
        const struct qf_json *value = qf_json_get(&trust, trust_names[i]);
        if (value != NULL)
            qf_json_put(arena, out, trust_names[i], *value);
    }
    return true;
}

bool qf_query_actor(const struct qf_state_reader *reader, struct qf_arena *arena,
                    struct qf_json *out, struct qf_slice member, struct qf_slice actor)
{
    if (!qf_member_id_valid(member) || !qf_id_valid(actor))
        return false;
    struct qf_state_key at;
    qf_state_key_make2(&at, QF_STATE_ACTOR, member, actor);
    const struct qf_json *record = qf_record_get(reader, arena, &at);
    if (record == NULL)
        return false;
    *out = editable(arena, record);
    qf_json_put(arena, out, "actor", qf_json_make_slice(qf_arena_copy(arena, actor)));
    qf_json_put(arena, out, "member", qf_json_make_slice(qf_arena_copy(arena, member)));
    return true;
}

bool qf_query_key(const struct qf_state_reader *reader, struct qf_arena *arena, struct qf_json *out,
                  struct qf_slice kid)
{
    struct qf_signer signer;
    struct qf_json record;
    if (kid.size != QF_KID_SIZE || !qf_signer_load(&signer, reader, arena, kid) ||
        !get_named(reader, arena, &record, QF_STATE_KEY, kid, "kid"))
        return false;
    *out = qf_json_make_object();
    for (uint32_t i = 0; i < record.count; i++)
        if (!qf_slice_is(record.members[i].key, "pub"))
            qf_json_put(arena, out, qf_arena_text(arena, record.members[i].key),
                        record.members[i].value);
    qf_json_put(arena, out, "jwk", qf_public_key_to_jwk(arena, &signer.key));
    return true;
}

bool qf_query_evidence(const struct qf_state_reader *reader, struct qf_arena *arena,
                       struct qf_json *out, struct qf_slice id)
{
    if (!get_named(reader, arena, out, QF_STATE_EVIDENCE, id, "id"))
        return false;
    if (qf_json_get(out, "op") == NULL && qf_json_get(out, "by") == NULL)
        qf_json_put(arena, out, "op", qf_json_make_int(0));
    bool superseded = qf_json_get(out, "superseded_by") != NULL;
    qf_json_put(arena, out, "status", qf_json_make_text(superseded ? "superseded" : "recorded"));
    return true;
}

bool qf_query_proposal(const struct qf_state_reader *reader, struct qf_arena *arena,
                       struct qf_json *out, struct qf_slice id, int64_t time_s)
{
    if (!get_named(reader, arena, out, QF_STATE_PROPOSAL, id, "proposal"))
        return false;
    if (qf_slice_is(qf_record_text(out, "status"), "open") &&
        qf_record_int(out, "expires") <= time_s)
        qf_json_put(arena, out, "status", qf_json_make_text("expired"));
    return true;
}

bool qf_query_subject(const struct qf_state_reader *reader, struct qf_arena *arena,
                      struct qf_json *out, struct qf_slice subject)
{
    return get_named(reader, arena, out, QF_STATE_SUBJECT, subject, "subject");
}

bool qf_query_mandate(const struct qf_state_reader *reader, struct qf_arena *arena,
                      struct qf_json *out, struct qf_slice id)
{
    return get_named(reader, arena, out, QF_STATE_MANDATE, id, "mandate");
}

struct listing {
    struct qf_arena *arena;
    struct qf_json items;
    size_t prefix_size;
    size_t limit;
};

static bool list_one(void *arg, struct qf_slice key, struct qf_slice value)
{
    struct listing *listing = arg;
    (void)value;
    if (listing->items.count >= listing->limit)
        return false;
    struct qf_slice id = {key.data + listing->prefix_size, key.size - listing->prefix_size};
    qf_json_append(listing->arena, &listing->items,
                   qf_json_make_slice(qf_arena_copy(listing->arena, id)));
    return true;
}

struct qf_json qf_query_list(const struct qf_state_reader *reader, struct qf_arena *arena,
                             enum qf_query_list_kind kind, const struct qf_query_page *page)
{
    static const enum qf_state_kind kinds[] = {
        [QF_LIST_MEMBERS] = QF_STATE_MEMBER,     [QF_LIST_ACTORS] = QF_STATE_ACTOR,
        [QF_LIST_PROPOSALS] = QF_STATE_PROPOSAL, [QF_LIST_MANDATES] = QF_STATE_MANDATE,
        [QF_LIST_CALENDARS] = QF_STATE_CALENDAR, [QF_LIST_SERVICES] = QF_STATE_SERVICE};
    struct listing listing = {.arena = arena, .items = qf_json_make_array(), .limit = page->limit};
    struct qf_state_key at, after;
    if (kind == QF_LIST_ACTORS) {
        if (!qf_member_id_valid(page->within))
            return listing.items;
        qf_state_key_make2(&at, kinds[kind], page->within, no_id);
    } else {
        qf_state_key_make(&at, kinds[kind], no_id);
    }
    listing.prefix_size = at.size;
    if (page->after.size > sizeof at.text - at.size)
        return listing.items; /* no id is so long */
    after = at;
    if (page->after.size > 0)
        memcpy(after.text + after.size, page->after.data, page->after.size);
    after.size += page->after.size;
    reader->list(reader->self, qf_state_key_slice(&at), qf_state_key_slice(&after), list_one,
                 &listing);
    return listing.items;
}
