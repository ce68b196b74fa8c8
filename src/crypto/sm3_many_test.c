#include "crypto/sm3_many.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { JOBS = 60, SIZE_MAX_TRIED = 400 };

static uint8_t bytes[JOBS + SIZE_MAX_TRIED];
static uint8_t got[JOBS][QF_HASH_SIZE];

/* A message in three parts whose borders depend on the number. */
static struct qf_hash_job job_of(size_t number, size_t size)
{
    size_t first = number % 3 == 0 ? 0 : size / (1 + number % 5);
    size_t second = (size - first) / (1 + number % 2);
    return (struct qf_hash_job){
        .parts = {{bytes + number, first},
                  {bytes + number + first, second},
                  {bytes + number + first + second, size - first - second}},
        .out = got[number],
    };
}

static void check(const size_t *sizes, size_t count, size_t lanes)
{
    struct qf_hash_job jobs[JOBS];
    for (size_t i = 0; i < count; i++)
        jobs[i] = job_of(i, sizes[i]);
    memset(got, 0, sizeof got);
    if (lanes == 0)
        qf_hash_many(QF_HASH_SM3, jobs, count);
    else
        qf_sm3_many(jobs, count, lanes);
    for (size_t i = 0; i < count; i++) {
        uint8_t wanted[QF_HASH_SIZE];
        qf_hash(QF_HASH_SM3, wanted, qf_slice_make(bytes + i, sizes[i]));
        assert_memory_equal(got[i], wanted, QF_HASH_SIZE);
    }
}

/* Each width, every size about the borders of blocks, and any number of messages of mixed sizes:
 * the same as OpenSSL. */
static void test_same_as_openssl(void **state)
{
    (void)state;
    static const size_t widths[] = {0, 1, 4, 8, 16};
    size_t sizes[JOBS];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 167 + i / 256);
    for (size_t w = 0; w < sizeof widths / sizeof widths[0]; w++) {
        if (widths[w] > qf_sm3_lanes_best())
            continue;
        for (size_t size = 0; size <= SIZE_MAX_TRIED; size++) {
            for (size_t i = 0; i < JOBS; i++)
                sizes[i] = size;
            check(sizes, size % 17, widths[w]);
        }
        for (size_t count = 0; count <= JOBS; count++) {
            for (size_t i = 0; i < JOBS; i++)
                sizes[i] = (i * 211 + count * 97) % (SIZE_MAX_TRIED + 1);
            check(sizes, count, widths[w]);
        }
    }
}

static void test_sha256_as_one_by_one(void **state)
{
    (void)state;
    struct qf_hash_job jobs[5];
    for (size_t i = 0; i < 5; i++)
        jobs[i] = job_of(i, 100 * i);
    qf_hash_many(QF_HASH_SHA256, jobs, 5);
    for (size_t i = 0; i < 5; i++) {
        uint8_t wanted[QF_HASH_SIZE];
        qf_hash(QF_HASH_SHA256, wanted, qf_slice_make(bytes + i, 100 * i));
        assert_memory_equal(got[i], wanted, QF_HASH_SIZE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_as_openssl),
        cmocka_unit_test(test_sha256_as_one_by_one),
    };
    return cmocka_run_group_tests_name("sm3-many", tests, NULL, NULL);
}
