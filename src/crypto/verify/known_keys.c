#include "crypto/verify/known_keys.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/io.h"
#include "crypto/evp.h"

#define SHARDS 16 /* threads that look up different keys seldom meet */

struct shard {
    _Alignas(64) pthread_mutex_t lock;
    struct qf_known_key **buckets;
    struct qf_known_key *newest;
    struct qf_known_key *oldest;
    size_t count;
};

struct qf_known_keys {
    struct qf_known_keys_options options;
    uint64_t seed[4];
    size_t shard_keys_max;
    size_t bucket_count; /* of a shard; a power of two */
    struct shard shards[SHARDS];
};

__extension__ typedef unsigned __int128 uint128;

static uint64_t fold(uint64_t a, uint64_t b)
{
    uint128 product = (uint128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t hash_of(const struct qf_known_keys *keys, const struct qf_public_key *key)
{
    uint64_t hash = keys->seed[0] ^ (uint64_t)key->alg;
    for (size_t i = 0; i < QF_PUBLIC_KEY_SIZE_MAX; i += 16)
        hash = fold(qf_be64_load(key->bytes + i) ^ keys->seed[1] ^ hash,
                    qf_be64_load(key->bytes + i + 8) ^ keys->seed[2]);
    return fold(hash ^ keys->seed[3], keys->seed[1] | 1);
}

static bool same_key(const struct qf_public_key *a, const struct qf_public_key *b)
{
    return a->alg == b->alg && a->size == b->size &&
           memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

static struct shard *shard_of(struct qf_known_keys *keys, uint64_t hash)
{
    return &keys->shards[hash % SHARDS];
}

static struct qf_known_key **bucket_of(struct qf_known_keys *keys, struct shard *shard,
                                       uint64_t hash)
{
    return &shard->buckets[(hash / SHARDS) & (keys->bucket_count - 1)];
}

static void lock(struct shard *shard)
{
    QF_ASSERT(pthread_mutex_lock(&shard->lock) == 0);
}

static void unlock(struct shard *shard)
{
    QF_ASSERT(pthread_mutex_unlock(&shard->lock) == 0);
}

static void list_remove(struct shard *shard, struct qf_known_key *entry)
{
    *(entry->newer != NULL ? &entry->newer->older : &shard->newest) = entry->older;
    *(entry->older != NULL ? &entry->older->newer : &shard->oldest) = entry->newer;
}

static void list_push(struct shard *shard, struct qf_known_key *entry)
{
    entry->newer = NULL;
    entry->older = shard->newest;
    *(shard->newest != NULL ? &shard->newest->newer : &shard->oldest) = entry;
    shard->newest = entry;
}

/* GB/T 32918.2 5.5: ZA = H(bits of the id ‖ id ‖ a ‖ b ‖ x of G ‖ y of G ‖ x ‖ y). */
static void za_of(uint8_t out[QF_HASH_SIZE], const struct qf_public_key *key)
{
    static const uint8_t curve[] = {
        0xff, 0xff, 0xff, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xfc, 0x28, 0xe9, 0xfa, 0x9e, 0x9d, 0x9f, 0x5e, 0x34, 0x4d, 0x5a, 0x9e, 0x4b, 0xcf,
        0x65, 0x09, 0xa7, 0xf3, 0x97, 0x89, 0xf5, 0x15, 0xab, 0x8f, 0x92, 0xdd, 0xbc, 0xbd, 0x41,
        0x4d, 0x94, 0x0e, 0x93, 0x32, 0xc4, 0xae, 0x2c, 0x1f, 0x19, 0x81, 0x19, 0x5f, 0x99, 0x04,
        0x46, 0x6a, 0x39, 0xc9, 0x94, 0x8f, 0xe3, 0x0b, 0xbf, 0xf2, 0x66, 0x0b, 0xe1, 0x71, 0x5a,
        0x45, 0x89, 0x33, 0x4c, 0x74, 0xc7, 0xbc, 0x37, 0x36, 0xa2, 0xf4, 0xf6, 0x77, 0x9c, 0x59,
        0xbd, 0xce, 0xe3, 0x6b, 0x69, 0x21, 0x53, 0xd0, 0xa9, 0x87, 0x7c, 0xc6, 0x2a, 0x47, 0x40,
        0x02, 0xdf, 0x32, 0xe5, 0x21, 0x39, 0xf0, 0xa0,
    };
    static const uint8_t id_bits[] = {0, QF_SM2_ID_SIZE * 8};
    const struct qf_slice parts[] = {
        {id_bits, sizeof id_bits},
        {(const uint8_t *)QF_SM2_ID, QF_SM2_ID_SIZE},
        {curve, sizeof curve},
        {key->bytes, key->size},
    };
    qf_hash_parts(QF_HASH_SM3, out, parts, sizeof parts / sizeof parts[0]);
}

static struct qf_known_key *entry_new(struct qf_known_keys *keys, const struct qf_public_key *key)
{
    size_t size = sizeof(struct qf_known_key) + keys->options.extra_size;
    void *memory = NULL;
    QF_ASSERT(posix_memalign(&memory, _Alignof(struct qf_known_key), size) == 0);
    memset(memory, 0, size);
    struct qf_known_key *entry = memory;
    entry->key = *key;
    if (key->alg == QF_ALG_SM2_SM3)
        za_of(entry->za, key);
    if (keys->options.init != NULL)
        keys->options.init(keys->options.self, entry);
    return entry;
}

static void entry_free(struct qf_known_keys *keys, struct qf_known_key *entry)
{
    if (keys->options.deinit != NULL)
        keys->options.deinit(keys->options.self, entry);
    void *ctx = atomic_load(&entry->idle_ctx);
    if (entry->key.alg == QF_ALG_EDDSA)
        EVP_MD_CTX_free(ctx);
    else
        EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(atomic_load(&entry->pkey));
    free(entry);
}

static void remove_from_bucket(struct qf_known_keys *keys, struct shard *shard,
                               struct qf_known_key *entry)
{
    struct qf_known_key **at = bucket_of(keys, shard, entry->hash);
    while (*at != entry)
        at = &(*at)->next_hash;
    *at = entry->next_hash;
}

/* Makes room for one more entry; false when all are pinned. */
static bool make_room(struct qf_known_keys *keys, struct shard *shard)
{
    if (shard->count < keys->shard_keys_max)
        return true;
    struct qf_known_key *victim = shard->oldest;
    while (victim != NULL && victim->pins > 0)
        victim = victim->newer;
    if (victim == NULL)
        return false;
    list_remove(shard, victim);
    remove_from_bucket(keys, shard, victim);
    shard->count--;
    entry_free(keys, victim);
    return true;
}

struct qf_known_key *qf_known_keys_get(struct qf_known_keys *keys, const struct qf_public_key *key)
{
    uint64_t hash = hash_of(keys, key);
    struct shard *shard = shard_of(keys, hash);
    struct qf_known_key **bucket = bucket_of(keys, shard, hash);
    lock(shard);
    struct qf_known_key *entry = *bucket;
    while (entry != NULL && (entry->hash != hash || !same_key(&entry->key, key)))
        entry = entry->next_hash;
    if (entry != NULL) {
        if (shard->newest != entry) {
            list_remove(shard, entry);
            list_push(shard, entry);
        }
    } else {
        entry = entry_new(keys, key);
        entry->hash = hash;
        entry->stray = !make_room(keys, shard);
        if (!entry->stray) {
            entry->next_hash = *bucket;
            *bucket = entry;
            list_push(shard, entry);
            shard->count++;
        }
    }
    entry->pins++;
    unlock(shard);
    return entry;
}

void qf_known_keys_release(struct qf_known_keys *keys, struct qf_known_key *entry)
{
    struct shard *shard = shard_of(keys, entry->hash);
    lock(shard);
    QF_ASSERT(entry->pins > 0);
    entry->pins--;
    if (entry->stray)
        entry_free(keys, entry);
    unlock(shard);
}

size_t qf_known_keys_count(struct qf_known_keys *keys)
{
    size_t count = 0;
    for (size_t i = 0; i < SHARDS; i++) {
        lock(&keys->shards[i]);
        count += keys->shards[i].count;
        unlock(&keys->shards[i]);
    }
    return count;
}

enum qf_status qf_known_keys_new(struct qf_known_keys **out,
                                 const struct qf_known_keys_options *options, struct qf_error *err)
{
    QF_ASSERT(options->keys_max >= SHARDS);
    void *memory = NULL;
    if (posix_memalign(&memory, _Alignof(struct qf_known_keys), sizeof(struct qf_known_keys)) != 0)
        return qf_fail(err, QF_NO_MEMORY, "verifier", "no memory for the keys");
    struct qf_known_keys *keys = memory;
    *keys = (struct qf_known_keys){
        .options = *options, .shard_keys_max = options->keys_max / SHARDS, .bucket_count = 1};
    while (keys->bucket_count < keys->shard_keys_max)
        keys->bucket_count *= 2;
    for (size_t i = 0; i < SHARDS; i++)
        QF_ASSERT(pthread_mutex_init(&keys->shards[i].lock, NULL) == 0);
    struct qf_random random = qf_random_system();
    enum qf_status status = random.fill(random.self, (uint8_t *)keys->seed, sizeof keys->seed);
    if (status != QF_OK) {
        qf_known_keys_free(keys);
        return qf_fail(err, status, "verifier", "no random bytes");
    }
    for (size_t i = 0; i < SHARDS; i++) {
        keys->shards[i].buckets = calloc(keys->bucket_count, sizeof *keys->shards[i].buckets);
        if (keys->shards[i].buckets == NULL) {
            qf_known_keys_free(keys);
            return qf_fail(err, QF_NO_MEMORY, "verifier", "no memory for the keys");
        }
    }
    *out = keys;
    return QF_OK;
}

void qf_known_keys_free(struct qf_known_keys *keys)
{
    if (keys == NULL)
        return;
    for (size_t i = 0; i < SHARDS; i++) {
        struct shard *shard = &keys->shards[i];
        struct qf_known_key *entry = shard->newest;
        while (entry != NULL) {
            struct qf_known_key *older = entry->older;
            QF_ASSERT(entry->pins == 0);
            entry_free(keys, entry);
            entry = older;
        }
        free(shard->buckets);
        pthread_mutex_destroy(&shard->lock);
    }
    free(keys);
}
