#include "api/etag.h"

#include <stdio.h>

#include "codec/text.h"
#include "crypto/hash.h"

#define TAG_BYTES 16 /* of the hash: enough to tell the versions of one resource apart */
#define TAG_SIZE (QF_BASE64URL_SIZE(TAG_BYTES) + 3)

static const char *skip(const char *at, const char *set)
{
    return at + strspn(at, set);
}

bool qf_etag_listed(const char *list, const char *tag)
{
    size_t size = strlen(tag);
    const char *at = skip(list, " \t,");
    if (*at == '*' && *skip(at + 1, " \t") == '\0')
        return true;
    while (*at != '\0') {
        if (at[0] == 'W' && at[1] == '/')
            at += 2;
        if (*at != '"')
            return false; /* not of the form: then it is no condition */
        const char *end = strchr(at + 1, '"');
        if (end == NULL)
            return false;
        if ((size_t)(end - at) + 1 == size && memcmp(at, tag, size) == 0)
            return true;
        at = skip(end + 1, " \t,");
    }
    return false;
}

static const char *header_of(const struct qf_http_response *response, const char *name)
{
    for (size_t i = 0; i < response->header_count; i++)
        if (strcmp(response->headers[i].name, name) == 0)
            return response->headers[i].value;
    return NULL;
}

void qf_http_tag(struct qf_http_exchange *exchange)
{
    struct qf_http_response *response = &exchange->response;
    const char *cache = header_of(response, "Cache-Control");
    bool reads = strcmp(exchange->method, "GET") == 0 || strcmp(exchange->method, "HEAD") == 0;
    if (!reads || response->status != 200 || response->stream != NULL ||
        (cache != NULL && strcmp(cache, "no-store") == 0))
        return;
    uint8_t hash[QF_HASH_SIZE];
    char *tag = qf_arena_alloc(&exchange->arena, TAG_SIZE);
    qf_hash(QF_HASH_SHA256, hash, qf_buf_slice(&response->body));
    tag[0] = '"';
    qf_base64url_encode(tag + 1, qf_slice_make(hash, TAG_BYTES));
    tag[TAG_SIZE - 2] = '"';
    tag[TAG_SIZE - 1] = '\0';
    if (cache == NULL)
        qf_http_set_header(exchange, "Cache-Control", "no-cache");
    qf_http_set_header(exchange, "ETag", tag);
    const char *known = qf_http_header(exchange, "If-None-Match");
    if (known == NULL || !qf_etag_listed(known, tag))
        return;
    response->status = 304;
    qf_buf_reset(&response->body);
}
