/* What a manifest says beside roles and fields: who may open, withdraw, send and appeal. Read when
 * a package is compiled; spec/service.md says what each member means. */
#include "kernel/service/service.h"

#define SHOWN(slice) (int)((slice).size > 60 ? 60 : (slice).size), (const char *)(slice).data

static enum qf_status bad(struct qf_error *err, const char *where, struct qf_slice name,
                          const char *text)
{
    return qf_fail(err, QF_BAD_FIELD, "package", "manifest.%s%s%.*s: %s", where,
                   name.size > 0 ? "." : "", SHOWN(name), text);
}

static bool is_role(const struct qf_service_model *model, struct qf_slice name)
{
    for (uint32_t i = 0; i < model->participants->count; i++)
        if (qf_slice_equal(qf_json_text(qf_json_get(&model->participants->items[i], "role")), name))
            return true;
    return false;
}

/* A list of declared roles, or nothing. */
static enum qf_status check_roles(const struct qf_service_model *model, const struct qf_json *roles,
                                  const char *where, struct qf_slice name, struct qf_error *err)
{
    if (roles == NULL)
        return QF_OK;
    if (roles->type != QF_JSON_ARRAY || roles->count == 0)
        return bad(err, where, name, "must be a list of roles");
    for (uint32_t i = 0; i < roles->count; i++)
        if (roles->items[i].type != QF_JSON_STRING ||
            !is_role(model, qf_json_text(&roles->items[i])))
            return bad(err, where, name, "names a role that is not among the participants");
    return QF_OK;
}

static enum qf_status check_message(const struct qf_service_model *model,
                                    const struct qf_json_member *message, struct qf_error *err)
{
    const struct qf_json *form = qf_json_get(&message->value, "form");
    const struct qf_json *services = qf_json_get(&message->value, "services");
    enum qf_status status =
        check_roles(model, qf_json_get(&message->value, "from"), "messages", message->key, err);
    if (status != QF_OK)
        return status;
    if (form != NULL &&
        (form->type != QF_JSON_STRING || qf_service_form_of(model, qf_json_text(form)) == NULL))
        return bad(err, "messages", message->key, "names a form that is not in the package");
    if (services != NULL && services->type != QF_JSON_ARRAY)
        return bad(err, "messages", message->key, "services must be a list of ids");
    for (uint32_t i = 0; services != NULL && i < services->count; i++)
        if (services->items[i].type != QF_JSON_STRING ||
            !qf_member_id_valid(qf_json_text(&services->items[i])))
            return bad(err, "messages", message->key, "services must be a list of ids");
    return QF_OK;
}

static enum qf_status check_leads(const struct qf_service_model *model, struct qf_error *err)
{
    for (uint32_t i = 0; i < model->participants->count; i++) {
        const struct qf_json *lead = qf_json_get(&model->participants->items[i], "lead_role");
        if (lead != NULL &&
            (lead->type != QF_JSON_STRING || lead->count == 0 || lead->count > QF_WORD_SIZE_MAX))
            return bad(err, "participants", qf_slice_of(""),
                       "lead_role must be a text of 1 to 64 bytes");
    }
    return QF_OK;
}

enum qf_status qf_service_check_capabilities(const struct qf_service_model *model,
                                             struct qf_error *err)
{
    const struct qf_json *list = qf_json_get(model->manifest, "capabilities");
    bool good = list == NULL || (list->type == QF_JSON_ARRAY && list->count <= 64);
    for (uint32_t i = 0; good && list != NULL && i < list->count; i++)
        good = list->items[i].type == QF_JSON_STRING && list->items[i].count > 0 &&
               list->items[i].count <= 128;
    return good ? QF_OK
                : bad(err, "capabilities", qf_slice_of(""),
                      "must be a list of at most 64 texts of 1 to 128 bytes");
}

enum qf_status qf_service_check_manifest(const struct qf_service_model *model, struct qf_error *err)
{
    const struct qf_json *messages = qf_json_get(model->manifest, "messages");
    const struct qf_slice none = qf_slice_of("");
    enum qf_status status = check_leads(model, err);
    if (status == QF_OK)
        status = check_roles(model, qf_json_get(model->manifest, "open"), "open", none, err);
    if (status == QF_OK)
        status =
            check_roles(model, qf_json_get(model->manifest, "withdraw"), "withdraw", none, err);
    if (status == QF_OK && messages != NULL && messages->type != QF_JSON_OBJECT)
        status = bad(err, "messages", none, "must be an object of messages by name");
    for (uint32_t i = 0; messages != NULL && status == QF_OK && i < messages->count; i++)
        status = check_message(model, &messages->members[i], err);
    const struct qf_json *appeal = qf_json_get(model->manifest, "appeal");
    if (status == QF_OK && appeal != NULL && appeal->type != QF_JSON_OBJECT)
        status = bad(err, "appeal", none, "must be an object");
    if (status == QF_OK && appeal != NULL)
        status = check_roles(model, qf_json_get(appeal, "by"), "appeal.by", none, err);
    return status == QF_OK ? qf_service_check_appeal(model, err) : status;
}

const struct qf_json *qf_service_message_of(const struct qf_service_model *model,
                                            struct qf_slice name)
{
    const struct qf_json *messages = qf_json_get(model->manifest, "messages");
    return messages == NULL ? NULL : qf_json_get_slice(messages, name);
}

struct qf_slice qf_service_message_form(const struct qf_service_model *model, struct qf_slice name)
{
    const struct qf_json *message = qf_service_message_of(model, name);
    const struct qf_json *form = message == NULL ? NULL : qf_json_get(message, "form");
    struct qf_slice none = {NULL, 0};
    return form == NULL ? none : qf_json_text(form);
}
