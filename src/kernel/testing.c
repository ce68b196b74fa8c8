#include "kernel/testing.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "codec/text.h"

static void *grown(void *data, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity)
        return data;
    *capacity = *capacity == 0 ? 64 : *capacity * 2;
    void *more = realloc(data, *capacity * size);
    QF_ASSERT(more != NULL);
    return more;
}

static bool get(void *self, struct qf_slice key, struct qf_slice *value)
{
    struct qf_testing_world *world = self;
    world->gets++;
    return qf_memory_state_get(&world->state, key, value);
}

static void list(void *self, struct qf_slice prefix, struct qf_slice after, qf_state_each *each,
                 void *arg)
{
    const struct qf_testing_world *world = self;
    qf_memory_state_list(&world->state, prefix, after, each, arg);
}

static bool find_tx(void *self, const uint8_t id[QF_HASH_SIZE], uint64_t *leaf)
{
    const struct qf_testing_world *world = self;
    for (size_t i = 0; i < world->id_count; i++)
        if (memcmp(world->ids[i].id, id, QF_HASH_SIZE) == 0) {
            *leaf = world->ids[i].leaf;
            return true;
        }
    return false;
}

/* Stands in for the verifier, whose own tests are elsewhere: what matters here is when it is asked
 * and what its answer does. */
static bool check(void *self, const struct qf_public_key *key, struct qf_slice message,
                  const uint8_t signature[QF_SIGNATURE_SIZE])
{
    struct qf_testing_world *world = self;
    (void)signature;
    world->checker_calls++;
    return key->size > 0 && message.size > 0 && world->checker_answer;
}

struct qf_state_reader qf_testing_reader(struct qf_testing_world *world)
{
    return (struct qf_state_reader){.get = get, .list = list, .find_tx = find_tx, .self = world};
}

static struct qf_testing_world *make(enum qf_suite suite)
{
    struct qf_testing_world *world = calloc(1, sizeof *world);
    QF_ASSERT(world != NULL);
    world->suite = suite;
    world->rules = (struct qf_tx_rules){qf_slice_of("test"), suite};
    struct qf_state_reader reader = qf_testing_reader(world);
    struct qf_signature_checker checker = {.check = check, .self = world};
    world->kernel = qf_kernel_new(&reader, &checker);
    QF_ASSERT(world->kernel != NULL);
    world->block.time_ms = 1767225600000;
    world->checker_answer = true;
    return world;
}

static void describe_key(struct qf_testing_world *world, unsigned i,
                         const struct qf_public_key *key)
{
    qf_public_key_kid(world->kid[i], key);
    struct qf_json jwk = qf_public_key_to_jwk(&world->arena, key);
    struct qf_buf text = {0};
    qf_json_write(&text, &jwk);
    snprintf(world->jwk[i], sizeof world->jwk[i], "%s", qf_buf_text(&text));
    qf_buf_deinit(&text);
}

struct qf_testing_world *qf_testing_new(enum qf_suite suite)
{
    struct qf_testing_world *world = make(suite);
    for (unsigned i = 0; i < QF_TESTING_KEYS; i++) {
        enum qf_sig_alg alg = suite == QF_SUITE_GM ? QF_ALG_SM2_SM3
                              : i % 2 == 0         ? QF_ALG_ES256
                                                   : QF_ALG_EDDSA;
        enum qf_status status = qf_private_key_generate(&world->keys[i], alg, NULL);
        QF_ASSERT(status == QF_OK);
        struct qf_public_key key;
        qf_private_key_public(world->keys[i], &key);
        describe_key(world, i, &key);
    }
    return world;
}

struct qf_testing_world *qf_testing_fixed(void)
{
    static const char *const keys[] = {
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "278117fc144c72340f67d0f2316e8386ceffbf2b2428c9c51fef7c597f1d426e"};
    struct qf_testing_world *world = make(QF_SUITE_INTL);
    for (unsigned i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        struct qf_public_key key = {.alg = QF_ALG_EDDSA, .size = 32};
        size_t size = 0;
        bool good = qf_hex_decode(key.bytes, &size, qf_slice_of(keys[i]));
        QF_ASSERT(good && size == key.size);
        describe_key(world, i, &key);
    }
    return world;
}

struct qf_testing_world *qf_testing_twin(const struct qf_testing_world *world)
{
    struct qf_testing_world *twin = make(world->suite);
    memcpy(twin->jwk, world->jwk, sizeof twin->jwk);
    memcpy(twin->kid, world->kid, sizeof twin->kid);
    return twin;
}

void qf_testing_free(struct qf_testing_world *world)
{
    qf_kernel_free(world->kernel);
    for (unsigned i = 0; i < QF_TESTING_KEYS; i++)
        qf_private_key_free(world->keys[i]);
    qf_memory_state_deinit(&world->state);
    free(world->ids);
    free(world->fresh);
    qf_arena_deinit(&world->arena);
    free(world);
}

static const struct qf_json *parse(struct qf_testing_world *world, const char *text)
{
    struct qf_error err = {0};
    struct qf_json *value = qf_arena_alloc(&world->arena, sizeof *value);
    if (qf_json_parse(&world->arena, value, qf_slice_of(text), QF_JSON_ANY, &err) != QF_OK) {
        fprintf(stderr, "bad JSON in a test: %s: %s\n%s\n", err.field, err.detail, text);
        abort();
    }
    return value;
}

__attribute__((format(printf, 2, 0))) static char *format(struct qf_testing_world *world,
                                                          const char *fmt, va_list args)
{
    va_list again;
    va_copy(again, args);
    int size = vsnprintf(NULL, 0, fmt, args);
    QF_ASSERT(size >= 0);
    char *text = qf_arena_alloc(&world->arena, (size_t)size + 1);
    vsnprintf(text, (size_t)size + 1, fmt, again);
    va_end(again);
    return text;
}

const struct qf_json *qf_testing_json(struct qf_testing_world *world, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    const char *text = format(world, fmt, args);
    va_end(args);
    return parse(world, text);
}

const struct qf_json *qf_testing_genesis(struct qf_testing_world *world)
{
    return qf_testing_json(
        world,
        "{\"format\":\"qf-genesis-1\",\"network\":\"test\",\"suite\":\"%s\",\"time\":1767225600000,"
        "\"members\":["
        "{\"id\":\"a\",\"kind\":\"authority\",\"name\":\"A\",\"weight\":3,"
        "\"admin\":{\"actor\":\"root\",\"key\":%s}},"
        "{\"id\":\"b\",\"kind\":\"court\",\"name\":\"B\",\"weight\":2,"
        "\"admin\":{\"actor\":\"root\",\"key\":%s}},"
        "{\"id\":\"c\",\"kind\":\"enterprise\",\"name\":\"C\",\"weight\":1,"
        "\"admin\":{\"actor\":\"root\",\"key\":%s}},"
        "{\"id\":\"d\",\"kind\":\"auditor\",\"name\":\"D\",\"weight\":0,"
        "\"admin\":{\"actor\":\"root\",\"key\":%s}}]}",
        qf_suite_name(world->suite), world->jwk[0], world->jwk[1], world->jwk[2], world->jwk[3]);
}

void qf_testing_found(struct qf_testing_world *world)
{
    struct qf_error err = {0};
    qf_kernel_begin(world->kernel, &world->block);
    if (qf_kernel_genesis(world->kernel, qf_testing_genesis(world), &err) != QF_OK) {
        fprintf(stderr, "genesis: %s: %s\n", err.field, err.detail);
        abort();
    }
    qf_testing_end(world, false);
}

void qf_testing_begin(struct qf_testing_world *world)
{
    qf_kernel_begin(world->kernel, &world->block);
}

void qf_testing_end(struct qf_testing_world *world, bool drop)
{
    const struct qf_kernel_change *changes;
    size_t count;
    qf_kernel_end(world->kernel, &changes, &count);
    if (!drop) {
        qf_memory_state_install(&world->state, changes, count);
        for (size_t i = 0; i < world->fresh_count; i++) {
            world->ids =
                grown(world->ids, world->id_count, &world->id_capacity, sizeof world->ids[0]);
            world->ids[world->id_count++] = world->fresh[i];
        }
        world->block.height++;
    }
    world->fresh_count = 0;
}

int qf_testing_setup(void **state)
{
    struct qf_testing_world *world = qf_testing_new(QF_SUITE_INTL);
    qf_testing_found(world);
    *state = world;
    return 0;
}

int qf_testing_teardown(void **state)
{
    qf_testing_free(*state);
    return 0;
}

struct qf_slice qf_testing_sign(struct qf_testing_world *world, unsigned signer, int64_t exp_s,
                                const struct qf_json *ops)
{
    struct qf_buf out = {0};
    for (size_t i = 0; i < sizeof world->nonce && ++world->nonce[i] == 0; i++)
        continue;
    struct qf_error err = {0};
    enum qf_status status =
        qf_tx_sign(&out, world->keys[signer], &world->rules, exp_s, world->nonce, ops, &err);
    if (status != QF_OK) {
        fprintf(stderr, "sign: %s: %s\n", err.field, err.detail);
        abort();
    }
    struct qf_slice text = qf_arena_copy(&world->arena, qf_buf_slice(&out));
    qf_buf_deinit(&out);
    return text;
}

void qf_testing_apply(struct qf_testing_world *world, struct qf_slice jws,
                      enum qf_tx_signature signature, struct qf_receipt *out)
{
    struct qf_tx tx;
    struct qf_error err = {0};
    if (qf_tx_decode(&world->arena, &tx, jws, &world->rules, &err) != QF_OK) {
        fprintf(stderr, "decode: %s: %s\n", err.field, err.detail);
        abort();
    }
    tx.signature = signature;
    qf_kernel_apply(world->kernel, &tx, out);
    if (out->id_taken) {
        world->fresh =
            grown(world->fresh, world->fresh_count, &world->fresh_capacity, sizeof world->fresh[0]);
        struct qf_testing_id *fresh = &world->fresh[world->fresh_count++];
        memcpy(fresh->id, tx.id, QF_HASH_SIZE);
        fresh->leaf = world->block.first_leaf;
    }
    world->block.first_leaf++;
}

static struct qf_receipt run(struct qf_testing_world *world, unsigned signer,
                             const struct qf_json *ops)
{
    struct qf_receipt receipt;
    qf_testing_begin(world);
    qf_testing_apply(world, qf_testing_sign(world, signer, world->block.time_ms / 1000 + 600, ops),
                     QF_TX_GOOD, &receipt);
    qf_testing_end(world, false);
    return receipt;
}

struct qf_receipt qf_testing_run(struct qf_testing_world *world, unsigned signer, const char *fmt,
                                 ...)
{
    va_list args;
    va_start(args, fmt);
    const struct qf_json *ops = parse(world, format(world, fmt, args));
    va_end(args);
    return run(world, signer, ops);
}

void qf_testing_expect(struct qf_testing_world *world, enum qf_status code, const char *field,
                       unsigned signer, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    const char *text = format(world, fmt, args);
    va_end(args);
    const char *before = code == QF_OK ? NULL : qf_testing_dump(world);
    struct qf_receipt receipt = run(world, signer, parse(world, text));
    bool as_expected =
        receipt.code == code && (code == QF_OK || strcmp(receipt.problem.field, field) == 0);
    if (!as_expected) {
        fprintf(stderr, "want %s at \"%s\", got %s at \"%s\" (%s)\n%s\n", qf_status_name(code),
                field, qf_status_name(receipt.code), receipt.problem.field, receipt.problem.detail,
                text);
        abort();
    }
    QF_ASSERT(before == NULL || strcmp(before, qf_testing_dump(world)) == 0);
}

const char *qf_testing_value(struct qf_testing_world *world, const char *key)
{
    struct qf_slice value;
    if (!get(world, qf_slice_of(key), &value))
        return NULL;
    return qf_arena_text(&world->arena, value);
}

const char *qf_testing_dump(struct qf_testing_world *world)
{
    struct qf_buf out = {0};
    for (size_t i = 0; i < world->state.count; i++) {
        qf_buf_put_slice(&out, world->state.records[i].key);
        qf_buf_put_text(&out, " ");
        qf_buf_put_slice(&out, world->state.records[i].value);
        qf_buf_put_text(&out, "\n");
    }
    const char *text = qf_arena_text(&world->arena, qf_buf_slice(&out));
    qf_buf_deinit(&out);
    return text;
}

unsigned qf_testing_task(struct qf_testing_world *world, const char *role, const char *id)
{
    return qf_testing_task_at(world, role, id, NULL);
}

unsigned qf_testing_task_at(struct qf_testing_world *world, const char *role, const char *id,
                            const char *node)
{
    unsigned least = 0;
    struct qf_state_key prefix;
    qf_lookup_task_prefix(&prefix, QF_TASKS_BY_ROLE, qf_slice_of(role));
    for (size_t i = 0; i < world->state.count; i++) {
        const struct qf_memory_record *record = &world->state.records[i];
        struct qf_task_lookup task;
        if (!record->lookup || record->key.size <= prefix.size ||
            memcmp(record->key.data, prefix.text, prefix.size) != 0)
            continue;
        qf_lookup_task_read(&task, record->key, record->value);
        if (node != NULL && !qf_slice_is(task.node, node))
            continue;
        if (qf_slice_is(task.case_id, id) && (least == 0 || task.task < least))
            least = task.task;
    }
    return least;
}
