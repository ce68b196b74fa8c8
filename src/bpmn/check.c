#include "bpmn/check.h"

#include <stdio.h>

struct check {
    const struct qf_bpmn_program *program;
    struct qf_bpmn_model *model;
    const struct qf_bpmn_declared *declared;
    const struct qf_xml_node *where; /* element whose expressions are looked at */
};

static void wrong(struct check *c, const struct qf_xml_node *where, const char *text)
{
    qf_bpmn_report(c->model, QF_BPMN_WRONG, where, "%s", text);
}

/* --- form --- */

static void check_flow(struct check *c, const struct qf_bpmn_flow *flow)
{
    const struct qf_bpmn_node *from = &c->model->nodes[flow->source];
    const struct qf_bpmn_node *to = &c->model->nodes[flow->target];
    if (from->parent != to->parent || from->process != to->process)
        wrong(c, flow->xml, "a sequence flow may not cross the border of a process or subprocess");
    if (to->kind == QF_BPMN_START)
        wrong(c, flow->xml, "nothing may lead to a start event");
    if (to->kind == QF_BPMN_BOUNDARY)
        wrong(c, flow->xml, "nothing may lead to a boundary event");
    if (from->kind == QF_BPMN_END)
        wrong(c, flow->xml, "nothing may follow an end event");
    if (from->by_event || to->by_event)
        wrong(c, flow->xml, "an event subprocess has no sequence flows");
    if (from->choice && flow->id.size == 0)
        wrong(c, flow->xml, "a flow that somebody chooses needs an id");
}

static void check_gateway(struct check *c, const struct qf_bpmn_node *node)
{
    const struct qf_bpmn_flow *flows = c->model->flows;
    if (node->kind == QF_BPMN_EVENT_GATEWAY) {
        if (node->out_count < 2)
            wrong(c, node->xml, "an event-based gateway needs two events at least");
        for (uint16_t f = node->first_out; f != QF_BPMN_NONE; f = flows[f].next_out) {
            const struct qf_bpmn_node *to = &c->model->nodes[flows[f].target];
            bool event = to->kind == QF_BPMN_RECEIVE ||
                         (to->kind == QF_BPMN_CATCH &&
                          (to->event == QF_BPMN_EVENT_MESSAGE || to->event == QF_BPMN_EVENT_TIMER));
            if (!event || to->in_count != 1 || to->first_attached != QF_BPMN_NONE)
                wrong(c, flows[f].xml,
                      "after an event-based gateway stand message or timer events, or receive "
                      "tasks, with no other flow into them");
        }
        return;
    }
    if ((node->kind != QF_BPMN_XOR && node->kind != QF_BPMN_OR) || node->out_count < 2 ||
        node->choice)
        return;
    for (uint16_t f = node->first_out; f != QF_BPMN_NONE; f = flows[f].next_out)
        if (flows[f].condition.text.data == NULL && f != node->default_flow)
            wrong(c, flows[f].xml,
                  "the flow has no condition, though others of its gateway have one; give it one, "
                  "or make it the default");
}

static void check_event_sub(struct check *c, const struct qf_bpmn_node *sub)
{
    uint32_t starts = 0;
    for (uint16_t at = sub->first_child; at != QF_BPMN_NONE; at = c->model->nodes[at].next_child)
        starts += c->model->nodes[at].kind == QF_BPMN_START;
    if (starts != 1)
        wrong(c, sub->xml, "an event subprocess needs exactly one start event");
}

static void check_container(struct check *c, uint16_t first_child, const struct qf_xml_node *where,
                            bool process)
{
    uint32_t plain = 0, starts = 0;
    for (uint16_t at = first_child; at != QF_BPMN_NONE; at = c->model->nodes[at].next_child) {
        const struct qf_bpmn_node *node = &c->model->nodes[at];
        starts += node->kind == QF_BPMN_START;
        plain += node->kind == QF_BPMN_START && node->event == QF_BPMN_EVENT_NONE;
    }
    if (process && starts == 0)
        wrong(c, where, "the process has no start event");
    if (plain > 1)
        wrong(c, where, "there is more than one start event without a trigger");
}

/* --- reachability --- */

static void spread(const struct qf_bpmn_model *model, bool *seen, uint16_t *open, uint32_t count,
                   bool back)
{
    while (count > 0) {
        uint16_t at = open[--count];
        const struct qf_bpmn_node *node = &model->nodes[at];
        uint16_t f = back ? node->first_in : node->first_out;
        while (f != QF_BPMN_NONE) {
            uint16_t to = back ? model->flows[f].source : model->flows[f].target;
            if (!seen[to]) {
                seen[to] = true;
                open[count++] = to;
            }
            f = back ? model->flows[f].next_in : model->flows[f].next_out;
        }
        if (back && node->attached_to != QF_BPMN_NONE && !seen[node->attached_to]) {
            seen[node->attached_to] = true;
            open[count++] = node->attached_to;
        }
        for (uint16_t b = back ? QF_BPMN_NONE : node->first_attached; b != QF_BPMN_NONE;
             b = model->nodes[b].next_attached)
            if (!seen[b]) {
                seen[b] = true;
                open[count++] = b;
            }
    }
}

static bool container_has_start(const struct qf_bpmn_model *model, const struct qf_bpmn_node *node)
{
    uint16_t at = node->parent == QF_BPMN_NONE ? model->processes[node->process].first_child
                                               : model->nodes[node->parent].first_child;
    while (at != QF_BPMN_NONE && model->nodes[at].kind != QF_BPMN_START)
        at = model->nodes[at].next_child;
    return at != QF_BPMN_NONE;
}

static void check_reach(struct check *c)
{
    struct qf_bpmn_model *model = c->model;
    bool *fore = QF_ARENA_ARRAY(model->arena, bool, model->node_count);
    bool *back = QF_ARENA_ARRAY(model->arena, bool, model->node_count);
    uint16_t *open = QF_ARENA_ARRAY(model->arena, uint16_t, model->node_count);
    uint32_t count = 0;
    for (uint16_t i = 0; i < model->node_count; i++) {
        const struct qf_bpmn_node *node = &model->nodes[i];
        bool entry = node->kind == QF_BPMN_START || node->by_event ||
                     (node->in_count == 0 && node->kind != QF_BPMN_BOUNDARY &&
                      !container_has_start(model, node));
        if (entry) {
            fore[i] = true;
            open[count++] = i;
        }
    }
    spread(model, fore, open, count, false);
    count = 0;
    for (uint16_t i = 0; i < model->node_count; i++)
        if (model->nodes[i].out_count == 0) {
            back[i] = true;
            open[count++] = i;
        }
    spread(model, back, open, count, true);
    for (uint16_t i = 0; i < model->node_count; i++) {
        if (!fore[i])
            wrong(c, model->nodes[i].xml, "cannot be reached from any start");
        else if (!back[i])
            wrong(c, model->nodes[i].xml, "no end can be reached from here");
    }
}

/* --- choices --- */

/* Whether time, or a decision that is made elsewhere, can lead here without a person's answer. */
static bool is_unattended(const struct qf_bpmn_node *node)
{
    return node->event == QF_BPMN_EVENT_TIMER || (node->kind == QF_BPMN_RULE && node->ext.sealed) ||
           (node->kind == QF_BPMN_BOUNDARY && node->event == QF_BPMN_EVENT_ERROR);
}

/* Whether the answer that came before still holds when a token leaves the node. */
static bool passes_answer(const struct qf_bpmn_node *node)
{
    switch (node->kind) {
    case QF_BPMN_XOR:
    case QF_BPMN_AND:
    case QF_BPMN_OR:
    case QF_BPMN_THROW:
    case QF_BPMN_SERVICE:
    case QF_BPMN_SEND:
    case QF_BPMN_SCRIPT:
        return true;
    case QF_BPMN_RULE:
        return !node->ext.sealed;
    case QF_BPMN_START:
    case QF_BPMN_END:
    case QF_BPMN_CATCH:
    case QF_BPMN_BOUNDARY:
    case QF_BPMN_TASK:
    case QF_BPMN_USER:
    case QF_BPMN_MANUAL:
    case QF_BPMN_RECEIVE:
    case QF_BPMN_CALL:
    case QF_BPMN_SUB:
    case QF_BPMN_ADHOC:
    case QF_BPMN_EVENT_GATEWAY:
    case QF_BPMN_OTHER:
        break;
    }
    return false;
}

static void check_choice(struct check *c, uint16_t gateway)
{
    struct qf_bpmn_model *model = c->model;
    if (!model->nodes[gateway].choice || model->nodes[gateway].default_flow != QF_BPMN_NONE)
        return;
    struct qf_arena_mark mark = qf_arena_mark(model->arena);
    bool *seen = QF_ARENA_ARRAY(model->arena, bool, model->node_count);
    uint16_t *open = QF_ARENA_ARRAY(model->arena, uint16_t, model->node_count);
    uint16_t culprit = QF_BPMN_NONE;
    uint32_t count = 0;
    open[count++] = gateway;
    seen[gateway] = true;
    while (count > 0 && culprit == QF_BPMN_NONE) {
        uint16_t at = open[--count];
        for (uint16_t f = model->nodes[at].first_in; f != QF_BPMN_NONE;
             f = model->flows[f].next_in) {
            uint16_t from = model->flows[f].source;
            const struct qf_bpmn_deadline *deadline = &model->nodes[from].ext.deadline;
            if (seen[from])
                continue;
            seen[from] = true;
            if (is_unattended(&model->nodes[from]) ||
                (deadline->present && deadline->then != QF_BPMN_THEN_ESCALATE &&
                 deadline->flow.size == 0))
                culprit = from;
            else if (passes_answer(&model->nodes[from]))
                open[count++] = from;
        }
    }
    qf_arena_release(model->arena, mark);
    if (culprit == QF_BPMN_NONE)
        return;
    struct qf_slice id = model->nodes[culprit].id;
    qf_bpmn_report(model, QF_BPMN_WRONG, model->nodes[gateway].xml,
                   "somebody must choose here, but %.*s leads here without anybody; give the "
                   "gateway conditions or a default, or the deadline a flow",
                   (int)(id.size > 80 ? 80 : id.size), (const char *)id.data);
}

/* --- calls --- */

/* Whether a process comes to itself again through call activities. */
static bool calls_itself(const struct qf_bpmn_model *model, uint16_t process)
{
    struct qf_arena_mark mark = qf_arena_mark(model->arena);
    bool *seen = QF_ARENA_ARRAY(model->arena, bool, model->process_count);
    uint16_t *open = QF_ARENA_ARRAY(model->arena, uint16_t, model->process_count);
    uint32_t count = 0;
    open[count++] = process;
    while (count > 0 && !seen[process]) {
        uint16_t at = open[--count];
        for (uint16_t i = 0; i < model->node_count; i++) {
            uint16_t callee = model->nodes[i].callee;
            if (model->nodes[i].process != at || callee == QF_BPMN_NONE || seen[callee])
                continue;
            seen[callee] = true;
            if (callee != process)
                open[count++] = callee;
        }
    }
    bool found = seen[process];
    qf_arena_release(model->arena, mark);
    return found;
}

/* --- names --- */

static void give_assigns(const struct qf_bpmn_assigns *assigns,
                         void (*each)(void *arg, struct qf_slice name), void *arg)
{
    for (uint32_t i = 0; i < assigns->count; i++)
        each(arg, assigns->items[i].name);
}

void qf_bpmn_names(const struct qf_bpmn_model *model, void (*each)(void *arg, struct qf_slice name),
                   void *arg)
{
    static const char *const counters[] = {"loopCounter", "numberOfInstances",
                                           "numberOfActiveInstances", "numberOfCompletedInstances"};
    for (size_t i = 0; i < sizeof counters / sizeof counters[0]; i++)
        each(arg, qf_slice_of(counters[i]));
    for (uint16_t i = 0; i < model->node_count; i++) {
        const struct qf_bpmn_ext *ext = &model->nodes[i].ext;
        if (ext->result.size > 0)
            each(arg, ext->result);
        if (ext->item.size > 0)
            each(arg, ext->item);
        give_assigns(&ext->outputs, each, arg);
        give_assigns(&ext->deadline.set, each, arg);
        if (model->nodes[i].kind == QF_BPMN_CALL)
            give_assigns(&ext->inputs, each, arg);
    }
}

struct lookup {
    struct qf_slice name;
    bool found;
};

static void compare_name(void *arg, struct qf_slice name)
{
    struct lookup *lookup = arg;
    lookup->found = lookup->found || qf_slice_equal(lookup->name, name);
}

static void check_variable(void *arg, struct qf_slice name)
{
    struct check *c = arg;
    struct lookup lookup = {name, false};
    qf_bpmn_names(c->model, compare_name, &lookup);
    if (lookup.found || qf_slice_is(name, "result") ||
        c->declared->variable(c->declared->self, name))
        return;
    qf_bpmn_report(c->model, QF_BPMN_WRONG, c->where,
                   "the variable %.*s is neither a declared field nor set by the process",
                   (int)(name.size > 100 ? 100 : name.size), (const char *)name.data);
}

static void check_formula(struct check *c, const struct qf_bpmn_formula *formula)
{
    const struct qf_bpmn_expr *expr = &c->program->expr;
    if (formula->handle != NULL && expr->variables != NULL && c->declared != NULL &&
        c->declared->variable != NULL)
        expr->variables(expr->self, formula->handle, check_variable, c);
}

static void check_formulas(struct check *c, const struct qf_bpmn_assigns *assigns)
{
    for (uint32_t i = 0; i < assigns->count; i++)
        check_formula(c, &assigns->items[i].value);
}

/* `cure` begins with the kind of thing that it is. */
static void check_name(struct check *c, bool (*known)(void *, struct qf_slice),
                       struct qf_slice name, const char *cure)
{
    const char *what = cure + strcspn(cure, ":");
    if (known == NULL || name.size == 0 || known(c->declared->self, name))
        return;
    qf_bpmn_report(c->model, QF_BPMN_WRONG, c->where, "the %.*s %.*s is not declared%s",
                   (int)(what - cure), cure, (int)(name.size > 100 ? 100 : name.size),
                   (const char *)name.data, what);
}

static void check_names(struct check *c, const struct qf_bpmn_node *node)
{
    const struct qf_bpmn_ext *ext = &node->ext;
    c->where = node->xml;
    check_formula(c, &node->timer);
    check_formula(c, &node->script);
    check_formula(c, &node->condition);
    check_formula(c, &node->cardinality);
    check_formula(c, &ext->collection);
    check_formula(c, &ext->to);
    check_formula(c, &ext->deadline.days);
    check_formulas(c, &ext->deadline.set);
    check_formulas(c, &ext->fields);
    check_formulas(c, &ext->inputs);
    /* The outputs of an event or task also see the data that came, which the form describes. */
    if (node->kind == QF_BPMN_CALL || node->kind == QF_BPMN_SUB || node->kind == QF_BPMN_SCRIPT)
        check_formulas(c, &ext->outputs);
    if (c->declared == NULL)
        return;
    static const char *const role = "role: write one of the participants of service.yaml, or add "
                                    "it there";
    check_name(c, c->declared->op, ext->op, "operation");
    check_name(c, c->declared->decision, ext->decision,
               "decision: write the name of one in rules.dmn");
    check_name(c, c->declared->form, ext->form, "form: write the name of a file in schemas/");
    check_name(c, c->declared->role, ext->deadline.to, role);
    if (qf_bpmn_is_human(node))
        check_name(c, c->declared->role, qf_bpmn_role(c->model, node), role);
}

/* --- the whole --- */

static void add_soundness(struct qf_bpmn_soundness *all, const struct qf_bpmn_soundness *one)
{
    all->sound = all->sound && one->sound;
    all->complete = all->complete && one->complete;
    all->states += one->states;
}

static void check_soundness(struct check *c, uint32_t states_max, struct qf_bpmn_soundness *out)
{
    struct qf_bpmn_model *model = c->model;
    struct qf_bpmn_soundness one;
    for (uint16_t i = 0; i < model->process_count; i++) {
        if (model->processes[i].node_count == 0)
            continue;
        qf_bpmn_check_sound(model, i, QF_BPMN_NONE, states_max, &one);
        add_soundness(out, &one);
    }
    for (uint16_t i = 0; i < model->node_count; i++) {
        const struct qf_bpmn_node *node = &model->nodes[i];
        if (node->first_child == QF_BPMN_NONE)
            continue;
        qf_bpmn_check_sound(model, node->process, i, states_max, &one);
        add_soundness(out, &one);
    }
    if (!out->complete)
        qf_bpmn_report(model, QF_BPMN_NOTE, NULL,
                       "the process has more states than were searched (%u): deadlocks were looked "
                       "for in a reduced search, the rest is not certain",
                       states_max == 0 ? QF_BPMN_STATES_MAX : states_max);
}

void qf_bpmn_check(const struct qf_bpmn_program *program, struct qf_bpmn_model *model,
                   const struct qf_bpmn_declared *declared, uint32_t states_max,
                   struct qf_bpmn_soundness *out)
{
    struct check c = {program, model, declared, NULL};
    *out = (struct qf_bpmn_soundness){true, true, 0};
    uint32_t before = qf_bpmn_obstacles(model);
    if (model->main == QF_BPMN_NONE)
        wrong(&c, model->root, "the document has no process with anything in it");
    for (uint16_t i = 0; i < model->flow_count; i++) {
        check_flow(&c, &model->flows[i]);
        c.where = model->flows[i].xml;
        check_formula(&c, &model->flows[i].condition);
    }
    for (uint16_t i = 0; i < model->process_count; i++) {
        if (model->processes[i].node_count > 0) {
            uint16_t first = model->processes[i].first_child;
            const struct qf_xml_node *xml = model->nodes[first].xml->parent;
            check_container(&c, first, xml, true);
            if (calls_itself(model, i))
                wrong(&c, xml, "the process calls itself, at once or through others");
        }
    }
    for (uint16_t i = 0; i < model->node_count; i++) {
        const struct qf_bpmn_node *node = &model->nodes[i];
        check_gateway(&c, node);
        check_choice(&c, i);
        check_names(&c, node);
        if (node->by_event)
            check_event_sub(&c, node);
        else if (node->first_child != QF_BPMN_NONE)
            check_container(&c, node->first_child, node->xml, false);
    }
    check_reach(&c);
    out->sound = qf_bpmn_obstacles(model) == before;
    /* Flows across borders would mislead the search. */
    if (out->sound)
        check_soundness(&c, states_max, out);
}
