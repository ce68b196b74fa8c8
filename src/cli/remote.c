#include "cli/remote.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "codec/time.h"

static void told(void *arg, uint64_t tag, const struct qf_sender_result *result)
{
    struct qf_sender_result *answer = arg;
    (void)tag;
    *answer = *result;
}

static enum qf_status begin(struct qf_remote *out, const char *lang, struct qf_error *err)
{
    *out = (struct qf_remote){.package = qf_json_make_object()};
    const char *own = getenv("LANG"); /* NOLINT(concurrency-mt-unsafe) */
    out->lang = lang != NULL ? lang : own != NULL && strncmp(own, "zh", 2) == 0 ? "zh" : "en";
    if (strcmp(out->lang, "zh") != 0 && strcmp(out->lang, "en") != 0)
        return qf_fail(err, QF_USAGE, "--lang", "want zh or en");
    return QF_OK;
}

enum qf_status qf_remote_open(struct qf_remote *out, const char *node, const char *key,
                              const char *passphrase_file, const char *lang, struct qf_error *err)
{
    enum qf_status status = begin(out, lang, err);
    if (status != QF_OK)
        return status;
    if (key != NULL)
        status = qf_cli_load_key(&out->key, key, passphrase_file, err);
    if (status == QF_OK)
        status = qf_sender_new(&out->sender, node, out->key, told, &out->answer, err);
    if (status == QF_OK)
        out->client = qf_sender_client(out->sender);
    return status;
}

enum qf_status qf_remote_offline(struct qf_remote *out, const struct qf_json *records,
                                 const char *lang, struct qf_error *err)
{
    enum qf_status status = begin(out, lang, err);
    out->records = records;
    return status;
}

void qf_remote_close(struct qf_remote *remote)
{
    qf_service_free(remote->model);
    qf_sender_free(remote->sender);
    qf_private_key_free(remote->key);
    qf_arena_deinit(&remote->arena);
}

enum qf_status qf_remote_get(struct qf_remote *remote, struct qf_json *out, struct qf_error *err,
                             const char *fmt, ...)
{
    char path[600];
    va_list args;
    va_start(args, fmt);
    int size = vsnprintf(path, sizeof path, fmt, args);
    va_end(args);
    if (size < 0 || (size_t)size >= sizeof path)
        return qf_fail(err, QF_USAGE, "", "the address is too long");
    return qf_client_get_json(remote->client, &remote->arena, path, out, NULL, err);
}

enum qf_status qf_remote_send(struct qf_remote *remote, struct qf_json op, struct qf_error *err)
{
    struct qf_json ops = qf_json_make_array();
    if (remote->on_behalf != NULL)
        qf_json_put(&remote->arena, &op, "on_behalf", qf_json_make_text(remote->on_behalf));
    qf_json_append(&remote->arena, &ops, op);
    enum qf_status status = qf_sender_add(remote->sender, remote->key, &ops, 0, err);
    if (status == QF_OK)
        status = qf_sender_flush(remote->sender, err);
    if (status == QF_OK && !remote->answer.accepted) {
        *err = remote->answer.problem;
        status = err->status = remote->answer.code;
        /* What nobody has taken needs no opening, and the name is free for the next try. */
        if (remote->revealed != NULL)
            (void)unlink(remote->revealed);
    }
    return status;
}

enum qf_status qf_remote_act(struct qf_remote *remote, struct qf_json op, bool json,
                             const char *done, struct qf_error *err)
{
    enum qf_status status = qf_remote_send(remote, op, err);
    if (status != QF_OK)
        return status;
    if (!json) {
        printf("%s\n  tx    %s\n  leaf  %lld\n", done, remote->answer.id,
               (long long)remote->answer.leaf);
        return QF_OK;
    }
    struct qf_json object = qf_json_make_object();
    qf_json_put(&remote->arena, &object, "leaf", qf_json_make_int(remote->answer.leaf));
    qf_json_put(&remote->arena, &object, "time", qf_json_make_int(remote->answer.time_ms));
    qf_json_put(&remote->arena, &object, "tx", qf_json_make_text(remote->answer.id));
    qf_cli_print_json(&object);
    return QF_OK;
}

enum qf_status qf_remote_whoami(struct qf_remote *remote, struct qf_json *out, struct qf_error *err)
{
    struct qf_public_key public;
    char kid[QF_KID_SIZE + 1];
    qf_private_key_public(remote->key, &public);
    qf_public_key_kid(kid, &public);
    return qf_remote_get(remote, out, err, "/v1/keys/%s", kid);
}

static enum qf_status record_of(struct qf_remote *remote, struct qf_slice *out, const char *kind,
                                struct qf_slice service, struct qf_slice version,
                                struct qf_error *err)
{
    struct qf_json proof;
    const char *key = qf_arena_printf(&remote->arena, "service/%s/%.*s/%.*s", kind,
                                      QF_SLICE_ARGS(service), QF_SLICE_ARGS(version));
    for (uint32_t i = 0; remote->records != NULL && i < remote->records->count; i++)
        if (qf_json_is_text(qf_json_get(&remote->records->items[i], "key"), key))
            return qf_json_get_text(&remote->records->items[i], "value", out, err);
    if (remote->records != NULL)
        return qf_fail(err, QF_CANNOT_TELL, "records", "the bundle has no %s", key);
    enum qf_status status = qf_remote_get(remote, &proof, err, "/v1/state/%s", key);
    if (status != QF_OK)
        return status;
    if (qf_json_get_text(&proof, "value", out, NULL) != QF_OK)
        return qf_fail(err, QF_NOT_FOUND, "service", "%.*s %.*s is not deployed on this network",
                       QF_SLICE_ARGS(service), QF_SLICE_ARGS(version));
    return QF_OK;
}

enum qf_status qf_remote_service(struct qf_remote *remote, struct qf_slice service,
                                 struct qf_slice version, struct qf_error *err)
{
    struct qf_slice text = {0}, record = {0}, hash = {0};
    struct qf_json value;
    enum qf_status status = record_of(remote, &text, "package", service, version, err);
    if (status == QF_OK)
        status = record_of(remote, &record, "version", service, version, err);
    if (status == QF_OK)
        status = qf_json_parse(&remote->arena, &value, record, QF_JSON_ANY, err);
    if (status == QF_OK)
        status = qf_json_get_text(&value, "hash", &hash, err);
    if (status == QF_OK)
        status = qf_json_parse(&remote->arena, &remote->package, text, QF_JSON_ANY, err);
    if (status != QF_OK)
        return status;
    qf_service_free(remote->model);
    remote->model = NULL;
    return qf_service_compile(&remote->model, text, hash, err);
}

enum qf_status qf_remote_case(struct qf_remote *remote, struct qf_json *out, const char *id,
                              struct qf_error *err)
{
    struct qf_slice service, version;
    if (!qf_member_id_valid(qf_slice_of(id)))
        return qf_fail(err, QF_USAGE, "CASE", "an id has 1 to 48 of A-Z a-z 0-9 . _ -");
    enum qf_status status = qf_remote_get(remote, out, err, "/v1/cases/%s", id);
    if (status == QF_OK)
        status = qf_json_get_text(out, "service", &service, err);
    if (status == QF_OK)
        status = qf_json_get_text(out, "version", &version, err);
    if (status != QF_OK)
        return status;
    remote->version = qf_arena_copy(&remote->arena, version);
    return qf_remote_service(remote, service, version, err);
}

enum qf_status qf_remote_decision(struct qf_remote *remote, const struct qf_json *record,
                                  struct qf_error *err)
{
    struct qf_slice version = remote->version;
    if (qf_json_get(record, "version") != NULL &&
        qf_json_get_text(record, "version", &version, err) != QF_OK)
        return QF_BAD_FIELD;
    if (remote->model == NULL)
        return qf_fail(err, QF_NOT_FOUND, "version", "its package could not be read");
    if (qf_slice_equal(version, remote->model->version))
        return QF_OK;
    return qf_remote_service(remote, qf_arena_copy(&remote->arena, remote->model->id), version,
                             err);
}

/* ---- words ---- */

const char *qf_remote_titles(struct qf_remote *remote, const struct qf_json *titled,
                             struct qf_slice key)
{
    const struct qf_json *titles = titled != NULL ? qf_json_get(titled, "titles") : NULL;
    const struct qf_json *text = titles != NULL ? qf_json_get(titles, remote->lang) : NULL;
    return qf_arena_text(&remote->arena,
                         text != NULL && text->type == QF_JSON_STRING ? qf_json_text(text) : key);
}

const char *qf_remote_word(struct qf_remote *remote, const char *group, const char *within,
                           struct qf_slice key)
{
    const struct qf_json *texts = qf_json_get(&remote->package, "texts");
    const struct qf_json *lang = texts != NULL ? qf_json_get(texts, remote->lang) : NULL;
    const struct qf_json *words = lang != NULL ? qf_json_get(lang, group) : NULL;
    if (words != NULL && within != NULL)
        words = qf_json_get(words, within);
    const struct qf_json *word = words != NULL ? qf_json_get_slice(words, key) : NULL;
    if (word != NULL && word->type == QF_JSON_OBJECT)
        word = qf_json_get(word, "title");
    return qf_arena_text(&remote->arena,
                         word != NULL && word->type == QF_JSON_STRING ? qf_json_text(word) : key);
}

const char *qf_remote_node(struct qf_remote *remote, struct qf_slice node)
{
    static const char *const groups[] = {"tasks", "steps"};
    for (size_t i = 0; i < 2; i++) {
        const char *word = qf_remote_word(remote, groups[i], NULL, node);
        if (!qf_slice_is(node, word))
            return word;
    }
    uint16_t at =
        remote->model != NULL ? qf_bpmn_find_node(&remote->model->bpmn, node) : QF_BPMN_NONE;
    bool named = at != QF_BPMN_NONE && remote->model->bpmn.nodes[at].name.size > 0;
    return qf_arena_text(&remote->arena, named ? remote->model->bpmn.nodes[at].name : node);
}

const char *qf_remote_decision_name(struct qf_remote *remote, struct qf_slice decision)
{
    const struct qf_bpmn_model *bpmn = remote->model != NULL ? &remote->model->bpmn : NULL;
    const char *name = NULL;
    for (uint16_t i = 0; bpmn != NULL && name == NULL && i < bpmn->node_count; i++)
        if (qf_slice_equal(bpmn->nodes[i].ext.decision, decision))
            name = qf_remote_node(remote, bpmn->nodes[i].id);
    if (name == NULL || qf_slice_is(decision, name))
        return qf_arena_text(&remote->arena, decision);
    return strcmp(remote->lang, "zh") == 0
               ? qf_arena_printf(&remote->arena, "%s（%.*s）", name, QF_SLICE_ARGS(decision))
               : qf_arena_printf(&remote->arena, "%s (%.*s)", name, QF_SLICE_ARGS(decision));
}

const char *qf_remote_role(struct qf_remote *remote, struct qf_slice role)
{
    const struct qf_json *manifest = qf_json_get(&remote->package, "manifest");
    const struct qf_json *list = manifest != NULL ? qf_json_get(manifest, "participants") : NULL;
    for (uint32_t i = 0; list != NULL && i < list->count; i++) {
        const struct qf_json *name = qf_json_get(&list->items[i], "role");
        if (name != NULL && qf_slice_equal(qf_json_text(name), role))
            return qf_remote_titles(remote, &list->items[i], role);
    }
    return qf_arena_text(&remote->arena, role);
}

const char *qf_remote_field(struct qf_remote *remote, struct qf_slice field)
{
    const struct qf_json *manifest = qf_json_get(&remote->package, "manifest");
    const struct qf_json *fields = manifest != NULL ? qf_json_get(manifest, "fields") : NULL;
    return qf_remote_titles(remote, fields != NULL ? qf_json_get_slice(fields, field) : NULL,
                            field);
}

const char *qf_remote_time(struct qf_remote *remote, int64_t ms)
{
    char text[QF_TIME_TEXT_SIZE];
    qf_time_format(text, ms + QF_SERVICE_ZONE_MINUTES * 60000LL);
    text[10] = ' ';
    return qf_arena_text(&remote->arena, qf_slice_make(text, 16));
}

const char *qf_remote_due(struct qf_remote *remote, int64_t ms)
{
    const char *text = qf_remote_time(remote, ms);
    if (strcmp(text + 10, " 00:00") != 0)
        return text;
    return qf_arena_printf(&remote->arena, "%.10s 24:00", qf_remote_time(remote, ms - 60000));
}

const char *qf_remote_plain(struct qf_remote *remote, const struct qf_json *value)
{
    const bool zh = strcmp(remote->lang, "zh") == 0;
    if (value->type == QF_JSON_TRUE)
        return zh ? "是" : "yes";
    if (value->type == QF_JSON_FALSE)
        return zh ? "否" : "no";
    return qf_remote_value(remote, value);
}

const char *qf_remote_value(struct qf_remote *remote, const struct qf_json *value)
{
    if (value->type == QF_JSON_STRING)
        return qf_arena_text(&remote->arena, qf_json_text(value));
    struct qf_buf text = {0};
    qf_json_write(&text, value);
    const char *out = qf_arena_text(&remote->arena, qf_buf_slice(&text));
    qf_buf_deinit(&text);
    return out;
}
