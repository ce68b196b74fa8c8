#include "cli/case_work.h"

#include <stdio.h>

static void put_query(struct qf_buf *path, const char *name, const char *value)
{
    if (value == NULL)
        return;
    qf_buf_printf(path, "&%s=", name);
    qf_client_escape(path, qf_slice_of(value));
}

static const char *text_at(struct qf_remote *remote, const struct qf_json *object, const char *name)
{
    const struct qf_json *value = qf_json_get(object, name);
    return value != NULL ? qf_remote_value(remote, value) : "";
}

enum qf_status qf_case_put_answer(struct qf_remote *remote, struct qf_json *op,
                                  const struct qf_case_request *request, struct qf_slice form,
                                  struct qf_error *err)
{
    const struct qf_remote_data from = {.file = request->file,
                                        .reveal = request->reveal,
                                        .sets = request->sets,
                                        .set_count = request->set_count,
                                        .form = form};
    struct qf_json data, flows = qf_json_make_array();
    enum qf_status status = qf_remote_data(remote, &data, &from, err);
    if (status != QF_OK)
        return status;
    if (data.count > 0)
        qf_json_put(&remote->arena, op, "data", data);
    for (const char *at = request->choose; at != NULL && *at != '\0';) {
        size_t size = strcspn(at, ",\n");
        qf_json_append(&remote->arena, &flows, qf_json_make_slice(qf_slice_make(at, size)));
        at += size + (at[size] != '\0');
    }
    if (flows.count > 0)
        qf_json_put(&remote->arena, op, "flows", flows);
    return QF_OK;
}

/* ---- list ---- */

/* Cases of many services in one list: their own words for a state would not agree. */
static const char *state_word(const struct qf_remote *remote, const char *state)
{
    static const char *const words[][2] = {
        {"running", "办理中"}, {"done", "已办结"}, {"failed", "未能办结"}, {"withdrawn", "已撤回"}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(state, words[i][0]) == 0)
            return QF_CASE_SAY(remote, words[i][0], words[i][1]);
    return state;
}

static enum qf_status list(struct qf_remote *remote, const struct qf_case_request *request,
                           struct qf_error *err)
{
    struct qf_buf path = {0};
    struct qf_json page;
    qf_buf_put_text(&path, "/v1/cases?limit=1000");
    put_query(&path, "service", request->service);
    put_query(&path, "status", request->status);
    put_query(&path, "cursor", request->cursor);
    enum qf_status status = qf_remote_get(remote, &page, err, "%s", qf_buf_text(&path));
    qf_buf_deinit(&path);
    const struct qf_json *items = status == QF_OK ? qf_json_get(&page, "items") : NULL;
    if (status == QF_OK && request->json)
        qf_cli_print_json(&page);
    for (uint32_t i = 0; !request->json && items != NULL && i < items->count; i++) {
        const struct qf_json *item = &items->items[i];
        printf("%-28s %-24s %-6s %s\n", text_at(remote, item, "case"),
               text_at(remote, item, "service"), text_at(remote, item, "version"),
               state_word(remote, text_at(remote, item, "status")));
    }
    if (!request->json && items != NULL && items->count == 0)
        fprintf(stderr, "there are no such cases\n");
    const struct qf_json *next = status == QF_OK ? qf_json_get(&page, "next") : NULL;
    if (!request->json && next != NULL && next->type == QF_JSON_STRING)
        fprintf(stderr, "there are more: --cursor %.*s\n", (int)next->count, next->text);
    return status;
}

/* ---- open, message, withdraw ---- */

const char *qf_case_made_id(struct qf_remote *remote, const char *service)
{
    struct qf_random random = qf_random_system();
    struct qf_clock clock = qf_clock_system();
    uint8_t bytes[4] = {0};
    if (random.fill(random.self, bytes, sizeof bytes) != QF_OK)
        return "";
    const char *day = qf_remote_time(remote, clock.now_ms(clock.self));
    return qf_arena_printf(&remote->arena, "%.24s-%.4s%.2s%.2s-%02x%02x%02x%02x", service, day,
                           day + 5, day + 8, bytes[0], bytes[1], bytes[2], bytes[3]);
}

static enum qf_status open_case(struct qf_remote *remote, const struct qf_case_request *request,
                                const char *service, struct qf_error *err)
{
    struct qf_json found, op = qf_json_make_object();
    struct qf_slice version = {NULL, 0};
    if (!qf_member_id_valid(qf_slice_of(service)))
        return qf_fail(err, QF_USAGE, "SERVICE", "an id has 1 to 48 of A-Z a-z 0-9 . _ -");
    enum qf_status status = qf_remote_get(remote, &found, err, "/v1/services/%s", service);
    if (status == QF_OK)
        status = qf_json_get_text(&found, "version", &version, err);
    if (status == QF_OK)
        status = qf_remote_service(remote, qf_slice_of(service), version, err);
    if (status != QF_OK)
        return status;
    const char *id = request->id != NULL ? request->id : qf_case_made_id(remote, service);
    qf_json_put(&remote->arena, &op, "case", qf_json_make_text(id));
    qf_json_put(&remote->arena, &op, "op", qf_json_make_text("service.case.open"));
    qf_json_put(&remote->arena, &op, "service", qf_json_make_text(service));
    status = qf_case_put_answer(remote, &op, request, (struct qf_slice){0}, err);
    if (status == QF_OK && request->json)
        status = qf_remote_send(remote, op, err);
    else if (status == QF_OK)
        status =
            qf_remote_act(remote, op, false, qf_arena_printf(&remote->arena, "opened %s", id), err);
    if (status == QF_OK && request->json) {
        struct qf_json out = qf_json_make_object();
        qf_json_put(&remote->arena, &out, "case", qf_json_make_text(id));
        qf_json_put(&remote->arena, &out, "leaf", qf_json_make_int(remote->answer.leaf));
        qf_json_put(&remote->arena, &out, "tx", qf_json_make_text(remote->answer.id));
        qf_cli_print_json(&out);
    }
    return status;
}

/* A manifest need not name them all. */
static bool has_message(const struct qf_remote *remote, struct qf_slice name)
{
    const struct qf_bpmn_model *bpmn = &remote->model->bpmn;
    bool found = qf_service_message_of(remote->model, name) != NULL;
    for (uint16_t i = 0; i < bpmn->node_count; i++)
        found = found || qf_slice_equal(bpmn->nodes[i].message, name);
    return found;
}

/* The messages that the service has, for who wrote one that it has not. */
static enum qf_status no_message(struct qf_remote *remote, const char *name, struct qf_error *err)
{
    const struct qf_json *manifest = qf_json_get(&remote->package, "manifest");
    const struct qf_json *messages = manifest != NULL ? qf_json_get(manifest, "messages") : NULL;
    struct qf_buf names = {0};
    for (uint32_t i = 0; messages != NULL && i < messages->count; i++)
        qf_buf_printf(
            &names, "%s%.*s (%s)", i > 0 ? ", " : "", QF_SLICE_ARGS(messages->members[i].key),
            qf_remote_titles(remote, &messages->members[i].value, messages->members[i].key));
    enum qf_status status =
        qf_fail(err, QF_NOT_FOUND, "NAME", "the service has no message %.40s; it has %.150s", name,
                names.size > 0 ? qf_buf_text(&names) : "none");
    qf_buf_deinit(&names);
    return status;
}

static enum qf_status message(struct qf_remote *remote, const struct qf_case_request *request,
                              const char *id, const char *name, struct qf_error *err)
{
    struct qf_json found, op = qf_json_make_object();
    enum qf_status status = qf_remote_case(remote, &found, id, err);
    if (status != QF_OK)
        return status;
    if (!has_message(remote, qf_slice_of(name)))
        return no_message(remote, name, err);
    qf_json_put(&remote->arena, &op, "case", qf_json_make_text(id));
    qf_json_put(&remote->arena, &op, "name", qf_json_make_text(name));
    qf_json_put(&remote->arena, &op, "op", qf_json_make_text("service.case.message"));
    status = qf_case_put_answer(remote, &op, request,
                                qf_service_message_form(remote->model, qf_slice_of(name)), err);
    return status == QF_OK ? qf_remote_act(remote, op, request->json, "sent", err) : status;
}

static enum qf_status withdraw(struct qf_remote *remote, const struct qf_case_request *request,
                               const char *id, struct qf_error *err)
{
    struct qf_json op = qf_json_make_object();
    qf_json_put(&remote->arena, &op, "case", qf_json_make_text(id));
    qf_json_put(&remote->arena, &op, "op", qf_json_make_text("service.case.withdraw"));
    return qf_remote_act(remote, op, request->json, "withdrawn", err);
}

/* The message with which the process begins that hears appeals. */
static struct qf_slice appeal_start(const struct qf_remote *remote)
{
    const struct qf_json *appeal = qf_json_get(qf_json_get(&remote->package, "manifest"), "appeal");
    const struct qf_json *start = appeal != NULL ? qf_json_get(appeal, "start") : NULL;
    struct qf_slice none = {NULL, 0};
    return start != NULL && start->type == QF_JSON_STRING ? qf_json_text(start) : none;
}

static enum qf_status appeal(struct qf_remote *remote, const struct qf_case_request *request,
                             const char *id, struct qf_error *err)
{
    struct qf_json found, op = qf_json_make_object();
    enum qf_status status = qf_remote_case(remote, &found, id, err);
    if (status != QF_OK)
        return status;
    struct qf_slice start = appeal_start(remote);
    if (start.size == 0)
        return qf_fail(err, QF_NOT_ALLOWED, "case", "its service hears no appeals");
    const char *service = qf_remote_value(remote, qf_json_get(&found, "service"));
    const char *own = request->id != NULL ? request->id : qf_case_made_id(remote, service);
    qf_json_put(&remote->arena, &op, "appeal", qf_json_make_text(own));
    qf_json_put(&remote->arena, &op, "case", qf_json_make_text(id));
    qf_json_put(&remote->arena, &op, "op", qf_json_make_text("service.case.appeal"));
    status = qf_case_put_answer(remote, &op, request, qf_service_message_form(remote->model, start),
                                err);
    if (status == QF_OK)
        status = qf_remote_send(remote, op, err);
    if (status != QF_OK)
        return status;
    if (!request->json) {
        printf("appealed against %s: case %s hears it\n  tx    %s\n  leaf  %lld\n", id, own,
               remote->answer.id, (long long)remote->answer.leaf);
        return QF_OK;
    }
    struct qf_json out = qf_json_make_object();
    qf_json_put(&remote->arena, &out, "appeal", qf_json_make_text(own));
    qf_json_put(&remote->arena, &out, "case", qf_json_make_text(id));
    qf_json_put(&remote->arena, &out, "leaf", qf_json_make_int(remote->answer.leaf));
    qf_json_put(&remote->arena, &out, "tx", qf_json_make_text(remote->answer.id));
    qf_cli_print_json(&out);
    return QF_OK;
}

static enum qf_status unplanned(struct qf_remote *remote, const struct qf_case_request *request,
                                const char *id, const char *activity, struct qf_error *err)
{
    struct qf_json found, op = qf_json_make_object();
    enum qf_status status = qf_remote_case(remote, &found, id, err);
    if (status != QF_OK)
        return status;
    qf_json_put(&remote->arena, &op, "activity", qf_json_make_text(activity));
    qf_json_put(&remote->arena, &op, "case", qf_json_make_text(id));
    qf_json_put(&remote->arena, &op, "op", qf_json_make_text("service.case.unplanned"));
    status = qf_case_put_answer(remote, &op, request, (struct qf_slice){0}, err);
    return status == QF_OK ? qf_remote_act(remote, op, request->json,
                                           "recorded, as a deviation from the process", err)
                           : status;
}

static enum qf_status act(struct qf_remote *remote, const struct qf_case_request *request,
                          int count, char **argv, struct qf_error *err)
{
    const char *verb = argv[0];
    if (request->key == NULL)
        return qf_fail(err, QF_USAGE, "--key", "is missing: say who signs");
    if (count == 2 && strcmp(verb, "open") == 0)
        return open_case(remote, request, argv[1], err);
    if (count == 3 && strcmp(verb, "message") == 0)
        return message(remote, request, argv[1], argv[2], err);
    if (count == 2 && strcmp(verb, "withdraw") == 0)
        return withdraw(remote, request, argv[1], err);
    if (count == 2 && strcmp(verb, "appeal") == 0)
        return appeal(remote, request, argv[1], err);
    if (count == 3 && strcmp(verb, "unplanned") == 0)
        return unplanned(remote, request, argv[1], argv[2], err);
    return qf_fail(err, QF_USAGE, verb, "is not so written; see qifeng case --help");
}

enum qf_status qf_case_work(struct qf_remote *remote, const struct qf_case_request *request,
                            int count, char **argv, struct qf_error *err)
{
    static const char *const acts[] = {"open", "message", "withdraw", "appeal", "unplanned"};
    const char *verb = argv[0];
    remote->on_behalf = request->on_behalf;
    if (count == 1 && strcmp(verb, "list") == 0)
        return list(remote, request, err);
    if (count == 2 && strcmp(verb, "show") == 0)
        return qf_case_show(remote, request, argv[1], err);
    if (count == 2 && strcmp(verb, "decisions") == 0)
        return qf_case_decisions(remote, request, argv[1], err);
    if (count == 2 && strcmp(verb, "history") == 0)
        return qf_case_history(remote, request, argv[1], err);
    for (size_t i = 0; i < sizeof acts / sizeof acts[0]; i++)
        if (strcmp(verb, acts[i]) == 0)
            return act(remote, request, count, argv, err);
    return qf_fail(err, QF_USAGE, verb, "is not so written; see qifeng case --help");
}
