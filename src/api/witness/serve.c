/* POST /add-checkpoint: the witness protocol's address (c2sp.org/tlog-witness). */
#include "api/api.h"
#include "api/witness/witness.h"

void qf_api_post_add_checkpoint(struct qf_http_exchange *exchange)
{
    struct qf_api *api = qf_api_of(exchange);
    struct qf_http_response *response = &exchange->response;
    struct qf_error err = {0};
    enum qf_witness_answer answer = QF_WITNESS_UNKNOWN_LOG;
    enum qf_status status = QF_OK;
    if (api->options.witness == NULL)
        (void)qf_fail(&err, QF_NO_SUCH_RESOURCE, "witness",
                      "this node witnesses no logs; node.yaml needs witness");
    else if (exchange->body.size > QF_WITNESS_REQUEST_SIZE_MAX)
        status = qf_fail(&err, QF_BODY_TOO_LARGE, "body", "at most %d bytes",
                         QF_WITNESS_REQUEST_SIZE_MAX);
    else
        status =
            qf_witness_serve(api->options.witness, &response->body, &answer, exchange->body, &err);
    if (status == QF_OK && answer == QF_WITNESS_COSIGN) {
        response->status = QF_WITNESS_COSIGN;
        response->type = "text/plain; charset=utf-8";
    } else if (status == QF_OK && response->body.size > 0) {
        response->status = QF_WITNESS_CONFLICT;
        response->type = QF_WITNESS_SIZE_TYPE;
    } else {
        if (status == QF_OK && answer == QF_WITNESS_UNTRUSTED)
            err.status = QF_FORBIDDEN;
        if (status == QF_OK && answer == QF_WITNESS_INCONSISTENT)
            err.status = QF_INCONSISTENT;
        qf_http_reply_problem(exchange, &err);
        /* The protocol says which status means what. */
        QF_ASSERT(status != QF_OK || response->status == (int)answer);
    }
    qf_http_set_header(exchange, "Cache-Control", "no-store");
}
