#include "load.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWER_SIZE_MAX (1u << 20)

struct connection {
    int fd;
    bool busy;
    const struct qf_slice *request;
    size_t sent;
    uint64_t due_ns;
    char *answer;
    size_t got, want; /* want: whole answer's size, 0 while unknown */
};

struct load {
    const struct load_options *options;
    struct load_result *out;
    struct connection *connections;
    int epoll;
    size_t next, finished;
    uint64_t started_ns;
};

static int fail(struct load *load, const char *what)
{
    snprintf(load->out->first_failure, sizeof load->out->first_failure, "%s: %s", what,
             strerror(errno)); /* NOLINT(concurrency-mt-unsafe) */
    return -1;
}

static int connect_one(struct load *load, struct connection *c)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)load->options->port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    c->answer = malloc(ANSWER_SIZE_MAX);
    if (c->fd < 0 || c->answer == NULL ||
        connect(c->fd, (struct sockaddr *)&address, sizeof address) != 0)
        return fail(load, "connect");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    return epoll_ctl(load->epoll, EPOLL_CTL_ADD, c->fd, &event) == 0 ? 0 : fail(load, "epoll");
}

/* Sends the whole request; the socket blocks, which loopback buffers make rare. */
static int send_request(struct load *load, struct connection *c)
{
    c->request = &load->options->requests[load->next];
    c->due_ns = bench_now_ns();
    if (load->options->rate > 0)
        c->due_ns = load->started_ns + (uint64_t)((double)load->next * 1e9 / load->options->rate);
    load->next++;
    c->busy = true;
    c->got = c->want = 0;
    for (c->sent = 0; c->sent < c->request->size;) {
        ssize_t n =
            send(c->fd, c->request->data + c->sent, c->request->size - c->sent, MSG_NOSIGNAL);
        if (n < 0)
            return fail(load, "send");
        c->sent += (size_t)n;
    }
    return 0;
}

static uint64_t count_text(const char *text, size_t size, const char *what)
{
    uint64_t count = 0;
    size_t length = strlen(what);
    const char *end = text + size;
    while ((text = memmem(text, (size_t)(end - text), what, length)) != NULL) {
        count++;
        text += length;
    }
    return count;
}

static void finish(struct load *load, struct connection *c)
{
    struct load_result *out = load->out;
    bench_histogram_add(&out->latency, bench_now_ns() - c->due_ns);
    c->answer[c->got] = '\0';
    if (strncmp(c->answer, "HTTP/1.1 200", 12) == 0) {
        out->answered++;
        out->accepted += count_text(c->answer, c->got, "\"status\":\"accepted\"");
    } else {
        if (out->failed++ == 0)
            snprintf(out->first_failure, sizeof out->first_failure, "%.250s", c->answer);
    }
    c->busy = false;
    load->finished++;
}

/* Reads what there is; 1 when the answer is whole. */
static int read_answer(struct load *load, struct connection *c)
{
    ssize_t n = recv(c->fd, c->answer + c->got, ANSWER_SIZE_MAX - 1 - c->got, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (n <= 0)
        return fail(load, "the server hung up");
    c->got += (size_t)n;
    if (c->want == 0) {
        char *end = memmem(c->answer, c->got, "\r\n\r\n", 4);
        if (end == NULL)
            return 0;
        c->answer[c->got] = '\0';
        const char *length = strcasestr(c->answer, "content-length:");
        if (length == NULL || length > end)
            return fail(load, "an answer without Content-Length");
        c->want = (size_t)(end - c->answer) + 4 + strtoul(length + 15, NULL, 10);
        if (c->want >= ANSWER_SIZE_MAX)
            return fail(load, "an answer too large");
    }
    return c->got >= c->want;
}

/* In open loop: whether the next request is due. */
static bool due(const struct load *load)
{
    if (load->next >= load->options->request_count)
        return false;
    if (load->options->rate <= 0)
        return true;
    double passed = (double)(bench_now_ns() - load->started_ns) / 1e9;
    return passed * load->options->rate >= (double)load->next;
}

static int fill(struct load *load)
{
    for (unsigned i = 0; i < load->options->connections && due(load); i++)
        if (!load->connections[i].busy && send_request(load, &load->connections[i]) != 0)
            return -1;
    return 0;
}

static int run(struct load *load)
{
    struct epoll_event events[256];
    load->started_ns = bench_now_ns();
    while (load->finished < load->options->request_count) {
        if (fill(load) != 0)
            return -1;
        int wait_ms = load->options->rate > 0 ? 1 : 10000;
        int count = epoll_wait(load->epoll, events, 256, wait_ms);
        if (count == 0 && load->options->rate <= 0) {
            errno = ETIMEDOUT;
            return fail(load, "no answer for ten seconds");
        }
        for (int i = 0; i < count; i++) {
            struct connection *c = events[i].data.ptr;
            int whole = read_answer(load, c);
            if (whole < 0)
                return -1;
            if (whole == 0)
                continue;
            finish(load, c);
            if (due(load) && send_request(load, c) != 0)
                return -1;
        }
    }
    load->out->seconds = (double)(bench_now_ns() - load->started_ns) / 1e9;
    return 0;
}

int load_run(const struct load_options *options, struct load_result *out)
{
    *out = (struct load_result){0};
    struct load load = {.options = options, .out = out, .epoll = epoll_create1(EPOLL_CLOEXEC)};
    load.connections = calloc(options->connections, sizeof *load.connections);
    int result = load.connections == NULL || load.epoll < 0 ? fail(&load, "memory") : 0;
    for (unsigned i = 0; i < options->connections && result == 0; i++)
        result = connect_one(&load, &load.connections[i]);
    if (result == 0)
        result = run(&load);
    for (unsigned i = 0; load.connections != NULL && i < options->connections; i++) {
        if (load.connections[i].fd > 0)
            close(load.connections[i].fd);
        free(load.connections[i].answer);
    }
    free(load.connections);
    if (load.epoll >= 0)
        close(load.epoll);
    return result;
}
