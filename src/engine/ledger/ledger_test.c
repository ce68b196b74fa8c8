/* Faults under the ledger: a run of blocks is repeated with the n-th changing call of journal and
 * log going wrong, for every n and every kind of fault; then the power goes. After the next start
 * everything acknowledged is there, the heads are those of a ledger that saw no fault, and the
 * rest of the run ends where that one ended.
 *
 * `ledger-test STRIDE` tries every STRIDE-th call (default 1). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/ledger/testing.h"
#include "store/sim_fs.h"

#define BLOCKS 14
#define TXS_MAX 300
#define SEGMENT (64u << 10)

struct run {
    struct qf_ledger_testing testing;
    struct qf_private_key *note_key;
    struct qf_note_signer signer;
    /* The run: blocks of transactions, decoded once. */
    struct qf_arena arena;
    struct qf_tx txs[TXS_MAX];
    size_t first[BLOCKS + 1];
    /* What a ledger without faults made of it. */
    struct qf_ledger_head heads[BLOCKS + 1];
    struct qf_tx_result results[TXS_MAX];
    uint8_t tx_at[TXS_MAX][QF_HASH_SIZE]; /* [leaf]: hash of the entry */
};

static unsigned long stride = 1;

static int64_t time_of(size_t block)
{
    return QF_LEDGER_TESTING_TIME_MS + 1000 * (int64_t)block;
}

static void prepare(struct run *run, enum qf_suite suite)
{
    *run = (struct run){0};
    qf_ledger_testing_init(&run->testing, suite);
    assert_int_equal(qf_private_key_generate(&run->note_key, QF_ALG_EDDSA, NULL), QF_OK);
    run->signer = (struct qf_note_signer){.name = qf_slice_of("test/a"), .key = run->note_key};
    qf_ledger_testing_seed(&run->testing, 1);
    size_t count = 0;
    for (size_t block = 0; block < BLOCKS; block++) {
        run->first[block] = count;
        /* One block goes over the edge of a tile. */
        size_t size = block == 3 ? 240 : 1 + block % 4;
        for (size_t i = 0; i < size; i++) {
            struct qf_tx *tx = &run->txs[count++];
            assert_int_equal(qf_tx_decode(&run->arena, tx,
                                          qf_ledger_testing_next(&run->testing, time_of(block)),
                                          &run->testing.world->rules, NULL),
                             QF_OK);
        }
    }
    run->first[BLOCKS] = count;
    assert_true(count <= TXS_MAX);
}

static void release(struct run *run)
{
    qf_private_key_free(run->note_key);
    qf_arena_deinit(&run->arena);
    qf_ledger_testing_deinit(&run->testing);
    free(run);
}

static enum qf_status open_ledger(const struct run *run, struct qf_ledger **out, const char *dir,
                                  const struct qf_fs *fs, struct qf_error *err)
{
    const struct qf_ledger_options options = {.dir = dir,
                                              .verifier = run->testing.verifier,
                                              .fs = fs,
                                              .no_sync = true,
                                              .segment_size = SEGMENT,
                                              .keep_refused_intake = true};
    *out = NULL;
    return qf_ledger_open(out, &options, err);
}

/* Writes block `block` + 1; QF_OK when it was acknowledged. */
static enum qf_status write_block(struct run *run, struct qf_ledger *ledger, size_t block,
                                  struct qf_tx_result *results)
{
    struct qf_tx *txs[TXS_MAX];
    struct qf_tx_result *places[TXS_MAX];
    size_t count = run->first[block + 1] - run->first[block];
    for (size_t i = 0; i < count; i++) {
        txs[i] = &run->txs[run->first[block] + i];
        places[i] = &results[run->first[block] + i];
    }
    struct qf_ledger_block *made = NULL;
    enum qf_status status = qf_ledger_finalize(ledger, time_of(block), txs, count, places, &made);
    if (status == QF_OK) {
        assert_non_null(made);
        status = qf_ledger_commit(ledger, &made, 1);
    }
    return status;
}

static uint8_t *entry_hash(struct qf_ledger *ledger, uint64_t leaf, uint8_t out[QF_HASH_SIZE])
{
    struct qf_buf bytes = {0};
    assert_int_equal(qf_tiles_entry(qf_ledger_tiles(ledger), &bytes, leaf), QF_OK);
    qf_hash_leaf(QF_HASH_SHA256, out, qf_buf_slice(&bytes));
    qf_buf_deinit(&bytes);
    return out;
}

/* The whole run without faults: what the others are compared with. */
static uint64_t run_reference(struct run *run)
{
    char dir[128];
    struct qf_sim_fs *sim = qf_sim_fs_new(7);
    struct qf_fs fs = qf_sim_fs_io(sim);
    struct qf_ledger *ledger;
    qf_ledger_testing_folder(&run->testing, dir, "reference");
    assert_int_equal(open_ledger(run, &ledger, dir, &fs, NULL), QF_OK);
    qf_ledger_head(ledger, &run->heads[0]);
    for (size_t block = 0; block < BLOCKS; block++) {
        assert_int_equal(write_block(run, ledger, block, run->results), QF_OK);
        assert_int_equal(qf_ledger_keep(ledger, &run->signer), QF_OK);
        qf_ledger_head(ledger, &run->heads[block + 1]);
        assert_int_equal(run->heads[block + 1].height, block + 1);
    }
    for (uint64_t leaf = 0; leaf < run->first[BLOCKS]; leaf++)
        entry_hash(ledger, leaf, run->tx_at[leaf]);
    uint64_t calls = qf_sim_fs_calls(sim);
    qf_ledger_close(ledger);
    assert_int_equal(open_ledger(run, &ledger, dir, &fs, NULL), QF_OK);
    assert_int_equal(qf_ledger_replayed(ledger), 0);
    qf_ledger_abandon(ledger);
    qf_sim_fs_free(sim);
    return calls;
}

struct place {
    const char *fault;
    unsigned long n;
};

static const char *const fault_names[] = {"lost", "done", "torn", "no space", "dead"};

#define MUST(condition, place)                                                                     \
    do {                                                                                           \
        if (!(condition))                                                                          \
            fail_msg("call %lu %s: %s (line %d)", (place)->n, (place)->fault, #condition,          \
                     __LINE__);                                                                    \
    } while (0)

static void compare_head(const struct run *run, const struct qf_ledger_head *head,
                         const struct place *place)
{
    MUST(head->height <= BLOCKS, place);
    const struct qf_ledger_head *want = &run->heads[head->height];
    MUST(head->size == want->size, place);
    MUST(head->time_ms == want->time_ms, place);
    MUST(memcmp(head->root, want->root, QF_HASH_SIZE) == 0, place);
    MUST(memcmp(head->sm3_root, want->sm3_root, QF_HASH_SIZE) == 0, place);
    MUST(memcmp(head->state_root, want->state_root, QF_HASH_SIZE) == 0, place);
    MUST(memcmp(head->app_hash, want->app_hash, QF_HASH_SIZE) == 0, place);
}

/* Every entry is what it was, and an accepted transaction is found under its id. */
static bool see_leaf(void *arg, uint64_t leaf)
{
    *(uint64_t *)arg = leaf;
    return false;
}

static void compare_entries(struct run *run, struct qf_ledger *ledger, uint64_t size,
                            const struct place *place)
{
    for (uint64_t leaf = 0; leaf < size; leaf++) {
        uint8_t hash[QF_HASH_SIZE];
        MUST(memcmp(entry_hash(ledger, leaf, hash), run->tx_at[leaf], QF_HASH_SIZE) == 0, place);
        if (run->results[leaf].code != QF_OK)
            continue;
        struct qf_index_term term = {.kind = QF_TERM_TX};
        memcpy(term.term, run->results[leaf].id, sizeof term.term);
        uint64_t found = UINT64_MAX;
        MUST(qf_state_find(qf_ledger_state(ledger), &term, 0, see_leaf, &found) == QF_OK, place);
        MUST(found == leaf, place);
    }
}

/* Goes on from what is durable until something fails or the run ends; returns the height that was
 * acknowledged last. */
static uint64_t go_on(struct run *run, struct qf_ledger *ledger, const struct place *place)
{
    static struct qf_tx_result results[TXS_MAX];
    struct qf_ledger_head head;
    qf_ledger_head(ledger, &head);
    uint64_t acknowledged = head.height;
    for (size_t block = (size_t)head.height; block < BLOCKS; block++) {
        if (write_block(run, ledger, block, results) != QF_OK)
            break;
        acknowledged = block + 1;
        for (size_t i = run->first[block]; i < run->first[block + 1]; i++) {
            MUST(results[i].code == run->results[i].code, place);
            MUST(results[i].leaf == run->results[i].leaf, place);
        }
        if (qf_ledger_keep(ledger, &run->signer) != QF_OK)
            break;
    }
    qf_ledger_head(ledger, &head);
    MUST(head.height == acknowledged, place); /* a stopped ledger answers what is durable */
    compare_head(run, &head, place);
    return acknowledged;
}

static void run_with_fault(struct run *run, struct place *place, enum qf_sim_fault fault,
                           bool power_goes)
{
    char dir[128];
    struct qf_sim_fs *sim = qf_sim_fs_new(place->n * 31 + (uint64_t)fault);
    struct qf_fs fs = qf_sim_fs_io(sim);
    struct qf_ledger *ledger;
    struct qf_error err = {0};
    qf_ledger_testing_folder(&run->testing, dir, "faults");
    place->fault = fault_names[fault];
    qf_sim_fs_fail_at(sim, place->n, fault);
    uint64_t acknowledged = 0;
    if (open_ledger(run, &ledger, dir, &fs, NULL) == QF_OK) {
        acknowledged = go_on(run, ledger, place);
        qf_ledger_abandon(ledger);
    }
    /* The first starts after it fail as well, at their n-th call. */
    for (unsigned again = 0; again < 2; again++) {
        if (power_goes)
            qf_sim_fs_crash(sim);
        else
            qf_sim_fs_revive(sim);
        qf_sim_fs_fail_at(sim, 1 + (place->n + 3 * again) % 9, fault);
        if (open_ledger(run, &ledger, dir, &fs, NULL) == QF_OK) {
            acknowledged = go_on(run, ledger, place);
            qf_ledger_abandon(ledger);
        }
    }
    if (power_goes)
        qf_sim_fs_crash(sim);
    else
        qf_sim_fs_revive(sim);
    qf_sim_fs_heal(sim);
    if (open_ledger(run, &ledger, dir, &fs, &err) != QF_OK)
        fail_msg("call %lu %s: does not open: %s: %s", place->n, place->fault, err.field,
                 err.detail);
    struct qf_ledger_head head;
    qf_ledger_head(ledger, &head);
    MUST(head.height >= acknowledged, place);
    compare_head(run, &head, place);
    compare_entries(run, ledger, head.size, place);
    MUST(go_on(run, ledger, place) == BLOCKS, place);
    compare_entries(run, ledger, run->heads[BLOCKS].size, place);
    qf_ledger_close(ledger);
    qf_sim_fs_crash(sim);
    MUST(open_ledger(run, &ledger, dir, &fs, NULL) == QF_OK, place);
    MUST(qf_ledger_replayed(ledger) == 0, place);
    qf_ledger_head(ledger, &head);
    MUST(head.height == BLOCKS, place);
    compare_head(run, &head, place);
    qf_ledger_abandon(ledger);
    qf_sim_fs_free(sim);
}

static void every_call(enum qf_suite suite, unsigned long step)
{
    struct run *run = malloc(sizeof *run);
    assert_non_null(run);
    prepare(run, suite);
    uint64_t calls = run_reference(run);
    unsigned codes[QF_STATUS_REFUSAL_MAX + 1] = {0};
    for (size_t i = 0; i < run->first[BLOCKS]; i++)
        codes[run->results[i].code]++;
    assert_true(codes[QF_OK] > 50 && codes[QF_DUPLICATE] > 0 && codes[QF_BAD_SIGNATURE] > 0);
    unsigned long runs = 0;
    for (int fault = 0; fault < QF_SIM_FAULT_COUNT; fault++)
        for (unsigned long n = 1 + (unsigned long)fault % step; n <= calls; n += step) {
            struct place place = {.n = n};
            run_with_fault(run, &place, (enum qf_sim_fault)fault, (n + (unsigned)fault) % 4 != 0);
            runs++;
        }
    print_message("%lu runs over %llu changing calls, %zu transactions each\n", runs,
                  (unsigned long long)calls, run->first[BLOCKS]);
    release(run);
}

static void every_fault_of_intl(void **state)
{
    (void)state;
    every_call(QF_SUITE_INTL, stride);
}

static void every_fault_of_gm(void **state)
{
    (void)state;
    every_call(QF_SUITE_GM, 11 * stride);
}

/* Entries that the folder's checkpoint covers. */
static uint64_t published(const struct qf_fs *fs)
{
    struct qf_buf note = {0};
    struct qf_checkpoint checkpoint;
    assert_int_equal(qf_fs_read(fs, "log/checkpoint", 4096, &note), QF_OK);
    assert_int_equal(qf_checkpoint_parse_note(&checkpoint, qf_buf_slice(&note), NULL), QF_OK);
    qf_buf_deinit(&note);
    return checkpoint.size;
}

/* The keeper looks four times a second: a second after the log grew the folder says so, with little
 * load and long before the state is flushed. */
static void the_folder_follows_within_a_second(void **state)
{
    (void)state;
    struct run *run = malloc(sizeof *run);
    assert_non_null(run);
    prepare(run, QF_SUITE_INTL);
    struct qf_sim_fs *sim = qf_sim_fs_new(9);
    struct qf_fs fs = qf_sim_fs_io(sim);
    struct qf_ledger *ledger;
    char dir[128];
    qf_ledger_testing_folder(&run->testing, dir, "published");
    assert_int_equal(open_ledger(run, &ledger, dir, &fs, NULL), QF_OK);
    for (size_t block = 0; block < 4; block++) {
        assert_int_equal(write_block(run, ledger, block, run->results), QF_OK);
        for (int round = 0; round < 4; round++)
            assert_int_equal(qf_ledger_keep(ledger, &run->signer), QF_OK);
        struct qf_ledger_head head;
        qf_ledger_head(ledger, &head);
        assert_int_equal(published(&fs), head.size);
    }
    qf_ledger_abandon(ledger);
    qf_sim_fs_free(sim);
    release(run);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        stride = strtoul(argv[1], NULL, 10);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_folder_follows_within_a_second),
        cmocka_unit_test(every_fault_of_intl),
        cmocka_unit_test(every_fault_of_gm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
