#include "bpmn/run_internal.h"

/* --- arrays that grow, in order of numbers --- */

static enum qf_status room_for(struct run *run, void **items, uint32_t *room, uint32_t count,
                               size_t size, const char *what)
{
    if (count >= QF_BPMN_WAITING_MAX)
        return qf_run_fail(run, QF_OVER_LIMIT, QF_BPMN_NONE, "too many %s at once (limit %d)", what,
                           QF_BPMN_WAITING_MAX);
    if (count < *room)
        return QF_OK;
    uint32_t more = *room < 4 ? 8 : *room * 2;
    void *grown = qf_arena_alloc(run->arena, more * size);
    if (count > 0)
        memcpy(grown, *items, count * size);
    *items = grown;
    *room = more;
    return QF_OK;
}

struct qf_bpmn_scope *qf_run_scope(struct run *run, uint32_t id)
{
    uint32_t low = 0, high = run->now.scope_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (run->now.scopes[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    QF_ASSERT(low < run->now.scope_count && run->now.scopes[low].id == id);
    return &run->now.scopes[low];
}

struct qf_bpmn_wait *qf_run_wait(struct run *run, uint32_t id)
{
    for (uint32_t i = 0; i < run->now.wait_count; i++)
        if (run->now.waits[i].id == id)
            return &run->now.waits[i];
    return NULL;
}

enum qf_status qf_run_add_scope(struct run *run, enum qf_bpmn_scope_kind kind, uint16_t node,
                                uint32_t parent, uint32_t *id)
{
    void *items = run->now.scopes;
    RUN_TRY(room_for(run, &items, &run->scope_room, run->now.scope_count, sizeof *run->now.scopes,
                     "scopes"));
    run->now.scopes = items;
    *id = run->now.serial++;
    run->now.scopes[run->now.scope_count++] =
        (struct qf_bpmn_scope){.id = *id,
                               .parent = parent,
                               .node = node,
                               .kind = (uint8_t)kind,
                               .locals = {.type = QF_JSON_NULL}};
    return QF_OK;
}

enum qf_status qf_run_add_wait(struct run *run, uint16_t node, uint32_t scope, uint32_t *id)
{
    void *items = run->now.waits;
    RUN_TRY(room_for(run, &items, &run->wait_room, run->now.wait_count, sizeof *run->now.waits,
                     "tasks and events"));
    run->now.waits = items;
    *id = run->now.serial++;
    run->now.waits[run->now.wait_count++] = (struct qf_bpmn_wait){
        .id = *id, .scope = scope, .node = node, .opened_ms = run->call->now_ms};
    return QF_OK;
}

enum qf_status qf_run_add_join(struct run *run, uint16_t flow, uint32_t scope)
{
    for (uint32_t i = 0; i < run->now.join_count; i++) {
        struct qf_bpmn_join *join = &run->now.joins[i];
        if (join->flow != flow || join->scope != scope)
            continue;
        if (join->count == QF_BPMN_WAITING_MAX)
            return qf_run_fail(run, QF_OVER_LIMIT, QF_BPMN_NONE, "too many tokens at a join");
        join->count++;
        return QF_OK;
    }
    void *items = run->now.joins;
    RUN_TRY(room_for(run, &items, &run->join_room, run->now.join_count, sizeof *run->now.joins,
                     "joins"));
    run->now.joins = items;
    run->now.joins[run->now.join_count++] =
        (struct qf_bpmn_join){.scope = scope, .flow = flow, .count = 1};
    return QF_OK;
}

static enum qf_status put_timer(struct run *run, struct qf_bpmn_timer timer)
{
    void *items = run->now.timers;
    RUN_TRY(room_for(run, &items, &run->timer_room, run->now.timer_count, sizeof *run->now.timers,
                     "timers"));
    run->now.timers = items;
    run->now.timers[run->now.timer_count++] = timer;
    qf_run_act(run, QF_BPMN_ACT_TIMER, timer.node, timer.owner)->due_ms = timer.due_ms;
    return QF_OK;
}

enum qf_status qf_run_add_timer(struct run *run, uint32_t owner, uint16_t node, uint32_t scope)
{
    struct qf_bpmn_timer timer = {.owner = owner, .node = node};
    RUN_TRY(qf_run_timer_due(run, node, scope, &timer.due_ms, &timer.interval_ms, &timer.left));
    return put_timer(run, timer);
}

enum qf_status qf_run_add_deadline(struct run *run, uint32_t wait, uint16_t node, uint32_t scope)
{
    const struct qf_bpmn_deadline *deadline = &run_node(run, node)->ext.deadline;
    struct qf_bpmn_timer timer = {.owner = wait, .node = node};
    struct qf_json context = qf_run_context(run, scope, NULL);
    struct qf_json days;
    RUN_TRY(qf_run_evaluate(run, node, &deadline->days, &context, &days));
    int64_t count = days.type == QF_JSON_INT ? days.integer : -1;
    if (days.type == QF_JSON_STRING && days.count > 0 && days.count < 7) {
        count = 0;
        for (uint32_t i = 0; i < days.count && count >= 0; i++)
            count =
                days.text[i] >= '0' && days.text[i] <= '9' ? count * 10 + (days.text[i] - '0') : -1;
    }
    if (count < 0 || qf_calendar_due(run->call->calendar, &timer.due_ms, run->call->now_ms,
                                     (struct qf_term){count, deadline->working, true}) != QF_OK)
        return qf_run_fail(run, QF_RULE_ERROR, node, "the deadline's days are no number of days");
    return put_timer(run, timer);
}

/* --- taking away --- */

void qf_run_drop_timers(struct run *run, uint32_t owner)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < run->now.timer_count; i++)
        if (run->now.timers[i].owner != owner)
            run->now.timers[kept++] = run->now.timers[i];
    run->now.timer_count = kept;
}

void qf_run_drop_wait(struct run *run, uint32_t id)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < run->now.wait_count; i++) {
        if (run->now.waits[i].id == id)
            qf_run_act(run, QF_BPMN_ACT_CLOSED, run->now.waits[i].node, id);
        else
            run->now.waits[kept++] = run->now.waits[i];
    }
    run->now.wait_count = kept;
    qf_run_drop_timers(run, id);
}

bool qf_run_is_inside(struct run *run, uint32_t scope, uint32_t outer)
{
    while (scope != outer && scope != 0)
        scope = qf_run_scope(run, scope)->parent;
    return scope == outer;
}

void qf_run_cancel(struct run *run, uint32_t scope, bool self)
{
    for (uint32_t i = run->now.wait_count; i-- > 0;)
        if (qf_run_is_inside(run, run->now.waits[i].scope, scope))
            qf_run_drop_wait(run, run->now.waits[i].id);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < run->now.join_count; i++)
        if (!qf_run_is_inside(run, run->now.joins[i].scope, scope))
            run->now.joins[kept++] = run->now.joins[i];
    run->now.join_count = kept;
    uint32_t moves = run->move_count;
    for (uint32_t i = 0; i < moves; i++) {
        struct run_move move = run->moves[run->move_first++ % run->move_room];
        run->move_count--;
        if (!qf_run_is_inside(run, move.scope, scope))
            run->moves[(run->move_first + run->move_count++) % run->move_room] = move;
    }
    /* Children have greater numbers than their parents: from the end nothing loses its parent. */
    for (uint32_t i = run->now.scope_count; i-- > 0;) {
        uint32_t id = run->now.scopes[i].id;
        if ((id == scope && !self) || !qf_run_is_inside(run, id, scope))
            continue;
        qf_run_drop_timers(run, id);
        memmove(&run->now.scopes[i], &run->now.scopes[i + 1],
                (run->now.scope_count - i - 1) * sizeof *run->now.scopes);
        run->now.scope_count--;
    }
}

void qf_run_interrupt(struct run *run, uint32_t owner, uint32_t *scope)
{
    const struct qf_bpmn_wait *wait = qf_run_wait(run, owner);
    if (wait != NULL) {
        *scope = wait->scope;
        qf_run_drop_wait(run, owner);
        return;
    }
    *scope = qf_run_scope(run, owner)->parent;
    qf_run_cancel(run, owner, true);
}

/* --- boundary events and event subprocesses --- */

enum qf_status qf_run_attach(struct run *run, uint32_t owner, uint16_t node, uint32_t scope)
{
    uint16_t at = run_node(run, node)->first_attached;
    for (; at != QF_BPMN_NONE; at = run_node(run, at)->next_attached) {
        const struct qf_bpmn_node *event = run_node(run, at);
        if (event->event == QF_BPMN_EVENT_TIMER)
            RUN_TRY(qf_run_add_timer(run, owner, at, scope));
        else if (event->event == QF_BPMN_EVENT_MESSAGE)
            qf_run_act(run, QF_BPMN_ACT_LISTEN, at, owner)->name = event->message;
    }
    return QF_OK;
}

/* The subprocess node that a scope executes (none for a process), and the first of its nodes. */
uint16_t qf_run_container(const struct run *run, const struct qf_bpmn_scope *scope,
                          uint16_t *first_child)
{
    if (scope->kind == QF_BPMN_SCOPE_PROCESS) {
        uint16_t process =
            scope->node == QF_BPMN_NONE ? run->now.process : run_node(run, scope->node)->callee;
        *first_child = run->model->processes[process].first_child;
        return QF_BPMN_NONE;
    }
    *first_child = run_node(run, scope->node)->first_child;
    return scope->node;
}

/* Start events of the event subprocesses among siblings: the next one from *sub on, or none. */
static uint16_t next_event_start(const struct run *run, uint16_t *sub)
{
    for (; *sub != QF_BPMN_NONE; *sub = run_node(run, *sub)->next_child) {
        const struct qf_bpmn_node *node = run_node(run, *sub);
        if (node->kind != QF_BPMN_SUB || !node->by_event)
            continue;
        uint16_t at = node->first_child;
        while (at != QF_BPMN_NONE && run_node(run, at)->kind != QF_BPMN_START)
            at = run_node(run, at)->next_child;
        *sub = node->next_child;
        if (at != QF_BPMN_NONE)
            return at;
        if (*sub == QF_BPMN_NONE)
            break;
    }
    return QF_BPMN_NONE;
}

enum qf_status qf_run_arm(struct run *run, uint32_t scope)
{
    uint16_t sub = QF_BPMN_NONE;
    (void)qf_run_container(run, qf_run_scope(run, scope), &sub);
    for (;;) {
        uint16_t start = next_event_start(run, &sub);
        if (start == QF_BPMN_NONE)
            return QF_OK;
        const struct qf_bpmn_node *event = run_node(run, start);
        if (event->event == QF_BPMN_EVENT_TIMER)
            RUN_TRY(qf_run_add_timer(run, scope, start, scope));
        else if (event->event == QF_BPMN_EVENT_MESSAGE)
            qf_run_act(run, QF_BPMN_ACT_LISTEN, start, scope)->name = event->message;
    }
}

/* An interrupting event subprocess takes the place of everything else in its scope. */
enum qf_status qf_run_trigger(struct run *run, uint16_t start, uint32_t scope)
{
    if (run_node(run, start)->interrupting) {
        qf_run_cancel(run, scope, false);
        uint32_t kept = 0;
        for (uint32_t i = 0; i < run->now.timer_count; i++) {
            struct qf_bpmn_timer timer = run->now.timers[i];
            if (timer.owner != scope || run_node(run, timer.node)->kind != QF_BPMN_START)
                run->now.timers[kept++] = timer;
        }
        run->now.timer_count = kept;
    }
    uint32_t inner = 0;
    RUN_TRY(qf_run_add_scope(run, QF_BPMN_SCOPE_SUB, run_node(run, start)->parent, scope, &inner));
    RUN_TRY(qf_run_arm(run, inner));
    return qf_run_leave(run, start, inner);
}

/* --- errors --- */

static bool catches(const struct qf_bpmn_node *event, struct qf_slice code)
{
    return event->event == QF_BPMN_EVENT_ERROR &&
           (event->error.size == 0 || qf_slice_equal(event->error, code));
}

static uint16_t error_boundary(const struct run *run, uint16_t node, struct qf_slice code)
{
    uint16_t at = run_node(run, node)->first_attached;
    while (at != QF_BPMN_NONE && !catches(run_node(run, at), code))
        at = run_node(run, at)->next_attached;
    return at;
}

static uint16_t error_start(const struct run *run, const struct qf_bpmn_scope *scope,
                            struct qf_slice code)
{
    uint16_t sub = QF_BPMN_NONE;
    (void)qf_run_container(run, scope, &sub);
    for (;;) {
        uint16_t start = next_event_start(run, &sub);
        if (start == QF_BPMN_NONE || catches(run_node(run, start), code))
            return start;
    }
}

/* From where it was thrown outwards: boundary events of the activity, event subprocesses of the
 * scope around it, the activity that this scope is, and so on. An event subprocess does not catch
 * what is thrown within itself, for it is not what its own scope holds. */
enum qf_status qf_run_throw(struct run *run, struct qf_slice code, uint16_t node, uint32_t scope,
                            uint32_t owner, bool *caught)
{
    *caught = true;
    for (;;) {
        const struct qf_bpmn_scope *at = qf_run_scope(run, scope);
        if (node != QF_BPMN_NONE) {
            while (at->kind >= QF_BPMN_SCOPE_MANY && at->node == node) {
                owner = at->id;
                at = qf_run_scope(run, at->parent);
            }
            scope = at->id;
            uint16_t event = error_boundary(run, node, code);
            if (event != QF_BPMN_NONE) {
                qf_run_act(run, QF_BPMN_ACT_ERROR, event, owner)->name = code;
                if (owner != 0)
                    qf_run_interrupt(run, owner, &scope);
                return qf_run_leave(run, event, scope);
            }
        }
        bool within = node != QF_BPMN_NONE && run_node(run, node)->by_event;
        uint16_t start = within ? QF_BPMN_NONE : error_start(run, at, code);
        if (start != QF_BPMN_NONE) {
            qf_run_act(run, QF_BPMN_ACT_ERROR, start, scope)->name = code;
            return qf_run_trigger(run, start, scope);
        }
        if (scope == 0) {
            *caught = false;
            return QF_OK;
        }
        node = at->node;
        owner = at->id;
        scope = at->parent;
    }
}
