/* Reading and compiling packages. */
#include <stdlib.h>

#include "codec/text.h"
#include "kernel/service/decision.h"
#include "kernel/service/step.h"

#define SHOWN(slice) (int)((slice).size > 48 ? 48 : (slice).size), (const char *)(slice).data

static enum qf_status bad(struct qf_error *err, const char *fmt, struct qf_slice name)
{
    char text[120];
    size_t size = name.size < sizeof text - 1 ? name.size : sizeof text - 1;
    memcpy(text, name.data, size);
    text[size] = '\0';
    return qf_fail(err, QF_BAD_FIELD, "package", "%s: %s", text, fmt);
}

/* ---- manifest ---- */

static bool is_texts(const struct qf_json *value)
{
    if (value == NULL)
        return true;
    if (value->type != QF_JSON_ARRAY || value->count == 0)
        return false;
    for (uint32_t i = 0; i < value->count; i++)
        if (value->items[i].type != QF_JSON_STRING)
            return false;
    return true;
}

static enum qf_status read_participants(struct qf_service_model *model,
                                        const struct qf_json *manifest, struct qf_error *err)
{
    const struct qf_json *list = qf_json_get(manifest, "participants");
    if (list == NULL || list->type != QF_JSON_ARRAY || list->count == 0 || list->count > 256)
        return bad(err, "must be a list of 1 to 256 roles", qf_slice_of("manifest.participants"));
    for (uint32_t i = 0; i < list->count; i++) {
        const struct qf_json *role = qf_json_get(&list->items[i], "role");
        const struct qf_json *actor_role = qf_json_get(&list->items[i], "actor_role");
        if (role == NULL || role->type != QF_JSON_STRING || !qf_member_id_valid(qf_json_text(role)))
            return bad(err, "every participant needs a role, 1 to 48 of A-Z a-z 0-9 . _ -",
                       qf_slice_of("manifest.participants"));
        if (!is_texts(qf_json_get(&list->items[i], "kinds")) ||
            !is_texts(qf_json_get(&list->items[i], "members")) ||
            (actor_role != NULL && actor_role->type != QF_JSON_STRING))
            return bad(err, "kinds and members are lists of texts, actor_role is a text",
                       qf_json_text(role));
    }
    model->participants = list;
    return QF_OK;
}

static enum qf_status read_field(struct qf_service_field *out, const struct qf_json_member *member,
                                 struct qf_error *err)
{
    const struct qf_json *type = qf_json_get(&member->value, "type");
    const struct qf_json *max = qf_json_get(&member->value, "max");
    const struct qf_json *sealed = qf_json_get(&member->value, "sealed");
    *out = (struct qf_service_field){.name = member->key, .size_max = QF_TEXT_SIZE_MAX};
    if (type != NULL && type->type == QF_JSON_STRING)
        out->type = qf_feel_type_named(qf_json_text(type));
    if (out->type == NULL)
        return bad(err, "the field needs a type of FEEL, such as string, number or date",
                   member->key);
    if (max != NULL &&
        (max->type != QF_JSON_INT || max->integer < 1 || max->integer > QF_TEXT_SIZE_MAX))
        return bad(err, "max must be 1 to 4096 bytes", member->key);
    if (max != NULL)
        out->size_max = max->integer;
    out->sealed = sealed != NULL && sealed->type == QF_JSON_TRUE;
    return QF_OK;
}

static enum qf_status read_fields(struct qf_service_model *model, const struct qf_json *manifest,
                                  struct qf_error *err)
{
    const struct qf_json *fields = qf_json_get(manifest, "fields");
    if (fields == NULL)
        return QF_OK;
    if (fields->type != QF_JSON_OBJECT || fields->count > QF_SERVICE_FIELDS_MAX)
        return bad(err, "must be an object of at most 256 fields", qf_slice_of("manifest.fields"));
    model->fields = QF_ARENA_ARRAY(&model->arena, struct qf_service_field, fields->count + 1);
    for (uint32_t i = 0; i < fields->count; i++) {
        enum qf_status status = read_field(&model->fields[i], &fields->members[i], err);
        if (status != QF_OK)
            return status;
        model->field_count++;
    }
    return QF_OK;
}

static enum qf_status read_switch(bool *out, const struct qf_json *manifest, const char *name,
                                  struct qf_error *err)
{
    const struct qf_json *value = qf_json_get(manifest, name);
    *out = value != NULL && value->type == QF_JSON_TRUE;
    if (value != NULL && value->type != QF_JSON_TRUE && value->type != QF_JSON_FALSE)
        return bad(err, "must be true or false", qf_slice_of(name));
    return QF_OK;
}

/* ---- decisions ---- */

struct first_problem {
    bool found;
    const struct qf_service_reporter *reporter;
    struct qf_error *err;
};

struct qf_service_problem qf_service_rule_problem(const struct qf_dmn_problem *problem)
{
    return (struct qf_service_problem){.error = problem->error,
                                       .file = problem->file,
                                       .id = qf_slice_of(problem->element),
                                       .line = problem->line,
                                       .column = problem->column,
                                       .text = problem->message};
}

static void take_problem(void *self, const struct qf_dmn_problem *problem)
{
    struct first_problem *first = self;
    const struct qf_service_problem found = qf_service_rule_problem(problem);
    if (first->reporter != NULL)
        first->reporter->report(first->reporter->self, &found);
    if (!problem->error || first->found)
        return;
    first->found = true;
    (void)qf_fail(first->err, QF_BAD_FIELD, "package", "%s, %.60s, line %u, column %u: %s",
                  problem->file, problem->element, problem->line, problem->column,
                  problem->message);
}

/* N of "… line N"; 0: there is none. */
static uint32_t line_in(const char *field)
{
    uint32_t line = 0;
    const char *at = strstr(field, "line ");
    for (at = at == NULL ? "" : at + 5; *at >= '0' && *at <= '9'; at++)
        line = line * 10 + (uint32_t)(*at - '0');
    return line;
}

static enum qf_status compile_rules(struct qf_service_model *model, struct qf_error *err)
{
    const struct qf_json *text = qf_json_get(model->files, "rules.dmn");
    if (text == NULL)
        return QF_OK;
    struct qf_dmn_file file = {"rules.dmn", qf_json_text(text)};
    struct first_problem first = {false, model->reporter, err};
    struct qf_dmn_reporter reporter = {take_problem, &first};
    enum qf_status status = qf_dmn_compile(&model->arena, &model->dmn, &file, 1, &reporter, err);
    if (status != QF_OK) {
        const struct qf_service_problem unreadable = {
            .error = true, .file = file.name, .line = line_in(err->field), .text = err->detail};
        if (model->reporter != NULL)
            model->reporter->report(model->reporter->self, &unreadable);
        model->dmn = NULL;
        qf_error_within(err, "rules.dmn");
    } else if (qf_dmn_errors(model->dmn) > 0)
        status = QF_BAD_FIELD;
    else
        qf_service_rulings_init(model);
    return status;
}

/* ---- process ---- */

static bool declared_variable(void *self, struct qf_slice name)
{
    const struct qf_service_model *model = self;
    for (uint32_t i = 0; i < model->field_count; i++)
        if (qf_slice_equal(model->fields[i].name, name))
            return true;
    return false;
}

static bool declared_decision(void *self, struct qf_slice name)
{
    const struct qf_service_model *model = self;
    return model->dmn != NULL &&
           qf_dmn_find(model->dmn, (struct qf_slice){0}, QF_DMN_DECISION, name) != NULL;
}

const struct qf_json *qf_service_form_of(const struct qf_service_model *model, struct qf_slice name)
{
    static const char folder[] = {'s', 'c', 'h', 'e', 'm', 'a', 's', '/'};
    char path[sizeof folder + QF_ID_SIZE_MAX];
    if (name.size == 0 || name.size > QF_ID_SIZE_MAX)
        return NULL;
    memcpy(path, folder, sizeof folder);
    memcpy(path + sizeof folder, name.data, name.size);
    return qf_json_get_slice(model->files, qf_slice_make(path, sizeof folder + name.size));
}

static bool declared_form(void *self, struct qf_slice name)
{
    const struct qf_service_model *model = self;
    return qf_service_form_of(model, name) != NULL;
}

static bool declared_role(void *self, struct qf_slice name)
{
    const struct qf_service_model *model = self;
    for (uint32_t i = 0; i < model->participants->count; i++)
        if (qf_slice_equal(qf_json_text(qf_json_get(&model->participants->items[i], "role")), name))
            return true;
    return false;
}

/* What the process language has and services do not do. */
static void refuse_unserved(struct qf_bpmn_model *bpmn)
{
    for (uint16_t i = 0; i < bpmn->node_count; i++) {
        const struct qf_bpmn_node *node = &bpmn->nodes[i];
        if (qf_service_is_work(node) && qf_bpmn_role(bpmn, node).size == 0)
            qf_bpmn_report(bpmn, QF_BPMN_WRONG, node->xml,
                           "nobody may do this task: put it into a lane, or give it qf:who");
    }
}

static void tell_problems(const struct qf_service_model *model)
{
    for (const struct qf_bpmn_problem *p = model->bpmn.problems; p != NULL; p = p->next) {
        const struct qf_service_problem found = {.error = p->severity != QF_BPMN_NOTE,
                                                 .file = "process.bpmn",
                                                 .element = p->element,
                                                 .id = p->id,
                                                 .line = p->line,
                                                 .text = p->text};
        model->reporter->report(model->reporter->self, &found);
    }
}

static enum qf_status first_obstacle(const struct qf_bpmn_model *bpmn, struct qf_error *err)
{
    for (const struct qf_bpmn_problem *p = bpmn->problems; p != NULL; p = p->next)
        if (p->severity != QF_BPMN_NOTE)
            return qf_fail(err, QF_BAD_FIELD, "package", "process.bpmn, %.*s %.*s, line %u: %s",
                           SHOWN(p->element), SHOWN(p->id), p->line, p->text);
    return QF_OK;
}

static void declare_fields(struct qf_service_model *model)
{
    struct qf_feel_variable *open =
        QF_ARENA_ARRAY(&model->arena, struct qf_feel_variable, model->field_count + 1);
    struct qf_slice *sealed =
        QF_ARENA_ARRAY(&model->arena, struct qf_slice, model->field_count + 1);
    uint32_t open_count = 0;
    model->feel.sealed = sealed;
    for (uint32_t i = 0; i < model->field_count; i++) {
        const struct qf_service_field *field = &model->fields[i];
        if (field->sealed)
            sealed[model->feel.sealed_count++] = field->name;
        else
            open[open_count++] = (struct qf_feel_variable){field->name, field->type};
    }
    qf_bpmn_feel_init(&model->feel, &model->arena, &model->bpmn, open, open_count,
                      qf_slice_of(QF_SERVICE_ZONE));
}

static enum qf_status compile_process(struct qf_service_model *model, struct qf_error *err)
{
    const struct qf_json *text = qf_json_get(model->files, "process.bpmn");
    if (text == NULL)
        return bad(err, "is missing", qf_slice_of("process.bpmn"));
    enum qf_status status = qf_bpmn_import(&model->arena, &model->bpmn, qf_json_text(text), err);
    if (status != QF_OK) {
        qf_error_within(err, "process.bpmn");
        return status;
    }
    const bool whole = qf_bpmn_obstacles(&model->bpmn) == 0;
    declare_fields(model);
    qf_bpmn_prepare(&model->program, &model->bpmn, qf_bpmn_feel_expr(&model->feel));
    refuse_unserved(&model->bpmn);
    qf_service_check_sealed(model);
    qf_service_check_types(model);
    qf_service_check_ops(model);
    struct qf_bpmn_declared declared = {.variable = declared_variable,
                                        .decision = declared_decision,
                                        .form = declared_form,
                                        .role = declared_role,
                                        .self = model};
    struct qf_bpmn_soundness soundness;
    if (model->dmn == NULL && qf_json_get(model->files, "rules.dmn") != NULL)
        declared.decision = NULL; /* nobody knows which there are */
    /* Of a model that could not be read as a whole, more would mislead. */
    if (whole)
        qf_bpmn_check(&model->program, &model->bpmn, &declared, QF_SERVICE_STATES_MAX, &soundness);
    if (model->reporter != NULL)
        tell_problems(model);
    status = first_obstacle(&model->bpmn, err);
    if (status == QF_OK && model->bpmn.main == QF_BPMN_NONE)
        status = bad(err, "has no process that can be executed", qf_slice_of("process.bpmn"));
    return status;
}

/* ---- the whole ---- */

static enum qf_status read_files(struct qf_service_model *model, struct qf_error *err)
{
    if (model->files == NULL || model->files->type != QF_JSON_OBJECT)
        return bad(err, "must be an object of file names and texts", qf_slice_of("files"));
    for (uint32_t i = 0; i < model->files->count; i++) {
        const struct qf_json_member *file = &model->files->members[i];
        if (file->value.type == QF_JSON_STRING)
            continue;
        bool schema = file->key.size > 8 && memcmp(file->key.data, "schemas/", 8) == 0;
        if (!schema)
            return bad(err, "must be a text", file->key);
        enum qf_status status = qf_service_check_form(model, &file->value, file->key, err);
        if (status != QF_OK)
            return status;
    }
    return QF_OK;
}

static enum qf_status read_switches(struct qf_service_model *model, const struct qf_json *manifest,
                                    struct qf_error *err)
{
    enum qf_status status = read_switch(&model->unplanned, manifest, "unplanned", err);
    return status == QF_OK ? read_switch(&model->imported, manifest, "imported", err) : status;
}

static enum qf_status read_manifest(struct qf_service_model *model, const struct qf_json *package,
                                    struct qf_error *err)
{
    const struct qf_json *manifest = qf_json_get(package, "manifest");
    if (qf_json_get_text(package, "id", &model->id, err) != QF_OK ||
        qf_json_get_text(package, "version", &model->version, err) != QF_OK) {
        qf_error_within(err, "package");
        return QF_BAD_FIELD;
    }
    if (!qf_member_id_valid(model->id) || !qf_member_id_valid(model->version))
        return bad(err, "id and version are 1 to 48 of A-Z a-z 0-9 . _ -", model->id);
    if (manifest == NULL || manifest->type != QF_JSON_OBJECT)
        return bad(err, "is missing", qf_slice_of("manifest"));
    model->files = qf_json_get(package, "files");
    model->manifest = manifest;
    enum qf_status status = read_switches(model, manifest, err);
    if (status == QF_OK)
        status = qf_service_check_capabilities(model, err);
    if (status == QF_OK)
        status = read_participants(model, manifest, err);
    return status == QF_OK ? read_fields(model, manifest, err) : status;
}

static enum qf_status compile(struct qf_service_model *model, struct qf_slice package,
                              struct qf_error *err)
{
    struct qf_json *json = qf_arena_alloc(&model->arena, sizeof *json);
    enum qf_status status = qf_json_parse(
        &model->arena, json, qf_arena_copy(&model->arena, package), QF_JSON_CANONICAL, err);
    if (status != QF_OK) {
        qf_error_within(err, "package");
        return status;
    }
    status = read_manifest(model, json, err);
    if (status == QF_OK)
        status = read_files(model, err);
    if (status != QF_OK)
        return status;
    /* The first failure stands; who is told of everything hears of the process as well. */
    status = compile_rules(model, err);
    if (status == QF_OK) {
        status = compile_process(model, err);
        return status == QF_OK ? qf_service_check_manifest(model, err) : status;
    }
    if (model->reporter != NULL)
        (void)!compile_process(model, NULL);
    return status;
}

enum qf_status qf_service_inspect(struct qf_service_model **out, struct qf_slice package,
                                  struct qf_slice hash, const struct qf_service_reporter *reporter,
                                  struct qf_error *err)
{
    struct qf_service_model *model = calloc(1, sizeof *model);
    QF_ASSERT(model != NULL && hash.size < sizeof model->hash);
    memcpy(model->hash, hash.data, hash.size);
    model->reporter = reporter;
    struct qf_error own = {0};
    enum qf_status status = compile(model, package, &own);
    model->reporter = NULL;
    if (status != QF_OK) {
        qf_service_free(model);
        if (err != NULL)
            *err = own;
        return status;
    }
    *out = model;
    return QF_OK;
}

enum qf_status qf_service_compile(struct qf_service_model **out, struct qf_slice package,
                                  struct qf_slice hash, struct qf_error *err)
{
    return qf_service_inspect(out, package, hash, NULL, err);
}

void qf_service_free(struct qf_service_model *model)
{
    if (model == NULL)
        return;
    qf_arena_deinit(&model->arena);
    free(model);
}

/* ---- what is kept ---- */

void qf_services_deinit(struct qf_services *services)
{
    qf_services_forget(services);
    qf_arena_deinit(&services->scratch);
}

static void put_first(struct qf_services *services, size_t at, struct qf_service_model *model)
{
    memmove(&services->models[1], &services->models[0], at * sizeof services->models[0]);
    services->models[0] = model;
}

static const struct qf_service_model *find(struct qf_services *services, struct qf_slice hash)
{
    for (size_t i = 0; i < services->count; i++)
        if (qf_slice_is(hash, services->models[i]->hash)) {
            put_first(services, i, services->models[i]);
            return services->models[0];
        }
    return NULL;
}

static void keep(struct qf_services *services, struct qf_service_model *model)
{
    if (services->count == QF_SERVICE_MODELS_MAX)
        qf_service_free(services->models[--services->count]);
    put_first(services, services->count++, model);
}

enum qf_status qf_services_compile(struct qf_services *services,
                                   const struct qf_service_model **out, struct qf_slice package,
                                   struct qf_slice hash, struct qf_error *err)
{
    *out = find(services, hash);
    if (*out != NULL && (*out)->problem.status == QF_OK)
        return QF_OK;
    struct qf_service_model *model;
    enum qf_status status = qf_service_compile(&model, package, hash, err);
    if (status != QF_OK)
        return status;
    model->feel.zone = qf_arena_copy(&model->arena, qf_slice_of(services->zone));
    keep(services, model);
    *out = model;
    return QF_OK;
}

void qf_services_forget(struct qf_services *services)
{
    for (size_t i = 0; i < services->count; i++)
        qf_service_free(services->models[i]);
    services->count = 0;
}

/* What was compiled when it was deployed may be refused by later software. Its service then stands
 * still: every op on its cases is refused, its timers rest with the reason, the block goes on. */
static const struct qf_service_model *broken(struct qf_services *services, struct qf_slice hash,
                                             const struct qf_error *why)
{
    struct qf_service_model *model = calloc(1, sizeof *model);
    QF_ASSERT(model != NULL && hash.size < sizeof model->hash);
    memcpy(model->hash, hash.data, hash.size);
    model->problem = *why;
    keep(services, model);
    return model;
}

enum qf_status qf_services_model(struct qf_op_context *ctx, const struct qf_service_model **out,
                                 struct qf_slice service, struct qf_slice version,
                                 struct qf_error *err)
{
    struct qf_state_key at;
    qf_services_zone(ctx);
    qf_state_key_make2(&at, QF_STATE_SERVICE_VERSION, service, version);
    const struct qf_json *record = qf_record_get(&ctx->state, &ctx->services->scratch, &at);
    if (record == NULL)
        return qf_fail(err, QF_NOT_FOUND, "version", "there is no such version of the service");
    struct qf_slice hash = qf_record_text(record, "hash");
    *out = find(ctx->services, hash);
    if (*out == NULL) {
        struct qf_slice package;
        struct qf_error why = {0};
        qf_state_key_make2(&at, QF_STATE_SERVICE_PACKAGE, service, version);
        bool stored = qf_overlay_get(ctx->overlay, qf_state_key_slice(&at), &package);
        QF_ASSERT(stored);
        if (qf_services_compile(ctx->services, out, package, hash, &why) != QF_OK)
            *out = broken(ctx->services, hash, &why);
    }
    if ((*out)->problem.status == QF_OK)
        return QF_OK;
    return qf_fail(err, QF_WRONG_STATE, "service",
                   "version %.*s does not compile under this software and stands still: %s",
                   QF_SLICE_ARGS(version), (*out)->problem.detail);
}
