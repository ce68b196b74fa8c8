#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "api/rate.h"

static unsigned taken(struct qf_rate *rate, const char *key, unsigned count, size_t size,
                      int64_t now_ms, enum qf_rate_verdict *last)
{
    unsigned good = 0;
    for (unsigned i = 0; i < count; i++) {
        *last = qf_rate_take(rate, key, size, now_ms);
        good += *last == QF_RATE_GOOD;
    }
    return good;
}

static void transactions(void **state)
{
    (void)state;
    const struct qf_rate_limits limits = {.txs = 10, .txs_burst = 20};
    struct qf_rate *rate = qf_rate_new(&limits);
    enum qf_rate_verdict last;
    assert_int_equal(taken(rate, "a", 30, 60000, 1000, &last), 20);
    assert_int_equal(last, QF_RATE_TXS);
    assert_int_equal(taken(rate, "b", 30, 60000, 1000, &last), 20); /* its own */
    assert_int_equal(taken(rate, "a", 30, 60000, 1500, &last), 5);
    assert_int_equal(taken(rate, "a", 30, 60000, 1400, &last), 0); /* a clock set back */
    assert_int_equal(taken(rate, "a", 30, 60000, 100000000, &last), 20);
    qf_rate_free(rate);
}

static void sizes(void **state)
{
    (void)state;
    const struct qf_rate_limits limits = {.kib = 10, .kib_burst = 20};
    struct qf_rate *rate = qf_rate_new(&limits);
    enum qf_rate_verdict last;
    assert_int_equal(taken(rate, "a", 30, 1024, 1000, &last), 20);
    assert_int_equal(last, QF_RATE_SIZE);
    assert_int_equal(taken(rate, "a", 1, 20 * 1024 + 1, 100000, &last), 0); /* never fits */
    assert_int_equal(taken(rate, "a", 30, 1024, 100000, &last), 20);        /* it took nothing */
    assert_int_equal(taken(rate, "a", 30, 512, 100500, &last), 10);
    qf_rate_free(rate);
}

/* A key that is in use keeps its bucket however many others come. */
static void strangers(void **state)
{
    (void)state;
    const struct qf_rate_limits limits = {.txs = 1, .txs_burst = 2000};
    struct qf_rate *rate = qf_rate_new(&limits);
    unsigned good = 0;
    for (unsigned i = 0; i < 20000; i++) {
        char other[16];
        snprintf(other, sizeof other, "other-%u", i);
        good += qf_rate_take(rate, "busy", 1, i) == QF_RATE_GOOD;
        assert_int_equal(qf_rate_take(rate, other, 1, i), QF_RATE_GOOD);
    }
    assert_in_range(good, 2000, 2020);
    qf_rate_free(rate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(transactions), cmocka_unit_test(sizes),
                                       cmocka_unit_test(strangers)};
    return cmocka_run_group_tests_name("rate", tests, NULL, NULL);
}
