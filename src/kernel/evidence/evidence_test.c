#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "kernel/testing.h"

#define HEX "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define HASH "\"hash\":\"sha-256:" HEX "\""

static bool has_term(const struct qf_receipt *receipt, const struct qf_kernel_term *term)
{
    for (size_t i = 0; i < receipt->term_count; i++)
        if (memcmp(&receipt->terms[i], term, sizeof *term) == 0)
            return true;
    return false;
}

static void everything_about_a_record_can_be_found(void **state)
{
    struct qf_testing_world *world = *state;
    struct qf_receipt receipt = qf_testing_run(
        world, 0,
        "[{\"op\":\"evidence.record\",\"id\":\"r\"," HASH ",\"media_type\":\"text/xml\","
        "\"size\":17,\"source\":\"desk 4\",\"attributes\":{\"case\":\"c-1\",\"year\":2026}}]");
    assert_int_equal(receipt.code, QF_OK);
    assert_int_equal(receipt.term_count, 6);
    struct qf_kernel_term term;
    assert_true(qf_kernel_term_hash(&term, qf_slice_of("sha-256:" HEX)));
    assert_true(has_term(&receipt, &term));
    qf_kernel_term_text(&term, QF_TERM_EVIDENCE_SOURCE, qf_slice_of("desk 4"));
    assert_true(has_term(&receipt, &term));
    qf_kernel_term_attribute(&term, qf_slice_of("case"), qf_slice_of("c-1"));
    assert_true(has_term(&receipt, &term));
    qf_kernel_term_attribute(&term, qf_slice_of("year"), qf_slice_of("2026"));
    assert_true(has_term(&receipt, &term));
    qf_kernel_term_actor(&term, qf_slice_of("a"), qf_slice_of("root"));
    assert_true(has_term(&receipt, &term));
    qf_kernel_term_text(&term, QF_TERM_MEMBER, qf_slice_of("a"));
    assert_true(has_term(&receipt, &term));
}

static void terms_do_not_depend_on_how_long_the_parts_are(void **state)
{
    (void)state;
    char value[600];
    memset(value, 'v', sizeof value);
    struct qf_kernel_term a, b;
    uint8_t joined[sizeof value + 2] = "n";
    memcpy(joined + 2, value, sizeof value);
    qf_kernel_term_attribute(&a, qf_slice_of("n"), qf_slice_make(value, sizeof value));
    qf_kernel_term_text(&b, QF_TERM_EVIDENCE_ATTR, qf_slice_make(joined, sizeof joined));
    assert_memory_equal(&a, &b, sizeof a);
    static const char *const bad[] = {
        "", "sha-256", "sha-256:", "sha-256:00", "x:" HEX, "sha-256:" HEX "00"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(qf_kernel_term_hash(&a, qf_slice_of(bad[i])));
}

static void an_id_is_used_once(void **state)
{
    struct qf_testing_world *world = *state;
    qf_testing_expect(world, QF_OK, "", 0, "[{\"op\":\"evidence.record\",\"id\":\"r\"," HASH "}]");
    qf_testing_expect(world, QF_EXISTS, "ops[0].id", 1,
                      "[{\"op\":\"evidence.record\",\"id\":\"r\"," HASH "}]");
    qf_testing_expect(world, QF_EXISTS, "ops[0].id", 0,
                      "[{\"op\":\"evidence.record_batch\",\"id\":\"r\",\"root\":\"sha-256:" HEX
                      "\",\"count\":10000}]");
    qf_testing_expect(world, QF_OK, "", 0,
                      "[{\"op\":\"evidence.record_batch\",\"id\":\"s\",\"root\":\"sha-256:" HEX
                      "\",\"count\":10000}]");
}

static void superseding_links_both_ways(void **state)
{
    struct qf_testing_world *world = *state;
    qf_testing_expect(world, QF_OK, "", 0, "[{\"op\":\"evidence.record\",\"id\":\"r1\"," HASH "}]");
    qf_testing_expect(world, QF_NOT_FOUND, "ops[0].replaces", 0,
                      "[{\"op\":\"evidence.supersede\",\"id\":\"r2\",\"replaces\":\"r9\"," HASH
                      "}]");
    qf_testing_expect(world, QF_NOT_ALLOWED, "ops[0]", 1,
                      "[{\"op\":\"evidence.supersede\",\"id\":\"r2\",\"replaces\":\"r1\"," HASH
                      "}]");
    qf_testing_expect(world, QF_EXISTS, "ops[0].id", 0,
                      "[{\"op\":\"evidence.supersede\",\"id\":\"r1\",\"replaces\":\"r1\"," HASH
                      "}]");
    qf_testing_expect(world, QF_OK, "", 0,
                      "[{\"op\":\"evidence.supersede\",\"id\":\"r2\",\"replaces\":\"r1\"," HASH
                      ",\"reason\":\"blurred\"}]");
    qf_testing_expect(world, QF_WRONG_STATE, "ops[0].replaces", 0,
                      "[{\"op\":\"evidence.supersede\",\"id\":\"r3\",\"replaces\":\"r1\"," HASH
                      "}]");
    struct qf_state_reader reader = qf_testing_reader(world);
    struct qf_json record;
    assert_true(qf_query_evidence(&reader, &world->arena, &record, qf_slice_of("r1")));
    assert_true(qf_json_is_text(qf_json_get(&record, "status"), "superseded"));
    assert_true(qf_json_is_text(qf_json_get(&record, "superseded_by"), "r2"));
    assert_true(qf_query_evidence(&reader, &world->arena, &record, qf_slice_of("r2")));
    assert_true(qf_json_is_text(qf_json_get(&record, "status"), "recorded"));
    assert_true(qf_json_is_text(qf_json_get(&record, "member"), "a"));
    assert_int_equal(qf_json_get(&record, "leaf")->integer, 4);
    assert_false(qf_query_evidence(&reader, &world->arena, &record, qf_slice_of("r3")));
}

static void state_records_stay_small(void **state)
{
    struct qf_testing_world *world = *state;
    world->block.first_leaf = (uint64_t)1 << 40;
    qf_testing_expect(world, QF_OK, "", 0,
                      "[{\"op\":\"evidence.record\",\"id\":\"r\"," HASH "},"
                      "{\"op\":\"evidence.record\",\"id\":\"s\"," HASH "}]");
    assert_string_equal(qf_testing_value(world, "evidence/record/s"),
                        "{\"leaf\":1099511627776,\"member\":\"a\",\"op\":1}");
}

#define T(name) cmocka_unit_test_setup_teardown(name, qf_testing_setup, qf_testing_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(everything_about_a_record_can_be_found),
        T(terms_do_not_depend_on_how_long_the_parts_are),
        T(an_id_is_used_once),
        T(superseding_links_both_ways),
        T(state_records_stay_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
