#include "cli/case_xes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

#include "cli/sender.h"

#define PAGE 1000
#define TIME_MS_MAX 253402300799999 /* the end of the year 9999 */

static const struct {
    const char *kind;
    const char *lifecycle;
    bool completes;
} kinds[] = {
    {"completed", "complete", true},  {"voted", "complete", true},
    {"unplanned", "complete", true},  {"message", "complete", true},
    {"approved", "complete", true},   {"refused", "complete", true},
    {"automatic", "complete", true},  {"decided", "complete", true},
    {"claimed", "assign", false},     {"released", "unknown", false},
    {"delegated", "reassign", false}, {"begun", "start", false},
    {"withdrawn", "pi_abort", false}, {"timer", "complete", false},
};

static bool completes(const struct qf_json *item, const char **lifecycle)
{
    const struct qf_json *kind = qf_json_get(item, "kind");
    *lifecycle = "unknown";
    for (size_t i = 0; kind != NULL && i < sizeof kinds / sizeof kinds[0]; i++)
        if (qf_json_is_text(kind, kinds[i].kind)) {
            *lifecycle = kinds[i].lifecycle;
            return kinds[i].completes;
        }
    return false;
}

static struct qf_slice text_of(const struct qf_json *object, const char *name)
{
    const struct qf_json *value = object == NULL ? NULL : qf_json_get(object, name);
    struct qf_slice none = {NULL, 0};
    return value != NULL && value->type == QF_JSON_STRING ? qf_json_text(value) : none;
}

/* ---- one event ---- */

/* Dates are known by their form, as a log may have put them there. */
static bool is_date(struct qf_slice text)
{
    int64_t ms;
    return text.size >= 19 && text.data[10] == 'T' && qf_xes_time(&ms, text);
}

static void add_value(struct qf_arena *arena, struct qf_xes_attr **attrs, const char *key,
                      const struct qf_json *value)
{
    if (value->type == QF_JSON_INT)
        qf_xes_add(arena, attrs, QF_XES_INT, key,
                   qf_slice_of(qf_arena_printf(arena, "%lld", (long long)value->integer)));
    else if (value->type == QF_JSON_STRING)
        qf_xes_add(arena, attrs, is_date(qf_json_text(value)) ? QF_XES_DATE : QF_XES_STRING, key,
                   qf_json_text(value));
}

static void add_text(struct qf_arena *arena, struct qf_xes_attr **attrs, const char *key,
                     struct qf_slice text)
{
    if (text.size > 0)
        qf_xes_add(arena, attrs, QF_XES_STRING, key, text);
}

/* What the other system said goes before what the ledger would say. */
static void add_own(struct qf_arena *arena, struct qf_xes_attr **attrs,
                    const struct qf_json *attributes, const char *key, struct qf_slice text)
{
    if (attributes == NULL || qf_json_get(attributes, key) == NULL)
        add_text(arena, attrs, key, text);
}

/* Names that stand in the event already, by the ledger's own knowledge. */
static bool is_reserved(const struct qf_xes_attr *attrs, struct qf_slice key)
{
    for (; attrs != NULL; attrs = attrs->next)
        if (qf_slice_equal(attrs->key, key))
            return true;
    return qf_slice_is(key, "time:timestamp") ||
           (key.size >= 7 && memcmp(key.data, "qifeng:", 7) == 0);
}

static void add_attributes(struct qf_arena *arena, struct qf_xes_attr **attrs,
                           const struct qf_json *attributes)
{
    if (attributes == NULL || attributes->type != QF_JSON_OBJECT)
        return;
    for (uint32_t i = 0; i < attributes->count; i++)
        if (!is_reserved(*attrs, attributes->members[i].key))
            add_value(arena, attrs, qf_arena_text(arena, attributes->members[i].key),
                      &attributes->members[i].value);
}

static struct qf_slice activity_of(struct qf_arena *arena, const struct qf_json *item)
{
    struct qf_slice activity = text_of(item, "activity"), kind = text_of(item, "kind");
    if (activity.size > 0)
        return activity;
    return qf_slice_of(qf_arena_printf(arena, "case %.*s", QF_SLICE_ARGS(kind)));
}

static struct qf_xes_event *make_event(struct qf_arena *arena, const struct qf_json *item,
                                       const char *lifecycle)
{
    struct qf_xes_event *event = QF_ARENA_NEW(arena, struct qf_xes_event);
    const struct qf_json *imported = qf_json_get(item, "imported");
    const struct qf_json *given = imported != NULL ? qf_json_get(imported, "attributes") : NULL;
    const struct qf_json *leaf = qf_json_get(item, "leaf"), *time = qf_json_get(item, "time");
    struct qf_slice kind = text_of(item, "kind"), when = text_of(imported, "time");
    struct qf_xes_attr **attrs = &event->attrs;
    add_text(arena, attrs, "concept:name", activity_of(arena, item));
    add_own(arena, attrs, given, "lifecycle:transition", qf_slice_of(lifecycle));
    add_own(arena, attrs, given, "org:group", text_of(item, "member"));
    add_own(arena, attrs, given, "org:resource", text_of(item, "actor"));
    if (imported == NULL)
        add_text(arena, attrs, "org:role", text_of(item, "role"));
    add_attributes(arena, attrs, given);
    if (qf_slice_is(kind, "approved") || qf_slice_is(kind, "refused"))
        add_text(arena, attrs, "qifeng:deemed", kind);
    add_text(arena, attrs, "qifeng:deviation", text_of(item, "deviation"));
    if (leaf != NULL)
        add_value(arena, attrs, "qifeng:leaf", leaf);
    if (when.size == 0 && time != NULL && time->type == QF_JSON_INT && time->integer >= 0 &&
        time->integer <= TIME_MS_MAX) {
        char *text = qf_arena_alloc(arena, 25);
        qf_xes_time_text(text, time->integer);
        when = qf_slice_of(text);
    }
    qf_xes_add(arena, attrs, QF_XES_DATE, "time:timestamp", when);
    event->activity = qf_xes_find(event->attrs, "concept:name")->value;
    const struct qf_xes_attr *resource = qf_xes_find(event->attrs, "org:resource");
    if (resource != NULL)
        event->resource = resource->value;
    event->timestamp = when;
    return event;
}

/* ---- a case ---- */

static enum qf_status read_history(struct qf_client *client, struct qf_arena *arena,
                                   struct qf_json *items, struct qf_slice case_id,
                                   struct qf_error *err)
{
    struct qf_buf path = {0};
    char cursor[32] = "0";
    enum qf_status status = QF_OK;
    *items = qf_json_make_array();
    while (status == QF_OK && cursor[0] != '\0') {
        struct qf_json page;
        qf_buf_reset(&path);
        qf_buf_put_text(&path, "/v1/cases/");
        qf_client_escape(&path, case_id);
        qf_buf_printf(&path, "/history?limit=%d&cursor=%s", PAGE, cursor);
        status = qf_client_get_json(client, arena, qf_buf_text(&path), &page, NULL, err);
        const struct qf_json *list = status == QF_OK ? qf_json_get(&page, "items") : NULL;
        if (status == QF_OK && (list == NULL || list->type != QF_JSON_ARRAY))
            status = qf_fail(err, QF_MALFORMED, "items", "the node's answer has none");
        if (status != QF_OK || list == NULL)
            break;
        for (uint32_t i = 0; i < list->count; i++)
            if (list->items[i].type == QF_JSON_OBJECT)
                qf_json_append(arena, items, list->items[i]);
        if (items->count > QF_XES_TRACE_EVENTS_MAX)
            status = qf_fail(err, QF_OVER_LIMIT, "items", "the case has more than %d steps",
                             QF_XES_TRACE_EVENTS_MAX);
        if (list->count == 0)
            break;
        struct qf_slice next = text_of(&page, "next");
        snprintf(cursor, sizeof cursor, "%.*s", QF_SLICE_ARGS(next));
    }
    qf_buf_deinit(&path);
    return status;
}

/* Whether another vote on the same task follows. */
static bool is_overtaken(const struct qf_json *items, uint32_t at)
{
    const struct qf_json *task = qf_json_get(&items->items[at], "task");
    if (task == NULL || !qf_slice_is(text_of(&items->items[at], "kind"), "voted"))
        return false;
    for (uint32_t i = at + 1; i < items->count; i++) {
        const struct qf_json *other = qf_json_get(&items->items[i], "task");
        if (other != NULL && other->integer == task->integer &&
            qf_slice_is(text_of(&items->items[i], "kind"), "voted"))
            return true;
    }
    return false;
}

enum qf_status qf_case_trace(struct qf_client *client, struct qf_arena *arena,
                             struct qf_xes_trace *out, struct qf_slice case_id,
                             enum qf_case_events which, struct qf_error *err)
{
    struct qf_json items;
    struct qf_xes_event **tail = &out->events;
    *out = (struct qf_xes_trace){.name = case_id};
    enum qf_status status = read_history(client, arena, &items, case_id, err);
    if (status != QF_OK)
        return status;
    const struct qf_json *opened =
        items.count > 0 ? qf_json_get(&items.items[0], "imported") : NULL;
    const struct qf_json *given = opened != NULL ? qf_json_get(opened, "attributes") : NULL;
    add_own(arena, &out->attrs, given, "concept:name", case_id);
    add_attributes(arena, &out->attrs, given);
    const struct qf_xes_attr *name = qf_xes_find(out->attrs, "concept:name");
    if (name != NULL)
        out->name = name->value;
    for (uint32_t i = 0; i < items.count; i++) {
        const char *lifecycle;
        bool done = completes(&items.items[i], &lifecycle);
        if (which == QF_CASE_PEOPLE && qf_json_get(&items.items[i], "actor") == NULL)
            continue;
        if (which != QF_CASE_ALL && (!done || is_overtaken(&items, i)))
            continue;
        *tail = make_event(arena, &items.items[i], lifecycle);
        tail = &(*tail)->next;
        out->event_count++;
    }
    return QF_OK;
}

/* ---- a file ---- */

struct qf_xes_file {
    gzFile file;
    struct qf_buf text;
    char *path;     /* NULL: standard output */
    char *new_path; /* until it is whole */
};

static enum qf_status write_text(struct qf_xes_file *file, struct qf_error *err)
{
    struct qf_slice text = qf_buf_slice(&file->text);
    enum qf_status status = qf_buf_status(&file->text);
    const char *name = file->path != NULL ? file->path : "-";
    if (status != QF_OK)
        status = qf_fail(err, QF_OVER_LIMIT, name, "a trace is too large to be written");
    else if (gzwrite(file->file, text.data, (unsigned)text.size) != (int)text.size)
        status = qf_fail(err, QF_IO, name, "cannot be written: %s", strerrordesc_np(errno));
    qf_buf_reset(&file->text);
    return status;
}

enum qf_status qf_xes_file_open(struct qf_xes_file **out, const char *path, struct qf_error *err)
{
    struct qf_xes_file *file = calloc(1, sizeof *file);
    size_t size = strlen(path);
    QF_ASSERT(file != NULL);
    *out = file;
    qf_buf_init(&file->text, QF_XES_TRACE_SIZE_MAX);
    if (strcmp(path, "-") == 0) {
        file->file = gzdopen(dup(STDOUT_FILENO), "wbT");
    } else {
        bool packed = size > 3 && strcmp(path + size - 3, ".gz") == 0;
        file->path = strdup(path);
        if (file->path == NULL || asprintf(&file->new_path, "%s.new", path) < 0)
            return qf_fail(err, QF_NO_MEMORY, "", "no memory");
        file->file = gzopen(file->new_path, packed ? "wb6e" : "wbTe");
    }
    if (file->file == NULL)
        return qf_fail(err, QF_IO, path, "cannot be written: %s", strerrordesc_np(errno));
    struct qf_arena arena = {0};
    struct qf_xes_head head;
    qf_xes_head_default(&arena, &head);
    qf_xes_write_head(&file->text, &head);
    enum qf_status status = write_text(file, err);
    qf_arena_deinit(&arena);
    return status;
}

enum qf_status qf_xes_file_trace(struct qf_xes_file *file, const struct qf_xes_trace *trace,
                                 struct qf_error *err)
{
    qf_xes_write_trace(&file->text, trace);
    return write_text(file, err);
}

enum qf_status qf_xes_file_close(struct qf_xes_file *file, bool keep, struct qf_error *err)
{
    enum qf_status status = QF_OK;
    if (file == NULL)
        return QF_OK;
    if (file->file != NULL && keep) {
        qf_xes_write_end(&file->text);
        status = write_text(file, err);
    }
    if (file->file != NULL && gzclose(file->file) != Z_OK && status == QF_OK && keep)
        status = qf_fail(err, QF_IO, file->path != NULL ? file->path : "-", "cannot be written");
    if (file->new_path != NULL && keep && status == QF_OK &&
        rename(file->new_path, file->path) != 0)
        status = qf_fail(err, QF_IO, file->path, "cannot be renamed: %s", strerrordesc_np(errno));
    if (file->new_path != NULL && (!keep || status != QF_OK))
        (void)unlink(file->new_path);
    qf_buf_deinit(&file->text);
    free(file->path);
    free(file->new_path);
    free(file);
    return status;
}
