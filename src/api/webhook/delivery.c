#include "api/webhook/delivery.h"

#include <stdio.h>
#include <unistd.h>

#include "codec/text.h"
#include "codec/time.h"

enum qf_status qf_webhook_load_key(struct qf_private_key **out,
                                   const struct qf_webhook_options *webhook,
                                   struct qf_slice passphrase, struct qf_error *err)
{
    struct qf_public_key public;
    *out = NULL;
    if (webhook->key == NULL)
        return QF_OK;
    enum qf_status status = qf_private_key_load(out, webhook->key, passphrase, err);
    if (status != QF_OK)
        return status;
    qf_private_key_public(*out, &public);
    if (public.alg == QF_ALG_EDDSA)
        return QF_OK;
    qf_private_key_free(*out);
    *out = NULL;
    return qf_fail(err, QF_UNSUPPORTED_ALG, webhook->key,
                   "webhooks are signed with Ed25519; make one with qifeng key create --alg EdDSA");
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
           a->st_mode == b->st_mode && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Secrets are changed without stopping the node. */
static enum qf_status refresh_secrets(struct qf_webhook_delivery *delivery, struct qf_error *err)
{
    struct stat now = {0};
    const char *path = delivery->options->secret;
    if (path == NULL)
        return QF_OK;
    if (stat(path, &now) == 0 && delivery->secrets.count > 0 &&
        same_file(&now, &delivery->secret_file))
        return QF_OK;
    delivery->secret_file = now;
    qf_webhook_secrets_wipe(&delivery->secrets);
    return qf_webhook_secrets_load(&delivery->secrets, path, err);
}

static enum qf_status check_readable(const char *path, struct qf_error *err)
{
    if (path == NULL || access(path, R_OK) == 0)
        return QF_OK;
    return qf_fail(err, QF_IO, path, "cannot be read");
}

enum qf_status qf_webhook_delivery_init(struct qf_webhook_delivery *delivery,
                                        const struct qf_webhook_options *options,
                                        struct qf_slice passphrase, struct qf_error *err)
{
    *delivery = (struct qf_webhook_delivery){.options = options};
    qf_buf_init(&delivery->message, QF_WEBHOOK_EVENT_SIZE_MAX);
    const struct qf_webhook_post_options post = {.url = options->url,
                                                 .roots = options->roots,
                                                 .certificate = options->certificate,
                                                 .certificate_key = options->certificate_key,
                                                 .passphrase = passphrase,
                                                 .timeout_s = options->timeout_s,
                                                 .agent = "qifeng/" QF_VERSION};
    enum qf_status status = refresh_secrets(delivery, err);
    if (status == QF_OK)
        status = qf_webhook_load_key(&delivery->key, options, passphrase, err);
    if (status == QF_OK)
        status = check_readable(options->roots, err);
    if (status == QF_OK)
        status = check_readable(options->certificate, err);
    if (status == QF_OK)
        status = check_readable(options->certificate_key, err);
    if (status == QF_OK)
        status = qf_webhook_post_new(&delivery->post, &post, err);
    if (status != QF_OK)
        qf_webhook_delivery_deinit(delivery);
    return status;
}

void qf_webhook_delivery_deinit(struct qf_webhook_delivery *delivery)
{
    qf_webhook_post_free(delivery->post);
    qf_private_key_free(delivery->key);
    qf_webhook_secrets_wipe(&delivery->secrets);
    qf_buf_deinit(&delivery->message);
    qf_buf_deinit(&delivery->signature);
    *delivery = (struct qf_webhook_delivery){0};
}

enum qf_status qf_webhook_deliver(struct qf_webhook_delivery *delivery,
                                  struct qf_webhook_answer *answer, const char *id, int64_t now_ms,
                                  const struct qf_json *event)
{
    struct qf_error err = {0};
    *answer = (struct qf_webhook_answer){0};
    qf_buf_reset(&delivery->message);
    qf_buf_reset(&delivery->signature);
    qf_buf_printf(&delivery->message, "%s.%lld.", id, (long long)(now_ms / 1000));
    size_t head = delivery->message.size;
    qf_json_write(&delivery->message, event);
    enum qf_status status = qf_buf_status(&delivery->message);
    if (status != QF_OK)
        (void)qf_fail(&err, status, "", "the event is over %d bytes", QF_WEBHOOK_EVENT_SIZE_MAX);
    if (status == QF_OK)
        status = refresh_secrets(delivery, &err);
    struct qf_slice message = qf_buf_slice(&delivery->message);
    if (status == QF_OK)
        status =
            qf_webhook_sign(&delivery->signature, &delivery->secrets, delivery->key, message, &err);
    if (status != QF_OK) {
        snprintf(answer->reason, sizeof answer->reason, "%.90s: %.150s", err.field, err.detail);
        return status;
    }
    struct qf_slice body = {message.data + head, message.size - head};
    return qf_webhook_post_send(delivery->post, answer, id, now_ms / 1000,
                                qf_buf_text(&delivery->signature), body);
}

enum qf_status qf_webhook_try(const struct qf_webhook_trial *trial, int *status_out,
                              struct qf_error *err)
{
    struct qf_arena arena = {0};
    struct qf_webhook_delivery delivery;
    struct qf_webhook_answer answer;
    uint8_t noise[16];
    char hex[2 * sizeof noise + 1] = "";
    char time[QF_TIME_TEXT_SIZE];
    *status_out = 0;
    if (trial->random.fill(trial->random.self, noise, sizeof noise) != QF_OK)
        return qf_fail(err, QF_CRYPTO, "", "no random numbers");
    qf_hex_encode(hex, qf_slice_make(noise, sizeof noise));
    enum qf_status status =
        qf_webhook_delivery_init(&delivery, trial->webhook, trial->passphrase, err);
    if (status != QF_OK)
        return status;
    int64_t now_ms = trial->clock.now_ms(trial->clock.self);
    qf_time_format(time, now_ms);
    char *id = qf_arena_printf(&arena, "test-%s", hex);
    struct qf_json event = qf_json_make_object();
    struct qf_json data = qf_json_make_object();
    qf_json_put(&arena, &data, "webhook", qf_json_make_text(trial->webhook->id));
    qf_json_put(&arena, &event, "data", data);
    qf_json_put(&arena, &event, "datacontenttype", qf_json_make_text("application/json"));
    qf_json_put(&arena, &event, "id", qf_json_make_text(id));
    qf_json_put(
        &arena, &event, "source",
        qf_json_make_text(qf_arena_printf(&arena, "urn:qifeng:network:%s", trial->network)));
    qf_json_put(&arena, &event, "specversion", qf_json_make_text("1.0"));
    qf_json_put(&arena, &event, "time", qf_json_make_slice(qf_slice_make(time, sizeof time)));
    qf_json_put(&arena, &event, "type", qf_json_make_text("qifeng.webhook.test"));
    status = qf_webhook_deliver(&delivery, &answer, id, now_ms, &event);
    *status_out = answer.status;
    if (status != QF_OK)
        (void)qf_fail(err, status, "url", "%s", answer.reason);
    qf_webhook_delivery_deinit(&delivery);
    qf_arena_deinit(&arena);
    return status;
}
