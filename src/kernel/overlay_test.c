/* The overlay against a plain list: random puts, removals, marks and rollbacks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "kernel/overlay.h"

#define KEYS 60 /* of them the first third is committed */
#define MARKS 20

struct model {
    bool committed[KEYS];
    int value[KEYS]; /* -1: absent */
    bool changed[KEYS];
};

static struct qf_slice key_of(int i)
{
    static char text[KEYS][16];
    snprintf(text[i], sizeof text[i], "%c/%03d", i % 2 == 0 ? 'a' : 'b', i);
    return qf_slice_of(text[i]);
}

static struct qf_slice value_of(int value)
{
    static char text[16];
    snprintf(text, sizeof text, "%d", value);
    return qf_slice_of(text);
}

static int number_of(struct qf_slice key)
{
    assert_int_equal(key.size, 5);
    return (key.data[2] - '0') * 100 + (key.data[3] - '0') * 10 + (key.data[4] - '0');
}

static bool committed_get(void *self, struct qf_slice key, struct qf_slice *value)
{
    (void)self;
    if (number_of(key) >= KEYS / 3)
        return false;
    *value = qf_slice_of("committed");
    return true;
}

static void committed_list(void *self, struct qf_slice prefix, struct qf_slice after,
                           qf_state_each *each, void *arg)
{
    (void)self;
    (void)after;
    for (int i = 0; i < KEYS / 3; i++)
        if (key_of(i).data[0] == prefix.data[0] &&
            !each(arg, key_of(i), (struct qf_slice){NULL, 0}))
            return;
}

static const struct qf_state_reader reader = {.get = committed_get, .list = committed_list};

static uint32_t next(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static void expect_same(struct qf_overlay *overlay, const struct model *model)
{
    size_t present[2] = {0, 0}, changed = 0;
    for (int i = 0; i < KEYS; i++) {
        struct qf_slice value;
        bool there = qf_overlay_get(overlay, key_of(i), &value);
        bool want = model->changed[i] ? model->value[i] >= 0 : i < KEYS / 3;
        assert_int_equal(there, want);
        if (there && model->changed[i])
            assert_true(qf_slice_equal(value, value_of(model->value[i])));
        present[i % 2] += want;
        changed += model->changed[i] && (model->value[i] >= 0 || i < KEYS / 3);
    }
    for (int half = 0; half < 2; half++) {
        const struct qf_slice *keys;
        size_t count =
            qf_overlay_list(overlay, overlay->arena, qf_slice_of(half == 0 ? "a/" : "b/"), &keys);
        assert_int_equal(count, present[half]);
        for (size_t i = 1; i < count; i++)
            assert_true(qf_slice_compare(keys[i - 1], keys[i]) < 0);
    }
    const struct qf_kernel_change *changes;
    size_t count = qf_overlay_changes(overlay, &changes);
    assert_int_equal(count, changed);
    for (size_t i = 0; i < count; i++) {
        int number = number_of(changes[i].key);
        assert_true(model->changed[number]);
        assert_int_equal(changes[i].value.data != NULL, model->value[number] >= 0);
        if (i > 0)
            assert_true(qf_slice_compare(changes[i - 1].key, changes[i].key) < 0);
    }
}

static void random_steps_agree_with_a_list(void **state)
{
    (void)state;
    struct qf_arena arena = {0};
    struct qf_overlay overlay;
    qf_overlay_init(&overlay, &reader, &arena);
    static struct model marks[MARKS];
    for (uint32_t seed = 1; seed <= 40; seed++) {
        qf_arena_reset(&arena);
        qf_overlay_begin(&overlay, seed, 7);
        struct model model = {0};
        size_t depth = 0;
        size_t places[MARKS];
        uint32_t random = seed;
        for (int step = 0; step < 400; step++) {
            int key = (int)(next(&random) % KEYS);
            switch (next(&random) % 8) {
            case 0:
                if (depth < MARKS) {
                    marks[depth] = model;
                    places[depth++] = qf_overlay_mark(&overlay);
                }
                break;
            case 1:
                if (depth > 0) {
                    depth = next(&random) % depth;
                    qf_overlay_rollback(&overlay, places[depth]);
                    model = marks[depth];
                }
                break;
            case 2:
                if (next(&random) % 8 == 0) {
                    qf_overlay_accept(&overlay);
                    depth = 0;
                }
                break;
            case 3:
                qf_overlay_remove(&overlay, key_of(key), true);
                model.changed[key] = true;
                model.value[key] = -1;
                break;
            default:
                qf_overlay_put(&overlay, key_of(key), value_of(step), true);
                model.changed[key] = true;
                model.value[key] = step;
            }
            if (step % 20 == 0)
                expect_same(&overlay, &model);
        }
        expect_same(&overlay, &model);
    }
    qf_overlay_deinit(&overlay);
    qf_arena_deinit(&arena);
}

static bool nothing_get(void *self, struct qf_slice key, struct qf_slice *value)
{
    (void)self;
    (void)key;
    (void)value;
    return false;
}

static void tables_grow_and_shrink_back(void **state)
{
    (void)state;
    static const struct qf_state_reader nothing = {.get = nothing_get, .list = committed_list};
    struct qf_arena arena = {0};
    struct qf_overlay overlay;
    qf_overlay_init(&overlay, &nothing, &arena);
    for (int round = 0; round < 2; round++) {
        qf_overlay_begin(&overlay, 1, 2);
        char key[32];
        size_t mark = 0;
        for (int i = 0; i < 100000; i++) {
            if (i == 1000)
                mark = qf_overlay_mark(&overlay);
            snprintf(key, sizeof key, "k/%d", i);
            qf_overlay_put(&overlay, qf_slice_of(key), qf_slice_of(key), false);
        }
        struct qf_slice value;
        assert_true(qf_overlay_get(&overlay, qf_slice_of("k/99999"), &value));
        assert_true(qf_slice_is(value, "k/99999"));
        qf_overlay_rollback(&overlay, mark);
        for (int i = 0; i < 100000; i += 250) {
            snprintf(key, sizeof key, "k/%d", i);
            assert_int_equal(qf_overlay_get(&overlay, qf_slice_of(key), &value), i < 1000);
        }
        const struct qf_kernel_change *changes;
        assert_int_equal(qf_overlay_changes(&overlay, &changes), 1000);
    }
    qf_overlay_begin(&overlay, 1, 2);
    for (size_t i = 0; i < overlay.slot_count; i++)
        assert_int_equal(overlay.slots[i], 0);
    qf_overlay_deinit(&overlay);
    qf_arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_steps_agree_with_a_list),
        cmocka_unit_test(tables_grow_and_shrink_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
