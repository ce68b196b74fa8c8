/* Random streams of transactions, good and bad: however they are split into blocks, and whatever
 * blocks were tried and dropped in between, receipts and state are the same; a refused transaction
 * changes nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "kernel/testing.h"

#define STREAM 250
#define SEEDS 12
#define HEX "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

struct stream {
    struct qf_slice jws[STREAM];
    enum qf_tx_signature signature[STREAM];
    enum qf_status codes[STREAM];
};

static uint32_t random_state;

static unsigned pick(unsigned below)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (random_state >> 8) % below;
}

static void put_evidence(struct qf_buf *out)
{
    static const char *const kinds[] = {"record", "record_batch", "supersede"};
    unsigned kind = pick(3);
    qf_buf_printf(out, "{\"op\":\"evidence.%s\",\"id\":\"e%u\"", kinds[kind], pick(120));
    qf_buf_printf(out, ",\"%s\":\"sha-256:" HEX "\"", kind == 1 ? "root" : "hash");
    if (kind == 1)
        qf_buf_put_text(out, ",\"count\":5");
    if (kind == 2)
        qf_buf_printf(out, ",\"replaces\":\"e%u\"", pick(120));
    if (pick(4) == 0)
        qf_buf_printf(out, ",\"on_behalf\":\"m%u\"", pick(4));
    qf_buf_put_text(out, "}");
}

static void put_identity(struct qf_buf *out, const struct qf_testing_world *world)
{
    static const char *const roles[] = {"admin", "council", "registrar", "clerk"};
    unsigned key = pick(QF_TESTING_KEYS), other = pick(QF_TESTING_KEYS);
    switch (pick(9)) {
    case 0:
        qf_buf_printf(out, "{\"op\":\"identity.key.rotate\",\"key\":%s}", world->jwk[other]);
        break;
    case 1:
        qf_buf_printf(out, "{\"op\":\"identity.key.revoke\",\"kid\":\"%s\"}", world->kid[key]);
        break;
    case 2:
        qf_buf_printf(out, "{\"op\":\"identity.role.grant\",\"actor\":\"a%u\",\"roles\":[\"%s\"]}",
                      pick(4), roles[pick(4)]);
        break;
    case 3:
        qf_buf_printf(out, "{\"op\":\"identity.role.revoke\",\"actor\":\"a%u\",\"roles\":[\"%s\"]}",
                      pick(4), roles[pick(4)]);
        break;
    case 4:
        qf_buf_printf(out, "{\"op\":\"identity.subject.register\",\"subject\":\"%032x\"}", pick(5));
        break;
    case 5:
        qf_buf_printf(out,
                      "{\"op\":\"identity.subject.merge\",\"subject\":\"%032x\","
                      "\"into\":\"%032x\"}",
                      pick(5), pick(5));
        break;
    case 6:
        qf_buf_printf(out,
                      "{\"op\":\"identity.mandate.grant\",\"mandate\":\"m%u\",\"to_member\":\"%c\","
                      "\"to_actor\":\"root\",\"scope\":[\"evidence\"],\"until\":1767229000}",
                      pick(4), 'a' + (int)pick(4));
        break;
    case 7:
        qf_buf_printf(out, "{\"op\":\"identity.mandate.revoke\",\"mandate\":\"m%u\"}", pick(4));
        break;
    default:
        qf_buf_printf(out,
                      "{\"op\":\"identity.key.add\",\"actor\":\"a%u\",\"key\":%s,"
                      "\"roles\":[\"%s\"]}",
                      pick(4), world->jwk[key], roles[pick(4)]);
    }
}

static void put_consortium(struct qf_buf *out)
{
    static const char *const actions[] = {"suspend", "resume", "remove"};
    char member = (char)('a' + pick(4));
    switch (pick(6)) {
    case 0:
        qf_buf_printf(out,
                      "{\"op\":\"consortium.propose\",\"proposal\":\"p%u\",\"action\":"
                      "{\"do\":\"member.%s\",\"member\":\"%c\"}}",
                      pick(20), actions[pick(3)], member);
        break;
    case 1:
        qf_buf_printf(out,
                      "{\"op\":\"consortium.propose\",\"proposal\":\"p%u\",\"action\":"
                      "{\"do\":\"member.change\",\"member\":\"%c\",\"weight\":%u}}",
                      pick(20), member, pick(4));
        break;
    case 2:
        qf_buf_printf(out, "{\"op\":\"consortium.withdraw\",\"proposal\":\"p%u\"}", pick(20));
        break;
    default:
        qf_buf_printf(out, "{\"op\":\"consortium.vote\",\"proposal\":\"p%u\",\"choice\":\"%s\"}",
                      pick(20), pick(4) == 0 ? "no" : "yes");
    }
}

static void make_stream(struct qf_testing_world *world, struct stream *stream)
{
    struct qf_buf ops = {0};
    int64_t now = world->block.time_ms / 1000;
    for (size_t i = 0; i < STREAM; i++) {
        qf_buf_reset(&ops);
        bool suspends = i == 20 || i == 21;
        unsigned count = suspends ? 0 : pick(4) == 0 ? 3 : 1;
        if (suspends) /* chance alone hardly ever lets a proposal pass */
            qf_buf_put_text(&ops, i == 20 ? "[{\"op\":\"consortium.propose\",\"proposal\":\"s\","
                                            "\"action\":{\"do\":\"member.suspend\","
                                            "\"member\":\"c\"}},"
                                            "{\"op\":\"consortium.vote\",\"proposal\":\"s\","
                                            "\"choice\":\"yes\"}"
                                          : "[{\"op\":\"consortium.vote\",\"proposal\":\"s\","
                                            "\"choice\":\"yes\"}");
        for (unsigned k = 0; k < count; k++) {
            qf_buf_put_text(&ops, k == 0 ? "[" : ",");
            unsigned kind = pick(10);
            if (kind < 4)
                put_evidence(&ops);
            else if (kind < 8)
                put_identity(&ops, world);
            else
                put_consortium(&ops);
        }
        qf_buf_put_text(&ops, "]");
        unsigned signer = suspends       ? (unsigned)i - 20
                          : pick(3) == 0 ? pick(QF_TESTING_KEYS)
                                         : pick(4);
        int64_t exp_s = pick(30) == 0 ? now : pick(30) == 0 ? now + 4000 : now + 600;
        stream->jws[i] = i > 0 && pick(20) == 0
                             ? stream->jws[pick((unsigned)i)]
                             : qf_testing_sign(world, signer, exp_s,
                                               qf_testing_json(world, "%s", qf_buf_text(&ops)));
        stream->signature[i] = pick(30) == 0   ? QF_TX_BAD
                               : pick(10) == 0 ? QF_TX_UNCHECKED
                                               : QF_TX_GOOD;
    }
    qf_buf_deinit(&ops);
}

/* The open block's changes as one text. */
static const char *changes_text(struct qf_testing_world *world)
{
    const struct qf_kernel_change *changes;
    size_t count;
    qf_kernel_end(world->kernel, &changes, &count);
    struct qf_buf text = {0};
    for (size_t i = 0; i < count; i++) {
        qf_buf_put_slice(&text, changes[i].key);
        qf_buf_put_text(&text, changes[i].value.data == NULL ? "-" : "=");
        qf_buf_put_slice(&text, changes[i].value);
        qf_buf_put_text(&text, "\n");
    }
    const char *copy = qf_arena_text(&world->arena, qf_buf_slice(&text));
    qf_buf_deinit(&text);
    return copy;
}

static void run_one(struct qf_testing_world *world, const struct stream *stream, size_t i,
                    struct qf_receipt *receipt, bool compare)
{
    const char *before = compare ? changes_text(world) : NULL;
    qf_testing_apply(world, stream->jws[i], stream->signature[i], receipt);
    if (compare && receipt->code != QF_OK)
        assert_string_equal(changes_text(world), before);
}

/* Blocks of up to `size_max`; a block is sometimes tried and dropped first. */
static void run_stream(struct qf_testing_world *world, const struct stream *stream,
                       unsigned size_max, enum qf_status codes[STREAM])
{
    for (size_t from = 0; from < STREAM;) {
        size_t size = 1 + pick(size_max);
        if (size > STREAM - from)
            size = STREAM - from;
        bool rehearse = pick(3) == 0;
        for (int round = rehearse ? 0 : 1; round < 2; round++) {
            uint64_t first_leaf = world->block.first_leaf;
            qf_testing_begin(world);
            for (size_t i = from; i < from + size; i++) {
                struct qf_receipt receipt;
                run_one(world, stream, i, &receipt, size_max <= 8);
                codes[i] = receipt.code;
            }
            qf_testing_end(world, round == 0);
            if (round == 0)
                world->block.first_leaf = first_leaf;
        }
        from += size;
    }
}

static void splitting_into_blocks_does_not_matter(void **state)
{
    (void)state;
    struct qf_testing_world *origin = qf_testing_new(QF_SUITE_INTL);
    unsigned seen[QF_STATUS_REFUSAL_MAX + 1] = {0};
    static struct stream stream;
    for (uint32_t seed = 1; seed <= SEEDS; seed++) {
        random_state = seed * 7919;
        make_stream(origin, &stream);
        static const unsigned sizes[] = {1, 8, 60, STREAM};
        const char *first_dump = NULL;
        struct qf_testing_world *worlds[4];
        for (size_t w = 0; w < 4; w++) {
            enum qf_status codes[STREAM];
            worlds[w] = qf_testing_twin(origin);
            qf_testing_found(worlds[w]);
            run_stream(worlds[w], &stream, sizes[w], w == 0 ? stream.codes : codes);
            if (w == 0) {
                first_dump = qf_testing_dump(worlds[w]);
                continue;
            }
            for (size_t i = 0; i < STREAM; i++)
                if (codes[i] != stream.codes[i])
                    fail_msg("seed %u, blocks of %u, transaction %zu: %s, was %s", seed, sizes[w],
                             i, qf_status_name(codes[i]), qf_status_name(stream.codes[i]));
            assert_string_equal(qf_testing_dump(worlds[w]), first_dump);
        }
        for (size_t i = 0; i < STREAM; i++)
            seen[stream.codes[i]]++;
        for (size_t w = 0; w < 4; w++)
            qf_testing_free(worlds[w]);
    }
    /* The streams are worth something only if they reach the refusals. */
    static const enum qf_status wanted[] = {
        QF_OK,        QF_BAD_SIGNATURE,  QF_UNKNOWN_KEY, QF_KEY_REVOKED, QF_MEMBER_SUSPENDED,
        QF_EXPIRED,   QF_EXPIRY_TOO_FAR, QF_DUPLICATE,   QF_NOT_ALLOWED, QF_EXISTS,
        QF_NOT_FOUND, QF_WRONG_STATE};
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
        if (seen[wanted[i]] == 0)
            fail_msg("no transaction came to %s", qf_status_name(wanted[i]));
    assert_true(seen[QF_OK] > SEEDS * STREAM / 10);
    qf_testing_free(origin);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(splitting_into_blocks_does_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
