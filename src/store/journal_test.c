#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "store/journal.h"
#include "store/sim_fs.h"

#define SEGMENT (32u << 10)

struct sample {
    struct qf_journal_block block;
    struct qf_slice entries[8];
    uint8_t hashes[8][QF_HASH_SIZE];
    uint8_t bytes[8][3000];
};

/* Block `height` is a function of its height and of `life`, which tells re-made blocks apart. */
static void make_sample(struct sample *s, uint64_t height, uint64_t first_leaf, unsigned life)
{
    size_t count = height % 7 == 0 ? 0 : height % 5 + 1;
    for (size_t i = 0; i < count; i++) {
        size_t size = (height * 131 + i * 977) % 2500;
        for (size_t j = 0; j < size; j++)
            s->bytes[i][j] = (uint8_t)(height + i * 3 + j + life);
        s->entries[i] = (struct qf_slice){s->bytes[i], size};
        qf_hash_leaf(QF_HASH_SHA256, s->hashes[i], s->entries[i]);
    }
    s->block = (struct qf_journal_block){
        .height = height,
        .time_ms = (int64_t)(height * 1000 + life),
        .first_leaf = first_leaf,
        .count = count,
        .entries = s->entries,
        .leaf_hashes = (const uint8_t(*)[QF_HASH_SIZE])s->hashes,
    };
}

/* What was read back: the chain of blocks so far. */
struct seen {
    uint64_t height, next_leaf, first_height;
    int64_t times[512];
    size_t count;
};

static enum qf_status see(void *arg, const struct qf_journal_block *block)
{
    struct seen *seen = arg;
    struct sample want;
    unsigned life = (unsigned)(block->time_ms % 1000);
    make_sample(&want, block->height, block->first_leaf, life);
    assert_int_equal(block->count, want.block.count);
    assert_int_equal(block->time_ms, want.block.time_ms);
    if (seen->count > 0) {
        assert_int_equal(block->height, seen->height + 1);
        assert_int_equal(block->first_leaf, seen->next_leaf);
    } else {
        seen->first_height = block->height;
    }
    for (size_t i = 0; i < block->count; i++) {
        assert_true(qf_slice_equal(block->entries[i], want.entries[i]));
        assert_memory_equal(block->leaf_hashes[i], want.hashes[i], QF_HASH_SIZE);
    }
    if (seen->count < 512)
        seen->times[seen->count] = block->time_ms;
    seen->height = block->height;
    seen->next_leaf = block->first_leaf + block->count;
    seen->count++;
    return QF_OK;
}

static struct qf_journal *must_open(const struct qf_fs *fs)
{
    struct qf_journal *journal = NULL;
    struct qf_error err = {0};
    assert_int_equal(qf_journal_open_sized(&journal, fs, "a/journal", SEGMENT, &err), QF_OK);
    return journal;
}

static struct seen replay(struct qf_journal *journal, uint64_t after)
{
    struct seen seen = {0};
    assert_int_equal(qf_journal_replay(journal, after, see, &seen, NULL), QF_OK);
    return seen;
}

static void blocks_come_back_over_segments(void **state)
{
    (void)state;
    struct qf_sim_fs *sim = qf_sim_fs_new(1);
    struct qf_fs fs = qf_sim_fs_io(sim);
    struct qf_journal *journal = must_open(&fs);
    uint64_t leaf = 0;
    for (uint64_t height = 1; height <= 100; height++) {
        struct sample s;
        make_sample(&s, height, leaf, 1);
        assert_int_equal(qf_journal_append(journal, &s.block), QF_OK);
        leaf += s.block.count;
        if (height % 9 == 0)
            assert_int_equal(qf_journal_prepare(journal), QF_OK);
    }
    assert_int_equal(qf_journal_sync(journal), QF_OK);
    qf_journal_close(journal);
    qf_sim_fs_crash(sim);
    journal = must_open(&fs);
    struct seen seen = replay(journal, 0);
    assert_int_equal(seen.count, 100);
    assert_int_equal(seen.next_leaf, leaf);
    assert_int_equal(replay(journal, 60).first_height, 61);

    /* Trimming forgets whole segments only, and never what is still needed. */
    assert_int_equal(qf_journal_trim(journal, leaf / 2), QF_OK);
    seen = replay(journal, 0);
    assert_true(seen.first_height > 1 && seen.first_height < 60);
    assert_int_equal(seen.height, 100);
    assert_int_equal(qf_journal_trim(journal, leaf), QF_OK);
    assert_int_equal(replay(journal, 0).count, 0);
    qf_journal_close(journal);
    qf_sim_fs_free(sim);
}

static void a_large_block_gets_a_segment_of_its_own(void **state)
{
    (void)state;
    struct qf_sim_fs *sim = qf_sim_fs_new(2);
    struct qf_fs fs = qf_sim_fs_io(sim);
    struct qf_journal *journal = must_open(&fs);
    static uint8_t big[60000];
    static uint8_t hashes[4][QF_HASH_SIZE];
    struct qf_slice entries[4];
    for (size_t i = 0; i < 4; i++) {
        entries[i] = qf_slice_make(big, sizeof big);
        qf_hash_leaf(QF_HASH_SHA256, hashes[i], entries[i]);
    }
    struct qf_journal_block block = {.height = 1,
                                     .count = 4,
                                     .entries = entries,
                                     .leaf_hashes = (const uint8_t(*)[QF_HASH_SIZE])hashes};
    assert_int_equal(qf_journal_append(journal, &block), QF_OK);
    assert_int_equal(qf_journal_sync(journal), QF_OK);
    struct sample s;
    make_sample(&s, 2, 4, 1);
    assert_int_equal(qf_journal_append(journal, &s.block), QF_OK);
    assert_int_equal(qf_journal_sync(journal), QF_OK);
    qf_journal_close(journal);
    qf_sim_fs_crash(sim);
    journal = must_open(&fs);
    struct seen seen = replay(journal, 1);
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.next_leaf, 4 + s.block.count);
    qf_journal_close(journal);
    qf_sim_fs_free(sim);
}

/* One life of a node: opens, checks what is there, appends; stops at the first failure. */
struct history {
    uint64_t acked_height; /* synced: must never be missing again */
    uint64_t trimmed_leaf; /* what is below need not come back */
    int64_t times[512];    /* [height]: of the acknowledged block */
};

static void live(struct qf_sim_fs *sim, struct history *history, unsigned life, unsigned blocks)
{
    struct qf_journal *journal = NULL;
    struct qf_fs fs = qf_sim_fs_io(sim);
    if (qf_journal_open_sized(&journal, &fs, "a/journal", SEGMENT, NULL) != QF_OK) {
        assert_true(qf_sim_fs_failed(sim));
        return;
    }
    struct seen seen = {0};
    if (qf_journal_replay(journal, 0, see, &seen, NULL) != QF_OK) {
        qf_journal_close(journal);
        return;
    }
    if (history->acked_height > 0 && seen.count > 0) {
        assert_true(seen.height >= history->acked_height);
        for (size_t i = 0; i < seen.count; i++)
            if (seen.first_height + i <= history->acked_height)
                assert_int_equal(seen.times[i], history->times[seen.first_height + i]);
    }
    uint64_t leaf = seen.next_leaf;
    uint64_t height = seen.height;
    uint64_t end = height + blocks < 500 ? height + blocks : 500;
    /* What a replay found is what the node goes on from: it is acknowledged now. */
    for (size_t i = 0; i < seen.count; i++)
        history->times[seen.first_height + i] = seen.times[i];
    history->acked_height = height;
    while (height < end) {
        struct sample s;
        make_sample(&s, ++height, leaf, life);
        if (qf_journal_append(journal, &s.block) != QF_OK)
            break;
        leaf += s.block.count;
        if (height % 3 != 0)
            continue;
        if (qf_journal_sync(journal) != QF_OK)
            break;
        for (uint64_t h = history->acked_height + 1; h <= height; h++)
            history->times[h] = (int64_t)(h * 1000 + life);
        history->acked_height = height;
        if (height % 6 == 0)
            (void)!qf_journal_prepare(journal);
        if (height % 15 == 0)
            (void)!qf_journal_trim(journal, leaf > 40 ? leaf - 40 : 0);
    }
    struct sample s;
    make_sample(&s, height + 1, leaf, life);
    if (height < end) /* it failed: nothing may be taken any more */
        assert_int_equal(qf_journal_append(journal, &s.block), QF_UNAVAILABLE);
    qf_journal_close(journal);
}

/* Every changing call × every kind of fault × crash: what was acknowledged is there, and nothing
 * that was not a block is. */
static void faults_at_every_call(void **state)
{
    (void)state;
    for (int fault = 0; fault < QF_SIM_FAULT_COUNT; fault++) {
        bool came = true;
        for (uint64_t at = 1; came; at++) {
            struct qf_sim_fs *sim = qf_sim_fs_new(at * 16 + (uint64_t)fault);
            struct qf_fs fs = qf_sim_fs_io(sim);
            struct history history = {0};
            qf_sim_fs_fail_at(sim, at, (enum qf_sim_fault)fault);
            live(sim, &history, 1, 40);
            came = qf_sim_fs_failed(sim);
            qf_sim_fs_crash(sim);
            live(sim, &history, 2, 30);
            qf_sim_fs_crash(sim);
            struct qf_journal *journal = must_open(&fs);
            struct seen seen = replay(journal, 0);
            assert_true(seen.height >= history.acked_height);
            assert_true(history.acked_height >= 30);
            qf_journal_close(journal);
            qf_sim_fs_free(sim);
        }
    }
}

/* Many lives in a row, each ended at a random call: by the process alone, or by the
 * power. */
static void many_crashes(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct qf_sim_fs *sim = qf_sim_fs_new(seed);
        struct history history = {0};
        for (unsigned life = 1; life < 15; life++) {
            qf_sim_fs_fail_at(sim, 1 + (seed * 31 + life * 17) % 70,
                              (enum qf_sim_fault)((seed + life * 3) % QF_SIM_FAULT_COUNT));
            live(sim, &history, life, 40);
            if ((seed + life) % 3 == 0)
                qf_sim_fs_revive(sim); /* the process ended, the machine did not */
            else
                qf_sim_fs_crash(sim);
        }
        qf_sim_fs_free(sim);
    }
}

/* A journal of synced blocks 1 to `synced`, and after them, not synced, up to `written`. */
static uint64_t write_blocks(const struct qf_fs *fs, uint64_t synced, uint64_t written)
{
    struct qf_journal *journal = must_open(fs);
    uint64_t leaf = 0;
    for (uint64_t height = 1; height <= written; height++) {
        struct sample s;
        make_sample(&s, height, leaf, 1);
        assert_int_equal(qf_journal_append(journal, &s.block), QF_OK);
        leaf += s.block.count;
        if (height <= synced)
            assert_int_equal(qf_journal_sync(journal), QF_OK);
    }
    qf_journal_close(journal);
    return leaf;
}

static void flip(const struct qf_fs *fs, const char *path, uint64_t offset)
{
    struct qf_file *file;
    uint8_t byte;
    size_t got;
    assert_int_equal(fs->open(fs->self, &file, path, false), QF_OK);
    assert_int_equal(fs->read(fs->self, file, &byte, 1, offset, &got), QF_OK);
    byte ^= 1;
    assert_int_equal(fs->write(fs->self, file, qf_slice_make(&byte, 1), offset), QF_OK);
    fs->close(fs->self, file);
}

/* Offset of the record of a block in the first segment. */
static uint64_t place_of(const struct qf_fs *fs, uint64_t height)
{
    struct qf_file *file;
    uint8_t head[48];
    size_t got;
    assert_int_equal(fs->open(fs->self, &file, "a/journal/segment-00000", false), QF_OK);
    for (uint64_t at = 4096;; at += 4096) {
        assert_int_equal(fs->read(fs->self, file, head, sizeof head, at, &got), QF_OK);
        assert_int_equal(got, sizeof head);
        if (qf_be32_load(head) == 0x51464a31u && qf_be64_load(head + 16) == height) {
            fs->close(fs->self, file);
            return at;
        }
    }
}

static void refuses_damage(const struct qf_fs *fs, const char *segment, uint64_t place)
{
    char text[32];
    struct qf_journal *journal;
    struct qf_journal_report report;
    struct qf_error err = {0};
    snprintf(text, sizeof text, "at byte %llu", (unsigned long long)place);
    assert_int_equal(qf_journal_inspect(&report, fs, "a/journal", NULL, NULL, NULL, &err),
                     QF_CORRUPT);
    assert_string_equal(err.field, segment);
    assert_non_null(strstr(err.detail, text));
    err = (struct qf_error){0};
    assert_int_equal(qf_journal_open_sized(&journal, fs, "a/journal", SEGMENT, &err), QF_CORRUPT);
    assert_string_equal(err.field, segment);
    assert_non_null(strstr(err.detail, text));
}

/* What was durable and is not whole is named, whichever of its bytes changed, and nothing is
 * written. */
static void durable_records_that_are_damaged_are_reported(void **state)
{
    (void)state;
    static const uint64_t heights[] = {1, 2, 3, 4};
    static const uint64_t bytes[] = {0, 8, 20, 40, 60, 90};
    for (size_t i = 0; i < sizeof heights / sizeof heights[0]; i++)
        for (size_t j = 0; j < sizeof bytes / sizeof bytes[0]; j++) {
            struct qf_sim_fs *sim = qf_sim_fs_new(3);
            struct qf_fs fs = qf_sim_fs_io(sim);
            (void)write_blocks(&fs, 30, 30);
            uint64_t place = place_of(&fs, heights[i]);
            flip(&fs, "a/journal/segment-00000", place + bytes[j]);
            refuses_damage(&fs, "a/journal/segment-00000", place);
            refuses_damage(&fs, "a/journal/segment-00000", place); /* still */
            qf_sim_fs_free(sim);
        }
    /* In the only segment, too, where no other one tells what should be there. */
    for (uint64_t height = 1; height < 5; height++) {
        struct qf_sim_fs *sim = qf_sim_fs_new(4);
        struct qf_fs fs = qf_sim_fs_io(sim);
        (void)write_blocks(&fs, 5, 5);
        uint64_t place = place_of(&fs, height);
        flip(&fs, "a/journal/segment-00000", place + 85);
        refuses_damage(&fs, "a/journal/segment-00000", place);
        qf_sim_fs_free(sim);
    }
}

static void a_damaged_header_is_reported(void **state)
{
    (void)state;
    struct qf_sim_fs *sim = qf_sim_fs_new(5);
    struct qf_fs fs = qf_sim_fs_io(sim);
    struct qf_journal_report report;
    struct qf_error err = {0};
    (void)write_blocks(&fs, 5, 5);
    flip(&fs, "a/journal/segment-00000", 30);
    assert_int_equal(qf_journal_inspect(&report, &fs, "a/journal", NULL, NULL, NULL, &err),
                     QF_CORRUPT);
    assert_string_equal(err.field, "a/journal/segment-00000");
    assert_non_null(strstr(err.detail, "header"));
    qf_sim_fs_free(sim);
}

/* A record that nobody was promised may be whole, torn or missing, also with others behind it. */
static void what_was_not_synced_is_no_damage(void **state)
{
    (void)state;
    for (uint64_t height = 2; height <= 4; height++) {
        struct qf_sim_fs *sim = qf_sim_fs_new(6);
        struct qf_fs fs = qf_sim_fs_io(sim);
        struct qf_journal_report report;
        struct qf_error err = {0};
        (void)write_blocks(&fs, 1, 4);
        assert_int_equal(qf_journal_inspect(&report, &fs, "a/journal", NULL, NULL, NULL, &err),
                         QF_OK);
        assert_false(report.torn);
        assert_int_equal(report.blocks, 4);
        uint64_t place = place_of(&fs, height);
        flip(&fs, "a/journal/segment-00000", place + 85);
        struct seen seen = {0};
        assert_int_equal(qf_journal_inspect(&report, &fs, "a/journal", NULL, see, &seen, &err),
                         QF_OK);
        assert_true(report.torn);
        assert_int_equal(report.torn_segment, 0);
        assert_int_equal(report.torn_offset, place);
        assert_int_equal(report.blocks, height - 1);
        assert_int_equal(report.last_height, height - 1);
        assert_int_equal(seen.height, height - 1);
        assert_int_equal(seen.next_leaf, report.next_leaf);
        struct qf_journal *journal = must_open(&fs);
        assert_int_equal(replay(journal, 0).height, height - 1);
        qf_journal_close(journal);
        qf_sim_fs_free(sim);
    }
}

/* A process that writes real files is killed at some moment; what it reported as synced is there.
 */
static void survives_a_killed_process(void **state)
{
    (void)state;
    char folder[] = "/tmp/qf-journal-XXXXXX";
    assert_non_null(mkdtemp(folder));
    uint64_t reported = 0;
    for (unsigned life = 1; life <= 4; life++) {
        int ends[2];
        assert_int_equal(pipe(ends), 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            struct qf_fs fs;
            struct qf_journal *journal;
            struct seen seen = {0};
            if (qf_fs_posix_init(&fs, folder, NULL) != QF_OK ||
                qf_journal_open_sized(&journal, &fs, "j", 256u << 10, NULL) != QF_OK ||
                qf_journal_replay(journal, 0, see, &seen, NULL) != QF_OK)
                _exit(1);
            uint64_t leaf = seen.next_leaf;
            for (uint64_t height = seen.height + 1;; height++) {
                struct sample s;
                make_sample(&s, height, leaf, life);
                if (qf_journal_append(journal, &s.block) != QF_OK ||
                    qf_journal_sync(journal) != QF_OK ||
                    write(ends[1], &height, sizeof height) != (ssize_t)sizeof height)
                    _exit(1);
                leaf += s.block.count;
            }
        }
        close(ends[1]);
        uint64_t height = 0;
        for (unsigned i = 0; i < 50 * life; i++) {
            assert_int_equal(read(ends[0], &height, sizeof height), (ssize_t)sizeof height);
            reported = height;
        }
        assert_int_equal(kill(child, SIGKILL), 0);
        while (read(ends[0], &height, sizeof height) == (ssize_t)sizeof height)
            reported = height;
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        close(ends[0]);
        struct qf_fs fs;
        struct qf_journal *journal;
        assert_int_equal(qf_fs_posix_init(&fs, folder, NULL), QF_OK);
        assert_int_equal(qf_journal_open_sized(&journal, &fs, "j", 256u << 10, NULL), QF_OK);
        struct seen seen = replay(journal, 0);
        assert_int_equal(seen.first_height, 1);
        assert_true(seen.height >= reported);
        qf_journal_close(journal);
        qf_fs_posix_deinit(&fs);
    }
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_come_back_over_segments),
        cmocka_unit_test(a_large_block_gets_a_segment_of_its_own),
        cmocka_unit_test(faults_at_every_call),
        cmocka_unit_test(many_crashes),
        cmocka_unit_test(durable_records_that_are_damaged_are_reported),
        cmocka_unit_test(a_damaged_header_is_reported),
        cmocka_unit_test(what_was_not_synced_is_no_damage),
        cmocka_unit_test(survives_a_killed_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
