/* The state tree alone, as it grows: processor time for a leaf that a block of 300 adds or
 * replaces, with the leaves in memory so that nothing but the tree is measured. */
#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "benches.h"
#include "merkle/state_tree.h"

#define BLOCK_LEAVES 300
#define BLOCKS_MAX 100
#define LEAVES_PER_SLOT_LOG2 3

/* All leaves that will ever be, sorted; those that are not present yet are skipped. */
struct store {
    struct qf_state_leaf *leaves;
    bool *present;
    size_t count;
    uint32_t *slots; /* where the leaves with these first bits begin */
    unsigned slot_bits;
};

static void must(bool good, const char *what)
{
    if (good)
        return;
    (void)fprintf(stderr, "merkle bench: %s failed\n", what);
    exit(3);
}

static uint64_t next_random(uint64_t *seed)
{
    uint64_t z = *seed += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static int by_key(const void *a, const void *b)
{
    return memcmp(a, b, QF_HASH_SIZE);
}

static size_t slot_of(const struct store *store, const uint8_t key_hash[QF_HASH_SIZE])
{
    return (size_t)(qf_be64_load(key_hash) >> (64 - store->slot_bits));
}

static void fill(struct store *store, size_t count)
{
    uint64_t seed = count;
    *store = (struct store){.count = count, .slot_bits = 1};
    while ((count >> LEAVES_PER_SLOT_LOG2) >> store->slot_bits != 0)
        store->slot_bits++;
    size_t slots = (size_t)1 << store->slot_bits;
    store->leaves = calloc(count, sizeof *store->leaves);
    store->present = calloc(count, sizeof *store->present);
    store->slots = calloc(slots + 1, sizeof *store->slots);
    must(store->leaves != NULL && store->present != NULL && store->slots != NULL, "memory");
    for (size_t i = 0; i < count; i++)
        for (size_t at = 0; at < QF_HASH_SIZE; at += 8)
            qf_be64_store(store->leaves[i].key_hash + at, next_random(&seed));
    qsort(store->leaves, count, sizeof *store->leaves, by_key);
    for (size_t slot = 0, i = 0; slot <= slots; slot++) {
        while (i < count && slot_of(store, store->leaves[i].key_hash) < slot)
            i++;
        store->slots[slot] = (uint32_t)i;
    }
}

static void empty(struct store *store)
{
    free(store->leaves);
    free(store->present);
    free(store->slots);
}

static enum qf_status scan(void *self, const uint8_t from[QF_HASH_SIZE],
                           const uint8_t to[QF_HASH_SIZE],
                           void (*each)(void *arg, const struct qf_state_leaf *leaf), void *arg)
{
    const struct store *store = self;
    size_t i = store->slots[slot_of(store, from)];
    while (i < store->count && memcmp(store->leaves[i].key_hash, from, QF_HASH_SIZE) < 0)
        i++;
    for (; i < store->count && memcmp(store->leaves[i].key_hash, to, QF_HASH_SIZE) <= 0; i++)
        if (store->present[i])
            each(arg, &store->leaves[i]);
    return QF_OK;
}

static int by_index(const void *a, const void *b)
{
    size_t left = *(const size_t *)a, right = *(const size_t *)b;
    return (left > right) - (left < right);
}

/* Blocks of leaves that are present already, or of such that are not; nanoseconds a leaf. */
static double run_blocks(struct qf_state_tree *tree, struct store *store, size_t blocks, bool add,
                         uint64_t *seed)
{
    static uint8_t keys[BLOCK_LEAVES][QF_HASH_SIZE];
    uint64_t spent = 0, changed = 0;
    for (size_t block = 0; block < blocks; block++) {
        size_t chosen[BLOCK_LEAVES], count = 0;
        while (count < BLOCK_LEAVES) {
            size_t at = (size_t)(next_random(seed) % store->count);
            while (store->present[at] == add)
                at = at + 1 == store->count ? 0 : at + 1;
            chosen[count++] = at;
            store->present[at] = true;
        }
        qsort(chosen, count, sizeof chosen[0], by_index);
        size_t kept = 0;
        for (size_t i = 0; i < count; i++) {
            struct qf_state_leaf *leaf = &store->leaves[chosen[i]];
            qf_be64_store(leaf->value_hash, next_random(seed));
            if (i == 0 || chosen[i] != chosen[i - 1])
                memcpy(keys[kept++], leaf->key_hash, QF_HASH_SIZE);
        }
        uint64_t start = bench_thread_ns();
        must(qf_state_tree_update(tree, (const uint8_t(*)[QF_HASH_SIZE])keys, kept,
                                  add ? (int64_t)kept : 0) == QF_OK,
             "update");
        spent += bench_thread_ns() - start;
        changed += kept;
    }
    return (double)spent / (double)changed;
}

/* All but a tenth of the leaves at once, then the measured blocks. */
static void start_tree(struct qf_state_tree *tree, struct store *store, size_t later)
{
    uint8_t(*keys)[QF_HASH_SIZE] = calloc(store->count, sizeof *keys);
    size_t count = 0, every = store->count / later;
    must(keys != NULL, "memory");
    for (size_t i = 0, left_out = 0; i < store->count; i++) {
        if (i % every == 0 && left_out < later) {
            left_out++;
            continue;
        }
        store->present[i] = true;
        memcpy(keys[count++], store->leaves[i].key_hash, QF_HASH_SIZE);
    }
    must(qf_state_tree_update(tree, (const uint8_t(*)[QF_HASH_SIZE])keys, count, (int64_t)count) ==
             QF_OK,
         "filling");
    free(keys);
}

static void run_size(struct bench_report *report, const struct bench_options *options,
                     enum qf_hash_alg alg, size_t size)
{
    struct store store;
    struct bench_samples added = {0}, replaced = {0};
    char id[64];
    size_t runs = (size_t)options->runs < size / 2 / BLOCK_LEAVES ? (size_t)options->runs
                                                                  : size / 2 / BLOCK_LEAVES;
    size_t blocks = size / 10 / BLOCK_LEAVES / runs;
    if (blocks > BLOCKS_MAX)
        blocks = BLOCKS_MAX;
    if (blocks == 0)
        blocks = 1;
    fill(&store, size);
    const struct qf_leaf_source source = {.scan = scan, .self = &store};
    struct qf_state_tree *tree = qf_state_tree_new(alg, &source);
    must(tree != NULL, "memory");
    start_tree(tree, &store, blocks * runs * BLOCK_LEAVES);
    uint64_t seed = 7;
    for (size_t run = 0; run < runs; run++) {
        bench_samples_add(&added, run_blocks(tree, &store, blocks, true, &seed) / 1000);
        bench_samples_add(&replaced, run_blocks(tree, &store, blocks, false, &seed) / 1000);
    }
    const struct {
        const char *name;
        const struct bench_samples *samples;
    } rows[] = {{"add", &added}, {"replace", &replaced}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        snprintf(id, sizeof id, "tree.%s.%s.at%zu", qf_hash_alg_name(alg), rows[i].name, size);
        bench_report_add(report,
                         &(struct bench_result){.id = id,
                                                .value = bench_samples_median(rows[i].samples),
                                                .unit = "us/leaf",
                                                .better = BENCH_LOWER,
                                                .runs = rows[i].samples->count});
    }
    qf_state_tree_free(tree);
    empty(&store);
}

/* What one node costs here and now, which the rows of the tree are multiples of. */
static void run_hash(struct bench_report *report, const struct bench_options *options,
                     enum qf_hash_alg alg)
{
    struct bench_samples samples = {0};
    uint8_t hash[QF_HASH_SIZE] = {0};
    const unsigned count = options->quick ? 10000 : 1000000;
    char id[64];
    for (int run = 0; run < options->runs; run++) {
        uint64_t start = bench_thread_ns();
        for (unsigned i = 0; i < count; i++)
            qf_hash_node(alg, hash, hash, hash);
        bench_samples_add(&samples, (double)(bench_thread_ns() - start) / 1000 / count);
    }
    must(hash[0] != 0 || hash[1] != 0 || hash[2] != 0, "hashing"); /* so that it is not left out */
    snprintf(id, sizeof id, "hash.%s.node", qf_hash_alg_name(alg));
    bench_report_add(report, &(struct bench_result){.id = id,
                                                    .value = bench_samples_median(&samples),
                                                    .unit = "us",
                                                    .better = BENCH_LOWER,
                                                    .runs = samples.count});
}

int bench_merkle(const struct bench_options *options)
{
    static const size_t sizes[] = {10000, 100000, 1000000, 5000000};
    struct bench_report *report = bench_report_new("merkle");
    run_hash(report, options, QF_HASH_SHA256);
    run_hash(report, options, QF_HASH_SM3);
    for (size_t i = 0; i < (options->quick ? 2 : sizeof sizes / sizeof sizes[0]); i++) {
        run_size(report, options, QF_HASH_SHA256, sizes[i]);
        run_size(report, options, QF_HASH_SM3, sizes[i]);
    }
    return bench_report_finish(report, options);
}
