/* Inside of the parser: what its parts (parse.c: characters and names; grammar.c and
 * grammar_term.c: the grammar; call.c: calls, functions, types) share. Every function leaves
 * through `fail` on a syntax error. */
#ifndef QF_FEEL_PARSE_H
#define QF_FEEL_PARSE_H

#include "feel/node.h"

#define QF_FEEL_KEYS_MAX 256

struct qf_feel_parser {
    const struct qf_feel_compiler *compiler;
    const struct qf_feel_scope *scope;
    const char *text;
    size_t size;
    size_t at;
    size_t place_at; /* a place and what line and column it is */
    uint32_t place_line;
    uint32_t place_column;
    uint32_t depth;
    uint32_t node_count;
    const struct qf_feel_type *input; /* of `?`; NULL where there is none */
    bool saw_input;                   /* `?` was named */
    bool saw_lambda;                  /* a function was made: frames around it must last */
    bool saw_no_type;                 /* a type was named that does not exist */
    bool no_filter;                   /* the end of an interval: "[" closes it */
    struct qf_slice *keys;            /* of contexts so far: they may follow a dot */
    uint32_t key_count;
    struct qf_error *err;
    jmp_buf fail;
};

_Noreturn void qf_feel_parse_fail(struct qf_feel_parser *p, const char *expected);
void qf_feel_parse_place(struct qf_feel_parser *p, size_t at, uint32_t *line, uint32_t *column);
void qf_feel_parse_report(struct qf_feel_parser *p, size_t at, bool error, const char *fmt, ...)
    QF_PRINTF(4, 5);
void qf_feel_parse_skip(struct qf_feel_parser *p); /* white space and comments */
bool qf_feel_parse_is(struct qf_feel_parser *p, const char *token);
bool qf_feel_parse_take(struct qf_feel_parser *p, const char *token);
void qf_feel_parse_expect(struct qf_feel_parser *p, const char *token);
bool qf_feel_parse_word_at(const struct qf_feel_parser *p, size_t at, const char *word);
bool qf_feel_parse_word(struct qf_feel_parser *p, const char *word);
/* Bytes of a name without spaces at `at`, or 0. */
size_t qf_feel_parse_simple_name(const struct qf_feel_parser *p, size_t at);
struct qf_slice qf_feel_parse_declared(struct qf_feel_parser *p, const char *ends,
                                       const char *word);
struct qf_slice qf_feel_parse_member_name(struct qf_feel_parser *p,
                                          const struct qf_feel_type *type);
/* Bytes of the longest name in scope here, or 0. */
size_t qf_feel_parse_in_scope(struct qf_feel_parser *p);
void qf_feel_parse_learn(struct qf_feel_parser *p, struct qf_slice key);

struct qf_feel_node *qf_feel_parse_node(struct qf_feel_parser *p, size_t at, qf_feel_run_fn *run,
                                        const struct qf_feel_type *type, uint32_t kid_count);
struct qf_feel_node *qf_feel_parse_literal(struct qf_feel_parser *p, size_t at,
                                           struct qf_feel_value value);
const struct qf_feel_node *qf_feel_parse_name(struct qf_feel_parser *p);
const struct qf_feel_node *qf_feel_parse_expression(struct qf_feel_parser *p);
const struct qf_feel_node *qf_feel_parse_additive(struct qf_feel_parser *p);
/* A node whose kids are literals, evaluated now; the node itself where that gives a warning. */
const struct qf_feel_node *qf_feel_parse_fold(struct qf_feel_parser *p,
                                              const struct qf_feel_node *node);
void qf_feel_parse_nest(struct qf_feel_parser *p);
/* A scope that grows while it is read. */
struct qf_feel_growing {
    struct qf_feel_scope scope;
    struct qf_feel_binding *bindings;
    uint32_t capacity;
};
void qf_feel_scope_begin(struct qf_feel_parser *p, struct qf_feel_growing *g,
                         enum qf_feel_scope_kind kind);
void qf_feel_scope_add(struct qf_feel_parser *p, struct qf_feel_growing *g, struct qf_slice name,
                       const struct qf_feel_type *type);
void qf_feel_scope_end(struct qf_feel_parser *p, const struct qf_feel_growing *g);

/* Nodes of which it is not known beforehand how many come. */
struct qf_feel_kids {
    const struct qf_feel_node **items;
    uint32_t count;
    uint32_t capacity;
};
void qf_feel_kids_add(struct qf_feel_parser *p, struct qf_feel_kids *kids,
                      const struct qf_feel_node *node);

/* A term with what stands behind it (paths, filters, calls) and its sign. */
const struct qf_feel_node *qf_feel_parse_unary(struct qf_feel_parser *p);
/* Takes "<", ">=" and the others, if one stands here. */
bool qf_feel_parse_comparator(struct qf_feel_parser *p, enum qf_feel_comparison *out);
/* The rest of a range that begins at `at`, after "..": its end, and the bracket. */
const struct qf_feel_node *qf_feel_parse_interval(struct qf_feel_parser *p, size_t at,
                                                  const struct qf_feel_node *start, bool included);
const struct qf_feel_node *qf_feel_parse_unary_tests(struct qf_feel_parser *p);
/* A call of `callee` whose arguments begin after "(" (call.c). */
const struct qf_feel_node *qf_feel_parse_call(struct qf_feel_parser *p, size_t at,
                                              const struct qf_feel_node *callee);
/* `function (…) …`, after the word (call.c); and a type (call.c). */
const struct qf_feel_node *qf_feel_parse_lambda(struct qf_feel_parser *p, size_t at);
const struct qf_feel_type *qf_feel_parse_type(struct qf_feel_parser *p);

/* The tokens of a name at `at`: bytes, or 0. `any_case`: of ASCII letters. */
size_t qf_feel_parse_match(const struct qf_feel_parser *p, size_t at, struct qf_slice name,
                           bool any_case);

/* cures.c: what to write instead of what stands where reading stopped, or NULL. */
const char *qf_feel_parse_cure(const struct qf_feel_parser *p);
/* Reports that nothing has this name, with the one that is near; gives how many bytes it took. */
size_t qf_feel_parse_unknown(struct qf_feel_parser *p, size_t at, struct qf_slice name);
/* What a function makes something of, as an example; or NULL. */
const char *qf_feel_parse_form(const char *function);

/* mistakes.c: reports what can never be, by the types; see there. */
struct qf_feel_builtin;
void qf_feel_parse_check_path(struct qf_feel_parser *p, size_t at, const struct qf_feel_type *type,
                              struct qf_slice name);
void qf_feel_parse_check_boolean(struct qf_feel_parser *p, size_t at, const char *what,
                                 const struct qf_feel_node *node);
void qf_feel_parse_check_compared(struct qf_feel_parser *p, size_t at, const struct qf_feel_type *a,
                                  const struct qf_feel_type *b);
void qf_feel_parse_check_test(struct qf_feel_parser *p, size_t at, const struct qf_feel_type *input,
                              const struct qf_feel_type *test);
void qf_feel_parse_check_arguments(struct qf_feel_parser *p, size_t at,
                                   const struct qf_feel_builtin *builtin,
                                   const struct qf_feel_node *call);
void qf_feel_parse_check_constant(struct qf_feel_parser *p, size_t at,
                                  const struct qf_feel_builtin *builtin,
                                  const struct qf_feel_node *call);
/* Of a property of a date, time or duration; NULL: it has no such property. */
const struct qf_feel_type *qf_feel_property_type(const struct qf_feel_type *type,
                                                 struct qf_slice name);

#endif
