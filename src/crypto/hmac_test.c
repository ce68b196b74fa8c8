/* The Wycheproof vectors of HMAC-SM3: argument 1 is the file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "codec/json.h"
#include "codec/text.h"
#include "crypto/hash.h"

#define FILE_SIZE_MAX (1 << 20)
#define FIELD_SIZE_MAX 4096

static const char *path;
static uint8_t file_bytes[FILE_SIZE_MAX];

struct field {
    uint8_t bytes[FIELD_SIZE_MAX];
    size_t size;
};

static void read_hex(struct field *out, const struct qf_json *test, const char *name)
{
    struct qf_slice text = {0};
    assert_int_equal(qf_json_get_text(test, name, &text, NULL), QF_OK);
    assert_true(text.size <= 2 * sizeof out->bytes);
    assert_true(qf_hex_decode(out->bytes, &out->size, text));
}

static void check(const struct qf_json *test, size_t tag_size)
{
    static struct field key, message, tag;
    uint8_t out[QF_HASH_SIZE];
    read_hex(&key, test, "key");
    read_hex(&message, test, "msg");
    read_hex(&tag, test, "tag");
    assert_true(tag_size <= sizeof out);
    qf_hmac(QF_HASH_SM3, out, qf_slice_make(key.bytes, key.size),
            qf_slice_make(message.bytes, message.size));
    bool good = tag.size == tag_size && qf_equal_ct(out, tag.bytes, tag_size);
    assert_int_equal(good, qf_json_is_text(qf_json_get(test, "result"), "valid"));
}

static void test_wycheproof(void **state)
{
    (void)state;
    struct qf_arena arena = {0};
    struct qf_json document;
    struct qf_error err = {0};
    int64_t count = 0, expected = 0, tag_bits = 0;
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t size = fread(file_bytes, 1, sizeof file_bytes, file);
    fclose(file);
    enum qf_status status =
        qf_json_parse(&arena, &document, qf_slice_make(file_bytes, size), QF_JSON_ANY, &err);
    if (status != QF_OK)
        fail_msg("%s: %s", err.field, err.detail);
    const struct qf_json *groups = qf_json_get(&document, "testGroups");
    assert_non_null(groups);
    for (uint32_t g = 0; g < groups->count; g++) {
        const struct qf_json *tests = qf_json_get(&groups->items[g], "tests");
        assert_int_equal(qf_json_get_int(&groups->items[g], "tagSize", &tag_bits, &err), QF_OK);
        for (uint32_t i = 0; i < tests->count; i++, count++)
            check(&tests->items[i], (size_t)tag_bits / 8);
    }
    assert_int_equal(qf_json_get_int(&document, "numberOfTests", &expected, &err), QF_OK);
    assert_int_equal(count, expected);
    qf_arena_deinit(&arena);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_wycheproof)};
    if (argc != 2)
        return 2;
    path = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
