/* FEEL, the expression language of DMN 1.5 (clause 10): compile once, evaluate often.
 *
 * An expression is parsed and checked against a scope (the variables it may name, with their types)
 * into a tree of closures in one arena; names with spaces are resolved by what is in scope. A
 * compiled expression is immutable and may be evaluated by any number of threads at once, each with
 * its own qf_feel_run. Evaluation allocates from the run's arena only, knows no clock but the one
 * in qf_feel_world, and is bounded: QF_FEEL_STEPS_MAX steps, QF_FEEL_DEPTH_MAX calls within calls,
 * QF_FEEL_MEMORY_MAX bytes. Past a bound it stops with QF_BUDGET; the same on every machine.
 *
 * As the specification has it, an error inside an expression gives null, and a warning with its
 * place is kept with the run. */
#ifndef QF_FEEL_FEEL_H
#define QF_FEEL_FEEL_H

#include "feel/type.h"

struct qf_feel_node;
struct qf_feel_function;

/* Something found at compilation. Errors mean that the expression gives null for certain or cannot
 * be read; the expression as a whole may still be evaluated when the error is not one of syntax. */
struct qf_feel_problem {
    bool error;          /* else a warning */
    uint32_t line;       /* from 1, within the text */
    uint32_t column;     /* code points, from 1 */
    const char *message; /* valid during the call */
};

struct qf_feel_reporter {
    void (*report)(void *self, const struct qf_feel_problem *problem);
    void *self;
};

struct qf_feel_variable {
    struct qf_slice name;
    const struct qf_feel_type *type;
};

/* What a host supplies to an evaluation. */
struct qf_feel_world {
    int64_t now_seconds; /* since 1970-01-01T00:00:00Z: block time on the ledger */
    uint32_t now_nanos;
    struct qf_slice zone; /* of now() and today(), such as "Asia/Shanghai"; empty: UTC */
    uint64_t steps_max;   /* 0: QF_FEEL_STEPS_MAX */
    /* External functions (DMN 10.3.2.13.2 names Java). NULL: they are refused and give null, as
     * everywhere on the ledger. `host` is "java" or "pmml". False gives null. */
    bool (*external)(void *self, struct qf_feel_value *out, struct qf_arena *arena,
                     const struct qf_feel_value *definition, const struct qf_feel_value *args,
                     uint32_t count);
    void *self;
};

struct qf_feel_warning {
    uint32_t line;
    uint32_t column;
    const char *message; /* static text */
};

#define QF_FEEL_WARNINGS_MAX 16

/* What came of an evaluation. Values live in the arena that was given. */
struct qf_feel_result {
    struct qf_feel_value value;
    uint64_t steps; /* used */
    uint32_t warning_count;
    struct qf_feel_warning warnings[QF_FEEL_WARNINGS_MAX];
};

/* An expression with its variables, which are numbered as in `variables`. */
struct qf_feel_program {
    const struct qf_feel_node *root;
    uint32_t variable_count;
};

/* What a compiled expression gives, as far as that is known: Any, else null or a value of it. */
const struct qf_feel_type *qf_feel_program_type(const struct qf_feel_program *program);

/* Compiles an expression, or unary tests (then `input` is the type of `?`). The arena must outlive
 * the program; `text` and names are copied. QF_MALFORMED with "line L, column C" and the form that
 * was expected; further problems go to `reporter` (may be NULL). */
QF_MUST_CHECK enum qf_status
qf_feel_compile(struct qf_arena *arena, struct qf_feel_program *out, struct qf_slice text,
                const struct qf_feel_variable *variables, uint32_t variable_count,
                const struct qf_feel_reporter *reporter, struct qf_error *err);
QF_MUST_CHECK enum qf_status
qf_feel_compile_tests(struct qf_arena *arena, struct qf_feel_program *out, struct qf_slice text,
                      const struct qf_feel_type *input, const struct qf_feel_variable *variables,
                      uint32_t variable_count, const struct qf_feel_reporter *reporter,
                      struct qf_error *err);

/* Evaluates with `values` (as many as variables). QF_OK, or QF_BUDGET naming the bound. `result`
 * may live anywhere; `world` outlives the call. */
QF_MUST_CHECK enum qf_status qf_feel_evaluate(const struct qf_feel_program *program,
                                              struct qf_arena *arena,
                                              const struct qf_feel_world *world,
                                              const struct qf_feel_value *values,
                                              struct qf_feel_result *result, struct qf_error *err);
/* Unary tests of `input`; result->value is a boolean, or null. */
QF_MUST_CHECK enum qf_status qf_feel_test(const struct qf_feel_program *program,
                                          struct qf_arena *arena, const struct qf_feel_world *world,
                                          const struct qf_feel_value *input,
                                          const struct qf_feel_value *values,
                                          struct qf_feel_result *result, struct qf_error *err);

/* A name without the white space at its ends and with single spaces inside. */
struct qf_slice qf_feel_name_normal(struct qf_arena *arena, struct qf_slice name);

/* Whether a zone is known and has had one offset since 2000, and will have: then `*seconds` is east
 * of UTC, and days begin and end at the same time every day. */
QF_MUST_CHECK bool qf_feel_zone_fixed(struct qf_slice name, int32_t *seconds);

/* The version of the time zone table, such as "2025b". */
const char *qf_feel_zone_version(void);

/* The library behind patterns and the Unicode version of its classes, "PCRE2 10.42 2022-12-11,
 * Unicode 14.0.0". It is the machine's: nodes that decide by the same rules need the same one. */
#define QF_FEEL_PATTERNS_VERSION_SIZE 96
void qf_feel_patterns_version(char out[QF_FEEL_PATTERNS_VERSION_SIZE]);

/* Whether a pattern as `matches` takes it, without flags, is found in a text: 1 or 0; -1 when it is
 * no pattern, or takes more steps. For who judges texts outside of an evaluation. */
int qf_feel_pattern_match(struct qf_slice pattern, struct qf_slice text, uint32_t steps_max);

#endif
