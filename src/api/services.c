/* Services, their cases and work lists. */
#include "api/records.h"
#include "kernel/schema.h"

void qf_api_get_services(struct qf_http_exchange *exchange)
{
    qf_api_reply_state_list(exchange, QF_LIST_SERVICES, (struct qf_slice){0});
}

void qf_api_get_service(struct qf_http_exchange *exchange)
{
    qf_api_reply_state_one(exchange, QF_LIST_SERVICES, (struct qf_slice){0}, exchange->segments[0],
                           "service");
}

void qf_api_get_cases(struct qf_http_exchange *exchange)
{
    qf_api_reply_state_list(exchange, QF_LIST_CASES, (struct qf_slice){0});
}

void qf_api_get_case(struct qf_http_exchange *exchange)
{
    qf_api_reply_state_one(exchange, QF_LIST_CASES, (struct qf_slice){0}, exchange->segments[0],
                           "case");
}

/* GET /v1/tasks?role=ROLE: the open tasks of a role, by case and number. */
void qf_api_get_tasks(struct qf_http_exchange *exchange)
{
    const char *role = qf_http_query(exchange, "role");
    struct qf_error err = {0};
    if (role == NULL || !qf_member_id_valid(qf_slice_of(role))) {
        (void)qf_fail(&err, QF_BAD_FIELD, "role", "name the role whose work list is wanted");
        qf_http_reply_problem(exchange, &err);
        return;
    }
    qf_api_reply_state_list(exchange, QF_LIST_TASKS, qf_slice_of(role));
}
