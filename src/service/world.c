#include "service/world.h"

#include <stdlib.h>

#define RECORDS_MIN 256
#define BLOCKS_MAX 10000 /* of one advance */

struct record {
    struct qf_slice key, value; /* malloc'd */
    bool listed, lookup;
};

struct qf_world {
    struct qf_kernel *kernel;
    struct qf_arena arena; /* of one act */
    struct qf_tx_rules rules;
    char network[QF_ID_SIZE_MAX];
    struct record *records;
    size_t count, capacity;
    struct qf_block_info block;
    uint8_t nonce[16];
};

static struct qf_slice copy(struct qf_slice bytes)
{
    uint8_t *data = malloc(bytes.size + 1);
    QF_ASSERT(data != NULL);
    if (bytes.size > 0)
        memcpy(data, bytes.data, bytes.size);
    return qf_slice_make(data, bytes.size);
}

static void release(struct qf_slice bytes)
{
    free((void *)(uintptr_t)bytes.data);
}

static size_t position(const struct qf_world *world, struct qf_slice key)
{
    size_t low = 0, high = world->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (qf_slice_compare(world->records[middle].key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool holds(const struct qf_world *world, size_t at, struct qf_slice key)
{
    return at < world->count && qf_slice_equal(world->records[at].key, key);
}

static bool get(void *self, struct qf_slice key, struct qf_slice *value)
{
    const struct qf_world *world = self;
    size_t at = position(world, key);
    if (!holds(world, at, key) || world->records[at].lookup)
        return false;
    *value = world->records[at].value;
    return true;
}

static void list(void *self, struct qf_slice prefix, struct qf_slice after, qf_state_each *each,
                 void *arg)
{
    const struct qf_world *world = self;
    static const struct qf_slice none = {NULL, 0};
    for (size_t i = position(world, prefix); i < world->count; i++) {
        const struct record *record = &world->records[i];
        if (record->key.size < prefix.size ||
            memcmp(record->key.data, prefix.data, prefix.size) != 0)
            return;
        if (record->listed && (after.size == 0 || qf_slice_compare(record->key, after) > 0) &&
            !each(arg, record->key, record->lookup ? record->value : none))
            return;
    }
}

/* Every act has a nonce of its own, so none is ever a repeat. */
static bool find_tx(void *self, const uint8_t id[QF_HASH_SIZE], uint64_t *leaf)
{
    (void)self;
    (void)id;
    (void)leaf;
    return false;
}

/* Acts are signed in this process a moment before. */
static bool is_signed(void *self, const struct qf_public_key *key, struct qf_slice message,
                      const uint8_t signature[QF_SIGNATURE_SIZE])
{
    (void)self;
    (void)key;
    (void)message;
    (void)signature;
    return true;
}

static void install(struct qf_world *world, const struct qf_kernel_change *change)
{
    size_t at = position(world, change->key);
    bool present = holds(world, at, change->key);
    if (change->value.data == NULL) {
        if (!present)
            return;
        release(world->records[at].key);
        release(world->records[at].value);
        world->count--;
        memmove(&world->records[at], &world->records[at + 1],
                (world->count - at) * sizeof world->records[0]);
        return;
    }
    if (present) {
        release(world->records[at].value);
        world->records[at].value = copy(change->value);
        return;
    }
    if (world->count == world->capacity) {
        world->capacity = world->capacity == 0 ? RECORDS_MIN : world->capacity * 2;
        world->records = realloc(world->records, world->capacity * sizeof world->records[0]);
        QF_ASSERT(world->records != NULL);
    }
    memmove(&world->records[at + 1], &world->records[at],
            (world->count - at) * sizeof world->records[0]);
    world->records[at] =
        (struct record){copy(change->key), copy(change->value), change->listed, change->lookup};
    world->count++;
}

static size_t end_block(struct qf_world *world)
{
    const struct qf_kernel_change *changes;
    size_t count;
    qf_kernel_end(world->kernel, &changes, &count);
    for (size_t i = 0; i < count; i++)
        install(world, &changes[i]);
    world->block.height++;
    return count;
}

struct qf_state_reader qf_world_reader(struct qf_world *world)
{
    return (struct qf_state_reader){.get = get, .list = list, .find_tx = find_tx, .self = world};
}

int64_t qf_world_time_ms(const struct qf_world *world)
{
    return world->block.time_ms;
}

enum qf_status qf_world_new(struct qf_world **out, const struct qf_json *genesis, int64_t time_ms,
                            struct qf_error *err)
{
    struct qf_world *world = calloc(1, sizeof *world);
    QF_ASSERT(world != NULL);
    struct qf_state_reader reader = qf_world_reader(world);
    struct qf_signature_checker checker = {.check = is_signed};
    world->kernel = qf_kernel_new(&reader, &checker);
    world->block.time_ms = time_ms;
    enum qf_status status = qf_genesis_rules(&world->rules, genesis, err);
    if (status == QF_OK) {
        QF_ASSERT(world->rules.network.size < sizeof world->network);
        memcpy(world->network, world->rules.network.data, world->rules.network.size);
        world->rules.network = qf_slice_make(world->network, world->rules.network.size);
        qf_kernel_begin(world->kernel, &world->block);
        status = qf_kernel_genesis(world->kernel, genesis, err);
        (void)end_block(world);
    }
    if (status != QF_OK) {
        qf_world_free(world);
        return status;
    }
    *out = world;
    return QF_OK;
}

void qf_world_free(struct qf_world *world)
{
    if (world == NULL)
        return;
    qf_kernel_free(world->kernel);
    for (size_t i = 0; i < world->count; i++) {
        release(world->records[i].key);
        release(world->records[i].value);
    }
    free(world->records);
    qf_arena_deinit(&world->arena);
    free(world);
}

enum qf_status qf_world_act(struct qf_world *world, const struct qf_private_key *key,
                            const struct qf_json *ops, struct qf_error *err)
{
    struct qf_buf jws = {0};
    struct qf_tx tx;
    struct qf_receipt receipt;
    for (size_t i = 0; i < sizeof world->nonce && ++world->nonce[i] == 0; i++)
        continue;
    qf_arena_reset(&world->arena);
    enum qf_status status = qf_tx_sign(&jws, key, &world->rules, world->block.time_ms / 1000 + 600,
                                       world->nonce, ops, err);
    if (status == QF_OK)
        status = qf_tx_decode(&world->arena, &tx, qf_buf_slice(&jws), &world->rules, err);
    if (status == QF_OK) {
        tx.signature = QF_TX_GOOD;
        qf_kernel_begin(world->kernel, &world->block);
        qf_kernel_apply(world->kernel, &tx, &receipt);
        status = receipt.code;
        if (status != QF_OK)
            *err = receipt.problem;
        size_t changed = end_block(world);
        QF_ASSERT(status == QF_OK || changed == 0);
        world->block.first_leaf++;
    }
    qf_buf_deinit(&jws);
    err->status = status;
    return status;
}

void qf_world_advance(struct qf_world *world, int64_t time_ms)
{
    QF_ASSERT(time_ms >= world->block.time_ms);
    struct qf_state_reader reader = qf_world_reader(world);
    for (int blocks = 0; blocks < BLOCKS_MAX; blocks++) {
        int64_t due = qf_query_next_due(&reader);
        bool last = due > time_ms;
        world->block.time_ms = last                         ? time_ms
                               : due > world->block.time_ms ? due
                                                            : world->block.time_ms;
        qf_kernel_begin(world->kernel, &world->block);
        (void)end_block(world);
        if (last)
            return;
    }
}
