#include "cli/client.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>

#include "codec/json.h"

struct qf_client {
    CURL *curl;
    char url[512];
    const char *ca_file, *cert_file, *cert_key_file; /* of the environment, or NULL */
};

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

static void curl_start(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

enum qf_status qf_client_new(struct qf_client **out, const char *url, struct qf_error *err)
{
    pthread_once(&curl_once, curl_start);
    size_t size = strlen(url);
    while (size > 0 && url[size - 1] == '/')
        size--;
    if (size >= sizeof out[0]->url ||
        (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0))
        return qf_fail(err, QF_USAGE, "--node", "want http://HOST:PORT or https://…");
    struct qf_client *client = calloc(1, sizeof *client);
    if (client == NULL)
        return qf_fail(err, QF_NO_MEMORY, "", "no memory");
    memcpy(client->url, url, size); /* NOLINT(bugprone-not-null-terminated-result): calloc */
    client->curl = curl_easy_init();
    if (client->curl == NULL) {
        free(client);
        return qf_fail(err, QF_NO_MEMORY, "", "libcurl cannot start");
    }
    client->ca_file = getenv("QIFENG_CACERT");         /* NOLINT(concurrency-mt-unsafe) */
    client->cert_file = getenv("QIFENG_CERT");         /* NOLINT(concurrency-mt-unsafe) */
    client->cert_key_file = getenv("QIFENG_CERT_KEY"); /* NOLINT(concurrency-mt-unsafe) */
    *out = client;
    return QF_OK;
}

void qf_client_free(struct qf_client *client)
{
    if (client == NULL)
        return;
    curl_easy_cleanup(client->curl);
    free(client);
}

static size_t take(char *data, size_t unit, size_t count, void *arg)
{
    struct qf_buf *out = arg;
    qf_buf_put(out, data, unit * count);
    return out->failed ? 0 : unit * count;
}

static enum qf_status perform(struct qf_client *client, struct qf_buf *out, const char *path,
                              long *http_status, struct qf_error *err)
{
    char url[4096];
    char reason[CURL_ERROR_SIZE] = "";
    size_t base = strlen(client->url);
    if (base + strlen(path) >= sizeof url)
        return qf_fail(err, QF_USAGE, "path", "the address is too long");
    memcpy(url, client->url, base);
    memcpy(url + base, path, strlen(path) + 1);
    CURL *curl = client->curl;
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, reason);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, out);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, 10L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 120L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_MAXREDIRS, 0L);
    curl_easy_setopt(curl, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)QF_CLIENT_ANSWER_SIZE_MAX);
    if (client->ca_file != NULL)
        curl_easy_setopt(curl, CURLOPT_CAINFO, client->ca_file);
    if (client->cert_file != NULL)
        curl_easy_setopt(curl, CURLOPT_SSLCERT, client->cert_file);
    if (client->cert_key_file != NULL)
        curl_easy_setopt(curl, CURLOPT_SSLKEY, client->cert_key_file);
    CURLcode code = curl_easy_perform(curl);
    if (code != CURLE_OK)
        return qf_fail(err, QF_NETWORK, client->url, "%s",
                       reason[0] != '\0' ? reason : curl_easy_strerror(code));
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, http_status);
    return QF_OK;
}

enum qf_status qf_client_get(struct qf_client *client, struct qf_buf *out, const char *path,
                             long *http_status, struct qf_error *err)
{
    curl_easy_setopt(client->curl, CURLOPT_HTTPGET, 1L);
    curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, NULL);
    return perform(client, out, path, http_status, err);
}

enum qf_status qf_client_post(struct qf_client *client, struct qf_buf *out, const char *path,
                              const char *type, struct qf_slice body, long *http_status,
                              struct qf_error *err)
{
    char header[128] = "Content-Type: ";
    size_t used = strlen(header);
    QF_ASSERT(used + strlen(type) < sizeof header);
    memcpy(header + used, type, strlen(type) + 1);
    struct curl_slist *headers = curl_slist_append(NULL, header);
    headers = curl_slist_append(headers, "Expect:");
    curl_easy_setopt(client->curl, CURLOPT_POST, 1L);
    curl_easy_setopt(client->curl, CURLOPT_POSTFIELDS, (const char *)body.data);
    curl_easy_setopt(client->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.size);
    curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, headers);
    enum qf_status status = perform(client, out, path, http_status, err);
    curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, NULL);
    curl_slist_free_all(headers);
    return status;
}

static enum qf_status status_of(struct qf_slice type, long http_status)
{
    static const char prefix[] = "urn:qifeng:problem:";
    if (type.size > sizeof prefix - 1 && memcmp(type.data, prefix, sizeof prefix - 1) == 0) {
        struct qf_slice name = {type.data + sizeof prefix - 1, type.size - (sizeof prefix - 1)};
        for (int i = 1; i <= 500; i++)
            if (qf_status_known(i) && qf_slice_is(name, qf_status_name((enum qf_status)i)))
                return (enum qf_status)i;
    }
    return http_status >= 500 ? QF_UNAVAILABLE : QF_REFUSED;
}

enum qf_status qf_client_problem(struct qf_slice body, long http_status, struct qf_error *err)
{
    if (http_status >= 200 && http_status < 300)
        return QF_OK;
    struct qf_arena arena = {0};
    struct qf_json problem;
    struct qf_slice type = {0};
    struct qf_slice field = {0};
    struct qf_slice detail = {0};
    if (qf_json_parse(&arena, &problem, body, QF_JSON_ANY, NULL) == QF_OK) {
        if (qf_json_get_text(&problem, "type", &type, NULL) != QF_OK)
            type = (struct qf_slice){0};
        if (qf_json_get_text(&problem, "field", &field, NULL) != QF_OK)
            field = (struct qf_slice){0};
        if (qf_json_get_text(&problem, "detail", &detail, NULL) != QF_OK)
            detail = (struct qf_slice){0};
    }
    enum qf_status status = status_of(type, http_status);
    status = detail.size > 0
                 ? qf_fail(err, status, qf_arena_text(&arena, field), "%.*s", QF_SLICE_ARGS(detail))
                 : qf_fail(err, status, qf_arena_text(&arena, field), "the node answered %ld",
                           http_status);
    qf_arena_deinit(&arena);
    return status;
}

void qf_client_escape(struct qf_buf *out, struct qf_slice text)
{
    static const char hex[] = "0123456789ABCDEF";
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     (c != '\0' && strchr("-._~:/", c) != NULL);
        if (plain) {
            qf_buf_put_byte(out, c);
            continue;
        }
        qf_buf_put_byte(out, '%');
        qf_buf_put_byte(out, (uint8_t)hex[c >> 4]);
        qf_buf_put_byte(out, (uint8_t)hex[c & 15]);
    }
}
