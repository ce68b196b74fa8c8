#include "api/webhook/post.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "api/this_computer.h"
#include "base/bytes.h"

#define CONNECT_TIMEOUT_S 10L
#define HEADERS_SIZE_MAX (64u << 10)
#define POLL_MS_MAX 1000

struct qf_webhook_post {
    CURL *curl;
    CURLM *multi;
    atomic_bool cancelled;
    size_t header_size, body_size; /* of the answer so far */
    char error[CURL_ERROR_SIZE];
};

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

static void curl_start(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

static int64_t monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* ---- addresses ---- */

static enum qf_status check_parts(CURLU *parts, bool allow_http, struct qf_error *err)
{
    char *scheme = NULL;
    char *host = NULL;
    char *other = NULL;
    enum qf_status status = QF_OK;
    if (curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
        curl_url_get(parts, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
        (strcmp(scheme, "https") != 0 && strcmp(scheme, "http") != 0))
        status = qf_fail(err, QF_BAD_FIELD, "url", "want https://HOST/…");
    else if (curl_url_get(parts, CURLUPART_USER, &other, 0) == CURLUE_OK ||
             curl_url_get(parts, CURLUPART_PASSWORD, &other, 0) == CURLUE_OK)
        status = qf_fail(err, QF_BAD_FIELD, "url",
                         "no user and password here; the receiver knows us by the signature");
    else if (curl_url_get(parts, CURLUPART_FRAGMENT, &other, 0) == CURLUE_OK)
        status = qf_fail(err, QF_BAD_FIELD, "url", "what follows # is never sent");
    else if (strcmp(scheme, "http") == 0 && !allow_http && !qf_is_this_computer(host))
        status = qf_fail(err, QF_BAD_FIELD, "url",
                         "everybody between could read it: want https, or http to this computer "
                         "(or allow_http: true)");
    curl_free(scheme);
    curl_free(host);
    curl_free(other);
    return status;
}

enum qf_status qf_webhook_url_check(const char *url, bool allow_http, struct qf_error *err)
{
    CURLU *parts = curl_url();
    if (parts == NULL)
        return qf_fail(err, QF_NO_MEMORY, "", "no memory");
    enum qf_status status = QF_OK;
    if (curl_url_set(parts, CURLUPART_URL, url, 0) != CURLUE_OK)
        status = qf_fail(err, QF_BAD_FIELD, "url", "want https://HOST/…");
    else
        status = check_parts(parts, allow_http, err);
    curl_url_cleanup(parts);
    return status;
}

/* ---- one receiver ---- */

static size_t take_header(char *data, size_t unit, size_t count, void *arg)
{
    struct qf_webhook_post *post = arg;
    (void)data;
    post->header_size += unit * count;
    return post->header_size > HEADERS_SIZE_MAX ? 0 : unit * count;
}

static size_t take_body(char *data, size_t unit, size_t count, void *arg)
{
    struct qf_webhook_post *post = arg;
    (void)data;
    post->body_size += unit * count;
    return post->body_size > QF_WEBHOOK_ANSWER_SIZE_MAX ? 0 : unit * count;
}

static void set_up(struct qf_webhook_post *post, const struct qf_webhook_post_options *options)
{
    CURL *curl = post->curl;
    curl_easy_setopt(curl, CURLOPT_URL, options->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(curl, CURLOPT_POST, 1L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT_S);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)options->timeout_s);
    curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, options->agent);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, post);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, post);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, post->error);
    /* A name that takes long to resolve must not keep the node from stopping. */
    curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);
    qf_curl_skip_proxy(curl, options->url);
    if (options->roots != NULL) {
        curl_easy_setopt(curl, CURLOPT_CAINFO, options->roots);
        curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
    }
    if (options->certificate != NULL) {
        char passphrase[1025] = "";
        size_t size = options->passphrase.size < sizeof passphrase ? options->passphrase.size : 0;
        if (size > 0)
            memcpy(passphrase, options->passphrase.data, size);
        passphrase[size] = '\0';
        curl_easy_setopt(curl, CURLOPT_SSLCERT, options->certificate);
        curl_easy_setopt(curl, CURLOPT_SSLKEY, options->certificate_key);
        /* Even when it is empty: the library would else ask for it at the terminal. */
        curl_easy_setopt(curl, CURLOPT_KEYPASSWD, passphrase);
        qf_wipe(passphrase, sizeof passphrase);
    }
}

enum qf_status qf_webhook_post_new(struct qf_webhook_post **out,
                                   const struct qf_webhook_post_options *options,
                                   struct qf_error *err)
{
    pthread_once(&curl_once, curl_start);
    struct qf_webhook_post *post = calloc(1, sizeof *post);
    if (post == NULL)
        return qf_fail(err, QF_NO_MEMORY, "", "no memory");
    post->curl = curl_easy_init();
    post->multi = curl_multi_init();
    if (post->curl == NULL || post->multi == NULL) {
        qf_webhook_post_free(post);
        return qf_fail(err, QF_NO_MEMORY, "", "libcurl cannot start");
    }
    set_up(post, options);
    *out = post;
    return QF_OK;
}

void qf_webhook_post_free(struct qf_webhook_post *post)
{
    if (post == NULL)
        return;
    curl_easy_cleanup(post->curl);
    curl_multi_cleanup(post->multi);
    free(post);
}

/* Drives the transfer to its end. False: it was cancelled. */
static bool drive(struct qf_webhook_post *post, CURLcode *code)
{
    int64_t end_ms = 0; /* of the grace, once cancelled */
    for (;;) {
        int running = 0;
        CURLMcode result = curl_multi_perform(post->multi, &running);
        if (result != CURLM_OK) {
            *code = CURLE_FAILED_INIT;
            return true;
        }
        if (running == 0)
            break;
        if (atomic_load(&post->cancelled) && end_ms == 0)
            end_ms = monotonic_ms() + QF_WEBHOOK_GRACE_MS;
        int64_t left_ms = end_ms != 0 ? end_ms - monotonic_ms() : POLL_MS_MAX;
        if (left_ms <= 0)
            return false;
        (void)curl_multi_poll(post->multi, NULL, 0, (int)left_ms, NULL);
    }
    int left;
    const CURLMsg *message = curl_multi_info_read(post->multi, &left);
    *code = message != NULL ? message->data.result : CURLE_FAILED_INIT;
    return true;
}

static void read_answer(struct qf_webhook_post *post, struct qf_webhook_answer *answer,
                        CURLcode code)
{
    long status = 0;
    curl_off_t retry_s = 0;
    curl_easy_getinfo(post->curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(post->curl, CURLINFO_RETRY_AFTER, &retry_s);
    /* Nothing in a body changes what the status said: one that is too long, or slow, or breaks off
     * does not make the event come again. */
    if ((code == CURLE_OK || post->body_size > 0) && status >= 200 && status <= 599) {
        answer->status = (int)status;
        answer->retry_after_ms = retry_s > 0 && retry_s < 1000000 ? (int64_t)retry_s * 1000 : 0;
        return;
    }
    if (code == CURLE_OK)
        snprintf(answer->reason, sizeof answer->reason, "the answer has no HTTP status");
    else
        snprintf(answer->reason, sizeof answer->reason, "%s",
                 post->error[0] != '\0' ? post->error : curl_easy_strerror(code));
}

enum qf_status qf_webhook_post_send(struct qf_webhook_post *post, struct qf_webhook_answer *answer,
                                    const char *id, int64_t timestamp_s, const char *signature,
                                    struct qf_slice body)
{
    struct qf_buf lines[3] = {0};
    struct curl_slist *headers =
        curl_slist_append(NULL, "Content-Type: application/cloudevents+json; charset=utf-8");
    headers = curl_slist_append(headers, "Expect:");
    qf_buf_printf(&lines[0], "webhook-id: %s", id);
    qf_buf_printf(&lines[1], "webhook-timestamp: %lld", (long long)timestamp_s);
    qf_buf_printf(&lines[2], "webhook-signature: %s", signature);
    for (size_t i = 0; i < 3; i++) {
        headers = curl_slist_append(headers, qf_buf_text(&lines[i]));
        qf_buf_deinit(&lines[i]);
    }
    *answer = (struct qf_webhook_answer){0};
    post->header_size = post->body_size = 0;
    post->error[0] = '\0';
    curl_easy_setopt(post->curl, CURLOPT_POSTFIELDS, (const char *)body.data);
    curl_easy_setopt(post->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.size);
    curl_easy_setopt(post->curl, CURLOPT_HTTPHEADER, headers);
    CURLcode code = CURLE_FAILED_INIT;
    bool finished = false;
    if (!atomic_load(&post->cancelled) &&
        curl_multi_add_handle(post->multi, post->curl) == CURLM_OK) {
        finished = drive(post, &code);
        if (finished)
            read_answer(post, answer, code);
        curl_multi_remove_handle(post->multi, post->curl);
    }
    curl_easy_setopt(post->curl, CURLOPT_HTTPHEADER, NULL);
    curl_slist_free_all(headers);
    if (!finished)
        return QF_UNAVAILABLE;
    return answer->status != 0 ? QF_OK : QF_NETWORK;
}

void qf_webhook_post_cancel(struct qf_webhook_post *post)
{
    atomic_store(&post->cancelled, true);
    (void)curl_multi_wakeup(post->multi);
}
