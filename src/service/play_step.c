/* One step of a scenario that does something. */
#include <stdio.h>

#include "bpmn/calendar.h"
#include "codec/time.h"
#include "service/play_internal.h"

#define DAY_MS 86400000LL

char *qf_play_text(struct qf_play *play, const struct qf_json *value)
{
    struct qf_buf buf = {0};
    qf_json_write(&buf, value);
    char *text = qf_arena_text(&play->arena, qf_buf_slice(&buf));
    qf_buf_deinit(&buf);
    return text;
}

const struct qf_json *qf_play_record(struct qf_play *play, struct qf_slice case_id)
{
    struct qf_json *record = QF_ARENA_NEW(&play->arena, struct qf_json);
    struct qf_state_reader reader = qf_world_reader(play->world);
    return qf_query_case(&reader, &play->arena, record, case_id) ? record : NULL;
}

enum qf_status qf_play_case(const struct qf_play *play, struct qf_slice *out,
                            const struct qf_json *step, struct qf_error *err)
{
    const struct qf_json *named = qf_json_get(step, "case");
    if (named != NULL && named->type == QF_JSON_STRING) {
        *out = qf_json_text(named);
        return QF_OK;
    }
    *out = play->last_case;
    if (play->cases == 1)
        return QF_OK;
    return qf_fail(err, QF_BAD_FIELD, "case", "%u cases have been opened: say which", play->cases);
}

static enum qf_status actor_of(const struct qf_play *play, const struct qf_play_actor **out,
                               const struct qf_json *step, struct qf_error *err)
{
    const struct qf_json *by = qf_json_get(step, "by");
    if (by == NULL || by->type != QF_JSON_STRING)
        return qf_fail(err, QF_BAD_FIELD, "by", "is missing: say who does it");
    for (size_t i = 0; i < play->actor_count; i++)
        if (play->actors[i].name.size > 0 &&
            qf_slice_equal(play->actors[i].name, qf_json_text(by))) {
            *out = &play->actors[i];
            return QF_OK;
        }
    return qf_fail(err, QF_BAD_FIELD, "by", "%.*s is not among the actors", (int)by->count,
                   by->text);
}

/* The oldest open task of the case with that element's id; its number, and whether it is a decision
 * to be recorded. */
static enum qf_status task_of(struct qf_play *play, int64_t *number, bool *decision,
                              struct qf_slice case_id, struct qf_slice node, struct qf_error *err)
{
    const struct qf_json *record = qf_play_record(play, case_id);
    const struct qf_json *tasks = record != NULL ? qf_json_get(record, "tasks") : NULL;
    *number = 0;
    for (uint32_t i = 0; tasks != NULL && i < tasks->count; i++) {
        const struct qf_json *task = &tasks->items[i];
        int64_t own = qf_json_get(task, "task")->integer;
        if (!qf_slice_equal(qf_json_text(qf_json_get(task, "node")), node) ||
            (*number > 0 && own > *number))
            continue;
        *number = own;
        *decision = qf_json_get(task, "decision") != NULL;
    }
    if (*number > 0)
        return QF_OK;
    if (record != NULL && !qf_json_is_text(qf_json_get(record, "status"), "running"))
        return qf_fail(err, QF_WRONG_STATE, "case", "the case is %.*s",
                       (int)qf_json_get(record, "status")->count,
                       qf_json_get(record, "status")->text);
    return qf_fail(err, QF_NOT_FOUND, "task", "the case has no open task %.*s",
                   QF_SLICE_ARGS(node));
}

/* ---- acts ---- */

static const struct {
    const char *step, *op;
    const char *name; /* op's member that the step's value goes to; NULL: it is a task */
} acts[] = {
    {"open", "service.case.open", "case"},       {"claim", "service.task.claim", NULL},
    {"release", "service.task.release", NULL},   {"complete", "service.task.complete", NULL},
    {"decide", "service.decision.record", NULL}, {"delegate", "service.task.delegate", NULL},
    {"message", "service.case.message", "name"}, {"withdraw", "service.case.withdraw", "case"},
    {"appeal", "service.case.appeal", "case"},
};

static enum qf_status put_case(struct qf_play *play, struct qf_json *op, struct qf_slice *case_id,
                               const struct qf_json *step, const char *word, const char *name,
                               struct qf_error *err)
{
    const struct qf_json *value = qf_json_get(step, word);
    enum qf_status status = QF_OK;
    if (value->type != QF_JSON_STRING)
        return qf_fail(err, QF_BAD_FIELD, word, "must be a text");
    if (name != NULL && strcmp(name, "case") == 0) {
        *case_id = qf_json_text(value);
    } else {
        status = qf_play_case(play, case_id, step, err);
        if (name != NULL)
            qf_json_put(&play->arena, op, name, *value);
    }
    qf_json_put(&play->arena, op, "case", qf_json_make_slice(*case_id));
    return status;
}

static enum qf_status put_task(struct qf_play *play, struct qf_json *op, struct qf_slice case_id,
                               const struct qf_json *step, const char *word, struct qf_error *err)
{
    int64_t task;
    bool decision = false;
    enum qf_status status =
        task_of(play, &task, &decision, case_id, qf_json_text(qf_json_get(step, word)), err);
    if (status != QF_OK)
        return status;
    qf_json_put(&play->arena, op, "task", qf_json_make_int(task));
    bool record = strcmp(word, "decide") == 0 || (decision && strcmp(word, "complete") == 0);
    if (!record)
        return QF_OK;
    qf_json_put(&play->arena, op, "op", qf_json_make_text("service.decision.record"));
    return qf_play_decide(play, op, case_id, task, err);
}

static enum qf_status put_rest(struct qf_play *play, struct qf_json *op, struct qf_slice case_id,
                               const struct qf_json *step, const char *word, struct qf_error *err)
{
    const struct qf_json *data = qf_json_get(step, "data");
    const struct qf_json *flows = qf_json_get(step, "choose");
    const struct qf_json *to = qf_json_get(step, "to");
    const struct qf_json *as = qf_json_get(step, "as");
    if (strcmp(word, "open") == 0)
        qf_json_put(&play->arena, op, "service",
                    qf_json_make_text(qf_folder_text(play->folder, "id")));
    if (strcmp(word, "delegate") == 0 && to != NULL)
        qf_json_put(&play->arena, op, "to", *to);
    if (strcmp(word, "appeal") == 0 && as != NULL)
        qf_json_put(&play->arena, op, "appeal", *as);
    if (flows != NULL)
        qf_json_put(&play->arena, op, "flows", *flows);
    if (data == NULL)
        return QF_OK;
    if (data->type != QF_JSON_OBJECT)
        return qf_fail(err, QF_BAD_FIELD, "data", "must be a mapping of fields and values");
    struct qf_json sealed = *data;
    enum qf_status status = qf_play_seal(play, &sealed, case_id, err);
    qf_json_put(&play->arena, op, "data", sealed);
    return status;
}

/* Notes what the case has and what comes with this act: when the case ends with it, its record
 * keeps only what is small. */
static void note_given(struct qf_play *play, struct qf_slice case_id, const struct qf_json *step)
{
    const struct qf_json *record = qf_play_record(play, case_id);
    const struct qf_json *sets[] = {record != NULL ? qf_json_get(record, "data") : NULL,
                                    qf_json_get(step, "data")};
    play->given = qf_json_make_object();
    for (size_t i = 0; i < 2; i++)
        for (uint32_t k = 0;
             sets[i] != NULL && sets[i]->type == QF_JSON_OBJECT && k < sets[i]->count; k++)
            qf_json_put(&play->arena, &play->given,
                        qf_arena_text(&play->arena, sets[i]->members[k].key),
                        sets[i]->members[k].value);
}

static enum qf_status do_act(struct qf_play *play, const struct qf_json *step, size_t which,
                             struct qf_error *err)
{
    const char *word = acts[which].step;
    struct qf_json op = qf_json_make_object(), ops = qf_json_make_array();
    const struct qf_play_actor *actor = NULL;
    struct qf_slice case_id = {NULL, 0};
    qf_json_put(&play->arena, &op, "op", qf_json_make_text(acts[which].op));
    enum qf_status status = actor_of(play, &actor, step, err);
    if (status == QF_OK)
        status = put_case(play, &op, &case_id, step, word, acts[which].name, err);
    if (status == QF_OK && acts[which].name == NULL)
        status = put_task(play, &op, case_id, step, word, err);
    if (status == QF_OK)
        status = put_rest(play, &op, case_id, step, word, err);
    if (status != QF_OK)
        return status;
    qf_json_append(&play->arena, &ops, op);
    if (qf_json_get(step, "refused") == NULL)
        note_given(play, case_id, step);
    QF_ASSERT(actor != NULL);
    status = qf_world_act(play->world, actor->key, &ops, err);
    bool hears = strcmp(word, "appeal") == 0;
    if (status == QF_OK && (hears || strcmp(word, "open") == 0)) {
        play->last_case = hears ? qf_json_text(qf_json_get(step, "as")) : case_id;
        play->cases++;
    }
    return status;
}

/* ---- time ---- */

static int64_t number_at(const struct qf_json *object, const char *name)
{
    const struct qf_json *value = qf_json_get(object, name);
    return value != NULL && value->type == QF_JSON_INT && value->integer >= 0 &&
                   value->integer <= 100000
               ? value->integer
               : 0;
}

static bool is_holiday(const struct qf_json *dates, int64_t day)
{
    struct qf_date date = qf_date_from_day(day);
    char text[16];
    snprintf(text, sizeof text, "%04d-%02d-%02d", date.year, date.month, date.day);
    for (uint32_t i = 0; dates != NULL && i < dates->count; i++)
        if (qf_json_is_text(&dates->items[i], text))
            return true;
    return false;
}

static int64_t working_days_later(const struct qf_play *play, int64_t from_ms, int64_t days)
{
    const struct qf_json *calendar = qf_json_get(&play->folder->scenario.yaml.value, "calendar");
    const struct qf_json *off = calendar != NULL ? qf_json_get(calendar, "holidays") : NULL;
    const struct qf_json *worked = calendar != NULL ? qf_json_get(calendar, "workdays") : NULL;
    int64_t now_ms = from_ms;
    while (days > 0) {
        now_ms += DAY_MS;
        int64_t day = (now_ms + QF_SERVICE_ZONE_MINUTES * 60000LL) / DAY_MS;
        bool rest = qf_date_weekday(day) >= 5 || is_holiday(off, day);
        days -= !rest || is_holiday(worked, day);
    }
    return now_ms;
}

static enum qf_status advance(struct qf_play *play, const struct qf_json *how, struct qf_error *err)
{
    int64_t now_ms = qf_world_time_ms(play->world), then_ms = now_ms;
    int32_t offset;
    const struct qf_json *to = how->type == QF_JSON_OBJECT ? qf_json_get(how, "to") : NULL;
    if (how->type != QF_JSON_OBJECT)
        return qf_fail(err, QF_BAD_FIELD, "advance", "must be a mapping with days, hours, … or to");
    if (to != NULL &&
        (to->type != QF_JSON_STRING || !qf_time_parse(&then_ms, &offset, qf_json_text(to))))
        return qf_fail(err, QF_BAD_FIELD, "advance.to", "must be a date and time");
    int64_t days = number_at(how, "days");
    if (qf_json_is_text(qf_json_get(how, "calendar"), "working"))
        then_ms = working_days_later(play, then_ms, days);
    else
        then_ms += days * DAY_MS;
    then_ms += number_at(how, "hours") * 3600000LL + number_at(how, "minutes") * 60000LL;
    if (then_ms <= now_ms)
        return qf_fail(err, QF_BAD_FIELD, "advance", "time goes forwards only");
    qf_world_advance(play->world, then_ms);
    return QF_OK;
}

/* ---- refusals ---- */

static bool ends_with(const char *field, const struct qf_json *end)
{
    size_t size = strlen(field);
    return end->type == QF_JSON_STRING && size >= end->count &&
           memcmp(field + size - end->count, end->text, end->count) == 0;
}

/* What was expected of an act against what came of it. */
static enum qf_status compare(const struct qf_json *refused, enum qf_status status,
                              struct qf_error *err)
{
    if (refused == NULL)
        return status;
    const struct qf_json *code = qf_json_get(refused, "code");
    const struct qf_json *field = qf_json_get(refused, "field");
    struct qf_error got = *err;
    if (code == NULL || code->type != QF_JSON_STRING)
        return qf_fail(err, QF_BAD_FIELD, "refused.code", "is missing");
    if (status == QF_OK)
        return qf_fail(err, QF_INVALID, "", "was accepted; should be refused as %.*s",
                       (int)code->count, code->text);
    if (!qf_json_is_text(code, qf_status_name(status)) ||
        (field != NULL && !ends_with(got.field, field)))
        return qf_fail(err, QF_INVALID, "", "was refused as %s at \"%s\" (%.100s); expected %.*s",
                       qf_status_name(status), got.field, got.detail, (int)code->count, code->text);
    return QF_OK;
}

enum qf_status qf_play_step(struct qf_play *play, const struct qf_json *step, struct qf_error *err)
{
    const struct qf_json *expect = qf_json_get(step, "expect");
    const struct qf_json *how = qf_json_get(step, "advance");
    if (expect != NULL)
        return qf_play_expect(play, expect, err);
    if (how != NULL)
        return advance(play, how, err);
    if (qf_json_get(step, "decided") != NULL)
        return qf_play_decided(play, step, err);
    for (size_t i = 0; i < sizeof acts / sizeof acts[0]; i++)
        if (qf_json_get(step, acts[i].step) != NULL)
            return compare(qf_json_get(step, "refused"), do_act(play, step, i, err), err);
    return qf_fail(err, QF_BAD_FIELD, "",
                   "is no step: want open, claim, release, complete, decide, delegate, message, "
                   "withdraw, advance, expect or decided");
}
