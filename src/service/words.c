/* Texts: complete in both languages, and about something that is there. */
#include <stdio.h>

#include "service/inspect_internal.h"
#include "service/shape.h"

struct words {
    struct qf_inspection *in;
    const struct qf_folder_yaml *file;
    const char *group;          /* "outcomes.Route" */
    const struct qf_json *have; /* what the file has there, or NULL */
};

static void want(const struct words *w, struct qf_slice key, const char *what)
{
    if (w->have != NULL && qf_json_get_slice(w->have, key) != NULL)
        return;
    char at[200];
    snprintf(at, sizeof at, "%s.%.*s", w->group, (int)(key.size > 120 ? 120 : key.size),
             (const char *)key.data);
    QF_FOLDER_ERROR(w->in->folder, w->file->name, at, qf_yaml_line(&w->file->yaml, at),
                    "is missing: %s", what);
}

static struct words group(struct qf_inspection *in, const struct qf_folder_yaml *file,
                          const char *name)
{
    return (struct words){in, file, name, qf_inspect_in(&file->yaml.value, name)};
}

/* The same, one level down. */
static struct words subgroup(const struct words *w, struct qf_slice key)
{
    const struct qf_json *have = w->have != NULL ? qf_json_get_slice(w->have, key) : NULL;
    char *name = qf_arena_printf(&w->in->folder->arena, "%s.%.*s", w->group,
                                 (int)(key.size > 120 ? 120 : key.size), (const char *)key.data);
    return (struct words){w->in, w->file, name,
                          have != NULL && have->type == QF_JSON_OBJECT ? have : NULL};
}

/* What the file has beside what `known` says that there is. */
static void find_idle(const struct words *w,
                      bool (*known)(const struct qf_inspection *in, struct qf_slice key),
                      const char *what)
{
    for (uint32_t i = 0; w->have != NULL && i < w->have->count && !qf_folder_full(w->in->folder);
         i++) {
        struct qf_slice key = w->have->members[i].key;
        char at[200];
        if (known(w->in, key))
            continue;
        snprintf(at, sizeof at, "%s.%.*s", w->group, (int)(key.size > 120 ? 120 : key.size),
                 (const char *)key.data);
        QF_FOLDER_WARNING(w->in->folder, w->file->name, at, qf_yaml_line(&w->file->yaml, at),
                          "stands for nothing: %s", what);
    }
}

static bool is_task(const struct qf_inspection *in, struct qf_slice key)
{
    uint16_t at = qf_bpmn_find_node(in->bpmn, key);
    return at != QF_BPMN_NONE &&
           (qf_bpmn_is_human(&in->bpmn->nodes[at]) || in->bpmn->nodes[at].kind == QF_BPMN_ADHOC);
}

/* What stands in a case's history or outcome without being a task of a person. */
static bool is_step(const struct qf_bpmn_node *node)
{
    static const enum qf_bpmn_kind alone[] = {QF_BPMN_SERVICE, QF_BPMN_RULE, QF_BPMN_SCRIPT,
                                              QF_BPMN_SEND, QF_BPMN_RECEIVE};
    static const enum qf_bpmn_kind events[] = {QF_BPMN_START, QF_BPMN_CATCH, QF_BPMN_THROW,
                                               QF_BPMN_BOUNDARY, QF_BPMN_END};
    bool told = node->event == QF_BPMN_EVENT_MESSAGE || node->event == QF_BPMN_EVENT_TIMER;
    for (size_t i = 0; i < sizeof alone / sizeof alone[0]; i++)
        if (node->kind == alone[i])
            return true;
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++)
        if (node->kind == events[i])
            return told || (node->kind == QF_BPMN_END && node->parent == QF_BPMN_NONE);
    return false;
}

static bool is_step_id(const struct qf_inspection *in, struct qf_slice key)
{
    uint16_t at = qf_bpmn_find_node(in->bpmn, key);
    return at != QF_BPMN_NONE && is_step(&in->bpmn->nodes[at]);
}

/* A name in the drawing is of one language; which, its letters tell. */
static void want_step(const struct words *w, const struct qf_bpmn_node *node)
{
    bool english = true;
    for (size_t i = 0; i < node->name.size; i++)
        english = english && node->name.data[i] < 0x80;
    if (node->name.size == 0 || english == (strcmp(w->file->name, "texts/en.yaml") == 0) ||
        (w->have != NULL && qf_json_get_slice(w->have, node->id) != NULL))
        return;
    char at[200];
    snprintf(at, sizeof at, "%s.%.*s", w->group, (int)(node->id.size > 120 ? 120 : node->id.size),
             (const char *)node->id.data);
    QF_FOLDER_WARNING(w->in->folder, w->file->name, at, qf_yaml_line(&w->file->yaml, at),
                      "is missing: people would read %.*s, as it stands in the drawing",
                      (int)(node->name.size > 100 ? 100 : node->name.size),
                      (const char *)node->name.data);
}

static bool is_choice(const struct qf_inspection *in, struct qf_slice key)
{
    uint16_t at = qf_bpmn_find_flow(in->bpmn, key);
    return at != QF_BPMN_NONE && in->bpmn->nodes[in->bpmn->flows[at].source].choice;
}

static bool is_decision(const struct qf_inspection *in, struct qf_slice key)
{
    for (uint16_t i = 0; i < in->bpmn->node_count; i++)
        if (in->bpmn->nodes[i].kind == QF_BPMN_RULE &&
            qf_slice_equal(in->bpmn->nodes[i].ext.decision, key))
            return true;
    return false;
}

static bool is_field(const struct qf_inspection *in, struct qf_slice key)
{
    return in->fields != NULL && qf_json_get_slice(in->fields, key) != NULL;
}

static void want_outcome(void *arg, struct qf_slice outcome)
{
    want(arg, outcome, "the decision may yield this; say what it means");
}

/* Two choices at one place that read the same: nobody could tell which is which. */
static void check_alike(const struct words *choices)
{
    const struct qf_bpmn_model *bpmn = choices->in->bpmn;
    for (uint16_t i = 0; choices->have != NULL && i < bpmn->flow_count; i++) {
        const struct qf_bpmn_flow *flow = &bpmn->flows[i];
        const struct qf_json *own = qf_json_get_slice(choices->have, flow->id);
        uint16_t other = bpmn->nodes[flow->source].choice ? flow->next_out : QF_BPMN_NONE;
        for (; own != NULL && other != QF_BPMN_NONE; other = bpmn->flows[other].next_out) {
            const struct qf_json *text = qf_json_get_slice(choices->have, bpmn->flows[other].id);
            if (text == NULL || text->type != QF_JSON_STRING || own->type != QF_JSON_STRING ||
                !qf_slice_equal(qf_json_text(text), qf_json_text(own)))
                continue;
            char at[200];
            snprintf(at, sizeof at, "choices.%.*s",
                     (int)(flow->id.size > 120 ? 120 : flow->id.size), (const char *)flow->id.data);
            QF_FOLDER_WARNING(
                choices->in->folder, choices->file->name, at,
                qf_yaml_line(&choices->file->yaml, at),
                "reads like %.*s, which stands beside it: nobody can tell which is "
                "which",
                (int)(bpmn->flows[other].id.size > 100 ? 100 : bpmn->flows[other].id.size),
                (const char *)bpmn->flows[other].id.data);
        }
    }
}

static void check_process(struct qf_inspection *in, const struct qf_folder_yaml *file)
{
    const struct qf_bpmn_model *bpmn = in->bpmn;
    struct words tasks = group(in, file, "tasks"), choices = group(in, file, "choices"),
                 outcomes = group(in, file, "outcomes"), steps = group(in, file, "steps");
    for (uint16_t i = 0; i < bpmn->node_count; i++) {
        const struct qf_bpmn_node *node = &bpmn->nodes[i];
        if (qf_bpmn_is_human(node))
            want(&tasks, node->id, "the title of this task");
        if (is_step(node))
            want_step(&steps, node);
        if (node->kind == QF_BPMN_RULE && node->ext.decision.size > 0) {
            struct words one = subgroup(&outcomes, node->ext.decision);
            qf_inspect_outcomes(in, node->ext.decision, want_outcome, &one);
        }
    }
    for (uint16_t i = 0; i < bpmn->flow_count; i++)
        if (bpmn->nodes[bpmn->flows[i].source].choice)
            want(&choices, bpmn->flows[i].id, "what choosing this flow means");
    check_alike(&choices);
    find_idle(&tasks, is_task, "no task of a person has this id");
    find_idle(&choices, is_choice, "nobody chooses a flow of this id");
    find_idle(&steps, is_step_id, "no event and no task without a person has this id");
    find_idle(&outcomes, is_decision, "the process calls no decision of this name");
}

/* Texts that a form lets somebody choose from. */
static void check_values(struct qf_inspection *in, const struct qf_folder_yaml *file)
{
    struct words values = group(in, file, "values");
    const struct qf_json *schemas = &in->folder->schemas;
    for (uint32_t i = 0; i < schemas->count; i++) {
        const struct qf_json *properties = qf_inspect_in(&schemas->members[i].value, "properties");
        for (uint32_t k = 0; properties != NULL && k < properties->count; k++) {
            const struct qf_json *schema = &properties->members[k].value;
            const struct qf_json *items = qf_inspect_in(schema, "items");
            const struct qf_json *choices = qf_json_get(items != NULL ? items : schema, "enum");
            struct words one = subgroup(&values, properties->members[k].key);
            for (uint32_t n = 0;
                 choices != NULL && choices->type == QF_JSON_ARRAY && n < choices->count; n++)
                if (choices->items[n].type == QF_JSON_STRING)
                    want(&one, qf_json_text(&choices->items[n]),
                         "a form offers this value; say what it means");
        }
    }
    if (in->manifest != NULL)
        find_idle(&values, is_field, "service.yaml has no field of this name");
}

void qf_inspect_words(struct qf_inspection *in)
{
    for (size_t i = 0; i < 2; i++) {
        const struct qf_folder_yaml *file = &in->folder->texts[i];
        if (!file->there)
            continue;
        (void)qf_shape_check(in->folder, file, &qf_shape_texts);
        if (in->bpmn != NULL)
            check_process(in, file);
        check_values(in, file);
    }
}
