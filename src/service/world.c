#include "service/world.h"

#include <stdlib.h>

#include "kernel/memory_state.h"

#define BLOCKS_MAX 10000 /* of one advance */

struct qf_world {
    struct qf_kernel *kernel;
    struct qf_arena arena; /* of one act */
    struct qf_tx_rules rules;
    char network[QF_ID_SIZE_MAX];
    struct qf_memory_state state;
    struct qf_block_info block;
    uint8_t nonce[16];
};

static bool get(void *self, struct qf_slice key, struct qf_slice *value)
{
    const struct qf_world *world = self;
    return qf_memory_state_get(&world->state, key, value);
}

static void list(void *self, struct qf_slice prefix, struct qf_slice after, qf_state_each *each,
                 void *arg)
{
    const struct qf_world *world = self;
    qf_memory_state_list(&world->state, prefix, after, each, arg);
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

static size_t end_block(struct qf_world *world)
{
    const struct qf_kernel_change *changes;
    size_t count;
    qf_kernel_end(world->kernel, &changes, &count);
    qf_memory_state_install(&world->state, changes, count);
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
    qf_memory_state_deinit(&world->state);
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
