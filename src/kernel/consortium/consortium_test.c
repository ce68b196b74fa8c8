#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "kernel/consortium/consortium.h"
#include "kernel/testing.h"

#define HEX "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define RECORD "[{\"op\":\"evidence.record\",\"id\":\"%s\",\"hash\":\"sha-256:" HEX "\"}]"
#define PROPOSE "{\"op\":\"consortium.propose\",\"proposal\":\"%s\",\"action\":%s}"
#define VOTE "{\"op\":\"consortium.vote\",\"proposal\":\"%s\",\"choice\":\"%s\"}"
#define SUSPEND(id) "{\"do\":\"member.suspend\",\"member\":\"" id "\"}"
#define RESUME(id) "{\"do\":\"member.resume\",\"member\":\"" id "\"}"
#define REMOVE(id) "{\"do\":\"member.remove\",\"member\":\"" id "\"}"

static const char *status_of(struct qf_testing_world *world, const char *proposal)
{
    struct qf_state_reader reader = qf_testing_reader(world);
    struct qf_json json;
    assert_true(qf_query_proposal(&reader, &world->arena, &json, qf_slice_of(proposal),
                                  world->block.time_ms / 1000));
    return qf_arena_text(&world->arena, qf_json_text(qf_json_get(&json, "status")));
}

static const struct qf_json *member(struct qf_testing_world *world, const char *id)
{
    struct qf_state_reader reader = qf_testing_reader(world);
    struct qf_json *json = qf_arena_alloc(&world->arena, sizeof *json);
    assert_true(qf_query_member(&reader, &world->arena, json, qf_slice_of(id)));
    return json;
}

/* Weights are a 3, b 2, c 1, d 0: more than two thirds is 5 or 6 of 6. */
static void pass(struct qf_testing_world *world, const char *proposal, const char *action)
{
    qf_testing_expect(world, QF_OK, "", 0, "[" PROPOSE "," VOTE "]", proposal, action, proposal,
                      "yes");
    qf_testing_expect(world, QF_OK, "", 1, "[" VOTE "]", proposal, "yes");
    assert_string_equal(status_of(world, proposal), "passed");
}

static void genesis_makes_the_state(void **state)
{
    struct qf_testing_world *world = *state;
    struct qf_state_reader reader = qf_testing_reader(world);
    struct qf_json json;
    assert_true(qf_query_network(&reader, &world->arena, &json));
    assert_true(qf_json_is_text(qf_json_get(&json, "id"), "test"));
    assert_int_equal(qf_json_get(&json, "genesis")->count, 64);
    struct qf_tx_rules rules;
    assert_true(qf_query_rules(&reader, &world->arena, &rules));
    assert_int_equal(rules.suite, QF_SUITE_INTL);
    assert_true(qf_query_parameters(&reader, &world->arena, &json));
    assert_int_equal(qf_json_get(&json, "vote_yes_num")->integer, 2);
    assert_true(qf_json_is_text(qf_json_get(member(world, "b"), "kind"), "court"));
    assert_int_equal(qf_json_get(member(world, "b"), "weight")->integer, 2);
    struct qf_json list = qf_query_list(&reader, &world->arena, QF_LIST_MEMBERS,
                                        &(struct qf_query_page){.limit = 10});
    assert_int_equal(list.count, 4);
    list = qf_query_list(&reader, &world->arena, QF_LIST_MEMBERS,
                         &(struct qf_query_page){.after = qf_slice_of("b"), .limit = 1});
    assert_int_equal(list.count, 1);
    assert_true(qf_json_is_text(&list.items[0], "c"));
    list = qf_query_list(&reader, &world->arena, QF_LIST_ACTORS,
                         &(struct qf_query_page){.within = qf_slice_of("a"), .limit = 10});
    assert_int_equal(list.count, 1);
    assert_true(qf_json_is_text(&list.items[0], "root"));
    assert_false(qf_query_member(&reader, &world->arena, &json, qf_slice_of("x")));
}

#define ED25519                                                                                    \
    "{\"crv\":\"Ed25519\",\"kty\":\"OKP\","                                                        \
    "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}"
#define MEMBER(id, more)                                                                           \
    "{\"id\":\"" id "\",\"kind\":\"authority\",\"name\":\"N\",\"weight\":1," more                  \
    "\"admin\":{\"actor\":\"root\",\"key\":%s}}"
#define GENESIS(members, more)                                                                     \
    "{\"format\":\"qf-genesis-1\",\"network\":\"n\",\"suite\":\"intl\",\"time\":1," more           \
    "\"members\":[" members "]}"

static void genesis_is_judged(void **state)
{
    struct qf_testing_world *world = *state;
    static const struct {
        const char *text; /* with two keys */
        enum qf_status status;
        const char *field;
    } cases[] = {
        {GENESIS(MEMBER("a", "") "," MEMBER("b", ""), ""), QF_OK, ""},
        {GENESIS(MEMBER("a", "") "," MEMBER("a", ""), ""), QF_EXISTS, "members[1].id"},
        {GENESIS(MEMBER("a", "\"actors\":[{\"actor\":\"clock\",\"key\":%s}],"), ""), QF_OK, ""},
        {GENESIS(MEMBER("a", "\"actors\":[{\"actor\":\"x\",\"key\":" ED25519
                             "},{\"actor\":\"y\",\"key\":" ED25519 "}],"),
                 ""),
         QF_EXISTS, "members[0].actors[1].key"},
        {GENESIS(MEMBER("a", "\"actors\":[{\"key\":%s}],"), ""), QF_BAD_FIELD,
         "members[0].actors[0].actor"},
        {GENESIS(MEMBER("a/b", "") "," MEMBER("b", ""), ""), QF_BAD_FIELD, "members[0].id"},
        {GENESIS(MEMBER("a", "\"colour\":1,") "," MEMBER("b", ""), ""), QF_BAD_FIELD,
         "members[0].colour"},
        {GENESIS(MEMBER("a", "") "," MEMBER("b", ""), "\"x\":1,"), QF_BAD_FIELD, "x"},
        {GENESIS(MEMBER("a", "") "," MEMBER("b", ""), "\"parameters\":{\"quorum_members\":3},"),
         QF_NO_QUORUM, ""},
        {GENESIS(MEMBER("a", "") "," MEMBER("b", ""),
                 "\"parameters\":{\"vote_yes_num\":3,\"vote_yes_den\":3},"),
         QF_NO_QUORUM, "vote_yes_num"},
        {GENESIS(MEMBER("a", "") "," MEMBER("b", ""),
                 "\"validators\":[{\"key\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\","
                 "\"member\":\"z\",\"power\":1}],"),
         QF_NOT_FOUND, "validators[0].member"},
        {GENESIS(MEMBER("a", "") "," MEMBER("b", ""),
                 "\"calendars\":[{\"year\":2026,\"holidays\":[\"2025-01-01\"],\"workdays\":[]}],"),
         QF_BAD_FIELD, "calendars[0].holidays[0]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct qf_testing_world *fresh = qf_testing_twin(world);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        const struct qf_json *genesis =
            qf_testing_json(fresh, cases[i].text, world->jwk[4], world->jwk[5]);
#pragma GCC diagnostic pop
        struct qf_error err = {0};
        qf_kernel_begin(fresh->kernel, &fresh->block);
        enum qf_status status = qf_kernel_genesis(fresh->kernel, genesis, &err);
        if (status != cases[i].status || (status != QF_OK && strcmp(err.field, cases[i].field)))
            fail_msg("case %zu: %s at \"%s\" (%s)", i, qf_status_name(status), err.field,
                     err.detail);
        const struct qf_kernel_change *changes;
        size_t count;
        qf_kernel_end(fresh->kernel, &changes, &count);
        assert_int_equal(count > 0, status == QF_OK);
        qf_testing_free(fresh);
    }
    struct qf_tx_rules rules;
    struct qf_error err;
    assert_int_equal(
        qf_genesis_rules(&rules, qf_testing_json(world, "{\"network\":\"a b\",\"suite\":\"gm\"}"),
                         &err),
        QF_BAD_FIELD);
    assert_int_equal(qf_genesis_rules(&rules,
                                      qf_testing_json(world, "{\"network\":\"a\",\"suite\":\"x\"}"),
                                      &err),
                     QF_BAD_FIELD);
    assert_int_equal(qf_genesis_rules(&rules, qf_testing_json(world, "[]"), &err), QF_BAD_FIELD);
}

static void votes_decide_by_weight(void **state)
{
    struct qf_testing_world *world = *state;
    qf_testing_expect(world, QF_OK, "", 0, "[" PROPOSE "]", "p", SUSPEND("c"));
    qf_testing_expect(world, QF_EXISTS, "ops[0].proposal", 0, "[" PROPOSE "]", "p", SUSPEND("c"));
    qf_testing_expect(world, QF_OK, "", 0, "[" VOTE "]", "p", "yes");
    qf_testing_expect(world, QF_WRONG_STATE, "ops[0].proposal", 0, "[" VOTE "]", "p", "no");
    qf_testing_expect(world, QF_WRONG_STATE, "ops[0].proposal", 3, "[" VOTE "]", "p", "yes");
    qf_testing_expect(world, QF_OK, "", 2, "[" VOTE "]", "p", "no");
    assert_string_equal(status_of(world, "p"), "open");
    qf_testing_expect(world, QF_OK, "", 2, RECORD, "before");
    qf_testing_expect(world, QF_OK, "", 1, "[" VOTE "]", "p", "yes");
    assert_string_equal(status_of(world, "p"), "passed");
    qf_testing_expect(world, QF_MEMBER_SUSPENDED, "header.kid", 2, RECORD, "after");
    qf_testing_expect(world, QF_WRONG_STATE, "ops[0].proposal", 1, "[" VOTE "]", "p", "yes");
    qf_testing_expect(world, QF_NOT_FOUND, "ops[0].proposal", 1, "[" VOTE "]", "q", "yes");
}

static void a_proposal_that_cannot_pass_is_rejected(void **state)
{
    struct qf_testing_world *world = *state;
    qf_testing_expect(world, QF_OK, "", 2, "[" PROPOSE "]", "p", SUSPEND("b"));
    qf_testing_expect(world, QF_OK, "", 2, "[" VOTE "]", "p", "yes");
    qf_testing_expect(world, QF_OK, "", 1, "[" VOTE "]", "p", "no");
    assert_string_equal(status_of(world, "p"), "rejected");
    qf_testing_expect(world, QF_WRONG_STATE, "ops[0].proposal", 0, "[" VOTE "]", "p", "yes");
}

static void proposals_expire_and_are_withdrawn(void **state)
{
    struct qf_testing_world *world = *state;
    long long now = world->block.time_ms / 1000;
    qf_testing_expect(world, QF_BAD_FIELD, "ops[0].expires", 0,
                      "[{\"op\":\"consortium.propose\",\"proposal\":\"p\",\"action\":%s,"
                      "\"expires\":%lld}]",
                      SUSPEND("c"), now);
    qf_testing_expect(world, QF_BAD_FIELD, "ops[0].expires", 0,
                      "[{\"op\":\"consortium.propose\",\"proposal\":\"p\",\"action\":%s,"
                      "\"expires\":%lld}]",
                      SUSPEND("c"), now + 30 * 86400 + 1);
    qf_testing_expect(world, QF_OK, "", 0,
                      "[{\"op\":\"consortium.propose\",\"proposal\":\"p\",\"action\":%s,"
                      "\"expires\":%lld}]",
                      SUSPEND("c"), now + 10);
    qf_testing_expect(world, QF_OK, "", 0, "[" PROPOSE "]", "q", SUSPEND("c"));
    world->block.time_ms += 10000;
    qf_testing_expect(world, QF_WRONG_STATE, "ops[0].proposal", 0, "[" VOTE "]", "p", "yes");
    assert_string_equal(status_of(world, "p"), "expired");
    qf_testing_expect(world, QF_NOT_ALLOWED, "ops[0]", 1,
                      "[{\"op\":\"consortium.withdraw\",\"proposal\":\"q\"}]");
    qf_testing_expect(world, QF_OK, "", 0, "[{\"op\":\"consortium.withdraw\",\"proposal\":\"q\"}]");
    qf_testing_expect(world, QF_WRONG_STATE, "ops[0].proposal", 1, "[" VOTE "]", "q", "yes");
    qf_testing_expect(world, QF_NOT_FOUND, "ops[0].proposal", 0,
                      "[{\"op\":\"consortium.withdraw\",\"proposal\":\"z\"}]");
}

static void only_the_council_proposes_and_votes(void **state)
{
    struct qf_testing_world *world = *state;
    qf_testing_expect(world, QF_OK, "", 0,
                      "[{\"op\":\"identity.key.add\",\"actor\":\"li\",\"key\":%s}]", world->jwk[4]);
    qf_testing_expect(world, QF_NOT_ALLOWED, "ops[0]", 4, "[" PROPOSE "]", "p", SUSPEND("c"));
    qf_testing_expect(
        world, QF_OK, "", 0,
        "[{\"op\":\"identity.role.grant\",\"actor\":\"li\",\"roles\":[\"council\"]}]");
    qf_testing_expect(world, QF_OK, "", 4, "[" PROPOSE "]", "p", SUSPEND("c"));
    qf_testing_expect(world, QF_OK, "", 4, "[" VOTE "]", "p", "yes");
    qf_testing_expect(world, QF_WRONG_STATE, "ops[0].proposal", 0, "[" VOTE "]", "p", "yes");
}

static void members_come_and_go(void **state)
{
    struct qf_testing_world *world = *state;
    char action[1024];
    snprintf(action, sizeof action,
             "{\"do\":\"member.admit\",\"id\":\"e\",\"kind\":\"authority\",\"name\":\"E\","
             "\"weight\":0,\"root_key\":%s,\"admin\":{\"actor\":\"x\",\"key\":%s}}",
             world->jwk[5], world->jwk[4]);
    pass(world, "p1", action);
    assert_non_null(qf_json_get(member(world, "e"), "root_key"));
    qf_testing_expect(world, QF_OK, "", 4, RECORD, "1");
    qf_testing_expect(world, QF_EXISTS, "ops[0].action.id", 0, "[" PROPOSE "]", "p2", action);

    pass(world, "p3", SUSPEND("e"));
    qf_testing_expect(world, QF_MEMBER_SUSPENDED, "header.kid", 4, RECORD, "2");
    qf_testing_expect(world, QF_WRONG_STATE, "ops[0].action.member", 0, "[" PROPOSE "]", "p4",
                      SUSPEND("e"));
    pass(world, "p5", RESUME("e"));
    qf_testing_expect(world, QF_OK, "", 4, RECORD, "2");
    pass(world, "p6", REMOVE("e"));
    qf_testing_expect(world, QF_MEMBER_SUSPENDED, "header.kid", 4, RECORD, "3");
    qf_testing_expect(world, QF_WRONG_STATE, "ops[0].action.member", 0, "[" PROPOSE "]", "p7",
                      RESUME("e"));
    qf_testing_expect(world, QF_WRONG_STATE, "ops[0].action.member", 0, "[" PROPOSE "]", "p7",
                      "{\"do\":\"member.change\",\"member\":\"e\",\"name\":\"F\"}");
    qf_testing_expect(world, QF_NOT_FOUND, "ops[0].action.member", 0, "[" PROPOSE "]", "p7",
                      SUSPEND("z"));
}

static void members_change_and_are_given_admins(void **state)
{
    struct qf_testing_world *world = *state;
    pass(world, "p1",
         "{\"do\":\"member.change\",\"member\":\"c\",\"name\":\"CC\",\"weight\":9,"
         "\"note_keys\":[\"c+00000000+AAAA\"]}");
    assert_int_equal(qf_json_get(member(world, "c"), "weight")->integer, 9);
    assert_true(qf_json_is_text(qf_json_get(member(world, "c"), "kind"), "enterprise"));
    assert_int_equal(qf_json_get(member(world, "c"), "note_keys")->count, 1);
    char action[400];
    snprintf(action, sizeof action,
             "{\"do\":\"member.appoint\",\"member\":\"d\",\"actor\":\"new\",\"key\":%s}",
             world->jwk[4]);
    qf_testing_expect(world, QF_OK, "", 0, "[" PROPOSE "]", "p2", action);
    qf_testing_expect(world, QF_OK, "", 2, "[" VOTE "]", "p2", "yes");
    assert_string_equal(status_of(world, "p2"), "open"); /* 9 of 14 is not above two thirds */
    qf_testing_expect(world, QF_OK, "", 1, "[" VOTE "]", "p2", "yes");
    assert_string_equal(status_of(world, "p2"), "passed");
    qf_testing_expect(world, QF_OK, "", 4, "[{\"op\":\"identity.key.revoke\",\"kid\":\"%s\"}]",
                      world->kid[3]);
}

static void no_quorum_is_refused_with_the_reason(void **state)
{
    struct qf_testing_world *world = *state;
    pass(world, "p1", "{\"do\":\"parameters.set\",\"quorum_members\":3}");
    struct qf_receipt receipt = qf_testing_run(world, 0, "[" PROPOSE "]", "p2", SUSPEND("c"));
    assert_int_equal(receipt.code, QF_NO_QUORUM);
    assert_string_equal(receipt.problem.field, "ops[0].action");
    assert_string_equal(receipt.problem.detail,
                        "2 active members with weight would be left, quorum_members is 3");
    /* Suspending a member without weight changes no quorum. */
    pass(world, "p3", SUSPEND("d"));
    qf_testing_expect(world, QF_NO_QUORUM, "ops[0].action.vote_yes_num", 0, "[" PROPOSE "]", "p4",
                      "{\"do\":\"parameters.set\",\"vote_yes_num\":5}");
}

static void an_action_that_became_impossible_refuses_the_deciding_vote(void **state)
{
    struct qf_testing_world *world = *state;
    qf_testing_expect(world, QF_OK, "", 0, "[" PROPOSE "," PROPOSE "]", "p", SUSPEND("c"), "q",
                      SUSPEND("c"));
    qf_testing_expect(world, QF_OK, "", 0, "[" VOTE "," VOTE "]", "p", "yes", "q", "yes");
    qf_testing_expect(world, QF_OK, "", 1, "[" VOTE "]", "p", "yes");
    qf_testing_expect(world, QF_WRONG_STATE, "ops[0].action.member", 1, "[" VOTE "]", "q", "yes");
    assert_string_equal(status_of(world, "q"), "open");
}

static void validators_belong_to_active_members(void **state)
{
    struct qf_testing_world *world = *state;
    static const char set[] =
        "{\"do\":\"validators.set\",\"validators\":["
        "{\"key\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\",\"member\":\"c\",\"power\":5},"
        "{\"key\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE=\",\"member\":\"%s\","
        "\"power\":5}]}";
    char action[500];
    qf_testing_expect(world, QF_BAD_FIELD, "ops[0].action.validators[1].key", 0, "[" PROPOSE "]",
                      "p",
                      "{\"do\":\"validators.set\",\"validators\":["
                      "{\"key\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\","
                      "\"member\":\"a\",\"power\":1},"
                      "{\"key\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\","
                      "\"member\":\"b\",\"power\":1}]}");
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(action, sizeof action, set, "d");
#pragma GCC diagnostic pop
    pass(world, "p1", action);
    struct qf_state_reader reader = qf_testing_reader(world);
    struct qf_json json;
    assert_true(qf_query_validators(&reader, &world->arena, &json));
    assert_int_equal(qf_json_get(&json, "validators")->count, 2);
    pass(world, "p2", SUSPEND("d"));
    assert_true(qf_query_validators(&reader, &world->arena, &json));
    assert_int_equal(qf_json_get(&json, "validators")->count, 1);
    qf_testing_expect(world, QF_NO_QUORUM, "ops[0].action", 0, "[" PROPOSE "]", "p3", SUSPEND("c"));
    qf_testing_expect(world, QF_WRONG_STATE, "ops[0].action.validators[1].member", 0,
                      "[" PROPOSE "]", "p4", action);
    pass(world, "p5", RESUME("d"));
    assert_true(qf_query_validators(&reader, &world->arena, &json));
    assert_int_equal(qf_json_get(&json, "validators")->count, 2);
}

static void calendars_are_kept_by_year(void **state)
{
    struct qf_testing_world *world = *state;
    struct qf_state_reader reader = qf_testing_reader(world);
    struct qf_json json;
    assert_false(qf_query_calendar(&reader, &world->arena, &json, 2026));
    qf_testing_expect(world, QF_BAD_FIELD, "ops[0].action.workdays[0]", 0, "[" PROPOSE "]", "p",
                      "{\"do\":\"calendar.set\",\"year\":2026,\"holidays\":[\"2026-10-01\"],"
                      "\"workdays\":[\"2026-10-01\"]}");
    pass(world, "p1",
         "{\"do\":\"calendar.set\",\"year\":2026,\"holidays\":[\"2026-10-01\",\"2026-10-02\"],"
         "\"workdays\":[\"2026-10-10\"]}");
    assert_true(qf_query_calendar(&reader, &world->arena, &json, 2026));
    assert_int_equal(qf_json_get(&json, "holidays")->count, 2);
    assert_int_equal(qf_json_get(&json, "year")->integer, 2026);
}

static void suspension_takes_effect_within_the_block(void **state)
{
    struct qf_testing_world *world = *state;
    qf_testing_expect(world, QF_OK, "", 0, "[" PROPOSE "," VOTE "]", "p", SUSPEND("c"), "p", "yes");
    int64_t exp_s = world->block.time_ms / 1000 + 60;
    struct qf_slice before = qf_testing_sign(world, 2, exp_s, qf_testing_json(world, RECORD, "1"));
    struct qf_slice vote =
        qf_testing_sign(world, 1, exp_s, qf_testing_json(world, "[" VOTE "]", "p", "yes"));
    struct qf_slice after = qf_testing_sign(world, 2, exp_s, qf_testing_json(world, RECORD, "2"));
    struct qf_receipt receipt;
    qf_testing_begin(world);
    qf_testing_apply(world, before, QF_TX_GOOD, &receipt);
    assert_int_equal(receipt.code, QF_OK);
    qf_testing_apply(world, vote, QF_TX_GOOD, &receipt);
    assert_int_equal(receipt.code, QF_OK);
    qf_testing_apply(world, after, QF_TX_GOOD, &receipt);
    assert_int_equal(receipt.code, QF_MEMBER_SUSPENDED);
    qf_testing_end(world, false);
}

static void a_suspended_member_is_not_acted_for(void **state)
{
    struct qf_testing_world *world = *state;
    qf_testing_expect(world, QF_OK, "", 2,
                      "[{\"op\":\"identity.mandate.grant\",\"mandate\":\"m\",\"to_member\":\"b\","
                      "\"to_actor\":\"root\",\"scope\":[\"evidence\"],\"until\":%lld}]",
                      (long long)world->block.time_ms / 1000 + 100);
    pass(world, "p", SUSPEND("c"));
    qf_testing_expect(world, QF_MEMBER_SUSPENDED, "ops[0].on_behalf", 1,
                      "[{\"op\":\"evidence.record\",\"id\":\"r\",\"on_behalf\":\"m\","
                      "\"hash\":\"sha-256:" HEX "\"}]");
}

/* A network of as many members as there may be, each with a key made here. */
static void members_are_bounded(void **state)
{
    struct qf_testing_world *world = *state;
    struct qf_testing_world *full = qf_testing_twin(world);
    struct qf_buf text = {0};
    qf_buf_put_text(&text, "{\"format\":\"qf-genesis-1\",\"network\":\"test\","
                           "\"suite\":\"intl\",\"time\":1,\"members\":[");
    for (unsigned i = 0; i < QF_MEMBERS_MAX; i++) {
        struct qf_private_key *key;
        struct qf_public_key public_key;
        assert_int_equal(qf_private_key_generate(&key, QF_ALG_EDDSA, NULL), QF_OK);
        qf_private_key_public(i == 0 ? world->keys[0] : key, &public_key);
        struct qf_json jwk = qf_public_key_to_jwk(&full->arena, &public_key);
        qf_buf_printf(&text,
                      "%s{\"id\":\"m%u\",\"kind\":\"authority\",\"name\":\"M\",\"weight\":%u,"
                      "\"admin\":{\"actor\":\"root\",\"key\":",
                      i == 0 ? "" : ",", i, i == 0 ? 1 : 0);
        qf_json_write(&text, &jwk);
        qf_buf_put_text(&text, "}}");
        qf_private_key_free(key);
    }
    qf_buf_put_text(&text, "]}");
    struct qf_error err;
    qf_kernel_begin(full->kernel, &full->block);
    assert_int_equal(
        qf_kernel_genesis(full->kernel, qf_testing_json(full, "%s", qf_buf_text(&text)), &err),
        QF_OK);
    qf_testing_end(full, false);
    struct qf_slice one_more = qf_testing_sign(
        world, 0, world->block.time_ms / 1000 + 60,
        qf_testing_json(world, "[" PROPOSE "]", "p",
                        qf_arena_printf(&world->arena,
                                        "{\"do\":\"member.admit\",\"id\":\"x\",\"name\":\"X\","
                                        "\"kind\":\"court\",\"weight\":0,"
                                        "\"admin\":{\"actor\":\"r\",\"key\":%s}}",
                                        world->jwk[5])));
    struct qf_receipt receipt;
    qf_testing_begin(full);
    qf_testing_apply(full, one_more, QF_TX_GOOD, &receipt);
    qf_testing_end(full, false);
    assert_int_equal(receipt.code, QF_OVER_LIMIT);
    assert_string_equal(receipt.problem.field, "ops[0].action.id");
    qf_buf_deinit(&text);
    qf_testing_free(full);
}

#define T(name) cmocka_unit_test_setup_teardown(name, qf_testing_setup, qf_testing_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(genesis_makes_the_state),
        T(genesis_is_judged),
        T(votes_decide_by_weight),
        T(a_proposal_that_cannot_pass_is_rejected),
        T(proposals_expire_and_are_withdrawn),
        T(only_the_council_proposes_and_votes),
        T(members_come_and_go),
        T(members_change_and_are_given_admins),
        T(no_quorum_is_refused_with_the_reason),
        T(an_action_that_became_impossible_refuses_the_deciding_vote),
        T(validators_belong_to_active_members),
        T(calendars_are_kept_by_year),
        T(suspension_takes_effect_within_the_block),
        T(a_suspended_member_is_not_acted_for),
        T(members_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
