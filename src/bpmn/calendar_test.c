#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bpmn/calendar.h"

static int32_t day_of(int32_t year, int32_t month, int32_t day)
{
    return (int32_t)qf_date_to_day((struct qf_date){year, month, day});
}

static void days_and_dates_agree(void **state)
{
    (void)state;
    assert_int_equal(day_of(1970, 1, 1), 0);
    assert_int_equal(day_of(2000, 3, 1), 11017);
    assert_int_equal(day_of(2026, 11, 21), 20778);
    assert_int_equal(qf_date_weekday(20778), 5); /* a Saturday */
    assert_int_equal(qf_date_weekday(-1), 2);
    int64_t want = day_of(1, 1, 1);
    for (int32_t year = 1; year <= 2400; year++)
        for (int32_t month = 1; month <= 12; month++)
            for (int32_t day = 1; day <= qf_date_month_days(year, month); day++, want++) {
                assert_int_equal(day_of(year, month, day), want);
                struct qf_date back = qf_date_from_day(want);
                assert_true(back.year == year && back.month == month && back.day == day);
            }
}

/* The National Day holiday of 2025: 1 to 8 October off, 28 September and 11 October worked. */
static void working_days_with_days_worked_in_exchange(void **state)
{
    (void)state;
    int32_t off[8], worked[2] = {day_of(2025, 9, 28), day_of(2025, 10, 11)};
    for (int32_t i = 0; i < 8; i++)
        off[i] = day_of(2025, 10, 1 + i);
    struct qf_calendar calendar = {off, worked, 8, 2, 0x60, 480};
    assert_true(qf_calendar_is_working(&calendar, worked[0]));
    assert_false(qf_calendar_is_working(&calendar, day_of(2025, 9, 27)));
    assert_false(qf_calendar_is_working(&calendar, off[2]));
    int64_t due = 0;
    /* From Monday 29 September: 30th, then 9, 10, 11 (worked), 13 October. */
    assert_int_equal(qf_calendar_add(&calendar, &due, day_of(2025, 9, 29), 5), QF_OK);
    assert_int_equal(due, day_of(2025, 10, 13));
    assert_int_equal(qf_calendar_between(&calendar, day_of(2025, 9, 29), due), 5);
    assert_int_equal(qf_calendar_between(&calendar, due, due), 0);
    assert_int_equal(qf_calendar_add(&calendar, &due, off[0], 0), QF_OK);
    assert_int_equal(due, day_of(2025, 10, 9));
}

static void a_term_ends_with_its_last_day_in_local_time(void **state)
{
    (void)state;
    struct qf_calendar calendar = {NULL, NULL, 0, 0, 0x60, 480};
    int64_t due = 0;
    /* 2026-11-20 (Friday) 23:30 in Beijing is 15:30 UTC. */
    int64_t friday = day_of(2026, 11, 20) * 86400000LL + 55800000;
    assert_int_equal(qf_calendar_due(&calendar, &due, friday, (struct qf_term){2, true, false}),
                     QF_OK);
    assert_int_equal(due, (day_of(2026, 11, 25)) * 86400000LL - 480 * 60000);
    /* Half an hour later it is Saturday there; the term of one calendar day ends on Sunday, or with
     * Monday where it is extended. */
    int64_t saturday = friday + 1800000;
    assert_int_equal(qf_calendar_due(&calendar, &due, saturday, (struct qf_term){1, false, false}),
                     QF_OK);
    assert_int_equal(due, (day_of(2026, 11, 23)) * 86400000LL - 480 * 60000);
    assert_int_equal(qf_calendar_due(&calendar, &due, saturday, (struct qf_term){1, false, true}),
                     QF_OK);
    assert_int_equal(due, (day_of(2026, 11, 24)) * 86400000LL - 480 * 60000);
}

static void a_calendar_without_working_days_is_refused(void **state)
{
    (void)state;
    struct qf_calendar calendar = {NULL, NULL, 0, 0, 0x7F, 0};
    int64_t due = 0;
    assert_int_equal(qf_calendar_add(&calendar, &due, 0, 1), QF_OVER_LIMIT);
    assert_int_equal(qf_calendar_add(&calendar, &due, 0, 0), QF_OVER_LIMIT);
    assert_int_equal(qf_calendar_due(&calendar, &due, 0, (struct qf_term){INT64_MAX, false, false}),
                     QF_OVER_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(days_and_dates_agree),
        cmocka_unit_test(working_days_with_days_worked_in_exchange),
        cmocka_unit_test(a_term_ends_with_its_last_day_in_local_time),
        cmocka_unit_test(a_calendar_without_working_days_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
