/* The audit's view of the log folder: checkpoint, entry bundles, tiles. */
#include <stdio.h>

#include "codec/text.h"
#include "engine/ledger/audit_internal.h"
#include "engine/ledger/bundle.h"
#include "kernel/consortium/consortium.h"
#include "kernel/query.h"

static enum qf_status read_path(struct audit *audit, struct qf_buf *out, const char *path)
{
    qf_buf_reset(out);
    const struct qf_audit_source *source = &audit->options->source;
    enum qf_status status = source->read(source->self, out, path, audit->err);
    if (status == QF_OVER_LIMIT || (status == QF_OK && qf_buf_status(out) != QF_OK))
        return audit_differs(audit, path, "it is larger than it may be");
    return status;
}

/* A partial tile may have been replaced by a wider one since the checkpoint was written; what a
 * wider one begins with is the same. */
static enum qf_status read_tile(struct audit *audit, struct qf_buf *out, const char *prefix,
                                const struct qf_tile *tile, char *path, size_t path_size)
{
    struct qf_tile wider = *tile;
    enum qf_status status = QF_NOT_FOUND;
    for (; status == QF_NOT_FOUND && wider.width <= QF_TILE_WIDTH; wider.width++) {
        char bare[QF_TILE_PATH_SIZE_MAX];
        qf_tile_path(bare, &wider);
        snprintf(path, path_size, "%s%s", prefix, bare);
        status = read_path(audit, out, path);
    }
    if (status == QF_NOT_FOUND) {
        char bare[QF_TILE_PATH_SIZE_MAX];
        qf_tile_path(bare, tile);
        snprintf(path, path_size, "%s%s", prefix, bare);
        return audit_differs(audit, path, "it is missing, though %s",
                             audit->end == audit->checkpoint.size
                                 ? "the checkpoint covers it"
                                 : "the journal begins after its entries");
    }
    audit->report->tiles += status == QF_OK;
    return status;
}

/* ---- checkpoint ---- */

static bool find_note_key(const struct qf_json *genesis, const struct qf_note_signature *line,
                          struct qf_note_key *out)
{
    const struct qf_json *members = qf_json_get(genesis, "members");
    for (uint32_t i = 0; members != NULL && members->type == QF_JSON_ARRAY && i < members->count;
         i++) {
        const struct qf_json *keys = qf_json_get(&members->items[i], "note_keys");
        for (uint32_t j = 0; keys != NULL && keys->type == QF_JSON_ARRAY && j < keys->count; j++)
            if (keys->items[j].type == QF_JSON_STRING &&
                qf_note_key_parse(out, qf_json_text(&keys->items[j]), NULL) == QF_OK &&
                qf_slice_equal(out->name, line->name) && memcmp(out->id, line->id, 4) == 0)
                return true;
    }
    return false;
}

static enum qf_status check_note(struct audit *audit, const struct qf_note *note)
{
    for (size_t i = 0; i < note->signature_count; i++) {
        struct qf_note_key key;
        uint64_t time_s;
        if (!find_note_key(&audit->genesis, &note->signatures[i], &key))
            continue; /* a witness, perhaps */
        if (qf_note_verify(note, &key, audit->options->verifier, &time_s) != QF_OK)
            return audit_differs(audit, "checkpoint", "the signature by %.*s does not verify",
                                 QF_SLICE_ARGS(key.name));
        audit->report->signatures++;
    }
    return QF_OK; /* perhaps nobody of genesis: see check_joined */
}

/* Nodes that joined later, and keys that were changed: the replayed state, which follows from
 * genesis by votes, names them. */
static enum qf_status check_joined(struct audit *audit)
{
    struct qf_ledger_view view;
    struct qf_arena arena = {0};
    const struct qf_query_page page = {.limit = QF_MEMBERS_MAX};
    enum qf_status status = QF_OK;
    qf_ledger_view_init(&view, audit->ledger, &arena);
    struct qf_json ids = qf_query_list(&view.reader, &arena, QF_LIST_MEMBERS, &page);
    for (uint32_t i = 0; i < ids.count && status == QF_OK; i++) {
        struct qf_json member;
        struct qf_note_key *keys = NULL;
        size_t count = 0;
        uint64_t time_s;
        if (!qf_query_member(&view.reader, &arena, &member, qf_json_text(&ids.items[i])) ||
            !qf_json_is_text(qf_json_get(&member, "status"), "active"))
            continue;
        qf_introduction_keys(&arena, &member, &keys, &count);
        for (size_t j = 0; j < count && status == QF_OK; j++) {
            enum qf_status found =
                qf_note_verify(&audit->note, &keys[j], audit->options->verifier, &time_s);
            audit->report->signatures += found == QF_OK;
            if (found == QF_BAD_SIGNATURE)
                status = audit_differs(audit, "checkpoint", "the signature by %.*s does not verify",
                                       QF_SLICE_ARGS(keys[j].name));
        }
    }
    qf_ledger_view_deinit(&view);
    qf_arena_deinit(&arena);
    if (status == QF_OK && audit->report->signatures == 0)
        status =
            audit_differs(audit, "checkpoint",
                          "no note key that genesis or an active member has now has signed it");
    audit->report->joined = status == QF_OK;
    return status;
}

enum qf_status audit_read_checkpoint(struct audit *audit)
{
    struct qf_buf bytes;
    struct qf_error reason = {0};
    qf_buf_init(&bytes, QF_NOTE_SIZE_MAX);
    enum qf_status status = read_path(audit, &bytes, "checkpoint");
    if (status == QF_NOT_FOUND)
        status = audit_differs(audit, "checkpoint", "there is none");
    if (status == QF_OK) {
        struct qf_slice text = qf_arena_copy(&audit->arena, qf_buf_slice(&bytes));
        if (qf_note_parse(&audit->arena, &audit->note, text, &reason) != QF_OK ||
            qf_checkpoint_parse(&audit->checkpoint, audit->note.text, &reason) != QF_OK)
            status = audit_differs(audit, "checkpoint", "%s", reason.detail);
    }
    qf_buf_deinit(&bytes);
    if (status != QF_OK)
        return status;
    const struct qf_checkpoint *checkpoint = &audit->checkpoint;
    if (!qf_slice_equal(checkpoint->origin, qf_ledger_network(audit->ledger)))
        return audit_differs(audit, "checkpoint", "it is of another network than genesis");
    if (!checkpoint->has_state ||
        checkpoint->has_sm3 != (qf_ledger_suite(audit->ledger) == QF_SUITE_GM))
        return audit_differs(audit, "checkpoint", "it has not the lines of this suite");
    if (checkpoint->size > QF_LOG_SIZE_MAX)
        return audit_differs(audit, "checkpoint", "no log can be so long");
    return check_note(audit, &audit->note);
}

/* ---- entries ---- */

enum qf_status audit_read_bundle(struct audit *audit, struct qf_arena *arena, struct qf_slice *list,
                                 size_t *count)
{
    uint64_t first = audit->read - audit->read % QF_TILE_WIDTH;
    uint64_t left = audit->end - first;
    const struct qf_tile tile = {.level = QF_TILE_ENTRIES_LEVEL,
                                 .index = first / QF_TILE_WIDTH,
                                 .width = left < QF_TILE_WIDTH ? (unsigned)left : QF_TILE_WIDTH};
    struct qf_buf bytes;
    char path[QF_TILE_PATH_SIZE_MAX + 8];
    qf_buf_init(&bytes, (size_t)QF_TILE_WIDTH * (2 + QF_ENTRY_SIZE_MAX));
    enum qf_status status = read_tile(audit, &bytes, "", &tile, path, sizeof path);
    struct qf_slice all =
        status == QF_OK ? qf_arena_copy(arena, qf_buf_slice(&bytes)) : (struct qf_slice){0};
    qf_buf_deinit(&bytes);
    size_t offset = 0;
    for (unsigned i = 0; status == QF_OK && i < tile.width; i++) {
        if (qf_bundle_next(all, &offset, &list[*count]) != QF_OK)
            return audit_differs(audit, path, "it ends within entry %llu",
                                 (unsigned long long)first + i);
        *count += first + i >= audit->read; /* a partial bundle is read again for its rest */
    }
    if (status == QF_OK && offset != all.size && tile.width == QF_TILE_WIDTH)
        return audit_differs(audit, path, "it has bytes after its last entry");
    audit->read = first + tile.width;
    return status;
}

/* ---- tiles ---- */

static void take_node(void *arg, unsigned level, uint64_t index, const uint8_t hash[QF_HASH_SIZE])
{
    struct audit_tree *tree = arg;
    unsigned tile_level = level / QF_TILE_HEIGHT;
    if (level % QF_TILE_HEIGHT != 0 || tile_level >= AUDIT_LEVELS)
        return;
    memcpy(tree->hashes[tile_level][index % QF_TILE_WIDTH], hash, QF_HASH_SIZE);
    if (index % QF_TILE_WIDTH == QF_TILE_WIDTH - 1)
        tree->complete[tile_level]++;
}

static enum qf_status compare_tile(struct audit *audit, struct audit_tree *tree,
                                   const struct qf_tile *tile)
{
    struct qf_buf bytes;
    char path[QF_TILE_PATH_SIZE_MAX + 8];
    qf_buf_init(&bytes, (size_t)QF_TILE_WIDTH * QF_HASH_SIZE);
    enum qf_status status = read_tile(audit, &bytes, tree->prefix, tile, path, sizeof path);
    if (status == QF_OK &&
        (bytes.size % QF_HASH_SIZE != 0 || bytes.size < (size_t)tile->width * QF_HASH_SIZE))
        status =
            audit_differs(audit, path, "it has %zu bytes, not %u hashes", bytes.size, tile->width);
    for (unsigned i = 0; status == QF_OK && i < tile->width; i++) {
        if (memcmp(bytes.data + (size_t)i * QF_HASH_SIZE, tree->hashes[tile->level][i],
                   QF_HASH_SIZE) == 0)
            continue;
        unsigned shift = QF_TILE_HEIGHT * (unsigned)tile->level;
        uint64_t first = (tile->index * QF_TILE_WIDTH + i) << shift;
        if (tile->level == 0)
            status = audit_differs(audit, path, "hash %u is not that of entry %llu", i,
                                   (unsigned long long)first);
        else
            status = audit_differs(audit, path, "hash %u is not that over entries %llu to %llu", i,
                                   (unsigned long long)first,
                                   (unsigned long long)(first + ((uint64_t)1 << shift) - 1));
    }
    qf_buf_deinit(&bytes);
    return status;
}

enum qf_status audit_grow(struct audit *audit, struct qf_slice entry)
{
    enum qf_status status = QF_OK;
    for (size_t k = 0; k < audit->tree_count && status == QF_OK; k++) {
        struct audit_tree *tree = &audit->trees[k];
        uint8_t leaf[QF_HASH_SIZE];
        qf_hash_leaf(tree->tree.alg, leaf, entry);
        if (k == 0)
            status = audit_compare_journal(audit, tree->tree.size, leaf);
        qf_log_tree_append(&tree->tree, leaf, take_node, tree);
        for (int level = 0; level < AUDIT_LEVELS && status == QF_OK; level++) {
            if (tree->compared[level] == tree->complete[level])
                break; /* a level fills up only when the one below does */
            const struct qf_tile tile = {
                .level = level, .index = tree->compared[level]++, .width = QF_TILE_WIDTH};
            if (tree->compare)
                status = compare_tile(audit, tree, &tile);
        }
    }
    return status;
}

enum qf_status audit_compare_edge(struct audit *audit)
{
    enum qf_status status = QF_OK;
    for (size_t k = 0; k < audit->tree_count && status == QF_OK; k++) {
        struct audit_tree *tree = &audit->trees[k];
        for (int level = 0; level < AUDIT_LEVELS && status == QF_OK && tree->compare; level++) {
            uint64_t nodes = tree->tree.size >> (QF_TILE_HEIGHT * level);
            const struct qf_tile tile = {.level = level,
                                         .index = nodes / QF_TILE_WIDTH,
                                         .width = (unsigned)(nodes % QF_TILE_WIDTH)};
            if (tile.width > 0)
                status = compare_tile(audit, tree, &tile);
        }
    }
    return status;
}

enum qf_status audit_check_roots(struct audit *audit)
{
    const struct qf_checkpoint *checkpoint = &audit->checkpoint;
    for (size_t k = 0; k < audit->tree_count; k++) {
        uint8_t root[QF_HASH_SIZE];
        qf_log_tree_root(&audit->trees[k].tree, root);
        if (memcmp(root, k == 0 ? checkpoint->root : checkpoint->sm3_root, QF_HASH_SIZE) != 0)
            return audit_differs(audit, "checkpoint", "its %s root is not that of the entries",
                                 qf_hash_alg_name(audit->trees[k].tree.alg));
    }
    if (memcmp(audit->ledger->applied.state_root, checkpoint->state_root, QF_HASH_SIZE) != 0)
        return audit_differs(audit, "checkpoint",
                             "its state root is not that of the replayed state");
    return audit->report->signatures == 0 ? check_joined(audit) : QF_OK;
}

enum qf_status audit_compare_marks(struct audit *audit)
{
    const struct qf_audit_options *options = audit->options;
    uint64_t size = audit->trees[0].tree.size;
    while (audit->report->marks < options->mark_count &&
           options->marks[audit->report->marks].size <= size) {
        const struct qf_checkpoint *mark = &options->marks[audit->report->marks];
        uint8_t roots[2][QF_HASH_SIZE] = {{0}};
        char field[64];
        snprintf(field, sizeof field, "stamp/%llu.note", (unsigned long long)mark->size);
        if (mark->size != size)
            return audit_differs(audit, field, "no block of this log ends there");
        for (size_t k = 0; k < audit->tree_count; k++)
            qf_log_tree_root(&audit->trees[k].tree, roots[k]);
        if (memcmp(roots[0], mark->root, QF_HASH_SIZE) != 0 ||
            mark->has_sm3 != (audit->tree_count == 2) ||
            (mark->has_sm3 && memcmp(roots[1], mark->sm3_root, QF_HASH_SIZE) != 0))
            return audit_differs(audit, field,
                                 "its root is not that of the entries: it was stamped of another "
                                 "log, or the log was changed since");
        if (!mark->has_state ||
            memcmp(audit->ledger->applied.state_root, mark->state_root, QF_HASH_SIZE) != 0)
            return audit_differs(audit, field, "its state root is not that of the replayed state");
        audit->report->marks++;
    }
    return QF_OK;
}

enum qf_status audit_end_marks(struct audit *audit)
{
    const struct qf_audit_options *options = audit->options;
    if (audit->report->marks == options->mark_count || !audit->tail.present)
        return QF_OK;
    char field[64];
    snprintf(field, sizeof field, "stamp/%llu.note",
             (unsigned long long)options->marks[audit->report->marks].size);
    return audit_differs(audit, field, "the log has only %llu entries: some were lost",
                         (unsigned long long)audit->trees[0].tree.size);
}
