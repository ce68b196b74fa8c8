#include "engine/sim/sim.h"

#include <stdlib.h>

#define MESSAGES_MAX 4096
#define UNCOMMITTED_MAX 4
#define STEPS_MAX 200000 /* of the clock; a run that takes longer does not come to its end */

struct block {
    int64_t time_ms;
    struct qf_slice txs[QF_SIM_BLOCK_TXS_MAX];
    size_t count;
    bool known; /* some replica has finalized it */
    uint8_t app_hash[QF_HASH_SIZE];
    enum qf_status codes[QF_SIM_BLOCK_TXS_MAX];
};

struct message {
    int64_t due_ms;
    unsigned to;
    uint64_t height;
};

struct replica {
    bool up;
    struct qf_app app;
    uint64_t finalized, committed; /* committed survives */
    int64_t up_at_ms;              /* when it is down */
};

struct sim {
    const struct qf_sim_world *world;
    const struct qf_sim_options *options;
    struct qf_sim_report *report;
    struct qf_error *err;
    uint64_t random;
    int64_t now_ms;
    struct block *blocks; /* [height]; 0 stands for genesis */
    uint64_t height;
    struct message messages[MESSAGES_MAX];
    size_t message_count;
    struct replica replicas[QF_SIM_REPLICAS_MAX];
    struct qf_arena arena; /* of one delivery */
};

/* SplitMix64. */
static uint64_t pick(struct sim *sim, uint64_t below)
{
    uint64_t z = sim->random += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (z ^ (z >> 31)) % below;
}

static enum qf_status wrong(struct sim *sim, unsigned replica, uint64_t height, const char *what)
{
    return qf_fail(sim->err, QF_INVARIANT, "seed", "seed %llu: replica %u, block %llu, %lld ms: %s",
                   (unsigned long long)sim->options->seed, replica, (unsigned long long)height,
                   (long long)(sim->now_ms - sim->options->start_ms), what);
}

static void send_block(struct sim *sim, unsigned to, uint64_t height)
{
    if (pick(sim, 100) < 15) {
        sim->report->lost++;
        return;
    }
    unsigned copies = pick(sim, 100) < 10 ? 2 : 1;
    sim->report->doubled += copies - 1;
    for (unsigned i = 0; i < copies && sim->message_count < MESSAGES_MAX; i++)
        sim->messages[sim->message_count++] =
            (struct message){sim->now_ms + 1 + (int64_t)pick(sim, 250), to, height};
}

static void crash(struct sim *sim, unsigned i)
{
    struct replica *replica = &sim->replicas[i];
    sim->world->crash(sim->world->self, i);
    replica->up = false;
    replica->up_at_ms = sim->now_ms + 10 + (int64_t)pick(sim, 1500);
    sim->report->crashes++;
}

static enum qf_status start(struct sim *sim, unsigned i)
{
    struct replica *replica = &sim->replicas[i];
    uint64_t height = 0;
    uint8_t app_hash[QF_HASH_SIZE];
    enum qf_status status =
        sim->world->start(sim->world->self, i, &replica->app, &height, app_hash);
    if (status == QF_UNAVAILABLE) {
        crash(sim, i);
        return QF_OK;
    }
    if (status != QF_OK)
        return wrong(sim, i, replica->committed, "does not start");
    if (height < replica->committed)
        return wrong(sim, i, replica->committed, "has forgotten what it committed");
    struct block *block = &sim->blocks[height];
    if (height > sim->height || (block->known && memcmp(block->app_hash, app_hash, 32) != 0))
        return wrong(sim, i, height, "stands at another app hash after its start");
    if (height == 0) {
        block->known = true;
        memcpy(block->app_hash, app_hash, QF_HASH_SIZE);
    }
    replica->up = true;
    replica->finalized = replica->committed = height;
    return QF_OK;
}

/* Each replica decodes for itself, and some signatures were checked when they came in. */
static enum qf_status decode(struct sim *sim, unsigned i, const struct block *block,
                             struct qf_tx *txs[QF_SIM_BLOCK_TXS_MAX])
{
    struct replica *replica = &sim->replicas[i];
    for (size_t k = 0; k < block->count; k++) {
        txs[k] = qf_arena_alloc(&sim->arena, sizeof *txs[k]);
        if (qf_tx_decode(&sim->arena, txs[k], block->txs[k], sim->world->rules, NULL) != QF_OK)
            return QF_INVARIANT;
        struct qf_error ignored;
        if (pick(sim, 2) == 0) {
            enum qf_status status =
                replica->app.check(replica->app.self, txs[k], sim->now_ms, &ignored);
            (void)status; /* what it comes to is decided in the block */
        }
    }
    return QF_OK;
}

static enum qf_status compare(struct sim *sim, unsigned i, uint64_t height,
                              const struct qf_finalized *made)
{
    struct block *block = &sim->blocks[height];
    if (made->height != height || made->count != block->count)
        return wrong(sim, i, height, "finalized another block");
    if (!block->known) {
        block->known = true;
        memcpy(block->app_hash, made->app_hash, QF_HASH_SIZE);
        for (size_t k = 0; k < block->count; k++) {
            block->codes[k] = made->results[k].code;
            sim->report->codes[made->results[k].code]++;
            sim->report->accepted += made->results[k].code == QF_OK;
        }
        return QF_OK;
    }
    for (size_t k = 0; k < block->count; k++)
        if (made->results[k].code != block->codes[k])
            return wrong(sim, i, height, "came to another result");
    if (memcmp(block->app_hash, made->app_hash, QF_HASH_SIZE) != 0)
        return wrong(sim, i, height, "came to another app hash");
    return QF_OK;
}

static void commit(struct sim *sim, unsigned i)
{
    struct replica *replica = &sim->replicas[i];
    if (replica->app.commit(replica->app.self) == QF_OK)
        replica->committed = replica->finalized;
    else
        crash(sim, i);
}

static enum qf_status deliver(struct sim *sim, const struct message *message)
{
    struct replica *replica = &sim->replicas[message->to];
    if (!replica->up)
        return QF_OK;
    if (message->height != replica->finalized + 1) {
        sim->report->late++;
        return QF_OK;
    }
    const struct block *block = &sim->blocks[message->height];
    struct qf_tx *txs[QF_SIM_BLOCK_TXS_MAX];
    qf_arena_reset(&sim->arena);
    if (decode(sim, message->to, block, txs) != QF_OK)
        return wrong(sim, message->to, message->height, "cannot decode what was ordered");
    if (!replica->app.process(replica->app.self, txs, block->count))
        return wrong(sim, message->to, message->height, "refuses what another one proposed");
    struct qf_finalized made;
    if (replica->app.finalize(replica->app.self, block->time_ms, txs, block->count, &made) !=
        QF_OK) {
        crash(sim, message->to);
        return QF_OK;
    }
    enum qf_status status = compare(sim, message->to, message->height, &made);
    if (status != QF_OK)
        return status;
    replica->finalized = message->height;
    if (replica->finalized - replica->committed >= UNCOMMITTED_MAX || pick(sim, 3) > 0)
        commit(sim, message->to);
    return QF_OK;
}

static enum qf_status deliver_due(struct sim *sim)
{
    for (size_t i = 0; i < sim->message_count;) {
        if (sim->messages[i].due_ms > sim->now_ms) {
            i++;
            continue;
        }
        const struct message message = sim->messages[i];
        sim->messages[i] = sim->messages[--sim->message_count];
        enum qf_status status = deliver(sim, &message);
        if (status != QF_OK)
            return status;
    }
    return QF_OK;
}

static enum qf_status propose(struct sim *sim)
{
    unsigned proposer = (unsigned)pick(sim, sim->options->replicas);
    struct replica *replica = &sim->replicas[proposer];
    if (!replica->up || sim->height == sim->options->blocks)
        return QF_OK;
    struct block *block = &sim->blocks[sim->height + 1];
    *block = (struct block){.time_ms = sim->now_ms};
    /* Time alone makes a block when something falls due, whoever knows all blocks can tell. */
    bool due =
        replica->finalized == sim->height && replica->app.due(replica->app.self) <= sim->now_ms;
    if (due && pick(sim, 2) == 0) {
        sim->height++;
        sim->report->time_blocks++;
        for (unsigned i = 0; i < sim->options->replicas; i++)
            send_block(sim, i, sim->height);
        return QF_OK;
    }
    size_t count = pick(sim, 8) == 0 ? QF_SIM_BLOCK_TXS_MAX : 1 + pick(sim, 10);
    struct qf_tx *txs[QF_SIM_BLOCK_TXS_MAX];
    qf_arena_reset(&sim->arena);
    for (block->count = 0; block->count < count; block->count++)
        block->txs[block->count] = sim->world->next(sim->world->self, sim->now_ms);
    if (decode(sim, proposer, block, txs) != QF_OK)
        return wrong(sim, proposer, sim->height + 1, "cannot decode what came in");
    block->count = replica->app.prepare(replica->app.self, txs, block->count);
    if (block->count == 0 || !replica->app.process(replica->app.self, txs, block->count))
        return wrong(sim, proposer, sim->height + 1, "does not take its own proposal");
    sim->height++;
    sim->report->txs += block->count;
    for (unsigned i = 0; i < sim->options->replicas; i++)
        send_block(sim, i, sim->height);
    return QF_OK;
}

static enum qf_status step(struct sim *sim)
{
    sim->now_ms += 1 + (int64_t)pick(sim, 40);
    enum qf_status status = deliver_due(sim);
    if (status == QF_OK && pick(sim, 3) == 0)
        status = propose(sim);
    for (unsigned i = 0; i < sim->options->replicas && status == QF_OK; i++) {
        struct replica *replica = &sim->replicas[i];
        if (!replica->up) {
            if (sim->now_ms >= replica->up_at_ms)
                status = start(sim, i);
            continue;
        }
        if (pick(sim, 400) == 0 ||
            (pick(sim, 6) == 0 && sim->world->idle(sim->world->self, i) != QF_OK))
            crash(sim, i);
        else if (pick(sim, 6) == 0)
            for (uint64_t k = 1; k <= 4 && replica->finalized + k <= sim->height; k++)
                send_block(sim, i, replica->finalized + k);
        if (replica->up && replica->finalized == sim->options->blocks &&
            replica->committed < replica->finalized)
            commit(sim, i);
    }
    return status;
}

static bool done(const struct sim *sim)
{
    for (unsigned i = 0; i < sim->options->replicas; i++)
        if (!sim->replicas[i].up || sim->replicas[i].committed < sim->options->blocks)
            return false;
    return true;
}

static enum qf_status run(struct sim *sim)
{
    enum qf_status status = QF_OK;
    for (unsigned i = 0; i < sim->options->replicas && status == QF_OK; i++)
        status = start(sim, i);
    for (unsigned steps = 0; status == QF_OK && !done(sim); steps++) {
        if (steps == STEPS_MAX)
            return wrong(sim, 0, sim->height, "the end is not reached");
        status = step(sim);
    }
    /* Everybody once more from what is durable. */
    for (unsigned i = 0; i < sim->options->replicas && status == QF_OK; i++) {
        crash(sim, i);
        for (int tries = 0; tries < 100 && status == QF_OK && !sim->replicas[i].up; tries++)
            status = start(sim, i);
        if (status == QF_OK && !sim->replicas[i].up)
            status = wrong(sim, i, sim->options->blocks, "does not start at the end");
    }
    memcpy(sim->report->app_hash, sim->blocks[sim->options->blocks].app_hash, QF_HASH_SIZE);
    return status;
}

enum qf_status qf_sim_run(const struct qf_sim_world *world, const struct qf_sim_options *options,
                          struct qf_sim_report *out, struct qf_error *err)
{
    QF_ASSERT(options->replicas > 0 && options->replicas <= QF_SIM_REPLICAS_MAX);
    QF_ASSERT(options->blocks > 0 && options->blocks <= QF_SIM_BLOCKS_MAX);
    *out = (struct qf_sim_report){0};
    struct sim *sim = calloc(1, sizeof *sim);
    struct block *blocks = calloc((size_t)options->blocks + 1, sizeof *blocks);
    QF_ASSERT(sim != NULL && blocks != NULL);
    sim->world = world;
    sim->options = options;
    sim->report = out;
    sim->err = err;
    sim->random = options->seed * 0xd1342543de82ef95u + 1;
    sim->now_ms = options->start_ms;
    sim->blocks = blocks;
    enum qf_status status = run(sim);
    for (unsigned i = 0; i < options->replicas; i++)
        if (sim->replicas[i].up)
            world->crash(world->self, i);
    qf_arena_deinit(&sim->arena);
    free(blocks);
    free(sim);
    return status;
}
