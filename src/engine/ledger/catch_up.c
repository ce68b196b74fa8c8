/* Coming up where the log has more than state and journal know: a restored backup, in which the
 * state is old or missing, or a lost state. The entries stand in the tiles, durable; they are
 * applied again from there. Without this a node would begin where its state ends and write another
 * log over the one that it has signed.
 *
 *   state ──K────────────────┐
 *   tiles ──K───────────S────┼──J        S: the published checkpoint's size; J: first leaf of the
 *   journal                  └──J───N    journal, N its end: all of K to S must be somewhere */
#include <stdlib.h>

#include "engine/ledger/internal.h"

#define FLUSH_TXS 8000 /* state written, so that a start that is cut short goes on from there */

struct catch_up {
    struct qf_ledger_replay replay;
    struct qf_ledger *ledger;
    struct qf_tiles *tiles; /* up to `target` */
    struct qf_checkpoint published;
    struct qf_arena note_arena; /* of `published` */
    uint64_t target;

    /* The block that is being gathered. */
    struct qf_arena arena;
    struct qf_slice *entries;
    uint8_t (*hashes)[QF_HASH_SIZE];
    size_t count;
    uint64_t height;
    int64_t time_ms;
};

/* The folder's checkpoint. A file that is none was cut short by a crash: it says nothing. */
static void read_published(struct catch_up *c)
{
    struct qf_ledger *ledger = c->ledger;
    struct qf_buf text = {0};
    c->published = (struct qf_checkpoint){0};
    if (qf_fs_read(&ledger->log_fs, "checkpoint", QF_NOTE_SIZE_MAX, &text) == QF_OK) {
        struct qf_slice note = qf_arena_copy(&c->note_arena, qf_buf_slice(&text));
        if (qf_checkpoint_parse_note(&c->published, note, NULL) != QF_OK ||
            !qf_slice_equal(c->published.origin, ledger->rules.network))
            c->published = (struct qf_checkpoint){0};
    }
    qf_buf_deinit(&text);
}

/* What was signed at this size is what came out. */
static enum qf_status check_published(const struct catch_up *c)
{
    const struct qf_ledger_head *head = &c->ledger->applied;
    if (head->size != c->published.size ||
        (memcmp(head->root, c->published.root, QF_HASH_SIZE) == 0 &&
         memcmp(head->state_root, c->published.state_root, QF_HASH_SIZE) == 0))
        return QF_OK;
    return qf_fail(c->replay.err, QF_CORRUPT, "log",
                   "the tiles do not give what log/checkpoint says of %llu entries; qifeng audit "
                   "says which of them differs",
                   (unsigned long long)head->size);
}

static enum qf_status apply(struct catch_up *c)
{
    struct qf_ledger *ledger = c->ledger;
    const struct qf_journal_block block = {
        .height = c->height,
        .time_ms = c->time_ms,
        .first_leaf = ledger->applied.size,
        .count = c->count,
        .entries = c->entries,
        .leaf_hashes = (const uint8_t(*)[QF_HASH_SIZE])c->hashes,
    };
    enum qf_status status = c->count > 0 ? qf_ledger_replay_block(&c->replay, &block) : QF_OK;
    c->count = 0;
    qf_arena_reset(&c->arena);
    if (status == QF_OK)
        status = check_published(c);
    if (status == QF_OK && (ledger->applied.size - ledger->kept.size >= FLUSH_TXS ||
                            ledger->applied.size == c->target)) {
        status = qf_ledger_flush_state(ledger);
        if (status != QF_OK)
            return qf_fail(c->replay.err, status, "state", "it cannot be written");
    }
    return status;
}

static enum qf_status apply_entries(struct catch_up *c)
{
    enum qf_status status = QF_OK;
    struct qf_buf bytes = {0};
    for (uint64_t leaf = c->ledger->applied.size; leaf < c->target && status == QF_OK; leaf++) {
        struct qf_entry entry = {0};
        qf_buf_reset(&bytes);
        status = qf_tiles_entry(c->tiles, &bytes, leaf);
        if (status == QF_OK)
            status = qf_entry_decode(&c->arena, &entry, qf_buf_slice(&bytes), c->replay.err);
        if (status == QF_OK && c->count > 0 && entry.height != c->height) {
            uint64_t height = entry.height;
            int64_t time_ms = entry.time_ms;
            status = apply(c);
            c->height = height;
            c->time_ms = time_ms;
        } else if (status == QF_OK) {
            c->height = entry.height;
            c->time_ms = entry.time_ms;
        }
        if (status == QF_OK && c->count == QF_BLOCK_TXS_MAX)
            status = QF_CORRUPT;
        if (status != QF_OK)
            break;
        c->entries[c->count] = qf_arena_copy(&c->arena, qf_buf_slice(&bytes));
        qf_hash_leaf(QF_HASH_SHA256, c->hashes[c->count], c->entries[c->count]);
        c->count++;
    }
    qf_buf_deinit(&bytes);
    if (status == QF_OK)
        status = apply(c);
    uint64_t reached = c->ledger->applied.size + c->count;
    if (status != QF_OK && c->replay.err->status != status)
        return qf_fail(c->replay.err, status, "log", "entry %llu cannot be applied again",
                       (unsigned long long)reached);
    return status;
}

/* The tiles from here on are those that hold all; what was opened held what the state had. */
static enum qf_status run(struct catch_up *c, const struct qf_tiles_options *options)
{
    struct qf_ledger *ledger = c->ledger;
    enum qf_status status =
        qf_tiles_open(&c->tiles, &ledger->log_fs, options, c->target, c->replay.err);
    if (status != QF_OK)
        return status;
    c->entries = calloc(QF_BLOCK_TXS_MAX, sizeof *c->entries);
    c->hashes = calloc(QF_BLOCK_TXS_MAX, sizeof *c->hashes);
    status = c->entries != NULL && c->hashes != NULL
                 ? apply_entries(c)
                 : qf_fail(c->replay.err, QF_NO_MEMORY, "", "no memory");
    if (status == QF_OK) {
        qf_tiles_close(ledger->tiles);
        ledger->tiles = c->tiles;
    } else {
        qf_tiles_close(c->tiles);
    }
    free(c->entries);
    free(c->hashes);
    qf_arena_deinit(&c->arena);
    return status;
}

enum qf_status qf_ledger_catch_up(struct qf_ledger *ledger, const struct qf_tiles_options *options,
                                  struct qf_error *err)
{
    struct catch_up c = {.ledger = ledger, .replay = {ledger, err, "log", true}};
    uint64_t size = ledger->applied.size, first = 0, next = 0;
    read_published(&c);
    bool has_blocks = qf_journal_extent(ledger->journal, &first, &next);
    uint64_t kept = c.published.size > size ? c.published.size : size;
    enum qf_status status = QF_OK;
    c.target = kept;
    if (has_blocks && next < kept)
        status = qf_fail(err, QF_CORRUPT, "journal",
                         "it ends with %llu entries, and %s has %llu: durable blocks are lost from "
                         "it. Run qifeng audit; with the folder journal moved away the node comes "
                         "up with what the tiles have",
                         (unsigned long long)next, kept == size ? "the state" : "log/checkpoint",
                         (unsigned long long)kept);
    else if (has_blocks && first <= size)
        c.target = size; /* it has all that the state has not */
    else if (has_blocks && first > kept)
        c.target = first;
    if (status == QF_OK && c.target > size)
        status = run(&c, options);
    qf_arena_deinit(&c.note_arena);
    return status;
}
