#include "cli/officials.h"

#include <errno.h>
#include <sys/stat.h>

static enum qf_status make_key(struct qf_officials *o, struct qf_import_actor *actor,
                               struct qf_error *err)
{
    bool gm = qf_sender_rules(o->sender)->suite == QF_SUITE_GM;
    enum qf_status status =
        qf_private_key_generate(&actor->key, gm ? QF_ALG_SM2_SM3 : QF_ALG_ES256, err);
    o->keys_made += status == QF_OK;
    return status;
}

static enum qf_status open_key(struct qf_officials *o, struct qf_import_actor *actor,
                               struct qf_error *err)
{
    struct stat info;
    enum qf_status status;
    if (o->folder == NULL) {
        status = make_key(o, actor, err);
    } else {
        char *path = qf_arena_printf(o->arena, "%s/%s.pem", o->folder, actor->id);
        if (stat(path, &info) == 0) {
            status = qf_private_key_load(&actor->key, path, o->passphrase, err);
        } else {
            status = make_key(o, actor, err);
            if (status == QF_OK)
                status = qf_private_key_save(actor->key, path, o->passphrase, err);
        }
        if (status != QF_OK)
            qf_error_within(err, "%s", path);
    }
    if (status != QF_OK)
        return status;
    struct qf_public_key public;
    qf_private_key_public(actor->key, &public);
    qf_public_key_kid(actor->kid, &public);
    return QF_OK;
}

/* Of the roles that he needs, those that `known` (NULL: none) does not have. */
static struct qf_json missing_roles(struct qf_officials *o, const struct qf_import_actor *actor,
                                    const struct qf_json *known)
{
    struct qf_json wanted = o->roles(o->self, actor), missing = qf_json_make_array();
    for (uint32_t i = 0; i < wanted.count; i++) {
        bool has = false;
        for (uint32_t k = 0; known != NULL && k < known->count; k++)
            has = has ||
                  (known->items[k].type == QF_JSON_STRING &&
                   qf_slice_equal(qf_json_text(&known->items[k]), qf_json_text(&wanted.items[i])));
        if (!has)
            qf_json_append(o->arena, &missing, wanted.items[i]);
    }
    return missing;
}

/* The op that is still needed for this official, if any. */
static enum qf_status registration(struct qf_officials *o, const struct qf_import_actor *actor,
                                   struct qf_json *op, bool *needed, struct qf_error *err)
{
    struct qf_arena *arena = o->arena;
    struct qf_client *client = qf_sender_client(o->sender);
    struct qf_json key, known;
    bool found;
    *op = qf_json_make_object();
    enum qf_status status = qf_client_get_json(
        client, arena, qf_arena_printf(arena, "/v1/keys/%s", actor->kid), &key, &found, err);
    if (status != QF_OK)
        return status;
    qf_json_put(arena, op, "actor", qf_json_make_text(actor->id));
    if (!found) {
        struct qf_public_key public;
        qf_private_key_public(actor->key, &public);
        qf_json_put(arena, op, "op", qf_json_make_text("identity.key.add"));
        qf_json_put(arena, op, "key", qf_public_key_to_jwk(arena, &public));
        qf_json_put(arena, op, "roles", missing_roles(o, actor, NULL));
        *needed = true;
        return QF_OK;
    }
    if (!qf_json_is_text(qf_json_get(&key, "status"), "active") ||
        !qf_json_is_text(qf_json_get(&key, "actor"), actor->id))
        return qf_fail(err, QF_WRONG_STATE, actor->id,
                       "his key %s is on the ledger, but not active or another actor's",
                       actor->kid);
    struct qf_buf path = {0};
    qf_buf_put_text(&path, "/v1/members/");
    qf_client_escape(&path, o->member);
    qf_buf_printf(&path, "/actors/%s", actor->id);
    status = qf_client_get_json(client, arena, qf_buf_text(&path), &known, NULL, err);
    qf_buf_deinit(&path);
    if (status != QF_OK)
        return status;
    struct qf_json missing = missing_roles(o, actor, qf_json_get(&known, "roles"));
    qf_json_put(arena, op, "op", qf_json_make_text("identity.role.grant"));
    qf_json_put(arena, op, "roles", missing);
    *needed = missing.count > 0;
    return QF_OK;
}

static enum qf_status find_member(struct qf_officials *o, struct qf_error *err)
{
    struct qf_public_key public;
    char kid[QF_KID_SIZE + 1];
    struct qf_json key;
    bool found;
    qf_private_key_public(o->admin, &public);
    qf_public_key_kid(kid, &public);
    enum qf_status status =
        qf_client_get_json(qf_sender_client(o->sender), o->arena,
                           qf_arena_printf(o->arena, "/v1/keys/%s", kid), &key, &found, err);
    if (status == QF_OK && !found)
        status = qf_fail(err, QF_UNKNOWN_KEY, "--admin-key",
                         "the node's network does not know this key (%s)", kid);
    if (status == QF_OK)
        status = qf_json_get_text(&key, "member", &o->member, err);
    return status;
}

enum qf_status qf_officials_register(struct qf_officials *o, struct qf_import_actor *actors,
                                     size_t count, struct qf_error *err)
{
    enum qf_status status = find_member(o, err);
    if (status == QF_OK && o->folder != NULL && mkdir(o->folder, 0700) != 0 && errno != EEXIST)
        status = qf_fail(err, QF_IO, o->folder, "cannot be made: %s", strerrordesc_np(errno));
    for (size_t i = 0; i < count && status == QF_OK; i++) {
        struct qf_json op = {0}, ops = qf_json_make_array();
        bool needed = false;
        status = open_key(o, &actors[i], err);
        if (status == QF_OK)
            status = registration(o, &actors[i], &op, &needed, err);
        if (status == QF_OK && needed) {
            qf_json_append(o->arena, &ops, op);
            status = qf_sender_add(o->sender, o->admin, &ops, i, err);
        }
    }
    return status == QF_OK ? qf_sender_flush(o->sender, err) : status;
}
