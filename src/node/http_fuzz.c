/* Any bytes as what a client sends on a connection to a whole node: requests of any method, path,
 * query, headers and body, one after the other. The node is real, with a ledger of some evidence,
 * actors and a proposal; nothing but the network is left out.
 *
 * @KID@ and @TX@ in the input become the id of the admin's key and of a transaction. An input that
 * begins with SIGN is JSON: ops that the admin signs and posts, so that what the kernel and its
 * tables do is reached, too.
 *
 * Every connection must end within seconds, no answer may be a failure of the node (500), and an
 * answer that says it is JSON must be. */
#include <errno.h>
#include <ftw.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "codec/text.h"
#include "node/init.h"
#include "node/node.h"

#define WAIT_MS 20000
#define WAIT_INCOMPLETE_MS 50
#define ANSWER_SIZE_MAX ((size_t)16 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
    char dir[64];
    struct qf_node *node;
    struct qf_private_key *admin;
    char kid[QF_KID_SIZE + 1];
    char tx[2 * QF_HASH_SIZE + 1];
} world;

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *at)
{
    (void)info;
    (void)type;
    (void)at;
    return remove(path);
}

static void end(void)
{
    qf_node_stop(world.node);
    qf_private_key_free(world.admin);
    if (nftw(world.dir, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0)
        perror(world.dir);
}

static bool mentions(struct qf_slice text, const char *word)
{
    size_t size = strlen(word);
    for (size_t i = 0; i + size <= text.size; i++)
        if (strncasecmp((const char *)text.data + i, word, size) == 0)
            return true;
    return false;
}

/* Whether the node must answer. The library may not notice at once that a client has gone in the
 * middle of a request; such a connection lasts until its time-out. Before a request it skips empty
 * lines, and takes one that begins with a zero byte for empty. */
static bool is_complete(struct qf_slice request)
{
    return request.size > 4 && request.data[0] > ' ' &&
           memmem(request.data, request.size, "\r\n\r\n", 4) != NULL &&
           !mentions(request, "content-length") && !mentions(request, "transfer-encoding");
}

/* A whole answer of the node to `request`, or what came of it before a stream of events. */
static void exchange(struct qf_buf *answer, struct qf_slice request, bool must_answer)
{
    int ends[2];
    struct qf_error err = {0};
    QF_ASSERT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    if (qf_http_adopt(qf_node_http(world.node), ends[1], &err) != QF_OK) {
        close(ends[0]);
        return;
    }
    size_t sent = 0;
    bool open = true;
    bool complete = must_answer || is_complete(request);
    while (open) {
        bool more = sent < request.size;
        struct pollfd wait = {ends[0], (short)(POLLIN | (more ? POLLOUT : 0)), 0};
        bool due = complete && answer->size == 0;
        if (poll(&wait, 1, due ? WAIT_MS : WAIT_INCOMPLETE_MS) == 0) {
            if (!due)
                break;
            fprintf(stderr, "no end after %zu of %zu bytes:\n%.*s\nanswer so far:\n%.*s\n", sent,
                    request.size, QF_SLICE_ARGS(request), QF_SLICE_ARGS(qf_buf_slice(answer)));
            abort();
        }
        if (more && (wait.revents & POLLOUT) != 0) {
            ssize_t put = send(ends[0], request.data + sent, request.size - sent,
                               MSG_NOSIGNAL | MSG_DONTWAIT);
            sent = put < 0 ? request.size : sent + (size_t)put;
            if (sent == request.size)
                shutdown(ends[0], SHUT_WR);
        } else if (!more && sent == 0) {
            shutdown(ends[0], SHUT_WR);
        }
        if ((wait.revents & (POLLIN | POLLHUP)) != 0) {
            uint8_t part[65536];
            ssize_t got = read(ends[0], part, sizeof part);
            open = got > 0;
            if (got > 0)
                qf_buf_put(answer, part, (size_t)got);
            if (answer->size > 0 &&
                memmem(answer->data, answer->size, "text/event-stream", 17) != NULL)
                open = false;
        }
    }
    close(ends[0]);
}

static const char *header_value(const struct qf_buf *answer, size_t head_size, const char *name)
{
    size_t name_size = strlen(name);
    for (size_t i = 0; i + name_size < head_size; i++)
        if (strncasecmp((const char *)answer->data + i, name, name_size) == 0)
            return (const char *)answer->data + i + name_size;
    return NULL;
}

/* Whether the bytes may be what the node says; only the first answer is looked at, and one to HEAD
 * has no body: what follows is the next answer. */
static void check_answer(struct qf_buf *answer, struct qf_slice request)
{
    if (answer->size == 0)
        return; /* the client had gone before it asked */
    qf_buf_put_byte(answer, 0);
    QF_ASSERT(answer->size > 13 && memcmp(answer->data, "HTTP/1.", 7) == 0);
    long status = strtol((const char *)answer->data + 9, NULL, 10);
    QF_ASSERT(status >= 100 && status < 600 && status != 500 && status != 502);
    const uint8_t *end_of_head = memmem(answer->data, answer->size, "\r\n\r\n", 4);
    if (end_of_head == NULL)
        return;
    size_t head_size = (size_t)(end_of_head - answer->data) + 4;
    const char *type = header_value(answer, head_size, "content-type: application/");
    const char *length = header_value(answer, head_size, "content-length: ");
    size_t body_size = length != NULL ? strtoull(length, NULL, 10) : 0;
    bool json = type != NULL && (strncmp(type, "json", 4) == 0 || strncmp(type, "problem", 7) == 0);
    bool head = request.size >= 4 && memcmp(request.data, "HEAD", 4) == 0;
    if (!json || head || body_size == 0 || head_size + body_size >= answer->size)
        return;
    struct qf_arena arena = {0};
    struct qf_json value;
    QF_ASSERT(qf_json_parse(&arena, &value, qf_slice_make(answer->data + head_size, body_size),
                            QF_JSON_CANONICAL, NULL) == QF_OK);
    QF_ASSERT(value.type == QF_JSON_OBJECT);
    qf_arena_deinit(&arena);
}

/* A POST of ops that the admin signs; false: they are none. */
static bool put_signed(struct qf_buf *request, struct qf_slice text)
{
    struct qf_arena arena = {0};
    struct qf_json ops;
    struct qf_buf jws = {0};
    uint8_t nonce[16];
    struct qf_random random = qf_random_system();
    struct qf_clock clock = qf_clock_system();
    const struct qf_tx_rules rules = {qf_slice_of("fuzz"), QF_SUITE_INTL};
    bool good = qf_json_parse(&arena, &ops, text, QF_JSON_ANY, NULL) == QF_OK &&
                random.fill(random.self, nonce, sizeof nonce) == QF_OK &&
                qf_tx_sign(&jws, world.admin, &rules, clock.now_ms(clock.self) / 1000 + 600, nonce,
                           &ops, NULL) == QF_OK;
    if (good) {
        qf_buf_printf(request,
                      "POST /v1/transactions HTTP/1.1\r\nHost: x\r\nContent-Type: "
                      "application/jose\r\nContent-Length: %zu\r\n\r\n",
                      jws.size);
        qf_buf_put_slice(request, qf_buf_slice(&jws));
    }
    qf_buf_deinit(&jws);
    qf_arena_deinit(&arena);
    return good;
}

static void put_filled_in(struct qf_buf *request, struct qf_slice input)
{
    for (size_t i = 0; i < input.size; i++) {
        const uint8_t *at = input.data + i;
        size_t left = input.size - i;
        if (left >= 5 && memcmp(at, "@KID@", 5) == 0) {
            qf_buf_put_text(request, world.kid);
            i += 4;
        } else if (left >= 4 && memcmp(at, "@TX@", 4) == 0) {
            qf_buf_put_text(request, world.tx);
            i += 3;
        } else {
            qf_buf_put_byte(request, *at);
        }
    }
}

static void do_ops(const char *ops)
{
    struct qf_buf request = {0};
    struct qf_buf answer = {0};
    bool good = put_signed(&request, qf_slice_of(ops));
    QF_ASSERT(good);
    exchange(&answer, qf_buf_slice(&request), true);
    check_answer(&answer, qf_buf_slice(&request));
    const uint8_t *id = memmem(answer.data, answer.size, "\"id\":\"", 6);
    QF_ASSERT(id != NULL && memmem(answer.data, answer.size, "\"accepted\"", 10) != NULL);
    memcpy(world.tx, id + 6, sizeof world.tx - 1);
    qf_buf_deinit(&request);
    qf_buf_deinit(&answer);
}

static void start(void)
{
    const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    struct qf_error err = {0};
    snprintf(world.dir, sizeof world.dir, "%s/qf-fuzz-XXXXXX", base);
    QF_ASSERT(mkdtemp(world.dir) != NULL);
    const struct qf_init_options init = {.dir = world.dir,
                                         .network = "fuzz",
                                         .suite = QF_SUITE_INTL,
                                         .member = "m",
                                         .clock = qf_clock_system()};
    const struct qf_node_options options = {
        .dir = world.dir, .listen = "127.0.0.1:0", .no_rate_limit = true};
    char path[128];
    snprintf(path, sizeof path, "%s/keys/admin.pem", world.dir);
    if (qf_node_init(&init, &err) != QF_OK || qf_node_start(&world.node, &options, &err) != QF_OK ||
        qf_private_key_load(&world.admin, path, (struct qf_slice){0}, &err) != QF_OK) {
        fprintf(stderr, "%s: %s\n", err.field, err.detail);
        abort();
    }
    struct qf_public_key public;
    qf_private_key_public(world.admin, &public);
    qf_public_key_kid(world.kid, &public);
    if (atexit(end) != 0)
        abort();
    static const char hash[] =
        "sha-256:abababababababababababababababababababababababababababababababab";
    char ops[1024];
    for (int i = 0; i < 5; i++) {
        snprintf(ops, sizeof ops,
                 "[{\"op\":\"evidence.record\",\"id\":\"e-%d\",\"hash\":\"%s\",\"source\":\"s\","
                 "\"attributes\":{\"a\":\"b\",\"n\":%d}}]",
                 i, hash, i);
        do_ops(ops);
    }
    do_ops(
        "[{\"op\":\"consortium.propose\",\"proposal\":\"p\",\"action\":{\"do\":\"parameters.set\","
        "\"proposal_ttl_s\":3600}}]");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (world.node == NULL)
        start();
    struct qf_buf request = {0};
    struct qf_buf answer;
    qf_buf_init(&answer, ANSWER_SIZE_MAX);
    bool ops = size > 4 && memcmp(data, "SIGN", 4) == 0;
    if (ops) {
        if (!put_signed(&request, qf_slice_make(data + 4, size - 4)))
            qf_buf_put_text(&request, "GET /v1/health HTTP/1.0\r\n\r\n");
    } else {
        put_filled_in(&request, qf_slice_make(data, size));
    }
    exchange(&answer, qf_buf_slice(&request), ops);
    check_answer(&answer, qf_buf_slice(&request));
    QF_ASSERT(!qf_node_halted(world.node, NULL));
    qf_buf_deinit(&request);
    qf_buf_deinit(&answer);
    return 0;
}
