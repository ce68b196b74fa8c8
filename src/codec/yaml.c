#include "codec/yaml.h"

#include <stdio.h>
#include <stdlib.h>
#include <yaml.h>

struct qf_yaml_place {
    struct qf_slice key; /* empty in a sequence */
    unsigned line;
    struct qf_yaml_place *first, *next;
};

struct reading {
    struct qf_slice input;
    yaml_parser_t parser;
    struct qf_arena *arena;
    struct qf_error *err;
    unsigned nodes;
};

static unsigned line_of(const yaml_event_t *event)
{
    return (unsigned)event->start_mark.line + 1;
}

static enum qf_status fail_at(struct reading *r, enum qf_status status, unsigned line,
                              const char *text)
{
    char field[32];
    snprintf(field, sizeof field, "line %u", line);
    return qf_fail(r->err, status, field, "%s", text);
}

/* What to do about a line that is not YAML: most often a text that should be in quotes. */
static const char *cure_of(const struct reading *r)
{
    size_t at = 0;
    if (r->parser.error != YAML_SCANNER_ERROR && r->parser.error != YAML_PARSER_ERROR)
        return "";
    for (size_t line = r->parser.problem_mark.line; line > 0 && at < r->input.size; at++)
        line -= r->input.data[at] == '\n';
    while (at < r->input.size && r->input.data[at] == ' ')
        at++;
    if (at < r->input.size && r->input.data[at] == '\t')
        return "; a tab does not indent, use spaces";
    return "; a text with : # , [ ] { } & * ! | > % @ or a quote in it goes in quotes";
}

static enum qf_status next_event(struct reading *r, yaml_event_t *event)
{
    if (yaml_parser_parse(&r->parser, event))
        return QF_OK;
    if (r->parser.error == YAML_MEMORY_ERROR)
        return fail_at(r, QF_NO_MEMORY, 0, "no memory");
    unsigned line = (unsigned)r->parser.problem_mark.line + 1;
    char text[200];
    snprintf(text, sizeof text, "%s%s", r->parser.problem != NULL ? r->parser.problem : "not YAML",
             cure_of(r));
    return fail_at(r, QF_MALFORMED, line, text);
}

static bool is_digits(struct qf_slice text)
{
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
    return text.size > 0;
}

/* Whether a plain scalar is a number in some reading of YAML: such a text would change its meaning
 * from one reader to the next. */
static bool looks_numeric(struct qf_slice text)
{
    size_t i = text.size > 0 && (text.data[0] == '-' || text.data[0] == '+') ? 1 : 0;
    bool digit = false;
    bool point = false;
    if (qf_slice_is(text, ".nan") || qf_slice_is(text, ".inf") || qf_slice_is(text, "-.inf"))
        return true;
    if (i + 2 < text.size && text.data[i] == '0' &&
        (text.data[i + 1] == 'x' || text.data[i + 1] == 'o'))
        return true;
    for (; i < text.size; i++) {
        uint8_t c = text.data[i];
        if (c >= '0' && c <= '9') {
            digit = true;
        } else if (c == '.' && !point) {
            point = true;
        } else if ((c == 'e' || c == 'E') && digit) {
            struct qf_slice rest = {text.data + i + 1, text.size - i - 1};
            if (rest.size > 0 && (rest.data[0] == '-' || rest.data[0] == '+'))
                rest = (struct qf_slice){rest.data + 1, rest.size - 1};
            return is_digits(rest);
        } else {
            return false;
        }
    }
    return digit;
}

static enum qf_status read_plain(struct reading *r, struct qf_json *out, struct qf_slice text,
                                 unsigned line)
{
    if (text.size == 0 || qf_slice_is(text, "null") || qf_slice_is(text, "~")) {
        *out = qf_json_make_null();
        return QF_OK;
    }
    if (qf_slice_is(text, "true") || qf_slice_is(text, "false")) {
        *out = qf_json_make_bool(text.data[0] == 't');
        return QF_OK;
    }
    if (!looks_numeric(text)) {
        *out = qf_json_make_slice(qf_arena_copy(r->arena, text));
        return QF_OK;
    }
    bool negative = text.data[0] == '-';
    struct qf_slice digits = {text.data + negative, text.size - negative};
    if (!is_digits(digits) || (digits.size > 1 && digits.data[0] == '0') ||
        (negative && digits.data[0] == '0')) {
        char why[200];
        snprintf(why, sizeof why,
                 "%.*s: numbers are whole and decimal; anything else goes in quotes: \"%.*s\"",
                 (int)(text.size > 60 ? 60 : text.size), (const char *)text.data,
                 (int)(text.size > 60 ? 60 : text.size), (const char *)text.data);
        return fail_at(r, QF_MALFORMED, line, why);
    }
    int64_t value = 0;
    for (size_t i = 0; i < digits.size && value <= QF_JSON_INT_MAX; i++)
        value = value * 10 + (digits.data[i] - '0');
    if (value > QF_JSON_INT_MAX)
        return fail_at(r, QF_OVER_LIMIT, line, "integers lie within 9007199254740991");
    *out = qf_json_make_int(negative ? -value : value);
    return QF_OK;
}

static enum qf_status read_scalar(struct reading *r, struct qf_json *out, const yaml_event_t *event)
{
    struct qf_slice text = {event->data.scalar.value, event->data.scalar.length};
    if (event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
        return read_plain(r, out, text, line_of(event));
    *out = qf_json_make_slice(qf_arena_copy(r->arena, text));
    return QF_OK;
}

static enum qf_status refuse_extras(struct reading *r, const yaml_event_t *event)
{
    const yaml_char_t *anchor = NULL;
    const yaml_char_t *tag = NULL;
    if (event->type == YAML_ALIAS_EVENT)
        return fail_at(r, QF_MALFORMED, line_of(event), "aliases are not taken; write it out");
    if (event->type == YAML_SCALAR_EVENT) {
        anchor = event->data.scalar.anchor;
        tag = event->data.scalar.tag;
    } else if (event->type == YAML_SEQUENCE_START_EVENT) {
        anchor = event->data.sequence_start.anchor;
        tag = event->data.sequence_start.tag;
    } else if (event->type == YAML_MAPPING_START_EVENT) {
        anchor = event->data.mapping_start.anchor;
        tag = event->data.mapping_start.tag;
    }
    if (anchor != NULL)
        return fail_at(r, QF_MALFORMED, line_of(event), "anchors are not taken; write it out");
    if (tag != NULL)
        return fail_at(r, QF_MALFORMED, line_of(event), "tags are not taken");
    if (++r->nodes > QF_YAML_NODES_MAX)
        return fail_at(r, QF_OVER_LIMIT, line_of(event), "more values than a file may hold");
    return QF_OK;
}

static enum qf_status read_node(struct reading *r, struct qf_json *out, struct qf_yaml_place *place,
                                const yaml_event_t *event, unsigned depth);

static struct qf_yaml_place *add_place(struct reading *r, struct qf_yaml_place ***tail,
                                       struct qf_slice key, unsigned line)
{
    struct qf_yaml_place *child = qf_arena_zalloc(r->arena, sizeof *child);
    child->key = key;
    child->line = line;
    **tail = child;
    *tail = &child->next;
    return child;
}

static enum qf_status read_sequence(struct reading *r, struct qf_json *out,
                                    struct qf_yaml_place *place, unsigned depth)
{
    struct qf_yaml_place **tail = &place->first;
    *out = qf_json_make_array();
    for (;;) {
        yaml_event_t event;
        struct qf_json item;
        enum qf_status status = next_event(r, &event);
        if (status != QF_OK)
            return status;
        bool end = event.type == YAML_SEQUENCE_END_EVENT;
        if (!end) {
            struct qf_yaml_place *child =
                add_place(r, &tail, (struct qf_slice){0}, line_of(&event));
            status = read_node(r, &item, child, &event, depth + 1);
        }
        yaml_event_delete(&event);
        if (end || status != QF_OK)
            return status;
        qf_json_append(r->arena, out, item);
    }
}

static enum qf_status read_key(struct reading *r, const char **key, const struct qf_json *object,
                               const yaml_event_t *event)
{
    enum qf_status status = refuse_extras(r, event);
    if (status != QF_OK)
        return status;
    if (event->type != YAML_SCALAR_EVENT)
        return fail_at(r, QF_MALFORMED, line_of(event), "a key is a text");
    struct qf_slice text = {event->data.scalar.value, event->data.scalar.length};
    if (text.size == 0 || memchr(text.data, 0, text.size) != NULL)
        return fail_at(r, QF_MALFORMED, line_of(event), "a key is a text");
    if (text.size > QF_YAML_KEY_SIZE_MAX)
        return fail_at(r, QF_OVER_LIMIT, line_of(event), "the key is too long");
    if (event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && qf_slice_is(text, "<<"))
        return fail_at(r, QF_MALFORMED, line_of(event), "merge keys are not taken; write it out");
    if (qf_json_get_slice(object, text) != NULL)
        return fail_at(r, QF_MALFORMED, line_of(event), "this key stands here twice");
    *key = qf_arena_text(r->arena, text);
    return QF_OK;
}

static enum qf_status read_mapping(struct reading *r, struct qf_json *out,
                                   struct qf_yaml_place *place, unsigned depth)
{
    struct qf_yaml_place **tail = &place->first;
    *out = qf_json_make_object();
    for (;;) {
        yaml_event_t event;
        struct qf_json value;
        const char *key = "";
        enum qf_status status = next_event(r, &event);
        if (status != QF_OK)
            return status;
        bool end = event.type == YAML_MAPPING_END_EVENT;
        unsigned line = line_of(&event);
        if (!end)
            status = read_key(r, &key, out, &event);
        yaml_event_delete(&event);
        if (end || status != QF_OK)
            return status;
        status = next_event(r, &event);
        if (status != QF_OK)
            return status;
        struct qf_yaml_place *child = add_place(r, &tail, qf_slice_of(key), line);
        status = read_node(r, &value, child, &event, depth + 1);
        yaml_event_delete(&event);
        if (status != QF_OK)
            return status;
        qf_json_put(r->arena, out, key, value);
    }
}

/* Depth is bounded by QF_JSON_DEPTH_MAX. */
static enum qf_status read_node(struct reading *r, struct qf_json *out, struct qf_yaml_place *place,
                                const yaml_event_t *event, unsigned depth)
{
    enum qf_status status = refuse_extras(r, event);
    if (status != QF_OK)
        return status;
    if (event->type == YAML_SCALAR_EVENT)
        return read_scalar(r, out, event);
    if (depth > QF_JSON_DEPTH_MAX)
        return fail_at(r, QF_OVER_LIMIT, line_of(event), "nested more than 32 levels deep");
    if (event->type == YAML_SEQUENCE_START_EVENT)
        return read_sequence(r, out, place, depth);
    QF_ASSERT(event->type == YAML_MAPPING_START_EVENT);
    return read_mapping(r, out, place, depth);
}

/* Stream start, document, then nothing more. */
static enum qf_status read_stream(struct reading *r, struct qf_json *out,
                                  struct qf_yaml_place *root)
{
    for (unsigned documents = 0;;) {
        yaml_event_t event;
        enum qf_status status = next_event(r, &event);
        if (status != QF_OK)
            return status;
        yaml_event_type_t type = event.type;
        if (type == YAML_DOCUMENT_START_EVENT && ++documents > 1)
            status = fail_at(r, QF_MALFORMED, line_of(&event), "a file holds one document");
        else if (type != YAML_STREAM_START_EVENT && type != YAML_STREAM_END_EVENT &&
                 type != YAML_DOCUMENT_START_EVENT && type != YAML_DOCUMENT_END_EVENT)
            status = read_node(r, out, root, &event, 1);
        yaml_event_delete(&event);
        if (status != QF_OK || type == YAML_STREAM_END_EVENT)
            return status;
    }
}

enum qf_status qf_yaml_parse(struct qf_arena *arena, struct qf_yaml *out, struct qf_slice input,
                             struct qf_error *err)
{
    struct reading r = {.arena = arena, .err = err, .input = input};
    struct qf_yaml_place *root = qf_arena_zalloc(arena, sizeof *root);
    root->line = 1;
    out->value = qf_json_make_null();
    out->places = root;
    if (input.size > QF_YAML_SIZE_MAX)
        return fail_at(&r, QF_OVER_LIMIT, 1, "the file is over the limit of 1 MiB");
    if (!yaml_parser_initialize(&r.parser))
        return fail_at(&r, QF_NO_MEMORY, 1, "no memory");
    static const uint8_t nothing = 0;
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, input.size > 0 ? input.data : &nothing, input.size);
    enum qf_status status = read_stream(&r, &out->value, root);
    yaml_parser_delete(&r.parser);
    return status;
}

static const struct qf_yaml_place *child_at(const struct qf_yaml_place *place, const char **path)
{
    const struct qf_yaml_place *child = place->first;
    if (**path == '[') {
        unsigned long index = strtoul(*path + 1, NULL, 10);
        while (child != NULL && index-- > 0)
            child = child->next;
        *path += strcspn(*path, "]");
        *path += **path == ']';
    } else {
        *path += **path == '.';
        struct qf_slice key = {(const uint8_t *)*path, strcspn(*path, ".[")};
        while (child != NULL && !qf_slice_equal(child->key, key))
            child = child->next;
        *path += key.size;
    }
    return child;
}

unsigned qf_yaml_line(const struct qf_yaml *yaml, const char *path)
{
    const struct qf_yaml_place *place = yaml->places;
    while (*path != '\0') {
        const struct qf_yaml_place *child = child_at(place, &path);
        if (child == NULL)
            break;
        place = child;
    }
    return place->line;
}
