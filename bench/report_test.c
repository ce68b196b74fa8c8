#include "report.h"

#include <stdio.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void test_median(void **state)
{
    (void)state;
    struct bench_samples samples = {.count = 0};
    assert_true(bench_samples_median(&samples) == 0);
    static const double values[] = {5, 1, 4, 2, 3};
    for (size_t i = 0; i < 5; i++)
        bench_samples_add(&samples, values[i]);
    assert_true(bench_samples_median(&samples) == 3);
    bench_samples_add(&samples, 100);
    assert_true(bench_samples_median(&samples) == 3.5);
}

static void test_histogram(void **state)
{
    (void)state;
    static struct bench_histogram histogram;
    static struct bench_histogram other;
    assert_int_equal(bench_histogram_at(&histogram, 99), 0);
    for (uint64_t ns = 1; ns <= 100000; ns++)
        bench_histogram_add(ns % 2 == 0 ? &histogram : &other, ns);
    bench_histogram_merge(&histogram, &other);
    assert_int_equal(histogram.total, 100000);
    static const double percents[] = {0.05, 1, 50, 90, 99, 99.9};
    for (size_t i = 0; i < 6; i++) {
        double exact = 1000 * percents[i];
        double found = (double)bench_histogram_at(&histogram, percents[i]);
        assert_true(found >= exact && found <= exact * (1 + 1.0 / 64) + 1);
    }
    assert_int_equal(bench_histogram_at(&histogram, 100), 100000);
    bench_histogram_add(&histogram, UINT64_MAX);
    assert_true(bench_histogram_at(&histogram, 100) >= (uint64_t)3600 * 1000000000U);
}

static void test_report_file(void **state)
{
    (void)state;
    struct bench_report *report = bench_report_new("report-test");
    bench_report_add(report, &(struct bench_result){.id = "a.b",
                                                    .value = 30,
                                                    .unit = "tx/s",
                                                    .base = "other \"thing\"",
                                                    .base_value = 20,
                                                    .has_bar = true,
                                                    .bar = 1.2,
                                                    .runs = 5});
    bench_report_add(report, &(struct bench_result){
                                 .id = "c", .value = 7, .unit = "MiB", .better = BENCH_LOWER});
    const struct bench_options options = {.folder = "report-test-out", .runs = 5};
    assert_int_equal(bench_report_finish(report, &options), 0);
    FILE *file = fopen("report-test-out/report-test.json", "r");
    assert_non_null(file);
    char text[4096];
    size_t size = fread(text, 1, sizeof text - 1, file);
    text[size] = 0;
    (void)fclose(file);
    assert_non_null(strstr(text, "{\"name\":\"report-test\",\"commit\":\""));
    assert_non_null(strstr(text, "{\"id\":\"a.b\",\"value\":30,\"unit\":\"tx/s\","
                                 "\"base\":\"other \\\"thing\\\"\",\"base_value\":20,"
                                 "\"ratio\":1.5,\"bar\":1.2,\"better\":\"higher\",\"runs\":5}"));
    assert_non_null(
        strstr(text, "{\"id\":\"c\",\"value\":7,\"unit\":\"MiB\",\"better\":\"lower\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_median),
        cmocka_unit_test(test_histogram),
        cmocka_unit_test(test_report_file),
    };
    return cmocka_run_group_tests_name("bench-report", tests, NULL, NULL);
}
