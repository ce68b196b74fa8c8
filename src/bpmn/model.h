/* BPMN 2.0 models: import into plain data, and writing them again.
 *
 * The document is kept whole as a tree (xml.h), so that names, lanes, diagram and foreign extension
 * elements survive; over it lies the model: processes, nodes, flows and lanes as arrays that refer
 * to each other by index, with our own extension elements (spec/bpmn-extensions.md) taken apart.
 * What cannot be executed is imported all the same, and named in the list of problems with id and
 * line. Import fails only for what is no BPMN document, for broken references between flows and
 * nodes, duplicate ids, and sizes over QF_BPMN_*.
 *
 * A model is plain read-only data in the caller's arena: any number of threads may use it.
 *
 * Source: OMG BPMN 2.0.2 (formal/2013-12-09), clauses 8 to 10, 13 and 15. */
#ifndef QF_BPMN_MODEL_H
#define QF_BPMN_MODEL_H

#include "bpmn/xml.h"

#define QF_BPMN_NS "http://www.omg.org/spec/BPMN/20100524/MODEL"
#define QF_BPMN_EXT_NS "https://qifeng.dev/bpmn/1"

/* Index of nothing. */
#define QF_BPMN_NONE UINT16_MAX

enum qf_bpmn_kind {
    QF_BPMN_START,
    QF_BPMN_END,
    QF_BPMN_CATCH,
    QF_BPMN_THROW,
    QF_BPMN_BOUNDARY,
    QF_BPMN_TASK, /* abstract: done by a person, as a user task */
    QF_BPMN_USER,
    QF_BPMN_MANUAL,
    QF_BPMN_SERVICE,
    QF_BPMN_RULE,
    QF_BPMN_SEND,
    QF_BPMN_RECEIVE,
    QF_BPMN_SCRIPT,
    QF_BPMN_CALL,
    QF_BPMN_SUB, /* embedded or event subprocess */
    QF_BPMN_ADHOC,
    QF_BPMN_XOR,
    QF_BPMN_AND,
    QF_BPMN_OR,
    QF_BPMN_EVENT_GATEWAY,
    QF_BPMN_OTHER, /* imported, not executable */
};

enum qf_bpmn_event {
    QF_BPMN_EVENT_NONE,
    QF_BPMN_EVENT_MESSAGE,
    QF_BPMN_EVENT_TIMER,
    QF_BPMN_EVENT_ERROR,
    QF_BPMN_EVENT_TERMINATE,
    QF_BPMN_EVENT_OTHER, /* not executable */
};

enum qf_bpmn_loop {
    QF_BPMN_LOOP_NONE,
    QF_BPMN_LOOP_STANDARD,
    QF_BPMN_LOOP_PARALLEL,
    QF_BPMN_LOOP_SEQUENTIAL,
};

enum qf_bpmn_timer_kind {
    QF_BPMN_TIMER_DATE,
    QF_BPMN_TIMER_DURATION,
    QF_BPMN_TIMER_CYCLE,
};

/* What happens when the deadline of a task passes. */
enum qf_bpmn_then {
    QF_BPMN_THEN_ESCALATE,
    QF_BPMN_THEN_APPROVED,
    QF_BPMN_THEN_REFUSED,
};

/* An expression: its text without the leading '=', and where it stands. `handle` is set when the
 * model is prepared for execution (run.h). */
struct qf_bpmn_formula {
    struct qf_slice text; /* data NULL: there is none */
    uint32_t line;
    bool literal; /* a fixed text, not an expression (only where said) */
    const void *handle;
};

/* name := expression */
struct qf_bpmn_assign {
    struct qf_slice name;
    struct qf_bpmn_formula value;
};

struct qf_bpmn_assigns {
    struct qf_bpmn_assign *items;
    uint32_t count;
};

struct qf_bpmn_deadline {
    bool present;
    bool working; /* working days; otherwise calendar days */
    enum qf_bpmn_then then;
    struct qf_bpmn_formula days; /* whole number, may be literal */
    struct qf_slice to;          /* role that it is escalated to */
    struct qf_slice flow;        /* the choice that is deemed made, may be empty */
    struct qf_bpmn_assigns set;
};

/* Our extension elements of a node. Slices with data NULL: not given. */
struct qf_bpmn_ext {
    struct qf_slice role; /* of qf:who */
    uint32_t approvals;   /* n of n-of-m; 1 when not given */
    uint32_t voters;      /* m; 0: any number */
    uint16_t *separate;   /* tasks whose doers may not do this one */
    uint32_t separate_count;
    struct qf_slice form;
    struct qf_slice op; /* of a service task */
    struct qf_bpmn_assigns fields;
    struct qf_slice decision; /* of a business rule task */
    struct qf_slice result;   /* variable that takes a decision's, script's or op's result */
    bool sealed;              /* the decision is over sealed fields: runs elsewhere */
    struct qf_bpmn_deadline deadline;
    struct qf_bpmn_assigns inputs;
    struct qf_bpmn_assigns outputs;
    struct qf_bpmn_formula to;         /* of what sends: the case that it goes to */
    struct qf_bpmn_formula collection; /* of a multi-instance activity */
    struct qf_slice item;              /* variable within an instance */
};

struct qf_bpmn_node {
    enum qf_bpmn_kind kind;
    enum qf_bpmn_event event;
    enum qf_bpmn_loop loop;
    struct qf_slice id;
    struct qf_slice name;
    uint32_t line;
    uint16_t process;
    uint16_t parent;      /* subprocess that holds it, or none */
    uint16_t lane;        /* innermost, or none */
    uint16_t attached_to; /* of a boundary event */
    uint16_t first_in;    /* chains through flows */
    uint16_t first_out;
    uint16_t in_count;
    uint16_t out_count;
    uint16_t first_child;    /* of a subprocess; chained by next_child */
    uint16_t next_child;     /* next node of the same container */
    uint16_t first_attached; /* boundary events; chained by next_attached */
    uint16_t next_attached;
    uint16_t default_flow;
    uint16_t callee;   /* process that a call activity calls, or none */
    bool interrupting; /* of a boundary event, or a start event of an event subprocess */
    bool by_event;     /* event subprocess */
    bool test_before;  /* of a standard loop */
    bool adhoc_sequential;
    bool adhoc_keep;         /* completion does not cancel what is still going on */
    bool choice;             /* exclusive or inclusive split without conditions: somebody chooses */
    bool remembered;         /* another task excludes who did this one */
    struct qf_slice message; /* name of the message */
    struct qf_slice error;   /* code; empty catches every error */
    enum qf_bpmn_timer_kind timer_kind;
    bool timer_working;                 /* days of a duration are working days */
    struct qf_bpmn_formula timer;       /* may be literal: ISO 8601 */
    struct qf_bpmn_formula script;      /* of a script task */
    struct qf_bpmn_formula condition;   /* standard loop, ad-hoc or multi-instance completion */
    struct qf_bpmn_formula cardinality; /* of a multi-instance activity */
    uint32_t loop_max;                  /* of a standard loop; 0: not given */
    struct qf_bpmn_ext ext;
    const struct qf_xml_node *xml;
};

struct qf_bpmn_flow {
    struct qf_slice id;
    struct qf_slice name;
    uint32_t line;
    uint16_t source;
    uint16_t target;
    uint16_t next_in;  /* next flow into the same target */
    uint16_t next_out; /* next flow out of the same source */
    struct qf_bpmn_formula condition;
    const struct qf_xml_node *xml;
};

struct qf_bpmn_lane {
    struct qf_slice id;
    struct qf_slice name;
    struct qf_slice role; /* of qf:lane, or the name, or the id */
    uint16_t process;
    uint16_t parent;
    uint32_t line;
};

struct qf_bpmn_process {
    struct qf_slice id;
    struct qf_slice name;
    uint32_t line;
    bool executable;
    uint16_t node_count;
    uint16_t first_child;        /* chained by next_child */
    struct qf_slice participant; /* name of the pool */
};

struct qf_bpmn_message_flow {
    struct qf_slice id;
    struct qf_slice name;
    struct qf_slice source;
    struct qf_slice target;
    uint32_t line;
};

/* UNSUPPORTED: imported but cannot be executed. WRONG: not sound, or a mistake. NOTE: no obstacle.
 */
enum qf_bpmn_severity {
    QF_BPMN_UNSUPPORTED,
    QF_BPMN_WRONG,
    QF_BPMN_NOTE,
};

struct qf_bpmn_problem {
    enum qf_bpmn_severity severity;
    struct qf_slice element; /* "sendTask" */
    struct qf_slice id;      /* may be empty */
    uint32_t line;
    const char *text; /* a sentence, with what to do where that is not plain */
    struct qf_bpmn_problem *next;
};

struct qf_bpmn_model {
    struct qf_arena *arena;
    struct qf_xml_node *root;
    struct qf_bpmn_process *processes;
    struct qf_bpmn_node *nodes;
    struct qf_bpmn_flow *flows;
    struct qf_bpmn_lane *lanes;
    struct qf_bpmn_message_flow *message_flows;
    uint16_t process_count;
    uint16_t node_count;
    uint16_t flow_count;
    uint16_t lane_count;
    uint16_t message_flow_count;
    uint16_t element_count;           /* BPMN elements with an id, diagram apart */
    uint16_t main;                    /* process that a case begins with, or none */
    struct qf_bpmn_problem *problems; /* in the order of the document, then of the checks */
    struct qf_bpmn_problem **problem_tail;
    uint32_t problem_count;
};

/* Reads a model. `arena` must outlive it. QF_MALFORMED or QF_OVER_LIMIT with field "line N". */
QF_MUST_CHECK enum qf_status qf_bpmn_import(struct qf_arena *arena, struct qf_bpmn_model *out,
                                            struct qf_slice input, struct qf_error *err);

/* Writes the document again: every element, attribute and text, diagram and extensions included. */
void qf_bpmn_write(struct qf_buf *buf, const struct qf_bpmn_model *model);

/* Node, flow or process of that id: its index, or QF_BPMN_NONE. */
uint16_t qf_bpmn_find_node(const struct qf_bpmn_model *model, struct qf_slice id);
uint16_t qf_bpmn_find_flow(const struct qf_bpmn_model *model, struct qf_slice id);
uint16_t qf_bpmn_find_process(const struct qf_bpmn_model *model, struct qf_slice id);

/* Start event of a process (not of its subprocesses) that a message of that name triggers, or
 * QF_BPMN_NONE. */
uint16_t qf_bpmn_find_start(const struct qf_bpmn_model *model, uint16_t process,
                            struct qf_slice message);

/* Whether a node waits for a person, and whether it is an activity at all. */
bool qf_bpmn_is_human(const struct qf_bpmn_node *node);
bool qf_bpmn_is_activity(const struct qf_bpmn_node *node);

/* The role that may do a task: its own, or that of its innermost lane; empty when neither is given.
 */
struct qf_slice qf_bpmn_role(const struct qf_bpmn_model *model, const struct qf_bpmn_node *node);

/* Adds a problem to the model's list; the text is printf's, in the model's arena. */
void qf_bpmn_report(struct qf_bpmn_model *model, enum qf_bpmn_severity severity,
                    const struct qf_xml_node *where, const char *fmt, ...) QF_PRINTF(4, 5);

/* Problems of UNSUPPORTED or WRONG so far. */
uint32_t qf_bpmn_obstacles(const struct qf_bpmn_model *model);

#endif
