#include "cli/import.h"

#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "cli/officials.h"
#include "codec/text.h"

#define MEDIA_TYPE "application/json"
#define ROLE_PREFIX "group:"
#define PAGE 1000

struct importing {
    const struct qf_import_options *options;
    struct qf_import_report *report;
    struct qf_import_log log;
    struct qf_sender *sender;
    struct qf_private_key *admin;
    struct qf_arena arena;
    const char *source;
    bool *there; /* by the event's place: recorded already, with the same hash */
    uint64_t answered;
    struct qf_cli_progress progress;
    struct qf_error *err;
};

static void refuse(struct importing *im, const struct qf_error *problem)
{
    if (im->report->refused++ == 0)
        im->report->refusal = *problem;
}

/* The name of the file up to its first dot. */
static const char *base_name(struct qf_arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *start = slash != NULL ? slash + 1 : path;
    size_t size = strcspn(start, ".");
    return size == 0 ? "log" : qf_arena_text(arena, qf_slice_make(start, size));
}

/* ---- officials ---- */

static struct qf_json group_roles(void *self, const struct qf_import_actor *actor)
{
    struct importing *im = self;
    struct qf_json list = qf_json_make_array();
    for (size_t i = 0; i < actor->group_count; i++)
        qf_json_append(&im->arena, &list,
                       qf_json_make_text(qf_arena_printf(&im->arena, ROLE_PREFIX "%.*s",
                                                         QF_SLICE_ARGS(actor->groups[i]))));
    return list;
}

static void told_registration(void *arg, uint64_t tag, const struct qf_sender_result *result)
{
    struct importing *im = arg;
    if (result->accepted || im->err->status != QF_OK)
        return;
    *im->err = result->problem;
    qf_error_within(im->err, "%s", im->log.actors[tag].id);
}

static enum qf_status register_officials(struct importing *im)
{
    struct qf_officials officials = {.arena = &im->arena,
                                     .sender = im->sender,
                                     .folder = im->options->keys,
                                     .passphrase = im->options->passphrase,
                                     .admin = im->admin,
                                     .roles = group_roles,
                                     .self = im};
    enum qf_status status =
        qf_officials_register(&officials, im->log.actors, im->log.actor_count, im->err);
    im->report->keys_made = officials.keys_made;
    return status == QF_OK ? im->err->status : status;
}

/* ---- events ---- */

static int by_id(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Ids with their hashes, "id hash", of this source that the ledger has. */
static enum qf_status read_known(struct importing *im, char ***known, size_t *count)
{
    struct qf_arena page = {0};
    struct qf_buf path = {0};
    size_t capacity = 0;
    char cursor[32] = "0";
    enum qf_status status = QF_OK;
    while (status == QF_OK && cursor[0] != '\0') {
        struct qf_json list;
        qf_arena_reset(&page);
        qf_buf_reset(&path);
        qf_buf_put_text(&path, "/v1/evidence?source=");
        qf_client_escape(&path, qf_slice_of(im->source));
        qf_buf_printf(&path, "&limit=%d&cursor=%s", PAGE, cursor);
        status = qf_client_get_json(qf_sender_client(im->sender), &page, qf_buf_text(&path), &list,
                                    NULL, im->err);
        const struct qf_json *items = status == QF_OK ? qf_json_get(&list, "items") : NULL;
        for (uint32_t i = 0; items != NULL && i < items->count; i++) {
            const struct qf_json *content = qf_json_get(&items->items[i], "content");
            struct qf_slice id;
            struct qf_slice hash;
            if (content == NULL || qf_json_get_text(content, "id", &id, NULL) != QF_OK ||
                qf_json_get_text(content, "hash", &hash, NULL) != QF_OK ||
                !qf_json_is_text(qf_json_get(&items->items[i], "status"), "recorded"))
                continue;
            if (*count == capacity) {
                capacity = capacity == 0 ? 1024 : 2 * capacity;
                *known = realloc(*known, capacity * sizeof **known);
                QF_ASSERT(*known != NULL);
            }
            (*known)[(*count)++] =
                qf_arena_printf(&im->arena, "%.*s %.*s", QF_SLICE_ARGS(id), QF_SLICE_ARGS(hash));
        }
        const struct qf_json *next = status == QF_OK ? qf_json_get(&list, "next") : NULL;
        cursor[0] = '\0';
        if (next != NULL && next->type == QF_JSON_STRING)
            snprintf(cursor, sizeof cursor, "%.*s", QF_SLICE_ARGS(qf_json_text(next)));
    }
    qf_buf_deinit(&path);
    qf_arena_deinit(&page);
    return status;
}

static void hash_text(char out[2 * QF_HASH_SIZE + 16], enum qf_hash_alg alg,
                      const uint8_t hash[QF_HASH_SIZE])
{
    char hex[2 * QF_HASH_SIZE];
    qf_hex_encode(hex, qf_slice_make(hash, QF_HASH_SIZE));
    snprintf(out, 2 * QF_HASH_SIZE + 16, "%s:%.*s", qf_hash_alg_name(alg), (int)sizeof hex, hex);
}

static enum qf_status find_there(struct importing *im)
{
    char **known = NULL;
    size_t count = 0;
    enum qf_status status = read_known(im, &known, &count);
    if (count > 0)
        qsort(known, count, sizeof *known, by_id);
    im->there = calloc(im->log.event_count + 1, sizeof *im->there);
    QF_ASSERT(im->there != NULL);
    for (size_t i = 0; i < im->log.event_count && status == QF_OK && count > 0; i++) {
        const struct qf_import_event *event = &im->log.events[i];
        char id[QF_ID_SIZE_MAX + 1];
        char hash[2 * QF_HASH_SIZE + 16];
        char line[sizeof id + sizeof hash];
        qf_import_id(id, &im->log, event);
        hash_text(hash, im->log.alg, event->hash);
        snprintf(line, sizeof line, "%s %s", id, hash);
        const char *key = line;
        im->there[i] = bsearch(&key, known, count, sizeof *known, by_id) != NULL;
    }
    free(known);
    return status;
}

static void put_attribute(struct qf_arena *arena, struct qf_json *object, const char *name,
                          struct qf_slice value)
{
    if (value.size > 0)
        qf_json_put(arena, object, name, qf_json_make_slice(value));
}

static enum qf_status send_event(struct importing *im, size_t i)
{
    const struct qf_import_event *event = &im->log.events[i];
    const struct qf_import_actor *actor = &im->log.actors[event->actor];
    char id[QF_ID_SIZE_MAX + 1];
    char hash[2 * QF_HASH_SIZE + 16];
    struct qf_arena arena = {0};
    struct qf_json attributes = qf_json_make_object();
    struct qf_json op = qf_json_make_object();
    struct qf_json ops = qf_json_make_array();
    qf_import_id(id, &im->log, event);
    hash_text(hash, im->log.alg, event->hash);
    put_attribute(&arena, &attributes, "activity", event->activity);
    put_attribute(&arena, &attributes, "case", event->trace);
    put_attribute(&arena, &attributes, "group", event->group);
    put_attribute(&arena, &attributes, "lifecycle", event->lifecycle);
    put_attribute(&arena, &attributes, "time", event->time);
    qf_json_put(&arena, &op, "op", qf_json_make_text("evidence.record"));
    qf_json_put(&arena, &op, "id", qf_json_make_text(id));
    qf_json_put(&arena, &op, "hash", qf_json_make_text(hash));
    qf_json_put(&arena, &op, "media_type", qf_json_make_text(MEDIA_TYPE));
    qf_json_put(&arena, &op, "size", qf_json_make_int(event->size));
    qf_json_put(&arena, &op, "source", qf_json_make_text(im->source));
    qf_json_put(&arena, &op, "attributes", attributes);
    qf_json_append(&arena, &ops, op);
    enum qf_status status = qf_sender_add(im->sender, actor->key, &ops, i, im->err);
    qf_arena_deinit(&arena);
    return status;
}

static void told_event(void *arg, uint64_t tag, const struct qf_sender_result *result)
{
    struct importing *im = arg;
    struct qf_import_report *report = im->report;
    im->answered++;
    qf_cli_progress_show(&im->progress, im->answered);
    if (result->accepted) {
        if (report->recorded++ == 0)
            snprintf(report->first_tx, sizeof report->first_tx, "%s", result->id);
        return;
    }
    struct qf_error problem = result->problem;
    char id[QF_ID_SIZE_MAX + 1];
    qf_import_id(id, &im->log, &im->log.events[tag]);
    qf_error_within(&problem, "%s", id);
    problem.status = result->code;
    refuse(im, &problem);
}

static void told(void *arg, uint64_t tag, const struct qf_sender_result *result)
{
    struct importing *im = arg;
    if (im->there == NULL)
        told_registration(im, tag, result);
    else
        told_event(im, tag, result);
}

static enum qf_status send_events(struct importing *im)
{
    enum qf_status status = find_there(im);
    if (status != QF_OK)
        return status;
    qf_cli_progress_start(&im->progress, "recording events", im->log.event_count);
    for (size_t i = 0; i < im->log.event_count && status == QF_OK; i++) {
        if (im->there[i]) {
            im->report->there_already++;
            im->answered++;
            continue;
        }
        status = send_event(im, i);
    }
    if (status == QF_OK)
        status = qf_sender_flush(im->sender, im->err);
    qf_cli_progress_end(&im->progress, im->answered);
    return status;
}

static enum qf_status import(struct importing *im)
{
    const struct qf_import_options *options = im->options;
    enum qf_status status = QF_OK;
    if (!options->dry_run)
        status =
            strncmp(options->admin_key, "pkcs11:", 7) == 0
                ? qf_private_key_open_pkcs11(&im->admin, options->admin_key, options->passphrase,
                                             im->err)
                : qf_private_key_load(&im->admin, options->admin_key, options->passphrase, im->err);
    if (status == QF_OK)
        status = qf_sender_new(&im->sender, options->node, im->admin, told, im, im->err);
    if (status != QF_OK)
        return status;
    im->log.alg = qf_suite_hash(qf_sender_rules(im->sender)->suite);
    im->log.print = options->dry_run;
    im->log.name = options->name != NULL ? options->name : base_name(&im->arena, options->file);
    im->source = qf_arena_printf(&im->arena, "xes:%s", im->log.name);
    status = qf_import_log_read(&im->log, options->file, im->err);
    if (status == QF_OK && !options->dry_run)
        status = register_officials(im);
    if (status == QF_OK && !options->dry_run)
        status = send_events(im);
    im->report->cases = im->log.case_count;
    im->report->events = im->log.event_count;
    im->report->groups = im->log.group_count;
    im->report->actors = im->log.actor_count;
    return status;
}

enum qf_status qf_import_xes(const struct qf_import_options *options,
                             struct qf_import_report *report, struct qf_error *err)
{
    struct qf_clock clock = qf_clock_system();
    int64_t start = clock.now_ms(clock.self);
    *report = (struct qf_import_report){0};
    *err = (struct qf_error){0};
    struct importing im = {.options = options, .report = report, .err = err};
    enum qf_status status = import(&im);
    report->milliseconds = clock.now_ms(clock.self) - start;
    qf_sender_free(im.sender);
    qf_private_key_free(im.admin);
    qf_import_log_deinit(&im.log);
    qf_arena_deinit(&im.arena);
    free(im.there);
    return status;
}
