/* Whether the fast implementation and OpenSSL say the same of every signature: random ones,
 * mutated ones, and ones that the owner of a key built to hit each exceptional case of the
 * arithmetic. Works below the hashing of the message, since a chosen digest reaches cases that no
 * message can be found for.
 *
 *   verify-agree es256|sm2|eddsa COUNT [SEED]
 *
 * Each signature is judged by OpenSSL; by the fast implementation alone and in a batch, with the
 * key's table (mostly) and without; and, some of them, by its form for processors without BMI2 and
 * ADX. Exit status 0 when all agree. */
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "crypto/evp.h"
#include "crypto/verify/verify_fast.h"

#define POOL_KEYS 64
#define NONCES 256 /* precomputed k and x(k·G), so that signing costs no point multiplication */
#define BATCH QF_VERIFY_BATCH_MAX

struct side {
    struct qf_verify_impl impl;
    struct qf_known_keys *keys;
};

struct signature_case {
    struct qf_public_key key;
    uint8_t digest[QF_HASH_SIZE]; /* for Ed25519: the message */
    uint8_t signature[QF_SIGNATURE_SIZE];
};

static struct side hot;   /* with tables */
static struct side cold;  /* without */
static struct side plain; /* the form for every processor */

static enum qf_sig_alg alg;
static EC_GROUP *group;
static const BIGNUM *order;
static BN_CTX *bn;
static uint64_t seed;

static struct signature_case batch[BATCH];
static bool verdicts[BATCH];
static size_t batch_count;
static uint64_t judged;
static uint64_t accepted;
static const char *stage;

#define CHECK(condition) QF_ASSERT(condition)

static uint64_t next_random(void)
{
    uint64_t z = (seed += 0x9e3779b97f4a7c15U);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

static void random_bytes(uint8_t *out, size_t size)
{
    for (size_t i = 0; i < size; i++)
        out[i] = (uint8_t)next_random();
}

static void side_init(struct side *side, size_t cache_size, enum qf_arith arith)
{
    CHECK(qf_verify_fast_new(&side->impl, cache_size, arith, NULL) == QF_OK);
    CHECK(qf_known_keys_new(&side->keys, &side->impl.keys, NULL) == QF_OK);
}

static void side_deinit(struct side *side)
{
    qf_known_keys_free(side->keys);
    side->impl.free(side->impl.self);
}

static void side_check(struct side *side, const struct signature_case *cases, size_t count,
                       bool *good)
{
    struct qf_verify_task tasks[BATCH];
    for (size_t i = 0; i < count; i++) {
        tasks[i] = (struct qf_verify_task){
            .key = qf_known_keys_get(side->keys, &cases[i].key),
            .message = qf_slice_make(cases[i].digest, QF_HASH_SIZE),
            .signature = cases[i].signature,
        };
        memcpy(tasks[i].digest, cases[i].digest, QF_HASH_SIZE);
    }
    side->impl.check(side->impl.self, tasks, count);
    for (size_t i = 0; i < count; i++) {
        good[i] = tasks[i].good;
        qf_known_keys_release(side->keys, tasks[i].key);
    }
}

static bool openssl_check(const struct signature_case *one)
{
    struct qf_known_key *key = qf_known_keys_get(hot.keys, &one->key);
    struct qf_verify_task task = {.key = key,
                                  .message = qf_slice_make(one->digest, QF_HASH_SIZE),
                                  .signature = one->signature};
    memcpy(task.digest, one->digest, QF_HASH_SIZE);
    bool good = qf_verify_openssl(key, &task);
    qf_known_keys_release(hot.keys, key);
    return good;
}

static void print_hex(const char *name, const uint8_t *bytes, size_t size)
{
    (void)fprintf(stderr, "  %s ", name);
    for (size_t i = 0; i < size; i++)
        (void)fprintf(stderr, "%02x", bytes[i]);
    (void)fprintf(stderr, "\n");
}

static void expect(const struct signature_case *one, const char *who, bool said, bool wanted)
{
    if (said == wanted)
        return;
    (void)fprintf(stderr, "%s: OpenSSL says %s, %s says %s\n", stage, wanted ? "good" : "not good",
                  who, said ? "good" : "not good");
    print_hex("key      ", one->key.bytes, one->key.size);
    print_hex("digest   ", one->digest, QF_HASH_SIZE);
    print_hex("signature", one->signature, QF_SIGNATURE_SIZE);
    exit(1);
}

static void flush_batch(void)
{
    bool good[BATCH];
    side_check(&hot, batch, batch_count, good);
    for (size_t i = 0; i < batch_count; i++)
        expect(&batch[i], "a batch", good[i], verdicts[i]);
    batch_count = 0;
}

/* All paths on one signature; gives OpenSSL's answer. */
static bool judge(const struct signature_case *one, bool all_paths)
{
    bool wanted = openssl_check(one);
    bool good = false;
    side_check(&hot, one, 1, &good);
    expect(one, "fast", good, wanted);
    if (all_paths || judged % 4 == 0) {
        side_check(&cold, one, 1, &good);
        expect(one, "fast without tables", good, wanted);
    }
    if (all_paths || judged % 8 == 0) {
        side_check(&plain, one, 1, &good);
        expect(one, "fast without BMI2 and ADX", good, wanted);
    }
    batch[batch_count] = *one;
    verdicts[batch_count++] = wanted;
    if (batch_count == BATCH)
        flush_batch();
    judged++;
    accepted += wanted;
    return wanted;
}

/* Uses the key until it has its table. */
static void warm(const struct qf_public_key *key)
{
    struct signature_case one = {.key = *key};
    memset(one.signature, 1, sizeof one.signature);
    bool good = false;
    for (int i = 0; i < QF_TABLE_USES_MIN; i++) {
        side_check(&hot, &one, 1, &good);
        side_check(&plain, &one, 1, &good);
    }
    qf_table_cache_settle(qf_verify_fast_tables(&hot.impl));
    qf_table_cache_settle(qf_verify_fast_tables(&plain.impl));
}

/* -- P-256 and SM2 -- */

static BIGNUM *number(void)
{
    BIGNUM *made = BN_new();
    CHECK(made != NULL);
    return made;
}

static void put_number(uint8_t out[32], const BIGNUM *value)
{
    CHECK(BN_bn2binpad(value, out, 32) == 32);
}

static void random_scalar(BIGNUM *out)
{
    uint8_t bytes[40];
    random_bytes(bytes, sizeof bytes);
    CHECK(BN_bin2bn(bytes, sizeof bytes, out) != NULL && BN_nnmod(out, out, order, bn) == 1);
}

static void key_of_point(struct qf_public_key *out, const EC_POINT *point)
{
    uint8_t bytes[65];
    CHECK(EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, bytes, sizeof bytes,
                             bn) == sizeof bytes);
    *out = (struct qf_public_key){.alg = alg, .size = 64};
    memcpy(out->bytes, bytes + 1, 64);
}

static void key_of_scalar(struct qf_public_key *out, const BIGNUM *q)
{
    EC_POINT *point = EC_POINT_new(group);
    CHECK(point != NULL && EC_POINT_mul(group, point, q, NULL, NULL, bn) == 1);
    key_of_point(out, point);
    EC_POINT_free(point);
}

/* x(k·G), or false for infinity. */
static bool x_of_scalar(BIGNUM *x, const BIGNUM *k)
{
    EC_POINT *point = EC_POINT_new(group);
    CHECK(point != NULL && EC_POINT_mul(group, point, k, NULL, NULL, bn) == 1);
    bool finite = EC_POINT_is_at_infinity(group, point) == 0;
    if (finite)
        CHECK(EC_POINT_get_affine_coordinates(group, point, x, NULL, bn) == 1);
    EC_POINT_free(point);
    return finite;
}

/* The digest and signature for which R = u1·G + u2·Q has to have x(R) = `x`. ES256: r = x, s =
 * r/u2, e = u1·s. SM2: s = u1, r = u2 − s, e = r − x. Gives whether r, s and u2 are what they must
 * be, not 0: else the signature is not good although the equation holds. */
static bool build(struct signature_case *one, const BIGNUM *u1, const BIGNUM *u2, const BIGNUM *x)
{
    BIGNUM *r = number();
    BIGNUM *s = number();
    BIGNUM *e = number();
    if (alg == QF_ALG_SM2_SM3) {
        CHECK(BN_nnmod(s, u1, order, bn) == 1 && BN_mod_sub(r, u2, s, order, bn) == 1);
        CHECK(BN_mod_sub(e, r, x, order, bn) == 1);
    } else if (BN_is_zero(u2) == 0) {
        CHECK(BN_nnmod(r, x, order, bn) == 1);
        CHECK(BN_mod_inverse(s, u2, order, bn) != NULL && BN_mod_mul(s, s, r, order, bn) == 1);
        CHECK(BN_mod_mul(e, u1, s, order, bn) == 1);
    }
    put_number(one->signature, r);
    put_number(one->signature + 32, s);
    put_number(one->digest, e);
    bool good = BN_is_zero(u2) == 0 && BN_is_zero(r) == 0 && BN_is_zero(s) == 0;
    BN_free(r);
    BN_free(s);
    BN_free(e);
    return good;
}

static struct {
    BIGNUM *k;
    BIGNUM *x;
    BIGNUM *k_inverse;
} nonces[NONCES];
static struct {
    BIGNUM *q;
    BIGNUM *inverse_1q; /* 1/(1 + q), for SM2 */
    struct qf_public_key key;
} pool[POOL_KEYS];

static void pool_key(size_t at)
{
    random_scalar(pool[at].q);
    CHECK(BN_add(pool[at].inverse_1q, pool[at].q, BN_value_one()) == 1);
    CHECK(BN_mod_inverse(pool[at].inverse_1q, pool[at].inverse_1q, order, bn) != NULL);
    key_of_scalar(&pool[at].key, pool[at].q);
}

static void curve_init(void)
{
    group = EC_GROUP_new_by_curve_name(alg == QF_ALG_ES256 ? NID_X9_62_prime256v1 : NID_sm2);
    bn = BN_CTX_new();
    CHECK(group != NULL && bn != NULL);
    order = EC_GROUP_get0_order(group);
    for (size_t i = 0; i < NONCES; i++) {
        nonces[i].k = number();
        nonces[i].x = number();
        nonces[i].k_inverse = number();
        random_scalar(nonces[i].k);
        CHECK(x_of_scalar(nonces[i].x, nonces[i].k));
        CHECK(BN_mod_inverse(nonces[i].k_inverse, nonces[i].k, order, bn) != NULL);
    }
    for (size_t i = 0; i < POOL_KEYS; i++) {
        pool[i].q = number();
        pool[i].inverse_1q = number();
        pool_key(i);
        warm(&pool[i].key);
    }
}

static void curve_deinit(void)
{
    for (size_t i = 0; i < NONCES; i++) {
        BN_free(nonces[i].k);
        BN_free(nonces[i].x);
        BN_free(nonces[i].k_inverse);
    }
    for (size_t i = 0; i < POOL_KEYS; i++) {
        BN_free(pool[i].q);
        BN_free(pool[i].inverse_1q);
    }
    BN_CTX_free(bn);
    EC_GROUP_free(group);
}

/* A good signature of a random digest. */
static void sign_random(struct signature_case *one, BIGNUM *r, BIGNUM *s)
{
    size_t key = next_random() % POOL_KEYS;
    size_t nonce = next_random() % NONCES;
    if (next_random() % 256 == 0)
        pool_key(key); /* a key never seen, cold at first, with a table soon */
    one->key = pool[key].key;
    random_bytes(one->digest, sizeof one->digest);
    if (next_random() % 16 == 0)
        memset(one->digest, 0xff, 8 + next_random() % 25); /* past the order */
    CHECK(BN_bin2bn(one->digest, QF_HASH_SIZE, s) != NULL);
    if (alg == QF_ALG_ES256) { /* r = x(k·G), s = (e + r·q)/k */
        CHECK(BN_nnmod(r, nonces[nonce].x, order, bn) == 1);
        BIGNUM *product = number();
        CHECK(BN_mod_mul(product, r, pool[key].q, order, bn) == 1);
        CHECK(BN_mod_add(s, s, product, order, bn) == 1);
        CHECK(BN_mod_mul(s, s, nonces[nonce].k_inverse, order, bn) == 1);
        BN_free(product);
    } else { /* r = e + x(k·G), s = (k − r·q)/(1 + q) */
        CHECK(BN_mod_add(r, s, nonces[nonce].x, order, bn) == 1);
        CHECK(BN_mod_mul(s, r, pool[key].q, order, bn) == 1);
        CHECK(BN_mod_sub(s, nonces[nonce].k, s, order, bn) == 1);
        CHECK(BN_mod_mul(s, s, pool[key].inverse_1q, order, bn) == 1);
    }
    put_number(one->signature, r);
    put_number(one->signature + 32, s);
}

/* A number that checks of range may get wrong. */
static void odd_number(uint8_t out[32])
{
    static const int offsets[] = {-2, -1, 0, 1, 2};
    BIGNUM *value = number();
    switch (next_random() % 5) {
    case 0: /* around 0 */
        CHECK(BN_set_word(value, 2) == 1);
        break;
    case 1:
        CHECK(BN_copy(value, order) != NULL);
        break;
    case 2:
        CHECK(BN_copy(value, EC_GROUP_get0_field(group)) != NULL);
        break;
    case 3:
        CHECK(BN_rshift1(value, order) == 1);
        break;
    default:
        CHECK(BN_lshift(value, BN_value_one(), 256) == 1 && BN_sub_word(value, 3) == 1);
        break;
    }
    int offset = offsets[next_random() % 5];
    CHECK(offset < 0 ? BN_sub_word(value, (BN_ULONG)-offset)
                     : BN_add_word(value, (BN_ULONG)offset));
    put_number(out, value);
    BN_free(value);
}

static void mutate(struct signature_case *one, BIGNUM *r, BIGNUM *s)
{
    size_t half = next_random() % 2 * 32;
    switch (next_random() % 9) {
    case 0:
        one->signature[next_random() % 64] ^= (uint8_t)(1U << next_random() % 8);
        break;
    case 1:
        one->digest[next_random() % 32] ^= (uint8_t)(1U << next_random() % 8);
        break;
    case 2:
        one->key = pool[next_random() % POOL_KEYS].key;
        break;
    case 3: /* −s: good for ES256 */
        CHECK(BN_sub(s, order, s) == 1);
        put_number(one->signature + 32, s);
        break;
    case 4:
        odd_number(one->signature + half);
        break;
    case 5:
        odd_number(one->signature);
        odd_number(one->signature + 32);
        break;
    case 6: /* r + n, where it fits */
        CHECK(BN_add(r, r, order) == 1);
        if (BN_num_bits(r) <= 256)
            put_number(one->signature, r);
        break;
    case 7:
        random_bytes(one->signature + half, 32);
        break;
    default:
        odd_number(one->digest);
        break;
    }
}

static void random_case_curve(bool changed)
{
    struct signature_case one;
    BIGNUM *r = number();
    BIGNUM *s = number();
    sign_random(&one, r, s);
    if (changed)
        mutate(&one, r, s);
    bool good = judge(&one, false);
    CHECK(changed || good);
    BN_free(r);
    BN_free(s);
}

/* Scalars at the edges of digits, rows, and the halves of the order. */
static size_t edge_scalars(BIGNUM **out)
{
    static const unsigned words[] = {1, 2, 3, 15, 16, 17, 31, 32, 33, 127, 128, 129, 255, 256, 257};
    static const int powers[] = {245, 248, 250, 255};
    size_t count = 0;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        CHECK(BN_set_word(out[count++] = number(), words[i]) == 1);
        CHECK(BN_copy(out[count] = number(), order) != NULL);
        CHECK(BN_sub_word(out[count++], words[i]) == 1);
    }
    for (size_t i = 0; i < sizeof powers / sizeof powers[0]; i++) {
        CHECK(BN_lshift(out[count++] = number(), BN_value_one(), powers[i]) == 1);
        CHECK(BN_copy(out[count] = number(), out[count - 1]) != NULL);
        CHECK(BN_sub_word(out[count++], 1) == 1);
    }
    CHECK(BN_rshift1(out[count++] = number(), order) == 1);
    CHECK(BN_copy(out[count] = number(), out[count - 1]) != NULL);
    CHECK(BN_add_word(out[count++], 1) == 1);
    return count;
}

/* The signature for u1, u2 and x, which is good as told; and, should the digest plus n still be a
 * digest, the same with that one, since digests count modulo n. */
static void judge_built(struct signature_case *one, const BIGNUM *u1, const BIGNUM *u2,
                        const BIGNUM *x, bool good)
{
    good = build(one, u1, u2, x) && good;
    CHECK(judge(one, true) == good);
    BIGNUM *e = number();
    CHECK(BN_bin2bn(one->digest, QF_HASH_SIZE, e) != NULL && BN_add(e, e, order) == 1);
    if (BN_num_bits(e) <= 256) {
        put_number(one->digest, e);
        CHECK(judge(one, true) == good);
    }
    BN_free(e);
}

/* x(R) itself; and one that only somebody would take for it who forgets that x(R) + n must be a
 * coordinate, below p. */
static void judge_x(struct signature_case *one, const BIGNUM *u1, const BIGNUM *u2, const BIGNUM *x)
{
    BIGNUM *other = number();
    judge_built(one, u1, u2, x, true);
    CHECK(BN_sub(other, EC_GROUP_get0_field(group), order) == 1 && BN_add(other, other, x) == 1);
    judge_built(one, u1, u2, other, false);
    BN_free(other);
}

/* R = u1·G + u2·Q of a key whose q is known: good when R is finite, and with x + 1 never. */
static void owner_case(const struct qf_public_key *key, const BIGNUM *q, const BIGNUM *u1,
                       const BIGNUM *u2)
{
    struct signature_case one = {.key = *key};
    BIGNUM *k = number();
    BIGNUM *x = number();
    CHECK(BN_mod_mul(k, u2, q, order, bn) == 1 && BN_mod_add(k, k, u1, order, bn) == 1);
    if (x_of_scalar(x, k)) {
        judge_x(&one, u1, u2, x);
        CHECK(BN_add_word(x, 1) == 1);
    } else {
        random_scalar(x);
    }
    judge_built(&one, u1, u2, x, false);
    BN_free(k);
    BN_free(x);
}

/* u1·G = ±u2·Q, so that joining the sums is a doubling or gives infinity; u1 = 0; keys and scalars
 * for which both sums run through the same table entries. */
static void owner_cases(void)
{
    BIGNUM *edges[64];
    size_t count = edge_scalars(edges);
    BIGNUM *u = number();
    BIGNUM *zero = number();
    for (size_t i = 0; i < count; i += 3) {
        struct qf_public_key key;
        key_of_scalar(&key, edges[i]);
        warm(&key);
        for (size_t j = 0; j < count; j++) {
            CHECK(BN_mod_mul(u, edges[j], edges[i], order, bn) == 1);
            owner_case(&key, edges[i], u, edges[j]); /* u1·G = u2·Q */
            CHECK(BN_sub(u, order, u) == 1);
            owner_case(&key, edges[i], u, edges[j]); /* u1·G = −u2·Q */
            owner_case(&key, edges[i], zero, edges[j]);
            owner_case(&key, edges[i], edges[j], zero);
            owner_case(&key, edges[i], edges[j], edges[j]); /* SM2: r = 0 */
            owner_case(&key, edges[i], edges[(j * 7 + i) % count], edges[j]);
        }
    }
    for (int i = 0; i < 50; i++) { /* the same with nothing special about the numbers */
        random_scalar(edges[0]);
        CHECK(BN_mod_mul(u, edges[0], pool[0].q, order, bn) == 1);
        owner_case(&pool[0].key, pool[0].q, u, edges[0]);
        CHECK(BN_sub(u, order, u) == 1);
        owner_case(&pool[0].key, pool[0].q, u, edges[0]);
        owner_case(&pool[0].key, pool[0].q, zero, edges[0]);
    }
    BN_free(u);
    BN_free(zero);
    for (size_t i = 0; i < count; i++)
        BN_free(edges[i]);
}

/* R of a chosen x, by a key made for it: Q = (R − u1·G)/u2. */
static void chosen_x(const BIGNUM *x)
{
    EC_POINT *point = EC_POINT_new(group);
    CHECK(point != NULL);
    if (EC_POINT_set_compressed_coordinates(group, point, x, 0, bn) == 1) {
        BIGNUM *u1 = number();
        BIGNUM *u2 = number();
        BIGNUM *inverse = number();
        EC_POINT *base = EC_POINT_new(group);
        struct signature_case one;
        random_scalar(u1);
        random_scalar(u2);
        if (alg == QF_ALG_SM2_SM3 && next_random() % 2 == 0) /* a small r, below e modulo n */
            CHECK(BN_copy(u2, u1) != NULL && BN_add_word(u2, 1 + next_random() % 8) == 1);
        CHECK(EC_POINT_mul(group, base, u1, NULL, NULL, bn) == 1);
        CHECK(EC_POINT_invert(group, base, bn) == 1);
        CHECK(EC_POINT_add(group, base, base, point, bn) == 1);
        CHECK(BN_mod_inverse(inverse, u2, order, bn) != NULL);
        CHECK(EC_POINT_mul(group, base, NULL, base, inverse, bn) == 1);
        key_of_point(&one.key, base);
        warm(&one.key);
        judge_x(&one, u1, u2, x);
        EC_POINT_free(base);
        BN_free(u1);
        BN_free(u2);
        BN_free(inverse);
    }
    EC_POINT_free(point);
    ERR_clear_error();
}

/* x(R) around 0, p − n, n and p: r = x(R) − n in ES256 where x(R) ≥ n. */
static void wrapped_x(void)
{
    BIGNUM *x = number();
    for (unsigned i = 0; i < 40; i++) {
        CHECK(BN_set_word(x, i) == 1);
        chosen_x(x);
        CHECK(BN_copy(x, order) != NULL && BN_add_word(x, i) == 1);
        chosen_x(x);
        CHECK(BN_sub_word(x, 2 * i) == 1);
        chosen_x(x);
        CHECK(BN_copy(x, EC_GROUP_get0_field(group)) != NULL && BN_sub_word(x, i + 1) == 1);
        chosen_x(x);
        CHECK(BN_sub(x, EC_GROUP_get0_field(group), order) == 1);
        CHECK(i % 2 == 0 ? BN_add_word(x, i / 2) : BN_sub_word(x, i));
        chosen_x(x);
    }
    BN_free(x);
}

/* Keys that are none: off the curve, or a good one with p added to x, which fits where x is small.
 * The signatures would be good. */
static void bad_points(void)
{
    struct signature_case one;
    BIGNUM *u1 = number();
    BIGNUM *u2 = number();
    BIGNUM *x = number();
    EC_POINT *point = EC_POINT_new(group);
    EC_POINT *sum = EC_POINT_new(group);
    for (unsigned i = 0; i < 64; i++) {
        sign_random(&one, u1, u2);
        one.key.bytes[i] ^= 1;
        CHECK(!judge(&one, true));
        CHECK(BN_set_word(x, i) == 1);
        if (EC_POINT_set_compressed_coordinates(group, point, x, i % 2, bn) != 1)
            continue;
        key_of_point(&one.key, point);
        random_scalar(u1);
        random_scalar(u2);
        CHECK(EC_POINT_mul(group, sum, u1, point, u2, bn) == 1);
        CHECK(EC_POINT_get_affine_coordinates(group, sum, x, NULL, bn) == 1);
        judge_built(&one, u1, u2, x, true);
        CHECK(BN_set_word(x, i) == 1 && BN_add(x, x, EC_GROUP_get0_field(group)) == 1);
        put_number(one.key.bytes, x);
        CHECK(!judge(&one, true));
    }
    ERR_clear_error();
    EC_POINT_free(point);
    EC_POINT_free(sum);
    BN_free(u1);
    BN_free(u2);
    BN_free(x);
}

/* -- Ed25519 -- */

static struct {
    struct qf_private_key *private_key;
    struct qf_public_key key;
} signers[POOL_KEYS];

static void edwards_init(void)
{
    for (size_t i = 0; i < POOL_KEYS; i++) {
        CHECK(qf_private_key_generate(&signers[i].private_key, QF_ALG_EDDSA, NULL) == QF_OK);
        qf_private_key_public(signers[i].private_key, &signers[i].key);
        warm(&signers[i].key);
    }
}

static void edwards_deinit(void)
{
    for (size_t i = 0; i < POOL_KEYS; i++)
        qf_private_key_free(signers[i].private_key);
}

static const uint8_t ed_order[32] = {
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0x10};

/* s + n·L, little-endian. */
static void add_order(uint8_t s[32], unsigned times)
{
    while (times-- > 0) {
        unsigned carry = 0;
        for (size_t i = 0; i < 32; i++) {
            carry += (unsigned)s[i] + ed_order[i];
            s[i] = (uint8_t)carry;
            carry >>= 8;
        }
    }
}

static void random_case_edwards(bool changed)
{
    struct signature_case one;
    size_t signer = next_random() % POOL_KEYS;
    one.key = signers[signer].key;
    random_bytes(one.digest, sizeof one.digest);
    CHECK(qf_private_key_sign(signers[signer].private_key, one.signature,
                              qf_slice_make(one.digest, QF_HASH_SIZE), NULL) == QF_OK);
    if (changed) {
        switch (next_random() % 6) {
        case 0:
            one.signature[next_random() % 64] ^= (uint8_t)(1U << next_random() % 8);
            break;
        case 1:
            one.digest[next_random() % 32] ^= (uint8_t)(1U << next_random() % 8);
            break;
        case 2:
            one.key = signers[next_random() % POOL_KEYS].key;
            break;
        case 3:
            add_order(one.signature + 32, 1 + (unsigned)(next_random() % 15));
            break;
        case 4:
            one.key.bytes[next_random() % 32] ^= (uint8_t)(1U << next_random() % 8);
            break;
        default:
            random_bytes(one.signature + next_random() % 2 * 32, 32);
            break;
        }
    }
    bool good = judge(&one, false);
    CHECK(changed || good);
}

/* The encodings of the points of order 1, 2, 4 and 8, those that are not canonical included, as key
 * and as R with every s that could make them match. */
static void small_orders(void)
{
    static const char *const y[] = {
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "efffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    };
    enum { COUNT = 2 * sizeof y / sizeof y[0] };
    uint8_t points[COUNT][32];
    for (size_t i = 0; i < COUNT; i++) {
        for (size_t j = 0; j < 32; j++) {
            unsigned byte = 0;
            CHECK(sscanf(y[i / 2] + 2 * j, "%2x", &byte) == 1);
            points[i][j] = (uint8_t)byte;
        }
        points[i][31] |= (uint8_t)(i % 2 * 0x80);
    }
    uint64_t before = accepted;
    for (size_t a = 0; a < COUNT; a++) {
        struct qf_public_key key = {.alg = alg, .size = 32};
        memcpy(key.bytes, points[a], 32);
        warm(&key);
        for (size_t r = 0; r < COUNT; r++) {
            for (unsigned variant = 0; variant < 12; variant++) {
                struct signature_case one = {.key = {.alg = alg, .size = 32}};
                memcpy(one.key.bytes, points[a], 32);
                memcpy(one.signature, points[r], 32);
                one.digest[0] = (uint8_t)variant;
                if (variant >= 8)
                    add_order(one.signature + 32, variant - 8); /* 0 and multiples of L */
                if (variant == 7)
                    one.signature[32] = 1;
                (void)judge(&one, true);
            }
        }
    }
    CHECK(accepted > before); /* R = −k·A does happen among them */
}

static void run_random(uint64_t count)
{
    time_t last = time(NULL);
    for (uint64_t i = 0; i < count; i++) {
        bool changed = i % 2 == 1;
        if (alg == QF_ALG_EDDSA)
            random_case_edwards(changed);
        else
            random_case_curve(changed);
        if (i % 1024 == 0 && time(NULL) >= last + 10) {
            last = time(NULL);
            (void)fprintf(stderr, "%s: %llu of %llu\n", qf_sig_alg_name(alg), (unsigned long long)i,
                          (unsigned long long)count);
        }
    }
}

int main(int argc, char **argv)
{
    static const char *const names[] = {
        [QF_ALG_ES256] = "es256", [QF_ALG_EDDSA] = "eddsa", [QF_ALG_SM2_SM3] = "sm2"};
    if (argc < 3 || argc > 4)
        return 2;
    for (enum qf_sig_alg each = QF_ALG_ES256; each <= QF_ALG_SM2_SM3; each++)
        if (strcmp(argv[1], names[each]) == 0)
            alg = each;
    if (alg == 0)
        return 2;
    uint64_t count = strtoull(argv[2], NULL, 10);
    seed = argc == 4 ? strtoull(argv[3], NULL, 10) : 1;
    side_init(&hot, (size_t)64 << 20, qf_arith_best());
    side_init(&cold, 1, qf_arith_best());
    side_init(&plain, (size_t)64 << 20, QF_ARITH_PLAIN);
    stage = "built by the owner";
    if (alg == QF_ALG_EDDSA) {
        edwards_init();
        small_orders();
    } else {
        curve_init();
        owner_cases();
        wrapped_x();
        bad_points();
    }
    uint64_t built = judged;
    stage = "random";
    run_random(count);
    flush_batch();
    struct qf_table_stats stats = qf_table_cache_stats(qf_verify_fast_tables(&hot.impl));
    CHECK(stats.tables >= POOL_KEYS);
    printf("%s: %llu signatures built and %llu random, seed %s: all agree, %llu good\n", argv[1],
           (unsigned long long)built, (unsigned long long)count, argc == 4 ? argv[3] : "1",
           (unsigned long long)accepted);
    if (alg == QF_ALG_EDDSA)
        edwards_deinit();
    else
        curve_deinit();
    side_deinit(&hot);
    side_deinit(&cold);
    side_deinit(&plain);
    return 0;
}
