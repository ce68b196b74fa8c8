#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "timestamp/testing.h"

#define NOW_MS QF_TEST_NOW_MS
#define DAY_MS QF_TEST_DAY_MS

/* ---- a token for something ---- */

static const struct qf_stamp_wanted base = {.nonce = {9, 8, 7, 6, 5, 4, 3, 2, 1}};

static enum qf_status take(const struct qf_test_authority *a, const struct qf_stamp_wanted *wanted,
                           struct qf_slice response, int64_t now_ms, struct qf_error *err)
{
    struct qf_buf token = {0};
    struct qf_timestamp stamp;
    const struct qf_timestamp_trust trust = {.roots = a->roots, .root_count = 1};
    enum qf_status status = qf_stamp_take(&token, &stamp, response, wanted, &trust, now_ms, err);
    assert_int_equal(token.size > 0, status == QF_OK);
    if (status == QF_OK) {
        assert_int_equal(stamp.time_ms, NOW_MS);
        assert_int_equal(stamp.until_ms / 1000, (NOW_MS + 40 * DAY_MS) / 1000);
        assert_string_equal(stamp.authority, "CN=tsa");
    }
    qf_buf_deinit(&token);
    return status;
}

static void test_take(void **state)
{
    (void)state;
    struct qf_test_authority a;
    struct qf_test_authority other;
    struct qf_buf request = {0};
    struct qf_buf response = {0};
    struct qf_error err = {0};
    qf_test_authority_init(&a, "tsa", NOW_MS + 40 * DAY_MS);
    qf_test_authority_init(&other, "tsa", NOW_MS + 40 * DAY_MS);
    struct qf_stamp_wanted wanted = base;
    wanted.file = qf_slice_of("file");
    assert_int_equal(qf_stamp_request(&request, &wanted, &err), QF_OK);
    assert_int_equal(wanted.nonce[0] & 0xc0, 0x40);
    qf_test_authority_answer(&a, &response, qf_buf_slice(&request), NOW_MS);
    struct qf_slice answer = qf_buf_slice(&response);
    assert_int_equal(take(&a, &wanted, answer, NOW_MS + 1000, &err), QF_OK);

    struct qf_stamp_wanted wrong = wanted;
    wrong.nonce[15] ^= 1;
    assert_int_equal(take(&a, &wrong, answer, NOW_MS, &err), QF_INVALID);
    assert_string_equal(err.field, "nonce");
    wrong = wanted;
    wrong.file = qf_slice_of("another");
    assert_int_equal(take(&a, &wrong, answer, NOW_MS, &err), QF_INVALID);
    assert_string_equal(err.field, "messageImprint");
    wrong = wanted;
    wrong.policy = QF_TSA_POLICY;
    assert_int_equal(take(&a, &wrong, answer, NOW_MS, &err), QF_OK);
    wrong.policy = "1.2.3";
    assert_int_equal(take(&a, &wrong, answer, NOW_MS, &err), QF_INVALID);
    assert_string_equal(err.field, "policy");
    assert_int_equal(take(&a, &wanted, answer, NOW_MS + QF_STAMP_SKEW_MS_MAX, &err), QF_OK);
    assert_int_equal(take(&a, &wanted, answer, NOW_MS + QF_STAMP_SKEW_MS_MAX + 1, &err),
                     QF_INVALID);
    assert_string_equal(err.field, "genTime");
    assert_non_null(strstr(err.detail, "300 s behind"));
    assert_int_equal(take(&a, &wanted, answer, NOW_MS - QF_STAMP_SKEW_MS_MAX - 1, &err),
                     QF_INVALID);
    assert_non_null(strstr(err.detail, "300 s ahead"));
    assert_int_equal(take(&other, &wanted, answer, NOW_MS, &err), QF_INVALID); /* another root */
    for (size_t size = 0; size < answer.size; size += 11)
        assert_int_not_equal(take(&a, &wanted, qf_slice_make(answer.data, size), NOW_MS, &err),
                             QF_OK);
    /* After the certificate's end nothing is stamped with it. */
    qf_buf_reset(&response);
    qf_test_authority_answer(&a, &response, qf_buf_slice(&request), NOW_MS + 41 * DAY_MS);
    assert_int_equal(take(&a, &wanted, qf_buf_slice(&response), NOW_MS + 41 * DAY_MS, &err),
                     QF_INVALID);
    assert_non_null(strstr(err.detail, "expired on"));
    wrong = wanted;
    wrong.policy = "no policy";
    assert_int_equal(qf_stamp_request(&request, &wrong, &err), QF_BAD_FIELD);
    qf_buf_deinit(&request);
    qf_buf_deinit(&response);
    qf_test_authority_deinit(&a);
    qf_test_authority_deinit(&other);
}

/* What is kept is one form: status granted and the token. */
static void test_response(void **state)
{
    (void)state;
    static const size_t sizes[] = {0,    1,     0x7a,   0x7b,   0x80, 0xfa,
                                   0xfb, 0x100, 0xfffa, 0xfffb, 70000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct qf_buf response = {0};
        uint8_t *bytes = calloc(1, sizes[i] + 1);
        qf_timestamp_put_response(&response, qf_slice_make(bytes, sizes[i]));
        size_t inner = sizes[i] + 5;
        size_t head = inner < 0x80 ? 2 : inner < 0x100 ? 3 : inner < 0x10000 ? 4 : 5;
        assert_int_equal(response.size, head + inner);
        assert_memory_equal(response.data + head, "\x30\x03\x02\x01", 5);
        qf_buf_deinit(&response);
        free(bytes);
    }
    struct qf_test_authority a;
    struct qf_buf token = {0}, response = {0}, again = {0};
    qf_test_authority_init(&a, "tsa", NOW_MS + DAY_MS);
    qf_test_authority_stamp(&a, &token, qf_slice_of("x"), NOW_MS);
    qf_timestamp_put_response(&response, qf_buf_slice(&token));
    assert_int_equal(qf_timestamp_token(&again, qf_buf_slice(&response), NULL), QF_OK);
    assert_true(qf_slice_equal(qf_buf_slice(&again), qf_buf_slice(&token)));
    qf_buf_deinit(&token);
    qf_buf_deinit(&response);
    qf_buf_deinit(&again);
    qf_test_authority_deinit(&a);
}

/* ---- renewals ---- */

static void test_renewal_text(void **state)
{
    (void)state;
    struct qf_buf text = {0}, again = {0};
    struct qf_stamp_renewal renewal = {qf_slice_of("test"), 2, 341, {7}};
    struct qf_stamp_renewal got;
    qf_stamp_renewal_put(&text, &renewal);
    assert_int_equal(qf_stamp_renewal_parse(&got, qf_buf_slice(&text), NULL), QF_OK);
    assert_int_equal(got.number, 2);
    assert_int_equal(got.items, 341);
    assert_memory_equal(got.root, renewal.root, QF_HASH_SIZE);
    qf_stamp_renewal_put(&again, &got);
    assert_true(qf_slice_equal(qf_buf_slice(&again), qf_buf_slice(&text)));
    for (size_t size = 0; size < text.size; size++)
        assert_int_equal(qf_stamp_renewal_parse(&got, qf_slice_make(text.data, size), NULL),
                         QF_MALFORMED);
    static const char *const bad[] = {
        "qifeng stamp renewal v2\ntest\n1\n1\n", "qifeng stamp renewal v1\nte st\n1\n1\n",
        "qifeng stamp renewal v1\ntest\n0\n1\n", "qifeng stamp renewal v1\ntest\n01\n1\n",
        "qifeng stamp renewal v1\ntest\n1\n0\n", "qifeng stamp renewal v1\ntest\n1\n1000002\n",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        qf_buf_reset(&text);
        qf_buf_put_text(&text, bad[i]);
        qf_buf_put_text(&text, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n");
        assert_int_equal(qf_stamp_renewal_parse(&got, qf_buf_slice(&text), NULL), QF_MALFORMED);
    }
    qf_buf_deinit(&text);
    qf_buf_deinit(&again);
}

static void test_items(void **state)
{
    (void)state;
    struct qf_buf list = {0};
    struct qf_stamp_item item = {true, 3, {1}};
    qf_stamp_item_put(&list, &item);
    item = (struct qf_stamp_item){false, 1200, {2}};
    qf_stamp_item_put(&list, &item);
    struct qf_slice rest = qf_buf_slice(&list);
    assert_int_equal(qf_stamp_item_next(&item, &rest, NULL), QF_OK);
    assert_true(item.is_renewal && item.number == 3 && item.hash[0] == 1);
    assert_int_equal(qf_stamp_item_next(&item, &rest, NULL), QF_OK);
    assert_true(!item.is_renewal && item.number == 1200 && item.hash[0] == 2 && rest.size == 0);
    static const char *const bad[] = {"1200",
                                      "\n",
                                      "1200\n",
                                      "0 x\n",
                                      " AAAA\n",
                                      "renewal \n",
                                      "x AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
                                      "0 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
                                      "7  AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        rest = qf_slice_of(bad[i]);
        assert_int_equal(qf_stamp_item_next(&item, &rest, NULL), QF_MALFORMED);
    }
    qf_buf_deinit(&list);
}

/* ---- chains ---- */

#define LINKS 3
#define ITEMS 5

/* A stamp by `a` at NOW, renewed by `b` and by `c` when the test says, each the item `index` of
 * ITEMS. All three stand under one root, that of `a`, for the reader gives several. */
struct chain {
    struct qf_test_authority authorities[LINKS];
    const struct qf_x509 *roots[LINKS];
    struct qf_buf files[LINKS], tokens[LINKS];
    struct qf_stamp_link links[LINKS];
};

struct leaves {
    uint8_t hashes[ITEMS][QF_HASH_SIZE];
};

static enum qf_status read_leaf(void *self, unsigned level, uint64_t index,
                                uint8_t out[QF_HASH_SIZE])
{
    const struct leaves *leaves = self;
    struct qf_log_tree tree;
    qf_log_tree_init(&tree, QF_HASH_SHA256);
    for (uint64_t i = index << level; i < (index + 1) << level; i++)
        qf_log_tree_append(&tree, leaves->hashes[i], NULL, NULL);
    qf_log_tree_root(&tree, out);
    return QF_OK;
}

static void renew(struct chain *chain, size_t i, uint64_t index)
{
    struct leaves leaves = {{{1}, {2}, {3}, {4}, {5}}};
    struct qf_log_tree tree;
    struct qf_stamp_link *link = &chain->links[i];
    const struct qf_hash_reader reader = {read_leaf, &leaves};
    struct qf_stamp_renewal renewal = {qf_slice_of("test"), i, ITEMS, {0}};
    qf_stamp_item_hash(leaves.hashes[index], link[-1].file, link[-1].token);
    qf_log_tree_init(&tree, QF_HASH_SHA256);
    for (size_t k = 0; k < ITEMS; k++)
        qf_log_tree_append(&tree, leaves.hashes[k], NULL, NULL);
    qf_log_tree_root(&tree, renewal.root);
    link->index = index;
    assert_int_equal(qf_log_prove_inclusion(QF_HASH_SHA256, &link->proof, index, ITEMS, &reader),
                     QF_OK);
    qf_stamp_renewal_put(&chain->files[i], &renewal);
}

static void make_chain(struct chain *chain, const int64_t days[LINKS], const int64_t ends[LINKS])
{
    static const char *const names[LINKS] = {"a", "b", "c"};
    memset(chain, 0, sizeof *chain);
    for (size_t i = 0; i < LINKS; i++) {
        qf_test_authority_init(&chain->authorities[i], names[i], NOW_MS + ends[i] * DAY_MS);
        chain->roots[i] = chain->authorities[i].root;
        if (i == 0)
            qf_test_note(&chain->files[0], 1200, 7);
        else
            renew(chain, i, i == 1 ? 3 : 0);
        qf_test_authority_stamp(&chain->authorities[i], &chain->tokens[i],
                                qf_buf_slice(&chain->files[i]), NOW_MS + days[i] * DAY_MS);
        chain->links[i].file = qf_buf_slice(&chain->files[i]);
        chain->links[i].token = qf_buf_slice(&chain->tokens[i]);
    }
}

static void free_chain(struct chain *chain)
{
    for (size_t i = 0; i < LINKS; i++) {
        qf_test_authority_deinit(&chain->authorities[i]);
        qf_buf_deinit(&chain->files[i]);
        qf_buf_deinit(&chain->tokens[i]);
    }
}

static enum qf_status verify(const struct chain *chain, size_t count, int64_t day,
                             struct qf_stamp_report *report, struct qf_error *err)
{
    const struct qf_stamp_trust trust = {chain->roots, LINKS, NOW_MS + day * DAY_MS};
    *err = (struct qf_error){0};
    return qf_stamp_verify(report, qf_slice_of("test"), chain->links, count, &trust, err);
}

static void test_chain(void **state)
{
    (void)state;
    static const int64_t days[] = {0, 80, 380};
    static const int64_t ends[] = {100, 400, 4000};
    struct chain chain;
    struct qf_stamp_report report;
    struct qf_error err;
    make_chain(&chain, days, ends);
    assert_int_equal(verify(&chain, 1, 99, &report, &err), QF_OK);
    assert_int_equal(report.time_ms, NOW_MS);
    assert_int_equal(report.checkpoint.size, 1200);
    assert_string_equal(report.authority, "CN=a");
    assert_int_equal(report.until_ms / 1000, (NOW_MS + 100 * DAY_MS) / 1000);
    assert_true(report.checked);
    /* The certificate has ended: alone the token shows nothing, renewed it still does. */
    assert_int_equal(verify(&chain, 1, 101, &report, &err), QF_CANNOT_TELL);
    assert_int_equal(verify(&chain, 2, 101, &report, &err), QF_OK);
    assert_int_equal(report.time_ms, NOW_MS);
    assert_int_equal(report.from, 0);
    assert_string_equal(report.until_by, "CN=b");
    assert_int_equal(verify(&chain, 2, 401, &report, &err), QF_CANNOT_TELL);
    assert_int_equal(verify(&chain, 3, 3999, &report, &err), QF_OK);
    assert_int_equal(report.time_ms, NOW_MS);
    assert_string_equal(report.authority, "CN=a");
    /* Nobody's roots: what the tokens claim, and that they are over these files. */
    const struct qf_stamp_trust nobody = {.now_ms = NOW_MS + 5000 * DAY_MS};
    assert_int_equal(qf_stamp_verify(&report, qf_slice_of("test"), chain.links, 3, &nobody, &err),
                     QF_OK);
    assert_false(report.checked);
    assert_string_equal(report.authority, "CN=a");
    assert_int_equal(qf_stamp_verify(&report, qf_slice_of("best"), chain.links, 1, &nobody, &err),
                     QF_INVALID);
    assert_int_equal(qf_stamp_verify(&report, qf_slice_of("test"), chain.links, 0, &nobody, &err),
                     QF_OVER_LIMIT);
    free_chain(&chain);
}

/* A renewal after the end shows the bytes from then on, and nothing of the time before. */
static void test_late(void **state)
{
    (void)state;
    static const int64_t days[] = {0, 101, 380};
    static const int64_t ends[] = {100, 400, 4000};
    static const int64_t late[] = {0, 80, 401};
    struct chain chain;
    struct qf_stamp_report report;
    struct qf_error err;
    make_chain(&chain, days, ends);
    assert_int_equal(verify(&chain, 3, 500, &report, &err), QF_OK);
    assert_int_equal(report.from, 1);
    assert_int_equal(report.time_ms, NOW_MS + 101 * DAY_MS);
    assert_string_equal(report.authority, "CN=b");
    free_chain(&chain);
    make_chain(&chain, late, ends);
    assert_int_equal(verify(&chain, 3, 500, &report, &err), QF_OK);
    assert_int_equal(report.from, 2);
    assert_string_equal(report.authority, "CN=c");
    free_chain(&chain);
}

static void refuse(struct chain *chain, size_t count, const char *field)
{
    struct qf_stamp_report report;
    struct qf_error err;
    enum qf_status status = verify(chain, count, 390, &report, &err);
    if (status == QF_OK || status == QF_CANNOT_TELL || status >= QF_UNAVAILABLE ||
        strncmp(err.field, field, strlen(field)) != 0)
        fail_msg("%d: %s: %s", (int)status, err.field, err.detail);
}

static void test_tampered(void **state)
{
    (void)state;
    static const int64_t days[] = {0, 80, 380};
    static const int64_t ends[] = {100, 400, 4000};
    struct chain chain;
    struct qf_stamp_report report;
    struct qf_error err;
    make_chain(&chain, days, ends);
    for (size_t i = 0; i < LINKS; i++)
        for (size_t at = 0; at < chain.files[i].size; at++) {
            chain.files[i].data[at] ^= 1;
            refuse(&chain, LINKS, i == 0 ? "links[0]" : i == 1 ? "links[1]" : "links[2]");
            chain.files[i].data[at] ^= 1;
        }
    for (size_t i = 0; i < LINKS - 1; i++)
        for (size_t at = 0; at < chain.tokens[i].size; at += 3) { /* renewed: no byte is free */
            chain.tokens[i].data[at] ^= 1;
            refuse(&chain, LINKS, "links[");
            chain.tokens[i].data[at] ^= 1;
        }
    chain.links[1].index ^= 1;
    refuse(&chain, LINKS, "links[1].proof");
    chain.links[1].index ^= 1;
    chain.links[1].index += 8;
    refuse(&chain, LINKS, "links[1].proof");
    chain.links[1].index -= 8;
    chain.links[2].proof.hashes[0][0] ^= 1;
    refuse(&chain, LINKS, "links[2].proof");
    chain.links[2].proof.count--;
    refuse(&chain, LINKS, "links[2].proof");
    chain.links[2] = chain.links[1];
    refuse(&chain, LINKS, "links[2]");
    chain.links[1] = chain.links[0];
    refuse(&chain, 2, "links[1]");
    assert_int_equal(verify(&chain, 1, 10, &report, &err), QF_OK);
    /* The token of something else; one of an authority that nobody here knows. */
    chain.links[0].token = qf_buf_slice(&chain.tokens[1]);
    refuse(&chain, 1, "links[0].token");
    chain.links[0].token = qf_buf_slice(&chain.tokens[0]);
    chain.roots[0] = chain.roots[1];
    refuse(&chain, 1, "links[0].");
    free_chain(&chain);
}

static void test_order(void **state)
{
    (void)state;
    static const int64_t days[] = {50, 20, 380};
    static const int64_t ends[] = {100, 400, 4000};
    struct chain chain;
    make_chain(&chain, days, ends);
    refuse(&chain, LINKS, "links[1].token");
    free_chain(&chain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_take),         cmocka_unit_test(test_response),
        cmocka_unit_test(test_renewal_text), cmocka_unit_test(test_items),
        cmocka_unit_test(test_chain),        cmocka_unit_test(test_late),
        cmocka_unit_test(test_tampered),     cmocka_unit_test(test_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
