/* Listens, and hands connections on, from a thread of its own.
 *
 * The server's threads do not wait for the listening socket themselves: the kernel wakes the same
 * one for a burst of connections, and a busy client's would all be served by one thread. */
#ifndef QF_API_ACCEPTOR_H
#define QF_API_ACCEPTOR_H

#include <sys/socket.h>

#include "base/status.h"

struct qf_acceptor;

/* Listens on HOST:PORT, port 0: any. Nobody is accepted yet. QF_USAGE when the address is none,
 * QF_IO when it cannot be had; both name `--listen`. */
QF_MUST_CHECK enum qf_status qf_acceptor_new(struct qf_acceptor **out, const char *listen,
                                             struct qf_error *err);
unsigned qf_acceptor_port(const struct qf_acceptor *acceptor);

/* From now on `take` gets every connection, and owns the socket (not blocking). */
QF_MUST_CHECK enum qf_status qf_acceptor_start(struct qf_acceptor *acceptor,
                                               void (*take)(void *arg, int socket,
                                                            const struct sockaddr *address,
                                                            socklen_t address_size),
                                               void *arg, struct qf_error *err);

/* Ends the thread, closes, frees; takes NULL. */
void qf_acceptor_stop(struct qf_acceptor *acceptor);

#endif
