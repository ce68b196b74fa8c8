/* The table of built-in functions, and how arguments find their parameters. */
#include "feel/builtin.h"

#include "feel/number.h"

static const struct qf_feel_builtin builtins[] = {
#define QF_FEEL_ROW(name, signatures, function, result, fold)                                      \
    {(name), (signatures), qf_feel_fn_##function, (result), (fold)},
    QF_FEEL_BUILTINS(QF_FEEL_ROW)
#undef QF_FEEL_ROW
};
#define BUILTIN_COUNT (sizeof builtins / sizeof builtins[0])

/* A built-in called as a value: positional arguments find their signature now. */
static struct qf_feel_value call_value(struct qf_feel_ev *ev,
                                       const struct qf_feel_function *function,
                                       struct qf_feel_value *args, uint32_t count,
                                       const struct qf_feel_node *site)
{
    int32_t places[QF_FEEL_BUILTIN_ARGS_MAX];
    uint32_t signature = 0;
    int params = qf_feel_builtin_arrange(function->builtin, NULL, count, &signature, places);
    if (params < 0)
        return qf_feel_warn(ev, site, "the function takes another number of arguments");
    uint32_t total = count > (uint32_t)params ? count : (uint32_t)params;
    struct qf_feel_value *all = qf_feel_alloc(ev, sizeof *all * (total + 1));
    for (uint32_t i = 0; i < total; i++)
        all[i] = i < count ? args[i] : (struct qf_feel_value){.kind = QF_FEEL_NULL, .small = 1};
    struct qf_feel_args call = {ev, site, all, total, signature};
    /* cppcheck-suppress returnDanglingLifetime ; the value does not keep the arguments */
    return function->builtin->call(&call);
}

static const struct qf_feel_member any_params[QF_FEEL_BUILTIN_ARGS_MAX] = {
    {{NULL, 0}, &qf_feel_type_any},
    {{NULL, 0}, &qf_feel_type_any},
    {{NULL, 0}, &qf_feel_type_any},
    {{NULL, 0}, &qf_feel_type_any},
};

static const struct qf_feel_function functions[] = {
#define QF_FEEL_VALUE(name, signatures, function, result_kind, fold)                               \
    {.call = call_value,                                                                           \
     .params = any_params,                                                                         \
     .result = &qf_feel_type_any,                                                                  \
     .builtin = &builtins[__COUNTER__]},
    QF_FEEL_BUILTINS(QF_FEEL_VALUE)
#undef QF_FEEL_VALUE
};
_Static_assert(__COUNTER__ == BUILTIN_COUNT, "one function value for each built-in, in order");

const struct qf_feel_builtin *qf_feel_builtin_at(uint32_t index)
{
    return index < BUILTIN_COUNT ? &builtins[index] : NULL;
}

const struct qf_feel_builtin *qf_feel_builtin_find(struct qf_slice name)
{
    for (size_t i = 0; i < BUILTIN_COUNT; i++)
        if (qf_slice_is(name, builtins[i].name))
            return &builtins[i];
    return NULL;
}

struct qf_feel_value qf_feel_builtin_value(const struct qf_feel_builtin *builtin)
{
    return (struct qf_feel_value){.kind = QF_FEEL_FUNCTION,
                                  .function = &functions[builtin - builtins]};
}

/* ---- signatures ---- */

struct signature {
    struct qf_slice names[QF_FEEL_BUILTIN_ARGS_MAX];
    uint32_t count;
    uint32_t least; /* that must be given */
    bool repeats;   /* the last one */
};

/* Reads one signature; gives where the next begins, or NULL. */
static const char *read_signature(const char *text, struct signature *out)
{
    *out = (struct signature){0};
    while (*text != '\0' && *text != '|') {
        size_t size = strcspn(text, ",|");
        struct qf_slice name = qf_slice_make(text, size);
        bool optional = false;
        if (name.data[size - 1] == '?') {
            optional = true;
            name.size--;
        } else if (name.data[size - 1] == '*') {
            out->repeats = true;
            name.size--;
        }
        out->names[out->count++] = name;
        if (!optional)
            out->least = out->count;
        text += size;
        if (*text == ',')
            text++;
    }
    return *text == '|' ? text + 1 : NULL;
}

/* `whole`: all that must be given is. */
static bool arrange_names(const struct signature *signature, const struct qf_slice *names,
                          uint32_t count, int32_t *places, bool whole)
{
    uint32_t found = 0;
    for (uint32_t i = 0; i < signature->count; i++) {
        places[i] = -1;
        for (uint32_t j = 0; j < count; j++) {
            if (qf_slice_equal(names[j], signature->names[i])) {
                if (places[i] >= 0)
                    return false;
                places[i] = (int32_t)j;
                found++;
            }
        }
        if (i < signature->least && places[i] < 0) {
            if (whole)
                return false;
            places[i] = QF_FEEL_PLACE_NULL;
        }
    }
    return found == count;
}

static int arrange_named(const struct qf_feel_builtin *builtin, const struct qf_slice *names,
                         uint32_t count, uint32_t *signature, int32_t *places, bool whole)
{
    const char *text = builtin->signatures;
    for (*signature = 0; text != NULL; ++*signature) {
        struct signature s;
        text = read_signature(text, &s);
        if (count <= s.count && arrange_names(&s, names, count, places, whole))
            return (int)s.count;
    }
    return -1;
}

/* Arguments with names may be fewer than must be given: those that are missing are null. */
int qf_feel_builtin_arrange(const struct qf_feel_builtin *builtin, const struct qf_slice *names,
                            uint32_t count, uint32_t *signature, int32_t *places)
{
    const char *text = builtin->signatures;
    if (names != NULL) {
        int found = arrange_named(builtin, names, count, signature, places, true);
        return found >= 0 ? found : arrange_named(builtin, names, count, signature, places, false);
    }
    for (*signature = 0; text != NULL; ++*signature) {
        struct signature s;
        text = read_signature(text, &s);
        if (count < s.least || (count > s.count && !s.repeats))
            continue;
        for (uint32_t i = 0; i < s.count; i++)
            places[i] = i < count ? (int32_t)i : -1;
        return (int)s.count;
    }
    return -1;
}

/* ---- arguments ---- */

bool qf_feel_arg_int(const struct qf_feel_args *args, uint32_t i, int64_t *out)
{
    const struct qf_feel_value *value = qf_feel_arg_kind(args, i, QF_FEEL_NUMBER);
    return value != NULL && qf_feel_number_to_int(out, value);
}

bool qf_feel_arg_items(const struct qf_feel_args *args, struct qf_feel_value *out)
{
    if (args->count == 1)
        return qf_feel_arg_list(args, 0, out);
    *out = (struct qf_feel_value){.kind = QF_FEEL_LIST, .count = args->count, .items = args->items};
    for (uint32_t i = 0; i < args->count; i++)
        out->nesting = qf_feel_around(args->ev, out->nesting, &args->items[i]);
    qf_feel_step(args->ev, args->count / 4);
    return true;
}
