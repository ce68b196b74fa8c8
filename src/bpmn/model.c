#include "bpmn/model.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "bpmn/model_internal.h"

struct kind_row {
    const char *name;
    enum qf_bpmn_kind kind;
};

static const struct kind_row kinds[] = {
    {"startEvent", QF_BPMN_START},
    {"endEvent", QF_BPMN_END},
    {"intermediateCatchEvent", QF_BPMN_CATCH},
    {"intermediateThrowEvent", QF_BPMN_THROW},
    {"boundaryEvent", QF_BPMN_BOUNDARY},
    {"task", QF_BPMN_TASK},
    {"userTask", QF_BPMN_USER},
    {"manualTask", QF_BPMN_MANUAL},
    {"serviceTask", QF_BPMN_SERVICE},
    {"businessRuleTask", QF_BPMN_RULE},
    {"sendTask", QF_BPMN_SEND},
    {"receiveTask", QF_BPMN_RECEIVE},
    {"scriptTask", QF_BPMN_SCRIPT},
    {"callActivity", QF_BPMN_CALL},
    {"subProcess", QF_BPMN_SUB},
    {"adHocSubProcess", QF_BPMN_ADHOC},
    {"exclusiveGateway", QF_BPMN_XOR},
    {"parallelGateway", QF_BPMN_AND},
    {"inclusiveGateway", QF_BPMN_OR},
    {"eventBasedGateway", QF_BPMN_EVENT_GATEWAY},
    {"transaction", QF_BPMN_OTHER},
    {"complexGateway", QF_BPMN_OTHER},
    {"event", QF_BPMN_OTHER},
    {"implicitThrowEvent", QF_BPMN_OTHER},
    {"choreographyTask", QF_BPMN_OTHER},
    {"subChoreography", QF_BPMN_OTHER},
    {"callChoreography", QF_BPMN_OTHER},
};

/* What a process or subprocess may hold that has no part in execution. */
static const char *const passive[] = {
    "documentation",
    "extensionElements",
    "laneSet",
    "dataObject",
    "dataObjectReference",
    "dataStoreReference",
    "textAnnotation",
    "association",
    "group",
    "ioSpecification",
    "ioBinding",
    "property",
    "auditing",
    "monitoring",
    "incoming",
    "outgoing",
    "dataInputAssociation",
    "dataOutputAssociation",
    "resourceRole",
    "performer",
    "humanPerformer",
    "potentialOwner",
    "supports",
    "supportedInterfaceRef",
    "correlationSubscription",
    "multiInstanceLoopCharacteristics",
    "standardLoopCharacteristics",
    "completionCondition",
};

/* The same for the document element. */
static const char *const passive_top[] = {
    "import",       "documentation", "extensionElements", "extension",   "itemDefinition",
    "message",      "error",         "escalation",        "signal",      "resource",
    "interface",    "collaboration", "process",           "category",    "dataStore",
    "relationship", "endPoint",      "partnerEntity",     "partnerRole", "correlationProperty",
};

static bool among(const char *const *names, size_t count, struct qf_slice name)
{
    for (size_t i = 0; i < count; i++)
        if (qf_slice_is(name, names[i]))
            return true;
    return false;
}

static bool in_bpmn(const struct qf_xml_node *xml)
{
    return qf_xml_is_element(xml) && qf_slice_is(xml->name.ns, QF_BPMN_NS);
}

static bool kind_of(enum qf_bpmn_kind *kind, const struct qf_xml_node *xml)
{
    if (!in_bpmn(xml))
        return false;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (qf_slice_is(xml->name.local, kinds[i].name)) {
            *kind = kinds[i].kind;
            return true;
        }
    return false;
}

void qf_bpmn_report(struct qf_bpmn_model *model, enum qf_bpmn_severity severity,
                    const struct qf_xml_node *where, const char *fmt, ...)
{
    char text[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    struct qf_bpmn_problem *problem = QF_ARENA_NEW(model->arena, struct qf_bpmn_problem);
    problem->severity = severity;
    if (where != NULL) {
        problem->element = where->name.local;
        problem->id = qf_xml_attr(where, "id");
        problem->line = where->line;
    }
    problem->text = qf_arena_text(model->arena, qf_slice_of(text));
    *model->problem_tail = problem;
    model->problem_tail = &problem->next;
    model->problem_count++;
}

uint32_t qf_bpmn_obstacles(const struct qf_bpmn_model *model)
{
    uint32_t count = 0;
    for (const struct qf_bpmn_problem *at = model->problems; at != NULL; at = at->next)
        count += at->severity != QF_BPMN_NOTE;
    return count;
}

/* --- ids --- */

static int compare_slices(struct qf_slice a, struct qf_slice b)
{
    size_t size = a.size < b.size ? a.size : b.size;
    int order = size == 0 ? 0 : memcmp(a.data, b.data, size);
    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

static int compare_refs(const void *a, const void *b)
{
    return compare_slices(((const struct bpmn_ref *)a)->id, ((const struct bpmn_ref *)b)->id);
}

uint16_t qf_bpmn_ref_find(const struct bpmn_ref *refs, uint16_t count, struct qf_slice id)
{
    uint16_t low = 0, high = count;
    while (low < high) {
        uint16_t middle = (uint16_t)(low + (high - low) / 2);
        int order = compare_slices(refs[middle].id, id);
        if (order == 0)
            return refs[middle].index;
        if (order < 0)
            low = (uint16_t)(middle + 1);
        else
            high = middle;
    }
    return QF_BPMN_NONE;
}

static enum qf_status sort_refs(struct bpmn_import *in, struct bpmn_ref *refs, uint16_t count)
{
    if (count == 0)
        return QF_OK;
    qsort(refs, count, sizeof *refs, compare_refs);
    for (uint16_t i = 1; i < count; i++)
        if (compare_refs(&refs[i - 1], &refs[i]) == 0)
            return qf_fail(in->err, QF_MALFORMED, "id", "the id %.*s stands twice",
                           (int)(refs[i].id.size > 100 ? 100 : refs[i].id.size),
                           (const char *)refs[i].id.data);
    return QF_OK;
}

struct qf_slice qf_bpmn_local(struct qf_slice name)
{
    for (size_t i = name.size; i > 0; i--)
        if (name.data[i - 1] == ':')
            return qf_slice_make(name.data + i, name.size - i);
    return name;
}

static enum qf_status fail_at(struct bpmn_import *in, const struct qf_xml_node *xml,
                              const char *reason)
{
    char line[32];
    struct qf_slice id = qf_xml_attr(xml, "id");
    snprintf(line, sizeof line, "line %u", xml->line);
    return qf_fail(in->err, QF_MALFORMED, line, "<%.*s%s%.*s>: %s",
                   (int)(xml->name.local.size > 40 ? 40 : xml->name.local.size),
                   (const char *)xml->name.local.data, id.size > 0 ? " " : "",
                   (int)(id.size > 80 ? 80 : id.size), (const char *)id.data, reason);
}

/* An attribute names what is not there. */
static enum qf_status fail_ref(struct bpmn_import *in, const struct qf_xml_node *xml,
                               const char *attr, const char *reason)
{
    struct qf_slice value = qf_xml_attr(xml, attr);
    return fail_at(in, xml,
                   qf_arena_printf(in->arena, "%s \"%.*s\" %s", attr,
                                   (int)(value.size > 60 ? 60 : value.size),
                                   (const char *)value.data, reason));
}

/* --- counting, so that arrays are made once --- */

struct counts {
    uint32_t processes, nodes, flows, lanes, message_flows, elements;
};

/* Next element in document order below `top`, or NULL. */
static struct qf_xml_node *step(const struct qf_xml_node *top, struct qf_xml_node *at, bool enter)
{
    if (enter && at->child != NULL)
        return at->child;
    while (at != top && at->next == NULL)
        at = at->parent;
    return at == top ? NULL : at->next;
}

static struct counts count_elements(struct qf_xml_node *root)
{
    struct counts counts = {0};
    enum qf_bpmn_kind kind;
    struct qf_xml_node *at = root;
    while (at != NULL) {
        bool bpmn = in_bpmn(at);
        if (bpmn) {
            struct qf_slice name = at->name.local;
            counts.elements += qf_xml_attr(at, "id").data != NULL;
            counts.nodes += kind_of(&kind, at);
            counts.processes += qf_slice_is(name, "process");
            counts.flows += qf_slice_is(name, "sequenceFlow");
            counts.lanes += qf_slice_is(name, "lane");
            counts.message_flows += qf_slice_is(name, "messageFlow");
        }
        at = step(root, at, bpmn && !qf_slice_is(at->name.local, "extensionElements"));
    }
    return counts;
}

/* --- reading --- */

static void report_unknown(struct qf_bpmn_model *model, const struct qf_xml_node *xml)
{
    qf_bpmn_report(model, QF_BPMN_UNSUPPORTED, xml,
                   "<%.*s> cannot be executed; spec/bpmn-extensions.md says what can",
                   (int)(xml->name.local.size > 60 ? 60 : xml->name.local.size),
                   (const char *)xml->name.local.data);
}

static enum qf_status read_container(struct bpmn_import *in, struct qf_xml_node *xml,
                                     uint16_t process, uint16_t parent, uint32_t depth);

static enum qf_status read_node(struct bpmn_import *in, struct qf_xml_node *xml,
                                enum qf_bpmn_kind kind, uint16_t process, uint16_t parent,
                                uint32_t depth)
{
    struct qf_bpmn_model *model = in->model;
    uint16_t index = model->node_count++;
    struct qf_bpmn_node *node = &model->nodes[index];
    *node = (struct qf_bpmn_node){
        .kind = kind,
        .id = qf_xml_attr(xml, "id"),
        .name = qf_xml_attr(xml, "name"),
        .line = xml->line,
        .process = process,
        .parent = parent,
        .lane = QF_BPMN_NONE,
        .attached_to = QF_BPMN_NONE,
        .first_in = QF_BPMN_NONE,
        .first_out = QF_BPMN_NONE,
        .first_child = QF_BPMN_NONE,
        .next_child = QF_BPMN_NONE,
        .first_attached = QF_BPMN_NONE,
        .next_attached = QF_BPMN_NONE,
        .default_flow = QF_BPMN_NONE,
        .callee = QF_BPMN_NONE,
        .xml = xml,
        .ext = {.approvals = 1},
    };
    if (node->id.size == 0)
        return fail_at(in, xml, "has no id");
    model->processes[process].node_count++;
    if (kind == QF_BPMN_OTHER)
        report_unknown(model, xml);
    if (kind == QF_BPMN_SUB || kind == QF_BPMN_ADHOC || qf_slice_is(xml->name.local, "transaction"))
        return read_container(in, xml, process, index, depth + 1);
    return QF_OK;
}

static void read_flow(struct bpmn_import *in, struct qf_xml_node *xml)
{
    struct qf_bpmn_flow *flow = &in->model->flows[in->model->flow_count++];
    *flow = (struct qf_bpmn_flow){
        .id = qf_xml_attr(xml, "id"),
        .name = qf_xml_attr(xml, "name"),
        .line = xml->line,
        .source = QF_BPMN_NONE,
        .target = QF_BPMN_NONE,
        .next_in = QF_BPMN_NONE,
        .next_out = QF_BPMN_NONE,
        .xml = xml,
    };
    const struct qf_xml_node *condition = qf_xml_child(xml, QF_BPMN_NS, "conditionExpression");
    if (condition != NULL)
        (void)qf_bpmn_read_formula(in, &flow->condition, condition);
}

static enum qf_status read_container(struct bpmn_import *in, struct qf_xml_node *xml,
                                     uint16_t process, uint16_t parent, uint32_t depth)
{
    QF_ASSERT(depth <= QF_BPMN_XML_DEPTH_MAX);
    for (struct qf_xml_node *at = xml->child; at != NULL; at = at->next) {
        enum qf_bpmn_kind kind;
        if (!in_bpmn(at))
            continue;
        if (kind_of(&kind, at)) {
            enum qf_status status = read_node(in, at, kind, process, parent, depth);
            if (status != QF_OK)
                return status;
        } else if (qf_slice_is(at->name.local, "sequenceFlow")) {
            read_flow(in, at);
        } else if (!among(passive, sizeof passive / sizeof passive[0], at->name.local)) {
            report_unknown(in->model, at);
        }
    }
    return QF_OK;
}

static void read_lanes(struct bpmn_import *in, const struct qf_xml_node *xml, const char *set_name,
                       uint16_t process, uint16_t parent, uint32_t depth)
{
    QF_ASSERT(depth <= QF_BPMN_XML_DEPTH_MAX);
    struct qf_bpmn_model *model = in->model;
    const struct qf_xml_node *set = qf_xml_child(xml, QF_BPMN_NS, set_name);
    for (; set != NULL; set = qf_xml_next(set, QF_BPMN_NS, set_name)) {
        const struct qf_xml_node *at = qf_xml_child(set, QF_BPMN_NS, "lane");
        for (; at != NULL; at = qf_xml_next(at, QF_BPMN_NS, "lane")) {
            uint16_t index = model->lane_count++;
            struct qf_bpmn_lane *lane = &model->lanes[index];
            *lane = (struct qf_bpmn_lane){.id = qf_xml_attr(at, "id"),
                                          .name = qf_xml_attr(at, "name"),
                                          .process = process,
                                          .parent = parent,
                                          .line = at->line};
            const struct qf_xml_node *ext = qf_xml_child(at, QF_BPMN_NS, "extensionElements");
            const struct qf_xml_node *own =
                ext == NULL ? NULL : qf_xml_child(ext, QF_BPMN_EXT_NS, "lane");
            lane->role = own != NULL ? qf_xml_attr(own, "role") : lane->name;
            if (lane->role.size == 0)
                lane->role = lane->id;
            const struct qf_xml_node *ref = qf_xml_child(at, QF_BPMN_NS, "flowNodeRef");
            for (; ref != NULL; ref = qf_xml_next(ref, QF_BPMN_NS, "flowNodeRef")) {
                uint16_t node = qf_bpmn_ref_find(in->node_refs, model->node_count,
                                                 qf_bpmn_local(qf_xml_content(in->arena, ref)));
                if (node != QF_BPMN_NONE)
                    model->nodes[node].lane = index;
            }
            read_lanes(in, at, "childLaneSet", process, index, depth + 1);
        }
    }
}

static void read_collaboration(struct bpmn_import *in, const struct qf_xml_node *xml)
{
    struct qf_bpmn_model *model = in->model;
    const struct qf_xml_node *at = qf_xml_child(xml, QF_BPMN_NS, "participant");
    for (; at != NULL; at = qf_xml_next(at, QF_BPMN_NS, "participant")) {
        struct qf_slice ref = qf_xml_attr(at, "processRef");
        uint16_t process = qf_bpmn_find_process(model, qf_bpmn_local(ref));
        if (process != QF_BPMN_NONE)
            model->processes[process].participant = qf_xml_attr(at, "name");
    }
    at = qf_xml_child(xml, QF_BPMN_NS, "messageFlow");
    for (; at != NULL; at = qf_xml_next(at, QF_BPMN_NS, "messageFlow"))
        model->message_flows[model->message_flow_count++] =
            (struct qf_bpmn_message_flow){qf_xml_attr(at, "id"), qf_xml_attr(at, "name"),
                                          qf_bpmn_local(qf_xml_attr(at, "sourceRef")),
                                          qf_bpmn_local(qf_xml_attr(at, "targetRef")), at->line};
}

/* --- putting together --- */

static enum qf_status connect_flows(struct bpmn_import *in)
{
    struct qf_bpmn_model *model = in->model;
    /* From the last to the first, so that the chains stand in the order of the document. */
    for (uint16_t i = model->flow_count; i-- > 0;) {
        struct qf_bpmn_flow *flow = &model->flows[i];
        struct qf_slice source = qf_bpmn_local(qf_xml_attr(flow->xml, "sourceRef"));
        struct qf_slice target = qf_bpmn_local(qf_xml_attr(flow->xml, "targetRef"));
        flow->source = qf_bpmn_ref_find(in->node_refs, model->node_count, source);
        flow->target = qf_bpmn_ref_find(in->node_refs, model->node_count, target);
        if (flow->source == QF_BPMN_NONE || flow->target == QF_BPMN_NONE)
            return fail_ref(in, flow->xml, flow->source == QF_BPMN_NONE ? "sourceRef" : "targetRef",
                            "names no flow node: draw the arrow again");
        struct qf_bpmn_node *from = &model->nodes[flow->source];
        struct qf_bpmn_node *to = &model->nodes[flow->target];
        flow->next_out = from->first_out;
        from->first_out = i;
        from->out_count++;
        flow->next_in = to->first_in;
        to->first_in = i;
        to->in_count++;
    }
    return QF_OK;
}

static enum qf_status resolve_node(struct bpmn_import *in, struct qf_bpmn_node *node)
{
    struct qf_bpmn_model *model = in->model;
    struct qf_slice flow = qf_xml_attr(node->xml, "default");
    if (flow.size > 0) {
        node->default_flow = qf_bpmn_ref_find(in->flow_refs, in->flow_ref_count, flow);
        if (node->default_flow == QF_BPMN_NONE ||
            &model->nodes[model->flows[node->default_flow].source] != node)
            return fail_ref(in, node->xml, "default", "names no flow that leaves it");
    }
    if (node->kind == QF_BPMN_BOUNDARY) {
        struct qf_slice ref = qf_bpmn_local(qf_xml_attr(node->xml, "attachedToRef"));
        node->attached_to = qf_bpmn_ref_find(in->node_refs, model->node_count, ref);
        if (node->attached_to == QF_BPMN_NONE ||
            !qf_bpmn_is_activity(&model->nodes[node->attached_to]))
            return fail_ref(in, node->xml, "attachedToRef", "names no activity");
    }
    if (node->kind == QF_BPMN_CALL)
        node->callee =
            qf_bpmn_find_process(model, qf_bpmn_local(qf_xml_attr(node->xml, "calledElement")));
    uint32_t conditions = 0;
    for (uint16_t i = node->first_out; i != QF_BPMN_NONE; i = model->flows[i].next_out)
        conditions += model->flows[i].condition.text.data != NULL;
    node->choice = (node->kind == QF_BPMN_XOR || node->kind == QF_BPMN_OR) && node->out_count > 1 &&
                   conditions == 0;
    qf_bpmn_resolve_parts(in, node);
    return QF_OK;
}

/* Chains of a container's nodes and of an activity's boundary events, in the order of the
 * document. */
static void chain_nodes(struct qf_bpmn_model *model)
{
    for (uint16_t i = model->node_count; i-- > 0;) {
        struct qf_bpmn_node *node = &model->nodes[i];
        uint16_t *first = node->parent == QF_BPMN_NONE
                              ? &model->processes[node->process].first_child
                              : &model->nodes[node->parent].first_child;
        node->next_child = *first;
        *first = i;
        if (node->attached_to == QF_BPMN_NONE)
            continue;
        struct qf_bpmn_node *host = &model->nodes[node->attached_to];
        node->next_attached = host->first_attached;
        host->first_attached = i;
    }
}

static void choose_main(struct qf_bpmn_model *model)
{
    model->main = QF_BPMN_NONE;
    for (uint16_t i = 0; i < model->process_count; i++) {
        const struct qf_bpmn_process *process = &model->processes[i];
        if (process->node_count == 0)
            continue;
        if (process->executable) {
            model->main = i;
            return;
        }
        if (model->main == QF_BPMN_NONE)
            model->main = i;
    }
}

static enum qf_status index_ids(struct bpmn_import *in)
{
    struct qf_bpmn_model *model = in->model;
    in->node_refs = QF_ARENA_ARRAY(in->arena, struct bpmn_ref, model->node_count);
    in->flow_refs = QF_ARENA_ARRAY(in->arena, struct bpmn_ref, model->flow_count);
    for (uint16_t i = 0; i < model->node_count; i++)
        in->node_refs[i] = (struct bpmn_ref){model->nodes[i].id, i};
    uint16_t named = 0; /* a flow may do without an id */
    for (uint16_t i = 0; i < model->flow_count; i++)
        if (model->flows[i].id.size > 0)
            in->flow_refs[named++] = (struct bpmn_ref){model->flows[i].id, i};
    in->flow_ref_count = named;
    enum qf_status status = sort_refs(in, in->node_refs, model->node_count);
    if (status == QF_OK)
        status = sort_refs(in, in->flow_refs, named);
    return status;
}

static enum qf_status read_processes(struct bpmn_import *in)
{
    struct qf_bpmn_model *model = in->model;
    for (struct qf_xml_node *at = model->root->child; at != NULL; at = at->next) {
        if (!in_bpmn(at))
            continue;
        if (!qf_slice_is(at->name.local, "process")) {
            if (!among(passive_top, sizeof passive_top / sizeof passive_top[0], at->name.local))
                report_unknown(model, at);
            continue;
        }
        uint16_t index = model->process_count++;
        model->processes[index] = (struct qf_bpmn_process){
            .id = qf_xml_attr(at, "id"),
            .name = qf_xml_attr(at, "name"),
            .line = at->line,
            .first_child = QF_BPMN_NONE,
            .executable = qf_slice_is(qf_xml_attr(at, "isExecutable"), "true")};
        enum qf_status status = read_container(in, at, index, QF_BPMN_NONE, 0);
        if (status != QF_OK)
            return status;
    }
    return QF_OK;
}

static enum qf_status read_references(struct bpmn_import *in)
{
    struct qf_bpmn_model *model = in->model;
    enum qf_status status = index_ids(in);
    if (status == QF_OK)
        status = connect_flows(in);
    if (status != QF_OK)
        return status;
    uint16_t process = 0;
    for (struct qf_xml_node *at = model->root->child; at != NULL; at = at->next) {
        if (!in_bpmn(at))
            continue;
        if (qf_slice_is(at->name.local, "process"))
            read_lanes(in, at, "laneSet", process++, QF_BPMN_NONE, 0);
        else if (qf_slice_is(at->name.local, "collaboration"))
            read_collaboration(in, at);
    }
    for (uint16_t i = 0; i < model->node_count; i++)
        qf_bpmn_read_parts(in, &model->nodes[i]);
    for (uint16_t i = 0; i < model->node_count && status == QF_OK; i++)
        status = resolve_node(in, &model->nodes[i]);
    if (status != QF_OK)
        return status;
    chain_nodes(model);
    choose_main(model);
    return QF_OK;
}

enum qf_status qf_bpmn_import(struct qf_arena *arena, struct qf_bpmn_model *out,
                              struct qf_slice input, struct qf_error *err)
{
    *out = (struct qf_bpmn_model){.arena = arena, .main = QF_BPMN_NONE};
    out->problem_tail = &out->problems;
    struct qf_xml_limits limits = {QF_BPMN_SIZE_MAX, QF_BPMN_XML_ELEMENTS_MAX,
                                   QF_BPMN_XML_DEPTH_MAX};
    enum qf_status status = qf_xml_parse(arena, &out->root, input, limits, err);
    if (status != QF_OK)
        return status;
    struct bpmn_import in = {.model = out, .arena = arena, .err = err};
    if (!qf_xml_is(out->root, QF_BPMN_NS, "definitions"))
        return fail_at(&in, out->root, "not a BPMN 2.0 model: it must begin with <definitions>");
    struct counts counts = count_elements(out->root);
    uint32_t listed =
        counts.nodes + counts.flows + counts.lanes + counts.processes + counts.message_flows;
    if (counts.elements > QF_BPMN_ELEMENTS_MAX || listed > QF_BPMN_ELEMENTS_MAX)
        return qf_fail(err, QF_OVER_LIMIT, "line 1", "too many BPMN elements (limit %d)",
                       QF_BPMN_ELEMENTS_MAX);
    out->element_count = (uint16_t)counts.elements;
    out->processes = QF_ARENA_ARRAY(arena, struct qf_bpmn_process, counts.processes);
    out->nodes = QF_ARENA_ARRAY(arena, struct qf_bpmn_node, counts.nodes);
    out->flows = QF_ARENA_ARRAY(arena, struct qf_bpmn_flow, counts.flows);
    out->lanes = QF_ARENA_ARRAY(arena, struct qf_bpmn_lane, counts.lanes);
    out->message_flows = QF_ARENA_ARRAY(arena, struct qf_bpmn_message_flow, counts.message_flows);
    status = read_processes(&in);
    if (status == QF_OK)
        status = read_references(&in);
    return status;
}

void qf_bpmn_write(struct qf_buf *buf, const struct qf_bpmn_model *model)
{
    qf_xml_write(buf, model->root);
}

/* --- looking --- */

uint16_t qf_bpmn_find_node(const struct qf_bpmn_model *model, struct qf_slice id)
{
    for (uint16_t i = 0; i < model->node_count; i++)
        if (qf_slice_equal(model->nodes[i].id, id))
            return i;
    return QF_BPMN_NONE;
}

uint16_t qf_bpmn_find_flow(const struct qf_bpmn_model *model, struct qf_slice id)
{
    for (uint16_t i = 0; i < model->flow_count; i++)
        if (id.size > 0 && qf_slice_equal(model->flows[i].id, id))
            return i;
    return QF_BPMN_NONE;
}

uint16_t qf_bpmn_find_process(const struct qf_bpmn_model *model, struct qf_slice id)
{
    for (uint16_t i = 0; i < model->process_count; i++)
        if (id.size > 0 && qf_slice_equal(model->processes[i].id, id))
            return i;
    return QF_BPMN_NONE;
}

uint16_t qf_bpmn_find_start(const struct qf_bpmn_model *model, uint16_t process,
                            struct qf_slice message)
{
    uint16_t at =
        process < model->process_count ? model->processes[process].first_child : QF_BPMN_NONE;
    for (; at != QF_BPMN_NONE; at = model->nodes[at].next_child)
        if (model->nodes[at].kind == QF_BPMN_START &&
            model->nodes[at].event == QF_BPMN_EVENT_MESSAGE &&
            qf_slice_equal(model->nodes[at].message, message))
            return at;
    return QF_BPMN_NONE;
}

bool qf_bpmn_is_human(const struct qf_bpmn_node *node)
{
    return node->kind == QF_BPMN_TASK || node->kind == QF_BPMN_USER || node->kind == QF_BPMN_MANUAL;
}

bool qf_bpmn_is_activity(const struct qf_bpmn_node *node)
{
    return (node->kind >= QF_BPMN_TASK && node->kind <= QF_BPMN_ADHOC) ||
           node->kind == QF_BPMN_OTHER;
}

struct qf_slice qf_bpmn_role(const struct qf_bpmn_model *model, const struct qf_bpmn_node *node)
{
    if (node->ext.role.size > 0)
        return node->ext.role;
    for (uint16_t at = node->lane; at != QF_BPMN_NONE; at = model->lanes[at].parent)
        if (model->lanes[at].role.size > 0)
            return model->lanes[at].role;
    /* A node within a subprocess stands in the lane of the subprocess. */
    uint16_t parent = node->parent;
    for (; parent != QF_BPMN_NONE; parent = model->nodes[parent].parent)
        if (model->nodes[parent].lane != QF_BPMN_NONE)
            return model->lanes[model->nodes[parent].lane].role;
    return (struct qf_slice){0};
}
