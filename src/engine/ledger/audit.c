#include "engine/ledger/audit.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/ledger/audit_internal.h"

#define WINDOW 2048     /* entries decoded and checked at once, and what completes their block */
#define FLUSH_TXS 24000 /* state written to the scratch folder */
#define CHECK_BATCH 64  /* signatures checked in one call, at one time */
#define THREADS_MAX 32

struct window {
    struct qf_arena arena;
    struct qf_slice *raw; /* WINDOW_MAX */
    struct qf_entry *entries;
    struct qf_tx *txs;
    size_t count;
    uint64_t first; /* leaf of raw[0] */
};

/* Whole blocks are applied, so a window has room for the largest one and a bundle more. */
#define WINDOW_MAX (WINDOW + QF_BLOCK_TXS_MAX + QF_TILE_WIDTH)

enum qf_status audit_differs(struct audit *audit, const char *field, const char *fmt, ...)
{
    char text[sizeof audit->err->detail];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return qf_fail(audit->err, QF_INVALID, field, "%s", text);
}

static enum qf_status entry_differs(struct audit *audit, uint64_t leaf, const char *reason)
{
    char field[48];
    snprintf(field, sizeof field, "entry %llu", (unsigned long long)leaf);
    return audit_differs(audit, field, "%s", reason);
}

/* ---- decoding and signatures, on all processors ---- */

struct share {
    struct audit *audit;
    struct window *window;
    size_t from, to;
    struct qf_arena arena;
    bool failed;
    uint64_t failed_leaf;
    struct qf_error err;
    pthread_t thread;
};

static void check_signatures(struct share *share, size_t from, size_t to)
{
    struct window *window = share->window;
    struct qf_error problems[CHECK_BATCH];
    for (size_t at = from, count; at < to; at += count) {
        /* An entry of time alone has no signature. */
        for (; at < to && window->entries[at].jws.size == 0; at++)
            continue;
        for (count = 0; count < CHECK_BATCH && at + count < to; count++)
            if (window->entries[at + count].jws.size == 0)
                break;
        if (count == 0)
            break;
        memset(problems, 0, sizeof problems);
        /* Only the signatures matter here. What this call cannot judge yet (a key that a block of
         * this window brings in) stays unchecked, and the kernel checks it when it comes to it. */
        qf_ledger_check(share->audit->ledger, window->txs + at, count,
                        window->entries[at + count - 1].time_ms, problems);
    }
}

static void *run_share(void *arg)
{
    struct share *share = arg;
    struct window *window = share->window;
    const struct qf_tx_rules *rules = qf_ledger_tx_rules(share->audit->ledger);
    for (size_t i = share->from; i < share->to; i++) {
        enum qf_status status =
            qf_entry_decode(&share->arena, &window->entries[i], window->raw[i], &share->err);
        window->txs[i] = (struct qf_tx){0};
        if (status == QF_OK && window->entries[i].jws.size > 0)
            status = qf_tx_parse(&share->arena, &window->txs[i], window->entries[i].jws, rules,
                                 &share->err);
        if (status != QF_OK) {
            share->failed = true;
            share->failed_leaf = window->first + i;
            return NULL;
        }
        window->txs[i].signature = QF_TX_UNCHECKED;
    }
    qf_tx_identify(window->txs + share->from, share->to - share->from, rules->suite);
    check_signatures(share, share->from, share->to);
    return NULL;
}

static enum qf_status decode_window(struct audit *audit, struct window *window,
                                    struct share *shares, unsigned threads, size_t from)
{
    size_t each = (window->count - from + threads - 1) / threads;
    unsigned started = 0;
    for (unsigned i = 0; i < threads; i++) {
        struct share *share = &shares[i];
        qf_arena_reset(&share->arena);
        share->audit = audit;
        share->window = window;
        share->from = from + i * each < window->count ? from + i * each : window->count;
        share->to = share->from + each < window->count ? share->from + each : window->count;
        share->failed = false;
        share->err = (struct qf_error){0};
        if (i + 1 < threads && pthread_create(&share->thread, NULL, run_share, share) == 0)
            started |= 1u << (i % 32);
        else
            run_share(share);
    }
    for (unsigned i = 0; i + 1 < threads; i++)
        if ((started & 1u << (i % 32)) != 0)
            pthread_join(shares[i].thread, NULL);
    for (unsigned i = 0; i < threads; i++)
        if (shares[i].failed)
            return entry_differs(audit, shares[i].failed_leaf,
                                 qf_arena_printf(&audit->arena, "%s: %s", shares[i].err.field,
                                                 shares[i].err.detail));
    return QF_OK;
}

/* ---- replay ---- */

static enum qf_status compare_block(struct audit *audit, const struct window *window, size_t from,
                                    const struct qf_ledger_block *block, size_t count)
{
    if (block == NULL || block->count != count)
        return entry_differs(audit, window->first + from, "its block does not replay as a whole");
    for (size_t i = 0; i < count; i++)
        if (!qf_slice_equal(block->entries[i], window->raw[from + i]))
            return entry_differs(
                audit, window->first + from + i,
                "height, index or time are not those that follow from the entries before");
    return QF_OK;
}

static enum qf_status apply_block(struct audit *audit, struct window *window, size_t from,
                                  size_t count)
{
    struct qf_arena arena = {0};
    struct qf_tx **txs = QF_ARENA_ARRAY(&arena, struct qf_tx *, count);
    struct qf_tx_result **results = QF_ARENA_ARRAY(&arena, struct qf_tx_result *, count);
    struct qf_tx_result *values = QF_ARENA_ARRAY(&arena, struct qf_tx_result, count);
    int64_t *codes = QF_ARENA_ARRAY(&arena, int64_t, count);
    for (size_t i = 0; i < count; i++) {
        txs[i] = &window->txs[from + i];
        results[i] = &values[i];
        codes[i] = window->entries[from + i].code;
        audit->report->accepted += codes[i] == QF_OK;
        audit->report->refused += codes[i] != QF_OK;
    }
    struct qf_ledger_block *block = NULL;
    enum qf_status status = QF_OK;
    bool time_alone = count == 1 && window->entries[from].jws.size == 0;
    for (size_t i = 0; i < count && !time_alone && status == QF_OK; i++)
        if (window->entries[from + i].jws.size == 0)
            status = entry_differs(audit, window->first + from + i,
                                   "an entry of time alone stands in a block with others");
    if (status == QF_OK)
        status = qf_ledger_apply(audit->ledger, window->entries[from].time_ms, txs,
                                 time_alone ? 0 : count, codes, results, &block);
    if (status == QF_CORRUPT && !time_alone) {
        size_t i = 0;
        while (i + 1 < count && values[i].height != 0)
            i++;
        status =
            txs[i]->signature == QF_TX_BAD
                ? entry_differs(audit, window->first + from + i,
                                "the signature does not verify with the key that it names")
                : entry_differs(audit, window->first + from + i,
                                "the recorded code is not what the rules give: signature, key, "
                                "time or state say otherwise");
    } else if (status != QF_OK && status != QF_INVALID) {
        status = qf_fail(audit->err, status, audit->scratch, "the replay cannot go on");
    } else if (status != QF_OK) {
        /* said above */
    } else {
        status = compare_block(audit, window, from, block, count);
    }
    qf_ledger_block_free(block);
    qf_arena_deinit(&arena);
    if (status == QF_OK && audit->has_stored &&
        audit->ledger->applied.height == audit->stored_height)
        return audit_compare_stored(audit);
    if (status == QF_OK && audit->ledger->applied.size - audit->flushed >= FLUSH_TXS)
        return audit_flush(audit);
    return status;
}

/* Applies all blocks of the window that are whole; *done is what they hold. */
static enum qf_status apply_window(struct audit *audit, struct window *window, size_t *done)
{
    bool last = window->first + window->count == audit->end;
    *done = 0;
    for (size_t from = 0; from < window->count;) {
        size_t to = from + 1;
        while (to < window->count && window->entries[to].height == window->entries[from].height)
            to++;
        if (to - from > QF_BLOCK_TXS_MAX)
            return entry_differs(audit, window->first + from, "its block is over the limit");
        if (to == window->count && !last)
            break;
        enum qf_status status = apply_block(audit, window, from, to - from);
        for (size_t i = from; i < to && status == QF_OK; i++)
            status = audit_grow(audit, window->raw[i]);
        if (status == QF_OK)
            status = audit_compare_marks(audit);
        if (status != QF_OK)
            return status;
        from = to;
        *done = to;
    }
    return QF_OK;
}

static enum qf_status fill_window(struct audit *audit, struct window *window)
{
    enum qf_status status = QF_OK;
    size_t want = window->count + WINDOW;
    while (status == QF_OK && window->count < want && window->count + QF_TILE_WIDTH <= WINDOW_MAX &&
           window->first + window->count < audit->end)
        status = audit_read_bundle(audit, &window->arena, window->raw, &window->count);
    return status;
}

/* What is left of a window becomes the beginning of the next. */
static void carry(struct window *window, size_t done)
{
    struct qf_arena next = {0};
    for (size_t i = done; i < window->count; i++)
        window->raw[i - done] = qf_arena_copy(&next, window->raw[i]);
    window->first += done;
    window->count -= done;
    qf_arena_deinit(&window->arena);
    window->arena = next;
}

/* What a replay works with. */
struct player {
    struct audit *audit;
    struct window window;
    struct share *shares; /* THREADS_MAX */
    unsigned threads;
};

static void show_progress(const struct audit *audit)
{
    const struct qf_audit_options *options = audit->options;
    uint64_t total = audit->tail.found.next_leaf;
    if (options->progress != NULL)
        options->progress(options->progress_arg, audit->ledger->applied.size,
                          total > audit->end ? total : audit->end);
}

/* Plays the entries of the tiles up to audit->end. */
static enum qf_status replay(struct player *player)
{
    struct audit *audit = player->audit;
    struct window *window = &player->window;
    enum qf_status status = QF_OK;
    while (status == QF_OK && window->first < audit->end) {
        size_t done = 0;
        status = fill_window(audit, window);
        if (status == QF_OK)
            status = decode_window(audit, window, player->shares, player->threads, 0);
        if (status == QF_OK)
            status = apply_window(audit, window, &done);
        if (status == QF_OK && done == 0 && window->count + QF_TILE_WIDTH > WINDOW_MAX)
            status = entry_differs(audit, window->first, "its block is over the limit");
        if (status != QF_OK)
            break;
        carry(window, done);
        show_progress(audit);
    }
    return status;
}

/* One block of the journal's tail. */
static enum qf_status replay_record(void *arg, const struct qf_journal_block *block)
{
    struct player *player = arg;
    struct audit *audit = player->audit;
    struct window *window = &player->window;
    QF_ASSERT(block->count <= WINDOW_MAX);
    if (block->count == 0)
        return audit_differs(audit, "journal", "block %llu has no entries",
                             (unsigned long long)block->height);
    window->first = block->first_leaf;
    window->count = block->count;
    memcpy(window->raw, block->entries, block->count * sizeof *window->raw);
    enum qf_status status = decode_window(audit, window, player->shares,
                                          block->count < CHECK_BATCH ? 1 : player->threads, 0);
    if (status == QF_OK)
        status = apply_block(audit, window, 0, block->count);
    for (size_t i = 0; i < block->count && status == QF_OK; i++)
        status = audit_grow(audit, window->raw[i]);
    if (status == QF_OK)
        status = audit_compare_marks(audit);
    show_progress(audit);
    return status;
}

/* What the checkpoint covers; what stands behind it in the tiles alone; the journal's tail. */
static enum qf_status replay_parts(struct player *player)
{
    struct audit *audit = player->audit;
    audit->end = audit->checkpoint.size;
    enum qf_status status = QF_OK;
    if (audit->has_stored && audit->stored_height == 0)
        status = audit_compare_stored(audit);
    if (status == QF_OK)
        status = replay(player);
    if (status == QF_OK)
        status = audit_compare_edge(audit);
    if (status == QF_OK)
        status = audit_check_roots(audit);
    audit->end = audit_log_end(audit);
    if (status == QF_OK && audit->end > audit->checkpoint.size) {
        status = replay(player);
        if (status == QF_OK)
            status = audit_compare_edge(audit);
    }
    for (size_t k = 0; k < audit->tree_count; k++)
        audit->trees[k].compare = false; /* tiles of the tail are written later */
    if (status == QF_OK)
        status = audit_play_journal(audit, replay_record, player);
    return status == QF_OK ? audit_end_marks(audit) : status;
}

static enum qf_status replay_all(struct audit *audit)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    struct player player = {.audit = audit, .threads = audit->options->threads};
    struct window *window = &player.window;
    if (player.threads == 0)
        player.threads = processors > 0 ? (unsigned)processors : 1;
    if (player.threads > THREADS_MAX)
        player.threads = THREADS_MAX;
    player.shares = calloc(player.threads, sizeof *player.shares);
    window->raw = calloc(WINDOW_MAX, sizeof *window->raw);
    window->entries = calloc(WINDOW_MAX, sizeof *window->entries);
    window->txs = calloc(WINDOW_MAX, sizeof *window->txs);
    enum qf_status status = QF_OK;
    if (player.shares == NULL || window->raw == NULL || window->entries == NULL ||
        window->txs == NULL)
        status = qf_fail(audit->err, QF_NO_MEMORY, "", "no memory");
    if (status == QF_OK)
        status = replay_parts(&player);
    for (unsigned i = 0; player.shares != NULL && i < player.threads; i++)
        qf_arena_deinit(&player.shares[i].arena);
    qf_arena_deinit(&window->arena);
    free(player.shares);
    free(window->raw);
    free(window->entries);
    free(window->txs);
    return status;
}

/* ---- the whole ---- */

static enum qf_status prepare(struct audit *audit)
{
    const struct qf_audit_options *options = audit->options;
    enum qf_status status =
        qf_json_parse(&audit->arena, &audit->genesis, options->genesis, QF_JSON_ANY, audit->err);
    if (status != QF_OK) {
        qf_error_within(audit->err, "genesis");
        return audit->err->status = QF_INVALID;
    }
    status = audit_make_scratch(audit);
    /* The stored state before the checkpoint: what is published later covers what was stored. */
    if (status == QF_OK)
        status = audit_copy_stored(audit);
    if (status != QF_OK)
        return status;
    const struct qf_ledger_options ledger = {
        .dir = qf_arena_printf(&audit->arena, "%s/replay", audit->scratch),
        .verifier = options->verifier,
        .no_sync = true};
    status = qf_ledger_open(&audit->ledger, &ledger, audit->err);
    if (status != QF_OK) {
        if (status < QF_UNAVAILABLE)
            audit->err->status = status = QF_INVALID;
        return status;
    }
    audit->tree_count = qf_ledger_suite(audit->ledger) == QF_SUITE_GM ? 2 : 1;
    audit->trees = calloc(audit->tree_count, sizeof *audit->trees);
    if (audit->trees == NULL)
        return qf_fail(audit->err, QF_NO_MEMORY, "", "no memory");
    for (size_t k = 0; k < audit->tree_count; k++) {
        audit->trees[k].prefix = k == 0 ? "" : "sm3/";
        audit->trees[k].compare = k == 0 || options->has_sm3_tiles;
        qf_log_tree_init(&audit->trees[k].tree, k == 0 ? QF_HASH_SHA256 : QF_HASH_SM3);
    }
    status = audit_read_checkpoint(audit);
    audit->report->checkpoint_size = audit->checkpoint.size;
    /* The journal last: what is trimmed from it meanwhile has become part of tiles and state. */
    return status == QF_OK ? audit_copy_journal(audit) : status;
}

enum qf_status qf_audit(const struct qf_audit_options *options, struct qf_audit_report *report,
                        struct qf_error *err)
{
    *report = (struct qf_audit_report){0};
    *err = (struct qf_error){0};
    struct audit audit = {.options = options, .report = report, .err = err};
    enum qf_status status = prepare(&audit);
    if (status == QF_OK)
        status = replay_all(&audit);
    if (status == QF_OK)
        report->head = audit.ledger->applied;
    if (status == QF_OK && audit.has_stored && report->stored != QF_AUDIT_STATE_SAME)
        report->stored = QF_AUDIT_STATE_AHEAD;
    qf_ledger_abandon(audit.ledger);
    audit_forget_journal(&audit);
    audit_remove_scratch(&audit);
    free(audit.trees);
    qf_arena_deinit(&audit.arena);
    return status;
}
