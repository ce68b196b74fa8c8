/* Inside of the built-in functions: how they take their arguments. A function that cannot accept
 * what it was given returns qf_feel_refuse(args, why): null with a warning. */
#ifndef QF_FEEL_BUILTIN_H
#define QF_FEEL_BUILTIN_H

#include "feel/node.h"

static inline struct qf_feel_value qf_feel_refuse(const struct qf_feel_args *args, const char *why)
{
    return qf_feel_warn(args->ev, args->site, why);
}

/* An argument; a list of one item stands for its item where no list is wanted. */
static inline const struct qf_feel_value *qf_feel_arg(const struct qf_feel_args *args, uint32_t i)
{
    const struct qf_feel_value *value = &args->items[i];
    return value->kind == QF_FEEL_LIST && value->count == 1 ? &value->items[0] : value;
}

static inline bool qf_feel_arg_absent(const struct qf_feel_args *args, uint32_t i)
{
    return i >= args->count || QF_FEEL_ABSENT(&args->items[i]);
}

/* Of the wanted kind, or NULL. */
static inline const struct qf_feel_value *qf_feel_arg_kind(const struct qf_feel_args *args,
                                                           uint32_t i, enum qf_feel_kind kind)
{
    const struct qf_feel_value *value =
        kind == QF_FEEL_LIST ? &args->items[i] : qf_feel_arg(args, i);
    return value->kind == kind ? value : NULL;
}

/* A list; another value but null stands for a list of itself. False for null. */
static inline bool qf_feel_arg_list(const struct qf_feel_args *args, uint32_t i,
                                    struct qf_feel_value *out)
{
    const struct qf_feel_value *value = &args->items[i];
    if (value->kind == QF_FEEL_LIST)
        *out = *value;
    else
        *out = (struct qf_feel_value){.kind = QF_FEEL_LIST,
                                      .nesting = qf_feel_around(args->ev, 0, value),
                                      .count = 1,
                                      .items = value};
    qf_feel_step(args->ev, out->count / 4);
    return value->kind != QF_FEEL_NULL;
}

/* An integer, from a number's integer part. */
bool qf_feel_arg_int(const struct qf_feel_args *args, uint32_t i, int64_t *out);

/* The arguments of f(list) or f(a, b, …) as one list. False when there is nothing but null. */
bool qf_feel_arg_items(const struct qf_feel_args *args, struct qf_feel_value *out);

/* X(name, signatures, function, result kind, foldable) */
#define QF_FEEL_BUILTINS(X)                                                                        \
    X("date and time", "from|date,time", date_and_time, QF_FEEL_DATE_TIME, true)                   \
    X("date", "from|year,month,day", date, QF_FEEL_DATE, true)                                     \
    X("time", "from|hour,minute,second,offset?", time_of_day, QF_FEEL_TIME, true)                  \
    X("years and months duration", "from,to", months_between, QF_FEEL_MONTHS, true)                \
    X("duration", "from", duration, QF_FEEL_ANY, true)                                             \
    X("number", "from|from,grouping separator,decimal separator", number, QF_FEEL_NUMBER, true)    \
    X("string", "from", string, QF_FEEL_STRING, true)                                              \
    X("not", "negand", negation, QF_FEEL_BOOLEAN, false)                                           \
    X("is", "value1,value2", is_same, QF_FEEL_BOOLEAN, false)                                      \
    X("substring before", "string,match", substring_before, QF_FEEL_STRING, false)                 \
    X("substring after", "string,match", substring_after, QF_FEEL_STRING, false)                   \
    X("substring", "string,start position,length?", substring, QF_FEEL_STRING, false)              \
    X("string length", "string", string_length, QF_FEEL_NUMBER, false)                             \
    X("upper case", "string", upper_case, QF_FEEL_STRING, false)                                   \
    X("lower case", "string", lower_case, QF_FEEL_STRING, false)                                   \
    X("contains", "string,match", contains, QF_FEEL_BOOLEAN, false)                                \
    X("starts with", "string,match", starts_with, QF_FEEL_BOOLEAN, false)                          \
    X("ends with", "string,match", ends_with, QF_FEEL_BOOLEAN, false)                              \
    X("matches", "input,pattern,flags?", matches, QF_FEEL_BOOLEAN, false)                          \
    X("replace", "input,pattern,replacement,flags?", replace, QF_FEEL_STRING, false)               \
    X("split", "string,delimiter", split, QF_FEEL_LIST, false)                                     \
    X("string join", "list,delimiter?", string_join, QF_FEEL_STRING, false)                        \
    X("list contains", "list,element", list_contains, QF_FEEL_BOOLEAN, false)                      \
    X("list replace", "list,position,newItem|list,match,newItem", list_replace, QF_FEEL_LIST,      \
      false)                                                                                       \
    X("count", "list", count, QF_FEEL_NUMBER, false)                                               \
    X("min", "list*", least, QF_FEEL_ANY, false)                                                   \
    X("max", "list*", greatest, QF_FEEL_ANY, false)                                                \
    X("sum", "list*", sum, QF_FEEL_ANY, false)                                                     \
    X("mean", "list*", mean, QF_FEEL_ANY, false)                                                   \
    X("median", "list*", median, QF_FEEL_ANY, false)                                               \
    X("mode", "list*", mode, QF_FEEL_LIST, false)                                                  \
    X("stddev", "list*", stddev, QF_FEEL_NUMBER, false)                                            \
    X("product", "list*", product, QF_FEEL_NUMBER, false)                                          \
    X("all", "list*", all, QF_FEEL_BOOLEAN, false)                                                 \
    X("any", "list*", any, QF_FEEL_BOOLEAN, false)                                                 \
    X("sublist", "list,start position,length?", sublist, QF_FEEL_LIST, false)                      \
    X("append", "list,item*", append, QF_FEEL_LIST, false)                                         \
    X("concatenate", "list*", concatenate, QF_FEEL_LIST, false)                                    \
    X("insert before", "list,position,newItem", insert_before, QF_FEEL_LIST, false)                \
    X("remove", "list,position", remove_at, QF_FEEL_LIST, false)                                   \
    X("reverse", "list", reverse, QF_FEEL_LIST, false)                                             \
    X("index of", "list,match", index_of, QF_FEEL_LIST, false)                                     \
    X("union", "list*", set_union, QF_FEEL_LIST, false)                                            \
    X("distinct values", "list", distinct_values, QF_FEEL_LIST, false)                             \
    X("flatten", "list", flatten, QF_FEEL_LIST, false)                                             \
    X("sort", "list,precedes?", sort, QF_FEEL_LIST, false)                                         \
    X("decimal", "n,scale", decimal, QF_FEEL_NUMBER, false)                                        \
    X("floor", "n,scale?", round_floor, QF_FEEL_NUMBER, false)                                     \
    X("ceiling", "n,scale?", round_ceiling, QF_FEEL_NUMBER, false)                                 \
    X("round up", "n,scale", round_up, QF_FEEL_NUMBER, false)                                      \
    X("round down", "n,scale", round_down, QF_FEEL_NUMBER, false)                                  \
    X("round half up", "n,scale", round_half_up, QF_FEEL_NUMBER, false)                            \
    X("round half down", "n,scale", round_half_down, QF_FEEL_NUMBER, false)                        \
    X("abs", "n", absolute, QF_FEEL_ANY, false)                                                    \
    X("modulo", "dividend,divisor", modulo, QF_FEEL_NUMBER, false)                                 \
    X("sqrt", "number", square_root, QF_FEEL_NUMBER, false)                                        \
    X("log", "number", logarithm, QF_FEEL_NUMBER, false)                                           \
    X("exp", "number", exponential, QF_FEEL_NUMBER, false)                                         \
    X("odd", "number", odd, QF_FEEL_BOOLEAN, false)                                                \
    X("even", "number", even, QF_FEEL_BOOLEAN, false)                                              \
    X("day of year", "date", day_of_year, QF_FEEL_NUMBER, false)                                   \
    X("day of week", "date", day_of_week, QF_FEEL_STRING, false)                                   \
    X("month of year", "date", month_of_year, QF_FEEL_STRING, false)                               \
    X("week of year", "date", week_of_year, QF_FEEL_NUMBER, false)                                 \
    X("now", "", now, QF_FEEL_DATE_TIME, false)                                                    \
    X("today", "", today, QF_FEEL_DATE, false)                                                     \
    X("get value", "m,key", get_value, QF_FEEL_ANY, false)                                         \
    X("get entries", "m", get_entries, QF_FEEL_LIST, false)                                        \
    X("context put", "context,key,value|context,keys,value", context_put, QF_FEEL_CONTEXT, false)  \
    X("context merge", "contexts", context_merge, QF_FEEL_CONTEXT, false)                          \
    X("context", "entries", context_of, QF_FEEL_CONTEXT, false)                                    \
    X("range", "from", range_of, QF_FEEL_RANGE, true)                                              \
    X("before", "point1,point2|range1,range2|point,range|range,point", before, QF_FEEL_BOOLEAN,    \
      false)                                                                                       \
    X("after", "point1,point2|range1,range2|point,range|range,point", after, QF_FEEL_BOOLEAN,      \
      false)                                                                                       \
    X("meets", "range1,range2", meets, QF_FEEL_BOOLEAN, false)                                     \
    X("met by", "range1,range2", met_by, QF_FEEL_BOOLEAN, false)                                   \
    X("overlaps before", "range1,range2", overlaps_before, QF_FEEL_BOOLEAN, false)                 \
    X("overlaps after", "range1,range2", overlaps_after, QF_FEEL_BOOLEAN, false)                   \
    X("overlaps", "range1,range2", overlaps, QF_FEEL_BOOLEAN, false)                               \
    X("finishes", "point,range|range1,range2", finishes, QF_FEEL_BOOLEAN, false)                   \
    X("finished by", "range,point|range1,range2", finished_by, QF_FEEL_BOOLEAN, false)             \
    X("includes", "range,point|range1,range2", includes, QF_FEEL_BOOLEAN, false)                   \
    X("during", "point,range|range1,range2", during, QF_FEEL_BOOLEAN, false)                       \
    X("starts", "point,range|range1,range2", starts, QF_FEEL_BOOLEAN, false)                       \
    X("started by", "range,point|range1,range2", started_by, QF_FEEL_BOOLEAN, false)               \
    X("coincides", "point1,point2|range1,range2", coincides, QF_FEEL_BOOLEAN, false)

#define QF_FEEL_DECLARE(name, signatures, function, result, fold)                                  \
    qf_feel_builtin_fn qf_feel_fn_##function;
QF_FEEL_BUILTINS(QF_FEEL_DECLARE)
#undef QF_FEEL_DECLARE

/* Patterns of XPath (regex.c). Each refuses a pattern or flags that are not of that language. */
struct qf_feel_value qf_feel_regex_matches(const struct qf_feel_args *args, struct qf_slice input,
                                           struct qf_slice pattern, struct qf_slice flags);
struct qf_feel_value qf_feel_regex_replace(const struct qf_feel_args *args, struct qf_slice input,
                                           struct qf_slice pattern, struct qf_slice replacement,
                                           struct qf_slice flags);
struct qf_feel_value qf_feel_regex_split(const struct qf_feel_args *args, struct qf_slice input,
                                         struct qf_slice pattern);

#endif
