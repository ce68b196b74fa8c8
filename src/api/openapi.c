/* GET /openapi.json: OpenAPI 3.1, made from the table of routes, the table of ops and the list of
 * problems, so that it cannot say something else than the server does. */
#include "api/api.h"
#include "kernel/ops.h"

#define PROBLEM_TYPE "application/problem+json"

static void put(struct qf_arena *arena, struct qf_json *object, const char *key, const char *text)
{
    qf_json_put(arena, object, key, qf_json_make_text(text));
}

static struct qf_json make_ref(struct qf_arena *arena, const char *name)
{
    struct qf_json ref = qf_json_make_object();
    put(arena, &ref, "$ref", name);
    return ref;
}

/* {"<type>": {"schema": …}} for each of the types, which are separated by ", ". */
static struct qf_json make_content(struct qf_arena *arena, const char *types, struct qf_json schema)
{
    struct qf_json content = qf_json_make_object();
    for (const char *at = types; *at != '\0'; at += strspn(at, ", ")) {
        size_t size = strcspn(at, ",");
        struct qf_json media = qf_json_make_object();
        bool json = size >= 4 && memcmp(at + size - 4, "json", 4) == 0;
        qf_json_put(arena, &media, "schema", json ? schema : qf_json_make_object());
        qf_json_put(arena, &content, qf_arena_text(arena, qf_slice_make(at, size)), media);
        at += size;
    }
    return content;
}

static void add_parameter(struct qf_arena *arena, struct qf_json *list, const char *name,
                          const char *in)
{
    struct qf_json parameter = qf_json_make_object();
    struct qf_json schema = qf_json_make_object();
    put(arena, &schema, "type", "string");
    put(arena, &parameter, "in", in);
    put(arena, &parameter, "name", name);
    if (strcmp(in, "path") == 0)
        qf_json_put(arena, &parameter, "required", qf_json_make_bool(true));
    qf_json_put(arena, &parameter, "schema", schema);
    qf_json_append(arena, list, parameter);
}

/* "/v1/members/{p1}/actors/{p2}": what a double star matches may hold slashes. */
static const char *template_path(struct qf_arena *arena, struct qf_json *parameters,
                                 const char *pattern)
{
    char path[256];
    size_t size = 0;
    unsigned count = 0;
    for (; *pattern != '\0' && size < sizeof path - 8; pattern++) {
        if (*pattern != '*') {
            path[size++] = *pattern;
            continue;
        }
        pattern += pattern[1] == '*';
        char *name = qf_arena_printf(arena, "p%u", ++count);
        add_parameter(arena, parameters, name, "path");
        path[size++] = '{';
        for (const char *at = name; *at != '\0'; at++)
            path[size++] = *at;
        path[size++] = '}';
    }
    return qf_arena_text(arena, qf_slice_make(path, size));
}

static struct qf_json make_responses(struct qf_arena *arena, const struct qf_route *route)
{
    struct qf_json responses = qf_json_make_object();
    struct qf_json problem = make_ref(arena, "#/components/schemas/problem");
    static const char *const always = " 401 403 500 503";
    char *all = qf_arena_printf(arena, "%s%s", route->statuses, always);
    for (const char *at = all; *at != '\0'; at += strspn(at, " ")) {
        char *status = qf_arena_text(arena, qf_slice_make(at, strcspn(at, " ")));
        struct qf_json response = qf_json_make_object();
        bool good = status[0] == '2';
        struct qf_json any = qf_json_make_object();
        put(arena, &response, "description", good ? "Done" : "Problem details (RFC 9457)");
        qf_json_put(arena, &response, "content",
                    good ? make_content(arena, route->produces, any)
                         : make_content(arena,
                                        qf_arena_printf(arena, PROBLEM_TYPE ", %s",
                                                        strstr(route->produces, "application/json")
                                                            ? "application/json"
                                                            : PROBLEM_TYPE),
                                        problem));
        qf_json_put(arena, &responses, status, response);
        at += strlen(status);
    }
    return responses;
}

static void add_route(struct qf_arena *arena, struct qf_json *paths, const struct qf_route *route)
{
    struct qf_json parameters = qf_json_make_array();
    struct qf_json operation = qf_json_make_object();
    const char *path = template_path(arena, &parameters, route->pattern);
    for (const char *at = route->query; *at != '\0'; at += strspn(at, " ")) {
        char *name = qf_arena_text(arena, qf_slice_make(at, strcspn(at, " ")));
        add_parameter(arena, &parameters, name, "query");
        at += strlen(name);
    }
    qf_json_put(arena, &operation, "parameters", parameters);
    qf_json_put(arena, &operation, "responses", make_responses(arena, route));
    put(arena, &operation, "summary", route->summary);
    if (route->accepts != NULL) {
        struct qf_json body = qf_json_make_object();
        struct qf_json any = qf_json_make_object();
        qf_json_put(arena, &body, "content", make_content(arena, route->accepts, any));
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
    struct qf_json schema = qf_json_make_object();
    struct qf_json properties = qf_json_make_object();
    struct qf_json types = qf_json_make_array();
    struct qf_json type = qf_json_make_object();
    struct qf_json integer = qf_json_make_object();
#define ADD_TYPE(sym, num, name, http, title, cure)                                                \
    if ((num) != 0)                                                                                \
        qf_json_append(arena, &types, qf_json_make_text("urn:qifeng:problem:" name));
    QF_STATUS_LIST(ADD_TYPE)
#undef ADD_TYPE
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct qf_json text = qf_json_make_object();
        put(arena, &text, "type", "string");
        qf_json_put(arena, &properties, texts[i], text);
    }
    qf_json_put(arena, &type, "enum", types);
    put(arena, &integer, "type", "integer");
    qf_json_put(arena, &properties, "status", integer);
    qf_json_put(arena, &properties, "type", type);
    qf_json_put(arena, &schema, "properties", properties);
    put(arena, &schema, "type", "object");
    return schema;
}

void qf_api_get_openapi(struct qf_http_exchange *exchange)
{
    struct qf_api *api = qf_api_of(exchange);
    struct qf_arena *arena = &exchange->arena;
    struct qf_json document = qf_json_make_object();
    struct qf_json info = qf_json_make_object();
    struct qf_json paths = qf_json_make_object();
    struct qf_json components = qf_json_make_object();
    struct qf_json schemas;
    struct qf_buf text = {0};
    struct qf_error err = {0};
    size_t count;
    const struct qf_route *routes = qf_api_routes(&count);
    for (size_t i = 0; i < count; i++)
        add_route(arena, &paths, &routes[i]);
    qf_ops_describe_schemas(&text);
    struct qf_slice copy = qf_arena_copy(arena, qf_buf_slice(&text));
    qf_buf_deinit(&text);
    if (qf_json_parse(arena, &schemas, copy, QF_JSON_ANY, &err) != QF_OK) {
        qf_http_reply_problem(exchange, &err);
        return;
    }
    qf_json_put(arena, &schemas, "problem", make_problem(arena));
    qf_json_put(arena, &components, "schemas", schemas);
    put(arena, &info, "title", "Qifeng");
    put(arena, &info, "version", api->options.version);
    qf_json_put(arena, &document, "components", components);
    qf_json_put(arena, &document, "info", info);
    put(arena, &document, "openapi", "3.1.0");
    qf_json_put(arena, &document, "paths", paths);
    qf_http_reply_json(exchange, 200, &document);
}
