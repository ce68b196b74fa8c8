#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "kernel/identity/identity.h"
#include "kernel/testing.h"

#define HEX "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define HASH "\"hash\":\"sha-256:" HEX "\""
#define ADD "{\"op\":\"identity.key.add\",\"actor\":\"%s\",\"key\":%s,\"roles\":%s}"
#define RECORD "[{\"op\":\"evidence.record\",\"id\":\"%s\"," HASH "}]"

static const char *actor_roles(struct qf_testing_world *world, const char *actor)
{
    struct qf_state_reader reader = qf_testing_reader(world);
    struct qf_json json;
    assert_true(
        qf_query_actor(&reader, &world->arena, &json, qf_slice_of("a"), qf_slice_of(actor)));
    struct qf_buf text = {0};
    qf_json_write(&text, qf_json_get(&json, "roles"));
    const char *roles = qf_arena_text(&world->arena, qf_buf_slice(&text));
    qf_buf_deinit(&text);
    return roles;
}

static void admin_brings_actors_in(void **state)
{
    struct qf_testing_world *world = *state;
    qf_testing_expect(world, QF_OK, "", 0, "[" ADD "]", "li", world->jwk[4], "[\"z\",\"clerk\"]");
    assert_string_equal(actor_roles(world, "li"), "[\"clerk\",\"z\"]");
    qf_testing_expect(world, QF_EXISTS, "ops[0].key", 0, "[" ADD "]", "wu", world->jwk[4], "[]");
    qf_testing_expect(world, QF_EXISTS, "ops[0].key", 1, "[" ADD "]", "wu", world->jwk[4], "[]");
    qf_testing_expect(world, QF_OK, "", 0, "[" ADD "]", "li", world->jwk[5], "[\"b\",\"z\"]");
    assert_string_equal(actor_roles(world, "li"), "[\"b\",\"clerk\",\"z\"]");
    qf_testing_expect(world, QF_OK, "", 4, RECORD, "1");
    qf_testing_expect(world, QF_OK, "", 5, RECORD, "2");
    /* The same actor id in another member is another actor. */
    qf_testing_expect(world, QF_OK, "", 1, "[" ADD "]", "li", world->jwk[6], "[]");
    assert_string_equal(actor_roles(world, "li"), "[\"b\",\"clerk\",\"z\"]");
}

static void actors_add_keys_of_their_own_only(void **state)
{
    struct qf_testing_world *world = *state;
    qf_testing_expect(world, QF_OK, "", 0, "[" ADD "]", "li", world->jwk[4], "[\"clerk\"]");
    qf_testing_expect(world, QF_OK, "", 0, "[" ADD "]", "wu", world->jwk[5], "[]");
    qf_testing_expect(world, QF_OK, "", 4, "[" ADD "]", "li", world->jwk[6], "[\"clerk\"]");
    qf_testing_expect(world, QF_NOT_ALLOWED, "ops[0].roles", 4, "[" ADD "]", "li", world->jwk[7],
                      "[\"admin\"]");
    qf_testing_expect(world, QF_NOT_ALLOWED, "ops[0]", 4, "[" ADD "]", "wu", world->jwk[7], "[]");
    qf_testing_expect(world, QF_NOT_ALLOWED, "ops[0]", 4, "[" ADD "]", "new", world->jwk[7], "[]");
    qf_testing_expect(world, QF_NOT_ALLOWED, "ops[0]", 4,
                      "[{\"op\":\"identity.role.grant\",\"actor\":\"li\",\"roles\":[\"admin\"]}]");
}

static void an_actor_has_a_bounded_number_of_keys(void **state)
{
    struct qf_testing_world *world = *state;
    for (unsigned i = 0; i < QF_ACTOR_KEYS_MAX; i++)
        qf_testing_expect(world, QF_OK, "", 0, "[" ADD "]", "li", world->jwk[4 + i], "[]");
    qf_testing_expect(world, QF_OVER_LIMIT, "ops[0].key", 0, "[" ADD "]", "li",
                      world->jwk[4 + QF_ACTOR_KEYS_MAX], "[]");
    qf_testing_expect(world, QF_OK, "", 0, "[{\"op\":\"identity.key.revoke\",\"kid\":\"%s\"}]",
                      world->kid[4]);
    qf_testing_expect(world, QF_OK, "", 0, "[" ADD "]", "li", world->jwk[4 + QF_ACTOR_KEYS_MAX],
                      "[]");
}

static void an_actor_has_a_bounded_number_of_roles(void **state)
{
    struct qf_testing_world *world = *state;
    struct qf_buf roles = {0};
    for (int i = 0; i < QF_ROLES_MAX; i++)
        qf_buf_printf(&roles, "%s\"r%d\"", i == 0 ? "[" : ",", i);
    qf_buf_put_text(&roles, "]");
    qf_testing_expect(world, QF_OK, "", 0, "[" ADD "]", "li", world->jwk[4], qf_buf_text(&roles));
    qf_buf_deinit(&roles);
    qf_testing_expect(world, QF_OVER_LIMIT, "ops[0].roles", 0,
                      "[{\"op\":\"identity.role.grant\",\"actor\":\"li\",\"roles\":[\"more\"]}]");
    qf_testing_expect(world, QF_OK, "", 0,
                      "[{\"op\":\"identity.role.grant\",\"actor\":\"li\",\"roles\":[\"r7\"]}]");
}

static void rotation_replaces_a_key(void **state)
{
    struct qf_testing_world *world = *state;
    qf_testing_expect(world, QF_OK, "", 0, "[" ADD "]", "li", world->jwk[4], "[\"clerk\"]");
    qf_testing_expect(world, QF_OK, "", 4, "[{\"op\":\"identity.key.rotate\",\"key\":%s}]",
                      world->jwk[5]);
    qf_testing_expect(world, QF_KEY_REVOKED, "header.kid", 4, RECORD, "1");
    qf_testing_expect(world, QF_OK, "", 5, RECORD, "1");
    assert_string_equal(actor_roles(world, "li"), "[\"clerk\"]");
    struct qf_state_reader reader = qf_testing_reader(world);
    struct qf_json key;
    assert_true(qf_query_key(&reader, &world->arena, &key, qf_slice_of(world->kid[4])));
    assert_true(qf_json_is_text(qf_json_get(&key, "status"), "rotated"));
    assert_true(qf_json_is_text(qf_json_get(&key, "successor"), world->kid[5]));
    struct qf_buf jwk = {0};
    qf_json_write(&jwk, qf_json_get(&key, "jwk"));
    assert_string_equal(qf_buf_text(&jwk), world->jwk[4]);
    qf_buf_deinit(&jwk);
    /* An admin may do it for him; others may not; nothing is rotated twice. */
    qf_testing_expect(world, QF_OK, "", 0,
                      "[{\"op\":\"identity.key.rotate\",\"kid\":\"%s\",\"key\":%s}]", world->kid[5],
                      world->jwk[6]);
    qf_testing_expect(world, QF_NOT_ALLOWED, "ops[0]", 1,
                      "[{\"op\":\"identity.key.rotate\",\"kid\":\"%s\",\"key\":%s}]", world->kid[6],
                      world->jwk[7]);
    qf_testing_expect(world, QF_WRONG_STATE, "ops[0].kid", 0,
                      "[{\"op\":\"identity.key.rotate\",\"kid\":\"%s\",\"key\":%s}]", world->kid[4],
                      world->jwk[7]);
    qf_testing_expect(world, QF_EXISTS, "ops[0].key", 6,
                      "[{\"op\":\"identity.key.rotate\",\"key\":%s}]", world->jwk[4]);
    qf_testing_expect(world, QF_NOT_FOUND, "ops[0].kid", 0,
                      "[{\"op\":\"identity.key.rotate\",\"kid\":\"%s\",\"key\":%s}]", world->kid[9],
                      world->jwk[7]);
}

static void revocation_ends_a_key_for_good(void **state)
{
    struct qf_testing_world *world = *state;
    qf_testing_expect(world, QF_OK, "", 0, "[" ADD "]", "li", world->jwk[4], "[]");
    qf_testing_expect(world, QF_NOT_ALLOWED, "ops[0]", 1,
                      "[{\"op\":\"identity.key.revoke\",\"kid\":\"%s\"}]", world->kid[4]);
    qf_testing_expect(world, QF_OK, "", 4, "[{\"op\":\"identity.key.revoke\",\"kid\":\"%s\"}]",
                      world->kid[4]);
    qf_testing_expect(world, QF_WRONG_STATE, "ops[0].kid", 0,
                      "[{\"op\":\"identity.key.revoke\",\"kid\":\"%s\"}]", world->kid[4]);
    qf_testing_expect(world, QF_EXISTS, "ops[0].key", 0, "[" ADD "]", "li", world->jwk[4], "[]");
    qf_testing_expect(world, QF_NOT_FOUND, "ops[0].kid", 0,
                      "[{\"op\":\"identity.key.revoke\",\"kid\":\"%s\"}]", world->kid[5]);
}

static void a_member_keeps_an_admin(void **state)
{
    struct qf_testing_world *world = *state;
    qf_testing_expect(world, QF_WRONG_STATE, "ops[0].kid", 0,
                      "[{\"op\":\"identity.key.revoke\",\"kid\":\"%s\"}]", world->kid[0]);
    qf_testing_expect(
        world, QF_WRONG_STATE, "ops[0].roles", 0,
        "[{\"op\":\"identity.role.revoke\",\"actor\":\"root\",\"roles\":[\"admin\"]}]");
    qf_testing_expect(world, QF_OK, "", 0, "[" ADD "]", "root", world->jwk[4], "[]");
    qf_testing_expect(world, QF_OK, "", 4, "[{\"op\":\"identity.key.revoke\",\"kid\":\"%s\"}]",
                      world->kid[0]);
    qf_testing_expect(world, QF_OK, "", 4, "[" ADD "]", "deputy", world->jwk[5], "[\"admin\"]");
    qf_testing_expect(
        world, QF_OK, "", 5,
        "[{\"op\":\"identity.role.revoke\",\"actor\":\"root\",\"roles\":[\"admin\"]}]");
    qf_testing_expect(world, QF_NOT_ALLOWED, "ops[0]", 4, "[" ADD "]", "x", world->jwk[6], "[]");
}

static void roles_come_and_go(void **state)
{
    struct qf_testing_world *world = *state;
    qf_testing_expect(world, QF_OK, "", 0, "[" ADD "]", "li", world->jwk[4], "[\"b\"]");
    qf_testing_expect(
        world, QF_OK, "", 0,
        "[{\"op\":\"identity.role.grant\",\"actor\":\"li\",\"roles\":[\"c\",\"a\"]}]");
    assert_string_equal(actor_roles(world, "li"), "[\"a\",\"b\",\"c\"]");
    qf_testing_expect(world, QF_OK, "", 0,
                      "[{\"op\":\"identity.role.revoke\",\"actor\":\"li\",\"roles\":[\"b\"]}]");
    assert_string_equal(actor_roles(world, "li"), "[\"a\",\"c\"]");
    qf_testing_expect(world, QF_NOT_FOUND, "ops[0].roles", 0,
                      "[{\"op\":\"identity.role.revoke\",\"actor\":\"li\",\"roles\":[\"b\"]}]");
    qf_testing_expect(world, QF_NOT_FOUND, "ops[0].actor", 0,
                      "[{\"op\":\"identity.role.revoke\",\"actor\":\"no\",\"roles\":[\"b\"]}]");
}

static void subjects_are_pseudonyms(void **state)
{
    struct qf_testing_world *world = *state;
    static const char one[] = "0123456789abcdef0123456789abcdef";
    static const char two[] = "fedcba9876543210fedcba9876543210";
    qf_testing_expect(world, QF_OK, "", 0,
                      "[{\"op\":\"identity.subject.register\",\"subject\":\"%s\","
                      "\"commitment\":\"sha-256:" HEX "\"}]",
                      one);
    qf_testing_expect(world, QF_EXISTS, "ops[0].subject", 0,
                      "[{\"op\":\"identity.subject.register\",\"subject\":\"%s\"}]", one);
    qf_testing_expect(world, QF_NOT_ALLOWED, "ops[0]", 2,
                      "[{\"op\":\"identity.subject.register\",\"subject\":\"%s\"}]", two);
    qf_testing_expect(world, QF_NOT_FOUND, "ops[0].into", 0,
                      "[{\"op\":\"identity.subject.merge\",\"subject\":\"%s\",\"into\":\"%s\"}]",
                      one, two);
    qf_testing_expect(world, QF_OK, "", 0,
                      "[{\"op\":\"identity.subject.register\",\"subject\":\"%s\"}]", two);
    qf_testing_expect(world, QF_BAD_FIELD, "ops[0].into", 0,
                      "[{\"op\":\"identity.subject.merge\",\"subject\":\"%s\",\"into\":\"%s\"}]",
                      one, one);
    qf_testing_expect(world, QF_NOT_ALLOWED, "ops[0]", 1,
                      "[{\"op\":\"identity.subject.merge\",\"subject\":\"%s\",\"into\":\"%s\"}]",
                      one, two);
    qf_testing_expect(world, QF_OK, "", 0,
                      "[{\"op\":\"identity.subject.merge\",\"subject\":\"%s\",\"into\":\"%s\"}]",
                      one, two);
    qf_testing_expect(world, QF_WRONG_STATE, "ops[0].into", 0,
                      "[{\"op\":\"identity.subject.merge\",\"subject\":\"%s\",\"into\":\"%s\"}]",
                      two, one);
    qf_testing_expect(world, QF_WRONG_STATE, "ops[0].subject", 0,
                      "[{\"op\":\"identity.subject.merge\",\"subject\":\"%s\",\"into\":\"%s\"}]",
                      one, two);
}

#define GRANT                                                                                      \
    "[{\"op\":\"identity.mandate.grant\",\"mandate\":\"%s\",\"to_member\":\"%s\","                 \
    "\"to_actor\":\"%s\",\"scope\":[\"%s\"],\"until\":%lld}]"
#define RECORD_FOR "[{\"op\":\"evidence.record\",\"id\":\"%s\"," HASH ",\"on_behalf\":\"%s\"}]"

static void mandates_let_another_act(void **state)
{
    struct qf_testing_world *world = *state;
    long long now = world->block.time_ms / 1000;
    qf_testing_expect(world, QF_OK, "", 0, GRANT, "m", "c", "root", "evidence", now + 100);
    qf_testing_expect(world, QF_EXISTS, "ops[0].mandate", 0, GRANT, "m", "c", "root", "evidence",
                      now + 100);
    qf_testing_expect(world, QF_BAD_FIELD, "ops[0].until", 0, GRANT, "n", "c", "root", "evidence",
                      now);
    qf_testing_expect(world, QF_BAD_FIELD, "ops[0].scope", 0, GRANT, "n", "c", "root", "everything",
                      now + 100);
    qf_testing_expect(world, QF_NOT_FOUND, "ops[0].to_actor", 0, GRANT, "n", "c", "nobody",
                      "evidence", now + 100);
    qf_testing_expect(world, QF_OK, "", 2, RECORD_FOR, "r", "m");
    assert_non_null(strstr(qf_testing_value(world, "evidence/record/r"), "\"member\":\"a\""));
    qf_testing_expect(world, QF_NOT_FOUND, "ops[0].on_behalf", 2, RECORD_FOR, "s", "x");
    qf_testing_expect(world, QF_NOT_ALLOWED, "ops[0].on_behalf", 1, RECORD_FOR, "s", "m");
    qf_testing_expect(world, QF_OK, "", 0, GRANT, "k", "c", "root", "identity.key.add", now + 100);
    qf_testing_expect(world, QF_NOT_ALLOWED, "ops[0].on_behalf", 2, RECORD_FOR, "s", "k");
    qf_testing_expect(world, QF_OK, "", 0, GRANT, "o", "c", "root", "evidence.record", now + 100);
    qf_testing_expect(world, QF_OK, "", 2, RECORD_FOR, "s", "o");
    world->block.time_ms += 100 * 1000;
    qf_testing_expect(world, QF_WRONG_STATE, "ops[0].on_behalf", 2, RECORD_FOR, "t", "m");
}

static void mandates_end_by_either_side(void **state)
{
    struct qf_testing_world *world = *state;
    long long now = world->block.time_ms / 1000;
    qf_testing_expect(world, QF_OK, "", 0, GRANT, "m", "c", "root", "evidence", now + 100);
    qf_testing_expect(world, QF_OK, "", 0, GRANT, "n", "c", "root", "evidence", now + 100);
    qf_testing_expect(world, QF_NOT_ALLOWED, "ops[0]", 1,
                      "[{\"op\":\"identity.mandate.revoke\",\"mandate\":\"m\"}]");
    qf_testing_expect(world, QF_NOT_FOUND, "ops[0].mandate", 1,
                      "[{\"op\":\"identity.mandate.revoke\",\"mandate\":\"x\"}]");
    qf_testing_expect(world, QF_OK, "", 0,
                      "[{\"op\":\"identity.mandate.revoke\",\"mandate\":\"m\"}]");
    qf_testing_expect(world, QF_OK, "", 2,
                      "[{\"op\":\"identity.mandate.revoke\",\"mandate\":\"n\"}]");
    qf_testing_expect(world, QF_WRONG_STATE, "ops[0].mandate", 0,
                      "[{\"op\":\"identity.mandate.revoke\",\"mandate\":\"n\"}]");
    qf_testing_expect(world, QF_WRONG_STATE, "ops[0].on_behalf", 2, RECORD_FOR, "r", "m");
}

static void a_mandate_is_not_ended_by_a_namesake(void **state)
{
    struct qf_testing_world *world = *state;
    long long now = world->block.time_ms / 1000;
    qf_testing_expect(world, QF_OK, "", 0, "[" ADD "]", "li", world->jwk[4], "[]");
    qf_testing_expect(world, QF_OK, "", 2, "[" ADD "]", "li", world->jwk[5], "[]");
    qf_testing_expect(world, QF_OK, "", 0, GRANT, "m", "c", "li", "evidence", now + 100);
    qf_testing_expect(world, QF_NOT_ALLOWED, "ops[0]", 4,
                      "[{\"op\":\"identity.mandate.revoke\",\"mandate\":\"m\"}]");
    qf_testing_expect(world, QF_OK, "", 5,
                      "[{\"op\":\"identity.mandate.revoke\",\"mandate\":\"m\"}]");
}

#define T(name) cmocka_unit_test_setup_teardown(name, qf_testing_setup, qf_testing_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(admin_brings_actors_in),
        T(actors_add_keys_of_their_own_only),
        T(an_actor_has_a_bounded_number_of_keys),
        T(an_actor_has_a_bounded_number_of_roles),
        T(rotation_replaces_a_key),
        T(revocation_ends_a_key_for_good),
        T(a_member_keeps_an_admin),
        T(roles_come_and_go),
        T(subjects_are_pseudonyms),
        T(mandates_let_another_act),
        T(mandates_end_by_either_side),
        T(a_mandate_is_not_ended_by_a_namesake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
