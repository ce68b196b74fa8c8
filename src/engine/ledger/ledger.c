/* Opening and closing: genesis, state, tiles, journal, and the blocks that have to be applied
 * again. */
#include "engine/ledger/ledger.h"

#include <stdlib.h>

#include "codec/text.h"
#include "engine/ledger/internal.h"

static enum qf_status read_genesis(struct qf_ledger *ledger, struct qf_json *genesis,
                                   struct qf_error *err)
{
    struct qf_buf text = {0};
    enum qf_status status =
        qf_fs_read(&ledger->root_fs, "genesis.json", QF_STATE_VALUE_SIZE_MAX, &text);
    ledger->genesis = qf_arena_copy(&ledger->arena, qf_buf_slice(&text));
    qf_buf_deinit(&text);
    if (status != QF_OK)
        return qf_fail(err, status, "genesis.json",
                       "cannot read genesis.json in %s; make it with qifeng init",
                       ledger->options.dir);
    status = qf_json_parse(&ledger->arena, genesis, ledger->genesis, QF_JSON_ANY, err);
    struct qf_slice suite;
    if (status == QF_OK)
        status = qf_json_get_text(genesis, "network", &ledger->rules.network, err);
    if (status == QF_OK)
        status = qf_json_get_text(genesis, "suite", &suite, err);
    if (status == QF_OK && !qf_suite_parse(&ledger->rules.suite, suite))
        status = qf_fail(err, QF_BAD_FIELD, "suite", "intl or gm");
    if (status != QF_OK)
        qf_error_within(err, "genesis.json");
    ledger->sm3 = ledger->rules.suite == QF_SUITE_GM;
    return status;
}

/* The state of height 0, in memory and then on disk. */
static enum qf_status create(struct qf_ledger *ledger, const struct qf_json *genesis,
                             struct qf_error *err)
{
    const struct qf_block_info info = {0};
    qf_kernel_begin(ledger->kernel, &info);
    enum qf_status status = qf_kernel_genesis(ledger->kernel, genesis, err);
    if (status != QF_OK) {
        qf_error_within(err, "genesis.json");
        return status;
    }
    const struct qf_kernel_change *changes;
    size_t count;
    qf_kernel_end(ledger->kernel, &changes, &count);
    struct qf_state_change *list = QF_ARENA_ARRAY(&ledger->arena, struct qf_state_change, count);
    for (size_t i = 0; i < count; i++)
        list[i] = (struct qf_state_change){.key = changes[i].key,
                                           .value = changes[i].value,
                                           .listed = changes[i].listed,
                                           .lookup = changes[i].lookup};
    const struct qf_state_block block = {.changes = list, .change_count = count};
    status = qf_state_install(ledger->state, &block, ledger->applied.state_root);
    return status == QF_OK ? QF_OK : qf_fail(err, status, "state", "cannot create the state");
}

static enum qf_status read_head(struct qf_ledger *ledger, bool *fresh, struct qf_error *err)
{
    struct qf_buf text = {0};
    struct qf_arena arena = {0};
    struct qf_json json;
    enum qf_status status = qf_state_meta(ledger->state, &text, "head");
    *fresh = status == QF_NOT_FOUND;
    if (status == QF_OK)
        status = qf_json_parse(&arena, &json, qf_buf_slice(&text), QF_JSON_CANONICAL, err);
    int64_t height = 0;
    int64_t size = 0;
    struct qf_slice root = {0};
    if (status == QF_OK &&
        ((status = qf_json_get_int(&json, "height", &height, err)) == QF_OK &&
         (status = qf_json_get_int(&json, "size", &size, err)) == QF_OK &&
         (status = qf_json_get_int(&json, "time", &ledger->applied.time_ms, err)) == QF_OK &&
         (status = qf_json_get_text(&json, "root", &root, err)) == QF_OK)) {
        size_t decoded = 0;
        if (height < 0 || size < 0 || root.size != 2UL * QF_HASH_SIZE ||
            !qf_hex_decode(ledger->applied.root, &decoded, root))
            status = qf_fail(err, QF_CORRUPT, "state", "the stored head is not readable");
    }
    ledger->applied.height = (uint64_t)height;
    ledger->applied.size = (uint64_t)size;
    qf_buf_deinit(&text);
    qf_arena_deinit(&arena);
    return status == QF_NOT_FOUND ? QF_OK : status;
}

static struct qf_tiles_options tiles_options(const struct qf_ledger *ledger)
{
    return (struct qf_tiles_options){.sm3 = ledger->sm3,
                                     .archives = ledger->options.archives,
                                     .archive_count = ledger->options.archive_count};
}

static enum qf_status open_log(struct qf_ledger *ledger, struct qf_error *err)
{
    const struct qf_tiles_options options = tiles_options(ledger);
    enum qf_status status =
        qf_tiles_open(&ledger->tiles, &ledger->log_fs, &options, ledger->applied.size, err);
    if (status != QF_OK)
        return status;
    uint8_t root[QF_HASH_SIZE];
    qf_tiles_tree(ledger->tiles, QF_HASH_SHA256, &ledger->tree);
    qf_log_tree_root(&ledger->tree, root);
    if (ledger->applied.height > 0 && memcmp(root, ledger->applied.root, QF_HASH_SIZE) != 0)
        return qf_fail(err, QF_CORRUPT, "log",
                       "the tiles do not have the root that the state names");
    memcpy(ledger->applied.root, root, QF_HASH_SIZE);
    if (ledger->sm3) {
        qf_tiles_tree(ledger->tiles, QF_HASH_SM3, &ledger->sm3_tree);
        qf_log_tree_root(&ledger->sm3_tree, ledger->applied.sm3_root);
    }
    return QF_OK;
}

enum qf_status qf_ledger_replay_block(void *arg, const struct qf_journal_block *record)
{
    const struct qf_ledger_replay *replay = arg;
    struct qf_ledger *ledger = replay->ledger;
    struct qf_arena arena = {0};
    struct qf_tx **txs = QF_ARENA_ARRAY(&arena, struct qf_tx *, record->count);
    int64_t *codes = QF_ARENA_ARRAY(&arena, int64_t, record->count);
    enum qf_status status = QF_OK;
    if (record->height != ledger->applied.height + 1 || record->first_leaf != ledger->applied.size)
        status =
            qf_fail(replay->err, QF_CORRUPT, replay->from, "block %llu does not follow block %llu",
                    (unsigned long long)record->height, (unsigned long long)ledger->applied.height);
    size_t count = record->count;
    for (size_t i = 0; i < record->count && status == QF_OK; i++) {
        struct qf_entry entry;
        txs[i] = QF_ARENA_NEW(&arena, struct qf_tx);
        status = qf_entry_decode(&arena, &entry, record->entries[i], replay->err);
        if (status == QF_OK && entry.jws.size == 0 && record->count == 1)
            count = 0; /* time alone */
        else if (status == QF_OK)
            status = qf_tx_decode(&arena, txs[i], entry.jws, &ledger->rules, replay->err);
        codes[i] = entry.code;
        /* It was checked before it was written; audit checks it again. */
        txs[i]->signature = entry.code == QF_BAD_SIGNATURE ? QF_TX_BAD : QF_TX_GOOD;
    }
    struct qf_ledger_block *block = NULL;
    if (status == QF_OK) {
        status = qf_ledger_apply(ledger, record->time_ms, txs, count, codes, NULL, &block);
        if (status != QF_OK || block == NULL || block->count != record->count)
            status = qf_fail(replay->err, QF_CORRUPT, replay->from,
                             "block %llu does not give the result that was recorded",
                             (unsigned long long)record->height);
    }
    QF_ASSERT(status != QF_OK || block != NULL);
    if (status == QF_OK &&
        memcmp(block->leaf_hashes, record->leaf_hashes, record->count * QF_HASH_SIZE) != 0)
        status = qf_fail(replay->err, QF_CORRUPT, replay->from, "block %llu has other entries",
                         (unsigned long long)record->height);
    if (status == QF_OK && !replay->in_tiles)
        status = qf_tiles_append(ledger->tiles, block->count, block->entries,
                                 (const uint8_t(*)[QF_HASH_SIZE])block->leaf_hashes,
                                 (const uint8_t(*)[QF_HASH_SIZE])block->sm3_hashes);
    if (status == QF_OK) {
        qf_ledger_remember(ledger, &block->head);
        ledger->replayed += block->count;
    }
    qf_ledger_block_free(block);
    qf_arena_deinit(&arena);
    return status;
}

/* Blocks that the state does not have: from the tiles, where only they have them, then from the
 * journal. */
static enum qf_status replay(struct qf_ledger *ledger, struct qf_error *err)
{
    const struct qf_tiles_options options = tiles_options(ledger);
    struct qf_ledger_replay from_journal = {ledger, err, "journal", false};
    enum qf_status status = qf_ledger_catch_up(ledger, &options, err);
    return status == QF_OK ? qf_journal_replay(ledger->journal, ledger->applied.height,
                                               qf_ledger_replay_block, &from_journal, err)
                           : status;
}

static bool late_check(void *self, const struct qf_public_key *key, struct qf_slice message,
                       const uint8_t signature[QF_SIGNATURE_SIZE])
{
    struct qf_ledger *ledger = self;
    return qf_verifier_check_one(ledger->options.verifier, key, message, signature);
}

static enum qf_status open_parts(struct qf_ledger *ledger, struct qf_error *err)
{
    struct qf_json genesis;
    enum qf_status status = read_genesis(ledger, &genesis, err);
    if (status != QF_OK)
        return status;
    const struct qf_state_options options = {.alg = qf_suite_hash(ledger->rules.suite),
                                             .no_sync = ledger->options.no_sync,
                                             .filtered_kind = QF_TERM_TX};
    char *path = qf_arena_printf(&ledger->arena, "%s/state", ledger->options.dir);
    bool fresh;
    const struct qf_fs *fs = ledger->options.fs != NULL ? ledger->options.fs : &ledger->root_fs;
    struct qf_state_reader reader;
    qf_ledger_reader(ledger, &reader);
    const struct qf_signature_checker checker = {.check = late_check, .self = ledger};
    ledger->kernel = qf_kernel_new(&reader, &checker);
    if ((status = ledger->root_fs.make_dir(ledger->root_fs.self, "state")) != QF_OK ||
        (status = fs->make_dir(fs->self, "log")) != QF_OK)
        return qf_fail(err, status, "", "cannot make the folders state and log in %s",
                       ledger->options.dir);
    if ((status = qf_state_open(&ledger->state, path, &options, err)) != QF_OK ||
        (status = read_head(ledger, &fresh, err)) != QF_OK)
        return status;
    qf_fs_sub(&ledger->log_fs, fs, "log");
    if (fresh)
        status = create(ledger, &genesis, err);
    else
        qf_state_root(ledger->state, ledger->applied.state_root);
    if (status == QF_OK)
        status = open_log(ledger, err);
    if (status == QF_OK)
        status = qf_journal_open_sized(&ledger->journal, fs, "journal",
                                       ledger->options.segment_size, err);
    if (status != QF_OK)
        return status;
    qf_app_hash(ledger->rules.suite, &ledger->applied);
    ledger->kept = ledger->applied;
    ledger->kept.height = fresh ? UINT64_MAX : ledger->applied.height; /* genesis is not kept yet */
    ledger->published_size = UINT64_MAX;
    atomic_store(&ledger->kept_size, ledger->applied.size);
    qf_ledger_remember(ledger, &ledger->applied);
    return replay(ledger, err);
}

enum qf_status qf_ledger_open(struct qf_ledger **out, const struct qf_ledger_options *options,
                              struct qf_error *err)
{
    struct qf_ledger *ledger = calloc(1, sizeof *ledger);
    if (ledger == NULL)
        return qf_fail(err, QF_NO_MEMORY, "", "no memory");
    ledger->options = *options;
    pthread_mutex_init(&ledger->apply_lock, NULL);
    pthread_mutex_init(&ledger->head_lock, NULL);
    pthread_rwlock_init(&ledger->key_lock, NULL);
    atomic_store(&ledger->epoch, 1);
    ledger->keys = calloc(KEYS_CACHED, sizeof *ledger->keys);
    enum qf_status status = QF_NO_MEMORY;
    if (ledger->keys != NULL)
        status = qf_fs_posix_init(&ledger->root_fs, options->dir, err);
    if (status == QF_OK)
        status = open_parts(ledger, err);
    if (status != QF_OK) {
        qf_ledger_abandon(ledger);
        return status;
    }
    *out = ledger;
    return QF_OK;
}

void qf_ledger_abandon(struct qf_ledger *ledger)
{
    if (ledger == NULL)
        return;
    if (ledger->journal != NULL)
        qf_journal_close(ledger->journal);
    if (ledger->tiles != NULL)
        qf_tiles_close(ledger->tiles);
    if (ledger->state != NULL)
        qf_state_close(ledger->state);
    if (ledger->log_fs.self != NULL)
        qf_fs_sub_deinit(&ledger->log_fs);
    if (ledger->root_fs.self != NULL)
        qf_fs_posix_deinit(&ledger->root_fs);
    if (ledger->kernel != NULL)
        qf_kernel_free(ledger->kernel);
    free(ledger->index);
    free(ledger->changes);
    free(ledger->keys);
    qf_arena_deinit(&ledger->arena);
    pthread_mutex_destroy(&ledger->apply_lock);
    pthread_mutex_destroy(&ledger->head_lock);
    pthread_rwlock_destroy(&ledger->key_lock);
    free(ledger);
}

void qf_ledger_close(struct qf_ledger *ledger)
{
    if (ledger == NULL)
        return;
    qf_ledger_settle(ledger, NULL);
    qf_ledger_abandon(ledger);
}

struct qf_slice qf_ledger_network(const struct qf_ledger *ledger)
{
    return ledger->rules.network;
}

enum qf_suite qf_ledger_suite(const struct qf_ledger *ledger)
{
    return ledger->rules.suite;
}

struct qf_slice qf_ledger_genesis(const struct qf_ledger *ledger)
{
    return ledger->genesis;
}

const struct qf_tx_rules *qf_ledger_tx_rules(const struct qf_ledger *ledger)
{
    return &ledger->rules;
}

uint64_t qf_ledger_replayed(const struct qf_ledger *ledger)
{
    return ledger->replayed;
}

struct qf_state *qf_ledger_state(struct qf_ledger *ledger)
{
    return ledger->state;
}

struct qf_tiles *qf_ledger_tiles(struct qf_ledger *ledger)
{
    return ledger->tiles;
}

void qf_ledger_on_commit(struct qf_ledger *ledger,
                         void (*fn)(void *arg, const struct qf_ledger_head *head), void *arg)
{
    ledger->on_commit = fn;
    ledger->on_commit_arg = arg;
}
