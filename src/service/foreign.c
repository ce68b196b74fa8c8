/* What other engines read in a process and this one does not. An analyst who has given a task to
 * somebody in Camunda's panel should learn that it says nothing here, and how to say it. */
#include "service/inspect_internal.h"

#define TOLD_MAX 64

/* Engines whose panels write into a model; other namespaces are left alone. */
static const char *const engines[] = {"http://camunda.org/schema/1.0/bpmn",
                                      "http://camunda.org/schema/zeebe/1.0",
                                      "http://flowable.org/bpmn", "http://activiti.org/bpmn"};

static const struct {
    const char *name, *cure;
} cures[] = {
    {"assignee", "put the task into a lane, or say qf:who"},
    {"candidateGroups", "put the task into a lane, or say qf:who"},
    {"candidateUsers", "put the task into a lane, or say qf:who"},
    {"assignmentDefinition", "put the task into a lane, or say qf:who"},
    {"formKey", "say qf:form"},
    {"formRef", "say qf:form"},
    {"formData", "say qf:form"},
    {"formDefinition", "say qf:form"},
    {"decisionRef", "say qf:decision"},
    {"calledDecision", "say qf:decision"},
    {"dueDate", "say qf:deadline"},
    {"followUpDate", "say qf:deadline"},
    {"taskSchedule", "say qf:deadline"},
    {"inputOutput", "say qf:input and qf:output"},
    {"ioMapping", "say qf:input and qf:output"},
    {"class", "say qf:op"},
    {"delegateExpression", "say qf:op"},
    {"expression", "say qf:op"},
    {"taskDefinition", "say qf:op"},
    {"type", "say qf:op"},
    {"topic", "say qf:op"},
    {"loopCharacteristics", "say qf:loop"},
    {"collection", "say qf:loop"},
};

struct foreign {
    struct qf_inspection *in;
    const struct qf_bpmn_node *node;
    struct qf_slice told[TOLD_MAX]; /* names, each once */
    uint32_t count;
    bool named; /* a namespace that was to be ours */
};

static bool is_foreign(const struct qf_xml_name *name)
{
    for (size_t i = 0; i < sizeof engines / sizeof engines[0]; i++)
        if (qf_slice_is(name->ns, engines[i]))
            return true;
    return false;
}

/* Of another version, or with a slip in it: everything under it would be taken for somebody else's.
 */
static void check_own(struct foreign *f, const struct qf_xml_node *e)
{
    static const char begins[] = "https://qifeng.dev/", own[] = "https://qifeng.dev/bpmn/1";
    bool meant = (e->name.ns.size >= sizeof begins - 1 &&
                  memcmp(e->name.ns.data, begins, sizeof begins - 1) == 0) ||
                 qf_slice_is(e->name.prefix, "qf");
    if (f->named || !meant || qf_slice_is(e->name.ns, own))
        return;
    f->named = true;
    QF_FOLDER_ERROR(
        f->in->folder, "process.bpmn", qf_arena_text(&f->in->folder->arena, f->node->id), e->line,
        "%.*s:%.*s is of the namespace %.*s and says nothing; write xmlns:qf=\"%s\"",
        QF_SLICE_ARGS(e->name.prefix), QF_SLICE_ARGS(e->name.local),
        (int)(e->name.ns.size > 100 ? 100 : e->name.ns.size), (const char *)e->name.ns.data, own);
}

static void tell(struct foreign *f, const struct qf_xml_name *name, uint32_t line)
{
    const char *cure = "";
    if (!is_foreign(name) || f->count == TOLD_MAX)
        return;
    for (uint32_t i = 0; i < f->count; i++)
        if (qf_slice_equal(f->told[i], name->local))
            return;
    f->told[f->count++] = name->local;
    for (size_t i = 0; i < sizeof cures / sizeof cures[0]; i++)
        if (qf_slice_is(name->local, cures[i].name))
            cure = cures[i].cure;
    QF_FOLDER_WARNING(
        f->in->folder, "process.bpmn", qf_arena_text(&f->in->folder->arena, f->node->id), line,
        "%.*s:%.*s is another engine's and says nothing here%s%s", QF_SLICE_ARGS(name->prefix),
        QF_SLICE_ARGS(name->local), cure[0] != '\0' ? "; " : "", cure);
}

static void look(struct foreign *f, const struct qf_xml_node *xml)
{
    for (uint32_t i = 0; i < xml->attr_count; i++)
        tell(f, &xml->attrs[i].name, xml->line);
    for (const struct qf_xml_node *child = xml->child; child != NULL; child = child->next) {
        if (!qf_slice_is(child->name.local, "extensionElements"))
            continue;
        for (const struct qf_xml_node *e = child->child; e != NULL; e = e->next) {
            tell(f, &e->name, e->line);
            check_own(f, e);
        }
    }
}

void qf_inspect_foreign(struct qf_inspection *in)
{
    struct foreign f = {.in = in};
    for (uint16_t i = 0; in->bpmn != NULL && i < in->bpmn->node_count; i++) {
        f.node = &in->bpmn->nodes[i];
        if (f.node->xml != NULL)
            look(&f, f.node->xml);
    }
}
