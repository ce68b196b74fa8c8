/* Evaluating a model: elements on demand, each once; calls of knowledge models and services. */
#include "dmn/model.h"
#include "feel/number.h"
#include "feel/temporal.h"

static struct qf_feel_value call_knowledge(struct qf_feel_ev *ev,
                                           const struct qf_feel_function *function,
                                           struct qf_feel_value *args, uint32_t count,
                                           const struct qf_feel_node *site)
{
    const struct qf_dmn_element *element = function->data;
    struct qf_feel_value out = qf_feel_null();
    if (element->body == NULL)
        return qf_feel_warn(ev, site, "the business knowledge model has no logic");
    if (element->external) {
        struct qf_feel_value definition = QF_FEEL_RUN(ev, element->body, function->closure);
        if (ev->world->external == NULL ||
            !ev->world->external(ev->world->self, &out, ev->arena, &definition, args, count))
            return qf_feel_warn(ev, site, "external functions are refused");
    } else {
        struct qf_feel_frame *frame = qf_feel_alloc(ev, sizeof *frame);
        *frame = (struct qf_feel_frame){function->closure, function->closure->run, args};
        out = QF_FEEL_RUN(ev, element->body, frame);
    }
    if (!qf_feel_coerce(ev, &out, element->type))
        return qf_feel_warn(ev, site, "the result is not of the declared type");
    return out;
}

static struct qf_feel_value element_value(struct qf_feel_ev *ev, struct qf_dmn_run *run,
                                          const struct qf_dmn_element *element);

/* A decision service sees its parameters and nothing else of the caller's evaluation but the
 * inputs that it does not declare. */
static struct qf_feel_value call_service(struct qf_feel_ev *ev,
                                         const struct qf_feel_function *function,
                                         struct qf_feel_value *args, uint32_t count,
                                         const struct qf_feel_node *site)
{
    const struct qf_dmn_element *service = function->data;
    const struct qf_dmn_run *outer = function->closure->run;
    const struct qf_dmn_model *model = outer->model;
    struct qf_dmn_run *run = qf_feel_alloc(ev, sizeof *run);
    *run = (struct qf_dmn_run){.model = model, .trace = outer->trace};
    run->values = qf_feel_alloc(ev, sizeof *run->values * model->element_count);
    run->states = qf_feel_alloc(ev, model->element_count);
    run->frame.run = run;
    for (uint32_t i = 0; i < model->element_count; i++) {
        bool kept = model->elements[i]->kind == QF_DMN_INPUT;
        run->states[i] = kept ? outer->states[i] : QF_DMN_UNKNOWN;
        run->values[i] = kept ? outer->values[i] : qf_feel_null();
    }
    for (uint32_t i = 0; i < count; i++) {
        run->values[service->inputs[i]->slot] = args[i];
        run->states[service->inputs[i]->slot] = QF_DMN_KNOWN;
    }
    struct qf_feel_value out = qf_feel_null();
    if (service->output_count == 1) {
        out = element_value(ev, run, service->outputs[0]);
    } else {
        struct qf_feel_entries entries = {0};
        for (uint32_t i = 0; i < service->output_count; i++) {
            struct qf_feel_value value = element_value(ev, run, service->outputs[i]);
            qf_feel_entries_put(ev, &entries, service->outputs[i]->name, &value);
        }
        out = qf_feel_entries_context(ev, &entries);
    }
    if (!qf_feel_coerce(ev, &out, service->type))
        return qf_feel_warn(ev, site, "the result is not of the declared type");
    return out;
}

static struct qf_feel_value function_value(struct qf_feel_ev *ev, struct qf_dmn_run *run,
                                           const struct qf_dmn_element *element)
{
    struct qf_feel_function *function = qf_feel_alloc(ev, sizeof *function);
    *function = (struct qf_feel_function){
        .call = element->kind == QF_DMN_SERVICE ? call_service : call_knowledge,
        .params = element->params,
        .param_count = element->param_count,
        .result = element->type,
        .closure = &run->frame,
        .data = element,
    };
    return (struct qf_feel_value){.kind = QF_FEEL_FUNCTION, .function = function};
}

static struct qf_feel_value element_value(struct qf_feel_ev *ev, struct qf_dmn_run *run,
                                          const struct qf_dmn_element *element)
{
    uint32_t slot = element->slot;
    if (run->states[slot] == QF_DMN_KNOWN)
        return run->values[slot];
    if (run->states[slot] == QF_DMN_RUNNING)
        return qf_feel_warn(ev, element->body, "the decision requires itself");
    struct qf_feel_value value = qf_feel_null();
    if (element->kind == QF_DMN_KNOWLEDGE || element->kind == QF_DMN_SERVICE) {
        value = function_value(ev, run, element);
    } else if (element->kind == QF_DMN_DECISION && element->body != NULL) {
        run->states[slot] = QF_DMN_RUNNING;
        qf_feel_enter(ev);
        qf_feel_step(ev, 1);
        value = QF_FEEL_RUN(ev, element->body, &run->frame);
        qf_feel_leave(ev);
        if (!qf_feel_coerce(ev, &value, element->type))
            value = qf_feel_warn(ev, element->body, "the result is not of the declared type");
    }
    run->values[slot] = value;
    run->states[slot] = QF_DMN_KNOWN;
    return value;
}

struct qf_feel_value qf_dmn_run_element(struct qf_feel_ev *ev, const struct qf_feel_node *node,
                                        const struct qf_feel_frame *frame)
{
    struct qf_dmn_run *run = frame->run;
    if (run->states[node->a] == QF_DMN_KNOWN)
        return run->values[node->a];
    return element_value(ev, run, run->model->elements[node->a]);
}

/* ---- entry ---- */

struct request {
    struct qf_dmn_run run;
    const struct qf_dmn_element *element;
    const struct qf_dmn_input *inputs;
    uint32_t count;
    const struct qf_feel_value *arguments; /* of an invocation */
};

/* The root of an evaluation: takes the inputs in (which may run constraints) and goes on. */
static struct qf_feel_value run_request(struct qf_feel_ev *ev, const struct qf_feel_node *node,
                                        const struct qf_feel_frame *frame)
{
    (void)frame;
    struct request *request = (struct request *)(uintptr_t)node->data;
    struct qf_dmn_run *run = &request->run;
    for (uint32_t i = 0; i < request->count; i++) {
        const struct qf_dmn_element *element = request->inputs[i].element;
        struct qf_feel_value value = request->inputs[i].value;
        if (!qf_feel_coerce(ev, &value, element->type))
            (void)qf_feel_warn(ev, NULL, "an input is not of its declared type");
        run->values[element->slot] = value;
        run->states[element->slot] = QF_DMN_KNOWN;
    }
    if (request->arguments == NULL)
        return element_value(ev, run, request->element);
    struct qf_feel_value function = element_value(ev, run, request->element);
    uint32_t count = request->element->param_count;
    struct qf_feel_value *args = qf_feel_alloc(ev, sizeof *args * (count + 1));
    if (count > 0)
        memcpy(args, request->arguments, sizeof *args * count);
    return qf_feel_call(ev, function.function, args, count, node);
}

static enum qf_status run_whole(const struct qf_dmn_model *model, struct request *request,
                                struct qf_arena *arena, const struct qf_dmn_options *options,
                                struct qf_dmn_result *result, struct qf_error *err)
{
    struct qf_dmn_run *run = &request->run;
    struct qf_feel_node root = {.run = run_request, .type = &qf_feel_type_any, .data = request};
    struct qf_dmn_trace *trace = NULL;
    run->model = model;
    run->values = qf_arena_zalloc(arena, sizeof *run->values * model->element_count);
    run->states = qf_arena_zalloc(arena, model->element_count);
    run->frame = (struct qf_feel_frame){NULL, run, NULL};
    if (options->trace) {
        trace = QF_ARENA_NEW(arena, struct qf_dmn_trace);
        trace->model = model;
        trace->decision = request->element;
        trace->inputs = request->inputs;
        trace->input_count = request->count;
        trace->result = &result->feel;
        run->trace = trace;
    }
    result->trace = trace;
    enum qf_status status =
        qf_feel_evaluate_node(&root, &run->frame, arena, options->world, &result->feel, err);
    if (status != QF_OK && err != NULL)
        qf_error_within(err, "%.*s", QF_SLICE_ARGS(request->element->name));
    return status;
}

enum qf_status qf_dmn_evaluate(const struct qf_dmn_model *model,
                               const struct qf_dmn_element *decision, struct qf_arena *arena,
                               const struct qf_dmn_options *options,
                               const struct qf_dmn_input *inputs, uint32_t count,
                               struct qf_dmn_result *result, struct qf_error *err)
{
    struct request *request = QF_ARENA_NEW(arena, struct request);
    request->element = decision;
    request->inputs = inputs;
    request->count = count;
    return run_whole(model, request, arena, options, result, err);
}

enum qf_status qf_dmn_invoke(const struct qf_dmn_model *model, const struct qf_dmn_element *element,
                             struct qf_arena *arena, const struct qf_dmn_options *options,
                             const struct qf_feel_value *arguments, struct qf_dmn_result *result,
                             struct qf_error *err)
{
    static const struct qf_feel_value none;
    struct request *request = QF_ARENA_NEW(arena, struct request);
    request->element = element;
    request->arguments = arguments == NULL ? &none : arguments;
    return run_whole(model, request, arena, options, result, err);
}

/* ---- inputs from JSON ---- */

static bool text_value(struct qf_feel_value *out, const struct qf_json *json, uint32_t kind)
{
    struct qf_slice text = qf_json_text(json);
    switch (kind) {
    case QF_FEEL_NUMBER:
        return qf_feel_number_parse(out, text);
    case QF_FEEL_DATE:
        return qf_feel_date_parse(out, text);
    case QF_FEEL_TIME:
        return qf_feel_time_parse(out, text);
    case QF_FEEL_DATE_TIME:
        return qf_feel_date_time_parse(out, text);
    case QF_FEEL_MONTHS:
    case QF_FEEL_SECONDS:
        return qf_feel_duration_parse(out, text) && out->kind == kind;
    default:
        *out = qf_feel_text(text);
        return true;
    }
}

/* Depth is that of the JSON, which its parser bounds. */
bool qf_dmn_value_from_json(struct qf_arena *arena, struct qf_feel_value *out,
                            const struct qf_json *json, const struct qf_feel_type *type,
                            struct qf_error *err)
{
    if (json->type == QF_JSON_STRING) {
        if (text_value(out, json, type->kind))
            return true;
        (void)qf_fail(err, QF_BAD_FIELD, "", "\"%.*s\" is not a %s",
                      (int)(json->count > 40 ? 40 : json->count), json->text,
                      qf_feel_kind_name((enum qf_feel_kind)type->kind));
        return false;
    }
    if (json->type == QF_JSON_ARRAY) {
        struct qf_feel_value *items = QF_ARENA_ARRAY(arena, struct qf_feel_value, json->count);
        const struct qf_feel_type *element =
            type->kind == QF_FEEL_LIST ? type->element : &qf_feel_type_any;
        for (uint32_t i = 0; i < json->count; i++) {
            if (!qf_dmn_value_from_json(arena, &items[i], &json->items[i], element, err)) {
                qf_error_within(err, "[%u]", i);
                return false;
            }
        }
        *out = (struct qf_feel_value){.kind = QF_FEEL_LIST, .count = json->count, .items = items};
        return true;
    }
    if (json->type == QF_JSON_OBJECT) {
        struct qf_feel_context *context = QF_ARENA_NEW(arena, struct qf_feel_context);
        struct qf_feel_entry *entries = QF_ARENA_ARRAY(arena, struct qf_feel_entry, json->count);
        for (uint32_t i = 0; i < json->count; i++) {
            const struct qf_feel_type *member = qf_feel_type_member(type, json->members[i].key);
            entries[i].key = json->members[i].key;
            if (!qf_dmn_value_from_json(arena, &entries[i].value, &json->members[i].value,
                                        member == NULL ? &qf_feel_type_any : member, err)) {
                qf_error_within(err, "%.*s", QF_SLICE_ARGS(json->members[i].key));
                return false;
            }
        }
        *context = (struct qf_feel_context){json->count, entries};
        *out = (struct qf_feel_value){.kind = QF_FEEL_CONTEXT, .context = context};
        return true;
    }
    *out = qf_feel_from_json(arena, json);
    return true;
}

uint32_t qf_dmn_params(const struct qf_dmn_element *element, const struct qf_feel_member **params)
{
    *params = element->params;
    return element->param_count;
}

uint32_t qf_dmn_outputs(const struct qf_dmn_element *element)
{
    return element->output_count;
}

uint32_t qf_dmn_count(const struct qf_dmn_model *model)
{
    return model->element_count;
}

void qf_dmn_needs(const struct qf_dmn_model *model, struct qf_arena *arena,
                  const struct qf_dmn_element *decision, bool *out)
{
    const struct qf_dmn_element **open =
        QF_ARENA_ARRAY(arena, const struct qf_dmn_element *, model->element_count + 1);
    uint32_t count = 0;
    open[count++] = decision;
    out[decision->slot] = true;
    while (count > 0) {
        const struct qf_dmn_element *at = open[--count];
        uint32_t total = at->need_count + at->output_count;
        for (uint32_t i = 0; i < total; i++) {
            const struct qf_dmn_element *next =
                i < at->need_count ? at->needs[i] : at->outputs[i - at->need_count];
            if (out[next->slot])
                continue;
            out[next->slot] = true;
            open[count++] = next;
        }
    }
}
