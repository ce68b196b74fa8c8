/* Where a case stands, who is to act until when, and why it was decided so. */
#include <stdio.h>

#include "cli/case_work.h"
#include "cli/terminal.h"
#include "service/explain.h"

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
           (long long)qf_json_get(task, "task")->integer, qf_remote_node(remote, node));
    printf("  [%s]", qf_remote_role(remote, role));
    if (opened != NULL)
        printf(QF_CASE_SAY(remote, "  since %s", "  %s 起"),
               qf_remote_time(remote, opened->integer));
    if (due != NULL)
        printf(QF_CASE_SAY(remote, ", due %s", "，期限 %s"), qf_remote_due(remote, due->integer));
    if (holder.size > 0)
        printf(QF_CASE_SAY(remote, ", held by %.*s", "，经办人 %.*s"), QF_SLICE_ARGS(holder));
    if (qf_json_get(task, "decision") != NULL)
        printf(QF_CASE_SAY(remote, ", decision %s to be recorded", "，待记录判定 %s"),
               qf_remote_value(remote, qf_json_get(task, "decision")));
    printf("\n");
}

/* {"en","zh"} in the reader's language, else the value itself. */
static const char *in_words(struct qf_remote *remote, const struct qf_json *item, const char *name,
                            const struct qf_json *value)
{
    const struct qf_json *words = qf_json_get(item, name);
    const struct qf_json *word = words != NULL ? qf_json_get(words, remote->lang) : NULL;
    if (word == NULL && value == NULL)
        return "";
    return qf_remote_plain(remote, word != NULL ? word : value);
}

/* What people have written stays within its line: it must not look like one of ours. */
static const char *within_line(struct qf_remote *remote, const char *text)
{
    return qf_arena_text(&remote->arena, qf_cli_shown(&remote->arena, qf_slice_of(text)));
}

/* A context member by member; anything else as it is, or in the words of the service. */
static void print_outcome(struct qf_remote *remote, const struct qf_json *item)
{
    const struct qf_json *outcome = qf_json_get(item, "outcome");
    if (outcome == NULL) {
        printf("%s\n", QF_CASE_SAY(remote, "sealed", "密封"));
        return;
    }
    if (outcome->type != QF_JSON_OBJECT)
        printf("%s", in_words(remote, item, "words", outcome));
    for (uint32_t i = 0; outcome->type == QF_JSON_OBJECT && i < outcome->count; i++)
        printf("%s%.*s = %s", i > 0 ? ", " : "", QF_SLICE_ARGS(outcome->members[i].key),
               qf_remote_plain(remote, &outcome->members[i].value));
    printf("\n");
}

static void print_rules(struct qf_remote *remote, const struct qf_json *rules)
{
    for (uint32_t i = 0; i < rules->count; i++) {
        const struct qf_json *rule = &rules->items[i], *clauses = qf_json_get(rule, "clauses");
        const char *number = qf_remote_value(remote, qf_json_get(rule, "rule"));
        const char *table = qf_remote_value(remote, qf_json_get(rule, "table"));
        printf(QF_CASE_SAY(remote, "      rule %s of %s", "      第 %s 条规则（%s）"), number,
               table);
        for (uint32_t n = 0; n < clauses->count; n++)
            printf("%s%s", n == 0 ? ": " : "; ", qf_remote_value(remote, &clauses->items[n]));
        printf("\n");
    }
}

static void print_inputs(struct qf_remote *remote, const struct qf_json *inputs)
{
    for (uint32_t i = 0; i < inputs->count; i++) {
        const struct qf_json *input = &inputs->items[i], *value = qf_json_get(input, "value");
        printf("      %s", in_words(remote, input, "titles", qf_json_get(input, "name")));
        if (value != NULL)
            printf(" = %s\n", within_line(remote, in_words(remote, input, "words", value)));
        else
            printf(" %s %s\n", QF_CASE_SAY(remote, "is sealed:", "已密封："),
                   qf_remote_value(remote, qf_json_get(input, "sealed")));
    }
}

/* Where it stands in the log, and whether it came out again here. */
static void print_proof(struct qf_remote *remote, const struct qf_json *item,
                        const struct qf_error *why)
{
    const struct qf_json *actor = qf_json_get(item, "actor"), *leaf = qf_json_get(item, "leaf");
    const struct qf_json *tx = qf_json_get(item, "tx");
    if (actor != NULL)
        printf(QF_CASE_SAY(remote, "      recorded by %s\n", "      记录人 %s\n"),
               qf_remote_value(remote, actor));
    if (leaf != NULL)
        printf(QF_CASE_SAY(remote, "      log entry %s%s%s\n", "      账本第 %s 条%s%s\n"),
               qf_remote_value(remote, leaf), tx != NULL ? ", tx " : "",
               tx != NULL ? qf_remote_value(remote, tx) : "");
    printf(QF_CASE_SAY(remote, "      trace %s, version %s\n", "      痕迹 %s，版本 %s\n"),
           qf_remote_value(remote, qf_json_get(item, "trace")),
           qf_remote_value(remote, qf_json_get(item, "version")));
    if (why->status == QF_OK)
        printf("      %s\n",
               QF_CASE_SAY(remote, "made again here: the same", "在此重新判定，结果相同"));
    else
        printf("      %s%s: %s\n",
               why->status == QF_INVALID
                   ? QF_CASE_SAY(remote, "made again here, DIFFERENT: ", "在此重新判定，结果不同：")
                   : QF_CASE_SAY(remote, "not made again here: ", "未能在此重新判定："),
               why->field, why->detail);
}

struct qf_json qf_case_explain(struct qf_remote *remote, const struct qf_json *record,
                               const struct qf_json *revealed, struct qf_error *why)
{
    const bool there = qf_remote_decision(remote, record, why) == QF_OK;
    const struct qf_explain_question question = {.model = there ? remote->model : NULL,
                                                 .package = &remote->package,
                                                 .record = record,
                                                 .revealed = revealed,
                                                 .version = remote->version};
    if (there)
        *why = (struct qf_error){0};
    struct qf_json item = qf_explain(&remote->arena, NULL, &question, why);
    const struct qf_json *leaf = qf_json_get(&item, "leaf");
    struct qf_json page;
    if (leaf == NULL || remote->client == NULL ||
        qf_remote_get(remote, &page, NULL, "/v1/transactions?cursor=%lld&limit=1",
                      (long long)leaf->integer) != QF_OK)
        return item;
    const struct qf_json *items = qf_json_get(&page, "items");
    if (items != NULL && items->count > 0 && qf_json_get(&items->items[0], "id") != NULL)
        qf_json_put(&remote->arena, &item, "tx", *qf_json_get(&items->items[0], "id"));
    return item;
}

static void print_decision(struct qf_remote *remote, const struct qf_json *record,
                           const struct qf_json *revealed, bool whole)
{
    struct qf_error why = {0};
    struct qf_json item = qf_case_explain(remote, record, revealed, &why);
    printf("  %s  %s: ", qf_remote_time(remote, qf_json_get(record, "time")->integer),
           qf_remote_decision_name(remote, text_in(record, "decision")));
    print_outcome(remote, &item);
    print_rules(remote, qf_json_get(&item, "rules"));
    print_inputs(remote, qf_json_get(&item, "inputs"));
    if (why.status == QF_CANNOT_TELL)
        printf("      %s\n",
               QF_CASE_SAY(remote,
                           "which rule and clause it was is told to whoever has the sealed values: "
                           "qifeng decision replay --inputs FILE",
                           "适用的规则和条款，由持有密封数据的人查看：qifeng decision replay "
                           "--inputs 文件"));
    if (whole || why.status == QF_INVALID)
        print_proof(remote, &item, &why);
}

void qf_case_print_decision(struct qf_remote *remote, const struct qf_json *record,
                            const struct qf_json *revealed)
{
    print_decision(remote, record, revealed, false);
}

/* What a text of a field means: as a form offers it, else as the decision yields it that sets it.
 */
static const char *meaning(struct qf_remote *remote, struct qf_slice field, struct qf_slice text)
{
    const struct qf_bpmn_model *bpmn = &remote->model->bpmn;
    const char *word = qf_remote_word(remote, "values", qf_arena_text(&remote->arena, field), text);
    for (uint16_t i = 0; qf_slice_is(text, word) && i < bpmn->node_count; i++)
        if (bpmn->nodes[i].kind == QF_BPMN_RULE && qf_slice_equal(bpmn->nodes[i].ext.result, field))
            word = qf_remote_word(remote, "outcomes",
                                  qf_arena_text(&remote->arena, bpmn->nodes[i].ext.decision), text);
    return word;
}

static void print_data(struct qf_remote *remote, const struct qf_json *data)
{
    if (data != NULL && data->count > 0)
        printf("%s\n", QF_CASE_SAY(remote, "data:", "材料："));
    for (uint32_t i = 0; data != NULL && i < data->count; i++) {
        struct qf_slice name = data->members[i].key;
        const struct qf_json *value = &data->members[i].value;
        const char *words = value->type == QF_JSON_STRING
                                ? meaning(remote, name, qf_json_text(value))
                                : qf_remote_plain(remote, value);
        const struct qf_service_field *field = qf_service_field_of(remote->model, name);
        printf("  %s: %s%s\n", qf_remote_field(remote, name),
               field != NULL && field->sealed ? QF_CASE_SAY(remote, "sealed, ", "已密封，") : "",
               within_line(remote, words));
    }
}

/* How it came out, in the words of the drawing. */
static void print_ends(struct qf_remote *remote, const struct qf_json *ends)
{
    for (uint32_t i = 0; ends != NULL && i < ends->count; i++) {
        struct qf_slice name = qf_json_text(&ends->items[i]);
        printf("%s%s", i == 0 ? QF_CASE_SAY(remote, "  came to: ", "  结果：") : ", ",
               qf_remote_node(remote, name));
    }
    if (ends != NULL && ends->count > 0)
        printf("\n");
}

static void print_head(struct qf_remote *remote, const struct qf_json *found,
                       const struct qf_json *history, const char *id)
{
    const struct qf_json *steps = qf_json_get(history, "items");
    const struct qf_json *opened =
        steps != NULL && steps->count > 0 ? qf_json_get(&steps->items[0], "time") : NULL;
    const struct qf_json *ended = qf_json_get(found, "ended");
    const char *member = qf_arena_text(&remote->arena, text_in(found, "member"));
    printf("%s  %s\n  %s", id,
           qf_remote_titles(remote, qf_json_get(&remote->package, "manifest"),
                            text_in(found, "service")),
           qf_remote_word(remote, "states", NULL, text_in(found, "status")));
    if (opened != NULL && opened->type == QF_JSON_INT)
        printf(QF_CASE_SAY(remote, ", opened %s by %s", "，%s 由 %s 提出"),
               qf_remote_time(remote, opened->integer), member);
    bool withdrawn = qf_slice_is(text_in(found, "status"), "withdrawn");
    bool done = qf_slice_is(text_in(found, "status"), "done");
    if (ended != NULL && ended->type == QF_JSON_INT)
        printf(withdrawn ? QF_CASE_SAY(remote, ", withdrawn %s", "，%s 撤回")
               : done    ? QF_CASE_SAY(remote, ", over since %s", "，%s 办结")
                         : QF_CASE_SAY(remote, ", stopped %s", "，%s 终止"),
               qf_remote_time(remote, ended->integer));
    printf("\n");
    if (text_in(found, "appeal").size > 0)
        printf(QF_CASE_SAY(remote, "  appealed against: case %.*s\n", "  已申请复议：案件 %.*s\n"),
               QF_SLICE_ARGS(text_in(found, "appeal")));
    if (text_in(found, "appeal_of").size > 0)
        printf(
            QF_CASE_SAY(remote, "  hears the appeal against case %.*s\n", "  复议的案件：%.*s\n"),
            QF_SLICE_ARGS(text_in(found, "appeal_of")));
    print_ends(remote, qf_json_get(found, "ends"));
    const struct qf_json *problem = qf_json_get(found, "problem");
    if (problem != NULL)
        printf(QF_CASE_SAY(remote, "  something stopped it: %s; it is tried again on %s\n",
                           "  办理受阻：%s；将于 %s 再次自动办理\n"),
               qf_remote_value(remote, qf_json_get(problem, "detail")),
               qf_remote_time(remote, qf_json_get(problem, "again")->integer));
}

/* The item as the ledger has it, with the outcome and the whole trace of what was made again. */
static void add_explained(struct qf_remote *remote, const struct qf_json *record,
                          struct qf_json *out)
{
    struct qf_json item = *record, trace;
    struct qf_service_outcome outcome = {0};
    struct qf_buf text = {0};
    struct qf_error err = {0};
    enum qf_status status = qf_remote_decision(remote, record, &err);
    if (status == QF_OK)
        status = qf_service_replay(remote->model, &remote->arena, &text, &outcome, record, NULL,
                                   qf_slice_of(QF_SERVICE_ZONE), &err);
    qf_buf_deinit(&text);
    if (status == QF_OK)
        status = qf_json_parse(&remote->arena, &trace, outcome.trace, QF_JSON_ANY, &err);
    if (status == QF_OK) {
        qf_json_put(&remote->arena, &item, "outcome", outcome.value);
        qf_json_put(&remote->arena, &item, "why", trace);
    }
    qf_json_append(&remote->arena, out, item);
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
            add_explained(remote, &decisions->items[i], &explained);
        qf_json_put(&remote->arena, &found, "decisions", explained);
        qf_cli_print_json(&found);
        return QF_OK;
    }
    print_head(remote, &found, &history, id);
    const struct qf_json *tasks = qf_json_get(&found, "tasks");
    if (tasks != NULL && tasks->count > 0)
        printf("%s\n", QF_CASE_SAY(remote, "to be done:", "待办："));
    for (uint32_t i = 0; tasks != NULL && i < tasks->count; i++)
        qf_case_print_task(remote, &tasks->items[i]);
    if (decisions != NULL && decisions->count > 0)
        printf("%s\n", QF_CASE_SAY(remote, "decided:", "已作决定："));
    for (uint32_t i = 0; decisions != NULL && i < decisions->count; i++)
        print_decision(remote, &decisions->items[i], NULL, false);
    print_data(remote, qf_json_get(&found, "data"));
    if (qf_json_get(&found, "data_omitted") != NULL)
        printf("  %s\n", QF_CASE_SAY(remote, "the rest stands in the log alone: see case history",
                                     "其余内容只在账本记录中，见 case history"));
    return QF_OK;
}

enum qf_status qf_case_decisions(struct qf_remote *remote, const struct qf_case_request *request,
                                 const char *id, struct qf_error *err)
{
    struct qf_json found, revealed, items = qf_json_make_array();
    enum qf_status status = qf_remote_case(remote, &found, id, err);
    if (status == QF_OK)
        status = qf_remote_revealed(remote, &revealed, request->inputs, err);
    if (status != QF_OK)
        return status;
    const struct qf_json *decisions = qf_json_get(&found, "decisions");
    for (uint32_t i = 0; decisions != NULL && i < decisions->count; i++) {
        struct qf_error why = {0};
        if (request->json)
            qf_json_append(&remote->arena, &items,
                           qf_case_explain(remote, &decisions->items[i], &revealed, &why));
        else
            print_decision(remote, &decisions->items[i], &revealed, true);
    }
    if (request->json) {
        struct qf_json out = qf_json_make_object();
        qf_json_put(&remote->arena, &out, "items", items);
        qf_cli_print_json(&out);
    } else if (decisions == NULL || decisions->count == 0) {
        printf("%s\n", QF_CASE_SAY(remote, "nothing has been decided yet", "尚未作出决定"));
    }
    return QF_OK;
}
