#include "cli/client.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>

#include "api/this_computer.h"
#include "base/io.h"
#include "cli/cli.h"
#include "codec/http_sig.h"
#include "codec/text.h"

struct qf_client {
    CURL *curl;
    char url[512];
    const char *ca_file, *cert_file, *cert_key_file; /* of the environment, or NULL */
    const struct qf_private_key *key;                /* signs what is read; NULL: nobody does */
    struct qf_private_key *own_key;                  /* the same, where it was loaded here */
};

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

static void curl_start(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

static enum qf_status make(struct qf_client **out, const char *url, struct qf_error *err)
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
    qf_curl_skip_proxy(client->curl, client->url);
    client->ca_file = getenv("QIFENG_CACERT");         /* NOLINT(concurrency-mt-unsafe) */
    client->cert_file = getenv("QIFENG_CERT");         /* NOLINT(concurrency-mt-unsafe) */
    client->cert_key_file = getenv("QIFENG_CERT_KEY"); /* NOLINT(concurrency-mt-unsafe) */
    *out = client;
    return QF_OK;
}

enum qf_status qf_client_new(struct qf_client **out, const char *url,
                             const struct qf_client_reader *reader, struct qf_error *err)
{
    const char *path = reader != NULL ? reader->key : NULL;
    if (path == NULL)
        path = getenv("QIFENG_READ_KEY"); /* NOLINT(concurrency-mt-unsafe) */
    struct qf_client *client = NULL;
    enum qf_status status = make(&client, url, err);
    if (status == QF_OK && path != NULL)
        status = qf_cli_load_key(&client->own_key, path,
                                 reader != NULL ? reader->passphrase_file : NULL, err);
    if (status != QF_OK) {
        qf_client_free(client);
        return status;
    }
    QF_ASSERT(client != NULL);
    client->key = client->own_key;
    *out = client;
    return QF_OK;
}

enum qf_status qf_client_new_signed(struct qf_client **out, const char *url,
                                    const struct qf_private_key *key, struct qf_error *err)
{
    if (key == NULL)
        return qf_client_new(out, url, NULL, err);
    enum qf_status status = make(out, url, err);
    if (status == QF_OK)
        (*out)->key = key;
    return status;
}

void qf_client_free(struct qf_client *client)
{
    if (client == NULL)
        return;
    curl_easy_cleanup(client->curl);
    qf_private_key_free(client->own_key);
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
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L); /* what is signed is what is sent */
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

/* ---- signing what is read (RFC 9421) ---- */

#define NONCE_SIZE 16

/* The address as the node will see it: scheme and host in small letters (the node takes them from
 * the Host field, which has no port where it is the scheme's own), then the path as it is sent. */
static void put_target(struct qf_buf *out, const char *url, const char *path)
{
    const char *host = strstr(url, "://") + 3;
    size_t end = strcspn(host, "/?#");
    size_t size = end;
    const char *own = strncmp(url, "https", 5) == 0 ? ":443" : ":80";
    size_t own_size = strlen(own);
    if (size > own_size && memcmp(host + size - own_size, own, own_size) == 0)
        size -= own_size;
    for (const char *at = url; at < host + size; at++)
        qf_buf_put_byte(out, (uint8_t)(*at >= 'A' && *at <= 'Z' ? *at - 'A' + 'a' : *at));
    qf_buf_put_text(out, host + end);
    qf_buf_put_text(out, path);
}

static const char *alg_name(enum qf_sig_alg alg)
{
    return alg == QF_ALG_ES256 ? "ecdsa-p256-sha256" : alg == QF_ALG_EDDSA ? "ed25519" : "sm2-sm3";
}

static enum qf_status put_params(struct qf_buf *out, const struct qf_private_key *key)
{
    const struct qf_clock clock = qf_clock_system();
    const struct qf_random random = qf_random_system();
    struct qf_public_key public;
    uint8_t nonce[NONCE_SIZE];
    char kid[QF_KID_SIZE + 1];
    char text[2 * NONCE_SIZE] = {0};
    enum qf_status status = random.fill(random.self, nonce, sizeof nonce);
    qf_base64url_encode(text, qf_slice_make(nonce, sizeof nonce));
    qf_private_key_public(key, &public);
    qf_public_key_kid(kid, &public);
    qf_buf_printf(out,
                  "(\"@method\" \"@target-uri\");created=%lld;keyid=\"%s\";alg=\"%s\";nonce=\"%s\"",
                  (long long)(clock.now_ms(clock.self) / 1000), kid, alg_name(public.alg), text);
    return status;
}

static bool value_of(void *arg, struct qf_slice component, struct qf_slice *value)
{
    *value = qf_slice_is(component, "@method") ? qf_slice_of("GET") : qf_buf_slice(arg);
    return true;
}

/* The two fields of a signed GET. */
static enum qf_status sign_get(const struct qf_client *client, const char *path,
                               struct curl_slist **fields, struct qf_error *err)
{
    struct qf_buf params = {0}, target = {0}, base = {0}, field = {0};
    uint8_t signature[QF_SIGNATURE_SIZE];
    char text[QF_BASE64_SIZE((size_t)QF_SIGNATURE_SIZE) + 1] = {0};
    put_target(&target, client->url, path);
    enum qf_status status = put_params(&params, client->key);
    const struct qf_http_sig sig = {
        .params = qf_buf_slice(&params),
        .components = {qf_slice_of("@method"), qf_slice_of("@target-uri")},
        .component_count = 2};
    if (status == QF_OK)
        status = qf_http_sig_put_base(&base, &sig, value_of, &target, err);
    if (status == QF_OK)
        status = qf_private_key_sign(client->key, signature, qf_buf_slice(&base), err);
    if (status == QF_OK) {
        qf_base64_encode(text, qf_slice_make(signature, sizeof signature));
        qf_buf_printf(&field, "Signature-Input: sig=%s", qf_buf_text(&params));
        *fields = curl_slist_append(*fields, qf_buf_text(&field));
        qf_buf_reset(&field);
        qf_buf_printf(&field, "Signature: sig=:%s:", text);
        *fields = curl_slist_append(*fields, qf_buf_text(&field));
    } else {
        qf_error_within(err, "--key");
    }
    qf_buf_deinit(&params);
    qf_buf_deinit(&target);
    qf_buf_deinit(&base);
    qf_buf_deinit(&field);
    return status;
}

enum qf_status qf_client_get(struct qf_client *client, struct qf_buf *out, const char *path,
                             long *http_status, struct qf_error *err)
{
    struct curl_slist *fields = NULL;
    enum qf_status status = client->key != NULL ? sign_get(client, path, &fields, err) : QF_OK;
    curl_easy_setopt(client->curl, CURLOPT_HTTPGET, 1L);
    curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, fields);
    if (status == QF_OK)
        status = perform(client, out, path, http_status, err);
    curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, NULL);
    curl_slist_free_all(fields);
    return status;
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
    /* The node speaks of fields; who sits at the command line has options. */
    const char *cure = status == QF_UNAUTHENTICATED && qf_slice_is(field, "Signature-Input")
                           ? " (give --key, or QIFENG_READ_KEY in the environment)"
                           : "";
    status = detail.size > 0 ? qf_fail(err, status, qf_arena_text(&arena, field), "%.*s%s",
                                       QF_SLICE_ARGS(detail), cure)
                             : qf_fail(err, status, qf_arena_text(&arena, field),
                                       "the node answered %ld", http_status);
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
