#include "codec/http_sig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>

#include <cmocka.h>

#define S64                                                                                        \
    ":wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:"

/* The message of RFC 9421 B.2. */
static bool value_of(void *arg, struct qf_slice component, struct qf_slice *value)
{
    static const char *const values[][2] = {{"date", "Tue, 20 Apr 2021 02:07:55 GMT"},
                                            {"@method", "POST"},
                                            {"@path", "/foo"},
                                            {"@authority", "example.com"},
                                            {"content-type", "application/json"},
                                            {"content-length", "18"},
                                            {"bad", "a\nb"}};
    (void)arg;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        if (qf_slice_is(component, values[i][0])) {
            *value = qf_slice_of(values[i][1]);
            return true;
        }
    return false;
}

/* B.2.6, whose base the RFC gives. */
static void base_of_the_rfc(void **state)
{
    (void)state;
    static const char params[] =
        "(\"date\" \"@method\" \"@path\" \"@authority\" \"content-type\" \"content-length\")"
        ";created=1618884473;keyid=\"test-key-ed25519\"";
    char input[256];
    snprintf(input, sizeof input, "sig-b26=%s", params);
    struct qf_http_sig sig;
    struct qf_buf base = {0};
    assert_int_equal(qf_http_sig_parse(&sig, qf_slice_of(input), qf_slice_of("sig-b26=" S64), NULL),
                     QF_OK);
    assert_int_equal(sig.component_count, 6);
    assert_int_equal(sig.created, 1618884473);
    assert_int_equal(sig.expires, -1);
    assert_true(qf_slice_is(sig.keyid, "test-key-ed25519"));
    assert_null(sig.alg.data);
    assert_int_equal(sig.signature[0], 0xc2);
    assert_true(qf_http_sig_covers(&sig, "@path") && !qf_http_sig_covers(&sig, "@query"));
    assert_int_equal(qf_http_sig_put_base(&base, &sig, value_of, NULL, NULL), QF_OK);
    char wanted[512];
    snprintf(wanted, sizeof wanted,
             "\"date\": Tue, 20 Apr 2021 02:07:55 GMT\n\"@method\": POST\n\"@path\": /foo\n"
             "\"@authority\": example.com\n\"content-type\": application/json\n"
             "\"content-length\": 18\n\"@signature-params\": %s",
             params);
    assert_string_equal(qf_buf_text(&base), wanted);
    qf_buf_deinit(&base);
}

static void several_signatures(void **state)
{
    (void)state;
    struct qf_http_sig sig;
    assert_int_equal(qf_http_sig_parse(&sig,
                                       qf_slice_of("proxy=(\"@path\");alg=\"rsa\", "
                                                   "a=();created=5;expires=9;nonce=\"n\";tag=\"\""),
                                       qf_slice_of("proxy=:AAAA:, a=" S64), NULL),
                     QF_OK);
    assert_true(qf_slice_is(sig.label, "a") && sig.component_count == 0 && sig.expires == 9);
    assert_true(qf_slice_is(sig.nonce, "n") && sig.tag.data != NULL && sig.tag.size == 0);
    assert_true(qf_slice_is(sig.params, "();created=5;expires=9;nonce=\"n\";tag=\"\""));
}

static void refusals(void **state)
{
    (void)state;
    static const char *const inputs[] = {
        "",
        "a",
        "a=",
        "a=(",
        "a=(\"x\"",
        "a=(\"x\"  \"y\")",
        "a=( \"x\")",
        "a=(\"x\" )",
        "A=()",
        "a=(\"x\" \"x\")",
        "a=(x)",
        "a=(\"\")",
        "a=();",
        "a=();created",
        "a=();created=\"1\"",
        "a=();created=-1",
        "a=();keyid=1",
        "a=();created=1;created=1",
        "a=();other=1",
        "a=() ;created=1",
        "a=();keyid=\"\\\"\"",
        "a=(),",
        "a=() x",
        "a=(\"x\";req)",
        "a=(\"x\");created=1234567890123456",
        "b=()",
        ("a=(\"1\" \"2\" \"3\" \"4\" \"5\" \"6\" \"7\" \"8\" \"9\" \"10\" \"11\" \"12\" "
         "\"13\" \"14\" \"15\" \"16\" \"17\")")};
    static const char *const signatures[] = {
        "",      "a",      "a=",           "a=::",          "a=:AAAA:",
        "a=:A:", "a=AAAA", ("a=" S64 ","), ("a=" S64 " b"), ("b=" S64)};
    struct qf_http_sig sig;
    for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++) {
        struct qf_error err = {0};
        enum qf_status status =
            qf_http_sig_parse(&sig, qf_slice_of(inputs[i]), qf_slice_of("a=" S64), &err);
        if (status == QF_OK || err.detail[0] == '\0' || strncmp(err.field, "Signature", 9) != 0)
            fail_msg("%s: %s", inputs[i], qf_status_name(status));
    }
    for (size_t i = 0; i < sizeof signatures / sizeof signatures[0]; i++)
        if (qf_http_sig_parse(&sig, qf_slice_of("a=()"), qf_slice_of(signatures[i]), NULL) == QF_OK)
            fail_msg("%s", signatures[i]);
    static char big[QF_HTTP_SIG_SIZE_MAX + 1];
    assert_int_equal(
        qf_http_sig_parse(&sig, qf_slice_make(big, sizeof big), qf_slice_of("a=" S64), NULL),
        QF_OVER_LIMIT);
    static const char *const missing[] = {"a=(\"none\")", "a=(\"bad\")"};
    for (size_t i = 0; i < 2; i++) {
        struct qf_buf base = {0};
        assert_int_equal(
            qf_http_sig_parse(&sig, qf_slice_of(missing[i]), qf_slice_of("a=" S64), NULL), QF_OK);
        assert_int_equal(qf_http_sig_put_base(&base, &sig, value_of, NULL, NULL), QF_BAD_FIELD);
        qf_buf_deinit(&base);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(base_of_the_rfc),
                                       cmocka_unit_test(several_signatures),
                                       cmocka_unit_test(refusals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
