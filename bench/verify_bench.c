/* How fast signatures are checked: each implementation against OpenSSL on one core, the keys in
 * rotation, hashing and the taking apart of the signature included. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "benches.h"
#include "crypto/verify/verify.h"

#define MESSAGE_SIZE 358 /* the signing input of a small transaction */

struct fixture {
    struct qf_public_key *keys;
    uint8_t (*messages)[MESSAGE_SIZE];
    uint8_t (*signatures)[QF_SIGNATURE_SIZE];
    struct qf_verify_item *items;
    size_t count;
};

static void fixture_init(struct fixture *fixture, enum qf_sig_alg alg, size_t count)
{
    fixture->count = count;
    fixture->keys = calloc(count, sizeof *fixture->keys);
    fixture->messages = calloc(count, sizeof *fixture->messages);
    fixture->signatures = calloc(count, sizeof *fixture->signatures);
    fixture->items = calloc(count, sizeof *fixture->items);
    QF_ASSERT(fixture->keys != NULL && fixture->messages != NULL && fixture->signatures != NULL &&
              fixture->items != NULL);
    for (size_t i = 0; i < count; i++) {
        struct qf_private_key *key = NULL;
        struct qf_slice message = {fixture->messages[i], MESSAGE_SIZE};
        (void)snprintf((char *)fixture->messages[i], MESSAGE_SIZE, "message %zu", i);
        QF_ASSERT(qf_private_key_generate(&key, alg, NULL) == QF_OK);
        QF_ASSERT(qf_private_key_sign(key, fixture->signatures[i], message, NULL) == QF_OK);
        qf_private_key_public(key, &fixture->keys[i]);
        qf_private_key_free(key);
        fixture->items[i] = (struct qf_verify_item){
            .key = &fixture->keys[i], .message = message, .signature = fixture->signatures[i]};
    }
}

static void fixture_deinit(struct fixture *fixture)
{
    free(fixture->keys);
    free(fixture->messages);
    free(fixture->signatures);
    free(fixture->items);
}

/* Signatures per second over `rounds` rotations. */
static double rate(struct qf_verifier *verifier, struct fixture *fixture, size_t rounds)
{
    uint64_t start = bench_now_ns();
    for (size_t i = 0; i < rounds; i++) {
        qf_verifier_check(verifier, fixture->items, fixture->count);
        for (size_t j = 0; j < fixture->count; j++)
            QF_ASSERT(fixture->items[j].good);
    }
    return (double)(rounds * fixture->count) * 1e9 / (double)(bench_now_ns() - start);
}

static struct qf_verifier *verifier_new(enum qf_verifier_kind kind)
{
    struct qf_verifier *verifier = NULL;
    struct qf_error err;
    const struct qf_verifier_options options = {.kind = kind};
    if (qf_verifier_new(&verifier, &options, &err) != QF_OK) {
        (void)fprintf(stderr, "%s\n", err.detail);
        return NULL;
    }
    return verifier;
}

static void openssl_alone(struct bench_report *report, const struct bench_options *options,
                          enum qf_sig_alg alg, const char *id)
{
    struct fixture fixture;
    struct bench_samples samples = {.count = 0};
    struct qf_verifier *verifier = verifier_new(QF_VERIFIER_OPENSSL);
    fixture_init(&fixture, alg, options->quick ? 10 : 1000);
    (void)rate(verifier, &fixture, 1);
    for (int run = 0; run < options->runs; run++)
        bench_samples_add(&samples, rate(verifier, &fixture, 1));
    bench_report_add(report, &(struct bench_result){.id = id,
                                                    .value = bench_samples_median(&samples),
                                                    .unit = "1/s",
                                                    .better = BENCH_HIGHER,
                                                    .runs = options->runs});
    fixture_deinit(&fixture);
    qf_verifier_free(verifier);
}

int bench_verify(const struct bench_options *options)
{
    struct bench_report *report = bench_report_new("verify");
    openssl_alone(report, options, QF_ALG_ES256, "openssl.verify.es256");
    openssl_alone(report, options, QF_ALG_EDDSA, "openssl.verify.eddsa");
    openssl_alone(report, options, QF_ALG_SM2_SM3, "openssl.verify.sm2");
    return bench_report_finish(report, options);
}
