#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/etag.h"

static void test_listed(void **state)
{
    (void)state;
    static const char *const yes[] = {
        "\"a\"",         "W/\"a\"",         "*",        " * ", "\"b\", \"a\"",
        "\"b\",W/\"a\"", "\"x,y\" , \"a\"", ",,\"a\",",
    };
    static const char *const no[] = {
        "",   "a",       "\"A\"", "\"a", "a\"", "\"ab\"", "\"\"", "w/\"a\"", "\"b\" a \"a\"",
        "**", "* \"a\"", "W/",    "W/*", ",",
    };
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++)
        if (!qf_etag_listed(yes[i], "\"a\""))
            fail_msg("not found: %s", yes[i]);
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++)
        if (qf_etag_listed(no[i], "\"a\""))
            fail_msg("found: %s", no[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_listed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
