#include "crypto/verify/verify.h"

#include <stdlib.h>

#include "base/limits.h"
#include "crypto/verify/internal.h"
#ifdef QF_FAST_VERIFY
#include "crypto/verify/verify_fast.h"
#endif

struct qf_verifier {
    struct qf_verify_impl impl;
    struct qf_known_keys *keys;
};

static void check_openssl(void *self, struct qf_verify_task *tasks, size_t count)
{
    (void)self;
    for (size_t i = 0; i < count; i++)
        tasks[i].good = qf_verify_openssl(tasks[i].key, &tasks[i]);
}

static enum qf_status impl_new(struct qf_verify_impl *out,
                               const struct qf_verifier_options *options, struct qf_error *err)
{
    *out = (struct qf_verify_impl){
        .name = "openssl", .keys = {.keys_max = QF_VERIFY_KEYS_MAX}, .check = check_openssl};
    if (options->kind == QF_VERIFIER_OPENSSL)
        return QF_OK;
#ifdef QF_FAST_VERIFY
    size_t size =
        options->cache_size_max > 0 ? options->cache_size_max : QF_VERIFY_CACHE_SIZE_DEFAULT;
    return qf_verify_fast_new(out, size, qf_arith_best(), err);
#else
    if (options->kind == QF_VERIFIER_FAST)
        return qf_fail(err, QF_UNAVAILABLE, "verifier", "the fast verifier was not built");
    return QF_OK;
#endif
}

enum qf_status qf_verifier_new(struct qf_verifier **out, const struct qf_verifier_options *options,
                               struct qf_error *err)
{
    struct qf_verify_impl impl;
    enum qf_status status = impl_new(&impl, options, err);
    if (status != QF_OK)
        return status;
    return qf_verifier_of(out, &impl, err);
}

enum qf_status qf_verifier_of(struct qf_verifier **out, const struct qf_verify_impl *impl,
                              struct qf_error *err)
{
    struct qf_verifier *verifier = calloc(1, sizeof *verifier);
    if (verifier == NULL) {
        if (impl->free != NULL)
            impl->free(impl->self);
        return qf_fail(err, QF_NO_MEMORY, "verifier", "no memory");
    }
    verifier->impl = *impl;
    enum qf_status status = qf_known_keys_new(&verifier->keys, &impl->keys, err);
    if (status != QF_OK) {
        qf_verifier_free(verifier);
        return status;
    }
    *out = verifier;
    return QF_OK;
}

const struct qf_verify_impl *qf_verifier_impl(const struct qf_verifier *verifier)
{
    return &verifier->impl;
}

void qf_verifier_free(struct qf_verifier *verifier)
{
    if (verifier == NULL)
        return;
    qf_known_keys_free(verifier->keys);
    if (verifier->impl.free != NULL)
        verifier->impl.free(verifier->impl.self);
    free(verifier);
}

const char *qf_verifier_name(const struct qf_verifier *verifier)
{
    return verifier->impl.name;
}

void qf_verifier_settle(struct qf_verifier *verifier)
{
    if (verifier->impl.settle != NULL)
        verifier->impl.settle(verifier->impl.self);
}

struct qf_verifier_stats qf_verifier_stats(struct qf_verifier *verifier)
{
    struct qf_verifier_stats stats = {.keys = qf_known_keys_count(verifier->keys)};
    if (verifier->impl.stats != NULL)
        verifier->impl.stats(verifier->impl.self, &stats);
    return stats;
}

/* The digests of all tasks: SHA-256 one by one, SM3 of all ZA ‖ message together. */
static void hash_messages(struct qf_verify_task *tasks, size_t count)
{
    struct qf_hash_job jobs[QF_VERIFY_BATCH_MAX];
    size_t job_count = 0;
    for (size_t i = 0; i < count; i++) {
        struct qf_verify_task *task = &tasks[i];
        switch (task->key->key.alg) {
        case QF_ALG_ES256:
            qf_hash(QF_HASH_SHA256, task->digest, task->message);
            break;
        case QF_ALG_SM2_SM3:
            jobs[job_count++] = (struct qf_hash_job){
                .parts = {{task->key->za, sizeof task->key->za}, task->message},
                .out = task->digest};
            break;
        case QF_ALG_EDDSA:
            break;
        }
    }
    qf_hash_many(QF_HASH_SM3, jobs, job_count);
}

static void check_batch(struct qf_verifier *verifier, struct qf_verify_item *items, size_t count)
{
    struct qf_verify_task tasks[QF_VERIFY_BATCH_MAX];
    QF_ASSERT(count <= QF_VERIFY_BATCH_MAX);
    for (size_t i = 0; i < count; i++) {
        const struct qf_public_key *key = items[i].key;
        QF_ASSERT(key->alg >= QF_ALG_ES256 && key->alg <= QF_ALG_SM2_SM3);
        QF_ASSERT(key->size == (key->alg == QF_ALG_EDDSA ? 32 : 64));
        tasks[i].key = qf_known_keys_get(verifier->keys, key);
        tasks[i].message = items[i].message;
        tasks[i].signature = items[i].signature;
        tasks[i].good = false;
    }
    hash_messages(tasks, count);
    verifier->impl.check(verifier->impl.self, tasks, count);
    for (size_t i = 0; i < count; i++) {
        items[i].good = tasks[i].good;
        qf_known_keys_release(verifier->keys, tasks[i].key);
    }
}

void qf_verifier_check(struct qf_verifier *verifier, struct qf_verify_item *items, size_t count)
{
    while (count > 0) {
        size_t some = count < QF_VERIFY_BATCH_MAX ? count : QF_VERIFY_BATCH_MAX;
        check_batch(verifier, items, some);
        items += some;
        count -= some;
    }
}

bool qf_verifier_check_one(struct qf_verifier *verifier, const struct qf_public_key *key,
                           struct qf_slice message, const uint8_t signature[QF_SIGNATURE_SIZE])
{
    struct qf_verify_item item = {.key = key, .message = message, .signature = signature};
    check_batch(verifier, &item, 1);
    return item.good;
}
