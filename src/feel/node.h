/* Inside of FEEL, shared with the DMN layer: the compiled tree, frames, and the running evaluation.
 *
 * A node is a closure: a function and its operands. Variables were resolved to (frames up, slot) at
 * compilation. A frame is made for each call, loop, filter and table; `run` belongs to the host
 * that made the outermost one (a DMN model's decisions) and is handed down. Running out of a bound
 * leaves through longjmp to the one setjmp at the entry: everything lives in the arena, so there is
 * nothing to undo, and several hundred places need not each check. */
#ifndef QF_FEEL_NODE_H
#define QF_FEEL_NODE_H

#include <setjmp.h>

#include "feel/feel.h"

struct qf_feel_frame {
    const struct qf_feel_frame *parent;
    void *run;
    struct qf_feel_value *slots;
};

struct qf_feel_ev {
    struct qf_arena *arena;
    const struct qf_feel_world *world;
    int64_t steps_left;
    int64_t memory_left;
    uint32_t depth;
    enum qf_status stopped;
    const char *stop_reason;
    struct qf_feel_result *result;
    jmp_buf stop;
};

typedef struct qf_feel_value qf_feel_run_fn(struct qf_feel_ev *ev, const struct qf_feel_node *node,
                                            const struct qf_feel_frame *frame);

struct qf_feel_node {
    qf_feel_run_fn *run;
    const struct qf_feel_type *type;
    const struct qf_feel_node **kids;
    uint32_t count; /* kids */
    uint32_t a;     /* operands of the node's own */
    uint32_t b;
    uint32_t line;
    uint32_t column;
    bool is_literal; /* `value` is what it gives */
    bool uses_input; /* a test that names `?` */
    struct qf_feel_value value;
    const void *data;
};

#define QF_FEEL_RUN(ev, node, frame) ((node)->run((ev), (node), (frame)))

/* A function value: built-in, lambda, or an invocable of a model. */
typedef struct qf_feel_value qf_feel_call_fn(struct qf_feel_ev *ev,
                                             const struct qf_feel_function *function,
                                             struct qf_feel_value *args, uint32_t count,
                                             const struct qf_feel_node *site);
struct qf_feel_builtin;

struct qf_feel_function {
    qf_feel_call_fn *call;
    const struct qf_feel_member *params;
    uint32_t param_count;
    const struct qf_feel_type *result;
    const struct qf_feel_node *body;
    const struct qf_feel_frame *closure;
    const struct qf_feel_builtin *builtin;
    const void *data;
};

/* Leaves the evaluation. */
_Noreturn void qf_feel_stop(struct qf_feel_ev *ev, const char *reason);
/* Memory of the evaluation, not cleared; leaves it past the bound. */
void *qf_feel_alloc(struct qf_feel_ev *ev, size_t size);
/* Records a warning (a static text) and gives null. */
struct qf_feel_value qf_feel_warn(struct qf_feel_ev *ev, const struct qf_feel_node *node,
                                  const char *message);

static inline void qf_feel_step(struct qf_feel_ev *ev, int64_t steps)
{
    ev->steps_left -= steps;
    if (__builtin_expect(ev->steps_left < 0, 0))
        qf_feel_stop(ev, "steps of one evaluation");
}

static inline void qf_feel_enter(struct qf_feel_ev *ev)
{
    if (++ev->depth > QF_FEEL_DEPTH_MAX)
        qf_feel_stop(ev, "nesting of one evaluation");
}

static inline void qf_feel_leave(struct qf_feel_ev *ev)
{
    ev->depth--;
}

/* The nesting of what holds `child`, which so far has `nesting`; leaves the evaluation past the
 * bound. */
static inline uint8_t qf_feel_around(struct qf_feel_ev *ev, uint8_t nesting,
                                     const struct qf_feel_value *child)
{
    if (child->kind != QF_FEEL_LIST && child->kind != QF_FEEL_CONTEXT)
        return nesting;
    if (child->nesting >= QF_FEEL_DEPTH_MAX)
        qf_feel_stop(ev, "nesting of one evaluation");
    return child->nesting + 1 > nesting ? (uint8_t)(child->nesting + 1) : nesting;
}

/* Growing list. */
struct qf_feel_items {
    uint8_t nesting;
    struct qf_feel_value *items;
    uint32_t count;
    uint32_t capacity;
};
void qf_feel_items_put(struct qf_feel_ev *ev, struct qf_feel_items *list,
                       const struct qf_feel_value *value);
static inline struct qf_feel_value qf_feel_items_list(const struct qf_feel_items *list)
{
    return (struct qf_feel_value){
        .kind = QF_FEEL_LIST, .nesting = list->nesting, .count = list->count, .items = list->items};
}
/* Growing context; putting a key again replaces its value. */
struct qf_feel_entries {
    uint8_t nesting;
    struct qf_feel_entry *entries;
    uint32_t count;
    uint32_t capacity;
};
void qf_feel_entries_put(struct qf_feel_ev *ev, struct qf_feel_entries *context,
                         struct qf_slice key, const struct qf_feel_value *value);
struct qf_feel_value qf_feel_entries_context(struct qf_feel_ev *ev,
                                             const struct qf_feel_entries *context);
/* A heap buffer's content as a string of the evaluation; empties the buffer and frees it. */
struct qf_feel_value qf_feel_take_text(struct qf_feel_ev *ev, struct qf_buf *buf);

/* Calls a function value with positional arguments; parameters are coerced to their types. */
struct qf_feel_value qf_feel_call(struct qf_feel_ev *ev, const struct qf_feel_function *function,
                                  struct qf_feel_value *args, uint32_t count,
                                  const struct qf_feel_node *site);

/* Implicit conversions (DMN 1.5, 10.3.2.9.4) and the type's constraints. False: null with a
 * warning belongs in its place. */
/* Equality (qf_feel_equal), and whether a value is of a type, for which the evaluation pays: where
 * values share their parts there may be far more to look at than was ever made. */
int qf_feel_run_same(struct qf_feel_ev *ev, const struct qf_feel_value *a,
                     const struct qf_feel_value *b);
bool qf_feel_run_is(struct qf_feel_ev *ev, const struct qf_feel_value *value,
                    const struct qf_feel_type *type);
bool qf_feel_coerce(struct qf_feel_ev *ev, struct qf_feel_value *value,
                    const struct qf_feel_type *type);

/* Runs a node as one evaluation: budgets, result, warnings. */
QF_MUST_CHECK enum qf_status
qf_feel_evaluate_node(const struct qf_feel_node *root, const struct qf_feel_frame *frame,
                      struct qf_arena *arena, const struct qf_feel_world *world,
                      struct qf_feel_result *result, struct qf_error *err);

/* Property or member `name` of a value, as `value.name` gives it. */
struct qf_feel_value qf_feel_path(struct qf_feel_ev *ev, const struct qf_feel_node *node,
                                  const struct qf_feel_value *value, struct qf_slice name);
/* 1 in the range, 0 not, -1 not comparable. */
int qf_feel_range_includes(struct qf_feel_ev *ev, const struct qf_feel_range *range,
                           const struct qf_feel_value *point);
/* Whether `value` passes the unary test that gave `tested` (which did not name `?`). */
bool qf_feel_test_matches(struct qf_feel_ev *ev, const struct qf_feel_value *value,
                          const struct qf_feel_value *tested);

/* ---- compilation ---- */

enum qf_feel_scope_kind {
    QF_FEEL_SCOPE_FRAME,  /* one frame; variables are its slots */
    QF_FEEL_SCOPE_FILTER, /* one frame; slot 0 is item, whose members are in scope */
    QF_FEEL_SCOPE_GLOBAL, /* no frame; each variable has a node of its own */
};

struct qf_feel_binding {
    struct qf_slice name;
    const struct qf_feel_type *type;
    qf_feel_run_fn *get; /* GLOBAL: run of the node that stands for it, with `slot` as a */
    const void *data;
    uint32_t slot;
};

struct qf_feel_scope {
    const struct qf_feel_scope *parent;
    enum qf_feel_scope_kind kind;
    const struct qf_feel_binding *bindings;
    uint32_t count;
};

/* Item definitions by name, for `instance of` and parameter types. */
struct qf_feel_types {
    const struct qf_feel_type *(*find)(const void *self, struct qf_slice name);
    const void *self;
};

struct qf_feel_compiler {
    struct qf_arena *arena;
    const struct qf_feel_types *types;       /* may be NULL */
    const struct qf_feel_reporter *reporter; /* may be NULL */
    const struct qf_slice *member_names;     /* names that may follow a dot */
    uint32_t member_name_count;
    const struct qf_slice *other_names; /* that exist and are not in scope: for messages */
    uint32_t other_name_count;
    uint32_t line; /* where the text stands in its file */
    uint32_t column;
    bool folds; /* calls of date(), time() and the like with literals become literals */
};

/* Each gives NULL and err on a syntax error. The text is copied. */
const struct qf_feel_node *qf_feel_parse(const struct qf_feel_compiler *compiler,
                                         const struct qf_feel_scope *scope, struct qf_slice text,
                                         struct qf_error *err);
/* Unary tests; `scope` is a frame whose slot 0 is `?`. The node gives true, false or null. */
const struct qf_feel_node *qf_feel_parse_tests(const struct qf_feel_compiler *compiler,
                                               const struct qf_feel_scope *scope,
                                               struct qf_slice text, struct qf_error *err);

struct qf_feel_node *qf_feel_node_new(struct qf_arena *arena, qf_feel_run_fn *run,
                                      const struct qf_feel_type *type, uint32_t kid_count);
struct qf_feel_node *qf_feel_node_literal(struct qf_arena *arena, struct qf_feel_value value);

/* Operands of some nodes, behind `data`. */
struct qf_feel_shape { /* a context */
    const struct qf_slice *keys;
    const struct qf_feel_type *const *types; /* NULL: none is declared */
    bool has_result; /* the last kid is what the whole gives, and has no key */
};
struct qf_feel_loop {
    uint32_t count; /* iterators; kids are (start, end or NULL) for each, then the body */
    bool in_arena;  /* the body makes functions, which keep their frame */
    bool every;     /* a quantifier: every, else some */
};
struct qf_feel_lambda {
    const struct qf_feel_member *params;
    uint32_t count;
    const struct qf_feel_type *result;
    bool external;
};

/* Runs of the nodes (eval.c); `a`, `b`, kids as said at each. */
qf_feel_run_fn qf_feel_run_literal, qf_feel_run_local, qf_feel_run_path, qf_feel_run_filter_name,
    qf_feel_run_filter, qf_feel_run_add, qf_feel_run_sub, qf_feel_run_mul, qf_feel_run_div,
    qf_feel_run_power, qf_feel_run_negate, qf_feel_run_compare, qf_feel_run_equal, qf_feel_run_and,
    qf_feel_run_or, qf_feel_run_if, qf_feel_run_for, qf_feel_run_quantified, qf_feel_run_between,
    qf_feel_run_in, qf_feel_run_instance, qf_feel_run_list, qf_feel_run_context, qf_feel_run_range,
    qf_feel_run_comparison_range, qf_feel_run_lambda, qf_feel_run_call, qf_feel_run_builtin,
    qf_feel_run_tests, qf_feel_run_test_compare, qf_feel_run_test_value, qf_feel_run_external;

enum qf_feel_comparison {
    QF_FEEL_LESS,
    QF_FEEL_LESS_EQUAL,
    QF_FEEL_GREATER,
    QF_FEEL_GREATER_EQUAL,
    QF_FEEL_EQUAL,
    QF_FEEL_NOT_EQUAL,
};

/* ---- built-in functions ---- */

#define QF_FEEL_BUILTIN_ARGS_MAX 4

/* `args` has as many items as were given, or as the signature has parameters if that is more;
 * those not given are null with `small` set. `signature` is the index of the one that matched. */
struct qf_feel_args {
    struct qf_feel_ev *ev;
    const struct qf_feel_node *site;
    const struct qf_feel_value *items;
    uint32_t count;
    uint32_t signature;
};
typedef struct qf_feel_value qf_feel_builtin_fn(const struct qf_feel_args *args);

struct qf_feel_builtin {
    const char *name;
    const char *signatures; /* "from|year,month,day"; "length?" may be left out; "list*" repeats */
    qf_feel_builtin_fn *call;
    uint32_t result; /* kind, or QF_FEEL_ANY */
    bool foldable;   /* literals in, literal out */
};

#define QF_FEEL_ABSENT(value) ((value)->kind == QF_FEEL_NULL && (value)->small != 0)

/* The built-in of that name, or NULL. */
const struct qf_feel_builtin *qf_feel_builtin_find(struct qf_slice name);
const struct qf_feel_builtin *qf_feel_builtin_at(uint32_t index); /* NULL past the end */
/* The function value of a built-in; one static object each. */
struct qf_feel_value qf_feel_builtin_value(const struct qf_feel_builtin *builtin);
/* Finds the signature for `count` arguments, named or not (names NULL). Fills `places`: for each
 * parameter the argument's index, -1, or QF_FEEL_PLACE_NULL where names leave out one that must
 * be given, which is null then. Returns the parameters' count, or -1. */
enum { QF_FEEL_PLACE_NULL = -2 };
int qf_feel_builtin_arrange(const struct qf_feel_builtin *builtin, const struct qf_slice *names,
                            uint32_t count, uint32_t *signature, int32_t *places);

#endif
