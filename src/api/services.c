/* Services, their cases and work lists. */
#include "api/records.h"
#include "codec/text.h"
#include "kernel/schema.h"

#define COUNT_MAX 10000 /* tasks that are counted; a work list has to be shown, not summed up */

void qf_api_get_services(struct qf_http_exchange *exchange)
{
    qf_api_reply_state_list(exchange, QF_LIST_SERVICES, (struct qf_slice){0});
}

void qf_api_get_service(struct qf_http_exchange *exchange)
{
    qf_api_reply_state_one(exchange, QF_LIST_SERVICES, (struct qf_slice){0}, exchange->segments[0],
                           "service");
}

void qf_api_get_case(struct qf_http_exchange *exchange)
{
    struct qf_ledger_view view;
    struct qf_json value;
    struct qf_error err = {0};
    qf_ledger_view_init(&view, qf_api_of(exchange)->options.ledger, &exchange->arena);
    bool found =
        qf_query_case(&view.reader, &exchange->arena, &value, qf_slice_of(exchange->segments[0]));
    qf_ledger_view_deinit(&view);
    if (found) {
        qf_http_reply_json(exchange, 200, &value);
        return;
    }
    (void)qf_fail(&err, QF_NO_SUCH_RESOURCE, "id", "there is no such case");
    qf_http_reply_problem(exchange, &err);
}

/* The parameter as an id, empty when it is not given. */
static enum qf_status read_id(const struct qf_http_exchange *exchange, const char *name,
                              struct qf_slice *out, struct qf_error *err)
{
    const char *text = qf_http_query(exchange, name);
    *out = qf_slice_of(text != NULL ? text : "");
    if (text != NULL && !qf_member_id_valid(*out))
        return qf_fail(err, QF_BAD_FIELD, name, "want 1 to 48 of A-Z a-z 0-9 . _ -");
    return QF_OK;
}

static enum qf_status read_status(const struct qf_http_exchange *exchange, struct qf_slice *out,
                                  struct qf_error *err)
{
    static const char *const known[] = {"running", "done", "failed", "withdrawn"};
    const char *text = qf_http_query(exchange, "status");
    *out = qf_slice_of(text != NULL ? text : "");
    for (size_t i = 0; text != NULL && i < sizeof known / sizeof known[0]; i++)
        if (strcmp(text, known[i]) == 0)
            return QF_OK;
    return text == NULL
               ? QF_OK
               : qf_fail(err, QF_BAD_FIELD, "status", "want running, done, failed or withdrawn");
}

static enum qf_status read_page(const struct qf_http_exchange *exchange, struct qf_slice *after,
                                size_t *limit, struct qf_error *err)
{
    const char *cursor = qf_http_query(exchange, "cursor");
    int64_t wanted;
    enum qf_status status =
        qf_api_query_int(exchange, "limit", QF_PAGE_ITEMS_DEFAULT, QF_PAGE_ITEMS_MAX, &wanted, err);
    *after = qf_slice_of(cursor != NULL ? cursor : "");
    *limit = status == QF_OK ? (size_t)wanted : 0;
    return status;
}

static void reply(struct qf_http_exchange *exchange, enum qf_status status,
                  const struct qf_json *items, struct qf_slice next, const struct qf_error *err)
{
    if (status != QF_OK)
        qf_http_reply_problem(exchange, err);
    else
        qf_api_reply_list(exchange, items,
                          next.size > 0 ? qf_arena_text(&exchange->arena, next) : NULL);
}

/* GET /v1/cases?service=ID&status=running|done|failed|withdrawn&member=ID */
void qf_api_get_cases(struct qf_http_exchange *exchange)
{
    struct qf_query_cases query = {0};
    struct qf_json items;
    struct qf_slice next = {NULL, 0};
    struct qf_error err = {0};
    enum qf_status status = read_id(exchange, "service", &query.service, &err);
    if (status == QF_OK)
        status = read_status(exchange, &query.status, &err);
    if (status == QF_OK)
        status = read_id(exchange, "member", &query.member, &err);
    if (status == QF_OK)
        status = read_page(exchange, &query.after, &query.limit, &err);
    if (status == QF_OK) {
        struct qf_ledger_view view;
        qf_ledger_view_init(&view, qf_api_of(exchange)->options.ledger, &exchange->arena);
        status = qf_query_cases(&view.reader, &exchange->arena, &items, &next, &query, &err);
        qf_ledger_view_deinit(&view);
    }
    reply(exchange, status, &items, next, &err);
}

/* Whose: `any`, `none` or `some`, or member/actor. */
static enum qf_status read_holder(const struct qf_http_exchange *exchange,
                                  struct qf_query_tasks *query, struct qf_error *err)
{
    const char *holder = qf_http_query(exchange, "holder");
    if (holder == NULL || strcmp(holder, "any") == 0)
        return QF_OK;
    if (strcmp(holder, "none") == 0) {
        query->held = QF_HELD_NONE;
        return QF_OK;
    }
    if (strcmp(holder, "some") == 0) {
        query->held = QF_HELD_SOME;
        return QF_OK;
    }
    const char *slash = strchr(holder, '/');
    if (slash == NULL ||
        !qf_member_id_valid(qf_slice_make((const uint8_t *)holder, (size_t)(slash - holder))) ||
        !qf_id_valid(qf_slice_of(slash + 1)))
        return qf_fail(err, QF_BAD_FIELD, "holder", "want any, none, some, or whose: member/actor");
    query->holder = qf_slice_of(holder);
    return QF_OK;
}

static enum qf_status read_tasks(const struct qf_http_exchange *exchange,
                                 struct qf_query_tasks *query, struct qf_error *err)
{
    int64_t due_before;
    *query = (struct qf_query_tasks){.due_before_ms = INT64_MAX};
    enum qf_status status = read_id(exchange, "role", &query->role, err);
    if (status == QF_OK)
        status = read_id(exchange, "service", &query->service, err);
    if (status == QF_OK)
        status = read_holder(exchange, query, err);
    if (status == QF_OK)
        status = qf_api_query_int(exchange, "due_before", 0, QF_JSON_INT_MAX, &due_before, err);
    if (status == QF_OK && due_before > 0)
        query->due_before_ms = due_before;
    if (status == QF_OK && query->role.size == 0 && query->service.size == 0 &&
        query->holder.size == 0)
        status = qf_fail(err, QF_BAD_FIELD, "role",
                         "name a role, a service or a holder whose work list is wanted");
    return status;
}

/* GET /v1/tasks?role=ROLE&service=ID&holder=WHO&due_before=MS: open tasks, what is due first comes
 * first. */
void qf_api_get_tasks(struct qf_http_exchange *exchange)
{
    struct qf_query_tasks query;
    struct qf_json items;
    struct qf_slice next = {NULL, 0};
    struct qf_error err = {0};
    enum qf_status status = read_tasks(exchange, &query, &err);
    if (status == QF_OK)
        status = read_page(exchange, &query.after, &query.limit, &err);
    if (status == QF_OK) {
        struct qf_ledger_view view;
        qf_ledger_view_init(&view, qf_api_of(exchange)->options.ledger, &exchange->arena);
        status = qf_query_tasks(&view.reader, &exchange->arena, &items, &next, &query, &err);
        qf_ledger_view_deinit(&view);
    }
    reply(exchange, status, &items, next, &err);
}

/* GET /v1/tasks/count, asked like /v1/tasks. */
void qf_api_get_task_count(struct qf_http_exchange *exchange)
{
    struct qf_arena *arena = &exchange->arena;
    struct qf_query_tasks query;
    struct qf_error err = {0};
    if (read_tasks(exchange, &query, &err) != QF_OK) {
        qf_http_reply_problem(exchange, &err);
        return;
    }
    struct qf_ledger_view view;
    bool whole;
    qf_ledger_view_init(&view, qf_api_of(exchange)->options.ledger, arena);
    size_t count = qf_query_task_count(&view.reader, arena, &query, COUNT_MAX, &whole);
    qf_ledger_view_deinit(&view);
    struct qf_json object = qf_json_make_object();
    qf_json_put(arena, &object, "count", qf_json_make_int((int64_t)count));
    qf_json_put(arena, &object, "whole",
                (struct qf_json){.type = whole ? QF_JSON_TRUE : QF_JSON_FALSE});
    qf_http_reply_json(exchange, 200, &object);
}
