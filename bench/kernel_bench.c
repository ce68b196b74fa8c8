/* What one core spends on a transaction besides its signature: decoding it with its schema, letting
 * it in, applying it in blocks of several sizes. The state behind is in memory, so that the store
 * is not measured here. */
#include <stdio.h>
#include <stdlib.h>

#include "benches.h"
#include "kernel/testing.h"

#define TXS_MAX 10000

struct fixture {
    struct qf_testing_world *world;
    struct qf_slice *jws;
    struct qf_tx *txs;
    size_t count;
};

static void fixture_init(struct fixture *fixture, size_t count)
{
    struct qf_testing_world *world = qf_testing_new(QF_SUITE_INTL);
    qf_testing_found(world);
    *fixture = (struct fixture){.world = world,
                                .jws = calloc(count, sizeof *fixture->jws),
                                .txs = calloc(count, sizeof *fixture->txs),
                                .count = count};
    QF_ASSERT(fixture->jws != NULL && fixture->txs != NULL);
    for (size_t i = 0; i < count; i++) {
        const struct qf_json *ops = qf_testing_json(
            world,
            "[{\"op\":\"evidence.record\",\"id\":\"bench/%08zu\",\"hash\":\"sha-256:%064zx\","
            "\"media_type\":\"application/pdf\",\"size\":12345,\"source\":\"planning\","
            "\"attributes\":{\"case\":\"case-%06zu\",\"office\":\"3\"}}]",
            i, i, i);
        fixture->jws[i] =
            qf_testing_sign(world, (unsigned)(i % 4), world->block.time_ms / 1000 + 600, ops);
        enum qf_status status =
            qf_tx_decode(&world->arena, &fixture->txs[i], fixture->jws[i], &world->rules, NULL);
        QF_ASSERT(status == QF_OK);
        fixture->txs[i].signature = QF_TX_GOOD;
    }
}

static void fixture_deinit(struct fixture *fixture)
{
    qf_testing_free(fixture->world);
    free(fixture->jws);
    free(fixture->txs);
}

static double decode_us(struct fixture *fixture, size_t block)
{
    struct qf_arena arena = {0};
    uint64_t start = bench_thread_ns();
    for (size_t i = 0; i < fixture->count; i++) {
        if (i % block == 0)
            qf_arena_reset(&arena);
        struct qf_tx tx;
        enum qf_status status =
            qf_tx_decode(&arena, &tx, fixture->jws[i], &fixture->world->rules, NULL);
        QF_ASSERT(status == QF_OK);
    }
    uint64_t ns = bench_thread_ns() - start;
    qf_arena_deinit(&arena);
    return (double)ns / 1e3 / (double)fixture->count;
}

static double check_us(struct fixture *fixture, size_t block)
{
    (void)block;
    struct qf_state_reader reader = qf_testing_reader(fixture->world);
    struct qf_public_key key;
    uint64_t start = bench_thread_ns();
    for (size_t i = 0; i < fixture->count; i++) {
        enum qf_status status =
            qf_kernel_check(&reader, &fixture->txs[i], fixture->world->block.time_ms, &key, NULL);
        QF_ASSERT(status == QF_OK);
    }
    return (double)(bench_thread_ns() - start) / 1e3 / (double)fixture->count;
}

/* Blocks are begun, applied and ended; their changes go nowhere, so every run finds the same. */
static double apply_us(struct fixture *fixture, size_t block)
{
    struct qf_kernel *kernel = fixture->world->kernel;
    uint64_t start = bench_thread_ns();
    for (size_t from = 0; from < fixture->count; from += block) {
        qf_kernel_begin(kernel, &fixture->world->block);
        for (size_t i = from; i < from + block && i < fixture->count; i++) {
            struct qf_receipt receipt;
            qf_kernel_apply(kernel, &fixture->txs[i], &receipt);
            QF_ASSERT(receipt.code == QF_OK);
        }
        const struct qf_kernel_change *changes;
        size_t count;
        qf_kernel_end(kernel, &changes, &count);
    }
    return (double)(bench_thread_ns() - start) / 1e3 / (double)fixture->count;
}

int bench_kernel(const struct bench_options *options)
{
    static const struct {
        const char *id;
        double (*measure)(struct fixture *fixture, size_t block);
        size_t block;
        double bar; /* the budget, in microseconds */
    } rows[] = {
        {"kernel.decode", decode_us, 100, 4},        {"kernel.check", check_us, 1, 2},
        {"kernel.apply.block1", apply_us, 1, 2},     {"kernel.apply.block100", apply_us, 100, 2},
        {"kernel.apply.full", apply_us, TXS_MAX, 2},
    };
    struct fixture fixture;
    fixture_init(&fixture, options->quick ? TXS_MAX / 50 : TXS_MAX);
    struct bench_report *report = bench_report_new("kernel");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct bench_samples samples = {0};
        for (int run = 0; run < options->runs; run++)
            bench_samples_add(&samples, rows[i].measure(&fixture, rows[i].block));
        const struct bench_result result = {.id = rows[i].id,
                                            .value = bench_samples_median(&samples),
                                            .unit = "us/tx",
                                            .has_bar = true,
                                            .bar = rows[i].bar,
                                            .better = BENCH_LOWER,
                                            .runs = options->runs};
        bench_report_add(report, &result);
    }
    fixture_deinit(&fixture);
    return bench_report_finish(report, options);
}
