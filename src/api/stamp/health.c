/* What /v1/health and /metrics say of the log's time-stamps. */
#include "api/stamp/stamping.h"

#define FAILURES_TOLD 3 /* an authority that cannot be reached once is no problem yet */

static void put_int(struct qf_arena *arena, struct qf_json *object, const char *name, int64_t value)
{
    qf_json_put(arena, object, name, qf_json_make_int(value));
}

static void put_text(struct qf_arena *arena, struct qf_json *object, const char *name,
                     const char *text)
{
    qf_json_put(arena, object, name, qf_json_make_slice(qf_arena_copy(arena, qf_slice_of(text))));
}

void qf_api_stamp_health(struct qf_api *api, struct qf_arena *arena, struct qf_json *object,
                         struct qf_json *problems, uint64_t log_size)
{
    struct qf_stamping_report report;
    struct qf_json stamps = qf_json_make_object();
    if (api->stamping == NULL)
        return;
    qf_stamping_report(api->stamping, &report);
    if (report.authority[0] != '\0')
        put_text(arena, &stamps, "authority", report.authority);
    put_int(arena, &stamps, "count", (int64_t)report.count);
    if (report.detail[0] != '\0')
        put_text(arena, &stamps, "detail", report.detail);
    put_int(arena, &stamps, "failures", report.failures);
    put_int(arena, &stamps, "lag", log_size > report.size ? (int64_t)(log_size - report.size) : 0);
    put_int(arena, &stamps, "renewals", (int64_t)report.renewals);
    put_int(arena, &stamps, "size", (int64_t)report.size);
    put_text(arena, &stamps, "state", qf_stamping_state_name(report.state));
    put_int(arena, &stamps, "time", report.time_ms);
    if (report.until_ms != INT64_MAX)
        put_int(arena, &stamps, "until", report.until_ms);
    qf_json_put(arena, object, "stamps", stamps);
    if (report.state == QF_STAMPING_ENDING ||
        (report.state == QF_STAMPING_FAILING && report.failures >= FAILURES_TOLD)) {
        struct qf_error err = {0};
        (void)qf_fail(&err, report.state == QF_STAMPING_ENDING ? QF_CANNOT_TELL : QF_NETWORK,
                      "stamps", "%.230s", report.detail);
        qf_json_append(arena, problems, qf_http_problem_json(arena, &err));
    }
}

static void gauge(struct qf_buf *out, const char *name, const char *help, uint64_t value)
{
    qf_buf_printf(out, "# HELP qifeng_%s %s\n# TYPE qifeng_%s gauge\nqifeng_%s %llu\n", name, help,
                  name, name, (unsigned long long)value);
}

void qf_api_stamp_metrics(struct qf_api *api, struct qf_buf *out)
{
    struct qf_stamping_report report;
    if (api->stamping == NULL)
        return;
    qf_stamping_report(api->stamping, &report);
    gauge(out, "stamps", "Time-stamped checkpoints of the log.", report.count);
    gauge(out, "stamp_entries", "Entries of the newest of them.", report.size);
    gauge(out, "stamp_time_seconds", "Time of the newest time-stamp; 0: none.",
          (uint64_t)report.time_ms / 1000);
    gauge(out, "stamp_until_seconds",
          "When the first time-stamp ends that is not renewed; 0: there is none.",
          report.until_ms == INT64_MAX ? 0 : (uint64_t)report.until_ms / 1000);
    gauge(out, "stamp_renewals", "Renewals of time-stamps.", report.renewals);
    gauge(out, "stamp_failures", "Attempts in a row that failed; see /v1/health.", report.failures);
    gauge(out, "stamp_ending", "1 when a renewal is due and the authority cannot give it.",
          report.state == QF_STAMPING_ENDING);
}
