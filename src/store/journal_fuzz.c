/* A journal whose only segment is the input: reading without writing and opening must find the
 * same. Opening must end the journal at what is not whole, or refuse what was durable and is
 * damaged; a block appended afterwards must come back. */
#include "store/journal.h"
#include "store/sim_fs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SEGMENT 16384u

static enum qf_status last_height(void *arg, const struct qf_journal_block *block)
{
    *(uint64_t *)arg = block->height;
    ((uint64_t *)arg)[1] = block->first_leaf + block->count;
    return QF_OK;
}

static void reopen(const struct qf_fs *fs, uint64_t want_height)
{
    struct qf_journal *journal;
    uint64_t seen[2] = {0, 0};
    QF_ASSERT(qf_journal_open_sized(&journal, fs, "j", SEGMENT, NULL) == QF_OK);
    QF_ASSERT(qf_journal_replay(journal, 0, last_height, seen, NULL) == QF_OK);
    QF_ASSERT(seen[0] == want_height);
    qf_journal_close(journal);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t zeros[SEGMENT];
    struct qf_sim_fs *sim = qf_sim_fs_new(size);
    struct qf_fs fs = qf_sim_fs_io(sim);
    struct qf_file *file;
    struct qf_journal *journal;
    uint64_t seen[2] = {0, 0};
    QF_ASSERT(fs.make_dir(fs.self, "j") == QF_OK);
    QF_ASSERT(fs.open(fs.self, &file, "j/segment-00000", true) == QF_OK);
    QF_ASSERT(fs.write(fs.self, file, qf_slice_make(zeros, SEGMENT), 0) == QF_OK);
    QF_ASSERT(fs.write(fs.self, file, qf_slice_make(data, size), 0) == QF_OK);
    QF_ASSERT(fs.sync(fs.self, file) == QF_OK);
    fs.close(fs.self, file);
    uint64_t inspected[2] = {0, 0};
    struct qf_journal_report report;
    enum qf_status found =
        qf_journal_inspect(&report, &fs, "j", NULL, last_height, inspected, NULL);
    enum qf_status opened = qf_journal_open_sized(&journal, &fs, "j", SEGMENT, NULL);
    QF_ASSERT(found == QF_OK || found == QF_CORRUPT);
    if (opened == QF_CORRUPT) {
        QF_ASSERT(found == QF_CORRUPT);
        qf_sim_fs_free(sim);
        return 0;
    }
    QF_ASSERT(opened == QF_OK);
    QF_ASSERT(qf_journal_replay(journal, 0, last_height, seen, NULL) == QF_OK);
    QF_ASSERT(memcmp(seen, inspected, sizeof seen) == 0);
    if (seen[0] < UINT64_MAX - 1) {
        const struct qf_journal_block block = {.height = seen[0] + 1, .first_leaf = seen[1]};
        QF_ASSERT(qf_journal_append(journal, &block) == QF_OK);
        QF_ASSERT(qf_journal_sync(journal) == QF_OK);
        qf_journal_close(journal);
        qf_sim_fs_crash(sim);
        reopen(&fs, seen[0] + 1);
    } else {
        qf_journal_close(journal);
    }
    qf_sim_fs_free(sim);
    return 0;
}
