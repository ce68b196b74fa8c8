/* The trace as canonical JSON: members are written in the order of their keys (RFC 8785), which is
 * fixed but for the inputs. */
#include "dmn/model.h"
#include "feel/zone_table.h"

static void write_inputs(struct qf_buf *buf, const struct qf_dmn_trace *trace)
{
    struct qf_feel_entry few[32];
    struct qf_feel_context context = {0, few};
    for (uint32_t i = 0; i < trace->input_count && i < 32; i++)
        few[context.count++] =
            (struct qf_feel_entry){trace->inputs[i].element->name, trace->inputs[i].value};
    struct qf_feel_value value = {.kind = QF_FEEL_CONTEXT, .context = &context};
    qf_feel_write_json(buf, &value);
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

static void write_step(struct qf_buf *buf, const struct qf_dmn_step *step)
{
    const struct qf_dmn_table *table = step->table;
    qf_buf_put_text(buf, "{\"in\":");
    qf_json_write_string(buf, table->element);
    qf_buf_put_text(buf, ",\"inputs\":[");
    for (uint32_t i = 0; i < table->column_count; i++) {
        qf_buf_put_text(buf, i > 0 ? ",{\"name\":" : "{\"name\":");
        qf_json_write_string(buf, table->columns[i].name);
        qf_buf_put_text(buf, ",\"value\":");
        qf_feel_write_json(buf, &step->inputs[i]);
        qf_buf_put_byte(buf, '}');
    }
    qf_buf_put_text(buf, "],\"matched\":[");
    for (uint32_t i = 0; i < step->matched_count; i++) {
        if (i > 0)
            qf_buf_put_byte(buf, ',');
        write_rule(buf, table, step->matched[i]);
    }
    qf_buf_put_text(buf, "],\"output\":");
    qf_feel_write_json(buf, &step->output);
    qf_buf_put_text(buf, ",\"table\":");
    qf_json_write_string(buf, table->id);
    qf_buf_put_byte(buf, '}');
}

void qf_dmn_trace_write(struct qf_buf *buf, const struct qf_dmn_trace *trace)
{
    const struct qf_feel_result *result = trace->result;
    qf_buf_put_text(buf, "{\"decision\":");
    qf_json_write_string(buf, trace->decision->name);
    qf_buf_put_text(buf, ",\"inputs\":");
    write_inputs(buf, trace);
    qf_buf_put_text(buf, ",\"model\":");
    qf_json_write_string(buf, trace->decision->unit->ns);
    qf_buf_put_text(buf, ",\"outcome\":");
    qf_feel_write_json(buf, &result->value);
    qf_buf_put_text(buf, ",\"tables\":[");
    for (const struct qf_dmn_step *step = trace->first; step != NULL; step = step->next) {
        if (step != trace->first)
            qf_buf_put_byte(buf, ',');
        write_step(buf, step);
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
    qf_buf_put_text(buf, "],\"zones\":");
    qf_json_write_string(buf, qf_slice_of(qf_zone_version));
    qf_buf_put_byte(buf, '}');
}
