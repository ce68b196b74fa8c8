/* Blocks: admission, atomicity, caches, receipts. The ops have tests of their own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "kernel/testing.h"

#define RECORD(id)                                                                                 \
    "{\"op\":\"evidence.record\",\"id\":\"" id "\",\"hash\":\"sha-256:"                            \
    "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\"}"

static void expect(const struct qf_receipt *receipt, enum qf_status code, const char *field)
{
    if (receipt->code != code || (code != QF_OK && strcmp(receipt->problem.field, field) != 0))
        fail_msg("want %s at \"%s\", got %s at \"%s\" (%s)", qf_status_name(code), field,
                 qf_status_name(receipt->code), receipt->problem.field, receipt->problem.detail);
}

static struct qf_receipt apply_one(struct qf_testing_world *world, struct qf_slice jws,
                                   enum qf_tx_signature signature)
{
    struct qf_receipt receipt;
    qf_testing_begin(world);
    qf_testing_apply(world, jws, signature, &receipt);
    qf_testing_end(world, false);
    return receipt;
}

static int64_t soon(const struct qf_testing_world *world)
{
    return world->block.time_ms / 1000 + 600;
}

static struct qf_slice sign_record(struct qf_testing_world *world, unsigned signer, int64_t exp_s)
{
    return qf_testing_sign(world, signer, exp_s, qf_testing_json(world, "[" RECORD("x") "]"));
}

static void accepted_transaction_gives_receipt_terms_and_events(void **state)
{
    struct qf_testing_world *world = *state;
    struct qf_receipt receipt;
    qf_testing_begin(world);
    qf_testing_apply(world, sign_record(world, 0, soon(world)), QF_TX_GOOD, &receipt);
    expect(&receipt, QF_OK, "");
    assert_true(receipt.id_taken);
    assert_true(qf_slice_is(receipt.actor, "root"));
    assert_true(qf_slice_is(receipt.member, "a"));
    struct qf_kernel_term want[3];
    qf_kernel_term_actor(&want[0], qf_slice_of("a"), qf_slice_of("root"));
    qf_kernel_term_text(&want[1], QF_TERM_MEMBER, qf_slice_of("a"));
    assert_true(qf_kernel_term_hash(&want[2], qf_slice_of("sha-256:00112233445566778899aabbccddeeff"
                                                          "00112233445566778899aabbccddeeff")));
    assert_int_equal(receipt.term_count, 3);
    assert_memory_equal(receipt.terms, want, sizeof want);
    assert_int_equal(receipt.event_count, 1);
    assert_string_equal(receipt.events[0].type, "evidence.recorded");
    assert_true(qf_slice_is(receipt.events[0].key, "evidence/record/x"));
    qf_testing_end(world, false);
    assert_string_equal(qf_testing_value(world, "evidence/record/x"),
                        "{\"leaf\":0,\"member\":\"a\"}");
}

static void expiry_is_judged_by_block_time(void **state)
{
    struct qf_testing_world *world = *state;
    int64_t now = world->block.time_ms / 1000;
    struct qf_receipt receipt = apply_one(world, sign_record(world, 0, now), QF_TX_GOOD);
    expect(&receipt, QF_EXPIRED, "exp");
    assert_false(receipt.id_taken);
    receipt = apply_one(world, sign_record(world, 0, now + 3601), QF_TX_GOOD);
    expect(&receipt, QF_EXPIRY_TOO_FAR, "exp");
    assert_false(receipt.id_taken);
    receipt = apply_one(world, sign_record(world, 0, QF_JSON_INT_MAX), QF_TX_GOOD);
    expect(&receipt, QF_EXPIRY_TOO_FAR, "exp");
    assert_null(qf_testing_value(world, "evidence/record/x"));
    receipt = apply_one(world, sign_record(world, 0, now + 3600), QF_TX_GOOD);
    expect(&receipt, QF_OK, "");
}

static void repeats_name_the_first_leaf(void **state)
{
    struct qf_testing_world *world = *state;
    struct qf_slice jws = sign_record(world, 0, soon(world));
    struct qf_receipt first, again;
    qf_testing_begin(world);
    qf_testing_apply(world, sign_record(world, 4, soon(world)), QF_TX_GOOD, &first);
    expect(&first, QF_UNKNOWN_KEY, "header.kid");
    qf_testing_apply(world, jws, QF_TX_GOOD, &first);
    qf_testing_apply(world, jws, QF_TX_GOOD, &again);
    expect(&first, QF_OK, "");
    expect(&again, QF_DUPLICATE, "");
    assert_int_equal(again.duplicate_of, 1);
    qf_testing_end(world, false);
    again = apply_one(world, jws, QF_TX_GOOD);
    expect(&again, QF_DUPLICATE, "");
    assert_int_equal(again.duplicate_of, 1);
    assert_false(again.id_taken);
}

static void refused_by_a_rule_is_a_repeat_too(void **state)
{
    struct qf_testing_world *world = *state;
    struct qf_slice jws = qf_testing_sign(
        world, 3, soon(world),
        qf_testing_json(world, "[{\"op\":\"identity.role.grant\",\"actor\":\"nobody\","
                               "\"roles\":[\"clerk\"]}]"));
    struct qf_receipt receipt = apply_one(world, jws, QF_TX_GOOD);
    expect(&receipt, QF_NOT_FOUND, "ops[0].actor");
    assert_true(receipt.id_taken);
    assert_int_equal(receipt.term_count, 2);
    assert_int_equal(receipt.event_count, 0);
    receipt = apply_one(world, jws, QF_TX_GOOD);
    expect(&receipt, QF_DUPLICATE, "");
}

static void bad_signature_does_not_use_up_the_id(void **state)
{
    struct qf_testing_world *world = *state;
    struct qf_slice jws = sign_record(world, 0, soon(world));
    struct qf_receipt receipt;
    qf_testing_begin(world);
    qf_testing_apply(world, jws, QF_TX_BAD, &receipt);
    expect(&receipt, QF_BAD_SIGNATURE, "signature");
    assert_false(receipt.id_taken);
    assert_int_equal(receipt.actor.size, 0);
    assert_int_equal(receipt.term_count, 0);
    qf_testing_apply(world, jws, QF_TX_GOOD, &receipt);
    expect(&receipt, QF_OK, "");
    qf_testing_end(world, false);
}

static void unchecked_signatures_are_asked_for(void **state)
{
    struct qf_testing_world *world = *state;
    struct qf_slice jws = sign_record(world, 0, soon(world));
    world->checker_answer = false;
    struct qf_receipt receipt = apply_one(world, jws, QF_TX_UNCHECKED);
    expect(&receipt, QF_BAD_SIGNATURE, "signature");
    assert_int_equal(world->checker_calls, 1);
    world->checker_answer = true;
    receipt = apply_one(world, jws, QF_TX_UNCHECKED);
    expect(&receipt, QF_OK, "");
    assert_int_equal(world->checker_calls, 2);
}

static void key_added_in_a_block_signs_in_it(void **state)
{
    struct qf_testing_world *world = *state;
    struct qf_receipt receipt;
    qf_testing_begin(world);
    const struct qf_json *ops = qf_testing_json(
        world, "[{\"op\":\"identity.key.add\",\"actor\":\"clerk\",\"key\":%s,\"roles\":[\"x\"]}]",
        world->jwk[4]);
    qf_testing_apply(world, qf_testing_sign(world, 0, soon(world), ops), QF_TX_GOOD, &receipt);
    expect(&receipt, QF_OK, "");
    qf_testing_apply(world, sign_record(world, 4, soon(world)), QF_TX_UNCHECKED, &receipt);
    expect(&receipt, QF_OK, "");
    assert_true(qf_slice_is(receipt.actor, "clerk"));
    assert_int_equal(world->checker_calls, 1);
    qf_testing_end(world, true);

    /* The block was dropped: nothing of it may have stayed in a cache. */
    receipt = apply_one(world, sign_record(world, 4, soon(world)), QF_TX_GOOD);
    expect(&receipt, QF_UNKNOWN_KEY, "header.kid");
}

static void revocation_takes_effect_within_the_block(void **state)
{
    struct qf_testing_world *world = *state;
    struct qf_receipt receipt;
    receipt = qf_testing_run(
        world, 0, "[{\"op\":\"identity.key.add\",\"actor\":\"clerk\",\"key\":%s}]", world->jwk[4]);
    expect(&receipt, QF_OK, "");
    qf_testing_begin(world);
    qf_testing_apply(world, sign_record(world, 4, soon(world)), QF_TX_GOOD, &receipt);
    expect(&receipt, QF_OK, "");
    const struct qf_json *ops =
        qf_testing_json(world, "[{\"op\":\"identity.key.revoke\",\"kid\":\"%s\"}]", world->kid[4]);
    qf_testing_apply(world, qf_testing_sign(world, 0, soon(world), ops), QF_TX_GOOD, &receipt);
    expect(&receipt, QF_OK, "");
    qf_testing_apply(world, sign_record(world, 4, soon(world)), QF_TX_GOOD, &receipt);
    expect(&receipt, QF_KEY_REVOKED, "header.kid");
    assert_true(receipt.id_taken);
    qf_testing_end(world, false);
}

static void own_standing_ends_within_the_transaction(void **state)
{
    struct qf_testing_world *world = *state;
    struct qf_receipt receipt;
    receipt = qf_testing_run(
        world, 0, "[{\"op\":\"identity.key.add\",\"actor\":\"clerk\",\"key\":%s}]", world->jwk[4]);
    expect(&receipt, QF_OK, "");
    const char *before = qf_testing_dump(world);
    receipt = qf_testing_run(world, 4,
                             "[{\"op\":\"identity.key.revoke\",\"kid\":\"%s\"}," RECORD("y") "]",
                             world->kid[4]);
    expect(&receipt, QF_KEY_REVOKED, "ops[1].kid");
    assert_string_equal(qf_testing_dump(world), before);
    /* The refusal undid the revocation, in the cache as well. */
    receipt = qf_testing_run(world, 4, "[" RECORD("y") "]");
    expect(&receipt, QF_OK, "");
}

static void ops_happen_together_or_not_at_all(void **state)
{
    struct qf_testing_world *world = *state;
    struct qf_receipt receipt;
    const char *before = qf_testing_dump(world);
    receipt = qf_testing_run(world, 0, "[" RECORD("p") "," RECORD("q") "," RECORD("p") "]");
    expect(&receipt, QF_EXISTS, "ops[2].id");
    assert_int_equal(receipt.event_count, 0);
    assert_int_equal(receipt.term_count, 2);
    assert_string_equal(qf_testing_dump(world), before);
    receipt = qf_testing_run(world, 0, "[" RECORD("p") "," RECORD("q") "]");
    expect(&receipt, QF_OK, "");
    assert_string_equal(qf_testing_value(world, "evidence/record/q"),
                        "{\"leaf\":1,\"member\":\"a\",\"op\":1}");
}

static void algorithm_of_header_must_be_the_keys(void **state)
{
    struct qf_testing_world *world = *state;
    struct qf_slice jws = sign_record(world, 0, soon(world));
    struct qf_tx tx;
    assert_int_equal(qf_tx_decode(&world->arena, &tx, jws, &world->rules, NULL), QF_OK);
    tx.alg = QF_ALG_EDDSA;
    tx.signature = QF_TX_GOOD;
    struct qf_receipt receipt;
    qf_testing_begin(world);
    qf_kernel_apply(world->kernel, &tx, &receipt);
    expect(&receipt, QF_BAD_SIGNATURE, "header.alg");
}

static void check_before_ordering_agrees(void **state)
{
    struct qf_testing_world *world = *state;
    struct qf_state_reader reader = qf_testing_reader(world);
    int64_t now = world->block.time_ms;
    struct qf_public_key key;
    struct qf_error err;
    struct qf_tx tx;
    struct qf_slice jws = sign_record(world, 0, soon(world));
    assert_int_equal(qf_tx_decode(&world->arena, &tx, jws, &world->rules, &err), QF_OK);
    assert_int_equal(qf_kernel_check(&reader, &tx, now, &key, &err), QF_OK);
    char kid[QF_KID_SIZE + 1];
    qf_public_key_kid(kid, &key);
    assert_string_equal(kid, world->kid[0]);
    assert_int_equal(qf_kernel_check(&reader, &tx, now + 3600000, &key, &err), QF_EXPIRED);
    assert_int_equal(qf_kernel_check(&reader, &tx, now - 3600000, &key, &err), QF_EXPIRY_TOO_FAR);
    struct qf_receipt receipt = apply_one(world, jws, QF_TX_GOOD);
    expect(&receipt, QF_OK, "");
    assert_int_equal(qf_kernel_check(&reader, &tx, now, &key, &err), QF_DUPLICATE);
    jws = sign_record(world, 4, soon(world));
    assert_int_equal(qf_tx_decode(&world->arena, &tx, jws, &world->rules, &err), QF_OK);
    assert_int_equal(qf_kernel_check(&reader, &tx, now, &key, &err), QF_UNKNOWN_KEY);
    assert_string_equal(err.field, "header.kid");
}

static void refused_can_be_taken_back(void **state)
{
    struct qf_testing_world *world = *state;
    const struct qf_json *bad =
        qf_testing_json(world, "[{\"op\":\"identity.mandate.revoke\",\"mandate\":\"none\"}]");
    struct qf_slice jws = qf_testing_sign(world, 0, soon(world), bad);
    struct qf_receipt receipt;
    qf_testing_begin(world);
    qf_testing_apply(world, jws, QF_TX_GOOD, &receipt);
    expect(&receipt, QF_NOT_FOUND, "ops[0].mandate");
    qf_kernel_retract(world->kernel);
    qf_testing_apply(world, jws, QF_TX_GOOD, &receipt);
    expect(&receipt, QF_NOT_FOUND, "ops[0].mandate"); /* not a repeat */
    qf_kernel_retract(world->kernel);
    qf_testing_apply(world, sign_record(world, 4, soon(world)), QF_TX_GOOD, &receipt);
    expect(&receipt, QF_UNKNOWN_KEY, "header.kid");
    qf_kernel_retract(world->kernel);
    qf_testing_apply(world, sign_record(world, 0, soon(world)), QF_TX_GOOD, &receipt);
    expect(&receipt, QF_OK, "");
    qf_testing_end(world, false);
    assert_string_equal(qf_testing_value(world, "evidence/record/x"),
                        "{\"leaf\":0,\"member\":\"a\"}");
}

/* Who ends his own standing half-way has had work done, and is held to it. */
static void what_ends_itself_was_admitted(void **state)
{
    struct qf_testing_world *world = *state;
    struct qf_receipt receipt =
        qf_testing_run(world, 0,
                       "[{\"op\":\"identity.key.add\",\"actor\":\"root\",\"key\":%s}," RECORD(
                           "y") ",{\"op\":\"identity.key.rotate\",\"key\":%s}," RECORD("z") "]",
                       world->jwk[5], world->jwk[6]);
    expect(&receipt, QF_KEY_REVOKED, "ops[3].kid");
    assert_true(receipt.admitted);
    assert_null(qf_testing_value(world, "evidence/record/y"));
    receipt =
        qf_testing_run(world, 0, "[{\"op\":\"identity.key.rotate\",\"key\":%s}]", world->jwk[6]);
    expect(&receipt, QF_OK, "");
    receipt = qf_testing_run(world, 0, "[" RECORD("y") "]");
    expect(&receipt, QF_KEY_REVOKED, "header.kid");
    assert_false(receipt.admitted);
}

static void signers_are_read_once(void **state)
{
    struct qf_testing_world *world = *state;
    struct qf_receipt receipt;
    receipt = qf_testing_run(world, 0, "[" RECORD("one") "]");
    expect(&receipt, QF_OK, "");
    unsigned before = world->gets;
    receipt = qf_testing_run(world, 0, "[" RECORD("two") "]");
    expect(&receipt, QF_OK, "");
    assert_int_equal(world->gets - before, 1); /* the record's own absence */
}

static void suite_gm_works_alike(void **state)
{
    (void)state;
    struct qf_testing_world *world = qf_testing_new(QF_SUITE_GM);
    qf_testing_found(world);
    qf_testing_expect(world, QF_OK, "", 0,
                      "[{\"op\":\"identity.key.add\",\"actor\":\"li\",\"key\":%s}]", world->jwk[4]);
    struct qf_receipt receipt =
        qf_testing_run(world, 4,
                       "[{\"op\":\"evidence.record\",\"id\":\"g\",\"hash\":\"sm3:"
                       "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\"}]");
    expect(&receipt, QF_OK, "");
    struct qf_state_reader reader = qf_testing_reader(world);
    struct qf_json key;
    assert_true(qf_query_key(&reader, &world->arena, &key, qf_slice_of(world->kid[4])));
    assert_true(qf_json_is_text(qf_json_get(&key, "alg"), "SM2-SM3"));
    assert_true(qf_json_is_text(qf_json_get(qf_json_get(&key, "jwk"), "crv"), "SM2"));
    qf_testing_free(world);
}

#define T(name) cmocka_unit_test_setup_teardown(name, qf_testing_setup, qf_testing_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(accepted_transaction_gives_receipt_terms_and_events),
        T(expiry_is_judged_by_block_time),
        T(repeats_name_the_first_leaf),
        T(refused_by_a_rule_is_a_repeat_too),
        T(bad_signature_does_not_use_up_the_id),
        T(unchecked_signatures_are_asked_for),
        T(key_added_in_a_block_signs_in_it),
        T(revocation_takes_effect_within_the_block),
        T(own_standing_ends_within_the_transaction),
        T(ops_happen_together_or_not_at_all),
        T(algorithm_of_header_must_be_the_keys),
        T(check_before_ordering_agrees),
        T(refused_can_be_taken_back),
        T(signers_are_read_once),
        T(what_ends_itself_was_admitted),
        cmocka_unit_test(suite_gm_works_alike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
