/* GET /openapi.json: OpenAPI 3.1, made from the table of routes, the table of ops, the list of
 * problems and schemas.json, so that it cannot name what the server does not have. */
#include <stdlib.h>

#include "api/api.h"
#include "kernel/ops.h"

#define PROBLEM_TYPE "application/problem+json"
/* Besides its own: any route may find the address or body bad, the client unknown, or fail. */
#define STATUSES_ALWAYS "400 401 403 413 429 500 503"
#define WORD_SIZE_MAX 64

extern const char qf_api_schemas[]; /* schemas.json: "schemas", "parameters", "webhooks" by name */

/* Goes through words with a space between them; *at may be NULL. */
static bool next_word(const char **at, char word[WORD_SIZE_MAX])
{
    if (*at == NULL)
        return false;
    *at += strspn(*at, " ");
    size_t size = strcspn(*at, " ");
    QF_ASSERT(size < WORD_SIZE_MAX);
    memcpy(word, *at, size);
    word[size] = '\0';
    *at += size;
    return size > 0;
}

static bool has_word(const char *words, const char *word)
{
    char other[WORD_SIZE_MAX];
    while (next_word(&words, other))
        if (strcmp(other, word) == 0)
            return true;
    return false;
}

static void put(struct qf_arena *arena, struct qf_json *object, const char *key, const char *text)
{
    qf_json_put(arena, object, key, qf_json_make_text(text));
}

static struct qf_json make_ref(struct qf_arena *arena, const char *kind, const char *name)
{
    struct qf_json ref = qf_json_make_object();
    put(arena, &ref, "$ref", qf_arena_printf(arena, "#/components/%s/%s", kind, name));
    return ref;
}

static struct qf_json make_typed(struct qf_arena *arena, const char *type)
{
    struct qf_json schema = qf_json_make_object();
    put(arena, &schema, "type", type);
    return schema;
}

static struct qf_json make_list(struct qf_arena *arena, const char *item)
{
    struct qf_json schema = make_typed(arena, "object");
    struct qf_json properties = qf_json_make_object();
    struct qf_json items = make_typed(arena, "array");
    struct qf_json required = qf_json_make_array();
    qf_json_put(arena, &items, "items", make_ref(arena, "schemas", item));
    qf_json_put(arena, &items, "maxItems", qf_json_make_int(QF_PAGE_ITEMS_MAX));
    qf_json_put(arena, &properties, "items", items);
    qf_json_put(arena, &properties, "next", make_typed(arena, "string"));
    qf_json_append(arena, &required, qf_json_make_text("items"));
    qf_json_put(arena, &schema, "additionalProperties", qf_json_make_bool(false));
    qf_json_put(arena, &schema, "properties", properties);
    qf_json_put(arena, &schema, "required", required);
    return schema;
}

static bool is_list(const char *answer, size_t *item_size)
{
    size_t size = strlen(answer);
    *item_size = size > 2 ? size - 2 : 0;
    return size > 2 && strcmp(answer + size - 2, "[]") == 0;
}

static struct qf_json make_answer(struct qf_arena *arena, const char *answer)
{
    size_t item_size;
    if (!is_list(answer, &item_size))
        return make_ref(arena, "schemas", answer);
    return make_list(arena, qf_arena_text(arena, qf_slice_make(answer, item_size)));
}

/* {"<type>": {"schema": …}} for each of the types, which are separated by ", ". */
static void add_content(struct qf_arena *arena, struct qf_json *content, const char *types,
                        struct qf_json schema)
{
    for (const char *at = types; *at != '\0'; at += strspn(at, ", ")) {
        size_t size = strcspn(at, ",");
        struct qf_json media = qf_json_make_object();
        qf_json_put(arena, &media, "schema", schema);
        qf_json_put(arena, content, qf_arena_text(arena, qf_slice_make(at, size)), media);
        at += size;
    }
}

static void add_parameters(struct qf_arena *arena, struct qf_json *list, const char *in,
                           const char *names)
{
    char name[WORD_SIZE_MAX];
    while (next_word(&names, name))
        qf_json_append(arena, list,
                       make_ref(arena, "parameters", qf_arena_printf(arena, "%s.%s", in, name)));
}

/* "/v1/members/{member}/actors/{actor}": what a double star matches may hold slashes. */
static const char *template_path(struct qf_arena *arena, const struct qf_route *route)
{
    struct qf_buf path = {0};
    const char *names = route->segments;
    char name[WORD_SIZE_MAX];
    for (const char *at = route->pattern; *at != '\0'; at++) {
        if (*at != '*') {
            qf_buf_put_byte(&path, (uint8_t)*at);
            continue;
        }
        at += at[1] == '*';
        bool named = next_word(&names, name);
        QF_ASSERT(named);
        qf_buf_printf(&path, "{%s}", name);
    }
    const char *text = qf_arena_text(arena, qf_buf_slice(&path));
    qf_buf_deinit(&path);
    return text;
}

/* "Refused: malformed, expired" */
static const char *describe_status(struct qf_arena *arena, int status)
{
    struct qf_buf text = {0};
    if (status < 300)
        return status == 202 ? "Taken; ask later for the result" : "Done";
#define ADD_NAME(sym, num, name, http, title, cure)                                                \
    if ((http) == status)                                                                          \
        qf_buf_printf(&text, "%s%s", text.size == 0 ? "Refused: " : ", ", name);
    QF_STATUS_LIST(ADD_NAME)
#undef ADD_NAME
    const char *copy = qf_arena_text(arena, qf_buf_slice(&text));
    qf_buf_deinit(&text);
    return copy;
}

static void add_header(struct qf_arena *arena, struct qf_json *headers, const char *name,
                       const char *description, const char *type)
{
    struct qf_json header = qf_json_make_object();
    put(arena, &header, "description", description);
    qf_json_put(arena, &header, "schema", make_typed(arena, type));
    qf_json_put(arena, headers, name, header);
}

static bool is_tagged(const struct qf_route *route)
{
    return strcmp(route->method, "GET") == 0 && !route->fresh;
}

static struct qf_json make_not_modified(struct qf_arena *arena)
{
    struct qf_json response = qf_json_make_object();
    struct qf_json headers = qf_json_make_object();
    add_header(arena, &headers, "ETag", "The one that was named", "string");
    put(arena, &response, "description", "If-None-Match names what stands here");
    qf_json_put(arena, &response, "headers", headers);
    return response;
}

static struct qf_json make_response(struct qf_arena *arena, const struct qf_route *route,
                                    const char *status)
{
    struct qf_json response = qf_json_make_object();
    struct qf_json content = qf_json_make_object();
    struct qf_json headers = qf_json_make_object();
    size_t item_size;
    bool good = status[0] == '2';
    if (good || has_word(route->refusals, status))
        add_content(arena, &content, route->produces, make_answer(arena, route->answer));
    if (!good)
        add_content(arena, &content, PROBLEM_TYPE, make_ref(arena, "schemas", "problem"));
    if (good && is_list(route->answer, &item_size))
        add_header(arena, &headers, "Link", "The next page: rel=\"next\" (RFC 8288)", "string");
    if (good && is_tagged(route))
        add_header(arena, &headers, "ETag", "Of these bytes; for If-None-Match", "string");
    if (strcmp(status, "429") == 0 || strcmp(status, "503") == 0)
        add_header(arena, &headers, "Retry-After", "Seconds to wait", "integer");
    qf_json_put(arena, &response, "content", content);
    put(arena, &response, "description", describe_status(arena, (int)strtol(status, NULL, 10)));
    if (headers.count > 0)
        qf_json_put(arena, &response, "headers", headers);
    return response;
}

static struct qf_json make_responses(struct qf_arena *arena, const struct qf_route *route)
{
    struct qf_json responses = qf_json_make_object();
    const char *const lists[] = {route->statuses, STATUSES_ALWAYS};
    for (size_t i = 0; i < 2; i++) {
        const char *at = lists[i];
        char word[WORD_SIZE_MAX];
        while (next_word(&at, word)) {
            char *status = qf_arena_text(arena, qf_slice_of(word));
            qf_json_put(arena, &responses, status, make_response(arena, route, status));
        }
    }
    if (is_tagged(route))
        qf_json_put(arena, &responses, "304", make_not_modified(arena));
    return responses;
}

static const char *operation_id(struct qf_arena *arena, const struct qf_route *route,
                                const char *path)
{
    char *id = qf_arena_printf(arena, "%s%s", route->method, path);
    char *end = id;
    for (const char *at = id; *at != '\0'; at++) {
        bool plain =
            (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') || (*at >= '0' && *at <= '9');
        if (plain)
            *end++ = *at;
        else if (at[1] != '\0' && end > id && end[-1] != '_')
            *end++ = '_';
    }
    *end = '\0';
    return id;
}

/* A client certificate or a signed request; either will do. */
static struct qf_json make_security(struct qf_arena *arena)
{
    static const char *const schemes[] = {"clientCertificate", "signedRequest"};
    struct qf_json security = qf_json_make_array();
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        struct qf_json requirement = qf_json_make_object();
        qf_json_put(arena, &requirement, schemes[i], qf_json_make_array());
        qf_json_append(arena, &security, requirement);
    }
    return security;
}

static struct qf_json make_schemes(struct qf_arena *arena)
{
    struct qf_json schemes = qf_json_make_object();
    struct qf_json certificate = make_typed(arena, "mutualTLS");
    struct qf_json signature = make_typed(arena, "http");
    put(arena, &certificate, "description", "A client certificate of a member's authority.");
    put(arena, &signature, "description", "HTTP message signature (RFC 9421); see spec/http.md.");
    put(arena, &signature, "scheme", "signature");
    qf_json_put(arena, &schemes, "clientCertificate", certificate);
    qf_json_put(arena, &schemes, "signedRequest", signature);
    return schemes;
}

static void add_route(struct qf_arena *arena, struct qf_json *paths, const struct qf_route *route,
                      bool members_only)
{
    struct qf_json parameters = qf_json_make_array();
    struct qf_json operation = qf_json_make_object();
    const char *path = template_path(arena, route);
    add_parameters(arena, &parameters, "path", route->segments);
    add_parameters(arena, &parameters, "query", route->query);
    add_parameters(arena, &parameters, "header", route->headers);
    if (is_tagged(route))
        add_parameters(arena, &parameters, "header", "If-None-Match");
    put(arena, &operation, "operationId", operation_id(arena, route, path));
    qf_json_put(arena, &operation, "parameters", parameters);
    qf_json_put(arena, &operation, "responses", make_responses(arena, route));
    if (members_only && !route->open && strcmp(route->method, "GET") == 0)
        qf_json_put(arena, &operation, "security", make_security(arena));
    put(arena, &operation, "summary", route->summary);
    if (route->accepts != NULL) {
        struct qf_json body = qf_json_make_object();
        struct qf_json content = qf_json_make_object();
        add_content(arena, &content, route->accepts, make_ref(arena, "schemas", route->request));
        qf_json_put(arena, &body, "content", content);
        qf_json_put(arena, &body, "required", qf_json_make_bool(true));
        qf_json_put(arena, &operation, "requestBody", body);
    }
    const struct qf_json *there = qf_json_get(paths, path);
    struct qf_json item = there != NULL ? *there : qf_json_make_object();
    qf_json_put(arena, &item, strcmp(route->method, "POST") == 0 ? "post" : "get", operation);
    qf_json_put(arena, paths, path, item);
}

static struct qf_json make_problem(struct qf_arena *arena)
{
    static const char *const texts[] = {"cure", "detail", "field", "title"};
    static const char *const always[] = {"cure", "status", "title", "type"};
    struct qf_json schema = make_typed(arena, "object");
    struct qf_json properties = qf_json_make_object();
    struct qf_json required = qf_json_make_array();
    struct qf_json types = qf_json_make_array();
    struct qf_json type = qf_json_make_object();
#define ADD_TYPE(sym, num, name, http, title, cure)                                                \
    if ((num) != 0)                                                                                \
        qf_json_append(arena, &types, qf_json_make_text("urn:qifeng:problem:" name));
    QF_STATUS_LIST(ADD_TYPE)
#undef ADD_TYPE
    qf_json_put(arena, &type, "enum", types);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        qf_json_put(arena, &properties, texts[i], make_typed(arena, "string"));
    for (size_t i = 0; i < sizeof always / sizeof always[0]; i++)
        qf_json_append(arena, &required, qf_json_make_text(always[i]));
    qf_json_put(arena, &properties, "status", make_typed(arena, "integer"));
    qf_json_put(arena, &properties, "type", type);
    qf_json_put(arena, &schema, "additionalProperties", qf_json_make_bool(false));
    put(arena, &schema, "description",
        "Problem details (RFC 9457): field is what is at fault, cure what to do.");
    qf_json_put(arena, &schema, "properties", properties);
    qf_json_put(arena, &schema, "required", required);
    return schema;
}

static enum qf_status make_components(struct qf_arena *arena, struct qf_json *out,
                                      struct qf_json *webhooks, struct qf_error *err)
{
    struct qf_json own;
    struct qf_json ops;
    struct qf_buf text = {0};
    qf_ops_describe_schemas(&text);
    struct qf_slice copy = qf_arena_copy(arena, qf_buf_slice(&text));
    qf_buf_deinit(&text);
    enum qf_status status = qf_json_parse(arena, &ops, copy, QF_JSON_ANY, err);
    if (status == QF_OK)
        status = qf_json_parse(arena, &own, qf_slice_of(qf_api_schemas), QF_JSON_ANY, err);
    if (status != QF_OK)
        return status;
    struct qf_json schemas = qf_json_make_object();
    const struct qf_json *const parts[] = {&ops, qf_json_get(&own, "schemas")};
    for (size_t i = 0; i < 2; i++)
        for (uint32_t j = 0; j < parts[i]->count; j++)
            qf_json_put(arena, &schemas, qf_arena_text(arena, parts[i]->members[j].key),
                        parts[i]->members[j].value);
    qf_json_put(arena, &schemas, "problem", make_problem(arena));
    *out = qf_json_make_object();
    qf_json_put(arena, out, "parameters", *qf_json_get(&own, "parameters"));
    qf_json_put(arena, out, "schemas", schemas);
    qf_json_put(arena, out, "securitySchemes", make_schemes(arena));
    *webhooks = *qf_json_get(&own, "webhooks");
    return QF_OK;
}

void qf_api_get_openapi(struct qf_http_exchange *exchange)
{
    struct qf_api *api = qf_api_of(exchange);
    struct qf_arena *arena = &exchange->arena;
    struct qf_json document = qf_json_make_object();
    struct qf_json info = qf_json_make_object();
    struct qf_json paths = qf_json_make_object();
    struct qf_json components;
    struct qf_json webhooks;
    struct qf_error err = {0};
    size_t count;
    const struct qf_route *routes = qf_api_routes(&count);
    for (size_t i = 0; i < count; i++)
        add_route(arena, &paths, &routes[i], api->options.members_only);
    if (make_components(arena, &components, &webhooks, &err) != QF_OK) {
        qf_http_reply_problem(exchange, &err);
        return;
    }
    put(arena, &info, "description", "Errors are problem details (RFC 9457); see spec/http.md.");
    put(arena, &info, "title", "Qifeng");
    put(arena, &info, "version", api->options.version);
    qf_json_put(arena, &document, "components", components);
    qf_json_put(arena, &document, "info", info);
    put(arena, &document, "openapi", "3.1.0");
    qf_json_put(arena, &document, "paths", paths);
    qf_json_put(arena, &document, "webhooks", webhooks);
    qf_http_reply_json(exchange, 200, &document);
}
