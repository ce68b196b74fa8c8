/* Why a case was decided so: each decision of its record, made again from the deployed package. */
#include "api/models.h"
#include "api/records.h"
#include "codec/text.h"
#include "kernel/record.h"
#include "service/explain.h"

/* Work of one answer; what is left over is on the next page. */
#define PAGE_STEPS_MAX ((uint64_t)4 * QF_FEEL_STEPS_MAX)

struct asked {
    struct qf_api *api;
    struct qf_arena *arena;
    const struct qf_state_reader *reader;
    struct qf_slice service, version;
    uint64_t size;  /* of the durable log */
    uint64_t steps; /* used */
};

/* Which transaction led to it. Time has none, and what is not durable has none yet. */
static enum qf_status put_tx(struct asked *asked, struct qf_json *item, const struct qf_json *leaf,
                             struct qf_error *err)
{
    struct qf_api_record record;
    if (leaf == NULL || (uint64_t)leaf->integer >= asked->size)
        return QF_OK;
    enum qf_status status =
        qf_api_read_record(asked->api, asked->arena, (uint64_t)leaf->integer, &record, err);
    if (status != QF_OK)
        return status;
    const size_t size = 2UL * QF_HASH_SIZE;
    char *id = qf_arena_alloc(asked->arena, size);
    qf_hex_encode(id, qf_slice_make(record.tx.id, QF_HASH_SIZE));
    qf_json_put(asked->arena, item, "tx", qf_json_make_slice(qf_slice_make(id, size)));
    return QF_OK;
}

static enum qf_status add(struct asked *asked, struct qf_json *items, const struct qf_json *record,
                          struct qf_error *err)
{
    struct qf_slice version =
        qf_json_get(record, "version") != NULL ? qf_record_text(record, "version") : asked->version;
    struct qf_api_model *model =
        qf_api_models_take(asked->api->models, asked->reader, asked->service, version);
    const struct qf_explain_question question = {.model = model != NULL ? model->service : NULL,
                                                 .package = model != NULL ? &model->package : NULL,
                                                 .record = record,
                                                 .version = asked->version};
    struct qf_service_outcome outcome;
    struct qf_error why = {0};
    struct qf_json item = qf_explain(asked->arena, &outcome, &question, &why);
    asked->steps += outcome.steps;
    enum qf_status status = put_tx(asked, &item, qf_json_get(record, "leaf"), err);
    /* Titles and words are the package's, which may go: what is kept is a copy. */
    struct qf_buf text = {0};
    struct qf_json copy = qf_json_make_null();
    qf_json_write(&text, &item);
    if (status == QF_OK)
        status = qf_json_parse(asked->arena, &copy,
                               qf_arena_copy(asked->arena, qf_buf_slice(&text)), QF_JSON_ANY, err);
    qf_buf_deinit(&text);
    qf_api_models_put(asked->api->models, model);
    if (status == QF_OK)
        qf_json_append(asked->arena, items, copy);
    return status;
}

static enum qf_status list(struct asked *asked, struct qf_json *items, size_t *next,
                           const struct qf_json *decisions, size_t limit, struct qf_error *err)
{
    enum qf_status status = QF_OK;
    while (decisions != NULL && *next < decisions->count && items->count < limit &&
           asked->steps < PAGE_STEPS_MAX && status == QF_OK)
        status = add(asked, items, &decisions->items[(*next)++], err);
    return status;
}

/* GET /v1/cases/ID/decisions: which rule, which clause, which inputs; in order. */
void qf_api_get_case_decisions(struct qf_http_exchange *exchange)
{
    struct qf_api *api = qf_api_of(exchange);
    struct qf_arena *arena = &exchange->arena;
    struct qf_error err = {0};
    struct qf_json found, items = qf_json_make_array();
    int64_t from = 0, limit = 0;
    enum qf_status status =
        qf_api_query_page(exchange, QF_SERVICE_DECISIONS_MAX, &from, &limit, &err);
    if (status != QF_OK) {
        qf_http_reply_problem(exchange, &err);
        return;
    }
    struct qf_ledger_head head;
    struct qf_ledger_view view;
    size_t next = (size_t)from;
    qf_ledger_head(api->options.ledger, &head);
    qf_ledger_view_init(&view, api->options.ledger, arena);
    const struct qf_json *decisions = NULL;
    if (qf_query_case(&view.reader, arena, &found, qf_slice_of(exchange->segments[0]))) {
        struct asked asked = {.api = api,
                              .arena = arena,
                              .reader = &view.reader,
                              .service = qf_record_text(&found, "service"),
                              .version = qf_record_text(&found, "version"),
                              .size = head.size};
        decisions = qf_json_get(&found, "decisions");
        status = list(&asked, &items, &next, decisions, (size_t)limit, &err);
    } else {
        status = qf_fail(&err, QF_NO_SUCH_RESOURCE, "id", "there is no such case");
    }
    qf_ledger_view_deinit(&view);
    if (status != QF_OK)
        qf_http_reply_problem(exchange, &err);
    else
        qf_api_reply_list(exchange, &items,
                          decisions != NULL && next < decisions->count
                              ? qf_arena_printf(arena, "%zu", next)
                              : NULL);
}
