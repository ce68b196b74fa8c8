/* Integers in network byte order, and memory that holds secrets. */
#ifndef QF_BASE_BYTES_H
#define QF_BASE_BYTES_H

#include <stddef.h>
#include <stdint.h>

static inline void qf_be16_store(uint8_t out[2], uint16_t v)
{
    out[0] = (uint8_t)(v >> 8);
    out[1] = (uint8_t)v;
}

static inline void qf_be32_store(uint8_t out[4], uint32_t v)
{
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(v >> (24 - 8 * i));
}

static inline void qf_be64_store(uint8_t out[8], uint64_t v)
{
    for (int i = 0; i < 8; i++)
        out[i] = (uint8_t)(v >> (56 - 8 * i));
}

static inline uint16_t qf_be16_load(const uint8_t in[2])
{
    return (uint16_t)((in[0] << 8) | in[1]);
}

static inline uint32_t qf_be32_load(const uint8_t in[4])
{
    uint32_t v = 0;
    for (int i = 0; i < 4; i++)
        v = (v << 8) | in[i];
    return v;
}

static inline uint64_t qf_be64_load(const uint8_t in[8])
{
    uint64_t v = 0;
    for (int i = 0; i < 8; i++)
        v = (v << 8) | in[i];
    return v;
}

/* Clears memory that held a secret; not optimised away. */
void qf_wipe(void *data, size_t size);

/* Whether two areas are equal, in time that depends on `size` only. */
int qf_equal_ct(const void *a, const void *b, size_t size);

#endif
