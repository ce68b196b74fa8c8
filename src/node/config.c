#include "node/config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "api/feed.h"
#include "api/webhook/post.h"
#include "codec/text.h"
#include "codec/yaml.h"
#include "kernel/ops.h"

#define FILE_NAME "node.yaml"
#define ARCHIVES_MAX 16
#define DURATION_MS_MAX (3650LL * 86400000)

struct reader {
    struct qf_arena *arena;
    const struct qf_yaml *yaml;
    const char *dir;
    struct qf_error *err;
};

QF_PRINTF(4, 5)
static enum qf_status refuse(struct reader *r, enum qf_status status, const char *path,
                             const char *fmt, ...)
{
    char detail[200];
    char field[48];
    va_list args;
    va_start(args, fmt);
    vsnprintf(detail, sizeof detail, fmt, args);
    va_end(args);
    snprintf(field, sizeof field, FILE_NAME " line %u", qf_yaml_line(r->yaml, path));
    return qf_fail(r->err, status, field, "%s%s%s", path, *path != '\0' ? ": " : "", detail);
}

static char *join(struct reader *r, const char *path, const char *name)
{
    return *path == '\0' ? qf_arena_printf(r->arena, "%s", name)
                         : qf_arena_printf(r->arena, "%s.%s", path, name);
}

/* The value must be a mapping of these fields; `names` are separated by ", ". */
static enum qf_status want_fields(struct reader *r, const struct qf_json *object, const char *path,
                                  const char *names)
{
    if (object->type != QF_JSON_OBJECT)
        return refuse(r, QF_BAD_FIELD, path, "want fields: %s", names);
    for (uint32_t i = 0; i < object->count; i++) {
        struct qf_slice key = object->members[i].key;
        const char *at = names;
        for (; *at != '\0'; at += strcspn(at, ","), at += strspn(at, ", "))
            if (strcspn(at, ",") == key.size && memcmp(at, key.data, key.size) == 0)
                break;
        if (*at == '\0')
            return refuse(r, QF_BAD_FIELD, join(r, path, qf_arena_text(r->arena, key)),
                          "there is no such setting; here stand: %s", names);
    }
    return QF_OK;
}

static enum qf_status get_text(struct reader *r, const struct qf_json *object, const char *path,
                               const char *name, bool required, const char **out)
{
    const struct qf_json *value = qf_json_get(object, name);
    if (value == NULL && !required)
        return QF_OK;
    if (value == NULL)
        return refuse(r, QF_BAD_FIELD, path, "%s is missing", name);
    if (value->type != QF_JSON_STRING || value->count == 0 || value->count > 2048 ||
        memchr(value->text, 0, value->count) != NULL)
        return refuse(r, QF_BAD_FIELD, join(r, path, name), "want a text");
    *out = qf_arena_text(r->arena, qf_json_text(value));
    return QF_OK;
}

static enum qf_status get_path(struct reader *r, const struct qf_json *object, const char *path,
                               const char *name, bool required, const char **out)
{
    const char *text = NULL;
    enum qf_status status = get_text(r, object, path, name, required, &text);
    if (status == QF_OK && text != NULL)
        *out = text[0] == '/' ? text : qf_arena_printf(r->arena, "%s/%s", r->dir, text);
    return status;
}

static enum qf_status get_number(struct reader *r, const struct qf_json *object, const char *path,
                                 const char *name, unsigned *out)
{
    const struct qf_json *value = qf_json_get(object, name);
    if (value == NULL)
        return QF_OK;
    if (value->type != QF_JSON_INT || value->integer < 0 || value->integer > 1000000000)
        return refuse(r, QF_BAD_FIELD, join(r, path, name), "want a whole number from 0 to 10^9");
    *out = (unsigned)value->integer;
    return QF_OK;
}

static enum qf_status get_list(struct reader *r, const struct qf_json *object, const char *name,
                               const char *path, size_t count_max, const struct qf_json **out)
{
    static const struct qf_json none = {.type = QF_JSON_ARRAY};
    const struct qf_json *value = qf_json_get(object, name);
    *out = value != NULL ? value : &none;
    if ((*out)->type != QF_JSON_ARRAY)
        return refuse(r, QF_BAD_FIELD, path, "want a list");
    if ((*out)->count > count_max)
        return refuse(r, QF_OVER_LIMIT, path, "at most %zu", count_max);
    return QF_OK;
}

static enum qf_status get_url(struct reader *r, const struct qf_json *object, const char *path,
                              const char **out)
{
    enum qf_status status = get_text(r, object, path, "url", true, out);
    if (status != QF_OK)
        return status;
    if (strncmp(*out, "http://", 7) != 0 && strncmp(*out, "https://", 8) != 0)
        return refuse(r, QF_BAD_FIELD, join(r, path, "url"), "want https://… or http://…");
    return QF_OK;
}

static enum qf_status get_note_key(struct reader *r, const struct qf_json *object, const char *path,
                                   enum qf_note_alg alg, struct qf_note_key *out)
{
    const char *text = "";
    struct qf_error err = {0};
    enum qf_status status = get_text(r, object, path, "key", true, &text);
    if (status != QF_OK)
        return status;
    if (qf_note_key_parse(out, qf_slice_of(text), &err) != QF_OK || out->alg != alg)
        return refuse(r, QF_BAD_FIELD, join(r, path, "key"), "want a verifier key of type %02x: %s",
                      (unsigned)alg, alg == QF_NOTE_COSIGNATURE ? "a cosigner's" : "a log's");
    return QF_OK;
}

static enum qf_status read_tls(struct reader *r, const struct qf_json *tls,
                               struct qf_config_tls *out)
{
    if (tls == NULL)
        return QF_OK;
    const char *clients = NULL;
    enum qf_status status = want_fields(r, tls, "tls", "certificate, key, clients, client_roots");
    if (status == QF_OK)
        status = get_path(r, tls, "tls", "certificate", true, &out->certificate);
    if (status == QF_OK)
        status = get_path(r, tls, "tls", "key", true, &out->key);
    if (status == QF_OK)
        status = get_path(r, tls, "tls", "client_roots", false, &out->client_roots);
    if (status == QF_OK)
        status = get_text(r, tls, "tls", "clients", false, &clients);
    if (status != QF_OK)
        return status;
    if (clients == NULL)
        out->clients = out->client_roots != NULL ? QF_CLIENTS_REQUIRED : QF_CLIENTS_ANY;
    else if (strcmp(clients, "any") == 0)
        out->clients = QF_CLIENTS_ANY;
    else if (strcmp(clients, "optional") == 0)
        out->clients = QF_CLIENTS_OPTIONAL;
    else if (strcmp(clients, "required") == 0)
        out->clients = QF_CLIENTS_REQUIRED;
    else
        return refuse(r, QF_BAD_FIELD, "tls.clients", "want any, optional or required");
    return QF_OK;
}

static enum qf_status read_api(struct reader *r, const struct qf_json *api,
                               struct qf_config_api *out)
{
    if (api == NULL)
        return QF_OK;
    const char *read = "public";
    enum qf_status status = want_fields(r, api, "api", "read, url");
    if (status == QF_OK)
        status = get_text(r, api, "api", "read", false, &read);
    if (status == QF_OK && qf_json_get(api, "url") != NULL)
        status = get_url(r, api, "api", &out->url);
    if (status != QF_OK)
        return status;
    if (out->url != NULL && strchr(strstr(out->url, "://") + 3, '/') != NULL)
        return refuse(r, QF_BAD_FIELD, "api.url", "want https://HOST[:PORT] and no path");
    out->members_only = strcmp(read, "members") == 0;
    if (!out->members_only && strcmp(read, "public") != 0)
        return refuse(r, QF_BAD_FIELD, "api.read", "want public or members");
    return QF_OK;
}

static enum qf_status read_tsa(struct reader *r, const struct qf_json *tsa,
                               struct qf_config_tsa *out)
{
    if (tsa == NULL)
        return QF_OK;
    enum qf_status status = want_fields(r, tsa, "tsa", "key, certificate, chain, actor_key");
    if (status == QF_OK)
        status = get_path(r, tsa, "tsa", "key", true, &out->key);
    if (status == QF_OK)
        status = get_path(r, tsa, "tsa", "certificate", true, &out->certificate);
    if (status == QF_OK)
        status = get_path(r, tsa, "tsa", "chain", false, &out->chain);
    if (status == QF_OK)
        status = get_path(r, tsa, "tsa", "actor_key", false, &out->actor_key);
    return status;
}

/* A number and a unit: 90s, 15m, 1h, 30d. */
static enum qf_status get_duration(struct reader *r, const struct qf_json *object, const char *path,
                                   const char *name, int64_t *out_ms)
{
    static const char units[] = "smhd";
    static const int64_t unit_ms[] = {1000, 60000, 3600000, 86400000};
    const char *text = NULL;
    const struct qf_json *value = qf_json_get(object, name);
    if (value != NULL && value->type == QF_JSON_INT)
        return refuse(r, QF_BAD_FIELD, join(r, path, name), "want a unit too: s, m, h or d");
    enum qf_status status = get_text(r, object, path, name, false, &text);
    if (status != QF_OK || text == NULL)
        return status;
    size_t digits = strspn(text, "0123456789");
    const char *unit = text[digits] != '\0' ? strchr(units, text[digits]) : NULL;
    int64_t number = 0;
    for (size_t i = 0; i < digits && i < 9; i++)
        number = number * 10 + (text[i] - '0');
    if (digits == 0 || unit == NULL || text[digits + 1] != '\0' || number == 0 || digits > 6 ||
        number * unit_ms[unit - units] > DURATION_MS_MAX)
        return refuse(r, QF_BAD_FIELD, join(r, path, name),
                      "want a whole number and s, m, h or d, such as 1h, at most 3650d");
    *out_ms = number * unit_ms[unit - units];
    return QF_OK;
}

static enum qf_status read_stamps(struct reader *r, const struct qf_json *stamps,
                                  const struct qf_config_tsa *tsa, struct qf_config_stamps *out)
{
    out->every_ms = 3600000;
    out->renew_ms = 30LL * 86400000;
    if (stamps == NULL)
        return QF_OK;
    enum qf_status status = QF_OK;
    if ((status = want_fields(r, stamps, "stamps",
                              "tsa, ca, every, renew, policy, roots, certificate, "
                              "certificate_key")) != QF_OK ||
        (status = get_text(r, stamps, "stamps", "tsa", true, &out->tsa)) != QF_OK ||
        (status = get_path(r, stamps, "stamps", "ca", false, &out->ca)) != QF_OK ||
        (status = get_text(r, stamps, "stamps", "policy", false, &out->policy)) != QF_OK ||
        (status = get_path(r, stamps, "stamps", "roots", false, &out->roots)) != QF_OK ||
        (status = get_path(r, stamps, "stamps", "certificate", false, &out->certificate)) !=
            QF_OK ||
        (status = get_path(r, stamps, "stamps", "certificate_key", false, &out->certificate_key)) !=
            QF_OK ||
        (status = get_duration(r, stamps, "stamps", "every", &out->every_ms)) != QF_OK ||
        (status = get_duration(r, stamps, "stamps", "renew", &out->renew_ms)) != QF_OK)
        return status;
    bool own = strcmp(out->tsa, "own") == 0;
    if (!own && strncmp(out->tsa, "http://", 7) != 0 && strncmp(out->tsa, "https://", 8) != 0)
        return refuse(r, QF_BAD_FIELD, "stamps.tsa", "want own, https://… or http://…");
    if (own && (tsa->key == NULL || tsa->actor_key == NULL))
        return refuse(r, QF_BAD_FIELD, "stamps.tsa",
                      "own needs tsa with key, certificate and actor_key");
    if (!own && out->ca == NULL)
        return refuse(r, QF_BAD_FIELD, "stamps",
                      "ca is missing: the PEM file of the roots that the authority's certificate "
                      "leads to");
    if ((out->certificate == NULL) != (out->certificate_key == NULL))
        return refuse(r, QF_BAD_FIELD, "stamps", "certificate and certificate_key go together");
    return QF_OK;
}

static enum qf_status read_limits(struct reader *r, const struct qf_json *limits,
                                  struct qf_config *out)
{
    if (limits == NULL)
        return QF_OK;
    enum qf_status status =
        want_fields(r, limits, "limits", "key_rate, key_burst, key_kib, verifier_cache");
    if (status == QF_OK)
        status = get_number(r, limits, "limits", "key_rate", &out->key_rate);
    if (status == QF_OK)
        status = get_number(r, limits, "limits", "key_burst", &out->key_burst);
    if (status == QF_OK)
        status = get_number(r, limits, "limits", "key_kib", &out->key_kib);
    if (status == QF_OK && out->key_kib > QF_KEY_KIB_MAX)
        status = refuse(r, QF_BAD_FIELD, "limits.key_kib",
                        "want KiB a second, at most %d, or 0 for no limit", QF_KEY_KIB_MAX);
    if (status == QF_OK && out->key_rate > 0 && out->key_burst == 0)
        status = refuse(r, QF_BAD_FIELD, "limits.key_burst",
                        "with 0 nothing passes; want at least 1, or key_rate: 0 for no limit");
    if (status == QF_OK)
        status = get_number(r, limits, "limits", "verifier_cache", &out->verifier_cache_mib);
    if (status == QF_OK && (out->verifier_cache_mib < QF_VERIFY_CACHE_MIB_MIN ||
                            out->verifier_cache_mib > QF_VERIFY_CACHE_MIB_MAX))
        status = refuse(r, QF_BAD_FIELD, "limits.verifier_cache", "want %d to %d (MiB)",
                        QF_VERIFY_CACHE_MIB_MIN, QF_VERIFY_CACHE_MIB_MAX);
    return status;
}

static enum qf_status read_paths(struct reader *r, const struct qf_json *root, const char *name,
                                 size_t count_max, const char ***out, size_t *count)
{
    const struct qf_json *list;
    enum qf_status status = get_list(r, root, name, name, count_max, &list);
    if (status != QF_OK)
        return status;
    *out = QF_ARENA_ARRAY(r->arena, const char *, list->count + 1);
    for (uint32_t i = 0; i < list->count; i++) {
        const struct qf_json *item = &list->items[i];
        if (item->type != QF_JSON_STRING || item->count == 0)
            return refuse(r, QF_BAD_FIELD, qf_arena_printf(r->arena, "%s[%u]", name, i),
                          "want a path");
        const char *text = qf_arena_text(r->arena, qf_json_text(item));
        (*out)[(*count)++] =
            text[0] == '/' ? text : qf_arena_printf(r->arena, "%s/%s", r->dir, text);
    }
    return QF_OK;
}

static enum qf_status read_witnesses(struct reader *r, const struct qf_json *root,
                                     struct qf_config *out)
{
    const struct qf_json *list;
    enum qf_status status = get_list(r, root, "witnesses", "witnesses", QF_WITNESSES_MAX, &list);
    if (status != QF_OK)
        return status;
    out->witnesses = QF_ARENA_ARRAY(r->arena, struct qf_config_witness, list->count + 1);
    for (uint32_t i = 0; i < list->count && status == QF_OK; i++) {
        const char *path = qf_arena_printf(r->arena, "witnesses[%u]", i);
        struct qf_config_witness *witness = &out->witnesses[out->witness_count++];
        status =
            want_fields(r, &list->items[i], path, "certificate, certificate_key, key, roots, url");
        if (status == QF_OK)
            status = get_url(r, &list->items[i], path, &witness->url);
        if (status == QF_OK)
            status = get_path(r, &list->items[i], path, "roots", false, &witness->roots);
        if (status == QF_OK)
            status =
                get_path(r, &list->items[i], path, "certificate", false, &witness->certificate);
        if (status == QF_OK)
            status = get_path(r, &list->items[i], path, "certificate_key", false,
                              &witness->certificate_key);
        if (status == QF_OK && (witness->certificate == NULL) != (witness->certificate_key == NULL))
            status = refuse(r, QF_BAD_FIELD, path, "certificate and certificate_key go together");
        if (status == QF_OK)
            status = get_note_key(r, &list->items[i], path, QF_NOTE_COSIGNATURE, &witness->key);
        for (uint32_t j = 0; status == QF_OK && j < i; j++)
            if (memcmp(out->witnesses[j].key.public_key, witness->key.public_key, 32) == 0)
                status = refuse(r, QF_BAD_FIELD, join(r, path, "key"),
                                "another one has this key; a witness counts once");
    }
    if (status == QF_OK)
        status = get_number(r, root, "", "witness_quorum", &out->witness_quorum);
    if (status == QF_OK)
        status = get_number(r, root, "", "witness_interval_ms", &out->witness_interval_ms);
    if (status == QF_OK && out->witness_quorum > out->witness_count)
        status = refuse(r, QF_BAD_FIELD, "witness_quorum", "there are only %zu witnesses",
                        out->witness_count);
    return status;
}

static enum qf_status read_witness(struct reader *r, const struct qf_json *witness,
                                   struct qf_config *out)
{
    if (witness == NULL)
        return QF_OK;
    const struct qf_json *list = NULL;
    enum qf_status status = want_fields(r, witness, "witness", "key, name, logs");
    if (status == QF_OK)
        status = get_path(r, witness, "witness", "key", true, &out->witness_key);
    if (status == QF_OK)
        status = get_text(r, witness, "witness", "name", true, &out->witness_name);
    if (status == QF_OK)
        status = get_list(r, witness, "logs", "witness.logs", QF_WITNESS_LOGS_MAX, &list);
    if (status != QF_OK)
        return status;
    if (strpbrk(out->witness_name, "+ \t\n") != NULL)
        return refuse(r, QF_BAD_FIELD, "witness.name", "a key's name has no spaces and no plus");
    out->logs = QF_ARENA_ARRAY(r->arena, struct qf_config_log, list->count + 1);
    for (uint32_t i = 0; i < list->count && status == QF_OK; i++) {
        const char *path = qf_arena_printf(r->arena, "witness.logs[%u]", i);
        const char *origin = "";
        struct qf_config_log *log = &out->logs[out->log_count++];
        status = want_fields(r, &list->items[i], path, "origin, key");
        if (status == QF_OK)
            status = get_text(r, &list->items[i], path, "origin", true, &origin);
        if (status == QF_OK)
            status = get_note_key(r, &list->items[i], path, QF_NOTE_ED25519, &log->key);
        if (status == QF_OK)
            log->origin = qf_slice_of(origin);
    }
    return status;
}

/* Whether any event can be of this type. */
static bool type_exists(struct qf_slice wanted)
{
    for (size_t i = 0; qf_modules[i] != NULL; i++)
        for (size_t j = 0; j < qf_modules[i]->op_count; j++)
            if (qf_event_type_matches(wanted, qf_slice_of(qf_modules[i]->ops[j].name)))
                return true;
    return qf_event_type_matches(wanted, qf_slice_of("transaction.refused"));
}

static enum qf_status read_filter(struct reader *r, const struct qf_json *item, const char *path,
                                  const char *name, const struct qf_slice **out, size_t *count)
{
    const struct qf_json *list = NULL;
    bool types = strcmp(name, "events") == 0;
    enum qf_status status =
        get_list(r, item, name, join(r, path, name), QF_WEBHOOK_FILTERS_MAX, &list);
    if (status != QF_OK)
        return status;
    struct qf_slice *texts = QF_ARENA_ARRAY(r->arena, struct qf_slice, list->count + 1);
    for (uint32_t i = 0; i < list->count; i++) {
        const struct qf_json *text = &list->items[i];
        const char *place = qf_arena_printf(r->arena, "%s.%s[%u]", path, name, i);
        if (text->type != QF_JSON_STRING || text->count == 0 ||
            (types && !type_exists(qf_json_text(text))))
            return refuse(r, QF_BAD_FIELD, place,
                          types ? "want the name of an op or a module, such as evidence.record or "
                                  "evidence, or transaction.refused"
                                : "want the id of a member");
        if (!types && !qf_id_valid(qf_json_text(text)))
            return refuse(r, QF_BAD_FIELD, place, "no member can have this id");
        texts[i] = qf_arena_copy(r->arena, qf_json_text(text));
    }
    *out = texts;
    *count = list->count;
    return QF_OK;
}

/* `from`: now, or an entry of the log. */
static enum qf_status get_from(struct reader *r, const struct qf_json *item, const char *path,
                               struct qf_webhook_options *out)
{
    const struct qf_json *from = qf_json_get(item, "from");
    if (from == NULL || qf_json_is_text(from, "now"))
        return QF_OK;
    if (from->type != QF_JSON_INT || from->integer < 0)
        return refuse(r, QF_BAD_FIELD, join(r, path, "from"),
                      "want now, or the number of an entry of the log");
    out->from_set = true;
    out->from = (uint64_t)from->integer;
    return QF_OK;
}

static enum qf_status get_flag(struct reader *r, const struct qf_json *item, const char *path,
                               const char *name, bool *out)
{
    const struct qf_json *value = qf_json_get(item, name);
    if (value != NULL && value->type != QF_JSON_TRUE && value->type != QF_JSON_FALSE)
        return refuse(r, QF_BAD_FIELD, join(r, path, name), "want true or false");
    *out = value != NULL && value->type == QF_JSON_TRUE;
    return QF_OK;
}

static enum qf_status check_webhook(struct reader *r, const char *path,
                                    const struct qf_webhook_options *hook)
{
    struct qf_error err = {0};
    if (!qf_id_valid(qf_slice_of(hook->id)) || strpbrk(hook->id, "/:") != NULL ||
        strlen(hook->id) > 64 || hook->id[0] == '.')
        return refuse(r, QF_BAD_FIELD, join(r, path, "id"), "want 1 to 64 of A-Z a-z 0-9 . _ -");
    if (qf_webhook_url_check(hook->url, hook->allow_http, &err) != QF_OK)
        return refuse(r, err.status, join(r, path, err.field), "%s", err.detail);
    if (hook->secret == NULL && hook->key == NULL)
        return refuse(r, QF_BAD_FIELD, path,
                      "secret is missing: a file that qifeng webhook secret makes (or key: an "
                      "Ed25519 key file)");
    if ((hook->certificate == NULL) != (hook->certificate_key == NULL))
        return refuse(r, QF_BAD_FIELD, path, "certificate and certificate_key go together");
    if (hook->timeout_s < 1 || hook->timeout_s > QF_WEBHOOK_TIMEOUT_S_MAX)
        return refuse(r, QF_BAD_FIELD, join(r, path, "timeout_s"), "want 1 to %d",
                      QF_WEBHOOK_TIMEOUT_S_MAX);
    return QF_OK;
}

static enum qf_status read_webhook(struct reader *r, const struct qf_json *item, const char *path,
                                   struct qf_webhook_options *out)
{
    out->timeout_s = QF_WEBHOOK_TIMEOUT_S_DEFAULT;
    enum qf_status status = QF_OK;
    if ((status = want_fields(r, item, path,
                              "id, url, secret, key, events, members, from, roots, certificate, "
                              "certificate_key, timeout_s, allow_http")) != QF_OK ||
        (status = get_text(r, item, path, "id", true, &out->id)) != QF_OK ||
        (status = get_text(r, item, path, "url", true, &out->url)) != QF_OK ||
        (status = get_path(r, item, path, "secret", false, &out->secret)) != QF_OK ||
        (status = get_path(r, item, path, "key", false, &out->key)) != QF_OK ||
        (status = get_path(r, item, path, "roots", false, &out->roots)) != QF_OK ||
        (status = get_path(r, item, path, "certificate", false, &out->certificate)) != QF_OK ||
        (status = get_path(r, item, path, "certificate_key", false, &out->certificate_key)) !=
            QF_OK ||
        (status = get_number(r, item, path, "timeout_s", &out->timeout_s)) != QF_OK ||
        (status = get_flag(r, item, path, "allow_http", &out->allow_http)) != QF_OK ||
        (status = get_from(r, item, path, out)) != QF_OK ||
        (status = read_filter(r, item, path, "events", &out->events, &out->event_count)) != QF_OK ||
        (status = read_filter(r, item, path, "members", &out->members, &out->member_count)) !=
            QF_OK)
        return status;
    return check_webhook(r, path, out);
}

static enum qf_status read_webhooks(struct reader *r, const struct qf_json *root,
                                    struct qf_config *out)
{
    const struct qf_json *list;
    enum qf_status status = get_list(r, root, "webhooks", "webhooks", QF_WEBHOOKS_MAX, &list);
    if (status != QF_OK)
        return status;
    out->webhooks = QF_ARENA_ARRAY(r->arena, struct qf_webhook_options, list->count + 1);
    for (uint32_t i = 0; i < list->count && status == QF_OK; i++) {
        const char *path = qf_arena_printf(r->arena, "webhooks[%u]", i);
        struct qf_webhook_options *hook = &out->webhooks[i];
        status = read_webhook(r, &list->items[i], path, hook);
        for (uint32_t j = 0; status == QF_OK && j < i; j++)
            if (strcmp(out->webhooks[j].id, hook->id) == 0)
                status = refuse(r, QF_BAD_FIELD, join(r, path, "id"), "another one has this id");
        out->webhook_count++;
    }
    return status;
}

enum qf_status qf_config_parse(struct qf_arena *arena, struct qf_config *out, const char *dir,
                               struct qf_slice text, struct qf_error *err)
{
    struct qf_yaml yaml;
    struct reader r = {arena, &yaml, dir, err};
    *out = (struct qf_config){.listen = "127.0.0.1:8700",
                              .note_key = qf_arena_printf(arena, "%s/keys/note.pem", dir),
                              .witness_interval_ms = 1000,
                              .key_rate = 2000,
                              .key_burst = 20000,
                              .key_kib = 4096,
                              .verifier_cache_mib = QF_VERIFY_CACHE_SIZE_DEFAULT >> 20};
    enum qf_status status = qf_yaml_parse(arena, &yaml, text, err);
    if (status != QF_OK) {
        if (err != NULL) {
            char field[sizeof err->field];
            snprintf(field, sizeof field, FILE_NAME " %.40s", err->field);
            memcpy(err->field, field, sizeof field);
        }
        return status;
    }
    if (yaml.value.type == QF_JSON_NULL)
        return QF_OK;
    const struct qf_json *root = &yaml.value;
    if ((status = want_fields(
             &r, root, "",
             "listen, note_key, api, tls, tsa, stamps, limits, introductions, archives, "
             "witnesses, "
             "witness_quorum, witness_interval_ms, witness, "
             "webhooks")) != QF_OK ||
        (status = get_text(&r, root, "", "listen", false, &out->listen)) != QF_OK ||
        (status = get_path(&r, root, "", "note_key", false, &out->note_key)) != QF_OK ||
        (status = read_api(&r, qf_json_get(root, "api"), &out->api)) != QF_OK ||
        (status = read_tls(&r, qf_json_get(root, "tls"), &out->tls)) != QF_OK ||
        (status = read_tsa(&r, qf_json_get(root, "tsa"), &out->tsa)) != QF_OK ||
        (status = read_stamps(&r, qf_json_get(root, "stamps"), &out->tsa, &out->stamps)) != QF_OK ||
        (status = read_limits(&r, qf_json_get(root, "limits"), out)) != QF_OK ||
        (status = read_paths(&r, root, "archives", ARCHIVES_MAX, &out->archives,
                             &out->archive_count)) != QF_OK ||
        (status = read_paths(&r, root, "introductions", QF_INTRODUCTIONS_MAX, &out->introductions,
                             &out->introduction_count)) != QF_OK ||
        (status = read_witnesses(&r, root, out)) != QF_OK ||
        (status = read_witness(&r, qf_json_get(root, "witness"), out)) != QF_OK)
        return status;
    return read_webhooks(&r, root, out);
}

enum qf_status qf_config_read_file(struct qf_arena *arena, struct qf_slice *out, const char *path,
                                   size_t size_max, struct qf_error *err)
{
    FILE *file = fopen(path, "rbe");
    if (file == NULL)
        return qf_fail(err, errno == ENOENT ? QF_NOT_FOUND : QF_IO, path, "%s",
                       strerrordesc_np(errno));
    uint8_t *bytes = qf_arena_alloc(arena, size_max + 2);
    size_t size = fread(bytes, 1, size_max + 1, file);
    bool failed = ferror(file) != 0;
    (void)fclose(file);
    if (failed)
        return qf_fail(err, QF_IO, path, "cannot be read");
    if (size > size_max)
        return qf_fail(err, QF_OVER_LIMIT, path, "is over %zu bytes", size_max);
    bytes[size] = '\0';
    *out = qf_slice_make(bytes, size);
    return QF_OK;
}

enum qf_status qf_config_load(struct qf_arena *arena, struct qf_config *out, const char *dir,
                              struct qf_error *err)
{
    struct qf_slice text = {0};
    enum qf_status status = qf_config_read_file(
        arena, &text, qf_arena_printf(arena, "%s/" FILE_NAME, dir), QF_YAML_SIZE_MAX, err);
    if (status != QF_OK && status != QF_NOT_FOUND)
        return status;
    return qf_config_parse(arena, out, dir, text, err);
}
