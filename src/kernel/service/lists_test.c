/* Cases of a thousand tasks: they are listed, and cannot hold up a block. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "kernel/service/testing.h"

#define TASKS 1000

/* As many tasks at once as are permitted, each of which has a deadline. */
static const struct qf_service_package many = {
    .id = "many",
    .version = "1",
    .process =
        "<process id=\"p\" isExecutable=\"true\"><laneSet id=\"ls\"><lane id=\"desk\">"
        "<extensionElements><qf:lane role=\"desk\"/></extensionElements>"
        "<flowNodeRef>s</flowNodeRef><flowNodeRef>vote</flowNodeRef><flowNodeRef>e</flowNodeRef>"
        "</lane></laneSet><startEvent id=\"s\"/><userTask id=\"vote\" name=\"Vote\">"
        "<extensionElements><qf:deadline days=\"5\" calendar=\"calendar\" then=\"escalate\" "
        "to=\"head\"/></extensionElements><multiInstanceLoopCharacteristics>"
        "<loopCardinality>1000</loopCardinality></multiInstanceLoopCharacteristics></userTask>"
        "<endEvent id=\"e\"/><sequenceFlow id=\"f1\" sourceRef=\"s\" targetRef=\"vote\"/>"
        "<sequenceFlow id=\"f2\" sourceRef=\"vote\" targetRef=\"e\"/></process>",
    .manifest = "{\"fields\":{},\"participants\":[{\"members\":[\"a\"],\"role\":\"desk\"},"
                "{\"members\":[\"a\"],\"role\":\"head\"}]}",
};

#define OPEN "[{\"op\":\"service.case.open\",\"service\":\"many\",\"case\":\"m%u\"}]"
#define COMPLETE "[{\"op\":\"service.task.complete\",\"case\":\"m%u\",\"task\":%u}]"

static size_t tasks_of(struct qf_testing_world *world, const char *role)
{
    struct qf_state_reader reader = qf_testing_reader(world);
    const struct qf_query_tasks query = {.role = qf_slice_of(role), .due_before_ms = INT64_MAX};
    bool whole;
    size_t count = qf_query_task_count(&reader, &world->arena, &query, SIZE_MAX, &whole);
    assert_true(whole);
    return count;
}

/* Opens `count` cases, or completes a task of each; how many of the transactions went through in
 * one block; all others lack budget. */
static unsigned in_one_block(struct qf_testing_world *world, unsigned task, unsigned count)
{
    const int64_t exp = world->block.time_ms / 1000 + 600;
    unsigned good = 0;
    struct qf_receipt receipt;
    qf_testing_begin(world);
    for (unsigned i = 0; i < count; i++) {
        const struct qf_json *ops =
            task == 0 ? qf_testing_json(world, OPEN, i) : qf_testing_json(world, COMPLETE, i, task);
        qf_testing_apply(world, qf_testing_sign(world, QF_CLERK, exp, ops), QF_TX_GOOD, &receipt);
        assert_true(receipt.code == QF_OK || receipt.code == QF_BUDGET);
        /* Once it is used up, it stays so until the next block. */
        assert_true(receipt.code == QF_BUDGET || good == i);
        good += receipt.code == QF_OK;
    }
    qf_testing_end(world, good < count); /* too much is not kept */
    return good;
}

static void a_block_ends_before_large_cases_stall_it(void **state)
{
    (void)state;
    struct qf_testing_world *world = qf_service_testing_world();
    qf_service_testing_deploy(world, &many);
    unsigned most = in_one_block(world, 0, 200);
    /* Two look-ups for each task, and the tasks themselves: 2,000,000 steps are enough for some. */
    assert_in_range(most, 20, 2000000 / (2 * TASKS * QF_SERVICE_LIST_STEPS));
    assert_int_equal(tasks_of(world, "desk"), 0);
    const unsigned opened = 3;
    assert_int_equal(in_one_block(world, 0, opened), opened);
    assert_int_equal(tasks_of(world, "desk"), opened * TASKS);
    assert_int_equal(in_one_block(world, qf_testing_task(world, "desk", "m0"), opened), opened);
    assert_int_equal(tasks_of(world, "desk"), opened * (TASKS - 1));
    /* All deadlines at once: each block goes on where the one before had to stop. */
    world->block.time_ms += 30 * 86400000LL;
    for (int blocks = 0; blocks < 3; blocks++) {
        size_t before = tasks_of(world, "head");
        qf_testing_begin(world);
        assert_in_range(qf_kernel_fell_due(world->kernel), 1, opened);
        qf_testing_end(world, false);
        assert_true(tasks_of(world, "head") > before);
        assert_true(tasks_of(world, "head") < (size_t)opened * (TASKS - 1));
    }
    assert_null(strstr(qf_testing_dump(world), "\"problem\""));
    qf_testing_free(world);
}

/* What is known of the next thing due is never later than it is, also when blocks are dropped. */
static void time_is_known_in_time(void **state)
{
    (void)state;
    struct qf_testing_world *world = qf_service_testing_world();
    struct qf_state_reader reader = qf_testing_reader(world);
    qf_service_testing_deploy(world, &many);
    qf_testing_expect(world, QF_OK, "", QF_CLERK, OPEN, 0u);
    int64_t due_ms = qf_query_next_due(&reader);
    assert_true(due_ms > world->block.time_ms && due_ms < INT64_MAX);
    qf_testing_begin(world);
    assert_int_equal(qf_kernel_fell_due(world->kernel), 0);
    assert_int_equal(qf_kernel_due(world->kernel), due_ms);
    qf_testing_end(world, false);
    for (int drops = 0; drops < 3; drops++) {
        world->block.time_ms = due_ms;
        qf_testing_begin(world);
        assert_int_equal(qf_kernel_fell_due(world->kernel), 1);
        qf_testing_end(world, drops < 2);
        assert_true(qf_kernel_due(world->kernel) <= due_ms);
        assert_int_equal(qf_query_next_due(&reader), due_ms);
    }
    /* Each block lets some of the thousand fire. */
    for (int blocks = 0; qf_query_next_due(&reader) != INT64_MAX; blocks++) {
        assert_true(blocks < TASKS);
        qf_testing_begin(world);
        assert_int_equal(qf_kernel_fell_due(world->kernel), 1);
        qf_testing_end(world, false);
    }
    assert_int_equal(tasks_of(world, "head"), TASKS);
    qf_testing_begin(world);
    assert_int_equal(qf_kernel_fell_due(world->kernel), 0);
    assert_int_equal(qf_kernel_due(world->kernel), INT64_MAX);
    qf_testing_end(world, false);
    qf_testing_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_block_ends_before_large_cases_stall_it),
        cmocka_unit_test(time_is_known_in_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
