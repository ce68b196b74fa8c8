/* Strings. Positions count code points. */
#include "feel/builtin.h"
#include "feel/case_table.h"

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

/* ---- case ---- */

static const struct qf_case_mapping *find_mapping(bool upper, uint32_t point)
{
    const struct qf_case_mapping *table = upper ? qf_case_upper : qf_case_lower;
    uint32_t low = 0;
    uint32_t high = upper ? qf_case_upper_count : qf_case_lower_count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (table[middle].from == point)
            return &table[middle];
        if (table[middle].from < point)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static uint32_t point_at(struct qf_slice text, size_t at)
{
    size_t size = point_size(text.data[at]);
    uint32_t value = size == 1 ? text.data[at] : text.data[at] & (0xffU >> (size + 1));
    for (size_t i = 1; i < size && at + i < text.size; i++)
        value = (value << 6) | (text.data[at + i] & 0x3f);
    return value;
}

static size_t put_point(uint8_t *out, uint32_t point)
{
    if (point < 0x80) {
        out[0] = (uint8_t)point;
        return 1;
    }
    size_t size = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    for (size_t i = size - 1; i > 0; i--) {
        out[i] = (uint8_t)(0x80 | (point & 0x3f));
        point >>= 6;
    }
    out[0] = (uint8_t)((0xf00U >> size) | point);
    return size;
}

static bool is_cased(uint32_t point)
{
    if (point < 0x80)
        return (point | 0x20) >= 'a' && (point | 0x20) <= 'z';
    return find_mapping(true, point) != NULL || find_mapping(false, point) != NULL;
}

static bool is_accent(uint32_t point)
{
    return (point >= 0x300 && point <= 0x36f) || point == '\'' || point == 0x2019 || point == 0xad;
}

/* Whether a sigma stands at the end of a word (Unicode's Final_Sigma). */
static bool ends_word(struct qf_slice text, size_t at)
{
    size_t before = at;
    bool after_letter = false;
    while (before > 0 && !after_letter) {
        do
            before--;
        while (before > 0 && (text.data[before] & 0xc0) == 0x80);
        uint32_t point = point_at(text, before);
        after_letter = is_cased(point);
        if (!after_letter && !is_accent(point))
            break;
    }
    for (size_t next = at + 2; after_letter && next < text.size;
         next += point_size(text.data[next])) {
        uint32_t point = point_at(text, next);
        if (!is_accent(point))
            return !is_cased(point);
    }
    return after_letter;
}

#define CAPITAL_SIGMA 0x3a3
#define FINAL_SIGMA 0x3c2
#define MAPPED_SIZE_MAX 3 /* a mapping has at most three times the bytes */

/* Unicode's full mappings, without those of a language (XPath's upper-case and lower-case). */
static struct qf_feel_value map_case(const struct qf_feel_args *args, bool upper)
{
    const struct qf_feel_value *string = qf_feel_arg_kind(args, 0, QF_FEEL_STRING);
    if (string == NULL)
        return qf_feel_refuse(args, NEEDS_STRINGS);
    struct qf_slice text = qf_feel_slice(string);
    uint8_t *out = qf_feel_alloc(args->ev, text.size * MAPPED_SIZE_MAX + 4);
    size_t size = 0;
    for (size_t i = 0; i < text.size;) {
        uint8_t c = text.data[i];
        if (c < 0x80) {
            bool letter = upper ? c >= 'a' && c <= 'z' : c >= 'A' && c <= 'Z';
            out[size++] = letter ? c ^ 0x20 : c;
            i++;
            continue;
        }
        uint32_t point = point_at(text, i);
        const struct qf_case_mapping *mapping = find_mapping(upper, point);
        i += point_size(c);
        if (!upper && point == CAPITAL_SIGMA && ends_word(text, i - 2))
            size += put_point(out + size, FINAL_SIGMA);
        else if (mapping == NULL)
            size += put_point(out + size, point);
        else
            for (size_t k = 0; k < 3 && mapping->to[k] != 0; k++)
                size += put_point(out + size, mapping->to[k]);
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
