/* Regular expressions of XPath 2.0 (XQuery and XPath functions, 7.6) on PCRE2.
 *
 * A pattern is read by the grammar of XML Schema with XPath's additions and written again for
 * PCRE2, so that what is no XPath pattern is refused though PCRE2 would take it. Differences that
 * are translated: character class subtraction, \i and \c, blocks (\p{IsBasicLatin}), "." against
 * line ends, "$" at the very end, back-references, the x flag. Matching is bounded by
 * QF_FEEL_REGEX_STEPS_MAX, with the same result on every machine: the interpreter is used, not the
 * just-in-time compiler. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <stdio.h>

#include "feel/block_table.h"
#include "feel/builtin.h"

#define GROUPS_MAX 100
#define CLASS_NESTING_MAX 8
#define PATTERN_SIZE_MAX 4096

struct flags {
    bool dot_all;
    bool multi_line;
    bool caseless;
    bool extended;
};

static bool read_flags(struct qf_slice text, struct flags *out)
{
    *out = (struct flags){0};
    for (size_t i = 0; i < text.size; i++) {
        switch (text.data[i]) {
        case 's':
            out->dot_all = true;
            break;
        case 'm':
            out->multi_line = true;
            break;
        case 'i':
            out->caseless = true;
            break;
        case 'x':
            out->extended = true;
            break;
        default:
            return false;
        }
    }
    return true;
}

struct translation {
    const uint8_t *at;
    const uint8_t *end;
    struct qf_buf out;
    struct flags flags;
    uint32_t opened;             /* groups so far */
    bool closed[GROUPS_MAX + 1]; /* a back-reference needs a closed group */
    uint32_t nesting;
};

static bool translate_branches(struct translation *t, uint32_t group);

#define NAME_START "\\p{L}\\p{Nl}_:"
#define NAME_PART NAME_START "\\p{Mc}\\p{Me}\\p{Mn}\\p{Nd}\\x{b7}.\\-"

/* \p{…} and \P{…}: a category as it is, a block as its range. `inside` a class. */
static bool translate_property(struct translation *t, bool negated, bool inside)
{
    const uint8_t *close =
        t->at < t->end && *t->at == '{' ? memchr(t->at, '}', (size_t)(t->end - t->at)) : NULL;
    if (close == NULL)
        return false;
    struct qf_slice name = qf_slice_make(t->at + 1, (size_t)(close - t->at - 1));
    t->at = close + 1;
    if (name.size > 2 && name.data[0] == 'I' && name.data[1] == 's') {
        struct qf_slice block = qf_slice_make(name.data + 2, name.size - 2);
        for (uint32_t i = 0; i < qf_unicode_block_count; i++) {
            const struct qf_unicode_block *b = &qf_unicode_blocks[i];
            if (!qf_slice_is(block, b->name))
                continue;
            if (!inside)
                qf_buf_printf(&t->out, "[%s\\x{%x}-\\x{%x}]", negated ? "^" : "", b->first,
                              b->last);
            else if (!negated)
                qf_buf_printf(&t->out, "\\x{%x}-\\x{%x}", b->first, b->last);
            else if (b->first == 0)
                qf_buf_printf(&t->out, "\\x{%x}-\\x{10ffff}", b->last + 1);
            else
                qf_buf_printf(&t->out, "\\x{0}-\\x{%x}\\x{%x}-\\x{10ffff}", b->first - 1,
                              b->last + 1);
            return true;
        }
        return false;
    }
    if (name.size < 1 || name.size > 2 || strchr("LMNPZSC", name.data[0]) == NULL)
        return false;
    qf_buf_printf(&t->out, "\\%c{%.*s}", negated ? 'P' : 'p', QF_SLICE_ARGS(name));
    return true;
}

/* After a backslash that is no back-reference. */
static bool translate_escape(struct translation *t, bool inside)
{
    if (t->at == t->end)
        return false;
    uint8_t c = *t->at++;
    if (strchr("nrt\\|.-^?*+{}()[]$", c) != NULL && c != '\0') {
        qf_buf_put_byte(&t->out, '\\');
        qf_buf_put_byte(&t->out, c);
        return true;
    }
    switch (c) {
    case 's':
        qf_buf_put_text(&t->out, inside ? " \\t\\n\\r" : "[ \\t\\n\\r]");
        return true;
    case 'S':
        qf_buf_put_text(&t->out, inside
                                     ? "\\x{0}-\\x{8}\\x{b}\\x{c}\\x{e}-\\x{1f}\\x{21}-\\x{10ffff}"
                                     : "[^ \\t\\n\\r]");
        return true;
    case 'd':
        qf_buf_put_text(&t->out, "\\p{Nd}");
        return true;
    case 'D':
        qf_buf_put_text(&t->out, "\\P{Nd}");
        return true;
    case 'w':
        qf_buf_put_text(&t->out,
                        inside ? "\\p{L}\\p{M}\\p{N}\\p{S}" : "[\\p{L}\\p{M}\\p{N}\\p{S}]");
        return true;
    case 'W':
        qf_buf_put_text(&t->out, inside ? "\\p{P}\\p{Z}\\p{C}" : "[\\p{P}\\p{Z}\\p{C}]");
        return true;
    case 'i':
        qf_buf_put_text(&t->out, inside ? NAME_START : "[" NAME_START "]");
        return true;
    case 'c':
        qf_buf_put_text(&t->out, inside ? NAME_PART : "[" NAME_PART "]");
        return true;
    case 'I':
        qf_buf_put_text(&t->out, "[^" NAME_START "]");
        return !inside;
    case 'C':
        qf_buf_put_text(&t->out, "[^" NAME_PART "]");
        return !inside;
    case 'p':
    case 'P':
        return translate_property(t, c == 'P', inside);
    default:
        return false;
    }
}

/* After "[". A subtraction becomes a negative look-ahead before the class. */
static bool translate_class(struct translation *t)
{
    struct qf_buf *out = &t->out;
    size_t start = out->size;
    if (++t->nesting > CLASS_NESTING_MAX)
        return false;
    qf_buf_put_byte(out, '[');
    if (t->at < t->end && *t->at == '^') {
        qf_buf_put_byte(out, '^');
        t->at++;
    }
    const uint8_t *first = t->at;
    for (;;) {
        if (t->at == t->end)
            return false;
        uint8_t c = *t->at++;
        if (c == ']') {
            if (t->at - 1 == first)
                return false;
            break;
        }
        if (c == '-' && t->at < t->end && *t->at == '[') {
            t->at++;
            struct qf_buf outer = *out;
            *out = (struct qf_buf){0};
            bool good = translate_class(t) && t->at < t->end && *t->at++ == ']';
            struct qf_buf inner = *out;
            *out = outer;
            struct qf_buf whole = {0};
            qf_buf_put_text(&whole, "(?:(?!");
            qf_buf_put_slice(&whole, qf_buf_slice(&inner));
            qf_buf_put_byte(&whole, ')');
            qf_buf_put(&whole, out->data + start, out->size - start);
            qf_buf_put_text(&whole, "])");
            out->size = start;
            qf_buf_put_slice(out, qf_buf_slice(&whole));
            qf_buf_deinit(&inner);
            qf_buf_deinit(&whole);
            t->nesting--;
            return good;
        }
        if (c == '\\') {
            if (!translate_escape(t, true))
                return false;
        } else if (c == '[') {
            return false;
        } else if (c == '-') {
            /* A range needs both its ends; a minus at either end of the class is itself. */
            bool literal = t->at - 1 == first || (t->at < t->end && *t->at == ']');
            qf_buf_put_text(out, literal ? "\\-" : "-");
        } else {
            qf_buf_put_byte(out, c);
        }
    }
    qf_buf_put_byte(out, ']');
    t->nesting--;
    return true;
}

static bool translate_reference(struct translation *t)
{
    uint32_t number = 0;
    while (t->at < t->end && *t->at >= '0' && *t->at <= '9') {
        uint32_t longer = number * 10 + (uint32_t)(*t->at - '0');
        if (number > 0 && longer > t->opened)
            break;
        number = longer;
        t->at++;
    }
    if (number == 0 || number > t->opened || !t->closed[number])
        return false;
    qf_buf_printf(&t->out, "\\g{%u}", number);
    return true;
}

static bool translate_group(struct translation *t)
{
    bool captures = true;
    if (t->at < t->end && *t->at == '?') {
        if (t->end - t->at < 2 || t->at[1] != ':')
            return false;
        t->at += 2;
        captures = false;
    }
    qf_buf_put_text(&t->out, captures ? "(" : "(?:");
    uint32_t group = 0;
    if (captures) {
        if (t->opened == GROUPS_MAX)
            return false;
        group = ++t->opened;
    }
    if (++t->nesting > CLASS_NESTING_MAX * 4 || !translate_branches(t, group) || t->at == t->end ||
        *t->at != ')')
        return false;
    t->nesting--;
    t->at++;
    t->closed[group] = true;
    qf_buf_put_byte(&t->out, ')');
    return true;
}

static bool translate_atom(struct translation *t)
{
    uint8_t c = *t->at++;
    switch (c) {
    case '.':
        qf_buf_put_text(&t->out, t->flags.dot_all ? "(?s:.)" : "[^\\n\\r]");
        return true;
    case '[':
        return translate_class(t);
    case '(':
        return translate_group(t);
    case '\\':
        if (t->at < t->end && *t->at >= '0' && *t->at <= '9')
            return translate_reference(t);
        return translate_escape(t, false);
    case '?':
    case '*':
    case '+':
    case '{':
    case '}':
    case ']':
        return false;
    default:
        if (c == '#')
            qf_buf_put_byte(&t->out, '\\');
        qf_buf_put_byte(&t->out, c);
        while (c >= 0xc0 && t->at < t->end && (*t->at & 0xc0) == 0x80)
            qf_buf_put_byte(&t->out, *t->at++);
        return true;
    }
}

static bool translate_quantifier(struct translation *t)
{
    if (t->at == t->end)
        return true;
    uint8_t c = *t->at;
    if (c == '{') {
        const uint8_t *close = memchr(t->at, '}', (size_t)(t->end - t->at));
        if (close == NULL || close - t->at < 2)
            return false;
        bool comma = false;
        for (const uint8_t *d = t->at + 1; d < close; d++) {
            if (*d == ',' && !comma && d > t->at + 1)
                comma = true;
            else if (*d < '0' || *d > '9')
                return false;
        }
        qf_buf_put(&t->out, t->at, (size_t)(close - t->at) + 1);
        t->at = close + 1;
    } else if (c == '?' || c == '*' || c == '+') {
        qf_buf_put_byte(&t->out, c);
        t->at++;
    } else {
        return true;
    }
    if (t->at < t->end && *t->at == '?') {
        qf_buf_put_byte(&t->out, '?');
        t->at++;
    }
    return true;
}

static bool translate_branches(struct translation *t, uint32_t group)
{
    while (t->at < t->end) {
        uint8_t c = *t->at;
        if (c == ')')
            return group > 0 || t->nesting > 0;
        if (c == '|') {
            qf_buf_put_byte(&t->out, c);
            t->at++;
            continue;
        }
        if (c == '^' || c == '$') { /* atoms: a quantifier may follow */
            qf_buf_printf(&t->out, "(?:%c)", c);
            t->at++;
            if (!translate_quantifier(t))
                return false;
            continue;
        }
        if (!translate_atom(t) || !translate_quantifier(t))
            return false;
    }
    return true;
}

/* White space that the x flag leaves out: everywhere but in classes. */
static struct qf_slice strip(struct qf_feel_ev *ev, struct qf_slice pattern)
{
    uint8_t *out = qf_feel_alloc(ev, pattern.size + 1);
    size_t size = 0;
    uint32_t depth = 0;
    for (size_t i = 0; i < pattern.size; i++) {
        uint8_t c = pattern.data[i];
        if (c == '\\' && i + 1 < pattern.size && depth > 0) {
            out[size++] = c;
            out[size++] = pattern.data[++i];
            continue;
        }
        if (c == '\\' && i + 1 < pattern.size && strchr("\\[]", pattern.data[i + 1]) != NULL) {
            out[size++] = c;
            out[size++] = pattern.data[++i];
            continue;
        }
        if (c == '[')
            depth++;
        if (c == ']' && depth > 0)
            depth--;
        bool space = c == ' ' || c == '\t' || c == '\n' || c == '\r';
        if (!space || depth > 0)
            out[size++] = c;
    }
    return qf_slice_make(out, size);
}

/* `ev` NULL: outside of an evaluation, then without flags. */
static pcre2_code *compile(struct qf_feel_ev *ev, struct qf_slice pattern,
                           struct qf_slice flags_text, uint32_t *groups)
{
    struct translation t = {0};
    if (pattern.size > PATTERN_SIZE_MAX || !read_flags(flags_text, &t.flags))
        return NULL;
    if (t.flags.extended)
        pattern = strip(ev, pattern);
    if (ev != NULL)
        qf_feel_step(ev, 10 + (int64_t)(pattern.size / 8));
    t.at = pattern.data;
    t.end = pattern.data + pattern.size;
    bool good = translate_branches(&t, 0) && t.at == t.end && !t.out.failed;
    *groups = t.opened;
    pcre2_code *code = NULL;
    if (good) {
        int error = 0;
        PCRE2_SIZE offset = 0;
        uint32_t options =
            PCRE2_UTF | PCRE2_NO_UTF_CHECK | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C;
        if (t.flags.caseless)
            options |= PCRE2_CASELESS;
        if (t.flags.multi_line)
            options |= PCRE2_MULTILINE;
        pcre2_compile_context *context = pcre2_compile_context_create(NULL);
        if (context != NULL)
            (void)pcre2_set_newline(context, PCRE2_NEWLINE_LF);
        code = pcre2_compile(t.out.size == 0 ? (PCRE2_SPTR) "" : t.out.data, t.out.size, options,
                             &error, &offset, context);
        pcre2_compile_context_free(context);
    }
    qf_buf_deinit(&t.out);
    return code;
}

struct matcher {
    pcre2_code *code;
    pcre2_match_data *data;
    pcre2_match_context *context;
    uint32_t groups;
    uint32_t limit_max;   /* of one place of the text */
    int64_t steps, spent; /* below zero: more than there are */
};

static bool matcher_init_for(struct matcher *m, struct qf_feel_ev *ev, struct qf_slice pattern,
                             struct qf_slice flags, uint32_t steps_max)
{
    *m = (struct matcher){.limit_max = steps_max};
    m->code = compile(ev, pattern, flags, &m->groups);
    if (m->code == NULL)
        return false;
    m->steps = ev != NULL ? ev->steps_left : steps_max;
    m->data = pcre2_match_data_create_from_pattern(m->code, NULL);
    m->context = pcre2_match_context_create(NULL);
    if (m->data == NULL || m->context == NULL)
        return false;
    (void)pcre2_set_depth_limit(m->context, QF_FEEL_REGEX_STEPS_MAX / 100);
    return true;
}

static bool matcher_init(struct matcher *m, const struct qf_feel_args *args,
                         struct qf_slice pattern, struct qf_slice flags)
{
    return matcher_init_for(m, args->ev, pattern, flags, QF_FEEL_REGEX_STEPS_MAX);
}

static void matcher_deinit(struct matcher *m)
{
    pcre2_match_context_free(m->context);
    pcre2_match_data_free(m->data);
    pcre2_code_free(m->code);
}

/* What matching cost is paid when nothing of the library's is held any more: the evaluation may end
 * here. */
static void settle(struct qf_feel_ev *ev, const struct matcher *m)
{
    qf_feel_step(ev, m->spent);
}

/* The same, where something was found that is not the evaluation's yet. */
static void settle_found(struct qf_feel_ev *ev, const struct matcher *m, struct qf_buf *found)
{
    if (m->spent > m->steps)
        qf_buf_deinit(found);
    settle(ev, m);
}

static bool spend(struct matcher *m, size_t steps)
{
    m->spent += (int64_t)steps;
    return m->spent <= m->steps;
}

static int match_within(struct matcher *m, struct qf_slice input, size_t from, uint32_t options,
                        uint32_t limit)
{
    (void)pcre2_set_match_limit(m->context, limit);
    return pcre2_match(m->code, input.size == 0 ? (PCRE2_SPTR) "" : input.data, input.size, from,
                       PCRE2_NO_UTF_CHECK | options, m->data, m->context);
}

#define LIMIT_FIRST 16
#define LIMIT_FACTOR 4
#define LOOKS_A_STEP 4

/* The library counts for each place of the text anew and does not say how much it took. So it is
 * first let look with a limit that no harm can hide under, and only where that does not do, place
 * by place with a growing one, each of which is paid for. 1 found, 0 not, -1 a limit was reached.
 */
static int match_at(struct matcher *m, struct qf_slice input, size_t from)
{
    const size_t all = (input.size - from) / LOOKS_A_STEP;
    if ((int64_t)all > m->steps - m->spent) {
        m->spent = m->steps + 1;
        return -1;
    }
    int found = match_within(m, input, from, 0, LIMIT_FIRST);
    size_t looked = found > 0 ? pcre2_get_ovector_pointer(m->data)[1] - from : input.size - from;
    if (!spend(m, 2 + looked / LOOKS_A_STEP))
        return -1;
    if (found != PCRE2_ERROR_MATCHLIMIT)
        return found > 0 ? 1 : found == PCRE2_ERROR_NOMATCH ? 0 : -1;
    for (size_t at = from; at <= input.size; at++) {
        if (at < input.size && (input.data[at] & 0xc0) == 0x80)
            continue;
        for (uint32_t limit = LIMIT_FIRST;; limit *= LIMIT_FACTOR) {
            limit = limit < m->limit_max ? limit : m->limit_max;
            if (!spend(m, limit / LOOKS_A_STEP))
                return -1;
            found = match_within(m, input, at, PCRE2_ANCHORED, limit);
            if (found != PCRE2_ERROR_MATCHLIMIT || limit == m->limit_max)
                break;
        }
        if (found != PCRE2_ERROR_NOMATCH)
            return found > 0 ? 1 : -1;
    }
    return 0;
}

#define BAD_PATTERN "the pattern or its flags are not of XPath, or matching takes too long"

struct qf_feel_value qf_feel_regex_matches(const struct qf_feel_args *args, struct qf_slice input,
                                           struct qf_slice pattern, struct qf_slice flags)
{
    struct matcher m;
    int found = matcher_init(&m, args, pattern, flags) ? match_at(&m, input, 0) : -1;
    matcher_deinit(&m);
    settle(args->ev, &m);
    return found < 0 ? qf_feel_refuse(args, BAD_PATTERN) : qf_feel_bool(found == 1);
}

int qf_feel_pattern_match(struct qf_slice pattern, struct qf_slice text, uint32_t steps_max)
{
    struct matcher m;
    bool good = matcher_init_for(&m, NULL, pattern, qf_slice_of(""), steps_max);
    int found = good ? match_at(&m, text, 0) : -1;
    matcher_deinit(&m);
    return found;
}

static void put_group(struct qf_buf *out, const struct matcher *m, struct qf_slice input,
                      uint32_t group)
{
    const PCRE2_SIZE *places = pcre2_get_ovector_pointer(m->data) + 2 * (size_t)group;
    if (group < pcre2_get_ovector_count(m->data) && places[0] != PCRE2_UNSET)
        qf_buf_put(out, input.data + places[0], places[1] - places[0]);
}

/* $N, \$ and \\ in a replacement; anything else after them is an error. Without `writes` it is only
 * read. */
static bool put_replacement(struct qf_buf *out, const struct matcher *m, struct qf_slice input,
                            struct qf_slice replacement, bool writes)
{
    for (size_t i = 0; i < replacement.size; i++) {
        uint8_t c = replacement.data[i];
        uint8_t next = i + 1 < replacement.size ? replacement.data[i + 1] : 0;
        if (c == '\\') {
            if (next != '\\' && next != '$')
                return false;
            if (writes)
                qf_buf_put_byte(out, next);
            i++;
        } else if (c == '$') {
            if (next < '0' || next > '9')
                return false;
            uint32_t group = (uint32_t)(next - '0');
            i++;
            while (i + 1 < replacement.size && replacement.data[i + 1] >= '0' &&
                   replacement.data[i + 1] <= '9' &&
                   group * 10 + (uint32_t)(replacement.data[i + 1] - '0') <= m->groups) {
                group = group * 10 + (uint32_t)(replacement.data[i + 1] - '0');
                i++;
            }
            if (writes)
                put_group(out, m, input, group);
        } else if (writes) {
            qf_buf_put_byte(out, c);
        }
    }
    return true;
}

/* False for a pattern that is wrong, that matches nothing at all, or that takes too long. */
static bool replace_all(struct matcher *m, struct qf_slice input, struct qf_slice replacement,
                        struct qf_buf *out)
{
    if (match_at(m, qf_slice_make("", 0), 0) != 0)
        return false; /* FORX0003 */
    if (!put_replacement(out, m, qf_slice_make("", 0), replacement, false))
        return false; /* FORX0004, also where nothing is replaced */
    size_t at = 0;
    while (at <= input.size) {
        int found = match_at(m, input, at);
        if (found < 0)
            return false;
        if (found == 0)
            break;
        const PCRE2_SIZE *places = pcre2_get_ovector_pointer(m->data);
        size_t start = places[0];
        size_t end = places[1];
        qf_buf_put(out, input.data + at, start - at);
        if (!put_replacement(out, m, input, replacement, true) || out->failed || end == start)
            return false;
        at = end;
    }
    if (at < input.size)
        qf_buf_put(out, input.data + at, input.size - at);
    return !out->failed;
}

struct qf_feel_value qf_feel_regex_replace(const struct qf_feel_args *args, struct qf_slice input,
                                           struct qf_slice pattern, struct qf_slice replacement,
                                           struct qf_slice flags)
{
    struct matcher m;
    struct qf_buf out;
    qf_buf_init(&out, QF_FEEL_MEMORY_MAX);
    bool good = matcher_init(&m, args, pattern, flags) && replace_all(&m, input, replacement, &out);
    matcher_deinit(&m);
    if (!good) {
        qf_buf_deinit(&out);
        settle(args->ev, &m);
        return qf_feel_refuse(args, BAD_PATTERN);
    }
    settle_found(args->ev, &m, &out);
    return qf_feel_take_text(args->ev, &out);
}

/* Where the pieces end, into a heap buffer first: the evaluation may stop in the arena. */
static bool split_places(struct matcher *m, struct qf_slice input, struct qf_buf *places_out)
{
    if (match_at(m, qf_slice_make("", 0), 0) != 0)
        return false;
    size_t at = 0;
    for (;;) {
        int found = match_at(m, input, at);
        if (found < 0)
            return false;
        if (found == 0)
            break;
        const PCRE2_SIZE *places = pcre2_get_ovector_pointer(m->data);
        size_t pair[2] = {places[0], places[1]};
        if (pair[0] == pair[1])
            return false;
        qf_buf_put(places_out, pair, sizeof pair);
        at = pair[1];
    }
    return !places_out->failed;
}

struct qf_feel_value qf_feel_regex_split(const struct qf_feel_args *args, struct qf_slice input,
                                         struct qf_slice pattern)
{
    struct matcher m;
    struct qf_buf found;
    qf_buf_init(&found, QF_FEEL_MEMORY_MAX);
    bool good =
        matcher_init(&m, args, pattern, qf_slice_make("", 0)) && split_places(&m, input, &found);
    matcher_deinit(&m);
    if (!good) {
        qf_buf_deinit(&found);
        settle(args->ev, &m);
        return qf_feel_refuse(args, BAD_PATTERN);
    }
    settle_found(args->ev, &m, &found);
    uint32_t count = (uint32_t)(found.size / (2 * sizeof(size_t)));
    struct qf_feel_value kept = qf_feel_take_text(args->ev, &found);
    struct qf_feel_items items = {0};
    size_t at = 0;
    for (uint32_t i = 0; i <= count; i++) {
        size_t pair[2] = {input.size, input.size};
        if (i < count)
            memcpy(pair, kept.text + i * sizeof pair, sizeof pair);
        struct qf_feel_value piece = qf_feel_text(qf_slice_make(input.data + at, pair[0] - at));
        qf_feel_items_put(args->ev, &items, &piece);
        at = pair[1];
    }
    return qf_feel_items_list(&items);
}

void qf_feel_patterns_version(char out[QF_FEEL_PATTERNS_VERSION_SIZE])
{
    char library[32] = "";
    char unicode[32] = "";
    if (pcre2_config(PCRE2_CONFIG_VERSION, NULL) <= (int)sizeof library)
        (void)pcre2_config(PCRE2_CONFIG_VERSION, library);
    if (pcre2_config(PCRE2_CONFIG_UNICODE_VERSION, NULL) <= (int)sizeof unicode)
        (void)pcre2_config(PCRE2_CONFIG_UNICODE_VERSION, unicode);
    snprintf(out, QF_FEEL_PATTERNS_VERSION_SIZE, "PCRE2 %s, Unicode %s", library, unicode);
}
