#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "merkle/nodes_testing.h"
#include "merkle/witness.h"

#define LEAVES 40

static struct qf_verifier *verifier;
static struct qf_private_key *log_private, *other_private;
static struct qf_note_key log_key, witness_key;
static uint8_t roots[LEAVES + 1][QF_HASH_SIZE];

static int setup(void **state)
{
    (void)state;
    const struct qf_verifier_options options = {0};
    struct qf_public_key public;
    struct qf_log_tree tree;
    assert_int_equal(qf_verifier_new(&verifier, &options, NULL), QF_OK);
    assert_int_equal(qf_private_key_generate(&log_private, QF_ALG_EDDSA, NULL), QF_OK);
    assert_int_equal(qf_private_key_generate(&other_private, QF_ALG_EDDSA, NULL), QF_OK);
    qf_private_key_public(log_private, &public);
    qf_note_key_make(&log_key, qf_slice_of("beijing"), QF_NOTE_ED25519, public.bytes);
    qf_private_key_public(other_private, &public);
    qf_note_key_make(&witness_key, qf_slice_of("court"), QF_NOTE_COSIGNATURE, public.bytes);
    qf_log_tree_init(&tree, QF_HASH_SHA256);
    qf_log_tree_root(&tree, roots[0]);
    for (size_t i = 0; i < LEAVES; i++) {
        uint8_t leaf[QF_HASH_SIZE];
        uint8_t entry = (uint8_t)i;
        qf_hash_leaf(QF_HASH_SHA256, leaf, qf_slice_make(&entry, 1));
        qf_log_tree_append(&tree, leaf, qf_test_keep_node, NULL);
        qf_log_tree_root(&tree, roots[i + 1]);
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    qf_private_key_free(log_private);
    qf_private_key_free(other_private);
    qf_verifier_free(verifier);
    return 0;
}

struct plan { /* of a request, and the answer that it must get */
    uint64_t known, old, size;
    enum qf_witness_answer want;
    enum {
        PLAIN,
        WRONG_ROOT,
        WRONG_PROOF,
        LONG_PROOF,
        NO_PROOF,
        WRONG_KEY,
        UNKNOWN,
        AS_COSIGNER
    } how;
};

static void make_body(struct qf_buf *body, const struct plan *plan)
{
    struct qf_log_proof proof = {0};
    struct qf_buf note = {0};
    struct qf_checkpoint checkpoint = {
        .origin = log_key.name, .size = plan->size, .has_state = true};
    memcpy(checkpoint.root, roots[plan->size], QF_HASH_SIZE);
    if (plan->how == WRONG_ROOT)
        checkpoint.root[5] ^= 1;
    if (plan->old <= plan->size)
        assert_int_equal(
            qf_log_prove_consistency(QF_HASH_SHA256, &proof, plan->old, plan->size, &qf_test_nodes),
            QF_OK);
    if (plan->how == WRONG_PROOF)
        proof.hashes[proof.count - 1][31] ^= 1;
    if (plan->how == LONG_PROOF)
        proof.count++;
    if (plan->how == NO_PROOF)
        proof.count = 0;
    qf_checkpoint_put(&note, &checkpoint);
    size_t text_size = note.size;
    qf_buf_put_byte(&note, '\n');
    uint8_t text[512];
    assert_true(text_size <= sizeof text);
    memcpy(text, note.data, text_size);
    assert_int_equal(
        qf_note_put_signature(&note, qf_slice_make(text, text_size), log_key.name,
                              plan->how == AS_COSIGNER ? QF_NOTE_COSIGNATURE : QF_NOTE_ED25519,
                              plan->how == WRONG_KEY ? other_private : log_private, 9, NULL),
        QF_OK);
    qf_witness_request_put(body, plan->old, &proof, qf_buf_slice(&note));
    assert_int_equal(qf_buf_status(body), QF_OK);
    qf_buf_deinit(&note);
}

static void decisions(void **state)
{
    (void)state;
    static const struct plan plans[] = {
        {0, 0, 0, QF_WITNESS_COSIGN, PLAIN},
        {0, 0, 1, QF_WITNESS_COSIGN, PLAIN},
        {0, 0, 40, QF_WITNESS_COSIGN, PLAIN},
        {1, 1, 2, QF_WITNESS_COSIGN, PLAIN},
        {7, 7, 40, QF_WITNESS_COSIGN, PLAIN},
        {8, 8, 16, QF_WITNESS_COSIGN, PLAIN},
        {33, 33, 33, QF_WITNESS_COSIGN, PLAIN},
        {0, 0, 0, QF_WITNESS_INCONSISTENT, WRONG_ROOT},
        {0, 0, 0, QF_WITNESS_INCONSISTENT, LONG_PROOF},
        {0, 0, 7, QF_WITNESS_INCONSISTENT, LONG_PROOF},
        {7, 7, 40, QF_WITNESS_INCONSISTENT, WRONG_ROOT},
        {7, 7, 40, QF_WITNESS_INCONSISTENT, WRONG_PROOF},
        {7, 7, 40, QF_WITNESS_INCONSISTENT, LONG_PROOF},
        {7, 7, 40, QF_WITNESS_INCONSISTENT, NO_PROOF},
        {8, 8, 16, QF_WITNESS_INCONSISTENT, NO_PROOF},
        {33, 33, 33, QF_WITNESS_INCONSISTENT, LONG_PROOF},
        {33, 33, 33, QF_WITNESS_CONFLICT, WRONG_ROOT},
        {33, 0, 40, QF_WITNESS_CONFLICT, PLAIN},
        {33, 32, 40, QF_WITNESS_CONFLICT, PLAIN},
        {33, 20, 30, QF_WITNESS_CONFLICT, PLAIN},
        {33, 34, 40, QF_WITNESS_CONFLICT, PLAIN},
        {0, 1, 2, QF_WITNESS_CONFLICT, PLAIN},
        {33, 33, 32, QF_WITNESS_MALFORMED, PLAIN},
        {0, 33, 32, QF_WITNESS_MALFORMED, PLAIN},
        {7, 7, 40, QF_WITNESS_UNTRUSTED, WRONG_KEY},
        {7, 7, 40, QF_WITNESS_UNTRUSTED, AS_COSIGNER},
        {7, 8, 7, QF_WITNESS_UNTRUSTED, WRONG_KEY},
        {7, 7, 40, QF_WITNESS_UNKNOWN_LOG, UNKNOWN},
    };
    for (size_t i = 0; i < sizeof plans / sizeof plans[0]; i++) {
        const struct plan *plan = &plans[i];
        struct qf_arena arena = {0};
        struct qf_buf body = {0};
        struct qf_witness_request request;
        struct qf_error err = {0};
        struct qf_witness_log log = {
            .origin = log_key.name, .keys = &log_key, .key_count = 1, .state.size = plan->known};
        struct qf_witness_state next = {.size = 12345};
        if (plan->known > 0)
            memcpy(log.state.root, roots[plan->known], QF_HASH_SIZE);
        make_body(&body, plan);
        assert_int_equal(qf_witness_request_parse(&arena, &request, qf_buf_slice(&body), &err),
                         QF_OK);
        enum qf_witness_answer answer =
            qf_witness_decide(&next, plan->how == UNKNOWN ? NULL : &log, &request, verifier, &err);
        if (answer != plan->want)
            fail_msg("case %zu: answered %d instead of %d", i, (int)answer, (int)plan->want);
        if (answer == QF_WITNESS_COSIGN) {
            assert_int_equal(next.size, plan->size);
            assert_memory_equal(next.root, roots[plan->size], QF_HASH_SIZE);
            assert_int_equal(err.status, QF_OK);
        } else {
            assert_int_equal(next.size, 12345);
            assert_int_not_equal(err.status, QF_OK);
        }
        qf_buf_deinit(&body);
        qf_arena_deinit(&arena);
    }
}

/* Any of several keys may have signed; a key that only cosigns for a witness is none of them. */
static void several_keys(void **state)
{
    (void)state;
    const struct plan plan = {.size = 5};
    struct qf_arena arena = {0};
    struct qf_buf body = {0};
    struct qf_witness_request request;
    struct qf_witness_state next;
    const struct qf_note_key keys[] = {witness_key, log_key};
    struct qf_witness_log log = {.origin = log_key.name, .keys = keys, .key_count = 2};
    make_body(&body, &plan);
    assert_int_equal(qf_witness_request_parse(&arena, &request, qf_buf_slice(&body), NULL), QF_OK);
    assert_int_equal(qf_witness_decide(&next, &log, &request, verifier, NULL), QF_WITNESS_COSIGN);
    log.key_count = 1;
    assert_int_equal(qf_witness_decide(&next, &log, &request, verifier, NULL),
                     QF_WITNESS_UNTRUSTED);
    log.key_count = 0;
    assert_int_equal(qf_witness_decide(&next, &log, &request, verifier, NULL),
                     QF_WITNESS_UNTRUSTED);
    qf_buf_deinit(&body);
    qf_arena_deinit(&arena);
}

static enum qf_status parse(const char *text, struct qf_error *err)
{
    struct qf_arena arena = {0};
    struct qf_witness_request request;
    enum qf_status status = qf_witness_request_parse(&arena, &request, qf_slice_of(text), err);
    qf_arena_deinit(&arena);
    return status;
}

#define HASH "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define NOTE "log\n7\n" HASH "\n\n\xE2\x80\x94 log AAAAAAAA\n"

static void wrong_forms(void **state)
{
    (void)state;
    static const struct {
        const char *body, *field;
    } bodies[] = {
        {"", "old"},
        {"old 0", "old"},
        {"old\n\n" NOTE, "old"},
        {"old \n\n" NOTE, "old"},
        {"old 01\n\n" NOTE, "old"},
        {"old +1\n\n" NOTE, "old"},
        {"old -1\n\n" NOTE, "old"},
        {"old 1 \n\n" NOTE, "old"},
        {"old 1\r\n\n" NOTE, "old"},
        {"Old 1\n\n" NOTE, "old"},
        {"old 1000000000000000000\n\n" NOTE, "old"},
        {"old 18446744073709551616\n\n" NOTE, "old"},
        {"old 1\n" NOTE, "proof"},
        {"old 1\n" HASH "\n", "proof"},
        {"old 1\n" HASH " \n\n" NOTE, "proof"},
        {"old 1\nAAAA\n\n" NOTE, "proof"},
        {"old 1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=\n\n" NOTE, "proof"},
        {"old 1\n\n", "checkpoint.note"},
        {"old 1\n\nlog\n7\n" HASH "\n", "checkpoint.note"},
        {"old 1\n\nlog\n7\n" HASH "\n\n", "checkpoint.signature"},
        {"old 1\n\nlog\n07\n" HASH "\n\n\xE2\x80\x94 log AAAAAAAA\n", "checkpoint.size"},
        {"old 1\n\n\n" NOTE, "checkpoint.origin"},
    };
    struct qf_error err;
    assert_int_equal(parse("old 1\n\n" NOTE, &err), QF_OK);
    assert_int_equal(parse("old 1\n" HASH "\n\n" NOTE, &err), QF_OK);
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        assert_int_equal(parse(bodies[i].body, &err), QF_MALFORMED);
        assert_string_equal(err.field, bodies[i].field);
    }
}

static void limits(void **state)
{
    (void)state;
    struct qf_error err;
    for (int hashes = 63; hashes <= 64; hashes++) {
        struct qf_buf body = {0};
        qf_buf_put_text(&body, "old 7\n");
        for (int i = 0; i < hashes; i++)
            qf_buf_put_text(&body, HASH "\n");
        qf_buf_put_text(&body, "\n" NOTE);
        assert_int_equal(parse(qf_buf_text(&body), &err), hashes == 63 ? QF_OK : QF_OVER_LIMIT);
        qf_buf_deinit(&body);
    }
    struct qf_buf body = {0};
    qf_buf_put_text(&body, "old 7\n\n" NOTE);
    while (body.size <= QF_WITNESS_REQUEST_SIZE_MAX)
        qf_buf_put_text(&body, "\xE2\x80\x94 log AAAAAAAA\n");
    assert_int_equal(parse(qf_buf_text(&body), &err), QF_OVER_LIMIT);
    assert_string_equal(err.field, "body");
    qf_buf_deinit(&body);
}

static enum qf_status take(const char *text, struct qf_slice answer, const struct qf_note_key *key,
                           struct qf_buf *line, uint64_t *time_s)
{
    return qf_witness_take_cosignature(line, time_s, qf_slice_of(text), answer, key, verifier,
                                       NULL);
}

static void answer_of_a_witness(void **state)
{
    (void)state;
    static const char text[] = "log\n7\n" HASH "\n";
    struct qf_buf answer = {0};
    struct qf_buf one = {0};
    struct qf_buf line = {0};
    uint64_t time_s = 0;
    qf_buf_put_text(&answer, "\xE2\x80\x94 another AAAAAAAA\n");
    assert_int_equal(take(text, qf_buf_slice(&answer), &witness_key, &line, &time_s), QF_NOT_FOUND);
    assert_int_equal(qf_note_put_signature(&one, qf_slice_of(text), witness_key.name,
                                           QF_NOTE_COSIGNATURE, other_private, 1767225600, NULL),
                     QF_OK);
    qf_buf_put_slice(&answer, qf_buf_slice(&one));
    assert_int_equal(take(text, qf_buf_slice(&answer), &witness_key, &line, &time_s), QF_OK);
    assert_int_equal(time_s, 1767225600);
    assert_true(qf_slice_equal(qf_buf_slice(&line), qf_buf_slice(&one)));
    /* Over another text, or changed, it is worth nothing, and nothing is appended. */
    qf_buf_reset(&line);
    assert_int_equal(take("log\n8\n" HASH "\n", qf_buf_slice(&one), &witness_key, &line, &time_s),
                     QF_BAD_SIGNATURE);
    one.data[one.size - 20] ^= 4;
    assert_int_not_equal(take(text, qf_buf_slice(&one), &witness_key, &line, &time_s), QF_OK);
    assert_int_equal(take(text, qf_slice_of(""), &witness_key, &line, &time_s), QF_MALFORMED);
    /* A whole note in the answer would be verified instead of the text that was sent. */
    qf_buf_reset(&one);
    qf_buf_put_text(&one, "\xE2\x80\x94 another AAAAAAAA\n");
    struct qf_buf inner = {0};
    qf_buf_put_text(&inner, text);
    qf_buf_put_byte(&inner, '\n');
    qf_buf_put_slice(&inner, qf_buf_slice(&one));
    qf_buf_put_byte(&one, '\n');
    assert_int_equal(qf_note_put_signature(&one, qf_buf_slice(&inner), witness_key.name,
                                           QF_NOTE_COSIGNATURE, other_private, 1, NULL),
                     QF_OK);
    assert_int_equal(take(text, qf_buf_slice(&one), &witness_key, &line, &time_s), QF_MALFORMED);
    assert_int_equal(line.size, 0);
    qf_buf_deinit(&inner);
    qf_buf_deinit(&answer);
    qf_buf_deinit(&one);
    qf_buf_deinit(&line);
}

static void size_of_a_conflict(void **state)
{
    (void)state;
    uint64_t size = 0;
    assert_true(qf_witness_size_parse(&size, qf_slice_of("20852163\n")) && size == 20852163);
    assert_true(qf_witness_size_parse(&size, qf_slice_of("0\n")) && size == 0);
    static const char *const wrong[] = {"", "\n", "7", "07\n", "7\n\n", "7 \n", "-7\n", "seven\n"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(qf_witness_size_parse(&size, qf_slice_of(wrong[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decisions),           cmocka_unit_test(several_keys),
        cmocka_unit_test(wrong_forms),         cmocka_unit_test(limits),
        cmocka_unit_test(answer_of_a_witness), cmocka_unit_test(size_of_a_conflict),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
