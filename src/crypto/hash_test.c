#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "crypto/hash.h"

static void assert_hex(const uint8_t hash[QF_HASH_SIZE], const char *hex)
{
    char text[2 * QF_HASH_SIZE + 1];
    for (size_t i = 0; i < QF_HASH_SIZE; i++)
        snprintf(text + 2 * i, 3, "%02x", hash[i]);
    assert_string_equal(text, hex);
}

static void test_known_answers(void **state)
{
    (void)state;
    uint8_t out[QF_HASH_SIZE];
    /* FIPS 180-2 appendix B.1 and B.2; GB/T 32905 appendix A.1 and A.2 */
    qf_hash(QF_HASH_SHA256, out, qf_slice_of("abc"));
    assert_hex(out, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    qf_hash(QF_HASH_SHA256, out, (struct qf_slice){NULL, 0});
    assert_hex(out, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    qf_hash(QF_HASH_SM3, out, qf_slice_of("abc"));
    assert_hex(out, "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0");
    qf_hash(QF_HASH_SM3, out,
            qf_slice_of("abcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcdabcd"));
    assert_hex(out, "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732");
}

static void test_parts_are_joined(void **state)
{
    (void)state;
    const struct qf_slice parts[] = {qf_slice_of("a"), {NULL, 0}, qf_slice_of("bc")};
    for (enum qf_hash_alg alg = QF_HASH_SHA256; alg <= QF_HASH_SM3; alg++) {
        uint8_t whole[QF_HASH_SIZE];
        uint8_t joined[QF_HASH_SIZE];
        qf_hash(alg, whole, qf_slice_of("abc"));
        qf_hash_parts(alg, joined, parts, 3);
        assert_memory_equal(whole, joined, QF_HASH_SIZE);

        struct qf_hasher *hasher = qf_hasher_new(alg);
        for (int round = 0; round < 2; round++) {
            for (size_t i = 0; i < 3; i++)
                qf_hasher_add(hasher, parts[i]);
            qf_hasher_finish(hasher, joined);
            assert_memory_equal(whole, joined, QF_HASH_SIZE);
        }
        qf_hasher_free(hasher);
    }
}

static void test_tree(void **state)
{
    (void)state;
    /* Root of the log of one and of two entries "" and 00 (RFC 6962 test vectors). */
    uint8_t left[QF_HASH_SIZE];
    uint8_t right[QF_HASH_SIZE];
    qf_hash_leaf(QF_HASH_SHA256, left, (struct qf_slice){NULL, 0});
    assert_hex(left, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
    qf_hash_leaf(QF_HASH_SHA256, right, qf_slice_make("", 1));
    qf_hash_node(QF_HASH_SHA256, left, left, right);
    assert_hex(left, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125");

    /* Interleaved algorithms keep apart; `out` may be the right input. */
    uint8_t sm3[QF_HASH_SIZE];
    qf_hash_leaf(QF_HASH_SM3, sm3, qf_slice_of("x"));
    const struct qf_slice parts[] = {qf_slice_make("\1", 1), qf_slice_make(left, sizeof left),
                                     qf_slice_make(sm3, sizeof sm3)};
    uint8_t expected[QF_HASH_SIZE];
    qf_hash_parts(QF_HASH_SM3, expected, parts, 3);
    qf_hash_node(QF_HASH_SM3, sm3, left, sm3);
    assert_memory_equal(sm3, expected, QF_HASH_SIZE);
}

static void test_nodes_of_a_level(void **state)
{
    (void)state;
    enum { COUNT = 37 };
    static uint8_t children[2 * COUNT][QF_HASH_SIZE];
    static uint8_t out[COUNT + 1][QF_HASH_SIZE];
    for (size_t i = 0; i < (size_t)2 * COUNT; i++)
        qf_hash(QF_HASH_SHA256, children[i], qf_slice_make(&i, sizeof i));
    for (size_t count = 0; count <= COUNT; count++)
        for (int alg = QF_HASH_SHA256; alg <= QF_HASH_SM3; alg++) {
            memset(out, 0xee, sizeof out);
            qf_hash_nodes((enum qf_hash_alg)alg, out, (const uint8_t(*)[QF_HASH_SIZE])children,
                          count);
            for (size_t i = 0; i < count; i++) {
                uint8_t wanted[QF_HASH_SIZE];
                qf_hash_node((enum qf_hash_alg)alg, wanted, children[2 * i], children[2 * i + 1]);
                assert_memory_equal(out[i], wanted, QF_HASH_SIZE);
            }
            qf_hash_leaf_pairs((enum qf_hash_alg)alg, out, (const uint8_t(*)[QF_HASH_SIZE])children,
                               count);
            for (size_t i = 0; i < count; i++) {
                uint8_t wanted[QF_HASH_SIZE];
                qf_hash_leaf((enum qf_hash_alg)alg, wanted,
                             qf_slice_make(children[2 * i], (size_t)2 * QF_HASH_SIZE));
                assert_memory_equal(out[i], wanted, QF_HASH_SIZE);
            }
            assert_int_equal(out[count][0], 0xee);
        }
}

static void test_names(void **state)
{
    (void)state;
    enum qf_hash_alg alg = QF_HASH_SHA256;
    assert_true(qf_hash_alg_parse(&alg, qf_slice_of("sm3")));
    assert_int_equal(alg, QF_HASH_SM3);
    assert_true(qf_hash_alg_parse(&alg, qf_slice_of(qf_hash_alg_name(QF_HASH_SHA256))));
    assert_int_equal(alg, QF_HASH_SHA256);
    assert_false(qf_hash_alg_parse(&alg, qf_slice_of("sha256")));
    assert_false(qf_hash_alg_parse(&alg, qf_slice_of("")));
}

static void *hash_in_thread(void *arg)
{
    uint8_t *out = arg;
    for (int i = 0; i < 200; i++) {
        qf_hash(QF_HASH_SHA256, out, qf_slice_of("abc"));
        qf_hash(QF_HASH_SM3, out + QF_HASH_SIZE, qf_slice_of("abc"));
    }
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    enum { THREADS = 8 };
    pthread_t threads[THREADS];
    uint8_t out[THREADS][2 * QF_HASH_SIZE];
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, hash_in_thread, out[i]), 0);
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_hex(out[i], "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_hex(out[i] + QF_HASH_SIZE,
                   "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0");
    }
}

static void test_hmac(void **state)
{
    (void)state;
    uint8_t out[QF_HASH_SIZE];
    /* RFC 4231 test case 2 */
    qf_hmac(QF_HASH_SHA256, out, qf_slice_of("Jefe"), qf_slice_of("what do ya want for nothing?"));
    assert_hex(out, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    /* No key and no bytes (published as the empty HMAC_SHA256). */
    qf_hmac(QF_HASH_SHA256, out, (struct qf_slice){NULL, 0}, (struct qf_slice){NULL, 0});
    assert_hex(out, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_answers),
        cmocka_unit_test(test_parts_are_joined),
        cmocka_unit_test(test_tree),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_nodes_of_a_level),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_hmac),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
