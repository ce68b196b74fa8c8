/* Types of FEEL: what an expression may give, what a variable must hold. Immutable, shared. */
#ifndef QF_FEEL_TYPE_H
#define QF_FEEL_TYPE_H

#include "feel/value.h"

#define QF_FEEL_ANY 100 /* beside the kinds of values */

struct qf_feel_node;
struct qf_feel_type;
struct qf_feel_run_state;

struct qf_feel_member {
    struct qf_slice name;
    const struct qf_feel_type *type;
};

struct qf_feel_type {
    uint32_t kind;        /* enum qf_feel_kind or QF_FEEL_ANY */
    uint32_t count;       /* members of a context, parameters of a function */
    bool open;            /* a context whose members are not declared; a function likewise */
    bool constrained;     /* it or a part of it has a constraint */
    struct qf_slice name; /* of the item definition, or empty */
    const struct qf_feel_type *element; /* of a list or range; result of a function */
    const struct qf_feel_member *members;
    struct qf_slice allowed;               /* text of the allowed values, or empty */
    const struct qf_feel_node *constraint; /* unary tests, with `?` as slot 0; or NULL */
    const struct qf_feel_type *base; /* what it narrows, with constraints of its own; or NULL */
};

extern const struct qf_feel_type qf_feel_type_any;
/* The type of a kind without parts: list of Any, any context, any range, any function. */
const struct qf_feel_type *qf_feel_type_of_kind(enum qf_feel_kind kind);
/* A built-in type by its name in FEEL or in a typeRef ("date and time", "dateTime"), or NULL. */
const struct qf_feel_type *qf_feel_type_named(struct qf_slice name);
/* Whether it is one of FEEL's own list, context, range and function without parameters. */
bool qf_feel_type_bare(const struct qf_feel_type *type);
const struct qf_feel_type *qf_feel_type_list(struct qf_arena *arena,
                                             const struct qf_feel_type *element);
const struct qf_feel_type *qf_feel_type_member(const struct qf_feel_type *context,
                                               struct qf_slice name);

/* Whether every value of `type` is one of `target` (DMN 1.5, 10.3.2.9.3). */
bool qf_feel_type_conforms(const struct qf_feel_type *type, const struct qf_feel_type *target);
/* Whether a value of `type` could be one of `kind`: false is certain. */
bool qf_feel_type_may_be(const struct qf_feel_type *type, enum qf_feel_kind kind);
/* Whether no value of `type` can be taken where `wanted` is, with the conversions that DMN makes (a
 * list of one item, a date as date and time). Said only where it is certain. */
bool qf_feel_type_never(const struct qf_feel_type *type, const struct qf_feel_type *wanted);
/* Whether a value is of the type; constraints are not looked at. Null is of every type. Counts
 * values down from *left; below zero it stops, and what it gives means nothing. */
bool qf_feel_value_is(const struct qf_feel_value *value, const struct qf_feel_type *type,
                      int64_t *left);

/* Appends the type as FEEL writes it. */
void qf_feel_type_write(struct qf_buf *buf, const struct qf_feel_type *type);

#endif
