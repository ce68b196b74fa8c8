#include "api/witness/ask.h"

#include "api/this_computer.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define CONNECT_SECONDS 10L
#define ANSWER_SECONDS 30L
#define URL_SIZE_MAX 2200

struct qf_ask {
    CURL *curl;
    struct curl_slist *headers;
    const atomic_bool *stop;
    const char *whom;
    size_t answer_size_max;
    char url[URL_SIZE_MAX];
};

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

static void curl_start(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

static size_t take(char *data, size_t unit, size_t count, void *arg)
{
    struct qf_buf *out = arg;
    qf_buf_put(out, data, unit * count);
    return out->failed ? 0 : unit * count;
}

static int should_stop(void *arg, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
                       curl_off_t up)
{
    const struct qf_ask *ask = arg;
    (void)down_total;
    (void)down;
    (void)up_total;
    (void)up;
    return atomic_load(ask->stop) ? 1 : 0;
}

enum qf_status qf_ask_new(struct qf_ask **out, const struct qf_ask_options *options,
                          const atomic_bool *stop, struct qf_error *err)
{
    const struct qf_ask_tls *tls = &options->tls;
    char type[100];
    pthread_once(&curl_once, curl_start);
    struct qf_ask *ask = calloc(1, sizeof *ask);
    CURL *curl = ask != NULL ? curl_easy_init() : NULL;
    if (curl == NULL) {
        free(ask);
        return qf_fail(err, QF_NO_MEMORY, "", "libcurl cannot start");
    }
    size_t size = strlen(options->url);
    while (options->path != NULL && size > 0 && options->url[size - 1] == '/')
        size--;
    snprintf(ask->url, sizeof ask->url, "%.*s%s", (int)size, options->url,
             options->path != NULL ? options->path : "");
    snprintf(type, sizeof type, "Content-Type: %s", options->type);
    ask->whom = options->whom;
    ask->answer_size_max = options->answer_size_max;
    ask->curl = curl;
    ask->stop = stop;
    ask->headers = curl_slist_append(NULL, type);
    ask->headers = curl_slist_append(ask->headers, "Expect:");
    curl_easy_setopt(curl, CURLOPT_URL, ask->url);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, ask->headers);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, ANSWER_SECONDS);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, should_stop);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, ask);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "qifeng/" QF_VERSION);
    qf_curl_skip_proxy(curl, ask->url);
    if (tls->roots != NULL)
        curl_easy_setopt(curl, CURLOPT_CAINFO, tls->roots);
    if (tls->certificate != NULL) {
        curl_easy_setopt(curl, CURLOPT_SSLCERT, tls->certificate);
        curl_easy_setopt(curl, CURLOPT_SSLKEY, tls->certificate_key);
    }
    *out = ask;
    return QF_OK;
}

void qf_ask_free(struct qf_ask *ask)
{
    if (ask == NULL)
        return;
    curl_easy_cleanup(ask->curl);
    curl_slist_free_all(ask->headers);
    free(ask);
}

enum qf_status qf_ask_post(struct qf_ask *ask, struct qf_buf *answer, long *http_status,
                           struct qf_slice body, struct qf_error *err)
{
    char reason[CURL_ERROR_SIZE] = "";
    answer->limit = ask->answer_size_max;
    curl_easy_setopt(ask->curl, CURLOPT_ERRORBUFFER, reason);
    curl_easy_setopt(ask->curl, CURLOPT_WRITEDATA, answer);
    curl_easy_setopt(ask->curl, CURLOPT_POST, 1L);
    curl_easy_setopt(ask->curl, CURLOPT_POSTFIELDS, (const char *)body.data);
    curl_easy_setopt(ask->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.size);
    CURLcode code = curl_easy_perform(ask->curl);
    curl_easy_setopt(ask->curl, CURLOPT_ERRORBUFFER, NULL);
    if (code != CURLE_OK)
        return qf_fail(err, QF_NETWORK, ask->whom, "%.200s",
                       reason[0] != '\0' ? reason : curl_easy_strerror(code));
    curl_easy_getinfo(ask->curl, CURLINFO_RESPONSE_CODE, http_status);
    return QF_OK;
}

const char *qf_ask_type(const struct qf_ask *ask)
{
    const char *type = NULL;
    curl_easy_getinfo(ask->curl, CURLINFO_CONTENT_TYPE, &type);
    return type != NULL ? type : "";
}
