/* The parts of a flow node: event definitions, loops, scripts, and our extension elements. */
#include <stdio.h>

#include "bpmn/model_internal.h"

static const struct qf_xml_node *bpmn_child(const struct qf_xml_node *xml, const char *name)
{
    return qf_xml_child(xml, QF_BPMN_NS, name);
}

static void unsupported(struct bpmn_import *in, const struct qf_bpmn_node *node, const char *text)
{
    qf_bpmn_report(in->model, QF_BPMN_UNSUPPORTED, node->xml, "%s", text);
}

/* A mistake in one of our extension elements; its line, where that is not the node's. */
static void wrong(struct bpmn_import *in, const struct qf_bpmn_node *node,
                  const struct qf_xml_node *xml, const char *text)
{
    char line[32] = "";
    if (xml->line != node->line)
        snprintf(line, sizeof line, " on line %u", xml->line);
    qf_bpmn_report(in->model, QF_BPMN_WRONG, node->xml, "qf:%.*s%s: %s",
                   (int)(xml->name.local.size > 40 ? 40 : xml->name.local.size),
                   (const char *)xml->name.local.data, line, text);
}

/* An expression begins with '=' or stands plain. */
static struct qf_bpmn_formula formula_of(struct qf_slice text, uint32_t line)
{
    struct qf_bpmn_formula formula = {.line = line};
    text = qf_xml_trim(text);
    if (text.size > 0 && text.data[0] == '=')
        text = qf_xml_trim(qf_slice_make(text.data + 1, text.size - 1));
    if (text.size > 0)
        formula.text = text;
    return formula;
}

/* A value that is a fixed text unless it begins with '='. */
static struct qf_bpmn_formula value_of(struct qf_slice text, uint32_t line)
{
    struct qf_slice trimmed = qf_xml_trim(text);
    struct qf_bpmn_formula formula = formula_of(text, line);
    if (trimmed.size > 0 && trimmed.data[0] != '=') {
        formula.text = trimmed;
        formula.literal = true;
    }
    return formula;
}

static bool contains(struct qf_slice text, const char *part)
{
    size_t size = strlen(part);
    for (size_t i = 0; i + size <= text.size; i++)
        if (memcmp(text.data + i, part, size) == 0)
            return true;
    return false;
}

bool qf_bpmn_read_formula(struct bpmn_import *in, struct qf_bpmn_formula *out,
                          const struct qf_xml_node *xml)
{
    struct qf_slice language = qf_xml_attr(xml, "language");
    struct qf_slice text = qf_xml_content(in->arena, xml);
    *out = formula_of(text, xml->line);
    if (out->text.size == 0)
        return true;
    bool foreign = language.size > 0 && !contains(language, "FEEL") && !contains(language, "feel");
    if (foreign || contains(out->text, "${") || contains(out->text, "#{") ||
        contains(out->text, "bpmn:getDataObject")) {
        const struct qf_xml_node *at = qf_xml_attr(xml, "id").size > 0 ? xml : xml->parent;
        qf_bpmn_report(in->model, QF_BPMN_UNSUPPORTED, at,
                       "the expression is not FEEL; write it in FEEL, with or without '=' before "
                       "it");
        out->literal = true; /* nothing to compile */
        return false;
    }
    return true;
}

/* --- events --- */

static struct qf_slice ref_text(const struct qf_bpmn_model *model, const char *element,
                                struct qf_slice ref, const char *first, const char *second)
{
    ref = qf_bpmn_local(ref);
    const struct qf_xml_node *at = qf_xml_child(model->root, QF_BPMN_NS, element);
    for (; at != NULL; at = qf_xml_next(at, QF_BPMN_NS, element)) {
        if (ref.size == 0 || !qf_slice_equal(qf_xml_attr(at, "id"), ref))
            continue;
        struct qf_slice text = qf_xml_attr(at, first);
        if (text.size == 0)
            text = qf_xml_attr(at, second);
        return text.size > 0 ? text : ref;
    }
    return ref;
}

/* The name of a message: of what is referred to, else of the node itself. */
static void read_message(struct bpmn_import *in, struct qf_bpmn_node *node,
                         const struct qf_xml_node *xml)
{
    node->message = ref_text(in->model, "message", qf_xml_attr(xml, "messageRef"), "name", "id");
    if (node->message.size == 0)
        node->message = node->name.size > 0 ? node->name : node->id;
}

static void read_timer(struct bpmn_import *in, struct qf_bpmn_node *node,
                       const struct qf_xml_node *xml)
{
    static const char *const names[] = {[QF_BPMN_TIMER_DATE] = "timeDate",
                                        [QF_BPMN_TIMER_DURATION] = "timeDuration",
                                        [QF_BPMN_TIMER_CYCLE] = "timeCycle"};
    for (int kind = QF_BPMN_TIMER_DATE; kind <= QF_BPMN_TIMER_CYCLE; kind++) {
        const struct qf_xml_node *at = bpmn_child(xml, names[kind]);
        if (at == NULL)
            continue;
        struct qf_slice text = qf_xml_content(in->arena, at);
        node->timer_kind = (enum qf_bpmn_timer_kind)kind;
        node->timer_working =
            qf_slice_is(qf_xml_attr_ns(at, QF_BPMN_EXT_NS, "calendar"), "working");
        if (text.size > 0 && (text.data[0] == 'P' || text.data[0] == 'R' ||
                              (text.data[0] >= '0' && text.data[0] <= '9'))) {
            node->timer = (struct qf_bpmn_formula){.text = text, .line = at->line, .literal = true};
            return;
        }
        (void)qf_bpmn_read_formula(in, &node->timer, at);
    }
    if (node->timer.text.size == 0)
        unsupported(in, node, "the timer has no date, duration or cycle");
}

static void read_event(struct bpmn_import *in, struct qf_bpmn_node *node)
{
    uint32_t count = 0;
    for (const struct qf_xml_node *at = node->xml->child; at != NULL; at = at->next) {
        if (!qf_xml_is_element(at) || !qf_slice_is(at->name.ns, QF_BPMN_NS))
            continue;
        struct qf_slice name = at->name.local;
        if (qf_slice_is(name, "eventDefinitionRef")) {
            node->event = QF_BPMN_EVENT_OTHER;
            unsupported(in, node, "an event definition by reference cannot be executed");
            count++;
            continue;
        }
        if (!contains(name, "EventDefinition"))
            continue;
        count++;
        if (qf_slice_is(name, "messageEventDefinition")) {
            node->event = QF_BPMN_EVENT_MESSAGE;
            read_message(in, node, at);
        } else if (qf_slice_is(name, "timerEventDefinition")) {
            node->event = QF_BPMN_EVENT_TIMER;
            read_timer(in, node, at);
        } else if (qf_slice_is(name, "errorEventDefinition")) {
            node->event = QF_BPMN_EVENT_ERROR;
            node->error =
                ref_text(in->model, "error", qf_xml_attr(at, "errorRef"), "errorCode", "name");
        } else if (qf_slice_is(name, "terminateEventDefinition")) {
            node->event = QF_BPMN_EVENT_TERMINATE;
        } else {
            node->event = QF_BPMN_EVENT_OTHER;
            qf_bpmn_report(
                in->model, QF_BPMN_UNSUPPORTED, node->xml,
                "an event with %.*s cannot be executed; message, timer, error and terminate can",
                (int)(name.size > 60 ? 60 : name.size), (const char *)name.data);
        }
    }
    if (count > 1) {
        node->event = QF_BPMN_EVENT_OTHER;
        unsupported(in, node, "an event with several definitions cannot be executed");
    }
    const char *flag = node->kind == QF_BPMN_BOUNDARY ? "cancelActivity" : "isInterrupting";
    node->interrupting = !qf_slice_is(qf_xml_attr(node->xml, flag), "false");
}

/* Which definitions each kind of event may have. */
#define ALLOW(name) (1u << QF_BPMN_EVENT_##name)
#define ALLOW_CAUGHT (ALLOW(MESSAGE) | ALLOW(TIMER) | ALLOW(ERROR))
static const unsigned allowed_events[] = {
    [QF_BPMN_START] = ALLOW(NONE) | ALLOW(MESSAGE) | ALLOW(TIMER),
    [QF_BPMN_END] = ALLOW(NONE) | ALLOW(MESSAGE) | ALLOW(ERROR) | ALLOW(TERMINATE),
    [QF_BPMN_CATCH] = ALLOW(MESSAGE) | ALLOW(TIMER),
    [QF_BPMN_THROW] = ALLOW(NONE) | ALLOW(MESSAGE),
    [QF_BPMN_BOUNDARY] = ALLOW_CAUGHT,
};

static void check_event(struct bpmn_import *in, struct qf_bpmn_node *node)
{
    const struct qf_bpmn_model *model = in->model;
    bool event_sub = node->parent != QF_BPMN_NONE && model->nodes[node->parent].by_event;
    QF_ASSERT(node->kind <= QF_BPMN_BOUNDARY);
    unsigned allowed =
        node->kind == QF_BPMN_START && event_sub ? ALLOW_CAUGHT : allowed_events[node->kind];
    if (node->event != QF_BPMN_EVENT_OTHER && (allowed & (1u << node->event)) == 0)
        unsupported(in, node, "this kind of event cannot have this definition, or lacks one");
}

/* --- loops and special tasks --- */

static uint32_t number_of(struct qf_slice text, uint32_t otherwise)
{
    uint32_t value = 0;
    if (text.size == 0 || text.size > 6)
        return otherwise;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return otherwise;
        value = value * 10 + (uint32_t)(text.data[i] - '0');
    }
    return value;
}

static void read_inner(struct bpmn_import *in, struct qf_bpmn_formula *out,
                       const struct qf_xml_node *xml, const char *name)
{
    const struct qf_xml_node *at = bpmn_child(xml, name);
    if (at != NULL)
        (void)qf_bpmn_read_formula(in, out, at);
}

static void read_loop(struct bpmn_import *in, struct qf_bpmn_node *node)
{
    const struct qf_xml_node *at = bpmn_child(node->xml, "multiInstanceLoopCharacteristics");
    if (at != NULL) {
        node->loop = qf_slice_is(qf_xml_attr(at, "isSequential"), "true") ? QF_BPMN_LOOP_SEQUENTIAL
                                                                          : QF_BPMN_LOOP_PARALLEL;
        read_inner(in, &node->cardinality, at, "loopCardinality");
        read_inner(in, &node->condition, at, "completionCondition");
        return;
    }
    at = bpmn_child(node->xml, "standardLoopCharacteristics");
    if (at != NULL) {
        node->loop = QF_BPMN_LOOP_STANDARD;
        node->test_before = qf_slice_is(qf_xml_attr(at, "testBefore"), "true");
        node->loop_max = number_of(qf_xml_attr(at, "loopMaximum"), 0);
        read_inner(in, &node->condition, at, "loopCondition");
        if (node->condition.text.size == 0 && node->loop_max == 0)
            unsupported(in, node, "the loop has neither a condition nor a maximum");
    }
}

static void read_script(struct bpmn_import *in, struct qf_bpmn_node *node)
{
    struct qf_slice format = qf_xml_attr(node->xml, "scriptFormat");
    const struct qf_xml_node *at = bpmn_child(node->xml, "script");
    if (format.size > 0 && !contains(format, "feel") && !contains(format, "FEEL"))
        unsupported(in, node, "the script is not FEEL (scriptFormat=\"feel\")");
    else if (at == NULL || qf_xml_content(in->arena, at).size == 0)
        unsupported(in, node, "the script task has no script");
    else
        (void)qf_bpmn_read_formula(in, &node->script, at);
}

/* --- extension elements --- */

static bool read_assign(struct bpmn_import *in, struct qf_bpmn_node *node,
                        const struct qf_xml_node *xml, struct qf_bpmn_assign *out)
{
    struct qf_slice value = qf_xml_attr(xml, "value");
    out->name = qf_xml_attr(xml, "name");
    if (out->name.size == 0)
        out->name = qf_xml_attr(xml, "variable");
    if (value.data == NULL)
        value = qf_xml_content(in->arena, xml);
    out->value = value_of(value, xml->line);
    if (out->name.size == 0 || out->value.text.size == 0) {
        wrong(in, node, xml, "needs a name and a value");
        return false;
    }
    return true;
}

static void read_assigns(struct bpmn_import *in, struct qf_bpmn_node *node,
                         const struct qf_xml_node *xml, const char *name,
                         struct qf_bpmn_assigns *out)
{
    uint32_t count = 0;
    const struct qf_xml_node *at = qf_xml_child(xml, QF_BPMN_EXT_NS, name);
    for (; at != NULL; at = qf_xml_next(at, QF_BPMN_EXT_NS, name))
        count++;
    if (count == 0)
        return;
    out->items = QF_ARENA_ARRAY(in->arena, struct qf_bpmn_assign, count);
    at = qf_xml_child(xml, QF_BPMN_EXT_NS, name);
    for (; at != NULL; at = qf_xml_next(at, QF_BPMN_EXT_NS, name))
        if (read_assign(in, node, at, &out->items[out->count]))
            out->count++;
}

static void read_deadline(struct bpmn_import *in, struct qf_bpmn_node *node,
                          const struct qf_xml_node *xml)
{
    struct qf_bpmn_deadline *deadline = &node->ext.deadline;
    struct qf_slice calendar = qf_xml_attr(xml, "calendar");
    struct qf_slice then = qf_xml_attr(xml, "then");
    deadline->present = true;
    deadline->days = value_of(qf_xml_attr(xml, "days"), xml->line);
    deadline->to = qf_xml_attr(xml, "to");
    deadline->flow = qf_xml_attr(xml, "flow");
    deadline->working = qf_slice_is(calendar, "working");
    if (!deadline->working && !qf_slice_is(calendar, "calendar"))
        wrong(in, node, xml, "calendar must be \"working\" or \"calendar\"");
    if (deadline->days.text.size == 0 ||
        (deadline->days.literal && number_of(deadline->days.text, UINT32_MAX) == UINT32_MAX))
        wrong(in, node, xml, "days must be a whole number, or '=' and an expression");
    if (qf_slice_is(then, "approved"))
        deadline->then = QF_BPMN_THEN_APPROVED;
    else if (qf_slice_is(then, "refused"))
        deadline->then = QF_BPMN_THEN_REFUSED;
    else if (!qf_slice_is(then, "escalate"))
        wrong(in, node, xml, "then must be \"escalate\", \"approved\" or \"refused\"");
    else if (deadline->to.size == 0)
        wrong(in, node, xml, "escalation needs the role in \"to\"");
    read_assigns(in, node, xml, "set", &deadline->set);
    if (!qf_bpmn_is_human(node))
        wrong(in, node, xml, "only a task of a person has a deadline; use a boundary timer");
}

static void read_who(struct bpmn_import *in, struct qf_bpmn_node *node,
                     const struct qf_xml_node *xml)
{
    struct qf_bpmn_ext *ext = &node->ext;
    ext->role = qf_xml_attr(xml, "role");
    ext->approvals = number_of(qf_xml_attr(xml, "approvals"), 1);
    ext->voters = number_of(qf_xml_attr(xml, "of"), 0);
    if (ext->approvals == 0 || ext->approvals > QF_BPMN_VOTERS_MAX ||
        ext->voters > QF_BPMN_VOTERS_MAX || (ext->voters > 0 && ext->voters < ext->approvals))
        wrong(in, node, xml, "approvals and of must be n of m, 1 <= n <= m <= 64");
    if (!qf_bpmn_is_human(node))
        wrong(in, node, xml, "only a task is done by somebody");
}

static void read_extension(struct bpmn_import *in, struct qf_bpmn_node *node,
                           const struct qf_xml_node *xml)
{
    struct qf_bpmn_ext *ext = &node->ext;
    struct qf_slice name = xml->name.local;
    if (qf_slice_is(name, "who")) {
        read_who(in, node, xml);
    } else if (qf_slice_is(name, "form")) {
        ext->form = qf_xml_attr(xml, "schema");
        if (ext->form.size == 0)
            wrong(in, node, xml, "needs schema, a file of the service");
    } else if (qf_slice_is(name, "op")) {
        ext->op = qf_xml_attr(xml, "name");
        ext->result = qf_xml_attr(xml, "result");
        read_assigns(in, node, xml, "field", &ext->fields);
        if (ext->op.size == 0 || node->kind != QF_BPMN_SERVICE)
            wrong(in, node, xml, "needs the op's name, and belongs to a service task");
    } else if (qf_slice_is(name, "decision")) {
        ext->decision = qf_xml_attr(xml, "ref");
        ext->result = qf_xml_attr(xml, "result");
        ext->sealed = qf_slice_is(qf_xml_attr(xml, "sealed"), "true");
        if (ext->decision.size == 0 || node->kind != QF_BPMN_RULE)
            wrong(in, node, xml, "needs the decision's ref, and belongs to a business rule task");
    } else if (qf_slice_is(name, "result")) {
        ext->result = qf_xml_attr(xml, "variable");
        if (ext->result.size == 0)
            wrong(in, node, xml, "needs variable");
    } else if (qf_slice_is(name, "to")) {
        ext->to = value_of(qf_xml_attr(xml, "case"), xml->line);
        bool sends = node->kind == QF_BPMN_SEND || node->event == QF_BPMN_EVENT_MESSAGE;
        if (ext->to.text.size == 0 || !sends)
            wrong(in, node, xml, "needs case, and belongs to what sends a message");
    } else if (qf_slice_is(name, "deadline")) {
        read_deadline(in, node, xml);
    } else if (qf_slice_is(name, "loop")) {
        ext->collection = formula_of(qf_xml_attr(xml, "collection"), xml->line);
        ext->item = qf_xml_attr(xml, "item");
        if (ext->collection.text.size == 0 || ext->item.size == 0)
            wrong(in, node, xml, "needs collection and item");
    } else if (!qf_slice_is(name, "input") && !qf_slice_is(name, "output")) {
        wrong(in, node, xml,
              "is no extension element; there are who, form, deadline, op, decision, "
              "result, input, output, to and loop (spec/bpmn-extensions.md)");
    }
}

static void read_extensions(struct bpmn_import *in, struct qf_bpmn_node *node)
{
    const struct qf_xml_node *xml = bpmn_child(node->xml, "extensionElements");
    if (xml == NULL)
        return;
    read_assigns(in, node, xml, "input", &node->ext.inputs);
    read_assigns(in, node, xml, "output", &node->ext.outputs);
    for (const struct qf_xml_node *at = xml->child; at != NULL; at = at->next)
        if (qf_xml_is_element(at) && qf_slice_is(at->name.ns, QF_BPMN_EXT_NS))
            read_extension(in, node, at);
}

void qf_bpmn_read_parts(struct bpmn_import *in, struct qf_bpmn_node *node)
{
    const struct qf_xml_node *xml = node->xml;
    if (node->kind <= QF_BPMN_BOUNDARY) {
        read_event(in, node);
        check_event(in, node);
    }
    if (qf_bpmn_is_activity(node)) {
        read_loop(in, node);
        if (qf_slice_is(qf_xml_attr(xml, "isForCompensation"), "true"))
            unsupported(in, node, "compensation cannot be executed");
    }
    read_extensions(in, node);
    if (node->kind == QF_BPMN_SUB)
        node->by_event = qf_slice_is(qf_xml_attr(xml, "triggeredByEvent"), "true");
    if (node->kind == QF_BPMN_SCRIPT)
        read_script(in, node);
    if (node->kind == QF_BPMN_SEND || node->kind == QF_BPMN_RECEIVE) {
        read_message(in, node, xml);
    }
    if (qf_slice_is(qf_xml_attr(xml, "instantiate"), "true"))
        unsupported(in, node, "only a start event begins a case; instantiate cannot be executed");
    if (node->kind == QF_BPMN_ADHOC) {
        node->adhoc_sequential = qf_slice_is(qf_xml_attr(xml, "ordering"), "Sequential");
        node->adhoc_keep = qf_slice_is(qf_xml_attr(xml, "cancelRemainingInstances"), "false");
        read_inner(in, &node->condition, xml, "completionCondition");
    }
    if ((node->loop == QF_BPMN_LOOP_PARALLEL || node->loop == QF_BPMN_LOOP_SEQUENTIAL) &&
        node->cardinality.text.size == 0 && node->ext.collection.text.size == 0)
        unsupported(in, node,
                    "how many instances is not said: loopCardinality, or qf:loop with collection");
    if (node->kind == QF_BPMN_SERVICE && node->ext.op.size == 0)
        unsupported(
            in, node,
            "a service task needs qf:op with the operation's name, in its extensionElements: "
            "<qf:op name=\"evidence.record\">");
    if (node->kind == QF_BPMN_RULE && node->ext.decision.size == 0)
        unsupported(in, node,
                    "a business rule task needs qf:decision in its extensionElements: <qf:decision "
                    "ref=\"NAME\" result=\"FIELD\"/>, with the name of a decision");
}

/* --- references --- */

static void resolve_separate(struct bpmn_import *in, struct qf_bpmn_node *node,
                             const struct qf_xml_node *who)
{
    struct qf_slice list = qf_xml_trim(qf_xml_attr(who, "separate"));
    struct qf_bpmn_ext *ext = &node->ext;
    if (list.size == 0)
        return;
    ext->separate = QF_ARENA_ARRAY(in->arena, uint16_t, list.size / 2 + 1);
    while (list.size > 0) {
        size_t size = 0;
        while (size < list.size && list.data[size] != ' ' && list.data[size] != '\n')
            size++;
        struct qf_slice id = qf_slice_make(list.data, size);
        uint16_t task = qf_bpmn_ref_find(in->node_refs, in->model->node_count, id);
        if (task == QF_BPMN_NONE || !qf_bpmn_is_human(&in->model->nodes[task])) {
            char *text = qf_arena_printf(in->arena,
                                         "separate names %.*s, which is no task of a person: write "
                                         "ids of tasks, parted by spaces",
                                         (int)(id.size > 60 ? 60 : id.size), (const char *)id.data);
            wrong(in, node, who, text);
        } else {
            ext->separate[ext->separate_count++] = task;
            in->model->nodes[task].remembered = true;
        }
        list = qf_xml_trim(qf_slice_make(list.data + size, list.size - size));
    }
}

void qf_bpmn_resolve_parts(struct bpmn_import *in, struct qf_bpmn_node *node)
{
    const struct qf_xml_node *ext = bpmn_child(node->xml, "extensionElements");
    const struct qf_xml_node *who = ext == NULL ? NULL : qf_xml_child(ext, QF_BPMN_EXT_NS, "who");
    if (who != NULL)
        resolve_separate(in, node, who);
    if (node->kind == QF_BPMN_CALL && node->callee == QF_BPMN_NONE)
        unsupported(in, node, "calledElement names no process of this document");
    if (node->ext.deadline.flow.size > 0 &&
        qf_bpmn_ref_find(in->flow_refs, in->flow_ref_count, node->ext.deadline.flow) ==
            QF_BPMN_NONE)
        qf_bpmn_report(in->model, QF_BPMN_WRONG, node->xml, "the deadline's flow does not exist");
}
