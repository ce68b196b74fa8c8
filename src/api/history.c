/* The history of a case: its record lists the steps, the log has what was signed at each of them,
 * and the model of its version names them. */
#include "api/models.h"
#include "api/records.h"
#include "kernel/record.h"

struct history {
    struct qf_api *api;
    struct qf_arena *arena;
    const struct qf_bpmn_model *bpmn; /* NULL: the version is not there */
    const struct qf_json *steps;
    uint64_t size; /* of the durable log */
    struct qf_api_record record;
    struct qf_json shown; /* of `record` */
    bool read;            /* `record` is one */
};

static const struct {
    const char *op;
    const char *kind;
} kinds[] = {
    {"service.case.open", "opened"},        {"service.task.claim", "claimed"},
    {"service.task.release", "released"},   {"service.task.complete", "completed"},
    {"service.task.begin", "begun"},        {"service.task.delegate", "delegated"},
    {"service.case.message", "message"},    {"service.case.unplanned", "unplanned"},
    {"service.case.withdraw", "withdrawn"}, {"service.case.appeal", "appealed"},
    {"service.decision.record", "decided"},
};

static int64_t number_of(const struct qf_json *node)
{
    return node->type == QF_JSON_INT ? node->integer : -1;
}

/* A node of an earlier version that the case's own has not is there by its id. */
static void put_node(struct history *h, struct qf_json *item, const struct qf_json *given)
{
    int64_t number = number_of(given);
    if (given->type == QF_JSON_STRING) {
        qf_json_put(h->arena, item, "activity", *given);
        qf_json_put(h->arena, item, "node", *given);
    }
    if (h->bpmn == NULL || number < 0 || number >= h->bpmn->node_count)
        return;
    const struct qf_bpmn_node *node = &h->bpmn->nodes[number];
    struct qf_slice name = node->name.size > 0 ? node->name : node->id;
    struct qf_slice role = qf_bpmn_role(h->bpmn, node);
    qf_json_put(h->arena, item, "activity", qf_json_make_slice(qf_arena_copy(h->arena, name)));
    qf_json_put(h->arena, item, "node", qf_json_make_slice(qf_arena_copy(h->arena, node->id)));
    if (role.size > 0)
        qf_json_put(h->arena, item, "role", qf_json_make_slice(qf_arena_copy(h->arena, role)));
}

static bool is_vote(const struct history *h, int64_t node)
{
    return h->bpmn != NULL && node >= 0 && node < h->bpmn->node_count &&
           h->bpmn->nodes[node].ext.approvals > 1;
}

static const char *kind_of(const struct history *h, struct qf_slice op, int64_t node)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (qf_slice_is(op, kinds[i].op))
            return qf_slice_is(op, "service.task.complete") && is_vote(h, node) ? "voted"
                                                                                : kinds[i].kind;
    return qf_arena_text(h->arena, op);
}

/* What time did: [milliseconds, node, text]. */
static struct qf_json time_item(struct history *h, const struct qf_json *step)
{
    struct qf_json item = qf_json_make_object();
    put_node(h, &item, &step->items[1]);
    qf_json_put(h->arena, &item, "kind", step->items[2]);
    qf_json_put(h->arena, &item, "time", step->items[0]);
    return item;
}

static enum qf_status read_entry(struct history *h, uint64_t leaf, struct qf_error *err)
{
    if (h->read && h->record.leaf == leaf)
        return QF_OK;
    h->read = false;
    enum qf_status status = qf_api_read_record(h->api, h->arena, leaf, &h->record, err);
    if (status != QF_OK)
        return status;
    h->shown = qf_api_record_json(h->api, h->arena, &h->record);
    h->read = true;
    return QF_OK;
}

/* What the ledger did by itself in the step of an entry: [leaf, node, -1]. */
static enum qf_status automatic_item(struct history *h, const struct qf_json *step,
                                     struct qf_json *item, struct qf_error *err)
{
    static const char *const of_entry[] = {"leaf", "time", NULL};
    enum qf_status status = read_entry(h, (uint64_t)step->items[0].integer, err);
    if (status != QF_OK)
        return status;
    *item = qf_json_make_object();
    for (size_t i = 0; of_entry[i] != NULL; i++)
        qf_json_put(h->arena, item, of_entry[i], *qf_json_get(&h->shown, of_entry[i]));
    put_node(h, item, &step->items[1]);
    qf_json_put(h->arena, item, "kind", qf_json_make_text("automatic"));
    qf_json_put(h->arena, item, "tx", *qf_json_get(&h->shown, "id"));
    return QF_OK;
}

/* What somebody signed: [leaf, node] or [leaf, node, op]. */
static enum qf_status signed_item(struct history *h, const struct qf_json *step,
                                  struct qf_json *item, struct qf_error *err)
{
    static const char *const of_op[] = {"activity", "data", "flows", "imported",
                                        "name",     "task", "to",    NULL};
    static const char *const of_entry[] = {"actor", "leaf", "member", "time", NULL};
    int64_t node = number_of(&step->items[1]);
    if (step->count > 2 && step->items[2].integer < 0)
        return automatic_item(h, step, item, err);
    size_t op = step->count > 2 ? (size_t)step->items[2].integer : 0;
    enum qf_status status = read_entry(h, (uint64_t)step->items[0].integer, err);
    if (status == QF_OK && op >= h->record.tx.op_count)
        status = qf_fail(err, QF_CORRUPT, "steps", "the entry has no such operation");
    if (status != QF_OK)
        return status;
    const struct qf_json *body = h->record.tx.ops[op].body;
    *item = qf_json_make_object();
    for (size_t i = 0; of_op[i] != NULL; i++) {
        const struct qf_json *value = qf_json_get(body, of_op[i]);
        if (value != NULL)
            qf_json_put(h->arena, item, of_op[i], *value);
    }
    for (size_t i = 0; of_entry[i] != NULL; i++) {
        const struct qf_json *value = qf_json_get(&h->shown, of_entry[i]);
        if (value != NULL)
            qf_json_put(h->arena, item, of_entry[i], *value);
    }
    put_node(h, item, &step->items[1]);
    struct qf_slice name = qf_json_text(qf_json_get(body, "op"));
    if (qf_slice_is(name, "service.case.unplanned"))
        qf_json_put(h->arena, item, "deviation", qf_json_make_text("unplanned"));
    qf_json_put(h->arena, item, "kind", qf_json_make_text(kind_of(h, name, node)));
    qf_json_put(h->arena, item, "op", qf_json_make_int((int64_t)op));
    qf_json_put(h->arena, item, "tx", *qf_json_get(&h->shown, "id"));
    return QF_OK;
}

/* Steps that are not durable yet have no entry; they are left to the next question. */
static enum qf_status list_steps(struct history *h, size_t from, size_t limit,
                                 struct qf_json *items, size_t *next, struct qf_error *err)
{
    enum qf_status status = QF_OK;
    for (*next = from; *next < h->steps->count && items->count < limit && status == QF_OK;) {
        const struct qf_json *step = &h->steps->items[*next];
        struct qf_json item;
        if (step->count > 2 && step->items[2].type == QF_JSON_STRING)
            item = time_item(h, step);
        else if ((uint64_t)step->items[0].integer >= h->size)
            break;
        else
            status = signed_item(h, step, &item, err);
        if (status != QF_OK)
            return status;
        qf_json_append(h->arena, items, item);
        ++*next;
    }
    return QF_OK;
}

/* GET /v1/cases/ID/history: what was done in the case, by whom, and what time did; in order. */
void qf_api_get_case_history(struct qf_http_exchange *exchange)
{
    struct qf_api *api = qf_api_of(exchange);
    struct qf_arena *arena = &exchange->arena;
    struct qf_error err = {0};
    struct qf_json steps, items = qf_json_make_array();
    struct qf_slice service, version, id = qf_slice_of(exchange->segments[0]);
    int64_t from = 0, limit = 0;
    size_t next = 0;
    enum qf_status status =
        qf_api_query_page(exchange, QF_SERVICE_STEPS_MAX + 1, &from, &limit, &err);
    if (status != QF_OK) {
        qf_http_reply_problem(exchange, &err);
        return;
    }
    struct qf_ledger_head head;
    struct qf_ledger_view view;
    qf_ledger_head(api->options.ledger, &head);
    qf_ledger_view_init(&view, api->options.ledger, arena);
    struct qf_api_model *model = NULL;
    if (qf_query_case_steps(&view.reader, arena, &steps, &service, &version, id))
        model = qf_api_models_take(api->models, &view.reader, service, version);
    else
        status = qf_fail(&err, QF_NO_SUCH_RESOURCE, "id", "there is no such case");
    qf_ledger_view_deinit(&view);
    struct history h = {.api = api,
                        .arena = arena,
                        .bpmn = model != NULL ? &model->bpmn : NULL,
                        .steps = &steps,
                        .size = head.size};
    if (status == QF_OK)
        status = list_steps(&h, (size_t)from, (size_t)limit, &items, &next, &err);
    qf_api_models_put(api->models, model);
    if (status != QF_OK)
        qf_http_reply_problem(exchange, &err);
    else
        qf_api_reply_list(exchange, &items,
                          next < steps.count && items.count >= (uint32_t)limit
                              ? qf_arena_printf(arena, "%zu", next)
                              : NULL);
}
