#include "crypto/sm3_many.h"

#include "base/bytes.h"
#include "base/status.h"

#define BLOCK_SIZE 64

/* A message on its way through a lane. */
struct reader {
    const struct qf_hash_job *job; /* NULL: the lane is idle */
    size_t part;
    size_t at;     /* in the part */
    uint64_t size; /* of the whole message */
    bool marked;   /* the bit after the message was put */
    bool last;     /* the block with the length was given */
};

static const uint32_t initial[8] = {0x7380166f, 0x4914b2b9, 0x172442d7, 0xda8a0600,
                                    0xa96f30bc, 0x163138aa, 0xe38dee4d, 0xb0fb0e4e};

size_t qf_sm3_lanes_best(void)
{
#if defined(QF_SM3_X86)
    if (__builtin_cpu_supports("avx512f"))
        return 16;
    if (__builtin_cpu_supports("avx2"))
        return 8;
#endif
    return 4;
}

static qf_sm3_fn *function_of(size_t lanes)
{
    QF_ASSERT(lanes <= qf_sm3_lanes_best());
    switch (lanes) {
#if defined(QF_SM3_X86)
    case 16:
        return qf_sm3_lanes_16;
    case 8:
        return qf_sm3_lanes_8;
#endif
    case 4:
        return qf_sm3_lanes_4;
    default:
        QF_ASSERT(lanes == 1);
        return qf_sm3_lanes_1;
    }
}

static void reader_start(struct reader *reader, const struct qf_hash_job *job)
{
    *reader = (struct reader){.job = job};
    for (size_t i = 0; i < QF_HASH_JOB_PARTS; i++)
        reader->size += job->parts[i].size;
}

/* The next block of the message: its bytes, then a bit, zeros and the length in bits. */
static void reader_next(struct reader *reader, uint8_t block[BLOCK_SIZE])
{
    size_t filled = 0;
    while (filled < BLOCK_SIZE && reader->part < QF_HASH_JOB_PARTS) {
        const struct qf_slice *part = &reader->job->parts[reader->part];
        size_t some = part->size - reader->at;
        if (some > BLOCK_SIZE - filled)
            some = BLOCK_SIZE - filled;
        if (some > 0)
            memcpy(block + filled, part->data + reader->at, some);
        filled += some;
        reader->at += some;
        if (reader->at == part->size) {
            reader->part++;
            reader->at = 0;
        }
    }
    if (filled >= BLOCK_SIZE)
        return;
    memset(block + filled, 0, BLOCK_SIZE - filled);
    if (!reader->marked)
        block[filled++] = 0x80;
    reader->marked = true;
    if (filled <= BLOCK_SIZE - 8) {
        qf_be64_store(block + BLOCK_SIZE - 8, reader->size * 8);
        reader->last = true;
    }
}

static void lane_words(uint32_t *words, size_t lanes, size_t lane, const uint8_t block[BLOCK_SIZE])
{
    for (size_t i = 0; i < 16; i++)
        words[i * lanes + lane] = qf_be32_load(block + 4 * i);
}

static void lane_finish(const uint32_t *state, size_t lanes, size_t lane, uint8_t *out)
{
    for (size_t i = 0; i < 8; i++)
        qf_be32_store(out + 4 * i, state[i * lanes + lane]);
}

static void lane_start(uint32_t *state, size_t lanes, size_t lane)
{
    for (size_t i = 0; i < 8; i++)
        state[i * lanes + lane] = initial[i];
}

/* The rest of one message by itself: from three idle lanes in four on, that is quicker. */
static void finish_alone(struct reader *reader, const uint32_t *state, size_t lanes, size_t lane)
{
    uint32_t own[8];
    for (size_t i = 0; i < 8; i++)
        own[i] = state[i * lanes + lane];
    while (!reader->last) {
        uint8_t block[BLOCK_SIZE];
        uint32_t words[16];
        reader_next(reader, block);
        lane_words(words, 1, 0, block);
        qf_sm3_lanes_1(own, words);
    }
    lane_finish(own, 1, 0, reader->job->out);
}

void qf_sm3_many(const struct qf_hash_job *jobs, size_t count, size_t lanes)
{
    _Alignas(64) uint32_t state[8 * QF_SM3_LANES_MAX];
    _Alignas(64) uint32_t words[16 * QF_SM3_LANES_MAX];
    struct reader readers[QF_SM3_LANES_MAX];
    qf_sm3_fn *compress = function_of(lanes);
    size_t next = 0;
    size_t busy = 0;
    memset(words, 0, sizeof words);
    for (size_t lane = 0; lane < lanes; lane++) {
        readers[lane].job = NULL;
        lane_start(state, lanes, lane);
        if (next < count) {
            reader_start(&readers[lane], &jobs[next++]);
            busy++;
        }
    }
    while (busy > lanes / 4 || (busy > 0 && next < count)) {
        for (size_t lane = 0; lane < lanes; lane++) {
            uint8_t block[BLOCK_SIZE];
            if (readers[lane].job == NULL)
                continue;
            reader_next(&readers[lane], block);
            lane_words(words, lanes, lane, block);
        }
        compress(state, words);
        for (size_t lane = 0; lane < lanes; lane++) {
            if (readers[lane].job == NULL || !readers[lane].last)
                continue;
            lane_finish(state, lanes, lane, readers[lane].job->out);
            lane_start(state, lanes, lane);
            readers[lane].job = NULL;
            if (next < count)
                reader_start(&readers[lane], &jobs[next++]);
            else
                busy--;
        }
    }
    for (size_t lane = 0; lane < lanes; lane++)
        if (readers[lane].job != NULL)
            finish_alone(&readers[lane], state, lanes, lane);
}

/* All messages have 65 bytes: a block that holds all of the pair but its last byte, and a block
 * with that byte, the bit after it and the length. Made for each width by itself, since packing
 * costs more than hashing when the width is not known. */
static inline __attribute__((always_inline)) void
hash_pairs(uint8_t prefix, uint8_t (*out)[QF_HASH_SIZE], const uint8_t (*pairs)[QF_HASH_SIZE],
           size_t count, const size_t lanes, qf_sm3_fn *compress)
{
    enum { PAIR = 2 * QF_HASH_SIZE };
    _Alignas(64) uint32_t state[8 * QF_SM3_LANES_MAX];
    _Alignas(64) uint32_t words[16 * QF_SM3_LANES_MAX] = {0};
    for (size_t lane = 0; lane < count; lane++) {
        const uint8_t *pair = pairs[2 * lane];
        words[lane] = (uint32_t)prefix << 24 | qf_be32_load(pair) >> 8;
        for (size_t i = 1; i < 16; i++)
            words[i * lanes + lane] = qf_be32_load(pair + 4 * i - 1);
    }
    for (size_t i = 0; i < 8; i++)
        for (size_t lane = 0; lane < lanes; lane++)
            state[i * lanes + lane] = initial[i];
    compress(state, words);
    memset(words, 0, sizeof words);
    for (size_t lane = 0; lane < lanes; lane++) {
        if (lane < count)
            words[lane] = (uint32_t)pairs[2 * lane + 1][QF_HASH_SIZE - 1] << 24 | 0x00800000u;
        words[15 * lanes + lane] = (1 + PAIR) * 8;
    }
    compress(state, words);
    for (size_t lane = 0; lane < count; lane++)
        lane_finish(state, lanes, lane, out[lane]);
}

void qf_sm3_pairs(uint8_t prefix, uint8_t (*out)[QF_HASH_SIZE],
                  const uint8_t (*pairs)[QF_HASH_SIZE], size_t count, size_t lanes)
{
    QF_ASSERT(count <= lanes);
    qf_sm3_fn *compress = function_of(lanes);
    switch (lanes) {
    case 16:
        hash_pairs(prefix, out, pairs, count, 16, compress);
        break;
    case 8:
        hash_pairs(prefix, out, pairs, count, 8, compress);
        break;
    default:
        hash_pairs(prefix, out, pairs, count, lanes, compress);
        break;
    }
}
