/* qifeng case and task: what is done with cases. */
#ifndef QF_CLI_CASE_WORK_H
#define QF_CLI_CASE_WORK_H

#include "cli/remote.h"

struct qf_case_request {
    const char *node, *key, *passphrase_file, *lang, *role, *service, *holder, *status, *cursor;
    const char *file, *reveal, *choose, *to, *id;
    const char *sets[QF_SERVICE_DATA_MAX];
    size_t set_count;
    bool json;
};

/* list | show CASE | open SERVICE | message CASE NAME | withdraw CASE; QF_USAGE for anything else.
 */
QF_MUST_CHECK enum qf_status qf_case_work(struct qf_remote *remote,
                                          const struct qf_case_request *request, int count,
                                          char **argv, struct qf_error *err);
QF_MUST_CHECK enum qf_status qf_case_show(struct qf_remote *remote,
                                          const struct qf_case_request *request, const char *id,
                                          struct qf_error *err);
/* Puts "data" and "flows" of the request into an op. */
QF_MUST_CHECK enum qf_status qf_case_put_answer(struct qf_remote *remote, struct qf_json *op,
                                                const struct qf_case_request *request,
                                                struct qf_slice form, struct qf_error *err);
/* One line a task. */
void qf_case_print_task(struct qf_remote *remote, const struct qf_json *task);

#endif
