#include "api/acceptor.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define BACKLOG 1024
#define FAST_OPEN_QUEUE 16
/* Without descriptors or memory accepting would fail again at once. */
#define RETRY_MS 20

struct qf_acceptor {
    int listening;
    int stop; /* eventfd */
    unsigned port;
    bool running;
    pthread_t thread;
    void (*take)(void *arg, int socket, const struct sockaddr *address, socklen_t address_size);
    void *arg;
};

static enum qf_status resolve(struct addrinfo **out, const char *listen, struct qf_error *err)
{
    char host[256];
    const char *colon = strrchr(listen, ':');
    if (colon == NULL || (size_t)(colon - listen) >= sizeof host)
        return qf_fail(err, QF_USAGE, "--listen", "want HOST:PORT, got %s", listen);
    /* The resolver would take a larger one modulo 65,536. */
    char *end = NULL;
    unsigned long port = strtoul(colon + 1, &end, 10);
    if (colon[1] < '0' || colon[1] > '9' || *end != '\0' || port > 65535)
        return qf_fail(err, QF_USAGE, "--listen", "want a port from 0 to 65535, got %s", colon + 1);
    snprintf(host, sizeof host, "%.*s", (int)(colon - listen), listen);
    const char *name = host;
    if (host[0] == '[' && host[strlen(host) - 1] == ']') {
        host[strlen(host) - 1] = '\0';
        name = host + 1;
    }
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    int code = getaddrinfo(name, colon + 1, &hints, out);
    if (code != 0)
        return qf_fail(err, QF_USAGE, "--listen", "%s: %s", listen, gai_strerror(code));
    return QF_OK;
}

static bool open_socket(struct qf_acceptor *acceptor, const struct addrinfo *at)
{
    const int one = 1;
    const int queue = FAST_OPEN_QUEUE;
    struct sockaddr_storage bound = {0};
    socklen_t bound_size = sizeof bound;
    acceptor->listening =
        socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
    if (acceptor->listening < 0)
        return false;
    /* What cannot be set is no reason to stay away. */
    (void)setsockopt(acceptor->listening, IPPROTO_TCP, TCP_FASTOPEN, &queue, sizeof queue);
    if (setsockopt(acceptor->listening, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
        bind(acceptor->listening, at->ai_addr, at->ai_addrlen) != 0 ||
        listen(acceptor->listening, BACKLOG) != 0 ||
        getsockname(acceptor->listening, (struct sockaddr *)&bound, &bound_size) != 0)
        return false;
    char port[8] = "";
    if (getnameinfo((const struct sockaddr *)&bound, bound_size, NULL, 0, port, sizeof port,
                    NI_NUMERICSERV) != 0)
        return false;
    acceptor->port = (unsigned)strtoul(port, NULL, 10);
    return true;
}

enum qf_status qf_acceptor_new(struct qf_acceptor **out, const char *listen, struct qf_error *err)
{
    struct addrinfo *found = NULL;
    struct qf_acceptor *acceptor = calloc(1, sizeof *acceptor);
    if (acceptor == NULL)
        return qf_fail(err, QF_NO_MEMORY, "", "no memory");
    acceptor->listening = -1;
    acceptor->stop = eventfd(0, EFD_CLOEXEC);
    enum qf_status status = resolve(&found, listen, err);
    bool open = found != NULL && acceptor->stop >= 0 && open_socket(acceptor, found);
    int reason = errno;
    if (status == QF_OK && !open)
        status = qf_fail(err, QF_IO, "--listen", "cannot listen on %s: %s%s", listen,
                         strerrordesc_np(reason),
                         reason == EADDRINUSE ? " by another program; want another port" : "");
    if (found != NULL)
        freeaddrinfo(found);
    if (status != QF_OK) {
        qf_acceptor_stop(acceptor);
        return status;
    }
    *out = acceptor;
    return QF_OK;
}

unsigned qf_acceptor_port(const struct qf_acceptor *acceptor)
{
    return acceptor->port;
}

/* Everybody who waits. */
static void accept_all(const struct qf_acceptor *acceptor)
{
    for (;;) {
        struct sockaddr_storage address;
        socklen_t size = sizeof address;
        int fd = accept4(acceptor->listening, (struct sockaddr *)&address, &size,
                         SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) {
            acceptor->take(acceptor->arg, fd, (const struct sockaddr *)&address, size);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            nanosleep(&(struct timespec){.tv_nsec = RETRY_MS * 1000000L}, NULL);
        else if (errno == EINTR || errno == ECONNABORTED)
            continue;
        return;
    }
}

static void *run(void *arg)
{
    struct qf_acceptor *acceptor = arg;
    struct pollfd waits[2] = {{.fd = acceptor->listening, .events = POLLIN},
                              {.fd = acceptor->stop, .events = POLLIN}};
    for (;;) {
        if (poll(waits, 2, -1) < 0 && errno != EINTR)
            return NULL;
        if (waits[1].revents != 0)
            return NULL;
        if (waits[0].revents != 0)
            accept_all(acceptor);
    }
}

enum qf_status qf_acceptor_start(struct qf_acceptor *acceptor,
                                 void (*take)(void *arg, int socket, const struct sockaddr *address,
                                              socklen_t address_size),
                                 void *arg, struct qf_error *err)
{
    acceptor->take = take;
    acceptor->arg = arg;
    if (pthread_create(&acceptor->thread, NULL, run, acceptor) != 0)
        return qf_fail(err, QF_NO_MEMORY, "", "no thread for connections");
    acceptor->running = true;
    return QF_OK;
}

void qf_acceptor_stop(struct qf_acceptor *acceptor)
{
    if (acceptor == NULL)
        return;
    if (acceptor->running) {
        ssize_t woken = write(acceptor->stop, &(uint64_t){1}, sizeof(uint64_t));
        QF_ASSERT(woken == (ssize_t)sizeof(uint64_t));
        pthread_join(acceptor->thread, NULL);
    }
    if (acceptor->listening >= 0)
        close(acceptor->listening);
    if (acceptor->stop >= 0)
        close(acceptor->stop);
    free(acceptor);
}
