/* What is kept beside a case so that it is found: its open tasks in the work lists, when its next
 * thing falls due, and where it stands among the cases of its service. All follow from the record.
 */
#include "kernel/lookup.h"
#include "kernel/service/step.h"

static int64_t due_of(const struct qf_bpmn_instance *instance, const struct qf_bpmn_wait *wait)
{
    for (uint32_t i = 0; i < instance->timer_count; i++)
        if (instance->timers[i].owner == wait->id && instance->timers[i].node == wait->node)
            return instance->timers[i].due_ms;
    return INT64_MAX;
}

/* What somebody in a role has to do: a task, or a sealed decision. */
static bool is_listed(const struct qf_bpmn_node *node)
{
    return qf_service_is_work(node) || node->kind == QF_BPMN_RULE;
}

uint32_t qf_service_lists_tasks(struct qf_service_step *step, struct qf_service_task **out)
{
    const struct qf_bpmn_instance *instance = &step->instance;
    *out = QF_ARENA_ARRAY(step->arena, struct qf_service_task, instance->wait_count + 1);
    uint32_t count = 0;
    for (uint32_t i = 0; i < instance->wait_count; i++) {
        const struct qf_bpmn_wait *wait = &instance->waits[i];
        if (!is_listed(&step->model->bpmn.nodes[wait->node]))
            continue;
        (*out)[count++] = (struct qf_service_task){
            .id = wait->id,
            .node = wait->node,
            .escalated = wait->escalated,
            .holder = qf_arena_copy(step->arena, wait->holder),
            .due_ms = instance->timer_count == 0 ? INT64_MAX : due_of(instance, wait),
            .opened_ms = wait->opened_ms,
        };
    }
    return count;
}

/* Numbers ascend in both lists. */
static const struct qf_service_task *find_task(const struct qf_service_task *tasks, uint32_t count,
                                               uint32_t id)
{
    uint32_t low = 0, high = count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (tasks[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && tasks[low].id == id ? &tasks[low] : NULL;
}

static struct qf_task_lookup entry_of(const struct qf_service_step *step,
                                      const struct qf_service_task *task)
{
    const struct qf_bpmn_node *node = &step->model->bpmn.nodes[task->node];
    static const struct qf_slice none = {NULL, 0};
    bool decides =
        node->kind == QF_BPMN_RULE && node->ext.decision.size <= QF_SERVICE_NAME_SIZE_MAX;
    return (struct qf_task_lookup){
        .role = qf_bpmn_role(&step->model->bpmn, node),
        .service = step->model->id,
        .case_id = step->id,
        .holder = task->holder,
        .node = node->id.size <= QF_SERVICE_NAME_SIZE_MAX ? node->id : none,
        .name = node->name.size <= QF_SERVICE_NAME_SIZE_MAX ? node->name : none,
        .decision = decides ? node->ext.decision : none,
        .task = task->id,
        .escalated = task->escalated,
        .due_ms = task->due_ms,
        .opened_ms = task->opened_ms,
    };
}

static void change(struct qf_service_step *step, enum qf_task_list list,
                   const struct qf_task_lookup *entry, bool there)
{
    struct qf_state_key at;
    qf_services_spend(step->ctx->services, QF_SERVICE_LIST_STEPS);
    qf_lookup_task_key(&at, list, entry);
    if (there)
        qf_overlay_put_lookup(step->ctx->overlay, qf_state_key_slice(&at),
                              qf_buf_slice(step->ctx->text));
    else
        qf_overlay_remove_lookup(step->ctx->overlay, qf_state_key_slice(&at));
}

static void change_task(struct qf_service_step *step, const struct qf_service_task *task,
                        bool there)
{
    struct qf_task_lookup entry = entry_of(step, task);
    struct qf_slice second = step->model->bpmn.nodes[task->node].ext.deadline.to;
    if (there)
        qf_lookup_task_value(step->ctx->text, &entry);
    change(step, QF_TASKS_BY_ROLE, &entry, there);
    change(step, QF_TASKS_BY_SERVICE, &entry, there);
    if (entry.holder.size > 0)
        change(step, QF_TASKS_BY_HOLDER, &entry, there);
    if (!task->escalated || second.size == 0 || qf_slice_equal(second, entry.role))
        return;
    entry.role = second;
    if (there)
        qf_lookup_task_value(step->ctx->text, &entry);
    change(step, QF_TASKS_BY_ROLE, &entry, there);
}

static bool same_task(const struct qf_service_task *a, const struct qf_service_task *b)
{
    return a->escalated == b->escalated && a->due_ms == b->due_ms &&
           qf_slice_equal(a->holder, b->holder);
}

static void update_tasks(struct qf_service_step *step)
{
    struct qf_service_task *now;
    uint32_t count = qf_service_lists_tasks(step, &now);
    for (uint32_t i = 0; i < step->before_count; i++) {
        const struct qf_service_task *old = &step->before[i];
        const struct qf_service_task *new = find_task(now, count, old->id);
        if (new == NULL || !same_task(old, new))
            change_task(step, old, false);
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct qf_service_task *old = find_task(step->before, step->before_count, now[i].id);
        if (old == NULL || !same_task(old, &now[i]))
            change_task(step, &now[i], true);
    }
}

static int64_t due_in(const struct qf_json *record)
{
    const struct qf_json *timer = qf_json_get(record, "timer");
    return timer == NULL ? INT64_MAX : timer->integer;
}

static void update_due(struct qf_service_step *step, const struct qf_json *record)
{
    struct qf_state_key at;
    int64_t before = due_in(&step->record), now = due_in(record);
    if (before == now)
        return;
    if (before != INT64_MAX) {
        qf_lookup_due_key(&at, before, step->id);
        qf_overlay_remove_lookup(step->ctx->overlay, qf_state_key_slice(&at));
    }
    if (now != INT64_MAX) {
        struct qf_services *services = step->ctx->services;
        services->due_ms = now < services->due_ms ? now : services->due_ms;
        qf_lookup_due_key(&at, now, step->id);
        qf_overlay_put_lookup(step->ctx->overlay, qf_state_key_slice(&at), (struct qf_slice){0});
    }
}

static void case_key(struct qf_state_key *at, const struct qf_service_step *step,
                     const struct qf_json *record)
{
    qf_lookup_case_key(at, step->model->id, qf_record_text(record, "status"),
                       (uint64_t)qf_record_int(record, "leaf"), step->id);
}

static void update_case(struct qf_service_step *step, const struct qf_json *record)
{
    const struct qf_json *before = qf_json_get(&step->record, "status");
    struct qf_state_key at;
    if (before != NULL && qf_slice_equal(qf_json_text(before), qf_record_text(record, "status")))
        return;
    if (before != NULL) {
        case_key(&at, step, &step->record);
        qf_overlay_remove_lookup(step->ctx->overlay, qf_state_key_slice(&at));
    }
    case_key(&at, step, record);
    qf_overlay_put_lookup(step->ctx->overlay, qf_state_key_slice(&at), (struct qf_slice){0});
}

void qf_service_lists_close(struct qf_service_step *step)
{
    for (uint32_t i = 0; i < step->before_count; i++)
        change_task(step, &step->before[i], false);
    step->before_count = 0;
}

void qf_service_lists_halt(struct qf_service_step *step, const struct qf_json *record)
{
    update_due(step, record);
}

void qf_service_lists_update(struct qf_service_step *step, const struct qf_json *record)
{
    update_tasks(step);
    update_due(step, record);
    update_case(step, record);
}
