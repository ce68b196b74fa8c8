/* The store alone: blocks into the journal, records into the state as it grows, proofs and entries
 * out of the log folder. Works in a folder of its own below the working directory's build folder,
 * on the disk that stands there. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/bytes.h"
#include "benches.h"
#include "store/journal.h"
#include "store/state.h"
#include "store/tiles.h"

#define ENTRY_SIZE 700
#define GROUP_MAX 300
#define BLOCK_RECORDS 300
#define BATCH_RECORDS 30000 /* of a flush */

static void must(enum qf_status status, const char *what)
{
    if (status != QF_OK) {
        (void)fprintf(stderr, "store bench: %s: %s\n", what, qf_status_title(status));
        exit(3);
    }
}

static void add(struct bench_report *report, const char *id, const struct bench_samples *samples,
                const char *unit, enum bench_better better, double bar)
{
    bench_report_add(report, &(struct bench_result){.id = id,
                                                    .value = bench_samples_median(samples),
                                                    .unit = unit,
                                                    .has_bar = bar > 0,
                                                    .bar = bar,
                                                    .better = better,
                                                    .runs = samples->count});
}

static void journal(struct bench_report *report, const struct bench_options *options,
                    const struct qf_fs *fs)
{
    static const size_t groups[] = {1, 64, 300};
    static uint8_t bytes[ENTRY_SIZE];
    static struct qf_slice entries[GROUP_MAX];
    static uint8_t hashes[GROUP_MAX][QF_HASH_SIZE];
    for (size_t i = 0; i < GROUP_MAX; i++) {
        entries[i] = qf_slice_make(bytes, ENTRY_SIZE);
        qf_hash_leaf(QF_HASH_SHA256, hashes[i], entries[i]);
    }
    struct qf_journal *journal;
    must(qf_journal_open(&journal, fs, "journal", NULL), "journal");
    must(qf_journal_prepare(journal), "journal");
    struct qf_journal_block block = {.entries = entries,
                                     .leaf_hashes = (const uint8_t(*)[QF_HASH_SIZE])hashes};
    for (size_t g = 0; g < sizeof groups / sizeof groups[0]; g++) {
        struct bench_samples rate = {0};
        char id[64];
        for (int run = 0; run < options->runs; run++) {
            unsigned blocks = options->quick ? 50 : 1000;
            uint64_t spent = 0;
            for (unsigned i = 0; i < blocks; i++) {
                block.height++;
                block.count = groups[g];
                uint64_t start = bench_now_ns();
                must(qf_journal_append(journal, &block), "append");
                must(qf_journal_sync(journal), "sync");
                spent += bench_now_ns() - start;
                block.first_leaf += block.count;
                if (i % 50 == 49) { /* a background thread's work, not counted */
                    must(qf_journal_trim(journal, block.first_leaf), "trim");
                    must(qf_journal_prepare(journal), "prepare");
                }
            }
            bench_samples_add(&rate, blocks * 1e9 / (double)spent);
        }
        snprintf(id, sizeof id, "journal.sync.group%zu", groups[g]);
        add(report, id, &rate, "blocks/s", BENCH_HIGHER, 0);
    }
    qf_journal_close(journal);
}

static double rss_anon_mb(void)
{
    FILE *file = fopen("/proc/self/status", "r");
    char line[256];
    double kb = 0;
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, "RssAnon:", 8) == 0)
            kb = strtod(line + 8, NULL);
    if (file != NULL)
        (void)fclose(file);
    return kb / 1024;
}

/* One block of new records, each with a transaction id and a hash in the index. */
static void install_block(struct qf_state *state, uint64_t height, uint64_t first)
{
    static struct qf_state_change changes[BLOCK_RECORDS];
    static struct qf_index_entry index[2 * BLOCK_RECORDS];
    static char keys[BLOCK_RECORDS][48], values[BLOCK_RECORDS][80];
    uint8_t root[QF_HASH_SIZE];
    for (uint64_t i = 0; i < BLOCK_RECORDS; i++) {
        uint8_t hash[QF_HASH_SIZE];
        uint64_t leaf = first + i;
        int size =
            snprintf(keys[i], sizeof keys[i], "evidence/record/%012llu", (unsigned long long)leaf);
        changes[i].key = qf_slice_make(keys[i], (size_t)size);
        struct qf_slice none; /* whoever records looks whether it is there: part of the cost */
        if (qf_state_peek(state, changes[i].key, &none) != QF_NOT_FOUND)
            exit(3);
        size = snprintf(values[i], sizeof values[i],
                        "{\"leaf\":%llu,\"owner\":\"member-1/actor-1\",\"s\":1}",
                        (unsigned long long)leaf);
        changes[i].value = qf_slice_make(values[i], (size_t)size);
        qf_hash(QF_HASH_SHA256, hash, changes[i].key);
        index[2 * i] = (struct qf_index_entry){.term.kind = 1, .leaf = leaf};
        memcpy(index[2 * i].term.term, hash, QF_INDEX_TERM_SIZE);
        index[2 * i + 1] = (struct qf_index_entry){.term.kind = 2, .leaf = leaf};
        memcpy(index[2 * i + 1].term.term, hash + 16, QF_INDEX_TERM_SIZE);
    }
    const struct qf_state_block block = {.height = height,
                                         .changes = changes,
                                         .change_count = BLOCK_RECORDS,
                                         .index = index,
                                         .index_count = 2 * BLOCK_RECORDS};
    must(qf_state_install(state, &block, root), "install");
}

/* Fills the state and reports the processor time of a record over the last tenth before each mark;
 * the waiting for the disk is beside the point, since a flush runs behind the journal. */
static void state(struct bench_report *report, const struct bench_options *options,
                  const char *folder)
{
    static const uint64_t marks[] = {100000, 1000000, 5000000};
    struct qf_state *state;
    const struct qf_state_options state_options = {.alg = QF_HASH_SHA256, .filtered_kind = 1};
    char path[512], id[64];
    snprintf(path, sizeof path, "%s/state", folder);
    must(qf_state_open(&state, path, &state_options, NULL), "state");
    uint64_t height = 0, count = 0;
    for (size_t m = 0; m < (options->quick ? 1 : 3); m++) {
        uint64_t installed_ns = 0, flushed_ns = 0, measured = 0;
        while (count < marks[m]) {
            bool counts = count >= marks[m] - marks[m] / 10;
            uint64_t start = bench_thread_ns();
            for (unsigned i = 0; i < BATCH_RECORDS / BLOCK_RECORDS && count < marks[m]; i++) {
                install_block(state, ++height, count);
                count += BLOCK_RECORDS;
                measured += counts ? BLOCK_RECORDS : 0;
            }
            must(qf_state_freeze(state, NULL, 0), "freeze");
            uint64_t middle = bench_thread_ns();
            must(qf_state_flush(state), "flush");
            uint64_t end = bench_thread_ns();
            installed_ns += counts ? middle - start : 0;
            flushed_ns += counts ? end - middle : 0;
        }
        struct bench_samples samples = {0};
        bench_samples_add(&samples, (double)installed_ns / (double)measured / 1000);
        snprintf(id, sizeof id, "state.install.at%llu", (unsigned long long)marks[m]);
        add(report, id, &samples, "us/record", BENCH_LOWER, 0);
        samples = (struct bench_samples){0};
        bench_samples_add(&samples, (double)flushed_ns / (double)measured / 1000);
        snprintf(id, sizeof id, "state.flush.at%llu", (unsigned long long)marks[m]);
        add(report, id, &samples, "us/record", BENCH_LOWER, 0);
        samples = (struct bench_samples){0};
        bench_samples_add(&samples, (double)(installed_ns + flushed_ns) / (double)measured / 1000);
        snprintf(id, sizeof id, "state.total.at%llu", (unsigned long long)marks[m]);
        add(report, id, &samples, "us/record", BENCH_LOWER, marks[m] == 5000000 ? 12 : 0);
    }
    struct bench_samples peek = {0}, memory = {0};
    uint64_t peeks = options->quick ? 10000 : 500000;
    uint64_t start = bench_thread_ns();
    for (uint64_t i = 0; i < peeks; i++) {
        char key[48];
        struct qf_slice value;
        int size = snprintf(key, sizeof key, "evidence/record/%012llu",
                            (unsigned long long)(i * 7919 % count));
        must(qf_state_peek(state, qf_slice_make(key, (size_t)size), &value), "peek");
    }
    bench_samples_add(&peek, (double)(bench_thread_ns() - start) / (double)peeks / 1000);
    add(report, "state.peek", &peek, "us", BENCH_LOWER, 0);
    struct bench_samples find = {0};
    start = bench_thread_ns();
    for (uint64_t i = 0; i < peeks; i++) {
        struct qf_index_term term = {.kind = 1};
        uint64_t leaf;
        qf_be64_store(term.term, i * 0x9e3779b97f4a7c15u);
        if (qf_state_find_first(state, &term, count > 1000000 ? count - 1000000 : 0, &leaf))
            exit(3);
    }
    bench_samples_add(&find, (double)(bench_thread_ns() - start) / (double)peeks / 1000);
    add(report, "state.find_first.absent", &find, "us", BENCH_LOWER, 0);
    bench_samples_add(&memory, rss_anon_mb());
    add(report, "state.rss_anon", &memory, "MiB", BENCH_LOWER, options->quick ? 0 : 300);
    qf_state_close(state);
}

static void tiles(struct bench_report *report, const struct bench_options *options,
                  const struct qf_fs *fs)
{
    struct qf_tiles *tiles;
    struct bench_samples appended = {0}, proofs = {0}, entries_read = {0};
    const struct qf_tiles_options tile_options = {0};
    static uint8_t bytes[GROUP_MAX][ENTRY_SIZE];
    static struct qf_slice entries[GROUP_MAX];
    static uint8_t hashes[GROUP_MAX][QF_HASH_SIZE];
    uint64_t size = options->quick ? 30000 : 600000, durable;
    uint64_t start = bench_now_ns();
    must(qf_tiles_open(&tiles, fs, &tile_options, 0, NULL), "tiles");
    for (uint64_t first = 0; first < size; first += GROUP_MAX) {
        for (uint64_t i = 0; i < GROUP_MAX; i++) {
            qf_be64_store(bytes[i], first + i);
            entries[i] = qf_slice_make(bytes[i], ENTRY_SIZE);
            qf_hash_leaf(QF_HASH_SHA256, hashes[i], entries[i]);
        }
        must(qf_tiles_append(tiles, GROUP_MAX, entries, (const uint8_t(*)[QF_HASH_SIZE])hashes,
                             NULL),
             "append");
        if (first / GROUP_MAX % 100 == 99)
            must(qf_tiles_publish(tiles, true, true, &durable), "publish");
    }
    must(qf_tiles_publish(tiles, true, true, &durable), "publish");
    bench_samples_add(&appended, (double)(bench_now_ns() - start) / (double)size / 1000);
    add(report, "tiles.append", &appended, "us/entry", BENCH_LOWER, 0);
    struct qf_hash_reader reader;
    qf_tiles_reader(tiles, QF_HASH_SHA256, &reader);
    for (int run = 0; run < options->runs; run++) {
        uint64_t count = options->quick ? 2000 : 50000;
        start = bench_now_ns();
        for (uint64_t i = 0; i < count; i++) {
            struct qf_log_proof proof;
            must(
                qf_log_prove_inclusion(QF_HASH_SHA256, &proof, i * 7919 * 31 % size, size, &reader),
                "prove");
        }
        bench_samples_add(&proofs, (double)count * 1e9 / (double)(bench_now_ns() - start));
        start = bench_now_ns();
        for (uint64_t i = 0; i < count; i++) {
            struct qf_buf entry = {0};
            must(qf_tiles_entry(tiles, &entry, i * 7919 * 31 % size), "entry");
            qf_buf_deinit(&entry);
        }
        bench_samples_add(&entries_read, (double)count * 1e9 / (double)(bench_now_ns() - start));
    }
    add(report, "tiles.inclusion.random", &proofs, "proofs/s", BENCH_HIGHER, 50000);
    add(report, "tiles.entry.random", &entries_read, "entries/s", BENCH_HIGHER, 0);
    qf_tiles_close(tiles);
}

int bench_store(const struct bench_options *options)
{
    char folder[] = "store-bench-XXXXXX";
    struct qf_fs fs;
    if (mkdtemp(folder) == NULL) {
        (void)fprintf(stderr, "store bench: no folder can be made here\n");
        return 3;
    }
    struct bench_report *report = bench_report_new("store");
    must(qf_fs_posix_init(&fs, folder, NULL), "folder");
    journal(report, options, &fs);
    tiles(report, options, &fs);
    state(report, options, folder);
    qf_fs_posix_deinit(&fs);
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    if (system(command) != 0)
        (void)fprintf(stderr, "store bench: %s is left over\n", folder);
    return bench_report_finish(report, options);
}
