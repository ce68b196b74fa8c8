/* Decision tables: compiling their cells, and finding what they decide. */
#include "dmn/model.h"
#include "feel/builtin.h"
#include "feel/number.h"

#define FEW 16

/* ---- evaluation ---- */

struct hits {
    struct qf_feel_ev *ev;
    uint32_t few[FEW];
    uint32_t *rules;
    uint32_t count;
    uint32_t capacity;
};

static void add_hit(struct hits *hits, uint32_t rule)
{
    if (hits->count == hits->capacity) {
        uint32_t *more = qf_feel_alloc(hits->ev, sizeof *more * hits->capacity * 2);
        memcpy(more, hits->rules, sizeof *more * hits->count);
        hits->rules = more;
        hits->capacity *= 2;
    }
    hits->rules[hits->count++] = rule;
}

static bool rule_matches(struct qf_feel_ev *ev, const struct qf_dmn_table *table, uint32_t rule,
                         const struct qf_feel_value *inputs, const struct qf_feel_frame *frame)
{
    for (uint32_t i = 0; i < table->column_count; i++) {
        if (!qf_dmn_index_open(table->index, inputs, i, rule))
            continue;
        struct qf_feel_value *slot = qf_feel_alloc(ev, sizeof *slot);
        *slot = inputs[i];
        struct qf_feel_frame *inner = qf_feel_alloc(ev, sizeof *inner);
        *inner = (struct qf_feel_frame){frame, frame->run, slot};
        qf_feel_step(ev, 1);
        struct qf_feel_value passed = QF_FEEL_RUN(ev, table->rules[rule].tests[i], inner);
        if (!qf_feel_is_true(&passed))
            return false;
    }
    return true;
}

static void find_hits(struct hits *hits, const struct qf_dmn_table *table,
                      const struct qf_feel_value *inputs, const struct qf_feel_frame *frame)
{
    uint32_t words = (table->rule_count + QF_DMN_WORD_BITS - 1) / QF_DMN_WORD_BITS;
    uint64_t few[FEW];
    uint64_t *set = words <= FEW ? few : qf_feel_alloc(hits->ev, sizeof *set * words);
    uint32_t most = table->policy == QF_DMN_FIRST    ? 1
                    : table->policy == QF_DMN_UNIQUE ? 2
                                                     : UINT32_MAX;
    qf_feel_step(hits->ev, 1 + words);
    qf_dmn_index_match(table->index, inputs, set);
    for (uint32_t w = 0; w < words; w++) {
        for (uint64_t rest = set[w]; rest != 0; rest &= rest - 1) {
            uint32_t rule = w * QF_DMN_WORD_BITS + (uint32_t)__builtin_ctzll(rest);
            if (rule_matches(hits->ev, table, rule, inputs, frame))
                add_hit(hits, rule);
            if (hits->count == most)
                return;
        }
    }
}

static struct qf_feel_value output_value(struct qf_feel_ev *ev, const struct qf_dmn_table *table,
                                         const struct qf_feel_node *const *nodes,
                                         const struct qf_feel_frame *frame,
                                         const struct qf_feel_node *node)
{
    struct qf_feel_entry *entries = NULL;
    uint8_t nesting = 0;
    if (table->output_count > 1)
        entries = qf_feel_alloc(ev, sizeof *entries * table->output_count);
    for (uint32_t i = 0; i < table->output_count; i++) {
        const struct qf_dmn_output *output = &table->outputs[i];
        struct qf_feel_value value =
            nodes[i] == NULL ? qf_feel_null() : QF_FEEL_RUN(ev, nodes[i], frame);
        if (!qf_feel_coerce(ev, &value, output->type))
            value = qf_feel_warn(ev, node, "the output is not of its declared type");
        if (output->allowed != NULL && value.kind != QF_FEEL_NULL) {
            struct qf_feel_value slot = value;
            struct qf_feel_frame inner = {frame, frame->run, &slot};
            struct qf_feel_value passed = QF_FEEL_RUN(ev, output->allowed, &inner);
            if (!qf_feel_is_true(&passed))
                value = qf_feel_warn(ev, node, "the output is not among the allowed values");
        }
        if (table->output_count == 1)
            return value;
        entries[i] = (struct qf_feel_entry){output->name, value};
        nesting = qf_feel_around(ev, nesting, &value);
    }
    struct qf_feel_context *context = qf_feel_alloc(ev, sizeof *context);
    *context = (struct qf_feel_context){table->output_count, entries};
    return (struct qf_feel_value){.kind = QF_FEEL_CONTEXT, .nesting = nesting, .context = context};
}

static struct qf_feel_value rule_value(struct qf_feel_ev *ev, const struct qf_dmn_table *table,
                                       uint32_t rule, const struct qf_feel_frame *frame,
                                       const struct qf_feel_node *node)
{
    return output_value(ev, table, table->rules[rule].results, frame, node);
}

/* Place of an output among those ranked; behind all when it is not ranked. */
static uint32_t rank_of(struct qf_feel_ev *ev, const struct qf_feel_value *ranking,
                        const struct qf_feel_value *value)
{
    if (ranking->kind != QF_FEEL_LIST)
        return 0;
    for (uint32_t i = 0; i < ranking->count; i++)
        if (qf_feel_test_matches(ev, value, &ranking->items[i]))
            return i;
    return ranking->count;
}

/* Whether outputs `a` come before `b`: by the first output that differs in rank. */
static bool ranks_before(struct qf_feel_ev *ev, const struct qf_dmn_table *table,
                         const struct qf_feel_value *a, const struct qf_feel_value *b,
                         const struct qf_feel_frame *frame)
{
    for (uint32_t i = 0; i < table->output_count; i++) {
        const struct qf_dmn_output *output = &table->outputs[i];
        if (output->ranking == NULL)
            continue;
        struct qf_feel_value ranking = QF_FEEL_RUN(ev, output->ranking, frame);
        const struct qf_feel_value *x =
            table->output_count == 1 ? a : &a->context->entries[i].value;
        const struct qf_feel_value *y =
            table->output_count == 1 ? b : &b->context->entries[i].value;
        uint32_t rank_x = rank_of(ev, &ranking, x);
        uint32_t rank_y = rank_of(ev, &ranking, y);
        qf_feel_step(ev, 1);
        if (rank_x != rank_y)
            return rank_x < rank_y;
    }
    return false;
}

/* All matches' outputs; sorted by priority when asked, equal ones in the order of the rules. */
static struct qf_feel_value all_values(struct qf_feel_ev *ev, const struct qf_dmn_table *table,
                                       const struct hits *hits, bool sorted,
                                       const struct qf_feel_frame *frame,
                                       const struct qf_feel_node *node)
{
    struct qf_feel_items items = {0};
    for (uint32_t i = 0; i < hits->count; i++) {
        struct qf_feel_value value = rule_value(ev, table, hits->rules[i], frame, node);
        qf_feel_items_put(ev, &items, &value);
        for (uint32_t at = items.count - 1;
             sorted && at > 0 &&
             ranks_before(ev, table, &items.items[at], &items.items[at - 1], frame);
             at--) {
            struct qf_feel_value swap = items.items[at];
            items.items[at] = items.items[at - 1];
            items.items[at - 1] = swap;
        }
    }
    return qf_feel_items_list(&items);
}

static struct qf_feel_value aggregate(struct qf_feel_ev *ev, const struct qf_dmn_table *table,
                                      const struct qf_feel_value *list,
                                      const struct qf_feel_node *node)
{
    struct qf_feel_args args = {ev, node, list, 1, 0};
    switch (table->aggregation) {
    case QF_DMN_LIST:
        break;
    case QF_DMN_SUM:
        return qf_feel_fn_sum(&args);
    case QF_DMN_COUNT:
        return qf_feel_int(list->count);
    case QF_DMN_MIN:
        return qf_feel_fn_least(&args);
    case QF_DMN_MAX:
        return qf_feel_fn_greatest(&args);
    }
    return *list;
}

/* The default, else null, whatever the policy (DMN 1.5, 10.3.2.10). */
static struct qf_feel_value no_hit(struct qf_feel_ev *ev, const struct qf_dmn_table *table,
                                   const struct qf_feel_frame *frame,
                                   const struct qf_feel_node *node)
{
    bool has_default = false;
    const struct qf_feel_node **nodes =
        qf_feel_alloc(ev, sizeof(struct qf_feel_node *) * (table->output_count + 1));
    for (uint32_t i = 0; i < table->output_count; i++) {
        nodes[i] = table->outputs[i].otherwise;
        has_default = has_default || nodes[i] != NULL;
    }
    bool gives_list = table->policy == QF_DMN_RULE_ORDER || table->policy == QF_DMN_OUTPUT_ORDER ||
                      (table->policy == QF_DMN_COLLECT && table->aggregation == QF_DMN_LIST);
    if (gives_list && has_default && table->output_count == 1) {
        struct qf_feel_value value = QF_FEEL_RUN(ev, nodes[0], frame);
        if (value.kind == QF_FEEL_LIST) /* of the whole, such as [] */
            return value;
    }
    if (has_default)
        return output_value(ev, table, nodes, frame, node);
    return qf_feel_null();
}

static struct qf_feel_value decide(struct qf_feel_ev *ev, const struct qf_dmn_table *table,
                                   const struct hits *hits, const struct qf_feel_frame *frame,
                                   const struct qf_feel_node *node)
{
    if (hits->count == 0)
        return no_hit(ev, table, frame, node);
    struct qf_feel_value list;
    switch (table->policy) {
    case QF_DMN_UNIQUE:
        if (hits->count > 1)
            return qf_feel_warn(ev, node, "more than one rule of a UNIQUE table matches");
        break;
    case QF_DMN_FIRST:
        break;
    case QF_DMN_ANY:
        list = all_values(ev, table, hits, false, frame, node);
        for (uint32_t i = 1; i < list.count; i++)
            if (qf_feel_run_same(ev, &list.items[0], &list.items[i]) != 1)
                return qf_feel_warn(ev, node, "the rules of an ANY table differ");
        return list.items[0];
    case QF_DMN_PRIORITY:
        return all_values(ev, table, hits, true, frame, node).items[0];
    case QF_DMN_OUTPUT_ORDER:
        return all_values(ev, table, hits, true, frame, node);
    case QF_DMN_RULE_ORDER:
        return all_values(ev, table, hits, false, frame, node);
    case QF_DMN_COLLECT:
        list = all_values(ev, table, hits, false, frame, node);
        return aggregate(ev, table, &list, node);
    }
    return rule_value(ev, table, hits->rules[0], frame, node);
}

static void leave_trace(struct qf_feel_ev *ev, struct qf_dmn_trace *trace,
                        const struct qf_dmn_table *table, const struct qf_feel_value *inputs,
                        const struct hits *hits, const struct qf_feel_value *output)
{
    struct qf_dmn_step *step = qf_feel_alloc(ev, sizeof *step);
    struct qf_feel_value *kept = qf_feel_alloc(ev, sizeof *kept * table->column_count);
    uint32_t *matched = qf_feel_alloc(ev, sizeof *matched * (hits->count + 1));
    if (table->column_count > 0)
        memcpy(kept, inputs, sizeof *kept * table->column_count);
    memcpy(matched, hits->rules, sizeof *matched * hits->count);
    *step = (struct qf_dmn_step){NULL, table, kept, matched, hits->count, *output};
    if (trace->last == NULL)
        trace->first = step;
    else
        trace->last->next = step;
    trace->last = step;
}

static bool read_input(struct qf_feel_ev *ev, const struct qf_dmn_column *column,
                       const struct qf_feel_frame *frame, struct qf_feel_value *out,
                       const struct qf_feel_node *node)
{
    *out = QF_FEEL_RUN(ev, column->input, frame);
    if (!qf_feel_coerce(ev, out, column->type))
        *out = qf_feel_warn(ev, node, "an input is not of its declared type");
    if (column->allowed == NULL || out->kind == QF_FEEL_NULL)
        return true;
    struct qf_feel_value slot = *out;
    struct qf_feel_frame inner = {frame, frame->run, &slot};
    struct qf_feel_value passed = QF_FEEL_RUN(ev, column->allowed, &inner);
    if (qf_feel_is_true(&passed))
        return true;
    (void)qf_feel_warn(ev, node, "an input is not among the allowed values");
    return false;
}

static struct qf_feel_value run_table(struct qf_feel_ev *ev, const struct qf_feel_node *node,
                                      const struct qf_feel_frame *frame)
{
    const struct qf_dmn_table *table = node->data;
    struct qf_feel_value few[FEW];
    struct qf_feel_value *inputs = few;
    if (table->column_count > FEW)
        inputs = qf_feel_alloc(ev, sizeof *inputs * table->column_count);
    for (uint32_t i = 0; i < table->column_count; i++)
        if (!read_input(ev, &table->columns[i], frame, &inputs[i], node))
            return qf_feel_null();
    struct hits hits;
    hits.ev = ev;
    hits.rules = hits.few;
    hits.count = 0;
    hits.capacity = FEW;
    find_hits(&hits, table, inputs, frame);
    struct qf_feel_value out = decide(ev, table, &hits, frame, node);
    const struct qf_dmn_run *run = frame->run;
    if (run != NULL && run->trace != NULL)
        leave_trace(ev, run->trace, table, inputs, &hits, &out);
    return out;
}

/* ---- compilation ---- */

static const struct qf_feel_node *compile_tests(struct qf_dmn_unit *unit,
                                                const struct qf_feel_scope *scope,
                                                const struct qf_dmn_xml *holder,
                                                const struct qf_feel_type *type)
{
    struct qf_feel_binding *binding = QF_ARENA_NEW(unit->model->arena, struct qf_feel_binding);
    struct qf_feel_scope inner = {scope, QF_FEEL_SCOPE_FRAME, binding, 1};
    *binding = (struct qf_feel_binding){.name = qf_slice_of("?"), .type = type};
    const struct qf_dmn_xml *text = holder == NULL ? NULL : qf_dmn_xml_child(holder, "text");
    const struct qf_feel_node *node =
        text == NULL ? NULL : qf_dmn_feel(unit, &inner, text, text->text, true);
    if (node == NULL) { /* no cell at all allows anything; one that cannot be read, nothing */
        struct qf_feel_node *none = qf_feel_node_new(unit->model->arena, qf_feel_run_tests,
                                                     &qf_feel_type_any, text == NULL ? 0 : 1);
        if (text != NULL) {
            struct qf_feel_node *never =
                qf_feel_node_new(unit->model->arena, qf_feel_run_test_value, &qf_feel_type_any, 1);
            never->kids[0] = qf_feel_node_literal(unit->model->arena, qf_feel_null());
            never->uses_input = true;
            none->kids[0] = never;
        }
        node = none;
    }
    return node;
}

static const struct qf_feel_node *compile_allowed(struct qf_dmn_unit *unit,
                                                  const struct qf_feel_scope *scope,
                                                  const struct qf_dmn_xml *holder,
                                                  const struct qf_feel_type *type)
{
    if (holder == NULL || qf_dmn_xml_child(holder, "text") == NULL)
        return NULL;
    const struct qf_feel_node *node = compile_tests(unit, scope, holder, type);
    return node->count == 0 ? NULL : node;
}

static const struct qf_feel_node *compile_text(struct qf_dmn_unit *unit,
                                               const struct qf_feel_scope *scope,
                                               const struct qf_dmn_xml *holder)
{
    const struct qf_dmn_xml *text = holder == NULL ? NULL : qf_dmn_xml_child(holder, "text");
    if (text == NULL || qf_dmn_trim(text->text).size == 0)
        return NULL;
    const struct qf_feel_node *node = qf_dmn_feel(unit, scope, text, text->text, false);
    return node != NULL ? node : qf_feel_node_literal(unit->model->arena, qf_feel_null());
}

static void compile_column(struct qf_dmn_unit *unit, const struct qf_feel_scope *scope,
                           const struct qf_dmn_xml *xml, struct qf_dmn_column *out)
{
    const struct qf_dmn_xml *expression = qf_dmn_xml_child(xml, "inputExpression");
    const struct qf_dmn_xml *text =
        expression == NULL ? NULL : qf_dmn_xml_child(expression, "text");
    out->type = &qf_feel_type_any;
    if (expression != NULL)
        out->type = qf_dmn_type_ref(unit, expression, qf_dmn_xml_attr(expression, "typeRef"));
    out->input = compile_text(unit, scope, expression);
    out->name = text == NULL ? qf_dmn_xml_attr(xml, "label") : qf_dmn_trim(text->text);
    if (out->input == NULL) {
        qf_dmn_report(unit, xml, true, "the input has no expression");
        out->input = qf_feel_node_literal(unit->model->arena, qf_feel_null());
    }
    qf_dmn_check_type(unit, expression != NULL ? expression : xml, "the input", out->input->type,
                      out->type);
    out->allowed = compile_allowed(unit, scope, qf_dmn_xml_child(xml, "inputValues"), out->type);
}

/* The allowed values in the order in which they stand: as a list. */
static const struct qf_feel_node *compile_ranking(struct qf_dmn_unit *unit,
                                                  const struct qf_feel_scope *scope,
                                                  const struct qf_dmn_xml *at, struct qf_slice text)
{
    if (qf_dmn_trim(text).size == 0)
        return NULL;
    char *list = qf_arena_printf(unit->model->arena, "[%.*s]", QF_SLICE_ARGS(text));
    return qf_dmn_feel(unit, scope, at, qf_slice_of(list), false);
}

static void compile_output(struct qf_dmn_unit *unit, const struct qf_feel_scope *scope,
                           const struct qf_dmn_xml *xml, struct qf_dmn_output *out)
{
    const struct qf_dmn_xml *values = qf_dmn_xml_child(xml, "outputValues");
    const struct qf_dmn_xml *text = values == NULL ? NULL : qf_dmn_xml_child(values, "text");
    out->name = qf_feel_name_normal(unit->model->arena, qf_dmn_xml_attr(xml, "name"));
    out->type = qf_dmn_type_ref(unit, xml, qf_dmn_xml_attr(xml, "typeRef"));
    out->allowed = compile_allowed(unit, scope, values, out->type);
    out->otherwise = compile_text(unit, scope, qf_dmn_xml_child(xml, "defaultOutputEntry"));
    out->ranking = compile_ranking(unit, scope, text == NULL ? xml : text,
                                   text == NULL ? out->type->allowed : text->text);
}

static uint32_t count_children(const struct qf_dmn_xml *xml, const char *name)
{
    uint32_t count = 0;
    for (const struct qf_dmn_xml *e = qf_dmn_xml_child(xml, name); e != NULL;
         e = qf_dmn_xml_next(e))
        count++;
    return count;
}

static void compile_rule(struct qf_dmn_unit *unit, const struct qf_feel_scope *scope,
                         const struct qf_dmn_xml *xml, const struct qf_dmn_table *table,
                         struct qf_dmn_rule *out)
{
    struct qf_arena *arena = unit->model->arena;
    out->id = qf_dmn_xml_attr(xml, "id");
    out->tests = qf_arena_zalloc(arena, sizeof(struct qf_feel_node *) * table->column_count);
    out->results = qf_arena_zalloc(arena, sizeof(struct qf_feel_node *) * table->output_count);
    if (count_children(xml, "inputEntry") != table->column_count ||
        count_children(xml, "outputEntry") != table->output_count)
        qf_dmn_report(unit, xml, true, "the rule needs %u input and %u output entries",
                      table->column_count, table->output_count);
    const struct qf_dmn_xml *entry = qf_dmn_xml_child(xml, "inputEntry");
    for (uint32_t i = 0; i < table->column_count; i++) {
        const struct qf_dmn_column *column = &table->columns[i];
        out->tests[i] =
            compile_tests(unit, scope, entry,
                          column->type->kind == QF_FEEL_ANY ? column->input->type : column->type);
        entry = entry == NULL ? NULL : qf_dmn_xml_next(entry);
    }
    entry = qf_dmn_xml_child(xml, "outputEntry");
    for (uint32_t i = 0; i < table->output_count; i++) {
        out->results[i] = compile_text(unit, scope, entry);
        if (out->results[i] != NULL)
            qf_dmn_check_type(unit, entry, "the entry", out->results[i]->type,
                              table->outputs[i].type);
        entry = entry == NULL ? NULL : qf_dmn_xml_next(entry);
    }
    struct qf_slice *annotations = QF_ARENA_ARRAY(arena, struct qf_slice, table->annotation_count);
    entry = qf_dmn_xml_child(xml, "annotationEntry");
    for (uint32_t i = 0; i < table->annotation_count && entry != NULL; i++) {
        const struct qf_dmn_xml *text = qf_dmn_xml_child(entry, "text");
        annotations[i] = text == NULL ? (struct qf_slice){NULL, 0} : qf_dmn_trim(text->text);
        entry = qf_dmn_xml_next(entry);
    }
    const struct qf_dmn_xml *description = qf_dmn_xml_child(xml, "description");
    if (table->annotation_count > 0 && annotations[0].size == 0 && description != NULL)
        annotations[0] = qf_dmn_trim(description->text);
    out->annotations = annotations;
}

static void read_policy(struct qf_dmn_unit *unit, const struct qf_dmn_xml *xml,
                        struct qf_dmn_table *table)
{
    static const struct {
        const char *name;
        enum qf_dmn_policy policy;
    } policies[] = {{"UNIQUE", QF_DMN_UNIQUE},
                    {"ANY", QF_DMN_ANY},
                    {"PRIORITY", QF_DMN_PRIORITY},
                    {"FIRST", QF_DMN_FIRST},
                    {"COLLECT", QF_DMN_COLLECT},
                    {"RULE ORDER", QF_DMN_RULE_ORDER},
                    {"OUTPUT ORDER", QF_DMN_OUTPUT_ORDER}};
    static const struct {
        const char *name;
        enum qf_dmn_aggregation aggregation;
    } aggregations[] = {
        {"SUM", QF_DMN_SUM}, {"COUNT", QF_DMN_COUNT}, {"MIN", QF_DMN_MIN}, {"MAX", QF_DMN_MAX}};
    struct qf_slice policy = qf_dmn_xml_attr(xml, "hitPolicy");
    struct qf_slice aggregation = qf_dmn_xml_attr(xml, "aggregation");
    bool known = policy.size == 0;
    for (size_t i = 0; i < sizeof policies / sizeof policies[0]; i++) {
        if (qf_slice_is(policy, policies[i].name)) {
            table->policy = policies[i].policy;
            known = true;
        }
    }
    if (!known)
        qf_dmn_report(unit, xml, true,
                      "there is no hit policy %.*s; it is UNIQUE, ANY, PRIORITY, FIRST, COLLECT, "
                      "RULE ORDER or OUTPUT ORDER",
                      QF_SLICE_ARGS(policy));
    bool aggregates = aggregation.size == 0;
    for (size_t i = 0; i < sizeof aggregations / sizeof aggregations[0]; i++) {
        if (qf_slice_is(aggregation, aggregations[i].name)) {
            table->aggregation = aggregations[i].aggregation;
            aggregates = true;
        }
    }
    if (!aggregates)
        qf_dmn_report(unit, xml, true, "there is no aggregation %.*s; it is SUM, COUNT, MIN or MAX",
                      QF_SLICE_ARGS(aggregation));
}

/* What the policy needs of the outputs. */
static void check_outputs(struct qf_dmn_unit *unit, const struct qf_dmn_xml *xml,
                          const struct qf_dmn_table *table)
{
    bool ranks = table->policy == QF_DMN_PRIORITY || table->policy == QF_DMN_OUTPUT_ORDER;
    bool ranked = false;
    for (uint32_t i = 0; i < table->output_count; i++) {
        const struct qf_dmn_output *output = &table->outputs[i];
        ranked = ranked || output->ranking != NULL;
        if (table->output_count > 1 && output->name.size == 0)
            qf_dmn_report(unit, xml, true,
                          "output %u has no name: with several outputs the result is a context",
                          i + 1);
    }
    if (ranks && !ranked)
        qf_dmn_report(unit, xml, true,
                      "the hit policy takes outputs in the order of their output values, and none "
                      "are given");
    if (table->output_count > 1 && table->aggregation != QF_DMN_LIST)
        qf_dmn_report(unit, xml, true, "only a single output can be aggregated");
}

const struct qf_feel_node *qf_dmn_table_compile(struct qf_dmn_unit *unit,
                                                const struct qf_feel_scope *scope,
                                                const struct qf_dmn_xml *xml)
{
    struct qf_arena *arena = unit->model->arena;
    struct qf_dmn_table *table = QF_ARENA_NEW(arena, struct qf_dmn_table);
    table->id = qf_dmn_xml_attr(xml, "id");
    table->element = qf_slice_of(unit->model->element_id == NULL ? "" : unit->model->element_id);
    read_policy(unit, xml, table);
    table->column_count = count_children(xml, "input");
    table->output_count = count_children(xml, "output");
    table->rule_count = count_children(xml, "rule");
    table->annotation_count = count_children(xml, "annotation");
    if (table->annotation_count == 0)
        table->annotation_count = 1; /* a rule's description */
    if (table->rule_count > QF_DMN_RULES_MAX || table->output_count == 0) {
        qf_dmn_report(unit, xml, true, "a decision table has an output, and at most %d rules",
                      QF_DMN_RULES_MAX);
        return qf_feel_node_literal(arena, qf_feel_null());
    }
    table->columns = QF_ARENA_ARRAY(arena, struct qf_dmn_column, table->column_count);
    table->outputs = QF_ARENA_ARRAY(arena, struct qf_dmn_output, table->output_count);
    table->rules = QF_ARENA_ARRAY(arena, struct qf_dmn_rule, table->rule_count);
    table->annotation_names = QF_ARENA_ARRAY(arena, struct qf_slice, table->annotation_count);
    uint32_t at[4] = {0};
    for (const struct qf_dmn_xml *e = xml->first; e != NULL; e = e->next) {
        if (qf_slice_is(e->name, "input"))
            compile_column(unit, scope, e, &table->columns[at[0]++]);
        else if (qf_slice_is(e->name, "output"))
            compile_output(unit, scope, e, &table->outputs[at[1]++]);
        else if (qf_slice_is(e->name, "annotation"))
            table->annotation_names[at[2]++] = qf_dmn_xml_attr(e, "name");
    }
    check_outputs(unit, xml, table);
    for (const struct qf_dmn_xml *e = qf_dmn_xml_child(xml, "rule"); e != NULL;
         e = qf_dmn_xml_next(e))
        compile_rule(unit, scope, e, table, &table->rules[at[3]++]);
    table->index = qf_dmn_index_build(arena, table);
    qf_dmn_trace_prepare_table(arena, table);
    struct qf_feel_node *node = qf_feel_node_new(arena, run_table, &qf_feel_type_any, 0);
    node->line = xml->line;
    node->column = xml->column;
    node->data = table;
    return node;
}
