/* What a person probably meant: cures for slips that come from other languages, and names that are
 * near. They are added to messages and change nothing else. */
#include <stdio.h>

#include "feel/builtin.h"
#include "feel/parse.h"

/* `text` as it stands where reading stopped, or one character before it. */
static const struct slip {
    const char *text;
    const char *cure;
} slips[] = {
    {"&&", "write and"},
    {"||", "write or"},
    {"==", "write ="},
    {"<>", "write !="},
    {"\xe2\x89\xa5", "write >="},                                         /* ≥ */
    {"\xe2\x89\xa4", "write <="},                                         /* ≤ */
    {"\xe2\x89\xa0", "write !="},                                         /* ≠ */
    {"\xef\xbc\x8c", "write a comma of ASCII"},                           /* ， */
    {"\xef\xbc\x88", "write brackets of ASCII"},                          /* （ */
    {"\xef\xbc\x89", "write brackets of ASCII"},                          /* ） */
    {"\xef\xbc\x9e", "write >"},                                          /* ＞ */
    {"\xef\xbc\x9c", "write <"},                                          /* ＜ */
    {"\xe2\x80\x9c", "strings stand in straight quotation marks: \"…\""}, /* “ */
    {"\xe2\x80\x98", "strings stand in straight quotation marks: \"…\""}, /* ‘ */
    {"'", "strings stand in double quotation marks: \"…\""},
    {"%", "write modulo(a, b)"},
    {"mod ", "write modulo(a, b)"},
    {"is not null", "write != null"},
    {"is null", "write = null"},
    {"? ", "write if … then … else …"},
    {"..", "a range stands in brackets: [1..5]"},
    {"and <", "join the tests with ?: ? > 1 and ? < 5, or as a range: (1..5)"},
    {"and >", "join the tests with ?: ? > 1 and ? < 5, or as a range: (1..5)"},
};

static bool stands(const struct qf_feel_parser *p, size_t at, const char *text)
{
    size_t size = strlen(text);
    return at <= p->size && p->size - at >= size && memcmp(p->text + at, text, size) == 0;
}

static bool is_digit(const struct qf_feel_parser *p, size_t at)
{
    return at < p->size && p->text[at] >= '0' && p->text[at] <= '9';
}

const char *qf_feel_parse_cure(const struct qf_feel_parser *p)
{
    for (size_t i = 0; i < sizeof slips / sizeof slips[0]; i++) {
        const char *text = slips[i].text;
        bool begun = strlen(text) == 2 && p->at > 0; /* its first character was taken */
        if (stands(p, p->at, text) || (begun && stands(p, p->at - 1, text)))
            return slips[i].cure;
    }
    if (stands(p, p->at, ",") && p->at > 0 && is_digit(p, p->at - 1) && is_digit(p, p->at + 1))
        return "decimals have a point: 1.5";
    size_t before = p->at;
    while (before > 0 && p->text[before - 1] == ' ')
        before--;
    if (before >= 3 && before < p->at && stands(p, before - 3, "not"))
        return "write not(…)";
    return NULL;
}

/* ---- names ---- */

#define NAMES_SHOWN 8

static void add_name(struct qf_buf *out, struct qf_slice name)
{
    qf_buf_printf(out, "%s\"%.*s\"", out->size > 0 ? ", " : "", QF_SLICE_ARGS(name));
}

/* A name that stands at `at` but for the case of its letters; gives its size there, or 0. */
static size_t find_near(const struct qf_feel_parser *p, size_t at, struct qf_slice *near)
{
    size_t best = 0;
    for (const struct qf_feel_scope *scope = p->scope; scope != NULL; scope = scope->parent) {
        for (uint32_t i = 0; i < scope->count; i++) {
            size_t size = qf_feel_parse_match(p, at, scope->bindings[i].name, true);
            if (size > best) {
                best = size;
                *near = scope->bindings[i].name;
            }
        }
    }
    for (uint32_t i = 0; best == 0 && qf_feel_builtin_at(i) != NULL; i++) {
        *near = qf_slice_of(qf_feel_builtin_at(i)->name);
        best = qf_feel_parse_match(p, at, *near, true);
    }
    return best;
}

static void list_scope(const struct qf_feel_parser *p, struct qf_buf *out)
{
    uint32_t count = 0;
    for (const struct qf_feel_scope *scope = p->scope; scope != NULL; scope = scope->parent) {
        for (uint32_t i = 0; i < scope->count; i++) {
            struct qf_slice name = scope->bindings[i].name;
            if (name.size > 0 && name.data[0] != '?' && ++count <= NAMES_SHOWN)
                add_name(out, name);
        }
    }
    if (count > NAMES_SHOWN)
        qf_buf_printf(out, " and %u more", count - NAMES_SHOWN);
}

size_t qf_feel_parse_unknown(struct qf_feel_parser *p, size_t at, struct qf_slice name)
{
    struct qf_slice near = {NULL, 0};
    size_t size = find_near(p, at, &near);
    if (size > 0) {
        qf_feel_parse_report(p, at, true,
                             "there is nothing named \"%.*s\" here; is \"%.*s\" meant?", (int)size,
                             p->text + at, QF_SLICE_ARGS(near));
        return size;
    }
    for (uint32_t i = 0; i < p->compiler->other_name_count; i++) {
        const struct qf_slice other = p->compiler->other_names[i];
        const size_t length = qf_feel_parse_match(p, at, other, false);
        if (length > size) {
            size = length;
            near = other;
        }
    }
    if (size > 0) {
        qf_feel_parse_report(
            p, at, true,
            "\"%.*s\" is in the model and not in reach: draw a requirement from it "
            "to here",
            QF_SLICE_ARGS(near));
        return size;
    }
    struct qf_buf names = {0};
    list_scope(p, &names);
    qf_feel_parse_report(p, at, true,
                         "there is nothing named \"%.*s\" here%s%s; a text stands in \"…\"",
                         QF_SLICE_ARGS(name), names.size > 0 ? ", but " : "",
                         names.size > 0 ? qf_buf_text(&names) : "");
    qf_buf_deinit(&names);
    return name.size;
}

const char *qf_feel_parse_form(const char *function)
{
    static const struct {
        const char *function;
        const char *form;
    } forms[] = {
        {"date", "2026-11-21"},
        {"time", "10:30:00, 10:30:00+08:00 or 10:30:00@Asia/Shanghai"},
        {"date and time", "2026-11-21T10:30:00"},
        {"duration", "P1Y2M (years and months) or P3DT4H (days and time)"},
        {"number", "1234.5"},
        {"range", "[1..5)"},
    };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
        if (strcmp(function, forms[i].function) == 0)
            return forms[i].form;
    return NULL;
}
