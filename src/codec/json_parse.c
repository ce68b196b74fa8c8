/* The parser: one pass, recursive descent with a counted depth. Children of open containers stand
 * on a stack and are copied to the arena in one piece when their container closes. */
#include <stdlib.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "codec/json.h"
#include "codec/json_internal.h"
#include "codec/json_number.h"
#include "codec/utf8.h"

#define STACK_START 48

struct parser {
    struct qf_arena *arena;
    const uint8_t *start, *at, *end;
    enum qf_json_mode mode;
    struct qf_error *err;
    unsigned depth;
    struct qf_json_member *stack; /* children of open containers; key unused in arrays */
    size_t used, capacity;
    struct qf_json_member first[STACK_START];
};

static enum qf_status fail_at(struct parser *p, const uint8_t *at, enum qf_status status,
                              const char *reason)
{
    char place[32];
    size_t offset = (size_t)(at - p->start);
    char digits[20];
    size_t n = 0;
    do {
        digits[n++] = (char)('0' + offset % 10);
        offset /= 10;
    } while (offset > 0);
    memcpy(place, "byte ", 5);
    for (size_t i = 0; i < n; i++)
        place[5 + i] = digits[n - 1 - i];
    place[5 + n] = '\0';
    return qf_fail(p->err, status, place, "%s", reason);
}

static enum qf_status fail(struct parser *p, const char *reason)
{
    return fail_at(p, p->at, QF_MALFORMED, reason);
}

static enum qf_status no_room(struct parser *p)
{
    return fail_at(p, p->at, QF_OVER_LIMIT, "the value needs more memory than is allowed");
}

/* NULL at the arena's limit. */
static struct qf_json_member *push(struct parser *p)
{
    if (p->used == p->capacity) {
        size_t capacity = p->capacity * 2;
        struct qf_json_member *grown = qf_arena_try(p->arena, capacity * sizeof *grown);
        if (grown == NULL)
            return NULL;
        memcpy(grown, p->stack, p->used * sizeof *grown);
        p->stack = grown;
        p->capacity = capacity;
    }
    return &p->stack[p->used++];
}

static void skip_space(struct parser *p)
{
    if (p->mode == QF_JSON_CANONICAL)
        return;
    while (p->at < p->end && (*p->at == ' ' || *p->at == '\t' || *p->at == '\n' || *p->at == '\r'))
        p->at++;
}

/* First byte at or after `at` that is a quote, a backslash, a control, or not ASCII; or the end. */
static const uint8_t *plain_end(const uint8_t *at, const uint8_t *end)
{
#ifdef __SSE2__
    while (end - at >= 16) {
        __m128i bytes = _mm_loadu_si128((const void *)at);
        __m128i quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
        __m128i slash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
        /* As signed bytes, everything from 0x80 on is below a space too. */
        __m128i low = _mm_cmplt_epi8(bytes, _mm_set1_epi8(' '));
        unsigned special =
            (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quote, slash), low));
        if (special != 0)
            return at + __builtin_ctz(special);
        at += 16;
    }
#endif
    const uint64_t ones = 0x0101010101010101u;
    const uint64_t high = 0x8080808080808080u;
    while (end - at >= 8) {
        uint64_t w;
        memcpy(&w, at, 8);
        uint64_t quote = w ^ (ones * '"');
        uint64_t slash = w ^ (ones * '\\');
        /* A borrow can only make a later byte look special, which the loop below settles. */
        uint64_t special =
            ((quote - ones) & ~quote) | ((slash - ones) & ~slash) | ((w - ones * 0x20) & ~w) | w;
        if ((special & high) != 0)
            break;
        at += 8;
    }
    while (at < end && *at >= 0x20 && *at < 0x80 && *at != '"' && *at != '\\')
        at++;
    return at;
}

static int hex_digit(uint8_t c, bool canonical)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return !canonical && c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool hex4(struct parser *p, const uint8_t *at, uint32_t *out)
{
    if (p->end - at < 4)
        return false;
    *out = 0;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(at[i], p->mode == QF_JSON_CANONICAL);
        if (digit < 0)
            return false;
        *out = *out << 4 | (uint32_t)digit;
    }
    return true;
}

/* After `\u`; writes UTF-8 and moves on. */
static enum qf_status unicode_escape(struct parser *p, uint8_t **out)
{
    uint32_t code;
    if (!hex4(p, p->at, &code))
        return fail(p, "four hexadecimal digits must follow \\u");
    p->at += 4;
    if (p->mode == QF_JSON_CANONICAL && (code >= 0x20 || code == '\b' || code == '\t' ||
                                         code == '\n' || code == '\f' || code == '\r'))
        return fail(p, "this character has a shorter canonical form");
    if (code >= 0xDC00 && code <= 0xDFFF)
        return fail(p, "a low surrogate without its high one");
    if (code >= 0xD800 && code <= 0xDBFF) {
        uint32_t low;
        if (p->end - p->at < 6 || p->at[0] != '\\' || p->at[1] != 'u' ||
            !hex4(p, p->at + 2, &low) || low < 0xDC00 || low > 0xDFFF)
            return fail(p, "a high surrogate without its low one");
        p->at += 6;
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    *out += qf_utf8_put(*out, code);
    return QF_OK;
}

static enum qf_status escape(struct parser *p, uint8_t **out)
{
    static const char names[] = "\"\\bfnrt/";
    static const char values[] = "\"\\\b\f\n\r\t/";
    p->at++;
    if (p->at == p->end)
        return fail(p, "the text ends within a string");
    uint8_t c = *p->at++;
    if (c == 'u')
        return unicode_escape(p, out);
    const char *found = c == '\0' ? NULL : strchr(names, c);
    if (found == NULL || (c == '/' && p->mode == QF_JSON_CANONICAL)) {
        p->at--;
        return fail(p, "not an escape that is used here");
    }
    *(*out)++ = (uint8_t)values[found - names];
    return QF_OK;
}

/* The rest of a string with escapes: from `begin` (already plain up to p->at), decoded in the
 * arena. */
static enum qf_status decode_string(struct parser *p, const uint8_t *begin, struct qf_slice *text)
{
    /* Decoding never makes a string longer; where it ends is found by skipping escapes. */
    const uint8_t *close = p->at;
    while (close < p->end && *close != '"')
        close += *close == '\\' && p->end - close > 1 ? 2 : 1;
    uint8_t *copy = qf_arena_try(p->arena, (size_t)(close - begin) + 4);
    uint8_t *out = copy;
    if (copy == NULL)
        return no_room(p);
    memcpy(out, begin, (size_t)(p->at - begin));
    out += p->at - begin;
    for (;;) {
        const uint8_t *plain = plain_end(p->at, p->end);
        memcpy(out, p->at, (size_t)(plain - p->at));
        out += plain - p->at;
        p->at = plain;
        if (p->at == p->end)
            return fail(p, "the text ends within a string");
        if (*p->at == '"')
            break;
        if (*p->at == '\\') {
            enum qf_status status = escape(p, &out);
            if (status != QF_OK)
                return status;
            continue;
        }
        size_t size = *p->at < 0x20 ? 0 : qf_utf8_size(p->at, p->end);
        if (size == 0)
            return fail(p, "a control character or invalid UTF-8 in a string");
        memcpy(out, p->at, size);
        out += size;
        p->at += size;
    }
    p->at++;
    *text = qf_slice_make(copy, (size_t)(out - copy));
    return QF_OK;
}

/* At the opening quote. */
static enum qf_status parse_string(struct parser *p, struct qf_slice *text)
{
    const uint8_t *begin = ++p->at;
    for (;;) {
        p->at = plain_end(p->at, p->end);
        if (p->at == p->end)
            return fail(p, "the text ends within a string");
        if (*p->at == '"') {
            *text = qf_slice_make(begin, (size_t)(p->at - begin));
            p->at++;
            return QF_OK;
        }
        if (*p->at == '\\')
            return decode_string(p, begin, text);
        size_t size = *p->at < 0x20 ? 0 : qf_utf8_size(p->at, p->end);
        if (size == 0)
            return fail(p, "a control character or invalid UTF-8 in a string");
        p->at += size;
    }
}

static size_t digits_at(const struct parser *p, const uint8_t *at)
{
    size_t count = 0;
    while (at + count < p->end && at[count] >= '0' && at[count] <= '9')
        count++;
    return count;
}

/* Fraction and exponent after the integer part, as RFC 8259 6 has them; *integer false if any. */
static bool scan_fraction(struct parser *p, const uint8_t **at, bool *integer)
{
    if (*at < p->end && **at == '.') {
        size_t count = digits_at(p, *at + 1);
        if (count == 0)
            return false;
        *at += 1 + count;
        *integer = false;
    }
    if (*at < p->end && (**at == 'e' || **at == 'E')) {
        ++*at;
        if (*at < p->end && (**at == '+' || **at == '-'))
            ++*at;
        size_t count = digits_at(p, *at);
        if (count == 0)
            return false;
        *at += count;
        *integer = false;
    }
    return true;
}

static enum qf_status parse_number(struct parser *p, struct qf_json *out)
{
    const uint8_t *begin = p->at;
    const uint8_t *at = p->at;
    bool negative = *at == '-';
    at += negative;
    size_t count = digits_at(p, at);
    if (count == 0)
        return fail(p, "a value was expected");
    if (count > 1 && *at == '0')
        return fail(p, "a number has a leading zero");
    int64_t value = 0;
    for (size_t i = 0; i < count && i < 17; i++)
        value = value * 10 + (at[i] - '0');
    bool fits = count <= 16 && value <= QF_JSON_INT_MAX;
    at += count;
    bool integer = true;
    if (p->mode != QF_JSON_CANONICAL && !scan_fraction(p, &at, &integer))
        return fail(p, "a number breaks off");
    if (integer && fits) {
        if (negative && value == 0 && p->mode == QF_JSON_CANONICAL)
            return fail(p, "minus zero");
        *out = qf_json_make_int(negative ? -value : value);
        p->at = at;
        return QF_OK;
    }
    if (p->mode != QF_JSON_ANY_NUMBER)
        return fail_at(p, begin, integer ? QF_OVER_LIMIT : QF_MALFORMED,
                       integer ? "an integer beyond 2^53 - 1; larger numbers travel as strings"
                               : "decimals travel as strings");
    if (!qf_json_number_valid(qf_slice_make(begin, (size_t)(at - begin))))
        return fail_at(p, begin, QF_OVER_LIMIT, "a number beyond IEEE 754 binary64");
    *out = (struct qf_json){
        .type = QF_JSON_DECIMAL, .count = (uint32_t)(at - begin), .text = (const char *)begin};
    p->at = at;
    return QF_OK;
}

static enum qf_status parse_word(struct parser *p, const char *word, enum qf_json_type type,
                                 struct qf_json *out)
{
    size_t size = strlen(word);
    if ((size_t)(p->end - p->at) < size || memcmp(p->at, word, size) != 0)
        return fail(p, "a value was expected");
    p->at += size;
    *out = (struct qf_json){.type = type};
    return QF_OK;
}

static enum qf_status parse_value(struct parser *p, struct qf_json *out);

static enum qf_status parse_array(struct parser *p, struct qf_json *out)
{
    size_t base = p->used;
    p->at++;
    skip_space(p);
    if (p->at < p->end && *p->at == ']') {
        p->at++;
        *out = qf_json_make_array();
        return QF_OK;
    }
    for (;;) {
        struct qf_json item;
        skip_space(p);
        enum qf_status status = parse_value(p, &item);
        if (status != QF_OK)
            return status;
        struct qf_json_member *place = push(p);
        if (place == NULL)
            return no_room(p);
        place->value = item;
        skip_space(p);
        if (p->at == p->end)
            return fail(p, "the text ends within an array");
        if (*p->at == ']')
            break;
        if (*p->at != ',')
            return fail(p, "a comma or ] was expected");
        p->at++;
    }
    p->at++;
    size_t count = p->used - base;
    struct qf_json *items = qf_arena_try(p->arena, qf_json_room(count) * sizeof *items);
    if (items == NULL)
        return no_room(p);
    for (size_t i = 0; i < count; i++)
        items[i] = p->stack[base + i].value;
    p->used = base;
    *out = (struct qf_json){.type = QF_JSON_ARRAY, .count = (uint32_t)count, .items = items};
    return QF_OK;
}

static int by_key(const void *a, const void *b)
{
    const struct qf_json_member *x = a;
    const struct qf_json_member *y = b;
    return qf_utf16_compare(x->key, y->key);
}

static enum qf_status close_object(struct parser *p, size_t base, bool sorted, struct qf_json *out)
{
    size_t count = p->used - base;
    struct qf_json_member *members = qf_arena_try(p->arena, qf_json_room(count) * sizeof *members);
    if (members == NULL)
        return no_room(p);
    memcpy(members, p->stack + base, count * sizeof *members);
    p->used = base;
    if (!sorted) {
        qsort(members, count, sizeof *members, by_key);
        for (size_t i = 1; i < count; i++)
            if (qf_slice_equal(members[i - 1].key, members[i].key))
                return fail(p, "a key stands twice in an object");
    }
    *out = (struct qf_json){.type = QF_JSON_OBJECT, .count = (uint32_t)count, .members = members};
    return QF_OK;
}

static enum qf_status parse_member(struct parser *p, struct qf_json_member *member)
{
    if (p->at == p->end || *p->at != '"')
        return fail(p, "a key was expected");
    enum qf_status status = parse_string(p, &member->key);
    if (status != QF_OK)
        return status;
    skip_space(p);
    if (p->at == p->end || *p->at != ':')
        return fail(p, "a colon was expected");
    p->at++;
    skip_space(p);
    return parse_value(p, &member->value);
}

static enum qf_status parse_object(struct parser *p, struct qf_json *out)
{
    size_t base = p->used;
    bool sorted = true;
    p->at++;
    skip_space(p);
    if (p->at < p->end && *p->at == '}') {
        p->at++;
        *out = qf_json_make_object();
        return QF_OK;
    }
    for (;;) {
        struct qf_json_member member = {.key = {NULL, 0}};
        const uint8_t *begin;
        skip_space(p);
        begin = p->at;
        enum qf_status status = parse_member(p, &member);
        if (status != QF_OK)
            return status;
        if (p->used > base && qf_utf16_compare(p->stack[p->used - 1].key, member.key) >= 0) {
            if (p->mode == QF_JSON_CANONICAL)
                return fail_at(p, begin, QF_MALFORMED, "keys must be sorted and stand once");
            sorted = false;
        }
        struct qf_json_member *place = push(p);
        if (place == NULL)
            return no_room(p);
        *place = member;
        skip_space(p);
        if (p->at == p->end)
            return fail(p, "the text ends within an object");
        if (*p->at == '}')
            break;
        if (*p->at != ',')
            return fail(p, "a comma or } was expected");
        p->at++;
    }
    p->at++;
    return close_object(p, base, sorted, out);
}

static enum qf_status parse_container(struct parser *p, struct qf_json *out)
{
    if (p->depth == QF_JSON_DEPTH_MAX)
        return fail_at(p, p->at, QF_OVER_LIMIT, "nested deeper than 32");
    p->depth++;
    enum qf_status status = *p->at == '{' ? parse_object(p, out) : parse_array(p, out);
    p->depth--;
    return status;
}

static enum qf_status parse_value(struct parser *p, struct qf_json *out)
{
    if (p->at == p->end)
        return fail(p, "a value was expected");
    switch (*p->at) {
    case '"': {
        struct qf_slice text = {NULL, 0};
        enum qf_status status = parse_string(p, &text);
        if (status == QF_OK)
            *out = qf_json_make_slice(text);
        return status;
    }
    case '{':
    case '[':
        return parse_container(p, out);
    case 't':
        return parse_word(p, "true", QF_JSON_TRUE, out);
    case 'f':
        return parse_word(p, "false", QF_JSON_FALSE, out);
    case 'n':
        return parse_word(p, "null", QF_JSON_NULL, out);
    default:
        return parse_number(p, out);
    }
}

enum qf_status qf_json_parse(struct qf_arena *arena, struct qf_json *out, struct qf_slice input,
                             enum qf_json_mode mode, struct qf_error *err)
{
    struct parser p;
    p.arena = arena;
    p.start = p.at = input.data;
    p.end = input.data + input.size;
    p.mode = mode;
    p.err = err;
    p.depth = 0;
    p.stack = p.first;
    p.used = 0;
    p.capacity = STACK_START;
    if (input.size == 0)
        return qf_fail(err, QF_MALFORMED, "byte 0", "a value was expected");
    if (input.size > UINT32_MAX)
        return qf_fail(err, QF_OVER_LIMIT, "byte 0", "longer than 4 GiB");
    skip_space(&p);
    enum qf_status status = parse_value(&p, out);
    if (status != QF_OK)
        return status;
    skip_space(&p);
    return p.at == p.end ? QF_OK : fail(&p, "something follows the value");
}
