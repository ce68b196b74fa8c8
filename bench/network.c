#include "network.h"

#include <ftw.h>
#include <lmdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "codec/text.h"
#include "kernel/tx.h"
#include "load.h"
#include "node/init.h"

static int start_node(struct network *network, const char *program, const char *verifier,
                      uint64_t *ready_ns)
{
    int out[2];
    if (pipe(out) != 0)
        return -1;
    uint64_t started = bench_now_ns();
    network->pid = fork();
    if (network->pid == 0) {
        dup2(out[1], STDOUT_FILENO);
        close(out[0]);
        close(out[1]);
        execl(program, program, "node", network->dir, "--listen", "127.0.0.1:0", "--verifier",
              verifier, "--no-rate-limit", (char *)NULL);
        _exit(127);
    }
    close(out[1]);
    char line[256] = "";
    size_t got = 0;
    while (got < sizeof line - 1 && strchr(line, '\n') == NULL) {
        ssize_t n = read(out[0], line + got, sizeof line - 1 - got);
        if (n <= 0)
            break;
        got += (size_t)n;
        line[got] = '\0';
    }
    close(out[0]);
    *ready_ns = bench_now_ns() - started;
    const char *colon = strrchr(line, ':');
    if (strncmp(line, "ready ", 6) != 0 || colon == NULL) {
        fprintf(stderr, "the node did not start: %s\n", line);
        return -1;
    }
    network->port = (unsigned)strtoul(colon + 1, NULL, 10);
    return 0;
}

static void stop_node(struct network *network)
{
    if (network->pid <= 0)
        return;
    kill(network->pid, SIGTERM);
    waitpid(network->pid, NULL, 0);
    network->pid = 0;
}

static void put_request(struct qf_buf *out, struct qf_slice body)
{
    qf_buf_printf(out,
                  "POST /v1/transactions HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                  "Content-Type: application/jose\r\nContent-Length: %zu\r\n\r\n",
                  body.size);
    qf_buf_put_slice(out, body);
}

static struct qf_tx_rules rules_of(const struct network *network)
{
    return (struct qf_tx_rules){qf_slice_of("bench"), network->suite};
}

static void sign(const struct network *network, struct qf_buf *out,
                 const struct qf_private_key *key, const struct qf_json *ops)
{
    struct qf_tx_rules rules = rules_of(network);
    struct qf_random random = qf_random_system();
    struct qf_clock clock = qf_clock_system();
    uint8_t nonce[16];
    enum qf_status status = random.fill(random.self, nonce, sizeof nonce);
    if (status == QF_OK)
        status =
            qf_tx_sign(out, key, &rules, clock.now_ms(clock.self) / 1000 + 3500, nonce, ops, NULL);
    QF_ASSERT(status == QF_OK);
}

static int register_signers(struct network *network)
{
    struct qf_buf body = {0};
    struct qf_buf request = {0};
    enum qf_sig_alg alg = network->suite == QF_SUITE_GM ? QF_ALG_SM2_SM3 : QF_ALG_ES256;
    for (size_t i = 0; i < NETWORK_SIGNERS; i++) {
        struct qf_arena arena = {0};
        struct qf_public_key public;
        enum qf_status status = qf_private_key_generate(&network->signers[i], alg, NULL);
        QF_ASSERT(status == QF_OK);
        qf_private_key_public(network->signers[i], &public);
        struct qf_json op = qf_json_make_object();
        struct qf_json ops = qf_json_make_array();
        struct qf_json roles = qf_json_make_array();
        qf_json_append(&arena, &roles, qf_json_make_text("recorder"));
        qf_json_put(&arena, &op, "actor",
                    qf_json_make_text(qf_arena_printf(&arena, "clerk-%zu", i)));
        qf_json_put(&arena, &op, "key", qf_public_key_to_jwk(&arena, &public));
        qf_json_put(&arena, &op, "op", qf_json_make_text("identity.key.add"));
        qf_json_put(&arena, &op, "roles", roles);
        qf_json_append(&arena, &ops, op);
        sign(network, &body, network->admin, &ops);
        qf_buf_put_byte(&body, '\n');
        qf_arena_deinit(&arena);
    }
    put_request(&request, qf_buf_slice(&body));
    struct qf_slice one = qf_buf_slice(&request);
    const struct load_options options = {
        .port = network->port, .connections = 1, .requests = &one, .request_count = 1};
    struct load_result result;
    int failed = load_run(&options, &result);
    if (failed == 0 && result.accepted != NETWORK_SIGNERS)
        failed = -1;
    if (failed != 0)
        fprintf(stderr, "the signers were not registered (%llu): %s\n",
                (unsigned long long)result.accepted, result.first_failure);
    qf_buf_deinit(&body);
    qf_buf_deinit(&request);
    return failed;
}

int network_start(struct network *network, const char *program, enum qf_suite suite,
                  const char *verifier)
{
    *network = (struct network){.suite = suite};
    /* Where the build is, so that a disk is measured and not memory. */
    snprintf(network->dir, sizeof network->dir, "qf-bench-XXXXXX");
    if (mkdtemp(network->dir) == NULL)
        return -1;
    const struct qf_init_options options = {.dir = network->dir,
                                            .network = "bench",
                                            .suite = suite,
                                            .member = "planning",
                                            .clock = qf_clock_system()};
    struct qf_error err = {0};
    char path[128];
    uint64_t ready;
    if (qf_node_init(&options, &err) != QF_OK) {
        fprintf(stderr, "%s: %s\n", err.field, err.detail);
        return -1;
    }
    snprintf(path, sizeof path, "%s/keys/admin.pem", network->dir);
    if (qf_private_key_load(&network->admin, path, (struct qf_slice){0}, &err) != QF_OK)
        return -1;
    if (start_node(network, program, verifier, &ready) != 0)
        return -1;
    return register_signers(network);
}

int network_restart(struct network *network, const char *program, const char *verifier,
                    uint64_t *ready_ns)
{
    stop_node(network);
    return start_node(network, program, verifier, ready_ns);
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *where)
{
    (void)info;
    (void)type;
    (void)where;
    return remove(path);
}

void network_stop(struct network *network)
{
    stop_node(network);
    for (size_t i = 0; i < NETWORK_SIGNERS; i++)
        qf_private_key_free(network->signers[i]);
    qf_private_key_free(network->admin);
    if (strncmp(network->dir, "qf-bench-", 9) == 0)
        nftw(network->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

uint64_t network_cpu_ns(const struct network *network)
{
    char path[64];
    char text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)network->pid);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return 0;
    size_t got = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[got] = '\0';
    const char *rest = strrchr(text, ')');
    unsigned long long user = 0;
    unsigned long long system = 0;
    if (rest == NULL ||
        sscanf(rest + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user, &system) !=
            2) /* NOLINT(cert-err34-c): the kernel's own text */
        return 0;
    return (user + system) * (1000000000ull / (unsigned long long)sysconf(_SC_CLK_TCK));
}

uint64_t network_memory(const struct network *network)
{
    char path[64];
    char line[256];
    unsigned long long kib = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)network->pid);
    FILE *file = fopen(path, "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, "RssAnon:", 8) == 0)
            kib = strtoull(line + 8, NULL, 10);
    if (file != NULL)
        fclose(file);
    return kib * 1024;
}

static uint64_t disk_total; /* nftw takes no argument; benchmarks are single-threaded here */

static int add_size(const char *path, const struct stat *info, int type, struct FTW *where)
{
    (void)path;
    (void)where;
    if (type == FTW_F)
        disk_total += (uint64_t)info->st_blocks * 512;
    return 0;
}

uint64_t network_disk_of(const struct network *network, const char *folder)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", network->dir, folder);
    disk_total = 0;
    nftw(path, add_size, 16, FTW_PHYS);
    return disk_total;
}

uint64_t network_disk(const struct network *network)
{
    return network_disk_of(network, ".");
}

static void evidence_op(void *arg, struct qf_arena *arena, struct qf_json *ops, uint64_t number)
{
    const struct network *network = arg;
    const char *alg = network->suite == QF_SUITE_GM ? "sm3" : "sha-256";
    struct qf_json op = qf_json_make_object();
    uint8_t hash[QF_HASH_SIZE];
    char hex[2 * QF_HASH_SIZE + 1] = "";
    number += network->made;
    qf_hash(QF_HASH_SHA256, hash, qf_slice_make(&number, sizeof number));
    qf_hex_encode(hex, qf_slice_make(hash, sizeof hash));
    qf_json_put(arena, &op, "hash", qf_json_make_text(qf_arena_printf(arena, "%s:%s", alg, hex)));
    qf_json_put(arena, &op, "id",
                qf_json_make_text(qf_arena_printf(arena, "permit/2026/%.16s", hex)));
    qf_json_put(arena, &op, "media_type", qf_json_make_text("application/pdf"));
    qf_json_put(arena, &op, "op", qf_json_make_text("evidence.record"));
    qf_json_put(arena, &op, "size", qf_json_make_int((int64_t)(number % 1000000)));
    qf_json_put(arena, &op, "source", qf_json_make_text("permit office"));
    qf_json_append(arena, ops, op);
}

struct signing {
    const struct network *network;
    const struct requests_kind *kind;
    uint64_t first;
    size_t count;
    struct qf_buf bytes; /* JWS, a newline after each */
};

static void *sign_some(void *arg)
{
    struct signing *job = arg;
    const struct network *network = job->network;
    for (size_t i = 0; i < job->count; i++) {
        struct qf_arena arena = {0};
        struct qf_json ops = qf_json_make_array();
        uint64_t number = job->first + i;
        job->kind->make(job->kind->arg, &arena, &ops, number);
        sign(network, &job->bytes, network->signers[number % NETWORK_SIGNERS], &ops);
        qf_buf_put_byte(&job->bytes, '\n');
        qf_arena_deinit(&arena);
    }
    return NULL;
}

void requests_make(struct network *network, struct requests *out, size_t count, size_t lines)
{
    const struct requests_kind kind = {evidence_op, network};
    requests_make_kind(network, out, &kind, count, lines);
    network->made += count;
}

void requests_make_kind(struct network *network, struct requests *out,
                        const struct requests_kind *kind, size_t count, size_t lines)
{
    enum { JOBS = 2 };
    struct signing jobs[JOBS];
    pthread_t threads[JOBS];
    *out = (struct requests){0};
    size_t requests = (count + lines - 1) / lines;
    size_t first_half = (requests / 2) * lines;
    for (int i = 0; i < JOBS; i++) {
        jobs[i] = (struct signing){.network = network,
                                   .kind = kind,
                                   .first = i == 0 ? 0 : first_half,
                                   .count = i == 0 ? first_half : count - first_half};
        pthread_create(&threads[i], NULL, sign_some, &jobs[i]);
    }
    for (int i = 0; i < JOBS; i++)
        pthread_join(threads[i], NULL);
    out->list = calloc(requests, sizeof *out->list);
    size_t *ends = calloc(requests, sizeof *ends);
    QF_ASSERT(out->list != NULL && ends != NULL);
    for (int i = 0; i < JOBS; i++) {
        struct qf_slice rest = qf_buf_slice(&jobs[i].bytes);
        while (rest.size > 0) {
            size_t size = 0;
            for (size_t line = 0; line < lines && size < rest.size; line++)
                size = (size_t)((const uint8_t *)memchr(rest.data + size, '\n', rest.size - size) -
                                rest.data) +
                       1;
            put_request(&out->bytes, qf_slice_make(rest.data, size));
            ends[out->count++] = out->bytes.size;
            rest.data += size;
            rest.size -= size;
        }
        qf_buf_deinit(&jobs[i].bytes);
    }
    for (size_t i = 0; i < out->count; i++) {
        size_t start = i == 0 ? 0 : ends[i - 1];
        out->list[i] = qf_slice_make(out->bytes.data + start, ends[i] - start);
    }
    free(ends);
}

void requests_free(struct requests *requests)
{
    qf_buf_deinit(&requests->bytes);
    free(requests->list);
}

void requests_get(struct requests *out, const struct qf_buf *paths)
{
    struct qf_slice rest = qf_buf_slice(paths);
    size_t count = 0;
    *out = (struct requests){0};
    for (size_t i = 0; i < rest.size; i++)
        count += rest.data[i] == 0;
    size_t *ends = calloc(count + 1, sizeof *ends);
    out->list = calloc(count + 1, sizeof *out->list);
    QF_ASSERT(out->list != NULL && ends != NULL);
    for (; out->count < count; out->count++) {
        const char *path = (const char *)rest.data;
        qf_buf_printf(&out->bytes, "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", path);
        ends[out->count] = out->bytes.size;
        rest = qf_slice_make(rest.data + strlen(path) + 1, rest.size - strlen(path) - 1);
    }
    for (size_t i = 0; i < count; i++) {
        size_t start = i == 0 ? 0 : ends[i - 1];
        out->list[i] = qf_slice_make(out->bytes.data + start, ends[i] - start);
    }
    free(ends);
}

int network_submit(struct network *network, const char *ops)
{
    struct qf_arena arena = {0};
    struct qf_buf body = {0};
    struct qf_buf request = {0};
    struct qf_json json;
    struct load_result result;
    enum qf_status status = qf_json_parse(&arena, &json, qf_slice_of(ops), QF_JSON_ANY, NULL);
    QF_ASSERT(status == QF_OK);
    sign(network, &body, network->admin, &json);
    put_request(&request, qf_buf_slice(&body));
    struct qf_slice one = qf_buf_slice(&request);
    const struct load_options options = {
        .port = network->port, .connections = 1, .requests = &one, .request_count = 1};
    int failed = load_run(&options, &result);
    if (failed == 0 && result.accepted != 1)
        failed = -1;
    if (failed != 0)
        fprintf(stderr, "%.80s: %s\n", ops, result.first_failure);
    qf_buf_deinit(&body);
    qf_buf_deinit(&request);
    qf_arena_deinit(&arena);
    return failed;
}

int network_get(const struct network *network, struct qf_buf *out, const char *path)
{
    char request[1024];
    struct qf_buf answer = {0};
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)network->port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int size = snprintf(request, sizeof request,
                        "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n", path);
    bool good = fd >= 0 && size > 0 && (size_t)size < sizeof request &&
                connect(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
                send(fd, request, (size_t)size, MSG_NOSIGNAL) == size;
    for (ssize_t got = 1; good && got > 0;) {
        char piece[16384];
        got = recv(fd, piece, sizeof piece, 0);
        if (got > 0)
            qf_buf_put(&answer, piece, (size_t)got);
    }
    const char *text = good ? qf_buf_text(&answer) : "";
    const char *body = strstr(text, "\r\n\r\n");
    good = strncmp(text, "HTTP/1.1 200", 12) == 0 && body != NULL;
    if (good)
        qf_buf_put_text(out, body + 4);
    else
        fprintf(stderr, "%s: %.200s\n", path, text);
    if (fd >= 0)
        close(fd);
    qf_buf_deinit(&answer);
    return good ? 0 : -1;
}

/* Bytes of the pages of one database; 0 when it cannot be read. */
static uint64_t database_size(MDB_env *env, const char *name)
{
    MDB_txn *txn = NULL;
    MDB_dbi dbi;
    MDB_stat stat = {0};
    uint64_t size = 0;
    if (mdb_txn_begin(env, NULL, MDB_RDONLY, &txn) != 0)
        return 0;
    if (mdb_dbi_open(txn, name, 0, &dbi) == 0 && mdb_stat(txn, dbi, &stat) == 0)
        size = (stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages) * stat.ms_psize;
    mdb_txn_abort(txn);
    return size;
}

int network_state_size(const struct network *network, struct network_state_size *out)
{
    char path[128];
    MDB_env *env = NULL;
    snprintf(path, sizeof path, "%s/state", network->dir);
    *out = (struct network_state_size){0};
    if (mdb_env_create(&env) == 0 && mdb_env_set_maxdbs(env, 8) == 0 &&
        mdb_env_open(env, path, MDB_RDONLY | MDB_NOTLS, 0640) == 0)
        *out = (struct network_state_size){.records = database_size(env, "record"),
                                           .lookups = database_size(env, "name"),
                                           .tree = database_size(env, "tree"),
                                           .index = database_size(env, "index")};
    if (env != NULL)
        mdb_env_close(env);
    return out->records > 0 ? 0 : -1;
}
