#include "bpmn/xes.h"

#include <stdlib.h>

#include "bpmn/calendar.h"
#include "bpmn/xml.h"

/* Where the reader stands; one per open element. */
enum place {
    AT_DOCUMENT,
    AT_LOG,
    AT_EXTENSION,
    AT_GLOBAL,
    AT_CLASSIFIER,
    AT_TRACE,
    AT_EVENT,
    AT_ATTR,
    AT_VALUES, /* within a list */
};

struct level {
    enum place place;
    struct qf_xes_attr **attrs; /* where the next attribute of this element goes */
    enum qf_xes_type type;      /* of AT_ATTR */
};

#define LEVELS_MAX (QF_XES_DEPTH_MAX * 2 + 4) /* a list takes two elements */

struct qf_xes_reader {
    struct qf_xml_reader *xml;
    struct qf_xes_handler handler;
    struct qf_xes_head head;
    struct qf_xes_extension **extension_tail;
    struct qf_xes_global **global_tail;
    struct qf_xes_classifier **classifier_tail;
    struct qf_arena head_arena;
    struct qf_arena trace_arena;
    struct qf_arena *arena; /* one of the two */
    struct qf_xes_trace trace;
    struct qf_xes_event *event;
    struct qf_xes_event **event_tail;
    bool head_told;
    uint32_t depth;
    struct level levels[LEVELS_MAX];
};

static const char *const type_names[] = {
    [QF_XES_STRING] = "string", [QF_XES_DATE] = "date",           [QF_XES_INT] = "int",
    [QF_XES_FLOAT] = "float",   [QF_XES_BOOLEAN] = "boolean",     [QF_XES_ID] = "id",
    [QF_XES_LIST] = "list",     [QF_XES_CONTAINER] = "container",
};
#define TYPE_COUNT (sizeof type_names / sizeof type_names[0])

static struct qf_slice attr_of(const struct qf_xml_start *start, const char *name)
{
    for (uint32_t i = 0; i < start->attr_count; i++)
        if (qf_slice_is(start->attrs[i].name.local, name))
            return start->attrs[i].value;
    return (struct qf_slice){0};
}

static enum qf_status copy_text(struct qf_xes_reader *reader, struct qf_slice *out,
                                struct qf_slice text, struct qf_error *err)
{
    *out = (struct qf_slice){0};
    if (text.data == NULL)
        return QF_OK;
    uint8_t *copy = qf_arena_try(reader->arena, text.size + 1);
    if (copy == NULL)
        return qf_fail(err, QF_OVER_LIMIT, "", "a trace is too large (limit %d bytes)",
                       QF_XES_TRACE_SIZE_MAX);
    memcpy(copy, text.data, text.size);
    *out = qf_slice_make(copy, text.size);
    return QF_OK;
}

static void *take(struct qf_xes_reader *reader, size_t size, struct qf_error *err)
{
    void *data = qf_arena_try(reader->arena, size);
    if (data == NULL)
        (void)qf_fail(err, QF_OVER_LIMIT, "", "a trace is too large (limit %d bytes)",
                      QF_XES_TRACE_SIZE_MAX);
    else
        memset(data, 0, size);
    return data;
}

static struct level *push(struct qf_xes_reader *reader, enum place place,
                          struct qf_xes_attr **attrs)
{
    struct level *level = &reader->levels[++reader->depth];
    *level = (struct level){.place = place, .attrs = attrs};
    return level;
}

static enum qf_status start_attr(struct qf_xes_reader *reader, enum qf_xes_type type,
                                 const struct qf_xml_start *start, struct qf_error *err)
{
    struct level *level = &reader->levels[reader->depth];
    struct qf_xes_attr *attr = take(reader, sizeof *attr, err);
    if (attr == NULL)
        return QF_OVER_LIMIT;
    attr->type = type;
    struct qf_slice key = attr_of(start, "key");
    struct qf_slice value = attr_of(start, "value");
    if (key.data == NULL)
        return qf_fail(err, QF_MALFORMED, "", "an attribute without a key");
    if (type == QF_XES_LIST || type == QF_XES_CONTAINER)
        value = qf_slice_of("");
    else if (value.data == NULL)
        return qf_fail(err, QF_MALFORMED, "", "the attribute %.*s has no value",
                       (int)(key.size > 80 ? 80 : key.size), (const char *)key.data);
    enum qf_status status = copy_text(reader, &attr->key, key, err);
    if (status == QF_OK)
        status = copy_text(reader, &attr->value, value, err);
    if (status != QF_OK)
        return status;
    *level->attrs = attr;
    level->attrs = &attr->next;
    push(reader, AT_ATTR, &attr->child)->type = type;
    return QF_OK;
}

static enum qf_status tell_head(struct qf_xes_reader *reader, struct qf_error *err)
{
    if (reader->head_told)
        return QF_OK;
    reader->head_told = true;
    return reader->handler.head == NULL
               ? QF_OK
               : reader->handler.head(reader->handler.self, &reader->head, err);
}

static enum qf_status start_trace(struct qf_xes_reader *reader, struct qf_error *err)
{
    enum qf_status status = tell_head(reader, err);
    if (status != QF_OK)
        return status;
    reader->arena = &reader->trace_arena;
    reader->trace = (struct qf_xes_trace){0};
    reader->event_tail = &reader->trace.events;
    push(reader, AT_TRACE, &reader->trace.attrs);
    return QF_OK;
}

static enum qf_status start_event(struct qf_xes_reader *reader, struct qf_error *err)
{
    if (++reader->trace.event_count > QF_XES_TRACE_EVENTS_MAX)
        return qf_fail(err, QF_OVER_LIMIT, "", "too many events in a trace (limit %d)",
                       QF_XES_TRACE_EVENTS_MAX);
    reader->event = take(reader, sizeof *reader->event, err);
    if (reader->event == NULL)
        return QF_OVER_LIMIT;
    *reader->event_tail = reader->event;
    reader->event_tail = &reader->event->next;
    push(reader, AT_EVENT, &reader->event->attrs);
    return QF_OK;
}

static enum qf_status start_log(struct qf_xes_reader *reader, const struct qf_xml_start *start,
                                struct qf_error *err)
{
    push(reader, AT_LOG, &reader->head.attrs);
    enum qf_status status =
        copy_text(reader, &reader->head.version, attr_of(start, "xes.version"), err);
    if (status == QF_OK)
        status = copy_text(reader, &reader->head.features, attr_of(start, "xes.features"), err);
    return status;
}

static enum qf_status start_extension(struct qf_xes_reader *reader,
                                      const struct qf_xml_start *start, struct qf_error *err)
{
    struct qf_xes_extension *extension = take(reader, sizeof *extension, err);
    if (extension == NULL)
        return QF_OVER_LIMIT;
    *reader->extension_tail = extension;
    reader->extension_tail = &extension->next;
    push(reader, AT_EXTENSION, NULL);
    enum qf_status status = copy_text(reader, &extension->name, attr_of(start, "name"), err);
    if (status == QF_OK)
        status = copy_text(reader, &extension->prefix, attr_of(start, "prefix"), err);
    if (status == QF_OK)
        status = copy_text(reader, &extension->uri, attr_of(start, "uri"), err);
    return status;
}

static enum qf_status start_global(struct qf_xes_reader *reader, const struct qf_xml_start *start,
                                   struct qf_error *err)
{
    struct qf_xes_global *global = take(reader, sizeof *global, err);
    if (global == NULL)
        return QF_OVER_LIMIT;
    *reader->global_tail = global;
    reader->global_tail = &global->next;
    push(reader, AT_GLOBAL, &global->attrs);
    return copy_text(reader, &global->scope, attr_of(start, "scope"), err);
}

static enum qf_status start_classifier(struct qf_xes_reader *reader,
                                       const struct qf_xml_start *start, struct qf_error *err)
{
    struct qf_xes_classifier *classifier = take(reader, sizeof *classifier, err);
    if (classifier == NULL)
        return QF_OVER_LIMIT;
    *reader->classifier_tail = classifier;
    reader->classifier_tail = &classifier->next;
    push(reader, AT_CLASSIFIER, NULL);
    enum qf_status status = copy_text(reader, &classifier->name, attr_of(start, "name"), err);
    if (status == QF_OK)
        status = copy_text(reader, &classifier->keys, attr_of(start, "keys"), err);
    if (status == QF_OK)
        status = copy_text(reader, &classifier->scope, attr_of(start, "scope"), err);
    return status;
}

static enum qf_status start_in_log(struct qf_xes_reader *reader, const struct qf_xml_start *start,
                                   struct qf_error *err)
{
    struct qf_slice name = start->name.local;
    if (qf_slice_is(name, "trace"))
        return start_trace(reader, err);
    if (qf_slice_is(name, "event"))
        return qf_fail(err, QF_MALFORMED, "", "an event outside a trace is not supported");
    if (reader->head_told)
        return qf_fail(err, QF_MALFORMED, "", "the log's own elements must precede its traces");
    if (qf_slice_is(name, "extension"))
        return start_extension(reader, start, err);
    if (qf_slice_is(name, "global"))
        return start_global(reader, start, err);
    if (qf_slice_is(name, "classifier"))
        return start_classifier(reader, start, err);
    return QF_BAD_FIELD; /* an attribute, or unknown */
}

static enum qf_status on_start(void *self, const struct qf_xml_start *start, struct qf_error *err)
{
    struct qf_xes_reader *reader = self;
    struct level *level = &reader->levels[reader->depth];
    struct qf_slice name = start->name.local;
    if (reader->depth + 1 >= LEVELS_MAX)
        return qf_fail(err, QF_OVER_LIMIT, "", "attributes nested too deep (limit %d)",
                       QF_XES_DEPTH_MAX);
    if (level->place == AT_DOCUMENT) {
        if (!qf_slice_is(name, "log"))
            return qf_fail(err, QF_MALFORMED, "", "not an event log: it must begin with <log>");
        return start_log(reader, start, err);
    }
    if (level->place == AT_LOG) {
        enum qf_status status = start_in_log(reader, start, err);
        if (status != QF_BAD_FIELD)
            return status;
    }
    if (level->place == AT_TRACE && qf_slice_is(name, "event"))
        return start_event(reader, err);
    if (level->place == AT_ATTR && level->type == QF_XES_LIST && qf_slice_is(name, "values")) {
        push(reader, AT_VALUES, level->attrs);
        return QF_OK;
    }
    if (level->attrs != NULL)
        for (size_t type = 0; type < TYPE_COUNT; type++)
            if (qf_slice_is(name, type_names[type]))
                return start_attr(reader, (enum qf_xes_type)type, start, err);
    return qf_fail(err, QF_MALFORMED, "", "<%.*s> does not belong here",
                   (int)(name.size > 80 ? 80 : name.size), (const char *)name.data);
}

const struct qf_xes_attr *qf_xes_find(const struct qf_xes_attr *attrs, const char *key)
{
    while (attrs != NULL && !qf_slice_is(attrs->key, key))
        attrs = attrs->next;
    return attrs;
}

static struct qf_slice value_of(const struct qf_xes_attr *attrs, const char *key)
{
    const struct qf_xes_attr *attr = qf_xes_find(attrs, key);
    if (attr == NULL)
        return (struct qf_slice){0};
    return attr->value;
}

static enum qf_status on_end(void *self, struct qf_error *err)
{
    struct qf_xes_reader *reader = self;
    struct level *level = &reader->levels[reader->depth--];
    enum qf_status status = QF_OK;
    if (level->place == AT_VALUES) {
        reader->levels[reader->depth].attrs = level->attrs;
    } else if (level->place == AT_EVENT) {
        struct qf_xes_event *event = reader->event;
        event->activity = value_of(event->attrs, "concept:name");
        event->resource = value_of(event->attrs, "org:resource");
        event->group = value_of(event->attrs, "org:group");
        event->timestamp = value_of(event->attrs, "time:timestamp");
        event->lifecycle = value_of(event->attrs, "lifecycle:transition");
    } else if (level->place == AT_TRACE) {
        reader->trace.name = value_of(reader->trace.attrs, "concept:name");
        if (reader->handler.trace != NULL)
            status = reader->handler.trace(reader->handler.self, &reader->trace, err);
        qf_arena_reset(&reader->trace_arena);
        reader->arena = &reader->head_arena;
    } else if (level->place == AT_LOG) {
        status = tell_head(reader, err);
    }
    return status;
}

struct qf_xes_reader *qf_xes_reader_new(const struct qf_xes_handler *handler, uint64_t size_max)
{
    struct qf_xes_reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL)
        return NULL;
    reader->handler = *handler;
    reader->extension_tail = &reader->head.extensions;
    reader->global_tail = &reader->head.globals;
    reader->classifier_tail = &reader->head.classifiers;
    qf_arena_init(&reader->head_arena, QF_XES_TRACE_SIZE_MAX);
    qf_arena_init(&reader->trace_arena, QF_XES_TRACE_SIZE_MAX);
    reader->arena = &reader->head_arena;
    struct qf_xml_handler xml = {on_start, on_end, NULL, reader};
    struct qf_xml_limits limits = {size_max, UINT64_MAX, LEVELS_MAX};
    reader->xml = qf_xml_reader_new(&xml, limits);
    if (reader->xml == NULL) {
        free(reader);
        return NULL;
    }
    return reader;
}

void qf_xes_reader_free(struct qf_xes_reader *reader)
{
    if (reader == NULL)
        return;
    qf_xml_reader_free(reader->xml);
    qf_arena_deinit(&reader->head_arena);
    qf_arena_deinit(&reader->trace_arena);
    free(reader);
}

enum qf_status qf_xes_reader_feed(struct qf_xes_reader *reader, struct qf_slice bytes,
                                  struct qf_error *err)
{
    return qf_xml_reader_feed(reader->xml, bytes, err);
}

enum qf_status qf_xes_reader_finish(struct qf_xes_reader *reader, struct qf_error *err)
{
    return qf_xml_reader_finish(reader->xml, err);
}

/* --- time --- */

/* `count` digits at *at, which moves past them; -1 when they are not digits. */
static int64_t digits(struct qf_slice text, size_t *at, size_t count)
{
    int64_t value = 0;
    if (text.size - *at < count)
        return -1;
    for (size_t i = 0; i < count; i++) {
        uint8_t c = text.data[*at + i];
        if (c < '0' || c > '9')
            return -1;
        value = value * 10 + (c - '0');
    }
    *at += count;
    return value;
}

static bool skip(struct qf_slice text, size_t *at, char c)
{
    if (*at >= text.size || text.data[*at] != (uint8_t)c)
        return false;
    ++*at;
    return true;
}

/* Offset in minutes; false when it is not one. */
static bool read_offset(int64_t *minutes, struct qf_slice text, size_t *at)
{
    *minutes = 0;
    if (*at == text.size || (skip(text, at, 'Z') && *at == text.size))
        return true;
    bool west = skip(text, at, '-');
    if (!west && !skip(text, at, '+'))
        return false;
    int64_t hour = digits(text, at, 2);
    if (hour < 0 || hour > 14)
        return false;
    (void)skip(text, at, ':');
    int64_t minute = digits(text, at, 2);
    if (minute < 0 || minute > 59 || *at != text.size)
        return false;
    *minutes = west ? -(hour * 60 + minute) : hour * 60 + minute;
    return true;
}

static bool read_clock(int64_t *ms, struct qf_slice text, size_t *at)
{
    int64_t hour = digits(text, at, 2);
    if (hour < 0 || hour > 24 || !skip(text, at, ':'))
        return false;
    int64_t minute = digits(text, at, 2);
    if (minute < 0 || minute > 59 || !skip(text, at, ':'))
        return false;
    int64_t second = digits(text, at, 2);
    if (second < 0 || second > 60)
        return false;
    int64_t fraction = 0;
    if (skip(text, at, '.')) {
        int64_t scale = 100;
        int64_t digit = digits(text, at, 1);
        if (digit < 0)
            return false;
        for (; digit >= 0; digit = digits(text, at, 1), scale /= 10)
            fraction += digit * scale;
    }
    *ms = ((hour * 60 + minute) * 60 + second) * 1000 + fraction;
    return *ms <= 86400000;
}

bool qf_xes_time(int64_t *out_ms, struct qf_slice text)
{
    size_t at = 0;
    int64_t clock = 0, offset = 0;
    struct qf_date date = {0};
    text = qf_xml_trim(text);
    int64_t year = digits(text, &at, 4);
    if (year < 1 || !skip(text, &at, '-'))
        return false;
    int64_t month = digits(text, &at, 2);
    if (month < 1 || month > 12 || !skip(text, &at, '-'))
        return false;
    int64_t day = digits(text, &at, 2);
    if (day < 1 || !skip(text, &at, 'T') || !read_clock(&clock, text, &at) ||
        !read_offset(&offset, text, &at))
        return false;
    date = (struct qf_date){(int32_t)year, (int32_t)month, (int32_t)day};
    if (day > qf_date_month_days(date.year, date.month))
        return false;
    *out_ms = qf_date_to_day(date) * 86400000 + clock - offset * 60000;
    return true;
}

static void put_digits(char *out, int64_t value, int count)
{
    for (int i = count - 1; i >= 0; i--, value /= 10)
        out[i] = (char)('0' + value % 10);
}

void qf_xes_time_text(char out[25], int64_t time_ms)
{
    int64_t day = time_ms / 86400000;
    int64_t rest = time_ms % 86400000;
    if (rest < 0) {
        rest += 86400000;
        day--;
    }
    struct qf_date date = qf_date_from_day(day);
    QF_ASSERT(date.year >= 1 && date.year <= 9999);
    memcpy(out, "0000-00-00T00:00:00.000Z", 25);
    put_digits(out, date.year, 4);
    put_digits(out + 5, date.month, 2);
    put_digits(out + 8, date.day, 2);
    put_digits(out + 11, rest / 3600000, 2);
    put_digits(out + 14, rest / 60000 % 60, 2);
    put_digits(out + 17, rest / 1000 % 60, 2);
    put_digits(out + 20, rest % 1000, 3);
}

/* --- building and writing --- */

struct qf_xes_attr *qf_xes_add(struct qf_arena *arena, struct qf_xes_attr **attrs,
                               enum qf_xes_type type, const char *key, struct qf_slice value)
{
    while (*attrs != NULL)
        attrs = &(*attrs)->next;
    struct qf_xes_attr *attr = QF_ARENA_NEW(arena, struct qf_xes_attr);
    attr->type = type;
    attr->key = qf_slice_of(key);
    attr->value = value;
    *attrs = attr;
    return attr;
}

static struct qf_slice add_text(struct qf_arena *arena, struct qf_xes_event *event, const char *key,
                                struct qf_slice value)
{
    if (value.size == 0)
        return (struct qf_slice){0};
    return qf_xes_add(arena, &event->attrs, QF_XES_STRING, key, value)->value;
}

struct qf_xes_event *qf_xes_add_event(struct qf_arena *arena, struct qf_xes_trace *trace,
                                      struct qf_slice activity, struct qf_slice resource,
                                      struct qf_slice group, int64_t time_ms, const char *lifecycle)
{
    struct qf_xes_event *event = QF_ARENA_NEW(arena, struct qf_xes_event);
    struct qf_xes_event **tail = &trace->events;
    char *time = qf_arena_alloc(arena, 25);
    qf_xes_time_text(time, time_ms);
    while (*tail != NULL)
        tail = &(*tail)->next;
    *tail = event;
    trace->event_count++;
    event->activity = add_text(arena, event, "concept:name", activity);
    event->resource = add_text(arena, event, "org:resource", resource);
    event->group = add_text(arena, event, "org:group", group);
    event->timestamp =
        qf_xes_add(arena, &event->attrs, QF_XES_DATE, "time:timestamp", qf_slice_of(time))->value;
    if (lifecycle != NULL)
        event->lifecycle = add_text(arena, event, "lifecycle:transition", qf_slice_of(lifecycle));
    return event;
}

void qf_xes_head_default(struct qf_arena *arena, struct qf_xes_head *out)
{
    static const char *const extensions[][3] = {
        {"Concept", "concept", "http://www.xes-standard.org/concept.xesext"},
        {"Organizational", "org", "http://www.xes-standard.org/org.xesext"},
        {"Time", "time", "http://www.xes-standard.org/time.xesext"},
        {"Lifecycle", "lifecycle", "http://www.xes-standard.org/lifecycle.xesext"},
    };
    *out = (struct qf_xes_head){.version = qf_slice_of("1849-2016"), .features = qf_slice_of("")};
    struct qf_xes_extension **tail = &out->extensions;
    for (size_t i = 0; i < sizeof extensions / sizeof extensions[0]; i++) {
        *tail = QF_ARENA_NEW(arena, struct qf_xes_extension);
        (*tail)->name = qf_slice_of(extensions[i][0]);
        (*tail)->prefix = qf_slice_of(extensions[i][1]);
        (*tail)->uri = qf_slice_of(extensions[i][2]);
        tail = &(*tail)->next;
    }
    struct qf_xes_global *trace = QF_ARENA_NEW(arena, struct qf_xes_global);
    struct qf_xes_global *event = QF_ARENA_NEW(arena, struct qf_xes_global);
    trace->scope = qf_slice_of("trace");
    trace->next = event;
    (void)qf_xes_add(arena, &trace->attrs, QF_XES_STRING, "concept:name", qf_slice_of("UNKNOWN"));
    event->scope = qf_slice_of("event");
    (void)qf_xes_add(arena, &event->attrs, QF_XES_STRING, "concept:name", qf_slice_of("UNKNOWN"));
    (void)qf_xes_add(arena, &event->attrs, QF_XES_DATE, "time:timestamp",
                     qf_slice_of("1970-01-01T00:00:00.000Z"));
    out->globals = trace;
    out->classifiers = QF_ARENA_NEW(arena, struct qf_xes_classifier);
    out->classifiers->name = qf_slice_of("Activity classifier");
    out->classifiers->keys = qf_slice_of("concept:name lifecycle:transition");
}

static void put_pair(struct qf_buf *buf, const char *name, struct qf_slice value)
{
    if (value.data == NULL)
        return;
    qf_buf_put_byte(buf, ' ');
    qf_buf_put_text(buf, name);
    qf_buf_put_text(buf, "=\"");
    qf_xml_put_attr(buf, value);
    qf_buf_put_byte(buf, '"');
}

static void put_close(struct qf_buf *buf, const struct qf_xes_attr *attr)
{
    if (attr->type == QF_XES_LIST)
        qf_buf_put_text(buf, "</values>");
    qf_buf_printf(buf, "</%s>\n", type_names[attr->type]);
}

/* Depth first with a stack of its own: nesting is limited where attributes are read, and where they
 * are built by hand. */
static void put_attrs(struct qf_buf *buf, const struct qf_xes_attr *attrs)
{
    const struct qf_xes_attr *open[QF_XES_DEPTH_MAX * 2 + 4];
    size_t depth = 0;
    const struct qf_xes_attr *attr = attrs;
    while (attr != NULL) {
        qf_buf_put_byte(buf, '<');
        qf_buf_put_text(buf, type_names[attr->type]);
        put_pair(buf, "key", attr->key);
        bool nests = attr->type == QF_XES_LIST || attr->type == QF_XES_CONTAINER;
        if (!nests)
            put_pair(buf, "value", attr->value);
        if (attr->child == NULL) {
            qf_buf_put_text(buf, attr->type == QF_XES_LIST ? "><values/></list>\n" : "/>\n");
        } else {
            qf_buf_put_text(buf, attr->type == QF_XES_LIST ? "><values>\n" : ">\n");
            QF_ASSERT(depth < sizeof open / sizeof open[0]);
            open[depth++] = attr;
            attr = attr->child;
            continue;
        }
        while (attr->next == NULL && depth > 0) {
            attr = open[--depth];
            put_close(buf, attr);
        }
        attr = attr->next;
    }
}

void qf_xes_write_head(struct qf_buf *buf, const struct qf_xes_head *head)
{
    qf_buf_put_text(buf, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<log");
    put_pair(buf, "xes.version", head->version);
    put_pair(buf, "xes.features", head->features);
    qf_buf_put_text(buf, " xmlns=\"http://www.xes-standard.org/\">\n");
    for (const struct qf_xes_extension *at = head->extensions; at != NULL; at = at->next) {
        qf_buf_put_text(buf, "<extension");
        put_pair(buf, "name", at->name);
        put_pair(buf, "prefix", at->prefix);
        put_pair(buf, "uri", at->uri);
        qf_buf_put_text(buf, "/>\n");
    }
    for (const struct qf_xes_global *at = head->globals; at != NULL; at = at->next) {
        qf_buf_put_text(buf, "<global");
        put_pair(buf, "scope", at->scope);
        qf_buf_put_text(buf, ">\n");
        put_attrs(buf, at->attrs);
        qf_buf_put_text(buf, "</global>\n");
    }
    for (const struct qf_xes_classifier *at = head->classifiers; at != NULL; at = at->next) {
        qf_buf_put_text(buf, "<classifier");
        put_pair(buf, "name", at->name);
        put_pair(buf, "scope", at->scope);
        put_pair(buf, "keys", at->keys);
        qf_buf_put_text(buf, "/>\n");
    }
    put_attrs(buf, head->attrs);
}

void qf_xes_write_trace(struct qf_buf *buf, const struct qf_xes_trace *trace)
{
    qf_buf_put_text(buf, "<trace>\n");
    put_attrs(buf, trace->attrs);
    for (const struct qf_xes_event *event = trace->events; event != NULL; event = event->next) {
        qf_buf_put_text(buf, "<event>\n");
        put_attrs(buf, event->attrs);
        qf_buf_put_text(buf, "</event>\n");
    }
    qf_buf_put_text(buf, "</trace>\n");
}

void qf_xes_write_end(struct qf_buf *buf)
{
    qf_buf_put_text(buf, "</log>\n");
}
