/* rules.dmn as a document: which clauses its rules cite, and which texts its tables may yield. */
#include <stdio.h>

#include "dmn/xml.h"
#include "service/inspect_internal.h"

#define DMN "rules.dmn"

void qf_inspect_read_rules(struct qf_inspection *in)
{
    const struct qf_folder_file *file = qf_folder_find(in->folder, DMN);
    struct qf_dmn_xml *root = NULL;
    if (file != NULL && qf_dmn_xml_parse(&in->folder->arena, &root, file->bytes, NULL) == QF_OK)
        in->rules = root; /* else compiling it tells why */
}

static const struct qf_dmn_xml *decisions_of(const struct qf_inspection *in)
{
    return in->rules == NULL ? NULL : qf_dmn_xml_child(in->rules, "decision");
}

static struct qf_slice text_of(const struct qf_dmn_xml *entry)
{
    const struct qf_dmn_xml *text = qf_dmn_xml_child(entry, "text");
    return text == NULL ? qf_slice_of("") : qf_dmn_trim(text->text);
}

/* Whether the rule cites the clause, or (NULL) any: in an annotation, or in its description, which
 * is where editors made with dmn-js keep their column of annotations. */
static bool cites(const struct qf_dmn_xml *rule, const struct qf_slice *clause)
{
    const struct qf_dmn_xml *entry = qf_dmn_xml_child(rule, "annotationEntry");
    const struct qf_dmn_xml *description = qf_dmn_xml_child(rule, "description");
    bool described = description != NULL && (entry == NULL || text_of(entry).size == 0);
    for (; entry != NULL; entry = qf_dmn_xml_next(entry))
        if (clause == NULL ? text_of(entry).size > 0 : qf_slice_equal(text_of(entry), *clause))
            return true;
    struct qf_slice text = described ? qf_dmn_trim(description->text) : qf_slice_of("");
    return described && (clause == NULL ? text.size > 0 : qf_slice_equal(text, *clause));
}

static void check_rule(struct qf_inspection *in, const struct qf_dmn_xml *rule,
                       struct qf_slice decision, unsigned number)
{
    if (cites(rule, NULL))
        return;
    const struct qf_folder_problem place = {
        .file = DMN,
        .element = qf_arena_text(&in->folder->arena, qf_dmn_xml_attr(rule, "id")),
        .line = rule->line,
        .column = rule->column};
    qf_folder_report(in->folder, &place,
                     "rule %u of decision %.*s cites no clause: say in an annotation which "
                     "provision it applies",
                     number, QF_SLICE_ARGS(decision));
}

void qf_inspect_rules(struct qf_inspection *in)
{
    const struct qf_dmn_xml *at = decisions_of(in);
    for (; at != NULL; at = qf_dmn_xml_next(at)) {
        const struct qf_dmn_xml *table = qf_dmn_xml_child(at, "decisionTable");
        const struct qf_dmn_xml *rule = table == NULL ? NULL : qf_dmn_xml_child(table, "rule");
        unsigned number = 0;
        for (; rule != NULL; rule = qf_dmn_xml_next(rule))
            check_rule(in, rule, qf_dmn_xml_attr(at, "name"), ++number);
    }
}

/* A FEEL literal without escapes: its content; else empty. */
static struct qf_slice literal(struct qf_slice text)
{
    if (text.size < 3 || text.data[0] != '"' || text.data[text.size - 1] != '"')
        return (struct qf_slice){0};
    struct qf_slice inner = qf_slice_make(text.data + 1, text.size - 2);
    bool plain =
        memchr(inner.data, '"', inner.size) == NULL && memchr(inner.data, '\\', inner.size) == NULL;
    return plain ? inner : (struct qf_slice){0};
}

void qf_inspect_outcomes(struct qf_inspection *in, struct qf_slice decision,
                         void (*each)(void *arg, struct qf_slice outcome), void *arg)
{
    const struct qf_dmn_xml *at = decisions_of(in);
    while (at != NULL && !qf_slice_equal(qf_dmn_xml_attr(at, "name"), decision))
        at = qf_dmn_xml_next(at);
    const struct qf_dmn_xml *table = at == NULL ? NULL : qf_dmn_xml_child(at, "decisionTable");
    const struct qf_dmn_xml *rule = table == NULL ? NULL : qf_dmn_xml_child(table, "rule");
    for (; rule != NULL; rule = qf_dmn_xml_next(rule)) {
        const struct qf_dmn_xml *entry = qf_dmn_xml_child(rule, "outputEntry");
        for (; entry != NULL; entry = qf_dmn_xml_next(entry)) {
            struct qf_slice text = literal(text_of(entry));
            if (text.size > 0)
                each(arg, text);
        }
    }
}

bool qf_inspect_cites(struct qf_inspection *in, struct qf_slice clause)
{
    const struct qf_dmn_xml *at = decisions_of(in);
    for (; at != NULL; at = qf_dmn_xml_next(at)) {
        const struct qf_dmn_xml *table = qf_dmn_xml_child(at, "decisionTable");
        const struct qf_dmn_xml *rule = table == NULL ? NULL : qf_dmn_xml_child(table, "rule");
        for (; rule != NULL; rule = qf_dmn_xml_next(rule))
            if (cites(rule, &clause))
                return true;
    }
    return in->rules == NULL;
}
