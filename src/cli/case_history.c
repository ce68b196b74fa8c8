/* What was done in a case, by whom, and what time did: its history as its people read it. */
#include <stdio.h>

#include "cli/case_work.h"
#include "cli/terminal.h"

static struct qf_slice text_in(const struct qf_json *object, const char *name)
{
    const struct qf_json *value = qf_json_get(object, name);
    struct qf_slice none = {NULL, 0};
    return value != NULL && value->type == QF_JSON_STRING ? qf_json_text(value) : none;
}

/* Kinds of spec/http.md in Chinese; in English they are words already. */
static const char *kind_word(struct qf_remote *remote, struct qf_slice kind)
{
    static const struct {
        const char *kind, *zh;
    } words[] = {
        {"opened", "提出"},        {"claimed", "领取"},       {"released", "退回"},
        {"completed", "完成"},     {"voted", "表决"},         {"begun", "开始"},
        {"delegated", "转交"},     {"message", "收到消息"},   {"unplanned", "流程外办理"},
        {"withdrawn", "撤回"},     {"appealed", "申请复议"},  {"decided", "记录判定"},
        {"automatic", "系统办理"}, {"timer", "到时"},         {"escalated", "督办"},
        {"approved", "视为同意"},  {"refused", "视为不同意"},
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(remote->lang, "zh") == 0 && qf_slice_is(kind, words[i].kind))
            return words[i].zh;
    return qf_arena_text(&remote->arena, kind);
}

static void print_step(struct qf_remote *remote, const struct qf_json *step)
{
    struct qf_slice node = text_in(step, "node"), activity = text_in(step, "activity");
    const struct qf_json *flows = qf_json_get(step, "flows"), *time = qf_json_get(step, "time");
    const char *what = "";
    if (node.size > 0)
        what = qf_remote_node(remote, node);
    /* Of an earlier version there may be no more than the name that it had in the drawing. */
    if (activity.size > 0 && (node.size == 0 || qf_slice_is(node, what)))
        what = qf_arena_text(&remote->arena, activity);
    what = qf_arena_text(&remote->arena, qf_cli_shown(&remote->arena, qf_slice_of(what)));
    printf("  %s  %s%s%s", qf_remote_time(remote, time->integer),
           kind_word(remote, text_in(step, "kind")), what[0] != '\0' ? " " : "", what);
    if (text_in(step, "actor").size > 0)
        printf(", %.*s/%.*s", QF_SLICE_ARGS(text_in(step, "member")),
               QF_SLICE_ARGS(text_in(step, "actor")));
    if (text_in(step, "to").size > 0)
        printf(" -> %.*s", QF_SLICE_ARGS(text_in(step, "to")));
    if (text_in(step, "name").size > 0)
        printf(", %.*s", QF_SLICE_ARGS(text_in(step, "name")));
    for (uint32_t i = 0; flows != NULL && i < flows->count; i++)
        printf("%s%s", i == 0 ? ": " : ", ",
               qf_remote_word(remote, "choices", NULL, qf_json_text(&flows->items[i])));
    if (qf_json_get(step, "deviation") != NULL)
        printf(" %s", QF_CASE_SAY(remote, "(not in the process)", "（流程之外）"));
    printf("\n");
}

enum qf_status qf_case_history(struct qf_remote *remote, const struct qf_case_request *request,
                               const char *id, struct qf_error *err)
{
    struct qf_json found, page, all = qf_json_make_array();
    enum qf_status status = qf_remote_case(remote, &found, id, err);
    const char *cursor = "0";
    while (status == QF_OK && cursor != NULL) {
        status = qf_remote_get(remote, &page, err, "/v1/cases/%s/history?limit=1000&cursor=%s", id,
                               cursor);
        const struct qf_json *items = status == QF_OK ? qf_json_get(&page, "items") : NULL;
        for (uint32_t i = 0; items != NULL && i < items->count; i++) {
            if (request->json)
                qf_json_append(&remote->arena, &all, items->items[i]);
            else
                print_step(remote, &items->items[i]);
        }
        const struct qf_json *next = status == QF_OK ? qf_json_get(&page, "next") : NULL;
        cursor =
            next != NULL && next->type == QF_JSON_STRING ? qf_remote_value(remote, next) : NULL;
    }
    if (status == QF_OK && request->json) {
        struct qf_json out = qf_json_make_object();
        qf_json_put(&remote->arena, &out, "items", all);
        qf_cli_print_json(&out);
    }
    return status;
}
