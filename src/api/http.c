#include "api/http.h"

#include <gnutls/gnutls.h>
#include <microhttpd.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "api/acceptor.h"
#include "api/etag.h"
#include "codec/utf8.h"

/* A body over the limit is read to its end, and thrown away, up to this: most clients look for an
 * answer only when they have sent all. What announces more is cut off at once. */
#define BODY_DRAINED_MAX ((size_t)4 * QF_HTTP_BODY_SIZE_MAX)

enum exchange_state {
    BEGUN,    /* the first line is there */
    READING,  /* headers are there, the body is coming */
    CROWDED,  /* there is no room for the body now: it is thrown away */
    WAITING,  /* a handler took it away */
    ANSWERED, /* the response is queued */
    REFUSED,  /* the body is too large: the rest is thrown away */
};

struct qf_http_server {
    struct MHD_Daemon *daemon;
    struct qf_http_options options;
    struct qf_acceptor *acceptor;
    atomic_size_t bodies; /* bytes of bodies that are held, beyond their beginnings */
};

struct exchange { /* what the library carries for us */
    struct qf_http_exchange public;
    struct qf_http_server *server;
    const struct qf_route *route;
    struct timespec started;
    size_t held; /* of the server's `bodies` */
};

const char *qf_http_query(const struct qf_http_exchange *exchange, const char *name)
{
    return MHD_lookup_connection_value(exchange->connection, MHD_GET_ARGUMENT_KIND, name);
}

const char *qf_http_header(const struct qf_http_exchange *exchange, const char *name)
{
    return MHD_lookup_connection_value(exchange->connection, MHD_HEADER_KIND, name);
}

struct each_query {
    void (*each)(void *arg, const char *name, const char *value);
    void *arg;
};

static enum MHD_Result visit_query(void *arg, enum MHD_ValueKind kind, const char *name,
                                   const char *value)
{
    (void)kind;
    const struct each_query *visit = arg;
    visit->each(visit->arg, name, value != NULL ? value : "");
    return MHD_YES;
}

void qf_http_each_query(const struct qf_http_exchange *exchange,
                        void (*each)(void *arg, const char *name, const char *value), void *arg)
{
    struct each_query visit = {each, arg};
    MHD_get_connection_values(exchange->connection, MHD_GET_ARGUMENT_KIND, visit_query, &visit);
}

void qf_http_set_header(struct qf_http_exchange *exchange, const char *name, const char *value)
{
    struct qf_http_response *response = &exchange->response;
    QF_ASSERT(response->header_count < QF_HTTP_HEADERS_MAX);
    response->headers[response->header_count++] = (struct qf_http_header){name, value};
}

void qf_http_reply_json(struct qf_http_exchange *exchange, int status, const struct qf_json *value)
{
    struct qf_http_response *response = &exchange->response;
    response->status = status;
    response->type = "application/json";
    qf_buf_reset(&response->body);
    qf_json_write(&response->body, value);
}

struct qf_json qf_http_problem_json(struct qf_arena *arena, const struct qf_error *err)
{
    struct qf_json problem = qf_json_make_object();
    qf_json_put(arena, &problem, "cure", qf_json_make_text(qf_status_cure(err->status)));
    if (err->detail[0] != '\0')
        qf_json_put(arena, &problem, "detail",
                    qf_json_make_text(qf_arena_text(arena, qf_slice_of(err->detail))));
    if (err->field[0] != '\0')
        qf_json_put(arena, &problem, "field",
                    qf_json_make_text(qf_arena_text(arena, qf_slice_of(err->field))));
    qf_json_put(arena, &problem, "status", qf_json_make_int(qf_status_http(err->status)));
    qf_json_put(arena, &problem, "title", qf_json_make_text(qf_status_title(err->status)));
    qf_json_put(arena, &problem, "type",
                qf_json_make_text(
                    qf_arena_printf(arena, "urn:qifeng:problem:%s", qf_status_name(err->status))));
    return problem;
}

void qf_http_reply_problem(struct qf_http_exchange *exchange, const struct qf_error *err)
{
    struct qf_json problem = qf_http_problem_json(&exchange->arena, err);
    qf_http_reply_json(exchange, qf_status_http(err->status), &problem);
    exchange->response.type = "application/problem+json";
    if (exchange->response.status == 503 || exchange->response.status == 429)
        qf_http_set_header(exchange, "Retry-After", "1");
}

void qf_http_reply_bytes(struct qf_http_exchange *exchange, const char *type, struct qf_slice bytes)
{
    exchange->response.status = 200;
    exchange->response.type = type;
    qf_buf_reset(&exchange->response.body);
    qf_buf_put_slice(&exchange->response.body, bytes);
}

void qf_http_wait(struct qf_http_exchange *exchange,
                  void (*finish)(struct qf_http_exchange *exchange))
{
    exchange->finish = finish;
    exchange->state = WAITING;
    MHD_suspend_connection(exchange->connection);
}

void qf_http_ready(struct qf_http_exchange *exchange)
{
    MHD_resume_connection(exchange->connection);
}

void qf_http_stream_sleep(void *connection)
{
    MHD_suspend_connection(connection);
}

void qf_http_stream_wake(void *connection)
{
    MHD_resume_connection(connection);
}

struct stream {
    struct qf_http_response response;
    void *connection;
};

static ssize_t read_stream(void *arg, uint64_t position, char *out, size_t size)
{
    (void)position;
    struct stream *stream = arg;
    ssize_t got = stream->response.stream(stream->response.stream_arg, out, size);
    if (got < 0)
        return MHD_CONTENT_READER_END_OF_STREAM;
    return got;
}

static void free_stream(void *arg)
{
    struct stream *stream = arg;
    stream->response.stream_free(stream->response.stream_arg);
    free(stream);
}

static struct MHD_Response *make_response(struct qf_http_exchange *exchange)
{
    struct qf_http_response *response = &exchange->response;
    if (response->stream != NULL) {
        struct stream *stream = malloc(sizeof *stream);
        QF_ASSERT(stream != NULL);
        *stream = (struct stream){*response, exchange->connection};
        return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 8192, read_stream, stream,
                                                 free_stream);
    }
    struct MHD_Response *made = MHD_create_response_from_buffer(
        response->body.size, response->body.data, MHD_RESPMEM_MUST_FREE);
    if (made != NULL)
        response->body = (struct qf_buf){0}; /* now the library's */
    return made;
}

static enum MHD_Result answer(struct exchange *exchange)
{
    struct qf_http_exchange *public = &exchange->public;
    if (qf_buf_status(&public->response.body) != QF_OK)
        return MHD_NO;
    qf_http_tag(public);
    struct MHD_Response *response = make_response(public);
    if (response == NULL)
        return MHD_NO;
    if (public->response.status != MHD_HTTP_NOT_MODIFIED)
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, public->response.type);
    for (size_t i = 0; i < public->response.header_count; i++)
        MHD_add_response_header(response, public->response.headers[i].name,
                                public->response.headers[i].value);
    enum MHD_Result result =
        MHD_queue_response(public->connection, (unsigned)public->response.status, response);
    MHD_destroy_response(response);
    public->state = ANSWERED;
    return result;
}

/* Whether a pattern matches; `*` and `**` parts are copied to segments. */
static bool match(struct qf_http_exchange *exchange, const char *pattern)
{
    const char *path = exchange->path;
    size_t segments = 0;
    while (*pattern != '\0') {
        if (*pattern != '*') {
            if (*pattern++ != *path++)
                return false;
            continue;
        }
        bool rest = pattern[1] == '*';
        size_t size = rest ? strlen(path) : strcspn(path, "/");
        if (size == 0 || segments == QF_HTTP_SEGMENTS_MAX)
            return false;
        exchange->segments[segments++] = qf_arena_text(&exchange->arena, qf_slice_make(path, size));
        path += size;
        pattern += rest ? 2 : 1;
    }
    return *path == '\0';
}

/* What was found out about a connection's client: members are suspended, and certificates end,
 * while connections last. */
struct client {
    bool checked;
    time_t checked_s;        /* monotonic */
    bool shown;              /* a certificate */
    struct qf_error refusal; /* status QF_OK: may go on */
};

static void connected(void *arg, struct MHD_Connection *connection, void **context,
                      enum MHD_ConnectionNotificationCode code)
{
    (void)connection;
    const struct qf_http_server *server = arg;
    if (server->options.check_client == NULL)
        return;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        *context = calloc(1, sizeof(struct client));
    } else {
        free(*context);
        *context = NULL;
    }
}

static time_t monotonic_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

static void check_client(const struct qf_http_server *server, struct MHD_Connection *connection,
                         struct client *client)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    const gnutls_datum_t *shown = NULL;
    unsigned count = 0;
    struct qf_slice chain[QF_CERT_CHAIN_MAX + 1];
    if (info != NULL && info->tls_session != NULL)
        shown = gnutls_certificate_get_peers(info->tls_session, &count);
    if (shown == NULL)
        count = 0;
    if (count > QF_CERT_CHAIN_MAX + 1)
        count = QF_CERT_CHAIN_MAX + 1; /* which is refused */
    for (unsigned i = 0; i < count; i++)
        chain[i] = qf_slice_make(shown[i].data, shown[i].size);
    enum qf_status status =
        server->options.check_client(server->options.context, chain, count, &client->refusal);
    client->refusal.status = status;
    client->shown = count > 0;
    client->checked = true;
    client->checked_s = monotonic_s();
}

static bool client_may(struct exchange *exchange)
{
    if (exchange->server->options.check_client == NULL)
        return true;
    struct MHD_Connection *connection = exchange->public.connection;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct client *client = info != NULL ? info->socket_context : NULL;
    struct client none = {0};
    if (client == NULL)
        client = &none;
    if (!client->checked || monotonic_s() - client->checked_s > QF_HTTP_CLIENT_TIME_S_MAX)
        check_client(exchange->server, connection, client);
    exchange->public.client_known = client->shown;
    if (client->refusal.status == QF_OK)
        return true;
    qf_http_reply_problem(&exchange->public, &client->refusal);
    return false;
}

/* What the path does take (RFC 9110 15.5.6 wants it beside a 405). */
static void put_allow(struct qf_http_exchange *exchange, const struct qf_http_options *options)
{
    struct qf_buf allow = {0};
    for (size_t i = 0; i < options->route_count; i++) {
        if (!match(exchange, options->routes[i].pattern))
            continue;
        const char *method = options->routes[i].method;
        if (allow.size > 0)
            qf_buf_put_text(&allow, ", ");
        qf_buf_put_text(&allow, strcmp(method, "GET") == 0 ? "GET, HEAD" : method);
    }
    qf_http_set_header(exchange, "Allow", qf_arena_text(&exchange->arena, qf_buf_slice(&allow)));
    qf_buf_deinit(&allow);
}

static bool is_utf8(const char *text)
{
    const uint8_t *at = (const uint8_t *)text;
    const uint8_t *end = at + strlen(text);
    while (at < end) {
        size_t size = qf_utf8_size(at, end);
        if (size == 0)
            return false;
        at += size;
    }
    return true;
}

static void check_query(void *arg, const char *name, const char *value)
{
    bool *good = arg;
    *good = *good && is_utf8(name) && is_utf8(value);
}

/* Whether method, path and query are text: they come back in answers, which are JSON. */
static bool address_is_text(const struct qf_http_exchange *exchange)
{
    bool good = is_utf8(exchange->method) && is_utf8(exchange->path);
    qf_http_each_query(exchange, check_query, &good);
    return good;
}

static void dispatch(struct exchange *exchange)
{
    struct qf_http_exchange *public = &exchange->public;
    const struct qf_http_options *options = &exchange->server->options;
    struct qf_error err = {0};
    const char *method = strcmp(public->method, "HEAD") == 0 ? "GET" : public->method;
    bool path_known = false;
    if (!client_may(exchange))
        return;
    if (!address_is_text(public)) {
        enum qf_status bad = qf_fail(&err, QF_MALFORMED, "path", "the address is not UTF-8");
        (void)bad;
        qf_http_reply_problem(public, &err);
        return;
    }
    for (size_t i = 0; i < options->route_count; i++) {
        const struct qf_route *route = &options->routes[i];
        if (!match(public, route->pattern))
            continue;
        path_known = true;
        if (strcmp(route->method, method) != 0)
            continue;
        exchange->route = route;
        if (options->may == NULL || options->may(public, route))
            route->handle(public);
        return;
    }
    enum qf_status status =
        path_known ? qf_fail(&err, QF_METHOD, "method", "%s is not possible here", public->method)
                   : qf_fail(&err, QF_NO_SUCH_RESOURCE, "path", "no such address");
    qf_http_reply_problem(public, &err);
    if (status == QF_METHOD)
        put_allow(public, options);
}

/* The first line has come; the exchange lasts until `completed`, whatever becomes of the rest. */
static void *begin(void *arg, const char *uri, struct MHD_Connection *connection)
{
    struct qf_http_server *server = arg;
    struct exchange *exchange = calloc(1, sizeof *exchange);
    if (exchange == NULL)
        return NULL;
    exchange->server = server;
    exchange->public.state = BEGUN;
    exchange->public.target = qf_arena_text(&exchange->public.arena, qf_slice_of(uri));
    exchange->public.secure = server->options.tls_certificate != NULL;
    exchange->public.context = server->options.context;
    exchange->public.connection = connection;
    exchange->public.body_buf.limit = QF_HTTP_BODY_SIZE_MAX;
    clock_gettime(CLOCK_MONOTONIC, &exchange->started);
    return exchange;
}

/* The handler has its turn again, once: it gives back what it kept. */
static void come_back(struct qf_http_exchange *exchange)
{
    exchange->state = ANSWERED;
    exchange->finish(exchange);
}

static enum MHD_Result refuse_body(struct exchange *exchange)
{
    struct qf_error err;
    enum qf_status status =
        qf_fail(&err, QF_BODY_TOO_LARGE, "body", "the body is over the limit of %d bytes",
                QF_HTTP_BODY_SIZE_MAX);
    (void)status;
    qf_http_reply_problem(&exchange->public, &err);
    return answer(exchange);
}

/* Connections are many and bodies may be large: all of them together have a bound, too. */
static bool find_room(struct exchange *exchange, size_t more)
{
    const size_t size = exchange->public.body_buf.size + more;
    const size_t wanted = size > QF_HTTP_BODY_BEGINNING_SIZE && size <= QF_HTTP_BODY_SIZE_MAX
                              ? size - QF_HTTP_BODY_BEGINNING_SIZE
                              : 0;
    if (wanted <= exchange->held)
        return true;
    const size_t extra = wanted - exchange->held;
    exchange->held = wanted;
    return atomic_fetch_add(&exchange->server->bodies, extra) + extra <= QF_HTTP_BODIES_SIZE_MAX;
}

static void give_room(struct exchange *exchange)
{
    atomic_fetch_sub(&exchange->server->bodies, exchange->held);
    exchange->held = 0;
}

static bool is_late(const struct exchange *exchange)
{
    return monotonic_s() - exchange->started.tv_sec > QF_HTTP_BODY_TIME_S_MAX;
}

/* Takes a piece of the body. MHD_NO cuts the connection. */
static enum MHD_Result take_piece(struct exchange *exchange, const char *piece, size_t size)
{
    struct qf_http_exchange *public = &exchange->public;
    if (is_late(exchange))
        return MHD_NO;
    if (public->state == READING && !find_room(exchange, size)) {
        public->state = CROWDED;
        qf_buf_deinit(&public->body_buf);
        give_room(exchange);
    }
    if (public->state == READING)
        qf_buf_put(&public->body_buf, piece, size);
    return MHD_YES;
}

static enum MHD_Result refuse_crowded(struct exchange *exchange)
{
    struct qf_error err;
    (void)qf_fail(&err, QF_UNAVAILABLE, "body",
                  "too much is being sent at once; try again, or send less at a time");
    exchange->public.state = REFUSED;
    qf_http_reply_problem(&exchange->public, &err);
    return answer(exchange);
}

static enum MHD_Result handle(void *arg, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_size, void **con_cls)
{
    (void)version;
    (void)arg;
    (void)connection;
    struct exchange *exchange = *con_cls;
    if (exchange == NULL)
        return MHD_NO;
    if (exchange->public.state == BEGUN) {
        exchange->public.state = READING;
        exchange->public.method = method;
        exchange->public.path = url;
        const char *length = qf_http_header(&exchange->public, MHD_HTTP_HEADER_CONTENT_LENGTH);
        if (length != NULL && strtoull(length, NULL, 10) > BODY_DRAINED_MAX) {
            exchange->public.state = REFUSED;
            return refuse_body(exchange);
        }
        return MHD_YES;
    }
    struct qf_http_exchange *public = &exchange->public;
    if (*upload_size > 0) {
        size_t size = *upload_size;
        *upload_size = 0;
        return take_piece(exchange, upload, size);
    }
    if (public->state == CROWDED)
        return refuse_crowded(exchange);
    if (public->state == WAITING) {
        come_back(public);
        return answer(exchange);
    }
    if (public->state != READING)
        return MHD_YES;
    if (qf_buf_status(&public->body_buf) != QF_OK) {
        public->state = REFUSED;
        return refuse_body(exchange);
    }
    public->body = qf_buf_slice(&public->body_buf);
    dispatch(exchange);
    return public->state == WAITING ? MHD_YES : answer(exchange);
}

static void completed(void *arg, struct MHD_Connection *connection, void **con_cls,
                      enum MHD_RequestTerminationCode code)
{
    (void)connection;
    (void)code;
    struct qf_http_server *server = arg;
    struct exchange *exchange = *con_cls;
    if (exchange == NULL)
        return;
    if (exchange->public.state == WAITING) /* ready, but the client has gone in the meantime */
        come_back(&exchange->public);
    if (server->options.count != NULL && exchange->public.state != BEGUN) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        int64_t took = (now.tv_sec - exchange->started.tv_sec) * 1000000LL +
                       (now.tv_nsec - exchange->started.tv_nsec) / 1000;
        server->options.count(server->options.context, exchange->route,
                              exchange->public.response.status, took);
    }
    give_room(exchange);
    qf_buf_deinit(&exchange->public.response.body);
    qf_buf_deinit(&exchange->public.body_buf);
    qf_arena_deinit(&exchange->public.arena);
    free(exchange);
    *con_cls = NULL;
}

static void take_connection(void *arg, int socket, const struct sockaddr *address,
                            socklen_t address_size)
{
    struct qf_http_server *server = arg;
    /* The library spreads connections over its threads, and closes one that it cannot take. */
    (void)MHD_add_connection(server->daemon, socket, address, address_size);
}

enum qf_status qf_http_start(struct qf_http_server **out, const struct qf_http_options *options,
                             struct qf_error *err)
{
    struct qf_http_server *server = calloc(1, sizeof *server);
    if (server == NULL)
        return qf_fail(err, QF_NO_MEMORY, "", "no memory");
    enum qf_status status = qf_acceptor_new(&server->acceptor, options->listen, err);
    if (status != QF_OK) {
        qf_http_stop(server);
        return status;
    }
    server->options = *options;
    unsigned threads = options->threads;
    if (threads == 0) {
        long processors = sysconf(_SC_NPROCESSORS_ONLN);
        threads = processors > 1 ? (unsigned)processors : 2;
    }
    unsigned flags =
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_NO_LISTEN_SOCKET;
    struct MHD_OptionItem items[4];
    size_t count = 0;
    if (options->tls_certificate != NULL) {
        flags |= MHD_USE_TLS;
        items[count++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_CERT, 0,
                                                 (void *)(uintptr_t)options->tls_certificate};
        items[count++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_KEY, 0,
                                                 (void *)(uintptr_t)options->tls_key};
        if (options->tls_ca_names != NULL)
            items[count++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_TRUST, 0,
                                                     (void *)(uintptr_t)options->tls_ca_names};
    }
    items[count] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
    server->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, handle, server, MHD_OPTION_THREAD_POOL_SIZE, threads,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)QF_HTTP_CONNECTIONS_MAX,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)16384, MHD_OPTION_CONNECTION_TIMEOUT, 120U,
        MHD_OPTION_NOTIFY_COMPLETED, completed, server, MHD_OPTION_NOTIFY_CONNECTION, connected,
        server, MHD_OPTION_URI_LOG_CALLBACK, begin, server, MHD_OPTION_ARRAY, items,
        MHD_OPTION_END);
    status = server->daemon != NULL
                 ? qf_acceptor_start(server->acceptor, take_connection, server, err)
                 : qf_fail(err, QF_IO, "--listen",
                           "the server for %s did not start; is the "
                           "certificate good?",
                           options->listen);
    if (status != QF_OK) {
        qf_http_stop(server);
        return status;
    }
    *out = server;
    return QF_OK;
}

enum qf_status qf_http_adopt(struct qf_http_server *server, int socket, struct qf_error *err)
{
    const struct sockaddr address = {.sa_family = AF_UNIX};
    if (MHD_add_connection(server->daemon, socket, &address, sizeof address) == MHD_YES)
        return QF_OK; /* else the library has closed it */
    return qf_fail(err, QF_UNAVAILABLE, "connection", "the server takes no more connections");
}

unsigned qf_http_port(const struct qf_http_server *server)
{
    return qf_acceptor_port(server->acceptor);
}

void qf_http_stop(struct qf_http_server *server)
{
    if (server == NULL)
        return;
    qf_acceptor_stop(server->acceptor);
    if (server->daemon != NULL)
        MHD_stop_daemon(server->daemon);
    free(server);
}
