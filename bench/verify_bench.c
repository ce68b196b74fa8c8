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

static struct qf_verifier *verifier_new(enum qf_verifier_kind kind, size_t cache_size_max)
{
    struct qf_verifier *verifier = NULL;
    struct qf_error err;
    const struct qf_verifier_options options = {.kind = kind, .cache_size_max = cache_size_max};
    if (qf_verifier_new(&verifier, &options, &err) != QF_OK) {
        (void)fprintf(stderr, "%s\n", err.detail);
        exit(3);
    }
    return verifier;
}

/* Signatures per second of this thread's time over one rotation of some of the keys, from `start`
 * on; each in a call of its own, or in batches. */
static double rate(struct qf_verifier *verifier, struct fixture *fixture, size_t start,
                   size_t count, size_t batch)
{
    uint64_t before = bench_thread_ns();
    for (size_t i = 0; i < count; i += batch)
        qf_verifier_check(verifier, &fixture->items[start + i],
                          batch < count - i ? batch : count - i);
    double ns = (double)(bench_thread_ns() - before);
    for (size_t i = 0; i < count; i++)
        QF_ASSERT(fixture->items[start + i].good);
    return (double)count * 1e9 / ns;
}

struct measurement {
    const char *id;
    enum qf_sig_alg alg;
    size_t cache_size_max; /* 1: no tables */
    size_t batch;
    bool has_bar;
    double bar;
};

/* Slices of the rotation in turn, OpenSSL, fast, OpenSSL, fast: a run is one rotation of each. */
static void measure(struct bench_report *report, const struct bench_options *options,
                    struct fixture *fixture, const struct measurement *what)
{
    struct qf_verifier *openssl = verifier_new(QF_VERIFIER_OPENSSL, 0);
    struct qf_verifier *fast = verifier_new(QF_VERIFIER_AUTO, what->cache_size_max);
    for (int i = 0; i < 6; i++) {
        (void)rate(fast, fixture, 0, fixture->count, 64);
        qf_verifier_settle(fast);
    }
    (void)rate(openssl, fixture, 0, fixture->count, 1);
    struct bench_samples values = {.count = 0};
    struct bench_samples bases = {.count = 0};
    struct bench_samples ratios = {.count = 0};
    const size_t slices = 10;
    size_t slice = fixture->count / slices;
    for (int run = 0; run < options->runs; run++) {
        double value_time = 0;
        double base_time = 0;
        for (size_t i = 0; i < slices; i++) {
            base_time += 1 / rate(openssl, fixture, i * slice, slice, 1);
            value_time += 1 / rate(fast, fixture, i * slice, slice, what->batch);
        }
        bench_samples_add(&values, (double)slices / value_time);
        bench_samples_add(&bases, (double)slices / base_time);
        bench_samples_add(&ratios, base_time / value_time);
    }
    bench_report_add(report, &(struct bench_result){.id = what->id,
                                                    .value = bench_samples_median(&values),
                                                    .unit = "1/s",
                                                    .base = "OpenSSL, the same signatures",
                                                    .base_value = bench_samples_median(&bases),
                                                    .ratio = bench_samples_median(&ratios),
                                                    .has_bar = what->has_bar,
                                                    .bar = what->bar,
                                                    .better = BENCH_HIGHER,
                                                    .runs = options->runs});
    qf_verifier_free(openssl);
    qf_verifier_free(fast);
}

int bench_verify(const struct bench_options *options)
{
    static const struct measurement measurements[] = {
        {"verify.es256.hot", QF_ALG_ES256, 0, 64, true, 3},
        {"verify.es256.hot.single", QF_ALG_ES256, 0, 1, false, 0},
        {"verify.es256.cold", QF_ALG_ES256, 1, 64, true, 1.1},
        {"verify.sm2.hot", QF_ALG_SM2_SM3, 0, 64, true, 12},
        {"verify.sm2.hot.single", QF_ALG_SM2_SM3, 0, 1, false, 0},
        {"verify.sm2.cold", QF_ALG_SM2_SM3, 1, 64, true, 5},
        {"verify.eddsa", QF_ALG_EDDSA, 0, 64, true, 1.3},
        {"verify.eddsa.cold", QF_ALG_EDDSA, 1, 64, false, 0},
    };
    struct bench_report *report = bench_report_new("verify");
    struct fixture fixture = {.count = 0};
    for (size_t i = 0; i < sizeof measurements / sizeof measurements[0]; i++) {
        const struct measurement *what = &measurements[i];
        if (i == 0 || what->alg != measurements[i - 1].alg) {
            fixture_deinit(&fixture);
            fixture_init(&fixture, what->alg, options->quick ? 50 : 1000);
        }
        measure(report, options, &fixture, what);
    }
    fixture_deinit(&fixture);
    return bench_report_finish(report, options);
}
