/* FIPS 180-4 with the instructions of Intel's SHA extensions: SHA256RNDS2 does two rounds on the
 * state as (A, B, E, F) and (C, D, G, H), SHA256MSG1 and MSG2 make four words of the schedule. */
#include "crypto/sha256_nodes.h"

#include <string.h>

#ifdef QF_SHA256_NI

#include <cpuid.h>
#include <immintrin.h>

#include "base/bytes.h"

#define BLOCK_SIZE 64
#define MESSAGE_SIZE (1 + 2 * QF_HASH_SIZE)

static const uint32_t constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

bool qf_sha256_has_nodes(void)
{
    unsigned a;
    unsigned b = 0;
    unsigned c;
    unsigned d;
    return __builtin_cpu_supports("sse4.1") && __builtin_cpu_supports("ssse3") &&
           __get_cpuid_count(7, 0, &a, &b, &c, &d) == 1 && (b >> 29 & 1) == 1;
}

static __m128i swap_words(__m128i v)
{
    return _mm_shuffle_epi8(v, _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203));
}

static __m128i load(const void *at)
{
    __m128i v;
    memcpy(&v, at, sizeof v);
    return v;
}

/* One block of each of two messages. */
static void compress(__m128i abef[2], __m128i cdgh[2], const uint8_t *const blocks[2])
{
    __m128i words[2][4];
    const __m128i before_abef[2] = {abef[0], abef[1]};
    const __m128i before_cdgh[2] = {cdgh[0], cdgh[1]};
    for (int lane = 0; lane < 2; lane++)
        for (size_t i = 0; i < 4; i++)
            words[lane][i] = swap_words(load(blocks[lane] + 16 * i));
#pragma GCC unroll 16
    for (size_t step = 0; step < 16; step++) {
        const __m128i added = load(constants + 4 * step);
#pragma GCC unroll 2
        for (int lane = 0; lane < 2; lane++) {
            __m128i *w = words[lane];
            if (step >= 4) {
                __m128i part = _mm_sha256msg1_epu32(w[step & 3], w[(step + 1) & 3]);
                part =
                    _mm_add_epi32(part, _mm_alignr_epi8(w[(step + 3) & 3], w[(step + 2) & 3], 4));
                w[step & 3] = _mm_sha256msg2_epu32(part, w[(step + 3) & 3]);
            }
            __m128i sum = _mm_add_epi32(w[step & 3], added);
            cdgh[lane] = _mm_sha256rnds2_epu32(cdgh[lane], abef[lane], sum);
            abef[lane] =
                _mm_sha256rnds2_epu32(abef[lane], cdgh[lane], _mm_shuffle_epi32(sum, 0x0e));
        }
    }
    for (int lane = 0; lane < 2; lane++) {
        abef[lane] = _mm_add_epi32(abef[lane], before_abef[lane]);
        cdgh[lane] = _mm_add_epi32(cdgh[lane], before_cdgh[lane]);
    }
}

static void store(uint8_t out[QF_HASH_SIZE], __m128i abef, __m128i cdgh)
{
    __m128i feba = _mm_shuffle_epi32(abef, 0x1b);
    __m128i dchg = _mm_shuffle_epi32(cdgh, 0xb1);
    __m128i low = swap_words(_mm_blend_epi16(feba, dchg, 0xf0));
    __m128i high = swap_words(_mm_alignr_epi8(dchg, feba, 8));
    memcpy(out, &low, sizeof low);
    memcpy(out + sizeof low, &high, sizeof high);
}

void qf_sha256_two_pairs(uint8_t prefix, uint8_t out[2][QF_HASH_SIZE],
                         const uint8_t pairs[4][QF_HASH_SIZE])
{
    uint8_t messages[2][2 * BLOCK_SIZE] = {{0}};
    __m128i abef[2];
    __m128i cdgh[2];
    for (size_t lane = 0; lane < 2; lane++) {
        uint8_t *message = messages[lane];
        message[0] = prefix;
        memcpy(message + 1, pairs[2 * lane], (size_t)2 * QF_HASH_SIZE);
        message[MESSAGE_SIZE] = 0x80;
        qf_be64_store(message + sizeof messages[lane] - 8, (uint64_t)MESSAGE_SIZE * 8);
        abef[lane] = _mm_set_epi32(0x6a09e667, (int)0xbb67ae85, 0x510e527f, (int)0x9b05688c);
        cdgh[lane] = _mm_set_epi32(0x3c6ef372, (int)0xa54ff53a, 0x1f83d9ab, 0x5be0cd19);
    }
    for (size_t block = 0; block < 2; block++) {
        const uint8_t *const blocks[2] = {messages[0] + block * BLOCK_SIZE,
                                          messages[1] + block * BLOCK_SIZE};
        compress(abef, cdgh, blocks);
    }
    for (size_t lane = 0; lane < 2; lane++)
        store(out[lane], abef[lane], cdgh[lane]);
}

#else

bool qf_sha256_has_nodes(void)
{
    return false;
}

void qf_sha256_two_pairs(uint8_t prefix, uint8_t out[2][QF_HASH_SIZE],
                         const uint8_t pairs[4][QF_HASH_SIZE])
{
    const struct qf_slice first = {&prefix, sizeof prefix};
    for (size_t i = 0; i < 2; i++) {
        const struct qf_slice parts[] = {first, {pairs[2 * i], (size_t)2 * QF_HASH_SIZE}};
        qf_hash_parts(QF_HASH_SHA256, out[i], parts, 2);
    }
}

#endif
