/* SHA-256 and SM3 through EVP. A tree node costs 0.107 µs this way and 0.096 µs through the
 * deprecated SHA256_Init/Update/Final (SHA-NI, OpenSSL 3.0): the tenth is not worth leaving the
 * provider interface, which is also where SM3 and FIPS modules are. What does cost is fetching
 * (0.2 µs and a lock) and a context per call, so both are kept. */
#include "crypto/hash.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/status.h"
#include "crypto/sha256_nodes.h"
#include "crypto/sm3_many.h"

/* Of fewer messages, OpenSSL one by one is quicker than a register that is mostly empty. */
#define SM3_TOGETHER_MIN 3
#define ALG_COUNT 3 /* indexed by enum qf_hash_alg; 0 is unused */

struct thread_contexts {
    EVP_MD_CTX *of[ALG_COUNT];
};

struct qf_hasher {
    enum qf_hash_alg alg;
    EVP_MD_CTX *ctx;
};

static EVP_MD *digests[ALG_COUNT];
static bool two_pairs;             /* SHA-256 has them */
static pthread_key_t contexts_key; /* frees a thread's contexts when it ends */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static _Thread_local struct thread_contexts contexts;

static void free_contexts(void *arg)
{
    struct thread_contexts *mine = arg;
    for (size_t i = 0; i < ALG_COUNT; i++) {
        EVP_MD_CTX_free(mine->of[i]);
        mine->of[i] = NULL;
    }
}

static void fetch_digests(void)
{
    digests[QF_HASH_SHA256] = EVP_MD_fetch(NULL, "SHA256", NULL);
    digests[QF_HASH_SM3] = EVP_MD_fetch(NULL, "SM3", NULL);
    QF_ASSERT(digests[QF_HASH_SHA256] != NULL && digests[QF_HASH_SM3] != NULL);
    two_pairs = qf_sha256_has_nodes();
    QF_ASSERT(pthread_key_create(&contexts_key, free_contexts) == 0);
}

static EVP_MD *digest_of(enum qf_hash_alg alg)
{
    QF_ASSERT(alg == QF_HASH_SHA256 || alg == QF_HASH_SM3);
    QF_ASSERT(pthread_once(&once, fetch_digests) == 0);
    return digests[alg];
}

static EVP_MD_CTX *new_context(enum qf_hash_alg alg)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    QF_ASSERT(ctx != NULL && EVP_DigestInit_ex2(ctx, digest_of(alg), NULL) == 1);
    return ctx;
}

/* This thread's context, ready for a new message. */
static EVP_MD_CTX *start(enum qf_hash_alg alg)
{
    QF_ASSERT(alg == QF_HASH_SHA256 || alg == QF_HASH_SM3);
    EVP_MD_CTX *ctx = contexts.of[alg];
    if (ctx == NULL) {
        ctx = new_context(alg);
        contexts.of[alg] = ctx;
        QF_ASSERT(pthread_setspecific(contexts_key, &contexts) == 0);
        return ctx;
    }
    QF_ASSERT(EVP_DigestInit_ex2(ctx, NULL, NULL) == 1);
    return ctx;
}

static void add(EVP_MD_CTX *ctx, struct qf_slice bytes)
{
    if (bytes.size > 0)
        QF_ASSERT(EVP_DigestUpdate(ctx, bytes.data, bytes.size) == 1);
}

static void finish(EVP_MD_CTX *ctx, uint8_t out[QF_HASH_SIZE])
{
    unsigned size = 0;
    QF_ASSERT(EVP_DigestFinal_ex(ctx, out, &size) == 1 && size == QF_HASH_SIZE);
}

const char *qf_hash_alg_name(enum qf_hash_alg alg)
{
    QF_ASSERT(alg == QF_HASH_SHA256 || alg == QF_HASH_SM3);
    return alg == QF_HASH_SHA256 ? "sha-256" : "sm3";
}

bool qf_hash_alg_parse(enum qf_hash_alg *out, struct qf_slice name)
{
    if (qf_slice_is(name, "sha-256"))
        *out = QF_HASH_SHA256;
    else if (qf_slice_is(name, "sm3"))
        *out = QF_HASH_SM3;
    else
        return false;
    return true;
}

void qf_hash(enum qf_hash_alg alg, uint8_t out[QF_HASH_SIZE], struct qf_slice bytes)
{
    EVP_MD_CTX *ctx = start(alg);
    add(ctx, bytes);
    finish(ctx, out);
}

void qf_hash_parts(enum qf_hash_alg alg, uint8_t out[QF_HASH_SIZE], const struct qf_slice *parts,
                   size_t count)
{
    EVP_MD_CTX *ctx = start(alg);
    for (size_t i = 0; i < count; i++)
        add(ctx, parts[i]);
    finish(ctx, out);
}

void qf_hash_many(enum qf_hash_alg alg, const struct qf_hash_job *jobs, size_t count)
{
    if (alg == QF_HASH_SM3 && count >= SM3_TOGETHER_MIN) {
        qf_sm3_many(jobs, count, qf_sm3_lanes_best());
        return;
    }
    for (size_t i = 0; i < count; i++)
        qf_hash_parts(alg, jobs[i].out, jobs[i].parts, QF_HASH_JOB_PARTS);
}

void qf_hash_leaf(enum qf_hash_alg alg, uint8_t out[QF_HASH_SIZE], struct qf_slice entry)
{
    static const uint8_t prefix[1] = {0x00};
    EVP_MD_CTX *ctx = start(alg);
    add(ctx, qf_slice_make(prefix, sizeof prefix));
    add(ctx, entry);
    finish(ctx, out);
}

void qf_hash_node(enum qf_hash_alg alg, uint8_t out[QF_HASH_SIZE], const uint8_t left[QF_HASH_SIZE],
                  const uint8_t right[QF_HASH_SIZE])
{
    /* One update of 65 bytes: two more updates would cost a sixth. */
    uint8_t node[1 + 2 * QF_HASH_SIZE];
    node[0] = 0x01;
    memcpy(node + 1, left, QF_HASH_SIZE);
    memcpy(node + 1 + QF_HASH_SIZE, right, QF_HASH_SIZE);
    qf_hash(alg, out, qf_slice_make(node, sizeof node));
}

static void hash_pairs(enum qf_hash_alg alg, uint8_t prefix, uint8_t (*out)[QF_HASH_SIZE],
                       const uint8_t (*pairs)[QF_HASH_SIZE], size_t count)
{
    size_t done = 0;
    QF_ASSERT(pthread_once(&once, fetch_digests) == 0);
    if (alg == QF_HASH_SHA256 && two_pairs)
        for (; done + 2 <= count; done += 2)
            qf_sha256_two_pairs(prefix, out + done, pairs + 2 * done);
    while (alg == QF_HASH_SM3 && count - done >= SM3_TOGETHER_MIN) {
        size_t lanes = qf_sm3_lanes_best();
        size_t now = count - done < lanes ? count - done : lanes;
        qf_sm3_pairs(prefix, out + done, pairs + 2 * done, now, lanes);
        done += now;
    }
    for (; done < count; done++) {
        uint8_t message[1 + 2 * QF_HASH_SIZE];
        message[0] = prefix;
        memcpy(message + 1, pairs[2 * done], sizeof message - 1);
        qf_hash(alg, out[done], qf_slice_make(message, sizeof message));
    }
}

void qf_hash_nodes(enum qf_hash_alg alg, uint8_t (*out)[QF_HASH_SIZE],
                   const uint8_t (*children)[QF_HASH_SIZE], size_t count)
{
    hash_pairs(alg, 0x01, out, children, count);
}

void qf_hash_leaf_pairs(enum qf_hash_alg alg, uint8_t (*out)[QF_HASH_SIZE],
                        const uint8_t (*entries)[QF_HASH_SIZE], size_t count)
{
    hash_pairs(alg, 0x00, out, entries, count);
}

void qf_hmac(enum qf_hash_alg alg, uint8_t out[QF_HASH_SIZE], struct qf_slice key,
             struct qf_slice bytes)
{
    QF_ASSERT(key.size <= INT32_MAX);
    unsigned size = 0;
    static const uint8_t nothing[1] = {0};
    const uint8_t *key_data = key.size > 0 ? key.data : nothing;
    const uint8_t *data = bytes.size > 0 ? bytes.data : nothing;
    QF_ASSERT(HMAC(digest_of(alg), key_data, (int)key.size, data, bytes.size, out, &size) != NULL);
    QF_ASSERT(size == QF_HASH_SIZE);
}

struct qf_hasher *qf_hasher_new(enum qf_hash_alg alg)
{
    struct qf_hasher *hasher = malloc(sizeof *hasher);
    QF_ASSERT(hasher != NULL);
    hasher->alg = alg;
    hasher->ctx = new_context(alg);
    return hasher;
}

void qf_hasher_add(struct qf_hasher *hasher, struct qf_slice bytes)
{
    add(hasher->ctx, bytes);
}

void qf_hasher_finish(struct qf_hasher *hasher, uint8_t out[QF_HASH_SIZE])
{
    finish(hasher->ctx, out);
    QF_ASSERT(EVP_DigestInit_ex2(hasher->ctx, NULL, NULL) == 1);
}

void qf_hasher_free(struct qf_hasher *hasher)
{
    if (hasher == NULL)
        return;
    EVP_MD_CTX_free(hasher->ctx);
    free(hasher);
}
