/* HTTP at the edge: requests taken apart, responses put together, and libmicrohttpd behind both.
 *
 * A handler runs in one of the server's threads and either fills the response, or takes the
 * exchange away (qf_http_wait) and hands it back later from any thread (qf_http_ready); its
 * `finish` function then fills the response, again in a server thread. A handler that streams sets
 * `stream`.
 *
 * Limits: QF_HTTP_CONNECTIONS_MAX connections, QF_HTTP_BODY_SIZE_MAX bytes of body; the library
 * bounds headers. Memory of a request is its arena's, given back when it ends. */
#ifndef QF_API_HTTP_H
#define QF_API_HTTP_H

#include <sys/types.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/limits.h"
#include "codec/json.h"

struct qf_http_server;
struct qf_http_exchange;

#define QF_HTTP_HEADERS_MAX 12
#define QF_HTTP_SEGMENTS_MAX 8

struct qf_http_header {
    const char *name;
    const char *value; /* in the arena, or static */
};

struct qf_http_response {
    int status;
    const char *type; /* content type; static */
    struct qf_buf body;
    struct qf_http_header headers[QF_HTTP_HEADERS_MAX];
    size_t header_count;
    /* For streams: called when more is wanted; returns bytes written, 0: nothing yet (call
     * qf_http_stream_sleep before, and qf_http_stream_wake when there is), -1: the end. */
    ssize_t (*stream)(void *arg, char *out, size_t size);
    void (*stream_free)(void *arg);
    void *stream_arg;
};

struct qf_http_exchange {
    const char *method;
    const char *path;   /* without query; percent-decoded by the library */
    const char *target; /* path and query as they were sent */
    bool secure;        /* over TLS */
    bool client_known;  /* it showed a certificate, and check_client let it */
    struct qf_slice body;
    struct qf_arena arena;
    struct qf_http_response response;
    const char *segments[QF_HTTP_SEGMENTS_MAX]; /* what the stars of the route matched */
    void *handler_data;
    void (*finish)(struct qf_http_exchange *exchange); /* after qf_http_ready */
    void *context;                                     /* of the server: the API */
    void *connection;                                  /* the library's */
    struct qf_buf body_buf;
    int state;
    char client[64]; /* the other side's address */
};

/* Query parameter or header, NULL when absent. The text is the library's, valid during the request.
 */
const char *qf_http_query(const struct qf_http_exchange *exchange, const char *name);
const char *qf_http_header(const struct qf_http_exchange *exchange, const char *name);
/* Calls `each` for every query parameter, in the order of the request. */
void qf_http_each_query(const struct qf_http_exchange *exchange,
                        void (*each)(void *arg, const char *name, const char *value), void *arg);

void qf_http_set_header(struct qf_http_exchange *exchange, const char *name, const char *value);

/* 200 with a JSON value in canonical form. */
void qf_http_reply_json(struct qf_http_exchange *exchange, int status, const struct qf_json *value);
/* application/problem+json (RFC 9457) from an error: type, title, status, detail, field, cure. */
void qf_http_reply_problem(struct qf_http_exchange *exchange, const struct qf_error *err);
struct qf_json qf_http_problem_json(struct qf_arena *arena, const struct qf_error *err);
void qf_http_reply_bytes(struct qf_http_exchange *exchange, const char *type,
                         struct qf_slice bytes);

/* Only from a handler, which returns right after what starts the work. `finish` is called once
 * after qf_http_ready, also when the client has gone; nobody reads its response then. */
void qf_http_wait(struct qf_http_exchange *exchange,
                  void (*finish)(struct qf_http_exchange *exchange));
void qf_http_ready(struct qf_http_exchange *exchange);
/* Within a stream's function that is about to return 0: it is not called before the wake. */
void qf_http_stream_sleep(void *connection);
/* A stream that sleeps has something. */
void qf_http_stream_wake(void *connection);

/* The words of a list have a space between them; what is NULL there is not. */
struct qf_route {
    const char *method;
    const char *pattern; /* a path in which a star stands for one segment, two for all the rest */
    void (*handle)(struct qf_http_exchange *exchange);
    const char *summary;
    bool open;  /* answers whoever asks, even where reading is for members only */
    bool fresh; /* answers are of their moment: not stored, without ETag (etag.h) */
    /* For the OpenAPI document; schemas and parameters are those of schemas.json. */
    const char *accepts;  /* content types of the body, ", " between them; NULL: it takes none */
    const char *request;  /* schema of the body */
    const char *produces; /* content types of what succeeds, ", " between them */
    const char *answer;   /* its schema; "x[]": a list of x with its cursor */
    const char *segments; /* parameters that the stars match */
    const char *query;    /* parameters */
    const char *headers;  /* request headers with a meaning of its own */
    const char *statuses; /* those of its own; every route may answer some more (openapi.c) */
    const char *refusals; /* statuses, 200s aside, that are answered in the form `answer` too */
};

struct qf_http_options {
    const char *listen; /* HOST:PORT, port 0: any */
    const struct qf_route *routes;
    size_t route_count;
    void *context;
    unsigned threads;            /* 0: one a processor */
    const char *tls_certificate; /* PEM, NULL: plain HTTP */
    const char *tls_key;         /* PEM */
    const char *tls_ca_names;    /* PEM: client certificates are asked for, of these CAs; or NULL */
    /* With tls_ca_names: decides about what a client showed (DER, leaf first; count 0: nothing),
     * once a connection. What it refuses is the answer to every request of it. */
    enum qf_status (*check_client)(void *context, const struct qf_slice *chain, size_t count,
                                   struct qf_error *err);
    /* Whether the request may go to its handler; if not, it has been answered. NULL: it may. */
    bool (*may)(struct qf_http_exchange *exchange, const struct qf_route *route);
    void (*count)(void *context, const struct qf_route *route, int status, int64_t microseconds);
};

QF_MUST_CHECK enum qf_status qf_http_start(struct qf_http_server **out,
                                           const struct qf_http_options *options,
                                           struct qf_error *err);
/* Serves a connected stream socket as if it had been accepted; it is the server's from here on. */
QF_MUST_CHECK enum qf_status qf_http_adopt(struct qf_http_server *server, int socket,
                                           struct qf_error *err);
unsigned qf_http_port(const struct qf_http_server *server);
void qf_http_stop(struct qf_http_server *server);

#endif
