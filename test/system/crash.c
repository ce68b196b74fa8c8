/* Kills the real program with SIGKILL at random moments while clients send signed transactions, and
 * looks after each start what is there:
 *   - every transaction that was acknowledged stands at its leaf, with its result, to the byte;
 *   - the log is an extension of what was seen before: its root over all entries read back is that
 *     of the checkpoint, and at the size of every checkpoint seen earlier it is that one's;
 *   - what was under way is there whole or not at all: sent again, it is either recorded now, or
 *     the answer names the leaf at which it stands already, never a second one.
 * Some starts are killed before they are through. At the end, and now and then as a kill left it,
 * the directory passes `qifeng audit`.
 *
 * Usage: crash PROGRAM KILLS SECONDS_MAX [SEED] */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/ledger/ledger.h"
#include "network.h"
#include "report.h"

#define CLIENTS 6
#define ROUND_TXS 2400
#define LINES 12
#define ANSWER_SIZE_MAX (1u << 23)
#define UNDER_WAY_MAX (CLIENTS * 2)
#define AUDIT_EVERY 8 /* kills */

struct acknowledged {
    struct qf_slice jws;
    struct qf_entry entry; /* as the answer has it */
    uint64_t leaf;
};

struct crash {
    const char *program;
    struct network network;
    uint64_t seed, random;

    /* This round. */
    struct requests singles, lines;
    atomic_size_t next_single, next_lines;
    pthread_mutex_t lock;
    struct acknowledged *acknowledged;
    size_t acknowledged_count;
    struct qf_buf *under_way; /* requests sent and not answered, kept over the kill */
    size_t under_way_count;

    /* The log as seen so far. */
    struct qf_log_tree tree;
    uint8_t (*hashes)[QF_HASH_SIZE];
    size_t hash_capacity;
    struct qf_checkpoint seen; /* the newest checkpoint before the kill */

    uint64_t kills, starts_killed, total, resent, repeated;
};

static _Noreturn void stop(const struct crash *crash, const char *what, uint64_t number)
{
    fprintf(stderr, "crash: seed %llu, after %llu kills: %s (%llu); %s is left as it is\n",
            (unsigned long long)crash->seed, (unsigned long long)crash->kills, what,
            (unsigned long long)number, crash->network.dir);
    if (crash->network.pid > 0)
        kill(crash->network.pid, SIGKILL);
    exit(1);
}

static uint64_t pick(struct crash *crash, uint64_t below)
{
    uint64_t z = crash->random += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (z ^ (z >> 31)) % below;
}

/* ---- HTTP, as little as it takes ---- */

static int connect_to(unsigned port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        close(fd);
        return -1;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

/* Sends a request and reads the whole answer into `answer`; the status, or -1 when the other side
 * is gone. *body points into `answer`. */
static int exchange(int fd, struct qf_slice request, char *answer, struct qf_slice *body)
{
    for (size_t sent = 0; sent < request.size;) {
        ssize_t n = send(fd, request.data + sent, request.size - sent, MSG_NOSIGNAL);
        if (n <= 0)
            return -1;
        sent += (size_t)n;
    }
    size_t got = 0;
    size_t want = 0;
    char *end = NULL;
    while (want == 0 || got < want) {
        ssize_t n = recv(fd, answer + got, ANSWER_SIZE_MAX - 1 - got, 0);
        if (n <= 0)
            return -1;
        got += (size_t)n;
        answer[got] = '\0';
        if (want > 0 || (end = strstr(answer, "\r\n\r\n")) == NULL)
            continue;
        const char *length = strcasestr(answer, "content-length:");
        if (length == NULL || length > end)
            return -1;
        want = (size_t)(end - answer) + 4 + strtoul(length + 15, NULL, 10);
    }
    *body = qf_slice_make(end + 4, want - (size_t)(end + 4 - answer));
    return (int)strtol(answer + 9, NULL, 10);
}

static struct qf_slice get(struct crash *crash, int fd, char *answer, const char *path)
{
    char request[300];
    struct qf_slice body;
    snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", path);
    int status = exchange(fd, qf_slice_of(request), answer, &body);
    if (status != 200) {
        fprintf(stderr, "crash: GET %s\n", path);
        stop(crash, "an answer that is not 200", (uint64_t)status);
    }
    return body;
}

/* ---- the program ---- */

static void spawn(struct crash *crash, int *out)
{
    int pipes[2];
    if (pipe2(pipes, O_CLOEXEC) != 0)
        stop(crash, "no pipe", 0);
    crash->network.pid = fork();
    if (crash->network.pid == 0) {
        dup2(pipes[1], STDOUT_FILENO);
        int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
        dup2(null, STDERR_FILENO);
        execl(crash->program, crash->program, "node", crash->network.dir, "--listen", "127.0.0.1:0",
              "--no-rate-limit", (char *)NULL);
        _exit(127);
    }
    close(pipes[1]);
    *out = pipes[0];
}

static void kill_node(struct crash *crash)
{
    int status = 0;
    kill(crash->network.pid, SIGKILL);
    waitpid(crash->network.pid, &status, 0);
    if (!WIFSIGNALED(status))
        stop(crash, "the node had ended by itself", (uint64_t)WEXITSTATUS(status));
    crash->network.pid = 0;
    crash->kills++;
}

static void start_node(struct crash *crash)
{
    int out;
    if (pick(crash, 4) == 0) { /* this one does not get far */
        spawn(crash, &out);
        usleep((useconds_t)pick(crash, 30000));
        kill_node(crash);
        close(out);
        crash->starts_killed++;
    }
    spawn(crash, &out);
    char line[256] = "";
    size_t got = 0;
    while (got < sizeof line - 1 && strchr(line, '\n') == NULL) {
        ssize_t n = read(out, line + got, sizeof line - 1 - got);
        if (n <= 0)
            stop(crash, "the node does not start again", 0);
        got += (size_t)n;
        line[got] = '\0';
    }
    close(out);
    crash->network.port = (unsigned)strtoul(strrchr(line, ':') + 1, NULL, 10);
}

/* ---- load ---- */

static struct qf_slice body_of(struct qf_slice request)
{
    const uint8_t *end = memmem(request.data, request.size, "\r\n\r\n", 4);
    QF_ASSERT(end != NULL);
    return qf_slice_make(end + 4, request.size - (size_t)(end + 4 - request.data));
}

static struct qf_slice next_line(struct qf_slice *rest)
{
    const uint8_t *end = memchr(rest->data, '\n', rest->size);
    size_t size = end != NULL ? (size_t)(end - rest->data) : rest->size;
    struct qf_slice line = qf_slice_make(rest->data, size);
    size_t whole = end != NULL ? size + 1 : size;
    rest->data += whole;
    rest->size -= whole;
    return line;
}

/* Takes down what the node promised for every transaction of a request. */
static void take_down(struct crash *crash, struct qf_slice request, struct qf_slice answer)
{
    struct qf_slice lines = body_of(request);
    pthread_mutex_lock(&crash->lock);
    while (lines.size > 0) {
        struct qf_arena arena = {0};
        struct qf_json json;
        int64_t values[5] = {0};
        static const char *const names[] = {"code", "height", "index", "leaf", "time"};
        struct qf_slice jws = next_line(&lines);
        struct qf_error err = {0};
        enum qf_status status =
            qf_json_parse(&arena, &json, next_line(&answer), QF_JSON_CANONICAL, &err);
        for (size_t i = 0; i < 5 && status == QF_OK; i++)
            status = qf_json_get_int(&json, names[i], &values[i], &err);
        if (status != QF_OK || values[0] != 0) {
            fprintf(stderr, "crash: %s %s\n", err.field, err.detail);
            stop(crash, "not accepted", (uint64_t)values[0]);
        }
        crash->repeated += qf_json_get(&json, "problem") != NULL;
        crash->acknowledged[crash->acknowledged_count++] =
            (struct acknowledged){.jws = jws,
                                  .entry = {.code = values[0],
                                            .height = (uint64_t)values[1],
                                            .index = (uint32_t)values[2],
                                            .time_ms = values[4],
                                            .jws = jws},
                                  .leaf = (uint64_t)values[3]};
        qf_arena_deinit(&arena);
    }
    pthread_mutex_unlock(&crash->lock);
}

static void *client(void *arg)
{
    struct crash *crash = arg;
    char *answer = malloc(ANSWER_SIZE_MAX);
    int fd = connect_to(crash->network.port);
    QF_ASSERT(answer != NULL);
    for (bool many = fd % 2 != 0; fd >= 0; many = !many) {
        const struct requests *list = many ? &crash->lines : &crash->singles;
        size_t at = atomic_fetch_add(many ? &crash->next_lines : &crash->next_single, 1);
        if (at >= list->count)
            break;
        struct qf_slice body;
        int status = exchange(fd, list->list[at], answer, &body);
        if (status == 200) {
            take_down(crash, list->list[at], body);
            continue;
        }
        pthread_mutex_lock(&crash->lock);
        QF_ASSERT(crash->under_way_count < UNDER_WAY_MAX);
        qf_buf_put_slice(&crash->under_way[crash->under_way_count++], list->list[at]);
        pthread_mutex_unlock(&crash->lock);
        break; /* killed, or about to be */
    }
    if (fd >= 0)
        close(fd);
    free(answer);
    return NULL;
}

/* ---- looking ---- */

static void read_checkpoint(struct crash *crash, int fd, char *answer, struct qf_checkpoint *out)
{
    struct qf_slice body = get(crash, fd, answer, "/checkpoint");
    struct qf_arena arena = {0};
    struct qf_note note;
    struct qf_error err = {0};
    if (qf_note_parse(&arena, &note, body, &err) != QF_OK ||
        qf_checkpoint_parse(out, note.text, &err) != QF_OK)
        stop(crash, "a checkpoint that cannot be read", 0);
    qf_arena_deinit(&arena);
}

static void add_leaf(struct crash *crash, struct qf_slice entry)
{
    uint64_t leaf = crash->tree.size;
    if (leaf == crash->hash_capacity) {
        crash->hash_capacity = crash->hash_capacity == 0 ? 65536 : crash->hash_capacity * 2;
        crash->hashes = realloc(crash->hashes, crash->hash_capacity * QF_HASH_SIZE);
        QF_ASSERT(crash->hashes != NULL);
    }
    qf_hash_leaf(QF_HASH_SHA256, crash->hashes[leaf], entry);
    qf_log_tree_append(&crash->tree, crash->hashes[leaf], NULL, NULL);
    uint8_t root[QF_HASH_SIZE];
    if (crash->tree.size != crash->seen.size)
        return;
    qf_log_tree_root(&crash->tree, root);
    if (memcmp(root, crash->seen.root, QF_HASH_SIZE) != 0)
        stop(crash, "the log is not an extension of the checkpoint seen before", leaf);
}

/* Reads the bundles from `from` on; what was known must be the same. */
static void read_log(struct crash *crash, int fd, char *answer, uint64_t from, uint64_t size)
{
    for (uint64_t bundle = from / QF_TILE_WIDTH; bundle * QF_TILE_WIDTH < size; bundle++) {
        uint64_t left = size - bundle * QF_TILE_WIDTH;
        const struct qf_tile tile = {.level = QF_TILE_ENTRIES_LEVEL,
                                     .index = bundle,
                                     .width =
                                         left < QF_TILE_WIDTH ? (unsigned)left : QF_TILE_WIDTH};
        char path[QF_TILE_PATH_SIZE_MAX + 1] = "/";
        qf_tile_path(path + 1, &tile);
        struct qf_slice rest = get(crash, fd, answer, path);
        for (uint64_t leaf = bundle * QF_TILE_WIDTH; rest.size >= 2; leaf++) {
            size_t length = (size_t)rest.data[0] << 8 | rest.data[1];
            if (length > rest.size - 2)
                stop(crash, "a bundle that is cut off", bundle);
            struct qf_slice entry = qf_slice_make(rest.data + 2, length);
            rest.data += 2 + length;
            rest.size -= 2 + length;
            uint8_t hash[QF_HASH_SIZE];
            qf_hash_leaf(QF_HASH_SHA256, hash, entry);
            if (leaf < crash->tree.size && memcmp(crash->hashes[leaf], hash, QF_HASH_SIZE) != 0)
                stop(crash, "an entry has changed", leaf);
            if (leaf >= crash->tree.size)
                add_leaf(crash, entry);
        }
    }
}

static void look(struct crash *crash, uint64_t from)
{
    char *answer = malloc(ANSWER_SIZE_MAX);
    QF_ASSERT(answer != NULL);
    int fd = connect_to(crash->network.port);
    struct qf_checkpoint checkpoint;
    uint8_t root[QF_HASH_SIZE];
    read_checkpoint(crash, fd, answer, &checkpoint);
    if (checkpoint.size < crash->seen.size)
        stop(crash, "the log is shorter than a checkpoint seen before", checkpoint.size);
    read_log(crash, fd, answer, from, checkpoint.size);
    qf_log_tree_root(&crash->tree, root);
    if (crash->tree.size != checkpoint.size || memcmp(root, checkpoint.root, QF_HASH_SIZE) != 0)
        stop(crash, "the checkpoint does not have the root of the entries", checkpoint.size);
    struct qf_buf entry = {0};
    for (size_t i = 0; i < crash->acknowledged_count; i++) {
        const struct acknowledged *a = &crash->acknowledged[i];
        uint8_t hash[QF_HASH_SIZE];
        qf_buf_reset(&entry);
        qf_entry_put(&entry, &a->entry);
        qf_hash_leaf(QF_HASH_SHA256, hash, qf_buf_slice(&entry));
        if (a->leaf >= crash->tree.size || memcmp(crash->hashes[a->leaf], hash, QF_HASH_SIZE) != 0)
            stop(crash, "an acknowledged transaction is not there as it was answered", a->leaf);
    }
    crash->total += crash->acknowledged_count;
    crash->acknowledged_count = 0;
    qf_buf_deinit(&entry);
    close(fd);
    free(answer);
}

/* What was under way when the node was killed is sent again, the same bytes. */
static void send_again(struct crash *crash)
{
    char *answer = malloc(ANSWER_SIZE_MAX);
    QF_ASSERT(answer != NULL);
    int fd = connect_to(crash->network.port);
    for (size_t i = 0; i < crash->under_way_count; i++) {
        struct qf_slice body;
        struct qf_slice request = qf_buf_slice(&crash->under_way[i]);
        int status = exchange(fd, request, answer, &body);
        if (status != 200 && status != 409)
            stop(crash, "a transaction sent again is answered with", (uint64_t)status);
        take_down(crash, request, body);
        crash->resent++;
    }
    close(fd);
    free(answer);
    look(crash, crash->tree.size);
    for (size_t i = 0; i < crash->under_way_count; i++)
        qf_buf_reset(&crash->under_way[i]);
    crash->under_way_count = 0;
}

/* The audit of the whole directory must find nothing. */
static void audit(const struct crash *crash)
{
    pid_t pid = fork();
    if (pid == 0) {
        dup2(STDERR_FILENO, STDOUT_FILENO);
        execl(crash->program, crash->program, "audit", crash->network.dir, (char *)NULL);
        _exit(127);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        stop(crash, "qifeng audit ends with", (uint64_t)status);
}

static void one_round(struct crash *crash)
{
    pthread_t clients[CLIENTS];
    requests_make(&crash->network, &crash->singles, ROUND_TXS / 4, 1);
    requests_make(&crash->network, &crash->lines, ROUND_TXS - ROUND_TXS / 4, LINES);
    atomic_store(&crash->next_single, 0);
    atomic_store(&crash->next_lines, 0);
    for (int i = 0; i < CLIENTS; i++)
        pthread_create(&clients[i], NULL, client, crash);
    usleep((useconds_t)(1000 + pick(crash, 600000) / (1 + pick(crash, 8))));
    if (pick(crash, 2) == 0) { /* what others have seen must stay true */
        char *answer = malloc(ANSWER_SIZE_MAX);
        QF_ASSERT(answer != NULL);
        int fd = connect_to(crash->network.port);
        read_checkpoint(crash, fd, answer, &crash->seen);
        close(fd);
        free(answer);
    }
    kill_node(crash);
    for (int i = 0; i < CLIENTS; i++)
        pthread_join(clients[i], NULL);
    if (crash->kills % AUDIT_EVERY == 1)
        audit(crash);
    start_node(crash);
    look(crash, crash->tree.size);
    send_again(crash);
    requests_free(&crash->singles);
    requests_free(&crash->lines);
}

int main(int argc, char **argv)
{
    static struct qf_buf under_way[UNDER_WAY_MAX];
    static struct crash crash = {.lock = PTHREAD_MUTEX_INITIALIZER, .under_way = under_way};
    if (argc < 4) {
        fprintf(stderr, "usage: crash PROGRAM KILLS SECONDS_MAX [SEED]\n");
        return 2;
    }
    uint64_t kills = strtoull(argv[2], NULL, 10);
    uint64_t seconds = strtoull(argv[3], NULL, 10);
    uint64_t started = bench_now_ns();
    crash.program = argv[1];
    crash.seed = argc > 4 ? strtoull(argv[4], NULL, 10) : started;
    crash.random = crash.seed;
    crash.acknowledged = calloc(3 * ROUND_TXS, sizeof *crash.acknowledged);
    QF_ASSERT(crash.acknowledged != NULL);
    qf_log_tree_init(&crash.tree, QF_HASH_SHA256);
    if (network_start(&crash.network, crash.program, QF_SUITE_INTL, "auto") != 0)
        return 3;
    while (crash.kills < kills && bench_now_ns() - started < seconds * 1000000000ull)
        one_round(&crash);
    look(&crash, 0);
    kill_node(&crash);
    audit(&crash);
    printf("%llu kills (%llu of them while starting), %llu acknowledged transactions all there, "
           "%llu requests sent again, of which %llu transactions were there already; log of %llu "
           "entries; %.0f s; seed %llu\n",
           (unsigned long long)crash.kills, (unsigned long long)crash.starts_killed,
           (unsigned long long)crash.total, (unsigned long long)crash.resent,
           (unsigned long long)crash.repeated, (unsigned long long)crash.tree.size,
           (double)(bench_now_ns() - started) / 1e9, (unsigned long long)crash.seed);
    network_stop(&crash.network);
    free(crash.acknowledged);
    free(crash.hashes);
    for (size_t i = 0; i < UNDER_WAY_MAX; i++)
        qf_buf_deinit(&under_way[i]);
    return 0;
}
