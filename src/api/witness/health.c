/* Witnesses in /v1/health and /metrics: those of this log, and the logs that this node witnesses.
 */
#include "api/witness/health.h"

#include "api/witness/cosigning.h"
#include "api/witness/witness.h"

#define FAILURES_TOLD 3 /* a witness that cannot be reached once is no problem yet */

static void put_int(struct qf_arena *arena, struct qf_json *object, const char *name,
                    uint64_t value)
{
    qf_json_put(arena, object, name, qf_json_make_int((int64_t)value));
}

static void put_text(struct qf_arena *arena, struct qf_json *object, const char *name,
                     const char *text)
{
    qf_json_put(arena, object, name, qf_json_make_slice(qf_arena_copy(arena, qf_slice_of(text))));
}

static void add_problem(struct qf_arena *arena, struct qf_json *problems,
                        const struct qf_cosigning_report *report)
{
    static const enum qf_status kinds[] = {[QF_COSIGNING_UNREACHABLE] = QF_NETWORK,
                                           [QF_COSIGNING_REFUSED] = QF_FORBIDDEN,
                                           [QF_COSIGNING_AHEAD] = QF_INCONSISTENT,
                                           [QF_COSIGNING_FORKED] = QF_INCONSISTENT};
    struct qf_error err = {0};
    bool severe = report->state == QF_COSIGNING_FORKED || report->state == QF_COSIGNING_AHEAD ||
                  report->state == QF_COSIGNING_REFUSED;
    if (!severe && (report->state != QF_COSIGNING_UNREACHABLE || report->failures < FAILURES_TOLD))
        return;
    (void)qf_fail(&err, kinds[report->state], "witnesses", "%.*s: %s",
                  (int)(report->name.size < 64 ? report->name.size : 64),
                  (const char *)report->name.data, report->detail);
    qf_json_append(arena, problems, qf_http_problem_json(arena, &err));
}

static struct qf_json witness_json(struct qf_arena *arena, const struct qf_cosigning_report *report,
                                   uint64_t log_size)
{
    struct qf_json object = qf_json_make_object();
    bool answered =
        report->state != QF_COSIGNING_WAITING && report->state != QF_COSIGNING_UNREACHABLE;
    if (report->detail[0] != '\0')
        put_text(arena, &object, "detail", report->detail);
    put_int(arena, &object, "failures", report->failures);
    put_int(arena, &object, "lag", log_size > report->size ? log_size - report->size : 0);
    qf_json_put(arena, &object, "name", qf_json_make_slice(report->name));
    qf_json_put(arena, &object, "reachable", qf_json_make_bool(answered));
    put_int(arena, &object, "size", report->size);
    put_text(arena, &object, "state", qf_cosigning_state_name(report->state));
    qf_json_put(arena, &object, "time", qf_json_make_int(report->time_s * 1000));
    put_text(arena, &object, "url", report->url);
    return object;
}

static void add_cosigning(struct qf_arena *arena, struct qf_json *object, struct qf_json *problems,
                          struct qf_cosigning *cosigning, uint64_t log_size)
{
    struct qf_cosigning_summary summary;
    struct qf_json list = qf_json_make_array();
    struct qf_json cosigned = qf_json_make_object();
    for (size_t i = 0; i < qf_cosigning_count(cosigning); i++) {
        struct qf_cosigning_report report;
        qf_cosigning_report(cosigning, i, &report);
        qf_json_append(arena, &list, witness_json(arena, &report, log_size));
        add_problem(arena, problems, &report);
    }
    qf_cosigning_summary(cosigning, &summary);
    put_int(arena, &cosigned, "cosignatures", summary.count);
    put_int(arena, &cosigned, "lag", log_size > summary.size ? log_size - summary.size : 0);
    put_int(arena, &cosigned, "quorum", summary.quorum);
    put_int(arena, &cosigned, "size", summary.size);
    qf_json_put(arena, &cosigned, "time", qf_json_make_int(summary.time_s * 1000));
    qf_json_put(arena, object, "cosigned", cosigned);
    qf_json_put(arena, object, "witnesses", list);
}

static void add_witnessing(struct qf_arena *arena, struct qf_json *object,
                           struct qf_witness *witness)
{
    struct qf_note_key key;
    struct qf_buf text = {0};
    struct qf_json list = qf_json_make_array();
    struct qf_json witnessing = qf_json_make_object();
    for (size_t i = 0; i < qf_witness_log_count(witness); i++) {
        struct qf_witness_report report;
        struct qf_json log = qf_json_make_object();
        qf_witness_report(witness, i, &report);
        put_int(arena, &log, "cosigned", report.cosigned);
        qf_json_put(arena, &log, "origin", qf_json_make_slice(report.origin));
        if (report.refusal[0] != '\0') {
            put_text(arena, &log, "refusal", report.refusal);
            qf_json_put(arena, &log, "refusal_time", qf_json_make_int(report.refused_s * 1000));
        }
        put_int(arena, &log, "refused", report.refused);
        put_int(arena, &log, "size", report.size);
        qf_json_put(arena, &log, "time", qf_json_make_int(report.time_s * 1000));
        qf_json_append(arena, &list, log);
    }
    qf_witness_key(witness, &key);
    qf_note_key_put(&text, &key);
    qf_json_put(arena, &witnessing, "key",
                qf_json_make_slice(qf_arena_copy(arena, qf_buf_slice(&text))));
    qf_json_put(arena, &witnessing, "logs", list);
    qf_json_put(arena, object, "witnessing", witnessing);
    qf_buf_deinit(&text);
}

void qf_api_witness_health(struct qf_api *api, struct qf_arena *arena, struct qf_json *object,
                           struct qf_json *problems, uint64_t log_size)
{
    if (api->options.cosigning != NULL)
        add_cosigning(arena, object, problems, api->options.cosigning, log_size);
    if (api->options.witness != NULL)
        add_witnessing(arena, object, api->options.witness);
}

/* ---- Prometheus ---- */

static void head(struct qf_buf *out, const char *name, const char *type, const char *help)
{
    qf_buf_printf(out, "# HELP qifeng_%s %s\n# TYPE qifeng_%s %s\n", name, help, name, type);
}

/* name{label="value"} number */
static void sample(struct qf_buf *out, const char *name, const char *label, struct qf_slice value,
                   uint64_t number)
{
    qf_buf_printf(out, "qifeng_%s{%s=\"", name, label);
    for (size_t i = 0; i < value.size; i++) {
        if (value.data[i] == '"' || value.data[i] == '\\')
            qf_buf_put_byte(out, '\\');
        qf_buf_put_byte(out, value.data[i]);
    }
    qf_buf_printf(out, "\"} %llu\n", (unsigned long long)number);
}

enum figure { UP, FORKED, SIZE, LAG, ASKED, COSIGNED, FIGURES };

static uint64_t figure_of(enum figure figure, const struct qf_cosigning_report *report,
                          uint64_t log_size)
{
    switch (figure) {
    case UP:
        return report->state == QF_COSIGNING_GOOD;
    case FORKED:
        return report->state == QF_COSIGNING_FORKED || report->state == QF_COSIGNING_AHEAD;
    case SIZE:
        return report->size;
    case LAG:
        return log_size > report->size ? log_size - report->size : 0;
    case ASKED:
        return report->asked;
    case COSIGNED:
        return report->cosigned;
    case FIGURES:
        break;
    }
    return 0;
}

static void put_cosigning(struct qf_buf *out, struct qf_cosigning *cosigning, uint64_t log_size)
{
    static const char *const names[FIGURES][3] = {
        [UP] = {"witness_up", "gauge", "1 when the witness cosigned the last time it was asked."},
        [FORKED] = {"witness_contradicts", "gauge",
                    "1 when the witness has seen another history of this log; see /v1/health."},
        [SIZE] = {"witness_entries", "gauge", "Entries of the last checkpoint that it cosigned."},
        [LAG] = {"witness_lag_entries", "gauge", "Entries of the log after those."},
        [ASKED] = {"witness_requests_total", "counter", "Rounds in which it was asked."},
        [COSIGNED] = {"witness_cosigned_total", "counter", "Cosignatures that it gave."}};
    struct qf_cosigning_summary summary;
    for (enum figure figure = UP; figure < FIGURES; figure++) {
        head(out, names[figure][0], names[figure][1], names[figure][2]);
        for (size_t i = 0; i < qf_cosigning_count(cosigning); i++) {
            struct qf_cosigning_report report;
            qf_cosigning_report(cosigning, i, &report);
            sample(out, names[figure][0], "witness", report.name,
                   figure_of(figure, &report, log_size));
        }
    }
    qf_cosigning_summary(cosigning, &summary);
    head(out, "cosigned_entries", "gauge",
         "Entries of the newest checkpoint with enough cosignatures.");
    qf_buf_printf(out, "qifeng_cosigned_entries %llu\n", (unsigned long long)summary.size);
}

static void put_witnessing(struct qf_buf *out, struct qf_witness *witness)
{
    static const char *const names[][3] = {
        {"witnessing_entries", "gauge", "Entries of the last checkpoint cosigned for this log."},
        {"witnessing_cosigned_total", "counter", "Cosignatures given to this log."},
        {"witnessing_refused_total", "counter", "Other histories that this log has shown."}};
    for (size_t which = 0; which < sizeof names / sizeof names[0]; which++) {
        head(out, names[which][0], names[which][1], names[which][2]);
        for (size_t i = 0; i < qf_witness_log_count(witness); i++) {
            struct qf_witness_report report;
            qf_witness_report(witness, i, &report);
            const uint64_t values[] = {report.size, report.cosigned, report.refused};
            sample(out, names[which][0], "log", report.origin, values[which]);
        }
    }
}

void qf_api_witness_metrics(struct qf_api *api, struct qf_buf *out, uint64_t log_size)
{
    if (api->options.cosigning != NULL)
        put_cosigning(out, api->options.cosigning, log_size);
    if (api->options.witness != NULL)
        put_witnessing(out, api->options.witness);
}
