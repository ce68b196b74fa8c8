/* The trace as canonical JSON: members are written in the order of their keys (RFC 8785). What does
 * not depend on the inputs is written once, when the model is compiled. */
#include <stdlib.h>

#include "codec/utf8.h"
#include "dmn/model.h"

static struct qf_slice keep(struct qf_arena *arena, struct qf_buf *buf)
{
    struct qf_slice kept = qf_arena_copy(arena, qf_buf_slice(buf));
    qf_buf_reset(buf);
    return kept;
}

static int by_key(const void *a, const void *b)
{
    const struct qf_dmn_element *x = *(struct qf_dmn_element *const *)a;
    const struct qf_dmn_element *y = *(struct qf_dmn_element *const *)b;
    int order = qf_utf16_compare(x->name, y->name);
    return order != 0 ? order : (x->slot > y->slot) - (x->slot < y->slot);
}

void qf_dmn_trace_prepare(struct qf_dmn_model *model)
{
    uint32_t count = model->element_count;
    struct qf_buf buf = {0};
    struct qf_dmn_element **sorted =
        qf_arena_zalloc(model->arena, sizeof(struct qf_dmn_element *) * (count + 1));
    for (uint32_t i = 0; i < count; i++) {
        struct qf_dmn_element *element = model->elements[i];
        sorted[i] = element;
        qf_json_write_string(&buf, element->name);
        qf_buf_put_byte(&buf, ':');
        element->json_name = keep(model->arena, &buf);
        qf_buf_put_text(&buf, "{\"decision\":");
        qf_json_write_string(&buf, element->name);
        qf_buf_put_text(&buf, ",\"inputs\":{");
        element->json_head = keep(model->arena, &buf);
        qf_buf_put_text(&buf, "},\"model\":");
        qf_json_write_string(&buf, element->unit->ns);
        qf_buf_put_text(&buf, ",\"outcome\":");
        element->json_outcome = keep(model->arena, &buf);
    }
    qsort(sorted, count, sizeof(struct qf_dmn_element *), by_key);
    for (uint32_t i = 0; i < count; i++)
        sorted[i]->rank = i;
    qf_buf_deinit(&buf);
}

static void write_rule(struct qf_buf *buf, const struct qf_dmn_table *table, uint32_t number)
{
    const struct qf_dmn_rule *rule = &table->rules[number];
    bool first = true;
    qf_buf_put_text(buf, "{\"annotations\":[");
    for (uint32_t i = 0; i < table->annotation_count; i++) {
        if (rule->annotations[i].size == 0)
            continue;
        if (!first)
            qf_buf_put_byte(buf, ',');
        first = false;
        qf_json_write_string(buf, rule->annotations[i]);
    }
    qf_buf_put_text(buf, "],\"id\":");
    qf_json_write_string(buf, rule->id);
    qf_buf_put_text(buf, ",\"rule\":");
    qf_buf_put_int(buf, (int64_t)number + 1);
    qf_buf_put_byte(buf, '}');
}

void qf_dmn_trace_prepare_table(struct qf_arena *arena, struct qf_dmn_table *table)
{
    struct qf_buf buf = {0};
    qf_buf_put_text(&buf, "{\"in\":");
    qf_json_write_string(&buf, table->element);
    qf_buf_put_text(&buf, ",\"inputs\":[");
    table->json_head = keep(arena, &buf);
    for (uint32_t i = 0; i < table->column_count; i++) {
        qf_buf_put_text(&buf, i > 0 ? "},{\"name\":" : "{\"name\":");
        qf_json_write_string(&buf, table->columns[i].name);
        qf_buf_put_text(&buf, ",\"value\":");
        table->columns[i].json = keep(arena, &buf);
    }
    for (uint32_t i = 0; i < table->rule_count; i++) {
        write_rule(&buf, table, i);
        table->rules[i].json = keep(arena, &buf);
    }
    qf_buf_put_text(&buf, ",\"table\":");
    qf_json_write_string(&buf, table->id);
    qf_buf_put_byte(&buf, '}');
    table->json_tail = keep(arena, &buf);
    qf_buf_deinit(&buf);
}

/* In the order of their names; inputs are few, and mostly given in one order. */
static void write_inputs(struct qf_buf *buf, const struct qf_dmn_trace *trace)
{
    int64_t last = -1;
    for (uint32_t n = 0; n < trace->input_count; n++) {
        const struct qf_dmn_input *next = NULL;
        for (uint32_t i = 0; i < trace->input_count; i++) {
            const struct qf_dmn_input *input = &trace->inputs[i];
            if (input->element->rank > last &&
                (next == NULL || input->element->rank < next->element->rank))
                next = input;
        }
        if (next == NULL)
            break;
        if (last >= 0)
            qf_buf_put_byte(buf, ',');
        qf_buf_put_slice(buf, next->element->json_name);
        qf_feel_write_json(buf, &next->value);
        last = next->element->rank;
    }
}

/* A part of the text that stands in it already. */
struct written {
    const struct qf_feel_value *value;
    size_t at, size;
};

/* What a table gives is mostly the outcome: then its text is copied. */
static void write_output(struct qf_buf *buf, const struct qf_feel_value *output,
                         const struct written *outcome)
{
    bool same = output->kind == QF_FEEL_CONTEXT && outcome->value->kind == QF_FEEL_CONTEXT &&
                output->context == outcome->value->context;
    uint8_t *place = same ? qf_buf_reserve(buf, outcome->size) : NULL;
    if (place == NULL) {
        qf_feel_write_json(buf, output);
        return;
    }
    memcpy(place, buf->data + outcome->at, outcome->size);
    qf_buf_grow(buf, outcome->size);
}

static void write_step(struct qf_buf *buf, const struct qf_dmn_step *step,
                       const struct written *outcome)
{
    const struct qf_dmn_table *table = step->table;
    qf_buf_put_slice(buf, table->json_head);
    for (uint32_t i = 0; i < table->column_count; i++) {
        qf_buf_put_slice(buf, table->columns[i].json);
        qf_feel_write_json(buf, &step->inputs[i]);
    }
    qf_buf_put_text(buf, table->column_count > 0 ? "}],\"matched\":[" : "],\"matched\":[");
    for (uint32_t i = 0; i < step->matched_count; i++) {
        if (i > 0)
            qf_buf_put_byte(buf, ',');
        qf_buf_put_slice(buf, table->rules[step->matched[i]].json);
    }
    qf_buf_put_text(buf, "],\"output\":");
    write_output(buf, &step->output, outcome);
    qf_buf_put_slice(buf, table->json_tail);
}

void qf_dmn_trace_write(struct qf_buf *buf, const struct qf_dmn_trace *trace)
{
    const struct qf_feel_result *result = trace->result;
    qf_buf_put_slice(buf, trace->decision->json_head);
    write_inputs(buf, trace);
    qf_buf_put_slice(buf, trace->decision->json_outcome);
    struct written outcome = {&result->value, buf->size, 0};
    qf_feel_write_json(buf, &result->value);
    outcome.size = buf->size - outcome.at;
    qf_buf_put_text(buf, ",\"tables\":[");
    for (const struct qf_dmn_step *step = trace->first; step != NULL; step = step->next) {
        if (step != trace->first)
            qf_buf_put_byte(buf, ',');
        write_step(buf, step, &outcome);
    }
    qf_buf_put_text(buf, "],\"warnings\":[");
    for (uint32_t i = 0; i < result->warning_count; i++) {
        const struct qf_feel_warning *w = &result->warnings[i];
        if (i > 0)
            qf_buf_put_byte(buf, ',');
        qf_buf_printf(buf, "{\"column\":%u,\"line\":%u,\"message\":", w->column, w->line);
        qf_json_write_string(buf, qf_slice_of(w->message));
        qf_buf_put_byte(buf, '}');
    }
    qf_buf_put_text(buf, "]}");
}
