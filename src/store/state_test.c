#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "store/state.h"

#define KEYS 300

/* A model of the state: value of each key by number, 0 for none; leaves of terms. */
struct model {
    uint32_t values[KEYS];
    uint64_t height;
    uint64_t count;
};

static uint64_t mix(uint64_t *random)
{
    uint64_t z = *random += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* By thirds: listed records, plain records, look-ups. */
static struct qf_slice key_of(unsigned number, char text[32])
{
    static const char *const names[] = {"listed", "plain", "lookup"};
    snprintf(text, 32, "%s/%05u", names[number % 3], number);
    return qf_slice_of(text);
}

static bool is_lookup(unsigned number)
{
    return number % 3 == 2;
}

static struct qf_slice value_of(uint32_t value, char text[200])
{
    size_t size = 1 + value % 180;
    memset(text, (int)('a' + value % 26), 200);
    snprintf(text, 200, "%u", value);
    return qf_slice_make(text, size < 12 ? 12 : size);
}

static struct qf_index_term term_of(uint64_t number)
{
    struct qf_index_term term = {.kind = (uint8_t)(number % 3)};
    qf_be64_store(term.term, number * 0x9e3779b97f4a7c15u);
    qf_be64_store(term.term + 8, number);
    return term;
}

static char base_folder[64];

static struct qf_state *must_open(void)
{
    struct qf_state *state = NULL;
    struct qf_error err = {0};
    const struct qf_state_options options = {
        .alg = QF_HASH_SHA256, .map_size = (size_t)256 << 20, .no_sync = true, .filtered_kind = 1};
    enum qf_status status = qf_state_open(&state, base_folder, &options, &err);
    if (status != QF_OK)
        print_message("%s: %s\n", err.field, err.detail);
    assert_int_equal(status, QF_OK);
    return state;
}

static int fresh_folder(void **state)
{
    (void)state;
    snprintf(base_folder, sizeof base_folder, "/tmp/qf-state-XXXXXX");
    return mkdtemp(base_folder) == NULL ? -1 : 0;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[96];
    snprintf(command, sizeof command, "rm -rf %s", base_folder);
    return system(command);
}

/* Installs a block with some keys changed or removed and two index entries for each of its leaves:
 * the height's own term, and one shared by many. */
static void install(struct qf_state *state, struct model *model, uint64_t *random)
{
    struct qf_state_change changes[40];
    struct qf_index_entry index[8];
    static char keys[40][32], values[40][200];
    uint8_t root[QF_HASH_SIZE];
    size_t count = 0;
    bool used[KEYS] = {false};
    for (size_t n = mix(random) % 40; n > 0; n--) {
        unsigned number = (unsigned)(mix(random) % KEYS);
        if (used[number])
            continue;
        used[number] = true;
        uint32_t value = mix(random) % 4 == 0 ? 0 : (uint32_t)mix(random) | 1;
        if (!is_lookup(number))
            model->count += (value != 0) - (uint64_t)(model->values[number] != 0);
        model->values[number] = value;
        changes[count] = (struct qf_state_change){.key = key_of(number, keys[count]),
                                                  .listed = number % 3 == 0,
                                                  .lookup = is_lookup(number)};
        if (value != 0)
            changes[count].value = value_of(value, values[count]);
        count++;
    }
    model->height++;
    for (size_t i = 0; i < 4; i++) {
        /* Leaves far apart, so that several generations come about. */
        uint64_t leaf = model->height * 40000 + i;
        index[2 * i] = (struct qf_index_entry){term_of(model->height * 4 + i), leaf};
        index[2 * i + 1] = (struct qf_index_entry){term_of(1), leaf};
    }
    const struct qf_state_block block = {.height = model->height,
                                         .changes = changes,
                                         .change_count = count,
                                         .index = index,
                                         .index_count = 8};
    assert_int_equal(qf_state_install(state, &block, root), QF_OK);
}

struct listing {
    const struct model *model;
    unsigned next;
    uint64_t leaf_next, height;
    size_t count;
};

static bool see_name(void *arg, struct qf_slice key)
{
    struct listing *listing = arg;
    char text[32];
    while (listing->next < KEYS &&
           (listing->next % 3 != 0 || listing->model->values[listing->next] == 0))
        listing->next++;
    assert_true(listing->next < KEYS);
    assert_true(qf_slice_equal(key, key_of(listing->next, text)));
    listing->next++;
    listing->count++;
    return true;
}

static bool see_lookup(void *arg, struct qf_slice key, struct qf_slice value)
{
    struct listing *listing = arg;
    char text[32], wanted[200];
    while (listing->next < KEYS &&
           (!is_lookup(listing->next) || listing->model->values[listing->next] == 0))
        listing->next++;
    assert_true(listing->next < KEYS);
    assert_true(qf_slice_equal(key, key_of(listing->next, text)));
    assert_true(qf_slice_equal(value, value_of(listing->model->values[listing->next], wanted)));
    listing->next++;
    listing->count++;
    return true;
}

static bool see_leaf(void *arg, uint64_t leaf)
{
    struct listing *listing = arg;
    assert_int_equal(leaf, listing->leaf_next);
    listing->leaf_next = leaf % 40000 == 3 ? leaf + 40000 - 3 : leaf + 1;
    listing->count++;
    return true;
}

static void check_key(struct qf_state *state, const struct model *model, unsigned number)
{
    char text[32], wanted[200];
    struct qf_slice key = key_of(number, text), value;
    struct qf_buf out = {0};
    struct qf_state_proof proof;
    uint8_t root[QF_HASH_SIZE], now[QF_HASH_SIZE], key_hash[QF_HASH_SIZE], value_hash[QF_HASH_SIZE];
    uint64_t height;
    bool there = model->values[number] != 0 && !is_lookup(number);
    assert_int_equal(qf_state_peek(state, key, &value), there ? QF_OK : QF_NOT_FOUND);
    assert_int_equal(qf_state_get(state, &out, key), there ? QF_OK : QF_NOT_FOUND);
    if (there) {
        assert_true(qf_slice_equal(value, value_of(model->values[number], wanted)));
        assert_true(qf_slice_equal(value, qf_buf_slice(&out)));
        qf_hash(QF_HASH_SHA256, value_hash, value);
    }
    assert_int_equal(qf_state_prove(state, key, &proof, root, &height), QF_OK);
    assert_int_equal(height, model->height);
    qf_state_root(state, now);
    assert_memory_equal(root, now, QF_HASH_SIZE);
    qf_hash(QF_HASH_SHA256, key_hash, key);
    assert_int_equal(
        qf_state_verify(QF_HASH_SHA256, root, key_hash, there ? value_hash : NULL, &proof), QF_OK);
    qf_buf_deinit(&out);
}

/* All keys at once, those that are not there too: against one root. */
static void check_together(struct qf_state *state, const struct model *model)
{
    static char texts[KEYS][32];
    struct qf_state_asked asked[KEYS] = {0};
    uint8_t root[QF_HASH_SIZE], now[QF_HASH_SIZE];
    uint64_t height;
    for (unsigned number = 0; number < KEYS; number++)
        asked[number].key = key_of(number, texts[number]);
    assert_int_equal(qf_state_prove_many(state, asked, KEYS, root, &height), QF_OK);
    assert_int_equal(height, model->height);
    qf_state_root(state, now);
    assert_memory_equal(root, now, QF_HASH_SIZE);
    for (unsigned number = 0; number < KEYS; number++) {
        bool there = model->values[number] != 0 && !is_lookup(number);
        uint8_t key_hash[QF_HASH_SIZE];
        qf_hash(QF_HASH_SHA256, key_hash, asked[number].key);
        const uint8_t *value_hash = there ? asked[number].proof.leaf.value_hash : NULL;
        assert_int_equal(
            qf_state_verify(QF_HASH_SHA256, root, key_hash, value_hash, &asked[number].proof),
            QF_OK);
    }
}

static void check(struct qf_state *state, const struct model *model)
{
    assert_int_equal(qf_state_record_count(state), model->count);
    check_together(state, model);
    for (unsigned number = 0; number < KEYS; number++)
        check_key(state, model, number);
    struct listing listing = {.model = model};
    assert_int_equal(
        qf_state_list(state, qf_slice_of("listed/"), (struct qf_slice){0}, see_name, &listing),
        QF_OK);
    size_t listed = 0;
    for (unsigned number = 0; number < KEYS; number += 3)
        listed += model->values[number] != 0;
    assert_int_equal(listing.count, listed);
    listing = (struct listing){.model = model, .next = 30};
    char after[32];
    assert_int_equal(qf_state_list_values(state, qf_slice_of("lookup/"), key_of(29, after),
                                          see_lookup, &listing),
                     QF_OK);
    listed = 0;
    for (unsigned number = 32; number < KEYS; number += 3)
        listed += model->values[number] != 0;
    assert_int_equal(listing.count, listed);
    listing = (struct listing){.leaf_next = 40000};
    struct qf_index_term term = term_of(1);
    assert_int_equal(qf_state_find(state, &term, 0, see_leaf, &listing), QF_OK);
    assert_int_equal(listing.count, model->height * 4);
    for (uint64_t height = 1; height <= model->height; height++) {
        uint64_t leaf;
        term = term_of(height * 4 + 2);
        assert_true(qf_state_find_first(state, &term, 0, &leaf));
        assert_int_equal(leaf, height * 40000 + 2);
        assert_true(qf_state_find_first(state, &term, leaf, &leaf));
        assert_false(qf_state_find_first(state, &term, leaf + 1, &leaf));
    }
    uint64_t leaf;
    term = term_of(999999);
    assert_false(qf_state_find_first(state, &term, 0, &leaf));
}

/* The root depends on the set of records alone. */
static void check_root(struct qf_state *state, const struct model *model)
{
    char folder[96];
    uint8_t root[QF_HASH_SIZE], want[QF_HASH_SIZE];
    static char keys[KEYS][32], values[KEYS][200];
    struct qf_state_change changes[KEYS];
    struct qf_state *other;
    const struct qf_state_options options = {
        .alg = QF_HASH_SHA256, .map_size = (size_t)64 << 20, .no_sync = true};
    snprintf(folder, sizeof folder, "%s/other", base_folder);
    assert_int_equal(qf_state_open(&other, folder, &options, NULL), QF_OK);
    struct qf_state_block block = {.height = 1, .changes = changes};
    for (unsigned number = 0; number < KEYS; number++)
        if (model->values[number] != 0 && !is_lookup(number))
            changes[block.change_count++] =
                (struct qf_state_change){.key = key_of(number, keys[number]),
                                         .value = value_of(model->values[number], values[number])};
    assert_int_equal(qf_state_install(other, &block, want), QF_OK);
    qf_state_root(state, root);
    assert_memory_equal(root, want, QF_HASH_SIZE);
    qf_state_close(other);
}

static void freeze(struct qf_state *state, const struct model *model)
{
    const struct qf_state_meta_value values[] = {{"model", qf_slice_make(model, sizeof *model)},
                                                 {"empty", {NULL, 0}}};
    assert_int_equal(qf_state_freeze(state, values, 2), QF_OK);
}

static void behaves_as_a_map_through_flushes_and_restarts(void **unused)
{
    (void)unused;
    struct qf_state *state = must_open();
    static struct model model, flushed;
    uint64_t random = 7;
    model = flushed = (struct model){0};
    check(state, &model);
    for (unsigned round = 0; round < 40; round++) {
        install(state, &model, &random);
        install(state, &model, &random);
        check(state, &model);
        if (round % 3 == 0) {
            freeze(state, &model);
            static struct model frozen;
            frozen = model;
            assert_int_equal(qf_state_freeze(state, NULL, 0), QF_CONFLICT);
            check(state, &model);
            install(state, &model, &random);
            check(state, &model);
            assert_int_equal(qf_state_flush(state), QF_OK);
            flushed = frozen;
            check(state, &model);
            install(state, &model, &random);
            check(state, &model);
        }
        if (round % 10 == 9) {
            /* What was not flushed is forgotten; the root is that of what was. */
            qf_state_close(state);
            state = must_open();
            struct qf_buf meta = {0};
            assert_int_equal(qf_state_meta(state, &meta, "model"), QF_OK);
            assert_int_equal(meta.size, sizeof model);
            memcpy(&model, meta.data, sizeof model);
            assert_memory_equal(&model, &flushed, sizeof model);
            assert_int_equal(qf_state_meta(state, &meta, "nothing"), QF_NOT_FOUND);
            qf_buf_deinit(&meta);
            check(state, &model);
            check_root(state, &model);
            char command[96];
            snprintf(command, sizeof command, "rm -rf %s/other", base_folder);
            assert_int_equal(system(command), 0);
        }
    }
    qf_state_close(state);
}

static void another_suite_is_refused(void **unused)
{
    (void)unused;
    struct qf_state *state = must_open();
    struct qf_error err = {0};
    qf_state_close(state);
    const struct qf_state_options options = {.alg = QF_HASH_SM3, .map_size = (size_t)64 << 20};
    assert_int_equal(qf_state_open(&state, base_folder, &options, &err), QF_CORRUPT);
    assert_string_equal(err.field, "state.format");
}

static void a_full_map_fails_the_flush_and_nothing_else(void **unused)
{
    (void)unused;
    struct qf_state *state;
    const struct qf_state_options options = {
        .alg = QF_HASH_SHA256, .map_size = (size_t)1 << 20, .no_sync = true};
    assert_int_equal(qf_state_open(&state, base_folder, &options, NULL), QF_OK);
    static uint8_t big[900000];
    uint8_t root[QF_HASH_SIZE];
    struct qf_state_change changes[2] = {
        {.key = qf_slice_of("a"), .value = qf_slice_make(big, sizeof big)},
        {.key = qf_slice_of("b"), .value = qf_slice_make(big, sizeof big)}};
    const struct qf_state_block block = {.height = 1, .changes = changes, .change_count = 2};
    assert_int_equal(qf_state_install(state, &block, root), QF_OK);
    assert_int_equal(qf_state_freeze(state, NULL, 0), QF_OK);
    assert_int_equal(qf_state_flush(state), QF_NO_SPACE);
    assert_int_equal(qf_state_flush(state), QF_NO_SPACE);
    assert_int_equal(qf_state_freeze(state, NULL, 0), QF_CONFLICT);
    struct qf_buf out = {0};
    assert_int_equal(qf_state_get(state, &out, qf_slice_of("b")), QF_OK);
    assert_int_equal(out.size, sizeof big);
    qf_buf_deinit(&out);
    qf_state_close(state);
    state = must_open(); /* with a larger map */
    assert_int_equal(qf_state_record_count(state), 0);
    qf_state_close(state);
}

struct crowd {
    struct qf_state *state;
    atomic_bool done;
    atomic_int wrong;
};

static void *flush_all(void *arg)
{
    struct crowd *crowd = arg;
    while (!atomic_load(&crowd->done))
        if (qf_state_flush(crowd->state) != QF_OK)
            atomic_fetch_add(&crowd->wrong, 1);
    return NULL;
}

static bool count_name(void *arg, struct qf_slice key)
{
    (void)key;
    (*(size_t *)arg)++;
    return true;
}

static bool ascending(void *arg, uint64_t leaf)
{
    uint64_t *last = arg;
    bool good = leaf > *last;
    *last = good ? leaf : UINT64_MAX;
    return good;
}

/* Blocks write the same number under two keys: a reader that sees a proof sees whole blocks. */
static void *read_all(void *arg)
{
    struct crowd *crowd = arg;
    while (!atomic_load(&crowd->done)) {
        struct qf_state_proof proof;
        struct qf_buf value = {0};
        uint8_t root[QF_HASH_SIZE], hash[QF_HASH_SIZE];
        uint64_t height, last = 0;
        size_t names = 0;
        struct qf_index_term term = term_of(1);
        if (qf_state_prove(crowd->state, qf_slice_of("same/a"), &proof, root, &height) != QF_OK)
            atomic_fetch_add(&crowd->wrong, 1);
        char text[32];
        snprintf(text, sizeof text, "%llu", (unsigned long long)height);
        uint8_t value_hash[QF_HASH_SIZE];
        qf_hash(QF_HASH_SHA256, hash, qf_slice_of("same/a"));
        qf_hash(QF_HASH_SHA256, value_hash, qf_slice_of(text));
        if (qf_state_verify(QF_HASH_SHA256, root, hash, height == 0 ? NULL : value_hash, &proof) !=
            QF_OK)
            atomic_fetch_add(&crowd->wrong, 1);
        if (height > 0 && qf_state_get(crowd->state, &value, qf_slice_of("same/b")) != QF_OK)
            atomic_fetch_add(&crowd->wrong, 1);
        if (height > 0 && strtoull(qf_buf_text(&value), NULL, 10) < height)
            atomic_fetch_add(&crowd->wrong, 1);
        if (qf_state_list(crowd->state, qf_slice_of("same/"), (struct qf_slice){0}, count_name,
                          &names) != QF_OK ||
            names < (height > 0 ? 2 : 0))
            atomic_fetch_add(&crowd->wrong, 1);
        if (qf_state_find(crowd->state, &term, 0, ascending, &last) != QF_OK || last < height ||
            last == UINT64_MAX)
            atomic_fetch_add(&crowd->wrong, 1);
        qf_buf_deinit(&value);
    }
    return NULL;
}

static void readers_and_a_flusher_beside_the_writer(void **unused)
{
    (void)unused;
    struct crowd crowd = {.state = must_open()};
    pthread_t threads[4];
    assert_int_equal(pthread_create(&threads[0], NULL, flush_all, &crowd), 0);
    for (size_t i = 1; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_all, &crowd), 0);
    for (uint64_t height = 1; height <= 600; height++) {
        char value[32], keys[20][32];
        uint8_t root[QF_HASH_SIZE];
        struct qf_state_change changes[22];
        snprintf(value, sizeof value, "%llu", (unsigned long long)height);
        struct qf_slice text = qf_slice_of(value);
        changes[0] = (struct qf_state_change){qf_slice_of("same/a"), text, true, false};
        changes[1] = (struct qf_state_change){qf_slice_of("same/b"), text, true, false};
        for (size_t i = 0; i < 20; i++) {
            snprintf(keys[i], sizeof keys[i], "k/%llu/%zu", (unsigned long long)height, i);
            changes[2 + i] = (struct qf_state_change){qf_slice_of(keys[i]), text, false, false};
        }
        const struct qf_index_entry index = {term_of(1), height};
        const struct qf_state_block block = {.height = height,
                                             .changes = changes,
                                             .change_count = 22,
                                             .index = &index,
                                             .index_count = 1};
        struct qf_slice seen;
        if (height > 1)
            assert_int_equal(qf_state_peek(crowd.state, qf_slice_of("same/a"), &seen), QF_OK);
        assert_int_equal(qf_state_install(crowd.state, &block, root), QF_OK);
        if (height % 10 == 0) {
            enum qf_status status = qf_state_freeze(crowd.state, NULL, 0);
            assert_true(status == QF_OK || status == QF_CONFLICT);
        }
    }
    atomic_store(&crowd.done, true);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(atomic_load(&crowd.wrong), 0);
    assert_int_equal(qf_state_record_count(crowd.state), 600 * 20 + 2);
    qf_state_close(crowd.state);
}

/* A process that installs and flushes is killed at some moment; what it reported as flushed is
 * there, whole, with its tree. */
static void survives_a_killed_process(void **unused)
{
    (void)unused;
    uint64_t reported = 0;
    for (unsigned life = 0; life < 4; life++) {
        int ends[2];
        assert_int_equal(pipe(ends), 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            struct qf_state *state = must_open();
            static struct model model;
            struct qf_buf meta = {0};
            uint64_t random = life;
            if (qf_state_meta(state, &meta, "model") == QF_OK)
                memcpy(&model, meta.data, sizeof model);
            for (;;) {
                install(state, &model, &random);
                freeze(state, &model);
                if (qf_state_flush(state) != QF_OK || write(ends[1], &model.height, 8) != 8)
                    _exit(1);
            }
        }
        close(ends[1]);
        uint64_t height;
        for (unsigned i = 0; i < 20 + 15 * life; i++) {
            assert_int_equal(read(ends[0], &height, 8), 8);
            reported = height;
        }
        assert_int_equal(kill(child, SIGKILL), 0);
        while (read(ends[0], &height, 8) == 8)
            reported = height;
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        close(ends[0]);
        struct qf_state *state = must_open();
        struct qf_buf meta = {0};
        static struct model model;
        assert_int_equal(qf_state_meta(state, &meta, "model"), QF_OK);
        memcpy(&model, meta.data, sizeof model);
        assert_true(model.height >= reported);
        check(state, &model);
        qf_buf_deinit(&meta);
        qf_state_close(state);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh_folder, remove_folder)
        TEST(behaves_as_a_map_through_flushes_and_restarts),
        TEST(another_suite_is_refused),
        TEST(a_full_map_fails_the_flush_and_nothing_else),
        TEST(readers_and_a_flusher_beside_the_writer),
        TEST(survives_a_killed_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
