/* What a case did of itself, left for subscribers: no op of a transaction names it. */
#include "kernel/service/step.h"

/* Names and ids of a model have no limit of their own that matters here; what is longer than any
 * that people write is left out. */
void qf_service_effect_text(struct qf_service_step *step, struct qf_json *effect, const char *name,
                            struct qf_slice text)
{
    if (text.size > 0 && text.size <= QF_ID_SIZE_MAX)
        qf_json_put(step->arena, effect, name, qf_json_make_slice(text));
}

struct qf_json qf_service_effect(struct qf_service_step *step, const char *type, uint16_t node)
{
    struct qf_json effect = qf_json_make_object();
    qf_json_put(step->arena, &effect, "case", qf_json_make_slice(step->id));
    qf_json_put(step->arena, &effect, "member", *qf_json_get(&step->record, "member"));
    if (node != QF_BPMN_NONE)
        qf_service_effect_text(step, &effect, "node", step->model->bpmn.nodes[node].id);
    qf_json_put(step->arena, &effect, "service", *qf_json_get(&step->record, "service"));
    qf_json_put(step->arena, &effect, "type", qf_json_make_text(type));
    qf_json_put(step->arena, &effect, "version", *qf_json_get(&step->record, "version"));
    return effect;
}

void qf_service_effect_put(struct qf_service_step *step, const struct qf_json *effect)
{
    qf_services_spend(step->ctx->services, QF_SERVICE_EFFECT_STEPS);
    qf_context_add_effect(step->ctx, effect);
}

/* An op says by itself that it ends its case; time and other cases' messages do not. */
static bool is_told(const struct qf_service_step *step, const struct qf_bpmn_action *action,
                    enum qf_event *event)
{
    bool of_itself = step->ctx->signer == NULL || step->ctx->services->delivering;
    enum qf_bpmn_act act = action->act;
    if (act == QF_BPMN_ACT_FIRED)
        *event = QF_EVENT_CASE_TIMER;
    else if (act == QF_BPMN_ACT_DEEMED)
        *event = QF_EVENT_TASK_DEEMED;
    else if (act == QF_BPMN_ACT_ESCALATE)
        *event = QF_EVENT_TASK_ESCALATED;
    else if (act == QF_BPMN_ACT_FINISHED && of_itself)
        *event = QF_EVENT_CASE_DONE;
    else if (act == QF_BPMN_ACT_FAILED && of_itself)
        *event = QF_EVENT_CASE_FAILED;
    else
        return false;
    return true;
}

void qf_service_effects(struct qf_service_step *step)
{
    for (const struct qf_bpmn_action *a = step->call.actions; a != NULL; a = a->next) {
        enum qf_event event;
        if (!is_told(step, a, &event))
            continue;
        struct qf_json effect = qf_service_effect(step, qf_event_name(event), a->node);
        if (event == QF_EVENT_TASK_DEEMED)
            qf_service_effect_text(step, &effect, "as", a->name);
        if (event == QF_EVENT_TASK_ESCALATED)
            qf_service_effect_text(step, &effect, "role", a->role);
        if (event == QF_EVENT_CASE_FAILED)
            qf_service_effect_text(step, &effect, "error", a->name);
        if (a->wait > 0)
            qf_json_put(step->arena, &effect, "task", qf_json_make_int(a->wait));
        qf_service_effect_put(step, &effect);
    }
}
