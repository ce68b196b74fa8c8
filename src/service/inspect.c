#include "service/inspect.h"

#include <stdio.h>

#include "kernel/ops.h"
#include "service/inspect_internal.h"
#include "service/shape.h"

#define MANIFEST "service.yaml"

static unsigned line_of(const struct qf_folder *folder, const char *path)
{
    return qf_yaml_line(&folder->manifest.yaml, path);
}

const struct qf_json *qf_inspect_in(const struct qf_json *object, const char *name)
{
    const struct qf_json *value = object != NULL ? qf_json_get(object, name) : NULL;
    return value != NULL && value->type == QF_JSON_OBJECT ? value : NULL;
}

static const struct qf_json *list_in(const struct qf_json *object, const char *name)
{
    const struct qf_json *value = object != NULL ? qf_json_get(object, name) : NULL;
    return value != NULL && value->type == QF_JSON_ARRAY ? value : NULL;
}

bool qf_inspect_is_role(const struct qf_inspection *in, struct qf_slice role)
{
    const struct qf_json *list = list_in(in->manifest, "participants");
    for (uint32_t i = 0; list != NULL && i < list->count; i++) {
        const struct qf_json *name = qf_json_get(&list->items[i], "role");
        if (name != NULL && name->type == QF_JSON_STRING &&
            qf_slice_equal(qf_json_text(name), role))
            return true;
    }
    return false;
}

/* ---- roles ---- */

static const char *all_roles(const struct qf_inspection *in)
{
    const struct qf_json *list = list_in(in->manifest, "participants");
    struct qf_buf text;
    qf_buf_init(&text, 400);
    for (uint32_t i = 0; list != NULL && i < list->count; i++) {
        const struct qf_json *name = qf_json_get(&list->items[i], "role");
        if (name == NULL || name->type != QF_JSON_STRING || text.size + name->count > 300)
            continue;
        qf_buf_put_text(&text, text.size > 0 ? ", " : "");
        qf_buf_put_slice(&text, qf_json_text(name));
    }
    const char *out = qf_arena_text(&in->folder->arena, qf_buf_slice(&text));
    qf_buf_deinit(&text);
    return out;
}

static void check_roles(struct qf_inspection *in, const struct qf_json *roles, const char *path)
{
    for (uint32_t i = 0; roles != NULL && roles->type == QF_JSON_ARRAY && i < roles->count; i++) {
        char at[256];
        snprintf(at, sizeof at, "%s[%u]", path, i);
        const struct qf_json *role = &roles->items[i];
        if (role->type == QF_JSON_STRING && !qf_inspect_is_role(in, qf_json_text(role)))
            QF_FOLDER_ERROR(in->folder, MANIFEST, at, line_of(in->folder, at),
                            "%.*s is no role of a participant; there are: %s", (int)role->count,
                            role->text, all_roles(in));
    }
}

static bool names(const struct qf_json *list, struct qf_slice role)
{
    for (uint32_t i = 0; list != NULL && list->type == QF_JSON_ARRAY && i < list->count; i++)
        if (list->items[i].type == QF_JSON_STRING &&
            qf_slice_equal(qf_json_text(&list->items[i]), role))
            return true;
    return false;
}

static bool is_used(const struct qf_inspection *in, struct qf_slice role)
{
    const struct qf_json *messages = qf_inspect_in(in->manifest, "messages");
    const struct qf_json *appeal = qf_inspect_in(in->manifest, "appeal");
    bool used = names(qf_json_get(in->manifest, "open"), role) ||
                names(qf_json_get(in->manifest, "withdraw"), role) ||
                (appeal != NULL && names(qf_json_get(appeal, "by"), role));
    for (uint32_t i = 0; messages != NULL && !used && i < messages->count; i++)
        used = names(qf_json_get(&messages->members[i].value, "from"), role);
    for (uint16_t i = 0; !used && i < in->bpmn->lane_count; i++)
        used = qf_slice_equal(in->bpmn->lanes[i].role, role);
    for (uint16_t i = 0; !used && i < in->bpmn->node_count; i++)
        used = qf_slice_equal(in->bpmn->nodes[i].ext.role, role) ||
               qf_slice_equal(in->bpmn->nodes[i].ext.deadline.to, role);
    return used;
}

static void check_participants(struct qf_inspection *in)
{
    const struct qf_json *list = list_in(in->manifest, "participants");
    for (uint32_t i = 0; list != NULL && in->bpmn != NULL && i < list->count; i++) {
        const struct qf_json *role = qf_json_get(&list->items[i], "role");
        char at[64];
        snprintf(at, sizeof at, "participants[%u]", i);
        if (role != NULL && role->type == QF_JSON_STRING && !is_used(in, qf_json_text(role)))
            QF_FOLDER_WARNING(in->folder, MANIFEST, at, line_of(in->folder, at),
                              "role %.*s has nothing to do: no lane, no task, no message names it",
                              (int)role->count, role->text);
    }
}

/* What the members would approve without need. */
static void check_capabilities(struct qf_inspection *in)
{
    const struct qf_json *list = list_in(in->manifest, "capabilities");
    for (uint32_t i = 0; list != NULL && in->bpmn != NULL && i < list->count; i++) {
        bool needed = list->items[i].type != QF_JSON_STRING;
        for (uint16_t k = 0; !needed && k < in->bpmn->node_count; k++) {
            const struct qf_op_row *row = qf_op_find(in->bpmn->nodes[k].ext.op);
            needed = row != NULL && row->service != NULL &&
                     qf_json_is_text(&list->items[i], row->service->capability);
        }
        char at[64];
        snprintf(at, sizeof at, "capabilities[%u]", i);
        if (!needed)
            QF_FOLDER_WARNING(in->folder, MANIFEST, at, line_of(in->folder, at),
                              "no service task needs %.*s: take it out, so that the members "
                              "approve no more than is used",
                              (int)list->items[i].count, list->items[i].text);
    }
}

/* ---- messages ---- */

static bool waits_for(const struct qf_bpmn_node *node)
{
    bool message = node->event == QF_BPMN_EVENT_MESSAGE && node->kind != QF_BPMN_END &&
                   node->kind != QF_BPMN_THROW;
    return (message || node->kind == QF_BPMN_RECEIVE) && node->message.size > 0;
}

static void check_message(struct qf_inspection *in, const struct qf_json_member *message)
{
    struct qf_folder *folder = in->folder;
    char at[256], path[300];
    snprintf(at, sizeof at, "messages.%.*s",
             (int)(message->key.size > 128 ? 128 : message->key.size),
             (const char *)message->key.data);
    snprintf(path, sizeof path, "%s.from", at);
    check_roles(in, qf_json_get(&message->value, "from"), path);
    const struct qf_json *form = qf_json_get(&message->value, "form");
    snprintf(path, sizeof path, "schemas/%.*s", form == NULL ? 0 : (int)form->count,
             form == NULL || form->type != QF_JSON_STRING ? "" : form->text);
    if (form != NULL && qf_folder_find(folder, path) == NULL)
        QF_FOLDER_ERROR(folder, MANIFEST, at, line_of(folder, at), "there is no %s", path);
    bool known = in->bpmn == NULL;
    for (uint16_t i = 0; !known && i < in->bpmn->node_count; i++)
        known = waits_for(&in->bpmn->nodes[i]) &&
                qf_slice_equal(in->bpmn->nodes[i].message, message->key);
    if (!known)
        QF_FOLDER_WARNING(folder, MANIFEST, at, line_of(folder, at),
                          "nothing in the process waits for this message");
}

static void check_messages(struct qf_inspection *in)
{
    const struct qf_json *messages = qf_inspect_in(in->manifest, "messages");
    for (uint32_t i = 0; messages != NULL && i < messages->count; i++)
        if (messages->members[i].value.type == QF_JSON_OBJECT)
            check_message(in, &messages->members[i]);
    for (uint16_t i = 0; in->bpmn != NULL && i < in->bpmn->node_count; i++) {
        const struct qf_bpmn_node *node = &in->bpmn->nodes[i];
        if (!waits_for(node) ||
            (messages != NULL && qf_json_get_slice(messages, node->message) != NULL))
            continue;
        QF_FOLDER_ERROR(in->folder, "process.bpmn", qf_arena_text(&in->folder->arena, node->id),
                        node->line,
                        "message %.*s is not under messages in service.yaml: say there what it is "
                        "called and who may send it",
                        QF_SLICE_ARGS(node->message));
    }
    const struct qf_json *appeal = qf_inspect_in(in->manifest, "appeal");
    if (appeal != NULL)
        check_roles(in, qf_json_get(appeal, "by"), "appeal.by");
    const struct qf_json *start = appeal != NULL ? qf_json_get(appeal, "start") : NULL;
    if (start == NULL || start->type != QF_JSON_STRING || in->bpmn == NULL)
        return;
    for (uint16_t i = 0; i < in->bpmn->process_count; i++)
        if (qf_bpmn_find_start(in->bpmn, i, qf_json_text(start)) != QF_BPMN_NONE)
            return;
    QF_FOLDER_ERROR(in->folder, MANIFEST, "appeal.start", line_of(in->folder, "appeal.start"),
                    "the process has no start event for the message %.*s", (int)start->count,
                    start->text);
}

/* ---- variables ---- */

static void check_set(struct qf_inspection *in, const struct qf_bpmn_node *node,
                      struct qf_slice name)
{
    if (name.size == 0 || (in->fields != NULL && qf_json_get_slice(in->fields, name) != NULL))
        return;
    QF_FOLDER_WARNING(in->folder, "process.bpmn", qf_arena_text(&in->folder->arena, node->id),
                      node->line,
                      "sets %.*s, which is not under fields in service.yaml: if it is not written "
                      "wrongly, declare it there, with its type and titles",
                      QF_SLICE_ARGS(name));
}

/* What the process sets is a field too: a name of nothing is most often one with a slip in it. */
static void check_variables(struct qf_inspection *in)
{
    for (uint16_t i = 0; in->bpmn != NULL && i < in->bpmn->node_count; i++) {
        const struct qf_bpmn_node *node = &in->bpmn->nodes[i];
        const struct qf_bpmn_ext *ext = &node->ext;
        check_set(in, node, ext->result);
        for (uint32_t k = 0; k < ext->outputs.count; k++)
            check_set(in, node, ext->outputs.items[k].name);
        for (uint32_t k = 0; k < ext->deadline.set.count; k++)
            check_set(in, node, ext->deadline.set.items[k].name);
    }
}

/* ---- what a node would say ---- */

/* A manifest and forms in which what is known to be wrong has been taken out, so that the process
 * can be looked at all the same. */
static struct qf_json mended(struct qf_inspection *in, struct qf_json *files)
{
    struct qf_arena *arena = &in->folder->arena;
    struct qf_json manifest = qf_json_make_object(), fields = qf_json_make_object(),
                   participants = qf_json_make_array(), any = qf_json_make_object(),
                   form = qf_json_make_object();
    const struct qf_json *list = list_in(in->manifest, "participants");
    for (uint32_t i = 0; list != NULL && i < list->count; i++) {
        const struct qf_json *role = qf_json_get(&list->items[i], "role");
        struct qf_json one = qf_json_make_object();
        if (role == NULL || role->type != QF_JSON_STRING || !qf_member_id_valid(qf_json_text(role)))
            continue;
        qf_json_put(arena, &one, "role", *role);
        qf_json_append(arena, &participants, one);
    }
    struct qf_json nobody = qf_json_make_object();
    qf_json_put(arena, &nobody, "role", qf_json_make_text("nobody"));
    if (participants.count == 0)
        qf_json_append(arena, &participants, nobody);
    qf_json_put(arena, &any, "type", qf_json_make_text("Any"));
    for (uint32_t i = 0; in->fields != NULL && i < in->fields->count; i++) {
        const struct qf_json *type = qf_json_get(&in->fields->members[i].value, "type");
        bool good = type != NULL && type->type == QF_JSON_STRING &&
                    qf_feel_type_named(qf_json_text(type)) != NULL;
        struct qf_json field = qf_json_make_object();
        const struct qf_json *sealed = qf_json_get(&in->fields->members[i].value, "sealed");
        if (good && sealed != NULL && sealed->type == QF_JSON_TRUE)
            qf_json_put(arena, &field, "sealed", *sealed);
        if (good)
            qf_json_put(arena, &field, "type", *type);
        qf_json_put(arena, &fields, qf_arena_text(arena, in->fields->members[i].key),
                    good ? field : any);
    }
    const struct qf_json *capabilities = list_in(in->manifest, "capabilities");
    struct qf_json asked = qf_json_make_array();
    for (uint32_t i = 0; capabilities != NULL && i < capabilities->count; i++)
        if (capabilities->items[i].type == QF_JSON_STRING && capabilities->items[i].count > 0 &&
            capabilities->items[i].count <= 128 && asked.count < 64)
            qf_json_append(arena, &asked, capabilities->items[i]);
    qf_json_put(arena, &manifest, "capabilities", asked);
    qf_json_put(arena, &manifest, "fields", fields);
    qf_json_put(arena, &manifest, "participants", participants);
    qf_json_put(arena, &form, "additionalProperties", qf_json_make_bool(false));
    qf_json_put(arena, &form, "properties", qf_json_make_object());
    qf_json_put(arena, &form, "type", qf_json_make_text("object"));
    for (size_t i = 0; i < in->folder->file_count; i++) {
        const struct qf_folder_file *file = &in->folder->files[i];
        if (strncmp(file->name, "schemas/", 8) == 0)
            qf_json_put(arena, files, file->name, form);
        else if (strcmp(file->name, "process.bpmn") == 0 || strcmp(file->name, "rules.dmn") == 0)
            qf_json_put(arena, files, file->name, qf_json_make_slice(file->bytes));
    }
    return manifest;
}

/* What an analyst does about it, where the language cannot know where its names come from. */
static const char *cure_of(const struct qf_service_problem *found)
{
    static const char begins[] = "there is nothing named";
    if (strcmp(found->file, "rules.dmn") == 0 &&
        strncmp(found->text, begins, sizeof begins - 1) == 0)
        return "; and what the case gives is an input data of that name in the diagram, from which "
               "an arrow leads to the decision";
    return "";
}

static void take(void *self, const struct qf_service_problem *found)
{
    struct qf_inspection *in = self;
    struct qf_arena *arena = &in->folder->arena;
    struct qf_slice element = found->id.size > 0 ? found->id : found->element;
    const struct qf_folder_problem place = {.error = found->error,
                                            .file = qf_arena_text(arena, qf_slice_of(found->file)),
                                            .element = qf_arena_text(arena, element),
                                            .line = found->line,
                                            .column = found->column};
    qf_folder_report(in->folder, &place, "%s%s", found->text, cure_of(found));
}

/* Where a file cannot be read any further; "<element id>: " is what the reader of processes begins
 * with. */
static void tell_unreadable(struct qf_inspection *in, const char *file, const struct qf_error *err)
{
    const char *text = err->detail, *end = strstr(text, ">: ");
    const char *element = "";
    if (text[0] == '<' && end != NULL) {
        const char *space = strchr(text, ' ');
        const char *begin = space != NULL && space < end ? space + 1 : text + 1;
        element = qf_arena_text(&in->folder->arena, qf_slice_make(begin, (size_t)(end - begin)));
        text = end + 3;
    }
    QF_FOLDER_ERROR(in->folder, file, element, qf_folder_number(err->field, "line "), "%s", text);
}

static void tell(struct qf_inspection *in, const struct qf_error *err, uint32_t errors_before)
{
    if (in->folder->errors > errors_before)
        return; /* it was told in full */
    const char *file = strncmp(err->field, "process.bpmn", 12) == 0 ? "process.bpmn"
                       : strncmp(err->field, "rules.dmn", 9) == 0   ? "rules.dmn"
                                                                    : MANIFEST;
    tell_unreadable(in, file, err);
}

/* ---- without a manifest ---- */

static void take_rule(void *self, const struct qf_dmn_problem *problem)
{
    const struct qf_service_problem found = qf_service_rule_problem(problem);
    take(self, &found);
}

static void look_at_rules(struct qf_inspection *in, const struct qf_folder_file *file)
{
    struct qf_dmn_model *model;
    struct qf_error err = {0};
    const struct qf_dmn_file rules = {file->name, file->bytes};
    const struct qf_dmn_reporter reporter = {take_rule, in};
    if (qf_dmn_compile(&in->folder->arena, &model, &rules, 1, &reporter, &err) != QF_OK)
        tell_unreadable(in, file->name, &err);
}

static void look_at_process(struct qf_inspection *in, const struct qf_folder_file *file)
{
    struct qf_arena *arena = &in->folder->arena;
    struct qf_bpmn_model *model = QF_ARENA_NEW(arena, struct qf_bpmn_model);
    struct qf_bpmn_program program;
    struct qf_bpmn_feel feel = {0};
    struct qf_bpmn_soundness soundness;
    struct qf_error err = {0};
    if (qf_bpmn_import(arena, model, file->bytes, &err) != QF_OK) {
        tell_unreadable(in, file->name, &err);
        return;
    }
    qf_bpmn_feel_init_lenient(&feel, arena, model);
    qf_bpmn_prepare(&program, model, qf_bpmn_feel_expr(&feel));
    qf_bpmn_check(&program, model, NULL, QF_SERVICE_STATES_MAX, &soundness);
    for (const struct qf_bpmn_problem *p = model->problems; p != NULL; p = p->next) {
        const struct qf_service_problem found = {.error = p->severity != QF_BPMN_NOTE,
                                                 .file = file->name,
                                                 .element = p->element,
                                                 .id = p->id,
                                                 .line = p->line,
                                                 .text = p->text};
        take(in, &found);
    }
}

/* While nothing is known of what it declares, only what is wrong in itself is told. */
static void look_without_manifest(struct qf_inspection *in)
{
    const struct qf_folder_file *process = qf_folder_find(in->folder, "process.bpmn");
    const struct qf_folder_file *rules = qf_folder_find(in->folder, "rules.dmn");
    if (rules != NULL)
        look_at_rules(in, rules);
    if (process != NULL)
        look_at_process(in, process);
}

/* As a node would compile it; of a folder with errors, as much of it as can be. */
static void compile(struct qf_inspection *in)
{
    struct qf_folder *folder = in->folder;
    const struct qf_service_reporter reporter = {take, in};
    struct qf_error err = {0};
    uint32_t before = folder->errors;
    struct qf_slice hash = qf_slice_of("sha-256:");
    struct qf_service_model *model = NULL;
    enum qf_status status = qf_folder_package(folder, &err);
    if (before == 0 && status == QF_OK) {
        status = qf_service_inspect(&model, folder->package, hash, &reporter, &err);
        if (status != QF_OK)
            tell(in, &err, before);
        folder->model = model;
        return;
    }
    struct qf_json files = qf_json_make_object(), package = qf_json_make_object();
    struct qf_buf text = {0};
    qf_json_put(&folder->arena, &package, "manifest", mended(in, &files));
    qf_json_put(&folder->arena, &package, "files", files);
    qf_json_put(&folder->arena, &package, "id", qf_json_make_text("x"));
    qf_json_put(&folder->arena, &package, "version", qf_json_make_text("x"));
    qf_json_write(&text, &package);
    before = folder->errors;
    if (qf_service_inspect(&model, qf_buf_slice(&text), hash, &reporter, &err) != QF_OK &&
        qf_folder_find(folder, "process.bpmn") != NULL)
        tell(in, &err, before);
    qf_service_free(model);
    qf_buf_deinit(&text);
}

void qf_inspect(struct qf_folder *folder)
{
    struct qf_inspection in = {.folder = folder};
    const struct qf_folder_file *process = qf_folder_find(folder, "process.bpmn");
    struct qf_bpmn_model *bpmn = QF_ARENA_NEW(&folder->arena, struct qf_bpmn_model);
    (void)qf_shape_check(folder, &folder->manifest, &qf_shape_service);
    if (folder->manifest.there && folder->manifest.yaml.value.type == QF_JSON_OBJECT)
        in.manifest = &folder->manifest.yaml.value;
    in.fields = qf_inspect_in(in.manifest, "fields");
    if (process != NULL && qf_bpmn_import(&folder->arena, bpmn, process->bytes, NULL) == QF_OK)
        in.bpmn = bpmn;
    qf_inspect_read_rules(&in);
    if (in.manifest != NULL) {
        check_roles(&in, qf_json_get(in.manifest, "open"), "open");
        check_roles(&in, qf_json_get(in.manifest, "withdraw"), "withdraw");
        check_participants(&in);
        check_capabilities(&in);
        check_messages(&in);
    }
    if (in.manifest != NULL)
        check_variables(&in);
    qf_inspect_foreign(&in);
    qf_inspect_forms(&in);
    qf_inspect_words(&in);
    if (folder->scenario.there && qf_shape_check(folder, &folder->scenario, &qf_shape_scenario))
        qf_inspect_scenario(&in);
    qf_inspect_rules(&in);
    if (in.manifest != NULL)
        compile(&in);
    else
        look_without_manifest(&in);
    if (qf_folder_find(folder, "scenario.yaml") == NULL)
        QF_FOLDER_WARNING(folder, "scenario.yaml", "", 0,
                          "is missing: nothing of the service is tried before it is deployed");
    if (qf_folder_find(folder, "README.md") == NULL)
        QF_FOLDER_WARNING(folder, "README.md", "", 0,
                          "is missing: say what the service is, who takes part, what it replaces");
}
