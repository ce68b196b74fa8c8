#include "feel/value.h"

#include <stdlib.h>

#include "codec/utf8.h"
#include "feel/number.h"
#include "feel/temporal.h"

const char *qf_feel_kind_name(enum qf_feel_kind kind)
{
    static const char *const names[] = {
        [QF_FEEL_NULL] = "Null",
        [QF_FEEL_BOOLEAN] = "boolean",
        [QF_FEEL_NUMBER] = "number",
        [QF_FEEL_STRING] = "string",
        [QF_FEEL_DATE] = "date",
        [QF_FEEL_TIME] = "time",
        [QF_FEEL_DATE_TIME] = "date and time",
        [QF_FEEL_MONTHS] = "years and months duration",
        [QF_FEEL_SECONDS] = "days and time duration",
        [QF_FEEL_LIST] = "list",
        [QF_FEEL_CONTEXT] = "context",
        [QF_FEEL_RANGE] = "range",
        [QF_FEEL_FUNCTION] = "function",
    };
    return names[kind];
}

const struct qf_feel_value *qf_feel_get(const struct qf_feel_value *context, struct qf_slice key)
{
    if (context->kind != QF_FEEL_CONTEXT)
        return NULL;
    const struct qf_feel_entry *entries = context->context->entries;
    for (uint32_t i = 0; i < context->context->count; i++)
        if (entries[i].key.size == key.size &&
            (entries[i].key.data == key.data ||
             memcmp(entries[i].key.data, key.data, key.size) == 0))
            return &entries[i].value;
    return NULL;
}

static int equal_lists(const struct qf_feel_value *a, const struct qf_feel_value *b, int64_t *left)
{
    if (a->count != b->count)
        return 0;
    for (uint32_t i = 0; i < a->count; i++)
        if (qf_feel_equal_within(&a->items[i], &b->items[i], left) != 1)
            return 0;
    return 1;
}

static int equal_contexts(const struct qf_feel_value *a, const struct qf_feel_value *b,
                          int64_t *left)
{
    if (a->context->count != b->context->count)
        return 0;
    for (uint32_t i = 0; i < a->context->count; i++) {
        const struct qf_feel_entry *entry = &a->context->entries[i];
        const struct qf_feel_value *other = qf_feel_get(b, entry->key);
        *left -= b->context->count / 8;
        if (other == NULL || qf_feel_equal_within(&entry->value, other, left) != 1)
            return 0;
    }
    return 1;
}

static int equal_ranges(const struct qf_feel_range *a, const struct qf_feel_range *b, int64_t *left)
{
    return a->form == b->form && a->start_included == b->start_included &&
           a->end_included == b->end_included &&
           qf_feel_equal_within(&a->start, &b->start, left) == 1 &&
           qf_feel_equal_within(&a->end, &b->end, left) == 1;
}

int qf_feel_equal_within(const struct qf_feel_value *a, const struct qf_feel_value *b,
                         int64_t *left)
{
    if (--*left < 0)
        return -1;
    if (a->kind != b->kind)
        return a->kind == QF_FEEL_NULL || b->kind == QF_FEEL_NULL ? 0 : -1;
    switch ((enum qf_feel_kind)a->kind) {
    case QF_FEEL_NULL:
        return 1;
    case QF_FEEL_BOOLEAN:
        return a->boolean == b->boolean;
    case QF_FEEL_NUMBER:
        return qf_feel_number_compare(a, b) == 0;
    case QF_FEEL_STRING:
        return qf_slice_equal(qf_feel_slice(a), qf_feel_slice(b));
    case QF_FEEL_DATE:
    case QF_FEEL_TIME:
    case QF_FEEL_DATE_TIME:
        return qf_feel_line(a) == qf_feel_line(b);
    case QF_FEEL_MONTHS:
        return a->integer == b->integer;
    case QF_FEEL_SECONDS:
        return a->integer == b->integer && a->count == b->count;
    case QF_FEEL_LIST:
        return equal_lists(a, b, left);
    case QF_FEEL_CONTEXT:
        return equal_contexts(a, b, left);
    case QF_FEEL_RANGE:
        return equal_ranges(a->range, b->range, left);
    case QF_FEEL_FUNCTION:
        return a->function == b->function;
    }
    return -1;
}

int qf_feel_equal(const struct qf_feel_value *a, const struct qf_feel_value *b)
{
    int64_t left = INT64_MAX;
    return qf_feel_equal_within(a, b, &left);
}

static int order(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

int qf_feel_compare(const struct qf_feel_value *a, const struct qf_feel_value *b)
{
    if (a->kind != b->kind)
        return QF_FEEL_NO_ORDER;
    int seconds = 0;
    switch ((enum qf_feel_kind)a->kind) {
    case QF_FEEL_NUMBER:
        return qf_feel_number_compare(a, b);
    case QF_FEEL_STRING:
        return qf_slice_compare(qf_feel_slice(a), qf_feel_slice(b));
    case QF_FEEL_DATE:
        return order(qf_feel_line(a), qf_feel_line(b));
    case QF_FEEL_TIME:
    case QF_FEEL_DATE_TIME:
        if ((a->zone_kind == QF_FEEL_ZONE_NONE) != (b->zone_kind == QF_FEEL_ZONE_NONE))
            return order(qf_feel_local_line(a), qf_feel_local_line(b));
        return order(qf_feel_line(a), qf_feel_line(b));
    case QF_FEEL_MONTHS:
        return order(a->integer, b->integer);
    case QF_FEEL_SECONDS:
        seconds = order(a->integer, b->integer);
        return seconds != 0 ? seconds : order(a->count, b->count);
    case QF_FEEL_NULL:
    case QF_FEEL_BOOLEAN:
    case QF_FEEL_LIST:
    case QF_FEEL_CONTEXT:
    case QF_FEEL_RANGE:
    case QF_FEEL_FUNCTION:
        break;
    }
    return QF_FEEL_NO_ORDER;
}

static struct qf_feel_value copy_context(struct qf_arena *arena, const struct qf_feel_context *from)
{
    struct qf_feel_context *context = QF_ARENA_NEW(arena, struct qf_feel_context);
    struct qf_feel_entry *entries = QF_ARENA_ARRAY(arena, struct qf_feel_entry, from->count);
    for (uint32_t i = 0; i < from->count; i++) {
        entries[i].key = qf_arena_copy(arena, from->entries[i].key);
        entries[i].value = qf_feel_copy(arena, &from->entries[i].value);
    }
    context->count = from->count;
    context->entries = entries;
    return (struct qf_feel_value){.kind = QF_FEEL_CONTEXT, .context = context};
}

/* Depth is bounded by that of the value, which evaluation bounds. */
struct qf_feel_value qf_feel_copy(struct qf_arena *arena, const struct qf_feel_value *value)
{
    struct qf_feel_value out = *value;
    if (value->kind == QF_FEEL_STRING) {
        out.text = (const char *)qf_arena_copy(arena, qf_feel_slice(value)).data;
    } else if (value->kind == QF_FEEL_LIST) {
        struct qf_feel_value *items = QF_ARENA_ARRAY(arena, struct qf_feel_value, value->count);
        for (uint32_t i = 0; i < value->count; i++)
            items[i] = qf_feel_copy(arena, &value->items[i]);
        out.items = items;
    } else if (value->kind == QF_FEEL_CONTEXT) {
        out = copy_context(arena, value->context);
    } else if (value->kind == QF_FEEL_RANGE) {
        struct qf_feel_range *range = QF_ARENA_NEW(arena, struct qf_feel_range);
        *range = *value->range;
        range->start = qf_feel_copy(arena, &value->range->start);
        range->end = qf_feel_copy(arena, &value->range->end);
        out.range = range;
    } else if (value->kind == QF_FEEL_FUNCTION) {
        out = qf_feel_null();
    }
    return out;
}

/* ---- text ---- */

static void write_quoted(struct qf_buf *buf, struct qf_slice text)
{
    qf_buf_put_byte(buf, '"');
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '"' || text.data[i] == '\\')
            qf_buf_put_byte(buf, '\\');
        qf_buf_put_byte(buf, text.data[i]);
    }
    qf_buf_put_byte(buf, '"');
}

static bool plain_key(struct qf_slice key)
{
    for (size_t i = 0; i < key.size; i++) {
        uint8_t c = key.data[i];
        bool letter = c >= 0x80 || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
                      (c >= '0' && c <= '9') || c == ' ' || c == '?';
        if (!letter)
            return false;
    }
    return key.size > 0;
}

static void write_context(struct qf_buf *buf, const struct qf_feel_context *context)
{
    qf_buf_put_byte(buf, '{');
    for (uint32_t i = 0; i < context->count && !buf->failed; i++) {
        if (i > 0)
            qf_buf_put_text(buf, ", ");
        if (plain_key(context->entries[i].key))
            qf_buf_put_slice(buf, context->entries[i].key);
        else
            write_quoted(buf, context->entries[i].key);
        qf_buf_put_text(buf, ": ");
        qf_feel_write(buf, &context->entries[i].value, true);
    }
    qf_buf_put_byte(buf, '}');
}

static void write_range(struct qf_buf *buf, const struct qf_feel_range *range)
{
    if (range->form == QF_FEEL_RANGE_EQUAL || range->form == QF_FEEL_RANGE_NOT_EQUAL) {
        qf_buf_put_text(buf, range->form == QF_FEEL_RANGE_EQUAL ? "=" : "!=");
        qf_feel_write(buf, &range->start, true);
        return;
    }
    if (range->form == QF_FEEL_RANGE_COMPARE) {
        bool less = range->start.kind == QF_FEEL_NULL;
        qf_buf_put_byte(buf, less ? '<' : '>');
        if (less ? range->end_included : range->start_included)
            qf_buf_put_byte(buf, '=');
        qf_buf_put_byte(buf, ' ');
        qf_feel_write(buf, less ? &range->end : &range->start, true);
        return;
    }
    qf_buf_put_byte(buf, range->start_included ? '[' : '(');
    qf_feel_write(buf, &range->start, true);
    qf_buf_put_text(buf, "..");
    qf_feel_write(buf, &range->end, true);
    qf_buf_put_byte(buf, range->end_included ? ']' : ')');
}

void qf_feel_write(struct qf_buf *buf, const struct qf_feel_value *value, bool quoted)
{
    switch ((enum qf_feel_kind)value->kind) {
    case QF_FEEL_NULL:
        qf_buf_put_text(buf, "null");
        break;
    case QF_FEEL_BOOLEAN:
        qf_buf_put_text(buf, value->boolean ? "true" : "false");
        break;
    case QF_FEEL_NUMBER:
        qf_feel_number_write(buf, value);
        break;
    case QF_FEEL_STRING:
        if (quoted)
            write_quoted(buf, qf_feel_slice(value));
        else
            qf_buf_put_slice(buf, qf_feel_slice(value));
        break;
    case QF_FEEL_DATE:
    case QF_FEEL_TIME:
    case QF_FEEL_DATE_TIME:
    case QF_FEEL_MONTHS:
    case QF_FEEL_SECONDS:
        qf_feel_temporal_write(buf, value);
        break;
    case QF_FEEL_LIST:
        qf_buf_put_byte(buf, '[');
        for (uint32_t i = 0; i < value->count && !buf->failed; i++) {
            if (i > 0)
                qf_buf_put_text(buf, ", ");
            qf_feel_write(buf, &value->items[i], true);
        }
        qf_buf_put_byte(buf, ']');
        break;
    case QF_FEEL_CONTEXT:
        write_context(buf, value->context);
        break;
    case QF_FEEL_RANGE:
        write_range(buf, value->range);
        break;
    case QF_FEEL_FUNCTION:
        qf_buf_put_text(buf, "function");
        break;
    }
}

/* ---- JSON ---- */

static int by_key(const void *a, const void *b)
{
    const struct qf_feel_entry *const *x = a;
    const struct qf_feel_entry *const *y = b;
    return qf_utf16_compare((*x)->key, (*y)->key);
}

#define FEW_ENTRIES 16

/* Keys are few mostly, and in order. */
static void sort_few(const struct qf_feel_entry **sorted, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        const struct qf_feel_entry *entry = sorted[i];
        uint32_t at = i;
        for (; at > 0 && qf_utf16_compare(sorted[at - 1]->key, entry->key) > 0; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = entry;
    }
}

static void write_json_context(struct qf_buf *buf, const struct qf_feel_context *context)
{
    const struct qf_feel_entry *few[FEW_ENTRIES];
    const struct qf_feel_entry **sorted = few;
    if (context->count > FEW_ENTRIES)
        sorted = calloc(context->count, sizeof(struct qf_feel_entry *));
    if (sorted == NULL) {
        buf->failed = buf->starved = true;
        return;
    }
    for (uint32_t i = 0; i < context->count; i++)
        sorted[i] = &context->entries[i];
    if (sorted == few)
        sort_few(few, context->count);
    else
        qsort(sorted, context->count, sizeof(struct qf_feel_entry *), by_key);
    qf_buf_put_byte(buf, '{');
    for (uint32_t i = 0; i < context->count && !buf->failed; i++) {
        if (i > 0)
            qf_buf_put_byte(buf, ',');
        qf_json_write_string(buf, sorted[i]->key);
        qf_buf_put_byte(buf, ':');
        qf_feel_write_json(buf, &sorted[i]->value);
    }
    qf_buf_put_byte(buf, '}');
    if (sorted != few)
        free(sorted);
}

static void write_json_range(struct qf_buf *buf, const struct qf_feel_value *value)
{
    struct qf_buf text;
    qf_buf_init(&text, QF_FEEL_MEMORY_MAX);
    qf_feel_write(&text, value, true);
    buf->failed = buf->failed || text.failed;
    buf->starved = buf->starved || text.starved;
    qf_json_write_string(buf, qf_buf_slice(&text));
    qf_buf_deinit(&text);
}

/* 1E2 is 100, an integer; 5.00 has decimals, which a reader may want to see. */
static void write_json_number(struct qf_buf *buf, const struct qf_feel_value *value)
{
    struct qf_buf text;
    int64_t integer = 0;
    qf_buf_init(&text, QF_FEEL_MEMORY_MAX);
    qf_feel_number_write(&text, value);
    buf->failed = buf->failed || text.failed;
    buf->starved = buf->starved || text.starved;
    bool whole = text.size > 0 && memchr(text.data, '.', text.size) == NULL;
    if (whole && qf_feel_number_to_int(&integer, value) && integer >= -QF_JSON_INT_MAX &&
        integer <= QF_JSON_INT_MAX)
        qf_buf_put_int(buf, integer);
    else
        qf_json_write_string(buf, qf_buf_slice(&text));
    qf_buf_deinit(&text);
}

void qf_feel_write_json(struct qf_buf *buf, const struct qf_feel_value *value)
{
    switch ((enum qf_feel_kind)value->kind) {
    case QF_FEEL_NULL:
    case QF_FEEL_FUNCTION:
        qf_buf_put_text(buf, "null");
        break;
    case QF_FEEL_BOOLEAN:
        qf_buf_put_text(buf, value->boolean ? "true" : "false");
        break;
    case QF_FEEL_NUMBER:
        if (value->small && value->integer >= -QF_JSON_INT_MAX &&
            value->integer <= QF_JSON_INT_MAX) {
            qf_buf_put_int(buf, value->integer);
            break;
        }
        write_json_number(buf, value);
        break;
    case QF_FEEL_STRING:
        qf_json_write_string(buf, qf_feel_slice(value));
        break;
    case QF_FEEL_DATE:
    case QF_FEEL_TIME:
    case QF_FEEL_DATE_TIME:
    case QF_FEEL_MONTHS:
    case QF_FEEL_SECONDS:
        qf_buf_put_byte(buf, '"');
        qf_feel_temporal_write(buf, value);
        qf_buf_put_byte(buf, '"');
        break;
    case QF_FEEL_LIST:
        qf_buf_put_byte(buf, '[');
        for (uint32_t i = 0; i < value->count && !buf->failed; i++) {
            if (i > 0)
                qf_buf_put_byte(buf, ',');
            qf_feel_write_json(buf, &value->items[i]);
        }
        qf_buf_put_byte(buf, ']');
        break;
    case QF_FEEL_CONTEXT:
        write_json_context(buf, value->context);
        break;
    case QF_FEEL_RANGE:
        write_json_range(buf, value);
        break;
    }
}

static struct qf_feel_value context_from_json(struct qf_arena *arena, const struct qf_json *json)
{
    struct qf_feel_context *context = QF_ARENA_NEW(arena, struct qf_feel_context);
    struct qf_feel_entry *entries = QF_ARENA_ARRAY(arena, struct qf_feel_entry, json->count);
    for (uint32_t i = 0; i < json->count; i++) {
        entries[i].key = json->members[i].key;
        entries[i].value = qf_feel_from_json(arena, &json->members[i].value);
    }
    context->count = json->count;
    context->entries = entries;
    return (struct qf_feel_value){.kind = QF_FEEL_CONTEXT, .context = context};
}

struct qf_feel_value qf_feel_from_json(struct qf_arena *arena, const struct qf_json *json)
{
    struct qf_feel_value out = qf_feel_null();
    switch (json->type) {
    case QF_JSON_NULL:
        break;
    case QF_JSON_FALSE:
    case QF_JSON_TRUE:
        return qf_feel_bool(json->type == QF_JSON_TRUE);
    case QF_JSON_INT:
        return qf_feel_int(json->integer);
    case QF_JSON_DECIMAL:
        (void)qf_feel_number_parse(&out, qf_json_text(json));
        break;
    case QF_JSON_STRING:
        return qf_feel_text(qf_json_text(json));
    case QF_JSON_ARRAY: {
        struct qf_feel_value *items = QF_ARENA_ARRAY(arena, struct qf_feel_value, json->count);
        for (uint32_t i = 0; i < json->count; i++)
            items[i] = qf_feel_from_json(arena, &json->items[i]);
        out = (struct qf_feel_value){.kind = QF_FEEL_LIST, .count = json->count, .items = items};
        break;
    }
    case QF_JSON_OBJECT:
        return context_from_json(arena, json);
    }
    return out;
}
