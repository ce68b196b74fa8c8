#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "store/sim_fs.h"
#include "store/stamps.h"
#include "timestamp/testing.h"

#define NOW_MS QF_TEST_NOW_MS
#define DAY_MS QF_TEST_DAY_MS

struct world {
    struct qf_sim_fs *sim;
    struct qf_fs fs;
    struct qf_test_authority old, new;
    const struct qf_x509 *roots[2];
    struct qf_stamps *stamps;
};

static void reopen(struct world *w)
{
    struct qf_error err = {0};
    qf_stamps_close(w->stamps);
    enum qf_status status = qf_stamps_open(&w->stamps, &w->fs, qf_slice_of("test"), &err);
    if (status != QF_OK)
        fail_msg("%s: %s", err.field, err.detail);
}

static void make_world(struct world *w)
{
    *w = (struct world){.sim = qf_sim_fs_new(1)};
    w->fs = qf_sim_fs_io(w->sim);
    qf_test_authority_init(&w->old, "old", NOW_MS + 100 * DAY_MS);
    qf_test_authority_init(&w->new, "new", NOW_MS + 400 * DAY_MS);
    w->roots[0] = w->old.root;
    w->roots[1] = w->new.root;
    reopen(w);
}

static void free_world(struct world *w)
{
    qf_stamps_close(w->stamps);
    qf_test_authority_deinit(&w->old);
    qf_test_authority_deinit(&w->new);
    qf_sim_fs_free(w->sim);
}

static enum qf_status keep(struct world *w, uint64_t size, int64_t day)
{
    struct qf_buf note = {0}, token = {0};
    struct qf_error err = {0};
    qf_test_note(&note, size, (uint8_t)size);
    qf_test_authority_stamp(day < 100 ? &w->old : &w->new, &token, qf_buf_slice(&note),
                            NOW_MS + day * DAY_MS);
    enum qf_status status =
        qf_stamps_keep(w->stamps, size, qf_buf_slice(&note), qf_buf_slice(&token), &err);
    qf_buf_deinit(&note);
    qf_buf_deinit(&token);
    return status;
}

static enum qf_status renew(struct world *w, int64_t day)
{
    struct qf_buf text = {0}, list = {0}, token = {0};
    struct qf_error err = {0};
    enum qf_status status = qf_stamps_prepare(w->stamps, &text, &list, &err);
    if (status == QF_OK) {
        qf_test_authority_stamp(&w->new, &token, qf_buf_slice(&text), NOW_MS + day * DAY_MS);
        status = qf_stamps_renew(w->stamps, qf_buf_slice(&text), qf_buf_slice(&list),
                                 qf_buf_slice(&token), &err);
    }
    qf_buf_deinit(&text);
    qf_buf_deinit(&list);
    qf_buf_deinit(&token);
    return status;
}

static enum qf_status each(void *arg, const struct qf_checkpoint *checkpoint,
                           const struct qf_timestamp *stamp, struct qf_error *err)
{
    uint64_t *sum = arg;
    (void)stamp;
    *sum += checkpoint->size;
    return checkpoint->size == 666 ? qf_fail(err, QF_INVALID, "log", "not of this log") : QF_OK;
}

static enum qf_status check(struct world *w, int64_t day, struct qf_stamps_found *found,
                            struct qf_error *err)
{
    uint64_t sum = 0;
    const struct qf_stamps_check options = {
        .trust = {w->roots, 2, NOW_MS + day * DAY_MS}, .each = each, .arg = &sum};
    *err = (struct qf_error){0};
    return qf_stamps_check(w->stamps, &options, found, err);
}

static void expect_chain(struct world *w, uint64_t size, int64_t day, size_t links,
                         int64_t stamp_day)
{
    struct qf_arena arena = {0};
    struct qf_stamp_link *chain = NULL;
    struct qf_stamp_report report;
    struct qf_error err = {0};
    size_t count = 0;
    assert_int_equal(qf_stamps_chain(w->stamps, &arena, size, &chain, &count, &err), QF_OK);
    assert_int_equal(count, links);
    const struct qf_stamp_trust trust = {w->roots, 2, NOW_MS + day * DAY_MS};
    if (qf_stamp_verify(&report, qf_slice_of("test"), chain, count, &trust, &err) != QF_OK)
        fail_msg("%s: %s", err.field, err.detail);
    assert_int_equal(report.checkpoint.size, size);
    assert_int_equal(report.time_ms, NOW_MS + stamp_day * DAY_MS);
    qf_arena_deinit(&arena);
}

static void test_life(void **state)
{
    (void)state;
    struct world w;
    struct qf_stamps_found found;
    struct qf_error err;
    uint64_t size = 0;
    make_world(&w);
    assert_int_equal(renew(&w, 1), QF_NOT_FOUND);
    assert_int_equal(qf_stamps_last(w.stamps), 0);
    assert_false(qf_stamps_after(w.stamps, 0, &size));
    for (uint64_t i = 1; i <= 9; i++)
        assert_int_equal(keep(&w, 100 * i, (int64_t)i), QF_OK);
    assert_int_equal(check(&w, 50, &found, &err), QF_OK);
    assert_int_equal(found.stamps, 9);
    assert_int_equal(found.first_ms, NOW_MS + DAY_MS);
    assert_int_equal(found.last_size, 900);
    assert_int_equal(found.ended, 0);
    assert_int_equal(check(&w, 101, &found, &err), QF_OK);
    assert_int_equal(found.ended, 9);
    assert_int_equal(renew(&w, 80), QF_OK);
    assert_int_equal(qf_stamps_covered(w.stamps), 900);
    assert_int_equal(keep(&w, 1000, 90), QF_OK);
    for (int again = 0; again < 2; again++) { /* and as it is found after a start */
        assert_int_equal(check(&w, 150, &found, &err), QF_OK);
        assert_int_equal(found.renewals, 1);
        assert_int_equal(found.ended, 1); /* the one after the renewal */
        for (uint64_t i = 1; i <= 9; i++)
            expect_chain(&w, 100 * i, 150, 2, (int64_t)i);
        assert_true(qf_stamps_after(w.stamps, 0, &size) && size == 100);
        assert_true(qf_stamps_after(w.stamps, 100, &size) && size == 200);
        assert_true(qf_stamps_after(w.stamps, 899, &size) && size == 900);
        assert_true(qf_stamps_after(w.stamps, 900, &size) && size == 1000);
        assert_false(qf_stamps_after(w.stamps, 1000, &size));
        reopen(&w);
        assert_int_equal(qf_stamps_covered(w.stamps), 900);
        assert_int_equal(qf_stamps_last(w.stamps), 1000);
    }
    /* Too late for 1000; a renewal of nothing but the one before; then one more stamp. */
    assert_int_equal(renew(&w, 110), QF_OK);
    assert_int_equal(renew(&w, 120), QF_OK);
    reopen(&w);
    assert_int_equal(qf_stamps_covered(w.stamps), 1000);
    assert_int_equal(keep(&w, 2000, 130), QF_OK);
    assert_int_equal(renew(&w, 140), QF_OK);
    assert_int_equal(check(&w, 150, &found, &err), QF_OK);
    assert_int_equal(found.renewals, 4);
    assert_int_equal(found.late, 1);
    assert_int_equal(found.ended, 0);
    expect_chain(&w, 100, 399, 5, 1);
    expect_chain(&w, 1000, 399, 4, 110); /* all that is shown is the renewal's time */
    expect_chain(&w, 2000, 399, 2, 130);
    assert_int_equal(keep(&w, 2001, 141), QF_OK);
    free_world(&w);
}

static void spoil(struct world *w, const char *path, const char *field)
{
    struct qf_stamps_found found;
    struct qf_error err;
    struct qf_buf good = {0}, bad = {0};
    assert_int_equal(qf_fs_read(&w->fs, path, 1 << 20, &good), QF_OK);
    for (size_t at = 0; at < good.size; at += 1 + good.size / 40) {
        qf_buf_reset(&bad);
        qf_buf_put_slice(&bad, qf_buf_slice(&good));
        bad.data[at] ^= 1;
        assert_int_equal(qf_fs_replace(&w->fs, path, qf_buf_slice(&bad), false), QF_OK);
        enum qf_status status = check(w, 90, &found, &err);
        if (status != QF_INVALID || strstr(err.field, field) == NULL)
            fail_msg("%s byte %zu: %s: %s", path, at, err.field, err.detail);
    }
    assert_int_equal(w->fs.remove(w->fs.self, path), QF_OK);
    assert_int_equal(check(w, 90, &found, &err), QF_INVALID);
    assert_int_equal(qf_fs_replace(&w->fs, path, qf_buf_slice(&good), false), QF_OK);
    assert_int_equal(check(w, 90, &found, &err), QF_OK);
    qf_buf_deinit(&good);
    qf_buf_deinit(&bad);
}

static void test_spoilt(void **state)
{
    (void)state;
    struct world w;
    struct qf_stamps_found found;
    struct qf_error err = {0};
    struct qf_buf bytes = {0};
    make_world(&w);
    for (uint64_t i = 1; i <= 3; i++)
        assert_int_equal(keep(&w, i, 1), QF_OK);
    assert_int_equal(renew(&w, 80), QF_OK);
    assert_int_equal(renew(&w, 81), QF_OK);
    spoil(&w, "stamp/2.note", "stamp/2.");
    spoil(&w, "stamp/renewal-1.txt", "stamp/renewal-1.");
    spoil(&w, "stamp/renewal-1.list", "renewal-1.list");
    spoil(&w, "stamp/renewal-2.list", "renewal-2.list");
    /* Of a token whatever is covered by a renewal is exact. */
    spoil(&w, "stamp/2.tsr", "");
    /* Another checkpoint under the name, with its own good token. */
    assert_int_equal(qf_stamps_file(w.stamps, &bytes, "3.note"), QF_OK);
    assert_int_equal(qf_fs_replace(&w.fs, "stamp/2.note", qf_buf_slice(&bytes), false), QF_OK);
    assert_int_equal(check(&w, 90, &found, &err), QF_INVALID);
    assert_string_equal(err.field, "stamp/2.note");
    qf_buf_deinit(&bytes);
    free_world(&w);
}

static void test_missing(void **state)
{
    (void)state;
    struct world w;
    struct qf_stamps *stamps = NULL;
    struct qf_stamps_found found;
    struct qf_error err = {0};
    make_world(&w);
    assert_int_equal(keep(&w, 1, 1), QF_OK);
    assert_int_equal(keep(&w, 2, 1), QF_OK);
    assert_int_equal(renew(&w, 80), QF_OK);
    assert_int_equal(renew(&w, 81), QF_OK);
    assert_int_equal(w.fs.remove(w.fs.self, "stamp/1.tsr"), QF_OK);
    reopen(&w);
    assert_int_equal(check(&w, 90, &found, &err), QF_INVALID);
    assert_string_equal(err.field, "renewal-1.list");
    assert_non_null(strstr(err.detail, "stamp 1"));
    assert_int_equal(w.fs.remove(w.fs.self, "stamp/renewal-1.tsr"), QF_OK);
    assert_int_equal(qf_stamps_open(&stamps, &w.fs, qf_slice_of("test"), &err), QF_CORRUPT);
    assert_non_null(strstr(err.detail, "renewal 2"));
    free_world(&w);
}

static void test_names(void **state)
{
    (void)state;
    static const char *const good[] = {"7.note", "7.tsr", "renewal-1.txt", "renewal-1.tsr",
                                       "renewal-1.list"};
    static const char *const bad[] = {
        "",         "7",       "07.tsr",     "8.tsr",
        "7.txt",    "7.tsr.",  "../7.tsr",   "7.tsr/../../x",
        "0.tsr",    "7.list",  "7.note.tmp", "renewal-2.txt",
        "renewal-", "-7.note", "+7.note",    "renewal-1.note",
        ".note",    "7.Note",  " 7.note",    "77777777777777777777.note"};
    struct world w;
    make_world(&w);
    assert_int_equal(keep(&w, 7, 1), QF_OK);
    assert_int_equal(renew(&w, 2), QF_OK);
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct qf_buf bytes = {0};
        assert_int_equal(qf_stamps_file(w.stamps, &bytes, good[i]), QF_OK);
        assert_true(bytes.size > 0);
        qf_buf_deinit(&bytes);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct qf_buf bytes = {0};
        assert_int_equal(qf_stamps_file(w.stamps, &bytes, bad[i]), QF_NOT_FOUND);
        qf_buf_deinit(&bytes);
    }
    free_world(&w);
}

/* Every write fails in every way, and the power goes: what is there afterwards is whole, what was
 * reported kept is there, and the same can be kept again. */
static void test_faults(void **state)
{
    (void)state;
    for (int fault = 0; fault < QF_SIM_FAULT_COUNT; fault++)
        for (uint64_t at = 1; at <= 40; at++) {
            struct world w;
            struct qf_stamps_found found;
            struct qf_error err;
            make_world(&w);
            assert_int_equal(keep(&w, 1, 1), QF_OK);
            qf_sim_fs_fail_at(w.sim, at, (enum qf_sim_fault)fault);
            bool kept = keep(&w, 2, 1) == QF_OK;
            bool renewed = kept && renew(&w, 80) == QF_OK;
            qf_sim_fs_heal(w.sim);
            qf_sim_fs_crash(w.sim);
            reopen(&w);
            if (check(&w, 81, &found, &err) != QF_OK)
                fail_msg("fault %d at %u: %s: %s", fault, (unsigned)at, err.field, err.detail);
            assert_true(found.stamps >= (kept ? 2U : 1U));
            assert_true(found.renewals >= (renewed ? 1U : 0U));
            if (found.stamps == 1)
                assert_int_equal(keep(&w, 2, 1), QF_OK);
            if (found.renewals == 0)
                assert_int_equal(renew(&w, 80), QF_OK);
            assert_int_equal(check(&w, 81, &found, &err), QF_OK);
            expect_chain(&w, 2, 150, 2, 1);
            free_world(&w);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_life),  cmocka_unit_test(test_spoilt), cmocka_unit_test(test_missing),
        cmocka_unit_test(test_names), cmocka_unit_test(test_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
