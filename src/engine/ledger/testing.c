#define OPENSSL_SUPPRESS_DEPRECATED /* RAND_set_rand_method, see below */
#include "engine/ledger/testing.h"

#include <errno.h>
#include <ftw.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "codec/text.h"

#define HEX "00112233445566778899aabbccddeeff00112233445566778899aabbccdd"

static _Noreturn void stop(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, strerrordesc_np(errno));
    exit(1); /* NOLINT(concurrency-mt-unsafe): a test gives up */
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

static void remove_tree(const char *path)
{
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread tidies up */
    if (nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0 && errno != ENOENT)
        stop(path);
}

static void write_text(const char *path, struct qf_slice text)
{
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(text.data, 1, text.size, file) != text.size || fclose(file) != 0)
        stop(path);
}

/* RFC 8410: PKCS#8 of an Ed25519 key is this prefix and its 32 bytes. */
static void fixed_key(struct qf_ledger_testing *testing, unsigned number)
{
    static const uint8_t prefix[] = {0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06,
                                     0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20};
    struct qf_testing_world *world = testing->world;
    uint8_t der[sizeof prefix + 32];
    memcpy(der, prefix, sizeof prefix);
    memset(der + sizeof prefix, (int)number + 1, 32);
    struct qf_buf pem = {0};
    qf_buf_put_text(&pem, "-----BEGIN PRIVATE KEY-----\n");
    qf_buf_put_base64(&pem, qf_slice_make(der, sizeof der));
    qf_buf_put_text(&pem, "\n-----END PRIVATE KEY-----\n");
    char path[96];
    snprintf(path, sizeof path, "%s/key.pem", testing->root);
    write_text(path, qf_buf_slice(&pem));
    qf_private_key_free(world->keys[number]);
    struct qf_error err = {0};
    if (qf_private_key_load(&world->keys[number], path, (struct qf_slice){0}, &err) != QF_OK)
        stop(err.detail);
    struct qf_public_key key;
    qf_private_key_public(world->keys[number], &key);
    qf_public_key_kid(world->kid[number], &key);
    struct qf_json jwk = qf_public_key_to_jwk(&world->arena, &key);
    qf_buf_reset(&pem);
    qf_json_write(&pem, &jwk);
    snprintf(world->jwk[number], sizeof world->jwk[number], "%s", qf_buf_text(&pem));
    qf_buf_deinit(&pem);
}

/* SplitMix64. */
static uint64_t next_random(uint64_t *random)
{
    uint64_t z = *random += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* An SM2 signature holds a random number, so the library is given numbers that the seed decides. */
static uint64_t library_random;

static int fill_random(unsigned char *out, int size)
{
    for (int i = 0; i < size; i++)
        out[i] = (unsigned char)next_random(&library_random);
    return 1;
}

static int random_ready(void)
{
    return 1;
}

static void fix_random(void)
{
    static const RAND_METHOD method = {
        .bytes = fill_random, .pseudorand = fill_random, .status = random_ready};
    library_random = 1;
    if (RAND_set_rand_method(&method) != 1)
        stop("RAND_set_rand_method");
}

void qf_ledger_testing_init(struct qf_ledger_testing *testing, enum qf_suite suite)
{
    if (suite == QF_SUITE_GM)
        fix_random();
    *testing = (struct qf_ledger_testing){.world = qf_testing_new(suite)};
    const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : ".";
    snprintf(testing->root, sizeof testing->root, "%s/qf-ledger-XXXXXX", base);
    if (mkdtemp(testing->root) == NULL)
        stop(testing->root);
    for (unsigned i = 0; suite == QF_SUITE_INTL && i < QF_TESTING_KEYS; i++)
        fixed_key(testing, i);
    struct qf_buf text = {0};
    qf_json_write(&text, qf_testing_genesis(testing->world));
    uint8_t *copy = malloc(text.size);
    QF_ASSERT(copy != NULL);
    memcpy(copy, text.data, text.size);
    testing->genesis = qf_slice_make(copy, text.size);
    qf_buf_deinit(&text);
    const struct qf_verifier_options options = {.kind = QF_VERIFIER_AUTO};
    struct qf_error err = {0};
    if (qf_verifier_new(&testing->verifier, &options, &err) != QF_OK)
        stop(err.detail);
}

void qf_ledger_testing_deinit(struct qf_ledger_testing *testing)
{
    qf_verifier_free(testing->verifier);
    free((void *)(uintptr_t)testing->genesis.data);
    qf_testing_free(testing->world);
    remove_tree(testing->root);
    (void)RAND_set_rand_method(NULL);
}

void qf_ledger_testing_folder(struct qf_ledger_testing *testing, char out[128], const char *name)
{
    snprintf(out, 128, "%s/%s", testing->root, name);
    remove_tree(out);
    if (mkdir(out, 0700) != 0)
        stop(out);
    char path[160];
    snprintf(path, sizeof path, "%s/genesis.json", out);
    write_text(path, testing->genesis);
}

void qf_ledger_testing_seed(struct qf_ledger_testing *testing, uint64_t seed)
{
    testing->random = seed * 0x9e3779b97f4a7c15u + 1;
    library_random = seed;
    testing->made = 0;
    memset(testing->world->nonce, 0, sizeof testing->world->nonce);
    qf_arena_reset(&testing->world->arena);
}

uint64_t qf_ledger_testing_pick(struct qf_ledger_testing *testing, uint64_t below)
{
    return next_random(&testing->random) % below;
}

static unsigned pick(struct qf_ledger_testing *testing, unsigned below)
{
    return (unsigned)qf_ledger_testing_pick(testing, below);
}

static void put_evidence(struct qf_ledger_testing *t, struct qf_buf *out)
{
    const char *alg = t->world->suite == QF_SUITE_GM ? "sm3" : "sha-256";
    unsigned number = (unsigned)t->made;
    unsigned older = pick(t, number + 1);
    switch (pick(t, 6)) {
    case 0:
        qf_buf_printf(out,
                      "{\"op\":\"evidence.record_batch\",\"id\":\"e%u\",\"root\":\"%s:" HEX
                      "%04x\",\"count\":9}",
                      number, alg, number & 0xffff);
        break;
    case 1:
        qf_buf_printf(out,
                      "{\"op\":\"evidence.supersede\",\"id\":\"e%u\",\"hash\":\"%s:" HEX
                      "%04x\",\"replaces\":\"e%u\"}",
                      number, alg, number & 0xffff, older);
        break;
    default:
        qf_buf_printf(out,
                      "{\"op\":\"evidence.record\",\"id\":\"e%u\",\"hash\":\"%s:" HEX
                      "%04x\",\"size\":%u,\"attributes\":{\"case\":\"c%u\"}}",
                      pick(t, 8) == 0 ? older : number, alg, number & 0xffff, number, number % 7);
    }
}

static void put_identity(struct qf_ledger_testing *t, struct qf_buf *out)
{
    static const char *const roles[] = {"recorder", "registrar", "clerk", "council"};
    unsigned key = pick(t, QF_TESTING_KEYS);
    switch (pick(t, 6)) {
    case 0:
        /* The admins of a, b and c keep theirs, else a long stream only sees refusals. */
        qf_buf_printf(out, "{\"op\":\"identity.key.revoke\",\"kid\":\"%s\"}",
                      t->world->kid[key < 4 ? 3 : key]);
        break;
    case 1:
        qf_buf_printf(out, "{\"op\":\"identity.role.grant\",\"actor\":\"a%u\",\"roles\":[\"%s\"]}",
                      pick(t, 6), roles[pick(t, 4)]);
        break;
    case 2:
        qf_buf_printf(out, "{\"op\":\"identity.subject.register\",\"subject\":\"%032x\"}",
                      pick(t, 40));
        break;
    case 3:
        qf_buf_printf(out,
                      "{\"op\":\"identity.mandate.grant\",\"mandate\":\"m%u\",\"to_member\":\"%c\","
                      "\"to_actor\":\"root\",\"scope\":[\"evidence\"],\"until\":1767239000}",
                      pick(t, 9), 'a' + (int)pick(t, 4));
        break;
    default:
        qf_buf_printf(out,
                      "{\"op\":\"identity.key.add\",\"actor\":\"a%u\",\"key\":%s,"
                      "\"roles\":[\"%s\"]}",
                      pick(t, 6), t->world->jwk[key < 4 ? 4 : key], roles[pick(t, 4)]);
    }
}

static void put_consortium(struct qf_ledger_testing *t, struct qf_buf *out)
{
    unsigned proposal = pick(t, 6);
    if (pick(t, 3) == 0)
        qf_buf_printf(out,
                      "{\"op\":\"consortium.propose\",\"proposal\":\"p%u\",\"action\":"
                      "{\"do\":\"member.%s\",\"member\":\"%c\"}}",
                      proposal, pick(t, 2) == 0 ? "suspend" : "resume", 'c' + (int)pick(t, 2));
    else
        qf_buf_printf(out, "{\"op\":\"consortium.vote\",\"proposal\":\"p%u\",\"choice\":\"%s\"}",
                      proposal, pick(t, 4) == 0 ? "no" : "yes");
}

/* A service whose cases wait for people and for time, and repeat what nobody did. */
static const char service_process[] =
    "<definitions xmlns=\"http://www.omg.org/spec/BPMN/20100524/MODEL\" targetNamespace=\"t\" "
    "xmlns:qf=\"https://qifeng.dev/bpmn/1\"><process id=\"p\" isExecutable=\"true\"><laneSet "
    "id=\"ls\"><lane id=\"desk\"><extensionElements><qf:lane role=\"desk\"/></extensionElements>"
    "<flowNodeRef>s</flowNodeRef><flowNodeRef>work</flowNodeRef><flowNodeRef>late</flowNodeRef>"
    "<flowNodeRef>urge</flowNodeRef><flowNodeRef>e</flowNodeRef></lane></laneSet>"
    "<startEvent id=\"s\"/><userTask id=\"work\" name=\"Work\"/><endEvent id=\"e\"/>"
    "<boundaryEvent id=\"late\" attachedToRef=\"work\" cancelActivity=\"false\">"
    "<timerEventDefinition><timeCycle>R3/PT0.2S</timeCycle></timerEventDefinition></boundaryEvent>"
    "<userTask id=\"urge\" name=\"Urge\"/><sequenceFlow id=\"f1\" sourceRef=\"s\" "
    "targetRef=\"work\"/><sequenceFlow id=\"f2\" sourceRef=\"work\" targetRef=\"e\"/>"
    "<sequenceFlow id=\"f3\" sourceRef=\"late\" targetRef=\"urge\"/>"
    "<sequenceFlow id=\"f4\" sourceRef=\"urge\" targetRef=\"e\"/></process></definitions>";

static void put_package(struct qf_ledger_testing *t, struct qf_buf *out, char hash[80])
{
    uint8_t digest[QF_HASH_SIZE];
    char hex[2 * QF_HASH_SIZE];
    enum qf_hash_alg alg = qf_suite_hash(t->world->suite);
    qf_buf_put_text(out, "{\"files\":{\"process.bpmn\":");
    qf_json_write_string(out, qf_slice_of(service_process));
    qf_buf_put_text(out, "},\"id\":\"svc\",\"manifest\":{\"fields\":{\"n\":{\"type\":\"number\"}},"
                         "\"participants\":[{\"members\":[\"a\",\"b\"],\"role\":\"desk\"}]},"
                         "\"version\":\"1\"}");
    qf_hash(alg, digest, qf_buf_slice(out));
    qf_hex_encode(hex, qf_slice_make(digest, sizeof digest));
    snprintf(hash, 80, "%s:%.*s", qf_hash_alg_name(alg), (int)sizeof hex, hex);
}

/* The first four transactions of a stream bring the service; later ones play on it. */
static void put_service(struct qf_ledger_testing *t, struct qf_buf *out)
{
    static const char *const ops[] = {"task.claim", "task.release", "task.complete",
                                      "task.complete"};
    struct qf_buf package = {0};
    char hash[80];
    unsigned id = pick(t, 12), task = 1 + pick(t, 5);
    switch (t->made < 4 ? (unsigned)t->made : 4 + pick(t, 8)) {
    case 0:
        put_package(t, &package, hash);
        qf_buf_printf(out, "{\"op\":\"service.part\",\"hash\":\"%s\",\"part\":0,\"data\":\"", hash);
        qf_buf_put_base64(out, qf_buf_slice(&package));
        qf_buf_put_text(out, "\"}");
        break;
    case 1:
        put_package(t, &package, hash);
        qf_buf_printf(out,
                      "{\"op\":\"consortium.propose\",\"proposal\":\"svc\",\"action\":{\"do\":"
                      "\"service.deploy\",\"hash\":\"%s\",\"member\":\"a\",\"service\":\"svc\","
                      "\"version\":\"1\"}}",
                      hash);
        break;
    case 2:
    case 3:
        qf_buf_put_text(out,
                        "{\"op\":\"consortium.vote\",\"proposal\":\"svc\",\"choice\":\"yes\"}");
        break;
    case 4:
    case 5:
    case 6:
        qf_buf_printf(out,
                      "{\"op\":\"service.case.open\",\"service\":\"svc\",\"case\":\"k%u\","
                      "\"data\":{\"n\":%u}}",
                      id, task);
        break;
    case 7:
        qf_buf_printf(out, "{\"op\":\"service.case.withdraw\",\"case\":\"k%u\"}", id);
        break;
    default:
        qf_buf_printf(out, "{\"op\":\"service.%s\",\"case\":\"k%u\",\"task\":%u}", ops[pick(t, 4)],
                      id, task);
    }
    qf_buf_deinit(&package);
}

static struct qf_slice spoilt(struct qf_ledger_testing *t, struct qf_slice jws)
{
    uint8_t *copy = qf_arena_alloc(&t->world->arena, jws.size);
    memcpy(copy, jws.data, jws.size);
    size_t dot = jws.size - 1;
    while (copy[dot] != '.')
        dot--;
    copy[dot + 1] = copy[dot + 1] == 'A' ? 'B' : 'A';
    return qf_slice_make(copy, jws.size);
}

struct qf_slice qf_ledger_testing_next(struct qf_ledger_testing *t, int64_t now_ms)
{
    bool deploying = t->made < 4;
    if (!deploying && pick(t, 20) == 0) {
        unsigned known =
            t->made < QF_LEDGER_TESTING_RECENT ? (unsigned)t->made : QF_LEDGER_TESTING_RECENT;
        struct qf_slice again = t->recent[pick(t, known)];
        return pick(t, 4) == 0 ? spoilt(t, again) : again;
    }
    struct qf_buf ops = {0};
    unsigned count = !deploying && pick(t, 5) == 0 ? 3 : 1;
    unsigned kind = deploying ? 10 : pick(t, 14);
    for (unsigned i = 0; i < count; i++) {
        qf_buf_put_text(&ops, i == 0 ? "[" : ",");
        if (kind < 6)
            put_evidence(t, &ops);
        else if (kind < 9)
            put_identity(t, &ops);
        else if (kind < 10)
            put_consortium(t, &ops);
        else
            put_service(t, &ops);
    }
    qf_buf_put_text(&ops, "]");
    unsigned signer = pick(t, 4) == 0 ? pick(t, QF_TESTING_KEYS) : pick(t, 4);
    int64_t now_s = now_ms / 1000;
    int64_t exp_s = pick(t, 40) == 0 ? now_s - 1 : pick(t, 40) == 0 ? now_s + 4000 : now_s + 600;
    if (deploying) {
        signer = t->made == 3 ? 1 : 0;
        exp_s = now_s + 600;
    }
    struct qf_slice jws = qf_testing_sign(t->world, signer, exp_s,
                                          qf_testing_json(t->world, "%s", qf_buf_text(&ops)));
    qf_buf_deinit(&ops);
    if (!deploying && pick(t, 30) == 0)
        jws = spoilt(t, jws);
    t->recent[t->made++ % QF_LEDGER_TESTING_RECENT] = jws;
    return jws;
}
