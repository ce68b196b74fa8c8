#include "base/status.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct status_row {
    int number;
    int http;
    const char *name;
    const char *title;
    const char *cure;
};

static const struct status_row rows[] = {
#define QF_STATUS_ROW(sym, num, name, http, title, cure) {(num), (http), (name), (title), (cure)},
    QF_STATUS_LIST(QF_STATUS_ROW)
#undef QF_STATUS_ROW
};

static const struct status_row unknown = {-1, 500, "unknown", "Unknown status.", ""};

static const struct status_row *row_of(long long number)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].number == number)
            return &rows[i];
    return &unknown;
}

const char *qf_status_name(enum qf_status status)
{
    return row_of(status)->name;
}

const char *qf_status_title(enum qf_status status)
{
    return row_of(status)->title;
}

const char *qf_status_cure(enum qf_status status)
{
    return row_of(status)->cure;
}

int qf_status_http(enum qf_status status)
{
    return row_of(status)->http;
}

int qf_status_known(long long code)
{
    return row_of(code) != &unknown;
}

/* Size of the well-formed UTF-8 sequence at `text`, 1 to 4, or 0 (RFC 3629 4). */
static size_t sequence_size(const unsigned char *text)
{
    unsigned char c = text[0];
    unsigned char low = c == 0xE0 ? 0xA0 : c == 0xF0 ? 0x90 : 0x80;
    unsigned char high = c == 0xED ? 0x9F : c == 0xF4 ? 0x8F : 0xBF;
    size_t size = c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
    if (size > 1 && (c < 0xC2 || c > 0xF4 || text[1] < low || text[1] > high))
        return 0;
    for (size_t i = 2; i < size; i++)
        if ((text[i] & 0xC0) != 0x80)
            return 0;
    return size;
}

/* What a terminal takes for a command, or shows text by in another order than it stands in. */
static bool is_command(const unsigned char *text, size_t size)
{
    if (size == 1)
        return (text[0] < 0x20 && text[0] != '\n' && text[0] != '\t') || text[0] == 0x7F;
    if (size == 2)
        return text[0] == 0xC2 && text[1] < 0xA0;
    return size == 3 && text[0] == 0xE2 &&
           ((text[1] == 0x80 && text[2] >= 0xAA && text[2] <= 0xAE) ||
            (text[1] == 0x81 && text[2] >= 0xA6 && text[2] <= 0xA9));
}

/* Sentences quote what others have sent, and are cut to their room. They are shown on terminals,
 * and some stand in records, which are UTF-8: what is neither text nor whole goes. */
static void tidy(char *sentence)
{
    unsigned char *to = (unsigned char *)sentence;
    for (const unsigned char *from = to; *from != '\0';) {
        size_t size = sequence_size(from);
        if (size == 0) {
            from++;
        } else if (is_command(from, size)) {
            *to++ = '?';
            from += size;
        } else {
            memmove(to, from, size);
            to += size;
            from += size;
        }
    }
    *to = '\0';
}

enum qf_status qf_fail(struct qf_error *err, enum qf_status status, const char *field,
                       const char *fmt, ...)
{
    if (err == NULL)
        return status;
    err->status = status;
    snprintf(err->field, sizeof err->field, "%s", field);
    va_list args;
    va_start(args, fmt);
    vsnprintf(err->detail, sizeof err->detail, fmt, args);
    va_end(args);
    tidy(err->field);
    tidy(err->detail);
    return status;
}

void qf_error_within(struct qf_error *err, const char *fmt, ...)
{
    if (err == NULL)
        return;
    char inner[sizeof err->field];
    char outer[sizeof err->field];
    memcpy(inner, err->field, sizeof inner);
    va_list args;
    va_start(args, fmt);
    vsnprintf(outer, sizeof outer, fmt, args);
    va_end(args);
    const char *dot = inner[0] != '\0' && inner[0] != '[' && outer[0] != '\0' ? "." : "";
    size_t used = strlen(outer);
    memcpy(err->field, outer, used + 1);
    snprintf(err->field + used, sizeof err->field - used, "%s%s", dot, inner);
    tidy(err->field);
}

_Noreturn void qf_assert_fail(const char *expr, const char *file, int line)
{
    fprintf(stderr, "qifeng: broken invariant at %s:%d: %s\n", file, line, expr);
    abort();
}
