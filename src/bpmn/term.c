#include "bpmn/term.h"

#include "bpmn/xes.h"
#include "bpmn/xml.h"

#define COMPONENT_MAX 1000000
#define DAY_MS 86400000LL

/* Reads "12" or, before S, "1.5" (in thousandths); false at the end or when it is too large. */
static bool read_number(int64_t *whole, int64_t *thousandths, struct qf_slice text, size_t *at)
{
    size_t start = *at;
    *whole = 0;
    *thousandths = 0;
    for (; *at < text.size && text.data[*at] >= '0' && text.data[*at] <= '9'; ++*at) {
        *whole = *whole * 10 + (text.data[*at] - '0');
        if (*whole >= COMPONENT_MAX)
            return false;
    }
    if (*at == start)
        return false;
    if (*at < text.size && text.data[*at] == '.') {
        int64_t scale = 100;
        size_t first = ++*at;
        for (; *at < text.size && text.data[*at] >= '0' && text.data[*at] <= '9'; ++*at) {
            *thousandths += (text.data[*at] - '0') * scale;
            scale /= 10;
        }
        return *at > first && *at < text.size && text.data[*at] == 'S';
    }
    return true;
}

bool qf_duration_parse(struct qf_duration *out, struct qf_slice text)
{
    static const char order[] = "YMWDHMS"; /* from the fourth on after T */
    *out = (struct qf_duration){0};
    text = qf_xml_trim(text);
    if (text.size < 3 || text.data[0] != 'P')
        return false;
    size_t next = 0; /* in `order`: components stand once, in this order */
    bool time = false;
    for (size_t at = 1; at < text.size; at++) {
        int64_t whole = 0, thousandths = 0;
        if (text.data[at] == 'T') {
            if (time || at + 1 == text.size)
                return false;
            time = true;
            next = 4;
            continue;
        }
        if (!read_number(&whole, &thousandths, text, &at) || at >= text.size)
            return false;
        size_t end = time ? 7 : 4;
        while (next < end && (uint8_t)order[next] != text.data[at])
            next++;
        if (next == end)
            return false;
        static const int64_t months[7] = {12, 1, 0, 0, 0, 0, 0};
        static const int64_t days[7] = {0, 0, 7, 1, 0, 0, 0};
        static const int64_t ms[7] = {0, 0, 0, 0, 3600000, 60000, 1000};
        out->months += whole * months[next];
        out->days += whole * days[next];
        out->ms += whole * ms[next] + thousandths;
        next++;
    }
    return true;
}

bool qf_cycle_parse(int64_t *count, struct qf_duration *out, struct qf_slice text)
{
    text = qf_xml_trim(text);
    if (text.size < 2 || text.data[0] != 'R')
        return false;
    size_t at = 1;
    int64_t rest = 0;
    *count = -1;
    if (text.data[1] != '/' && !read_number(count, &rest, text, &at))
        return false;
    if (at >= text.size || text.data[at] != '/' || rest != 0)
        return false;
    return qf_duration_parse(out, qf_slice_make(text.data + at + 1, text.size - at - 1)) &&
           (out->months > 0 || out->days > 0 || out->ms > 0);
}

bool qf_moment_parse(int64_t *out_ms, const struct qf_calendar *calendar, struct qf_slice text)
{
    text = qf_xml_trim(text);
    if (text.size != 10)
        return qf_xes_time(out_ms, text);
    uint8_t whole[20];
    for (size_t i = 0; i < 10; i++) {
        whole[i] = text.data[i];
        whole[10 + i] = (uint8_t) "T00:00:00Z"[i];
    }
    if (!qf_xes_time(out_ms, qf_slice_make(whole, sizeof whole)))
        return false;
    *out_ms -= calendar->offset_minutes * 60000LL;
    return true;
}

static int64_t add_months(int64_t local_ms, int64_t months)
{
    int64_t day = local_ms / DAY_MS - (local_ms % DAY_MS < 0);
    int64_t clock = local_ms - day * DAY_MS;
    struct qf_date date = qf_date_from_day(day);
    int64_t total = date.year * 12LL + date.month - 1 + months;
    date.year = (int32_t)(total / 12);
    date.month = (int32_t)(total % 12 + 1);
    if (date.day > qf_date_month_days(date.year, date.month))
        date.day = qf_date_month_days(date.year, date.month);
    return qf_date_to_day(date) * DAY_MS + clock;
}

enum qf_status qf_duration_after(const struct qf_calendar *calendar, int64_t *out_ms,
                                 int64_t from_ms, struct qf_duration duration, bool working)
{
    int64_t offset_ms = calendar->offset_minutes * 60000LL;
    int64_t at = from_ms;
    if (duration.months > 12000)
        return QF_OVER_LIMIT;
    if (duration.months > 0)
        at = add_months(at + offset_ms, duration.months) - offset_ms;
    at += duration.ms;
    if (!working || duration.days == 0) {
        *out_ms = at + duration.days * DAY_MS;
        return QF_OK;
    }
    return qf_calendar_due(calendar, out_ms, at, (struct qf_term){duration.days, true, false});
}
