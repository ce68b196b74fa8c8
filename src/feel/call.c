/* Calls, function literals and types: the part of the grammar that knows parameters. */
#include "feel/parse.h"

#define ARGUMENTS_MAX 1000

/* `name :` at the start of an argument, or nothing. */
static bool named_argument(struct qf_feel_parser *p, struct qf_slice *name)
{
    qf_feel_parse_skip(p);
    size_t at = p->at;
    if (qf_feel_parse_simple_name(p, at) == 0)
        return false;
    size_t end = at;
    while (end < p->size && strchr(",:()[]{}\"<>=@", p->text[end]) == NULL)
        end++;
    if (end >= p->size || p->text[end] != ':')
        return false;
    *name = qf_feel_name_normal(p->compiler->arena, qf_slice_make(p->text + at, end - at));
    p->at = end + 1;
    return true;
}

struct arguments {
    const struct qf_feel_node **nodes;
    struct qf_slice *names; /* NULL: positional */
    uint32_t count;
};

static struct arguments parse_arguments(struct qf_feel_parser *p)
{
    struct arguments args = {0};
    uint32_t capacity = 0;
    bool outer = p->no_filter;
    p->no_filter = false;
    if (qf_feel_parse_take(p, ")")) {
        p->no_filter = outer;
        return args;
    }
    struct qf_arena *arena = p->compiler->arena;
    do {
        if (args.count == capacity) {
            uint32_t more = capacity == 0 ? 4 : capacity * 2;
            const struct qf_feel_node **nodes =
                qf_arena_zalloc(arena, sizeof(struct qf_feel_node *) * more);
            struct qf_slice *names = QF_ARENA_ARRAY(arena, struct qf_slice, more);
            for (uint32_t i = 0; i < args.count; i++) {
                nodes[i] = args.nodes[i];
                if (args.names != NULL)
                    names[i] = args.names[i];
            }
            bool named = args.names != NULL;
            args.nodes = nodes;
            args.names = capacity == 0 || named ? names : NULL;
            capacity = more;
        }
        struct qf_slice name = {0};
        bool named = named_argument(p, &name);
        if (args.count == 0 && !named)
            args.names = NULL;
        if (named != (args.names != NULL))
            qf_feel_parse_fail(p, "either all arguments with names or none");
        if (named)
            args.names[args.count] = name;
        args.nodes[args.count++] = qf_feel_parse_expression(p);
        if (args.count > ARGUMENTS_MAX)
            qf_feel_parse_fail(p, "fewer arguments");
    } while (qf_feel_parse_take(p, ","));
    qf_feel_parse_expect(p, ")");
    p->no_filter = outer;
    return args;
}

static const struct qf_feel_type *builtin_type(const struct qf_feel_builtin *builtin)
{
    return builtin->result == QF_FEEL_ANY
               ? &qf_feel_type_any
               : qf_feel_type_of_kind((enum qf_feel_kind)builtin->result);
}

static const struct qf_feel_node *call_builtin(struct qf_feel_parser *p, size_t at,
                                               const struct qf_feel_builtin *builtin,
                                               const struct arguments *args)
{
    int32_t places[QF_FEEL_BUILTIN_ARGS_MAX];
    uint32_t signature = 0;
    int params = qf_feel_builtin_arrange(builtin, args->names, args->count, &signature, places);
    if (params < 0) {
        qf_feel_parse_report(p, at, true, "%s takes (%s)", builtin->name, builtin->signatures);
        return qf_feel_parse_literal(p, at, qf_feel_null());
    }
    uint32_t count =
        args->names == NULL && args->count > (uint32_t)params ? args->count : (uint32_t)params;
    struct qf_feel_node *node =
        qf_feel_parse_node(p, at, qf_feel_run_builtin, builtin_type(builtin), count);
    for (uint32_t i = 0; i < count; i++) {
        if (args->names == NULL)
            node->kids[i] = i < args->count ? args->nodes[i] : NULL;
        else
            node->kids[i] = places[i] < 0 ? NULL : args->nodes[places[i]];
    }
    node->data = builtin;
    node->a = signature;
    qf_feel_parse_check_arguments(p, at, builtin, node);
    for (uint32_t i = 0; args->names != NULL && i < count; i++)
        if (places[i] == QF_FEEL_PLACE_NULL)
            node->kids[i] = qf_feel_parse_literal(p, at, qf_feel_null());
    qf_feel_parse_check_constant(p, at, builtin, node);
    if (builtin->foldable && p->compiler->folds)
        return qf_feel_parse_fold(p, node);
    return node;
}

/* Named arguments may be fewer than the parameters: those not given are null. */
static void check_call(struct qf_feel_parser *p, size_t at, const struct qf_feel_type *type,
                       const struct arguments *args)
{
    struct qf_buf names = {0};
    if (args->names == NULL && type->count != args->count)
        qf_feel_parse_report(p, at, true, "the function takes %u argument%s, not %u", type->count,
                             type->count == 1 ? "" : "s", args->count);
    for (uint32_t i = 0; i < type->count; i++)
        qf_buf_printf(&names, "%s%.*s", i > 0 ? ", " : "", QF_SLICE_ARGS(type->members[i].name));
    for (uint32_t i = 0; args->names != NULL && i < args->count; i++) {
        bool known = false;
        for (uint32_t j = 0; j < type->count; j++)
            known = known || type->members[j].name.size == 0 ||
                    qf_slice_equal(args->names[i], type->members[j].name);
        if (!known)
            qf_feel_parse_report(p, at, true, "the function has no parameter \"%.*s\"; it has (%s)",
                                 QF_SLICE_ARGS(args->names[i]), qf_buf_text(&names));
    }
    qf_buf_deinit(&names);
}

const struct qf_feel_node *qf_feel_parse_call(struct qf_feel_parser *p, size_t at,
                                              const struct qf_feel_node *callee)
{
    struct arguments args = parse_arguments(p);
    if (callee->is_literal && callee->value.kind == QF_FEEL_FUNCTION)
        return call_builtin(p, at, callee->value.function->builtin, &args);
    const struct qf_feel_type *type = callee->type;
    if (!qf_feel_type_may_be(type, QF_FEEL_FUNCTION))
        qf_feel_parse_report(p, at, true, "what is called is not a function");
    else if (type->kind == QF_FEEL_FUNCTION && !type->open)
        check_call(p, at, type, &args);
    const struct qf_feel_type *result =
        type->kind == QF_FEEL_FUNCTION ? type->element : &qf_feel_type_any;
    struct qf_feel_node *node = qf_feel_parse_node(p, at, qf_feel_run_call, result, args.count + 1);
    node->kids[0] = callee;
    for (uint32_t i = 0; i < args.count; i++)
        node->kids[i + 1] = args.nodes[i];
    node->data = args.names;
    return node;
}

/* ---- function literals ---- */

const struct qf_feel_node *qf_feel_parse_lambda(struct qf_feel_parser *p, size_t at)
{
    struct qf_arena *arena = p->compiler->arena;
    struct qf_feel_member params[32];
    struct qf_feel_binding bindings[32];
    uint32_t count = 0;
    qf_feel_parse_expect(p, "(");
    if (!qf_feel_parse_take(p, ")")) {
        do {
            if (count >= 32)
                qf_feel_parse_fail(p, "at most 32 parameters");
            /* cppcheck-suppress arrayIndexOutOfBoundsCond ; failing does not return */
            params[count].name = qf_feel_parse_declared(p, ":,)", NULL);
            params[count].type =
                qf_feel_parse_take(p, ":") ? qf_feel_parse_type(p) : &qf_feel_type_any;
            bindings[count] = (struct qf_feel_binding){
                .name = params[count].name, .type = params[count].type, .slot = count};
            count++;
        } while (qf_feel_parse_take(p, ","));
        qf_feel_parse_expect(p, ")");
    }
    struct qf_feel_lambda *lambda = QF_ARENA_NEW(arena, struct qf_feel_lambda);
    struct qf_feel_member *kept = QF_ARENA_ARRAY(arena, struct qf_feel_member, count);
    if (count > 0)
        memcpy(kept, params, sizeof *kept * count);
    lambda->params = kept;
    lambda->count = count;
    lambda->external = qf_feel_parse_word(p, "external");
    const struct qf_feel_node *body = NULL;
    if (lambda->external) {
        qf_feel_parse_report(p, at, false, "external functions are refused on the ledger");
        body = qf_feel_parse_expression(p);
    } else {
        struct qf_feel_scope scope = {p->scope, QF_FEEL_SCOPE_FRAME, bindings, count};
        bool outer = p->saw_input;
        p->scope = &scope;
        body = qf_feel_parse_expression(p);
        p->scope = scope.parent;
        p->saw_input = outer;
    }
    p->saw_lambda = true;
    lambda->result = lambda->external ? &qf_feel_type_any : body->type;
    struct qf_feel_type *type = QF_ARENA_NEW(arena, struct qf_feel_type);
    type->kind = QF_FEEL_FUNCTION;
    type->members = kept;
    type->count = count;
    type->element = lambda->result;
    struct qf_feel_node *node = qf_feel_parse_node(p, at, qf_feel_run_lambda, type, 1);
    node->kids[0] = body;
    node->data = lambda;
    return node;
}

/* ---- types ---- */

static const struct qf_feel_type *parse_context_type(struct qf_feel_parser *p)
{
    struct qf_arena *arena = p->compiler->arena;
    struct qf_feel_member members[64];
    struct qf_feel_type *type = QF_ARENA_NEW(arena, struct qf_feel_type);
    type->kind = QF_FEEL_CONTEXT;
    if (!qf_feel_parse_take(p, ">")) {
        do {
            if (type->count >= 64)
                qf_feel_parse_fail(p, "at most 64 members");
            /* cppcheck-suppress arrayIndexOutOfBoundsCond ; failing does not return */
            members[type->count].name = qf_feel_parse_declared(p, ":,>", NULL);
            qf_feel_parse_expect(p, ":");
            members[type->count++].type = qf_feel_parse_type(p);
        } while (qf_feel_parse_take(p, ","));
        qf_feel_parse_expect(p, ">");
    }
    struct qf_feel_member *kept = QF_ARENA_ARRAY(arena, struct qf_feel_member, type->count);
    if (type->count > 0)
        memcpy(kept, members, sizeof *kept * type->count);
    type->members = kept;
    return type;
}

static const struct qf_feel_type *parse_function_type(struct qf_feel_parser *p)
{
    struct qf_arena *arena = p->compiler->arena;
    struct qf_feel_member members[32];
    struct qf_feel_type *type = QF_ARENA_NEW(arena, struct qf_feel_type);
    type->kind = QF_FEEL_FUNCTION;
    if (!qf_feel_parse_take(p, ">")) {
        do {
            if (type->count >= 32)
                qf_feel_parse_fail(p, "at most 32 parameters");
            members[type->count++] = (struct qf_feel_member){{NULL, 0}, qf_feel_parse_type(p)};
        } while (qf_feel_parse_take(p, ","));
        qf_feel_parse_expect(p, ">");
    }
    qf_feel_parse_expect(p, "->");
    type->element = qf_feel_parse_type(p);
    struct qf_feel_member *kept = QF_ARENA_ARRAY(arena, struct qf_feel_member, type->count);
    if (type->count > 0)
        memcpy(kept, members, sizeof *kept * type->count);
    type->members = kept;
    return type;
}

/* list<…>, range<…>, context<…>, function<…>->…; NULL when it is none of these. */
static const struct qf_feel_type *parse_generic_type(struct qf_feel_parser *p)
{
    static const struct {
        const char *word;
        enum qf_feel_kind kind;
    } generics[] = {{"list", QF_FEEL_LIST},
                    {"range", QF_FEEL_RANGE},
                    {"context", QF_FEEL_CONTEXT},
                    {"function", QF_FEEL_FUNCTION}};
    size_t at = p->at;
    for (size_t i = 0; i < sizeof generics / sizeof generics[0]; i++) {
        if (!qf_feel_parse_word(p, generics[i].word))
            continue;
        if (!qf_feel_parse_take(p, "<")) {
            p->at = at;
            return NULL;
        }
        if (generics[i].kind == QF_FEEL_CONTEXT)
            return parse_context_type(p);
        if (generics[i].kind == QF_FEEL_FUNCTION)
            return parse_function_type(p);
        struct qf_feel_type *type = QF_ARENA_NEW(p->compiler->arena, struct qf_feel_type);
        type->kind = generics[i].kind;
        type->element = qf_feel_parse_type(p);
        qf_feel_parse_expect(p, ">");
        return type;
    }
    return NULL;
}

static const struct qf_feel_type *find_type(const struct qf_feel_parser *p, struct qf_slice name)
{
    const struct qf_feel_types *types = p->compiler->types;
    const struct qf_feel_type *type = types == NULL ? NULL : types->find(types->self, name);
    return type != NULL ? type : qf_feel_type_named(name);
}

/* A name of one or more words and dots: the longest that names a type. */
static const struct qf_feel_type *parse_named_type(struct qf_feel_parser *p)
{
    size_t from = p->at;
    size_t best_end = from;
    const struct qf_feel_type *best = NULL;
    for (int words = 0; words < 12; words++) {
        size_t size = qf_feel_parse_simple_name(p, p->at);
        if (size == 0)
            break;
        p->at += size;
        const struct qf_feel_type *type =
            find_type(p, qf_feel_name_normal(p->compiler->arena,
                                             qf_slice_make(p->text + from, p->at - from)));
        if (type != NULL) {
            best = type;
            best_end = p->at;
        }
        while (p->at < p->size && (p->text[p->at] == ' ' || p->text[p->at] == '.' ||
                                   p->text[p->at] == '-' || p->text[p->at] == '\''))
            p->at++;
    }
    if (best == NULL) {
        p->at = from;
        size_t size = qf_feel_parse_simple_name(p, from);
        if (size == 0)
            qf_feel_parse_fail(p, "a type");
        qf_feel_parse_report(
            p, from, true,
            "there is no type \"%.*s\"; FEEL has number, string, boolean, date, time, date and "
            "time, the two durations, list<…>, context<…>",
            (int)size, p->text + from);
        p->at = from + size;
        p->saw_no_type = true;
        return qf_feel_type_of_kind(QF_FEEL_NULL);
    }
    p->at = best_end;
    return best;
}

const struct qf_feel_type *qf_feel_parse_type(struct qf_feel_parser *p)
{
    qf_feel_parse_nest(p);
    qf_feel_parse_skip(p);
    const struct qf_feel_type *type = parse_generic_type(p);
    if (type == NULL)
        type = parse_named_type(p);
    p->depth--;
    return type;
}
