/* A small service played: the right course, and what must be refused. */
#include <stdio.h>
#include <stdlib.h>

#include "kernel/service/permit_testing.h"

static void the_simple_way(void **state)
{
    struct qf_testing_world *world = *state;
    qf_testing_expect(world, QF_OK, "", CLERK, OPEN, "c1");
    unsigned check = qf_permit_task(world, "desk", "c1");
    assert_true(check > 0);
    qf_testing_expect(world, QF_OK, "", CLERK, TASK_OP, "claim", "c1", check);
    struct qf_receipt receipt = qf_testing_run(world, CLERK, COMPLETE, "c1", check, 120);
    assert_int_equal(receipt.code, QF_OK);
    assert_int_equal(receipt.event_count, 1);
    assert_string_equal(receipt.events[0].type, "service.task-completed");
    assert_true(qf_slice_is(receipt.events[0].key, "service/case/c1"));
    const struct qf_json *decisions = qf_json_get(qf_permit_case(world, "c1"), "decisions");
    assert_int_equal(decisions->count, 1);
    assert_true(qf_json_is_text(qf_json_get(&decisions->items[0], "decision"), "Route"));
    assert_int_equal(qf_json_get(&decisions->items[0], "trace")->count, 64);
    assert_int_equal(qf_json_get(qf_json_get(&decisions->items[0], "inputs"), "area")->integer,
                     120);
    unsigned sign = qf_permit_task(world, "desk", "c1");
    assert_true(sign > 0 && sign != check);
    /* four eyes */
    qf_testing_expect(world, QF_NOT_ALLOWED, "ops[0].actor", CLERK, TASK_OP, "complete", "c1",
                      sign);
    qf_testing_expect(world, QF_OK, "", OTHER, TASK_OP, "complete", "c1", sign);
    qf_permit_status(world, "c1", "done");
    assert_false(qf_permit_has_key(world, "~task/"));
    assert_false(qf_permit_has_key(world, "~due/"));
}

static void what_can_be_asked(void **state)
{
    struct qf_testing_world *world = *state;
    struct qf_state_reader reader = qf_testing_reader(world);
    struct qf_arena *arena = &world->arena;
    struct qf_query_tasks tasks = {
        .role = qf_slice_of("expert"), .due_before_ms = INT64_MAX, .limit = 10};
    struct qf_query_cases cases = {.limit = 2};
    struct qf_query_page page = {.limit = 2};
    struct qf_json out;
    struct qf_slice next;
    bool whole;
    for (int i = 0; i < 3; i++) {
        char id[8];
        snprintf(id, sizeof id, "c%d", i);
        qf_testing_expect(world, QF_OK, "", CLERK, OPEN, id);
        qf_testing_expect(world, QF_OK, "", CLERK, COMPLETE, id, qf_permit_task(world, "desk", id),
                          500);
    }
    assert_int_equal(qf_query_tasks(&reader, arena, &out, &next, &tasks, NULL), QF_OK);
    assert_int_equal(out.count, 3);
    assert_int_equal(next.size, 0);
    const struct qf_json *task = &out.items[1];
    assert_true(qf_json_is_text(qf_json_get(task, "case"), "c1"));
    assert_true(qf_json_is_text(qf_json_get(task, "node"), "review"));
    assert_true(qf_json_is_text(qf_json_get(task, "name"), "Review on the spot"));
    assert_true(qf_json_is_text(qf_json_get(task, "role"), "expert"));
    assert_int_equal(qf_json_get(task, "due")->integer, 1767888000000);
    assert_int_equal(qf_json_get(task, "opened")->integer, world->block.time_ms);
    tasks.limit = 2;
    assert_int_equal(qf_query_tasks(&reader, arena, &out, &next, &tasks, NULL), QF_OK);
    assert_int_equal(out.count, 2);
    tasks.after = next;
    assert_int_equal(qf_query_tasks(&reader, arena, &out, &next, &tasks, NULL), QF_OK);
    assert_int_equal(out.count, 1);
    assert_int_equal(next.size, 0);
    assert_int_equal(qf_query_task_count(&reader, arena, &tasks, 100, &whole), 3);
    assert_true(whole);
    assert_int_equal(qf_query_task_count(&reader, arena, &tasks, 2, &whole), 2);
    assert_false(whole);
    tasks.due_before_ms = 1767888000000;
    assert_int_equal(qf_query_task_count(&reader, arena, &tasks, 100, &whole), 0);
    assert_int_equal(qf_query_next_due(&reader), 1767888000000);
    tasks = (struct qf_query_tasks){
        .role = qf_slice_of("desk"), .due_before_ms = INT64_MAX, .limit = 10};
    assert_int_equal(qf_query_task_count(&reader, arena, &tasks, 100, &whole), 0);
    unsigned review = qf_permit_task(world, "expert", "c1");
    qf_testing_expect(world, QF_OK, "", EXPERT, TASK_OP, "claim", "c1", review);
    tasks = (struct qf_query_tasks){
        .service = qf_slice_of("permit"), .due_before_ms = INT64_MAX, .limit = 10};
    assert_int_equal(qf_query_task_count(&reader, arena, &tasks, 100, &whole), 3);
    tasks.held = QF_HELD_NONE;
    assert_int_equal(qf_query_task_count(&reader, arena, &tasks, 100, &whole), 2);
    tasks.held = QF_HELD_SOME;
    assert_int_equal(qf_query_task_count(&reader, arena, &tasks, 100, &whole), 1);
    assert_int_equal(qf_query_tasks(&reader, arena, &out, &next, &tasks, NULL), QF_OK);
    struct qf_slice holder = qf_json_text(qf_json_get(&out.items[0], "holder"));
    tasks = (struct qf_query_tasks){.holder = holder, .due_before_ms = INT64_MAX, .limit = 10};
    assert_int_equal(qf_query_task_count(&reader, arena, &tasks, 100, &whole), 1);
    qf_testing_expect(world, QF_OK, "", EXPERT, TASK_OP, "release", "c1", review);
    assert_int_equal(qf_query_task_count(&reader, arena, &tasks, 100, &whole), 0);

    assert_int_equal(qf_query_cases(&reader, arena, &out, &next, &cases, NULL), QF_OK);
    assert_int_equal(out.count, 2);
    cases.after = next;
    assert_int_equal(qf_query_cases(&reader, arena, &out, &next, &cases, NULL), QF_OK);
    assert_int_equal(out.count, 1);
    assert_true(qf_json_is_text(qf_json_get(&out.items[0], "case"), "c2"));
    cases = (struct qf_query_cases){.limit = 9, .status = qf_slice_of("done")};
    assert_int_equal(qf_query_cases(&reader, arena, &out, &next, &cases, NULL), QF_OK);
    assert_int_equal(out.count, 0);
    cases = (struct qf_query_cases){
        .limit = 9, .status = qf_slice_of("running"), .member = qf_slice_of("a")};
    assert_int_equal(qf_query_cases(&reader, arena, &out, &next, &cases, NULL), QF_OK);
    assert_int_equal(out.count, 3);
    assert_int_equal(qf_query_list(&reader, &world->arena, QF_LIST_SERVICES, &page).count, 1);
    assert_true(qf_query_case(&reader, &world->arena, &out, qf_slice_of("c2")));
    assert_null(qf_json_get(&out, "instance"));
    assert_int_equal(qf_json_get(&out, "tasks")->count, 1);
    assert_true(
        qf_json_is_text(qf_json_get(&qf_json_get(&out, "tasks")->items[0], "node"), "review"));
    assert_int_equal(qf_json_get(qf_json_get(&out, "data"), "area")->integer, 500);
    assert_true(qf_query_service(&reader, &world->arena, &out, qf_slice_of("permit")));
    assert_true(qf_json_is_text(qf_json_get(&out, "version"), "1"));
    assert_false(qf_query_case(&reader, &world->arena, &out, qf_slice_of("c9")));
    assert_false(qf_query_case(&reader, &world->arena, &out, qf_slice_of("../x")));
    assert_false(qf_query_service(&reader, &world->arena, &out, qf_slice_of("")));
}

static void only_who_plays_the_role(void **state)
{
    struct qf_testing_world *world = *state;
    qf_testing_expect(world, QF_NOT_ALLOWED, "ops[0]", GUEST, OPEN, "c1");
    qf_testing_expect(world, QF_NOT_ALLOWED, "ops[0]", EXPERT, OPEN, "c1");
    qf_testing_expect(world, QF_NOT_FOUND, "ops[0].service", CLERK,
                      "[{\"op\":\"service.case.open\",\"service\":\"x\",\"case\":\"c\"}]");
    qf_testing_expect(world, QF_OK, "", CLERK, OPEN, "c1");
    qf_testing_expect(world, QF_EXISTS, "ops[0].case", OTHER, OPEN, "c1");
    unsigned check = qf_permit_task(world, "desk", "c1");
    qf_testing_expect(world, QF_NOT_ALLOWED, "ops[0]", EXPERT, COMPLETE, "c1", check, 120);
    qf_testing_expect(world, QF_NOT_ALLOWED, "ops[0]", GUEST, TASK_OP, "claim", "c1", check);
    qf_testing_expect(world, QF_OK, "", CLERK, TASK_OP, "claim", "c1", check);
    qf_testing_expect(world, QF_WRONG_STATE, "ops[0].task", OTHER, COMPLETE, "c1", check, 120);
    qf_testing_expect(world, QF_WRONG_STATE, "ops[0].task", OTHER, TASK_OP, "release", "c1", check);
    qf_testing_expect(world, QF_OK, "", CLERK, TASK_OP, "release", "c1", check);
    qf_testing_expect(world, QF_OK, "", OTHER, COMPLETE, "c1", check, 120);
    /* twice */
    qf_testing_expect(world, QF_NOT_FOUND, "ops[0].task", OTHER, COMPLETE, "c1", check, 120);
    qf_testing_expect(world, QF_NOT_FOUND, "ops[0].case", OTHER, COMPLETE, "c2", check, 120);
}

static void data_is_checked(void **state)
{
    struct qf_testing_world *world = *state;
    qf_testing_expect(world, QF_OK, "", CLERK, OPEN, "c1");
    unsigned check = qf_permit_task(world, "desk", "c1");
    static const struct {
        const char *data;
        const char *field;
    } cases[] = {
        {"\"area\":\"x\"", "ops[0].data.area"},
        {"\"area\":1000001", "ops[0].data.area"},
        {"\"area\":1,\"other\":1", "ops[0].data.other"},
        {"\"area\":1,\"name\":\"Li\"", "ops[0].data.name"},
        {"\"area\":1,\"how\":\"so\"", "ops[0].data.how"},
        {"\"area\":1,\"note\":\"later\"", "ops[0].data.note"},
        {"\"area\":1,\"received\":\"yesterday\"", "ops[0].data.received"},
        {"\"note\":\"plain\"", "ops[0].data.area"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        qf_testing_expect(world, QF_BAD_FIELD, cases[i].field, CLERK, COMPLETE_WITH, "c1", check,
                          cases[i].data);
    qf_testing_expect(world, QF_OK, "", CLERK, COMPLETE_WITH, "c1", check,
                      "\"area\":1,\"note\":\"plain\",\"received\":\"2026-01-05\"");
}

static void the_full_way_with_a_choice(void **state)
{
    struct qf_testing_world *world = *state;
    qf_testing_expect(world, QF_OK, "", CLERK, OPEN, "c1");
    qf_testing_expect(world, QF_OK, "", CLERK, COMPLETE, "c1", qf_permit_task(world, "desk", "c1"),
                      500);
    unsigned review = qf_permit_task(world, "expert", "c1");
    assert_true(review > 0);
    assert_true(qf_permit_has_key(world, "~due/"));
    qf_testing_expect(world, QF_NOT_ALLOWED, "ops[0]", CLERK, CHOOSE, "c1", review, "f-no");
    qf_testing_expect(world, QF_BAD_FIELD, "ops[0].flows", EXPERT, TASK_OP, "complete", "c1",
                      review);
    qf_testing_expect(world, QF_BAD_FIELD, "ops[0].flows", EXPERT, CHOOSE, "c1", review, "f4");
    qf_testing_expect(world, QF_OK, "", EXPERT, CHOOSE, "c1", review, "f-no");
    qf_permit_status(world, "c1", "done");
    assert_false(qf_permit_has_key(world, "~due/"));
}

static void a_deadline_passes_by_working_days(void **state)
{
    struct qf_testing_world *world = *state;
    /* It is Thursday 2026-01-01 in Beijing; Friday is off, so that the fifth working day is Friday
     * of the week that follows. */
    qf_testing_expect(world, QF_OK, "", A,
                      "[{\"op\":\"consortium.propose\",\"proposal\":\"cal\",\"action\":"
                      "{\"do\":\"calendar.set\",\"year\":2026,\"holidays\":[\"2026-01-02\"],"
                      "\"workdays\":[]}}]");
    qf_permit_vote(world, "cal");
    qf_testing_expect(world, QF_OK, "", CLERK, OPEN, "c1");
    qf_testing_expect(world, QF_OK, "", CLERK, COMPLETE, "c1", qf_permit_task(world, "desk", "c1"),
                      500);
    unsigned review = qf_permit_task(world, "expert", "c1");
    /* The end of Friday the 9th in Beijing. */
    const int64_t end = 1767974400000;
    assert_true(qf_permit_has_key(world, "~due/0001767974400000/c1"));
    world->block.time_ms = end - 1;
    qf_testing_begin(world);
    qf_testing_end(world, false);
    assert_int_equal(qf_permit_task(world, "expert", "c1"), review);
    world->block.time_ms = end;
    /* late: what is due falls due before anything of the block */
    struct qf_receipt receipt = qf_testing_run(world, EXPERT, CHOOSE, "c1", review, "f-no");
    assert_int_equal(receipt.code, QF_NOT_FOUND);
    assert_int_equal(qf_permit_task(world, "expert", "c1"), 0);
    assert_true(qf_permit_task(world, "desk", "c1") > 0);
    const struct qf_json *record = qf_permit_case(world, "c1");
    const struct qf_json *deemed = qf_json_get(record, "deemed");
    assert_non_null(deemed);
    assert_true(qf_json_is_text(qf_json_get(&deemed->items[0], "node"), "review"));
    assert_true(qf_json_is_text(qf_json_get(&deemed->items[0], "as"), "approved"));
    const struct qf_json *variables = qf_json_get(qf_json_get(record, "instance"), "v");
    assert_true(qf_json_is_text(qf_json_get(variables, "how"), "deemed"));
    assert_false(qf_permit_has_key(world, "~due/"));
    qf_testing_expect(world, QF_OK, "", OTHER, TASK_OP, "complete", "c1",
                      qf_permit_task(world, "desk", "c1"));
    qf_permit_status(world, "c1", "done");
}

/* Opens a case, brings it to the review, and lets nine days pass. Returns the review's number. */
static unsigned let_the_review_lie(struct qf_testing_world *world)
{
    qf_testing_expect(world, QF_OK, "", CLERK, OPEN, "c1");
    qf_testing_expect(world, QF_OK, "", CLERK, COMPLETE, "c1", qf_permit_task(world, "desk", "c1"),
                      500);
    unsigned review = qf_permit_task(world, "expert", "c1");
    assert_true(review > 0);
    world->block.time_ms += 9 * DAY;
    qf_testing_begin(world);
    qf_testing_end(world, false);
    return review;
}

static void an_escalated_task_is_on_two_lists(void **state)
{
    struct qf_testing_world *world = *state;
    qf_permit_deploy_variant(
        world, (struct qf_permit_variant){"e", "process.bpmn",
                                          "then=\"approved\" flow=\"f-yes\">\n"
                                          "          <qf:set name=\"how\" value=\"deemed\"/>",
                                          "then=\"escalate\" to=\"desk\">", NULL, NULL});
    unsigned review = let_the_review_lie(world);
    assert_int_equal(qf_permit_task(world, "expert", "c1"), review);
    assert_int_equal(qf_permit_task(world, "desk", "c1"), review);
    qf_testing_expect(world, QF_NOT_ALLOWED, "ops[0]", GUEST, CHOOSE, "c1", review, "f-yes");
    qf_testing_expect(world, QF_OK, "", OTHER, CHOOSE, "c1", review, "f-yes");
    assert_int_equal(qf_permit_task(world, "expert", "c1"), 0);
    assert_true(qf_permit_task(world, "desk", "c1") > review);
    assert_null(qf_json_get(qf_permit_case(world, "c1"), "deemed"));
}

/* What falls due leads to a decision that no rule answers: the case stands still and says why. */
static void a_timer_that_cannot_fire_halts_its_case(void **state)
{
    struct qf_testing_world *world = *state;
    qf_permit_deploy_variant(
        world,
        (struct qf_permit_variant){"h", "process.bpmn", "<qf:set name=\"how\" value=\"deemed\"/>",
                                   "<qf:set name=\"area\" value=\"-5\"/>",
                                   "sourceRef=\"verdict\" targetRef=\"sign\"",
                                   "sourceRef=\"verdict\" targetRef=\"route\""});
    unsigned review = let_the_review_lie(world);
    const struct qf_json *problem = qf_json_get(qf_permit_case(world, "c1"), "problem");
    assert_non_null(problem);
    assert_true(qf_json_is_text(qf_json_get(problem, "code"), "rule-error"));
    qf_permit_status(world, "c1", "running");
    assert_int_equal(qf_permit_task(world, "expert", "c1"), review);
    /* It is tried again, after longer and longer. */
    static const int64_t days[] = {1, 1, 2, 4, 8, 16, 30, 30};
    int64_t since_ms = qf_record_int(problem, "since"), then_ms = since_ms;
    for (size_t i = 0; i < sizeof days / sizeof days[0]; i++) {
        then_ms += days[i] * DAY;
        problem = qf_json_get(qf_permit_case(world, "c1"), "problem");
        assert_int_equal(qf_record_int(problem, "since"), since_ms);
        assert_int_equal(qf_record_int(problem, "again"), then_ms);
        assert_int_equal(qf_record_int(qf_permit_case(world, "c1"), "timer"), then_ms);
        world->block.time_ms = then_ms;
        qf_testing_begin(world);
        qf_testing_end(world, false);
    }
    qf_testing_expect(world, QF_OK, "", EXPERT, CHOOSE, "c1", review, "f-no");
    qf_permit_status(world, "c1", "done");
    assert_null(qf_json_get(qf_permit_case(world, "c1"), "problem"));
}

static void a_message_is_waited_for(void **state)
{
    struct qf_testing_world *world = *state;
#define MESSAGE "[{\"op\":\"service.case.message\",\"case\":\"c1\",\"name\":\"%s\"}]"
    qf_testing_expect(world, QF_OK, "", CLERK, OPEN, "c1");
    qf_testing_expect(world, QF_WRONG_STATE, "ops[0].message", EXPERT, MESSAGE, "more-papers");
    qf_testing_expect(world, QF_OK, "", CLERK, COMPLETE, "c1", qf_permit_task(world, "desk", "c1"),
                      9000);
    assert_int_equal(qf_permit_task(world, "desk", "c1"), 0);
    qf_testing_expect(world, QF_NOT_ALLOWED, "ops[0]", GUEST, MESSAGE, "more-papers");
    qf_testing_expect(world, QF_OK, "", EXPERT, MESSAGE, "more-papers");
    assert_true(qf_permit_task(world, "desk", "c1") > 0);
}

static void a_withdrawn_case_stays_so(void **state)
{
    struct qf_testing_world *world = *state;
    qf_testing_expect(world, QF_OK, "", CLERK, OPEN, "c1");
    qf_testing_expect(world, QF_OK, "", CLERK, COMPLETE, "c1", qf_permit_task(world, "desk", "c1"),
                      500);
    unsigned review = qf_permit_task(world, "expert", "c1");
    qf_testing_expect(world, QF_NOT_ALLOWED, "ops[0]", EXPERT, WITHDRAW, "c1");
    qf_testing_expect(world, QF_OK, "", OTHER, WITHDRAW, "c1");
    qf_permit_status(world, "c1", "withdrawn");
    assert_false(qf_permit_has_key(world, "~task/"));
    assert_false(qf_permit_has_key(world, "~due/"));
    qf_testing_expect(world, QF_WRONG_STATE, "ops[0].case", EXPERT, CHOOSE, "c1", review, "f-no");
    qf_testing_expect(world, QF_WRONG_STATE, "ops[0].case", CLERK, WITHDRAW, "c1");
    qf_testing_expect(world, QF_EXISTS, "ops[0].case", CLERK, OPEN, "c1");
}

static void rules_that_fail_are_refused(void **state)
{
    struct qf_testing_world *world = *state;
    qf_testing_expect(world, QF_OK, "", CLERK, OPEN, "c1");
    unsigned check = qf_permit_task(world, "desk", "c1");
    struct qf_receipt receipt =
        qf_testing_run(world, CLERK, COMPLETE_WITH, "c1", check, "\"area\":1,\"work\":1000000");
    assert_int_equal(receipt.code, QF_BUDGET);
    assert_non_null(strstr(receipt.problem.detail, "Route"));
    receipt = qf_testing_run(world, CLERK, COMPLETE, "c1", check, -1);
    assert_int_equal(receipt.code, QF_RULE_ERROR);
    assert_int_equal(qf_permit_task(world, "desk", "c1"), check);
}

/* In one block: what runs away is stopped with its name, and who comes after it is served. */
static void the_block_goes_on(void **state)
{
    struct qf_testing_world *world = *state;
    qf_testing_expect(world, QF_OK, "", CLERK, OPEN, "c1");
    qf_testing_expect(world, QF_OK, "", CLERK, OPEN, "c2");
    const int64_t exp = world->block.time_ms / 1000 + 600;
    const struct qf_json *ops[] = {
        qf_testing_json(world, COMPLETE_WITH, "c1", qf_permit_task(world, "desk", "c1"),
                        "\"area\":1,\"work\":1000000"),
        qf_testing_json(world, COMPLETE, "c2", qf_permit_task(world, "desk", "c2"), 1),
        qf_testing_json(world, OPEN, "c3")};
    struct qf_receipt receipt;
    qf_testing_begin(world);
    qf_testing_apply(world, qf_testing_sign(world, CLERK, exp, ops[0]), QF_TX_GOOD, &receipt);
    assert_int_equal(receipt.code, QF_BUDGET);
    assert_non_null(strstr(receipt.problem.detail, "decision Route"));
    for (size_t i = 1; i < 3; i++) {
        qf_testing_apply(world, qf_testing_sign(world, CLERK, exp, ops[i]), QF_TX_GOOD, &receipt);
        assert_int_equal(receipt.code, QF_OK);
    }
    qf_testing_end(world, false);
    assert_true(qf_permit_task(world, "desk", "c1") > 0);
    assert_true(qf_permit_task(world, "desk", "c3") > 0);
}

/* Every evaluation that runs over its own budget takes 100,000 of the block's 2,000,000 steps. */
static void a_block_has_a_budget(void **state)
{
    struct qf_testing_world *world = *state;
    qf_testing_expect(world, QF_OK, "", CLERK, OPEN, "c1");
    unsigned check = qf_permit_task(world, "desk", "c1");
    const int64_t exp = world->block.time_ms / 1000 + 600;
    const struct qf_json *hard =
        qf_testing_json(world, COMPLETE_WITH, "c1", check, "\"area\":1,\"work\":1000000");
    const struct qf_json *easy = qf_testing_json(world, COMPLETE, "c1", check, 1);
    struct qf_receipt receipt;
    qf_testing_begin(world);
    for (size_t i = 0; i < 30; i++) {
        qf_testing_apply(world, qf_testing_sign(world, CLERK, exp, hard), QF_TX_GOOD, &receipt);
        assert_int_equal(receipt.code, QF_BUDGET);
    }
    qf_testing_apply(world, qf_testing_sign(world, CLERK, exp, easy), QF_TX_GOOD, &receipt);
    assert_int_equal(receipt.code, QF_BUDGET);
    /* A refused transaction that is turned away leaves no trace, nor in the budget. */
    qf_testing_end(world, false);
    qf_testing_begin(world);
    for (size_t i = 0; i < 30; i++) {
        qf_testing_apply(world, qf_testing_sign(world, CLERK, exp, hard), QF_TX_GOOD, &receipt);
        assert_int_equal(receipt.code, QF_BUDGET);
        qf_kernel_retract(world->kernel);
    }
    qf_testing_apply(world, qf_testing_sign(world, CLERK, exp, easy), QF_TX_GOOD, &receipt);
    assert_int_equal(receipt.code, QF_OK);
    qf_testing_end(world, false);
}

/* Values nested as deep as a transaction allows can be stored and read again, or are refused. */
static void deep_values(void **state)
{
    struct qf_testing_world *world = *state;
    qf_testing_expect(world, QF_OK, "", CLERK, OPEN, "c1");
    unsigned check = qf_permit_task(world, "desk", "c1");
    qf_testing_expect(world, QF_OK, "", CLERK, COMPLETE, "c1", check, 9000);
    for (int depth = 20; depth <= 28; depth++) {
        char value[128] = {0};
        memset(value, '[', (size_t)depth);
        memset(value + depth, ']', (size_t)depth);
        char id[8];
        snprintf(id, sizeof id, "d%d", depth);
        struct qf_receipt receipt =
            qf_testing_run(world, CLERK,
                           "[{\"op\":\"service.case.open\",\"service\":\"permit\",\"case\":\"%s\","
                           "\"data\":{\"list\":%s}}]",
                           id, value);
        assert_true(receipt.code == QF_OK || receipt.code == QF_OVER_LIMIT);
        if (receipt.code == QF_OK)
            qf_testing_expect(world, QF_OK, "", CLERK, COMPLETE, id, 1, 120);
    }
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    qf_permit_read_from(argv[1]);
#define WITH_SERVICE(test)                                                                         \
    cmocka_unit_test_setup_teardown(test, qf_permit_setup_deployed, qf_permit_teardown)
    const struct CMUnitTest tests[] = {
        WITH_SERVICE(the_simple_way),
        WITH_SERVICE(what_can_be_asked),
        WITH_SERVICE(only_who_plays_the_role),
        WITH_SERVICE(data_is_checked),
        WITH_SERVICE(the_full_way_with_a_choice),
        WITH_SERVICE(a_deadline_passes_by_working_days),
        WITH_SERVICE(an_escalated_task_is_on_two_lists),
        WITH_SERVICE(a_timer_that_cannot_fire_halts_its_case),
        WITH_SERVICE(a_message_is_waited_for),
        WITH_SERVICE(a_withdrawn_case_stays_so),
        WITH_SERVICE(rules_that_fail_are_refused),
        WITH_SERVICE(the_block_goes_on),
        WITH_SERVICE(a_block_has_a_budget),
        WITH_SERVICE(deep_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
