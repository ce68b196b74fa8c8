#include "service/explain.h"

struct explaining {
    struct qf_arena *arena;
    const struct qf_explain_question *question;
    struct qf_json trace;
};

static const struct qf_json *member(const struct qf_json *object, const char *name)
{
    return object != NULL && object->type == QF_JSON_OBJECT ? qf_json_get(object, name) : NULL;
}

static const struct qf_json *member_slice(const struct qf_json *object, struct qf_slice name)
{
    return object != NULL && object->type == QF_JSON_OBJECT ? qf_json_get_slice(object, name)
                                                            : NULL;
}

struct qf_json qf_explain_words(struct qf_arena *arena, const struct qf_json *package,
                                const char *group, struct qf_slice within, struct qf_slice key)
{
    static const char *const langs[] = {"en", "zh"};
    struct qf_json words = qf_json_make_object();
    for (size_t i = 0; i < sizeof langs / sizeof langs[0]; i++) {
        const struct qf_json *found = member(member(member(package, "texts"), langs[i]), group);
        if (within.size > 0)
            found = member_slice(found, within);
        found = member_slice(found, key);
        if (found != NULL && found->type == QF_JSON_OBJECT)
            found = qf_json_get(found, "title");
        if (found != NULL && found->type == QF_JSON_STRING)
            qf_json_put(arena, &words, langs[i], *found);
    }
    return words.count > 0 ? words : qf_json_make_null();
}

static void put_words(struct explaining *e, struct qf_json *item, const char *group,
                      struct qf_slice within, const struct qf_json *value)
{
    if (value->type != QF_JSON_STRING)
        return;
    struct qf_json words =
        qf_explain_words(e->arena, e->question->package, group, within, qf_json_text(value));
    if (words.type == QF_JSON_OBJECT)
        qf_json_put(e->arena, item, "words", words);
}

static void put_titles(struct explaining *e, struct qf_json *item, struct qf_slice field)
{
    const struct qf_json *fields = member(member(e->question->package, "manifest"), "fields");
    const struct qf_json *titles = member(member_slice(fields, field), "titles");
    if (titles != NULL)
        qf_json_put(e->arena, item, "titles", *titles);
}

/* An input of another name than its field has no title of its own: that of the field is meant
 * where the decision's task says which it is. */
static void put_inputs(struct explaining *e, struct qf_json *out, const struct qf_json *open,
                       const struct qf_json *sealed)
{
    struct qf_json items = qf_json_make_array();
    for (uint32_t i = 0; open != NULL && i < open->count; i++) {
        const struct qf_json_member *input = &open->members[i];
        struct qf_json item = qf_json_make_object();
        qf_json_put(e->arena, &item, "name", qf_json_make_slice(input->key));
        put_titles(e, &item, input->key);
        qf_json_put(e->arena, &item, "value", input->value);
        put_words(e, &item, "values", input->key, &input->value);
        qf_json_append(e->arena, &items, item);
    }
    for (uint32_t i = 0; sealed != NULL && i < sealed->count; i++) {
        struct qf_json item = qf_json_make_object();
        qf_json_put(e->arena, &item, "name", qf_json_make_slice(sealed->members[i].key));
        qf_json_put(e->arena, &item, "sealed", sealed->members[i].value);
        put_titles(e, &item, sealed->members[i].key);
        if (member_slice(open, sealed->members[i].key) == NULL)
            qf_json_append(e->arena, &items, item);
    }
    qf_json_put(e->arena, out, "inputs", items);
}

static void add_rule(struct explaining *e, struct qf_json *rules, const struct qf_json *table,
                     const struct qf_json *rule)
{
    const struct qf_json *notes = qf_json_get(rule, "annotations");
    const struct qf_json *id = qf_json_get(rule, "id");
    struct qf_json item = qf_json_make_object(), clauses = qf_json_make_array();
    for (uint32_t i = 0; notes != NULL && i < notes->count; i++) {
        const struct qf_json *text = notes->items[i].type == QF_JSON_OBJECT
                                         ? qf_json_get(&notes->items[i], "text")
                                         : &notes->items[i];
        if (text != NULL && text->type == QF_JSON_STRING && text->count > 0)
            qf_json_append(e->arena, &clauses, *text);
    }
    qf_json_put(e->arena, &item, "clauses", clauses);
    if (id != NULL && id->type == QF_JSON_STRING && id->count > 0)
        qf_json_put(e->arena, &item, "id", *id);
    qf_json_put(e->arena, &item, "rule", *qf_json_get(rule, "rule"));
    qf_json_put(e->arena, &item, "table", *qf_json_get(table, "in"));
    qf_json_append(e->arena, rules, item);
}

static void put_rules(struct explaining *e, struct qf_json *out)
{
    const struct qf_json *tables = member(&e->trace, "tables");
    struct qf_json rules = qf_json_make_array();
    for (uint32_t i = 0; tables != NULL && i < tables->count; i++) {
        const struct qf_json *matched = qf_json_get(&tables->items[i], "matched");
        for (uint32_t k = 0; matched != NULL && k < matched->count; k++)
            add_rule(e, &rules, &tables->items[i], &matched->items[k]);
    }
    qf_json_put(e->arena, out, "rules", rules);
}

/* What the record says of it anyway. */
static void put_record(struct explaining *e, struct qf_json *out)
{
    static const char *const names[] = {"actor", "decision", "leaf", "node",   "task",
                                        "time",  "trace",    "zone", "version"};
    const struct qf_json *record = e->question->record;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct qf_json *value = qf_json_get(record, names[i]);
        if (value != NULL)
            qf_json_put(e->arena, out, names[i], *value);
    }
    if (qf_json_get(record, "version") == NULL)
        qf_json_put(e->arena, out, "version", qf_json_make_slice(e->question->version));
}

/* The sealed field that takes the outcome, or NULL. */
static const struct qf_service_field *sealing(const struct explaining *e)
{
    const struct qf_service_model *model = e->question->model;
    const struct qf_json *id = qf_json_get(e->question->record, "node");
    if (model == NULL || id == NULL || id->type != QF_JSON_STRING)
        return NULL;
    uint16_t node = qf_bpmn_find_node(&model->bpmn, qf_json_text(id));
    const struct qf_service_field *field =
        node == QF_BPMN_NONE ? NULL
                             : qf_service_field_of(model, model->bpmn.nodes[node].ext.result);
    return field != NULL && field->sealed ? field : NULL;
}

/* The record of an open decision does not hold its outcome: it is what comes out again. */
static void put_outcome(struct explaining *e, struct qf_json *out,
                        const struct qf_service_outcome *made, bool differs)
{
    const struct qf_json *recorded = qf_json_get(e->question->record, "outcome");
    const struct qf_service_field *field = recorded != NULL ? sealing(e) : NULL;
    if (field != NULL)
        qf_json_put(e->arena, out, "sealed", *recorded);
    if (recorded != NULL && field == NULL)
        qf_json_put(e->arena, out, "outcome", *recorded);
    else if (made != NULL)
        qf_json_put(e->arena, out, "outcome", made->value);
    if (made == NULL || !differs)
        return;
    struct qf_json other = qf_json_make_object();
    qf_json_put(e->arena, &other, "outcome", made->value);
    qf_json_put(e->arena, &other, "trace",
                qf_json_make_slice(
                    qf_arena_copy(e->arena, qf_slice_make(made->hash, QF_DECISION_HASH_SIZE))));
    qf_json_put(e->arena, out, "again", other);
}

static enum qf_status again(struct explaining *e, struct qf_service_outcome *outcome,
                            struct qf_error *err)
{
    const struct qf_explain_question *question = e->question;
    struct qf_buf text = {0};
    if (question->model == NULL)
        return qf_fail(err, QF_CANNOT_TELL, "version", "the package of the version is not there");
    enum qf_status status =
        qf_service_replay(question->model, e->arena, &text, outcome, question->record,
                          question->revealed, qf_slice_of(QF_SERVICE_ZONE), err);
    qf_buf_deinit(&text);
    if (outcome->trace.size > 0 &&
        qf_json_parse(e->arena, &e->trace, outcome->trace, QF_JSON_ANY, NULL) != QF_OK)
        e->trace = qf_json_make_null();
    return status;
}

struct qf_json qf_explain(struct qf_arena *arena, struct qf_service_outcome *outcome,
                          const struct qf_explain_question *question, struct qf_error *err)
{
    struct explaining e = {.arena = arena, .question = question, .trace = qf_json_make_null()};
    struct qf_service_outcome own = {0};
    struct qf_json out = qf_json_make_object();
    enum qf_status status = again(&e, &own, err);
    bool made = e.trace.type == QF_JSON_OBJECT;
    struct qf_json same = qf_json_make_bool(status == QF_OK);
    if (status != QF_OK && status != QF_INVALID)
        same = qf_json_make_null();
    put_record(&e, &out);
    put_outcome(&e, &out, made ? &own : NULL, status == QF_INVALID);
    const struct qf_json *shown = qf_json_get(&out, "outcome");
    const struct qf_json *decision = qf_json_get(question->record, "decision");
    if (shown != NULL && decision != NULL && decision->type == QF_JSON_STRING)
        put_words(&e, &out, "outcomes", qf_json_text(decision), shown);
    put_inputs(&e, &out, made ? &own.inputs : qf_json_get(question->record, "inputs"),
               qf_json_get(question->record, "sealed"));
    put_rules(&e, &out);
    qf_json_put(arena, &out, "same", same);
    if (status != QF_OK)
        qf_json_put(
            arena, &out, "detail",
            qf_json_make_text(qf_arena_printf(arena, "%s%s%s", err->field,
                                              err->field[0] != '\0' ? ": " : "", err->detail)));
    if (outcome != NULL)
        *outcome = own;
    return out;
}
