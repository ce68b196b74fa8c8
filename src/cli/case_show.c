/* Where a case stands, who is to act until when, and why it was decided so. */
#include <stdio.h>

#include "cli/case_work.h"
#include "kernel/service/decision.h"

static struct qf_slice text_in(const struct qf_json *object, const char *name)
{
    const struct qf_json *value = qf_json_get(object, name);
    struct qf_slice none = {NULL, 0};
    return value != NULL && value->type == QF_JSON_STRING ? qf_json_text(value) : none;
}

void qf_case_print_task(struct qf_remote *remote, const struct qf_json *task)
{
    struct qf_slice node = text_in(task, "node"), role = text_in(task, "role");
    const struct qf_json *due = qf_json_get(task, "due"), *opened = qf_json_get(task, "opened");
    struct qf_slice holder = text_in(task, "holder");
    printf("  %.*s/%lld  %s", QF_SLICE_ARGS(text_in(task, "case")),
           (long long)qf_json_get(task, "task")->integer,
           qf_remote_word(remote, "tasks", NULL, node));
    printf("  [%s]", qf_remote_role(remote, role));
    if (opened != NULL)
        printf("  since %s", qf_remote_time(remote, opened->integer));
    if (due != NULL)
        printf(", due %s", qf_remote_time(remote, due->integer));
    if (holder.size > 0)
        printf(", held by %.*s", QF_SLICE_ARGS(holder));
    if (qf_json_get(task, "decision") != NULL)
        printf(", decision %s to be recorded",
               qf_remote_value(remote, qf_json_get(task, "decision")));
    printf("\n");
}

/* An outcome in words: a text by itself, or the members of a context. */
static const char *outcome_words(struct qf_remote *remote, const char *decision,
                                 const struct qf_json *value)
{
    if (value->type == QF_JSON_STRING)
        return qf_remote_word(remote, "outcomes", decision, qf_json_text(value));
    return qf_remote_value(remote, value);
}

static void print_rules(struct qf_remote *remote, const struct qf_json *trace)
{
    const struct qf_json *tables = qf_json_get(trace, "tables");
    for (uint32_t i = 0; tables != NULL && i < tables->count; i++) {
        const struct qf_json *matched = qf_json_get(&tables->items[i], "matched");
        for (uint32_t k = 0; matched != NULL && k < matched->count; k++) {
            const struct qf_json *rule = &matched->items[k];
            const struct qf_json *notes = qf_json_get(rule, "annotations");
            printf("      rule %s of %s", qf_remote_value(remote, qf_json_get(rule, "rule")),
                   qf_remote_value(remote, qf_json_get(&tables->items[i], "in")));
            for (uint32_t n = 0; notes != NULL && n < notes->count; n++) {
                const struct qf_json *note = &notes->items[n];
                const struct qf_json *text =
                    note->type == QF_JSON_OBJECT ? qf_json_get(note, "text") : note;
                if (text != NULL && text->type == QF_JSON_STRING && text->count > 0)
                    printf("%s%s", n == 0 ? ": " : "; ", qf_remote_value(remote, text));
            }
            printf("\n");
        }
    }
}

/* One decision, made again from its record. */
static void print_decision(struct qf_remote *remote, const struct qf_json *record,
                           struct qf_json *out)
{
    const char *name = qf_remote_value(remote, qf_json_get(record, "decision"));
    struct qf_service_outcome outcome;
    struct qf_buf text = {0};
    struct qf_error err = {0};
    struct qf_json trace = qf_json_make_null();
    enum qf_status status = qf_remote_decision(remote, record, &err);
    if (status == QF_OK)
        status = qf_service_replay(remote->model, &remote->arena, &text, &outcome, record, NULL,
                                   qf_slice_of(QF_SERVICE_ZONE), &err);
    qf_buf_deinit(&text);
    if (status == QF_OK)
        status = qf_json_parse(&remote->arena, &trace, outcome.trace, QF_JSON_ANY, &err);
    if (out != NULL) {
        struct qf_json item = *record;
        if (status == QF_OK) {
            qf_json_put(&remote->arena, &item, "outcome", outcome.value);
            qf_json_put(&remote->arena, &item, "why", trace);
        }
        qf_json_append(&remote->arena, out, item);
        return;
    }
    printf("  %s  %s: ", qf_remote_time(remote, qf_json_get(record, "time")->integer), name);
    if (status != QF_OK) {
        const struct qf_json *recorded = qf_json_get(record, "outcome");
        printf("%s (%s)\n", recorded != NULL ? outcome_words(remote, name, recorded) : "not shown",
               err.detail);
        return;
    }
    printf("%s\n", outcome_words(remote, name, &outcome.value));
    print_rules(remote, &trace);
    for (uint32_t i = 0; i < outcome.inputs.count; i++)
        printf("      %s = %s\n", qf_remote_field(remote, outcome.inputs.members[i].key),
               qf_remote_value(remote, &outcome.inputs.members[i].value));
}

static void print_data(struct qf_remote *remote, const struct qf_json *data)
{
    if (data != NULL && data->count > 0)
        printf("data:\n");
    for (uint32_t i = 0; data != NULL && i < data->count; i++) {
        struct qf_slice name = data->members[i].key;
        const struct qf_json *value = &data->members[i].value;
        const char *words =
            value->type == QF_JSON_STRING
                ? qf_remote_word(remote, "values", qf_arena_text(&remote->arena, name),
                                 qf_json_text(value))
                : qf_remote_value(remote, value);
        printf("  %s: %s\n", qf_remote_field(remote, name), words);
    }
}

enum qf_status qf_case_show(struct qf_remote *remote, const struct qf_case_request *request,
                            const char *id, struct qf_error *err)
{
    struct qf_json found, history, explained = qf_json_make_array();
    enum qf_status status = qf_remote_case(remote, &found, id, err);
    if (status == QF_OK)
        status = qf_remote_get(remote, &history, err, "/v1/cases/%s/history?limit=1", id);
    if (status != QF_OK)
        return status;
    const struct qf_json *decisions = qf_json_get(&found, "decisions");
    if (request->json) {
        for (uint32_t i = 0; decisions != NULL && i < decisions->count; i++)
            print_decision(remote, &decisions->items[i], &explained);
        qf_json_put(&remote->arena, &found, "decisions", explained);
        qf_cli_print_json(&found);
        return QF_OK;
    }
    const struct qf_json *manifest = qf_json_get(&remote->package, "manifest");
    const struct qf_json *steps = qf_json_get(&history, "items");
    const struct qf_json *opened =
        steps != NULL && steps->count > 0 ? qf_json_get(&steps->items[0], "time") : NULL;
    printf("%s  %s\n", id, qf_remote_titles(remote, manifest, text_in(&found, "service")));
    printf("  %s", qf_remote_word(remote, "states", NULL, text_in(&found, "status")));
    if (opened != NULL && opened->type == QF_JSON_INT)
        printf(", opened %s", qf_remote_time(remote, opened->integer));
    printf(" by %.*s\n", QF_SLICE_ARGS(text_in(&found, "member")));
    const struct qf_json *tasks = qf_json_get(&found, "tasks");
    if (tasks != NULL && tasks->count > 0)
        printf("to be done:\n");
    for (uint32_t i = 0; tasks != NULL && i < tasks->count; i++)
        qf_case_print_task(remote, &tasks->items[i]);
    if (decisions != NULL && decisions->count > 0)
        printf("decided:\n");
    for (uint32_t i = 0; decisions != NULL && i < decisions->count; i++)
        print_decision(remote, &decisions->items[i], NULL);
    print_data(remote, qf_json_get(&found, "data"));
    return QF_OK;
}
