/* From text to closures in one pass: the grammar of DMN 1.5, 10.3.1.2, by recursive descent over
 * the characters. There is no separate lexer because where a name ends depends on the names in
 * scope ("days in weekend" may be one). Types are found on the way, and what is certain to fail is
 * reported. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "feel/node.h"
#include "feel/number.h"
#include "feel/parse.h"
#include "feel/temporal.h"

/* ---- characters ---- */

_Noreturn void qf_feel_parse_fail(struct qf_feel_parser *p, const char *expected)
{
    uint32_t line = 0;
    uint32_t column = 0;
    qf_feel_parse_place(p, p->at, &line, &column);
    char field[48];
    snprintf(field, sizeof field, "line %u, column %u", line, column);
    const char *cure = qf_feel_parse_cure(p);
    size_t shown = p->size - p->at > 20 ? 20 : p->size - p->at;
    while (p->at + shown < p->size && ((uint8_t)p->text[p->at + shown] & 0xc0) == 0x80)
        shown--; /* whole characters */
    if (p->at >= p->size)
        (void)qf_fail(p->err, QF_MALFORMED, field, "expected %s, found the end", expected);
    else
        (void)qf_fail(p->err, QF_MALFORMED, field, "expected %s, found \"%.*s\"%s%s", expected,
                      (int)shown, p->text + p->at, cure == NULL ? "" : "; ",
                      cure == NULL ? "" : cure);
    longjmp(p->fail, 1);
}

/* One character back; over the end of a line, that line is looked at again. */
static void place_back(struct qf_feel_parser *p)
{
    uint8_t c = (uint8_t)p->text[--p->place_at];
    if (c == '\n') {
        size_t at = p->place_at;
        p->place_column = 1;
        for (; at > 0 && p->text[at - 1] != '\n'; at--)
            p->place_column += ((uint8_t)p->text[at - 1] & 0xc0) != 0x80;
        p->place_line--;
        if (at == 0 && p->compiler->column > 1)
            p->place_column += p->compiler->column - 1;
    } else if ((c & 0xc0) != 0x80) {
        p->place_column--;
    }
}

/* Goes on from where it was asked last, forth or back, so that the places of all nodes take about
 * one pass: an operator is asked for after its right side. */
void qf_feel_parse_place(struct qf_feel_parser *p, size_t at, uint32_t *line, uint32_t *column)
{
    if (p->place_line == 0) {
        p->place_at = 0;
        p->place_line = p->compiler->line == 0 ? 1 : p->compiler->line;
        p->place_column = p->compiler->column == 0 ? 1 : p->compiler->column;
    }
    while (p->place_at > at)
        place_back(p);
    for (; p->place_at < at && p->place_at < p->size; p->place_at++) {
        if (p->text[p->place_at] == '\n') {
            p->place_line++;
            p->place_column = 1;
        } else if (((uint8_t)p->text[p->place_at] & 0xc0) != 0x80) {
            p->place_column++;
        }
    }
    *line = p->place_line;
    *column = p->place_column;
}

void qf_feel_parse_report(struct qf_feel_parser *p, size_t at, bool error, const char *fmt, ...)
{
    const struct qf_feel_reporter *reporter = p->compiler->reporter;
    if (reporter == NULL)
        return;
    char text[240];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    struct qf_feel_problem problem = {.error = error, .message = text};
    qf_feel_parse_place(p, at, &problem.line, &problem.column);
    reporter->report(reporter->self, &problem);
}

/* The code point at `at` and its size; 0 at the end. */
static uint32_t code_point(const struct qf_feel_parser *p, size_t at, size_t *size)
{
    *size = 0;
    if (at >= p->size)
        return 0;
    uint8_t lead = (uint8_t)p->text[at];
    size_t count = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (at + count > p->size)
        count = 1;
    uint32_t value = count == 1 ? lead : lead & (0xffU >> (count + 1));
    for (size_t i = 1; i < count; i++)
        value = (value << 6) | ((uint8_t)p->text[at + i] & 0x3f);
    *size = count;
    return value;
}

static bool is_space(uint32_t c)
{
    return c == ' ' || (c >= 9 && c <= 13) || c == 0x85 || c == 0xa0 || c == 0x1680 ||
           c == 0x180e || (c >= 0x2000 && c <= 0x200b) || c == 0x2028 || c == 0x2029 ||
           c == 0x202f || c == 0x205f || c == 0x3000 || c == 0xfeff;
}

static bool is_name_start(uint32_t c)
{
    return c == '?' || c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= 0xc0 && c <= 0x1fff && c != 0xd7 && c != 0xf7 && !is_space(c)) || c == 0x200c ||
           c == 0x200d || (c >= 0x2070 && c <= 0x218f) || (c >= 0x2c00 && c <= 0x2fef) ||
           (c >= 0x3001 && c <= 0xd7ff) || (c >= 0xf900 && c <= 0xfdcf) ||
           (c >= 0xfdf0 && c <= 0xfffd && c != 0xfeff) || (c >= 0x10000 && c <= 0xeffff);
}

static bool is_name_part(uint32_t c)
{
    return is_name_start(c) || (c >= '0' && c <= '9') || c == 0xb7 || (c >= 0x300 && c <= 0x36f) ||
           c == 0x203f || c == 0x2040;
}

void qf_feel_parse_skip(struct qf_feel_parser *p)
{
    for (;;) {
        size_t size = 0;
        uint32_t c = code_point(p, p->at, &size);
        if (size == 0)
            return;
        if (is_space(c)) {
            p->at += size;
        } else if (c == '/' && p->at + 1 < p->size && p->text[p->at + 1] == '/') {
            while (p->at < p->size && p->text[p->at] != '\n')
                p->at++;
        } else if (c == '/' && p->at + 1 < p->size && p->text[p->at + 1] == '*') {
            const char *from = p->text + p->at + 2;
            const char *end = memmem(from, p->size - p->at - 2, "*/", 2);
            if (end == NULL) {
                p->at = p->size;
                qf_feel_parse_fail(p, "*/ at the end of the comment");
            }
            p->at = (size_t)(end - p->text) + 2;
        } else {
            return;
        }
    }
}

bool qf_feel_parse_is(struct qf_feel_parser *p, const char *token)
{
    size_t size = strlen(token);
    return p->size - p->at >= size && memcmp(p->text + p->at, token, size) == 0;
}

bool qf_feel_parse_take(struct qf_feel_parser *p, const char *token)
{
    qf_feel_parse_skip(p);
    if (!qf_feel_parse_is(p, token))
        return false;
    p->at += strlen(token);
    return true;
}

void qf_feel_parse_expect(struct qf_feel_parser *p, const char *token)
{
    if (!qf_feel_parse_take(p, token)) {
        char text[64];
        snprintf(text, sizeof text, "\"%s\"", token);
        qf_feel_parse_fail(p, text);
    }
}

/* White space at `at`, in bytes. */
static size_t spaces_at(const struct qf_feel_parser *p, size_t at)
{
    size_t from = at;
    size_t size = 0;
    while (is_space(code_point(p, at, &size)) && size > 0)
        at += size;
    return at - from;
}

static bool is_word_byte(uint8_t c)
{
    return c >= 0x80 || is_name_part(c);
}

/* Whether the tokens of `name` stand at `at` and end there: white space parts words, and may stand
 * or not around signs, so that a-b and a - b are one name (DMN 1.5, 10.3.1.4). Gives the size in
 * the text, or 0. */
size_t qf_feel_parse_match(const struct qf_feel_parser *p, size_t at, struct qf_slice name,
                           bool any_case)
{
    size_t from = at;
    size_t size = 0;
    uint8_t before = 0; /* the name's last byte that is no space */
    for (size_t i = 0; i < name.size; i++) {
        uint8_t c = name.data[i];
        if (c == ' ')
            continue;
        bool spaced = i > 0 && name.data[i - 1] == ' ';
        if (before != 0 && (spaced || !is_word_byte(before) || !is_word_byte(c))) {
            size_t spaces = spaces_at(p, at);
            if (spaces == 0 && is_word_byte(before) && is_word_byte(c))
                return 0;
            at += spaces;
        }
        if (at >= p->size)
            return 0;
        uint8_t found = (uint8_t)p->text[at];
        if (found != c &&
            (!any_case || (found ^ c) != 0x20 || (found | 0x20) < 'a' || (found | 0x20) > 'z'))
            return 0;
        at++;
        before = c;
    }
    if (name.size == 0)
        return 0;
    if (is_word_byte(before) && is_name_part(code_point(p, at, &size)) && size > 0)
        return 0;
    return at - from;
}

static size_t match_name(const struct qf_feel_parser *p, size_t at, struct qf_slice name)
{
    return qf_feel_parse_match(p, at, name, false);
}

bool qf_feel_parse_word_at(const struct qf_feel_parser *p, size_t at, const char *word)
{
    return match_name(p, at, qf_slice_of(word)) > 0;
}

bool qf_feel_parse_word(struct qf_feel_parser *p, const char *word)
{
    qf_feel_parse_skip(p);
    size_t size = match_name(p, p->at, qf_slice_of(word));
    p->at += size;
    return size > 0;
}

size_t qf_feel_parse_simple_name(const struct qf_feel_parser *p, size_t at)
{
    size_t size = 0;
    size_t from = at;
    if (!is_name_start(code_point(p, at, &size)) || size == 0)
        return 0;
    do {
        at += size;
    } while (is_name_part(code_point(p, at, &size)) && size > 0);
    return at - from;
}

struct qf_slice qf_feel_name_normal(struct qf_arena *arena, struct qf_slice name)
{
    uint8_t *out = qf_arena_alloc(arena, name.size + 1);
    size_t size = 0;
    const struct qf_feel_parser p = {.text = (const char *)name.data, .size = name.size};
    for (size_t at = 0, step = 0; at < name.size; at += step) {
        if (is_space(code_point(&p, at, &step))) {
            if (size > 0 && out[size - 1] != ' ')
                out[size++] = ' ';
        } else {
            memcpy(out + size, name.data + at, step);
            size += step;
        }
    }
    while (size > 0 && out[size - 1] == ' ')
        size--;
    return qf_slice_make(out, size);
}

/* A name being declared: everything up to one of the characters, or the word, that ends it. */
struct qf_slice qf_feel_parse_declared(struct qf_feel_parser *p, const char *ends, const char *word)
{
    qf_feel_parse_skip(p);
    size_t from = p->at;
    size_t size = 0;
    if (!is_name_start(code_point(p, p->at, &size)) || size == 0)
        qf_feel_parse_fail(p, "a name");
    while (p->at < p->size) {
        uint32_t c = code_point(p, p->at, &size);
        if (c < 0x80 && strchr(ends, (int)c) != NULL)
            break;
        if (word != NULL && p->at > from && is_space(code_point(p, p->at - 1, &size)) &&
            qf_feel_parse_word_at(p, p->at, word))
            break;
        (void)code_point(p, p->at, &size);
        p->at += size;
    }
    struct qf_slice name =
        qf_feel_name_normal(p->compiler->arena, qf_slice_make(p->text + from, p->at - from));
    if (name.size == 0)
        qf_feel_parse_fail(p, "a name");
    return name;
}

/* ---- nodes ---- */

struct qf_feel_node *qf_feel_node_new(struct qf_arena *arena, qf_feel_run_fn *run,
                                      const struct qf_feel_type *type, uint32_t kid_count)
{
    struct qf_feel_node *node = QF_ARENA_NEW(arena, struct qf_feel_node);
    node->run = run;
    node->type = type;
    node->count = kid_count;
    if (kid_count > 0)
        node->kids = qf_arena_zalloc(arena, sizeof(struct qf_feel_node *) * kid_count);
    return node;
}

static const struct qf_feel_type *type_of(struct qf_arena *arena, const struct qf_feel_value *value)
{
    if (value->kind == QF_FEEL_LIST) {
        const struct qf_feel_type *element = &qf_feel_type_any;
        for (uint32_t i = 0; i < value->count; i++) {
            const struct qf_feel_type *item = type_of(arena, &value->items[i]);
            element = i == 0 || item == element ? item : &qf_feel_type_any;
        }
        return qf_feel_type_list(arena, element);
    }
    if (value->kind == QF_FEEL_RANGE) {
        const struct qf_feel_value *end =
            value->range->start.kind != QF_FEEL_NULL ? &value->range->start : &value->range->end;
        struct qf_feel_type *type = QF_ARENA_NEW(arena, struct qf_feel_type);
        type->kind = QF_FEEL_RANGE;
        type->element = end->kind == QF_FEEL_NULL ? &qf_feel_type_any : type_of(arena, end);
        return type;
    }
    return qf_feel_type_of_kind((enum qf_feel_kind)value->kind);
}

struct qf_feel_node *qf_feel_node_literal(struct qf_arena *arena, struct qf_feel_value value)
{
    struct qf_feel_node *node =
        qf_feel_node_new(arena, qf_feel_run_literal, type_of(arena, &value), 0);
    node->is_literal = true;
    node->value = value;
    return node;
}

struct qf_feel_node *qf_feel_parse_node(struct qf_feel_parser *p, size_t at, qf_feel_run_fn *run,
                                        const struct qf_feel_type *type, uint32_t kid_count)
{
    if (++p->node_count > QF_FEEL_SOURCE_SIZE_MAX)
        qf_feel_parse_fail(p, "a smaller expression");
    struct qf_feel_node *node = qf_feel_node_new(p->compiler->arena, run, type, kid_count);
    qf_feel_parse_place(p, at, &node->line, &node->column);
    return node;
}

struct qf_feel_node *qf_feel_parse_literal(struct qf_feel_parser *p, size_t at,
                                           struct qf_feel_value value)
{
    struct qf_feel_node *node = qf_feel_node_literal(p->compiler->arena, value);
    p->node_count++;
    qf_feel_parse_place(p, at, &node->line, &node->column);
    return node;
}

/* ---- names ---- */

static size_t match_members(struct qf_feel_parser *p, size_t at, const struct qf_feel_type *type,
                            struct qf_slice *name)
{
    size_t best = 0;
    while (type->kind == QF_FEEL_LIST)
        type = type->element;
    if (type->kind != QF_FEEL_CONTEXT)
        return 0;
    for (uint32_t i = 0; i < type->count; i++) {
        size_t size = match_name(p, at, type->members[i].name);
        if (size > best) {
            best = size;
            *name = type->members[i].name;
        }
    }
    return best;
}

/* The longest of the names that are known as members of something. */
static size_t match_known(struct qf_feel_parser *p, size_t at, struct qf_slice *name)
{
    static const char *const properties[] = {"time offset", "start included", "end included"};
    size_t best = 0;
    for (size_t i = 0; i < sizeof properties / sizeof properties[0]; i++) {
        size_t size = match_name(p, at, qf_slice_of(properties[i]));
        if (size > best) {
            best = size;
            *name = qf_slice_of(properties[i]);
        }
    }
    for (uint32_t i = 0; i < p->compiler->member_name_count; i++) {
        size_t size = match_name(p, at, p->compiler->member_names[i]);
        if (size > best) {
            best = size;
            *name = p->compiler->member_names[i];
        }
    }
    for (uint32_t i = 0; i < p->key_count; i++) {
        size_t size = match_name(p, at, p->keys[i]);
        if (size > best) {
            best = size;
            *name = p->keys[i];
        }
    }
    return best;
}

void qf_feel_parse_learn(struct qf_feel_parser *p, struct qf_slice key)
{
    if (p->keys == NULL)
        p->keys = QF_ARENA_ARRAY(p->compiler->arena, struct qf_slice, QF_FEEL_KEYS_MAX);
    if (p->key_count < QF_FEEL_KEYS_MAX)
        p->keys[p->key_count++] = key;
}

struct qf_slice qf_feel_parse_member_name(struct qf_feel_parser *p, const struct qf_feel_type *type)
{
    qf_feel_parse_skip(p);
    struct qf_slice name = {0};
    size_t size = match_members(p, p->at, type, &name);
    struct qf_slice known = {0};
    size_t known_size = size > 0 ? 0 : match_known(p, p->at, &known);
    size_t simple = qf_feel_parse_simple_name(p, p->at);
    if (known_size > size) {
        size = known_size;
        name = known;
    }
    if (simple > size) {
        size = simple;
        name = qf_arena_copy(p->compiler->arena, qf_slice_make(p->text + p->at, simple));
    }
    if (size == 0)
        qf_feel_parse_fail(p, "the name of a member");
    p->at += size;
    return name;
}

struct found {
    size_t size;
    uint32_t level; /* frames up */
    const struct qf_feel_scope *scope;
    const struct qf_feel_binding *binding; /* NULL: a member of a filter's item */
    struct qf_slice name;
};

/* The longest name in scope at `at`; of equal ones the innermost. */
static struct found find_binding(struct qf_feel_parser *p, size_t at,
                                 const struct qf_feel_scope *from, uint32_t level)
{
    struct found found = {0};
    for (const struct qf_feel_scope *scope = from; scope != NULL; scope = scope->parent) {
        for (uint32_t i = 0; i < scope->count; i++) {
            size_t size = match_name(p, at, scope->bindings[i].name);
            if (size > found.size)
                found = (struct found){size, level, scope, &scope->bindings[i],
                                       scope->bindings[i].name};
        }
        if (scope->kind == QF_FEEL_SCOPE_FILTER) {
            struct qf_slice name = {0};
            size_t size = match_members(p, at, scope->bindings[0].type, &name);
            if (size > found.size)
                found = (struct found){size, level, scope, NULL, name};
        }
        if (scope->kind != QF_FEEL_SCOPE_GLOBAL)
            level++;
    }
    return found;
}

size_t qf_feel_parse_in_scope(struct qf_feel_parser *p)
{
    return find_binding(p, p->at, p->scope, 0).size;
}

static const struct qf_feel_node *binding_node(struct qf_feel_parser *p, size_t at,
                                               const struct found *found)
{
    const struct qf_feel_binding *binding = found->binding;
    if (found->scope->kind == QF_FEEL_SCOPE_GLOBAL) {
        struct qf_feel_node *node = qf_feel_parse_node(p, at, binding->get, binding->type, 0);
        node->a = binding->slot;
        node->data = binding->data;
        return node;
    }
    struct qf_feel_node *node = qf_feel_parse_node(p, at, qf_feel_run_local, binding->type, 0);
    node->a = found->level;
    node->b = binding->slot;
    if (binding->name.size == 1 && binding->name.data[0] == '?')
        p->saw_input = true;
    return node;
}

/* Inside filters a name may be a member of an item whose type is not known until it is there. */
static const struct qf_feel_node *filter_node(struct qf_feel_parser *p, size_t at,
                                              const struct qf_feel_scope *scope, uint32_t level,
                                              struct qf_slice name,
                                              const struct qf_feel_node *outside)
{
    struct qf_feel_node *node = qf_feel_parse_node(p, at, qf_feel_run_filter_name,
                                                   &qf_feel_type_any, outside == NULL ? 0 : 1);
    struct qf_slice *copy = QF_ARENA_NEW(p->compiler->arena, struct qf_slice);
    *copy = name;
    node->a = level;
    node->data = copy;
    if (outside != NULL)
        node->kids[0] = outside;
    const struct qf_feel_type *item = scope->bindings[0].type;
    const struct qf_feel_type *member = qf_feel_type_member(item, name);
    if (member != NULL)
        node->type = member;
    else if (outside != NULL && item->kind == QF_FEEL_CONTEXT && !item->open)
        node->type = outside->type;
    return node;
}

static const struct qf_feel_node *builtin_node(struct qf_feel_parser *p, size_t at, size_t *size)
{
    const struct qf_feel_builtin *best = NULL;
    *size = 0;
    for (uint32_t i = 0;; i++) {
        const struct qf_feel_builtin *builtin = qf_feel_builtin_at(i);
        if (builtin == NULL)
            break;
        size_t length = match_name(p, at, qf_slice_of(builtin->name));
        if (length > *size) {
            *size = length;
            best = builtin;
        }
    }
    if (best == NULL)
        return NULL;
    struct qf_feel_node *node = qf_feel_parse_literal(p, at, qf_feel_builtin_value(best));
    return node;
}

/* Filters between here and where a name was found, or all of them when it was not. */
static const struct qf_feel_node *through_filters(struct qf_feel_parser *p, size_t at,
                                                  const struct qf_feel_scope *until,
                                                  struct qf_slice name,
                                                  const struct qf_feel_node *node)
{
    const struct qf_feel_scope *filters[QF_FEEL_NESTING_MAX];
    uint32_t levels[QF_FEEL_NESTING_MAX];
    uint32_t count = 0;
    uint32_t level = 0;
    for (const struct qf_feel_scope *scope = p->scope; scope != until && scope != NULL;
         scope = scope->parent) {
        if (scope->kind == QF_FEEL_SCOPE_FILTER && count < QF_FEEL_NESTING_MAX) {
            filters[count] = scope;
            levels[count++] = level;
        }
        if (scope->kind != QF_FEEL_SCOPE_GLOBAL)
            level++;
    }
    for (uint32_t i = count; i > 0; i--) {
        const struct qf_feel_type *item = filters[i - 1]->bindings[0].type;
        bool closed = item->kind != QF_FEEL_ANY && item->kind != QF_FEEL_CONTEXT;
        if (!closed || node == NULL)
            node = filter_node(p, at, filters[i - 1], levels[i - 1], name, node);
    }
    return node;
}

const struct qf_feel_node *qf_feel_parse_name(struct qf_feel_parser *p)
{
    size_t at = p->at;
    struct found found = find_binding(p, at, p->scope, 0);
    size_t builtin_size = 0;
    const struct qf_feel_node *builtin = builtin_node(p, at, &builtin_size);
    bool in_filter = false;
    for (const struct qf_feel_scope *s = p->scope; s != NULL; s = s->parent)
        in_filter = in_filter || s->kind == QF_FEEL_SCOPE_FILTER;
    struct qf_slice known = {0};
    size_t known_size = in_filter ? match_known(p, at, &known) : 0;
    if (builtin_size > found.size && builtin_size >= known_size) {
        p->at += builtin_size;
        return builtin;
    }
    if (known_size > found.size) {
        p->at += known_size;
        return through_filters(p, at, NULL, known, NULL);
    }
    if (found.size > 0) {
        p->at += found.size;
        if (found.binding == NULL) {
            const struct qf_feel_node *outside = NULL;
            struct found outer = find_binding(p, at, found.scope->parent, found.level + 1);
            if (outer.size == found.size && outer.binding != NULL)
                outside = binding_node(p, at, &outer);
            const struct qf_feel_node *member =
                filter_node(p, at, found.scope, found.level, found.name, outside);
            return through_filters(p, at, found.scope, found.name, member);
        }
        const struct qf_feel_node *node = binding_node(p, at, &found);
        const struct qf_feel_scope *until = found.scope;
        if (until->kind == QF_FEEL_SCOPE_FILTER) {
            /* `item` itself may be an entry of the item */
            node = filter_node(p, at, until, found.level, found.name, node);
        }
        return through_filters(p, at, until, found.name, node);
    }
    size_t simple = qf_feel_parse_simple_name(p, at);
    if (simple == 0)
        qf_feel_parse_fail(p, "an expression");
    struct qf_slice name = qf_arena_copy(p->compiler->arena, qf_slice_make(p->text + at, simple));
    if (in_filter) {
        p->at += simple;
        return through_filters(p, at, NULL, name, NULL);
    }
    p->at += qf_feel_parse_unknown(p, at, name);
    return qf_feel_parse_literal(p, at, qf_feel_null());
}

/* ---- entry ---- */

static const struct qf_feel_node *
parse_all(const struct qf_feel_compiler *compiler, const struct qf_feel_scope *scope,
          struct qf_slice text, struct qf_error *err,
          const struct qf_feel_node *(*parse)(struct qf_feel_parser *p))
{
    if (text.size > QF_FEEL_SOURCE_SIZE_MAX) {
        (void)qf_fail(err, QF_OVER_LIMIT, "", "the expression has more than %d bytes",
                      QF_FEEL_SOURCE_SIZE_MAX);
        return NULL;
    }
    struct qf_feel_parser parser = {0};
    struct qf_feel_parser *p = &parser;
    struct qf_error scratch = {0};
    p->compiler = compiler;
    p->scope = scope;
    p->text = text.size == 0 ? "" : (const char *)text.data; /* what lasts is copied from it */
    p->size = text.size;
    p->err = err == NULL ? &scratch : err;
    if (setjmp(p->fail) != 0)
        return NULL;
    const struct qf_feel_node *node = parse(p);
    qf_feel_parse_skip(p);
    if (p->at < p->size)
        qf_feel_parse_fail(p, "an operator or the end");
    return node;
}

const struct qf_feel_node *qf_feel_parse(const struct qf_feel_compiler *compiler,
                                         const struct qf_feel_scope *scope, struct qf_slice text,
                                         struct qf_error *err)
{
    return parse_all(compiler, scope, text, err, qf_feel_parse_expression);
}

const struct qf_feel_node *qf_feel_parse_tests(const struct qf_feel_compiler *compiler,
                                               const struct qf_feel_scope *scope,
                                               struct qf_slice text, struct qf_error *err)
{
    return parse_all(compiler, scope, text, err, qf_feel_parse_unary_tests);
}

static const struct qf_feel_scope *
variable_scope(struct qf_arena *arena, const struct qf_feel_variable *variables, uint32_t count)
{
    struct qf_feel_scope *scope = QF_ARENA_NEW(arena, struct qf_feel_scope);
    struct qf_feel_binding *bindings = QF_ARENA_ARRAY(arena, struct qf_feel_binding, count);
    for (uint32_t i = 0; i < count; i++) {
        bindings[i].name = qf_feel_name_normal(arena, variables[i].name);
        bindings[i].type = variables[i].type == NULL ? &qf_feel_type_any : variables[i].type;
        bindings[i].slot = i;
    }
    *scope = (struct qf_feel_scope){NULL, QF_FEEL_SCOPE_FRAME, bindings, count};
    return scope;
}

const struct qf_feel_type *qf_feel_program_type(const struct qf_feel_program *program)
{
    return program->root->type;
}

enum qf_status qf_feel_compile(struct qf_arena *arena, struct qf_feel_program *out,
                               struct qf_slice text, const struct qf_feel_variable *variables,
                               uint32_t variable_count, const struct qf_feel_reporter *reporter,
                               struct qf_error *err)
{
    struct qf_error local = {0};
    struct qf_feel_compiler compiler = {.arena = arena, .reporter = reporter};
    const struct qf_feel_scope *scope = variable_scope(arena, variables, variable_count);
    out->variable_count = variable_count;
    out->root = qf_feel_parse(&compiler, scope, text, &local);
    if (out->root == NULL && err != NULL)
        *err = local;
    return out->root == NULL ? local.status : QF_OK;
}

enum qf_status qf_feel_compile_tests(struct qf_arena *arena, struct qf_feel_program *out,
                                     struct qf_slice text, const struct qf_feel_type *input,
                                     const struct qf_feel_variable *variables,
                                     uint32_t variable_count,
                                     const struct qf_feel_reporter *reporter, struct qf_error *err)
{
    struct qf_error local = {0};
    struct qf_feel_compiler compiler = {.arena = arena, .reporter = reporter, .folds = true};
    struct qf_feel_scope *scope = QF_ARENA_NEW(arena, struct qf_feel_scope);
    struct qf_feel_binding *binding = QF_ARENA_NEW(arena, struct qf_feel_binding);
    *binding = (struct qf_feel_binding){.name = qf_slice_of("?"), .type = input};
    *scope = (struct qf_feel_scope){variable_scope(arena, variables, variable_count),
                                    QF_FEEL_SCOPE_FRAME, binding, 1};
    out->variable_count = variable_count;
    out->root = qf_feel_parse_tests(&compiler, scope, text, &local);
    if (out->root == NULL && err != NULL)
        *err = local;
    return out->root == NULL ? local.status : QF_OK;
}
