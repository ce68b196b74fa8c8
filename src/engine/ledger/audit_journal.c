/* The journal's tail in an audit: blocks that are durable and acknowledged, and not yet under a
 * checkpoint. They are read first, and set apart in a journal of the scratch folder, because a node
 * that serves the folder goes on; they are played after what the checkpoint covers. */
#include <stdio.h>
#include <stdlib.h>

#include "engine/ledger/audit_internal.h"

#define SEGMENT_SIZE ((size_t)4 << 20)
#define HASHES_MIN 4096

/* A journal is begun anew when the node moved it while it was read. */
static void restart(void *arg)
{
    struct audit *audit = arg;
    struct audit_tail *tail = &audit->tail;
    qf_journal_close(tail->copy);
    tail->copy = NULL;
    tail->overlap = 0;
    tail->copies++;
}

static enum qf_status open_copy(struct audit *audit)
{
    struct audit_tail *tail = &audit->tail;
    char name[32];
    snprintf(name, sizeof name, "tail-%u", tail->copies);
    return qf_journal_open_sized(&tail->copy, &audit->scratch_fs, name, SEGMENT_SIZE, audit->err);
}

/* Blocks that the checkpoint covers are held against the log by their hashes. */
static enum qf_status keep_hashes(struct audit *audit, const struct qf_journal_block *block)
{
    struct audit_tail *tail = &audit->tail;
    if (tail->overlap == 0)
        tail->first_leaf = block->first_leaf;
    if (tail->overlap + block->count > tail->capacity) {
        size_t capacity = 2 * (tail->overlap + block->count) + HASHES_MIN;
        void *more = realloc(tail->hashes, capacity * QF_HASH_SIZE);
        if (more == NULL)
            return qf_fail(audit->err, QF_NO_MEMORY, "journal", "no memory");
        tail->hashes = more;
        tail->capacity = capacity;
    }
    if (block->count > 0)
        memcpy(tail->hashes[tail->overlap], block->leaf_hashes, block->count * QF_HASH_SIZE);
    tail->overlap += block->count;
    return QF_OK;
}

static enum qf_status take_block(void *arg, const struct qf_journal_block *block)
{
    struct audit *audit = arg;
    uint64_t size = audit->checkpoint.size;
    if (block->first_leaf + block->count <= size)
        return keep_hashes(audit, block);
    if (block->first_leaf < size)
        return audit_differs(audit, "checkpoint", "it ends within block %llu of the journal",
                             (unsigned long long)block->height);
    enum qf_status status = audit->tail.copy == NULL ? open_copy(audit) : QF_OK;
    if (status == QF_OK)
        status = qf_journal_append(audit->tail.copy, block);
    return status == QF_OK || audit->err->status == status
               ? status
               : qf_fail(audit->err, status, audit->scratch, "cannot be written");
}

/* What was promised must be somewhere: nothing between log and journal, nothing after it. */
static enum qf_status check_extent(struct audit *audit)
{
    const struct qf_journal_report *found = &audit->tail.found;
    uint64_t size = audit->checkpoint.size;
    uint64_t stored = audit->has_stored ? audit->stored_size : 0;
    uint64_t kept = stored > size ? stored : size;
    if (found->files == 0 && (size > 0 || stored > 0))
        return audit_differs(audit, "journal",
                             "the folder has no segment, and a node always leaves one: what was "
                             "acknowledged after the checkpoint of %llu entries is lost",
                             (unsigned long long)size);
    if (found->blocks == 0)
        return QF_OK;
    if (found->next_leaf < kept)
        return audit_differs(
            audit, "journal", "it ends with %llu entries, and %s has %llu: durable blocks are lost",
            (unsigned long long)found->next_leaf,
            kept == size ? "the checkpoint" : "the stored state", (unsigned long long)kept);
    return QF_OK;
}

enum qf_status audit_copy_journal(struct audit *audit)
{
    struct audit_tail *tail = &audit->tail;
    struct qf_error err = {0};
    if (audit->options->journal_fs == NULL)
        return QF_OK;
    enum qf_status status = qf_journal_inspect(&tail->found, audit->options->journal_fs, "journal",
                                               restart, take_block, audit, &err);
    qf_journal_close(tail->copy);
    tail->copy = NULL;
    if (status == QF_CORRUPT)
        return audit_differs(audit, err.field, "%s", err.detail);
    if (status != QF_OK && audit->err->status != status)
        return qf_fail(audit->err, status, err.field, "%s", err.detail);
    if (status != QF_OK)
        return status;
    tail->present = true;
    audit->report->journal = true;
    audit->report->journal_torn = tail->found.torn;
    audit->report->journal_segment = tail->found.torn_segment;
    audit->report->journal_offset = tail->found.torn_offset;
    return check_extent(audit);
}

uint64_t audit_log_end(const struct audit *audit)
{
    const struct qf_journal_report *found = &audit->tail.found;
    uint64_t end = audit->checkpoint.size;
    if (!audit->tail.present)
        return end;
    if (found->blocks > 0)
        return found->first_leaf > end ? found->first_leaf : end;
    return audit->has_stored && audit->stored_size > end ? audit->stored_size : end;
}

enum qf_status audit_compare_journal(struct audit *audit, uint64_t leaf,
                                     const uint8_t hash[QF_HASH_SIZE])
{
    const struct audit_tail *tail = &audit->tail;
    if (tail->overlap == 0 || leaf < tail->first_leaf || leaf - tail->first_leaf >= tail->overlap ||
        memcmp(tail->hashes[leaf - tail->first_leaf], hash, QF_HASH_SIZE) == 0)
        return QF_OK;
    return audit_differs(audit, "journal", "entry %llu is another one there than in the log",
                         (unsigned long long)leaf);
}

struct play {
    struct audit *audit;
    audit_block_fn *apply;
    void *arg;
};

static enum qf_status play_block(void *arg, const struct qf_journal_block *block)
{
    const struct play *play = arg;
    struct audit *audit = play->audit;
    const struct qf_ledger_head *head = &audit->ledger->applied;
    if (block->first_leaf != head->size || block->height != head->height + 1)
        return audit_differs(
            audit, "journal", "block %llu begins with entry %llu, and block %llu ends before %llu",
            (unsigned long long)block->height, (unsigned long long)block->first_leaf,
            (unsigned long long)head->height, (unsigned long long)head->size);
    enum qf_status status = play->apply(play->arg, block);
    if (status == QF_OK && audit->ledger->applied.time_ms != block->time_ms)
        status = audit_differs(audit, "journal", "block %llu has another time than its entries",
                               (unsigned long long)block->height);
    if (status == QF_OK) {
        audit->report->journal_blocks++;
        audit->report->journal_entries += block->count;
    }
    return status;
}

enum qf_status audit_play_journal(struct audit *audit, audit_block_fn *apply, void *arg)
{
    struct audit_tail *tail = &audit->tail;
    struct play play = {audit, apply, arg};
    if (!tail->present || tail->found.blocks == 0 ||
        tail->found.next_leaf <= audit->ledger->applied.size)
        return QF_OK;
    enum qf_status status = open_copy(audit);
    if (status == QF_OK)
        status = qf_journal_replay(tail->copy, 0, play_block, &play, audit->err);
    return status;
}

void audit_forget_journal(struct audit *audit)
{
    qf_journal_close(audit->tail.copy);
    free(audit->tail.hashes);
    audit->tail = (struct audit_tail){0};
}
