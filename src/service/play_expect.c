/* What a scenario says that should be the case now. */
#include <stdio.h>

#include "kernel/service/decision.h"
#include "service/play_internal.h"

static bool same(struct qf_play *play, const struct qf_json *a, const struct qf_json *b)
{
    return strcmp(qf_play_text(play, a), qf_play_text(play, b)) == 0;
}

/* Ids of elements, sorted and joined, for comparing and for showing. */
static const char *joined(struct qf_play *play, struct qf_slice *ids, uint32_t count)
{
    struct qf_buf text = {0};
    for (uint32_t i = 1; i < count; i++)
        for (uint32_t k = i; k > 0 && qf_slice_compare(ids[k - 1], ids[k]) > 0; k--) {
            struct qf_slice swap = ids[k];
            ids[k] = ids[k - 1];
            ids[k - 1] = swap;
        }
    for (uint32_t i = 0; i < count; i++) {
        qf_buf_put_text(&text, i > 0 ? ", " : "");
        qf_buf_put_slice(&text, ids[i]);
    }
    const char *out = qf_arena_text(&play->arena, qf_buf_slice(&text));
    qf_buf_deinit(&text);
    return out;
}

static const char *listed(struct qf_play *play, const struct qf_json *list)
{
    struct qf_slice *ids = QF_ARENA_ARRAY(&play->arena, struct qf_slice, list->count + 1);
    for (uint32_t i = 0; i < list->count; i++)
        ids[i] = list->items[i].type == QF_JSON_STRING ? qf_json_text(&list->items[i])
                                                       : qf_slice_of("?");
    return joined(play, ids, list->count);
}

/* The nodes of the tasks that are of the case; a task that stands in two lists once. */
static const char *nodes_of(struct qf_play *play, const struct qf_json *tasks,
                            struct qf_slice case_id)
{
    struct qf_slice *ids = QF_ARENA_ARRAY(&play->arena, struct qf_slice, tasks->count + 1);
    uint32_t count = 0;
    for (uint32_t i = 0; i < tasks->count; i++) {
        const struct qf_json *task = &tasks->items[i];
        bool again = false;
        for (uint32_t k = 0; k < i; k++)
            again = again ||
                    (same(play, qf_json_get(&tasks->items[k], "task"), qf_json_get(task, "task")) &&
                     same(play, qf_json_get(&tasks->items[k], "case"), qf_json_get(task, "case")));
        if (!again && qf_slice_equal(qf_json_text(qf_json_get(task, "case")), case_id))
            ids[count++] = qf_json_text(qf_json_get(task, "node"));
    }
    return joined(play, ids, count);
}

static enum qf_status expect_tasks(struct qf_play *play, const struct qf_json *want,
                                   const struct qf_json *tasks, struct qf_slice case_id,
                                   const char *where, struct qf_error *err)
{
    if (want->type != QF_JSON_ARRAY)
        return qf_fail(err, QF_BAD_FIELD, where, "must be a list of ids of tasks");
    const char *wanted = listed(play, want), *there = nodes_of(play, tasks, case_id);
    if (strcmp(wanted, there) == 0)
        return QF_OK;
    return qf_fail(err, QF_INVALID, where, "open are [%.90s]; expected [%.90s]", there, wanted);
}

static enum qf_status expect_roles(struct qf_play *play, const struct qf_json *roles,
                                   struct qf_slice case_id, struct qf_error *err)
{
    struct qf_state_reader reader = qf_world_reader(play->world);
    enum qf_status status = QF_OK;
    for (uint32_t i = 0; status == QF_OK && i < roles->count; i++) {
        const struct qf_query_tasks query = {
            .role = roles->members[i].key, .due_before_ms = INT64_MAX, .limit = 1000};
        struct qf_json items;
        struct qf_slice next;
        status = qf_query_tasks(&reader, &play->arena, &items, &next, &query, err);
        char *where =
            qf_arena_printf(&play->arena, "roles.%.*s", QF_SLICE_ARGS(roles->members[i].key));
        if (status == QF_OK)
            status = expect_tasks(play, &roles->members[i].value, &items, case_id, where, err);
    }
    return status;
}

/* A sealed field is compared by what was revealed when it was given. */
static enum qf_status expect_data(struct qf_play *play, const struct qf_json *want,
                                  const struct qf_json *data, struct qf_slice case_id, bool omitted,
                                  struct qf_error *err)
{
    const struct qf_json *revealed = qf_json_get_slice(&play->revealed, case_id);
    for (uint32_t i = 0; i < want->count; i++) {
        const struct qf_json_member *member = &want->members[i];
        const struct qf_json *value = qf_json_get_slice(data, member->key);
        const struct qf_service_field *field =
            qf_service_field_of(play->folder->model, member->key);
        const struct qf_json *open =
            field != NULL && field->sealed && revealed != NULL && value != NULL
                ? qf_json_get_slice(revealed, member->key)
                : NULL;
        if (open != NULL)
            value = qf_json_get(open, "value");
        if (value == NULL && omitted) /* the record of a case that is over keeps what is small */
            value = qf_json_get_slice(&play->given, member->key);
        bool absent = value == NULL || value->type == QF_JSON_NULL;
        if (member->value.type == QF_JSON_NULL ? absent
                                               : value != NULL && same(play, &member->value, value))
            continue;
        return qf_fail(
            err, QF_INVALID, "", "data.%.*s is %.90s; expected %.90s",
            (int)(member->key.size > 40 ? 40 : member->key.size), (const char *)member->key.data,
            absent ? "not set" : qf_play_text(play, value),
            member->value.type == QF_JSON_NULL ? "not set" : qf_play_text(play, &member->value));
    }
    return QF_OK;
}

/* What the case's service recorded, by the names below the case, with their hashes. */
static enum qf_status expect_evidence(struct qf_play *play, const struct qf_json *want,
                                      struct qf_slice case_id, struct qf_error *err)
{
    struct qf_state_reader reader = qf_world_reader(play->world);
    for (uint32_t i = 0; i < want->count; i++) {
        const struct qf_json_member *member = &want->members[i];
        char *id = qf_arena_printf(&play->arena, QF_OP_SERVICE_PREFIX "%.*s/%.*s",
                                   QF_SLICE_ARGS(case_id), QF_SLICE_ARGS(member->key));
        struct qf_json record;
        const struct qf_json *hash = NULL, *content = NULL;
        if (qf_query_evidence(&reader, &play->arena, &record, qf_slice_of(id)))
            content = qf_json_get(&record, "content");
        if (content != NULL)
            hash = qf_json_get(content, "hash");
        bool absent = member->value.type == QF_JSON_NULL;
        if (absent ? content == NULL : hash != NULL && same(play, &member->value, hash))
            continue;
        return qf_fail(err, QF_INVALID, "", "evidence.%.40s is %.90s; expected %.90s",
                       qf_arena_text(&play->arena, member->key),
                       content == NULL ? "not recorded"
                       : hash == NULL  ? "no hash"
                                       : qf_play_text(play, hash),
                       absent ? "none" : qf_play_text(play, &member->value));
    }
    return QF_OK;
}

static enum qf_status expect_ends(struct qf_play *play, const struct qf_json *want,
                                  const struct qf_json *ends, struct qf_error *err)
{
    const struct qf_json none = qf_json_make_array();
    if (want->type != QF_JSON_ARRAY)
        return qf_fail(err, QF_BAD_FIELD, "ends", "must be a list of ids of end events");
    for (uint32_t i = 0; i < want->count; i++) {
        uint16_t node =
            want->items[i].type == QF_JSON_STRING
                ? qf_bpmn_find_node(&play->folder->model->bpmn, qf_json_text(&want->items[i]))
                : QF_BPMN_NONE;
        if (node == QF_BPMN_NONE || play->folder->model->bpmn.nodes[node].kind != QF_BPMN_END)
            return qf_fail(err, QF_BAD_FIELD, "ends", "%s is no end event of the process",
                           qf_play_text(play, &want->items[i]));
    }
    const char *wanted = listed(play, want), *there = listed(play, ends != NULL ? ends : &none);
    if (strcmp(wanted, there) == 0)
        return QF_OK;
    return qf_fail(err, QF_INVALID, "ends", "the case has come to [%.90s]; expected [%.90s]", there,
                   wanted);
}

enum qf_status qf_play_expect(struct qf_play *play, const struct qf_json *expect,
                              struct qf_error *err)
{
    struct qf_slice case_id;
    if (expect->type != QF_JSON_OBJECT)
        return qf_fail(err, QF_BAD_FIELD, "expect", "must be a mapping");
    enum qf_status status = qf_play_case(play, &case_id, expect, err);
    if (status != QF_OK)
        return status;
    const struct qf_json *record = qf_play_record(play, case_id);
    if (record == NULL)
        return qf_fail(err, QF_NOT_FOUND, "case", "there is no case %.*s", QF_SLICE_ARGS(case_id));
    for (uint32_t i = 0; status == QF_OK && i < expect->count; i++) {
        struct qf_slice key = expect->members[i].key;
        const struct qf_json *want = &expect->members[i].value;
        const struct qf_json *is = qf_json_get(record, "status");
        if (qf_slice_is(key, "case"))
            continue;
        if (qf_slice_is(key, "status"))
            status = same(play, want, is)
                         ? QF_OK
                         : qf_fail(err, QF_INVALID, "status", "is %s; expected %s",
                                   qf_play_text(play, is), qf_play_text(play, want));
        else if (qf_slice_is(key, "tasks"))
            status = expect_tasks(play, want, qf_json_get(record, "tasks"), case_id, "tasks", err);
        else if (qf_slice_is(key, "ends"))
            status = expect_ends(play, want, qf_json_get(record, "ends"), err);
        else if (qf_slice_is(key, "roles") && want->type == QF_JSON_OBJECT)
            status = expect_roles(play, want, case_id, err);
        else if (qf_slice_is(key, "data") && want->type == QF_JSON_OBJECT)
            status = expect_data(play, want, qf_json_get(record, "data"), case_id,
                                 qf_json_get(record, "data_omitted") != NULL, err);
        else if (qf_slice_is(key, "evidence") && want->type == QF_JSON_OBJECT)
            status = expect_evidence(play, want, case_id, err);
        else
            status = qf_fail(err, QF_BAD_FIELD, "expect",
                             "%.*s cannot be expected: want case, status, tasks, ends, data, "
                             "roles, evidence",
                             (int)(key.size > 40 ? 40 : key.size), (const char *)key.data);
    }
    return status;
}

/* ---- decisions ---- */

static bool cites(const struct qf_json *trace, struct qf_slice clause)
{
    const struct qf_json *tables = qf_json_get(trace, "tables");
    for (uint32_t i = 0; tables != NULL && i < tables->count; i++) {
        const struct qf_json *matched = qf_json_get(&tables->items[i], "matched");
        for (uint32_t k = 0; matched != NULL && k < matched->count; k++) {
            const struct qf_json *notes = qf_json_get(&matched->items[k], "annotations");
            for (uint32_t n = 0; notes != NULL && n < notes->count; n++) {
                const struct qf_json *note = &notes->items[n];
                const struct qf_json *text =
                    note->type == QF_JSON_OBJECT ? qf_json_get(note, "text") : note;
                if (text != NULL && text->type == QF_JSON_STRING &&
                    qf_slice_equal(qf_json_text(text), clause))
                    return true;
            }
        }
    }
    return false;
}

static enum qf_status check_trace(struct qf_play *play, const struct qf_json *step,
                                  const struct qf_service_outcome *outcome, struct qf_error *err)
{
    const struct qf_json *want = qf_json_get(step, "outcome");
    const struct qf_json *clause = qf_json_get(step, "clause");
    struct qf_json trace;
    if (want != NULL && !same(play, want, &outcome->value))
        return qf_fail(err, QF_INVALID, "outcome", "is %.100s; expected %.100s",
                       qf_play_text(play, &outcome->value), qf_play_text(play, want));
    enum qf_status status = qf_json_parse(&play->arena, &trace, outcome->trace, QF_JSON_ANY, err);
    if (status == QF_OK && clause != NULL &&
        (clause->type != QF_JSON_STRING || !cites(&trace, qf_json_text(clause))))
        return qf_fail(
            err, QF_INVALID, "clause", "no rule that matched cites %.100s; they are %.100s",
            qf_play_text(play, clause), qf_play_text(play, qf_json_get(&trace, "tables")));
    return status;
}

enum qf_status qf_play_decided(struct qf_play *play, const struct qf_json *step,
                               struct qf_error *err)
{
    struct qf_slice case_id;
    const struct qf_json *name = qf_json_get(step, "decided");
    enum qf_status status = qf_play_case(play, &case_id, step, err);
    if (status != QF_OK)
        return status;
    const struct qf_json *record = qf_play_record(play, case_id);
    const struct qf_json *decisions = record != NULL ? qf_json_get(record, "decisions") : NULL;
    const struct qf_json *last = NULL;
    for (uint32_t i = 0; decisions != NULL && i < decisions->count; i++)
        if (same(play, qf_json_get(&decisions->items[i], "decision"), name))
            last = &decisions->items[i];
    if (last == NULL)
        return qf_fail(err, QF_INVALID, "decided", "%s was not decided in this case",
                       qf_play_text(play, name));
    struct qf_service_outcome outcome;
    struct qf_buf text = {0};
    status = qf_service_replay(play->folder->model, &play->arena, &text, &outcome, last,
                               qf_json_get_slice(&play->revealed, case_id),
                               qf_slice_of(QF_SERVICE_ZONE), err);
    if (status == QF_OK)
        status = check_trace(play, step, &outcome, err);
    qf_buf_deinit(&text);
    return status;
}
