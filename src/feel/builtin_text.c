/* Strings. Positions count code points. */
#include <utf8proc.h>

#include "feel/builtin.h"

static size_t point_size(uint8_t lead)
{
    return lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

static int64_t count_points(struct qf_slice text)
{
    int64_t count = 0;
    for (size_t i = 0; i < text.size; i++)
        count += (text.data[i] & 0xc0) != 0x80;
    return count;
}

static bool two_texts(const struct qf_feel_args *args, struct qf_slice *a, struct qf_slice *b)
{
    const struct qf_feel_value *x = qf_feel_arg_kind(args, 0, QF_FEEL_STRING);
    const struct qf_feel_value *y = qf_feel_arg_kind(args, 1, QF_FEEL_STRING);
    if (x == NULL || y == NULL)
        return false;
    *a = qf_feel_slice(x);
    *b = qf_feel_slice(y);
    qf_feel_step(args->ev, (int64_t)(a->size / 256));
    return true;
}

static const uint8_t *find(struct qf_slice text, struct qf_slice part)
{
    if (part.size == 0)
        return text.data;
    return text.size == 0 ? NULL : memmem(text.data, text.size, part.data, part.size);
}

#define NEEDS_STRINGS "the function takes strings"

struct qf_feel_value qf_feel_fn_string_length(const struct qf_feel_args *args)
{
    const struct qf_feel_value *text = qf_feel_arg_kind(args, 0, QF_FEEL_STRING);
    return text == NULL ? qf_feel_refuse(args, NEEDS_STRINGS)
                        : qf_feel_int(count_points(qf_feel_slice(text)));
}

struct qf_feel_value qf_feel_fn_contains(const struct qf_feel_args *args)
{
    struct qf_slice text;
    struct qf_slice part;
    if (!two_texts(args, &text, &part))
        return qf_feel_refuse(args, NEEDS_STRINGS);
    return qf_feel_bool(part.size == 0 || find(text, part) != NULL);
}

struct qf_feel_value qf_feel_fn_starts_with(const struct qf_feel_args *args)
{
    struct qf_slice text;
    struct qf_slice part;
    if (!two_texts(args, &text, &part))
        return qf_feel_refuse(args, NEEDS_STRINGS);
    return qf_feel_bool(text.size >= part.size &&
                        qf_slice_equal(qf_slice_make(text.data, part.size), part));
}

struct qf_feel_value qf_feel_fn_ends_with(const struct qf_feel_args *args)
{
    struct qf_slice text;
    struct qf_slice part;
    if (!two_texts(args, &text, &part))
        return qf_feel_refuse(args, NEEDS_STRINGS);
    return qf_feel_bool(
        text.size >= part.size &&
        qf_slice_equal(qf_slice_make(text.data + (text.size - part.size), part.size), part));
}

struct qf_feel_value qf_feel_fn_substring_before(const struct qf_feel_args *args)
{
    struct qf_slice text;
    struct qf_slice part;
    if (!two_texts(args, &text, &part))
        return qf_feel_refuse(args, NEEDS_STRINGS);
    const uint8_t *at = part.size == 0 ? text.data : find(text, part);
    return qf_feel_text(qf_slice_make(text.data, at == NULL ? 0 : (size_t)(at - text.data)));
}

struct qf_feel_value qf_feel_fn_substring_after(const struct qf_feel_args *args)
{
    struct qf_slice text;
    struct qf_slice part;
    if (!two_texts(args, &text, &part))
        return qf_feel_refuse(args, NEEDS_STRINGS);
    const uint8_t *at = part.size == 0 ? text.data : find(text, part);
    if (at == NULL)
        return qf_feel_text(qf_slice_make("", 0));
    size_t skipped = (size_t)(at - text.data) + part.size;
    return qf_feel_text(qf_slice_make(text.data + skipped, text.size - skipped));
}

struct qf_feel_value qf_feel_fn_substring(const struct qf_feel_args *args)
{
    const struct qf_feel_value *string = qf_feel_arg_kind(args, 0, QF_FEEL_STRING);
    int64_t start = 0;
    int64_t length = INT64_MAX;
    if (string == NULL || !qf_feel_arg_int(args, 1, &start) ||
        (!qf_feel_arg_absent(args, 2) && qf_feel_arg(args, 2)->kind != QF_FEEL_NULL &&
         !qf_feel_arg_int(args, 2, &length)))
        return qf_feel_refuse(args, "substring takes a string, a position and a length");
    struct qf_slice text = qf_feel_slice(string);
    int64_t points = count_points(text);
    if (start == 0 || start > points || start < -points || length < 1)
        return qf_feel_refuse(args, "the position is outside the string, or the length below 1");
    int64_t skip = start > 0 ? start - 1 : points + start;
    size_t from = 0;
    for (int64_t i = 0; i < skip; i++)
        from += point_size(text.data[from]);
    size_t to = from;
    for (int64_t i = 0; i < length && to < text.size; i++)
        to += point_size(text.data[to]);
    return qf_feel_text(qf_slice_make(text.data + from, to - from));
}

/* Simple case mapping (Unicode through utf8proc); ß has no single capital and becomes SS. */
static struct qf_feel_value map_case(const struct qf_feel_args *args, bool upper)
{
    const struct qf_feel_value *string = qf_feel_arg_kind(args, 0, QF_FEEL_STRING);
    if (string == NULL)
        return qf_feel_refuse(args, NEEDS_STRINGS);
    struct qf_slice text = qf_feel_slice(string);
    uint8_t *out = qf_feel_alloc(args->ev, text.size * 3 + 4);
    size_t size = 0;
    for (size_t i = 0; i < text.size;) {
        uint8_t c = text.data[i];
        if (c < 0x80) {
            bool letter = upper ? c >= 'a' && c <= 'z' : c >= 'A' && c <= 'Z';
            out[size++] = letter ? c ^ 0x20 : c;
            i++;
            continue;
        }
        utf8proc_int32_t point = 0;
        utf8proc_ssize_t used =
            utf8proc_iterate(text.data + i, (utf8proc_ssize_t)(text.size - i), &point);
        if (used <= 0) {
            out[size++] = c;
            i++;
            continue;
        }
        if (upper && point == 0xdf) {
            out[size++] = 'S';
            out[size++] = 'S';
        } else {
            utf8proc_int32_t mapped = upper ? utf8proc_toupper(point) : utf8proc_tolower(point);
            size += (size_t)utf8proc_encode_char(mapped, out + size);
        }
        i += (size_t)used;
    }
    qf_feel_step(args->ev, (int64_t)(size / 64));
    return qf_feel_text(qf_slice_make(out, size));
}

struct qf_feel_value qf_feel_fn_upper_case(const struct qf_feel_args *args)
{
    return map_case(args, true);
}

struct qf_feel_value qf_feel_fn_lower_case(const struct qf_feel_args *args)
{
    return map_case(args, false);
}

/* ---- patterns ---- */

static bool flags_argument(const struct qf_feel_args *args, uint32_t i, struct qf_slice *out)
{
    *out = qf_slice_make("", 0);
    if (qf_feel_arg(args, i)->kind == QF_FEEL_NULL)
        return true;
    const struct qf_feel_value *flags = qf_feel_arg_kind(args, i, QF_FEEL_STRING);
    if (flags != NULL)
        *out = qf_feel_slice(flags);
    return flags != NULL;
}

struct qf_feel_value qf_feel_fn_matches(const struct qf_feel_args *args)
{
    struct qf_slice input;
    struct qf_slice pattern;
    struct qf_slice flags;
    if (!two_texts(args, &input, &pattern) || !flags_argument(args, 2, &flags))
        return qf_feel_refuse(args, NEEDS_STRINGS);
    return qf_feel_regex_matches(args, input, pattern, flags);
}

struct qf_feel_value qf_feel_fn_replace(const struct qf_feel_args *args)
{
    struct qf_slice input;
    struct qf_slice pattern;
    struct qf_slice flags;
    const struct qf_feel_value *replacement = qf_feel_arg_kind(args, 2, QF_FEEL_STRING);
    if (!two_texts(args, &input, &pattern) || replacement == NULL ||
        !flags_argument(args, 3, &flags))
        return qf_feel_refuse(args, NEEDS_STRINGS);
    return qf_feel_regex_replace(args, input, pattern, qf_feel_slice(replacement), flags);
}

struct qf_feel_value qf_feel_fn_split(const struct qf_feel_args *args)
{
    struct qf_slice input;
    struct qf_slice pattern;
    if (!two_texts(args, &input, &pattern))
        return qf_feel_refuse(args, NEEDS_STRINGS);
    return qf_feel_regex_split(args, input, pattern);
}

/* Null items are left out. */
struct qf_feel_value qf_feel_fn_string_join(const struct qf_feel_args *args)
{
    struct qf_feel_value list;
    const struct qf_feel_value *delimiter = qf_feel_arg(args, 1);
    if (!qf_feel_arg_list(args, 0, &list) ||
        (delimiter->kind != QF_FEEL_NULL && delimiter->kind != QF_FEEL_STRING))
        return qf_feel_refuse(args, "string join takes a list of strings and a string");
    size_t total = 0;
    for (uint32_t i = 0; i < list.count; i++) {
        if (list.items[i].kind != QF_FEEL_NULL && list.items[i].kind != QF_FEEL_STRING)
            return qf_feel_refuse(args, "string join takes a list of strings and a string");
        total += (list.items[i].kind == QF_FEEL_STRING ? list.items[i].count : 0) +
                 (delimiter->kind == QF_FEEL_STRING ? delimiter->count : 0);
    }
    char *text = qf_feel_alloc(args->ev, total);
    size_t size = 0;
    bool first = true;
    for (uint32_t i = 0; i < list.count; i++) {
        if (list.items[i].kind != QF_FEEL_STRING)
            continue;
        if (!first && delimiter->kind == QF_FEEL_STRING && delimiter->count > 0) {
            memcpy(text + size, delimiter->text, delimiter->count);
            size += delimiter->count;
        }
        if (list.items[i].count > 0)
            memcpy(text + size, list.items[i].text, list.items[i].count);
        size += list.items[i].count;
        first = false;
    }
    return qf_feel_text(qf_slice_make(text, size));
}
