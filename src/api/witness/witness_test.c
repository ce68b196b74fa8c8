#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "api/witness/witness.h"
#include "store/sim_fs.h"

#define LEAVES 64
#define COMMON 8 /* leaves that a log and its fork share */

/* Two histories of one log, signed by the same key. */
struct history {
    uint8_t nodes[8][LEAVES][QF_HASH_SIZE];
    uint8_t roots[LEAVES + 1][QF_HASH_SIZE];
};
static struct history histories[2];
static struct qf_verifier *verifier;
static struct qf_private_key *log_private, *witness_private, *other_private;
static struct qf_witness_source source;
static int64_t now_ms = 1700000000000;

static int64_t now(void *self)
{
    (void)self;
    return now_ms;
}

static void keep_node(void *arg, unsigned level, uint64_t index, const uint8_t hash[QF_HASH_SIZE])
{
    struct history *history = arg;
    memcpy(history->nodes[level][index], hash, QF_HASH_SIZE);
}

static enum qf_status read_node(void *self, unsigned level, uint64_t index,
                                uint8_t out[QF_HASH_SIZE])
{
    const struct history *history = self;
    memcpy(out, history->nodes[level][index], QF_HASH_SIZE);
    return QF_OK;
}

static int setup(void **state)
{
    (void)state;
    const struct qf_verifier_options options = {0};
    struct qf_public_key public;
    assert_int_equal(qf_verifier_new(&verifier, &options, NULL), QF_OK);
    assert_int_equal(qf_private_key_generate(&log_private, QF_ALG_EDDSA, NULL), QF_OK);
    assert_int_equal(qf_private_key_generate(&witness_private, QF_ALG_EDDSA, NULL), QF_OK);
    assert_int_equal(qf_private_key_generate(&other_private, QF_ALG_EDDSA, NULL), QF_OK);
    qf_private_key_public(log_private, &public);
    source.origin = qf_slice_of("beijing");
    qf_note_key_make(&source.key, source.origin, QF_NOTE_ED25519, public.bytes);
    for (size_t which = 0; which < 2; which++) {
        struct qf_log_tree tree;
        qf_log_tree_init(&tree, QF_HASH_SHA256);
        qf_log_tree_root(&tree, histories[which].roots[0]);
        for (size_t i = 0; i < LEAVES; i++) {
            uint8_t leaf[QF_HASH_SIZE];
            const uint8_t entry[2] = {(uint8_t)i, i < COMMON ? 0 : (uint8_t)which};
            qf_hash_leaf(QF_HASH_SHA256, leaf, qf_slice_make(entry, 2));
            qf_log_tree_append(&tree, leaf, keep_node, &histories[which]);
            qf_log_tree_root(&tree, histories[which].roots[i + 1]);
        }
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    qf_private_key_free(log_private);
    qf_private_key_free(witness_private);
    qf_private_key_free(other_private);
    qf_verifier_free(verifier);
    return 0;
}

static enum qf_status open_witness(struct qf_witness **out, const struct qf_fs *fs,
                                   const struct qf_private_key *key, struct qf_error *err)
{
    const struct qf_witness_options options = {.fs = fs,
                                               .name = qf_slice_of("court.example/w"),
                                               .key = key,
                                               .sources = &source,
                                               .source_count = 1,
                                               .verifier = verifier,
                                               .clock = {now, NULL}};
    return qf_witness_new(out, &options, err);
}

static void put_note(struct qf_buf *note, const struct history *history, uint64_t size)
{
    struct qf_buf text = {0};
    struct qf_checkpoint checkpoint = {.origin = source.origin, .size = size};
    memcpy(checkpoint.root, history->roots[size], QF_HASH_SIZE);
    qf_checkpoint_put(&text, &checkpoint);
    qf_buf_put_slice(note, qf_buf_slice(&text));
    qf_buf_put_byte(note, '\n');
    assert_int_equal(qf_note_put_signature(note, qf_buf_slice(&text), source.origin,
                                           QF_NOTE_ED25519, log_private, 0, NULL),
                     QF_OK);
    qf_buf_deinit(&text);
}

static void put_request(struct qf_buf *body, struct history *history, uint64_t old, uint64_t size)
{
    struct qf_buf note = {0};
    struct qf_log_proof proof = {0};
    const struct qf_hash_reader reader = {read_node, history};
    if (old > 0 && old < size)
        assert_int_equal(qf_log_prove_consistency(QF_HASH_SHA256, &proof, old, size, &reader),
                         QF_OK);
    put_note(&note, history, size);
    qf_witness_request_put(body, old, &proof, qf_buf_slice(&note));
    qf_buf_deinit(&note);
}

/* The HTTP status, 503 when the memory could not be written; `out` has the body. */
static int ask(struct qf_witness *witness, struct qf_buf *out, int which, uint64_t old,
               uint64_t size)
{
    struct qf_buf body = {0};
    struct qf_error err = {0};
    enum qf_witness_answer answer;
    put_request(&body, &histories[which], old, size);
    qf_buf_reset(out);
    enum qf_status status = qf_witness_serve(witness, out, &answer, qf_buf_slice(&body), &err);
    qf_buf_deinit(&body);
    assert_true(status == QF_OK || out->size == 0);
    return status == QF_OK ? (int)answer : 503;
}

static void check_cosigned(struct qf_witness *witness, struct qf_slice answer, int which,
                           uint64_t size)
{
    struct qf_buf text = {0};
    struct qf_buf line = {0};
    struct qf_note_key key;
    uint64_t time_s = 0;
    struct qf_checkpoint checkpoint = {.origin = source.origin, .size = size};
    memcpy(checkpoint.root, histories[which].roots[size], QF_HASH_SIZE);
    qf_checkpoint_put(&text, &checkpoint);
    qf_witness_key(witness, &key);
    assert_int_equal(qf_witness_take_cosignature(&line, &time_s, qf_buf_slice(&text), answer, &key,
                                                 verifier, NULL),
                     QF_OK);
    assert_int_equal(time_s, now_ms / 1000);
    qf_buf_deinit(&text);
    qf_buf_deinit(&line);
}

static void test_course(void **state)
{
    (void)state;
    struct qf_sim_fs *sim = qf_sim_fs_new(1);
    struct qf_fs fs = qf_sim_fs_io(sim);
    struct qf_witness *witness;
    struct qf_buf out = {0};
    struct qf_witness_report report;
    assert_int_equal(open_witness(&witness, &fs, witness_private, NULL), QF_OK);
    assert_int_equal(ask(witness, &out, 0, 0, 20), 200);
    check_cosigned(witness, qf_buf_slice(&out), 0, 20);
    /* A client that does not know the size is told. */
    assert_int_equal(ask(witness, &out, 0, 0, 30), 409);
    assert_string_equal(qf_buf_text(&out), "20\n");
    assert_int_equal(ask(witness, &out, 0, 20, 30), 200);
    /* The same again, later: a newer time, and nothing is written. */
    now_ms += 5000;
    uint64_t calls = qf_sim_fs_calls(sim);
    assert_int_equal(ask(witness, &out, 0, 30, 30), 200);
    check_cosigned(witness, qf_buf_slice(&out), 0, 30);
    assert_int_equal(qf_sim_fs_calls(sim), calls);
    /* Another history of the same size, a longer one, and the past. */
    assert_int_equal(ask(witness, &out, 1, 30, 30), 409);
    assert_int_equal(out.size, 0);
    now_ms += 5000;
    assert_int_equal(ask(witness, &out, 1, 30, 40), 422);
    assert_int_equal(ask(witness, &out, 0, 30, 25), 400);
    assert_int_equal(ask(witness, &out, 0, 25, 25), 409);
    assert_string_equal(qf_buf_text(&out), "30\n");
    qf_witness_report(witness, 0, &report);
    assert_int_equal(report.size, 30);
    assert_int_equal(report.cosigned, 3);
    assert_int_equal(report.refused, 2);
    assert_non_null(strstr(report.refusal, "proof"));
    qf_witness_free(witness);
    /* After a restart it knows what it knew, under a changed key too. */
    qf_sim_fs_crash(sim);
    assert_int_equal(open_witness(&witness, &fs, other_private, NULL), QF_OK);
    assert_int_equal(ask(witness, &out, 1, 30, 30), 409);
    assert_int_equal(ask(witness, &out, 0, 0, 31), 409);
    assert_string_equal(qf_buf_text(&out), "30\n");
    assert_int_equal(ask(witness, &out, 0, 30, 31), 200);
    qf_witness_free(witness);
    qf_buf_deinit(&out);
    qf_sim_fs_free(sim);
}

/* Every changing call fails in every way, then the power goes: what was let out is remembered, and
 * no other history is cosigned past it. */
static void test_faults(void **state)
{
    (void)state;
    unsigned lost_answers = 0;
    for (uint64_t seed = 0; seed < QF_SIM_FAULT_COUNT * 40; seed++) {
        struct qf_sim_fs *sim = qf_sim_fs_new(seed);
        struct qf_fs fs = qf_sim_fs_io(sim);
        struct qf_witness *witness;
        struct qf_buf out = {0};
        assert_int_equal(open_witness(&witness, &fs, witness_private, NULL), QF_OK);
        uint64_t let_out = 0;
        uint64_t asked = 0;
        qf_sim_fs_fail_at(sim, 1 + seed / QF_SIM_FAULT_COUNT,
                          (enum qf_sim_fault)(seed % QF_SIM_FAULT_COUNT));
        for (uint64_t size = COMMON + 2; size <= COMMON + 20; size += 3) {
            int code = ask(witness, &out, 0, let_out, size);
            assert_true(code == 200 || code == 503);
            asked = size;
            if (code == 200)
                let_out = size;
            else if (++lost_answers > 0 && seed % 2 == 0)
                break;
        }
        qf_witness_free(witness);
        qf_sim_fs_crash(sim);
        qf_sim_fs_heal(sim);
        assert_int_equal(open_witness(&witness, &fs, witness_private, NULL), QF_OK);
        struct qf_witness_report report;
        qf_witness_report(witness, 0, &report);
        assert_true(report.size >= let_out && report.size <= asked);
        if (let_out > 0) {
            assert_int_equal(ask(witness, &out, 1, report.size, report.size), 409);
            assert_int_equal(ask(witness, &out, 1, report.size, report.size + 5), 422);
        }
        assert_int_equal(ask(witness, &out, 0, report.size, report.size + 5), 200);
        qf_witness_free(witness);
        qf_buf_deinit(&out);
        qf_sim_fs_free(sim);
    }
    assert_true(lost_answers > QF_SIM_FAULT_COUNT * 5);
}

struct racer {
    struct qf_witness *witness;
    int which, code;
    uint64_t old, size;
};

static void *race(void *arg)
{
    struct racer *racer = arg;
    struct qf_buf out = {0};
    racer->code = ask(racer->witness, &out, racer->which, racer->old, racer->size);
    qf_buf_deinit(&out);
    return NULL;
}

/* Of requests that start from the same size one wins, and of two histories only one is cosigned. */
static void test_races(void **state)
{
    (void)state;
    for (uint64_t round = 0; round < 40; round++) {
        struct qf_sim_fs *sim = qf_sim_fs_new(round);
        struct qf_fs fs = qf_sim_fs_io(sim);
        struct qf_buf out = {0};
        struct racer racers[8];
        pthread_t threads[8];
        struct qf_witness *witness;
        assert_int_equal(open_witness(&witness, &fs, witness_private, NULL), QF_OK);
        assert_int_equal(ask(witness, &out, 0, 0, COMMON), 200);
        for (int i = 0; i < 8; i++) {
            racers[i] = (struct racer){.witness = witness,
                                       .which = i % 2,
                                       .old = COMMON,
                                       .size = COMMON + 1U + (unsigned)i};
            assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
        }
        unsigned won = 0;
        for (int i = 0; i < 8; i++) {
            pthread_join(threads[i], NULL);
            assert_true(racers[i].code == 200 || racers[i].code == 409);
            won += racers[i].code == 200;
        }
        assert_int_equal(won, 1);
        qf_witness_free(witness);
        qf_buf_deinit(&out);
        qf_sim_fs_free(sim);
    }
}

/* A memory that was changed, or is another log's, is not taken for one. */
static void test_damaged_memory(void **state)
{
    (void)state;
    char found[64] = "";
    struct qf_sim_fs *sim = qf_sim_fs_new(7);
    struct qf_fs fs = qf_sim_fs_io(sim);
    struct qf_witness *witness;
    struct qf_buf out = {0};
    struct qf_error err = {0};
    assert_int_equal(open_witness(&witness, &fs, witness_private, NULL), QF_OK);
    assert_int_equal(ask(witness, &out, 0, 0, 20), 200);
    qf_witness_free(witness);
    qf_buf_deinit(&out);
    uint8_t hash[QF_HASH_SIZE];
    qf_hash(QF_HASH_SHA256, hash, source.origin);
    for (size_t i = 0; i < 16; i++)
        snprintf(found + 2 * i, sizeof found - 2 * i, "%02x", hash[i]);
    strcat(found, ".note");
    struct qf_file *file;
    uint64_t size = 0;
    assert_int_equal(fs.open(fs.self, &file, found, false), QF_OK);
    assert_int_equal(fs.size(fs.self, file, &size), QF_OK);
    uint8_t bytes[1024];
    size_t got = 0;
    assert_true(size < sizeof bytes);
    assert_int_equal(fs.read(fs.self, file, bytes, sizeof bytes, 0, &got), QF_OK);
    for (size_t i = 0; i < 12; i++) { /* the text: origin, size, root's beginning */
        uint8_t changed = bytes[i] ^ 1;
        assert_int_equal(fs.write(fs.self, file, qf_slice_make(&changed, 1), i), QF_OK);
        assert_int_equal(open_witness(&witness, &fs, witness_private, &err), QF_CORRUPT);
        assert_string_equal(err.field, found);
        assert_int_equal(fs.write(fs.self, file, qf_slice_make(&bytes[i], 1), i), QF_OK);
    }
    assert_int_equal(fs.truncate(fs.self, file, 0), QF_OK);
    assert_int_equal(open_witness(&witness, &fs, witness_private, &err), QF_CORRUPT);
    fs.close(fs.self, file);
    qf_sim_fs_free(sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_course),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_races),
        cmocka_unit_test(test_damaged_memory),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
