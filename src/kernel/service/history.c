/* What is kept of every step of a case, so that its history can be read from the log and nothing in
 * it is missing: the record names the leaves, and the record is proved by the state tree. */
#include "bpmn/xes.h"
#include "kernel/service/step.h"

static uint32_t count_of(const struct qf_service_step *step, const char *name)
{
    const struct qf_json *list = qf_json_get(&step->record, name);
    return list == NULL ? 0 : list->count;
}

/* Withdrawing a case and what time does always have room. */
enum qf_status qf_service_history_room(const struct qf_service_step *step, struct qf_error *err)
{
    const uint32_t room = step->idle ? QF_SERVICE_STEPS_MAX / 2 : QF_SERVICE_STEPS_MAX;
    if (step->ctx->signer == NULL || step->instance.state == QF_BPMN_WITHDRAWN ||
        count_of(step, "steps") < room)
        return QF_OK;
    if (step->idle)
        return qf_fail(err, QF_OVER_LIMIT, "case",
                       "the case has %u steps; only what brings it forward is taken now", room);
    return qf_fail(err, QF_OVER_LIMIT, "case", "the case has %u steps", room);
}

static int64_t node_number(uint16_t node)
{
    return node == QF_BPMN_NONE ? -1 : node;
}

/* [first, node] or [first, node, third] */
static void add_step(struct qf_service_step *step, struct qf_json *steps, int64_t first,
                     uint16_t node, const struct qf_json *third)
{
    struct qf_json item = qf_json_make_array();
    if (steps->count > QF_SERVICE_STEPS_MAX)
        return;
    qf_json_append(step->arena, &item, qf_json_make_int(first));
    qf_json_append(step->arena, &item, qf_json_make_int(node_number(node)));
    if (third != NULL)
        qf_json_append(step->arena, &item, *third);
    qf_json_append(step->arena, steps, item);
}

static void add_time(struct qf_service_step *step, struct qf_json *steps)
{
    for (const struct qf_bpmn_action *a = step->call.actions; a != NULL; a = a->next) {
        struct qf_json what = qf_json_make_text("timer");
        if (a->act == QF_BPMN_ACT_DEEMED)
            what = qf_json_make_slice(a->name);
        else if (a->act == QF_BPMN_ACT_ESCALATE)
            what = qf_json_make_text("escalated");
        else if (a->act != QF_BPMN_ACT_FIRED)
            continue;
        add_step(step, steps, step->ctx->time_ms, a->node, &what);
    }
}

/* What the ledger did by itself on the way: these tasks are done when a token has come to them, and
 * these messages are sent. */
static bool is_automatic(const struct qf_bpmn_node *node)
{
    bool notice = (node->kind == QF_BPMN_THROW || node->kind == QF_BPMN_END) &&
                  node->event == QF_BPMN_EVENT_MESSAGE;
    return notice || node->kind == QF_BPMN_SERVICE || node->kind == QF_BPMN_SCRIPT ||
           node->kind == QF_BPMN_SEND || (node->kind == QF_BPMN_RULE && !node->ext.sealed);
}

static void add_automatic(struct qf_service_step *step, struct qf_json *steps)
{
    const struct qf_op_context *ctx = step->ctx;
    bool time = ctx->signer == NULL;
    struct qf_json by = time ? qf_json_make_text("automatic") : qf_json_make_int(-1);
    for (const struct qf_bpmn_action *a = step->call.actions; a != NULL; a = a->next)
        if (a->act == QF_BPMN_ACT_MOVED && is_automatic(&step->model->bpmn.nodes[a->node]))
            add_step(step, steps, time ? ctx->time_ms : (int64_t)ctx->leaf, a->node, &by);
}

static struct qf_json copied(struct qf_service_step *step, const char *name)
{
    struct qf_json copy = qf_json_make_array();
    const struct qf_json *before = qf_json_get(&step->record, name);
    for (uint32_t i = 0; before != NULL && i < before->count; i++)
        qf_json_append(step->arena, &copy, before->items[i]);
    return copy;
}

/* The end events that the process itself has come to, each once: how the case came out. */
static void put_ends(struct qf_service_step *step, struct qf_json *record)
{
    struct qf_json ends = copied(step, "ends");
    const uint32_t before = ends.count;
    for (const struct qf_bpmn_action *a = step->call.actions; a != NULL; a = a->next) {
        if (a->act != QF_BPMN_ACT_MOVED || ends.count == QF_SERVICE_ENDS_MAX)
            continue;
        const struct qf_bpmn_node *node = &step->model->bpmn.nodes[a->node];
        bool known = node->kind != QF_BPMN_END || node->parent != QF_BPMN_NONE ||
                     node->process != step->instance.process;
        for (uint32_t i = 0; i < ends.count; i++)
            known = known || qf_slice_equal(qf_json_text(&ends.items[i]), node->id);
        if (!known)
            qf_json_append(step->arena, &ends, qf_json_make_slice(node->id));
    }
    if (ends.count > before)
        qf_json_put(step->arena, record, "ends", ends);
}

void qf_service_history_put(struct qf_service_step *step, struct qf_json *record)
{
    const struct qf_op_context *ctx = step->ctx;
    struct qf_json steps = copied(step, "steps");
    struct qf_json op = qf_json_make_int(ctx->op);
    if (ctx->signer == NULL)
        add_time(step, &steps);
    else
        add_step(step, &steps, (int64_t)ctx->leaf, step->about, ctx->op > 0 ? &op : NULL);
    add_automatic(step, &steps);
    put_ends(step, record);
    if (steps.count > 0)
        qf_json_put(step->arena, record, "steps", steps);
    if (step->deviation.type != QF_JSON_OBJECT)
        return;
    struct qf_json deviations = copied(step, "deviations");
    qf_json_append(step->arena, &deviations, step->deviation);
    qf_json_put(step->arena, record, "deviations", deviations);
}

enum qf_status qf_service_check_imported(const struct qf_service_step *step,
                                         const struct qf_json *body, struct qf_error *err)
{
    const struct qf_json *imported = qf_json_get(body, "imported");
    int64_t time_ms = 0;
    if (imported == NULL)
        return QF_OK;
    if (!step->model->imported)
        return qf_fail(err, QF_NOT_ALLOWED, "imported",
                       "the service's manifest does not say that its cases are brought in from "
                       "another system");
    const struct qf_json *time = qf_json_get(imported, "time");
    if (time == NULL)
        return QF_OK;
    if (!qf_xes_time(&time_ms, qf_json_text(time)))
        return qf_fail(err, QF_BAD_FIELD, "imported.time",
                       "must be a date and time, such as 2011-10-11T13:45:40.276+02:00");
    if (time_ms > step->ctx->time_ms)
        return qf_fail(err, QF_BAD_FIELD, "imported.time", "lies after the block's time");
    return QF_OK;
}
