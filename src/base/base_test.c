#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/io.h"

static void status_table(void **state)
{
    (void)state;
    assert_string_equal(qf_status_name(QF_BAD_FIELD), "bad-field");
    assert_int_equal(qf_status_http(QF_DUPLICATE), 409);
    assert_true(qf_status_known(0));
    assert_false(qf_status_known(199));
    assert_string_equal(qf_status_name((enum qf_status)77777), "unknown");
}

static void error_paths_nest(void **state)
{
    (void)state;
    struct qf_error err;
    assert_int_equal(qf_fail(&err, QF_BAD_FIELD, "hash", "want %d digits", 64), QF_BAD_FIELD);
    qf_error_within(&err, "ops[%d]", 3);
    assert_string_equal(err.field, "ops[3].hash");
    assert_string_equal(err.detail, "want 64 digits");
    assert_int_equal(qf_fail(NULL, QF_IO, "", "unseen"), QF_IO);
}

/* A quotation may be cut anywhere, and be anything. */
static void errors_are_text_whatever_they_quote(void **state)
{
    (void)state;
    static const struct {
        const char *quoted;
        int size;
        const char *shown;
    } cases[] = {
        {"\xE6\x9D\x8E\xE5\x9B\x9B", 6, "\xE6\x9D\x8E\xE5\x9B\x9B"},
        {"\xE6\x9D\x8E\xE5\x9B\x9B", 5, "\xE6\x9D\x8E"},
        {"\xE6\x9D\x8E\xE5\x9B\x9B", 4, "\xE6\x9D\x8E"},
        {"\xF0\x9F\x98\x80", 3, ""},
        {"\xC0\x80\xED\xA0\x80\xF5\x80", 7, ""},
        {"\x1B[31mred\x7F\xC2\x9B", 11, "?[31mred??"},
        {"a\xE2\x80\xAEtxt\xE2\x81\xA6", 10, "a?txt?"},
        {"two\nlines", 9, "two\nlines"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct qf_error err = {0};
        (void)qf_fail(&err, QF_BAD_FIELD, cases[i].quoted, "%.*s: x", cases[i].size,
                      cases[i].quoted);
        char want[64];
        snprintf(want, sizeof want, "%s: x", cases[i].shown);
        assert_string_equal(err.detail, want);
        qf_error_within(&err, "%.*s", cases[i].size, cases[i].quoted);
        assert_memory_equal(err.field, cases[i].shown, strlen(cases[i].shown));
    }
    /* cut to its room */
    char many[400];
    for (size_t i = 0; i + 3 < sizeof many; i += 3)
        memcpy(many + i, "\xE6\x9D\x8E", 4);
    struct qf_error err = {0};
    (void)qf_fail(&err, QF_BAD_FIELD, many, "-%s", many);
    assert_int_equal(strlen(err.detail), 1 + 237);
    assert_int_equal(strlen(err.field), 93);
}

static void arena_gives_aligned_memory_back(void **state)
{
    (void)state;
    struct qf_arena arena = {0};
    for (int round = 0; round < 3; round++) {
        for (size_t size = 0; size < 5000; size += 7) {
            uint8_t *p = qf_arena_alloc(&arena, size);
            assert_int_equal((uintptr_t)p % 16, 0);
            memset(p, 0xAA, size);
        }
        struct qf_arena_mark mark = qf_arena_mark(&arena);
        size_t used = arena.used;
        assert_non_null(qf_arena_alloc(&arena, 3u << 20));
        qf_arena_release(&arena, mark);
        assert_int_equal(arena.used, used);
        qf_arena_reset(&arena);
    }
    assert_string_equal(qf_arena_printf(&arena, "%s-%d", "a", 7), "a-7");
    qf_arena_deinit(&arena);
}

static void arena_try_refuses_past_its_limit(void **state)
{
    (void)state;
    struct qf_arena arena;
    qf_arena_init(&arena, 1000);
    assert_non_null(qf_arena_try(&arena, 900));
    assert_null(qf_arena_try(&arena, 200));
    assert_null(qf_arena_try(&arena, SIZE_MAX / 4));
    qf_arena_deinit(&arena);
}

static void buf_builds_and_remembers_failure(void **state)
{
    (void)state;
    struct qf_buf buf;
    qf_buf_init(&buf, 64);
    qf_buf_put_int(&buf, INT64_MIN);
    qf_buf_put_byte(&buf, ' ');
    qf_buf_put_int(&buf, 0);
    qf_buf_printf(&buf, " %s", "x");
    assert_string_equal(qf_buf_text(&buf), "-9223372036854775808 0 x");
    assert_int_equal(qf_buf_status(&buf), QF_OK);
    for (int i = 0; i < 10; i++)
        qf_buf_put_be64(&buf, 1);
    assert_int_equal(qf_buf_status(&buf), QF_OVER_LIMIT);
    qf_buf_reset(&buf);
    qf_buf_put_be32(&buf, 0x01020304);
    assert_int_equal(qf_be32_load(buf.data), 0x01020304);
    qf_buf_deinit(&buf);
}

static void count_name(void *arg, const char *name)
{
    (void)name;
    ++*(int *)arg;
}

static void files_read_back(void **state)
{
    (void)state;
    char root[] = "/tmp/qf-base-XXXXXX";
    assert_non_null(mkdtemp(root));
    struct qf_fs fs;
    assert_int_equal(qf_fs_posix_init(&fs, root, NULL), QF_OK);
    assert_int_equal(fs.make_dir(fs.self, "a/b"), QF_OK);
    struct qf_file *file = NULL;
    assert_int_equal(fs.open(fs.self, &file, "a/b/none", false), QF_NOT_FOUND);
    assert_int_equal(fs.open(fs.self, &file, "a/b/f", true), QF_OK);
    assert_int_equal(fs.write(fs.self, file, qf_slice_of("hello"), 3), QF_OK);
    uint8_t out[16];
    size_t got = 0;
    assert_int_equal(fs.read(fs.self, file, out, sizeof out, 0, &got), QF_OK);
    assert_int_equal(got, 8);
    assert_memory_equal(out + 3, "hello", 5);
    assert_int_equal(fs.sync(fs.self, file), QF_OK);
    fs.close(fs.self, file);
    int count = 0;
    assert_int_equal(fs.rename(fs.self, "a/b/f", "a/g"), QF_OK);
    assert_int_equal(fs.sync_dir(fs.self, "a"), QF_OK);
    assert_int_equal(fs.list(fs.self, "a", count_name, &count), QF_OK);
    assert_int_equal(count, 2);
    assert_int_equal(fs.remove(fs.self, "a/g"), QF_OK);
    qf_fs_posix_deinit(&fs);
    char path[64];
    snprintf(path, sizeof path, "%s/a/b", root);
    assert_int_equal(rmdir(path), 0);
    snprintf(path, sizeof path, "%s/a", root);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(rmdir(root), 0);
}

static void constant_time_equality(void **state)
{
    (void)state;
    assert_true(qf_equal_ct("abc", "abc", 3));
    assert_false(qf_equal_ct("abc", "abd", 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(status_table),
        cmocka_unit_test(error_paths_nest),
        cmocka_unit_test(errors_are_text_whatever_they_quote),
        cmocka_unit_test(arena_gives_aligned_memory_back),
        cmocka_unit_test(arena_try_refuses_past_its_limit),
        cmocka_unit_test(buf_builds_and_remembers_failure),
        cmocka_unit_test(files_read_back),
        cmocka_unit_test(constant_time_equality),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
