#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "api/webhook/post.h"
#include "api/webhook/sign.h"
#include "api/webhook/state.h"
#include "store/sim_fs.h"

/* The example of Standard Webhooks' own libraries (their test_webhooks). */
static void test_signature(void **state)
{
    (void)state;
    struct qf_webhook_secrets secrets;
    struct qf_private_key *key = NULL;
    struct qf_error err = {0};
    struct qf_buf out = {0};
    struct qf_slice message =
        qf_slice_of("msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{\"test\": 2432232314}");
    assert_int_equal(qf_webhook_secrets_parse(
                         &secrets, qf_slice_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n"), &err),
                     QF_OK);
    assert_int_equal(qf_webhook_sign(&out, &secrets, NULL, message, &err), QF_OK);
    assert_string_equal(qf_buf_text(&out), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    qf_buf_reset(&out);
    secrets.items[secrets.count++] = (struct qf_webhook_secret){.size = 24};
    assert_int_equal(qf_private_key_generate(&key, QF_ALG_EDDSA, &err), QF_OK);
    assert_int_equal(qf_webhook_sign(&out, &secrets, key, message, &err), QF_OK);
    assert_int_equal(out.size, 2 * (3 + 44 + 1) + 4 + 88);
    assert_memory_equal(out.data, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE= v1,", 51);
    qf_private_key_free(key);
    qf_buf_deinit(&out);
}

static void test_secrets(void **state)
{
    (void)state;
    struct qf_webhook_secrets secrets;
    struct qf_error err = {0};
    static const char one[] = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    char text[4096];
    static const char *const bad[] = {
        "",
        "# nothing\n",
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n",
        "whsec_\n",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa==\n",  /* 22 bytes */
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS\n",   /* no base64 */
        " whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n", /* a space */
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw \n",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\nx\n",
        "whsk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (qf_webhook_secrets_parse(&secrets, qf_slice_of(bad[i]), &err) == QF_OK)
            fail_msg("taken: %s", bad[i]);
        assert_int_equal(secrets.count, 0);
        assert_null(strstr(err.detail, "MfKQ9"));
        assert_memory_equal(err.field, "line ", 5);
    }
    snprintf(text, sizeof text, "# old\r\n%s\r\n\n# new\n%s", one, one);
    assert_int_equal(qf_webhook_secrets_parse(&secrets, qf_slice_of(text), &err), QF_OK);
    assert_int_equal(secrets.count, 2);
    assert_int_equal(secrets.items[1].size, 24);
    snprintf(text, sizeof text, "%s\n%s\n%s\n%s\n%s\n", one, one, one, one, one);
    assert_int_equal(qf_webhook_secrets_parse(&secrets, qf_slice_of(text), &err), QF_OVER_LIMIT);
    assert_string_equal(err.field, "line 5");
}

static void test_addresses(void **state)
{
    (void)state;
    struct qf_error err = {0};
    static const char *const good[] = {"https://a.example/x?y=1", "http://127.0.0.1:80/",
                                       "http://127.9.9.9",        "http://[::1]:8/",
                                       "http://localhost/",       "https://[2001:db8::1]/"};
    static const char *const bad[] = {"http://a.example/",
                                      "http://128.0.0.1/",
                                      "http://localhost.example/",
                                      "http://[::2]/",
                                      "http://127.0.0.1@evil/",
                                      "https://u@h/",
                                      "https://u:p@h/",
                                      "https://h/#f",
                                      "ftp://h/",
                                      "file:///etc/passwd",
                                      "http://127.0.0.1.evil/",
                                      "https://",
                                      "nonsense",
                                      "https://h/\nX-Header: y/",
                                      ""};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        if (qf_webhook_url_check(good[i], false, &err) != QF_OK)
            fail_msg("refused: %s: %s", good[i], err.detail);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (qf_webhook_url_check(bad[i], false, &err) == QF_OK)
            fail_msg("taken: %s", bad[i]);
    assert_int_equal(qf_webhook_url_check("http://a.example/", true, &err), QF_OK);
    assert_int_not_equal(qf_webhook_url_check("ftp://a.example/", true, &err), QF_OK);
}

static void test_backoff(void **state)
{
    (void)state;
    for (uint32_t failures = 1; failures < 100; failures++) {
        int64_t full = QF_WEBHOOK_RETRY_MS_MIN;
        for (uint32_t i = 1; i < failures && full < QF_WEBHOOK_RETRY_MS_MAX; i++)
            full *= 2;
        if (full > QF_WEBHOOK_RETRY_MS_MAX)
            full = QF_WEBHOOK_RETRY_MS_MAX;
        int64_t low = INT64_MAX;
        int64_t high = 0;
        for (uint32_t random = 0; random < 400000; random += 997) {
            int64_t ms = qf_webhook_backoff_ms(failures, random);
            low = ms < low ? ms : low;
            high = ms > high ? ms : high;
        }
        assert_in_range(low, full / 2, full / 2 + full / 10);
        assert_in_range(high, full - full / 10, full);
    }
    assert_true(qf_webhook_backoff_ms(UINT32_MAX, UINT32_MAX) <= QF_WEBHOOK_RETRY_MS_MAX);
}

/* The states of state.h, edge by edge, with a clock that jumps. */
static void test_course(void **state)
{
    (void)state;
    struct qf_webhook_state s = {.leaf = 7};
    struct qf_webhook_attempt a = {.now_ms = 1000000, .status = 500, .reason = "bad \x80\n\"word"};
    qf_webhook_state_failed(&s, &a);
    assert_int_equal(s.failures, 1);
    assert_int_equal(s.failing_since_ms, 1000000);
    assert_string_equal(s.reason, "bad ??\"word");
    assert_in_range(s.next_ms, 1000500, 1001000);
    a.retry_after_ms = 60000;
    qf_webhook_state_failed(&s, &a);
    assert_int_equal(s.next_ms, 1060000);
    a.retry_after_ms = INT64_MAX;
    qf_webhook_state_failed(&s, &a);
    assert_int_equal(s.next_ms, 1000000 + QF_WEBHOOK_RETRY_AFTER_MS_MAX);
    a = (struct qf_webhook_attempt){.now_ms = 2000000, .status = 204};
    qf_webhook_state_delivered(&s, &a, 7, 3);
    assert_true(s.failures == 0 && s.failing_since_ms == 0 && s.next_ms == 0 && s.op == 3);
    assert_string_equal(s.reason, "");
    a = (struct qf_webhook_attempt){.now_ms = 3000000, .reason = "timeout"};
    qf_webhook_state_failed(&s, &a);
    a.now_ms += QF_WEBHOOK_GIVE_UP_MS - 1;
    qf_webhook_state_failed(&s, &a);
    assert_int_equal(s.stop, QF_WEBHOOK_RUNS);
    a.now_ms = 2900000; /* the clock was set back: the three days begin again */
    qf_webhook_state_failed(&s, &a);
    assert_int_equal(s.failing_since_ms, 2900000);
    a.now_ms += QF_WEBHOOK_GIVE_UP_MS;
    qf_webhook_state_failed(&s, &a);
    assert_int_equal(s.stop, QF_WEBHOOK_FAILING);
    qf_webhook_state_enable(&s);
    assert_true(s.stop == QF_WEBHOOK_RUNS && s.failures == 0 && s.leaf == 7 && s.op == 3);
    a.status = 410;
    qf_webhook_state_failed(&s, &a);
    assert_int_equal(s.stop, QF_WEBHOOK_GONE);
}

static void test_encoding(void **state)
{
    (void)state;
    struct qf_error err = {0};
    struct qf_webhook_state in = {.leaf = 12,
                                  .op = 3,
                                  .log_size = 99,
                                  .stop = QF_WEBHOOK_GONE,
                                  .failures = 4,
                                  .failing_since_ms = 5,
                                  .last_ms = 6,
                                  .last_status = 410,
                                  .next_ms = 7,
                                  .reason = "it answered 410"};
    struct qf_webhook_state out;
    struct qf_buf text = {0};
    qf_webhook_state_encode(&text, &in);
    assert_int_equal(qf_webhook_state_decode(&out, qf_buf_slice(&text), &err), QF_OK);
    assert_true(out.leaf == 12 && out.op == 3 && out.log_size == 99 && out.failures == 4);
    assert_true(out.stop == QF_WEBHOOK_GONE && out.failing_since_ms == 5 && out.last_ms == 6);
    assert_true(out.last_status == 410 && out.next_ms == 7);
    assert_string_equal(out.reason, in.reason);
    for (size_t cut = 0; cut < text.size; cut++)
        assert_int_not_equal(qf_webhook_state_decode(&out, qf_slice_make(text.data, cut), &err),
                             QF_OK);
    qf_buf_deinit(&text);
    static const struct qf_webhook_request requests[] = {
        {0}, {.moves = true, .to_end = true}, {.moves = true, .leaf = 17}};
    for (size_t i = 0; i < 3; i++) {
        struct qf_webhook_request again;
        struct qf_buf bytes = {0};
        qf_webhook_request_encode(&bytes, &requests[i]);
        assert_int_equal(qf_webhook_request_decode(&again, qf_buf_slice(&bytes), &err), QF_OK);
        assert_true(again.moves == requests[i].moves && again.to_end == requests[i].to_end &&
                    again.leaf == requests[i].leaf);
        qf_buf_deinit(&bytes);
    }
}

/* Every changing call of a save fails in every way, then the power goes: the old or the new state
 * is there, whole; and a save that was reported as done stays. */
static void test_saving(void **state)
{
    (void)state;
    unsigned tried = 0;
    for (uint64_t seed = 1; seed <= 40; seed++)
        for (int fault = 0; fault < QF_SIM_FAULT_COUNT; fault++)
            for (uint64_t n = 1;; n++) {
                struct qf_sim_fs *sim = qf_sim_fs_new(seed);
                struct qf_fs fs = qf_sim_fs_io(sim);
                struct qf_webhook_state s = {.leaf = 1};
                struct qf_error err = {0};
                assert_int_equal(qf_webhook_state_save(&s, &fs, "a"), QF_OK);
                s.leaf = 2;
                assert_int_equal(qf_webhook_state_save(&s, &fs, "a"), QF_OK);
                s.leaf = 3;
                qf_sim_fs_fail_at(sim, n, (enum qf_sim_fault)fault);
                enum qf_status saved = qf_webhook_state_save(&s, &fs, "a");
                bool hit = qf_sim_fs_failed(sim);
                qf_sim_fs_crash(sim);
                struct qf_webhook_state got;
                assert_int_equal(qf_webhook_state_load(&got, &fs, "a", &err), QF_OK);
                assert_in_range(got.leaf, saved == QF_OK ? 3 : 2, 3);
                s.leaf = 4; /* and it can be saved again */
                assert_int_equal(qf_webhook_state_save(&s, &fs, "a"), QF_OK);
                qf_sim_fs_crash(sim);
                assert_int_equal(qf_webhook_state_load(&got, &fs, "a", &err), QF_OK);
                assert_int_equal(got.leaf, 4);
                qf_sim_fs_free(sim);
                tried++;
                if (!hit)
                    break;
            }
    assert_true(tried > 40 * QF_SIM_FAULT_COUNT * 5);
}

static void test_request_file(void **state)
{
    (void)state;
    struct qf_sim_fs *sim = qf_sim_fs_new(7);
    struct qf_fs fs = qf_sim_fs_io(sim);
    struct qf_webhook_request request = {.moves = true, .leaf = 5};
    assert_false(qf_webhook_request_waits(&fs, "a"));
    assert_int_equal(qf_webhook_request_load(&request, &fs, "a", NULL), QF_NOT_FOUND);
    request = (struct qf_webhook_request){.moves = true, .leaf = 5};
    assert_int_equal(qf_webhook_request_save(&request, &fs, "a"), QF_OK);
    qf_sim_fs_crash(sim);
    assert_true(qf_webhook_request_waits(&fs, "a"));
    assert_int_equal(qf_webhook_request_load(&request, &fs, "a", NULL), QF_OK);
    assert_int_equal(request.leaf, 5);
    assert_int_equal(qf_webhook_request_remove(&fs, "a"), QF_OK);
    assert_int_equal(qf_webhook_request_remove(&fs, "a"), QF_OK);
    qf_sim_fs_crash(sim);
    assert_false(qf_webhook_request_waits(&fs, "a"));
    qf_sim_fs_free(sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signature), cmocka_unit_test(test_secrets),
        cmocka_unit_test(test_addresses), cmocka_unit_test(test_backoff),
        cmocka_unit_test(test_course),    cmocka_unit_test(test_encoding),
        cmocka_unit_test(test_saving),    cmocka_unit_test(test_request_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
