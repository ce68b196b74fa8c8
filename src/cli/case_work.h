/* qifeng case and task: what is done with cases. */
#ifndef QF_CLI_CASE_WORK_H
#define QF_CLI_CASE_WORK_H

#include "cli/remote.h"

/* What the reader of a case sees around the words of the service, in his language. */
#define QF_CASE_SAY(remote, en, zh) (strcmp((remote)->lang, "zh") == 0 ? (zh) : (en))

struct qf_case_request {
    const char *node, *key, *passphrase_file, *lang, *role, *service, *holder, *status, *cursor;
    const char *file, *reveal, *choose, *to, *id, *inputs, *on_behalf;
    const char *sets[QF_SERVICE_DATA_MAX];
    size_t set_count;
    bool json;
};

/* What a verb of qifeng case does; QF_USAGE for what is none. */
QF_MUST_CHECK enum qf_status qf_case_work(struct qf_remote *remote,
                                          const struct qf_case_request *request, int count,
                                          char **argv, struct qf_error *err);
QF_MUST_CHECK enum qf_status qf_case_show(struct qf_remote *remote,
                                          const struct qf_case_request *request, const char *id,
                                          struct qf_error *err);
/* Every decision with all that it was made of; `inputs` of the request reveal sealed ones. */
QF_MUST_CHECK enum qf_status qf_case_decisions(struct qf_remote *remote,
                                               const struct qf_case_request *request,
                                               const char *id, struct qf_error *err);
QF_MUST_CHECK enum qf_status qf_case_history(struct qf_remote *remote,
                                             const struct qf_case_request *request, const char *id,
                                             struct qf_error *err);
/* The object of qf_explain, with the transaction that led to it; *why as there. */
struct qf_json qf_case_explain(struct qf_remote *remote, const struct qf_json *record,
                               const struct qf_json *revealed, struct qf_error *why);
/* One decision, made again from its record: outcome, rules with their clauses, inputs. */
void qf_case_print_decision(struct qf_remote *remote, const struct qf_json *record,
                            const struct qf_json *revealed);
/* CASE/TASK, the task by its number or by the id of its element, as the work lists show it. */
QF_MUST_CHECK enum qf_status qf_case_find_task(struct qf_remote *remote, struct qf_json *out,
                                               const char *ref, struct qf_error *err);
/* An id for a case of the service: what it is called, the day, and chance. */
const char *qf_case_made_id(struct qf_remote *remote, const char *service);
/* Puts "data" and "flows" of the request into an op. */
QF_MUST_CHECK enum qf_status qf_case_put_answer(struct qf_remote *remote, struct qf_json *op,
                                                const struct qf_case_request *request,
                                                struct qf_slice form, struct qf_error *err);
/* One line a task. */
void qf_case_print_task(struct qf_remote *remote, const struct qf_json *task);

#endif
