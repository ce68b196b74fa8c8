/* What is kept beside the records must follow from them: look-ups, and the compiled models. */
#include <stdio.h>
#include <stdlib.h>

#include "kernel/service/permit_testing.h"

/* A kernel that keeps its compiled models and one that has just begun give the same state. */
static void the_cache_is_pure(void **state)
{
    struct qf_testing_world *world = *state;
    struct qf_testing_world *twin = qf_testing_twin(world);
    static const struct {
        unsigned signer;
        int64_t after_ms;
        const char *ops;
    } steps[] = {
        {CLERK, 0, "{\"op\":\"service.case.open\",\"service\":\"permit\",\"case\":\"x\"}"},
        {CLERK, 5,
         "{\"op\":\"service.task.complete\",\"case\":\"x\",\"task\":1,"
         "\"data\":{\"area\":400}}"},
        {CLERK, 9,
         "{\"op\":\"service.case.open\",\"service\":\"permit\",\"case\":\"y\"},"
         "{\"op\":\"service.task.complete\",\"case\":\"y\",\"task\":1,"
         "\"data\":{\"area\":400}}"},
        {EXPERT, 7, "{\"op\":\"service.task.claim\",\"case\":\"y\",\"task\":2}"},
        {OTHER, 9 * DAY, "{\"op\":\"service.case.open\",\"service\":\"permit\",\"case\":\"z\"}"},
        {OTHER, 1, "{\"op\":\"service.case.withdraw\",\"case\":\"z\"}"},
    };
    /* The twin takes over the state as it is. */
    struct qf_kernel *kernel = twin->kernel;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        world->block.time_ms += steps[i].after_ms;
        struct qf_slice jws =
            qf_testing_sign(world, steps[i].signer, world->block.time_ms / 1000 + 600,
                            qf_testing_json(world, "[%s]", steps[i].ops));
        struct qf_state_reader reader = qf_testing_reader(world);
        struct qf_signature_checker checker = {0};
        twin->kernel = qf_kernel_new(&reader, &checker);
        struct qf_tx tx;
        struct qf_receipt here, there;
        assert_int_equal(qf_tx_decode(&world->arena, &tx, jws, &world->rules, NULL), QF_OK);
        tx.signature = QF_TX_GOOD;
        const struct qf_kernel_change *changes, *expected;
        size_t count, expected_count;
        qf_kernel_begin(twin->kernel, &world->block);
        qf_kernel_apply(twin->kernel, &tx, &there);
        qf_kernel_end(twin->kernel, &changes, &count);
        qf_testing_begin(world);
        qf_testing_apply(world, jws, QF_TX_GOOD, &here);
        assert_int_equal(here.code, QF_OK);
        assert_int_equal(there.code, QF_OK);
        qf_kernel_end(world->kernel, &expected, &expected_count);
        assert_int_equal(count, expected_count);
        for (size_t k = 0; k < count; k++) {
            assert_true(qf_slice_equal(changes[k].key, expected[k].key));
            assert_true(qf_slice_equal(changes[k].value, expected[k].value));
        }
        qf_kernel_free(twin->kernel);
        qf_testing_end(world, false);
    }
    assert_non_null(qf_json_get(qf_permit_case(world, "x"), "deemed"));
    assert_non_null(qf_json_get(qf_permit_case(world, "y"), "deemed"));
    twin->kernel = kernel;
    qf_testing_free(twin);
}

/* ---- look-ups ---- */

/* What must be kept beside the cases: made here from the records alone. */
struct follow {
    struct qf_testing_world *world;
    size_t count; /* of entries that must be there */
};

static void expect_entry(struct follow *follow, const struct qf_state_key *key,
                         struct qf_slice value)
{
    struct qf_slice wanted = qf_state_key_slice(key);
    for (size_t i = 0; i < follow->world->state.count; i++) {
        const struct qf_memory_record *record = &follow->world->state.records[i];
        if (!qf_slice_equal(record->key, wanted))
            continue;
        assert_true(record->lookup && record->listed);
        assert_true(qf_slice_equal(record->value, value));
        follow->count++;
        return;
    }
    fail_msg("%.*s is missing", QF_SLICE_ARGS(wanted));
}

static void expect_task(struct follow *follow, const struct qf_task_lookup *task,
                        enum qf_task_list list)
{
    struct qf_buf value = {0};
    struct qf_state_key key;
    qf_lookup_task_key(&key, list, task);
    qf_lookup_task_value(&value, task);
    expect_entry(follow, &key, qf_buf_slice(&value));
    qf_buf_deinit(&value);
}

static void expect_tasks(struct follow *follow, const struct qf_service_model *model,
                         const struct qf_bpmn_instance *instance, struct qf_slice id)
{
    for (uint32_t i = 0; i < instance->wait_count; i++) {
        const struct qf_bpmn_wait *wait = &instance->waits[i];
        const struct qf_bpmn_node *node = &model->bpmn.nodes[wait->node];
        if (!qf_bpmn_is_human(node))
            continue;
        struct qf_task_lookup task = {.role = qf_bpmn_role(&model->bpmn, node),
                                      .service = model->id,
                                      .case_id = id,
                                      .holder = wait->holder,
                                      .node = node->id,
                                      .name = node->name,
                                      .task = wait->id,
                                      .escalated = wait->escalated,
                                      .due_ms = INT64_MAX,
                                      .opened_ms = wait->opened_ms};
        for (uint32_t t = 0; t < instance->timer_count; t++)
            if (instance->timers[t].owner == wait->id && instance->timers[t].node == wait->node)
                task.due_ms = instance->timers[t].due_ms;
        expect_task(follow, &task, QF_TASKS_BY_ROLE);
        expect_task(follow, &task, QF_TASKS_BY_SERVICE);
        if (task.holder.size > 0)
            expect_task(follow, &task, QF_TASKS_BY_HOLDER);
    }
}

static void expect_case(struct follow *follow, const struct qf_service_model *model,
                        struct qf_slice id, struct qf_slice text)
{
    struct qf_arena arena = {0};
    struct qf_json record;
    struct qf_bpmn_instance instance;
    struct qf_state_key key;
    assert_int_equal(qf_json_parse(&arena, &record, text, QF_JSON_CANONICAL, NULL), QF_OK);
    assert_int_equal(
        qf_bpmn_read(&arena, &instance, &model->bpmn, qf_json_get(&record, "instance"), NULL),
        QF_OK);
    expect_tasks(follow, model, &instance, id);
    const struct qf_json *timer = qf_json_get(&record, "timer");
    if (timer != NULL) {
        qf_lookup_due_key(&key, timer->integer, id);
        expect_entry(follow, &key, qf_slice_of(""));
    }
    qf_lookup_case_key(&key, model->id, qf_record_text(&record, "status"),
                       (uint64_t)qf_record_int(&record, "leaf"), id);
    expect_entry(follow, &key, qf_slice_of(""));
    qf_arena_deinit(&arena);
}

static void assert_lists_follow(struct qf_testing_world *world,
                                const struct qf_service_model *model)
{
    static const char prefix[] = "service/case/";
    struct follow follow = {.world = world};
    size_t there = 0;
    for (size_t i = 0; i < world->state.count; i++) {
        const struct qf_memory_record *record = &world->state.records[i];
        assert_int_equal(record->key.data[0] == '~', record->lookup);
        bool effect = record->key.size > 8 && memcmp(record->key.data, QF_LOOKUP_EFFECT, 8) == 0;
        there += record->lookup && !effect;
        if (record->key.size >= sizeof prefix && memcmp(record->key.data, prefix, 13) == 0)
            expect_case(&follow, model, qf_slice_make(record->key.data + 13, record->key.size - 13),
                        record->value);
    }
    assert_int_equal(there, follow.count);
}

/* Ops that make sense now and then; what comes of each is not looked at. */
static void do_something(struct qf_testing_world *world, uint32_t random)
{
    static const unsigned who[] = {CLERK, OTHER, EXPERT};
    char id[8];
    snprintf(id, sizeof id, "c%u", random / 64 % 12);
    unsigned key = who[random / 8 % 3];
    unsigned task = qf_testing_task(world, random % 2 == 0 ? "desk" : "expert", id);
    switch (random % 8) {
    case 0:
        (void)qf_testing_run(world, CLERK, OPEN, id);
        break;
    case 1:
        (void)qf_testing_run(world, key, TASK_OP, "claim", id, task > 0 ? task : 1);
        break;
    case 2:
        (void)qf_testing_run(world, key, TASK_OP, "release", id, task > 0 ? task : 1);
        break;
    case 3:
        (void)qf_testing_run(world, key, CHOOSE, id, task > 0 ? task : 1,
                             random / 2048 % 2 == 0 ? "f-no" : "f-yes");
        break;
    case 4:
        (void)qf_testing_run(world, key, TASK_OP, "complete", id, task > 0 ? task : 1);
        break;
    case 5:
        (void)qf_testing_run(world, key, COMPLETE, id, task > 0 ? task : 1,
                             random / 2048 % 2 == 0 ? 500 : 20);
        break;
    case 6:
        (void)qf_testing_run(world, random / 512 % 8 == 0 ? CLERK : GUEST, WITHDRAW, id);
        break;
    default:
        world->block.time_ms += (int64_t)(random / 512 % 30) * (DAY / 10);
        qf_testing_begin(world);
        qf_testing_end(world, random / 32 % 2 == 0);
    }
}

static void look_ups_follow_from_the_records(void **state)
{
    struct qf_testing_world *world = *state;
    struct qf_service_model *model;
    struct qf_slice package = qf_permit_package(world, (struct qf_permit_variant){.version = "1"});
    assert_int_equal(qf_service_compile(&model, package, qf_slice_of("x"), NULL), QF_OK);
    uint32_t random = 12345;
    size_t most = 0;
    for (int round = 0; round < 3000; round++) {
        random = random * 1664525u + 1013904223u;
        do_something(world, random >> 8);
        most = world->state.count > most ? world->state.count : most;
        if (round % 8 == 0)
            assert_lists_follow(world, model);
    }
    assert_lists_follow(world, model);
    assert_true(most > 40);
    qf_service_free(model);
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    qf_permit_read_from(argv[1]);
#define WITH_SERVICE(test)                                                                         \
    cmocka_unit_test_setup_teardown(test, qf_permit_setup_deployed, qf_permit_teardown)
    const struct CMUnitTest tests[] = {
        WITH_SERVICE(the_cache_is_pure),
        WITH_SERVICE(look_ups_follow_from_the_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
