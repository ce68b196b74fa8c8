/* A journal as others see it: read, never written. */
#include <stdlib.h>

#include "base/bytes.h"
#include "store/journal_internal.h"

/* A node that serves the folder may take its oldest segments back while they are read, which looks
 * like a break in the chain; damage is there again the next time. */
#define ATTEMPTS 4

struct inspection {
    struct qf_journal_report *report;
    journal_block_fn *each;
    void *arg;
};

static enum qf_status note_block(void *arg, const struct qf_journal_block *block)
{
    struct inspection *inspection = arg;
    struct qf_journal_report *report = inspection->report;
    if (report->blocks++ == 0)
        report->first_leaf = block->first_leaf;
    report->next_leaf = block->first_leaf + block->count;
    report->last_height = block->height;
    return inspection->each != NULL ? inspection->each(inspection->arg, block) : QF_OK;
}

/* Whether a page holds the head of a record newer than `sequence` that was written when the
 * segment's first page was durable. */
static bool is_newer(const uint8_t *page, uint64_t sequence)
{
    return qf_be32_load(page) == JOURNAL_RECORD_MAGIC && qf_be64_load(page + 8) > sequence &&
           qf_be32_load(page + 44) > 0;
}

/* A segment whose header is damaged counts as free, and its records would be taken for what an
 * earlier use of it left behind; but those are older than every live one. A header that was cleared
 * is all zeros. */
static enum qf_status find_headless(struct qf_journal *journal, const struct segment *last,
                                    struct qf_error *err)
{
    static const uint8_t zeros[JOURNAL_PAGE];
    struct qf_buf page = {0};
    uint64_t newest = last != NULL ? last->sequence : 0;
    enum qf_status status = QF_OK;
    for (size_t i = 0; i < journal->segment_count && status == QF_OK; i++) {
        const struct segment *segment = journal->segments[i];
        if (segment->state != SEGMENT_FREE || segment->size < JOURNAL_PAGE)
            continue;
        status = journal_read_exact(journal, segment->file, &page, JOURNAL_PAGE, 0);
        if (status != QF_OK || memcmp(page.data, zeros, JOURNAL_PAGE) == 0)
            continue;
        for (uint64_t at = JOURNAL_PAGE; at < segment->size && status == QF_OK;
             at += JOURNAL_PAGE) {
            char path[JOURNAL_PATH_SIZE];
            status = journal_read_exact(journal, segment->file, &page, JOURNAL_PAGE, at);
            journal_segment_path(journal, segment->number, path);
            if (status == QF_OK && is_newer(page.data, newest))
                status = qf_fail(err, QF_CORRUPT, path,
                                 "its header, bytes 0 to 87, is damaged, and its records were "
                                 "durable");
        }
    }
    qf_buf_deinit(&page);
    return status == QF_NOT_FOUND ? QF_OK : status;
}

static enum qf_status inspect_segments(struct qf_journal *journal, struct inspection *inspection,
                                       struct qf_error *err)
{
    struct qf_journal_report *report = inspection->report;
    struct chain chain = {0};
    struct segment *last = NULL;
    enum qf_status status = journal_load_segments(journal);
    if (status == QF_OK)
        status = journal_follow(journal, &chain, note_block, inspection, &last, &report->torn, err);
    if (status == QF_OK)
        status = find_headless(journal, last, err);
    report->files = journal->segment_count;
    for (size_t i = 0; i < journal->segment_count; i++)
        report->segments += journal->segments[i]->blocks > 0;
    if (status == QF_OK && report->torn) {
        report->torn_segment = last->number;
        report->torn_offset = last->end;
    }
    return status;
}

static enum qf_status inspect_once(struct qf_journal_report *out, const struct qf_fs *fs,
                                   const char *dir, journal_block_fn *each, void *arg,
                                   struct qf_error *err)
{
    struct qf_error reason = {0};
    *out = (struct qf_journal_report){0};
    struct inspection inspection = {out, each, arg};
    struct qf_journal *journal = calloc(1, sizeof *journal);
    if (journal == NULL)
        return qf_fail(err, QF_NO_MEMORY, dir, "no memory for the journal");
    QF_ASSERT(strlen(dir) < sizeof journal->dir);
    strcpy(journal->dir, dir); /* NOLINT: the size is asserted */
    journal->fs = *fs;
    pthread_mutex_init(&journal->mutex, NULL);
    enum qf_status status = inspect_segments(journal, &inspection, &reason);
    qf_journal_close(journal);
    if (status == QF_OK)
        return QF_OK;
    return reason.status == status ? qf_fail(err, status, reason.field, "%s", reason.detail)
                                   : qf_fail(err, status, dir, "the journal cannot be read: %s",
                                             qf_status_title(status));
}

enum qf_status qf_journal_inspect(struct qf_journal_report *out, const struct qf_fs *fs,
                                  const char *dir, void (*restart)(void *arg),
                                  journal_block_fn *each, void *arg, struct qf_error *err)
{
    enum qf_status status = QF_CORRUPT;
    for (int attempt = 0; attempt < ATTEMPTS && status == QF_CORRUPT; attempt++) {
        if (restart != NULL)
            restart(arg);
        status = inspect_once(out, fs, dir, each, arg, err);
    }
    return status;
}
