#include "cli/import_log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#include "codec/text.h"
#include "codec/utf8.h"

#define GROUPS_MAX 4096
#define LABEL_SIZE_MAX 512 /* bytes of a text that becomes an attribute */
#define NOBODY "unattributed"

/* ---- what is hashed ---- */

static struct qf_json children_json(struct qf_arena *arena, const struct qf_xes_attr *attr,
                                    struct qf_error *err);

static struct qf_json plain_value(const struct qf_xes_attr *attr)
{
    struct qf_slice text = attr->value;
    if (attr->type == QF_XES_BOOLEAN && qf_slice_is(text, "true"))
        return qf_json_make_bool(true);
    if (attr->type == QF_XES_BOOLEAN && qf_slice_is(text, "false"))
        return qf_json_make_bool(false);
    struct qf_json number;
    struct qf_arena arena = {0};
    bool whole = attr->type == QF_XES_INT &&
                 qf_json_parse(&arena, &number, text, QF_JSON_CANONICAL, NULL) == QF_OK &&
                 number.type == QF_JSON_INT;
    qf_arena_deinit(&arena);
    return whole ? number : qf_json_make_slice(text);
}

static struct qf_json value_json(struct qf_arena *arena, const struct qf_xes_attr *attr,
                                 struct qf_error *err)
{
    if (attr->type == QF_XES_LIST) {
        struct qf_json list = qf_json_make_array();
        for (const struct qf_xes_attr *item = attr->child; item != NULL; item = item->next) {
            struct qf_json object = qf_json_make_object();
            qf_json_put(arena, &object, qf_arena_text(arena, item->key),
                        value_json(arena, item, err));
            qf_json_append(arena, &list, object);
        }
        return list;
    }
    if (attr->type == QF_XES_CONTAINER)
        return children_json(arena, attr->child, err);
    if (attr->child == NULL)
        return plain_value(attr);
    struct qf_json object = qf_json_make_object();
    qf_json_put(arena, &object, "children", children_json(arena, attr->child, err));
    qf_json_put(arena, &object, "value", plain_value(attr));
    return object;
}

static struct qf_json children_json(struct qf_arena *arena, const struct qf_xes_attr *attr,
                                    struct qf_error *err)
{
    struct qf_json object = qf_json_make_object();
    for (; attr != NULL; attr = attr->next) {
        if (qf_json_get_slice(&object, attr->key) != NULL && err->status == QF_OK)
            (void)qf_fail(err, QF_MALFORMED, "event", "the attribute %.*s stands twice",
                          (int)(attr->key.size < 64 ? attr->key.size : 64), attr->key.data);
        qf_json_put(arena, &object, qf_arena_text(arena, attr->key), value_json(arena, attr, err));
    }
    return object;
}

/* {"case":…,"event":{…},"log":…,"n":…} */
static enum qf_status hash_event(struct qf_import_log *log, struct qf_import_event *event,
                                 const struct qf_xes_event *source, struct qf_error *err)
{
    struct qf_arena arena = {0};
    struct qf_buf text = {0};
    struct qf_error problem = {0};
    struct qf_json object = qf_json_make_object();
    qf_json_put(&arena, &object, "case", qf_json_make_slice(event->trace));
    qf_json_put(&arena, &object, "event", children_json(&arena, source->attrs, &problem));
    qf_json_put(&arena, &object, "log", qf_json_make_text(log->name));
    qf_json_put(&arena, &object, "n", qf_json_make_int(event->number));
    qf_json_write(&text, &object);
    enum qf_status status = problem.status;
    if (status == QF_OK)
        status = qf_buf_status(&text);
    event->size = (int64_t)text.size;
    qf_hash(log->alg, event->hash, qf_buf_slice(&text));
    if (status == QF_OK && log->print) {
        char id[QF_ID_SIZE_MAX + 1];
        char hash[2 * QF_HASH_SIZE];
        qf_import_id(id, log, event);
        qf_hex_encode(hash, qf_slice_make(event->hash, QF_HASH_SIZE));
        printf("{\"content\":%s,\"hash\":\"%s:%.*s\",\"id\":\"%s\"}\n", qf_buf_text(&text),
               qf_hash_alg_name(log->alg), (int)sizeof hash, hash, id);
    }
    qf_buf_deinit(&text);
    qf_arena_deinit(&arena);
    if (status != QF_OK)
        return qf_fail(err, status, problem.field, "case %.*s: %s",
                       (int)(event->trace.size < 64 ? event->trace.size : 64), event->trace.data,
                       problem.detail);
    return QF_OK;
}

/* ---- names ---- */

static bool id_byte(uint8_t c, bool file_name)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || (!file_name && (c == ':' || c == '/'));
}

/* Other bytes become _XX in hex, so that different names stay different; what gets too long is
 * replaced by its hash. */
void qf_import_put_name(struct qf_buf *out, struct qf_slice name, bool file_name, size_t size_max)
{
    size_t start = out->size;
    for (size_t i = 0; i < name.size; i++) {
        if (id_byte(name.data[i], file_name) && !(file_name && i == 0 && name.data[i] == '.'))
            qf_buf_put_byte(out, name.data[i]);
        else
            qf_buf_printf(out, "_%02X", name.data[i]);
    }
    if (out->size - start <= size_max && name.size > 0)
        return;
    uint8_t hash[QF_HASH_SIZE];
    qf_hash(QF_HASH_SHA256, hash, name);
    out->size = start;
    qf_buf_put_hex(out, qf_slice_make(hash, 16));
}

void qf_import_id(char out[QF_ID_SIZE_MAX + 1], const struct qf_import_log *log,
                  const struct qf_import_event *event)
{
    struct qf_buf text = {0};
    qf_import_put_name(&text, qf_slice_of(log->name), true, 40);
    qf_buf_put_byte(&text, '/');
    qf_import_put_name(&text, event->trace, false, 70);
    qf_buf_printf(&text, "/%u", event->number);
    snprintf(out, QF_ID_SIZE_MAX + 1, "%s", qf_buf_text(&text));
    qf_buf_deinit(&text);
}

/* A text as a field may hold it: without control characters, cut at a whole character. */
static struct qf_slice label(struct qf_arena *arena, struct qf_slice text, size_t size_max)
{
    size_t size = 0;
    while (size < text.size) {
        size_t step = qf_utf8_size(text.data + size, text.data + text.size);
        if (step == 0 || size + step > size_max)
            break;
        size += step;
    }
    char *copy = qf_arena_text(arena, qf_slice_make(text.data, size));
    for (size_t i = 0; i < size; i++)
        if ((uint8_t)copy[i] < 0x20 || copy[i] == 0x7F)
            copy[i] = ' ';
    return qf_slice_make(copy, size);
}

/* ---- actors and groups ---- */

static uint32_t *actor_slot(struct qf_import_log *log, struct qf_slice name)
{
    uint8_t hash[QF_HASH_SIZE];
    qf_hash(QF_HASH_SHA256, hash, name);
    size_t at = (size_t)hash[0] | (size_t)hash[1] << 8 | (size_t)hash[2] << 16;
    for (at %= log->actor_slot_count;; at = (at + 1) % log->actor_slot_count)
        if (log->actor_slots[at] == 0 ||
            qf_slice_equal(log->actors[log->actor_slots[at] - 1].name, name))
            return &log->actor_slots[at];
}

enum qf_status qf_import_find_actor(struct qf_import_log *log, struct qf_slice name, uint32_t *out,
                                    struct qf_error *err)
{
    if (name.size == 0)
        name = qf_slice_of(NOBODY);
    uint32_t *slot = actor_slot(log, name);
    if (*slot == 0) {
        if (log->actor_count == QF_IMPORT_ACTORS_MAX)
            return qf_fail(err, QF_OVER_LIMIT, "org:resource", "more than %d officials",
                           QF_IMPORT_ACTORS_MAX);
        if (log->actor_count == log->actor_capacity) {
            size_t capacity = log->actor_capacity == 0 ? 64 : 2 * log->actor_capacity;
            struct qf_import_actor *grown = realloc(log->actors, capacity * sizeof *grown);
            if (grown == NULL)
                return qf_fail(err, QF_NO_MEMORY, "", "no memory");
            log->actors = grown;
            log->actor_capacity = capacity;
        }
        struct qf_buf id = {0};
        qf_import_put_name(&id, name, true, 100);
        log->actors[log->actor_count] =
            (struct qf_import_actor){.name = qf_arena_copy(&log->arena, name),
                                     .id = qf_arena_text(&log->arena, qf_buf_slice(&id))};
        qf_buf_deinit(&id);
        *slot = (uint32_t)++log->actor_count;
    }
    *out = *slot - 1;
    return QF_OK;
}

static bool add_text(struct qf_slice *list, size_t *count, size_t max, struct qf_slice text)
{
    for (size_t i = 0; i < *count; i++)
        if (qf_slice_equal(list[i], text))
            return false;
    if (*count < max)
        list[(*count)++] = text;
    return true;
}

void qf_import_note_group(struct qf_import_log *log, struct qf_import_actor *actor,
                          struct qf_slice group)
{
    if (group.size == 0)
        return;
    for (size_t i = 0; i < actor->group_count; i++)
        if (qf_slice_equal(actor->groups[i], group))
            return;
    struct qf_slice copy = qf_arena_copy(&log->arena, group);
    /* Beyond the limit of roles an official keeps the first ones. */
    (void)add_text(actor->groups, &actor->group_count, QF_ROLES_MAX, copy);
    (void)add_text(log->groups, &log->group_count, GROUPS_MAX, copy);
}

/* ---- reading ---- */

static enum qf_status add_event(struct qf_import_log *log, struct qf_slice trace, uint32_t number,
                                const struct qf_xes_event *source, struct qf_error *err)
{
    if (log->event_count == QF_IMPORT_EVENTS_MAX)
        return qf_fail(err, QF_OVER_LIMIT, "event", "at most %d events are taken in at once",
                       QF_IMPORT_EVENTS_MAX);
    if (log->event_count == log->event_capacity) {
        size_t capacity = log->event_capacity == 0 ? 4096 : 2 * log->event_capacity;
        struct qf_import_event *grown = realloc(log->events, capacity * sizeof *grown);
        if (grown == NULL)
            return qf_fail(err, QF_NO_MEMORY, "", "no memory");
        log->events = grown;
        log->event_capacity = capacity;
    }
    struct qf_import_event *event = &log->events[log->event_count];
    *event = (struct qf_import_event){
        .number = number,
        .place = log->event_count,
        .trace = trace,
        .activity = label(&log->arena, source->activity, LABEL_SIZE_MAX),
        .time = label(&log->arena, source->timestamp, LABEL_SIZE_MAX),
        .group = label(&log->arena, source->group, 48),
        .lifecycle = label(&log->arena, source->lifecycle, LABEL_SIZE_MAX)};
    if (!qf_xes_time(&event->time_ms, source->timestamp))
        return qf_fail(err, QF_MALFORMED, "time:timestamp",
                       "event %u of case %.*s has no time by which it could be ordered", number,
                       (int)(trace.size < 64 ? trace.size : 64), trace.data);
    enum qf_status status = qf_import_find_actor(log, source->resource, &event->actor, err);
    if (status != QF_OK)
        return status;
    qf_import_note_group(log, &log->actors[event->actor], event->group);
    log->event_count++;
    return hash_event(log, event, source, err);
}

static enum qf_status take_trace(void *self, const struct qf_xes_trace *trace, struct qf_error *err)
{
    struct qf_import_log *log = self;
    uint32_t number = 0;
    log->case_count++;
    struct qf_slice name = trace->name;
    if (name.size == 0)
        name =
            qf_slice_of(qf_arena_printf(&log->arena, "%llu", (unsigned long long)log->case_count));
    name = label(&log->arena, name, LABEL_SIZE_MAX);
    enum qf_status status = QF_OK;
    for (const struct qf_xes_event *event = trace->events; event != NULL && status == QF_OK;
         event = event->next)
        status = add_event(log, name, ++number, event, err);
    return status;
}

static int by_time(const void *a, const void *b)
{
    const struct qf_import_event *x = a;
    const struct qf_import_event *y = b;
    if (x->time_ms != y->time_ms)
        return x->time_ms < y->time_ms ? -1 : 1;
    return (x->place > y->place) - (x->place < y->place);
}

enum qf_status qf_import_log_init(struct qf_import_log *log, struct qf_error *err)
{
    log->actor_slot_count = 4UL * QF_IMPORT_ACTORS_MAX;
    log->actor_slots = calloc(log->actor_slot_count, sizeof *log->actor_slots);
    log->groups = calloc(GROUPS_MAX, sizeof *log->groups);
    if (log->actor_slots == NULL || log->groups == NULL)
        return qf_fail(err, QF_NO_MEMORY, "", "no memory");
    return QF_OK;
}

enum qf_status qf_import_feed(const struct qf_xes_handler *handler, const char *path,
                              struct qf_error *err)
{
    struct qf_xes_reader *reader = qf_xes_reader_new(handler, QF_IMPORT_SIZE_MAX);
    if (reader == NULL)
        return qf_fail(err, QF_NO_MEMORY, "", "no memory");
    gzFile file = gzopen(path, "rbe"); /* reads plain files as they are */
    enum qf_status status = QF_OK;
    if (file == NULL)
        status = qf_fail(err, QF_IO, path, "cannot be read: %s", strerrordesc_np(errno));
    while (status == QF_OK) {
        uint8_t part[65536];
        int got = gzread(file, part, sizeof part);
        int code = Z_OK;
        if (got < 0) {
            const char *reason = gzerror(file, &code);
            status = qf_fail(err, code == Z_ERRNO ? QF_IO : QF_MALFORMED, path,
                             "cannot be unpacked: %s", reason);
        }
        if (got <= 0)
            break;
        status = qf_xes_reader_feed(reader, qf_slice_make(part, (size_t)got), err);
    }
    if (file != NULL && gzclose_r(file) != Z_OK && status == QF_OK)
        status = qf_fail(err, QF_MALFORMED, path, "the packed file ends too early");
    if (status == QF_OK)
        status = qf_xes_reader_finish(reader, err);
    qf_xes_reader_free(reader);
    return status;
}

enum qf_status qf_import_log_read(struct qf_import_log *log, const char *path, struct qf_error *err)
{
    const struct qf_xes_handler handler = {.trace = take_trace, .self = log};
    enum qf_status status = qf_import_log_init(log, err);
    if (status == QF_OK)
        status = qf_import_feed(&handler, path, err);
    if (status == QF_OK && log->event_count > 0)
        qsort(log->events, log->event_count, sizeof *log->events, by_time);
    return status;
}

void qf_import_log_deinit(struct qf_import_log *log)
{
    for (size_t i = 0; i < log->actor_count; i++)
        qf_private_key_free(log->actors[i].key);
    free(log->events);
    free(log->actors);
    free(log->actor_slots);
    free(log->groups);
    qf_arena_deinit(&log->arena);
    *log = (struct qf_import_log){0};
}
