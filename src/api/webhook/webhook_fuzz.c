/* Files that a webhook reads: secrets, the stored position, an operator's request. The first byte
 * says which. What is taken comes out again as the same. */
#include "api/webhook/sign.h"
#include "api/webhook/state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_secrets(struct qf_slice text)
{
    struct qf_webhook_secrets secrets;
    struct qf_error err = {0};
    struct qf_buf out = {0};
    if (qf_webhook_secrets_parse(&secrets, text, &err) != QF_OK) {
        QF_ASSERT(secrets.count == 0 && err.detail[0] != '\0');
        return;
    }
    QF_ASSERT(secrets.count >= 1 && secrets.count <= QF_WEBHOOK_SECRETS_MAX);
    for (size_t i = 0; i < secrets.count; i++)
        QF_ASSERT(secrets.items[i].size >= QF_WEBHOOK_SECRET_SIZE_MIN &&
                  secrets.items[i].size <= QF_WEBHOOK_SECRET_SIZE_MAX);
    QF_ASSERT(qf_webhook_sign(&out, &secrets, NULL, text, &err) == QF_OK);
    QF_ASSERT(out.size == secrets.count * (3 + 44 + 1) - 1);
    qf_buf_deinit(&out);
}

static void try_state(struct qf_slice text)
{
    struct qf_webhook_state state;
    struct qf_webhook_state again;
    struct qf_error err = {0};
    struct qf_buf out = {0};
    if (qf_webhook_state_decode(&state, text, &err) != QF_OK)
        return;
    qf_webhook_state_encode(&out, &state);
    QF_ASSERT(qf_webhook_state_decode(&again, qf_buf_slice(&out), &err) == QF_OK);
    QF_ASSERT(again.leaf == state.leaf && again.op == state.op && again.stop == state.stop &&
              again.failures == state.failures && strcmp(again.reason, state.reason) == 0);
    const struct qf_webhook_attempt attempt = {.now_ms = 1, .reason = state.reason};
    qf_webhook_state_failed(&state, &attempt);
    QF_ASSERT(state.next_ms > 0);
    qf_buf_deinit(&out);
}

static void try_request(struct qf_slice text)
{
    struct qf_webhook_request request;
    struct qf_webhook_request again;
    struct qf_error err = {0};
    struct qf_buf out = {0};
    if (qf_webhook_request_decode(&request, text, &err) != QF_OK)
        return;
    qf_webhook_request_encode(&out, &request);
    QF_ASSERT(qf_webhook_request_decode(&again, qf_buf_slice(&out), &err) == QF_OK);
    QF_ASSERT(again.moves == request.moves && again.to_end == request.to_end &&
              again.leaf == request.leaf);
    qf_buf_deinit(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct qf_slice text = {data + 1, size - 1};
    switch (data[0] % 3) {
    case 0:
        try_secrets(text);
        break;
    case 1:
        try_state(text);
        break;
    default:
        try_request(text);
        break;
    }
    return 0;
}
