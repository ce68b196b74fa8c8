#include "base/status.h"

#include <stdarg.h>
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
}

_Noreturn void qf_assert_fail(const char *expr, const char *file, int line)
{
    fprintf(stderr, "qifeng: broken invariant at %s:%d: %s\n", file, line, expr);
    abort();
}
