/* Inside of DMN: the compiled model and its running evaluation. */
#ifndef QF_DMN_MODEL_H
#define QF_DMN_MODEL_H

#include "dmn/dmn.h"
#include "dmn/xml.h"
#include "feel/node.h"

struct qf_dmn_unit;
struct qf_dmn_table;
struct qf_dmn_index;

/* A decision, input, business knowledge model or decision service. `slot` is its place in a run. */
struct qf_dmn_element {
    enum qf_dmn_kind kind;
    struct qf_slice name;
    struct qf_slice id;
    struct qf_dmn_unit *unit;
    const struct qf_dmn_xml *xml;
    uint32_t slot;
    const struct qf_feel_type *type; /* of its variable: what it gives */
    const struct qf_feel_node *body; /* decision, knowledge: NULL when there is no logic */
    /* knowledge and services: what they are as functions */
    const struct qf_feel_member *params;
    uint32_t param_count;
    const struct qf_feel_type *function_type;
    bool external;
    const struct qf_dmn_element **needs; /* what it requires directly */
    uint32_t need_count;
    /* services */
    const struct qf_dmn_element **inputs; /* the parameters' elements */
    const struct qf_dmn_element **outputs;
    uint32_t output_count;
    struct qf_slice json_name; /* as a JSON string, with its colon */
    /* how a trace of it begins, and what stands before its outcome */
    struct qf_slice json_head, json_outcome;
    uint32_t rank; /* place of the name in the order of JSON keys */
    uint8_t mark;  /* while cycles are looked for */
};

struct qf_dmn_item { /* an item definition */
    struct qf_slice name;
    const struct qf_dmn_xml *xml;
    const struct qf_feel_type *type;
    bool building;
};

struct qf_dmn_import {
    struct qf_slice name;
    struct qf_dmn_unit *unit;
};

#define QF_DMN_UNITS_MAX 64
#define QF_DMN_MESSAGE_SIZE 320

struct qf_dmn_source { /* a file */
    const char *file;
    const struct qf_dmn_xml *xml;
};

struct qf_dmn_unit { /* a model, or one import of it */
    struct qf_dmn_model *model;
    const struct qf_dmn_unit *importer; /* NULL for the first */
    const char *file;
    struct qf_slice ns;
    const struct qf_dmn_xml *xml;
    struct qf_dmn_item *items;
    uint32_t item_count;
    struct qf_dmn_import *imports;
    uint32_t import_count;
    struct qf_feel_types types;
    struct qf_feel_compiler compiler;
};

struct qf_dmn_model {
    struct qf_arena *arena;
    const struct qf_dmn_reporter *reporter;
    struct qf_dmn_source *sources;
    uint32_t source_count;
    struct qf_dmn_unit *units;
    uint32_t unit_count;
    struct qf_dmn_element **elements; /* by slot */
    uint32_t element_count;
    struct qf_slice *member_names;
    uint32_t member_name_count;
    uint32_t errors;
    const char *element_id; /* being compiled, for messages */
    const struct qf_dmn_unit *unit;
    const struct qf_dmn_unit *last_unit; /* the problem reported last */
    uint32_t last_line;
    uint32_t last_column;
    char last_text[QF_DMN_MESSAGE_SIZE];
};

/* What a table or decision left in the trace. */
struct qf_dmn_step {
    struct qf_dmn_step *next;
    const struct qf_dmn_table *table;
    const struct qf_feel_value *inputs;
    const uint32_t *matched; /* rules from 0 */
    uint32_t matched_count;
    struct qf_feel_value output;
};

struct qf_dmn_trace {
    const struct qf_dmn_model *model;
    const struct qf_dmn_element *decision;
    const struct qf_dmn_input *inputs;
    uint32_t input_count;
    struct qf_dmn_step *first;
    struct qf_dmn_step *last;
    const struct qf_feel_result *result;
};

/* One evaluation, or the inside of one call of a decision service. */
struct qf_dmn_run {
    const struct qf_dmn_model *model;
    struct qf_feel_value *values; /* by slot */
    uint8_t *states;
    struct qf_feel_frame frame; /* the outermost */
    struct qf_dmn_trace *trace; /* NULL: not wanted */
};

enum qf_dmn_state {
    QF_DMN_UNKNOWN,
    QF_DMN_RUNNING,
    QF_DMN_KNOWN,
};

/* The node function of a global binding: the value of the element in `slot`. */
qf_feel_run_fn qf_dmn_run_element;

/* Compiles a boxed expression, or gives a null literal and reports (boxed.c). */
const struct qf_feel_node *qf_dmn_boxed(struct qf_dmn_unit *unit, const struct qf_feel_scope *scope,
                                        const struct qf_dmn_xml *xml);
/* The child that is a boxed expression, or NULL. */
const struct qf_dmn_xml *qf_dmn_boxed_child(const struct qf_dmn_xml *parent);
/* A FEEL text standing in `xml`. NULL (and reported) when it cannot be read. */
const struct qf_feel_node *qf_dmn_feel(struct qf_dmn_unit *unit, const struct qf_feel_scope *scope,
                                       const struct qf_dmn_xml *xml, struct qf_slice text,
                                       bool tests);
/* Reports what can never be of the type that is declared for it; evaluation makes null of it. */
void qf_dmn_check_type(struct qf_dmn_unit *unit, const struct qf_dmn_xml *at, const char *what,
                       const struct qf_feel_type *given, const struct qf_feel_type *wanted);
/* Wraps a node so that its value is of the type, or null. */
const struct qf_feel_node *qf_dmn_typed(struct qf_dmn_unit *unit, const struct qf_feel_node *node,
                                        const struct qf_feel_type *type);
/* A type by reference; Any and reported when there is none. Empty: Any. */
const struct qf_feel_type *qf_dmn_type_ref(struct qf_dmn_unit *unit, const struct qf_dmn_xml *at,
                                           struct qf_slice ref);
void qf_dmn_report(struct qf_dmn_unit *unit, const struct qf_dmn_xml *at, bool error,
                   const char *fmt, ...) QF_PRINTF(4, 5);

/* The parts of a trace that do not change, written once (trace.c). */
void qf_dmn_trace_prepare(struct qf_dmn_model *model);
void qf_dmn_trace_prepare_table(struct qf_arena *arena, struct qf_dmn_table *table);

/* Decision tables (table.c). */
struct qf_dmn_column {
    const struct qf_feel_node *input;
    const struct qf_feel_type *type;
    const struct qf_feel_node *allowed; /* unary tests, or NULL */
    struct qf_slice name;
    struct qf_slice json; /* what stands before its value in the trace */
};
struct qf_dmn_output {
    struct qf_slice name;
    const struct qf_feel_type *type;
    const struct qf_feel_node *allowed;   /* unary tests, or NULL */
    const struct qf_feel_node *ranking;   /* a list of values in order of priority, or NULL */
    const struct qf_feel_node *otherwise; /* default, or NULL */
};
struct qf_dmn_rule {
    struct qf_slice id;
    struct qf_slice json; /* what the trace says of it */
    const struct qf_feel_node **tests;
    const struct qf_feel_node **results;
    const struct qf_slice *annotations;
};
enum qf_dmn_policy {
    QF_DMN_UNIQUE,
    QF_DMN_ANY,
    QF_DMN_PRIORITY,
    QF_DMN_FIRST,
    QF_DMN_COLLECT,
    QF_DMN_RULE_ORDER,
    QF_DMN_OUTPUT_ORDER,
};
enum qf_dmn_aggregation {
    QF_DMN_LIST,
    QF_DMN_SUM,
    QF_DMN_COUNT,
    QF_DMN_MIN,
    QF_DMN_MAX,
};
struct qf_dmn_table {
    struct qf_slice id;
    struct qf_slice json_head; /* how its part of the trace begins and ends */
    struct qf_slice json_tail;
    struct qf_slice element; /* name of the decision or knowledge model it stands in */
    struct qf_dmn_column *columns;
    struct qf_dmn_output *outputs;
    struct qf_dmn_rule *rules;
    struct qf_slice *annotation_names;
    uint32_t column_count;
    uint32_t output_count;
    uint32_t rule_count;
    uint32_t annotation_count;
    enum qf_dmn_policy policy;
    enum qf_dmn_aggregation aggregation;
    const struct qf_dmn_index *index;
};
const struct qf_feel_node *qf_dmn_table_compile(struct qf_dmn_unit *unit,
                                                const struct qf_feel_scope *scope,
                                                const struct qf_dmn_xml *xml);

/* The rules whose tests may pass, as bits; and those among them that are certain (index.c). */
const struct qf_dmn_index *qf_dmn_index_build(struct qf_arena *arena,
                                              const struct qf_dmn_table *table);
#define QF_DMN_WORD_BITS 64
/* Fills `words` (rule_count bits) with the rules that every indexed column allows for `inputs`. */
void qf_dmn_index_match(const struct qf_dmn_index *index, const struct qf_feel_value *inputs,
                        uint64_t *words);
/* Whether the index does not decide the cell, so that its tests must be run. */
bool qf_dmn_index_open(const struct qf_dmn_index *index, const struct qf_feel_value *inputs,
                       uint32_t column, uint32_t rule);

#endif
