#include <stdio.h>
#include <stdlib.h>

#include "cli/case_work.h"

enum qf_status qf_case_find_task(struct qf_remote *remote, struct qf_json *out, const char *ref,
                                 struct qf_error *err)
{
    struct qf_json found;
    const char *slash = strchr(ref, '/');
    if (slash == NULL)
        return qf_fail(err, QF_USAGE, "TASK", "want CASE/TASK, such as c-17/3 or c-17/check");
    const char *id = qf_arena_text(&remote->arena, qf_slice_make(ref, (size_t)(slash - ref)));
    enum qf_status status = qf_remote_case(remote, &found, id, err);
    if (status != QF_OK)
        return status;
    const struct qf_json *tasks = qf_json_get(&found, "tasks");
    char *end;
    long long number = strtoll(slash + 1, &end, 10);
    for (uint32_t i = 0; tasks != NULL && i < tasks->count; i++) {
        const struct qf_json *task = &tasks->items[i];
        if ((*end == '\0' && qf_json_get(task, "task")->integer == number) ||
            qf_json_is_text(qf_json_get(task, "node"), slash + 1)) {
            *out = *task;
            return QF_OK;
        }
    }
    struct qf_buf open;
    qf_buf_init(&open, 160);
    for (uint32_t i = 0; tasks != NULL && i < tasks->count && qf_buf_status(&open) == QF_OK; i++)
        qf_buf_printf(&open, "%s%lld (%s)", i > 0 ? ", " : "; open are ",
                      (long long)qf_json_get(&tasks->items[i], "task")->integer,
                      qf_remote_value(remote, qf_json_get(&tasks->items[i], "node")));
    const char *others =
        qf_buf_status(&open) == QF_OK ? qf_arena_text(&remote->arena, qf_buf_slice(&open)) : "";
    qf_buf_deinit(&open);
    return qf_fail(err, QF_NOT_FOUND, "TASK", "the case is %s and has no open task %.60s%s",
                   qf_remote_value(remote, qf_json_get(&found, "status")), slash + 1, others);
}

static const struct qf_bpmn_node *node_of(const struct qf_remote *remote,
                                          const struct qf_json *task)
{
    uint16_t at = qf_bpmn_find_node(&remote->model->bpmn, qf_json_text(qf_json_get(task, "node")));
    return at == QF_BPMN_NONE ? NULL : &remote->model->bpmn.nodes[at];
}

/* ---- list and show ---- */

/* member/actor of the key: what he holds. */
static enum qf_status own_list(struct qf_remote *remote, const char **out, struct qf_error *err)
{
    struct qf_json who;
    if (remote->key == NULL)
        return qf_fail(
            err, QF_USAGE, "--role",
            "name a role, a service or a holder; with --key alone: what its owner holds");
    enum qf_status status = qf_remote_whoami(remote, &who, err);
    if (status != QF_OK)
        return status;
    *out = qf_arena_printf(&remote->arena, "%s/%s",
                           qf_remote_value(remote, qf_json_get(&who, "member")),
                           qf_remote_value(remote, qf_json_get(&who, "actor")));
    return QF_OK;
}

static enum qf_status list(struct qf_remote *remote, const struct qf_case_request *request,
                           struct qf_error *err)
{
    struct qf_buf path = {0};
    struct qf_json page;
    const char *holder = request->holder;
    if (request->role == NULL && request->service == NULL && holder == NULL) {
        enum qf_status own = own_list(remote, &holder, err);
        if (own != QF_OK)
            return own;
    }
    const char *names[] = {"role", "service", "holder", "cursor"};
    const char *values[] = {request->role, request->service, holder, request->cursor};
    qf_buf_put_text(&path, "/v1/tasks?limit=1000");
    for (size_t i = 0; i < 4; i++)
        if (values[i] != NULL) {
            qf_buf_printf(&path, "&%s=", names[i]);
            qf_client_escape(&path, qf_slice_of(values[i]));
        }
    enum qf_status status = qf_remote_get(remote, &page, err, "%s", qf_buf_text(&path));
    qf_buf_deinit(&path);
    if (status == QF_OK && request->json)
        qf_cli_print_json(&page);
    const struct qf_json *items = status == QF_OK ? qf_json_get(&page, "items") : NULL;
    const struct qf_json *service = NULL;
    if (!request->json && items != NULL && items->count == 0)
        fprintf(stderr, "no such task is open\n");
    for (uint32_t i = 0; !request->json && items != NULL && i < items->count; i++) {
        const struct qf_json *own = qf_json_get(&items->items[i], "service");
        struct qf_json found;
        struct qf_slice version;
        /* The current version's words: a task of an older one shows its id where it differs. */
        if ((service == NULL || !qf_slice_equal(qf_json_text(service), qf_json_text(own))) &&
            qf_remote_get(remote, &found, NULL, "/v1/services/%.*s", (int)own->count, own->text) ==
                QF_OK &&
            qf_json_get_text(&found, "version", &version, NULL) == QF_OK)
            (void)!qf_remote_service(remote, qf_json_text(own), version, NULL);
        service = own;
        qf_case_print_task(remote, &items->items[i]);
    }
    return status;
}

static void print_property(struct qf_remote *remote, const struct qf_json_member *property,
                           bool required)
{
    static const char *const bounds[] = {"format",  "pattern", "minLength", "maxLength",
                                         "minimum", "maximum", "minItems",  "maxItems"};
    const struct qf_json *schema = &property->value, *choices = qf_json_get(schema, "enum");
    const struct qf_service_field *field = qf_service_field_of(remote->model, property->key);
    printf("  %.*s%s  %s  (%s", QF_SLICE_ARGS(property->key), required ? "*" : "",
           qf_remote_field(remote, property->key),
           qf_remote_value(remote, qf_json_get(schema, "type")));
    for (size_t i = 0; i < sizeof bounds / sizeof bounds[0]; i++)
        if (qf_json_get(schema, bounds[i]) != NULL)
            printf(", %s %s", bounds[i], qf_remote_value(remote, qf_json_get(schema, bounds[i])));
    printf("%s)\n", field != NULL && field->sealed ? ", sealed" : "");
    for (uint32_t i = 0; choices != NULL && i < choices->count; i++) {
        const struct qf_json *choice = &choices->items[i];
        const char *name = qf_arena_text(&remote->arena, property->key);
        printf("      %s  %s\n", qf_remote_value(remote, choice),
               choice->type == QF_JSON_STRING
                   ? qf_remote_word(remote, "values", name, qf_json_text(choice))
                   : "");
    }
}

static void print_form(struct qf_remote *remote, const struct qf_json *schema)
{
    const struct qf_json *properties = qf_json_get(schema, "properties");
    const struct qf_json *required = qf_json_get(schema, "required");
    printf("%s\n", QF_CASE_SAY(remote, "form (* must be given):", "表单（* 必填）："));
    for (uint32_t i = 0; i < properties->count; i++) {
        bool must = false;
        for (uint32_t k = 0; required != NULL && k < required->count; k++)
            must = must ||
                   qf_slice_equal(qf_json_text(&required->items[k]), properties->members[i].key);
        print_property(remote, &properties->members[i], must);
    }
}

/* The flows that somebody chooses from at the gateway behind the task. */
static void print_choices(struct qf_remote *remote, FILE *out, const struct qf_bpmn_node *node)
{
    const struct qf_bpmn_model *bpmn = &remote->model->bpmn;
    for (uint16_t f = node->first_out; f != QF_BPMN_NONE; f = bpmn->flows[f].next_out) {
        const struct qf_bpmn_node *gateway = &bpmn->nodes[bpmn->flows[f].target];
        if (!gateway->choice)
            continue;
        fprintf(out, "%s\n", QF_CASE_SAY(remote, "choose one (--choose):", "请选择（--choose）："));
        for (uint16_t c = gateway->first_out; c != QF_BPMN_NONE; c = bpmn->flows[c].next_out)
            fprintf(out, "  %.*s  %s\n", QF_SLICE_ARGS(bpmn->flows[c].id),
                    qf_remote_word(remote, "choices", NULL, bpmn->flows[c].id));
    }
}

/* What the service says to who does it. */
static void print_help(struct qf_remote *remote, struct qf_slice id)
{
    const struct qf_json *texts = qf_json_get(&remote->package, "texts");
    const struct qf_json *own = texts != NULL ? qf_json_get(texts, remote->lang) : NULL;
    const struct qf_json *tasks = own != NULL ? qf_json_get(own, "tasks") : NULL;
    const struct qf_json *task = tasks != NULL ? qf_json_get_slice(tasks, id) : NULL;
    const struct qf_json *help =
        task != NULL && task->type == QF_JSON_OBJECT ? qf_json_get(task, "help") : NULL;
    if (help != NULL)
        printf("  %s\n", qf_remote_value(remote, help));
}

static enum qf_status show(struct qf_remote *remote, const struct qf_case_request *request,
                           const char *ref, struct qf_error *err)
{
    struct qf_json task;
    enum qf_status status = qf_case_find_task(remote, &task, ref, err);
    const struct qf_bpmn_node *node = status == QF_OK ? node_of(remote, &task) : NULL;
    if (node == NULL)
        return status;
    const struct qf_json *files = qf_json_get(&remote->package, "files");
    const struct qf_json *schema =
        node->ext.form.size == 0
            ? NULL
            : qf_json_get(files, qf_arena_printf(&remote->arena, "schemas/%.*s",
                                                 QF_SLICE_ARGS(node->ext.form)));
    if (request->json) {
        if (schema != NULL)
            qf_json_put(&remote->arena, &task, "form", *schema);
        qf_cli_print_json(&task);
        return QF_OK;
    }
    qf_case_print_task(remote, &task);
    print_help(remote, node->id);
    if (node->ext.approvals > 1)
        printf(
            QF_CASE_SAY(remote, "  done when %u give the same answer", "  %u 人意见一致才算完成"),
            node->ext.approvals);
    if (node->ext.approvals > 1 && node->ext.voters > 0)
        printf(QF_CASE_SAY(remote, ", of %u at most", "，最多 %u 人表决"), node->ext.voters);
    if (node->ext.approvals > 1)
        printf("\n");
    if (schema != NULL)
        print_form(remote, schema);
    print_choices(remote, stdout, node);
    return QF_OK;
}

/* ---- acts ---- */

/* Finds the task and begins an op about it. */
static enum qf_status make_op(struct qf_remote *remote, const struct qf_case_request *request,
                              const char *verb, const char *ref, struct qf_json *task,
                              struct qf_json *op, struct qf_error *err)
{
    *op = qf_json_make_object();
    if (request->key == NULL)
        return qf_fail(err, QF_USAGE, "--key", "is missing: say who signs");
    enum qf_status status = qf_case_find_task(remote, task, ref, err);
    if (status != QF_OK)
        return status;
    qf_json_put(&remote->arena, op, "case", *qf_json_get(task, "case"));
    qf_json_put(&remote->arena, op, "op",
                qf_json_make_text(qf_arena_printf(&remote->arena, "service.task.%s", verb)));
    qf_json_put(&remote->arena, op, "task", *qf_json_get(task, "task"));
    return QF_OK;
}

static enum qf_status begin(struct qf_remote *remote, const struct qf_case_request *request,
                            const char *ref, const char *activity, struct qf_error *err)
{
    struct qf_json task, op;
    enum qf_status status = make_op(remote, request, "begin", ref, &task, &op, err);
    if (status != QF_OK)
        return status;
    qf_json_put(&remote->arena, &op, "activity", qf_json_make_text(activity));
    return qf_remote_act(remote, op, request->json, "begun", err);
}

/* How a task of several people stands after one of them has answered. */
static void print_vote(struct qf_remote *remote, const struct qf_json *task,
                       const struct qf_bpmn_node *node)
{
    struct qf_json found;
    struct qf_error err = {0};
    const char *id = qf_remote_value(remote, qf_json_get(task, "case"));
    if (qf_remote_get(remote, &found, &err, "/v1/cases/%s", id) != QF_OK)
        return;
    const struct qf_json *tasks = qf_json_get(&found, "tasks");
    bool open = false;
    for (uint32_t i = 0; tasks != NULL && i < tasks->count; i++)
        open = open ||
               qf_json_get(&tasks->items[i], "task")->integer == qf_json_get(task, "task")->integer;
    if (open)
        printf(QF_CASE_SAY(remote, "  the task stays open until %u agree\n",
                           "  任务仍在办理：须有 %u 人意见一致\n"),
               node->ext.approvals);
    else
        printf(QF_CASE_SAY(remote, "  with it the task is done: %u agree\n",
                           "  任务已完成：%u 人意见一致\n"),
               node->ext.approvals);
}

static enum qf_status act(struct qf_remote *remote, const struct qf_case_request *request,
                          const char *verb, const char *ref, struct qf_error *err)
{
    struct qf_json task, op;
    enum qf_status status = make_op(remote, request, verb, ref, &task, &op, err);
    if (status != QF_OK)
        return status;
    if (strcmp(verb, "delegate") == 0 && request->to == NULL)
        return qf_fail(err, QF_USAGE, "--to", "is missing: the actor who gets the task");
    if (strcmp(verb, "delegate") == 0)
        qf_json_put(&remote->arena, &op, "to", qf_json_make_text(request->to));
    const struct qf_bpmn_node *node = node_of(remote, &task);
    if (strcmp(verb, "complete") == 0 && qf_json_get(&task, "decision") != NULL)
        return qf_fail(err, QF_WRONG_STATE, "TASK",
                       "is a sealed decision: qifeng decision record %s --inputs FILE", ref);
    if (strcmp(verb, "complete") == 0 && node != NULL)
        status = qf_case_put_answer(remote, &op, request, node->ext.form, err);
    if (status != QF_OK)
        return status;
    bool votes = strcmp(verb, "complete") == 0 && node != NULL && node->ext.approvals > 1;
    const char *done = votes                           ? "voted"
                       : strcmp(verb, "complete") == 0 ? "completed"
                       : strcmp(verb, "claim") == 0    ? "claimed"
                       : strcmp(verb, "delegate") == 0 ? "delegated"
                                                       : "released";
    status = qf_remote_act(remote, op, request->json, done, err);
    if (status == QF_OK && votes && !request->json)
        print_vote(remote, &task, node);
    size_t size = strlen(err->field);
    if (status != QF_OK && node != NULL && size >= 5 && strcmp(err->field + size - 5, "flows") == 0)
        print_choices(remote, stderr, node);
    return status;
}

static enum qf_status run(struct qf_remote *remote, const struct qf_case_request *request,
                          int count, char **argv, struct qf_error *err)
{
    static const char *const verbs[] = {"claim", "release", "complete", "delegate"};
    remote->on_behalf = request->on_behalf;
    if (count == 1 && strcmp(argv[0], "list") == 0)
        return list(remote, request, err);
    if (count == 2 && strcmp(argv[0], "show") == 0)
        return show(remote, request, argv[1], err);
    for (size_t i = 0; count == 2 && i < sizeof verbs / sizeof verbs[0]; i++)
        if (strcmp(argv[0], verbs[i]) == 0)
            return act(remote, request, verbs[i], argv[1], err);
    if (count == 3 && strcmp(argv[0], "begin") == 0)
        return begin(remote, request, argv[1], argv[2], err);
    return qf_fail(err, QF_USAGE, argv[0], "is not so written; see qifeng task --help");
}

int qf_cmd_task(int argc, char **argv)
{
    struct qf_case_request request = {0};
    const char *set = NULL; /* for the help; taken out before */
    const struct qf_cli_option options[] = {
        {"--node", "URL", "the node (required)", &request.node, NULL},
        {"--key", "FILE", "key file or pkcs11: URI that signs and reads", &request.key, NULL},
        {"--passphrase-file", "F", "of the key file (or QIFENG_PASSPHRASE_FILE)",
         &request.passphrase_file, NULL},
        {"--role", "ROLE", "list: the work list of a role", &request.role, NULL},
        {"--service", "ID", "list: of this service", &request.service, NULL},
        {"--holder", "WHO", "list: any, none, some, or whose: MEMBER/ACTOR", &request.holder, NULL},
        {"--cursor", "C", "list: go on there", &request.cursor, NULL},
        {"--data", "FILE", "complete: data of the form, a JSON object", &request.file, NULL},
        {"--set", "NAME=VALUE", "complete: one field of it, may be given several times", &set,
         NULL},
        {"--reveal", "FILE", "complete: where values and salts of sealed fields are kept",
         &request.reveal, NULL},
        {"--choose", "FLOWS...", "complete: ids of the flows chosen, with commas; may be repeated",
         &request.choose, NULL},
        {"--to", "ACTOR", "delegate: who gets the task", &request.to, NULL},
        {"--on-behalf", "MANDATE", "act for another member, by a mandate", &request.on_behalf,
         NULL},
        {"--lang", "zh|en", "language of titles (default by LANG)", &request.lang, NULL},
        {"--json", NULL, "print JSON", NULL, &request.json},
    };
    static const struct qf_cli_help help = {
        "qifeng task list | show|claim|release|complete|delegate CASE/TASK | begin CASE/TASK "
        "ACTIVITY",
        "The work list of a role, and what is done with a task: TASK is its number, or the id of "
        "its\n"
        "element in the process. Data are checked against the form before they are sent, with the\n"
        "code that the node will use. begin: an activity of an ad-hoc subprocess, by its id; the\n"
        "task is the subprocess, and completing it ends it. What waits for a sealed decision is\n"
        "done with qifeng decision record.",
        "  qifeng task list --role desk --node http://127.0.0.1:8700\n"
        "  qifeng task show c-17/check --lang zh --node http://127.0.0.1:8700\n"
        "  qifeng task complete c-17/check --set area=120 --key keys/li.pem \\\n"
        "      --node http://127.0.0.1:8700\n"};
    int count;
    enum qf_exit code;
    if (!qf_remote_take_sets(request.sets, &request.set_count, &argc, argv))
        return (int)qf_cli_usage("--set wants NAME=VALUE, at most %d times", QF_SERVICE_DATA_MAX);
    if (!qf_cli_parse(&help, options, sizeof options / sizeof options[0], argc, argv, &count,
                      &code))
        return (int)code;
    if (count < 1 || request.node == NULL)
        return (int)qf_cli_usage("usage: %s", help.usage);
    struct qf_remote remote;
    struct qf_error err = {0};
    enum qf_status status = qf_remote_open(&remote, request.node, request.key,
                                           request.passphrase_file, request.lang, &err);
    if (status == QF_OK)
        status = run(&remote, &request, count, argv, &err);
    qf_remote_close(&remote);
    return status == QF_OK ? QF_EXIT_OK : (int)qf_cli_error(&err);
}
