/* The world in which a scenario is played: members, actors, calendar, and the service by vote. */
#include <stdio.h>
#include <stdlib.h>

#include "codec/text.h"
#include "codec/time.h"
#include "service/play_internal.h"

static struct qf_slice text_at(const struct qf_json *object, const char *name)
{
    const struct qf_json *value = object != NULL ? qf_json_get(object, name) : NULL;
    struct qf_slice none = {NULL, 0};
    return value != NULL && value->type == QF_JSON_STRING ? qf_json_text(value) : none;
}

static struct qf_play_actor *add_actor(struct qf_play *play, struct qf_slice name,
                                       struct qf_slice member, struct qf_error *err)
{
    if (play->actor_count == QF_PLAY_ACTORS_MAX) {
        (void)qf_fail(err, QF_OVER_LIMIT, "actors", "at most %d actors and members",
                      QF_PLAY_ACTORS_MAX);
        return NULL;
    }
    struct qf_play_actor *actor = &play->actors[play->actor_count];
    *actor = (struct qf_play_actor){.name = name, .member = member};
    if (qf_private_key_generate(&actor->key, QF_ALG_EDDSA, err) != QF_OK)
        return NULL;
    play->actor_count++;
    return actor;
}

static struct qf_play_actor *admin_of(struct qf_play *play, struct qf_slice member)
{
    for (size_t i = 0; i < play->actor_count; i++)
        if (play->actors[i].name.size == 0 && qf_slice_equal(play->actors[i].member, member))
            return &play->actors[i];
    return NULL;
}

static struct qf_json jwk_of(struct qf_play *play, const struct qf_play_actor *actor)
{
    struct qf_public_key key;
    qf_private_key_public(actor->key, &key);
    return qf_public_key_to_jwk(&play->arena, &key);
}

static enum qf_status add_member(struct qf_play *play, struct qf_json *members, struct qf_slice id,
                                 const struct qf_json *said, struct qf_error *err)
{
    struct qf_arena *arena = &play->arena;
    if (admin_of(play, id) != NULL)
        return QF_OK;
    const struct qf_play_actor *admin = add_actor(play, qf_slice_of(""), id, err);
    if (admin == NULL)
        return err->status;
    struct qf_json member = qf_json_make_object(), person = qf_json_make_object();
    const struct qf_json *kind = said != NULL ? qf_json_get(said, "kind") : NULL;
    const struct qf_json *weight = said != NULL ? qf_json_get(said, "weight") : NULL;
    qf_json_put(arena, &person, "actor", qf_json_make_text("admin"));
    qf_json_put(arena, &person, "key", jwk_of(play, admin));
    qf_json_put(arena, &member, "admin", person);
    qf_json_put(arena, &member, "id", qf_json_make_slice(id));
    qf_json_put(arena, &member, "kind", kind != NULL ? *kind : qf_json_make_text("authority"));
    qf_json_put(arena, &member, "name", qf_json_make_slice(id));
    qf_json_put(arena, &member, "weight", weight != NULL ? *weight : qf_json_make_int(1));
    qf_json_append(arena, members, member);
    return QF_OK;
}

/* Those that scenario.yaml lists, those of its actors, and those that the manifest names. */
static enum qf_status add_members(struct qf_play *play, struct qf_json *members,
                                  const struct qf_json *scenario, struct qf_error *err)
{
    const struct qf_json *listed = qf_json_get(scenario, "members");
    const struct qf_json *actors = qf_json_get(scenario, "actors");
    const struct qf_json *roles = qf_json_get(&play->folder->manifest.yaml.value, "participants");
    enum qf_status status = QF_OK;
    for (uint32_t i = 0; listed != NULL && status == QF_OK && i < listed->count; i++)
        status = add_member(play, members, listed->members[i].key, &listed->members[i].value, err);
    for (uint32_t i = 0; status == QF_OK && i < actors->count; i++)
        status = add_member(play, members, text_at(&actors->members[i].value, "member"), NULL, err);
    for (uint32_t i = 0; status == QF_OK && i < roles->count; i++) {
        const struct qf_json *names = qf_json_get(&roles->items[i], "members");
        for (uint32_t k = 0; names != NULL && status == QF_OK && k < names->count; k++)
            status = add_member(play, members, qf_json_text(&names->items[k]), NULL, err);
    }
    return status;
}

static struct qf_json dates_of(struct qf_play *play, const struct qf_json *calendar,
                               const char *name, const char *year)
{
    struct qf_json list = qf_json_make_array();
    const struct qf_json *dates = calendar != NULL ? qf_json_get(calendar, name) : NULL;
    for (uint32_t i = 0; dates != NULL && i < dates->count; i++)
        if (dates->items[i].count == 10 && memcmp(dates->items[i].text, year, 4) == 0)
            qf_json_append(&play->arena, &list, dates->items[i]);
    return list;
}

/* A calendar for the year of the start and the one after. */
static struct qf_json calendars_of(struct qf_play *play, const struct qf_json *scenario,
                                   int64_t time_ms)
{
    struct qf_json list = qf_json_make_array();
    int32_t first = qf_time_fields_of(time_ms).year;
    for (int32_t year = first; year <= first + 2; year++) {
        struct qf_json item = qf_json_make_object();
        char *text = qf_arena_printf(&play->arena, "%04d", year);
        const struct qf_json *calendar = qf_json_get(scenario, "calendar");
        qf_json_put(&play->arena, &item, "holidays", dates_of(play, calendar, "holidays", text));
        qf_json_put(&play->arena, &item, "workdays", dates_of(play, calendar, "workdays", text));
        qf_json_put(&play->arena, &item, "year", qf_json_make_int(year));
        qf_json_append(&play->arena, &list, item);
    }
    return list;
}

static enum qf_status act(struct qf_play *play, const struct qf_play_actor *actor,
                          struct qf_json op, struct qf_error *err)
{
    struct qf_json ops = qf_json_make_array();
    QF_ASSERT(actor != NULL);
    qf_json_append(&play->arena, &ops, op);
    return qf_world_act(play->world, actor->key, &ops, err);
}

static enum qf_status bring_in(struct qf_play *play, const struct qf_json *scenario,
                               struct qf_error *err)
{
    const struct qf_json *actors = qf_json_get(scenario, "actors");
    for (uint32_t i = 0; i < actors->count; i++) {
        const struct qf_json *said = &actors->members[i].value;
        const struct qf_json *roles = qf_json_get(said, "roles");
        const struct qf_play_actor *actor =
            add_actor(play, actors->members[i].key, text_at(said, "member"), err);
        if (actor == NULL)
            return err->status;
        struct qf_json op = qf_json_make_object();
        qf_json_put(&play->arena, &op, "op", qf_json_make_text("identity.key.add"));
        qf_json_put(&play->arena, &op, "actor", qf_json_make_slice(actor->name));
        qf_json_put(&play->arena, &op, "key", jwk_of(play, actor));
        qf_json_put(&play->arena, &op, "roles", roles != NULL ? *roles : qf_json_make_array());
        enum qf_status status = act(play, admin_of(play, actor->member), op, err);
        if (status != QF_OK) {
            qf_error_within(err, "actors.%.*s", QF_SLICE_ARGS(actor->name));
            return status;
        }
    }
    return QF_OK;
}

static enum qf_status put_parts(struct qf_play *play, const char *hash, struct qf_error *err)
{
    enum qf_status status = QF_OK;
    struct qf_json op;
    for (size_t part = 0;
         status == QF_OK && qf_folder_part(play->folder, &play->arena, &op, hash, part); part++)
        status = act(play, &play->actors[0], op, err);
    return status;
}

static enum qf_status deploy(struct qf_play *play, struct qf_error *err)
{
    struct qf_folder *folder = play->folder;
    const struct qf_json *capabilities = qf_json_get(&folder->manifest.yaml.value, "capabilities");
    struct qf_json op = qf_json_make_object(), action = qf_json_make_object();
    char *hash = qf_arena_alloc(&play->arena, 80);
    qf_folder_hash(folder, QF_HASH_SHA256, hash);
    enum qf_status status = put_parts(play, hash, err);
    if (status != QF_OK)
        return status;
    if (capabilities != NULL)
        qf_json_put(&play->arena, &action, "capabilities", *capabilities);
    qf_json_put(&play->arena, &action, "do", qf_json_make_text("service.deploy"));
    qf_json_put(&play->arena, &action, "hash", qf_json_make_text(hash));
    qf_json_put(&play->arena, &action, "member", qf_json_make_slice(play->actors[0].member));
    qf_json_put(&play->arena, &action, "service", qf_json_make_text(qf_folder_text(folder, "id")));
    qf_json_put(&play->arena, &action, "version",
                qf_json_make_text(qf_folder_text(folder, "version")));
    qf_json_put(&play->arena, &op, "op", qf_json_make_text("consortium.propose"));
    qf_json_put(&play->arena, &op, "action", action);
    qf_json_put(&play->arena, &op, "proposal", qf_json_make_text("deploy"));
    status = act(play, &play->actors[0], op, err);
    for (size_t i = 0; status == QF_OK && i < play->actor_count; i++) {
        if (play->actors[i].name.size > 0)
            continue;
        struct qf_json vote = qf_json_make_object();
        struct qf_error late = {0};
        qf_json_put(&play->arena, &vote, "op", qf_json_make_text("consortium.vote"));
        qf_json_put(&play->arena, &vote, "choice", qf_json_make_text("yes"));
        qf_json_put(&play->arena, &vote, "proposal", qf_json_make_text("deploy"));
        /* Who comes when it has passed is refused; who has no weight, too. */
        (void)!act(play, &play->actors[i], vote, &late);
    }
    struct qf_json service;
    struct qf_state_reader reader = qf_world_reader(play->world);
    if (status == QF_OK && !qf_query_service(&reader, &play->arena, &service,
                                             qf_slice_of(qf_folder_text(folder, "id"))))
        status =
            qf_fail(err, QF_REFUSED, "deploy", "the members' votes did not bring it into force");
    return status;
}

enum qf_status qf_play_found(struct qf_play *play, const struct qf_json *course,
                             struct qf_error *err)
{
    const struct qf_json *scenario = &play->folder->scenario.yaml.value;
    const struct qf_json *start = qf_json_get(course, "start");
    int64_t time_ms;
    int32_t offset;
    struct qf_slice text = text_at(start != NULL ? course : scenario, "start");
    if (!qf_time_parse(&time_ms, &offset, text))
        return qf_fail(err, QF_BAD_FIELD, "start",
                       "must be a date and time such as \"2026-03-02T09:00:00+08:00\"");
    struct qf_json genesis = qf_json_make_object(), members = qf_json_make_array();
    play->revealed = qf_json_make_object();
    enum qf_status status = add_members(play, &members, scenario, err);
    if (status != QF_OK)
        return status;
    struct qf_arena *arena = &play->arena;
    qf_json_put(arena, &genesis, "calendars", calendars_of(play, scenario, time_ms));
    qf_json_put(arena, &genesis, "format", qf_json_make_text("qf-genesis-1"));
    qf_json_put(arena, &genesis, "members", members);
    qf_json_put(arena, &genesis, "network", qf_json_make_text("scenario"));
    qf_json_put(arena, &genesis, "suite", qf_json_make_text("intl"));
    qf_json_put(arena, &genesis, "time", qf_json_make_int(time_ms));
    status = qf_world_new(&play->world, &genesis, time_ms, err);
    if (status == QF_OK)
        status = bring_in(play, scenario, err);
    return status == QF_OK ? deploy(play, err) : status;
}

void qf_play_end(struct qf_play *play)
{
    qf_world_free(play->world);
    for (size_t i = 0; i < play->actor_count; i++)
        qf_private_key_free(play->actors[i].key);
    qf_arena_deinit(&play->arena);
    *play = (struct qf_play){.folder = play->folder};
}
